// @ts-check
/** Put the page together: map, layers, overlays, keys and the line to the program. */

import { ALARM, SELECTED, UNLISTED } from "./answer.js";
import { Areas } from "./areas.js";
import { Basemap } from "./basemap.js";
import { CanvasLayer, Sheet } from "./canvas_layer.js";
import { drawCells } from "./cells.js";
import { openChannel } from "./channel.js";
import { giveWay, isFirm, placeCodes } from "./codes.js";
import { Completeness } from "./complete.js";
import { applyConfig, loadConfig } from "./config.js";
import { closureAt, ClosureNote, drawClosures, isInView, placeClosureNames } from "./closures.js";
import { crowdAt, MOST_SPREAD, spread } from "./crowds.js";
import { Drawing } from "./drawing.js";
import { BESIDE_PX, FeaturePainter, marked, reach, symbolSize, tagRect } from "./features.js";
import { Taken } from "./geometry.js";
import { Heartbeat } from "./heartbeat.js";
import { listenToKeys } from "./keyboard.js";
import { areSame, drawNames, placeLabels } from "./labels.js";
import { Overlays } from "./overlays.js";
import { isAmidSpread, isInSpread, targetAt, targetsInOrder } from "./picking.js";
import { drawPins, pinRect } from "./pins.js";
import { leastSide, rectOf, settle, side, stepAside } from "./placement.js";
import { Slices } from "./slices.js";
import { ReportSource } from "./source.js";
import { Symbols } from "./symbols.js";
import { startPainters } from "./tile_pictures.js";
import { View } from "./view.js";

const L = window.L;
const GRID_PX = 64;
const SOON_MS = 50;
const EARTH_ROUND_M = 40_075_017;
const FINE = 0.2;

/**
 * @typedef {import("./picking.js").Target} Target
 * @typedef {import("./picking.js").Scene} Scene
 * @typedef {import("./answer.js").Symbol} Symbol
 * @typedef {[west: number, south: number, east: number, north: number]} Box
 */

class MapPage {
  /** @param {import("./channel.js").Bridge} bridge */
  constructor(bridge) {
    this._bridge = bridge;
    this._map = L.map("map", {
      preferCanvas: true,
      keyboard: false,
      zoomControl: false,
      attributionControl: false,
      zoomAnimation: false,
      fadeAnimation: false,
      markerZoomAnimation: false,
      boxZoom: false,
      zoomSnap: 0.5,
      wheelPxPerZoomLevel: 100,
      minZoom: 3,
      maxZoom: 19,
      worldCopyJump: false,
      trackResize: false, // Leaflet's own says that it moved 200 ms late, and a View would count as drawn before that
    }).setView([0, 0], 3);
    /** @type {import("./config.js").Config | null} */
    this._config = null;
    this._look = ""; // what of the config all but the background depends on
    /** @type {Symbols | null} */
    this._symbols = null;
    /** @type {import("./answer.js").Answer | null} */
    this._answer = null;
    /** @type {import("./features.js").Unit[]} */
    this._units = [];
    /** @type {[number, number][]} */
    this._route = [];
    /** @type {import("./pins.js").Pin[]} */
    this._pins = [];
    /** @type {import("./closures.js").Closure[]} */
    this._closures = [];
    /** @type {import("./closures.js").PlacedClosure[]} those in view */
    this._placedClosures = [];
    this._note = new ClosureNote();
    this._selection = { row: 0, lat: NaN, lon: NaN, label: "", priority: 0, status: 0 };
    /** @type {Scene} */
    this._scene = { symbols: [], units: [], cells: [], spread: null };
    /** @type {number[]} rows of the reports that are spread, while the pointer is over them */
    this._crowd = [];
    this._hovered = ""; // the crew under the pointer
    /** @type {Target | null} */
    this._cursor = null;
    this._view = -1;
    /** @type {{count: number, stranger: boolean} | null} null: the last drawing was not finished */
    this._drawn = null;
    this._namesDue = false; // they wait for the reports of the view, of which they keep clear
    this._counted = 0; // reports on the canvases: as symbols, and in squares
    this._pending = 0;
    this._backgroundText = "";
    this._picking = false;
    this._ruler = /** @type {CanvasRenderingContext2D} */ (document.createElement("canvas").getContext("2d"));

    this._complete = new Completeness(() => this._isSettled(), () => this._view, (view, beat) => bridge.tellDrawn(view, beat));
    this._heartbeat = new Heartbeat((beat, view, count) => bridge.tellAlive(beat, view, count));
    this._overlays = new Overlays(this._map, (command) => this._act(command), (row) => this._bridge.pickReport(row));
    this._lock = new View(this._map, (locked) => this._onLock(locked), () => this._overlays.sizes());
    this._basemap = new Basemap(this._map, () => this._complete.check(), () => {
      if (this._placeNames()) this._show();
      this._complete.check();
    });
    this._areas = new Areas(this._map);
    this._source = new ReportSource(() => this._box(), (answer, isSame) => this._onAnswer(answer, isSame));
    // One canvas for all of it: without a graphics card each further one over the view costs 3 ms of every frame.
    this._layer = new CanvasLayer(this._map, "features", 420, (context) => this._draw(context));
    /** @type {import("./labels.js").Placed[] | null} what is written; null: it must be written anew */
    this._names = null;
    this._nameSheet = new Sheet(this._map, (context, first, end) => this._drawNames(context, first, end));
    this._writing = new Slices(() => {
      this._show();
      this._complete.check();
    });
    this._soon = 0; // a timer: all is drawn anew then, unless it was before
    this._drawing = new Drawing(this._map, bridge);
    this._listen();
  }

  _listen() {
    const bridge = this._bridge, map = this._map;
    bridge.config.connect((/** @type {number} */ version) => this._track(this._onConfig(version)));
    bridge.view.connect((/** @type {number} */ number) => this._onView(number));
    bridge.units.connect((/** @type {number} */ version) => this._track(this._onUnits(version)));
    bridge.pins.connect((/** @type {number} */ version) => this._track(this._onPins(version)));
    bridge.drawing.connect((/** @type {number} */ version) => this._track(this._onDrawing(version)));
    bridge.closures.connect((/** @type {number} */ version) => this._track(this._onClosures(version)));
    bridge.areas.connect((/** @type {number} */ version) => this._track(this._onAreas(version)));
    bridge.selection.connect((/** @type {number} */ row, /** @type {number} */ lat, /** @type {number} */ lon, /** @type {string} */ label, /** @type {number} */ priority, /** @type {number} */ status) => {
      this._selection = { row, lat, lon, label, priority, status };
      this._source.ask(); // the chosen report is always a symbol
      this._redraw();
    });
    bridge.place.connect((/** @type {number} */ lat, /** @type {number} */ lon, /** @type {number} */ zoom) => this._lock.goTo(lat, lon, zoom));
    bridge.city.connect((/** @type {Box} */ ...box) => this._lock.setCity(...box));
    bridge.filtered.connect((/** @type {Box} */ ...box) => this._lock.setFiltered(...box));
    bridge.picture.connect((/** @type {number} */ z, /** @type {number} */ x, /** @type {number} */ y) => this._basemap.renew(z, x, y));
    bridge.box.connect((/** @type {Box} */ ...box) => this._lock.fit(...box));
    bridge.lock.connect((/** @type {boolean} */ locked) => this._lock.setLocked(locked));
    bridge.act.connect((/** @type {string} */ command) => this._act(command));
    bridge.beat.connect((/** @type {number} */ number) => this._heartbeat.beat(number));
    bridge.picking.connect((/** @type {boolean} */ on, /** @type {string} */ words) => this._setPicking(on, words));
    bridge.notes.connect((/** @type {string} */ attribution, /** @type {string} */ units) => this._overlays.setNotes(attribution, units));
    bridge.outside.connect((/** @type {number} */ row, /** @type {string} */ text) => this._overlays.setOutside(row, text));
    bridge.background.connect((/** @type {string} */ text) => {
      this._backgroundText = text;
      if (this._overlays.setStrip(text)) map.invalidateSize({ animate: false });
      if (this._config) this._drawAreas(this._config);
    });

    map.on("moveend", () => this._onMoved());
    map.on("resize", () => this._lock.refit());
    map.on("dragstart", () => this._lock.gesture());
    map.getContainer().addEventListener("wheel", () => this._lock.gesture(), { passive: true });
    map.on("dblclick", () => this._lock.gesture());
    map.on("click", (/** @type {any} */ event) => this._onClick(event));
    map.on("contextmenu", (/** @type {any} */ event) => this._onMenu(event));
    map.on("mousemove", (/** @type {any} */ event) => {
      // Amid a drag nothing comes under the pointer, and where all is will be known at its end.
      if (!(/** @type {any} */ (map.dragging)).moving()) this._onPointer(event.containerPoint.x, event.containerPoint.y);
    });
    map.on("mouseout", () => this._onPointer(-Infinity, -Infinity));
    map.on("movestart", () => this._onPointer(-Infinity, -Infinity));
    listenToKeys({ pan: (dx, dy) => this._pan(dx, dy), act: (command) => this._act(command) });
    new ResizeObserver(() => map.invalidateSize({ animate: false })).observe(map.getContainer());
  }

  // --- what the program says

  /** @param {number} version */
  async _onConfig(version) {
    const config = await loadConfig(version), { theme, texts, symbols, fonts, webMap } = config;
    const look = JSON.stringify([theme, texts, symbols, fonts, webMap !== null]);
    if (look === this._look) { // only the background is another
      this._config = config;
      this._overlays.setWebMap(webMap);
      this._drawAreas(config);
      if (this._placeNames()) this._show();
      return;
    }
    if (config.tiles?.kind === "vector") startPainters(); // while the fonts are on their way
    await applyConfig(config);
    this._look = look;
    this._config = config;
    this._symbols = new Symbols(config.symbols, config.theme.colors);
    this._overlays.setConfig(config);
    this._drawing.setConfig(config);
    this._lock.refit(); // the legend stands there now
    this._complete.setColour(config.theme.colors["map.land-outside"]);
    this._drawAreas(config);
    this._names = null; // in other colours
    this._redraw();
  }

  /** @param {number} number */
  _onView(number) {
    this._view = number;
    this._source.setView(number);
  }

  /** @param {number} version */
  async _onUnits(version) {
    const answer = await fetch(`/data/units/${version}`);
    if (!answer.ok) return;
    const found = await answer.json();
    this._units = found.units;
    this._route = found.route;
    this._redraw();
  }

  /** @param {number} version */
  async _onPins(version) {
    const answer = await fetch(`/data/pins/${version}`);
    if (!answer.ok) return;
    this._pins = await answer.json();
    this._redraw();
  }

  /** @param {number} version */
  async _onDrawing(version) {
    const answer = await fetch(`/data/drawing/${version}`);
    if (answer.ok) this._drawing.show(await answer.json());
  }

  /** @param {number} version */
  async _onClosures(version) {
    const answer = await fetch(`/data/closures/${version}`);
    if (!answer.ok) return;
    this._closures = await answer.json();
    this._note.show(null, 0, 0, 0, 0, false);
    this._names = null;
    this._redraw();
  }

  /** @param {number} version */
  async _onAreas(version) {
    await this._areas.load(version);
    if (!this._config) return;
    this._drawAreas(this._config);
    this._redraw();
  }

  /** Count what is on its way. @param {Promise<void>} work */
  _track(work) {
    this._pending++;
    void work.finally(() => {
      this._pending--;
      this._complete.check();
    });
  }

  /** @param {import("./config.js").Config} config */
  _drawAreas(config) {
    this._areas.draw(config.theme.colors, config.tiles === null || this._backgroundText !== "");
    this._showBase();
  }

  _showBase() {
    if (this._config) this._basemap.show(this._config, !this._backgroundText, this._areas.hasBorders);
    this._complete.check();
  }

  /** @param {import("./answer.js").Answer | null} answer @param {boolean} isSame */
  _onAnswer(answer, isSame) {
    this._answer = answer;
    const areDue = this._namesDue;
    this._namesDue = false;
    const drawn = this._drawn;
    // What is drawn stays: most Views of a quiet city differ in nothing that the map shows.
    if (isSame && answer && drawn && drawn.stranger === (this._chosen()?.stranger ?? false)) {
      this._heartbeat.setDrawn(answer.view, drawn.count);
      if (areDue && this._placeNames()) this._show();
    } else {
      this._overlays.setAnswer(answer);
      this._redraw();
    }
    this._complete.check();
  }

  _isSettled() {
    return this._config !== null && this._view >= 0 && this._pending === 0 && !this._source.busy && !this._basemap.busy && !this._writing.busy;
  }

  // --- what the operator does

  _onMoved() {
    this._note.show(null, 0, 0, 0, 0, false);
    this._overlays.layout();
    this._drawing.redraw();
    if (this._view >= 0) this._source.ask();
    // What is written moves with the map: to write it twice, before and after the answer, holds up two frames of a drag.
    this._namesDue = this._source.busy && this._nameSheet.fits;
    if (this._namesDue && this._drawn) this._redrawSoon();
    else this._redraw();
    const box = this._box();
    if (box) this._bridge.showView(box.west, box.south, box.east, box.north, box.zoom);
  }

  /** @param {boolean} locked */
  _onLock(locked) {
    this._overlays.setLocked(locked);
    this._bridge.tellLocked(locked);
  }

  /** @param {any} event */
  _onClick(event) {
    if (this._drawing.isOn) {
      this._drawing.click(event);
      return;
    }
    if (this._picking) {
      this._bridge.pickPlace(event.latlng.lat, event.latlng.lng);
      return;
    }
    const { x, y } = event.containerPoint, target = targetAt(this._scene, x, y);
    this._setCursor(null);
    if (isAmidSpread(this._scene, x, y)) this._bridge.pickCrowd(this._crowd);
    this._tellClosure(target ? -Infinity : x, y, true);
    if (!target) return;
    if (target.kind === "cell" && event.originalEvent?.shiftKey) this._filterBy(target.placed.cell);
    else this._open(target);
  }

  /** The right button: what is there is told, and the program opens its menu. @param {any} event */
  _onMenu(event) {
    if (this._drawing.isOn) this._drawing.remove(event.containerPoint);
    if (this._picking) return;
    const { x, y } = event.containerPoint, target = targetAt(this._scene, x, y);
    const row = target?.kind === "report" ? target.row : 0, unit = target?.kind === "unit" ? target.id : "";
    this._bridge.askMenu(event.latlng.lat, event.latlng.lng, row, unit);
  }

  /** What covers one another is spread while the pointer is there, and a crew says its code. @param {number} x @param {number} y */
  _onPointer(x, y) {
    this._drawing.pointAt(Number.isFinite(x) ? { x, y } : null);
    const scene = this._scene, scale = this._config?.theme.scale ?? 1;
    const stays = scene.spread !== null && isInSpread(scene.spread, x, y);
    const crowd = this._picking ? [] : stays ? this._crowd : crowdAt(scene.symbols, x, y, scale).map((one) => one.symbol.row);
    const target = targetAt(stays ? scene : { ...scene, spread: null }, x, y);
    const hovered = target?.kind === "unit" ? target.id : "";
    if (!this._note.isKept) this._tellClosure(target || this._picking ? -Infinity : x, y, false);
    this._map.getContainer().classList.toggle("pointer", target !== null || (stays && isAmidSpread(scene, x, y)));
    if (String(crowd) === String(this._crowd) && hovered === this._hovered) return;
    this._crowd = crowd;
    this._hovered = hovered;
    this._redraw();
  }

  /** What is told of the closure at a place. @param {number} x @param {number} y @param {boolean} kept whether until the next click */
  _tellClosure(x, y, kept) {
    const there = closureAt(this._placedClosures, x, y), size = this._map.getSize(), before = this._note.key;
    this._note.show(there?.closure ?? null, x, y, size.x, size.y, kept);
    if (before !== this._note.key && this._drawn) this._show();
  }

  /** The arrows: while an area is drawn by shorter steps, as the cross has to meet a place. @param {number} dx @param {number} dy in parts of the view */
  _pan(dx, dy) {
    const step = this._drawing.isOn ? FINE : 1;
    this._lock.pan(dx * step, dy * step);
  }

  /** @param {Target} target */
  _open(target) {
    if (target.kind === "report") this._bridge.pickReport(target.row);
    else if (target.kind === "unit") this._bridge.pickUnit(target.id);
    else this._openCell(target.placed.cell);
  }

  /** Go to where the square's reports are symbols, or smaller squares. @param {import("./answer.js").Cell} cell */
  _openCell(cell) {
    const zoom = this._map.getZoom();
    this._lock.goTo(cell.lat, cell.lon, Math.max(zoom, Math.min(Math.floor(zoom) + 2, 17)));
  }

  /** Let the queue show only what the square counts; the grid is that of the answer. @param {import("./answer.js").Cell} cell */
  _filterBy(cell) {
    const zoom = Math.ceil(this._map.getZoom() - 0.5), point = this._map.project([cell.lat, cell.lon], zoom);
    const left = Math.floor(point.x / GRID_PX) * GRID_PX, top = Math.floor(point.y / GRID_PX) * GRID_PX;
    const northWest = this._map.unproject([left, top], zoom), southEast = this._map.unproject([left + GRID_PX, top + GRID_PX], zoom);
    this._bridge.pickCell(northWest.lng, southEast.lat, southEast.lng, northWest.lat);
  }

  /** @param {boolean} on @param {string} words what to do, "" for the usual ones */
  _setPicking(on, words) {
    this._picking = on;
    this._overlays.setPicking(on, words);
  }

  /** @param {string} command @returns {boolean} whether there was something to do */
  _act(command) {
    switch (command) {
      case "in": this._lock.zoom(1); return true;
      case "out": this._lock.zoom(-1); return true;
      case "home": this._lock.home(); return true;
      case "fit": this._lock.setLocked(false); return true;
      case "hold": this._lock.gesture(); return true;
      case "ground": this._bridge.switchGround(); return true;
      case "next": this._step(1); return true;
      case "previous": this._step(-1); return true;
      case "open": return this._enter();
      case "leave": return this._leave();
      case "corner": return this._atDrawing(() => this._drawing.addMiddle());
      case "back": return this._atDrawing(() => this._bridge.removeCorner(-1));
      default: return false;
    }
  }

  /** @param {number} by */
  _step(by) {
    const targets = targetsInOrder(this._scene);
    if (!targets.length) return;
    const at = targets.findIndex((one) => one.key === this._cursor?.key);
    const next = at < 0 ? (by > 0 ? 0 : targets.length - 1) : (at + by + targets.length) % targets.length;
    this._setCursor(targets[next] ?? null);
  }

  /** @param {() => void} act @returns {boolean} whether an area is being drawn */
  _atDrawing(act) {
    if (this._drawing.isOn) act();
    return this._drawing.isOn;
  }

  _enter() {
    if (this._drawing.isOn) this._bridge.endArea();
    else if (this._picking) {
      const middle = this._map.getCenter();
      this._bridge.pickPlace(middle.lat, middle.lng);
    } else if (this._cursor) this._open(this._cursor);
    else return false;
    return true;
  }

  _leave() {
    if (this._picking) this._bridge.leavePick();
    else if (this._cursor) this._setCursor(null);
    else return false;
    return true;
  }

  /** @param {Target | null} target */
  _setCursor(target) {
    if (target === this._cursor) return;
    if ((target === null) !== (this._cursor === null)) this._bridge.tellCursor(target !== null);
    this._cursor = target;
    this._redraw();
  }

  // --- drawing

  /** @returns {import("./source.js").Box | null} null while the map is folded away */
  _box() {
    const bounds = this._map.getBounds(), size = this._map.getSize();
    if (size.x < 2 || size.y < 2) return null;
    return {
      zoom: this._map.getZoom(),
      west: bounds.getWest(), south: bounds.getSouth(), east: bounds.getEast(), north: bounds.getNorth(),
      width: size.x, height: size.y,
    };
  }

  /** @param {number} lat @param {number} lon @returns {import("./geometry.js").Point} */
  _at(lat, lon) {
    return this._map.latLngToContainerPoint([lat, lon]);
  }

  /** What is drawn moves with the map: a frame of a drag is not held up to draw it, as the answer will have it drawn anew. */
  _redrawSoon() {
    this._drawn = null;
    if (!this._config || !this._symbols) return;
    this._place(this._config.theme.scale);
    this._soon ||= window.setTimeout(() => this._redraw(), SOON_MS);
  }

  /** Find out where all is now, and so what is under the pointer. @param {number} scale */
  _place(scale) {
    this._scene = this._arrange(scale);
    if (this._cursor) this._keepCursor();
    this._placeClosures();
  }

  _redraw() {
    window.clearTimeout(this._soon);
    this._soon = 0;
    this._drawn = null;
    if (!this._config || !this._symbols) return;
    this._place(this._config.theme.scale);
    if (!this._namesDue) this._placeNames();
    this._show();
    const answer = this._answer;
    const count = answer ? this._counted + answer.outside + answer.placeless : 0;
    this._heartbeat.setDrawn(answer ? answer.view : -1, count);
    this._drawn = { count, stranger: this._chosen()?.stranger ?? false };
  }

  /** @param {number} scale @returns {Scene} */
  _arrange(scale) {
    const symbols = (this._answer?.symbols ?? []).map((symbol) => ({ ...xy(this._at(symbol.lat, symbol.lon)), symbol }));
    // What comes later lies above: the chosen one, which has its ring, above all but a P1.
    const rank = (/** @type {Symbol} */ one) => 2 * Number(one.priority === 1) + Number((one.flags & SELECTED) !== 0);
    symbols.sort((a, b) => rank(a.symbol) - rank(b.symbol) || b.symbol.priority - a.symbol.priority);
    const units = this._units.map((unit) => {
      const point = this._at(unit.lat, unit.lon);
      return { x: point.x + (unit.beside ? BESIDE_PX * scale : 0), y: point.y, unit, code_at: null };
    });
    const cells = (this._answer?.cells ?? []).map((cell) => ({ ...xy(this._at(cell.lat, cell.lon)), side: 0, least: leastSide(cell.count), cell }));
    const most = Math.max(1, ...cells.map((one) => one.cell.count));
    for (const one of cells) one.side = side(one.cell.count, most) * scale;
    cells.sort((a, b) => b.side - a.side);
    const chosen = this._chosen();
    const taken = this._takenPlaces(symbols, units, chosen, scale);
    const size = this._map.getSize();
    const kept = new Taken(); // what no code covers, also none that must be read
    for (const { x, y, symbol } of symbols) if (symbol.priority === 1) kept.add([x - 12 * scale, y - 12 * scale, x + 12 * scale, y + 12 * scale]);
    if (chosen?.label) kept.add(tagRect(this._ruler, chosen, scale, size.x, size.y));
    placeCodes(units, taken, kept, this._hovered, scale, size.x, size.y);
    stepAside(cells, [
      ...symbols.map((one) => ({ x: one.x, y: one.y, clear: 13 * scale })),
      ...units.map((one) => ({ x: one.x, y: one.y, clear: 16 * scale })),
      ...(chosen ? [{ x: chosen.x, y: chosen.y, clear: 27 * scale }] : []),
    ]);
    const firm = this._takenPlaces(symbols, units, chosen, scale);
    for (const one of units) if (one.code_at && isFirm(one, this._hovered)) firm.add(one.code_at);
    settle(cells, taken, firm, scale);
    giveWay(units, cells.map((one) => rectOf(one.x, one.y, one.side)), this._hovered);
    return { symbols, units, cells, spread: this._spreadOf(symbols, units, scale) };
  }

  /**
   * What codes, squares and names keep clear of: boxes, symbols, capsules, the chosen report with its tag, drops.
   * @param {import("./features.js").PlacedSymbol[]} symbols @param {import("./features.js").PlacedUnit[]} units
   * @param {import("./features.js").Selection | null} chosen @param {number} scale
   */
  _takenPlaces(symbols, units, chosen, scale) {
    const taken = new Taken(), size = this._map.getSize();
    for (const rect of this._overlays.rects()) taken.add(rect);
    for (const { x, y, symbol } of symbols) {
      const half = (symbolSize(symbol.priority, false) * scale) / 2 + 1;
      taken.add([x - half, y - half, x + half, y + half]);
    }
    for (const { x, y } of units) taken.add([x - 15 * scale, y - 8 * scale, x + 15 * scale, y + 8 * scale]);
    for (const one of this._placedPins()) taken.add(pinRect(one, scale));
    if (chosen) {
      taken.add([chosen.x - 24 * scale, chosen.y - 24 * scale, chosen.x + 24 * scale, chosen.y + 24 * scale]);
      if (chosen.label) taken.add(tagRect(this._ruler, chosen, scale, size.x, size.y));
    }
    return taken;
  }

  /**
   * The crowd under the pointer on its ring: where there is no room for all, P1 without a crew first, then by priority.
   * @param {import("./features.js").PlacedSymbol[]} symbols @param {import("./features.js").PlacedUnit[]} units
   * @param {number} scale @returns {import("./features.js").Spread | null}
   */
  _spreadOf(symbols, units, scale) {
    const rows = new Set(this._crowd), all = symbols.filter((one) => rows.has(one.symbol.row));
    if (all.length < 2) return null;
    const near = new Map(this._crowd.map((row, index) => [row, index]));
    const rank = (/** @type {Symbol} */ one) => (one.flags & ALARM ? 0 : one.priority) * this._crowd.length + (near.get(one.row) ?? 0);
    const crowd = [...all].sort((a, b) => rank(a.symbol) - rank(b.symbol)).slice(0, MOST_SPREAD);
    const others = [...symbols.filter((one) => !rows.has(one.symbol.row)), ...units];
    const size = this._map.getSize(), { middle, radius, places } = spread(crowd, others, scale, size.x, size.y);
    const placeOf = (/** @type {number} */ index) => /** @type {import("./geometry.js").Point} */ (places[index]); // one for each
    return { middle, radius, count: all.length, listed: all.filter((one) => !(one.symbol.flags & UNLISTED)).length, rows, members: crowd.map((one, index) => ({ ...placeOf(index), symbol: one.symbol, from: xy(one) })) };
  }

  /** @returns {import("./pins.js").PlacedPin[]} */
  _placedPins() {
    return this._pins.map((pin) => {
      const point = this._at(pin.lat, pin.lon);
      return { x: point.x, y: point.y, radius: pin.radius_m * this._pixelsPerMetre(pin.lat), pin };
    });
  }

  /** Where those closures are that can be seen. */
  _placeClosures() {
    const size = this._map.getSize();
    this._placedClosures = this._closures
      .map((closure) => {
        const points = closure.places.map(([lat, lon]) => this._at(lat, lon));
        return { closure, points, half: (closure.width_m / 2) * this._pixelsPerMetre(closure.places[0]?.[0] ?? 0) };
      })
      .filter((one) => isInView(one, size.x, size.y));
  }

  /** @param {CanvasRenderingContext2D} context @returns {boolean} whether there are any */
  _drawClosures(context) {
    if (!this._config) return false;
    const { colors, scale } = this._config.theme;
    drawClosures(context, [...this._placedClosures].reverse(), colors, scale, this._note.key);
    return this._placedClosures.length > 0;
  }

  /** @param {number} lat */
  _pixelsPerMetre(lat) {
    return (256 * 2 ** this._map.getZoom()) / (EARTH_ROUND_M * Math.cos((lat * Math.PI) / 180));
  }

  _chosen() {
    const { row, lat, lon, label, priority, status } = this._selection;
    if (!row || !Number.isFinite(lat) || !Number.isFinite(lon)) return null;
    const shown = this._source.busy || this._answer === null || this._answer.symbols.some((one) => one.row === row && !(one.flags & UNLISTED));
    const boxes = new Taken(), size = this._map.getSize();
    for (const rect of this._overlays.rects()) boxes.add(rect);
    const scale = this._config?.theme.scale ?? 1;
    const burning = new Taken();
    for (const one of this._answer?.symbols ?? []) {
      if (one.priority !== 1 || one.row === row) continue;
      const { x, y } = xy(this._at(one.lat, one.lon)), half = reach(one, scale);
      burning.add([x - half, y - half, x + half, y + half]);
    }
    const there = { row, label, priority, status, stranger: !shown, away: null, burning, ...xy(this._at(lat, lon)) };
    return marked(this._ruler, there, boxes, scale, size.x, size.y);
  }

  _keepCursor() {
    const there = targetsInOrder(this._scene).find((one) => one.key === this._cursor?.key) ?? null;
    if (!there) this._bridge.tellCursor(false);
    this._cursor = there;
  }

  /** @param {CanvasRenderingContext2D} context @returns {boolean} whether there are any */
  _drawCells(context) {
    if (!this._config) return false;
    const cursor = this._cursor?.kind === "cell" ? this._cursor.placed : null;
    this._counted += drawCells(context, this._scene.cells, this._config.theme.colors, this._config.theme.scale, cursor);
    return this._scene.cells.length > 0;
  }

  /** @param {CanvasRenderingContext2D} context @returns {boolean} whether there are any */
  _drawFeatures(context) {
    if (!this._config || !this._symbols) return false;
    const { colors, scale } = this._config.theme;
    const painter = new FeaturePainter(context, this._symbols, colors, scale);
    painter.route(this._route.map(([lat, lon]) => this._at(lat, lon)));
    const { spread: fan, units } = this._scene, chosen = this._chosen();
    if (fan) painter.ground(fan);
    for (const unit of units) painter.unit(unit);
    const standing = fan ? this._scene.symbols.filter((one) => !fan.rows.has(one.symbol.row)) : this._scene.symbols;
    const isAbove = (/** @type {Symbol} */ one) => one.priority === 1 || (one.flags & SELECTED) !== 0;
    for (const one of standing) if (!isAbove(one.symbol)) painter.report(one);
    for (const unit of units) painter.code(unit);
    const size = this._map.getSize();
    if (chosen) painter.tag(chosen, size.x, size.y);
    for (const one of standing) if (isAbove(one.symbol)) painter.report(one); // no code and no tag lies across a P1
    if (chosen) painter.ring(chosen);
    drawPins(context, this._placedPins(), colors, scale);
    if (fan) painter.spread(fan);
    this._counted += painter.reports;
    if (this._cursor && this._cursor.kind !== "cell") painter.cursor(this._cursor.x, this._cursor.y);
    return chosen !== null || [this._scene.symbols, units, this._pins, this._route].some((one) => one.length > 0);
  }

  /**
   * Place the names anew; they are written when one of them is another, or elsewhere: in slices while those of before can
   * be seen, which move with the map. @returns {boolean} whether they are written
   */
  _placeNames() {
    if (!this._config) return false;
    const { scale } = this._config.theme, zoom = this._map.getZoom(), size = this._map.getSize();
    const { symbols, units, cells } = this._scene;
    const taken = this._takenPlaces(symbols, units, this._chosen(), scale);
    for (const { x, y, side: px } of cells) taken.add([x - px / 2, y - px / 2, x + px / 2, y + px / 2]);
    for (const { code_at } of units) if (code_at) taken.add(code_at);
    const closed = placeClosureNames(this._placedClosures, taken, scale, size.x, size.y);
    const areas = this._areas.labels(zoom);
    const names = placeLabels(areas, (lat, lon) => this._at(lat, lon), taken, zoom, scale, size.x, size.y);
    names.unshift(...closed);
    names.push(...this._basemap.placeNames(!areas.length, taken, size.x, size.y));
    if (this._names && this._nameSheet.isInPlace && areSame(names, this._names)) return false;
    this._names = names;
    const isSeen = this._nameSheet.fits;
    this._writing.want(isSeen ? [this._nameSheet.redrawn(names.length)] : []);
    if (!isSeen) this._nameSheet.redraw(names.length);
    return !isSeen;
  }

  /** Draw what is arranged. */
  _show() {
    this._counted = 0;
    this._layer.redraw();
  }

  /** Counts, names above them, and above all symbols. @param {CanvasRenderingContext2D} context @returns {boolean} */
  _draw(context) {
    const areClosures = this._drawClosures(context), areCells = this._drawCells(context);
    const areNames = this._nameSheet.layInto(context);
    return this._drawFeatures(context) || areClosures || areCells || areNames;
  }

  /** @param {CanvasRenderingContext2D} context @param {number} first @param {number} end those that are written, and the next after them */
  _drawNames(context, first, end) {
    if (this._config && this._names) drawNames(context, this._names.slice(first, end), this._config.theme.colors, this._config.theme.scale);
  }
}

/** @param {{x: number, y: number}} point */
function xy(point) {
  return { x: point.x, y: point.y };
}

const bridge = await openChannel();
new MapPage(bridge);
bridge.ready();
