"""Which reports the words of an edit speak of that belongs to no report: a line of the log, a closure, an alarm."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_WORD = re.compile(r"(#?)(\w[\w./-]*)")
_LEAST = 5
"""Fewer signs without # before them may be anything: a house, a telephone of three digits, so many people."""


def reports_named_in(text: str) -> set[str]:
    """The numbers in a text that may be those of reports: what stands behind #, and each word of five and more signs
    with a digit among them.
    """
    found = set()
    for mark, word in _WORD.findall(text):
        for one in (word, *word.split("/")):
            number = one.rstrip("./-_")
            if mark or (len(number) >= _LEAST and any(letter.isdigit() for letter in number)):
                found.add(number)
    return found


def reports_spoken_of(data: Mapping[str, Any], text: str = "") -> set[str]:
    """The reports that an edit about no report speaks of, by its payload and its text: what it is kept with, whose
    alarms it answers, and what its words name.
    """
    words = [text, *(value for value in data.values() if isinstance(value, str))]
    found = {number for each in words for number in reports_named_in(each)}
    alarms = data.get("alarms")
    about = [one.get("about") for one in alarms if isinstance(one, dict)] if isinstance(alarms, list | tuple) else []
    return found | {one for one in (data.get("report"), *about) if isinstance(one, str)}
