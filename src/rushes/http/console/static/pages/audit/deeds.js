/** Lines of the audit log. */

import { Table, When, html } from "../../ui.js";
import { Thing } from "../operations/words.js";

/** `key_1a2b (ops)` leads to the key; whoever typed at the command line is told as he is. */
function Actor({ name }) {
  const [, id, told] = /^(key_\w+) \((.*)\)$/.exec(name) ?? [];
  return id ? html`<a href=${`#/keys/${id}`} title=${id}>${told}</a>` : html`<span>${name}</span>`;
}

const columnsOf = (everybody) => [
  { name: "When", of: (deed) => html`<span class="instant"><${When} at=${deed.at} isExact /></span>` },
  { name: "Who", of: (deed) => html`<${Actor} name=${deed.actor} />` },
  {
    name: "From",
    of: (deed) => (deed.origin ? html`<span class="mono">${deed.origin}</span>` : html`<span class="soft">command line</span>`),
  },
  { name: "What", of: (deed) => html`<strong class="verb">${deed.verb}</strong>` },
  { name: "To what", of: (deed) => html`<${Thing} id=${deed.object} everybody=${everybody} />` },
  { name: "Note", of: (deed) => html`<span class="small">${deed.note}</span>` },
];

export function DeedTable({ deeds, everybody, isOfOne = false }) {
  const columns = columnsOf(everybody);
  return html`<${Table}
    caption="What operators did, the newest first"
    rows=${deeds}
    keyOf=${(deed) => deed.id}
    columns=${isOfOne ? columns.filter((column) => column.name !== "To what") : columns}
  />`;
}
