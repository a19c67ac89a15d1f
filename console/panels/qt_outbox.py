"""The outbox of a window: on Qt's loop, what it tells as signals."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from api_client.model import Kind
from console.outbox.listener import Listener
from console.outbox.outbox import Outbox
from console.panels.qt_loop import QtLoop
from console.rules.messages import Push, Withdraw


class QtOutbox(Outbox, QObject):
    """The outbox on Qt's loop; `Outbox` says what can be asked and done, `Listener` what each signal means."""

    opened = Signal()
    unavailable = Signal(object)
    saved = Signal(object)
    refused = Signal(str, object)
    reports_changed = Signal(object)
    changed = Signal(object)
    too_late = Signal(object)
    stopped = Signal(object)
    taken_back = Signal(object)
    trouble = Signal(object)

    def __init__(
        self,
        folder: Path,
        push: Callable[[Push | Withdraw], None],
        clock: Callable[[], datetime],
        ids: Callable[[], str],
        order_lifetime_s: float = 600.0,
        parent: QObject | None = None,
        *,
        author: str = "",
        why_reading_only: Callable[[str], str] = lambda _source: "",
        why_not_allowed: Callable[[str, Kind], str] = lambda _source, _kind: "",
        offset: Callable[[str], timedelta] = lambda _source: timedelta(),
        random_source: random.Random | None = None,
    ) -> None:
        QObject.__init__(self, parent)
        listener = Listener(
            opened=self.opened.emit,
            unavailable=self.unavailable.emit,
            saved=self.saved.emit,
            refused=self.refused.emit,
            reports_changed=self.reports_changed.emit,
            changed=self.changed.emit,
            too_late=self.too_late.emit,
            stopped=self.stopped.emit,
            taken_back=self.taken_back.emit,
            trouble=self.trouble.emit,
        )
        Outbox.__init__(
            self,
            folder,
            push,
            clock,
            ids,
            QtLoop(self),
            listener,
            order_lifetime_s,
            author=author,
            why_reading_only=why_reading_only,
            why_not_allowed=why_not_allowed,
            offset=offset,
            random_source=random_source,
        )
