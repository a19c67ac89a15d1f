"""A new service request: the form of a citizen or his program becomes a report."""

from __future__ import annotations

import hashlib
import hmac
import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
import sqlalchemy as sa

from api_client.decoding import decode
from api_client.model import EditBody, Entry, Kind, Service
from console.rules.answers import SortedAnswers, sort_answers
from console.rules.status import is_open
from console.server.city import schema
from console.server.city.city import City
from console.server.city.media import MediaStore, check_photo
from console.server.city.public_reports import keep_photo, take_photo, take_report
from console.server.city.questions import asks_otherwise_since
from console.server.city.records import Actor
from console.server.city.report_key import is_report_key, reporter_id
from console.server.errors import KeyReused, WrongType
from console.server.georeport.answers import faults_of
from console.server.georeport.faults import GeoReportRefusal, not_found, not_given
from console.server.georeport.formats import GeoReportDocument
from console.server.georeport.query import degrees, read_time
from console.server.georeport.requests import ROOT
from console.server.http.posted_form import PostedForm

_LONGEST = 4_000
_MOST_ADDRESS = 500
_MOST_URLS = 10
_LONGEST_URL = 2_000
_SAME_FOR = timedelta(hours=1)
"""How long a program may send the same thing again, because it lost the answer, without that being another report."""
_AGAIN = "The same has come again: the answer to it was lost on the way, or somebody else says the same."
_GRACE = timedelta(days=7)
"""How long after a service asks otherwise a program may still send what it was told before, without saying when."""


def create(city: City, media: MediaStore, form: PostedForm, actor: Actor) -> GeoReportDocument:
    """Take a request in and answer its id. Raises GeoReportRefusal: nothing was taken then.

    With an Idempotency-Key it is taken in once, however often it is sent, and so is what a program sends again within
    an hour in the same words, while the report is open; the history says that it came again. What a program was told
    before its service asked otherwise, or was retired, is taken with a remark.
    """
    if form.key and not is_report_key(form.key):
        raise GeoReportRefusal("Idempotency-Key has to be 32 to 64 letters, digits and hyphens, such as a UUID.")
    if not (code := form.one("service_code")):
        raise not_given("service_code")
    service = next((each for each in city.services() if each.code == code), None)
    if service is None or (service.valid_to is not None and not _was_told_before(city, form, service.valid_to)):
        raise not_found("service_code", code)
    answers = sort_answers(service, form.attributes())
    late = faults_of(answers)
    # protects: asked-later-is-no-refusal
    if late and service.valid_to is None and not _was_told_before(city, form, _asks_otherwise_since(city, code)):
        raise GeoReportRefusal(*late)
    data = _data(service, form)
    if late or service.valid_to is not None:
        data["answers"] = _asked(answers, form)
    elif answers.given:
        data["attributes"] = answers.given
    photos = list(dict.fromkeys(form.photos))
    shas = [keep_photo(media, photo) for photo in photos]
    key, made = form.key or str(uuid.uuid4()), None
    if form.api_key and not form.key:
        # protects: other-forms-are-other-reports
        said = {name: values for name, values in form.fields.items() if name != "api_key"}
        # protects: sent-again-is-one-report
        key, made = _sent_before(city, form.api_key, [actor.name, said, shas])
        if made is not None:
            _note_again(city, actor, made)
    if made is None:
        try:
            made = take_report(city, actor, key, data).id
        except KeyReused:  # it came twice at once, and the service asked otherwise in between
            made = _made_by(city, key)
            if made is None or form.key:
                raise
    for number, photo in enumerate(photos, start=1):
        take_photo(city, media, actor, made, key, number, photo)
    answer = {
        "service_request_id": made,
        "service_notice": _notice(answers.unasked, late),
        "account_id": form.one("account_id") or None,
    }
    return GeoReportDocument(ROOT, [answer], 201)


def check_photos(form: PostedForm) -> None:
    """Raise GeoReportRefusal when a file of the form is no photo."""
    try:
        for photo in form.photos:
            check_photo(photo)
    except WrongType as fault:
        raise GeoReportRefusal("media has to be a photo: JPEG, PNG or WebP.") from fault


def _sent_before(city: City, api_key: str, content: Sequence[Any]) -> tuple[str, str | None]:
    """The key under which a program's content is taken in, and the report that it has made within the last hour and
    that somebody still works on.

    It is made of the content, the hour and the reports that it has made and that are closed by now, so that it is the
    same in each process; nobody without the api_key can make it, which is also the proof of being the reporter.
    """
    now = city.clock()
    hour = int(now.timestamp() // _SAME_FOR.total_seconds())
    ended: list[str] = []
    while True:
        whole = msgspec.json.encode([content, ended], order="sorted")
        words = (b"%d %s" % (each, whole) for each in (hour, hour - 1))
        keys = [hmac.new(api_key.encode(), each, hashlib.sha256).hexdigest() for each in words]
        found = ((key, _made_by(city, key, since=now - _SAME_FOR)) for key in keys)
        key, made = next(((key, made) for key, made in found if made is not None), (keys[0], None))
        # protects: said-again-of-closed-work-is-a-new-report
        if made is None or _is_worked_on(city, made):
            return key, made
        ended.append(made)


def _is_worked_on(city: City, key: str) -> bool:
    """Whether the report is open, or one that it was merged into."""
    report, seen = city.report(key), {key}
    while report.merged_into is not None and report.merged_into not in seen:
        seen.add(report.merged_into)
        report = city.report(report.merged_into)
    return is_open(report.status)


def _note_again(city: City, actor: Actor, report: str) -> None:
    """Let the history say that the same came again, once a minute: most often an answer was lost on the way, but it may
    be a second family in the same house.
    """
    minute = int(city.clock().timestamp() // 60)
    digest = hashlib.sha256(msgspec.json.encode([actor.name, report, minute])).hexdigest()
    # protects: who-says-the-same-is-seen
    city.apply(EditBody(f"again:{digest}", Kind.NOTE, data={"text": _AGAIN}), report=report, actor=actor)


def _made_by(city: City, key: str, since: datetime | None = None) -> str | None:
    """The report that this key has made, if that is no longer ago."""
    table = schema.entries
    with city.database.read() as connection:
        body = connection.scalar(sa.select(table.c.body).where(table.c.edit == reporter_id(key)))
    made = decode(body, Entry) if body is not None else None
    return made.report if made is not None and (since is None or made.at > since) else None


def _was_told_before(city: City, form: PostedForm, changed: datetime | None) -> bool:
    """Whether a program may have been told this before a change that it is refused for: by the time that it says, or
    for a week when it says none.
    """
    if not form.api_key or changed is None:
        return False
    try:
        told = read_time("requested_datetime", form.one("requested_datetime"))
    except GeoReportRefusal:
        return city.clock() < changed + _GRACE
    return told < changed


def _asks_otherwise_since(city: City, code: str) -> datetime | None:
    with city.database.read() as connection:
        return asks_otherwise_since(connection, code)


def _asked(answers: SortedAnswers, form: PostedForm) -> dict[str, tuple[str, ...]]:
    """The answers to what is asked, also those that do not fit: remarks tell of them."""
    return {code: values for code, values in form.attributes().items() if code not in answers.unasked}


def _data(service: Service, form: PostedForm) -> dict[str, Any]:
    """What the report consists of."""
    description = form.one("description")
    if len(description) > _LONGEST:
        raise GeoReportRefusal(f"description has at most {_LONGEST:,} characters.")
    data: dict[str, Any] = {
        "service": service.code,
        "description": description,
        "address": (form.one("address_string") or form.one("address_id"))[:_MOST_ADDRESS],
        "channel": "open311",
    }
    if place := _place(form):
        data |= place
    elif not data["address"]:
        raise GeoReportRefusal("lat and long, address_string or address_id has to be provided.")
    if contact := _contact(form):
        data["contact"] = contact
    if urls := media_urls(form):
        data["media_urls"] = urls
    return data


def media_urls(form: PostedForm) -> list[str]:
    """The addresses of media, which are kept as they are and never opened."""
    urls = list(form.many("media_url"))
    if len(urls) > _MOST_URLS:
        raise GeoReportRefusal(f"media_url may be given {_MOST_URLS} times at most.")
    for url in urls:
        plain = url.isprintable() and not any(letter.isspace() for letter in url)
        if not url.startswith(("http://", "https://")) or not plain or len(url) > _LONGEST_URL:
            raise GeoReportRefusal("media_url has to be an address that begins with https:// or http://.")
    return urls


def _place(form: PostedForm) -> dict[str, float]:
    lat, lon = form.one("lat"), form.one("long")
    if not lat and not lon:
        return {}
    if not lat or not lon:
        raise not_given("long" if lat else "lat")
    return {"lat": _degrees("lat", lat, 90), "lon": _degrees("long", lon, 180)}


def _degrees(name: str, text: str, most: int) -> float:
    try:
        value = degrees(text)
    except ValueError:
        raise GeoReportRefusal(f"{name} has to be a number of degrees, not “{text[:40]}”.") from None
    if abs(value) > most:
        raise GeoReportRefusal(f"{name} lies between -{most} and {most}.")
    return value


def _contact(form: PostedForm) -> dict[str, str]:
    contact = {
        "name": f"{form.one('first_name')} {form.one('last_name')}".strip()[:200],
        "phone": form.one("phone")[:60],
        "email": form.one("email")[:200],
        "account": form.one("account_id")[:200],
        "device": form.one("device_id")[:200],
    }
    return {name: text for name, text in contact.items() if text}


def _notice(unasked: tuple[str, ...], late: Sequence[str]) -> str | None:
    said = [f"The service asks otherwise now; it was taken with a remark: {' '.join(late[:10])}"] if late else []
    if unasked:
        names = ", ".join(f"attribute[{code}]" for code in unasked[:10])
        said.append(f"This service does not ask for {names}; it was not kept.")
    return " ".join(said) or None
