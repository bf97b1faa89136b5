/** Models: which are live and which rehearsed, what they cost, and which are about to go. */

import { day, money } from "../../format.js";
import { Badge, Day, Empty, Table, html } from "../../ui.js";
import { Panel, Untold } from "./words.js";

const DAY_S = 86_400;
/** So long before its day a model is spoken of. */
export const SOON_S = 60 * DAY_S;
/** A card that nobody looked at for so long may be wrong. */
const OLD_S = 90 * DAY_S;

const PER = { second: "second", film: "film", million_tokens: "million tokens", input_second: "second of input" };

/** Unix seconds of a date of the wire, 2026-09-24. */
export const dated = (text) => (text ? Date.parse(text) / 1000 : null);

/**
 * Live models whose maker has called an end that is near; by the house, else by cards. What was
 * retired long ago and is still live goes by a route of the operator's own, and needs nobody.
 */
export function retiring(system, models, now) {
  const known = system
    ? system.retiring.filter((one) => system.models.live.includes(one.model))
    : (models ?? []).filter((model) => !model.rehearsal && model.retires_at).map((model) => ({ ...model, model: model.id }));
  return known.filter((one) => dated(one.retires_at) > now && dated(one.retires_at) - now < SOON_S);
}

/** Models without their cards, for a key that does not open the catalog. */
function bare({ system, routes }) {
  const dates = new Map((system?.retiring ?? []).map((one) => [one.model, one]));
  const names = system
    ? [...system.models.live.map((id) => [id, false]), ...system.models.rehearsed.map((id) => [id, true])]
    : routes.map((fare) => [fare.model, false]);
  return [...new Map(names)].map(([id, rehearsal]) => ({ ...dates.get(id), id, rehearsal, isBare: true }));
}

export function Models({ house, isThere }) {
  const { models, routes } = house;
  const fares = routes.data?.data ?? [];
  const told = models.data?.data ?? null;
  const rows = told ?? bare({ system: house.system.data, routes: fares });
  const routesOf = (id) => fares.filter((fare) => fare.model === id);
  return html`<div class="stack">
    <p class="soft prose">
      A model is live where a provider of yours makes its films, and rehearsed where the built-in
      sandbox draws in its place. Cards say what a model can do; each was read on a day.
    </p>
    ${told === null && !models.error && isThere
      ? html`<p class="note">
          This key opens no catalog: one with read or generate beside admin sees here what each model
          costs, and when its card was read.
        </p>`
      : html`<${Untold} error=${models.error} what="its models" where="GET /v1/models" />`}
    ${rows.length === 0
      ? html`<${Empty} title="No model is served">
          Without a provider every model is rehearsed. <code>rushes init</code> writes the first one
          into <code>rushes.toml</code>.
        <//>`
      : html`<${Panel} title="Models" id="models" note=${sums(rows)}>
          <${Table} caption="Models" rows=${rows} keyOf=${(model) => model.id} columns=${columnsOf(routesOf)} />
        <//>`}
  </div>`;
}

function sums(rows) {
  const rehearsed = rows.filter((model) => model.rehearsal || model.id === "sandbox").length;
  return `${rows.length - rehearsed} live, ${rehearsed} drawn by the sandbox`;
}

const columnsOf = (routesOf) => [
  { name: "Model", of: (model) => html`<strong class="mono">${model.id}</strong>${model.owned_by && html`<p class="small soft">${model.owned_by}</p>`}` },
  {
    name: "Made by",
    of: (model) => {
      if (model.id === "sandbox") return html`<${Badge}>sandbox<//>`;
      if (model.rehearsal) return html`<${Badge} word="rehearsal" />`;
      return html`<${Badge} word="live" />
        ${routesOf(model.id).map((fare) => html`<p class="small" key=${`${fare.provider}/${fare.upstream_model}`}>
          ${fare.provider} <span class="soft mono">${fare.upstream_model}</span>${fare.state !== "closed" && html`${" "}<${Badge} tone="bad">${fare.state}<//>`}
        </p>`)}`;
    },
  },
  { name: "Price", of: (model) => html`<${Price} model=${model} />` },
  { name: "Card read", of: (model) => html`<${Checked} at=${dated(model.checked_at)} />` },
  { name: "Retires", of: (model) => html`<${Retires} model=${model} />` },
];

function Price({ model }) {
  if (model.isBare) return html`<span class="soft">not told</span>`;
  const rules = model.capabilities?.price?.rules ?? [];
  if (!rules.length) return html`<span class="soft">free</span>`;
  return html`<ul class="small">
    ${rules.map((rule, n) => html`<li key=${n}>${money(rule.microusd)} per ${PER[rule.per] ?? rule.per}${whenOf(rule.when)}</li>`)}
  </ul>`;
}

function whenOf(when) {
  const words = Object.entries(when ?? {})
    .filter(([, value]) => value != null)
    .map(([name, value]) => (name === "audio" ? (value ? "with sound" : "silent") : value));
  return words.length ? ` (${words.join(", ")})` : "";
}

function Checked({ at }) {
  if (at == null) return html`<span class="soft">–</span>`;
  const isOld = Date.now() / 1000 - at > OLD_S;
  return html`<${Day} at=${at} />${isOld && html`${" "}<${Badge} tone="warn">old<//>`}`;
}

function Retires({ model }) {
  const at = dated(model.retires_at);
  if (at == null) return html`<span class="soft">–</span>`;
  const left = at - Date.now() / 1000;
  const isNear = left > 0 && left < SOON_S;
  return html`<${Badge} tone=${isNear && !model.rehearsal ? "warn" : ""}>${left < 0 ? `retired ${day(at)}` : day(at)}<//>
    ${left < 0 && !model.rehearsal && html`<p class="small soft">your own route serves its name</p>`}
    ${model.successor && html`<p class="small">use <span class="mono">${model.successor}</span></p>`}`;
}
