/** New films from a finished one: remix, edit, extend, as far as the cards go. */

import { ask } from "../api.js";
import { toast } from "../toasts.js";
import { Dialog, Failure, Field, Strip, html, useRef, useState } from "../ui.js";
import { isUnanswered, nextStep } from "./advice.js";
import { newKey } from "./press.js";

/** What each verb is, and how the wire asks for it. */
const VERBS = {
  remix: {
    name: "Remix",
    about: "The same length and shape, made anew from another prompt.",
    label: "What is to be different",
    request: (video, prompt) => [`/v1/videos/${video.id}/remix`, { prompt }],
  },
  edit: {
    name: "Edit",
    about: "This film, changed where the prompt says so.",
    label: "What is to be changed",
    request: (video, prompt, model) => [
      "/v1/videos/edits",
      { prompt, model, video: { id: video.id } },
    ],
  },
  extend: {
    name: "Extend",
    about: "It goes on where it ends.",
    label: "What happens next",
    request: (video, prompt, model, seconds) => [
      "/v1/videos/extensions",
      { prompt, model, seconds, video: { id: video.id } },
    ],
  },
};
const EXTENSIONS = [4, 8, 12, 16, 20];

/** Return which verbs a film of a model may have, and by which models. */
export function verbsOf(video, models) {
  const able = (verb) =>
    models.filter((one) => one.capabilities.modes.includes(verb)).map((one) => one.id);
  return Object.keys(VERBS)
    .map((verb) => ({
      verb,
      name: VERBS[verb].name,
      makers: verb === "remix" ? able(verb).filter((id) => id === video.model) : able(verb),
    }))
    .filter(({ makers }) => makers.length > 0);
}

/** Ask for a film made from this one; leads to the new film. */
export function Derive({ video, verb, makers, onClose }) {
  const { name, about, label, request } = VERBS[verb];
  const [prompt, setPrompt] = useState("");
  const [model, setModel] = useState(makers.includes(video.model) ? video.model : makers[0]);
  const [seconds, setSeconds] = useState(EXTENSIONS[0]);
  const [state, setState] = useState({ isBusy: false, refused: null });
  const key = useRef(null);
  const change = (set) => (value) => {
    key.current = null; // another wish: another key
    set(value);
  };
  const go = async (event) => {
    event.preventDefault();
    setState({ isBusy: true, refused: null });
    key.current ??= newKey();
    const [path, body] = request(video, prompt.trim(), model, seconds);
    try {
      const made = await (
        await ask("POST", path, { body, headers: { "Idempotency-Key": key.current } })
      ).json();
      toast(`${name}: accepted.`);
      onClose();
      location.hash = `#/films/${made.id}`;
    } catch (refused) {
      if (!isUnanswered(refused)) key.current = null;
      setState({ isBusy: false, refused });
    }
  };
  return html`<${Dialog} title=${name} onClose=${onClose}>
    <p class="soft">${about}</p>
    <form class="stack" onSubmit=${go} aria-label=${name}>
      <${Field} label=${label} wrong=${state.refused?.param === "prompt" ? state.refused.message : null}>
        ${(ids) => html`<textarea
          ...${ids}
          required
          maxlength="10000"
          rows="4"
          value=${prompt}
          onInput=${(event) => change(setPrompt)(event.currentTarget.value)}
        ></textarea>`}
      <//>
      ${
        verb === "extend" &&
        html`<${Strip}
        label="Longer by"
        options=${EXTENSIONS.map((value) => ({ value, label: `${value} s` }))}
        value=${seconds}
        onPick=${change(setSeconds)}
      />`
      }
      ${
        verb !== "remix" &&
        makers.length > 1 &&
        html`<${Field} label="Made by">
        ${(
          ids,
        ) => html`<select ...${ids} value=${model} onChange=${(event) => change(setModel)(event.currentTarget.value)}>
          ${makers.map((id) => html`<option key=${id} value=${id} selected=${id === model}>${id}</option>`)}
        </select>`}
      <//>`
      }
      <${Failure} error=${state.refused} />
      ${nextStep(state.refused) && html`<p class="small">${nextStep(state.refused)}</p>`}
      <div class="row">
        <button class="button first push" disabled=${state.isBusy || !prompt.trim()}>${state.isBusy ? "Sending …" : `${name} it`}</button>
        <button class="button" type="button" onClick=${onClose}>Leave it</button>
      </div>
    </form>
  <//>`;
}
