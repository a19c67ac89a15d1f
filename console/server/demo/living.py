"""Lets the demo city live: citizens report, crews work, colleagues keep up, all of it as edits like anybody's."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from api_client.model import Kind, Status
from console.server.city.city import City
from console.server.demo.areas import read_wards
from console.server.demo.colleagues import Colleagues
from console.server.demo.crews import Crews
from console.server.demo.drafts import DraftedReport, Draftsman
from console.server.demo.edits import DemoEdits
from console.server.demo.mirror import Mirror
from console.server.demo.pictures import draw_album
from console.server.demo.stories import CITIZEN
from console.server.demo.street_samples import street_places

_MOST_AT_ONCE = 5
"""After a pause (a laptop that slept) not everything that would have come comes at once."""
_RAIN = 0.4
_ME_TOO, _DOUBLE = 0.08, 0.08
_DOUBLES_WITHIN_S = 1800
_DOUBLE_WITHIN_M = 50.0


class Living:
    """A demo city that goes on. Call `step` about once a second, from one thread.

    A report comes every `every_s` seconds on average; driving and working is `pace` times faster than in life.
    `media` gets the photos that crews and citizens send (None: their files are not written).
    """

    def __init__(
        self,
        city: City,
        *,
        seed: int = 1,
        now: datetime,
        media: Path | None = None,
        every_s: float = 5.0,
        pace: float = 6.0,
    ) -> None:
        # Seeded by the time too: a city that is started again does not repeat its edits' ids.
        self._chance = random.Random(f"{seed}/{now.isoformat()}")  # noqa: S311  no secret
        self._album = draw_album(media, seed)
        self._mirror = Mirror(city)
        self._edits = DemoEdits(city, self._chance)
        self._crews = Crews(city, self._mirror, self._edits, self._album, self._chance, pace)
        self._colleagues = Colleagues(self._mirror, self._edits, self._album, city.presence, self._chance)
        self._draftsman = Draftsman(read_wards(), self._chance, now, ZoneInfo("Asia/Jakarta"))
        self._every_s = every_s
        self._next = now + self._wait()

    def step(self, now: datetime) -> None:
        """Everything that happens up to `now`; a few edits at most."""
        self._mirror.refresh()
        for _ in range(_MOST_AT_ONCE):
            if self._next > now:
                break
            self._citizen(now)
            self._next += self._wait()
        else:
            self._next = max(self._next, now)
        self._crews.step(now)
        self._mirror.refresh()
        self._colleagues.step(now)

    def _wait(self) -> timedelta:
        return timedelta(seconds=self._chance.expovariate(1.0 / self._every_s))

    def _citizen(self, now: datetime) -> None:
        fresh = [
            report
            for report in self._mirror.reports.values()
            if report.status is Status.NEW
            and report.lat is not None
            and (now - report.created).total_seconds() < _DOUBLES_WITHIN_S
        ]
        roll = self._chance.random()
        if fresh and roll < _ME_TOO:
            self._edits.do(CITIZEN, "citizen", Kind.ME_TOO, self._chance.choice(fresh).id, {}, now)
            return
        draft = self._draftsman.draft(int(now.timestamp()) - self._chance.randint(1, 3), _RAIN)
        data = self._creation(draft)
        if fresh and roll < _ME_TOO + _DOUBLE:
            near = self._chance.choice(fresh)
            if near.lat is not None and near.lon is not None:
                place = street_places().near((near.lat, near.lon), self._chance, _DOUBLE_WITHIN_M)
                data |= {
                    "service": near.service,
                    "priority": near.priority if near.priority > 1 else 2,
                    "lat": place.lat,
                    "lon": place.lon,
                    "address": near.address,
                    "description": near.description,
                }
        report = self._edits.do(CITIZEN, "citizen", Kind.CREATE, None, data, now)
        for number in range(draft.photos if report is not None else 0):
            picture = self._album.before[draft.service.glyph] if number == 0 else self._album.before["other"]
            photo = {"sha256": picture.sha256, "role": "report", "size": picture.size, "taken": now,
                     "lat": draft.lat, "lon": draft.lon}  # fmt: skip
            self._edits.do(CITIZEN, "citizen", Kind.PHOTO, report, photo, now)

    def _creation(self, draft: DraftedReport) -> dict[str, Any]:
        return {
            "service": draft.service.code,
            "priority": draft.priority,
            "description": draft.text,
            "address": draft.address,
            "lat": draft.lat,
            "lon": draft.lon,
            "channel": draft.channel,
        }
