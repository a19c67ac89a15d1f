"""Who is connected to each server now, as it tells; what concerns only somebody who is gone is told to others."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from PySide6.QtCore import QObject, QTimer, Signal

_UNTOLD_MS = 30_000
"""A server that is reached and has told of nobody after this time counts as having nobody connected."""


class Attendance(QObject):
    """Keeps `connected`: source key -> names of the users connected there; a source is missing while that is not known.
    The mapping is replaced and never changed, so that any thread may read it.
    """

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.connected: Mapping[str, frozenset[str]] = {}
        self.since: Mapping[str, Mapping[str, datetime]] = {}
        """Source key -> since when its users have been connected, of those of whom the server says it."""
        self._awaited: set[str] = set()
        self._turn: dict[str, int] = {}
        """Raised each time that a source falls silent or tells of somebody: an older timer then does nothing."""

    def tell(self, source: str, names: Collection[str], since: Mapping[str, datetime] | None = None) -> None:
        """A server told who is connected, and since when."""
        self._turn[source] = self._turn.get(source, 0) + 1
        self._awaited.discard(source)
        known = {name: at for name, at in (since or {}).items() if name in names}
        if (self.connected.get(source), self.since.get(source, {})) != (frozenset(names), known):
            self.connected = {**self.connected, source: frozenset(names)}
            self.since = {**self.since, source: known}
            self.changed.emit()

    def on_reached(self, source: str, *, is_reached: bool) -> None:
        """A server can be reached, or cannot any more: who was connected there is then unknown."""
        if not is_reached:
            self.connected = {key: names for key, names in self.connected.items() if key != source}
            self._turn[source] = self._turn.get(source, 0) + 1
            self._awaited.discard(source)
        elif source not in self.connected and source not in self._awaited:
            self._awaited.add(source)
            turn = self._turn.get(source, 0)
            QTimer.singleShot(_UNTOLD_MS, self, lambda: self._give_up(source, turn))

    def _give_up(self, source: str, turn: int) -> None:
        if self._turn.get(source, 0) == turn:
            self.tell(source, ())
