"""Reports that colleagues give to one another: what is offered to the operator, and what became of his own offers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

import msgspec
import numpy as np
from PySide6.QtCore import QObject, Signal

from api_client.model import ClaimOffer, Kind
from console.board.view import View
from console.cache.reader import CachedReport, CacheReader
from console.panels.edit_commands import EditCommands
from console.panels.notifications.attention import Call
from console.panels.notifications.setback import Setback
from console.panels.report.details import ReportDetails
from console.panels.window_state import WindowState
from console.rules.report import OFFER_S
from console.rules.scoped_code import ScopedCode
from console.rules.status import is_open
from console.sound.tones import Tone
from console.tasks import Tasks

_KIND = "offers"
_LATELY_S = OFFER_S + 15.0
"""An offer is no older than this: it touches its report, and then it is over."""
_MOST = 200


class OfferedReport(msgspec.Struct, frozen=True):
    """A report that `by` offers to this operator since `at`: what it is, in words."""

    source: str
    report: str
    by: str
    what: str
    priority: int
    row: int
    at: datetime


class _Seen(msgspec.Struct, frozen=True):
    """A report that was touched lately, and who declined it last, "" for nobody."""

    about: CachedReport
    declined: str


class Offers(QObject):
    """Reads each report that is touched, and compares whom it is offered to with what was so before; at the beginning
    those that were touched lately.
    """

    changed = Signal(object)
    """A tuple of OfferedReport: what the operator may take or decline now, the oldest first."""
    setback_found = Signal(object)
    """A colleague has declined, or did not answer in time."""
    message = Signal(str)

    def __init__(
        self,
        window_state: WindowState,
        tasks: Tasks,
        reader: Callable[[], CacheReader],
        edit_commands: EditCommands,
        read_details: Callable[[str, str, Callable[[ReportDetails | None], None]], None],
        time_at: Callable[[str], datetime],
        parent: QObject | None = None,
    ) -> None:
        """`read_details` reads a report by source and id, `time_at` gives the time of a source's server."""
        super().__init__(parent)
        self._window_state, self._tasks, self._reader = window_state, tasks, reader
        self._edit_commands, self._read_details, self._time_at = edit_commands, read_details, time_at
        self._is_begun = False
        self._due: frozenset[int] = frozenset()
        """The rows that were touched and are not read yet."""
        self._found: dict[ScopedCode, OfferedReport] = {}
        """What is offered to this operator, also what is answered or too old."""
        self._to_me: tuple[OfferedReport, ...] = ()
        self._answered: set[tuple[ScopedCode, datetime]] = set()
        self._mine: dict[ScopedCode, tuple[CachedReport, ClaimOffer]] = {}
        """What this operator has offered, and is not answered yet."""
        window_state.view_changed.connect(self._on_view)
        window_state.rows_touched.connect(self._on_rows)

    @property
    def calls(self) -> tuple[Call, ...]:
        """What is offered calls the operator once."""
        told = self.tr("{who} gives you a report: {what}")
        return tuple(
            Call((_KIND, one.source, one.report, one.at), Tone.MESSAGE, told.format(who=one.by, what=one.what))
            for one in self._to_me
        )

    def look(self) -> None:
        """Begin anew, for example for another operator."""
        self._is_begun = False
        self._mine.clear()
        self._found.clear()
        self._show()
        if self._window_state.view is not None:
            self._on_view(self._window_state.view)

    def tick(self) -> None:
        """Once a second: an offer that nobody has answered in time is over."""
        self._show()
        for scoped_code, (about, offer) in list(self._mine.items()):
            if (self._time_at(about.source) - offer.at).total_seconds() > OFFER_S:
                del self._mine[scoped_code]
                sentence = self.tr("{to} has not answered for {n} minutes.")
                self._tell(about, offer, sentence.format(to=offer.to, n=round(OFFER_S / 60)))

    def answer(self, offer: OfferedReport, *, takes: bool) -> None:
        """Take an offered report, or decline it."""
        self._answered.add(((offer.source, offer.report), offer.at))
        self._show()

        def do(details: ReportDetails | None) -> None:
            if details is None:
                self.message.emit(self.tr("Report {n} is not here any more").format(n=offer.report))
            elif takes:
                self._edit_commands.take(details)
            else:
                self._edit_commands.decline(details)

        self._read_details(offer.source, offer.report, do)

    def _on_view(self, view: View) -> None:
        if self._is_begun:
            return
        self._is_begun = True
        column = view.snapshot.column
        lately = column("alive") & (column("claim") != 0) & (column("updated") >= view.now_s - _LATELY_S)
        self._read_again(frozenset(column("row")[np.flatnonzero(lately)].tolist()))

    def _on_rows(self, rows: frozenset[int] | None) -> None:
        if rows is None:  # all was read anew
            self.look()
        elif self._is_begun:
            self._read_again(rows)

    def _read_again(self, rows: frozenset[int]) -> None:
        self._due |= rows
        wanted = sorted(self._due)[-_MOST:]
        if wanted:
            self._tasks.latest(_KIND, lambda: self._read(wanted), lambda found: self._on_read(wanted, found))

    def _read(self, rows: Sequence[int]) -> list[_Seen]:
        """On a worker."""
        found = []
        for about in self._reader().reports(rows):
            history = self._reader().entries(about.row) if about.report.claim is not None else []
            steps = [one for one in history if one.kind in (Kind.OFFER.value, Kind.DECLINE.value)]
            declined = steps[-1].author if steps and steps[-1].kind == Kind.DECLINE.value else ""
            found.append(_Seen(about, declined))
        return found

    def _on_read(self, rows: Sequence[int], found: list[_Seen]) -> None:
        self._due -= frozenset(rows)
        for seen in found:
            about, claim = seen.about, seen.about.report.claim
            me, scoped_code = self._window_state.me_at(about.source), (about.source, about.report.id)
            self._found.pop(scoped_code, None)
            if claim is not None and claim.offer is not None and claim.offer.to == me and is_open(about.report.status):
                self._found[scoped_code] = self._offered(about, claim.offer)
            self._follow(scoped_code, seen, me)
        self._show()
        # protects: an-offer-behind-many-is-read
        self._read_again(frozenset())

    def _follow(self, scoped_code: ScopedCode, seen: _Seen, me: str) -> None:
        """Keep what the operator offers, and say what became of what he had offered."""
        about, claim = seen.about, seen.about.report.claim
        before = self._mine.pop(scoped_code, None)
        offer = claim.offer if claim is not None else None
        if offer is not None and offer.by == me and offer.to is not None:
            is_known = before is not None and before[1] == offer  # that it is over is told by `tick`
            if is_known or (self._time_at(about.source) - offer.at).total_seconds() <= OFFER_S:
                self._mine[scoped_code] = about, offer
        elif before is not None and claim is not None and claim.who == before[1].to:
            self.message.emit(self.tr("{who} has taken {report}").format(who=claim.who, report=about.report.id))
        elif before is not None and seen.declined == before[1].to and is_open(about.report.status):
            self._tell(about, before[1], self.tr("{to} has declined.").format(to=before[1].to))

    def _show(self) -> None:
        """Offer what is not answered, and not too old."""
        open_ = tuple(
            one
            for one in sorted(self._found.values(), key=lambda one: one.at)
            if ((one.source, one.report), one.at) not in self._answered
            and (self._time_at(one.source) - one.at).total_seconds() <= OFFER_S
        )
        if open_ != self._to_me:
            self._to_me = open_
            self.changed.emit(open_)

    def _offered(self, about: CachedReport, offer: ClaimOffer) -> OfferedReport:
        what = self._what(about)
        return OfferedReport(about.source, about.report.id, offer.by, what, about.report.priority, about.row, offer.at)

    def _tell(self, about: CachedReport, offer: ClaimOffer, sentence: str) -> None:
        report, me = about.report, self._window_state.me_at(about.source)
        holder = report.claim.who if report.claim is not None else ""
        stays = self.tr("It stays yours") if holder == me else self.tr("It stays with {who}").format(who=holder)
        bold = self.tr("{report} {sentence}").format(report=report.id, sentence=sentence)
        text = f"{stays}. {self._what(about)}"
        setback = Setback(
            about.source, report.id, self._window_state.me, bold, text, report.priority, of_crew=False, row=about.row,
            at=self._time_at(about.source),
        )  # fmt: skip
        self.setback_found.emit(setback)

    def _what(self, about: CachedReport) -> str:
        catalog = self._window_state.catalog(about.source)
        return f"{catalog.service_name(about.report.service)}, {catalog.place(about.report.area)}"
