// @ts-check
/** What the layers of vector tiles mean: our own tiles (docs/map-tiles.md), Protomaps', OpenMapTiles', and those that some cities have made. */

/** What is drawn, in the order in which it is painted. */
export const KINDS = /** @type {const} */ ([
  "land", "green", "stream", "river", "water", "ward", "area-border", "district-border",
  "path", "gang", "local", "tertiary", "link", "secondary", "primary", "trunk", "motorway", "rail",
]);

/** Points that have a name, those that matter most first. */
export const POINTS = /** @type {const} */ ([
  "city", "town", "suburb", "quarter", "neighbourhood",
  "station", "hospital", "townhall", "marketplace", "place_of_worship", "clinic", "police", "fire_station",
]);

/**
 * @typedef {typeof KINDS[number]} Kind
 * @typedef {typeof POINTS[number]} Point
 */

/**
 * How the features of a layer are read, by their geometry: a kind for all, or by the words that the tiles have for one.
 * `named` lines are not painted; only their names are wanted. `outlines` are the edges of areas.
 * @template K @typedef {K | Map<string, K>} Reading
 */
/**
 * @typedef {object} LayerReading
 * @property {Reading<Kind>} [areas]
 * @property {Kind} [outlines]
 * @property {Reading<Kind>} [lines]
 * @property {Reading<Kind>} [named]
 * @property {Reading<Point>} [points]
 */

/** @template K @param {Record<string, string>} words kind -> the words for it @returns {Map<string, K>} */
function table(words) {
  return new Map(Object.entries(words).flatMap(([kind, all]) => all.split(" ").map((word) => /** @type {[string, K]} */ ([word, kind]))));
}

/** @type {Map<string, Kind>} */
const ROADS = table({
  motorway: "motorway highway",
  trunk: "trunk",
  primary: "primary major_road",
  secondary: "secondary medium_road",
  tertiary: "tertiary",
  link: "link motorway_link trunk_link primary_link secondary_link tertiary_link",
  local: "local residential unclassified road minor minor_road",
  gang: "gang living_street service pedestrian alley track",
  path: "path footway steps cycleway bridleway",
  rail: "rail light_rail transit",
});
/** @type {Map<string, Kind>} */
const WATERWAYS = table({ river: "river canal", stream: "stream drain ditch" });
/** @type {Map<string, Kind>} */
const GREENS = table({ green: "park garden nature_reserve forest wood grass cemetery golf_course recreation_ground village_green national_park" });
/** @type {Map<string, Kind>} */
const AREAS = new Map([...GREENS, ["sea", "water"], ["water", "water"]]);
/** @type {Map<string, Point>} */
const PLACES = table({ city: "city", town: "town borough", suburb: "suburb macrohood", quarter: "quarter village", neighbourhood: "neighbourhood hamlet" });
/** @type {Map<string, Point>} */
const LANDMARKS = table({
  station: "station", hospital: "hospital", townhall: "townhall town_hall", marketplace: "marketplace", place_of_worship: "place_of_worship",
  clinic: "clinic", police: "police", fire_station: "fire_station",
});

/** @type {Map<string, LayerReading>} */
export const LAYERS = new Map(Object.entries(/** @type {Record<string, LayerReading>} */ ({
  // ours; `water` and `place` are OpenMapTiles' as well, `water` Protomaps' too
  area: { areas: AREAS },
  water: { areas: "water", lines: WATERWAYS },
  rail: { lines: "rail" },
  road: { lines: ROADS },
  place: { points: PLACES },
  poi: { points: LANDMARKS },
  // Protomaps
  earth: { areas: "land" },
  landuse: { areas: GREENS },
  landcover: { areas: GREENS },
  roads: { lines: ROADS },
  transit: { lines: ROADS },
  physical_line: { lines: WATERWAYS },
  boundaries: { lines: "district-border" },
  places: { points: PLACES },
  pois: { points: LANDMARKS },
  // OpenMapTiles
  waterway: { lines: WATERWAYS },
  park: { areas: "green" },
  transportation: { lines: ROADS },
  transportation_name: { named: ROADS },
  boundary: { lines: "district-border" },
  // cities' own
  land: { areas: "land" },
  ocean: { areas: "water" },
  rivers: { lines: "river" },
  tol: { lines: "motorway" },
  rw: { outlines: "ward" },
  kota: { areas: "land" },
  kecamatan: { areas: "land", outlines: "district-border" }, // land as well: simplified borders leave gaps
  kelurahan: { areas: "land", outlines: "area-border" },
})));

/** Where the word stands: the finer one is taken when a table has it. */
export const FINE_KEYS = new Set(["kind_detail", "pmap:kind_detail", "subclass"]);
export const COARSE_KEYS = new Set(["k", "class", "kind", "pmap:kind"]);
/** Whether a road only leads from one to another. */
export const LINK_KEYS = new Set(["ramp", "is_link", "link"]);
/** Whether it must be paid for. */
export const TOLL_KEYS = new Set(["toll"]);
export const NAME_KEY = "name";
