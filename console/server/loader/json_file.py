"""Reads the reports of a JSON file one by one: GeoReport lists, GeoJSON features, Sigap's own, one per line."""

from __future__ import annotations

import json
import mmap
import re
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from api_client.decoding import convert, decode
from api_client.model import Report
from console.server.loader.dialects import Dialects, other_than_reports
from console.server.loader.objects import ObjectReader, is_feature, paths_within
from console.server.loader.plain_file import mended
from console.server.loader.raw import RawReport
from console.server.loader.result import LoadError, Remark

_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*+"?|[{}\[\]]|[\w.+-]+', re.DOTALL)
_OBJECT, _ARRAY, _ARRAY_END = b"{[]"
_OPENING = b"{["
_BRACKETS = b"{}[]"
_LISTS = frozenset(
    {b'"features"', b'"service_requests"', b'"requests"', b'"reports"', b'"items"', b'"results"', b'"result"',
     b'"data"', b'"services"', b'"request"'}
)  # fmt: skip
_DEEPER_LISTS = frozenset({b'"features"', b'"geometries"', b'"request"', b'"service_requests"', b'"requests"'})
"""Lists of reports that may lie deeper: wrapped once or twice by a server of its own manner."""
_TRANSFORM = re.compile(rb'"transform"\s*:\s*\{\s*"(?:scale|translate)"\s*:')
_DEEPEST_LIST = 4
_SURVEYED = 200
_TORN = 200
_WIDEST_INDENT = 200
_RELEASED = 16 << 20
_OUTLINED = 1 << 16
_MOST_DIGITS = 4000
_TOLD = 100_000


class Element(msgspec.Struct, frozen=True):
    """One object of the list: where it begins (line and byte) and its bytes; `whole` is False at a torn end."""

    line: int
    at: int
    text: bytes
    whole: bool = True


class JsonFile:
    """A JSON file of reports; `raws()` may be read again and again."""

    def __init__(self, path: Path, shown: Path, dialects: Dialects) -> None:
        self._path = path
        self._shown = shown
        if _is_shortened(path):
            raise LoadError(f"The file {shown} is TopoJSON with shortened places (“transform”); save it as GeoJSON.")
        self._list = _unusual_list(path, dialects)
        headings, geojson, own, seen = self._survey()
        if not seen and not self._list and not _has_list(path):
            raise LoadError(f"The file {shown} holds no list of reports.")
        if dialects.given is None and (other := other_than_reports(headings)):
            raise LoadError(f"The file {shown} holds {other}, not reports.")
        found = dialects.recognise(headings)
        if found is None and seen and not (geojson or own):
            names = ", ".join(headings)[:200] or "none"
            raise LoadError(f"The file {shown} holds no reports that are known here; its names: {names}.")
        self.dialect = found or (dialects.plain if geojson else dialects.georeport)
        self._reader = ObjectReader(self.dialect, headings, self._inner)
        self.has = self._reader.has
        kind = "GeoJSON" if geojson else "JSON"
        self.format = "Sigap's own JSON" if own else f"{kind} of {self.dialect.name}"
        self.crs = self.dialect.crs
        self.notes: list[str] = []
        self.headings: tuple[str, ...] = ()
        if self._list:
            self.notes.append(f"the list named {self._list} was read")

    def raws(self) -> Iterator[RawReport | Report | Remark]:
        """Every object as text, a Report where it is one of ours; a Remark for what cannot be read."""
        for number, element in enumerate(elements(self._path, self._list), start=1):
            value = _decoded(element)
            line = element.line if self.unit == "line" else number
            if isinstance(value, Remark):
                yield Remark(line, value.why, value.source)
                continue
            report = _own(value)
            if report is not None:
                yield report
            elif set(value) >= {"kind", "seq", "data"}:
                continue
            else:
                yield self._reader.raw(line, value)

    def _survey(self) -> tuple[list[str], bool, bool, int]:
        headings: dict[str, None] = {}
        geojson = own = False
        seen = 0
        inner: dict[str, None] = {}
        lines: set[int] = set()
        for element in elements(self._path, self._list):
            seen += 1
            lines.add(element.line)
            value = _decoded(element)
            if isinstance(value, Remark):
                continue
            own = own or _own(value) is not None
            if is_feature(value):
                geojson = True
                value = value["properties"] if isinstance(value.get("properties"), dict) else {}
            headings.update(dict.fromkeys(map(str, value)))
            inner.update(dict.fromkeys(path for path, _ in paths_within(value)))
            if seen >= _SURVEYED:
                break
        self._inner = list(inner)
        self.unit = "line" if len(lines) == seen else "object"  # of a file in one line a line's number says nothing
        return list(headings), geojson, own, seen


def _is_shortened(path: Path) -> bool:
    """Whether it is TopoJSON whose places are steps on a grid, which would be read as degrees."""
    if path.stat().st_size == 0:
        return False
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
        return _holds(text, b'"Topology"') and _TRANSFORM.search(text) is not None


def _holds(text: mmap.mmap, word: bytes) -> bool:
    """Whether the word stands in the file, looked for piece by piece: pages that were read count as memory."""
    for start in range(0, len(text), _RELEASED):
        if text.find(word, start, start + _RELEASED + len(word)) >= 0:
            return True
        if hasattr(mmap, "MADV_DONTNEED"):
            text.madvise(mmap.MADV_DONTNEED, start, min(_RELEASED, len(text) - start))
    return False


def _has_list(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(1 << 16).removeprefix(b"\xef\xbb\xbf").lstrip()
    return head.startswith(b"[") or any(name in head for name in _LISTS)


def _unusual_list(path: Path, dialects: Dialects) -> str:
    """The name of the list of reports where it is none of the usual ones; "" where there is no such list.

    Of the lists that begin within the first part of the file, the one of whose objects most is known; it has to be more
    than of the outermost object, which may be a report itself.
    """
    own, lists = _outline(path)
    if not lists or any(f'"{name}"'.encode() in _LISTS | _DEEPER_LISTS for name in lists):
        return ""
    if {"kind", "data"} <= set(own) or {"geometry", "properties"} <= set(own):  # one report of Sigap's, or a feature
        return ""
    known = {name: _known(_first_names(path, name), dialects) for name in lists}
    best = max(known, key=lambda name: known[name])
    return best if known[best] > _known(own, dialects) or not _known(own, dialects) else ""


def _known(names: Sequence[str], dialects: Dialects) -> int:
    """How many of our fields these names stand for."""
    if dialects.any:
        return len(names)
    dialect = dialects.recognise(names)
    return len(ObjectReader(dialect, names).has) if dialect is not None else 0


def _first_names(path: Path, name: str) -> list[str]:
    """The names of the first object in the list of this name, those within it too."""
    for element in elements(path, name):
        value = _decoded(element)
        return [] if isinstance(value, Remark) else [path for path, _ in paths_within(value)]
    return []


def _outline(path: Path) -> tuple[list[str], list[str]]:
    """From the first part of a file that is an object: its own names, and those of lists of objects in it."""
    with path.open("rb") as file:
        head = file.read(_OUTLINED).removeprefix(b"\xef\xbb\xbf")
    own: dict[str, None] = {}
    lists: dict[str, None] = {}
    stack = bytearray()
    last, before = b"", b""
    for match in _TOKEN.finditer(head):
        token = match[0]
        if token[0] in _OPENING:
            if token[0] == _OBJECT and stack[-1:] == b"[" and before.endswith(b"[") and 0 < len(stack) <= _DEEPEST_LIST:
                lists[_text(before[:-1])] = None
            before = last + b"[" if token[0] == _ARRAY else b""
            stack += token
        elif token[0] in _BRACKETS:
            del stack[-1:]
            before = b""
            if not stack:
                break
        else:
            last = token
            if stack == b"{" and token[:1] == b'"' and head[match.end() : match.end() + 20].lstrip()[:1] == b":":
                own[_text(token)] = None
    return list(own), [name for name in lists if name]


def _text(token: bytes) -> str:
    return token.strip(b'"').decode("utf-8", "replace")


def elements(path: Path, name: str = "") -> Iterator[Element]:
    """The objects of the file's list, without ever holding more than one of them.

    The list is the outermost one, or the one under a usual key of the outermost object, or under `name`; an outermost
    object without such a list is itself the only element, and so is each of several (one per line).
    """
    if path.stat().st_size == 0:
        return
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
        yield from _ObjectSplitter(text, name).split()


class _ObjectSplitter:
    """Follows the brackets of a file. What lies in the list is an element, also what is no object (refused later).

    An element that is no JSON and goes over several lines may have swallowed its neighbours behind a lost bracket or
    quotation mark: it ends where the next line begins as it began.
    """

    def __init__(self, text: mmap.mmap, name: str) -> None:
        self._text = text
        self._name = f'"{name}"'.encode() if name else b""
        self._stack = bytearray()
        self._list_depth: int | None = None
        self._listed = False
        self._start = self._root = -1
        self._line, self._counted = 1, 0
        self._released = 0

    def split(self) -> Iterator[Element]:
        """All elements in the order of the file."""
        place: int | None = 0
        while place is not None:
            place = yield from self._scan(place)

    def _scan(self, place: int) -> Generator[Element, None, int | None]:
        """Elements from `place` on; the place to go on from when an element had to be cut short, None at the end."""
        last = b""
        for match in _TOKEN.finditer(self._text, place):
            first, at = self._text[match.start()], match.start()
            if first in _OPENING:
                self._open(first, at, last)
            elif first in _BRACKETS:
                found = self._close(first)
                if found is None:
                    continue
                cut = self._cut(found, match.end())
                if cut is not None:
                    yield self._element(found, cut)
                    return cut
                yield self._element(found, match.end())
            else:
                last = match[0]
                if self._list_depth is not None and len(self._stack) == self._list_depth + 1:
                    yield self._element(at, match.end())
        if self._start >= 0:
            torn = self._start
            cut = self._cut(torn, len(self._text))
            yield self._element(torn, min(cut or len(self._text), torn + _TORN), whole=False)
            return cut
        if self._stack and self._root >= 0 and not self._listed:
            yield self._element(self._root, min(self._root + _TORN, len(self._text)), whole=False)
        return None

    def _open(self, bracket: int, at: int, last: bytes) -> None:
        depth = len(self._stack)
        if self._list_depth is not None and depth == self._list_depth + 1:
            self._start = at
        elif bracket == _ARRAY and self._list_depth is None and self._is_list(depth, last):
            self._list_depth, self._listed = depth, True
        elif bracket == _OBJECT and depth == 0:
            self._root, self._listed = at, False
        self._stack.append(bracket)

    def _is_list(self, depth: int, name: bytes) -> bool:
        if self._name:
            return depth <= _DEEPEST_LIST and not self._listed and name == self._name
        if depth <= 1:
            return depth == 0 or name in _LISTS
        return depth <= _DEEPEST_LIST and not self._listed and name in _DEEPER_LISTS

    def _close(self, bracket: int) -> int | None:
        """Take a closing bracket; where the element began that ends with it, None when none does."""
        stack = self._stack
        partner = _ARRAY if bracket == _ARRAY_END else _OBJECT
        among = self._list_depth is not None and len(stack) == self._list_depth + 1
        if (among and partner == _OBJECT) or partner not in stack:
            return None
        while stack.pop() != partner:  # a bracket without its partner ends with the one around it
            pass
        found: int | None = None
        if self._list_depth is not None:
            if self._start >= 0 and len(stack) <= self._list_depth + 1:
                found, self._start = self._start, -1
            if len(stack) <= self._list_depth:
                self._list_depth = None
        if not stack and self._root >= 0:
            found = found if self._listed else self._root
            self._root = -1
        return found

    def _cut(self, begin: int, end: int) -> int | None:
        """Where a broken element of several lines really ends, with the state set back to there; None when it
        is whole.
        """
        text = self._text
        before = text[max(0, begin - _WIDEST_INDENT) : begin]
        indent = before[before.rfind(b"\n") + 1 :]
        if indent.strip() or not self._listed or (len(indent) == len(before) and begin > len(before)):
            return None
        place = text.find(b"\n" + indent + b"{", begin, end)
        if place < 0 or _is_json(text[begin:end]):
            return None
        if self._list_depth is None:
            self._list_depth = 1 if self._root >= 0 or text[:64].lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{") else 0
        self._stack = bytearray(b"{[" if self._list_depth else b"[")
        self._start = -1
        return place + 1

    def _element(self, begin: int, end: int, whole: bool = True) -> Element:
        self._line += _newlines(self._text, self._counted, begin)
        self._counted = begin
        if begin - self._released > _RELEASED and hasattr(mmap, "MADV_DONTNEED"):
            # What was read stays in the system's cache, but no longer counts as memory of this process.
            self._released = begin - begin % mmap.PAGESIZE
            self._text.madvise(mmap.MADV_DONTNEED, 0, self._released)
        return Element(self._line, begin, self._text[begin:end], whole)


def _is_json(text: bytes) -> bool:
    try:
        decode(text, msgspec.Raw)
    except msgspec.DecodeError:
        return False
    return True


def _newlines(text: mmap.mmap, begin: int, end: int) -> int:
    count = 0
    while begin < end:
        step = min(begin + (1 << 20), end)
        count += text[begin:step].count(b"\n")
        begin = step
    return count


def _decoded(element: Element) -> dict[str, Any] | Remark:
    if not element.whole:
        return Remark(element.line, "the file ends within this object", _as_read(element))
    try:
        value = msgspec.json.decode(element.text)
    except (msgspec.DecodeError, UnicodeDecodeError):
        try:
            value = json.loads(element.text.decode("utf-8", "surrogateescape"), strict=False, parse_int=_whole_number)
        except (ValueError, RecursionError) as fault:
            return Remark(element.line, f"no JSON: {fault}", _as_read(element))
    except RecursionError:
        return Remark(element.line, "nested too deeply", _as_read(element))
    return value if isinstance(value, dict) else Remark(element.line, "no JSON object", _as_read(element))


def _as_read(element: Element) -> str:
    return mended(element.text[:_TOLD].decode("utf-8", "surrogateescape"))


def _whole_number(digits: str) -> int | str:
    """A number; one of more digits than Python reads stays text."""
    return int(digits) if len(digits) < _MOST_DIGITS else digits


def _own(value: dict[str, Any]) -> Report | None:
    if value.get("kind") == "report" and isinstance(value.get("data"), dict):
        value = value["data"]
    if not value.keys() >= {"id", "version", "status", "service", "priority", "created"}:
        return None
    try:
        return convert(value, Report)
    except msgspec.ValidationError:
        return None
