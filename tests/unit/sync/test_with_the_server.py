"""Sync and the embedded server together: what an operator does is in the server's record and back in the cache."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from api_client import errors
from api_client.model import EditBody, Kind
from api_client.transport import is_bare
from console.cache.reader import CacheReader
from console.commands.sync import Headless, sync_profile
from console.files.errors import LockedByOther
from console.files.lock import FileLock, is_held
from console.outbox.work_file import WorkFile
from console.paths import window_lock
from console.rules.edit import Edit
from console.rules.log_filter import LogFilter
from console.rules.messages import Presence, Source, SourceState
from console.rules.queued import EditState, StopReason
from console.server.city.records import LOCAL, LoadedReport
from console.settings import load_settings
from console.sync.connect import add_source, connect, new_key
from console.sync.process import LOCK
from console.sync.retry import Timing
from tests.helpers.live_server import Live, live_server, some_reports
from tests.helpers.net import Canned, Proxy, http
from tests.helpers.pictures import picture
from tests.helpers.sync_rig import Rig, rig
from tests.unit.cache.making import note_state

PHOTO = picture(padding=b"x" * 3_000_000)
HASH = hashlib.sha256(PHOTO).hexdigest()


@pytest.fixture
def console(live: Live, tmp_path: Path) -> Iterator[Rig]:
    with rig(tmp_path / "profile", live.url) as console:
        console.live()
        yield console


def version(console: Rig, report: str) -> int:
    row = console.reader.row_of("jkt", report)
    assert row is not None
    cached = console.reader.report(row)
    assert cached is not None
    return cached.report.version


def test_the_first_fill_is_the_servers_count(live: Live, console: Rig) -> None:
    assert len(console.cached()) == live.count().reports == 10
    assert len(console.reader.units()) == 3
    assert [service.code for _, service in console.reader.services()] == ["flood"]


def test_from_claim_to_close_and_every_step_is_proved(live: Live, console: Rig) -> None:
    steps: list[tuple[Kind, dict[str, Any]]] = [
        (Kind.CLAIM, {}),
        (Kind.SET, {"priority": 1}),
        (Kind.DISPATCH, {"unit": "U1"}),
        (Kind.PROGRESS, {"unit": "U1", "state": "on_scene"}),
        (Kind.NOTE, {"text": "Pump is running"}),
        (Kind.RECALL, {"unit": "U1"}),
        (Kind.CLOSE, {"disposition": "not found", "reason": "Dry when we came", "release": []}),
    ]
    for kind, data in steps:
        edit = console.push(kind, "r1", version=version(console, "r1"), **data)
        outcome = console.outcome(edit, EditState.ACCEPTED, EditState.ATTENTION, EditState.CONFLICT)
        assert outcome.state is EditState.ACCEPTED, (kind, outcome)
        console.proved(edit)
    assert str(live.count().by_status["closed"]) == "1"


def test_an_edit_is_on_a_second_console_without_its_asking(live: Live, console: Rig, tmp_path: Path) -> None:
    with rig(tmp_path / "second", live.url, timing=Timing(poll_s=600.0)) as second:
        second.live()
        edit = console.push(Kind.NOTE, "r2", text="Seen")
        second.proved(edit)


def test_a_closure_is_at_the_server_and_on_every_console(live: Live, console: Rig, tmp_path: Path) -> None:
    line = {"type": "LineString", "coordinates": [[106.8, -6.2], [106.801, -6.2]]}
    with rig(tmp_path / "second", live.url, timing=Timing(poll_s=600.0)) as second:
        second.live()
        made = console.push(Kind.CLOSURE, None, closure="c1", kind="street", geometry=line, words="Market")
        console.proved(made)
        second.proved(made)
        ended = console.push(Kind.CLOSURE, None, closure="c1", ended=True)
        second.proved(ended)
        for each in (console, second):
            each.proved(ended)
            ((source, closure),) = each.reader.closures()
            assert (source, closure.words, closure.is_over(datetime.now(UTC))) == ("jkt", "Market", True)


def test_what_is_done_about_an_alarm_is_at_the_server_and_on_every_console(
    live: Live, console: Rig, tmp_path: Path
) -> None:
    since = datetime.now(UTC) - timedelta(minutes=2)
    alarm = [{"kind": "sla_breach", "about": "r2", "since": since.isoformat()}]
    until = (since + timedelta(minutes=17)).isoformat()
    with rig(tmp_path / "second", live.url, timing=Timing(poll_s=600.0)) as second:
        second.live()
        known = console.push(Kind.ALARM, None, alarms=alarm, acknowledged=True)
        away = console.push(Kind.ALARM, None, alarms=alarm, shelved_until=until, reason="crew is near")
        for each in (console, second):
            for edit in (known, away):
                each.proved(edit)
            ((source, record),) = each.reader.alarms()
            assert (source, record.id, record.version, record.report) == ("jkt", "sla_breach:r2", 2, "r2")
            assert record.acknowledged_at is not None
            assert (record.reason, record.shelved_until is not None) == ("crew is near", True)


def test_a_line_of_the_log_is_on_every_console_in_the_order_of_writing(
    live: Live, console: Rig, tmp_path: Path
) -> None:
    with rig(tmp_path / "second", live.url, timing=Timing(poll_s=600.0)) as second:
        second.live()
        made = [console.push(Kind.LOG, None, text=text) for text in ("PLN was called", "they come at two")]
        for each in (console, second):
            for edit in made:
                each.proved(edit)
            found = [one.entry for one in each.reader.log_page(LogFilter()).entries if one.entry.kind == "log"]
            assert [(one.text, one.report) for one in found] == [("they come at two", None), ("PLN was called", None)]


def test_a_new_report_with_a_note_and_a_big_photo(live: Live, console: Rig, tmp_path: Path) -> None:
    folder = console.folder / "work-media"
    folder.mkdir()
    (folder / HASH).write_bytes(PHOTO)
    create = console.push(Kind.CREATE, "local:1", service="flood", description="By telephone", channel="phone")
    note = console.push(Kind.NOTE, "local:1", text="Caller waits")
    photo = console.push(Kind.PHOTO, "local:1", sha256=HASH, role="report", size=len(PHOTO))
    outcome = console.outcome(create, EditState.ACCEPTED)
    for edit in (create, note, photo):
        console.outcome(edit, EditState.ACCEPTED)
        console.proved(edit)
    assert console.cached()[outcome.remote_id or ""] == "By telephone"
    assert live.count().reports == 11
    assert (tmp_path / "server" / "media" / HASH).read_bytes() == PHOTO


def test_a_photo_that_was_cut_goes_on_where_it_was(live: Live, tmp_path: Path) -> None:
    proxy, sent, cuts = Proxy(live.port), 0, [1_500_000]

    def cut_once(piece: bytes) -> bool:
        nonlocal sent
        sent += len(piece)
        return bool(cuts) and sent > cuts[0] and bool(cuts.pop())

    folder = tmp_path / "profile" / "work-media"
    folder.mkdir(parents=True)
    (folder / HASH).write_bytes(PHOTO)
    with rig(tmp_path / "profile", proxy.url) as console:
        console.live()
        proxy.swallow = cut_once
        photo = console.push(Kind.PHOTO, "r1", sha256=HASH, role="after", size=len(PHOTO))
        console.outcome(photo, EditState.ACCEPTED)
    proxy.close()
    assert not cuts
    assert sent < 1.5 * len(PHOTO)
    assert (tmp_path / "server" / "media" / HASH).read_bytes() == PHOTO


def test_two_consoles_dispatch_at_once_and_one_wins(live: Live, console: Rig, tmp_path: Path) -> None:
    with rig(tmp_path / "second", live.url) as second:
        second.live()
        second._number = 100
        ours = console.push(Kind.DISPATCH, "r3", version=version(console, "r3"), unit="U2")
        theirs = second.push(Kind.DISPATCH, "r4", version=version(second, "r4"), unit="U2")
        states = {
            console.outcome(ours, EditState.ACCEPTED, EditState.CONFLICT).state,
            second.outcome(theirs, EditState.ACCEPTED, EditState.CONFLICT).state,
        }
        assert states == {EditState.ACCEPTED, EditState.CONFLICT}


def test_a_stale_field_is_a_conflict_with_names_and_version(live: Live, console: Rig) -> None:
    old = version(console, "r5")
    live.city.apply(EditBody("another-1", Kind.SET, data={"priority": 1}, device="another desk"), report="r5")
    mine = console.push(Kind.SET, "r5", version=old, priority=4)
    outcome = console.outcome(mine, EditState.CONFLICT)
    assert outcome.theirs["priority"]["value"] == 1  # type: ignore[index]
    assert outcome.version is not None
    assert outcome.version > old


def test_positions_come_by_the_stream(live: Live, console: Rig) -> None:
    live.city.presence.put_position("U1", -6.21, 106.81, datetime.now(UTC))
    found = console.wait(Presence, lambda each: "U1" in each.positions)
    assert found.positions["U1"][:2] == (-6.21, 106.81)


# A connection that asyncio took in the moment its loop ended is closed by nobody but the collector.
@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
def test_the_server_stops_and_comes_back_on_its_port(tmp_path: Path) -> None:
    with live_server(tmp_path / "server") as live:
        port = live.port
        console = Rig(tmp_path / "profile", live.url)
        console.followers.start()
        console.live()
    try:
        console.wait_until(lambda: any(getattr(each, "state", "") == "offline" for each in console.said))
        edit = console.push(Kind.NOTE, "r1", text="In the dark")
        console.state(edit, EditState.QUEUED)
        mark = len(console.said)
        with live_server(tmp_path / "server", port=port):
            console.live(mark)
            console.outcome(edit, EditState.ACCEPTED)
            console.proved(edit)
    finally:
        console.close()


def test_a_frozen_server_is_noticed_while_a_question_is_under_way(
    live: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes every connection and says nothing: nothing fails for ten seconds, or thirty of a stream."""
    monkeypatch.setattr("console.sync.health.UNANSWERED_S", 0.2)
    monkeypatch.setattr("console.sync.source._QUIET_S", 0.2)
    with contextlib.closing(Proxy(live.port)) as proxy, rig(tmp_path / "profile", proxy.url) as console:
        console.live()
        console.wait(Presence, lambda _: True)  # the stream is open

        def unanswered() -> list[SourceState]:
            console.followers.look_at_silence()
            return [one for one in console.said if isinstance(one, SourceState) and one.unanswered_since is not None]

        proxy.silent()
        console.wait_until(lambda: bool(unanswered()))
        assert unanswered()[0].state == "live"


def test_open311_is_read_and_written(live: Live, tmp_path: Path) -> None:
    with rig(tmp_path / "geo", live.url + "/open311/v2", kind="open311") as console:
        console.live()
        assert len(console.cached()) == 10
        edit = console.push(Kind.CREATE, "local:1", service="flood", description="Water again", lat=-6.2, lon=106.8)
        outcome = console.outcome(edit, EditState.ACCEPTED)
        console.proved(edit)
        assert console.cached()[outcome.remote_id or ""] == "Water again"
        order = console.push(Kind.DISPATCH, "r1", version=1, unit="U1")
        assert console.outcome(order, EditState.ATTENTION).reason is StopReason.NEW_REPORTS_ONLY


# The commands


@pytest.fixture
def profile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SIGAP_HOME", str(tmp_path / "home"))
    return tmp_path / "home" / "profiles" / "p"


def ask(url: str, *, kind: str = "auto", as_json: bool = True) -> int:
    return connect(url, kind=kind, name="", profile="p", insecure_http=False, params={}, token=None, as_json=as_json)


def test_connect_then_sync_once(live: Live, profile: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ask(f"127.0.0.1:{live.port}") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["source"]["kind"], found["source"]["name"], found["reports"]) == ("dispatch", "Testville", 10)
    assert load_settings(profile).sources[0].timezone == "Asia/Jakarta"
    work = WorkFile(profile)
    made = datetime.now(UTC)
    ids = {name: str(uuid.uuid4()) for name in "cnod"}
    source = load_settings(profile).sources[0].key
    facts = [
        Edit(
            ids["c"], Kind.CREATE, "local:c", "local", work.device, 1, made, {"service": "flood", "description": "New"}
        ),
        Edit(ids["n"], Kind.NOTE, "local:c", "local", work.device, 2, made - timedelta(days=2), {"text": "late"}),
        Edit(ids["o"], Kind.CLAIM, "r1", "local", work.device, 3, made - timedelta(hours=1), base_version=1),
        Edit(
            ids["d"], Kind.DISPATCH, "r2", "local", work.device, 4, made - timedelta(hours=1), {"unit": "U1"},
            base_version=1,
        ),
    ]  # fmt: skip
    for fact in facts:
        work.append(Edit(**{f: getattr(fact, f) for f in fact.__struct_fields__} | {"source": source}))
    note_state(work, ids["d"], EditState.QUEUED, told_by_radio="rina")  # by radio: U1 is on its way since then
    work.close()
    assert sync_profile("p", once=True, as_json=True) == 0
    summary = json.loads(capsys.readouterr().out)
    assert (summary["pushed"], summary["conflicts"], summary["waiting"]) == (3, 0, 1)
    assert live.count().reports == 11
    work = WorkFile(profile)
    states = {queued.edit.id: str(queued.state) for queued in work.all()}
    assert states == {ids["c"]: "sent", ids["n"]: "sent", ids["o"]: "expired", ids["d"]: "sent"}
    work.close()
    assert sync_profile("p", once=True, as_json=True) == 0
    assert live.count().reports == 11


def test_sync_gives_way_to_a_window(live: Live, profile: Path) -> None:
    """A window that opened beside `sigap sync` could save nothing for as long as that ran."""
    assert ask(live.url) == 0
    environment = {**os.environ, "SIGAP_HOME": str(profile.parents[1])}
    command = [sys.executable, "-m", "console", "sync", "--profile", profile.name]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        wait_until(lambda: is_held(profile / LOCK))
        window = FileLock(window_lock(profile))
        wait_until(lambda: not is_held(profile / LOCK))
        assert process.poll() is None, "it goes on when the window is closed"
        window.release()
    finally:
        process.terminate()
        said = process.communicate(timeout=20)[1]
    assert f"A window has {profile} open" in said


def wait_until(condition: Callable[[], bool]) -> None:
    end_s = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end_s
        time.sleep(0.05)


def test_two_computers_with_one_profile_are_two_desks_and_send_what_waits_in_both_once(
    live: Live, profile: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An imaged workstation: rina made it P1 at the one, and the other, which had not seen that, closed it as spam."""
    assert ask(live.url) == 0
    assert sync_profile("p", once=True, as_json=True) == 0
    source = load_settings(profile).sources[0].key
    ids = {name: str(uuid.uuid4()) for name in ("note", "raise", "close")}
    copied = profile.with_name("q")

    def add(folder: Path, name: str, kind: Kind, base: dict[str, Any], **data: Any) -> str:
        work = WorkFile(folder)
        made = datetime.now(UTC)
        number, device = work.next_number(), work.device
        work.append(Edit(ids[name], kind, "r1", "local", device, number, made, data, base, 1, source))
        work.close()
        return device

    def states(folder: Path) -> list[EditState]:
        work = WorkFile(folder)
        known = {queued.edit.id: queued.state for queued in work.all()}
        work.close()
        return [known[each] for each in ids.values() if each in known]

    first = add(profile, "note", Kind.NOTE, {}, text="water to the knee")
    shutil.copytree(profile, copied)
    add(profile, "raise", Kind.SET, {"priority": 3}, priority=1)
    assert sync_profile("p", once=True, as_json=True) == 0
    monkeypatch.setattr("console.outbox.work_file.this_machine", lambda: "another computer")
    assert add(copied, "close", Kind.CLOSE, {}, disposition="spam") != first
    sync_profile("q", once=True, as_json=True)
    capsys.readouterr()
    assert states(copied) == [EditState.SENT, EditState.CONFLICT]
    assert live.city.report("r1").priority == 1
    assert [entry.edit for entry in live.city.entries("r1") if entry.edit in ids.values()] == [
        ids["note"],
        ids["raise"],
    ]


def test_open311_reads_years_of_pages_once(tmp_path: Path, profile: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old = datetime.now(UTC) - timedelta(days=1000)
    reports = [*some_reports(250, datetime.now(UTC)), *(each for each in some_reports(1, old))]
    reports[-1] = type(reports[-1])(
        **{f: getattr(reports[-1], f) for f in reports[-1].__struct_fields__} | {"id": "old"}
    )
    with live_server(tmp_path / "server", reports) as live:
        assert ask(live.url + "/open311/v2", kind="open311") == 0
        capsys.readouterr()
        assert sync_profile("p", once=True, as_json=True) == 0
    assert json.loads(capsys.readouterr().out)["pulled"] >= 251
    reader = CacheReader(profile)
    assert reader.counts()["reports"] == 251
    reader.close()


@pytest.mark.usefixtures("expected_log")
@pytest.mark.parametrize("content", [b"", b"null", bytes(range(256))])
def test_what_waits_is_sent_though_the_settings_are_damaged(
    live: Live, profile: Path, capsys: pytest.CaptureFixture[str], content: bytes
) -> None:
    """`sigap sync` ended with exit code 4, and what waited in work.db was seen by nobody."""
    assert ask(live.url) == 0
    source = load_settings(profile).sources[0].key
    work = WorkFile(profile)
    note = Edit(
        str(uuid.uuid4()), Kind.NOTE, "r1", "local", work.device, 1, datetime.now(UTC), {"text": "x"}, {}, 1, source
    )
    work.append(note)
    work.close()
    (profile / "settings.json").write_bytes(content)
    assert sync_profile("p", once=True, as_json=True) == 0
    told = capsys.readouterr().err
    assert str(profile / "settings.damaged-1.json") in told
    assert "as they were kept last" in told
    assert (profile / "settings.damaged-1.json").read_bytes() == content
    assert note.id in {entry.edit for entry in live.city.entries("r1")}


def test_sync_keeps_the_rules_of_the_outbox(live: Live, profile: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What rests on a conflict or waits for another operator stays; local keys are addressed; late is said."""
    assert ask(live.url) == 0
    source = load_settings(profile).sources[0].key
    theirs = EditBody(id=str(uuid.uuid4()), kind=Kind.SET, data={"priority": 1}, device="another desk")
    live.city.apply(theirs, report="r1", actor=LOCAL)
    work = WorkFile(profile)
    ids = [str(uuid.uuid4()) for _ in range(6)]
    made = datetime.now(UTC) - timedelta(days=1)

    def edit(number: int, kind: Kind, report: str, author: str = "local", **data: Any) -> Edit:
        base = {"priority": 3} if "priority" in data else {}
        return Edit(ids[number], kind, report, author, work.device, number + 1, made, data, base, 1, source)

    for each in (
        edit(0, Kind.SET, "r1", priority=4),  # the city set it to 1
        edit(1, Kind.SET, "r1", priority=2),  # rests on the one before
        edit(2, Kind.NOTE, "r1", text="An append passes it"),
        edit(3, Kind.CREATE, "local:c", service="flood", description="New", channel="phone"),
        edit(4, Kind.MERGE, "r2", into="local:c"),
        edit(5, Kind.NOTE, "r3", "rina", text="Rina's own"),
    ):
        work.append(each)
    work.close()
    assert sync_profile("p", once=True, as_json=True) == 0
    capsys.readouterr()
    work = WorkFile(profile)
    states = [next(str(one.state) for one in work.all() if one.edit.id == each) for each in ids]
    work.close()
    assert states == ["conflict", "stopped", "sent", "sent", "sent", "queued"]
    note = next(entry for entry in live.city.entries("r1") if entry.edit == ids[2])
    assert note.late
    merged = live.city.report("r2").merged_into
    assert merged is not None
    assert live.city.report(merged).description == "New"


def test_sync_without_a_server_says_so_and_keeps_everything(
    live: Live, profile: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ask(live.url) == 0
    assert sync_profile("p", once=True, as_json=True) == 0
    settings = (profile / "settings.json").read_text()
    (profile / "settings.json").write_text(settings.replace(str(live.port), "1"))
    capsys.readouterr()
    assert sync_profile("p", once=True, as_json=True) == 3
    assert "no server listens" in capsys.readouterr().err
    reader = CacheReader(profile)
    assert reader.counts()["reports"] == 10
    reader.close()


def test_one_sync_at_a_time(live: Live, console: Rig, tmp_path: Path) -> None:
    with contextlib.closing(asyncio.new_event_loop()) as loop, pytest.raises(LockedByOther):
        Headless(
            "p",
            console.folder,
            [Source("jkt", "J", live.url, "dispatch")],
            {},
            order_lifetime_s=600.0,
            clock=lambda: datetime.now(UTC),
            loop=loop,
        )


@pytest.mark.parametrize(
    ("answer", "words", "code"),
    [
        (http(200, "<html>portal</html>"), "neither", 3),
        (http(401, {"error": "sign_in", "message": "Wrong token."}), "Wrong token.", 3),
        (http(200, {"name": "sigap", "epoch": "e"}, Sigap_Server=""), "neither", 3),
    ],
)
def test_connect_to_what_is_no_server(
    profile: Path, capsys: pytest.CaptureFixture[str], answer: bytes, words: str, code: int
) -> None:
    server = Canned(lambda *_: answer)
    assert ask(server.url) == code
    server.close()
    assert words in capsys.readouterr().err
    assert not (profile / "settings.json").exists()


def test_connect_refuses_http_beyond_this_computer(profile: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ask("http://city.example") == 2
    assert "--insecure-http" in capsys.readouterr().err


def test_what_needs_no_encryption_is_not_warned_of(live: Live) -> None:
    """The way to this very computer, whatever was allowed: an amber mark that is always there is looked at no more."""
    assert not add_source(live.url, insecure_http=True).source.insecure_http
    for url, bare in (("http://10.0.0.5", True), ("https://10.0.0.5", False), ("http://[::1]:8311", False)):
        assert is_bare(url) is bare


def test_the_same_server_keeps_its_key(live: Live) -> None:
    first = add_source(live.url, name="City of Test").source
    again = add_source(live.url, taken=[first]).source
    assert (first.key, again.key, again.name) == ("city-of-test", "city-of-test", "City of Test")
    assert new_key("City of Test", {"city-of-test"}) == "city-of-test-2"
    with pytest.raises(errors.NotThisServer):
        add_source(live.url + "/nowhere", kind="dispatch")


def test_a_start_without_a_network_knows_how_old_its_cache_is(tmp_path: Path) -> None:
    with live_server(tmp_path / "server") as live, rig(tmp_path / "profile", live.url) as console:
        console.live()
        url, as_of = live.url, datetime.now(UTC)
    with rig(tmp_path / "profile", url) as alone:
        state = alone.wait(SourceState, lambda state: state.state == "offline")
    assert state.as_of is not None
    assert abs(state.as_of - as_of) < timedelta(seconds=30)


@pytest.mark.parametrize("held", ["sync.lock", "work.lock"])
def test_sync_waits_while_a_window_has_the_profile_open(
    live: Live, profile: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, held: str
) -> None:
    assert ask(live.url) == 0
    capsys.readouterr()
    monkeypatch.setattr("console.commands.sync._LOOK_AGAIN_S", 0.2)
    window = FileLock(profile / (LOCK if held == "sync.lock" else held))
    with pytest.raises(LockedByOther):
        sync_profile("p", once=True, as_json=True)
    tries: list[datetime] = []

    class Interrupted(Headless):
        """The third gets the profile, and Ctrl+C when it has read all; asked in its loop, to which it belongs."""

        def __init__(self, *arguments: Any, **named: Any) -> None:
            if len(tries) == 2:
                window.release()
                live.city.load([LoadedReport(some_reports(11, datetime.now(UTC))[-1])])
            tries.append(datetime.now(UTC))
            super().__init__(*arguments, **named)
            self._look(named["loop"])

        def _look(self, loop: asyncio.AbstractEventLoop) -> None:
            if self.settled:
                os.kill(os.getpid(), signal.SIGINT)
            else:
                loop.call_later(0.05, self._look, loop)

    monkeypatch.setattr("console.commands.sync.Headless", Interrupted)
    try:
        assert sync_profile("p", once=False, as_json=True) == 0
    finally:
        window.release()
    told = capsys.readouterr()
    assert told.err.count("goes on when that is closed") == 1
    assert json.loads(told.out)["pulled"] >= 1, "what came while it waited; the rest it may have read before it had to"
    assert len(tries) == 3
