"""What Python's tomllib lacks: values as TOML text, and on which line of a file something stands."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def key_text(key: str) -> str:
    """A key, in quotation marks where it needs them."""
    return key if _BARE.fullmatch(key) else value_text(key)


def value_text(value: Any) -> str:
    """A text, number, truth, list or inline table."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, Mapping):
        inside = ", ".join(f"{key_text(key)} = {value_text(each)}" for key, each in value.items())
        return f"{{ {inside} }}" if inside else "{}"
    if isinstance(value, Sequence):
        return f"[{', '.join(map(value_text, value))}]"
    return json.dumps(value)


def pairs_text(pairs: Mapping[str, Any]) -> str:
    """One line for each pair of key and value."""
    return "".join(f"{key_text(key)} = {value_text(value)}\n" for key, value in pairs.items())


def line_of(text: str, *names: str) -> int | None:
    """The line on which a table or key of these names is begun, the innermost that is found; None when none is."""
    found, start = None, 0
    lines = text.splitlines()
    for name in names:
        pattern = re.compile(rf'(?:^|[.\[{{,\s"\']){re.escape(name)}["\']?\s*(?:[\]=.]|$)')
        at = next((i for i in range(start, len(lines)) if pattern.search(_code(lines[i]))), None)
        if at is None:
            break
        found = start = at
    return None if found is None else found + 1


def lines_of_tables(text: str, name: str) -> list[int]:
    """The lines on which the tables of an array [[name]] begin."""
    pattern = re.compile(rf"\s*\[\[\s*{re.escape(name)}\s*\]\]")
    return [number for number, line in enumerate(text.splitlines(), start=1) if pattern.match(line)]


def _code(line: str) -> str:
    return "" if line.lstrip().startswith("#") else line
