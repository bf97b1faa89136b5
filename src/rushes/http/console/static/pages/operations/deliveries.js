/** Events on their way to addresses: how each stands, what was answered, and once more. */

import { at, get, send } from "../../api.js";
import { instant, since } from "../../format.js";
import { Pages, usePages } from "../../paging.js";
import { toast } from "../../toasts.js";
import { Badge, Empty, Failure, Strip, Table, When, html, useState } from "../../ui.js";
import { Task, short, some } from "./words.js";

const EVERY_S = 5;
const STATES = [
  { value: "", label: "All" },
  { value: "waiting", label: "Waiting" },
  { value: "delivered", label: "Delivered" },
  { value: "dead", label: "Given up" },
];
const TONES = { waiting: "busy", delivered: "good", dead: "bad" };
const WORDS = { waiting: "waiting", delivered: "delivered", dead: "given up" };

export function Deliveries({ query, everybody }) {
  const state = query.get("state") ?? "";
  const list = usePages(
    async (before, signal) => {
      const told = await get(at("/admin/v1/posts", { limit: 30, state, before }), { signal });
      return { rows: told.data, next: told.next };
    },
    [state],
    { keyOf: (post) => `${post.event_id} ${post.url}`, everyS: EVERY_S },
  );
  const [error, setError] = useState(null);
  const again = async (post) => {
    setError(null);
    try {
      await send("POST", `/admin/v1/posts/${post.event_id}/redeliver`, { url: post.url });
      toast(`It is posted to ${post.url} again.`);
      list.reload();
    } catch (refused) {
      setError(refused);
    }
  };
  return html`<div class="stack">
    <${Strip}
      label="State"
      options=${STATES}
      value=${state}
      onPick=${(value) => {
        location.hash = at("#/operations/deliveries", { state: value });
      }}
    />
    <${Failure} error=${error} />
    <${Pages} of=${list} empty=${html`<${Nothing} state=${state} />`}>
      ${(rows) => html`<${Table}
        caption="Deliveries, the newest first"
        rows=${rows}
        keyOf=${(post) => `${post.event_id} ${post.url}`}
        columns=${columnsOf(everybody, again)}
      />`}
    <//>
  </div>`;
}

function Nothing({ state }) {
  if (state === "dead") {
    return html`<${Empty} title="Nothing was given up">Every address answered, or is still tried.<//>`;
  }
  if (state) {
    return html`<${Empty} title="Nothing stands so" action=${html`<a class="button" href="#/operations/deliveries">Show all</a>`}
      >No delivery is ${WORDS[state]} now.<//>`;
  }
  return html`<${Empty} title="No webhook was posted yet">
    Give a callback_url with a task, or add an endpoint for an account:${" "}
    <code>rushes webhooks endpoints add URL</code>. Every end of a task is then one delivery here.
  <//>`;
}

const columnsOf = (everybody, again) => [
  {
    name: "Address",
    of: (post) => html`<span class="mono">${post.url}</span>
      <p class="small soft">
        ${everybody.accounts.get(post.account_id)?.name ?? post.account_id},${" "}
        ${post.endpoint_id ? "an endpoint of the account" : "the task’s own address"}
      </p>`,
  },
  {
    name: "State",
    of: (post) => html`<${Badge} tone=${TONES[post.state]}>${WORDS[post.state] ?? post.state}<//>
      ${post.state === "waiting" && post.due_at && html`<p class="small soft">next try ${since(post.due_at)}</p>`}
      ${post.note && post.note !== post.attempts.at(-1)?.note && html`<p class="small soft why">${post.note}</p>`}`,
  },
  { name: "Last answer", of: (post) => html`<${Attempts} attempts=${post.attempts} />` },
  {
    name: "Event",
    of: (post) => html`<span class="mono small" title=${post.event_id}>${short(post.event_id)}</span>
      <p class="small">of <${Task} id=${post.task_id} /></p>`,
  },
  { name: "Made", of: (post) => html`<${When} at=${post.created_at} />` },
  {
    name: "Verbs",
    isSilent: true,
    of: (post) =>
      html`<button
        class="button slim"
        type="button"
        disabled=${post.state === "waiting" && post.attempts.length === 0}
        aria-label=${`Deliver ${post.event_id} to ${post.url} again`}
        onClick=${() => again(post)}
      >
        ${post.state === "waiting" ? "Try now" : "Re-deliver"}
      </button>`,
  },
];

const answerOf = ({ http_status: status, note }) => note || (status ? `answered ${status}` : "no answer");

function Attempts({ attempts }) {
  if (!attempts.length) return html`<span class="soft">not tried yet</span>`;
  const last = attempts.at(-1);
  if (attempts.length === 1) {
    return html`<span>${answerOf(last)}</span><p class="small soft"><${When} at=${last.at} /></p>`;
  }
  return html`<span>${answerOf(last)}</span>
    <details class="small">
      <summary>${some(attempts.length, "attempt")}, the last <${When} at=${last.at} /></summary>
      <ol class="stack tight">
        ${attempts.map((one, n) => html`<li key=${n}>${instant(one.at)}: ${answerOf(one)}</li>`)}
      </ol>
    </details>`;
}
