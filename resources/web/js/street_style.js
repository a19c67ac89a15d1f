// @ts-check
/** How streets, water and names look, by kind and zoom: one table of widths, one of colours, one of names. Pure. */

/**
 * @typedef {import("./tile_schema.js").Kind} Kind
 * @typedef {import("./tile_schema.js").Point} Point
 * @typedef {import("./config.js").Colour} Colour
 */

const FIRST_ZOOM = 8, STEP = 2;

/** In px at zoom 8, 10, 12, 14, 16 and 18; 0: not drawn. @type {Partial<Record<Kind, number[]>>} */
const WIDTHS = {
  stream: [0, 0, 0, 0.8, 2, 6],
  ward: [0, 0, 1, 1, 1, 1],
  "area-border": [1, 1, 1, 1, 1, 1],
  "district-border": [1, 1, 1, 1, 1, 1],
  path: [0, 0, 0, 0, 1, 3],
  gang: [0, 0, 0, 0.5, 2, 6],
  local: [0, 0, 0.35, 0.9, 3.5, 10],
  tertiary: [0, 0, 0.7, 1.6, 5, 14],
  link: [0, 0, 0.6, 1.4, 4, 10],
  secondary: [0, 0.6, 1.1, 2.4, 7, 18],
  primary: [0.5, 1, 1.6, 3.2, 9, 22],
  trunk: [0.8, 1.2, 2, 3.8, 10, 24],
  motorway: [1, 1.4, 2.2, 4, 10, 24],
  rail: [0, 0.8, 1.2, 1.4, 1.4, 1.4],
};
const RIVER_PX = 2.2, RIVER_ZOOM = 13, WIDEST_RIVER_PX = 40; // it is as wide on the ground at every zoom, at least 1 px

/** @type {Record<Kind, Colour>} */
export const COLOURS = {
  land: "map.land",
  green: "map.park",
  stream: "map.river-wide",
  river: "map.river-wide",
  water: "map.water",
  ward: "map.street",
  "area-border": "map.area-border",
  "district-border": "map.district-border",
  path: "map.street",
  gang: "map.street",
  local: "map.street-local",
  tertiary: "map.street-main",
  link: "map.toll",
  secondary: "map.road",
  primary: "map.road",
  trunk: "map.toll",
  motorway: "map.toll",
  rail: "map.rail",
};

/** @type {Partial<Record<Kind, number[]>>} */
export const DASHES = { rail: [6, 4], "district-border": [6, 3, 1.5, 3] };

/** The kinds that are filled; all others are lines. @type {ReadonlySet<Kind>} */
export const FILLED = new Set(/** @type {Kind[]} */ (["land", "green", "water"]));

/** The width of a line in px. @param {Kind} kind @param {number} zoom */
export function width(kind, zoom) {
  if (kind === "river") return Math.min(WIDEST_RIVER_PX, Math.max(1, RIVER_PX * 2 ** (zoom - RIVER_ZOOM)));
  const widths = WIDTHS[kind];
  if (!widths) return 0;
  const at = Math.min(Math.max((zoom - FIRST_ZOOM) / STEP, 0), widths.length - 1), index = Math.min(Math.floor(at), widths.length - 2);
  const [less, more] = /** @type {[number, number]} */ (widths.slice(index, index + 2));
  return less + (more - less) * (at - index);
}

/**
 * @typedef {object} NameStyle
 * @property {number} px at text scale 1 @property {number} weight @property {Colour} colour
 * @property {number} from the first zoom at which it is written @property {number} to the last
 */

const PLACE = { weight: 500, colour: /** @type {Colour} */ ("map.label-strong"), to: 19 };
const MAIN = { px: 12, weight: 400, colour: /** @type {Colour} */ ("map.label"), to: 19 };
const SMALL = { px: 11, weight: 400, colour: /** @type {Colour} */ ("map.street-label"), to: 19 };

/** Those that are written first come first. @type {[Point | Kind, NameStyle][]} */
const NAME_STYLES = [
  ["city", { ...PLACE, px: 14, from: 3, to: 12 }],
  ["town", { ...PLACE, px: 13, from: 9, to: 15 }],
  ["suburb", { ...PLACE, px: 12, from: 11, to: 14.5 }],
  ["quarter", { ...PLACE, px: 12, from: 13 }],
  ["motorway", { ...MAIN, from: 11 }],
  ["trunk", { ...MAIN, from: 11 }],
  ["primary", { ...MAIN, from: 12 }],
  ["station", { ...MAIN, from: 14 }],
  ["secondary", { ...MAIN, from: 13 }],
  ["river", { ...SMALL, from: 13 }],
  ["hospital", { ...MAIN, px: 11, from: 15 }],
  ["townhall", { ...MAIN, px: 11, from: 15 }],
  ["marketplace", { ...MAIN, px: 11, from: 15 }],
  ["tertiary", { ...MAIN, from: 14 }],
  ["neighbourhood", { ...PLACE, px: 11, from: 14.5 }],
  ["place_of_worship", { ...MAIN, px: 11, from: 15.5 }],
  ["clinic", { ...MAIN, px: 11, from: 15.5 }],
  ["police", { ...MAIN, px: 11, from: 15.5 }],
  ["fire_station", { ...MAIN, px: 11, from: 15.5 }],
  ["local", { ...SMALL, from: 15 }],
  ["stream", { ...SMALL, from: 15 }],
  ["gang", { ...SMALL, from: 16.4 }],
  ["path", { ...SMALL, from: 17.4 }],
];
export const NAMES = NAME_STYLES.map(([, style]) => style);
export const NAME_RANKS = new Map(NAME_STYLES.map(([what], rank) => [what, rank]));
