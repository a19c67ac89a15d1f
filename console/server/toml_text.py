"""What Python's tomllib lacks: a bound, values as TOML text, and on which line of a file something stands."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from typing import Any

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_MOST_PARTS = 32
_PART = r"""[ \t]*+(?:[A-Za-z0-9_-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+"""
_LONG_NAME = re.compile(rf"(?:^[ \t]*+\[?\[?|[{{,]){_PART}(?:\.{_PART}){{{_MOST_PARTS}}}", re.MULTILINE)


def read_toml(text: str) -> dict[str, Any]:
    """A TOML text. Raises ValueError, with the reason, for what is none or would take tomllib very long to read.

    Its time grows with the square of the parts of a name, and a name of a file has a few.
    """
    # protects: names-of-a-file-are-short
    if found := _LONG_NAME.search(text):
        line = text.count("\n", 0, found.start()) + 1
        raise ValueError(f"a name has at most {_MOST_PARTS} parts with dots between them (line {line})")
    try:
        return tomllib.loads(text.replace("\r\n", "\n"))
    except RecursionError as fault:
        raise ValueError("it is nested too deep") from fault


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
