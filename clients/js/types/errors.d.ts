/**
 * Everything that can go wrong, as one tree.
 *
 *     RushesError
 *     ├── NotConfigured              no key, or an address that is none; nothing was sent
 *     ├── Unsendable                 what was given cannot be sent; nothing was
 *     ├── ConnectionFailed           no answer: refused, cut off, or too slow
 *     ├── UnexpectedAnswer           an answer, but none that a Rushes server gives
 *     ├── ApiError                   the server said no
 *     │   ├── BadRequest             400
 *     │   ├── Unauthenticated        401
 *     │   ├── InsufficientQuota      402
 *     │   ├── Forbidden              403
 *     │   ├── NotFound               404
 *     │   ├── MethodNotAllowed       405
 *     │   ├── NotAcceptable          406
 *     │   ├── ArtifactExpired        410
 *     │   ├── TooLarge               413
 *     │   ├── UnsupportedMediaType   415
 *     │   ├── RangeNotSatisfiable    416
 *     │   ├── IdempotencyKeyReused   422
 *     │   ├── RateLimited            429
 *     │   └── ServerError            500 and every other 5xx
 *     │       ├── UpstreamError      502
 *     │       └── Overloaded         503
 *     ├── VideoFailed                the video ended without a film
 *     ├── WaitTimeout                the video was not final in time; it goes on
 *     ├── DownloadFailed             the film did not arrive whole
 *     └── WebhookNotVerified         what came to a webhook receiver is not from the server
 *
 * An aborted signal is none of these: its own reason is thrown.
 *
 * @import { Video, VideoError } from "./types.js"
 */
import type { Video } from "./types.js";
/** Base of every error that this client throws on purpose. */
export declare class RushesError extends Error {
}
/** The client lacks something that only you can give; nothing was sent. */
export declare class NotConfigured extends RushesError {
}
/** A value that the wire has no form for, or an id that is none; nothing was sent. */
export declare class Unsendable extends RushesError {
}
/** The answer is none that a Rushes server gives: a proxy, or the wrong address. */
export declare class UnexpectedAnswer extends RushesError {
}
/** No answer came. */
export declare class ConnectionFailed extends RushesError {
    what: string;
    why: string;
    isSent: boolean;
    idempotencyKey: string | undefined;
    /**
     * @param {string} what What was asked: method and address.
     * @param {string} why Why nothing came.
     * @param {object} [facts]
     * @param {boolean} [facts.isSent] Whether the server may have got the request, and acted on it.
     * @param {string} [facts.idempotencyKey] Set where a video may or may not have been created: a
     *   call with the same key and the same parameters finds out, and pays once.
     * @param {unknown} [facts.cause]
     */
    constructor(what: string, why: string, { isSent, idempotencyKey, cause }?: {
        isSent?: boolean;
        idempotencyKey?: string;
        cause?: unknown;
    });
}
export type Complaint = {
    status: number;
    message: string;
    code: string | null;
    type: string | null;
    param: string | null;
    requestId: string | null;
    retryAfterS: number | null;
};
/**
 * What an error answer says; `code`, `type` and `param` are null where it does not.
 *
 * @typedef {object} Complaint
 * @property {number} status
 * @property {string} message
 * @property {string | null} code
 * @property {string | null} type
 * @property {string | null} param
 * @property {string | null} requestId
 * @property {number | null} retryAfterS
 */
/** The server answered with an error. */
export declare class ApiError extends RushesError {
    complaint: Complaint;
    idempotencyKey: string | undefined;
    status: number;
    /** The stable word to decide by. */
    code: string | null;
    type: string | null;
    /** The parameter at fault, by its name on the wire. */
    param: string | null;
    /** What the operator will ask you for. */
    requestId: string | null;
    /** How long the server wants to be left alone. */
    retryAfterS: number | null;
    /**
     * @param {Complaint} complaint
     * @param {string} [idempotencyKey] As of ConnectionFailed.
     * @param {unknown} [cause]
     */
    constructor(complaint: Complaint, idempotencyKey?: string, cause?: unknown);
}
/** The request cannot be understood, or asks for what is not offered; `code` says which. */
export declare class BadRequest extends ApiError {
}
/** No key, or one that is unknown, revoked or expired. */
export declare class Unauthenticated extends ApiError {
}
/** The balance does not cover the price of the video. */
export declare class InsufficientQuota extends ApiError {
}
/** The key is valid, but may not do this; or a signed link is altered or too old. */
export declare class Forbidden extends ApiError {
}
/** No such video, model or path; a video of another owner looks the same. */
export declare class NotFound extends ApiError {
}
/** A known path, but not with this method. */
export declare class MethodNotAllowed extends ApiError {
}
/** The route has one form of answer, and the request excluded it. */
export declare class NotAcceptable extends ApiError {
}
/** The film was removed by retention. */
export declare class ArtifactExpired extends ApiError {
}
/** More bytes than the server takes, or gives in one JSON answer. */
export declare class TooLarge extends ApiError {
}
/** A body that is neither JSON nor a form. */
export declare class UnsupportedMediaType extends ApiError {
}
/** A byte range outside the film. */
export declare class RangeNotSatisfiable extends ApiError {
}
/** The same Idempotency-Key was used for another request. */
export declare class IdempotencyKeyReused extends ApiError {
}
/** Too many requests, or too many unfinished videos, for now. */
export declare class RateLimited extends ApiError {
}
/** The server's own fault. */
export declare class ServerError extends ApiError {
}
/** A part behind the server failed during this very request. */
export declare class UpstreamError extends ServerError {
}
/** The server takes no new work now; nothing was accepted. */
export declare class Overloaded extends ServerError {
}
/** The video ended without a film. */
export declare class VideoFailed extends RushesError {
    video: Video;
    code: string;
    reason: string;
    /** @param {Video} video */
    constructor(video: Video);
}
/** The video was not final in time; it goes on, and can be waited for again. */
export declare class WaitTimeout extends RushesError {
    videoId: string;
    deadlineMs: number;
    video: Video | null;
    /**
     * @param {string} videoId
     * @param {number} deadlineMs
     * @param {Video | null} video The last state seen; null if none was.
     * @param {unknown} [cause] What kept the last look from an answer, if anything did.
     */
    constructor(videoId: string, deadlineMs: number, video: Video | null, cause?: unknown);
}
/** The film did not arrive whole, and nothing was left at the path. */
export declare class DownloadFailed extends RushesError {
    videoId: string;
    why: string;
    /**
     * @param {string} videoId
     * @param {string} why
     * @param {unknown} [cause]
     */
    constructor(videoId: string, why: string, cause?: unknown);
}
/** What came to a receiver of webhooks was not sent by the server, or not now. */
export declare class WebhookNotVerified extends RushesError {
    why: string;
    /** @param {string} why */
    constructor(why: string);
}
/** @type {ReadonlyMap<number, typeof ApiError>} */
export declare const BY_STATUS: ReadonlyMap<number, typeof ApiError>;
/**
 * Return the error for an answer, in the class of its HTTP status.
 *
 * @param {Complaint} complaint
 */
export declare function apiError(complaint: Complaint): ApiError;
