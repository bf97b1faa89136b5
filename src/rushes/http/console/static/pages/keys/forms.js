/** Making and changing keys and accounts, in dialogs. */

import { get, send } from "../../api.js";
import { toast } from "../../toasts.js";
import { Copy, Dialog, Failure, Field, Strip, html, useData, useState } from "../../ui.js";
import { LimitFields, limitsOf, typed } from "./limits.js";

const SCOPES = [
  ["generate", "make, cancel and delete films"],
  ["read", "look, list, download, usage"],
  ["admin", "everything on the operators’ pages, and no films"],
];
const DAY_S = 86_400;
const ENDS = [
  { value: "never", label: "Never" },
  { value: "30", label: "30 days" },
  { value: "90", label: "90 days" },
  { value: "365", label: "A year" },
  { value: "on", label: "On a day" },
];
const KNOWN = ["name", "scopes", "models", "networks", "expires_at", "account_id", "limits"];

/** What a refusal says of a field; and whether any field shows it. */
const wrongOf = (error, name) => (error?.param?.split(/[.[]/)[0] === name ? error.message : null);
const isShown = (error) => KNOWN.includes(error?.param?.split(/[.[]/)[0]);

/** A new secret, shown this once: it closes by its button alone. */
export function Secret({ made, note, onClose }) {
  return html`<${Dialog} title=${`The secret of ${made.name}`} isFirm onClose=${onClose}>
    <p class="note warn">
      <strong>It is shown this once.</strong> Nobody can look it up later, the server neither: copy
      it now to where it will be used.
    </p>
    <div class="secret"><${Copy} text=${made.secret} label="Copy the secret"><code>${made.secret}</code><//></div>
    ${note && html`<p class="soft">${note}</p>`}
    <div class="row">
      <button class="button first push" type="button" onClick=${onClose}>I have it</button>
    </div>
  <//>`;
}

/** A dialog around a form: it saves, says what was wrong, and closes when it is done. */
function Form({ title, verb, save, onClose, children }) {
  const [error, setError] = useState(null);
  const [isBusy, setBusy] = useState(false);
  const submit = async (event) => {
    event.preventDefault();
    setError(null);
    setBusy(true);
    try {
      await save();
    } catch (refused) {
      setError(refused);
      setBusy(false);
    }
  };
  return html`<${Dialog} title=${title} onClose=${onClose}>
    <form class="stack" onSubmit=${submit}>
      ${children(error)}
      ${!isShown(error) && html`<${Failure} error=${error} />`}
      ${isShown(error) && html`<p class="wrong small" role="alert">${error.message}</p>`}
      <div class="row">
        <button class="button first push" disabled=${isBusy}>${verb}</button>
        <button class="button" type="button" onClick=${onClose}>Leave it</button>
      </div>
    </form>
  <//>`;
}

function Name({ value, onInput, error, placeholder }) {
  return html`<${Field} label="Name" wrong=${wrongOf(error, "name")}>
    ${(ids) => html`<input ...${ids} required maxlength="200" autocomplete="off" placeholder=${placeholder} value=${value}
      onInput=${(event) => onInput(event.currentTarget.value)} />`}
  <//>`;
}

/** Make an account, or change one. */
export function AccountForm({ account, onDone, onClose }) {
  const [name, setName] = useState(account?.name ?? "");
  const [limits, setLimits] = useState(typed(account?.limits));
  const save = async () => {
    const wanted = { name, limits: limitsOf(limits) };
    const path = "/admin/v1/accounts";
    const made = account ? await send("PATCH", `${path}/${account.id}`, wanted) : await send("POST", path, wanted);
    toast(account ? "The account is changed." : `${made.name} is there: make a key for it.`);
    onClose();
    onDone(made);
  };
  return html`<${Form}
    title=${account ? `Change ${account.name}` : "Create an account"}
    verb=${account ? "Save" : "Create"}
    save=${save}
    onClose=${onClose}
  >
    ${(error) => html`<${Name} value=${name} onInput=${setName} error=${error} placeholder="studio" />
      <${LimitFields} fields=${limits} onChange=${setLimits} error=${error} hint="Of all its keys together." />`}
  <//>`;
}

const lines = (text) => text.split(/[\n,]+/).map((one) => one.trim()).filter(Boolean);

/** Make a key, or change one. `accountId` is whose a new one is unless another is picked. */
export function KeyForm({ key_: key, accountId, accounts, onDone, onClose }) {
  const [wish, setWish] = useState({
    name: key?.name ?? "",
    accountId: accountId ?? accounts?.find((one) => one.closed_at == null)?.id ?? "",
    scopes: new Set(key?.scopes ?? ["generate", "read"]),
    isTest: false,
    models: key?.models ?? null,
    networks: (key?.networks ?? []).join("\n"),
    end: key ? (key.expires_at ? "keep" : "never") : "never",
    day: "",
    limits: typed(key?.limits),
  });
  const set = (name) => (value) => setWish((old) => ({ ...old, [name]: value }));
  const save = async () => {
    const wanted = wantedOf(wish, key);
    if (key) {
      await send("PATCH", `/admin/v1/keys/${key.id}`, wanted);
      toast("The key is changed; every process follows within two seconds.");
      onClose();
      onDone();
    } else {
      const made = await send("POST", "/admin/v1/keys", wanted);
      onClose();
      onDone(made);
    }
  };
  return html`<${Form}
    title=${key ? `Change ${key.name}` : "Create a key"}
    verb=${key ? "Save" : "Create the key"}
    save=${save}
    onClose=${onClose}
  >
    ${(error) => html`
      <${Name} value=${wish.name} onInput=${set("name")} error=${error} placeholder="ci" />
      ${!key && html`<${Account} accounts=${accounts} value=${wish.accountId} onPick=${set("accountId")} error=${error} />`}
      <${Scopes} wish=${wish} set=${set} error=${error} isTest=${key?.is_test ?? wish.isTest} />
      ${!key &&
      html`<div class="field">
        <label class="tick"><input type="checkbox" checked=${wish.isTest}
          onChange=${(event) => set("isTest")(event.currentTarget.checked)} />Test key</label>
        <span class="hint">Whatever it asks for is rehearsed: free, at most 10 s and 720p, gone after a day.</span>
      </div>`}
      <${End} wish=${wish} set=${set} until=${key?.expires_at} error=${error} />
      <${Models} value=${wish.models} onPick=${set("models")} error=${error} />
      <${Field} label="Networks" hint="Addresses or networks it is valid from, one a line, as 203.0.113.0/24. Empty: from everywhere."
        wrong=${wrongOf(error, "networks")}>
        ${(ids) => html`<textarea ...${ids} class="mono brief" spellcheck="false" value=${wish.networks}
          onInput=${(event) => set("networks")(event.currentTarget.value)}></textarea>`}
      <//>
      <${LimitFields} fields=${wish.limits} onChange=${set("limits")} error=${error}
        hint="Of this key; its account’s limits count beside them." />`}
  <//>`;
}

/** What a form says, as the wire wants it; of a key that is there, only what is changed. */
function wantedOf(wish, key) {
  const networks = lines(wish.networks);
  const wanted = {
    name: wish.name,
    scopes: [...wish.scopes].sort(),
    models: wish.models,
    networks: networks.length ? networks : null,
    limits: limitsOf(wish.limits),
  };
  const end = endOf(wish);
  if (!key) return { ...wanted, account_id: wish.accountId, test: wish.isTest, expires_at: end ?? null };
  if (end !== undefined) wanted.expires_at = end;
  const isSame = (name) => JSON.stringify(wanted[name]) === JSON.stringify(key[name] ?? null);
  return Object.fromEntries(Object.entries(wanted).filter(([name]) => !isSame(name)));
}

/** Unix seconds, null for never, undefined for as it is. */
function endOf({ end, day }) {
  if (end === "keep") return undefined;
  if (end === "never") return null;
  if (end === "on") return Math.floor(new Date(`${day}T23:59:59`).getTime() / 1000);
  return Math.floor(Date.now() / 1000) + Number(end) * DAY_S;
}

function Account({ accounts, value, onPick, error }) {
  const open = accounts.filter((one) => one.closed_at == null);
  return html`<${Field} label="Account" hint="Who owns what it makes, and pays." wrong=${wrongOf(error, "account_id")}>
    ${(ids) => html`<select ...${ids} required value=${value} onChange=${(event) => onPick(event.currentTarget.value)}>
      ${open.map((one) => html`<option key=${one.id} value=${one.id}>${one.name}</option>`)}
    </select>`}
  <//>`;
}

function Scopes({ wish, set, error, isTest }) {
  const toggle = (scope, isOn) => {
    const next = new Set(wish.scopes);
    if (isOn) next.add(scope);
    else next.delete(scope);
    set("scopes")(next);
  };
  return html`<fieldset class="field">
    <legend>Scopes</legend>
    ${SCOPES.map(
      ([scope, what]) => html`<label class="tick" key=${scope}>
        <input type="checkbox" checked=${wish.scopes.has(scope)} disabled=${isTest && scope === "admin"}
          onChange=${(event) => toggle(scope, event.currentTarget.checked)} />
        <span><strong>${scope}</strong> <span class="soft">– ${what}</span></span>
      </label>`,
    )}
    ${wrongOf(error, "scopes") && html`<span class="wrong">${error.message}</span>`}
  </fieldset>`;
}

function End({ wish, set, until, error }) {
  const options = until ? [{ value: "keep", label: "As it is" }, ...ENDS] : ENDS;
  const wrong = wrongOf(error, "expires_at");
  return html`<div class="stack tight">
    <${Strip} label="Ends" options=${options} value=${wish.end} onPick=${set("end")} />
    ${wish.end === "on" &&
    html`<${Field} label="Last day" wrong=${wrong}>
      ${(ids) => html`<input ...${ids} type="date" required value=${wish.day}
        onInput=${(event) => set("day")(event.currentTarget.value)} />`}
    <//>`}
    ${wish.end !== "on" && wrong && html`<span class="wrong small">${wrong}</span>`}
  </div>`;
}

function Models({ value, onPick, error }) {
  const known = useData((signal) => namesOf(signal));
  const [other, setOther] = useState("");
  const names = [...new Set([...(known.data ?? []), ...(value ?? [])])].sort();
  const toggle = (name, isOn) => onPick(isOn ? [...value, name].sort() : value.filter((one) => one !== name));
  const add = () => {
    onPick([...new Set([...value, ...lines(other)])].sort());
    setOther("");
  };
  return html`<div class="stack tight">
    <${Strip} label="Models" value=${value === null ? "all" : "some"} onPick=${(pick) => onPick(pick === "all" ? null : [])}
      options=${[{ value: "all", label: "All" }, { value: "some", label: "Only these" }]} />
    ${value !== null &&
    html`<fieldset class="field choices">
        <legend class="unseen">Which models</legend>
        ${names.map(
          (name) => html`<label class="tick" key=${name}><input type="checkbox" checked=${value.includes(name)}
            onChange=${(event) => toggle(name, event.currentTarget.checked)} />${name}</label>`,
        )}
      </fieldset>
      <${Field} label="Another model" hint="One that is not listed above.">
        ${(ids) => html`<span class="row tied"><input ...${ids} spellcheck="false" value=${other}
          onInput=${(event) => setOther(event.currentTarget.value)} />
          <button class="button slim" type="button" disabled=${!other.trim()} onClick=${add}>Add</button></span>`}
      <//>`}
    ${wrongOf(error, "models") && html`<span class="wrong small">${error.message}</span>`}
  </div>`;
}

/** Names of models that are served, or rehearsed. */
async function namesOf(signal) {
  const { models } = await get("/admin/v1/system", { signal });
  return [...models.live, ...models.rehearsed];
}
