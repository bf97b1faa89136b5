/** A model's card as a form, and a form as the body of a create. Nothing here draws or asks. */

import { bytes } from "../format.js";

export const PROMPT_MAX = 10_000;
const SEED_MAX = 2_147_483_647;
const MB = 1e6;

/** What files there are, by what they are for: the card's word, the wire's, and ours. */
export const ROLES = {
  first_frame: { medium: "image", label: "First frame" },
  last_frame: { medium: "image", label: "Last frame" },
  first_clip: { medium: "video", label: "First clip" },
  driving_audio: { medium: "audio", label: "Driving audio" },
  reference_image: { medium: "image", label: "Reference images" },
  reference_video: { medium: "video", label: "Reference videos" },
  reference_audio: { medium: "audio", label: "Reference sounds" },
};

const NAMED = { first_frame: "image", last_frame: "last_frame", driving_audio: "audio_url" };

/** Return the roles a card takes files for, with how many, in the order of ROLES. */
export function rolesOf(model) {
  const inputs = model.capabilities.inputs;
  return Object.keys(ROLES)
    .filter((role) => inputs[role] > 0)
    .map((role) => ({ role, max: inputs[role], ...ROLES[role] }));
}

/** Return what a file for a role may be. `sizeWanted` is `WxH` where it must match exactly. */
export function limitsOf(model, role, size) {
  const inputs = model.capabilities.inputs;
  const { medium } = ROLES[role];
  if (medium === "audio") return { medium, formats: ["wav", "mp3"], bytesMax: 15 * MB };
  if (medium === "video")
    return { medium, formats: ["mp4", "webm", "mov"], bytesMax: 64 * 2 ** 20 };
  const isExact = inputs.image_matches_size && role === "first_frame";
  return {
    medium,
    formats: inputs.image_formats,
    bytesMax: inputs.image_bytes_max,
    edgeMax: 6000,
    sizeWanted: isExact ? size : null,
  };
}

export const formatName = (format) =>
  format === "webp" ? "WebP" : format === "webm" ? "WebM" : format.toUpperCase();

/** Say what is wrong with a file for its place, or null. */
export function wrongWith(asset, limits) {
  if (!asset.file) return null;
  const formats = limits.formats.map(formatName).join(", ");
  if (asset.medium !== limits.medium || !limits.formats.includes(asset.format)) {
    return `${asset.name} is ${asset.format ? formatName(asset.format) : "of no kind that is known"}; this takes ${formats}.`;
  }
  if (asset.sizeBytes > limits.bytesMax)
    return `${asset.name} has ${bytes(asset.sizeBytes)}; at most ${bytes(limits.bytesMax)}.`;
  if (asset.width > limits.edgeMax || asset.height > limits.edgeMax)
    return `${asset.name} is wider or higher than ${limits.edgeMax} px.`;
  if (limits.sizeWanted && `${asset.width}x${asset.height}` !== limits.sizeWanted) {
    return `This model wants exactly ${limits.sizeWanted.replace("x", "×")} px; ${asset.name} has ${asset.width}×${asset.height}.`;
  }
  return null;
}

const SHORT = { "480p": 480, "720p": 720, "1080p": 1080, "4k": 2160 };

/** Return the frame a resolution and a ratio come to, as the contract's table has it (§4.1). */
export function sizeOf(resolution, ratio) {
  const short = SHORT[resolution] ?? 720;
  const [wide, high] = (/^\d+:\d+$/.test(ratio ?? "") ? ratio : "16:9").split(":").map(Number);
  const long = 2 * Math.round((short * Math.max(wide, high)) / Math.min(wide, high) / 2);
  return wide >= high ? `${long}x${short}` : `${short}x${long}`;
}

/** Return the frame that a form asks for, `WxH`. */
export const frameOf = (form) => form.size || sizeOf(form.resolution, form.ratio);

/** Begin a form for a card; what an old form had stays where this card takes it. */
export function begin(model, old = {}) {
  const card = model.capabilities;
  const kept = (choice, value) => (choice.allowed.includes(value) ? value : choice.default);
  const files = {};
  for (const { role, max } of rolesOf(model)) files[role] = (old.files?.[role] ?? []).slice(0, max);
  return {
    model: model.id,
    prompt: old.prompt ?? "",
    negative: old.negative ?? "",
    seconds: kept(card.durations, old.seconds),
    resolution: kept(card.resolutions, old.resolution),
    ratio: card.ratios.allowed.length ? kept(card.ratios, old.ratio) : null,
    size: card.sizes.includes(old.size) ? old.size : "",
    hasAudio: card.audio.mode === "optional" ? (old.hasAudio ?? card.audio.default) : null,
    seed: old.seed ?? "",
    startWithin: old.startWithin ?? "",
    files,
    options: Object.fromEntries(card.passthrough.map((name) => [name, old.options?.[name] ?? ""])),
    outcome: isScripted(model) ? (old.outcome ?? "succeeded") : "succeeded",
    delay: isScripted(model) ? (old.delay ?? "") : "",
  };
}

/** Whether the sandbox renders, and so follows a script. */
export const isScripted = (model) => model.rehearsal || model.id === "sandbox";

/** Return a form's files in their order: `{role, asset}`. */
export const filesOf = (form) =>
  Object.entries(form.files).flatMap(([role, assets]) => assets.map((asset) => ({ role, asset })));

/** Say what a form lacks, by field, before anybody is asked. */
export function lacks(form, model) {
  const wrong = {};
  const card = model.capabilities;
  const files = filesOf(form);
  const isPromptNeeded = card.inputs.prompt === "required" || files.length === 0;
  if (isPromptNeeded && !form.prompt.trim()) wrong.prompt = "Say what is to be seen.";
  if ([...form.prompt].length > PROMPT_MAX)
    wrong.prompt = `At most ${PROMPT_MAX.toLocaleString("en-GB")} characters.`;
  if (!card.modes.includes("text_to_video") && files.length === 0) {
    const [first] = rolesOf(model);
    if (first)
      wrong[first.role] =
        `This model makes films from files: give it ${first.label.toLowerCase()}.`;
  }
  if (
    form.files.last_frame?.length &&
    !form.files.first_frame?.length &&
    !form.files.first_clip?.length
  ) {
    wrong.last_frame = "A last frame needs a first frame.";
  }
  const seed = form.seed === "" ? 0 : Number(form.seed);
  if (!Number.isInteger(seed) || seed < -1 || seed > SEED_MAX)
    wrong.seed = `A whole number from -1 to ${SEED_MAX}.`;
  for (const [name, text] of Object.entries(form.options)) {
    if (text.trim() && name.endsWith(".*") && !isObject(text))
      wrong[`option.${name}`] = "This is not a JSON object.";
  }
  for (const { role, asset } of files) {
    const why = wrongWith(asset, limitsOf(model, role, frameOf(form)));
    if (why) wrong[role] = why;
  }
  return wrong;
}

function isObject(text) {
  try {
    const value = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}

/** Return everything but files, as the wire names it. */
export function plainBody(form) {
  const body = { model: form.model };
  if (form.prompt.trim()) body.prompt = form.prompt.trim();
  if (form.negative.trim()) body.negative_prompt = form.negative.trim();
  if (form.seconds != null) body.seconds = form.seconds;
  if (form.size) body.size = form.size;
  else {
    if (form.resolution) body.resolution = form.resolution;
    if (form.ratio) body.ratio = form.ratio;
  }
  if (form.hasAudio !== null) body.generate_audio = form.hasAudio;
  if (form.seed !== "") body.seed = Number(form.seed);
  const metadata = metadataOf(form);
  if (Object.keys(metadata).length) body.metadata = metadata;
  return body;
}

function metadataOf(form) {
  const metadata = {};
  for (const [name, text] of Object.entries(form.options)) {
    if (!text.trim()) continue;
    if (!name.endsWith(".*")) metadata[name] = text.trim();
    else if (isObject(text)) metadata[name.slice(0, -2)] = JSON.parse(text);
  }
  if (form.startWithin !== "") metadata.start_within_s = Number(form.startWithin);
  const script = {};
  if (form.outcome !== "succeeded") script.outcome = form.outcome;
  if (form.delay !== "") script.delay_s = Number(form.delay);
  if (Object.keys(script).length) metadata.sandbox = script;
  return metadata;
}

/** Return a whole body; `valueOf(asset)` says how a file is written in it. */
export function bodyOf(form, valueOf = (asset) => asset.url) {
  const body = plainBody(form);
  const content = [];
  for (const { role, asset } of filesOf(form)) {
    if (NAMED[role]) body[NAMED[role]] = valueOf(asset, role);
    else content.push(itemOf(role, valueOf(asset, role)));
  }
  return content.length ? { ...body, content } : body;
}

function itemOf(role, url) {
  const type = `${ROLES[role].medium}_url`;
  return { type, [type]: { url }, role };
}

/** Return files under a name of their own, which a form (multipart) carries as they are. */
export const namedFiles = (form) =>
  filesOf(form)
    .filter(({ role, asset }) => NAMED[role] && asset.file)
    .map(({ role, asset }) => ({ name: NAMED[role], asset }));

/** How many bytes a JSON body may have, with room for what is not a file. */
const JSON_MAX = 24 * 2 ** 20;

/** Whether a create fits into JSON, with its files as data URIs. */
export const isSmall = (form) =>
  filesOf(form).reduce((sum, { asset }) => sum + (asset.url?.length ?? 0), 0) < JSON_MAX;

/** Return what `ask` sends for a form: JSON where it fits, else a form with the files as they are. */
export function requestOf(form) {
  if (isSmall(form)) return { body: bodyOf(form) };
  const sent = new FormData();
  const named = namedFiles(form);
  for (const [name, value] of Object.entries(bodyOf(form))) {
    if (named.some((file) => file.name === name)) continue;
    sent.append(name, typeof value === "object" ? JSON.stringify(value) : String(value));
  }
  for (const { name, asset } of named) sent.append(name, asset.file, asset.name);
  return { form: sent };
}

const FIELDS = [
  [/^model$/, "model"],
  [/^prompt|\.text$/, "prompt"],
  [/negative_prompt$/, "negative"],
  [/(seconds|duration)$/i, "seconds"],
  [/resolution$/, "resolution"],
  [/ratio$/i, "ratio"],
  [/^(size|width|height)$/, "resolution"],
  [/seed$/, "seed"],
  [/audio$/, "audio"],
  [/^(image|input_reference)/, "first_frame"],
  [/^(last_frame|image_tail)/i, "last_frame"],
  [/^audio_url/, "driving_audio"],
  [/start_within|Start-Within/i, "startWithin"],
];

/** Return the field of a form that the wire means by `param`, or null. */
export function fieldOf(param, form) {
  if (!param) return null;
  const item = /^content\[(\d+)\]/.exec(param);
  if (item) {
    const listed = filesOf(form).filter(({ role }) => !NAMED[role]);
    return listed[Number(item[1])]?.role ?? null;
  }
  const option = Object.keys(form.options).find((name) =>
    param.startsWith(`metadata.${name.replace(".*", "")}`),
  );
  if (option) return `option.${option}`;
  return FIELDS.find(([pattern]) => pattern.test(param))?.[1] ?? null;
}
