"""Which other reports may be about the same thing: near, of the same kind, opened around the same time."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from api_client.model import Service
from console.rules.place import NO_PLACE
from console.rules.status import ORDER, is_open

RADIUS_M, WIDE_RADIUS_M = 100.0, 300.0
WINDOW_S, LONG_WINDOW_S = 24 * 3600, 30 * 86400
WIDE = frozenset({"flood", "tree", "traffic"})
"""Kinds (a service's glyph or group) that reach further than a spot."""

LONG = frozenset({"road", "lamp"})
"""Kinds that people report again for weeks, until they are mended."""

_MOST_COMPARED = 200
_WORD = re.compile(r"[^\W\d_]{4,}")


class Board(Protocol):
    """What is needed of a board snapshot."""

    def column(self, name: str) -> NDArray[Any]:
        """A column by position."""

    def positions(self, rows: Sequence[int]) -> NDArray[np.int64]:
        """Positions of rows, -1 for unknown ones."""

    def around(self, lat: float, lon: float, radius_m: float) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Positions and distances within a radius, nearest first."""


class Vocabulary(Protocol):
    """The city's categories, by code, and the numbers that stand for the codes in columns."""

    @property
    def services(self) -> Mapping[str, Service]:
        """Code -> category."""

    @property
    def words(self) -> Mapping[str, Mapping[int, str]]:
        """Kind -> {number: code}."""


class ReportTexts(Protocol):
    """The texts of one report."""

    @property
    def row(self) -> int:
        """Its local row."""

    @property
    def title(self) -> str:
        """Its title, possibly empty."""

    @property
    def description(self) -> str:
        """The citizen's words."""


class Spot(msgspec.Struct, frozen=True):
    """A report that is still being written."""

    lat: float
    lon: float
    service: str | None
    text: str = ""


class Duplicate(msgspec.Struct, frozen=True):
    """A report that may be about the same. `age_s` is how long ago it was opened.

    `distance_m` is that from the point of the other, which itself may be `within_m` off.
    """

    row: int
    distance_m: float
    age_s: int
    same_words: bool
    reasons: tuple[str, ...]
    within_m: float = 0.0


def possible_duplicates(
    board: Board,
    report: int | Spot,
    now_s: int,
    *,
    catalog: Vocabulary,
    texts: Callable[[Sequence[int]], Sequence[ReportTexts]],
    text: str = "",
    within_m: float = 0.0,
) -> list[Duplicate]:
    """Possible duplicates of a row or of what is being written, the likeliest first; merged reports are left out.

    Same service group (same service where a city has no groups), within 100 m (flood, fallen tree, traffic 300 m),
    opened within 24 h of it (road, lamp 30 d); ranked by distance, time and shared words. `texts` gives the words of
    rows; `text` is the report's own where `texts` does not know it yet. Its point may be `within_m` off, and so much
    farther is looked.
    """
    found = _subject(board, report, now_s, catalog)
    if found is None:
        return []
    place, service, opened_s, own = found
    group = catalog.services.get(service or "")
    kinds = {group.glyph, group.group} if group else set()
    radius = (WIDE_RADIUS_M if kinds & WIDE else RADIUS_M) + within_m
    window = LONG_WINDOW_S if kinds & LONG else WINDOW_S
    near, away = board.around(*place, radius)
    apart = np.abs(board.column("created")[near] - opened_s)
    numbers = np.array(_group(service, catalog), np.int64)
    fits = (
        (apart <= window)
        & (board.column("merged")[near] == 0)
        & np.isin(board.column("service")[near], numbers)
        & (near != own)
    )
    near, away, apart = near[fits][:_MOST_COMPARED], away[fits][:_MOST_COMPARED], apart[fits][:_MOST_COMPARED]
    rows = [int(row) for row in board.column("row")[near]]
    asked = [*rows, report] if isinstance(report, int) else rows
    words = {one.row: _words(f"{one.title} {one.description}") for one in texts(asked)}
    mine = _words(report.text) if isinstance(report, Spot) else words.get(report) or _words(text)
    shares = [_shared(mine, words.get(row, frozenset())) for row in rows]
    scores = 0.4 * away / radius + 0.3 * apart / window + 0.3 * (1 - np.array(shares, np.float64))
    same = board.column("service")[near] == _number(service, catalog)
    closed = [not is_open(ORDER[status]) for status in board.column("status")[near].tolist()]
    created = board.column("created")[near].tolist()
    return [
        Duplicate(
            row=rows[index],
            distance_m=float(away[index]),
            age_s=max(0, now_s - created[index]),
            same_words=shares[index] > 0,
            reasons=_reasons(words=shares[index] > 0, category=bool(same[index]), closed=closed[index]),
            within_m=within_m,
        )
        for index in np.argsort(scores, kind="stable").tolist()
    ]


def _subject(
    board: Board, report: int | Spot, now_s: int, catalog: Vocabulary
) -> tuple[tuple[float, float], str | None, int, int] | None:
    """((lat, lon), service code, when it was opened, its own position or -1); None for a report without a place."""
    if isinstance(report, Spot):
        return (report.lat, report.lon), report.service, now_s, -1
    position = int(board.positions([report])[0])
    if position < 0 or int(board.column("lat_e7")[position]) == NO_PLACE:
        return None
    place = board.column("lat_e7")[position] / 1e7, board.column("lon_e7")[position] / 1e7
    service = catalog.words.get("service", {}).get(int(board.column("service")[position]))
    return place, service, int(board.column("created")[position]), position


def _number(service: str | None, catalog: Vocabulary) -> int:
    table = catalog.words.get("service", {})
    return next((number for number, code in table.items() if code == service), 0)


def _group(service: str | None, catalog: Vocabulary) -> list[int]:
    """The numbers of all services that may hide a duplicate of this one."""
    known = catalog.services.get(service or "")
    if known is None or not known.group:
        return [_number(service, catalog)]
    fellows = {code for code, other in catalog.services.items() if other.group == known.group}
    return [number for number, code in catalog.words.get("service", {}).items() if code in fellows]


def _words(text: str) -> frozenset[str]:
    return frozenset(_WORD.findall(text.casefold()))


def _shared(mine: frozenset[str], other: frozenset[str]) -> float:
    """The share of common words, 0 when fewer than two are common or they are too small a part."""
    common = len(mine & other)
    if common < 2:
        return 0.0
    share = common / min(len(mine), len(other))
    return share if share >= 0.3 else 0.0


def _reasons(*, words: bool, category: bool, closed: bool) -> tuple[str, ...]:
    likeness = "same words" if words else "same category" if category else "same kind"
    return (likeness, "closed") if closed else (likeness,)
