"""Reads the reports of an XML file one by one (GeoReport, RSS, rows), without ever holding more than one of them."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from html.entities import name2codepoint
from pathlib import Path
from typing import Any, TextIO
from xml.sax import SAXParseException
from xml.sax.handler import ContentHandler
from xml.sax.xmlreader import AttributesImpl

from defusedxml import DefusedXmlException
from defusedxml.expatreader import DefusedExpatParser
from typing_extensions import override

from console.server.loader.dialects import Dialects
from console.server.loader.objects import ObjectReader, paths_within
from console.server.loader.raw import RawReport
from console.server.loader.result import LoadError, Remark

_PIECE = 1 << 16
_SURVEYED = 200
_NAMES = frozenset({"request", "service_request", "report", "item", "row", "record", "entry"})
"""Elements that are reports wherever they stand; in a file without any, the children of the root are."""
_OTHER_ROOTS = {
    "services": "a list of services",
    "service_definition": "the questions of a service",
    "errors": "an error of the server that it came from",
    "discovery": "addresses of a server",
    "service_request_updates": "updates of reports",
}
_DEEPEST = 30
"""What is nested deeper within a report, and more parts than `_MOST_PARTS`, are passed over."""
_LONGEST_TEXT = 4 << 20
_MOST_PARTS = 2_000
_ENCODING = re.compile(rb"""^\s*<\?xml[^>]*\bencoding=["']([A-Za-z0-9._-]+)["']""")
_UNFIT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\udc80-\udcff\ufffe\uffff]")
_UNFIT_NUMBER = re.compile(r"&#(?:0*(?:[0-8]|1[124-9]|2\d|3[01])|[xX]0*(?:[0-8bBcCeEfF]|1[0-9a-fA-F]));")
_AND = re.compile(r"&(?!#)(?:([A-Za-z][A-Za-z0-9]{0,30});)?")
_LONGEST_MARK = 40
_OWN_MARKS = frozenset({"amp", "lt", "gt", "quot", "apos"})


class XmlFile:
    """An XML file of reports; `raws()` may be read again and again."""

    def __init__(self, path: Path, shown: Path, dialects: Dialects) -> None:
        self._path = path
        self._shown = shown
        self._encoding = _encoding(path, shown)
        self.notes: list[str] = []
        self.headings: tuple[str, ...] = ()
        self._by_name = True
        headings, root, broken = self._survey()
        if not headings:
            self._by_name = False
            headings, root, broken = self._survey()
        found = dialects.recognise(headings)
        if root is None:
            raise LoadError(f"The file {shown} is no XML: {broken or 'it has no element'}.")
        if dialects.given is None and (other := _OTHER_ROOTS.get(root)):
            raise LoadError(f"The file {shown} holds {other}, not reports.")
        if found is None and (headings or root not in ("service_requests", "requests")):
            names = ", ".join(headings)[:200] or "none"
            raise LoadError(f"The file {shown} holds no reports that are known here; its names: {names}.")
        self.dialect = found or dialects.georeport
        self._reader = ObjectReader(self.dialect, headings, self._inner)
        self.unit = "line"
        self.crs = self.dialect.crs
        self.has = self._reader.has
        self.format = f"XML of {self.dialect.name}"

    def raws(self) -> Iterator[RawReport | Remark]:
        """Every element as text; a Remark where the file breaks off."""
        for line, value in self._elements():
            if isinstance(value, str):
                self.notes = [f"the file breaks off on line {line} ({value}); everything before was loaded"]
                yield Remark(line, f"the file breaks off here: {value}")
            elif value:
                yield self._reader.raw(line, value)
            else:
                yield Remark(line, "an element without anything in it")

    def _survey(self) -> tuple[list[str], str | None, str]:
        headings: dict[str, None] = {}
        inner: dict[str, None] = {}
        broken = ""
        handler = _Collector(self._by_name)
        for seen, (_, value) in enumerate(self._elements(handler), start=1):
            if isinstance(value, str):
                broken = value
            else:
                headings.update(dict.fromkeys(value))
                inner.update(dict.fromkeys(path for path, _ in paths_within(value)))
            if seen >= _SURVEYED:
                break
        self._inner = list(inner)
        return list(headings), handler.root, broken

    def _elements(self, handler: _Collector | None = None) -> Iterator[tuple[int, dict[str, Any] | str]]:
        """Line and content of each element; a text instead of content is what broke the file there."""
        handler = handler or _Collector(self._by_name)
        parser = DefusedExpatParser(forbid_dtd=True)
        parser.setContentHandler(handler)
        handler.setDocumentLocator(parser)
        with self._path.open(encoding=self._encoding, errors="surrogateescape", newline="") as file:
            try:
                for piece in _pieces(file):
                    parser.feed(piece)
                    yield from handler.taken()
                parser.close()
                yield from handler.taken()
            except DefusedXmlException as fault:
                raise LoadError(
                    f"The file {self._shown} defines document types or entities, which is not allowed in a file of "
                    "reports: they can make a small file fill all memory, or read other files."
                ) from fault
            except SAXParseException as fault:
                yield from handler.taken()
                within = ", within a report" if handler.is_within else ""
                yield fault.getLineNumber() or 1, f"{fault.getMessage()}{within}"


class _Collector(ContentHandler):
    """Keeps the elements that ended since the last look; each as its children by name, nested ones as such."""

    def __init__(self, by_name: bool) -> None:
        super().__init__()
        self.root: str | None = None
        self._by_name = by_name
        self._locator: Any = None
        self._ended: list[tuple[int, dict[str, Any] | str]] = []
        self._depth = 0
        self._open: list[tuple[str, dict[str, Any], list[str]]] = []
        self._line = 0
        self._length = 0
        self._skipped = 0

    @property
    def is_within(self) -> bool:
        """Whether a report is under way."""
        return bool(self._open)

    def taken(self) -> list[tuple[int, dict[str, Any] | str]]:
        """The elements since the last look."""
        ended, self._ended = self._ended, []
        return ended

    def line(self) -> int:
        """The line that is being read."""
        return int(self._locator.getLineNumber() or 1) if self._locator is not None else 1

    @override
    def setDocumentLocator(self, locator: Any) -> None:
        self._locator = locator

    @override
    def startElement(self, name: str, attrs: AttributesImpl) -> None:
        self._depth += 1
        if self._skipped:
            return
        local = name.rpartition(":")[2] if not name.startswith("georss") else name
        if self.root is None:
            self.root = local
            return
        if self._open:
            if len(self._open) == 1 and local == self._open[0][0] and not self._open[0][1]:
                self._open.clear()  # rows within a row: the outer one only holds them together
            elif len(self._open) > _DEEPEST or len(self._open[-1][1]) > _MOST_PARTS:
                self._skipped = self._depth
                return
        elif local not in _NAMES if self._by_name else self._depth != 2:
            return
        if self._open:
            self._open.append((local, {}, []))
        else:  # some systems write a row as attributes of its element
            self._line, self._length = self.line(), 0
            self._open.append((local, dict(attrs.items()), []))

    @override
    def characters(self, content: str) -> None:
        if self._open and not self._skipped and self._length < _LONGEST_TEXT:
            self._length += len(content)
            self._open[-1][2].append(content)

    @override
    def endElement(self, name: str) -> None:
        self._depth -= 1
        if self._skipped:
            if self._depth < self._skipped:
                self._skipped = 0
            return
        if not self._open:
            return
        local, children, texts = self._open.pop()
        if not self._open:
            self._ended.append((self._line, children))
            return
        value: Any = "".join(texts)
        if children:
            value = children | {"": value} if value.strip() else children
        siblings = self._open[-1][1]
        if local not in siblings:
            siblings[local] = value
        elif isinstance(siblings[local], list):
            siblings[local].append(value)
        else:
            siblings[local] = [siblings[local], value]


def _encoding(path: Path, shown: Path) -> str:
    """What the file says of itself; a file with a byte order mark has been made UTF-8 before."""
    with path.open("rb") as file:
        match = _ENCODING.match(file.read(1024).removeprefix(codecs.BOM_UTF8))
    name = match[1].decode("ascii") if match else "utf-8"
    if name.casefold().replace("-", "") in ("utf8", "utf16", "utf32", "usascii", "ascii"):
        return "utf-8-sig"  # a file in UTF-16 has been made UTF-8 already
    try:
        return codecs.lookup(name).name
    except LookupError as fault:
        raise LoadError(f"The file {shown} says that its encoding is {name}, which does not exist.") from fault


def _pieces(file: TextIO) -> Iterator[str]:
    """The text of the file without what no XML may hold, so that one odd letter does not end it."""
    rest = ""
    while piece := file.read(_PIECE):
        piece = rest + piece
        cut = piece.rfind("&", len(piece) - _LONGEST_MARK)
        piece, rest = (piece[:cut], piece[cut:]) if cut >= 0 and len(piece) > _LONGEST_MARK else (piece, "")
        yield _fit(piece)
    yield _fit(rest)


def _fit(piece: str) -> str:
    if "&#" in piece:
        piece = _UNFIT_NUMBER.sub("", piece)
    if "&" in piece and "<![CDATA[" not in piece:
        piece = _AND.sub(_escaped, piece)
    return _UNFIT.sub(_fitting, piece) if _UNFIT.search(piece) else piece


def _escaped(match: re.Match[str]) -> str:
    """What XML itself does not name: HTML's letters as such, an ampersand that stands alone as one."""
    name = match[1]
    if name in _OWN_MARKS:
        return match[0]
    letter = name2codepoint.get(name or "")
    return chr(letter) if letter else f"&amp;{match[0][1:]}"


def _fitting(match: re.Match[str]) -> str:
    """Bytes that were not of the encoding are read as Windows-1252; controls are dropped."""
    letter = match[0]
    if "\udc80" <= letter <= "\udcff":
        return letter.encode("utf-8", "surrogateescape").decode("cp1252", "replace").strip("\x00")
    return ""
