/** Facts of any shape, shown whole: what has no word of its own here is shown by its name. */

import { bytes, instant, lasting, money } from "../format.js";
import { html } from "../ui.js";

const nameOf = (key) => {
  const words = key
    .replace(/^is_/, "")
    .replace(/_(at|s|bytes|microusd|px)$/, "")
    .replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
};

/** Return a value in words, by the unit at the end of its name; null where it is not a plain one. */
function told(key, value) {
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value === "number") {
    if (key.startsWith("is_")) return value ? "yes" : "no";
    if (key.endsWith("_at")) return instant(value);
    if (key.endsWith("_microusd")) return money(value, { zero: "$0" });
    if (key.endsWith("_bytes")) return bytes(value);
    if (key.endsWith("_s")) return lasting(value);
    return String(value);
  }
  return typeof value === "string" ? value : null;
}

const isNothing = (value) =>
  value === null ||
  value === "" ||
  (Array.isArray(value) && !value.length) ||
  (typeof value === "object" &&
    value !== null &&
    !Array.isArray(value) &&
    !Object.keys(value).length);

/** A list of facts. `skip` are the names that are shown elsewhere. */
export function Facts({ of, skip = [] }) {
  const shown = Object.entries(of).filter(
    ([key, value]) => !skip.includes(key) && !isNothing(value),
  );
  if (!shown.length) return html`<p class="soft small">Nothing more is known.</p>`;
  return html`<dl class="facts small">
    ${shown.map(([key, value]) => html`<dt key=${key}>${nameOf(key)}</dt><dd key=${`${key}-value`}><${Value} name=${key} value=${value} /></dd>`)}
  </dl>`;
}

function Value({ name, value }) {
  const text = told(name, value);
  if (text !== null)
    return /^(token|ticket|sha256|blob|id|credential)$/.test(name) || /_id$/.test(name)
      ? html`<code>${text}</code>`
      : text;
  if (Array.isArray(value) && value.every((one) => told(name, one) !== null))
    return value.map((one) => told(name, one)).join(", ");
  if (
    Array.isArray(value) &&
    value.every((one) => typeof one === "object" && one !== null && !Array.isArray(one))
  ) {
    return html`<ol class="stack tight">${value.map((one, n) => html`<li key=${n} class="facts-within"><${Facts} of=${one} /></li>`)}</ol>`;
  }
  if (!Array.isArray(value)) return html`<div class="facts-within"><${Facts} of=${value} /></div>`;
  return html`<pre class="fact-json" tabindex="0" aria-label=${nameOf(name)}>${JSON.stringify(value, null, 2)}</pre>`;
}
