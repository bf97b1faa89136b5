/** The console: who is here, which page, and the frame around it. */

import { forget, get, keep, keyNow, whenLost } from "./api.js";
import { Gate } from "./gate.js";
import { Audit } from "./pages/audit.js";
import { Film } from "./pages/film.js";
import { Films } from "./pages/films.js";
import { Keys } from "./pages/keys.js";
import { Operations } from "./pages/operations.js";
import { Playground } from "./pages/playground.js";
import { Usage } from "./pages/usage.js";
import { Toasts } from "./toasts.js";
import { Badge, Empty, html, render, useEffect, useInSight, useRef, useState } from "./ui.js";

/**
 * Every page: its address, what it is called, which scope it needs, and what it shows. What
 * `operators` may see without that scope is the page, or one thing of it alone.
 */
const PAGES = [
  { address: "#/", name: "Playground", scope: "generate", page: Playground },
  { address: "#/films", name: "Films", scope: "read", page: Films, inner: Film, operators: "inner" },
  { address: "#/usage", name: "Usage", scope: "read", page: Usage, operators: "page" },
  { address: "#/operations", name: "Operations", scope: "admin", page: Operations, inner: Operations },
  { address: "#/keys", name: "Keys", scope: "admin", page: Keys, inner: Keys },
  { address: "#/audit", name: "Audit", scope: "admin", page: Audit },
];

/** Return the page of an address: `#/films/video_1?tab=x` → Films, `rest` = `video_1`. */
function placeOf(hash) {
  const [path, query = ""] = (hash || "#/").split("?");
  const [, room = "", ...rest] = path.split("/");
  const found = PAGES.find((one) => one.address === `#/${room}`);
  return {
    found,
    rest: rest.map(decodeURIComponent).join("/"),
    query: new URLSearchParams(query),
    path,
  };
}

function App() {
  const [who, setWho] = useState(null);
  const [lost, setLost] = useState(null);
  const [isKnown, setKnown] = useState(keyNow() === null);
  const [place, setPlace] = useState(placeOf(location.hash));

  useEffect(() => {
    const onMove = () => setPlace(placeOf(location.hash));
    window.addEventListener("hashchange", onMove);
    return () => window.removeEventListener("hashchange", onMove);
  }, []);

  useEffect(() => {
    whenLost((refused) => {
      forget();
      setWho(null);
      setLost(refused);
    });
    if (keyNow() !== null) {
      get("/v1/key")
        .then(setWho, (refused) => setLost(refused))
        .finally(() => setKnown(true));
    }
  }, []);

  const enter = async (secret) => {
    keep(secret);
    try {
      setWho(await get("/v1/key"));
      setLost(null);
    } catch (refused) {
      forget();
      throw refused;
    }
  };
  const leave = () => {
    forget();
    setWho(null);
    setLost(null);
    location.hash = "#/";
  };

  if (!isKnown) return html`<p class="plain soft" role="status">Opening the console …</p>`;
  if (who === null) return html`<${Gate} onEnter=${enter} lost=${lost} />`;
  return html`<${Frame} who=${who} place=${place} onLeave=${leave} />`;
}

/** Why a key does not open the operators' pages; null where it does. */
function closedToOperator(who) {
  if (who.is_test) return "A test key is never an operator's.";
  if (who.operators === "off") return "This server answers no operators (server.admin).";
  if (who.operators === "elsewhere") return "Operators are answered at a port of their own here.";
  return who.scopes.includes("admin") ? null : lacking("admin", who);
}

const lacking = (scope, who) =>
  `This needs a key with the scope ${scope}; yours has ${who.scopes.join(", ") || "none"}.`;

/** Why a key does not open a page, or one thing of it (`isInner`); null where it does. */
function closedBecause(page, who, isInner = false) {
  if (page.scope === "admin") return closedToOperator(who);
  if (who.scopes.includes(page.scope)) return null;
  const isSeen = page.operators === "page" || (page.operators === "inner" && isInner);
  if (isSeen && closedToOperator(who) === null) return null;
  return lacking(page.scope, who);
}

function Frame({ who, place, onLeave }) {
  const main = useRef(null);
  const rooms = useRef(null);
  const isFirst = useRef(true);
  useInSight(rooms, place.found);
  useEffect(() => {
    const here = document.querySelector(".rooms [aria-current]");
    here?.scrollIntoView({ block: "nearest", inline: "nearest" });
    if (isFirst.current) {
      isFirst.current = false;
      return;
    }
    main.current.focus();
    window.scrollTo(0, 0);
  }, [place.path]);

  const open = PAGES.filter((page) => closedBecause(page, who) === null);
  const isAstray = place.path === "#/" && open.length > 0 && open[0].address !== "#/";
  useEffect(() => {
    if (isAstray) location.replace(open[0].address); // who may not make films begins elsewhere
  }, [isAstray]);
  const operators = open.filter((page) => page.scope === "admin");
  return html`<div class="frame">
    <a class="skip unseen" href="#main" onClick=${(event) => {
      event.preventDefault();
      main.current.focus();
    }}>To the page</a>
    <aside class="side">
      <a class="brand" href="#/"><img src="/console/mark.svg" alt="" />Rushes</a>
      <nav class="rooms" aria-label="Pages" ref=${rooms}>
        ${open.map(
          (page) => html`${page === operators[0] && html`<span class="heading">Operators</span>`}
            <a
              key=${page.address}
              href=${page.address}
              aria-current=${place.found === page ? "page" : undefined}
              >${page.name}</a
            >`,
        )}
        <span class="heading">Reference</span>
        <a href="/docs">API</a>
      </nav>
      <${Who} who=${who} onLeave=${onLeave} />
    </aside>
    <main id="main" tabindex="-1" ref=${main}>
      ${!isAstray && html`<${Page} who=${who} place=${place} />`}
    </main>
    <${Toasts} />
  </div>`;
}

function Who({ who, onLeave }) {
  return html`<div class="who">
    <span><strong>${who.name || who.prefix}</strong></span>
    <span class="long mono">${who.prefix}…</span>
    <span class="row long">
      ${who.is_test ? html`<${Badge} tone="warn">test key<//>` : html`<${Badge} tone="good">live key<//>`}
      ${who.scopes.map((scope) => html`<${Badge} key=${scope} word=${scope} />`)}
    </span>
    <button class="button slim" type="button" onClick=${onLeave}>Sign out</button>
  </div>`;
}

function Page({ who, place }) {
  const { found, rest, query } = place;
  if (!found || (rest && !found.inner)) {
    return html`<${Empty} isPage title="There is no such page"
      action=${html`<a class="button first" href="#/">To the playground</a>`}
      >The address ${location.hash} leads nowhere.<//>`;
  }
  const why = closedBecause(found, who, rest !== "");
  if (why !== null) {
    const first = PAGES.find((page) => closedBecause(page, who) === null);
    return html`<${Empty} isPage title=${`${found.name} is closed to this key`}
      action=${first && html`<a class="button first" href=${first.address}>${`To ${first.name.toLowerCase()}`}</a>`}
      >${why}<//>`;
  }
  const component = rest && found.inner !== found.page ? found.inner : found.page;
  return html`<${component} who=${who} rest=${rest} query=${query} key=${component === found.page ? found.address : rest} />`;
}

render(html`<${App} />`, document.getElementById("app"));
