"""Reads the areas of a city from GeoJSON: broken features are listed, the others used."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from api_client.model import Area
from console.rules.area import GeometryFault, border_box
from console.server.loader.plain_file import mended, plain_file
from console.server.loader.result import LoadError, LoadResult
from console.server.loader.services import slug

_CODES = ("code", "kode", "kode_kelurahan", "id", "area_code", "geoid", "ward", "objectid")
_NAMES = ("name", "nama", "kelurahan", "area_name", "ward_name", "label", "title", "neighborhood")
_PARENTS = ("parent", "parent_code", "kode_kecamatan", "district")


class AreaShelf(Protocol):
    """Where areas are put."""

    def put_areas(self, areas: list[Area]) -> None:
        """Keep these areas, replacing those of the same code."""


def load_areas(path: Path, city: AreaShelf) -> LoadResult:
    """Put the areas of a GeoJSON file into the city. In the result `line` is the number of the feature, 1 the first.

    Raises LoadError, with line and position, when the file as a whole is no GeoJSON.
    """
    areas, result = read_areas(path)
    if areas:
        city.put_areas(areas)
    return result


def read_areas(path: Path, *, strict: bool = False) -> tuple[list[Area], LoadResult]:
    """The usable areas of a GeoJSON file, and an account of the others.

    `strict` reads the whole list of a city's areas: one without a border is an area too, and there may be none.
    """
    features = _features(path)
    result = LoadResult(str(path), format="GeoJSON", lines=len(features), noun="areas", unit="feature")
    found: dict[str, Area] = {}
    for number, feature in enumerate(features, start=1):
        remarks: list[str] = []
        area = _area(feature, number, remarks, border_needed=not strict)
        if area is None:
            result.refuse(number, remarks[0])
            continue
        if area.code in found:
            result.repeat(number, f"the code {area.code} came before; the later feature is used")
            result.loaded -= 1
        found[area.code] = area
        result.loaded += 1
        if remarks:
            result.remark(number, "; ".join(remarks))
    if not found and not strict:
        first = f" The first: {result.refused[0].why}." if result.refused else ""
        raise LoadError(f"The file {path} holds no usable area.{first}")
    return list(found.values()), result


def _features(path: Path) -> list[Any]:
    with plain_file(path) as readable:
        try:
            text = readable.read_text("utf-8-sig")
        except UnicodeDecodeError as fault:
            raise LoadError(f"The file {path} is not UTF-8 text: byte {fault.start} cannot be read.") from fault
    if not text.strip():
        raise LoadError(f"The file {path} is empty.")
    try:
        value = json.loads(text)
    except json.JSONDecodeError as fault:
        raise LoadError(
            f"The file {path} is no JSON: line {fault.lineno}, column {fault.colno}: {fault.msg}."
        ) from fault
    except ValueError as fault:  # a number of more digits than Python reads
        raise LoadError(f"The file {path} is no JSON: {fault}.") from fault
    except RecursionError as fault:
        raise LoadError(f"The file {path} is nested too deeply to be GeoJSON.") from fault
    if isinstance(value, dict) and value.get("type") == "Feature":
        return [value]
    features = value.get("features") if isinstance(value, dict) else None
    if not isinstance(features, list):
        raise LoadError(f"The file {path} is no GeoJSON: it has no list named features.")
    return features


def _area(feature: Any, number: int, remarks: list[str], *, border_needed: bool) -> Area | None:
    if not isinstance(feature, dict) or not isinstance(feature.get("properties"), dict | None):
        remarks.append("it is no GeoJSON feature")
        return None
    properties = {str(key).casefold(): value for key, value in (feature.get("properties") or {}).items()}
    geometry = feature.get("geometry")
    try:
        if geometry is not None:
            border_box(geometry)
        elif border_needed:
            raise GeometryFault("it has no geometry")
    except GeometryFault as fault:
        remarks.append(str(fault))
        return None
    name = _first(properties, _NAMES)
    given = feature.get("id")
    code = _first(properties, _CODES) or (str(given) if isinstance(given, str | int) else "") or slug(name)
    if not code:
        code = f"area-{number}"
        remarks.append(f"it has neither code nor name and is called {code}")
    level = properties.get("level")
    lat, lon = _degrees(properties, ("lat", "latitude"), 90), _degrees(properties, ("lon", "lng", "longitude"), 180)
    return Area(
        code,
        name or code,
        level if isinstance(level, int) and not isinstance(level, bool) else 0,
        parent=_first(properties, _PARENTS) or None,
        lat=lat if lon is not None else None,
        lon=lon if lat is not None else None,
        geometry={"type": geometry["type"], "coordinates": geometry["coordinates"]} if geometry is not None else None,
        approximate=properties.get("approximate") is True,
        valid_from=_moment(properties, "valid_from", remarks),
        valid_to=_moment(properties, "valid_to", remarks),
    )


def _first(properties: dict[str, Any], names: tuple[str, ...]) -> str:
    for name in names:
        value = properties.get(name)
        if isinstance(value, str | int | float) and not isinstance(value, bool) and str(value).strip():
            return mended(str(value)).strip()[:200]
    return ""


def _degrees(properties: dict[str, Any], names: tuple[str, ...], most: float) -> float | None:
    for name in names:
        value = properties.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= most:
            return float(value)
    return None


def _moment(properties: dict[str, Any], name: str, remarks: list[str]) -> datetime | None:
    """A day or time of ISO 8601, in UTC unless it says otherwise."""
    value = properties.get(name)
    if value is None:
        return None
    try:
        at = datetime.fromisoformat(str(value))
    except ValueError:
        remarks.append(f"its {name} “{str(value)[:40]}” is no day; write it like 2026-01-31")
        return None
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)
