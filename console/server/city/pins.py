"""PINs, by which users sign at a colleague's desk: kept as salted hashes; five wrong ones at a desk, then a wait there;
many at the desks of others, then a wait at all of those, and never at the own one; many of colleagues at a desk, then a
wait there.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from api_client.model import NewPin
from console.server.city import audit, schema
from console.server.city.database import Database
from console.server.city.records import Actor
from console.server.errors import ForbiddenRefusal, Invalid, NotFound, TooMany

LEAST_DIGITS, MOST_DIGITS = 6, 12
MOST_TRIES = 5
MOST_OF_OTHERS = 20
"""So many wrong ones at all desks but the user's own are answered at once."""
MOST_AT_DESK = 20
"""So many wrong ones of all colleagues are answered at once at a desk."""
_ALL = ""
"""Stands for all colleagues together: no user is called so."""
_FIRST_WAIT, _LONGEST_WAIT = timedelta(minutes=5), timedelta(hours=1)
_SALT = 16


def check_new_pin(pin: str) -> None:
    """Raise Invalid for what is no PIN, or is the first that everybody tries."""
    if not (pin.isascii() and pin.isdecimal() and LEAST_DIGITS <= len(pin) <= MOST_DIGITS):
        raise Invalid(f"A PIN has {LEAST_DIGITS} to {MOST_DIGITS} digits.")
    if len(set(pin)) == 1 or pin in "0123456789012" or pin in "9876543210987":
        raise Invalid("This PIN is among the first that are tried: choose another.")


def set_pin(database: Database, name: str, pin: str, by: Actor, now: datetime) -> None:
    """Give a user a PIN in the place of the one that he had. Raises Invalid, and NotFound for an unknown user."""
    check_new_pin(pin)
    salt = os.urandom(_SALT)
    row = {"user": name, "salt": salt, "hash": _hash_of(pin, salt), "tries": 0, "wait_until": 0}
    with database.write() as connection:
        if connection.scalar(sa.select(schema.users.c.id).where(schema.users.c.id == name)) is None:
            raise NotFound(f"There is no user {name}.")
        database.upsert(connection, schema.pins, [row])
        connection.execute(sa.delete(schema.pin_tries).where(schema.pin_tries.c.user == name))
        audit.append(connection, now, audit.AuditedAction(by, audit.USER, name, detail={"did": "given a PIN"}))


def change_own_pin(database: Database, new: NewPin, actor: Actor, now: datetime) -> None:
    """Give who asks another PIN; who has one says it, so that nobody changes it at a desk that was left open.

    Raises Refusal.
    """
    check_new_pin(new.pin)
    # protects: a-pin-is-changed-by-who-knows-it
    if has_pin(database, actor.name):
        check_pin(database, actor.name, new.before, actor, now)
    set_pin(database, actor.name, new.pin, actor, now)


def has_pin(database: Database, name: str) -> bool:
    """Whether a user has a PIN."""
    with database.read() as connection:
        return connection.scalar(sa.select(schema.pins.c.user).where(schema.pins.c.user == name)) is not None


def check_pin(database: Database, name: str, pin: str, by: Actor, now: datetime) -> None:
    """Raise ForbiddenRefusal when it is not this user's PIN, TooMany when too many were tried.

    Each try is counted before it is looked at, in a transaction of its own: those that come at once, or at several
    servers of the city, are so many tries. A refused one is in the audit log. They are counted by desk, which is who is
    signed in there, and together at all desks of others: nobody who guesses there keeps the user from signing at his
    own, nor, for long, a colleague's. At a desk those of all colleagues are counted together, too.
    """
    table, of_desk = schema.pins, schema.pin_tries
    at_desk = sa.and_(of_desk.c.user == name, of_desk.c.desk == by.name)
    all_at_desk = sa.and_(of_desk.c.user == _ALL, of_desk.c.desk == by.name)
    with database.write() as connection:
        row = connection.execute(sa.select(table).where(table.c.user == name).with_for_update()).first()
        if row is None:
            raise ForbiddenRefusal(f"{name} has no PIN yet: “Set my PIN”, or sigap user pin {name}.")
        here = connection.execute(sa.select(of_desk).where(at_desk)).first()
        is_own = by.name == name
        # protects: guessing-elsewhere-locks-nobody-out
        waits = [here.wait_until if here is not None else 0, 0 if is_own else row.wait_until]
        left = max(_left(until, now) for until in waits)
        of_all = _tries_of_all(database, connection, by.name) if not is_own else None
        # protects: one-desk-guesses-not-everybodys
        if of_all is not None and _left(of_all.wait_until, now) > max(left, timedelta(0)):
            left_s = int(_left(of_all.wait_until, now).total_seconds())
            raise TooMany(f"Too many wrong PINs at this desk: wait {-(-left_s // 60)} min.", retry_after_s=left_s + 1)
        # protects: five-pins-and-a-wait
        if left > timedelta(0):
            minutes = -(-int(left.total_seconds()) // 60)
            raise TooMany(
                f"Too many wrong PINs for {name}: wait {minutes} min.", retry_after_s=int(left.total_seconds()) + 1
            )
        tries = (here.tries if here is not None else 0) + 1
        counted = {"user": name, "desk": by.name, "tries": tries, "wait_until": _wait_until(tries, MOST_TRIES, now)}
        database.upsert(connection, of_desk, [counted])
        if not is_own:
            # protects: many-desks-guess-no-faster
            others = {"tries": row.tries + 1, "wait_until": _wait_until(row.tries + 1, MOST_OF_OTHERS, now)}
            connection.execute(sa.update(table).where(table.c.user == name).values(others))
        if of_all is not None:
            counted = {"tries": of_all.tries + 1, "wait_until": _wait_until(of_all.tries + 1, MOST_AT_DESK, now)}
            connection.execute(sa.update(of_desk).where(all_at_desk).values(counted))
    is_right = hmac.compare_digest(_hash_of(pin, row.salt), row.hash)
    with database.write() as connection:
        if not is_right:
            audit.append(connection, now, audit.AuditedAction(by, audit.SIGN_IN_REFUSED, name, detail={"by": "PIN"}))
        else:
            # The user's row first, as above: of two tries at once neither waits for the other's.
            if not is_own:
                connection.execute(sa.update(table).where(table.c.user == name).values(tries=0, wait_until=0))
            forgotten = at_desk if is_own else sa.or_(at_desk, all_at_desk)
            connection.execute(sa.delete(of_desk).where(forgotten))
    if not is_right:
        left_tries = max(0, MOST_TRIES - tries)
        more = f"{left_tries} tries left." if left_tries else "Wait before the next."
        raise ForbiddenRefusal(f"That is not the PIN of {name}. {more}")


def drop_pins(connection: sa.Connection, names: Sequence[str]) -> None:
    """Forget the PINs of users who are removed."""
    for table in (schema.pins, schema.pin_tries):
        connection.execute(sa.delete(table).where(table.c.user.in_(names)))
    connection.execute(sa.delete(schema.pin_tries).where(schema.pin_tries.c.desk.in_(names)))


def _tries_of_all(database: Database, connection: sa.Connection, desk: str) -> sa.Row[Any]:
    """The tries of all colleagues' PINs at a desk, locked until the end of the transaction."""
    table = schema.pin_tries
    database.upsert(connection, table, [{"user": _ALL, "desk": desk, "tries": 0, "wait_until": 0}], keep=True)
    query = sa.select(table).where(table.c.user == _ALL, table.c.desk == desk).with_for_update()
    return connection.execute(query).one()


def _left(until: int, now: datetime) -> timedelta:
    """How long has to be waited still. What is longer than the longest wait is of a clock that has been set back since:
    nobody waits for that.
    """
    left = schema.moment(until) - now if until else timedelta(0)
    return left if left <= _LONGEST_WAIT else timedelta(0)


def _wait_until(tries: int, most: int, now: datetime) -> int:
    """Until when has to be waited after so many tries, of which so many are answered at once: twice as long after each
    further one; 0 for no wait.
    """
    if tries < most:
        return 0
    return schema.micros(now + min(_LONGEST_WAIT, (1 << min(10, tries - most)) * _FIRST_WAIT))


def _hash_of(pin: str, salt: bytes) -> bytes:
    return hashlib.scrypt(pin.encode(), salt=salt, n=2**14, r=8, p=1, dklen=32)
