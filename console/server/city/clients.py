"""Programs that may post reports: an api_key for each, of which only the hash is kept."""

from __future__ import annotations

from datetime import datetime

import msgspec
import sqlalchemy as sa

from console.server.city import audit, schema, tokens
from console.server.city.city import City
from console.server.city.rates import rule_fault
from console.server.city.records import COMMAND_LINE, Actor
from console.server.errors import Invalid, NotFound


class ApiClient(msgspec.Struct, frozen=True):
    """A program with a key; one that may not post is known by name only. `rate` is how often it may, None: as all."""

    name: str
    created: datetime
    may_post: bool
    rate: str | None = None


class ApiClients:
    """Whose an api_key is."""

    def __init__(self, city: City) -> None:
        self._city = city

    def of_key(self, key: str) -> ApiClient | None:
        """The program with this key, None when nobody has it."""
        table = schema.api_clients
        query = sa.select(table.c.name, table.c.created, table.c.may_post, table.c.rate).where(
            table.c.key_hash == tokens.hash_of(key)
        )
        with self._city.database.read() as connection:
            row = connection.execute(query).first()
        return _client(*row) if row is not None else None


def add_client(
    city: City, name: str, *, may_post: bool = True, rate: str | None = None, by: Actor = COMMAND_LINE
) -> str:
    """Add a program; returns its key, which is kept nowhere. Raises Invalid for a name that cannot be, or is taken, and
    for a rate that is none.
    """
    tokens.check_name(name)
    _check_rate(rate)
    key, table = tokens.new_token(), schema.api_clients
    row = {
        "name": name,
        "key_hash": tokens.hash_of(key),
        "created": schema.micros(city.clock()),
        "may_post": int(may_post),
        "rate": rate,
    }
    with city.database.write() as connection:
        if connection.scalar(sa.select(table.c.name).where(table.c.name == name)) is not None:
            raise Invalid(f"There is a client {name} already; remove it first, and its key is dead.")
        connection.execute(sa.insert(table), [row])
        detail = {"did": "api_key given", "may_post": may_post, "rate": rate}
        audit.append(connection, city.clock(), audit.AuditedAction(by, audit.USER, name, detail=detail))
    return key


def set_client_rate(city: City, name: str, rate: str | None, *, by: Actor = COMMAND_LINE) -> None:
    """From now on the program may send so often; None: as often as all. Raises Invalid, and NotFound."""
    _check_rate(rate)
    table = schema.api_clients
    with city.database.write() as connection:
        if not connection.execute(sa.update(table).where(table.c.name == name).values(rate=rate)).rowcount:
            raise NotFound(f"There is no client {name}.")
        detail = {"did": "rate set", "rate": rate}
        audit.append(connection, city.clock(), audit.AuditedAction(by, audit.USER, name, detail=detail))


def list_clients(city: City) -> list[ApiClient]:
    """All programs, by name."""
    table = schema.api_clients
    query = sa.select(table.c.name, table.c.created, table.c.may_post, table.c.rate).order_by(table.c.name)
    with city.database.read() as connection:
        return [_client(*row) for row in connection.execute(query)]


def remove_client(city: City, name: str, *, by: Actor = COMMAND_LINE) -> None:
    """Remove a program: its key opens nothing from now on. Raises NotFound."""
    table = schema.api_clients
    with city.database.write() as connection:
        if not connection.execute(sa.delete(table).where(table.c.name == name)).rowcount:
            raise NotFound(f"There is no client {name}.")
        audit.append(
            connection, city.clock(), audit.AuditedAction(by, audit.USER, name, detail={"did": "api_key withdrawn"})
        )


def _client(name: str, created: int, may_post: int, rate: str | None) -> ApiClient:
    return ApiClient(name, schema.moment(created), bool(may_post), rate)


def _check_rate(rate: str | None) -> None:
    if rate is not None and (why := rule_fault(rate)):
        raise Invalid(f"{why}.")
