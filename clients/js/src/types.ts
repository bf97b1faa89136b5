/**
 * What the server tells and what you ask, as types. Nothing here exists at run time.
 *
 * A name says its unit: `…Ms` is milliseconds, which is what you give; `…S` is whole seconds,
 * as the server tells them; `seconds` is the length of a film. A field is null where the answer
 * at hand does not tell it: `create`, `retrieve`, `wait`, `cancel`, `remix`, `edit` and `extend`
 * tell everything there is; `list` with a filter, `events` and `onProgress` read a leaner answer,
 * without prompt, seconds and size.
 */

export type Status = "queued" | "in_progress" | "completed" | "failed";
export type Order = "asc" | "desc";
export type Variant = "video" | "thumbnail" | "last_frame" | "spritesheet";

/**
 * Why a video failed. `code` is a word of the server's table of failures:
 * `content_policy_violation`, `invalid_request`, `provider_error`, `rate_limited`, `timed_out`,
 * `submit_in_doubt`, `canceled`, `expired` or `server_error`. A leaner answer tells only a
 * number; where more than one word could be meant, `code` is that number as text.
 */
export interface VideoError {
  readonly code: string;
  readonly message: string;
}

/** One video, as far as the answer at hand tells. */
export interface Video {
  readonly id: string;
  readonly status: Status;
  /** Whether nothing can happen to it any more: it is completed, or failed. */
  readonly isFinal: boolean;
  /** 0 to 100; it never falls, and is 100 at the end, also of a failure. */
  readonly progress: number;
  readonly model: string | null;
  readonly prompt: string | null;
  /** What was asked, and once completed what was measured; -1: the provider chooses. */
  readonly seconds: number | null;
  /** As `1280x720`: what was asked, and once completed what was measured. */
  readonly size: string | null;
  readonly createdAt: Date | null;
  readonly completedAt: Date | null;
  /** When retention removes the film; null before completion, or if it is kept for ever. */
  readonly expiresAt: Date | null;
  readonly error: VideoError | null;
  /** A signed link that needs no key; it dies, so fetch it when it is needed. */
  readonly url: string | null;
  readonly remixedFromVideoId: string | null;
  /** Counted from 1. */
  readonly queuePosition: number | null;
  /** Until it is expected to be final. */
  readonly etaS: number | null;
  /** Millionths of a US dollar, known at the end. */
  readonly costMicrousd: number | null;
  /** Whether the sandbox rendered it in place of the model. */
  readonly isRehearsal: boolean;
  /** The model behind an operator's alias. */
  readonly servedBy: string | null;
  /** Whether a create found the video that an earlier try had made. */
  readonly isReplayed: boolean;
  /** What of the wish had no effect, by its names on the wire. */
  readonly ignoredParameters: readonly string[];
  /** What of the wish was changed, as `name=value`. */
  readonly coercedParameters: readonly string[];
}

/** One change of status. Numbers rise within a video and may have gaps. */
export interface VideoEvent {
  readonly number: number;
  readonly video: Video;
}

/** One page of a list; `lastId` is the `after` of the next page. */
export interface VideoPage {
  readonly data: readonly Video[];
  readonly firstId: string | null;
  readonly lastId: string | null;
  readonly hasMore: boolean;
}

/** A video that is gone, film and record; its id is unknown from now on. */
export interface DeletedVideo {
  readonly id: string;
  readonly deleted: boolean;
}

/** A film, or a still of it, that arrived whole. */
export interface DownloadedVideo {
  readonly id: string;
  readonly variant: Variant;
  readonly sizeBytes: number;
  readonly contentType: string;
  readonly etag: string | null;
  /** Of what arrived, in hex; null where nothing here can compute it as bytes pass by. */
  readonly sha256: string | null;
  /** Where it was written; null where no path was given. */
  readonly path: string | null;
  /** The bytes, where no target was given. */
  readonly content: Uint8Array<ArrayBuffer> | null;
}

/** What a model takes of something, and what it takes where nothing is said. */
export interface Choice<T> {
  readonly allowed: readonly T[];
  readonly default: T | null;
}

/** A model that the key may use; `capabilities` is its card as it came. */
export interface Model {
  readonly id: string;
  readonly ownedBy: string;
  readonly isRehearsal: boolean;
  readonly createdAt: Date | null;
  /** Days, as `2026-09-24`. */
  readonly checkedAt: string | null;
  readonly retiresAt: string | null;
  readonly successor: string | null;
  readonly modes: readonly string[];
  readonly seconds: Choice<number>;
  readonly resolutions: Choice<string>;
  readonly ratios: Choice<string>;
  readonly sizes: readonly string[];
  /** `none`, `optional` or `always`. */
  readonly audio: string;
  readonly capabilities: Readonly<Record<string, unknown>>;
}

/** What a film would be, and the most that it may cost; nothing was made or held for it. */
export interface Quote {
  readonly model: string;
  /** -1 where the provider chooses. */
  readonly seconds: number;
  readonly size: string;
  /** Null, as the ratio, for a size that has none. */
  readonly resolution: string | null;
  readonly ratio: string | null;
  readonly withAudio: boolean;
  /** Millionths of a US dollar. */
  readonly costMaxMicrousd: number;
  /** Which rules count, in words; null where it is free. */
  readonly price: string | null;
  readonly isRehearsal: boolean;
  readonly servedBy: string | null;
  readonly ignoredParameters: readonly string[];
  readonly coercedParameters: readonly string[];
}

/** How much may come at once; null is no limit. */
export interface Limits {
  readonly requestsPerS: number | null;
  readonly submitsPerMinute: number | null;
  readonly inFlightMax: number | null;
  readonly queuedMax: number | null;
}

/** What an owner, a key or its account, may spend in a period. */
export interface Budget {
  readonly owner: string;
  /** `total`, `day` or `month`. */
  readonly period: string;
  readonly limitMicrousd: number;
  readonly spentMicrousd: number;
  readonly leftMicrousd: number;
}

/** What the client's own key is, without its secret. */
export interface KeyFacts {
  readonly id: string;
  readonly name: string;
  readonly prefix: string;
  readonly accountId: string;
  readonly accountName: string;
  readonly isTest: boolean;
  readonly scopes: readonly string[];
  /** Null is every model. */
  readonly models: readonly string[] | null;
  /** Null is for good. */
  readonly expiresAt: Date | null;
  /** Those that count for the key. */
  readonly limits: Limits;
  readonly accountLimits: Limits;
  /** The key's and its account's, in the present period. */
  readonly budgets: readonly Budget[];
  /** Whether the operators' API is answered at this address: `here`, `elsewhere` or `off`. */
  readonly operators: string;
}

/** What an account's webhooks are signed with; `previous` during a rotation. */
export interface WebhookSecret {
  readonly secret: string;
  readonly previous: string | null;
}

/** One event of a webhook. `id` is the same however often it is delivered: act once. */
export interface WebhookEvent {
  readonly id: string;
  readonly type: "video.completed" | "video.failed" | "video.canceled" | (string & {});
  readonly createdAt: Date | null;
  readonly videoId: string;
  /** `succeeded` or `failed`. */
  readonly status: string;
  /** A fresh signed link; null where the video failed, or was deleted meanwhile. */
  readonly url: string | null;
  /** A number of the generations dialect (canceled: 499). */
  readonly errorCode: number | null;
  readonly errorMessage: string | null;
}

/** What ended videos came to; `name` is a model, a key or a day, by what was asked. */
export interface UsageLine {
  readonly name: string;
  readonly tasks: number;
  readonly films: number;
  readonly rehearsals: number;
  readonly filmSeconds: number;
  readonly costMicrousd: number;
}

/** What one ended video came to. */
export interface UsageTask {
  readonly videoId: string;
  readonly model: string;
  readonly key: string;
  readonly status: "completed" | "failed";
  readonly isRehearsal: boolean;
  readonly createdAt: Date;
  readonly finishedAt: Date;
  readonly filmSeconds: number;
  readonly costMicrousd: number;
}

/** Which span of time: an instant, or a day of UTC as `2026-11-01`. */
export interface UsageAsked {
  readonly by?: "model" | "key" | "day" | undefined;
  /** The first instant; the first of this month if absent. */
  readonly from?: Date | string | undefined;
  /** The instant after the last; now if absent. */
  readonly to?: Date | string | undefined;
}

/** An http(s) or data address, bytes, or an object that goes to the server as it is. */
export type Media =
  | string
  | URL
  | Blob
  | ArrayBuffer
  | Uint8Array<ArrayBufferLike>
  | Readonly<Record<string, unknown>>;

export type MediaKind = "image" | "video" | "audio";

/** Something the model should look at or listen to, where its kind must be said. */
export interface Reference {
  readonly source: Media;
  readonly kind?: MediaKind | undefined;
}

/** The film that another is made from: a video, its id, or bytes of your own. */
export type Source = Video | string | Blob | ArrayBuffer | Uint8Array<ArrayBufferLike>;

/** What you would like to see. What is undefined is as good as absent. */
export interface Wish {
  readonly prompt?: string | undefined;
  /** `sandbox` if absent: the server's own, always there, and free. */
  readonly model?: string | undefined;
  readonly seconds?: number | undefined;
  /** As `1280x720`; or resolution (`720p`) and ratio (`16:9`). */
  readonly size?: string | undefined;
  readonly resolution?: string | undefined;
  readonly ratio?: string | undefined;
  /** The first frame. */
  readonly image?: Media | undefined;
  readonly lastFrame?: Media | undefined;
  /** Things to look at or listen to. */
  readonly references?: readonly (Media | Reference)[] | undefined;
  /** -1 (random) to 2147483647. */
  readonly seed?: number | undefined;
  /** Whether to make sound. */
  readonly audio?: boolean | undefined;
  readonly negativePrompt?: string | undefined;
  /** Kept with the video; the server reads provider options from it. */
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
  /** Where the server posts the end. */
  readonly callbackUrl?: string | undefined;
  /** Your own end user, kept. */
  readonly user?: string | undefined;
  /** Further parameters, as the wire names them; they win. */
  readonly extraBody?: Readonly<Record<string, unknown>> | undefined;
}

/** What a remix, an edit or an extension takes besides its prompt. */
export interface Derived {
  /** Who makes it; the source's model if absent, and for bytes `sora-2`. */
  readonly model?: string | undefined;
  readonly callbackUrl?: string | undefined;
  readonly user?: string | undefined;
  readonly extraBody?: Readonly<Record<string, unknown>> | undefined;
}

/** An answer's head, for whoever wants to note it. */
export interface AnswerHead {
  readonly status: number;
  readonly headers: Headers;
}

/** What every call takes. */
export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  /** How long the server may be silent; the client's own if absent. */
  readonly timeoutMs?: number | undefined;
  /** How often to try, the first time included; the client's own if absent. */
  readonly attemptsMax?: number | undefined;
  /** Further headers; they do not replace the client's own. */
  readonly headers?: Readonly<Record<string, string | undefined>> | undefined;
  /** Told of every answer of this call, refusals included. */
  readonly onAnswer?: ((head: AnswerHead) => void) | undefined;
}

/** What every call takes that makes a video. */
export interface CreateOptions extends CallOptions {
  /**
   * 1 to 255 printable ASCII characters; drawn at random if absent. Calls with the same key and
   * the same parameters get the same video, for 24 hours.
   */
  readonly idempotencyKey?: string | undefined;
  /** The video expires, at no cost, if it has not been started by then: 1 to 86400. */
  readonly startWithinS?: number | undefined;
}

export interface WaitOptions extends CallOptions {
  /** How long to wait in all; an hour if absent. */
  readonly deadlineMs?: number | undefined;
  /** Called whenever something changed; progress never falls, and the last call is the end. */
  readonly onProgress?: ((video: Video) => void) | undefined;
  /** Whether a failed video is an error (it is, if absent), or an answer like another. */
  readonly throwOnFailure?: boolean | undefined;
}

export interface CreateAndWaitOptions extends CreateOptions, WaitOptions {}

export interface EventOptions extends CallOptions {
  /** The number of the last event that is known already; 0 if absent. */
  readonly after?: number | undefined;
  /** How long to listen in all; an hour if absent. */
  readonly deadlineMs?: number | undefined;
}

export interface ListOptions extends CallOptions {
  /** The video before the first, or its id. */
  readonly after?: Video | string | undefined;
  /** `desc`, newest first, if absent. */
  readonly order?: Order | undefined;
  readonly status?: Status | undefined;
  readonly model?: string | undefined;
  /** How many at most: of the whole list, or of one page. */
  readonly limit?: number | undefined;
}

export interface StreamOptions extends CallOptions {
  readonly variant?: Variant | undefined;
}

export interface DownloadOptions extends StreamOptions {
  /** Called with the bytes that arrived and, where the server said so, with all there are. */
  readonly onProgress?: ((receivedBytes: number, totalBytes: number | null) => void) | undefined;
  /** The SHA-256 that the film must have, in hex. */
  readonly sha256?: string | undefined;
  /**
   * With a path or a folder, one call at a time: what has come stays if this call fails or its
   * process dies, and the next call with `resume` asks for the rest only.
   */
  readonly resume?: boolean | undefined;
}

/** A path, a folder, a file: address, or a stream; memory where there is none. */
export type Target = string | URL | WritableStream<Uint8Array<ArrayBuffer>> | undefined;

/** How often and how patiently to try again. */
export interface RetryOptions {
  /** How often to try, the first time included. */
  readonly attemptsMax: number;
  /** The first pause, which doubles up to the longest, less up to half of it by `draw`. */
  readonly backoffMs: number;
  readonly backoffMsMax: number;
  /** A longer Retry-After is not waited for, unless under a deadline. */
  readonly retryAfterMsMax: number;
  /** 0 to 1, so that many clients do not come back at once. */
  readonly draw: () => number;
}

/** How time passes. */
export interface Clock {
  /** Milliseconds of a clock that never goes back. */
  nowMs(): number;
  /** Let time pass; rejects with the signal's reason. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export type Fetch = (input: string, init: RequestInit) => Promise<Response>;

export interface RushesOptions {
  /** `RUSHES_API_KEY` if absent. */
  readonly apiKey?: string | undefined;
  /** `RUSHES_BASE_URL`, else `http://127.0.0.1:8080`; it may end in `/v1`. */
  readonly baseUrl?: string | undefined;
  /** How long the server may be silent, beyond what it was asked to wait; 60,000 if absent. */
  readonly timeoutMs?: number | undefined;
  readonly retry?: Partial<RetryOptions> | undefined;
  /** Further headers of every request. */
  readonly headers?: Readonly<Record<string, string | undefined>> | undefined;
  readonly fetch?: Fetch | undefined;
  readonly clock?: Clock | undefined;
}
