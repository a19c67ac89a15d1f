// @ts-check
/** A Leaflet map with the city's own borders and, where the server has them, its streets; null without the library. */

import { make } from "./dom.js";

/** @type {L.LatLngBoundsLiteral} */
const WORLD = [[-60, -170], [75, 170]];

/** A colour of the theme. @param {string} name */
export function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

/**
 * @param {HTMLElement} element @param {[west: number, south: number, east: number, north: number] | null} bbox
 * @returns {L.Map | null}
 */
export function makeMap(element, bbox) {
  const L = window.L;
  if (!L) {
    element.hidden = true;
    return null;
  }
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const map = L.map(element, {
    attributionControl: false, zoomControl: false, preferCanvas: true, maxZoom: 19, minZoom: 3,
    zoomAnimation: !calm, fadeAnimation: !calm, inertia: !calm,
    renderer: L.canvas({ tolerance: 12, padding: 0.3 }),
  });
  /** @type {L.LatLngBoundsLiteral} */
  const bounds = bbox ? [[bbox[1], bbox[0]], [bbox[3], bbox[2]]] : WORLD;
  map.fitBounds(bounds, { maxZoom: 16 });
  return map;
}

/**
 * What the server says of its map of streets; null where it has none, or cannot be reached.
 * @returns {Promise<import("./streets.js").StreetsInfo | null>}
 */
export async function streetsInfo() {
  try {
    const answer = await fetch("/streets/info");
    return answer.ok ? await answer.json() : null;
  } catch {
    return null;
  }
}

/** Draw streets below everything, and say whose they are. @param {L.Map} map @param {import("./streets.js").StreetsInfo} info */
export async function drawStreets(map, info) {
  const { Streets } = await import("./streets.js");
  new Streets(map, info);
  const frame = map.getContainer().parentElement;
  frame?.append(make("p", { class: "map-source" }, info.attribution));
}

/** @type {any[]} */
let features = [];

/** The name of the smallest known area around a place, "" where there is none. @param {number} lat @param {number} lon */
export function areaAt(lat, lon) {
  const around = features.filter((one) => one.geometry.coordinates.some((/** @type {any} */ polygon) => inside(polygon[0], lat, lon)));
  around.sort((one, other) => other.properties.level - one.properties.level);
  return around[0]?.properties.name ?? "";
}

/** Whether a place lies in none of the city's areas, of which some are known. @param {number} lat @param {number} lon */
export function isOutside(lat, lon) {
  return features.length > 0 && !areaAt(lat, lon);
}

/** @param {[number, number][]} ring of [lon, lat] @param {number} lat @param {number} lon */
function inside(ring, lat, lon) {
  let within = false, before = ring.at(-1);
  for (const corner of ring) {
    const [x, y] = corner, [x0, y0] = before ?? corner;
    before = corner;
    if (y > lat !== y0 > lat && lon < x + ((lat - y) * (x0 - x)) / (y0 - y)) within = !within;
  }
  return within;
}

/**
 * Draw the borders, above the streets where there are any, and show all of them unless the map is `placed` already.
 * @param {L.Map} map @param {boolean} placed
 */
export async function drawBorders(map, placed) {
  const L = window.L;
  const streets = streetsInfo();
  let areas;
  try {
    areas = await (await fetch("/public/v1/areas")).json();
  } catch {
    areas = {}; // the map works without its background
  }
  features = areas.features ?? [];
  let filled = true; // where there are streets the land is theirs
  /** @type {() => void} */
  let draw = () => {};
  void streets.then(async (info) => {
    if (info === null) return;
    await drawStreets(map, info);
    filled = false;
    draw();
  });
  if (!features.length) return;
  const top = Math.min(...features.map((/** @type {any} */ one) => one.properties.level));
  const pane = map.createPane("borders");
  pane.style.zIndex = "250";
  const renderer = L.canvas({ pane: "borders", padding: 0.3 });
  /** @type {any} */
  let layer = null;
  draw = () => {
    layer?.remove();
    layer = L.geoJSON(areas, {
      interactive: false, pane: "borders", renderer,
      style: (/** @type {any} */ one) => ({
        color: colour(one.properties.level === top ? "map-district-border" : "map-area-border"),
        weight: one.properties.level === top ? 2 : 1,
        fill: filled && one.properties.level === top,
        fillColor: colour("map-land"),
        fillOpacity: 1,
      }),
    }).addTo(map);
  };
  draw();
  if (!placed) map.fitBounds(layer.getBounds(), { animate: false });
  map.getContainer().dataset.areas = String(features.length);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => draw());
}
