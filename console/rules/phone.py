"""Telephone numbers as people write them: whether two are one, however each is spelled."""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

LEAST_DIGITS = 7
"""Fewer are no whole number: emergency numbers, extensions, what somebody remembers of one."""

_RUN = re.compile(r"\+?\d[\d\s().\-\u2010-\u2015]*")
_MOST, _LONGEST = 20, 400
"""Digits of a number, letters of a text with one; more are cut off."""
_COUNTRY = re.compile(r"[1-9]\d{0,2}")
"""A country's code."""
_LEFT_ZERO = re.compile(r"^(\+|00)(\d{1,3})[\s.\-]*(?:\(0\)|(?<=[\s.\-])0)")
"""A country's code with the 0 that is dialled within the country only: +62 (0)812, +62 0812."""


class _Number(NamedTuple):
    """Its digits, without what is dialled before them; whether that was for abroad (+, 00), or for the country (0)."""

    digits: str
    is_abroad: bool
    is_national: bool


def same_phone(one: str, other: str) -> bool:
    """Whether two texts tell the same telephone number: `+62 812-3456-789`, `0812 3456 789`, `62812.3456.789`.

    No country is known here: a number with a country's code is the one without it whose digits follow that code. Of a
    text with several numbers the first one counts; one of fewer than seven digits is the same as none.
    """
    first, second = sorted((_number(one), _number(other)), key=lambda each: len(each.digits))
    if len(first.digits) < LEAST_DIGITS:
        return False
    if first.digits == second.digits:
        return not (first.is_abroad and second.is_national) and not (first.is_national and second.is_abroad)
    before = second.digits.removesuffix(first.digits)
    is_longer = before != second.digits and not second.is_national and not first.is_abroad
    return is_longer and _COUNTRY.fullmatch(before) is not None


def phone_tail(text: str) -> str:
    """The last seven digits of a number, which are equal in all its spellings; "" for what is no whole number."""
    digits = _number(text).digits
    return digits[-LEAST_DIGITS:] if len(digits) >= LEAST_DIGITS else ""


def _number(text: str) -> _Number:
    # What is copied from a chat may have marks of direction in it, which nobody sees.
    seen = "".join(letter for letter in text[:_LONGEST] if unicodedata.category(letter) != "Cf")
    runs = [_read(run) for run in _RUN.findall(unicodedata.normalize("NFKC", seen))]
    return next((run for run in runs if len(run.digits) >= LEAST_DIGITS), _Number("", False, False))


def _read(run: str) -> _Number:
    run = _LEFT_ZERO.sub(r"\1\2 ", run)
    digits = "".join(str(unicodedata.decimal(each)) for each in run if each.isdecimal())[:_MOST]
    is_abroad = run.startswith("+") or digits.startswith("00")
    return _Number(digits.lstrip("0"), is_abroad, not is_abroad and digits.startswith("0"))


_DIALLED = re.compile(r"(?<![\w+])(?:\+|00?)[1-9(][\d\s().\-\u2010-\u2015]*\d")
_MAIL = re.compile(r"[^\s@<>(),;:]+@[^\s@<>(),;:]+\.[^\s@<>(),;:]+")
_HIDDEN = "•••"


def without_contacts(text: str) -> str:
    """The text with a mark in the place of each telephone number and address of e-mail. Digits that begin with neither
    + nor 0 are no telephone number: reports have such numbers.
    """
    found = _DIALLED.sub(lambda run: _HIDDEN if phone_tail(run[0]) else run[0], text)
    return _MAIL.sub(_HIDDEN, found)
