/** "Copy as": the request of the form as it stands, in four languages. */

import { html, toClipboard, useRef, useState } from "../ui.js";
import { snippets } from "./snippets.js";

export function CopyAs({ form }) {
  const [language, setLanguage] = useState(0);
  const [isDone, setDone] = useState(false);
  const tabs = useRef([]);
  const all = snippets(form, location.origin);
  const [name, text] = all[language];
  const copy = async () => {
    await toClipboard(text);
    setDone(true);
    setTimeout(() => setDone(false), 1600);
  };
  const move = (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const next = (language + step + all.length) % all.length;
    setLanguage(next);
    tabs.current[next].focus();
  };
  return html`<section class="sheet copyas" aria-labelledby="copyas-name">
    <div class="row">
      <h2 id="copyas-name">Copy as</h2>
      <div class="languages" role="tablist" aria-labelledby="copyas-name" onKeyDown=${move}>
        ${all.map(
          ([word], n) => html`<button
          key=${word}
          ref=${(element) => (tabs.current[n] = element)}
          id=${`copyas-tab-${n}`}
          class="button slim quiet"
          type="button"
          role="tab"
          aria-selected=${n === language}
          aria-controls="copyas-text"
          tabindex=${n === language ? 0 : -1}
          onClick=${() => setLanguage(n)}
        >${word}</button>`,
        )}
      </div>
      <button class="button slim push" type="button" aria-label=${`Copy ${name}`} onClick=${copy}>
        <span aria-live="polite">${isDone ? "Copied" : "Copy"}</span>
      </button>
    </div>
    <pre id="copyas-text" role="tabpanel" aria-labelledby=${`copyas-tab-${language}`} tabindex="0">${text}</pre>
  </section>`;
}
