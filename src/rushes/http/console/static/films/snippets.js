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

const CURL_HEAD = ['-H "Authorization: Bearer $RUSHES_API_KEY"', '-H "Idempotency-Key: $(uuidgen)"'];

function curlJson(form) {
  const body = JSON.stringify(wholeBody(form), null, 2);
  return { before: "", lines: [...CURL_HEAD, '-H "Content-Type: application/json"', `-d ${shell(body)}`] };
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
    lines.push(`--form-string ${shell(`${name}=${typeof value === "object" ? JSON.stringify(value) : value}`)}`);
  }
  for (const { role, asset } of filesOf(form)) {
    if (!named[role]) continue;
    lines.push(isThere(asset) ? `--form-string ${shell(`${named[role]}=${asset.url}`)}` : `-F ${shell(`${named[role]}=@"${asset.name}"`)}`);
  }
  const paths = [];
  const content = contentOf(form, (name) => {
    paths.push(name);
    return "%s";
  });
  if (!content.length) return { before: "", lines };
  lines.push("-F 'content=<content.json'");
  const uris = paths.map((name) => `"data:application/octet-stream;base64,$(base64 -w0 ${shellName(name)})"`);
  const template = JSON.stringify(content).replaceAll("%", "%%").replaceAll("%%s", "%s");
  return { before: `printf ${shell(template)}${BREAK}${uris.join(BREAK)} > content.json\n\n`, lines };
}

// -- Python ----------------------------------------------------------------------------------------

function literal(value) {
  if (value === null) return "None";
  if (value === true) return "True";
  if (value === false) return "False";
  if (Array.isArray(value)) return `[${value.map(literal).join(", ")}]`;
  if (typeof value === "object") return `{${Object.entries(value).map(([name, inner]) => `${JSON.stringify(name)}: ${literal(inner)}`).join(", ")}}`;
  return JSON.stringify(value);
}

function python(form, base) {
  const { model, prompt, generate_audio: audio, ...rest } = plainBody(form);
  const lines = [prompt === undefined ? null : literal(prompt), `model=${literal(model)}`];
  for (const [name, value] of Object.entries(rest)) lines.push(`${name}=${literal(value)}`);
  if (audio !== undefined) lines.push(`audio=${literal(audio)}`);
  const files = filesOf(form);
  const path = (asset) => literal(isThere(asset) ? asset.url : asset.name);
  for (const { role, asset } of files) if (role === "first_frame" || role === "last_frame") lines.push(`${named[role]}=${path(asset)}`);
  const references = files.filter(({ role }) => isReference(role));
  if (references.length) lines.push(`references=[${references.map(({ asset }) => path(asset)).join(", ")}]`);
  const extra = extraBody(files);
  if (extra.text) lines.push(`extra_body=${extra.text}`);
  const body = lines.filter((line) => line !== null).map((line) => `        ${line},`).join("\n");
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

/** What the Python client has no word for: a first clip and driving audio. */
function extraBody(files) {
  const parts = [];
  let needsUri = false;
  const value = (asset) => {
    if (isThere(asset)) return literal(asset.url);
    needsUri = true;
    return `uri(${literal(asset.name)})`;
  };
  for (const { role, asset } of files) {
    if (role === "driving_audio") parts.push(`"audio_url": ${value(asset)}`);
    if (role === "first_clip") parts.push(`"content": [{"type": "video_url", "video_url": {"url": ${value(asset)}}, "role": "first_clip"}]`);
  }
  return { text: parts.length ? `{${parts.join(", ")}}` : "", needsUri };
}

// -- JavaScript ------------------------------------------------------------------------------------

function javascript(form, base) {
  const files = filesOf(form);
  const hasFiles = files.some(({ asset }) => !isThere(asset));
  const given = plainBody(form);
  const lines = Object.entries(given).map(([name, value]) => `  ${name}: ${JSON.stringify(value)},`);
  const value = (asset) => (isThere(asset) ? JSON.stringify(asset.url) : `uri(${JSON.stringify(asset.name)})`);
  for (const { role, asset } of files) if (named[role]) lines.push(`  ${named[role]}: ${value(asset)},`);
  const items = files.filter(({ role }) => !named[role]).map(({ role, asset }) => {
    const type = `${ROLES[role].medium}_url`;
    return `{ type: "${type}", ${type}: { url: ${value(asset)} }, role: "${role}" }`;
  });
  if (items.length) lines.push(`  content: [${items.join(", ")}],`);
  return `// Node 20 or newer. export RUSHES_BASE_URL=${base} RUSHES_API_KEY=…  (your key)
import { ${hasFiles ? "readFileSync, " : ""}writeFileSync } from "node:fs";

const base = process.env.RUSHES_BASE_URL;
const headers = { Authorization: \`Bearer \${process.env.RUSHES_API_KEY}\` };
const ask = async (path, more = {}) => {
  const response = await fetch(base + path, { ...more, headers: { ...headers, ...more.headers } });
  if (!response.ok) throw new Error(await response.text());
  return response;
};
${hasFiles ? 'const uri = (name) => `data:application/octet-stream;base64,${readFileSync(name, "base64")}`;\n' : ""}
const wish = {
${lines.join("\n")}
};
const made = await ask("/v1/video/generations", {
  method: "POST",
  headers: { "Content-Type": "application/json", "Idempotency-Key": crypto.randomUUID() },
  body: JSON.stringify(wish),
});
const { task_id: id } = await made.json();

let film;
do {
  film = await (await ask(\`/v1/video/generations/\${id}?wait=60\`)).json();
} while (film.status === "queued" || film.status === "in_progress");
if (film.error) throw new Error(film.error.message);

const bytes = await (await ask(\`/v1/videos/\${id}/content\`)).arrayBuffer();
writeFileSync("film.mp4", Buffer.from(bytes));
`;
}

// -- the command line ------------------------------------------------------------------------------

function cli(form, base) {
  const { model, prompt, seconds, size, resolution, ratio, seed, generate_audio: audio, negative_prompt: negative, metadata } = plainBody(form);
  const { start_within_s: startWithin, ...kept } = metadata ?? {};
  const lines = [`rushes generate${prompt === undefined ? "" : ` ${shell(prompt)}`}`, `--model ${shellName(model)}`];
  const say = (flag, value) => value !== undefined && lines.push(`${flag}${String(value).startsWith("-") ? "=" : " "}${shellName(String(value))}`);
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
    const flag = { first_frame: "--image", last_frame: "--last-frame" }[role] ?? (isReference(role) ? "--reference" : null);
    if (flag) say(flag, isThere(asset) ? asset.url : asset.name);
    else missing.push(ROLES[role].label.toLowerCase());
  }
  lines.push("-o film.mp4");
  const note = missing.length ? `# The command line has no word for: ${missing.join(", ")}.\n` : "";
  return `export RUSHES_BASE_URL=${shellName(base)} RUSHES_API_KEY=…  # your key\n\n${note}${lines.join(BREAK)}\n`;
}
