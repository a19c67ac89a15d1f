"""How far units are by street: from the chosen report, and from the report that each is on its way to."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping

from PySide6.QtCore import QObject, Signal

from api_client.model import Unit
from console.advice.units import Basis
from console.city_map.messages import Answer, LatLon, Question, Times, TimesFound, Travel
from console.panels import formatting

_ONE_S = 0.9
"""So long between two searches for units on their way: each has a goal of its own."""
_NOTHING: Mapping[str, Travel] = {}


AskMap = Callable[[str, Question, Callable[[Answer | None], object]], object]
"""Has a question answered by the map process, for a purpose; what is called gets None where there is no answer."""


class TravelTimes(QObject):
    """Gives what is known at once, and asks for what is not; units whose way is not known are left out.

    A unit that has moved keeps the time of its last place until the next answer is there. Where nothing answers,
    nothing is known.
    """

    changed = Signal()
    """Of the report that was asked about last other travels are known."""

    def __init__(
        self,
        ask: AskMap,
        parent: QObject | None = None,
        *,
        steady_s: Callable[[], float] = time.monotonic,
        hour: Callable[[], int | None] = lambda: None,
    ) -> None:
        """`hour` gives the hour of the week by the city's clock (see `Times`)."""
        super().__init__(parent)
        self._ask, self._steady_s, self._hour = ask, steady_s, hour
        self._place: tuple[str, LatLon] | None = None
        self._known = _NOTHING
        self._asked: dict[str, LatLon] | None = None
        self._turn = 0
        self._ways: dict[str, tuple[LatLon, LatLon, Travel | None]] = {}
        self._due: dict[str, tuple[LatLon, LatLon]] = {}
        self._old: set[str] = set()
        """Whose way was asked for before other streets were closed."""
        self._closures = 0
        self._is_asking, self._asked_s = False, -_ONE_S
        self.answers = False
        """Whether the map has answered last time: what is told by a straight line is the exception then."""
        self.speeds_hour: int | None = None
        """Of which hour of the day the speeds are by which the travels of `to` were found; None without traffic."""
        self.speeds_drives = 0
        """From how many drives of crews these were fitted; 0 where somebody wrote them."""
        self.are_of_now = True
        """Whether what is told avoids what is closed now; not between another closure and the next answer."""

    def to(self, source: str, place: LatLon, units: Iterable[Unit]) -> Mapping[str, Travel]:
        """How far the units of a source are from a place, as far as it is known, by their ids."""
        if self._place != (source, place):
            self._place, self._known, self._asked = (source, place), _NOTHING, None
        at = {unit.id: (unit.lat, unit.lon) for unit in units if unit.lat is not None and unit.lon is not None}
        if at != self._asked and at:
            self._asked = at
            self._turn += 1
            turn = self._turn
            self._ask("times", Times(place, at, self._hour()), lambda answer: self._take(turn, answer))
        return self._known

    def ask_again(self, *, streets_changed: bool = True) -> None:
        """Other streets are closed (`streets_changed`), or another hour's speeds count: what is known is told until it
        is answered anew.
        """
        self._asked = None
        self.are_of_now = self.are_of_now and not streets_changed
        # protects: times-of-before-the-closure
        self._turn += 1
        self._old, self._closures = set(self._ways), self._closures + 1

    def on_the_way(self, key: str, start: LatLon, goal: LatLon) -> Travel | None:
        """How far a unit that is on its way has still to go; None while that is not known by street."""
        known = self._ways.get(key)
        if known is None or known[:2] != (start, goal) or key in self._old:
            self._due[key] = (start, goal)  # where it stood in the row
        else:
            self._due.pop(key, None)
        self._ask_next()
        return known[2] if known is not None and known[1] == goal else None

    def _take(self, turn: int, answer: Answer | None) -> None:
        if turn != self._turn:
            return
        self.answers = isinstance(answer, TimesFound)
        found = answer.travels if isinstance(answer, TimesFound) else _NOTHING
        if answer is None:
            self._asked = None  # asked again with the next look
        was_of_now, self.are_of_now = self.are_of_now, self.are_of_now or answer is not None
        before, self._known = (self.speeds_hour, self.speeds_drives, _told(self._known), was_of_now), found
        self.speeds_hour, self.speeds_drives = None, 0
        if isinstance(answer, TimesFound):
            self.speeds_hour, self.speeds_drives = answer.hour, answer.drives
        if before != (self.speeds_hour, self.speeds_drives, _told(found), self.are_of_now):
            self.changed.emit()

    def _ask_next(self) -> None:
        if not self._due or self._is_asking or self._steady_s() - self._asked_s < _ONE_S:
            return
        key = next((one for one in self._due if one not in self._ways), next(iter(self._due)))
        start, goal = self._due.pop(key)
        self._is_asking, self._asked_s = True, self._steady_s()
        closures = self._closures

        def take(answer: Answer | None) -> None:
            self._is_asking = False
            if closures == self._closures:
                self._old.discard(key)
            if self._due.get(key) == (start, goal):
                del self._due[key]  # it was looked at again meanwhile
            if answer is None:
                self._ways.clear()
            elif isinstance(answer, TimesFound):
                self._ways[key] = (start, goal, answer.travels.get(key))

        self._ask("on the way", Times(goal, {key: start}, self._hour()), take)


def speeds_text(hour: int | None, tr: Callable[[str], str], drives: int = 0) -> str:
    """`speeds of 17–18 h`, where the city's own speeds of that hour of the day count, with from how many `drives` of
    crews they were fitted; "" for None.
    """
    if hour is None:
        return ""
    speeds = tr("speeds of {start}–{end} h").format(start=hour, end=hour + 1)
    if not drives:
        return speeds
    return tr("{speeds} fitted from {n} drives").format(speeds=speeds, n=formatting.thousands(drives))


def basis_text(
    basis: Basis, hour: int | None, avoids: str, tr: Callable[[str], str], *, has_closures: bool, drives: int = 0
) -> str:
    """The words for how times were found, of which hour the speeds are, and what ways by street avoid."""
    straight_line = straight_line_text(tr, has_closures=has_closures)
    if basis == "straight_line":
        return tr("{straight_line}, no street map").format(straight_line=straight_line)
    how = [text for text in (speeds_text(hour, tr, drives), avoids) if text]
    by_street = tr("by street, {how}").format(how=", ".join(how) if how else tr("without traffic"))
    if basis == "by_street":
        return by_street
    return tr("{by_street}; ~ {straight_line}").format(by_street=by_street, straight_line=straight_line)


def straight_line_text(tr: Callable[[str], str], *, has_closures: bool) -> str:
    """The words for a time by a straight line; where something is closed, that it is not looked at stands first, as
    what is last is cut in a narrow panel.
    """
    straight_line = tr("straight line × 1.4")
    # protects: straight-lines-do-not-look-at-closures
    if has_closures:
        return tr("closures NOT looked at: {straight_line}").format(straight_line=straight_line)
    return straight_line


def _told(travels: Mapping[str, Travel]) -> dict[str, tuple[int, int]]:
    """What of travels is seen: minutes, and whether there is a closed street."""
    return {unit: (round(one.seconds / 60), one.closed) for unit, one in travels.items()}
