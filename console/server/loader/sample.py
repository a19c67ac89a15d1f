"""The first lines of a file by the file's own names, to guess from and to show."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice

from console.server.loader.objects import is_feature, leaves, paths_within
from console.server.loader.plain_file import mended
from console.server.loader.raw import RawReport

_LONGEST = 2_000


def sample(raws: Iterable[object], headings: Sequence[str], most: int) -> dict[str, list[str]]:
    """Column (of nested objects a path) -> its values on the first lines, "" where it has none."""
    columns: dict[str, list[str]] = {name: [] for name in headings}
    rows = 0
    for raw in islice(raws, most):
        if not isinstance(raw, RawReport):
            continue
        for name, text in _texts(raw.source, headings):
            values = columns.setdefault(name, [])
            if len(values) <= rows:
                values += [""] * (rows - len(values)) + [text[:_LONGEST]]
        rows += 1
    for values in columns.values():
        values += [""] * (rows - len(values))
    return columns


def _texts(source: Sequence[str] | Mapping[str, object], headings: Sequence[str]) -> Iterable[tuple[str, str]]:
    if not isinstance(source, Mapping):
        return [(name, mended(cell)) for name, cell in zip(headings, source, strict=False)]
    inner = source
    if is_feature(source):
        properties = source.get("properties")
        inner = properties if isinstance(properties, dict) else {}
    return [
        (path, mended(leaves(value)))
        for path, value in paths_within(inner)
        if not isinstance(value, dict | list) or (isinstance(value, list) and all(isinstance(v, str) for v in value))
    ]
