"""Who is at a desk now, at each source, as its server tells: nothing is told to who is gone."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from PySide6.QtCore import QObject, QTimer, Signal

_UNTOLD_MS = 30_000
"""A server that can be heard and has told of nobody by then has no presence, or nobody is there."""


class Attendance(QObject):
    """Keeps `connected`: source -> the names of those who are connected there; a source is missing while that is not
    known. The mapping is never changed but replaced, so that any thread may read it.
    """

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.connected: Mapping[str, frozenset[str]] = {}
        self._awaited: set[str] = set()
        self._turn: dict[str, int] = {}
        """How often a source has fallen silent or told of somebody: what was awaited before that is awaited no more."""

    def tell(self, source: str, names: Collection[str]) -> None:
        """These are connected."""
        self._turn[source] = self._turn.get(source, 0) + 1
        self._awaited.discard(source)
        if self.connected.get(source) != frozenset(names):
            self.connected = {**self.connected, source: frozenset(names)}
            self.changed.emit()

    def on_reached(self, source: str, *, is_reached: bool) -> None:
        """The server can be heard, or not (any more): what was known of it is of before."""
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
