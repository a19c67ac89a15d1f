"""A small invented town as a file of OpenStreetMap data: streets by name and class, and whatever a test adds."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import osmium
from osmium.osm.mutable import Node, Relation, Way

STEP = 0.002
"""Between two crossings, in degrees: about 220 m."""
SIDE = 5
"""The town has so many streets each way."""
SOUTH, WEST = -6.21, 106.80
INVENTED = "sigap (invented)"

Tags = dict[str, str]


class Town:
    """Collects objects and writes them in the order that such files have. Ids are given, or counted from 1,000."""

    def __init__(self) -> None:
        self.nodes: dict[int, tuple[float, float, Tags]] = {}
        self.ways: dict[int, tuple[list[int], Tags]] = {}
        self.relations: list[tuple[list[tuple[str, int, str]], Tags]] = []
        self._next = 1_000

    def node(self, lat: float, lon: float, tags: Tags | None = None, id_: int | None = None) -> int:
        """Add a point; returns its id."""
        id_ = self._id(id_)
        self.nodes[id_] = (lat, lon, tags or {})
        return id_

    def way(self, nodes: list[int], tags: Tags, id_: int | None = None) -> int:
        """Add a line through points; returns its id."""
        id_ = self._id(id_)
        self.ways[id_] = (nodes, tags)
        return id_

    def road(self, nodes: list[int], name: str = "", highway: str = "residential", **tags: str) -> int:
        """Add a road; returns its id."""
        return self.way(nodes, {"highway": highway, **({"name": name} if name else {}), **tags})

    def relation(self, members: list[tuple[str, int, str]], tags: Tags) -> None:
        """Add a relation of members (type, id, role)."""
        self.relations.append((members, tags))

    def no_turn(self, came: int, via: int, goes: int, kind: str = "no_left_turn") -> None:
        """Add a turn restriction."""
        members = [("w", came, "from"), ("n", via, "via"), ("w", goes, "to")]
        self.relation(members, {"type": "restriction", "restriction": kind})

    def write(self, path: Path, *, generator: str = INVENTED, dated: str = "2026-11-01T00:00:00Z") -> Path:
        """Write the file; returns its path."""
        header = osmium.io.Header()
        header.set("generator", generator)
        if dated:
            header.set("osmosis_replication_timestamp", dated)
        with osmium.SimpleWriter(str(path), header=header, overwrite=True) as out:
            for id_, (lat, lon, tags) in sorted(self.nodes.items()):
                out.add_node(Node(id=id_, location=(lon, lat), tags=tags, version=1))
            for id_, (nodes, tags) in sorted(self.ways.items()):
                out.add_way(Way(id=id_, nodes=nodes, tags=tags, version=1))
            for id_, (members, tags) in enumerate(self.relations, 1):
                out.add_relation(Relation(id=id_, members=members, tags=tags, version=1))
        return path

    def _id(self, id_: int | None) -> int:
        if id_ is None:
            id_ = self._next
            self._next += 1
        return id_


def crossing(row: int, column: int) -> int:
    """The id of the point where two streets of `grid_town` meet; row 0 is the south, column 0 the west."""
    return 1 + row * SIDE + column


def place(row: float, column: float) -> tuple[float, float]:
    """(lat, lon) of a place in `grid_town`, in streets from the south and the west."""
    return SOUTH + row * STEP, WEST + column * STEP


def grid_town() -> Town:
    """Five streets each way: rows "Jalan Melati I" to "V", columns "Gang Kenari 1" to "5", each way from crossing to
    crossing; with a station, a school, a mosque as a building, house numbers, a river, a park, two quarters.
    """
    town = Town()
    for row in range(SIDE):
        for column in range(SIDE):
            town.node(*place(row, column), id_=crossing(row, column))
    for at, numeral in enumerate(("I", "II", "III", "IV", "V")):
        for step in range(SIDE - 1):
            town.road([crossing(at, step), crossing(at, step + 1)], f"Jalan Melati {numeral}", "tertiary")
            town.road([crossing(step, at), crossing(step + 1, at)], f"Gang Kenari {at + 1}")
    town.node(*place(2.1, 2.1), {"railway": "station", "name": "Stasiun Tebet"})
    town.node(*place(3.2, 0.4), {"amenity": "school", "name": "SDN 01 Pagi"})
    town.node(*place(0.5, 0.5), {"place": "quarter", "name": "Kebon Baru"})
    town.node(*place(3.5, 3.5), {"place": "quarter", "name": "Cawang"})
    for number in range(2, 20, 2):
        town.node(*place(0.05, number / 10), {"addr:housenumber": str(number), "addr:street": "Jalan Melati I"})
    corners = [town.node(*place(1.2 + dy, 1.2 + dx)) for dy, dx in ((0, 0), (0, 0.1), (0.1, 0.1), (0.1, 0))]
    mosque = {"building": "yes", "amenity": "place_of_worship", "name": "Masjid Al-Ikhlas"}
    town.way([*corners, corners[0]], mosque)
    banks = [town.node(*place(-0.5 + step, 4.5)) for step in range(SIDE)]
    town.way(banks, {"waterway": "river", "name": "Ciliwung"})
    corners = [town.node(*place(1 + dy, 3 + dx)) for dy, dx in ((0.2, 0.2), (0.2, 0.8), (0.8, 0.8), (0.8, 0.2))]
    town.way([*corners, corners[0]], {"leisure": "park", "name": "Taman Kota"})
    return town


def block(kind: str, body: bytes, *, said: int | None = None) -> bytes:
    """A block of such a file, packed; `said` is the size that it says it has unpacked."""
    packed = zlib.compress(body)
    blob = b"\x10" + _varint(len(body) if said is None else said) + b"\x1a" + _varint(len(packed)) + packed
    header = b"\x0a" + _varint(len(kind)) + kind.encode() + b"\x18" + _varint(len(blob))
    return struct.pack(">I", len(header)) + header + blob


def header_block() -> bytes:
    """The first block of an honest file."""
    features = b"".join(b"\x22" + _varint(len(one)) + one for one in (b"OsmSchema-V0.6", b"DenseNodes"))
    return block("OSMHeader", features)


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)
