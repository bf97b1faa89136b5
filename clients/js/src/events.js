/**
 * A video's changes of status as they happen: server-sent events, resumed where they broke.
 *
 * The line format is that of the HTML standard, "Server-sent events", 9.2.6.
 *
 * @import { EventOptions, Video, VideoEvent } from "./types.js"
 * @import { Line, Stream } from "./line.js"
 */

import * as asking from "./asking.js";
import { ConnectionFailed, RushesError, UnexpectedAnswer, WaitTimeout } from "./errors.js";
import { readEvent, readFault } from "./reading.js";
import { patientPauseMs, pauseMs } from "./retry.js";
import { DEADLINE_MS } from "./waiting.js";

const LINE_CHARACTERS_MAX = 1 << 20;
const RECONNECT_MS = 3_000;
const RECONNECT_MS_MAX = 60_000;

/**
 * One event as it stands in the stream.
 *
 * @typedef {object} Told
 * @property {number} number
 * @property {string} name
 * @property {string} text
 */

/** Bytes in, events out; bytes may be cut anywhere. */
export class EventReader {
  #decoder = new TextDecoder("utf-8", { fatal: true });
  #rest = "";
  #number = 0;
  #name = "";
  /** @type {string[]} */
  #texts = [];

  /** How long to wait before a reconnect, as the stream advises. */
  retryMs = RECONNECT_MS;

  /**
   * Read on.
   *
   * @param {Uint8Array<ArrayBuffer>} chunk
   * @returns {Told[]}
   */
  feed(chunk) {
    let text;
    try {
      text = this.#rest + this.#decoder.decode(chunk, { stream: true });
    } catch {
      throw new UnexpectedAnswer("The events are no UTF-8.");
    }
    // A lone CR may be the first half of a CR LF that is not here yet.
    const isHalf = text.endsWith("\r");
    const lines = (isHalf ? text.slice(0, -1) : text).split(/\r\n|\r|\n/);
    this.#rest = (lines.pop() ?? "") + (isHalf ? "\r" : "");
    if (this.#rest.length > LINE_CHARACTERS_MAX) {
      throw new UnexpectedAnswer("An event came as one line without end.");
    }
    return lines.flatMap((line) => this.#line(line) ?? []);
  }

  /**
   * @param {string} line
   * @returns {Told | null}
   */
  #line(line) {
    if (line === "") return this.#end();
    const colon = line.indexOf(":");
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    const isNumber = /^[0-9]{1,15}$/.test(value);
    if (name === "data") this.#texts.push(value);
    else if (name === "event") this.#name = value;
    else if (name === "id" && isNumber) this.#number = Number(value);
    else if (name === "retry" && isNumber) {
      this.retryMs = Math.min(Number(value), RECONNECT_MS_MAX);
    }
    return null; // a comment, such as a heartbeat, or a field that is not ours, says nothing
  }

  /** @returns {Told | null} */
  #end() {
    const told = { number: this.#number, name: this.#name, text: this.#texts.join("\n") };
    this.#name = "";
    this.#texts = [];
    return told.text ? told : null;
  }
}

/**
 * Tell the events of one video, in order, each once, to the last one; see `Videos.events`.
 *
 * @param {Line} line
 * @param {Video | string} video
 * @param {EventOptions} options
 * @returns {AsyncGenerator<VideoEvent, void, void>}
 */
export async function* events(line, video, options) {
  const feed = new Feed(line, video, options);
  try {
    while (!feed.isOver) {
      try {
        yield* await feed.next();
      } catch (fault) {
        if (!(fault instanceof RushesError) || fault instanceof WaitTimeout) throw fault;
        await feed.pause(fault);
      }
    }
  } finally {
    feed.close();
  }
}

/** The state of one listening. */
class Feed {
  #line;
  #options;
  #id;
  #after;
  #deadlineMs;
  #endsAtMs;
  #reader = new EventReader();
  /** @type {Stream | null} */
  #stream = null;
  /** @type {Video | null} */
  #last;
  #lostCount = 0;
  #wasHeard = false;

  isOver = false;

  /**
   * @param {Line} line
   * @param {Video | string} video
   * @param {EventOptions} options
   */
  constructor(line, video, options) {
    this.#line = line;
    this.#options = options;
    this.#id = asking.idOf(video);
    this.#after = options.after ?? 0;
    this.#deadlineMs = options.deadlineMs ?? DEADLINE_MS;
    this.#endsAtMs = line.clock.nowMs() + this.#deadlineMs;
    this.#last = typeof video === "string" ? null : video;
  }

  /** Return what came next, which may be nothing yet. */
  async next() {
    if (this.#leftMs() <= 0) throw new WaitTimeout(this.#id, this.#deadlineMs, this.#last);
    this.#stream ??= await this.#open();
    if (this.#stream === null) return [];
    const chunk = await this.#stream.read();
    if (chunk === undefined) {
      throw new ConnectionFailed(`the events of ${this.#id}`, "the stream ended early");
    }
    const heard = this.#reader.feed(chunk).flatMap((told) => this.#take(told) ?? []);
    if (this.isOver) this.close();
    return heard;
  }

  /** Hang up. */
  close() {
    this.#stream?.close();
    this.#stream = null;
  }

  /**
   * Pause before the next try to listen; as in waiting, what once worked is waited for.
   *
   * @param {RushesError} fault
   */
  async pause(fault) {
    this.close();
    this.#lostCount += 1;
    const decide = this.#wasHeard ? patientPauseMs : pauseMs;
    const pause = decide(this.#line.retryOf(this.#options), this.#lostCount, fault);
    if (pause === null) throw fault;
    const isFirst = this.#wasHeard && this.#lostCount === 1;
    const wanted = isFirst ? this.#reader.retryMs : pause;
    const ms = Math.min(wanted, Math.max(0, this.#leftMs()));
    await this.#line.clock.sleep(ms, this.#options.signal);
  }

  #leftMs() {
    return this.#endsAtMs - this.#line.clock.nowMs();
  }

  /** Listen from after the last event that was told; null if there is nothing left. */
  async #open() {
    const patienceMs = Math.min(asking.HEARTBEATS_MISSED_MS, Math.max(1000, this.#leftMs()));
    const request = asking.events(this.#id, this.#after, patienceMs);
    const stream = await this.#line.open(request, this.#options);
    if (stream.status === 204) {
      stream.close();
      this.isOver = true;
      return null;
    }
    if (!stream.isGood) throw readFault(await stream.rest());
    if (!/^text\/event-stream\s*(;|$)/.test(stream.headers.get("content-type") ?? "")) {
      stream.close();
      throw new UnexpectedAnswer("A stream of events was due, and something else came.");
    }
    this.#wasHeard = true;
    this.#reader = new EventReader();
    return stream;
  }

  /**
   * @param {Told} told
   * @returns {VideoEvent | null}
   */
  #take(told) {
    if (told.name !== "status" || told.number <= this.#after) return null;
    const video = readEvent(told.text);
    this.#after = told.number;
    this.#last = video;
    this.#lostCount = 0;
    this.isOver = video.isFinal;
    return Object.freeze({ number: told.number, video: Object.freeze(video) });
  }
}
