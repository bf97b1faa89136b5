/**
 * The client: a few lines from a wish to a film.
 *
 *     import { Rushes } from "rushes";
 *
 *     const client = new Rushes(); // RUSHES_API_KEY, RUSHES_BASE_URL
 *     const film = await client.videos.createAndWait({ prompt: "A paper boat in the rain" });
 *     await client.videos.download(film, "boat.mp4");
 *
 * It needs `fetch` and what else every current runtime has, and no package.
 */
export * from "./errors.js";
export * as webhooks from "./webhooks.js";
export { Models, Rushes, Usage, Videos, Webhooks } from "./client.js";
export { VERSION } from "./version.js";
export type Choice<T> = import("./types.js").Choice<T>;
export type AnswerHead = import("./types.js").AnswerHead;
export type Budget = import("./types.js").Budget;
export type CallOptions = import("./types.js").CallOptions;
export type Clock = import("./types.js").Clock;
export type CreateAndWaitOptions = import("./types.js").CreateAndWaitOptions;
export type CreateOptions = import("./types.js").CreateOptions;
export type DeletedVideo = import("./types.js").DeletedVideo;
export type Derived = import("./types.js").Derived;
export type DownloadOptions = import("./types.js").DownloadOptions;
export type DownloadedVideo = import("./types.js").DownloadedVideo;
export type EventOptions = import("./types.js").EventOptions;
export type Fetch = import("./types.js").Fetch;
export type KeyFacts = import("./types.js").KeyFacts;
export type Limits = import("./types.js").Limits;
export type ListOptions = import("./types.js").ListOptions;
export type Media = import("./types.js").Media;
export type MediaKind = import("./types.js").MediaKind;
export type Model = import("./types.js").Model;
export type Order = import("./types.js").Order;
export type Quote = import("./types.js").Quote;
export type Reference = import("./types.js").Reference;
export type RetryOptions = import("./types.js").RetryOptions;
export type RushesOptions = import("./types.js").RushesOptions;
export type Source = import("./types.js").Source;
export type Status = import("./types.js").Status;
export type StreamOptions = import("./types.js").StreamOptions;
export type Target = import("./types.js").Target;
export type UsageAsked = import("./types.js").UsageAsked;
export type UsageLine = import("./types.js").UsageLine;
export type UsageTask = import("./types.js").UsageTask;
export type Variant = import("./types.js").Variant;
export type Video = import("./types.js").Video;
export type VideoError = import("./types.js").VideoError;
export type VideoEvent = import("./types.js").VideoEvent;
export type VideoPage = import("./types.js").VideoPage;
export type WaitOptions = import("./types.js").WaitOptions;
export type WebhookEvent = import("./types.js").WebhookEvent;
export type WebhookSecret = import("./types.js").WebhookSecret;
export type Wish = import("./types.js").Wish;
/**
 * @template T
 * @typedef {import("./types.js").Choice<T>} Choice
 */
/**
 * @typedef {import("./types.js").AnswerHead} AnswerHead
 * @typedef {import("./types.js").Budget} Budget
 * @typedef {import("./types.js").CallOptions} CallOptions
 * @typedef {import("./types.js").Clock} Clock
 * @typedef {import("./types.js").CreateAndWaitOptions} CreateAndWaitOptions
 * @typedef {import("./types.js").CreateOptions} CreateOptions
 * @typedef {import("./types.js").DeletedVideo} DeletedVideo
 * @typedef {import("./types.js").Derived} Derived
 * @typedef {import("./types.js").DownloadOptions} DownloadOptions
 * @typedef {import("./types.js").DownloadedVideo} DownloadedVideo
 * @typedef {import("./types.js").EventOptions} EventOptions
 * @typedef {import("./types.js").Fetch} Fetch
 * @typedef {import("./types.js").KeyFacts} KeyFacts
 * @typedef {import("./types.js").Limits} Limits
 * @typedef {import("./types.js").ListOptions} ListOptions
 * @typedef {import("./types.js").Media} Media
 * @typedef {import("./types.js").MediaKind} MediaKind
 * @typedef {import("./types.js").Model} Model
 * @typedef {import("./types.js").Order} Order
 * @typedef {import("./types.js").Quote} Quote
 * @typedef {import("./types.js").Reference} Reference
 * @typedef {import("./types.js").RetryOptions} RetryOptions
 * @typedef {import("./types.js").RushesOptions} RushesOptions
 * @typedef {import("./types.js").Source} Source
 * @typedef {import("./types.js").Status} Status
 * @typedef {import("./types.js").StreamOptions} StreamOptions
 * @typedef {import("./types.js").Target} Target
 * @typedef {import("./types.js").UsageAsked} UsageAsked
 * @typedef {import("./types.js").UsageLine} UsageLine
 * @typedef {import("./types.js").UsageTask} UsageTask
 * @typedef {import("./types.js").Variant} Variant
 * @typedef {import("./types.js").Video} Video
 * @typedef {import("./types.js").VideoError} VideoError
 * @typedef {import("./types.js").VideoEvent} VideoEvent
 * @typedef {import("./types.js").VideoPage} VideoPage
 * @typedef {import("./types.js").WaitOptions} WaitOptions
 * @typedef {import("./types.js").WebhookEvent} WebhookEvent
 * @typedef {import("./types.js").WebhookSecret} WebhookSecret
 * @typedef {import("./types.js").Wish} Wish
 */
