/** Submits that got no answer: what is known, what it means in money, and what can be done. */

import { at, get, send } from "../../api.js";
import { money, since } from "../../format.js";
import { Pages, usePages } from "../../paging.js";
import { toast } from "../../toasts.js";
import { Badge, Confirm, Dialog, Empty, Failure, Field, When, html, useData, useState } from "../../ui.js";
import { Task } from "./words.js";

const EVERY_S = 5;

export function Doubts() {
  const list = usePages(
    async (after, signal) => {
      const told = await get(at("/admin/v1/doubts", { limit: 20, after }), { signal });
      return { rows: told.data, next: told.next };
    },
    [],
    { keyOf: (doubt) => `${doubt.task_id}:${doubt.n}`, everyS: EVERY_S },
  );
  return html`<div class="stack">
    <p class="soft prose">
      A provider was asked and did not answer, so it may have taken the task, and may bill it. It is
      searched for by itself; what may be billed is never sent again. Tasks that ended so are
      under <a href="#/operations/salvage">salvage</a>.
    </p>
    <${Pages}
      of=${list}
      empty=${html`<${Empty} title="Nothing is in doubt">Every submit got an answer.<//>`}
    >
      ${(rows) =>
        rows.map((doubt) => html`<${Doubt} key=${doubt.task_id} doubt=${doubt} onDone=${list.reload} />`)}
    <//>
  </div>`;
}

function Doubt({ doubt, onDone }) {
  return html`<article class="sheet case" aria-label=${`In doubt: ${doubt.task_id}`}>
    <header class="row">
      <h2><${Task} id=${doubt.task_id} /></h2>
      <${Badge} word="in_doubt" />
      ${doubt.is_billable
        ? html`<${Badge} tone="bad">may be billed<//>`
        : html`<${Badge} tone="good">costs nothing upstream<//>`}
    </header>
    <dl class="facts">
      <dt>Asked of</dt>
      <dd>${doubt.provider}, for <span class="mono">${doubt.upstream_model}</span></dd>
      <dt>When</dt>
      <dd><${When} at=${doubt.intent_at} />, submit ${doubt.n}, reference <span class="mono">${doubt.token}</span></dd>
      <dt>Searched</dt>
      <dd>${searched(doubt)}</dd>
      <dt>Waits until</dt>
      <dd>
        <${When} at=${doubt.deadline_at} />; unless it is found, it then
        ${doubt.is_billable ? " fails as submit_in_doubt" : " is sent again, or fails as submit_in_doubt"}
      </dd>
      ${doubt.note && html`<dt>What was heard</dt><dd>${doubt.note}</dd>`}
      <dt>Held from its caller</dt>
      <dd><${Held} id=${doubt.task_id} /></dd>
    </dl>
    <${Verbs} submit=${doubt} onDone=${onDone} isLive=${doubt.is_live} />
  </article>`;
}

function searched({ look_count: count, look_at: next }) {
  const told = count === 0 ? "not yet" : count === 1 ? "once" : `${count} times`;
  return next ? `${told}; the next time ${since(next)}` : told;
}

/** What a task holds of its caller's money, or what it was charged. */
export function Held({ id }) {
  const { data, error } = useData((signal) => get(`/admin/v1/tasks/${id}`, { signal }), [id]);
  if (error) return html`<span class="soft">not known</span>`;
  if (!data) return html`<span class="soft">…</span>`;
  const { hold_microusd: held = 0, capture_microusd: charged } = data.money;
  if (!held) return "nothing: it is free";
  return charged ? `${money(held)}, of which ${money(charged)} were charged` : money(held);
}

/** What can be done about a submit in doubt; each says what it means in money. */
export function Verbs({ submit, isLive, onDone }) {
  const [open, setOpen] = useState(null);
  const [error, setError] = useState(null);
  const id = submit.task_id;
  const close = () => setOpen(null);
  const look = async () => {
    setError(null);
    try {
      await send("POST", `/admin/v1/doubts/${id}/look`, {});
      toast(`${submit.provider} is searched for it now.`);
      onDone();
    } catch (refused) {
      setError(refused);
    }
  };
  const fail = async () => {
    await send("POST", `/admin/v1/doubts/${id}/fail`, {});
    toast("The task has failed as submit_in_doubt; its hold is released.");
    onDone();
  };
  return html`<div class="deeds">
      <button class="button slim" type="button" onClick=${look}>Look now</button>
      <span class="small soft">Has ${submit.provider} searched at once. Costs nothing.</span>
      <button class="button slim" type="button" onClick=${() => setOpen("adopt")}>Adopt a ticket …</button>
      <span class="small soft">
        ${isLive
          ? "You found its job: it runs on, and its caller pays for the film as agreed."
          : "You found its job: it is watched, and its film can be given to the caller once it is late."}
      </span>
      ${isLive &&
      html`<button class="button danger slim" type="button" onClick=${() => setOpen("fail")}>Fail …</button>
        <span class="small soft">
          It waits no longer, and its caller pays nothing.
          ${submit.is_billable ? ` What ${submit.provider} bills stays yours.` : ""}
        </span>`}
    </div>
    <${Failure} error=${error} />
    ${open === "adopt" && html`<${Adopt} submit=${submit} isLive=${isLive} onDone=${onDone} onClose=${close} />`}
    ${open === "fail" &&
    html`<${Confirm} title="Fail this task?" verb="Fail the task" act=${fail} onClose=${close}>
      <p>
        It ends as submit_in_doubt, for good, and what is held for it (<${Held} id=${id} />) is
        released: its caller pays nothing.
      </p>
      <p>
        ${submit.is_billable
          ? `If ${submit.provider} took it after all, you pay for it. The submit stays on record under salvage, and a film that turns up can still be given to the caller.`
          : `${submit.provider} costs nothing here, so no money is lost.`}
      </p>
    <//>`}`;
}

function Adopt({ submit, isLive, onDone, onClose }) {
  const [text, setText] = useState("");
  const [error, setError] = useState(null);
  const [isBusy, setBusy] = useState(false);
  const adopt = async (event) => {
    event.preventDefault();
    setError(null);
    setBusy(true);
    try {
      await send("POST", `/admin/v1/doubts/${submit.task_id}/adopt`, { ticket: ticketOf(text) });
      toast(isLive ? "Adopted: the task runs on." : "Adopted: its job is watched now.");
      onDone();
      onClose();
    } catch (refused) {
      setError(refused);
      setBusy(false);
    }
  };
  const isWrong = error && (error.param?.startsWith("ticket") || error instanceof SyntaxError);
  return html`<${Dialog} title="Adopt its ticket" onClose=${onClose}>
    <p>
      Look for the job in ${submit.provider}’s own list, by the time (<${When} at=${submit.intent_at} isExact />)
      or by the reference <span class="mono">${submit.token}</span>.
    </p>
    <form class="stack" onSubmit=${adopt}>
      <${Field}
        label="Ticket: what the provider calls the job"
        hint=${`Its id alone, or the whole ticket as JSON: {"id": "…"}; of ComfyUI {"instance": "http://…", "prompt_id": "…"}.`}
        wrong=${isWrong ? error.message : null}
      >
        ${(ids) => html`<input ...${ids} class="mono" required spellcheck="false" autocomplete="off" value=${text}
          onInput=${(event) => setText(event.currentTarget.value)} />`}
      <//>
      <p class="note warn small">
        Check what you type: a job of somebody else would be delivered as this task’s film.
        ${isLive ? " Nothing is paid twice: the job is there already, and its caller pays for the film as agreed." : ""}
      </p>
      ${!isWrong && html`<${Failure} error=${error} />`}
      <div class="row">
        <button class="button first push" disabled=${isBusy}>Adopt</button>
        <button class="button" type="button" onClick=${onClose}>Leave it</button>
      </div>
    </form>
  <//>`;
}

/** A ticket as it was typed: JSON, or an id alone. */
function ticketOf(text) {
  const typed = text.trim();
  if (!typed.startsWith("{")) return { id: typed };
  try {
    return JSON.parse(typed);
  } catch {
    throw new SyntaxError('This begins like JSON and is none. A ticket is {"id": "…"}, or the id alone.');
  }
}
