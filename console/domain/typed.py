"""Take out of texts what no file, no database and no server can keep: NUL and its kin, halves of surrogate pairs."""

from __future__ import annotations

import re
from typing import Any

_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_HALVES = re.compile("[\ud800-\udfff]")


def clean_text(text: str) -> str:
    """Without control characters, but for tab and line ends; half a surrogate pair becomes U+FFFD."""
    return _HALVES.sub("\ufffd", _CONTROLS.sub("", text))


def cleaned(value: Any) -> Any:
    """The same value with every text in it cleaned, the names of fields too."""
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, dict):
        return {cleaned(name): cleaned(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(cleaned(one) for one in value)
    return value
