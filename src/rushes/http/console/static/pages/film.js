/** One film: the player, what was asked, what it cost, what can be made of it, and its timeline. */

import { ask, at, get } from "../api.js";
import { Derive, verbsOf } from "../films/derive.js";
import { isExpired, isFinal, useTask, videoPath, wordOf } from "../films/follow.js";
import { CancelFilm, Download, Player, Reason, Screen, standing } from "../films/stage.js";
import { Progress } from "../films/tile.js";
import { Trace } from "../films/trace.js";
import { instant, lasting, money } from "../format.js";
import { toast } from "../toasts.js";
import {
  Badge,
  Confirm,
  Copy,
  Empty,
  Failure,
  Head,
  Waiting,
  When,
  html,
  useData,
  useEffect,
  useState,
} from "../ui.js";

const POSTS_MAX = 100;
const EVERY_S = 3;
const TITLE_MAX = 90;

export function Film({ who, rest: id }) {
  const task = useTask(id);
  const isOperator = who.scopes.includes("admin") && !who.is_test && who.operators === "here";
  const video = task.look?.video;
  const isOpen = !video || !isFinal(video);
  const story = useData(
    (signal) =>
      isOperator
        ? get(`/admin/v1/tasks/${encodeURIComponent(id)}`, { signal })
        : Promise.resolve(null),
    [id],
    { everyS: isOpen && isOperator ? EVERY_S : 0 },
  );
  useEffect(() => {
    if (video && story.data) story.reload();
  }, [video?.status]);
  const isForeign = task.error?.status === 404 || (isOperator && task.error?.status === 403);
  if (!video && !isForeign) {
    return html`<${Head} title="Film" /><${Failure} error=${task.error} onRetry=${task.reload} />${!task.error && html`<${Waiting} lines=${6} label="Loading the film" />`}`;
  }
  if (isForeign) return html`<${Elsewhere} id=${id} story=${story} isOperator=${isOperator} />`;
  return html`<${Whole} task=${task} who=${who} story=${story} isOperator=${isOperator} />`;
}

/** A film that this key has not, or not any more; operators still have its story. */
function Elsewhere({ id, story, isOperator }) {
  if (isOperator && story.isLoading && !story.data)
    return html`<${Head} title="Film" /><${Waiting} lines=${6} />`;
  if (!story.data) {
    return html`<${Head} title="Film" /><${Empty} title="There is no such film here" action=${html`<a class="button first" href="#/films">To the films</a>`}>
      <span class="mono">${id}</span> was deleted, or belongs to another account.
    <//>`;
  }
  const failure = story.data.task?.failure;
  return html`<${Head} title="Film">${story.data.headline}<//>
    <div class="stack wide">
      <p class="note">${story.data.task ? "It belongs to another account: operators see its story, not its pictures." : "Its record was removed; what is told here is what the books kept."}</p>
      ${
        failure &&
        html`<div class="note bad">
        <p><strong>${failure.message}</strong></p>
        <p class="small"><code>${failure.reason}</code></p>
      </div>`
      }
      <p><${Copy} text=${id} /></p>
      <${Story} story=${story} id=${id} />
    </div>`;
}

function titleOf(video) {
  const words = video.prompt ?? "Film without a prompt";
  if (words.length <= TITLE_MAX) return words;
  return `${words.slice(0, TITLE_MAX).replace(/\s+\S*$/, "")}…`;
}

function Whole({ task, who, story, isOperator }) {
  const { look, url, error, reload } = task;
  const { video } = look;
  const word = wordOf(video);
  return html`<div class="film-page">
    <p class="back"><a href="#/films"><span aria-hidden="true">← </span>Films</a></p>
    <${Head} title=${titleOf(video)} />
    <div class="row film-state" role="status">
      <${Badge} word=${word} />
      ${look.isRehearsal && html`<${Badge} word="rehearsal" />`}
      <span class="soft">${isFinal(video) ? endOf(video) : standing(look)}</span>
    </div>
    <div class="stack wide">
      <${Failure} error=${error} onRetry=${reload} />
      ${video.status === "failed" && html`<${Reason} video=${video} />`}
      <div class=${`film ${video.status === "failed" ? "without" : ""}`}>
        <div class="stack film-main">
          <${Picture} video=${video} url=${url} look=${look} onLost=${reload} />
          <${Verbs} video=${video} who=${who} reload=${reload} />
        </div>
        <${About} look=${look} />
      </div>
      ${isOperator ? html`<${Story} story=${story} id=${video.id} />` : html`<${PublicStory} video=${video} told=${task.told} />`}
    </div>
  </div>`;
}

function endOf(video) {
  if (video.status === "completed")
    return `ready after ${lasting(video.completed_at - video.created_at)}`;
  return video.error?.code === "canceled" ? "canceled: there is no film" : "there is no film";
}

function Picture({ video, url, look, onLost }) {
  if (url) return html`<${Player} video=${video} url=${url} onLost=${onLost} />`;
  if (video.status === "failed") return null;
  if (video.status === "completed") {
    return html`<${Screen} size=${video.size} label="Screen"><div class="screen-words">
      <span class="screen-size">Removed</span>
      <span>${isExpired(video) ? `Films are kept for a time here; this one's was over on ${instant(video.expires_at)}.` : "The film could not be had."}</span>
    </div><//>`;
  }
  return html`<${Screen} size=${video.size} label="Screen"><div class="screen-words">
      <span class="screen-size">${video.progress} %</span><span>${standing(look)}</span>
    </div><//>
    <${Progress} value=${video.progress} label="Progress" />`;
}

function Verbs({ video, who, reload }) {
  const [open, setOpen] = useState(null);
  const canMake = who.scopes.includes("generate");
  const models = useData((signal) => get("/v1/models", { signal }));
  const isDone = video.status === "completed" && !isExpired(video);
  const verbs = isDone && canMake && models.data ? verbsOf(video, models.data.data) : [];
  const close = () => setOpen(null);
  const chosen = verbs.find(({ verb }) => verb === open);
  return html`<div class="row verbs">
      ${isDone && html`<${Download} video=${video} label="Download film" />`}
      ${verbs.map(({ verb, name }) => html`<button key=${verb} class="button" type="button" onClick=${() => setOpen(verb)}>${name}</button>`)}
      ${canMake && html`<a class=${`button ${video.status === "failed" ? "first" : ""}`} href=${at("#/", { from: video.id })}>${isDone ? "Make another like it" : "Use its form again"}</a>`}
      ${
        canMake &&
        (isFinal(video)
          ? html`<button class="button danger push" type="button" onClick=${() => setOpen("delete")}>Delete</button>`
          : html`<button class="button danger push" type="button" onClick=${() => setOpen("cancel")}>Cancel</button>`)
      }
    </div>
    ${chosen && html`<${Derive} key=${open} video=${video} verb=${open} makers=${chosen.makers} onClose=${close} />`}
    ${open === "cancel" && html`<${CancelFilm} id=${video.id} onClose=${close} onDone=${reload} />`}
    ${open === "delete" && html`<${DeleteFilm} id=${video.id} onClose=${close} />`}
    ${isDone && html`<${Stills} video=${video} />`}`;
}

const STILLS = [
  ["thumbnail", "Poster"],
  ["last_frame", "Last frame"],
  ["spritesheet", "Ten stills"],
];

function Stills({ video }) {
  return html`<div class="row small"><span class="soft">Stills</span>
    ${STILLS.map(([variant, name]) => html`<${Download} key=${variant} video=${video} variant=${variant} label=${name} isQuiet />`)}
  </div>`;
}

function DeleteFilm({ id, onClose }) {
  const act = async () => {
    await ask("DELETE", videoPath(id));
    toast("Deleted.");
    location.hash = "#/films";
  };
  return html`<${Confirm} title="Delete this film?" verb="Delete the film" act=${act} onClose=${onClose}>
    <p>The film, its stills and its record go, and links to it die. What it cost stays in the books. This cannot be taken back.</p>
  <//>`;
}

function About({ look }) {
  const { video, servedBy, cost, isRehearsal } = look;
  const size = String(video.size).replace("x", "×");
  const rows = [
    [
      "Prompt",
      video.prompt &&
        html`<span class="film-prompt" tabindex=${video.prompt.length > 400 ? 0 : undefined}>${video.prompt}</span>`,
    ],
    [
      "Model",
      html`<a href=${at("#/", { model: video.model })}>${video.model}</a>${servedBy && html`<br /><span class="soft small">served by ${servedBy}</span>`}`,
    ],
    ["Length", video.seconds === "-1" ? "as the provider likes" : `${video.seconds} s`],
    ["Size", `${size} px`],
    [
      "Cost",
      cost == null
        ? "told at its end"
        : `${money(cost)}${isRehearsal && !cost ? ", a rehearsal" : ""}`,
    ],
    [
      "Made from",
      video.remixed_from_video_id &&
        html`<a href=${`#/films/${video.remixed_from_video_id}`}>the film it remixes</a>`,
    ],
    ["Asked", html`<${When} at=${video.created_at} isExact />`],
    ["Completed", video.completed_at && html`<${When} at=${video.completed_at} isExact />`],
    [
      "Kept until",
      video.status === "completed" &&
        (video.expires_at ? html`<${When} at=${video.expires_at} isExact />` : "it is deleted"),
    ],
    ["Id", html`<${Copy} text=${video.id} />`],
  ].filter(([, value]) => value);
  return html`<section class="sheet stack film-about" aria-label="About this film">
    <dl class="about-facts">${rows.map(([name, value]) => html`<div key=${name}><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>
    ${
      video.status === "completed" &&
      html`<details class="provenance">
      <summary>Where it comes from</summary>
      <p class="small">
        The file itself can tell: where this server seals its films, a signed C2PA manifest in it says what made it, when, and from which task. Check a download with
      </p>
      <${Copy} text=${`rushes verify ${video.id}.mp4`} />
    </details>`
    }
  </section>`;
}

function Story({ story, id }) {
  const posts = useData(
    (signal) => get(at("/admin/v1/posts", { limit: POSTS_MAX }), { signal }),
    [id],
  );
  const status = story.data?.task?.status;
  useEffect(() => {
    if (posts.data) posts.reload();
  }, [status]);
  const own = (posts.data?.data ?? []).filter((post) => post.task_id === id);
  return html`<${Failure} error=${story.error} onRetry=${story.reload} />
    ${story.data ? html`<${Trace} story=${story.data} posts=${own} />` : !story.error && html`<${Waiting} lines=${4} label="Loading the timeline" />`}`;
}

const WORDS = {
  queued: "Accepted: from here on it survives any crash.",
  in_progress: "A provider has it.",
  succeeded: "The film is in this server's own store.",
  failed: "It ended without a film.",
};

/** What every key may know: changes of the public status, with the times that are told. */
function PublicStory({ video, told }) {
  const timeOf = (event, n) => {
    if (n === 0) return video.created_at;
    if (event.status === "succeeded") return video.completed_at;
    return event.seenAt;
  };
  return html`<section class="stack" aria-labelledby="trace-name">
    <h2 id="trace-name">Timeline</h2>
    <ol class="sheet events">
      ${[...told]
        .sort((one, other) => one.number - other.number)
        .map(
          (event, n) => html`<li key=${event.number}>
        <span class="mono small">${timeOf(event, n) ? html`<${When} at=${timeOf(event, n)} isExact />` : html`<span class="soft">time not told</span>`}</span>
        <span class="soft small after">${n > 0 && timeOf(event, n) ? `+${lasting(timeOf(event, n) - video.created_at)}` : ""}</span>
        <${Badge} word=${event.status} />
        <span>${WORDS[event.status] ?? ""}</span>
      </li>`,
        )}
    </ol>
    <p class="small soft">A key with the scope admin is shown each submit: whom it went to, how long it took, and what was answered.</p>
  </section>`;
}
