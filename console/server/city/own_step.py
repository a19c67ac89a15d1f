"""Changes that the server itself makes to a report, by its clock or after a change of rights: a version with an
entry.
"""

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
    """Write `after` as the version that follows `before`, with an entry of this kind that belongs to no edit.

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
