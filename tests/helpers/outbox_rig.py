"""An outbox for tests, with a recording sync process and a clock that the test sets."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pytestqt.qtbot import QtBot

from api_client.model import Kind
from console.outbox.work_file import WorkFile
from console.panels.qt_outbox import QtOutbox
from console.rules.messages import Obstacle, Outcome, Push, Withdraw
from console.rules.queued import EditState, Queued
from tests.unit.cache.making import T0

S = EditState


class Never(random.Random):
    """Back-offs of 10^6 s: a failed attempt is repeated only when the test asks for it."""

    def uniform(self, *_: float) -> float:
        return 1e6


class AtOnce(random.Random):
    """Back-offs of 0 s: a failed attempt is repeated at once."""

    def uniform(self, *_: float) -> float:
        return 0.0


class OutboxRig:
    """A `QtOutbox` whose messages to the sync process are collected in `down`, and whose clock is `now`."""

    def __init__(self, qtbot: QtBot, folder: Path, random_source: random.Random | None = None) -> None:
        self.qtbot, self.folder = qtbot, folder
        self._random = random_source or Never()
        self.now = T0
        self.down: list[Push | Withdraw] = []
        self.push: Callable[[Push | Withdraw], None] = self.down.append
        self._ids = (f"e{number}" for number in itertools.count(1))
        self.outbox = self._start()

    def _start(self) -> QtOutbox:
        outbox = QtOutbox(
            self.folder,
            lambda one: self.push(one),
            lambda: self.now,
            lambda: next(self._ids),
            author="rina",
            random_source=self._random,
        )
        with self.qtbot.waitSignal(outbox.opened):
            pass
        return outbox

    def restart(self) -> None:
        self.outbox.close()
        self.down.clear()
        self.outbox = self._start()

    def do(self, kind: Kind, report: str | None = "1", **changes: Any) -> str:
        values: dict[str, Any] = {"source": "city", "data": {}, "base": {}, "base_version": 1, "title": "t"}
        with self.qtbot.waitSignal(self.outbox.saved):
            return self.outbox.submit(kind, report, **(values | changes))

    def pushed(self, *edit_ids: str) -> list[Push]:
        """Wait until exactly these were pushed, in this order, then return and forget the pushes."""

        def there() -> None:
            assert [one.edit.id for one in self.down if isinstance(one, Push)] == list(edit_ids)

        self.qtbot.waitUntil(there)
        pushes = [one for one in self.down if isinstance(one, Push)]
        self.down.clear()
        return pushes

    def quiet(self) -> None:
        """Wait for the edits thread and the event loop; nothing may have been sent."""
        self.settle()
        assert self.down == []

    def settle(self) -> None:
        draft = {"at": str(len(self.down))}
        self.outbox.save_draft("settle", draft)
        self.outbox._thread.wait()
        with self.qtbot.waitSignal(self.outbox.changed):
            self.outbox._store.announce()

    def answer(self, edit_id: str, state: EditState, **values: Any) -> None:
        """Give the outbox the outcome of an attempt; a failed one failed because the server is away unless `values` say
        else.
        """
        if state in (S.QUEUED, S.UNCONFIRMED):
            values = {"obstacle": Obstacle.SERVER} | values
        self.outbox.on_outcome(Outcome(edit_id, state, **values))

    def states(self) -> dict[str, EditState]:
        return {queued.edit.id: queued.state for queued in self.outbox.open_edits}

    def on_disk(self) -> dict[str, Queued]:
        """What work.db says after everything was written."""
        self.outbox.close()
        work = WorkFile(self.folder, clock=lambda: self.now)
        found = {queued.edit.id: queued for queued in work.all()}
        work.close()
        return found
