// @ts-check
/**
 * Names of streets and places: where each could be written is worked out once a tile and zoom, in slices; after a move
 * they are only placed, clear of each other and of all that is taken.
 */

import { font } from "./config.js";
import { textWidth } from "./labels.js";
import { Slices } from "./slices.js";
import { NAMES, NAME_RANKS } from "./street_style.js";
import { KINDS, POINTS } from "./tile_schema.js";
import { NAMED, PLACED, Walk } from "./vector_tile.js";

/**
 * @typedef {import("./vector_tile.js").Tile} Tile
 * @typedef {import("./street_layer.js").Shown} Shown
 * @typedef {import("./labels.js").Placed} Placed
 * @typedef {import("./geometry.js").Taken} Taken
 * @typedef {{ends: Int32Array, what: Int32Array, at: Float32Array}} Lines what: kind and name, for each; at: x and y of
 * their points, the tile's side is 1
 * @typedef {{key: string, starts: Int32Array, numbers: Float32Array}} Places where names could be written, by rank:
 * PLACE numbers each
 */

const PLACE = 5; // x and y (the tile's side is 1), angle, half of the text's width, name
const MOST_PLACES = 6000, MOST_POINTS = 4096, ROOM_PX = 8000; // square pixels for each name, at least
const BEND = 0.3; // radians: as far as a stretch may turn
const BESIDE_PX = 10, APART_PX = 340, EDGE_PX = 4, ALTERNATIVES = 48, STEPS = 48;
const TEXT_PX = 11, MARK_PX = 8;

const RANK_OF_KIND = KINDS.map((kind) => NAME_RANKS.get(kind) ?? -1);
const RANK_OF_POINT = POINTS.map((what) => NAME_RANKS.get(what) ?? -1);
const FIRST_LANDMARK = POINTS.indexOf("station");
const PLACE_RANKS = new Set(RANK_OF_POINT.slice(0, FIRST_LANDMARK)), LANDMARK_RANKS = new Set(RANK_OF_POINT.slice(FIRST_LANDMARK));

export class StreetNames {
  /** @param {() => void} onReady names that were not there before can be placed */
  constructor(onReady) {
    this._slices = new Slices(onReady);
    /** @type {WeakMap<Tile, Lines>} */
    this._lines = new WeakMap();
    /** @type {WeakMap<Tile, Places>} */
    this._places = new WeakMap();
    /** @type {Map<Tile, {key: string, job: import("./slices.js").Job}>} what is worked on */
    this._begun = new Map();
  }

  /** Whether names of the view are still worked out. */
  get busy() {
    return this._slices.busy;
  }

  /** Work out what is missing for these tiles. @param {Shown[]} shown @param {number} zoom @param {number} scale of texts */
  prepare(shown, zoom, scale) {
    const key = `${zoom} ${font(1)} ${scale}`, before = this._begun;
    this._begun = new Map();
    for (const { tile, side } of shown) {
      if (this._places.get(tile)?.key === key || this._begun.has(tile)) continue;
      const begun = before.get(tile);
      this._begun.set(tile, begun?.key === key ? begun : { key, job: this._work(tile, key, zoom, side, scale) });
    }
    this._slices.want([...this._begun.values()].map((one) => one.job));
  }

  /**
   * Write as many as have room: those that matter most first.
   * @param {Shown[]} shown @param {number} zoom @param {number} scale @param {boolean} withPlaces whether the tiles' own
   * names of places are wanted @param {Taken} taken what is written is added
   * @param {number} width @param {number} height of the map @returns {Placed[]}
   */
  place(shown, zoom, scale, withPlaces, taken, width, height) {
    /** @type {Placed[]} */
    const placed = [];
    /** @type {Map<string, number[]>} */
    const written = new Map();
    const most = (width * height) / ROOM_PX; // as many as find room: fewer would leave a side of a large map without names
    const key = `${zoom} ${font(1)} ${scale}`;
    const ready = shown.flatMap((one) => {
      const places = this._places.get(one.tile);
      return places?.key === key ? [{ ...one, places }] : [];
    });
    for (const [rank, style] of NAMES.entries()) {
      if (PLACE_RANKS.has(rank) && !withPlaces) continue;
      const face = font(style.px * scale, style.weight), isLandmark = LANDMARK_RANKS.has(rank);
      for (const { tile, places, side, left, top } of ready) {
        const { numbers, starts } = places, end = PLACE * number(starts, rank + 1);
        for (let at = PLACE * number(starts, rank); at < end && placed.length < most; at += PLACE) {
          const x = left + number(numbers, at) * side, y = top + number(numbers, at + 1) * side;
          if (x < 0 || y < 0 || x > width || y > height) continue;
          const angle = number(numbers, at + 2), half = number(numbers, at + 3);
          const text = /** @type {string} */ (tile.names[number(numbers, at + 4)]), middle = isLandmark ? x + half + MARK_PX * scale : x;
          const others = written.get(text) ?? [];
          if (!isApart(others, x, y) || !hasRoom(taken, middle, y, angle, half, style.px * scale, isLandmark ? MARK_PX * scale : 0, width, height)) continue;
          others.push(x, y);
          written.set(text, others);
          placed.push({ text, x: middle, y, angle, face, colour: style.colour, mark: isLandmark ? x : null });
        }
      }
    }
    return placed;
  }

  /** @param {Tile} tile @param {string} key @param {number} zoom @param {number} side @param {number} scale */
  *_work(tile, key, zoom, side, scale) {
    let lines = this._lines.get(tile);
    if (!lines) {
      lines = yield* joined(tile);
      this._lines.set(tile, lines);
    }
    /** @type {number[][]} */
    const found = NAMES.map(() => []);
    const faces = NAMES.map((style) => font(style.px * scale, style.weight));
    const isWritten = (/** @type {number} */ rank) => {
      const style = NAMES[rank];
      return style !== undefined && zoom >= style.from && zoom <= style.to;
    };
    for (let index = 0; index < tile.points.length; index += PLACED) {
      const rank = RANK_OF_POINT[number(tile.points, index)] ?? -1;
      if (!isWritten(rank)) continue;
      const name = number(tile.points, index + 1), extent = number(tile.points, index + 4);
      push(found[rank], number(tile.points, index + 2) / extent, number(tile.points, index + 3) / extent, 0, halfWidth(tile, name, faces[rank]), name);
    }
    const points = new Float64Array(3 * MOST_POINTS);
    for (let index = 0, begin = 0; index < lines.ends.length; index++) {
      const end = /** @type {number} */ (lines.ends[index]), kind = /** @type {number} */ (lines.what[2 * index]), name = /** @type {number} */ (lines.what[2 * index + 1]);
      const rank = RANK_OF_KIND[kind] ?? -1;
      if (isWritten(rank)) {
        const half = halfWidth(tile, name, faces[rank]), count = Math.min(MOST_POINTS, (end - begin) / 2);
        for (let point = 0; point < 2 * count; point++) points[point] = /** @type {number} */ (lines.at[begin + point]) * side;
        alongLine(points, count, 2 * half + BESIDE_PX * scale, (x, y, angle) => {
          if (x >= 0 && y >= 0 && x < side && y < side) push(found[rank], x / side, y / side, angle, half, name); // else it is the neighbour's
        });
      }
      begin = end;
      if (index % STEPS === STEPS - 1) yield;
    }
    this._places.set(tile, inRanks(found, key));
    this._begun.delete(tile);
  }
}

/** @param {Int32Array | Float32Array | Float64Array} from @param {number} index one that it has */
function number(from, index) {
  return /** @type {number} */ (from[index]);
}

/** @param {number[] | undefined} into @param {number} x @param {number} y @param {number} angle @param {number} half @param {number} name */
function push(into, x, y, angle, half, name) {
  if (into && into.length < PLACE * MOST_PLACES) into.push(x, y, angle, half, name);
}

/** @param {number[][]} found @param {string} key @returns {Places} */
function inRanks(found, key) {
  const starts = new Int32Array(found.length + 1), all = found.flat();
  for (const [rank, numbers] of found.entries()) starts[rank + 1] = /** @type {number} */ (starts[rank]) + numbers.length / PLACE;
  return { key, starts, numbers: Float32Array.from(all) };
}

/** @param {Tile} tile @param {number} name @param {string | undefined} face one of the faces, as the rank is one of theirs */
function halfWidth(tile, name, face) {
  return textWidth(/** @type {string} */ (tile.names[name]), /** @type {string} */ (face)) / 2;
}

/**
 * The named lines of a tile, those that go on from one another joined: a street is many short lines.
 * @param {Tile} tile @returns {Generator<void, Lines, void>}
 */
function* joined(tile) {
  const { named, bytes } = tile, walk = new Walk(bytes);
  /** @type {number[]} */
  const at = [];
  /** @type {number[]} */
  const ends = [];
  /** @type {number[]} */
  const what = [];
  /** @type {Map<number, number[]>} */
  const streets = new Map();
  for (let index = 0; index < named.length; index += NAMED) {
    const street = number(named, index + 1) * KINDS.length + number(named, index);
    const known = streets.get(street);
    if (known) known.push(index);
    else streets.set(street, [index]);
  }
  let count = 0;
  for (const [street, indices] of streets) {
    const lines = indices.map((index) => {
      const x = number(named, index + 4), y = number(named, index + 5), extent = number(named, index + 6);
      const points = [x / extent, y / extent];
      for (walk.start(number(named, index + 2), number(named, index + 3), x, y); walk.next();) if (!walk.isBack) points.push(walk.x / extent, walk.y / extent);
      return points;
    });
    for (const chain of chained(lines)) {
      for (const one of chain) at.push(one);
      ends.push(at.length);
      what.push(street % KINDS.length, Math.floor(street / KINDS.length));
    }
    count += indices.length;
    if (count >= STEPS) {
      count = 0;
      yield;
    }
  }
  return { ends: Int32Array.from(ends), what: Int32Array.from(what), at: Float32Array.from(at) };
}

/** Lines put together where one ends and another begins. @param {number[][]} lines x and y in turn @returns {number[][]} */
function chained(lines) {
  if (lines.length < 2) return lines;
  const place = (/** @type {number[]} */ line, /** @type {boolean} */ atEnd) => endKey(/** @type {number} */ (line.at(atEnd ? -2 : 0)), /** @type {number} */ (line.at(atEnd ? -1 : 1)));
  /** @type {Map<number, number[][]>} */
  const byEnd = new Map();
  const enter = (/** @type {number} */ key, /** @type {number[]} */ line) => {
    const known = byEnd.get(key);
    if (known) known.push(line);
    else byEnd.set(key, [line]);
  };
  for (const line of lines) for (const atEnd of [false, true]) enter(place(line, atEnd), line);
  const left = new Set(lines);
  const goOn = (/** @type {number[]} */ chain) => {
    for (;;) {
      const next = byEnd.get(place(chain, true))?.find((one) => left.has(one));
      if (!next) return;
      left.delete(next);
      const isAhead = place(next, false) === place(chain, true);
      const points = isAhead ? next : turned(next);
      for (let index = 2; index < points.length; index++) chain.push(/** @type {number} */ (points[index]));
    }
  };
  /** @type {number[][]} */
  const chains = [];
  for (const line of lines) {
    if (!left.delete(line)) continue;
    const ahead = [...line];
    goOn(ahead);
    const chain = turned(ahead);
    goOn(chain);
    chains.push(chain);
  }
  return chains;
}

const FINEST = 2 ** 20, APART = 2 ** 23; // of a tile's side: finer than any extent; more than there are across a tile and what lies beside it

/** One number for a point. @param {number} x @param {number} y */
function endKey(x, y) {
  return Math.round(x * FINEST) * APART + Math.round(y * FINEST);
}

/** @param {number[]} line @returns {number[]} */
function turned(line) {
  /** @type {number[]} */
  const back = [];
  for (let index = line.length - 2; index >= 0; index -= 2) back.push(/** @type {number} */ (line[index]), /** @type {number} */ (line[index + 1]));
  return back;
}

/**
 * The places along a line where a text can stand: amid stretches that bend little and are long enough.
 * @param {Float64Array} points x and y of each, in px @param {number} count of points @param {number} need in px
 * @param {(x: number, y: number, angle: number) => void} found the middle, and the angle that reads from left to right
 */
export function alongLine(points, count, need, found) {
  for (let first = 0; first < count - 1;) {
    const angle = Math.atan2(number(points, 2 * first + 3) - number(points, 2 * first + 1), number(points, 2 * first + 2) - number(points, 2 * first));
    let last = first, length = 0;
    while (last < count - 1) {
      const dx = number(points, 2 * last + 2) - number(points, 2 * last), dy = number(points, 2 * last + 3) - number(points, 2 * last + 1);
      if (last > first && Math.abs(remainder(Math.atan2(dy, dx) - angle)) > BEND) break;
      length += Math.sqrt(dx * dx + dy * dy); // Math.hypot takes many times as long
      last++;
    }
    if (length < need) {
      first++;
      continue;
    }
    const many = Math.min(ALTERNATIVES, Math.max(1, Math.floor(length / (1.25 * need))));
    for (let turn = 0; turn < many; turn++) {
      const middle = (length * (turn + 0.5)) / many;
      const [x0, y0] = pointAt(points, first, last, middle - need / 2), [x1, y1] = pointAt(points, first, last, middle + need / 2);
      let tilt = Math.atan2(y1 - y0, x1 - x0);
      if (tilt > Math.PI / 2) tilt -= Math.PI;
      else if (tilt <= -Math.PI / 2) tilt += Math.PI;
      found((x0 + x1) / 2, (y0 + y1) / 2, tilt);
    }
    first = last;
  }
}

/** @param {Float64Array} points @param {number} first @param {number} last @param {number} along in px from the first @returns {[number, number]} */
function pointAt(points, first, last, along) {
  for (let index = first; index < last; index++) {
    const x = number(points, 2 * index), y = number(points, 2 * index + 1), dx = number(points, 2 * index + 2) - x, dy = number(points, 2 * index + 3) - y;
    const length = Math.sqrt(dx * dx + dy * dy);
    if (along <= length || index === last - 1) return length > 0 ? [x + (dx * along) / length, y + (dy * along) / length] : [x, y];
    along -= length;
  }
  return [number(points, 2 * first), number(points, 2 * first + 1)];
}

/** An angle between -pi and pi. @param {number} angle */
function remainder(angle) {
  return angle - 2 * Math.PI * Math.round(angle / (2 * Math.PI));
}

/** @param {number[]} others x and y in turn @param {number} x @param {number} y */
function isApart(others, x, y) {
  for (let index = 0; index < others.length; index += 2) {
    const dx = /** @type {number} */ (others[index]) - x, dy = /** @type {number} */ (others[index + 1]) - y;
    if (dx * dx + dy * dy < APART_PX * APART_PX) return false;
  }
  return true;
}

/**
 * Whether a text is free and whole within the map; then its place is taken. A tilted one is a row of small boxes.
 * @param {Taken} taken @param {number} x @param {number} y of its middle @param {number} angle @param {number} half of its
 * width @param {number} px its height @param {number} before room for a mark before it @param {number} width @param {number} height
 */
function hasRoom(taken, x, y, angle, half, px, before, width, height) {
  const cos = Math.cos(angle), sin = Math.sin(angle), tall = 0.62 * px + 1;
  const reachX = Math.abs(cos) * half + Math.abs(sin) * tall, reachY = Math.abs(sin) * half + Math.abs(cos) * tall;
  if (x - reachX - before < EDGE_PX || x + reachX > width - EDGE_PX || y - reachY < EDGE_PX || y + reachY > height - EDGE_PX) return false;
  /** @type {import("./geometry.js").Rect[]} */
  const boxes = [];
  if (Math.abs(sin) < 0.12) boxes.push([x - half - 3 - before, y - reachY, x + half + 3, y + reachY]);
  else {
    const many = Math.max(1, Math.ceil((2 * half) / TEXT_PX));
    for (let turn = 0; turn < many; turn++) {
      const along = -half + ((turn + 0.5) * 2 * half) / many;
      boxes.push([x + cos * along - tall, y + sin * along - tall, x + cos * along + tall, y + sin * along + tall]);
    }
  }
  if (!boxes.every((box) => taken.isFree(box))) return false;
  for (const box of boxes) taken.add(box);
  return true;
}
