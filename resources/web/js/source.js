// @ts-check
/** Ask for the reports of the box in view: one question at a time, the newest next. */

import { VIEW_UNTIL, readAnswer } from "./answer.js";

/**
 * @typedef {import("./answer.js").Answer} Answer
 * @typedef {{zoom: number, west: number, south: number, east: number, north: number, width: number, height: number}} Box
 */

export class ReportSource {
  /**
   * @param {() => Box | null} box what is in view now; null while the map has no size
   * @param {(answer: Answer | null, isSame: boolean) => void} onAnswer null: nothing is loaded; the same: it says what
   * the one before said, of a newer View
   */
  constructor(box, onAnswer) {
    this._box = box;
    this._onAnswer = onAnswer;
    this._view = 0;
    this._asking = false;
    this._stale = false;
    this._said = new Uint8Array();
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
    let answer = null, isSame = false;
    while (this._stale) {
      this._stale = false;
      const bytes = await this._fetch();
      answer = bytes && readAnswer(bytes);
      isSame = this._saysTheSame(bytes);
      if (this._stale) this._onAnswer(answer, isSame); // a newer one follows, but views that come fast must not starve the map
    }
    this._asking = false;
    this._onAnswer(answer, isSame);
  }

  /** Whether only the View's number is another. @param {ArrayBuffer | null} bytes */
  _saysTheSame(bytes) {
    const before = this._said, said = bytes ? new Uint8Array(bytes).subarray(VIEW_UNTIL) : new Uint8Array();
    this._said = said;
    return said.length > 0 && said.length === before.length && said.every((value, index) => value === before[index]);
  }

  async _fetch() {
    const box = this._box();
    if (!box) return null;
    const degrees = [box.west, box.south, box.east, box.north].map((value) => value.toFixed(6)).join(",");
    const zoom = Math.floor(box.zoom); // the grid of squares belongs to whole zooms
    try {
      const answer = await fetch(`/data/reports/${this._view}/${zoom}/${degrees}/${box.width}x${box.height}`);
      return answer.ok ? await answer.arrayBuffer() : null;
    } catch {
      return null;
    }
  }
}
