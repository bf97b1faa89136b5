/** What pages are made of: components without knowledge of any page. */

import { h, Fragment, render } from "./vendor/preact.js";
import {
  useCallback,
  useEffect,
  useId,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
} from "./vendor/hooks.js";
import htm from "./vendor/htm.js";
import { day, instant, since } from "./format.js";

export const html = htm.bind(h);
export {
  Fragment,
  render,
  useCallback,
  useEffect,
  useId,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
};

/** The head of a page: its name, a sentence, and what can be done here. Sets the tab's title. */
export function Head({ title, children, actions }) {
  useEffect(() => {
    document.title = `${title} – Rushes`;
  }, [title]);
  return html`<header class="head">
    <div><h1>${title}</h1>${children && html`<p>${children}</p>`}</div>
    ${actions && html`<div class="row">${actions}</div>`}
  </header>`;
}

/** What the wire refused or could not be told, in its own words, and what to do. */
export function Failure({ error, onRetry }) {
  if (!error) return null;
  return html`<div class="note bad" role="alert">
    <p><strong>${error.message}</strong></p>
    <p class="small">
      ${error.code && html`<code>${error.code}</code>`}
      ${error.requestId && html` · <span class="mono">${error.requestId}</span>`}
    </p>
    ${onRetry &&
    html`<p><button class="button slim" type="button" onClick=${onRetry}>Try again</button></p>`}
  </div>`;
}

/** Nothing is here yet: what would be, and how it comes to be. A whole page of it `isPage`. */
export function Empty({ title, children, action, isPage = false }) {
  useEffect(() => {
    if (isPage) document.title = `${title} – Rushes`;
  }, [title, isPage]);
  const heading = isPage ? html`<h1>${title}</h1>` : html`<h2>${title}</h2>`;
  return html`<div class="empty">${heading}<p>${children}</p>${action}</div>`;
}

/** Lines that stand in for what is on its way; a reader is told once. */
export function Waiting({ lines = 3, label = "Loading" }) {
  return html`<div class="stack tight" role="status">
    <span class="unseen">${label}</span>
    ${Array.from({ length: lines }, (_, n) =>
      html`<div key=${n} class="wait" aria-hidden="true" style=${`width:${92 - n * 11}%`}>–</div>`,
    )}
  </div>`;
}

const TONES = {
  succeeded: "good", completed: "good", kept: "good", delivered: "good", ready: "good",
  valid: "good", closed: "good", ok: "good", live: "good",
  failed: "bad", expired: "bad", open: "bad", dead: "bad", revoked: "bad", failing: "bad",
  canceled: "warn", in_doubt: "warn", half_open: "warn", rehearsal: "warn", retiring: "warn",
  queued: "busy", submitting: "busy", running: "busy", storing: "busy", in_progress: "busy",
  adopted: "busy", due: "busy",
};

/** A word of a closed set, in its colour; the word itself tells it, too. */
export function Badge({ word, tone, children }) {
  const text = children ?? String(word).replaceAll("_", " ");
  return html`<span class=${`badge ${tone ?? TONES[word] ?? ""}`}>${text}</span>`;
}

/** An instant (Unix seconds): how long ago, and when exactly. */
export function When({ at, isExact = false }) {
  if (at == null) return html`<span class="soft">–</span>`;
  const iso = new Date(at * 1000).toISOString();
  return html`<time datetime=${iso} title=${instant(at)}>${isExact ? instant(at) : since(at)}</time>`;
}

export function Day({ at }) {
  return at == null ? html`<span class="soft">–</span>` : html`<span>${day(at)}</span>`;
}

/** A field with its label, a hint, and what the wire said of it. `children` gets the ids. */
export function Field({ label, hint, wrong, children }) {
  const id = useId();
  const describedBy = [hint && `${id}-hint`, wrong && `${id}-wrong`].filter(Boolean).join(" ");
  const attributes = {
    id,
    "aria-describedby": describedBy || undefined,
    "aria-invalid": wrong ? "true" : undefined,
  };
  return html`<div class="field">
    <label for=${id}>${label}</label>
    ${children(attributes)}
    ${hint && html`<span class="hint" id=${`${id}-hint`}>${hint}</span>`}
    ${wrong && html`<span class="wrong" role="alert" id=${`${id}-wrong`}>${wrong}</span>`}
  </div>`;
}

/** One of a few values, as a strip of radios. `options` are values or `{value, label, isOff}`. */
export function Strip({ label, hint, options, value, onPick }) {
  const name = useId();
  return html`<fieldset class="field">
    <legend>${label}</legend>
    <div class="strip">
      ${options.map((option) => {
        const one = typeof option === "object" ? option : { value: option, label: String(option) };
        return html`<label key=${one.value}>
          <input
            type="radio"
            name=${name}
            value=${one.value}
            checked=${one.value === value}
            disabled=${one.isOff}
            onChange=${() => onPick(one.value)}
          />${one.label}
        </label>`;
      })}
    </div>
    ${hint && html`<span class="hint">${hint}</span>`}
  </fieldset>`;
}

/** Keep the place where one is in sight, in a strip of links that a phone has no room for. */
export function useInSight(ref, here) {
  useLayoutEffect(() => {
    const current = ref.current.querySelector("[aria-current]")?.getBoundingClientRect();
    const strip = ref.current.getBoundingClientRect();
    if (current) ref.current.scrollLeft += current.left + current.width / 2 - (strip.left + strip.width / 2);
  }, [here]);
}

/** Tabs, each with an address of its own: `[address, name]`. */
export function Tabs({ label, tabs, here }) {
  const ref = useRef(null);
  useInSight(ref, `${here} ${tabs.map(([, name]) => typeof name)}`);
  return html`<nav class="tabs" aria-label=${label} ref=${ref}>
    ${tabs.map(
      ([address, name]) =>
        html`<a key=${address} href=${address} aria-current=${address === here ? "page" : undefined}
          >${name}</a
        >`,
    )}
  </nav>`;
}

/** A table of rows; on a phone each row is a card. `columns`: `{name, of(row), isNumber}`. */
export function Table({ caption, columns, rows, keyOf }) {
  return html`<table class="table cards">
    <caption class="unseen">${caption}</caption>
    <thead>
      <tr>
        ${columns.map(
          (column) =>
            html`<th key=${column.name} scope="col" class=${column.isNumber ? "number" : ""}>
              ${column.isSilent ? html`<span class="unseen">${column.name}</span>` : column.name}
            </th>`,
        )}
      </tr>
    </thead>
    <tbody>
      ${rows.map(
        (row) =>
          html`<tr key=${keyOf(row)}>
            ${columns.map(
              (column) =>
                html`<td
                  key=${column.name}
                  class=${column.isNumber ? "number" : ""}
                  data-label=${column.isSilent ? undefined : column.name}
                >
                  <div>${column.of(row)}</div>
                </td>`,
            )}
          </tr>`,
      )}
    </tbody>
  </table>`;
}

/** Text that is copied at a press; says that it was. */
export function Copy({ text, label = "Copy", children }) {
  const [isDone, setDone] = useState(false);
  const copy = async () => {
    await toClipboard(text);
    setDone(true);
    setTimeout(() => setDone(false), 1600);
  };
  return html`<span class="copyable">
    ${children ?? html`<code title=${text}>${text}</code>`}
    <button class="button quiet slim" type="button" onClick=${copy} aria-label=${`${label}: ${text.slice(0, 40)}`}>
      <span aria-live="polite">${isDone ? "Copied" : label}</span>
    </button>
  </span>`;
}

/** Put text on the clipboard, also where the page is not on https. */
export async function toClipboard(text) {
  if (navigator.clipboard && window.isSecureContext) {
    await navigator.clipboard.writeText(text);
    return;
  }
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "unseen";
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

/**
 * A dialog that takes the focus and gives it back; Escape and the backdrop close it.
 *
 * One that `isFirm` holds what is not shown again: it closes by its own button alone.
 */
export function Dialog({ title, onClose, isFirm = false, children }) {
  const ref = useRef(null);
  const isGone = useRef(false);
  const id = useId();
  useLayoutEffect(() => {
    const dialog = ref.current;
    dialog.showModal();
    return () => {
      isGone.current = true; // its event comes later, when another dialog may be open
      dialog.close();
      keepFocus(document.activeElement);
    };
  }, []);
  const close = () => isGone.current || onClose();
  return html`<dialog
    ref=${ref}
    aria-labelledby=${id}
    onClose=${close}
    onCancel=${(event) => isFirm && event.preventDefault()}
    onClick=${(event) => event.target === ref.current && !isFirm && close()}
  >
    <div class="stack">
      <h2 id=${id}>${title}</h2>
      ${children}
    </div>
  </dialog>`;
}

const KEPT_MS = 5000;

/** Have the page itself take the focus where what has it goes away, as a row that was removed. */
function keepFocus(holder) {
  const look = () => {
    if (document.activeElement === document.body) document.getElementById("main")?.focus();
  };
  const watch = new MutationObserver(() => {
    if (holder.isConnected) return;
    watch.disconnect();
    look();
  });
  look();
  watch.observe(document.body, { childList: true, subtree: true });
  setTimeout(() => watch.disconnect(), KEPT_MS);
}

/** Ask before what cannot be taken back. `act` may refuse; what it says is shown. */
export function Confirm({ title, verb, children, act, onClose }) {
  const [error, setError] = useState(null);
  const [isBusy, setBusy] = useState(false);
  const go = async () => {
    setBusy(true);
    try {
      await act();
      onClose();
    } catch (refused) {
      setError(refused);
      setBusy(false);
    }
  };
  return html`<${Dialog} title=${title} onClose=${onClose}>
    <div>${children}</div>
    <${Failure} error=${error} />
    <div class="row">
      <button class="button danger push" type="button" disabled=${isBusy} onClick=${go}>${verb}</button>
      <button class="button" type="button" autofocus onClick=${onClose}>Leave it</button>
    </div>
  <//>`;
}

/** Do something every few seconds while the page is seen, and when it is seen again. */
export function useEvery(everyS, act) {
  const latest = useRef(act);
  latest.current = act;
  useEffect(() => {
    if (!everyS) return undefined;
    const again = () => document.hidden || latest.current();
    const clock = setInterval(again, everyS * 1000);
    document.addEventListener("visibilitychange", again);
    return () => {
      clearInterval(clock);
      document.removeEventListener("visibilitychange", again);
    };
  }, [everyS]);
}

/**
 * Facts that are loaded, and loaded again: `{data, error, isLoading, reload}`.
 *
 * `load(signal)` is called anew when `deps` change, every `everyS` seconds while the page is seen,
 * and by `reload`. What was there stays while the next is on its way, and stays beside an error.
 */
export function useData(load, deps = [], { everyS = 0 } = {}) {
  const [state, setState] = useState({ data: null, error: null, isLoading: true });
  const [turn, setTurn] = useState(0);
  const reload = useCallback(() => setTurn((n) => n + 1), []);
  useEffect(() => setState({ data: null, error: null, isLoading: true }), deps);
  useEffect(() => {
    const leaving = new AbortController();
    setState((old) => ({ ...old, isLoading: true }));
    load(leaving.signal).then(
      (data) => leaving.signal.aborted || setState({ data, error: null, isLoading: false }),
      (error) =>
        leaving.signal.aborted || setState((old) => ({ ...old, error, isLoading: false })),
    );
    return () => leaving.abort();
  }, [...deps, turn]);
  useEvery(everyS, () => state.isLoading || reload());
  return { ...state, reload };
}

/** The three states of loaded facts, in one place. */
export function Loaded({ of: { data, error, reload }, lines, children }) {
  return html`<${Failure} error=${error} onRetry=${reload} />
    ${data == null ? !error && html`<${Waiting} lines=${lines} />` : children(data)}`;
}
