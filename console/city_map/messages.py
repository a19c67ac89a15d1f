"""What the console asks the map process, what it answers, and how travels, addresses and places are told.

Places are (lat, lon) in degrees. Each question is answered by one answer, in order.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

LatLon = tuple[float, float]
Exactness = Literal["point", "house", "reckoned", "crossing", "stretch", "landmark", "beside", "street", "area"]
"""How exact a place is: given as figures; a house number; between two numbers or posts that are known; where two
streets meet; a part of a street; a landmark's own place; beside a landmark; somewhere in a street; in an area.
"""

NEAR_NUMBER_M = 100.0
"""A house number that is farther off says nothing of where a point is."""
EXIT_NO_MAP = 4
"""With this code the map process ends where there is no map, none that can be read, or the packages are missing."""


class Travel(msgspec.Struct, frozen=True):
    """How far a place is by street. `closed` stretches of the way are closed: there is no other way."""

    seconds: float
    metres: float
    closed: int = 0


class Leg(msgspec.Struct, frozen=True):
    """A way from one place to another.

    `line` is int32 pairs of lat, lon in 1e-7 degrees; `streets` are (name, metres) in order, "" where one has no name.
    """

    travel: Travel
    line: bytes
    streets: tuple[tuple[str, float], ...]


class FoundPlace(msgspec.Struct, frozen=True):
    """One row of an answer; `number` is the house number where one was asked for and is known there.

    What is meant lies within `within_m` metres. `fits` says that all that was said is so of this place, but for
    `left_out`: what no map knows, or this one does not, as it was said.
    """

    kind: str
    name: str
    area: str
    lat: float
    lon: float
    exactness: Exactness
    number: str = ""
    within_m: float = 0.0
    fits: bool = False
    left_out: tuple[str, ...] = ()


class Address(msgspec.Struct, frozen=True):
    """What a place is called: its street, how far off, the nearest known number in it, the part of the city."""

    street: str
    distance_m: float
    number: str
    number_distance_m: float
    area: str


class Times(msgspec.Struct, frozen=True, tag=True):
    """How far is each of these units, by their ids, from a place?

    `hour` is that of the week by the city's clock, from 0 (Monday, 0 to 1 h) to 167: its speeds count, where the city
    has a table of them.
    """

    place: LatLon
    units: Mapping[str, LatLon]
    hour: int | None = None


class Route(msgspec.Struct, frozen=True, tag=True):
    """Which way is the quickest? `hour` as in `Times`."""

    start: LatLon
    end: LatLon
    hour: int | None = None


class Nearest(msgspec.Struct, frozen=True, tag=True):
    """What is the address of a place?"""

    place: LatLon


class Find(msgspec.Struct, frozen=True, tag=True):
    """Which places are meant by a text; of those alike the nearer to `near`."""

    text: str
    near: LatLon | None = None


class StretchAt(msgspec.Struct, frozen=True, tag=True):
    """On which piece of street, from one corner to the next, is a place?"""

    place: LatLon


class ClosedShape(msgspec.Struct, frozen=True):
    """Something closed: the ring of an area, of at least 3 places, which closes every stretch that it touches.

    With `width_m` (in metres) it is the middle line of a street, of at least 2 places: it closes what lies along it,
    and not what only crosses it.
    """

    places: tuple[LatLon, ...]
    width_m: float = 0.0


class Closed(msgspec.Struct, frozen=True, tag=True):
    """From now on no way leads through these, and through others again."""

    shapes: tuple[ClosedShape, ...]


class LookAhead(msgspec.Struct, frozen=True, tag=True):
    """Get ready for the first questions of another hour (as in `Times`), as far as one search takes."""

    hour: int


class UnitStop(msgspec.Struct, frozen=True):
    """One place that a unit has to go to: `work_s` is how long it takes there, `due_s` until when it should be there,
    in seconds from now (below 0: it is late already), None without such a time.
    """

    id: str
    work_s: float
    urgent: bool = False
    due_s: float | None = None


class Order(msgspec.Struct, frozen=True, tag=True):
    """In which order does a unit best go to its stops?

    `places` are where it is, and those of `stops`, which may be 12; it begins in `begin_s`. `otherwise_s` are the
    seconds between these places, from and to, that count where no way by street is found. `hour` as in `Times`.
    """

    places: tuple[LatLon, ...]
    stops: tuple[UnitStop, ...]
    otherwise_s: tuple[tuple[float, ...], ...]
    begin_s: float = 0.0
    hour: int | None = None


Question = Times | Route | Nearest | Find | StretchAt | Closed | LookAhead | Order


class MapOpened(msgspec.Struct, frozen=True, tag=True):
    """The process's first message: the map is read, questions are answered."""


class TimesFound(msgspec.Struct, frozen=True, tag=True):
    """Units that are missing are far from any street, or there is no way; all are where the place is far from any.

    `hour` is that of the day (0 to 23) of which the city's speeds are; None for speeds without traffic. `drives` is
    from how many drives of crews these were fitted; 0 where somebody wrote them.
    """

    travels: Mapping[str, Travel]
    hour: int | None = None
    drives: int = 0


class RouteFound(msgspec.Struct, frozen=True, tag=True):
    """None where there is no way, or one of the places is far from any street. `hour`, `drives` as in `TimesFound`."""

    leg: Leg | None
    hour: int | None = None
    drives: int = 0


class AddressFound(msgspec.Struct, frozen=True, tag=True):
    """None where the place is far from any street."""

    address: Address | None


class PlacesFound(msgspec.Struct, frozen=True, tag=True):
    """The places that are likely meant, the likeliest first."""

    places: tuple[FoundPlace, ...]


class StretchFound(msgspec.Struct, frozen=True, tag=True):
    """The piece of street, its name ("" for none), and its `line` as in `Leg`; nothing where there is none."""

    street: str = ""
    metres: float = 0.0
    line: bytes = b""


class ClosuresTaken(msgspec.Struct, frozen=True, tag=True):
    """Of each shape how many stretches of street it closes; None of one that there was no time for yet: asked again,
    with the same shapes, the map goes on there.
    """

    stretches: tuple[int | None, ...]


class LookedAhead(msgspec.Struct, frozen=True, tag=True):
    """`is_all` says that all is ready for the hour; else it is to be asked again when no question waits."""

    is_all: bool


class OrderedStop(msgspec.Struct, frozen=True):
    """A stop in its order: when the unit arrives, in seconds from now, and the way from the stop before; None where
    none is found by street.
    """

    id: str
    arrives_s: float
    travel: Travel | None = None


class OrderFound(msgspec.Struct, frozen=True, tag=True):
    """The stops in the order in which to go to them. `hour`, `drives` as in `TimesFound`."""

    stops: tuple[OrderedStop, ...]
    hour: int | None = None
    drives: int = 0


class MapDamaged(msgspec.Struct, frozen=True, tag=True):
    """A file of the map can't be read, which is said in the log; there is no answer."""

    words: str


Answer = (
    TimesFound
    | RouteFound
    | AddressFound
    | PlacesFound
    | StretchFound
    | ClosuresTaken
    | LookedAhead
    | OrderFound
    | MapDamaged
)
FromMap = MapOpened | Answer
