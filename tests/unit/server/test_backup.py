"""Backup and restore: one file between both kinds of database, nothing half-made, and no edit lost or made twice."""

from __future__ import annotations

import contextlib
import hashlib
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa

from api_client.model import Agency, Contact, EditBody, Kind
from console.cli import main
from console.server.city import backup, migrations, schema
from console.server.city.city import City
from console.server.city.database import LONG_SILENT_S, Database
from console.server.city.records import LoadedReport
from console.server.city.unit_of_work import UnitOfWork
from console.server.city.users import Users, add_user
from console.server.errors import InProgressRefusal, Overloaded
from tests.unit.server.conftest import Api, Clock, a_report, running
from tests.unit.server.test_epoch import wait_for_epoch
from tests.unit.server.test_feed import everything
from tests.unit.server.test_migrations import faulty_steps, make_old, whole
from tools.bench.postgres import Postgres

PHOTO = b"\xff\xd8\xff" + bytes(range(256))
NAME = hashlib.sha256(PHOTO).hexdigest()


def url_of(city: City) -> str:
    return city.database.url.render_as_string(hide_password=False)


def note(city: City, key: str, report: str = "10") -> None:
    city.apply(EditBody(key, Kind.NOTE, data={"text": key}), report=report)


def rows_of(city: City) -> dict[str, Any]:
    """Everything but the epoch, the next report's number and the next versions, whatever the database."""
    with city.database.read() as connection:
        found = {
            table.name: sorted(repr(dict(row)) for row in connection.execute(sa.select(table)).mappings())
            for table in schema.metadata.sorted_tables
        }
    found["meta"] = [row for row in found["meta"] if "'epoch'" not in row]
    found["counters"] = [row for row in found["counters"] if "'seq'" in row]
    return found


@pytest.fixture(params=["sqlite", "postgresql"])
def other_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database to restore into, of either kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'other.db'}"
        return
    server: Postgres = request.getfixturevalue("postgres")
    with server.fresh(empty=True) as url:
        yield url


def test_a_city_moves_to_another_database_with_every_row_and_photo(
    city: City, other_url: str, clock: Clock, tmp_path: Path
) -> None:
    media, out, photos = tmp_path / "media", tmp_path / "city.backup", tmp_path / "other-media"
    token = add_user(city, "rina", "operator", areas=["w1"])
    city.load([LoadedReport(a_report("20"), contact=Contact("Siti", phone="0812"))])
    with running(city, media, Users(city)) as url:
        api = Api(url, token)
        api.ok("10", "note", {"text": "\x01 é 😀"}, key="edit-0001", device="")
        api.session.close()
    media.joinpath(NAME).write_bytes(PHOTO)
    before = city.epoch
    assert main(["backup", "--database", url_of(city), "--out", str(out), "--media", str(media)]) == 0
    assert out.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in tmp_path.iterdir() if each.name.startswith("city.backup")] == ["city.backup"]
    assert main(["restore", "--database", other_url, str(out), "--media", str(photos)]) == 0
    assert (photos / NAME).read_bytes() == PHOTO
    with contextlib.closing(City(other_url, clock=clock)) as other:
        other.create_schema()
        assert rows_of(other) == rows_of(city)
        assert other.epoch != before == city.epoch
        assert everything(other, 2000) == everything(city, 2000)
        assert Users(other).actor(token).areas == ("w1",)
        again = other.apply(
            EditBody("edit-0001", Kind.NOTE, data={"text": "\x01 é 😀"}), report="10", actor=Users(other).actor(token)
        )
        assert again.replayed
        note(other, "edit-0002")
        assert other.seq() > city.seq()


def test_after_a_restore_followers_begin_anew_and_lost_edits_are_made_once(city: City, tmp_path: Path) -> None:
    out = tmp_path / "city.backup"
    bodies = {f"edit-{n:04}": {"text": f"note {n}"} for n in range(6)}
    with running(city, tmp_path / "media") as url:
        api = Api(url)
        for key in list(bodies)[:3]:
            api.ok("10", "note", bodies[key], key=key)
        assert backup.backup(url_of(city), out) == 0
        for key in list(bodies)[3:]:
            api.ok("10", "note", bodies[key], key=key)
        made = api.ok(None, "create", {"service": "road"}, key="edit-made")["report"]["id"]
        page = api.get("/changes?after=0").json()
        assert backup.restore(url_of(city), out, replace=True) == 0
        assert api.get(f"/changes?after={page['upto']}").status_code == 410
        assert wait_for_epoch(api, page["epoch"])["epoch"] == api.get("/snapshot").json()["epoch"] == city.epoch
        assert api.get(f"/reports/{made}").status_code == 404
        for _ in range(2):
            for key, body in bodies.items():
                api.ok("10", "note", body, key=key)
            api.ok(None, "create", {"service": "road"}, key="edit-made")
        entries = api.get("/reports/10/entries").json()
        assert sorted(entry["edit"] for entry in entries if entry["edit"]) == sorted(bodies)
        assert api.get("/stats").json()["reports"] == 4
        followed = api.get("/changes?after=0").json()
        assert (followed["epoch"], followed["upto"]) == (city.epoch, city.seq())
        api.session.close()


def test_a_backup_while_many_write_is_one_moment(city: City, clock: Clock, tmp_path: Path) -> None:
    done = threading.Event()

    def write(name: str) -> None:
        n = 0
        while not done.is_set():
            n += 1
            note(city, f"{name}-{n:04}", str(10 + n % 3))

    writers = [threading.Thread(target=write, args=(f"writer{n}",)) for n in range(3)]
    for thread in writers:
        thread.start()
    try:
        outs = [tmp_path / f"{n}.backup" for n in range(3)]
        assert [backup.backup(url_of(city), out) for out in outs] == [0, 0, 0]
    finally:
        done.set()
        for thread in writers:
            thread.join()
    for n, out in enumerate(outs):
        url = f"sqlite:///{tmp_path / f'restored{n}.db'}"
        assert backup.restore(url, out) == 0
        with contextlib.closing(City(url, clock=clock)) as restored:
            restored.create_schema()
            found = everything(restored, 2000)
            assert max(found.values()) == restored.seq()
            notes = sum(kind == "entry" for kind, _ in found)
            assert sum(restored.report(key).version - 1 for key in ("10", "11", "12")) == notes
            with restored.database.read() as connection:
                assert connection.scalar(sa.select(sa.func.count()).select_from(schema.answers)) == notes


def test_a_restore_while_many_write_is_one_moment_too(city: City, tmp_path: Path) -> None:
    out = tmp_path / "city.backup"
    assert backup.backup(url_of(city), out) == 0
    done = threading.Event()

    def write(name: str) -> None:
        n = 0
        while not done.wait(0.002):
            n += 1
            with contextlib.suppress(
                Overloaded, InProgressRefusal, sa.exc.OperationalError
            ):  # all of them mean: ask again
                if n % 5:
                    note(city, f"{name}-{n:04}", str(10 + n % 3))
                else:
                    city.put_agencies([Agency(name, f"Agency {n}")])

    writers = [threading.Thread(target=write, args=(f"writer{n}",)) for n in range(4)]
    for thread in writers:
        thread.start()
    try:
        epochs = []
        for _ in range(3):
            assert backup.restore(url_of(city), out, replace=True) == 0
            epochs.append(city.epoch)
    finally:
        done.set()
        for thread in writers:
            thread.join()
    assert len(set(epochs)) == 3
    kept = {each.name for each in tmp_path.iterdir() if ".before-restore" in each.name}
    assert kept == ({f"city.db.before-restore-{n}" for n in (1, 2, 3)} if city.database.is_sqlite else set())
    found = everything(city, 2000)
    assert len(set(found.values())) == len(found)
    assert max(found.values()) == city.seq()
    with city.database.read() as connection:
        given = connection.execute(sa.select(schema.entries.c.report, schema.entries.c.version)).all()
    assert len(set(given)) == len(given) == sum(kind == "entry" for kind, _ in found)
    newest = dict.fromkeys(("10", "11", "12"), 1) | dict(sorted(map(tuple, given)))
    assert {key: city.report(key).version for key in newest} == newest


def test_a_restore_waits_longer_than_an_edit_for_another_program(tmp_path: Path) -> None:
    with contextlib.closing(Database(f"sqlite:///{tmp_path / 'city.db'}")) as database:
        database.create_schema()
        waits_ms = []
        for silent_s in (None, LONG_SILENT_S, None):
            with database.write(silent_s=silent_s) as connection:
                waits_ms.append(connection.exec_driver_sql("PRAGMA busy_timeout").scalar_one())
    assert waits_ms[1] > waits_ms[0] == waits_ms[2]


def test_what_cannot_be_restored_changes_nothing(
    city: City, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, out = tmp_path / "good.backup", tmp_path / "x.backup"
    assert backup.backup(url_of(city), good) == 0
    before = rows_of(city), city.epoch
    content = good.read_bytes()
    out.write_bytes(content[: len(content) // 2])
    foreign = tmp_path / "foreign.db"
    with contextlib.closing(sqlite3.connect(foreign)) as connection:
        connection.execute("CREATE TABLE t (x)")
    newer = tmp_path / "newer.db"
    with contextlib.closing(City(f"sqlite:///{newer}")) as made:
        made.database.create_schema(faulty_steps(tmp_path / "steps", "pass"))
    for arguments, words in (
        ([str(good)], "--replace"),
        ([str(tmp_path / "none")], "no file"),
        ([str(out), "--replace"], "damaged"),
        ([__file__, "--replace"], "no backup"),
        ([str(foreign), "--replace"], "no city"),
        ([str(newer), "--replace"], "newer Sigap"),
        ([str(good), "--replace", "--media", str(tmp_path / "m")], "without photos"),
    ):
        capsys.readouterr()
        assert main(["restore", "--database", url_of(city), *arguments]) == 4
        assert words in capsys.readouterr().err
        assert (rows_of(city), city.epoch) == before
    assert main(["backup", "--database", url_of(city), "--out", str(good)]) == 4
    assert good.read_bytes() == content
    assert main(["backup", "--database", "nonsense", "--out", str(tmp_path / "y")]) == 2


def test_a_fault_in_the_middle_leaves_no_half_backup_and_no_half_city(
    city: City, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = tmp_path / "good.backup"
    assert backup.backup(url_of(city), good) == 0
    before = rows_of(city), city.epoch
    tables = list(schema.metadata.sorted_tables)
    broken = sa.Table("reports", sa.MetaData(), sa.Column("no_such_column", sa.Text))
    stand_in = {"sorted_tables": [*tables, broken], "create_all": schema.metadata.create_all}
    monkeypatch.setattr(schema, "metadata", type("Some", (), stand_in))
    assert backup.restore(url_of(city), good, replace=True) == 4
    assert backup.backup(url_of(city), tmp_path / "bad.backup") == 4
    monkeypatch.undo()
    assert (rows_of(city), city.epoch) == before
    assert not [each for each in tmp_path.iterdir() if each.name.startswith("bad.backup")]


def test_an_older_backup_is_brought_up_to_date_and_stays_as_it_is(other_url: str, tmp_path: Path) -> None:
    old = tmp_path / "old.db"
    with contextlib.closing(City(f"sqlite:///{old}")) as city:
        rows = make_old(city.database)
        before = whole(city.database)
    assert main(["restore", "--database", other_url, str(old)]) == 0
    with contextlib.closing(City(f"sqlite:///{old}")) as city:
        assert whole(city.database) == before
    with contextlib.closing(City(other_url)) as city, city.database.read() as connection:
        assert migrations.revision_of(connection) == migrations.head()
        for table in schema.TABLES.values():
            then = rows.get(table.name, [])  # a table that came since is there, and empty
            known = [column for column in table.c if not then or column.name in then[0]]
            found = connection.execute(sa.select(*known)).mappings()
            assert sorted(map(repr, map(dict, found))) == sorted(map(repr, then)), table.name


def test_only_the_epoch_is_renewed(city: City) -> None:
    before = rows_of(city), city.epoch
    assert main(["restore", "--only-epoch", "--database", url_of(city)]) == 0
    assert rows_of(city) == before[0]
    assert city.epoch != before[1]


@pytest.mark.parametrize("way", ["restored", "set back"])
def test_after_a_restore_no_crew_is_on_its_way_before_it_says_so_again(city: City, tmp_path: Path, way: str) -> None:
    """At the backup it was en route; it had refused since: the P1 stood as "en route", and nobody came."""
    out = tmp_path / "night.backup"
    states = {"u1": "en_route", "u2": "on_scene", "u3": "acknowledged"}
    with running(city, tmp_path / "media") as url:
        api = Api(url)
        for report, (unit, state) in zip(("10", "11", "12"), states.items(), strict=True):
            api.ok(report, "dispatch", {"unit": unit})
            api.ok(report, "progress", {"unit": unit, "state": state})
        assert backup.backup(url_of(city), out) == 0
        api.ok("10", "progress", {"unit": "u1", "state": "refused", "reason": "road flooded"})
        api.ok(None, "unit_state", {"unit": "u2", "state": "unavailable", "reason": "boat sank"})
        before = api.get("/snapshot").json()["epoch"]
        if way == "restored":
            assert backup.restore(url_of(city), out, replace=True) == 0
        else:
            city.begin_epoch()
        wait_for_epoch(api, before)
        jobs = [one["assignment"] for unit in states for one in api.get(f"/jobs?unit={unit}").json()["jobs"]]
        live = {one["unit"]: one for one in jobs if one["state"] != "refused"}
        assert {one["state"] for one in live.values()} == {"dispatched"}
        assert live.keys() == (states.keys() if way == "restored" else {"u2", "u3"})
        assert {one["ordered_by"] for one in live.values()} == {"local"}
        expected = {"u1": "committed", "u2": "committed", "u3": "committed"}
        if way == "set back":
            expected |= {"u1": "available", "u2": "unavailable"}
        assert {unit: api.unit(unit)["state"] for unit in states} == expected
        api.ok("11", "progress", {"unit": "u2", "state": "on_scene"})
        assert api.report("11")["status"] == "progress"
        api.session.close()


def test_the_numbers_of_lost_reports_are_not_given_out_again(city: City, tmp_path: Path) -> None:
    """F22: a restore takes reports back that somebody still has work for (database.py: begin_epoch)."""

    def call(key: str) -> str | None:
        return city.apply(EditBody(key, Kind.CREATE, data={"channel": "phone"}), report=None).answer.entry.report

    out = tmp_path / "night.backup"
    call("before")
    assert backup.backup(url_of(city), out) == 0
    lost = {call(f"lost-{n}") for n in range(3)}
    assert main(["restore", "--replace", "--database", url_of(city), str(out)]) == 0
    assert not {call(f"new-{n}") for n in range(3)} & lost


def test_damaged_and_missing_photos_are_said(city: City, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    media = tmp_path / "media"
    media.mkdir()
    (media / NAME).write_bytes(PHOTO)
    (media / ("a" * 64)).write_bytes(b"other bytes")
    (media / ".hidden").write_bytes(b"x")
    assert backup.backup(url_of(city), tmp_path / "x.backup", media) == 0
    assert "1 photos are damaged" in capsys.readouterr().err
    with contextlib.closing(sqlite3.connect(tmp_path / "x.backup")) as connection:
        assert connection.execute("SELECT sha256 FROM photos").fetchall() == [(NAME,)]
        with connection:
            connection.execute("UPDATE photos SET sha256 = '../../x'")
    before = rows_of(city), city.epoch
    arguments = ["--database", url_of(city), str(tmp_path / "x.backup"), "--replace", "--media", str(tmp_path / "new")]
    assert main(["restore", *arguments]) == 4
    assert "photo of the backup is damaged" in capsys.readouterr().err
    assert (rows_of(city), city.epoch) == before
    assert list((tmp_path / "new").iterdir()) == []


def test_a_restore_amid_an_edit_gives_no_version_out_twice(city: City, tmp_path: Path) -> None:
    """The edit has chosen its version: the restore waits for it and takes it back; every later version lies above.

    The edit that begins while the restore is under way waits for that and knows it.
    """
    out = tmp_path / "city.backup"
    note(city, "before-01")
    assert backup.backup(url_of(city), out) == 0
    done: list[int] = []
    restoring = threading.Thread(target=lambda: done.append(backup.restore(url_of(city), out, replace=True)))
    with city.database.write() as connection:
        # as an edit begins: the restore waits here first, and holds nothing that the edit still needs
        connection.execute(sa.insert(schema.answers).values(key="amid-0001", fingerprint="", status=0, body=b"", at=0))
        unit_of_work = UnitOfWork(city.database, connection, city.clock())
        before = unit_of_work.report("10")
        assert before is not None
        chosen = unit_of_work.next_version(before)
        restoring.start()
        restoring.join(1.0)
        assert not done, "it waits"
        unit_of_work.put(msgspec.structs.replace(before, version=chosen))
        last = unit_of_work.settle()
    city.database.announce(last)
    note(city, "after-001")  # perhaps while the restore goes on
    restoring.join(30)
    assert done == [0]
    note(city, "after-002")
    with city.database.read() as connection:
        entries = schema.entries
        given = connection.scalars(
            sa.select(entries.c.version).where(entries.c.edit.like("after%"), entries.c.report == "10")
        ).all()
    assert given
    assert min(given) > chosen
    assert city.report("10").version == max(given)
