/** Signing in: the visitor brings a key, and it stays in this tab. */

import { Failure, Field, html, useEffect, useState } from "./ui.js";

export function Gate({ onEnter, lost }) {
  const [secret, setSecret] = useState("");
  const [error, setError] = useState(lost);
  const [isBusy, setBusy] = useState(false);
  useEffect(() => {
    document.title = "Sign in – Rushes";
  }, []);
  useEffect(() => setError(lost), [lost]);

  const enter = async (event) => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    try {
      await onEnter(secret.trim());
    } catch (refused) {
      setError(refused);
      setBusy(false);
    }
  };
  return html`<main class="gate">
    <div class="pitch">
      <span class="brand"><img src="/console/mark.svg" alt="" />Rushes</span>
      <h1>Ask once, pay once,<br />get a film.</h1>
      <p>
        Make films and watch them come, look at what happened to each of them, and keep the house:
        routes, keys, budgets, what was paid and never delivered.
      </p>
    </div>
    <form class="sheet stack" onSubmit=${enter}>
      <h2>Sign in with a key</h2>
      <${Field}
        label="API key"
        hint="It stays in this tab: closing the tab forgets it."
        wrong=${error?.status === 401 ? error.message : null}
      >
        ${(ids) => html`<input
          ...${ids}
          type="password"
          name="key"
          autocomplete="off"
          spellcheck="false"
          placeholder="sk-live-… or sk-test-…"
          required
          value=${secret}
          onInput=${(event) => setSecret(event.currentTarget.value)}
        />`}
      <//>
      ${error?.status !== 401 && html`<${Failure} error=${error} />`}
      <button class="button first" disabled=${isBusy}>${isBusy ? "Asking …" : "Enter"}</button>
      <p class="small soft">
        No key yet? <code>rushes serve</code> prints the first one;${" "}
        <code>rushes keys create</code> makes more, with <code>--admin</code> for operators.
      </p>
    </form>
  </main>`;
}
