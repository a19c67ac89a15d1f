"""Lets the demo city live: citizens report, crews work, colleagues keep up, all of it as edits like anybody's."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from pathlib import Path

from console.server.city.city import City
from console.server.demo.areas import read_wards
from console.server.demo.cloudburst import Cloudbursts
from console.server.demo.colleagues import Colleagues
from console.server.demo.crews import Crews
from console.server.demo.driving import DriveStreets
from console.server.demo.edits import DemoEdits
from console.server.demo.fill import DAYS, RECENT
from console.server.demo.messages import CrewMail
from console.server.demo.mirror import Mirror
from console.server.demo.pace import Pace
from console.server.demo.pictures import Album
from console.server.demo.reporters import Reporters
from console.server.demo_controls import DemoControls, LivingState

_TICK = timedelta(seconds=1)
_MOST_TICKS = 5
"""After a pause (a laptop that slept) not everything that would have come comes at once."""


class Living:
    """A demo city that goes on. Call `step` about once a second, from one thread.

    It goes on by whole seconds since `now`, whenever it is called, and its people act on what the city holds: the same
    seed, beginning and visitor make the same city. Reports come at the rhythm of a history of `reports`, of which
    the last sixty days have 30,000 at most.
    `media` gets the photos that crews and citizens send (None: their files are not written). Crews drive along the
    streets of `city_map`, where there is one. `controls` are what a visitor turns.
    """

    def __init__(
        self,
        city: City,
        *,
        seed: int = 1,
        now: datetime,
        media: Path | None = None,
        reports: int = RECENT,
        city_map: Path | None = None,
        controls: DemoControls | None = None,
    ) -> None:
        # Seeded by the time too: a city that is started again does not repeat itself, nor its edits' ids.
        def chance(name: str) -> random.Random:
            return random.Random(f"{seed}/{now.isoformat()}/{name}")  # noqa: S311  no secret

        self._begin, self._ticks = now, 0
        self._controls = controls or DemoControls()
        self._pace = pace = Pace(self._controls.state.speed)
        album, wards = Album(media, seed, city.keep_photo_facts), read_wards()
        self._mirror = mirror = Mirror(city)
        edits = DemoEdits(city, chance("edits"))
        self._reporters = Reporters(
            city, mirror, edits, album, wards, chance("reporters"), pace, now, min(reports, RECENT) / DAYS
        )
        self._crews = Crews(city, mirror, edits, album, DriveStreets(city_map, now), chance("crews"), pace, now)
        self._colleagues = Colleagues(
            mirror, edits, album, city.presence, chance("colleagues"), pace, self._crews.place_of
        )
        self._mail = CrewMail(city, mirror, edits, chance("messages"), pace, now)
        self._bursts = Cloudbursts(
            city, mirror, edits, self._reporters, self._crews, self._colleagues, wards, chance("rain"), pace, now
        )

    def step(self, now: datetime) -> None:
        """Everything that happens up to `now`."""
        ticks = (now - self._begin) // _TICK
        self._ticks = max(self._ticks, ticks - _MOST_TICKS)
        while self._ticks < ticks:
            self._ticks += 1
            self._tick(self._begin + self._ticks * _TICK)

    def _tick(self, now: datetime) -> None:
        self._turn_knobs()
        self._pace.go_on(_TICK.total_seconds())
        self._mirror.refresh()
        self._reporters.step(now)
        self._bursts.step(now)
        self._crews.step(now)
        self._mail.step(now)
        self._mirror.refresh()
        self._colleagues.step(now)

    def _turn_knobs(self) -> None:
        speed = self._controls.take_speed()
        if speed is not None:
            self._pace.speed = speed
        for wanted in self._controls.take_rains():
            here = (wanted.lat, wanted.lon) if wanted.lat is not None and wanted.lon is not None else None
            self._bursts.rain_at(here)
        self._controls.state = LivingState(self._pace.speed, self._bursts.where, self._bursts.may_rain)
