/** Playground: a form from a model's card, the price before you press, and the film. */

import { ask, at, get } from "../api.js";
import { CopyAs } from "../films/copyas.js";
import { isUnanswered, nextStep } from "../films/advice.js";
import { lookAt } from "../films/follow.js";
import { Fields } from "../films/form.js";
import { Price, useQuote } from "../films/quote.js";
import { Blank, Live } from "../films/stage.js";
import { Tile } from "../films/tile.js";
import { begin, fieldOf, frameOf, lacks, requestOf, sizeOf } from "../films/wish.js";
import { Copy, Empty, Failure, Head, Loaded, html, useData, useEffect, useMemo, useRef, useState } from "../ui.js";

const RECENT = 8;
const EVERY_S = 4;
const CREATE = "/v1/video/generations";

/** Draw a key for one press. `crypto.randomUUID` is not there on plain http. */
function newKey() {
  const drawn = [...crypto.getRandomValues(new Uint8Array(16))];
  return `console-${drawn.map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

export function Playground({ query }) {
  const models = useData((signal) => get("/v1/models", { signal }));
  const from = query.get("from");
  const source = useData(async (signal) => (from ? (await lookAt(from, signal)).video : {}), [from]);
  return html`
    <${Head} title="Playground">Say what is to be seen, see what it costs, and watch it come.<//>
    <${Loaded} of=${models} lines=${6}>
      ${({ data }) =>
        data.length === 0
          ? html`<${Empty} title="There is no model for this key">Whoever runs this server routes models to providers in its configuration, or limits this key to none.<//>`
          : source.isLoading && !source.data && from
            ? null
            : html`<${Bench} key=${`${from ?? ""} ${query.get("model") ?? ""}`} models=${data} query=${query} source=${source.data} lost=${source.error} />`}
    <//>
  `;
}

/** Begin with what the address says: a film's parameters, a model, a prompt. */
function beginning(models, query, source) {
  const wanted = query.get("model") ?? source?.model;
  const model = models.find((one) => one.id === wanted) ?? models.find((one) => one.id === "sandbox") ?? models[0];
  return begin(model, { ...wishOf(source, model), ...(query.get("prompt") ? { prompt: query.get("prompt") } : {}) });
}

function wishOf(video, model) {
  if (!video?.id) return {};
  const { resolutions, ratios, sizes } = model.capabilities;
  const wish = { prompt: video.prompt ?? "", seconds: Number(video.seconds) };
  if (sizes.includes(video.size)) return { ...wish, size: video.size };
  for (const resolution of resolutions.allowed) {
    for (const ratio of ratios.allowed) {
      if (sizeOf(resolution, ratio) === video.size) return { ...wish, resolution, ratio };
    }
  }
  return wish;
}

function Bench({ models, query, source, lost }) {
  const [form, setForm] = useState(() => beginning(models, query, source));
  const [isPressed, setPressed] = useState(false);
  const [sent, setSent] = useState(null);
  const panel = useRef(null);
  const model = models.find((one) => one.id === form.model);
  const quote = useQuote(form, model);
  const change = (part) => setForm((old) => ({ ...old, ...part }));
  const press = usePress({ onMade: setSent });
  const recent = useRecent();

  const refused = press.refused ?? quote.refused;
  const lacking = useMemo(() => lacks(form, model), [form, model]);
  const wrong = isPressed ? { ...lacking } : withoutUntouched(lacking, form);
  const field = refused && fieldOf(refused.param, form);
  if (field && !wrong[field]) wrong[field] = refused.message;

  const submit = async (event) => {
    event.preventDefault();
    setPressed(true);
    if (Object.keys(lacking).length) {
      setTimeout(() => panel.current.querySelector('[aria-invalid="true"], .slot.refused button')?.focus());
      return;
    }
    if (await press.go(form)) {
      setPressed(false);
      recent.reload();
    }
  };
  const pickModel = (id) => {
    press.forget();
    setForm((old) => begin(models.find((one) => one.id === id), old));
  };

  return html`<div class="stack wide">
    <${Failure} error=${lost} />
    <div class="bench">
      <form class="sheet bench-form" aria-label="Film" ref=${panel} onSubmit=${submit} novalidate>
        <${Fields} models=${models} model=${model} form=${form} wrong=${wrong} onModel=${pickModel} onChange=${(part) => {
          press.settle();
          change(part);
        }} />
        <div class="bench-foot">
          <${Price} quote=${quote} model=${model} />
          <${Refusal} refused=${press.refused ?? (field ? null : quote.refused)} isKeyKept=${press.isKept} press=${press} />
          <button class="button first wide" disabled=${press.isBusy}>
            ${press.isBusy ? "Sending …" : press.isKept ? "Ask again with the same key" : "Make the film"}
          </button>
          ${press.key && html`<div class="small soft key-line"><span>Idempotency-Key${press.isKept ? ", kept" : ""}</span><${Copy} text=${press.key} /></div>`}
        </div>
      </form>
      <div class="bench-stage">
        ${sent ? html`<${Live} sent=${sent} onFinal=${recent.reload} />` : html`<${Blank} form=${form} size=${frameOf(form)} />`}
        <${CopyAs} form=${form} />
      </div>
    </div>
    <${Recent} recent=${recent} />
  </div>`;
}

/** What is only still to be filled is no fault yet. */
function withoutUntouched(lacking, form) {
  const { prompt, ...wrong } = lacking;
  const kept = Object.entries(wrong).filter(([name]) => form.files[name] === undefined || form.files[name].length);
  return { ...(prompt && form.prompt.trim() ? { prompt } : {}), ...Object.fromEntries(kept) };
}

/**
 * Pressing the button: one key a press, kept with its request while nobody knows what became of it.
 */
function usePress({ onMade }) {
  const [state, setState] = useState({ key: null, kept: null, refused: null, isBusy: false });
  const go = async (form) => {
    const pending = state.kept ?? { key: newKey(), request: requestOf(form), size: frameOf(form), prompt: form.prompt };
    setState({ key: pending.key, kept: state.kept, refused: null, isBusy: true });
    try {
      const response = await ask("POST", CREATE, { ...pending.request, headers: { "Idempotency-Key": pending.key } });
      const told = await response.json();
      const heard = (name) => response.headers.get(name) && decodeURIComponent(response.headers.get(name));
      onMade({
        id: (told.data ?? told).task_id,
        key: pending.key,
        size: pending.size,
        prompt: pending.prompt,
        isReplay: heard("idempotency-replayed") === "true",
        ignored: heard("rushes-ignored-parameters"),
        coerced: heard("rushes-coerced-parameters"),
      });
      setState({ key: null, kept: null, refused: null, isBusy: false });
      return true;
    } catch (refused) {
      setState({ key: isUnanswered(refused) ? pending.key : null, kept: isUnanswered(refused) ? pending : null, refused, isBusy: false });
      return false;
    }
  };
  const forget = () => setState({ key: null, kept: null, refused: null, isBusy: false });
  /** A form that changes has nothing to do with a plain refusal any more; a kept press stays. */
  const settle = () => setState((old) => (old.kept || !old.refused ? old : { ...old, refused: null }));
  return { ...state, isKept: state.kept !== null, go, forget, settle };
}

function Refusal({ refused, isKeyKept, press }) {
  if (!refused) return null;
  return html`<div class="note bad" role="alert">
    <p><strong>${refused.message}</strong></p>
    ${nextStep(refused) && html`<p>${nextStep(refused)}</p>`}
    <p class="small"><code>${refused.code}</code>${refused.requestId && html` · <span class="mono">${refused.requestId}</span>`}</p>
    ${isKeyKept && html`<p class="row">
      <span class="small">What is asked again is the film as it was first sent. <a href="#/films">See if it is there</a>.</span>
      <button class="button slim" type="button" onClick=${press.forget}>Forget this press</button>
    </p>`}
  </div>`;
}

/** The newest tasks, as the list tells them, while the page is seen. */
function useRecent() {
  const [facts, setFacts] = useState({});
  const list = useData((signal) => get(at("/v1/videos", { limit: RECENT }), { signal }), [], { everyS: EVERY_S });
  useEffect(() => setFacts({}), [list.data]);
  return { ...list, facts, onFacts: (video) => setFacts((old) => ({ ...old, [video.id]: video })) };
}

function Recent({ recent }) {
  const films = (recent.data?.data ?? []).map((film) => recent.facts[film.id] ?? film);
  if (recent.error?.code === "scope_missing") return null; // a key that makes films may not list them
  return html`<section class="stack" aria-labelledby="recent-name">
    <div class="row"><h2 id="recent-name">Recent films</h2><a class="push" href="#/films">All films</a></div>
    <${Failure} error=${recent.data ? null : recent.error} onRetry=${recent.reload} />
    ${recent.data && films.length === 0 && html`<p class="soft">None yet: the first one appears here.</p>`}
    <div class="tiles strip-of-films">${films.map((film) => html`<${Tile} key=${film.id} film=${film} onFacts=${recent.onFacts} />`)}</div>
  </section>`;
}
