"""The edits that are not finished, in memory and on the disk: a new state is seen at once and is written behind."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime

from msgspec.structs import replace
from PySide6.QtCore import QObject, QTimer, Signal

from console.domain.edit import Queued
from console.domain.messages import Outcome
from console.outbox.open_edits import OpenEdits
from console.outbox.work_thread import WorkThread
from console.store.work import WorkFile

_ANNOUNCED_MS = 50
"""What changed is announced at once, but not more often than this."""


class Book(QObject):
    """What the other parts of the outbox read and note states in."""

    reports_changed = Signal(object)
    """What is new in the next `changed`: (source, report) -> the edits of it that are not finished, oldest first."""
    changed = Signal(object)
    """All edits that are not finished, as a tuple of Queued, oldest first."""
    trouble = Signal(object)
    """An exception for which something could not be noted on the disk."""

    def __init__(self, thread: WorkThread, clock: Callable[[], datetime], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._thread, self._clock = thread, clock
        self.edits = OpenEdits()
        self.saving: set[str] = set()
        """The ids of the edits that wait for the disk and are not among `edits` yet."""
        self._closed = False
        self._announce = QTimer(self, singleShot=True)
        self._announce.timeout.connect(self._on_announce)  # a lambda would keep this object for ever
        self._announced_s = -1.0

    def remember(self, queued: Queued) -> None:
        """A new state in memory, in its place by number."""
        self.edits.put(replace(queued, changed_at=self._clock()))
        self.announce()

    def set(self, queued: Queued) -> None:
        """A new state, in memory at once and on the disk behind it."""
        self.remember(queued)
        self.note(
            lambda file: file.set_state(
                queued.edit.id,
                queued.state,
                problem=queued.problem,
                theirs=queued.theirs,
                version=queued.version,
                told=queued.told,
            )
        )

    def learn_key(self, outcome: Outcome) -> None:
        """The server's id of the report that an edit is about, if the outcome tells it and the edit is here."""
        queued = self.edits.get(outcome.edit_id)
        if queued is None or queued.edit.report is None or outcome.remote_id is None:
            return
        key, source, remote_id = queued.edit.report, queued.edit.source, outcome.remote_id
        self.edits.learn({key: (source, remote_id)})
        self.note(lambda file: file.learn_key(key, source, remote_id))

    def note(self, work: Callable[[WorkFile], object]) -> None:
        """Write something behind; `trouble` tells when it could not be."""
        self._thread.note(work, None, self.trouble.emit)

    def announce(self) -> None:
        """Tell soon that something is different."""
        if not self._closed and not self._announce.isActive():
            since_ms = (time.monotonic() - self._announced_s) * 1000
            self._announce.start(max(0, int(_ANNOUNCED_MS - since_ms)))

    def close(self) -> None:
        """Nothing is announced any more."""
        self._closed = True
        self._announce.stop()

    def _on_announce(self) -> None:
        self._announced_s = time.monotonic()
        places, self.edits.shown_anew = self.edits.shown_anew, set()
        self.reports_changed.emit({place: self.edits.shown_at(place) for place in places})
        self.changed.emit(tuple(self.edits.shown))
