import { Head, html } from "../ui.js";

export function Audit() {
  return html`<${Head} title="Audit" />`;
}
