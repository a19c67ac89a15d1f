"""What is taken out of texts at entry and at the server, and what stays."""

from __future__ import annotations

import pytest

from console.rules.text import MOST_MARKS, clean_text


def test_a_heap_of_combining_marks_is_cut_to_what_a_letter_can_bear() -> None:
    heap = "Z" + "\u0310\u0489\u20dd\u1dc4\ufe20" * 96 + "algo"
    assert clean_text(heap) == "Z" + ("\u0310\u0489\u20dd\u1dc4\ufe20" * 2)[:MOST_MARKS] + "algo"


@pytest.mark.parametrize(
    "text",
    ["Tie\u0302\u0301ng Vie\u0323\u0302t", "ก็ที่นี่น้ำท่วม", "הַשָּׁלוֹם", "مَدْرَسَةٌ", "बाढ़ का पानी", "བསྒྲུབས", "plain", "é" * 40],
)
def test_what_people_write_stays(text: str) -> None:
    assert clean_text(text) == text
