// @ts-check
/** Canvases of the page that show what was drawn apart from them. */

/** Whether this engine can hand a picture over to a canvas; where it cannot, the canvas itself is drawn upon. */
export const CAN_HAND_OVER = "OffscreenCanvas" in window && "ImageBitmapRenderingContext" in window && new OffscreenCanvas(1, 1).getContext("2d") !== null;

/**
 * Draw what a canvas shows from now on, apart from it: without a graphics card the engine copies one that is drawn upon at
 * each frame in which anything moves, 1 ms for 512 x 512 pixels; a picture that was handed over is copied once.
 * @param {HTMLCanvasElement} canvas @param {number} width @param {number} height in its own pixels
 * @param {(context: CanvasRenderingContext2D) => void} draw without texts: they are set otherwise apart from the page
 */
export function drawOn(canvas, width, height, draw) {
  if (!CAN_HAND_OVER) {
    canvas.width = width; // which empties it
    canvas.height = height;
    draw(/** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d")));
    return;
  }
  const apart = new OffscreenCanvas(width, height);
  draw(/** @type {CanvasRenderingContext2D} */ (/** @type {unknown} */ (apart.getContext("2d")))); // it lacks only what an element has
  // Shown as if it could be seen through: as an opaque one it takes the engine twice as long to put into each frame.
  const shown = /** @type {ImageBitmapRenderingContext} */ (canvas.getContext("bitmaprenderer"));
  shown.transferFromImageBitmap(apart.transferToImageBitmap());
}
