// @ts-check
/** Where crews' codes are written: below, above, right or left of the capsule, the first place that is free. Pure. */

/**
 * @typedef {import("./geometry.js").Rect} Rect
 * @typedef {{x: number, y: number, unit: {id: string, code: string, chosen?: boolean, near?: boolean}, code_at: Rect | null}} Crew
 */

const LETTER_PX = 7.4, HALF_HEIGHT_PX = 7;
const BELOW_PX = 15, BESIDE_PX = 19;

/**
 * Give each crew the place of its code, or none: it covers nothing that is taken, and no other code. That of the chosen
 * crew, of the nearest, and of the one under the pointer is always written.
 * @param {Crew[]} crews `code_at` is set @param {import("./geometry.js").Taken} taken the codes are added
 * @param {string} hovered the id of the crew under the pointer @param {number} scale
 * @param {number} width @param {number} height of the map: no code is cut by its edge
 */
export function placeCodes(crews, taken, hovered, scale, width, height) {
  const must = (/** @type {Crew} */ one) => one.unit.chosen === true || one.unit.near === true || one.unit.id === hovered;
  for (const one of [...crews].sort((a, b) => Number(must(b)) - Number(must(a)))) {
    const places = placesOf(one, scale).filter((rect) => rect[0] >= 2 && rect[2] <= width - 2 && rect[1] >= 2 && rect[3] <= height - 2);
    one.code_at = places.find((rect) => taken.isFree(rect)) ?? (must(one) ? places[0] ?? null : null);
    if (one.code_at) taken.add(one.code_at);
  }
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
