// @ts-check
/** Symbols that cover one another: which they are, and how they are spread while the pointer is over them. Pure. */

/** @typedef {{x: number, y: number}} Point */

const TOUCH_PX = 15;
const MOST_LISTED = 64;
/** So many have room on a ring; the list, by a click into its middle, has them all. */
export const MOST_SPREAD = 12;
const ROOM_PX = 26;
const WIDER = [1, 1.3, 1.6, 2, 2.5], TURNS = 8;

/**
 * The symbols that cannot be told apart from the one at a point: those that touch it, nearest first.
 * @template {Point} T @param {T[]} symbols @param {number} x @param {number} y @param {number} scale
 * @returns {T[]} none when fewer than two
 */
export function crowdAt(symbols, x, y, scale) {
  const reach = TOUCH_PX * scale;
  const distance = (/** @type {Point} */ one) => Math.hypot(one.x - x, one.y - y);
  const under = symbols.filter((one) => distance(one) <= reach).sort((a, b) => distance(a) - distance(b));
  const middle = under[0];
  if (!middle) return [];
  const found = symbols.filter((one) => Math.hypot(one.x - middle.x, one.y - middle.y) <= reach);
  found.sort((a, b) => Math.hypot(a.x - middle.x, a.y - middle.y) - Math.hypot(b.x - middle.x, b.y - middle.y));
  return found.length < 2 ? [] : found.slice(0, MOST_LISTED);
}

/**
 * Places on a ring around the middle of a crowd, wide enough that none touches its neighbour, turned and widened until
 * none covers what stands there and is not of the crowd; where that can't be, the ring that covers least.
 * @param {Point[]} crowd @param {Point[]} others what stays where it is @param {number} scale @param {number} width @param {number} height of the map: the ring stays inside
 * @returns {{middle: Point, radius: number, places: Point[]}}
 */
export function spread(crowd, others, scale, width, height) {
  const room = ROOM_PX * scale, count = Math.max(1, crowd.length);
  const least = Math.max(room * 1.1, (room * count) / (2 * Math.PI));
  let best = null, most = -1;
  for (const wider of WIDER) {
    for (let turn = 0; turn < TURNS; turn++) {
      const tried = ring(crowd, least * wider, (2 * Math.PI * turn) / (TURNS * count), room, width, height);
      const clear = Math.min(room, ...others.map((other) => Math.min(...tried.places.map((one) => Math.hypot(one.x - other.x, one.y - other.y)))));
      if (best === null || clear > most) [best, most] = [tried, clear];
      if (most >= room) return best;
    }
  }
  return /** @type {{middle: Point, radius: number, places: Point[]}} */ (best);
}

/**
 * @param {Point[]} crowd @param {number} radius @param {number} turned in radians @param {number} room
 * @param {number} width @param {number} height
 */
function ring(crowd, radius, turned, room, width, height) {
  const count = Math.max(1, crowd.length), edge = radius + room / 2;
  const inside = (/** @type {number} */ at, /** @type {number} */ size) => Math.min(Math.max(at, edge), Math.max(edge, size - edge));
  const middle = {
    x: inside(crowd.reduce((sum, one) => sum + one.x, 0) / count, width),
    y: inside(crowd.reduce((sum, one) => sum + one.y, 0) / count, height),
  };
  // each goes to the place nearest to its own direction, in turn: lines do not cross
  const inTurn = crowd.map((one, index) => ({ index, angle: Math.atan2(one.y - middle.y, one.x - middle.x) })).sort((a, b) => a.angle - b.angle);
  /** @type {Point[]} */
  const places = [];
  inTurn.forEach(({ index }, step) => {
    const angle = turned - Math.PI / 2 + (2 * Math.PI * step) / count;
    places[index] = { x: middle.x + radius * Math.cos(angle), y: middle.y + radius * Math.sin(angle) };
  });
  return { middle, radius, places };
}
