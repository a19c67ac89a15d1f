"""Finds what a shift hands over: each report, unit and shelved alarm once, in the most dangerous section.

For a worker thread.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime

import msgspec
import numpy as np

from api_client.model import AlarmKind, AlarmRecord, Entry, HandoverSection, UnitState, alarm_id
from console.board.alarms import last_heard, within_scopes
from console.board.counts import Bools, is_due_within, is_overdue
from console.board.snapshot import Fact, are_open
from console.board.view import RISK_S, View
from console.board.zorder import Positions
from console.cache.catalog import Cities, CityUnit
from console.cache.reader import CacheReader
from console.rules.alarms import SILENT_S
from console.rules.apply import ReportState
from console.rules.edit import Edit
from console.rules.handover import MOST_HAZARDS, MOST_OF_A_SECTION
from console.rules.pending import with_edits
from console.rules.report import HAZARD
from console.rules.rights import Rights, unit_in_scope
from console.rules.run_card import is_of_card, steps_of

_URGENT = 2


class HandoverItem(msgspec.Struct, frozen=True):
    """One line of a hand-over, as it is found. `id` says what it is about, `fact` is of its report.

    `crew` is the unit that it is about, `shelved` what was done about an alarm of it that is shelved now, `entry` a
    line of the log, `limit` the name of the city's limit whose alarm is shelved. `steps` is how many steps of the run
    card of a P1 are done, those too that are in the outbox, and how many there are; None where all are, and where there
    is no card.
    """

    id: str
    section: HandoverSection
    priority: int = 0
    report: str = ""
    fact: Fact | None = None
    crew: CityUnit | None = None
    shelved: AlarmRecord | None = None
    entry: Entry | None = None
    limit: str = ""
    steps: tuple[int, int] | None = None

    @property
    def row(self) -> int:
        """The row of its report, 0 where it is about none."""
        return self.fact.row if self.fact is not None else 0


class HandoverFound(msgspec.Struct, frozen=True):
    """The lines in the order of their sections; `counts` are how many there are of each, those not listed too.
    `left_out` is how many P1 are not listed.
    """

    items: tuple[HandoverItem, ...]
    counts: dict[HandoverSection, int]
    left_out: int = 0


def find_items(
    view: View,
    cities: Cities,
    source: str,
    crews: Iterable[CityUnit],
    reader: CacheReader,
    now: datetime,
    rights: Rights,
    noted: Sequence[str],
    since: datetime,
    missing: Collection[str] = (),
    edits_of: Callable[[str, str], tuple[Edit, ...]] = lambda _source, _report: (),
) -> HandoverFound:
    """What there is to hand over at a source, as far as it lies in the operator's scope or he has taken it.

    `crews` are the units with their newest positions, `now` the time by the clock of the source, `noted` the numbers of
    the reports that somebody marked for the next shift, `since` when the shift began, `missing` the ids of the units
    that did not answer in the roll call, `edits_of` the own edits of a report of a source that are in the outbox.
    """
    finder = _Finder(view, cities, source, reader, now, rights, edits_of)
    finder.add_reports()
    finder.add_shelved()
    finder.add_units(crews, missing)
    finder.add_noted(noted)
    finder.add_log(since)
    return HandoverFound(tuple(finder.items), finder.counts, finder.left_out)


class _Finder:
    """Fills one list; what stands in it is added no second time."""

    def __init__(
        self,
        view: View,
        cities: Cities,
        source: str,
        reader: CacheReader,
        now: datetime,
        rights: Rights,
        edits_of: Callable[[str, str], tuple[Edit, ...]],
    ) -> None:
        self._view, self._cities, self._source, self._reader = view, cities, source, reader
        self._now, self._rights, self._edits_of = now, rights, edits_of
        self.items: list[HandoverItem] = []
        self.counts: dict[HandoverSection, int] = dict.fromkeys(HandoverSection, 0)
        self.left_out = 0

    def add_reports(self) -> None:
        """The open reports, section by section."""
        column = self._view.snapshot.column
        is_open = are_open(self._view.snapshot)
        is_open &= column("source") == self._cities.source_number(self._source)
        at = np.flatnonzero(is_open)
        mine: Bools = np.isin(column("row")[at], self._view.mine)
        own = within_scopes(self._view, at, self._cities, {self._source: self._rights}) | mine
        at, mine = at[own], mine[own]
        now_s = int(self._now.timestamp())
        due, state = column("due")[at], column("due_state")[at]
        priority, claim, created = column("priority")[at], column("claim")[at], column("created")[at]
        late = is_overdue(due, state, now_s) | is_due_within(due, state, now_s, RISK_S)
        by_due = np.where(due == 0, np.iinfo(np.int64).max, due)
        left: Bools = np.ones(len(at), np.bool_)
        for section, mask, order in (
            (HandoverSection.URGENT, priority <= _URGENT, (created, claim != 0, priority)),
            (HandoverSection.BREACHED, late, (by_due, priority)),
            (HandoverSection.TAKEN, mine, (by_due, priority)),
            (HandoverSection.HELD, column("hold")[at] != 0, (column("hold_until")[at], priority)),
        ):
            # protects: each-report-is-handed-over-once
            found = np.flatnonzero(mask & left)
            left[found] = False
            found = found[np.lexsort(tuple(key[found] for key in order))]
            self.counts[section] += len(found)
            hazards = min(MOST_HAZARDS, int(np.count_nonzero(priority[found] == HAZARD)))
            listed = np.arange(len(found)) < max(MOST_OF_A_SECTION, hazards)
            # protects: what-one-has-taken-is-handed-over
            listed |= mine[found]
            self.left_out += int(np.count_nonzero(~listed & (priority[found] == HAZARD)))
            self._add_rows(section, at[found[listed]])

    def add_shelved(self) -> None:
        """The alarms that are shelved, of what is not listed already."""
        catalog = self._cities.of(self._source)
        shelved = [
            one for one in catalog.alarms.values()
            if one.shelved_until is not None and one.shelved_until > self._now
        ]  # fmt: skip
        crews = {crew.unit.id: crew for crew in self._cities.crews if crew.source == self._source}
        known = {one.id for one in self.items}
        limits = {alarm_id(AlarmKind.LIMIT, key): one for key, one in catalog.limits.items()}
        for record in sorted(shelved, key=lambda one: (one.shelved_until or one.updated, one.id)):
            crew, fact = crews.get(record.unit or ""), self._fact(record.report or "")
            number = record.report or ""
            limit = limits.get(record.id)
            if limit is not None:
                self._add(HandoverItem(record.id, HandoverSection.HELD, shelved=record, limit=limit.name))
                continue
            key = f"unit:{record.unit}" if crew is not None else f"report:{number}"
            if (crew is None and fact is None) or key in known:
                continue
            known.add(key)
            self._add(HandoverItem(key, HandoverSection.HELD, fact.priority if fact else 0, number, fact, crew, record))

    def add_units(self, crews: Iterable[CityUnit], missing: Collection[str]) -> None:
        """The units that cannot work, that did not answer, and of which nothing was heard for long."""
        catalog, known = self._cities.of(self._source), {one.id for one in self.items}
        for crew in sorted(crews, key=lambda one: one.unit.code):
            unit = crew.unit
            if crew.source != self._source or f"unit:{unit.id}" in known:
                continue
            if not unit_in_scope(self._rights.areas, self._rights.agencies, unit, catalog.areas.get):
                continue
            heard = last_heard(unit, self._cities.jobs(crew))
            silent = heard is not None and (self._now - heard).total_seconds() > SILENT_S
            if silent or unit.state is UnitState.UNAVAILABLE or unit.id in missing:
                self._add(HandoverItem(f"unit:{unit.id}", HandoverSection.UNITS, crew=crew))

    def add_noted(self, noted: Sequence[str]) -> None:
        """What somebody marked for the next shift, of what is not listed already."""
        known = {one.id for one in self.items}
        for number in noted:
            if f"report:{number}" not in known and (fact := self._fact(number)) is not None:
                section = HandoverSection.NOTED
                self._add(HandoverItem(f"report:{number}", section, fact.priority, number, fact))

    def add_log(self, since: datetime) -> None:
        """What operators wrote into the log of the control room in this shift, the newest first."""
        for entry in self._reader.log_lines(self._source, since, MOST_OF_A_SECTION):
            self._add(HandoverItem(f"log:{entry.id}", HandoverSection.NOTED, entry=entry))

    def _fact(self, number: str) -> Fact | None:
        row = self._reader.row_of(self._source, number) if number else None
        return next(iter(self._view.row_facts([row])), None) if row is not None else None

    def _add(self, item: HandoverItem) -> None:
        self.counts[item.section] += 1
        self.items.append(item)

    def _add_rows(self, section: HandoverSection, at: Positions) -> None:
        facts = self._view.row_facts(self._view.snapshot.column("row")[at])
        names = self._reader.keys([fact.row for fact in facts])
        for fact in facts:
            if fact.row in names:  # else it was made here, and no server has it yet
                number = names[fact.row][1]
                steps = self._steps(fact, number)
                self.items.append(HandoverItem(f"report:{number}", section, fact.priority, number, fact, steps=steps))

    def _steps(self, fact: Fact, number: str) -> tuple[int, int] | None:
        if fact.priority != HAZARD:
            return None
        card = self._cities.of(self._source).run_card_for(self._cities.code("service", fact.service), fact.priority)
        if card is None:
            return None
        steps = steps_of(card, self._history(fact.row, number))
        done = sum(1 for step in steps if step.done is not None)
        return (done, len(steps)) if done < len(steps) else None

    def _history(self, row: int, number: str) -> Sequence[Entry]:
        """The history of a report, with the own ticks on it that are not sent yet."""
        entries = self._reader.entries(row)
        ticks = [edit for edit in self._edits_of(self._source, number) if is_of_card(edit)]
        cached = self._reader.report(row) if ticks else None
        if cached is None:
            return entries
        # protects: a-tick-in-the-outbox-counts
        return with_edits(ReportState(cached.report, (), tuple(entries)), ticks, now=self._now).entries
