"""A PostgreSQL server of our own in a temporary folder, for tests and measurements."""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import sqlalchemy as sa

from console.server.city.database import Database, database_url

_TEMPLATE = "sigap_template"
_SETTINGS = {
    "listen_addresses": "''",
    "max_connections": "700",
}
_FORGETFUL = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "autovacuum": "off"}

_WHEN_WE_END = (
    'cat > /dev/null; "$0" -D "$1" -m immediate stop; rm -rf "$1"; ls "$2"/*/postmaster.pid > /dev/null || rm -rf "$2"'
)
"""A shell that waits for the end of its input stops the server even when the tests are killed. The last one of a folder
takes it away.
"""


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
    with _own_folder() as (folder, as_postgres):
        data = folder / "data"
        as_postgres("initdb", "-D", data, "-U", "sigap", "-A", "trust", "-E", "UTF8", "--no-sync")
        settings = _SETTINGS | ({} if durable else _FORGETFUL) | {"unix_socket_directories": str(folder)}
        with _running(folder, data, settings, as_postgres):
            server = Postgres(folder)
            server.make_template()
            yield server
            server.close()


class Pair:
    """A PostgreSQL that takes changes, and a standby that has each commit before whoever made it hears of it."""

    def __init__(self, folder: Path, as_postgres: _Run, ports: tuple[int, int]) -> None:
        self.hosts = ",".join(f"127.0.0.1:{port}" for port in ports)
        self._folder, self._as_postgres = folder, as_postgres

    @property
    def url(self) -> str:
        """The address of the database `postgres` at whichever of the two takes changes."""
        return f"postgresql+psycopg://sigap@{self.hosts}/postgres?target_session_attrs=read-write"

    def kill_first(self) -> None:
        """End the first one and all its processes at once, as a power cut does."""
        postmaster = int((self._folder / "first" / "postmaster.pid").read_text().split()[0])
        workers = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
        for process in (postmaster, *map(int, workers)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)

    def promote(self) -> None:
        """Let the standby take changes; returns when it does."""
        self._as_postgres("pg_ctl", "-D", self._folder / "second", "-w", "promote")

    def wait_for_standbys(self, names: str) -> None:
        """From now on each commit waits for these standbys, an empty text for none."""
        admin = sa.create_engine(database_url(self.url), isolation_level="AUTOCOMMIT")
        with admin.connect() as connection:
            connection.exec_driver_sql(f"ALTER SYSTEM SET synchronous_standby_names = '{names}'")
            connection.exec_driver_sql("SELECT pg_reload_conf()")
            asked = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'async'"
            while names and connection.exec_driver_sql(asked).scalar_one():
                time.sleep(0.02)
        admin.dispose()


@contextlib.contextmanager
def primary_and_standby(ports: tuple[int, int]) -> Iterator[Pair]:
    """Two servers at these ports of this computer, the second one a synchronous standby. Raises NoPostgres."""
    with _own_folder() as (folder, as_postgres), contextlib.ExitStack() as stack:
        first, second = folder / "first", folder / "second"
        as_postgres("initdb", "-D", first, "-U", "sigap", "-A", "trust", "-E", "UTF8", "--no-sync")
        each = {"listen_addresses": "127.0.0.1", "unix_socket_directories": str(folder), "fsync": "off"}
        stack.enter_context(_running(folder, first, each | {"port": str(ports[0])}, as_postgres))
        as_postgres("pg_basebackup", "-h", folder, "-p", str(ports[0]), "-U", "sigap", "-D", second, "-R", "-c", "fast")
        stack.enter_context(_running(folder, second, each | {"port": str(ports[1])}, as_postgres))
        pair = Pair(folder, as_postgres, ports)
        pair.wait_for_standbys("ANY 1 (*)")
        yield pair


class _Run(Protocol):
    """Runs one of PostgreSQL's programs to its end, as the user whom the server's files belong to."""

    def __call__(self, tool: str, *arguments: str | Path) -> None: ...


@contextlib.contextmanager
def _own_folder() -> Iterator[tuple[Path, _Run]]:
    """A temporary folder for servers' files, and what runs PostgreSQL's programs there."""
    if _tool("initdb") is None or _tool("pg_ctl") is None:
        raise NoPostgres("PostgreSQL is not installed here: apt-get install postgresql")
    folder = Path(tempfile.mkdtemp(prefix="sigap-pg-"))
    try:
        if os.geteuid() == 0:
            try:
                shutil.chown(folder, "postgres")
            except LookupError:
                raise NoPostgres("PostgreSQL does not run as root, and there is no user postgres") from None

        def run(tool: str, *arguments: str | Path) -> None:
            subprocess.run([str(_tool(tool)), *arguments], check=True, **_owner(folder))

        yield folder, run
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _owner(folder: Path) -> dict[str, Any]:
    quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": folder}
    return quiet | ({"user": "postgres"} if os.geteuid() == 0 else {})


@contextlib.contextmanager
def _running(folder: Path, data: Path, settings: dict[str, str], as_postgres: _Run) -> Iterator[None]:
    words = " ".join(f"-c {key}={value}" for key, value in settings.items())
    as_postgres("pg_ctl", "-D", data, "-w", "-l", folder / f"{data.name}.log", "-o", words, "start")
    ends: list[str | Path] = [_WHEN_WE_END, str(_tool("pg_ctl")), data, folder]
    with subprocess.Popen(["sh", "-c", *ends], stdin=subprocess.PIPE, start_new_session=True, **_owner(folder)):
        yield


def _tool(name: str) -> str | None:
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: float(path.parts[-3]))
    return str(found[-1]) if found else shutil.which(name)
