// @ts-check
/** The page on which a citizen reports: what, where, then photos and words; a draft survives everything. */

import { areaAt, drawBorders, colour, isOutside, makeMap, streetsInfo } from "./area_map.js";
import { byId, fill, make, newKey, plain } from "./dom.js";
import { glyph, loadGlyphs } from "./glyphs.js";
import { all, drop, get, outlives, put } from "./keep.js";
import { ask } from "./net.js";
import { shrink } from "./photos.js";
import { addressAt, exactnessText, PlaceSearch, placeText } from "./place_search.js";
import { keepSending, tryAgain } from "./sending.js";
import { begin, loadCity } from "./shell.js";
import { count, chosenLanguage, dateTime, distance, t } from "./texts.js";

const MOST_PHOTOS = 3;
const DRAFT = "draft";
const NEAR_M = 100;
const METRES_A_DEGREE = 111_320;
/** A position that is farther off than this is told to be so: a crew would stand before the wrong house. */
const EXACT_M = 50;
const FARTHEST_M = 1_000_000;
const MOST_ADDRESS = 500;
const FIELDS = ["address", "description", "name", "phone", "email"];

/**
 * @typedef {import("./shell.js").Service} Service
 * @typedef {import("./place_search.js").Place} Place
 * @typedef {{code: string, description: string, datatype: string, required: boolean, values?: {key: string, name: string}[],
 *   datatype_description?: string, variable?: boolean}} Question
 * @typedef {{key: string, step: number, service: string, address: string, description: string, name: string, phone: string,
 *   email: string, lat: number | null, lon: number | null, accuracy: number | null, found: Place | null, pin: string,
 *   attributes: Record<string, string | string[]>, photos: Blob[], others: string[]}} Draft
 */

/** @returns {Draft} */
const empty = () => ({
  key: DRAFT, step: 1, service: "", address: "", description: "", name: "", phone: "", email: "",
  lat: null, lon: null, accuracy: null, found: null, pin: "", attributes: {}, photos: [], others: [],
});

let draft = empty();
/** @type {Service[]} */
let services = [];
/** @type {import("./shell.js").City["city"]["bbox"]} */
let bbox = null;
let cityName = "";
/** @type {L.Map | null} */
let map = null;
/** @type {L.LayerGroup | null} */
let marker = null;
/** @type {Question[]} */
let questions = [];
/** Where the server has a map of the city. @type {PlaceSearch | null} */
let search = null;
let invented = false;
/** The report that the last page speaks of. */
let shown = "";
/** How often a position was asked for, or what was asked for is not wanted any more. */
let looks = 0;
/** How often the address of a point was asked for. */
let pins = 0;
/** @type {Promise<any>} */
let saving = Promise.resolve();

await begin();
await start();

async function start() {
  draft = { ...empty(), ...(await get("draft", DRAFT)) };
  await loadGlyphs();
  try {
    const city = await loadCity();
    services = city.services;
    bbox = city.city.bbox;
    cityName = city.city.name;
  } catch {
    say("what.offline");
  }
  for (const name of FIELDS) {
    byId(name).value = /** @type {any} */ (draft)[name];
    byId(name).addEventListener("input", () => change({ [name]: byId(name).value }));
  }
  if (draft.name || draft.phone || draft.email) byId("contact").open = true;
  for (const one of document.querySelectorAll("[data-step], [data-back]")) {
    one.addEventListener("click", () => go(Number(one.getAttribute("data-step") ?? one.getAttribute("data-back"))));
  }
  byId("search").addEventListener("input", showServices);
  byId("locate").addEventListener("click", locate);
  byId("zoom-in").addEventListener("click", () => map?.zoomIn());
  byId("zoom-out").addEventListener("click", () => map?.zoomOut());
  byId("to-3").addEventListener("click", () => go(3));
  byId("photo").addEventListener("change", addPhotos);
  byId("form").addEventListener("submit", finish);
  byId("another").addEventListener("click", () => go(1));
  byId("find").addEventListener("submit", (/** @type {Event} */ event) => {
    event.preventDefault();
    location.assign(`/r/${encodeURIComponent(byId("number").value.trim())}`);
  });
  showServices();
  showPhotos();
  await showMine();
  const first = draft.service ? draft.step : 1;
  history.replaceState({ step: first }, "");
  addEventListener("popstate", () => go(history.state?.step ?? 1, false));
  show(first, false);
  if (!(await outlives())) say("draft.unkept");
  await keepSending(showDone, showMine);
}

/** Keep what was entered, now. @param {Partial<Draft>} values */
function change(values) {
  draft = { ...draft, ...values };
  const state = draft;
  saving = saving.then(() => put("draft", state)).catch(() => say("draft.unkept"));
}

/** A name whose line may end behind a slash. @param {string} name @returns {(HTMLElement | string)[]} */
function breakable(name) {
  const parts = name.split("/");
  return parts.flatMap((part, at) => (at < parts.length - 1 ? [`${part}/`, make("wbr")] : [part]));
}

/** @param {string} key @param {Record<string, string | number>} [values] */
function say(key, values) {
  byId("said").textContent = key ? t(key, values) : "";
}

/**
 * Go to a step, if the steps before it are done. The browser's own back button goes back one step.
 * @param {number} step @param {boolean} [anew] false when the browser went there already
 */
function go(step, anew = true) {
  if (step > 1 && !draft.service) return stay(1, anew ? "what.first" : "");
  if (step > 2 && draft.lat === null && !draft.address.trim()) return stay(2, "where.first");
  if (anew && history.state?.step !== step) history.pushState({ step }, "");
  say("");
  show(step, true);
}

/** @param {number} step @param {string} why */
function stay(step, why) {
  show(step, true);
  say(why);
}

/** @param {number} step @param {boolean} focus */
function show(step, focus) {
  shown = ""; // whoever goes on is not called back when a photo arrives
  if (step !== 2) looks += 1; // where it is was settled without the position that is still looked for
  change({ step });
  byId("done").hidden = true;
  byId("steps").hidden = false;
  for (const number of [1, 2, 3]) byId(`step-${number}`).hidden = number !== step;
  for (const one of document.querySelectorAll("[data-step]")) {
    const number = Number(one.getAttribute("data-step"));
    one.toggleAttribute("data-done", number < step);
    if (number === step) one.setAttribute("aria-current", "step");
    else one.removeAttribute("aria-current");
  }
  if (step === 2) showMap();
  if (step === 3) {
    showSummary();
    showNear();
    loadQuestions();
  }
  if (focus) {
    byId(`head-${step}`).focus({ preventScroll: true });
    scrollTo(0, 0);
  }
}

// What

/** A text as it is looked for: whatever accents it was typed with or without. @param {string} text @returns {string} */
function folded(text) {
  return text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
}

function showServices() {
  const wanted = folded(byId("search").value.trim());
  const found = services.filter((one) => folded(`${one.name} ${one.group} ${one.keywords}`).includes(wanted));
  /** @type {Map<string, Service[]>} */
  const groups = new Map();
  for (const one of found) groups.set(one.group, [...(groups.get(one.group) ?? []), one]);
  const alone = [...groups].filter(([, members]) => members.length < 2);
  for (const [group] of alone) groups.delete(group);
  const rest = alone.flatMap(([, members]) => members);
  const blocks = [...groups].map(([group, members]) => block(group || t("what.rest"), members, groups.size + rest.length > 1));
  if (rest.length) blocks.push(block(t("what.rest"), rest, groups.size > 0));
  fill(byId("services"), ...blocks);
  byId("none").hidden = found.length > 0 || !services.length;
}

/** @param {string} group @param {Service[]} members @param {boolean} named */
function block(group, members, named) {
  return make("section", {}, named && make("h2", { class: "group" }, group), make("div", { class: "tiles" }, ...members.map(tile)));
}

/** @param {Service} service */
function tile(service) {
  const choose = () => {
    change({ service: service.code, attributes: service.code === draft.service ? draft.attributes : {} });
    showServices();
    go(2);
  };
  const chosen = String(service.code === draft.service);
  return make("button", { type: "button", class: "tile", "aria-pressed": chosen, onclick: choose }, glyph(service.glyph), make("span", { lang: service.language || null }, ...breakable(service.name)));
}

function serviceName() {
  return services.find((one) => one.code === draft.service)?.name ?? draft.service;
}

// Where

function showMap() {
  if (map === null) {
    map = makeMap(byId("map"), bbox);
    if (map === null) return;
    map.on("click", (/** @type {any} */ event) => {
      looks += 1; // a position that is found later does not take the place of the point
      place(event.latlng.lat, event.latlng.wrap().lng, null);
    });
    drawBorders(map, bbox !== null || draft.lat !== null).then(showPlace);
    if (draft.lat !== null && draft.lon !== null) map.setView([draft.lat, draft.lon], 15, { animate: false });
    void offerSearch(map);
  }
  map.invalidateSize();
  showPlace();
}

/** Where the server has the city's streets, places are found by their names. @param {L.Map} shownMap */
async function offerSearch(shownMap) {
  const info = await streetsInfo();
  if (info === null || !info.places || search !== null) return;
  invented = info.invented;
  search = new PlaceSearch(() => shownMap.getCenter().wrap(), (found, words) => {
    looks += 1; // a position that is found later does not take the place of what was chosen
    place(found.lat, found.lon, found.within_m || null, found);
    shownMap.setView([found.lat, found.lon], zoomFor(found.within_m), { animate: false });
    void showPin(words);
  });
  if (draft.lat !== null && !draft.pin) void showPin();
  showPlace();
}

/** So near that what is meant is in view. @param {number} within_m */
function zoomFor(within_m) {
  return Math.max(11, Math.min(17, 17 - Math.ceil(Math.log2(Math.max(1, within_m / 150)))));
}

/**
 * The point's address, which is the report's where the citizen writes none. Of a street or an area that was looked for only
 * its name is known; "opposite the school" is told as it was said.
 * @param {string} [words] those that were looked for
 */
async function showPin(words = "") {
  const { lat, lon, found } = draft;
  if (search === null || lat === null || lon === null) return;
  const own = (pins += 1);
  let pin = found ? placeText(found) : "";
  if (found && ["beside", "stretch"].includes(found.exactness)) pin = [words, found.area].filter(Boolean).join(", ");
  if (!found || ["point", "landmark"].includes(found.exactness)) {
    const address = await addressAt(lat, lon);
    if (own !== pins) return;
    pin = found?.exactness === "landmark" && address ? `${found.label}, ${address}` : address;
  }
  change({ pin: pin.slice(0, MOST_ADDRESS) });
  showPlace();
  if (draft.step === 3) showSummary();
}

/** @param {number} lat @param {number} lon @param {number | null} accuracy metres @param {Place | null} [found] what was looked for */
function place(lat, lon, accuracy, found = null) {
  change({ lat: Number(lat.toFixed(6)), lon: Number(lon.toFixed(6)), accuracy, found, pin: "" });
  say("");
  showPlace();
  if (!found) {
    search?.clear();
    void showPin();
  }
}

function showPlace() {
  const { lat, lon, accuracy } = draft;
  const area = lat === null || lon === null || draft.found ? "" : areaAt(lat, lon);
  const how = lat === null ? "" : draft.found ? t("where.searched", { place: placeText(draft.found), how: exactnessText(draft.found) }) : accuracy === null ? t("where.chosen") : t("where.found", { metres: count(Math.round(accuracy)) });
  byId("accuracy").textContent = area ? `${area}. ${how}` : how;
  showOutside();
  const pin = invented && draft.pin ? `${draft.pin} · ${t("where.invented")}` : draft.pin;
  byId("pin").textContent = pin && lat !== null ? t("where.pin", { address: pin }) : "";
  if (!map || lat === null || lon === null) return;
  const L = window.L;
  marker?.remove();
  const accent = colour("accent-base");
  const halo = accuracy !== null && accuracy < 3000 ? [L.circle([lat, lon], { radius: accuracy, color: accent, weight: 1, fillOpacity: 0.12, interactive: false })] : [];
  const dot = L.circleMarker([lat, lon], { radius: 10, color: colour("surface-panel"), weight: 3, fillColor: accent, fillOpacity: 1, interactive: false });
  marker = L.layerGroup([...halo, dot]).addTo(map);
  if (accuracy !== null && !draft.found) map.setView([lat, lon], Math.max(15, map.getZoom()), { animate: false });
}

/** Say so where the city is not responsible; it may still be told. */
function showOutside() {
  const { lat, lon } = draft;
  const outside = lat !== null && lon !== null && isOutside(lat, lon);
  byId("outside").hidden = !outside;
  byId("outside").textContent = outside ? t("where.outside", { city: cityName }) : "";
}

function locate() {
  if (!isSecureContext || !navigator.geolocation) return say("where.insecure");
  byId("accuracy").textContent = t("where.locating");
  const own = (looks += 1);
  const found = (/** @type {GeolocationPosition} */ at) => {
    if (own === looks) place(at.coords.latitude, at.coords.longitude, at.coords.accuracy);
  };
  const failed = (/** @type {GeolocationPositionError} */ fault) => {
    if (own !== looks) return;
    byId("accuracy").textContent = "";
    say(fault.code === 1 ? "where.denied" : "where.unknown");
  };
  navigator.geolocation.getCurrentPosition(found, failed, { enableHighAccuracy: true, timeout: 20_000, maximumAge: 10_000 });
}

// Photos, words, and the service's own questions

function showSummary() {
  const area = draft.lat === null || draft.lon === null ? "" : areaAt(draft.lat, draft.lon);
  const point = draft.lat === null ? "" : draft.found ? t("send.searched") : draft.accuracy === null ? t("send.point") : t("send.position");
  const where = draft.address.trim() || !draft.pin ? [draft.address.trim(), area, point] : [draft.pin, point];
  const row = (/** @type {string} */ key, /** @type {string} */ value, /** @type {number} */ step) =>
    make("div", {}, make("dt", {}, t(key)), make("dd", {}, make("span", {}, value), make("button", { type: "button", class: "link", onclick: () => go(step), "aria-label": `${t("change")}: ${t(key)}` }, t("change"))));
  fill(byId("summary"), row("step.what", serviceName(), 1), row("step.where", where.filter(Boolean).join(" · "), 2));
}

/** The nearest open report of the same kind: perhaps somebody has told it already. */
async function showNear() {
  const { lat, lon, service } = draft;
  const section = byId("near");
  section.hidden = true;
  if (lat === null || lon === null) return;
  const up = NEAR_M / METRES_A_DEGREE, narrow = Math.max(0.01, Math.cos((lat * Math.PI) / 180)), aside = up / narrow;
  const around = [lon - aside, lat - up, lon + aside, lat + up].map((one) => one.toFixed(6)).join(",");
  const query = new URLSearchParams({ bbox: around, zoom: "19", state: "open", service });
  try {
    const { points, newest } = await ask(`/public/v1/map?${query}`);
    if (service !== draft.service || lat !== draft.lat || lon !== draft.lon) return;
    const created = new Map(newest.map((/** @type {[string, string | null, string, number]} */ [id, , , at]) => [id, at]));
    const metres = (/** @type {[string, number, number]} */ [, y, x]) => Math.hypot(y - lat, (x - lon) * narrow) * METRES_A_DEGREE;
    const [nearest] = points.filter((/** @type {[string]} */ [id]) => created.has(id) && !draft.others.includes(id))
      .sort((/** @type {any} */ one, /** @type {any} */ other) => metres(one) - metres(other));
    if (!nearest) return;
    const [id] = nearest;
    const values = { service: serviceName(), distance: distance(metres(nearest)), time: dateTime(created.get(id) * 1000) };
    byId("near-text").textContent = plain(t("near.text", values));
    byId("near-follow").href = `/r/${encodeURIComponent(id)}`;
    byId("near-other").onclick = () => {
      change({ others: [...draft.others, id] });
      section.hidden = true;
      byId("description").focus();
    };
    section.hidden = false;
  } catch {
    // without the network the report is made all the same
  }
}

async function loadQuestions() {
  const service = draft.service;
  try {
    // As the tiles are named: in the visitor's languages, at last in the page's, which he can read.
    const read = [...navigator.languages, document.documentElement.lang].join(",");
    const answer = await fetch(`/open311/v2/services/${encodeURIComponent(service)}.json?locale=${chosenLanguage()}`, { headers: { "Accept-Language": read } });
    questions = answer.ok ? ((await answer.json()).attributes ?? []).filter((/** @type {Question} */ one) => one.variable !== false) : [];
  } catch {
    questions = [];
  }
  if (service === draft.service) fill(byId("questions"), ...questions.map(question));
}

/** @param {Question} one */
function question(one) {
  const id = `question-${one.code}`;
  const kept = draft.attributes[one.code];
  const keep = (/** @type {string | string[]} */ value) => change({ attributes: { ...draft.attributes, [one.code]: value } });
  const label = make("label", { for: id }, one.required ? one.description : t("send.optional", { question: one.description }));
  const hint = one.datatype_description ? make("p", { class: "quiet" }, one.datatype_description) : null;
  if (one.datatype === "singlevaluelist" || one.datatype === "multivaluelist") {
    const many = one.datatype === "multivaluelist";
    const choices = (one.values ?? []).map((value) => {
      const selected = Array.isArray(kept) ? kept.includes(value.key) : kept === value.key;
      const input = make("input", { type: many ? "checkbox" : "radio", name: id, value: value.key, checked: selected });
      return make("label", { class: "choice" }, input, make("span", {}, value.name));
    });
    const box = make("fieldset", { id }, make("legend", {}, label.textContent ?? ""), hint, ...choices);
    box.addEventListener("change", () => {
      const picked = [...box.querySelectorAll("input:checked")].map((input) => /** @type {HTMLInputElement} */ (input).value);
      keep(many ? picked : (picked[0] ?? ""));
    });
    return box;
  }
  const type = { number: "number", datetime: "datetime-local" }[one.datatype] ?? "text";
  const input = /** @type {HTMLInputElement} */ (one.datatype === "text" ? make("textarea", { id, rows: 3, maxlength: 200 }) : make("input", { id, type, maxlength: 200 }));
  input.value = typeof kept === "string" ? kept : "";
  input.addEventListener("input", () => keep(input.value));
  return make("div", {}, label, hint, input);
}

async function addPhotos() {
  const input = byId("photo");
  /** @type {File[]} */
  const files = [...input.files];
  input.value = "";
  const photos = [...draft.photos];
  say("");
  for (const file of files) {
    if (photos.length >= MOST_PHOTOS) {
      say("send.enough", { most: MOST_PHOTOS });
      break;
    }
    try {
      photos.push(await shrink(file));
    } catch {
      say("send.unreadable", { name: file.name });
    }
  }
  change({ photos });
  showPhotos();
}

function showPhotos() {
  const frame = (/** @type {Blob} */ photo, /** @type {number} */ at) => {
    const address = URL.createObjectURL(photo);
    const picture = make("img", { src: address, alt: t("send.photo", { number: at + 1 }), onload: () => URL.revokeObjectURL(address) });
    const remove = () => {
      change({ photos: draft.photos.filter((one) => one !== photo) });
      showPhotos();
    };
    return make("figure", {}, picture, make("button", { type: "button", class: "plain", onclick: remove, "aria-label": t("send.remove_photo", { number: at + 1 }) }, t("send.remove")));
  };
  fill(byId("photos"), ...draft.photos.map(frame));
}

// Send

/** @param {Event} event */
async function finish(event) {
  event.preventDefault();
  const missing = questions.find((one) => one.required && !(draft.attributes[one.code]?.length));
  if (missing) {
    say("send.missing", { question: missing.description });
    return;
  }
  if (!draft.description.trim() && !draft.photos.length) return say("send.nothing");
  byId("send").disabled = true;
  await saving;
  const known = new Set(questions.map((one) => one.code));
  const attributes = Object.fromEntries(Object.entries(draft.attributes).filter(([code, value]) => known.has(code) && value.length));
  const { service, address, lat, lon, accuracy } = draft;
  const one = {
    key: newKey(), service, serviceName: serviceName(), address: address.trim() || draft.pin, lat, lon, attributes,
    within_m: accuracy !== null && accuracy > EXACT_M ? Math.min(Math.round(accuracy), FARTHEST_M) : 0,
    description: draft.description.trim(), name: draft.name.trim(), phone: draft.phone.trim(), email: draft.email.trim(),
    photos: draft.photos.map((blob) => ({ blob, sent: false })), number: null, made: new Date().toISOString(),
  };
  try {
    await put("outbox", one);
  } catch {
    byId("send").disabled = false;
    return say("draft.unkept");
  }
  await drop("draft", DRAFT);
  draft = empty();
  for (const name of FIELDS) byId(name).value = /** @type {any} */ (draft)[name];
  questions = [];
  pins += 1;
  search?.clear();
  marker?.remove();
  showServices();
  showPhotos();
  byId("search").value = "";
  shown = one.key;
  showDone(one);
  byId("send").disabled = false;
  await tryAgain();
}

/** @param {import("./outbox.js").Waiting} one */
function showDone(one) {
  if (one.key !== shown) return;
  const left = one.photos.filter((photo) => !photo.sent && !photo.refused).length;
  const lost = one.photos.filter((photo) => photo.refused).length;
  for (const number of [1, 2, 3]) byId(`step-${number}`).hidden = true;
  byId("steps").hidden = true;
  const done = byId("done");
  const before = done.dataset.state;
  done.dataset.state = one.problem ? "refused" : one.number ? "sent" : "waiting";
  done.dataset.left = String(left);
  byId("head-done").textContent = t(`done.${done.dataset.state}`);
  byId("done-number").textContent = one.number ?? "";
  byId("done-text").textContent = one.problem ?? t(one.number ? "done.keep" : one.busy ? "done.busy" : "done.will");
  byId("done-photos").textContent = lost ? t("done.photo_refused", { count: lost }) : one.number && left ? t("done.photos_left", { count: left }) : "";
  byId("done-link").hidden = !one.number;
  byId("done-link").href = one.number ? `/r/${encodeURIComponent(one.number)}` : "#";
  if (done.hidden || before !== done.dataset.state) {
    done.hidden = false;
    byId("head-done").focus();
  }
}

async function showMine() {
  const found = (await all("mine")).sort((one, other) => other.made.localeCompare(one.made)).slice(0, 10);
  byId("mine").hidden = !found.length;
  const list = byId("mine").querySelector("ul");
  fill(list, ...found.map((one) => make("li", {}, make("a", { href: `/r/${encodeURIComponent(one.key)}` }, make("div", {}, make("b", {}, one.serviceName), make("span", {}, `${one.key} · ${dateTime(one.made)}`))))));
}
