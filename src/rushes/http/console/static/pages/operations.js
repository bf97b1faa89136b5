import { Head, html } from "../ui.js";

export function Operations() {
  return html`<${Head} title="Operations" />`;
}
