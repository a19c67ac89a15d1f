"""Reads the reports of a JSON file one by one: GeoReport lists, GeoJSON features, Sigap's own, one per line."""

from __future__ import annotations

import json
import mmap
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from console.domain.report import Report
from console.server.loader.dialects import GEOREPORT, Dialect, plain, recognise
from console.server.loader.plain_file import mended
from console.server.loader.raw import RawReport
from console.server.loader.result import LoadError, Remark

_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*+"?|[{}\[\]]', re.DOTALL)
_LISTS = frozenset(
    {b'"features"', b'"service_requests"', b'"requests"', b'"reports"', b'"items"', b'"results"', b'"result"',
     b'"data"', b'"services"'}
)  # fmt: skip
_SURVEYED = 200


class Element(msgspec.Struct, frozen=True):
    """One object of the list: where it begins (line and byte) and its bytes; `whole` is False at a torn end."""

    line: int
    at: int
    text: bytes
    whole: bool = True


class JsonFile:
    """A JSON file of reports; `raws()` may be read again and again."""

    def __init__(self, path: Path, shown: Path, mapping: Dialect | None) -> None:
        self._path = path
        self._shown = shown
        headings, geojson, own, seen = self._survey()
        if not seen:
            raise LoadError(f"The file {shown} holds no reports: it has no list of objects.")
        found = mapping or recognise(headings)
        self.dialect = found or GEOREPORT
        self._columns = {
            field: tuple(plain(heading) for heading in wanted) for field, wanted in self.dialect.columns.items()
        }
        present = {plain(heading) for heading in headings}
        self.has = frozenset(
            field for field, wanted in self._columns.items() if any(heading in present for heading in wanted)
        )
        kind = "GeoJSON" if geojson else "JSON"
        self.format = "Sigap's own JSON" if own else f"{kind} of {self.dialect.name}"
        self.notes: list[str] = []

    def raws(self) -> Iterator[RawReport | Report | Remark]:
        """Every object as text, a Report where it is one of ours; a Remark for what cannot be read."""
        for element in elements(self._path):
            value = _decoded(element)
            if isinstance(value, Remark):
                yield value
                continue
            report = _own(value)
            if report is not None:
                yield report
            elif set(value) >= {"kind", "seq", "data"}:
                continue
            else:
                yield self._raw(element.line, value)

    def _raw(self, line: int, value: dict[str, Any]) -> RawReport:
        remarks: list[str] = []
        texts: dict[str, str] = dict(self.dialect.constants)
        properties = value
        if value.get("type") == "Feature" or ("geometry" in value and "properties" in value):
            inner = value.get("properties")
            properties = dict(inner) if isinstance(inner, dict) else {}
            if isinstance(value.get("id"), str | int):
                properties.setdefault("id", value["id"])
            lat, lon, remark = _point(value.get("geometry"))
            if remark:
                remarks.append(remark)
            texts["lat"], texts["lon"] = lat, lon
        by_heading = {plain(str(heading)): inner for heading, inner in properties.items()}
        for field, wanted in self._columns.items():
            for heading in wanted:
                if heading in by_heading and (text := mended(_leaves(by_heading[heading]))):
                    texts[field] = text
                    break
        depth = properties.get("report_data")
        if isinstance(depth, dict) and isinstance(depth.get("flood_depth"), int | float):
            said = f"{depth['flood_depth']:g} cm"
            texts["title"] = f"{texts['title']} ({said})" if texts.get("title") else said
        return RawReport(line, {field: text for field, text in texts.items() if text}, remarks)

    def _survey(self) -> tuple[list[str], bool, bool, int]:
        headings: dict[str, None] = {}
        geojson = own = False
        seen = 0
        for element in elements(self._path):
            seen += 1
            value = _decoded(element)
            if isinstance(value, Remark):
                continue
            own = own or _own(value) is not None
            if "geometry" in value and "properties" in value:
                geojson = True
                value = value["properties"] if isinstance(value["properties"], dict) else {}
            headings.update(dict.fromkeys(map(str, value)))
            if seen >= _SURVEYED:
                break
        return list(headings), geojson, own, seen


def elements(path: Path) -> Iterator[Element]:
    """The objects of the file's list, without ever holding more than one of them.

    The list is the outermost one, or the one under a usual key of the outermost object; an outermost object without
    such a list is itself the only element, and so is each of several (one per line).
    """
    if path.stat().st_size == 0:
        return
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
        yield from _split(text)


def _split(text: mmap.mmap) -> Iterator[Element]:
    depth = 0
    list_depth: int | None = None
    listed = False
    last = b""
    start = root = -1
    line, counted = 1, 0

    def element(begin: int, end: int, whole: bool = True) -> Element:
        nonlocal line, counted
        line += _newlines(text, counted, begin)
        counted = begin
        return Element(line, begin, text[begin:end], whole)

    for match in _TOKEN.finditer(text):
        first = text[match.start()]
        if first == 0x22:
            last = match[0]
            continue
        at = match.start()
        if first in b"{[":
            if first == 0x5B and list_depth is None and (depth == 0 or (depth == 1 and last in _LISTS)):
                list_depth, listed = depth, True
            elif first == 0x7B and list_depth is not None and depth == list_depth + 1:
                start = at
            elif first == 0x7B and depth == 0:
                root, listed = at, False
            depth += 1
            continue
        if depth == 0:
            continue
        depth -= 1
        if list_depth is not None and depth == list_depth + 1 and start >= 0 and first == 0x7D:
            yield element(start, match.end())
            start = -1
        elif list_depth is not None and depth <= list_depth and first == 0x5D:
            list_depth = None
        if depth == 0 and first == 0x7D and root >= 0:
            if not listed:
                yield element(root, match.end())
            root = -1
    if start >= 0:
        yield element(start, min(start + 200, len(text)), whole=False)
    elif depth and root >= 0 and not listed:
        yield element(root, min(root + 200, len(text)), whole=False)


def _newlines(text: mmap.mmap, begin: int, end: int) -> int:
    count = 0
    while begin < end:
        step = min(begin + (1 << 20), end)
        count += text[begin:step].count(b"\n")
        begin = step
    return count


def _decoded(element: Element) -> dict[str, Any] | Remark:
    if not element.whole:
        return Remark(element.line, "the file ends within this object")
    try:
        value = msgspec.json.decode(element.text)
    except (msgspec.DecodeError, UnicodeDecodeError):
        try:
            value = json.loads(element.text.decode("utf-8", "surrogateescape"), strict=False)
        except (ValueError, RecursionError) as fault:
            return Remark(element.line, f"no JSON: {fault}")
    except RecursionError:
        return Remark(element.line, "nested too deeply")
    return value if isinstance(value, dict) else Remark(element.line, "no JSON object")


def _own(value: dict[str, Any]) -> Report | None:
    if value.get("kind") == "report" and isinstance(value.get("data"), dict):
        value = value["data"]
    if not value.keys() >= {"id", "version", "status", "service", "priority", "created"}:
        return None
    try:
        return msgspec.convert(value, Report)
    except msgspec.ValidationError:
        return None


def _point(geometry: Any) -> tuple[str, str, str | None]:
    if geometry is None:
        return "", "", None
    if not isinstance(geometry, dict) or geometry.get("type") != "Point":
        kind = geometry.get("type") if isinstance(geometry, dict) else type(geometry).__name__
        return "", "", f"its geometry is a {kind}, not a Point"
    place = geometry.get("coordinates")
    if not isinstance(place, list) or len(place) < 2 or any(isinstance(part, list | dict) for part in place[:2]):
        return "", "", "unreadable place"
    return mended(_leaves(place[1])), mended(_leaves(place[0])), None


def _leaves(value: Any) -> str:
    """The text of a value: numbers as written, lists and objects by their leaves, null and false as nothing."""
    if value is None or value is False:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        return ", ".join(filter(None, map(_leaves, value.values())))
    if isinstance(value, list):
        return "\n".join(filter(None, map(_leaves, value)))
    return str(value)
