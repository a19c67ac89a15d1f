// @ts-check
/**
 * Read a vector tile (MVT): where each line and ring lies in its bytes, by what it is drawn as; no object per feature.
 * Tiles may come from anywhere: what is wrong, or more than a tile may have, is left out. Pure.
 */

import { COARSE_KEYS, FINE_KEYS, KINDS, LAYERS, LINK_KEYS, NAME_KEY, POINTS, TOLL_KEYS } from "./tile_schema.js";

export const MOST_BYTES = 8 * 2 ** 20, MOST_POINTS = 200_000, MOST_FEATURES = 100_000;
export const MOST_NAMES = 5000, MOST_LETTERS = 60;
const MOST_LAYERS = 64, MOST_KEYS = 1024, MOST_VALUES = 2 ** 16, MOST_NAME_BYTES = 512;
const MOST_LENGTH = 4000; // of all lines and rings, in sides of the tile: of dense cities some hundreds
const FARTHEST = 2 ** 20; // in the tile's units
const LINE_BITS = 35; // `Walk` reads no longer numbers
const EXTENT = 4096, MOST_EXTENT = 2 ** 16;

/**
 * Numbers of a run: where its lines begin and end in the bytes, its first point, the tile's side in its units, the box
 * around it (west, north, east, south). Of a named one: kind, name, begin, end, first point, side.
 */
export const RUN = 9, NAMED = 7, PLACED = 5;

/**
 * @typedef {object} Tile
 * @property {Uint8Array} bytes
 * @property {Int32Array[]} runs lines and rings, RUN numbers each, by kind (an index of KINDS)
 * @property {Int32Array} named lines with a name, NAMED numbers each
 * @property {Int32Array} points PLACED numbers each: what it is (an index of POINTS), name, x, y, the tile's side
 * @property {string[]} names
 * @property {boolean} hasLand whether it says where land is, so that all else is not
 */

/** @typedef {import("./tile_schema.js").LayerReading} LayerReading */

/** The tile is not what it should be. */
class Fault extends Error {}

/** @param {ArrayBuffer} buffer @returns {Tile} */
export function readTile(buffer) {
  const reader = new TileReader(buffer.byteLength > MOST_BYTES ? new Uint8Array() : new Uint8Array(buffer));
  reader.read();
  return reader.tile();
}

/** A place in the bytes. */
class Cursor {
  /** @param {Uint8Array} bytes @param {number} at @param {number} end */
  constructor(bytes, at, end) {
    this.bytes = bytes;
    this.at = at;
    this.end = end;
  }

  /** The next number; of a longer one its lower 32 bits. @param {number} [longest] in bits, with the signs between */
  varint(longest = 70) {
    const { bytes, end } = this;
    let value = 0;
    for (let shift = 0; shift < longest; shift += 7) {
      if (this.at >= end) throw new Fault();
      const byte = /** @type {number} */ (bytes[this.at++]);
      if (shift < 32) value |= (byte & 127) << shift;
      if (byte < 128) return value >>> 0;
    }
    throw new Fault();
  }

  /** What follows with its own length. @param {Cursor} [into] a cursor to use again */
  message(into = new Cursor(this.bytes, 0, 0)) {
    const length = this.varint();
    if (length > this.end - this.at) throw new Fault();
    into.at = this.at;
    into.end = this.at += length;
    return into;
  }

  /** @param {number} wire of the field whose value is not wanted */
  skip(wire) {
    if (wire === 0) this.varint();
    else if (wire === 1) this.at += 8;
    else if (wire === 2) this.message();
    else if (wire === 5) this.at += 4;
    else throw new Fault();
    if (this.at > this.end) throw new Fault();
  }
}

const text = new TextDecoder();

class TileReader {
  /** @param {Uint8Array} bytes */
  constructor(bytes) {
    this._bytes = bytes;
    this._feature = new Cursor(bytes, 0, 0); // used again for each: no object per feature
    this._tags = new Cursor(bytes, 0, 0);
    this._geometry = new Cursor(bytes, 0, 0);
    /** @type {number[][]} */
    this._runs = KINDS.map(() => []);
    /** @type {number[]} */
    this._named = [];
    /** @type {number[]} */
    this._points = [];
    /** @type {Map<string, number>} */
    this._names = new Map();
    this._hasLand = false;
    this._pointsLeft = MOST_POINTS;
    this._featuresLeft = MOST_FEATURES;
    this._lengthLeft = MOST_LENGTH;
  }

  /** @returns {Tile} */
  tile() {
    return {
      bytes: this._bytes,
      runs: this._runs.map((one) => Int32Array.from(one)),
      named: Int32Array.from(this._named),
      points: Int32Array.from(this._points),
      names: [...this._names.keys()],
      hasLand: this._hasLand,
    };
  }

  read() {
    const cursor = new Cursor(this._bytes, 0, this._bytes.length);
    for (let layers = 0; layers < MOST_LAYERS && cursor.at < cursor.end;) {
      try {
        const tag = cursor.varint();
        if (tag !== 26) {
          cursor.skip(tag & 7);
          continue;
        }
        layers++;
        this._readLayer(cursor.message());
      } catch (fault) {
        if (!(fault instanceof Fault)) throw fault;
        if (cursor.at >= cursor.end) return; // a layer's length was right: the next one may be, too
      }
    }
  }

  /** @param {Cursor} cursor */
  _readLayer(cursor) {
    const layer = new LayerTables(this._bytes);
    /** @type {number[]} */
    const features = [];
    let name = "", extent = EXTENT;
    while (cursor.at < cursor.end) {
      const tag = cursor.varint();
      if (tag === 10) name = decoded(cursor.message());
      else if (tag === 18) {
        cursor.message(this._feature);
        if (features.length < 2 * MOST_FEATURES) features.push(this._feature.at, this._feature.end);
      } else if (tag === 26) layer.addKey(cursor.message());
      else if (tag === 34) layer.addValue(cursor.message());
      else if (tag === 40) extent = cursor.varint();
      else cursor.skip(tag & 7);
    }
    const reading = LAYERS.get(name);
    if (!reading || extent < 1 || extent > MOST_EXTENT) return;
    for (let index = 0; index < features.length && this._featuresLeft > 0 && this._pointsLeft > 0 && this._lengthLeft > 0; index += 2) {
      this._featuresLeft--;
      this._feature.at = /** @type {number} */ (features[index]);
      this._feature.end = /** @type {number} */ (features[index + 1]);
      this._readFeature(this._feature, layer, reading, extent);
    }
  }

  /** @param {Cursor} cursor @param {LayerTables} layer @param {LayerReading} reading @param {number} extent */
  _readFeature(cursor, layer, reading, extent) {
    const tags = this._tags, geometry = this._geometry;
    let type = 0;
    tags.at = tags.end = geometry.at = geometry.end = 0;
    while (cursor.at < cursor.end) {
      const tag = cursor.varint();
      if (tag === 18) cursor.message(tags);
      else if (tag === 24) type = cursor.varint();
      else if (tag === 34) cursor.message(geometry);
      else cursor.skip(tag & 7);
    }
    if (geometry.at === geometry.end) return;
    const of = layer.look(tags);
    if (type === 1) this._readPoint(geometry, reading, of, extent);
    else if (type === 2) this._readLine(geometry, reading, of, extent);
    else if (type === 3) this._readArea(geometry, reading, of, extent);
  }

  /** @param {Cursor} geometry @param {LayerReading} reading @param {Looked} of @param {number} extent */
  _readPoint(geometry, reading, of, extent) {
    const what = kindOf(reading.points, of), name = what === null ? -1 : this._nameOf(of);
    if (what === null || name < 0) return;
    let x = 0, y = 0;
    while (geometry.at < geometry.end) {
      const move = geometry.varint();
      if ((move & 7) !== 1) throw new Fault();
      for (let left = move >>> 3; left > 0 && this._pointsLeft-- > 0; left--) {
        x += zigzag(geometry.varint());
        y += zigzag(geometry.varint());
        if (x >= 0 && y >= 0 && x < extent && y < extent) this._points.push(POINTS.indexOf(what), name, x, y, extent); // else the neighbour has it
      }
      if (this._pointsLeft < 0) return;
    }
  }

  /** @param {Cursor} geometry @param {LayerReading} reading @param {Looked} of @param {number} extent */
  _readLine(geometry, reading, of, extent) {
    const painted = kindOf(reading.lines, of), kind = painted ?? kindOf(reading.named, of);
    if (kind === null) return;
    const index = KINDS.indexOf(!MAIN_ROADS.has(kind) ? kind : of.isLink ? "link" : of.isToll ? "motorway" : kind);
    this._readRuns(geometry, painted === null ? [] : [this._of(index)], index, this._nameOf(of), extent);
  }

  /** @param {Cursor} geometry @param {LayerReading} reading @param {Looked} of @param {number} extent */
  _readArea(geometry, reading, of, extent) {
    const kind = kindOf(reading.areas, of), kinds = [kind, reading.outlines].filter((one) => one !== null && one !== undefined);
    if (kind === "land") this._hasLand = true;
    if (kinds.length) this._readRuns(geometry, kinds.map((one) => this._of(KINDS.indexOf(one))), 0, -1, extent);
  }

  /** @param {number} kind */
  _of(kind) {
    return /** @type {number[]} */ (this._runs[kind]);
  }

  /** The number of a feature's name, -1 without one. @param {Looked} of */
  _nameOf(of) {
    if (!of.name) return -1;
    const known = this._names.get(of.name);
    if (known !== undefined) return known;
    if (this._names.size >= MOST_NAMES) return -1;
    this._names.set(of.name, this._names.size);
    return this._names.size - 1;
  }

  /**
   * Walk along lines or rings once: each is whole, within the bytes and within reach, or it is not kept.
   * @param {Cursor} geometry @param {number[][]} into @param {number} kind @param {number} name -1: none @param {number} extent
   */
  _readRuns(geometry, into, kind, name, extent) {
    let x = 0, y = 0, begin = -1, firstX = 0, firstY = 0, west = 0, north = 0, east = 0, south = 0;
    const keep = (/** @type {number} */ end) => {
      if (begin < 0 || end === begin) return;
      for (const runs of into) runs.push(begin, end, firstX, firstY, extent, west, north, east, south);
      if (name >= 0) this._named.push(kind, name, begin, end, firstX, firstY, extent);
    };
    while (geometry.at < geometry.end) {
      const before = geometry.at, command = geometry.varint(LINE_BITS), id = command & 7, count = command >>> 3;
      if (id === 7) continue;
      if ((id !== 1 && id !== 2) || (id === 1 && count !== 1) || (id === 2 && begin < 0)) throw new Fault();
      if (id === 1) keep(before);
      this._pointsLeft -= count;
      for (let index = 0; index < count; index++) {
        if (this._pointsLeft < 0 || this._lengthLeft < 0) return;
        const dx = zigzag(geometry.varint(LINE_BITS)), dy = zigzag(geometry.varint(LINE_BITS));
        x += dx;
        y += dy;
        if (Math.max(Math.abs(x), Math.abs(y)) > FARTHEST) throw new Fault();
        if (id === 1) {
          begin = geometry.at;
          firstX = west = east = x;
          firstY = north = south = y;
        } else {
          this._lengthLeft -= (Math.abs(dx) + Math.abs(dy)) / extent;
          west = Math.min(west, x);
          north = Math.min(north, y);
          east = Math.max(east, x);
          south = Math.max(south, y);
        }
      }
    }
    keep(geometry.end);
  }
}

const NO = new Set(["", "0", "no"]);
/** @type {ReadonlySet<string>} a link between these is one of its own */
const MAIN_ROADS = new Set(["motorway", "trunk", "primary", "secondary", "tertiary"]);

/** What a feature's tags say. @typedef {{fine: string, coarse: string, name: string, isLink: boolean, isToll: boolean}} Looked */

/** The keys and values of a layer; a value becomes a text once, and only when it is needed. */
class LayerTables {
  /** @param {Uint8Array} bytes */
  constructor(bytes) {
    this._bytes = bytes;
    /** @type {("fine" | "coarse" | "name" | "link" | "toll" | "")[]} */
    this._keys = [];
    /** @type {number[]} */
    this._values = [];
    /** @type {(string | undefined)[]} */
    this._texts = [];
    /** @type {Looked} one for all features: the next look fills it anew */
    this._looked = { fine: "", coarse: "", name: "", isLink: false, isToll: false };
  }

  /** @param {Cursor} key */
  addKey(key) {
    if (this._keys.length >= MOST_KEYS) throw new Fault();
    const word = decoded(key);
    this._keys.push(FINE_KEYS.has(word) ? "fine" : COARSE_KEYS.has(word) ? "coarse" : word === NAME_KEY ? "name" : LINK_KEYS.has(word) ? "link" : TOLL_KEYS.has(word) ? "toll" : "");
  }

  /** @param {Cursor} value */
  addValue(value) {
    if (this._texts.length >= MOST_VALUES) throw new Fault();
    this._values.push(value.at, value.end);
    this._texts.push(undefined);
  }

  /** @param {Cursor} tags @returns {Looked} valid until the next look */
  look(tags) {
    const looked = this._looked;
    looked.fine = looked.coarse = looked.name = "";
    looked.isLink = looked.isToll = false;
    while (tags.at < tags.end) {
      const key = this._keys[tags.varint()], value = tags.varint();
      if (!key) continue;
      const said = this._text(value);
      if (key === "link") looked.isLink = !NO.has(said);
      else if (key === "toll") looked.isToll = !NO.has(said);
      else looked[key] = said;
    }
    return looked;
  }

  /** @param {number} index of the value */
  _text(index) {
    const known = this._texts[index];
    if (known !== undefined) return known;
    const at = this._values[2 * index], end = this._values[2 * index + 1];
    if (at === undefined || end === undefined) throw new Fault();
    return (this._texts[index] = valueText(new Cursor(this._bytes, at, end)));
  }
}

/**
 * What the table has for a feature's words, null for nothing.
 * @template K @param {K | Map<string, K> | undefined} reading @param {Looked} of @returns {K | null}
 */
function kindOf(reading, of) {
  if (!(reading instanceof Map)) return reading ?? null;
  return reading.get(of.fine) ?? reading.get(of.coarse) ?? null;
}

/** A value as text; numbers and truths as 0 or 1: no more is asked of them. @param {Cursor} value */
function valueText(value) {
  let found = "";
  while (value.at < value.end) {
    const tag = value.varint(), wire = tag & 7;
    if (tag === 10) found = shown(decoded(value.message()));
    else if (wire === 0) found = value.varint() ? "1" : "0";
    else value.skip(wire);
  }
  return found;
}

/** @param {Cursor} bytes */
function decoded(bytes) {
  return text.decode(bytes.bytes.subarray(bytes.at, Math.min(bytes.end, bytes.at + MOST_NAME_BYTES)));
}

/** Controls, private signs, turners of direction; not the joiners, which some scripts need. */
const HIDDEN = /[\p{Cc}\p{Cs}\p{Co}\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]/gu;

/** A text without what turns it round, hides in it or piles up over it, of at most MOST_LETTERS. @param {string} word */
function shown(word) {
  const plain = word.replace(HIDDEN, "").replace(/(\p{M}{3})\p{M}+/gu, "$1").trim();
  const letters = [...plain];
  return letters.length > MOST_LETTERS ? letters.slice(0, MOST_LETTERS - 1).join("") + "…" : plain;
}

/** Walks along a run that was read: its bytes were checked, so nothing is checked again. */
export class Walk {
  /** @param {Uint8Array} bytes */
  constructor(bytes) {
    this._bytes = bytes;
    this._at = 0;
    this._end = 0;
    this._left = 0;
    this.x = 0;
    this.y = 0;
    this.isBack = false; // the ring is closed: this is no further point
  }

  /** Stand on the first point. @param {number} begin @param {number} end @param {number} x @param {number} y */
  start(begin, end, x, y) {
    this._at = begin;
    this._end = end;
    this._left = 0;
    this.x = x;
    this.y = y;
  }

  /** Go on to the next point. @returns {boolean} whether there is one, or the ring's end */
  next() {
    this.isBack = false;
    while (this._left === 0) {
      if (this._at >= this._end) return false;
      const command = this._number();
      if ((command & 7) === 7) return (this.isBack = true);
      this._left = command >>> 3;
    }
    this._left--;
    this.x += zigzag(this._number());
    this.y += zigzag(this._number());
    return true;
  }

  _number() {
    let byte = /** @type {number} */ (this._bytes[this._at++]);
    if (byte < 128) return byte;
    let value = byte & 127;
    for (let shift = 7; byte > 127; shift += 7) {
      byte = /** @type {number} */ (this._bytes[this._at++]);
      value |= (byte & 127) << shift;
    }
    return value >>> 0;
  }
}

/** @param {number} value */
function zigzag(value) {
  return (value >>> 1) ^ -(value & 1);
}
