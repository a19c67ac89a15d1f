// @ts-check
/** Who moves the map: auto-fit follows what the filter shows until the operator moves it; then it stays where it was put. */

import { paddings } from "./fitting.js";

const PAN_S = 0.2;
const CLOSE_ZOOM = 16, FIT_STEP = 0.1;

/** @typedef {[[number, number], [number, number]]} Bounds south-west, north-east */

export class View {
  /**
   * @param {L.Map} map @param {(locked: boolean) => void} onLock
   * @param {() => import("./fitting.js").Boxes} boxes what stands over the map's corners
   */
  constructor(map, onLock, boxes) {
    this._map = map;
    this._onLock = onLock;
    this._boxes = boxes;
    /** @type {Bounds | null} */
    this._city = null;
    /** @type {Bounds | null} */
    this._filtered = null;
    this._calm = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.locked = false;
  }

  /** @param {number} west @param {number} south @param {number} east @param {number} north */
  setCity(west, south, east, north) {
    this._city = [[south, west], [north, east]];
    this.refit();
  }

  /** What the filter shows; NaN: the whole city. @param {number} west @param {number} south @param {number} east @param {number} north */
  setFiltered(west, south, east, north) {
    this._filtered = Number.isFinite(west) ? [[south, west], [north, east]] : null;
    this.refit();
  }

  /** The panel, or what stands over it, has another size. */
  refit() {
    if (!this.locked) this._show(this._filtered ?? this._city);
  }

  /** @param {boolean} locked */
  setLocked(locked) {
    if (locked !== this.locked) {
      this.locked = locked;
      this._onLock(locked);
    }
    this.refit();
  }

  /** The operator moved the map. */
  gesture() {
    this.setLocked(true);
  }

  /** The whole city, whatever the filter shows. */
  home() {
    if (this._filtered) this.gesture();
    this._show(this._city);
  }

  /** @param {Bounds | null} bounds beside the boxes over the map, where more of it can be seen */
  _show(bounds) {
    if (!bounds) return;
    const L = window.L, size = this._map.getSize();
    const step = this._map.options.zoomSnap;
    this._map.options.zoomSnap = FIT_STEP; // half a step too far out leaves a third of the frame empty
    let best = null, closest = -Infinity;
    for (const { topLeft, bottomRight } of paddings(this._boxes(), size.x, size.y)) {
      const zoom = this._map.getBoundsZoom(bounds, false, L.point(topLeft[0] + bottomRight[0], topLeft[1] + bottomRight[1]));
      if (zoom > closest) {
        closest = zoom;
        best = { paddingTopLeft: topLeft, paddingBottomRight: bottomRight };
      }
    }
    this._map.fitBounds(bounds, { animate: false, maxZoom: CLOSE_ZOOM, ...best });
    this._map.options.zoomSnap = step;
  }

  /** @param {number} lat @param {number} lon @param {number} zoom 0 keeps it */
  goTo(lat, lon, zoom) {
    this.gesture();
    if (zoom) this._map.setView([lat, lon], zoom, { animate: false });
    else this._map.panTo([lat, lon], { animate: !this._calm, duration: PAN_S });
  }

  /** @param {number} west @param {number} south @param {number} east @param {number} north */
  fit(west, south, east, north) {
    this.gesture();
    this._show([[south, west], [north, east]]);
  }

  /** @param {number} dx @param {number} dy in parts of the view */
  pan(dx, dy) {
    this.gesture();
    const size = this._map.getSize();
    this._map.panBy([dx * size.x, dy * size.y], { animate: false });
  }

  /** @param {number} steps */
  zoom(steps) {
    this.gesture();
    this._map.setZoom(this._map.getZoom() + steps, { animate: false });
  }
}
