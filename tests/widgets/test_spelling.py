"""Slips of the fingers are forgiven, more in long words than in short ones; what is typed rightly is never changed."""

from __future__ import annotations

import pytest

from widgets.forms.choice import ListChoice, matching
from widgets.spelling import nearest, slips

CHOICES = [
    ListChoice("a", "Air bersih", words="water"),
    ListChoice("b", "Banjir", words="flood air luapan"),
    ListChoice("j", "Jalan rusak", words="pothole lubang aspal"),
    ListChoice("m", "Dinas Bina Marga", "agency"),
]


@pytest.mark.parametrize(
    ("one", "other", "off"),
    [
        ("banjir", "banjir", 0),
        ("banjr", "banjir", 1),
        ("bajnir", "banjir", 1),
        ("banjiir", "banjir", 1),
        ("b", "xyz", 2),
    ],
)
def test_slips_are_counted(one: str, other: str, off: int) -> None:
    assert slips(one, other, 1) == off == slips(other, one, 1)


def test_the_nearest_word_is_found_and_short_words_are_taken_as_they_are() -> None:
    known = ["banjir", "bandar", "Tebet", "pompa"]
    assert nearest("BANJR", known) == "banjir"
    assert nearest("tebte", known) == "Tebet"
    assert nearest("pom", known) == ""
    assert nearest("kelurahan", known) == ""


@pytest.mark.parametrize(
    ("typed", "found"),
    [("lub", "j"), ("banjr", "b"), ("bina mrga", "m"), ("air", "ab"), ("lubnag", "j"), ("zzzzzz", ""), ("jal", "j")],
)
def test_a_choice_is_found_by_a_synonym_and_with_a_slip(typed: str, found: str) -> None:
    assert "".join(choice.id for choice in matching(CHOICES, typed)) == found
