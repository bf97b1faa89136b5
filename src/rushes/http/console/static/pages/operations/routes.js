/** Providers and routes: how full, how healthy, what went wrong last, and asking again. */

import { send } from "../../api.js";
import { count } from "../../format.js";
import { toast } from "../../toasts.js";
import { Badge, Confirm, Empty, Table, Waiting, When, html, useState } from "../../ui.js";
import { routesOnce } from "./hands.js";
import { Panel, Untold, some } from "./words.js";

const TONES = { closed: "good", open: "bad", probing: "warn", retired: "bad" };
const MEANING = {
  closed: "it works; tasks go there",
  open: "left alone; tasks wait or go elsewhere",
  probing: "one task is trying it; the others wait",
  retired: "the upstream no longer has the model; an operator must act",
};

export function Routes({ house, isThere, reload }) {
  if (!isThere) return html`<${Waiting} lines=${6} />`;
  return html`<div class="stack wide">
    <${Providers} of=${house.providers} fares=${house.routes.data?.data ?? []} onRetry=${reload} />
    <${Fares} of=${house.routes} reload=${reload} />
  </div>`;
}

export function Providers({ of: { data, error }, fares, onRetry }) {
  const all = data?.data ?? [];
  return html`<${Panel} title="Providers" id="providers" note="How many of its slots each has taken, and how many tasks wait for one.">
    <${Untold} error=${error} what="its providers" where="GET /admin/v1/providers" onRetry=${onRetry} />
    ${data && all.length === 0 &&
    html`<${Empty} title="No provider is configured">
      Everything is rehearsed by the sandbox. <code>rushes init</code> writes the first provider into
      ${" "}<code>rushes.toml</code>.
    <//>`}
    <div class="shelf">
      ${all.map((provider) => html`<${Provider} key=${provider.name} provider=${provider} fares=${fares.filter((fare) => fare.provider === provider.name)} />`)}
    </div>
  <//>`;
}

function Provider({ provider, fares }) {
  const { name, kind, in_flight: now = 0, in_flight_max: most, queued = 0 } = provider;
  const share = most ? Math.min(1, now / most) : 0;
  const states = [...new Set(fares.map((fare) => fare.state))].filter((state) => state !== "closed");
  return html`<article class="sheet provider" aria-label=${`Provider ${name}`}>
    <header class="row close">
      <h3>${name}</h3>
      ${kind && html`<${Badge}>${provider.profile ? `${kind}, ${provider.profile}` : kind}<//>`}
      <${Badge} word=${provider.mode} />
      ${!provider.is_configured && html`<${Badge} tone="warn">left the configuration<//>`}
      ${states.map((state) => html`<${Badge} key=${state} tone=${TONES[state]}>${state}<//>`)}
    </header>
    ${provider.base_url && html`<p class="small soft mono">${provider.base_url}</p>`}
    <div>
      <p class="row spread">
        <span>${most ? `${count(now)} of ${count(most)} in flight` : `${count(now)} in flight`}</span>
        <span class=${queued ? "" : "soft"}>${queued ? `${count(queued)} queued` : "none queued"}</span>
      </p>
      <div class=${`bar ${share >= 1 ? "warn" : ""}`} aria-hidden="true"><span style=${`width:${100 * share}%`}></span></div>
    </div>
    ${boundsOf(provider) && html`<p class="small soft">${boundsOf(provider)}</p>`}
    <${LastFault} fault=${provider.last_fault} />
    ${provider.models?.length > 0 && html`<p class="small soft">Serves ${listed(provider.models)}</p>`}
  </article>`;
}

const LISTED_MAX = 6;

const listed = (names) =>
  names.length > LISTED_MAX + 1 ? `${names.slice(0, LISTED_MAX).join(", ")} and ${names.length - LISTED_MAX} more` : names.join(", ");

/** What else it has in hand, and what else bounds it. */
function boundsOf({ in_doubt: doubted, storing, in_flight_per_account_max: each, starts_per_minute_max: starts }) {
  const told = [
    doubted > 0 && `${count(doubted)} in doubt`,
    storing > 0 && `${count(storing)} being stored`,
    each && `at most ${count(each)} of one account`,
    starts && `at most ${count(starts)} starts a minute`,
  ].filter(Boolean);
  return told.join(" · ");
}

function LastFault({ fault }) {
  if (!fault) return html`<p class="small soft">No fault is on record.</p>`;
  return html`<p class="small"><strong>Last fault</strong> <${When} at=${fault.at} />: ${fault.what}</p>`;
}

function Fares({ of: { data, error }, reload }) {
  const [resetting, setResetting] = useState(null);
  const rows = routesOnce(data?.data ?? []);
  const reset = async () => {
    const { provider, upstream_model } = resetting;
    await send("POST", "/admin/v1/routes/reset", { provider, upstream_model });
    toast(`${resetting.name} is asked again from now on.`);
    reload();
  };
  return html`<${Panel} title="Routes" id="routes" note="Which upstream a model’s tasks go to: the smallest priority first, the next only when the one before proved not to have a task.">
    <${Untold} error=${error} what="its routes" where="GET /admin/v1/routes" onRetry=${reload} />
    ${data && rows.length === 0 && html`<p class="soft">No model has a route: tasks are drawn by the sandbox.</p>`}
    ${rows.length > 0 && html`<${Table} caption="Routes" rows=${rows} keyOf=${(route) => route.name} columns=${columnsOf(setResetting)} />`}
    ${resetting &&
    html`<${Confirm} title="Forget what went wrong here?" verb="Reset the route" act=${reset} onClose=${() => setResetting(null)}>
      <p>
        ${resetting.name} is ${resetting.state} after ${some(resetting.fault_count, "fault")}${resetting.note ? `: ${resetting.note}` : "."}
      </p>
      <p>
        Its memory is cleared, and tasks are sent there at once. What is still broken fails again,
        and opens it again after three faults; a submit without an answer may cost money.
      </p>
    <//>`}
  <//>`;
}

const isPast = (at) => at <= Date.now() / 1000;

const columnsOf = (reset) => [
  {
    name: "Route",
    of: (route) => html`<strong>${route.provider}</strong> <span class="mono">${route.upstream_model}</span>
      <p class="small soft">for ${route.models.join(", ")}</p>`,
  },
  {
    name: "State",
    of: (route) => html`<${Badge} tone=${TONES[route.state]}>${route.state}<//>
      <p class="small soft why">${MEANING[route.state]}</p>
      ${route.state !== "closed" && route.changed_at && html`<p class="small">since <${When} at=${route.changed_at} isExact /></p>`}
      ${route.open_until && html`<p class="small">${isPast(route.open_until) ? "the next task tries it" : html`until <${When} at=${route.open_until} isExact />`}</p>`}`,
  },
  {
    name: "Faults in a row",
    of: (route) => html`${count(route.fault_count)}${route.note && html`<p class="small why">${route.note}</p>`}`,
  },
  { name: "Priority", isNumber: true, of: (route) => html`${route.priority} <span class="small soft">× ${route.weight}</span>` },
  { name: "Billed?", of: (route) => (route.billable ? "may be billed" : html`<span class="soft">costs nothing</span>`) },
  {
    name: "Verbs",
    isSilent: true,
    of: (route) =>
      html`<button class="button slim" type="button" disabled=${route.state === "closed" && route.fault_count === 0}
        aria-label=${`Reset the route ${route.name}`} onClick=${() => reset(route)}>Reset …</button>`,
  },
];
