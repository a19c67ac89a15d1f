// @ts-check
/** Where crews' codes are written: below, above, right or left of the capsule, the first place that is free. Pure. */

import { Taken } from "./geometry.js";

/**
 * @typedef {import("./geometry.js").Rect} Rect
 * @typedef {{x: number, y: number, unit: {id: string, code: string, chosen?: boolean, near?: boolean}, code_at: Rect | null}} Crew
 */

const LETTER_PX = 7.4, HALF_HEIGHT_PX = 7;
const BELOW_PX = 15, BESIDE_PX = 19;
const CORNER_PX = 21, FAR_PX = 36, NEAR_PX = 14; // at its corners

/**
 * Give each crew the place of its code, or none: it covers nothing that is taken, and no other code. That of the chosen
 * crew, of the nearest, and of the one under the pointer is always written, clear of what is `kept` where that can be.
 * @param {Crew[]} crews `code_at` is set @param {import("./geometry.js").Taken} taken the codes are added
 * @param {import("./geometry.js").Taken} kept P1 reports and the tag of the chosen one
 * @param {string} hovered the id of the crew under the pointer @param {number} scale
 * @param {number} width @param {number} height of the map: no code is cut by its edge
 */
export function placeCodes(crews, taken, kept, hovered, scale, width, height) {
  const must = (/** @type {Crew} */ one) => isFirm(one, hovered);
  for (const one of [...crews].sort((a, b) => Number(must(b)) - Number(must(a)))) {
    const all = must(one) ? [...placesOf(one, scale), ...cornersOf(one, scale)] : placesOf(one, scale);
    const places = all.filter((rect) => rect[0] >= 2 && rect[2] <= width - 2 && rect[1] >= 2 && rect[3] <= height - 2);
    one.code_at = places.find((rect) => taken.isFree(rect)) ?? (must(one) ? places.find((rect) => kept.isFree(rect)) ?? places[0] ?? null : null);
    if (one.code_at) taken.add(one.code_at);
  }
}

/**
 * Whether a crew's code is always written.
 * @param {Crew} one @param {string} hovered the id of the crew under the pointer
 */
export function isFirm(one, hovered) {
  return one.unit.chosen === true || one.unit.near === true || one.unit.id === hovered;
}

/**
 * Take away the codes that would lie across a count, but for those that are always written.
 * @param {Crew[]} crews @param {Rect[]} squares @param {string} hovered the id of the crew under the pointer
 */
export function giveWay(crews, squares, hovered) {
  const counts = new Taken();
  for (const rect of squares) counts.add(rect);
  for (const one of crews) if (one.code_at && !isFirm(one, hovered) && !counts.isFree(one.code_at)) one.code_at = null;
}

/**
 * In the order in which they are tried. The width is that of the widest letters, so that no text has to be measured.
 * @param {Crew} one @param {number} scale @returns {Rect[]}
 */
function placesOf(one, scale) {
  const width = one.unit.code.length * LETTER_PX * scale, half = width / 2, tall = HALF_HEIGHT_PX * scale;
  const below = one.y + BELOW_PX * scale, above = one.y - BELOW_PX * scale, beside = BESIDE_PX * scale;
  return [
    [one.x - half, below - tall, one.x + half, below + tall],
    [one.x - half, above - tall, one.x + half, above + tall],
    [one.x + beside, one.y - tall, one.x + beside + width, one.y + tall],
    [one.x - beside - width, one.y - tall, one.x - beside, one.y + tall],
  ];
}

/**
 * Where a code that must be read goes when all places at its capsule are taken: at the capsule's corners, then farther off.
 * @param {Crew} one @param {number} scale @returns {Rect[]}
 */
function cornersOf(one, scale) {
  const width = one.unit.code.length * LETTER_PX * scale, tall = HALF_HEIGHT_PX * scale, near = NEAR_PX * scale;
  return [CORNER_PX, -CORNER_PX, FAR_PX, -FAR_PX].flatMap((away) => {
    const top = one.y + away * scale - tall, bottom = top + 2 * tall;
    return /** @type {Rect[]} */ ([[one.x + near, top, one.x + near + width, bottom], [one.x - near - width, top, one.x - near, bottom]]);
  });
}
