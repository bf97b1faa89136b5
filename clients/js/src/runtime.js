/**
 * What the runtime has beyond the web's own: files, paths and hashes of Node, Deno and Bun. They
 * are asked for by name, so that no bundler for browsers finds an import that it cannot follow.
 *
 * @param {string} name
 * @returns {any}
 */
export function builtin(name) {
  return /** @type {any} */ (globalThis).process?.getBuiltinModule?.(name);
}
