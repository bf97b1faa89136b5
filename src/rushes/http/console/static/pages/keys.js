/** Accounts and their keys: who may come in, for what, and how much of it. */

import { get } from "../api.js";
import { count } from "../format.js";
import { Badge, Empty, Failure, Field, Head, Loaded, html, useData, useState } from "../ui.js";
import { AccountForm, KeyForm, Secret } from "./keys/forms.js";
import { told } from "./keys/limits.js";
import { Purse } from "./keys/money.js";
import { AccountPage, KeyPage } from "./keys/one.js";
import { KeyTable } from "./keys/table.js";
import { some, useEverybody } from "./operations/words.js";

export function Keys({ who, rest }) {
  const people = useEverybody();
  const purses = useData(async (signal) => (await get("/admin/v1/budgets", { signal })).data);
  const [made, setMade] = useState(null);
  const reload = () => {
    people.reload();
    purses.reload();
  };
  const onMade = (key) => {
    reload();
    setMade(key);
  };
  const shown = { who, people, purses: purses.data ?? [], reload, onMade };
  const page = rest.startsWith("key_") ? KeyPage : rest ? AccountPage : Everybody;
  return html`<${page} ...${shown} id=${rest} />
    <${Failure} error=${purses.error} onRetry=${purses.reload} />
    ${made &&
    html`<${Secret}
      made=${made}
      note="Give it to its caller by a safe way; it works from now on."
      onClose=${() => {
        setMade(null);
        location.hash = `#/keys/${made.id}`;
      }}
    />`}`;
}

function Everybody({ who, people, purses, reload, onMade }) {
  const [open, setOpen] = useState(null);
  const [isAll, setAll] = useState(false);
  const [sought, setSought] = useState("");
  const { accounts, keys } = people.everybody;
  const close = () => setOpen(null);
  const dead = [...keys.values()].filter((key) => !isLiving(key)).length;
  const shown = soughtIn(accounts, [...keys.values()].filter((key) => isAll || isLiving(key)), sought.trim().toLowerCase());
  return html`
    <${Head}
      title="Keys"
      actions=${html`<button class="button" type="button" onClick=${() => setOpen({ what: "account" })}>Create account</button>
        <button class="button first" type="button" disabled=${!people.data} onClick=${() => setOpen({ what: "key" })}>Create key</button>`}
    >
      An account owns films and pays; its keys open the door for somebody, as far as each may.
    <//>
    <${Loaded} of=${people} lines=${6}>
      ${() => html`<div class="stack wide">
        <form class="sieve" role="search" aria-label="Keys" onSubmit=${(event) => event.preventDefault()}>
          <${Field} label="Find">
            ${(ids) => html`<input ...${ids} type="search" spellcheck="false" placeholder="a name, an id, or how a secret begins" value=${sought}
              onInput=${(event) => setSought(event.currentTarget.value)} />`}
          <//>
          ${dead > 0 &&
          html`<label class="tick"><input type="checkbox" checked=${isAll}
            onChange=${(event) => setAll(event.currentTarget.checked)} />Show revoked and expired keys (${count(dead)})</label>`}
        </form>
        ${accounts.size === 0 &&
        html`<${Empty} title="There is no account yet">The first key makes the first account.<//>`}
        ${shown.length === 0 && accounts.size > 0 && html`<${Empty} title="Nothing is called so">No account and no key has “${sought}” in its name, id or beginning.<//>`}
        ${shown.map(
          ([account, own]) => html`<${AccountCard}
            key=${account.id}
            account=${account}
            keys=${own}
            purses=${purses}
            who=${who}
            reload=${reload}
            onCreate=${() => setOpen({ what: "key", accountId: account.id })}
          />`,
        )}
      </div>`}
    <//>
    ${open?.what === "account" &&
    html`<${AccountForm} onClose=${close} onDone=${(account) => {
      reload();
      location.hash = `#/keys/${account.id}`;
    }} />`}
    ${open?.what === "key" &&
    html`<${KeyForm} accounts=${[...accounts.values()]} accountId=${open.accountId} onClose=${close} onDone=${onMade} />`}
  `;
}

/** Accounts and those of their keys that are sought; an account that is found shows them all. */
function soughtIn(accounts, keys, text) {
  const has = (...words) => words.some((word) => word.toLowerCase().includes(text) || (text && text.startsWith(word.toLowerCase())));
  return [...accounts.values()]
    .map((account) => {
      const own = keys.filter((key) => key.account_id === account.id);
      if (!text || has(account.name, account.id)) return [account, own];
      return [account, own.filter((key) => has(key.name, key.id, key.prefix))];
    })
    .filter(([account, own]) => !text || own.length > 0 || has(account.name, account.id));
}

const isLiving = (key) => key.state === "valid" || key.state === "closed";

function AccountCard({ account, keys, purses, who, reload, onCreate }) {
  const own = purses.filter((purse) => purse.owner === account.id);
  const isClosed = account.closed_at != null;
  return html`<article class="sheet account" aria-label=${`Account ${account.name}`}>
    <header class="row">
      <h2><a href=${`#/keys/${account.id}`}>${account.name}</a></h2>
      ${isClosed && html`<${Badge} tone="bad">closed<//>`}
      <span class="small soft">${some(keys.length, "key")} · ${told(account.limits)}</span>
      ${!isClosed &&
      html`<button class="button slim push" type="button" aria-label=${`Create a key for ${account.name}`} onClick=${onCreate}>
        Create key
      </button>`}
    </header>
    ${own.length > 0 &&
    html`<div class="trio">${own.map((purse) => html`<${Purse} key=${purse.period} purse=${purse} isSmall />`)}</div>`}
    ${keys.length > 0
      ? html`<${KeyTable} keys=${keys} purses=${purses} who=${who} onDone=${reload} caption=${`Keys of ${account.name}`} />`
      : html`<p class="soft">No key of it is valid.</p>`}
  </article>`;
}
