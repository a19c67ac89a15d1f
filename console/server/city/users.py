"""Users of a city's server: role, scope, and the hash of a token that is shown once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from pathlib import Path

import msgspec
import sqlalchemy as sa

from api_client.decoding import decode
from api_client.model import User
from console.rules.rights import ADMIN, ROLES
from console.server.city import audit, schema, tokens
from console.server.city.city import City
from console.server.city.claims import limited, release_claims
from console.server.city.database import Database, next_numbers
from console.server.city.meta import meta_value
from console.server.city.numbered import drop_things
from console.server.city.pins import drop_pins
from console.server.city.records import COMMAND_LINE, LOCAL, Actor
from console.server.errors import ForbiddenRefusal, Invalid, NotFound, SignInRefusal

_NOBODY = Actor("", "")
ADMIN_HAS_NO_SCOPE = "An admin sets up the whole city: the role has no areas and no agencies."


class KnownUser(msgspec.Struct, frozen=True):
    """A user as a file of users holds him; the token itself stands nowhere."""

    name: str
    role: str
    token_sha256: str
    areas: tuple[str, ...] = ()
    agencies: tuple[str, ...] = ()


class Users:
    """Whose a token is. Without any user everybody is the supervisor "local", if `tokenless` is allowed."""

    def __init__(self, city: City, *, tokenless: bool = True) -> None:
        self._city = city
        self._tokenless = tokenless
        self._known: dict[str, tuple[tuple[str, int, int], Actor]] = {}
        self._there: tuple[str, int, int] | None = None
        self._looked_for_admin: tuple[str, int, int] | None = None
        self._has_admin = False
        self.stamp: Callable[[], tuple[str, int, int] | None] = lambda: None

    @property
    def surely(self) -> bool:
        """Whether it is known, without asking the database, that a user with a token exists."""
        return self._there is not None and self._there == self.stamp()

    def any(self) -> bool:
        """Whether there is a user with a token."""
        if self.surely:
            return True
        stamp = self.stamp()
        found = self._look_for_any()
        self._there = stamp if found else None
        return found

    def has_admin(self) -> bool:
        """Whether somebody with a token is admin."""
        stamp = self.stamp()
        if stamp is None or self._looked_for_admin != stamp:
            with self._city.database.read() as connection:
                self._has_admin, self._looked_for_admin = bool(_admins(connection)), stamp
        return self._has_admin

    def _look_for_any(self) -> bool:
        with self._city.database.read() as connection:
            table = schema.users
            return connection.scalar(sa.select(table.c.id).where(table.c.token_hash.is_not(None)).limit(1)) is not None

    def known(self, token: str | None) -> Actor | None:
        """Whose token it is, if that was looked up since users last changed (see `stamp`); None otherwise."""
        stamp = self.stamp()
        held = self._known.get(tokens.hash_of(token)) if token and stamp is not None else None
        return held[1] if held is not None and held[0] == stamp else None

    def actor(self, token: str | None, *, refresh: bool = False) -> Actor:
        """Whose token it is; with `refresh` as the database has it now. Raises SignInRefusal for no token or an unknown
        one, and ForbiddenRefusal where there are no users yet and requests without a token are not allowed.
        """
        if token:
            stamp = self.stamp()
            found = (None if refresh else self.known(token)) or self._by_token(token)
            if found is not None:
                if stamp is not None:
                    self._known[tokens.hash_of(token)] = stamp, found
                return found
            raise SignInRefusal("This token is not known here.")
        if self.any():
            raise SignInRefusal("This server needs a token.")
        if not self._tokenless:
            raise ForbiddenRefusal("This server has no users yet; add one with “sigap user add”.")
        return LOCAL

    def record_refused(self, network: str) -> None:
        """Write into the audit log that somebody in this network came with an unknown token."""
        city = self._city
        audit.record(
            city.database, city.clock(), audit.AuditedAction(_NOBODY, audit.SIGN_IN_REFUSED, detail={"from": network})
        )

    def _by_token(self, token: str) -> Actor | None:
        table = schema.users
        with self._city.database.read() as connection:
            row = connection.execute(
                sa.select(table.c.body, table.c.areas, table.c.agencies).where(
                    table.c.token_hash == tokens.hash_of(token)
                )
            ).first()
        if row is None:
            return None
        user = decode(row[0], User)
        return Actor(user.name, user.role, _codes(row[1]), _codes(row[2]))


class ListedUser(msgspec.Struct, frozen=True):
    """A user as a list shows him; `signs_in` is False for people who only stand in the history."""

    name: str
    role: str
    areas: tuple[str, ...]
    agencies: tuple[str, ...]
    signs_in: bool


def add_user(
    city: City,
    name: str,
    role: str,
    areas: Sequence[str] = (),
    agencies: Sequence[str] = (),
    *,
    by: Actor = COMMAND_LINE,
) -> str:
    """Add a user, or give one a new role, scope and token; returns the token, which is kept nowhere.

    Raises Invalid for a role or a name that cannot be.
    """
    token = tokens.new_token()
    _keep(city, [KnownUser(name, role, tokens.hash_of(token), tuple(areas), tuple(agencies))], by)
    return token


def put_users(
    database: Database, connection: sa.Connection, users: Iterable[KnownUser], by: Actor, now: datetime
) -> int | None:
    """Write users in this transaction; a changed role or scope raises that user's scope version.

    Claims of users who may not take reports, or not work on the claimed one, by their new role or scope are released;
    so are those of "local", who is nobody as soon as there are users.

    Returns the last feed number, None for no users. Raises Invalid for an unknown role or an invalid name.
    """
    rows = [_checked(user) for user in users]
    if not rows:
        return None
    table = schema.users
    holders: dict[str, Actor | None] = {}
    for user in rows:
        holders |= limited(Actor(user.name, user.role, user.areas, user.agencies))
    there = _that_are_there(connection, list(holders))
    # protects: no-claim-of-who-may-not
    release_claims(database, connection, {name: holders[name] for name in there} | {LOCAL.name: None}, by, now)
    changed, lost_admin = False, ""
    actions: list[audit.AuditedAction] = []
    last = next_numbers(connection, len(rows))
    for seq, user in enumerate(rows, start=last - len(rows) + 1):
        row = schema.row_of(User(user.name, user.role), seq) | {
            "token_hash": user.token_sha256,
            "areas": msgspec.json.encode(user.areas),
            "agencies": msgspec.json.encode(user.agencies),
        }
        found = connection.execute(
            sa.select(table.c.body, table.c.areas, table.c.agencies, table.c.token_hash).where(table.c.id == user.name)
        ).first()
        before, known_token = (found[:3], found[3]) if found is not None else (None, None)
        if user.role != ADMIN and found is not None and known_token is not None and _is_admin(found[0]):
            lost_admin = user.name
        after = (row["body"], row["areas"], row["agencies"])
        changed = changed or (before is not None and tuple(before) != after)
        if before is None or tuple(before) != after:
            detail = {
                "did": "changed" if before is not None else "added",
                "role": user.role,
                "areas": user.areas,
                "agencies": user.agencies,
            }
            actions.append(audit.AuditedAction(by, audit.USER, user.name, detail=detail))
        elif known_token != user.token_sha256:
            actions.append(audit.AuditedAction(by, audit.USER, user.name, detail={"did": "given a new token"}))
        database.upsert(connection, table, [row])
    if lost_admin:
        _check_admin_left(connection, lost_admin)
    if changed:
        version = meta_value(connection, "scope_version")
        raised = [{"key": "scope_version", "value": str(int(version or 1) + 1)}]
        database.upsert(connection, schema.meta, raised)
    if actions:
        audit.append(connection, now, *actions)
    return last


def drop_users(database: Database, connection: sa.Connection, names: Sequence[str], by: Actor, now: datetime) -> int:
    """Remove users in this transaction, and release what they had taken; the last number, 0 when none was there."""
    release_claims(database, connection, dict.fromkeys(_that_are_there(connection, names)), by, now)
    drop_pins(connection, names)
    admins = [name for name in names if name in _admins(connection)]
    seq = drop_things(database, connection, "user", names, now)
    if admins:
        _check_admin_left(connection, admins[-1])
    if seq:
        audit.append(
            connection, now, *(audit.AuditedAction(by, audit.USER, name, detail={"did": "removed"}) for name in names)
        )
    return seq


def _check_admin_left(connection: sa.Connection, lost: str) -> None:
    """Raise Invalid where nobody is admin any more, now that `lost` is not. The feed's numbers have to be locked: of
    two who take the role from one another at once, the second sees it.
    """
    # protects: the-last-admin-stays
    if not _admins(connection):
        raise Invalid(f"{lost} is the last admin: somebody else has to be one first.")


def _admins(connection: sa.Connection) -> set[str]:
    """The names of the admins who can sign in."""
    table = schema.users
    query = sa.select(table.c.id, table.c.body).where(table.c.token_hash.is_not(None))
    return {row[0] for row in connection.execute(query) if _is_admin(row[1])}


def _is_admin(body: bytes) -> bool:
    return decode(body, User).role == ADMIN


def _that_are_there(connection: sa.Connection, names: Sequence[str]) -> list[str]:
    table = schema.users
    return list(connection.scalars(sa.select(table.c.id).where(table.c.id.in_(names)))) if names else []


def list_users(city: City) -> list[ListedUser]:
    """All users, by name."""
    table = schema.users
    query = sa.select(table.c.body, table.c.areas, table.c.agencies, table.c.token_hash).order_by(table.c.id)
    with city.database.read() as connection:
        rows = connection.execute(query).all()
    known = [(decode(row[0], User), row) for row in rows]
    return [ListedUser(u.name, u.role, _codes(row[1]), _codes(row[2]), row[3] is not None) for u, row in known]


def remove_user(city: City, name: str, *, by: Actor = COMMAND_LINE) -> None:
    """Remove a user: his token opens nothing from now on; what he did keeps his name. Raises NotFound."""
    now = city.clock()
    with city.database.write() as connection:
        seq = drop_users(city.database, connection, [name], by, now)
        if not seq:
            raise NotFound(f"There is no user {name}.")
    city.database.announce(seq)


def new_token(city: City, name: str, *, by: Actor = COMMAND_LINE) -> str:
    """Give a user a new token, which is returned and kept nowhere; the old one is dead. Raises NotFound."""
    table, token = schema.users, tokens.new_token()
    with city.database.write() as connection:
        if connection.scalar(sa.select(table.c.id).where(table.c.id == name)) is None:
            raise NotFound(f"There is no user {name}.")
        seq = next_numbers(connection, 1)  # servers that remember whose a token is look at the numbers of the users
        connection.execute(sa.update(table).where(table.c.id == name).values(token_hash=tokens.hash_of(token), seq=seq))
        audit.append(
            connection, city.clock(), audit.AuditedAction(by, audit.USER, name, detail={"did": "given a new token"})
        )
    city.database.announce(seq)
    return token


def load_users(path: Path, city: City) -> int:
    """Take over the users of a JSON file, [{name, role, token_sha256, areas, agencies}]; returns how many.

    Raises Invalid when it is no such file, OSError when it cannot be read.
    """
    try:
        users = decode(path.read_bytes(), list[KnownUser])
    except (msgspec.DecodeError, RecursionError) as fault:
        raise Invalid(f"The file {path} is no list of users: {fault}.") from fault
    _keep(city, users)
    return len(users)


def _keep(city: City, users: Iterable[KnownUser], by: Actor = COMMAND_LINE) -> None:
    """Write users."""
    with city.database.write() as connection:
        last = put_users(city.database, connection, users, by, city.clock())
    if last is not None:
        city.database.announce(last)


def _checked(user: KnownUser) -> KnownUser:
    if user.role not in ROLES:
        raise Invalid(f"There is no role {user.role}; there are {', '.join(ROLES)}.")
    tokens.check_name(user.name)
    if user.name == LOCAL.name:
        raise Invalid("“local” is everybody on a server without users; choose another name.")
    if user.role == ADMIN and (user.areas or user.agencies):
        raise Invalid(ADMIN_HAS_NO_SCOPE)
    if len(user.token_sha256) != 64:
        raise Invalid(f"The token hash of {user.name} is no SHA-256 in hexadecimal.")
    return user


def _codes(body: bytes) -> tuple[str, ...]:
    return decode(body, tuple[str, ...])
