// @ts-check
/** Where count squares go: at their reports' centroid, stepping aside for symbols, crews and each other. Pure. */

import { short } from "./cells.js";

/**
 * @typedef {{x: number, y: number, side: number, least?: number}} Square `least` is the side in which its count can be read
 * @typedef {{x: number, y: number, clear: number}} Keep something that stays, and the distance squares keep from it
 */

const LEAST_SIDE = 17, MOST_SIDE = 42;
const DIGIT_PX = 7;
const ROUNDS = 6;
const RING_PX = 9, MOST_RINGS = 4;

/**
 * The side of a square, growing with the logarithm of its count.
 * @param {number} count @param {number} most the largest count in view
 */
export function side(count, most) {
  const grown = most > 1 ? Math.log(Math.max(1, count)) / Math.log(most) : 0;
  return Math.max(leastSide(count), LEAST_SIDE + (MOST_SIDE - LEAST_SIDE) * grown);
}

/**
 * The side of the smallest square that holds a count.
 * @param {number} count
 */
export function leastSide(count) {
  return LEAST_SIDE + DIGIT_PX * Math.max(0, short(count).length - 2);
}

/**
 * Move squares off what must stay visible. Those that can't get clear stay where they are pushed: none vanishes.
 * @param {Square[]} squares moved in place, larger ones first
 * @param {Keep[]} keeps
 */
export function stepAside(squares, keeps) {
  /** @type {Square[]} */
  const placed = [];
  for (const square of squares) {
    for (let round = 0; round < ROUNDS; round++) {
      let moved = false;
      for (const keep of keeps) moved = push(square, keep.x, keep.y, keep.clear + square.side / 2) || moved;
      for (const other of placed) moved = push(square, other.x, other.y, (other.side + square.side) / 2 + 3) || moved;
      if (!moved) break;
    }
    placed.push(square);
  }
}

/**
 * Put squares that still touch something where their count can be read: the nearest free place, else a smaller square,
 * else one that is free but for codes, which give way. Those that find none stay where they are.
 * @param {Square[]} squares moved in place, larger ones first
 * @param {import("./geometry.js").Taken} taken what stays; the squares are added
 * @param {import("./geometry.js").Taken} firm the same without the codes that give way
 * @param {number} scale
 */
export function settle(squares, taken, firm, scale) {
  for (const square of squares) {
    const small = Math.min((square.least ?? LEAST_SIDE) * scale, square.side);
    const places = [[square.side, taken], [small, taken], [square.side, firm], [small, firm]];
    for (const [px, what] of /** @type {[number, import("./geometry.js").Taken][]} */ (places)) {
      const place = freePlace(square, px, what, scale);
      if (!place) continue;
      Object.assign(square, place);
      break;
    }
    const rect = rectOf(square.x, square.y, square.side);
    taken.add(rect);
    firm.add(rect);
  }
}

/**
 * @param {Square} square @param {number} px @param {import("./geometry.js").Taken} taken @param {number} scale
 * @returns {Square | null}
 */
function freePlace(square, px, taken, scale) {
  for (let ring = 0; ring <= MOST_RINGS; ring++) {
    const away = ring * RING_PX * scale, steps = ring ? 8 * ring : 1;
    for (let step = 0; step < steps; step++) {
      const angle = (2 * Math.PI * step) / steps;
      const x = square.x + away * Math.cos(angle), y = square.y + away * Math.sin(angle);
      if (taken.isFree(rectOf(x, y, px))) return { x, y, side: px };
    }
  }
  return null;
}

/** @param {number} x @param {number} y @param {number} px @returns {import("./geometry.js").Rect} */
export function rectOf(x, y, px) {
  return [x - px / 2, y - px / 2, x + px / 2, y + px / 2];
}

/**
 * @param {Square} square @param {number} x @param {number} y @param {number} least
 */
function push(square, x, y, least) {
  const dx = square.x - x, dy = square.y - y;
  if (Math.abs(dx) >= least || Math.abs(dy) >= least) return false;
  const distance = Math.hypot(dx, dy);
  if (distance >= least) return false;
  if (distance < 0.01) square.x = x + least;
  else {
    square.x = x + (dx / distance) * least;
    square.y = y + (dy / distance) * least;
  }
  return true;
}
