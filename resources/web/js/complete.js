// @ts-check
/** Tell when everything of a View is on the screen: nothing on its way, and a mark that the program can look for. */

const NO_FRAME_MS = 2000;
const BEATS = 16;

export class Completeness {
  /**
   * @param {() => boolean} isSettled @param {() => number} view
   * @param {(view: number, beat: number) => void} onComplete
   */
  constructor(isSettled, view, onComplete) {
    this._isSettled = isSettled;
    this._view = view;
    this._onComplete = onComplete;
    this._waiting = false;
    this._beat = 0;
    this._base = "#000000";
  }

  /** @param {string} base colour of the mark, #RRGGBB */
  setColour(base) {
    this._base = base;
  }

  /** Something arrived. */
  check() {
    if (this._waiting || !this._isSettled()) return;
    this._waiting = true;
    inFrame(() => {
      this._waiting = false;
      if (!this._isSettled()) return;
      this._mark();
      this._onComplete(this._view(), this._beat);
    });
  }

  /** One pixel in the corner changes the last bits of its blue: when it is seen, what was drawn before it is, too. */
  _mark() {
    this._beat = (this._beat + 1) % BEATS;
    const number = parseInt(this._base.slice(1), 16);
    const marked = Math.floor(number / BEATS) * BEATS + this._beat;
    const pulse = /** @type {HTMLElement} */ (document.getElementById("pulse"));
    pulse.style.backgroundColor = "#" + marked.toString(16).padStart(6, "0");
  }
}

/** In the next frame, which shows what is drawn by now; a hidden page has none. @param {() => void} then */
function inFrame(then) {
  let done = false;
  const once = () => {
    if (!done) then();
    done = true;
  };
  if (document.visibilityState === "visible") requestAnimationFrame(once);
  setTimeout(once, document.visibilityState === "visible" ? NO_FRAME_MS : 0);
}
