/**
 * The line to the server: what every verb needs of the world.
 *
 * @import { AnswerHead, CallOptions, Clock, Fetch, RetryOptions } from "./types.js"
 * @import { Access } from "./access.js"
 */

import { ApiError, ConnectionFailed } from "./errors.js";
import { readFault } from "./reading.js";
import { mayHaveWorked, pauseMs } from "./retry.js";
import { VERSION } from "./version.js";

// What a timer can hold; beyond it fires at once.
const TIMER_MS_MAX = 2 ** 31 - 1;

// A connection that never was. Node says so by a code in the cause of a failed fetch, Bun by one
// in the error, Deno in words, and a browser not at all: there it may have been sent.
const NEVER_SENT = new Set([
  "ECONNREFUSED",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOTFOUND",
  "UND_ERR_CONNECT_TIMEOUT",
  "ConnectionRefused",
]);
const NEVER_SENT_WORDS = /client error \(Connect\)|bad port|to port \d+ are blocked/i;

/**
 * One call, ready to be sent any number of times. `holdMs` is how long the server was asked to
 * hold its answer back; `timeoutMs` and `timeoutMsMax` bound its silence on top of it.
 *
 * @typedef {object} Request
 * @property {string} method
 * @property {string} path Quoted; it begins with `/`.
 * @property {Readonly<Record<string, string>>} [query]
 * @property {Readonly<Record<string, string>>} [headers]
 * @property {string | FormData} [body] JSON, or a form.
 * @property {number} [holdMs]
 * @property {number} [timeoutMs]
 * @property {number} [timeoutMsMax]
 * @property {boolean} [followsRedirects]
 */

/**
 * An answer, read to its end.
 *
 * @typedef {object} Reply
 * @property {number} status
 * @property {Headers} headers
 * @property {string} text
 */

/** @type {Clock} */
export const SYSTEM_CLOCK = {
  nowMs: () => performance.now(),
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const stop = () => {
        clearTimeout(timer);
        reject(signal?.reason);
      };
      const timer = setTimeout(
        () => {
          signal?.removeEventListener("abort", stop);
          resolve();
        },
        Math.min(ms, TIMER_MS_MAX),
      );
      signal?.addEventListener("abort", stop, { once: true });
    }),
};

/** A line to one server. */
export class Line {
  #access;
  #fetch;
  #timeoutMs;
  #headers;

  /**
   * @param {Access} access
   * @param {object} terms
   * @param {Fetch} terms.fetch
   * @param {Clock} terms.clock
   * @param {RetryOptions} terms.retry
   * @param {number} terms.timeoutMs
   * @param {Readonly<Record<string, string | undefined>>} terms.headers
   */
  constructor(access, { fetch, clock, retry, timeoutMs, headers }) {
    this.#access = access;
    this.#fetch = fetch;
    this.#timeoutMs = timeoutMs;
    this.#headers = headers;
    this.clock = clock;
    this.retry = retry;
  }

  /**
   * Return how often to try in one call.
   *
   * @param {CallOptions} call
   * @returns {RetryOptions}
   */
  retryOf({ attemptsMax }) {
    return attemptsMax === undefined ? this.retry : { ...this.retry, attemptsMax };
  }

  /**
   * Send once and return as soon as the head of the answer is there.
   *
   * @param {Request} request
   * @param {CallOptions} call
   */
  async open(request, call) {
    const patienceMs = Math.min(
      request.timeoutMs ?? call.timeoutMs ?? this.#timeoutMs,
      request.timeoutMsMax ?? Infinity,
    );
    const url = new URL(this.#access.baseUrl + request.path);
    const what = `${request.method} ${url}`;
    for (const [name, value] of Object.entries(request.query ?? {})) {
      url.searchParams.set(name, value);
    }
    const headers = this.#headersOf(request, call);
    const leash = new Leash(call.signal, patienceMs);
    let response;
    try {
      leash.await((request.holdMs ?? 0) + patienceMs);
      response = await this.#fetch(url.href, {
        method: request.method,
        headers,
        body: request.body ?? null,
        redirect: request.followsRedirects ? "follow" : "manual",
        signal: leash.signal,
      });
    } catch (error) {
      leash.release();
      throw leash.verdict(what, error);
    }
    leash.slacken();
    const stream = new Stream(what, response, leash);
    call.onAnswer?.({ status: stream.status, headers: stream.headers });
    return stream;
  }

  /**
   * Send once and read the whole answer, whatever its status.
   *
   * @param {Request} request
   * @param {CallOptions} call
   * @returns {Promise<Reply>}
   */
  async send(request, call) {
    const stream = await this.open(request, call);
    return stream.rest();
  }

  /**
   * Send once and return the answer if it is a good one.
   *
   * @param {Request} request
   * @param {CallOptions} call
   */
  async askOnce(request, call) {
    const reply = await this.send(request, call);
    if (reply.status >= 200 && reply.status < 300) return reply;
    throw readFault(reply);
  }

  /**
   * Send until there is an answer, within the bounds of `retry`.
   *
   * @param {Request} request
   * @param {CallOptions} call
   */
  async ask(request, call) {
    let isInDoubt = false;
    for (let tries = 1; ; tries += 1) {
      try {
        return await this.askOnce(request, call);
      } catch (fault) {
        isInDoubt ||= mayHaveWorked(fault);
        const pause = pauseMs(this.retryOf(call), tries, fault);
        if (pause === null) throw isInDoubt ? withKey(fault, request) : fault;
        await this.clock.sleep(pause, call.signal);
      }
    }
  }

  /**
   * @param {Request} request
   * @param {CallOptions} call
   */
  #headersOf(request, call) {
    const headers = new Headers({ Accept: "application/json" });
    const isBrowser = "document" in globalThis;
    if (!isBrowser) headers.set("User-Agent", `rushes-js/${VERSION}`);
    for (const given of [this.#headers, call.headers ?? {}, request.headers ?? {}]) {
      for (const [name, value] of Object.entries(given)) {
        if (value !== undefined) headers.set(name, value);
      }
    }
    if (typeof request.body === "string") headers.set("Content-Type", "application/json");
    headers.set("Authorization", `Bearer ${this.#access.apiKey}`);
    return headers;
  }
}

/** An answer whose body is read as it comes. */
export class Stream {
  #what;
  #leash;
  /** @type {ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>> | undefined} */
  #reader;
  #isOpen = true;
  #isOver = false;

  /**
   * @param {string} what
   * @param {Response} response
   * @param {Leash} leash
   */
  constructor(what, response, leash) {
    this.#what = what;
    this.#leash = leash;
    this.#reader = response.body?.getReader();
    this.status = response.status;
    this.headers = response.headers;
  }

  get isGood() {
    return this.status >= 200 && this.status < 300;
  }

  /** Return the next bytes; undefined at the end. */
  async read() {
    if (this.#reader === undefined) return undefined;
    try {
      this.#leash.await();
      const { value } = await this.#reader.read();
      this.#leash.slacken(); // however long the caller takes for it
      this.#isOver = value === undefined;
      return value;
    } catch (error) {
      throw this.#leash.verdict(this.#what, error);
    }
  }

  /**
   * Read the rest, and hang up.
   *
   * @returns {Promise<Reply>}
   */
  async rest() {
    const decoder = new TextDecoder();
    let text = "";
    try {
      for (let chunk = await this.read(); chunk; chunk = await this.read()) {
        text += decoder.decode(chunk, { stream: true });
      }
    } finally {
      this.close();
    }
    return { status: this.status, headers: this.headers, text: text + decoder.decode() };
  }

  /** Hang up; a second time does nothing. */
  close() {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    // What the other side still wanted to say is of no interest, nor is that it was cut off. The
    // request is aborted and not only its body: some versions of Node's fetch end the process when
    // a connection is closed whose body nobody reads on (github.com/nodejs/undici/issues/5360).
    if (!this.#isOver) this.#leash.drop();
    this.#leash.release();
    this.#reader?.cancel().catch(() => {});
  }
}

/** How long to wait for the next word, and who else may call a request back. */
class Leash {
  #controller = new AbortController();
  #outer;
  #patienceMs;
  #waitedMs = 0;
  #isSilent = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #recall = () => this.#controller.abort(this.#outer?.reason);

  /**
   * @param {AbortSignal | undefined} outer
   * @param {number} patienceMs
   */
  constructor(outer, patienceMs) {
    outer?.throwIfAborted();
    this.#outer = outer;
    this.#patienceMs = patienceMs;
    outer?.addEventListener("abort", this.#recall, { once: true });
  }

  get signal() {
    return this.#controller.signal;
  }

  /** Wait for the next word from now on. */
  await(ms = this.#patienceMs) {
    this.slacken();
    this.#waitedMs = ms;
    this.#timer = setTimeout(
      () => {
        this.#isSilent = true;
        this.#controller.abort();
      },
      Math.min(ms, TIMER_MS_MAX),
    );
  }

  /** Wait for nothing, until the next `await`. */
  slacken() {
    clearTimeout(this.#timer);
  }

  /** End the request. */
  drop() {
    this.#controller.abort();
  }

  /** Let go. */
  release() {
    this.slacken();
    this.#outer?.removeEventListener("abort", this.#recall);
  }

  /**
   * Say what a failed request comes to: the caller's own abort, silence, or a broken line.
   *
   * @param {string} what
   * @param {unknown} error
   */
  verdict(what, error) {
    if (this.#outer?.aborted) return this.#outer.reason;
    if (this.#isSilent) {
      const why = `no answer in time (${this.#waitedMs / 1000} s)`;
      return new ConnectionFailed(what, why, { cause: error });
    }
    const isSent = !NEVER_SENT.has(codeOf(error)) && !NEVER_SENT_WORDS.test(wordsOf(error));
    const why = isSent
      ? `the connection broke (${wordsOf(error)})`
      : `nobody answers there (${wordsOf(error)}). Check that the server is running ` +
        "and that baseUrl (or RUSHES_BASE_URL) is its address";
    return new ConnectionFailed(what, why, { isSent, cause: error });
  }
}

/**
 * Tell the caller of a create that may have worked with which key to ask again.
 *
 * @param {unknown} fault
 * @param {Request} request
 */
function withKey(fault, request) {
  const key = request.headers?.["Idempotency-Key"];
  if (key === undefined) return fault;
  if (fault instanceof ConnectionFailed) {
    const { what, why, isSent, cause } = fault;
    return new ConnectionFailed(what, why, { isSent, idempotencyKey: key, cause });
  }
  if (fault instanceof ApiError) {
    const kind = /** @type {typeof ApiError} */ (fault.constructor);
    return new kind(fault.complaint, key, fault.cause);
  }
  return fault;
}

/**
 * Return the error that says most: a failed fetch tells its reason in its cause, if it has one.
 *
 * @param {unknown} error
 */
function reasonOf(error) {
  const told = (error instanceof Error && error.cause) || error;
  return /** @type {{ code?: unknown, message?: unknown } | undefined} */ (told);
}

/** @param {unknown} error */
function codeOf(error) {
  return String(reasonOf(error)?.code);
}

/** @param {unknown} error */
function wordsOf(error) {
  const reason = reasonOf(error);
  return String(reason?.message || reason?.code || error);
}
