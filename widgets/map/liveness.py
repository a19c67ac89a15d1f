"""Decide whether the map page is alive. It answers a beat (a number sent every two seconds) with what it has drawn.

The page counts as lost after two beats in a row without an answer, or with an old View: older than what it was told
before the beat, and no newer than in its last answer. A count of reports that is not the View's also makes it lost.
Lost pages are reloaded a few times, then the map is switched off and tried again every two minutes, as the computer may
have been too busy. Beats are sent only while the page can be seen, and not judged if this process was held up itself.
"""

from __future__ import annotations

import enum
from collections import OrderedDict
from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer, Signal

BEAT_MS = 2000
MISSED_BEATS = 2
LOADING_BEATS = 15
"""How many beats a page has to load, before it counts as lost."""

MOST_RELOADS = 3
HEALTHY_S = 60.0
"""A page that has drawn for this long is well again: its earlier losses no longer count."""

RETRY_BEATS = 60
"""How many beats in time after it was given up it is tried again."""

_LATE = 1.5
"""A beat that comes so many times its interval after the one before says nothing: this process was held up."""

_KEPT_COUNTS = 64


class Loss(enum.Enum):
    """Why a page counts as lost."""

    CRASHED = "its process ended"
    NOT_LOADED = "it does not load"
    SILENT = "it does not answer, or paints no frame"
    BEHIND = "it does not draw what it is told"
    WRONG_COUNT = "it drew another number of reports than there are"


class Liveness(QObject):
    """Sends beats to the page, and emits when it is lost, well again, or to be given up."""

    asked = Signal(int)
    """Send this beat to the page."""
    lost = Signal(Loss)
    """It has to be loaded again, unless `given_up`."""
    well = Signal()
    """The first good answer after a loss."""
    retry_due = Signal()
    """It has been given up for a while, and could be begun anew."""

    def __init__(
        self,
        is_seen: Callable[[], bool],
        is_answering: Callable[[], bool],
        monotonic_s: Callable[[], float],
        beat_ms: int = BEAT_MS,
        parent: QObject | None = None,
    ) -> None:
        """`is_seen`: the page should be painting. `is_answering`: a question of the page is being worked on here."""
        super().__init__(parent)
        self._is_seen, self._is_answering, self._monotonic_s = is_seen, is_answering, monotonic_s
        self._beat_s = beat_ms / 1000
        self._counts: OrderedDict[int, int] = OrderedDict()
        self._told = self._told_at_beat = self._told_before = -1
        self._number = 0
        self._open = False
        self._misses = self._loading = self._off_beats = 0
        self._drawn = -1
        self._is_loading = True
        self._failing = False
        self._reloads = 0
        self._well_since_s: float | None = None
        self._ticked_s = monotonic_s()
        self._timer = QTimer(self)
        self._timer.setInterval(beat_ms)
        self._timer.timeout.connect(self.beat)
        self._timer.start()

    @property
    def given_up(self) -> bool:
        """Whether the page was lost again after all reloads."""
        return self._reloads > MOST_RELOADS

    @property
    def reloads(self) -> int:
        """How often it was lost since it was well."""
        return self._reloads

    def tell(self, number: int, count: int | None) -> None:
        """The page is told to show this View, which has `count` reports (None: not known)."""
        self._told = number
        if count is not None:
            self._counts[number] = count
            while len(self._counts) > _KEPT_COUNTS:
                self._counts.popitem(last=False)

    def begin_loading(self) -> None:
        """The page is being loaded."""
        self._is_loading = True
        self._loading = 0
        self._forget_beats()

    def set_ready(self) -> None:
        """The page is there and listens."""
        self._is_loading = False
        self._forget_beats()

    def answer(self, beat: int, number: int, count: int) -> None:
        """The page has painted frames since beat `beat`, and the newest View it has drawn is `number`."""
        if self._is_loading or beat not in (self._number, self._number - 1):
            return
        if number in self._counts and count != self._counts[number]:
            self.lose(Loss.WRONG_COUNT)
        elif beat != self._number:
            self._misses = 0  # slow, but alive; what it had drawn by then says nothing of what it was told since
        elif self._open:
            self._open = False
            moved_on = 0 <= self._drawn < number
            self._drawn = number
            if number >= self._told_before:
                self._misses = 0
                if self._told_before >= 0 or self._told < 0:
                    self._set_well()
            elif moved_on:
                self._misses = 0
            elif not self._is_answering():
                self._miss(Loss.BEHIND)

    def lose(self, why: Loss) -> None:
        """The page is lost."""
        self._reloads += 1
        self._failing = True
        self._well_since_s = None
        self.begin_loading()
        self._off_beats = 0
        self.lost.emit(why)

    def begin_anew(self) -> None:
        """The page is to be shown again: forget what happened before."""
        self._reloads = 0
        self.begin_loading()

    def stop(self) -> None:
        """Ask no more, for good."""
        self._timer.stop()

    def beat(self) -> None:
        """Judge the beat before, and ask for the next; runs by itself at each interval."""
        now_s = self._monotonic_s()
        was_held_up = now_s - self._ticked_s > _LATE * self._beat_s
        self._ticked_s = now_s
        seen = self._is_seen()
        if self.given_up:
            self._off_beats += not was_held_up
            if self._off_beats >= RETRY_BEATS:
                self._off_beats = 0
                self.retry_due.emit()
            return
        if was_held_up or not seen:
            self._forget_beats()
        if not seen:
            return
        if self._is_loading:
            self._loading += 1
            if self._loading > LOADING_BEATS:
                self.lose(Loss.NOT_LOADED)
            return
        # protects: silent-map-is-lost
        if self._open and self._miss(Loss.SILENT):
            return
        self._told_before, self._told_at_beat = self._told_at_beat, self._told
        self._number += 1
        self._open = True
        self.asked.emit(self._number)

    def _miss(self, why: Loss) -> bool:
        """Count a missed beat; whether the page is lost with it."""
        self._misses += 1
        if self._misses < MISSED_BEATS:
            return False
        self.lose(why)
        return True

    def _set_well(self) -> None:
        now_s = self._monotonic_s()
        if self._well_since_s is None:
            self._well_since_s = now_s
        elif now_s - self._well_since_s >= HEALTHY_S:
            self._reloads = 0
        if self._failing:
            self._failing = False
            self.well.emit()

    def _forget_beats(self) -> None:
        self._open = False
        self._misses = 0
        self._told_before = self._told_at_beat = self._drawn = -1
