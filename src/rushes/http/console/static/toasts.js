/** Short words that something was done; gone by themselves, and told to screen readers. */

import { html, useEffect, useState } from "./ui.js";

const LASTS_MS = 5000;
let listener = () => {};
let next = 0;

/** Say that something was done. */
export function toast(text) {
  listener({ id: next++, text });
}

export function Toasts() {
  const [all, setAll] = useState([]);
  useEffect(() => {
    listener = (one) => {
      setAll((old) => [...old, one]);
      setTimeout(() => setAll((old) => old.filter((other) => other.id !== one.id)), LASTS_MS);
    };
    return () => {
      listener = () => {};
    };
  }, []);
  return html`<div class="toasts" role="status">
    ${all.map((one) => html`<div key=${one.id} class="toast">${one.text}</div>`)}
  </div>`;
}
