"""P1 reports without a crew: a new one is told wherever the operator is, and one key chooses it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum

import msgspec
import numpy as np
from PySide6.QtCore import QObject, Signal

from api_client.model import Status
from console.board.alarms import within_scopes
from console.board.snapshot import Fact
from console.board.view import View
from console.cache.reader import CacheReader, RowText
from console.outbox.followed import KeptFollowed
from console.panels.notifications.checkpoints import Checkpoints, known
from console.panels.window_state import WindowState
from console.rules.filter import Filter
from console.rules.followed import Followed
from console.rules.rights import Rights
from console.rules.scoped_code import ScopedCode
from console.rules.status import ORDER
from console.tasks import Tasks
from widgets.text import one_line

_SAID_LONG = 120
_KIND = "hazards"
_NO_CREW_YET = (Status.NEW, Status.COORDINATION)
_OTHERS = "others"
"""The text that is kept with a hazard that somebody else holds."""


class HazardNews(StrEnum):
    """What is new about a P1: it was reported, it stands at a desk that is opened for the first time, its holder has
    left it, its crew does not come or has gone, or what was done about its alarm is over and it has no crew still.
    """

    REPORTED = "reported"
    STANDING = "standing"
    LEFT = "left"
    ALONE = "alone"
    STILL = "still"


class NewHazard(msgspec.Struct, frozen=True):
    """A P1 without a crew that the operator has not looked at: row, category and place (`what`), and since when.

    `number` and `words` (the reporter's) are read a moment later. `at` is when the report was made, or when it was seen
    to have lost holder or crew.
    """

    row: int
    what: str
    at: datetime | None = None
    number: str = ""
    words: str = ""
    news: HazardNews = HazardNews.REPORTED

    @property
    def text(self) -> str:
        """Number, category, place and the reporter's words in one line, so that two at one place can be told apart."""
        named = f"{self.number} {self.what}".strip()
        return f"{named}: {self.words}" if self.words else named


class _HazardsRead(msgspec.Struct, frozen=True):
    """Result of `Hazards._read`: row -> (source, id); the epochs of the sources at which it begins, what was kept of
    them last, and at which of them this operator's desk is opened for the first time.
    """

    names: dict[int, ScopedCode]
    epochs: dict[str, str]
    at_last: dict[str, Mapping[str, str] | None]
    first_opened: frozenset[str]
    turn: int


class Hazards(QObject):
    """Follows the P1 without a crew in each View, whatever the filter.

    A new one is told until it was chosen, `see` was called, or a crew is on its way to it; so is one whose holder left
    it, and one whose alarm is new again (`tell`). New is what the operator did not know when he last had this console
    open; where he has it open for the first time, all that nobody has taken.
    """

    comes_in = Signal(int)
    """This row is about to be the chosen one, in another list that shows it."""
    message = Signal(str)
    unseen_changed = Signal(object)
    """A tuple of NewHazard, the first that came first."""
    looked_at = Signal(object)
    """A frozenset of rows that were told, and that the operator has looked at: they are about to be told no more."""

    def __init__(
        self,
        window_state: WindowState,
        tasks: Tasks,
        reader: Callable[[], CacheReader],
        followed: KeptFollowed,
        parent: QObject | None = None,
        *,
        rights_at: Callable[[str], Rights] = lambda _source: Rights(),
    ) -> None:
        """`rights_at` gives the operator's rights at a source."""
        super().__init__(parent)
        self._rights_at = rights_at
        self._window_state, self._tasks, self._reader = window_state, tasks, reader
        self._points, self._followed = Checkpoints(_KIND, window_state, followed), followed
        self._names: dict[int, ScopedCode] = {}
        self._known: frozenset[int] | None = None
        self._read_sources: frozenset[str] = frozenset()
        """The sources that were read in the View before: what stands at another is no news."""
        self._others: frozenset[int] = frozenset()
        """The hazards that somebody else held in the View before."""
        self._unseen: tuple[NewHazard, ...] = ()
        self._looked_at: frozenset[int] = frozenset()
        """The hazards of the View before that the operator knew of."""
        self._left: tuple[Filter, int] | None = None
        """The filter that `go` or `show_list` took away, and the row that was chosen under it; None when none was."""
        window_state.view_changed.connect(self._on_view)
        window_state.filter_changed.connect(self._on_filter)
        window_state.selection_changed.connect(self.see)
        window_state.rows_touched.connect(self._on_rows)
        followed.on_open(self._begin_again)

    @property
    def unseen(self) -> tuple[NewHazard, ...]:
        """The hazards that the operator has not looked at, oldest notice first."""
        return self._unseen

    def go(self) -> None:
        """Choose the hazard that is told; without one the oldest, or the next after the chosen one. Another list is
        shown if the present one does not hold it.
        """
        view = self._window_state.view
        rows = view.hazards.tolist() if view is not None else []
        if view is None or not rows:
            return
        at = rows.index(self._window_state.row) + 1 if self._window_state.row in rows else 0
        row = next((one.row for one in self._unseen if one.row in rows), rows[at % len(rows)])
        if view.position_of(row) < 0:
            self.comes_in.emit(row)
            text = self.tr("The list left it out and is put aside: {key} goes back to it")
            self._put_aside(Filter(order=self._window_state.filter.order), text)
        self._window_state.choose(row)
        self.see(row)  # it may have been the chosen one already

    def show_list(self, filter_: Filter) -> None:
        """Show the reports that an alarm is about, in the order that the operator has chosen."""
        wanted = filter_.with_order(self._window_state.filter.order)
        if wanted != self._window_state.filter:
            self._put_aside(wanted, self.tr("The list is put aside: {key} goes back to it"))

    def _put_aside(self, filter_: Filter, text: str) -> None:
        """Show another list, and say with `text` how the present one comes back; one of all open reports that is left
        for another of all needs no way back.
        """
        was, chosen = self._window_state.filter, self._window_state.row
        self._window_state.set_filter(filter_)
        if was.to_text() or filter_.narrowed:
            self._left = was, chosen
            self.message.emit(text.format(key=self._window_state.actions.cap("hazard_back")))

    @property
    def has_put_aside(self) -> bool:
        """Whether a list was left for a P1 or a limit."""
        return self._left is not None

    def go_back(self) -> None:
        """Show the list again that was put aside, with the report that was chosen there."""
        if self._left is None:
            self.message.emit(self.tr("No list was put aside"))
            return
        left, row = self._left
        self._window_state.set_filter(left)
        if row:
            self._window_state.choose(row)

    def _on_filter(self, _: Filter) -> None:
        """Whoever sets a filter himself has left the list that was put aside."""
        self._left = None

    def see(self, *rows: int) -> None:
        """The operator has looked at the reports in these rows, or knows of them."""
        told = frozenset(one.row for one in self._unseen).intersection(rows)
        if told:
            self.looked_at.emit(told)
            self.drop(told)

    def drop(self, rows: Collection[int]) -> None:
        """Tell these no more: somebody has answered their alarms."""
        self._set_unseen(tuple(one for one in self._unseen if one.row not in rows))

    def tell(self, news: Mapping[int, tuple[HazardNews, datetime]]) -> None:
        """Tell these P1 (row -> what is new, and since when), which have no crew and are told no more: their alarms are
        new again. Those that have a crew by now are left out.
        """
        view, told = self._window_state.view, {one.row for one in self._unseen}
        rows = [row for row in news if row in (self._known or ()) and row not in told]
        if view is not None and rows:
            found = [self._told(view, row, *news[row]) for row in rows]
            self._set_unseen((*self._unseen, *found))
            self._tasks.submit(lambda: self._reader().texts(rows), self._name)

    def on_arrived(self, local_row: int, row: int) -> None:
        """A report created here now has its row in the cache: it counts as seen there if it was seen here."""
        if local_row in self._looked_at:
            self.see(row)

    def _on_view(self, view: View) -> None:
        """Compare the hazards of a new View with those before. Before all reports of a city are read nothing there is
        new; when they are read anew, as after a restore, their rows are others.
        """
        hazards = view.known_hazards
        if not view.knows_hazards:
            self._known, self._others, self._read_sources = None, frozenset(), frozenset()
            self._names.clear()
            self._points.forget()
            self._set_unseen(())
            return
        read = self._window_state.read_sources
        self._points.forget_unread(read)
        before, rows, snapshot = self._known, hazards.tolist(), view.snapshot
        self._looked_at = (before or frozenset()) - {one.row for one in self._unseen}
        self._known = frozenset(rows)
        cities, first_read = self._window_state.cities, read - self._read_sources
        # protects: what-stands-in-a-city-that-is-read-later-is-no-news
        numbers = [cities.source_number(source) for source in first_read]
        known_before = hazards[~np.isin(snapshot.column("source")[snapshot.positions(hazards)], numbers)].tolist()
        self._read_sources = read
        new = [
            row for row in known_before if row != self._window_state.row and before is not None and row not in before
        ]
        kept = [one for one in self._unseen if one.row in self._known]
        facts = view.row_facts([one.row for one in kept])
        whats = {fact.row: self._what(fact) for fact in facts}  # its category may have been corrected since
        unseen = tuple(msgspec.structs.replace(one, what=whats.get(one.row, one.what)) for one in kept)
        taken = snapshot.column("claim")[snapshot.positions(hazards)] != 0
        left_now = self._others.intersection(hazards[~taken].tolist())
        # Its alarm may have been read from a newer cache than this View was.
        # protects: what-its-holder-left-is-called-so
        unseen = tuple(_as_left(one) if one.row in left_now else one for one in unseen)
        notified = {self._window_state.row, *new, *(one.row for one in unseen)}
        left = sorted(left_now - notified)
        self._others = frozenset(hazards[taken].tolist()) - frozenset(view.mine.tolist())
        self._tell(view, unseen, new, left)
        self.look()

    def _tell(
        self,
        view: View,
        unseen: Sequence[NewHazard],
        new: Sequence[int],
        left: Sequence[int],
        standing: Sequence[int] = (),
    ) -> None:
        news = {HazardNews.STANDING: standing, None: new, HazardNews.LEFT: left}
        found = [self._told(view, row, what) for what, rows in news.items() for row in rows]
        self._set_unseen((*unseen, *found))
        rows = [*standing, *new, *left]
        if rows:
            self._tasks.submit(lambda: self._reader().texts(rows), self._name)

    def _on_rows(self, rows: frozenset[int] | None) -> None:
        if rows is None:  # in another file a row is another report
            self._names.clear()

    def _begin_again(self) -> None:
        self._points.forget()
        self.look()

    def look(self) -> None:
        """Read (source, id) of rows that have none yet, and begin at sources where that was not done, for example for
        another operator.
        """
        self._points.leave()
        if self._known is None:
            return
        begin = self._points.to_begin(self._window_state.read_sources)
        rows, turn = [row for row in self._known if row not in self._names], self._points.turn
        if begin or rows:
            self._tasks.latest(_KIND, lambda: self._read(rows, begin, turn), self._on_read)
        else:
            self._keep()

    def _read(self, rows: Sequence[int], begin: Mapping[str, Followed | None], turn: int) -> _HazardsRead:
        """Read ids and what was kept last, on a worker."""
        cursors = self._reader().cursors()
        epochs = {source: cursors[source].epoch for source in begin if source in cursors}
        at_last = {source: known(begin[source], cursors[source]) for source in epochs}
        first = frozenset(source for source in epochs if begin[source] is None and self._followed.is_open)
        return _HazardsRead(self._reader().keys(rows), epochs, at_last, first, turn)

    def _on_read(self, read: _HazardsRead) -> None:
        view = self._window_state.view
        if view is None or self._known is None:
            return
        if read.turn != self._points.turn:
            self.look()
            return
        self._names |= read.names
        self._points.begin(read.epochs)
        notified = {self._window_state.row, *(one.row for one in self._unseen)}
        here = [
            row for row in view.hazards.tolist() if row in self._known and row in self._names and row not in notified
        ]
        new, left, standing = [], [], []
        for row in here:
            source, key = self._names[row]
            at_last = read.at_last.get(source)
            if source in read.first_opened:
                # protects: first-opening-tells-what-nobody-has
                if not self._is_taken(view, row):
                    standing.append(row)
            elif at_last is not None and key not in at_last:
                new.append(row)
            elif at_last is not None and at_last[key] == _OTHERS and not self._is_taken(view, row):
                left.append(row)
        self._tell(view, self._unseen, new, left, self.own(view, standing))
        self._keep()

    def own(self, view: View, rows: Sequence[int]) -> list[int]:
        """Those of the rows that lie in the operator's areas or with his agencies: the rest is for others to answer."""
        cities = self._window_state.cities
        rights = {source: self._rights_at(source) for source in cities.catalogs}
        are_own = within_scopes(view, view.snapshot.positions(rows), cities, rights)
        return [row for row, one in zip(rows, are_own.tolist(), strict=True) if one]

    def _is_taken(self, view: View, row: int) -> bool:
        return bool((view.snapshot.column("claim")[view.snapshot.positions([row])] != 0).any())

    def _keep(self) -> None:
        """Keep all hazards that the operator knows; those that are still being told are left out."""
        if self._known is None:
            return
        seen = self._known.difference(one.row for one in self._unseen)
        named = {row: self._names[row] for row in seen if row in self._names}
        self._points.keep({scoped_code: _OTHERS if row in self._others else "" for row, scoped_code in named.items()})

    def _name(self, texts: Sequence[RowText]) -> None:
        """Take over number and words of new hazards, which have been read."""
        found = {one.row: one for one in texts}
        self._set_unseen(tuple(_named(one, found.get(one.row)) for one in self._unseen))

    def _set_unseen(self, unseen: tuple[NewHazard, ...]) -> None:
        if unseen != self._unseen:
            self._unseen = unseen
            self._keep()
            self.unseen_changed.emit(unseen)

    def _told(self, view: View, row: int, news: HazardNews | None = None, at: datetime | None = None) -> NewHazard:
        (fact,) = view.row_facts([row])
        if news is None:
            news = HazardNews.REPORTED if ORDER[fact.status] in _NO_CREW_YET else HazardNews.ALONE
        since_s = fact.created if news in (HazardNews.REPORTED, HazardNews.STANDING) else view.now_s
        at = at or datetime.fromtimestamp(max(0, since_s), UTC)
        return NewHazard(row, self._what(fact), at, news=news)

    def _what(self, fact: Fact) -> str:
        """Category and place of a report as text."""
        cities = self._window_state.cities
        catalog = cities.of(cities.source(fact.source))
        what = catalog.service_name(cities.code("service", fact.service))
        where = catalog.place(cities.code("area", fact.area)) if fact.area else self.tr("No area")
        return f"{what}, {where}"


def _as_left(hazard: NewHazard) -> NewHazard:
    return msgspec.structs.replace(hazard, news=HazardNews.LEFT) if hazard.news is HazardNews.ALONE else hazard


def _named(hazard: NewHazard, text: RowText | None) -> NewHazard:
    if text is None:
        return hazard
    said = one_line(text.description or text.title, _SAID_LONG)
    return msgspec.structs.replace(hazard, number=text.remote_id, words=said)
