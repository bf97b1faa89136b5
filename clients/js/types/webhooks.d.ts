/**
 * For those who receive webhooks: believe an event only when its signature says it is ours.
 *
 *     import { verify } from "rushes/webhooks";
 *
 *     const event = await verify(secret, request.headers, await request.text());
 *
 * The scheme is Standard Webhooks, so any library of that name does as well. The secret is what
 * `client.webhooks.secret()` returns, or an operator's `rushes webhooks secret`.
 *
 * @import { WebhookEvent } from "./types.js"
 */
import type { WebhookEvent } from "./types.js";
export declare const TOLERANCE_S = 300;
export type PlainHeaders = Readonly<Record<string, string | readonly string[] | undefined>>;
export type HeadersGiven = Headers | PlainHeaders;
/** @typedef {Readonly<Record<string, string | readonly string[] | undefined>>} PlainHeaders */
/** @typedef {Headers | PlainHeaders} HeadersGiven */
/**
 * Return the event of a delivery that is ours, and is of now.
 *
 * @param {string | readonly string[]} secret Several during a rotation.
 * @param {HeadersGiven} headers
 * @param {string | ArrayBuffer | Uint8Array<ArrayBufferLike>} body What came over the wire, byte
 *   for byte: JSON that was parsed and written again has another signature.
 * @param {object} [terms]
 * @param {number} [terms.toleranceS] How far its time may be off.
 * @param {number} [terms.nowS] Unix seconds; the machine's clock if it is not given.
 * @returns {Promise<WebhookEvent>}
 * @throws {WebhookNotVerified} A header is missing, the time is off, or no signature fits.
 *   Answer 400 and do nothing.
 * @throws {TypeError} A secret is none, or empty: your own mistake, and nobody is believed.
 */
export declare function verify(secret: string | readonly string[], headers: HeadersGiven, body: string | ArrayBuffer | Uint8Array<ArrayBufferLike>, terms?: {
    toleranceS?: number;
    nowS?: number;
}): Promise<WebhookEvent>;
/**
 * Return the signature that a delivery carries; for tests of a receiver.
 *
 * @param {string} secret
 * @param {string} id
 * @param {string | number} timestamp
 * @param {string | ArrayBuffer | Uint8Array<ArrayBufferLike>} body
 */
export declare function sign(secret: string, id: string, timestamp: string | number, body: string | ArrayBuffer | Uint8Array<ArrayBufferLike>): Promise<string>;
