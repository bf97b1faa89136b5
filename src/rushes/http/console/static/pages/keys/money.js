/** Budgets: what an account or a key may spend, how much of it is spent, and changing that. */

import { send } from "../../api.js";
import { money } from "../../format.js";
import { toast } from "../../toasts.js";
import { Confirm, Dialog, Failure, Field, Strip, html, useState } from "../../ui.js";

const PERIODS = { total: "In all", day: "A day", month: "A month" };
const NEARLY = 0.9;

/** One budget: a bar of what is spent, and the same in words. */
export function Purse({ purse, isSmall = false }) {
  const { limit_microusd: limit, spent_microusd: spent, left_microusd: left, period } = purse;
  const share = limit > 0 ? Math.min(1, Math.max(0, spent / limit)) : 1;
  const tone = left <= 0 ? "bad" : share >= NEARLY ? "warn" : "";
  const plain = { zero: "$0" };
  const told = left < 0 ? `${money(-left, plain)} beyond it` : `${money(left, plain)} left`;
  return html`<div class="purse">
    <p class=${isSmall ? "small" : ""}>
      <strong>${PERIODS[period]}</strong>: ${money(spent, plain)} of ${money(limit, plain)} spent${" "}
      <span class="soft">· ${told}</span>
    </p>
    <div class=${`bar ${tone}`} aria-hidden="true"><span style=${`width:${100 * share}%`}></span></div>
  </div>`;
}

/** All budgets of an owner, with what can be done about each. */
export function Purses({ owner, purses, onChange }) {
  const [open, setOpen] = useState(null);
  const close = () => setOpen(null);
  const free = Object.keys(PERIODS).filter((period) => !purses.some((one) => one.period === period));
  const remove = async () => {
    await send("DELETE", `/admin/v1/budgets/${owner.id}/${open.purse.period}`);
    toast("The budget is gone.");
    onChange();
  };
  return html`<div class="stack">
    ${purses.length === 0 &&
    html`<p class="soft">
      No budget bounds what ${owner.name} may spend. With one, a film that it does not cover is
      refused (402).
    </p>`}
    ${purses.map((purse) => {
      const name = PERIODS[purse.period].toLowerCase();
      const verb = (text, what) => html`<button
        class="button quiet slim" type="button" aria-label=${`${text}: budget ${name}`}
        onClick=${() => setOpen({ what, purse })}
      >${text}</button>`;
      return html`<div class="row purses" key=${purse.period}>
        <${Purse} purse=${purse} />
        <div class="row">${verb("Raise", "raise")}${verb("Set", "set")}${verb("Remove", "remove")}</div>
      </div>`;
    })}
    ${free.length > 0 &&
    html`<p><button class="button slim" type="button" onClick=${() => setOpen({ what: "new" })}>Add a budget</button></p>`}
    ${open && open.what !== "remove" &&
    html`<${Amount} what=${open.what} purse=${open.purse} owner=${owner} free=${free} onDone=${onChange} onClose=${close} />`}
    ${open?.what === "remove" &&
    html`<${Confirm} title="Remove this budget?" verb="Remove the budget" act=${remove} onClose=${close}>
      <p>
        ${owner.name} is bounded by it no longer (${PERIODS[open.purse.period].toLowerCase()},
        ${" "}${money(open.purse.limit_microusd, { zero: "$0" })}). What was spent stays spent.
      </p>
    <//>`}
  </div>`;
}

const TITLES = { new: "Add a budget", set: "Set this budget", raise: "Raise this budget" };

function Amount({ what, purse, owner, free, onDone, onClose }) {
  const [period, setPeriod] = useState(purse?.period ?? free[0]);
  const [dollars, setDollars] = useState(what === "set" ? String(purse.limit_microusd / 1e6) : "");
  const [error, setError] = useState(null);
  const [isBusy, setBusy] = useState(false);
  const amount = Math.round(Number(dollars.replace(",", ".")) * 1e6);
  const save = async (event) => {
    event.preventDefault();
    setError(null);
    if (!Number.isFinite(amount)) {
      setError({ message: "Write an amount in dollars, as 25 or 2.50.", param: "limit_microusd" });
      return;
    }
    setBusy(true);
    const path = `/admin/v1/budgets/${owner.id}/${period}`;
    try {
      if (what === "raise") await send("POST", `${path}/raise`, { by_microusd: amount });
      else await send("PUT", path, { limit_microusd: amount });
      toast(what === "raise" ? "The budget is raised." : "The budget is set.");
      onDone();
      onClose();
    } catch (refused) {
      setError(refused);
      setBusy(false);
    }
  };
  const isAmount = error?.param?.endsWith("_microusd");
  return html`<${Dialog} title=${TITLES[what]} onClose=${onClose}>
    <form class="stack" onSubmit=${save}>
      ${what === "new" &&
      html`<${Strip} label="Period" value=${period} onPick=${setPeriod}
        hint="A day and a month are of UTC, and begin anew."
        options=${free.map((value) => ({ value, label: PERIODS[value] }))} />`}
      ${purse && html`<${Purse} purse=${purse} />`}
      <${Field}
        label=${what === "raise" ? "Raise it by, in US dollars" : "It may spend, in US dollars"}
        hint=${what === "raise" ? "Less than 0 lowers it." : "What its owner holds and was charged in the period counts as spent already."}
        wrong=${isAmount ? error.message : null}
      >
        ${(ids) => html`<input ...${ids} inputmode="decimal" required autocomplete="off" placeholder="25" value=${dollars}
          onInput=${(event) => setDollars(event.currentTarget.value)} />`}
      <//>
      ${what === "raise" && dollars && Number.isFinite(amount) &&
      html`<p class="small soft" aria-live="polite">
        It is then ${money(purse.limit_microusd + amount, { zero: "$0" })}.
      </p>`}
      ${!isAmount && html`<${Failure} error=${error} />`}
      <div class="row">
        <button class="button first push" disabled=${isBusy}>${what === "raise" ? "Raise" : "Set"}</button>
        <button class="button" type="button" onClick=${onClose}>Leave it</button>
      </div>
    </form>
  <//>`;
}
