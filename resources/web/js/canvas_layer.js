// @ts-check
/** Canvases as large as the view: one in a pane of its own, redrawn when the map stands still; and one that is laid into others. */

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
    holder.appendChild(this._canvas);
  }

  /** Put the canvas over the view and draw. */
  redraw() {
    const { size, ratio } = fit(this._canvas, this._map), canvas = this._canvas;
    canvas.style.width = size.x + "px";
    canvas.style.height = size.y + "px";
    window.L.DomUtil.setPosition(canvas, this._map.containerPointToLayerPoint([0, 0]));
    canvas.hidden = !this._draw(cleared(canvas, ratio), size.x, size.y); // without a graphics card an empty one, too, costs at each frame
  }
}

/** A drawing of the view that is kept apart: it is laid into another one as it is, also when the map has been moved since. */
export class Sheet {
  /** @param {L.Map} map @param {Draw} draw */
  constructor(map, draw) {
    this._map = map;
    this._draw = draw;
    this._canvas = document.createElement("canvas");
    this._origin = window.L.point(NaN, NaN);
    this._at = window.L.point(0, 0);
    this._isEmpty = true;
  }

  /** Whether it fits the map as it is now, but for how far that was moved: the zoom is the same, say. */
  get fits() {
    return this._map.getPixelOrigin().equals(this._origin);
  }

  /** Whether it is of just this view. */
  get isInPlace() {
    const { width, height } = extent(this._map);
    return this.fits && this._canvas.width === width && this._canvas.height === height && this._at.equals(this._map.containerPointToLayerPoint([0, 0]));
  }

  /** Draw the view as it is now. */
  redraw() {
    const { size, ratio } = fit(this._canvas, this._map);
    this._origin = this._map.getPixelOrigin();
    this._at = this._map.containerPointToLayerPoint([0, 0]);
    this._isEmpty = !this._draw(cleared(this._canvas, ratio), size.x, size.y);
  }

  /** @param {CanvasRenderingContext2D} context of a canvas over the view @returns {boolean} whether there is anything on it */
  layInto(context) {
    if (this._isEmpty || !this.fits) return false;
    const { ratio } = extent(this._map), { x, y } = this._map.layerPointToContainerPoint(this._at);
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

/** Make a canvas as large as the view. @param {HTMLCanvasElement} canvas @param {L.Map} map */
function fit(canvas, map) {
  const found = extent(map);
  if (canvas.width !== found.width || canvas.height !== found.height) {
    canvas.width = found.width;
    canvas.height = found.height;
  }
  return found;
}

/** @param {HTMLCanvasElement} canvas @param {number} ratio its pixels for one of the page */
function cleared(canvas, ratio) {
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, canvas.width / ratio, canvas.height / ratio);
  return context;
}
