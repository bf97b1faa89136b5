/**
 * Whether and when to try again: pure sums, no clock.
 *
 * Every call that makes a video carries an Idempotency-Key, so that a second try finds what the
 * first one made; that is what makes trying again safe.
 *
 * @import { RetryOptions } from "./types.js"
 */
import type { RetryOptions } from "./types.js";
/** @type {RetryOptions} */
export declare const RETRY: RetryOptions;
/**
 * Say whether the same call may succeed later.
 *
 * @param {unknown} fault
 */
export declare function mayPass(fault: unknown): boolean;
/**
 * Say whether the server may have done what was asked, although the call failed.
 *
 * @param {unknown} fault
 */
export declare function mayHaveWorked(fault: unknown): boolean;
/**
 * Return how long to pause after a failed attempt (the first is 1); null: give up.
 *
 * @param {RetryOptions} retry
 * @param {number} attempt
 * @param {unknown} fault
 */
export declare function pauseMs(retry: RetryOptions, attempt: number, fault: unknown): number | null;
/**
 * Return the pause for one who counts no attempts, as a deadline ends it anyway.
 *
 * @param {RetryOptions} retry
 * @param {number} attempt
 * @param {unknown} fault
 * @returns {number | null}
 */
export declare function patientPauseMs(retry: RetryOptions, attempt: number, fault: unknown): number | null;
