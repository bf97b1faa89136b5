/** The provider under the AI SDK itself, against a live server; `ai` must be installed beside. */

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { text } from "node:stream/consumers";
import { test } from "node:test";

import { APICallError, NoSuchModelError } from "@ai-sdk/provider";
import { createProviderRegistry, experimental_generateVideo as generateVideo } from "ai";
import { experimental_getVideoStatus as getVideoStatus } from "ai";
import { experimental_startVideo as startVideo } from "ai";
import { Rushes } from "rushes";
import { createRushes, rushes } from "rushes-ai-sdk-provider";

globalThis.AI_SDK_LOG_WARNINGS = false;

const client = new Rushes();
const model = rushes.video("sandbox");
const SMALL = { model, resolution: "854x480", duration: 1 };
const isFilm = (file) => Buffer.from(file.uint8Array.subarray(4, 8)).toString() === "ftyp";

test("a film is generated, with its facts and warnings", async () => {
  const { video, warnings, providerMetadata, responses } = await generateVideo({
    ...SMALL,
    prompt: "a heron",
    providerOptions: { rushes: { style: "noir" } },
  });
  assert.ok(isFilm(video));
  assert.equal(video.mediaType, "video/mp4");
  assert.deepEqual(
    warnings.map(({ feature }) => feature),
    ["style"],
  );
  assert.equal(providerMetadata.rushes.videos[0].size, "854x480");
  assert.equal(responses[0].modelId, "sandbox");
});

test("several films are several calls, and their facts stand together", async () => {
  const { videos, providerMetadata } = await generateVideo({
    ...SMALL,
    prompt: "two herons",
    n: 2,
  });
  const ids = new Set(providerMetadata.rushes.videos.map(({ id }) => id));
  assert.deepEqual([videos.length, ids.size], [2, 2]);
});

test("a film is polled for by the SDK, from a picture", async () => {
  const { url } = await client.videos.createAndWait({
    prompt: "a fox",
    seconds: 1,
    resolution: "480p",
  });
  assert.match(url, /^http/);
  const [newest] = (await client.videos.listPage({ limit: 1 })).data;
  const still = await client.videos.download(newest, undefined, { variant: "thumbnail" });
  const { video, providerMetadata } = await generateVideo({
    ...SMALL,
    prompt: { image: still.content, text: "it runs" },
    poll: { intervalMs: 100, timeoutMs: 60_000 },
  });
  assert.ok(isFilm(video));
  assert.equal(providerMetadata.rushes.videos.length, 1);
});

test("a film's end is told by a webhook whose signature is checked", async () => {
  let rung;
  const received = new Promise((resolve) => (rung = resolve));
  const receiver = createServer(async (request, response) => {
    rung({ headers: request.headers, body: await text(request) });
    response.writeHead(204).end();
  });
  await new Promise((resolve) => receiver.listen(0, "127.0.0.1", resolve));
  const { secret } = await client.webhooks.secret();
  const believing = createRushes({ webhookSecret: secret });
  const { video } = await generateVideo({
    ...SMALL,
    model: believing.video("sandbox"),
    prompt: "a bell",
    poll: { timeoutMs: 60_000 },
    webhook: async () => ({ url: `http://127.0.0.1:${receiver.address().port}/films`, received }),
  });
  receiver.closeAllConnections();
  receiver.close();
  assert.ok(isFilm(video));
  assert.equal(JSON.parse((await received).body).type, "video.completed");
});

test("a film is started here and looked at elsewhere", async () => {
  const { operation, providerMetadata } = await startVideo({ ...SMALL, prompt: "a kite" });
  assert.equal(operation.id, providerMetadata.rushes.id);
  const kept = JSON.parse(JSON.stringify(operation));
  await client.videos.wait(operation.id);
  const seen = await getVideoStatus(createRushes({ film: "url" }).video("sandbox"), {
    operation: kept,
  });
  assert.equal(seen.status, "completed");
  assert.equal((await fetch(seen.videos[0].url)).status, 200);
});

test("an answer that was lost is asked for again by the SDK, and one film is made", async () => {
  let lost = 0;
  const losing = async (url, init) => {
    const response = await fetch(url, init);
    if (init.method === "POST" && lost === 0) {
      lost += 1;
      throw new TypeError("fetch failed");
    }
    return response;
  };
  const prompt = `a moth ${Date.now()}`;
  const { video } = await generateVideo({
    ...SMALL,
    model: createRushes({ fetch: losing }).video("sandbox"),
    prompt,
  });
  assert.ok(isFilm(video));
  const { data } = await client.videos.listPage({ limit: 100 });
  assert.deepEqual([lost, data.filter((one) => one.prompt === prompt).length], [1, 1]);
});

test("what went wrong is an error that the SDK knows, and is said once", async () => {
  let asked = 0;
  const counting = (url, init) => {
    asked += 1;
    return fetch(url, init);
  };
  const counted = createRushes({ fetch: counting }).video("sandbox");
  await assert.rejects(generateVideo({ model: counted, prompt: "x", duration: 99 }), (error) => {
    assert.ok(APICallError.isInstance(error));
    assert.deepEqual([error.statusCode, error.data.param, asked], [400, "seconds", 1]);
    return true;
  });
  const sandbox = { outcome: "content_policy_violation" };
  const refused = { ...SMALL, prompt: "x", providerOptions: { rushes: { metadata: { sandbox } } } };
  await assert.rejects(generateVideo(refused), /content_policy_violation/);
  await assert.rejects(
    generateVideo({ ...refused, poll: { intervalMs: 50 } }),
    /content_policy_violation/,
  );
  assert.throws(
    () => rushes.languageModel("x"),
    (error) => NoSuchModelError.isInstance(error),
  );
});

test("an aborted call leaves no video behind that goes on", async () => {
  const prompt = `a whale ${Date.now()}`;
  const sandbox = { delay_s: 60 };
  const call = generateVideo({
    ...SMALL,
    prompt,
    providerOptions: { rushes: { metadata: { sandbox } } },
    abortSignal: AbortSignal.timeout(500),
  });
  await assert.rejects(call, /abort|timeout/i);
  const { data } = await client.videos.listPage();
  const left = data.find((one) => one.prompt === prompt);
  const ended = await client.videos.wait(left, { throwOnFailure: false, deadlineMs: 10_000 });
  assert.equal(ended.error.code, "canceled");
});

test("a registry of providers finds its models", () => {
  const registry = createProviderRegistry({ rushes });
  assert.equal(registry.videoModel("rushes:sandbox").modelId, "sandbox");
});
