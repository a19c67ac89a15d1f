"""The order of the reports in the queue, and the texts of those that were asked for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, Qt
from typing_extensions import override

from widgets.queue.values import QueueRow
from widgets.text import one_line
from widgets.uniform import Index

Keys = NDArray[np.int64]
"""The keys of reports, one a row."""

NEAR = 4096
"""How many rows around a place are searched first."""

_KEPT_ROWS = 600


class QueueModel(QAbstractListModel):
    """An order of keys, and the texts of those rows that were asked for."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.keys: Keys = np.empty(0, np.int64)
        self._rows: dict[int, QueueRow] = {}

    @override
    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's own default
        return 0 if parent.isValid() else len(self.keys)

    @override
    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or not 0 <= index.row() < len(self.keys):
            return None
        key = int(self.keys[index.row()])
        if role == Qt.ItemDataRole.UserRole:
            return key
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            row = self._rows.get(key)
            return _spoken(row) if row is not None else ""
        return None

    def row(self, number: int) -> QueueRow | None:
        """The texts of a row, None when they are not there yet."""
        return self._rows.get(int(self.keys[number]))

    def set_keys(self, keys: Keys) -> None:
        """Replace the order."""
        self.beginResetModel()
        self.keys = keys
        self.endResetModel()

    def put(self, rows: Iterable[QueueRow], wanted: frozenset[int]) -> set[int]:
        """Keep these texts; the keys whose texts changed. Old ones outside `wanted` are let go."""
        changed = set()
        for row in rows:
            if self._rows.get(row.key) != row:
                self._rows[row.key] = row
                changed.add(row.key)
        if len(self._rows) > _KEPT_ROWS:
            self._rows = {key: row for key, row in self._rows.items() if key in wanted or key in changed}
        return changed

    def position(self, key: int, near: int = 0) -> int:
        """Where a key stands, -1 when it is not there; found fastest close to `near`."""
        first = max(0, near - NEAR)
        hits = np.flatnonzero(self.keys[first : near + NEAR] == key)
        if len(hits):
            return first + int(hits[0])
        hits = np.flatnonzero(self.keys == key)
        return int(hits[0]) if len(hits) else -1


def _spoken(row: QueueRow) -> str:
    parts = (row.title, row.text, row.status_text, row.doubt, row.hold, row.place, row.holder, row.age, row.due)
    return one_line(", ".join(part for part in parts if part))
