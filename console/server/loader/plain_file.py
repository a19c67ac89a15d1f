"""Makes any text file of a city a plain UTF-8 file for the readers: unpacked, without byte order mark."""

from __future__ import annotations

import codecs
import gzip
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from console.server.loader.result import LoadError

SQLITE, FLATGEOBUF, ZIP = b"SQLite format 3\0", b"fgb\x03", b"PK\x03\x04"
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_BAD_BYTES = re.compile("[\udc80-\udcff]+")
_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


@contextmanager
def plain_file(path: Path, encoding: str | None = None) -> Iterator[Path]:
    """The file itself, or a temporary UTF-8 copy where it is packed (gzip) or in another encoding.

    Raises LoadError when it is missing, unreadable, or has no such encoding.
    """
    if path.exists() and not path.is_file():  # reading a pipe would wait for ever
        raise LoadError(f"The file {path} cannot be read: it is no file.")
    try:
        with path.open("rb") as file:
            head = file.read(4096)
    except OSError as fault:
        raise LoadError(f"The file {path} cannot be read: {fault.strerror or fault}.") from fault
    packed = head.startswith(b"\x1f\x8b")
    if packed:
        try:
            with gzip.open(path) as unpacked:
                head = unpacked.read(4096)
        except (OSError, EOFError) as fault:
            raise LoadError(f"The file {path} is packed with gzip, but broken: {fault}.") from fault
    encoding = None if is_map_file(head) else encoding or _marked(head)
    if not packed and encoding is None:
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="sigap-load-") as folder:
        copy = Path(folder) / path.name.removesuffix(".gz")
        try:
            with gzip.open(path) if packed else path.open("rb") as source, copy.open("wb") as target:
                if encoding is None:
                    shutil.copyfileobj(source, target)
                else:
                    reader = codecs.getreader(encoding)(source, "replace")
                    while piece := reader.read(1 << 20):
                        target.write(piece.encode("utf-8", "replace"))
        except LookupError as fault:
            raise LoadError(f"There is no encoding named {encoding}.") from fault
        except (OSError, EOFError) as fault:
            raise LoadError(f"The file {path} cannot be unpacked: {fault}.") from fault
        yield copy


def is_map_file(head: bytes) -> bool:
    """Whether the first bytes are of a map file: GeoPackage, FlatGeobuf or a zipped Shapefile."""
    return head.startswith((SQLITE, FLATGEOBUF, ZIP))


def mended(text: str) -> str:
    """Text without what cannot be stored: bytes that were no UTF-8 are read as Windows-1252, controls dropped."""
    if not text.isascii() or not text.isprintable():
        text = _BAD_BYTES.sub(_as_windows_1252, text)
        text = _CONTROLS.sub("", text)
        text = text.encode("utf-8", "replace").decode("utf-8")
    return text.strip()


def has_bad_bytes(text: str) -> bool:
    """Whether some bytes were no UTF-8."""
    return not text.isascii() and _BAD_BYTES.search(text) is not None


def _as_windows_1252(match: re.Match[str]) -> str:
    return match[0].encode("utf-8", "surrogateescape").decode("cp1252", "replace")


def _marked(head: bytes) -> str | None:
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return encoding
    if head.count(0) > len(head) // 4:
        return "utf-16-le" if head[1::2].count(0) >= head[0::2].count(0) else "utf-16-be"
    return None
