/** The screen of the playground: what is to come, how far it is, and then the film. */

import { ask, blobUrl } from "../api.js";
import { lasting, money } from "../format.js";
import { toast } from "../toasts.js";
import { Badge, Confirm, Copy, Failure, html, useEffect, useRef, useState } from "../ui.js";
import { adviceOf } from "./advice.js";
import { generationPath, isExpired, isFinal, useTask, videoPath, wordOf } from "./follow.js";
import { Progress } from "./tile.js";
import { ratioOf } from "./still.js";

/** A screen in the ratio of its film. */
export function Screen({ size, children, label }) {
  const ratio = ratioOf(size);
  return html`<div class="screen" role="group" aria-label=${label}>
    <div class=${`screen-frame ${ratio < 1.2 ? "tall" : ""}`} style=${`aspect-ratio:${ratio};--ratio:${ratio}`}>${children}</div>
  </div>`;
}

/** What the form would make. */
export function Blank({ form, size }) {
  return html`<${Screen} size=${size} label="Screen">
    <div class="screen-words blank">
      <span class="screen-size">${size.replace("x", "×")}</span>
      <span>${form.seconds > 0 ? lasting(form.seconds) : "as long as the provider likes"}${form.hasAudio ? ", with sound" : ""}</span>
    </div>
  <//>`;
}

const isStill = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

/** The film itself, played from its link; at once where somebody has waited for it. */
export function Player({ video, url, onLost, isFresh = false }) {
  const [isLost, setLost] = useState(false);
  useEffect(() => setLost(false), [url]);
  return html`<${Screen} size=${video.size} label="Screen">
    ${
      isLost
        ? html`<div class="screen-words">
          <span>The film could not be played.</span>
          ${onLost && html`<button class="button slim" type="button" onClick=${onLost}>Ask for a new link</button>`}
        </div>`
        : html`<video
          key=${url}
          src=${url}
          controls
          playsinline
          preload="auto"
          autoplay=${isFresh && !isStill()}
          aria-label=${`Film: ${(video.prompt ?? video.id).slice(0, 120)}`}
          onError=${() => setLost(true)}
        ></video>`
    }
  <//>`;
}

/** Say how an unfinished task stands. */
export function standing({ video, position, etaS }) {
  if (video.status === "queued")
    return position ? `Waiting, number ${position} in line` : "Waiting in line";
  if (!etaS) return "In the making";
  return `In the making, about ${lasting(etaS)} left`;
}

/** A task that was just asked for, until it plays. `sent` holds its id and what was asked. */
export function Live({ sent, onFinal }) {
  const { look, url, error, reload } = useTask(sent.id);
  const heading = useRef(null);
  const [isAsking, setAsking] = useState(false);
  useEffect(() => {
    if (sent.isNew) heading.current.focus({ preventScroll: innerWidth > 900 });
  }, [sent.id]);
  useEffect(() => {
    if (look && isFinal(look.video)) onFinal?.(look.video);
  }, [look?.video.status]);
  const video = look?.video ?? {
    id: sent.id,
    status: "queued",
    progress: 0,
    size: sent.size,
    prompt: sent.prompt,
  };
  const word = wordOf(video);
  const words = isFinal(video)
    ? word === "succeeded"
      ? "Your film is ready"
      : adviceOf(video.error?.code).headline
    : standing(look ?? { video });
  return html`<div class="stack live">
    ${
      url
        ? html`<${Player} video=${video} url=${url} onLost=${reload} isFresh=${sent.isNew} />`
        : html`<${Screen} size=${video.size} label="Screen">
          <div class="screen-words">
            <span class="screen-size">${isFinal(video) ? word.replaceAll("_", " ") : `${video.progress} %`}</span>
            <span>${isFinal(video) ? "There is no film." : standing(look ?? { video })}</span>
          </div>
        <//>`
    }
    <p class="unseen" role="status">${words}</p>
    <div class="row live-head">
      <h2 tabindex="-1" ref=${heading}>${words}</h2>
      <${Badge} word=${word} />
      ${look?.isRehearsal && html`<${Badge} word="rehearsal" />`}
      ${look?.cost != null && html`<span class="soft small">${money(look.cost)}</span>`}
    </div>
    ${!isFinal(video) && html`<${Progress} value=${video.progress} label="Progress" />`}
    ${video.status === "failed" && html`<${Reason} video=${video} />`}
    <${Failure} error=${error} onRetry=${reload} />
    <div class="row">
      ${url && html`<${Download} video=${video} />`}
      <a class="button" href=${`#/films/${video.id}`}>What happened</a>
      ${look && !isFinal(video) && html`<button class="button danger push" type="button" onClick=${() => setAsking(true)}>Cancel</button>`}
    </div>
    ${isAsking && html`<${CancelFilm} id=${video.id} onClose=${() => setAsking(false)} onDone=${reload} />`}
    <dl class="facts small">
      <dt>Film</dt><dd><${Copy} text=${video.id} /></dd>
      ${sent.key && html`<dt>Idempotency-Key</dt><dd><${Copy} text=${sent.key} />${sent.isReplay && html`<span class="soft">The answer was given before: it was made once.</span>`}</dd>`}
      ${sent.ignored && html`<dt>Had no effect</dt><dd><code>${sent.ignored}</code></dd>`}
      ${sent.coerced && html`<dt>Changed</dt><dd><code>${sent.coerced}</code></dd>`}
    </dl>
  </div>`;
}

/** Why there is no film, in the wire's words and ours, and what to do. */
export function Reason({ video }) {
  const { next } = adviceOf(video.error?.code);
  return html`<div class=${`note ${video.error?.code === "canceled" ? "warn" : "bad"}`}>
    <p><strong>${video.error?.message ?? "No reason was kept."}</strong></p>
    <p>${next}</p>
    <p class="small"><code>${video.error?.code}</code></p>
  </div>`;
}

const NAMES = { video: "mp4", thumbnail: "webp", last_frame: "webp", spritesheet: "jpg" };

/** Bring a film or a still home, with the key in a header. */
export function Download({ video, variant = "video", label = "Download", isQuiet = false }) {
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState(null);
  const save = async () => {
    setBusy(true);
    setError(null);
    try {
      const src = await blobUrl(`${videoPath(video.id, "/content")}?variant=${variant}`);
      const name = variant === "video" ? video.id : `${video.id}-${variant.replace("_", "-")}`;
      Object.assign(document.createElement("a"), {
        href: src,
        download: `${name}.${NAMES[variant]}`,
      }).click();
      setTimeout(() => URL.revokeObjectURL(src), 10_000);
    } catch (refused) {
      setError(refused);
    }
    setBusy(false);
  };
  return html`<button class=${`button ${isQuiet ? "slim" : "first"}`} type="button" disabled=${isBusy || isExpired(video)} onClick=${save}>
      ${isBusy ? "Fetching …" : label}
    </button>
    <${Failure} error=${error} />`;
}

/** Ask before a task is stopped. */
export function CancelFilm({ id, onClose, onDone }) {
  const act = async () => {
    await ask("POST", generationPath(id, "/cancel"));
    toast("Canceled.");
    onDone();
  };
  return html`<${Confirm} title="Cancel this film?" verb="Cancel the film" act=${act} onClose=${onClose}>
    <p>It ends at once, and cannot be taken up again. What a provider has begun may still be charged, as this server is set.</p>
  <//>`;
}
