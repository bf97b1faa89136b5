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

import { UnexpectedAnswer, WebhookNotVerified } from "./errors.js";
import { parse } from "./fields.js";
import { base64 } from "./media.js";

const PREFIX = "whsec_";

/** What anybody could guess, an empty secret first of all, would make every stranger believed. */
const KEY_BYTES_MIN = 24;

export const TOLERANCE_S = 300;

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
export async function verify(secret, headers, body, terms = {}) {
  const { toleranceS = TOLERANCE_S, nowS = Date.now() / 1000 } = terms;
  const keys = await Promise.all([secret].flat().map(keyOf));
  if (keys.length === 0) keyBytes(""); // nobody is believed without one
  const [id, timestamp, signatures] = ["id", "timestamp", "signature"].map((part) =>
    headerOf(headers, `webhook-${part}`),
  );
  if (!id || !timestamp || !signatures) {
    throw new WebhookNotVerified("a webhook-id, webhook-timestamp or webhook-signature is missing");
  }
  checkTime(timestamp, toleranceS, nowS);
  const told = toldBy(id, timestamp, body);
  for (const key of keys) {
    for (const signature of signaturesOf(signatures)) {
      // WebCrypto compares in constant time.
      if (await crypto.subtle.verify("HMAC", key, signature, told)) return read(textOf(body));
    }
  }
  throw new WebhookNotVerified("no signature fits; is the secret that of this account?");
}

/**
 * Return the signature that a delivery carries; for tests of a receiver.
 *
 * @param {string} secret
 * @param {string} id
 * @param {string | number} timestamp
 * @param {string | ArrayBuffer | Uint8Array<ArrayBufferLike>} body
 */
export async function sign(secret, id, timestamp, body) {
  const told = toldBy(id, String(timestamp), body);
  const signature = await crypto.subtle.sign("HMAC", await keyOf(secret), told);
  return `v1,${base64(new Uint8Array(signature))}`;
}

/** @param {string} secret */
function keyOf(secret) {
  const hmac = { name: "HMAC", hash: "SHA-256" };
  return crypto.subtle.importKey("raw", keyBytes(secret), hmac, false, ["sign", "verify"]);
}

/** @param {string} secret */
function keyBytes(secret) {
  const text = typeof secret === "string" ? secret : "";
  const bytes = bytesOf(text.startsWith(PREFIX) ? text.slice(PREFIX.length) : text);
  if (bytes === null || bytes.length < KEY_BYTES_MIN) {
    throw new TypeError(
      `A webhook secret is whsec_ and base64 of at least ${KEY_BYTES_MIN} bytes; ` +
        "client.webhooks.secret() returns yours.",
    );
  }
  return bytes;
}

/**
 * Read base64; null where it is none.
 *
 * @param {string} text
 */
function bytesOf(text) {
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return null;
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

/** @param {string} text */
function signaturesOf(text) {
  return text
    .split(" ")
    .filter((one) => one.startsWith("v1,"))
    .flatMap((one) => bytesOf(one.slice("v1,".length)) ?? []);
}

/**
 * @param {string} id
 * @param {string} timestamp
 * @param {string | ArrayBuffer | Uint8Array<ArrayBufferLike>} body
 */
function toldBy(id, timestamp, body) {
  const head = new TextEncoder().encode(`${id}.${timestamp}.`);
  const rest = typeof body === "string" ? new TextEncoder().encode(body) : new Uint8Array(body);
  const told = new Uint8Array(head.length + rest.length);
  told.set(head);
  told.set(rest, head.length);
  return told;
}

/**
 * @param {HeadersGiven} headers
 * @param {string} name
 */
function headerOf(headers, name) {
  if (headers instanceof Headers) return headers.get(name) ?? "";
  const found = Object.entries(headers).find(([given]) => given.toLowerCase() === name)?.[1];
  return typeof found === "string" ? found : (found?.join(" ") ?? "");
}

/**
 * @param {string} timestamp
 * @param {number} toleranceS
 * @param {number} nowS
 */
function checkTime(timestamp, toleranceS, nowS) {
  if (!/^[0-9]{1,15}$/.test(timestamp)) {
    throw new WebhookNotVerified("the webhook-timestamp is no number of seconds");
  }
  const offS = Math.abs(nowS - Number(timestamp));
  if (offS <= toleranceS) return;
  throw new WebhookNotVerified(
    `its time is ${Math.round(offS)} s off; ${toleranceS} s are allowed`,
  );
}

/** @param {string | ArrayBuffer | Uint8Array<ArrayBufferLike>} body */
function textOf(body) {
  return typeof body === "string" ? body : new TextDecoder().decode(new Uint8Array(body));
}

/**
 * @param {string} text
 * @returns {WebhookEvent}
 */
function read(text) {
  try {
    const fields = parse(text);
    const data = fields.fields("data");
    const error = data.isObject("error") ? data.fields("error") : null;
    return Object.freeze({
      id: fields.text("id"),
      type: fields.text("type"),
      createdAt: fields.maybeMoment("created_at"),
      videoId: data.text("id"),
      status: data.text("status"),
      url: data.maybeText("url"),
      errorCode: error?.maybeInt("code") ?? null,
      errorMessage: error?.maybeText("message") ?? null,
    });
  } catch (strange) {
    if (!(strange instanceof UnexpectedAnswer)) throw strange;
    throw new WebhookNotVerified(`it is signed, and no event: ${strange.message}`);
  }
}
