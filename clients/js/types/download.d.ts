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
import type { DownloadedVideo, DownloadOptions, StreamOptions, Target, Video } from "./types.js";
import type { Line } from "./line.js";
export type Head = {
    /**
     * -1 where it cannot be read.
     */
    start: number;
    totalBytes: number | null;
    etag: string | null;
    contentType: string;
    /**
     * In hex, as the server told it.
     */
    sha256: string | null;
};
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
export declare function download(line: Line, video: Video | string, target: Target, options: DownloadOptions): Promise<DownloadedVideo>;
/**
 * Give a film on as it comes; see `Videos.stream`.
 *
 * @param {Line} line
 * @param {Video | string} video
 * @param {StreamOptions} options
 * @returns {AsyncGenerator<Uint8Array<ArrayBuffer>, void, void>}
 */
export declare function stream(line: Line, video: Video | string, options: StreamOptions): AsyncGenerator<Uint8Array<ArrayBuffer>, void, void>;
/**
 * Read the head of a good answer to a request for bytes.
 *
 * @param {number} status
 * @param {Headers} headers
 * @returns {Head}
 */
export declare function readHead(status: number, headers: Headers): Head;
