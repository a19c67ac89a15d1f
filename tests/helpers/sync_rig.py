"""The sync side in this process, with its messages kept and waited for."""

from __future__ import annotations

import contextlib
import threading
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from console.domain.edit import Edit, EditState, Kind
from console.domain.messages import Outcome, Push, Source, SourceState, Start, Touched, Up
from console.store.cache_read import CacheReader
from console.sync.process import Followers

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
        source = Source("jkt", "Jakarta", url, kind)
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

    def wait_until(self, true: Callable[[], bool], seconds: float = WAIT_S) -> None:
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

    def push(self, kind: Kind, report: str | None, *, version: int | None = None, **data: Any) -> Edit:
        self._number += 1
        number = self._number
        edit = Edit(
            edit_id(number), kind, report, "local", "device-1", number, datetime.now(UTC), data, {}, version, "jkt"
        )
        self.followers.take(Push(edit))
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
