"""F01–F05 and F08–F17: the network between a console and the real server at its worst, fault by fault.

After each, the server's own history says that every edit acted once, and the cache is compared with it row by row.
"""

from __future__ import annotations

import email.utils
import gzip
import hashlib
import json
import os
import random
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from api_client.model import EditBody, Kind
from api_client.transport import TransferLimits
from console.panels.stop_text import stop_text
from console.pipe import Frames, pack
from console.rules.backoff import Backoff
from console.rules.edit import Edit
from console.rules.messages import Outcome, Source, SourceState, Start, SyncNow, Up
from console.rules.queued import EditState, Queued, StopReason
from console.server.city.feed import pages
from console.server.city.records import LOCAL
from console.sync import retry
from console.sync.retry import Timing, Wakeup
from tests.helpers.live_server import Live
from tests.helpers.net import http
from tests.helpers.patience import times_longer
from tests.helpers.pictures import picture
from tests.helpers.proxy import (
    PORTAL,
    FaultProxy,
    answer,
    anything,
    delay,
    drip,
    drop_after,
    drop_before,
    hang,
    is_edit,
    path_has,
    reset,
    rewrite,
    through,
    truncate,
)
from tests.helpers.sync_rig import Rig, assert_same, edit_id, rig
from tests.unit.server.test_full_disk import SmallDisk

IMPATIENT = TransferLimits(connect_s=1.0, read_s=1.5, total_s=3.0)
TIMING = Timing(page=IMPATIENT, small=IMPATIENT, photo=IMPATIENT, silence_s=3.0, poll_s=0.3, slow_poll_s=0.3)
AGAIN = (EditState.QUEUED, EditState.UNCONFIRMED)


@pytest.fixture
def console(proxy: FaultProxy, tmp_path: Path) -> Iterator[Rig]:
    with rig(tmp_path / "profile", proxy.url, timing=TIMING) as console:
        console.live()
        yield console


def effects(live: Live) -> dict[str, int]:
    """How often each edit acted, by the server's own history."""
    counts: dict[str, int] = {}
    for key in [item.id for page in pages(live.city.database) for item in page.items if item.kind == "report"]:
        for entry in live.city.entries(key):
            if entry.edit:
                counts[entry.edit] = counts.get(entry.edit, 0) + 1
    return counts


def assert_once(console: Rig, live: Live, *edits: Edit) -> None:
    """I1, I2, I5."""
    for edit in edits:
        console.proved(edit)
    counts = effects(live)
    assert {edit.id: counts.get(edit.id) for edit in edits} == {edit.id: 1 for edit in edits}
    assert_same(console, live)


def settle(console: Rig, *edits: Edit) -> None:
    """Wait until every edit is accepted, trying again all the time so that no back-off has to be sat out."""

    def accepted() -> bool:
        console.followers.take(SyncNow())
        return console.taken(*edits)

    console.wait_until(accepted)


def states_of(console: Rig, edit: Edit) -> list[EditState]:
    return [each.state for each in console.said if isinstance(each, Outcome) and each.edit_id == edit.id]


def since(proxy: FaultProxy, when: float, part: str = "") -> list[float]:
    return [at for at, asked in list(proxy.requests) if at >= when and part in asked.path]


@pytest.mark.parametrize(
    "how", [drop_after, drop_before, reset, truncate(40), truncate(300)], ids=["after", "before", "reset", "40", "300"]
)
def test_f01_an_answer_that_is_lost(live: Live, proxy: FaultProxy, console: Rig, how: object) -> None:
    """F01, F02: whether the server acted or not, the same key goes again and acts once (send_dispatch.py: key)."""
    rule = proxy.when(is_edit, how, times=4)  # type: ignore[arg-type]
    edits = [
        console.push(Kind.NOTE, "r1", text="x"),
        console.push(Kind.SET, "r2", version=1, priority=1),
        console.push(Kind.CLAIM, "r3", version=1),
        console.push(Kind.CREATE, "local:1", description="New", service="flood", channel="phone"),
    ]
    settle(console, *edits)
    assert rule.hit == 4
    assert_once(console, live, *edits)
    assert live.count().reports == 11


def test_f02_a_slow_commit_is_not_called_sent(live: Live, proxy: FaultProxy, console: Rig) -> None:
    """F02: no answer in time is "unconfirmed", and only the server's record makes it sent (attempt.py: _failed)."""
    proxy.when(is_edit, delay(4.0), times=1)
    edit = console.push(Kind.NOTE, "r1", text="x")
    outcome = console.outcome(edit, *AGAIN, EditState.ACCEPTED)
    assert outcome.state is EditState.UNCONFIRMED
    console.proved(edit)
    assert_once(console, live, edit)


def test_f03_the_first_try_still_runs(live: Live, proxy: FaultProxy, console: Rig) -> None:
    """F03: 409 of the key is waited for and never shown as a conflict (attempt.py: InProgress)."""
    running = http(409, {"error": "in_progress", "message": "Still running."})
    rule = proxy.when(is_edit, answer(running), times=3)
    edit = console.push(Kind.SET, "r1", version=1, priority=1)
    settle(console, edit)
    assert rule.hit == 3
    assert EditState.CONFLICT not in states_of(console, edit)
    assert_once(console, live, edit)


def test_f04_a_key_that_was_used_for_something_else(live: Live, proxy: FaultProxy, console: Rig) -> None:
    """F04: parked after one try with both bodies, and never sent under a new key (send_dispatch.py: _both)."""
    live.city.apply(EditBody(id=edit_id(1), kind=Kind.NOTE, data={"text": "Another"}), report="r1", actor=LOCAL)
    edit = console.push(Kind.NOTE, "r1", text="Mine")
    told = console.outcome(edit, EditState.ATTENTION)
    assert told.reason is StopReason.KEY_REUSED
    both = stop_text(Queued(edit, told.state, reason=told.reason, problem=told.problem), str)
    assert 'note {"text":"Another"}' in both, "what is there"
    assert 'note {"text":"Mine"}' in both, "and what is here"
    assert len([1 for _, asked in proxy.requests if is_edit(asked)]) == 1
    assert effects(live) == {edit.id: 1}
    assert_same(console, live)


@pytest.mark.parametrize(("how", "arrives"), [(drop_after, True), (drop_before, False)])
def test_f05_a_server_without_keys(live: Live, proxy: FaultProxy, tmp_path: Path, how: object, arrives: bool) -> None:
    """F05: looked for first, then a human decides; never a second POST on a guess (georeport_source.py)."""
    with rig(tmp_path / "geo", proxy.url + "/open311/v2", kind="open311", timing=TIMING) as console:
        console.live()
        proxy.when(path_has("/requests", "POST"), how)  # type: ignore[arg-type]
        edit = console.push(Kind.CREATE, "local:1", service="flood", description="Water again", lat=-6.2, lon=106.8)
        outcome = console.outcome(edit, EditState.ACCEPTED, EditState.ATTENTION)
        if arrives:
            assert outcome.state is EditState.ACCEPTED
            console.proved(edit)
        else:
            assert outcome.reason is StopReason.NOT_IN_LIST
        assert len([1 for _, asked in proxy.requests if asked.method == "POST"]) == 1
        assert live.count().reports == 10 + arrives


def test_f05_a_report_that_has_only_a_token_yet(live: Live, proxy: FaultProxy, tmp_path: Path) -> None:
    """F05: the token is asked again until it is a number; one POST (georeport_source.py: _number)."""
    numbers: list[str] = []

    def only_a_token(head: bytes, body: bytes) -> tuple[bytes, bytes]:
        numbers.append(json.loads(body)[0]["service_request_id"])
        return head, b'[{"token": "t1"}]'

    with rig(tmp_path / "geo", proxy.url + "/open311/v2", kind="open311", timing=TIMING) as console:
        console.live()
        proxy.when(path_has("/requests", "POST"), rewrite(only_a_token))
        waits = http(200, [{"token": "t1"}])
        rule = proxy.when(path_has("/tokens/t1"), answer(waits), times=2)
        proxy.when(
            path_has("/tokens/t1"),
            lambda exchange: exchange.client.sendall(http(200, [{"token": "t1", "service_request_id": numbers[0]}])),
        )
        edit = console.push(Kind.CREATE, "local:1", service="flood", description="Water again", lat=-6.2, lon=106.8)
        assert console.outcome(edit, EditState.ACCEPTED).remote_id == numbers[0]
        console.proved(edit)
        assert rule.hit == 2
        assert len([1 for _, asked in proxy.requests if asked.method == "POST"]) == 1


@pytest.mark.usefixtures("expected_log")
@pytest.mark.parametrize("text", ["", "half \ud800 pair", "x" * 10_000_000], ids=["empty", "surrogate", "10 MB"])
def test_f08_a_poisoned_edit_holds_no_other(live: Live, proxy: FaultProxy, console: Rig, text: str) -> None:
    """F08: parked after one try; edits of other reports leave at once, appends of its own too (attempt.py)."""
    poison = console.try_once(Kind.NOTE, "r1", text=text, unconfirmed=False)  # an outbox would have cleaned it
    others = [console.push(Kind.NOTE, f"r{n}", text="x") for n in range(2, 8)]
    for edit in others:
        console.outcome(edit, EditState.ACCEPTED, seconds=5)
    told = console.outcome(poison, EditState.ATTENTION)
    assert stop_text(Queued(poison, told.state, reason=told.reason, problem=told.problem), str)
    tries = [1 for _, asked in list(proxy.requests) if asked.headers.get("idempotency-key") == poison.id]
    assert len(tries) <= 1
    assert_once(console, live, *others)


def test_f08_a_nul_that_reaches_the_server(live: Live, console: Rig) -> None:
    """F08: another program's edit need not be clean: the server takes the words and leaves the rest (payload_check)."""
    edit = console.try_once(Kind.NOTE, "r1", text="a\x00b\x07", unconfirmed=False)
    console.outcome(edit, EditState.ACCEPTED)
    assert_once(console, live, edit)
    assert [entry.data["text"] for entry in live.city.entries("r1") if entry.edit == edit.id] == ["ab"]


def test_f09_signed_out_in_the_middle(live: Live, proxy: FaultProxy, console: Rig) -> None:
    """F09: 401 pauses everything, drops nothing, and a sign-in goes on with it (attempt.py: SignIn)."""
    proxy.when(is_edit, answer(http(401, {"error": "sign_in", "message": "Sign in again."})))
    edits = [console.push(Kind.NOTE, "r1", text="x")]
    console.wait(SourceState, lambda state: state.state == "refused" and "Sign in" in state.problem)
    console.state(edits[0], EditState.QUEUED)
    edits += [console.push(Kind.NOTE, f"r{n}", text="x") for n in range(2, 6)]
    console.state(edits[-1], EditState.QUEUED)
    time.sleep(0.2)
    assert len([1 for _, asked in proxy.requests if is_edit(asked)]) == 1, "nothing is tried before somebody signs in"
    proxy.rules = []
    console.followers.take(SyncNow())
    for edit in edits:
        console.outcome(edit, EditState.ACCEPTED)
    assert_once(console, live, *edits)


def test_f09_one_thing_that_is_not_allowed(live: Live, proxy: FaultProxy, console: Rig) -> None:
    """F09: 403 parks that edit and no other (attempt.py: Refused and Forbidden)."""
    proxy.when(is_edit, answer(http(403, {"error": "forbidden", "message": "Not yours."})), times=1)
    first = console.push(Kind.NOTE, "r1", text="x")
    assert console.outcome(first, EditState.ATTENTION).problem == "Not yours."
    second = console.push(Kind.NOTE, "r2", text="x")
    console.outcome(second, EditState.ACCEPTED)
    assert_once(console, live, second)


@pytest.mark.parametrize(("status", "form"), [(429, "seconds"), (503, "date")])
def test_f10_patience_is_the_whole_hosts(live: Live, proxy: FaultProxy, console: Rig, status: int, form: str) -> None:
    """F10: nothing asks the host before its time, whoever hurries, and then soon (retry.py:
    CircuitBreaker.patience).
    """
    wait_s = 2.0
    told: list[float] = []

    def busy(exchange: object) -> None:
        told.append(time.monotonic())
        until = email.utils.format_datetime(datetime.now(UTC) + timedelta(seconds=wait_s + 1), usegmt=True)
        words = http(status, {"error": "busy", "message": "Later."}, Retry_After="2" if form == "seconds" else until)
        exchange.client.sendall(words)  # type: ignore[attr-defined]

    proxy.when(is_edit, busy, times=1)
    edit = console.push(Kind.NOTE, "r1", text="x")
    console.outcome(edit, EditState.UNCONFIRMED)
    other = console.push(Kind.NOTE, "r2", text="x")
    time.sleep(max(0.0, told[0] + 0.3 - time.monotonic()))  # past what was on its way at that moment
    console.followers.take(SyncNow())
    console.outcome(edit, EditState.ACCEPTED)
    console.outcome(other, EditState.ACCEPTED)
    after = [at - told[0] for at in since(proxy, told[0] + 0.25)]
    assert min(after) >= wait_s - 0.05
    assert min(after) <= wait_s + 3.0 * times_longer()
    assert_once(console, live, edit, other)


def test_f10_the_state_says_what_was_asked_for(proxy: FaultProxy, console: Rig) -> None:
    """F10: what is wrong and when it is tried next is in the source's state."""
    busy = http(429, {"error": "busy", "message": "Too many requests."}, Retry_After="30")
    proxy.when(lambda asked: "/stream" not in asked.path, answer(busy))  # a stream that ends brings no words
    console.followers.take(SyncNow())
    state = console.wait(SourceState, lambda state: state.state == "offline")
    assert state.problem == "Too many requests."
    assert state.busy, "the server is there"
    assert state.next_try_s is not None
    assert 29 <= state.next_try_s <= 31.5


@pytest.mark.parametrize("off_s", [-900, 3600])
def test_f23_a_proxy_whose_clock_is_wrong_spoils_no_order(
    live: Live, proxy: FaultProxy, console: Rig, off_s: float
) -> None:
    """F23: Date is of the nearest hop; by a slow one every order was too old before it left (endpoint.py: Marked)."""

    def dated(head: bytes, body: bytes) -> tuple[bytes, bytes]:
        said = email.utils.format_datetime(datetime.now(UTC) + timedelta(seconds=off_s), usegmt=True).encode()
        return re.sub(rb"(?i)\r\ndate:[^\r]*", b"\r\nDate: " + said, head), body

    rule = proxy.when(path_has("/dispatch/v1/changes"), rewrite(dated))
    proxy.when(path_has("/reports/"), rewrite(dated))
    for _ in range(3):
        rule.hit = False
        console.followers.take(SyncNow())
        console.wait_until(lambda: rule.hit)
    order = console.push(Kind.DISPATCH, "r1", version=1, unit="U1")
    console.outcome(order, EditState.ACCEPTED)
    states = [state for state in console.said if isinstance(state, SourceState)]
    assert all(abs(state.clock_offset_s) < 30 for state in states)


@pytest.mark.parametrize("at", ["/changes", "/edits"])
def test_f10_a_page_on_the_way_that_asks_for_an_hour_holds_nothing_up(
    live: Live, proxy: FaultProxy, console: Rig, at: str
) -> None:
    """F10: one answer of a proxy, without the server's mark, kept the console from asking and sending for an hour."""
    page = http(503, "<html>Maintenance</html>", Retry_After="3600")
    rule = proxy.when(path_has(at), answer(page), times=1)
    console.followers.take(SyncNow())
    first = console.push(Kind.NOTE, "r2", text="x")
    console.wait_until(lambda: rule.hit)
    console.followers.take(SyncNow())
    live.city.apply(
        EditBody(id=edit_id(900), kind=Kind.CREATE, data={"service": "flood", "description": "Help"}), actor=LOCAL
    )
    order = console.push(Kind.DISPATCH, "r1", version=1, unit="U1")
    console.outcome(order, EditState.ACCEPTED)
    console.outcome(first, EditState.ACCEPTED)
    console.wait_until(lambda: "Help" in console.cached().values())


def test_f10_a_server_that_takes_no_photos_for_a_while_takes_all_else(
    live: Live, proxy: FaultProxy, console: Rig
) -> None:
    """F10: so many megabytes an hour are a matter of photos; orders and reports waited with them."""
    content = picture()
    name = hashlib.sha256(content).hexdigest()
    folder = console.folder / "work-media"
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(content)
    many = http(429, {"error": "too_many", "message": "Too many requests."}, Retry_After="120")
    rule = proxy.when(path_has("/media/"), answer(many))
    console.push(Kind.PHOTO, "r3", sha256=name, role="after")
    console.wait_until(lambda: rule.hit)
    order = console.push(Kind.DISPATCH, "r1", version=1, unit="U1")
    console.outcome(order, EditState.ACCEPTED)
    console.proved(order)


@pytest.mark.usefixtures("expected_log")
def test_f10_a_server_whose_disk_is_full_is_there_and_is_read_on(live: Live, console: Rig) -> None:
    """F10: not "offline", which hides that the data is new; what was put off is sent once there is room (health.py)."""
    disk = SmallDisk(live.city)
    edits = [console.push(Kind.NOTE, f"r{n % 10 + 1}", text="x" * 5_000) for n in range(20)]
    full = console.wait(SourceState, lambda state: state.put_off != "")
    assert (full.state, full.put_off) == ("live", "The server's database cannot do this now. Ask again.")
    assert full.put_off_since is not None
    assert full.as_of is not None
    read = full.as_of + timedelta(seconds=3)
    said = len(console.said)
    console.wait(
        SourceState, lambda state: state.put_off != "" and state.as_of is not None and state.as_of > read, said
    )
    disk.make_room()
    console.wait(SourceState, lambda state: state.put_off == "", said)
    assert_once(console, live, *edits)
    assert {each.state for each in console.said[said:] if isinstance(each, SourceState)} == {"live"}


def test_f11_the_breaker_lets_one_lane_ask(live: Live, proxy: FaultProxy, console: Rig) -> None:
    """F11: with forty edits waiting a dead server is asked by the pull alone (retry.py: CircuitBreaker)."""
    proxy.away()
    began = time.monotonic()
    edits = [console.push(Kind.NOTE, f"r{n % 10 + 1}", text="x") for n in range(40)]
    breaker = console.followers._following["jkt"]._health.breaker  # type: ignore[attr-defined]
    console.wait_until(lambda: breaker.open)
    opened = time.monotonic()
    time.sleep(1.5)  # what is counted is what happens while nothing happens
    tries = since(proxy, opened + 0.1)
    assert len(tries) <= 4, (tries, began)
    proxy.heal()
    console.followers.take(SyncNow())
    for edit in edits:
        console.outcome(edit, EditState.ACCEPTED)
    assert_once(console, live, *edits)


@pytest.mark.parametrize("seed", range(20))
def test_f11_fifty_consoles_come_back_one_after_the_other(seed: int) -> None:
    """F11: all lose it at one moment; 600 s later no second sees twice what 50 consoles ask that poll (retry.py)."""
    consoles, away_s, poll_s, requests_each = 50, 600.0, 5.0, 2  # the feed, then the stream
    first: list[float] = []
    for number in range(consoles):
        backoff, now = Backoff(random.Random(seed * 1000 + number)), 0.0
        while now < away_s:
            now += backoff.next_s()
        first.append(now - away_s)
    seconds = [requests_each * sum(second <= wait < second + 1 for wait in first) for second in range(60)]
    assert max(seconds) <= 2 * consoles / poll_s
    assert max(first) <= 60.0


@pytest.mark.parametrize(
    "lie",
    [
        PORTAL,
        http(302, "", Location="http://login.example/"),
        http(307, "", Location="https://elsewhere.example/dispatch/v1/"),
        http(200, {"ok": True}, Sigap_Server=""),
        http(200, {"ok": True}),
        http(
            200, {"entry": {"id": "h", "report": "r1", "kind": "note", "at": "2026-11-24T10:00:00Z", "edit": "other"}}
        ),
        http(511, "<html>Network Authentication Required</html>"),
        http(404, "<html>Not found</html>"),
    ],
    ids=["portal", "redirect", "redirect-tls", "no-mark", "no-entry", "other-edit", "511", "foreign-404"],
)
def test_f12_what_is_not_the_servers_answer(live: Live, proxy: FaultProxy, console: Rig, lie: bytes) -> None:
    """F12, I7: not success, cursor unmoved, nothing taken in; when the portal is gone all goes on (dispatch.py)."""
    seq = console.reader.cursors()["jkt"].seq
    live.city.apply(EditBody(id=edit_id(77), kind=Kind.NOTE, data={"text": "x"}), report="r9", actor=LOCAL)
    proxy.when(path_has("/me"), through)  # or no edit would get as far as being sent
    proxy.when(anything, answer(lie))
    proxy.cut_open()
    mark = len(console.said)
    edit = console.push(Kind.NOTE, "r1", text="x")
    assert console.state(edit, *AGAIN, EditState.ACCEPTED, EditState.ATTENTION).state in AGAIN
    console.followers.take(SyncNow())
    console.wait(SourceState, lambda state: state.state in ("wrong_server", "offline"), mark)
    assert console.reader.cursors()["jkt"].seq in (seq, seq + 1)
    assert console.reader.counts()["reports"] == 10
    proxy.heal()
    console.followers.take(SyncNow())
    console.outcome(edit, EditState.ACCEPTED)
    assert_once(console, live, edit)


def gzip_bomb() -> bytes:
    return http(200, gzip.compress(b" " * 400_000_000, 9), Content_Encoding="gzip", Content_Type="application/json",
                Sigap_Server="e")  # fmt: skip


XML = (
    b'<?xml version="1.0"?><!DOCTYPE b [<!ENTITY a "ha">'
    + b"".join(b'<!ENTITY %c "%s">' % (98 + n, b"&%c;" % (97 + n) * 20) for n in range(9))
    + b"]><b>&j;</b>"
)
BOMBS = {
    "33 MB": lambda: http(200, b" " * (33 * 2**20), Content_Type="application/json", Sigap_Server="e"),
    "gzip": gzip_bomb,
    "deep": lambda: http(200, b"[" * 10**6 + b"]" * 10**6, Content_Type="application/json", Sigap_Server="e"),
    "xml": lambda: http(200, XML, Content_Type="application/xml", Sigap_Server="e"),
    "cut": lambda: http(200, b'{"epoch": "e", "from": 0', Content_Type="application/json", Sigap_Server="e"),
    "short": lambda: http(200, {"epoch": "e"}, Content_Length="100000"),
}


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads the peak of memory from /proc")
@pytest.mark.parametrize("kind", ["dispatch", pytest.param("open311", marks=pytest.mark.long)])
def test_f13_bombs_cost_no_memory_and_move_no_cursor(live: Live, proxy: FaultProxy, tmp_path: Path, kind: str) -> None:
    """F13: each is refused by the sync process, which stays within 200 MB of what it had (transport.py: limits)."""
    path = "" if kind == "dispatch" else "/open311/v2"
    source = Source("jkt", "Jakarta", proxy.url + path, kind)
    frames: Frames[object] = Frames(Up)
    with subprocess.Popen(
        [sys.executable, "-m", "console", "sync", "--pipe"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        said: list[SourceState] = []

        def hear() -> None:
            piece = os.read(process.stdout.fileno(), 65536)  # type: ignore[union-attr]
            said.extend(message for message in frames.feed(piece) if isinstance(message, SourceState))

        def until(word: str) -> None:
            said.clear()
            while not any(state.state == word for state in said):
                hear()

        process.stdin.write(pack(Start(str(tmp_path / "p"), (source,))))
        process.stdin.flush()
        until("live")
        idle = memory_mb(process.pid, "VmRSS")
        for make in BOMBS.values():
            proxy.rules = []
            proxy.when(anything, answer(make()))
            proxy.cut_open()
            process.stdin.write(pack(SyncNow()))
            process.stdin.flush()
            while all(state.state == "live" for state in said) or not said:
                hear()
            proxy.heal()
            process.stdin.write(pack(SyncNow()))
            process.stdin.flush()
            until("live")
        peak = memory_mb(process.pid, "VmHWM")
        process.stdin.close()
        assert process.wait(15) == 0
    print(f"{kind}: idle {idle} MB, peak {peak} MB")
    assert peak - idle <= 200


def memory_mb(pid: int, name: str) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) // 1024 for line in lines if line.startswith(name))


@pytest.mark.parametrize(
    ("half_s", "times"), [(0.2, 8), pytest.param(1.0, 300, marks=[pytest.mark.long, pytest.mark.timeout(1200)])]
)
def test_f14_a_flapping_link(live: Live, proxy: FaultProxy, console: Rig, half_s: float, times: int) -> None:
    """F14: it comes and goes; few tries while it is gone, no silent stop, all of it there within 30 s (retry.py)."""
    edits = []
    began = time.monotonic()
    for number in range(times):
        proxy.away()
        edits.append(console.push(Kind.NOTE, f"r{number % 10 + 1}", text=f"{number}"))
        time.sleep(half_s)
        proxy.heal()
        at_the_city = EditBody(id=edit_id(100_000 + number), kind=Kind.NOTE, data={"text": "x"})
        live.city.apply(at_the_city, report="r10", actor=LOCAL)
        time.sleep(half_s)
    before = len(states_accepted(console))
    refused = [1 for at, asked in list(proxy.requests) if at >= began and asked.method == "CONNECT"]
    over = time.monotonic()
    for edit in edits:
        console.arrived(edit, seconds=30 - (time.monotonic() - over))
    took_s = time.monotonic() - over
    print(f"{times} times gone: {len(refused)} tries in vain, {before} sent meanwhile, the last {took_s:.1f} s after")
    assert len(refused) <= 8 * times, "one for each lane and back-off step"
    assert_once(console, live, *edits)


def states_accepted(console: Rig) -> set[str]:
    return {each.edit_id for each in console.said if isinstance(each, Outcome) and each.state is EditState.ACCEPTED}


@pytest.mark.usefixtures("expected_log")
@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("https://no-such-city.invalid", "name of no-such-city.invalid is unknown"),
        ("https://127.0.0.1:{port}", "certificate of 127.0.0.1:{port} could not be verified"),
        ("http://127.0.0.1:1", "no server listens"),
    ],
)
def test_f15_names_and_certificates(live: Live, proxy: FaultProxy, tmp_path: Path, url: str, words: str) -> None:
    """F15: said in plain words, and never tried without TLS (transport.py: _name)."""
    port = str(live.port)
    with rig(tmp_path / "profile", url.format(port=port), timing=TIMING) as console:
        state = console.wait(SourceState, lambda state: state.state == "offline", seconds=30)
    assert words.format(port=port) in state.problem
    assert not [asked for _, asked in proxy.requests if asked.path.startswith("/dispatch")]


def test_f16_one_byte_at_a_time(live: Live, proxy: FaultProxy, console: Rig) -> None:
    """F16: the total deadline ends it, and meanwhile edits leave (transport.py: _expire)."""
    rule = proxy.when(path_has("/changes"), drip(0.5, head=20), times=1)
    mark = len(console.said)
    live.city.apply(EditBody(id=edit_id(99), kind=Kind.NOTE, data={"text": "x"}), report="r9", actor=LOCAL)
    console.wait_until(lambda: rule.hit == 1)
    edit = console.push(Kind.NOTE, "r1", text="x")
    console.outcome(edit, EditState.ACCEPTED, seconds=3)
    state = console.wait(SourceState, lambda state: state.state == "offline", mark)
    assert "too slowly" in state.problem
    assert_once(console, live, edit)


def test_f17_a_hanging_connection_is_no_reason_to_wait(live: Live, proxy: FaultProxy, tmp_path: Path) -> None:
    """F17: with the real limits, trying now ends a request that hangs (transport.py: interrupt)."""
    timing = replace(Timing(), poll_s=0.3)
    with rig(tmp_path / "profile", proxy.url, timing=timing) as console:
        console.live()
        rule = proxy.when(path_has("/changes"), hang)
        live.city.apply(EditBody(id=edit_id(99), kind=Kind.NOTE, data={"text": "x"}), report="r9", actor=LOCAL)
        console.wait_until(lambda: rule.hit >= 1)
        time.sleep(2.2)  # only what is silent for two seconds hangs
        proxy.rules = []
        began = time.monotonic()
        console.followers.take(SyncNow())
        console.wait_until(lambda: len(since(proxy, began, "/changes")) > 0, seconds=5)
        assert_same(console, live)
        assert not [each for each in console.said if isinstance(each, SourceState) and each.state == "offline"]


@pytest.mark.parametrize("hours", [4, -4], ids=["slept", "set back"])
def test_f17_waking_ends_every_back_off(monkeypatch: pytest.MonkeyPatch, hours: int) -> None:
    """F17, F23: a computer that slept, or whose clock was set, does not finish its back-off (retry.py: _JUMPED_S)."""
    clock = [0.0]
    real = time.time

    def wall() -> float:
        clock[0] += hours * 3600.0
        return real() + clock[0]

    monkeypatch.setattr("console.sync.retry.time.time", wall)
    monkeypatch.setattr(retry, "_SLICE_S", 0.2)
    began = time.monotonic()
    Wakeup().back_off(120.0)
    assert time.monotonic() - began < 60
