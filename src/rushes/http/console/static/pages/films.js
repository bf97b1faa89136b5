import { Head, html } from "../ui.js";

export function Films() {
  return html`<${Head} title="Films" />`;
}
