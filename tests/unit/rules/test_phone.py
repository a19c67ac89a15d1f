"""One telephone number in all the spellings of a city's files and of its callers, and no other one for it."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.rules.phone import phone_tail, same_phone, without_contacts

SPELLED = (
    "081234567890",
    "0812 3456 7890",
    "0812-3456-7890 (WA)",
    "(0812) 3456.7890",
    "+62 812 3456 7890",
    "+6281234567890",
    "0062 812-3456-7890",
    "62 812 3456 7890",
    "+62 (0)812 3456 7890",
    "+62 0812 3456 7890",
    "Bu Sari 0812\u20113456\u20137890",
    "٠٨١٢٣٤٥٦٧٨٩٠",
    "０８１２ ３４５６ ７８９０",
    "2 rumah, 0812 3456 7890",
    "0812 3456 7890 / 0813 1111 2222",
    "\u202a0812\u200b3456 78\u206990\u202c",
)


@pytest.mark.parametrize(("one", "other"), list(itertools.combinations(SPELLED, 2)))
def test_all_spellings_are_one(one: str, other: str) -> None:
    assert same_phone(one, other)
    assert same_phone(other, one)
    assert phone_tail(one) == phone_tail(other) == "4567890"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("081234567890", "082234567890"),  # another provider, the same digits behind it
        ("081234567890", "34567890"),  # a line of a town, without the town's code
        ("081234567890", "+1 81234567891"),
        ("0021 4567890", "021 4567890"),  # abroad, and at home
        ("+81 2345 678", "0812345678"),
        ("021 4567890", "4567890"),
        ("112", "112"),
        ("", ""),
        ("no number", "081234567890"),
    ],
)
def test_another_number_is_another(one: str, other: str) -> None:
    assert not same_phone(one, other)
    assert not same_phone(other, one)


@given(st.text(max_size=60), st.text(max_size=60))
def test_whatever_is_written_there(one: str, other: str) -> None:
    assert same_phone(one, other) == same_phone(other, one)
    assert not same_phone(one, other) or phone_tail(one) == phone_tail(other)
    assert same_phone(one, one) == bool(phone_tail(one))


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("call 0812-3456-789, now", "call •••, now"),
        ("(+62 812 3456 789)", "(•••)"),
        ("0062.812.3456.789 or 021 7654321", "••• or •••"),
        ("report 931180 and 931181, at 14:07", "report 931180 and 931181, at 14:07"),
        ("unit 07, 0812", "unit 07, 0812"),
        ("write to sari.w@mail.example.org!", "write to •••"),
        ("", ""),
    ],
)
def test_a_text_without_what_reaches_somebody(text: str, left: str) -> None:
    assert without_contacts(text) == left
