// @ts-check
/** A small map of one place, on pages that show one; there only where the server has streets for it to show. */

import { colour, drawStreets, makeMap, streetsInfo } from "./area_map.js";
import { byId } from "./dom.js";

const ZOOM = 16;

export class PlaceMap {
  /** @param {string} frame the id of what holds the element `map` and its two buttons */
  constructor(frame) {
    this._frame = byId(frame);
    /** @type {import("./streets.js").StreetsInfo | null} */
    this._info = null;
    /** @type {L.Map | null} */
    this._map = null;
    /** @type {L.CircleMarker | null} */
    this._mark = null;
    this._shown = "";
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this._draw());
  }

  /** Show a place, or nothing where it is unknown or beyond the streets. @param {number | null | undefined} lat @param {number | null | undefined} lon */
  async show(lat, lon) {
    const wanted = typeof lat === "number" && typeof lon === "number" ? `${lat},${lon}` : "";
    if (wanted === this._shown) return;
    this._shown = wanted;
    if (wanted) this._info ??= await streetsInfo();
    const info = wanted ? this._info : null;
    if (wanted !== this._shown) return; // another one was chosen meanwhile
    const [west, south, east, north] = info?.bounds ?? [0, 0, 0, 0];
    const at = { lat: Number(lat), lon: Number(lon) };
    const within = info !== null && at.lon >= west && at.lon <= east && at.lat >= south && at.lat <= north;
    this._frame.hidden = !within;
    if (!within) return;
    if (this._map === null) {
      this._map = makeMap(byId("map"), null);
      if (this._map === null) return;
      const map = this._map;
      byId("zoom-in").addEventListener("click", () => map.zoomIn());
      byId("zoom-out").addEventListener("click", () => map.zoomOut());
      map.setView([at.lat, at.lon], ZOOM, { animate: false });
      void drawStreets(map, info);
    }
    this._map.invalidateSize();
    this._map.setView([at.lat, at.lon], ZOOM, { animate: false });
    this._draw();
  }

  _draw() {
    if (this._map === null) return;
    const [lat, lon] = this._shown.split(",").map(Number);
    this._mark?.remove();
    const line = { radius: 10, color: colour("surface-panel"), weight: 3, fillColor: colour("accent-base"), fillOpacity: 1, interactive: false };
    this._mark = window.L.circleMarker([lat ?? 0, lon ?? 0], line).addTo(this._map);
  }
}
