"""Finds the alarms in what is known: the board's reports, the cities' units and their jobs. For a worker thread."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

import numpy as np

from api_client.model import (
    AlarmKind,
    Assignment,
    AssignmentState,
    Entry,
    Kind,
    Status,
    Unit,
    UnitState,
    alarm_id,
)
from console.board.counts import Bools, is_due_within, is_overdue
from console.board.limits import LimitFinder
from console.board.snapshot import CLOSED_FROM, Fact, are_open
from console.board.view import View
from console.board.zorder import Positions
from console.cache.catalog import Catalog, Cities, CityUnit
from console.cache.reader import CacheReader, HistoryMark
from console.rules.alarms import ANSWER_S, ARRIVAL_S, MOST_OF_A_KIND, SILENT_S, SLA_ENDS_SOON_S, Alarm
from console.rules.edit import NO_EFFECT
from console.rules.handover import (
    LATE,
    confirmed_in,
    ended_shift,
    handed_over_by,
    id_of_shift,
    is_not_handed_over,
    left_over,
    unsigned_at,
)
from console.rules.report import HAZARD, is_for_everybody, upwards
from console.rules.rights import Rights, in_scope, unit_in_scope
from console.rules.status import ENDED_ASSIGNMENT, ON_THE_WAY

_URGENT = 2
_ME_UNLISTED = -1
"""The claim column's number for this operator before the cache has one for him."""
_EVERYWHERE = Rights()
_SHORTEST_S = min(*ANSWER_S.values(), *ARRIVAL_S.values())
_DONE = frozenset({Status.VALIDATION, Status.RESOLVED, Status.CLOSED})
"""In these nobody has to come."""
_TAKES = frozenset({Kind.CLAIM, Kind.DISPATCH})
"""By these somebody has a report."""
_BELONGS = frozenset({"area", "agency"})
"""What decides who is to answer a report."""
_LOOKED_AT = 4
"""So many times what is listed of late reports is looked at, where there are more than that."""
_CLAIMS_LOOKED_AT = 200
"""Of so many reports that somebody has it is looked since when."""
_AWAITED = frozenset({UnitState.AVAILABLE, UnitState.COMMITTED, UnitState.EN_ROUTE, UnitState.ON_SCENE})


class AlarmFinder:
    """Keeps what it has read of the histories of P1 reports until they change; one worker at a time asks it."""

    def __init__(self) -> None:
        self._since: dict[int, tuple[tuple[int, int, HistoryMark], float, str]] = {}
        """Row -> up to where its history was read, since when it has been a P1 without a crew, and by whom."""
        self._limits = LimitFinder()
        self.outside: frozenset[int] = frozenset()
        """The rows of the P1 without a crew that are for others to answer."""
        self.left_out: dict[AlarmKind, frozenset[int]] = {}
        """The rows of reports whose alarms of this kind stand and were not among those found, which are too many."""

    def find(
        self,
        view: View,
        cities: Cities,
        crews: Iterable[CityUnit],
        times: Mapping[str, datetime],
        reader: CacheReader,
        now_s: int,
        scopes: Mapping[str, Rights],
        told: Collection[int] = (),
    ) -> list[Alarm]:
        """All that need this operator's response, but for faults of servers. `crews` are the units with their newest
        positions, `times` the present time by the clock of each source in the zone of its city, `now_s` that by which
        reports are judged, `scopes` what the operator may do at each source: what lies outside is for others to answer.
        Of more than MOST_OF_A_KIND P1 those in the rows `told` come first, of as many late reports those that nobody
        has answered.
        """
        self.left_out = {}
        own = [crew for crew in crews if _is_own(crew, cities, scopes)]
        return [
            *self._crewless(view, cities, reader, scopes, told),
            *self._late(view, cities, reader, now_s, scopes),
            *_units(cities, own, times, reader),
            *self._handed_over(view, cities, reader, times, scopes),
            *_not_handed_over(view, cities, times, reader, scopes),
            *self._limits.find(view, cities, times, scopes),
        ]

    def _crewless(
        self, view: View, cities: Cities, reader: CacheReader, scopes: Mapping[str, Rights], told: Collection[int]
    ) -> list[Alarm]:
        within = within_scopes(view, view.snapshot.positions(view.known_hazards), cities, scopes)
        self.outside = frozenset(view.known_hazards[~within].tolist())
        rows = view.known_hazards[within]
        if len(rows) > MOST_OF_A_KIND:
            # protects: what-is-told-is-listed
            rows = rows[np.argsort(~np.isin(rows, list(told)), kind="stable")]
            self.left_out[AlarmKind.CREWLESS] = frozenset(rows[MOST_OF_A_KIND:].tolist())
        facts = view.row_facts(rows[:MOST_OF_A_KIND])
        names = reader.keys([fact.row for fact in facts])
        # Read before the histories: what comes meanwhile is read next time.
        marks = reader.history_marks(names)
        found, known = [], {}
        for fact in facts:
            # protects: a-report-that-goes-takes-no-alarm-with-it
            if fact.row not in names or fact.row not in marks:  # made here, and at no server yet, or gone just now
                continue
            mark = fact.created, fact.updated, marks[fact.row]
            before = self._since.get(fact.row)
            # protects: a-lost-crew-is-a-new-alarm
            if before is None or before[0] != mark:
                before = mark, *_crewless_since(fact, reader)
            known[fact.row] = before
            source, number = names[fact.row]
            gone = [one for one in _gone(cities, source, number, reader) if one[0] > before[1]]
            since_s, lost_by = max([before[1:], *gone])
            since = datetime.fromtimestamp(max(0.0, since_s), UTC)
            title = _title(fact, number, cities)
            taken = bool(fact.claim)
            found.append(
                Alarm(
                    AlarmKind.CREWLESS, source, number, since, HAZARD, number, fact.row, title=title, is_taken=taken,
                    lost_by=lost_by,
                )
            )  # fmt: skip
        self._since = known
        return found

    def _late(
        self, view: View, cities: Cities, reader: CacheReader, now_s: int, scopes: Mapping[str, Rights]
    ) -> list[Alarm]:
        """The P1 and P2 whose SLA is breached, or will be soon; the most urgent and the latest first."""
        column = view.snapshot.column
        is_open = are_open(view.snapshot)
        judged = is_open & (column("priority") <= _URGENT)
        state, due = column("due_state"), column("due")
        breached = judged & is_overdue(due, state, now_s)
        ending = judged & is_due_within(due, state, now_s, SLA_ENDS_SOON_S)
        found = []
        for mask, kind in ((breached, AlarmKind.SLA_BREACH), (ending, AlarmKind.SLA_ENDING)):
            at = np.flatnonzero(mask)
            at = at[within_scopes(view, at, cities, scopes)]
            rows = column("row")[at[np.lexsort((due[at], column("priority")[at]))]]
            facts = view.row_facts(rows[: _LOOKED_AT * MOST_OF_A_KIND])
            names = reader.keys([fact.row for fact in facts])
            late = [(fact, *names[fact.row], _late_since(fact, kind)) for fact in facts if fact.row in names]
            if len(rows) > MOST_OF_A_KIND:
                # protects: what-nobody-has-answered-is-listed
                late.sort(key=lambda one: _is_answered(cities, kind, *one[1:]))
                late = late[:MOST_OF_A_KIND]
                self.left_out[kind] = frozenset(rows.tolist()).difference(fact.row for fact, *_ in late)
            for fact, source, number, since in late:
                title, is_taken = _title(fact, number, cities), bool(fact.claim)
                found.append(
                    Alarm(kind, source, number, since, fact.priority, number, fact.row, "", title, is_taken=is_taken)
                )
        return found

    def _handed_over(
        self,
        view: View,
        cities: Cities,
        reader: CacheReader,
        times: Mapping[str, datetime],
        scopes: Mapping[str, Rights],
    ) -> list[Alarm]:
        """The hand-overs that nobody has signed, and the reports of signed ones that nobody has taken over, the most
        urgent and oldest.
        """
        unsigned: list[Alarm] = []
        found: list[Alarm] = []
        for source, now in times.items():
            handovers = cities.of(source).handovers
            for handover, since in unsigned_at(handovers, now):
                title = f"{handover.outgoing} → {handover.incoming}" if handover.incoming else handover.outgoing
                unsigned.append(Alarm(AlarmKind.UNSIGNED, source, handover.id, since, _URGENT, title=title))
            left = left_over(handovers, now)
            # protects: what-came-between-offer-and-signature-is-an-alarm
            confirmed = _unlisted(view, cities, source, reader, now) | confirmed_in(handovers, now)
            rows = {row: number for number, row in reader.rows_of(source, {*left, *confirmed}).items()}
            facts = view.row_facts(list(rows))
            holders = {rows[fact.row]: cities.code("user", fact.claim) for fact in facts}
            held = {number: one for number, one in confirmed.items() if holders.get(number) == one[0]}
            left |= _not_given(held, source, reader)
            facts = [fact for fact in facts if rows[fact.row] in left]
            within = within_scopes(view, view.snapshot.positions([fact.row for fact in facts]), cities, scopes)
            for fact, is_own in zip(facts, within.tolist(), strict=True):
                number = rows[fact.row]
                outgoing, since = left[number]
                # Whoever has taken it since has taken it over.
                is_over = fact.status >= CLOSED_FROM or fact.merged or fact.claim == _ME_UNLISTED
                if not is_own or is_over or cities.code("user", fact.claim) not in (None, outgoing):
                    continue
                title, taken = _title(fact, number, cities), bool(fact.claim)
                found.append(
                    Alarm(AlarmKind.LEFT_OVER, source, number, since, fact.priority, number, fact.row, "", title, taken)
                )
        # protects: what-is-done-takes-no-place-of-what-is-left
        found.sort(key=lambda one: (one.priority, one.since))
        if len(found) > MOST_OF_A_KIND:
            self.left_out[AlarmKind.LEFT_OVER] = frozenset(one.row for one in found[MOST_OF_A_KIND:])
        return [*unsigned, *found[:MOST_OF_A_KIND]]


def within_scopes(view: View, at: Positions, cities: Cities, scopes: Mapping[str, Rights]) -> Bools:
    """Which of the reports at these positions lie in the operator's areas or with his agencies, by his rights at each
    source; each area and agency is looked at once.
    """
    scoped = {source: rights for source, rights in scopes.items() if rights.areas or rights.agencies}
    if not scoped or not len(at):
        return np.ones(len(at), np.bool_)
    columns = [view.snapshot.column(name)[at].astype(np.int64) for name in ("source", "area", "agency")]
    of_source, area, agency = columns
    places = (of_source * (area.max() + 1) + area) * (agency.max() + 1) + agency
    _, first, which = np.unique(places, return_index=True, return_inverse=True)
    own = []
    for source_number, area_number, agency_number in zip(*(column[first].tolist() for column in columns), strict=True):
        source = cities.source(source_number)
        rights = scoped.get(source, _EVERYWHERE)
        around = upwards(cities.code("area", area_number), cities.of(source).areas.get)
        # protects: alarms-of-others-are-not-listed
        own.append(
            in_scope(rights.areas, rights.agencies, agency=cities.code("agency", agency_number), area_upwards=around)
        )
    return np.array(own, np.bool_)[which]


def _late_since(fact: Fact, kind: AlarmKind) -> datetime:
    """Since when an SLA is breached, or at risk: that is since a fixed time before, the same at every console."""
    return datetime.fromtimestamp(max(0, fact.due - (SLA_ENDS_SOON_S if kind is AlarmKind.SLA_ENDING else 0)), UTC)


def _is_answered(cities: Cities, kind: AlarmKind, source: str, number: str, since: datetime) -> bool:
    """Whether somebody has acknowledged this occurrence of an alarm, as far as its server has told."""
    record = cities.of(source).alarms.get(alarm_id(kind, number))
    return record is not None and record.acknowledged_at is not None and record.since >= since


def _is_own(crew: CityUnit, cities: Cities, scopes: Mapping[str, Rights]) -> bool:
    rights = scopes.get(crew.source, _EVERYWHERE)
    return unit_in_scope(rights.areas, rights.agencies, crew.unit, cities.of(crew.source).areas.get)


def _crewless_since(fact: Fact, reader: CacheReader) -> tuple[float, str]:
    """Since when (unix seconds) a report has been a P1 without a crew: since it was made, became a P1, came back to
    work, was passed on, its last crew has gone or who had taken it has left it or signed out; and by whom that was (""
    when it was made so).
    """
    ended = [(job.since.timestamp(), job.by) for job in reader.assignments(fact.row) if job.state in ENDED_ASSIGNMENT]
    turned = [(entry.at.timestamp(), _by(entry)) for entry in _turns(reader.entries(fact.row))]
    cached = reader.report(fact.row)
    claim = cached.report.claim if cached is not None else None
    # That is in no history: nobody did anything to the report.
    # protects: who-signs-out-leaves-a-p1-to-all
    left = [(claim.offer.at.timestamp(), claim.offer.by)] if claim and claim.offer and is_for_everybody(claim) else []
    return max([(float(fact.created), ""), *ended, *turned, *left])


def _by(entry: Entry) -> str:
    return "" if entry.kind == "created" else entry.author


def _turns(entries: Sequence[Entry]) -> list[Entry]:
    """The entries of a history, the oldest first, that made the report a P1, brought it back to work, passed it on to
    another area or agency, or took back that a crew comes or that somebody has it.
    """
    found: list[Entry] = []
    is_done: bool | None = None
    belongs: dict[str, object] = {}
    undone = {entry.undone_by: entry for entry in entries if entry.undone_by is not None}
    for entry in entries:
        was_done, status, before = is_done, entry.data.get("status"), undone.get(entry.id)
        is_done = str(status) in _DONE if status is not None else is_done
        is_raised = entry.undone_by is None and entry.data.get("priority") == HAZARD
        # An undo tells of a field only what it undoes: who lowered it, or said that a crew comes.
        # protects: what-an-undo-brings-back-is-new
        is_undo = before is not None and (
            "priority" in before.data
            or before.kind in _TAKES
            or str(before.data.get("state")) in ON_THE_WAY
            or not _BELONGS.isdisjoint(before.data)
        )
        was_returned = was_done is None and status == Status.RETURNED  # of a history that is not here from its start
        # protects: what-comes-back-to-work-is-new
        is_back = ((was_done or was_returned) and not is_done) or (
            entry.kind == Kind.REOPEN and NO_EFFECT not in entry.data
        )
        # protects: who-leaves-a-p1-leaves-it-to-all
        is_left = entry.kind == Kind.RELEASE
        # Who is to answer it now has heard nothing of it, whoever had acknowledged it before.
        # protects: a-p1-that-is-passed-on-calls-where-it-goes
        is_passed = entry.kind == Kind.SET and entry.undone_by is None and _goes_elsewhere(entry, belongs)
        belongs |= {field: entry.data[field] for field in _BELONGS & entry.data.keys()}
        if is_raised or is_undo or is_back or is_left or is_passed:
            found.append(entry)
    return found


def _goes_elsewhere(entry: Entry, belongs: Mapping[str, object]) -> bool:
    """Whether an entry gives a report to another area or agency than those that it belongs to, as far as is known."""
    return any(belongs.get(field) != entry.data[field] for field in _BELONGS & entry.data.keys())


def _gone(cities: Cities, source: str, report: str, reader: CacheReader) -> list[tuple[float, str]]:
    """Since when the units that are sent to a report cannot work or are on their way elsewhere, and their codes.

    A unit counts for the report that it was on its way to last: see the board's round.
    """
    catalog, found = cities.of(source), []
    for job in catalog.assignments:
        unit = catalog.units.get(job.unit)
        if job.report != report:
            continue
        was_coming = job.state in ON_THE_WAY
        if unit is not None and unit.state is UnitState.UNAVAILABLE:
            # By a clock of its own it may have said so before it was on its way.
            found.append((max(unit.state_since, job.since if was_coming else unit.state_since).timestamp(), unit.code))
        if was_coming:
            code = unit.code if unit is not None else job.unit
            others = [one for one in catalog.by_unit[job.unit] if one.report != report and one.state in ON_THE_WAY]
            # protects: a-crew-that-drives-elsewhere-has-gone
            found += [(_left_for(one, job, reader, source), code) for one in others if one.since > job.since]
    return found


def _left_for(other: Assignment, job: Assignment, reader: CacheReader, source: str) -> float:
    """When a unit left a job for another: its first word, after the job's last, that it drives to the other."""
    row = reader.row_of(source, other.report)
    said = reader.entries(row) if row is not None else []
    times = [one.at for one in said if one.kind == Kind.PROGRESS and one.unit == other.unit and one.at > job.since]
    return min([other.since, *times]).timestamp()


def _unlisted(
    view: View, cities: Cities, source: str, reader: CacheReader, now: datetime
) -> dict[str, tuple[str, datetime, datetime]]:
    """The open reports of who has handed his shift over that stand in none of its lines, as `confirmed_in` gives
    others: he took them after he had offered it, and who signed at the own desk has not seen them.
    """
    handovers, numbers = cities.of(source).handovers, cities.numbers.get("user", {})
    column, found = view.snapshot.column, dict[str, tuple[str, datetime, datetime]]()
    of_source = are_open(view.snapshot) & (column("source") == cities.source_number(source))
    for outgoing, (since, signed, listed) in handed_over_by(handovers, now).items():
        at = np.flatnonzero(of_source & (column("claim") == numbers.get(("", outgoing), 0)) & (column("claim") > 0))
        for _, number in reader.keys(column("row")[at[:_CLAIMS_LOOKED_AT]].tolist()).values():
            if number not in listed:
                found[number] = outgoing, since, signed
    return found


def _not_given(
    confirmed: Mapping[str, tuple[str, datetime, datetime]], source: str, reader: CacheReader
) -> dict[str, tuple[str, datetime]]:
    """The reports that were confirmed (see `confirmed_in`), or stand in no line, and that who handed over has still:
    they lie outside the areas and agencies of who signed, and did not become his, or he had not seen them.
    """
    found: dict[str, tuple[str, datetime]] = {}
    for number, report in reader.reports_of(source, confirmed).items() if confirmed else ():
        (outgoing, since, signed), claim = confirmed[number], report.claim
        # protects: what-was-confirmed-and-not-given-is-an-alarm
        if claim is not None and claim.who == outgoing and claim.since <= signed and not is_for_everybody(claim):
            found[number] = outgoing, since
    return found


def _not_handed_over(
    view: View, cities: Cities, times: Mapping[str, datetime], reader: CacheReader, scopes: Mapping[str, Rights]
) -> list[Alarm]:
    """The shifts that are over, of which nobody has offered a hand-over though there was something to hand over: of
    each source the last one. `times` are by the clock of each source, in its zone; `scopes` as for alarms.
    """
    found = []
    for source, now in times.items():
        shift = ended_shift(now, now.tzinfo or UTC)
        if not is_not_handed_over(cities.of(source).handovers, shift):
            continue
        # protects: a-shift-that-nobody-handed-over-is-an-alarm
        if _left_something(view, cities, source, reader, shift.end, scopes):
            start, end = (at.astimezone(now.tzinfo) for at in (shift.start, shift.end))
            title, since = f"{start:%H}–{end:%H}", shift.end + LATE
            found.append(Alarm(AlarmKind.UNSIGNED, source, id_of_shift(shift), since, _URGENT, title=title))
    return found


def _left_something(
    view: View, cities: Cities, source: str, reader: CacheReader, end: datetime, scopes: Mapping[str, Rights]
) -> bool:
    """Whether reports of the operator's scope that are open had been P1, breached or taken when a shift ended."""
    column, end_s = view.snapshot.column, int(end.timestamp())
    is_open = are_open(view.snapshot)
    is_open &= (column("source") == cities.source_number(source)) & (column("created") < end_s)
    at = np.flatnonzero(is_open)
    at = at[within_scopes(view, at, cities, scopes)]
    late = is_overdue(column("due")[at], column("due_state")[at], end_s)
    if bool(np.any((column("priority")[at] == HAZARD) | late)):
        return True
    taken = column("row")[at[column("claim")[at] != 0]][:_CLAIMS_LOOKED_AT]
    numbers = [number for _, number in reader.keys(taken.tolist()).values()]
    claims = (one.claim for one in reader.reports_of(source, numbers).values())
    return any(claim is not None and claim.since < end for claim in claims)


def _units(
    cities: Cities, crews: Iterable[CityUnit], times: Mapping[str, datetime], reader: CacheReader
) -> list[Alarm]:
    late: list[tuple[CityUnit, Assignment]] = []
    silent: list[tuple[CityUnit, datetime, Sequence[Assignment]]] = []
    for crew in crews:
        now, jobs = times.get(crew.source), cities.jobs(crew)
        if now is None:
            continue
        if (job := _awaited(jobs, now)) is not None:
            late.append((crew, job))
        if (heard := last_heard(crew.unit, jobs)) is not None and (now - heard).total_seconds() > SILENT_S:
            silent.append((crew, heard + timedelta(seconds=SILENT_S), jobs))
    return [*_overdue(late, cities, times, reader), *_silent(silent, reader)]


def _silent(units: Sequence[tuple[CityUnit, datetime, Sequence[Assignment]]], reader: CacheReader) -> list[Alarm]:
    """The alarms of these units, each since when, with their jobs; of one that is sent to a P1 it is as urgent."""
    wanted: dict[str, set[str]] = {}
    for crew, _, jobs in units:
        wanted.setdefault(crew.source, set()).update(job.report for job in jobs)
    known = {source: reader.reports_of(source, numbers) for source, numbers in wanted.items() if numbers}
    found = []
    for crew, since, jobs in units:
        unit, reports = crew.unit, known.get(crew.source, {})
        # protects: a-silent-unit-on-a-p1-is-as-urgent
        at_hazard = [job.report for job in jobs if job.report in reports and reports[job.report].priority == HAZARD]
        report = next(iter(at_hazard), jobs[0].report if jobs else "")
        priority, title = HAZARD if at_hazard else _URGENT, f"{unit.code} {unit.name}".strip()
        found.append(Alarm(AlarmKind.SILENT, crew.source, unit.id, since, priority, report, unit=unit.id, title=title))
    return sorted(found, key=lambda one: (one.priority, one.since))[:MOST_OF_A_KIND]


def _awaited(jobs: Sequence[Assignment], now: datetime) -> Assignment | None:
    """The order of a unit that something is awaited of, for longer than any may take; None when there is none.

    One that is at work somewhere has its other orders for later.
    """
    if any(job.state is AssignmentState.ON_SCENE for job in jobs):
        return None
    there = [job for job in jobs if job.state in ON_THE_WAY]
    told = [job for job in jobs if job.state in (AssignmentState.DISPATCHED, AssignmentState.ACKNOWLEDGED)]
    first = max(there, key=lambda job: job.since) if there else min(told, key=lambda job: job.since, default=None)
    return first if first is not None and (now - first.since).total_seconds() > _SHORTEST_S else None


def last_heard(unit: Unit, jobs: Sequence[Assignment]) -> datetime | None:
    """When something was heard of a unit last; None of one that sends no positions, or of which nothing is awaited."""
    if unit.position_at is None or unit.state not in _AWAITED:
        return None
    return max(unit.position_at, unit.state_since, *(job.since for job in jobs))


def _overdue(
    late: Sequence[tuple[CityUnit, Assignment]],
    cities: Cities,
    times: Mapping[str, datetime],
    reader: CacheReader,
) -> list[Alarm]:
    """Of the orders that have waited for some time those that have waited too long for their priority."""
    wanted: dict[str, set[str]] = {}
    for crew, job in late[: 4 * MOST_OF_A_KIND]:
        wanted.setdefault(crew.source, set()).add(job.report)
    reports = {source: reader.reports_of(source, numbers) for source, numbers in wanted.items()}
    found = []
    for crew, job in late[: 4 * MOST_OF_A_KIND]:
        report = reports[crew.source].get(job.report)
        if report is None:
            continue
        priority = min(max(report.priority, 1), 4)
        unanswered = job.state is AssignmentState.DISPATCHED
        limit = timedelta(seconds=(ANSWER_S if unanswered else ARRIVAL_S)[priority])
        if times[crew.source] - job.since <= limit:
            continue
        kind = AlarmKind.UNANSWERED if unanswered else AlarmKind.NOT_ARRIVED
        catalog = cities.of(crew.source)
        place = _named(job.report, catalog, report.service, report.area)
        found.append(
            Alarm(
                kind, crew.source, crew.unit.id, job.since + limit, priority, job.report, unit=crew.unit.id,
                title=f"{crew.unit.code}: {place}",
            )
        )  # fmt: skip
    return sorted(found, key=lambda one: (one.priority, one.since))[:MOST_OF_A_KIND]


def _title(fact: Fact, number: str, cities: Cities) -> str:
    """`931204 Banjir, Cawang`: the number first, as the rest may have no room."""
    catalog = cities.of(cities.source(fact.source))
    return _named(number, catalog, cities.code("service", fact.service), cities.code("area", fact.area))


def _named(number: str, catalog: Catalog, service: str | None, area: str | None) -> str:
    what = f"{number} {catalog.service_name(service)}"
    return f"{what}, {catalog.name('area', area)}" if area else what
