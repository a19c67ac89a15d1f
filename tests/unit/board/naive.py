"""The board's rules as plain loops over plain reports: slow, short, and written without looking at the fast ones."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta, timezone
from typing import Any

import msgspec
import numpy as np

from console.rules.place import NO_PLACE

NOW = 1_790_000_125
ME, ALSO_ME = 3, 1
MINE = {1: ME, 2: ALSO_ME}
"""The operator's number as a user at each source: what he is called at the other one may be somebody here."""
ZONE = timezone(timedelta(hours=7))
CODES = {
    "service": {1: "flood", 2: "road", 3: "lamp"},
    "area": {1: "31.02", 2: "31.01", 3: "32.01"},
    "agency": {1: "SDA", 2: "BMG"},
    "unit": {1: "u-1", 2: "u-2"},
    "user": {1: "ana", 2: "budi", 3: "rina"},
}
WORDS = {
    kind: {number: ("" if kind == "user" else "city", code) for number, code in codes.items()}
    for kind, codes in CODES.items()
}
NEW, COORDINATION, ASSIGNED, PROGRESS, VALIDATION, RETURNED, RESOLVED, CLOSED = range(8)
RUNNING, PAUSED, MET, BREACHED = 1, 2, 3, 4


class R(msgspec.Struct, frozen=True):
    """One report's column values."""

    row: int
    lat_e7: int = -62_000_000
    lon_e7: int = 1_068_000_000
    service: int = 1
    status: int = NEW
    hold: int = 0
    priority: int = 3
    area: int = 1
    agency: int = 1
    lead_unit: int = 0
    claim: int = 0
    created: int = NOW - 3600
    updated: int = NOW - 3600
    due: int = 0
    due_state: int = 0
    photos: int = 0
    duplicates: int = 0
    merged: int = 0
    pending: int = 0
    source: int = 1
    hold_until: int = 0
    moderation: int = 0

    @property
    def is_open(self) -> bool:
        return self.status < RESOLVED

    @property
    def mine(self) -> bool:
        return self.claim in (MINE[self.source], -1)

    @property
    def placed(self) -> bool:
        return self.lat_e7 != NO_PLACE and self.lon_e7 != NO_PLACE

    @property
    def unassigned(self) -> bool:
        undecided = self.status in (NEW, RETURNED)
        return self.is_open and undecided and not self.claim and not self.lead_unit

    @property
    def ticking(self) -> bool:
        return self.due != 0 and self.due_state in (RUNNING, BREACHED)

    @property
    def overdue(self) -> bool:
        return self.is_open and self.ticking and (self.due_state == BREACHED or self.due < NOW)

    @property
    def at_risk(self) -> bool:
        return self.is_open and self.due != 0 and self.due_state == RUNNING and NOW <= self.due <= NOW + 3600


def columns(reports: list[R]) -> dict[str, Any]:
    """As CacheReader.columns gives them."""
    return {name: np.array([getattr(one, name) for one in reports], dtype=np.int64) for name in R.__struct_fields__}


def in_tab(one: R, tab: str, *, narrowed: bool) -> bool:
    if one.merged:
        return False
    if tab == "closed":
        return not one.is_open and (narrowed or one.updated >= NOW - 86400)
    return (
        one.is_open
        and {
            "open": True,
            "unassigned": one.unassigned,
            "mine": one.mine,
            "validate": one.status == VALIDATION,
            "active": bool(one.lead_unit) or one.status == PROGRESS,
            "held": one.hold != 0,
        }[tab]
    )


UNDER_WAY = (1001, 1004, 1007, 1010)
"""Rows that a crew is on its way to in every test of Views."""


WITH_CREWS = (2,)
"""The sources whose crews are known in every test of Views."""


def crewless(one: R) -> bool:
    begun = one.status == PROGRESS and one.source in WITH_CREWS
    waits = begun or one.status in (NEW, COORDINATION, ASSIGNED, RETURNED)
    return waits and not one.merged and one.row not in UNDER_WAY


def burns(one: R) -> bool:
    return one.priority == 1 and crewless(one)


def urgency(one: R) -> tuple[int, ...]:
    if burns(one):
        return 0, 0, 0, one.created, one.row
    if one.status == VALIDATION:
        return 1, one.priority, 3, one.due if one.ticking else one.created, one.row
    if one.ticking:
        return 1, one.priority, 1, one.due, one.row
    return 1, one.priority, 2, one.created, one.row


def count_hours(reports: list[R]) -> tuple[list[int], list[float]]:
    """Last 24 city hours and the usual, by looking at each report's local date and hour."""
    tally = Counter(
        datetime.fromtimestamp(one.created, ZONE).strftime("%Y%m%d%H") for one in reports if one.created <= NOW
    )
    running = datetime.fromtimestamp(NOW, ZONE).replace(minute=0, second=0)
    hours = [running - timedelta(hours=back) for back in range(23, -1, -1)]
    return [tally[f"{hour:%Y%m%d%H}"] for hour in hours], [
        sum(tally[f"{hour - timedelta(days=day):%Y%m%d%H}"] for day in range(1, 29)) / 28 for hour in hours
    ]
