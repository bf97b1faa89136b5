/**
 * A video's changes of status as they happen: server-sent events, resumed where they broke.
 *
 * The line format is that of the HTML standard, "Server-sent events", 9.2.6.
 *
 * @import { EventOptions, Video, VideoEvent } from "./types.js"
 * @import { Line, Stream } from "./line.js"
 */
import type { EventOptions, Video, VideoEvent } from "./types.js";
import type { Line } from "./line.js";
export type Told = {
    number: number;
    name: string;
    text: string;
};
/**
 * One event as it stands in the stream.
 *
 * @typedef {object} Told
 * @property {number} number
 * @property {string} name
 * @property {string} text
 */
/** Bytes in, events out; bytes may be cut anywhere. */
export declare class EventReader {
    #private;
    /** How long to wait before a reconnect, as the stream advises. */
    retryMs: number;
    /**
     * Read on.
     *
     * @param {Uint8Array<ArrayBuffer>} chunk
     * @returns {Told[]}
     */
    feed(chunk: Uint8Array<ArrayBuffer>): Told[];
}
/**
 * Tell the events of one video, in order, each once, to the last one; see `Videos.events`.
 *
 * @param {Line} line
 * @param {Video | string} video
 * @param {EventOptions} options
 * @returns {AsyncGenerator<VideoEvent, void, void>}
 */
export declare function events(line: Line, video: Video | string, options: EventOptions): AsyncGenerator<VideoEvent, void, void>;
