// @ts-check
/** The tiles of the background that are drawn here: fetched once, painted on canvases of 512 px, kept while they are near. */

import { startPainters, TilePictures } from "./tile_pictures.js";
import { readTile } from "./vector_tile.js";

/**
 * @typedef {import("./vector_tile.js").Tile} Tile
 * @typedef {import("./tile_painter.js").Look} Look
 * @typedef {{tile: Tile, key: string, side: number, left: number, top: number}} Shown a tile in view, its side in px and
 * where its corner lies in the map's frame
 * @typedef {{minZoom: number, maxZoom: number, address?: string}} Source where tiles are asked for: /tiles/z/x/y unless said
 * @typedef {HTMLCanvasElement & {paint?: ((then: () => void) => void) | undefined}} Canvas
 */

const TILE_PX = 512;
const MOST_KEPT_BYTES = 24 * 2 ** 20, MOST_KEPT = 400;
const UPDATE_MS = 60;
const MOST_RATIO = 2; // finer canvases cost much of a phone's memory, and nobody sees it

export class StreetLayer {
  /**
   * @param {L.Map} map @param {Source} tiles @param {Look} look @param {() => void} onLoad all of the view is painted
   * @param {() => void} onTile a tile of it has come, and may not be painted yet
   */
  constructor(map, tiles, look, onLoad, onTile) {
    this._map = map;
    this._tiles = tiles;
    this._look = look;
    this._onLoad = onLoad;
    this._onTile = onTile;
    startPainters(); // while the first tiles are on their way
    this._pictures = new TilePictures();
    this._painting = 0; // canvases that wait for their picture
    this._awaited = 0; // and those whose tile has not come yet
    /** @type {Map<string, {tile: Promise<Tile | null>, read: Tile | null, bytes: number}>} those used last come last */
    this._kept = new Map();
    this._bytes = 0;
    this._hasLand = false;
    this._layer = this._makeLayer();
    this._onZoom = () => this._repaint();
    this._layer.on("load", onLoad);
    map.on("zoomend", this._onZoom);
    this._layer.addTo(map);
    this._showGround();
  }

  /** Whether tiles are on their way, or not painted yet. */
  get busy() {
    return this._layer.isLoading() || this._painting > 0;
  }

  /** Whether tiles are on their way: what is written on them can be placed while they are painted. */
  get isReading() {
    return this._awaited > 0;
  }

  remove() {
    this._map.off("zoomend", this._onZoom);
    this._layer.off("load");
    this._layer.remove();
    this._pictures.remove();
    this._map.getContainer().style.removeProperty("background-color");
  }

  /** The tiles that the view shows and that have come. @returns {Shown[]} */
  shown() {
    const zoom = this._map.getZoom(), z = this._dataZoom(Math.round(zoom));
    if (z === null) return [];
    const side = 2 ** (zoom + 8 - z);
    const { min, max } = this._map.getPixelBounds();
    if (!min || !max) return [];
    /** @type {Shown[]} */
    const found = [];
    for (let y = Math.floor(min.y / side); y * side < max.y; y++) {
      for (let x = Math.floor(min.x / side); x * side < max.x; x++) {
        const key = `${z}/${x}/${y}`, tile = this._kept.get(key)?.read;
        if (tile) found.push({ tile, key, side, left: x * side - min.x, top: y * side - min.y });
      }
    }
    return found;
  }

  /** The zoom of the tiles that are drawn at a whole zoom of the map; null where there are none. @param {number} zoom */
  _dataZoom(zoom) {
    const z = Math.min(zoom - 1, this._tiles.maxZoom); // 512 px a tile
    return z < this._tiles.minZoom ? null : z;
  }

  _makeLayer() {
    const L = window.L, createTile = (/** @type {L.Coords} */ coords, /** @type {L.DoneCallback} */ done) => this._createTile(coords, done);
    /** @type {any} */
    const Layer = L.GridLayer.extend({
      createTile,
      // A new zoom without an animation: Leaflet would take all tiles away at once, and the ground would flash.
      _invalidateAll() {},
    });
    return /** @type {L.GridLayer} */ (new Layer({ pane: "base", tileSize: TILE_PX, keepBuffer: 1, noWrap: true, updateInterval: UPDATE_MS }));
  }

  /** @param {L.Coords} coords @param {L.DoneCallback} done */
  _createTile(coords, done) {
    const canvas = /** @type {Canvas} */ (document.createElement("canvas"));
    const z = this._dataZoom(coords.z), parts = z === null ? 1 : 2 ** (coords.z - 1 - z);
    const x = Math.floor(coords.x / parts), y = Math.floor(coords.y / parts);
    const came = z === null ? Promise.resolve(null) : this._tile(`${z}/${x}/${y}`);
    this._awaited++;
    void came.then((tile) => {
      this._awaited--;
      canvas.paint = (then) => this._paint(canvas, tile, coords, parts, then);
      canvas.paint(() => done(undefined, canvas));
      this._onTile();
    });
    return canvas;
  }

  /**
   * @param {Canvas} canvas @param {Tile | null} tile @param {L.Coords} coords @param {number} parts canvases to a tile's side
   * @param {() => void} then it is painted
   */
  _paint(canvas, tile, coords, parts, then) {
    const zoom = this._map.getZoom(), ratio = Math.min(window.devicePixelRatio || 1, MOST_RATIO);
    // Between whole zooms the canvas is as large as it is shown, so that its lines stay sharp.
    const scale = this._map.getZoomScale(zoom, coords.z), px = Math.round(TILE_PX * ratio * scale);
    if (!Number.isFinite(px) || px < 1 || px > 4 * TILE_PX * ratio) {
      then();
      return;
    }
    const part = { zoom, side: px * parts, left: -(coords.x % parts) * px, top: -(coords.y % parts) * px, ratio };
    this._painting++;
    this._pictures.put(canvas, { px, ground: this._ground(), tile, part, look: this._look }, scale !== 1, () => {
      this._painting--;
      then();
    });
  }

  /** Another zoom with the same tiles, or another ground. */
  _repaint() {
    const z = Math.round(this._map.getZoom());
    for (const one of Object.values(/** @type {any} */ (this._layer)._tiles)) {
      const { el, coords } = /** @type {{el: Canvas, coords: L.Coords}} */ (one);
      if (coords.z === z) el.paint?.(() => !this.busy && this._onLoad());
    }
  }

  /** @param {string} key z/x/y @returns {Promise<Tile | null>} null where there is none */
  _tile(key) {
    const kept = this._kept.get(key);
    if (kept) {
      this._kept.delete(key);
      this._kept.set(key, kept);
      return kept.tile;
    }
    const fresh = { tile: this._fetch(key), read: /** @type {Tile | null} */ (null), bytes: 0 };
    this._kept.set(key, fresh);
    void fresh.tile.then((tile) => this._keep(key, fresh, tile));
    return fresh.tile;
  }

  /** @param {string} key @returns {Promise<Tile | null>} */
  async _fetch(key) {
    try {
      const answer = await fetch(`${this._tiles.address ?? "/tiles"}/${key}`);
      const buffer = answer.ok ? await answer.arrayBuffer() : null;
      const tile = buffer?.byteLength ? readTile(buffer) : null;
      if (tile?.hasLand) this._learnOfLand();
      return tile;
    } catch {
      return null;
    }
  }

  /** @param {string} key @param {{read: Tile | null, bytes: number}} kept @param {Tile | null} tile */
  _keep(key, kept, tile) {
    if (this._kept.get(key) !== kept) return;
    kept.read = tile;
    kept.bytes = tile ? tile.bytes.length + tile.named.byteLength + tile.runs.reduce((sum, runs) => sum + runs.byteLength, 0) : 0;
    this._bytes += kept.bytes;
    for (const [oldest, one] of this._kept) {
      if (this._bytes <= MOST_KEPT_BYTES && this._kept.size <= MOST_KEPT) break;
      this._kept.delete(oldest);
      this._bytes -= one.bytes;
    }
  }

  /** Where tiles say what is land, all else is not; where none does, it is all land but the water. */
  _ground() {
    return this._look.colors[this._hasLand ? "map.land-outside" : "map.land"];
  }

  _learnOfLand() {
    if (this._hasLand) return;
    this._hasLand = true;
    this._showGround();
    this._repaint();
  }

  /** What is seen where a tile has not come yet, and between tiles that are shown a little larger. */
  _showGround() {
    this._map.getContainer().style.backgroundColor = this._ground();
  }
}
