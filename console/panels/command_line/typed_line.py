"""Keep what is typed behind a verb in a line (the command line, the palette) until it has become an edit."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject

from console.panels.forms.draft import Pauses
from console.panels.qt_outbox import QtOutbox


class TypedLine(QObject):
    """Keeps the draft of one line, under the report that its words are for; it moves when another report
    becomes that.
    """

    def __init__(
        self,
        outbox: QtOutbox,
        mark: Callable[[str], dict[str, str]],
        steady_s: Callable[[], float],
        parent: QObject | None = None,
    ) -> None:
        """`mark` gives the MARKS of a draft, of what it is on; `steady_s` is a monotonic clock in seconds."""
        super().__init__(parent)
        self._outbox, self._mark = outbox, mark
        self._now = _NOTHING
        self._kept = ""
        self._pauses = Pauses(self._keep, steady_s, self)

    def typed(self, key: str, text: str, about: str) -> None:
        """What stands in the line now and what it is on; without a key it holds nothing that has to be kept."""
        if (key, text, about) == self._now:
            return
        self._now = (key, text, about)
        if key:
            # protects: typed-words-are-kept
            self._pauses.typed()
        else:
            self._pauses.keep()

    def take_up(self, key: str) -> None:
        """What stands in the line from now on is this draft, until it is kept under another report."""
        self._kept = key

    def hand_over(self) -> str:
        """Save the draft now, whatever happens to the line afterwards; returns its key, "" for none."""
        self._pauses.keep()
        key, self._kept, self._now = self._kept, "", _NOTHING
        return key

    def _keep(self) -> None:
        key, text, about = self._now
        if self._kept and self._kept != key:
            self._outbox.drop_draft(self._kept)
        before = self._outbox.draft(key) if key else None
        if before is not None and before.get("text") != text and self._kept != key:
            self._outbox.save_draft(f"older:{key}", before)  # of an earlier start, and not taken up yet
        if key and (before is None or before.get("text") != text):
            self._outbox.save_draft(key, {"text": text, **self._mark(about)})
        self._kept = key


_NOTHING = ("", "", "")
