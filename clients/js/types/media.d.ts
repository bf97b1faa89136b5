/**
 * Pictures, clips and sounds that a caller gives, in the forms the wire takes.
 *
 * @import { Media, MediaKind, Reference } from "./types.js"
 */
import type { Media, Reference } from "./types.js";
/**
 * Say whether this is bytes of the caller's own.
 *
 * @param {unknown} value
 * @returns {value is Blob | ArrayBuffer | Uint8Array<ArrayBufferLike>}
 */
export declare function isBytes(value: unknown): value is Blob | ArrayBuffer | Uint8Array<ArrayBufferLike>;
/**
 * Return bytes as a file part of a form: what they are, and a name with an ending.
 *
 * @param {Blob | ArrayBuffer | Uint8Array<ArrayBufferLike>} bytes
 */
export declare function upload(bytes: Blob | ArrayBuffer | Uint8Array<ArrayBufferLike>): Promise<{
    name: string;
    blob: Blob;
}>;
/**
 * Return media as a JSON value: an address, an object, or a data address.
 *
 * @param {Media} media
 * @returns {Promise<unknown>}
 */
export declare function wireValue(media: Media): Promise<unknown>;
/**
 * Return a reference as an item of `content`, whose role leaves nothing to guess.
 *
 * @param {Media | Reference} given
 */
export declare function contentItem(given: Media | Reference): Promise<{
    [x: string]: unknown;
    type: string;
    role: string;
}>;
/**
 * Return bytes as base64; a piece at a time, as a call takes so many arguments at most.
 *
 * @param {Uint8Array} bytes
 */
export declare function base64(bytes: Uint8Array): string;
