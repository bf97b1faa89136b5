/**
 * What can be done with one video in one call or two.
 *
 * @import { CallOptions, DeletedVideo, Video } from "./types.js"
 * @import { Line } from "./line.js"
 */

import * as asking from "./asking.js";
import { BadRequest, NotFound } from "./errors.js";
import { readDeleted, readLook, readVideo, seenAs } from "./reading.js";
import { mayHaveWorked, mayPass, pauseMs } from "./retry.js";

/**
 * Look at a video once, and tell everything.
 *
 * @param {Line} line
 * @param {Video | string} video
 * @param {CallOptions} call
 */
export async function retrieve(line, video, call) {
  const whole = readVideo(await line.ask(asking.retrieve(video), call));
  if (whole.status !== "completed") return whole;
  // Only the other dialect signs links; nothing else of a final video can have changed.
  return seenAs(whole, readLook(await line.ask(asking.look(video), call)));
}

/**
 * Return a final video with the facts that its lean look leaves out. They are worth a question,
 * not a verdict: where the server cannot be had just now, the look stands as it is.
 *
 * @param {Line} line
 * @param {Video} look
 * @param {CallOptions} call
 * @returns {Promise<Video>}
 */
export async function completedByFacts(line, look, call) {
  try {
    const whole = readVideo(await line.ask(asking.retrieve(look), call));
    const { url, isReplayed, ignoredParameters, coercedParameters } = look;
    return Object.freeze({ ...whole, url, isReplayed, ignoredParameters, coercedParameters });
  } catch (fault) {
    if (mayPass(fault)) return look;
    throw fault;
  }
}

/**
 * Stop a video.
 *
 * @param {Line} line
 * @param {Video | string} video
 * @param {CallOptions} call
 */
export async function cancel(line, video, call) {
  try {
    const look = readLook(await line.ask(asking.cancel(video), call));
    return await completedByFacts(line, look, call);
  } catch (fault) {
    if (!(fault instanceof BadRequest) || fault.code !== "task_already_finished") throw fault;
    // Perhaps an earlier try ended it and its answer was lost: then this is the answer.
    const seen = await retrieve(line, video, call);
    if (seen.error?.code !== "canceled") throw fault;
    return seen;
  }
}

/**
 * Remove a finished video.
 *
 * @param {Line} line
 * @param {Video | string} video
 * @param {CallOptions} call
 * @returns {Promise<DeletedVideo>}
 */
export async function remove(line, video, call) {
  const request = asking.remove(video);
  let isInDoubt = false;
  for (let tries = 1; ; tries += 1) {
    try {
      return readDeleted(await line.askOnce(request, call));
    } catch (fault) {
      if (fault instanceof NotFound && isInDoubt) {
        return Object.freeze({ id: asking.idOf(video), deleted: true }); // an earlier try did it
      }
      isInDoubt ||= mayHaveWorked(fault);
      const pause = pauseMs(line.retryOf(call), tries, fault);
      if (pause === null) throw fault;
      await line.clock.sleep(pause, call.signal);
    }
  }
}
