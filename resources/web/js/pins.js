// @ts-check
/** Draw the places that were asked for: drops, filled when chosen, numbered like their rows; never a report. */

import { font } from "./config.js";

/**
 * @typedef {{lat: number, lon: number, number: number, chosen: boolean, radius_m: number}} Pin number 0: none;
 * radius_m: how exact the place is, 0 when that is not known
 * @typedef {{x: number, y: number, radius: number, pin: Pin}} PlacedPin the drop's tip, and the circle's radius in px
 */

const WIDTH = 18, HEIGHT = 30;

/**
 * @param {CanvasRenderingContext2D} context @param {PlacedPin[]} placed @param {import("./config.js").Colors} colors
 * @param {number} scale
 */
export function drawPins(context, placed, colors, scale) {
  for (const one of placed) if (one.pin.chosen) circle(context, one, colors["accent.base"]);
  for (const one of placed) if (!one.pin.chosen) drop(context, one, colors, scale);
  for (const one of placed) if (one.pin.chosen) drop(context, one, colors, scale);
}

/** Where a drop is. @param {PlacedPin} one @param {number} scale @returns {import("./geometry.js").Rect} */
export function pinRect(one, scale) {
  return [one.x - (WIDTH / 2 + 2) * scale, one.y - (HEIGHT + 2) * scale, one.x + (WIDTH / 2 + 2) * scale, one.y + 2 * scale];
}

/** How exact the place is. @param {CanvasRenderingContext2D} context @param {PlacedPin} one @param {string} colour */
function circle(context, one, colour) {
  if (one.radius < 2) return;
  context.beginPath();
  context.arc(one.x, one.y, one.radius, 0, 2 * Math.PI);
  context.globalAlpha = 0.12;
  context.fillStyle = colour;
  context.fill();
  context.globalAlpha = 0.6;
  context.strokeStyle = colour;
  context.lineWidth = 1;
  context.stroke();
  context.globalAlpha = 1;
}

/**
 * @param {CanvasRenderingContext2D} context @param {PlacedPin} one @param {import("./config.js").Colors} colors
 * @param {number} scale
 */
function drop(context, one, colors, scale) {
  const { number, chosen } = one.pin;
  context.save();
  context.translate(Math.round(one.x), Math.round(one.y));
  context.scale(scale, scale);
  const path = new Path2D("M0 0 C-3 -7 -9 -11 -9 -18 C-9 -30 9 -30 9 -18 C9 -11 3 -7 0 0 Z");
  context.lineJoin = "round";
  context.strokeStyle = colors["map.halo"];
  context.lineWidth = 5;
  context.stroke(path);
  context.fillStyle = colors[chosen ? "accent.base" : "surface.raised"];
  context.fill(path);
  context.strokeStyle = colors[chosen ? "accent.base" : "border.control"];
  context.lineWidth = 1.5;
  context.stroke(path);
  context.fillStyle = colors[chosen ? "text.on-accent" : "text.primary"];
  if (number > 0) {
    context.font = font(11, 600);
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.fillText(String(number), 0, -17.5);
  } else {
    context.beginPath();
    context.arc(0, -18, 3.5, 0, 2 * Math.PI);
    context.fill();
  }
  context.restore();
}
