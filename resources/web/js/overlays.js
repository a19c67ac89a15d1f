// @ts-check
/** The boxes over the map: lock, buttons, legend, scale, counts, the strip above. Texts only, never markup. */

import { UNLISTED } from "./answer.js";
import { drawOn } from "./picture.js";
import { Symbols } from "./symbols.js";

/** @typedef {import("./config.js").Config} Config */

const NARROW_PX = 620, LEGEND_FROM_PX = 620, BETWEEN_PX = 10;
const UNIT_ROWS = ["free", "enroute", "onscene", "stale"];

/** @param {string} selector @param {ParentNode} [inside] */
function element(selector, inside = document) {
  return /** @type {HTMLElement} */ (inside.querySelector(selector));
}

/** Put a text where it is not already: one put again has the page laid out anew. @param {HTMLElement} into @param {string} text */
function say(into, text) {
  if (into.textContent !== text) into.textContent = text;
}

export class Overlays {
  /** @param {L.Map} map @param {(command: string) => void} act @param {(row: number) => void} pick */
  constructor(map, act, pick) {
    this._map = map;
    /** @type {Config | null} */
    this._config = null;
    this._locked = false;
    this._pickingWords = "";
    /** @type {import("./answer.js").Answer | null} */
    this._answer = null;
    element("#lock").addEventListener("click", () => act(this._locked ? "fit" : "hold"));
    const outside = element("#corner .outside");
    outside.addEventListener("click", () => pick(Number(outside.dataset.row)));
    for (const button of document.querySelectorAll("#zoom button")) {
      button.addEventListener("click", () => act(/** @type {HTMLElement} */ (button).dataset.act ?? ""));
    }
  }

  /** @param {Config} config */
  setConfig(config) {
    this._config = config;
    const { zoom_in, zoom_out, home, web_map } = config.texts;
    for (const [act, text] of Object.entries({ in: zoom_in, out: zoom_out, home, ground: web_map })) element(`#zoom [data-act=${act}]`).setAttribute("aria-label", text);
    element("#map").setAttribute("aria-label", config.texts.map);
    element("#picking").textContent = this._pickingWords || config.texts.picking;
    element("#lock .hint").textContent = config.texts.lock_hint;
    this._fillLegend(config);
    this.setWebMap(config.webMap);
    this.setLocked(this._locked);
    this.layout();
  }

  /** @param {Config["webMap"]} webMap */
  setWebMap(webMap) {
    const ground = element("#zoom [data-act=ground]");
    ground.hidden = webMap === null;
    ground.setAttribute("aria-pressed", String(webMap?.shown ?? false));
  }

  /** @param {boolean} locked */
  setLocked(locked) {
    this._locked = locked;
    if (!this._config) return;
    const { texts, theme } = this._config;
    element("#lock .words").textContent = locked ? texts.lock_on : texts.lock_off;
    element("#lock kbd").hidden = element("#lock .hint").hidden = !locked;
    drawLock(/** @type {HTMLCanvasElement} */ (element("#lock .icon")), theme.colors["text.secondary"], locked);
  }

  /** @param {string} text first sentence stands out; "" hides the strip @returns {boolean} whether the map's height changed */
  setStrip(text) {
    const strip = element("#strip"), changed = strip.hidden !== !text;
    const end = text.indexOf(". ");
    element("b", strip).textContent = end < 0 ? text : text.slice(0, end + 1);
    element(".rest", strip).textContent = end < 0 ? "" : text.slice(end + 2);
    strip.hidden = !text;
    return changed;
  }

  /** @param {string} attribution @param {string} units */
  setNotes(attribution, units) {
    element("#corner .notes").textContent = [attribution, units].filter(Boolean).join(" · ");
  }

  /** @param {number} row @param {string} text of a report outside of the map; 0 for none */
  setOutside(row, text) {
    const button = element("#corner .outside");
    button.textContent = text;
    button.dataset.row = String(row);
    button.hidden = !row;
  }

  /** @param {boolean} on @param {string} words what to do, "" for the usual ones */
  setPicking(on, words) {
    this._pickingWords = words;
    element("#picking").textContent = words || (this._config?.texts.picking ?? "");
    element("#picking").classList.toggle("fault", words.includes("\n")); // what is wrong stands in the first line
    element("#picking").hidden = !on;
    element("#map").classList.toggle("picking", on);
  }

  /** @param {import("./answer.js").Answer | null} answer */
  setAnswer(answer) {
    this._answer = answer;
    this.layout();
  }

  /** Scale, counts and what fits the width. */
  layout() {
    if (!this._config) return;
    const { texts, theme } = this._config, width = this._map.getSize().x / theme.scale;
    const narrow = width < NARROW_PX;
    const count = (this._answer?.symbols ?? []).filter((one) => !(one.flags & UNLISTED)).length;
    const counted = this._answer
      ? fill(narrow ? texts.counts_short : texts.counts, {
          symbols: fill(count === 1 ? texts.symbol : texts.symbols, { n: count }),
          cells: this._answer.inCells,
          outside: this._answer.outside,
          placeless: this._answer.placeless,
          off: this._answer.outside + this._answer.placeless,
        })
      : texts.not_loaded;
    say(element("#corner .counts"), this._answer?.loading ? fill(texts.loading, { counted }) : counted);
    const legend = element("#legend");
    legend.hidden = width < LEGEND_FROM_PX || !legend.hasChildNodes();
    element("#corner").style.setProperty("--legend-room", (legend.hidden ? 0 : legend.offsetWidth + BETWEEN_PX) + "px");
    const scale = scaleBar(this._map);
    element("#corner .scale").style.width = scale.px + "px";
    say(element("#corner .length"), scale.text);
  }

  /** How large the boxes over the corners are. @returns {import("./fitting.js").Boxes} */
  sizes() {
    const of = (/** @type {string} */ selector) => /** @type {[number, number]} */ ([element(selector).offsetWidth, element(selector).offsetHeight]);
    return { lock: of("#lock"), zoom: of("#zoom"), corner: of("#corner"), legend: of("#legend") };
  }

  /** The boxes that labels keep clear of, in px of the map. @returns {import("./geometry.js").Rect[]} */
  rects() {
    const frame = element("#frame").getBoundingClientRect();
    return [...document.querySelectorAll("#frame > .box")].filter((one) => !(/** @type {HTMLElement} */ (one).hidden)).map((one) => {
      const box = one.getBoundingClientRect();
      return [box.left - frame.left, box.top - frame.top, box.right - frame.left, box.bottom - frame.top];
    });
  }

  /** @param {Config} config */
  _fillLegend(config) {
    const legend = element("#legend"), { texts, theme } = config;
    const symbols = new Symbols(config.symbols, theme.colors);
    legend.replaceChildren();
    for (const [row, unit] of UNIT_ROWS.entries()) {
      const priority = texts[`p${row + 1}`], state = texts[`unit_${unit}`];
      if (priority) {
        legend.append(item(priority, picture(16 * theme.scale, 16 * theme.scale, (to, x, y) => symbols.report(to, x, y, 14 * theme.scale, row + 1, 0, false))));
      }
      if (state) {
        legend.append(item(state, picture(20 * theme.scale, 14 * theme.scale, (to, x, y) => symbols.unit(to, x, y, 11 * theme.scale, unit, false))));
      }
    }
    if (texts.fill) {
      const fills = item(texts.fill);
      fills.className = "fills";
      for (let status = 0; status < symbols.statusCount; status++) {
        const sample = picture(16 * theme.scale, 16 * theme.scale, (to, x, y) => symbols.report(to, x, y, 13 * theme.scale, 3, status, false));
        sample.title = texts[`fill_${status}`] ?? "";
        fills.append(sample);
      }
      legend.append(fills);
    }
  }
}

/** @param {string} text @param {HTMLElement[]} before */
function item(text, ...before) {
  const row = document.createElement("div");
  row.className = "item";
  row.append(...before, document.createTextNode(text));
  return row;
}

/** @param {number} width @param {number} height @param {(to: CanvasRenderingContext2D, x: number, y: number) => void} draw */
function picture(width, height, draw) {
  const canvas = document.createElement("canvas"), ratio = window.devicePixelRatio || 1;
  canvas.style.width = width + "px";
  canvas.style.height = height + "px";
  drawOn(canvas, Math.floor(width * ratio), Math.floor(height * ratio), (context) => {
    context.scale(ratio, ratio);
    draw(context, width / 2, height / 2);
  });
  return canvas;
}

/** @param {HTMLCanvasElement} canvas @param {string} colour @param {boolean} locked */
function drawLock(canvas, colour, locked) {
  const ratio = window.devicePixelRatio || 1;
  drawOn(canvas, Math.floor(12 * ratio), Math.floor(14 * ratio), (context) => {
    context.scale(ratio, ratio);
    context.strokeStyle = colour;
    context.lineWidth = 1.5;
    context.stroke(new Path2D("M2 6.5 L10 6.5 L10 13 L2 13 Z"));
    context.stroke(new Path2D(locked ? "M4 6.5 L4 4 C4 1.2 8 1.2 8 4 L8 6.5" : "M4 6.5 L4 4 C4 1.2 8 1.2 8 4"));
  });
}

/** Put numbers into a sentence: {name}. @param {string} text @param {Record<string, number | string>} numbers */
export function fill(text, numbers) {
  return text.replace(/\{(\w+)\}/g, (whole, name) => (numbers[name] === undefined ? whole : group(numbers[name])));
}

/** @param {number | string} value */
function group(value) {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ",");
}

/** The longest round distance of at most 100 px. @param {L.Map} map */
function scaleBar(map) {
  const size = map.getSize(), middle = size.y / 2;
  const metres = map.distance(map.containerPointToLatLng([0, middle]), map.containerPointToLatLng([100, middle]));
  if (!(metres > 0)) return { px: 0, text: "" };
  const power = 10 ** Math.floor(Math.log10(metres));
  const round = [5, 2, 1].map((step) => step * power).find((step) => step <= metres) ?? power;
  return { px: Math.round((round / metres) * 100), text: round >= 1000 ? `${round / 1000} km` : `${round} m` };
}
