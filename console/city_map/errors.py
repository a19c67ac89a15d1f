"""What can go wrong when a city map is built; each error's text is a sentence for the operator.

MapBuildError       the map was not built, and the one before stays
├── NotAnOsmFile    the file is something else: another one is meant
├── MoreThanACity   more than a city: a part has to be chosen
├── DamagedOsmFile  it begins like a file of OpenStreetMap, and cannot be read to its end, or is no honest one
├── NothingInIt     it has no street
├── Cancelled       somebody wanted it no longer
└── OutOfMemory     it needs more memory than there is

Where the disk is full or refuses, it is the StoreError of `console.files.errors`.
"""

from __future__ import annotations


class MapBuildError(Exception):
    """The map was not built; what was there is as it was."""


class NotAnOsmFile(MapBuildError):
    """The file is no OpenStreetMap data in the PBF format."""


class MoreThanACity(MapBuildError):
    """The file, or what it covers, is more than a city."""


class DamagedOsmFile(MapBuildError):
    """The file is cut off, contradicts itself, or was made to do harm."""


class NothingInIt(MapBuildError):
    """The file, or the part that was chosen, has no street."""


class OutOfMemory(MapBuildError):
    """The map needs more memory than it may have."""


class Cancelled(MapBuildError):
    """Somebody ended the build."""
