// @ts-check
/** Boxes on the screen: whether they touch, and what is nearest to a point. Pure. */

/** @typedef {{x: number, y: number}} Point */
/** @typedef {[number, number, number, number]} Rect left, top, right, bottom */

/** @param {Rect} a @param {Rect} b */
export function overlap(a, b) {
  return a[0] < b[2] && a[2] > b[0] && a[1] < b[3] && a[3] > b[1];
}

/**
 * A list of boxes that answers "is this place free?" by looking only at its neighbours.
 */
export class Taken {
  /** @param {number} [cell] side of a bucket in px */
  constructor(cell = 64) {
    this._cell = cell;
    /** @type {Map<string, Rect[]>} */
    this._buckets = new Map();
  }

  /** @param {Rect} rect */
  add(rect) {
    for (const key of this._keys(rect)) {
      const bucket = this._buckets.get(key);
      if (bucket) bucket.push(rect);
      else this._buckets.set(key, [rect]);
    }
  }

  /** @param {Rect} rect */
  isFree(rect) {
    for (const key of this._keys(rect)) {
      if (this._buckets.get(key)?.some((other) => overlap(rect, other))) return false;
    }
    return true;
  }

  /** @param {Rect} rect */
  *_keys(rect) {
    const cell = this._cell;
    for (let column = Math.floor(rect[0] / cell); column <= Math.floor(rect[2] / cell); column++) {
      for (let row = Math.floor(rect[1] / cell); row <= Math.floor(rect[3] / cell); row++) yield `${column},${row}`;
    }
  }
}
