"""Last-value state beside the feed: where units are, and which report each user looks at."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from api_client.model import LastValues, Unit
from console.server.city import schema
from console.server.city.database import Database

SEEN = "sigap_seen"
"""PostgreSQL's channel that tells every server that somebody or something has moved."""
SEEN_FOR = timedelta(seconds=75)
"""A console tells every 30 s which report is open in it, or that none is: without two of these it is cut off."""

_ANY_CONSOLE = "-"
"""No console calls itself so."""
_CLOCKS_DIFFER = timedelta(seconds=5)
"""Servers of one city; what lies further ahead was told while a clock was wrong, and is no newer than anything."""


class PresenceTable:
    """Positions and presence of a city, in its database for all its servers; they are not part of the feed."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock
        self.on_change: list[Callable[[], None]] = []

    def put_position(self, unit: str, lat: float, lon: float, at: datetime) -> None:
        """Store a unit's position. One older than the known position is ignored, unless the known one is dated in the
        future.
        """
        self.put_positions([(unit, lat, lon, at)])

    def put_positions(self, places: Iterable[tuple[str, float, float, datetime]]) -> None:
        """Where several units are: (unit, lat, lon, at)."""
        rows = [{"unit": unit, "lat": lat, "lon": lon, "at": schema.micros(at)} for unit, lat, lon, at in places]
        if not rows:
            return
        table = schema.positions
        with self._database.write() as connection:
            self._set_right(connection, table)
            known = dict(connection.execute(sa.select(table.c.unit, table.c.at)).all())
            fresh = [row for row in rows if known.get(row["unit"], -1) <= row["at"]]
            self._database.upsert(connection, table, fresh)
            self._database.notify(connection, SEEN)
        self.moved()

    def place_units(self, units: Iterable[Unit]) -> None:
        """Take over the positions that units bring with them."""
        self.put_positions(
            (unit.id, unit.lat, unit.lon, unit.position_at)
            for unit in units
            if unit.lat is not None and unit.lon is not None and unit.position_at is not None
        )

    def look(self, user: str, report: str | None, at: datetime, console: str = "") -> bool:
        """Which report a user looks at with this console; returns whether he was not here before."""
        table, consoles, since = schema.looking, schema.consoles, schema.micros(at - SEEN_FOR)
        with self._database.write() as connection:
            self._set_right(connection, table)
            self._set_right(connection, consoles)
            connection.execute(sa.delete(consoles).where(consoles.c.user == user, consoles.c.at < since))
            self._database.upsert(connection, consoles, [{"user": user, "console": console, "at": schema.micros(at)}])
            known = sa.select(table.c.report, table.c.since).where(table.c.user == user, table.c.at >= since)
            before = connection.execute(known).first()
            came = before.since if before is not None else schema.micros(at)
            row = {"user": user, "report": report, "at": schema.micros(at), "since": came}
            self._database.upsert(connection, table, [row])
            is_news = before is None or before.report != report
            if is_news:
                self._database.notify(connection, SEEN)
        if is_news:
            self.moved()
        return before is None

    def leave(self, user: str, at: datetime) -> None:
        """A user is gone at this time, with all of his consoles; what he has told since then stays."""
        with self._database.write() as connection:
            for table in (schema.looking, schema.consoles):
                self._set_right(connection, table)
                connection.execute(sa.delete(table).where(table.c.user == user, table.c.at <= schema.micros(at)))
            self._database.notify(connection, SEEN)
        self.moved()

    def begin_console(self, user: str, console: str, at: datetime) -> None:
        """A console of a user listens again."""
        with self._database.write() as connection:
            row = {"user": user, "console": console, "at": schema.micros(at)}
            self._database.upsert(connection, schema.consoles, [row])

    def end_console(self, user: str, console: str, at: datetime) -> None:
        """A console of a user had its last stream at this time; what it has told another server since then stays."""
        table = schema.consoles
        mine = sa.and_(table.c.user == user, table.c.console == console)
        with self._database.write() as connection:
            self._set_right(connection, table)
            connection.execute(sa.delete(table).where(mine, table.c.at <= schema.micros(at)))

    def is_elsewhere(self, user: str, console: str, now: datetime) -> bool:
        """Whether a user is connected with another console than this one, at whichever server of the city. A console
        that does not say which one it is ("") counts as none, and leaves none behind.
        """
        table = schema.consoles
        others = sa.and_(table.c.user == user, table.c.console.not_in(("", console)))
        there = table.c.at.between(schema.micros(now - SEEN_FOR), schema.micros(now + _CLOCKS_DIFFER))
        with self._database.read() as connection:
            known = connection.scalar(sa.select(sa.func.count()).where(others, there))
        return bool(console) and bool(known)

    def count_consoles(self, now: datetime) -> int:
        """How many consoles are open, at whichever server of the city."""
        at = schema.consoles.c.at
        there = at.between(schema.micros(now - SEEN_FOR), schema.micros(now + _CLOCKS_DIFFER))
        with self._database.read() as connection:
            return connection.scalar(sa.select(sa.func.count()).where(there)) or 0

    def leave_unless_elsewhere(self, user: str, at: datetime) -> None:
        """A user's last stream at a server ended at this time: he is gone unless he has another console at another."""
        # protects: who-listens-at-another-server-is-there
        if not self.is_elsewhere(user, _ANY_CONSOLE, self._clock()):
            self.leave(user, at)

    def seen(self, now: datetime | None = None) -> LastValues:
        """All positions, and who is connected, since when, and looks at what."""
        since = schema.micros((now or datetime.now(UTC)) - SEEN_FOR)
        places, users = schema.positions, schema.looking
        with self._database.read() as connection:
            positions = {
                row.unit: (row.lat, row.lon, schema.moment(row.at)) for row in connection.execute(sa.select(places))
            }
            rows = connection.execute(sa.select(users).where(users.c.at >= since)).all()
        looking = {row.user: row.report for row in rows}
        return LastValues(positions, looking, {row.user: schema.moment(row.since) for row in rows if row.since})

    def _set_right(self, connection: sa.Connection, table: sa.Table) -> None:
        """Give presence that is dated in the future, by a clock that was ahead, the age at which it counts as over."""
        now = self._clock()
        ahead = table.c.at > schema.micros(now + _CLOCKS_DIFFER)
        # protects: nothing-is-told-in-the-future
        connection.execute(sa.update(table).where(ahead).values(at=schema.micros(now - SEEN_FOR)))

    def moved(self) -> None:
        """Call the listeners of this process: positions or presence have changed."""
        for listener in tuple(self.on_change):
            listener()
