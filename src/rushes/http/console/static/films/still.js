/** Pictures of a film: loaded when they come near, let go when they are far. */

import { blobUrl } from "../api.js";
import { html, useEffect, useRef, useState } from "../ui.js";
import { videoPath } from "./follow.js";

const NEAR = "900px";
/** The ratio of the places that posters have. */
const SEAT = 16 / 9;
const COLUMNS = 5;
const ROWS = 2;
const STILLS = COLUMNS * ROWS;
const STEP_MS = 450;

/** Whether an element is near what is seen. */
function useNear(ref) {
  const [isNear, setNear] = useState(false);
  useEffect(() => {
    const watching = new IntersectionObserver((entries) => setNear(entries.at(-1).isIntersecting), {
      rootMargin: NEAR,
    });
    watching.observe(ref.current);
    return () => watching.disconnect();
  }, []);
  return isNear;
}

/** Load a variant of a film's content while it is wanted: `{src, error}`. */
export function usePicture(id, variant, isWanted) {
  const [state, setState] = useState({ src: null, error: null });
  useEffect(() => {
    if (!isWanted) return undefined;
    const leaving = new AbortController();
    let src = null;
    blobUrl(`${videoPath(id, "/content")}?variant=${variant}`, { signal: leaving.signal }).then(
      (made) => {
        src = made;
        if (leaving.signal.aborted) URL.revokeObjectURL(made);
        else setState({ src: made, error: null });
      },
      (error) => leaving.signal.aborted || setState({ src: null, error }),
    );
    return () => {
      leaving.abort();
      if (src) URL.revokeObjectURL(src);
      setState({ src: null, error: null });
    };
  }, [id, variant, isWanted]);
  return state;
}

/** Return `WxH` as a ratio, 16:9 where it says nothing. */
export function ratioOf(size) {
  const [wide, high] = String(size ?? "")
    .split("x")
    .map(Number);
  return wide && high ? wide / high : 16 / 9;
}

/**
 * The poster of a finished film, which shows its ten stills under the pointer, and one after the
 * other while `isFocused`. `onGone` hears that retention has removed it.
 */
export function Poster({ id, size, isFocused, onGone }) {
  const ref = useRef(null);
  const isNear = useNear(ref);
  const [still, setStill] = useState(null);
  const [isEager, setEager] = useState(false);
  const poster = usePicture(id, "thumbnail", isNear);
  const sheet = usePicture(id, "spritesheet", isNear && isEager);
  useEffect(() => {
    if (poster.error?.code === "artifact_expired") onGone?.();
  }, [poster.error]);
  useEffect(() => {
    if (!isFocused) return undefined;
    setEager(true);
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) return undefined;
    const step = setInterval(() => setStill((n) => ((n ?? -1) + 1) % STILLS), STEP_MS);
    return () => {
      clearInterval(step);
      setStill(null);
    };
  }, [isFocused]);
  const move = (event) => {
    if (event.pointerType === "touch") return;
    setEager(true);
    const box = ref.current.getBoundingClientRect();
    const part = (event.clientX - box.left) / box.width;
    setStill(Math.max(0, Math.min(STILLS - 1, Math.floor(part * STILLS))));
  };
  const ratio = ratioOf(size);
  const fit = ratio < SEAT ? "tall" : "wide";
  return html`<span
    class="poster"
    ref=${ref}
    onPointerMove=${move}
    onPointerLeave=${() => setStill(null)}
  >
    ${poster.src && html`<img class=${fit} src=${poster.src} alt="" style=${`aspect-ratio:${ratio}`} />`}
    ${poster.error && html`<span class="poster-words">${poster.error.code === "artifact_expired" ? "The film was removed: its time was over." : "The picture could not be loaded."}</span>`}
    ${still !== null && sheet.src && html`<${Sheet} src=${sheet.src} still=${still} ratio=${ratio} fit=${fit} />`}
  </span>`;
}

function Sheet({ src, still, ratio, fit }) {
  const across = ((still % COLUMNS) / (COLUMNS - 1)) * 100;
  const down = (Math.floor(still / COLUMNS) / (ROWS - 1)) * 100;
  const look = `aspect-ratio:${ratio};background-image:url("${src}");background-position:${across}% ${down}%`;
  return html`<span class=${`sheet-still ${fit}`} style=${look}></span>
    <span class="scrub"><span style=${`width:${((still + 1) / STILLS) * 100}%`}></span></span>`;
}
