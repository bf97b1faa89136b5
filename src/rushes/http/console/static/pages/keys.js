import { Head, html } from "../ui.js";

export function Keys() {
  return html`<${Head} title="Keys" />`;
}
