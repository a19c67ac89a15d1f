// @ts-check
/** One canvas over the whole view in a pane of its own, redrawn when the map stands still. */

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

  /** Whether the canvas lies over the view, as large as that is. */
  isInPlace() {
    const { width, height } = this._extent(), at = window.L.DomUtil.getPosition(this._canvas);
    return this._canvas.width === width && this._canvas.height === height && at.equals(this._map.containerPointToLayerPoint([0, 0]));
  }

  /** The view's size, and that of the canvas in its own pixels. */
  _extent() {
    const size = this._map.getSize(), ratio = window.devicePixelRatio || 1;
    return { size, ratio, width: Math.round(size.x * ratio), height: Math.round(size.y * ratio) };
  }

  /** Put the canvas over the view and draw. */
  redraw() {
    const { size, ratio, width, height } = this._extent(), canvas = this._canvas;
    if (canvas.width !== width || canvas.height !== height) {
      canvas.width = width;
      canvas.height = height;
      canvas.style.width = size.x + "px";
      canvas.style.height = size.y + "px";
    }
    window.L.DomUtil.setPosition(canvas, this._map.containerPointToLayerPoint([0, 0]));
    const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, size.x, size.y);
    canvas.hidden = !this._draw(context, size.x, size.y); // without a graphics card an empty one, too, costs at each frame
  }
}
