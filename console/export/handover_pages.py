"""Print a hand-over as pages: its lines by section, with both operators' words, and who signed it when."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from console.export.pages import PrintStyle, printed

_REMARK_LINES = 4


class PrintedLine(msgspec.Struct, frozen=True):
    """One line of a hand-over in words; `mark` is what who takes over says of it."""

    title: str
    stands: str = ""
    remark: str = ""
    mark: str = ""


class PrintedSection(msgspec.Struct, frozen=True):
    """A section with its lines."""

    name: str
    lines: tuple[PrintedLine, ...] = ()


def write_handover(
    path: Path, title: str, heading: str, note: str, sections: Sequence[PrintedSection], signatures: Sequence[str]
) -> None:
    """Write an A4 document at `path`; raises OSError."""
    with printed(path, title, heading, note) as pages:
        for section in sections:
            pages.block([("bold", f"{section.name} ({len(section.lines)})")])
            for line in section.lines:
                remark = pages.wrapped(line.remark, "body", _REMARK_LINES) if line.remark else []
                below: list[tuple[PrintStyle, str]] = [("small", text) for text in (line.stands, line.mark) if text]
                pages.block([("body", line.title), *below[:1], *remark, *below[1:]])
        pages.block([("bold", text) for text in signatures])
