/** The story of a task as bars on a time axis. Nothing here draws: a case in, rows out. */

const BEGINS = new Set(["intent", "renewed", "adopted"]);
const ANSWERS = new Set(["accepted", "returned", "doubted"]);
const TONE = {
  queued: "wait",
  submitting: "busy",
  in_doubt: "doubt",
  running: "work",
  storing: "store",
};

/** What a status does with its time, for people. */
export const SPENT = {
  queued: "waiting for a slot",
  submitting: "asking the provider",
  in_doubt: "in doubt",
  running: "the provider works",
  storing: "bringing the film home",
};

/** Seconds as a span of a trace: `0.034` → `34 ms`. */
export function span(seconds) {
  if (seconds < 0.0005) return "0 ms";
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 60) return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
  if (seconds < 86_400)
    return `${Math.floor(seconds / 3600)} h ${Math.round((seconds % 3600) / 60)} min`;
  return `${Math.floor(seconds / 86_400)} d ${Math.round((seconds % 86_400) / 3600)} h`;
}

/** Give each event the exact time since the first; their own instants are in whole seconds. */
export function timed(events) {
  let offset = 0;
  return events.map((event) => {
    offset += event.after_s ?? 0;
    return { ...event, offset };
  });
}

/**
 * Return `{rows, lastS, events}` of a case. A row has spans (`from`, `to` in seconds since the
 * beginning, `tone`, `label`), ticks (`at`, `label`), and the facts it opens to.
 */
export function traceOf(story, posts = []) {
  const events = timed(story.events);
  const begunAt =
    story.task?.created_at ?? events[0]?.at ?? story.submits[0]?.intent_at ?? story.at;
  const since = (at) => Math.max(0, at - begunAt);
  const isOver = !story.task || story.task.finished_at != null;
  const endS = isOver
    ? (events.at(-1)?.offset ?? 0)
    : Math.max(events.at(-1)?.offset ?? 0, since(story.at));
  const rows = [
    ...(events.length ? [taskRow(events, endS, isOver)] : []),
    ...story.submits.map((submit, at) => submitRow(submit, at, events, endS, since)),
    ...story.faults.map((fault) => faultRow(fault, since)),
    ...posts.map((post) => postRow(post, since)),
    ...story.deeds.map((deed) => deedRow(deed, since)),
  ];
  const marks = rows.flatMap((row) => [
    ...row.spans.map((one) => one.to),
    ...row.ticks.map((one) => one.at),
  ]);
  return { rows, events, lastS: Math.max(endS, ...marks, 0.001) };
}

function taskRow(events, endS, isOver) {
  const spans = events.slice(0, isOver ? -1 : undefined).map((event, n) => {
    const to = events[n + 1]?.offset ?? endS;
    return {
      from: event.offset,
      to,
      tone: TONE[event.status] ?? "busy",
      label: `${SPENT[event.status] ?? event.status}, ${span(to - event.offset)}`,
    };
  });
  return {
    id: "task",
    title: "Task",
    sub: "from the wish to its end",
    badge: events.at(-1).status,
    spans,
    ticks: [],
    lasted: endS,
    facts: null,
  };
}

function submitRow(submit, at, events, endS, since) {
  const begins = events
    .map((event, n) => ({ event, n }))
    .filter(({ event }) => BEGINS.has(event.event));
  const begun = begins[at];
  const after = begun ? events.slice(begun.n + 1, begins[at + 1]?.n) : [];
  const from = begun?.event.offset ?? since(submit.intent_at);
  const answer = after.find((event) => ANSWERS.has(event.event));
  const taken = after.find((event) => event.event === "accepted");
  const closes = after.find((event) =>
    ["ready", "returned", "failed", "canceled"].includes(event.event),
  );
  const answeredS =
    answer?.offset ??
    (submit.answered_at == null
      ? (closes?.offset ?? endS)
      : Math.max(from, since(submit.answered_at)));
  const spans = [
    {
      from,
      to: answeredS,
      tone: "busy",
      label: `asked, ${submit.answered_at == null ? "no answer" : "answered"} after ${span(answeredS - from)}`,
    },
  ];
  if (answer?.event === "doubted") {
    const to = (taken ?? closes)?.offset ?? endS;
    spans.push({
      from: answer.offset,
      to,
      tone: "doubt",
      label: `in doubt for ${span(to - answer.offset)}`,
    });
  }
  if (taken) {
    const to = closes?.offset ?? begins[at + 1]?.event.offset ?? endS;
    spans.push({
      from: taken.offset,
      to,
      tone: "work",
      label: `the provider worked for ${span(to - taken.offset)}`,
    });
  }
  return {
    id: `submit-${submit.n}`,
    title: `Submit ${submit.n}`,
    sub: `${submit.provider} · ${submit.upstream_model}`,
    badge: submit.verdict,
    spans,
    ticks: [],
    lasted: spans.at(-1).to - from,
    words: submitWords(submit, answeredS - from),
    facts: submit,
    skip: ["task_id", "n", "meaning", "verdict"],
  };
}

function submitWords(submit, answeredS) {
  const cost = submit.is_billable ? "may be billed" : "costs nothing";
  const answered =
    submit.answered_at == null ? "it has not answered" : `it answered after ${span(answeredS)}`;
  return [
    `${submit.provider} was asked for ${submit.upstream_model} (${cost}); ${answered}.`,
    `Verdict: ${submit.verdict.replaceAll("_", " ")}, ${submit.meaning}.`,
  ];
}

function faultRow(fault, since) {
  const [from, to] = [since(fault.first_at), since(fault.last_at)];
  const often = fault.count > 1 ? `${fault.count} times` : "once";
  return {
    id: `fault-${fault.status}-${fault.first_at}-${fault.note}`,
    title: "Trouble",
    sub: `${often} while ${fault.status.replaceAll("_", " ")}`,
    tone: "bad",
    spans: to > from ? [{ from, to, tone: "bad", label: `trouble, ${often}` }] : [],
    ticks: to > from ? [] : [{ at: from, tone: "bad", label: "trouble" }],
    words: [fault.note],
    facts: fault,
    skip: ["note"],
  };
}

function postRow(post, since) {
  return {
    id: `post-${post.event_id}-${post.url}`,
    title: "Webhook",
    sub: post.url,
    badge: post.state,
    spans: [],
    ticks: [
      { at: since(post.created_at), label: "written" },
      ...(post.attempts ?? []).map((one) => ({
        at: since(one.at),
        tone: one.http_status >= 200 && one.http_status < 300 ? "good" : "bad",
        label: `attempt: ${one.http_status ?? one.note}`,
      })),
    ],
    words: [post.note].filter(Boolean),
    facts: post,
    skip: ["task_id", "note", "url"],
  };
}

function deedRow(deed, since) {
  return {
    id: deed.id,
    title: "Operator",
    sub: `${deed.verb} by ${deed.actor}`,
    spans: [],
    ticks: [{ at: since(deed.at), tone: "doubt", label: deed.verb }],
    words: [deed.note].filter(Boolean),
    facts: deed,
    skip: ["note", "object"],
  };
}

/** Return four or five round instants of an axis, in seconds. */
export function marksOf(lastS) {
  const rough = lastS / 4;
  const steps = [
    0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600,
    900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400,
  ];
  const step = steps.find((one) => one >= rough) ?? Math.ceil(rough / 86_400) * 86_400;
  return Array.from({ length: Math.floor(lastS / step) + 1 }, (_, n) => n * step).filter(
    (mark) => mark < lastS * 0.92,
  );
}
