// @ts-check
/** The background: vector tiles painted by rules from the theme's colours, or raster tiles; and when it is complete. */

import { StreetLayer } from "./street_layer.js";
import { StreetNames } from "./street_names.js";

export class Basemap {
  /**
   * @param {L.Map} map @param {() => void} onSettled all tiles of the view are drawn, or there are none
   * @param {() => void} onNames names of streets came, or there are none
   */
  constructor(map, onSettled, onNames) {
    this._map = map;
    this._onSettled = onSettled;
    this._onNames = onNames;
    /** @type {L.TileLayer | null} */
    this._pictures = null;
    /** @type {StreetLayer | null} */
    this._streets = null;
    this._names = new StreetNames(() => this._tellNames());
    this._scale = 1;
    this._wanted = "";
    map.createPane("base").style.zIndex = "200";
    map.on("moveend", () => this._prepareNames());
  }

  /** Whether tiles are on their way, or names not worked out yet. */
  get busy() {
    return this._pictures !== null && this._pictures.isLoading() || this._streets !== null && (this._streets.busy || this._names.busy);
  }

  /**
   * @param {import("./config.js").Config} config @param {boolean} available @param {boolean} ownBorders whether the
   * city's own borders are drawn above, so that those of the tiles are not needed
   */
  show(config, available, ownBorders) {
    const web = config.webMap?.shown ? config.webMap : null, tiles = available && !web ? config.tiles : null;
    const { colors, scale } = config.theme, wanted = JSON.stringify([tiles, web, available, colors, ownBorders]);
    this._scale = scale;
    this._prepareNames();
    if (wanted === this._wanted) return;
    this._wanted = wanted;
    this._pictures?.remove();
    this._streets?.remove();
    this._pictures = this._streets = null;
    if (web || tiles?.kind === "raster") {
      this._pictures = web ? webMap(web) : raster(/** @type {{minZoom: number, maxZoom: number}} */ (tiles));
      this._pictures.on("load", this._onSettled);
      this._pictures.addTo(this._map);
    } else if (tiles) {
      this._streets = new StreetLayer(this._map, tiles, { colors, ownBorders }, this._onSettled, () => {
        this._prepareNames();
        this._tellNames();
      });
    }
    this._map.getContainer().classList.toggle("hatched", !available && !web);
  }

  /** A picture of the web map has come. @param {number} z @param {number} x @param {number} y */
  renew(z, x, y) {
    const shown = /** @type {any} */ (this._pictures)?._tiles[`${x}:${y}:${z}`];
    if (shown) shown.el.src = pictureAddress({ z, x, y });
  }

  /**
   * Names of streets, and of places where the city has none of its own.
   * @param {boolean} withPlaces @param {import("./geometry.js").Taken} taken what is written is added
   * @param {number} width @param {number} height @returns {import("./labels.js").Placed[]}
   */
  placeNames(withPlaces, taken, width, height) {
    return this._streets ? this._names.place(this._streets.shown(), this._map.getZoom(), this._scale, withPlaces, taken, width, height) : [];
  }

  /** Once for all tiles of the view: to place them for each would take longer than to wait for the last. */
  _tellNames() {
    if (!this._streets?.isReading && !this._names.busy) this._onNames();
  }

  _prepareNames() {
    this._names.prepare(this._streets?.shown() ?? [], this._map.getZoom(), this._scale);
  }
}

/** A picture without anything in it; one with Leaflet's own (emptyImageUrl) would count as on its way for ever. */
const NOTHING = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7";
let tries = 0;

/** Another one at each try: the engine keeps what it was given before. @param {{x: number, y: number, z: number}} at */
function pictureAddress({ z, x, y }) {
  return `/pictures/${++tries}/${z}/${x}/${y}`;
}

/** Where there is no picture yet the ground is seen. @param {{maxZoom: number}} web */
function webMap(web) {
  const L = window.L;
  /** @type {any} */
  const Layer = L.TileLayer.extend({
    getTileUrl(/** @type {L.Coords} */ at) {
      return pictureAddress({ z: this._getZoomForUrl(), x: at.x, y: at.y });
    },
  });
  return /** @type {L.TileLayer} */ (new Layer("", { pane: "base", maxNativeZoom: web.maxZoom, errorTileUrl: NOTHING, keepBuffer: 1, noWrap: true }));
}

/** @param {{minZoom: number, maxZoom: number}} tiles */
function raster(tiles) {
  return window.L.tileLayer("/tiles/{z}/{x}/{y}", {
    pane: "base",
    minNativeZoom: tiles.minZoom,
    maxNativeZoom: tiles.maxZoom,
    errorTileUrl: NOTHING,
    keepBuffer: 1,
  });
}
