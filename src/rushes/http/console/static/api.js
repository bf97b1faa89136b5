/**
 * The wire as the console speaks it: the public and the operators' API, with the visitor's key.
 *
 * The key lives in this tab's session storage and in this module, and goes nowhere but into the
 * Authorization header of requests to where the page came from.
 */

const PLACE = "rushes.key";

let key = sessionStorage.getItem(PLACE);
let onLost = () => {};

export const keyNow = () => key;

export function keep(secret) {
  key = secret;
  sessionStorage.setItem(PLACE, secret);
}

export function forget() {
  key = null;
  sessionStorage.removeItem(PLACE);
}

/** Say who is told when the wire does not know the key any more. */
export function whenLost(tell) {
  onLost = tell;
}

/** What the wire refused, in its own words. */
export class Refused extends Error {
  constructor(status, { message, code = "", param = null, type = "" }, headers) {
    super(message);
    this.status = status;
    this.code = code;
    this.param = param;
    this.type = type;
    this.requestId = headers?.get("x-request-id") ?? "";
    this.retryAfterS = Number(headers?.get("retry-after")) || null;
  }
}

const UNHEARD = { code: "unreachable", message: "The server does not answer. Is it running, and is there a network?" };

/** Ask, and return the whole response; refusals are thrown. */
export async function ask(method, path, { body, form, headers = {}, signal } = {}) {
  const sent = { Authorization: `Bearer ${key}`, ...headers };
  if (body !== undefined) sent["Content-Type"] = "application/json";
  let response;
  try {
    response = await fetch(path, {
      method,
      headers: sent,
      body: form ?? (body === undefined ? undefined : JSON.stringify(body)),
      signal,
      cache: "no-store",
      credentials: "omit",
    });
  } catch (fault) {
    if (fault.name === "AbortError") throw fault;
    throw new Refused(0, UNHEARD);
  }
  if (response.ok) return response;
  const refused = new Refused(response.status, await wordsOf(response), response.headers);
  if (response.status === 401 && sent.Authorization === `Bearer ${key}`) onLost(refused);
  throw refused;
}

async function wordsOf(response) {
  try {
    const told = await response.json();
    if (told.error?.message) return told.error;
    if (told.message) return told; // an envelope
  } catch {
    // not ours: something between us and the server
  }
  return { code: `http_${response.status}`, message: `The answer was HTTP ${response.status}, without a reason.` };
}

/** Ask for JSON. */
export async function get(path, options) {
  return (await ask("GET", path, options)).json();
}

/** Send JSON, get JSON. */
export async function send(method, path, body, options = {}) {
  const response = await ask(method, path, { ...options, body });
  return response.status === 204 ? null : response.json();
}

/** Return a path with a query of what is set. */
export function at(path, query) {
  const set = Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== "");
  return set.length ? `${path}?${new URLSearchParams(set)}` : path;
}

/** A still or film as an address that this page may show; `release` it when it is gone. */
export async function blobUrl(path, options) {
  const bytes = await (await ask("GET", path, options)).blob();
  return URL.createObjectURL(bytes);
}

/**
 * Follow server-sent events of a task, with the key in a header, until `signal` or the end.
 *
 * Yields `{id, event, data}`; connects again after a cut, from the last id that was heard.
 */
export async function* events(path, { signal } = {}) {
  let last = null;
  let pauseMs = 1000;
  while (!signal?.aborted) {
    try {
      const headers = last === null ? {} : { "Last-Event-ID": last };
      const response = await ask("GET", path, {
        headers: { Accept: "text/event-stream", ...headers },
        signal,
      });
      for await (const message of messages(response.body)) {
        if (message.retry) pauseMs = Math.min(message.retry, 10_000);
        if (message.data === undefined) continue;
        if (message.id !== undefined) last = message.id;
        const told = { id: message.id, event: message.event ?? "message", data: JSON.parse(message.data) };
        yield told;
        if (["succeeded", "failed"].includes(told.data.status)) return;
      }
    } catch (fault) {
      if (signal?.aborted || fault.name === "AbortError") return;
      if (fault instanceof Refused && fault.status >= 400 && fault.status < 500 && fault.status !== 429) throw fault;
    }
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}

async function* messages(stream) {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      text += value.replaceAll("\r\n", "\n");
      const blocks = text.split("\n\n");
      text = blocks.pop();
      for (const block of blocks) yield messageOf(block);
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

function messageOf(block) {
  const told = {};
  for (const line of block.split("\n")) {
    const [, name, value] = /^([a-z]+): ?(.*)$/.exec(line) ?? [];
    if (name === "data") told.data = told.data === undefined ? value : `${told.data}\n${value}`;
    else if (name === "retry") told.retry = Number(value);
    else if (name) told[name] = value;
  }
  return told;
}
