/** The form of a playground: what a model's card takes, and nothing else. */

import { Badge, Field, Fragment, Strip, html, useId } from "../ui.js";
import { assetOf, filesIn, Slot } from "./media.js";
import { frameOf, isScripted, limitsOf, PROMPT_MAX, rolesOf, wrongWith } from "./wish.js";

const STRIP_MAX = 8;
const FIRST = 2;
const OUTCOMES = {
  succeeded: "A film",
  content_policy_violation: "Refused for its content",
  invalid_request: "Refused for its values",
  provider_error: "A failure of the provider",
  rate_limited: "A provider that is busy",
  timed_out: "Too late",
  submit_in_doubt: "A submit in doubt",
  canceled: "Canceled",
  expired: "Expired in the queue",
  server_error: "A fault of this server",
};

/** All fields of a card. `onChange(part)` changes the form; `wrong` says what is wrong, by field. */
export function Fields({ models, model, form, wrong, onModel, onChange }) {
  const size = frameOf(form);
  const setFiles = (role, assets) => onChange({ files: { ...form.files, [role]: assets } });
  /** Files that nobody aimed at a place go to the first that takes them. */
  const offer = async (event, files) => {
    if (!files.length || event.defaultPrevented) return;
    event.preventDefault();
    const free = rolesOf(model).find(
      ({ role, medium, max }) => files[0].type.startsWith(medium) && form.files[role].length < max,
    );
    if (free)
      setFiles(free.role, [
        ...form.files[free.role],
        await assetOf(files[0], limitsOf(model, free.role, size)),
      ]);
  };
  const places = rolesOf(model).map(({ role, label, max }) => {
    const limits = limitsOf(model, role, size);
    const assets = form.files[role].map((asset) => ({ ...asset, wrong: wrongWith(asset, limits) }));
    return {
      role,
      label,
      max,
      limits,
      assets,
      wrong: wrong[role] ?? assets.find((one) => one.wrong)?.wrong,
      onChange: (changed) => setFiles(role, changed),
    };
  });
  return html`<div
    class="stack fields"
    onPaste=${(event) => offer(event, filesIn(event.clipboardData))}
    onDrop=${(event) => offer(event, filesIn(event.dataTransfer))}
    onDragOver=${(event) => event.preventDefault()}
  >
    <${ModelField} models=${models} model=${model} wrong=${wrong.model} onModel=${onModel} />
    <${PromptField} model=${model} form=${form} wrong=${wrong.prompt} onChange=${onChange} />
    ${places.slice(0, FIRST).length > 0 && html`<${Places} of=${places.slice(0, FIRST)} />`}
    ${
      places.length > FIRST &&
      html`<details class="more" open=${places.slice(FIRST).some((one) => one.assets.length || one.wrong) || undefined}>
      <summary>Other files</summary>
      <${Places} of=${places.slice(FIRST)} />
    </details>`
    }
    <${Length} model=${model} form=${form} wrong=${wrong.seconds} onChange=${onChange} />
    <${Shape} model=${model} form=${form} wrong=${wrong} onChange=${onChange} />
    <${Sound} model=${model} form=${form} wrong=${wrong.audio} onChange=${onChange} />
    <${Seed} form=${form} wrong=${wrong.seed} onChange=${onChange} />
    <${More} model=${model} form=${form} wrong=${wrong} onChange=${onChange} />
  </div>`;
}

function Places({ of }) {
  return html`<div class="slots">${of.map((place) => html`<${Slot} key=${place.role} ...${place} />`)}</div>`;
}

function ModelField({ models, model, wrong, onModel }) {
  const owners = [...new Set(models.map((one) => one.owned_by))];
  const today = new Date().toISOString().slice(0, 10);
  return html`<div class="stack tight">
    <${Field} label="Model" wrong=${wrong}>
      ${(
        ids,
      ) => html`<select ...${ids} name="model" value=${model.id} onChange=${(event) => onModel(event.currentTarget.value)}>
        ${owners.map(
          (owner) => html`<optgroup key=${owner} label=${owner}>
          ${models.filter((one) => one.owned_by === owner).map((one) => html`<option key=${one.id} value=${one.id} selected=${one.id === model.id}>${one.id}</option>`)}
        </optgroup>`,
        )}
      </select>`}
    <//>
    <div class="row small about">
      <span class="soft">by ${model.owned_by}</span>
      ${model.rehearsal && html`<${Badge} word="rehearsal" />`}
      ${model.checked_at && html`<span class="soft">card checked ${model.checked_at}</span>`}
    </div>
    ${model.rehearsal && html`<p class="small soft">The sandbox renders in its place, under its own rules: free, and marked in the picture.</p>`}
    ${
      model.retires_at &&
      html`<div class="note warn small"><p>
      <strong>${model.retires_at <= today ? "Ended" : "Ends"} by its maker on ${model.retires_at}.</strong>${" "}
      ${
        model.successor
          ? html`Its successor is <button
            class="link"
            type="button"
            disabled=${!models.some((one) => one.id === model.successor)}
            onClick=${() => onModel(model.successor)}
          >${model.successor}</button>.`
          : "It names no successor."
      }
    </p></div>`
    }
  </div>`;
}

function PromptField({ model, form, wrong, onChange }) {
  const isNeeded = model.capabilities.inputs.prompt === "required";
  const length = [...form.prompt].length;
  return html`<${Field}
    label="Prompt"
    wrong=${wrong}
    hint=${length > PROMPT_MAX * 0.8 ? `${length} of ${PROMPT_MAX} characters` : isNeeded ? null : "May be left out beside a file."}
  >
    ${(ids) => html`<textarea
      ...${ids}
      name="prompt"
      rows="5"
      required=${isNeeded}
      placeholder="A paper boat crosses a rain puddle, low camera, evening light"
      value=${form.prompt}
      onInput=${(event) => onChange({ prompt: event.currentTarget.value })}
    ></textarea>`}
  <//>`;
}

const secondsName = (seconds) => (seconds < 0 ? "Auto" : `${seconds} s`);

function Length({ model, form, wrong, onChange }) {
  const { allowed } = model.capabilities.durations;
  const id = useId();
  const numbers = allowed.filter((seconds) => seconds > 0);
  const isRange =
    allowed.length > STRIP_MAX && numbers.every((n, at) => at === 0 || n === numbers[at - 1] + 1);
  if (allowed.length < 2) return null;
  if (!isRange) {
    return html`<${Strip}
      label="Length"
      hint=${wrong}
      options=${allowed.map((value) => ({ value, label: secondsName(value) }))}
      value=${form.seconds}
      onPick=${(seconds) => onChange({ seconds })}
    />`;
  }
  const isAuto = form.seconds < 0;
  return html`<div class="field">
    <div class="row"><label for=${id}>Length</label><output class="push" for=${id}>${secondsName(form.seconds)}</output></div>
    <input
      id=${id}
      type="range"
      min=${numbers[0]}
      max=${numbers.at(-1)}
      step="1"
      disabled=${isAuto}
      aria-valuetext=${`${form.seconds} seconds`}
      aria-invalid=${wrong ? "true" : undefined}
      value=${isAuto ? numbers[0] : form.seconds}
      onInput=${(event) => onChange({ seconds: Number(event.currentTarget.value) })}
    />
    <div class="row small soft range-ends"><span>${numbers[0]} s</span><span class="push">${numbers.at(-1)} s</span></div>
    ${
      allowed.includes(-1) &&
      html`<label class="tick">
      <input
        type="checkbox"
        checked=${isAuto}
        onChange=${() => onChange({ seconds: isAuto ? model.capabilities.durations.default : -1 })}
      />Let the provider choose
    </label>`
    }
    ${wrong && html`<span class="wrong">${wrong}</span>`}
  </div>`;
}

function Shape({ model, form, wrong, onChange }) {
  const { resolutions, ratios, sizes } = model.capabilities;
  const shapes = [
    ...resolutions.allowed.map((value) => ({ value, label: value })),
    ...sizes.map((value) => ({ value, label: value.replace("x", "×") })),
  ];
  const pick = (value) =>
    onChange(sizes.includes(value) ? { size: value } : { size: "", resolution: value });
  return html`<${Fragment}>
    ${
      shapes.length > 1 &&
      html`<${Strip}
      label="Resolution"
      hint=${wrong.resolution}
      options=${shapes}
      value=${form.size || form.resolution}
      onPick=${pick}
    />`
    }
    ${
      ratios.allowed.length > 0 &&
      html`<${Strip}
      label="Ratio"
      hint=${wrong.ratio ?? (form.size ? "An exact size has its own ratio." : null)}
      options=${ratios.allowed.map((value) => ({ value, isOff: Boolean(form.size), label: html`<${RatioShape} ratio=${value} />${value}` }))}
      value=${form.size ? null : form.ratio}
      onPick=${(ratio) => onChange({ ratio })}
    />`
    }
    ${ratios.allowed.length === 0 && html`<p class="small soft">Its ratio is that of the picture or clip it begins with.</p>`}
  <//>`;
}

function RatioShape({ ratio }) {
  const [wide, high] = ratio.split(":").map(Number);
  if (!high) return html`<span class="shape any" aria-hidden="true"></span>`;
  const scale = 16 / Math.max(wide, high);
  return html`<span class="shape" aria-hidden="true" style=${`width:${wide * scale}px;height:${high * scale}px`}></span>`;
}

function Sound({ model, form, wrong, onChange }) {
  const { mode } = model.capabilities.audio;
  if (mode !== "optional")
    return html`<p class="small soft">${mode === "always" ? "Its films always have sound." : "Its films are silent."}</p>`;
  return html`<div class="field">
    <label class="switch">
      <input type="checkbox" role="switch" checked=${form.hasAudio} onChange=${() => onChange({ hasAudio: !form.hasAudio })} />
      <span>Sound</span>
    </label>
    ${wrong && html`<span class="wrong">${wrong}</span>`}
  </div>`;
}

function Seed({ form, wrong, onChange }) {
  const draw = () =>
    onChange({ seed: String(crypto.getRandomValues(new Uint32Array(1))[0] % 2_147_483_647) });
  return html`<${Field} label="Seed" hint="Empty: drawn at random. The same seed makes a similar film." wrong=${wrong}>
    ${(ids) => html`<div class="row seed">
      <input
        ...${ids}
        name="seed"
        inputmode="numeric"
        autocomplete="off"
        placeholder="random"
        value=${form.seed}
        onInput=${(event) => onChange({ seed: event.currentTarget.value.trim() })}
      />
      <button class="button slim" type="button" onClick=${draw}>Draw one</button>
    </div>`}
  <//>`;
}

function More({ model, form, wrong, onChange }) {
  const options = Object.keys(form.options);
  const setOption = (name, text) => onChange({ options: { ...form.options, [name]: text } });
  const text = (name, key) => (event) => onChange({ [key ?? name]: event.currentTarget.value });
  const isWrong =
    wrong.negative || wrong.startWithin || options.some((name) => wrong[`option.${name}`]);
  return html`<details class="more" open=${isWrong ? true : undefined}>
    <summary>More</summary>
    <div class="stack">
      <${Field} label="Negative prompt" hint="What is not to be seen, where the provider reads it." wrong=${wrong.negative}>
        ${(ids) => html`<textarea ...${ids} class="low" rows="2" value=${form.negative} onInput=${text("negative")}></textarea>`}
      <//>
      ${options.map(
        (name) => html`<${Field}
        key=${name}
        label=${`Provider option: ${name}`}
        hint=${name.endsWith(".*") ? `Handed to the provider as metadata.${name.slice(0, -2)}; a JSON object.` : `Handed to the provider as metadata.${name}.`}
        wrong=${wrong[`option.${name}`]}
      >
        ${(ids) =>
          name.endsWith(".*")
            ? html`<textarea
              ...${ids}
              class="low mono"
              rows="2"
              spellcheck="false"
              placeholder='{"prompt_extend": true}'
              value=${form.options[name]}
              onInput=${(event) => setOption(name, event.currentTarget.value)}
            ></textarea>`
            : html`<input ...${ids} value=${form.options[name]} onInput=${(event) => setOption(name, event.currentTarget.value)} />`}
      <//>`,
      )}
      <${Field}
        label="Start within (seconds)"
        hint="Give up, at no cost, if it has not been started by then. Empty: the server's own limit."
        wrong=${wrong.startWithin}
      >
        ${(ids) => html`<input ...${ids} type="number" min="1" max="86400" value=${form.startWithin} onInput=${text("startWithin")} />`}
      <//>
      ${
        isScripted(model) &&
        html`<fieldset class="script stack">
        <legend>Rehearse how it ends</legend>
        <${Field} label="Ending" hint="The sandbox follows: see how your program takes a failure.">
          ${(ids) => html`<select ...${ids} value=${form.outcome} onChange=${text("outcome")}>
            ${Object.entries(OUTCOMES).map(([value, name]) => html`<option key=${value} value=${value}>${name}</option>`)}
          </select>`}
        <//>
        <${Field} label="Seconds in progress" hint="0 to 60, beside what rendering takes.">
          ${(ids) => html`<input ...${ids} type="number" min="0" max="60" value=${form.delay} onInput=${text("delay")} />`}
        <//>
      </fieldset>`
      }
    </div>
  </details>`;
}
