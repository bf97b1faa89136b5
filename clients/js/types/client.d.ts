/**
 * The verbs, as callers see them.
 *
 * @import { CallOptions, CreateAndWaitOptions, CreateOptions, DeletedVideo } from "./types.js"
 * @import { Derived, DownloadedVideo, DownloadOptions, EventOptions, Fetch } from "./types.js"
 * @import { KeyFacts, ListOptions, Model, Quote, RushesOptions, Source } from "./types.js"
 * @import { StreamOptions, Target } from "./types.js"
 * @import { UsageAsked, UsageLine, UsageTask, Video, VideoEvent, VideoPage } from "./types.js"
 * @import { WaitOptions, WebhookSecret, Wish } from "./types.js"
 */
import type { CallOptions, CreateAndWaitOptions, CreateOptions, DeletedVideo } from "./types.js";
import type { Derived, DownloadedVideo, DownloadOptions, EventOptions } from "./types.js";
import type { KeyFacts, ListOptions, Model, Quote, RushesOptions, Source } from "./types.js";
import type { StreamOptions, Target } from "./types.js";
import type { UsageAsked, UsageLine, UsageTask, Video, VideoEvent, VideoPage } from "./types.js";
import type { WaitOptions, WebhookSecret, Wish } from "./types.js";
import { Line } from "./line.js";
/** A client of one server, with one key; it holds nothing open that must be closed. */
export declare class Rushes {
    #private;
    baseUrl: string;
    /** Whether the key is one for tests: all that it makes is a rehearsal, and free. */
    isTest: boolean;
    videos: Videos;
    models: Models;
    usage: Usage;
    webhooks: Webhooks;
    /**
     * @param {RushesOptions} [options]
     * @throws {NotConfigured} No key, a key that cannot be one, or an address that is not http(s).
     */
    constructor(options?: RushesOptions);
    /**
     * Return what the client's key is, may do, and has left.
     *
     * @param {CallOptions} [options]
     * @returns {Promise<KeyFacts>}
     */
    key(options?: CallOptions): Promise<KeyFacts>;
}
/**
 * What can be done with videos. Wherever a video is due, its id does as well.
 *
 * Every verb throws `ApiError` where the server says no, `ConnectionFailed` where no answer
 * comes, `UnexpectedAnswer` where one comes that no Rushes server gives, `Unsendable` where what
 * is given cannot be sent, and a signal's own reason where it is aborted.
 */
export declare class Videos {
    #private;
    /** @param {Line} line */
    constructor(line: Line);
    /**
     * Have a video made, and return it at once, queued.
     *
     * From this answer on it survives any crash of the server. The call carries an Idempotency-Key
     * and is tried again under the same one, so that it makes one video however often it is sent.
     *
     * @param {Wish} wish
     * @param {CreateOptions} [options]
     * @returns {Promise<Video>}
     * @throws {TypeError} The wish has a name that there is not.
     */
    create(wish: Wish, options?: CreateOptions): Promise<Video>;
    /**
     * Have a video made and wait for its end; `create` and `wait` in one.
     *
     * @param {Wish} wish
     * @param {CreateAndWaitOptions} [options]
     * @returns {Promise<Video>}
     */
    createAndWait(wish: Wish, options?: CreateAndWaitOptions): Promise<Video>;
    /**
     * Tell what `create` with the same wish would come to; nothing is made or held for it.
     *
     * @param {Wish} wish
     * @param {CallOptions} [options]
     * @returns {Promise<Quote>}
     */
    quote(wish: Wish, options?: CallOptions): Promise<Quote>;
    /**
     * Look at a video once. A completed one comes with a freshly signed `url`.
     *
     * @param {Video | string} video
     * @param {CallOptions} [options]
     * @returns {Promise<Video>}
     */
    retrieve(video: Video | string, options?: CallOptions): Promise<Video>;
    /**
     * Wait until a video is final, and return it.
     *
     * The server holds each look back until there is an end to tell, so that this asks seldom and
     * hears of the end at once. Looks that fail are repeated until the deadline; only for a bare
     * id, which may be wrong, and until it was seen once, after the usual number of tries no more.
     *
     * @param {Video | string} video
     * @param {WaitOptions} [options]
     * @returns {Promise<Video>}
     * @throws {VideoFailed} The video failed, unless `throwOnFailure` is false.
     * @throws {WaitTimeout} It was not final within `deadlineMs`; it goes on.
     */
    wait(video: Video | string, options?: WaitOptions): Promise<Video>;
    /**
     * Go through your videos, newest first, page by page as they are asked for.
     *
     * With `status` or `model` the answer is a leaner one, without prompt, seconds and size.
     *
     * @param {ListOptions} [options] `limit` bounds the whole; all there are if absent.
     * @returns {AsyncGenerator<Video, void, void>}
     */
    list(options?: ListOptions): AsyncGenerator<Video, void, void>;
    /**
     * Return one page of at most `limit` (1 to 100; 20 if absent) videos; otherwise as `list`.
     *
     * @param {ListOptions} [options]
     * @returns {Promise<VideoPage>}
     */
    listPage(options?: ListOptions): Promise<VideoPage>;
    /**
     * Stop a video, and return it as it ended: failed, with the error code `canceled`. One that is
     * canceled already is returned alike.
     *
     * @param {Video | string} video
     * @param {CallOptions} [options]
     * @returns {Promise<Video>}
     * @throws {BadRequest} With code `task_already_finished`: it ended before.
     */
    cancel(video: Video | string, options?: CallOptions): Promise<Video>;
    /**
     * Remove a finished video, film and record.
     *
     * @param {Video | string} video
     * @param {CallOptions} [options]
     * @returns {Promise<DeletedVideo>}
     * @throws {BadRequest} With code `task_not_finished`: cancel it first.
     */
    delete(video: Video | string, options?: CallOptions): Promise<DeletedVideo>;
    /**
     * Have a finished video made anew with another prompt, and return the new one, queued. Seconds
     * and size are the source's.
     *
     * @param {Video | string} video
     * @param {string} prompt
     * @param {Derived & CreateOptions} [options]
     * @returns {Promise<Video>}
     */
    remix(video: Video | string, prompt: string, options?: Derived & CreateOptions): Promise<Video>;
    /**
     * Have a film changed as the prompt says, and return the new one, queued. The model must know
     * how to edit: `models.retrieve(…).modes` says so.
     *
     * @param {Source} source
     * @param {string} prompt
     * @param {Derived & CreateOptions} [options]
     * @returns {Promise<Video>}
     */
    edit(source: Source, prompt: string, options?: Derived & CreateOptions): Promise<Video>;
    /**
     * Have a film continued by `seconds`, and return the longer one, queued. Its `seconds` are
     * those of both parts together. Otherwise as `edit`.
     *
     * @param {Source} source
     * @param {string} prompt
     * @param {{ readonly seconds: number } & Derived & CreateOptions} options
     * @returns {Promise<Video>}
     */
    extend(source: Source, prompt: string, { seconds, ...options }: {
        readonly seconds: number;
    } & Derived & CreateOptions): Promise<Video>;
    /**
     * Bring a film home, or a still of it.
     *
     * A path is written under another name and renamed when every byte is there; a folder gets a
     * file named after the video. A connection that breaks is taken up where it broke. What came is
     * compared with the server's digest.
     *
     * @param {Video | string} video
     * @param {Target} [target]
     * @param {DownloadOptions} [options]
     * @returns {Promise<DownloadedVideo>}
     * @throws {BadRequest} With code `task_not_finished` or `task_failed`: there is no film.
     * @throws {ArtifactExpired} Retention removed it.
     * @throws {DownloadFailed} It did not arrive whole.
     */
    download(video: Video | string, target?: Target, options?: DownloadOptions): Promise<DownloadedVideo>;
    /**
     * Give a film on as it comes, or a still of it, to somebody who keeps none of it. A connection
     * that breaks is taken up where it broke.
     *
     * @param {Video | string} video
     * @param {StreamOptions} [options]
     * @returns {AsyncGenerator<Uint8Array<ArrayBuffer>, void, void>}
     */
    stream(video: Video | string, options?: StreamOptions): AsyncGenerator<Uint8Array<ArrayBuffer>, void, void>;
    /**
     * Listen to a video's changes of status, from the first (or from `after`) to the last. A
     * stream that breaks is taken up after the last event that was told.
     *
     * @param {Video | string} video
     * @param {EventOptions} [options]
     * @returns {AsyncGenerator<VideoEvent, void, void>}
     * @throws {WaitTimeout} The last event had not come within `deadlineMs`.
     */
    events(video: Video | string, options?: EventOptions): AsyncGenerator<VideoEvent, void, void>;
}
/** What the server can make videos with. */
export declare class Models {
    #private;
    /** @param {Line} line */
    constructor(line: Line);
    /**
     * Return every model that the key may use.
     *
     * @param {CallOptions} [options]
     * @returns {Promise<readonly Model[]>}
     */
    list(options?: CallOptions): Promise<readonly Model[]>;
    /**
     * Return one model.
     *
     * @param {string} model
     * @param {CallOptions} [options]
     * @returns {Promise<Model>}
     * @throws {NotFound} There is none of that name.
     */
    retrieve(model: string, options?: CallOptions): Promise<Model>;
}
/** What ended videos of your account came to. */
export declare class Usage {
    #private;
    /** @param {Line} line */
    constructor(line: Line);
    /**
     * Go through what was used, by model (if nothing else is said), key or day.
     *
     * @param {UsageAsked & CallOptions} [options]
     * @returns {AsyncGenerator<UsageLine, void, void>}
     */
    list({ by, from, to, ...options }?: UsageAsked & CallOptions): AsyncGenerator<UsageLine, void, void>;
    /**
     * Go through what was used, video by video.
     *
     * @param {Omit<UsageAsked, "by"> & CallOptions} [options]
     * @returns {AsyncGenerator<UsageTask, void, void>}
     */
    tasks({ from, to, ...options }?: Omit<UsageAsked, "by"> & CallOptions): AsyncGenerator<UsageTask, void, void>;
}
/** What a receiver of webhooks needs; `verify` of `rushes/webhooks` believes with it. */
export declare class Webhooks {
    #private;
    /** @param {Line} line */
    constructor(line: Line);
    /**
     * Return what your account's webhooks are signed with; it is made when first asked for.
     *
     * @param {CallOptions} [options]
     * @returns {Promise<WebhookSecret>}
     * @throws {Forbidden} With code `scope_missing`: the key may neither administer nor read.
     */
    secret(options?: CallOptions): Promise<WebhookSecret>;
}
