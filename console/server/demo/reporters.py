"""The reporters of the demo city: they write at the rhythm of its history, and again what others have reported."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from api_client.decoding import decode
from api_client.model import Kind, Report, Status
from console.rules.rights import CITIZEN
from console.server.city import schema
from console.server.city.city import City
from console.server.demo.areas import ZONE, Ward
from console.server.demo.drafts import AGAIN_AND_AGAIN, DraftedReport, Draftsman, whereabouts
from console.server.demo.edits import DemoEdits
from console.server.demo.mirror import Mirror
from console.server.demo.pace import Pace
from console.server.demo.pictures import Album, Shot, place_name
from console.server.demo.rhythm import RAIN_NOW, reports_an_hour
from console.server.demo.street_samples import StreetPlace, street_places
from console.server.demo.texts import TextWriter, Whereabouts

_DOUBLE = 0.12
"""Of what is reported so much has been reported by somebody else already, a little before."""
_DOUBLES_WITHIN_S = 1800
_DOUBLE_WITHIN_M = 60.0
_ME_TOO_EVERY_S = 240.0
_WITHOUT_PLACE = 0.025
_AGAIN_EVERY_S = 1500.0
_KNOWN_TEXTS = 2_000


class Reporters:
    """Sends reports to a city, as they come. `a_day` is how many its history has on an average day."""

    def __init__(
        self,
        city: City,
        mirror: Mirror,
        edits: DemoEdits,
        album: Album,
        wards: Sequence[Ward],
        chance: random.Random,
        pace: Pace,
        now: datetime,
        a_day: float,
    ) -> None:
        self._mirror = mirror
        self._edits = edits
        self._album = album
        self._chance = chance
        self._draftsman = Draftsman(wards, chance, now, ZONE)
        self._pace = pace
        self._a_day = a_day
        self._writer = TextWriter()
        for report in _newest(city):
            self._writer.remember(report.service or "", report.description)
        self._next = self._coming(now)
        self._next_me_too = pace.between(chance, 20, _ME_TOO_EVERY_S)
        self._next_again = pace.between(chance, 120, _AGAIN_EVERY_S)

    def step(self, now: datetime) -> None:
        """What comes in up to `now`."""
        if self._pace.is_due(self._next_me_too):
            self._next_me_too = self._pace.next_of(self._chance, _ME_TOO_EVERY_S)
            self._me_too(now)
        if self._pace.is_due(self._next_again):
            self._next_again = self._pace.after(_AGAIN_EVERY_S)
            self._again(now)
        while self._pace.is_due(self._next):
            self._next += self._coming(now) - self._pace.life_s
            self._report(now)

    def send(
        self, draft: DraftedReport, now: datetime, depth_cm: int | None = None, *, in_rain: bool = False
    ) -> str | None:
        """A citizen sends what is drafted, in words of his own unless it has a text, with photos of the weather that he
        has; its id.
        """
        local = now.astimezone(ZONE)
        text = draft.text or self._writer.write(
            draft.service.code, draft.priority, self._chance, local, draft.where, draft.channel, depth_cm
        )
        data: dict[str, Any] = {
            "service": draft.service.code, "priority": draft.priority, "description": text, "address": draft.address,
            "lat": draft.lat, "lon": draft.lon, "channel": draft.channel,
        }  # fmt: skip
        if draft.contact is not None:
            data["contact"] = {"name": draft.contact.name, "phone": draft.contact.phone}
        if draft.lat is None and draft.ward is not None:
            data["area"] = draft.ward.code
        report = self._edits.do(CITIZEN, CITIZEN, Kind.CREATE, None, data, now)
        for number in range(draft.photos if report is not None else 0):
            key = place_name(str(report), draft.lat, draft.lon)
            shot = Shot(draft.service.code, key, number=number, at=now, lat=draft.lat, lon=draft.lon, in_rain=in_rain)
            picture = self._album.take(shot)
            photo = {"sha256": picture.sha256, "role": "report", "size": picture.size, "taken": now,
                     "lat": draft.lat, "lon": draft.lon}  # fmt: skip
            self._edits.do(CITIZEN, CITIZEN, Kind.PHOTO, report, photo, now)
        return report

    def double(self, report: Report, now: datetime, within_m: float = _DOUBLE_WITHIN_M) -> DraftedReport:
        """What somebody else would send about the same matter: near it, a little later, in other words."""
        assert report.lat is not None and report.lon is not None  # noqa: PT018  chosen with a place
        draft = self._draftsman.draft(int(now.timestamp()), RAIN_NOW, report.service)
        place = street_places().near((report.lat, report.lon), self._chance, within_m)
        draft.priority = max(2, report.priority)
        draft.lat, draft.lon, draft.address = place.lat, place.lon, place.address
        draft.where = whereabouts(place)
        return draft

    def drafted(self, service: str, priority: int, place: StreetPlace, now: datetime) -> DraftedReport:
        """What somebody would send about something at a place."""
        draft = self._draftsman.draft(int(now.timestamp()), RAIN_NOW, service)
        draft.priority, draft.channel = priority, draft.channel if draft.channel != "e-mail" else "JAKI"
        draft.lat, draft.lon, draft.address, draft.where = place.lat, place.lon, place.address, whereabouts(place)
        return draft

    def _report(self, now: datetime) -> None:
        fresh, roll = self._fresh(now), self._chance.random()
        if fresh and roll < _DOUBLE:
            self.send(self.double(self._chance.choice(fresh), now), now)
            return
        draft = self._draftsman.draft(int(now.timestamp()), RAIN_NOW)
        if roll > 1 - _WITHOUT_PLACE and draft.priority > 2:
            draft.lat = draft.lon = None
            draft.address, draft.where = "", Whereabouts(ward=draft.ward.name if draft.ward is not None else "")
            if self._chance.random() < 0.5:
                draft.ward = None
        self.send(draft, now)

    def _me_too(self, now: datetime) -> None:
        if fresh := self._fresh(now):
            self._edits.do(CITIZEN, CITIZEN, Kind.ME_TOO, self._chance.choice(fresh).id, {}, now)

    def _again(self, now: datetime) -> None:
        """The same man sends the same once more."""
        first = min(
            (one for one in self._mirror.reports.values() if one.description == AGAIN_AND_AGAIN.text and one.lat),
            key=lambda one: (one.created, one.id),
            default=None,
        )
        if first is not None:
            draft = self._draftsman.draft(int(now.timestamp()), 0.0, first.service)
            draft.priority, draft.text, draft.photos = first.priority, first.description, 1
            draft.lat, draft.lon, draft.address = first.lat, first.lon, first.address
            draft.contact, draft.channel = AGAIN_AND_AGAIN.contact, first.channel
            self.send(draft, now)

    def _fresh(self, now: datetime) -> list[Report]:
        return [
            report
            for report in self._mirror.reports.values()
            if report.status is Status.NEW
            and report.lat is not None
            and report.description != AGAIN_AND_AGAIN.text
            and 0 <= (now - report.created).total_seconds() < _DOUBLES_WITHIN_S
        ]

    def _coming(self, now: datetime) -> float:
        """When the next report comes."""
        return self._pace.next_of(self._chance, 3600 / reports_an_hour(now.astimezone(ZONE), self._a_day))


def _newest(city: City) -> list[Report]:
    """The last reports, the oldest of them first."""
    table = schema.reports
    query = sa.select(table.c.body).order_by(table.c.created.desc(), table.c.id).limit(_KNOWN_TEXTS)
    with city.database.read() as connection:
        found = [decode(body, Report) for body in connection.execute(query).scalars()]
    return found[::-1]
