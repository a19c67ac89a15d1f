"""Streets by the addresses of reports that are on this computer: what a caller names is found where others were."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Sequence

import msgspec
import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QObject

from console.cache.reader import CacheReader
from console.panels.window_state import WindowState
from console.rules.distance import distance_m
from console.tasks import Tasks

_LOOKED_AT = 200
_OFFERED = 6
_SHORTEST = 3
_FEWER = 2
"""How many words at the end may be a landmark that no address has, beside numbers."""
_NAMING = 12
"""How many words are looked at."""


class Street(msgspec.Struct, frozen=True):
    """A street in an area: the middle of the reports on it, how many there are, and how far the farthest lies."""

    name: str
    area: str | None
    lat: float
    lon: float
    reports: int
    within_m: float


class Streets(QObject):
    """Looks in the cache's index of words, on a worker."""

    def __init__(
        self, window_state: WindowState, tasks: Tasks, reader: Callable[[], CacheReader], parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._window_state, self._tasks, self._reader = window_state, tasks, reader

    def find(self, source: str, text: str, then: Callable[[list[Street]], None]) -> None:
        """Give the streets of a source that the words name: those with all of them in a row first, then those with the
        most reports; [] when none is.
        """
        view, cities = self._window_state.view, self._window_state.cities
        number = cities.source_number(source)
        if view is None or not number or len(text.strip()) < _SHORTEST:
            then([])
            return
        snapshot, reader = view.snapshot, self._reader

        def look() -> list[Street]:
            found, said = _addresses(reader(), text)
            rows, addresses = [row for row, _ in found], [address for _, address in found]
            positions = snapshot.positions(rows)
            placed = (positions >= 0) & (snapshot.column("x")[positions] >= 0)
            placed &= snapshot.column("source")[positions] == number
            at = positions[placed]
            lat, lon = (snapshot.column(name)[at] * 1e-7 for name in ("lat_e7", "lon_e7"))
            areas = [cities.code("area", one) for one in snapshot.column("area")[at].tolist()]
            return streets_of(said, [addresses[one] for one in np.flatnonzero(placed)], areas, lat, lon)

        self._tasks.latest("streets", look, then, lambda _: then([]))


def _addresses(reader: CacheReader, text: str) -> tuple[list[tuple[int, str]], str]:
    """((row, address) of addresses with all the words that name something, the words by which they were found).

    If there are none: with words that differ by a letter; else without the last ones, as the house number may be new.
    A caller's "jalan" or "gang" is written in other ways in an address.
    """
    words, fewer = (_before_landmark(text) or _naming(text))[:_NAMING], 0
    while words and fewer <= _FEWER:
        if found := reader.addresses(" ".join(words), _LOOKED_AT):
            return found, text
        respelled = [reader.respelled(word) or word for word in words]
        if respelled != words and (found := reader.addresses(" ".join(respelled), _LOOKED_AT)):
            return found, " ".join(respelled)
        fewer += not words.pop().isdigit()
    return [], text


def streets_of(
    text: str,
    addresses: Sequence[str],
    areas: Sequence[str | None],
    lat: npt.NDArray[np.float64],
    lon: npt.NDArray[np.float64],
) -> list[Street]:
    """The streets among these addresses that have one of the words, one for each area that they lie in.

    A word that only the area's name has makes no street: "Tebet" is not every street of Tebet, nor is "Tebet III" its
    "Jl. Mawar III".
    """
    wanted = _naming(text)
    groups: dict[tuple[str, str | None], list[int]] = {}
    for at, (address, area) in enumerate(zip(addresses, areas, strict=True)):
        name = _street(address)
        if _is_named(_naming(name), wanted):
            groups.setdefault((name, area), []).append(at)
    found = []
    for (name, area), places in groups.items():
        middle = float(np.median(lat[places])), float(np.median(lon[places]))
        within = max(distance_m(*middle, float(lat[at]), float(lon[at])) for at in places)
        found.append(Street(name, area, *middle, len(places), within))
    phrase = " ".join(word for word in wanted if not word.isdigit())
    return sorted(found, key=lambda one: (phrase not in " ".join(_naming(one.name)), -one.reports, one.name))[:_OFFERED]


def is_named_by(text: str, label: str) -> bool:
    """Whether a street with its area is the one that the words name: it has all of them up to a landmark, but for
    numbers. Else it is only like it, as "Jl. Kebon Baru Utara" for "Kebon Kacang Raya".
    """
    has = _words(label)
    return all(word.isdigit() or any(one.startswith(word) for one in has) for word in _before_landmark(text))


def left_over(text: str, label: str) -> str:
    """What of the words is not in the label, as it was typed: the number, the landmark beside a street's name."""
    has = [*_words(label), *_KINDS - {"no", "rt", "rw"}]
    parts = (part.strip(",") for part in text.split())
    return " ".join(
        part for part in parts if any(not any(one.startswith(word) for one in has) for word in _words(part))
    )


def _is_named(street: Sequence[str], wanted: Sequence[str]) -> bool:
    """Whether words name a street: by its first word, by the first of theirs, or by two that follow one another."""
    return any(
        part.startswith(word) and (k == 0 or n == 0 or street[k - 1].startswith(wanted[n - 1]))
        for k, part in enumerate(street)
        for n, word in enumerate(wanted)
    )


def _naming(text: str) -> list[str]:
    return [word for word in _words(text) if word not in _KINDS]


def _before_landmark(text: str) -> list[str]:
    return list(itertools.takewhile(lambda word: word not in _LANDMARK, _naming(text)))


_KINDS = frozenset({"jl", "jln", "jalan", "gg", "gang", "st", "street", "road", "rd", "no", "rt", "rw"})


_LANDMARK = frozenset(
    {"depan", "dekat", "samping", "belakang", "sebelah", "seberang", "near", "opposite", "behind", "beside"}
)
"""Words behind which a landmark is named."""


def _street(address: str) -> str:
    """The street of an address: what stands before its first comma or bracket, without a number at its end."""
    return re.sub(r"\s+(no\.?\s*)?\d+\w?$", "", re.split(r"[,(]", address)[0].strip(), flags=re.IGNORECASE)


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())
