"""The SLA clocks of a report, computed from its history: first response, finish and validation.

First response runs from arrival until the report leaves "new". Finish runs from arrival until the work is handed in or
the report is closed; refused proof lets it go on, reopening a closed report restarts it and keeps the first result.
Validation runs while proof waits for a validator. A hold pauses them when it waits for something the SLA pauses for, up
to its own end, however late somebody notices that.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from msgspec.structs import replace

from api_client.decoding import convert
from api_client.model import Calendar, Clock, ClockState, Entry, Report, Service, Sla, Status, WaitsFor

_HANDED_IN = frozenset({Status.VALIDATION, Status.RESOLVED, Status.CLOSED})
_STATUSES = {status.value: status for status in Status}
_ENDED = frozenset({Status.RESOLVED, Status.CLOSED})
_LONGEST_SEARCH_DAYS = 3 * 366
_NO_TIME = timedelta(0)
FIRST_UNKNOWN = "first_response_unknown"
"""In an entry's data: the report has left "new" at a time that nobody has told, as in a file of a city."""
USUAL_TARGETS: Mapping[str, Sla] = {
    "1": Sla(15 * 60, 6 * 3600, 12 * 3600, ()),
    "2": Sla(3600, 86_400, 12 * 3600, (WaitsFor.REPORTER, WaitsFor.WEATHER)),
    "*": Sla(6 * 3600, 7 * 86_400, 86_400, (WaitsFor.REPORTER, WaitsFor.WEATHER)),
}
"""Of a service for which its city has said none yet: it has a P1's as soon as it is made life and safety."""


def sla_of(service: Service | None, priority: int) -> Sla | None:
    """The targets of a service for a priority; None when it has none."""
    if service is None:
        return None
    return service.sla.get(str(priority)) or service.sla.get("*")


def clocks(
    report: Report,
    entries: Iterable[Entry],
    sla: Sla | None,
    calendar: Calendar | None,
    now: datetime,
    *,
    first: datetime | None = None,
) -> tuple[Clock, ...]:
    """The clocks of a report as of `now`, the finished ones too; none without an SLA.

    `entries` are the report's history in any order; those taken back do not count. Where the history does not lead to
    the report's present status or hold, the report's own word counts, as of its last change. Where it left "new" at a
    time that nobody has told (so too if an entry says FIRST_UNKNOWN), there is no clock of the first response. After a
    reopening there are two clocks named "finish": the first result, then the one that runs. `first` is when the
    earliest of the reports that were merged into it was made: where that was before this one, they run from there.
    """
    if sla is None:
        return ()
    case = _Case(min(report.created, first or report.created), sla, calendar)
    for event in _events(report, entries):
        case.take(event)
    hold = report.hold_at(case.last)
    if case.status is not report.status or (hold.waits_for if hold else None) != case.waits:
        at = report.closed_at if report.status in _ENDED and report.closed_at else report.updated
        waits, until = (hold.waits_for, hold.until) if hold else (None, None)
        case.take(_Event(max(at, case.last), report.status, waits, until, True, case.status is not report.status))
    return case.results(now)


def clocks_at(report: Report, now: datetime) -> tuple[Clock, ...]:
    """The report's own clocks, those going on that its hold paused and whose hold is over by now.

    Its server has not said so yet, or cannot be heard.
    """
    if report.hold is None or not report.hold.is_over(now):
        return report.clocks
    return tuple(_gone_on(clock, now) for clock in report.clocks)


def _gone_on(clock: Clock, now: datetime) -> Clock:
    if clock.state is not ClockState.PAUSED or clock.due is None:
        return clock
    state = ClockState.BREACHED if now > clock.due else ClockState.RUNNING
    return replace(clock, state=state, left_s=None)


def begun(report: Report) -> datetime:
    """Since when the report's clocks run: since it was made, or an earlier one that was merged into it."""
    return min([report.created, *(clock.started for clock in report.clocks)])


def due_next(clocks: Iterable[Clock]) -> Clock | None:
    """The clock that matters now: the earliest unmet due time, else one that is paused, else the last finished."""
    open_clocks = [clock for clock in clocks if clock.met_at is None]
    with_due = [clock for clock in open_clocks if clock.due is not None]
    if with_due:
        return min(with_due, key=lambda clock: clock.due or clock.started)
    return open_clocks[0] if open_clocks else max(clocks, key=lambda clock: clock.met_at or clock.started, default=None)


def working_seconds(start: datetime, end: datetime, calendar: Calendar | None) -> float:
    """The seconds from `start` to `end` that count: all of them, or those within the calendar's working hours."""
    if end <= start:
        return 0.0
    if calendar is None:
        return (end - start).total_seconds()
    zone = ZoneInfo(calendar.timezone)
    day, last = start.astimezone(zone).date(), end.astimezone(zone).date()
    total = _NO_TIME
    while day <= last:
        hours = hours_on(calendar, day)
        if hours is not None:
            total += max(_NO_TIME, min(end, hours[1]) - max(start, hours[0]))
        day += timedelta(days=1)
    return total.total_seconds()


def after_working(start: datetime, seconds: float, calendar: Calendar | None) -> datetime | None:
    """When `seconds` that count will have passed since `start`; None when the calendar is never open."""
    if calendar is None:
        return start + timedelta(seconds=seconds)
    zone = ZoneInfo(calendar.timezone)
    left = timedelta(seconds=seconds)
    day = start.astimezone(zone).date()
    for _ in range(_LONGEST_SEARCH_DAYS):
        hours = hours_on(calendar, day)
        if hours is not None:
            begin = max(start, hours[0])
            if begin + left <= hours[1]:
                return begin + left
            left -= max(_NO_TIME, hours[1] - begin)
        day += timedelta(days=1)
    return None


@lru_cache(maxsize=4096)
def hours_on(calendar: Calendar, day: date) -> tuple[datetime, datetime] | None:
    """The working hours of a day as UTC times."""
    minutes = calendar.days[day.weekday()] if day.weekday() < len(calendar.days) else None
    if minutes is None or day.isoformat() in calendar.holidays:
        return None
    midnight = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(calendar.timezone))
    begin, end = (midnight + timedelta(minutes=minute) for minute in minutes)  # wall clock: right over a DST change
    return begin.astimezone(UTC), end.astimezone(UTC)


class _Event(msgspec.Struct, frozen=True):
    """A moment of the history: a new status, or (`holds`) what is waited for from now on, and until when."""

    at: datetime
    status: Status | None
    waits: WaitsFor | None
    until: datetime | None
    holds: bool
    first_unknown: bool = False


class _Watch:
    """A stop watch that counts only working time and can be paused."""

    def __init__(self, name: str, target_s: int, started: datetime, calendar: Calendar | None) -> None:
        self._name, self._target_s, self._started, self._calendar = name, target_s, started, calendar
        self._used_s = 0.0
        self._since: datetime | None = started
        self._breached: datetime | None = None
        self._met: datetime | None = None
        self._due: datetime | None = None

    @property
    def stopped(self) -> bool:
        return self._met is not None

    def pause(self, at: datetime) -> None:
        if self._since is None:
            return
        self._due = self._due_now()
        if self._due is not None and at > self._due:
            self._breached = self._breached or self._due
        self._used_s += working_seconds(self._since, at, self._calendar)
        self._since = None

    def go_on(self, at: datetime) -> None:
        self._met = None
        if self._since is None:
            self._since = at

    def stop(self, at: datetime) -> None:
        if self._met is None:
            self.pause(at)
            self._met = at

    def result(self, now: datetime, until: datetime | None) -> Clock:
        """As of `now`; `until` is when the hold ends that pauses it."""
        due = self._breached or (self._due_now() if self._since is not None else self._due)
        late = self._breached is not None or (self._since is not None and due is not None and now > due)
        if late:
            state = ClockState.BREACHED
        elif self._met is not None:
            state = ClockState.MET
        else:
            state = ClockState.RUNNING if self._since is not None else ClockState.PAUSED
        paused = state is ClockState.PAUSED
        left_s = self._target_s - self._used_s
        if paused:
            due = after_working(until, left_s, self._calendar) if until is not None else None
        return Clock(
            self._name,
            state,
            self._started,
            self._target_s,
            due=due,
            met_at=self._met,
            left_s=max(0, round(left_s)) if paused else None,
        )

    def _due_now(self) -> datetime | None:
        if self._breached is not None or self._since is None:
            return self._breached
        return after_working(self._since, self._target_s - self._used_s, self._calendar)


class _Case:
    """The watches of one report while its history is gone through."""

    def __init__(self, created: datetime, sla: Sla, calendar: Calendar | None) -> None:
        self.status = Status.NEW
        self.waits: WaitsFor | None = None
        self._until: datetime | None = None
        self.last = created
        self._sla, self._calendar = sla, calendar
        self._first = self._watch("first_response", sla.first_response_s, created)
        self._finish = self._watch("finish", sla.finish_s, created)
        self._finish_before: _Watch | None = None
        self._validation: _Watch | None = None

    def take(self, event: _Event) -> None:
        """Go on to the next moment."""
        self._end_hold(max(self.last, event.at))
        self.last = max(self.last, event.at)
        if event.holds:
            self._hold(event.waits, self.last)
            self._until = event.until
        if event.first_unknown and self._first is not None and not self._first.stopped:
            self._first = None
        if event.status is not None and event.status is not self.status:
            self._turn(self.status, event.status, self.last)
            self.status = event.status

    def results(self, now: datetime) -> tuple[Clock, ...]:
        """All clocks there have been."""
        self._end_hold(now)
        watches = (self._first, self._finish_before, self._finish, self._validation)
        return tuple(watch.result(now, self._until) for watch in watches if watch is not None)

    def _end_hold(self, at: datetime) -> None:
        """End a hold whose own end has come by then."""
        # protects: a-pause-ends-at-its-end
        if self._until is not None and self._until <= at:
            self.last = max(self.last, self._until)
            self._hold(None, self.last)
            self._until = None

    def _watch(self, name: str, target_s: int | None, at: datetime) -> _Watch | None:
        if target_s is None:
            return None
        watch = _Watch(name, target_s, at, self._calendar)
        if self.waits in self._sla.pauses_for:
            watch.pause(at)
        return watch

    def _hold(self, waits: WaitsFor | None, at: datetime) -> None:
        self.waits = waits
        for watch in (self._first, self._finish, self._validation):
            if watch is not None and not watch.stopped:
                if waits in self._sla.pauses_for:
                    watch.pause(at)
                else:
                    watch.go_on(at)

    def _turn(self, before: Status, after: Status, at: datetime) -> None:
        if self._first is not None:
            self._first.stop(at)
        if before is Status.VALIDATION and self._validation is not None:
            self._validation.stop(at)
        if after is Status.VALIDATION:
            self._validation = self._watch("validation", self._sla.validation_s, at)
        if self._finish is None:
            return
        if after in _HANDED_IN:
            self._finish.stop(at)
        elif before in _ENDED:
            self._finish_before = self._finish_before or self._finish
            self._finish = self._watch("finish", self._sla.finish_s, at)
        elif before is Status.VALIDATION:
            self._finish.go_on(at)
            if self.waits in self._sla.pauses_for:
                self._finish.pause(at)


def _events(report: Report, entries: Iterable[Entry]) -> list[_Event]:
    events: list[_Event] = []
    for entry in entries:
        if entry.undone_by is not None or not entry.data:
            continue
        status = _status(entry.data)
        holds = "hold" in entry.data and entry.kind == "set"
        unknown = entry.data.get(FIRST_UNKNOWN) is True
        if status is None and not holds and not unknown:
            continue
        at = min(entry.occurred_at, entry.at) if entry.occurred_at is not None else entry.at
        waits, until = _waits_in(entry.data) if holds else (None, None)
        events.append(_Event(max(at, report.created), status, waits, until, holds, unknown))
    events.sort(key=lambda event: event.at)
    return events


def _status(data: Mapping[str, Any]) -> Status | None:
    """The status an entry led to: the server writes it into the entry's data."""
    word = data.get("status")
    return _STATUSES.get(word) if isinstance(word, str) else None


def _waits_in(data: Mapping[str, Any]) -> tuple[WaitsFor | None, datetime | None]:
    """What is waited for from this entry on, and until when."""
    hold = data["hold"]
    if not isinstance(hold, Mapping):
        return None, None
    try:
        until = convert(hold.get("until"), datetime | None, strict=False)
        return WaitsFor(hold["waits_for"]), until if until is not None and until.tzinfo is not None else None
    except (KeyError, ValueError):
        return None, None
