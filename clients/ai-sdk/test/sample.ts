/** A program in strict TypeScript over the AI SDK; it is compiled, and never run. */

import { createProviderRegistry, experimental_generateVideo as generateVideo } from "ai";
import { experimental_startVideo as startVideo } from "ai";
import { createRushes, rushes, type RushesVideoOptions } from "rushes-ai-sdk-provider";

const told: RushesVideoOptions = { resolution: "480p", cfg_scale: 7 };

export async function program(signal: AbortSignal): Promise<Uint8Array> {
  const provider = createRushes({ apiKey: "sk-1", baseURL: "https://films.example", film: "url" });
  const { video } = await generateVideo({
    model: provider("sandbox"),
    prompt: "a heron",
    abortSignal: signal,
    providerOptions: { rushes: { ...told, metadata: { a: 1 } } },
  });
  await startVideo({
    model: rushes.video("sandbox"),
    prompt: "a heron",
    webhookUrl: "https://b.example",
  });
  createProviderRegistry({ rushes }).videoModel("rushes:sandbox");
  return video.uint8Array;
}

// @ts-expect-error -- a misspelt setting
export const misspelt = createRushes({ apikey: "sk-1" });
