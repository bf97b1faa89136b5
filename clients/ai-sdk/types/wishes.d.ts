/**
 * The SDK's words into the client's, and the answer's notes into the SDK's warnings.
 *
 * @import { Experimental_VideoModelV4File as File, SharedV4Warning } from "@ai-sdk/provider"
 * @import { MediaKind, Reference, Video, Wish } from "rushes"
 * @import { CallOptions, RushesVideoOptions } from "./types.js"
 */
import type { SharedV4Warning } from "@ai-sdk/provider";
import type { Video, Wish } from "rushes";
import type { CallOptions } from "./types.js";
export type Asked = {
    wish: Wish;
    idempotencyKey: string | undefined;
    startWithinS: number | undefined;
    deadlineMs: number | undefined;
    headers: Record<string, string | undefined>;
};
/**
 * What the SDK asks for, told apart: what to make, and how to ask for it.
 *
 * @typedef {object} Asked
 * @property {Wish} wish
 * @property {string | undefined} idempotencyKey
 * @property {number | undefined} startWithinS
 * @property {number | undefined} deadlineMs
 * @property {Record<string, string | undefined>} headers
 */
/**
 * @param {string} modelId
 * @param {CallOptions & { webhookUrl?: string }} options
 * @returns {Asked}
 */
export declare function asked(modelId: string, options: CallOptions & {
    webhookUrl?: string;
}): Asked;
/**
 * Tell what of a wish was changed, had no effect, or is not what it looks like.
 *
 * @param {Video} video
 * @param {number} n
 * @returns {SharedV4Warning[]}
 */
export declare function warningsOf(video: Video, n: number): SharedV4Warning[];
