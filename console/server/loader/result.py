"""The result of loading a file: counts, the lines refused and remarked, and what was decided for the whole file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from typing_extensions import override

KEPT = 10_000
"""How many lines are kept in each list; the counts go on."""


class LoadError(Exception):
    """The file as a whole cannot be loaded; the words are a sentence for the person who started the server."""


class Remark(msgspec.Struct, frozen=True):
    """A line of a file (1 is the first) and what there is to say about it; `source` is what stands there, if known."""

    line: int
    why: str
    source: Sequence[str] | Mapping[str, Any] | str = ""


@dataclass
class LoadResult:
    """The account of one file. Every line that held data is in exactly one of loaded, refused and repeated.

    `fields_found` are those of our fields that the file has. `unit` is what its numbers count: lines, objects or
    features.
    """

    file: str
    format: str = ""
    lines: int = 0
    loaded: int = 0
    refused: list[Remark] = field(default_factory=list)
    remarked: list[Remark] = field(default_factory=list)
    repeated: list[Remark] = field(default_factory=list)
    refused_count: int = 0
    remarked_count: int = 0
    repeated_count: int = 0
    without_place: int = 0
    without_area: int = 0
    assumed_zone: int = 0
    timezone: str = ""
    order_decided: str = ""
    notes: list[str] = field(default_factory=list)
    noun: str = "reports"
    unit: str = "line"
    fields_found: tuple[str, ...] = ()

    def refuse(self, line: int, why: str) -> None:
        """Count a line that is no report."""
        self.refused_count += 1
        if len(self.refused) < KEPT:
            self.refused.append(Remark(line, why))

    def remark(self, line: int, why: str) -> None:
        """Count a line that was loaded although something about it is not as it should be."""
        self.remarked_count += 1
        if len(self.remarked) < KEPT:
            self.remarked.append(Remark(line, why))

    def repeat(self, line: int, why: str) -> None:
        """Count a line whose id came again newer elsewhere, and which was therefore not used."""
        self.repeated_count += 1
        if len(self.repeated) < KEPT:
            self.repeated.append(Remark(line, why))

    def summary(self, shown: int = 5) -> str:
        """Some lines for a terminal: the counts first, then what was decided, then the first `shown` of each list."""
        lines = [f"{self.file}: {self.format}, {self.loaded:,} {self.noun} loaded"]
        for count, word in (
            (self.remarked_count, "of them with remarks"),
            (self.repeated_count, "older lines of the same id left out"),
            (self.refused_count, "refused"),
            (self.without_place, "without a place"),
            (self.without_area, "in no area"),
        ):
            if count:
                lines[0] += f", {count:,} {word}"
        if self.order_decided:
            lines.append(f"  {self.order_decided}")
        if self.assumed_zone:
            lines.append(f"  {self.assumed_zone:,} reports have times without a zone; {self.timezone} is assumed")
        lines += [f"  {note}" for note in self.notes]
        for title, remarks, count in (
            ("refused", self.refused, self.refused_count),
            ("repeated", self.repeated, self.repeated_count),
            ("remark", self.remarked, self.remarked_count),
        ):
            lines += [f"  {self.unit} {remark.line}, {title}: {remark.why}" for remark in remarks[:shown]]
            if count > shown:
                lines.append(f"  … {count - shown:,} more {title}" + ("s" if title == "remark" else ""))
        return "\n".join(lines)

    @override
    def __str__(self) -> str:
        return self.summary()
