// @ts-check
/** Ask for the reports of the box in view: one question at a time, the newest next. */

import { readAnswer } from "./answer.js";

/**
 * @typedef {import("./answer.js").Answer} Answer
 * @typedef {{zoom: number, west: number, south: number, east: number, north: number, width: number, height: number}} Box
 */

export class ReportSource {
  /**
   * @param {() => Box | null} box what is in view now; null while the map has no size
   * @param {(answer: Answer | null) => void} onAnswer null: nothing is loaded
   */
  constructor(box, onAnswer) {
    this._box = box;
    this._onAnswer = onAnswer;
    this._view = 0;
    this._asking = false;
    this._stale = false;
  }

  /** Whether an answer is on its way. */
  get busy() {
    return this._asking;
  }

  /** @param {number} view */
  setView(view) {
    this._view = view;
    this.ask();
  }

  /** The box or the View is another one now. */
  ask() {
    this._stale = true;
    if (!this._asking) void this._loop();
  }

  async _loop() {
    this._asking = true;
    /** @type {Answer | null} */
    let answer = null;
    while (this._stale) {
      this._stale = false;
      answer = await this._fetch();
      if (this._stale) this._onAnswer(answer); // a newer one follows, but views that come fast must not starve the map
    }
    this._asking = false;
    this._onAnswer(answer);
  }

  async _fetch() {
    const box = this._box();
    if (!box) return null;
    const degrees = [box.west, box.south, box.east, box.north].map((value) => value.toFixed(6)).join(",");
    const zoom = Math.floor(box.zoom); // the grid of squares belongs to whole zooms
    try {
      const answer = await fetch(`/data/reports/${this._view}/${zoom}/${degrees}/${box.width}x${box.height}`);
      return answer.ok ? readAnswer(await answer.arrayBuffer()) : null;
    } catch {
      return null;
    }
  }
}
