"""The reports of one caller, found by his telephone number; that somebody looked for them is in the audit log."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa

from api_client.decoding import decode
from api_client.model import CallerReports, Contact, NewContact, Report
from console.rules.phone import LEAST_DIGITS, phone_tail, same_phone
from console.rules.rights import may_see_contacts
from console.server.city import audit, schema
from console.server.city.database import Database
from console.server.city.records import Actor
from console.server.city.rights import in_scope
from console.server.city.unit_of_work import UnitOfWork
from console.server.errors import ForbiddenRefusal, Invalid

MOST_OF_A_CALLER = 20
"""So many reports are told, the newest."""

_MOST_COMPARED = 2_000


def contact_row(key: str, report: str, contact: Contact | NewContact | None) -> dict[str, Any]:
    """The row of a contact: who reported, or who called again."""
    tail = phone_tail(contact.phone) if contact is not None else ""
    return {"id": key, "report": report, "body": msgspec.json.encode(contact), "phone_tail": tail or None}


def reports_of_caller(database: Database, phone: str, who: Actor, now: datetime) -> CallerReports:
    """The reports that came from a telephone number, or that its owner added to, as far as `who` may see their
    contacts.

    That each was found so is written into the audit log first, or that none was; the number is not. Raises
    ForbiddenRefusal and Invalid.
    """
    # protects: callers-are-for-who-may-see-them
    if not may_see_contacts(who.role):
        raise ForbiddenRefusal(f"The role {who.role} may not see who reported.")
    tail = phone_tail(phone)
    if not tail:
        raise Invalid(f"A whole telephone number has at least {LEAST_DIGITS} digits.")
    contacts = schema.contacts
    query = sa.select(contacts.c.report, contacts.c.body).where(contacts.c.phone_tail == tail)
    with database.write() as connection:
        rows = connection.execute(query.order_by(contacts.c.id.desc()).limit(_MOST_COMPARED)).all()
        keys = {key for key, body in rows if same_phone(_phone(body), phone)}
        unit_of_work = UnitOfWork(database, connection, now)
        reports = [one for key in sorted(keys) if (one := unit_of_work.stored_report(key)) is not None]
        # protects: callers-of-ones-own-scope
        seen = [one for one in reports if in_scope(unit_of_work, who, one)]
        newest = sorted(seen, key=_age, reverse=True)
        found = tuple(one.id for one in newest[:MOST_OF_A_CALLER])
        actions = [audit.AuditedAction(who, audit.CALLER, key, detail={"found": True}) for key in found]
        none = audit.AuditedAction(who, audit.CALLER, detail={"found": False})
        audit.append(connection, now, *(actions or [none]))
    return CallerReports(found, len(newest) > len(found) or len(rows) == _MOST_COMPARED)


def _age(report: Report) -> tuple[datetime, str]:
    return report.created, report.id


def _phone(body: bytes) -> str:
    contact = decode(body, Contact | None)
    return contact.phone if contact is not None else ""
