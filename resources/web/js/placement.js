// @ts-check
/** Where count squares go: at their reports' centroid, stepping aside for symbols, crews and each other. Pure. */

/**
 * @typedef {{x: number, y: number, side: number}} Square
 * @typedef {{x: number, y: number, clear: number}} Keep something that stays, and the distance squares keep from it
 */

const LEAST_SIDE = 17, MOST_SIDE = 42;
const ROUNDS = 6;

/**
 * The side of a square, growing with the logarithm of its count.
 * @param {number} count @param {number} most the largest count in view
 */
export function side(count, most) {
  const grown = most > 1 ? Math.log(Math.max(1, count)) / Math.log(most) : 0;
  return LEAST_SIDE + (MOST_SIDE - LEAST_SIDE) * grown;
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
