"""A new service request: the form of a citizen or his program becomes a report."""

from __future__ import annotations

import uuid
from typing import Any

from api_client.model import Service
from console.server.city.city import City
from console.server.city.media import MediaStore
from console.server.city.public_reports import keep_photo, take_photo, take_report
from console.server.city.records import Actor
from console.server.city.report_key import is_report_key
from console.server.georeport.answers import check_answers
from console.server.georeport.faults import GeoReportRefusal, not_found, not_given
from console.server.georeport.form import PostedForm
from console.server.georeport.formats import GeoReportDocument
from console.server.georeport.query import degrees
from console.server.georeport.requests import ROOT

_LONGEST = 4_000
_MOST_ADDRESS = 500
_MOST_URLS = 10
_LONGEST_URL = 2_000


def create(city: City, media: MediaStore, form: PostedForm, actor: Actor) -> GeoReportDocument:
    """Take a request in and answer its id. Raises GeoReportRefusal: nothing was taken then.

    With a key it is taken in once, however often it is sent.
    """
    if form.key and not is_report_key(form.key):
        raise GeoReportRefusal("Idempotency-Key has to be 32 to 64 letters, digits and hyphens, such as a UUID.")
    if not (code := form.one("service_code")):
        raise not_given("service_code")
    service = next((each for each in city.offered_services() if each.code == code), None)
    if service is None:
        raise not_found("service_code", code)
    answers = check_answers(service, form.attributes())
    data = _data(service, form) | ({"attributes": answers.given} if answers.given else {})
    key = form.key or str(uuid.uuid4())
    photos = list(dict.fromkeys(form.photos))
    for photo in photos:
        keep_photo(media, photo)
    made = take_report(city, actor, key, data)
    for number, photo in enumerate(photos, start=1):
        take_photo(city, media, actor, made.id, key, number, photo)
    answer = {
        "service_request_id": made.id,
        "service_notice": _notice(answers.unasked),
        "account_id": form.one("account_id") or None,
    }
    return GeoReportDocument(ROOT, [answer], 201)


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


def _notice(unasked: tuple[str, ...]) -> str | None:
    if not unasked:
        return None
    names = ", ".join(f"attribute[{code}]" for code in unasked[:10])
    return f"This service does not ask for {names}; it was not kept."
