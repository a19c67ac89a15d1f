"""What the server does to a report by itself, as its clock or a change of rights wants it: a version with its entry."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from api_client.model import Entry, Kind, Report
from console.server.city.edit_context import write_version
from console.server.city.records import Actor
from console.server.city.unit_of_work import UnitOfWork


def write_own_step(
    unit_of_work: UnitOfWork,
    before: Report,
    after: Report,
    kind: Kind,
    by: Actor,
    text: str,
    data: dict[str, Any],
    *,
    occurred_at: datetime | None = None,
    touched: Iterable[str] = (),
) -> None:
    """Write `after` in the place of `before`, and the entry of a step of this kind, which no edit has made.

    `touched` as for `write_version`.
    """
    entry = Entry(
        id=str(uuid.uuid4()),
        report=before.id,
        kind=kind.value,
        at=unit_of_work.now,
        author=by.name,
        occurred_at=occurred_at,
        text=text,
        data=data,
    )
    write_version(unit_of_work, before, after, entry, touched=touched)
