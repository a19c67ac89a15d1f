"""Measures the search of places, letter by letter as it is typed, beside plain full-text search of the same file."""

from __future__ import annotations

import contextlib
import random
import sqlite3
import time
from pathlib import Path

import msgspec

from console.city_map.folding import fold
from console.city_map.osm_reader import read_osm
from console.city_map.places import write_places
from console.city_map.search import Gazetteer
from console.server.demo.areas import read_wards
from console.server.demo.streets.facts import read_street_facts
from console.server.demo.streets.osm_writer import write_demo_city

_SEED, _TYPED = 5, 70
_PLAIN = "SELECT rowid FROM place_text WHERE place_text MATCH ? ORDER BY bm25(place_text, 4.0, 1.0) LIMIT 8"


class TypedPlaces(msgspec.Struct, frozen=True):
    """Milliseconds of this process's processor for each letter typed, in the order they were typed: of ours and of
    the plain search.
    """

    ours_ms: list[float]
    plain_ms: list[float]


def place_search(folder: Path) -> TypedPlaces:
    """Make the places of the demo city in `folder`, and type names, slips, house numbers and landmarks."""
    streets, path = folder / "streets.osm.pbf", folder / "places.db"
    write_demo_city(streets, read_wards(), read_street_facts())
    write_places(path, read_osm(streets, None, folder, _silent), _silent)
    with contextlib.closing(sqlite3.connect(path)) as database, contextlib.closing(Gazetteer(path)) as gazetteer:
        names = [name for (name,) in database.execute("SELECT name FROM place WHERE name <> '' ORDER BY id")]
        lat, lon = database.execute("SELECT avg(lat), avg(lon) FROM place").fetchone()
        ours, plain = list[float](), list[float]()
        for text in _typed(names):
            for end in range(1, len(text) + 1):
                begun = text[:end]
                started = time.process_time()
                gazetteer.find(begun, (lat, lon))
                ours.append((time.process_time() - started) * 1000)
                words = [f'"{word}"' for word in fold(begun).split()]
                if words:
                    started = time.process_time()
                    database.execute(_PLAIN, (f"{' AND '.join(words)}*",)).fetchall()
                    plain.append((time.process_time() - started) * 1000)
    return TypedPlaces(ours, plain)


def _typed(names: list[str]) -> list[str]:
    """What operators type: a name as it is, with a house number, with a letter left out, and at a landmark."""
    chance = random.Random(_SEED)
    typed = []
    for number in range(_TYPED):
        name = chance.choice(names)
        slip = chance.randrange(len(name))
        said = (name, f"{name} {chance.randrange(1, 90)}", name[:slip] + name[slip + 1 :], f"dekat {name}")
        other = f"{name} dekat {chance.choice(names)}"
        typed.append((*said, other)[number % 5])
    return typed


def _silent(_: str, __: float) -> None:
    """Nobody looks at how far the making is."""
