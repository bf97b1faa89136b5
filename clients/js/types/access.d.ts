/**
 * Where the server is, and with which key: options first, then the environment, where there is
 * one. `RUSHES_BASE_URL` and `RUSHES_API_KEY` are all that is read from it.
 */
export declare const BASE_URL = "http://127.0.0.1:8080";
/** An address without a path's end, and a secret that nothing shows. */
export declare class Access {
    #private;
    baseUrl: string;
    /**
     * Both are stripped of white space, as keys read from files end in a newline. An address may
     * end in `/v1`, as those written for the OpenAI client do.
     *
     * @param {string | undefined} baseUrl
     * @param {string | undefined} apiKey
     */
    constructor(baseUrl: string | undefined, apiKey: string | undefined);
    get apiKey(): string;
    /** Whether the key is one for tests: all that it makes is a rehearsal, and free. */
    get isTest(): boolean;
}
