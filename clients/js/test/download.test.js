/** How a film comes home whole, over lines that are cut. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { ApiError, DownloadFailed, Unsendable } from "../src/index.js";
import { against as scripted, all, cut, ID, refusal } from "./scripted.js";

const FILM = Buffer.alloc(100_000, (place) => place % 251);
const SHA256 = createHash("sha256").update(FILM).digest("hex");
const DIGEST = { "repr-digest": `sha-256=:${createHash("sha256").update(FILM).digest("base64")}:` };
const WHOLE = { "content-type": "video/mp4", etag: '"one"', "content-length": FILM.length };

/** A film of which only the first bytes come; the line is cut when they were read. */
const halfOf =
  (bytes, headers = WHOLE) =>
  (request, response) => {
    response.writeHead(200, headers);
    response.write(FILM.subarray(0, bytes));
    half = { response, left: bytes };
  };

let half = null;

/** What fetches: an error that came sooner would take bytes with it that nobody had read yet. */
const cutting = async (url, init) => {
  const response = await fetch(url, init);
  if (half === null) return response;
  const cut = half;
  half = null;
  const counted = new TransformStream({
    transform(piece, controller) {
      controller.enqueue(piece);
      cut.left -= piece.length;
      if (cut.left === 0) setImmediate(() => cut.response.destroy());
    },
  });
  const { status, headers } = response;
  return new Response(response.body.pipeThrough(counted), { status, headers });
};

const against = (lines, test) => scripted(lines, test, { fetch: cutting });

/** The rest of a film from a byte on. */
const restFrom =
  (start, headers = {}) =>
  (request, response) => {
    response.writeHead(206, {
      etag: '"one"',
      "content-range": `bytes ${start}-${FILM.length - 1}/${FILM.length}`,
      "content-length": FILM.length - start,
      ...headers,
    });
    response.end(FILM.subarray(start));
  };

const whole =
  (headers = WHOLE) =>
  (request, response) =>
    response.writeHead(200, headers).end(FILM);

/** A film that is not the one whose digest is told. */
const changed = whole({ ...WHOLE, "repr-digest": `sha-512=:AA==:, sha-256=:${"A".repeat(43)}=:` });

test("a download that is cut goes on where it broke, and is whole", async () => {
  const folder = await mkdtemp(join(tmpdir(), "rushes-"));
  const lines = [halfOf(40_000, { ...WHOLE, ...DIGEST }), cut, restFrom(40_000)];
  await against(lines, async ({ client, asked, clock }) => {
    const seen = [];
    const path = join(folder, "film.mp4");
    const film = await client.videos.download(ID, path, {
      sha256: SHA256.toUpperCase(),
      onProgress: (received, total) => seen.push([received, total]),
    });
    assert.deepEqual(await readFile(path), FILM);
    assert.deepEqual(await readdir(folder), ["film.mp4"]);
    assert.deepEqual(
      [film.sizeBytes, film.sha256, film.etag, film.contentType, film.path, film.content],
      [FILM.length, SHA256, '"one"', "video/mp4", path, null],
    );
    assert.deepEqual(
      [asked[2].headers.range, asked[2].headers["if-range"]],
      ["bytes=40000-", '"one"'],
    );
    assert.deepEqual(seen.at(-1), [FILM.length, FILM.length]);
    assert.deepEqual(clock.sleeps, [500, 1000]);
  });
});

test("a film that changed meanwhile is begun anew, wherever it goes", async () => {
  const folder = await mkdtemp(join(tmpdir(), "rushes-"));
  const old = halfOf(40_000, { ...WHOLE, etag: '"old"' });
  await against([old, whole()], async ({ client }) => {
    const film = await client.videos.download(ID);
    assert.deepEqual([Buffer.from(film.content), film.etag], [FILM, '"one"']);
  });
  await against([old, whole()], async ({ client }) => {
    const { path } = await client.videos.download(ID, folder); // a folder
    assert.equal(path, join(folder, `${ID}.mp4`));
    assert.deepEqual(await readFile(path), FILM);
  });
  await against([old, whole()], async ({ client }) => {
    await assert.rejects(all(client.videos.stream(ID)), /a part is given on already/);
  });
  await against(
    [halfOf(40_000, { ...WHOLE, etag: 'W/"weak"' }), whole()],
    async ({ client, asked }) => {
      await client.videos.download(ID);
      assert.equal(asked[1].headers.range, undefined, "a weak tag promises nothing");
    },
  );
});

test("a part that was not asked for is not put together with the others", async () => {
  const lines = [halfOf(40_000), restFrom(50_000), whole()];
  await against(lines, async ({ client }) => {
    assert.equal((await client.videos.download(ID)).sha256, SHA256);
  });
  const gone = (request, response) =>
    refusal(416, "range_not_satisfiable", { headers: { "content-range": "bytes */7" } })(
      request,
      response,
    );
  await against([halfOf(40_000), gone, whole()], async ({ client }) => {
    assert.equal((await client.videos.download(ID)).sha256, SHA256);
  });
});

test("a stream that breaks is given on without a seam", async () => {
  await against([halfOf(40_000), restFrom(40_000)], async ({ client }) => {
    assert.deepEqual(Buffer.concat(await all(client.videos.stream(ID))), FILM);
  });
});

test("a film that was changed on the way is begun anew, and one given on is told", async () => {
  await against([changed, whole({ ...WHOLE, ...DIGEST })], async ({ client }) => {
    assert.equal((await client.videos.download(ID)).sha256, SHA256);
  });
  await against([changed], async ({ client }) => {
    await assert.rejects(all(client.videos.stream(ID)), DownloadFailed);
  });
});

test("what a call leaves is taken up by the next, for the same film only", async () => {
  const folder = await mkdtemp(join(tmpdir(), "rushes-"));
  const path = join(folder, `${ID}.mp4`);
  const broken = async ({ client }) => {
    const call = client.videos.download(ID, folder, { resume: true, attemptsMax: 1 });
    await assert.rejects(call, DownloadFailed);
    assert.deepEqual((await readdir(folder)).sort(), [`.${ID}.mp4.part`, `.${ID}.mp4.part.etag`]);
  };
  const resumed = async ({ client, asked }) => {
    const seen = [];
    const film = await client.videos.download(ID, folder, {
      resume: true,
      onProgress: (received, total) => seen.push([received, total]),
    });
    assert.deepEqual([film.sha256, film.sizeBytes], [SHA256, FILM.length]);
    assert.deepEqual(asked[0].headers.range, "bytes=40000-");
    assert.deepEqual(await readFile(path), FILM);
    assert.deepEqual(await readdir(folder), [`${ID}.mp4`]);
    await rm(path);
  };
  await against([halfOf(40_000)], broken);
  await against([restFrom(40_000, DIGEST)], resumed);
  await against([halfOf(40_000)], broken);
  await against([whole({ ...WHOLE, ...DIGEST, etag: '"two"' })], resumed); // it changed meanwhile
  await against([halfOf(40_000)], broken);
  const other = { ...DIGEST, "repr-digest": `sha-256=:${"A".repeat(43)}=:` };
  await against([restFrom(40_000, other), whole({ ...WHOLE, ...DIGEST })], resumed);
  await against([], async ({ client }) => {
    await assert.rejects(client.videos.download(ID, undefined, { resume: true }), Unsendable);
    await assert.rejects(client.videos.download(ID, "/dev/null", { resume: true }), Unsendable);
  });
});

test("whoever takes long for a piece is not taken for a silent server", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  await against([whole()], async ({ client }) => {
    const pieces = [];
    for await (const piece of client.videos.stream(ID)) {
      pieces.push(piece);
      t.mock.timers.tick(61_000);
    }
    assert.deepEqual(Buffer.concat(pieces), FILM);
  });
});

test("a film with another digest than was told leaves nothing, nor does half a one", async () => {
  const folder = await mkdtemp(join(tmpdir(), "rushes-"));
  const path = join(folder, "film.mp4");
  await writeFile(path, "what was here before");
  await against([changed, changed, changed, changed], async ({ client }) => {
    await assert.rejects(client.videos.download(ID, path), /it was changed on the way/);
  });
  await against([whole()], async ({ client }) => {
    await assert.rejects(client.videos.download(ID, undefined, { sha256: "00" }), /as you said/);
  });
  await against([halfOf(40_000), cut, cut, cut], async ({ client }) => {
    await assert.rejects(client.videos.download(ID, path), (error) => {
      assert.ok(error instanceof DownloadFailed);
      assert.match(error.message, /40000 of 100000 bytes came/);
      return true;
    });
  });
  assert.deepEqual(await readdir(folder), ["film.mp4"]);
  assert.equal(await readFile(path, "utf8"), "what was here before");
});

test("a link to a file stays one, and a device is written to as it is", async () => {
  const folder = await mkdtemp(join(tmpdir(), "rushes-"));
  await writeFile(join(folder, "real.mp4"), "");
  await symlink("real.mp4", join(folder, "link.mp4"));
  await against([whole(), whole()], async ({ client }) => {
    await client.videos.download(ID, join(folder, "link.mp4"));
    assert.deepEqual(await readFile(join(folder, "real.mp4")), FILM);
    assert.equal((await client.videos.download(ID, "/dev/null")).sizeBytes, FILM.length);
  });
});

test("a stream of the caller's is closed with the film, and aborted without it", async () => {
  const pieces = [];
  let ended = "";
  const sink = () =>
    new WritableStream({
      write: (piece) => void pieces.push(piece),
      close: () => void (ended = "closed"),
      abort: () => void (ended = "aborted"),
    });
  await against([halfOf(40_000), restFrom(40_000)], async ({ client }) => {
    assert.equal((await client.videos.download(ID, sink())).sha256, SHA256);
    assert.deepEqual([Buffer.concat(pieces).equals(FILM), ended], [true, "closed"]);
  });
  await against([refusal(410, "artifact_expired")], async ({ client }) => {
    await assert.rejects(client.videos.download(ID, sink()), ApiError);
    assert.equal(ended, "aborted");
  });
});
