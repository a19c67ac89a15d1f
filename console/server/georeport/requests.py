"""Service requests as a citizen may see them: chosen, in pages, without anything personal or internal."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa
from starlette.datastructures import QueryParams

from api_client.decoding import decode
from api_client.model import Agency, Entry, Kind, Report, Service
from console.rules.names import language_of, name_in
from console.rules.sla import due_next
from console.rules.status import is_open
from console.server.city import schema
from console.server.city.city import City
from console.server.city.confidential import confidential_services, hidden_reports, may_be_public
from console.server.city.database import holding
from console.server.city.meta import LANGUAGE, meta_value
from console.server.city.moderation import are_words_public, public_roles
from console.server.city.public_replies import public_reply
from console.server.city.redaction import PublicTexts
from console.server.georeport.faults import not_found
from console.server.georeport.formats import GeoReportDocument, w3c
from console.server.georeport.query import SPAN, box, halves, listed, page, place, window

ROOT = "service_requests"
_CUT = "The description is cut here. The request by itself, requests/ID, has up to 20,000 characters of it."
_LOOKED_AT = "The city looks at the words of this request before it publishes them."
_A_REPLY = b'"kind":"reply"'
_MOST_CATALOGS = 32
"""Each language that readers prefer has one, until the city sets other names."""


class _Catalog(NamedTuple):
    """What services and agencies are called in an answer, which services are confidential, and its language."""

    services: Mapping[str, str]
    agencies: Mapping[str, str]
    hidden: frozenset[str]
    language: str


class _Words(NamedTuple):
    """What stands beside the reports of one answer: names, and the newest reply of each."""

    catalog: _Catalog
    replies: Mapping[str, str]
    hidden: Collection[str]
    """Confidential reports that others are merged into."""


def requests(city: City, query: QueryParams, wanted_languages: tuple[str, ...] = ()) -> GeoReportDocument:
    """The requests that an address asks for, the newest first; those made at the same time by their ids.

    Named requests are answered whatever else is asked for, but what cannot be read is refused all the same. Services
    and agencies are called as in the first of the wanted languages in which they have a name.
    """
    table = schema.reports
    wanted = _ordered(sa.select(table.c.id))
    ids = listed(query, "service_request_id")
    named = _ordered(sa.select(table.c.body)).where(table.c.id.in_(ids))
    if codes := listed(query, "service_code"):
        wanted = wanted.where(table.c.service.in_(codes))
    if closed := halves(query):
        wanted = wanted.where(table.c.closed.in_(closed))
    by_change = bool(query.get("updated_after") or query.get("updated_before"))
    by_making = bool(query.get("start_date") or query.get("end_date"))
    span = None if ids or (by_change and not by_making) else SPAN
    now = city.clock()
    changed = window(query, now, start="updated_after", end="updated_before", span=None)
    made = window(query, now, start="start_date", end="end_date", span=span)
    for stretch, column in ((made, table.c.created), (changed, table.c.updated)):
        if stretch.start is not None:
            wanted = wanted.where(column >= schema.micros(stretch.start))
        if stretch.end is not None:
            wanted = wanted.where(column <= schema.micros(stretch.end))
    if (area := box(query)) is not None:
        wanted = wanted.where(table.c.lon.between(area.west, area.east), table.c.lat.between(area.south, area.north))
    part = page(query)
    if ids:
        return _answer(city, lambda _: named, wanted_languages)
    if part.after is not None:
        wanted = wanted.where(sa.tuple_(table.c.created, table.c.id) < sa.tuple_(*part.after))

    def found(hidden: Collection[str]) -> sa.Select[Any]:
        # The ids alone are counted off, in an index that holds nothing else.
        public = wanted.where(may_be_public(hidden)) if hidden else wanted
        chosen = public.limit(part.size).offset(part.skip).subquery()
        return _ordered(sa.select(table.c.body).join(chosen, table.c.id == chosen.c.id))

    return _answer(city, found, wanted_languages, full=part.size)


def request(city: City, key: str, wanted_languages: tuple[str, ...] = ()) -> GeoReportDocument:
    """One request; GeoReportRefusal (404) when there is none."""
    found = _answer(city, lambda _: _ONE, wanted_languages, named={"id": key})
    if not found.content:
        raise not_found("service_request_id", key)
    return found


def token(city: City, key: str) -> GeoReportDocument:
    """The request of a token. Every request gets its id at once, so the id is its own token."""
    with city.database.read() as connection:
        known = connection.scalar(sa.select(schema.reports.c.seq).where(schema.reports.c.id == key))
        is_hidden = bool(hidden_reports(connection, [key], confidential_services(connection)))
    if known is None or is_hidden:
        raise not_found("token", key)
    return GeoReportDocument(ROOT, [{"service_request_id": key, "token": key}])


def _ordered(query: sa.Select[Any]) -> sa.Select[Any]:
    table = schema.reports
    return query.order_by(table.c.created.desc(), table.c.id.desc())


def _answer(
    city: City,
    query_of: Callable[[Collection[str]], sa.Select[Any]],
    languages: tuple[str, ...],
    *,
    full: int | None = None,
    named: Mapping[str, Any] = {},
) -> GeoReportDocument:
    """The reports of a query, which is made of the codes of the confidential services and executed with the values
    `named`; where they are `full` in number, more may follow.
    """
    with city.database.read() as connection:
        catalog = _catalog_of(connection, languages)
        found = [decode(body, Report) for body in connection.scalars(query_of(catalog.hidden), named)]
        # protects: nothing-confidential-by-its-number
        reports = [report for report in found if report.service not in catalog.hidden]
        merged = {one.merged_into for one in reports if one.merged_into is not None}
        words = _Words(
            catalog,
            _replies(connection, sorted({report.merged_into or report.id for report in reports})),
            hidden_reports(connection, merged, catalog.hidden),
        )
    texts = PublicTexts()
    following = place(schema.micros(found[-1].created), found[-1].id) if len(found) == full else ""
    told = [_as_request(report, words, texts) for report in reports]
    return GeoReportDocument(ROOT, told, following=following, language=catalog.language)


_ONE = sa.select(schema.reports.c.body).where(schema.reports.c.id == sa.bindparam("id"))
_BODIES = sa.union_all(
    sa.select(sa.literal(0).label("what"), schema.services.c.body), sa.select(sa.literal(1), schema.agencies.c.body)
)


def _catalog_of(connection: sa.Connection, languages: tuple[str, ...]) -> _Catalog:
    bodies: tuple[list[bytes], list[bytes]] = ([], [])
    for what, body in connection.execute(_BODIES):
        bodies[what].append(body)
    return _catalog(tuple(bodies[0]), tuple(bodies[1]), languages, meta_value(connection, LANGUAGE) or "")


@functools.lru_cache(_MOST_CATALOGS)
def _catalog(
    services: tuple[bytes, ...], agencies: tuple[bytes, ...], languages: tuple[str, ...], own: str
) -> _Catalog:
    """Made once of the same rows: every answer has to look whether they are the same, and none has to read them."""
    known = [decode(body, Service) for body in services]
    return _Catalog(
        {service.code: name_in(service.name, service.names, languages, own) for service in known},
        {
            each.code: name_in(each.name, each.names, languages, own)
            for each in (decode(body, Agency) for body in agencies)
        },
        frozenset(service.code for service in known if service.confidential),
        language_of(known, languages, own),
    )


def _as_request(report: Report, words: _Words, texts: PublicTexts) -> dict[str, Any]:
    closed = not is_open(report.status)
    due = due_next([clock for clock in report.clocks if clock.name == "finish"])
    is_hidden = report.merged_into in words.hidden
    notes = words.replies.get(report.merged_into or report.id) if not is_hidden else None
    if notes is None and report.merged_into is not None and not is_hidden:
        notes = f"Duplicate of request {report.merged_into}."
    # protects: moderated-words-are-in-no-list
    are_public, roles = are_words_public(report), public_roles(report)
    description, whole = texts.public((report.description or report.title) if are_public else "")
    return {
        "service_request_id": report.id,
        "status": "closed" if closed else "open",
        "status_notes": notes,
        "service_name": words.catalog.services.get(report.service or "", report.service),
        "service_code": report.service,
        "description": description or None,
        "agency_responsible": words.catalog.agencies.get(report.agency or "", report.agency),
        "service_notice": _LOOKED_AT if not are_public else None if whole else _CUT,
        "requested_datetime": w3c(report.created),
        "updated_datetime": w3c(report.closed_at if closed and report.closed_at else report.updated),
        "expected_datetime": w3c(due.due) if due is not None and not closed else None,
        "address": (texts.public(report.address)[0] or None) if are_public else None,
        "address_id": None,
        "zipcode": None,
        "lat": report.lat,
        "long": report.lon,
        "media_url": next((photo.url for photo in report.photos if photo.url and photo.role in roles), None),
    }


def _replies(connection: sa.Connection, reports: Sequence[str]) -> dict[str, str]:
    """The newest reply of each report: the only words of ours that a citizen reads."""
    newest: dict[str, str] = {}
    for body in connection.scalars(_replies_of(connection), {"reports": reports}):
        entry = decode(body, Entry)
        if entry.kind == Kind.REPLY and entry.undone_by is None and entry.report is not None:
            newest[entry.report] = public_reply(entry)
    return newest


def _replies_of(connection: sa.Connection) -> sa.Select[Any]:
    table, dialect = schema.entries, connection.dialect.name
    if dialect not in _REPLIES:
        query = sa.select(table.c.body).where(
            table.c.report.in_(sa.bindparam("reports", expanding=True)), holding(connection, table.c.body, _A_REPLY)
        )
        _REPLIES[dialect] = query.order_by(table.c.at, table.c.seq)
    return _REPLIES[dialect]


_REPLIES: dict[str, sa.Select[Any]] = {}
