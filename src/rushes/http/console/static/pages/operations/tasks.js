/** Tasks of all accounts: whose, which, and how they stand; each leads to its story. */

import { at, get, send } from "../../api.js";
import { lasting, money } from "../../format.js";
import { Pages, usePages } from "../../paging.js";
import { toast } from "../../toasts.js";
import { Badge, Confirm, Empty, Field, Table, When, html, useData, useEffect, useId, useState } from "../../ui.js";
import { Task } from "./words.js";

const STATUSES = ["queued", "submitting", "in_doubt", "running", "storing", "succeeded", "failed", "canceled", "expired"];
const FINAL = new Set(["succeeded", "failed", "canceled", "expired"]);
const FILTERS = ["status", "model", "account_id", "key_id"];
const EVERY_S = 5;

export function Tasks({ query, everybody }) {
  const wanted = Object.fromEntries(FILTERS.map((name) => [name, query.get(name) ?? ""]));
  const list = usePages(
    async (after, signal) => {
      const told = await get(at("/admin/v1/tasks", { ...wanted, limit: 30, after }), { signal });
      return { rows: told.data, next: told.has_more ? told.last_id : null };
    },
    FILTERS.map((name) => wanted[name]),
    { keyOf: (task) => task.id, everyS: EVERY_S },
  );
  const [ending, setEnding] = useState(null);
  const isFiltered = FILTERS.some((name) => wanted[name]);
  const change = (name, value) => {
    const next = { ...wanted, [name]: value, ...(name === "account_id" ? { key_id: "" } : {}) };
    location.hash = at("#/operations/tasks", next);
  };
  const cancel = async () => {
    await send("POST", `/admin/v1/tasks/${ending.id}/cancel`, {});
    toast("The task was canceled.");
    list.reload();
  };
  return html`<div class="stack">
    <${Filters} wanted=${wanted} change=${change} everybody=${everybody} isFiltered=${isFiltered} />
    <${Pages} of=${list} empty=${html`<${Nothing} isFiltered=${isFiltered} />`}>
      ${(rows) => html`<${Table}
        caption="Tasks, the newest first"
        rows=${rows}
        keyOf=${(task) => task.id}
        columns=${columnsOf(everybody, setEnding)}
      />`}
    <//>
    ${ending &&
    html`<${Confirm}
      title="Cancel this task?"
      verb="Cancel the task"
      act=${cancel}
      onClose=${() => setEnding(null)}
    >
      <p>
        ${ending.id} is ${ending.status.replaceAll("_", " ")}. Its caller is told “Canceled by
        caller”, and its provider is told to stop where it can be.
      </p>
      <p>
        ${ending.hold_microusd
          ? `${money(ending.hold_microusd)} are held for it: released, unless the cancel rule of this server keeps them.`
          : "Nothing is held for it."}${" "}
        What its provider has begun may be billed to you all the same, and is then listed under
        salvage.
      </p>
    <//>`}
  </div>`;
}

function Filters({ wanted, change, everybody, isFiltered }) {
  const models = useData((signal) => modelsKnown(signal));
  const [model, setModel] = useState(wanted.model);
  useEffect(() => setModel(wanted.model), [wanted.model]);
  const listId = useId();
  const keys = [...everybody.keys.values()].filter(
    (key) => !wanted.account_id || key.account_id === wanted.account_id,
  );
  const pick = (name) => (event) => change(name, event.currentTarget.value.trim());
  const choice = (label, name, options) => html`<${Field} label=${label}>
    ${(ids) => html`<select ...${ids} value=${wanted[name]} onChange=${pick(name)}>
      <option value="">All</option>
      ${wanted[name] && !options.some(([value]) => value === wanted[name])
        ? html`<option value=${wanted[name]}>${wanted[name]}</option>`
        : null}
      ${options.map(([value, text]) => html`<option key=${value} value=${value}>${text}</option>`)}
    </select>`}
  <//>`;
  return html`<form class="sieve" role="search" aria-label="Tasks" onSubmit=${(event) => event.preventDefault()}>
    ${choice("Status", "status", STATUSES.map((one) => [one, one.replaceAll("_", " ")]))}
    <${Field} label="Model">
      ${(ids) => html`<input ...${ids} list=${listId} value=${model} placeholder="All" spellcheck="false"
          onInput=${(event) => setModel(event.currentTarget.value)} onChange=${pick("model")} /><datalist id=${listId}>
          ${(models.data ?? []).map((one) => html`<option key=${one} value=${one}></option>`)}
        </datalist>`}
    <//>
    ${choice("Account", "account_id", [...everybody.accounts.values()].map((one) => [one.id, one.name]))}
    ${choice("Key", "key_id", keys.map((one) => [one.id, `${one.name} (${one.prefix}…)`]))}
    <${Finder} />
    ${isFiltered && html`<a class="button" href="#/operations/tasks">Show all</a>`}
  </form>`;
}

/** A task by its id, as a caller's complaint or a log has it. */
function Finder() {
  const [id, setId] = useState("");
  const go = () => {
    if (id.trim()) location.hash = `#/films/${encodeURIComponent(id.trim())}`;
  };
  return html`<${Field} label="Open a task by its id">
    ${(ids) => html`<input ...${ids} class="mono" type="search" spellcheck="false" placeholder="video_…" value=${id}
      onInput=${(event) => setId(event.currentTarget.value)} onKeyDown=${(event) => event.key === "Enter" && go()} />`}
  <//>`;
}

/** Names of models, to be picked from; what is not told is typed. */
async function modelsKnown(signal) {
  const { models } = await get("/admin/v1/system", { signal });
  return [...models.live, ...models.rehearsed];
}

function Nothing({ isFiltered }) {
  return isFiltered
    ? html`<${Empty}
        title="No task is like that"
        action=${html`<a class="button" href="#/operations/tasks">Show all tasks</a>`}
        >Nothing matches all of these filters.<//>`
    : html`<${Empty} title="Nobody has asked for a film yet">
        Tasks of all accounts appear here as soon as a caller makes one.
      <//>`;
}

const nameOf = (known, id) => known.get(id)?.name ?? id;

const columnsOf = (everybody, end) => [
  { name: "Task", of: (task) => html`<${Task} id=${task.id} />` },
  {
    name: "Status",
    of: (task) => html`<${Badge} word=${task.status} />${" "}
      ${!FINAL.has(task.status) && task.progress > 0 && html`<span class="small soft">${task.progress} %</span>`}
      ${task.message && html`<p class="small soft why">${task.message}</p>`}`,
  },
  {
    name: "Model",
    of: (task) => html`<span>${task.model}</span>${task.is_rehearsal && html`${" "}<${Badge} word="rehearsal" />`}
      ${task.provider && html`<p class="small soft">at ${task.provider}</p>`}`,
  },
  {
    name: "Caller",
    of: (task) => html`<a href=${`#/keys/${task.account_id}`}>${nameOf(everybody.accounts, task.account_id)}</a>
      <p class="small soft">${nameOf(everybody.keys, task.key_id)}</p>`,
  },
  { name: "Asked", of: (task) => html`<${When} at=${task.created_at} />` },
  {
    name: "Took",
    isNumber: true,
    of: (task) =>
      task.finished_at == null ? html`<span class="soft">under way</span>` : lasting(task.finished_at - task.created_at),
  },
  {
    name: "Money",
    isNumber: true,
    of: (task) =>
      task.charged_microusd == null
        ? html`${money(task.hold_microusd)}${task.hold_microusd > 0 && html`${" "}<span class="small soft">held</span>`}`
        : money(task.charged_microusd, { zero: task.hold_microusd ? "$0" : "free" }),
  },
  {
    name: "Verbs",
    isSilent: true,
    of: (task) =>
      !FINAL.has(task.status) &&
      html`<button class="button quiet slim" type="button" aria-label=${`Cancel ${task.id}`} onClick=${() => end(task)}>
        Cancel
      </button>`,
  },
];
