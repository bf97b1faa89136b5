/**
 * What can be done with one video in one call or two.
 *
 * @import { CallOptions, DeletedVideo, Video } from "./types.js"
 * @import { Line } from "./line.js"
 */
import type { CallOptions, DeletedVideo, Video } from "./types.js";
import type { Line } from "./line.js";
/**
 * Look at a video once, and tell everything.
 *
 * @param {Line} line
 * @param {Video | string} video
 * @param {CallOptions} call
 */
export declare function retrieve(line: Line, video: Video | string, call: CallOptions): Promise<Video>;
/**
 * Return a final video with the facts that its lean look leaves out. They are worth a question,
 * not a verdict: where the server cannot be had just now, the look stands as it is.
 *
 * @param {Line} line
 * @param {Video} look
 * @param {CallOptions} call
 * @returns {Promise<Video>}
 */
export declare function completedByFacts(line: Line, look: Video, call: CallOptions): Promise<Video>;
/**
 * Stop a video.
 *
 * @param {Line} line
 * @param {Video | string} video
 * @param {CallOptions} call
 */
export declare function cancel(line: Line, video: Video | string, call: CallOptions): Promise<Video>;
/**
 * Remove a finished video.
 *
 * @param {Line} line
 * @param {Video | string} video
 * @param {CallOptions} call
 * @returns {Promise<DeletedVideo>}
 */
export declare function remove(line: Line, video: Video | string, call: CallOptions): Promise<DeletedVideo>;
