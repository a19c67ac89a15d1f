"""The same city on PostgreSQL, with two servers on one database; skipped where PostgreSQL is not installed."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import sqlalchemy as sa
from msgspec.structs import replace

from api_client.model import EditBody, Handover, HandoverLine, HandoverSection, Kind
from console.server.city import database, schema
from console.server.city.city import City
from console.server.city.database import next_numbers
from console.server.city.numbered import put_things
from console.server.city.records import LOCAL
from console.server.city.unit_of_work import UnitOfWork
from console.server.errors import BusyRefusal, Overloaded, Refusal
from tests.unit.server.conftest import START, Api, Clock, furnish, running
from tools.bench.postgres import Postgres


@pytest.fixture
def two_cities(postgres: Postgres, clock: Clock) -> Iterator[tuple[City, City]]:
    """Two servers' views of one new database."""
    with postgres.fresh() as url:
        first, second = City(url, clock=clock, name="Testville"), City(url, clock=clock)
        first.create_schema()
        furnish(first)
        second.create_schema()
        assert second.epoch == first.epoch
        yield first, second
        first.close()
        second.close()


def test_four_servers_and_psql_fit_into_the_hundred_connections_of_postgresql(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "_CONNECTION_WAIT_S", 0.01)
    with postgres.fresh() as url, contextlib.ExitStack() as held:
        for _ in range(4):
            pooled = held.enter_context(contextlib.closing(City(url))).database
            with contextlib.suppress(sa.exc.TimeoutError):
                for _ in range(100):
                    connection = held.enter_context(pooled.engine.connect())
        open_now = int(
            connection.exec_driver_sql(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            ).scalar_one()
        )
        listening, psql_and_backup, of_the_administrator = 4, 5, 3
        assert open_now >= 4 * 16
        assert open_now + listening + psql_and_backup + of_the_administrator <= 100


def test_a_connection_that_was_ended_a_moment_ago_is_not_used(two_cities: tuple[City, City]) -> None:
    held = [one.database for one in two_cities]
    with held[0].read() as connection:
        driver: Any = connection.connection.driver_connection
    with held[1].read() as other:
        other.execute(sa.select(sa.func.pg_terminate_backend(driver.info.backend_pid, 5_000)))
    with held[0].read() as connection:
        assert connection.scalar(sa.select(1)) == 1


def test_one_key_at_two_servers_is_one_edit_and_one_unit_is_sent_once(two_cities: tuple[City, City]) -> None:
    answers: list[Any] = []
    go = threading.Barrier(4)

    def act(city: City, edit: EditBody, report: str | None) -> None:
        go.wait()
        try:
            answers.append(city.apply(edit, report=report).answer)
        except Refusal as refusal:
            answers.append(refusal)

    made = EditBody("create-01", Kind.CREATE, data={"service": "road"})
    jobs = [(made, None), (made, None)] + [
        (EditBody(f"dispatch-{n}", Kind.DISPATCH, data={"unit": "u1"}), str(10 + n)) for n in (0, 1)
    ]
    threads = [threading.Thread(target=act, args=(two_cities[n % 2], *job)) for n, job in enumerate(jobs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert two_cities[0].stats().reports == 4
    assert sum(isinstance(answer, BusyRefusal) for answer in answers) == 1
    assert len({answer.entry.id for answer in answers if not isinstance(answer, Refusal)}) == 2


def test_from_the_counter_to_the_commit_an_edit_is_one_message(two_cities: tuple[City, City]) -> None:
    """Whoever holds the counter and waits for the processor would hold up all edits of all servers."""
    city, other = two_cities
    said: list[str] = []
    sa.event.listen(city.database.engine, "before_cursor_execute", lambda *asked: said.append(asked[2]))
    text = "1'); DROP TABLE reports; -- \\' %s %(id)s $1 :id é\u2028 🌊"
    before = city.seq()
    note = EditBody("note-0001", Kind.NOTE, data={"text": text}, device="it's \\")
    answer = city.apply(note, report="10").answer
    asked, said = len(said), [each for each in said if each.startswith(("UPDATE", "INSERT", "COMMIT"))]
    assert asked <= 5, "each question wakes PostgreSQL, and its answer us"
    assert said[-1].startswith("UPDATE counters")
    assert said[-1].endswith("COMMIT")
    assert not any("counters" in each for each in said[:-1])
    assert (answer.seq, other.seq()) == (before + 2, before + 2)
    assert other.apply(note, report="10").answer == answer
    assert [item.seq for item in other.changes(before).items] == [before + 1, before + 2]
    assert (other.entries("10")[-1], other.report("10")) == (answer.entry, answer.report)
    assert other.entries("10")[-1].text == text
    with city.database.write() as connection:
        connection.execute(sa.delete(schema.answers))
    assert [other.apply(note, report="10").answer.entry for _ in range(2)] == [answer.entry] * 2


def test_whoever_takes_a_report_down_does_not_wait_for_the_one_before(two_cities: tuple[City, City]) -> None:
    city, other = two_cities
    create = [EditBody(f"create-0{n}", Kind.CREATE, data={"service": "road"}) for n in (1, 2)]
    with city.database.write() as connection:
        number = city.database.next_report_number(connection)
        made = other.apply(create[0]).answer.report
    assert made is not None
    assert (number, made.id) == (1001, "1002")
    again = city.apply(create[1]).answer.report
    assert again is not None
    assert again.id == "1003"


def test_who_signs_a_hand_over_while_one_of_its_reports_is_erased_has_signed_it(two_cities: tuple[City, City]) -> None:
    city, other = two_cities
    line = HandoverLine("report:10", HandoverSection.NOTED, "A hole at Siti's", report="10")
    with city.database.write() as connection:
        put_things(city.database, connection, [Handover("h-1", "rina", START, START, START, START, START, (line,))])
    other.apply(EditBody("close-01", Kind.CLOSE, data={"disposition": "Done"}), report="10")
    eraser = threading.Thread(target=lambda: city.erase("10", LOCAL, "asked"))
    with other.database.write() as connection:
        unit_of_work = UnitOfWork(other.database, connection, START)
        handover = unit_of_work.handover("h-1")
        assert handover is not None
        eraser.start()
        while not other_waits(other):
            time.sleep(0.01)
        unit_of_work.put(replace(handover, incoming="budi", signed=START))
        unit_of_work.settle()
    eraser.join()
    with city.database.read() as connection:
        after = UnitOfWork(city.database, connection, START).handover("h-1", lock=False)
    assert after is not None
    assert (after.incoming, after.signed, after.lines[0].text) == ("budi", START, "–")


def other_waits(city: City) -> bool:
    """Whether a transaction waits for a lock of another one."""
    with city.database.read() as connection:
        return bool(connection.exec_driver_sql("SELECT count(*) FROM pg_locks WHERE NOT granted").scalar())


def test_a_server_that_falls_silent_while_it_writes_does_not_stop_the_other(
    two_cities: tuple[City, City], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its computer has lost its power, or the process was stopped: PostgreSQL hears nothing, and all wait for it."""
    frozen, other = two_cities
    monkeypatch.setattr(database, "_SILENT_S", 1.0)
    note = EditBody("note-0001", Kind.NOTE, data={"text": "x"})

    def write_and_fall_silent() -> None:
        with frozen.database.write() as connection:
            next_numbers(connection, 1)
            end = time.monotonic() + 20
            while time.monotonic() < end:
                with contextlib.suppress(Overloaded):
                    other.apply(note, report="10")
                    break
            next_numbers(connection, 1)

    with pytest.raises(sa.exc.DBAPIError, match="idle-in-transaction"):
        write_and_fall_silent()
    assert frozen.apply(note, report="10").replayed
    assert frozen.apply(EditBody("note-0002", Kind.NOTE, data={"text": "y"}), report="10").answer.seq == other.seq()


def test_edits_over_http_and_a_stream_that_another_server_wakes(two_cities: tuple[City, City], tmp_path: Path) -> None:
    with running(two_cities[0], tmp_path / "media", beat_s=600.0) as url:  # no beat of its own wakes it meanwhile
        api = Api(url)
        stream = requests.get(f"{url}/dispatch/v1/stream", stream=True, timeout=20)
        lines = stream.iter_lines(chunk_size=1)
        next(line for line in lines if line.startswith(b"event: presence"))
        two_cities[1].apply(EditBody("edit-0001", Kind.SET, data={"priority": 1}, device="another desk"), report="10")
        next(line for line in lines if line.startswith(b"event: seq"))
        stream.close()
        assert api.edit("10", "set", {"priority": 2}, seen=1).status_code == 412
        api.ok("11", "merge", {"into": "10"})
        done = api.ok("10", "dispatch", {"unit": "u1"})
        assert api.ok("10", "recall", {"unit": "u1"}, undoes=done["entry"]["edit"])["report"]["status"] == "new"
        assert api.ok(None, "create", {"lat": -6.85, "lon": 106.15, "description": "\x00x"})["report"]["area"] == "w1"
        place = {"lat": -6.85, "lon": 106.15, "at": "2026-03-02T08:00:00Z"}
        assert api.session.put(f"{url}/dispatch/v1/units/u1/position", json=place, timeout=60).status_code == 204
        assert api.get("/stats").json()["reports"] == 4
        api.session.close()
