"""Brings a city's tables, whatever version of Sigap made them, to those of `console.server.city.schema`.

Each file of `versions/` is one step, applied in order by Alembic. To add one, after a change to schema.py:

1. `.venv/bin/python tools/new_migration.py "API clients"` writes it (as `versions/v0003_api_clients.py`);
2. read it, and move the data that has to move (`op.execute`; changed or dropped columns by `op.batch_alter_table`);
3. `.venv/bin/pytest tests/unit/server/test_migrations.py` holds it against schema.py, on SQLite and PostgreSQL.

A step that a release has brought to cities is never changed again. All steps of an upgrade run in one transaction of
the caller: no step may commit.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from console.server.city import schema

if TYPE_CHECKING:
    from alembic.migration import MigrationContext
    from alembic.script import ScriptDirectory

VERSIONS = Path(__file__).parent / "versions"
BASELINE = "0001"
"""The tables of the time before there were migrations: such a database bears no revision."""

_TABLE = "alembic_version"
_VERSION = sa.Table(
    _TABLE,
    sa.MetaData(),
    sa.Column("version_num", sa.String(32), nullable=False),
    sa.PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)
"""As Alembic makes it."""
_alone = threading.Lock()
"""Alembic's `op` is one for the whole process."""


class NewerDatabase(Exception):
    """The database was made by a newer program; nothing was changed."""


def upgrade(connection: sa.Connection, target: str = "head", versions: Path = VERSIONS) -> None:
    """Apply the steps up to `target`, within the connection's transaction. Raises NewerDatabase.

    An empty database gets the newest tables at once: to make old ones first and change them takes ten times as long.
    """
    before = revision_of(connection, versions)
    if target == "head" and before == head(versions):
        return
    if target == "head" and before is None and versions == VERSIONS:
        schema.create(connection)
        _VERSION.create(connection)
        connection.execute(sa.insert(_VERSION).values(version_num=head()))
        return
    script = _script(versions)

    # Alembic's own `upgrade` and `stamp` call these two; what is public of it wants an env.py and an engine of its own.
    def steps(revision: Any, _: MigrationContext) -> Any:
        return script._upgrade_revs(target, revision)  # noqa: SLF001

    if before == BASELINE and not sa.inspect(connection).has_table(_TABLE):
        _run(connection, script, lambda revision, _: script._stamp_revs(BASELINE, revision))  # noqa: SLF001
    _run(connection, script, steps)


def revision_of(connection: sa.Connection, versions: Path = VERSIONS) -> str | None:
    """The revision of the tables that are there, None when there are none. Raises NewerDatabase."""
    found = sa.inspect(connection)
    if not found.has_table(_TABLE):
        return BASELINE if found.has_table("counters") else None
    revision = connection.scalar(sa.select(_VERSION.c.version_num))
    if revision is None:
        return None
    if str(revision) not in _revisions(versions):
        raise NewerDatabase(
            f"The database was brought to revision {revision} by a newer Sigap, and this one knows revisions up to "
            f"{head(versions)} only. Nothing was changed. Install the newer Sigap, or restore a backup from "
            "before into a new, empty database."
        )
    return str(revision)


def head(versions: Path = VERSIONS) -> str:
    """The newest revision."""
    return _revisions(versions)[-1]


@functools.lru_cache(8)
def _revisions(versions: Path) -> tuple[str, ...]:
    """All revisions, the oldest first, out of the names of the files: vNUMBER_WORDS.py.

    A server that starts on a city that is up to date needs no more, and is spared the loading of Alembic.
    """
    return tuple(sorted(file.name[1:].partition("_")[0] for file in versions.glob("v*_*.py")))


@functools.lru_cache(8)
def _script(versions: Path) -> ScriptDirectory:
    from alembic.script import ScriptDirectory

    return ScriptDirectory(str(Path(__file__).parent), version_locations=[str(versions)])


def _run(connection: sa.Connection, script: ScriptDirectory, steps: Callable[[Any, MigrationContext], Any]) -> None:
    from alembic.config import Config
    from alembic.runtime.environment import EnvironmentContext

    with _alone, EnvironmentContext(Config(), script, fn=steps) as environment:
        environment.configure(connection=connection)
        environment.run_migrations()
