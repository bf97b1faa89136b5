/** Following one task: events wake, looks tell; neither costs anything upstream. */

import { ask, events, get } from "../api.js";
import { useCallback, useEffect, useRef, useState } from "../ui.js";

const GENERATIONS = "/v1/video/generations";
const VIDEOS = "/v1/videos";
const QUICK_MS = 1200;
const CALM_MS = 3000;
const QUICK_FOR_MS = 15_000;
const REPLAY_MS = 1500;

/** Return a path of a task in the dialect that has it. */
export const videoPath = (id, rest = "") => `${VIDEOS}/${encodeURIComponent(id)}${rest}`;
export const generationPath = (id, rest = "") => `${GENERATIONS}/${encodeURIComponent(id)}${rest}`;

/** Whether nothing can happen to a video any more. */
export const isFinal = (video) => video.status === "completed" || video.status === "failed";

/** Return the word that people read: a canceled or expired task is a failed one on the wire. */
export function wordOf(video) {
  if (video.status === "completed") return "succeeded";
  if (video.status === "failed" && ["canceled", "expired"].includes(video.error?.code))
    return video.error.code;
  return video.status;
}

/** Whether retention has removed the film. */
export const isExpired = (video, now = Date.now() / 1000) =>
  video.expires_at != null && video.expires_at <= now;

/** Look once: the video, and what its headers say. */
export async function lookAt(id, signal) {
  const response = await ask("GET", videoPath(id), { signal });
  const number = (name) => (response.headers.has(name) ? Number(response.headers.get(name)) : null);
  return {
    video: await response.json(),
    isRehearsal: response.headers.get("rushes-rehearsal") === "true",
    servedBy: response.headers.get("rushes-model"),
    position: number("rushes-queue-position"),
    etaS: number("rushes-eta-seconds"),
    cost: number("rushes-cost-microusd"),
  };
}

/** Return a fresh signed link to a finished film; null where there is none. */
export async function linkOf(id, signal) {
  const told = await get(generationPath(id), { signal });
  return (told.data ?? told).url ?? null;
}

/**
 * Follow a task until its end: `{look, url, error, told, reload}`.
 *
 * `told` are the public events; `seenAt` (seconds) is there for those that came while watching.
 */
export function useTask(id) {
  const [state, setState] = useState({ look: null, url: null, error: null, told: [] });
  const [turn, setTurn] = useState(0);
  const wake = useRef(() => {});
  const reload = useCallback(() => setTurn((n) => n + 1), []);
  useEffect(() => setState({ look: null, url: null, error: null, told: [] }), [id]);
  useEffect(() => {
    if (!id) return undefined;
    const leaving = new AbortController();
    const { signal } = leaving;
    const change = (part) => signal.aborted || setState((old) => ({ ...old, ...part }));
    let begun = null;
    const hear = (message) => {
      const seenAt = Date.now() - begun > REPLAY_MS ? Date.now() / 1000 : null;
      const told = { number: Number(message.id), status: message.data.status, seenAt };
      setState((old) => ({
        ...old,
        told: [...old.told.filter((one) => one.number !== told.number), told],
      }));
      wake.current();
    };
    const onFound = () => {
      if (begun !== null) return;
      begun = Date.now();
      listen(id, { hear, signal });
    };
    looks(id, { change, wake, onFound, signal }).finally(() =>
      setTimeout(() => leaving.abort(), REPLAY_MS),
    );
    const onSeen = () => document.hidden || wake.current();
    document.addEventListener("visibilitychange", onSeen);
    return () => {
      leaving.abort();
      document.removeEventListener("visibilitychange", onSeen);
    };
  }, [id, turn]);
  return { ...state, reload };
}

async function looks(id, { change, wake, onFound, signal }) {
  const begun = Date.now();
  while (!signal.aborted) {
    try {
      const look = await lookAt(id, signal);
      onFound();
      const url =
        look.video.status === "completed" && !isExpired(look.video)
          ? await linkOf(id, signal)
          : null;
      change({ look, url, error: null });
      if (isFinal(look.video)) return;
    } catch (refused) {
      if (refused.name === "AbortError") return;
      change({ error: refused });
      if (refused.status >= 400 && refused.status < 500 && refused.status !== 429) return;
    }
    const pauseMs = document.hidden
      ? 30_000
      : Date.now() - begun < QUICK_FOR_MS
        ? QUICK_MS
        : CALM_MS;
    await new Promise((resolve) => {
      const timer = setTimeout(resolve, pauseMs);
      wake.current = () => {
        clearTimeout(timer);
        resolve();
      };
      signal.addEventListener("abort", wake.current, { once: true });
    });
  }
}

async function listen(id, { hear, signal }) {
  try {
    for await (const message of events(generationPath(id, "/events"), { signal })) {
      if (message.event === "status") hear(message);
    }
  } catch {
    // Looks go on alone: they say by themselves what is wrong.
  }
}
