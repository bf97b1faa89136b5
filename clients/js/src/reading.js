/**
 * Answers into values: pure, and suspicious of whatever is not in the contract.
 *
 * Two dialects are read. `/v1/videos` answers with the Video object, which tells most.
 * `/v1/video/generations` answers with a lean body and headers, or, where the operator set
 * `response_style = "envelope"`, with an envelope around other words; both are understood.
 *
 * @import { Budget, DeletedVideo, KeyFacts, Limits, Model, Quote, Status } from "./types.js"
 * @import { UsageLine, UsageTask } from "./types.js"
 * @import { Video, VideoError, VideoPage, WebhookSecret } from "./types.js"
 * @import { Reply } from "./line.js"
 */

import { apiError, RushesError, UnexpectedAnswer } from "./errors.js";
import { Fields, parse } from "./fields.js";

// Both dialects' words, and the only ones that may ever come.
/** @type {ReadonlyMap<string, Status>} */
const STATUSES = new Map([
  ["queued", "queued"],
  ["in_progress", "in_progress"],
  ["succeeded", "completed"],
  ["completed", "completed"],
  ["failed", "failed"],
]);

// Where a lean answer tells only a number, these numbers mean one word each.
/** @type {ReadonlyMap<unknown, string>} */
const WORDS = new Map([
  [429, "rate_limited"],
  [499, "canceled"],
  [500, "server_error"],
]);

const PROGRESS_MIN = Object.freeze({ queued: 0, in_progress: 1, completed: 100, failed: 100 });
const WHOLE_NUMBER = /^[0-9]{1,15}$/;

/**
 * Read the Video object, with what the headers tell.
 *
 * @param {Reply} reply
 */
export function readVideo(reply) {
  return withHeaders(video(parse(reply.text)), reply.headers);
}

/**
 * Read a lean answer of `/v1/video/generations`, enveloped or not.
 *
 * @param {Reply} reply
 */
export function readLook(reply) {
  const fields = parse(reply.text);
  const inner = fields.isObject("data") ? fields.fields("data") : fields;
  return withHeaders(lean(inner), reply.headers);
}

/**
 * Read the `data` of one event of status.
 *
 * @param {string} text
 */
export function readEvent(text) {
  return lean(parse(text));
}

/**
 * Read a page of Video objects, or of the lean bodies that a filter brings.
 *
 * @param {Reply} reply
 * @returns {VideoPage}
 */
export function readPage(reply) {
  const fields = parse(reply.text);
  return Object.freeze({
    data: Object.freeze(fields.items("data").map((item) => either(new Fields(item)))),
    firstId: fields.maybeText("first_id"),
    lastId: fields.maybeText("last_id"),
    hasMore: fields.flag("has_more"),
  });
}

/**
 * @param {Reply} reply
 * @returns {DeletedVideo}
 */
export function readDeleted(reply) {
  const fields = parse(reply.text);
  return Object.freeze({ id: fields.text("id"), deleted: fields.flag("deleted") });
}

/** @param {Reply} reply */
export function readModel(reply) {
  return model(parse(reply.text));
}

/** @param {Reply} reply */
export function readModels(reply) {
  return parse(reply.text)
    .items("data")
    .map((item) => model(new Fields(item)));
}

/**
 * @param {Reply} reply
 * @returns {WebhookSecret}
 */
export function readWebhookSecret(reply) {
  const fields = parse(reply.text);
  return Object.freeze({ secret: fields.text("secret"), previous: fields.maybeText("previous") });
}

/**
 * Read what a film would be and cost, with what the headers tell of the wish.
 *
 * @param {Reply} reply
 * @returns {Quote}
 */
export function readQuote(reply) {
  const fields = parse(reply.text);
  return Object.freeze({
    model: fields.text("model"),
    seconds: fields.int("seconds"),
    size: fields.text("size"),
    resolution: fields.maybeText("resolution"),
    ratio: fields.maybeText("ratio"),
    withAudio: fields.flag("with_audio"),
    costMaxMicrousd: fields.int("hold_microusd"),
    price: fields.maybeText("price"),
    isRehearsal: fields.flag("rehearsal"),
    ...notesOf(reply.headers),
  });
}

/**
 * Read what the key that asked is.
 *
 * @param {Reply} reply
 * @returns {KeyFacts}
 */
export function readKey(reply) {
  const fields = parse(reply.text);
  return Object.freeze({
    id: fields.text("id"),
    name: fields.text("name"),
    prefix: fields.text("prefix"),
    accountId: fields.text("account_id"),
    accountName: fields.text("account_name"),
    isTest: fields.flag("is_test"),
    scopes: fields.texts("scopes"),
    models: fields.raw("models") === null ? null : fields.texts("models"),
    expiresAt: fields.maybeMoment("expires_at"),
    limits: limits(fields.fields("limits")),
    accountLimits: limits(fields.fields("account_limits")),
    budgets: fields.items("budgets").map((item) => budget(new Fields(item))),
    operators: fields.text("operators"),
  });
}

/**
 * Read a page of usage: its lines, still as they came, and where the next page begins.
 *
 * @param {Reply} reply
 */
export function readUsage(reply) {
  const fields = parse(reply.text);
  return {
    lines: fields.items("data").map((item) => new Fields(item)),
    cursor: fields.flag("has_more") ? fields.maybeText("next_cursor") : null,
  };
}

/**
 * @param {Fields} fields
 * @param {string} by
 * @returns {UsageLine}
 */
export function usageLine(fields, by) {
  return Object.freeze({
    name: fields.text(by),
    tasks: fields.int("tasks"),
    films: fields.int("films"),
    rehearsals: fields.int("rehearsals"),
    filmSeconds: fields.number("film_seconds"),
    costMicrousd: fields.int("cost_microusd"),
  });
}

/**
 * @param {Fields} fields
 * @returns {UsageTask}
 */
export function usageTask(fields) {
  return Object.freeze({
    videoId: fields.text("task_id"),
    model: fields.text("model"),
    key: fields.text("key"),
    status: fields.text("status") === "succeeded" ? "completed" : "failed",
    isRehearsal: fields.flag("rehearsal"),
    createdAt: fields.moment("created_at"),
    finishedAt: fields.moment("finished_at"),
    filmSeconds: fields.number("film_seconds"),
    costMicrousd: fields.int("cost_microusd"),
  });
}

/**
 * Read why an answer is none of the good ones.
 *
 * Both forms of the contract are known, `{"error":{…}}` and the envelope's `{"code","message",
 * "data":null}`; proxies answer in neither.
 *
 * @param {Reply} reply
 * @returns {RushesError}
 */
export function readFault(reply) {
  // A browser hides a redirect that is not followed behind the status 0.
  if (reply.status === 0 || (reply.status >= 300 && reply.status < 400)) {
    const place = reply.headers.get("location") ?? "somewhere else";
    return new UnexpectedAnswer(
      `The server answered with a redirect (${reply.status}) and points to ${place}. ` +
        "If that is where it moved, set baseUrl (or RUSHES_BASE_URL) to it.",
    );
  }
  /** @type {Fields | null} */
  let inner = null;
  try {
    const fields = parse(reply.text);
    inner = fields.isObject("error") ? fields.fields("error") : fields;
    inner.text("message");
  } catch {
    inner = null;
  }
  return apiError({
    status: reply.status,
    message: inner?.text("message") || unexplained(reply.status),
    code: inner?.maybeText("code") ?? null,
    type: inner?.maybeText("type") ?? null,
    param: inner?.maybeText("param") ?? null,
    requestId: reply.headers.get("x-request-id"),
    retryAfterS: retryAfterS(reply.headers),
  });
}

/**
 * Return how long the server asks to be left alone; null if it does not say.
 *
 * Our server says whole seconds; a proxy may say a date, which is read against the answer's own
 * Date, so that no clock of ours comes in.
 *
 * @param {Headers} headers
 * @returns {number | null}
 */
export function retryAfterS(headers) {
  const text = (headers.get("retry-after") ?? "").trim();
  if (WHOLE_NUMBER.test(text)) return Number(text);
  if (!/[a-z]/i.test(text)) return null; // no day of the week: what else would be taken for a date
  const seconds = (Date.parse(text) - Date.parse(headers.get("date") ?? "")) / 1000;
  return Number.isNaN(seconds) ? null : Math.max(0, seconds);
}

/**
 * Return a video as it stands at a later, leaner look: facts are kept, news taken; progress
 * never falls.
 *
 * @param {Video} known
 * @param {Video} look
 * @returns {Video}
 */
export function seenAs(known, look) {
  return Object.freeze({
    ...known,
    status: look.status,
    isFinal: look.isFinal,
    progress: Math.max(known.progress, look.progress),
    error: look.error,
    url: look.url,
    queuePosition: look.queuePosition,
    etaS: look.etaS,
    costMicrousd: look.costMicrousd,
    isRehearsal: look.isRehearsal || known.isRehearsal,
    servedBy: look.servedBy ?? known.servedBy,
  });
}

/** @param {Fields} fields */
function either(fields) {
  return fields.raw("object") === "video" ? video(fields) : lean(fields);
}

/** @param {Fields} fields */
function video(fields) {
  return aVideo(fields.text("id"), fields, {
    prompt: fields.maybeText("prompt"),
    size: fields.maybeText("size"),
    expiresAt: fields.maybeMoment("expires_at"),
    remixedFromVideoId: fields.maybeText("remixed_from_video_id"),
  });
}

/**
 * Read a flat body, or the inside of an envelope: the same facts, and some more.
 *
 * @param {Fields} fields
 */
function lean(fields) {
  return aVideo(fields.text("task_id"), fields, { url: fields.maybeText("url") });
}

/**
 * @param {string} id
 * @param {Fields} fields
 * @param {Partial<Video>} more
 * @returns {Video}
 */
function aVideo(id, fields, more) {
  const status = STATUSES.get(fields.text("status"));
  if (status === undefined) {
    throw new UnexpectedAnswer(`${JSON.stringify(fields.raw("status"))} is no known status.`);
  }
  return {
    id,
    status,
    isFinal: status === "completed" || status === "failed",
    progress: fields.maybeInt("progress") ?? PROGRESS_MIN[status],
    model: fields.maybeText("model"),
    prompt: null,
    seconds: fields.maybeInt("seconds"),
    size: null,
    createdAt: fields.maybeMoment("created_at"),
    completedAt: fields.maybeMoment("completed_at"),
    expiresAt: null,
    error: fields.isObject("error") ? videoError(fields.fields("error")) : null,
    url: null,
    remixedFromVideoId: null,
    queuePosition: null,
    etaS: null,
    costMicrousd: null,
    isRehearsal: false,
    servedBy: null,
    isReplayed: false,
    ignoredParameters: Object.freeze([]),
    coercedParameters: Object.freeze([]),
    ...more,
  };
}

/**
 * @param {Fields} fields
 * @returns {VideoError}
 */
function videoError(fields) {
  const code = fields.raw("code");
  const word = typeof code === "number" ? (WORDS.get(code) ?? String(code)) : fields.text("code");
  return Object.freeze({ code: word, message: fields.text("message") });
}

/**
 * @param {Video} seen
 * @param {Headers} headers
 * @returns {Video}
 */
function withHeaders(seen, headers) {
  return Object.freeze({
    ...seen,
    progress: whole(headers.get("rushes-progress")) ?? seen.progress,
    queuePosition: whole(headers.get("rushes-queue-position")),
    etaS: whole(headers.get("rushes-eta-seconds")),
    costMicrousd: whole(headers.get("rushes-cost-microusd")),
    isRehearsal: headers.get("rushes-rehearsal") === "true",
    isReplayed: headers.get("idempotency-replayed") === "true",
    ...notesOf(headers),
  });
}

/** @param {Headers} headers */
function notesOf(headers) {
  return {
    servedBy: headers.get("rushes-model"),
    ignoredParameters: names(headers.get("rushes-ignored-parameters")),
    coercedParameters: names(headers.get("rushes-coerced-parameters")),
  };
}

/**
 * @param {Fields} fields
 * @returns {Limits}
 */
function limits(fields) {
  return Object.freeze({
    requestsPerS: fields.maybeInt("requests_per_s"),
    submitsPerMinute: fields.maybeInt("submits_per_minute"),
    inFlightMax: fields.maybeInt("in_flight_max"),
    queuedMax: fields.maybeInt("queued_max"),
  });
}

/**
 * @param {Fields} fields
 * @returns {Budget}
 */
function budget(fields) {
  return Object.freeze({
    owner: fields.text("owner"),
    period: fields.text("period"),
    limitMicrousd: fields.int("limit_microusd"),
    spentMicrousd: fields.int("spent_microusd"),
    leftMicrousd: fields.int("left_microusd"),
  });
}

/**
 * Read a best-effort header: what is no number is as good as absent.
 *
 * @param {string | null} text
 */
function whole(text) {
  return text !== null && WHOLE_NUMBER.test(text) ? Number(text) : null;
}

/** @param {string | null} text */
function names(text) {
  return Object.freeze(text ? text.split(", ").map(unquoted) : []);
}

/** @param {string} name */
function unquoted(name) {
  try {
    return decodeURIComponent(name);
  } catch {
    return name; // cut off within a character, as a long header is
  }
}

/**
 * @param {Fields} fields
 * @returns {Model}
 */
function model(fields) {
  const card = fields.fields("capabilities");
  const [durations, resolutions, ratios] = ["durations", "resolutions", "ratios"].map((name) =>
    card.fields(name),
  );
  return Object.freeze({
    id: fields.text("id"),
    ownedBy: fields.text("owned_by"),
    isRehearsal: fields.flag("rehearsal"),
    createdAt: fields.maybeMoment("created"),
    checkedAt: fields.maybeText("checked_at"),
    retiresAt: fields.maybeText("retires_at"),
    successor: fields.maybeText("successor"),
    modes: card.texts("modes"),
    seconds: { allowed: durations.numbers("allowed"), default: durations.maybeInt("default") },
    resolutions: textChoice(resolutions),
    ratios: textChoice(ratios),
    sizes: card.texts("sizes"),
    audio: card.fields("audio").text("mode"),
    capabilities: /** @type {Record<string, unknown>} */ (fields.raw("capabilities")),
  });
}

/** @param {Fields} fields */
function textChoice(fields) {
  return { allowed: fields.texts("allowed"), default: fields.maybeText("default") };
}

/** @param {number} status */
function unexplained(status) {
  return (
    `The answer was a ${status} without an explanation that a Rushes server would give; a proxy ` +
    "may have made it, or the address may be another server's."
  );
}
