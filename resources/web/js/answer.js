// @ts-check
/** The binary answer to "what is in this box": count squares and report symbols, little endian. */

const MAGIC = 0x53494741;
const HEAD_BYTES = 32, CELL_BYTES = 16, SYMBOL_BYTES = 16;

/** The bytes before this hold what is another in every answer: the View's number. */
export const VIEW_UNTIL = 8;

/** UNLISTED: a hazard that the filter leaves out; it is drawn all the same and counts as nothing of the list. */
export const PENDING = 1, HOLD = 2, ALARM = 4, SELECTED = 8, UNLISTED = 16;

/**
 * @typedef {{lat: number, lon: number, count: number, late: boolean}} Cell
 * @typedef {{row: number, lat: number, lon: number, priority: number, status: number, flags: number}} Symbol
 * @typedef {object} Answer
 * @property {number} view
 * @property {number} inCells
 * @property {number} outside
 * @property {number} placeless
 * @property {boolean} storm
 * @property {boolean} loading not all reports are there yet
 * @property {Cell[]} cells
 * @property {Symbol[]} symbols
 */

/**
 * @param {ArrayBuffer} buffer
 * @returns {Answer | null} null when there is none, or it is not one
 */
export function readAnswer(buffer) {
  if (buffer.byteLength < HEAD_BYTES) return null;
  const bytes = new DataView(buffer);
  const head = (/** @type {number} */ index) => bytes.getUint32(index * 4, true);
  const cellCount = head(2), symbolCount = head(3);
  if (head(0) !== MAGIC || buffer.byteLength !== HEAD_BYTES + cellCount * CELL_BYTES + symbolCount * SYMBOL_BYTES) return null;
  /** @type {Cell[]} */
  const cells = [];
  /** @type {Symbol[]} */
  const symbols = [];
  let at = HEAD_BYTES;
  for (let index = 0; index < cellCount; index++, at += CELL_BYTES) {
    cells.push({
      lon: bytes.getInt32(at, true) / 1e7,
      lat: bytes.getInt32(at + 4, true) / 1e7,
      count: bytes.getUint32(at + 8, true),
      late: (bytes.getUint32(at + 12, true) & 1) === 1,
    });
  }
  for (let index = 0; index < symbolCount; index++, at += SYMBOL_BYTES) {
    symbols.push({
      row: bytes.getInt32(at, true),
      lon: bytes.getInt32(at + 4, true) / 1e7,
      lat: bytes.getInt32(at + 8, true) / 1e7,
      priority: bytes.getUint8(at + 12),
      status: bytes.getUint8(at + 13),
      flags: bytes.getUint8(at + 14),
    });
  }
  return { view: head(1), inCells: head(4), outside: head(5), placeless: head(6), storm: (head(7) & 1) === 1, loading: (head(7) & 2) === 2, cells, symbols };
}
