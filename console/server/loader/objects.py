"""Turns one object of a file (of JSON, of XML, a feature of a map) into text under our own names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from console.server.loader.dialect import Dialect, plain
from console.server.loader.places import representative
from console.server.loader.plain_file import mended
from console.server.loader.raw import RawReport, completed

_DEEPEST = 12


class ObjectReader:
    """Finds our fields in objects of one layout; names may be paths through nested objects and lists."""

    def __init__(self, dialect: Dialect, headings: Iterable[str]) -> None:
        self.dialect = dialect
        self._ways = {field: tuple(map(_Way, wanted)) for field, wanted in dialect.columns.items()}
        present = {plain(heading) for heading in headings}
        self.has = frozenset(
            field
            for field, ways in self._ways.items()
            if any(way.name in present or way.first in present for way in ways)
        )

    def raw(self, line: int, value: Mapping[str, Any]) -> RawReport:
        """The object as text; the place of a GeoJSON feature comes from its geometry."""
        remarks: list[str] = []
        texts: dict[str, str] = {}
        if is_feature(value):
            inner = value.get("properties")
            properties = dict(inner) if isinstance(inner, dict) else {}
            if isinstance(value.get("id"), str | int):
                properties.setdefault("id", value["id"])
            geometry = value if "coordinates" in value else value.get("geometry")
            lat, lon, remark = place_of(geometry)
            if remark:
                remarks.append(remark)
            texts["lat"], texts["lon"] = lat, lon
        else:
            properties = dict(value)
        by_name = {plain(str(name)): inner for name, inner in properties.items()}
        for field, ways in self._ways.items():
            for way in ways:
                if text := self._text(way.find(by_name), remarks):
                    texts[field] = text
                    break
        return RawReport(line, completed(texts, self.dialect), remarks)

    def _text(self, value: Any, remarks: list[str]) -> str:
        text = leaves(value)
        if "\0" in text:
            remarks.append("NUL characters were dropped")
        return mended(text)


class _Way:
    """One name of a layout: as a plain name, or as a path."""

    def __init__(self, heading: str) -> None:
        self.name = plain(heading)
        self._path = [plain(part) for part in heading.split(".")]
        self.first = self._path[0]

    def find(self, by_name: Mapping[str, Any]) -> Any:
        """What lies at the end of the way, None when nothing does."""
        if self.name in by_name or len(self._path) == 1:
            return by_name.get(self.name)
        value: Any = by_name.get(self.first)
        for step in self._path[1:]:
            if isinstance(value, dict):
                value = next((inner for name, inner in value.items() if plain(str(name)) == step), None)
            elif isinstance(value, list) and step.isdecimal() and int(step) < len(value):
                value = value[int(step)]
            else:
                return None
        return value


def is_feature(value: Mapping[str, Any]) -> bool:
    """Whether an object is a feature of GeoJSON, or a geometry with properties as in TopoJSON."""
    return value.get("type") == "Feature" or ("properties" in value and ("geometry" in value or "coordinates" in value))


def place_of(geometry: Any) -> tuple[str, str, str | None]:
    """Latitude and longitude of a geometry as written, and a remark or None."""
    if geometry is None:
        return "", "", None
    kind = geometry.get("type") if isinstance(geometry, dict) else type(geometry).__name__
    if kind == "Point":
        place = geometry.get("coordinates")
        if not isinstance(place, list) or len(place) < 2 or any(isinstance(part, list | dict) for part in place[:2]):
            return "", "", "unreadable place"
        return mended(leaves(place[1])), mended(leaves(place[0])), None
    found = representative(geometry) if isinstance(geometry, dict) else None
    if found is None:
        return "", "", f"its geometry is a {kind}, not a Point, and has no usable place"
    return f"{found[0]:.6f}", f"{found[1]:.6f}", f"its geometry is a {kind}; one point of it stands for its place"


def leaves(value: Any, depth: int = 0) -> str:
    """The text of a value: numbers as written, lists and objects by their leaves, null and false as nothing."""
    if value is None or value is False or depth > _DEEPEST:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        return ", ".join(filter(None, (leaves(inner, depth + 1) for inner in value.values())))
    if isinstance(value, list):
        return "\n".join(filter(None, (leaves(inner, depth + 1) for inner in value)))
    return str(value)
