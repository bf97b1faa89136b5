/**
 * One model of a Rushes server, as the AI SDK knows video models (specification v4).
 *
 * Read in `@ai-sdk/provider` 4.0.38, `src/video-model/v4`, and `ai` 7.0.173, `src/generate-video`.
 *
 * The SDK repeats `doGenerate` and `doStart` after some errors. Both are billable, so each call
 * has one Idempotency-Key, however often the SDK makes it: for `doStart` the SDK sends one, for
 * `doGenerate` it is remembered with the options, which are the same object at each try. The
 * client's own tries of a create are left to the SDK, so that its `maxRetries` means what it says.
 *
 * @import { Experimental_VideoModelV4OperationStartResult } from "@ai-sdk/provider"
 * @import { Experimental_VideoModelV4OperationStatusResult } from "@ai-sdk/provider"
 * @import { Experimental_VideoModelV4OperationWebhook as Webhook } from "@ai-sdk/provider"
 * @import { Experimental_VideoModelV4Result } from "@ai-sdk/provider"
 * @import { Experimental_VideoModelV4VideoData } from "@ai-sdk/provider"
 * @import { JSONValue } from "@ai-sdk/provider"
 * @import { AnswerHead, CreateOptions, Rushes, Video } from "rushes"
 * @import { Asked } from "./wishes.js"
 * @import { CallOptions, RushesProviderSettings, VideoModelV4 } from "./types.js"
 */
import type { Experimental_VideoModelV4OperationStartResult } from "@ai-sdk/provider";
import type { Experimental_VideoModelV4OperationStatusResult } from "@ai-sdk/provider";
import type { Experimental_VideoModelV4OperationWebhook as Webhook } from "@ai-sdk/provider";
import type { Experimental_VideoModelV4Result } from "@ai-sdk/provider";
import type { JSONValue } from "@ai-sdk/provider";
import type { Rushes } from "rushes";
import type { CallOptions, RushesProviderSettings, VideoModelV4 } from "./types.js";
/** @implements {VideoModelV4} */
export declare class RushesVideoModel implements VideoModelV4 {
    #private;
    modelId: string;
    /** @type {"v4"} */
    specificationVersion: "v4";
    provider: string;
    maxVideosPerCall: number;
    /**
     * @param {string} modelId
     * @param {() => Rushes} client
     * @param {RushesProviderSettings} settings
     */
    constructor(modelId: string, client: () => Rushes, settings: RushesProviderSettings);
    /**
     * Make a film, wait for it, and bring it home.
     *
     * @param {CallOptions} options
     * @returns {Promise<Experimental_VideoModelV4Result>}
     */
    doGenerate(options: CallOptions): Promise<Experimental_VideoModelV4Result>;
    /**
     * Start a film, and return the reference under which to look at it.
     *
     * @param {CallOptions & { webhookUrl?: string }} options
     * @returns {Promise<Experimental_VideoModelV4OperationStartResult>}
     */
    doStart(options: CallOptions & {
        webhookUrl?: string;
    }): Promise<Experimental_VideoModelV4OperationStartResult>;
    /**
     * Look once at a film that was started.
     *
     * @param {object} options
     * @param {JSONValue} options.operation
     * @param {AbortSignal} [options.abortSignal]
     * @param {Record<string, string | undefined>} [options.headers]
     * @returns {Promise<Experimental_VideoModelV4OperationStatusResult>}
     */
    doStatus({ operation, abortSignal: signal, headers }: {
        operation: JSONValue;
        abortSignal?: AbortSignal;
        headers?: Record<string, string | undefined>;
    }): Promise<Experimental_VideoModelV4OperationStatusResult>;
    /**
     * Let the server ring where the caller listens. The bell is not the truth: the SDK looks at the
     * film after it has rung.
     *
     * @param {object} options
     * @param {() => PromiseLike<{ url: string, received: PromiseLike<Webhook> }>} options.webhook
     */
    handleWebhookOption({ webhook }: {
        webhook: () => PromiseLike<{
            url: string;
            received: PromiseLike<Webhook>;
        }>;
    }): Promise<{
        webhookUrl: string;
        received: Promise<Webhook>;
    }>;
}
