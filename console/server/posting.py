"""Takes in a report from the public, with its photos, once for each key, for GeoReport and the citizens' page."""

from __future__ import annotations

import hashlib
import re
from typing import Any

from console.domain.edit import Kind
from console.domain.report import PhotoRole, Report
from console.server.city import City
from console.server.edits import EditBody
from console.server.media import MediaStore
from console.server.records import Actor

REPORT_KEY = r"[0-9A-Za-z-]{32,64}"
"""A key that the sender chose and nobody can guess: a report sent again with it is the same, and whoever knows it is
its reporter.
"""
_WHOLE = re.compile(REPORT_KEY)


def is_report_key(key: str) -> bool:
    """Whether a key is one that cannot be guessed."""
    return _WHOLE.fullmatch(key) is not None


def take_report(city: City, actor: Actor, key: str, data: dict[str, Any]) -> Report:
    """Make a report; the one that is there when the key made it before. Raises a Refusal."""
    made = city.apply(EditBody(key, Kind.CREATE, data=data), actor=actor).answer.report
    assert made is not None
    return made


def take_photo(city: City, media: MediaStore, actor: Actor, report: str, key: str, number: int, content: bytes) -> str:
    """Add the reporter's photo of this number to the report that the key made; its SHA-256. Raises a Refusal."""
    sha256 = hashlib.sha256(content).hexdigest()
    media.put(sha256, content, None)
    data = {"sha256": sha256, "role": PhotoRole.REPORT.value, "size": len(content)}
    city.apply(EditBody(f"{key}.photo-{number}", Kind.PHOTO, data=data), report=report, actor=actor)
    return sha256
