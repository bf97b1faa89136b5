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

/** Base of every error that this client throws on purpose. */
export class RushesError extends Error {
  static {
    named(this, "RushesError");
  }
}

/** The client lacks something that only you can give; nothing was sent. */
export class NotConfigured extends RushesError {
  static {
    named(this, "NotConfigured");
  }
}

/** A value that the wire has no form for, or an id that is none; nothing was sent. */
export class Unsendable extends RushesError {
  static {
    named(this, "Unsendable");
  }
}

/** The answer is none that a Rushes server gives: a proxy, or the wrong address. */
export class UnexpectedAnswer extends RushesError {
  static {
    named(this, "UnexpectedAnswer");
  }
}

/** No answer came. */
export class ConnectionFailed extends RushesError {
  /**
   * @param {string} what What was asked: method and address.
   * @param {string} why Why nothing came.
   * @param {object} [facts]
   * @param {boolean} [facts.isSent] Whether the server may have got the request, and acted on it.
   * @param {string} [facts.idempotencyKey] Set where a video may or may not have been created: a
   *   call with the same key and the same parameters finds out, and pays once.
   * @param {unknown} [facts.cause]
   */
  constructor(what, why, { isSent = true, idempotencyKey, cause } = {}) {
    super(`${what}: ${why}.${wayOut(idempotencyKey)}`, { cause });
    this.what = what;
    this.why = why;
    this.isSent = isSent;
    this.idempotencyKey = idempotencyKey;
  }
  static {
    named(this, "ConnectionFailed");
  }
}

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
export class ApiError extends RushesError {
  /**
   * @param {Complaint} complaint
   * @param {string} [idempotencyKey] As of ConnectionFailed.
   * @param {unknown} [cause]
   */
  constructor(complaint, idempotencyKey, cause) {
    const facts = [[complaint.status, complaint.code].filter(Boolean).join(" ")];
    if (complaint.param) facts.push(`param ${complaint.param}`);
    if (complaint.requestId) facts.push(complaint.requestId);
    super(`${complaint.message} (${facts.join(", ")})${wayOut(idempotencyKey)}`, { cause });
    this.complaint = complaint;
    this.idempotencyKey = idempotencyKey;
    this.status = complaint.status;
    /** The stable word to decide by. */
    this.code = complaint.code;
    this.type = complaint.type;
    /** The parameter at fault, by its name on the wire. */
    this.param = complaint.param;
    /** What the operator will ask you for. */
    this.requestId = complaint.requestId;
    /** How long the server wants to be left alone. */
    this.retryAfterS = complaint.retryAfterS;
  }
  static {
    named(this, "ApiError");
  }
}

/** The request cannot be understood, or asks for what is not offered; `code` says which. */
export class BadRequest extends ApiError {
  static {
    named(this, "BadRequest");
  }
}

/** No key, or one that is unknown, revoked or expired. */
export class Unauthenticated extends ApiError {
  static {
    named(this, "Unauthenticated");
  }
}

/** The balance does not cover the price of the video. */
export class InsufficientQuota extends ApiError {
  static {
    named(this, "InsufficientQuota");
  }
}

/** The key is valid, but may not do this; or a signed link is altered or too old. */
export class Forbidden extends ApiError {
  static {
    named(this, "Forbidden");
  }
}

/** No such video, model or path; a video of another owner looks the same. */
export class NotFound extends ApiError {
  static {
    named(this, "NotFound");
  }
}

/** A known path, but not with this method. */
export class MethodNotAllowed extends ApiError {
  static {
    named(this, "MethodNotAllowed");
  }
}

/** The route has one form of answer, and the request excluded it. */
export class NotAcceptable extends ApiError {
  static {
    named(this, "NotAcceptable");
  }
}

/** The film was removed by retention. */
export class ArtifactExpired extends ApiError {
  static {
    named(this, "ArtifactExpired");
  }
}

/** More bytes than the server takes, or gives in one JSON answer. */
export class TooLarge extends ApiError {
  static {
    named(this, "TooLarge");
  }
}

/** A body that is neither JSON nor a form. */
export class UnsupportedMediaType extends ApiError {
  static {
    named(this, "UnsupportedMediaType");
  }
}

/** A byte range outside the film. */
export class RangeNotSatisfiable extends ApiError {
  static {
    named(this, "RangeNotSatisfiable");
  }
}

/** The same Idempotency-Key was used for another request. */
export class IdempotencyKeyReused extends ApiError {
  static {
    named(this, "IdempotencyKeyReused");
  }
}

/** Too many requests, or too many unfinished videos, for now. */
export class RateLimited extends ApiError {
  static {
    named(this, "RateLimited");
  }
}

/** The server's own fault. */
export class ServerError extends ApiError {
  static {
    named(this, "ServerError");
  }
}

/** A part behind the server failed during this very request. */
export class UpstreamError extends ServerError {
  static {
    named(this, "UpstreamError");
  }
}

/** The server takes no new work now; nothing was accepted. */
export class Overloaded extends ServerError {
  static {
    named(this, "Overloaded");
  }
}

/** The video ended without a film. */
export class VideoFailed extends RushesError {
  /** @param {Video} video */
  constructor(video) {
    /** @type {VideoError} */
    const error = video.error ?? { code: "server_error", message: "The server gave no reason." };
    super(`${video.id} failed: ${error.message} (${error.code})`);
    this.video = video;
    this.code = error.code;
    this.reason = error.message;
  }
  static {
    named(this, "VideoFailed");
  }
}

/** The video was not final in time; it goes on, and can be waited for again. */
export class WaitTimeout extends RushesError {
  /**
   * @param {string} videoId
   * @param {number} deadlineMs
   * @param {Video | null} video The last state seen; null if none was.
   * @param {unknown} [cause] What kept the last look from an answer, if anything did.
   */
  constructor(videoId, deadlineMs, video, cause) {
    const state = video
      ? `is still ${video.status} at ${video.progress} %`
      : "could not be looked at";
    const advice = "It goes on: wait for it again, or cancel it.";
    super(`${videoId} ${state} after ${deadlineMs / 1000} s. ${advice}`, { cause });
    this.videoId = videoId;
    this.deadlineMs = deadlineMs;
    this.video = video;
  }
  static {
    named(this, "WaitTimeout");
  }
}

/** The film did not arrive whole, and nothing was left at the path. */
export class DownloadFailed extends RushesError {
  /**
   * @param {string} videoId
   * @param {string} why
   * @param {unknown} [cause]
   */
  constructor(videoId, why, cause) {
    super(`${videoId} could not be downloaded: ${why}.`, { cause });
    this.videoId = videoId;
    this.why = why;
  }
  static {
    named(this, "DownloadFailed");
  }
}

/** What came to a receiver of webhooks was not sent by the server, or not now. */
export class WebhookNotVerified extends RushesError {
  /** @param {string} why */
  constructor(why) {
    super(`The webhook is not believed: ${why}.`);
    this.why = why;
  }
  static {
    named(this, "WebhookNotVerified");
  }
}

/** @type {ReadonlyMap<number, typeof ApiError>} */
export const BY_STATUS = new Map([
  [400, BadRequest],
  [401, Unauthenticated],
  [402, InsufficientQuota],
  [403, Forbidden],
  [404, NotFound],
  [405, MethodNotAllowed],
  [406, NotAcceptable],
  [410, ArtifactExpired],
  [413, TooLarge],
  [415, UnsupportedMediaType],
  [416, RangeNotSatisfiable],
  [422, IdempotencyKeyReused],
  [429, RateLimited],
  [502, UpstreamError],
  [503, Overloaded],
]);

/**
 * Return the error for an answer, in the class of its HTTP status.
 *
 * @param {Complaint} complaint
 */
export function apiError(complaint) {
  const general = complaint.status >= 500 ? ServerError : ApiError;
  return new (BY_STATUS.get(complaint.status) ?? general)(complaint);
}

/**
 * Tell how to get a video that may or may not have been created.
 *
 * @param {string | undefined} idempotencyKey
 */
function wayOut(idempotencyKey) {
  if (idempotencyKey === undefined) return "";
  return (
    " The video may have been created all the same: call again with " +
    `idempotencyKey: ${JSON.stringify(idempotencyKey)} to get it without paying twice.`
  );
}

/**
 * Name an error as its class is named, also where a bundler renames classes.
 *
 * @param {Function} kind
 * @param {string} name
 */
function named(kind, name) {
  Object.defineProperty(kind.prototype, "name", { value: name, configurable: true });
}
