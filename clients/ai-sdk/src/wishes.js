/**
 * The SDK's words into the client's, and the answer's notes into the SDK's warnings.
 *
 * @import { Experimental_VideoModelV4File as File, SharedV4Warning } from "@ai-sdk/provider"
 * @import { MediaKind, Reference, Video, Wish } from "rushes"
 * @import { CallOptions, RushesVideoOptions } from "./types.js"
 */

// What a caller of the SDK wrote for a word of the wire.
const WORDS = new Map([
  ["generate_audio", "generateAudio"],
  ["image", "prompt.image"],
  ["last_frame", "frameImages"],
  ["content", "inputReferences"],
  ["ratio", "aspectRatio"],
  ["seconds", "duration"],
  ["size", "resolution"],
]);

const NAMED = ["resolution", "negativePrompt", "metadata", "user"];

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
export function asked(modelId, options) {
  const given = /** @type {RushesVideoOptions} */ (options.providerOptions?.rushes ?? {});
  const { startWithinS, deadlineMs, ...rest } = given;
  const named = Object.entries(rest).filter(([name]) => NAMED.includes(name));
  const extra = Object.entries(rest).filter(([name]) => !NAMED.includes(name));
  const frame = (/** @type {string} */ type) =>
    options.frameImages?.find(({ frameType }) => frameType === type)?.image;
  const first = options.image ?? frame("first_frame");
  const last = frame("last_frame");
  const { idempotencyKey, headers } = keyAndHeaders(options.headers ?? {});
  return {
    wish: {
      model: modelId,
      prompt: options.prompt,
      seconds: options.duration,
      size: options.resolution,
      ratio: options.aspectRatio,
      seed: options.seed,
      audio: options.generateAudio,
      image: first && mediaOf(first),
      lastFrame: last && mediaOf(last),
      references: options.inputReferences?.map(referenceOf),
      callbackUrl: options.webhookUrl,
      ...Object.fromEntries(named),
      extraBody: {
        ...(options.fps === undefined ? {} : { fps: options.fps }),
        ...Object.fromEntries(extra),
      },
    },
    idempotencyKey,
    startWithinS,
    deadlineMs,
    headers,
  };
}

/**
 * Tell what of a wish was changed, had no effect, or is not what it looks like.
 *
 * @param {Video} video
 * @param {number} n
 * @returns {SharedV4Warning[]}
 */
export function warningsOf(video, n) {
  /** @type {SharedV4Warning[]} */
  const warnings = video.ignoredParameters.map((name) => ({
    type: "unsupported",
    feature: WORDS.get(name) ?? name,
    details: "The model takes no notice of it.",
  }));
  for (const changed of video.coercedParameters) {
    const [name, value] = changed.split("=");
    const feature = WORDS.get(name) ?? name;
    warnings.push({ type: "compatibility", feature, details: `${value} is made instead.` });
  }
  if (n > 1) {
    const details = `One video is made at a time, and ${n} were asked for.`;
    warnings.push({ type: "unsupported", feature: "n", details });
  }
  if (video.isRehearsal) {
    const message = "This is a rehearsal: the sandbox makes it in place of the model.";
    warnings.push({ type: "other", message });
  }
  return warnings;
}

/**
 * Part the key under which the SDK starts once from the other headers.
 *
 * @param {Readonly<Record<string, string | undefined>>} given
 */
function keyAndHeaders(given) {
  const isKey = (/** @type {string} */ name) => name.toLowerCase() === "idempotency-key";
  const entries = Object.entries(given);
  return {
    idempotencyKey: entries.find(([name]) => isKey(name))?.[1],
    headers: Object.fromEntries(entries.filter(([name]) => !isKey(name))),
  };
}

/** @param {File} file */
function mediaOf(file) {
  if (file.type === "url") return file.url;
  const bytes =
    typeof file.data === "string"
      ? Uint8Array.from(atob(file.data), (character) => character.charCodeAt(0))
      : file.data;
  return new Blob([/** @type {BlobPart} */ (bytes)], { type: file.mediaType });
}

/**
 * @param {File} file
 * @returns {Reference}
 */
function referenceOf(file) {
  const kind = file.mediaType?.split("/")[0];
  const isKnown = kind === "image" || kind === "video" || kind === "audio";
  return { source: mediaOf(file), kind: isKnown ? /** @type {MediaKind} */ (kind) : undefined };
}
