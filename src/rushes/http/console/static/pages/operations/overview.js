/** Is everything well? One sentence, what needs a hand, and how the house stands. */

import { get } from "../../api.js";
import { bytes, count, lasting } from "../../format.js";
import { Badge, Fragment, Table, Waiting, When, html, useData, useState } from "../../ui.js";
import { isAlive, routesOnce } from "./hands.js";
import { Providers } from "./routes.js";
import { Panel, Task, Untold, some } from "./words.js";

const FAULTS = "/admin/v1/faults?limit=20";
const EVERY_S = 10;

export function Overview({ house, hands, isThere, reload }) {
  if (!isThere) return html`<${Waiting} lines=${7} label="Looking at the house" />`;
  return html`<div class="stack wide">
    <${Verdict} house=${house} hands=${hands} />
    <${AtWork} house=${house} reload=${reload} />
    <${Providers} of=${house.providers} fares=${house.routes.data?.data ?? []} onRetry=${reload} />
    <${Faults} />
    <${House} of=${house.system} />
  </div>`;
}

/** What each question is about, where it gets no answer. */
const ASKED = {
  system: "how the server is", providers: "providers", routes: "routes", doubts: "tasks in doubt",
  salvage: "salvage", dead: "webhooks that were given up", models: "models",
};

/** Names of what could not be asked, although the server has it. */
const silentOf = (house) =>
  Object.entries(house)
    .filter(([, { error }]) => error && error.status !== 404 && error.status !== 403)
    .map(([name]) => name);

function Verdict({ house, hands }) {
  const silent = silentOf(house);
  const bad = hands.filter((hand) => hand.tone === "bad").length;
  const tone = silent.length || bad ? "bad" : hands.length ? "warn" : "good";
  return html`<section class=${`verdict ${tone}`} aria-labelledby="verdict">
    <div role="status"><h2 id="verdict">${sentence(house, hands, silent, bad)}</h2></div>
    ${hands.length > 0 &&
    html`<ul>
      ${hands.map(
        (hand) => html`<li key=${`${hand.about} ${hand.text.slice(0, 40)}`} class=${hand.tone}>
          <p>${hand.text}</p>
          <a class="button slim" href=${hand.href}>${hand.verb}<span class="unseen">: ${hand.of ?? hand.about}</span></a>
        </li>`,
      )}
    </ul>`}
  </section>`;
}

function sentence(house, hands, silent, bad) {
  if (silent.length === Object.keys(house).length - (house.models.data || house.models.error ? 0 : 1)) {
    return "The server does not answer: what stands here is from before.";
  }
  if (silent.length) return `Not everything can be seen now: ${silent.map((name) => ASKED[name]).join(", ")}.`;
  if (bad) return `${some(bad, "thing needs", "things need")} a hand${hands.length > bad ? `, and ${some(hands.length - bad, "thing")} should be looked at` : ""}.`;
  if (hands.length) return `All works; ${some(hands.length, "thing")} should be looked at.`;
  const routes = routesOnce(house.routes.data?.data ?? []).length;
  return routes ? `All is well: ${some(routes, "route works", "routes work")}, and nothing waits for you.` : "All is well: the sandbox draws everything, and nothing waits for you.";
}

function AtWork({ house, reload }) {
  const { data, error } = house.system;
  if (!data) return html`<${Untold} error=${error} what="how it stands" where="GET /admin/v1/system" onRetry=${reload} />`;
  const sum = (name) => (house.providers.data?.data ?? []).reduce((all, one) => all + one[name], 0);
  const tiles = [
    ["Unfinished", data.unfinished, ""],
    ["Queued", data.queued, "queued"],
    ["With providers", sum("in_flight"), ""],
    ["In doubt", sum("in_doubt"), "in_doubt"],
    ["Being stored", sum("storing"), "storing"],
  ];
  return html`<dl class="counts" aria-label="Tasks under way">
    ${tiles.map(
      ([name, number, status]) => html`<div key=${name}>
        <dt>${name}</dt>
        <dd>${status
          ? html`<a href=${`#/operations/tasks?status=${status}`}>${count(number)}<span class="unseen"> ${name}</span></a>`
          : count(number)}</dd>
      </div>`,
    )}
  </dl>`;
}

const FAULTS_SHOWN = 6;

function Faults() {
  const [isAll, setAll] = useState(false);
  const told = useData((signal) => get(FAULTS, { signal }), [], { everyS: EVERY_S });
  const rows = told.data?.data ?? [];
  return html`<${Panel} title="Last faults" id="faults" note="What went wrong with tasks lately, and was tried again or ended them.">
    <${Untold} error=${told.error} what="its faults" where="GET /admin/v1/faults" onRetry=${told.reload} />
    ${told.data && rows.length === 0 && html`<p class="soft">Nothing went wrong lately.</p>`}
    ${rows.length > 0 && html`<${Table} caption="Last faults" rows=${isAll ? rows : rows.slice(0, FAULTS_SHOWN)} keyOf=${(fault) => `${fault.task_id} ${fault.n} ${fault.status} ${fault.what}`} columns=${FAULT_COLUMNS} />`}
    ${rows.length > FAULTS_SHOWN &&
    html`<p><button class="button slim" type="button" aria-expanded=${isAll} onClick=${() => setAll(!isAll)}>
      ${isAll ? "Show fewer faults" : `Show all ${rows.length} faults`}
    </button></p>`}
  <//>`;
}

const UNHAPPY = new Set(["doubt", "lost", "gone"]);

const FAULT_COLUMNS = [
  { name: "Last seen", of: (fault) => html`<${When} at=${fault.at} />` },
  { name: "What", of: (fault) => html`${fault.what || "no reason was told"}${fault.count > 1 && html`${" "}<span class="soft small">${fault.count} times</span>`}` },
  {
    name: "What became of it",
    of: (fault) => html`<${Badge} tone=${UNHAPPY.has(fault.verdict) ? "bad" : undefined} word=${fault.verdict ?? fault.status} />${fault.meaning && html`<p class="small soft why">${fault.meaning}</p>`}`,
  },
  { name: "Where", of: (fault) => html`${fault.provider ?? "–"}<p class="small soft">${fault.model}</p>` },
  { name: "Task", of: (fault) => html`<${Task} id=${fault.task_id} />` },
];

function House({ of: { data } }) {
  if (!data) return null;
  const free = Object.entries(data.free_bytes).filter(([, size]) => size !== null);
  return html`<div class="halves">
    <${Panel} title="System" id="system">
      <dl class="facts">
        <dt>State</dt>
        <dd class="row close">
          ${Object.entries(data.checks).map(([name, word]) => html`<${Badge} key=${name} tone=${word === "ok" ? "good" : "bad"}>${name} ${word}<//>`)}
        </dd>
        <dt>Version</dt>
        <dd>${data.version}, started <${When} at=${data.started_at} /></dd>
        <dt>Database</dt>
        <dd>${data.database}</dd>
        <dt>Films</dt>
        <dd>${data.storage === "file" ? "files in a folder" : data.storage}</dd>
        ${free.map(([what, size]) => html`<${Fragment} key=${what}><dt>Free for ${what === "films" ? "films" : "data"}</dt><dd>${bytes(size)}</dd><//>`)}
        <dt>Models</dt>
        <dd><a href="#/operations/models">${data.models.live.length} live, ${data.models.rehearsed.length} rehearsed</a></dd>
      </dl>
    <//>
    <${Panel} title="Processes" id="processes" note="Those that carry tasks, and the one that answers here.">
      <${Table} caption="Processes" rows=${data.processes} keyOf=${(one) => one.id} columns=${PROCESS_COLUMNS} />
    <//>
  </div>`;
}

const PROCESS_COLUMNS = [
  {
    name: "Process",
    of: (one) => html`<span class="mono">${one.id}</span>${one.is_this && html`${" "}<${Badge}>answers here<//>`}
      <p class="small soft">${one.roles.map((role) => ROLES[role] ?? role).join(", ")}</p>`,
  },
  {
    name: "State",
    of: (one) => {
      if (one.silent_s === null) return html`<${Badge}>carries no tasks<//>`;
      return isAlive(one) ? html`<${Badge} tone="good">alive<//>` : html`<${Badge} tone="bad">silent<//>`;
    },
  },
  { name: "Last sign of life", isNumber: true, of: (one) => (one.silent_s === null ? "–" : `${lasting(one.silent_s)} ago`) },
];

const ROLES = { api: "answers callers", worker: "carries tasks" };
