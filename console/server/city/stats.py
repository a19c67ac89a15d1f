"""Counts of everything in a city, and the box that holds it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa

from api_client.decoding import decoder_of
from api_client.model import CityFacts, Stats
from console.server.city import schema
from console.server.city.confidential import may_be_public
from console.server.city.database import present_number
from console.server.city.meta import LANGUAGE, read_meta

Box = tuple[float, float, float, float]
_STRAY = 0.01
"""The share of reports on each side that may lie far outside the city without stretching its box."""
_MARGIN = 0.01


class Counted(NamedTuple):
    """The counts as the staff sees them, and as everybody does: without what is confidential."""

    whole: Stats
    public: Stats
    hidden: frozenset[str]
    """The services that are confidential."""


def count_everything(connection: sa.Connection, before: Counted | None, hidden: frozenset[str]) -> Counted:
    """Count; the box of `before` is used again while the city has hardly grown, and the same is confidential."""
    table = schema.reports
    known = read_meta(connection)
    by_status = _groups(connection, table.c.status, hidden)
    by_service = _groups(connection, table.c.service, hidden)
    by_area = _groups(connection, table.c.area, hidden)
    placeless = _groups(connection, sa.case((table.c.lat.is_(None), "y"), else_="n"), hidden)
    total = sum(by_status[1].values())
    box = (
        before.public.city.bbox
        if before is not None and before.hidden == hidden and _is_alike(before.public, total)
        else None
    )
    city = CityFacts(known["name"], known["timezone"], box or _box(connection, hidden), known.get(LANGUAGE, ""))
    units, seq = _units(connection), present_number(connection)
    whole, public = (
        Stats(
            reports=sum(by_status[part].values()),
            by_status=by_status[part],
            by_service=by_service[part],
            without_area=by_area[part].pop("", 0),
            by_area=by_area[part],
            without_place=placeless[part].get("y", 0),
            units=units,
            seq=seq,
            epoch=known["epoch"],
            city=city,
        )
        for part in (0, 1)
    )
    return Counted(whole, public, hidden)


def _is_alike(before: Stats, total: int) -> bool:
    return before.reports <= total < before.reports * 1.1 + 1


def _count(connection: sa.Connection, query: sa.Select[Any]) -> int:
    return int(connection.scalar(query) or 0)


class _Retirable(msgspec.Struct):
    """Since when something is not there any more."""

    valid_to: datetime | None = None


def _units(connection: sa.Connection) -> int:
    """How many units the city has."""
    decoder = decoder_of(_Retirable)
    bodies = connection.execute(sa.select(schema.units.c.body)).scalars()
    return sum(decoder.decode(body).valid_to is None for body in bodies)


def _groups(
    connection: sa.Connection, column: sa.ColumnElement[Any], hidden: frozenset[str]
) -> tuple[dict[str, int], dict[str, int]]:
    """How many reports have each value, of all and of those that are not confidential."""
    by_value = column.label("by_value")
    if not hidden:
        rows = connection.execute(sa.select(by_value, sa.func.count()).group_by(by_value))
        counts = {key or "": count for key, count in rows}
        return counts, dict(counts)
    is_public = sa.case((may_be_public(hidden), 1), else_=0).label("is_public")
    found = sa.select(by_value, is_public, sa.func.count()).group_by(by_value, is_public)
    whole: dict[str, int] = {}
    public: dict[str, int] = {}
    for key, open_to_all, count in connection.execute(found):
        whole[key or ""] = whole.get(key or "", 0) + count
        if open_to_all:
            public[key or ""] = count
    return whole, public


def _box(connection: sa.Connection, hidden: frozenset[str]) -> Box | None:
    """The box that contains nearly all reports; without reports, the centres of the areas.

    It is public, and of a few reports it shows where the outermost lie: confidential ones do not count.
    """
    table = schema.reports
    counts = may_be_public(hidden)
    placed = _count(connection, sa.select(sa.func.count()).where(table.c.lat.is_not(None), counts))
    if not placed:
        return _box_of_areas(connection)
    stray = int(placed * _STRAY)
    west, east, south, north = (
        float(
            connection.scalar(
                sa.select(column).where(column.is_not(None), counts).order_by(order).offset(stray).limit(1)
            )
            or 0.0
        )
        for column in (table.c.lon, table.c.lat)
        for order in (column.asc(), column.desc())
    )
    return west - _MARGIN, south - _MARGIN, east + _MARGIN, north + _MARGIN


class _Centre(msgspec.Struct):
    """Where an area is said to be."""

    lat: float | None = None
    lon: float | None = None


def _box_of_areas(connection: sa.Connection) -> Box | None:
    decoder = decoder_of(_Centre)
    centres = [decoder.decode(body) for body in connection.execute(sa.select(schema.areas.c.body)).scalars()]
    lats = [centre.lat for centre in centres if centre.lat is not None]
    lons = [centre.lon for centre in centres if centre.lon is not None]
    if not lats or not lons:
        return None
    return min(lons) - _MARGIN, min(lats) - _MARGIN, max(lons) + _MARGIN, max(lats) + _MARGIN
