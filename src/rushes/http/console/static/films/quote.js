/** The price before you press, and what is wrong before anything is paid. */

import { send } from "../api.js";
import { money } from "../format.js";
import { html, useEffect, useMemo, useState } from "../ui.js";
import { bodyOf, isSmall, lacks } from "./wish.js";

const PAUSE_MS = 350;
const HEAVY_PAUSE_MS = 1500;
const HEAVY = 200_000;

let isOffered = true;

/** Ask for the price of a form as it stands: `{quote, refused, isAsking, isOffered}`. */
export function useQuote(form, model) {
  const [state, setState] = useState({ quote: null, refused: null, isAsking: false });
  const sent = useMemo(() => quotable(form, model), [form, model]);
  useEffect(() => {
    if (sent === null || !isOffered) {
      setState({ quote: null, refused: null, isAsking: false });
      return undefined;
    }
    const leaving = new AbortController();
    setState((old) => ({ ...old, isAsking: true }));
    const ask = async () => {
      try {
        const quote = await send("POST", "/v1/video/quotes", JSON.parse(sent), {
          signal: leaving.signal,
        });
        setState({ quote, refused: null, isAsking: false });
      } catch (refused) {
        if (leaving.signal.aborted) return;
        if (["route_not_found", "method_not_allowed", "http_404"].includes(refused.code))
          isOffered = false;
        setState({ quote: null, refused: isOffered ? refused : null, isAsking: false });
      }
    };
    const timer = setTimeout(ask, sent.length > HEAVY ? HEAVY_PAUSE_MS : PAUSE_MS);
    return () => {
      clearTimeout(timer);
      leaving.abort();
    };
  }, [sent]);
  return { ...state, isOffered };
}

/** Return the body to be quoted, as text; null where a field is still to be filled. */
function quotable(form, model) {
  const { prompt, ...wrong } = lacks(form, model);
  if (Object.keys(wrong).length || !isSmall(form)) return null;
  // The price does not hang on the words: while they are being thought of, any will do.
  const words = prompt && !form.prompt.trim() ? "A film" : form.prompt;
  return JSON.stringify(bodyOf({ ...form, prompt: words }));
}

/** The price in one line, told to screen readers when it changes. */
export function Price({ quote: { quote, refused, isAsking, isOffered: isTold }, model }) {
  if (!isTold)
    return html`<p class="price soft small">${model.rehearsal ? "A rehearsal: free." : "This server does not tell prices beforehand."}</p>`;
  return html`<p class=${`price ${isAsking ? "stale" : ""}`} role="status" aria-label="Price">
    ${
      quote
        ? html`<strong>${money(quote.hold_microusd)}</strong>${" "}
          <span class="soft small">${meaningOf(quote)}</span>`
        : html`<span class="soft small">${isAsking ? "Asking for the price …" : refused ? "No price yet: something above is not right." : "The price is told when the form is complete."}</span>`
    }
  </p>`;
}

function meaningOf(quote) {
  const shape = [
    `${quote.seconds > 0 ? `${quote.seconds} s` : "as long as it likes"}`,
    String(quote.size).replace("x", "×"),
  ];
  if (quote.with_audio) shape.push("with sound");
  const why = quote.rehearsal
    ? "a rehearsal"
    : quote.hold_microusd
      ? "at most, held until it is done"
      : "no price is set";
  return [why, ...shape, quote.price].filter(Boolean).join(" · ");
}
