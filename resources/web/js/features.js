// @ts-check
/** Draw routes, crews, reports and the chosen one, in this order. */

import { ALARM, PENDING, SELECTED, UNLISTED } from "./answer.js";
import { font } from "./config.js";

/**
 * @typedef {{id: string, code: string, state_key: string, lat: number, lon: number, stale?: boolean, beside?: boolean, chosen?: boolean, near?: boolean}} Unit
 * @typedef {import("./answer.js").Symbol} Symbol
 * @typedef {{x: number, y: number, unit: Unit, code_at: import("./geometry.js").Rect | null}} PlacedUnit its code is
 * written only where `code_at` is
 * @typedef {{x: number, y: number, symbol: Symbol}} PlacedSymbol
 * @typedef {{row: number, x: number, y: number, label: string, priority: number, status: number, stranger: boolean,
 *   away: number | null, burning: import("./geometry.js").Taken}} Selection
 * a `stranger` is chosen and not among what the filter shows; `burning`: where other P1 are; `away`: it lies outside the map, in this direction (radians)
 */

/**
 * @typedef {{middle: {x: number, y: number}, radius: number, count: number, listed: number, rows: Set<number>,
 *   members: (PlacedSymbol & {from: {x: number, y: number}})[]}} Spread
 */

export const BESIDE_PX = 26;
const EDGE_PX = 4;
const AWAY_PX = 28, STEP_PX = 12;

export class FeaturePainter {
  /**
   * @param {CanvasRenderingContext2D} context @param {import("./symbols.js").Symbols} symbols
   * @param {import("./config.js").Colors} colors @param {number} scale
   */
  constructor(context, symbols, colors, scale) {
    this._context = context;
    this._symbols = symbols;
    this._colors = colors;
    this._scale = scale;
    this.reports = 0; // how many of the list were drawn
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
    const { x, y, unit } = placed;
    const px = 15 * this._scale;
    this._symbols.unit(this._context, x, y, px, unit.stale ? "stale" : unit.state_key, true);
    if (unit.chosen) this._box(x, y, px * 1.2, px * 0.8, this._colors["accent.base"]);
  }

  /** A crew's code, over whatever is there: only those that must be read cover anything. @param {PlacedUnit} placed */
  code(placed) {
    const { unit, code_at } = placed;
    if (code_at) {
      const [left, top, right, bottom] = code_at;
      this._text(unit.code, (left + right) / 2, (top + bottom) / 2, font(11 * this._scale, 600), this._colors["accent.strong"], 3.5);
    }
  }

  /** @param {PlacedSymbol} placed */
  report(placed) {
    const { x, y, symbol } = placed;
    const px = symbolSize(symbol.priority, (symbol.flags & SELECTED) !== 0) * this._scale;
    const outside = symbol.flags & SELECTED ? 5.5 * this._scale : 0; // around the ring of the chosen one, not over it
    this._alarm(x, y, px * 0.95 + outside, symbol.flags);
    this._symbols.report(this._context, x, y, px, symbol.priority, symbol.status, true);
    if (symbol.flags & PENDING) this._pending(x + px * 0.5, y - px * 0.5);
    if (!(symbol.flags & UNLISTED)) this.reports++;
  }

  /** The chosen report's ring; one that the filter leaves out has its symbol here, and a dashed ring. @param {Selection} selection */
  ring(selection) {
    const { x, y, stranger, away } = selection;
    if ((stranger || away !== null) && selection.priority > 0) {
      this._symbols.report(this._context, x, y, symbolSize(selection.priority, true) * this._scale, selection.priority, selection.status, true);
    }
    if (away !== null) return this._arrow(x, y, away); // a ring says where a report is: here it is not
    if (stranger) this._context.setLineDash([6, 4]);
    this._ring(x, y, 21 * this._scale, this._colors["accent.base"], 2.5);
    this._context.setLineDash([]);
  }

  /**
   * The disc under a spread crowd, below every crew and report: it covers nothing that is not of the crowd.
   * @param {Spread} spread
   */
  ground({ middle, radius }) {
    const context = this._context;
    context.beginPath();
    context.arc(middle.x, middle.y, radius + 15 * this._scale, 0, 2 * Math.PI);
    context.globalAlpha = 0.5;
    context.fillStyle = this._colors["surface.panel"];
    context.fill();
    context.globalAlpha = 1;
    context.strokeStyle = this._colors["border.control"];
    context.lineWidth = 1;
    context.stroke();
  }

  /**
   * Symbols that covered one another, side by side on their disc, with a line to where each is.
   * @param {Spread} spread
   */
  spread(spread) {
    const context = this._context, { middle, count } = spread;
    context.strokeStyle = this._colors["border.control"];
    context.lineWidth = 1;
    for (const { x, y, from } of spread.members) {
      context.beginPath();
      context.moveTo(from.x, from.y);
      context.lineTo(x, y);
      context.stroke();
    }
    this._text(String(count), middle.x, middle.y, font(12 * this._scale, 600), this._colors["text.primary"], 3.5);
    for (const { x, y, symbol } of spread.members) {
      const px = symbolSize(symbol.priority, false) * this._scale;
      this._alarm(x, y, px * 0.7, symbol.flags);
      this._symbols.report(context, x, y, px, symbol.priority, symbol.status, true);
      if (symbol.flags & SELECTED) this._ring(x, y, px * 0.75, this._colors["accent.base"], 2);
      if (symbol.flags & PENDING) this._pending(x + px * 0.5, y - px * 0.5);
    }
    this.reports += spread.listed;
  }

  /** @param {Selection} selection @param {number} width @param {number} height of the map */
  tag(selection, width, height) {
    if (!selection.label) return;
    const context = this._context, [left, top, right, bottom] = tagRect(context, selection, this._scale, width, height);
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

  /**
   * A red ring around what nobody has taken, and a dashed one around a hazard that the filter leaves out.
   * @param {number} x @param {number} y @param {number} radius @param {number} flags
   */
  _alarm(x, y, radius, flags) {
    if (!(flags & (ALARM | UNLISTED))) return;
    if (flags & UNLISTED) this._context.setLineDash([4, 4]);
    this._ring(x, y, radius, this._colors["alarm.p1-edge"], 2);
    this._context.setLineDash([]);
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

  /** Beside a symbol, where to look for the report. @param {number} x @param {number} y @param {number} angle */
  _arrow(x, y, angle) {
    const context = this._context;
    context.save();
    context.translate(x, y);
    context.rotate(angle);
    context.scale(this._scale, this._scale);
    const head = new Path2D("M15 -8 L25 0 L15 8 Z");
    context.lineJoin = "round";
    context.strokeStyle = this._colors["map.halo"];
    context.lineWidth = 4;
    context.stroke(head);
    context.fillStyle = this._colors["accent.base"];
    context.fill(head);
    context.restore();
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

/** How far a report's mark reaches from its middle, its ring included, in px. @param {Symbol} symbol @param {number} scale */
export function reach(symbol, scale) {
  const px = symbolSize(symbol.priority, false) * scale;
  return symbol.flags & (ALARM | UNLISTED) ? px * 0.95 + 2 * scale : px / 2 + scale;
}

/** Side in px at 100 %. @param {number} priority @param {boolean} chosen */
export function symbolSize(priority, chosen) {
  if (priority === 1 || chosen) return 22;
  return priority === 2 ? 18 : 16;
}

/**
 * Where the chosen report is marked: its own place, or, when that is outside the map, the nearest at the edge that is
 * clear of the boxes.
 * @param {CanvasRenderingContext2D} context @param {Selection} selection @param {import("./geometry.js").Taken} boxes
 * @param {number} scale @param {number} width @param {number} height of the map @returns {Selection}
 */
export function marked(context, selection, boxes, scale, width, height) {
  const { x, y } = selection, inset = AWAY_PX * scale;
  if (x >= 0 && y >= 0 && x <= width && y <= height) return selection;
  const inside = (/** @type {number} */ at, /** @type {number} */ size) => Math.max(inset, Math.min(at, size - inset));
  const edge = { x: inside(x, width), y: inside(y, height) };
  const upright = x < 0 || x > width; // along the left or right rim
  const [start, rim, size, depth] = upright ? [edge.y, edge.x, height, width] : [edge.x, edge.y, width, height];
  const steps = Array.from({ length: Math.ceil(size / STEP_PX) }, (_, step) => [step * STEP_PX, -step * STEP_PX]).flat();
  const rows = [0, 1, 2, 3, 4].map((row) => (rim > depth / 2 ? -row : row) * inset); // away from the rim where boxes fill it
  const placed = (/** @type {number} */ along, /** @type {number} */ inwards) => (upright ? { ...selection, x: inwards, y: along } : { ...selection, x: along, y: inwards });
  const places = rows.flatMap((row) => steps.map((step) => placed(inside(start + step, size), rim + row)));
  const isClear = (/** @type {Selection} */ one) => boxes.isFree([one.x - inset, one.y - inset, one.x + inset, one.y + inset])
    && boxes.isFree(tagRect(context, one, scale, width, height));
  const place = places.find(isClear) ?? placed(inside(start, size), rim); // a map without a size has no places
  return { ...place, away: Math.atan2(y - place.y, x - place.x) };
}

/**
 * Where the tag of the chosen report is: at its right, its left, below or above, or at a corner, the first of them that
 * the map has room for and where no P1 lies across it, nor its ring: a number that lacks a digit is another number.
 * @param {CanvasRenderingContext2D} context @param {Selection} selection @param {number} scale
 * @param {number} width @param {number} height of the map
 * @returns {import("./geometry.js").Rect}
 */
export function tagRect(context, selection, scale, width, height) {
  context.font = font(12 * scale);
  const wide = context.measureText(selection.label).width + 12, tall = 20 * scale, away = 26 * scale;
  const inside = (/** @type {number} */ at, /** @type {number} */ size, /** @type {number} */ end) => Math.max(EDGE_PX, Math.min(at, end - EDGE_PX - size));
  const across = inside(selection.x - wide / 2, wide, width), along = inside(selection.y - tall / 2, tall, height);
  const right = selection.x + away, left = right - 2 * away - wide, below = selection.y + away, above = below - 2 * away - tall;
  /** @type {[boolean, number, number][]} */
  const places = [
    [right + wide <= width - EDGE_PX, right, along],
    [left >= EDGE_PX, left, along],
    [below + tall <= height - EDGE_PX, across, below],
    [above >= EDGE_PX, across, above],
    [right + wide <= width - EDGE_PX && below + tall <= height - EDGE_PX, right, below],
    [right + wide <= width - EDGE_PX && above >= EDGE_PX, right, above],
    [left >= EDGE_PX && below + tall <= height - EDGE_PX, left, below],
    [left >= EDGE_PX && above >= EDGE_PX, left, above],
  ];
  const rects = places.filter(([fits]) => fits).map(([, x, y]) => /** @type {import("./geometry.js").Rect} */ ([x, y, x + wide, y + tall]));
  return rects.find((rect) => selection.burning.isFree(rect)) ?? rects[0] ?? [across, above, across + wide, above + tall];
}
