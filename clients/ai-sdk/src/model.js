/**
 * One model of a Rushes server, as the AI SDK knows video models (specification v4).
 *
 * Read in `@ai-sdk/provider` 4.0.38, `src/video-model/v4`, and `ai` 7.0.173, `src/generate-video`.
 *
 * The SDK repeats `doGenerate` and `doStart` after some errors. Both are billable, so each call
 * has one Idempotency-Key, however often the SDK makes it: for `doStart` the SDK sends one, for
 * `doGenerate` it is remembered with the options, which are the same object at each try. The
 * client's own tries of a create are left to the SDK, so that its `maxRetries` means what it says.
 *
 * @import { Experimental_VideoModelV4OperationStartResult } from "@ai-sdk/provider"
 * @import { Experimental_VideoModelV4OperationStatusResult } from "@ai-sdk/provider"
 * @import { Experimental_VideoModelV4OperationWebhook as Webhook } from "@ai-sdk/provider"
 * @import { Experimental_VideoModelV4Result } from "@ai-sdk/provider"
 * @import { Experimental_VideoModelV4VideoData } from "@ai-sdk/provider"
 * @import { JSONValue } from "@ai-sdk/provider"
 * @import { AnswerHead, CreateOptions, Rushes, Video } from "rushes"
 * @import { Asked } from "./wishes.js"
 * @import { CallOptions, RushesProviderSettings, VideoModelV4 } from "./types.js"
 */

import { UnexpectedAnswer, VideoFailed, webhooks } from "rushes";

import { asCallError } from "./errors.js";
import { asked, warningsOf } from "./wishes.js";

/** @implements {VideoModelV4} */
export class RushesVideoModel {
  #client;
  #settings;
  /** @type {WeakMap<CallOptions, string>} */
  #keys = new WeakMap();

  /** @type {"v4"} */
  specificationVersion = "v4";
  provider = "rushes.video";
  maxVideosPerCall = 1;

  /**
   * @param {string} modelId
   * @param {() => Rushes} client
   * @param {RushesProviderSettings} settings
   */
  constructor(modelId, client, settings) {
    this.modelId = modelId;
    this.#client = client;
    this.#settings = settings;
  }

  /**
   * Make a film, wait for it, and bring it home.
   *
   * @param {CallOptions} options
   * @returns {Promise<Experimental_VideoModelV4Result>}
   */
  async doGenerate(options) {
    const given = asked(this.modelId, options);
    const head = new Head(this.modelId);
    const call = { signal: options.abortSignal, headers: given.headers };
    const deadlineMs = given.deadlineMs ?? this.#settings.deadlineMs;
    return this.#told(given.wish, async () => {
      const made = await this.#created(options, given, head);
      try {
        const film = await this.#client().videos.wait(made, { ...call, deadlineMs });
        const videos = [await this.#handed(film, call)];
        const warnings = warningsOf(made, options.n);
        return { videos, warnings, providerMetadata: factsOf(film), response: head.response() };
      } catch (fault) {
        if (options.abortSignal?.aborted) this.#letGo(made);
        throw fault;
      }
    });
  }

  /**
   * Start a film, and return the reference under which to look at it.
   *
   * @param {CallOptions & { webhookUrl?: string }} options
   * @returns {Promise<Experimental_VideoModelV4OperationStartResult>}
   */
  async doStart(options) {
    const given = asked(this.modelId, options);
    const head = new Head(this.modelId);
    return this.#told(given.wish, async () => {
      const made = await this.#created(options, given, head);
      return {
        operation: { id: made.id },
        warnings: warningsOf(made, options.n),
        providerMetadata: { rushes: { id: made.id } },
        response: head.response(),
      };
    });
  }

  /**
   * Look once at a film that was started.
   *
   * @param {object} options
   * @param {JSONValue} options.operation
   * @param {AbortSignal} [options.abortSignal]
   * @param {Record<string, string | undefined>} [options.headers]
   * @returns {Promise<Experimental_VideoModelV4OperationStatusResult>}
   */
  async doStatus({ operation, abortSignal: signal, headers }) {
    const id = idOf(operation);
    const head = new Head(this.modelId);
    return this.#told({ id }, async () => {
      const call = { signal, headers };
      const seen = await this.#client().videos.retrieve(id, { ...call, onAnswer: head.note });
      const response = head.response();
      if (!seen.isFinal) return { status: "pending", providerMetadata: placeOf(seen), response };
      const providerMetadata = factsOf(seen);
      if (seen.status === "failed") {
        const error = new VideoFailed(seen).message;
        return { status: "error", error, providerMetadata, response };
      }
      const videos = [await this.#handed(seen, call)];
      return { status: "completed", videos, warnings: [], providerMetadata, response };
    });
  }

  /**
   * Let the server ring where the caller listens. The bell is not the truth: the SDK looks at the
   * film after it has rung.
   *
   * @param {object} options
   * @param {() => PromiseLike<{ url: string, received: PromiseLike<Webhook> }>} options.webhook
   */
  async handleWebhookOption({ webhook }) {
    const { url, received } = await webhook();
    return { webhookUrl: url, received: Promise.resolve(received).then(this.#believed) };
  }

  /** @param {Webhook} told */
  #believed = async (told) => {
    const secret = this.#settings.webhookSecret;
    if (secret === undefined) return told;
    if (typeof told.body !== "string") {
      throw new TypeError(
        "A webhookSecret is set, so `received` must resolve with the body as it came, a text: " +
          "JSON that was parsed has no signature any more.",
      );
    }
    await webhooks.verify(secret, told.headers, told.body);
    return told;
  };

  /**
   * Create the video; one, however often the SDK repeats the call.
   *
   * The caller's abort is heard at once, yet the create is not called back: it may have worked,
   * and then somebody must cancel what nobody waits for.
   *
   * @param {CallOptions} options
   * @param {Asked} given
   * @param {Head} head
   * @returns {Promise<Video>}
   */
  async #created(options, given, head) {
    options.abortSignal?.throwIfAborted();
    /** @type {CreateOptions} */
    const call = {
      idempotencyKey: given.idempotencyKey ?? this.#keyOf(options),
      startWithinS: given.startWithinS,
      headers: given.headers,
      attemptsMax: 1,
      onAnswer: head.note,
    };
    const created = this.#client().videos.create(given.wish, call);
    try {
      return await unless(options.abortSignal, created);
    } catch (fault) {
      if (options.abortSignal?.aborted)
        created.then(
          (video) => this.#letGo(video),
          () => {},
        );
      throw fault;
    }
  }

  /** @param {CallOptions} options */
  #keyOf(options) {
    const key = this.#keys.get(options) ?? `rushes-ai-sdk-${crypto.randomUUID()}`;
    this.#keys.set(options, key);
    return key;
  }

  /**
   * Cancel a video that nobody waits for any more. If that fails it goes on, as without an abort.
   *
   * @param {Video} video
   */
  #letGo(video) {
    if (this.#settings.cancelOnAbort === false) return;
    this.#client()
      .videos.cancel(video)
      .catch(() => {});
  }

  /**
   * @param {Video} film
   * @param {{ signal?: AbortSignal, headers?: Record<string, string | undefined> }} call
   * @returns {Promise<Experimental_VideoModelV4VideoData>}
   */
  async #handed(film, call) {
    if (this.#settings.film === "url") {
      if (film.url === null) throw new UnexpectedAnswer(`${film.id} is completed, without a link.`);
      return { type: "url", url: film.url, mediaType: "video/mp4" };
    }
    const { content, contentType } = await this.#client().videos.download(film, undefined, call);
    if (content === null) throw new UnexpectedAnswer(`${film.id} came without bytes.`);
    return { type: "binary", data: content, mediaType: contentType || "video/mp4" };
  }

  /**
   * @template T
   * @param {unknown} wish
   * @param {() => Promise<T>} act
   */
  async #told(wish, act) {
    try {
      return await act();
    } catch (fault) {
      throw asCallError(fault, `${this.#client().baseUrl}/v1/videos`, wish);
    }
  }
}

/** The head of the last answer, for the SDK's own records. */
class Head {
  /** @type {Headers | undefined} */
  #headers;
  #modelId;

  /** @param {string} modelId */
  constructor(modelId) {
    this.#modelId = modelId;
  }

  /** @param {AnswerHead} head */
  note = ({ headers }) => {
    this.#headers = headers;
  };

  response() {
    const headers = this.#headers && Object.fromEntries(this.#headers);
    return { timestamp: new Date(), modelId: this.#modelId, headers };
  }
}

/** @param {Video} video */
function factsOf(video) {
  const { id, model, seconds, size, url, costMicrousd, isRehearsal, servedBy } = video;
  const code = video.error?.code ?? null;
  const facts = { id, model, seconds, size, url, costMicrousd, isRehearsal, servedBy, code };
  return { rushes: { videos: [facts] } };
}

/** @param {Video} video */
function placeOf({ id, progress, queuePosition, etaS }) {
  return { rushes: { id, progress, queuePosition, etaS } };
}

/** @param {JSONValue} operation */
function idOf(operation) {
  const id =
    typeof operation === "object" && operation !== null && "id" in operation ? operation.id : null;
  if (typeof id === "string") return id;
  throw new TypeError(`${JSON.stringify(operation)} is no operation that doStart returned.`);
}

/**
 * Wait for something, unless the signal is aborted first.
 *
 * @template T
 * @param {AbortSignal | undefined} signal
 * @param {Promise<T>} something
 * @returns {Promise<T>}
 */
async function unless(signal, something) {
  if (signal === undefined) return something;
  /** @type {() => void} */
  let stop = () => {};
  const aborted = new Promise((_, reject) => {
    stop = () => reject(signal.reason);
    signal.addEventListener("abort", stop, { once: true });
  });
  try {
    return /** @type {T} */ (await Promise.race([something, aborted]));
  } finally {
    signal.removeEventListener("abort", stop);
  }
}
