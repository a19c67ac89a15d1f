"""Decides what happened in the demo city: when, where and about what citizens reported, and how far each matter got."""

from __future__ import annotations

import random
from bisect import bisect
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import accumulate
from zoneinfo import ZoneInfo

import msgspec
from msgspec.structs import replace

from api_client.model import AssignmentState, Contact, Service, Status, WaitsFor
from console.server.demo.areas import Ward, metres
from console.server.demo.rhythm import RAINY_DAYS, weight
from console.server.demo.street_samples import INVENTED, MAIN_KINDS, StreetPlace, street_places
from console.server.demo.texts import LANE, MAIN, STREET, Whereabouts
from console.server.demo.vocabulary import HABITS, Habit

_CHANNELS = (("JAKI", 74), ("WhatsApp", 9), ("telepon", 6), ("X", 5), ("kelurahan", 4), ("e-mail", 2))
_CHANNEL_NAMES = tuple(name for name, _ in _CHANNELS)
_CHANNEL_SHARES = tuple(accumulate(share for _, share in _CHANNELS))
_PRESENT_HOURS = 2
WET = frozenset({
    "Kampung Melayu", "Bidara Cina", "Bukit Duri", "Kebon Baru", "Cawang", "Manggarai", "Rawajati", "Cililitan",
    "Balekambang", "Pengadegan", "Cikoko", "Pluit", "Penjaringan", "Kapuk", "Kapuk Muara", "Rawa Buaya",
    "Cipinang Melayu", "Kelapa Gading Barat", "Pejaten Timur", "Kebon Pala", "Tegal Alur", "Semanan", "Kembangan Utara",
    "Ulujami",
})  # fmt: skip
"""Kelurahan at rivers, which flood first."""
_STILL_OPEN = ((6, 0.9), (24, 0.68), (72, 0.46), (150, 0.17), (166, 0.05))
"""The part of routine matters that is still open up to an age in hours."""
_OVER_S = 61 * 86400
"""What is older is over."""
_DUPLICATES = 0.03
_SEEN_SOON_S, _SEEN_LATER_S = 120, 1500
"""That a report is the double of another one an operator sees after the first of these, and up to the other later."""
_WITHOUT_WORK = 0.02
_ANOTHER_WARD, _NEAR_BORDER, _BESIDE = 0.06, 1.3, 8
"""So many say the ward beside, of those who stand less than so many times as far from its middle as from their own."""
_DOUBLE_WITHIN_M, _SAME_GUTTER_M = 60.0, 50.0
WITHOUT_PLACE = 9
IN_NO_AREA = 12


@dataclass(slots=True)
class DraftedReport:
    """One report of the demo city before its history is written. Times are Unix seconds.

    `where` is what its text may say of its place; a `text` is written with its history, unless it is given.
    `merged` is when it is merged into its `parent`, which has it among its `doubles`.
    """

    created: int
    habit: Habit
    priority: int
    ward: Ward | None
    lat: float | None
    lon: float | None
    address: str
    where: Whereabouts
    channel: str
    text: str = ""
    status: Status = Status.NEW
    parent: DraftedReport | None = None
    merged: float = 0.0
    doubles: list[DraftedReport] = field(default_factory=list)
    photos: int = 0
    unit: str | None = None
    job: AssignmentState | None = None
    hold: tuple[str, WaitsFor] | None = None
    claim: str | None = None
    suspicious: bool = False
    contact: Contact | None = None
    id: str = ""
    tags: set[str] = field(default_factory=set)

    @property
    def service(self) -> Service:
        """What it is about."""
        return self.habit.service


@dataclass(frozen=True)
class Scene:
    """A report that always stands in the demo city, `ago_s` old, so that its picture is never empty."""

    ago_s: int
    service: str
    priority: int
    ward: str
    status: Status
    text: str
    duplicates: int = 0
    photos: int = 1
    unit: str | None = None
    job: AssignmentState | None = None
    claim: str | None = None


class Nuisance(msgspec.Struct, frozen=True):
    """Somebody who sends the same words again and again."""

    text: str
    contact: Contact


AGAIN_AND_AGAIN = Nuisance(
    "Mobil parkir depan pagar saya LAGI. Sudah berkali kali dilapor tidak ada tindakan!!",
    Contact("Warga 4417", "0800 000 4417"),
)
_SO_OFTEN, _AGAIN_S = 30, 1500

_S, _A = Status, AssignmentState
SCENES: tuple[Scene, ...] = (
    Scene(41, "banjir", 1, "Cawang", _S.NEW,
          "Air naik cepat sedada di gang kami, ada lansia dan balita di lantai bawah.", 4),
    Scene(130, "kabel-listrik", 1, "Bidara Cina", _S.COORDINATION,
          "Kabel putus menyentuh genangan di depan gerbang sekolah.", 0, 2, claim="dewi"),
    Scene(510_000, "saluran", 2, "Kebon Baru", _S.RETURNED,
          "Saluran PHB tersumbat sampah dan lumpur, air meluap ke jalan setinggi lutut tiap hujan. "
          "Minggu lalu katanya selesai, tapi belum dikeruk.", 3, 3),
    Scene(392, "banjir", 2, "Kampung Melayu", _S.NEW, "Tanggul kali rembes di belakang rusunawa, air mulai masuk.", 2),
    Scene(545, "pohon-tumbang", 2, "Menteng Atas", _S.NEW,
          "Pohon besar tumbang menutup dua lajur, satu motor tertimpa.", 6, 2),
    Scene(680, "kemacetan", 2, "Tebet Barat", _S.NEW,
          "Truk mogok di lajur kanan, antrean sampai kolong flyover.", 1, 0),
    Scene(1124, "genangan", 2, "Setia Budi", _S.ASSIGNED,
          "Genangan 40 cm di terowongan Dukuh Atas, mobil kecil mogok.", 9, 4, "SDA-11", _A.EN_ROUTE),
    Scene(3720, "jalan-rusak", 2, "Pisangan Baru", _S.PROGRESS,
          "Aspal ambles selebar satu meter dekat halte, sering ada pemotor jatuh.", 2, 1, "BMG-04", _A.ON_SCENE),
    Scene(838, "sampah", 3, "Manggarai", _S.NEW, "Sampah kiriman menumpuk di saringan pintu air."),
    Scene(852, "saluran", 3, "Bukit Duri", _S.NEW, "Got depan rumah mampet, air masuk setiap hujan.", 1),
    Scene(274_000, "lampu-jalan", 3, "Kebon Manggis", _S.VALIDATION, "PJU mati sepanjang gang, gelap dan rawan.", 0, 2),
    Scene(903, "tempat-tidur-rs", 3, "Bali Mester", _S.NEW, "IGD penuh sejak pagi, mohon info kamar kosong.", 0, 0),
    Scene(9600, "jalan-rusak", 3, "Tebet Timur", _S.COORDINATION,
          "Lubang dalam di tikungan, lokasi tertukar dengan kelurahan sebelah.", 0, 1, claim="sari"),
    Scene(940, "parkir-liar", 4, "Gondangdia", _S.NEW, "Mobil parkir di trotoar, pejalan kaki turun ke jalan.", 2),
    Scene(2520, "sampah", 3, "Palmeriam", _S.PROGRESS,
          "TPS penuh sampai ke badan jalan.", 0, 1, "PPSU-PLM 1", _A.ON_SCENE),
    Scene(1980, "pohon-tumbang", 3, "Menteng", _S.ASSIGNED, "Dahan patah menimpa kabel di depan sekolah.", 0, 1,
          "DSH-12", _A.EN_ROUTE),
    Scene(2400, "lampu-jalan", 3, "Kebon Baru", _S.ASSIGNED, "3 tiang lampu padam sejak kemarin malam.", 0, 1,
          "PPSU-KBR 2", _A.ACKNOWLEDGED),
    Scene(3300, "genangan", 3, "Cipinang Besar Selatan", _S.ASSIGNED,
          "Air menggenang di depan pasar setinggi betis.", 0, 1, "SDA-15", _A.EN_ROUTE),
    Scene(1290, "saluran", 3, "Kebon Baru", _S.COORDINATION,
          "Got meluap lagi, sama seperti minggu lalu."),
    Scene(3700, "genangan", 3, "Kebon Baru", _S.COORDINATION, "Jalan tergenang depan musala setinggi mata kaki."),
    Scene(64_800, "saluran", 3, "Kebon Baru", _S.RESOLVED, "Saluran penuh lumpur, minta dikeruk."),
)  # fmt: skip


def local_hour(now: datetime, ago: int, zone: ZoneInfo) -> datetime:
    """The middle of the hour that ended `ago` hours before `now`, on the city's clocks."""
    return (now - timedelta(hours=ago + 0.5)).astimezone(zone)


class Draftsman:
    """Writes the drafts of a city: the same seed and time give the same city."""

    def __init__(self, wards: Sequence[Ward], chance: random.Random, now: datetime, zone: ZoneInfo) -> None:
        self._wards = wards
        self._chance = chance
        self._now = now
        self._now_s = int(now.timestamp())
        self._zone = zone
        self._places = street_places()
        self._around: dict[str, list[Ward]] = {}
        self._shares_in: dict[float, list[float]] = {}
        self._by_name = {ward.name: ward for ward in wards}
        self._habits = {habit.service.code: habit for habit in HABITS}
        spots = random.Random("hot spots")  # noqa: S311  the city's own: the same in its history and its present
        weights = [(0.05 if ward.code.startswith("31.01.") else 1.0) * spots.lognormvariate(0, 0.55) for ward in wards]
        self._dry = _running(weights)
        self._wet = _running([w * (4.5 if ward.name in WET else 1.0) for w, ward in zip(weights, wards, strict=True)])

    def write(self, count: int, days: int) -> list[DraftedReport]:
        """`count` drafts over `days` days, oldest first."""
        drafts: list[DraftedReport] = []
        if count >= 200:
            drafts = [*self._scenes(), *self._again_and_again()]
        weights, rain = self._recent_weights(count - len(drafts), days, [draft.created for draft in drafts])
        drafts += self._fill(*self._times(count - len(drafts), weights, rain, self._now_s))
        drafts.sort(key=lambda draft: draft.created)
        self._misplace(drafts)
        self._pause(drafts)
        return drafts

    def write_earlier(self, count: int, days: int, until: datetime) -> list[DraftedReport]:
        """`count` drafts of the `days` days before `until`, oldest first: matters that are over long ago."""
        hours = days * 24
        rain = [0.0] * hours
        for ago in range(0, hours, 24):
            if self._chance.random() < RAINY_DAYS[local_hour(until, ago, self._zone).month - 1]:
                begin, length = ago + self._chance.randrange(24), self._chance.randint(3, 12)
                for hour in range(begin, min(hours, begin + length)):
                    rain[hour] = 0.5 + 0.5 * self._chance.random()
        weights = [
            weight(local_hour(until, ago, self._zone), rain[ago]) * self._chance.uniform(0.85, 1.15)
            for ago in range(hours)
        ]
        drafts = self._fill(*self._times(count, weights, rain, int(until.timestamp())))
        drafts.sort(key=lambda draft: draft.created)
        return drafts

    def draft(self, created: int, rain: float, service: str | None = None, ward: Ward | None = None) -> DraftedReport:
        """One fresh report as a citizen might send it at `created`: of any service and from anywhere unless told."""
        return self._draft(created, rain, self._habits[service] if service is not None else None, ward)

    def _fill(self, times: Sequence[int], rain: Sequence[float]) -> list[DraftedReport]:
        drafts: list[DraftedReport] = []
        recent: deque[DraftedReport] = deque(maxlen=60)
        for created, wet in zip(times, rain, strict=True):
            parent = self._parent(recent, created)
            draft = self._double(parent, created) if parent is not None else self._draft(created, wet)
            if parent is None:
                draft.status = self._status(draft)
                recent.append(draft)
            drafts.append(draft)
        return drafts

    def _recent_weights(self, count: int, days: int, there: Sequence[int]) -> tuple[list[float], list[float]]:
        """How many of `count` reports come in each hour before now, in proportion, and how much it rains in it."""
        chance = self._chance
        hours = days * 24
        rain = [0.0] * hours
        storms = [(0, 30), *((chance.randrange(48, hours), chance.randint(4, 16)) for _ in range(days // 5))]
        for begin, length in storms:
            for hour in range(begin, min(hours, begin + length)):
                rain[hour] = max(rain[hour], 0.5 + 0.5 * chance.random())
        weights = []
        for ago in range(hours):
            local = local_hour(self._now, ago, self._zone)
            weights.append(weight(local, rain[ago], present=ago < _PRESENT_HOURS) * chance.uniform(0.85, 1.15))
        each = sum(weights) / max(1, count)
        for ago in range(_PRESENT_HOURS):  # what always stands there is part of what comes in these hours
            stands = sum(ago * 3600 <= self._now_s - created < (ago + 1) * 3600 for created in there)
            weights[ago] = max(0.1 * weights[ago], weights[ago] - stands * each)
        return weights, rain

    def _times(
        self, count: int, weights: Sequence[float], rain: Sequence[float], until_s: int
    ) -> tuple[list[int], list[float]]:
        """When `count` reports come in the hours before a time, and how much it rains then, oldest first."""
        chance = self._chance
        slots = sorted(chance.choices(range(len(weights)), weights, k=count), reverse=True)
        times = [until_s - slot * 3600 - chance.randrange(45, 3600) for slot in slots]
        pairs = sorted(zip(times, (rain[slot] for slot in slots), strict=True))
        return [at for at, _ in pairs], [wet for _, wet in pairs]

    def _draft(self, created: int, rain: float, habit: Habit | None = None, ward: Ward | None = None) -> DraftedReport:
        chance = self._chance
        shares = self._shares_in.get(rain)
        if shares is None:
            shares = list(accumulate(habit.share * (1 + rain * (habit.rain - 1)) for habit in HABITS))
            self._shares_in[rain] = shares
        if habit is None:
            habit = chance.choices(HABITS, cum_weights=shares)[0]
        if ward is None:
            running = self._wet if habit.service.group == "air" else self._dry
            ward = self._wards[min(bisect(running, chance.random()), len(self._wards) - 1)]
        place = self._places.draw(ward, chance, habit.service.group)
        address, where = place.address, whereabouts(place)
        if chance.random() < _ANOTHER_WARD and (other := self._across_the_border(ward, place)) is not None:
            address = address.replace(f", {ward.name} ", f", {other.name} ")
            where = replace(where, ward=other.name)
        priority = chance.choices((1, 2, 3, 4), habit.priorities)[0]
        channel = chance.choices(_CHANNEL_NAMES, cum_weights=_CHANNEL_SHARES)[0]
        photos = 0 if channel == "telepon" else chance.choices((0, 1, 2, 3), (34, 48, 13, 5))[0]
        return DraftedReport(
            created,
            habit,
            priority,
            ward,
            place.lat,
            place.lon,
            address,
            where,
            channel,
            photos=photos,
        )

    def _across_the_border(self, ward: Ward, place: StreetPlace) -> Ward | None:
        """The ward beside, for a place so near to its border that people think it is there."""
        here = (place.lat, place.lon)
        around = self._around.get(ward.code)
        if around is None:
            by_distance = sorted(self._wards, key=lambda one: metres((one.lat, one.lon), (ward.lat, ward.lon)))
            around = self._around[ward.code] = by_distance[1 : 1 + _BESIDE]
        away = min((metres((one.lat, one.lon), here), one.code, one) for one in around)
        return away[2] if away[0] < _NEAR_BORDER * metres((ward.lat, ward.lon), here) else None

    def _parent(self, recent: Sequence[DraftedReport], created: int) -> DraftedReport | None:
        if self._chance.random() >= _DUPLICATES or len(recent) < 5:
            return None
        parent = self._chance.choice(recent)
        return parent if created - parent.created < 6 * 3600 else None

    def _double(self, parent: DraftedReport, created: int) -> DraftedReport:
        chance = self._chance
        assert parent.lat is not None and parent.lon is not None  # noqa: PT018  parents have places
        place = self._places.near((parent.lat, parent.lon), chance, _DOUBLE_WITHIN_M)
        double = DraftedReport(
            created,
            parent.habit,
            parent.priority,
            parent.ward,
            place.lat,
            place.lon,
            parent.address,
            whereabouts(place),
            "JAKI",
            status=Status.CLOSED,
            parent=parent,
            merged=created + min(_SEEN_SOON_S + created % _SEEN_LATER_S, 0.7 * (self._now_s - created)),
            photos=chance.randint(0, 2),
        )
        parent.doubles.append(double)
        return double

    def _status(self, draft: DraftedReport) -> Status:
        """How far a matter has got, by its age: what is new is new, nothing is late without a reason."""
        chance = self._chance
        age = self._now_s - draft.created
        roll = chance.random()
        if roll < _WITHOUT_WORK and age > 1800:
            return Status.CLOSED
        if age > _OVER_S:
            return Status.RESOLVED
        if draft.priority == 1:
            return Status.RESOLVED if age > 3 * 3600 else Status.PROGRESS
        if draft.priority == 2:
            if age > 20 * 3600 or roll > 1.5 - age / (20 * 3600):
                return Status.RESOLVED
            return chance.choices((_S.COORDINATION, _S.ASSIGNED, _S.PROGRESS, _S.VALIDATION), (25, 15, 35, 25))[0]
        if age < 1200:
            return chance.choices((_S.NEW, _S.COORDINATION), (90, 10))[0]
        if age < 3300:
            return chance.choices((_S.NEW, _S.COORDINATION, _S.ASSIGNED), (62, 28, 10))[0]
        still_open = next((part for hours, part in _STILL_OPEN if age < hours * 3600), 0.0004)
        if roll > still_open:
            return Status.RESOLVED
        return chance.choices(
            (_S.COORDINATION, _S.ASSIGNED, _S.PROGRESS, _S.VALIDATION, _S.RETURNED),
            (54, 6, 18, 20 if age > 4 * 3600 else 6, 2 if age > 24 * 3600 else 0),
        )[0]

    def _scenes(self) -> list[DraftedReport]:
        drafts = []
        for scene in SCENES:
            ward = self._by_name[scene.ward]
            if scene.service != "saluran" or scene.ward != "Kebon Baru":
                place = self._places.draw(ward, self._chance, self._habits[scene.service].service.group)
            else:  # the same gutter again and again
                place = self._places.near((ward.lat, ward.lon), self._chance, _SAME_GUTTER_M)
            draft = DraftedReport(
                self._now_s - scene.ago_s,
                self._habits[scene.service],
                scene.priority,
                ward,
                place.lat,
                place.lon,
                place.address,
                whereabouts(place),
                "JAKI",
                scene.text,
                scene.status,
                photos=scene.photos,
                claim=scene.claim,
                suspicious=scene.status is Status.RETURNED,
                unit=scene.unit,
                job=scene.job,
            )
            draft.tags.add("scene")
            drafts.append(draft)
            step = min(scene.ago_s, 7200) // 12
            drafts += [self._double(draft, draft.created + step * number) for number in range(1, scene.duplicates + 1)]
        return drafts

    def _again_and_again(self) -> list[DraftedReport]:
        """Thirty reports of one man about one thing, all of the day before."""
        first = self._draft(self._now_s - 26 * 3600, 0.0, self._habits["parkir-liar"], self._by_name["Gondangdia"])
        first.status, first.priority, first.channel = Status.COORDINATION, 4, "JAKI"
        first.text, first.contact, first.photos = AGAIN_AND_AGAIN.text, AGAIN_AND_AGAIN.contact, 1
        first.tags.add("again")
        drafts = [first]
        for number in range(1, _SO_OFTEN):
            double = self._double(first, first.created + number * _AGAIN_S + self._chance.randrange(_AGAIN_S))
            double.lat, double.lon, double.photos = first.lat, first.lon, 1
            double.text, double.contact = first.text, first.contact
            double.tags.add("again")
            drafts.append(double)
        return drafts

    def _misplace(self, drafts: Sequence[DraftedReport]) -> None:
        """Some citizens send no place, some stand beyond the border."""
        chance = self._chance
        movable = [draft for draft in drafts if draft.parent is None and not draft.doubles and not draft.tags]
        still_open = [
            draft for draft in movable
            if draft.status in (Status.NEW, Status.COORDINATION) and draft.priority > 2
        ]  # fmt: skip
        placeless = chance.sample(still_open, min(WITHOUT_PLACE, len(still_open)))
        for number, draft in enumerate(placeless):
            draft.lat = draft.lon = None
            draft.where = Whereabouts(ward=draft.ward.name if draft.ward else "")
            draft.tags.add("placeless")
            if number % 2:
                draft.ward = None
        rest = [draft for draft in movable if not draft.tags]
        for draft in chance.sample(rest, min(IN_NO_AREA, len(rest))):
            draft.ward = None
            draft.lat, draft.lon = round(chance.uniform(-6.30, -6.20), 6), round(chance.uniform(106.99, 107.03), 6)
            street = f"Jl. Raya Bekasi KM {chance.randint(24, 30)}"
            draft.address, draft.where = f"{street} {INVENTED}", Whereabouts(street, MAIN, "Bekasi")

    def _pause(self, drafts: Sequence[DraftedReport]) -> None:
        chance = self._chance
        paused = [
            draft for draft in drafts if draft.status is Status.PROGRESS and not draft.tags and draft.priority > 2
        ]
        reasons = (
            ("Menunggu hujan reda", WaitsFor.WEATHER),
            ("Menunggu material", WaitsFor.MATERIAL),
            ("Menunggu instansi lain", WaitsFor.AGENCY),
            ("Menunggu jawaban pelapor", WaitsFor.REPORTER),
        )
        for number, draft in enumerate(chance.sample(paused, min(7, len(paused)))):
            draft.hold = reasons[number % len(reasons)]
        looked_at = [draft for draft in drafts if draft.status is Status.COORDINATION and not draft.tags]
        for draft in chance.sample(looked_at, min(4, len(looked_at))):
            draft.claim = chance.choice(("dewi", "sari", "agus"))


def whereabouts(place: StreetPlace) -> Whereabouts:
    """What a text may say of a place on a street."""
    street = place.street
    kind = MAIN if street.kind in MAIN_KINDS else LANE if street.name.startswith("Gang ") else STREET
    return Whereabouts(street.name, kind, place.ward, str(place.number))


def _running(weights: Sequence[float]) -> list[float]:
    """Running sums from 0 to 1, to draw by bisection."""
    whole, total, sums = sum(weights), 0.0, []
    for one in weights:
        total += one / whole
        sums.append(total)
    return sums
