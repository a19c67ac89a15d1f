// @ts-check
/** Put pictures of tiles on canvases: painted by a worker, or on the page's own thread where there is none. */

import { CAN_HAND_OVER, drawOn } from "./picture.js";
import { paint } from "./tile_worker.js";

/**
 * @typedef {import("./tile_worker.js").TilePicture} TilePicture
 * @typedef {{canvas: HTMLCanvasElement, picture: TilePicture, done: () => void}} Asked
 */

export class TilePictures {
  constructor() {
    /** @type {Worker | null} it is started by the first tile, as most cities have no streets */
    this._worker = null;
    this._mayWork = CAN_HAND_OVER && "Worker" in window;
    this._number = 0;
    /** @type {Map<number, Asked>} what the worker has not answered yet, in its order */
    this._asked = new Map();
    /** @type {WeakMap<HTMLCanvasElement, number>} the newest question of each canvas: an older picture comes too late */
    this._newest = new WeakMap();
  }

  /**
   * @param {HTMLCanvasElement} canvas @param {TilePicture} picture
   * @param {boolean} scaled whether the canvas is shown larger or smaller: what this thread draws is painted once more
   * in the size in which it is seen, a worker's picture would be stretched and lose its edges
   * @param {() => void} done it is shown, or a newer one was asked for
   */
  put(canvas, picture, scaled, done) {
    const number = ++this._number, asked = { canvas, picture, done };
    this._newest.set(canvas, number);
    const worker = scaled ? null : this._ready();
    if (!worker) {
      this._paintHere(asked);
      return;
    }
    this._asked.set(number, asked);
    const { tile } = picture;
    worker.postMessage({ number, picture: { ...picture, tile: tile && { bytes: tile.bytes, runs: tile.runs } } });
  }

  /** End the worker; what it was asked for is not shown any more. */
  remove() {
    this._worker?.terminate();
    this._worker = null;
    this._mayWork = false;
    this._asked.clear();
  }

  /** @returns {Worker | null} */
  _ready() {
    if (this._worker || !this._mayWork) return this._worker;
    this._worker = new Worker(new URL("./tile_worker.js", import.meta.url), { type: "module" });
    this._worker.onmessage = ({ data }) => this._show(data.number, data.bitmap);
    this._worker.onerror = () => this._giveUp();
    return this._worker;
  }

  /** @param {number} number @param {ImageBitmap} bitmap */
  _show(number, bitmap) {
    const asked = this._asked.get(number);
    this._asked.delete(number);
    if (!asked) return;
    if (this._newest.get(asked.canvas) === number) {
      /** @type {ImageBitmapRenderingContext} */ (asked.canvas.getContext("bitmaprenderer")).transferFromImageBitmap(bitmap);
    } else bitmap.close();
    asked.done();
  }

  /** The worker cannot be started, or has failed: this thread paints what it was asked for, and all that follows. */
  _giveUp() {
    const asked = [...this._asked.values()];
    this.remove();
    for (const one of asked) this._paintHere(one);
  }

  /** @param {Asked} asked */
  _paintHere({ canvas, picture, done }) {
    drawOn(canvas, picture.px, picture.px, (context) => paint(context, picture));
    done();
  }
}
