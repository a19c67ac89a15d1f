"""Release claims of users who may not hold their reports any more, so that others can take them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

import sqlalchemy as sa
from msgspec.structs import replace

from api_client.decoding import decode
from api_client.model import Claim, ClaimOffer, Kind, Report, User
from console.rules.report import is_for_everybody
from console.rules.rights import may_make
from console.server.city import audit, schema
from console.server.city.database import Database
from console.server.city.own_step import write_own_step
from console.server.city.records import LOCAL, SERVER, Actor
from console.server.city.rights import in_scope
from console.server.city.unit_of_work import UnitOfWork

_IN_BODY = b'"claim":{'


Holders = Mapping[str, Actor | None]
"""Those whose claims are looked at: what they may work on now, None for who may take no report any more."""


def present_holders(connection: sa.Connection) -> dict[str, Actor | None]:
    """All who cannot take every report, "local" among them once there is a user with a token."""
    table = schema.users
    columns = table.c.body, table.c.areas, table.c.agencies
    holders: dict[str, Actor | None] = {}
    for body, areas, agencies in connection.execute(sa.select(*columns).where(table.c.token_hash.is_not(None))):
        user, codes = decode(body, User), tuple[str, ...]
        actor = Actor(user.name, user.role, decode(areas, codes), decode(agencies, codes))
        holders |= {LOCAL.name: None, **limited(actor)}
    return holders


def actor_called(connection: sa.Connection, name: str) -> Actor | None:
    """A user with a token by his name; None for nobody."""
    table, codes = schema.users, tuple[str, ...]
    columns = table.c.body, table.c.areas, table.c.agencies
    row = connection.execute(sa.select(*columns).where(table.c.id == name, table.c.token_hash.is_not(None))).first()
    if row is None:
        return None
    user = decode(row[0], User)
    return Actor(user.name, user.role, decode(row[1], codes), decode(row[2], codes))


def limited(actor: Actor) -> dict[str, Actor | None]:
    """User name -> the actor by whose scope his claims are checked (None: he may hold none); {} if he may take any
    report.
    """
    if not may_make(actor.role, Kind.CLAIM):
        return {actor.name: None}
    return {actor.name: actor} if actor.areas or actor.agencies else {}


def held_no_longer(database: Database, connection: sa.Connection, holders: Holders, now: datetime) -> list[str]:
    """The ids of open reports claimed by these users that they may not hold any more; looks through all open
    reports.
    """
    if not holders:
        return []
    table = schema.reports
    bodies = connection.execute(sa.select(table.c.id, table.c.body).where(table.c.closed == 0).order_by(table.c.id))
    reports = ((key, decode(body, Report)) for key, body in bodies if _IN_BODY in body)
    unit_of_work = UnitOfWork(database, connection, now)
    return [key for key, report in reports if _why(unit_of_work, report, holders)]


def release_claims(
    database: Database,
    connection: sa.Connection,
    holders: Holders,
    by: Actor,
    now: datetime,
    taken: Sequence[str] | None = None,
) -> int:
    """Release, in this transaction, the open reports that these users hold and may not hold any more; return the last
    feed number, 0 for none.

    `taken` are the reports to look at, if known. Call it before the transaction takes feed numbers: an edit locks its
    report before it takes them.
    """
    if taken is None:
        taken = held_no_longer(database, connection, holders, now)
    if not taken:
        return 0
    unit_of_work = UnitOfWork(database, connection, now)
    actions = []
    for key in taken:
        report = unit_of_work.report(key)
        why = _why(unit_of_work, report, holders)
        if report is not None and why:  # else released by himself since it was read
            actions.append(_release(unit_of_work, report, why, by))
    audit.append(connection, now, *actions)
    return unit_of_work.settle()


def release_what_left(unit_of_work: UnitOfWork, before: Report, after: Report, by: Actor) -> audit.AuditedAction | None:
    """Release a report which `by` moved to an area or agency where its holder may not work; the audited action, None
    when nothing was released.

    Example: the operator of a district passes a report on to another district; whoever works there can take it.
    """
    if after.claim is None or (before.area, before.agency) == (after.area, after.agency):
        return None
    # protects: what-leaves-his-scope-is-let-go
    why = _why(unit_of_work, after, present_holders(unit_of_work.connection))
    return _release(unit_of_work, after, why, by if by.name == after.claim.who else SERVER) if why else None


def claimed_by(connection: sa.Connection, name: str) -> list[Report]:
    """The open reports that a user has taken; looks through all open reports."""
    table = schema.reports
    bodies = connection.execute(sa.select(table.c.body).where(table.c.closed == 0).order_by(table.c.id))
    reports = (decode(body, Report) for (body,) in bodies if _IN_BODY in body)
    return [one for one in reports if _holder(one) == name]


def offer_claims(unit_of_work: UnitOfWork, name: str, taken: Sequence[str]) -> int:
    """Offer the reports that a user has `taken` to everybody, as he signs out; returns of how many."""
    offer = ClaimOffer(unit_of_work.now, name)
    return _change_claims(unit_of_work, name, taken, lambda claim: replace(claim, offer=offer))


def take_back_offers(unit_of_work: UnitOfWork, name: str, offered: Sequence[str]) -> int:
    """Keep for a user who has come back what was `offered` and nobody has taken over; returns of how many reports."""
    return _change_claims(
        unit_of_work, name, offered, lambda claim: replace(claim, offer=None) if is_for_everybody(claim) else claim
    )


def _change_claims(
    unit_of_work: UnitOfWork, name: str, reports: Sequence[str], change: Callable[[Claim], Claim]
) -> int:
    changed = 0
    for key in sorted(reports):
        report = unit_of_work.report(key)
        if report is None or report.claim is None or report.claim.who != name:
            continue  # taken over since it was read
        claim = change(report.claim)
        if claim == report.claim:
            continue
        version = unit_of_work.next_version(report)
        versions, updated = report.versions | {"claim": version}, max(unit_of_work.now, report.created)
        unit_of_work.put(replace(report, claim=claim, version=version, versions=versions, updated=updated))
        changed += 1
    return changed


def _release(unit_of_work: UnitOfWork, report: Report, why: str, by: Actor) -> audit.AuditedAction:
    write_own_step(unit_of_work, report, replace(report, claim=None), Kind.RELEASE, by, why, {}, touched=["claim"])
    return audit.AuditedAction(by, audit.WRITE, report.id, None, {"kind": Kind.RELEASE.value, "of": _holder(report)})


def _why(unit_of_work: UnitOfWork, report: Report | None, holders: Holders) -> str:
    """Why the holder may not hold the report any more; "" where he may, or is not among `holders`."""
    holder = _holder(report)
    if report is None or holder is None or holder not in holders:
        return ""
    actor = holders[holder]
    if actor is None:
        return f"{holder} may take reports no longer."
    # protects: no-claim-out-of-scope
    return "" if in_scope(unit_of_work, actor, report) else f"{holder} may work on this report no longer."


def _holder(report: Report | None) -> str | None:
    return report.claim.who if report is not None and report.claim is not None else None
