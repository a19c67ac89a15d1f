"""The crews of the demo city: they acknowledge orders, drive, work, send a photo and report done; idle ones patrol.

They are people: some refuse, get stuck, turn off wrongly, fall silent, rest, and go home when their shift is over.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from msgspec.structs import replace

from api_client.model import Assignment, AssignmentState, Kind, Report, Unit, UnitState
from console.rules.report import HAZARD
from console.server.city.city import City
from console.server.demo.areas import ZONE, Point, metres
from console.server.demo.driving import DriveStreets, DriveWay
from console.server.demo.edits import DemoEdits
from console.server.demo.mirror import Mirror
from console.server.demo.pace import Pace
from console.server.demo.pictures import Album, Shot, place_name
from console.server.demo.street_samples import street_places
from console.server.demo.units import POSITION_LOST, shift_end

_A = AssignmentState
_ARRIVED_M = 30.0
_SIREN = 1.5
"""So many times faster a crew is on its way to a P1."""
_PATROL_M = 12.0
_AT_POST_EVERY_S = 9
_LONGEST_STEP_S = 30.0
_MOST_PLANS = 300
_AGAIN_S = 20.0
"""When the city has not taken what a crew said, it says it again after this."""

_TELLS = 0.2
_REFUSED_EVERY, _STUCK_EVERY, _WRONG_EVERY = (5, 15), (4, 9), (7, 18)
"""Of so many orders one is refused, and of so many drives one gets stuck, or turns off wrongly."""
_STUCK_S, _WORK_S = (50.0, 170.0), (170.0, 520.0)
_LOST_M = 350.0
_SILENT_EVERY_S, _SILENT_S = 900.0, (240.0, 540.0)
_REST_EVERY_S, _REST_S = 700.0, (420.0, 900.0)
_HANDED_OVER_S = (90.0, 300.0)
_FORGED_AFTER_S = 170.0
"""So soon a crew that never goes there says that it is done."""
_FORGED_OFF, _FORGED_AGE = 0.0121, timedelta(hours=50)

_REFUSALS = (
    ("Pompa tidak mau hidup", True), ("Ban bocor", True), ("Truk mogok", True), ("Solar habis", True),
    ("Masih menangani lokasi lain", False), ("Anggota kurang, tinggal dua orang", False),
    ("Bukan wilayah kami", False), ("Alat tidak sesuai, butuh regu lain", False), ("Jalan ke lokasi tertutup", False),
    ("Hampir ganti regu", False),
)  # fmt: skip
"""Why a crew does not go, and whether it can go nowhere then."""
_OUT_OF_ORDER_S = (600.0, 1500.0)
_STUCK = (
    "Terjebak macet di {street}, tidak bisa putar balik.", "{street} padat sekali, kami maju pelan.",
    "Ada truk mogok di {street}, menunggu lewat.", "Terhalang pasar tumpah di {street}.",
    "Kena kereta lewat di dekat {street}, antre palang.", "Sirene dinyalakan, tapi {street} tetap tidak bergerak.",
    "Motor menutup jalur di {street}. Kami turun mengatur dulu.", "{street} dialihkan, cari jalan lain.",
)  # fmt: skip
_WRONG = (
    "Salah belok, kami putar balik lewat {street}.", "Kebablasan sampai {street}, balik arah.",
    "Alamat tertukar, ternyata bukan {street}. Menuju lokasi yang benar.", "Portal {street} dikunci, memutar.",
)  # fmt: skip
_WORKING: Mapping[str, tuple[str, ...]] = {
    "air": ("Pompa sudah jalan, air turun perlahan.", "Saringan tersumbat sampah, kami bersihkan dulu.",
            "Air turun sekitar 10 cm.", "Butuh satu pompa lagi kalau hujan lanjut.", "Lumpur diangkat manual.",
            "Warga membantu membuka tutup got.", "Listrik sekitar sudah dipadamkan PLN."),
    "jalan": ("Lubang dibersihkan, menunggu aspal dingin.", "Lalu lintas dialihkan satu lajur.",
              "Ditambal sementara, perlu pelapisan ulang."),
    "pohon": ("Dahan dipotong bertahap.", "Kabel harus diamankan PLN dulu.", "Satu lajur sudah bisa dilewati."),
    "sampah": ("Sudah satu truk, masih ada sisa.", "Kasur dan puing diangkut terakhir.", "TPS disemprot setelah ini."),
    "lalu-lintas": ("Kendaraan mogok ditarik ke tepi.", "Kami atur manual di simpang."),
    "parkir": ("Tiga mobil digembok, satu diderek.", "Pemilik sudah dipanggil lewat pengeras suara."),
    "listrik": ("Aliran diputus, kabel digulung.", "Menunggu tangga tinggi."),
    "kebakaran": ("Api dilokalisir, pendinginan.", "Dua selang terpasang, air cukup."),
}  # fmt: skip
_ANY_WORK = (
    "Bertemu pelapor di lokasi.", "Lokasi sudah ketemu, mulai bekerja.", "Ternyata lebih luas dari laporan.",
    "Koordinasi dengan ketua RT.", "Warga membantu, cepat selesai.", "Alat kurang satu, pinjam regu sebelah.",
    "Tinggal merapikan.", "Akses sempit, kendaraan ditinggal di ujung gang.", "Hujan lagi, tetap dilanjutkan.",
    "Kira-kira 15 menit lagi selesai.", "Pelapor tidak ada, dibantu satpam.", "Lalu lintas diatur satu orang.",
)  # fmt: skip
_UNSAID = 14
"""What a crew says no other has said lately."""


@dataclass
class _CrewPlan:
    """What a crew whose job is in a state is about to do next, and at which moment of the city's life."""

    state: AssignmentState
    then: AssignmentState
    at: float
    words_at: float | None = None


@dataclass
class _Drive:
    """A crew on its way to a place: how far it is, where it gets stuck, and whether it has taken a wrong turn."""

    job: str
    goal: Point
    way: DriveWay
    driven_m: float = 0.0
    stuck_after_m: float | None = None
    waits_until: float | None = None
    is_lost: bool = False


class _NowAndThen:
    """True once in so many times that it is asked: never long without, and never twice in a row."""

    def __init__(self, chance: random.Random, least: int, most: int) -> None:
        self._chance, self._least, self._most = chance, least, most
        self._left = chance.randint(1, most)

    def __call__(self) -> bool:
        self._left -= 1
        if self._left > 0:
            return False
        self._left = self._chance.randint(self._least, self._most)
        return True


class Crews:
    """Moves all crews."""

    def __init__(
        self,
        city: City,
        mirror: Mirror,
        edits: DemoEdits,
        album: Album,
        streets: DriveStreets,
        chance: random.Random,
        pace: Pace,
        now: datetime,
    ) -> None:
        self._city = city
        self._mirror = mirror
        self._edits = edits
        self._album = album
        self._streets = streets
        self._chance = chance
        self._pace = pace
        self._plans: dict[str, _CrewPlan] = {}
        self._drives: dict[str, _Drive] = {}
        self._places: dict[str, Point] = {}
        self._posts: dict[str, Point] = {}
        self._beats: dict[str, list[Point]] = {}
        self._told: dict[str, datetime] = {}
        self._silent: dict[str, float] = {}
        self._back_at: dict[str, float] = {}
        self._forged: set[str] = set()
        self._refuses = _NowAndThen(chance, *_REFUSED_EVERY)
        self._gets_stuck = _NowAndThen(chance, *_STUCK_EVERY)
        self._turns_wrong = _NowAndThen(chance, *_WRONG_EVERY)
        self._said: deque[str] = deque(maxlen=_UNSAID)
        self._last: datetime | None = None
        self._next_silent = pace.next_of(chance, _SILENT_EVERY_S)
        self._next_rest = pace.next_of(chance, _REST_EVERY_S)
        positions = city.presence.seen().positions
        for unit in mirror.units.values():
            if unit.id in positions:
                self._places[unit.id] = positions[unit.id][:2]
            elif unit.lat is not None and unit.lon is not None:
                self._places[unit.id] = (unit.lat, unit.lon)
            if unit.state in (UnitState.BREAK, UnitState.OFF_SHIFT, UnitState.UNAVAILABLE):
                self._back_at[unit.id] = pace.between(chance, *_OUT_OF_ORDER_S)
        self._posts.update(self._places)

    def forge(self, report: str) -> None:
        """Whoever is sent to this report does not go there: he sends another picture and says that it is done."""
        self._forged.add(report)

    def place_of(self, unit: Unit) -> Point | None:
        """Where a crew is."""
        return self._places.get(unit.id)

    def step(self, now: datetime) -> None:
        """Everything that crews do up to `now`."""
        elapsed_s = min(_LONGEST_STEP_S, (now - self._last).total_seconds()) if self._last is not None else 0.0
        self._last = now
        moved: list[tuple[str, float, float, datetime]] = []
        for unit in tuple(self._mirror.units.values()):
            job = self._present_job(unit)
            if job is not None:
                self._work(unit, job, now)
            if unit.id != POSITION_LOST and self._move(unit, job, now, elapsed_s) and not self._is_silent(unit):
                lat, lon = self._places[unit.id]
                moved.append((unit.id, round(lat, 6), round(lon, 6), now))
        self._city.presence.put_positions(moved)
        self._change_state(now)

    # Shifts, rests and radios

    def _change_state(self, now: datetime) -> None:
        """Whose shift is over goes home, and the next one takes over; some rest; one falls silent now and then."""
        units = self._mirror.units
        for unit in tuple(units.values()):
            if unit.shift_end is not None and unit.shift_end <= now:
                self._hand_over(unit, now)
        for key, at in sorted(self._back_at.items()):
            if self._pace.is_due(at) and key in units:
                del self._back_at[key]
                self._say(units[key], UnitState.AVAILABLE, "", now)
        idle = [unit for unit in units.values() if self._is_idle(unit)]
        if self._pace.is_due(self._next_rest) and idle:
            self._next_rest = self._pace.next_of(self._chance, _REST_EVERY_S)
            unit = self._chance.choice(idle)
            self._say(unit, UnitState.BREAK, self._chance.choice(("Makan", "Salat", "Isi solar", "Istirahat")), now)
            self._back_at[unit.id] = self._pace.between(self._chance, *_REST_S)
        if len(self._plans) > _MOST_PLANS:  # those of jobs that somebody else has ended are left over
            self._plans = {key: plan for key, plan in self._plans.items() if key in self._mirror.jobs}
        if self._pace.is_due(self._next_silent):
            self._next_silent = self._pace.next_of(self._chance, _SILENT_EVERY_S)
            driving = sorted(self._drives) or [unit.id for unit in idle]
            if driving:
                self._silent[self._chance.choice(driving)] = self._pace.between(self._chance, *_SILENT_S)

    def _hand_over(self, unit: Unit, now: datetime) -> None:
        """The next shift takes the vehicle: at once where it is at work, else after a while off duty."""
        relieved = replace(unit, shift_end=shift_end(unit.id, now, ZONE), version=unit.version + 1)
        self._city.put_units([relieved])
        self._mirror.units[unit.id] = relieved
        if self._is_idle(unit):
            self._say(relieved, UnitState.OFF_SHIFT, "Ganti regu", now)
            self._back_at[unit.id] = self._pace.between(self._chance, *_HANDED_OVER_S)

    def _is_idle(self, unit: Unit) -> bool:
        return unit.state is UnitState.AVAILABLE and not self._mirror.jobs_of(unit.id)

    def _is_silent(self, unit: Unit) -> bool:
        until = self._silent.get(unit.id)
        if until is not None and self._pace.is_due(until):
            del self._silent[unit.id]
            return False
        return until is not None

    def _say(self, unit: Unit, state: UnitState, reason: str, now: datetime) -> None:
        data = {"unit": unit.id, "state": state.value, "reason": reason}
        self._edits.do(unit.id, "field", Kind.UNIT_STATE, None, data, now)

    # Jobs

    def _present_job(self, unit: Unit) -> Assignment | None:
        """The job a crew is on; a reserved one only counts when somebody has sent it."""
        sent = [job for job in self._mirror.jobs_of(unit.id) if job.state is not _A.RESERVED]
        started = [job for job in sent if job.state in (_A.ON_SCENE, _A.EN_ROUTE)]
        return min(started or sent, key=self._can_wait, default=None)

    def _can_wait(self, job: Assignment) -> bool:
        report = self._mirror.reports.get(job.report)
        return report is None or report.priority != HAZARD

    def _work(self, unit: Unit, job: Assignment, now: datetime) -> None:
        plan = self._plans.get(job.id)
        if plan is None or plan.state is not job.state:
            plan = self._plans[job.id] = self._next(unit, job, now)
        if plan.words_at is not None and self._pace.is_due(plan.words_at):
            plan.words_at = None
            self._tell(unit, job, self._words(job), now)
        is_forged = job.report in self._forged
        if plan.then is _A.ON_SCENE and not is_forged and not self._is_there(unit, job):
            return
        if not self._pace.is_due(plan.at):
            return
        if plan.then is _A.REFUSED:
            self._refuse(unit, job, now)
            return
        if plan.then is _A.DONE:
            self._send_photo(unit, job, now, is_forged=is_forged)
        if self._progress(unit, job, plan.then, now):
            del self._plans[job.id]
            self._drives.pop(unit.id, None)
            if plan.then is _A.DONE:
                self._forged.discard(job.report)
        else:
            plan.at = self._pace.after(_AGAIN_S)

    def _progress(self, unit: Unit, job: Assignment, state: AssignmentState, now: datetime, reason: str = "") -> bool:
        report = self._mirror.reports.get(job.report)
        seen = report.version if report is not None else None  # as a crew's phone says, which shows the report
        data = {"unit": unit.id, "state": state.value, "reason": reason}
        return self._edits.do(unit.code, "field", Kind.PROGRESS, job.report, data, now, seen) is not None

    def _next(self, unit: Unit, job: Assignment, now: datetime) -> _CrewPlan:
        chance, pace = self._chance, self._pace
        then = _AFTER[job.state]
        if then is _A.ACKNOWLEDGED:
            return _CrewPlan(job.state, then, pace.between(chance, 2.0, 7.0))
        if then is _A.EN_ROUTE:
            report = self._mirror.reports.get(job.report)
            if report and self._can_wait(job) and job.report not in self._forged and self._refuses():
                return _CrewPlan(job.state, _A.REFUSED, pace.between(chance, 10.0, 40.0))
            return _CrewPlan(job.state, then, pace.between(chance, 4.0, 25.0))
        if then is _A.ON_SCENE:
            wait_s = _FORGED_AFTER_S if job.report in self._forged else 0.0
            return _CrewPlan(job.state, then, pace.after(wait_s))
        if job.report in self._forged:
            return _CrewPlan(job.state, then, pace.between(chance, 20.0, 40.0))
        at = pace.between(chance, *_WORK_S)
        tells = chance.random() < _TELLS
        words_at = pace.life_s + (at - pace.life_s) * chance.uniform(0.2, 0.7)
        return _CrewPlan(job.state, then, at, words_at if tells else None)

    def _refuse(self, unit: Unit, job: Assignment, now: datetime) -> None:
        reason, is_broken = self._chance.choice(_REFUSALS)
        del self._plans[job.id]
        if self._progress(unit, job, _A.REFUSED, now, reason) and is_broken:
            self._say(unit, UnitState.UNAVAILABLE, reason, now)
            self._back_at[unit.id] = self._pace.between(self._chance, *_OUT_OF_ORDER_S)

    def _tell(self, unit: Unit, job: Assignment, words: str, now: datetime) -> None:
        self._edits.do(unit.code, "field", Kind.NOTE, job.report, {"text": words}, now)

    def _words(self, job: Assignment) -> str:
        report = self._mirror.reports.get(job.report)
        service = self._mirror.services.get(report.service or "") if report is not None else None
        fitting = (*_WORKING.get(service.group if service is not None else "", ()), *_ANY_WORK)
        words = self._chance.choice([one for one in fitting if one not in self._said] or fitting)
        self._said.append(words)
        return words

    def _send_photo(self, unit: Unit, job: Assignment, now: datetime, *, is_forged: bool) -> None:
        report = self._mirror.reports.get(job.report)
        service = self._mirror.services.get(report.service or "") if report is not None else None
        if report is None or service is None or not service.proof:
            return
        lat, lon = self._places.get(unit.id, (report.lat, report.lon))
        key, taken = place_name(report.id, report.lat, report.lon), now
        if is_forged and report.lat is not None and report.lon is not None:
            lat, lon, taken = report.lat + _FORGED_OFF, report.lon - _FORGED_OFF, now - _FORGED_AGE
            key = f"elsewhere {key}"
        # Another number each time: a picture that was returned is no proof when it is sent again.
        shot = Shot(service.code, key, True, len(report.photos), taken, lat, lon)
        picture, shot = (self._album.take(shot), shot) if is_forged else self._album.proof(shot)
        data = {"sha256": picture.sha256, "role": "after", "size": picture.size, "taken": shot.at, "lat": shot.lat,
                "lon": shot.lon, "unit": unit.id}  # fmt: skip
        self._edits.do(unit.code, "field", Kind.PHOTO, job.report, data, now)

    # Where they are

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
            self._posts[unit.id] = self._places[unit.id] = self._drive(unit, job, here, target, now, elapsed_s)
            self._beats.pop(unit.id, None)
            return True
        self._drives.pop(unit.id, None)
        due = self._told.setdefault(unit.id, now - timedelta(seconds=self._chance.uniform(0, _AT_POST_EVERY_S)))
        if (now - due).total_seconds() < _AT_POST_EVERY_S:
            return False
        self._told[unit.id] = now
        if job is None and unit.state is UnitState.AVAILABLE:
            self._places[unit.id] = self._patrol(unit.id, here, self._posts.get(unit.id, here))
        return True

    def _drive(self, unit: Unit, job: Assignment, here: Point, goal: Point, now: datetime, elapsed_s: float) -> Point:
        """Where the crew is after this step on its way."""
        drive = self._drives.get(unit.id)
        if drive is None or drive.job != job.id or drive.goal != goal:
            drive = self._drives[unit.id] = self._set_out(job, here, goal, now)
        if drive.waits_until is not None:
            if not self._pace.is_due(drive.waits_until):
                return here
            drive.waits_until = None
        siren = 1.0 if self._can_wait(job) else _SIREN
        drive.driven_m += drive.way.speed_m_s * siren * self._pace.speed * elapsed_s
        if drive.stuck_after_m is not None and drive.driven_m >= drive.stuck_after_m:
            drive.driven_m, drive.stuck_after_m = drive.stuck_after_m, None
            drive.waits_until = self._pace.between(self._chance, *_STUCK_S)
            self._tell(unit, job, self._on_street(_STUCK, drive), now)
        elif drive.is_lost and drive.driven_m >= drive.way.length_m:
            self._tell(unit, job, self._on_street(_WRONG, drive), now)
            self._drives[unit.id] = _Drive(job.id, goal, self._streets.way(drive.way.at(drive.driven_m), goal, now))
        return drive.way.at(drive.driven_m)

    def _set_out(self, job: Assignment, here: Point, goal: Point, now: datetime) -> _Drive:
        """The way there. Some turn off wrongly half-way and notice late; some get stuck."""
        chance = self._chance
        way = self._streets.way(here, goal, now)
        if way.length_m > 3 * _LOST_M and self._turns_wrong():
            middle = way.at(way.length_m * chance.uniform(0.3, 0.6))
            off = chance.choice((-1, 1)) * _LOST_M / 110_000, chance.choice((-1, 1)) * _LOST_M / 110_000
            wrong = street_places().near((middle[0] + off[0], middle[1] + off[1]), chance, 50.0)
            return _Drive(job.id, goal, self._streets.way(here, (wrong.lat, wrong.lon), now), is_lost=True)
        stuck_after_m = way.length_m * chance.uniform(0.3, 0.8) if self._gets_stuck() else None
        return _Drive(job.id, goal, way, stuck_after_m=stuck_after_m)

    def _on_street(self, words: tuple[str, ...], drive: _Drive) -> str:
        place = drive.way.at(drive.driven_m)
        street = street_places().street_near(place)[0].name
        return self._chance.choice(words).format(street=street)

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
