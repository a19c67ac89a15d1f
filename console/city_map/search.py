"""Find streets, places, landmarks and house numbers by what a caller says, and say what an address a place has.

"jl melati 3 cawang", "gg buntu no 12 rt 03/05", "alfamart dekat stasiun tebet", "perempatan jl melati dan gg kenari".
"""

from __future__ import annotations

import math
import re
import sqlite3
from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import shapely
from numpy.typing import NDArray

from console.city_map.figures import METRES_PER_DEGREE, read_figures
from console.city_map.folding import ALSO, fold
from console.city_map.messages import Address, Exactness, FoundPlace, LatLon
from console.city_map.phrases import Context, Phrase, PlaceWords, Relation, divided, understood
from console.city_map.places import house_cell
from console.city_map.spelling import slips, variants

_AREA_REACH_M = {
    "city": 20_000.0, "town": 8_000.0, "borough": 6_000.0, "suburb": 4_000.0, "district": 3_000.0, "quarter": 1_500.0,
    "village": 1_500.0, "neighbourhood": 1_000.0, "hamlet": 1_000.0, "water": 600.0, "park": 600.0,
}  # fmt: skip
"""How far from its middle something may lie that is said to be in an area of this kind."""
_RUNS = frozenset({"street", "river"})
_GENERIC = frozenset(
    {
        "jalan", "gang", "kelurahan", "kecamatan", "raya", "rua", "avenida", "the", "street", "road", "kali", "sungai",
        "tol", "de", "da", "do", "dos", "das", "dr", "doutor", "ir", "hj",
    }
)  # fmt: skip
_REACH_M: dict[Relation, float] = {"beside": 300.0, "near": 800.0, "in": 300.0, "towards": math.inf}
_STREET_REACH_M: dict[Relation, float] = {"beside": 120.0, "near": 250.0, "in": 80.0, "towards": math.inf}
"""So far from a landmark, or from a street, lies what was said to be beside it, near or in it."""
_MANY, _FEW, _ANCHORS, _LOOKED_AT, _CROSSED = 120, 60, 24, 24, 120
_MATCHING = """
SELECT p.id, p.kind, p.name, p.area, p.lat, p.lon, p.weight, p.folded, p.area_folded, {rank}
FROM place_text JOIN place p ON p.id = place_text.rowid WHERE place_text MATCH ?1 {within}
ORDER BY {order} + ?3 * (abs(p.lat - ?4) + abs(p.lon - ?5)), p.weight DESC LIMIT ?2
"""
_SOME = """
SELECT p.id, p.kind, p.name, p.area, p.lat, p.lon, p.weight, p.folded, p.area_folded, 0.0
FROM (SELECT rowid FROM place_text WHERE place_text MATCH ?1 LIMIT ?2) found JOIN place p ON p.id = found.rowid
"""
"""Without an order, which takes long where nearly every place is to be put into it."""
_RANK = "bm25(place_text, 4.0, 1.0)"
"""A word of the name counts four times one of the area."""
_QUICK_ORDER = "length(p.folded) / 5.0"
_A_DEGREE = 100.0
"""What a degree off counts where many have the words."""
_NUMBERED, _HOUSE = 3.0, 2.0
"""What a street has before a landmark of the same words where a house number was said, and where it has that."""
_WORD = 5.0
"""What each word of the name counts where it is not said how rare it is."""
_PULL, _NEAR_PULL, _TOWARDS_PULL = 1.5, 4.0, 1.0
_LANDMARK_M, _BESIDE_M, _CROSSING_M, _POST_M, _STREET_M = 50.0, 80.0, 25.0, 30.0, 50.0
_MEET_M, _SAME_M = 30.0, 80.0
_HOUSE_OFF_M, _RECKONED_M, _MOST_RECKONED_M = 150.0, 25.0, 600.0
_NUMBERED_ONES = ("house", "reckoned")
_CLEAR = 4.0
"""What is so much less likely than the best is not what was said, though it has all the words."""
_KM_ALIKE, _KM_AROUND = 0.05, 1.05
_KEPT = 64
"""So many of the file's answers are kept, each of _MANY rows at most."""
_BEGUN = 2
"""A word of fewer letters has just been begun."""
_ALIKE_FROM = 8
"""Words of so many letters may have two slips."""


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


class _Candidate(msgspec.Struct, frozen=True):
    """A place that may be meant; `number` is what was said as its house number, `missing` are words it has not."""

    score: float
    row: _Row
    number: str = ""
    missing: tuple[str, ...] = ()
    is_whole: bool = False


class _Anchor(msgspec.Struct, frozen=True):
    """Where a context may be, likeliest first; of a `common` one only those around what is meant are known."""

    relation: Relation
    words: tuple[str, ...]
    candidates: tuple[_Candidate, ...]
    common: bool = False


class _Hit(msgspec.Struct, frozen=True):
    """A candidate with its contexts: the score with them, whether they fit, the one beside or near which it is."""

    score: float
    fits: bool
    candidate: _Candidate
    beside: _Row | None = None


class Gazetteer:
    """The places of one city, read only; for one thread."""

    def __init__(self, path: Path) -> None:
        """`path` is a map's places.db. Raises sqlite3.Error where it cannot be read."""
        self._database = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)
        self._database.execute("PRAGMA trusted_schema = OFF")
        self._plane: _Plane | None = None
        self._asked: OrderedDict[tuple[str, int, LatLon | None, str, bool], list[_Row]] = OrderedDict()
        """What the file was asked last: with each letter that is typed most is asked again."""

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    def find(self, text: str, near: LatLon | None = None, most: int = 8) -> list[FoundPlace]:
        """The places that are likely meant, the likeliest first; of those alike the nearer to `near`.

        Raises sqlite3.Error where the file is damaged.
        """
        if (point := self._figures(text, near)) is not None:
            return [point]
        phrase = understood(text)
        found: list[tuple[float, FoundPlace]] = []
        if phrase.crossed is not None:
            found = self._crossings(phrase, phrase.crossed, near)
        elif phrase.between is not None:
            found = self._stretches(phrase, phrase.between, near)
        elif phrase.km is not None:
            found = self._posts(phrase, phrase.km, near)
        if not found:
            found = self._places(phrase, near, most)
        return _once(_surest(found))[:most]

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

    # Figures

    def _figures(self, text: str, near: LatLon | None) -> FoundPlace | None:
        """A place that is given as figures; a short Plus Code is near the words beside it."""
        figures = read_figures(text, near or self._middle)
        if figures is not None and figures.near_words:
            beside = self.find(figures.near_words, near, 1)
            if beside:
                figures = read_figures(figures.name, (beside[0].lat, beside[0].lon))
        if figures is None:
            return None
        return FoundPlace("point", figures.name, "", *figures.place, "point", within_m=figures.within_m, fits=True)

    @property
    def _middle(self) -> LatLon:
        """The middle of the city."""
        return self._on_plane.middle

    @property
    def _on_plane(self) -> _Plane:
        if self._plane is None:
            (west, south, east, north) = self._database.execute(
                "SELECT west, south, east, north FROM bounds"
            ).fetchone()
            self._plane = _Plane(((south + north) / 2, (west + east) / 2))
        return self._plane

    # Streets, landmarks, areas

    def _places(self, phrase: Phrase, near: LatLon | None, most: int) -> list[tuple[float, FoundPlace]]:
        others = () if phrase.crossed is None else (Context("near", phrase.crossed),)  # they meet nowhere
        meant, contexts = self._divided(phrase.meant, (*others, *phrase.contexts))
        contexts = tuple(one for one in contexts if not _says_nothing_yet(one.place.words))
        unknown: tuple[str, ...] = ()
        while contexts and not self._is_known(meant):
            unknown, meant, contexts = unknown + meant.words, contexts[0].place, contexts[1:]
        anchors = self._anchors(contexts, near)
        left_out = phrase.left_out + ((f"km {phrase.km:g}",) if phrase.km is not None else ()) + unknown
        at, pull = (_first_place(anchors), _NEAR_PULL) if anchors else (near, _PULL)
        candidates = self._candidates(meant, at, pull if not anchors else 0.0, _words_of(anchors))
        hits = self._with_anchors(candidates, anchors)
        if others or unknown:
            hits = [msgspec.structs.replace(hit, fits=False) for hit in hits]
        if phrase.whole:  # what looks like a relation may be a part of the name
            named = self._exact(phrase.whole, "", near, _PULL, ())
            hits += [_Hit(one.score, True, one) for one in named if one.is_whole]
        hits.sort(key=lambda hit: (-hit.score, hit.candidate.row.id))
        if any(hit.fits and hit.candidate.is_whole and not hit.candidate.number for hit in hits):
            hits = [hit if hit.candidate.is_whole else msgspec.structs.replace(hit, fits=False) for hit in hits]
        return [self._placed(hit, phrase.beside, left_out) for hit in hits[: most + most]]

    def _placed(self, hit: _Hit, beside: Relation | None, left_out: tuple[str, ...]) -> tuple[float, FoundPlace]:
        """The candidate as an answer: at the house where its number is known, at the landmark that it is beside."""
        row, candidate, score = hit.candidate.row, hit.candidate, hit.score
        fits = hit.fits and not candidate.missing
        left_out += candidate.missing
        if row.kind == "street" and candidate.number:
            house = self._house(row, candidate.number)
            if house is not None:
                place, within_m, exactness = house
                found = FoundPlace(
                    row.kind, row.name, row.area, *place, exactness, candidate.number, within_m, fits, left_out
                )
                return score + _HOUSE, found
            left_out += (f"no. {candidate.number}",)
        place, within_m, exactness = (row.lat, row.lon), _LANDMARK_M, "landmark"
        if row.kind == "street" and hit.beside is not None:
            place, within_m, exactness = self._part_beside(row, hit.beside)
        elif row.kind in _RUNS:
            within_m, exactness = self._reach_m(row), "street" if row.kind == "street" else "area"
        elif row.kind in _AREA_REACH_M:
            within_m, exactness = _AREA_REACH_M[row.kind], "area"
        elif beside in ("beside", "near"):
            within_m, exactness = _BESIDE_M, "beside"
        found = FoundPlace(
            row.kind, row.name, row.area, *place, exactness, within_m=within_m, fits=fits, left_out=left_out
        )
        return score, found

    def _part_beside(self, row: _Row, landmark: _Row) -> tuple[LatLon, float, Exactness]:
        """The place in a street that is the nearest to a landmark or to another street."""
        street, other = self._geometries([row, landmark])
        nearest = shapely.get_point(shapely.shortest_line(street, other), 0)
        off_m = float(shapely.distance(street, other))
        return self._on_plane.place(nearest), max(_LANDMARK_M, off_m), "stretch"

    def _reach_m(self, row: _Row) -> float:
        """How far the end of a street is from its middle."""
        (line,) = self._geometries([row])
        corners = shapely.get_coordinates(line)
        x, y = self._on_plane.metres((row.lat, row.lon))
        return max(_STREET_M, float(np.hypot(corners[:, 0] - x, corners[:, 1] - y).max()))

    def _house(self, row: _Row, number: str) -> tuple[LatLon, float, Exactness] | None:
        """(where, within how many metres, how exactly) a house is: at its number, or between two that are known."""
        known = self._database.execute(
            "SELECT number, lat, lon FROM house WHERE street = ? LIMIT 5000", (row.folded,)
        ).fetchall()
        if not known:
            return None
        (line,) = self._geometries([row])
        spots = self._on_plane.many([(lat, lon) for _, lat, lon in known])
        # A street of this name may be in several parts of the city.
        off_m = shapely.distance(shapely.points(spots), line)
        here = [at for at in np.argsort(off_m).tolist() if off_m[at] <= _HOUSE_OFF_M]
        for at in here:
            if known[at][0].casefold() == number.casefold():
                return known[at][1:], 0.0, "house"
        wanted = _figure(number)
        numbered = [(figure, at) for at in here if (figure := _figure(known[at][0]))]
        for figure, at in numbered:
            if figure == wanted:  # 12 A stands beside 12
                return known[at][1:], _RECKONED_M, "reckoned"
        side = [one for one in numbered if one[0] % 2 == wanted % 2]
        below = max((one for one in side if one[0] < wanted), default=None)
        above = min((one for one in side if one[0] > wanted), default=None)
        if below is None or above is None:
            return None
        start, end = spots[below[1]], spots[above[1]]
        apart_m = float(np.hypot(*(end - start)))
        if apart_m > _MOST_RECKONED_M:
            return None
        spot = start + (end - start) * (wanted - below[0]) / (above[0] - below[0])
        on_street = shapely.get_point(shapely.shortest_line(line, shapely.points(spot)), 0)
        return self._on_plane.place(on_street), max(_RECKONED_M, apart_m / 2), "reckoned"

    # Crossings, stretches, kilometre posts

    def _crossings(self, phrase: Phrase, crossed: PlaceWords, near: LatLon | None) -> list[tuple[float, FoundPlace]]:
        """Where two streets meet, or a street and a river."""
        meant, contexts = self._divided(phrase.meant, phrase.contexts)
        other, more = self._divided(crossed, ())
        anchors = self._anchors((*contexts, *more), near)
        at = _first_place(anchors) or near
        first, second = (self._runs(words, at, anchors) for words in (meant, other))
        found = self._meetings(_whole(first), _whole(second)) or self._meetings(first, second)
        return [
            (
                hit.score,
                FoundPlace(
                    "crossing", hit.candidate.row.name, hit.candidate.row.area, hit.candidate.row.lat,
                    hit.candidate.row.lon, "crossing", within_m=_CROSSING_M,
                    fits=hit.fits and not hit.candidate.missing, left_out=(*phrase.left_out, *hit.candidate.missing),
                ),
            )
            for hit in self._with_anchors(found, anchors)
        ]  # fmt: skip

    def _meetings(self, first: list[_Candidate], second: list[_Candidate]) -> list[_Candidate]:
        """Where those of one name meet those of another."""
        if not first or not second:
            return []
        first, second = first[:_CROSSED], second[:_CROSSED]
        lines, others = (self._geometries([one.row for one in side]) for side in (first, second))
        found = []
        for one, two in shapely.STRtree(others).query(lines, predicate="dwithin", distance=_MEET_M).T.tolist():
            a, b = first[one], second[two]
            if a.row.name != b.row.name:
                lat, lon = self._on_plane.place(_meeting(lines[one], others[two]))
                name = f"{a.row.name} / {b.row.name}"
                row = msgspec.structs.replace(a.row, kind="crossing", name=name, lat=lat, lon=lon)
                missing = tuple(dict.fromkeys((*a.missing, *b.missing)))
                found.append(_Candidate(a.score + b.score, row, missing=missing))
        return found

    def _runs(self, words: PlaceWords, at: LatLon | None, anchors: Sequence[_Anchor]) -> list[_Candidate]:
        """The streets and rivers that words name."""
        return self._without_number(words, at, _PULL if at else 0.0, _words_of(anchors), _RUNS)

    def _stretches(
        self, phrase: Phrase, ends: tuple[PlaceWords, PlaceWords], near: LatLon | None
    ) -> list[tuple[float, FoundPlace]]:
        """The part of a street between two others, or between two landmarks; without a street the middle of both."""
        anchors = self._anchors(phrase.contexts, near)
        at = _first_place(anchors) or near
        pull = _PULL if at else 0.0
        sides = [_whole(self._without_number(self._divided(one, ())[0], at, pull, ())) for one in ends]
        if not all(sides):
            return []
        shapes = [self._geometries([one.row for one in side[:_LOOKED_AT]]) for side in sides]
        streets = self._runs(phrase.meant, at, anchors)[:_LOOKED_AT] if phrase.meant.words else []
        if not streets:
            return self._middles(phrase, sides, shapes)
        whole: dict[str, list[_Candidate]] = defaultdict(list)
        for one in streets:
            whole[one.row.name].append(one)
        return [self._stretch(phrase, parts, sides, shapes) for parts in whole.values()]

    def _stretch(
        self,
        phrase: Phrase,
        parts: Sequence[_Candidate],
        sides: Sequence[Sequence[_Candidate]],
        shapes: Sequence[NDArray[Any]],
    ) -> tuple[float, FoundPlace]:
        """The part of one street (of which these are the places) between those of both ends that are on it and the
        nearest to each other.
        """
        street = shapely.union_all(self._geometries([one.row for one in parts]))
        off_m = [shapely.distance(street, shape) for shape in shapes]
        # What is not on the street is taken to be where it is the nearest to it.
        there = [np.flatnonzero(off <= max(2 * _MEET_M, off.min())) for off in off_m]
        spots = [
            shapely.get_point(shapely.shortest_line(street, shape[at]), 0)
            for shape, at in zip(shapes, there, strict=True)
        ]
        apart_m = shapely.distance(spots[0][:, None], spots[1][None, :])
        first, second = np.unravel_index(int(np.argmin(apart_m)), apart_m.shape)
        between = shapely.linestrings([_xy(spots[0][first]), _xy(spots[1][second])])
        middle = shapely.line_interpolate_point(between, 0.5, normalized=True)
        place = self._on_plane.place(shapely.get_point(shapely.shortest_line(street, middle), 0))
        ends = [int(at[which]) for at, which in zip(there, (first, second), strict=True)]
        a, b = (side[end] for side, end in zip(sides, ends, strict=True))
        best = min(parts, key=lambda part: _metres((part.row.lat, part.row.lon), place))
        missing = (*best.missing, *a.missing, *b.missing)
        is_on_it = all(off[end] <= _REACH_M["beside"] for off, end in zip(off_m, ends, strict=True))
        within_m = float(apart_m[first, second]) / 2 + _CROSSING_M
        found = FoundPlace(
            "street", f"{best.row.name}: {a.row.name} – {b.row.name}", best.row.area, *place, "stretch",
            within_m=within_m, fits=not missing and is_on_it, left_out=(*phrase.left_out, *missing),
        )  # fmt: skip
        return best.score - within_m / 500, found

    def _middles(
        self, phrase: Phrase, sides: Sequence[Sequence[_Candidate]], shapes: Sequence[NDArray[Any]]
    ) -> list[tuple[float, FoundPlace]]:
        """Between two places: the middle of those of their names that are the nearest to each other."""
        apart = shapely.distance(shapes[0][:, None], shapes[1][None, :])
        one, two = np.unravel_index(int(np.argmin(apart)), apart.shape)
        a, b = sides[0][int(one)], sides[1][int(two)]
        line = shapely.shortest_line(shapes[0][one], shapes[1][two])
        place = self._on_plane.place(shapely.line_interpolate_point(line, 0.5, normalized=True))
        missing = (*a.missing, *b.missing)
        within_m = float(apart[one, two]) / 2 + _LANDMARK_M
        found = FoundPlace(
            "between", f"{a.row.name} – {b.row.name}", a.row.area, *place, "stretch", within_m=within_m,
            fits=not missing, left_out=(*phrase.left_out, *missing),
        )  # fmt: skip
        return [(a.score + b.score, found)]

    def _posts(self, phrase: Phrase, km: float, near: LatLon | None) -> list[tuple[float, FoundPlace]]:
        """Kilometre posts of the roads that are named, or that lead where it was said."""
        rows = self._database.execute(
            "SELECT p.km, p.lat, p.lon, r.id, r.kind, r.name, r.area, r.lat, r.lon, r.weight, r.folded, r.area_folded, "
            "0.0 FROM post p JOIN place r ON r.id = p.road WHERE p.km BETWEEN ? AND ? LIMIT 1000",
            (km - _KM_AROUND, km + _KM_AROUND),
        ).fetchall()
        words = [word for word in phrase.meant.words if word not in _GENERIC]
        known: dict[str, list[tuple[float, LatLon, _Row]]] = defaultdict(list)
        every: dict[str, list[tuple[float, LatLon, _Row]]] = defaultdict(list)
        for at_km, lat, lon, *row in rows:
            road = _Row(*row)
            every[road.name].append((at_km, (lat, lon), road))
            if all(any(_is_like(word, one) for one in road.folded.split()) for word in words):
                known[road.name].append((at_km, (lat, lon), road))
        contexts, is_named = phrase.contexts, True
        if not known and words:  # "tol bandara" leads there, and is called otherwise
            # protects: another-road-is-not-meant
            is_named = "tol" in phrase.meant.words
            contexts = (Context("towards", PlaceWords(tuple(words))), *contexts)
            known = every
        anchors = self._anchors(contexts, near)
        if contexts and not anchors:
            return []
        found = []
        for name, posts in known.items():
            spot = self._post(posts, km)
            if spot is None:
                continue
            place, within_m, road = spot
            candidate = _Candidate(float(road.weight), road)
            (hit,) = self._with_anchors([candidate], anchors)
            away_km = _metres(place, near) / 1000 if near and not anchors else 0.0
            exactness: Exactness = "landmark" if within_m == _POST_M else "reckoned"
            post = FoundPlace(
                "post", f"{name} km {km:g}", road.area, *place, exactness, within_m=within_m,
                fits=hit.fits and is_named, left_out=phrase.left_out + (() if is_named else tuple(words)),
            )  # fmt: skip
            found.append((hit.score - math.log1p(away_km), post))
        best = max((score for score, _ in found), default=0.0)
        # Of those that lead there the nearest to it is meant.
        return [(score, one if score == best else msgspec.structs.replace(one, fits=False)) for score, one in found]

    def _post(self, posts: Sequence[tuple[float, LatLon, _Row]], km: float) -> tuple[LatLon, float, _Row] | None:
        """(where, within how many metres, of which part of the road) a post is, or would be between two."""
        exact = min(posts, key=lambda post: abs(post[0] - km))
        if abs(exact[0] - km) <= _KM_ALIKE:
            return exact[1], _POST_M, exact[2]
        below = max((post for post in posts if post[0] < km), key=lambda post: post[0], default=None)
        above = min((post for post in posts if post[0] > km), key=lambda post: post[0], default=None)
        if below is None or above is None:
            return None
        share = (km - below[0]) / (above[0] - below[0])
        lat, lon = (start + (end - start) * share for start, end in zip(below[1], above[1], strict=True))
        return (lat, lon), max(_RECKONED_M, _metres(below[1], above[1]) / 8), below[2]

    # Contexts

    def _divided(self, place: PlaceWords, contexts: tuple[Context, ...]) -> tuple[PlaceWords, tuple[Context, ...]]:
        """What is meant and all its contexts, where words that no place has together name several."""
        flat: list[Context] = []
        for context in contexts:
            first, more = self._parts(context.place)
            flat += [Context(context.relation, first), *more]
        first, more = self._parts(place)
        return first, (*more, *flat)

    def _parts(self, place: PlaceWords) -> tuple[PlaceWords, tuple[Context, ...]]:
        if not place.breaks or self._is_named(place.words) or (place.last and self._is_named(place.without_number)):
            return place, ()
        return divided(place)

    def _is_named(self, words: Sequence[str]) -> bool:
        specific = [word for word in words if word not in _GENERIC] or list(words)
        found = self._database.execute("SELECT 1 FROM place_text WHERE place_text MATCH ? LIMIT 1", (_all(specific),))
        return found.fetchone() is not None

    def _anchors(self, contexts: Sequence[Context], near: LatLon | None) -> list[_Anchor]:
        """Where the contexts may be: each is near those that were said after it."""
        anchors: list[_Anchor] = []
        for context in reversed(contexts):
            at = _first_place(anchors) or near
            found = self._candidates(context.place, at, _PULL if at else 0.0, _words_of(anchors))
            if context.place.is_area:
                found = [one for one in found if one.row.kind in _AREA_REACH_M] or found
            words = context.place.without_number
            if not found:
                continue
            common = len(found) >= _MANY and not anchors
            if anchors and not common:
                hits = self._with_anchors(found, anchors)
                hits = [hit for hit in hits if hit.fits] or hits
                found = [msgspec.structs.replace(hit.candidate, score=hit.score) for hit in hits]
            anchors.insert(0, _Anchor(context.relation, words, tuple(found[:_ANCHORS]), common))
        return anchors

    def _with_anchors(self, candidates: Sequence[_Candidate], anchors: Sequence[_Anchor]) -> list[_Hit]:
        """The candidates with how they lie to all contexts, best first."""
        if not anchors or not candidates:
            return [_Hit(one.score, True, one) for one in candidates]
        places = np.array([(one.row.lat, one.row.lon) for one in candidates])
        rough = np.array([one.score for one in candidates])
        for anchor in anchors:
            if not anchor.common:
                rough = rough + self._pulled(anchor, _apart_m(places, anchor.candidates)).max(axis=1)
        best = np.argsort(-rough, kind="stable")[:_LOOKED_AT].tolist()
        looked_at = [candidates[at] for at in best]
        shapes = self._geometries([one.row for one in looked_at])
        scores = np.array([one.score for one in looked_at])
        fits = np.ones(len(looked_at), bool)
        beside: list[_Row | None] = [None] * len(looked_at)
        for anchor in anchors:
            around = self._around(anchor, looked_at) if anchor.common else anchor.candidates
            if not around:
                fits[:] = False
                continue
            apart_m = shapely.distance(shapes[:, None], self._geometries([one.row for one in around])[None, :])
            pulled = self._pulled(anchor, apart_m, around)
            nearest = pulled.argmax(axis=1)
            scores = scores + pulled.max(axis=1)
            reach_m = np.array([_reach_of(one, anchor.relation) for one in around])
            is_in_reach = (apart_m <= reach_m).any(axis=1).tolist()
            is_inside = [set(anchor.words).issubset(one.row.area_folded.split()) for one in looked_at]
            if anchor.relation != "in" or not any(is_inside):
                is_inside = [one or other for one, other in zip(is_inside, is_in_reach, strict=True)]
            for at, which in enumerate(nearest.tolist()):
                row = around[which].row
                fits[at] &= is_inside[at]
                is_beside = anchor.relation in ("beside", "near") and row.kind not in _AREA_REACH_M
                if beside[at] is None and is_beside and apart_m[at, which] <= _REACH_M["beside"]:
                    beside[at] = row
        hits = [
            _Hit(score, fit, one, row)
            for score, fit, one, row in zip(scores.tolist(), fits.tolist(), looked_at, beside, strict=True)
        ]
        return sorted(hits, key=lambda hit: (-hit.score, hit.candidate.row.id))

    def _pulled(
        self, anchor: _Anchor, apart_m: NDArray[Any], around: Sequence[_Candidate] | None = None
    ) -> NDArray[Any]:
        """What each anchor's candidate adds to what is meant, by how far it is and how likely it is itself."""
        pull = _TOWARDS_PULL if anchor.relation == "towards" else _NEAR_PULL
        scores = np.array([one.score for one in around or anchor.candidates])
        return np.asarray(-pull * np.log1p(apart_m / 1000) - 0.5 * (scores.max() - scores)[None, :])

    def _around(self, anchor: _Anchor, candidates: Sequence[_Candidate]) -> tuple[_Candidate, ...]:
        """Those of a common context that lie around what may be meant."""
        up = 2 * _REACH_M["near"] / METRES_PER_DEGREE
        boxes = [(one.row.lat - up, one.row.lat + up, one.row.lon - up, one.row.lon + up) for one in candidates[:8]]
        within = " OR ".join(
            f"(p.lat BETWEEN {south!r} AND {north!r} AND p.lon BETWEEN {west!r} AND {east!r})"
            for south, north, west, east in boxes
        )
        rows = self._rows(_all(anchor.words), _MANY, within=f"AND ({within})")
        return tuple(_Candidate(0.0, row) for row in rows)

    # Words

    def _is_known(self, place: PlaceWords) -> bool:
        """Whether `_candidates` has any for the words."""
        if place.words and self._is_named(place.words):
            return True
        return bool(self._candidates(place, None, 0.0, ()))

    def _candidates(
        self, place: PlaceWords, at: LatLon | None, pull: float, area_words: tuple[str, ...]
    ) -> list[_Candidate]:
        """What words may name, likeliest first: all words; else spelled otherwise; else with all but one."""
        if not place.words:
            return []
        found = self._exact(place.words, "" if place.last else place.number, at, pull, area_words)
        if place.last:
            named = {one.row.id for one in found}
            numbered = self._exact(place.without_number, place.number, at, pull, area_words)
            found += [one for one in numbered if one.row.id not in named]
        if not found:
            words, number = place.without_number, place.number
            rows = self._forgiving(words, at)
            said = _Said(words, area_words)
            found = [said.scored(row, at, pull, number, missing) for row, missing in rows]
        return sorted(found, key=_by_score)

    def _without_number(
        self,
        place: PlaceWords,
        at: LatLon | None,
        pull: float,
        area_words: tuple[str, ...],
        kinds: frozenset[str] | None = None,
    ) -> list[_Candidate]:
        """Those of `_candidates`, and of these kinds, of which a figure is a part of the name, where there are any.

        At a crossing it is no house number.
        """

        def is_one(found: _Candidate) -> bool:
            return kinds is None or found.row.kind in kinds

        if place.last:
            named = filter(is_one, self._exact(place.words, "", at, pull, area_words))
            if known := sorted(named, key=_by_score):
                return known
        every = list(filter(is_one, self._candidates(place, at, pull, area_words)))
        return [one for one in every if not one.number] or every

    def _exact(
        self, words: Sequence[str], number: str, at: LatLon | None, pull: float, area_words: tuple[str, ...]
    ) -> list[_Candidate]:
        """Rows with all words; else without the general ones."""
        specific = [word for word in words if word not in _GENERIC] or list(words)
        # Of a word that has just been begun too many have it for any of those to be meant.
        is_begun = len(specific[-1]) < _BEGUN and specific[-1].isalpha()
        if _says_nothing_yet(words):
            rows = self._some(_all(words))
        else:
            rows = self._rows(_all(words if is_begun else specific), _MANY, at)
        if len(specific) < len(words):
            general = frozenset(words) - frozenset(specific)
            # Those that nearly every place has are looked for in what was found: an index of them costs most.
            with_all = [row for row in rows if general.issubset(row.folded.split() + row.area_folded.split())]
            if not with_all and len(rows) >= _MANY:
                with_all = self._rows(_all(words), _MANY, at)
            rows = with_all or rows
        said = _Said(words, area_words)
        return [said.scored(row, at, pull, number) for row in rows]

    def _forgiving(self, words: Sequence[str], at: LatLon | None) -> list[tuple[_Row, tuple[str, ...]]]:
        """(row, words that it has not): with words that are cut short or have a slip; else with all words but one."""
        specific = [word for word in words if word not in _GENERIC] or list(words)
        short = " AND ".join(_either(word, prefix=len(word) > 2) for word in specific)
        if rows := self._rows(short, _MANY, at):
            return [(row, ()) for row in rows]
        # The last word may be half typed, all others stand as they are meant or with a slip.
        matches = [f"({' OR '.join(map(_either, self._alike(word)))})" for word in specific]
        matches[-1] = f"({matches[-1]} OR {_quoted(specific[-1])}*)"
        if rows := self._rows(" AND ".join(matches), _MANY, at):
            return [(row, ()) for row in rows]
        if len(words) > 1 and (rows := self._rows(f"{_quoted(''.join(words))}*", _MANY, at)):
            return [(row, ()) for row in rows]  # written as one word
        found: list[tuple[_Row, tuple[str, ...]]] = []
        if len(matches) > 1:
            for left, word in enumerate(specific):
                kept = [at_ for at_ in range(len(specific)) if at_ != left]
                if all(specific[at_] in _GENERIC for at_ in kept):
                    continue  # what nearly every place has names none, and takes the longest to look for
                others = " AND ".join(matches[at_] for at_ in kept)
                found += [(row, (word,)) for row in self._rows(others, _FEW, at, ranked=True)]
        return found

    def _alike(self, word: str) -> list[str]:
        """The word, and those that differ from it by a letter, long ones by two."""
        wanted = sorted(variants(word))
        found = self._database.execute(
            f"SELECT DISTINCT word FROM spelling WHERE variant IN ({','.join('?' * len(wanted))})",  # noqa: S608 - marks
            wanted,
        ).fetchall()
        most = 2 if len(word) >= _ALIKE_FROM else 1
        near = sorted((count, one) for (one,) in found if 0 < (count := slips(word, one)) <= most)
        return [word, *(one for _, one in near[:8])]

    def _rows(
        self, match: str, most: int, at: LatLon | None = None, *, within: str = "", ranked: bool = False
    ) -> list[_Row]:
        """`within` is a condition on p of our own making. `ranked` says how rare the words are that each row has: it
        takes long, and where all rows have all words it tells nothing.
        """
        key = (match, most, at, within, ranked)
        if key in self._asked:
            self._asked.move_to_end(key)
        else:
            lat, lon = at or (0.0, 0.0)
            rank, order = (_RANK, _RANK) if ranked else ("0.0", _QUICK_ORDER)
            sql = _MATCHING.format(within=within, rank=rank, order=order)
            values = (match, most, _A_DEGREE if at else 0.0, lat, lon)
            self._asked[key] = [_Row(*row) for row in self._database.execute(sql, values)]
            if len(self._asked) > _KEPT:
                self._asked.popitem(last=False)
        return self._asked[key]

    def _some(self, match: str) -> list[_Row]:
        """Any of the many places that have words which tell nothing."""
        return [_Row(*row) for row in self._database.execute(_SOME, (match, _MANY))]

    def _geometries(self, rows: Sequence[_Row]) -> NDArray[Any]:
        """Where rows are, in metres: a line, or the point of what runs nowhere."""
        shapes = shapely.points(self._on_plane.many([(row.lat, row.lon) for row in rows]))
        run = {row.id: at for at, row in enumerate(rows) if row.kind in _RUNS}
        if run:
            lines = self._database.execute(
                f"SELECT place, wkb FROM line WHERE place IN ({','.join(map(str, run))})"  # noqa: S608 - numbers
            ).fetchall()
            if lines:
                drawn = self._on_plane.shapes(shapely.from_wkb(np.array([wkb for _, wkb in lines], object)))
                for (id_, _), line in zip(lines, drawn, strict=True):
                    shapes[run[id_]] = line
        return np.asarray(shapes)


class _Plane:
    """Metres east and north of the middle of a city."""

    def __init__(self, middle: LatLon) -> None:
        self.middle = middle
        self._scale = np.array([METRES_PER_DEGREE * math.cos(math.radians(middle[0])), METRES_PER_DEGREE])
        self._origin = np.array([middle[1], middle[0]])

    def metres(self, place: LatLon) -> tuple[float, float]:
        """Of one place."""
        x, y = self.many([place])[0].tolist()
        return x, y

    def many(self, places: Sequence[LatLon]) -> NDArray[np.float64]:
        """Of places (lat, lon)."""
        degrees = np.array(places, dtype=np.float64).reshape(-1, 2)[:, ::-1]
        return np.asarray((degrees - self._origin) * self._scale, dtype=np.float64)

    def shapes(self, shapes: NDArray[Any]) -> NDArray[Any]:
        """Of shapes in degrees."""
        return np.asarray(shapely.transform(shapes, lambda degrees: (degrees - self._origin) * self._scale))

    def place(self, point: Any) -> LatLon:
        """(lat, lon) of a point in metres."""
        lon, lat = (np.array(_xy(point)) / self._scale + self._origin).tolist()
        return lat, lon


class _Said:
    """What was said for one place, to be held against rows: hundreds of them have the same name."""

    def __init__(self, words: Sequence[str], area_words: Iterable[str]) -> None:
        self._words = words
        self._in_area = (*words, *area_words)
        self._others = not ALSO.keys().isdisjoint(words)
        self._known: dict[tuple[str, bool], tuple[float, bool]] = {}
        self._areas: dict[str, float] = {}

    def scored(
        self, row: _Row, at: LatLon | None, pull: float, number: str = "", missing: tuple[str, ...] = ()
    ) -> _Candidate:
        """How likely a row is meant: the whole name, its beginning, the area's words, nearness."""
        key = (row.folded, not row.rank)
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = self._of_name(*key)
        of_area = self._areas.get(row.area_folded)
        if of_area is None:
            there = row.area_folded.split()
            of_area = self._areas[row.area_folded] = 1.5 * sum(word in there for word in self._in_area)
        of_name, is_whole = known
        score = of_name + of_area + 0.6 * row.weight - row.rank
        score += _NUMBERED if number and row.kind == "street" else 0
        if at and pull:
            score -= pull * math.log1p(_metres((row.lat, row.lon), at) / 1000)
        return _Candidate(score, row, number, missing, is_whole)

    def _of_name(self, folded: str, each_counts: bool) -> tuple[float, bool]:
        """What the words of a name make it worth, and whether it is all of what was said."""
        have, words, score = folded.split(), self._words, 0.0
        meant = words
        if self._others:
            meant = [next((one for one in (word, *ALSO.get(word, ())) if one in have), word) for word in words]
        in_order = " ".join(word for word in meant if word in have)
        is_whole = bool(in_order) and _bare(in_order) == _bare(folded)
        if in_order:
            score += 6 if in_order == folded else 5.5 if is_whole else 3 if folded.startswith(in_order) else 0
        if each_counts:
            score += _WORD * sum(word in have for word in meant)
        return score - 0.4 * max(0, len(have) - len(words)), is_whole


def _by_score(one: _Candidate) -> tuple[float, int]:
    """Likelier ones first."""
    return -one.score, one.row.id


def _bare(folded: str) -> str:
    """A name without the words that nearly every name has."""
    words = folded.split()
    return " ".join([word for word in words if word not in _GENERIC] or words)


def _surest(found: list[tuple[float, FoundPlace]]) -> list[tuple[float, FoundPlace]]:
    """Where some have the house number that was said, or lie at the landmark, the others fit no more, nor do those that
    fit far less well.
    """
    has_house = any(one.fits and one.exactness in _NUMBERED_ONES for _, one in found)
    has_part = any(one.fits and one.exactness == "stretch" for _, one in found)
    best = max((score for score, one in found if one.fits), default=0.0)

    def is_meant(score: float, one: FoundPlace) -> bool:
        is_numbered = one.exactness in _NUMBERED_ONES or not has_house
        return score > best - _CLEAR and is_numbered and not (has_part and one.exactness == "street")

    return [(score, one if is_meant(score, one) else msgspec.structs.replace(one, fits=False)) for score, one in found]


def _once(found: list[tuple[float, FoundPlace]]) -> list[FoundPlace]:
    """What fits first, then the best; what has one name at one place stands once."""
    best: list[FoundPlace] = []
    for _, one in sorted(found, key=lambda pair: (not pair[1].fits, -pair[0])):
        place = (one.lat, one.lon)
        if not any(one.name == other.name and _metres(place, (other.lat, other.lon)) < _SAME_M for other in best):
            best.append(one)
    return best


def _reach_of(candidate: _Candidate, relation: Relation) -> float:
    """How far from it something may lie, in metres; none does where it is not what was said."""
    if candidate.missing:
        return -1.0
    kind = candidate.row.kind
    return _AREA_REACH_M.get(kind, (_STREET_REACH_M if kind in _RUNS else _REACH_M)[relation])


def _whole(found: list[_Candidate]) -> list[_Candidate]:
    """Those that have the name as it was said, where there are any."""
    return [one for one in found if one.is_whole] or found


def _first_place(anchors: Sequence[_Anchor]) -> LatLon | None:
    """Where the first context that is not common likely is."""
    rows = [anchor.candidates[0].row for anchor in anchors if not anchor.common]
    return (rows[0].lat, rows[0].lon) if rows else None


def _words_of(anchors: Sequence[_Anchor]) -> tuple[str, ...]:
    """The words for the parts of the city in which something is said to be."""
    inside = (one for one in anchors if one.relation == "in" or one.candidates[0].row.kind in _AREA_REACH_M)
    return tuple(dict.fromkeys(word for anchor in inside for word in anchor.words))


def _apart_m(places: NDArray[Any], candidates: Sequence[_Candidate]) -> NDArray[Any]:
    others = np.array([(one.row.lat, one.row.lon) for one in candidates])
    up = places[:, None, 0] - others[None, :, 0]
    across = (places[:, None, 1] - others[None, :, 1]) * np.cos(np.radians(others[None, :, 0]))
    return np.asarray(METRES_PER_DEGREE * np.hypot(up, across))


def _meeting(one: Any, two: Any) -> Any:
    """Where two lines meet, or are the nearest to each other."""
    shared = shapely.intersection(one, two)
    if not shapely.is_empty(shared):
        return shapely.point_on_surface(shared)
    return shapely.line_interpolate_point(shapely.shortest_line(one, two), 0.5, normalized=True)


def _xy(point: Any) -> tuple[float, float]:
    return float(shapely.get_x(point)), float(shapely.get_y(point))


def _figure(number: str) -> int:
    """The figure that a house number begins with; 0 for none."""
    found = re.match(r"\d{1,6}", number)
    return int(found[0]) if found is not None else 0


def _is_like(word: str, other: str) -> bool:
    return other.startswith(word) or (len(word) > 3 and slips(word, other) <= 1)


def _metres(a: LatLon, b: LatLon) -> float:
    return METRES_PER_DEGREE * math.hypot(a[0] - b[0], (a[1] - b[1]) * math.cos(math.radians(a[0])))


def _says_nothing_yet(words: Sequence[str]) -> bool:
    """Whether the words are general ones that nearly every place has, or the last may still become one.

    Example: "Jl. Semeru dekat Ga" while "Gang" is typed.
    """
    if not words:
        return False
    *before, last = words
    return _GENERIC.issuperset(before) and any(one.startswith(last) for one in _GENERIC)


def _all(words: Sequence[str]) -> str:
    """All words, the last one as far as it is typed."""
    *before, last = words
    return " AND ".join([*map(_either, before), _either(last, prefix=True)])


def _either(word: str, *, prefix: bool = False) -> str:
    """The word, or what it may mean too."""
    star = "*" if prefix else ""
    options = [f"{_quoted(word)}{star}", *map(_quoted, ALSO.get(word, ()))]
    return options[0] if len(options) == 1 else f"({' OR '.join(options)})"


def _phrase(folded: str) -> str:
    return f"folded : {_quoted(folded)}"


def _quoted(word: str) -> str:
    return '"' + word.replace('"', "") + '"'
