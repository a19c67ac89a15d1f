"""Hand-overs of shifts: offered by who leaves, signed by who takes over, with what he has taken over."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from msgspec.structs import replace

from api_client.decoding import decode
from api_client.model import (
    Claim,
    Handover,
    HandoverLine,
    HandoverMark,
    HandoverOffer,
    HandoverSignature,
    Kind,
    User,
)
from console.rules.report import HAZARD
from console.rules.status import is_open
from console.server.city import audit, schema
from console.server.city.database import Database
from console.server.city.numbered import drop_things
from console.server.city.own_step import write_own_step
from console.server.city.pins import check_pin
from console.server.city.records import Actor
from console.server.city.rights import in_scope
from console.server.city.unit_of_work import UnitOfWork
from console.server.errors import ForbiddenRefusal, Invalid, NotFound

"""As long as contacts are kept: remarks may name people."""
_LONGEST = timedelta(hours=24)
_APART = timedelta(days=2)
_CLOCK_SLACK = timedelta(minutes=15)
"""A console's clock may be ahead by so much."""
_ROLES = frozenset({"operator", "supervisor"})


def offer_handover(database: Database, offer: HandoverOffer, actor: Actor, now: datetime) -> Handover:
    """Keep what a user hands over, signed by him as he is signed in; offered again it takes the place of what he
    offered before, until somebody has signed it. Raises Refusal.
    """
    _check_role(actor.name, actor.role)
    if actor.tokenless:
        raise ForbiddenRefusal("Without users there is nobody who could take over.")
    _check_offer(offer, now)
    with database.write() as connection:
        unit_of_work = UnitOfWork(database, connection, now)
        before = unit_of_work.handover(offer.id)
        # protects: nobody-offers-for-another
        if before is not None and before.outgoing != actor.name:
            raise ForbiddenRefusal(f"This hand-over is that of {before.outgoing}.")
        # protects: what-is-signed-stays
        if before is not None and before.signed is not None:
            return before
        _check_first(connection, offer.id, actor.name, offer.shift_start, offer.shift_end)
        if offer.incoming:
            # protects: an-offer-can-be-signed
            _check_incoming(connection, offer.incoming, actor)
        handover = Handover(
            id=offer.id,
            outgoing=actor.name,
            incoming=offer.incoming,
            begun=offer.begun,
            shift_start=offer.shift_start,
            shift_end=offer.shift_end,
            offered=now,
            updated=now,
            lines=offer.lines,
            version=before.version + 1 if before is not None else 1,
        )
        unit_of_work.put(handover)
        audit.append(connection, now, _audited(actor, handover, "offered"))
        seq = unit_of_work.settle()
    database.announce(seq, users=False)
    return handover


def sign_handover(database: Database, key: str, signature: HandoverSignature, actor: Actor, now: datetime) -> Handover:
    """Let somebody take over, at the desk of who leaves or at his own, by his PIN. Raises Refusal.

    In one transaction with it the reports that the outgoing had taken, and whose lines are confirmed, are taken by who
    takes over; of those outside his areas and agencies none is. At his own desk only the marks of his signature count:
    what is marked in the offer was marked at the other desk.
    """
    with database.read() as connection:
        handover = UnitOfWork(database, connection, now).handover(key, lock=False)
        _check_may_sign(handover, key, signature.name, actor)
        incoming = _user(connection, signature.name)
    _check_role(incoming.name, incoming.role)
    check_pin(database, incoming.name, signature.pin, actor, now)
    with database.write() as connection:
        unit_of_work = UnitOfWork(database, connection, now)
        handover = _check_may_sign(unit_of_work.handover(key), key, signature.name, actor)
        if handover.signed is not None:
            return handover
        _check_first(connection, key, handover.outgoing, handover.shift_start, handover.shift_end)
        is_own_desk = actor.name == signature.name
        lines = tuple(_with_mark(line, signature, now, is_own_desk=is_own_desk) for line in handover.lines)
        numbers = sorted({line.report for line in lines if line.report is not None})
        reports = {one: report for one in numbers if (report := unit_of_work.report(one)) is not None}
        for line in lines:
            report = reports.get(line.report or "")
            hazard = line.priority == HAZARD or (report is not None and report.priority == HAZARD)
            # protects: each-p1-is-confirmed-before-signing
            if hazard and line.mark is not HandoverMark.CONFIRMED and (report is None or is_open(report.status)):
                raise Invalid(f"{line.report or line.id} is a P1: it has to be confirmed before it is signed.")
        after = replace(
            handover, incoming=incoming.name, signed=now, updated=now, lines=lines, version=handover.version + 1
        )
        actions = [_audited(actor, after, "signed")]
        for line in lines:
            report = reports.get(line.report or "")
            if report is None or report.claim is None or not is_open(report.status):
                continue
            # protects: only-what-was-confirmed-changes-hands
            if report.claim.who != handover.outgoing or line.mark is not HandoverMark.CONFIRMED:
                continue
            if in_scope(unit_of_work, incoming, report):
                claim = Claim(incoming.name, now)
                words = f"Taken over from {handover.outgoing}"
                write_own_step(
                    unit_of_work, report, replace(report, claim=claim), Kind.CLAIM, incoming, words, {},
                    touched=["claim"],
                )  # fmt: skip
                detail = {"kind": Kind.CLAIM.value, "of": handover.outgoing, "handover": handover.id}
                actions.append(audit.AuditedAction(incoming, audit.WRITE, report.id, None, detail))
                reports[report.id] = replace(report, claim=claim)
        unit_of_work.put(after)
        audit.append(connection, now, *actions)
        seq = unit_of_work.settle()
    database.announce(seq, users=False)
    return after


def drop_old_handovers(database: Database, connection: sa.Connection, now: datetime, keep: timedelta) -> None:
    """Delete hand-overs of shifts that ended longer ago than `keep`; who signed what stays in the audit log."""
    keys = list(connection.scalars(old_handovers(now - keep)))
    drop_things(database, connection, "handover", keys, now)


def old_handovers(at: datetime) -> sa.Select[Any]:
    """The ids of the hand-overs of shifts that ended before `at`."""
    table = schema.handovers
    return sa.select(table.c.id).where(table.c.shift_end < schema.micros(at))


def _check_role(name: str, role: str) -> None:
    if role not in _ROLES:
        raise ForbiddenRefusal(f"{name} has the role {role}: a shift is handed over between operators and supervisors.")


def _check_incoming(connection: sa.Connection, incoming: str, actor: Actor) -> None:
    """Raise a Refusal when a hand-over is offered to somebody who could never sign it."""
    if incoming == actor.name:
        raise Invalid(f"{incoming} cannot take over from himself.")
    # protects: no-nul-in-a-name-that-is-looked-for
    if "\x00" in incoming:  # PostgreSQL would call that a fault of its own, and the client would ask again for ever
        raise NotFound("There is no such user who can sign in.")
    _check_role(incoming, _user(connection, incoming).role)


def _check_offer(offer: HandoverOffer, now: datetime) -> None:
    if len({line.id for line in offer.lines}) < len(offer.lines):
        raise Invalid("It names a line twice.")
    if not timedelta(0) < offer.shift_end - offer.shift_start <= _LONGEST:
        raise Invalid("A shift lasts up to 24 hours.")
    if abs(offer.shift_end - now) > _APART or abs(offer.begun - now) > _APART:
        raise Invalid("It is no shift of today.")
    # protects: a-shift-is-offered-once-it-has-begun
    if offer.shift_start > now + _CLOCK_SLACK:
        raise Invalid("That shift has not begun yet.")


def _check_first(connection: sa.Connection, key: str, outgoing: str, start: datetime, end: datetime) -> None:
    """Raise Invalid when somebody has handed a shift over already, at another desk: who took it over has its lines. Of
    two that are signed at once the second waits here for the first.
    """
    table, users = schema.handovers, schema.users
    # protects: two-who-sign-at-once-follow-one-another
    connection.execute(sa.select(users.c.id).where(users.c.id == outgoing).with_for_update())
    query = sa.select(table.c.body).where(table.c.shift_end == schema.micros(end), table.c.id != key)
    others = [decode(body, Handover) for body in connection.execute(query).scalars()]
    for one in others:
        # protects: a-shift-is-handed-over-once
        if one.outgoing == outgoing and one.shift_start == start and one.signed is not None:
            taken = sum(line.mark is HandoverMark.CONFIRMED for line in one.lines)
            raise Invalid(
                f"{outgoing} has handed this shift over at another desk: {one.incoming} has signed, with {taken} of"
                f" {len(one.lines)} lines confirmed."
            )


def _check_may_sign(handover: Handover | None, key: str, name: str, actor: Actor) -> Handover:
    if handover is None:
        raise NotFound(f"There is no hand-over {key}.")
    if name == handover.outgoing:
        raise Invalid(f"{name} cannot take over from himself.")
    # protects: signed-at-ones-own-desk-or-the-outgoings
    if actor.name not in (handover.outgoing, name):
        raise ForbiddenRefusal(f"It is signed at the desk of {handover.outgoing} or of {name}.")
    # protects: it-is-signed-by-whom-it-is-offered-to
    if handover.incoming not in ("", name):
        is_taken = handover.signed is not None
        raise Invalid(
            f"{handover.incoming} has taken it over already." if is_taken else f"It is offered to {handover.incoming}."
        )
    return handover


def _user(connection: sa.Connection, name: str) -> Actor:
    table = schema.users
    query = sa.select(table.c.body, table.c.areas, table.c.agencies)
    row = connection.execute(query.where(table.c.id == name, table.c.token_hash.is_not(None))).first()
    if row is None:
        raise NotFound(f"There is no user {name} who can sign in.")
    user = decode(row[0], User)
    return Actor(user.name, user.role, decode(row[1], tuple[str, ...]), decode(row[2], tuple[str, ...]))


def _with_mark(line: HandoverLine, signature: HandoverSignature, now: datetime, *, is_own_desk: bool) -> HandoverLine:
    """A line with what who signs says of it, where he says it with his signature."""
    mark = signature.marks.get(line.id)
    if mark is not None:
        return replace(line, mark=mark, marked_by=signature.name, marked_at=now)
    # protects: nobody-confirms-for-another
    return replace(line, mark=None, marked_by="", marked_at=None) if is_own_desk else line


def _audited(actor: Actor, handover: Handover, did: str) -> audit.AuditedAction:
    detail: dict[str, Any] = {"kind": "handover", "handover": handover.id, "did": did, "outgoing": handover.outgoing}
    detail |= {"incoming": handover.incoming, "lines": len(handover.lines)}
    return audit.AuditedAction(actor, audit.WRITE, None, None, detail)
