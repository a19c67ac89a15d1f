"""Takes in a report from the public, with its photos, once for each key, for GeoReport and the citizens' page."""

from __future__ import annotations

import hashlib
from typing import Any

from api_client.model import EditBody, Kind, PhotoRole, Report
from console.server.city.city import City
from console.server.city.media import MediaStore
from console.server.city.records import Actor
from console.server.city.report_key import photo_id, reporter_id


def take_report(city: City, actor: Actor, key: str, data: dict[str, Any]) -> Report:
    """Make a report; the one that is there when the key made it before. Raises a Refusal."""
    made = city.apply(EditBody(reporter_id(key), Kind.CREATE, data=data), actor=actor).answer.report
    assert made is not None
    return made


def keep_photo(media: MediaStore, content: bytes) -> str:
    """Keep a photo's bytes, which no report bears yet; its SHA-256. Raises a Refusal for what is no whole photo."""
    sha256 = hashlib.sha256(content).hexdigest()
    media.put(sha256, content, None)
    return sha256


def take_photo(
    city: City,
    media: MediaStore,
    actor: Actor,
    report: str,
    key: str,
    number: int,
    content: bytes,
    role: PhotoRole = PhotoRole.REPORT,
) -> str:
    """Add the reporter's photo of this number to the report that the key made; its SHA-256. Raises a Refusal."""
    sha256 = keep_photo(media, content)
    data = {"sha256": sha256, "role": role.value, "size": len(content)}
    city.apply(EditBody(photo_id(key, number), Kind.PHOTO, data=data), report=report, actor=actor)
    return sha256
