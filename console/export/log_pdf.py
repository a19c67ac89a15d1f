"""Print the control room's log as pages: each line with its date, time and author, plain text that can be no markup."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec

from console.export.pages import printed

_COLUMNS = (0.21, 0.16, 0.20)
"""What parts of the width time, author and subject have; the rest is what was done."""
_MOST_LINES = 12


class PrintedLogLine(msgspec.Struct, frozen=True):
    """One line: when (with its date), who, about what, and what was done."""

    time: str
    who: str
    about: str
    what: str


def write_log_pdf(path: Path, title: str, heading: str, note: str, lines: Iterator[PrintedLogLine]) -> None:
    """Write an A4 document at `path`: `title` on its first page, `heading` and `note` on top of all. Raises OSError."""
    with printed(path, title, heading, note) as pages:
        for line in lines:
            pages.columns((line.time, line.who, line.about, line.what), _COLUMNS, _MOST_LINES)
