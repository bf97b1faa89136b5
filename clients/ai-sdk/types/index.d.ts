/**
 * Rushes as a video provider of the AI SDK (specification v4, `ai` 7).
 *
 *     import { experimental_generateVideo as generateVideo } from "ai";
 *     import { rushes } from "rushes-ai-sdk-provider";
 *
 *     const { video } = await generateVideo({ model: rushes.video("sandbox"), prompt: "a heron" });
 */
import { RushesVideoModel } from "./model.js";
export { RushesVideoModel };
/**
 * Make a provider. Key and address are looked for when the first call is made.
 *
 * @param {RushesProviderSettings} [settings]
 * @returns {RushesProvider}
 */
export declare function createRushes(settings?: RushesProviderSettings): RushesProvider;
/** The provider of `RUSHES_BASE_URL` and `RUSHES_API_KEY`. */
export declare const rushes: import("./types.js").RushesProvider;
export type RushesProvider = import("./types.js").RushesProvider;
export type RushesProviderSettings = import("./types.js").RushesProviderSettings;
export type RushesVideoOptions = import("./types.js").RushesVideoOptions;
/**
 * @typedef {import("./types.js").RushesProvider} RushesProvider
 * @typedef {import("./types.js").RushesProviderSettings} RushesProviderSettings
 * @typedef {import("./types.js").RushesVideoOptions} RushesVideoOptions
 */
