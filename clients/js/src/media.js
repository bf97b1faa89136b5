/**
 * Pictures, clips and sounds that a caller gives, in the forms the wire takes.
 *
 * @import { Media, MediaKind, Reference } from "./types.js"
 */

import { Unsendable } from "./errors.js";

const OCTETS = "application/octet-stream";

/** @type {ReadonlyMap<string, MediaKind>} */
const KIND_BY_ENDING = new Map([
  ["mp4", "video"],
  ["webm", "video"],
  ["mov", "video"],
  ["mp3", "audio"],
  ["wav", "audio"],
]);

/** @type {ReadonlyMap<string, string>} */
const ENDINGS = new Map([
  ["image/jpeg", ".jpg"],
  ["image/png", ".png"],
  ["image/webp", ".webp"],
  ["video/mp4", ".mp4"],
  ["video/webm", ".webm"],
  ["audio/mpeg", ".mp3"],
  ["audio/wav", ".wav"],
]);

/** @type {readonly (readonly [number[], string])[]} */
const MAGIC = [
  [[0xff, 0xd8, 0xff], "image/jpeg"],
  [[0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a], "image/png"],
  [[0x1a, 0x45, 0xdf, 0xa3], "video/webm"],
  [[0x49, 0x44, 0x33], "audio/mpeg"],
  [[0xff, 0xfb], "audio/mpeg"],
  [[0xff, 0xf3], "audio/mpeg"],
  [[0xff, 0xf2], "audio/mpeg"],
];

/**
 * Say whether this is bytes of the caller's own.
 *
 * @param {unknown} value
 * @returns {value is Blob | ArrayBuffer | Uint8Array<ArrayBufferLike>}
 */
export function isBytes(value) {
  return value instanceof Blob || value instanceof ArrayBuffer || value instanceof Uint8Array;
}

/**
 * Return bytes as a file part of a form: what they are, and a name with an ending.
 *
 * @param {Blob | ArrayBuffer | Uint8Array<ArrayBufferLike>} bytes
 */
export async function upload(bytes) {
  const blob = blobOf(bytes);
  const mediaType = await sniff(blob);
  return {
    name: `upload${ENDINGS.get(mediaType) ?? ""}`,
    blob: new Blob([blob], { type: mediaType }),
  };
}

/**
 * Return media as a JSON value: an address, an object, or a data address.
 *
 * @param {Media} media
 * @returns {Promise<unknown>}
 */
export async function wireValue(media) {
  if (isBytes(media)) {
    const blob = blobOf(media);
    const mediaType = await sniff(blob);
    return `data:${mediaType};base64,${base64(new Uint8Array(await blob.arrayBuffer()))}`;
  }
  if (media instanceof URL || typeof media === "string") return address(String(media));
  return media;
}

/**
 * Return a reference as an item of `content`, whose role leaves nothing to guess.
 *
 * @param {Media | Reference} given
 */
export async function contentItem(given) {
  const isTold = typeof given === "object" && "source" in given;
  const reference = isTold ? /** @type {Reference} */ (given) : { source: given };
  const value = await wireValue(/** @type {Media} */ (reference.source));
  const kind = ("kind" in reference && reference.kind) || kindOf(value);
  const name = `${kind}_url`;
  const place = typeof value === "string" ? { url: value } : value;
  return { type: name, [name]: place, role: `reference_${kind}` };
}

/**
 * Return bytes as base64; a piece at a time, as a call takes so many arguments at most.
 *
 * @param {Uint8Array} bytes
 */
export function base64(bytes) {
  let text = "";
  for (let at = 0; at < bytes.length; at += 0x8000) {
    text += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  }
  return btoa(text);
}

/** @param {Blob | ArrayBuffer | Uint8Array<ArrayBufferLike>} bytes */
function blobOf(bytes) {
  return bytes instanceof Blob ? bytes : new Blob([/** @type {BlobPart} */ (bytes)]);
}

/**
 * Return the media type that the first bytes show, else the one that was said.
 *
 * @param {Blob} blob
 */
async function sniff(blob) {
  const head = new Uint8Array(await blob.slice(0, 12).arrayBuffer());
  const text = String.fromCharCode(...head);
  if (text.startsWith("RIFF")) {
    return { WEBP: "image/webp", WAVE: "audio/wav" }[text.slice(8)] ?? OCTETS;
  }
  if (text.slice(4, 8) === "ftyp") return "video/mp4";
  const found = MAGIC.find(([magic]) => magic.every((byte, place) => head[place] === byte));
  return found?.[1] ?? (blob.type || OCTETS);
}

/** @param {string} text */
function address(text) {
  if (/^(https?|data):/i.test(text)) return text;
  throw new Unsendable(
    "Media must be an http(s) or data address, or bytes (a Blob, an ArrayBuffer or a " +
      'Uint8Array). To read a file: await openAsBlob("still.png"), of node:fs.',
  );
}

/**
 * @param {unknown} value
 * @returns {MediaKind}
 */
function kindOf(value) {
  if (typeof value !== "string") return "image";
  const said = /^data:([a-z]+)\//i.exec(value)?.[1].toLowerCase();
  if (said === "image" || said === "video" || said === "audio") return said;
  if (said !== undefined) {
    throw new Unsendable(
      "A reference is no picture, clip or sound that is known here (JPEG, PNG, WebP, MP4, " +
        'WebM, MP3, WAV). If it is one: { source, kind: "image" }.',
    );
  }
  const ending = /\.([a-z0-9]+)$/i.exec(URL.canParse(value) ? new URL(value).pathname : "")?.[1];
  return KIND_BY_ENDING.get(ending?.toLowerCase() ?? "") ?? "image";
}
