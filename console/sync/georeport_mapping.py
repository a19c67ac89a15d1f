"""Turn GeoReport v2 requests, as real servers send them, into reports; say on the report what had to be guessed."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cache
from importlib import resources
from typing import Any

from api_client.georeport_model import GeoRequest, GeoService
from api_client.model import Entry, Photo, PhotoRole, Report, Service, Status
from console.cache.page_items import PageItem
from console.rules.moments import EARLIEST, can_be
from console.rules.status import BY_STATUS


@cache
def _statuses() -> dict[str, Status]:
    """What the words of other systems are here, in small letters: those beneath the layouts of files, too."""
    text = resources.files("resources").joinpath("dialects", "plain.toml").read_text(encoding="utf-8")
    return {word: Status(ours) for word, ours in tomllib.loads(text)["statuses"].items()}


def status_of(word: str) -> Status | None:
    """What a server's word for the state of a report is here; None for one that is not known."""
    return _statuses().get(" ".join(word.lower().replace("_", " ").split()))


def service_item(service: GeoService, seq: int) -> PageItem | None:
    """A category; None when it has neither code nor name."""
    code = _text(service.service_code) or _text(service.service_name)
    if not code:
        return None
    keywords = service.keywords if isinstance(service.keywords, str) else ", ".join(service.keywords or ())
    name = _text(service.service_name) or code
    return PageItem("service", seq, code, Service(code, name, group=service.group or "", keywords=keywords))


def request_items(request: GeoRequest, number: int = 0) -> list[PageItem]:
    """A report and its reply, if it has one; nothing for a request without an id (it only has a token yet).

    `number` is that of the reading. The server's own times order nothing: what it says now is true, also when it was
    set back or dates a change before the last one.
    """
    remote_id = _text(request.service_request_id)
    if not remote_id:
        return []
    remarks: list[str] = []
    created = _time(request.requested_datetime, "requested", remarks)
    updated = _time(request.updated_datetime, "updated", remarks)
    if created is None:
        created = updated or EARLIEST
        remarks.append("No date of the request was given.")
    latest = max(created, updated or created)  # some servers date a change before the request
    word = _text(request.status)
    status = status_of(word)
    if status is None:
        status = Status.NEW
        remarks.append(f"The server's status “{word}” is not one of ours." if word else "No status was given.")
    lat, lon = _place(request, remarks)
    is_open = BY_STATUS[status].is_open
    report = Report(
        id=remote_id,
        version=int(latest.timestamp()),
        status=status,
        service=_text(request.service_code) or _text(request.service_name) or None,
        priority=3,
        description=_description(request),
        created=created,
        updated=latest,
        title=_text(request.title) or _text(request.service_name),
        status_label=word if word.lower() not in ("", "open", "closed") else None,
        agency=_agency(request.agency_responsible) or None,
        address=_text(request.address) or _text(request.address_string),
        lat=lat,
        lon=lon,
        channel="open311",
        closed_at=None if is_open else latest,
        photos=tuple(Photo(None, PhotoRole.REPORT, url=url) for url in _urls(request.media_url)),
        remarks=tuple(remarks),
    )
    items = [PageItem("report", number, remote_id, report)]
    notes = _notes(request.status_notes)
    if notes:
        entry = Entry(reply_id(remote_id), remote_id, "reply", latest, report.agency or "", text=notes)
        items.append(PageItem("entry", number, entry.id, entry))
    return items


def reply_id(remote_id: str) -> str:
    """The id of the entry that holds the server's reply to a report."""
    return f"{remote_id}/notes"


def created_id(remote_id: str) -> str:
    """The id of the entry that proves a report of ours."""
    return f"{remote_id}/created"


def created_entry(remote_id: str, edit_id: str, author: str, at: datetime, number: int) -> PageItem:
    """The history line that proves our own report: this server's records name no edit."""
    entry = Entry(created_id(remote_id), remote_id, "created", at, author, edit=edit_id)
    return PageItem("entry", number, entry.id, entry)


def _text(value: Any) -> str:
    """A text without NUL characters, at which SQLite's JSON ends: an id with one would never be found again."""
    return "" if value is None else str(value).replace("\x00", "").strip()


def _description(request: GeoRequest) -> str:
    """What the citizen wrote. Of FixMyStreet's "title: detail" the title goes where it only repeats the category."""
    title, detail, whole = _text(request.title), _text(request.detail), _text(request.description)
    says_category = title in (_text(request.service_name), _text(request.service_code))
    return detail if says_category and detail and whole == f"{title}: {detail}" else whole


def _agency(value: Any) -> str:
    """A name, or FixMyStreet's {"recipient": [names]}."""
    if isinstance(value, dict):
        return ", ".join(map(str, value.get("recipient") or ()))
    return _text(value)


def _notes(value: Any) -> str:
    if isinstance(value, list):
        return "\n".join(_text(each) for each in value if _text(each))
    return "" if isinstance(value, dict) else _text(value)


def _urls(value: Any) -> Iterable[str]:
    listed = value if isinstance(value, list) else [value]
    return [url for url in map(_text, listed) if url.startswith(("https://", "http://"))]


def _time(text: str | None, name: str, remarks: list[str]) -> datetime | None:
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        remarks.append(f"The {name} date “{text[:40]}” cannot be read.")
        return None
    aware = found if found.tzinfo is not None else found.replace(tzinfo=UTC)
    if not can_be(aware):
        remarks.append(f"The {name} date “{text[:40]}” cannot be.")
        return None
    if found.tzinfo is None:
        remarks.append(f"The {name} date has no time zone; UTC was assumed.")
        return found.replace(tzinfo=UTC)
    return found.astimezone(UTC)


def _place(request: GeoRequest, remarks: list[str]) -> tuple[float | None, float | None]:
    if _text(request.lat) == "" or _text(request.long) == "":
        return None, None
    try:
        lat, lon = float(_text(request.lat)), float(_text(request.long))
    except ValueError:
        lat = lon = math.nan
    if not (abs(lat) <= 90 and abs(lon) <= 180) or (lat == 0 and lon == 0):
        remarks.append(f"The place {_text(request.lat)[:20]}, {_text(request.long)[:20]} is none.")
        return None, None
    return lat, lon
