// @ts-check
/** Closed streets and flooded areas: floods filled and hatched, closed streets dashed; what is told of one under the pointer. */

import { font } from "./config.js";
import { textWidth } from "./labels.js";

/**
 * @typedef {{key: string, kind: "flood" | "street" | "other", places: [number, number][], width_m: number, waits: boolean,
 *   begins: boolean, lines: string[]}} Closure places: [lat, lon], of a line with `width_m`, else of a ring; `waits`: no
 *   server has it yet; `begins`: it is not in force yet; `lines` tell of it
 * @typedef {import("./geometry.js").Point} Point
 * @typedef {{closure: Closure, points: Point[], half: number}} PlacedClosure `half`: half the width of a line in px
 */

const HATCH_PX = 9, LEAST_PX = 4, REACH_PX = 6, EDGE_PX = 1.5;
const TAG_FROM_PX = 36; // what is smaller has no tag: the pointer tells

/**
 * @param {CanvasRenderingContext2D} context @param {PlacedClosure[]} placed @param {import("./config.js").Colors} colors
 * @param {number} scale @param {string} hovered the key of the one under the pointer
 */
export function drawClosures(context, placed, colors, scale, hovered) {
  context.lineJoin = context.lineCap = "round";
  for (const one of placed) {
    const { kind, width_m, waits, begins } = one.closure;
    const colour = colors[kind === "flood" ? "map.flood-3" : "map.closed"];
    const path = pathOf(one);
    context.save();
    context.globalAlpha = begins ? 0.5 : 1;
    if (width_m) {
      context.strokeStyle = colors["map.halo"];
      context.lineWidth = Math.max(LEAST_PX + 2, one.half * 2) * scale;
      context.stroke(path);
      context.strokeStyle = colour;
      context.lineWidth = LEAST_PX * scale;
      context.lineCap = "butt";
      context.setLineDash([6 * scale, 4 * scale]);
      context.stroke(path);
    } else {
      if (kind === "flood") {
        context.globalAlpha *= 0.4;
        context.fillStyle = colors["map.flood-2"];
        context.fill(path);
        context.globalAlpha = begins ? 0.5 : 1;
      }
      hatch(context, path, one.points, colour, scale);
      context.strokeStyle = colour;
      context.lineWidth = (one.closure.key === hovered ? 2 : 1) * EDGE_PX * scale;
      if (kind !== "flood" || waits) context.setLineDash(waits ? [2 * scale, 4 * scale] : [6 * scale, 4 * scale]);
      context.stroke(path);
    }
    context.restore();
  }
}

/** @param {PlacedClosure} one */
function pathOf({ closure, points }) {
  const path = new Path2D();
  for (const { x, y } of points) path.lineTo(x, y); // the first one begins it
  if (!closure.width_m) path.closePath();
  return path;
}

/**
 * Slanting lines within a ring, thin enough for streets and names to be read through them.
 * @param {CanvasRenderingContext2D} context @param {Path2D} path @param {Point[]} points @param {string} colour @param {number} scale
 */
function hatch(context, path, points, colour, scale) {
  const canvas = context.canvas, ratio = window.devicePixelRatio || 1;
  const [left, top, right, bottom] = clipped(boundsOf(points), canvas.width / ratio, canvas.height / ratio);
  if (left >= right || top >= bottom) return;
  const step = HATCH_PX * scale, lines = new Path2D();
  for (let at = Math.floor((left + top) / step) * step; at < right + bottom; at += step) {
    lines.moveTo(at - top, top);
    lines.lineTo(at - bottom, bottom);
  }
  context.save();
  context.clip(path);
  context.globalAlpha *= 0.55;
  context.strokeStyle = colour;
  context.lineWidth = scale;
  context.stroke(lines);
  context.restore();
}

/** @param {import("./geometry.js").Rect} box @param {number} width @param {number} height @returns {import("./geometry.js").Rect} */
function clipped([left, top, right, bottom], width, height) {
  return [Math.max(0, left), Math.max(0, top), Math.min(width, right), Math.min(height, bottom)];
}

/** @param {Point[]} points @returns {import("./geometry.js").Rect} */
function boundsOf(points) {
  let left = Infinity, top = Infinity, right = -Infinity, bottom = -Infinity;
  for (const { x, y } of points) {
    left = Math.min(left, x);
    right = Math.max(right, x);
    top = Math.min(top, y);
    bottom = Math.max(bottom, y);
  }
  return [left, top, right, bottom];
}

/** Only what can be seen is drawn. @param {PlacedClosure} one @param {number} width @param {number} height */
export function isInView(one, width, height) {
  const [left, top, right, bottom] = boundsOf(one.points), reach = one.half + LEAST_PX;
  return right >= -reach && bottom >= -reach && left <= width + reach && top <= height + reach;
}

/** The closure under a point, the newest first; null for none. @param {PlacedClosure[]} placed @param {number} x @param {number} y */
export function closureAt(placed, x, y) {
  return placed.find((one) => (one.closure.width_m ? isNear(one, x, y) : isInside(one.points, x, y))) ?? null;
}

/** @param {Point[]} points @param {number} x @param {number} y */
function isInside(points, x, y) {
  let inside = false;
  for (let index = 0, before = points.length - 1; index < points.length; before = index++) {
    const a = /** @type {Point} */ (points[index]), b = /** @type {Point} */ (points[before]);
    if (a.y > y !== b.y > y && x < a.x + ((y - a.y) / (b.y - a.y)) * (b.x - a.x)) inside = !inside;
  }
  return inside;
}

/** @param {PlacedClosure} one @param {number} x @param {number} y */
function isNear({ points, half }, x, y) {
  const reach = Math.max(half, REACH_PX);
  for (let index = 1; index < points.length; index++) {
    const a = /** @type {Point} */ (points[index - 1]), b = /** @type {Point} */ (points[index]);
    const dx = b.x - a.x, dy = b.y - a.y, length = dx * dx + dy * dy;
    const share = length ? Math.min(1, Math.max(0, ((x - a.x) * dx + (y - a.y) * dy) / length)) : 0;
    if (Math.hypot(x - a.x - share * dx, y - a.y - share * dy) <= reach) return true;
  }
  return false;
}

/**
 * The first words of each that is large enough, in its middle, where they find a free place.
 * @param {PlacedClosure[]} placed @param {import("./geometry.js").Taken} taken names are added @param {number} scale
 * @param {number} width @param {number} height @returns {import("./labels.js").Placed[]}
 */
export function placeClosureNames(placed, taken, scale, width, height) {
  const face = font(12 * scale, 600), names = [];
  for (const { closure, points } of placed) {
    const [left, top, right, bottom] = clipped(boundsOf(points), width, height);
    if (Math.max(right - left, bottom - top) < TAG_FROM_PX * scale) continue;
    const middle = /** @type {Point} */ (closure.width_m ? points[Math.floor(points.length / 2)] : { x: (left + right) / 2, y: (top + bottom) / 2 });
    const text = closure.lines[0] ?? "", half = textWidth(text, face) / 2 + 4;
    /** @type {import("./geometry.js").Rect} */
    const rect = [middle.x - half, middle.y - 9 * scale, middle.x + half, middle.y + 9 * scale];
    if (rect[0] < 4 || rect[2] > width - 4 || rect[1] < 4 || rect[3] > height - 4 || !taken.isFree(rect)) continue;
    taken.add(rect);
    names.push({ text, x: middle.x, y: middle.y, angle: 0, face, colour: /** @type {import("./config.js").Colour} */ ("map.label-strong"), mark: null });
  }
  return names;
}

/** What is told of a closure, beside the pointer; a click keeps it until the next one. */
export class ClosureNote {
  constructor() {
    this._box = /** @type {HTMLElement} */ (document.querySelector("#closure"));
    this.key = "";
    this.isKept = false;
  }

  /** @param {Closure | null} closure @param {number} x @param {number} y @param {number} width @param {number} height @param {boolean} kept */
  show(closure, x, y, width, height, kept) {
    this.isKept = kept && closure !== null;
    this.key = closure?.key ?? "";
    this._box.hidden = closure === null;
    if (closure === null) return;
    this._box.replaceChildren(...closure.lines.filter(Boolean).map(line));
    const box = this._box.getBoundingClientRect();
    this._box.style.left = Math.max(4, Math.min(x + 14, width - box.width - 4)) + "px";
    this._box.style.top = Math.max(4, y + 14 + box.height > height ? y - 14 - box.height : y + 14) + "px";
  }
}

/** @param {string} text */
function line(text) {
  const row = document.createElement("div");
  row.textContent = text;
  return row;
}
