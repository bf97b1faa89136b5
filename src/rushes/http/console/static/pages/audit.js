/** The audit log: who did what, when, from where, and to what. */

import { at, get } from "../api.js";
import { Pages, usePages } from "../paging.js";
import { Empty, Field, Head, html, useEffect, useState } from "../ui.js";
import { DeedTable } from "./audit/deeds.js";
import { useEverybody } from "./operations/words.js";

const PAGE = 50;
const EVERY_S = 15;

export function Audit({ query }) {
  const object = query.get("object") ?? "";
  const day = query.get("since") ?? "";
  const since = day ? Math.floor(new Date(`${day}T00:00:00`).getTime() / 1000) : "";
  const { everybody } = useEverybody();
  const list = usePages(
    async (before, signal) => {
      const told = await get(at("/admin/v1/audit", { limit: PAGE, object, since, before }), { signal });
      return { rows: told.data, next: told.has_more ? told.last_id : null };
    },
    [object, since],
    { keyOf: (deed) => deed.id, everyS: EVERY_S },
  );
  return html`
    <${Head} title="Audit">
      What operators did, by these pages, by the API and by the command line. A line is written with
      what it tells, or neither is.
    <//>
    <div class="stack">
      <${Filters} object=${object} day=${day} />
      <${Pages} of=${list} lines=${8} empty=${html`<${Nothing} isFiltered=${Boolean(object || day)} />`}>
        ${(deeds) => html`<${DeedTable} deeds=${deeds} everybody=${everybody} />`}
      <//>
    </div>
  `;
}

function Filters({ object, day }) {
  const [what, setWhat] = useState(object);
  useEffect(() => setWhat(object), [object]);
  const go = (wanted) => {
    location.hash = at("#/audit", { object, since: day, ...wanted });
  };
  return html`<form
    class="sieve"
    role="search"
    aria-label="Audit log"
    onSubmit=${(event) => {
      event.preventDefault();
      go({ object: what.trim() });
    }}
  >
    <${Field} label="To what (a whole id, or a route)">
      ${(ids) => html`<input ...${ids} class="mono" spellcheck="false" placeholder="key_…, acct_…, video_…, gpu/model" value=${what}
        onInput=${(event) => setWhat(event.currentTarget.value)}
        onChange=${(event) => go({ object: event.currentTarget.value.trim() })} />`}
    <//>
    <${Field} label="Since">
      ${(ids) => html`<input ...${ids} type="date" value=${day} onChange=${(event) => go({ since: event.currentTarget.value })} />`}
    <//>
    ${(object || day) && html`<a class="button" href="#/audit">Show all</a>`}
  </form>`;
}

function Nothing({ isFiltered }) {
  return isFiltered
    ? html`<${Empty} title="Nothing was done to it since" action=${html`<a class="button" href="#/audit">Show all</a>`}>
        No line of the log matches. The id must be whole.
      <//>`
    : html`<${Empty} title="Nothing was done yet">
        Making a key, resetting a route, adopting a film: each such act of an operator is a line here.
      <//>`;
}
