"""Who has held a report, by its history."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from api_client.model import Area, Entry, Kind, Report, Status
from console.cache.catalog import Catalog
from console.window.claims import has_held, place_words

AT = datetime(2026, 11, 29, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("steps", "held"),
    [
        ([(Kind.DISPATCH, "ani"), (Kind.DISPATCH, "bima")], False),  # "which was yours" was told of it: it never was
        ([(Kind.CLAIM, "ani"), (Kind.DISPATCH, "bima")], False),
        ([(Kind.DISPATCH, "bima"), (Kind.RELEASE, "rina"), (Kind.CLAIM, "ani")], True),
        ([(Kind.CLAIM, "ani"), (Kind.RELEASE, "ani"), (Kind.DISPATCH, "bima")], True),
        ([(Kind.CLAIM, "bima"), (Kind.CLAIM, "ani")], True),
        ([(Kind.NOTE, "bima")], False),
    ],
)
def test_who_sent_a_crew_second_never_had_the_report(steps: list[tuple[Kind, str]], held: bool) -> None:
    history = [Entry(str(at), "931427", kind.value, AT, who) for at, (kind, who) in enumerate(steps)]
    assert has_held("bima", history) is held


def test_a_report_without_an_area_is_told_by_its_address_and_not_as_no_area() -> None:
    catalog = Catalog(areas={"k": Area("k", "Kemang", 3)})
    report = Report("931427", 1, Status.NEW, "flood", 3, "Water", AT, AT)
    told = [
        place_words(replace(report, area=area, address=address), catalog)
        for area, address in ((None, None), (None, "Gang Arus 3"), ("k", "Gang Arus 3"))
    ]
    assert told == ["", "Gang Arus 3", "Kemang"]
