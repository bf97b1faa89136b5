/**
 * Answers into values: pure, and suspicious of whatever is not in the contract.
 *
 * Two dialects are read. `/v1/videos` answers with the Video object, which tells most.
 * `/v1/video/generations` answers with a lean body and headers, or, where the operator set
 * `response_style = "envelope"`, with an envelope around other words; both are understood.
 *
 * @import { Budget, DeletedVideo, KeyFacts, Limits, Model, Quote, Status } from "./types.js"
 * @import { UsageLine, UsageTask } from "./types.js"
 * @import { Video, VideoError, VideoPage, WebhookSecret } from "./types.js"
 * @import { Reply } from "./line.js"
 */
import type { DeletedVideo, KeyFacts, Model, Quote } from "./types.js";
import type { UsageLine, UsageTask } from "./types.js";
import type { Video, VideoPage, WebhookSecret } from "./types.js";
import type { Reply } from "./line.js";
import { RushesError } from "./errors.js";
import { Fields } from "./fields.js";
/**
 * Read the Video object, with what the headers tell.
 *
 * @param {Reply} reply
 */
export declare function readVideo(reply: Reply): Video;
/**
 * Read a lean answer of `/v1/video/generations`, enveloped or not.
 *
 * @param {Reply} reply
 */
export declare function readLook(reply: Reply): Video;
/**
 * Read the `data` of one event of status.
 *
 * @param {string} text
 */
export declare function readEvent(text: string): Video;
/**
 * Read a page of Video objects, or of the lean bodies that a filter brings.
 *
 * @param {Reply} reply
 * @returns {VideoPage}
 */
export declare function readPage(reply: Reply): VideoPage;
/**
 * @param {Reply} reply
 * @returns {DeletedVideo}
 */
export declare function readDeleted(reply: Reply): DeletedVideo;
/** @param {Reply} reply */
export declare function readModel(reply: Reply): Model;
/** @param {Reply} reply */
export declare function readModels(reply: Reply): Model[];
/**
 * @param {Reply} reply
 * @returns {WebhookSecret}
 */
export declare function readWebhookSecret(reply: Reply): WebhookSecret;
/**
 * Read what a film would be and cost, with what the headers tell of the wish.
 *
 * @param {Reply} reply
 * @returns {Quote}
 */
export declare function readQuote(reply: Reply): Quote;
/**
 * Read what the key that asked is.
 *
 * @param {Reply} reply
 * @returns {KeyFacts}
 */
export declare function readKey(reply: Reply): KeyFacts;
/**
 * Read a page of usage: its lines, still as they came, and where the next page begins.
 *
 * @param {Reply} reply
 */
export declare function readUsage(reply: Reply): {
    lines: Fields[];
    cursor: string | null;
};
/**
 * @param {Fields} fields
 * @param {string} by
 * @returns {UsageLine}
 */
export declare function usageLine(fields: Fields, by: string): UsageLine;
/**
 * @param {Fields} fields
 * @returns {UsageTask}
 */
export declare function usageTask(fields: Fields): UsageTask;
/**
 * Read why an answer is none of the good ones.
 *
 * Both forms of the contract are known, `{"error":{…}}` and the envelope's `{"code","message",
 * "data":null}`; proxies answer in neither.
 *
 * @param {Reply} reply
 * @returns {RushesError}
 */
export declare function readFault(reply: Reply): RushesError;
/**
 * Return how long the server asks to be left alone; null if it does not say.
 *
 * Our server says whole seconds; a proxy may say a date, which is read against the answer's own
 * Date, so that no clock of ours comes in.
 *
 * @param {Headers} headers
 * @returns {number | null}
 */
export declare function retryAfterS(headers: Headers): number | null;
/**
 * Return a video as it stands at a later, leaner look: facts are kept, news taken; progress
 * never falls.
 *
 * @param {Video} known
 * @param {Video} look
 * @returns {Video}
 */
export declare function seenAs(known: Video, look: Video): Video;
