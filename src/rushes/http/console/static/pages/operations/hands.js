/** What needs a hand, the worst first: each with its number, a sentence, and where to act. */

import { bytes, day, since } from "../../format.js";
import { dated, retiring } from "./models.js";
import { short, some } from "./words.js";

const MADE = new Set(["late", "ready"]);
/** A process that was silent for longer is taken for dead by the others. */
const SILENT_S_MAX = 10;
/** So many late films are told one by one. */
const SHOWN = 3;
/** Below 512 MiB, unless the settings say otherwise, new tasks are refused; this is spoken of. */
const FREE_BYTES_LITTLE = 2 * 2 ** 30;

export const isAlive = (process) => process.silent_s !== null && process.silent_s <= SILENT_S_MAX;

/** A list that was cut at 100 says so: `100 or more`. */
const counted = (told) => (told.next ? `${told.data.length} or more` : String(told.data.length));

/** `{about, of?, tone, count, text, verb, href}` for each thing that an operator should look at. */
export function handsOf(house) {
  return [...doubtful(house), ...late(house), ...routed(house), ...dead(house), ...housed(house), ...leaving(house)].sort(
    (one, other) => (one.tone === "bad" ? 0 : 1) - (other.tone === "bad" ? 0 : 1),
  );
}

function doubtful({ doubts }) {
  const told = doubts.data;
  if (!told?.data.length) return [];
  const number = told.data.length;
  const isOne = number === 1 && !told.next;
  return [{
    about: "doubts", tone: "bad", count: number,
    text: `${isOne ? "A task is" : `${counted(told)} tasks are`} in doubt: the provider never answered${told.data.some((one) => one.is_billable) ? `, and may bill ${isOne ? "it" : "them"}` : ""}. The next is given up ${since(Math.min(...told.data.map((one) => one.deadline_at ?? Infinity)))}.`,
    verb: "Decide", href: "#/operations/doubts",
  }];
}

function late({ salvage }) {
  const all = salvage.data?.data ?? [];
  const made = all.filter((submit) => MADE.has(submit.verdict));
  const open = all.filter((submit) => submit.verdict === "doubt").length;
  const hands = made.slice(0, SHOWN).map((submit) => ({
    about: "salvage", tone: "bad", count: 1, of: short(submit.task_id),
    text: `${submit.provider} made the film of ${short(submit.task_id)} after we had given up: paid for, and not delivered. Its link dies soon.`,
    verb: "Adopt", href: `#/operations/salvage?adopt=${submit.task_id}`,
  }));
  if (made.length > SHOWN) {
    hands.push({
      about: "salvage", tone: "bad", count: made.length - SHOWN,
      text: `${some(made.length - SHOWN, "more film")} came too late.`,
      verb: "Look", href: "#/operations/salvage",
    });
  }
  if (open) {
    hands.push({
      about: "salvage", tone: "warn", count: open,
      text: `${some(open, "ended task")} never got an answer: look for ${open === 1 ? "it" : "them"} in the provider’s own list.`,
      verb: "Look", href: "#/operations/salvage",
    });
  }
  return hands;
}

/** A route is told once, whichever models go by it. */
export function routesOnce(fares) {
  const found = new Map();
  for (const fare of fares) {
    const name = `${fare.provider}/${fare.upstream_model}`;
    const known = found.get(name);
    found.set(name, known ? { ...known, models: [...known.models, fare.model] } : { ...fare, name, models: [fare.model] });
  }
  return [...found.values()];
}

const retried = ({ open_until: until }) =>
  until && until > Date.now() / 1000 ? `it is tried again ${since(until)}` : "the next task tries it";

function routed({ routes }) {
  return routesOnce(routes.data?.data ?? [])
    .filter((route) => route.state !== "closed")
    .map((route) => {
      const why = route.note ? `: ${route.note}` : "";
      const text = {
        open: `${route.name} is left alone after ${some(route.fault_count, "fault")} in a row; ${retried(route)}${why}`,
        probing: `${route.name} is tried by one task; the others wait${why}`,
        retired: `${route.name} is retired upstream: no task goes there${why}`,
      }[route.state];
      return { about: "routes", tone: route.state === "probing" ? "warn" : "bad", count: 1, text, verb: "Look", href: "#/operations/routes" };
    });
}

function dead({ dead: posts }) {
  const told = posts.data;
  if (!told?.data.length) return [];
  const addresses = new Set(told.data.map((post) => post.url)).size;
  return [{
    about: "deliveries", tone: "warn", count: told.data.length,
    text: `${counted(told)} webhook${told.data.length === 1 ? " was" : "s were"} given up, at ${some(addresses, "address", "addresses")}.`,
    verb: "Re-deliver", href: "#/operations/deliveries?state=dead",
  }];
}

function housed({ system }) {
  const told = system.data;
  if (!told) return [];
  const hand = (tone, text) => ({ about: "system", tone, count: 1, text, verb: "Look", href: "#/operations" });
  const hands = Object.entries(told.checks)
    .filter(([, word]) => word !== "ok")
    .map(([name, word]) => hand("bad", `The server is not ready: ${name} is ${word}.`));
  for (const [what, free] of Object.entries(told.free_bytes)) {
    if (free !== null && free < FREE_BYTES_LITTLE) {
      hands.push(hand("bad", `Only ${bytes(free)} are free where ${what === "films" ? "films" : "the data folder"} lie: make room before new tasks are refused.`));
    }
  }
  if (!told.processes.some((one) => one.roles.includes("worker") && isAlive(one))) {
    hands.push(hand("bad", "No process carries tasks: what is queued stays queued. Start rushes worker, or rushes serve."));
  }
  return hands;
}

function leaving({ system, models }) {
  const now = Date.now() / 1000;
  return retiring(system.data, models.data?.data, now).map((model) => {
    const at = dated(model.retires_at);
    return {
      about: "models", tone: "warn", count: 1,
      text: `${model.model} is retired by its maker on ${day(at)}, ${since(at)}${model.successor ? `: move to ${model.successor}` : ", without a successor"}.`,
      verb: "Look", href: "#/operations/models",
    };
  });
}
