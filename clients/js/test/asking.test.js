/** What is said on the wire, and what is made of the answers. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { BadRequest, Forbidden, NotConfigured, Rushes, RushesError } from "../src/index.js";
import { UnexpectedAnswer, Unsendable, VERSION } from "../src/index.js";
import { BY_STATUS, ServerError } from "../src/errors.js";
import {
  against,
  all,
  aLook,
  aVideo,
  ID,
  json,
  OTHER_ID,
  refusal,
  REQUEST_ID,
} from "./scripted.js";
import packaged from "../package.json" with { type: "json" };

const PNG = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0);

test("a wish is said in the words of the wire, and the answer's headers are told", async () => {
  const headers = {
    "rushes-ignored-parameters": "fps, metadata.a%20b",
    "rushes-coerced-parameters": "seconds=5",
    "rushes-rehearsal": "true",
    "rushes-model": "wan",
    "idempotency-replayed": "true",
    "rushes-eta-seconds": "42",
    "rushes-queue-position": "3",
  };
  await against([json(aVideo(), { headers })], async ({ client, asked }) => {
    const video = await client.videos.create(
      {
        prompt: "a heron",
        seconds: 5,
        audio: true,
        negativePrompt: "rain",
        callbackUrl: "https://you.example",
        user: undefined,
        extraBody: { fps: 24 },
      },
      { startWithinS: 60, headers: { "X-Trace": "7", Authorization: "Bearer mine" } },
    );
    assert.deepEqual(JSON.parse(asked[0].body), {
      model: "sandbox",
      prompt: "a heron",
      seconds: 5,
      generate_audio: true,
      negative_prompt: "rain",
      callback_url: "https://you.example",
      fps: 24,
    });
    const sent = asked[0].headers;
    assert.equal(sent.authorization, "Bearer sk-scripted");
    assert.equal(sent["rushes-start-within"], "60");
    assert.equal(sent["x-trace"], "7");
    assert.equal(sent["user-agent"], `rushes-js/${VERSION}`);
    assert.match(sent["idempotency-key"], /^rushes-/);
    assert.deepEqual(video.ignoredParameters, ["fps", "metadata.a b"]);
    assert.deepEqual(video.coercedParameters, ["seconds=5"]);
    assert.deepEqual(
      [video.isRehearsal, video.servedBy, video.isReplayed, video.etaS, video.queuePosition],
      [true, "wan", true, 42, 3],
    );
    assert.deepEqual(
      [video.seconds, video.createdAt.toISOString(), video.isFinal],
      [5, "2026-11-23T12:30:00.000Z", false],
    );
  });
});

test("the version that is told is the package's", () => {
  assert.equal(VERSION, packaged.version);
});

test("a frame of bytes travels in a form, with its type and an ending", async () => {
  await against([json(aVideo())], async ({ client, asked }) => {
    await client.videos.create({ prompt: "a heron", image: PNG, metadata: { a: [1] } });
    const body = asked[0].body.toString("latin1");
    assert.match(asked[0].headers["content-type"], /^multipart\/form-data/);
    assert.match(body, /name="image"; filename="upload.png"\r\nContent-Type: image\/png/);
    assert.match(body, /name="metadata"\r\n\r\n{"a":\[1\]}/);
  });
});

test("references are said with their roles, and frames beside them as data", async () => {
  await against([json(aVideo())], async ({ client, asked }) => {
    await client.videos.create({
      image: new Blob([PNG]),
      references: [
        "https://a.example/clip.mp4",
        new URL("https://a.example/still"),
        { source: "https://a.example/sound", kind: "audio" },
        PNG,
      ],
    });
    const body = JSON.parse(asked[0].body);
    assert.match(body.image, /^data:image\/png;base64,/);
    assert.deepEqual(
      body.content.map(({ type, role }) => `${type} ${role}`),
      [
        "video_url reference_video",
        "image_url reference_image",
        "audio_url reference_audio",
        "image_url reference_image",
      ],
    );
  });
});

test("a misspelt name, a path and half an id are refused before anything is sent", async () => {
  await against([], async ({ client }) => {
    await assert.rejects(client.videos.create({ prompt: "x", second: 5 }), /no "second"/);
    await assert.rejects(client.videos.remix(ID, "x", { seconds: 5 }), /no "seconds"/);
    await assert.rejects(client.videos.create({ image: "still.png" }), Unsendable);
    await assert.rejects(client.videos.create({ seed: NaN }), Unsendable);
    await assert.rejects(client.videos.create({ references: [Uint8Array.of(1, 2)] }), Unsendable);
    await assert.rejects(client.videos.retrieve(""), Unsendable);
    await assert.rejects(client.videos.create({}, { idempotencyKey: "ä" }), Unsendable);
  });
});

test("an edit names its film by id, or carries it; an extension says how long", async () => {
  const lines = [json(aVideo()), json(aVideo()), json(aVideo())];
  await against(lines, async ({ client, asked }) => {
    await client.videos.edit(ID, "snow", { model: "m", idempotencyKey: "one" });
    await client.videos.extend({ id: OTHER_ID }, "on", { seconds: 4, startWithinS: 9 });
    await client.videos.extend(new Uint8Array([0, 0, 0, 0, 0x66, 0x74, 0x79, 0x70]), "on", {
      seconds: 4,
    });
    assert.deepEqual(JSON.parse(asked[0].body), { video: { id: ID }, prompt: "snow", model: "m" });
    assert.equal(asked[0].headers["idempotency-key"], "one");
    assert.deepEqual(JSON.parse(asked[1].body), {
      video: { id: OTHER_ID },
      prompt: "on",
      seconds: 4,
    });
    assert.equal(asked[1].headers["rushes-start-within"], "9");
    assert.match(asked[2].body.toString("latin1"), /name="video"; filename="upload.mp4"/);
  });
});

test("a list is followed by its cursor, page by page, and no further than asked", async () => {
  const page = (ids, hasMore) =>
    json({
      object: "list",
      data: ids.map((id) => aVideo({ id })),
      first_id: ids[0],
      last_id: ids.at(-1),
      has_more: hasMore,
    });
  await against([page([ID], true), page([OTHER_ID], true)], async ({ client, asked }) => {
    const found = await all(client.videos.list({ limit: 2 }));
    assert.deepEqual(
      found.map(({ id }) => id),
      [ID, OTHER_ID],
    );
    assert.equal(asked[0].url, "/v1/videos?limit=2&order=desc");
    assert.equal(asked[1].url, `/v1/videos?limit=1&order=desc&after=${ID}`);
  });
  await against([page([ID], true), page([ID], true)], async ({ client }) => {
    assert.equal((await all(client.videos.list())).length, 2, "a cursor that stands still ends it");
  });
});

test("a list with a filter asks the dialect that has one, in its words", async () => {
  const empty = { object: "list", data: [], first_id: null, last_id: null, has_more: false };
  await against([json(empty)], async ({ client, asked }) => {
    assert.deepEqual(await all(client.videos.list({ status: "completed", order: "asc" })), []);
    const url = "/v1/video/generations?limit=100&order=asc&status=succeeded";
    assert.equal(asked[0].url, url);
  });
});

test("usage is followed by its cursor, and told in the client's words", async () => {
  const line = {
    model: "wan",
    tasks: 2,
    films: 1,
    rehearsals: 0,
    film_seconds: 5.5,
    cost_microusd: 7,
  };
  const more = { data: [line], has_more: true, next_cursor: "wan" };
  const last = { data: [{ ...line, model: "sora-2" }], has_more: false, next_cursor: null };
  await against([json(more), json(last)], async ({ client, asked }) => {
    const from = new Date("2026-11-01T00:00:00Z");
    const [first, second] = await all(client.usage.list({ from, to: "2026-12-01" }));
    assert.deepEqual(first, {
      name: "wan",
      tasks: 2,
      films: 1,
      rehearsals: 0,
      filmSeconds: 5.5,
      costMicrousd: 7,
    });
    assert.equal(second.name, "sora-2");
    assert.match(asked[1].url, /from=1793491200&to=2026-12-01&cursor=wan$/);
  });
});

test("a price is asked for in the words of a wish, and frames travel in its JSON", async () => {
  const quoted = {
    object: "quote",
    model: "wan",
    seconds: 5,
    size: "1280x720",
    resolution: "720p",
    ratio: null,
    with_audio: true,
    rehearsal: false,
    hold_microusd: 500000,
    price: "$0.10 a second",
  };
  const headers = { "rushes-ignored-parameters": "fps" };
  await against([json(quoted, { headers })], async ({ client, asked }) => {
    const quote = await client.videos.quote({ model: "wan", prompt: "a heron", image: PNG });
    assert.equal(asked[0].url, "/v1/video/quotes");
    assert.match(JSON.parse(asked[0].body).image, /^data:image\/png/);
    assert.deepEqual(
      [quote.costMaxMicrousd, quote.price, quote.ratio, quote.withAudio, quote.ignoredParameters],
      [500000, "$0.10 a second", null, true, ["fps"]],
    );
  });
});

test("an enveloped answer is understood", async () => {
  const data = { ...aLook({ status: "completed" }), id: ID, progress: 100, seconds: "4", url: "u" };
  const lines = [json({ code: "success", message: "", data }), refusal(503, "overloaded")];
  await against(
    lines,
    async ({ client }) => {
      const seen = await client.videos.wait(ID);
      assert.deepEqual([seen.status, seen.url, seen.seconds], ["completed", "u", 4]);
    },
    { retry: { attemptsMax: 1 } },
  );
});

test("a refusal is an error of its class, with all that the answer tells", async () => {
  const lines = [
    refusal(400, "invalid_value", { param: "seconds" }),
    refusal(403, "scope_missing"),
  ];
  await against(lines, async ({ client }) => {
    await assert.rejects(client.videos.create({ prompt: "x" }), (error) => {
      assert.ok(error instanceof BadRequest && error instanceof RushesError);
      assert.equal(error.name, "BadRequest");
      assert.deepEqual(
        [error.status, error.code, error.param, error.requestId, error.retryAfterS],
        [400, "invalid_value", "seconds", REQUEST_ID, null],
      );
      assert.ok(!error.message.includes("sk-scripted"));
      return true;
    });
    await assert.rejects(client.webhooks.secret(), Forbidden);
  });
});

test("every status of the contract has its class, and strange ones are told as such", async () => {
  for (const [status, kind] of BY_STATUS) {
    await against(
      [refusal(status, "any")],
      async ({ client }) => assert.rejects(client.models.list(), kind),
      { retry: { attemptsMax: 1 } },
    );
  }
  const html = (request, response) => response.writeHead(500).end("<h1>nginx</h1>");
  const moved = (request, response) =>
    response.writeHead(308, { location: "https://b.example" }).end();
  const alien = json({ object: "list" });
  await against([html, moved, alien], async ({ client }) => {
    await assert.rejects(client.models.list({ attemptsMax: 1 }), ServerError);
    await assert.rejects(client.models.list(), /points to https:\/\/b\.example/);
    await assert.rejects(client.models.list(), UnexpectedAnswer);
  });
});

test("without a key, or with an address that is none, nothing begins", () => {
  const apiKey = "sk-1";
  assert.throws(() => new Rushes({ apiKey: "two words" }), NotConfigured);
  assert.throws(() => new Rushes({ apiKey, baseUrl: "ftp://a.example" }), NotConfigured);
  assert.throws(() => new Rushes({ apiKey, baseUrl: "films" }), NotConfigured);
  const client = new Rushes({ apiKey: " sk-test-1\n", baseUrl: "https://a.example/v1/" });
  assert.deepEqual([client.baseUrl, client.isTest], ["https://a.example", true]);
  assert.ok(!JSON.stringify(client).includes("sk-test-1"));
});
