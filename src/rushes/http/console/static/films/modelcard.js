/** What a model can do and costs, as its card says. */

import { money } from "../format.js";
import { html } from "../ui.js";
import { ROLES } from "./wish.js";

const MODES = {
  text_to_video: "words",
  image_to_video: "a first frame",
  first_last_frame: "a first and a last frame",
  reference_to_video: "references",
  continuation: "a first clip",
};
const AFTERWARDS = { remix: "remixed", edit: "edited", extend: "extended" };
const SOUND = { none: "silent", always: "always", optional: "as you like" };
const PER = {
  second: "a second of film",
  film: "a film",
  million_tokens: "a million tokens",
  input_second: "a second of video sent in",
};

const list = (words) =>
  words.length > 1 ? `${words.slice(0, -1).join(", ")} and ${words.at(-1)}` : words[0];

/** Draw runs of numbers together: `[-1, 4, 5, 6, 8]` → `auto, 4–6, 8 s`. */
export function lengths(allowed) {
  const runs = [];
  for (const seconds of allowed.filter((one) => one > 0)) {
    const run = runs.at(-1);
    if (run && seconds === run[1] + 1) run[1] = seconds;
    else runs.push([seconds, seconds]);
  }
  const told = runs.map(([from, to]) => (from === to ? `${from}` : `${from}–${to}`));
  return `${allowed.includes(-1) ? "auto, " : ""}${told.join(", ")} s`;
}

function filesOf(inputs) {
  const taken = Object.entries(ROLES).filter(([role]) => inputs[role] > 0);
  return taken.map(([role, { label }]) => {
    const many = inputs[role] > 1;
    return many ? `up to ${inputs[role]} ${label.toLowerCase()}` : `a ${label.toLowerCase()}`;
  });
}

function priceOf(rule) {
  const when = Object.entries(rule.when ?? {}).map(([name, value]) =>
    name === "audio" ? (value ? "with sound" : "silent") : String(value).replaceAll("_", " "),
  );
  const whenever = when.length ? ` (${when.join(", ")})` : "";
  return `${money(rule.microusd)} ${PER[rule.per] ?? rule.per}${whenever}`;
}

/** The card of a model, in words. */
export function AboutModel({ model }) {
  const card = model.capabilities;
  const from = card.modes.map((mode) => MODES[mode]).filter(Boolean);
  const then = card.modes.map((mode) => AFTERWARDS[mode]).filter(Boolean);
  const files = filesOf(card.inputs);
  const rows = [
    ["Makes films from", from.length ? list(from) : null],
    ["Takes", files.length ? list(files) : null],
    ["Its films can be", then.length ? list(then) : null],
    ["Length", lengths(card.durations.allowed)],
    [
      "Resolution",
      [...card.resolutions.allowed, ...card.sizes.map((size) => size.replace("x", "×"))].join(", "),
    ],
    [
      "Ratio",
      card.ratios.allowed.length ? card.ratios.allowed.join(", ") : "as what it begins with",
    ],
    ["Sound", SOUND[card.audio.mode]],
    ["Price", card.price ? card.price.rules.map(priceOf).join("; ") : "none is set"],
    ["Handed on", card.passthrough.length ? card.passthrough.join(", ") : null],
  ].filter(([, value]) => value);
  return html`<section class="stack tight" aria-labelledby="model-name">
    <h2 id="model-name">About ${model.id}</h2>
    <dl class="facts model-facts">
      ${rows.map(
        ([name, value]) =>
          html`<dt key=${name}>${name}</dt><dd key=${`${name}-value`}>${value}</dd>`,
      )}
    </dl>
  </section>`;
}
