/** Films: posters on the real cursor, live while they are seen. */

import { at, get } from "../api.js";
import { isFinal, lookAt } from "../films/follow.js";
import { Tile } from "../films/tile.js";
import {
  Empty,
  Failure,
  Field,
  Head,
  Strip,
  Waiting,
  html,
  useCallback,
  useData,
  useEffect,
  useRef,
  useState,
} from "../ui.js";

const PAGE = 24;
const EVERY_MS = 4000;
const OLD_MAX = 6;
const WORDS = [
  { value: "", label: "All" },
  { value: "queued", label: "Queued" },
  { value: "in_progress", label: "In progress" },
  { value: "succeeded", label: "Succeeded" },
  { value: "failed", label: "Failed" },
];

export function Films({ query }) {
  const status = query.get("status") ?? "";
  const model = query.get("model") ?? "";
  const go = (part) => {
    location.hash = at("#/films", { status, model, ...part });
  };
  const models = useData((signal) => get("/v1/models", { signal }));
  const reel = useReel(status, model);
  return html`
    <${Head} title="Films" actions=${html`<a class="button first" href="#/">Make a film</a>`}>
      Everything this key's account has asked for, newest first.
    <//>
    <div class="filters" role="search" aria-label="Filters">
      <${Strip} label="Status" options=${WORDS} value=${status} onPick=${(word) => go({ status: word })} />
      <${Field} label="Model">
        ${(
          ids,
        ) => html`<select ...${ids} value=${model} onChange=${(event) => go({ model: event.currentTarget.value })}>
          <option value="">All models</option>
          ${namesOf(models.data, model).map((id) => html`<option key=${id} value=${id} selected=${id === model}>${id}</option>`)}
        </select>`}
      <//>
    </div>
    <${Gallery} reel=${reel} isFiltered=${Boolean(status || model)} />
  `;
}

/** Models that may be filtered by; one that is gone stays while the address names it. */
function namesOf(told, model) {
  const names = (told?.data ?? []).map((one) => one.id);
  return model && !names.includes(model) ? [model, ...names] : names;
}

function Gallery({ reel, isFiltered }) {
  const { films, error, isLoading, hasMore, more, news } = reel;
  const end = useRef(null);
  useEffect(() => {
    if (!hasMore) return undefined;
    const watching = new IntersectionObserver(
      (entries) => entries.at(-1).isIntersecting && more(),
      { rootMargin: "600px" },
    );
    watching.observe(end.current);
    return () => watching.disconnect();
  }, [hasMore, more, films.length]);
  return html`<div class="stack wide">
    <p class="unseen" role="status">${news}</p>
    <${Failure} error=${error} onRetry=${more} />
    ${
      films.length > 0 &&
      html`<div class="tiles">
      ${films.map((film) => html`<${Tile} key=${film.id} film=${film} onFacts=${reel.onFacts} />`)}
    </div>`
    }
    ${isLoading && html`<${Skeleton} count=${films.length ? 4 : 8} />`}
    ${
      !isLoading &&
      !error &&
      films.length === 0 &&
      (isFiltered
        ? html`<${Empty} title="No film is like that" action=${html`<a class="button" href="#/films">Show all films</a>`}>Nothing of this account has that status and model.<//>`
        : html`<${Empty} title="No films yet" action=${html`<a class="button first" href="#/">Make the first film</a>`}>A film appears here the moment it is asked for: from this console, a program, or the command line.<//>`)
    }
    <div class="row center" ref=${end}>
      ${hasMore && !isLoading && html`<button class="button" type="button" onClick=${more}>Load more</button>`}
      ${!hasMore && films.length > PAGE && html`<span class="soft small">That is all: ${films.length} films.</span>`}
    </div>
  </div>`;
}

function Skeleton({ count }) {
  return html`<div class="tiles" role="status"><span class="unseen">Loading films</span>
    ${Array.from({ length: count }, (_, n) => html`<div key=${n} class="tile" aria-hidden="true"><span class="tile-picture wait"></span></div>`)}
  </div>`;
}

/** Return an item of either list as a Video, or as much of one as the leaner list tells. */
function filmOf(item) {
  if (item.object === "video") return item;
  const error = item.error?.code === 499 ? { ...item.error, code: "canceled" } : item.error;
  return {
    ...item,
    id: item.task_id,
    status: item.status === "succeeded" ? "completed" : item.status,
    error,
  };
}

/** Ask for a page. Only the leaner list takes filters; what it leaves out is asked for film by film. */
async function pageOf({ status, model, after, signal }) {
  const isFiltered = status || model;
  const path = isFiltered ? "/v1/video/generations" : "/v1/videos";
  const told = await get(at(path, { limit: PAGE, after, status, model }), { signal });
  return { films: told.data.map(filmOf), hasMore: told.has_more, lastId: told.last_id };
}

/** A list that grows at its end by the cursor, and at its top by what is new. */
function useReel(status, model) {
  const [state, setState] = useState({
    films: [],
    error: null,
    isLoading: true,
    hasMore: false,
    lastId: null,
    news: "",
  });
  const now = useRef(state);
  now.current = state;
  const leaving = useRef(new AbortController());
  const change = (part) =>
    setState((old) => ({ ...old, ...(typeof part === "function" ? part(old) : part) }));

  const load = useCallback(
    async (after) => {
      const { signal } = leaving.current;
      change({ isLoading: true, error: null });
      try {
        const page = await pageOf({ status, model, after, signal });
        if (signal.aborted) return;
        change((old) => ({
          films: after ? joined(old.films, page.films) : page.films,
          hasMore: page.hasMore,
          lastId: page.lastId ?? old.lastId,
          isLoading: false,
        }));
      } catch (error) {
        if (!signal.aborted) change({ error, isLoading: false });
      }
    },
    [status, model],
  );

  useEffect(() => {
    leaving.current = new AbortController();
    setState({ films: [], error: null, isLoading: true, hasMore: false, lastId: null, news: "" });
    load(null);
    return () => leaving.current.abort();
  }, [load]);

  useEffect(() => {
    const again = async () => {
      if (document.hidden || now.current.isLoading || now.current.error) return;
      await refresh({ status, model, signal: leaving.current.signal, now, change });
    };
    const timer = setInterval(again, EVERY_MS);
    document.addEventListener("visibilitychange", again);
    return () => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", again);
    };
  }, [status, model]);

  const more = useCallback(() => {
    if (!now.current.isLoading) load(now.current.lastId);
  }, [load]);
  const onFacts = useCallback(
    (video) =>
      change((old) => ({ films: old.films.map((film) => (film.id === video.id ? video : film)) })),
    [],
  );
  return { ...state, more, onFacts };
}

/** Look at the top of the list again, and at what is unfinished further down. */
async function refresh({ status, model, signal, now, change }) {
  try {
    const page = await pageOf({ status, model, signal });
    const oldest = page.films.at(-1)?.id;
    const below = now.current.films
      .filter((film) => oldest && film.id < oldest && !isFinal(film))
      .slice(0, OLD_MAX);
    const looked = await Promise.all(
      below.map((film) =>
        lookAt(film.id, signal).then(
          ({ video }) => video,
          () => null,
        ),
      ),
    );
    if (signal.aborted) return;
    change((old) => topped(old, page, looked.filter(Boolean)));
  } catch {
    // The next round says more; what is shown stays as it was.
  }
}

/** Put the newest page on top: what is new comes in, what changed changes, what is gone goes. */
function topped(old, page, looked) {
  const known = new Map(old.films.map((film) => [film.id, film]));
  const top = page.films.map((film) => withKnown(known.get(film.id), film));
  const oldest = page.hasMore ? page.films.at(-1).id : "";
  const below = old.films
    .filter((film) => film.id < oldest)
    .map((film) => looked.find((one) => one.id === film.id) ?? film);
  const ended = top.filter(
    (film) => isFinal(film) && known.has(film.id) && !isFinal(known.get(film.id)),
  );
  const fresh = top.filter((film) => !known.has(film.id));
  return {
    films: [...top, ...below],
    hasMore: below.length ? old.hasMore : page.hasMore,
    lastId: below.at(-1)?.id ?? page.lastId,
    news: newsOf(fresh, ended) || old.news,
  };
}

/** What the leaner list leaves out, or tells in numbers, stays as it is known in words. */
function withKnown(known, film) {
  if (!known) return film;
  const isTold = known.prompt !== undefined && isFinal(known);
  return { ...known, ...film, error: isTold ? known.error : film.error };
}

function newsOf(fresh, ended) {
  const done = ended.filter((film) => film.status === "completed").length;
  const failed = ended.length - done;
  return [
    fresh.length && `${fresh.length} new.`,
    done && `${done} finished.`,
    failed && `${failed} failed.`,
  ]
    .filter(Boolean)
    .join(" ");
}

function joined(films, more) {
  const known = new Set(films.map((film) => film.id));
  return [...films, ...more.filter((film) => !known.has(film.id))];
}
