// @ts-check
/** Where in the map's frame something can be shown whole, clear of the boxes that stand over its corners. Pure. */

/**
 * @typedef {{lock: Size, zoom: Size, corner: Size, legend: Size}} Boxes width and height, 0 where it is not shown
 * @typedef {[number, number]} Size
 * @typedef {{topLeft: Size, bottomRight: Size}} Padding
 */

const EDGE = 10, GAP = 8;
const LEAST_PART = 0.4;

/**
 * The ways to keep clear: above the boxes at the foot, or beside the legend; the caller takes what shows more.
 * @param {Boxes} boxes @param {number} width @param {number} height of the frame, in px
 * @returns {Padding[]}
 */
export function paddings(boxes, width, height) {
  const room = (/** @type {number} */ px) => (px > 0 ? px + EDGE + GAP : EDGE);
  const top = room(boxes.lock[1]), left = EDGE;
  /** @type {Padding[]} */
  const ways = [
    { topLeft: [left, top], bottomRight: [room(boxes.zoom[0]), room(Math.max(boxes.corner[1], boxes.legend[1]))] },
    { topLeft: [left, top], bottomRight: [room(Math.max(boxes.zoom[0], boxes.legend[0])), room(boxes.corner[1])] },
    // the head of the frame is free between the lock and the buttons
    { topLeft: [room(boxes.lock[0]), EDGE], bottomRight: [room(Math.max(boxes.zoom[0], boxes.legend[0])), room(boxes.corner[1])] },
  ];
  const fitting = ways.filter(({ topLeft, bottomRight }) =>
    width - topLeft[0] - bottomRight[0] >= LEAST_PART * width && height - topLeft[1] - bottomRight[1] >= LEAST_PART * height);
  return fitting.length ? fitting : [{ topLeft: [EDGE, EDGE], bottomRight: [EDGE, EDGE] }];
}
