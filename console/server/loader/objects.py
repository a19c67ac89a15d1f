"""Turns one object of a file (of JSON, of XML, a feature of a map) into text under our own names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from console.server.loader.dialect import Dialect, plain
from console.server.loader.places import representative
from console.server.loader.plain_file import mended
from console.server.loader.raw import RawReport, completed

_DEEPEST = 12
_DEEPEST_PATH, _FIRST_PARTS, _MOST_NAMES = 4, 2, 2_000
"""How deep paths are followed, into how many parts of a list, and how many names of an object."""
_MOST_PLANS = 256
_LONGEST_NAMES = 20_000
"""Letters of all names of an object; what has more is no usual object, and is not remembered."""
_Plan = tuple[tuple[str, tuple[tuple[str, tuple[str, ...]], ...]], ...]


class ObjectReader:
    """Finds our fields in objects of one layout; names may be paths through nested objects and lists."""

    def __init__(self, dialect: Dialect, headings: Iterable[str], inner: Iterable[str] = ()) -> None:
        """`headings` are the names of the objects, `inner` those within them, as paths."""
        self.dialect = dialect
        self._ways = {field: tuple(map(_NamePath, wanted)) for field, wanted in dialect.columns.items()}
        present = {plain(heading) for heading in (*headings, *inner)}
        self.has = frozenset(field for field, ways in self._ways.items() if any(way.name in present for way in ways))
        self._plans: dict[tuple[str, ...], _Plan] = {}

    def raw(self, line: int, value: Mapping[str, Any]) -> RawReport:
        """The object as text; the place of a GeoJSON feature comes from its geometry."""
        remarks: list[str] = []
        texts: dict[str, str] = {}
        properties = value
        if is_feature(value):
            inner = value.get("properties")
            properties = inner if isinstance(inner, dict) else {}
            if "id" not in properties and isinstance(value.get("id"), str | int):
                properties = {**properties, "id": value["id"]}
            lat, lon, remark = place_of(value if "coordinates" in value else value.get("geometry"))
            if remark:
                remarks.append(remark)
            texts |= {"lat": lat, "lon": lon} if lat or lon else {}
        for field, ways in self._plan(tuple(properties)):
            for name, path in ways:
                found = _end_of(properties[name], path) if path else properties[name]
                text = found if isinstance(found, str) else leaves(found)
                if "\0" in text:
                    remarks.append("NUL characters were dropped")
                if text := mended(text):
                    texts[field] = text
                    break
        return RawReport(line, completed(texts, self.dialect), remarks, value)

    def _plan(self, names: tuple[str, ...]) -> _Plan:
        """Which of these names to look at for which field: objects of a file mostly have the same names."""
        plan = self._plans.get(names)
        if plan is None:
            by_name = {plain(name): name for name in reversed(names)}
            known = {field: tuple(way.among(by_name) for way in ways) for field, ways in self._ways.items()}
            plan = tuple((field, tuple(way for way in ways if way)) for field, ways in known.items() if any(ways))
            if len(self._plans) >= _MOST_PLANS:
                self._plans.clear()
            if sum(map(len, names)) < _LONGEST_NAMES:
                self._plans[names] = plan
        return plan


class _NamePath:
    """One name of a layout: as a plain name, or as a path."""

    def __init__(self, heading: str) -> None:
        self.name = plain(heading)
        self.path = tuple(plain(part) for part in heading.split("."))

    def among(self, by_name: Mapping[str, str]) -> tuple[str, tuple[str, ...]] | None:
        """The object's own name to start from, and the path from there; None when it is not there."""
        if self.name in by_name:
            return by_name[self.name], ()
        return (by_name[self.path[0]], self.path[1:]) if self.path[0] in by_name and len(self.path) > 1 else None


def paths_within(value: Mapping[str, Any], before: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    """The names within an object as paths ("place.coordinates.1"), each with its value; of lists the first parts."""
    for name, inner in islice(value.items(), _MOST_NAMES):
        path = f"{before}{name}"
        yield path, inner
        if isinstance(inner, list):
            inner = {str(number): part for number, part in enumerate(inner[:_FIRST_PARTS])}
        if isinstance(inner, dict) and depth < _DEEPEST_PATH:
            yield from paths_within(inner, f"{path}.", depth + 1)


def _end_of(value: Any, path: tuple[str, ...]) -> Any:
    """What lies at the end of a path, None when nothing does."""
    for step in path:
        if isinstance(value, dict):
            value = next((inner for name, inner in value.items() if plain(name) == step), None)
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
