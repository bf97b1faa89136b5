/**
 * Rushes as a video provider of the AI SDK (specification v4, `ai` 7).
 *
 *     import { experimental_generateVideo as generateVideo } from "ai";
 *     import { rushes } from "rushes-ai-sdk-provider";
 *
 *     const { video } = await generateVideo({ model: rushes.video("sandbox"), prompt: "a heron" });
 */

import { Rushes } from "rushes";

import { NoSuchModel } from "./errors.js";
import { RushesVideoModel } from "./model.js";

export { RushesVideoModel };

/**
 * Make a provider. Key and address are looked for when the first call is made.
 *
 * @param {RushesProviderSettings} [settings]
 * @returns {RushesProvider}
 */
export function createRushes(settings = {}) {
  /** @type {Rushes | undefined} */
  let client = settings.client;
  const lazily = () =>
    (client ??= new Rushes({
      apiKey: settings.apiKey,
      baseUrl: settings.baseURL,
      headers: settings.headers,
      fetch: settings.fetch,
    }));
  /** @param {string} modelId */
  const video = (modelId) => new RushesVideoModel(modelId, lazily, settings);
  /** @param {string} modelType */
  const none = (modelType) => (/** @type {string} */ modelId) => {
    throw new NoSuchModel(modelId, modelType);
  };
  return Object.assign((/** @type {string} */ modelId) => video(modelId), {
    specificationVersion: /** @type {const} */ ("v4"),
    video,
    videoModel: video,
    languageModel: none("languageModel"),
    embeddingModel: none("embeddingModel"),
    imageModel: none("imageModel"),
  });
}

/** The provider of `RUSHES_BASE_URL` and `RUSHES_API_KEY`. */
export const rushes = createRushes();

/**
 * @typedef {import("./types.js").RushesProvider} RushesProvider
 * @typedef {import("./types.js").RushesProviderSettings} RushesProviderSettings
 * @typedef {import("./types.js").RushesVideoOptions} RushesVideoOptions
 */
