"""The narrow channel between page and program: ids and numbers up, numbers and a few words down.

Nothing that comes up can write: every slot only says what was pointed at, and every argument is taken for hostile.
"""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Callable

from PySide6.QtCore import QObject, Signal, Slot

RATE_PER_S = 50
MAX_ID_LENGTH = 64
MAX_ROW, MOST_ROWS = 2**53, 64
MOST_CORNERS = 10_000
"""No area that is drawn has more; what takes it may allow fewer."""
BEATS = 16

_ID = re.compile(r"[\w .:/#+-]{1,64}", re.UNICODE)
_log = logging.getLogger(__name__)


class Bridge(QObject):
    """The one object that the page knows. Signals with a capital-free verb go down; slots come up."""

    # down: the page listens to these
    config = Signal(int)
    """A new version of texts, theme and tile source is at /data/config/{version}."""
    view = Signal(int)
    units = Signal(int)
    areas = Signal(int)
    pins = Signal(int)
    closures = Signal(int)
    drawing = Signal(int)
    selection = Signal(int, float, float, str, int, int)
    """Row (0 none), lat, lon, tag, priority, status; a place that is unknown comes as two NaN."""
    place = Signal(float, float, float)
    """Go to lat, lon, zoom (0 = keep)."""
    city = Signal(float, float, float, float)
    filtered = Signal(float, float, float, float)
    """What the filter shows, for auto-fit; four NaN: the whole city."""
    box = Signal(float, float, float, float)
    picking = Signal(bool, str)
    """A place, or the corners of an area, are to be pointed at; what to do, "" for the usual words."""
    background = Signal(str)
    notes = Signal(str, str)
    outside = Signal(int, str)
    """A report that must not be overlooked lies outside of what is shown: its row, and what to say; 0 for none."""
    """Attribution and the age of the units, for the corner."""
    picture = Signal(int, int, int)
    """A picture of the web map has come: its z, x and y."""
    lock = Signal(bool)
    act = Signal(str)
    """One of the page's own view commands: in, out, home, fit, next, previous, open, leave."""
    beat = Signal(int)
    """Say by `tellAlive` what is drawn, once frames were painted."""

    # up, checked: the panel listens to these
    page_ready = Signal()
    report_picked = Signal(int)
    crowd_picked = Signal(object)
    """The rows of reports that cover one another, a tuple."""
    cell_picked = Signal(float, float, float, float)
    unit_picked = Signal(str)
    place_picked = Signal(float, float)
    corner_added = Signal(float, float, int)
    corner_moved = Signal(int, float, float)
    corner_removed = Signal(int)
    area_ended = Signal()
    menu_asked = Signal(float, float, int, str)
    pick_left = Signal()
    view_changed = Signal(float, float, float, float, float)
    drawn = Signal(int, int)
    alive = Signal(int, int, int)
    ground_switched = Signal()
    locked_changed = Signal(bool)
    cursor_changed = Signal(bool)
    refused = Signal(str)
    """A slot's name whose call was dropped; counted, and looked at by tests."""

    def __init__(self, monotonic_s: Callable[[], float], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._monotonic_s = monotonic_s
        self._tokens = float(RATE_PER_S)
        self._filled_at_s = monotonic_s()

    @Slot()
    def ready(self) -> None:
        """The page is built and wants to know everything."""
        if self._pass("ready", True):
            self.page_ready.emit()

    @Slot(int)
    def pickReport(self, row: int) -> None:  # noqa: N802 - the page's spelling
        """A report's symbol was chosen."""
        if self._pass("pickReport", row > 0):
            self.report_picked.emit(row)

    @Slot("QVariantList")
    def pickCrowd(self, rows: list[object]) -> None:  # noqa: N802 - the page's spelling
        """The list is wanted of the reports that cover one another at a place."""
        whole = [int(row) for row in rows if isinstance(row, int | float) and 0 < row < MAX_ROW and row == int(row)]
        if self._pass("pickCrowd", 2 <= len(rows) <= MOST_ROWS and len(whole) == len(rows)):
            self.crowd_picked.emit(tuple(whole))

    @Slot(float, float, float, float)
    def pickCell(self, west: float, south: float, east: float, north: float) -> None:  # noqa: N802
        """A count square was chosen: the box whose reports it counts."""
        if self._pass("pickCell", _is_box(west, south, east, north)):
            self.cell_picked.emit(west, south, east, north)

    @Slot(str)
    def pickUnit(self, unit_id: str) -> None:  # noqa: N802
        """A crew was chosen."""
        good = len(unit_id) <= MAX_ID_LENGTH and _ID.fullmatch(unit_id) is not None
        if self._pass("pickUnit", good):
            self.unit_picked.emit(unit_id)

    @Slot(float, float)
    def pickPlace(self, lat: float, lon: float) -> None:  # noqa: N802
        """A place was pointed at while picking."""
        if self._pass("pickPlace", _is_place(lat, lon)):
            self.place_picked.emit(lat, lon)

    @Slot(float, float, int)
    def addCorner(self, lat: float, lon: float, at: int) -> None:  # noqa: N802
        """A corner of the area that is drawn, before the corner `at`, -1 for behind all."""
        if self._pass("addCorner", _is_place(lat, lon) and -1 <= at < MOST_CORNERS):
            self.corner_added.emit(lat, lon, at)

    @Slot(int, float, float)
    def moveCorner(self, at: int, lat: float, lon: float) -> None:  # noqa: N802
        """A corner of the area that is drawn was put elsewhere."""
        if self._pass("moveCorner", _is_place(lat, lon) and 0 <= at < MOST_CORNERS):
            self.corner_moved.emit(at, lat, lon)

    @Slot(int)
    def removeCorner(self, at: int) -> None:  # noqa: N802
        """A corner of the area that is drawn is not wanted; -1 for the last one."""
        if self._pass("removeCorner", -1 <= at < MOST_CORNERS):
            self.corner_removed.emit(at)

    @Slot()
    def endArea(self) -> None:  # noqa: N802
        """The area that is drawn is whole."""
        if self._pass("endArea", True):
            self.area_ended.emit()

    @Slot(float, float, int, str)
    def askMenu(self, lat: float, lon: float, row: int, unit_id: str) -> None:  # noqa: N802
        """The right button: at this place, on a report or a crew (0 and "" for none)."""
        good = _is_place(lat, lon) and 0 <= row < MAX_ROW and len(unit_id) <= MAX_ID_LENGTH
        if self._pass("askMenu", good and (not unit_id or _ID.fullmatch(unit_id) is not None)):
            self.menu_asked.emit(lat, lon, row, unit_id)

    @Slot()
    def leavePick(self) -> None:  # noqa: N802
        """Picking a place was given up."""
        if self._pass("leavePick", True):
            self.pick_left.emit()

    @Slot(float, float, float, float, float)
    def showView(self, west: float, south: float, east: float, north: float, zoom: float) -> None:  # noqa: N802
        """The map stands still at this box and zoom."""
        if self._pass("showView", _is_box(west, south, east, north) and math.isfinite(zoom) and 0 <= zoom <= 24):
            self.view_changed.emit(west, south, east, north, zoom)

    @Slot(int, int)
    def tellDrawn(self, number: int, beat: int) -> None:  # noqa: N802
        """Everything of this View is drawn: tiles, areas, units and reports; `beat` is in the mark's last bits."""
        if self._pass("tellDrawn", number >= 0 and 0 <= beat < BEATS):
            self.drawn.emit(number, beat)

    @Slot(int, int, int)
    def tellAlive(self, beat: int, number: int, count: int) -> None:  # noqa: N802
        """Frames were painted since that beat; the View that is drawn (-1 none), and how many reports it has."""
        if self._pass("tellAlive", beat > 0 and number >= -1 and count >= 0):
            self.alive.emit(beat, number, count)

    @Slot()
    def switchGround(self) -> None:  # noqa: N802
        """The web map is wanted, or the streets again."""
        if self._pass("switchGround", True):
            self.ground_switched.emit()

    @Slot(bool)
    def tellLocked(self, locked: bool) -> None:  # noqa: N802
        """The operator moved the map, or gave it back to auto-fit."""
        if self._pass("tellLocked", True):
            self.locked_changed.emit(locked)

    @Slot(bool)
    def tellCursor(self, there: bool) -> None:  # noqa: N802
        """The map's keyboard cursor stands on something, so Enter and Esc belong to the map."""
        if self._pass("tellCursor", True):
            self.cursor_changed.emit(there)

    def _pass(self, slot: str, good: bool) -> bool:
        now_s = self._monotonic_s()
        self._tokens = min(RATE_PER_S, self._tokens + (now_s - self._filled_at_s) * RATE_PER_S)
        self._filled_at_s = now_s
        if good and self._tokens >= 1:
            self._tokens -= 1
            return True
        _log.info("the map page's %s was refused: %s", slot, "too many" if good else "out of range")
        self.refused.emit(slot)
        return False


def _is_place(lat: float, lon: float) -> bool:
    return math.isfinite(lat) and math.isfinite(lon) and abs(lat) <= 90 and abs(lon) <= 180


def _is_box(west: float, south: float, east: float, north: float) -> bool:
    numbers = all(math.isfinite(value) and abs(value) <= 720 for value in (west, south, east, north))
    return numbers and west < east and south < north
