// @ts-check
/** What is under a point: a report before a crew before a count square; and the order in which keys visit them. Pure. */

/**
 * @typedef {import("./features.js").PlacedSymbol} PlacedSymbol
 * @typedef {import("./features.js").PlacedUnit} PlacedUnit
 * @typedef {import("./cells.js").PlacedCell} PlacedCell
 * @typedef {{symbols: PlacedSymbol[], units: PlacedUnit[], cells: PlacedCell[],
 *   spread: import("./features.js").Spread | null}} Scene
 * @typedef {{kind: "report", key: string, x: number, y: number, row: number}
 *   | {kind: "unit", key: string, x: number, y: number, id: string}
 *   | {kind: "cell", key: string, x: number, y: number, placed: PlacedCell}} Target
 */

const REACH_PX = 14, COUNT_PX = 10;

/** @param {Scene} scene @param {number} x @param {number} y @returns {Target | null} */
export function targetAt(scene, x, y) {
  if (isAmidSpread(scene, x, y)) return null;
  const symbol = nearest(standing(scene), x, y);
  if (symbol) return reportTarget(symbol);
  const unit = unitAt(scene, x, y);
  if (unit) return unitTarget(unit);
  const cell = scene.cells.findLast((one) => Math.abs(one.x - x) <= one.side / 2 && Math.abs(one.y - y) <= one.side / 2);
  return cell ? cellTarget(cell) : null;
}

/**
 * Whether a point lies amid a spread crowd and on none of it: there is the count, and the way to the list.
 * @param {Scene} scene @param {number} x @param {number} y
 */
export function isAmidSpread(scene, x, y) {
  const spread = scene.spread;
  if (spread === null || !isInSpread(spread, x, y) || nearest(standing(scene), x, y)) return false;
  return Math.hypot(spread.middle.x - x, spread.middle.y - y) <= COUNT_PX || !unitAt(scene, x, y);
}

/** The reports where they are drawn: those of a spread crowd on its ring. @param {Scene} scene @returns {PlacedSymbol[]} */
function standing({ symbols, spread }) {
  return spread === null ? symbols : [...spread.members, ...symbols.filter((one) => !spread.rows.has(one.symbol.row))];
}

/** @param {Scene} scene @param {number} x @param {number} y */
function unitAt(scene, x, y) {
  return scene.units.find((one) => Math.abs(one.x - x) <= 18 && y - one.y >= -10 && y - one.y <= 22);
}

/** @param {import("./features.js").Spread} spread @param {number} x @param {number} y */
export function isInSpread(spread, x, y) {
  return Math.hypot(spread.middle.x - x, spread.middle.y - y) <= spread.radius + REACH_PX + 4;
}

/**
 * Everything in view in the order of the keys: reports by priority, then crews, then squares by size.
 * @param {Scene} scene @returns {Target[]}
 */
export function targetsInOrder(scene) {
  const reports = [...scene.symbols].sort((a, b) => a.symbol.priority - b.symbol.priority || a.symbol.row - b.symbol.row);
  const cells = [...scene.cells].sort((a, b) => b.cell.count - a.cell.count);
  return [...reports.map(reportTarget), ...scene.units.map(unitTarget), ...cells.map(cellTarget)];
}

/** @template {{x: number, y: number}} T @param {T[]} things @param {number} x @param {number} y */
function nearest(things, x, y) {
  let best = null, least = REACH_PX;
  for (const thing of things) {
    const distance = Math.hypot(thing.x - x, thing.y - y);
    if (distance <= least) {
      best = thing;
      least = distance;
    }
  }
  return best;
}

/** @param {PlacedSymbol} one @returns {Target} */
function reportTarget(one) {
  return { kind: "report", key: `r${one.symbol.row}`, x: one.x, y: one.y, row: one.symbol.row };
}

/** @param {PlacedUnit} one @returns {Target} */
function unitTarget(one) {
  return { kind: "unit", key: `u${one.unit.id}`, x: one.x, y: one.y, id: one.unit.id };
}

/** @param {PlacedCell} one @returns {Target} */
function cellTarget(one) {
  return { kind: "cell", key: `c${one.cell.lat},${one.cell.lon}`, x: one.x, y: one.y, placed: one };
}
