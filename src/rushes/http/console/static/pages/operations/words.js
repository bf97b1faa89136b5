/** What operators' pages share: short names, where things lead, and what things mean. */

import { get } from "../../api.js";
import { Copy, Failure, html, useData, useRef } from "../../ui.js";

const EVERYBODY = { accounts: new Map(), keys: new Map() };

/** An id as people compare them: its kind and its end, `video_…4f21c0aa`. */
export const short = (id) => id.replace(/^([a-z]+_).*(.{8})$/, "$1…$2");

/** A task by its id, leading to its story. */
export function Task({ id }) {
  return html`<a class="mono id" href=${`#/films/${id}`} title=${id}>${short(id)}</a>`;
}

/** An id of ours that leads to its page, by its name where one is known, or told as it is. */
export function Thing({ id, everybody = EVERYBODY }) {
  if (/^video_/.test(id)) return html`<${Task} id=${id} />`;
  if (/^(key|acct)_/.test(id)) {
    const name = (everybody.keys.get(id) ?? everybody.accounts.get(id))?.name;
    return html`<a class=${name ? "" : "mono id"} href=${`#/keys/${id}`} title=${id}>${name ?? short(id)}</a>
      ${name && html`<p class="small soft mono id">${short(id)}</p>`}`;
  }
  return html`<span class="mono">${id}</span>`;
}

/** An id that is copied whole and shown short. */
export function Id({ id }) {
  return html`<${Copy} text=${id}><code title=${id}>${short(id)}</code><//>`;
}

/** A panel: what it is about, what can be done, and its content. */
export function Panel({ title, id, note, actions, children }) {
  return html`<section class="panel" aria-labelledby=${id}>
    <header class="row">
      <div><h2 id=${id}>${title}</h2>${note && html`<p class="small soft">${note}</p>`}</div>
      ${actions && html`<div class="row push">${actions}</div>`}
    </header>
    ${children}
  </section>`;
}

/**
 * What could not be told. A route that the server does not have is said so, as a note; anything
 * else is a failure.
 */
export function Untold({ error, what, where, onRetry }) {
  if (!error) return null;
  if (error.status === 404) {
    return html`<p class="note">
      This server does not tell ${what} (<code>${where}</code>): it is older than this page.
    </p>`;
  }
  return html`<${Failure} error=${error} onRetry=${onRetry} />`;
}

const PAGES_MAX = 20;

/** Every page of a list that is told by `after`. */
async function all(path, signal) {
  const found = [];
  let after = "";
  for (let page = 0; page < PAGES_MAX; page += 1) {
    const told = await get(`${path}?limit=100${after && `&after=${after}`}`, { signal });
    found.push(...told.data);
    if (!told.has_more) break;
    after = told.last_id;
  }
  return found;
}

/** Accounts and keys, by their ids; empty until they are there, or where they are not told. */
export function useEverybody() {
  const loaded = useData(async (signal) => {
    const [accounts, keys] = await Promise.all([
      all("/admin/v1/accounts", signal),
      all("/admin/v1/keys", signal),
    ]);
    return {
      accounts: new Map(accounts.map((one) => [one.id, one])),
      keys: new Map(keys.map((one) => [one.id, one])),
    };
  });
  return { ...loaded, everybody: loaded.data ?? EVERYBODY };
}

/**
 * Several facts at once, each with its own error: `{name: {data, error}}`. What was told before
 * stays beside an error.
 */
export function useFacts(paths, { everyS }) {
  const known = useRef({});
  return useData(async (signal) => {
    const names = Object.keys(paths);
    const told = await Promise.all(names.map((name) => settled(paths[name], known.current[name], signal)));
    known.current = Object.fromEntries(names.map((name, place) => [name, told[place]]));
    return known.current;
  }, [], { everyS });
}

async function settled(path, before, signal) {
  try {
    return { data: await get(path, { signal }), error: null };
  } catch (error) {
    if (signal.aborted) throw error;
    return { data: before?.data ?? null, error };
  }
}

/** `2 films`, `1 film`. */
export const some = (number, one, many = `${one}s`) => `${number} ${number === 1 ? one : many}`;
