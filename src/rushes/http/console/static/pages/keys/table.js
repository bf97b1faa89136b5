/** Keys in a table: what each may, what it spent, when it ends. */

import { Badge, Table, When, html, useState } from "../../ui.js";
import { some } from "../operations/words.js";
import { told } from "./limits.js";
import { Purse } from "./money.js";
import { Revoke } from "./verbs.js";

export function KeyTable({ keys, purses, who, caption, onDone }) {
  const [revoked, setRevoked] = useState(null);
  return html`<${Table} caption=${caption} rows=${keys} keyOf=${(key) => key.id} columns=${columnsOf(purses, who, setRevoked)} />
    ${revoked && html`<${Revoke} key_=${revoked} isOwn=${revoked.id === who.id} onDone=${onDone} onClose=${() => setRevoked(null)} />`}`;
}

const columnsOf = (purses, who, revoke) => [
  {
    name: "Key",
    of: (key) => html`<a href=${`#/keys/${key.id}`}>${key.name}</a>${key.id === who.id && html`${" "}<${Badge}>yours<//>`}
      <p class="small soft mono">${key.prefix}…</p>`,
  },
  {
    name: "State",
    of: (key) => html`<span class="row close"><${Badge} tone=${key.state === "valid" ? "good" : "bad"}>${key.state}<//>
      ${key.is_test && html`<${Badge} tone="warn">test<//>`}
      ${key.replaced_by && html`<${Badge}>replaced<//>`}</span>`,
  },
  {
    name: "May",
    of: (key) => html`<span class="row close">${key.scopes.map((scope) => html`<${Badge} key=${scope} word=${scope} />`)}</span>
      <p class="small soft">${boundsOf(key)}</p>`,
  },
  {
    name: "Spent",
    of: (key) => {
      const own = purses.filter((purse) => purse.owner === key.id);
      return own.length
        ? own.map((purse) => html`<${Purse} key=${purse.period} purse=${purse} isSmall />`)
        : html`<span class="soft">–</span>`;
    },
  },
  { name: "Ends", of: (key) => (key.expires_at == null ? html`<span class="soft">never</span>` : html`<${When} at=${key.expires_at} />`) },
  {
    name: "Verbs",
    isSilent: true,
    isNumber: true,
    of: (key) => key.state !== "revoked" && html`<button class="button slim" type="button" aria-label=${`Revoke ${key.name}`} onClick=${() => revoke(key)}>Revoke</button>`,
  },
];

/** What bounds a key, in a line. */
function boundsOf(key) {
  const bounds = [
    key.models && some(key.models.length, "model"),
    key.networks && some(key.networks.length, "network"),
    Object.values(key.limits).some((limit) => limit != null) && told(key.limits),
  ].filter(Boolean);
  return bounds.join(" · ") || "all models, from everywhere";
}
