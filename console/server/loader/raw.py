"""A line of a file as text under our own names, before anything in it is believed."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

from console.server.loader.dialect import Dialect

FIELDS = (
    "id",
    "status",
    "service",
    "service_code",
    "subservice",
    "title",
    "description",
    "created",
    "created_time",
    "updated",
    "closed",
    "due",
    "address",
    "cross_street",
    "zipcode",
    "lat",
    "lon",
    "point",
    "agency",
    "channel",
    "area",
    "priority",
    "photo",
    "photo_after",
    "disposition",
    "reply",
    "merged_into",
    "contact_name",
    "contact_last_name",
    "contact_phone",
    "contact_email",
    "depth",
)
"""What a file may say about a report; a dialect maps headings to these. `depth` is that of water in cm."""

CONTENT = ("id", "description", "title", "service", "service_code", "address", "lat", "lon", "point", "photo")
"""Fields of which one at least makes a line a report."""

_CONTENT = frozenset(CONTENT)

DATES = ("created", "updated", "closed", "due")


@dataclass(slots=True)
class RawReport:
    """One report of a file: its line, its values by our field names (empty ones left out), remarks so far.

    `source` is what the file says in its own names: the cells of a line, or an object.
    """

    line: int
    values: dict[str, str]
    remarks: list[str] = field(default_factory=list)
    source: Sequence[str] | Mapping[str, Any] = ()

    def get(self, name: str) -> str:
        """The text of a field, "" when it has none."""
        return self.values.get(name, "")

    def is_report(self) -> bool:
        """Whether it can be a report: an id, or anything to work on (words, a category, a place, a photo)."""
        return "id" in self.values or not _CONTENT.isdisjoint(self.values)

    def identity(self) -> int:
        """64 bits that stand for its id, or for all it says where it has none; to find repetitions."""
        key = self.get("id")
        return identity(key) if key else identity(self.as_text())

    def name(self) -> str:
        """A name out of all it says, the same in every run; for a report without an id."""
        return blake2b(self.as_text().encode("utf-8", "replace"), digest_size=8).hexdigest()

    def as_text(self) -> str:
        """All it says as one text."""
        return "\x1f".join(f"{name}={text}" for name, text in sorted(self.values.items()))


def identity(key: str) -> int:
    """64 bits that stand for a text in this process; nobody outside can make two texts that share them."""
    return hash(_SECRET + key) & _64_BITS  # SipHash, and without what is before it nobody knows what it makes


_SECRET = os.urandom(16).hex()
_64_BITS = (1 << 64) - 1


def completed(values: dict[str, str], dialect: Dialect) -> dict[str, str]:
    """The values of a line with what the layout says beside them: constants, meanings of codes, joined fields.

    Fields without a value are left out.
    """
    if dialect.empty:
        values = {name: text for name, text in values.items() if text not in dialect.empty}
    for name, meanings in dialect.words.items():
        if text := values.get(name):
            values[name] = meanings.get(text, text)
    time = values.pop("created_time", "")
    if time and (day := values.get("created")):
        values["created"] = f"{day.split('T')[0].split(' ')[0]} {time}"
    if depth := values.pop("depth", ""):
        said = f"{depth} cm"
        values["title"] = f"{values['title']} ({said})" if values.get("title") else said
    values = {name: text for name, text in values.items() if text}
    return {**dialect.constants, **values} if dialect.constants and values else values
