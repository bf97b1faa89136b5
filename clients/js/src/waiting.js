/**
 * Waiting for a video: long looks, a deadline, and the server's advice.
 *
 * The server holds a look back until the video is final or the hold is over, so that a waiting
 * client hears of the end at once and asks seldom. Where a look comes back sooner than the
 * server's Retry-After, the next one is not sent before that time is over. A look that fails
 * says nothing about the video: only the server's word ends a wait, or the deadline.
 *
 * @import { Video, WaitOptions } from "./types.js"
 * @import { Line } from "./line.js"
 */

import * as asking from "./asking.js";
import { VideoFailed, WaitTimeout } from "./errors.js";
import { readLook, retryAfterS, seenAs } from "./reading.js";
import { patientPauseMs, pauseMs } from "./retry.js";
import { completedByFacts, retrieve } from "./verbs.js";

export const DEADLINE_MS = 3_600_000;

// Proxies commonly cut a silent connection after 60 s.
const HOLD_S = 30;

// What is advised where the server says nothing.
const ADVICE_S = 3;
const ADVICE_S_MAX = 60;

// Timers are not exact: a look held back for 2.9 s of 3 was held back.
const SLACK_MS = 250;

// How long past the deadline a look may still be under way.
const OVERTIME_MS = 5_000;

/**
 * Wait until a video is final; see `Videos.wait`.
 *
 * @param {Line} line
 * @param {Video | string} video
 * @param {WaitOptions} options
 */
export async function wait(line, video, options) {
  const watch = new Watch(line, video, options);
  const final = watch.isOver // its link may have died meanwhile
    ? await retrieve(line, video, options)
    : await completedByFacts(line, await watch.untilFinal(), options);
  watch.tell(final);
  if (options.throwOnFailure !== false && final.status === "failed") throw new VideoFailed(final);
  return final;
}

/**
 * Return how long a look may be held back, in whole seconds, within the time left. Whoever
 * watches progress wants to see some, as often as the server advises.
 *
 * @param {number} leftMs
 * @param {number | null} adviceS
 * @param {boolean} isWatched
 */
export function holdS(leftMs, adviceS, isWatched) {
  const longestS = isWatched ? Math.min(HOLD_S, Math.ceil(wantedS(adviceS))) : HOLD_S;
  return Math.max(0, Math.min(longestS, Math.floor(leftMs / 1000)));
}

/**
 * Return the pause between two looks. A look that was held back at least as long as the server
 * wants to be left alone is followed by the next one at once.
 *
 * @param {number | null} adviceS
 * @param {number} heldMs
 */
export function pauseAfterLookMs(adviceS, heldMs) {
  const wantedMs = wantedS(adviceS) * 1000;
  return heldMs + SLACK_MS >= wantedMs ? 0 : wantedMs;
}

/** @param {number | null} adviceS */
function wantedS(adviceS) {
  return adviceS === null ? ADVICE_S : Math.min(adviceS, ADVICE_S_MAX);
}

/** One wait: what was seen last, and how many looks in a row went wrong. */
class Watch {
  #line;
  #options;
  #id;
  #deadlineMs;
  #endsAtMs;
  /** @type {Video | null} */
  #seen;
  #told = "";
  /** @type {number | null} */
  #adviceS = null;
  #lostCount = 0;

  /**
   * @param {Line} line
   * @param {Video | string} video
   * @param {WaitOptions} options
   */
  constructor(line, video, options) {
    this.#line = line;
    this.#options = options;
    this.#id = asking.idOf(video);
    this.#deadlineMs = options.deadlineMs ?? DEADLINE_MS;
    this.#endsAtMs = line.clock.nowMs() + this.#deadlineMs;
    this.#seen = typeof video === "string" ? null : video;
  }

  get isOver() {
    return this.#seen?.isFinal ?? false;
  }

  /** Look until the video is final, and return it as the last look told it. */
  async untilFinal() {
    if (this.#seen !== null) this.tell(this.#seen);
    for (;;) {
      const askedAtMs = this.#line.clock.nowMs();
      /** @type {unknown} */
      let trouble;
      let pause;
      try {
        const reply = await this.#line.askOnce(this.#request(), this.#options);
        const seen = this.#take(readLook(reply));
        if (seen.isFinal) return seen;
        this.#adviceS = retryAfterS(reply.headers);
        pause = pauseAfterLookMs(this.#adviceS, this.#line.clock.nowMs() - askedAtMs);
      } catch (fault) {
        pause = this.#pauseAfter(fault);
        trouble = fault;
      }
      const leftMs = this.#leftMs();
      if (leftMs <= 0) throw new WaitTimeout(this.#id, this.#deadlineMs, this.#seen, trouble);
      if (pause > 0) await this.#line.clock.sleep(Math.min(pause, leftMs), this.#options.signal);
    }
  }

  /**
   * Tell the caller what is new, if anything is.
   *
   * @param {Video} video
   */
  tell(video) {
    const text = JSON.stringify(video);
    if (this.#options.onProgress === undefined || text === this.#told) return;
    this.#told = text;
    this.#options.onProgress(video);
  }

  #leftMs() {
    return this.#endsAtMs - this.#line.clock.nowMs();
  }

  #request() {
    const leftMs = this.#leftMs();
    const isWatched = this.#options.onProgress !== undefined;
    const heldS = holdS(leftMs, this.#adviceS, isWatched);
    // Beyond the hold, an answer may take the ordinary time, but not far past the deadline.
    const timeoutMsMax = Math.max(0, leftMs - heldS * 1000) + OVERTIME_MS;
    return { ...asking.look(this.#id, heldS), timeoutMsMax };
  }

  /** @param {Video} look */
  #take(look) {
    this.#lostCount = 0;
    const seen = this.#seen === null ? look : seenAs(this.#seen, look);
    this.#seen = seen;
    if (!seen.isFinal) this.tell(seen); // the end is told with all its facts
    return seen;
  }

  /**
   * Return how long to pause after a look that failed. A video that was seen, or that the caller
   * got from `create`, is worth waiting for until the deadline, whatever happens to the server
   * meanwhile. Before that, an address or an id may be wrong, and the caller hears so after the
   * usual number of tries.
   *
   * @param {unknown} fault
   */
  #pauseAfter(fault) {
    this.#lostCount += 1;
    const decide = this.#seen === null ? pauseMs : patientPauseMs;
    const pause = decide(this.#line.retryOf(this.#options), this.#lostCount, fault);
    if (pause === null) throw fault;
    return pause;
  }
}
