"""Turns the text of one line into a report with its history, and remarks on whatever had to be left out."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

import msgspec

from api_client.model import Area, Contact, Entry, Photo, PhotoRole, Report, Status
from console.rules.apply import GIVEN
from console.rules.area import AreaIndex
from console.rules.moments import AHEAD, LATEST
from console.rules.sla import FIRST_UNKNOWN
from console.rules.status import BY_STATUS, is_open
from console.server.city.records import LoadedReport
from console.server.loader.dialect import Dialect
from console.server.loader.dialects import Dialects
from console.server.loader.places import NO_DEGREES, read_place
from console.server.loader.raw import RawReport
from console.server.loader.services import ServiceBook
from console.server.loader.status_words import StatusWords, small_word
from console.server.loader.times import DateColumn, read_time

_LONGEST_TEXT = 100_000
_LONGEST_ID = 128
_DATING = ("created", "updated", "closed")
"""The times by which a report is newer than another."""
_REMEMBERED = 4_096
"""Words of a file whose meaning is kept in mind."""
_CONTACT = frozenset({"contact_name", "contact_last_name", "contact_phone", "contact_email"})
_OWN_WORDS = frozenset(status.value for status in Status)
_PRIORITIES = {
    "p1": 1, "hazard": 1, "emergency": 1, "critical": 1, "darurat": 1,
    "p2": 2, "urgent": 2, "high": 2, "tinggi": 2, "mendesak": 2,
    "p3": 3, "routine": 3, "normal": 3, "medium": 3, "standard": 3, "sedang": 3,
    "p4": 4, "minor": 4, "low": 4, "rendah": 4,
}  # fmt: skip
_PADDED_FRACTION = re.compile(r"(\d+)\.0+")
_SPREADSHEET_ID = re.compile(r"\d(?:[.,]\d+)?E\+\d{1,3}", re.IGNORECASE)


class Converter:
    """Knows everything that was decided for the whole file; `convert` then looks at one line alone."""

    def __init__(
        self,
        dialect: Dialect,
        dialects: Dialects,
        has: frozenset[str],
        columns: Mapping[str, DateColumn],
        zone: ZoneInfo,
        services: ServiceBook,
        index: AreaIndex,
        areas_by_word: Mapping[str, Area],
        words: StatusWords,
        now: datetime,
    ) -> None:
        self._dialect = dialect
        self._dialects = dialects
        self._has = has
        self._columns = columns
        self._zone = zone
        self._services = services
        self._index = index
        self._areas_by_word = areas_by_word
        self._words = words
        self._now = now
        self._latest = min(now + AHEAD, LATEST)
        self._meaning = lru_cache(_REMEMBERED)(self._find_meaning)
        self._category = lru_cache(_REMEMBERED)(self._find_category)
        self._urgency = lru_cache(_REMEMBERED)(self._find_urgency)
        self.no_degrees = 0
        self.undated = 0

    def convert(self, raw: RawReport, *, copy: int = 1) -> tuple[LoadedReport, list[str], bool]:
        """The report of a line, the remarks on it, and whether a zone was assumed.

        `copy` is how many times the file has said the very same so far; it tells reports without an id apart.
        """
        remarks = list(raw.remarks)
        get = raw.values.get
        key = self._id(raw, remarks, copy)
        times, assumed = self._times(raw, remarks)
        created, updated, closed_at = self._order_times(times, remarks)
        status, label, doubt = self._meaning(get("status", ""), "closed" in times)
        if doubt:
            remarks.append(doubt)
        place, remark = read_place(get("lat", ""), get("lon", ""), get("point", ""))
        if remark:
            remarks.append(remark)
            self.no_degrees += remark.startswith(NO_DEGREES)
        service, word, doubt = self._category(get("service_code", ""), get("service", ""))
        if doubt:
            remarks.append(doubt)
        area, rule = self._area(raw, place)
        description = self._text(raw, "description", remarks)
        title = get("title", "")[:500] or word or ""
        priority, doubt = self._urgency(get("priority", ""), service)
        if doubt:
            remarks.append(doubt)
        closed = not is_open(status)
        photos = self._photos(raw, remarks)
        said = tuple(remarks)
        report = Report(
            id=key,
            version=1,
            status=status,
            status_label=label,
            service=service,
            priority=priority,
            title=title,
            description=description,
            created=created,
            updated=updated,
            area=area,
            area_rule=rule,
            agency=get("agency", "")[:200] or None,
            address=_address(raw),
            lat=place[0] if place else None,
            lon=place[1] if place else None,
            channel=get("channel", "")[:100],
            disposition=(get("disposition", "")[:2000] or None) if closed else None,
            merged_into=get("merged_into", "")[:_LONGEST_ID] or None if status is Status.CLOSED else None,
            closed_at=(closed_at or updated) if closed else None,
            photos=photos,
            remarks=(*said, f"time zone assumed: {self._zone.key}") if assumed else said,
        )
        is_dated = any(name in times for name in _DATING)
        self.undated += not is_dated
        loaded = LoadedReport(report, entries=_history(report, raw), contact=_contact(raw), is_dated=is_dated)
        return loaded, remarks, assumed

    def _id(self, raw: RawReport, remarks: list[str], copy: int) -> str:
        key = raw.get("id")
        if not key:
            key = f"{self._dialect.id_prefix or 'line'}-{raw.name()}{f'-{copy}' if copy > 1 else ''}"
            if "id" in self._has:
                remarks.append(f"no id; it was given the id {key}")
        elif len(key) > _LONGEST_ID:
            key = f"{key[: _LONGEST_ID - 17]}-{hashlib.sha256(key.encode()).hexdigest()[:16]}"
            remarks.append(f"the id is longer than {_LONGEST_ID} characters and was cut")
        elif _SPREADSHEET_ID.fullmatch(key):
            remarks.append(f"the id {key} looks rounded by a spreadsheet")
        return key

    def _times(self, raw: RawReport, remarks: list[str]) -> tuple[dict[str, datetime], bool]:
        times: dict[str, datetime] = {}
        assumed = False
        for name, column in self._columns.items():
            text = raw.values.get(name)
            if not text:
                continue
            moment = read_time(text, column, self._zone)
            if moment is None:
                remarks.append(f"unreadable time {text[:60]!r} ({name})")
                continue
            at, is_assumed = moment
            if name != "due" and not at < self._latest:
                remarks.append(f"a time that lies ahead, {text[:60]!r} ({name}), is not used")
            else:
                times[name] = at
                assumed = assumed or is_assumed
        return times, assumed

    def _order_times(
        self, times: Mapping[str, datetime], remarks: list[str]
    ) -> tuple[datetime, datetime, datetime | None]:
        created, closed = times.get("created"), times.get("closed")
        known = [times[name] for name in _DATING if name in times]
        if created is None and known:
            created = min(known)
            remarks.append("no time of arrival; the earliest other time stands for it")
        elif created is None:
            created = self._now
            remarks.append("no time of arrival; the time of loading stands for it")
        if closed is not None and closed < created:
            remarks.append("closed before it was opened; the closing time is not used")
            closed = None
        return created, max([created, *known]), closed

    def _find_meaning(self, word: str, is_closed: bool) -> tuple[Status, str | None, str]:
        """The status, its label and a remark for a word on a line with or without a closing time."""
        if not word:
            status = Status.RESOLVED if is_closed else Status.NEW
            remark = f"no status; it counts as {'closed' if is_closed else 'open'}" if "status" in self._has else ""
            return status, None, remark
        small = small_word(word)
        known = self._dialects.status(small, self._dialect)
        if known is None:
            status = self._words.meaning(small, is_closed)
            counts = "closed" if status is Status.RESOLVED else "open"
            return status, word[:100], f"unknown status {word[:60]!r}; it counts as {counts}"
        if small in _OWN_WORDS and small != "closed":
            return known, None, ""
        return known, None if small == BY_STATUS[known].label.casefold() else word[:100], ""

    def _find_category(self, code: str, name: str) -> tuple[str | None, str | None, str]:
        """The service's code, the word of one that is not known, and a remark."""
        if not code and not name:
            return None, None, "no category" if self._has & {"service", "service_code"} else ""
        found = self._services.find(code, name)
        if found is None:
            return None, name or code, f"unknown category {(name or code)[:60]!r}"
        if found in self._services.created and not self._services.began_empty:
            return found.code, None, f"unknown category {(name or code)[:60]!r}; it was added to the city's"
        return found.code, None, ""

    def _area(self, raw: RawReport, place: tuple[float, float] | None) -> tuple[str | None, str | None]:
        if place is not None:
            found = self._index.area_at(*place)
            if found is not None:
                return found
        name = raw.values.get("area")
        given = self._areas_by_word.get(name.casefold()) if name else None
        return (given.code, GIVEN) if given is not None else (None, None)

    def _text(self, raw: RawReport, name: str, remarks: list[str]) -> str:
        text = raw.get(name)
        if len(text) > _LONGEST_TEXT:
            remarks.append(f"the {name} was cut at {_LONGEST_TEXT:,} of {len(text):,} characters")
        return text[:_LONGEST_TEXT]

    def _find_urgency(self, said: str, service: str | None) -> tuple[int, str]:
        """The priority that a word says, or that of the service, and a remark."""
        word = _PADDED_FRACTION.sub(r"\1", said.casefold())
        known = self._services.find(service, "") if service else None
        usual = known.priority if known is not None else 3
        if not word:
            return usual, ""
        value = int(word) if word in ("1", "2", "3", "4") else _PRIORITIES.get(word)
        if value is None:
            return usual, f"unknown priority {word[:30]!r}"
        return value, ""

    def _photos(self, raw: RawReport, remarks: list[str]) -> tuple[Photo, ...]:
        if "photo" not in raw.values and "photo_after" not in raw.values:
            return ()
        photos: list[Photo] = []
        for name, role in (("photo", PhotoRole.REPORT), ("photo_after", PhotoRole.AFTER)):
            for address in raw.get(name).split():
                if address.startswith(("https://", "http://")) and len(address) < 2000:
                    photos.append(Photo(None, role, url=address))
                else:
                    remarks.append(f"{address[:60]!r} is no address of a photo")
        return tuple(photos[:20])


def _address(raw: RawReport) -> str:
    address, zipcode = " ".join(raw.get("address").split()), raw.get("zipcode")
    if cross := " ".join(raw.get("cross_street").split()):
        address = f"{address} & {cross}" if address else cross
    if zipcode:
        zipcode = _PADDED_FRACTION.sub(r"\1", zipcode)
        if address and zipcode not in address and any(letter.isdigit() for letter in zipcode):
            address = f"{address}, {zipcode}"
    return address[:500]


def _contact(raw: RawReport) -> Contact | None:
    if _CONTACT.isdisjoint(raw.values):
        return None
    name = f"{raw.get('contact_name')} {raw.get('contact_last_name')}".strip()
    contact = Contact(name[:200], raw.get("contact_phone")[:60], raw.get("contact_email")[:200])
    return contact if contact != Contact() else None


def _history(report: Report, raw: RawReport) -> tuple[Entry, ...]:
    key, agency = report.id, report.agency or "city"
    left = {} if report.status is Status.NEW else {FIRST_UNKNOWN: True}
    created = Entry(f"{key}/created", key, "created", report.created, report.channel or "file", data=left)
    reply = raw.get("reply")[:4000]
    if not reply and report.closed_at is None:
        return (created,)
    entries = [created]
    if reply:
        entries.append(Entry(f"{key}/reply", key, "reply", report.updated, agency, text=reply, data={"text": reply}))
    if report.closed_at is not None:
        data = {"status": report.status.value}
        text = report.disposition or ""
        entries.append(Entry(f"{key}/closed", key, "set", report.closed_at, agency, text=text, data=data))
    return tuple(entries)


def with_remark(loaded: LoadedReport, remark: str) -> LoadedReport:
    """The same report with one remark more."""
    report = msgspec.structs.replace(loaded.report, remarks=(*loaded.report.remarks, remark))
    return msgspec.structs.replace(loaded, report=report)
