// What the AI SDK's provider for xAI is asked to do against a simulated xAI; run by `test_sdk_xai`.
// Arguments: the base URL, and a file of bodies. It tells what came of it as JSON.

import { readFileSync } from "node:fs";
import { createXai } from "@ai-sdk/xai";

const [baseUrl, page] = process.argv.slice(2);
const KEY = "xai-" + "Winter42".repeat(8);
const xai = createXai({ baseURL: `${baseUrl}/v1`, apiKey: KEY });

const steer = (verb, body) =>
  fetch(`${baseUrl}/_simulator/${verb}`, { method: "POST", body: JSON.stringify(body) });
const rules = (...several) => steer("rules", { rules: several });

const file = ({ url }) => {
  const [, mediaType, data] = url.match(/^data:(.+);base64,(.*)$/);
  return { type: "file", mediaType, data };
};

function wish(body) {
  const frames = { image: "first_frame", last_frame: "last_frame" };
  const { resolution, generate_audio, user } = body;
  return {
    prompt: body.prompt,
    n: 1,
    duration: body.duration,
    aspectRatio: body.aspect_ratio,
    frameImages: Object.keys(frames)
      .filter((name) => name in body)
      .map((name) => ({ frameType: frames[name], image: file(body[name]) })),
    inputReferences: body.reference_images?.map(file),
    providerOptions: { xai: { resolution, generate_audio, ...(user ? { user } : {}) } },
  };
}

const WORDS = { model: "grok-imagine-video", prompt: "A boat.", duration: 5 };

async function start(body = WORDS) {
  const { operation, warnings } = await xai.video(body.model).doStart(wish(body));
  if (warnings.length) throw new Error(JSON.stringify(warnings));
  return operation;
}

async function look(operation) {
  const said = await xai.video(WORDS.model).doStatus({ operation });
  return [said.status, said.error ?? null, said.providerMetadata?.xai ?? null];
}

async function trouble(act) {
  try {
    return [null, await act()];
  } catch (error) {
    return [error.statusCode ?? error.name, error.message];
  }
}

const found = { creates: [], errors: {} };
for (const body of JSON.parse(readFileSync(page))) {
  found.creates.push((await start(body)).requestId);
}
const waiting = await start();
found.waiting = await look(waiting);
await rules({ on: "create", fault: "fail" });
const broken = await start();
await rules();
await steer("advance", { seconds: 60 });
found.done = await look(waiting);
found.broken = await look(broken);
for (const [name, rule] of Object.entries({
  blocked: { on: "look", fault: "blocked" },
  no_video: { on: "look", fault: "no_video" },
  bare: { on: "look", fault: "bare" },
  job_error: { on: "look", fault: "job_error", value: 400 },
})) {
  await rules(rule);
  found[name] = await trouble(() => look(waiting));
}
const link = found.done[2].videoUrl;
found.film = Buffer.from(await (await fetch(link)).arrayBuffer()).subarray(4, 8).toString();
for (const fault of ["invalid", "moderated", "unauthorized", "out_of_money", "rate_limited"]) {
  await rules({ on: "create", fault });
  found.errors[fault] = await trouble(start);
}
await steer("advance", { seconds: 24 * 3600 });
await rules();
found.expired = await look(waiting);
process.stdout.write(JSON.stringify(found));
