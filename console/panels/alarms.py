"""The alarms of the window: looked for on a worker, listed with their states, kept over restarts."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

import msgspec
from msgspec import UNSET
from PySide6.QtCore import QObject, Signal

from api_client.decoding import decode
from api_client.model import MOST_ALARMS, AlarmChange, AlarmKind, AlarmRecord, Kind
from console.board.alarms import AlarmFinder
from console.cache.catalog import Catalog, CityUnit
from console.cache.reader import CacheReader
from console.panels.edit_commands import EditCommands
from console.panels.notifications.checkpoints import Checkpoints, known
from console.panels.notifications.hazards import HazardNews, Hazards
from console.panels.qt_outbox import QtOutbox
from console.panels.sources import Sources
from console.panels.stop_text import stop_text
from console.panels.window_state import WindowState
from console.rules.alarm_list import AlarmList, KeptAlarm, ListedAlarm, in_flood
from console.rules.alarms import SOURCE_DELAY_S, SYNC, Alarm, AlarmKey, AlarmState, record_after, with_changes
from console.rules.edit import KNOWS_NO_ALARMS, Edit
from console.rules.loaded import Loaded
from console.rules.rights import Rights
from console.tasks import Tasks

_KIND = "alarms"
_EVERY = 2
"""Seconds between two looks at the same View: time alone makes alarms too."""
_READ_WITHIN = 30
"""So many seconds what a server has taken is shown, at most, before its records are here."""
_DELAY = timedelta(seconds=SOURCE_DELAY_S)


class _AlarmsFound(msgspec.Struct, frozen=True):
    """Result of `Alarms.look`: the alarms, and the sources that are read; of those that begin the epoch of the server
    and what was kept of them last.
    """

    alarms: list[Alarm]
    read: frozenset[str]
    epochs: dict[str, str]
    at_last: dict[str, Mapping[str, str] | None]
    turn: int
    outside: frozenset[int] = frozenset()
    """The rows of the P1 without a crew that are for others to answer."""
    unread: frozenset[str] = frozenset()
    """The sources of which histories are still coming in."""
    left_out: Mapping[AlarmKind, frozenset[int]] = {}
    """See `AlarmFinder.left_out`."""


class _Proved(msgspec.Struct, frozen=True):
    """An edit that its server has, with the records of its alarms as they were here when that was known; it is shown
    until they are others, or until this tick.
    """

    edit: Edit
    records: dict[str, AlarmRecord | None]
    until: int

    @classmethod
    def of(cls, edit: Edit, catalog: Catalog, until: int) -> _Proved:
        """This edit beside what the catalog has now."""
        ids = with_changes({}, [edit])
        return cls(edit, {key: catalog.alarms.get(key) for key in ids}, until)

    def stands(self, catalog: Catalog) -> bool:
        """Whether the records are still what they were."""
        return all(catalog.alarms.get(key) == record for key, record in self.records.items())


class Alarms(QObject):
    """Lists what needs a response, and notes what the operator did about it. A P1 without a crew is told in the red
    notice too (`Hazards`): one that is acknowledged anywhere is told no more, one that was looked at is silent here,
    and one that is new again, with another occurrence or as its shelf has ended, is told again.
    """

    changed = Signal()
    """Other alarms are listed, or their states are others."""
    message = Signal(str)
    called = Signal(object)
    """The most urgent Alarm that calls for somebody now, or None: it was silenced, acknowledged, or is over."""

    def __init__(
        self,
        window_state: WindowState,
        tasks: Tasks,
        reader: Callable[[], CacheReader],
        outbox: QtOutbox,
        edit_commands: EditCommands,
        sources: Sources,
        hazards: Hazards,
        crews: Callable[[], list[CityUnit]],
        time_at: Callable[[str], datetime],
        parent: QObject | None = None,
        *,
        rights_at: Callable[[str], Rights] = lambda _source: Rights(),
        zone_at: Callable[[str], tzinfo] = lambda _source: UTC,
    ) -> None:
        """`crews` gives the units with their newest positions, `time_at` the time by the clock of a source, `rights_at`
        what the operator may do there, `zone_at` the zone of its city.
        """
        super().__init__(parent)
        self._window_state, self._tasks, self._reader = window_state, tasks, reader
        self._sources, self._hazards, self._crews, self._time_at = sources, hazards, crews, time_at
        self._outbox, self._edit_commands, self._rights_at = outbox, edit_commands, rights_at
        self._zone_at = zone_at
        self._points = Checkpoints(_KIND, window_state, outbox.followed)
        self._finder, self._list = AlarmFinder(), AlarmList()
        self._listed: tuple[ListedAlarm, ...] = ()
        self._by_key: dict[AlarmKey, ListedAlarm] = {}
        self._by_row: dict[int, ListedAlarm] = {}
        """The P1 without a crew, by the rows of their reports."""
        self._flood: frozenset[AlarmKey] = frozenset()
        self._calling: Alarm | None = None
        self._kept: dict[str, list[KeptAlarm]] = {}
        self._looked_at: frozenset[int] = frozenset()
        """The rows of P1 that were looked at before the search has found that their alarms are new."""
        self._sync_stopped: datetime | None = None
        self._ticks = 0
        self._unshared: set[str] = set()
        """Sources whose servers are too old to keep what is done about alarms."""
        self._waiting: set[AlarmKey] = set()
        self._own: dict[str, tuple[Edit, ...]] = {}
        """What was done at each source that its server was not known to have when it was looked last."""
        self._proved: dict[str, list[_Proved]] = {}
        self._outside: frozenset[int] = frozenset()
        self._dropped: set[str] = set()
        """The refused edits that were told."""
        self.is_known = False
        """Whether it was looked at least once: before that, that none is listed says nothing."""
        window_state.view_changed.connect(lambda _: self.look())
        hazards.looked_at.connect(self._on_looked_at)
        hazards.unseen_changed.connect(lambda _: self._show())
        window_state.catalog_changed.connect(lambda _: self._show())
        outbox.followed.on_open(self._begin_again)
        outbox.changed.connect(lambda _: self._on_outbox())
        outbox.refused.connect(lambda *_: self._show())

    # What is listed

    @property
    def listed(self) -> tuple[ListedAlarm, ...]:
        """All that are listed: the new ones first, of each state the most urgent and oldest."""
        return self._listed

    @property
    def in_flood(self) -> frozenset[AlarmKey]:
        """Those that are told in one line, as too many came at once."""
        return self._flood

    @property
    def calling(self) -> Alarm | None:
        """The most urgent alarm that calls for somebody."""
        return self._calling

    @property
    def load(self) -> int:
        """How many alarms came in the last ten minutes."""
        return self._list.load(self._now())

    def find(self, key: AlarmKey) -> ListedAlarm | None:
        """A listed alarm."""
        return self._by_key.get(key)

    def of_row(self, row: int) -> ListedAlarm | None:
        """The alarm that the report in this row is a P1 without a crew."""
        return self._by_row.get(row)

    def count(self, state: AlarmState) -> int:
        """How many of the listed ones are in a state."""
        return sum(one.state is state for one in self._listed)

    # What the operator does

    def acknowledge(self, keys: Iterable[AlarmKey]) -> int:
        """The operator knows of these; returns of how many that is new."""
        found = [one for key in keys if (one := self.find(key)) is not None]
        found = [one for one in found if one.state in (AlarmState.NEW, AlarmState.RETURNED)]
        for source in dict.fromkeys(one.alarm.source for one in found):
            self._change([one for one in found if one.alarm.source == source], acknowledged=True)
        self._show()
        return len(found)

    def silence(self) -> int:
        """What calls now is silent at this console, and stays what it is; returns how many that are."""
        calling = [one.alarm.key for one in self._listed if one.calls]
        self._list.silence(calling)
        told = [one.row for one in self._hazards.unseen]
        unlisted = [row for row in told if self.of_row(row) is None]
        self._hazards.see(*told)
        self._show()
        return len(calling) + len(unlisted)

    def is_outside(self, row: int) -> bool:
        """Whether the P1 without a crew in this row is for others to answer."""
        return row in self._outside

    def see(self, row: int) -> None:
        """Tell a P1 here no more that is no alarm of this operator: no server has it yet, or others answer it."""
        self._hazards.see(row)

    def shelve(self, key: AlarmKey, until: datetime | None, reason: str) -> None:
        """Put an alarm away until a time, or (None) take it off the shelf."""
        if (one := self.find(key)) is not None:
            self._change([one], shelved_until=until, reason=reason if until is not None else UNSET)
            if until is None:  # who takes it down knows that it stands
                self._list.silence([key])
                self._hazards.see(one.alarm.row)
            self._show()

    def is_shared(self, source: str) -> bool:
        """Whether the server of a source keeps what is done about its alarms, as far as is known."""
        return source in self._sources.keys and not (source in self._unshared or self._sources.takes_new_only(source))

    def _change(self, found: Sequence[ListedAlarm], **what: Any) -> None:
        """Have the server of one source keep what is done about its alarms; what none keeps is noted here."""
        source = found[0].alarm.source
        shared = [one for one in found if self.is_shared(source) and one.alarm.kind is not AlarmKind.SOURCE]
        for at in range(0, len(shared), MOST_ALARMS):
            part = shared[at : at + MOST_ALARMS]
            change = AlarmChange(tuple(one.alarm.stands for one in part), **what)
            self._edit_commands.change_alarms(source, change, part[0].alarm.title if len(part) == 1 else "")
        by, now = self._window_state.me_at(source), self._time_at(source)
        for one in found:
            if one not in shared:
                change = AlarmChange((one.alarm.stands,), **what)
                if (record := record_after(one.record, one.alarm.stands, change, by, now)) is not None:
                    self._list.note(one.alarm.key, record)

    def _on_outbox(self) -> None:
        """What a server refused asks nobody: the alarm stands as it stands there, and why is said. A server that knows
        no alarms is asked no more, and what was done is kept here.
        """
        for queued in self._outbox.lost:
            edit = queued.edit
            if edit.kind is not Kind.ALARM or edit.id in self._dropped:
                continue
            self._dropped.add(edit.id)
            self._outbox.drop_lost(edit.id)
            if queued.problem == KNOWS_NO_ALARMS:
                self._unshared.add(edit.source)
                self._note_here(edit)
            else:
                self.message.emit(self.tr("The alarm stands as before: {why}").format(why=stop_text(queued, self.tr)))
        self._show()

    def _note_here(self, edit: Edit) -> None:
        known = {one.alarm.id: one.record for one in self._listed if one.alarm.source == edit.source and one.record}
        for key, record in with_changes(known, [edit]).items():
            self._list.note((edit.source, key), record)

    @property
    def waiting(self) -> Collection[AlarmKey]:
        """Of what was done about these no server knows yet."""
        return self._waiting

    def _records(self, alarms: Iterable[Alarm] = ()) -> dict[AlarmKey, AlarmRecord]:
        """What the servers keep of the alarms that are listed, and of these, with the operator's own edits that no
        server has yet.
        """
        wanted = {*self._list.keys, *(alarm.key for alarm in alarms)}
        found: dict[AlarmKey, AlarmRecord] = {}
        waiting: set[AlarmKey] = set()
        for source, catalog in self._window_state.cities.catalogs.items():
            ids = [key for of, key in wanted if of == source]
            there = {key: catalog.alarms[key] for key in ids if key in catalog.alarms}
            own = tuple(one for one in self._outbox.given_for(source, None) if one.kind is Kind.ALARM)
            known = with_changes(there, self._proved_edits(source, catalog, own))
            shown = with_changes(known, own)
            found |= {(source, key): record for key, record in shown.items()}
            waiting |= {(source, key) for key, record in shown.items() if known.get(key) is not record}
        self._waiting = waiting
        return found

    def _proved_edits(self, source: str, catalog: Catalog, own: tuple[Edit, ...]) -> list[Edit]:
        """What a server has taken by now, of which its records are not here yet: they are read a moment after the edit
        is known as sent.
        """
        before, self._own[source] = self._own.get(source, ()), own
        not_sent = {one.id for one in own} | {queued.edit.id for queued in self._outbox.lost} | self._dropped
        # protects: what-was-done-holds-until-it-is-read
        sent = [one for one in before if one.id not in not_sent]
        proved = [one for one in self._proved.get(source, ()) if one.until > self._ticks and one.stands(catalog)]
        self._proved[source] = [*proved, *(_Proved.of(one, catalog, self._ticks + _READ_WITHIN) for one in sent)]
        return [one.edit for one in self._proved[source]]

    # Looking

    def tick(self) -> None:
        """Once a second: what stood on the shelf comes back, and what time alone makes an alarm is found."""
        self._ticks += 1
        if self._ticks % _EVERY == 0:
            self.look()
        self._show()

    def look(self) -> None:
        """Look for alarms on a worker, and begin at sources where that was not done, as for another operator."""
        view = self._window_state.view
        if view is None or not view.knows_hazards:
            return
        for source in self._points.leave():
            self._list.forget(source)
        read = self._window_state.read_sources
        begin, turn = self._points.to_begin(read), self._points.turn
        cities, crews = self._window_state.cities, self._crews()
        times = {source: self._time_at(source).astimezone(self._zone_at(source)) for source in cities.catalogs}
        now_s, scopes = int(self._now().timestamp()), {source: self._rights_at(source) for source in times}
        told = frozenset(one.row for one in self._hazards.unseen)

        def work() -> _AlarmsFound:
            reader = self._reader()
            cursors = reader.cursors()
            epochs = {source: cursors[source].epoch for source in begin if source in cursors}
            at_last = {source: known(begin[source], cursors[source]) for source in epochs}
            unread = frozenset(source for source in times if reader.loaded([source]) < Loaded.WHOLE)
            finder = self._finder
            found = finder.find(view, cities, crews, times, reader, now_s, scopes, told)
            return _AlarmsFound(found, read, epochs, at_last, turn, finder.outside, unread, finder.left_out)

        self._tasks.latest(_KIND, work, self._on_found)

    def _on_found(self, found: _AlarmsFound) -> None:
        if found.turn != self._points.turn:
            return
        for source, at_last in found.at_last.items():
            if at_last is not None:
                self._list.begin(source, _decoded(at_last))
        self._points.begin(found.epochs)
        self._outside = found.outside
        # protects: half-a-city-has-no-alarms
        alarms = [one for one in found.alarms if one.source in found.read]
        records = self._records(alarms)
        sources = {*found.read, *self._sources.keys, ""}
        unknown = sources.difference(found.read, ("",))
        # Of a P1 that stands and is listed no more nothing calls when it is listed again, unless it is told by then.
        self._looked_at |= found.left_out.get(AlarmKind.CREWLESS, frozenset()) & self._by_row.keys()
        self._list.found(
            [*alarms, *self._faults()],
            sources,
            records,
            self._now(),
            found.unread,
            unknown,
            lambda alarm: alarm.row in found.left_out.get(alarm.kind, ()) or self._is_of_no_limit(alarm),
        )
        was_known, self.is_known = self.is_known, True
        self._show(is_found=True)
        if self._looked_at and (view := self._window_state.view) is not None:
            self._looked_at = self._looked_at.intersection(view.known_hazards.tolist()) - self._by_row.keys()
        if not was_known:
            self.changed.emit()

    def _is_of_no_limit(self, alarm: Alarm) -> bool:
        """Whether an alarm is of a limit that the city has no more: nobody could acknowledge that it has returned."""
        # protects: nothing-is-asked-of-a-limit-that-is-gone
        return alarm.kind is AlarmKind.LIMIT and alarm.about not in self._window_state.catalog(alarm.source).limits

    def _faults(self) -> list[Alarm]:
        """The servers that cannot be reached for a while, and the sync process when it has stopped."""
        now, found = self._now(), []
        for source in self._sources.keys:
            since = self._sources.unreached_since(source)
            if since is not None and now - since > _DELAY:
                found.append(Alarm(AlarmKind.SOURCE, source, "", since, 2, title=self._sources.name(source)))
        if self._sources.sync_alive:
            self._sync_stopped = None
        else:
            self._sync_stopped = self._sync_stopped or now
            if now - self._sync_stopped > _DELAY:
                found.append(Alarm(AlarmKind.SOURCE, "", SYNC, self._sync_stopped, 2))
        return found

    def _begin_again(self) -> None:
        self._points.forget()
        self.look()

    def _now(self) -> datetime:
        return self._time_at(self._sources.first)

    # Showing

    def _on_looked_at(self, rows: frozenset[int]) -> None:
        """To look at a P1 is to silence it here."""
        found = {row: one.alarm.key for row in rows if (one := self.of_row(row)) and one.state is AlarmState.NEW}
        self._list.silence(found.values())
        self._looked_at |= rows - found.keys()

    def _follow_hazards(self, listed: Sequence[ListedAlarm], told: Collection[int]) -> bool:
        """Have the P1 call that the red notice tells, and be silent what was looked at; returns whether any was
        otherwise.
        """
        news = [one for one in listed if one.alarm.kind is AlarmKind.CREWLESS and one.state is AlarmState.NEW]
        call = [one.alarm.key for one in news if one.is_silent and one.alarm.row in told]
        silence = [one.alarm.key for one in news if one.calls and one.alarm.row not in told and self._is_seen(one)]
        self._list.call(call)
        self._list.silence(silence)
        return bool(call or silence)

    def _is_seen(self, one: ListedAlarm) -> bool:
        """Whether the operator has looked at a P1 before its alarm came to be listed as new. That a report is the
        chosen one says nothing of the crew that it lost since, nor of a shelf that has ended.
        """
        if one.alarm.row in self._looked_at:
            return True
        is_lost = one.alarm.lost_by not in ("", self._window_state.me_at(one.alarm.source))
        return one.alarm.row == self._window_state.row and not is_lost and not self._is_still(one)

    def _is_still(self, one: ListedAlarm) -> bool:
        """Whether it is the occurrence that was acknowledged or shelved before."""
        before = self._by_key.get(one.alarm.key)
        answered = (AlarmState.ACKNOWLEDGED, AlarmState.SHELVED)
        return before is not None and before.alarm.since == one.alarm.since and before.state in answered

    def _show(self, *, is_found: bool = False) -> None:
        """Work out the list, tell who has to know, and keep it. `is_found`: what is listed has just been found."""
        before, records, now = self._waiting, self._records(), self._now()
        told = {one.row for one in self._hazards.unseen}
        listed = self._list.listed(records, self._time_at)
        if self._follow_hazards(listed, told):
            listed = self._list.listed(records, self._time_at)
        over, again = self._hazard_news(listed, told, is_found=is_found)
        flood = in_flood(listed, now)
        changed = listed != self._listed or flood != self._flood or before != self._waiting
        self._listed, self._flood = listed, flood
        if changed:
            self._by_key = {one.alarm.key: one for one in listed}
            self._by_row = {one.alarm.row: one for one in listed if one.alarm.kind is AlarmKind.CREWLESS}
            self._keep()
            self.changed.emit()
        calling = min(
            (one.alarm for one in listed if one.calls), key=lambda one: (one.priority, one.since), default=None
        )
        if calling != self._calling:
            self._calling = calling
            self.called.emit(calling)
        if over:
            self._hazards.drop(over)
        if again:
            self._hazards.tell(again)

    def _hazard_news(
        self, listed: Sequence[ListedAlarm], told: Collection[int], *, is_found: bool
    ) -> tuple[set[int], dict[int, tuple[HazardNews, datetime]]]:
        """The rows that the red notice is to tell no more, as somebody acknowledged or shelved them at whichever
        console, and those that it is to tell, each with what is new.
        """
        over: set[int] = set()
        again: dict[int, tuple[HazardNews, datetime]] = {}
        for one in listed:
            row, before = one.alarm.row, self._by_key.get(one.alarm.key)
            if one.alarm.kind is not AlarmKind.CREWLESS:
                continue
            if one.state in (AlarmState.ACKNOWLEDGED, AlarmState.SHELVED):
                # What was listed so before may be told for an occurrence that is not found yet.
                if row in told and (is_found or before is None or before.state is not one.state):
                    over.add(row)
            # protects: a-new-p1-is-told
            elif one.calls and row not in told:
                is_still = self._is_still(one)
                news = HazardNews.STILL if is_still else HazardNews.ALONE
                again[row] = news, self._time_at(one.alarm.source) if is_still else one.alarm.since
        return over, again

    def _keep(self) -> None:
        kept = {source: self._list.kept(source) for source in self._window_state.cities.catalogs}
        if kept != self._kept:
            self._kept = kept
            self._points.keep(
                {one.alarm.key: msgspec.json.encode(one).decode() for listed in kept.values() for one in listed}
            )


def _decoded(texts: Mapping[str, str]) -> list[KeptAlarm]:
    """What was kept, without what an older or newer version wrote otherwise."""
    found = []
    for text in texts.values():
        try:
            found.append(decode(text.encode(), KeptAlarm))
        except ValueError:
            continue
    return found
