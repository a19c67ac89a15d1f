"""The other operators and validators of the demo city: they take routine matters and leave hazards to the console."""

from __future__ import annotations

import math
import random
from datetime import datetime, timedelta

from api_client.model import AssignmentState, Kind, Report, Status, Unit, UnitState
from console.server.city.presence import PresenceTable
from console.server.demo.areas import metres
from console.server.demo.edits import DemoEdits
from console.server.demo.mirror import Mirror
from console.server.demo.pictures import Album, Shot
from console.server.demo.stories import OPERATORS, VALIDATORS

_P1_WAITS_S, _P2_WAITS_S = 150, 75
_P2_STAY = 3
_ROUTINE_WAITS_S = 20
_QUIET_S = 120
"""A matter that somebody touched this lately is left alone."""
_MOST_EDITS = 4
_ALWAYS_FREE = 25
"""How many crews the colleagues leave for the console."""
_LONGEST_DISPATCH_M = 5_000.0
_REST_S = 60
_PRESENT_EVERY = timedelta(seconds=30)
"""As a console tells that it is there."""


class Colleagues:
    """Keeps the numbers of unassigned and of open matters about where they were when it began."""

    def __init__(
        self, mirror: Mirror, edits: DemoEdits, album: Album, presence: PresenceTable, chance: random.Random
    ) -> None:
        self._presence = presence
        self._present_at: datetime | None = None
        self._mirror = mirror
        self._edits = edits
        self._album = album
        self._chance = chance
        statuses = [report.status for report in mirror.reports.values()]
        self._unassigned = max(12, statuses.count(Status.NEW))
        self._validating = max(5, statuses.count(Status.VALIDATION))
        self._returned = max(3, statuses.count(Status.RETURNED))
        self._coordinating = max(20, statuses.count(Status.COORDINATION))

    def step(self, now: datetime) -> None:
        """Make a few edits at most, so that a step stays short."""
        if self._present_at is None or now - self._present_at >= _PRESENT_EVERY:
            self._present_at = now
            for who in (*OPERATORS, *VALIDATORS):
                self._presence.look(who, None, now)
        edits = self._take_hazards(now)
        edits += self._take_routine(now, _MOST_EDITS - edits)
        edits += self._validate(now, _MOST_EDITS - edits)
        edits += self._go_on(now, min(1, _MOST_EDITS - edits))
        if edits < _MOST_EDITS:
            self._send_next(now)

    def _take_hazards(self, now: datetime) -> int:
        """Take P1 and P2 that no operator has taken for more than a minute; the last few P2 are left for the
        operator.
        """
        new = self._of(Status.NEW)
        late = [report for report in new if report.priority == 1 and _age_s(report, now) > _P1_WAITS_S]
        urgent = [report for report in new if report.priority == 2 and _age_s(report, now) > _P2_WAITS_S]
        late += urgent[: max(0, len(urgent) - _P2_STAY)]
        return sum(self._decide(report, now, urgent=True) for report in late[:_MOST_EDITS])

    def _take_routine(self, now: datetime, most: int) -> int:
        new = self._of(Status.NEW)
        surplus = len(new) - self._unassigned
        routine = [report for report in new if report.priority > 2 and _age_s(report, now) > _ROUTINE_WAITS_S]
        chosen = routine[: max(0, min(surplus, most))]
        returned = [report for report in self._of(Status.RETURNED) if is_quiet(report, now) and report.priority > 2]
        chosen += returned[: max(0, min(len(returned) - self._returned, most - len(chosen)))]
        return sum(self._decide(report, now, urgent=False) for report in chosen)

    def _decide(self, report: Report, now: datetime, *, urgent: bool) -> int:
        who = self._chance.choice(OPERATORS)
        unit = self._crew(report) if urgent or self._chance.random() < 0.45 else None
        if unit is not None:
            done = self._edits.do(who, "operator", Kind.DISPATCH, report.id, {"unit": unit.id}, now)
            return int(done is not None)
        if not urgent and self._chance.random() < 0.06:
            data = {"disposition": self._chance.choice(("Tidak ditemukan di lokasi", "Bukan laporan"))}
            return int(self._edits.do(who, "operator", Kind.CLOSE, report.id, data, now) is not None)
        done = self._edits.do(who, "operator", Kind.SET, report.id, {"status": "coordination"}, now)
        return int(done is not None)

    def _validate(self, now: datetime, most: int) -> int:
        waiting = [report for report in self._of(Status.VALIDATION) if is_quiet(report, now)]
        surplus = max(0, min(len(waiting) - self._validating, most))
        done = 0
        for report in waiting[:surplus]:
            who = self._chance.choice(VALIDATORS)
            if self._chance.random() < 0.04:
                data: dict[str, object] = {"accepted": False, "reason": "Pekerjaan belum selesai"}
            else:
                data = {"accepted": True, "disposition": "Sudah ditindaklanjuti"}
            done += self._edits.do(who, "validator", Kind.VALIDATE, report.id, data, now) is not None
        return done

    def _go_on(self, now: datetime, most: int) -> int:
        """Agencies finish what they were asked to do, when more of it waits than there was."""
        asked = [report for report in self._of(Status.COORDINATION) if is_quiet(report, now)]
        surplus = max(0, min(len(asked) - self._coordinating, most))
        return sum(self._finish(report, now) for report in asked[:surplus])

    def _finish(self, report: Report, now: datetime) -> int:
        """An agency's own people have done it: their photo, and over to the validators."""
        who = report.agency or "petugas"
        service = self._mirror.services.get(report.service or "")
        if self._edits.do(who, "operator", Kind.SET, report.id, {"status": "progress"}, now) is None:
            return 0
        if service is not None and service.proof:
            shot = Shot(service.code, report.id, True, len(report.photos), now, report.lat, report.lon)
            picture = self._album.take(shot)
            data = {"sha256": picture.sha256, "role": "after", "size": picture.size, "taken": now,
                    "lat": report.lat, "lon": report.lon}  # fmt: skip
            self._edits.do(who, "operator", Kind.PHOTO, report.id, data, now)
        self._edits.do(who, "operator", Kind.SET, report.id, {"status": "validation"}, now)
        return 1

    def _send_next(self, now: datetime) -> None:
        """Crews that are free again get the job that was put by for them."""
        if self._chance.random() > 0.1:
            return
        for unit in self._mirror.units.values():
            jobs = self._mirror.jobs_of(unit.id)
            if unit.state is UnitState.AVAILABLE and jobs and _seconds(now - unit.state_since) > _REST_S:
                who = self._chance.choice(OPERATORS)
                self._edits.do(who, "operator", Kind.DISPATCH, jobs[0].report, {"unit": unit.id}, now)
                return

    def _of(self, status: Status) -> list[Report]:
        """Matters in a status that nobody has taken for himself, the oldest first."""
        found = [
            report
            for report in self._mirror.reports.values()
            if report.status is status and report.claim is None and report.hold is None
        ]
        return sorted(found, key=lambda report: (report.created, report.id))

    def _crew(self, report: Report) -> Unit | None:
        """The nearest free crew of the agency in charge; none when too few would be left."""
        free = [unit for unit in self._mirror.units.values() if unit.state is UnitState.AVAILABLE]
        if len(free) <= _ALWAYS_FREE or report.lat is None or report.lon is None:
            return None
        place = (report.lat, report.lon)
        busy = {job.unit for job in self._mirror.jobs.values() if job.state is not AssignmentState.RESERVED}
        able = [
            (metres(place, (unit.lat, unit.lon)) if unit.lat is not None and unit.lon is not None else math.inf, unit)
            for unit in free
            if unit.agency == report.agency and unit.id not in busy
        ]
        near = min(able, key=lambda pair: (pair[0], pair[1].id), default=None)
        return near[1] if near is not None and near[0] < _LONGEST_DISPATCH_M else None


def is_quiet(report: Report, now: datetime) -> bool:
    """Whether nobody has touched the report for a while."""
    return now - report.updated > timedelta(seconds=_QUIET_S)


def _age_s(report: Report, now: datetime) -> float:
    return _seconds(now - report.created)


def _seconds(span: timedelta) -> float:
    return span.total_seconds()
