// @ts-check
/** Names on the map: where those of areas stand, and how all are written. */

import { font } from "./config.js";

/**
 * @typedef {{name: string, lat: number, lon: number, level: number}} Label
 * @typedef {{text: string, x: number, y: number, angle: number, face: string, colour: import("./config.js").Colour,
 *   mark: number | null}} Placed the middle of the text; `mark`: where a square stands before it
 */

const MOST_WIDTHS = 20_000, MOST_FACES = 100;
const LATIN_UNTIL = 0x2b0; // letters below stand beside one another, whatever their neighbours are
const FROM_ZOOM = 14; // from here on streets have names, and those of areas stand out
const MARK_PX = 6;

/** What is known of a font: widths of letters, 0 where unknown, and of texts. @typedef {{letters: Float32Array, texts: Map<string, number>}} Widths */
/** @type {Map<string, Widths>} */
const widths = new Map();
const ruler = /** @type {CanvasRenderingContext2D} */ (document.createElement("canvas").getContext("2d"));

/**
 * How wide a text is in px; one of Latin letters as wide as its letters, which is right within a pixel or two: to
 * measure a text takes a hundred times as long. @param {string} text @param {string} face a font @returns {number}
 */
export function textWidth(text, face) {
  let known = widths.get(face);
  if (!known) {
    if (widths.size >= MOST_FACES) widths.clear();
    widths.set(face, (known = { letters: new Float32Array(LATIN_UNTIL), texts: new Map() }));
  }
  let px = 0;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code >= LATIN_UNTIL) return whole(known.texts, text, face);
    px += known.letters[code] || (known.letters[code] = measured(String.fromCharCode(code), face));
  }
  return px;
}

/** @param {Map<string, number>} known @param {string} text @param {string} face */
function whole(known, text, face) {
  const before = known.get(text);
  if (before !== undefined) return before;
  if (known.size >= MOST_WIDTHS) known.clear();
  const px = measured(text, face);
  known.set(text, px);
  return px;
}

/** @param {string} text @param {string} face */
function measured(text, face) {
  if (ruler.font !== face) ruler.font = face;
  return ruler.measureText(text).width;
}

/**
 * As many names of areas as find a free place, clear of everything else drawn.
 * @param {Label[]} labels @param {(lat: number, lon: number) => import("./geometry.js").Point} at
 * @param {import("./geometry.js").Taken} taken where symbols, squares and boxes are; labels are added
 * @param {number} zoom @param {number} scale @param {number} width @param {number} height
 * @returns {Placed[]}
 */
export function placeLabels(labels, at, taken, zoom, scale, width, height) {
  /** @type {Placed[]} */
  const placed = [];
  for (const label of labels) {
    const point = at(label.lat, label.lon);
    if (point.x < 0 || point.y < 0 || point.x > width || point.y > height) continue;
    const strong = label.level >= 2 || zoom >= FROM_ZOOM;
    const face = font(12 * scale, zoom >= FROM_ZOOM ? 600 : strong ? 500 : 400), half = textWidth(label.name, face) / 2;
    /** @type {import("./geometry.js").Rect} */
    const rect = [point.x - half - 3, point.y - 8 * scale, point.x + half + 3, point.y + 8 * scale];
    if (rect[0] < 4 || rect[2] > width - 4 || rect[1] < 4 || rect[3] > height - 4 || !taken.isFree(rect)) continue;
    taken.add(rect);
    placed.push({ text: label.name, x: point.x, y: point.y, angle: 0, face, colour: strong ? "map.label-strong" : "map.label", mark: null });
  }
  return placed;
}

/**
 * @param {CanvasRenderingContext2D} context @param {Placed[]} placed @param {import("./config.js").Colors} colors
 * @param {number} scale
 */
export function drawNames(context, placed, colors, scale) {
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.lineJoin = "round";
  context.strokeStyle = colors["map.halo"];
  for (const { text, x, y, angle, face, colour, mark } of placed) {
    context.save();
    context.translate(x, y);
    context.rotate(angle);
    context.font = face;
    context.lineWidth = 3;
    context.strokeText(text, 0, 0);
    context.fillStyle = colors[colour];
    context.fillText(text, 0, 0);
    context.restore();
    if (mark !== null) drawMark(context, mark, y, MARK_PX * scale, colors);
  }
}

/** Whether two lists of names are the same at the same places. @param {Placed[]} some @param {Placed[]} others */
export function areSame(some, others) {
  return some.length === others.length && some.every((one, index) => {
    const other = /** @type {Placed} */ (others[index]);
    return one.text === other.text && one.x === other.x && one.y === other.y && one.angle === other.angle && one.face === other.face && one.colour === other.colour;
  });
}

/** @param {CanvasRenderingContext2D} context @param {number} x @param {number} y @param {number} px @param {import("./config.js").Colors} colors */
function drawMark(context, x, y, px, colors) {
  const left = Math.round(x - px / 2) + 0.5, top = Math.round(y - px / 2) + 0.5;
  context.fillStyle = colors["map.halo"];
  context.fillRect(left - 1.5, top - 1.5, px + 3, px + 3);
  context.lineWidth = 1.4;
  context.save();
  context.strokeStyle = colors["map.label"];
  context.strokeRect(left, top, px, px);
  context.restore();
}
