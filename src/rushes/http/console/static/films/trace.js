/** The timeline that explains a task: bars on a time axis, and every event in words. */

import { instant, money } from "../format.js";
import { Badge, html, useState } from "../ui.js";
import { Facts } from "./facts.js";
import { marksOf, span, traceOf } from "./story.js";

const KNOWN = [
  "task_id",
  "at",
  "headline",
  "outlook",
  "server_pid",
  "task",
  "events",
  "faults",
  "submits",
  "money",
  "deeds",
  "artifacts",
  "adopted_from",
  "adopted_as",
];
const LEGEND = [
  ["wait", "waiting"],
  ["busy", "asking"],
  ["work", "the provider works"],
  ["store", "bringing home"],
  ["doubt", "in doubt"],
  ["bad", "trouble"],
];

/** Everything an operator may know of a task. */
export function Trace({ story, posts }) {
  const trace = traceOf(story, posts);
  const unknown = Object.fromEntries(Object.entries(story).filter(([key]) => !KNOWN.includes(key)));
  return html`<section class="stack trace-page" aria-labelledby="trace-name">
    <div class="row">
      <h2 id="trace-name">Timeline</h2>
      <span class="soft small">${span(trace.lastS)} from the wish, as operators see it</span>
    </div>
    ${story.outlook.length > 0 && html`<ul class="note outlook">${story.outlook.map((line) => html`<li key=${line}>${coded(line)}</li>`)}</ul>`}
    <div class="sheet trace">
      <${Axis} lastS=${trace.lastS} />
      ${trace.rows.map((row) => html`<${Row} key=${row.id} row=${row} lastS=${trace.lastS} story=${story} />`)}
      <ul class="legend small soft" aria-label="Colours">${LEGEND.map(([tone, word]) => html`<li key=${tone}><span class=${`span is-${tone}`} aria-hidden="true"></span>${word}</li>`)}</ul>
    </div>
    <${Events} events=${trace.events} />
    <div class="pair">
      <${Money} told=${story.money} />
      <${Files} files=${story.artifacts} />
    </div>
    ${
      (story.adopted_from || story.adopted_as?.length > 0) &&
      html`<p>
      ${story.adopted_from && html`The late film of <a href=${`#/films/${story.adopted_from}`}>${story.adopted_from}</a>. `}
      ${story.adopted_as?.map((id) => html`<span key=${id}>Its own late film went to <a href=${`#/films/${id}`}>${id}</a>. </span>`)}
    </p>`
    }
    ${Object.keys(unknown).length > 0 && html`<section class="sheet stack"><h3>Also known</h3><${Facts} of=${unknown} /></section>`}
  </section>`;
}

/** A sentence whose `commands` are set as such. */
const coded = (line) =>
  line.split("`").map((piece, n) => (n % 2 ? html`<code key=${n}>${piece}</code>` : piece));

const part = (seconds, lastS) => `${Math.min(100, (seconds / lastS) * 100)}%`;

function Axis({ lastS }) {
  return html`<div class="trace-row axis" aria-hidden="true">
    <span></span>
    <span class="lane">${marksOf(lastS).map((mark) => html`<span key=${mark} class="mark" style=${`left:${part(mark, lastS)}`}>${mark === 0 ? "0" : span(mark)}</span>`)}</span>
    <span></span>
  </div>`;
}

function Row({ row, lastS, story }) {
  const [isOpen, setOpen] = useState(false);
  const said = [...row.spans, ...row.ticks].map((one) => one.label).join("; ");
  return html`<div class="trace-item">
    <button class="trace-row" type="button" aria-expanded=${isOpen} onClick=${() => setOpen(!isOpen)}>
      <span class="trace-name">
        <span class="trace-title">${row.title}${row.badge && html`${" "}<${Badge} word=${row.badge} />`}</span>
        <span class="cut small soft" title=${row.sub}>${row.sub}</span>
      </span>
      <span class="lane" aria-hidden="true">
        ${row.spans.map(
          (one, n) => html`<span
          key=${n}
          class=${`span is-${one.tone}`}
          title=${one.label}
          style=${`left:${part(one.from, lastS)};width:${part(one.to - one.from, lastS)}`}
        ></span>`,
        )}
        ${row.ticks.map(
          (one, n) => html`<span
          key=${n}
          class=${`tick-mark ${one.tone ?? ""}`}
          title=${one.label}
          style=${`left:${part(one.at, lastS)}`}
        ></span>`,
        )}
      </span>
      <span class="trace-lasted small">${row.lasted == null ? "" : span(row.lasted)}</span>
      <span class="unseen">${said}</span>
    </button>
    ${
      isOpen &&
      html`<div class="trace-facts stack tight">
      ${(row.words ?? []).map((line) => html`<p key=${line}>${line}</p>`)}
      ${row.spans.length > 0 && html`<ul class="small soft">${row.spans.map((one, n) => html`<li key=${n}>${one.label}</li>`)}</ul>`}
      ${row.facts && html`<${Facts} of=${row.facts} skip=${row.skip} />`}
      ${row.id === "task" && story.task && html`<${Facts} of=${story.task} />`}
    </div>`
    }
  </div>`;
}

function Events({ events }) {
  if (!events.length) return null;
  return html`<section class="sheet stack">
    <h3>Every event</h3>
    <ol class="events">
      ${events.map(
        (event) => html`<li key=${event.number}>
        <time datetime=${new Date(event.at * 1000).toISOString()} class="mono small">${instant(event.at)}</time>
        <span class="soft small after">${event.after_s == null ? "" : `+${span(event.after_s)}`}</span>
        <${Badge} word=${event.status} />
        <span>${event.what}${event.event && html`${" "}<code class="soft small">${event.event}</code>`}</span>
      </li>`,
      )}
    </ol>
  </section>`;
}

const KINDS = {
  hold_microusd: "Held",
  capture_microusd: "Charged",
  release_microusd: "Released",
  drift_microusd: "Above what was held",
};

function Money({ told }) {
  const { prices = [], ...amounts } = told;
  const shown = Object.entries(amounts).filter(
    ([key, amount]) => key !== "drift_microusd" || amount,
  );
  return html`<section class="sheet stack tight">
    <h3>Money</h3>
    ${
      shown.length
        ? html`<dl class="facts small">${shown.map(([key, amount]) => html`<dt key=${key}>${KINDS[key] ?? key.replace(/_microusd$/, "").replaceAll("_", " ")}</dt><dd key=${`${key}-value`}>${typeof amount === "number" ? money(amount, { zero: "$0" }) : JSON.stringify(amount)}</dd>`)}</dl>`
        : html`<p class="small soft">No hold is written down.</p>`
    }
    ${prices.map((rule, n) => html`<p key=${n} class="small soft">${money(rule.microusd, { zero: "$0" })} per ${String(rule.per).replaceAll("_", " ")}${ruleFor(rule)}</p>`)}
  </section>`;
}

/** Say what a price rule is for. */
function ruleFor(rule) {
  const said = Object.entries(rule.when ?? {}).map(([name, value]) =>
    name === "audio" ? (value ? "with sound" : "silent") : String(value).replaceAll("_", " "),
  );
  return said.length ? ` (${said.join(", ")})` : "";
}

function Files({ files }) {
  return html`<section class="sheet stack tight">
    <h3>Files</h3>
    ${files.length === 0 && html`<p class="small soft">It has made no files.</p>`}
    ${files.map(
      ({ kind, state, ...rest }, n) => html`<details key=${n} class="file">
      <summary>${kind.replaceAll("_", " ")}${" "}<${Badge} word=${rest.is_lost ? "lost" : state} tone=${rest.is_lost ? "bad" : undefined} /></summary>
      <${Facts} of=${rest} />
    </details>`,
    )}
  </section>`;
}
