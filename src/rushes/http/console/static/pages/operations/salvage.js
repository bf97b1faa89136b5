/** What may have been paid for without a film; late films are given to their callers from here. */

import { at, get, send } from "../../api.js";
import { money } from "../../format.js";
import { Pages, usePages } from "../../paging.js";
import { toast } from "../../toasts.js";
import { Badge, Dialog, Empty, Failure, Table, When, html, useData, useState } from "../../ui.js";
import { Held, Verbs } from "./doubts.js";
import { Task } from "./words.js";

const EVERY_S = 10;

/** By verdict: its colour, and what an operator can do about it. */
const VERDICTS = {
  late: ["warn", "Give it to its caller before the provider’s link dies."],
  ready: ["warn", "Give it to its caller before the provider’s link dies."],
  accepted: ["busy", "Wait: the provider still has it, and is looked at."],
  intent: ["busy", "Wait: the call may be on its way."],
  doubt: ["bad", "Look at the provider’s own list, and adopt what you find."],
  gone: ["", "The provider no longer knows it, or never said: look at the bill."],
};

export const MADE = new Set(["late", "ready"]);

export function Salvage({ query, house }) {
  const list = usePages(
    async (after, signal) => {
      const told = await get(at("/admin/v1/salvage", { limit: 30, after }), { signal });
      return { rows: told.data, next: told.next };
    },
    [],
    { keyOf: (submit) => `${submit.task_id}:${submit.n}`, everyS: EVERY_S },
  );
  const [giving, setGiving] = useState(null);
  const adopted = query.get("adopt");
  const late = (house.salvage.data?.data ?? []).find((one) => one.task_id === adopted && MADE.has(one.verdict));
  const close = () => {
    setGiving(null);
    if (adopted) location.replace("#/operations/salvage");
  };
  const [doubted, setDoubted] = useState(null);
  return html`<div class="stack">
    <p class="soft prose">
      Tasks that ended while a provider still worked on them. A final status never changes: a late
      film gets a task of its own, and nothing is submitted, so nothing is paid twice.
    </p>
    <${Pages}
      of=${list}
      empty=${html`<${Empty} title="Nothing was paid for in vain">
        Whatever a provider made was delivered. Late films, and submits that never got an answer,
        would stand here.
      <//>`}
    >
      ${(rows) => html`<${Table}
        caption="Submits of ended tasks that may have been paid without a film"
        rows=${rows}
        keyOf=${(submit) => `${submit.task_id}:${submit.n}`}
        columns=${columnsOf(setGiving, setDoubted)}
      />`}
    <//>
    ${(giving ?? late) && html`<${Give} submit=${giving ?? late} onClose=${close} />`}
    ${doubted &&
    html`<${Dialog} title="Decide about this submit" onClose=${() => setDoubted(null)}>
      <p>${doubted.task_id}, submit ${doubted.n}, to ${doubted.provider}: ${doubted.meaning}.</p>
      <${Verbs} submit=${doubted} isLive=${false} onDone=${list.reload} />
      <div class="row"><button class="button push" type="button" onClick=${() => setDoubted(null)}>Close</button></div>
    <//>`}
  </div>`;
}

const sentenceOf = (text) => `${text[0].toUpperCase()}${text.slice(1)}.`;

const columnsOf = (give, decide) => [
  { name: "Task", of: (submit) => html`<${Task} id=${submit.task_id} /><p class="small soft">submit ${submit.n}</p>` },
  {
    name: "Verdict",
    of: (submit) => html`<${Badge} tone=${VERDICTS[submit.verdict]?.[0] ?? ""}>${submit.verdict}<//>
      <p class="small soft why">${sentenceOf(submit.meaning)} ${VERDICTS[submit.verdict]?.[1]}</p>`,
  },
  {
    name: "Provider",
    of: (submit) => html`${submit.provider}<p class="small soft mono">${submit.upstream_model}</p>`,
  },
  {
    name: "Ticket",
    of: (submit) => (submit.ticket ? html`<span class="small mono">${JSON.stringify(submit.ticket)}</span>` : html`<span class="soft">none</span>`),
  },
  { name: "Asked", of: (submit) => html`<${When} at=${submit.intent_at} />` },
  {
    name: "Billed?",
    of: (submit) => (submit.is_billable ? "may be billed" : html`<span class="soft">costs nothing</span>`),
  },
  {
    name: "Verbs",
    isSilent: true,
    of: (submit) => {
      if (MADE.has(submit.verdict)) {
        return html`<button class="button first slim" type="button" aria-label=${`Adopt the film of ${submit.task_id}`}
          onClick=${() => give(submit)}>Adopt …</button>`;
      }
      return (
        submit.verdict === "doubt" &&
        html`<button class="button slim" type="button" aria-label=${`Decide about ${submit.task_id}`}
          onClick=${() => decide(submit)}>Decide …</button>`
      );
    },
  },
];

function Give({ submit, onClose }) {
  const [isCharged, setCharged] = useState(false);
  const [error, setError] = useState(null);
  const [isBusy, setBusy] = useState(false);
  const story = useData((signal) => get(`/admin/v1/tasks/${submit.task_id}`, { signal }), [submit.task_id]);
  const told = story.data?.money ?? {};
  const due = (told.hold_microusd ?? 0) - (told.capture_microusd ?? 0);
  const adopt = async (event) => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    try {
      const given = await send("POST", `/admin/v1/salvage/${submit.task_id}/adopt`, {
        n: submit.n,
        charge: isCharged,
      });
      onClose();
      toast("Adopted: its film is on its way to its caller, as a task of its own.");
      location.hash = `#/films/${given.task_id}`;
    } catch (refused) {
      setError(refused);
      setBusy(false);
    }
  };
  return html`<${Dialog} title="Give this film to its caller?" onClose=${onClose}>
    <p>
      ${submit.provider} made it after the task had ended. A new task of the same account brings it
      home: its caller finds it in every list and gets the webhook. The old task stays as it ended.
    </p>
    <dl class="facts">
      <dt>The old task held</dt>
      <dd><${Held} id=${submit.task_id} /></dd>
    </dl>
    <form class="stack" onSubmit=${adopt}>
      <label class="tick">
        <input type="checkbox" checked=${isCharged} disabled=${!due} onChange=${(event) => setCharged(event.currentTarget.checked)} />
        Charge its caller for it
      </label>
      <p class="small soft" aria-live="polite">
        ${isCharged
          ? `At most ${money(due)} are held, and charged once the film is stored, if the budget covers it.`
          : "It is free for its caller, who did not ask a second time. What the provider bills stays yours."}
      </p>
      <${Failure} error=${error} />
      <div class="row">
        <button class="button first push" disabled=${isBusy}>Adopt the film</button>
        <button class="button" type="button" onClick=${onClose}>Leave it</button>
      </div>
    </form>
  <//>`;
}
