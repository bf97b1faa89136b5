/** What the provider takes, as types. Nothing here exists at run time. */

import type {
  Experimental_VideoModelV4 as VideoModelV4,
  Experimental_VideoModelV4CallOptions as CallOptions,
  ProviderV4,
} from "@ai-sdk/provider";
import type { Fetch, Rushes } from "rushes";

export type { CallOptions, VideoModelV4 };

export interface RushesProviderSettings {
  /** `RUSHES_API_KEY` if absent. */
  readonly apiKey?: string | undefined;
  /** `RUSHES_BASE_URL`, else `http://127.0.0.1:8080`. */
  readonly baseURL?: string | undefined;
  readonly headers?: Readonly<Record<string, string | undefined>> | undefined;
  readonly fetch?: Fetch | undefined;
  /** A client of your own, in place of all of the above. */
  readonly client?: Rushes | undefined;
  /**
   * How a film is handed to the SDK: its `bytes`, brought home by the client (the default), or a
   * signed `url`, which the SDK downloads itself, and refuses where it leads to a private address.
   */
  readonly film?: "bytes" | "url" | undefined;
  /** How long `generateVideo` waits for one film; an hour if absent. */
  readonly deadlineMs?: number | undefined;
  /** Whether an aborted `generateVideo` cancels the video; it does, if absent. */
  readonly cancelOnAbort?: boolean | undefined;
  /**
   * What webhooks are signed with (`client.webhooks.secret()`). If given, a webhook is believed
   * only when its signature fits, and your `received` must resolve with the body as text.
   */
  readonly webhookSecret?: string | readonly string[] | undefined;
}

/** `providerOptions.rushes`; what is not named here goes to the server as it is. */
export interface RushesVideoOptions {
  /** As `720p`, in place of the SDK's width and height. */
  readonly resolution?: string | undefined;
  readonly negativePrompt?: string | undefined;
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
  readonly user?: string | undefined;
  readonly startWithinS?: number | undefined;
  readonly deadlineMs?: number | undefined;
  readonly [name: string]: unknown;
}

export interface RushesProvider extends ProviderV4 {
  (modelId: string): VideoModelV4;
  video(modelId: string): VideoModelV4;
  videoModel(modelId: string): VideoModelV4;
}
