"""The sync side of one source and an outbox over it, in this process; all messages of the sync side are kept."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import random
import threading
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from api_client.model import Assignment, Entry, Kind, Report
from console.cache.reader import CacheReader
from console.files.errors import StoreError
from console.outbox.link import OutboxLink, ProofsFound, Question
from console.outbox.listener import Listener
from console.outbox.outbox import Outbox
from console.rules.edit import Edit
from console.rules.messages import Outcome, Push, SignedIn, Source, SourceState, Start, Touched, Up
from console.rules.queued import EditState, Queued
from console.server.city.database import Database
from console.server.city.feed import pages
from console.sync.process import Followers
from tests.helpers.live_server import Live
from tests.helpers.patience import Patience

M = TypeVar("M")
V = TypeVar("V")
WAIT_S, LONGEST_S = 20.0, 120.0


class LoopThread:
    """An asyncio loop on a thread of its own, for objects that must be used on one loop."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, name="loop", daemon=True)
        self._thread.start()

    def do(self, work: Callable[[], V]) -> V:
        """Call `work` on that thread, wait for it, and return its result."""
        done: concurrent.futures.Future[V] = concurrent.futures.Future()

        def run() -> None:
            try:
                done.set_result(work())
            except BaseException as error:
                done.set_exception(error)

        self.loop.call_soon_threadsafe(run)
        return done.result(LONGEST_S)

    def close(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(LONGEST_S)
        self.loop.close()


class Rig:
    """Followers of one source with a cache in `folder`, and an outbox whose edits they send. `said` are all their
    messages; `wait` blocks until one that fits has come.
    """

    def __init__(
        self, folder: Path, url: str, *, kind: str = "dispatch", token: str | None = None, **more: Any
    ) -> None:
        self.folder = folder
        self.said: list[Up] = []
        self._news = threading.Condition()
        source = Source("jkt", "Jakarta", url, kind, params=more.pop("params", {}))
        tokens = {"jkt": token} if token else {}
        lifetime_s = more.pop("order_lifetime_s", 600.0)
        folder.mkdir(parents=True, exist_ok=True)
        self._thread = LoopThread()
        self.followers = Followers(Start(str(folder), (source,), tokens, lifetime_s), self._hear, **more)
        self._number = 0
        self._saved: dict[str, Edit] = {}
        self.reader = CacheReader(folder)
        self._thread.do(lambda: self._open(lifetime_s, more.get("random_source")))

    def _open(self, lifetime_s: float, random_source: random.Random | None) -> None:
        self.outbox = Outbox(
            self.folder,
            self.followers.take,
            lambda: datetime.now(UTC),
            self._next_id,
            self._thread.loop,
            Listener(opened=lambda: self._link.on_opened(), saved=self._on_saved),
            lifetime_s,
            random_source=random_source,
        )
        self._link = OutboxLink(self.outbox, self._read)

    def _next_id(self) -> str:
        self._number += 1
        return edit_id(self._number)

    def _read(
        self, question: Question, found: Callable[[ProofsFound], None], failed: Callable[[Exception], None]
    ) -> None:
        with contextlib.closing(CacheReader(self.folder)) as reader:
            try:
                what = question(reader)
            except StoreError as error:
                failed(error)
            else:
                found(what)

    def _hear(self, message: Up) -> None:
        with self._news:
            self.said.append(message)
            self._news.notify_all()
        with contextlib.suppress(RuntimeError):  # the loop has ended
            self._thread.loop.call_soon_threadsafe(lambda: self._take(message))

    def _take(self, message: Up) -> None:
        if isinstance(message, SignedIn) and message.user != "local":
            self.outbox.sign_in(message.source, message.user)
        self._link.take(message)

    def _on_saved(self, queued: Queued) -> None:
        self._saved[queued.edit.id] = (
            queued.edit
        )  # who waits looks often enough, with the lock of the news in his hands

    def close(self) -> None:
        self.followers.stop()
        self._thread.do(self.outbox.close)
        self._thread.close()
        self.reader.close()

    def wait(self, kind: type[M], fits: Callable[[M], bool], since: int = 0, seconds: float = WAIT_S) -> M:
        """The first message of this kind that fits, from the `since`th on; fails after so many seconds."""

        def found() -> M | None:
            return next((each for each in self.said[since:] if isinstance(each, kind) and fits(each)), None)

        patience = Patience(seconds)
        with self._news:
            while (message := found()) is None and not patience.is_over:
                self._news.wait(0.2)
        words = [*[str(each) for each in self.said if not isinstance(each, SourceState)][-8:], str(self.said[-1:])]
        assert message is not None, f"no such {kind.__name__} within {seconds} s; said: {words}"
        return message

    def wait_until(self, true: Callable[[], object], seconds: float = WAIT_S) -> None:
        """Wait until `true()`, which is asked after every message and at least every 20 ms."""
        patience = Patience(seconds)
        with self._news:
            while not true():
                if patience.is_over:
                    break
                self._news.wait(0.02)
            else:
                return
        raise AssertionError(f"did not come true within {seconds} s; said: {self.said[-8:]}")

    def live(self, since: int = 0) -> SourceState:
        return self.wait(SourceState, lambda each: each.state == "live", since)

    def outcome(self, edit: Edit, *states: EditState, seconds: float = WAIT_S) -> Outcome:
        return self.wait(Outcome, lambda each: each.edit_id == edit.id and each.state in states, seconds=seconds)

    def proved(self, edit: Edit) -> Touched:
        return self.wait(Touched, lambda each: edit.id in each.edits)

    def taken(self, *edits: Edit) -> bool:
        """Whether the server has taken all of these, as far as the outbox knows."""
        found = self._thread.do(lambda: [self.outbox.open_edit(edit.id) for edit in edits])
        return all(one is None or one.state is EditState.ACCEPTED for one in found)

    def arrived(self, *edits: Edit, seconds: float = WAIT_S) -> None:
        """Wait until the outbox knows that the server has taken all these edits, by its answers or by its record."""
        self.wait_until(lambda: self.taken(*edits), seconds)

    def state(self, edit: Edit, *states: EditState) -> Queued:
        """Wait until the edit is in one of these states in the outbox, and return it."""

        def now() -> Queued | None:
            found = self._thread.do(lambda: self.outbox.open_edit(edit.id))
            return found if found is not None and found.state in states else None

        self.wait_until(now)
        found = now()
        assert found is not None
        return found

    def push(
        self,
        kind: Kind,
        report: str | None,
        /,
        *,
        version: int | None = None,
        about: dict[str, Any] | None = None,
        **data: Any,
    ) -> Edit:
        """Make an edit in the outbox, which sends it."""

        def submit() -> str:
            return self.outbox.submit(
                kind, report, source="jkt", data=data, base={}, base_version=version, title="", about=about
            )

        made = self._thread.do(submit)
        self.wait_until(lambda: made in self._saved)
        return self._saved[made]

    def withdraw(self, edit: Edit) -> bool:
        """Take an edit back as an operator does."""
        return self._thread.do(lambda: self.outbox.withdraw(edit.id))

    def try_once(
        self, kind: Kind, report: str | None, *, about: dict[str, Any] | None = None, unconfirmed: bool, **data: Any
    ) -> Edit:
        """Hand the sync side an edit that is in no outbox."""
        made, now = self._next_id(), datetime.now(UTC)
        edit = Edit(made, kind, report, "local", "d", self._number, now, data, {}, None, "jkt", about=about or {})
        self.followers.take(Push(edit, unconfirmed=unconfirmed))
        return edit

    def cached(self) -> dict[str, str]:
        """Remote id -> description of everything in the cache."""
        columns = self.reader.columns()
        return {text.remote_id: text.description for text in self.reader.texts(columns["row"])}


def edit_id(number: int) -> str:
    """The id of the rig's nth edit."""
    return str(uuid.UUID(int=number, version=4))


@contextlib.contextmanager
def rig(folder: Path, url: str, **more: Any) -> Iterator[Rig]:
    made = Rig(folder, url, **more)
    made.followers.start()
    try:
        yield made
    finally:
        made.close()


def assert_same(console: Rig, live: Live) -> None:
    """I5: reports, entries and assignments of the cache are exactly those of the server."""
    there = rows_of_database(live.city.database)
    console.wait_until(lambda: console.reader.cursors()["jkt"].seq == live.city.seq())
    assert rows_of_cache(console.reader) == there


def rows_of_database(database: Database) -> dict[str, dict[str, Any]]:
    """Objects of the server: kind -> id -> object. Entries and assignments of removed reports, which the server keeps,
    are left out.
    """
    found: dict[str, dict[str, Any]] = {"report": {}, "entry": {}, "assignment": {}}
    kinds = {"report": Report, "entry": Entry, "assignment": Assignment}
    for page in pages(database):
        for item in page.items:
            if item.kind in kinds:
                found[item.kind][item.id] = msgspec.json.decode(item.data, type=kinds[item.kind])
    for kind in ("entry", "assignment"):
        found[kind] = {key: one for key, one in found[kind].items() if one.report in found["report"]}
    return found


def rows_of_cache(reader: CacheReader) -> dict[str, dict[str, Any]]:
    """What the cache has, in the same form."""
    cached = reader.reports(reader.columns()["row"])
    return {
        "report": {one.report.id: one.report for one in cached},
        "entry": {entry.id: entry for one in cached for entry in reader.entries(one.row)},
        "assignment": {each.id: each for one in cached for each in reader.assignments(one.row)},
    }
