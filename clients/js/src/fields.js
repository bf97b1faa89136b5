/**
 * The fields of a JSON object that somebody else wrote: each is what it should be, or told.
 */

import { UnexpectedAnswer } from "./errors.js";

const EXCERPT_CHARACTERS_MAX = 80;

/**
 * Read a JSON object.
 *
 * @param {string} text
 */
export function parse(text) {
  try {
    return new Fields(JSON.parse(text));
  } catch (error) {
    if (error instanceof UnexpectedAnswer) throw error;
    throw new UnexpectedAnswer(`JSON was due, and this came: ${excerpt(text)}.`);
  }
}

/** An object, field by field. */
export class Fields {
  /** @type {Readonly<Record<string, unknown>>} */
  #object;

  /** @param {unknown} value */
  constructor(value) {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw new UnexpectedAnswer(`An object was due, and this came: ${excerpt(value)}.`);
    }
    this.#object = /** @type {Record<string, unknown>} */ (value);
  }

  /** @param {string} name */
  raw(name) {
    return Object.hasOwn(this.#object, name) ? this.#object[name] : undefined;
  }

  /** @param {string} name */
  isObject(name) {
    const value = this.raw(name);
    return typeof value === "object" && value !== null && !Array.isArray(value);
  }

  /** @param {string} name */
  fields(name) {
    return new Fields(this.raw(name));
  }

  /** @param {string} name */
  text(name) {
    return this.#need(name, this.maybeText(name));
  }

  /**
   * @param {string} name
   * @returns {string | null}
   */
  maybeText(name) {
    const value = this.raw(name) ?? null;
    if (value === null || typeof value === "string") return value;
    throw this.#strange(name);
  }

  /** @param {string} name */
  flag(name) {
    const value = this.raw(name);
    if (typeof value === "boolean") return value;
    throw this.#strange(name);
  }

  /** @param {string} name */
  number(name) {
    const value = this.raw(name);
    if (typeof value === "number") return value;
    throw this.#strange(name);
  }

  /** @param {string} name */
  int(name) {
    return this.#need(name, this.maybeInt(name));
  }

  /**
   * Return a whole number, which the videos dialect writes as text in places.
   *
   * @param {string} name
   * @returns {number | null}
   */
  maybeInt(name) {
    const value = this.raw(name) ?? null;
    if (value === null) return null;
    const number = typeof value === "string" && /^-?[0-9]{1,15}$/.test(value) ? +value : value;
    if (typeof number === "number" && Number.isSafeInteger(number)) return number;
    throw this.#strange(name);
  }

  /** @param {string} name */
  moment(name) {
    return this.#need(name, this.maybeMoment(name));
  }

  /**
   * Return an instant, which comes as Unix seconds.
   *
   * @param {string} name
   */
  maybeMoment(name) {
    const seconds = this.maybeInt(name);
    return seconds === null ? null : new Date(seconds * 1000);
  }

  /**
   * @param {string} name
   * @returns {unknown[]}
   */
  items(name) {
    const value = this.raw(name);
    if (Array.isArray(value)) return value;
    throw this.#strange(name);
  }

  /**
   * Return the texts of a list; others in it are left out.
   *
   * @param {string} name
   */
  texts(name) {
    return this.items(name).filter((item) => typeof item === "string");
  }

  /**
   * Return the numbers of a list; others in it are left out.
   *
   * @param {string} name
   */
  numbers(name) {
    return this.items(name).filter((item) => typeof item === "number");
  }

  /**
   * @template T
   * @param {string} name
   * @param {T | null} value
   * @returns {T}
   */
  #need(name, value) {
    if (value === null) throw this.#strange(name);
    return value;
  }

  /** @param {string} name */
  #strange(name) {
    return new UnexpectedAnswer(`"${name}" came as ${excerpt(this.raw(name))}.`);
  }
}

/** @param {unknown} value */
function excerpt(value) {
  const text = typeof value === "string" ? value : (JSON.stringify(value) ?? "nothing");
  const short = text.slice(0, EXCERPT_CHARACTERS_MAX);
  return short.length < text.length ? `${short}…` : short;
}
