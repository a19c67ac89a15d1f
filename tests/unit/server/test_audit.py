"""The audit log: what is recorded of whom, in one chain on any number of servers, and what breaks the chain."""

from __future__ import annotations

import itertools
import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa

from api_client.model import Contact, EditBody, Kind
from console.cli import main
from console.server.admin import user_commands
from console.server.city import audit, audit_chain, schema
from console.server.city.audit_chain import AuditVerdict, Head, verify
from console.server.city.city import City
from console.server.city.records import LOCAL, Actor, LoadedReport
from console.server.city.users import Users, add_user, new_token, remove_user
from tests.unit.server.conftest import Api, Clock, a_report, let_pass, recorded, running

RINA = Actor("rina", "operator")


def log(city: City) -> list[audit.AuditRow]:
    with city.database.read() as connection:
        return list(audit.rows_after(connection, 0))


def verdict(city: City, head: Head | None = None) -> AuditVerdict:
    with city.database.read() as connection:
        return verify(connection, head)


def note(city: City, number: int, who: Actor = RINA) -> None:
    city.apply(
        EditBody(f"edit-{number:04}", Kind.NOTE, data={"text": f"Call 0812-3456-{number:04}"}), report="10", actor=who
    )


@pytest.fixture
def url(city: City, tmp_path: Path) -> Iterator[str]:
    with running(city, tmp_path / "media", Users(city)) as url:
        yield url


def test_a_write_is_recorded_with_who_and_what_but_not_with_what_was_written(city: City) -> None:
    note(city, 1)
    note(city, 1)  # repeated: the same answer, no second row
    city.apply(EditBody("edit-0002", Kind.SET, data={"priority": 1, "title": "Pak Budi"}), report="10", actor=RINA)
    city.apply(EditBody("edit-0003", Kind.UNIT_STATE, data={"unit": "u1", "state": "break"}), actor=LOCAL)
    found = [(r.number, r.who, r.role, r.via, r.what, r.object, r.edit, json.loads(r.detail)) for r in log(city)]
    assert found == [
        (1, "rina", "operator", "dispatch", "write", "10", "edit-0001", {"kind": "note"}),
        (
            2,
            "rina",
            "operator",
            "dispatch",
            "write",
            "10",
            "edit-0002",
            {"kind": "set", "fields": ["priority", "title"]},
        ),
        (3, "local", "supervisor", "dispatch", "write", None, "edit-0003", {"kind": "unit_state", "unit": "u1"}),
    ]
    assert "0812" not in repr(log(city))
    assert "Budi" not in repr(log(city))


def test_a_refused_edit_leaves_no_row(city: City) -> None:
    with pytest.raises(Exception, match="The text is empty"):
        city.apply(EditBody("edit-0001", Kind.NOTE, data={"text": ""}), report="10", actor=RINA)
    assert (log(city), verdict(city).broken) == ([], None)


def test_revealing_a_contact_is_recorded_also_when_there_is_none(city: City, url: str) -> None:
    city.load([LoadedReport(a_report("20"), contact=Contact("Sari", "0812"))])
    rina = Api(url, add_user(city, "rina", "operator"))
    viewer = Api(url, add_user(city, "v", "viewer"))
    assert rina.get("/reports/20/contact").json()["name"] == "Sari"
    assert rina.get("/reports/10/contact").status_code == 404
    assert viewer.get("/reports/20/contact").status_code == 403
    reveals = [(r.who, r.object, recorded(r.detail)) for r in log(city) if r.what == audit.REVEAL]
    assert reveals == [("rina", "20", {"found": True}), ("rina", "10", {"found": False})]
    rina.session.close()
    viewer.session.close()


def test_users_added_changed_and_removed_are_recorded(city: City) -> None:
    add_user(city, "rina", "operator")
    add_user(city, "rina", "operator", areas=["w1"])
    new_token(city, "rina")
    remove_user(city, "rina")
    found = [(r.object, json.loads(r.detail)["did"]) for r in log(city)]
    assert found == [("rina", "added"), ("rina", "changed"), ("rina", "given a new token"), ("rina", "removed")]
    assert {r.via for r in log(city)} == {"command line"}


def test_an_unknown_token_is_recorded_without_the_token(city: City, url: str) -> None:
    add_user(city, "rina", "operator")
    api = Api(url, "a-wrong-token")
    assert api.get("/me").status_code == 401
    rows = [r for r in log(city) if r.what == audit.SIGN_IN_REFUSED]
    assert [(r.who, r.object) for r in rows] == [("", None)]
    assert "wrong-token" not in repr(rows)
    api.session.close()


def _change(c: sa.Connection) -> None:
    c.execute(sa.update(schema.audit).where(schema.audit.c.number == 3).values(who="someone"))


def _change_with_its_hash(c: sa.Connection) -> None:
    row = audit.AuditRow(*c.execute(sa.select(schema.audit).where(schema.audit.c.number == 3)).one())
    forged = audit_chain.sealed(msgspec.structs.replace(row, who="someone"))
    c.execute(sa.update(schema.audit).where(schema.audit.c.number == 3).values(who=forged.who, hash=forged.hash))


def _change_the_last_with_its_hash(c: sa.Connection) -> None:
    row = audit.AuditRow(*c.execute(sa.select(schema.audit).where(schema.audit.c.number == 5)).one())
    forged = audit_chain.sealed(msgspec.structs.replace(row, who="someone"))
    c.execute(sa.update(schema.audit).where(schema.audit.c.number == 5).values(who=forged.who, hash=forged.hash))


def _remove(c: sa.Connection) -> None:
    c.execute(sa.delete(schema.audit).where(schema.audit.c.number == 3))


def _remove_and_number_anew(c: sa.Connection) -> None:
    _remove(c)
    for number in (4, 5):
        c.execute(sa.update(schema.audit).where(schema.audit.c.number == number).values(number=number - 1))


def _swap(c: sa.Connection) -> None:
    for old, new in ((3, 99), (4, 3), (99, 4)):
        c.execute(sa.update(schema.audit).where(schema.audit.c.number == old).values(number=new))


def _insert(c: sa.Connection) -> None:
    row = audit.AuditRow(*c.execute(sa.select(schema.audit).where(schema.audit.c.number == 5)).one())
    forged = audit_chain.sealed(msgspec.structs.replace(row, number=6, previous=row.hash, who="someone"))
    c.execute(sa.insert(schema.audit), [msgspec.structs.asdict(forged)])


def _cut_the_end(c: sa.Connection) -> None:
    c.execute(sa.delete(schema.audit).where(schema.audit.c.number >= 4))


def _cut_everything(c: sa.Connection) -> None:
    c.execute(sa.delete(schema.audit))


def _cut_after(c: sa.Connection, number: int) -> None:
    """Cut the end off, and set back all that says how long the chain was."""
    c.execute(sa.delete(schema.audit).where(schema.audit.c.number > number))
    c.execute(sa.update(schema.audit_head).values(number=number, hash=log_hash(c, number)))
    c.execute(sa.update(schema.counters).where(schema.counters.c.name == "audit").values(value=number))


def _cut_and_set_back(c: sa.Connection) -> None:
    _cut_after(c, 3)


def _cut_what_was_seen(c: sa.Connection) -> None:
    _cut_after(c, 2)


def _cut_but_for_the_counter(c: sa.Connection) -> None:
    _cut_after(c, 4)
    c.execute(sa.update(schema.counters).where(schema.counters.c.name == "audit").values(value=5))


def _make_anew(c: sa.Connection) -> None:
    previous = schema.NO_HASH
    for row in list(audit.rows_after(c, 0)):
        forged = audit_chain.sealed(msgspec.structs.replace(row, who="someone", previous=previous))
        previous = forged.hash
        values = {"who": forged.who, "previous": forged.previous, "hash": forged.hash}
        c.execute(sa.update(schema.audit).where(schema.audit.c.number == row.number).values(values))
    c.execute(sa.update(schema.audit_head).values(hash=previous))


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("fault", "row", "words"),
    [
        (_change, 3, "not as it was written"),
        (_change_with_its_hash, 4, "does not continue"),
        (_change_the_last_with_its_hash, 5, "not the one that was written last"),
        (_remove, 3, "is missing"),
        (_remove_and_number_anew, 3, "does not continue"),
        (_swap, 3, "does not continue"),
        (_insert, 6, "not the one that was written last"),
        (_cut_the_end, 4, "The end is missing"),
        (_cut_everything, 1, "The end is missing"),
        (_cut_but_for_the_counter, 5, "The end is missing"),
        (_cut_and_set_back, 4, "edit edit-0003 on report 10 has no row"),
        (_cut_what_was_seen, 3, "was written when the log ended with row 3, which is missing"),
        (_make_anew, 3, "was written when the log ended with row 3, which is another now"),
    ],
)
def test_whatever_is_done_to_the_rows_is_found(
    city: City, fault: Callable[[sa.Connection], None], row: int, words: str
) -> None:
    for number in range(5):
        note(city, number)
        if number in (2, 4):
            city.seal_audit()
    assert verdict(city) == AuditVerdict(Head(5, log(city)[-1].hash))
    with city.database.write() as connection:
        fault(connection)
    found = verdict(city)
    assert (found.broken, words in found.fault) == (row, True), found


def test_a_chain_made_anew_with_its_witnesses_is_found_by_the_head_that_was_written_down(city: City) -> None:
    for number in range(3):
        note(city, number)
    city.seal_audit()
    head = verdict(city).head
    note(city, 3)
    city.seal_audit()
    assert verdict(city, head).broken is None
    with city.database.write() as connection:
        _make_anew(connection)
        connection.execute(sa.update(schema.entries).values(sealed=0))
    assert verdict(city).broken is None
    assert verdict(city, head).broken == 3
    with city.database.write() as connection:
        _cut_after(connection, 2)
        connection.execute(sa.delete(schema.entries))
    assert verdict(city).broken is None
    assert verdict(city, head).broken == 3


def log_hash(connection: sa.Connection, number: int) -> str:
    return str(connection.scalar(sa.select(schema.audit.c.hash).where(schema.audit.c.number == number)))


def test_many_writers_and_sealers_make_one_chain_and_the_log_outlives_the_tidying(city: City, clock: Clock) -> None:
    def work(number: int) -> None:
        for count in range(6):
            note(city, 10 * number + count)
            city_reveals(city)

    end = threading.Event()
    writers = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    sealers = [threading.Thread(target=seal_without_rest, args=(city, end)) for _ in range(2)]
    for thread in (*writers, *sealers):
        thread.start()
    for thread in writers:
        thread.join()
    end.set()
    for thread in sealers:
        thread.join()
    let_pass(city, clock, 400)
    city.seal_audit()
    assert verdict(city) == AuditVerdict(Head(48, log(city)[-1].hash))


def seal_without_rest(city: City, end: threading.Event) -> None:
    while not end.is_set():
        audit_chain.seal(city.database)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_sealing_that_is_cut_short_at_any_statement_has_done_nothing(city: City) -> None:
    for number in range(3):
        note(city, number)
    before, cuts = log(city), 0
    while True:
        left = itertools.count(-cuts)

        def cut(*_: Any, left: Iterator[int] = left) -> None:
            if next(left) == 0:
                raise KeyboardInterrupt

        sa.event.listen(city.database.engine, "before_cursor_execute", cut)
        try:
            sealed = audit_chain.seal(city.database)
            break
        except KeyboardInterrupt:
            cuts += 1
        finally:
            sa.event.remove(city.database.engine, "before_cursor_execute", cut)
        assert (log(city), verdict(city)) == (before, AuditVerdict(audit_chain.NO_HEAD, waiting=3))
    assert (cuts > 6, sealed, audit_chain.seal(city.database)) == (True, 3, 0)
    assert verdict(city) == AuditVerdict(Head(3, log(city)[-1].hash))
    assert [row.edit for row in log(city)] == [row.edit for row in before]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_a_killed_server_left_is_sealed_by_the_next_whatever_its_clock_says(
    city: City, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    note(city, 1)
    database = city.database.url.render_as_string(hide_password=False)
    monkeypatch.setattr(time, "time_ns", lambda: 1_000)  # the computer has lost its time
    note(city, 2)
    assert (verdict(city).broken, verdict(city).waiting) == (None, 2)
    assert user_commands.audit_verify(database, None, as_json=False) == 0
    assert "whole: 0 rows. 2 more are not sealed yet." in capsys.readouterr().out
    note(city, 3)
    ended = threading.Event()
    ended.set()
    audit_chain.keep_sealing(city.database, ended)
    assert (verdict(city).head.number, verdict(city).broken, verdict(city).waiting) == (3, None, 0)


def city_reveals(city: City) -> None:
    with pytest.raises(Exception, match="left no name"):
        city.contact("11", RINA)


def test_without_a_head_verify_says_what_it_cannot_see(city: City, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(3):
        note(city, number)
    city.seal_audit()
    database = city.database.url.render_as_string(hide_password=False)
    head = str(verdict(city).head)
    with city.database.write() as connection:
        _cut_after(connection, 2)
    assert user_commands.audit_verify(database, None, as_json=False) == 4
    assert "edit edit-0002 on report 10 has no row" in capsys.readouterr().err
    with city.database.write() as connection:
        connection.execute(sa.delete(schema.entries).where(schema.entries.c.edit == "edit-0002"))
    assert user_commands.audit_verify(database, None, as_json=False) == 0
    assert "cannot be seen in the database alone" in capsys.readouterr().err
    assert user_commands.audit_verify(database, None, as_json=True) == 0
    assert json.loads(capsys.readouterr().out)["end_checked"] is False
    assert user_commands.audit_verify(database, head, as_json=True) == 4
    assert json.loads(capsys.readouterr().out)["end_checked"] is True


EXPORT = {"id": "export-0001", "at": "2026-03-02T08:00:00Z", "format": "csv", "filter": "cat=road", "rows": 2}


def test_an_export_is_recorded_once_and_who_finds_it(city: City, url: str) -> None:
    city.load([LoadedReport(a_report("20"), contact=Contact("Sari", "0812"))])
    rina, budi = Api(url, add_user(city, "rina", "operator")), Api(url, add_user(city, "budi", "operator"))
    body: dict[str, Any] = EXPORT | {"reports": ["10", "20"]}
    for _ in range(2):
        assert rina.session.post(f"{url}/dispatch/v1/exports", json=body, timeout=60).status_code == 204
    large = EXPORT | {"id": "export-0002", "rows": 100_000}
    assert budi.session.post(f"{url}/dispatch/v1/exports", json=large, timeout=60).status_code == 204
    assert budi.session.post(f"{url}/dispatch/v1/exports", json={"id": "x"}, timeout=60).status_code == 422
    rina.ok("20", "note", {"text": "x"})
    rina.get("/reports/20/contact")
    with city.database.read() as connection:
        about = audit.rows_about(connection, "20")
        other = audit.rows_about(connection, "11")
    assert [(r.what, r.who, audit.certainly_holds(r, "20")) for r in about] == [
        ("export", "rina", True),
        ("export", "budi", False),
        ("write", "rina", True),
        ("reveal", "rina", True),
    ]
    assert [(r.what, r.who) for r in other] == [("export", "budi")]
    rina.session.close()
    budi.session.close()


def test_a_supervisor_reads_who_did_what_to_a_report_and_nobody_else_does(city: City, url: str) -> None:
    rina, boss = Api(url, add_user(city, "rina", "operator")), Api(url, add_user(city, "boss", "supervisor"))
    warden = Api(url, add_user(city, "warden", "supervisor", areas=["w2"]))
    rina.ok("10", "note", {"text": "x"})
    rows = boss.get("/reports/10/audit").json()
    assert [(row["who"], row["what"], row["detail"]) for row in rows] == [("rina", "write", {"kind": "note"})]
    assert rina.get("/reports/10/audit").status_code == 403
    assert warden.get("/reports/10/audit").status_code == 403
    assert boss.get("/reports/nothing/audit").status_code == 404
    for api in (rina, boss, warden):
        api.session.close()


def test_the_commands(city: City, capsys: pytest.CaptureFixture[str]) -> None:
    database = f"--database={city.database.url.render_as_string(hide_password=False)}"
    assert main(["user", "add", "rina", "--role", "operator", "--area", "w1", database]) == 0
    token = capsys.readouterr().out.strip()
    assert main(["user", "token", "rina", database]) == 0
    again = capsys.readouterr().out.strip()
    assert Users(city).actor(again).name == "rina"
    with pytest.raises(Exception, match="not known"):
        Users(city).actor(token)
    assert main(["user", "list", "--json", database]) == 0
    (user,) = json.loads(capsys.readouterr().out)
    assert user == {"name": "rina", "role": "operator", "areas": ["w1"], "agencies": [], "signs_in": True}
    note(city, 1)
    assert main(["audit", "who", "10", database]) == 0
    assert "rina (operator, dispatch)\twrite 10\tkind note" in capsys.readouterr().out
    assert main(["audit", "log", "--since", "2020-01-01", "--json", database]) == 0
    assert [json.loads(line)["what"] for line in capsys.readouterr().out.splitlines()] == ["user", "user", "write"]
    assert main(["audit", "log", "--since", "2999-01-01", database]) == 0
    assert capsys.readouterr().out == ""
    assert main(["audit", "verify", database]) == 0
    head = capsys.readouterr().out.split()[-1]
    assert main(["user", "remove", "rina", database]) == 0
    assert main(["user", "remove", "rina", database]) == 4
    assert main(["audit", "verify", "--head", head, database]) == 0
    assert main(["audit", "verify", "--head", "nonsense", database]) == 2
    with city.database.write() as connection:
        connection.execute(sa.delete(schema.audit).where(schema.audit.c.number == 2))
    capsys.readouterr()
    assert main(["audit", "verify", "--json", database]) == 4
    assert json.loads(capsys.readouterr().out)["broken"] == 2


def test_a_mistyped_database_is_not_made_and_a_mistyped_area_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    typo = tmp_path / "sitty.db"
    for command in (["user", "list"], ["client", "list"], ["audit", "verify"], ["user", "remove", "rina"]):
        assert main([*command, "--database", f"sqlite:///{typo}"]) == 4
        assert f"there is no file {typo}" in capsys.readouterr().err
        assert not typo.exists()
    address = f"--database=sqlite:///{tmp_path / 'city.db'}"
    assert main(["user", "add", "rina", "--role", "operator", "--area", "w9", address]) == 0
    assert "there is no area w9 yet" in capsys.readouterr().err
    assert main(["client", "list", address]) == 0
    assert "no program has an api_key" in capsys.readouterr().err
    assert main(["client", "add", "front", "--rate", "600 per 1 minute", address]) == 0
    assert main(["client", "rate", "front", "900 per 1 minute", address]) == 0
    assert main(["client", "list", address]) == 0
    assert capsys.readouterr().out.endswith("may post\t900 per 1 minute\n")
