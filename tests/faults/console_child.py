"""A console without a window: its outbox and its sync process, with an operator who makes edits all the time.

Arguments: PROFILE ADDRESS TOKEN SEED work|calmly|settle [FROZEN_S]. It prints, a line each: `sync PID`, `saved EDIT`
and `withdrawn EDIT` as soon as the operator would be told so, `withdraws EDIT` when he asks for it, `shows WORDS` of
the link when they change, and with `settle` at the end `settled {edit: state}` of what the outbox shows.
"""

from __future__ import annotations

import json
import os
import random
import sys
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from PySide6.QtCore import QCoreApplication, QTimer

from api_client.model import Kind
from console.cache.reader import CacheReader
from console.outbox.link import OutboxLink
from console.panels.qt_outbox import QtOutbox
from console.panels.sources import Sources
from console.rules.apply import ReportState
from console.rules.messages import Source, Start
from console.rules.pending import with_edits
from console.rules.queued import EditState, Queued
from console.window.actions import ACTIONS
from console.window.sync_supervisor import FROZEN_S, SyncSupervisor

CITY = "city"
_PULSE_MS = {"work": 8, "calmly": 25, "settle": 50}
_STUCK = {EditState.CONFLICT, EditState.ATTENTION, EditState.EXPIRED, EditState.STOPPED}
"""What needs somebody, or rests on what does."""


def say(*words: str) -> None:
    print(*words, flush=True)


class Child:
    """Wired as the window wires them (console.window.app)."""

    def __init__(self, profile: Path, address: str, token: str, seed: int, what: str, frozen_s: float) -> None:
        self._profile, self._random = profile, random.Random(seed)
        self._reader = CacheReader(profile)
        self._sync_supervisor = SyncSupervisor(frozen_s=frozen_s)
        self._outbox = QtOutbox(
            profile, self._sync_supervisor.send, lambda: datetime.now(UTC), lambda: str(uuid.uuid4()), author="budi"
        )
        source = Source(CITY, "City", address, "dispatch", timezone="Asia/Jakarta", user="budi")
        self._sources = Sources([source], UTC, lambda: datetime.now(UTC), ACTIONS)
        self._created: list[str] = []
        self._outbox_link = OutboxLink(self._outbox, lambda question, found, _: found(question(self._reader)))
        self._outbox.opened.connect(self._outbox_link.on_opened)
        self._sync_supervisor.touched.connect(self._outbox_link.take)
        self._sync_supervisor.outcome.connect(self._outbox_link.take)
        self._sync_supervisor.source_state.connect(self._sources.set_state)
        self._sync_supervisor.source_state.connect(self._outbox_link.take)
        self._sync_supervisor.restarted.connect(self._outbox.on_restarted)
        self._sync_supervisor.alive.connect(self._sources.set_alive)
        self._sync_supervisor.froze.connect(self._sources.on_froze)
        self._sync_supervisor.alive.connect(self._on_alive)
        self._shown = ""
        self._sources.changed.connect(self._on_shown)
        self._outbox.saved.connect(self._on_saved)
        self._outbox.trouble.connect(lambda error: say("trouble", repr(error)))
        self._outbox.unavailable.connect(lambda error: say("trouble", repr(error)))
        self._outbox.refused.connect(lambda _, error: say("trouble", repr(error)))
        self._change_watcher = QTimer(interval=_PULSE_MS[what])
        self._change_watcher.timeout.connect(self._end_when_settled if what == "settle" else self._act)
        self._outbox.opened.connect(self._change_watcher.start)
        self._sync_supervisor.start(Start(str(profile), (source,), {CITY: token}))

    def close(self) -> None:
        self._outbox.close()
        self._sync_supervisor.stop()
        self._reader.close()

    def _on_alive(self, alive: bool) -> None:
        process = self._sync_supervisor._process
        if alive and process is not None:
            say("sync", str(process.processId()))

    def _on_shown(self) -> None:
        shown = next((cell.text for cell in self._sources.cells() if cell.key == "sync"), "the server")
        if shown != self._shown:
            say("shows", shown)
        self._shown = shown

    def _on_saved(self, queued: Queued) -> None:
        say("saved", queued.edit.id)
        if queued.edit.kind is Kind.CREATE and queued.edit.report is not None:
            self._created.append(queued.edit.report)

    def _act(self) -> None:
        rows = self._reader.columns()["row"]
        if not len(rows):
            return
        pick = self._random
        cached = self._reader.report(int(pick.choice(rows)))
        if cached is None:
            return
        pending = self._outbox.pending_for(CITY, cached.report.id)
        report = with_edits(ReportState(cached.report), pending, now=datetime.now(UTC)).report
        choices: list[tuple[Kind, dict[str, Any], dict[str, Any]]] = [
            (Kind.NOTE, {"text": f"note {pick.random()}"}, {}),
            (Kind.NOTE, {"text": f"note {pick.random()}"}, {}),
            (Kind.SET, {"priority": pick.choice([1, 2, 3, 4])}, {"priority": report.priority}),
            (Kind.CLAIM, {}, {}),
            (Kind.RELEASE, {}, {}),
            (Kind.CREATE, {"description": f"water {pick.random()}", "channel": "phone"}, {}),
        ]
        kind, data, base = pick.choice(choices)
        key = None if kind is Kind.CREATE else report.id
        version = None if kind is Kind.CREATE else report.version
        if kind is Kind.NOTE and self._created and pick.random() < 0.5:
            key, version = pick.choice(self._created), None
        self._outbox.submit(kind, key, source=CITY, data=data, base=base, base_version=version, title="")
        newest = self._outbox.open_edits[-1:]
        if newest and pick.random() < 0.1:
            self._withdraw(newest[0])

    def _withdraw(self, queued: Queued) -> None:
        gone = [queued.edit.id]
        if queued.edit.kind is Kind.CREATE:
            gone = [one.edit.id for one in self._outbox.open_edits if one.edit.report == queued.edit.report]
        for edit_id in gone:
            say("withdraws", edit_id)
        if self._outbox.withdraw(queued.edit.id):
            for edit_id in gone:
                say("withdrawn", edit_id)

    def _end_when_settled(self) -> None:
        outbox = self._outbox.open_edits
        states = {queued.edit.id: queued.state for queued in outbox}
        held = {queued.edit.report for queued in outbox if queued.state in _STUCK}
        still = all(
            queued.state in _STUCK or (queued.state is EditState.QUEUED and queued.edit.report in held)
            for queued in outbox
        )
        if self._sources.states().get(CITY) == "live" and still:
            self._change_watcher.stop()
            say("settled", json.dumps(states))
            QCoreApplication.quit()


def main() -> None:
    profile, address, token, seed, what, *frozen_s = sys.argv[1:]
    app = QCoreApplication([])
    child = Child(Path(profile), address, token, int(seed), what, float(frozen_s[0]) if frozen_s else FROZEN_S)
    parent = os.getppid()
    orphaned = QTimer(interval=1000)
    orphaned.timeout.connect(lambda: os.getppid() == parent or app.quit())
    orphaned.start()
    app.exec()
    child.close()


if __name__ == "__main__":
    main()
