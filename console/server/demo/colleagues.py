"""The other operators and validators of the demo city: they take routine matters and leave hazards to the console."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime, timedelta

from api_client.model import AssignmentState, Kind, PhotoRole, Report, Status, Unit, UnitState
from console.rules.report import HAZARD
from console.server.city.presence import PresenceTable
from console.server.demo.areas import Point, metres
from console.server.demo.edits import DemoEdits
from console.server.demo.mirror import Mirror
from console.server.demo.pace import Pace
from console.server.demo.pictures import Album, Shot, place_name
from console.server.demo.stories import OPERATORS, VALIDATORS

_P1_WAITS_S, _P2_WAITS_S = 240, 420
_P1_STALLS_S = 400
"""So old a P1 that a colleague has, and sent nobody to, gets a crew."""
_P2_STAY = 3
_ROUTINE_WAITS_S = 150
_QUIET_S = 120
"""A matter that somebody touched this lately is left alone."""
_MERGE_WAITS_S, _MERGE_OLDEST_S, _MERGE_WITHIN_M = 130, 3_600, 90.0
"""Nearer than two places where one rain endangers people: these stay two reports."""
_MOST_EDITS = 4
_SENDS, _SENDS_NEXT = 0.45, 0.4
"""How often a routine matter gets a crew at once, and how often an idle moment goes to what was put by."""
_EVERY_S = (4.0, 15.0)
"""So long they need for a routine matter, all of them together."""
_HAZARD_PROVEN_S, _DOUBTFUL_S = 100, 540
"""How long the proof of a P1 or P2 is left to the console, and one that looks forged."""
_JUDGE_EVERY_S = (8.0, 40.0)
_FAR_M = 500.0
_ALWAYS_FREE = 25
"""How many crews the colleagues leave for the console."""
_LONGEST_DISPATCH_M, _FARTHEST_M = 3_500.0, 15_000.0
_REST_S = 60
_PRESENT_EVERY = timedelta(seconds=30)
"""As a console tells that it is there."""


class Colleagues:
    """Keeps the numbers of unassigned and of open matters about where they were when it began."""

    def __init__(
        self,
        mirror: Mirror,
        edits: DemoEdits,
        album: Album,
        presence: PresenceTable,
        chance: random.Random,
        pace: Pace,
        place_of: Callable[[Unit], Point | None],
    ) -> None:
        """`place_of` tells where a crew is."""
        self._pace = pace
        self._place_of = place_of
        self._routine_at = self._judge_at = 0.0
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
        self._take_hazards(now)
        self._validate_hazards(now)
        if not self._pace.is_due(self._routine_at):
            return
        self._routine_at = self._pace.between(self._chance, *_EVERY_S)
        if not (self._merge(now) or self._take_routine(now) or self._validate(now) or self._go_on(now)):
            self._send_next(now)

    def send(self, report: Report, now: datetime) -> bool:
        """Send the nearest crew that can do it, of whatever agency; whether one goes."""
        unit = self._crew(report, at_any_rate=True)
        if unit is None:
            return False
        who = self._chance.choice(OPERATORS)
        return self._edits.do(who, "operator", Kind.DISPATCH, report.id, {"unit": unit.id}, now) is not None

    def _take_hazards(self, now: datetime) -> None:
        """Take P1 and P2 that the console has not taken for some minutes; the last few P2 are left to it."""
        new = self._of(Status.NEW)
        late = [report for report in new if report.priority == 1 and self._age_s(report, now) > _P1_WAITS_S]
        urgent = [report for report in new if report.priority == 2 and self._age_s(report, now) > _P2_WAITS_S]
        late += urgent[: max(0, len(urgent) - _P2_STAY)]
        for report in late[:_MOST_EDITS]:
            if self._older_double(report, now) is None:
                self._decide(report, now, urgent=True)
        under_way = {job.report for job in self._mirror.jobs.values()}
        for report in self._of(Status.COORDINATION):
            is_stalled = report.priority == HAZARD and report.id not in under_way and self._is_quiet(report, now)
            if is_stalled and self._age_s(report, now) > _P1_STALLS_S:
                self.send(report, now)
                return

    def _merge(self, now: datetime) -> bool:
        """Merge one more call about a thing into the first."""
        for report in self._of(Status.NEW):
            if self._age_s(report, now) > _MERGE_WAITS_S and (first := self._older_double(report, now)) is not None:
                who = self._chance.choice(OPERATORS)
                return self._edits.do(who, "operator", Kind.MERGE, report.id, {"into": first.id}, now) is not None
        return False

    def _older_double(self, report: Report, now: datetime) -> Report | None:
        """What somebody else has reported about the same thing, a little before."""
        if report.lat is None or report.lon is None:
            return None
        for other in self._mirror.reports.values():
            if (
                other.service == report.service
                and (other.created, other.id) < (report.created, report.id)
                and other.status is not Status.VALIDATION
                and other.lat is not None
                and other.lon is not None
                and self._age_s(other, now) < _MERGE_OLDEST_S
                and metres((other.lat, other.lon), (report.lat, report.lon)) < _MERGE_WITHIN_M
            ):
                return other
        return None

    def _take_routine(self, now: datetime) -> bool:
        new = self._of(Status.NEW)
        routine = [report for report in new if report.priority > 2 and self._age_s(report, now) > _ROUTINE_WAITS_S]
        if routine and len(new) > self._unassigned:
            return self._decide(routine[0], now, urgent=False)
        returned = [one for one in self._of(Status.RETURNED) if self._is_quiet(one, now) and one.priority > 2]
        return len(returned) > self._returned and self._decide(returned[0], now, urgent=False)

    def _decide(self, report: Report, now: datetime, *, urgent: bool) -> bool:
        who = self._chance.choice(OPERATORS)
        unit = None
        if urgent or self._chance.random() < _SENDS:
            unit = self._crew(report, at_any_rate=report.priority == HAZARD)
        if unit is not None:
            return self._edits.do(who, "operator", Kind.DISPATCH, report.id, {"unit": unit.id}, now) is not None
        if not urgent and self._chance.random() < 0.06:
            data = {"disposition": self._chance.choice(("Tidak ditemukan di lokasi", "Bukan laporan"))}
            return self._edits.do(who, "operator", Kind.CLOSE, report.id, data, now) is not None
        whose = {"agency": report.agency} if report.agency else {}
        data = {"status": "coordination", **whose}
        return self._edits.do(who, "operator", Kind.SET, report.id, data, now) is not None

    def _validate_hazards(self, now: datetime) -> None:
        """The proof of what was dangerous does not wait long; what looks forged is left to the console for longer."""
        if not self._pace.is_due(self._judge_at):
            return
        for report in self._of(Status.VALIDATION):
            doubt = _doubt(report)
            waits_s = _DOUBTFUL_S if doubt else _HAZARD_PROVEN_S
            if self._lived_s(report.updated, now) > waits_s and (doubt or report.priority <= 2):
                self._judge(report, doubt, now)
                self._judge_at = self._pace.between(self._chance, *_JUDGE_EVERY_S)
                return

    def _validate(self, now: datetime) -> bool:
        waiting = [one for one in self._of(Status.VALIDATION) if self._is_quiet(one, now) and not _doubt(one)]
        if len(waiting) <= self._validating:
            return False
        return self._judge(waiting[0], "Pekerjaan belum selesai" if self._chance.random() < 0.04 else "", now)

    def _judge(self, report: Report, fault: str, now: datetime) -> bool:
        """A validator accepts a proof, or returns it because of a fault."""
        who = self._chance.choice(VALIDATORS)
        data: dict[str, object] = {"accepted": True, "disposition": "Sudah ditindaklanjuti"}
        if fault:
            data = {"accepted": False, "reason": fault}
        return self._edits.do(who, "validator", Kind.VALIDATE, report.id, data, now) is not None

    def _go_on(self, now: datetime) -> bool:
        """Agencies finish what they were asked to do, when more of it waits than there was."""
        asked = [report for report in self._of(Status.COORDINATION) if self._is_quiet(report, now)]
        return len(asked) > self._coordinating and self._finish(asked[0], now)

    def _finish(self, report: Report, now: datetime) -> bool:
        """An agency's own people have done it: their photo, and over to the validators."""
        who = report.agency or "petugas"
        service = self._mirror.services.get(report.service or "")
        if self._edits.do(who, "operator", Kind.SET, report.id, {"status": "progress"}, now) is None:
            return False
        if service is not None and service.proof:
            key = place_name(report.id, report.lat, report.lon)
            shot = Shot(service.code, key, True, len(report.photos), now, report.lat, report.lon)
            picture = self._album.take(shot)
            data = {"sha256": picture.sha256, "role": "after", "size": picture.size, "taken": now,
                    "lat": report.lat, "lon": report.lon}  # fmt: skip
            self._edits.do(who, "operator", Kind.PHOTO, report.id, data, now)
        self._edits.do(who, "operator", Kind.SET, report.id, {"status": "validation"}, now)
        return True

    def _send_next(self, now: datetime) -> None:
        """Crews that are free again get the job that was put by for them."""
        if self._chance.random() > _SENDS_NEXT:
            return
        for unit in self._mirror.units.values():
            jobs = self._mirror.jobs_of(unit.id)
            if unit.state is UnitState.AVAILABLE and jobs and self._lived_s(unit.state_since, now) > _REST_S:
                who = self._chance.choice(OPERATORS)
                self._edits.do(who, "operator", Kind.DISPATCH, jobs[0].report, {"unit": unit.id}, now)
                return

    def _of(self, status: Status) -> list[Report]:
        """Matters in a status that nobody has taken for himself but a colleague, the oldest first."""
        found = [
            report
            for report in self._mirror.reports.values()
            if report.status is status and report.hold is None
            if report.claim is None or report.claim.who in OPERATORS
        ]
        return sorted(found, key=lambda report: (report.created, report.id))

    def _crew(self, report: Report, *, at_any_rate: bool = False) -> Unit | None:
        """The nearest free crew of the agency in charge that can do it; none when too few would be left, or it is far.

        `at_any_rate` one of another agency and from far away goes too, and the last one.
        """
        free = [unit for unit in self._mirror.units.values() if unit.state is UnitState.AVAILABLE]
        service = self._mirror.services.get(report.service or "")
        if service is None or report.lat is None or report.lon is None:
            return None
        if not at_any_rate and len(free) <= _ALWAYS_FREE:
            return None
        goal, needed = (report.lat, report.lon), set(service.skills)
        busy = {job.unit for job in self._mirror.jobs.values() if job.state is not AssignmentState.RESERVED}
        able = [
            (metres(goal, place), unit.id, unit)
            for unit in free
            if unit.id not in busy and (unit.agency == report.agency or at_any_rate)
            if needed <= set(unit.skills) and (place := self._place_of(unit)) is not None
        ]
        near = min(able, default=None)
        return near[2] if near is not None and near[0] < (_FARTHEST_M if at_any_rate else _LONGEST_DISPATCH_M) else None

    def _age_s(self, report: Report, now: datetime) -> float:
        """How old a report is, in seconds of the pace that the city lives at."""
        return self._lived_s(report.created, now)

    def _lived_s(self, since: datetime, now: datetime) -> float:
        return (now - since).total_seconds() * self._pace.speed

    def _is_quiet(self, report: Report, now: datetime) -> bool:
        """Whether nobody has touched the report for a while."""
        return self._lived_s(report.updated, now) > _QUIET_S


def _doubt(report: Report) -> str:
    """What is wrong with the last photo of the work, as far as its time and place tell; "" for nothing."""
    proofs = [photo for photo in report.photos if photo.role is PhotoRole.AFTER]
    if not proofs:
        return ""
    last = proofs[-1]
    if last.taken is not None and last.taken < report.created:
        return "Foto diambil sebelum laporan masuk"
    if last.lat is not None and last.lon is not None and report.lat is not None and report.lon is not None:
        off_m = metres((last.lat, last.lon), (report.lat, report.lon))
        return "Foto tidak diambil di lokasi laporan" if off_m > _FAR_M else ""
    return ""
