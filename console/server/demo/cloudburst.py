"""The story of the demo city: it pours on one kelurahan, which floods, and ebbs; half an hour later on another.

What comes of it are edits like anybody's: calls of citizens, streets that an operator closes, pumps that are sent.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from msgspec import to_builtins

from api_client.model import ClosedArea, ClosedLine, ClosureKind, Kind, Report, Status, UnitState
from console.rules.closure import circle
from console.rules.rights import CITIZEN
from console.server.city.city import City
from console.server.demo.areas import Point, Ward, metres
from console.server.demo.colleagues import Colleagues
from console.server.demo.crews import Crews
from console.server.demo.drafts import WET
from console.server.demo.edits import DemoEdits
from console.server.demo.mirror import Mirror
from console.server.demo.pace import Pace
from console.server.demo.reporters import Reporters
from console.server.demo.street_samples import StreetPlace, street_places

_FIRST_S, _AGAIN_S = (62.0, 85.0), (1700.0, 1900.0)
_MOST_AT_ONCE = 3
_SITES, _LEFT = 5, 3
"""Where people are in danger, and for how many of these the visitor is left to send somebody."""
_APART_M, _WITHIN_M, _TRIES = 100.0, 900.0, 160
_CALLS_WITHIN_M = 70.0
_PUMPS, _NEAR_M = 3, 4_000.0
_EBB_S = (430.0, 520.0)
_CLOSED_WIDTH_M = 14.0
_NEXT_TO = (("kabel-listrik", 1, 96.0), ("pohon-tumbang", 2, 64.0), ("genangan", 2, 20.0), ("genangan", 3, 52.0),
            ("kemacetan", 2, 128.0), ("saluran", 3, 150.0), ("kemacetan", 3, 205.0), ("sosial", 3, 260.0),
            ("air-bersih", 3, 330.0), ("lampu-merah", 2, 180.0))  # fmt: skip
"""What else a cloudburst brings: service, priority, and how many seconds after it began."""
_EBBS = ("Air mulai surut, tinggal {cm} cm.", "Surut perlahan, sekarang {cm} cm. Lumpur menyusul.",
         "Hujan berhenti, air turun ke {cm} cm.", "Arus tidak deras lagi, {cm} cm.",
         "Genangan tinggal {cm} cm di titik terendah.")  # fmt: skip


class Cloudburst:
    """One rain over one ward, from its first call to its ebb: a list of what happens when, in order."""

    def __init__(self, ward: Ward, story: Cloudbursts) -> None:
        self.ward = ward
        self._story = story
        self._chance = story.chance
        self._mains: list[str] = []
        self._closures: list[str] = []
        self._depths = [self._chance.randrange(80, 135, 5) for _ in range(_SITES)]
        self._sites = self._places()
        self._steps: list[tuple[float, int, Callable[[datetime], None]]] = []
        self._write()

    @property
    def is_over(self) -> bool:
        """Whether nothing more comes of it."""
        return not self._steps

    def step(self, now: datetime) -> None:
        """Everything that happens in it up to `now`."""
        while self._steps and self._story.pace.is_due(self._steps[0][0]):
            self._steps.pop(0)[2](now)

    def _write(self) -> None:
        chance = self._chance
        steps: list[tuple[float, Callable[[datetime], None]]] = []
        for number in range(len(self._sites)):
            at_s = 2.0 + 13.0 * number + chance.uniform(0, 5)
            steps.append((at_s, partial(self._call, number)))
            for _ in range(chance.randint(2, 5)):
                later_s = at_s + chance.uniform(9, 190)
                steps.append((later_s, partial(self._call_again, number)))
            for _ in range(chance.randint(0, 3)):
                later_s = at_s + chance.uniform(20, 300)
                steps.append((later_s, partial(self._me_too, number)))
        for service, priority, at_s in _NEXT_TO:
            later_s = at_s + chance.uniform(-8, 8)
            steps.append((later_s, partial(self._beside, service, priority)))
        steps += [(76.0, self._close_area), (108.0, self._close_street), (139.0, self._forge), (150.0, self._send_pump)]
        ebb_s = chance.uniform(*_EBB_S)
        steps += [(ebb_s, self._tell_ebb), (ebb_s + 45, self._open), (ebb_s + 100, self._tell_ebb)]
        steps += [(ebb_s + 150, self._open), (ebb_s + 170, self._lower)]
        after = self._story.pace.after
        self._steps = sorted((after(at_s), number, what) for number, (at_s, what) in enumerate(steps))

    def _places(self) -> list[StreetPlace]:
        """Where it floods: near water, not all at one house, the first of all near the middle."""
        places, chance = street_places(), self._chance
        first = min(
            (places.draw(self.ward, chance, "air") for _ in range(6)),
            key=lambda place: metres((place.lat, place.lon), (self.ward.lat, self.ward.lon)),
        )
        found = [first]
        for attempt in range(_TRIES):
            place = places.draw(self.ward, chance, "air" if attempt < _TRIES // 2 else "")
            away = [metres((place.lat, place.lon), (one.lat, one.lon)) for one in found]
            if min(away) > _APART_M and away[0] < _WITHIN_M:
                found.append(place)
            if len(found) == _SITES:
                break
        return found

    # What citizens say

    def _call(self, number: int, now: datetime) -> None:
        place = self._sites[number]
        draft = self._story.reporters.drafted("banjir", 1, place, now)
        draft.photos = self._chance.choice((0, 1, 1, 2))
        report = self._story.reporters.send(draft, now, self._depths[number], in_rain=True)
        if report is not None:
            self._mains.append(report)

    def _call_again(self, number: int, now: datetime) -> None:
        """Another caller about the same water, from a door further on, who sees it a little higher or lower."""
        main = self._main(number)
        if main is None:
            return
        draft = self._story.reporters.double(main, now, _CALLS_WITHIN_M)
        draft.priority = self._chance.choice((2, 2, 2, 1))
        level = self._depths[number] + self._chance.choice((-10, -5, 0, 5, 10))
        if draft.priority > 1:
            level = self._chance.randrange(45, 75, 5)  # further up the street
        self._story.reporters.send(draft, now, level, in_rain=True)

    def _me_too(self, number: int, now: datetime) -> None:
        if (main := self._main(number)) is not None:
            self._story.edits.do(CITIZEN, CITIZEN, Kind.ME_TOO, main.id, {}, now)

    def _beside(self, service: str, priority: int, now: datetime) -> None:
        group = self._story.mirror.services[service].group
        place = street_places().draw(self.ward, self._chance, group)
        draft = self._story.reporters.drafted(service, priority, place, now)
        self._story.reporters.send(draft, now, in_rain=True)

    def _main(self, number: int) -> Report | None:
        """The first report of a site while it is open."""
        return self._story.mirror.reports.get(self._mains[number]) if number < len(self._mains) else None

    # What operators do

    def _close_area(self, now: datetime) -> None:
        place = self._sites[0]
        shape = circle(place.lat, place.lon, float(self._chance.randrange(110, 190, 10)))
        words = f"Banjir {self._depths[0]} cm, semua kendaraan dialihkan"
        self._close(ClosureKind.FLOOD, shape, words, "BPBD", now)

    def _close_street(self, now: datetime) -> None:
        site = self._sites[1 if len(self._sites) > 1 else 0]
        line = ClosedLine(tuple((round(lon, 6), round(lat, 6)) for lat, lon in site.street.points))
        words = f"{site.street.name} ditutup, arus deras"
        self._close(ClosureKind.STREET, line, words, f"Polsek {self.ward.district}", now)

    def _close(
        self, kind: ClosureKind, shape: ClosedArea | ClosedLine, words: str, said_by: str, now: datetime
    ) -> None:
        key = f"hujan-{self.ward.code}-{int(now.timestamp())}-{len(self._closures)}"
        data: dict[str, Any] = {"closure": key, "seen": 0, "kind": kind.value, "geometry": to_builtins(shape),
                "words": words, "said_by": said_by}  # fmt: skip
        if isinstance(shape, ClosedLine):
            data["width_m"] = _CLOSED_WIDTH_M
        if self._mains and self._mains[0] in self._story.mirror.reports:
            data["report"] = self._mains[0]
        if self._story.edits.do("agus", "operator", Kind.CLOSURE, None, data, now) is not None:
            self._closures.append(key)

    def _open(self, now: datetime) -> None:
        """The last that was closed is opened again."""
        if self._closures:
            data = {"closure": self._closures.pop(), "seen": 1, "ended": True}
            self._story.edits.do("agus", "operator", Kind.CLOSURE, None, data, now)

    def _forge(self, now: datetime) -> None:
        """A colleague sends a crew that never gets there and says that it has."""
        main = self._main(len(self._mains) - 1)
        if main is not None and self._story.colleagues.send(main, now):
            self._story.crews.forge(main.id)

    def _send_pump(self, now: datetime) -> None:
        for number in range(_LEFT, len(self._mains) - 1):
            if (main := self._main(number)) is not None:
                self._story.colleagues.send(main, now)

    def _tell_ebb(self, now: datetime) -> None:
        for number in range(0, len(self._mains), 2):
            main = self._main(number)
            if main is not None and main.status is not Status.VALIDATION:
                self._depths[number] //= 2
                words = self._chance.choice(_EBBS).format(cm=self._depths[number])
                self._story.edits.do("lina", "operator", Kind.NOTE, main.id, {"text": words}, now)

    def _lower(self, now: datetime) -> None:
        """Where nobody has sent anybody the water has gone by itself: it is urgent no more."""
        for number in range(len(self._mains)):
            main = self._main(number)
            if main is not None and main.status is Status.NEW and main.claim is None:
                data = {"priority": 3, "reason": "Air sudah surut"}
                self._story.edits.do("lina", "operator", Kind.SET, main.id, data, now)


class Cloudbursts:
    """Lets it rain: in the second minute, every half an hour after that, and where somebody asks for it."""

    def __init__(
        self,
        city: City,
        mirror: Mirror,
        edits: DemoEdits,
        reporters: Reporters,
        crews: Crews,
        colleagues: Colleagues,
        wards: Sequence[Ward],
        chance: random.Random,
        pace: Pace,
        now: datetime,
    ) -> None:
        self.mirror = mirror
        self.edits = edits
        self.reporters = reporters
        self.crews = crews
        self.colleagues = colleagues
        self.chance = chance
        self.pace = pace
        self._area_at = city.area_at
        self._wards = [ward for ward in wards if street_places().has(ward)]
        self._going_on: list[Cloudburst] = []
        self._lately: list[str] = []
        self._next = pace.between(chance, *_FIRST_S)

    def step(self, now: datetime) -> None:
        """Everything that rain brings up to `now`."""
        if self.pace.is_due(self._next):
            self._next = self.pace.between(self.chance, *_AGAIN_S)
            self._begin(self._where())
        for burst in self._going_on:
            burst.step(now)
        self._going_on = [burst for burst in self._going_on if not burst.is_over]

    def rain_at(self, here: Point | None) -> str | None:
        """Let it rain now: over the ward of a place, or the nearest on which it does not rain yet, or wherever; the
        ward's name, None while it rains enough.
        """
        if not self.may_rain:
            return None
        dry = [ward for ward in self._wards if ward.name not in self.where]
        ward = self._where() if here is None else min(dry, key=lambda one: self._away(one, here))
        self._begin(ward)
        return ward.name

    @property
    def may_rain(self) -> bool:
        """Whether it can begin to rain on one more ward."""
        return len(self._going_on) < _MOST_AT_ONCE

    @property
    def where(self) -> tuple[str, ...]:
        """The names of the wards on which it pours."""
        return tuple(burst.ward.name for burst in self._going_on)

    def _away(self, ward: Ward, here: Point) -> tuple[bool, float]:
        """The ward that a place is in comes first, then the nearest."""
        area = self._area_at(*here)
        return area is None or area[0] != ward.code, metres((ward.lat, ward.lon), here)

    def _begin(self, ward: Ward) -> None:
        self._lately = [*self._lately[-5:], ward.code]
        self._going_on.append(Cloudburst(ward, self))

    def _where(self) -> Ward:
        """A ward at a river in which it has not rained lately, with some pumps not far away."""
        wet = [ward for ward in self._wards if ward.name in WET and ward.code not in self._lately]
        wet.sort(key=lambda ward: (self._pumps_away_m(ward), ward.code))
        return self.chance.choice(wet[: max(1, len(wet) // 3)])

    def _pumps_away_m(self, ward: Ward) -> float:
        """How far the third of the free pumps is."""
        free = [
            metres((ward.lat, ward.lon), place)
            for unit in self.mirror.units.values()
            if unit.state is UnitState.AVAILABLE and "pump" in unit.skills and (place := self.crews.place_of(unit))
        ]
        return sorted(free)[_PUMPS - 1] if len(free) >= _PUMPS else 1e9
