// @ts-check
/** Looks for places while they are typed: a combobox whose list is the server's own search (ARIA: list autocomplete). */

import { byId, fill, make } from "./dom.js";
import { ask } from "./net.js";
import { count, t } from "./texts.js";

const PAUSE_MS = 250;
/** The first question of a while waits until the server has opened its map. */
const LIMIT_MS = 20_000;
const SHORTEST = 3;

/**
 * @typedef {{label: string, area: string, lat: number, lon: number, exactness: string, within_m: number, left_out: string[]}} Place
 * @typedef {{street: string, near: string, area: string}} Address
 */

/** The name of a place and where it lies: `Jalan Melati I 4, Kebon Baru`. @param {Place} place */
export function placeText(place) {
  return place.area && place.area !== place.label ? `${place.label}, ${place.area}` : place.label;
}

/** How exact a place is, and what of the words the map does not know. @param {Place} place */
export function exactnessText(place) {
  const how = t(`exact.${place.exactness}`, { metres: count(Math.round(place.within_m)) });
  return place.left_out.length ? t("exact.left_out", { how, words: place.left_out.join(", ") }) : how;
}

/**
 * What a point is called: `Jalan Melati I, near no. 4, Kebon Baru`; "" where the server does not know, or does not answer.
 * @param {number} lat @param {number} lon
 */
export async function addressAt(lat, lon) {
  try {
    /** @type {Address} */
    const found = await ask(`/public/v1/address?at=${lat},${lon}`, { limit_ms: LIMIT_MS });
    const near = found.street && found.near ? t("where.near_number", { number: found.near }) : "";
    return [found.street, near, found.area].filter(Boolean).join(", ");
  } catch {
    return "";
  }
}

export class PlaceSearch {
  /**
   * @param {() => {lat: number, lng: number}} near where the reader looks
   * @param {(place: Place, words: string) => void} choose what was chosen, and the words that were typed for it
   */
  constructor(near, choose) {
    this._near = near;
    this._choose = choose;
    /** @type {HTMLInputElement} */
    this._input = byId("place");
    this._list = byId("places");
    /** @type {Place[]} */
    this._found = [];
    this._active = -1;
    this._words = "";
    this._asked = 0;
    this._timer = 0;
    this._input.addEventListener("input", () => this._type());
    this._input.addEventListener("keydown", (event) => this._key(event));
    this._input.addEventListener("blur", () => this._close());
    // A press on the list would take the focus, and the list with it, before it is lifted.
    this._list.addEventListener("pointerdown", (/** @type {Event} */ event) => event.preventDefault());
    this._list.addEventListener("mousedown", (/** @type {Event} */ event) => event.preventDefault());
    byId("place-search").hidden = false;
  }

  /** Nothing is looked for any more. */
  clear() {
    this._input.value = "";
    this._forget();
  }

  _type() {
    this._forget();
    if (this._input.value.trim().length >= SHORTEST) this._timer = setTimeout(() => this._ask(), PAUSE_MS);
  }

  /** What was found before is no longer shown, and what is still asked for not taken. */
  _forget() {
    clearTimeout(this._timer);
    this._asked += 1;
    this._found = [];
    this._close();
    byId("places-said").textContent = "";
  }

  async _ask() {
    const own = (this._asked += 1);
    const words = this._input.value.trim();
    const { lat, lng } = this._near();
    const query = new URLSearchParams({ text: words, near: `${lat.toFixed(4)},${lng.toFixed(4)}` });
    let said = "where.no_search";
    /** @type {Place[]} */
    let found = [];
    try {
      found = (await ask(`/public/v1/places?${query}`, { limit_ms: LIMIT_MS })).places;
      said = found.length > 1 ? "where.found_places" : found.length ? "where.found_place" : "where.found_none";
    } catch {
      // said below; the map and the address work all the same
    }
    if (own !== this._asked) return;
    this._words = words;
    this._found = found;
    byId("places-said").textContent = t(said, { count: count(found.length) });
    if (document.activeElement === this._input) this._open();
  }

  _open() {
    this._active = -1;
    const rows = this._found.map((place, at) =>
      make("li", { id: `place-${at}`, role: "option", "aria-selected": "false", onclick: () => this._take(at) }, make("b", {}, placeText(place)), make("span", {}, exactnessText(place))));
    fill(this._list, ...rows);
    this._list.hidden = !rows.length;
    this._input.setAttribute("aria-expanded", String(rows.length > 0));
    this._input.removeAttribute("aria-activedescendant");
  }

  _close() {
    this._list.hidden = true;
    this._active = -1;
    this._input.setAttribute("aria-expanded", "false");
    this._input.removeAttribute("aria-activedescendant");
  }

  /** @param {KeyboardEvent} event */
  _key(event) {
    if (event.isComposing) return;
    const open = !this._list.hidden;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      if (!this._found.length) return;
      event.preventDefault();
      if (!open) this._open();
      this._mark(this._active + (event.key === "ArrowDown" ? 1 : this._active < 0 ? 0 : -1));
    } else if (event.key === "Enter") {
      event.preventDefault();
      if (open && this._active >= 0) this._take(this._active);
      else if (open) this._mark(0); // nothing is chosen that was not read
      else if (this._found.length) this._open();
    } else if (event.key === "Escape" && open) {
      event.preventDefault();
      this._close();
    }
  }

  /** @param {number} wanted a row, counted around the ends */
  _mark(wanted) {
    const rows = [...this._list.children];
    this._active = (wanted + rows.length) % rows.length;
    rows.forEach((row, at) => row.setAttribute("aria-selected", String(at === this._active)));
    const row = rows[this._active];
    if (!row) return;
    this._input.setAttribute("aria-activedescendant", row.id);
    row.scrollIntoView({ block: "nearest" });
  }

  /** @param {number} at */
  _take(at) {
    const place = this._found[at];
    if (!place) return;
    const words = this._words;
    this._input.value = placeText(place);
    this._forget();
    this._choose(place, words);
  }
}
