// @ts-check
/** The public map of reports: dots, or counts where they are many; the list beside it says the same in words. */

import { drawBorders, colour, makeMap } from "./area_map.js";
import { byId, fill, make, refill } from "./dom.js";
import { glyph, loadGlyphs } from "./glyphs.js";
import { Later, ask } from "./net.js";
import { keepSending } from "./sending.js";
import { begin, loadCity } from "./shell.js";
import { count, dateTime, t } from "./texts.js";

const PINS_UP_TO = 40;
const PINS_FROM_ZOOM = 15;
const REST_MS = 250;
const AGAIN_MS = 30_000;
const WORLD = [-179, -80, 179, 80];

/**
 * @typedef {[string, number, number, string | null, string]} Point
 * @typedef {{total: number, points: Point[], cells: [number, number, number][], newest: [string, string | null, string, number][]}} View
 */

await begin();
void keepSending();
await loadGlyphs();
const city = await loadCity();
const services = new Map(city.services.map((one) => [one.code, one]));
const L = window.L;
const bbox = city.city.bbox ?? WORLD;
const map = makeMap(byId("map"), city.city.bbox);
const layer = map ? L.layerGroup().addTo(map) : null;
let timer = 0;
let asked = 0;

fillServices();
for (const id of ["service", "state"]) byId(id).addEventListener("change", load);
byId("zoom-in").addEventListener("click", () => map?.zoomIn());
byId("zoom-out").addEventListener("click", () => map?.zoomOut());
if (map) {
  drawBorders(map, city.city.bbox !== null);
  map.on("moveend", soon);
  map.on("click", () => pick(null));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", load);
} else {
  document.querySelector(".zoom")?.remove();
}
await load();
setInterval(() => document.hidden || load(), AGAIN_MS);

function fillServices() {
  const groups = new Map();
  for (const one of city.services) groups.set(one.group, [...(groups.get(one.group) ?? []), one]);
  const option = (/** @type {{code: string, name: string}} */ one) => make("option", { value: one.code }, one.name);
  const blocks = [...groups].map(([group, members]) => (group ? make("optgroup", { label: group }, ...members.map(option)) : members.map(option)));
  fill(byId("service"), make("option", { value: "" }, t("map.all")), ...blocks.flat());
}

function soon() {
  clearTimeout(timer);
  timer = setTimeout(load, REST_MS);
}

async function load() {
  const bounds = map?.getBounds();
  const box = bounds ? [bounds.getWest(), bounds.getSouth(), bounds.getEast(), bounds.getNorth()] : bbox;
  const query = new URLSearchParams({ bbox: box.map((/** @type {number} */ one) => one.toFixed(5)).join(","), zoom: String(map?.getZoom() ?? 12), state: byId("state").value, service: byId("service").value });
  const mine = ++asked;
  try {
    const view = await ask(`/public/v1/map?${query}`);
    if (mine === asked) show(view);
  } catch (fault) {
    if (mine === asked) byId("total").textContent = fault instanceof Later ? t("map.offline") : /** @type {Error} */ (fault).message;
  }
}

/** @param {View} view */
function show(view) {
  byId("total").textContent = view.total === 0 ? t("map.none") : t(view.cells.length ? "map.counted" : "map.total", { count: count(view.total) });
  refill(byId("rows"), ...view.newest.map(([id, service, status, created]) => make("li", {}, make("a", { href: `/r/${encodeURIComponent(id)}` }, glyph(services.get(service ?? "")?.glyph, 24), make("div", {}, make("b", {}, name(service)), make("span", {}, `${t(`status.${status}`)} · ${dateTime(created * 1000, city.city.timezone)}`))))));
  if (!map || !layer) return;
  const pins = view.points.length <= PINS_UP_TO || map.getZoom() >= PINS_FROM_ZOOM;
  layer.clearLayers();
  for (const [lat, lon, many] of view.cells) cell(map, lat, lon, many).addTo(layer);
  for (const point of [...view.points].reverse()) (pins ? pin : dot)(point).addTo(layer);
}

/** @param {string | null} code */
function name(code) {
  return services.get(code ?? "")?.name ?? code ?? t("follow.report");
}

/** @param {L.Map} on @param {number} lat @param {number} lon @param {number} many */
function cell(on, lat, lon, many) {
  const side = Math.round(Math.min(48, 24 + 6 * Math.log10(many + 1) * 2));
  const words = make("div", { class: "cell" }, count(many));
  words.style.width = words.style.height = `${side}px`;
  const icon = L.divIcon({ html: words, className: "", iconSize: [side, side] });
  const nearer = () => on.setView([lat, lon], Math.min(19, on.getZoom() + 2));
  return L.marker([lat, lon], { icon, keyboard: false, title: "" }).on("click", nearer);
}

/** @param {Point} point */
function pin(point) {
  const [, lat, lon, service, status] = point;
  const open = !["resolved", "closed"].includes(status);
  const words = make("div", { class: open ? "pin" : "pin closed" }, glyph(services.get(service ?? "")?.glyph, 18));
  words.style.width = words.style.height = "32px";
  const icon = L.divIcon({ html: words, className: "", iconSize: [32, 32] });
  return L.marker([lat, lon], { icon, keyboard: false }).on("click", () => pick(point));
}

/** @param {Point} point */
function dot(point) {
  const [, lat, lon, , status] = point;
  const open = !["resolved", "closed"].includes(status);
  const line = { radius: 6, weight: 2, color: colour(open ? "surface-panel" : "border-control"), fillColor: colour(open ? "accent-fill" : "surface-panel"), fillOpacity: 1 };
  return L.circleMarker([lat, lon], line).on("click", (event) => {
    L.DomEvent.stop(event);
    pick(point);
  });
}

/** Show the report that was tapped. @param {Point | null} point */
function pick(point) {
  const place = byId("picked");
  place.hidden = point === null;
  if (point === null) return;
  const [id, , , service, status] = point;
  place.href = `/r/${encodeURIComponent(id)}`;
  fill(place, glyph(services.get(service ?? "")?.glyph, 28), make("span", {}, make("b", {}, name(service)), make("small", {}, `${t(`status.${status}`)} · ${id}`)), make("span", { class: "go" }, t("map.open_report")));
}
