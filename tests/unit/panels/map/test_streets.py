"""Streets are told from the addresses of reports: one for each area, in their middle, with how far they reach."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from console.cache.reader import CacheReader
from console.cache.writer import CacheWriter
from console.panels.map.streets import Street, _addresses, is_named_by, left_over, streets_of
from tests.unit.cache.making import at, items, report

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


def test_the_street_that_is_named_stands_before_one_that_has_the_words_apart() -> None:
    """ "Kebon Baru" offered Jl. Kebon Manggis Baru first, as more had been reported there."""
    addresses = ["Jl. Kebon Manggis Baru 1", "Jl. Kebon Manggis Baru 2", "Jl. Kebon Baru Utara 3"]

    def named(text: str) -> list[str]:
        return [one.name for one in streets_of(text, addresses, ["m", "m", "b"], LAT[:3], LON[:3])]

    both = ["Jl. Kebon Baru Utara", "Jl. Kebon Manggis Baru"]
    assert named("Kebon Baru") == named("jl kebon baru 12") == both
    assert named("kebon man") == both[::-1]
    assert named("kebon") == both[::-1], "else the one with more reports"


def test_a_number_behind_an_areas_name_names_no_street_that_ends_with_it() -> None:
    """ "Cipinang Muara III no 5" took the report to Jl. Rajawali III of that area, armed and without a word."""
    addresses, areas = ["Jl. Rajawali III, Cipinang Muara", "Jl. KH Mas Mansyur 4"], ["cm", "kt"]

    def named(text: str) -> list[str]:
        return [one.name for one in streets_of(text, addresses, areas, LAT[:2], LON[:2])]

    assert named("cipinang muara III no 5") == []
    assert named("cipinang muara, rajawali III") == ["Jl. Rajawali III"]
    assert named("III") == ["Jl. Rajawali III"]
    assert named("mas mansyur") == named("karet tengsin mas mansyur") == ["Jl. KH Mas Mansyur"]


def test_what_is_noted_behind_a_place_is_no_part_of_its_street() -> None:
    notes = ["Jl. Mawar (middle of the street, ±820 m)", "Kebon Baru, Tebet (reported as: Jati Padang)"]
    assert [one.name for one in streets_of("mawar", notes, ["a", "a"], LAT[:2], LON[:2])] == ["Jl. Mawar"]
    assert streets_of("jati padang", notes, ["a", "a"], LAT[:2], LON[:2]) == []


def test_the_number_and_the_landmark_beside_a_street_are_left_over() -> None:
    assert left_over("jl rajawali no. 5, depan masjid", "Jl. Rajawali III, Cipinang Muara") == "no. 5 depan masjid"
    assert left_over("rajaw", "Jl. Rajawali III, Cipinang Muara") == ""


@pytest.mark.parametrize(
    "text", ["jalan kenanga 12", "Gang Kenanga no. 12 RT 3 RW 4", "jln kenanga depan masjid raya besar", "kenang"]
)
def test_a_street_is_found_whatever_the_caller_calls_its_kind(text: str) -> None:
    """ "jalan kenanga 12" was "not found by this name", with 774 reports on the Jl. Kenanga of ten areas."""
    asked: list[str] = []

    class Index:
        def addresses(self, words: str, _limit: int) -> list[tuple[int, str]]:
            asked.append(words)
            return [(1, "Jl. Kenanga III No. 4")] if words in ("kenanga", "kenang") else []

        def respelled(self, _word: str) -> str:
            return ""

    reader: Any = Index()
    assert _addresses(reader, text) == ([(1, "Jl. Kenanga III No. 4")], text)
    assert len(asked) <= 5


def test_words_that_name_nothing_are_not_looked_for() -> None:
    class Index:
        def addresses(self, words: str, _limit: int) -> list[tuple[int, str]]:
            raise AssertionError(words)

    reader: Any = Index()
    assert _addresses(reader, "jalan no rt") == ([], "jalan no rt")


@pytest.mark.parametrize("typed", ["kenagna", "kenanag", "kenangga", "kennga", "kemanga", "Jl. KENAGA 12"])
def test_a_slip_in_a_street_of_earlier_reports_is_forgiven(tmp_path: Path, typed: str) -> None:
    writer = CacheWriter(tmp_path)
    addresses = ["Jl. Kenanga III no. 4", "Jl. Kenanga I no. 2", "Jl. Kencana no. 1", "Gang Arus"]
    writer.apply("city", items(*(report(str(at), address=one) for at, one in enumerate(addresses))), at(4))
    writer.close()
    with contextlib.closing(CacheReader(tmp_path)) as reader:
        found, said = _addresses(reader, typed)
        assert {address for _, address in found} == set(addresses[:2])
        assert said == "kenanga"
        assert reader.respelled("kenan") == "", "it is the beginning of one"
        assert reader.respelled("xenanga") == "", "a slip in the first letter is none that is looked for"
        assert [reader.respelled(word) for word in ("", "aru", "12345", "%" * 9, "a" * 99, "ken_nga")] == [""] * 6


@pytest.mark.parametrize(
    ("text", "is_meant"),
    [
        ("jalan kebon baru utara 12", True),
        ("keb bar", True),
        ("kebon baru utara, tebet", True),
        ("kebon baru utara depan masjid", True),
        ("kebon kacang raya", False),
        ("jl kebon baru selatan", False),
    ],
)
def test_a_street_without_one_of_the_words_is_only_like_the_one_that_is_named(text: str, is_meant: bool) -> None:
    assert is_named_by(text, "Jl. Kebon Baru Utara, Tebet") is is_meant
