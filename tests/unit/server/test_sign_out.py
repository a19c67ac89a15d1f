"""Who signs out offers what he has taken to everybody; who loses his network keeps it; who comes back has it again."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from console.server.city import audit, schema
from console.server.city.change_watcher import ChangeWatcher
from console.server.city.city import City
from console.server.city.rates import RULES
from console.server.city.users import Users, add_user
from console.server.http.event_stream import Subscribers
from console.server.http.rate_limit import RateLimits
from tests.helpers.patience import Patience
from tests.unit.server.conftest import START, Api, Clock, recorded, running

one_database = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
UNLIMITED = dict.fromkeys(RULES, "1000000 per 1 second")


@pytest.fixture
def operators(city: City, tmp_path: Path) -> Iterator[tuple[Api, Api]]:
    """Two operators at a server."""
    with running(city, tmp_path / "media", Users(city), limits=RateLimits(UNLIMITED)) as url:
        both = [Api(url, add_user(city, name, "operator")) for name in ("ani", "budi")]
        yield both[0], both[1]
        for api in both:
            api.session.close()


def presence(api: Api, verb: str, **more: Any) -> int:
    return api.session.request(verb, f"{api.url}/dispatch/v1/presence", timeout=60, **more).status_code


@one_database
def test_who_signs_out_at_one_desk_and_is_at_another_keeps_what_he_has_taken(
    city: City, operators: tuple[Api, Api]
) -> None:
    """All that he had was offered, and each P1 of it called the whole room, until his other desk told 30 s later."""
    ani, budi = operators
    here, there = {"Sigap-Console": "here"}, {"Sigap-Console": "there"}
    ani.ok("10", "claim")
    with ani.get("/stream", stream=True, headers=here) as own, ani.get("/stream", stream=True, headers=there) as other:
        lines = [stream.iter_lines(chunk_size=1) for stream in (own, other)]  # which close their streams as they go
        assert all(next(one) for one in lines)
        assert presence(ani, "PUT", json={"report": "10"}, headers=there) == 204
        assert presence(ani, "DELETE", headers=here) == 204
        assert budi.report("10")["claim"]["offer"] is None
        assert "ani" in city.presence.seen(START).looking
        assert presence(ani, "DELETE") == 204, "one that does not say which it is leaves no other behind"
        assert budi.report("10")["claim"]["offer"] is not None
        assert presence(ani, "PUT", json={"report": "10"}, headers=there) == 204
    assert budi.report("10")["claim"]["offer"] is None
    patience = Patience(20)
    while budi.report("10")["claim"]["offer"] is None:  # until the server knows that the other stream is gone
        assert not patience.is_over
        assert presence(ani, "DELETE", headers=here) == 204


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_console_at_another_server_of_the_city_is_known(
    city: City, database_url: str, clock: Clock, tmp_path: Path
) -> None:
    """All that she had was offered, and each P1 of it called the room; so it was where a proxy gave her presence to
    another server than her stream."""
    with contextlib.ExitStack() as stack:
        other = stack.enter_context(contextlib.closing(City(database_url, clock=clock)))
        limits = RateLimits(UNLIMITED)
        first, second = (
            stack.enter_context(running(one, tmp_path / "media", Users(one), limits=limits, gone_s=0.1))
            for one in (city, other)
        )
        token = add_user(city, "ani", "operator")
        at_first, at_second = (Api(url, token) for url in (first, second))
        here, there = {"Sigap-Console": "here"}, {"Sigap-Console": "there"}
        at_first.ok("10", "claim")
        with at_first.get("/stream", stream=True, headers=there) as stream:
            lines = stream.iter_lines(chunk_size=1)  # once it is let go the stream is closed
            assert next(lines)
            for _ in range(4):
                clock.skip(seconds=25)
                assert presence(at_second, "PUT", json={"report": "10"}, headers=there) == 204
            with at_second.get("/stream", stream=True, headers=here) as own:
                own_lines = own.iter_lines(chunk_size=1)
                assert next(own_lines)
                assert presence(at_second, "PUT", json={"report": None}, headers=here) == 204
            assert presence(at_second, "DELETE", headers=here) == 204
            other.presence.leave_unless_elsewhere("ani", clock())
            assert at_second.report("10")["claim"]["offer"] is None
            assert "ani" in city.presence.seen(clock()).looking
        patience = Patience(20)
        while at_second.report("10")["claim"]["offer"] is None:  # until the first server knows that the stream is gone
            assert not patience.is_over
            assert presence(at_second, "DELETE", headers=here) == 204
        for api in (at_first, at_second):
            api.session.close()


def consoles(city: City) -> list[str]:
    with city.database.read() as connection:
        return list(connection.execute(sa.select(schema.consoles.c.console)).scalars())


@contextlib.contextmanager
def listening(api: Api, headers: dict[str, str]) -> Iterator[None]:
    """With a stream that has spoken. One that begins while the new users are looked at is ended at once, as for a
    console, which asks again.
    """
    patience = Patience(20)
    while not patience.is_over:
        with api.get("/stream", stream=True, headers=headers) as stream:
            lines = stream.iter_lines(chunk_size=1)  # once it is let go the stream is closed
            if next(lines, None) is not None:
                yield
                return
    pytest.fail("no stream spoke")


@one_database
def test_a_console_that_listens_again_is_there_before_it_tells_so(city: City, operators: tuple[Api, Api]) -> None:
    ani, _ = operators
    there = {"Sigap-Console": "there"}
    assert presence(ani, "PUT", json={"report": None}, headers=there) == 204
    for expected in ([], ["there"]):
        with listening(ani, there):
            patience = Patience(20)
            while expected and consoles(city) != expected:
                assert not patience.is_over
        patience = Patience(20)
        while consoles(city):  # until the server knows that the stream is gone
            assert not patience.is_over


@one_database
def test_presence_is_noted_in_the_order_in_which_it_came(city: City) -> None:
    """A console that came and went at once was there for a minute: the thread of its coming was the slower one."""
    noted: list[str] = []

    def note(what: str, wait_s: float) -> None:
        time.sleep(wait_s)
        noted.append(what)

    async def come_and_go() -> None:
        subscribers = Subscribers(city, ChangeWatcher(city))
        subscribers._note(note, "comes", 0.05)
        subscribers._note(note, "goes", 0.0)
        await asyncio.wait(set(subscribers._leaving))

    asyncio.run(come_and_go())
    assert noted == ["comes", "goes"]


@one_database
def test_a_console_that_has_told_nothing_for_long_is_nowhere(city: City, clock: Clock) -> None:
    """It was cut off; and a clock that was ahead, as it told so, keeps it there no longer."""
    city.presence.look("ani", None, clock(), "there")
    assert city.presence.is_elsewhere("ani", "here", clock())
    assert not any(city.presence.is_elsewhere("ani", which, clock()) for which in ("there", ""))
    clock.skip(seconds=74)
    assert not city.presence.is_elsewhere("ani", "here", clock())
    city.presence.look("ani", None, clock() + timedelta(hours=1), "there")
    assert not city.presence.is_elsewhere("ani", "here", clock())


def test_what_one_has_taken_is_taken_over_once_he_has_signed_out_and_not_before(
    city: City, operators: tuple[Api, Api]
) -> None:
    ani, budi = operators
    assert presence(ani, "PUT", json={"report": "10"}) == 204
    for key in ("10", "11", "12"):
        ani.ok(key, "claim")
    ani.ok("12", "close", {"disposition": "spam"})
    city.presence.leave("ani", city.clock())  # her stream is gone: her network, perhaps
    refused = budi.edit("10", "claim")
    assert (refused.status_code, refused.json()["fields"]["claim"]["value"]) == (412, "ani")

    before = budi.report("12")
    assert presence(ani, "DELETE") == 204
    claim = budi.report("10")["claim"]
    assert (claim["who"], claim["offer"]["by"], claim["offer"]["to"]) == ("ani", "ani", None)
    assert budi.report("12") == before, "what is closed is over"
    assert "ani" not in city.presence.seen(START).looking
    assert budi.edit("10", "release").status_code == 403, "a release is hers still: a take-over names who has it then"
    taken = budi.ok("10", "claim")
    assert taken["report"]["claim"] == {"who": "budi", "since": taken["entry"]["at"], "offer": None}

    assert presence(ani, "PUT", json={"report": None}) == 204
    assert budi.report("11")["claim"]["offer"] is None, "she is back"
    assert budi.report("10")["claim"]["who"] == "budi"
    assert budi.edit("11", "claim").status_code == 412
    with city.database.read() as connection:
        rows = [row for row in audit.rows_after(connection, 0) if row.what == audit.SIGN_OUT]
    assert [(row.who, recorded(row.detail)) for row in rows] == [("ani", {"offered": 2})]


@one_database
def test_a_crew_that_is_sent_to_an_offered_report_brings_it_to_its_sender_and_the_undo_gives_it_back(
    operators: tuple[Api, Api],
) -> None:
    ani, budi = operators
    ani.ok("10", "claim")
    ani.ok("11", "claim")
    assert presence(ani, "DELETE") == 204
    sent = budi.ok("10", "dispatch", {"unit": "u1"})
    assert sent["report"]["claim"]["who"] == "budi"
    taken = budi.ok("11", "claim")
    undone = budi.ok("11", "claim", undoes=taken["entry"]["edit"])
    assert undone["report"]["claim"]["who"] == "ani"
    assert undone["report"]["claim"]["offer"]["to"] is None
    assert presence(ani, "DELETE") == 204, "twice is harmless"
