/** One key, or one account: what it may, what it spent, what was done to it. */

import { get, send } from "../../api.js";
import { toast } from "../../toasts.js";
import { Badge, Empty, Failure, Head, Loaded, Waiting, When, html, useData, useState } from "../../ui.js";
import { DeedTable } from "../audit/deeds.js";
import { Id, Panel, Thing, some } from "../operations/words.js";
import { AccountForm, KeyForm } from "./forms.js";
import { told } from "./limits.js";
import { Purses } from "./money.js";
import { KeyTable } from "./table.js";
import { Close, Revoke, Rotate } from "./verbs.js";

/** Wait for the lists, and say it where an id leads nowhere. */
function Found({ people, one, id, children }) {
  if (people.data === null) return people.error ? html`<${Failure} error=${people.error} onRetry=${people.reload} />` : html`<${Waiting} />`;
  if (one) return children(one);
  return html`<${Empty} title="There is no such key or account" action=${html`<a class="button first" href="#/keys">To all keys</a>`}>
    The books know nothing of ${id}.
  <//>`;
}

export function KeyPage({ id, who, people, purses, reload, onMade }) {
  const { keys, accounts } = people.everybody;
  const [open, setOpen] = useState(null);
  const close = () => setOpen(null);
  return html`<${Found} people=${people} one=${keys.get(id)} id=${id}>
    ${(key) => {
      const isOver = key.state !== "valid" && key.state !== "closed";
      const account = accounts.get(key.account_id);
      const verb = (text, what, tone = "") => html`<button class=${`button ${tone}`} type="button" onClick=${() => setOpen(what)}>${text}</button>`;
      return html`
        <p class="trail"><a href="#/keys">Keys</a> / <a href=${`#/keys/${key.account_id}`}>${account?.name ?? key.account_id}</a></p>
        <${Head}
          title=${key.name}
          actions=${key.state !== "revoked" &&
          html`${verb("Change", "change")}
            ${!key.replaced_by && !isOver && verb("Rotate", "rotate")}
            ${verb("Revoke", "revoke", "danger")}`}
        />
        <div class="stack wide">
          ${key.id === who.id && html`<p class="note">This is the key that you are signed in with. What it may is changed with another one.</p>`}
          <div class="halves">
            <${KeyFacts} key_=${key} account=${account} />
            <${Panel} title="Budgets" id="budgets">
              <${Purses} owner=${key} purses=${purses.filter((one) => one.owner === id)} onChange=${reload} />
            <//>
          </div>
          <${Deeds} id=${id} />
        </div>
        ${open === "change" && html`<${KeyForm} key_=${key} onDone=${reload} onClose=${close} />`}
        ${open === "rotate" && html`<${Rotate} key_=${key} onMade=${onMade} onClose=${close} />`}
        ${open === "revoke" && html`<${Revoke} key_=${key} isOwn=${key.id === who.id} onDone=${reload} onClose=${close} />`}
      `;
    }}
  <//>`;
}

function KeyFacts({ key_: key, account }) {
  const list = (values, everything) =>
    values === null ? html`<span class="soft">${everything}</span>` : html`<ul class="mono">${values.map((one) => html`<li key=${one}>${one}</li>`)}</ul>`;
  return html`<${Panel} title="What it may" id="facts">
    <dl class="facts">
      <dt>State</dt>
      <dd class="row close">
        <${Badge} tone=${key.state === "valid" ? "good" : "bad"}>${key.state}<//>
        ${key.is_test ? html`<${Badge} tone="warn">test key<//>` : html`<${Badge}>live key<//>`}
        ${key.state === "closed" && html`<span class="small soft">its account is closed</span>`}
      </dd>
      <dt>Begins with</dt>
      <dd class="mono">${key.prefix}…</dd>
      <dt>Id</dt>
      <dd><${Id} id=${key.id} /></dd>
      <dt>Account</dt>
      <dd><a href=${`#/keys/${key.account_id}`}>${account?.name ?? key.account_id}</a></dd>
      <dt>Scopes</dt>
      <dd class="row close">${key.scopes.map((scope) => html`<${Badge} key=${scope} word=${scope} />`)}</dd>
      <dt>Models</dt>
      <dd>${list(key.models, "all")}</dd>
      <dt>Valid from</dt>
      <dd>${list(key.networks, "everywhere")}</dd>
      <dt>Limits</dt>
      <dd>${told(key.limits)}</dd>
      <dt>Made</dt>
      <dd><${When} at=${key.created_at} isExact /></dd>
      <dt>Ends</dt>
      <dd>${key.expires_at == null ? "never" : html`<${When} at=${key.expires_at} isExact />`}</dd>
      ${key.revoked_at != null && html`<dt>Revoked</dt><dd><${When} at=${key.revoked_at} isExact /></dd>`}
      ${key.replaced_by && html`<dt>Replaced by</dt><dd><${Thing} id=${key.replaced_by} /></dd>`}
    </dl>
    <p><a href=${`#/operations/tasks?key_id=${key.id}`}>What it asked for</a></p>
  <//>`;
}

export function AccountPage({ id, who, people, purses, reload, onMade }) {
  const { keys, accounts } = people.everybody;
  const [open, setOpen] = useState(null);
  const close = () => setOpen(null);
  const reopen = async (account) => {
    await send("POST", `/admin/v1/accounts/${account.id}/reopen`, {});
    toast(`${account.name} is open again.`);
    reload();
  };
  return html`<${Found} people=${people} one=${accounts.get(id)} id=${id}>
    ${(account) => {
      const own = [...keys.values()].filter((key) => key.account_id === id);
      const isClosed = account.closed_at != null;
      return html`
        <p class="trail"><a href="#/keys">Keys</a></p>
        <${Head}
          title=${account.name}
          actions=${html`
            <button class="button" type="button" onClick=${() => setOpen("change")}>Change</button>
            ${isClosed
              ? html`<${Act} verb="Reopen" act=${() => reopen(account)} />`
              : html`<button class="button danger" type="button" onClick=${() => setOpen("close")}>Close account</button>
                  <button class="button first" type="button" onClick=${() => setOpen("key")}>Create key</button>`}`}
        />
        <div class="stack wide">
          ${isClosed && html`<p class="note bad">Closed <${When} at=${account.closed_at} />: none of its keys is let in.</p>`}
          <div class="halves">
            <${Panel} title="The account" id="facts">
              <dl class="facts">
                <dt>Id</dt>
                <dd><${Id} id=${account.id} /></dd>
                <dt>Limits of all its keys</dt>
                <dd>${told(account.limits)}</dd>
                <dt>Made</dt>
                <dd><${When} at=${account.created_at} isExact /></dd>
              </dl>
              <p class="row">
                <a href=${`#/operations/tasks?account_id=${id}`}>What it asked for</a>
                <a href=${`#/usage?of=all&account=${id}`}>What it used</a>
              </p>
            <//>
            <${Panel} title="Budgets" id="budgets" note="Of all its keys together.">
              <${Purses} owner=${account} purses=${purses.filter((one) => one.owner === id)} onChange=${reload} />
            <//>
          </div>
          <${Panel} title="Keys" id="its-keys" note=${some(own.length, "key")}>
            ${own.length > 0
              ? html`<${KeyTable} keys=${own} purses=${purses} who=${who} onDone=${reload} caption=${`Keys of ${account.name}`} />`
              : html`<p class="soft">It has no key yet: nobody can come in for it.</p>`}
          <//>
          <${Deeds} id=${id} />
        </div>
        ${open === "change" && html`<${AccountForm} account=${account} onDone=${reload} onClose=${close} />`}
        ${open === "close" && html`<${Close} account=${account} keyCount=${own.length} onDone=${reload} onClose=${close} />`}
        ${open === "key" && html`<${KeyForm} accounts=${[...accounts.values()]} accountId=${id} onDone=${onMade} onClose=${close} />`}
      `;
    }}
  <//>`;
}

/** A verb that is done at a press; what is refused stands beside it. */
function Act({ verb, act }) {
  const [error, setError] = useState(null);
  return html`<button class="button first" type="button" onClick=${() => act().catch(setError)}>${verb}</button>
    <${Failure} error=${error} />`;
}

/** What operators did to it. */
function Deeds({ id }) {
  const told = useData((signal) => get(`/admin/v1/audit?limit=20&object=${id}`, { signal }), [id]);
  return html`<${Panel} title="What was done to it" id="deeds"
    actions=${html`<a href=${`#/audit?object=${id}`}>All of it in the audit log</a>`}>
    <${Loaded} of=${told} lines=${2}>
      ${({ data }) =>
        data.length ? html`<${DeedTable} deeds=${data} isOfOne />` : html`<p class="soft">Nothing is written down of it.</p>`}
    <//>
  <//>`;
}
