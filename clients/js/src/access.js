/**
 * Where the server is, and with which key: options first, then the environment, where there is
 * one. `RUSHES_BASE_URL` and `RUSHES_API_KEY` are all that is read from it.
 */

import { NotConfigured } from "./errors.js";

export const BASE_URL = "http://127.0.0.1:8080";

const TEST_KEY_PREFIX = "sk-test-";
const VISIBLE_ASCII = /^[!-~]+$/;

/** An address without a path's end, and a secret that nothing shows. */
export class Access {
  #apiKey;

  /**
   * Both are stripped of white space, as keys read from files end in a newline. An address may
   * end in `/v1`, as those written for the OpenAI client do.
   *
   * @param {string | undefined} baseUrl
   * @param {string | undefined} apiKey
   */
  constructor(baseUrl, apiKey) {
    this.baseUrl = address(baseUrl || environment("RUSHES_BASE_URL") || BASE_URL);
    this.#apiKey = key(apiKey || environment("RUSHES_API_KEY") || "");
  }

  get apiKey() {
    return this.#apiKey;
  }

  /** Whether the key is one for tests: all that it makes is a rehearsal, and free. */
  get isTest() {
    return this.#apiKey.startsWith(TEST_KEY_PREFIX);
  }
}

/**
 * @param {string} name
 * @returns {string | undefined}
 */
function environment(name) {
  try {
    return /** @type {any} */ (globalThis).process?.env?.[name];
  } catch {
    return undefined; // Deno, where nobody allowed to read it
  }
}

/** @param {string} text */
function address(text) {
  const bare = text.trim().replace(/\/+$/, "").replace(/\/v1$/, "").replace(/\/+$/, "");
  const url = URL.canParse(bare) ? new URL(bare) : null;
  if (url === null || !/^https?:$/.test(url.protocol) || url.search || url.hash) {
    throw new NotConfigured(
      `${JSON.stringify(text)} is no address of a server. Give baseUrl (or RUSHES_BASE_URL) ` +
        `as in ${BASE_URL} or https://films.example.org`,
    );
  }
  return bare;
}

/** @param {string} text */
function key(text) {
  const bare = text.trim();
  if (!bare) {
    throw new NotConfigured(
      "There is no API key. Set RUSHES_API_KEY, or give apiKey: `rushes serve` prints one at " +
        "its first start, `rushes keys create NAME` makes more beside it.",
    );
  }
  if (!VISIBLE_ASCII.test(bare)) {
    throw new NotConfigured(
      "The API key has white space or characters beyond ASCII in it, so it is none. " +
        "It begins with sk- and is one word.",
    );
  }
  return bare;
}
