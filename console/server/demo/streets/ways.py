"""Ways and their nodes while the demo city's streets are put together, and where ways cross one another."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain

import numpy as np
import shapely
from numpy.typing import NDArray

from console.server.demo.streets.plane import Point, Points

Indices = NDArray[np.int64]


@dataclass(slots=True)
class InventedWay:
    """A way as it is written: its kind (a road's class, or river, canal, rail, subway), its nodes in order.

    `ward` is the code of the ward that a local street belongs to; "" for main lines and streets on borders.
    `from_m` is how far its first node is from where the street of that name begins.
    """

    kind: str
    name: str
    nodes: list[int]
    ward: str = ""
    is_one_way: bool = False
    is_toll: bool = False
    is_bridge: bool = False
    is_whole: bool = True
    from_m: float = 0.0


@dataclass
class NodeTable:
    """The places of all nodes, in metres; a node is its number."""

    places: list[Point] = field(default_factory=list)

    def add(self, place: Point) -> int:
        """A new node at this place."""
        self.places.append(place)
        return len(self.places) - 1

    def add_all(self, places: Iterable[Point]) -> list[int]:
        """New nodes at these places."""
        return [self.add(place) for place in places]

    def array(self) -> Points:
        """The places as they are now."""
        return np.array(self.places, dtype=np.float64).reshape(-1, 2)


@dataclass(frozen=True)
class WaySegments:
    """Every straight piece between two neighbouring nodes of some ways."""

    way: Indices
    at: Indices
    """Which piece of its way it is, from 0."""
    ends: NDArray[np.int64]
    """(n, 2): the nodes at its ends."""
    places: NDArray[np.float64]
    """(n, 2, 2): the places of its ends."""

    def lines(self) -> NDArray[np.object_]:
        """The pieces as shapely lines."""
        found: NDArray[np.object_] = shapely.linestrings(self.places)
        return found


@dataclass(frozen=True)
class Crossings:
    """Where pieces of some ways (`one`) cross pieces of others (`other`): which pieces, and the share along each."""

    one: Indices
    other: Indices
    share_one: NDArray[np.float64]
    share_other: NDArray[np.float64]
    places: Points


def segments_of(ways: Sequence[InventedWay], numbers: Sequence[int], places: Points) -> WaySegments:
    """The pieces of the ways with these numbers; `places` are the nodes' places."""
    lengths = np.array([len(ways[number].nodes) for number in numbers], dtype=np.int64)
    nodes = np.fromiter(chain.from_iterable(ways[number].nodes for number in numbers), np.int64, int(lengths.sum()))
    way = np.repeat(np.array(numbers, dtype=np.int64), lengths)
    first = np.repeat(np.cumsum(lengths) - lengths, lengths)
    starts = np.flatnonzero(way[:-1] == way[1:])
    ends = np.stack([nodes[starts], nodes[starts + 1]], 1)
    return WaySegments(way[starts], starts - first[starts], ends, places[ends])


def crossings_of(one: WaySegments, other: WaySegments, tree: shapely.STRtree) -> Crossings:
    """Where pieces cross, in the order of `other`; pieces that share a node do not. `tree` is over `other`'s lines."""
    i, j = tree.query(one.lines(), predicate="intersects")
    start_one, along_one = one.places[i, 0], one.places[i, 1] - one.places[i, 0]
    start_other, along_other = other.places[j, 0], other.places[j, 1] - other.places[j, 0]
    det = _cross(along_one, along_other)
    with np.errstate(divide="ignore", invalid="ignore"):
        share_one = _cross(start_other - start_one, along_other) / det
        share_other = _cross(start_other - start_one, along_one) / det
    good = (np.abs(det) > 1e-6) & (share_one >= 0) & (share_one <= 1) & (share_other >= 0) & (share_other <= 1)
    good &= ~(one.ends[i][:, :, None] == other.ends[j][:, None, :]).any(axis=(1, 2))
    i, j, share_one, share_other = i[good], j[good], share_one[good], share_other[good]
    order = np.lexsort((i, share_other, j))
    i, j, share_one, share_other = i[order], j[order], share_one[order], share_other[order]
    crossing_places = one.places[i, 0] + (one.places[i, 1] - one.places[i, 0]) * share_one[:, None]
    return Crossings(i, j, share_one, share_other, crossing_places)


def with_nodes(nodes: Sequence[int], added: Iterable[tuple[int, float, int]]) -> list[int]:
    """A way's nodes with further ones: (piece, share along it, node) each; no node twice in a row."""
    by_piece: dict[int, list[tuple[float, int]]] = {}
    for piece, share, node in added:
        by_piece.setdefault(piece, []).append((share, node))
    result: list[int] = []
    for at, node in enumerate(nodes):
        for each in (node, *(more for _, more in sorted(by_piece.get(at, ())))):
            if not result or result[-1] != each:
                result.append(each)
    return result


def _cross(a: Points, b: Points) -> NDArray[np.float64]:
    crossed: NDArray[np.float64] = a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]
    return crossed
