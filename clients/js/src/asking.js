/**
 * Calls into requests: what each verb says on the wire.
 *
 * Videos are created, read, listed, remixed and deleted through `/v1/videos`: its Video object
 * tells most, and looks the same under every setting of the operator. What only
 * `/v1/video/generations` offers is asked there: long-poll, signed link, events, cancel, and
 * lists by status or model. A video is the same under both.
 *
 * @import { CreateOptions, Derived, ListOptions, Media, Source, Variant } from "./types.js"
 * @import { UsageAsked, Video, Wish } from "./types.js"
 * @import { Request } from "./line.js"
 */

import { Unsendable } from "./errors.js";
import { contentItem, isBytes, upload, wireValue } from "./media.js";

const VIDEOS = "/v1/videos";
const GENERATIONS = "/v1/video/generations";
const MODELS = "/v1/models";

export const PAGE_MAX = 100;

// The server says ": heartbeat" at least every 15 s; three missed ones mean that it is gone.
export const HEARTBEATS_MISSED_MS = 45_000;

const KEY = /^[ -~]{1,255}$/;

const WISH_NAMES = new Map([
  ["model", "model"],
  ["prompt", "prompt"],
  ["seconds", "seconds"],
  ["size", "size"],
  ["resolution", "resolution"],
  ["ratio", "ratio"],
  ["seed", "seed"],
  ["audio", "generate_audio"],
  ["negativePrompt", "negative_prompt"],
  ["metadata", "metadata"],
  ["callbackUrl", "callback_url"],
  ["user", "user"],
]);
const FRAMES = new Map([
  ["image", "image"],
  ["lastFrame", "last_frame"],
]);
const DERIVED_NAMES = new Map([
  ["model", "model"],
  ["callbackUrl", "callback_url"],
  ["user", "user"],
]);

/**
 * Build a create. Frames given as bytes travel as file parts of a form, which may be larger than
 * a JSON body; everything else is JSON.
 *
 * @param {Wish} wish
 * @param {CreateOptions} options
 * @returns {Promise<Request>}
 */
export async function create(wish, options) {
  const isForm = (wish.references ?? []).length === 0;
  const { body, files } = await wished(wish, isForm);
  return {
    method: "POST",
    path: VIDEOS,
    headers: creating(options),
    body: await bodyOf(body, files),
  };
}

/**
 * Build the question what a create would come to; files travel in its JSON.
 *
 * @param {Wish} wish
 * @returns {Promise<Request>}
 */
export async function quote(wish) {
  const { body } = await wished(wish, false);
  return { method: "POST", path: "/v1/video/quotes", body: encoded(body) };
}

/**
 * Return a wish in the words of the wire, and which of its frames travel as files.
 *
 * @param {Wish} wish
 * @param {boolean} isForm Whether frames of bytes may be files at all.
 */
async function wished(wish, isForm) {
  known("wish", wish, [...WISH_NAMES.keys(), ...FRAMES.keys(), "references", "extraBody"]);
  const body = named({ model: "sandbox", ...defined(wish) }, WISH_NAMES);
  const references = wish.references ?? [];
  if (references.length > 0) body.content = await Promise.all(references.map(contentItem));
  /** @type {Record<string, Blob | ArrayBuffer | Uint8Array<ArrayBufferLike>>} */
  const files = {};
  for (const [name, wireName] of FRAMES) {
    const frame = /** @type {Media | undefined} */ (wish[/** @type {keyof Wish} */ (name)]);
    if (frame === undefined || frame === null) continue;
    if (isForm && isBytes(frame)) files[wireName] = frame;
    else body[wireName] = await wireValue(frame);
  }
  return { body: { ...body, ...wish.extraBody }, files };
}

/**
 * Build a remix of a finished video.
 *
 * @param {Video | string} video
 * @param {string} prompt
 * @param {Derived} derived
 * @param {CreateOptions} options
 * @returns {Promise<Request>}
 */
export async function remix(video, prompt, derived, options) {
  return {
    method: "POST",
    path: `${VIDEOS}/${idSegment(video)}/remix`,
    headers: creating(options),
    body: await bodyOf(derivedBody("remix", { prompt }, derived), {}),
  };
}

/**
 * Build an edit.
 *
 * @param {Source} source
 * @param {string} prompt
 * @param {Derived} derived
 * @param {CreateOptions} options
 */
export function edit(source, prompt, derived, options) {
  return from(source, `${VIDEOS}/edits`, derivedBody("edit", { prompt }, derived), options);
}

/**
 * Build an extension by `seconds`.
 *
 * @param {Source} source
 * @param {string} prompt
 * @param {number} seconds
 * @param {Derived} derived
 * @param {CreateOptions} options
 */
export function extend(source, prompt, seconds, derived, options) {
  const body = derivedBody("extend", { prompt, seconds }, derived);
  return from(source, `${VIDEOS}/extensions`, body, options);
}

/**
 * Build the look that tells most.
 *
 * @param {Video | string} video
 * @returns {Request}
 */
export function retrieve(video) {
  return { method: "GET", path: `${VIDEOS}/${idSegment(video)}` };
}

/**
 * Build the look that the server may hold back until the video is final.
 *
 * @param {Video | string} video
 * @param {number} [holdS]
 * @returns {Request}
 */
export function look(video, holdS = 0) {
  return {
    method: "GET",
    path: `${GENERATIONS}/${idSegment(video)}`,
    query: holdS > 0 ? { wait: String(holdS) } : {},
    holdMs: holdS * 1000,
  };
}

/**
 * @param {Video | string} video
 * @returns {Request}
 */
export function cancel(video) {
  return { method: "POST", path: `${GENERATIONS}/${idSegment(video)}/cancel` };
}

/**
 * @param {Video | string} video
 * @returns {Request}
 */
export function remove(video) {
  return { method: "DELETE", path: `${VIDEOS}/${idSegment(video)}` };
}

/**
 * Build the request for one page of a list.
 *
 * @param {ListOptions} listing
 * @param {number} limit
 * @returns {Request}
 */
export function page({ order = "desc", after, status, model }, limit) {
  /** @type {Record<string, string>} */
  const query = { limit: String(limit), order };
  if (after !== undefined) query.after = idOf(after);
  if (status === undefined && model === undefined) return { method: "GET", path: VIDEOS, query };
  if (status !== undefined) query.status = status === "completed" ? "succeeded" : status;
  if (model !== undefined) query.model = model;
  return { method: "GET", path: GENERATIONS, query };
}

/**
 * Build the request for a film or a still; a remote store answers with a redirect.
 *
 * @param {Video | string} video
 * @param {Variant} variant
 * @param {Readonly<Record<string, string>>} headers
 * @returns {Request}
 */
export function content(video, variant, headers) {
  return {
    method: "GET",
    path: `${VIDEOS}/${idSegment(video)}/content`,
    query: { variant },
    // A compressed answer would have another length than the film.
    headers: {
      Accept: "application/octet-stream, */*",
      "Accept-Encoding": "identity",
      ...headers,
    },
    followsRedirects: true,
  };
}

/**
 * Build the request for the events with a number above `after`.
 *
 * @param {Video | string} video
 * @param {number} after
 * @param {number} timeoutMs
 * @returns {Request}
 */
export function events(video, after, timeoutMs) {
  return {
    method: "GET",
    path: `${GENERATIONS}/${idSegment(video)}/events`,
    headers: {
      Accept: "text/event-stream",
      "Accept-Encoding": "identity",
      ...(after > 0 ? { "Last-Event-ID": String(after) } : {}),
    },
    timeoutMs,
  };
}

/** @returns {Request} */
export function models() {
  return { method: "GET", path: MODELS };
}

/**
 * @param {string} name
 * @returns {Request}
 */
export function model(name) {
  return { method: "GET", path: `${MODELS}/${segment(name)}` };
}

/** @returns {Request} */
export function key() {
  return { method: "GET", path: "/v1/key" };
}

/** @returns {Request} */
export function webhookSecret() {
  return { method: "GET", path: "/v1/webhooks/secret" };
}

/**
 * @param {UsageAsked} asked
 * @param {string} by
 * @param {string | null} cursor
 * @returns {Request}
 */
export function usage({ from, to }, by, cursor) {
  /** @type {Record<string, string>} */
  const query = { group_by: by, limit: "1000" };
  if (from !== undefined) query.from = instant(from);
  if (to !== undefined) query.to = instant(to);
  if (cursor !== null) query.cursor = cursor;
  return { method: "GET", path: "/v1/usage", query };
}

/**
 * Return the id of a video that is given as itself or by its id.
 *
 * @param {Video | string} video
 */
export function idOf(video) {
  return typeof video === "string" ? video : video.id;
}

/**
 * Return the headers of a call that makes a video: never without an Idempotency-Key.
 *
 * @param {CreateOptions} options
 * @returns {Record<string, string>}
 */
function creating({ idempotencyKey = `rushes-${crypto.randomUUID()}`, startWithinS }) {
  if (!KEY.test(idempotencyKey)) {
    throw new Unsendable("idempotencyKey must be 1 to 255 printable ASCII characters.");
  }
  return {
    "Idempotency-Key": idempotencyKey,
    ...(startWithinS === undefined ? {} : { "Rushes-Start-Within": String(startWithinS) }),
  };
}

/**
 * Build a request that names its source, or carries it as a file part of a form.
 *
 * @param {Source} source
 * @param {string} path
 * @param {Record<string, unknown>} body
 * @param {CreateOptions} options
 * @returns {Promise<Request>}
 */
async function from(source, path, body, options) {
  const headers = creating(options);
  const sent = isBytes(source)
    ? bodyOf(body, { video: source })
    : bodyOf({ video: { id: idSegment(source) }, ...body }, {});
  return { method: "POST", path, headers, body: await sent };
}

/**
 * @param {string} verb
 * @param {Record<string, unknown>} told
 * @param {Derived} derived
 */
function derivedBody(verb, told, derived) {
  known(verb, derived, [...DERIVED_NAMES.keys(), "extraBody"]);
  return { ...told, ...named(defined(derived), DERIVED_NAMES), ...derived.extraBody };
}

/**
 * Return JSON, or a form where files come along; values of a form are JSON, unless texts.
 *
 * @param {Record<string, unknown>} values
 * @param {Record<string, Blob | ArrayBuffer | Uint8Array<ArrayBufferLike>>} files
 */
async function bodyOf(values, files) {
  if (Object.keys(files).length === 0) return encoded(values);
  const form = new FormData();
  for (const [name, value] of Object.entries(values)) {
    form.set(name, typeof value === "string" ? value : encoded(value));
  }
  for (const [name, bytes] of Object.entries(files)) {
    const part = await upload(bytes);
    form.set(name, part.blob, part.name);
  }
  return form;
}

/** @param {unknown} value */
function encoded(value) {
  return JSON.stringify(value, (name, inner) => {
    if (typeof inner === "number" && !Number.isFinite(inner)) {
      throw new Unsendable(`${name} is ${inner}, which cannot be said in JSON.`);
    }
    return inner;
  });
}

/**
 * @param {object} values
 * @returns {Record<string, unknown>}
 */
function defined(values) {
  return Object.fromEntries(
    Object.entries(values).filter(([, value]) => value !== undefined && value !== null),
  );
}

/**
 * @param {Record<string, unknown>} values
 * @param {ReadonlyMap<string, string>} names
 */
function named(values, names) {
  /** @type {Record<string, unknown>} */
  const body = {};
  for (const [name, wireName] of names) if (name in values) body[wireName] = values[name];
  return body;
}

/**
 * Refuse a misspelt name: a film of the wrong length costs as much as one of the right.
 *
 * @param {string} what
 * @param {object} given
 * @param {readonly string[]} names
 */
function known(what, given, names) {
  const unknown = Object.keys(given).find((name) => !names.includes(name));
  if (unknown === undefined) return;
  throw new TypeError(
    `A ${what} has no ${JSON.stringify(unknown)}; it has ${names.join(", ")}. ` +
      "What the wire knows beyond these goes into extraBody.",
  );
}

/** @param {Date | string} at */
function instant(at) {
  return at instanceof Date ? String(Math.floor(at.getTime() / 1000)) : at;
}

/** @param {Video | string} video */
function idSegment(video) {
  return segment(idOf(video));
}

/**
 * Quote a name for a path; an empty one would ask for something else.
 *
 * @param {string} name
 */
function segment(name) {
  if (typeof name !== "string" || ["", ".", ".."].includes(name)) {
    throw new Unsendable(`An id or a name was due, not ${JSON.stringify(name)}.`);
  }
  try {
    return encodeURIComponent(name);
  } catch {
    throw new Unsendable("An id or a name holds half a character.");
  }
}
