"""What a citizen may do, whichever page he does it on: report, add photos, say that he sees it too, and whether he is
satisfied with the end.

What a reporter alone may do needs the key that his report was sent with.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any
from urllib.parse import urlsplit

import msgspec
import sqlalchemy as sa
from msgspec import Meta
from starlette.requests import Request

from api_client.decoding import decode
from api_client.model import EditBody, Entry, Key, Kind, Lat, Line, Lon, Metres, PhotoRole, Report, Status
from console.rules import rights
from console.rules.status import is_open
from console.server.city import schema
from console.server.city.city import City, no_such_report
from console.server.city.media import MediaStore
from console.server.city.public_reports import take_photo, take_report
from console.server.city.records import Actor
from console.server.city.report_key import REPORT_KEY, is_report_key, reporter_id
from console.server.errors import ForbiddenRefusal, Invalid
from console.server.http.endpoint import HttpEndpoint, check_local

CITIZEN = Actor(rights.CITIZEN, rights.CITIZEN, via="page")
MOST_PHOTOS = 3
AGAIN_PHOTO = MOST_PHOTOS + 1
"""The number of the photo by which a reporter shows what is not solved."""
EXACT_M = 50.0
"""A place that is farther off than this is told to be so: a crew would stand before the wrong house."""
REOPEN_FOR = timedelta(days=30)
"""How long after closing the reporter may say whether it is solved."""
_OWN_PAGE = ("same-origin", "none")

Secret = Annotated[str, Meta(pattern=rf"^{REPORT_KEY}\Z")]
Word = Annotated[str, Meta(max_length=200)]


class NewReport(msgspec.Struct, frozen=True):
    """A citizen's report; `key` is chosen by his device and is both idempotency key and proof of being the reporter.

    `within_m` is how far off the device says that its position may be, in metres; 0 of a point that he chose himself.
    """

    key: Secret
    service: Key
    description: Annotated[str, Meta(max_length=5_000)] = ""
    address: Line = ""
    lat: Lat | None = None
    lon: Lon | None = None
    within_m: Metres = 0.0
    name: Word = ""
    phone: Annotated[str, Meta(max_length=60)] = ""
    email: Word = ""
    attributes: dict[Word, tuple[Annotated[str, Meta(max_length=2_000)], ...]] = {}


class PublicMeToo(msgspec.Struct, frozen=True):
    """Another one who sees the same; `key` is the same for each try of one device."""

    key: Secret


class NotSolved(msgspec.Struct, frozen=True):
    """The reporter is not satisfied; `report_key` is the key that his report was sent with."""

    key: Secret
    report_key: Secret
    text: Annotated[str, Meta(max_length=2_000)] = ""


class Satisfied(msgspec.Struct, frozen=True):
    """The reporter is satisfied; `report_key` is the key that his report was sent with."""

    report_key: Secret


class CitizenDeeds:
    """Does what citizens ask for, on threads. Each raises a Refusal, with a sentence for the citizen."""

    def __init__(self, city: City, media: MediaStore, http_endpoint: HttpEndpoint) -> None:
        self._city = city
        self._media = media
        self._http_endpoint = http_endpoint

    def check_own_page(self, request: Request, *, is_form: bool = False) -> None:
        """Raise ForbiddenRefusal when a page of another site lets a visitor's browser write here.

        What comes `is_form`, which every site can send without asking, has to say that it comes from here.
        """
        site = request.headers.get("sec-fetch-site")
        refusal = ForbiddenRefusal("Reports are taken from this server's own page only.")
        if site is not None and site not in _OWN_PAGE:
            raise refusal
        # protects: forms-of-other-sites
        if is_form and site is None and not _is_from_here(request):
            raise refusal
        if not self._http_endpoint.has_users():
            check_local(request)

    def take(self, new: NewReport) -> str:
        """Make the report, once for its key; its number."""
        if (new.lat is None) != (new.lon is None):
            raise Invalid("A place needs both a latitude and a longitude.")
        if new.lat is None and not new.address.strip():
            raise Invalid("A report needs a place: a point on the map or an address.")
        data: dict[str, Any] = {
            "service": new.service,
            "description": new.description,
            "address": new.address,
            "channel": "web",
            # The page may not have reached the server when it wanted to ask, or something else is asked by now.
            "answers": {code: list(values) for code, values in new.attributes.items()},
        }
        if new.lat is not None:
            data |= {"lat": new.lat, "lon": new.lon}
            if new.within_m:  # a report that was sent before, by a page that said nothing of it, is the same
                data["within_m"] = new.within_m
        if new.name or new.phone or new.email:
            data["contact"] = {"name": new.name, "phone": new.phone, "email": new.email}
        return take_report(self._city, CITIZEN, new.key, data).id

    def made_by(self, key: str) -> str | None:
        """The number of the report that this key has made, if it has made one."""
        table = schema.entries
        with self._city.database.read() as connection:
            return connection.scalar(sa.select(table.c.report).where(table.c.edit == reporter_id(key)))

    def add_photo(self, number: str, key: str, at: int, content: bytes) -> str:
        """Add the reporter's photo of the number `at`, or AGAIN_PHOTO once he has opened it again; its SHA-256."""
        report = self.report(number, key)
        if not 1 <= at <= AGAIN_PHOTO:
            raise Invalid(f"A report takes {MOST_PHOTOS} photos.")
        self._check_reporter(report, key)
        role = PhotoRole.REPORT
        if at == AGAIN_PHOTO:  # of each round of the work one; an official has not seen it, so it is not public
            rounds = sum(entry.kind == Kind.REOPEN for entry in self._city.entries(report.id))
            if not rounds or not is_open(report.status):
                raise Invalid("This photo belongs to a report that was opened again.")
            at, role = at + rounds, PhotoRole.OTHER
        return take_photo(self._city, self._media, CITIZEN, report.id, key, at, content, role)

    def me_too(self, number: str, key: str) -> None:
        """Count another one who sees the same, once for each key."""
        report = self.report(number)
        if not is_open(report.status):
            raise Invalid("This report is closed; make a new one if you see it again.")
        self._city.apply(EditBody(key, Kind.ME_TOO), report=report.id, actor=CITIZEN)

    def not_solved(self, number: str, said: NotSolved) -> None:
        """The reporter brings the report back to work; nobody else can, as numbers are guessable."""
        report = self.report(number, said.report_key)
        self._check_reporter(report, said.report_key)
        if report.status is not Status.RETURNED and not self.may_reopen(report):
            raise Invalid("This report cannot be opened again; make a new one.")
        reason = f"The reporter is not satisfied: {said.text}" if said.text else "The reporter is not satisfied."
        edit = EditBody(said.key, Kind.REOPEN, data={"reason": reason})
        applied = self._city.apply(edit, report=report.id, actor=CITIZEN)
        if applied.replayed and self.may_reopen(self._city.report(report.id)):
            raise Invalid("The report was closed again since you said this. Open this page anew and say it again.")

    def satisfied(self, number: str, key: str) -> None:
        """Note for the city that the reporter is satisfied with this end, once for each end."""
        report = self.report(number, key)
        self._check_reporter(report, key)
        if not self.may_reopen(report):
            raise Invalid("This report is not one that waits for your answer.")
        note = EditBody(_satisfied_id(report, key), Kind.NOTE, data={"text": "The reporter is satisfied."})
        self._city.apply(note, report=report.id, actor=CITIZEN)

    # Who may do what

    def report(self, number: str, key: str = "") -> Report:
        """The report that is asked for; NotFound too when it is confidential, and `key` not the one that it was sent
        with: who tries numbers does not learn that there is one.
        """
        report = self._city.report(number)
        # protects: only-the-reporter-follows-what-is-confidential
        if report.service in self._city.confidential_services() and not self.is_reporter(report, key):
            raise no_such_report(report.id)
        return report

    def is_reporter(self, report: Report, key: str) -> bool:
        """Whether the key is the one that the report was sent with."""
        return is_report_key(key) and self._kind_of(report, reporter_id(key)) == "created"

    def may_reopen(self, report: Report) -> bool:
        """Whether its reporter may say now that it is not solved."""
        until = answer_until(report)
        return until is not None and self._city.clock() <= until

    def is_satisfied(self, report: Report, key: str) -> bool:
        """Whether its reporter has said that he is satisfied with this end."""
        return self._kind_of(report, _satisfied_id(report, key)) == Kind.NOTE

    def _check_reporter(self, report: Report, key: str) -> None:
        """Raise ForbiddenRefusal unless the key is the one that the report was sent with."""
        if not self.is_reporter(report, key):
            raise ForbiddenRefusal("Only the device that sent the report may do this.")

    def _kind_of(self, report: Report, edit: str) -> str | None:
        """Of what kind the report's entry by this edit is, if there is one that stands."""
        table = schema.entries
        query = sa.select(table.c.body).where(table.c.report == report.id, table.c.edit == edit)
        with self._city.database.read() as connection:
            body = connection.scalar(query)
        return decode(body, Entry).kind if body is not None else None


def answer_until(report: Report) -> datetime | None:
    """Until when its reporter may say whether it is solved; None while that is no question."""
    if report.merged_into is not None or report.closed_at is None or is_open(report.status):
        return None
    return report.closed_at + REOPEN_FOR


def _satisfied_id(report: Report, key: str) -> str:
    """The id of the edit by which the reporter says it of this end, and of no later one."""
    closed = schema.micros(report.closed_at) if report.closed_at is not None else 0
    return f"{reporter_id(key)}.satisfied-{closed}"


def _is_from_here(request: Request) -> bool:
    """Whether a browser says, by Origin or, where it has none, by Referer, that a page of this server sends it."""
    said = request.headers.get("origin") or request.headers.get("referer") or ""
    try:
        return urlsplit(said).netloc == request.headers.get("host", "") != ""
    except ValueError:
        return False
