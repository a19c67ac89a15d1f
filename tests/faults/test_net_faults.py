"""The network at its worst: black holes, silences, lost answers, flapping; nothing is lost, doubled, or held up."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from api_client.model import EditBody, Kind
from api_client.transport import TransferLimits
from console.rules.messages import SourceState, SyncNow
from console.rules.queued import EditState
from console.sync.retry import Timing
from tests.helpers.fake_city import FakeCity, report
from tests.helpers.live_server import Live
from tests.helpers.net import Proxy, black_hole
from tests.helpers.proxy import Exchange, FaultProxy, drop_before, is_edit, through
from tests.helpers.sync_rig import Rig, edit_id, rig

IMPATIENT = TransferLimits(connect_s=0.5, read_s=0.7, total_s=3.0)
TIMING = Timing(page=IMPATIENT, small=IMPATIENT, photo=IMPATIENT, silence_s=2.5, poll_s=0.2)


@pytest.fixture
def city() -> Iterator[FakeCity]:
    city = FakeCity(page=1000)
    for number in range(1, 41):
        city.put("report", report(number))
    yield city
    city.close()


@pytest.fixture
def proxy(city: FakeCity) -> Iterator[Proxy]:
    proxy = Proxy(city.server.port)
    yield proxy
    proxy.close()


@pytest.fixture
def console(proxy: Proxy, tmp_path: Path) -> Iterator[Rig]:
    with rig(tmp_path, proxy.url, timing=TIMING) as console:
        console.live()
        yield console


def offline(console: Rig, since: int = 0) -> SourceState:
    return console.wait(SourceState, lambda each: each.state == "offline", since)


def test_a_pull_that_hangs_holds_no_edit(city: FakeCity, proxy: Proxy, tmp_path: Path) -> None:
    hangs, let_go = threading.Event(), threading.Event()

    def hang(kind: str, page: dict[str, Any]) -> dict[str, Any]:
        if kind == "changes" and city.seq > 40:
            hangs.set()
            let_go.wait(300)
        return page

    patient = TransferLimits(read_s=300.0, total_s=300.0)  # the pull stays stuck until it is let go
    with rig(tmp_path, proxy.url, timing=Timing(page=patient)) as console:
        console.live()
        city.tamper = hang
        city.put("report", report(1, description="Changed"))
        assert hangs.wait(20)
        for number in range(1, 11):
            console.outcome(console.push(Kind.NOTE, str(number), text="x"), EditState.ACCEPTED)
        let_go.set()
        console.wait_until(lambda: console.cached()["1"] == "Changed")


def test_connects_that_hang_are_called_offline_and_the_edit_never_left(tmp_path: Path) -> None:
    with black_hole() as port, rig(tmp_path, f"http://127.0.0.1:{port}", timing=TIMING) as console:
        state = offline(console)
        assert "does not answer" in state.problem
        assert state.next_try_s is not None
        edit = console.push(Kind.CLAIM, "1", version=1)
        outcome = console.state(edit, EditState.QUEUED, EditState.SENDING, EditState.UNCONFIRMED)
        assert outcome.state is EditState.QUEUED


def test_everything_falls_silent_and_comes_back(city: FakeCity, proxy: Proxy, console: Rig) -> None:
    proxy.silent()
    mark = len(console.said)
    edits = [console.push(Kind.NOTE, str(number), text=f"in the silence {number}") for number in range(1, 31)]
    offline(console, mark)
    for edit in edits:
        console.state(edit, EditState.QUEUED, EditState.UNCONFIRMED)
    assert city.applied == []
    city.put("report", report(40, description="Meanwhile"))
    proxy.through()
    mark = len(console.said)
    console.followers.take(SyncNow())
    console.live(mark)
    for edit in edits:
        console.proved(edit)
    assert sorted(city.applied) == sorted(edit.id for edit in edits)
    assert console.cached()["40"] == "Meanwhile"


def test_a_silent_stream_is_noticed_without_any_edit(proxy: Proxy, console: Rig) -> None:
    proxy.silent()
    mark = len(console.said)
    state = offline(console, mark)
    assert "silent" in state.problem or "answer" in state.problem
    proxy.through()
    mark = len(console.said)
    console.live(mark)


def test_answers_that_are_lost_act_once(city: FakeCity, proxy: Proxy, console: Rig) -> None:
    left = {edit_id(number) for number in range(1, 9)}

    def swallow(piece: bytes) -> bool:
        lost = next((each for each in left if f"Idempotency-Key: {each}\r\n".encode() in piece), None)
        left.discard(lost or "")
        return lost is not None

    proxy.swallow = swallow
    edits = [console.push(Kind.NOTE, str(number), text="x") for number in range(1, 9)]
    for edit in edits:
        console.followers.take(SyncNow())
        console.proved(edit)
    assert not left
    assert sorted(city.applied) == sorted(edit.id for edit in edits)
    console.outcome(edits[0], EditState.UNCONFIRMED)


def test_a_flapping_link_converges(city: FakeCity, proxy: Proxy, console: Rig) -> None:
    edits = []
    for number in range(1, 11):
        proxy.cut()
        edits.append(console.push(Kind.NOTE, str(number), text="x"))
        city.put("report", report(number, description=f"Flap {number}"))
        console.state(edits[-1], EditState.QUEUED, EditState.UNCONFIRMED)
        proxy.through()
        if number % 3 == 0:
            console.arrived(edits[-1])
    console.arrived(*edits)
    console.wait_until(lambda: all(console.cached()[str(number)] == f"Flap {number}" for number in range(1, 11)))
    assert sorted(city.applied) == sorted(edit.id for edit in edits)


def test_while_it_is_away_the_tries_are_few(proxy: Proxy, console: Rig) -> None:
    proxy.cut()
    mark = len(console.said)
    offline(console, mark)
    before = proxy.connections
    console.push(Kind.NOTE, "1", text="x")
    time_out = time.monotonic() + 2
    while time.monotonic() < time_out:
        console.wait_until(lambda: True)
        with console._news:
            console._news.wait(0.1)
    assert proxy.connections - before < 25


def test_a_server_that_was_away_at_the_start_is_found_when_asked(proxy: Proxy, tmp_path: Path) -> None:
    proxy.cut()
    with rig(tmp_path, proxy.url, timing=TIMING) as console:
        offline(console)
        edit = console.push(Kind.NOTE, "1", text="x")
        console.state(edit, EditState.QUEUED)
        proxy.through()
        mark = len(console.said)
        console.followers.take(SyncNow())
        console.live(mark)
        console.outcome(edit, EditState.ACCEPTED)


def test_an_order_dies_in_the_dark_and_is_not_sent_afterwards(city: FakeCity, proxy: Proxy, tmp_path: Path) -> None:
    with rig(tmp_path, proxy.url, timing=TIMING, order_lifetime_s=1.0) as console:
        console.live()
        proxy.cut()
        order = console.push(Kind.DISPATCH, "1", version=1, unit="U1")
        fact = console.push(Kind.NOTE, "2", text="x")
        console.wait_until(lambda: datetime.now(UTC) > order.occurred_at + timedelta(seconds=1))
        proxy.through()
        console.followers.take(SyncNow())
        console.state(order, EditState.EXPIRED)
        console.outcome(fact, EditState.ACCEPTED)
        assert city.applied == [fact.id]


def test_an_order_that_reaches_the_server_after_its_time_is_not_carried_out(live: Live, tmp_path: Path) -> None:
    """F02: what lay in the connection of a server that stood still (edit_service.py: expires_at)."""
    held = threading.Event()

    def lie(exchange: Exchange) -> None:
        held.wait(20)
        through(exchange)

    way = FaultProxy(live.port)
    way.when(is_edit, lie)
    with closing(way), rig(tmp_path / "profile", way.url, order_lifetime_s=1.0) as console:
        console.live()
        order = console.push(Kind.DISPATCH, "r1", version=1, unit="U1")
        console.state(order, EditState.SENDING)
        console.wait_until(lambda: datetime.now(UTC) > order.occurred_at + timedelta(seconds=1))
        held.set()
        console.outcome(order, EditState.EXPIRED)
    assert [entry.kind for entry in live.city.entries("r1") if entry.edit == order.id] == []


def test_an_order_on_a_report_with_a_very_long_history_is_settled(live: Live, tmp_path: Path) -> None:
    """F02: whether it had arrived was read out of 5 MB, which were too many, and it stayed unconfirmed for ever."""
    for _ in range(60):
        note = EditBody(str(uuid.uuid4()), Kind.NOTE, data={"text": "\U0001f525" * 19_900})
        live.city.apply(note, report="r1")
    way = FaultProxy(live.port)
    way.when(is_edit, drop_before)
    with closing(way), rig(tmp_path / "profile", way.url, order_lifetime_s=1.0) as console:
        console.live()
        order = console.push(Kind.DISPATCH, "r1", version=live.city.report("r1").version, unit="U1")
        console.outcome(order, EditState.UNCONFIRMED)
        console.wait_until(lambda: datetime.now(UTC) > order.occurred_at + timedelta(seconds=1))
        console.followers.take(SyncNow())
        console.outcome(order, EditState.EXPIRED)
