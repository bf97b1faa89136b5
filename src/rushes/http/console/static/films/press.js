/** Pressing the button: one key a press, kept with its request while nobody knows its answer. */

import { ask, keyNow } from "../api.js";
import { html, useRef, useState } from "../ui.js";
import { isUnanswered, nextStep } from "./advice.js";
import { frameOf, requestOf } from "./wish.js";

const CREATE = "/v1/video/generations";
const RESTING = { pending: null, refused: null, isBusy: false };

/** What the page keeps while the visitor looks at another one; it goes with the key. */
const memory = { of: null, form: null, sent: null, pending: null };

/** Return what was kept for the key that is here now. */
export function remembered() {
  if (memory.of !== keyNow()) {
    Object.assign(memory, { of: keyNow(), form: null, sent: null, pending: null });
  }
  return memory;
}

/** Draw a key for one press. `crypto.randomUUID` is not there on plain http. */
export function newKey() {
  const drawn = [...crypto.getRandomValues(new Uint8Array(16))];
  return `console-${drawn.map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

/** Return `{pending, refused, isBusy, go, forget, settle}`; `onMade` hears of what was accepted. */
export function usePress({ onMade }) {
  const [state, setState] = useState({ ...RESTING, pending: remembered().pending });
  const isOut = useRef(false);
  const go = async (form) => {
    if (isOut.current) return false;
    isOut.current = true;
    const pending = state.pending ?? {
      key: newKey(),
      request: requestOf(form),
      size: frameOf(form),
      prompt: form.prompt,
    };
    // Kept before it is sent: whoever leaves the page meanwhile finds it again.
    remembered().pending = pending;
    setState({ pending, refused: null, isBusy: true });
    try {
      onMade(await made(pending));
      remembered().pending = null;
      setState(RESTING);
      return true;
    } catch (refused) {
      const isOpen = isUnanswered(refused);
      if (!isOpen) remembered().pending = null;
      setState({ pending: isOpen ? pending : null, refused, isBusy: false });
      return false;
    } finally {
      isOut.current = false;
    }
  };
  const forget = () => {
    remembered().pending = null;
    setState(RESTING);
  };
  /** A form that changes has nothing to do with a plain refusal any more; an open press stays. */
  const settle = () =>
    setState((old) => (old.pending || !old.refused ? old : { ...old, refused: null }));
  return { ...state, go, forget, settle };
}

async function made({ key, request, size, prompt }) {
  const response = await ask("POST", CREATE, { ...request, headers: { "Idempotency-Key": key } });
  const told = await response.json();
  const heard = (name) => response.headers.get(name);
  return {
    id: (told.data ?? told).task_id,
    key,
    size,
    prompt,
    isNew: true,
    isReplay: heard("idempotency-replayed") === "true",
    ignored: heard("rushes-ignored-parameters"),
    coerced: heard("rushes-coerced-parameters"),
  };
}

function wordsOf(refused) {
  if (!refused) return "The last press has no answer yet.";
  return refused.code ? refused.message : "The answer was cut short.";
}

/** What was refused, what to do, and what is kept. */
export function Refusal({ refused, press }) {
  const isOpen = press.pending !== null && !press.isBusy;
  if (!refused && !isOpen) return null;
  return html`<div class="note bad" role="alert">
    <p><strong>${wordsOf(refused)}</strong></p>
    <p>
      ${
        isOpen
          ? "It is not known whether it was accepted. Ask again: the same key makes it only once."
          : nextStep(refused)
      }
    </p>
    ${
      refused?.code &&
      html`<p class="small">
        <code>${refused.code}</code>
        ${refused.requestId && html` · <span class="mono">${refused.requestId}</span>`}
      </p>`
    }
    ${
      isOpen &&
      html`<p class="small">
          What is asked again is the film as it was first sent.${" "}
          <a href="#/films">See if it is there</a>.
        </p>
        <p><button class="button slim" type="button" onClick=${press.forget}>Forget this press</button></p>`
    }
  </div>`;
}
