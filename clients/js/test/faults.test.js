/** What happens when answers are lost, lines are cut and servers are busy. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { test } from "node:test";

import { ApiError, ConnectionFailed, NotFound, Overloaded } from "../src/index.js";
import { RateLimited, Rushes, VideoFailed, WaitTimeout } from "../src/index.js";
import { EventReader } from "../src/events.js";
import { holdS, pauseAfterLookMs } from "../src/waiting.js";
import { against, aLook, all, aVideo, cut, ID, json, refusal } from "./scripted.js";

// -- asking again --------------------------------------------------------------------------------

test("a create whose answer was lost is sent again under the same key, and pays once", async () => {
  const lines = [cut, refusal(503, "overloaded"), json(aVideo())];
  await against(lines, async ({ client, asked, clock }) => {
    const video = await client.videos.create({ prompt: "a heron" });
    assert.equal(video.id, ID);
    const keys = new Set(asked.map(({ headers }) => headers["idempotency-key"]));
    assert.equal(keys.size, 1);
    assert.equal(new Set(asked.map(({ body }) => body.toString())).size, 1);
    assert.deepEqual(clock.sleeps, [500, 1000]);
  });
});

test("a form is sent again as it was", async () => {
  await against([cut, json(aVideo())], async ({ client, asked }) => {
    await client.videos.create({ image: Uint8Array.of(0xff, 0xd8, 0xff, 1) });
    for (const { body } of asked)
      assert.match(body.toString("latin1"), /image\/jpeg\r\n\r\n\xff\xd8/);
  });
});

test("a create that may have worked tells with which key to ask again", async () => {
  await against(
    [cut],
    async ({ client }) => {
      const create = client.videos.create({ prompt: "x" }, { idempotencyKey: "mine" });
      await assert.rejects(create, (error) => {
        assert.ok(error instanceof ConnectionFailed && error.isSent);
        assert.equal(error.idempotencyKey, "mine");
        assert.match(error.message, /idempotencyKey: "mine"/);
        return true;
      });
    },
    { retry: { attemptsMax: 1 } },
  );
  const lines = [refusal(500, "internal_error"), refusal(503, "overloaded")];
  await against(
    lines,
    async ({ client }) => {
      const create = client.videos.create({ prompt: "x" }, { idempotencyKey: "mine" });
      await assert.rejects(create, (e) => e instanceof Overloaded && e.idempotencyKey === "mine");
    },
    { retry: { attemptsMax: 2 } },
  );
});

test("a 429 is waited for as long as it says, and 425 and 408 are asked again", async () => {
  const lines = [
    refusal(429, "rate_limit_exceeded", { headers: { "retry-after": "7" } }),
    refusal(425, "too_early"),
    refusal(408, "timeout"),
    json(aVideo()),
  ];
  await against(lines, async ({ client, clock }) => {
    await client.videos.create({ prompt: "a heron" });
    assert.deepEqual(clock.sleeps, [7000, 1000, 2000]);
  });
});

test("a Retry-After that is a date is read against the answer's own", async () => {
  const headers = {
    date: "Thu, 26 Nov 2026 12:00:00 GMT",
    "retry-after": "Thu, 26 Nov 2026 12:00:09 GMT",
  };
  const lines = [refusal(503, "overloaded", { headers }), json({ object: "list", data: [] })];
  await against(lines, async ({ client, clock }) => {
    await client.models.list();
    assert.deepEqual(clock.sleeps, [9000]);
  });
});

test("a Retry-After that is neither is as good as none", async () => {
  const busy = (text) => refusal(503, "overloaded", { headers: { "retry-after": text } });
  const lines = [busy("0.5"), busy("soon"), json({ object: "list", data: [] })];
  await against(lines, async ({ client, clock }) => {
    await client.models.list();
    assert.deepEqual(clock.sleeps, [500, 1000]);
  });
});

test("an hour of Retry-After is told and not waited for", async () => {
  const busy = refusal(429, "rate_limit_exceeded", { headers: { "retry-after": "3600" } });
  await against([busy], async ({ client, clock }) => {
    await assert.rejects(
      client.models.list(),
      (error) => error instanceof RateLimited && error.retryAfterS === 3600,
    );
    assert.deepEqual(clock.sleeps, []);
  });
});

test("what is wrong is said once, and nothing is asked more often than allowed", async () => {
  await against([refusal(400, "invalid_value")], async ({ client }) => {
    await assert.rejects(client.videos.create({ prompt: "x" }), ApiError);
  });
  await against([cut, cut, cut, cut], async ({ client, clock }) => {
    await assert.rejects(client.models.list(), ConnectionFailed);
    assert.deepEqual(clock.sleeps, [500, 1000, 2000]);
  });
});

test("the pause is shortened by up to its half, so that not all come back at once", async () => {
  await against(
    [cut, json({ data: [] })],
    async ({ client, clock }) => {
      await client.models.list();
      assert.deepEqual(clock.sleeps, [250]);
    },
    { retry: { draw: () => 1 } },
  );
});

test("nobody at the address is told as such, and never was sent", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  for (const place of [port, 9]) {
    const baseUrl = `http://127.0.0.1:${place}`; // 9 is one that fetch will not speak to
    const client = new Rushes({ apiKey: "sk-1", baseUrl, retry: { attemptsMax: 1 } });
    await assert.rejects(client.videos.create({ prompt: "x" }), (error) => {
      assert.ok(error instanceof ConnectionFailed);
      assert.deepEqual([error.isSent, error.idempotencyKey], [false, undefined]);
      assert.match(error.message, /nobody answers there/);
      return true;
    });
  }
});

test("a server that is silent is given up after the time that was given", async () => {
  await against(
    [() => {}],
    async ({ client }) => {
      const look = client.models.list({ timeoutMs: 20 });
      await assert.rejects(look, /no answer in time \(0\.02 s\)/);
    },
    { retry: { attemptsMax: 1 } },
  );
});

test("an aborted signal is thrown as itself: before, during and between tries", async () => {
  const reason = new Error("changed my mind");
  const control = new AbortController();
  const aborts = (request, response) => {
    response.on("close", () => {});
    control.abort(reason);
  };
  await against([aborts], async ({ client }) => {
    const { signal } = control;
    await assert.rejects(client.models.list({ signal }), reason);
    await assert.rejects(client.videos.wait(ID, { signal }), reason);
    await assert.rejects(all(client.videos.events(ID, { signal })), reason);
    await assert.rejects(client.videos.download(ID, undefined, { signal }), reason);
  });
  const between = new AbortController();
  const busy = (request, response) => {
    refusal(503, "overloaded")(request, response);
    between.abort(reason);
  };
  await against([busy], async ({ client }) => {
    await assert.rejects(client.models.list({ signal: between.signal }), reason);
  });
});

// -- ending and removing -------------------------------------------------------------------------

test("a cancel whose answer was lost finds the video canceled", async () => {
  const error = { code: "canceled", message: "Canceled by caller" };
  const canceled = aVideo({ status: "failed", progress: 100, error });
  const lines = [cut, refusal(400, "task_already_finished"), json(canceled)];
  await against(lines, async ({ client }) => {
    assert.equal((await client.videos.cancel(ID)).error.code, "canceled");
  });
});

test("a removal whose answer was lost is not a video that never was", async () => {
  await against([cut, refusal(404, "task_not_found")], async ({ client }) => {
    assert.deepEqual(await client.videos.delete(ID), { id: ID, deleted: true });
  });
  await against([refusal(404, "task_not_found")], async ({ client }) => {
    await assert.rejects(client.videos.delete(ID), NotFound);
  });
  for (const [status, code] of [[429, "rate_limit_exceeded"], [503, "overloaded"]]) {
    const lines = [refusal(status, code), refusal(404, "task_not_found")];
    await against(lines, async ({ client }) => {
      await assert.rejects(client.videos.delete(ID), NotFound); // no try can have removed it
    });
  }
});

// -- waiting -------------------------------------------------------------------------------------

test("a wait outlasts a server that is away, follows its advice, and ends with facts", async () => {
  const advice = { "retry-after": "4", "rushes-progress": "40" };
  const lines = [
    json(aVideo()),
    json(aLook(), { headers: { "retry-after": "2" } }),
    refusal(502, "upstream_error"),
    cut,
    json(aLook({ status: "in_progress" }), { headers: advice }),
    json(aLook({ status: "succeeded", url: "https://films" })),
    json(aVideo({ status: "completed", progress: 100 }), {
      headers: { "rushes-cost-microusd": "9" },
    }),
  ];
  await against(
    lines,
    async ({ client, asked, clock }) => {
      const seen = [];
      const film = await client.videos.createAndWait(
        { prompt: "a heron" },
        { onProgress: ({ status, progress }) => seen.push(`${status} ${progress}`) },
      );
      assert.deepEqual(seen, ["queued 0", "in_progress 40", "completed 100"]);
      assert.deepEqual([film.url, film.costMicrousd, film.prompt], ["https://films", 9, "a heron"]);
      assert.deepEqual(clock.sleeps, [2000, 500, 1000, 4000]);
      const waits = asked.slice(1, 6).map(({ url }) => url.split("wait=")[1]);
      assert.deepEqual(waits, ["3", "2", "2", "2", "4"]);
    },
    { retry: { draw: () => 0, attemptsMax: 1 } },
  );
});

test("a failed video is an error, or an answer for whoever wants one", async () => {
  const failed = aLook({ status: "failed", error: { code: 499, message: "Canceled by caller" } });
  const facts = aVideo({
    status: "failed",
    error: { code: "canceled", message: "Canceled by caller" },
  });
  const lines = [json(failed), json(facts)];
  await against(lines, async ({ client }) => {
    await assert.rejects(client.videos.wait(ID), (error) => {
      assert.ok(error instanceof VideoFailed);
      assert.deepEqual([error.code, error.video.status], ["canceled", "failed"]);
      return true;
    });
  });
  await against(lines, async ({ client }) => {
    const ended = await client.videos.wait(ID, { throwOnFailure: false });
    assert.equal(ended.error.code, "canceled");
  });
});

test("a deadline ends a wait and not the video; a wrong id is told at once", async () => {
  const still = json(aLook({ status: "in_progress" }), { headers: { "retry-after": "60" } });
  await against([still, still], async ({ client }) => {
    await assert.rejects(client.videos.wait(ID, { deadlineMs: 60_000 }), (error) => {
      assert.ok(error instanceof WaitTimeout);
      assert.equal(error.video.status, "in_progress");
      return true;
    });
  });
  await against([refusal(404, "task_not_found")], async ({ client }) => {
    await assert.rejects(client.videos.wait(ID), NotFound);
  });
});

test("looks are held as long as they may be, and follow each other as the server wants", () => {
  assert.deepEqual(
    [holdS(600_000, 4, false), holdS(600_000, 4, true), holdS(900, 4, true)],
    [30, 4, 0],
  );
  assert.deepEqual([pauseAfterLookMs(3, 10), pauseAfterLookMs(3, 30_000)], [3000, 0]);
});

// -- events --------------------------------------------------------------------------------------

const told = (number, status, more = {}) =>
  `id: ${number}\nevent: status\ndata: ${JSON.stringify(aLook({ status, ...more }))}\n\n`;

const telling =
  (text, isCut = false) =>
  (request, response) => {
    response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8" });
    response.write(`retry: 3000\n\n: heartbeat\n\n${text}`, () =>
      isCut ? setImmediate(() => response.destroy()) : response.end(),
    );
  };

test("events that break off are taken up after the last one, and told once each", async () => {
  const lines = [
    telling(told(1, "queued") + told(4, "in_progress"), true),
    cut,
    telling(told(4, "in_progress") + told(5, "succeeded", { url: "https://films" })),
  ];
  await against(lines, async ({ client, asked, clock }) => {
    const heard = await all(client.videos.events(ID));
    assert.deepEqual(
      heard.map(({ number, video }) => `${number} ${video.status}`),
      ["1 queued", "4 in_progress", "5 completed"],
    );
    assert.deepEqual(
      asked.map(({ headers }) => headers["last-event-id"]),
      [undefined, "4", "4"],
    );
    assert.deepEqual(clock.sleeps, [3000, 1000]);
    assert.equal(heard[2].video.url, "https://films");
  });
});

test("events that are all told already are none, and leaving early hangs up", async () => {
  const none = (request, response) => response.writeHead(204).end();
  await against([none], async ({ client, asked }) => {
    assert.deepEqual(await all(client.videos.events(ID, { after: 5 })), []);
    assert.equal(asked[0].headers["last-event-id"], "5");
  });
  let hungUp;
  const gone = new Promise((resolve) => (hungUp = resolve));
  const endless = (request, response) => {
    response.on("close", hungUp);
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write(told(1, "queued"));
  };
  await against([endless], async ({ client }) => {
    for await (const { number } of client.videos.events(ID)) {
      assert.equal(number, 1);
      break;
    }
    await gone;
  });
});

test("events that never end are given up at the deadline, and strangers are told", async () => {
  const early = telling(told(1, "queued"));
  await against(
    [early, refusal(503, "overloaded", { headers: { "retry-after": "9" } })],
    async ({ client }) => {
      await assert.rejects(all(client.videos.events(ID, { deadlineMs: 5_000 })), WaitTimeout);
    },
  );
  await against([json({ no: "stream" })], async ({ client }) => {
    await assert.rejects(all(client.videos.events(ID)), /A stream of events was due/);
  });
});

test("events may be cut anywhere, and lines may end in any of the three ways", () => {
  const text =
    "\ufeff: hi\r\nid: 7\r\nevent: status\rdata: ä\ndata:b\n\nretry: 10\n\nid: x\ndata\n\n";
  const bytes = new TextEncoder().encode(text);
  for (const size of [1, 2, 3, bytes.length]) {
    const reader = new EventReader();
    const found = [];
    for (let at = 0; at < bytes.length; at += size)
      found.push(...reader.feed(bytes.slice(at, at + size)));
    assert.deepEqual(found, [{ number: 7, name: "status", text: "ä\nb" }]);
    assert.equal(reader.retryMs, 10);
  }
});
