// @ts-check
/** Tell when everything of a View is on the screen: nothing on its way, and one picture painted since. */

const NO_FRAME_MS = 2000;

export class Completeness {
  /** @param {() => boolean} isSettled @param {() => number} view @param {(view: number) => void} onComplete */
  constructor(isSettled, view, onComplete) {
    this._isSettled = isSettled;
    this._view = view;
    this._onComplete = onComplete;
    this._waiting = false;
  }

  /** Something arrived. */
  check() {
    if (this._waiting || !this._isSettled()) return;
    this._waiting = true;
    afterPaint(() => {
      this._waiting = false;
      if (this._isSettled()) this._onComplete(this._view());
    });
  }
}

/** After two frames, so that what was drawn is on the screen; a hidden page paints none. @param {() => void} then */
function afterPaint(then) {
  let done = false;
  const once = () => {
    if (!done) then();
    done = true;
  };
  if (document.visibilityState === "visible") requestAnimationFrame(() => requestAnimationFrame(() => requestAnimationFrame(once)));
  setTimeout(once, document.visibilityState === "visible" ? NO_FRAME_MS : 0);
}
