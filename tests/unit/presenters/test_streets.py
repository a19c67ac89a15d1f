"""Streets are told from the addresses of reports: one for each area, in their middle, with how far they reach."""

from __future__ import annotations

import numpy as np

from console.presenters.streets import Street, streets_of

ADDRESSES = [
    "Jl. Tebet Barat Dalam, RW 02",
    "Jl. Tebet Barat Dalam No. 12, RW 03",
    "Jl. Tebet Barat Dalam 7",
    "Jl. Tebet Timur, RW 01",
    "Gang Mawar, RW 09",
    "Jl. Tebet Barat Dalam, RW 02",
]
AREAS = ["tb", "tb", "tb", "tt", "tb", "xx"]
LAT = np.array([-6.2300, -6.2310, -6.2320, -6.2200, -6.2310, -6.3000])
LON = np.array([106.85, 106.85, 106.85, 106.86, 106.85, 106.80])


def found(text: str) -> list[Street]:
    return streets_of(text, ADDRESSES, AREAS, LAT, LON)


def test_a_street_is_the_middle_of_its_reports_and_says_how_far_they_lie() -> None:
    first, second = found("Jl. Tebet Barat Dalam")[:2]
    assert (first.name, first.area, first.reports) == ("Jl. Tebet Barat Dalam", "tb", 3)
    assert (first.lat, first.lon) == (-6.2310, 106.85)
    assert 105 < first.within_m < 117
    assert (second.name, second.area, second.reports) in [
        ("Jl. Tebet Barat Dalam", "xx", 1), ("Jl. Tebet Timur", "tt", 1),
    ], "one of the same name elsewhere is another one"  # fmt: skip


def test_the_name_of_an_area_is_no_street_of_it() -> None:
    assert [one.name for one in found("mawar tebet barat")] == [
        "Jl. Tebet Barat Dalam", "Gang Mawar", "Jl. Tebet Barat Dalam", "Jl. Tebet Timur",
    ]  # fmt: skip
    assert found("Kebon Baru") == []
    assert found("jl") == []
