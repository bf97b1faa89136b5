/**
 * Where a film goes: a path, a stream of the caller's, or memory.
 *
 * A path is written under another name beside it and renamed when the film is whole, so that
 * nobody ever finds half a film under the name that was asked for. What is there and is no file,
 * such as /dev/null or a pipe, is written to and not replaced.
 *
 * The file system and the hash are asked of the runtime where it has them (Node, Deno, Bun), so
 * that no bundler for browsers finds an import that it cannot follow.
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
    /**
     * Of all that was written, in hex.
     */
    sha256: () => Promise<string | null>;
    finish: () => Promise<Finished>;
    abandon: () => Promise<void>;
};
/** @typedef {{ path: string | null, content: Uint8Array<ArrayBuffer> | null }} Finished */
/**
 * What a download writes to. `abandon` after `finish` does nothing.
 *
 * @typedef {object} Sink
 * @property {(piece: Uint8Array<ArrayBuffer>) => Promise<void>} write
 * @property {() => Promise<void>} restart Forget what was written.
 * @property {() => Promise<string | null>} sha256 Of all that was written, in hex.
 * @property {() => Promise<Finished>} finish
 * @property {() => Promise<void>} abandon
 */
/**
 * @param {Target} target
 * @param {string} id
 * @param {Variant} variant
 * @returns {Promise<Sink>}
 */
export declare function openSink(target: Target, id: string, variant: Variant): Promise<Sink>;
