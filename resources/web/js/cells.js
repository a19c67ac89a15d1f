// @ts-check
/** Draw the count squares: tint and side grow with the count, the edge is amber when an urgent report is inside. */

import { font } from "./config.js";

/**
 * @typedef {import("./answer.js").Cell} Cell
 * @typedef {{x: number, y: number, side: number, cell: Cell}} PlacedCell
 */

/**
 * @param {CanvasRenderingContext2D} context @param {PlacedCell[]} placed @param {import("./config.js").Colors} colors
 * @param {number} scale @param {PlacedCell | null} cursor
 * @returns {number} how many reports the squares that were drawn count
 */
export function drawCells(context, placed, colors, scale, cursor) {
  const most = Math.max(2, ...placed.map((one) => one.cell.count));
  let counted = 0;
  context.font = font(11 * scale);
  context.textAlign = "center";
  context.textBaseline = "middle";
  for (const one of placed) {
    const side = Math.round(one.side), left = Math.round(one.x - side / 2) + 0.5, top = Math.round(one.y - side / 2) + 0.5;
    context.fillStyle = colors["map.land"];
    context.fillRect(left, top, side, side);
    context.globalAlpha = 0.24 + (0.24 * Math.log(Math.max(1, one.cell.count))) / Math.log(most);
    context.fillStyle = colors["map.cell"];
    context.fillRect(left, top, side, side);
    context.globalAlpha = one.cell.late ? 1 : 0.6;
    context.lineWidth = one.cell.late ? 1.5 : 1;
    context.strokeStyle = one.cell.late ? colors["priority.p2-mark"] : colors["map.cell"];
    context.strokeRect(left, top, side, side);
    context.globalAlpha = 1;
    context.fillStyle = colors["map.cell-text"];
    context.fillText(short(one.cell.count), left + side / 2, top + side / 2 + 0.5);
    if (one === cursor) ring(context, left, top, side, colors["accent.base"]);
    counted += one.cell.count;
  }
  return counted;
}

/** @param {CanvasRenderingContext2D} context @param {number} left @param {number} top @param {number} side @param {string} colour */
function ring(context, left, top, side, colour) {
  context.strokeStyle = colour;
  context.lineWidth = 2;
  context.strokeRect(left - 3, top - 3, side + 6, side + 6);
}

/** At most four signs, so that it fits its square. @param {number} count */
export function short(count) {
  if (count < 10_000) return String(count);
  if (count < 1_000_000) return Math.round(count / 1000) + "k";
  return (count / 1_000_000).toFixed(1) + "M";
}
