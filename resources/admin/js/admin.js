// @ts-check
/** The administration page: a draft of the city beside the difference that it makes, and one step that applies it. */

import { named } from "./columns.js";
import { fieldWords, showDifference, showTokens } from "./difference.js";
import { byId, fill, make, newKey } from "./dom.js";
import { Draft, PARTS, SINGLE } from "./draft.js";
import { GROUPS, groupOf, partsOf } from "./groups.js";
import { forget, recall, remember } from "./keep.js";
import { Later, Refused, ask } from "./net.js";
import { showApplied, showDrafts } from "./others.js";
import { Table } from "./tables.js";
import { loadTexts, t, time } from "./texts.js";

/** @typedef {import("./difference.js").Shown} Shown */
/** Something wrong: in the `at`-th row of a list, in which field, and why. @typedef {{part: string, at: number | null, field: string, why: string}} Place */

const SIGNED = "sigap.admin";
const DRAFT = "sigap.admin.draft";
const CITY = "/dispatch/v1/city";
const TAB = "sigap.admin.tab";
const PAUSE_MS = 350;
const BEAT_MS = 60_000;
const LONG_MS = 60_000;

/** The admin's token, and his name. */
let token = "";
let me = "";
/** @type {import("./others.js").Work} */
let work = { drafts: [], applied: [], consoles: 0 };
/** @type {Draft | null} */
let draft = null;
let part = "units";
let since = "";
/** Ends the comparison that is asked for, if one is: after a later change, and once the draft is applied, it says nothing. */
let comparison = new AbortController();
let timer = 0;
let applying = false;
/** @type {Shown} */
let shown = nothing();

byId("without").remove();
await loadTexts("/admin/texts");
const tables = new Map(PARTS.map((name) => [name, new Table(name, changed)]));
byId("sign-in").addEventListener("submit", signIn);
byId("out").addEventListener("click", () => signOut());
byId("folder").addEventListener("change", loadFolder);
byId("jump").addEventListener("click", () => byId("side").scrollIntoView());
addEventListener("hashchange", openTab);
addEventListener("visibilitychange", () => void lookAgain());
setInterval(() => void tell(), BEAT_MS);
await enter(recall(SIGNED) ?? "");

/** @returns {Shown} */
function nothing() {
  return { state: "none", difference: null, faults: [], since: "", said: "" };
}

/** @param {string} text */
function say(text) {
  byId("said").textContent = text;
}

/**
 * Ask the server as the admin; what it says of the city's mark comes beside.
 * @param {string} path @param {Parameters<typeof ask>[1]} [given] @returns {Promise<{body: any, mark: string}>}
 */
async function call(path, given = {}) {
  let mark = "";
  const body = await ask(path, {
    limit_ms: LONG_MS,
    ...given,
    headers: { ...given.headers, Authorization: `Bearer ${token}` },
    heard: (headers) => {
      mark = headers.get("ETag") ?? "";
    },
  });
  return { body, mark };
}

/** What is said of a request that failed. @param {unknown} fault */
function tellFault(fault) {
  if (fault instanceof Refused && fault.status === 401) return signedOut();
  if (!(fault instanceof Later) && !(fault instanceof Refused)) throw fault;
  say(fault instanceof Later ? t("unreachable") : fault.message);
}

// Signing in and out

/** @param {string} given */
async function enter(given) {
  token = given;
  byId("sign-in").hidden = token !== "";
  byId("board").hidden = true;
  byId("out").hidden = token === "";
  if (token === "") return byId("token").focus();
  try {
    const { body: own } = await call("/dispatch/v1/me");
    me = own.name;
    await read();
    byId("who").textContent = `${own.name}, ${t(`role.${own.role}`)}`;
  } catch (fault) {
    if (fault instanceof Refused && fault.status === 401) return signedOut();
    if (fault instanceof Refused && fault.status === 403) signOut();
    return say(fault instanceof Refused ? fault.message : t("unreachable"));
  }
  say("");
  byId("board").hidden = false;
  openTab();
  if (draft?.isTouched) void compare();
  else void tell();
}

/** @param {Event} event */
async function signIn(event) {
  event.preventDefault();
  const field = byId("token");
  const given = field.value.trim();
  field.value = "";
  remember(SIGNED, given, false);
  await enter(given);
}

/** The server knows the token no more: the draft stays for the same person, who may have been given another one. */
function signedOut() {
  signOut(false);
  say(t("signin.wrong"));
}

/** @param {boolean} [forgets] whether the admin himself does it, and leaves nothing here */
function signOut(forgets = true) {
  if (draft) void tell(0);
  forget(SIGNED);
  if (forgets) forget(DRAFT);
  token = "";
  draft = null;
  since = "";
  shown = nothing();
  for (const place of ["drafts", "applied"]) byId(place).hidden = true;
  fill(byId("tabs"));
  for (const place of ["who", "city-name", "said"]) byId(place).textContent = "";
  byId("sign-in").hidden = false;
  byId("board").hidden = true;
  byId("out").hidden = true;
  showTokens(byId("tokens"), {}, () => {});
}

// What there is, and what is changed in it

/** Read the city, and lay over it what is changed here. */
async function read() {
  const { body, mark } = await call(CITY);
  draft = new Draft(body, mark, draft?.kept() ?? remembered());
  forgetRows(true);
  keep();
  byId("city-name").textContent = draft.name;
}

/** @returns {import("./draft.js").Kept[]} */
function remembered() {
  try {
    const found = JSON.parse(recall(DRAFT) ?? "null");
    if ((found?.who ?? me) !== me) return [];
    since = found?.since ?? "";
    return found?.kept ?? [];
  } catch {
    return [];
  }
}

/** The draft outlives a reload of the page, in this tab of the browser. */
function keep() {
  if (!draft?.isTouched) {
    since = "";
    return forget(DRAFT);
  }
  since ||= time(Date.now(), draft.zone);
  remember(DRAFT, JSON.stringify({ who: me, since, kept: draft.kept() }), false);
}

/** Look whether somebody else has changed the city while the page was out of sight. */
async function lookAgain() {
  if (document.hidden || !draft || token === "" || applying) return;
  void tell();
  try {
    await call(CITY, { headers: { "If-None-Match": draft.mark } });
    await overtaken(false);
  } catch (fault) {
    if (!(fault instanceof Later) && !(fault instanceof Refused)) throw fault;
  }
}

/**
 * Tell the server how many rows are changed here, and hear of whom else has a draft: now, and every minute, as a draft
 * that says nothing is gone after three. Where it cannot be told it is told the next time.
 * @param {number} [rows]
 */
async function tell(rows = PARTS.reduce((sum, name) => sum + (draft?.count(name) ?? 0), 0)) {
  if (!draft || token === "") return;
  const tab = recall(TAB) ?? newKey();
  remember(TAB, tab, false);
  try {
    const { body } = await call(`${CITY}/draft`, { method: "PUT", json: { tab, rows } });
    if (!draft) return;
    work = body;
  } catch (fault) {
    if (!(fault instanceof Later) && !(fault instanceof Refused)) throw fault;
    return;
  }
  showDrafts(byId("drafts"), work, me, draft.zone);
  showApplied(byId("applied"), work, draft.zone);
  showSide();
}

/** Somebody else has changed the city: what is changed here is compared anew. @param {boolean} tells */
async function overtaken(tells) {
  await read();
  showTab();
  if (tells || draft?.isTouched) say(t("overtaken"));
  compare();
}

function changed() {
  keep();
  showTabs();
  forgetRows(false);
  shown = { ...shown, state: draft?.isTouched ? "comparing" : "none", since, said: "" };
  if (!draft?.isTouched) shown = nothing();
  showSide();
  clearTimeout(timer);
  comparison.abort();
  timer = window.setTimeout(compare, PAUSE_MS);
}

/** Ask the server what the draft would change. */
async function compare() {
  // a row whose first field is still typed is compared when that is left
  if (!draft || [...tables.values()].some((table) => table.begun)) return;
  if (applying) {
    timer = window.setTimeout(compare, PAUSE_MS); // with the city that it makes, or the same one where that fails
    return;
  }
  comparison.abort();
  comparison = new AbortController();
  const ends = comparison.signal;
  void tell();
  if (!draft.isTouched) {
    shown = nothing();
    return showSide();
  }
  try {
    const { body } = await call(`${CITY}?dry_run=true`, { method: "PUT", json: draft.setup(), headers: { "If-Match": draft.mark }, ends });
    if (ends.aborted) return;
    shown = { state: "shown", difference: body.difference, faults: [], since, said: "" };
  } catch (fault) {
    if (ends.aborted) return;
    await failed(fault);
  }
  showSide();
}

/** What becomes of a draft that the server does not take. @param {unknown} fault */
async function failed(fault) {
  if (fault instanceof Refused && fault.word === "city_changed") return overtaken(true);
  if (fault instanceof Refused && fault.status === 422) {
    /** @type {Place[]} */
    const places = fault.body.places ?? [];
    const faults = places.length > 0 ? places.map(placed) : (fault.body.faults ?? [fault.message]);
    shown = { state: "faulty", difference: null, faults, since, said: "" };
    return markFaults(places);
  }
  shown = { ...shown, state: "unreachable", since, said: "" };
  tellFault(fault);
}

/** The list that has a field of the city itself. @param {string} field @returns {string} */
function ofCity(field) {
  return ["name", "timezone", "language"].includes(field) ? "facts" : "requests";
}

/** The list that a fault is in. @param {Place} place @returns {string} */
function listOf(place) {
  return place.part === "city" ? ofCity(place.field) : place.part;
}

/** The row that a fault is about, if it is about one. @param {Place} place */
function rowOf(place) {
  if (place.part === "city") return draft?.at(ofCity(place.field), 0);
  if (SINGLE.has(place.part)) return draft?.at(place.part, 0);
  return place.at === null ? undefined : draft?.at(place.part, place.at);
}

/** A fault in words. @param {Place} place @returns {string} */
function placed(place) {
  const entry = rowOf(place);
  const of = listOf(place);
  const row = entry && !SINGLE.has(of) ? `${t(`one.${of}`)} ${named(of, entry.row) || t("new")}` : t(`part.${of}`);
  const field = fieldWords(place.field);
  return `${row}${field ? `, ${field}` : ""}: ${place.why}`;
}

/** @param {Place[]} places */
function markFaults(places) {
  forgetRows(false);
  for (const place of places) {
    const entry = rowOf(place);
    const faults = tables.get(listOf(place))?.faults;
    if (entry && faults) faults.set(entry, [...(faults.get(entry) ?? []), `${fieldWords(place.field)}: ${place.why}`]);
  }
  showTabs();
  const types = document.activeElement?.matches("#list :is(input, select, textarea)");
  if (!types) for (const name of partsOf(groupOf(part))) tables.get(name)?.rows();
}

// Applying, folders

async function apply() {
  if (!draft || applying || shown.difference === null) return;
  applying = true;
  clearTimeout(timer);
  comparison.abort();
  try {
    const address = `${CITY}?seen=${encodeURIComponent(shown.difference.mark)}`;
    const sent = new Set(draft.kept().map((one) => JSON.stringify(one)));
    const { body } = await call(address, { method: "PUT", json: draft.setup(), headers: { "If-Match": draft.mark } });
    // Before anything else is asked: nobody can be told these once more.
    showTokens(byId("tokens"), body.tokens ?? {}, () => showTokens(byId("tokens"), {}, () => {}));
    // What was typed while the server worked is a draft of the city that it made.
    const later = draft.kept().filter((one) => !sent.has(JSON.stringify(one)));
    draft = null;
    since = "";
    if (later.length > 0) remember(DRAFT, JSON.stringify({ who: me, since, kept: later }), false);
    else forget(DRAFT);
    await read();
    clearTimeout(timer);
    shown = { ...nothing(), said: t("applied") };
    say("");
    void tell();
    showTab();
    if (later.length > 0) changed();
  } catch (fault) {
    await failed(fault);
  } finally {
    applying = false;
  }
  showSide();
}

async function save() {
  if (!draft) return;
  try {
    const { body } = await call(`${CITY}/files`, { method: "POST", json: draft.setup(true), as: "blob" });
    const link = /** @type {HTMLAnchorElement} */ (make("a", { href: URL.createObjectURL(body), download: "city.zip" }));
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), LONG_MS);
  } catch (fault) {
    await failed(fault);
    showSide();
  }
}

async function loadFolder() {
  const field = /** @type {HTMLInputElement} */ (byId("folder"));
  const files = [...(field.files ?? [])];
  if (!draft || files.length === 0) return;
  try {
    const sent = Object.fromEntries(await Promise.all(files.map(async (file) => [file.name, await inBase64(file)])));
    const { body } = await call(`${CITY}/folder`, { method: "POST", json: { files: sent } });
    if (body.faults.length > 0) return say([t("folder.faulty"), ...body.faults].join("\n"));
    draft.fill(body.setup);
    forgetRows(true);
    say("");
    showTab();
    changed();
  } catch (fault) {
    tellFault(fault);
  } finally {
    field.value = "";
  }
}

/** @param {File} file @returns {Promise<string>} */
function inBase64(file) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result).replace(/^[^,]*,?/, ""));
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(file);
  });
}

function discard() {
  if (!draft) return;
  draft.given = {};
  for (const name of PARTS) for (const entry of [...draft.list(name)]) if (draft) draft.restore(name, entry);
  forgetRows(true);
  say("");
  showTab();
  changed();
}

// What is shown

/** No row is wrong any more, nor unfolded if `closes`. @param {boolean} closes */
function forgetRows(closes) {
  for (const table of tables.values()) {
    table.faults.clear();
    if (closes) table.open.clear();
  }
}

function openTab() {
  const wanted = location.hash.slice(1);
  if (PARTS.includes(wanted)) part = wanted;
  showTab();
  const place = tables.get(part)?.place;
  if (partsOf(groupOf(part))[0] === part) scrollTo(0, 0);
  else place?.scrollIntoView();
}

function showTab() {
  if (!draft) return;
  showTabs();
  const group = groupOf(part);
  const parts = partsOf(group);
  byId("tab-name").textContent = t(`group.${group}`);
  byId("tab-words").textContent = t(`group_about.${group}`);
  fill(byId("list"), ...parts.map((name) => tables.get(name)?.place));
  for (const name of parts) tables.get(name)?.show(draft, parts.length > 1);
  showSide();
}

function showTabs() {
  fill(
    byId("tabs"),
    ...GROUPS.map(([group, parts]) => {
      const count = parts.reduce((sum, name) => sum + (draft?.count(name) ?? 0), 0);
      const is_faulty = parts.some((name) => draft?.list(name).some((entry) => tables.get(name)?.faults.has(entry)));
      return make(
        "a", { href: `#${parts[0]}`, "aria-current": group === groupOf(part) ? "page" : null, class: is_faulty ? "faulty" : null },
        t(`group.${group}`), count ? make("span", { class: "badge" }, String(count)) : null,
      );
    }),
  );
}

function showSide() {
  byId("jump").hidden = shown.state === "none";
  showDifference(byId("difference"), shown, work, {
    apply: () => void apply(),
    save: () => void save(),
    discard,
    open: (name) => {
      location.hash = name;
    },
  });
}
