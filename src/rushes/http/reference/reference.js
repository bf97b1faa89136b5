// The reference: languages as tabs, a list that can be searched, and calls that can be tried.
// The page reads without any of it; nothing here asks anybody but the server that the page is of.

const KEY = "rushes.key";
const LANGUAGE = "rushes.language";
const WAIT_S = 20;
const SHOWN_CHARACTERS_MAX = 200_000;

const all = (selector, within = document) => [...within.querySelectorAll(selector)];
const one = (selector, within = document) => within.querySelector(selector);

function made(name, attributes = {}, ...inside) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...inside);
  return element;
}

function stored(area, name, value) {
  try {
    if (value === undefined) return area().getItem(name);
    if (value) area().setItem(name, value);
    else area().removeItem(name);
  } catch {
    // A browser that keeps nothing: the page works, and forgets.
  }
  return null;
}

const session = () => sessionStorage;
const local = () => localStorage;

// -- languages ---------------------------------------------------------------------------------

const groups = [];

function chooseLanguage(name, { isKept = true } = {}) {
  for (const { tabs, panels } of groups) {
    tabs.forEach((tab) => {
      const isChosen = tab.textContent === name;
      tab.setAttribute("aria-selected", String(isChosen));
      tab.tabIndex = isChosen ? 0 : -1;
    });
    panels.forEach((panel) => (panel.hidden = panel.dataset.language !== name));
  }
  if (isKept) stored(local, LANGUAGE, name);
}

function makeTabs(snippets, place) {
  const panels = all("[data-language]", snippets);
  const list = made("span", { role: "tablist", "aria-label": "Language" });
  const tabs = panels.map((panel, n) => {
    panel.id = `snippet-${place}-${n}`;
    panel.setAttribute("role", "tabpanel");
    panel.setAttribute("aria-labelledby", `${panel.id}-tab`);
    return made(
      "button",
      { type: "button", role: "tab", id: `${panel.id}-tab`, "aria-controls": panel.id },
      panel.dataset.language,
    );
  });
  const copy = made("button", { type: "button", class: "copy quiet" }, "Copy");
  copy.addEventListener("click", () => copyFrom(copy, panels.find((panel) => !panel.hidden)));
  list.append(...tabs);
  list.addEventListener("click", (event) => {
    const tab = event.target.closest("[role=tab]");
    if (tab) keepInPlace(tab, () => chooseLanguage(tab.textContent));
  });
  list.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const at = tabs.indexOf(document.activeElement);
    if (!step || at < 0) return;
    event.preventDefault();
    const next = tabs[(at + step + tabs.length) % tabs.length];
    keepInPlace(next, () => chooseLanguage(next.textContent));
    next.focus({ preventScroll: true });
  });
  snippets.prepend(made("div", { class: "tabs" }, list, copy));
  snippets.classList.add("tabbed");
  groups.push({ tabs, panels });
}

// All examples change at once; what the visitor looks at must not move away from under the eye.
function keepInPlace(element, change) {
  const before = element.getBoundingClientRect().top;
  change();
  window.scrollBy({ top: element.getBoundingClientRect().top - before, behavior: "instant" });
}

async function copyFrom(button, panel) {
  const code = one("code", panel);
  try {
    await navigator.clipboard.writeText(code.textContent);
    button.textContent = "Copied";
  } catch {
    const range = document.createRange();
    range.selectNodeContents(code);
    const selection = getSelection();
    selection.removeAllRanges();
    selection.addRange(range);
    button.textContent = "Selected";
  }
  setTimeout(() => (button.textContent = "Copy"), 2000);
}

// -- the list ----------------------------------------------------------------------------------

function makeList() {
  const nav = one("nav");
  const find = one("#find");
  const fold = one("nav > details");
  const wide = matchMedia("(min-width: 64rem)");
  const fit = () => (fold.open = wide.matches);
  wide.addEventListener("change", fit);
  fit();
  one(".find").hidden = false;
  find.addEventListener("input", () => filter(find.value));
  find.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !find.value) return;
    event.preventDefault();
    find.value = "";
    filter("");
  });
  document.addEventListener("keydown", (event) => {
    const isWriting = event.target.closest("input, textarea, select");
    if (event.key !== "/" || isWriting || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    fold.open = true;
    find.focus();
  });
  nav.addEventListener("click", (event) => {
    if (event.target.closest("a") && !wide.matches) fold.open = false;
  });
  follow(nav);
}

function filter(text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  let found = 0;
  for (const list of all("nav ul")) {
    let within = 0;
    for (const link of all("a", list)) {
      const isFound = words.every((word) => link.dataset.words.includes(word));
      link.parentElement.hidden = !isFound;
      within += isFound ? 1 : 0;
    }
    list.hidden = list.previousElementSibling.hidden = within === 0;
    found += within;
  }
  one("nav .none").hidden = found > 0;
}

// The operation that is read is marked in the list.
function follow(nav) {
  const links = new Map(all("li a", nav).map((link) => [link.hash.slice(1), link]));
  let current = null;
  const observer = new IntersectionObserver(
    (entries) => {
      const seen = entries.find((entry) => entry.isIntersecting && links.has(entry.target.id));
      if (!seen) return;
      current?.removeAttribute("aria-current");
      current = links.get(seen.target.id);
      current.setAttribute("aria-current", "true");
      const box = current.getBoundingClientRect();
      const frame = nav.getBoundingClientRect();
      if (box.top < frame.top || box.bottom > frame.bottom) {
        nav.scrollTop += box.top - frame.top - frame.height / 3;
      }
    },
    { rootMargin: "-15% 0px -75% 0px" },
  );
  all("article").forEach((article) => observer.observe(article));
}

// -- the key -----------------------------------------------------------------------------------

function makeKey() {
  const form = one("form.key");
  const input = one("#key");
  input.value = stored(session, KEY) ?? "";
  input.addEventListener("input", () => stored(session, KEY, input.value.trim()));
  form.addEventListener("submit", (event) => event.preventDefault());
  one(".forget", form).addEventListener("click", () => {
    input.value = "";
    stored(session, KEY, "");
    input.focus();
  });
  form.hidden = false;
}

const keyNow = () => one("#key").value.trim();

// -- trying ------------------------------------------------------------------------------------

// Addresses beside /docs: a proxy may have put the whole server below a path.
const addressOf = (path) => new URL(`.${path}`, new URL(".", location.href));

function requestOf(form) {
  const missing = all("[required]", form).find((input) => !input.value.trim());
  if (missing) return { missing };
  let path = form.dataset.path;
  const query = new URLSearchParams();
  const headers = {};
  let body;
  for (const input of all("[data-place]", form)) {
    const value = input.value.trim();
    const { place } = input.dataset;
    if (place === "path") path = path.replace(`{${input.name}}`, encodeURIComponent(value));
    else if (place === "body") body = value || undefined;
    else if (!value) continue;
    else if (place === "query") query.set(input.name, value);
    else headers[input.name] = value;
  }
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (form.dataset.key) headers.Authorization = `Bearer ${keyNow()}`;
  const address = addressOf(path);
  address.search = query;
  return { address, options: { method: form.dataset.method, headers, body } };
}

function makeTrying(fold) {
  const form = one("form", fold);
  const send = one(".send", form);
  const stop = one(".stop", form);
  const outcome = one(".outcome", form);
  let aborting = null;
  stop.addEventListener("click", () => aborting?.abort());
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (aborting) return;
    const { missing, address, options } = requestOf(form);
    if (missing) {
      missing.setAttribute("aria-invalid", "true");
      say(outcome, "bad", `${missing.name} is required.`);
      missing.focus();
      return;
    }
    all("[aria-invalid]", form).forEach((input) => input.removeAttribute("aria-invalid"));
    if (form.dataset.key && !keyNow()) {
      say(outcome, "bad", "This call needs a key: ", made("a", { href: "#begin" }, "enter yours"), ".");
      return;
    }
    aborting = new AbortController();
    send.disabled = true;
    stop.hidden = false;
    forget(outcome);
    say(outcome, "", "Asking…");
    try {
      await ask(outcome, form, address, { ...options, signal: aborting.signal });
    } catch (error) {
      const text = error.name === "AbortError" ? "Stopped." : `No answer: ${error.message}.`;
      outcome.append(state(error.name === "AbortError" ? "" : "bad", text));
    } finally {
      aborting = null;
      send.disabled = false;
      stop.hidden = true;
    }
  });
  fold.hidden = false;
}

const state = (kind, ...inside) => made("p", { class: `state ${kind}` }, ...inside);
const say = (outcome, kind, ...inside) => outcome.replaceChildren(state(kind, ...inside));

// Addresses of what was shown before are given back.
function forget(outcome) {
  all("[src^='blob:']", outcome).forEach((shown) => URL.revokeObjectURL(shown.src));
}

async function ask(outcome, form, address, options) {
  const began = performance.now();
  const answer = await fetch(address, options);
  const took = Math.round(performance.now() - began);
  say(outcome, answer.ok ? "good" : "bad", `${answer.status} ${answer.statusText}`.trim(), ` after ${took} ms`);
  outcome.append(headersOf(answer));
  const kind = (answer.headers.get("Content-Type") ?? "").split(";")[0];
  if (kind === "text/event-stream") return tellStream(outcome, answer);
  if (kind.startsWith("video/") || kind.startsWith("image/")) {
    return showFilm(outcome, URL.createObjectURL(await answer.blob()), kind);
  }
  const text = await answer.text();
  const told = readJson(text);
  if (text) outcome.append(shownText(told ? JSON.stringify(told, null, 2) : text));
  if (answer.ok && told) await goOn(outcome, form, told, options);
}

function readJson(text) {
  try {
    const value = JSON.parse(text);
    return value && typeof value === "object" ? value : null;
  } catch {
    return null;
  }
}

function headersOf(answer) {
  const lines = [...answer.headers].map(([name, value]) => `${name}: ${value}`);
  return made(
    "details",
    {},
    made("summary", {}, `${lines.length} headers`),
    shownText(lines.join("\n")),
  );
}

function shownText(text) {
  const isLong = text.length > SHOWN_CHARACTERS_MAX;
  const shown = isLong ? `${text.slice(0, SHOWN_CHARACTERS_MAX)}\n… cut here` : text;
  return made("pre", { tabindex: "0", role: "group", "aria-label": "Answer" }, made("code", {}, shown));
}

async function tellStream(outcome, answer) {
  const shown = shownText("");
  outcome.append(shown);
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const { value, done } = await reader.read();
    if (done) break;
    shown.firstChild.append(value);
    shown.scrollTop = shown.scrollHeight;
  }
  outcome.append(state("", "The stream has ended."));
}

function showFilm(outcome, source, kind) {
  if (kind.startsWith("image/")) {
    outcome.append(made("img", { src: source, alt: "The still that was answered" }));
    return;
  }
  const film = made("video", { src: source, controls: "", playsinline: "", preload: "auto" });
  film.addEventListener("error", () => {
    film.replaceWith(state("", "The browser cannot show it here: ", made("a", { href: source }, "open the film"), "."));
  });
  outcome.append(film);
}

// -- after an answer ---------------------------------------------------------------------------

// What a call made is what the next one is about: its id goes into every empty field for one.
async function goOn(outcome, form, told, options) {
  const task = told.data?.task_id ?? told.task_id ?? (told.object === "video" ? told.id : undefined);
  if (form.dataset.makes && task) {
    for (const input of all('input[name="task_id"], input[name="video_id"], form[data-path$="download"] input[name="id"]')) {
      if (input.dataset.place) input.value = task;
    }
    const button = made("button", { type: "button", class: "quiet" }, "Wait for the film");
    const row = made("p", { class: "acts" }, button);
    outcome.append(row);
    button.addEventListener("click", () => {
      row.remove();
      wait(outcome, task, options.headers.Authorization);
    });
    return;
  }
  const film = told.data?.url ?? told.url;
  if (typeof film === "string" && film.includes("/files/")) showFilm(outcome, film, "video/mp4");
}

async function wait(outcome, task, key) {
  const bar = made("progress", { max: "100", value: "0", "aria-label": "Progress" });
  const word = state("", "Waiting for the film…");
  outcome.append(word, bar);
  const headers = { Authorization: key };
  const looking = setInterval(() => look(task, headers, bar), 1000);
  try {
    const film = await held(task, headers);
    word.textContent = "Here is the film.";
    showFilm(outcome, film, "video/mp4");
  } catch (error) {
    word.className = "state bad";
    word.textContent = `There is no film: ${error.message}`;
  } finally {
    clearInterval(looking);
    bar.remove();
  }
}

// A held look ends when the task does; it tells the film's address, or why there is none.
async function held(task, headers) {
  for (;;) {
    const address = addressOf(`/v1/video/generations/${task}?wait=${WAIT_S}`);
    const answer = await fetch(address, { headers });
    const told = await answer.json();
    if (!answer.ok) throw new Error(told.error?.message ?? told.message ?? answer.statusText);
    const { url, error } = told.data ?? told;
    if (error) throw new Error(error.message);
    if (url) return url;
  }
}

// Beside it, how far the task is.
async function look(task, headers, bar) {
  const answer = await fetch(addressOf(`/v1/videos/${task}`), { headers }).catch(() => null);
  if (answer?.ok) bar.value = (await answer.json()).progress;
}

// -- beginning ---------------------------------------------------------------------------------

all(".snippets").forEach(makeTabs);
chooseLanguage(stored(local, LANGUAGE) || "curl", { isKept: false });
if (!groups.some(({ tabs }) => tabs.some((tab) => tab.getAttribute("aria-selected") === "true"))) {
  chooseLanguage("curl", { isKept: false });
}
makeList();
makeKey();
all("details.try").forEach(makeTrying);
