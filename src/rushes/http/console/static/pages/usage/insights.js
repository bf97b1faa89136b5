/** How all tasks fared by the day they were accepted: why they failed, and how long films took. */

import { at, get } from "../../api.js";
import { Chart } from "../../chart.js";
import { count, lasting } from "../../format.js";
import { Failure, Table, Waiting, html, useData } from "../../ui.js";
import { Panel, Untold } from "../operations/words.js";
import { bounds, daysOf } from "./span.js";

const DAYS_MAX = 92;
const TONES = ["bad", "warn", "accent", "busy", "ink-soft", "good"];
const PATH = "/admin/v1/insights";

/** Failures that are not told apart any more where there are many reasons. */
const REASONS_MAX = TONES.length - 1;

export function Insights({ span }) {
  const days = daysOf(span);
  const isTooLong = days.length > DAYS_MAX;
  return html`<${Panel}
    title="How tasks fared"
    id="insights"
    note="Of all accounts, by the day of UTC on which a task was accepted. What was deleted or removed by retention is not counted."
  >
    ${isTooLong
      ? html`<p class="note">This is told for at most ${DAYS_MAX} days: pick a shorter span above.</p>`
      : html`<${Fared} span=${span} days=${days} />`}
  <//>`;
}

function Fared({ span, days }) {
  const { from, to } = bounds(span);
  const told = useData((signal) => get(at(PATH, { from, to }), { signal }), [from, to]);
  if (told.error?.status === 404) return html`<${Untold} error=${told.error} what="how tasks fared" where=${`GET ${PATH}`} />`;
  if (told.error) return html`<${Failure} error=${told.error} onRetry=${told.reload} />`;
  if (!told.data) return html`<${Waiting} lines=${4} />`;
  const { days: byDay, models: byModel } = told.data;
  if (!byDay.length) return html`<p class="soft">No task was accepted in this span.</p>`;
  return html`<div class="charts two">
      <${Failures} lines=${byDay} days=${days} />
      <${Times} lines=${byDay} days=${days} />
    </div>
    <${Table} caption="How tasks fared, by model" rows=${byModel} keyOf=${(line) => line.model} columns=${COLUMNS} />`;
}

function Failures({ lines, days }) {
  const known = new Map(lines.map((line) => [line.day, line]));
  const sums = new Map();
  for (const line of lines) {
    for (const [reason, number] of Object.entries(line.failed_by)) sums.set(reason, (sums.get(reason) ?? 0) + number);
  }
  const reasons = [...sums.keys()].sort((one, other) => sums.get(other) - sums.get(one));
  const rest = reasons.splice(REASONS_MAX);
  const valuesOf = (some) => days.map(({ day }) => some.reduce((sum, reason) => sum + (known.get(day)?.failed_by[reason] ?? 0), 0));
  const series = [
    ...reasons.map((reason, n) => ({ name: reason.replaceAll("_", " "), tone: TONES[n], values: valuesOf([reason]) })),
    ...(rest.length ? [{ name: "other reasons", tone: TONES.at(-1), values: valuesOf(rest) }] : []),
  ];
  const failed = lines.reduce((sum, line) => sum + line.failed, 0);
  const accepted = lines.reduce((sum, line) => sum + line.accepted, 0);
  const canceled = lines.reduce((sum, line) => sum + line.canceled, 0);
  return html`<${Chart}
    title="Failures by reason"
    total=${count(failed)}
    note=${`of ${count(accepted)} tasks that were accepted (${share(failed, accepted)}); ${count(canceled)} more were canceled`}
    days=${days}
    series=${series.length ? series : [{ name: "failures", tone: "bad", values: days.map(() => 0) }]}
    told=${(value) => count(value)}
    isWhole
  />`;
}

function Times({ lines, days }) {
  const known = new Map(lines.map((line) => [line.day, line]));
  const of = (name) => days.map(({ day }) => known.get(day)?.[name] ?? null);
  const last = [...lines].reverse().find((line) => line.median_s != null);
  return html`<${Chart}
    title="From wish to film"
    kind="lines"
    total=${last ? lasting(last.median_s) : "–"}
    note=${last ? `median of ${last.day}; a line breaks where no film came out` : "no film came out"}
    days=${days}
    series=${[
      { name: "median", tone: "busy", values: of("median_s") },
      { name: "95 of 100 within", tone: "warn", values: of("p95_s"), isDashed: true },
    ]}
    told=${(value) => lasting(value)}
    isTime
  />`;
}

const share = (part, whole) => (whole ? `${((100 * part) / whole).toFixed(part && part / whole < 0.1 ? 1 : 0)} %` : "–");

const reasonsOf = (line) =>
  Object.entries(line.failed_by)
    .sort(([, one], [, other]) => other - one)
    .map(([reason, number]) => `${reason.replaceAll("_", " ")} ${number}`)
    .join(", ");

const COLUMNS = [
  { name: "Model", of: (line) => html`<span class="model">${line.model}</span>${line.failed > 0 && html`<p class="small soft why">${reasonsOf(line)}</p>`}` },
  { name: "Accepted", isNumber: true, of: (line) => count(line.accepted) },
  { name: "Films", isNumber: true, of: (line) => count(line.films) },
  {
    name: "Failed",
    isNumber: true,
    of: (line) => html`${count(line.failed)}${line.failed > 0 && html`<p class="small soft">${share(line.failed, line.accepted)}</p>`}`,
  },
  { name: "Canceled", isNumber: true, of: (line) => count(line.canceled) },
  { name: "Under way", isNumber: true, of: (line) => count(line.unfinished) },
  {
    name: "Median (95 of 100)",
    isNumber: true,
    of: (line) => html`${lasting(line.median_s)}${line.p95_s != null && html`<p class="small soft">${lasting(line.p95_s)}</p>`}`,
  },
];
