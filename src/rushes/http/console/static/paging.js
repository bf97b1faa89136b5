/** Endless lists on the wire's own cursors, kept fresh at their head. */

import { Failure, Waiting, html, useCallback, useEffect, useEvery, useRef, useState } from "./ui.js";

const NOTHING = { rows: null, next: null, error: null, isBusy: true };

/**
 * A list in pages: `{rows, next, error, isBusy, more, reload}`.
 *
 * `page(cursor, signal)` returns `{rows, next}`, where the cursor of the first page and `next` at
 * the end are null. With `everyS` the first page is asked for again while somebody looks: what
 * changed is exchanged in its place, and what was loaded behind it stays.
 */
export function usePages(page, deps, { keyOf, everyS = 0 }) {
  const name = JSON.stringify(deps);
  const [told, setTold] = useState({ name, ...NOTHING });
  const state = told.name === name ? told : NOTHING; // what was asked before is not shown as this
  const setState = (next) => setTold((old) => ({ ...next(old.name === name ? old : NOTHING), name }));
  const stay = useRef(null);
  const ask = useCallback(async (cursor) => {
    const { signal } = stay.current;
    setState((old) => ({ ...old, isBusy: true }));
    try {
      const told = await page(cursor, signal);
      if (signal.aborted) return;
      setState((old) => (cursor === null ? headed(old, told, keyOf) : longer(old, told, keyOf)));
    } catch (error) {
      if (!signal.aborted) setState((old) => ({ ...old, error, isBusy: false }));
    }
  }, deps);
  useEffect(() => {
    const leaving = new AbortController();
    stay.current = leaving;
    setState(() => NOTHING);
    ask(null);
    return () => leaving.abort();
  }, deps);
  useEvery(everyS, () => state.isBusy || ask(null));
  const more = useCallback(() => ask(state.next), [ask, state.next]);
  return { ...state, more, reload: () => ask(null) };
}

/** Return the list with a fresh first page, and what was loaded behind it. */
function headed(old, { rows, next }, keyOf) {
  const fresh = { rows, next, error: null, isBusy: false };
  if (next === null || !old.rows) return fresh;
  const last = old.rows.findIndex((row) => keyOf(row) === keyOf(rows.at(-1)));
  const rest = last < 0 ? [] : old.rows.slice(last + 1);
  return rest.length ? { ...fresh, rows: [...rows, ...rest], next: old.next } : fresh;
}

function longer(old, { rows, next }, keyOf) {
  const known = new Set(old.rows.map(keyOf));
  const added = rows.filter((row) => !known.has(keyOf(row)));
  return { rows: [...old.rows, ...added], next, error: null, isBusy: false };
}

/** The three states of a list, its rows, and how to get more of them. */
export function Pages({ of: list, empty, lines = 5, children }) {
  if (list.rows === null) {
    return list.error
      ? html`<${Failure} error=${list.error} onRetry=${list.reload} />`
      : html`<${Waiting} lines=${lines} />`;
  }
  return html`<div class="stack">
    ${list.rows.length ? children(list.rows) : empty}
    <${Failure} error=${list.error} onRetry=${list.next === null ? list.reload : list.more} />
    ${list.next !== null && !list.error && html`<${More} more=${list.more} isBusy=${list.isBusy} />`}
  </div>`;
}

/** A button for the next page, which presses itself when it comes into view. */
function More({ more, isBusy }) {
  const ref = useRef(null);
  const latest = useRef(null);
  latest.current = () => isBusy || more();
  useEffect(() => {
    const watch = new IntersectionObserver(([seen]) => seen.isIntersecting && latest.current());
    watch.observe(ref.current);
    return () => watch.disconnect();
  }, [more]);
  return html`<p class="onward" ref=${ref}>
    <button class="button slim" type="button" aria-disabled=${isBusy} onClick=${() => latest.current()}>
      ${isBusy ? "Loading …" : "Show more"}
    </button>
  </p>`;
}
