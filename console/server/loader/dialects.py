"""Which layouts of files are known: ours in `resources/dialects`, those of a city's own folder, or one that is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path

import msgspec

from api_client.model import Status
from console.server.loader.dialect import Dialect
from console.server.loader.mapping import read_mapping
from console.server.loader.result import LoadError

_PLAIN, _GEOREPORT = "plain.toml", "georeport.toml"
_ENDINGS = (".toml", ".json")


class Dialects(msgspec.Struct, frozen=True):
    """The layouts that a file may have, in the order in which they are tried.

    `given` is the one chosen by the person who loads; then no other is tried. With `any` a layout is to be guessed:
    whatever its names, a table or list is one of reports. `plain` has words of several languages for a file whose
    layout nobody has described; its status words hold beneath those of every layout. `georeport` is the layout of an
    answer of GeoReport that has no rows.
    """

    known: tuple[Dialect, ...]
    plain: Dialect
    georeport: Dialect
    given: Dialect | None = None
    any: bool = False

    def recognise(self, headings: Sequence[str]) -> Dialect | None:
        """The dialect of these headings; None when they name neither an id nor anything to work on."""
        if self.given is not None:
            return self.given
        for dialect in self.known:
            if dialect.recognises(headings):
                return dialect
        found = self.plain.places(headings)
        return self.plain if found.keys() & {"id", "description", "title", "service", "service_code"} else None

    def status(self, word: str, dialect: Dialect) -> Status | None:
        """What a word of a file of this dialect means, in small letters and with single spaces; None when unknown."""
        return dialect.statuses.get(word) or self.plain.statuses.get(word)


def read_dialects(mapping: Path | None = None) -> Dialects:
    """Ours, and what `mapping` adds: a file is the layout of whatever is loaded, those of a folder are asked first.

    Raises LoadError with the file, and the line or the name that is wrong.
    """
    ours = _read_folder(Path(str(resources.files("resources").joinpath("dialects"))))
    plain, georeport = ours.pop(_PLAIN), ours[_GEOREPORT]
    added: dict[str, Dialect] = {}
    given = None
    if mapping is not None and mapping.is_dir():
        added = _read_folder(mapping)
        for name, dialect in added.items():
            _check_added(mapping / name, dialect)
        if not added:
            raise LoadError(f"The folder {mapping} has no mapping file (.toml or .json).")
    elif mapping is not None:
        given = read_mapping(mapping)
    return Dialects((*_in_order(added), *_in_order(ours)), plain, georeport, given)


def _read_folder(folder: Path) -> dict[str, Dialect]:
    """Name of file -> what it says."""
    try:
        paths = sorted(path for path in folder.iterdir() if path.suffix.casefold() in _ENDINGS and path.is_file())
    except OSError as fault:
        raise LoadError(f"The folder {folder} cannot be read: {fault.strerror or fault}.") from fault
    return {path.name: read_mapping(path) for path in paths}


def _in_order(dialects: Mapping[str, Dialect]) -> list[Dialect]:
    return sorted(dialects.values(), key=lambda dialect: -dialect.precedence)  # of equals by the name of the file


def _check_added(path: Path, dialect: Dialect) -> None:
    """A layout that is recognised needs its marks, and is recognised too late to say how the file is to be read."""
    if not dialect.marks:
        raise LoadError(f"The mapping file {path} has no marks, headings by which its files are recognised.")
    for key, value in (("encoding", dialect.encoding), ("delimiter", dialect.delimiter)):
        if value is not None:
            raise LoadError(f"The mapping file {path} has {key}, which is of use only where it is told by itself.")
    if not dialect.headings:
        raise LoadError(
            f"The mapping file {path} has headings = false: its files are not recognised, give it by itself."
        )


def other_than_reports(headings: Sequence[str]) -> str | None:
    """What a GeoReport answer with these names holds, when it is no list of reports."""
    names = set(headings)
    if names and names <= {"code", "description"}:
        return "an error of the server that it came from"
    if {"service_code", "metadata"} <= names:
        return "a list of services"
    return "updates of reports" if "update_id" in names else None
