// @ts-check
/** Words, colours, symbols and the kind of tiles: what the program says about the looks of the page. */

/** @typedef {typeof import("../../tokens.json")["dark"]} Tokens every theme has the same names */
/**
 * "group.name": a colour that the style has, so that a name which is none does not pass the checks. The program sends
 * the groups that the page draws with (`_COLOURS` in widgets/map/panel.py).
 * @typedef {{[G in keyof Tokens]: `${G}.${keyof Tokens[G] & string}`}[keyof Tokens]} Colour
 * @typedef {Record<Colour, string>} Colors
 */

/**
 * Those that the map has of its own (`_own_texts` in widgets/map/panel.py), and those of the legend, where it has one.
 * @typedef {"map" | "zoom_in" | "zoom_out" | "home" | "web_map" | "picking" | "lock_hint" | "lock_on" | "lock_off"
 *   | "counts" | "counts_short" | "symbol" | "symbols" | "loading" | "not_loaded"} Text
 * @typedef {Record<Text, string> & {[legend: string]: string | undefined}} Texts
 */

/**
 * @typedef {object} Config
 * @property {{name: string, scale: number, colors: Colors}} theme
 * @property {Texts} texts
 * @property {any} symbols
 * @property {{kind: "vector" | "raster", minZoom: number, maxZoom: number} | null} tiles
 * @property {{shown: boolean, maxZoom: number, number: number} | null} webMap that is offered, or shown in the place of the tiles
 * @property {{family: string, url: string}[]} fonts
 */

/**
 * @param {number} version
 * @returns {Promise<Config>}
 */
export async function loadConfig(version) {
  const answer = await fetch(`/data/config/${version}`);
  return answer.json();
}

const FALLBACK = '"Noto Sans", "Segoe UI", "DejaVu Sans", sans-serif';

/** The font of canvas texts. @param {number} px @param {number} [weight] */
export function font(px, weight = 400) {
  return `${weight} ${px}px ${family}`;
}

let family = FALLBACK;
/** @type {Set<string>} */
const loaded = new Set();

/**
 * Put colours and sizes where the style sheet finds them, and wait for the fonts.
 * @param {Config} config
 */
export async function applyConfig(config) {
  const root = document.documentElement.style;
  for (const [token, colour] of Object.entries(config.theme.colors)) root.setProperty("--" + token.replace(".", "-"), colour);
  root.setProperty("--scale", String(config.theme.scale));
  const fresh = config.fonts.filter((one) => !loaded.has(one.url));
  await Promise.all(fresh.map(loadFont));
  const names = [...new Set(config.fonts.map((one) => `"${one.family}"`))];
  family = [...names, FALLBACK].join(", ");
  root.setProperty("--font", family);
}

/** One file holds all weights. @param {{family: string, url: string}} one */
async function loadFont(one) {
  const face = new FontFace(one.family, `url(${one.url})`, { weight: "100 900" });
  loaded.add(one.url);
  document.fonts.add(await face.load());
}
