/** Playground: a form from a model's card, the price before you press, and the film. */

import { ask, at, get } from "../api.js";
import { CopyAs } from "../films/copyas.js";
import { lookAt } from "../films/follow.js";
import { Fields } from "../films/form.js";
import { AboutModel } from "../films/modelcard.js";
import { Refusal, remembered, usePress } from "../films/press.js";
import { Price, useQuote } from "../films/quote.js";
import { Blank, Live } from "../films/stage.js";
import { Tile } from "../films/tile.js";
import { begin, fieldOf, frameOf, lacks, requestOf, sizeOf } from "../films/wish.js";
import {
  Copy,
  Empty,
  Failure,
  Head,
  Loaded,
  Waiting,
  html,
  useData,
  useEffect,
  useMemo,
  useRef,
  useState,
} from "../ui.js";

const RECENT = 8;
const EVERY_S = 4;

export function Playground({ query }) {
  const models = useData((signal) => get("/v1/models", { signal }));
  const from = query.get("from");
  const source = useData(
    async (signal) => (from ? (await lookAt(from, signal)).video : {}),
    [from],
  );
  return html`
    <${Head} title="Playground">Say what is to be seen, see what it costs, and watch it come.<//>
    <${Loaded} of=${models} lines=${6}>
      ${({ data }) =>
        data.length === 0
          ? html`<${Empty} title="There is no model for this key">Whoever runs this server routes models to providers in its configuration, or limits this key to none.<//>`
          : from && source.data?.id !== from && !source.error
            ? html`<${Waiting} lines=${6} label="Loading the film's parameters" />`
            : html`<${Bench} key=${query.toString()} models=${data} query=${query} source=${source.data} lost=${source.error} />`}
    <//>
  `;
}

/** Begin with what the address says, a film's parameters, a model, a prompt; else as it was left. */
function beginning(models, query, source) {
  const left = remembered().form;
  const last = models.find((one) => one.id === left?.model);
  if (!isTold(query) && last) return begin(last, left);
  const wanted = query.get("model") ?? source?.model;
  const model =
    models.find((one) => one.id === wanted) ??
    models.find((one) => one.id === "sandbox") ??
    models[0];
  return begin(model, {
    ...wishOf(source, model),
    ...(query.get("prompt") ? { prompt: query.get("prompt") } : {}),
  });
}

const isTold = (query) => ["from", "model", "prompt"].some((name) => query.get(name));

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
  const [sent, setSent] = useState(() => (isTold(query) ? null : remembered().sent));
  const panel = useRef(null);
  const model = models.find((one) => one.id === form.model);
  const quote = useQuote(form, model);
  const press = usePress({
    onMade: (made) => {
      remembered().sent = { ...made, isNew: false };
      setSent(made);
    },
  });
  useEffect(() => {
    remembered().form = form;
  }, [form]);
  const recent = useRecent();

  const refused = press.refused ?? quote.refused;
  const lacking = useMemo(() => lacks(form, model), [form, model]);
  const wrong = isPressed ? { ...lacking } : withoutUntouched(lacking, form);
  const field = refused && fieldOf(refused.param, form);
  if (field && !wrong[field]) wrong[field] = refused.message;

  const submit = async (event) => {
    event.preventDefault();
    setPressed(true);
    if (!press.pending && Object.keys(lacking).length) {
      setTimeout(() =>
        panel.current.querySelector('[aria-invalid="true"], .slot.refused button')?.focus(),
      );
      return;
    }
    if (await press.go(form)) {
      setPressed(false);
      recent.reload();
    }
  };
  const change = (part) => {
    press.settle();
    setForm((old) => ({ ...old, ...part }));
  };
  const pickModel = (id) => {
    press.settle();
    const next = models.find((one) => one.id === id);
    setForm((old) => begin(next, old));
  };
  const resting = press.pending ? "Ask again with the same key" : "Make the film";
  const verb = press.isBusy ? "Sending …" : resting;

  return html`<div class="stack wide">
    <${Failure} error=${lost} />
    <div class="bench">
      <form class="sheet bench-form" aria-label="Film" ref=${panel} onSubmit=${submit} novalidate>
        <${Fields}
          models=${models}
          model=${model}
          form=${form}
          wrong=${wrong}
          onModel=${pickModel}
          onChange=${change}
        />
        <div class="bench-foot">
          <${Price} quote=${quote} model=${model} />
          <${Refusal} refused=${press.refused ?? (field ? null : quote.refused)} press=${press} />
          <button class="button first wide" disabled=${press.isBusy}>${verb}</button>
          ${
            press.pending &&
            html`<div class="small soft key-line">
              <span>Idempotency-Key</span><${Copy} text=${press.pending.key} />
            </div>`
          }
        </div>
      </form>
      <div class="bench-stage">
        ${sent ? html`<${Live} sent=${sent} onFinal=${recent.reload} />` : html`<${Blank} form=${form} size=${frameOf(form)} /><${AboutModel} model=${model} />`}
      </div>
    </div>
    <${CopyAs} form=${form} />
    <${Recent} recent=${recent} />
  </div>`;
}

/** What is only still to be filled is no fault yet. */
function withoutUntouched(lacking, form) {
  const { prompt, ...wrong } = lacking;
  const kept = Object.entries(wrong).filter(
    ([name]) => form.files[name] === undefined || form.files[name].length,
  );
  return { ...(prompt && form.prompt.trim() ? { prompt } : {}), ...Object.fromEntries(kept) };
}

/** The newest tasks, as the list tells them, while the page is seen. */
function useRecent() {
  const [facts, setFacts] = useState({});
  const list = useData((signal) => get(at("/v1/videos", { limit: RECENT }), { signal }), [], {
    everyS: EVERY_S,
  });
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
