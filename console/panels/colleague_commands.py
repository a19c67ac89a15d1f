"""What an operator does with his colleagues: he gives one of them a report; as a supervisor he sees who has what."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

import msgspec
from PySide6.QtCore import QObject, Signal

from api_client.model import AssignmentState, Kind, User
from console.board.holdings import Holding, holdings
from console.cache.catalog import Cities
from console.cache.reader import CacheReader
from console.panels import formatting
from console.panels.edit_commands import EditCommands
from console.panels.forms.forms import Forms
from console.panels.key_guard import KeyGuard
from console.panels.notifications.attendance import Attendance
from console.panels.report.details import ReportDetails
from console.panels.report.ticket import NO_ANSWER_S
from console.panels.situation import SituationMonitor
from console.panels.window_state import WindowState
from console.rules.filter import Filter
from console.rules.rights import may_make
from console.rules.scoped_code import ScopedCode
from console.tasks import Tasks
from widgets.forms.choice import ListChoice


class Colleague(msgspec.Struct, frozen=True):
    """One user of a city as a supervisor sees him. `is_there` is None while nobody knows who is connected.

    `unanswered` are the orders that he gave and that their crews have not acknowledged, since `unanswered_since`.
    """

    source: str
    name: str
    role: str
    is_there: bool | None
    holding: Holding
    unanswered: int = 0
    unanswered_since: datetime | None = None


class ColleagueCommands(QObject):
    """Receives the actions that concern other users of a city."""

    message = Signal(str)

    def __init__(
        self,
        window_state: WindowState,
        edit_commands: EditCommands,
        forms: Forms,
        situation: SituationMonitor,
        key_guard: KeyGuard,
        attendance: Attendance,
        tasks: Tasks,
        reader: Callable[[], CacheReader],
        time_at: Callable[[str], datetime],
        parent: QObject | None = None,
    ) -> None:
        """`time_at` gives the time of a source's server."""
        super().__init__(parent)
        self._window_state, self._edit_commands, self._forms = window_state, edit_commands, forms
        self._situation, self._key_guard, self._attendance = situation, key_guard, attendance
        self._tasks, self._reader, self._time_at = tasks, reader, time_at

    def offer(self) -> None:
        """Ask to whom the chosen report is given."""
        details = self._situation.report

        def who_may_take() -> list[User]:
            users = [user for source, user in self._reader().users() if source == details.source]
            return [user for user in users if may_make(user.role, Kind.CLAIM)]

        self._tasks.submit(who_may_take, lambda users: self._choose(details, users))

    def decline(self) -> None:
        """Leave the chosen report with who offers it."""
        self._edit_commands.decline(self._situation.report)

    def show_all(self) -> None:
        """List who is there, what each has taken, and which crews do not answer him; then the reports of the chosen
        one.
        """
        view, cities, connected = self._window_state.view, self._window_state.cities, self._attendance.connected
        if view is None:
            self.message.emit(self.tr("Not known yet: the reports are still being read"))
            return
        times = {source: self._time_at(source) for source in cities.catalogs}

        def read() -> list[Colleague]:
            users = {(source, user.name): user.role for source, user in self._reader().users()}
            return colleagues(users, holdings(view.snapshot, cities.code), cities, connected, times)

        self._tasks.submit(read, self._list)

    def _list(self, found: Sequence[Colleague]) -> None:
        rows = [ListChoice(str(at), one.name, self._words(one)) for at, one in enumerate(found)]
        if not rows:
            self.message.emit(self.tr("Nobody else is there, and nobody has a report"))
            return

        def show(chosen: str) -> None:
            self._window_state.set_filter(Filter(holders=(found[int(chosen)].name,)))

        about = self.tr("what waits at their desks no server knows")
        self._forms.choose(self.tr("Who is there, and has what"), about, rows, show, width=760)
        self._key_guard.opened_form()

    def _words(self, one: Colleague) -> str:
        there = {True: self.tr("there"), False: self.tr("away"), None: self.tr("not known whether he is there")}
        has = self.tr("1 report" if one.holding.open == 1 else "{n} reports").format(n=one.holding.open)
        if one.holding.hazards:
            has = self.tr("{has}, {n} P1").format(has=has, n=one.holding.hazards)
        parts = [one.role, there[one.is_there], has if one.holding.open else self.tr("no report")]
        if one.unanswered and one.unanswered_since is not None:
            age = formatting.duration((self._time_at(one.source) - one.unanswered_since).total_seconds())
            words = self.tr("1 order unanswered, {age}" if one.unanswered == 1 else "{n} orders unanswered, {age}")
            parts.append(words.format(n=one.unanswered, age=age))
        if len(self._window_state.cities.catalogs) > 1:
            parts.append(self._window_state.city_name(one.source))
        return " · ".join(part for part in parts if part)

    def _choose(self, details: ReportDetails, users: Sequence[User]) -> None:
        """Who is there comes first."""
        me, claim = self._window_state.me_at(details.source), details.shown.claim
        not_asked = {me, claim.who if claim is not None else me}
        connected = self._attendance.connected.get(details.source)
        named = sorted((user for user in users if user.name not in not_asked), key=lambda user: user.name.casefold())
        named.sort(key=lambda user: connected is not None and user.name not in connected)
        if not named:
            self.message.emit(self.tr("This city has no colleague who could take it"))
            return
        rows = [ListChoice(user.name, user.name, self._note(user, connected)) for user in named]
        self._forms.choose(
            self.tr("Give to a colleague, who takes it or declines"),
            self._situation.title_of(details),
            rows,
            lambda name: self._offer(details, name),
            width=560,
        )
        self._key_guard.opened_form()

    def _note(self, user: User, connected: frozenset[str] | None) -> str:
        if connected is None:
            return self.tr("{role} · not known whether he is there").format(role=user.role)
        there = self.tr("there") if user.name in connected else self.tr("away")
        return self.tr("{role} · {there}").format(role=user.role, there=there)

    def _offer(self, details: ReportDetails, name: str) -> None:
        self._edit_commands.offer(details, name)
        said = self.tr("Offered to {name}: it stays yours until he takes it")
        self.message.emit(said.format(name=name))


def colleagues(
    users: Mapping[ScopedCode, str],
    held: Mapping[ScopedCode, Holding],
    cities: Cities,
    connected: Mapping[str, frozenset[str]],
    times: Mapping[str, datetime],
) -> list[Colleague]:
    """Who is there, or has something, or waits for a crew's answer: who is there first, then by how much he has.

    `users` are roles by source and name, `connected` names by source, `times` the present times of the sources.
    """
    waiting: dict[ScopedCode, list[datetime]] = {}
    for source, catalog in cities.catalogs.items():
        for job in catalog.assignments:
            silent_s = (times[source] - job.since).total_seconds() if source in times else 0.0
            if job.state is AssignmentState.DISPATCHED and silent_s >= NO_ANSWER_S:
                waiting.setdefault((source, job.orderer), []).append(job.since)
    there = {(source, name) for source, names in connected.items() for name in names}
    found = []
    for source, name in sorted({*there, *held, *waiting}):
        role = users.get((source, name), "")
        if not name or role == "field":  # a crew
            continue
        since = waiting.get((source, name), [])
        is_there = (source, name) in there if source in connected else None
        holding = held.get((source, name), Holding(0, 0))
        found.append(Colleague(source, name, role, is_there, holding, len(since), min(since, default=None)))
    return sorted(found, key=lambda one: (one.is_there is False, -one.holding.hazards, -one.holding.open, one.name))
