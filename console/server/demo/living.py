"""Lets the demo city live: citizens report, crews work, colleagues keep up, all of it as edits like anybody's."""

from __future__ import annotations

import random
from datetime import datetime
from pathlib import Path

from console.server.city.city import City
from console.server.demo.areas import read_wards
from console.server.demo.colleagues import Colleagues
from console.server.demo.crews import Crews
from console.server.demo.edits import DemoEdits
from console.server.demo.fill import DAYS, REPORTS
from console.server.demo.mirror import Mirror
from console.server.demo.pictures import Album
from console.server.demo.reporters import Reporters


class Living:
    """A demo city that goes on. Call `step` about once a second, from one thread.

    Reports come at the rhythm of a history of `reports` in sixty days. `media` gets the photos that crews and citizens
    send (None: their files are not written).
    """

    def __init__(
        self,
        city: City,
        *,
        seed: int = 1,
        now: datetime,
        media: Path | None = None,
        reports: int = REPORTS,
        pace: float = 6.0,
    ) -> None:
        # Seeded by the time too: a city that is started again does not repeat itself, nor its edits' ids.
        def chance(name: str) -> random.Random:
            return random.Random(f"{seed}/{now.isoformat()}/{name}")  # noqa: S311  no secret

        album = Album(media, seed, city.keep_photo_facts)
        self._mirror = Mirror(city)
        edits = DemoEdits(city, chance("edits"))
        self._reporters = Reporters(
            city, self._mirror, edits, album, read_wards(), chance("reporters"), now, reports / DAYS
        )
        self._crews = Crews(city, self._mirror, edits, album, chance("crews"), pace)
        self._colleagues = Colleagues(self._mirror, edits, album, city.presence, chance("colleagues"))

    def step(self, now: datetime) -> None:
        """Everything that happens up to `now`; a few edits at most."""
        self._mirror.refresh()
        self._reporters.step(now)
        self._crews.step(now)
        self._mirror.refresh()
        self._colleagues.step(now)
