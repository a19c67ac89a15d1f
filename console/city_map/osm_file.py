"""Look at a file of OpenStreetMap data (PBF) before it is read: whether it is one, its size, its hash.

The blocks of such a file are compressed. What they say of their size is held against what a true map has, so that a
file made to fill memory and disk is refused before any of it is unpacked.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import msgspec

from console.city_map.errors import DamagedOsmFile, MoreThanACity, NotAnOsmFile
from console.city_map.progress import Progress

MOST_BYTES = 400_000_000
"""Beyond that a part must be chosen."""

_MOST_HEADER = 64 * 2**10
_MOST_BLOCK = 32 * 2**20
_TIGHTEST = 24
"""Blocks of a true map unpack to two to four times their size."""
_FREE_BYTES = 64 * 2**20
_DATA, _HEADER = b"OSMData", b"OSMHeader"


class FoundFile(msgspec.Struct, frozen=True):
    """A file that looks like OpenStreetMap data: its size and its SHA-256."""

    size: int
    sha256: str


def examine_file(path: Path, progress: Progress, *, boxed: bool, most_bytes: int = MOST_BYTES) -> FoundFile:
    """Read the file's blocks without unpacking them; `progress` gets words and the share that is done.

    `boxed` says that only a part of it is to be taken, so that the file may be larger than `most_bytes`.
    Raises NotAnOsmFile, MoreThanACity, DamagedOsmFile, OSError.
    """
    if not path.is_file() and path.exists():  # a pipe would be waited for, without end
        raise NotAnOsmFile(f"{path.name} is a folder or a device, and no file of OpenStreetMap data (.osm.pbf).")
    digest, unpacked = hashlib.sha256(), 0
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        for at, (kind, body) in enumerate(_blocks(file, path.name)):
            if not at and kind != _HEADER:
                raise NotAnOsmFile(f"{path.name} is no file of OpenStreetMap data (.osm.pbf).")
            # protects: city-sized-file
            if size > most_bytes and not boxed:
                raise MoreThanACity(
                    f"{path.name} has {size // 1_000_000:,} MB, more than the {most_bytes // 1_000_000} MB of a city. "
                    "Choose a part of it: --box WEST,SOUTH,EAST,NORTH in degrees."
                )
            unpacked += _unpacked_size(body)
            # protects: packed-tighter-than-a-map
            if kind not in (_HEADER, _DATA) or unpacked > _TIGHTEST * size + _FREE_BYTES:
                raise DamagedOsmFile(f"{path.name} is damaged, or was made to do harm: it is not read.")
            progress(f"looking at {path.name}", file.tell() / size)
        file.seek(0)
        while part := file.read(2**20):
            digest.update(part)
    return FoundFile(size, digest.hexdigest())


def _blocks(file: BinaryIO, name: str) -> Iterator[tuple[bytes, bytes]]:
    """(kind, body) of each block. Raises NotAnOsmFile where not even the first can be read, DamagedOsmFile."""
    first = True
    while True:
        start = file.tell()
        head = file.read(4)
        if not head and not first:
            return
        length = int.from_bytes(head, "big")
        fields = _fields(file.read(length)) if len(head) == 4 and 0 < length <= _MOST_HEADER else {}
        kind, size = fields.get(1), fields.get(3)
        if not isinstance(kind, bytes) or not isinstance(size, int) or not 0 < size <= _MOST_BLOCK:
            if first:
                raise NotAnOsmFile(f"{name} is no file of OpenStreetMap data (.osm.pbf).")
            raise DamagedOsmFile(f"{name} is damaged at byte {start:,}: it can't be read further.")
        body = file.read(size)
        if len(body) < size:
            raise DamagedOsmFile(f"{name} is cut off: it ends within a block of data.")
        yield kind, body
        first = False


def _unpacked_size(block: bytes) -> int:
    """The size that a block says it has unpacked."""
    size = _fields(block).get(2)
    return size if isinstance(size, int) else len(block)


def _fields(body: bytes) -> dict[int, int | bytes]:
    """The numbers and byte strings of a protobuf message, by field; what can't be read ends it."""
    found: dict[int, int | bytes] = {}
    at = 0
    try:
        while at < len(body):
            tag, at = _varint(body, at)
            if tag & 7 == 0:
                found[tag >> 3], at = _varint(body, at)
            elif tag & 7 == 2:
                length, at = _varint(body, at)
                found[tag >> 3] = body[at : at + length]
                at += length
            else:
                break
    except IndexError:
        pass
    return found


def _varint(body: bytes, at: int) -> tuple[int, int]:
    """(value, where it ends). Raises IndexError where the body ends before."""
    value = shift = 0
    while shift < 70:
        byte = body[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7
    raise IndexError(at)
