/**
 * Where a film goes: a path, a stream of the caller's, or memory.
 *
 * A path is written under another name beside it and renamed when the film is whole, so that
 * nobody ever finds half a film under the name that was asked for. Where a later call is to take it
 * up, the half stays under that other name, with the ETag that says of which film. What is there
 * and is no file, such as /dev/null or a pipe, is written to and not replaced.
 *
 * @import { Target, Variant } from "./types.js"
 */

import { Unsendable } from "./errors.js";
import { builtin } from "./runtime.js";

const PIECE_BYTES = 1 << 20;

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
 * @property {() => Promise<Finished>} finish
 * @property {() => Promise<void>} abandon
 * @property {() => Promise<string | null>} [sha256] Of all that was written, in hex.
 * @property {(add: (piece: Uint8Array) => void) => Promise<Kept | null>} [kept] What an earlier
 *   call left here, piece by piece.
 * @property {(etag: string | null) => Promise<void>} [note] Hear of which film the bytes are that
 *   follow; null: nobody could tell later.
 */

/** @typedef {{ sizeBytes: number, etag: string }} Kept */

/**
 * @param {Target} target
 * @param {string} id
 * @param {Variant} variant
 * @param {boolean} isResumed
 * @returns {Promise<Sink>}
 */
export async function openSink(target, id, variant, isResumed) {
  const isPath = typeof target === "string" || target instanceof URL;
  if (isResumed && !isPath) throw notResumable();
  if (target === undefined) return new MemorySink();
  if (!isPath) return new StreamSink(target);
  const { files, paths, urls } = disk();
  let path = target instanceof URL ? urls.fileURLToPath(target) : target;
  const there = await files.stat(path).catch(() => null);
  if (there?.isDirectory()) path = paths.join(path, `${id}${ENDINGS[variant]}`);
  else if (there !== null && !there.isFile()) {
    if (isResumed) throw notResumable();
    return new DeviceSink(path, await files.open(path, "w"));
  }
  const whole = await files.realpath(path).catch(() => path); // links are followed
  const mark = isResumed ? "" : `.${crypto.randomUUID().slice(0, 8)}`;
  const part = paths.join(paths.dirname(whole), `.${paths.basename(whole)}${mark}.part`);
  if (!isResumed) return new FileSink(files, path, whole, part, await files.open(part, "wx"));
  const handle = await files.open(part, "r+").catch(() => files.open(part, "w+"));
  return new PartSink(files, path, whole, part, handle);
}

/** Writes to a file, which gets its name when it is whole. */
class FileSink {
  #target;
  #path;
  #isOpen = true;
  at = 0;

  /**
   * @param {any} files
   * @param {string} path As the caller wrote it.
   * @param {string} target Where it leads.
   * @param {string} part
   * @param {any} handle Of the part.
   */
  constructor(files, path, target, part, handle) {
    this.files = files;
    this.part = part;
    this.handle = handle;
    this.#path = path;
    this.#target = target;
  }

  /** @param {Uint8Array<ArrayBuffer>} piece */
  async write(piece) {
    for (let done = 0; done < piece.length;) {
      const { bytesWritten } = await this.handle.write(piece, done, undefined, this.at);
      done += bytesWritten;
      this.at += bytesWritten;
    }
  }

  async restart() {
    await this.handle.truncate(0);
    this.at = 0;
  }

  /** The bytes are on the disk then, as the server's copy may be deleted next. */
  async finish() {
    await this.handle.sync();
    await this.close();
    await this.files.rename(this.part, this.#target);
    return { path: this.#path, content: null };
  }

  async abandon() {
    await this.close();
    await this.files.rm(this.part, { force: true });
  }

  async close() {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    await this.handle.close();
  }
}

/** Writes under a name that a later call finds again; one call at a time. */
class PartSink extends FileSink {
  get #tag() {
    return `${this.part}.etag`;
  }

  /**
   * @param {(piece: Uint8Array) => void} add
   * @returns {Promise<Kept | null>}
   */
  async kept(add) {
    const etag = await this.files.readFile(this.#tag, "latin1").catch(() => "");
    if (!/^"[!#-~]*"$/.test(etag)) {
      await this.restart(); // nobody knows of which film this is
      return null;
    }
    const piece = new Uint8Array(PIECE_BYTES);
    for (;;) {
      const { bytesRead } = await this.handle.read(piece, 0, PIECE_BYTES, this.at);
      if (bytesRead === 0) return this.at === 0 ? null : { sizeBytes: this.at, etag };
      add(piece.subarray(0, bytesRead));
      this.at += bytesRead;
    }
  }

  /** @param {string | null} etag */
  async note(etag) {
    if (etag !== null) await this.files.writeFile(this.#tag, etag, "latin1");
  }

  /**
   * The name of the film goes first, so that it never stands at another's.
   *
   * @override
   */
  async restart() {
    await this.files.rm(this.#tag, { force: true });
    await super.restart();
  }

  /** @override */
  async finish() {
    const finished = await super.finish();
    await this.files.rm(this.#tag, { force: true });
    return finished;
  }

  /**
   * What has come stays for the next call.
   *
   * @override
   */
  async abandon() {
    await this.close();
    const isNoted = await this.files.stat(this.#tag).catch(() => null);
    if (isNoted === null) await this.files.rm(this.part, { force: true });
  }
}

/** Writes to a device or a pipe, which is there before and after. */
class DeviceSink {
  #path;
  #handle;
  #isOpen = true;

  /**
   * @param {string} path
   * @param {any} handle
   */
  constructor(path, handle) {
    this.#path = path;
    this.#handle = handle;
  }

  /** @param {Uint8Array<ArrayBuffer>} piece */
  async write(piece) {
    for (let done = 0; done < piece.length;) {
      done += (await this.#handle.write(piece, done)).bytesWritten;
    }
  }

  async restart() {
    throw new Error("the film must be written anew, and a device cannot go back");
  }

  async finish() {
    await this.abandon();
    return { path: this.#path, content: null };
  }

  async abandon() {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    await this.#handle.close();
  }
}

/** Writes to a stream of the caller's, which is closed with the film and aborted without it. */
class StreamSink {
  #writer;
  #isFresh = true;
  #isOpen = true;

  /** @param {WritableStream<Uint8Array<ArrayBuffer>>} stream */
  constructor(stream) {
    this.#writer = stream.getWriter();
  }

  /** @param {Uint8Array<ArrayBuffer>} piece */
  async write(piece) {
    this.#isFresh = false;
    await this.#writer.write(piece);
  }

  async restart() {
    if (this.#isFresh) return;
    throw new Error("the film must be written anew, and a stream cannot go back");
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

function notResumable() {
  return new Unsendable("resume goes with the path of a file, or with a folder.");
}
