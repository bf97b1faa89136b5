/** Whom a receiver of webhooks believes. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { WebhookNotVerified, webhooks } from "../src/index.js";
import { sign, verify } from "../src/webhooks.js";
import { ID } from "./scripted.js";

// The example that the scheme's first users publish; Python's standardwebhooks signs it alike.
const SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const NOW_S = 1614265330;
const PUBLISHED = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

const OTHER = `whsec_${btoa("another secret, that is long enough")}`;
const BODY = JSON.stringify({
  id: "evt_1",
  object: "event",
  type: "video.failed",
  created_at: NOW_S,
  data: { id: ID, task_id: ID, status: "failed", error: { code: 499, message: "Canceled" } },
});

const headersOf = async (secret, body = BODY, at = NOW_S) => ({
  "webhook-id": "evt_1",
  "Webhook-Timestamp": String(at),
  "WEBHOOK-SIGNATURE": await sign(secret, "evt_1", at, body),
});

test("what is signed is what the scheme's own example says", async () => {
  const signature = await sign(
    SECRET,
    "msg_p5jXN8AQM9LWM0D4loKWxJek",
    NOW_S,
    '{"test": 2432232314}',
  );
  assert.equal(signature, PUBLISHED);
});

test("an event that is ours is believed, whatever carries its headers and body", async () => {
  const headers = await headersOf(SECRET);
  for (const given of [headers, new Headers(headers)]) {
    for (const body of [BODY, new TextEncoder().encode(BODY), Buffer.from(BODY)]) {
      const event = await verify(SECRET, given, body, { nowS: NOW_S + 299 });
      assert.deepEqual(event, {
        id: "evt_1",
        type: "video.failed",
        createdAt: new Date(NOW_S * 1000),
        videoId: ID,
        status: "failed",
        url: null,
        errorCode: 499,
        errorMessage: "Canceled",
      });
    }
  }
  assert.equal(webhooks.verify, verify);
});

test("during a rotation either secret does, and either signature", async () => {
  const ours = await headersOf(SECRET);
  const terms = { nowS: NOW_S };
  assert.equal((await verify([OTHER, SECRET], ours, BODY, terms)).id, "evt_1");
  const other = await sign(OTHER, "evt_1", NOW_S, BODY);
  const both = `v1a,x v1,!!! ${other} ${ours["WEBHOOK-SIGNATURE"]}`;
  const headers = { ...ours, "WEBHOOK-SIGNATURE": both };
  assert.equal((await verify(SECRET, headers, BODY, terms)).id, "evt_1");
});

test("a stranger, an old event and an altered one are not believed", async () => {
  const ours = await headersOf(SECRET);
  const refused = async (headers, body = BODY, nowS = NOW_S) =>
    assert.rejects(verify(SECRET, headers, body, { nowS }), WebhookNotVerified);
  await refused(await headersOf(OTHER));
  await refused(ours, BODY.replace("499", "500"));
  await refused(ours, BODY, NOW_S + 301);
  await refused(ours, BODY, NOW_S - 301);
  await refused({ ...ours, "webhook-id": "evt_2" });
  await refused({ ...ours, "webhook-id": undefined });
  await refused({ ...ours, "Webhook-Timestamp": "1e400" });
  await refused({ ...ours, "WEBHOOK-SIGNATURE": "v1," });
  await refused(await headersOf(SECRET, "[]"), "[]");
});

test("without a secret that is one, nobody is believed", async () => {
  const headers = await headersOf(SECRET);
  for (const secret of [
    "",
    "whsec_",
    "whsec_AAAA",
    "no base64 at all!",
    undefined,
    [],
    [SECRET, ""],
  ]) {
    await assert.rejects(verify(secret, headers, BODY, { nowS: NOW_S }), TypeError);
  }
});
