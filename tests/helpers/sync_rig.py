"""The sync side in this process, with its messages kept and waited for."""

from __future__ import annotations

import contextlib
import threading
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from api_client.model import Assignment, Entry, Kind, Report
from console.cache.reader import CacheReader
from console.rules.edit import Edit
from console.rules.messages import Outcome, Push, Source, SourceState, Start, Touched, Up
from console.rules.queued import EditState
from console.server.city.database import Database
from console.server.city.feed import pages
from console.sync.process import Followers
from tests.helpers.live_server import Live

M = TypeVar("M")
WAIT_S = 20.0


class Rig:
    """Followers of one source over a folder; `wait` blocks until a message that fits has come."""

    def __init__(
        self, folder: Path, url: str, *, kind: str = "dispatch", token: str | None = None, **more: Any
    ) -> None:
        self.folder = folder
        self.said: list[Up] = []
        self._news = threading.Condition()
        source = Source("jkt", "Jakarta", url, kind, params=more.pop("params", {}))
        tokens = {"jkt": token} if token else {}
        lifetime_s = more.pop("order_lifetime_s", 600.0)
        self.followers = Followers(Start(str(folder), (source,), tokens, lifetime_s), self._hear, **more)
        self._number = 0
        self.reader = CacheReader(folder)

    def _hear(self, message: Up) -> None:
        with self._news:
            self.said.append(message)
            self._news.notify_all()

    def wait(self, kind: type[M], fits: Callable[[M], bool], since: int = 0, seconds: float = WAIT_S) -> M:
        """The first message of that kind, from the `since`th on, that fits."""

        def found() -> M | None:
            return next((each for each in self.said[since:] if isinstance(each, kind) and fits(each)), None)

        with self._news:
            self._news.wait_for(lambda: found() is not None, seconds)
            message = found()
        words = [*[str(each) for each in self.said if not isinstance(each, SourceState)][-8:], str(self.said[-1:])]
        assert message is not None, f"no such {kind.__name__} within {seconds} s; said: {words}"
        return message

    def wait_until(self, true: Callable[[], object], seconds: float = WAIT_S) -> None:
        """Until something holds, looked at after every message (and at least every 20 ms)."""
        with self._news:
            for _ in range(int(seconds / 0.02)):
                if true():
                    return
                self._news.wait(0.02)
        raise AssertionError(f"did not come true within {seconds} s; said: {self.said[-8:]}")

    def live(self, since: int = 0) -> SourceState:
        return self.wait(SourceState, lambda each: each.state == "live", since)

    def outcome(self, edit: Edit, *states: EditState, seconds: float = WAIT_S) -> Outcome:
        return self.wait(Outcome, lambda each: each.edit_id == edit.id and each.state in states, seconds=seconds)

    def proved(self, edit: Edit) -> Touched:
        return self.wait(Touched, lambda each: edit.id in each.edits)

    def push(
        self,
        kind: Kind,
        report: str | None,
        *,
        version: int | None = None,
        about: dict[str, Any] | None = None,
        unconfirmed: bool = False,
        **data: Any,
    ) -> Edit:
        self._number += 1
        number, now = self._number, datetime.now(UTC)
        edit = Edit(
            edit_id(number), kind, report, "local", f"device-{self.folder.name}", number, now, data, {}, version, "jkt"
        )
        edit = msgspec.structs.replace(edit, about=about or {})
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
        made.followers.stop()
        made.reader.close()


def assert_same(console: Rig, live: Live) -> None:
    """I5: every report, entry and assignment of the cache is the server's, none is missing and none is too many."""
    there = rows_of_database(live.city.database)
    console.wait_until(lambda: console.reader.cursors()["jkt"].seq == live.city.seq())
    assert rows_of_cache(console.reader) == there


def rows_of_database(database: Database) -> dict[str, dict[str, Any]]:
    """What the server has: kind -> id -> object, of the reports that are there (a removed one leaves its history)."""
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
