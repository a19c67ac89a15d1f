"""A PostgreSQL server of our own in a temporary folder, for tests and measurements."""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from console.server.city.database import Database

_TEMPLATE = "sigap_template"
_SETTINGS = {
    "listen_addresses": "''",
    "max_connections": "700",
}
_FORGETFUL = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "autovacuum": "off"}

_WHEN_WE_END = 'cat > /dev/null; "$0" -D "$1" -m immediate stop; rm -rf "$2"'
"""A shell that waits for the end of its input stops the server even when the tests are killed."""


class NoPostgres(Exception):
    """There is none to be had here; the sentence says why."""


class Postgres:
    """A running server, reached by its socket in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._numbers = itertools.count(1)
        self._admin = sa.create_engine(self.url("postgres"), isolation_level="AUTOCOMMIT", pool_size=1)
        with self._admin.connect() as connection:
            version = int(connection.exec_driver_sql("SHOW server_version_num").scalar_one())
        self._quickly = " STRATEGY file_copy" if version >= 150_000 else ""

    def url(self, database: str) -> str:
        """The address of a database, as `--database` takes it."""
        return f"postgresql+psycopg://sigap@/{database}?host={self.folder}"

    @contextlib.contextmanager
    def fresh(self, *, empty: bool = False) -> Iterator[str]:
        """The address of a new database with Sigap's tables (`empty`: without any), dropped at the end."""
        name = f"city{next(self._numbers)}"
        template = "template0" if empty else _TEMPLATE
        self._say(f"CREATE DATABASE {name} TEMPLATE {template}{self._quickly}")
        try:
            yield self.url(name)
        finally:
            self._say(f"DROP DATABASE {name} WITH (FORCE)")

    def make_template(self) -> None:
        """Make the tables once; a copy of the files is faster than making them for each test."""
        self._say(f"CREATE DATABASE {_TEMPLATE}")
        database = Database(self.url(_TEMPLATE))
        database.create_schema()
        database.close()

    def close(self) -> None:
        """Drop the connection."""
        self._admin.dispose()

    def _say(self, statement: str) -> None:
        with self._admin.connect() as connection:
            connection.exec_driver_sql(statement)


@contextlib.contextmanager
def own_postgres(*, durable: bool) -> Iterator[Postgres]:
    """A PostgreSQL that runs until the end of the block; as root it runs as the user postgres. Raises NoPostgres.

    One that is not `durable` is faster and may lose everything when the computer stops.
    """
    initdb, pg_ctl = _tool("initdb"), _tool("pg_ctl")
    if initdb is None or pg_ctl is None:
        raise NoPostgres("PostgreSQL is not installed here: apt-get install postgresql")
    folder = Path(tempfile.mkdtemp(prefix="sigap-pg-"))
    own: dict[str, Any] = {"check": True, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": folder}
    try:
        if os.geteuid() == 0:
            try:
                shutil.chown(folder, "postgres")
            except LookupError:
                raise NoPostgres("PostgreSQL does not run as root, and there is no user postgres") from None
            own["user"] = "postgres"
        data = folder / "data"
        subprocess.run([initdb, "-D", data, "-U", "sigap", "-A", "trust", "-E", "UTF8", "--no-sync"], **own)
        settings = _SETTINGS | ({} if durable else _FORGETFUL) | {"unix_socket_directories": str(folder)}
        words = " ".join(f"-c {key}={value}" for key, value in settings.items())
        subprocess.run([pg_ctl, "-D", data, "-w", "-l", folder / "log", "-o", words, "start"], **own)
        own.pop("check")
        ends: list[str | Path] = [_WHEN_WE_END, pg_ctl, data, folder]
        with subprocess.Popen(["sh", "-c", *ends], stdin=subprocess.PIPE, start_new_session=True, **own):
            server = Postgres(folder)
            server.make_template()
            yield server
            server.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _tool(name: str) -> str | None:
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: float(path.parts[-3]))
    return str(found[-1]) if found else shutil.which(name)
