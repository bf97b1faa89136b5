/**
 * Calls into requests: what each verb says on the wire.
 *
 * Videos are created, read, listed, remixed and deleted through `/v1/videos`: its Video object
 * tells most, and looks the same under every setting of the operator. What only
 * `/v1/video/generations` offers is asked there: long-poll, signed link, events, cancel, and
 * lists by status or model. A video is the same under both.
 *
 * @import { CreateOptions, Derived, ListOptions, Media, Source, Variant } from "./types.js"
 * @import { UsageAsked, Video, Wish } from "./types.js"
 * @import { Request } from "./line.js"
 */
import type { CreateOptions, Derived, ListOptions, Source, Variant } from "./types.js";
import type { UsageAsked, Video, Wish } from "./types.js";
import type { Request } from "./line.js";
export declare const PAGE_MAX = 100;
export declare const HEARTBEATS_MISSED_MS = 45000;
/**
 * Build a create. Frames given as bytes travel as file parts of a form, which may be larger than
 * a JSON body; everything else is JSON.
 *
 * @param {Wish} wish
 * @param {CreateOptions} options
 * @returns {Promise<Request>}
 */
export declare function create(wish: Wish, options: CreateOptions): Promise<Request>;
/**
 * Build the question what a create would come to; files travel in its JSON.
 *
 * @param {Wish} wish
 * @returns {Promise<Request>}
 */
export declare function quote(wish: Wish): Promise<Request>;
/**
 * Build a remix of a finished video.
 *
 * @param {Video | string} video
 * @param {string} prompt
 * @param {Derived} derived
 * @param {CreateOptions} options
 * @returns {Promise<Request>}
 */
export declare function remix(video: Video | string, prompt: string, derived: Derived, options: CreateOptions): Promise<Request>;
/**
 * Build an edit.
 *
 * @param {Source} source
 * @param {string} prompt
 * @param {Derived} derived
 * @param {CreateOptions} options
 */
export declare function edit(source: Source, prompt: string, derived: Derived, options: CreateOptions): Promise<Request>;
/**
 * Build an extension by `seconds`.
 *
 * @param {Source} source
 * @param {string} prompt
 * @param {number} seconds
 * @param {Derived} derived
 * @param {CreateOptions} options
 */
export declare function extend(source: Source, prompt: string, seconds: number, derived: Derived, options: CreateOptions): Promise<Request>;
/**
 * Build the look that tells most.
 *
 * @param {Video | string} video
 * @returns {Request}
 */
export declare function retrieve(video: Video | string): Request;
/**
 * Build the look that the server may hold back until the video is final.
 *
 * @param {Video | string} video
 * @param {number} [holdS]
 * @returns {Request}
 */
export declare function look(video: Video | string, holdS?: number): Request;
/**
 * @param {Video | string} video
 * @returns {Request}
 */
export declare function cancel(video: Video | string): Request;
/**
 * @param {Video | string} video
 * @returns {Request}
 */
export declare function remove(video: Video | string): Request;
/**
 * Build the request for one page of a list.
 *
 * @param {ListOptions} listing
 * @param {number} limit
 * @returns {Request}
 */
export declare function page({ order, after, status, model }: ListOptions, limit: number): Request;
/**
 * Build the request for a film or a still; a remote store answers with a redirect.
 *
 * @param {Video | string} video
 * @param {Variant} variant
 * @param {Readonly<Record<string, string>>} headers
 * @returns {Request}
 */
export declare function content(video: Video | string, variant: Variant, headers: Readonly<Record<string, string>>): Request;
/**
 * Build the request for the events with a number above `after`.
 *
 * @param {Video | string} video
 * @param {number} after
 * @param {number} timeoutMs
 * @returns {Request}
 */
export declare function events(video: Video | string, after: number, timeoutMs: number): Request;
/** @returns {Request} */
export declare function models(): Request;
/**
 * @param {string} name
 * @returns {Request}
 */
export declare function model(name: string): Request;
/** @returns {Request} */
export declare function key(): Request;
/** @returns {Request} */
export declare function webhookSecret(): Request;
/**
 * @param {UsageAsked} asked
 * @param {string} by
 * @param {string | null} cursor
 * @returns {Request}
 */
export declare function usage({ from, to }: UsageAsked, by: string, cursor: string | null): Request;
/**
 * Return the id of a video that is given as itself or by its id.
 *
 * @param {Video | string} video
 */
export declare function idOf(video: Video | string): string;
