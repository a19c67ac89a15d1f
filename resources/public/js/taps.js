// @ts-check
/** Taps that were meant for what stood there before: they say nothing. */

/** Two taps at one place within this are meant as one. */
const TWICE_MS = 600;
/** So long a control has been on the screen before a tap can mean it. */
const LOOK_MS = 1_000;
const CONTROLS = "button, a, label, input, select, textarea, summary, .leaflet-container";

/** The last tap on a control, and where that stood. @type {{control: Element, box: DOMRect, at: number} | null} */
let last = null;

/**
 * The second tap of a double tap is dropped where another control has taken the place of the one that was tapped. The
 * same control twice (zoom in, zoom in) stays what it is.
 */
export function guardDoubleTaps() {
  document.addEventListener("click", tapped, { capture: true });
}

/** @param {MouseEvent} event */
function tapped(event) {
  const found = event.target instanceof Element ? event.target.closest(CONTROLS) : null;
  const control = found instanceof HTMLLabelElement ? (found.control ?? found) : found;
  if (control === null || event.detail === 0) return; // from the keyboard, or a label passes its tap on
  const at = performance.now();
  const { clientX: x, clientY: y } = event;
  if (last !== null && control !== last.control && at - last.at < TWICE_MS && within(last.box, x, y)) {
    event.preventDefault();
    event.stopImmediatePropagation();
    last.at = at; // a third one is none either
    return;
  }
  last = { control, box: /** @type {Element} */ (found).getBoundingClientRect(), at };
}

/** @param {DOMRect} box @param {number} x @param {number} y */
function within(box, x, y) {
  return x >= box.left && x <= box.right && y >= box.top && y <= box.bottom;
}

/** Controls that have just come: disabled until they could be looked at. @param {Iterable<Element>} places what holds them */
export function deafAtFirst(places) {
  /** @type {(HTMLButtonElement | HTMLInputElement)[]} */
  const controls = [...places].flatMap((one) => [one, ...one.querySelectorAll("*")]).filter((one) => one instanceof HTMLButtonElement || one instanceof HTMLInputElement);
  const deaf = controls.filter((one) => !one.disabled);
  for (const one of deaf) one.disabled = true;
  setTimeout(() => {
    for (const one of deaf) one.disabled = false;
  }, LOOK_MS);
}
