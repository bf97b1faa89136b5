/**
 * Where a film goes: a path, a stream of the caller's, or memory.
 *
 * A path is written under another name beside it and renamed when the film is whole, so that
 * nobody ever finds half a film under the name that was asked for. Where a later call is to take it
 * up, the half stays under that other name, with the ETag that says of which film. What is there
 * and is no file, such as /dev/null or a pipe, is written to and not replaced.
 *
 * @import { Target, Variant } from "./types.js"
 */
import type { Target, Variant } from "./types.js";
export type Finished = {
    path: string | null;
    content: Uint8Array<ArrayBuffer> | null;
};
export type Sink = {
    write: (piece: Uint8Array<ArrayBuffer>) => Promise<void>;
    /**
     * Forget what was written.
     */
    restart: () => Promise<void>;
    finish: () => Promise<Finished>;
    abandon: () => Promise<void>;
    /**
     * Of all that was written, in hex.
     */
    sha256?: () => Promise<string | null>;
    /**
     * What an earlier
     * call left here, piece by piece.
     */
    kept?: (add: (piece: Uint8Array) => void) => Promise<Kept | null>;
    /**
     * Hear of which film the bytes are that
     * follow; null: nobody could tell later.
     */
    note?: (etag: string | null) => Promise<void>;
};
export type Kept = {
    sizeBytes: number;
    etag: string;
};
/** @typedef {{ path: string | null, content: Uint8Array<ArrayBuffer> | null }} Finished */
/**
 * What a download writes to. `abandon` after `finish` does nothing.
 *
 * @typedef {object} Sink
 * @property {(piece: Uint8Array<ArrayBuffer>) => Promise<void>} write
 * @property {() => Promise<void>} restart Forget what was written.
 * @property {() => Promise<Finished>} finish
 * @property {() => Promise<void>} abandon
 * @property {() => Promise<string | null>} [sha256] Of all that was written, in hex.
 * @property {(add: (piece: Uint8Array) => void) => Promise<Kept | null>} [kept] What an earlier
 *   call left here, piece by piece.
 * @property {(etag: string | null) => Promise<void>} [note] Hear of which film the bytes are that
 *   follow; null: nobody could tell later.
 */
/** @typedef {{ sizeBytes: number, etag: string }} Kept */
/**
 * @param {Target} target
 * @param {string} id
 * @param {Variant} variant
 * @param {boolean} isResumed
 * @returns {Promise<Sink>}
 */
export declare function openSink(target: Target, id: string, variant: Variant, isResumed: boolean): Promise<Sink>;
