// @ts-check
/** Paints tiles on a thread of its own: what is asked in a message is answered with a picture, in the same order. */

import { paintTile } from "./tile_painter.js";
// What that one needs is named here as well, so that a worker asks for all at once and starts 10 ms sooner.
import "./street_style.js";
import "./tile_schema.js";
import "./vector_tile.js";

/**
 * What a canvas of `px` by `px` shows: a ground, and a part of a tile.
 * @typedef {{px: number, ground: string, tile: import("./tile_painter.js").Painted | null,
 *   part: import("./tile_painter.js").Part, look: import("./tile_painter.js").Look}} TilePicture
 */

/** @param {CanvasRenderingContext2D} context @param {TilePicture} picture */
export function paint(context, { px, ground, tile, part, look }) {
  context.fillStyle = ground;
  context.fillRect(0, 0, px, px);
  if (tile) paintTile(context, tile, part, look);
}

if (!("document" in globalThis)) {
  const canvas = new OffscreenCanvas(1, 1); // one for all: what is left of each is not seen to be large, and kept for long
  const context = /** @type {CanvasRenderingContext2D} */ (/** @type {unknown} */ (canvas.getContext("2d")));
  addEventListener("message", (/** @type {MessageEvent<{number: number, picture: TilePicture}>} */ { data }) => {
    const { number, picture } = data;
    if (canvas.width !== picture.px) canvas.width = canvas.height = picture.px;
    paint(context, picture);
    const bitmap = canvas.transferToImageBitmap();
    postMessage({ number, bitmap }, { transfer: [bitmap] });
  });
}
