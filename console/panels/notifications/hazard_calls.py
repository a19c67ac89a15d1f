"""The P1 without a crew as calls for the operator: those that he does not know of and that nobody has taken call."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QObject, Signal

from console.panels.notifications.attention import Call
from console.panels.notifications.hazards import HazardNews, Hazards
from console.panels.window_state import WindowState
from console.rules.loaded import Loaded
from console.sound.tones import Tone


class HazardCalls(QObject):
    """Makes a Call of each hazard that nobody has taken; one of the operator's own counts when its crew is gone.

    Acknowledged is what the operator knows of: the hazards that are not told any more.
    """

    changed = Signal(object)
    """A tuple of Call; None while not all reports are read."""

    def __init__(self, window_state: WindowState, hazards: Hazards, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._window_state, self._hazards = window_state, hazards
        self._calls: tuple[Call, ...] | None = None
        hazards.unseen_changed.connect(lambda _: self._look())
        window_state.view_changed.connect(lambda _: self._look())  # after the hazards have seen it

    def _look(self) -> None:
        calls = self._made()
        if calls != self._calls:
            self._calls = calls
            self.changed.emit(calls)

    def _made(self) -> tuple[Call, ...] | None:
        view = self._window_state.view
        if view is None or view.loaded < Loaded.REPORTS:
            return None
        unseen = {one.row: one for one in self._hazards.unseen}
        taken = view.snapshot.column("claim")[view.snapshot.positions(view.hazards)] != 0
        mine = np.isin(view.hazards, view.mine)
        calls = []
        for row, is_taken, is_mine in zip(view.hazards.tolist(), taken.tolist(), mine.tolist(), strict=True):
            told = unseen.get(row)
            is_left_alone = told is not None and told.news is HazardNews.ALONE and is_mine
            if not is_taken or is_left_alone:
                text = self.tr("P1 without a crew: {what}").format(what=told.what) if told is not None else ""
                calls.append(Call(row, Tone.P1, text, acknowledged=told is None))
        return tuple(calls)
