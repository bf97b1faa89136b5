/**
 * Bringing a film home whole, over connections that may break.
 *
 * After a break the rest is asked for by Range, under the ETag of the first answer, so that
 * parts of two different films never meet. An answer that cannot be continued is begun anew. A
 * film counts as whole when as many bytes came as the first answer announced, and when it has
 * the digest that the answer (`Repr-Digest`, RFC 9530) told, and the caller if he wants one.
 *
 * @import { DownloadedVideo, DownloadOptions, StreamOptions, Target, Video } from "./types.js"
 * @import { Line } from "./line.js"
 * @import { Sink } from "./sinks.js"
 */

import * as asking from "./asking.js";
import { ConnectionFailed, DownloadFailed, RangeNotSatisfiable, RushesError } from "./errors.js";
import { readFault } from "./reading.js";
import { pauseMs } from "./retry.js";
import { builtin } from "./runtime.js";
import { openSink } from "./sinks.js";

/**
 * What an answer says of the bytes that follow: where they begin, and of how many.
 *
 * @typedef {object} Head
 * @property {number} start -1 where it cannot be read.
 * @property {number | null} totalBytes
 * @property {string | null} etag
 * @property {string} contentType
 * @property {string | null} sha256 In hex, as the server told it.
 */

/**
 * Download a film or a still; see `Videos.download`.
 *
 * @param {Line} line
 * @param {Video | string} video
 * @param {Target} target
 * @param {DownloadOptions} options
 * @returns {Promise<DownloadedVideo>}
 */
export async function download(line, video, target, options) {
  const transfer = new Transfer(line, video, options);
  const { id, variant } = transfer;
  const sink = await openSink(target, id, variant, options.resume ?? false);
  try {
    await transfer.takeUp(sink);
    for await (const piece of transfer.pieces()) {
      if (piece === null) await restarted(sink, id);
      else {
        await sink.write(piece);
        options.onProgress?.(transfer.receivedBytes, transfer.totalBytes);
      }
    }
    const sha256 = transfer.sha256 ?? (await sink.sha256?.()) ?? null;
    if (sha256 !== null) checked(id, sha256, transfer.toldSha256, "the server");
    checked(id, sha256, options.sha256 ?? null, "you");
    const { receivedBytes: sizeBytes, contentType, etag } = transfer;
    const { path, content } = await sink.finish();
    return Object.freeze({ id, variant, sizeBytes, contentType, etag, sha256, path, content });
  } finally {
    await sink.abandon();
  }
}

/**
 * Give a film on as it comes; see `Videos.stream`.
 *
 * @param {Line} line
 * @param {Video | string} video
 * @param {StreamOptions} options
 * @returns {AsyncGenerator<Uint8Array<ArrayBuffer>, void, void>}
 */
export async function* stream(line, video, options) {
  const transfer = new Transfer(line, video, options);
  for await (const piece of transfer.pieces()) {
    if (piece === null) {
      throw new DownloadFailed(transfer.id, "it must be sent anew, and a part is given on already");
    }
    yield piece;
  }
}

/**
 * Read the head of a good answer to a request for bytes.
 *
 * @param {number} status
 * @param {Headers} headers
 * @returns {Head}
 */
export function readHead(status, headers) {
  const tag = headers.get("etag");
  const etag = tag?.startsWith("W/") ? null : tag; // a weak one does not promise equal bytes
  const told = { etag, contentType: headers.get("content-type") ?? "", sha256: digestOf(headers) };
  if (status === 206) {
    const range = headers.get("content-range")?.trim() ?? "";
    const span = /^bytes ([0-9]{1,15})-[0-9]{1,15}\/([0-9]{1,15})$/.exec(range);
    if (span === null) return { start: -1, totalBytes: null, ...told };
    return { start: Number(span[1]), totalBytes: Number(span[2]), ...told };
  }
  const length = headers.get("content-length") ?? "";
  return { start: 0, totalBytes: /^[0-9]{1,15}$/.test(length) ? Number(length) : null, ...told };
}

/** One film on its way: what has arrived, and what it must amount to. */
class Transfer {
  #line;
  #options;
  #furthestBytes = 0;

  receivedBytes = 0;
  /** @type {number | null} */
  totalBytes = null;
  /** @type {string | null} */
  etag = null;
  /** @type {string | null} */
  toldSha256 = null; // by the server, in hex
  contentType = "";
  #sum = new Sum();
  /** @type {Sink["note"]} */
  #note;

  /**
   * @param {Line} line
   * @param {Video | string} video
   * @param {StreamOptions} options
   */
  constructor(line, video, options) {
    this.#line = line;
    this.#options = options;
    this.id = asking.idOf(video);
    this.variant = options.variant ?? "video";
  }

  /** Of what arrived; null where nothing here can add it up. */
  get sha256() {
    return this.#sum.hex();
  }

  /**
   * Go on with what an earlier call left, if it did; and let the next one know of which film the
   * bytes are.
   *
   * @param {Sink} sink
   */
  async takeUp(sink) {
    this.#note = sink.note?.bind(sink);
    const kept = await sink.kept?.((piece) => this.#sum.add(piece));
    if (!kept) return;
    this.receivedBytes = this.#furthestBytes = kept.sizeBytes;
    this.etag = kept.etag;
  }

  /**
   * Fetch until every byte is there; null means: forget what came, it begins anew.
   *
   * @returns {AsyncGenerator<Uint8Array<ArrayBuffer> | null, void, void>}
   */
  async *pieces() {
    for (let failures = 0; ;) {
      /** @type {unknown} */
      let fault;
      try {
        yield* this.#fetch();
        return;
      } catch (error) {
        if (!(error instanceof RushesError) || error instanceof DownloadFailed) throw error;
        fault = error;
      }
      const isFurther = this.receivedBytes > this.#furthestBytes;
      this.#furthestBytes = Math.max(this.#furthestBytes, this.receivedBytes);
      failures = isFurther ? 1 : failures + 1;
      const pause = pauseMs(this.#line.retryOf(this.#options), failures, fault);
      if (pause === null) throw this.#verdict(fault);
      await this.#line.clock.sleep(pause, this.#options.signal);
    }
  }

  /** Ask for what is missing, and take what comes of it. */
  async *#fetch() {
    // What has no strong ETag cannot be continued, and is begun anew.
    const headers =
      this.receivedBytes > 0 && this.etag !== null
        ? { Range: `bytes=${this.receivedBytes}-`, "If-Range": this.etag }
        : {};
    const request = asking.content(this.id, this.variant, /** @type {{}} */ (headers));
    const answer = await this.#line.open(request, this.#options);
    try {
      if (!answer.isGood) {
        yield* this.#refused(readFault(await answer.rest()), answer.headers);
        yield* this.#compared();
        return;
      }
      yield* this.#begin(readHead(answer.status, answer.headers), answer.headers);
      for (let piece = await answer.read(); piece; piece = await answer.read()) {
        this.receivedBytes += piece.length;
        this.#sum.add(piece);
        yield piece;
      }
      this.totalBytes ??= this.receivedBytes;
      if (this.receivedBytes !== this.totalBytes) {
        throw this.#lost(`${this.receivedBytes} of ${this.totalBytes} bytes came`);
      }
      yield* this.#compared();
    } finally {
      answer.close();
    }
  }

  /**
   * Compare the head with what is here already; begin anew where they do not fit.
   *
   * @param {Head} head
   * @param {Headers} headers
   */
  async *#begin(head, headers) {
    if ((headers.get("content-encoding") ?? "identity") !== "identity") {
      throw new DownloadFailed(this.id, "something on the way compressed the film");
    }
    if (head.start === 0) {
      yield* this.#restart();
      this.etag = head.etag;
      this.#learn(head);
      await this.#note?.(head.etag);
      return;
    }
    // Of what an earlier call left there is the ETag, and nothing else.
    if (this.totalBytes === null && head.etag !== null) this.#learn(head);
    const isRest = head.start === this.receivedBytes && head.totalBytes === this.totalBytes;
    const isSame = head.etag === null || head.etag === this.etag;
    if (isRest && isSame) return;
    yield* this.#restart();
    throw this.#lost("another part came than was asked");
  }

  /** @param {Head} head */
  #learn(head) {
    this.totalBytes = head.totalBytes;
    this.contentType = head.contentType;
    this.toldSha256 = head.sha256;
  }

  /** Begin anew where what came is not what the server has, byte for byte. */
  async *#compared() {
    const isSame = this.toldSha256 === null || this.toldSha256 === (this.sha256 ?? this.toldSha256);
    if (isSame) return;
    this.#furthestBytes = Math.max(this.#furthestBytes, this.receivedBytes);
    yield* this.#restart();
    throw this.#lost("it was changed on the way");
  }

  /**
   * Throw what the server says, unless it says that there are no more bytes to send.
   *
   * @param {RushesError} fault
   * @param {Headers} headers
   * @returns {AsyncGenerator<null, void, void>}
   */
  async *#refused(fault, headers) {
    if (!(fault instanceof RangeNotSatisfiable) || this.receivedBytes === 0) throw fault;
    if (headers.get("content-range")?.trim() === `bytes */${this.receivedBytes}`) return;
    yield* this.#restart();
    throw this.#lost("it is another film now");
  }

  /** @returns {AsyncGenerator<null, void, void>} */
  async *#restart() {
    if (this.receivedBytes === 0) return;
    this.receivedBytes = 0;
    this.#sum = new Sum();
    yield null;
  }

  /** @param {string} why */
  #lost(why) {
    return new ConnectionFailed(`the film of ${this.id}`, why);
  }

  /**
   * Return what to throw where no more tries are made.
   *
   * @param {unknown} fault
   */
  #verdict(fault) {
    if (this.#furthestBytes === 0 || !(fault instanceof ConnectionFailed)) return fault;
    const total = this.totalBytes ?? "an unknown number of";
    return new DownloadFailed(
      this.id,
      `${this.#furthestBytes} of ${total} bytes came; ${fault.what}: ${fault.why}`,
      fault,
    );
  }
}

/** Bytes added up, where the runtime can do that while they pass. */
class Sum {
  #hash = builtin("node:crypto")?.createHash("sha256");

  /** @param {Uint8Array} piece */
  add(piece) {
    this.#hash?.update(piece);
  }

  /** @returns {string | null} */
  hex() {
    return this.#hash?.copy().digest("hex") ?? null;
  }
}

/**
 * Read the SHA-256 that an answer tells of the whole film, in hex.
 *
 * @param {Headers} headers
 */
function digestOf(headers) {
  const told = /(?:^|[ ,])sha-256=:([A-Za-z0-9+/]{43}=):/.exec(headers.get("repr-digest") ?? "");
  if (told === null) return null;
  return Array.from(atob(told[1]), (c) => c.charCodeAt(0).toString(16).padStart(2, "0")).join("");
}

/**
 * @param {string} id
 * @param {string | null} sha256
 * @param {string | null} wanted
 * @param {string} who
 */
function checked(id, sha256, wanted, who) {
  if (wanted === null || sha256 === wanted.toLowerCase()) return;
  const why =
    sha256 === null
      ? "nothing here can compute its SHA-256, and one is wanted"
      : `its SHA-256 is ${sha256}, and not ${wanted} as ${who} said`;
  throw new DownloadFailed(id, why);
}

/**
 * @param {{ restart(): Promise<void> }} sink
 * @param {string} id
 */
async function restarted(sink, id) {
  try {
    await sink.restart();
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new DownloadFailed(id, why, error);
  }
}
