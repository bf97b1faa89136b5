/** What needs a hand, the worst first: each with its number, a sentence, and where to act. */

import { bytes, day, since } from "../../format.js";
import { dated, retiring } from "./models.js";
import { some } from "./words.js";

const MADE = new Set(["late", "ready"]);
/** A process that was silent for so long is taken for dead by the others. */
export const SILENT_S_MAX = 10;

/** A list that was cut at 100 says so: `100 or more`. */
const counted = (told) => (told.next ? `${told.data.length} or more` : String(told.data.length));

/** `{about, tone, count, text, verb, href}` for each thing that an operator should look at. */
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
    text: `${isOne ? "A task is" : `${counted(told)} tasks are`} in doubt: the provider never answered, and may bill ${isOne ? "it" : "them"}. The next is given up ${since(Math.min(...told.data.map((one) => one.deadline_at ?? Infinity)))}.`,
    verb: "Decide", href: "#/operations/doubts",
  }];
}

function late({ salvage }) {
  const all = salvage.data?.data ?? [];
  const made = all.filter((submit) => MADE.has(submit.verdict)).length;
  const open = all.filter((submit) => submit.verdict === "doubt").length;
  const hands = [];
  if (made) {
    hands.push({
      about: "salvage", tone: "bad", count: made,
      text: `${some(made, "film")} came after we had given up: paid for, and not delivered. Provider links die soon.`,
      verb: "Adopt", href: "#/operations/salvage",
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

function routed({ routes }) {
  return routesOnce(routes.data?.data ?? [])
    .filter((route) => route.state !== "closed")
    .map((route) => {
      const why = route.note ? `: ${route.note}` : "";
      const text = {
        open: `${route.name} is left alone after ${some(route.fault_count, "fault")} in a row; it is tried again ${route.open_until ? since(route.open_until) : "soon"}${why}`,
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
  const hands = (told.disks ?? [])
    .filter((disk) => disk.free_bytes < 4 * disk.free_bytes_min)
    .map((disk) => ({
      about: "system", tone: disk.free_bytes < disk.free_bytes_min ? "bad" : "warn", count: 1,
      text: `Of ${disk.path} ${bytes(disk.free_bytes)} are free; below ${bytes(disk.free_bytes_min)} new tasks are refused. Make room.`,
      verb: "Look", href: "#/operations",
    }));
  const living = (told.executors ?? []).filter((one) => one.silent_s <= SILENT_S_MAX);
  if (told.executors && !living.length) {
    hands.push({
      about: "system", tone: "bad", count: 1,
      text: "No process carries tasks: what is queued stays queued. Start `rushes worker`, or `rushes serve`.",
      verb: "Look", href: "#/operations",
    });
  }
  return hands;
}

function leaving({ models }) {
  const now = Date.now() / 1000;
  return retiring(models.data?.data ?? [], now).map((model) => {
    const at = dated(model.retires_at);
    const what = at < now ? `was retired by its maker on ${day(at)}` : `is retired by its maker on ${day(at)}, ${since(at)}`;
    return {
      about: "models", tone: at < now ? "bad" : "warn", count: 1,
      text: `${model.id} ${what}${model.successor ? `: move to ${model.successor}` : ", without a successor"}.`,
      verb: "Look", href: "#/operations/models",
    };
  });
}
