"""What is known of the database between two looks at it: how far the feed is, and whose a token is."""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import socket
import threading
import time

import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy.pool import QueuePool
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message
from typing_extensions import override

from api_client.decoding import decode
from api_client.model import Changes, EditBody, Kind
from console.server.admin.apply import apply_setup
from console.server.admin.setup import CitySetup
from console.server.city import change_watcher as watching
from console.server.city.change_watcher import ChangeWatcher, DatabaseMark
from console.server.city.city import City
from console.server.city.records import COMMAND_LINE
from console.server.city.users import Users, add_user, remove_user
from console.server.http.endpoint import HttpEndpoint, RequestContext
from console.server.http.event_stream import Subscribers

_LISTENING = "SELECT pg_advisory_lock_shared($1, $2)"
one_database = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def note(city: City, n: int) -> None:
    city.apply(EditBody(f"edit-{n:04}", Kind.NOTE, data={"text": "x"}), report="10")


@one_database
def test_whose_a_token_is_stays_known_while_edits_are_made_and_no_longer(city: City) -> None:
    add_user(city, "rina", "operator")

    async def beats() -> tuple[DatabaseMark, DatabaseMark, DatabaseMark]:
        change_watcher = ChangeWatcher(city)
        await change_watcher.start()
        before = change_watcher.mark
        note(city, 1)
        await asyncio.sleep(0)
        edited = change_watcher.mark
        add_user(city, "boss", "supervisor")
        await asyncio.sleep(0)
        changed = change_watcher.mark
        await change_watcher.stop()
        return before, edited, changed

    before, edited, changed = asyncio.run(beats())
    assert edited.seq > before.seq
    assert edited.users == before.users is not None
    assert changed.seq > edited.seq
    assert changed.users is None


@one_database
def test_a_stream_that_began_while_users_were_changed_ends_once_they_are_known(city: City) -> None:
    """What was then known for the first time was taken for how it had been: who was removed went on listening."""
    token = add_user(city, "rina", "operator")
    asked: list[RequestContext] = []

    async def work(ask: RequestContext) -> Response:
        asked.append(ask)
        return Response()

    async def listen() -> None:
        change_watcher = ChangeWatcher(city)
        await change_watcher.start()
        subscribers = Subscribers(city, change_watcher, beat_s=0.05)
        subscribers.start()
        users = Users(city)
        users.stamp = lambda: change_watcher.mark.users
        add_user(city, "boss", "supervisor")
        await asyncio.sleep(0)
        assert change_watcher.mark.users is None
        scope = {"type": "http", "method": "GET", "path": "/", "query_string": b"", "client": ("127.0.0.1", 1)}
        headers = [(b"authorization", f"Bearer {token}".encode())]
        await HttpEndpoint(users).endpoint(work)(Request(scope | {"headers": headers}, receive))
        remove_user(city, "rina")
        async with asyncio.timeout(10):
            async for _ in subscribers.events("rina", asked[0].still_known):
                pass
        await subscribers.stop()
        await change_watcher.stop()

    asyncio.run(listen())


def test_processes_are_counted_and_the_citys_own_rules_are_found(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "_ASIDE_S", 0.0)

    async def watched() -> None:
        told: asyncio.Queue[tuple[dict[str, str], int]] = asyncio.Queue()
        one, two = ChangeWatcher(city), ChangeWatcher(city)
        loop = asyncio.get_running_loop()
        one.on_rates = lambda rules, count: loop.call_soon_threadsafe(told.put_nowait, (dict(rules), count))
        async with asyncio.timeout(20):
            await one.start()
            await two.start()
            if not city.database.is_sqlite:
                assert await told.get() == ({}, 2)
            apply_setup(city, CitySetup(requests={"key_reports": "5 per 1 minute"}), COMMAND_LINE)
            found = await told.get()
            assert found == ({"key_reports": "5 per 1 minute"}, 1 if city.database.is_sqlite else 2)
            await two.stop()
            if not city.database.is_sqlite:
                assert (await told.get())[1] == 1
            await one.stop()

    asyncio.run(watched())


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_the_edits_of_other_processes_are_told_without_a_look_and_their_users_are_looked_at(city: City) -> None:
    looks = 0

    class Counting(ChangeWatcher):
        @override
        async def _look(self) -> DatabaseMark:
            nonlocal looks
            looks += 1
            return await super()._look()

    async def told() -> tuple[int, DatabaseMark, DatabaseMark]:
        change_watcher = Counting(city)
        grown = asyncio.Event()
        change_watcher.on_growth.append(grown.set)
        async with asyncio.timeout(20):
            await change_watcher.start()
            while change_watcher._line is None:
                await asyncio.sleep(0.01)
            before, edits = looks, 40
            for n in range(edits):
                grown.clear()
                await asyncio.to_thread(note, other, n)
                await grown.wait()
            edited, looked = change_watcher.mark, looks - before
            assert edited.seq == other.seq()
            await asyncio.to_thread(add_user, other, "rina", "operator")
            while change_watcher.mark.users == edited.users:
                grown.clear()
                await grown.wait()
            changed = change_watcher.mark
            await change_watcher.stop()
        return edits - looked, edited, changed

    with contextlib.closing(City(city.database.url.render_as_string(hide_password=False))) as other:
        spared, edited, changed = asyncio.run(told())
    assert spared > 20
    assert changed.seq > edited.seq


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_who_asks_is_given_what_other_processes_were_told_to_have_done(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their notices wake nobody one by one: between two hearings they wait for who asks."""
    monkeypatch.setattr(watching, "_HEARING_REST_S", 3600.0)
    monkeypatch.setattr(watching, "_LOOK_TOLD_S", 3600.0)

    async def asked() -> None:
        change_watcher = ChangeWatcher(city)
        async with asyncio.timeout(20):
            await change_watcher.start()
            while change_watcher._line is None:
                await asyncio.sleep(0.01)
            start = change_watcher.mark.seq
            await asyncio.to_thread(note, other, 1)
            while change_watcher.mark.seq < other.seq():
                await asyncio.sleep(0.01)
            await change_watcher.changes(start, 100)
            await asyncio.to_thread(note, other, 2)
            while decode(await change_watcher.changes(start, 100), Changes).upto < other.seq():
                await asyncio.sleep(0.01)
            await change_watcher.stop()

    with contextlib.closing(City(city.database.url.render_as_string(hide_password=False))) as other:
        asyncio.run(asked())


async def receive() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


@one_database
def test_edits_without_a_pause_do_not_keep_a_change_of_users_from_being_seen(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the database is looked at there is always another edit; and the change watcher ends all the same."""
    add_user(city, "rina", "operator")
    look = ChangeWatcher._look
    count = 0

    async def busy_look(change_watcher: ChangeWatcher) -> DatabaseMark:
        nonlocal count
        beat = await look(change_watcher)
        if count:
            note(city, count)
        count += 1
        await asyncio.sleep(0)
        return beat

    monkeypatch.setattr(ChangeWatcher, "_look", busy_look)

    async def seen() -> tuple[DatabaseMark, DatabaseMark]:
        change_watcher = ChangeWatcher(city)
        grown = asyncio.Event()
        change_watcher.on_growth.append(grown.set)
        await change_watcher.start()
        before = change_watcher.mark
        add_user(city, "boss", "supervisor")
        await asyncio.sleep(0)
        while change_watcher.mark.users in (None, before.users):
            grown.clear()
            await asyncio.wait_for(grown.wait(), 10)
        after = change_watcher.mark
        await change_watcher.stop()
        return before, after

    before, after = asyncio.run(seen())
    assert after.users is not None
    assert after.users != before.users
    assert after.seq > before.seq


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_line_that_is_lost_is_listened_to_no_more_when_its_number_is_free(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection of a request that got the number was never heard: its request hung until its client gave up."""
    monkeypatch.setattr(watching, "_LISTEN_AGAIN_S", 0.0)

    async def lost() -> tuple[bool, bool]:
        change_watcher = ChangeWatcher(city)
        async with asyncio.timeout(20):
            await change_watcher.start()
            while change_watcher._line is None or change_watcher._said.is_set():
                await asyncio.sleep(0.01)
            number = change_watcher._line.socket
            with city.database.write() as connection:  # the event loop may not see it before who asks does
                connection.execute(
                    sa.text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query = :ours"),
                    {"ours": _LISTENING},
                )
            while select.select([number], [], [], 10)[0]:
                try:
                    change_watcher._take_in()  # a farewell comes first
                except psycopg.OperationalError:
                    break
            else:
                pytest.fail("the driver did not find it gone")
            loop, line = asyncio.get_running_loop(), change_watcher._line
            listened = loop.remove_reader(number)
            os.dup2(next_line.fileno(), number)
            loop.add_reader(number, lambda: None)
            change_watcher._said.set()
            while change_watcher._line in (None, line):
                await asyncio.sleep(0.01)
            heard = loop.remove_reader(number)
            await change_watcher.stop()
            os.close(number)
        return listened, heard

    with socket.socket() as next_line:
        assert asyncio.run(lost()) == (False, True)


@one_database
def test_the_end_leaves_no_reading_behind(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    reading = threading.Event()

    def slow_read(change_watcher: ChangeWatcher) -> DatabaseMark:
        with city.database.read():
            reading.set()
            time.sleep(0.1)
        return DatabaseMark("", 0, None)

    async def in_use() -> int:
        change_watcher = ChangeWatcher(city)
        await change_watcher.start()
        monkeypatch.setattr(ChangeWatcher, "_read", slow_read)
        note(city, 1)
        while not reading.is_set():
            await asyncio.sleep(0.001)
        await change_watcher.stop()
        pool = city.database.engine.pool
        assert isinstance(pool, QueuePool)
        return pool.checkedout()

    assert asyncio.run(in_use()) == 0
