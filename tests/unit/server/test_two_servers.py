"""Two real `sigap serve` processes on one PostgreSQL: they behave like one server."""

from __future__ import annotations

import contextlib
import hashlib
import io
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from api_client.model import EditBody, Kind
from console.server.city import change_watcher
from console.server.city.city import City
from console.server.errors import InProgressRefusal, Overloaded
from tests.helpers.city import Served
from tests.unit.server.conftest import Api, Clock, furnish, running
from tests.unit.server.test_feed import everything
from tests.unit.server.test_stream import Stream
from tools.bench.postgres import Postgres

WRITERS = 8


class Follower(threading.Thread):
    """Reads the feed all the time, and keeps each object's numbers in the order in which it saw them."""

    def __init__(self, changes: Any) -> None:
        super().__init__()
        self._changes = changes
        self.seen: list[tuple[int, str, str]] = []
        self.finish = threading.Event()
        self.failure: BaseException | None = None

    def run(self) -> None:
        try:
            self._follow()
        except BaseException as failure:
            self.failure = failure

    def _follow(self) -> None:
        after, epoch = 0, None
        while True:
            last = self.finish.is_set()
            page = self._changes(after)
            assert page["from"] == after <= page["upto"]
            assert epoch in (None, page["epoch"])
            epoch = page["epoch"]
            numbers = [item["seq"] for item in page["items"]]
            assert numbers == sorted(set(numbers))
            assert all(after < number <= page["upto"] for number in numbers)
            self.seen += [(item["seq"], item["kind"], item["id"]) for item in page["items"]]
            after = page["upto"]
            if last and not page["more"]:
                return

    def entries(self) -> list[tuple[int, str]]:
        """Entries are written once: each has one place in the feed."""
        return [(seq, key) for seq, kind, key in self.seen if kind == "entry"]


def check(followers: list[Follower], entries: list[str], everywhere: dict[tuple[str, str], int]) -> None:
    for follower in followers:
        follower.finish.set()
        follower.join(60)
        assert follower.failure is None, follower.failure
        found = follower.entries()
        assert found == sorted(found)
        assert sorted(key for _, key in found) == sorted(entries)
        assert {(kind, key): seq for seq, kind, key in follower.seen} == everywhere


def test_followers_miss_nothing_while_eight_write_through_two_cities(database_url: str, clock: Clock) -> None:
    with contextlib.ExitStack() as stack:
        cities = [stack.enter_context(contextlib.closing(City(database_url, clock=clock))) for _ in range(2)]
        for city in cities:
            city.create_schema()
        furnish(cities[0])

        def changes_of(city: City) -> Any:
            def changes(after: int) -> dict[str, Any]:
                page = city.changes(after, 5)
                items = [{"seq": item.seq, "kind": item.kind, "id": item.id} for item in page.items]
                return {"from": page.start, "upto": page.upto, "epoch": page.epoch, "more": page.more, "items": items}

            return changes

        def write(n: int) -> list[str]:
            made = []
            for step in range(20):
                edit = EditBody(f"edit-{n}-{step:04}", Kind.NOTE, data={"text": "x"})
                while True:
                    with contextlib.suppress(InProgressRefusal, Overloaded):
                        made.append(cities[n % 2].apply(edit, report=str(10 + step % 3)).answer.entry.id)
                        break
            return made

        followers = [Follower(changes_of(city)) for city in cities]
        for follower in followers:
            follower.start()
        with ThreadPoolExecutor(WRITERS) as pool:
            entries = [key for made in pool.map(write, range(WRITERS)) for key in made]
        assert len(set(entries)) == WRITERS * 20
        check(followers, entries, everything(cities[1], 2000))


@pytest.fixture(scope="module")
def servers(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Served]]:
    """Two servers started at the same moment on an empty database."""
    folder = tmp_path_factory.mktemp("two")
    with postgres.fresh(empty=True) as url:
        started = []
        for name in ("one", "two"):
            (folder / name).mkdir()
            started.append(Served(folder / name, "--database", url, "--media", str(folder / "media")))
        try:
            with ThreadPoolExecutor(2) as pool:
                list(pool.map(lambda server: server.start(), started))
            yield started
        finally:
            for server in started:
                server.stop()


@pytest.fixture
def apis(servers: list[Served]) -> Iterator[list[Api]]:
    apis = [Api(server.address) for server in servers]
    yield apis
    for api in apis:
        api.session.close()


def test_one_schema_and_one_epoch_come_of_two_starts(apis: list[Api]) -> None:
    stats = [api.get("/stats").json() for api in apis]
    assert stats[0]["epoch"] == stats[1]["epoch"]


def test_followers_miss_nothing_while_eight_write_over_http(servers: list[Served], apis: list[Api]) -> None:
    reports = [apis[n % 2].ok(None, "create")["report"]["id"] for n in range(3)]
    before = [item["id"] for item in apis[0].get("/changes?after=0").json()["items"] if item["kind"] == "entry"]

    def changes_at(api: Api) -> Any:
        return lambda after: api.get(f"/changes?after={after}&limit=50").json()

    def write(n: int) -> list[str]:
        api = Api(servers[n % 2].address)
        made = [api.ok(reports[step % 3], "note", {"text": "x"}, seen=1)["entry"]["id"] for step in range(15)]
        api.session.close()
        return made

    followers = [Follower(changes_at(api)) for api in apis]
    for follower in followers:
        follower.start()
    with ThreadPoolExecutor(WRITERS) as pool:
        entries = [key for made in pool.map(write, range(WRITERS)) for key in made]
    key: str | None = ""
    whole: dict[tuple[str, str], int] = {}
    while key is not None:
        page = apis[0].get(f"/snapshot?after_key={key}" if key else "/snapshot").json()
        whole |= {(item["kind"], item["id"]): item["seq"] for item in page["items"]}
        key = page["next_key"]
    check(followers, before + entries, whole)


def test_one_key_at_both_servers_is_one_edit(servers: list[Served], apis: list[Api]) -> None:
    def create(n: int) -> Any:
        api = Api(servers[n % 2].address)
        while (
            answer := api.edit(None, "create", {"description": "once"}, key="one-key-0001", device="")
        ).status_code == 409:
            pass
        api.session.close()
        return answer.json()

    before = apis[0].get("/stats").json()["reports"]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(create, range(4)))
    assert all(answer == answers[0] for answer in answers), answers
    assert apis[1].get("/stats").json()["reports"] == before + 1


def test_edits_and_presence_at_one_wake_the_streams_of_the_other(servers: list[Served], apis: list[Api]) -> None:
    stream = Stream(servers[1].address)
    stream.wait("presence")
    seq = apis[0].ok(None, "create")["seq"]
    while stream.wait("seq")["seq"] < seq:
        pass
    report = apis[1].get("/changes?after=0").json()["items"][-1]["id"]
    body = {"report": report}
    assert apis[0].session.put(f"{apis[0].url}/dispatch/v1/presence", json=body, timeout=60).status_code == 204
    while stream.wait("presence")["looking"] != {"local": report}:
        pass
    stream.close()


def test_a_photo_sent_to_one_is_had_from_the_other(apis: list[Api]) -> None:
    photo = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(photo, "JPEG")
    name = hashlib.sha256(photo.getvalue()).hexdigest()
    put = apis[0].session.put(f"{apis[0].url}/dispatch/v1/media/{name}", data=photo.getvalue(), timeout=60)
    assert put.status_code == 201, put.text
    assert apis[1].get(f"/media/{name}").content == photo.getvalue()


def test_postgresql_tells_of_commits_nobody_has_to_look(
    postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(change_watcher, "_LOOK_S", {"other": 3600.0})
    monkeypatch.setattr(change_watcher, "_LOOK_TOLD_S", 3600.0)
    with postgres.fresh() as url, contextlib.ExitStack() as stack:
        here, elsewhere = (stack.enter_context(contextlib.closing(City(url))) for _ in range(2))
        for city in (here, elsewhere):
            city.create_schema()
        furnish(here)
        stream = Stream(stack.enter_context(running(here, tmp_path / "media")))
        stack.callback(stream.close)
        start = stream.wait("seq")["seq"]
        told = threading.Event()

        def write() -> None:  # more than once: the server may not listen to PostgreSQL yet
            n = 0
            while not told.wait(0.05):
                n += 1
                elsewhere.apply(EditBody(f"edit-{n:04}", Kind.NOTE, data={"text": "x"}), report="10")

        writer = threading.Thread(target=write)
        writer.start()
        try:
            assert stream.wait("seq")["seq"] > start
        finally:
            told.set()
            writer.join()
