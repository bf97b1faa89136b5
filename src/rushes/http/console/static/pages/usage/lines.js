/** The lines of usage: by model, account, key, day or task; they add up to the totals above. */

import { at, get } from "../../api.js";
import { count, lasting, money } from "../../format.js";
import { Pages, usePages } from "../../paging.js";
import { Badge, Empty, Strip, Table, When, html } from "../../ui.js";
import { Panel, Task, short, useEverybody } from "../operations/words.js";
import { changed } from "./span.js";

const PAGE = 200;
const NAMES = { model: "Model", account: "Account", key: "Key", day: "Day (UTC)", task: "Task" };

export function Lines({ who, asked, by, groups, query }) {
  const { path, from, to, account_id, isAll } = asked;
  const list = usePages(
    async (cursor, signal) => {
      const told = await get(at(path, { group_by: by, from, to, account_id, limit: PAGE, cursor }), { signal });
      return { rows: told.data, next: told.next_cursor };
    },
    [path, by, from, to, account_id],
    { keyOf: (line) => line[by] ?? line.task_id },
  );
  return html`<${Panel} title="Line by line" id="lines">
    <${Strip}
      label="Added up by"
      options=${groups.map((value) => ({ value, label: NAMES[value].replace(" (UTC)", "") }))}
      value=${by}
      onPick=${(value) => {
        location.hash = changed(query, { by: value });
      }}
    />
    <${Pages} of=${list} empty=${html`<${Empty} title="No lines">Nothing ended in this span.<//>`}>
      ${(rows) => (isAll ? html`<${Named} rows=${rows} by=${by} isWhole=${list.next === null} />` : html`<${Sums} rows=${rows} by=${by} isWhole=${list.next === null} everybody=${{ keys: new Map([[who.id, who]]) }} />`)}
    <//>
  <//>`;
}

/** The same with names for ids, which only operators can look up. */
function Named(props) {
  const { everybody } = useEverybody();
  return html`<${Sums} ...${props} everybody=${everybody} />`;
}

function Sums({ rows, by, isWhole, everybody }) {
  const lines = [...rows].sort(by === "day" || by === "task" ? () => 0 : (one, other) => other.cost_microusd - one.cost_microusd || other.films - one.films);
  const sum = (name) => rows.reduce((all, line) => all + (line[name] ?? 0), 0);
  const all = by === "task"
    ? { isSum: true, name: `${count(rows.length)} tasks`, film_seconds: sum("film_seconds"), cost_microusd: sum("cost_microusd") }
    : { isSum: true, name: isWhole ? "All" : "So far", ...Object.fromEntries(["tasks", "films", "rehearsals", "film_seconds", "cost_microusd"].map((name) => [name, sum(name)])) };
  return html`<${Table}
    caption=${`Usage by ${by}`}
    rows=${[...lines, all]}
    keyOf=${(line) => (line.isSum ? "all" : (line[by] ?? line.task_id))}
    columns=${by === "task" ? ofTasks(everybody) : columnsOf(by, everybody)}
  />`;
}

const dollars = (amount) => money(amount, { zero: "$0" });
const bold = (line, text) => (line.isSum ? html`<strong>${text}</strong>` : text);

function nameOf(by, line, everybody) {
  if (line.isSum) return html`<strong>${line.name}</strong>`;
  const id = line[by];
  const known = by === "account" ? everybody.accounts?.get(id) : by === "key" ? everybody.keys.get(id) : null;
  if (known && !everybody.accounts) return html`${known.name} <span class="soft small">this key</span>`;
  if (known) return html`<a href=${`#/keys/${id}`}>${known.name}</a>`;
  return by === "key" || by === "account" ? html`<span class="mono" title=${id}>${short(id)}</span>` : id;
}

const columnsOf = (by, everybody) => [
  { name: NAMES[by], of: (line) => nameOf(by, line, everybody) },
  { name: "Films", isNumber: true, of: (line) => bold(line, count(line.films)) },
  { name: "Without a film", isNumber: true, of: (line) => bold(line, count(line.tasks - line.films)) },
  { name: "Rehearsals", isNumber: true, of: (line) => bold(line, count(line.rehearsals)) },
  { name: "Of film", isNumber: true, of: (line) => bold(line, lasting(line.film_seconds)) },
  { name: "Cost (US$)", isNumber: true, of: (line) => bold(line, dollars(line.cost_microusd)) },
];

const ofTasks = (everybody) => [
  { name: "Task", of: (line) => (line.isSum ? html`<strong>${line.name}</strong>` : html`<${Task} id=${line.task_id} />`) },
  {
    name: "Status",
    of: (line) => !line.isSum && html`<${Badge} word=${line.status} />${line.rehearsal && html`${" "}<${Badge} word="rehearsal" />`}`,
  },
  { name: "Model", of: (line) => line.model },
  { name: "Key", of: (line) => !line.isSum && nameOf("key", line, everybody) },
  { name: "Ended", of: (line) => !line.isSum && html`<${When} at=${line.finished_at} />` },
  { name: "Took", isNumber: true, of: (line) => !line.isSum && lasting(line.finished_at - line.created_at) },
  { name: "Of film", isNumber: true, of: (line) => bold(line, lasting(line.film_seconds)) },
  { name: "Cost (US$)", isNumber: true, of: (line) => bold(line, dollars(line.cost_microusd)) },
];
