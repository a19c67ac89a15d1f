// @ts-check
/** Paint a vector tile on a canvas: one pass a kind, straight from the tile's bytes. */

import { COLOURS, DASHES, FILLED, width } from "./street_style.js";
import { KINDS } from "./tile_schema.js";
import { RUN, Walk } from "./vector_tile.js";

/**
 * @typedef {Pick<import("./vector_tile.js").Tile, "bytes" | "runs">} Painted what of a tile is painted
 * @typedef {import("./tile_schema.js").Kind} Kind
 * @typedef {{colors: import("./config.js").Colors, ownBorders: boolean}} Look
 * @typedef {{zoom: number, side: number, left: number, top: number, ratio: number}} Part what of the tile a canvas
 * shows: the whole tile's side in the canvas' px, where its corner lies, px of the canvas for one of the page
 */

/** @type {ReadonlySet<Kind>} */
const BORDERS = new Set(/** @type {Kind[]} */ (["area-border", "district-border"]));

/** @param {CanvasRenderingContext2D} context @param {Painted} tile @param {Part} part @param {Look} look */
export function paintTile(context, tile, part, look) {
  context.lineJoin = context.lineCap = "round";
  for (const [index, kind] of KINDS.entries()) {
    const runs = /** @type {Int32Array} */ (tile.runs[index]);
    if (!runs.length || (look.ownBorders && BORDERS.has(kind))) continue;
    const colour = look.colors[COLOURS[kind]];
    if (FILLED.has(kind)) {
      context.beginPath();
      if (!trace(context, tile.bytes, runs, part, 0)) continue;
      context.fillStyle = colour;
      context.fill();
      continue;
    }
    const px = width(kind, part.zoom) * part.ratio;
    if (!px) continue;
    context.beginPath();
    if (!trace(context, tile.bytes, runs, part, px)) continue;
    context.strokeStyle = colour;
    context.lineWidth = px;
    context.setLineDash((DASHES[kind] ?? []).map((one) => one * part.ratio));
    context.stroke();
  }
  context.setLineDash([]);
}

/**
 * Add the lines and rings of a kind that lie in the canvas to its path. They were checked when the tile was read.
 * @param {CanvasRenderingContext2D} context @param {Uint8Array} bytes @param {Int32Array} runs @param {Part} part
 * @param {number} margin in px @returns {boolean} whether there are any
 */
function trace(context, bytes, runs, part, margin) {
  const { side, left, top } = part, right = context.canvas.width + margin, bottom = context.canvas.height + margin;
  const walk = new Walk(bytes);
  let any = false;
  for (let index = 0; index < runs.length; index += RUN) {
    const scale = side / number(runs, index + 4);
    if (number(runs, index + 5) * scale + left > right || number(runs, index + 7) * scale + left < -margin) continue;
    if (number(runs, index + 6) * scale + top > bottom || number(runs, index + 8) * scale + top < -margin) continue;
    any = true;
    walk.start(number(runs, index), number(runs, index + 1), number(runs, index + 2), number(runs, index + 3));
    context.moveTo(walk.x * scale + left, walk.y * scale + top);
    while (walk.next()) {
      if (walk.isBack) context.closePath();
      else context.lineTo(walk.x * scale + left, walk.y * scale + top);
    }
  }
  return any;
}

/** @param {Int32Array} from @param {number} index one that it has */
function number(from, index) {
  return /** @type {number} */ (from[index]);
}
