"""Keep what is typed into a form as a draft: while it is typed, when the form is left, until an edit was made of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from PySide6.QtCore import QObject, QTimer

from console.outbox.drafts import AUTHOR
from console.panels.qt_outbox import QtOutbox
from widgets.forms.form import Form

PAUSE_S = 1.0
"""A draft is kept when nothing was typed for this long,"""
AT_MOST_S = 5.0
"""and while typing goes on at least so often."""


MARKS = ("drafted_at", AUTHOR, "drafted_on")
"""What a draft says beside the form's values: when it was written, by whom, and on what."""


def marks(written: datetime, who: str, about: str) -> dict[str, str]:
    """The MARKS of a draft: when it was written, by `who`, and what it is about."""
    return dict(zip(MARKS, (written.isoformat(), who, about), strict=True))


def typed_in(draft: Mapping[str, Any]) -> dict[str, Any]:
    """The values of the form in a draft, without its MARKS."""
    return {name: value for name, value in draft.items() if name not in MARKS}


class Pauses(QObject):
    """Calls `keep` in pauses of the typing, and now and then while it goes on; `steady_s` is a monotonic clock in
    seconds.
    """

    def __init__(self, keep: Callable[[], None], steady_s: Callable[[], float], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._do_keep, self._steady_s = keep, steady_s
        self._since_s: float | None = None
        self._due_s = 0.0
        self._timer = QTimer(self, singleShot=True)
        self._timer.timeout.connect(self.look)

    def typed(self) -> None:
        """Something was typed."""
        now_s = self._steady_s()
        if self._since_s is None:
            self._since_s = now_s
        self._due_s = min(now_s + PAUSE_S, self._since_s + AT_MOST_S)
        if not self._timer.isActive():
            self._timer.start(int(PAUSE_S * 1000))

    def look(self) -> None:
        """Keep what was typed if it is time, else come back when it is."""
        left_s = self._due_s - self._steady_s()
        if self._since_s is None:
            return
        if left_s > 0:
            self._timer.start(int(left_s * 1000) + 1)
        else:
            self.keep()

    def keep(self) -> None:
        """It is time, whatever the clock says."""
        self._since_s = None
        self._do_keep()


class Draft(QObject):
    """Keeps the draft of one form under one key. `mark` gives its MARKS, `steady_s` is a monotonic clock in seconds.

    The values with which the form is opened count as no draft.
    """

    def __init__(
        self, form: Form, key: str, outbox: QtOutbox, mark: Callable[[], dict[str, str]], steady_s: Callable[[], float]
    ) -> None:
        super().__init__(form)
        self._form, self._key, self._outbox, self._mark = form, key, outbox, mark
        self._blank = form.values()
        self._pauses = Pauses(self._keep_open, steady_s, self)
        # protects: typed-is-kept
        form.typed.connect(self._pauses.typed)
        form.left.connect(lambda _: self._keep())
        form.draft_cleared.connect(lambda: outbox.drop_draft(key))

    def look(self) -> None:
        """Keep what was typed if it is time, else come back when it is."""
        self._pauses.look()

    def _keep_open(self) -> None:
        """What was committed meanwhile is an edit."""
        if not self._form.is_done:
            self._keep()

    def _keep(self) -> None:
        values, kept = self._form.values(), self._outbox.draft(self._key)
        if self._form.is_empty() or values == self._blank:
            self._outbox.drop_draft(self._key)
        elif kept is None or values != typed_in(kept):
            self._outbox.save_draft(self._key, values | self._mark())
