/**
 * The verbs, as callers see them.
 *
 * @import { CallOptions, CreateAndWaitOptions, CreateOptions, DeletedVideo } from "./types.js"
 * @import { Derived, DownloadedVideo, DownloadOptions, EventOptions, Fetch } from "./types.js"
 * @import { KeyFacts, ListOptions, Model, Quote, RushesOptions, Source } from "./types.js"
 * @import { StreamOptions, Target } from "./types.js"
 * @import { UsageAsked, UsageLine, UsageTask, Video, VideoEvent, VideoPage } from "./types.js"
 * @import { WaitOptions, WebhookSecret, Wish } from "./types.js"
 */

import { Access } from "./access.js";
import * as asking from "./asking.js";
import { download, stream } from "./download.js";
import { events } from "./events.js";
import { Line, SYSTEM_CLOCK } from "./line.js";
import { readKey, readModel, readModels, readPage, readQuote, readUsage } from "./reading.js";
import { readVideo, readWebhookSecret, usageLine, usageTask } from "./reading.js";
import { RETRY } from "./retry.js";
import { cancel, remove, retrieve } from "./verbs.js";
import { wait } from "./waiting.js";

const TIMEOUT_MS = 60_000;

/** A client of one server, with one key; it holds nothing open that must be closed. */
export class Rushes {
  #line;

  /**
   * @param {RushesOptions} [options]
   * @throws {NotConfigured} No key, a key that cannot be one, or an address that is not http(s).
   */
  constructor(options = {}) {
    const access = new Access(options.baseUrl, options.apiKey);
    /** @type {Fetch} */
    const fetch = options.fetch ?? ((input, init) => globalThis.fetch(input, init));
    const line = new Line(access, {
      fetch,
      clock: options.clock ?? SYSTEM_CLOCK,
      retry: { ...RETRY, ...options.retry },
      timeoutMs: options.timeoutMs ?? TIMEOUT_MS,
      headers: options.headers ?? {},
    });
    this.#line = line;
    this.baseUrl = access.baseUrl;
    /** Whether the key is one for tests: all that it makes is a rehearsal, and free. */
    this.isTest = access.isTest;
    this.videos = new Videos(line);
    this.models = new Models(line);
    this.usage = new Usage(line);
    this.webhooks = new Webhooks(line);
  }

  /**
   * Return what the client's key is, may do, and has left.
   *
   * @param {CallOptions} [options]
   * @returns {Promise<KeyFacts>}
   */
  async key(options = {}) {
    return readKey(await this.#line.ask(asking.key(), options));
  }
}

/**
 * What can be done with videos. Wherever a video is due, its id does as well.
 *
 * Every verb throws `ApiError` where the server says no, `ConnectionFailed` where no answer
 * comes, `UnexpectedAnswer` where one comes that no Rushes server gives, `Unsendable` where what
 * is given cannot be sent, and a signal's own reason where it is aborted.
 */
export class Videos {
  #line;

  /** @param {Line} line */
  constructor(line) {
    this.#line = line;
  }

  /**
   * Have a video made, and return it at once, queued.
   *
   * From this answer on it survives any crash of the server. The call carries an Idempotency-Key
   * and is tried again under the same one, so that it makes one video however often it is sent.
   *
   * @param {Wish} wish
   * @param {CreateOptions} [options]
   * @returns {Promise<Video>}
   * @throws {TypeError} The wish has a name that there is not.
   */
  async create(wish, options = {}) {
    return readVideo(await this.#line.ask(await asking.create(wish, options), options));
  }

  /**
   * Have a video made and wait for its end; `create` and `wait` in one.
   *
   * @param {Wish} wish
   * @param {CreateAndWaitOptions} [options]
   * @returns {Promise<Video>}
   */
  async createAndWait(wish, options = {}) {
    return this.wait(await this.create(wish, options), options);
  }

  /**
   * Tell what `create` with the same wish would come to; nothing is made or held for it.
   *
   * @param {Wish} wish
   * @param {CallOptions} [options]
   * @returns {Promise<Quote>}
   */
  async quote(wish, options = {}) {
    return readQuote(await this.#line.ask(await asking.quote(wish), options));
  }

  /**
   * Look at a video once. A completed one comes with a freshly signed `url`.
   *
   * @param {Video | string} video
   * @param {CallOptions} [options]
   * @returns {Promise<Video>}
   */
  async retrieve(video, options = {}) {
    return retrieve(this.#line, video, options);
  }

  /**
   * Wait until a video is final, and return it.
   *
   * The server holds each look back until there is an end to tell, so that this asks seldom and
   * hears of the end at once. Looks that fail are repeated until the deadline; only for a bare
   * id, which may be wrong, and until it was seen once, after the usual number of tries no more.
   *
   * @param {Video | string} video
   * @param {WaitOptions} [options]
   * @returns {Promise<Video>}
   * @throws {VideoFailed} The video failed, unless `throwOnFailure` is false.
   * @throws {WaitTimeout} It was not final within `deadlineMs`; it goes on.
   */
  async wait(video, options = {}) {
    return wait(this.#line, video, options);
  }

  /**
   * Go through your videos, newest first, page by page as they are asked for.
   *
   * With `status` or `model` the answer is a leaner one, without prompt, seconds and size.
   *
   * @param {ListOptions} [options] `limit` bounds the whole; all there are if absent.
   * @returns {AsyncGenerator<Video, void, void>}
   */
  async *list(options = {}) {
    let left = options.limit ?? Infinity;
    for (let after = options.after; left > 0;) {
      const limit = Math.min(asking.PAGE_MAX, left);
      const page = await this.listPage({ ...options, after, limit });
      const videos = page.data.slice(0, limit);
      yield* videos;
      left -= videos.length;
      // A cursor that does not move would lead round in circles.
      const isStuck = page.lastId === null || page.lastId === (after && asking.idOf(after));
      if (!page.hasMore || isStuck) return;
      after = page.lastId ?? undefined;
    }
  }

  /**
   * Return one page of at most `limit` (1 to 100; 20 if absent) videos; otherwise as `list`.
   *
   * @param {ListOptions} [options]
   * @returns {Promise<VideoPage>}
   */
  async listPage(options = {}) {
    return readPage(await this.#line.ask(asking.page(options, options.limit ?? 20), options));
  }

  /**
   * Stop a video, and return it as it ended: failed, with the error code `canceled`. One that is
   * canceled already is returned alike.
   *
   * @param {Video | string} video
   * @param {CallOptions} [options]
   * @returns {Promise<Video>}
   * @throws {BadRequest} With code `task_already_finished`: it ended before.
   */
  async cancel(video, options = {}) {
    return cancel(this.#line, video, options);
  }

  /**
   * Remove a finished video, film and record.
   *
   * @param {Video | string} video
   * @param {CallOptions} [options]
   * @returns {Promise<DeletedVideo>}
   * @throws {BadRequest} With code `task_not_finished`: cancel it first.
   */
  async delete(video, options = {}) {
    return remove(this.#line, video, options);
  }

  /**
   * Have a finished video made anew with another prompt, and return the new one, queued. Seconds
   * and size are the source's.
   *
   * @param {Video | string} video
   * @param {string} prompt
   * @param {Derived & CreateOptions} [options]
   * @returns {Promise<Video>}
   */
  async remix(video, prompt, options = {}) {
    const [derived, call] = split(options);
    return readVideo(await this.#line.ask(await asking.remix(video, prompt, derived, call), call));
  }

  /**
   * Have a film changed as the prompt says, and return the new one, queued. The model must know
   * how to edit: `models.retrieve(…).modes` says so.
   *
   * @param {Source} source
   * @param {string} prompt
   * @param {Derived & CreateOptions} [options]
   * @returns {Promise<Video>}
   */
  async edit(source, prompt, options = {}) {
    const [derived, call] = split(options);
    return readVideo(await this.#line.ask(await asking.edit(source, prompt, derived, call), call));
  }

  /**
   * Have a film continued by `seconds`, and return the longer one, queued. Its `seconds` are
   * those of both parts together. Otherwise as `edit`.
   *
   * @param {Source} source
   * @param {string} prompt
   * @param {{ readonly seconds: number } & Derived & CreateOptions} options
   * @returns {Promise<Video>}
   */
  async extend(source, prompt, { seconds, ...options }) {
    const [derived, call] = split(options);
    const request = await asking.extend(source, prompt, seconds, derived, call);
    return readVideo(await this.#line.ask(request, call));
  }

  /**
   * Bring a film home, or a still of it.
   *
   * A path is written under another name and renamed when every byte is there; a folder gets a
   * file named after the video. A connection that breaks is taken up where it broke. What came is
   * compared with the server's digest.
   *
   * @param {Video | string} video
   * @param {Target} [target]
   * @param {DownloadOptions} [options]
   * @returns {Promise<DownloadedVideo>}
   * @throws {BadRequest} With code `task_not_finished` or `task_failed`: there is no film.
   * @throws {ArtifactExpired} Retention removed it.
   * @throws {DownloadFailed} It did not arrive whole.
   */
  async download(video, target, options = {}) {
    return download(this.#line, video, target, options);
  }

  /**
   * Give a film on as it comes, or a still of it, to somebody who keeps none of it. A connection
   * that breaks is taken up where it broke.
   *
   * @param {Video | string} video
   * @param {StreamOptions} [options]
   * @returns {AsyncGenerator<Uint8Array<ArrayBuffer>, void, void>}
   */
  stream(video, options = {}) {
    return stream(this.#line, video, options);
  }

  /**
   * Listen to a video's changes of status, from the first (or from `after`) to the last. A
   * stream that breaks is taken up after the last event that was told.
   *
   * @param {Video | string} video
   * @param {EventOptions} [options]
   * @returns {AsyncGenerator<VideoEvent, void, void>}
   * @throws {WaitTimeout} The last event had not come within `deadlineMs`.
   */
  events(video, options = {}) {
    return events(this.#line, video, options);
  }
}

/** What the server can make videos with. */
export class Models {
  #line;

  /** @param {Line} line */
  constructor(line) {
    this.#line = line;
  }

  /**
   * Return every model that the key may use.
   *
   * @param {CallOptions} [options]
   * @returns {Promise<readonly Model[]>}
   */
  async list(options = {}) {
    return readModels(await this.#line.ask(asking.models(), options));
  }

  /**
   * Return one model.
   *
   * @param {string} model
   * @param {CallOptions} [options]
   * @returns {Promise<Model>}
   * @throws {NotFound} There is none of that name.
   */
  async retrieve(model, options = {}) {
    return readModel(await this.#line.ask(asking.model(model), options));
  }
}

/** What ended videos of your account came to. */
export class Usage {
  #line;

  /** @param {Line} line */
  constructor(line) {
    this.#line = line;
  }

  /**
   * Go through what was used, by model (if nothing else is said), key or day.
   *
   * @param {UsageAsked & CallOptions} [options]
   * @returns {AsyncGenerator<UsageLine, void, void>}
   */
  async *list({ by = "model", from, to, ...options } = {}) {
    for await (const line of this.#lines({ from, to }, by, options)) yield usageLine(line, by);
  }

  /**
   * Go through what was used, video by video.
   *
   * @param {Omit<UsageAsked, "by"> & CallOptions} [options]
   * @returns {AsyncGenerator<UsageTask, void, void>}
   */
  async *tasks({ from, to, ...options } = {}) {
    for await (const line of this.#lines({ from, to }, "task", options)) yield usageTask(line);
  }

  /**
   * @param {UsageAsked} asked
   * @param {string} by
   * @param {CallOptions} options
   */
  async *#lines(asked, by, options) {
    /** @type {string | null} */
    let cursor = null;
    do {
      /** @type {ReturnType<typeof readUsage>} */
      const page = readUsage(await this.#line.ask(asking.usage(asked, by, cursor), options));
      yield* page.lines;
      cursor = page.cursor === cursor ? null : page.cursor;
    } while (cursor !== null);
  }
}

/** What a receiver of webhooks needs; `verify` of `rushes/webhooks` believes with it. */
export class Webhooks {
  #line;

  /** @param {Line} line */
  constructor(line) {
    this.#line = line;
  }

  /**
   * Return what your account's webhooks are signed with; it is made when first asked for.
   *
   * @param {CallOptions} [options]
   * @returns {Promise<WebhookSecret>}
   * @throws {Forbidden} With code `scope_missing`: the key may neither administer nor read.
   */
  async secret(options = {}) {
    return readWebhookSecret(await this.#line.ask(asking.webhookSecret(), options));
  }
}

/**
 * Part what goes into the body of a derivation from how the call is made.
 *
 * @param {Derived & CreateOptions} options
 * @returns {[Derived, CreateOptions]}
 */
function split(options) {
  const {
    idempotencyKey,
    startWithinS,
    signal,
    timeoutMs,
    attemptsMax,
    headers,
    onAnswer,
    ...rest
  } = options;
  const call = { idempotencyKey, startWithinS, signal, timeoutMs, attemptsMax, headers, onAnswer };
  return [rest, call];
}
