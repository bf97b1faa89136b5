/** A program in strict TypeScript, as a caller writes one; it is compiled, and never run. */

import { ApiError, Rushes, type Video, VideoFailed, type Wish, webhooks } from "rushes";
import { verify } from "rushes/webhooks";

const wish: Wish = { prompt: "a heron", seconds: 5, references: ["https://a.example/1.png"] };

export async function program(signal: AbortSignal): Promise<string | null> {
  const client = new Rushes({ apiKey: "sk-1", retry: { attemptsMax: 2 } });
  const film: Video = await client.videos.createAndWait(wish, {
    signal,
    startWithinS: 60,
    onProgress: ({ progress, etaS }) => console.log(progress, etaS?.toFixed()),
  });
  for await (const { number, video } of client.videos.events(film))
    console.log(number, video.status);
  for await (const { id } of client.videos.list({ status: "completed" })) console.log(id.length);
  const longer = await client.videos.extend(film, "on", { seconds: 4, idempotencyKey: "one" });
  const { content } = await client.videos.download(longer);
  if (content !== null) await client.videos.edit(content, "in snow", { model: "sandbox" });
  for await (const line of client.usage.list({ by: "day" })) console.log(line.costMicrousd / 1e6);
  const { price, costMaxMicrousd } = await client.videos.quote(wish);
  console.log(price?.length, costMaxMicrousd / 1e6, (await client.key()).budgets[0]?.leftMicrousd);
  const { seconds } = await client.models.retrieve("sandbox");
  console.log(seconds.allowed.map((each) => each + 1));
  return film.url;
}

export async function receiver(request: Request, secret: string): Promise<number> {
  const event = await verify([secret], request.headers, await request.text());
  await webhooks.verify(secret, { "webhook-id": ["1"] }, new Uint8Array(1), { toleranceS: 60 });
  return event.errorCode ?? 0;
}

export function told(error: unknown): string {
  if (error instanceof VideoFailed) return error.video.error?.code ?? error.code;
  if (error instanceof ApiError) return `${error.status} ${error.param} ${error.retryAfterS}`;
  return String(error);
}

// @ts-expect-error -- a misspelt parameter
export const misspelt: Wish = { second: 5 };

// @ts-expect-error -- an extension says how long
export const endless = (client: Rushes): Promise<Video> => client.videos.extend("id", "on", {});
