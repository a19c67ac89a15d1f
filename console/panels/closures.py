"""Closed streets and flooded areas as the window shows them, with the operator's own that no server has."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial

import msgspec
from PySide6.QtCore import QObject, Signal

from api_client.model import Closure, ClosureKind, Kind
from console.city_map.messages import Answer, ClosedShape, ClosuresTaken, LatLon
from console.panels import formatting
from console.panels.qt_outbox import QtOutbox
from console.panels.window_state import WindowState
from console.rules.closure import MOST_CORNERS, contains, corners, count_corners, with_changes
from console.rules.edit import Edit

_log = logging.getLogger(__name__)
_LEAST_DEGREE_M = 20_000.0
"""A degree of longitude is no shorter in any city."""
_MOST = 500
"""Of one city: no server of ours has more at a time, and a hostile one shall not make the window slow."""

CloseShapes = Callable[[tuple[ClosedShape, ...], Callable[[Answer | None], object]], object]
"""Tells the map process what is closed from now on; what is called gets its ClosuresTaken."""


class ShownClosure(msgspec.Struct, frozen=True):
    """A closure that is not over, of one city; `waits` while no server has it as it is shown."""

    source: str
    closure: Closure
    box: tuple[float, float, float, float]
    """South, west, north and east of all that is closed."""
    waits: bool = False

    @property
    def key(self) -> str:
        """One text for it among those of all cities."""
        return f"{self.source}/{self.closure.id}"

    def contains(self, place: LatLon) -> bool:
        """Whether a place lies in it."""
        south, west, north, east = self.box
        return south <= place[0] <= north and west <= place[1] <= east and contains(self.closure, *place)


class Closures(QObject):
    """Follows the caches and the outbox; ways avoid what is in force, and what is over is gone at its time."""

    changed = Signal()
    """Other closures are shown or in force, or it is known how many stretches they close."""
    streets_changed = Signal()
    """Ways found before are not true any more."""

    def __init__(
        self,
        window_state: WindowState,
        outbox: QtOutbox,
        time_at: Callable[[str], datetime],
        close_shapes: CloseShapes,
        parent: QObject | None = None,
        *,
        as_of: Callable[[str], datetime | None] = lambda _: None,
        is_away: Callable[[str], bool] = lambda _: False,
    ) -> None:
        """`time_at` is the time by a source's clock, `as_of` when a source was read last, `is_away` whether that is
        long ago.
        """
        super().__init__(parent)
        self._window_state, self._outbox, self._time_at, self._close_shapes = (
            window_state,
            outbox,
            time_at,
            close_shapes,
        )
        self._as_of, self._is_away = as_of, is_away
        self._known: dict[str, tuple[tuple[Closure, ...], tuple[Edit, ...], list[ShownClosure]]] = {}
        self._too_many: set[str] = set()
        """Sources with more closures than are kept here."""
        self._shown: tuple[ShownClosure, ...] = ()
        self._in_force: tuple[ShownClosure, ...] = ()
        self._stretches: dict[str, int] = {}
        self._is_partly = False
        """Whether the map process had no time yet for all that is in force."""
        window_state.catalog_changed.connect(lambda _: self.look())
        outbox.changed.connect(lambda _: self.look())

    @property
    def shown(self) -> tuple[ShownClosure, ...]:
        """All that are not over, the newest first."""
        return self._shown

    def in_force(self, source: str) -> list[ShownClosure]:
        """Those of a source that are in force now."""
        return [one for one in self._in_force if one.source == source]

    def avoided(self, source: str) -> list[ShownClosure]:
        """Those of a source in force that close a street of the map; none while no map has answered."""
        return [one for one in self.in_force(source) if self._stretches.get(one.key)]

    def stretches(self, key: str) -> int | None:
        """How many stretches of street one closes; None while that is not known."""
        return self._stretches.get(key)

    def at(self, place: LatLon, source: str | None = None) -> list[ShownClosure]:
        """Those in which a place lies, the newest first; of one source where that is named."""
        return [one for one in self._shown if source in (None, one.source) and one.contains(place)]

    def inside(self, source: str, place: LatLon) -> ShownClosure | None:
        """One of a source in force in which a place lies; None when it lies in none."""
        return next((one for one in self.in_force(source) if one.contains(place)), None)

    def has_begun(self, one: ShownClosure) -> bool:
        """Whether it is in force already."""
        return one.closure.since <= self._time_at(one.source)

    def find(self, key: str) -> ShownClosure | None:
        """One that is shown, by its key."""
        return next((one for one in self._shown if one.key == key), None)

    def look(self) -> None:
        """Something may have changed: what is known, what waits, or the time."""
        shown: list[ShownClosure] = []
        in_force: list[ShownClosure] = []
        for source in self._window_state.cities.catalogs:
            now = self._time_at(source)
            there = self._window_state.catalog(source).closures
            own = tuple(one for one in self._outbox.given_for(source, None) if one.kind is Kind.CLOSURE)
            for one in self._of(source, there, own, now):
                if not one.closure.is_over(now):
                    shown.append(one)
                    if one.closure.is_in_force(now):
                        in_force.append(one)
        shown.sort(key=lambda one: (one.closure.since, one.key), reverse=True)
        before, self._shown = self._shown, tuple(shown)
        closed, self._in_force = self._in_force, tuple(in_force)
        if not _are_same(closed, self._in_force):
            keys = tuple(one.key for one in in_force)
            self._close_shapes(tuple(_shape(one) for one in in_force), partial(self._take, keys))
            self.streets_changed.emit()
        if before != self._shown or closed != self._in_force:
            self.changed.emit()

    def _of(self, source: str, there: tuple[Closure, ...], own: tuple[Edit, ...], now: datetime) -> list[ShownClosure]:
        """As shown; worked out again only when something else is known or waits."""
        known = self._known.get(source)
        if known is None or known[0] is not there or known[1] != own:
            newest = _newest(there, now)
            self._too_many.discard(source)
            if sum(not one.is_over(now) for one in newest) < sum(not one.is_over(now) for one in there):
                self._too_many.add(source)
                _log.warning("%s has more closures than are kept here: only the newest are shown", source)
            named = {one.data.get("closure") for one in own}
            shown = [ShownClosure(source, one, _box(one), one.id in named) for one in with_changes(newest, own, now)]
            known = self._known[source] = there, own, shown
        return known[2]

    def _take(self, keys: tuple[str, ...], answer: Answer | None) -> None:
        if not (isinstance(answer, ClosuresTaken) and len(answer.stretches) == len(keys)):
            return
        found = {key: count for key, count in zip(keys, answer.stretches, strict=True) if count is not None}
        before, self._stretches = self._stretches, found
        was_partly, self._is_partly = self._is_partly, len(found) < len(keys)
        if was_partly:
            self.streets_changed.emit()
        if before != found or was_partly != self._is_partly:
            self.changed.emit()

    def name(self, one: ShownClosure) -> str:
        """`Flooded area`, with its words: `Flooded area: knee-deep`."""
        kind, words = self.kind_text(one.closure), one.closure.words
        return f"{kind}: {words}" if words else kind

    def kind_text(self, closure: Closure) -> str:
        """What it is, in two words."""
        return {
            ClosureKind.FLOOD: self.tr("Flooded area"),
            ClosureKind.STREET: self.tr("Closed street"),
            ClosureKind.OTHER: self.tr("Closed area"),
        }[closure.kind]

    def end_text(self, one: ShownClosure) -> str:
        """`until 14:30`, or that somebody has to end it."""
        closure, zone, now = one.closure, self._window_state.zone, self._time_at(one.source)
        if closure.until is None:
            return self.tr("until it is ended")
        return self.tr("until {time}").format(time=formatting.moment(closure.until, zone, now))

    def lines(self, one: ShownClosure) -> list[str]:
        """What is told of one: what it is; who says so; since when and until when; what is not as it should be."""
        closure, zone, now = one.closure, self._window_state.zone, self._time_at(one.source)
        said = closure.said_by or closure.by
        entered = self.tr("entered by {who}").format(who=closure.by) if closure.said_by else ""
        report = self.tr("report {number}").format(number=closure.report) if closure.report else ""
        began = self.tr("since {time}") if closure.since <= now else self.tr("begins {time}")
        since = began.format(time=formatting.moment(closure.since, zone, now))
        lines = [
            self.name(one),
            " · ".join(part for part in (said, entered, report) if part),
            f"{since}, {self.end_text(one)}",
        ]
        if self._stretches.get(one.key) == 0:
            lines.append(self.tr("closes no street of this map"))
        if one.waits:
            lines.append(self.tr("not sent yet"))
        elif self._is_away(one.source) and (read := self._as_of(one.source)) is not None:
            lines.append(self.tr("as of {time}").format(time=formatting.moment(read, zone, now)))
        return lines

    def avoided_text(self, source: str) -> str:
        """`avoids 2 closed streets, 1 flooded area`; "" where nothing is closed. Says so where more is closed than
        is kept here, or than the map process had time for.
        """
        floods = sum(one.closure.kind is ClosureKind.FLOOD for one in self.avoided(source))
        others = len(self.avoided(source)) - floods
        streets = self.tr("1 closed street") if others == 1 else self.tr("{n} closed streets").format(n=others)
        areas = self.tr("1 flooded area") if floods == 1 else self.tr("{n} flooded areas").format(n=floods)
        parts = [text for count, text in ((others, streets), (floods, areas)) if count]
        # protects: what-is-not-avoided-is-said
        if source in self._too_many or self._lacks(source):
            parts.append(self.tr("NOT all that is closed"))
        return self.tr("avoids {what}").format(what=", ".join(parts)) if parts else ""

    def _lacks(self, source: str) -> bool:
        """Whether the map process had no time yet for some of what is in force in a city."""
        return self._is_partly and any(one.key not in self._stretches for one in self.in_force(source))

    def inside_text(self, source: str, place: LatLon) -> str:
        """A warning that a place lies in what is closed; "" where it does not."""
        one = self.inside(source, place)
        if one is None:
            return ""
        what = {
            ClosureKind.FLOOD: self.tr("inside the flooded area"),
            ClosureKind.STREET: self.tr("on the closed street"),
            ClosureKind.OTHER: self.tr("inside the closed area"),
        }[one.closure.kind]
        words = f" “{one.closure.words}”" if one.closure.words else ""
        return f"{what}{words}, {self.end_text(one)}"


def _are_same(some: Sequence[ShownClosure], others: Sequence[ShownClosure]) -> bool:
    """Whether the same streets are closed by them. That is asked each second, and they may have many corners."""
    if len(some) != len(others):
        return False
    pairs = list(zip(some, others, strict=True))
    return all(a.closure is b.closure for a, b in pairs) or all(
        (a.key, a.closure.geometry, a.closure.width_m) == (b.key, b.closure.geometry, b.closure.width_m)
        for a, b in pairs
    )


def _newest(closures: Sequence[Closure], now: datetime) -> list[Closure]:
    """The newest, as many as are kept, the oldest first; those that are over, which may be opened again, go first."""
    found: list[Closure] = []
    room = MOST_CORNERS
    for one in sorted(closures, key=lambda one: (not one.is_over(now), one.updated), reverse=True):
        room -= count_corners(one.geometry)
        if room < 0 or len(found) == _MOST:
            break
        found.append(one)
    return found[::-1]


def _box(closure: Closure) -> tuple[float, float, float, float]:
    places = corners(closure.geometry)
    lats, lons = [lat for lat, _ in places], [lon for _, lon in places]
    reach = closure.width_m / _LEAST_DEGREE_M
    return min(lats) - reach, min(lons) - reach, max(lats) + reach, max(lons) + reach


def _shape(one: ShownClosure) -> ClosedShape:
    return ClosedShape(tuple(corners(one.closure.geometry)), one.closure.width_m)
