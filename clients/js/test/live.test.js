/** The whole client against a server that runs: RUSHES_BASE_URL and RUSHES_API_KEY name it. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtemp, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { BadRequest, NotFound, Rushes, VideoFailed } from "../src/index.js";
import { all } from "./scripted.js";

const client = new Rushes();
const WISH = { prompt: "a heron over a canal", seconds: 1, resolution: "480p" };
const STAYS = { ...WISH, metadata: { sandbox: { delay_s: 60 } } };

test("a film is made, followed, brought home, made into others and removed", async () => {
  const folder = await mkdtemp(join(tmpdir(), "rushes-"));
  const made = await client.videos.create(WISH, { idempotencyKey: `film ${Date.now()}` });
  assert.deepEqual([made.status, made.prompt, made.seconds], ["queued", WISH.prompt, 1]);

  const heard = await all(client.videos.events(made));
  assert.equal(heard[0].video.status, "queued");
  assert.equal(heard.at(-1).video.status, "completed");

  const seen = [];
  const film = await client.videos.wait(made, { onProgress: ({ status }) => seen.push(status) });
  assert.deepEqual([film.status, film.size, film.isFinal], ["completed", "854x480", true]);
  assert.equal(seen.at(-1), "completed");

  const path = join(folder, "film.mp4");
  const response = await fetch(`${client.baseUrl}/v1/videos/${film.id}/content`, {
    method: "HEAD",
    headers: { authorization: `Bearer ${process.env.RUSHES_API_KEY}` },
  });
  assert.match(response.headers.get("repr-digest"), /^sha-256=:/, "it is what a download compares");
  const home = await client.videos.download(film, path, { resume: true });
  const bytes = await readFile(path);
  assert.equal(bytes.subarray(4, 8).toString(), "ftyp");
  assert.equal(home.sha256, createHash("sha256").update(bytes).digest("hex"));
  const linked = Buffer.from(await (await fetch(film.url)).arrayBuffer());
  assert.deepEqual(linked, bytes, "the signed link needs no key, and leads to the same film");
  assert.deepEqual(Buffer.concat(await all(client.videos.stream(film.id))), bytes);
  const still = await client.videos.download(film, undefined, { variant: "thumbnail" });
  assert.equal(still.contentType, "image/webp");

  const later = { model: "sandbox", extraBody: { metadata: STAYS.metadata } };
  const [remixed, edited, longer] = await Promise.all([
    client.videos.remix(film, "the same at night"),
    client.videos.edit(film.id, "the same in snow", later),
    client.videos.extend(bytes, "it flies on", { seconds: 4, ...later }),
  ]);
  assert.equal(remixed.remixedFromVideoId, film.id);
  assert.deepEqual([edited.seconds, longer.seconds], [1, 5]);
  await Promise.all([remixed, edited, longer].map((video) => client.videos.cancel(video)));

  assert.deepEqual(await client.videos.delete(film), { id: film.id, deleted: true });
  await assert.rejects(client.videos.retrieve(film), NotFound);
});

test("a second create with the same key is the first one again", async () => {
  const idempotencyKey = `twice ${Date.now()}`;
  const [one, other] = await Promise.all([
    client.videos.create(STAYS, { idempotencyKey }),
    client.videos.create(STAYS, { idempotencyKey }),
  ]);
  assert.equal(one.id, other.id);
  assert.deepEqual([one.isReplayed, other.isReplayed].sort(), [false, true]);
  const ended = await client.videos.cancel(one);
  assert.deepEqual([ended.status, ended.error.code], ["failed", "canceled"]);
  assert.equal((await client.videos.cancel(other)).error.code, "canceled");
});

test("a refused film says why, and so does a wish that cannot be", async () => {
  const refused = { ...WISH, metadata: { sandbox: { outcome: "content_policy_violation" } } };
  await assert.rejects(client.videos.createAndWait(refused), (error) => {
    assert.ok(error instanceof VideoFailed);
    assert.equal(error.code, "content_policy_violation");
    return true;
  });
  await assert.rejects(client.videos.create({ prompt: "x", seconds: 99 }), (error) => {
    assert.ok(error instanceof BadRequest);
    assert.deepEqual([error.code, error.param], ["invalid_value", "seconds"]);
    assert.match(error.requestId, /^req_[0-9a-f]{32}$/);
    return true;
  });
});

test("a list goes on over its pages, and its filters are the server's", async () => {
  const made = await Promise.all([1, 2, 3].map(() => client.videos.create(STAYS)));
  const page = await client.videos.listPage({ limit: 2 });
  assert.deepEqual([page.data.length, page.hasMore], [2, true]);
  const after = await client.videos.listPage({ limit: 2, after: page.lastId });
  assert.ok(!after.data.some(({ id }) => page.data.some((one) => one.id === id)));
  await Promise.all(made.map((video) => client.videos.cancel(video)));
  const failed = (await all(client.videos.list({ status: "failed" }))).map(({ id }) => id);
  for (const { id } of made) assert.ok(failed.includes(id));
  assert.equal((await all(client.videos.list({ limit: 1 }))).length, 1);
});

test("a price, the key, models, usage and the secret of webhooks are told", async () => {
  const quote = await client.videos.quote({ ...WISH, extraBody: { style: "noir" } });
  assert.deepEqual(
    [quote.seconds, quote.size, quote.costMaxMicrousd, quote.price, quote.ignoredParameters],
    [1, "854x480", 0, null, ["style"]],
  );
  const key = await client.key();
  assert.deepEqual([key.isTest, key.models, key.limits.queuedMax], [false, null, null]);
  assert.ok(key.scopes.includes("generate"));
  const sandbox = (await client.models.list()).find(({ id }) => id === "sandbox");
  assert.ok(sandbox.modes.includes("text_to_video"));
  assert.equal((await client.models.retrieve("sandbox")).seconds.default, 5);
  const lines = await all(client.usage.list());
  for (const line of lines) assert.ok(line.tasks >= line.films);
  for await (const task of client.usage.tasks()) {
    assert.match(task.videoId, /^video_/);
    break;
  }
  const { secret, previous } = await client.webhooks.secret();
  assert.match(secret, /^whsec_/);
  assert.equal(previous, null);
});
