/** Operations: is everything well, what needs a hand, and all that operators can do about it. */

import { Badge, Head, Tabs, html, useEffect } from "../ui.js";
import { Deliveries } from "./operations/deliveries.js";
import { Doubts } from "./operations/doubts.js";
import { handsOf } from "./operations/hands.js";
import { Models } from "./operations/models.js";
import { Overview } from "./operations/overview.js";
import { Routes } from "./operations/routes.js";
import { Salvage } from "./operations/salvage.js";
import { Tasks } from "./operations/tasks.js";
import { useEverybody, useFacts } from "./operations/words.js";

const ROOT = "#/operations";
const EVERY_S = 5;

/** What the whole page goes by; each is asked for by itself, and may be missing by itself. */
const HOUSE = {
  system: "/admin/v1/system",
  providers: "/admin/v1/providers",
  routes: "/admin/v1/routes",
  doubts: "/admin/v1/doubts?limit=100",
  salvage: "/admin/v1/salvage?limit=100",
  dead: "/admin/v1/posts?state=dead&limit=100",
};

/** The catalog beside it, for keys that it is open to. */
const houseOf = (who) => (who.scopes.some((scope) => scope !== "admin") ? { ...HOUSE, models: "/v1/models" } : HOUSE);

const TABS = [
  { name: "Overview", room: "", page: Overview },
  { name: "Routes", room: "routes", page: Routes, about: "routes" },
  { name: "Tasks", room: "tasks", page: Tasks },
  { name: "In doubt", room: "doubts", page: Doubts, about: "doubts" },
  { name: "Salvage", room: "salvage", page: Salvage, about: "salvage" },
  { name: "Deliveries", room: "deliveries", page: Deliveries, about: "deliveries" },
  { name: "Models", room: "models", page: Models, about: "models" },
];

const addressOf = (tab) => (tab.room ? `${ROOT}/${tab.room}` : ROOT);

export function Operations({ who, rest, query }) {
  const facts = useFacts(houseOf(who), { everyS: EVERY_S });
  const { everybody } = useEverybody();
  const here = TABS.find((tab) => tab.room === rest) ?? TABS[0];
  const hands = facts.data ? handsOf({ ...EMPTY, ...facts.data }) : null;
  useEffect(() => {
    document.title = here.room ? `${here.name} · Operations – Rushes` : "Operations – Rushes";
  }, [here.name]);
  const nameOf = (tab) => {
    const own = tab.about ? (hands ?? []).filter((hand) => hand.about === tab.about) : [];
    const due = own.reduce((sum, hand) => sum + hand.count, 0);
    const tone = own.some((hand) => hand.tone === "bad") ? "bad" : "warn";
    return due ? html`${tab.name} <${Badge} tone=${tone}>${due}<span class="unseen"> need a hand</span><//>` : tab.name;
  };
  return html`
    <${Head} title="Operations" />
    <${Tabs} label="Operations" here=${addressOf(here)} tabs=${TABS.map((tab) => [addressOf(tab), nameOf(tab)])} />
    <${here.page}
      who=${who}
      query=${query}
      everybody=${everybody}
      hands=${hands}
      house=${{ ...EMPTY, ...facts.data }}
      reload=${facts.reload}
      isThere=${facts.data !== null}
    />
  `;
}

const EMPTY = Object.fromEntries([...Object.keys(HOUSE), "models"].map((name) => [name, { data: null, error: null }]));
