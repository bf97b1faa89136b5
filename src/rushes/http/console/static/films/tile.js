/** One film among others: its picture, its words, and how it stands. */

import { lasting } from "../format.js";
import { Badge, When, html, useEffect, useRef, useState } from "../ui.js";
import { isExpired, isFinal, lookAt, wordOf } from "./follow.js";
import { Poster } from "./still.js";

/** A tile leads to its film. `film` is a Video, or as much of one as a lean list knows. */
export function Tile({ film, onFacts }) {
  const [isFocused, setFocused] = useState(false);
  const [isGone, setGone] = useState(false);
  const ref = useRef(null);
  useEffect(() => {
    if (film.prompt !== undefined) return undefined;
    const leaving = new AbortController();
    const watching = new IntersectionObserver((entries) => {
      if (!entries.at(-1).isIntersecting) return;
      watching.disconnect();
      lookAt(film.id, leaving.signal).then(
        ({ video }) => onFacts(video),
        () => {},
      );
    });
    watching.observe(ref.current);
    return () => {
      watching.disconnect();
      leaving.abort();
    };
  }, [film.id, film.prompt === undefined]);

  const word = wordOf(film);
  const isDone = film.status === "completed" && !isGone && !isExpired(film);
  const title = film.prompt ?? (film.prompt === null ? "Without a prompt" : "…");
  return html`<article class="tile" ref=${ref}>
    <a
      href=${`#/films/${film.id}`}
      aria-label=${`${title.slice(0, 120)}, ${word.replaceAll("_", " ")}`}
      onFocus=${(event) => setFocused(event.currentTarget.matches(":focus-visible"))}
      onBlur=${() => setFocused(false)}
    >
      <span class="tile-picture">
        ${
          isDone
            ? html`<${Poster} id=${film.id} size=${film.size} isFocused=${isFocused} onGone=${() => setGone(true)} />`
            : html`<${Instead} film=${film} word=${word} isGone=${isGone} />`
        }
        ${film.size && isDone && html`<span class="tile-length">${lasting(Number(film.seconds))}</span>`}
      </span>
      <span class="tile-words">
        <span class="tile-title">${title}</span>
        <span class="row small soft tile-facts">
          ${word !== "succeeded" && html`<${Badge} word=${word} />`}
          <span class="cut">${film.model}</span>
          <span class="push"><${When} at=${film.created_at} /></span>
        </span>
      </span>
    </a>
  </article>`;
}

function Instead({ film, word, isGone }) {
  if (film.status === "completed") {
    return html`<span class="poster"><span class="poster-words">${isGone || isExpired(film) ? "The film was removed: its time was over." : ""}</span></span>`;
  }
  if (isFinal(film)) {
    return html`<span class="poster"><span class="poster-words">${film.error?.message ?? word}</span></span>`;
  }
  return html`<span class="poster">
    <span class="poster-words">${film.status === "queued" ? "Waiting in line" : "In the making"}</span>
    <${Progress} value=${film.progress ?? 0} label=${`Progress of ${film.id}`} />
  </span>`;
}

/** How far a film is, to the eye and the ear. */
export function Progress({ value, label }) {
  return html`<span class="bar" role="progressbar" aria-label=${label} aria-valuemin="0" aria-valuemax="100" aria-valuenow=${value}>
    <span style=${`width:${Math.max(2, value)}%`}></span>
  </span>`;
}
