// @ts-check
/** Tell the program what is drawn, when it asks: the answer waits for frames, so a page that paints none is silent. */

export class Heartbeat {
  /** @param {(beat: number, view: number, count: number) => void} answer */
  constructor(answer) {
    this._answer = answer;
    this._view = -1;
    this._count = 0;
  }

  /** All layers are drawn. @param {number} view -1 while nothing is loaded @param {number} count reports, wherever they are */
  setDrawn(view, count) {
    this._view = view;
    this._count = count;
  }

  /** What is drawn now is told after the frame that shows it. @param {number} beat */
  beat(beat) {
    const view = this._view, count = this._count;
    requestAnimationFrame(() => requestAnimationFrame(() => this._answer(beat, view, count)));
  }
}
