"""What goes with a report's category."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from api_client.model import Report, Service, Status
from console.rules.category import fields_of_category

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
TREES = Service("tree", "Tree", agency="parks")
WATER = Service("puddle", "Puddle", agency="water")
OTHER = Service("other", "Other")


@pytest.mark.parametrize(
    ("agency", "before", "after", "fields"),
    [
        ("parks", TREES, WATER, {"service": "puddle", "agency": "water"}),
        (None, TREES, WATER, {"service": "puddle", "agency": "water"}),
        ("police", TREES, WATER, {"service": "puddle"}),
        ("parks", TREES, OTHER, {"service": "other"}),
        ("water", OTHER, WATER, {"service": "puddle"}),
        ("parks", None, WATER, {"service": "puddle"}),
    ],
    ids=["goes along", "there was none", "by hand", "the new one has none", "it is that already", "unknown before"],
)
def test_the_agency_goes_with_the_category_unless_it_was_given_by_hand(
    agency: str | None, before: Service | None, after: Service, fields: dict[str, str]
) -> None:
    report = Report("1", 1, Status.NEW, "tree", 3, "", NOW, NOW, agency=agency)
    assert fields_of_category(report, before, after) == fields
