"""What may stand in the filter of a city's limit: what means the same at every console."""

from __future__ import annotations

import pytest

from console.rules.filter import FilterError
from console.rules.limit import limit_filter

NAMES = {"service": {"banjir": "Flood"}, "area": {"31.75": "Jakarta Timur"}, "agency": {"SDA": "Water"}}


def test_codes_and_names_of_the_city_are_read() -> None:
    found = limit_filter('cat=flood area="jakarta timur" agency=SDA p=1,2', NAMES)
    assert (found.services, found.areas, found.agencies, found.priorities) == (
        ("banjir",),
        ("31.75",),
        ("SDA",),
        (1, 2),
    )
    assert not limit_filter("", NAMES).narrowed


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("box=106,-7,107,-6", "whole areas"),
        ("shape=-6/106,-6/107,-7/107", "whole areas"),
        ("near=-6.2/106.8/500", "whole areas"),
        ("street=Melati", "whole areas"),
        ("age<1h", "its own time"),
        ("created>=2026-01-20", "its own time"),
        ("hour=2026-01-20T10:00", "its own time"),
        ("by=rina", "every console"),
        ("unit=U1", "every console"),
        ("is=mine", "every console"),
        ("is=pending", "every console"),
        ("status=new", "whatever has become of it"),
        ("is=overdue", "whatever has become of it"),
        ("is=placeless", "whatever has become of it"),
        ("is=moderation", "whatever has become of it"),
        ("tab=closed", "no list"),
        ("order=newest", "no list"),
        ("burst pipe", "no words"),
        ("cat=fire", "No category is called “fire”"),
        ("area=Atlantis", "No area is called “Atlantis”"),
        ("colour=red", "is not a filter"),
        ('"open', "not closed"),
    ],
)
def test_what_another_console_would_count_otherwise_is_refused(text: str, words: str) -> None:
    with pytest.raises(FilterError, match=words):
        limit_filter(text, NAMES)
