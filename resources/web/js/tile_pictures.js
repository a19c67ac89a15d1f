// @ts-check
/** Put pictures of tiles on canvases: painted by workers, or on the page's own thread where there are none. */

import { CAN_HAND_OVER, drawOn } from "./picture.js";
import { paint } from "./tile_worker.js";

/**
 * @typedef {import("./tile_worker.js").TilePicture} TilePicture
 * @typedef {{canvas: HTMLCanvasElement, picture: TilePicture, done: () => void, isWanted: () => boolean}} Asked
 */

const MOST_WORKERS = 2; // a view is a dozen tiles, which take 5 ms each
const AT_ONCE = 2; // one is painted, the next one waits at the worker
const HOLD_MS = 40;

/**
 * The workers of the page. They stay when the streets go and come again: to start one takes as long as eight tiles.
 * Pictures are shown together: each frame with another tile in it costs as much as two tiles.
 */
class Painters {
  constructor() {
    /** @type {{worker: Worker, asked: number}[]} with how many pictures each has not answered yet */
    this._all = [];
    this._mayWork = CAN_HAND_OVER && "Worker" in window;
    this._number = 0;
    /** @type {Asked[]} what no worker was asked yet */
    this._waiting = [];
    /** @type {Map<number, Asked>} what no worker has answered yet */
    this._asked = new Map();
    /** @type {{asked: Asked, bitmap: ImageBitmap}[]} what is not shown yet */
    this._painted = [];
    this._hold = 0; // a timer: what is painted by then is shown
  }

  /** Have them ready. */
  start() {
    const many = this._mayWork && !this._all.length ? Math.min(MOST_WORKERS, navigator.hardwareConcurrency) : 0;
    for (let index = 0; index < many; index++) {
      const one = { worker: new Worker(new URL("./tile_worker.js", import.meta.url), { type: "module" }), asked: 0 };
      one.worker.onmessage = ({ data }) => {
        one.asked--;
        this._take(data.number, data.bitmap);
      };
      one.worker.onerror = () => this._giveUp();
      this._all.push(one);
    }
  }

  /** @param {Asked} asked @returns {boolean} whether there is one to do so */
  paint(asked) {
    this.start();
    if (!this._all.length) return false;
    this._waiting.push(asked);
    this._ask();
    return true;
  }

  /** Give the workers what they have room for. */
  _ask() {
    for (;;) {
      const free = this._all.reduce((least, one) => (one.asked < least.asked ? one : least), /** @type {{worker: Worker, asked: number}} */ (this._all[0]));
      if (free.asked >= AT_ONCE) return;
      const asked = this._waiting.shift();
      if (!asked) return;
      if (!asked.isWanted()) {
        asked.done();
        continue;
      }
      const number = ++this._number, { tile } = asked.picture;
      this._asked.set(number, asked);
      free.asked++;
      free.worker.postMessage({ number, picture: { ...asked.picture, tile: tile && { bytes: tile.bytes, runs: tile.runs } } });
    }
  }

  /** @param {number} number @param {ImageBitmap} bitmap */
  _take(number, bitmap) {
    const asked = this._asked.get(number);
    this._asked.delete(number);
    if (asked) this._painted.push({ asked, bitmap });
    this._ask();
    if (!this._asked.size) this._show();
    else this._hold ||= window.setTimeout(() => this._show(), HOLD_MS);
  }

  _show() {
    window.clearTimeout(this._hold);
    this._hold = 0;
    for (const { asked, bitmap } of this._painted.splice(0)) {
      if (asked.isWanted()) {
        /** @type {ImageBitmapRenderingContext} */ (asked.canvas.getContext("bitmaprenderer")).transferFromImageBitmap(bitmap);
      } else bitmap.close();
      asked.done();
    }
  }

  /** One cannot be started, or has failed: this thread paints what they were asked for, and all that follows. */
  _giveUp() {
    const asked = [...this._asked.values(), ...this._waiting];
    for (const { worker } of this._all) worker.terminate();
    this._mayWork = false;
    this._all = [];
    this._waiting = [];
    this._asked.clear();
    this._show();
    for (const one of asked) paintHere(one);
  }
}

const painters = new Painters();

/** Have ready what paints tiles, before the first one has come. */
export function startPainters() {
  painters.start();
}

/** @param {Asked} asked */
function paintHere({ canvas, picture, done, isWanted }) {
  if (isWanted()) drawOn(canvas, picture.px, picture.px, (context) => paint(context, picture));
  done();
}

export class TilePictures {
  constructor() {
    this._isGone = false;
    this._number = 0;
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
    const number = ++this._number, isWanted = () => !this._isGone && this._newest.get(canvas) === number;
    this._newest.set(canvas, number);
    const asked = { canvas, picture, isWanted, done: () => this._isGone || done() };
    if (scaled || !painters.paint(asked)) paintHere(asked);
  }

  /** What was asked for is not shown any more. */
  remove() {
    this._isGone = true;
  }
}
