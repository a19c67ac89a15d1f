"""Find streets, places, landmarks and house numbers by what a caller says, and say what an address a place has.

"jl melati 3 cawang", "gg buntu no 12 rt 03/05", "alfamart dekat stasiun tebet", "-6.2, 106.8".
"""

from __future__ import annotations

import math
import re
import sqlite3
from collections.abc import Sequence
from pathlib import Path

import msgspec

from console.city_map.folding import fold
from console.city_map.messages import Address, Exactness, FoundPlace, LatLon
from console.city_map.places import house_cell
from console.city_map.spelling import slips, variants

_AREAS = frozenset(
    {"city", "town", "borough", "suburb", "quarter", "village", "neighbourhood", "hamlet", "district", "water", "park"}
)
_NEAR = re.compile(
    r"\b(?:dekat|deket|depan|sebelah|samping|belakang|seberang|near|opposite|behind|beside|next to|di|in)\b",
    re.IGNORECASE,
)
_RT_RW = re.compile(r"\b(?:rt|rw)\s*[./]?\s*0*\d{1,3}(?:\s*/\s*(?:rw)?\s*\.?\s*0*\d{1,3})?", re.IGNORECASE)
_NUMBER = re.compile(r"(?:\b(?:no|nomor|nmr|number)\b|#)\s*[.:]?\s*(\d+\s?[a-z]?)\b", re.IGNORECASE)
_COORDINATES = re.compile(r"\s*(-?\d{1,2}\.\d+)\s*[,; ]\s*(-?\d{1,3}\.\d+)\s*")
_GENERIC = frozenset({"jalan", "gang", "kelurahan", "kecamatan", "raya", "rua", "avenida", "the", "street", "road"})
_MOST_SAID = 200
_MOST_WORDS = 10
_MANY, _FEW, _ANCHORS = 200, 60, 20
_MATCHING = """
SELECT p.id, p.kind, p.name, p.area, p.lat, p.lon, p.weight, p.folded, p.area_folded, bm25(place_text, 4.0, 1.0)
FROM place_text JOIN place p ON p.id = place_text.rowid
WHERE place_text MATCH ? ORDER BY bm25(place_text, 4.0, 1.0), p.weight DESC LIMIT ?
"""
"""A word of the name counts four times one of the area."""
_KM = 111.0
_NUMBERED = 3.0
"""What a street has before a landmark of the same words where a house number was said."""


class _Said(msgspec.Struct, frozen=True):
    """What a caller said: the words to look for, those after "near", and a house number."""

    words: tuple[str, ...]
    near: tuple[str, ...]
    number: str


class _Row(msgspec.Struct, frozen=True):
    id: int
    kind: str
    name: str
    area: str
    lat: float
    lon: float
    weight: int
    folded: str
    area_folded: str
    rank: float


class Gazetteer:
    """The places of one city, read only; for one thread."""

    def __init__(self, path: Path) -> None:
        """`path` is a map's places.db. Raises sqlite3.Error where it cannot be read."""
        self._database = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)
        self._database.execute("PRAGMA trusted_schema = OFF")

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    def find(self, text: str, near: LatLon | None = None, most: int = 8) -> list[FoundPlace]:
        """The places that are likely meant, the likeliest first; of those alike the nearer to `near`.

        Raises sqlite3.Error where the file is damaged.
        """
        text = text[:_MOST_SAID]
        if (point := _coordinates(text)) is not None:
            return [FoundPlace("point", f"{point[0]:.5f}, {point[1]:.5f}", "", *point, "point")]
        said = _understood(text)
        if not said.words:
            return []
        anchor = self._anchor(said.near, near)
        at, pull = (anchor, 4.0) if anchor else (near, 1.5)
        scored = {
            row.id: (_score(row, said.words, at, pull) + _NUMBERED * bool(said.number and row.kind == "street"), row)
            for row in self._matching(said.words)
        }
        best = sorted(scored.values(), key=lambda pair: (-pair[0], pair[1].id))[:most]
        return [self._placed(row, said.number) for _, row in best]

    def reverse(self, place: LatLon, street: str, distance_m: float) -> Address:
        """The address of a place on a street that was found for it (`Router.nearest`, its name and how far off).

        The part of the city is that of the nearest place that has one. Raises sqlite3.Error.
        """
        number, number_m = "", 0.0
        lat, lon = house_cell(*place)
        houses = self._database.execute(
            "SELECT number, lat, lon FROM house WHERE street = ? AND cell_lat BETWEEN ? AND ? "
            "AND cell_lon BETWEEN ? AND ?",
            (fold(street), lat - 1, lat + 1, lon - 1, lon + 1),
        ).fetchall()
        if houses and street:
            number_m, number = min((_metres(place, (one[1], one[2])), one[0]) for one in houses)
        return Address(street, distance_m, number, number_m, self._area(place, street))

    def _area(self, place: LatLon, street: str) -> str:
        """The part of the city, as the street's nearest stretch has it."""
        rows = self._database.execute(
            "SELECT p.area, p.lat, p.lon FROM place_text t JOIN place p ON p.id = t.rowid "
            "WHERE place_text MATCH ? AND p.name = ? LIMIT ?",
            (_phrase(fold(street)), street, _MANY),
        ).fetchall()
        return min(((_metres(place, (row[1], row[2])), row[0]) for row in rows), default=(0.0, ""))[1]

    def _placed(self, row: _Row, number: str) -> FoundPlace:
        """The row as an answer; at the house, where its number is known."""
        exactness: Exactness = "street" if row.kind == "street" else "area" if row.kind in _AREAS else "landmark"
        if number and row.kind == "street":
            houses = self._database.execute(
                "SELECT lat, lon FROM house WHERE street = ? AND number = ? COLLATE NOCASE", (row.folded, number)
            ).fetchall()
            if houses:  # a street of this name may be in several parts of the city
                lat, lon = min(houses, key=lambda house: _metres((row.lat, row.lon), house))
                return FoundPlace(row.kind, row.name, row.area, lat, lon, "house", number)
        return FoundPlace(row.kind, row.name, row.area, row.lat, row.lon, exactness)

    def _anchor(self, words: Sequence[str], near: LatLon | None) -> LatLon | None:
        """Where "near Y" is: the weightiest Y."""
        rows = self._rows(_all(words), _ANCHORS) if words else []
        if not rows:
            return None
        best = max(rows, key=lambda row: (_score(row, words, near, 1.5), -row.id))
        return best.lat, best.lon

    def _matching(self, words: Sequence[str]) -> list[_Row]:
        """Rows with all words; else without the general ones; else spelled otherwise; else with all but one."""
        specific = [word for word in words if word not in _GENERIC] or list(words)
        rows = self._rows(_all(words), _MANY) or self._rows(_all(specific), _MANY)
        if rows:
            return rows
        # The last word may be half typed, all others stand as they are meant or with a slip.
        alike = [self._alike(word) for word in specific]
        matches = [f"({' OR '.join(map(_quoted, one))})" for one in alike]
        matches[-1] = f"({matches[-1]} OR {_quoted(specific[-1])}*)"
        rows = self._rows(" AND ".join(matches), _MANY)
        if not rows and len(matches) > 1:
            for left in range(len(matches)):
                rows += self._rows(" AND ".join(one for at, one in enumerate(matches) if at != left), _FEW)
        return rows

    def _alike(self, word: str) -> list[str]:
        """The word, if any place has it; else those that differ by a letter."""
        if self._database.execute("SELECT 1 FROM place_word WHERE term = ?", (word,)).fetchone():
            return [word]
        wanted = sorted(variants(word))
        found = self._database.execute(
            f"SELECT DISTINCT word FROM spelling WHERE variant IN ({','.join('?' * len(wanted))})",  # noqa: S608 - marks
            wanted,
        ).fetchall()
        near = sorted((slips(word, one), one) for (one,) in found)
        return [one for count, one in near if count <= 1][:8] or [word]

    def _rows(self, match: str, most: int) -> list[_Row]:
        rows = self._database.execute(_MATCHING, (match, most))
        return [_Row(*row) for row in rows]


def _understood(text: str) -> _Said:
    """Words, anchor and number of what was said; RT and RW are words of the report, not of a place."""
    text = _RT_RW.sub(" ", text)
    number = _NUMBER.search(text)
    text = _NUMBER.sub(" ", text)
    first, *rest = _NEAR.split(text, maxsplit=1)
    words, near = fold(first).split(), fold(rest[0]).split() if rest else []
    if not words:
        words, near = near, []
    return _Said(tuple(words[:_MOST_WORDS]), tuple(near[:_MOST_WORDS]), number[1].replace(" ", "") if number else "")


def _coordinates(text: str) -> LatLon | None:
    found = _COORDINATES.fullmatch(text)
    if found is None:
        return None
    lat, lon = float(found[1]), float(found[2])
    return (lat, lon) if abs(lat) <= 90 and abs(lon) <= 180 else None


def _score(row: _Row, words: Sequence[str], at: LatLon | None, pull: float) -> float:
    """How likely a row is meant: the whole name, its beginning, the area's words, nearness."""
    have, there = row.folded.split(), row.area_folded.split()
    score = -row.rank + 0.6 * row.weight
    in_order = " ".join(word for word in words if word in have)
    if in_order:
        score += 6 if in_order == row.folded else 3 if row.folded.startswith(in_order) else 0
    score -= 0.4 * max(0, len(have) - len(words))
    score += 1.5 * sum(word in there for word in words)
    return score - pull * math.log1p(_metres((row.lat, row.lon), at) / 1000) if at else score


def _metres(a: LatLon, b: LatLon) -> float:
    return 1000 * _KM * math.hypot(a[0] - b[0], (a[1] - b[1]) * math.cos(math.radians(a[0])))


def _all(words: Sequence[str]) -> str:
    """All words, the last one as far as it is typed."""
    return f"{' AND '.join(map(_quoted, words))}*"


def _phrase(folded: str) -> str:
    return f"folded : {_quoted(folded)}"


def _quoted(word: str) -> str:
    return '"' + word.replace('"', "") + '"'
