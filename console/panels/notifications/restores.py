"""Tells, on every console, what a server has lost that was set back to an older state, as far as it had been
read here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta

import msgspec
from PySide6.QtCore import QObject, Signal

from api_client.model import Report
from console.cache.reader import CacheReader, TakenReport
from console.outbox.followed import KeptFollowed
from console.panels.formatting import first_of, status_text
from console.panels.notifications.checkpoints import Checkpoints, known
from console.panels.notifications.setback import Of, Setback
from console.panels.window_state import WindowState
from console.rules.followed import Followed
from console.rules.loaded import Loaded
from console.rules.report import HAZARD
from console.rules.scoped_code import ScopedCode
from console.tasks import Tasks
from widgets.text import one_line

_KIND = "restores"
_OLD = timedelta(days=7)
"""What was lost longer ago than this has been seen to by somebody."""
_NAMED = 5
_SAID = 120
_MOST = 20
"""So many reports at most are told one by one: P1, and those to which a unit had been sent."""


class _RestoresRead(msgspec.Struct, frozen=True):
    """Result of `Restores._read`: source -> epoch; source -> the reports it lost; the (source, id) of those already
    seen.
    """

    epochs: dict[str, str]
    lost: dict[str, list[TakenReport]]
    seen: frozenset[ScopedCode]
    turn: int


class Restores(QObject):
    """Looks for losses when a source has been read completely. `setback_found` emits a Setback for each open P1 that is
    gone or has a lower priority now, for each report to which a unit had been sent, and one for all others. They are
    told until they are seen, also after the window was closed.
    """

    setback_found = Signal(object)

    def __init__(
        self,
        window_state: WindowState,
        tasks: Tasks,
        reader: Callable[[], CacheReader],
        followed: KeptFollowed,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._window_state, self._tasks, self._reader = window_state, tasks, reader
        self._points = Checkpoints(_KIND, window_state, followed)
        self._seen: set[ScopedCode] = set()
        self._notified: set[tuple[str, str, ScopedCode]] = set()
        """What was told: (user name, epoch of the server that lacks it, (source, id))."""
        window_state.rows_touched.connect(self._on_rows)
        window_state.catalog_changed.connect(lambda _: self.look())
        window_state.loaded_changed.connect(lambda _: self.look())
        followed.on_open(self._begin_again)

    def on_seen(self, of: Iterable[Of]) -> None:
        """The operator has seen the notices `of` these reports."""
        seen = {(source, key) for kind, source, key in of if kind == _KIND}
        if seen:
            self._seen |= seen
            self._points.keep(dict.fromkeys(self._seen, ""))

    def look(self) -> None:
        """Begin at sources where that was not done yet, for example for another operator."""
        if left := self._points.leave():
            self._seen = {scoped_code for scoped_code in self._seen if scoped_code[0] not in left}
        begin = self._points.to_begin(self._window_state.cities.catalogs)
        if begin:
            turn = self._points.turn
            self._tasks.latest(_KIND, lambda: self._read(begin, turn), self._tell)

    def _on_rows(self, rows: frozenset[int] | None) -> None:
        if rows is None:
            self._begin_again()

    def _begin_again(self) -> None:
        self._points.forget()
        self.look()

    def _read(self, begin: Mapping[str, Followed | None], turn: int) -> _RestoresRead:
        reader = self._reader()
        cursors = reader.cursors()
        epochs, lost, seen = dict[str, str](), dict[str, list[TakenReport]](), set[ScopedCode]()
        for source, followed in begin.items():
            cursor = cursors.get(source)
            if cursor is None or reader.loaded((source,)) is not Loaded.WHOLE:
                continue
            epochs[source] = cursor.epoch
            seen |= {(source, key) for key in known(followed, cursor) or ()}
            oldest = cursor.as_of - _OLD if cursor.as_of is not None else None
            lost[source] = [one for one in reader.taken_reports(source) if oldest is None or one.read_to >= oldest]
        return _RestoresRead(epochs, lost, frozenset(seen), turn)

    def _tell(self, read: _RestoresRead) -> None:
        if read.turn != self._points.turn:
            self.look()
            return
        self._points.begin(read.epochs)
        self._seen |= read.seen
        for source, lost in read.lost.items():
            by_key = {
                (self._window_state.me_at(source), read.epochs[source], (source, one.report.id)): one for one in lost
            }
            unseen = [one for key, one in by_key.items() if key not in self._notified and key[2] not in self._seen]
            self._notified |= by_key.keys()
            unseen.sort(key=lambda one: (one.report.priority, not one.units, one.report.created))
            alone = [one for one in unseen if one.report.priority == HAZARD or one.units][:_MOST]
            # protects: what-a-restore-took-is-told
            for one in alone:
                self.setback_found.emit(
                    self._of_one(source, one) if one.now is None else self._of_fallen(source, one, one.now)
                )
            if rest := [one for one in unseen if one not in alone]:
                self.setback_found.emit(self._of_rest(source, rest))

    def _of_one(self, source: str, lost: TakenReport) -> Setback:
        catalog = self._window_state.catalog(source)
        parts = [_words_of(lost.report)]
        if lost.units:
            codes = ", ".join(catalog.name("unit", unit) for unit in lost.units)
            parts.append(self.tr("{units} was sent to it, and has no job there any more").format(units=codes))
        back = self.tr("The server was set back to an older state")
        ask = self.tr("Ask who took it down, whose outbox may offer to send it again, or take it down again")
        parts += [back, ask]
        bold = self.tr("GONE from the server: {report}.").format(report=self._named(source, lost.report))
        return self._setback(source, [lost], bold, ". ".join(part for part in parts if part))

    def _of_fallen(self, source: str, lost: TakenReport, now: Report) -> Setback:
        """The setback of a P1 that the server has as something less now: it was raised, reopened or returned after the
        backup.
        """
        stands = self.tr("“{status}”, P{n}").format(status=self.tr(status_text(now.status)), n=now.priority)
        parts = [
            _words_of(lost.report),
            self.tr("It is {stands} there now, and no P1 without a crew").format(stands=stands),
            self.tr("The server was set back to an older state; make it P1 or open it again, or ask who knows"),
        ]
        bold = self.tr("FELL BACK at the server: {report}.").format(report=self._named(source, lost.report))
        return self._setback(source, [lost], bold, ". ".join(part for part in parts if part))

    def _named(self, source: str, report: Report) -> str:
        catalog = self._window_state.catalog(source)
        return f"P{report.priority} {report.id} {catalog.service_name(report.service)}, {catalog.place(report.area)}"

    def _of_rest(self, source: str, rest: Sequence[TakenReport]) -> Setback:
        catalog = self._window_state.catalog(source)
        text = self.tr(
            "The server was set back and lost {n} open reports:" if len(rest) > 1 else
            "The server was set back and lost an open report:"
        )  # fmt: skip
        names = [f"{one.report.id} {catalog.service_name(one.report.service)}" for one in rest]
        return self._setback(source, rest, text.format(n=len(rest)), first_of(names, _NAMED, self.tr))

    def _setback(self, source: str, lost: Sequence[TakenReport], bold: str, text: str) -> Setback:
        first = lost[0]
        return Setback(
            source=source,
            report=first.report.id,
            me=self._window_state.me,
            bold=bold,
            text=text,
            priority=first.report.priority,
            of_crew=first.report.priority == HAZARD or bool(first.units),
            entry=f"{_KIND} {first.report.id}",
            units=first.units if len(lost) == 1 else (),
            at=first.read_to,
            is_gone=any(one.now is None for one in lost),
            of=frozenset((_KIND, source, one.report.id) for one in lost),
        )


def _words_of(report: Report) -> str:
    return one_line(report.description or report.title, _SAID).rstrip(".")
