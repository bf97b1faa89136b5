import { Head, html } from "../ui.js";

export function Film() {
  return html`<${Head} title="Film" />`;
}
