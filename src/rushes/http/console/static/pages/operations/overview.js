/** Is everything well? One sentence, what needs a hand, and how the house stands. */

import { get } from "../../api.js";
import { bytes, count, lasting } from "../../format.js";
import { Badge, Table, Waiting, When, html, useData } from "../../ui.js";
import { SILENT_S_MAX, routesOnce } from "./hands.js";
import { Providers } from "./routes.js";
import { Panel, Task, Untold, some } from "./words.js";

const FAULTS = "/admin/v1/faults?limit=20";
const EVERY_S = 10;

export function Overview({ house, hands, isThere, reload }) {
  if (!isThere) return html`<${Waiting} lines=${7} label="Looking at the house" />`;
  return html`<div class="stack wide">
    <${Verdict} house=${house} hands=${hands} />
    <${AtWork} of=${house.system} reload=${reload} />
    <${Providers} of=${house.providers} fares=${house.routes.data?.data ?? []} onRetry=${reload} />
    <${Faults} />
    <${House} of=${house.system} />
  </div>`;
}

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
    <h2 id="verdict" role="status">${sentence(house, hands, silent, bad)}</h2>
    ${hands.length > 0 &&
    html`<ul>
      ${hands.map(
        (hand) => html`<li key=${`${hand.about} ${hand.text.slice(0, 40)}`} class=${hand.tone}>
          <p>${hand.text}</p>
          <a class="button slim" href=${hand.href}>${hand.verb}<span class="unseen">: ${hand.about}</span></a>
        </li>`,
      )}
    </ul>`}
  </section>`;
}

function sentence(house, hands, silent, bad) {
  if (silent.length) return `Not everything can be seen: ${silent.join(", ")} did not answer.`;
  if (bad) return `${some(bad, "thing needs", "things need")} a hand${hands.length > bad ? `, and ${some(hands.length - bad, "thing")} should be looked at` : ""}.`;
  if (hands.length) return `All works; ${some(hands.length, "thing")} should be looked at.`;
  const routes = routesOnce(house.routes.data?.data ?? []).length;
  return routes ? `All is well: ${some(routes, "route works", "routes work")}, and nothing waits for you.` : "All is well: the sandbox draws everything, and nothing waits for you.";
}

const STANDS = [
  ["queued", "Queued"],
  ["submitting", "Submitting"],
  ["in_doubt", "In doubt"],
  ["running", "Running"],
  ["storing", "Storing"],
];

function AtWork({ of: { data, error }, reload }) {
  if (!data) return html`<${Untold} error=${error} what="how it stands" where="GET /admin/v1/system" onRetry=${reload} />`;
  return html`<dl class="tiles" aria-label="Tasks under way">
    ${STANDS.map(
      ([status, name]) => html`<div key=${status}>
        <dt>${name}</dt>
        <dd><a href=${`#/operations/tasks?status=${status}`}>${count(data.tasks?.[status] ?? 0)}</a></dd>
      </div>`,
    )}
  </dl>`;
}

function Faults() {
  const told = useData((signal) => get(FAULTS, { signal }), [], { everyS: EVERY_S });
  const rows = told.data?.data ?? [];
  return html`<${Panel} title="Last faults" id="faults" note="What went wrong with tasks lately, and was tried again or ended them.">
    <${Untold} error=${told.error} what="its faults" where="GET /admin/v1/faults" onRetry=${told.reload} />
    ${told.data && rows.length === 0 && html`<p class="soft">Nothing went wrong lately.</p>`}
    ${rows.length > 0 && html`<${Table} caption="Last faults" rows=${rows} keyOf=${(fault) => `${fault.task_id} ${fault.status} ${fault.note}`} columns=${FAULT_COLUMNS} />`}
  <//>`;
}

const FAULT_COLUMNS = [
  { name: "Last seen", of: (fault) => html`<${When} at=${fault.last_at} />` },
  { name: "What", of: (fault) => html`${fault.note}${fault.count > 1 && html`${" "}<span class="soft small">${fault.count} times</span>`}` },
  { name: "While", of: (fault) => html`<${Badge} word=${fault.status} />` },
  { name: "Where", of: (fault) => html`${fault.provider ?? "–"}<p class="small soft">${fault.model}</p>` },
  { name: "Task", of: (fault) => html`<${Task} id=${fault.task_id} />` },
];

function House({ of: { data } }) {
  if (!data) return null;
  return html`<div class="halves">
    <${Panel} title="System" id="system">
      <dl class="facts">
        <dt>Version</dt>
        <dd>${data.version}</dd>
        ${data.started_at != null && html`<dt>Started</dt><dd><${When} at=${data.started_at} /></dd>`}
        <dt>Database</dt>
        <dd>${data.database}</dd>
        <dt>Films</dt>
        <dd>${data.storage}</dd>
        ${(data.disks ?? []).map((disk) => html`<dt key=${disk.path}>Free at ${disk.path}</dt><dd>${bytes(disk.free_bytes)}</dd>`)}
      </dl>
    <//>
    <${Panel} title="Processes" id="processes" note="Those that carry tasks, and their last sign of life.">
      <${Table} caption="Processes" rows=${data.executors ?? []} keyOf=${(one) => one.id} columns=${PROCESS_COLUMNS} />
    <//>
  </div>`;
}

const PROCESS_COLUMNS = [
  { name: "Process", of: (one) => html`<span class="mono">${one.id}</span>` },
  { name: "State", of: (one) => (one.silent_s <= SILENT_S_MAX ? html`<${Badge} tone="good">alive<//>` : html`<${Badge} tone="bad">silent<//>`) },
  { name: "Last beat", isNumber: true, of: (one) => `${lasting(one.silent_s)} ago` },
];
