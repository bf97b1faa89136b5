/** Limits of keys and accounts: four numbers, of which none is none. */

import { Field, html } from "../../ui.js";

/** Each limit: what it is called, and how it is told in a line. */
export const LIMITS = [
  ["requests_per_s", "Requests a second", (n) => `${n} requests/s`],
  ["submits_per_minute", "Submits a minute", (n) => `${n} submits/min`],
  ["in_flight_max", "Tasks at once", (n) => `${n} tasks at once`],
  ["queued_max", "Tasks that wait", (n) => `${n} waiting`],
];

/** `{requests_per_s: 5, …}` as the fields hold it. */
export const typed = (limits) =>
  Object.fromEntries(LIMITS.map(([name]) => [name, limits?.[name] == null ? "" : String(limits[name])]));

/** What the fields hold, as the wire wants it; an empty field is no limit. */
export const limitsOf = (fields) =>
  Object.fromEntries(LIMITS.map(([name]) => [name, fields[name].trim() === "" ? null : Number(fields[name])]));

/** Limits in words; nothing of those that are not set. */
export function told(limits) {
  const set = LIMITS.filter(([name]) => limits[name] != null);
  return set.length ? set.map(([name, , words]) => words(limits[name])).join(", ") : "no limits of its own";
}

export function LimitFields({ fields, onChange, error, hint }) {
  return html`<fieldset class="field">
    <legend>Limits</legend>
    <div class="four">
      ${LIMITS.map(
        ([name, label]) => html`<${Field} key=${name} label=${label} wrong=${error?.param === `limits.${name}` ? error.message : null}>
          ${(ids) => html`<input ...${ids} type="number" min="0" step="1" placeholder="no limit" value=${fields[name]}
            onInput=${(event) => onChange({ ...fields, [name]: event.currentTarget.value })} />`}
        <//>`,
      )}
    </div>
    <span class="hint">${hint}</span>
  </fieldset>`;
}
