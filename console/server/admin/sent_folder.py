"""A city's folder as it travels: packed into one file, and read from the files that somebody sends."""

from __future__ import annotations

import base64
import binascii
import io
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Annotated

import msgspec

from console.server.admin.folder import CITY, ENDINGS, FILES, read_folder
from console.server.admin.folder_out import folder_texts
from console.server.admin.setup import PARTS, CitySetup, listed, nearest
from console.server.admin.table import MOST_BYTES
from console.server.errors import Invalid

_MOST_FAULTS = 1_000
_MOST_MEMBERS = 1_000
_MOST_BYTES_OF_ALL = 2 * MOST_BYTES
_PACKED = (2020, 1, 1, 0, 0, 0)
"""One time for all files: the same city makes the same bytes."""


class SentFolder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The files of a folder by their names, in base 64; one that ends with .zip is unpacked."""

    files: dict[str, Annotated[str, msgspec.Meta(pattern="^[A-Za-z0-9+/]*={0,2}$")]]


class FolderReading(msgspec.Struct, frozen=True):
    """What files say of a city, and what of them could not be read, in the words of `sigap city check`."""

    setup: CitySetup
    faults: tuple[str, ...] = ()


def packed_folder(setup: CitySetup) -> bytes:
    """The files that `sigap city export` writes, as a ZIP."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in folder_texts(setup).items():
            archive.writestr(zipfile.ZipInfo(name, _PACKED), text.encode(), zipfile.ZIP_DEFLATED)
    return out.getvalue()


def read_sent(sent: SentFolder, present: CitySetup) -> FolderReading:
    """What the files say. Without city.toml the targets that services name are those of the `present` city.

    Raises Invalid for what is no ZIP, and for more than a folder may hold.
    """
    sent_files = _unpacked(sent)
    files = {name: body for name, body in sent_files.items() if name in FILES}
    strange = [
        f"{name}: no file of a city is called so{nearest(name, FILES)}." for name in sent_files.keys() - files.keys()
    ]
    with TemporaryDirectory(prefix="sigap-folder-") as name:
        folder = Path(name)
        for file, body in files.items():
            (folder / file).write_bytes(body)
        if CITY not in files:
            (folder / CITY).write_text(folder_texts(present)[CITY], "utf-8")
        reading = read_folder(folder)
    setup = reading.setup
    if CITY not in files:
        lists = {part: listed(setup, part) for part in PARTS if part != "calendars"}
        setup = msgspec.structs.replace(CitySetup(), **lists)
    return FolderReading(setup, (*sorted(strange), *map(str, reading.unreadable))[:_MOST_FAULTS])


def _unpacked(sent: SentFolder) -> dict[str, bytes]:
    """The files of a folder by their plain names, without those that nobody takes for a city's."""
    found: dict[str, bytes] = {}
    for name, letters in sent.files.items():
        try:
            body = base64.b64decode(letters, validate=True)
        except binascii.Error as fault:
            raise Invalid(f"{name} is not in base 64: {fault}.") from fault
        found |= _members(name, body) if name.casefold().endswith(".zip") else {_plain(name): body}
        found = {
            plain: body
            for plain, body in found.items()
            if plain in FILES or PurePosixPath(plain).suffix.lower() in ENDINGS
        }
        _check_size(found)
    return found


def _members(name: str, body: bytes) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            members = archive.infolist()
            if len(members) > _MOST_MEMBERS:
                raise Invalid(f"{name} holds {len(members):,} files; a city's folder has {len(FILES)}.")
            for member in members:
                plain = _plain(member.filename)
                if member.is_dir() or plain.startswith("."):
                    continue
                # protects: a-name-is-unpacked-once
                if plain in FILES and plain in found:
                    raise Invalid(f"{name} holds {plain} more than once.")
                if plain not in FILES:
                    found[plain] = b""
                else:
                    with archive.open(member) as file:
                        found[plain] = file.read(MOST_BYTES + 1)  # what is longer is refused by who reads it
                    _check_size(found)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError, ValueError, OSError) as fault:
        raise Invalid(f"{name} cannot be unpacked: {fault}.") from fault
    return found


def _check_size(files: Mapping[str, bytes]) -> None:
    # protects: a-small-zip-is-no-large-folder
    if sum(map(len, files.values())) > _MOST_BYTES_OF_ALL:
        raise Invalid("The files hold more than a city's folder may.")


def _plain(name: str) -> str:
    """The name of a file without the folders that it lies in."""
    return PurePosixPath(name.replace("\\", "/")).name
