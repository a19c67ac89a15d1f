// @ts-check
/** Make and find elements; text only ever enters as text. */

/** @typedef {Node | string | null | undefined | false} Child */

/** What turns the writing of all that stands behind it: a text from outside must not turn an area, a time or a distance. */
const TURNS = /[\u202a-\u202e\u2066-\u2069]/g;

/** A text that leaves what stands beside it as it is. @param {string} text @returns {string} */
export function plain(text) {
  return text.replace(TURNS, "");
}

/**
 * A new element with attributes, listeners (functions, "onclick") and children.
 * @param {string} tag @param {Record<string, any>} [given] @param {...Child} children @returns {HTMLElement}
 */
export function make(tag, given = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(given)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, String(value));
  }
  const there = /** @type {(Node | string)[]} */ (children.filter((child) => child !== null && child !== undefined && child !== false));
  element.append(...there.map((child) => (typeof child === "string" ? plain(child) : child)));
  return element;
}

/** The element of this id, which the page has. @param {string} id @returns {any} */
export function byId(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`no element ${id}`);
  return found;
}

/** Put these children in place of what was there. @param {HTMLElement} parent @param {...Child} children */
export function fill(parent, ...children) {
  parent.replaceChildren(.../** @type {(Node | string)[]} */ (children.filter(Boolean)));
}

/**
 * As `fill`, for a list that is drawn again and again: one that says what it said stays, as a tap that began on a row is
 * lost when another takes the row's place before the finger is lifted. Rows that do different things must differ.
 * @param {HTMLElement} parent @param {...HTMLElement} rows
 */
export function refill(parent, ...rows) {
  const there = parent.children;
  if (rows.length !== there.length || rows.some((one, index) => !one.isEqualNode(there[index] ?? null))) parent.replaceChildren(...rows);
}

/** A random key that nobody can guess. @returns {string} */
export function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(20));
  return Array.from(bytes, (one) => one.toString(16).padStart(2, "0")).join("");
}
