// @ts-check
/** The map's own keys; every other key is the window's. */

const PAN = 0.2;

/**
 * @typedef {object} Commands
 * @property {(dx: number, dy: number) => void} pan
 * @property {(command: string) => boolean} act false: nothing to do, the key goes on
 */

/** @type {Record<string, string>} */
const KEYS = {
  "+": "in", "=": "in", "-": "out", "0": "home", "*": "fit",
  PageDown: "next", PageUp: "previous", Enter: "open", Escape: "leave", " ": "corner", Backspace: "back",
};
/** @type {Record<string, [number, number]>} */
const ARROWS = { ArrowLeft: [-PAN, 0], ArrowRight: [PAN, 0], ArrowUp: [0, -PAN], ArrowDown: [0, PAN] };

/** @param {Commands} commands */
export function listenToKeys(commands) {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    document.body.classList.add("keys");
    const arrow = ARROWS[event.key], command = KEYS[event.key];
    if (arrow) commands.pan(...arrow);
    else if (!command || !commands.act(command)) return;
    event.preventDefault();
  });
  document.addEventListener("pointerdown", () => document.body.classList.remove("keys"));
}
