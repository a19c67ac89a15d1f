"""Counts of everything in a city, and the box that holds it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa

from api_client.decoding import decoder_of
from api_client.model import CityFacts, Stats
from console.server.city import schema
from console.server.city.database import present_number
from console.server.city.feed import read_meta

Box = tuple[float, float, float, float]
_STRAY = 0.01
"""The share of reports on each side that may lie far outside the city without stretching its box."""
_MARGIN = 0.01
_EDGES = tuple(
    sa.select(column)
    .where(column.is_not(None))
    .order_by(order)
    .offset(sa.bindparam("stray", type_=sa.Integer))
    .limit(1)
    for column in (schema.reports.c.lon, schema.reports.c.lat)
    for order in (column.asc(), column.desc())
)
"""The place of the report that lies farthest west, east, south and north without `stray` ones that lie farther."""


def count_everything(connection: sa.Connection, before: Stats | None) -> Stats:
    """Count; the box of `before` is used again while the city has hardly grown."""
    table = schema.reports
    known = read_meta(connection)
    by_status = _groups(connection, table.c.status)
    by_area = _groups(connection, table.c.area)
    total = sum(by_status.values())
    box = before.city.bbox if before is not None and before.reports <= total < before.reports * 1.1 + 1 else None
    return Stats(
        reports=total,
        by_status=by_status,
        by_service=_groups(connection, table.c.service),
        without_area=by_area.pop("", 0),
        by_area=by_area,
        without_place=_count(connection, sa.select(sa.func.count()).where(table.c.lat.is_(None))),
        units=_units(connection),
        seq=present_number(connection),
        epoch=known["epoch"],
        city=CityFacts(known["name"], known["timezone"], box or _box(connection, total)),
    )


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


def _groups(connection: sa.Connection, column: sa.Column[Any]) -> dict[str, int]:
    rows = connection.execute(sa.select(column, sa.func.count()).group_by(column))
    return {key or "": count for key, count in rows}


def _box(connection: sa.Connection, total: int) -> Box | None:
    """The box that contains nearly all reports; without reports, the centres of the areas."""
    table = schema.reports
    placed = _count(connection, sa.select(sa.func.count()).where(table.c.lat.is_not(None)))
    if not placed:
        return _box_of_areas(connection)
    stray = int(placed * _STRAY)
    west, east, south, north = (float(connection.scalar(edge, {"stray": stray}) or 0.0) for edge in _EDGES)
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
