"""The alarms as calls for the operator: those that are new here call, with the tone of a P1 or that of all others."""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np
from PySide6.QtCore import QObject, Signal

from api_client.model import AlarmKind
from console.panels.alarms import Alarms
from console.panels.notifications.attention import Call
from console.panels.notifications.hazards import HazardNews, Hazards
from console.panels.window_state import WindowState
from console.rules.alarms import Alarm, type_of
from console.sound.tones import Tone


class AlarmCalls(QObject):
    """Makes a Call of each alarm that stands.

    A P1 without a crew calls with the View in which it is one, as the red notice tells it, unless a colleague has taken
    it: then its crew is his to send. What lies outside the operator's areas and agencies is for others to answer.
    Acknowledged is what does not call here: it was looked at, silenced, acknowledged or shelved.
    """

    changed = Signal(object)
    """A tuple of Call; None while not all reports are read."""

    def __init__(
        self,
        window_state: WindowState,
        hazards: Hazards,
        alarms: Alarms,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._window_state, self._hazards, self._alarms = window_state, hazards, alarms
        self.calls: tuple[Call, ...] | None = None
        """Those of all alarms; None while not all reports are read."""
        self._again: dict[int, Hashable] = {}
        """The keys of the calls of P1 that came to be without a crew again, by their rows."""
        hazards.unseen_changed.connect(lambda _: self._look())
        window_state.view_changed.connect(lambda _: self._look())  # after the hazards have seen it
        alarms.changed.connect(self._look)

    def _look(self) -> None:
        view = self._window_state.view
        # Whatever became of the search for alarms, a P1 calls.
        is_known = view is not None and view.knows_hazards
        calls = (*self._of_hazards(), *self._of_others()) if is_known else None
        if calls != self.calls:
            self.calls = calls
            self.changed.emit(calls)

    def _of_hazards(self) -> list[Call]:
        view = self._window_state.view
        assert view is not None
        hazards, rows = view.known_hazards, view.known_hazards.tolist()
        unseen = {one.row: one for one in self._hazards.unseen}
        taken = view.snapshot.column("claim")[view.snapshot.positions(hazards)] != 0
        mine = np.isin(hazards, view.mine)
        # Those that the notice tells are looked at here: they call before alarms were looked for.
        told_rows = [row for row in rows if row in unseen]
        outside = set(told_rows).difference(self._hazards.own(view, told_rows))
        calls = []
        standing = set(rows)
        self._again = {row: key for row, key in self._again.items() if row in standing}
        for row, is_taken, is_mine in zip(rows, taken.tolist(), mine.tolist(), strict=True):
            told = unseen.get(row)
            is_again = told is not None and told.news in (HazardNews.ALONE, HazardNews.STILL)
            if told is not None and is_again:  # it calls as something new, whatever was heard of it before
                self._again[row] = row, told.at
            is_left_alone = is_again and is_mine
            # protects: what-others-answer-is-silent
            if not is_left_alone and (row in outside if told is not None else self._alarms.is_outside(row)):
                continue
            if not is_taken or is_left_alone:
                text = self.tr("P1 without a crew: {what}").format(what=told.what) if told is not None else ""
                calls.append(Call(self._again.get(row, row), Tone.P1, text, acknowledged=told is None))
        return calls

    def _of_others(self) -> list[Call]:
        listed = (one for one in self._alarms.listed if one.alarm.kind is not AlarmKind.CREWLESS)
        return [
            Call(one.alarm.key, Tone.ALARM, self._text(one.alarm), acknowledged=not one.calls)
            for one in listed
            if one.returned is None
        ]

    def _text(self, alarm: Alarm) -> str:
        """What kind of alarm it is, and its report's number, service and area, or its unit."""
        name = self.tr(type_of(alarm).name)
        return f"{name}: {alarm.title}" if alarm.title else name
