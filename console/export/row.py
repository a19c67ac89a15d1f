"""One report as `sigap export` writes it: the columns of every format."""

from __future__ import annotations

from datetime import datetime

import msgspec


class ExportRow(msgspec.Struct, frozen=True):
    """One report as it is written. The fields are the columns, in their order; times have a zone; unknown is None.

    `priority` is 1 to 4. `number` is "" for a report that its server does not know yet.
    """

    number: str
    source: str
    status: str
    category: str
    priority: int
    area: str
    agency: str
    address: str
    lat: float | None
    lon: float | None
    created: datetime
    updated: datetime
    due: datetime | None
    description: str


COLUMNS: tuple[str, ...] = ExportRow.__struct_fields__
Value = str | int | float | datetime | None
