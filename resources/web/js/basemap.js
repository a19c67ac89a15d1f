// @ts-check
/** The background: vector tiles painted by rules from the theme's colours, or raster tiles; and when it is complete. */

/** Layers of the tiles we know, by meaning: Jakarta's own, Protomaps', OpenMapTiles'. */
const LAND = ["earth", "land", "kota", "kecamatan", "kelurahan"]; // areas as well: simplified borders leave gaps
const WATER = ["water", "ocean"];
const RIVERS = ["waterway", "rivers", "physical_line"];
const STREETS = ["rw"];
const TOLLS = ["tol"];
const ROADS = ["roads", "transportation"];
const AREA_BORDERS = ["kelurahan"];
const DISTRICT_BORDERS = ["kecamatan"];
const BORDERS = ["boundaries", "boundary"];
const MAJOR = new Set(["highway", "motorway", "trunk", "major_road", "primary"]);

export class Basemap {
  /** @param {L.Map} map @param {() => void} onSettled all tiles of the view are drawn, or there are none */
  constructor(map, onSettled) {
    this._map = map;
    this._onSettled = onSettled;
    /** @type {any} */
    this._layer = null;
    this._wanted = "";
    map.createPane("base").style.zIndex = "200";
  }

  /** Whether tiles are on their way. */
  get busy() {
    return this._layer !== null && this._layer.isLoading();
  }

  /**
   * @param {import("./config.js").Config} config @param {boolean} available @param {boolean} ownBorders whether the
   * city's own borders are drawn above, so that those of the tiles are not needed
   */
  show(config, available, ownBorders) {
    const tiles = available ? config.tiles : null;
    const wanted = JSON.stringify([tiles, available, config.theme.colors, ownBorders]);
    if (wanted === this._wanted) return;
    this._wanted = wanted;
    this._layer?.remove();
    this._layer = null;
    if (tiles) {
      this._layer = tiles.kind === "vector" ? vector(tiles, config.theme.colors, ownBorders) : raster(tiles);
      this._layer.on("load", this._onSettled);
      this._layer.addTo(this._map);
    }
    this._map.getContainer().classList.toggle("hatched", !available);
  }
}

/** @param {{minZoom: number, maxZoom: number}} tiles */
function raster(tiles) {
  const L = window.L;
  return L.tileLayer("/tiles/{z}/{x}/{y}", {
    pane: "base",
    minNativeZoom: tiles.minZoom,
    maxNativeZoom: tiles.maxZoom,
    errorTileUrl: L.Util.emptyImageUrl,
    keepBuffer: 1,
  });
}

/** @param {{minZoom: number, maxZoom: number}} tiles @param {import("./config.js").Colors} colors @param {boolean} ownBorders */
function vector(tiles, colors, ownBorders) {
  return window.protomapsL.leafletLayer({
    url: "/tiles/{z}/{x}/{y}",
    pane: "base",
    maxDataZoom: tiles.maxZoom,
    levelDiff: 1,
    backgroundColor: colors["map.land-outside"],
    paintRules: paintRules(colors, ownBorders),
    labelRules: [],
    attribution: "",
    keepBuffer: 1,
    noWrap: true,
  });
}

/** @param {import("./config.js").Colors} colors @param {boolean} ownBorders */
function paintRules(colors, ownBorders) {
  const { PolygonSymbolizer, LineSymbolizer } = window.protomapsL;
  const colour = (/** @type {keyof import("./config.js").Tokens["map"]} */ name) => colors[/** @type {const} */ (`map.${name}`)];
  const area = (/** @type {string} */ dataLayer, /** @type {string} */ fill) => ({ dataLayer, symbolizer: new PolygonSymbolizer({ fill }) });
  const line = (/** @type {string} */ dataLayer, /** @type {any} */ look, /** @type {any} */ filter = undefined) => ({ dataLayer, symbolizer: new LineSymbolizer(look), filter });
  const major = (/** @type {number} */ _zoom, /** @type {any} */ feature) => MAJOR.has(feature.props.kind ?? feature.props.class);
  const minor = (/** @type {number} */ zoom, /** @type {any} */ feature) => !major(zoom, feature);
  const road = (/** @type {number} */ extra) => (/** @type {number} */ zoom) => extra + (zoom < 12.5 ? 2 : zoom < 14 ? 2.6 : 6);
  const borders = ownBorders ? [] : [
    ...AREA_BORDERS.map((name) => line(name, { color: colour("area-border"), width: 1 })),
    ...DISTRICT_BORDERS.map((name) => line(name, { color: colour("district-border"), width: 1, dash: [6, 3, 1.5, 3] })),
  ];
  return [
    ...LAND.map((name) => area(name, colour("land"))),
    ...WATER.map((name) => area(name, colour("water"))),
    ...STREETS.map((name) => ({ ...line(name, { color: colour("street"), width: 1 }), minzoom: 12 })),
    ...borders,
    ...BORDERS.map((name) => line(name, { color: colour("district-border"), width: 1 })),
    ...RIVERS.map((name) => line(name, { color: colour("river"), width: 2 })),
    ...ROADS.map((name) => ({ ...line(name, { color: colour("street"), width: 1 }, minor), minzoom: 13 })),
    ...ROADS.map((name) => line(name, { color: colour("road"), width: road(0) }, major)),
    ...TOLLS.map((name) => line(name, { color: colour("toll"), width: road(1.2) })),
  ];
}
