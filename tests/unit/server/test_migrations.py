"""Migrations: what they make is what schema.py says; old data comes along whole; a fault on the way changes nothing."""

from __future__ import annotations

import contextlib
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from api_client.model import Contact
from console.cli import main
from console.server.city import audit, migrations, schema
from console.server.city.audit_chain import verify
from console.server.city.city import City
from console.server.city.database import Database
from console.server.city.records import ServeOptions
from console.server.serve import serve
from tests.unit.server.conftest import START
from tools.bench.postgres import Postgres

STEP = """
import os, signal
import sqlalchemy as sa
from alembic import op

revision, down_revision = "9999", "{before}"

def upgrade() -> None:
    op.create_table("fresh", sa.Column("id", sa.Text(), primary_key=True))
    with op.batch_alter_table("reports") as table:
        table.add_column(sa.Column("colour", sa.Text()))
        table.alter_column("lat", new_column_name="latitude")
    op.execute("DELETE FROM units")
    {end}
"""
CHILD = """
import sys
from pathlib import Path
from console.server.city.database import Database
Database(sys.argv[1]).create_schema(Path(sys.argv[2]))
"""


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a database without any table."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'city.db'}"
        return
    server: Postgres = request.getfixturevalue("postgres")
    with server.fresh(empty=True) as url:
        yield url


@pytest.fixture
def database(empty_url: str) -> Iterator[Database]:
    with contextlib.closing(Database(empty_url)) as database:
        yield database


def whole(database: Database) -> dict[str, Any]:
    """Every table with its columns and its rows."""
    found = sa.MetaData()
    with database.read() as connection:
        found.reflect(connection)
        return {
            name: (sorted(table.columns.keys()), sorted(map(repr, connection.execute(sa.select(table)).all())))
            for name, table in found.tables.items()
        }


def make_old(database: Database, rows_a_table: int = 3) -> dict[str, list[dict[str, Any]]]:
    """The tables of before there were migrations, with rows in each; returns those."""
    old = sa.MetaData()
    rows: dict[str, list[dict[str, Any]]] = {}
    with database.write() as connection:
        migrations.upgrade(connection, migrations.BASELINE)
        connection.exec_driver_sql("DROP TABLE alembic_version")
        old.reflect(connection)
        for name, table in old.tables.items():
            rows[name] = [{c.name: value_of(c, n) for c in table.columns} for n in range(rows_a_table)]
        rows["counters"] = [{"name": "seq", "value": 41}, {"name": "report", "value": 1007}]
        rows["meta"] = [{"key": key, "value": f"old {key}"} for key in ("epoch", "name")]
        rows["meta"] += [{"key": "timezone", "value": "Asia/Jakarta"}, {"key": "scope_version", "value": "4"}]
        for name, listed in rows.items():
            connection.execute(sa.insert(old.tables[name]), listed)
    return rows


def value_of(column: sa.Column[Any], n: int) -> Any:
    if isinstance(column.type, sa.Float):
        return n + 0.25
    if isinstance(column.type, sa.Integer):
        return n + schema.micros(START) if column.name == "at" else n + 1
    text = f"{column.table.name}.{column.name} {n} é"
    return text.encode() if isinstance(column.type, sa.LargeBinary) else text


def faulty_steps(folder: Path, end: str) -> Path:
    """The real steps and one more that ends so."""
    shutil.copytree(migrations.VERSIONS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "v9999_faulty.py").write_text(STEP.format(before=migrations.head(), end=end))
    return folder


def test_the_migrations_make_exactly_what_the_schema_says(database: Database) -> None:
    with database.write() as connection:
        migrations.upgrade(connection, migrations.BASELINE)
        migrations.upgrade(connection)
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, schema.metadata) == []


def words_of(database: Database) -> list[tuple[Any, ...]]:
    """Tables, columns, constraints and indexes as the database itself tells them."""
    tables = "('pg_catalog', 'information_schema')"
    asked = (
        ["SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY 1, 2"]
        if database.is_sqlite
        else [
            "SELECT table_name, column_name, ordinal_position, data_type, is_nullable, column_default"
            f" FROM information_schema.columns WHERE table_schema NOT IN {tables} ORDER BY 1, 3",
            f"SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname NOT IN {tables} ORDER BY 1, 2",
            "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint"
            " WHERE conrelid <> 0 AND connamespace = 'public'::regnamespace ORDER BY 1, 2",
        ]
    )
    with database.read() as connection:
        found = [tuple(row) for one in asked for row in connection.exec_driver_sql(one)]
    assert len(found) > 20
    return [tuple(" ".join(each.split()) if isinstance(each, str) else each for each in row) for row in found]


def test_an_empty_database_gets_at_once_what_the_steps_lead_to(
    database: Database, empty_url: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    with database.write() as connection:
        migrations.upgrade(connection)
    with contextlib.ExitStack() as stack:
        if database.is_sqlite:
            url = f"sqlite:///{tmp_path / 'by-steps.db'}"
        else:
            server: Postgres = request.getfixturevalue("postgres")
            url = stack.enter_context(server.fresh(empty=True))
        by_steps = stack.enter_context(contextlib.closing(Database(url)))
        with by_steps.write() as connection:
            migrations.upgrade(connection, migrations.BASELINE)
            assert migrations.revision_of(connection) == migrations.BASELINE
            migrations.upgrade(connection)
        assert words_of(database) == words_of(by_steps)
        assert whole(database) == whole(by_steps)


def test_the_names_of_the_files_say_what_alembic_says() -> None:
    script = migrations._script(migrations.VERSIONS)
    assert migrations.head() == script.get_current_head()
    assert migrations._revisions(migrations.VERSIONS) == tuple(
        step.revision for step in reversed(list(script.walk_revisions()))
    )


def test_a_server_loads_neither_alembic_nor_the_drivers_of_other_databases_for_a_file(tmp_path: Path) -> None:
    """Each start of the program would wait for them, and every test that starts it."""
    city = City(f"sqlite:///{tmp_path / 'city.db'}")
    city.create_schema()
    city.close()
    look = (
        "import sys; from console.server.serve import City; "
        f"city = City('sqlite:///{tmp_path / 'city.db'}'); city.create_schema(); city.close(); "
        "print([name for name in ('alembic', 'psycopg', 'asyncpg', 'keyring') if name in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True, timeout=60)
    assert ran.stdout == "[]\n"


def test_a_city_of_before_there_were_migrations_comes_along_with_every_row(database: Database, empty_url: str) -> None:
    rows = make_old(database)
    city = City(empty_url)
    city.create_schema()
    assert (city.epoch, city.name, city.seq()) == ("old epoch", "old name", 41)
    now = whole(database)
    assert migrations.head() in now["alembic_version"][1][0]
    for table in (each for each in schema.metadata.sorted_tables if each.name in rows):
        with database.read() as connection:
            found = connection.execute(sa.select(*(c for c in table.c if c.name in rows[table.name][0]))).mappings()
            brought = [dict(row) for row in found if row.get("key") != schema.DOTTED_UNTIL]
            assert sorted(map(repr, brought)) == sorted(map(repr, rows[table.name])), table.name
    with database.read() as connection:
        verdict = verify(connection)
        read = [(row.who, row.object) for row in audit.rows_after(connection, 0)]
    assert (verdict.fault, verdict.head.number) == ("", 3)
    assert read == [(row["who"], row["report"]) for row in rows["contact_reads"]]
    city.create_schema()
    assert whole(database) == now
    city.close()


def test_the_callers_of_an_older_city_are_found_after_the_upgrade(database: Database) -> None:
    contacts = sa.table("contacts", sa.column("id"), sa.column("report"), sa.column("body"))
    known = msgspec.json.encode(Contact("Sari", "+62 812-3456-7890"))
    bodies = {"a": known, "b": b"null", "c": b"{not json", "d": b'{"name": "Ani"}'}
    with database.write() as connection:
        migrations.upgrade(connection, migrations.BASELINE)
        migrations.upgrade(connection, "0009")
        rows = [{"id": key, "report": key, "body": body} for key, body in bodies.items()]
        connection.execute(sa.insert(contacts), rows)
        migrations.upgrade(connection)
        tails = connection.execute(sa.select(schema.contacts.c.id, schema.contacts.c.phone_tail)).all()
    assert {key: tail for key, tail in tails if tail is not None} == {"a": "4567890"}


def test_a_fault_in_the_middle_changes_nothing(database: Database, tmp_path: Path) -> None:
    make_old(database)
    before = whole(database)
    with pytest.raises(ZeroDivisionError):
        database.create_schema(faulty_steps(tmp_path / "steps", "1 / 0"))
    assert whole(database) == before
    database.create_schema(faulty_steps(tmp_path / "good", "pass"))
    after = whole(database)
    assert "colour" in after["reports"][0]
    assert len(after["reports"][1]) == 3
    assert after["units"][1] == []


def test_killed_in_the_middle_the_old_state_is_there(database: Database, empty_url: str, tmp_path: Path) -> None:
    make_old(database)
    before = whole(database)
    steps = faulty_steps(tmp_path / "steps", "os.kill(os.getpid(), signal.SIGKILL)")
    ended = subprocess.run([sys.executable, "-c", CHILD, empty_url, steps], timeout=60)
    assert ended.returncode == -signal.SIGKILL
    assert whole(database) == before
    database.create_schema()
    assert migrations.head() in whole(database)["alembic_version"][1][0]


def test_a_city_of_before_there_were_limits_comes_along_also_when_that_is_killed_midway(
    database: Database, empty_url: str, tmp_path: Path
) -> None:
    with database.write() as connection:
        migrations.upgrade(connection, migrations.BASELINE)
        migrations.upgrade(connection, "0014")
        connection.execute(sa.insert(schema.templates), [{"id": "a", "seq": 7, "body": b"{}"}])
    before = whole(database)
    assert "limits" not in before
    steps = faulty_steps(tmp_path / "steps", "os.kill(os.getpid(), signal.SIGKILL)")
    ended = subprocess.run([sys.executable, "-c", CHILD, empty_url, steps], timeout=60)
    assert (ended.returncode, whole(database)) == (-signal.SIGKILL, before)
    database.create_schema()
    after = whole(database)
    assert (after["limits"], after["templates"]) == ((["body", "id", "seq"], []), before["templates"])


def test_a_newer_database_is_refused_with_a_sentence(
    database: Database, empty_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    database.create_schema(faulty_steps(tmp_path / "steps", "pass"))
    before = whole(database)
    with pytest.raises(migrations.NewerDatabase, match="newer Sigap"):
        database.create_schema()
    assert serve(ServeOptions(empty_url, port=0)) == 4
    assert "newer Sigap" in capsys.readouterr().err
    assert main(["user", "list", "--database", empty_url]) == 4
    assert "newer Sigap" in capsys.readouterr().err
    assert whole(database) == before


def test_an_sqlite_file_is_copied_before_it_is_changed(tmp_path: Path) -> None:
    path = tmp_path / "city.db"
    with contextlib.closing(Database(f"sqlite:///{path}")) as database:
        make_old(database)
        assert path.stat().st_mode & 0o777 == 0o600
        before = whole(database)
        with pytest.raises(ZeroDivisionError):
            database.create_schema(faulty_steps(tmp_path / "steps", "1 / 0"))
    [copy] = [each for each in tmp_path.iterdir() if each.name.startswith("city.db.revision-")]
    assert (copy.name, copy.stat().st_mode & 0o777) == ("city.db.revision-0001", 0o600)
    with contextlib.closing(Database(f"sqlite:///{copy}")) as database:
        assert whole(database) == before
