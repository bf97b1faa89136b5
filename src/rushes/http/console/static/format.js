/** Numbers, money and time in words. */

const LOCALE = "en-GB";

const whole = new Intl.NumberFormat(LOCALE);
const instants = new Intl.DateTimeFormat(LOCALE, {
  year: "numeric", month: "short", day: "numeric",
  hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false,
});
const days = new Intl.DateTimeFormat(LOCALE, { year: "numeric", month: "short", day: "numeric" });
const UNITS = [
  ["d", 86_400],
  ["h", 3_600],
  ["min", 60],
];

/** `12345` → `12,345`. */
export const count = (number) => whole.format(number);

/** Unix seconds as an instant of the visitor's own clock. */
export const instant = (at) => instants.format(at * 1000);

/** Unix seconds as a day. */
export const day = (at) => days.format(at * 1000);

/** Seconds in at most two units: `93` → `1 min 33 s`. */
export function lasting(seconds) {
  if (seconds == null) return "–";
  if (seconds < 60) return `${seconds < 10 ? Math.round(seconds * 10) / 10 : Math.round(seconds)} s`;
  const place = UNITS.findIndex(([, length]) => seconds >= length);
  const [unit, length] = UNITS[place];
  const [smaller, part] = UNITS[place + 1] ?? ["s", 1];
  const rest = Math.round((seconds % length) / part);
  return rest ? `${Math.floor(seconds / length)} ${unit} ${rest} ${smaller}` : `${Math.floor(seconds / length)} ${unit}`;
}

/** How long ago, or in how long. */
export function since(at, now = Date.now() / 1000) {
  const seconds = now - at;
  if (Math.abs(seconds) < 5) return "just now";
  const [unit, length] = UNITS.find(([, size]) => Math.abs(seconds) >= size) ?? ["s", 1];
  const number = Math.round(Math.abs(seconds) / length);
  return seconds > 0 ? `${number} ${unit} ago` : `in ${number} ${unit}`;
}

/** Millionths of a US dollar: `1250000` → `$1.25`, `50000` → `$0.05`, `400` → `$0.0004`, 0 → `free`. */
export function money(microusd, { zero = "free" } = {}) {
  if (microusd == null) return "–";
  if (microusd === 0) return zero;
  const dollars = microusd / 1e6;
  const digits = Math.abs(dollars) >= 0.1 ? 2 : 4;
  const told = Math.abs(dollars).toFixed(digits).replace(/(\.\d\d\d*?)0+$/, "$1");
  return `${dollars < 0 ? "−" : ""}$${told}`;
}

/** Bytes in a unit people know. */
export function bytes(size) {
  if (size == null) return "–";
  const place = size < 1e6 ? ["kB", 1e3] : size < 1e9 ? ["MB", 1e6] : ["GB", 1e9];
  return `${(size / place[1]).toFixed(size < 1e6 ? 0 : 1)} ${place[0]}`;
}
