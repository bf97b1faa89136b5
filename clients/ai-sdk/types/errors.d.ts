/**
 * Errors that the AI SDK knows for its own.
 *
 * It knows them by markers, made so that copies of `@ai-sdk/provider` may differ (its
 * `ai-sdk-error.ts`, `hasMarker`). So these are `APICallError.isInstance` and `NoSuchModelError.
 * isInstance` without an import of that package; `clients/ai-sdk` is tested against the real one.
 */
import { ApiError, ConnectionFailed } from "rushes";
declare class SdkError extends Error {
    /**
     * @param {string} name
     * @param {string} message
     * @param {unknown} [cause]
     */
    constructor(name: string, message: string, cause?: unknown);
}
/** The server said no, or nothing; the SDK asks again where that may help. */
export declare class CallFailed extends SdkError {
    url: string;
    requestBodyValues: unknown;
    statusCode: number | undefined;
    isRetryable: boolean;
    responseHeaders: Record<string, string>;
    responseBody: any;
    data: {
        code: string | null;
        param: string | null;
        requestId: string | null;
    } | null;
    /**
     * @param {ApiError | ConnectionFailed} fault
     * @param {string} url
     * @param {unknown} requestBodyValues
     */
    constructor(fault: ApiError | ConnectionFailed, url: string, requestBodyValues: unknown);
}
/** Rushes makes videos, and nothing else. */
export declare class NoSuchModel extends SdkError {
    modelId: string;
    modelType: string;
    /**
     * @param {string} modelId
     * @param {string} modelType
     */
    constructor(modelId: string, modelType: string);
}
/**
 * Return what the SDK should see of a fault.
 *
 * @param {unknown} fault
 * @param {string} url
 * @param {unknown} wish
 */
export declare function asCallError(fault: unknown, url: string, wish: unknown): unknown;
export {};
