"""Take out of texts what no file, no database and no server can keep: NUL and its kin, halves of surrogate pairs; and
heaps of combining marks, which paint over what stands above and below.
"""

from __future__ import annotations

import re
from typing import Any

_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_HALVES = re.compile("[\ud800-\udfff]")
MOST_MARKS = 8
"""How many combining marks a letter may bear; no script that is written by people needs more."""
_MARK = (
    "[\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u064b-\u065f\u0670"
    "\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed\u0711\u0730-\u074a\u07a6-\u07b0\u07eb-\u07f3\u0816-\u082d"
    "\u0859-\u085b\u08ca-\u0902\u093a\u093c\u0941-\u0948\u094d\u0951-\u0957\u0962\u0963\u0e31\u0e34-\u0e3a"
    "\u0e47-\u0e4e\u0eb1\u0eb4-\u0ebc\u0ec8-\u0ece\u0f18\u0f19\u0f35\u0f37\u0f39\u0f71-\u0f84\u0f86\u0f87\u0f8d-\u0fbc"
    "\u135d-\u135f\u1ab0-\u1ace\u1dc0-\u1dff\u20d0-\u20f0\u2cef-\u2cf1\u2de0-\u2dff\u302a-\u302d\u3099\u309a"
    "\ua66f-\ua672\ua674-\ua67d\ua69e\ua69f\ua8e0-\ua8f1\ufe20-\ufe2f\U0001d165-\U0001d169\U0001d16d-\U0001d172"
    "\U0001d17b-\U0001d182\U0001d185-\U0001d18b\U0001d1aa-\U0001d1ad\U0001d242-\U0001d244\U0001e8d0-\U0001e8d6"
    "\U0001e944-\U0001e94a]"
)
_HEAP = re.compile(f"({_MARK}{{{MOST_MARKS}}}){_MARK}+")


def clean_text(text: str) -> str:
    """Without control characters, but for tab and line ends, and without more than eight combining marks on a letter;
    half a surrogate pair becomes U+FFFD.
    """
    text = _HALVES.sub("\ufffd", _CONTROLS.sub("", text))
    return text if text.isascii() else _HEAP.sub(r"\1", text)


def cleaned(value: Any) -> Any:
    """The same value with every text in it cleaned, the names of fields too."""
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, dict):
        return {cleaned(name): cleaned(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(cleaned(one) for one in value)
    return value
