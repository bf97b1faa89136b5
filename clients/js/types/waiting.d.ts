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
import type { Video, WaitOptions } from "./types.js";
import type { Line } from "./line.js";
export declare const DEADLINE_MS = 3600000;
/**
 * Wait until a video is final; see `Videos.wait`.
 *
 * @param {Line} line
 * @param {Video | string} video
 * @param {WaitOptions} options
 */
export declare function wait(line: Line, video: Video | string, options: WaitOptions): Promise<Video>;
/**
 * Return how long a look may be held back, in whole seconds, within the time left. Whoever
 * watches progress wants to see some, as often as the server advises.
 *
 * @param {number} leftMs
 * @param {number | null} adviceS
 * @param {boolean} isWatched
 */
export declare function holdS(leftMs: number, adviceS: number | null, isWatched: boolean): number;
/**
 * Return the pause between two looks. A look that was held back at least as long as the server
 * wants to be left alone is followed by the next one at once.
 *
 * @param {number | null} adviceS
 * @param {number} heldMs
 */
export declare function pauseAfterLookMs(adviceS: number | null, heldMs: number): number;
