/** Files that come along: by drop, paste, pick or address; judged before anything is sent. */

import { bytes } from "../format.js";
import { html, useId, useRef, useState } from "../ui.js";
import { formatName, wrongWith } from "./wish.js";

const MAGIC = [
  ["jpeg", "image", [0xff, 0xd8, 0xff]],
  ["png", "image", [0x89, 0x50, 0x4e, 0x47]],
  ["webm", "video", [0x1a, 0x45, 0xdf, 0xa3]],
  ["mp3", "audio", [0x49, 0x44, 0x33]],
  ["mp3", "audio", [0xff, 0xfb]],
  ["mp3", "audio", [0xff, 0xf3]],
  ["mp3", "audio", [0xff, 0xf2]],
];
const TYPES = {
  jpeg: "image/jpeg",
  png: "image/png",
  webp: "image/webp",
  mp4: "video/mp4",
  mov: "video/quicktime",
  webm: "video/webm",
  mp3: "audio/mpeg",
  wav: "audio/wav",
};
const ACCEPTS = { image: "image/*", video: "video/*", audio: "audio/*" };

/** Return `[format, medium]` by content, not by name. */
async function kindOf(file) {
  const head = new Uint8Array(await file.slice(0, 12).arrayBuffer());
  const text = String.fromCharCode(...head);
  if (text.startsWith("RIFF") && text.slice(8) === "WEBP") return ["webp", "image"];
  if (text.startsWith("RIFF") && text.slice(8) === "WAVE") return ["wav", "audio"];
  if (text.slice(4, 8) === "ftyp") return [text.slice(8, 10) === "qt" ? "mov" : "mp4", "video"];
  const found = MAGIC.find(([, , magic]) => magic.every((byte, n) => head[n] === byte));
  return found ? found.slice(0, 2) : [null, null];
}

/** Read a file into what a form holds: its data URI, its measures, and what is wrong with it. */
export async function assetOf(file, limits) {
  const [format, medium] = await kindOf(file);
  const name = file.name || `pasted.${format ?? "bin"}`;
  const asset = {
    name,
    file,
    format,
    medium,
    sizeBytes: file.size,
    preview: URL.createObjectURL(file),
  };
  if (medium === "image") Object.assign(asset, await measured(asset.preview));
  asset.url = await dataUri(file.slice(0, file.size, TYPES[format] ?? file.type));
  return { ...asset, wrong: wrongWith(asset, limits) };
}

/** Return an address as an asset; the server fetches it later, under the same limits. */
export const assetAt = (address) => ({
  name: address,
  url: address.trim(),
  preview: null,
  sizeBytes: null,
  wrong: null,
});

/** Cut and scale a picture to a size, from its middle. */
async function fitted(asset, size, limits) {
  const [width, height] = size.split("x").map(Number);
  const picture = await createImageBitmap(asset.file);
  const scale = Math.max(width / picture.width, height / picture.height);
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  const [wide, high] = [picture.width * scale, picture.height * scale];
  canvas.getContext("2d").drawImage(picture, (width - wide) / 2, (height - high) / 2, wide, high);
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
  return assetOf(
    new File([blob], asset.name.replace(/\.\w+$/, "") + `-${size}.png`, { type: "image/png" }),
    limits,
  );
}

async function measured(address) {
  const picture = new Image();
  picture.src = address;
  try {
    await picture.decode();
    return { width: picture.naturalWidth, height: picture.naturalHeight };
  } catch {
    return {};
  }
}

function dataUri(blob) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(blob);
  });
}

/** Return the files of a drop or a paste. */
export const filesIn = (transfer) => [...(transfer?.files ?? [])];

const rule = (limits) =>
  `${limits.formats.map(formatName).join(", ")} up to ${bytes(limits.bytesMax).replace(".0 ", " ")}` +
  (limits.sizeWanted ? `, exactly ${limits.sizeWanted.replace("x", "×")} px` : "");

/** A place for one file or several of a kind. */
export function Slot({ label, assets, max, limits, wrong, onChange }) {
  const id = useId();
  const picker = useRef(null);
  const [isOver, setOver] = useState(false);
  const [isTyping, setTyping] = useState(false);
  const room = max - assets.length;
  const take = async (files) => {
    const read = await Promise.all(files.slice(0, room).map((file) => assetOf(file, limits)));
    if (read.length) onChange([...assets, ...read]);
  };
  const drop = (event) => {
    event.preventDefault();
    setOver(false);
    take(filesIn(event.dataTransfer));
  };
  const paste = (event) => {
    if (!filesIn(event.clipboardData).length) return;
    event.preventDefault();
    take(filesIn(event.clipboardData));
  };
  const without = (asset) => {
    if (asset.preview) URL.revokeObjectURL(asset.preview);
    onChange(assets.filter((one) => one !== asset));
  };
  const fit = async (asset) => {
    const better = await fitted(asset, limits.sizeWanted, limits);
    onChange(assets.map((one) => (one === asset ? better : one)));
  };
  return html`<div
    class=${`slot ${isOver ? "over" : ""} ${wrong ? "refused" : ""}`}
    role="group"
    aria-labelledby=${`${id}-name`}
    aria-describedby=${`${id}-rule`}
    onDragOver=${(event) => {
      event.preventDefault();
      setOver(true);
    }}
    onDragLeave=${() => setOver(false)}
    onDrop=${drop}
    onPaste=${paste}
  >
    <div class="row slot-head">
      <span id=${`${id}-name`} class="slot-name">${label}</span>
      ${max > 1 && html`<span class="soft small">${assets.length} of ${max}</span>`}
    </div>
    ${assets.map(
      (asset, n) => html`<${Given}
      key=${asset.url.slice(-64) + n}
      label=${label}
      asset=${asset}
      limits=${limits}
      onFit=${() => fit(asset)}
      onRemove=${() => without(asset)}
    />`,
    )}
    ${
      room > 0 &&
      html`<div class="row slot-verbs">
      <input
        ref=${picker}
        id=${`${id}-file`}
        class="unseen"
        type="file"
        tabindex="-1"
        aria-label=${`${label}: file`}
        accept=${ACCEPTS[limits.medium]}
        multiple=${max > 1}
        onChange=${(event) => {
          take([...event.currentTarget.files]);
          event.currentTarget.value = "";
        }}
      />
      <button class="button slim" type="button" aria-label=${`Choose ${label.toLowerCase()}`} onClick=${() => picker.current.click()}>Choose</button>
      <button
        class="button quiet slim"
        type="button"
        aria-expanded=${isTyping}
        aria-label=${`Link to ${label.toLowerCase()}`}
        onClick=${() => setTyping(!isTyping)}
      >Link</button>
    </div>`
    }
    ${
      room > 0 &&
      isTyping &&
      html`<${Address} label=${label} onGive=${(address) => {
        onChange([...assets, assetAt(address)]);
        setTyping(false);
      }} />`
    }
    <p class="hint small soft" id=${`${id}-rule`}>${rule(limits)}.</p>
    ${wrong && html`<p class="wrong small" role="alert">${wrong}</p>`}
  </div>`;
}

function Given({ label, asset, limits, onFit, onRemove }) {
  const canFit = asset.wrong && limits.sizeWanted && asset.width;
  return html`<div class="given">
    ${asset.preview && asset.medium === "image" && html`<img src=${asset.preview} alt=${`${label}: ${asset.name}`} />`}
    ${asset.preview && asset.medium === "video" && html`<video src=${asset.preview} muted playsinline aria-label=${`${label}: ${asset.name}`}></video>`}
    <div class="given-words">
      <span class="cut" title=${asset.name}>${asset.name}</span>
      <span class="soft small">
        ${asset.width ? `${asset.width}×${asset.height}, ` : ""}${asset.sizeBytes == null ? "fetched by the server" : bytes(asset.sizeBytes)}
      </span>
      ${canFit && html`<button class="button slim" type="button" onClick=${onFit}>Cut to ${limits.sizeWanted.replace("x", "×")}</button>`}
    </div>
    <button class="button quiet slim" type="button" aria-label=${`Remove ${asset.name}`} onClick=${onRemove}>Remove</button>
  </div>`;
}

function Address({ label, onGive }) {
  const [text, setText] = useState("");
  const give = () => /^https?:\/\/\S+$/.test(text.trim()) && onGive(text);
  const onKey = (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    give();
  };
  return html`<div class="row address">
    <input
      type="url"
      aria-label=${`Address for ${label.toLowerCase()}`}
      placeholder="https://…"
      value=${text}
      onInput=${(event) => setText(event.currentTarget.value)}
      onKeyDown=${onKey}
    />
    <button class="button slim" type="button" onClick=${give}>Use it</button>
  </div>`;
}
