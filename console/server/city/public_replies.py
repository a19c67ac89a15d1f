"""What may be published of a reply: the city's own words, without what citizens told it in confidence."""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa

from api_client.decoding import decode
from api_client.model import Contact, Entry, Kind, Report
from console.server.city import schema
from console.server.city.redaction import mask_personal, mask_quoted

PUBLIC = "public"
"""Where the entry of a reply says what everybody reads. It is settled when the reply is written: later the contact that
it may quote is no longer kept.
"""

_WORDS = ("text", "reason", "disposition", "title", "description", "address")


def public_text(connection: sa.Connection, report: str, text: str) -> str:
    """A new reply for publication: numbers and addresses that the city has from citizens are masked."""
    return mask_quoted(text, list(_confided(connection, report)))


def public_reply(entry: Entry) -> str:
    """A stored reply for publication; in one that was loaded from a file, whose author is unknown, all of them are
    masked.
    """
    settled = entry.data.get(PUBLIC)
    return settled if isinstance(settled, str) else mask_personal(entry.text)


def _confided(connection: sa.Connection, report: str) -> Iterator[str]:
    """Texts in which citizens told something: the report, its duplicates, contacts, notes; replies are not
    among them.
    """
    keys = _with_duplicates(connection, report)
    reports, entries, contacts = schema.reports, schema.entries, schema.contacts
    for body in connection.scalars(sa.select(reports.c.body).where(reports.c.id.in_(keys))):
        one = decode(body, Report)
        yield from (one.title, one.description, one.address)
        for answers in one.attributes.values():
            yield from answers
    for body in connection.scalars(sa.select(entries.c.body).where(entries.c.report.in_(keys))):
        entry = decode(body, Entry)
        if entry.kind != Kind.REPLY:
            yield from (str(entry.data[name]) for name in _WORDS if name in entry.data)
    for body in connection.scalars(sa.select(contacts.c.body).where(contacts.c.report.in_(keys))):
        contact = decode(body, Contact)
        yield from (contact.phone, contact.email)


def _with_duplicates(connection: sa.Connection, report: str) -> set[str]:
    """The report and all that were merged into it, also by way of another: their reporters read its replies."""
    table = schema.reports
    found: set[str] = set()
    fresh = {report}
    while fresh:
        found |= fresh
        fresh = set(connection.scalars(sa.select(table.c.id).where(table.c.merged_into.in_(fresh)))) - found
    return found
