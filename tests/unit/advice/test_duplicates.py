"""Possible duplicates: as far and as long ago as the kind of report allows, the likeliest first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np

from api_client.model import Service
from console.advice.duplicates import Duplicate, Spot, earlier_reports, possible_duplicates
from console.board.snapshot import NO_PLACE, BoardSnapshot
from console.panels.report.recommendations import distance_of
from tests.unit.board import naive
from tests.unit.board.naive import NOW, R

LAT, LON = -6.2, 106.8
HOUR, DAY = 3600, 86400


class Text(msgspec.Struct, frozen=True):
    row: int
    title: str
    description: str


class Catalog(msgspec.Struct, frozen=True):
    services: dict[str, Service]
    words: dict[str, dict[int, str]]


CATALOG = Catalog(
    {
        "flood": Service("flood", "Flood", group="water", glyph="flood"),
        "drain": Service("drain", "Drain", group="water", glyph="drain"),
        "lamp": Service("lamp", "Lamp", group="light", glyph="lamp"),
        "litter": Service("litter", "Litter", glyph="garbage"),
        "noise": Service("noise", "Noise"),
    },
    {"service": {1: "flood", 2: "drain", 3: "lamp", 4: "litter", 5: "noise"}},
)


def at(row: int, metres: float, hours_ago: float, service: int, **values: Any) -> R:
    return R(
        row=row,
        lat_e7=round((LAT + metres / 111_195) * 1e7),
        lon_e7=round(LON * 1e7),
        service=service,
        created=NOW - round(hours_ago * HOUR),
        **values,
    )


def ask(reports: list[R], subject: int | Spot, texts: dict[int, str] | None = None) -> list[Duplicate]:
    known = texts or {}

    def read(rows: Sequence[int]) -> list[Text]:
        return [Text(row, "", known[row]) for row in rows if row in known]

    return possible_duplicates(BoardSnapshot.build(naive.columns(reports)), subject, NOW, catalog=CATALOG, texts=read)


def rows(found: list[Duplicate]) -> list[int]:
    return [one.row for one in found]


def test_how_far_depends_on_the_kind() -> None:
    others = [at(1001, 95, 1, 4), at(1002, 105, 1, 4), at(1003, 95, 1, 5)]
    assert rows(ask([at(1000, 0, 0, 4), *others], 1000)) == [1001]
    floods = [at(1001, 290, 1, 1), at(1002, 310, 1, 1), at(1003, 290, 1, 2)]
    assert set(rows(ask([at(1000, 0, 0, 1), *floods], 1000))) == {1001, 1003}


def test_how_long_depends_on_the_kind() -> None:
    litter = [at(1001, 10, 23, 4), at(1002, 10, 25, 4)]
    assert rows(ask([at(1000, 0, 0, 4), *litter], 1000)) == [1001]
    lamps = [at(1001, 10, 29 * 24, 3), at(1002, 10, 31 * 24, 3)]
    assert rows(ask([at(1000, 0, 0, 3), *lamps], 1000)) == [1001]
    # The time between the two counts, not how long ago they were.
    old = [at(1000, 0, 100, 4), at(1001, 10, 110, 4), at(1002, 10, 1, 4)]
    found = ask(old, 1000)
    assert rows(found) == [1001]
    assert found[0].age_s == 110 * HOUR


def test_merged_ones_and_itself_are_left_out_closed_ones_are_marked() -> None:
    reports = [at(1000, 0, 0, 4), at(1001, 5, 1, 4, merged=1, status=7), at(1002, 5, 1, 4, status=6)]
    found = ask(reports, 1000)
    assert rows(found) == [1002]
    assert found[0].reasons == ("same category", "closed")


def test_shared_words_bring_a_farther_one_before_a_nearer_one() -> None:
    reports = [at(1000, 0, 0, 1), at(1001, 60, 2, 1), at(1002, 90, 2, 2), at(1003, 60, 2, 2)]
    texts = {
        1000: "Air meluap ke jalan, saluran tersumbat",
        1001: "Banjir di depan rumah saya",
        1002: "saluran PHB tersumbat, air meluap",
        1003: "air",
    }
    found = ask(reports, 1000, texts)
    assert rows(found) == [1002, 1001, 1003]
    assert [one.reasons for one in found] == [("same words",), ("same category",), ("same kind",)]
    assert [one.same_words for one in found] == [True, False, False]
    assert round(found[0].distance_m) == 90


def test_what_is_being_written_is_compared_too() -> None:
    reports = [at(1001, 20, 2, 4), at(1002, 20, 30, 4), at(1003, 20, 2, 5)]
    spot = Spot(LAT, LON, "litter", "Tumpukan sampah di trotoar")
    found = ask(reports, spot, {1001: "sampah menumpuk, trotoar tertutup"})
    assert rows(found) == [1001]
    assert found[0].same_words
    assert ask(reports, Spot(LAT, LON, None)) == []


def test_around_a_point_that_is_roughly_known_it_is_looked_farther_and_said() -> None:
    """The middle of a street was told to the metre, and a duplicate at its end was none."""
    reports = [at(1001, 20, 2, 4), at(1002, 900, 2, 4), at(1003, 1200, 2, 4)]
    spot, board = Spot(LAT, LON, "litter"), BoardSnapshot.build(naive.columns(reports))
    found = possible_duplicates(board, spot, NOW, catalog=CATALOG, texts=lambda _: [], within_m=1000.0)
    assert rows(found) == [1001, 1002]
    assert [distance_of(one) for one in found] == ["≤ 1.0 km", "≤ 1.9 km"]
    near = possible_duplicates(board, spot, NOW, catalog=CATALOG, texts=lambda _: [])
    assert [distance_of(one) for one in near] == ["20 m"]


def test_without_a_place_or_a_report_there_is_nothing_to_compare() -> None:
    nowhere = R(row=1000, service=4, lat_e7=NO_PLACE, lon_e7=NO_PLACE)
    assert ask([nowhere, at(1001, 0, 0, 4)], 1000) == []
    assert ask([nowhere], 4242) == []


def test_a_thousand_reports_on_one_spot_stay_quick_to_list() -> None:
    asked: list[int] = []
    crowd = [at(1000 + index, index % 90, 1, 4) for index in range(1000)]
    snapshot = BoardSnapshot.build(naive.columns(crowd))

    def read(wanted: Sequence[int]) -> list[Text]:
        asked.extend(wanted)
        return []

    found = possible_duplicates(snapshot, 1000, NOW, catalog=CATALOG, texts=read)
    assert len(found) == 200
    assert len(asked) == 201
    assert np.all(np.diff([one.distance_m for one in found]) >= 0)


def earlier(reports: list[R], service: str | None, within_m: float = 0.0) -> list[Duplicate]:
    board = BoardSnapshot.build(naive.columns(reports))
    spot = Spot(LAT, LON, service, "")
    return earlier_reports(board, spot, NOW, source=1, catalog=CATALOG, texts=lambda _: [], most=4, within_m=within_m)


def test_of_a_place_the_open_and_the_lately_closed_are_known_and_every_hazard() -> None:
    reports = [
        at(1001, 40, 900, 4),  # open, however old
        at(1002, 50, 900, 4, status=6, updated=NOW - 2 * HOUR),  # closed lately
        at(1003, 10, 900, 4, status=6, updated=NOW - 2 * DAY),
        at(1004, 120, 1, 4),  # too far for its kind
        at(1005, 20, 1, 5),  # of another kind
        at(1006, 290, 900, 5, priority=1),
        at(1007, 290, 1, 5, priority=1, status=6, updated=NOW),  # no danger any more
        at(1008, 310, 1, 5, priority=1),
        at(1009, 5, 1, 4, merged=1, status=7, updated=NOW),
        at(1010, 5, 1, 4, source=2),
    ]
    found = earlier(reports, "litter")
    assert rows(found) == [1001, 1002, 1006]
    assert [one.reasons for one in found] == [("same category",), ("same category", "closed"), ("P1 near",)]
    assert set(rows(earlier(reports, None))) == {1001, 1002, 1005, 1006}, "no kind is named yet: every one counts"
    assert set(rows(earlier(reports, "litter", within_m=25.0))) == {1001, 1002, 1004, 1006, 1008}
    assert earlier([], "litter") == []


def test_two_rows_are_left_for_hazards_of_other_kinds() -> None:
    same = [at(1001 + one, 10 + one, 1, 4) for one in range(6)]
    hazards = [at(1101 + one, 200 + one, 1, 5, priority=1) for one in range(3)]
    own = at(1050, 90, 20, 4, priority=1)
    assert rows(earlier([*same, *hazards, own], "litter")) == [
        1050, 1001, 1101, 1102, 1002, 1003, 1004, 1005, 1006, 1103,
    ]  # fmt: skip
    assert rows(earlier([*same, hazards[0]], "litter"))[:4] == [1001, 1002, 1003, 1101]
    assert rows(earlier([same[0], *hazards], "litter"))[:4] == [1001, 1101, 1102, 1103]
