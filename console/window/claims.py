"""The reports that this operator has taken: released when he signs out; he is told when another takes or ends one."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime

import msgspec
from PySide6.QtCore import QObject, QTimer, Signal

from api_client.model import Assignment, Entry, Kind, Report, Status
from console.board.view import View
from console.cache.catalog import Catalog
from console.cache.reader import CachedReport, CacheReader
from console.panels import formatting
from console.panels.notifications.checkpoints import Checkpoints, known
from console.panels.notifications.setback import CLAIMS, Of, Setback, bounded, closing_of, ended_by_another, let_go_with
from console.panels.qt_outbox import QtOutbox
from console.panels.window_state import WindowState
from console.rules.followed import Followed
from console.rules.loaded import Loaded
from console.rules.scoped_code import ScopedCode
from console.rules.status import is_open
from console.tasks import Tasks

_RELEASED_MS = 10_000
"""How long a sign-out waits until the server has the releases; what is not there by then waits for its author."""
_MOST = 500


def place_words(report: Report, catalog: Catalog) -> str:
    """Where a report lies: its area, else its address; "" when neither is known."""
    return catalog.place(report.area) if report.area else report.address or ""


def has_held(who: str, history: Iterable[Entry]) -> bool:
    """Whether a user has ever held the report, by its history (oldest entry first).

    Sending a crew takes a report that nobody holds. Example: sari holds it and budi sends a second crew: sari holds it
    still, and budi never has.
    """
    holder = ""
    for entry in history:
        takes_nobodys = entry.kind in (Kind.DISPATCH.value, Kind.OFFER.value) and not holder
        if entry.kind == Kind.CLAIM.value or takes_nobodys:
            holder = entry.author
        elif entry.kind == Kind.RELEASE.value:
            holder = ""
        if holder == who:
            return True
    return False


def was_given(by: str, to: str, history: Iterable[Entry]) -> bool:
    """Whether the last of a report's offers, which nobody declined, was made by one user to another who has it now."""
    offers = [one for one in history if one.kind in (Kind.OFFER.value, Kind.DECLINE.value) and one.undone_by is None]
    return bool(offers) and (offers[-1].kind, offers[-1].author, offers[-1].data.get("to")) == ("offer", by, to)


class LostClaim(msgspec.Struct, frozen=True):
    """A report that the operator holds no more: `closed` is the entry that ended it; else `who` has taken it over
    (`is_taken`) or has released it.

    `let_go` are the assignments of crews that were recalled when it was closed, `at` is when it was taken or released.
    """

    about: CachedReport
    who: str
    is_taken: bool = False
    closed: Entry | None = None
    let_go: tuple[Assignment, ...] = ()
    at: datetime | None = None

    @property
    def scoped_code(self) -> ScopedCode:
        """The report's source and id."""
        return self.about.source, self.about.report.id


class _ClaimsRead(msgspec.Struct, frozen=True):
    """Result of `Claims._read`: the reports `held` now; `gone`, the ones that were held before; of those the ones
    `lost` to somebody else, and `unknown`, those of which the cache does not say yet who holds them.
    """

    epochs: dict[str, str]
    held: frozenset[ScopedCode]
    gone: frozenset[ScopedCode]
    unknown: frozenset[ScopedCode]
    lost: tuple[LostClaim, ...]
    turn: int


class Claims(QObject):
    """Compares the operator's reports in each new View with those before; `taken_over` emits a Setback for each one
    that somebody else has taken, released or closed.

    A lost report is followed until the operator has seen the notice, or the cache shows that nothing has to be told.
    """

    taken_over = Signal(object)

    def __init__(
        self,
        window_state: WindowState,
        outbox: QtOutbox,
        tasks: Tasks,
        reader: Callable[[], CacheReader],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._window_state, self._outbox, self._tasks, self._reader = window_state, outbox, tasks, reader
        self._points = Checkpoints(CLAIMS, window_state, outbox.followed)
        self._rows: frozenset[int] | None = None
        self._held: frozenset[ScopedCode] = frozenset()
        self._gone: frozenset[ScopedCode] = frozenset()
        """Reports that he held: why he holds them no more is not known yet, or he has not seen the notice."""
        self._notified: set[tuple[str, ScopedCode]] = set()
        window_state.view_changed.connect(self._on_view)
        outbox.followed.on_open(self._begin_again)

    def on_seen(self, of: Iterable[Of]) -> None:
        """The operator has seen the notices `of` these reports: they are followed no more."""
        seen = {(source, key) for kind, source, key in of if kind == CLAIMS}
        self._gone -= seen
        self._notified -= {(self._window_state.me_at(scoped_code[0]), scoped_code) for scoped_code in seen}
        if seen:
            self._points.end_turn()
        self._keep()

    def read(self, sources: Collection[str], found: Callable[[list[CachedReport]], None]) -> None:
        """Read the operator's reports of these sources on a worker, as the servers know them, and call `found` with
        them.
        """
        rows = sorted(self._rows or ())[:_MOST]

        def held() -> list[CachedReport]:
            return [one for one in self._reader().reports(rows) if one.source in sources]

        self._tasks.submit(held, found)

    def release(self, held: Sequence[CachedReport], then: Callable[[], object]) -> None:
        """Release these reports; call `then` once the servers have confirmed that, and after `_RELEASED_MS` in any
        case.
        """
        self._held -= {(one.source, one.report.id) for one in held}
        waiting = {self._release(one) for one in held}
        timer = QTimer(self, singleShot=True, interval=_RELEASED_MS)

        def look() -> None:
            if timer.isActive() and (self._outbox.saving or waiting & set(self._outbox.open_ids)):
                return
            self._outbox.changed.disconnect(look)
            timer.stop()
            timer.deleteLater()
            then()

        self._outbox.changed.connect(look)
        timer.timeout.connect(look)
        timer.start()

    def _release(self, one: CachedReport) -> str:
        report = one.report
        return self._outbox.submit(
            Kind.RELEASE,
            report.id,
            source=one.source,
            data={},
            base={},
            base_version=report.version,
            title=formatting.title_of(report),
        )

    def _begin_again(self) -> None:
        self._points.forget()
        self.look()

    def look(self) -> None:
        """Check at once whose the reports are, for example after another operator has signed in."""
        self._rows = None
        if self._window_state.view is not None:
            self._on_view(self._window_state.view)

    def _on_view(self, view: View) -> None:
        before, self._rows = self._rows, frozenset(view.mine.tolist())
        if left := self._points.leave():
            self._held = frozenset(scoped_code for scoped_code in self._held if scoped_code[0] not in left)
            self._gone = frozenset(scoped_code for scoped_code in self._gone if scoped_code[0] not in left)
        begin = self._points.to_begin(self._window_state.cities.catalogs)
        gone = frozenset(
            scoped_code
            for scoped_code in self._gone
            if (self._window_state.me_at(scoped_code[0]), scoped_code) not in self._notified
        )
        if before != self._rows or begin or gone:
            rows, held, turn = sorted(self._rows), self._held, self._points.turn
            self._tasks.latest(CLAIMS, lambda: self._read(rows, held, gone, begin, turn), self._done)

    def _read(
        self,
        rows: Sequence[int],
        held: frozenset[ScopedCode],
        gone: frozenset[ScopedCode],
        begin: Mapping[str, Followed | None],
        turn: int,
    ) -> _ClaimsRead:
        """Find out on a worker who holds the reports now that this operator held."""
        cursors = self._reader().cursors()
        now = frozenset(self._reader().keys(rows).values())
        epochs = {source: cursors[source].epoch for source in begin if source in cursors}
        at_last = {(source, key) for source in epochs for key in known(begin[source], cursors[source]) or ()}
        gone = (gone | held | at_last) - now
        unknown, lost = [], []
        for scoped_code in gone:
            row = self._reader().row_of(*scoped_code)
            about = self._reader().report(row) if row is not None else None
            if self._is_unknown(scoped_code, about):
                unknown.append(scoped_code)
            elif about is not None and (one := self._lost(about)) is not None:
                lost.append(one)
        return _ClaimsRead(epochs, now, gone, frozenset(unknown), tuple(lost), turn)

    def _is_unknown(self, scoped_code: ScopedCode, about: CachedReport | None) -> bool:
        """Whether the cache cannot say yet who holds the report: its source is being read again, or the operator's own
        take or release has not arrived.
        """
        if about is None:
            return self._reader().loaded((scoped_code[0],)) is not Loaded.WHOLE
        claim = about.report.claim
        return (
            claim is not None and claim.who == self._window_state.me_at(scoped_code[0]) and is_open(about.report.status)
        )

    def _lost(self, one: CachedReport) -> LostClaim | None:
        """Who has taken, released or closed a report that the operator held; None when nobody else did."""
        me, claim, history = self._window_state.me_at(one.source), one.report.claim, self._reader().entries(one.row)
        releases = [entry for entry in history if entry.kind == Kind.RELEASE.value]
        who = claim.who if claim is not None else releases[-1].author if releases else me
        closed = closing_of(history) if one.report.status is Status.CLOSED else None
        # A take that was lost was never his: that is told as such.
        if (claim is None or claim.who != me) and not has_held(me, history):
            return None
        # protects: what-was-given-is-no-loss
        if claim is not None and was_given(me, claim.who, history):
            return None
        if closed is not None and closed.author != me:
            let_go = let_go_with(closed, self._reader().assignments(one.row))
            return LostClaim(one, closed.author, closed=closed, let_go=tuple(let_go))
        if who == me or not is_open(one.report.status):
            return None
        return LostClaim(one, who, is_taken=claim is not None, at=claim.since if claim is not None else releases[-1].at)

    def _done(self, read: _ClaimsRead) -> None:
        if read.turn != self._points.turn:
            self.look()
            return
        self._points.begin(read.epochs)
        self._held = read.held
        news = [
            one
            for one in read.lost
            if (self._window_state.me_at(one.scoped_code[0]), one.scoped_code) not in self._notified
        ]
        self._notified |= {(self._window_state.me_at(one.scoped_code[0]), one.scoped_code) for one in news}
        notified = {
            scoped_code
            for scoped_code in self._gone
            if (self._window_state.me_at(scoped_code[0]), scoped_code) in self._notified
        }
        back = notified & read.held
        self._notified -= {
            (self._window_state.me_at(scoped_code[0]), scoped_code) for scoped_code in back
        }  # it may be lost once more
        self._gone = frozenset((notified - back) | read.unknown | {one.scoped_code for one in read.lost})
        self._keep()
        for setback in bounded([self._setback(one) for one in news], self.tr):
            self.taken_over.emit(setback)

    def _keep(self) -> None:
        self._points.keep(dict.fromkeys(self._held | self._gone, ""))

    def _setback(self, lost: LostClaim) -> Setback:
        one, who, me = lost.about, lost.who, self._window_state.me
        report, catalog = one.report, self._window_state.catalog(one.source)
        of = frozenset({(CLAIMS, *lost.scoped_code)})
        if lost.closed is not None:
            return ended_by_another(one, lost.closed, lost.let_go, me, catalog, of, self.tr)
        sentence = self.tr("{who} has taken over {report}" if lost.is_taken else "{who} has released {report}")
        named = f"{report.id} {catalog.service_name(report.service)}"
        bold = self.tr("{what}, which was yours.").format(what=sentence.format(who=who, report=named))
        place = place_words(report, catalog)
        return Setback(one.source, report.id, me, bold, place, report.priority, of_crew=False, at=lost.at, of=of)
