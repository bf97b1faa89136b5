import { Head, html } from "../ui.js";

export function Usage() {
  return html`<${Head} title="Usage" />`;
}
