/** Spans of days, as usage is asked for: of UTC, both ends included. */

import { at } from "../../api.js";
import { Field, Strip, html } from "../../ui.js";

const DAY_MS = 86_400_000;
const DAYS_MAX = 366;
const SPANS = [
  { value: "7", label: "7 days" },
  { value: "30", label: "30 days" },
  { value: "month", label: "This month" },
  { value: "90", label: "90 days" },
  { value: "365", label: "A year" },
  { value: "own", label: "From … to" },
];
const LABEL = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", timeZone: "UTC" });
const TITLE = new Intl.DateTimeFormat("en-GB", { weekday: "short", day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });

const iso = (ms) => new Date(ms).toISOString().slice(0, 10);
const isDay = (text) => /^\d{4}-\d\d-\d\d$/.test(text ?? "") && !Number.isNaN(Date.parse(text));

/** Read a span from an address: `{name, first, last}`, days as 2026-11-26. */
export function spanOf(query) {
  const today = iso(Date.now());
  const name = query.get("span") ?? "30";
  if (name === "own" && isDay(query.get("from")) && isDay(query.get("to"))) {
    const [first, last] = [query.get("from"), query.get("to")].sort();
    return { name, first, last };
  }
  if (name === "month") return { name, first: `${today.slice(0, 8)}01`, last: today };
  const count = Number(name) || 30;
  return { name: String(count), first: iso(Date.now() - (count - 1) * DAY_MS), last: today };
}

/** What the wire is asked for: from the first day until the end of the last. */
export const bounds = ({ first, last }) => ({ from: first, to: iso(Date.parse(last) + DAY_MS) });

/** Every day of a span, as charts want them. */
export function daysOf({ first, last }) {
  const days = [];
  for (let ms = Date.parse(first); ms <= Date.parse(last) && days.length < DAYS_MAX; ms += DAY_MS) {
    days.push({ day: iso(ms), label: LABEL.format(ms), title: TITLE.format(ms) });
  }
  return days;
}

/** An address of this page with something changed. */
export const changed = (query, changes) => at("#/usage", { ...Object.fromEntries(query), ...changes });

export function SpanPicker({ query, span }) {
  const go = (changes) => {
    location.hash = changed(query, changes);
  };
  return html`<div class="row spans">
    <${Strip}
      label="Span"
      options=${SPANS}
      value=${span.name}
      onPick=${(name) => go(name === "own" ? { span: name, from: span.first, to: span.last } : { span: name, from: "", to: "" })}
    />
    ${span.name === "own" &&
    html`<${Field} label="First day">
        ${(ids) => html`<input ...${ids} type="date" required value=${span.first} max=${iso(Date.now())}
          onChange=${(event) => event.currentTarget.value && go({ from: event.currentTarget.value })} />`}
      <//>
      <${Field} label="Last day">
        ${(ids) => html`<input ...${ids} type="date" required value=${span.last}
          onChange=${(event) => event.currentTarget.value && go({ to: event.currentTarget.value })} />`}
      <//>`}
  </div>`;
}
