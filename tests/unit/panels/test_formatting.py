"""Dates and durations in the operator's words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from console.panels import formatting
from tests.unit.cache.making import report

NOW = datetime(2026, 11, 29, 8, tzinfo=UTC)
JAKARTA = timezone(timedelta(hours=7))


@pytest.mark.parametrize(
    ("when", "day_and_clock", "clock_or_day", "moment"),
    [
        (datetime(2026, 1, 20, 6, 15, tzinfo=UTC), "20 Jan 13:15", "20 Jan", "20 Jan 13:15"),
        (datetime(2018, 1, 1, 4, 42, tzinfo=UTC), "1 Jan 2018 11:42", "1 Jan 2018", "1 Jan 2018 11:42"),
        (
            datetime(2025, 12, 31, 18, 0, tzinfo=UTC),
            "1 Jan 01:00",
            "1 Jan",
            "1 Jan 01:00",
        ),  # in the city it is this year
        (datetime(2026, 11, 29, 7, 1, tzinfo=UTC), "29 Nov 14:01", "14:01", "14:01"),
    ],
)
def test_a_date_of_another_year_bears_it(when: datetime, day_and_clock: str, clock_or_day: str, moment: str) -> None:
    assert formatting.day_and_clock(when, JAKARTA, NOW) == day_and_clock
    assert formatting.clock_or_day(when, NOW, JAKARTA) == clock_or_day
    assert formatting.moment(when, JAKARTA, NOW) == moment


@pytest.mark.parametrize(
    ("days", "duration", "age"),
    [(5.9, "5 d 21 h", "5 d"), (120, "120 d", "120 d"), (729, "729 d", "729 d"), (3254, "8 y 11 mo", "8 y")],
)
def test_years_are_told_in_years(days: float, duration: str, age: str) -> None:
    assert (formatting.duration(days * 86400), formatting.age(days * 86400)) == (duration, age)


def test_a_long_text_is_cut_between_two_words_and_says_so() -> None:
    text = "Terjebak banjir di Jl Trembesi IV, patokan kontrakan Bambang, air 95 cm arusnya deras."
    assert formatting.title_of(report(description=text)) == text.removesuffix(" deras.") + "…"
    assert formatting.title_of(report(description="x" * 90)) == "x" * 80 + "…"
    assert formatting.title_of(report(description="Air\n naik ")) == "Air naik"
    assert formatting.title_of(report(description=text, title="Banjir")) == "Banjir"
