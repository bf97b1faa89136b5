import { Head, html } from "../ui.js";

export function Playground() {
  return html`<${Head} title="Playground" />`;
}
