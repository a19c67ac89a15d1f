// @ts-check
/** Draw routes, crews, reports and the chosen one, in this order. */

import { ALARM, PENDING, SELECTED } from "./answer.js";
import { font } from "./config.js";

/**
 * @typedef {{id: string, code: string, state_key: string, lat: number, lon: number, stale?: boolean, beside?: boolean, chosen?: boolean}} Unit
 * @typedef {import("./answer.js").Symbol} Symbol
 * @typedef {{x: number, y: number, unit: Unit, named: boolean}} PlacedUnit its code is drawn only when `named`
 * @typedef {{x: number, y: number, symbol: Symbol}} PlacedSymbol
 * @typedef {{row: number, x: number, y: number, label: string}} Selection
 */

export const BESIDE_PX = 26;
const NAME_LETTER_PX = 7.4;

export class FeaturePainter {
  /**
   * @param {CanvasRenderingContext2D} context @param {import("./symbols.js").Symbols} symbols
   * @param {Record<string, string>} colors @param {number} scale
   */
  constructor(context, symbols, colors, scale) {
    this._context = context;
    this._symbols = symbols;
    this._colors = colors;
    this._scale = scale;
    this.reports = 0; // how many were drawn
  }

  /** @param {import("./geometry.js").Point[]} points */
  route(points) {
    if (points.length < 2) return;
    const context = this._context;
    context.beginPath();
    points.forEach((point, index) => (index ? context.lineTo(point.x, point.y) : context.moveTo(point.x, point.y)));
    context.lineJoin = "round";
    context.strokeStyle = this._colors["map.halo"];
    context.lineWidth = 5.5;
    context.stroke();
    context.strokeStyle = this._colors["map.trail"];
    context.lineWidth = 2.5;
    context.setLineDash([7, 5]);
    context.stroke();
    context.setLineDash([]);
  }

  /** @param {PlacedUnit} placed */
  unit(placed) {
    const { x, y, unit, named } = placed;
    const px = 15 * this._scale;
    this._symbols.unit(this._context, x, y, px, unit.stale ? "stale" : unit.state_key, true);
    if (unit.chosen) this._box(x, y, px * 1.2, px * 0.8, this._colors["accent.base"]);
    if (named) this._text(unit.code, x, y + px, font(11 * this._scale, 600), this._colors["accent.strong"], 3.5);
  }

  /** @param {PlacedSymbol} placed */
  report(placed) {
    const { x, y, symbol } = placed;
    const px = symbolSize(symbol.priority, (symbol.flags & SELECTED) !== 0) * this._scale;
    const outside = symbol.flags & SELECTED ? 5.5 * this._scale : 0; // around the ring of the chosen one, not over it
    if (symbol.flags & ALARM) this._ring(x, y, px * 0.95 + outside, this._colors["alarm.p1-edge"], 2);
    this._symbols.report(this._context, x, y, px, symbol.priority, symbol.status, true);
    if (symbol.flags & PENDING) this._pending(x + px * 0.5, y - px * 0.5);
    this.reports++;
  }

  /** @param {Selection} selection */
  ring(selection) {
    this._ring(selection.x, selection.y, 21 * this._scale, this._colors["accent.base"], 2.5);
  }

  /** @param {Selection} selection */
  tag(selection) {
    if (!selection.label) return;
    const context = this._context, [left, top, right, bottom] = tagRect(context, selection, this._scale);
    context.font = font(12 * this._scale);
    context.beginPath();
    context.roundRect(Math.round(left) + 0.5, Math.round(top) + 0.5, Math.round(right - left), Math.round(bottom - top), 2);
    context.fillStyle = this._colors["surface.raised"];
    context.fill();
    context.lineWidth = 1;
    context.strokeStyle = this._colors["border.control"];
    context.stroke();
    context.textAlign = "left";
    context.textBaseline = "middle";
    context.fillStyle = this._colors["text.primary"];
    context.fillText(selection.label, left + 6, (top + bottom) / 2 + 0.5);
  }

  /** The keyboard's cursor. @param {number} x @param {number} y */
  cursor(x, y) {
    this._box(x, y, 16 * this._scale, 16 * this._scale, this._colors["accent.base"]);
  }

  /** @param {number} x @param {number} y @param {number} radius @param {string} colour @param {number} width */
  _ring(x, y, radius, colour, width) {
    const context = this._context;
    context.beginPath();
    context.arc(x, y, radius, 0, 2 * Math.PI);
    context.strokeStyle = this._colors["map.halo"];
    context.lineWidth = width + 4;
    context.stroke();
    context.strokeStyle = colour;
    context.lineWidth = width;
    context.stroke();
  }

  /** @param {number} x @param {number} y @param {number} halfWidth @param {number} halfHeight @param {string} colour */
  _box(x, y, halfWidth, halfHeight, colour) {
    const context = this._context;
    context.strokeStyle = colour;
    context.lineWidth = 2;
    context.strokeRect(x - halfWidth, y - halfHeight, 2 * halfWidth, 2 * halfHeight);
  }

  /** The hollow square of an edit not yet sent. @param {number} x @param {number} y */
  _pending(x, y) {
    const context = this._context;
    context.fillStyle = this._colors["map.halo"];
    context.fillRect(x - 5, y - 5, 10, 10);
    context.strokeStyle = this._colors["text.primary"];
    context.lineWidth = 1.5;
    context.strokeRect(x - 3.25, y - 3.25, 6.5, 6.5);
  }

  /** @param {string} text @param {number} x @param {number} y @param {string} face @param {string} colour @param {number} halo */
  _text(text, x, y, face, colour, halo) {
    const context = this._context;
    context.font = face;
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.lineJoin = "round";
    context.strokeStyle = this._colors["map.halo"];
    context.lineWidth = halo;
    context.strokeText(text, x, y);
    context.fillStyle = colour;
    context.fillText(text, x, y);
  }
}

/** Side in px at 100 %. @param {number} priority @param {boolean} chosen */
export function symbolSize(priority, chosen) {
  if (priority === 1 || chosen) return 22;
  return priority === 2 ? 18 : 16;
}

/**
 * Where a crew's code is, if it is drawn. The width is that of the widest letters, so that no text has to be measured.
 * @param {PlacedUnit} placed @param {number} scale
 * @returns {import("./geometry.js").Rect}
 */
export function nameRect(placed, scale) {
  const half = (placed.unit.code.length * NAME_LETTER_PX * scale) / 2, middle = placed.y + 15 * scale;
  return [placed.x - half, middle - 7 * scale, placed.x + half, middle + 7 * scale];
}

/**
 * Where the tag of the chosen report is.
 * @param {CanvasRenderingContext2D} context @param {Selection} selection @param {number} scale
 * @returns {import("./geometry.js").Rect}
 */
export function tagRect(context, selection, scale) {
  context.font = font(12 * scale);
  const left = selection.x + 26 * scale;
  return [left, selection.y - 10 * scale, left + context.measureText(selection.label).width + 12, selection.y + 10 * scale];
}
