"""The reports that this operator has taken: released when he signs out, and said when another takes or ends one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

import msgspec
from PySide6.QtCore import QObject, QTimer, Signal

from console.board.view import View
from console.domain.edit import Kind
from console.domain.report import Assignment, Entry
from console.domain.status import Status
from console.edits import Edits
from console.presenters.desk import Desk
from console.presenters.setback import Setback, closing_of, ended_by_another, let_go_with
from console.store.cache_read import CachedReport, CacheReader
from console.tasks import Tasks

_RELEASED_MS = 10_000
"""So long a sign-out waits until the server has the releases; what is not there by then waits for its author."""
_MOST = 500


def has_held(who: str, history: Iterable[Entry]) -> bool:
    """Whether somebody has ever had the report, by its history, the oldest first.

    Who sends a crew takes it, but not from another: an order that came second has taken nothing.
    """
    holder = ""
    for entry in history:
        if entry.kind == Kind.CLAIM.value or (entry.kind == Kind.DISPATCH.value and not holder):
            holder = entry.author
        elif entry.kind == Kind.RELEASE.value:
            holder = ""
        if holder == who:
            return True
    return False


class LostClaim(msgspec.Struct, frozen=True):
    """A report that is the operator's no longer: by `closed`, or because `who` has taken (`is_taken`) or released it.

    `let_go` are the crews that were called back by its end, `at` is when it was taken or released.
    """

    about: CachedReport
    who: str
    is_taken: bool = False
    closed: Entry | None = None
    let_go: tuple[Assignment, ...] = ()
    at: datetime | None = None


class Claims(QObject):
    """Follows the Views; `taken_over` gets a Setback for each report that another has taken, released or ended."""

    taken_over = Signal(object)

    def __init__(
        self, desk: Desk, edits: Edits, tasks: Tasks, reader: Callable[[], CacheReader], parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._desk, self._edits, self._tasks, self._reader = desk, edits, tasks, reader
        self._rows: frozenset[int] = frozenset()
        self._of = desk.me
        desk.view_changed.connect(self._on_view)

    def read(self, source: str, found: Callable[[list[CachedReport]], None]) -> None:
        """Give the reports of this source that the operator has, as the server knows them."""
        rows = sorted(self._rows)[:_MOST]

        def held() -> list[CachedReport]:
            return [one for one in self._reader().reports(rows) if one.source == source]

        self._tasks.submit(held, found)

    def release(self, held: Sequence[CachedReport], then: Callable[[], object]) -> None:
        """Give these back, and go on once their releases are at the server, or have been given the time for it."""
        self._rows -= {one.row for one in held}  # or it would be said that somebody else has released them
        waiting = {self._release(one) for one in held}
        timer = QTimer(self, singleShot=True, interval=_RELEASED_MS)

        def look() -> None:
            if timer.isActive() and (self._edits.saving or waiting & set(self._edits.open_ids)):
                return
            self._edits.changed.disconnect(look)
            timer.stop()
            timer.deleteLater()
            then()

        self._edits.changed.connect(look)
        timer.timeout.connect(look)
        timer.start()

    def _release(self, one: CachedReport) -> str:
        report = one.report
        return self._edits.submit(
            Kind.RELEASE,
            report.id,
            source=one.source,
            data={},
            base={},
            base_version=report.version,
            title=report.title or report.description[:80],
        )

    def _on_view(self, view: View) -> None:
        before, self._rows = self._rows, frozenset(view.mine.tolist())
        same_operator, self._of = self._of == self._desk.me, self._desk.me
        if gone := sorted(before - self._rows) if same_operator else []:
            self._tasks.submit(lambda: self._told(gone[:_MOST]), self._tell)

    def _told(self, rows: Sequence[int]) -> list[LostClaim]:
        """Of reports that are the operator's no longer: who has taken one, released or closed it, if another did."""
        told = []
        for one in self._reader().reports(rows):
            me, claim, history = self._desk.me_at(one.source), one.report.claim, self._reader().entries(one.row)
            releases = [entry for entry in history if entry.kind == Kind.RELEASE.value]
            who = claim.who if claim is not None else releases[-1].author if releases else me
            closed = closing_of(history) if one.report.status is Status.CLOSED else None
            # A take that was lost was never his: that is told as such.
            if (claim is None or claim.who != me) and not has_held(me, history):
                continue
            if closed is not None and closed.author != me:
                let_go = let_go_with(closed, self._reader().assignments(one.row))
                told.append(LostClaim(one, closed.author, closed=closed, let_go=tuple(let_go)))
            elif who != me:
                at = claim.since if claim is not None else releases[-1].at
                told.append(LostClaim(one, who, is_taken=claim is not None, at=at))
        return told

    def _tell(self, told: list[LostClaim]) -> None:
        for lost in told:
            one, who, me = lost.about, lost.who, self._desk.me
            report, catalog = one.report, self._desk.catalog(one.source)
            if lost.closed is not None:
                self.taken_over.emit(ended_by_another(one, lost.closed, lost.let_go, me, catalog, self.tr))
                continue
            taken = lost.is_taken
            sentence = self.tr("{who} has taken over {report}") if taken else self.tr("{who} has released {report}")
            named = f"{report.id} {catalog.service_name(report.service)}"
            bold = self.tr("{what}, which was yours.").format(what=sentence.format(who=who, report=named))
            place = catalog.place(report.area)
            self.taken_over.emit(
                Setback(one.source, report.id, me, bold, place, report.priority, of_crew=False, at=lost.at)
            )
