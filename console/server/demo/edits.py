"""How the demo's people act on the city: each step is an edit like any other, under the name of who does it."""

from __future__ import annotations

import random
import uuid
from datetime import datetime
from typing import Any

from api_client.model import EditBody, Kind
from console.server.city.city import City
from console.server.city.records import Actor
from console.server.errors import Refusal

DEVICE = "demo"


class DemoEdits:
    """Applies edits to a city; what the city refuses (somebody else was faster) simply does not happen."""

    def __init__(self, city: City, chance: random.Random) -> None:
        self._city = city
        self._chance = chance
        self._number = 0

    def do(
        self,
        who: str,
        role: str,
        kind: Kind,
        report: str | None,
        data: dict[str, Any],
        at: datetime,
        seen: int | None = None,
    ) -> str | None:
        """Do it; the id of the report it was done to, None when it was refused. `seen` is the version of the report
        that he has seen.
        """
        self._number += 1
        key = str(uuid.UUID(int=self._chance.getrandbits(128), version=4))
        edit = EditBody(key, kind, occurred_at=at, data=data, device=DEVICE, number=self._number)
        try:
            applied = self._city.apply(edit, report=report, actor=Actor(who, role, via="demo"), if_match=seen)
        except Refusal:
            return None
        changed = applied.answer.report
        return changed.id if changed is not None else report or ""
