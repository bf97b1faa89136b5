/** What was used: films, seconds, money and failures; of one's own account, or of all. */

import { ask, at, get } from "../api.js";
import { count, lasting, money } from "../format.js";
import { toast } from "../toasts.js";
import { Empty, Failure, Field, Head, Loaded, Strip, html, useData, useState } from "../ui.js";
import { Purse } from "./keys/money.js";
import { Panel, Untold, useEverybody } from "./operations/words.js";
import { Insights } from "./usage/insights.js";
import { SpanPicker, bounds, changed, daysOf, spanOf } from "./usage/span.js";
import { Lines } from "./usage/lines.js";
import { Chart } from "../chart.js";

const LINES_MAX = 1000;
const PAGES_MAX = 50;

export function Usage({ who, query }) {
  const isOperator = who.scopes.includes("admin") && !who.is_test && who.operators !== "off" && who.operators !== "elsewhere";
  const hasOwn = who.scopes.includes("read");
  const isAll = isOperator && (query.get("of") === "all" || !hasOwn);
  const span = spanOf(query);
  const path = isAll ? "/admin/v1/usage" : "/v1/usage";
  const account_id = isAll ? (query.get("account") ?? "") : "";
  const asked = { path, isAll, account_id, span, ...bounds(span) };
  const { from, to } = asked;
  const days = useData(
    (signal) => get(at(path, { group_by: "day", from, to, account_id, limit: LINES_MAX }), { signal }),
    [path, from, to, account_id],
  );
  const groups = ["model", ...(isAll ? ["account"] : []), "key", "day", "task"];
  const by = groups.includes(query.get("by")) ? query.get("by") : "model";
  return html`
    <${Head} title="Usage" actions=${html`<${Download} asked=${asked} by=${by} />`}>
      ${account_id ? "What one account used" : isAll ? "What all accounts used" : "What your account used"}: tasks that ended in the span, by days of UTC.
    <//>
    <div class="stack wide">
      <div class="row spans">
        ${isOperator && hasOwn &&
        html`<${Strip}
          label="Of"
          options=${[{ value: "", label: "My account" }, { value: "all", label: "All accounts" }]}
          value=${isAll ? "all" : ""}
          onPick=${(of) => {
            location.hash = changed(query, { of });
          }}
        />`}
        <${SpanPicker} query=${query} span=${span} />
        ${isAll && html`<${AccountPicker} query=${query} value=${account_id} />`}
      </div>
      <${isAll && days.error?.status === 404 ? Untold : Loaded} of=${days} lines=${6} error=${days.error} what="what all accounts used" where="GET /admin/v1/usage">
        ${(told) =>
          told.data.length
            ? html`<${Picture} told=${told} span=${span} />
                ${isAll && !account_id && html`<${Insights} span=${span} />`}
                ${!isAll && html`<${Budgets} who=${who} />`}
                <${Lines} who=${who} asked=${asked} by=${by} groups=${groups} query=${query} />`
            : html`<${Nothing} isAll=${isAll} query=${query} span=${span} />
                ${isAll && !account_id && html`<${Insights} span=${span} />`}`}
      <//>
    </div>
  `;
}

/** For operators: one account of all. */
function AccountPicker({ query, value }) {
  const { everybody } = useEverybody();
  return html`<${Field} label="Account">
    ${(ids) => html`<select ...${ids} value=${value} onChange=${(event) => {
      location.hash = changed(query, { account: event.currentTarget.value });
    }}>
      <option value="">All accounts</option>
      ${value && !everybody.accounts.has(value) && html`<option value=${value}>${value}</option>`}
      ${[...everybody.accounts.values()].map((one) => html`<option key=${one.id} value=${one.id}>${one.name}</option>`)}
    </select>`}
  <//>`;
}

function Nothing({ isAll, query, span }) {
  return html`<${Empty}
    title="Nothing ended in this span"
    action=${span.name === "365"
      ? html`<a class="button first" href="#/">To the playground</a>`
      : html`<a class="button" href=${changed(query, { span: "365", from: "", to: "" })}>Look at a year</a>`}
  >
    ${isAll ? "No account" : "Your account"} has ${isAll ? "a film or" : "neither a film nor"} a failed task from
    ${" "}${span.first} to ${span.last}. What is under way counts when it has ended.
  <//>`;
}

/** What this key and its account may spend, where that is bounded. */
function Budgets({ who }) {
  const { data } = useData((signal) => get("/v1/key", { signal }));
  const budgets = (data ?? who).budgets ?? [];
  if (!budgets.length) return null;
  return html`<${Panel} title="Budgets" id="budgets" note="What may still be spent; a film that one of them does not cover is refused.">
    <div class="trio">
      ${budgets.map(
        (purse) => html`<div key=${`${purse.owner} ${purse.period}`}>
          <p class="small soft">${purse.owner === who.id ? "This key" : "Its account"}</p>
          <${Purse} purse=${purse} />
        </div>`,
      )}
    </div>
  <//>`;
}

/** Totals, and the days they come from. */
function Picture({ told, span }) {
  const known = new Map(told.data.map((line) => [line.day, line]));
  const days = daysOf(span);
  const of = (read) => days.map(({ day }) => (known.has(day) ? read(known.get(day)) : 0));
  const sum = (read) => told.data.reduce((all, line) => all + read(line), 0);
  const films = sum((line) => line.films);
  const without = sum((line) => line.tasks - line.films);
  const rehearsals = sum((line) => line.rehearsals);
  const dollars = (amount) => money(amount, { zero: "$0" });
  return html`<${Panel} title="In all" id="all" note="Point at a day, or go from day to day with the arrow keys."><div class="charts">
    <${Chart}
      title="Films"
      total=${`${count(films)} ${films === 1 ? "film" : "films"}`}
      note=${`${count(films + without)} tasks ended, ${count(without)} without a film${rehearsals ? `; ${count(rehearsals)} were rehearsals` : ""}`}
      days=${days}
      series=${[
        { name: "films", tone: "good", values: of((line) => line.films) },
        { name: "without a film", tone: "bad", values: of((line) => line.tasks - line.films) },
      ]}
      told=${(value) => count(value)}
      isWhole
    />
    <${Chart}
      title="Cost"
      total=${dollars(sum((line) => line.cost_microusd))}
      note="US dollars that were charged"
      days=${days}
      series=${[{ name: "cost", tone: "accent", values: of((line) => line.cost_microusd) }]}
      told=${dollars}
      ticked=${(value) => (value >= 1e6 && value % 1e6 === 0 ? `$${count(value / 1e6)}` : dollars(value))}
    />
    <${Chart}
      title="Seconds of film"
      total=${lasting(sum((line) => line.film_seconds))}
      note=${`${count(Math.round(sum((line) => line.film_seconds)))} s in all`}
      days=${days}
      series=${[{ name: "seconds", tone: "busy", values: of((line) => line.film_seconds) }]}
      told=${(value) => lasting(value)}
      isTime
    />
  </div><//>`;
}

/** The lines of the table as a file; the key goes in a header, so it is fetched and then saved. */
function Download({ asked, by }) {
  const [error, setError] = useState(null);
  const [isBusy, setBusy] = useState(false);
  const download = async () => {
    setBusy(true);
    setError(null);
    try {
      const text = await csvOf(asked, by);
      const address = URL.createObjectURL(new Blob([text], { type: "text/csv;charset=utf-8" }));
      const link = document.createElement("a");
      link.href = address;
      link.download = `usage-by-${by}-${asked.span.first}-${asked.span.last}.csv`;
      link.click();
      setTimeout(() => URL.revokeObjectURL(address), 10_000);
      toast(`${link.download} is saved.`);
    } catch (refused) {
      setError(refused);
    }
    setBusy(false);
  };
  return html`<button class="button" type="button" disabled=${isBusy} onClick=${download}>
      ${isBusy ? "Fetching …" : `Download by ${by} (CSV)`}
    </button>
    <${Failure} error=${error} />`;
}

/** All pages of a table, one after another, with one header. */
async function csvOf({ path, from, to, account_id }, by) {
  let text = "";
  let cursor = "";
  for (let page = 0; page < PAGES_MAX; page += 1) {
    const response = await ask("GET", at(path, { group_by: by, from, to, account_id, format: "csv", limit: LINES_MAX, cursor }));
    const told = await response.text();
    text += page === 0 ? told : told.slice(told.indexOf("\n") + 1);
    cursor = response.headers.get("Rushes-Next-Cursor");
    if (!cursor) break;
  }
  return text;
}
