"""What one layout of files is: which of its names stand for which of our fields, and its own words."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence

import msgspec

from api_client.model import Status

_LONGEST_HEADING = 200


class Dialect(msgspec.Struct, frozen=True):
    """One layout: `marks` are headings that only it has, `columns` our field -> headings in order of preference.

    Of two that have all their marks in a file the one with the higher `precedence` is meant.
    Headings are compared by their letters and digits alone ("Unique Key" = unique_key). `day_first` decides
    12/11/2020 when nothing in the file does; None leaves that to the city's time zone. `constants` are values of
    fields that the file does not name because they hold for all of it. `usual_zone` is where such files usually come
    from: a different one in use is said. `empty` are words that stand for no value, `words` what a code of a field
    means. In files of nested objects a heading may be a path like "status.state" or
    "place.coordinates.1". A table without `headings` has "1", "2" and so on for names. `crs` is the reference system of
    places that are no degrees, such as EPSG:25832.
    """

    name: str
    columns: Mapping[str, tuple[str, ...]]
    marks: tuple[str, ...] = ()
    statuses: Mapping[str, Status] = {}
    services: Mapping[str, str] = {}
    day_first: bool | None = None
    timezone: str | None = None
    usual_zone: str | None = None
    delimiter: str | None = None
    encoding: str | None = None
    id_prefix: str = ""
    precedence: int = 0
    constants: Mapping[str, str] = {}
    empty: tuple[str, ...] = ()
    words: Mapping[str, Mapping[str, str]] = {}
    headings: bool = True
    crs: str | None = None

    def places(self, headings: Sequence[str]) -> dict[str, list[int]]:
        """Our field -> the columns that may hold it, best first."""
        at: dict[str, int] = {}
        for number, heading in enumerate(headings):
            at.setdefault(plain(heading), number)
        found = {
            field: [at[plain(heading)] for heading in wanted if plain(heading) in at]
            for field, wanted in self.columns.items()
        }
        return {field: columns for field, columns in found.items() if columns}

    def recognises(self, headings: Sequence[str]) -> bool:
        """Whether every mark stands among the headings."""
        present = {plain(heading) for heading in headings}
        return bool(self.marks) and all(plain(mark) in present for mark in self.marks)


def plain(heading: str) -> str:
    """A heading by its letters and digits alone, in small letters."""
    return _plain(heading[:_LONGEST_HEADING])


@functools.lru_cache(4096)
def _plain(heading: str) -> str:
    return re.sub(r"[\W_]+", "", heading).casefold()
