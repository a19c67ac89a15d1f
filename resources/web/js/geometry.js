// @ts-check
/** Boxes on the screen: whether they touch, and what is nearest to a point. Pure. */

/** @typedef {{x: number, y: number}} Point */
/** @typedef {[number, number, number, number]} Rect left, top, right, bottom */

/** @param {Rect} a @param {Rect} b */
export function overlap(a, b) {
  return a[0] < b[2] && a[2] > b[0] && a[1] < b[3] && a[3] > b[1];
}

const COLUMNS = 2 ** 20; // more than there are: each bucket has a number of its own

/**
 * A list of boxes that answers "is this place free?" by looking only at its neighbours.
 */
export class Taken {
  /** @param {number} [cell] side of a bucket in px */
  constructor(cell = 64) {
    this._cell = cell;
    /** @type {Map<number, Rect[]>} */
    this._buckets = new Map();
  }

  /** @param {Rect} rect */
  add(rect) {
    const cell = this._cell, right = Math.floor(rect[2] / cell), bottom = Math.floor(rect[3] / cell);
    for (let column = Math.floor(rect[0] / cell); column <= right; column++) {
      for (let row = Math.floor(rect[1] / cell); row <= bottom; row++) {
        const key = row * COLUMNS + column, bucket = this._buckets.get(key);
        if (bucket) bucket.push(rect);
        else this._buckets.set(key, [rect]);
      }
    }
  }

  /** @param {Rect} rect */
  isFree(rect) {
    const cell = this._cell, right = Math.floor(rect[2] / cell), bottom = Math.floor(rect[3] / cell);
    for (let column = Math.floor(rect[0] / cell); column <= right; column++) {
      for (let row = Math.floor(rect[1] / cell); row <= bottom; row++) {
        const bucket = this._buckets.get(row * COLUMNS + column);
        if (bucket) for (const other of bucket) if (overlap(rect, other)) return false;
      }
    }
    return true;
  }
}
