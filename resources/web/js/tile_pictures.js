// @ts-check
/** Put pictures of tiles on canvases: painted by workers, or on the page's own thread where there are none. */

import { CAN_HAND_OVER, drawOn } from "./picture.js";
import { paint } from "./tile_worker.js";

/**
 * @typedef {import("./tile_worker.js").TilePicture} TilePicture
 * @typedef {{canvas: HTMLCanvasElement, picture: TilePicture, done: () => void, isWanted: () => boolean}} Asked
 */

const MOST_WORKERS = 2; // a view is a dozen tiles, which take 5 ms each

/** The workers of the page. They stay when the streets go and come again: to start one takes as long as eight tiles. */
class Painters {
  constructor() {
    /** @type {{worker: Worker, asked: number}[]} with how many pictures each has not answered yet */
    this._all = [];
    this._mayWork = CAN_HAND_OVER && "Worker" in window;
    this._number = 0;
    /** @type {Map<number, Asked>} what no worker has answered yet */
    this._asked = new Map();
  }

  /** Have them ready. */
  start() {
    const many = this._mayWork && !this._all.length ? Math.min(MOST_WORKERS, navigator.hardwareConcurrency) : 0;
    for (let index = 0; index < many; index++) {
      const one = { worker: new Worker(new URL("./tile_worker.js", import.meta.url), { type: "module" }), asked: 0 };
      one.worker.onmessage = ({ data }) => {
        one.asked--;
        this._show(data.number, data.bitmap);
      };
      one.worker.onerror = () => this._giveUp();
      this._all.push(one);
    }
  }

  /** @param {Asked} asked @returns {boolean} whether there is one to do so */
  paint(asked) {
    this.start();
    const [first, second] = this._all, free = second && first && second.asked < first.asked ? second : first;
    if (!free) return false;
    const number = ++this._number, { tile } = asked.picture;
    this._asked.set(number, asked);
    free.asked++;
    free.worker.postMessage({ number, picture: { ...asked.picture, tile: tile && { bytes: tile.bytes, runs: tile.runs } } });
    return true;
  }

  /** @param {number} number @param {ImageBitmap} bitmap */
  _show(number, bitmap) {
    const asked = this._asked.get(number);
    this._asked.delete(number);
    if (asked?.isWanted()) {
      /** @type {ImageBitmapRenderingContext} */ (asked.canvas.getContext("bitmaprenderer")).transferFromImageBitmap(bitmap);
    } else bitmap.close();
    asked?.done();
  }

  /** One cannot be started, or has failed: this thread paints what they were asked for, and all that follows. */
  _giveUp() {
    const asked = [...this._asked.values()];
    for (const { worker } of this._all) worker.terminate();
    this._mayWork = false;
    this._all = [];
    this._asked.clear();
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
