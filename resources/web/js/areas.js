// @ts-check
/** The city's areas: borders (districts thicker) and the names that labels may show. */

/**
 * @typedef {import("./labels.js").Label} Label
 * @typedef {GeoJSON.Feature<GeoJSON.Geometry | null, {name?: string, level?: number, lat?: number, lon?: number}>} Feature
 */

const DISTRICT_LEVEL = 2;
/** Below this zoom only the names of districts are shown, from it on only those of areas. */
const AREA_NAMES_FROM_ZOOM = 12.5;

export class Areas {
  /** @param {L.Map} map */
  constructor(map) {
    this._map = map;
    const pane = map.createPane("borders");
    pane.style.zIndex = "350";
    pane.style.pointerEvents = "none";
    this._renderer = renderer();
    /** @type {L.GeoJSON | null} */
    this._layer = null;
    /** @type {Label[]} */
    this._labels = [];
    /** @type {any} */
    this._features = null;
    this._drawn = ""; // in which colours
    this.hasBorders = false;
  }

  /** @param {number} version */
  async load(version) {
    try {
      const answer = await fetch(`/data/areas/${version}`);
      const text = answer.ok ? await answer.text() : "";
      this._features = text ? JSON.parse(text) : null;
    } catch {
      this._features = null;
    }
    this._labels = (this._features?.features ?? []).map(labelOf).filter(Boolean);
    this._drawn = "";
  }

  /** @param {import("./config.js").Colors} colors @param {boolean} bare whether no tiles lie below, so that areas are the land */
  draw(colors, bare) {
    const wanted = JSON.stringify([colors, bare]);
    if (wanted === this._drawn) return;
    this._drawn = wanted;
    this._layer?.remove();
    const features = (this._features?.features ?? []).filter((/** @type {Feature} */ one) => one.geometry && one.geometry.type !== "Point");
    this.hasBorders = features.length > 0;
    if (!features.length) return;
    features.sort((/** @type {Feature} */ a, /** @type {Feature} */ b) => (a.properties.level ?? 1) - (b.properties.level ?? 1));
    const lowest = features[0].properties.level ?? 1;
    this._layer = window.L.geoJSON(features, {
      interactive: false,
      pane: "borders",
      renderer: this._renderer,
      style: (one) => (one ? style(one, colors, bare && (one.properties.level ?? 1) === lowest) : {}),
    }).addTo(this._map);
  }

  /** Names for this zoom, shorter ones first: more of them find a place. @param {number} zoom @returns {Label[]} */
  labels(zoom) {
    const areas = this._labels.filter((one) => one.level < DISTRICT_LEVEL);
    const districts = this._labels.filter((one) => one.level >= DISTRICT_LEVEL);
    const shown = (zoom >= AREA_NAMES_FROM_ZOOM && areas.length) || !districts.length ? areas : districts;
    return [...shown].sort((a, b) => b.level - a.level || a.name.length - b.name.length);
  }
}

/**
 * Leaflet's canvas, which is not drawn upon: what was drawn apart is handed over to it (see picture.js).
 * @returns {L.Canvas}
 */
function renderer() {
  const L = /** @type {any} */ (window.L), given = L.Canvas.prototype;
  const Renderer = L.Canvas.extend({
    _initContainer() {
      this._container = document.createElement("canvas");
      this._shown = this._container.getContext("bitmaprenderer");
      this._apart = new OffscreenCanvas(1, 1);
      this._ctx = this._apart.getContext("2d");
    },
    _update() {
      L.Renderer.prototype._update.call(this);
      const { min } = this._bounds, size = this._bounds.getSize(), ratio = L.Browser.retina ? 2 : 1;
      L.DomUtil.setPosition(this._container, min);
      this._container.style.width = size.x + "px";
      this._container.style.height = size.y + "px";
      this._apart.width = ratio * size.x;
      this._apart.height = ratio * size.y;
      this._ctx.setTransform(ratio, 0, 0, ratio, -ratio * min.x, -ratio * min.y);
      this.fire("update"); // its paths fit themselves into the bounds and ask to be drawn
    },
    _redraw() {
      this._redrawBounds = null; // all of it: of what was handed over nothing is left
      given._redraw.call(this);
      this._shown.transferFromImageBitmap(this._apart.transferToImageBitmap());
    },
  });
  return new Renderer({ pane: "borders", padding: 0.1 });
}

/** @param {Feature} one @param {import("./config.js").Colors} colors @param {boolean} filled */
function style(one, colors, filled) {
  const district = (one.properties.level ?? 1) >= DISTRICT_LEVEL;
  return {
    color: colors[district ? "map.district-border" : "map.area-border"],
    weight: filled ? 1.5 : district ? 1.25 : 1, // without tiles the borders are all there is of the land
    fill: filled,
    fillColor: colors["map.land"],
    fillOpacity: 1,
    dashArray: district ? "6 3 1.5 3" : undefined,
  };
}

/** @param {Feature} one @returns {Label | null} */
function labelOf(one) {
  const { name, level = 1 } = one.properties;
  let { lat, lon } = one.properties;
  if ((lat === undefined || lat === null || lon === undefined || lon === null) && one.geometry) {
    const centre = window.L.geoJSON(one).getBounds().getCenter();
    lat = centre.lat;
    lon = centre.lng;
  }
  if (!name || typeof lat !== "number" || typeof lon !== "number") return null;
  return { name: String(name).slice(0, 60), level, lat, lon };
}
