/** The request of a form as programs would send it; the key stays a variable of the environment. */

import { filesOf, plainBody, ROLES } from "./wish.js";

const shell = (text) => `'${String(text).replaceAll("'", `'\\''`)}'`;
const shellName = (text) => (/^[\w@%+=:,./-]+$/.test(text) ? text : shell(text));
const BREAK = " \\\n  ";
const named = { first_frame: "image", last_frame: "last_frame", driving_audio: "audio_url" };
const isReference = (role) => role.startsWith("reference_");
const isThere = (asset) => !asset.file;

/** Return the languages, with the text for a form each. */
export function snippets(form, base) {
  return [
    ["curl", curl(form, base)],
    ["Python", python(form, base)],
    ["JavaScript", javascript(form, base)],
    ["CLI", cli(form, base)],
  ];
}

/** Return the items of `content`, a file written as `uri(name)` says. */
function contentOf(form, uri) {
  return filesOf(form)
    .filter(({ role }) => !named[role])
    .map(({ role, asset }) => {
      const type = `${ROLES[role].medium}_url`;
      return { type, [type]: { url: isThere(asset) ? asset.url : uri(asset.name) }, role };
    });
}

// -- curl ------------------------------------------------------------------------------------------

function curl(form, base) {
  const exported = `export RUSHES_BASE_URL=${shellName(base)} RUSHES_API_KEY=…  # your key\n`;
  const files = filesOf(form);
  const hasFiles = files.some(({ asset }) => !isThere(asset));
  const sent = hasFiles ? curlForm(form) : curlJson(form);
  return `${exported}
${sent.before}ID=$(curl -sf "$RUSHES_BASE_URL/v1/video/generations"${BREAK}${sent.lines.join(BREAK)}${BREAK}| sed -n 's/.*"task_id":"\\([^"]*\\)".*/\\1/p')

# Wait for its end, at most a minute at a time; then bring it home.
curl -sf "$RUSHES_BASE_URL/v1/video/generations/$ID?wait=60" -H "Authorization: Bearer $RUSHES_API_KEY"
curl -sfL "$RUSHES_BASE_URL/v1/videos/$ID/content" -H "Authorization: Bearer $RUSHES_API_KEY" -o film.mp4
`;
}

const DRAWN_KEY = `-H "Idempotency-Key: $(od -An -N16 -tx1 /dev/urandom | tr -d ' \\n')"`;
const CURL_HEAD = ['-H "Authorization: Bearer $RUSHES_API_KEY"', DRAWN_KEY];

function curlJson(form) {
  const body = JSON.stringify(wholeBody(form), null, 2);
  return {
    before: "",
    lines: [...CURL_HEAD, '-H "Content-Type: application/json"', `-d ${shell(body)}`],
  };
}

/** Return a body whose files are addresses. */
function wholeBody(form) {
  const body = plainBody(form);
  for (const { role, asset } of filesOf(form)) if (named[role]) body[named[role]] = asset.url;
  const content = contentOf(form, () => "");
  return content.length ? { ...body, content } : body;
}

function curlForm(form) {
  const lines = [...CURL_HEAD];
  for (const [name, value] of Object.entries(plainBody(form))) {
    lines.push(
      `--form-string ${shell(`${name}=${typeof value === "object" ? JSON.stringify(value) : value}`)}`,
    );
  }
  for (const { role, asset } of filesOf(form)) {
    if (!named[role]) continue;
    lines.push(
      isThere(asset)
        ? `--form-string ${shell(`${named[role]}=${asset.url}`)}`
        : `-F ${shell(`${named[role]}=@"${asset.name}"`)}`,
    );
  }
  const paths = [];
  const content = contentOf(form, (name) => {
    paths.push(name);
    return "%s";
  });
  if (!content.length) return { before: "", lines };
  lines.push("-F 'content=<content.json'");
  const uris = paths.map(
    (name) => `"data:application/octet-stream;base64,$(base64 < ${shellName(name)} | tr -d '\\n')"`,
  );
  const template = JSON.stringify(content).replaceAll("%", "%%").replaceAll("%%s", "%s");
  return {
    before: `printf ${shell(template)}${BREAK}${uris.join(BREAK)} > content.json\n\n`,
    lines,
  };
}

// -- Python ----------------------------------------------------------------------------------------

function literal(value) {
  if (value === null) return "None";
  if (value === true) return "True";
  if (value === false) return "False";
  if (Array.isArray(value)) return `[${value.map(literal).join(", ")}]`;
  if (typeof value === "object")
    return `{${Object.entries(value)
      .map(([name, inner]) => `${JSON.stringify(name)}: ${literal(inner)}`)
      .join(", ")}}`;
  return JSON.stringify(value);
}

function python(form, base) {
  const { model, prompt, generate_audio: audio, ...rest } = plainBody(form);
  const lines = [prompt === undefined ? null : literal(prompt), `model=${literal(model)}`];
  for (const [name, value] of Object.entries(rest)) lines.push(`${name}=${literal(value)}`);
  if (audio !== undefined) lines.push(`audio=${literal(audio)}`);
  const files = filesOf(form);
  const path = (asset) => literal(isThere(asset) ? asset.url : asset.name);
  for (const { role, asset } of files)
    if (role === "first_frame" || role === "last_frame")
      lines.push(`${named[role]}=${path(asset)}`);
  const references = files.filter(({ role }) => isReference(role));
  if (references.length)
    lines.push(`references=[${references.map(({ asset }) => path(asset)).join(", ")}]`);
  const extra = extraBody(files);
  if (extra.text) lines.push(`extra_body=${extra.text}`);
  const body = lines
    .filter((line) => line !== null)
    .map((line) => `        ${line},`)
    .join("\n");
  return `# pip install rushes
# export RUSHES_BASE_URL=${base} RUSHES_API_KEY=…  (your key)
${extra.needsUri ? "from base64 import b64encode\nfrom pathlib import Path\n\n" : ""}from rushes import Rushes
${extra.needsUri ? '\n\ndef uri(name):\n    return "data:application/octet-stream;base64," + b64encode(Path(name).read_bytes()).decode()\n\n' : ""}
with Rushes() as client:
    video = client.videos.create_and_wait(
${body}
    )
    client.videos.download(video, "film.mp4")
`;
}

/** What the clients have no word for: a first clip and driving audio. */
function extraBody(files) {
  const parts = [];
  let needsUri = false;
  const value = (asset) => {
    if (isThere(asset)) return JSON.stringify(asset.url);
    needsUri = true;
    return `uri(${JSON.stringify(asset.name)})`;
  };
  for (const { role, asset } of files) {
    if (role === "driving_audio") parts.push(`"audio_url": ${value(asset)}`);
    if (role === "first_clip")
      parts.push(
        `"content": [{"type": "video_url", "video_url": {"url": ${value(asset)}}, "role": "first_clip"}]`,
      );
  }
  return { text: parts.length ? `{${parts.join(", ")}}` : "", needsUri };
}

// -- JavaScript ------------------------------------------------------------------------------------

const JS_NAMES = { generate_audio: "audio", negative_prompt: "negativePrompt" };
const JS_FRAMES = { first_frame: "image", last_frame: "lastFrame" };

function javascript(form, base) {
  const files = filesOf(form);
  const hasFiles = files.some(({ asset }) => !isThere(asset));
  const bytes = (asset) =>
    isThere(asset) ? JSON.stringify(asset.url) : `readFileSync(${JSON.stringify(asset.name)})`;
  const lines = Object.entries(plainBody(form)).map(
    ([name, value]) => `${JS_NAMES[name] ?? name}: ${JSON.stringify(value)}`,
  );
  for (const { role, asset } of files)
    if (JS_FRAMES[role]) lines.push(`${JS_FRAMES[role]}: ${bytes(asset)}`);
  const references = files.filter(({ role }) => isReference(role)).map(({ asset }) => bytes(asset));
  if (references.length) lines.push(`references: [${references.join(", ")}]`);
  const extra = extraBody(files);
  if (extra.text) lines.push(`extraBody: ${extra.text}`);
  const uri =
    '\nconst uri = (name) => `data:application/octet-stream;base64,${readFileSync(name, "base64")}`;\n';
  return `// The client is in clients/js; docs/how-to/javascript.md says how to install it.
// export RUSHES_BASE_URL=${base} RUSHES_API_KEY=…  (your key)
${hasFiles ? 'import { readFileSync } from "node:fs";\n' : ""}import { Rushes } from "rushes";
${extra.needsUri ? uri : ""}
const client = new Rushes();
const film = await client.videos.createAndWait({
${lines.map((line) => `  ${line},`).join("\n")}
});
await client.videos.download(film, "film.mp4");
`;
}

// -- the command line ------------------------------------------------------------------------------

function cli(form, base) {
  const {
    model,
    prompt,
    seconds,
    size,
    resolution,
    ratio,
    seed,
    generate_audio: audio,
    negative_prompt: negative,
    metadata,
  } = plainBody(form);
  const { start_within_s: startWithin, ...kept } = metadata ?? {};
  const lines = [
    `rushes generate${prompt === undefined ? "" : ` ${shell(prompt)}`}`,
    `--model ${shellName(model)}`,
  ];
  const say = (flag, value) =>
    value !== undefined &&
    lines.push(`${flag}${String(value).startsWith("-") ? "=" : " "}${shellName(String(value))}`);
  say("--seconds", seconds);
  say("--size", size);
  say("--resolution", resolution);
  say("--ratio", ratio);
  say("--seed", seed);
  if (audio !== undefined) lines.push(audio ? "--audio" : "--no-audio");
  say("--negative", negative);
  say("--start-within", startWithin);
  if (Object.keys(kept).length) lines.push(`--metadata ${shell(JSON.stringify(kept))}`);
  const missing = [];
  for (const { role, asset } of filesOf(form)) {
    const flag =
      { first_frame: "--image", last_frame: "--last-frame" }[role] ??
      (isReference(role) ? "--reference" : null);
    if (flag) say(flag, isThere(asset) ? asset.url : asset.name);
    else missing.push(ROLES[role].label.toLowerCase());
  }
  lines.push("-o film.mp4");
  const note = missing.length ? `# The command line has no word for: ${missing.join(", ")}.\n` : "";
  return `export RUSHES_BASE_URL=${shellName(base)} RUSHES_API_KEY=…  # your key\n\n${note}${lines.join(BREAK)}\n`;
}
