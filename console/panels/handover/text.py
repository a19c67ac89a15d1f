"""What the lines of a hand-over say: which report or unit it is, and where it stands."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, tzinfo

import msgspec

from api_client.model import Entry, HandoverSection, Status, UnitState
from console.board.handover import HandoverItem
from console.board.snapshot import DUE_BREACHED, DUE_RUNNING, Fact
from console.cache.catalog import Cities
from console.panels import formatting
from console.rules.alarms import TYPES
from console.rules.status import ORDER

SECTION_NAMES: dict[HandoverSection, str] = {
    HandoverSection.URGENT: "Open P1 and P2",
    HandoverSection.BREACHED: "Breached, or due within the hour",
    HandoverSection.TAKEN: "Taken by who hands over",
    HandoverSection.HELD: "On hold, and shelved alarms",
    HandoverSection.UNITS: "Units and sync",
    HandoverSection.NOTED: "Noted for the next shift",
}
"""English source texts."""


class ShownLine(msgspec.Struct, frozen=True):
    """A line in words: `title` says what it is about, `when` since or until when, `stands` where it stands; `state` is
    another text when that has changed in more than time. `row` is that of its report, `area` where that lies, "" when
    who hands over has taken it: he may work elsewhere. `unit_symbol` is the drawing of its unit.
    """

    id: str
    section: HandoverSection
    title: str
    when: str = ""
    stands: str = ""
    priority: int = 0
    status: int = 0
    report: str = ""
    unit: str = ""
    row: int = 0
    unit_symbol: str = ""
    state: str = ""
    area: str = ""


class LineWriter:
    """Writes the lines of one source, at one time."""

    def __init__(
        self,
        cities: Cities,
        source: str,
        me: str,
        now: datetime,
        zone: tzinfo,
        tr: Callable[[str], str],
        missing: Mapping[str, datetime],
    ) -> None:
        """`missing` are the units that did not answer in the roll call, and when they were called."""
        self._cities, self._catalog, self._me = cities, cities.of(source), me
        self._now, self._zone, self._tr, self._missing = now, zone, tr, missing

    def line(self, item: HandoverItem) -> ShownLine:
        """An item in words."""
        if item.entry is not None:
            return self._of_log(item, item.entry)
        return self._of_unit(item) if item.fact is None else self._of_report(item, item.fact)

    def _of_log(self, item: HandoverItem, entry: Entry) -> ShownLine:
        at = formatting.clock(entry.occurred_at or entry.at, self._zone)
        stands = self._tr("in the log {time}, {who}").format(time=at, who=entry.author)
        return ShownLine(item.id, item.section, entry.text, stands=stands, state=item.section.value)

    def _of_report(self, item: HandoverItem, fact: Fact) -> ShownLine:
        code = self._cities.code
        area = code("area", fact.area)
        what = f"{item.report} {self._catalog.service_name(code('service', fact.service))}"
        what = f"{what}, {self._catalog.name('area', area)}" if area else what
        holder = self._me if fact.claim == -1 else code("user", fact.claim)
        unit = self._catalog.units.get(code("unit", fact.lead_unit) or "")
        parts = [self._tr(formatting.status_text(ORDER[fact.status]))]
        if unit is not None:
            parts.append(f"{unit.code} {self._tr(formatting.UNIT_TEXT[unit.state]).lower()}")
        if holder:
            parts.append(self._tr("taken by {who}").format(who=holder))
        if fact.hold and item.section is not HandoverSection.HELD:
            parts.append(self._tr("on hold"))
        if item.steps is not None:
            done, steps = item.steps
            parts.append(self._tr("{n} of {all} steps done").format(n=done, all=steps))
        times = (fact.hold, fact.hold_until, unit.state.value if unit is not None else "", *(item.steps or ()))
        facts = (item.section.value, fact.status, fact.priority, fact.claim, fact.lead_unit, *times)
        return ShownLine(
            id=item.id,
            section=item.section,
            title=what,
            when=self._time(item, fact, is_alone=not holder and unit is None, has_crew=unit is not None),
            stands=", ".join(parts),
            priority=fact.priority,
            status=fact.status,
            report=item.report,
            row=fact.row,
            state="|".join(map(str, facts)),
            area="" if holder == self._me else area or "",
        )

    def _time(self, item: HandoverItem, fact: Fact, *, is_alone: bool, has_crew: bool) -> str:
        tr, now_s = self._tr, self._now.timestamp()
        if item.shelved is not None:
            return self._shelved(item)
        if item.section is HandoverSection.HELD:
            return self._held(fact)
        if item.section is HandoverSection.TAKEN:
            idle = formatting.duration(max(0.0, now_s - fact.updated))
            return tr("nothing done for {time}").format(time=idle)
        if fact.due and fact.due_state in (DUE_RUNNING, DUE_BREACHED):
            left = fact.due - now_s
            if left < 0 or item.section is HandoverSection.BREACHED:
                words = tr("{time} over") if left < 0 else tr("due in {time}")
                return words.format(time=formatting.duration(left))
        age = formatting.duration(max(0.0, now_s - fact.created))
        if ORDER[fact.status] is Status.VALIDATION:  # a crew was there
            return age
        if is_alone:
            return tr("{time}, nobody has taken it").format(time=age)
        return age if has_crew else tr("{time}, no crew").format(time=age)

    def _held(self, fact: Fact) -> str:
        if not fact.hold_until:
            return self._tr("on hold, no end set")
        until = formatting.moment(datetime.fromtimestamp(fact.hold_until, UTC), self._zone, self._now)
        return self._tr("on hold to {time}").format(time=until)

    def _shelved(self, item: HandoverItem) -> str:
        record = item.shelved
        if record is None or record.shelved_until is None:
            return ""
        words = self._tr("{alarm}: shelved to {time}, {reason}")
        until = formatting.clock(record.shelved_until, self._zone)
        return words.format(alarm=self._tr(TYPES[record.kind].name), time=until, reason=record.reason)

    def _of_unit(self, item: HandoverItem) -> ShownLine:
        crew, tr = item.crew, self._tr
        if crew is None:
            return ShownLine(item.id, item.section, item.limit or item.id, self._shelved(item))
        unit = crew.unit
        title, when = f"{unit.code} {tr(formatting.UNIT_TEXT[unit.state]).lower()}", unit.reason or ""
        if item.shelved is not None:
            title, when = unit.code, self._shelved(item)
        elif unit.state is not UnitState.UNAVAILABLE and unit.position_at is not None and unit.id not in self._missing:
            silent = formatting.age((self._now - unit.position_at).total_seconds())
            title, when = unit.code, tr("no position for {time}").format(time=silent)
        roll_call = ""
        if (called := self._missing.get(unit.id)) is not None:
            words = tr("roll call {time}: no answer")
            roll_call = words.format(time=formatting.clock(called, self._zone))
            if unit.state is not UnitState.UNAVAILABLE and not when:
                title = unit.code
        jobs = [job.report for job in self._cities.jobs(crew)]
        stands = tr("at work on {reports}").format(reports=", ".join(jobs)) if jobs else tr("no work now")
        contact = " ".join(unit.contact.split())
        return ShownLine(
            id=item.id,
            section=item.section,
            title=title,
            when=when,
            stands=", ".join(part for part in (roll_call, stands, contact) if part),
            unit=unit.id,
            unit_symbol=formatting.UNIT_SYMBOL[unit.state],
            state="|".join((item.section.value, unit.state.value, unit.reason or "", roll_call, *jobs)),
        )
