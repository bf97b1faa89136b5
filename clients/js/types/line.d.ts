/**
 * The line to the server: what every verb needs of the world.
 *
 * @import { AnswerHead, CallOptions, Clock, Fetch, RetryOptions } from "./types.js"
 * @import { Access } from "./access.js"
 */
import type { CallOptions, Clock, Fetch, RetryOptions } from "./types.js";
import type { Access } from "./access.js";
export type Request = {
    method: string;
    /**
     * Quoted; it begins with `/`.
     */
    path: string;
    query?: Readonly<Record<string, string>>;
    headers?: Readonly<Record<string, string>>;
    /**
     * JSON, or a form.
     */
    body?: string | FormData;
    holdMs?: number;
    timeoutMs?: number;
    timeoutMsMax?: number;
    followsRedirects?: boolean;
};
export type Reply = {
    status: number;
    headers: Headers;
    text: string;
};
/**
 * One call, ready to be sent any number of times. `holdMs` is how long the server was asked to
 * hold its answer back; `timeoutMs` and `timeoutMsMax` bound its silence on top of it.
 *
 * @typedef {object} Request
 * @property {string} method
 * @property {string} path Quoted; it begins with `/`.
 * @property {Readonly<Record<string, string>>} [query]
 * @property {Readonly<Record<string, string>>} [headers]
 * @property {string | FormData} [body] JSON, or a form.
 * @property {number} [holdMs]
 * @property {number} [timeoutMs]
 * @property {number} [timeoutMsMax]
 * @property {boolean} [followsRedirects]
 */
/**
 * An answer, read to its end.
 *
 * @typedef {object} Reply
 * @property {number} status
 * @property {Headers} headers
 * @property {string} text
 */
/** @type {Clock} */
export declare const SYSTEM_CLOCK: Clock;
/** A line to one server. */
export declare class Line {
    #private;
    clock: Clock;
    retry: RetryOptions;
    /**
     * @param {Access} access
     * @param {object} terms
     * @param {Fetch} terms.fetch
     * @param {Clock} terms.clock
     * @param {RetryOptions} terms.retry
     * @param {number} terms.timeoutMs
     * @param {Readonly<Record<string, string | undefined>>} terms.headers
     */
    constructor(access: Access, { fetch, clock, retry, timeoutMs, headers }: {
        fetch: Fetch;
        clock: Clock;
        retry: RetryOptions;
        timeoutMs: number;
        headers: Readonly<Record<string, string | undefined>>;
    });
    /**
     * Return how often to try in one call.
     *
     * @param {CallOptions} call
     * @returns {RetryOptions}
     */
    retryOf({ attemptsMax }: CallOptions): RetryOptions;
    /**
     * Send once and return as soon as the head of the answer is there.
     *
     * @param {Request} request
     * @param {CallOptions} call
     */
    open(request: Request, call: CallOptions): Promise<Stream>;
    /**
     * Send once and read the whole answer, whatever its status.
     *
     * @param {Request} request
     * @param {CallOptions} call
     * @returns {Promise<Reply>}
     */
    send(request: Request, call: CallOptions): Promise<Reply>;
    /**
     * Send once and return the answer if it is a good one.
     *
     * @param {Request} request
     * @param {CallOptions} call
     */
    askOnce(request: Request, call: CallOptions): Promise<Reply>;
    /**
     * Send until there is an answer, within the bounds of `retry`.
     *
     * @param {Request} request
     * @param {CallOptions} call
     */
    ask(request: Request, call: CallOptions): Promise<Reply>;
}
/** An answer whose body is read as it comes. */
export declare class Stream {
    #private;
    status: number;
    headers: Headers;
    /**
     * @param {string} what
     * @param {Response} response
     * @param {Leash} leash
     */
    constructor(what: string, response: Response, leash: Leash);
    get isGood(): boolean;
    /** Return the next bytes; undefined at the end. */
    read(): Promise<Uint8Array<ArrayBuffer> | undefined>;
    /**
     * Read the rest, and hang up.
     *
     * @returns {Promise<Reply>}
     */
    rest(): Promise<Reply>;
    /** Hang up; a second time does nothing. */
    close(): void;
}
/** How long to wait for the next word, and who else may call a request back. */
declare class Leash {
    #private;
    /**
     * @param {AbortSignal | undefined} outer
     * @param {number} patienceMs
     */
    constructor(outer: AbortSignal | undefined, patienceMs: number);
    get signal(): AbortSignal;
    /** Wait for the next word from now on. */
    await(ms?: number): void;
    /** Wait for nothing, until the next `await`. */
    slacken(): void;
    /** End the request. */
    drop(): void;
    /** Let go. */
    release(): void;
    /**
     * Say what a failed request comes to: the caller's own abort, silence, or a broken line.
     *
     * @param {string} what
     * @param {unknown} error
     */
    verdict(what: string, error: unknown): any;
}
export {};
