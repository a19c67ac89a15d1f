"""Users of a city's server: role, scope, and the hash of a token that is shown once."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec
import sqlalchemy as sa

from console.domain.report import User
from console.server import schema
from console.server.city import City
from console.server.database import next_numbers
from console.server.records import LOCAL, Actor
from console.server.refusals import Forbidden, Invalid, SignIn
from console.server.rights import ROLES

_NAME_LENGTH = 100


class KnownUser(msgspec.Struct, frozen=True):
    """A user as a file of users holds him; the token itself stands nowhere."""

    name: str
    role: str
    token_sha256: str
    areas: tuple[str, ...] = ()
    agencies: tuple[str, ...] = ()


class Users:
    """Who a token belongs to. Without any user everybody is the supervisor "local", if `tokenless` is allowed."""

    def __init__(self, city: City, *, tokenless: bool = True) -> None:
        self._city = city
        self._tokenless = tokenless

    def any(self) -> bool:
        """Whether there is a user with a token."""
        with self._city.database.read() as connection:
            table = schema.users
            return connection.scalar(sa.select(table.c.id).where(table.c.token_hash.is_not(None)).limit(1)) is not None

    def actor(self, token: str | None) -> Actor:
        """Who asks; SignIn without a token, or with one that nobody has."""
        if token:
            found = self._by_token(token)
            if found is not None:
                return found
            raise SignIn("This token is not known here.")
        if self.any():
            raise SignIn("This server needs a token.")
        if not self._tokenless:
            raise Forbidden("This server has no users yet; add one with “sigap user add”.")
        return LOCAL

    def _by_token(self, token: str) -> Actor | None:
        table = schema.users
        with self._city.database.read() as connection:
            row = connection.execute(
                sa.select(table.c.body, table.c.areas, table.c.agencies).where(table.c.token_hash == _hash(token))
            ).first()
        if row is None:
            return None
        user = msgspec.json.decode(row[0], type=User)
        return Actor(user.name, user.role, _codes(row[1]), _codes(row[2]))


def add_user(city: City, name: str, role: str, areas: Sequence[str] = (), agencies: Sequence[str] = ()) -> str:
    """Add a user, or give one a new role, scope and token; returns the token, which is kept nowhere.

    Raises Invalid for a role or a name that cannot be.
    """
    token = secrets.token_urlsafe(32)
    _keep(city, [KnownUser(name, role, _hash(token), tuple(areas), tuple(agencies))])
    return token


def add_user_to(database: str, name: str, role: str, areas: Sequence[str] = (), agencies: Sequence[str] = ()) -> str:
    """Add a user to the database at this URL; returns the token."""
    city = City(database)
    try:
        city.create_schema()
        return add_user(city, name, role, areas, agencies)
    finally:
        city.close()


def load_users(path: Path, city: City) -> int:
    """Take over the users of a JSON file, [{name, role, token_sha256, areas, agencies}]; returns how many.

    Raises Invalid when it is no such file, OSError when it cannot be read.
    """
    try:
        users = msgspec.json.decode(path.read_bytes(), type=list[KnownUser])
    except (msgspec.DecodeError, RecursionError) as fault:
        raise Invalid(f"The file {path} is no list of users: {fault}.") from fault
    _keep(city, users)
    return len(users)


def _keep(city: City, users: Iterable[KnownUser]) -> None:
    """Write users; whoever's role or scope differs from before raises the scope version."""
    rows = [_checked(user) for user in users]
    if not rows:
        return
    table = schema.users
    database = city.database
    with database.write() as connection:
        changed = False
        last = next_numbers(connection, len(rows))
        for seq, user in enumerate(rows, start=last - len(rows) + 1):
            row = schema.row_of(User(user.name, user.role), seq) | {
                "token_hash": user.token_sha256,
                "areas": msgspec.json.encode(user.areas),
                "agencies": msgspec.json.encode(user.agencies),
            }
            before = connection.execute(
                sa.select(table.c.body, table.c.areas, table.c.agencies).where(table.c.id == user.name)
            ).first()
            now = (row["body"], row["areas"], row["agencies"])
            changed = changed or (before is not None and tuple(before) != now)
            database.upsert(connection, table, [row])
        if changed:
            meta = schema.meta
            version = connection.scalar(sa.select(meta.c.value).where(meta.c.key == "scope_version"))
            raised = [{"key": "scope_version", "value": str(int(version or 1) + 1)}]
            database.upsert(connection, meta, raised)
    database.told(last)


def _checked(user: KnownUser) -> KnownUser:
    if user.role not in ROLES:
        raise Invalid(f"There is no role {user.role}; there are {', '.join(ROLES)}.")
    if not user.name.strip() or len(user.name) > _NAME_LENGTH or not user.name.isprintable():
        raise Invalid(f"A name has 1 to {_NAME_LENGTH} printable characters.")
    if user.name == LOCAL.name:
        raise Invalid("“local” is everybody on a server without users; choose another name.")
    if len(user.token_sha256) != 64:
        raise Invalid(f"The token hash of {user.name} is no SHA-256 in hexadecimal.")
    return user


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _codes(body: bytes) -> tuple[str, ...]:
    return msgspec.json.decode(body, type=tuple[str, ...])
