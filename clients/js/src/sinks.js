/**
 * Where a film goes: a path, a stream of the caller's, or memory.
 *
 * A path is written under another name beside it and renamed when the film is whole, so that
 * nobody ever finds half a film under the name that was asked for. What is there and is no file,
 * such as /dev/null or a pipe, is written to and not replaced.
 *
 * The file system and the hash are asked of the runtime where it has them (Node, Deno, Bun), so
 * that no bundler for browsers finds an import that it cannot follow.
 *
 * @import { Target, Variant } from "./types.js"
 */

import { Unsendable } from "./errors.js";

/** @type {Readonly<Record<Variant, string>>} */
const ENDINGS = {
  video: ".mp4",
  thumbnail: ".thumbnail.webp",
  last_frame: ".last_frame.webp",
  spritesheet: ".spritesheet.jpg",
};

/** @typedef {{ path: string | null, content: Uint8Array<ArrayBuffer> | null }} Finished */

/**
 * What a download writes to. `abandon` after `finish` does nothing.
 *
 * @typedef {object} Sink
 * @property {(piece: Uint8Array<ArrayBuffer>) => Promise<void>} write
 * @property {() => Promise<void>} restart Forget what was written.
 * @property {() => Promise<string | null>} sha256 Of all that was written, in hex.
 * @property {() => Promise<Finished>} finish
 * @property {() => Promise<void>} abandon
 */

/**
 * @param {Target} target
 * @param {string} id
 * @param {Variant} variant
 * @returns {Promise<Sink>}
 */
export async function openSink(target, id, variant) {
  if (target === undefined) return new MemorySink();
  if (typeof target === "object" && "getWriter" in target) return new StreamSink(target);
  const { files, paths, urls } = disk();
  let path = target instanceof URL ? urls.fileURLToPath(target) : target;
  const there = await files.stat(path).catch(() => null);
  if (there?.isDirectory()) path = paths.join(path, `${id}${ENDINGS[variant]}`);
  else if (there !== null && !there.isFile()) {
    return new FileSink(files, path, path, await files.open(path, "w"));
  }
  const whole = await files.realpath(path).catch(() => path); // links are followed
  const part = paths.join(
    paths.dirname(whole),
    `.${paths.basename(whole)}.${crypto.randomUUID().slice(0, 8)}.part`,
  );
  return new FileSink(files, whole, part, await files.open(part, "wx"), path);
}

/** Bytes added up, where the runtime can do that while they pass. */
class Sum {
  #hash = builtin("node:crypto")?.createHash("sha256");

  /** @param {Uint8Array} piece */
  add(piece) {
    this.#hash?.update(piece);
  }

  /** @returns {string | null} */
  hex() {
    return this.#hash?.copy().digest("hex") ?? null;
  }
}

/** Writes to a file, which gets its name when it is whole. */
class FileSink {
  #files;
  #target;
  #part;
  #handle;
  #path;
  #at = 0;
  #sum = new Sum();
  #isOpen = true;

  /**
   * @param {any} files
   * @param {string} target
   * @param {string} part As the target: a device or a pipe.
   * @param {any} handle
   * @param {string} [path] As the caller wrote it.
   */
  constructor(files, target, part, handle, path = target) {
    this.#files = files;
    this.#target = target;
    this.#part = part;
    this.#handle = handle;
    this.#path = path;
  }

  /** @param {Uint8Array<ArrayBuffer>} piece */
  async write(piece) {
    this.#sum.add(piece);
    for (let done = 0; done < piece.length;) {
      const place = this.#isDevice ? null : this.#at;
      const { bytesWritten } = await this.#handle.write(piece, done, piece.length - done, place);
      done += bytesWritten;
      this.#at += bytesWritten;
    }
  }

  async restart() {
    if (this.#isDevice) throw new Error("the film must be written anew, and this cannot go back");
    await this.#handle.truncate(0);
    this.#at = 0;
    this.#sum = new Sum();
  }

  async sha256() {
    return this.#sum.hex();
  }

  /** The bytes are on the disk then, as the server's copy may be deleted next. */
  async finish() {
    if (!this.#isDevice) await this.#handle.sync();
    await this.#close();
    if (!this.#isDevice) await this.#files.rename(this.#part, this.#target);
    return { path: this.#path, content: null };
  }

  async abandon() {
    await this.#close();
    if (!this.#isDevice) await this.#files.rm(this.#part, { force: true });
  }

  get #isDevice() {
    return this.#part === this.#target;
  }

  async #close() {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    await this.#handle.close();
  }
}

/** Writes to a stream of the caller's, which is closed with the film and aborted without it. */
class StreamSink {
  #writer;
  #sum = new Sum();
  #isFresh = true;
  #isOpen = true;

  /** @param {WritableStream<Uint8Array<ArrayBuffer>>} stream */
  constructor(stream) {
    this.#writer = stream.getWriter();
  }

  /** @param {Uint8Array<ArrayBuffer>} piece */
  async write(piece) {
    this.#isFresh = false;
    this.#sum.add(piece);
    await this.#writer.write(piece);
  }

  async restart() {
    if (this.#isFresh) return;
    throw new Error("the film must be written anew, and a stream cannot go back");
  }

  async sha256() {
    return this.#sum.hex();
  }

  async finish() {
    this.#isOpen = false;
    await this.#writer.close();
    return { path: null, content: null };
  }

  async abandon() {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    await this.#writer.abort().catch(() => {}); // it may be what failed
  }
}

/** Keeps the bytes. */
class MemorySink {
  /** @type {Uint8Array<ArrayBuffer>[]} */
  #pieces = [];

  /** @param {Uint8Array<ArrayBuffer>} piece */
  async write(piece) {
    this.#pieces.push(piece);
  }

  async restart() {
    this.#pieces = [];
  }

  async sha256() {
    const digest = await globalThis.crypto?.subtle?.digest("SHA-256", this.#whole());
    if (digest === undefined) return null; // a page that came without TLS
    return Array.from(new Uint8Array(digest), (b) => b.toString(16).padStart(2, "0")).join("");
  }

  async finish() {
    return { path: null, content: this.#whole() };
  }

  async abandon() {
    this.#pieces = [];
  }

  /** Return all in one piece; a second time it is the same one. */
  #whole() {
    if (this.#pieces.length !== 1) {
      const whole = new Uint8Array(this.#pieces.reduce((sum, { length }) => sum + length, 0));
      let at = 0;
      for (const piece of this.#pieces) {
        whole.set(piece, at);
        at += piece.length;
      }
      this.#pieces = [whole];
    }
    return this.#pieces[0];
  }
}

function disk() {
  const [files, paths, urls] = ["node:fs/promises", "node:path", "node:url"].map(builtin);
  if (!files || !paths || !urls) {
    throw new Unsendable(
      "There is no disk here to write to. Leave the target out to have the film in memory, or " +
        "give a WritableStream.",
    );
  }
  return { files, paths, urls };
}

/**
 * @param {string} name
 * @returns {any}
 */
function builtin(name) {
  return /** @type {any} */ (globalThis).process?.getBuiltinModule?.(name);
}
