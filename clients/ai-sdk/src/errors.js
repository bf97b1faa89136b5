/**
 * Errors that the AI SDK knows for its own.
 *
 * It knows them by markers, made so that copies of `@ai-sdk/provider` may differ (its
 * `ai-sdk-error.ts`, `hasMarker`). So these are `APICallError.isInstance` and `NoSuchModelError.
 * isInstance` without an import of that package; `clients/ai-sdk` is tested against the real one.
 */

import { ApiError, ConnectionFailed } from "rushes";

const MARKER = "vercel.ai.error";
const PASSING = new Set([408, 425, 429, 500, 502, 503, 504]);

class SdkError extends Error {
  /**
   * @param {string} name
   * @param {string} message
   * @param {unknown} [cause]
   */
  constructor(name, message, cause) {
    super(message, { cause });
    this.name = name;
    for (const marker of [MARKER, `${MARKER}.${name}`]) {
      Object.defineProperty(this, Symbol.for(marker), { value: true });
    }
  }
}

/** The server said no, or nothing; the SDK asks again where that may help. */
export class CallFailed extends SdkError {
  /**
   * @param {ApiError | ConnectionFailed} fault
   * @param {string} url
   * @param {unknown} requestBodyValues
   */
  constructor(fault, url, requestBodyValues) {
    super("AI_APICallError", fault.message, fault);
    this.url = url;
    this.requestBodyValues = requestBodyValues;
    const told = fault instanceof ApiError ? fault : null;
    this.statusCode = told?.status;
    this.isRetryable = told === null || PASSING.has(told.status);
    this.responseHeaders = headersOf(told);
    this.responseBody = undefined;
    this.data = told && { code: told.code, param: told.param, requestId: told.requestId };
  }
}

/** Rushes makes videos, and nothing else. */
export class NoSuchModel extends SdkError {
  /**
   * @param {string} modelId
   * @param {string} modelType
   */
  constructor(modelId, modelType) {
    super("AI_NoSuchModelError", `No such ${modelType}: ${modelId}. Rushes has video models only.`);
    this.modelId = modelId;
    this.modelType = modelType;
  }
}

/**
 * Return what the SDK should see of a fault.
 *
 * @param {unknown} fault
 * @param {string} url
 * @param {unknown} wish
 */
export function asCallError(fault, url, wish) {
  const isCall = fault instanceof ApiError || fault instanceof ConnectionFailed;
  return isCall ? new CallFailed(fault, url, wish) : fault;
}

/**
 * Return the headers that the SDK, or whoever reads its log, goes by.
 *
 * @param {ApiError | null} told
 */
function headersOf(told) {
  /** @type {Record<string, string>} */
  const headers = {};
  if (told?.requestId) headers["x-request-id"] = told.requestId;
  if (typeof told?.retryAfterS === "number") headers["retry-after"] = String(told.retryAfterS);
  return headers;
}
