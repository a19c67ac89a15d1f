"""Console and server one version apart: what the older one does not know does no harm, and is fetched once it does.

The server is the real one over HTTP. An older console is this one that knows fewer kinds of objects; a server with
another dialect is this one behind a proxy that rewrites its answers, as the next or the last version would say them.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from api_client import errors
from api_client.dispatch import DispatchClient
from api_client.model import (
    OBJECTS,
    Agency,
    ApiObject,
    AssignmentState,
    EditBody,
    Kind,
    Service,
    Status,
    Template,
    WaitsFor,
)
from api_client.transport import utc_now
from console.cache.reader import CacheReader
from console.rules.messages import SourceState
from console.rules.queued import EditState
from console.server.city.records import LOCAL
from console.sync.cache_writer_proxy import CacheWriterProxy
from console.sync.health import Health
from console.sync.mapping import signature_of
from console.sync.pull_dispatch import DispatchPuller
from console.sync.unreadable import Unreadable
from tests.helpers.live_server import Live
from tests.helpers.net import http
from tests.helpers.proxy import FaultProxy, Predicate, answer, path_has, rewrite
from tests.helpers.sync_rig import assert_same, edit_id, rig

OLDER = {kind: struct for kind, struct in OBJECTS.items() if kind not in ("agency", "template")}


class Console:
    """The reading part of a console that knows these kinds of objects, over a folder that outlives it."""

    def __init__(
        self, folder: Path, url: str, objects: Mapping[str, type[ApiObject]] = OBJECTS, rows: int = 2000
    ) -> None:
        self.folder, self.said = folder, list[Any]()
        self._client = DispatchClient(url)
        self._cache_writer = CacheWriterProxy(folder, self.said.append)
        health = Health("jkt", self.said.append, utc_now)
        more: dict[str, Any] = {"page_rows": rows, "objects": objects}
        self.puller = DispatchPuller("jkt", self._client, self._cache_writer, health, self.said.append, **more)

    def __enter__(self) -> Console:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()
        self._cache_writer.close()

    def round(self, stopped: Callable[[], bool] = lambda: False) -> None:
        self.puller.catch_up(stopped)

    @property
    def detail(self) -> str:
        """What was said of the source last."""
        return next(one.detail for one in reversed(self.said) if isinstance(one, SourceState))

    def codes(self) -> list[str]:
        """The agencies that are in the cache."""
        reader = CacheReader(self.folder)
        try:
            return sorted(agency.code for _, agency in reader.agencies())
        finally:
            reader.close()

    def seq(self) -> int:
        cursor = self._cache_writer.cursor("jkt")
        assert cursor is not None
        return cursor.seq


@pytest.fixture
def proxy(live: Live) -> Iterator[FaultProxy]:
    proxy = FaultProxy(live.port)
    yield proxy
    proxy.close()


def pages_asked(proxy: FaultProxy, since: int = 0) -> list[str]:
    paths = [asked.path for _, asked in proxy.requests[since:]]
    return [path.partition("/v1")[2] for path in paths if "/snapshot" in path or "/changes" in path]


def reads_again(cursor: int) -> Predicate:
    """Requests for a place of the feed from before this number."""
    return lambda asked: "/changes?after" in asked.path and f"after={cursor}&" not in asked.path


def a_city_with_news(live: Live, folder: Path, url: str) -> None:
    """An older console reads a city that has agencies, and more of them later; it does not know what they are."""
    live.city.put_agencies([Agency("roads", "Roads")])
    with Console(folder, url, OLDER) as console:
        console.round()
        assert "does not know (“agency”)" in console.detail
        live.city.put_agencies([Agency("parks", "Parks")])
        live.city.apply(EditBody(id=edit_id(1), kind=Kind.NOTE, data={"text": "Seen"}), report="r1", actor=LOCAL)
        console.round()
        assert "“agency”" in console.detail
        assert console.seq() == live.city.seq(), "the rest of the city is followed as ever"
        assert console.codes() == []


def test_a_kind_that_was_not_known_is_fetched_once_it_is(live: Live, proxy: FaultProxy, tmp_path: Path) -> None:
    """The cursor passed it for good: the next version of the console never had what it was made to show."""
    folder = tmp_path / "profile"
    a_city_with_news(live, folder, proxy.url)
    with Console(folder, proxy.url, OLDER) as console:
        console.round()
        assert "“agency”" in console.detail, "said at every start"
    before = len(proxy.requests)
    with Console(folder, proxy.url) as console:
        console.round()
        assert console.codes() == ["parks", "roads"]
        assert console.detail == ""
        assert console.seq() == live.city.seq()
    assert not [path for path in pages_asked(proxy, before) if "/snapshot" in path], "not the whole city"
    before = len(proxy.requests)
    with Console(folder, proxy.url) as console:
        console.round()
        assert (console.codes(), console.detail) == (["parks", "roads"], "")
    assert len(pages_asked(proxy, before)) == 1, "once"


def test_what_the_feed_keeps_no_more_is_fetched_from_a_snapshot(live: Live, proxy: FaultProxy, tmp_path: Path) -> None:
    folder = tmp_path / "profile"
    a_city_with_news(live, folder, proxy.url)
    gone = http(410, {"error": "gone", "message": "Too long ago."}, Sigap_Server="x")
    with Console(folder, proxy.url, rows=3) as console:
        rule = proxy.when(reads_again(console.seq()), answer(gone), times=1)
        console.round()
        assert rule.hit == 1
        assert (console.codes(), console.detail) == (["parks", "roads"], "")
        assert console.seq() == live.city.seq()
    with rig(folder, live.url) as whole:
        whole.live()
        assert_same(whole, live)


def test_a_link_that_breaks_and_a_console_that_ends_lose_nothing_of_it(
    live: Live, proxy: FaultProxy, tmp_path: Path
) -> None:
    folder = tmp_path / "profile"
    a_city_with_news(live, folder, proxy.url)
    broken, asked_again = (
        http(500, {"error": "fault", "message": "It fell over."}, Sigap_Server="x"),
        itertools.count(1),
    )
    with Console(folder, proxy.url, rows=1) as console:
        is_one = reads_again(console.seq())
        proxy.when(lambda asked: is_one(asked) and next(asked_again) == 2, answer(broken))
        with pytest.raises(errors.ServerFault):
            console.round()
        assert console.codes() == ["roads"]
        assert "“agency”" in console.detail
    with Console(folder, proxy.url, OLDER, rows=1) as console:
        console.round()
        assert "“agency”" in console.detail
    ended = iter([False, False, False])
    with Console(folder, proxy.url, rows=1) as console:
        console.round(lambda: next(ended, True))
    with Console(folder, proxy.url, rows=1) as console:
        console.round()
        assert (console.codes(), console.detail) == (["parks", "roads"], "")


def test_news_does_not_wait_for_what_is_fetched_later(live: Live, proxy: FaultProxy, tmp_path: Path) -> None:
    folder = tmp_path / "profile"
    a_city_with_news(live, folder, proxy.url)
    arrived: list[bool] = []
    with Console(folder, proxy.url, rows=1) as console:

        def look() -> bool:
            if not arrived:
                new = EditBody(id=edit_id(2), kind=Kind.CREATE, data={"service": "flood", "description": "New"})
                live.city.apply(new, report=None, actor=LOCAL)
            arrived.append(console.seq() == live.city.seq() and console.codes() != ["parks", "roads"])
            return False

        console.round(look)
        assert any(arrived), "the new report was there before the last of the agencies"
        assert (console.codes(), console.detail) == (["parks", "roads"], "")


def as_the_next_version_says_it(head: bytes, body: bytes) -> tuple[bytes, bytes]:
    """Pages with a kind, a state, a status, words and fields that this console does not know."""
    page = json.loads(body)
    for item in page["items"]:
        data = item["data"] | {"mood": {"of": ["the", "day"]}}
        if item["kind"] == "template":
            item["kind"] = "briefing"
        if item["kind"] == "report" and data["id"] == "r2":
            data |= {"status": "flooding", "photos": [{"sha256": "a" * 64, "role": "hologram"}]}
            data["hold"] = {"reason": "Court", "waits_for": "court", "until": None}
        if item["kind"] == "assignment":
            data["state"] = "halfway"
        item["data"] = data
    return head, json.dumps(page | {"whole": [*page.get("whole", ()), "briefing"], "weather": "rain"}).encode()


def test_a_newer_server_is_worked_with(live: Live, proxy: FaultProxy, tmp_path: Path) -> None:
    live.city.put_templates([Template("t1", "reply", "We are on it.")])
    for part in ("/snapshot", "/changes"):
        proxy.when(path_has(part), rewrite(as_the_next_version_says_it))
    with rig(tmp_path / "profile", proxy.url) as console:
        console.live()
        assert len(console.cached()) == 10
        reader = console.reader
        row = reader.row_of("jkt", "r2")
        assert row is not None
        cached = reader.report(row)
        assert cached is not None
        report = cached.report
        assert (report.status, report.status_label, report.photos[0].role) == (Status.NEW, "flooding", "other")
        assert report.hold is not None
        assert report.hold.waits_for is WaitsFor.AGENCY
        note = console.push(Kind.NOTE, "r2", text="Seen")
        console.outcome(note, EditState.ACCEPTED)
        console.proved(note)
        order = console.push(Kind.DISPATCH, "r1", version=1, unit="U1")
        console.outcome(order, EditState.ACCEPTED)
        console.proved(order)
        console.wait(SourceState, lambda state: "1 object of the server could not be understood" in state.detail)
        console.wait(SourceState, lambda state: "“briefing”" in state.detail)
        assert not reader.templates()
    proxy.heal()
    folder = tmp_path / "profile"
    with Console(folder, live.url, {**OBJECTS, "briefing": Template}) as update:
        update.round()
        assert update.detail == "", "the next version of the console understands the state of the crew's job, too"
    with rig(folder, live.url) as console:
        console.live()
        row = console.reader.row_of("jkt", "r1")
        assert row is not None
        (job,) = console.reader.assignments(row)
        assert (job.unit, job.state) == ("U1", AssignmentState.DISPATCHED)
        row = console.reader.row_of("jkt", "r2")
        cached = console.reader.report(row) if row is not None else None
        assert cached is not None
        assert cached.report == live.city.report("r2"), "what was left out of it is read again"


class NamelessService(msgspec.Struct, frozen=True):
    """A service as consoles knew it before its names stood in several languages."""

    code: str
    name: str


def test_names_in_languages_do_no_harm_to_a_console_that_does_not_know_them(live: Live, tmp_path: Path) -> None:
    flood = Service("flood", "Inondation", names={"nl": "Overstroming"}, groups={"nl": "Water"})
    live.city.put_services([flood])

    def read(folder: str, objects: Mapping[str, Any]) -> Service:
        with Console(tmp_path / folder, live.url, objects) as console:
            console.round()
            assert console.detail == ""
        reader = CacheReader(tmp_path / folder)
        try:
            return next(one for _, one in reader.services() if one.code == "flood")
        finally:
            reader.close()

    assert read("older", {**OBJECTS, "service": NamelessService}) == Service("flood", "Inondation")
    assert read("this", OBJECTS) == flood


LEFT_OUT = (
    "whole",
    "earlier",
    "can",
    "within_m",
    "remarks",
    "versions",
    "ordered_by",
    "ordered_at",
    "agencies",
    "areas",
    "names",
    "groups",
    "texts",
    "language",
)


def as_the_last_version_said_it(head: bytes, body: bytes) -> tuple[bytes, bytes]:
    """The same answer without the fields that came since."""

    def older(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: older(one) for name, one in value.items() if name not in LEFT_OUT}
        return [older(one) for one in value] if isinstance(value, list) else value

    return head, json.dumps(older(json.loads(body))).encode() if body else body


def test_an_older_server_is_worked_with(live: Live, proxy: FaultProxy, tmp_path: Path) -> None:
    for part in ("/snapshot", "/changes", "/stats", "/statuses", "/me", "/digest", "/reports", "/v1/"):
        proxy.when(
            lambda asked, part=part: part in asked.path and "/stream" not in asked.path,
            rewrite(as_the_last_version_said_it),
        )
    with rig(tmp_path / "profile", proxy.url) as console:
        console.live()
        assert len(console.cached()) == 10
        steps: list[tuple[Kind, dict[str, Any]]] = [
            (Kind.CLAIM, {}),
            (Kind.NOTE, {"text": "Seen"}),
            (Kind.DISPATCH, {"unit": "U1"}),
        ]
        for kind, data in steps:
            edit = console.push(kind, "r1", version=1, **data)
            console.outcome(edit, EditState.ACCEPTED)
            console.proved(edit)
        assert not [state.detail for state in console.said if isinstance(state, SourceState) and state.detail]


def test_every_other_model_has_another_signature_and_the_same_one_the_same() -> None:
    assert signature_of() == signature_of(dict(reversed(OBJECTS.items())))
    assert len({signature_of(), signature_of(OLDER), signature_of({**OBJECTS, "briefing": Template})}) == 3


def test_what_is_missing_is_kept_until_it_was_tried_again() -> None:
    before = Unreadable("older")
    before.see((), ["report/7", "report/8"], ["briefing", "briefing\x00" + "x" * 99, "b", "c"], 40)
    before.see((), ["unit/1"], (), 30)
    now = Unreadable("newer")
    now.take(before.noted)
    assert (now.is_outdated, now.first, now.words) == (True, 30, before.words)
    assert "2 of them reports" in now.words
    assert "“briefing”, " in now.words
    assert "…" in now.words
    now.see((), ["report/8"], ["drone"], 50)
    half = Unreadable("newer")
    half.take(now.noted)
    assert (half.is_outdated, half.first, len(half)) == (True, 30, 3), "who ends in the middle of it begins again"
    now.settle()
    assert (now.is_outdated, now.first, len(now)) == (False, 50, 1)
    settled = Unreadable("newer")
    settled.take(now.noted)
    assert (settled.is_outdated, settled.words) == (False, now.words)
    assert "“drone”" in settled.words
    assert "briefing" not in settled.words


def test_what_an_earlier_version_noted_is_read_again_from_the_beginning() -> None:
    """It wrote no number and no signature."""
    now = Unreadable("newer")
    now.take('{"names":["report/7"],"more":2,"more_reports":1}')
    assert (now.is_outdated, now.first, len(now)) == (True, 0, 3)
    now.take("")
    assert (now.is_outdated, now.noted) == (False, "")
