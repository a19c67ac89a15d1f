// @ts-check
/** Canvases as large as the view: one in a pane of its own, redrawn when the map stands still; and one that is laid into others. */

import { drawOn } from "./picture.js";

/** @typedef {(context: CanvasRenderingContext2D, width: number, height: number) => boolean} Draw whether it drew anything */

export class CanvasLayer {
  /**
   * @param {L.Map} map @param {string} pane its name @param {number} order its z-index @param {Draw} draw
   */
  constructor(map, pane, order, draw) {
    this._map = map;
    this._draw = draw;
    const holder = map.createPane(pane);
    holder.style.zIndex = String(order);
    holder.style.pointerEvents = "none";
    this._canvas = document.createElement("canvas");
    this._canvas.className = "leaflet-layer";
    this._apart = canvasToLookAt(); // what is drawn upon; it stands in the page for the style of its texts
    this._apart.hidden = true;
    holder.append(this._canvas, this._apart);
  }

  /** Put the canvas over the view and draw. */
  redraw() {
    const { size, ratio, width, height } = fit(this._apart, this._map), canvas = this._canvas;
    canvas.style.width = size.x + "px";
    canvas.style.height = size.y + "px";
    window.L.DomUtil.setPosition(canvas, this._map.containerPointToLayerPoint([0, 0]));
    const isSeen = width > 0 && height > 0; // a page that covers the map leaves it nothing
    canvas.hidden = !isSeen || !this._draw(cleared(this._apart, ratio), size.x, size.y); // without a graphics card an empty one, too, costs at each frame
    if (!canvas.hidden) drawOn(canvas, width, height, (context) => context.drawImage(this._apart, 0, 0));
  }
}

/** Draw some of what a sheet has. @typedef {(context: CanvasRenderingContext2D, first: number, end: number) => void} DrawSome */

const IN_A_STEP = 12;

/** A drawing of the view that is kept apart: it is laid into another one as it is, also when the map has been moved since. */
export class Sheet {
  /** @param {L.Map} map @param {DrawSome} draw */
  constructor(map, draw) {
    this._map = map;
    this._draw = draw;
    this._canvas = canvasToLookAt();
    this._next = canvasToLookAt(); // what is being drawn
    this._drawn = { ...place(map), origin: window.L.point(NaN, NaN) };
    this._wanted = this._drawn; // what is being drawn, or else is drawn
    this._isEmpty = true;
  }

  /** Whether it fits the map as it is now, but for how far that was moved: the zoom is the same, say. */
  get fits() {
    return this._map.getPixelOrigin().equals(this._drawn.origin);
  }

  /** Whether it is of just this view, or is being drawn for it. */
  get isInPlace() {
    const { origin, at, width, height } = place(this._map), wanted = this._wanted;
    return origin.equals(wanted.origin) && at.equals(wanted.at) && width === wanted.width && height === wanted.height;
  }

  /** Draw the view as it is now. @param {number} count of what is drawn */
  redraw(count) {
    for (const job = this.redrawn(count); !job.next().done;);
  }

  /** The same in steps: until the last is done the drawing of before is kept. @param {number} count @returns {import("./slices.js").Job} */
  redrawn(count) {
    this._wanted = place(this._map);
    return this._steps(this._wanted, count);
  }

  /** @param {ReturnType<typeof place>} wanted the view, which may be another one by now @param {number} count */
  *_steps(wanted, count) {
    resize(this._next, wanted);
    const context = cleared(this._next, wanted.ratio);
    for (let first = 0; first < count; first += IN_A_STEP) {
      this._draw(context, first, Math.min(first + IN_A_STEP, count));
      context.getImageData(0, 0, 1, 1); // what was asked for is drawn when somebody looks
      yield;
    }
    [this._canvas, this._next] = [this._next, this._canvas];
    this._drawn = wanted;
    this._isEmpty = count === 0;
  }

  /** @param {CanvasRenderingContext2D} context of a canvas over the view @returns {boolean} whether there is anything on it */
  layInto(context) {
    if (this._isEmpty || !this.fits) return false;
    const { ratio } = extent(this._map), { x, y } = this._map.layerPointToContainerPoint(this._drawn.at);
    context.save();
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.drawImage(this._canvas, Math.round(x * ratio), Math.round(y * ratio));
    context.restore();
    return true;
  }
}

/** The view's size, and that of its canvas in its own pixels. @param {L.Map} map */
function extent(map) {
  const size = map.getSize(), ratio = window.devicePixelRatio || 1;
  return { size, ratio, width: Math.round(size.x * ratio), height: Math.round(size.y * ratio) };
}

/** Which part of the world the view shows, in its pixels. @param {L.Map} map */
function place(map) {
  return { origin: map.getPixelOrigin(), at: map.containerPointToLayerPoint([0, 0]), ...extent(map) };
}

/** One whose pixels are asked for: it lies in memory, and is drawn upon at once. */
function canvasToLookAt() {
  const canvas = document.createElement("canvas");
  canvas.getContext("2d", { willReadFrequently: true });
  return canvas;
}

/** Make a canvas as large as the view. @param {HTMLCanvasElement} canvas @param {L.Map} map */
function fit(canvas, map) {
  const found = extent(map);
  resize(canvas, found);
  return found;
}

/** @param {HTMLCanvasElement} canvas @param {{width: number, height: number}} to */
function resize(canvas, { width, height }) {
  if (canvas.width === width && canvas.height === height) return;
  canvas.width = width;
  canvas.height = height;
}

/** @param {HTMLCanvasElement} canvas @param {number} ratio its pixels for one of the page */
function cleared(canvas, ratio) {
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, canvas.width / ratio, canvas.height / ratio);
  return context;
}
