// @ts-check
/** The city's streets and their names on a map of the pages: drawn by what draws them in the console. */

import { CanvasLayer } from "./canvas_layer.js";
import { Taken } from "./geometry.js";
import { drawNames } from "./labels.js";
import { StreetLayer } from "./street_layer.js";
import { StreetNames } from "./street_names.js";
import { COLOURS, NAMES } from "./street_style.js";

const STREETS_ORDER = "200", NAMES_ORDER = 300; // borders lie between them, reports above
const MORE = /** @type {const} */ (["map.land-outside", "map.halo", "map.label"]);

/**
 * What the server says of its map. @typedef {{version: string, min_zoom: number, max_zoom: number, attribution: string,
 *   invented: boolean, places: boolean, bounds: [west: number, south: number, east: number, north: number]}} StreetsInfo
 * @typedef {import("./config.js").Colors} Colors
 */

export class Streets {
  /** @param {L.Map} map @param {StreetsInfo} info */
  constructor(map, info) {
    this._map = map;
    /** @type {import("./street_layer.js").Source} */
    this._source = { minZoom: info.min_zoom, maxZoom: info.max_zoom, address: `/streets/${info.version}` };
    map.createPane("base").style.zIndex = STREETS_ORDER;
    this._colors = colours();
    this._names = new StreetNames(() => this._nameLayer.redraw());
    this._nameLayer = new CanvasLayer(map, "names", NAMES_ORDER, (context, width, height) => this._draw(context, width, height));
    this._streets = this._add();
    map.on("moveend", () => this._prepare());
    map.on("zoomstart", () => this._show(false)); // while the map grows or shrinks they would stand beside their streets
    map.on("resize", () => this._nameLayer.redraw());
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this._change());
  }

  /** In other colours. */
  _change() {
    this._streets.remove();
    this._colors = colours();
    this._streets = this._add();
  }

  _add() {
    return new StreetLayer(this._map, this._source, { colors: this._colors, ownBorders: true }, () => this._prepare(), () => {});
  }

  /** Work out the names of what is in view, and write those that are known already. */
  _prepare() {
    this._names.prepare(this._streets.shown(), this._map.getZoom(), 1);
    this._show(true);
    this._nameLayer.redraw();
  }

  /** @param {boolean} shown */
  _show(shown) {
    const pane = this._map.getPane("names");
    if (pane) pane.hidden = !shown;
  }

  /** @param {CanvasRenderingContext2D} context @param {number} width @param {number} height @returns {boolean} */
  _draw(context, width, height) {
    const placed = this._names.place(this._streets.shown(), this._map.getZoom(), 1, true, new Taken(), width, height);
    drawNames(context, placed, this._colors, 1);
    return placed.length > 0;
  }
}

/** The colours of the theme that the device has now. @returns {Colors} */
function colours() {
  const style = getComputedStyle(document.documentElement);
  const names = new Set([...Object.values(COLOURS), ...NAMES.map((one) => one.colour), ...MORE]);
  return /** @type {Colors} */ (Object.fromEntries([...names].map((name) => [name, style.getPropertyValue(`--${name.replace(".", "-")}`).trim()])));
}
