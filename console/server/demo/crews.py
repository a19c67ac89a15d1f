"""The crews of the demo city: they acknowledge orders, drive, work, send a photo and report done; idle ones patrol."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from api_client.model import Assignment, AssignmentState, Kind, Report, Unit, UnitState
from console.rules.report import HAZARD
from console.server.city.city import City
from console.server.demo.areas import Point, metres
from console.server.demo.edits import DemoEdits
from console.server.demo.mirror import Mirror
from console.server.demo.pictures import Album, Shot
from console.server.demo.street_samples import street_places
from console.server.demo.units import POSITION_LOST, shift_end

_A = AssignmentState
_SPEED_M_S = 7.0
"""About 25 km/h as the crow flies."""
_ARRIVED_M = 30.0
_PATROL_M = 12.0
_AT_POST_EVERY_S = 9


@dataclass
class _CrewPlan:
    """What a crew is about to do next on a job, and when."""

    then: AssignmentState
    at: datetime


class Crews:
    """Moves all crews. `pace` makes driving and working that many times faster than in life."""

    def __init__(
        self, city: City, mirror: Mirror, edits: DemoEdits, album: Album, chance: random.Random, pace: float
    ) -> None:
        self._city = city
        self._mirror = mirror
        self._edits = edits
        self._album = album
        self._chance = chance
        self._pace = pace
        self._zone = ZoneInfo(city.timezone)
        self._ways: dict[str, _CrewPlan] = {}
        self._places: dict[str, Point] = {}
        self._posts: dict[str, Point] = {}
        self._beats: dict[str, list[Point]] = {}
        self._told: dict[str, datetime] = {}
        self._last: datetime | None = None
        positions = city.presence.seen().positions
        for unit in mirror.units.values():
            if unit.id in positions:
                self._places[unit.id] = positions[unit.id][:2]
            elif unit.lat is not None and unit.lon is not None:
                self._places[unit.id] = (unit.lat, unit.lon)
        self._posts.update(self._places)

    def step(self, now: datetime) -> None:
        """Everything that crews do up to `now`."""
        elapsed_s = min(30.0, (now - self._last).total_seconds()) if self._last is not None else 0.0
        self._last = now
        moved: list[tuple[str, float, float, datetime]] = []
        for unit in tuple(self._mirror.units.values()):
            job = self._present_job(unit)
            if job is not None:
                self._work(unit, job, now)
            if unit.id != POSITION_LOST and self._move(unit, job, now, elapsed_s):
                lat, lon = self._places[unit.id]
                moved.append((unit.id, round(lat, 6), round(lon, 6), now))
        self._city.presence.put_positions(moved)
        self._relieve(now)

    def _relieve(self, now: datetime) -> None:
        """The next shift takes over the crews whose shift has ended."""
        relieved = [
            replace(unit, shift_end=shift_end(unit.agency, now, self._zone), version=unit.version + 1)
            for unit in self._mirror.units.values()
            if unit.shift_end is not None and unit.shift_end <= now
        ]
        if relieved:
            self._city.put_units(relieved)

    def _present_job(self, unit: Unit) -> Assignment | None:
        """The job a crew is on; a reserved one only counts when somebody has sent it."""
        sent = [job for job in self._mirror.jobs_of(unit.id) if job.state is not _A.RESERVED]
        started = [job for job in sent if job.state in (_A.ON_SCENE, _A.EN_ROUTE)]
        return min(started or sent, key=self._can_wait, default=None)

    def _can_wait(self, job: Assignment) -> bool:
        report = self._mirror.reports.get(job.report)
        return report is None or report.priority != HAZARD

    def _work(self, unit: Unit, job: Assignment, now: datetime) -> None:
        way = self._ways.get(job.id)
        if way is None or not self._still_ahead(job, way):
            way = self._ways[job.id] = self._next(unit, job, now)
        if way.then is _A.ON_SCENE and not self._is_there(unit, job):
            return
        if now < way.at:
            return
        if way.then is _A.DONE:
            self._send_photo(unit, job, now)
        report = self._mirror.reports.get(job.report)
        seen = report.version if report is not None else None  # as a crew's phone says, which shows the report
        data = {"unit": unit.id, "state": way.then.value}
        done = self._edits.do(unit.code, "field", Kind.PROGRESS, job.report, data, now, seen)
        if done is None:
            way.at = now + timedelta(seconds=20)
        else:
            del self._ways[job.id]

    def _still_ahead(self, job: Assignment, way: _CrewPlan) -> bool:
        return _AFTER.get(job.state) is way.then

    def _next(self, unit: Unit, job: Assignment, now: datetime) -> _CrewPlan:
        chance = self._chance
        then = _AFTER[job.state]
        if then is _A.ACKNOWLEDGED:
            wait_s = chance.uniform(2.0, 7.0)
        elif then is _A.EN_ROUTE:
            wait_s = chance.uniform(4.0, 15.0)
        elif then is _A.ON_SCENE:
            wait_s = 0.0
        else:
            wait_s = chance.uniform(240, 1500) / self._pace
        return _CrewPlan(then, now + timedelta(seconds=wait_s))

    def _send_photo(self, unit: Unit, job: Assignment, now: datetime) -> None:
        report = self._mirror.reports.get(job.report)
        service = self._mirror.services.get(report.service or "") if report is not None else None
        if report is None or service is None or not service.proof:
            return
        lat, lon = self._places.get(unit.id, (report.lat, report.lon))
        # Another number each time: a picture that was returned is no proof when it is sent again.
        shot = Shot(service.code, report.id, True, len(report.photos), now, lat, lon)
        picture, shot = self._album.proof(shot)
        data = {"sha256": picture.sha256, "role": "after", "size": picture.size, "taken": shot.at, "lat": shot.lat,
                "lon": shot.lon,
                "unit": unit.id}  # fmt: skip
        self._edits.do(unit.code, "field", Kind.PHOTO, job.report, data, now)

    def _is_there(self, unit: Unit, job: Assignment) -> bool:
        target, place = self._target(job), self._places.get(unit.id)
        return target is None or place is None or metres(place, target) <= _ARRIVED_M

    def _target(self, job: Assignment) -> Point | None:
        report: Report | None = self._mirror.reports.get(job.report)
        if report is None or report.lat is None or report.lon is None:
            return None
        return report.lat, report.lon

    def _move(self, unit: Unit, job: Assignment | None, now: datetime, elapsed_s: float) -> bool:
        """Whether the crew's position is to be told now."""
        here = self._places.get(unit.id)
        if here is None or unit.state is UnitState.OFF_SHIFT:
            return False
        if job is not None and job.state is _A.EN_ROUTE:
            target = self._target(job)
            if target is None:
                return False
            self._posts[unit.id] = self._places[unit.id] = _towards(here, target, _SPEED_M_S * self._pace * elapsed_s)
            self._beats.pop(unit.id, None)
            return True
        due = self._told.setdefault(unit.id, now - timedelta(seconds=self._chance.uniform(0, _AT_POST_EVERY_S)))
        if (now - due).total_seconds() < _AT_POST_EVERY_S:
            return False
        self._told[unit.id] = now
        if job is None and unit.state is UnitState.AVAILABLE:
            self._places[unit.id] = self._patrol(unit.id, here, self._posts.get(unit.id, here))
        return True

    def _patrol(self, unit: str, here: Point, post: Point) -> Point:
        """A little further along the street at the crew's post, to its end and back."""
        ahead = self._beats.get(unit)
        if not ahead:
            street, _ = street_places().street_near(post)
            first, last = street.points[0], street.points[-1]
            ahead = list(street.points if metres(here, first) < metres(here, last) else reversed(street.points))
            self._beats[unit] = ahead
        there = _towards(here, ahead[0], self._chance.uniform(0, _PATROL_M))
        if there == ahead[0]:
            del ahead[0]
        return there


_AFTER = {
    _A.DISPATCHED: _A.ACKNOWLEDGED,
    _A.ACKNOWLEDGED: _A.EN_ROUTE,
    _A.EN_ROUTE: _A.ON_SCENE,
    _A.ON_SCENE: _A.DONE,
}


def _towards(here: Point, there: Point, distance_m: float) -> Point:
    far = metres(here, there)
    if far <= distance_m or far < 1.0:
        return there
    part = distance_m / far
    return here[0] + part * (there[0] - here[0]), here[1] + part * (there[1] - here[1])
