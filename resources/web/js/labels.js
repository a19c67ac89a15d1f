// @ts-check
/** Names of areas: as many as find a free place, districts first when far away, clear of everything else drawn. */

import { font } from "./config.js";

/**
 * @typedef {{name: string, lat: number, lon: number, level: number}} Label
 */

/**
 * @param {CanvasRenderingContext2D} context @param {Label[]} labels
 * @param {(lat: number, lon: number) => import("./geometry.js").Point} at
 * @param {import("./geometry.js").Taken} taken where symbols, squares and boxes are; labels are added
 * @param {import("./config.js").Colors} colors @param {number} scale @param {number} width @param {number} height
 */
export function drawLabels(context, labels, at, taken, colors, scale, width, height) {
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.lineJoin = "round";
  for (const label of labels) {
    const point = at(label.lat, label.lon);
    if (point.x < 0 || point.y < 0 || point.x > width || point.y > height) continue;
    const strong = label.level >= 2;
    context.font = font(12 * scale, strong ? 500 : 400);
    const half = context.measureText(label.name).width / 2;
    /** @type {import("./geometry.js").Rect} */
    const rect = [point.x - half - 3, point.y - 8 * scale, point.x + half + 3, point.y + 8 * scale];
    if (rect[0] < 4 || rect[2] > width - 4 || rect[1] < 4 || rect[3] > height - 4 || !taken.isFree(rect)) continue;
    taken.add(rect);
    context.strokeStyle = colors["map.halo"];
    context.lineWidth = 3;
    context.strokeText(label.name, point.x, point.y);
    context.fillStyle = strong ? colors["map.label-strong"] : colors["map.label"];
    context.fillText(label.name, point.x, point.y);
  }
}
