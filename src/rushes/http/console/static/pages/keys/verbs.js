/** What cannot be taken back about keys and accounts: rotate, revoke, close. */

import { send } from "../../api.js";
import { lasting } from "../../format.js";
import { toast } from "../../toasts.js";
import { Dialog, Failure, Strip, html, useState } from "../../ui.js";

const OVERLAPS = [
  { value: 0, label: "At once" },
  { value: 3_600, label: "1 hour" },
  { value: 86_400, label: "1 day" },
  { value: 604_800, label: "7 days" },
  { value: 2_592_000, label: "30 days" },
];

/** Replace a key by another with the same rights; `onMade` gets the new one with its secret. */
export function Rotate({ key_: key, onMade, onClose }) {
  const [overlap, setOverlap] = useState(86_400);
  const [error, setError] = useState(null);
  const [isBusy, setBusy] = useState(false);
  const rotate = async (event) => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    try {
      const made = await send("POST", `/admin/v1/keys/${key.id}/rotate`, { overlap_s: overlap });
      onClose();
      onMade(made);
    } catch (refused) {
      setError(refused);
      setBusy(false);
    }
  };
  return html`<${Dialog} title=${`Rotate ${key.name}`} onClose=${onClose}>
    <p>A new key with the same rights and budgets takes its place. Its secret is shown once.</p>
    <form class="stack" onSubmit=${rotate}>
      <${Strip} label="The old one ends" options=${OVERLAPS} value=${overlap} onPick=${setOverlap} />
      <p class="small soft" aria-live="polite">
        ${overlap
          ? `Both work for ${lasting(overlap)}: give the new one to its caller in that time.`
          : "The old one stops within two seconds, for whoever still has it."}${" "}
        A budget in all goes over with what is left of it.
      </p>
      <${Failure} error=${error} />
      <div class="row">
        <button class="button first push" disabled=${isBusy}>Rotate</button>
        <button class="button" type="button" onClick=${onClose}>Leave it</button>
      </div>
    </form>
  <//>`;
}

/** Ask before a door is shut; where the last operator would stay outside, ask twice. */
function Shut({ title, verb, path, said, onDone, onClose, children }) {
  const [error, setError] = useState(null);
  const [isForced, setForced] = useState(false);
  const [isBusy, setBusy] = useState(false);
  const isLast = error?.message.includes('"force"');
  const shut = async () => {
    setBusy(true);
    try {
      await send("POST", path, isForced ? { force: true } : {});
      toast(said);
      onClose();
      onDone();
    } catch (refused) {
      setError(refused);
      setBusy(false);
    }
  };
  return html`<${Dialog} title=${title} onClose=${onClose}>
    <div class="stack tight">${children}</div>
    ${isLast
      ? html`<div class="note bad" role="alert">
          <p>
            <strong>No operator’s key would be valid after this.</strong> These pages would be closed
            to everybody, and only <code>rushes keys create --admin</code> could open them.
          </p>
          <label class="tick"><input type="checkbox" checked=${isForced}
            onChange=${(event) => setForced(event.currentTarget.checked)} />I mean it all the same</label>
        </div>`
      : html`<${Failure} error=${error} />`}
    <div class="row">
      <button class="button danger push" type="button" disabled=${isBusy || (isLast && !isForced)} onClick=${shut}>${verb}</button>
      <button class="button" type="button" autofocus onClick=${onClose}>Leave it</button>
    </div>
  <//>`;
}

export function Revoke({ key_: key, isOwn, onDone, onClose }) {
  return html`<${Shut}
    title=${`Revoke ${key.name}?`}
    verb="Revoke the key"
    path=${`/admin/v1/keys/${key.id}/revoke`}
    said=${`${key.name} is revoked.`}
    onDone=${onDone}
    onClose=${onClose}
  >
    <p>
      Within two seconds no process lets <span class="mono">${key.prefix}…</span> in any more, and
      event streams and waiting requests that it has open end.
    </p>
    <p>What it has under way goes on, and its films stay with their account. A revoked key never comes back.</p>
    ${isOwn && html`<p class="note warn">This is the key that you are signed in with: you will be signed out.</p>`}
  <//>`;
}

export function Close({ account, keyCount, onDone, onClose }) {
  return html`<${Shut}
    title=${`Close ${account.name}?`}
    verb="Close the account"
    path=${`/admin/v1/accounts/${account.id}/close`}
    said=${`${account.name} is closed.`}
    onDone=${onDone}
    onClose=${onClose}
  >
    <p>
      None of its ${keyCount} keys is let in any more, within two seconds. What it has under way goes
      on, and its films stay.
    </p>
    <p>It can be reopened, and its keys are then valid again.</p>
  <//>`;
}
