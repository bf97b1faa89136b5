/**
 * What the tests share: a server that answers by a script, and a clock held still.
 */

import assert from "node:assert/strict";
import { createServer } from "node:http";

import { Rushes } from "../src/index.js";

export const ID = "video_01a208627d107d72828e545dc3be6655";
export const OTHER_ID = "video_01a2086280f876a3934730d9e263ac04";
export const REQUEST_ID = "req_454349e422f05297191ead13e21d3db5";

/** Time that passes only by sleeping; every sleep is written down. */
export class StillClock {
  sleeps = [];
  #nowMs = 1_000;

  nowMs() {
    return this.#nowMs;
  }

  async sleep(ms, signal) {
    signal?.throwIfAborted();
    assert.ok(ms >= 0);
    this.sleeps.push(ms);
    this.#nowMs += ms;
  }
}

/** An answer of JSON. */
export function json(body, { status = 200, headers = {} } = {}) {
  return (request, response) => {
    response.writeHead(status, { "content-type": "application/json", ...headers });
    response.end(JSON.stringify(body));
  };
}

/** A refusal in the form of the contract. */
export function refusal(status, code, { headers = {}, param = null } = {}) {
  const error = { message: `It is ${code}.`, type: "any", param, code };
  return json({ error }, { status, headers: { "x-request-id": REQUEST_ID, ...headers } });
}

/** A line that is cut before a word was said, although the request was read. */
export const cut = (request, response) => response.socket.destroy();

/** The Video object of the contract. */
export function aVideo(more = {}) {
  return {
    id: ID,
    object: "video",
    model: "sandbox",
    status: "queued",
    progress: 0,
    created_at: 1795437000,
    completed_at: null,
    expires_at: null,
    error: null,
    prompt: "a heron",
    remixed_from_video_id: null,
    seconds: "5",
    size: "1280x720",
    ...more,
  };
}

/** The lean body of the contract. */
export function aLook(more = {}) {
  return { task_id: ID, status: "queued", format: "mp4", ...more };
}

/**
 * Run a test against a server that gives these answers, one for each request, in this order.
 *
 * The test gets a client, the requests as they came, and the clock. Whatever was not asked for
 * fails the test, and so does a request that nobody expected.
 */
export async function against(lines, test, options = {}) {
  const left = [...lines];
  const asked = [];
  const server = createServer(async (request, response) => {
    const pieces = [];
    for await (const piece of request) pieces.push(piece);
    const body = Buffer.concat(pieces);
    asked.push({ method: request.method, url: request.url, headers: request.headers, body });
    const line = left.shift();
    if (line === undefined) refusal(418, "nobody expected this")(request, response);
    else line(request, response, body);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const clock = new StillClock();
  const client = new Rushes({
    apiKey: "sk-scripted",
    baseUrl: `http://127.0.0.1:${server.address().port}`,
    clock,
    retry: { draw: () => 0 },
    ...options,
  });
  try {
    await test({ client, asked, clock });
    assert.equal(left.length, 0, `${left.length} answers were not asked for`);
    const paths = asked.map(({ method, url }) => `${method} ${url}`);
    assert.equal(asked.length, lines.length, `not expected: ${paths.slice(lines.length)}`);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

/** Gather what an async generator gives. */
export async function all(things) {
  const found = [];
  for await (const thing of things) found.push(thing);
  return found;
}
