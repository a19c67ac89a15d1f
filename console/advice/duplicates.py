"""Which other reports may be about the same thing: near, of the same kind, opened around the same time; and what is
known already of the place from which somebody calls.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from api_client.model import Service
from console.rules.place import NO_PLACE
from console.rules.report import HAZARD
from console.rules.status import ORDER, is_open

RADIUS_M, WIDE_RADIUS_M = 100.0, 300.0
WINDOW_S, LONG_WINDOW_S = 24 * 3600, 30 * 86400
WIDE = frozenset({"flood", "tree", "traffic"})
"""Kinds (a service's glyph or group) that reach further than a spot."""

LONG = frozenset({"road", "lamp"})
"""Kinds that people report again for weeks, until they are mended."""

_MOST_COMPARED = 200
_LEFT_FOR_HAZARDS = 2
"""So many rows of a short list are left for the P1s of other kinds."""
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


def reach_of(service: Service | None) -> tuple[float, float]:
    """How far (metres) and for how long (seconds) reports of a service may be about the same matter."""
    kinds = {service.glyph, service.group} if service else set()
    return WIDE_RADIUS_M if kinds & WIDE else RADIUS_M, LONG_WINDOW_S if kinds & LONG else WINDOW_S


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
    radius, window = reach_of(catalog.services.get(service or ""))
    near, away = board.around(*place, radius + within_m)
    apart = np.abs(board.column("created")[near] - opened_s)
    fits = (
        (apart <= window)
        & (board.column("merged")[near] == 0)
        & np.isin(board.column("service")[near], np.array(_group(service, catalog), np.int64))
        & (near != own)
    )
    around = _Around(board, near[fits], away[fits], now_s, within_m).first()
    asked = [*around.rows, report] if isinstance(report, int) else around.rows
    words = {one.row: _words(f"{one.title} {one.description}") for one in texts(asked)}
    mine = _words(report.text) if isinstance(report, Spot) else words.get(report) or _words(text)
    return around.ranked(mine, words, _number(service, catalog), opened_s, radius + within_m, window)


def earlier_reports(
    board: Board,
    spot: Spot,
    now_s: int,
    *,
    source: int,
    catalog: Vocabulary,
    texts: Callable[[Sequence[int]], Sequence[ReportTexts]],
    most: int,
    within_m: float = 0.0,
) -> list[Duplicate]:
    """What is known already of a place of the source with this number: what may be the same matter as what is being
    written, and every open P1 within 300 m, of whatever kind.

    As far and as long ago as for possible duplicates, but an open report counts however old it is, and a closed one by
    when it was changed last. While no category is chosen, every one counts. The first `most` are those to be shown: the
    P1s of this kind, the others by likeness, and, with room for two, the P1s of other kinds.
    """
    radius, window = reach_of(catalog.services.get(spot.service or ""))
    near, away = board.around(spot.lat, spot.lon, max(radius, WIDE_RADIUS_M) + within_m)
    here = (board.column("source")[near] == source) & (board.column("merged")[near] == 0)
    near, away = near[here], away[here]
    is_now_open = np.isin(board.column("status")[near], _OPEN)
    lately = now_s - np.maximum(board.column("created")[near], board.column("updated")[near]) <= window
    same = (away <= radius + within_m) & (is_now_open | lately)
    if spot.service:
        same &= np.isin(board.column("service")[near], np.array(_group(spot.service, catalog), np.int64))
    hazard = is_now_open & (board.column("priority")[near] == HAZARD)
    number, around = _number(spot.service, catalog), _Around(board, near[same], away[same], now_s, within_m).first()
    words = {one.row: _words(f"{one.title} {one.description}") for one in texts(around.rows)}
    found = around.ranked(_words(spot.text), words, number, now_s, radius + within_m, window)
    urgent = set(board.column("row")[near[hazard]].tolist())
    found.sort(key=lambda one: one.row not in urgent)
    others = _Around(board, near[hazard & ~same], away[hazard & ~same], now_s, within_m).first().plain()
    room = max(most - len(others), most - _LEFT_FOR_HAZARDS)
    shown = [*found[:room], *others[: most - min(room, len(found))]]
    return [*shown, *found[room:], *others[most - min(room, len(found)) :]]


class _Around:
    """Reports around a place: their positions on the board and their distances in metres, nearest first."""

    def __init__(
        self, board: Board, near: NDArray[np.int64], away: NDArray[np.float64], now_s: int, within_m: float
    ) -> None:
        self._board, self._near, self._away, self._now_s, self._within_m = board, near, away, now_s, within_m

    def first(self) -> _Around:
        """The nearest of them, of which the words are compared."""
        near, away = self._near[:_MOST_COMPARED], self._away[:_MOST_COMPARED]
        return _Around(self._board, near, away, self._now_s, self._within_m)

    @property
    def rows(self) -> list[int]:
        """Their local rows."""
        return [int(row) for row in self._board.column("row")[self._near]]

    def ranked(
        self,
        mine: frozenset[str],
        words: Mapping[int, frozenset[str]],
        number: int,
        opened_s: int,
        radius: float,
        window: float,
    ) -> list[Duplicate]:
        """The likeliest first, by distance, time and words shared with `mine`; `number` is that of the category."""
        rows, apart = self.rows, np.abs(self._board.column("created")[self._near] - opened_s)
        shares = [_shared(mine, words.get(row, frozenset())) for row in rows]
        spent = np.minimum(1.0, apart / window)
        scores = 0.4 * self._away / radius + 0.3 * spent + 0.3 * (1 - np.array(shares, np.float64))
        same = self._board.column("service")[self._near] == number
        return [
            self._duplicate(
                index,
                same_words=shares[index] > 0,
                likeness=_likeness(words=shares[index] > 0, category=bool(same[index])),
            )
            for index in np.argsort(scores, kind="stable").tolist()
        ]

    def plain(self) -> list[Duplicate]:
        """The nearest first: of other kinds, and here because they are P1."""
        return [self._duplicate(index, same_words=False, likeness="P1 near") for index in range(len(self._near))]

    def _duplicate(self, index: int, *, same_words: bool, likeness: str) -> Duplicate:
        at = self._near[index]
        closed = not is_open(ORDER[int(self._board.column("status")[at])])
        return Duplicate(
            row=int(self._board.column("row")[at]),
            distance_m=float(self._away[index]),
            age_s=max(0, self._now_s - int(self._board.column("created")[at])),
            same_words=same_words,
            reasons=(likeness, "closed") if closed else (likeness,),
            within_m=self._within_m,
        )


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


def _likeness(*, words: bool, category: bool) -> str:
    return "same words" if words else "same category" if category else "same kind"


_OPEN = np.array([index for index, status in enumerate(ORDER) if is_open(status)], np.int64)
