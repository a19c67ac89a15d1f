// @ts-check
/** An area that is drawn corner by corner: its line follows the pointer, or a cross in the middle; corners can be moved. */

import { CanvasLayer } from "./canvas_layer.js";

/**
 * @typedef {import("./geometry.js").Point} Point
 * @typedef {{corners: [number, number][], drawing: boolean, whole: boolean}} Drawn corners: [lat, lon]; `drawing`: the
 *   operator is at it; `whole`: it was there before, and only its corners are changed
 */

const LEAST = 3;
const LAST = -1; // the program may have more corners by now than are known here
const HANDLE_PX = 5, GRAB_PX = 10, EDGE_PX = 7, CROSS_PX = 14;

export class Drawing {
  /** @param {L.Map} map @param {import("./channel.js").Bridge} bridge */
  constructor(map, bridge) {
    this._map = map;
    this._bridge = bridge;
    /** @type {Drawn} */
    this._drawn = { corners: [], drawing: false, whole: false };
    /** @type {import("./config.js").Config | null} */
    this._config = null;
    /** @type {Point | null} where the pointer is; null: it is not there, and the middle of the map stands for it */
    this._pointer = null;
    this._isEmpty = false; // whether the canvas is
    this._grabbed = -1; // the corner that is being moved
    this._isHandled = false; // the click that comes next belongs to a press on a corner
    this._layer = new CanvasLayer(map, "drawing", 430, (context, width, height) => this._draw(context, width, height));
    map.on("mousedown", (/** @type {any} */ event) => this._onPress(event));
    map.on("dblclick", () => {
      if (this.isOn) bridge.endArea();
    });
    document.addEventListener("mouseup", () => this._letGo());
  }

  /** Whether the operator is drawing. */
  get isOn() {
    return this._drawn.drawing;
  }

  /** @param {import("./config.js").Config} config */
  setConfig(config) {
    this._config = config;
    this.redraw();
  }

  /** @param {Drawn} drawn */
  show(drawn) {
    if (drawn.drawing !== this.isOn) {
      this._pointer = null;
      if (drawn.drawing) this._map.doubleClickZoom.disable();
      else this._map.doubleClickZoom.enable();
    }
    if (this._grabbed >= 0 && (!drawn.drawing || this._grabbed >= drawn.corners.length)) this._letGo();
    this._drawn = drawn;
    this.redraw();
  }

  redraw() {
    const wasEmpty = this._isEmpty;
    this._isEmpty = !this.isOn && !this._drawn.corners.length;
    if (!wasEmpty || !this._isEmpty) this._layer.redraw();
  }

  /** The pointer is elsewhere; null: it has left the map, or keys move that. @param {Point | null} point */
  pointAt(point) {
    if (!this.isOn || (point === null && this._pointer === null)) return;
    this._pointer = point;
    const corner = this._drawn.corners[this._grabbed];
    if (corner && point) {
      const place = this._map.containerPointToLatLng([point.x, point.y]);
      corner[0] = place.lat;
      corner[1] = place.lng;
    }
    this._map.getContainer().classList.toggle("corner", point !== null && this._cornerAt(point) >= 0);
    this.redraw();
  }

  /** @param {any} event a click on the map */
  click(event) {
    const isHandled = this._isHandled;
    this._isHandled = false;
    if (isHandled || event.originalEvent.detail > 1) return; // the second of two is a double click, which ends the area
    this._add(event.latlng, this._edgeAt(event.containerPoint, EDGE_PX * (this._config?.theme.scale ?? 1)));
  }

  /** A corner in the middle of the map. */
  addMiddle() {
    const middle = this._map.getCenter();
    this._add(middle, this._drawn.whole ? this._edgeAt(this._map.latLngToContainerPoint(middle), Infinity) : LAST);
  }

  /** @param {L.LatLng} place @param {number | null} at before which corner */
  _add(place, at) {
    if (at !== null) this._bridge.addCorner(place.lat, place.lng, at);
  }

  /** The right button takes the corner away that is there. @param {Point} point */
  remove(point) {
    const corner = this._cornerAt(point);
    if (corner >= 0) this._bridge.removeCorner(corner);
  }

  /** @param {any} event */
  _onPress(event) {
    this._isHandled = false;
    const corner = this.isOn && event.originalEvent.button === 0 ? this._cornerAt(event.containerPoint) : -1;
    if (corner < 0) return;
    this._isHandled = true;
    this._grabbed = corner;
    this._from = event.containerPoint;
    this._map.dragging.disable(); // before Leaflet begins one: its own listener comes later
  }

  _letGo() {
    const corner = this._drawn.corners[this._grabbed], at = this._grabbed;
    if (at < 0) return;
    this._grabbed = -1;
    this._map.dragging.enable();
    if (!corner || !this.isOn) return;
    const isMoved = this._pointer && Math.hypot(this._pointer.x - this._from.x, this._pointer.y - this._from.y) > 2;
    if (isMoved) this._bridge.moveCorner(at, corner[0], corner[1]);
    else if (at === 0 && this._drawn.corners.length >= LEAST) this._bridge.endArea();
  }

  /** @param {[number, number]} corner @returns {Point} */
  _at([lat, lon]) {
    return this._map.latLngToContainerPoint([lat, lon]);
  }

  /** The corner under a point, the last of several; -1 for none. @param {Point} point */
  _cornerAt(point) {
    const reach = GRAB_PX * (this._config?.theme.scale ?? 1);
    return this._drawn.corners.findLastIndex((one) => {
      const at = this._at(one);
      return Math.hypot(at.x - point.x, at.y - point.y) <= reach;
    });
  }

  /**
   * Before which corner one at this point belongs: that at the end of an edge which is so near, else LAST; null for none
   * in an area that is whole.
   * @param {Point} point @param {number} reach in px @returns {number | null}
   */
  _edgeAt(point, reach) {
    const points = this._drawn.corners.map((one) => this._at(one)), { whole } = this._drawn;
    let nearest = reach, found = whole ? null : LAST;
    for (let index = whole ? 0 : 1; index < points.length; index++) {
      const off = offLine(/** @type {Point} */ (points.at(index - 1)), /** @type {Point} */ (points[index]), point);
      if (off > nearest) continue;
      nearest = off;
      found = index || LAST;
    }
    return found;
  }

  /** Where a corner would be added next: at the pointer or the cross; null for nowhere. @param {Point | null} cross @returns {Point | null} */
  _next(cross) {
    const { drawing, whole } = this._drawn, at = this._pointer ?? cross;
    return !drawing || whole || this._grabbed >= 0 || !at || (at !== cross && this._cornerAt(at) >= 0) ? null : at;
  }

  /** @param {CanvasRenderingContext2D} context @param {number} width @param {number} height @returns {boolean} whether there is anything */
  _draw(context, width, height) {
    const { corners, drawing } = this._drawn;
    if (!this._config || (!drawing && !corners.length)) return false;
    const { colors, scale } = this._config.theme, points = corners.map((one) => this._at(one));
    const cross = drawing && !this._pointer ? { x: width / 2, y: height / 2 } : null;
    const next = this._next(cross);
    const outline = pathOf(points), whole = pathOf(next ? [...points, next] : points);
    context.lineJoin = context.lineCap = "round";
    if (points.length + Number(next !== null) >= LEAST) {
      context.globalAlpha = 0.16;
      context.fillStyle = colors["accent.base"];
      context.fill(whole);
      context.globalAlpha = 1;
    }
    if (!next) outline.closePath();
    for (const [colour, wide] of /** @type {const} */ ([["map.halo", 5], ["accent.base", 2]])) {
      context.strokeStyle = colors[colour];
      context.lineWidth = wide * scale;
      context.stroke(outline);
    }
    if (next) drawOpenSides(context, points, next, scale);
    if (drawing) for (const [index, point] of points.entries()) this._handle(context, point, index, points.length, colors, scale);
    if (cross) drawCross(context, cross, colors, scale);
    return true;
  }

  /**
   * @param {CanvasRenderingContext2D} context @param {Point} point @param {number} index @param {number} count
   * @param {import("./config.js").Colors} colors @param {number} scale
   */
  _handle(context, point, index, count, colors, scale) {
    const ends = index === 0 && count >= LEAST; // a click on it ends the area
    context.beginPath();
    context.arc(point.x, point.y, (HANDLE_PX + (ends ? 2 : 0)) * scale, 0, 2 * Math.PI);
    context.fillStyle = colors[ends || index === this._grabbed ? "accent.base" : "surface.raised"];
    context.fill();
    context.strokeStyle = colors[ends ? "text.on-accent" : "accent.base"];
    context.lineWidth = 2 * scale;
    context.stroke();
  }
}

/** From the last corner to where the next one would be, and from there to the first. @param {CanvasRenderingContext2D} context @param {Point[]} points @param {Point} next @param {number} scale */
function drawOpenSides(context, points, next, scale) {
  const open = pathOf([...points.slice(-1), next, ...(points.length > 1 ? points.slice(0, 1) : [])]);
  context.lineWidth = 1.5 * scale;
  context.setLineDash([5 * scale, 4 * scale]);
  context.stroke(open);
  context.setLineDash([]);
}

/** @param {CanvasRenderingContext2D} context @param {Point} at @param {import("./config.js").Colors} colors @param {number} scale */
function drawCross(context, at, colors, scale) {
  const arm = CROSS_PX * scale, lines = new Path2D();
  for (const [dx, dy] of /** @type {const} */ ([[1, 0], [-1, 0], [0, 1], [0, -1]])) {
    lines.moveTo(at.x + dx * 3 * scale, at.y + dy * 3 * scale);
    lines.lineTo(at.x + dx * arm, at.y + dy * arm);
  }
  for (const [colour, wide] of /** @type {const} */ ([["map.halo", 5], ["text.primary", 2]])) {
    context.strokeStyle = colors[colour];
    context.lineWidth = wide * scale;
    context.stroke(lines);
  }
}

/** @param {Point[]} points */
function pathOf(points) {
  const path = new Path2D();
  for (const { x, y } of points) path.lineTo(x, y); // the first one begins it
  return path;
}

/** How far a point lies off a line between two others, in px. @param {Point} a @param {Point} b @param {Point} point */
function offLine(a, b, point) {
  const dx = b.x - a.x, dy = b.y - a.y, length = dx * dx + dy * dy;
  const share = length ? Math.min(1, Math.max(0, ((point.x - a.x) * dx + (point.y - a.y) * dy) / length)) : 0;
  return Math.hypot(point.x - a.x - share * dx, point.y - a.y - share * dy);
}
