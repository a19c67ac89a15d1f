"""Between the outbox, the sync side and the cache: pass on what became of edits, look up proofs, let go what waits."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable

from PySide6.QtCore import QObject, QTimer, Signal

from console.domain.messages import Outcome, SourceState, Touched, Up
from console.edits import Edits

_log = logging.getLogger(__name__)
_AGAIN_MS = 2_000
_REACHED = frozenset({"live", "filling", "connecting"})

LookUp = Callable[[tuple[str, ...], Callable[[Iterable[str]], None], Callable[[Exception], None]], None]
"""Look in the cache which of these edits it proves (`CacheReader.proved`), then call the second or the third."""


class Exchange(QObject):
    """Binds one outbox to whoever follows its sources; on the outbox's thread."""

    back = Signal(str)
    """A source is live after it was not: its key."""
    lost = Signal(str)
    """A source cannot be reached any more: its key."""

    def __init__(self, edits: Edits, look_up: LookUp, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._edits = edits
        self._look_up = look_up
        self._states: dict[str, str] = {}
        edits.opened.connect(self._on_opened)

    def take(self, message: Up) -> None:
        """Act on what the sync side says of edits and sources; other messages are not for here."""
        match message:
            case Outcome():
                self._edits.on_outcome(message)
            case Touched() if message.edits:
                self._edits.on_proved(message.edits)
            case SourceState():
                self._on_state(message)

    def _on_state(self, state: SourceState) -> None:
        before, now = self._states.get(state.source), state.state
        self._states[state.source] = now
        if now == "live" and before != "live":
            self._catch_up(state.source)
            self.back.emit(state.source)
        if now not in _REACHED and (before is None or before in _REACHED):
            self._edits.source_lost(state.source)
            self.lost.emit(state.source)

    def _on_opened(self) -> None:
        """What the cache has proved meanwhile; a source that was live before the outbox was open is caught up with."""
        self._ask(lambda: None)
        for source, state in self._states.items():
            if state == "live":
                self._catch_up(source)

    def _catch_up(self, source: str) -> None:
        # An order that did arrive must be known as proved before the others are asked about.
        self._ask(lambda: self._let_go(source))

    def _let_go(self, source: str) -> None:
        if self._states.get(source) == "live":  # not lost again meanwhile
            self._edits.resend_due(source)

    def _ask(self, then: Callable[[], None]) -> None:
        def found(edit_ids: Iterable[str]) -> None:
            self._edits.on_proved(edit_ids)
            then()

        def failed(error: Exception) -> None:
            # What waits must not wait for the next outage: the cache may be in the middle of being rebuilt.
            _log.info("the cache could not be asked about the outbox: %s", error)
            QTimer.singleShot(_AGAIN_MS, self, lambda: self._ask(then))

        self._look_up(self._edits.waiting_ids(), found, failed)
