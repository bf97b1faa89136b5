/**
 * Whether and when to try again: pure sums, no clock.
 *
 * Every call that makes a video carries an Idempotency-Key, so that a second try finds what the
 * first one made; that is what makes trying again safe.
 *
 * @import { RetryOptions } from "./types.js"
 */

import { ApiError, ConnectionFailed, ServerError } from "./errors.js";

// 408, 425 and 429 ask for another try. A 5xx without Retry-After comes from a proxy or from a
// fault that may pass. No other 4xx becomes right by saying it twice.
const PASSING = new Set([408, 425, 429, 500, 502, 503, 504]);

/** @type {RetryOptions} */
export const RETRY = Object.freeze({
  attemptsMax: 4,
  backoffMs: 500,
  backoffMsMax: 8_000,
  retryAfterMsMax: 60_000,
  draw: Math.random,
});

/**
 * Say whether the same call may succeed later.
 *
 * @param {unknown} fault
 */
export function mayPass(fault) {
  if (fault instanceof ApiError) return PASSING.has(fault.status);
  return fault instanceof ConnectionFailed;
}

/**
 * Say whether the server may have done what was asked, although the call failed.
 *
 * @param {unknown} fault
 */
export function mayHaveWorked(fault) {
  if (fault instanceof ConnectionFailed) return fault.isSent;
  return fault instanceof ServerError && fault.code !== "overloaded";
}

/**
 * Return how long to pause after a failed attempt (the first is 1); null: give up.
 *
 * @param {RetryOptions} retry
 * @param {number} attempt
 * @param {unknown} fault
 */
export function pauseMs(retry, attempt, fault) {
  const pause = patientPauseMs(retry, attempt, fault);
  if (attempt >= retry.attemptsMax || pause === null || pause > retry.retryAfterMsMax) return null;
  return pause;
}

/**
 * Return the pause for one who counts no attempts, as a deadline ends it anyway.
 *
 * @param {RetryOptions} retry
 * @param {number} attempt
 * @param {unknown} fault
 * @returns {number | null}
 */
export function patientPauseMs(retry, attempt, fault) {
  if (!mayPass(fault)) return null;
  if (fault instanceof ApiError && fault.retryAfterS !== null) return fault.retryAfterS * 1000;
  const doublings = Math.min(attempt - 1, 32); // beyond that the longest pause is long reached
  const pause = Math.min(retry.backoffMsMax, retry.backoffMs * 2 ** doublings);
  return pause * (1 - retry.draw() / 2);
}
