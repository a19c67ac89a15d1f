"""The map as one widget: values go in, what the operator points at comes out, and a dead page is brought back."""

from __future__ import annotations

import contextlib
import json
import logging
import math
import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Protocol

from PySide6.QtCore import QChildEvent, QCoreApplication, QEvent, QObject, QPoint, QRect, Qt, QTimer, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent
from PySide6.QtWebChannel import QWebChannel
from PySide6.QtWebEngineCore import QWebEnginePage
from PySide6.QtWebEngineWidgets import QWebEngineView
from PySide6.QtWidgets import QApplication, QLabel, QPushButton, QStackedLayout, QVBoxLayout, QWidget
from shiboken6 import delete, isValid
from typing_extensions import override

from widgets.focus import FocusRing
from widgets.map.bridge import BEATS, Bridge
from widgets.map.liveness import BEAT_MS, Liveness, Loss
from widgets.map.page import PAGE_URL, MapPage, OnlyOurScheme, make_profile
from widgets.map.scheme import Handler, MapSchemeHandler, Runner

Box = tuple[float, float, float, float]
"""west, south, east, north in degrees."""

_log = logging.getLogger(__name__)
_NOWHERE = math.nan
_LOOK_MS, _LOOK_UNTIL_S = 6, 2.0
"""How often, and how long at most, the mark of a drawn View is looked for on the screen."""
_PIN_ROOM = 16
"""Pixels at each side of a place that its pin needs."""

_COLOURS: dict[str, tuple[str, ...]] = {
    "map": (
        *(
            "water",
            "river-wide",
            "park",
            "land-outside",
            "land",
            "street",
            "street-local",
            "street-main",
            "road",
            "toll",
        ),
        *("rail", "area-border", "district-border"),
        *(
            "label",
            "label-strong",
            "street-label",
            "halo",
            "cell",
            "cell-text",
            "cell-border",
            "unit",
            "trail",
            "hatch",
            "flood-2",
            "flood-3",
            "closed",
        ),
    ),
    "priority": ("p1", "p2", "p3", "p4", "p2-mark"),
    "text": ("primary", "secondary", "tertiary", "on-accent"),
    "surface": ("panel", "raised", "hover"),
    "border": ("divider", "subtle", "control"),
    "accent": ("base", "strong"),
    "alarm": ("p1-edge", "warn-surface", "warn-text", "warn-edge"),
}
"""The tokens that the page uses."""

_MAP_KEYS = frozenset(
    {
        Qt.Key.Key_Left,
        Qt.Key.Key_Right,
        Qt.Key.Key_Up,
        Qt.Key.Key_Down,
        Qt.Key.Key_Plus,
        Qt.Key.Key_Equal,
        Qt.Key.Key_Minus,
        Qt.Key.Key_0,
        Qt.Key.Key_Asterisk,
        Qt.Key.Key_PageUp,
        Qt.Key.Key_PageDown,
    }
)
_CURSOR_KEYS = frozenset({Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Escape})
_DRAWING_KEYS = frozenset({Qt.Key.Key_Space, Qt.Key.Key_Backspace})
_PLAIN = Qt.KeyboardModifier.NoModifier
_HARMLESS = Qt.KeyboardModifier.KeypadModifier | Qt.KeyboardModifier.ShiftModifier


@dataclass(frozen=True, slots=True)
class Pin:
    """A place that was asked for, in degrees; never a report.

    `number` is that of its row in a list (0: none), `radius_m` how exact it is (0: not said; a circle of the chosen).
    """

    lat: float
    lon: float
    number: int = 0
    chosen: bool = False
    radius_m: float = 0.0


_MEANT = frozenset(
    {
        Qt.FocusReason.ShortcutFocusReason,
        Qt.FocusReason.MouseFocusReason,
        Qt.FocusReason.TabFocusReason,
        Qt.FocusReason.BacktabFocusReason,
    }
)
"""Why the map gets the keyboard when somebody gives it that."""


class PageTheme(Protocol):
    """What the page needs of a theme."""

    @property
    def name(self) -> str:
        """Its name, dark or light."""

    @property
    def scale(self) -> float:
        """The text scale, 1.0 = 100 %."""

    def hex(self, token: str) -> str:
        """A colour as #RRGGBB."""


class MapPanel(QWidget):
    """A map page, locked in, with a message in its place when the engine can't hold it.

    `handlers` answer "reports" (the binary map answer), "areas" (GeoJSON), "closures", "tiles" (one tile, or None) and
    "pictures" (one of a web map, None while there is none) on worker threads by way of `runner(function, done)`. Texts
    are keyed as in `texts`; legend rows without a text are left out.
    """

    report_picked = Signal(int)
    crowd_picked = Signal(object)
    """The rows, a tuple, of reports that cover one another, whose list is wanted."""
    cell_picked = Signal(float, float, float, float)
    unit_picked = Signal(str)
    place_picked = Signal(float, float)
    menu_asked = Signal(float, float, int, str)
    """The right button: latitude, longitude, the report and the crew there (0 and "" for none)."""
    corner_added = Signal(float, float, int)
    """While an area is drawn: a corner, before which of its corners, -1 for behind all."""
    corner_moved = Signal(int, float, float)
    corner_removed = Signal(int)
    """Which, -1 for the last one."""
    area_ended = Signal()
    """The operator says that the area that is drawn is whole."""
    pick_left = Signal()
    picking_changed = Signal(bool)
    """Whether a place is to be pointed at."""
    view_changed = Signal(float, float, float, float, float)
    drawn = Signal(int)
    """Everything of this View is on the screen."""
    page_lost = Signal(Loss)
    """Why; the page is being loaded again, unless `is_off`."""
    page_well = Signal()
    """It draws again."""
    page_wanted = Signal()
    """The operator has it loaded again."""
    locked_changed = Signal(bool)
    ground_switched = Signal()
    """The button of the web map was pressed."""

    def __init__(
        self,
        theme: PageTheme,
        symbols_json: str,
        handlers: Mapping[str, Handler],
        runner: Runner,
        *,
        fonts: Mapping[str, Path] | None = None,
        web: Traversable | None = None,
        monotonic_s: Callable[[], float] = time.monotonic,
        beat_ms: int = BEAT_MS,
        parent: QWidget | None = None,
    ) -> None:
        """`fonts`: family -> its (variable) font file; `web`: the page's folder; `beat_ms`: see `Liveness`."""
        super().__init__(parent)
        self._theme, self._symbols = theme, json.loads(symbols_json)
        self._monotonic_s = monotonic_s
        self._texts: dict[str, str] = self._own_texts()
        font_bytes = {str(index): path.read_bytes() for index, path in enumerate((fonts or {}).values())}
        self._fonts = [{"family": family, "url": f"/fonts/{index}"} for index, family in enumerate(fonts or {})]
        self._tiles: dict[str, Any] | None = None
        self._web_map: dict[str, Any] | None = None
        self._versions = {"config": 1, "units": 0, "areas": 0, "pins": 0, "closures": 0, "drawing": 0}
        self._unit_list: list[dict[str, Any]] = []
        self._route: list[tuple[float, float]] = []
        self._pins: list[Pin] = []
        self._drawing: tuple[list[tuple[float, float]], bool, bool] = ([], False, False)
        """The corners of an area, whether the operator draws it, and whether it was whole before."""
        self._pick_words = ""
        self._view_number = 0
        self._selection: tuple[int, float, float, str, int, int] = (0, _NOWHERE, _NOWHERE, "", 0, 0)
        self._city: Box | None = None
        self._filtered: Box | None = None
        self._last_view: tuple[Box, float] | None = None
        self._outside = (0, "")
        self._background: str | None = None
        self._notes = ("", "")
        self._locked = self._picking = self._ready = self._cursor = False
        self._lent: tuple[bool, tuple[Box, float] | None] | None = None
        self._has_process = self._is_ending = False
        self._had_keyboard: QWidget | None = None
        """What of the window has the keyboard while a lost page is loaded again; None at all other times."""
        self._drawn: tuple[int, int, float] | None = None
        self._look = QTimer(self)
        self._look.setInterval(_LOOK_MS)
        self._look.timeout.connect(self._on_look)

        handler = MapSchemeHandler(web or files("resources") / "web", font_bytes, handlers, runner, self._document)
        interceptor = OnlyOurScheme()
        self._liveness = Liveness(self._is_seen, lambda: handler.is_answering, monotonic_s, beat_ms, self)
        self._liveness.lost.connect(self._on_lost)
        self._liveness.well.connect(self._on_well)
        self._liveness.retry_due.connect(self.reload)
        profile = make_profile(handler, interceptor)
        handler.setParent(profile)
        self._bridge = Bridge(monotonic_s, self)
        self._channel = QWebChannel(self)
        self._channel.registerObject("bridge", self._bridge)
        self._page = MapPage(profile, self)
        # The page must die before its profile, and that before the interceptor: this closure keeps both until then.
        self._page.destroyed.connect(lambda: _end(profile, interceptor))
        application = QCoreApplication.instance()
        if application is not None:
            application.aboutToQuit.connect(self.shut)
        if isinstance(application, QApplication):
            application.focusChanged.connect(self._on_focus_changed)
        self._page.setWebChannel(self._channel)
        self._page.loadFinished.connect(self._on_load_finished)
        self._page.urlChanged.connect(self._on_url_changed)
        self._page.renderProcessTerminated.connect(self._on_process_ended)
        self._build()
        self._connect_bridge()
        self._paint_background()
        self._load()

    # --- what the program says -------------------------------------------------------------------------------

    @property
    def page(self) -> QWebEnginePage:
        """For tests and doctor: the page itself."""
        return self._page

    @property
    def bridge(self) -> Bridge:
        """For tests: the object that the page talks to."""
        return self._bridge

    @property
    def is_off(self) -> bool:
        """Whether the map gave up after too many lost pages."""
        return self._stack.currentWidget() is self._off

    @property
    def reloads(self) -> int:
        """How often the page was lost since it was well."""
        return self._liveness.reloads

    @property
    def locked(self) -> bool:
        """Whether the operator holds the view; False while it fits itself to the city."""
        return self._locked

    @property
    def last_view(self) -> tuple[Box, float] | None:
        """The box and zoom shown last."""
        return self._last_view

    def set_view(
        self, number: int, attribution: str | None = None, units_note: str | None = None, *, count: int | None = None
    ) -> None:
        """Show View `number`: the page asks "reports" for it. The texts stand in the corner; None keeps them.

        `count` is how many reports the View has, wherever they are: a page that has drawn another number is lost.
        """
        self._view_number = number
        self._liveness.tell(number, count)
        self._tell(self._bridge.view, number)
        self.set_notes(attribution, units_note)

    def set_notes(self, attribution: str | None = None, units_note: str | None = None) -> None:
        """The texts of the corner: whose background it is, and how old the crews' places are; None keeps one."""
        notes = tuple(
            old if new is None else new for new, old in zip((attribution, units_note), self._notes, strict=True)
        )
        if notes != self._notes:
            self._notes = (notes[0], notes[1])
            self._tell(self._bridge.notes, *self._notes)

    def set_outside(self, row: int, text: str) -> None:
        """Say that a report not to be overlooked lies outside of what is shown, 0 for none; a click picks it."""
        if (row, text) != self._outside:
            self._outside = (row, text)
            self._tell(self._bridge.outside, row, text)

    def set_units(self, units: Sequence[Mapping[str, Any]], route: Sequence[tuple[float, float]] = ()) -> None:
        """Crews: id, code, state_key (of symbols.json), lat, lon, and, if so, stale=True, beside=True (stands 26 px
        beside its report), chosen=True or near=True (its code is always written); a dashed `route` of (lat, lon) from
        a crew to its report.
        """
        fields = ("id", "code", "state_key", "lat", "lon", "stale", "beside", "chosen", "near")
        kept = [{name: unit[name] for name in fields if name in unit} for unit in units if unit.get("lat") is not None]
        if kept == self._unit_list and list(route) == self._route and self._versions["units"]:
            return
        self._unit_list, self._route = kept, list(route)
        self._bump("units", self._bridge.units)

    def show_pins(self, pins: Sequence[Pin]) -> None:
        """Drops at the places that were asked for, filled when chosen; none takes them away.

        A form shows the rows it found with `show_pins([Pin(lat, lon, number=1, chosen=True, radius_m=40.0), …])`,
        brings the chosen one into view with `reveal(lat, lon)`, and ends with `show_pins([])`.
        Raises ValueError when a number is none that can be drawn.
        """
        for pin in pins:
            if not (abs(pin.lat) <= 90 and abs(pin.lon) <= 180 and 0 <= pin.radius_m < math.inf):
                raise ValueError(pin)
        if list(pins) != self._pins:
            self._pins = list(pins)
            self._bump("pins", self._bridge.pins)

    def reveal(self, lat: float, lon: float, covered: QRect | None = None) -> None:
        """Bring a place into view, at the zoom that is there; nothing moves when it is in view.

        `covered` is a part of the screen that something stands in: what lies behind it comes into the wider strip at
        its left or right, if there is one.
        """
        seen = self._last_view
        if seen is None:
            self.go_to(lat, lon)
            return
        west, south, east, north = seen[0]
        shown = QRect(self.mapToGlobal(QPoint(0, 0)), self.size())
        left, right = (covered.left() - shown.left(), shown.right() - covered.right()) if covered else (0, 0)
        if covered is None or not covered.intersects(shown) or max(left, right) < 2 * _PIN_ROOM:
            if not (west < lon < east and south < lat < north):
                self.go_to(lat, lon)
            return
        x = (lon - west) / (east - west) * shown.width()
        if not (
            _PIN_ROOM <= x <= left - _PIN_ROOM or shown.width() - right + _PIN_ROOM <= x <= shown.width() - _PIN_ROOM
        ):
            to = left / 2 if left >= right else shown.width() - right / 2
            self.go_to(lat, lon + (shown.width() / 2 - to) / shown.width() * (east - west))
        elif not south < lat < north:
            self.go_to(lat, (west + east) / 2)

    def lend_view(self) -> None:
        """From now on calls that move the map are temporary, until `take_view_back`; calling it twice changes
        nothing.
        """
        if self._lent is None:
            self._lent = (self._locked, self._last_view)

    def take_view_back(self) -> None:
        """Show what was shown at `lend_view`: the reports of the filter, or where the operator had moved the map."""
        lent, self._lent = self._lent, None
        if lent is None:
            return
        locked, view = lent
        if not locked:
            self.set_locked(False)
        elif view is not None and view != self._last_view:
            (west, south, east, north), zoom = view
            self.go_to((south + north) / 2, (west + east) / 2, zoom)

    def set_areas(self, version: int) -> None:
        """The areas changed: the page asks "areas" for this version (a GeoJSON FeatureCollection).

        Properties: name, level (2 = district or larger: thicker border), lat, lon (of the label); geometry may be null.
        """
        self._versions["areas"] = version
        self._tell(self._bridge.areas, version)

    def set_closures(self, version: int) -> None:
        """Other streets and areas are closed: the page asks "closures" for this version (JSON, a list of objects).

        Each has: key, kind (flood, street, other), places ((lat, lon) of its ring, or with a width_m above 0 of its
        middle line), waits (no server has it yet), begins (it is not in force yet), lines (what is told of it).
        """
        self._versions["closures"] = version
        self._tell(self._bridge.closures, version)

    def set_selection(
        self,
        row: int | None,
        lat: float | None = None,
        lon: float | None = None,
        label: str = "",
        priority: int = 0,
        status: int = 0,
    ) -> None:
        """Ring and tag around the chosen report; it is not moved to.

        Where the answer does not hold it (the filter leaves it out) it is drawn by `priority` (1 to 4, 0: none) and
        `status` (as in the answer), in a dashed ring.
        """
        here = lat is not None and lon is not None
        place = (lat, lon) if lat is not None and lon is not None else (_NOWHERE, _NOWHERE)
        self._selection = (row or 0, *place, label if row and here else "", priority, status)
        self._tell(self._bridge.selection, *self._selection)

    def go_to(self, lat: float, lon: float, zoom: float | None = None) -> None:
        """Move the view there; the view is the operator's then (locked)."""
        self._tell(self._bridge.place, lat, lon, zoom or 0.0)

    def fit(self, west: float, south: float, east: float, north: float) -> None:
        """Show this box; the view is the operator's then (locked)."""
        self._tell(self._bridge.box, west, south, east, north)

    def set_city(self, box: Box) -> None:
        """What key 0 shows, and auto-fit while the filter shows the whole city."""
        self._city = box
        self._tell(self._bridge.city, *box)

    def set_filtered(self, box: Box | None) -> None:
        """What auto-fit shows: where the reports of the filter are; None: the whole city."""
        if box != self._filtered:
            self._filtered = box
            self._tell(self._bridge.filtered, *(box or (_NOWHERE,) * 4))

    def set_locked(self, locked: bool) -> None:
        """Hold the view, or let it fit itself to the city again."""
        self._tell(self._bridge.lock, locked)

    def start_pick(self) -> None:
        """Let the operator point at a place: `place_picked`, or `pick_left` with Esc."""
        self._pick_words = ""
        self._set_picking(True)
        self.focus_map()

    def show_area(self, corners: Sequence[tuple[float, float]]) -> None:
        """Show the outline of an area that is not there yet, by its corners (lat, lon); none for nothing."""
        if self._drawing[1]:
            self.stop_pick()
        self._draw_area(corners, drawing=False)

    def draw_area(self, corners: Sequence[tuple[float, float]], words: str, *, whole: bool = False) -> None:
        """Let the operator draw an area, or go on with these corners; `words` on the map say what to do, or in a line
        above that what is wrong. Of one that is `whole` corners are changed, and added on its edges only.

        `corner_added`, `corner_moved` and `corner_removed` are answered by calling it again, `area_ended` by
        `show_area`; with Esc `pick_left` says that it is over.
        """
        is_first, self._pick_words = not self._drawing[1], words
        self._draw_area(corners, drawing=True, whole=whole)
        self._set_picking(True)
        if is_first:
            self.focus_map()

    def _draw_area(self, corners: Sequence[tuple[float, float]], *, drawing: bool, whole: bool = False) -> None:
        shown = (list(corners), drawing, whole)
        if shown != self._drawing:
            self._drawing = shown
            self._bump("drawing", self._bridge.drawing)

    def stop_pick(self) -> None:
        """Give up pointing at a place, or drawing."""
        self._draw_area(self._drawing[0], drawing=False)
        self._set_picking(False)

    def leave_pick(self) -> None:
        """The operator does not want to pick a place any more."""
        if self._picking:
            self.stop_pick()
            self.pick_left.emit()

    @property
    def is_picking(self) -> bool:
        """Whether a place is to be pointed at."""
        return self._picking

    def _set_picking(self, picking: bool) -> None:
        changed = picking != self._picking
        self._picking = picking
        self._tell(self._bridge.picking, picking, self._pick_words)
        if changed:
            self.picking_changed.emit(picking)

    def set_background_state(self, text: str | None) -> None:
        """A sentence when there is no base map: hatching and a strip; None when there is one."""
        self._background = text
        self._tell(self._bridge.background, text or "")

    def set_tiles(self, kind: str | None, min_zoom: int = 0, max_zoom: int = 14) -> None:
        """What "tiles" gives: "vector", "raster" or None for nothing."""
        self._tiles = None if kind is None else {"kind": kind, "minZoom": min_zoom, "maxZoom": max_zoom}
        self._bump("config", self._bridge.config)

    def set_web_map(self, shown: bool | None, max_zoom: int = 19, number: int = 0) -> None:
        """Show the pictures of a web map instead of the tiles, or offer to; None: there is none to offer. With another
        `number` all pictures in view are asked for anew.
        """
        self._web_map = None if shown is None else {"shown": shown, "maxZoom": max_zoom, "number": number}
        self._bump("config", self._bridge.config)

    def bring_picture(self, z: int, x: int, y: int) -> None:
        """A picture of the web map is another one now: the page asks for it again, if it shows it."""
        self._tell(self._bridge.picture, z, x, y)

    def set_texts(self, texts: Mapping[str, str]) -> None:
        """Words of the page; keys are listed in `texts`. What is not given keeps its English words, or is not shown."""
        self._texts = {**self._own_texts(), **texts}
        self._bump("config", self._bridge.config)

    def set_theme(self, theme: PageTheme) -> None:
        """Other colours and sizes."""
        self._theme = theme
        self._paint_background()
        self._bump("config", self._bridge.config)

    def act(self, command: str) -> None:
        """Do what a key does: in, out, home, fit, next, previous, open, leave."""
        self._tell(self._bridge.act, command)

    def focus_map(self) -> None:
        """Give the keyboard to the map."""
        self._had_keyboard = None
        if self.is_off:
            self._again.setFocus(Qt.FocusReason.ShortcutFocusReason)
        elif isValid(self._view):
            self._view.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def shut(self) -> None:
        """End the page, for good; runs by itself when the application quits."""
        self._ready = False
        self._drawn = None
        self._look.stop()
        self._liveness.stop()
        for part in (self._view, self._page):  # the view first: without its page it would make itself another one
            if isValid(part):
                delete(part)

    def reload(self) -> None:
        """Load the page again, also after it was given up."""
        self._liveness.begin_anew()
        had_keyboard = self._again.hasFocus()
        self._stack.setCurrentWidget(self._view)
        self.setFocusProxy(self._view)
        if had_keyboard:
            self._had_keyboard = None
            self._view.setFocus()
        self._ready = self._cursor = False
        self._replace_page()
        self.page_wanted.emit()

    def texts(self) -> dict[str, str]:
        """All words in use, by key. Besides those of `_own_texts`: p1 to p4, unit_free, unit_assigned, unit_enroute,
        unit_onscene, unit_stale, fill (the legend).
        """
        return dict(self._texts)

    # --- inside ----------------------------------------------------------------------------------------------

    def _own_texts(self) -> dict[str, str]:
        return {
            "lock_on": self.tr("View locked"),
            "lock_off": self.tr("Auto-fit"),
            "lock_hint": self.tr("auto-fit"),
            "zoom_in": self.tr("Zoom in"),
            "zoom_out": self.tr("Zoom out"),
            "home": self.tr("Whole city"),
            "web_map": self.tr("Web map"),
            "counts": self.tr("{symbols}, {cells} in cells, {outside} outside, {placeless} without a place"),
            "counts_short": self.tr("{symbols}, {cells} in cells, {off} off the map"),
            "symbols": self.tr("{n} symbols"),
            "symbol": self.tr("1 symbol"),
            "loading": self.tr("{counted} so far, still loading"),
            "not_loaded": self.tr("Reports are not loaded here"),
            "picking": self.tr("Point at a place, Enter takes the middle, Esc leaves"),
            "map": self.tr("Map"),
        }

    def _build(self) -> None:
        self._view = QWebEngineView(self)
        self._view.setPage(self._page)
        self._view.setContextMenuPolicy(Qt.ContextMenuPolicy.NoContextMenu)
        self._view.setAcceptDrops(False)
        self._view.installEventFilter(self)
        self._off = QWidget(self)
        why = QLabel(self.tr("Map off. It was loaded again three times and still draws nothing."), self._off)
        why.setTextFormat(Qt.TextFormat.PlainText)
        why.setWordWrap(True)
        again_in = self.tr("Queue, reports and units work without it. It is tried again every two minutes.")
        rest = QLabel(again_in, self._off)
        rest.setTextFormat(Qt.TextFormat.PlainText)
        rest.setWordWrap(True)
        again = self._again = QPushButton(self.tr("Load the map again"), self._off)
        again.setAutoDefault(True)  # Enter, too
        again.clicked.connect(self.reload)
        column = QVBoxLayout(self._off)
        column.setContentsMargins(32, 32, 32, 32)
        column.addStretch()
        column.addWidget(why)  # over the whole width, or a wrapped line is cut
        column.addWidget(rest)
        column.addWidget(again, 0, Qt.AlignmentFlag.AlignLeft)
        column.addStretch()
        self._stack = QStackedLayout(self)
        self._stack.addWidget(self._view)
        self._stack.addWidget(self._off)
        self._ring = FocusRing(self._theme, self)
        self._ring.watch(again)
        self.setFocusProxy(self._view)
        self.setMinimumSize(200, 150)

    def _connect_bridge(self) -> None:
        bridge = self._bridge
        bridge.page_ready.connect(self._on_ready)
        bridge.report_picked.connect(self.report_picked)
        bridge.crowd_picked.connect(self.crowd_picked)
        bridge.cell_picked.connect(self.cell_picked)
        bridge.unit_picked.connect(self.unit_picked)
        bridge.place_picked.connect(self._on_place_picked)
        for told, then in (
            (bridge.corner_added, self.corner_added),
            (bridge.corner_moved, self.corner_moved),
            (bridge.corner_removed, self.corner_removed),
            (bridge.area_ended, self.area_ended),
        ):
            told.connect(lambda *values, then=then: self._on_drawing(then, values))
        bridge.pick_left.connect(self.leave_pick)
        bridge.menu_asked.connect(self.menu_asked)
        bridge.view_changed.connect(self._on_view_changed)
        bridge.drawn.connect(self._on_drawn)
        bridge.alive.connect(self._liveness.answer)
        self._liveness.asked.connect(bridge.beat)
        bridge.locked_changed.connect(self._on_locked_changed)
        bridge.ground_switched.connect(self.ground_switched)
        bridge.cursor_changed.connect(self._on_cursor_changed)

    def _document(self, name: str) -> bytes | None:
        if name == "units":
            return json.dumps({"units": self._unit_list, "route": self._route}).encode()
        if name == "pins":
            return json.dumps([asdict(pin) for pin in self._pins]).encode()
        if name == "drawing":
            return json.dumps(dict(zip(("corners", "drawing", "whole"), self._drawing, strict=True))).encode()
        config = {
            "theme": {
                "name": self._theme.name,
                "scale": self._theme.scale,
                "colors": {
                    f"{group}.{name}": self._theme.hex(f"{group}.{name}")
                    for group, names in _COLOURS.items()
                    for name in names
                },
            },
            "texts": self._texts,
            "symbols": self._symbols,
            "tiles": self._tiles,
            "webMap": self._web_map,
            "fonts": self._fonts,
        }
        return json.dumps(config).encode()

    def _tell(self, signal: Any, *values: Any) -> None:
        """Send a message to the page; before the page is ready it is dropped, as `_on_ready` then sends everything."""
        if self._ready:
            signal.emit(*values)

    def _bump(self, name: str, signal: Any) -> None:
        self._versions[name] += 1
        self._tell(signal, self._versions[name])

    def _on_ready(self) -> None:
        self._ready = True
        self._liveness.set_ready()
        bridge = self._bridge
        bridge.config.emit(self._versions["config"])
        if self._city is not None:
            bridge.city.emit(*self._city)
        if self._filtered is not None:
            bridge.filtered.emit(*self._filtered)
        if self._locked and self._last_view is not None:
            (west, south, east, north), zoom = self._last_view
            bridge.place.emit((south + north) / 2, (west + east) / 2, zoom)
        bridge.background.emit(self._background or "")
        bridge.notes.emit(*self._notes)
        bridge.outside.emit(*self._outside)
        bridge.selection.emit(*self._selection)
        if self._versions["areas"]:
            bridge.areas.emit(self._versions["areas"])
        if self._versions["units"]:
            bridge.units.emit(self._versions["units"])
        if self._versions["closures"]:
            bridge.closures.emit(self._versions["closures"])
        if self._versions["pins"]:
            bridge.pins.emit(self._versions["pins"])
        if self._versions["drawing"]:
            bridge.drawing.emit(self._versions["drawing"])
        bridge.picking.emit(self._picking, self._pick_words)
        bridge.view.emit(self._view_number)

    def _on_load_finished(self, ok: bool) -> None:
        if not ok:
            _log.error("the map page did not load")
        target = self._view.focusProxy()
        if target is not None:
            target.removeEventFilter(self)  # the engine makes a new one after a lost page
            target.installEventFilter(self)
            self._ring.watch(target)

    def _on_url_changed(self, url: Any) -> None:
        if url != PAGE_URL:  # three locks forbid it; should it happen all the same, the channel is not there
            self._channel.deregisterObject(self._bridge)
            self._page.setWebChannel(None)  # type: ignore[arg-type]  # None takes it away
            _log.error("the map page left its address")

    def _is_seen(self) -> bool:
        """Whether frames should be painted: not while folded away, minimized or on no screen."""
        view, window = self._view, self.window()
        shown = view.isVisible() and min(view.width(), view.height()) >= 2 and not window.isMinimized()
        return shown and window.windowHandle().isExposed()

    def _on_process_ended(self, status: QWebEnginePage.RenderProcessTerminationStatus, code: int) -> None:
        _log.info("the map page's process ended: %s, code %d", status.name, code)
        self._has_process = False
        if self._is_ending:
            self._is_ending = False
            self._replace_page()
        elif not self.is_off:
            self._liveness.lose(Loss.CRASHED)

    def _on_lost(self, why: Loss) -> None:
        self._ready = self._cursor = False
        # protects: map-is-given-up
        if self._liveness.given_up:
            self._stack.setCurrentWidget(self._off)
            self.setFocusProxy(self._again)
        self._replace_page()
        self.page_lost.emit(why)

    def _on_focus_changed(self, _old: QWidget | None, new: QWidget | None) -> None:
        if self._had_keyboard is None or new is None or not isValid(self) or self.is_off:
            return
        if self.isAncestorOf(new):
            QTimer.singleShot(0, self, self._give_keyboard_back)
        elif new.window() is self.window():
            self._had_keyboard = new

    def _give_keyboard_back(self) -> None:
        """Give the keyboard back to the widget from which the engine took it when a lost page was shown again."""
        before = self._had_keyboard
        now: QWidget | None = self.window().focusWidget()
        if before is not None and isValid(before) and now is not None and self.isAncestorOf(now):
            # protects: lost-map-leaves-the-keyboard
            before.setFocus(Qt.FocusReason.OtherFocusReason)

    def _on_well(self) -> None:
        self._give_keyboard_back()
        self._had_keyboard = None
        self.page_well.emit()

    def _replace_page(self) -> None:
        """Load the page again, unless the map is off. A page that hangs cannot even leave: its process ends first."""
        now: QWidget | None = self.window().focusWidget()
        if now is not None and not self.isAncestorOf(now):
            self._had_keyboard = now
        pid = self._page.renderProcessPid() if self._has_process else 0
        if pid > 0:
            with contextlib.suppress(OSError):  # it has just gone by itself
                os.kill(pid, getattr(signal, "SIGKILL", signal.SIGTERM))
                self._is_ending = True
                return
        if not self.is_off:
            # protects: lost-map-is-loaded-again
            QTimer.singleShot(0, self, self._load)

    def _load(self) -> None:
        if isValid(self._page):  # the window may have been closed since this was asked for
            self._has_process = True
            self._page.load(PAGE_URL)

    def _on_place_picked(self, lat: float, lon: float) -> None:
        if self._picking and not self._drawing[1]:  # a page that only claims so is not heard
            self.stop_pick()
            self.place_picked.emit(lat, lon)

    def _on_drawing(self, then: Any, values: tuple[Any, ...]) -> None:
        if self._drawing[1]:
            then.emit(*values)

    def _on_view_changed(self, west: float, south: float, east: float, north: float, zoom: float) -> None:
        self._last_view = ((west, south, east, north), zoom)
        self.view_changed.emit(west, south, east, north, zoom)

    def _on_drawn(self, number: int, beat: int) -> None:
        """The page is done with a View; it is complete when the widget shows it, a frame or more later."""
        self._drawn = (number, beat, self._monotonic_s())
        self._on_look()
        if self._drawn is not None:
            self._look.start()

    def _on_look(self) -> None:
        if self._drawn is None:
            self._look.stop()
            return
        number, beat, since_s = self._drawn
        late = self._monotonic_s() - since_s > _LOOK_UNTIL_S  # other colours than ours, or no frames: not for ever
        if late or not self._view.isVisible() or self._mark() == beat:
            self._drawn = None
            self._look.stop()
            self.drawn.emit(number)

    def _mark(self) -> int:
        corner = self._view.grab(QRect(0, self._view.height() - 1, 1, 1)).toImage()
        return corner.pixelColor(0, corner.height() - 1).blue() % BEATS

    def _on_locked_changed(self, locked: bool) -> None:
        self._locked = locked
        self.locked_changed.emit(locked)

    def _on_cursor_changed(self, there: bool) -> None:
        self._cursor = there

    def _paint_background(self) -> None:
        self._page.setBackgroundColor(self._theme.hex("map.land-outside"))

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Keep the map's own few keys from becoming the window's shortcuts while it has the focus."""
        if isinstance(event, QFocusEvent) and event.gotFocus() and event.reason() in _MEANT:
            self._had_keyboard = None
        if isinstance(event, QChildEvent) and event.added() and watched is self._view:
            # The engine's new widget can be given the keyboard long before its page has been loaded.
            event.child().installEventFilter(self)
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            mine = event.key() in _MAP_KEYS or ((self._cursor or self._picking) and event.key() in _CURSOR_KEYS)
            mine = mine or (self._drawing[1] and event.key() in _DRAWING_KEYS)
            if mine and (event.modifiers() & ~_HARMLESS) == _PLAIN:
                event.accept()
                return True
        return super().eventFilter(watched, event)


def _end(*objects: QObject) -> None:
    for one in objects:
        if isValid(one):
            one.deleteLater()
