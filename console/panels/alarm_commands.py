"""The list of alarms and its keys: acknowledge, silence, shelve, and go to what an alarm is about."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta, tzinfo
from typing import Any

from msgspec.structs import replace
from PySide6.QtCore import QObject, Signal

from api_client.model import AlarmKind
from console.board.limits import filter_of_limit
from console.board.round import is_made_here
from console.panels import formatting
from console.panels.alarms import Alarms
from console.panels.forms.forms import Forms
from console.panels.window_state import WindowState
from console.rules.alarm_list import ListedAlarm
from console.rules.alarms import (
    MOST_OF_A_KIND,
    MOST_OF_HAZARD,
    MOST_SHELVED,
    SHELVE_MINUTES,
    SLA_ENDS_SOON_S,
    Alarm,
    AlarmKey,
    AlarmState,
    type_of,
    why_not_shelved,
)
from console.rules.filter import NONE, Filter, FilterError
from console.rules.rights import Rights
from console.rules.shifts import shift_at
from widgets.alarms import AlarmRow, AlarmsPanel
from widgets.key_repeats import TWICE_S
from widgets.menu import MenuRow
from widgets.text import one_line

FLOOD = "flood"
"""The id of the line that stands for many alarms."""
_END_OF_SHIFT = "shift"
_ENDED = 7
"""The symbol of what is over."""


class AlarmCommands(QObject):
    """Fills the panel, and carries out what its keys and rows ask."""

    message = Signal(str)
    report_opened = Signal(str, str)
    """Source and number of a report."""
    unit_opened = Signal(str)
    """The key of a unit."""
    source_opened = Signal()
    handover_opened = Signal(str)
    list_opened = Signal(Filter)
    """The reports of a limit as a list of the queue."""
    counted = Signal(int, str)
    """How many are new, and all that are listed in words."""

    def __init__(
        self,
        panel: AlarmsPanel,
        alarms: Alarms,
        window_state: WindowState,
        forms: Forms,
        time_at: Callable[[str], datetime],
        told_row: Callable[[], int],
        was_meant: Callable[[], bool],
        zone: tzinfo,
        parent: QObject | None = None,
        *,
        rights_at: Callable[[str], Rights] = lambda _source: Rights(),
        show_panel: Callable[[], object] = lambda: None,
        steady_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """`told_row` gives the row of the P1 in the red notice, 0 for none, and `was_meant` whether a key can have been
        meant for that, which has not just come there (else it says so); `rights_at` the operator's rights at a source;
        `show_panel` brings the panel to the front; `steady_s` is a monotonic clock in seconds.
        """
        super().__init__(parent)
        self._panel, self._alarms, self._window_state, self._forms = panel, alarms, window_state, forms
        self._time_at, self._told_row, self._was_meant = time_at, told_row, was_meant
        self._zone, self._rights_at = zone, rights_at
        self._show_panel, self._steady_s = show_panel, steady_s
        self._shown: dict[str, tuple[AlarmKey, ...]] = {}
        """The rows, and the alarms that each stands for."""
        self._since_s: dict[AlarmKey, float] = {}
        """Since when each alarm that is listed is, by the monotonic clock: this occurrence, and as new."""
        self._listed: dict[AlarmKey, ListedAlarm] = {}
        self._spread = False
        """The line of a flood was opened: each alarm of it has its own."""
        alarms.changed.connect(self.show)
        panel.opened.connect(self.open)
        self.show()

    # Keys

    def acknowledge(self) -> None:
        """All that the panel lists, while it can be seen; else the P1 of the red notice. What came while the key went
        down is not among them.
        """
        keys, row = self._in_sight(), self._told_row()
        # protects: a-double-stroke-acknowledges-one-p1
        if row and not self._panel.isVisible() and not self._was_meant():
            return
        if keys is None and row and (is_made_here(row) or self._alarms.is_outside(row)):
            self._alarms.see(row)
            if self._alarms.is_outside(row):
                self.message.emit(self.tr("Silent here: it is outside your areas and agencies"))
            return
        if keys is None and row:
            self.message.emit(self.tr("Nothing was done: it has just come, press again"))
            return
        if keys is None:
            self._show_panel()
            self.message.emit(self.tr("These are the alarms: press again to acknowledge them"))
            return
        now_s = self._steady_s()
        # protects: only-what-was-listed-is-acknowledged
        listed = [key for key in keys if now_s - self._since_s.get(key, now_s) >= TWICE_S]
        barred = [key for key in listed if self._why_not(key)]
        count = self._alarms.acknowledge(key for key in listed if key not in barred)
        if count:
            words = self.tr("{n} alarms acknowledged" if count > 1 else "{n} alarm acknowledged")
            self.message.emit(words.format(n=count))
        elif barred:
            self.message.emit(self._why_not(barred[0]))
        elif len(listed) < len(keys):
            self.message.emit(self.tr("Nothing was done: it has just come, press again"))
        else:
            self.message.emit(self.tr("No alarm waits to be acknowledged"))

    def acknowledge_row(self, row: int) -> None:
        """The operator has seen in the notice that the report in this row has no crew."""
        one = self._alarms.of_row(row)
        if one is not None and not self._why_not(one.alarm.key):
            self._alarms.acknowledge([one.alarm.key])

    def silence(self) -> None:
        """What calls is silent at this console, and waits to be acknowledged."""
        count = self._alarms.silence()
        waiting = self._alarms.count(AlarmState.NEW)
        words = self.tr("Silent here; {n} wait to be acknowledged")
        self.message.emit(words.format(n=waiting) if count or waiting else self.tr("No alarm calls"))

    def shelve(self) -> None:
        """The current one of the panel, else the P1 of the red notice: ask for how long and why; one that is shelved is
        taken down.
        """
        one = self._meant()
        if one is None:
            self._show_panel()
            self.message.emit(self.tr("Choose an alarm in the list first"))
            return
        alarm = one.alarm
        role = self._rights_at(alarm.source).role
        why = self._why_not(alarm.key)
        if one.state is not AlarmState.SHELVED:  # whoever may acknowledge it may have it call again
            why = why or why_not_shelved(hazard=alarm.is_hazard, role=role or "operator", lasts=timedelta())
        if why:
            self.message.emit(self.tr(why))
        elif one.state is AlarmState.SHELVED:
            self._alarms.shelve(alarm.key, None, "")
            self.message.emit(self.tr("Off the shelf: {alarm}").format(alarm=self._name(one)))
        elif one.state is AlarmState.RETURNED:
            self.message.emit(self.tr("It is back to normal: acknowledge it"))
        else:
            about = " · ".join(dict.fromkeys(part for part in (self._name(one), alarm.title) if part))
            draft_key = self._forms.draft_key("shelve", alarm.source, alarm.id)
            self._forms.shelve(about, self._untils(one), draft_key, lambda values: self._put(one, values))

    def open(self, row: str) -> None:
        """Go to what an alarm is about."""
        if row == FLOOD:
            self._spread = True
            self.show()
            return
        one = self._alarms.find(self._shown[row][0]) if row in self._shown else None
        if one is None:
            return
        alarm = one.alarm
        if alarm.unit:
            crews = self._window_state.cities.crews
            key = next((crew.key for crew in crews if (crew.source, crew.unit.id) == (alarm.source, alarm.unit)), "")
            self.unit_opened.emit(key)
        if alarm.report:
            self.report_opened.emit(alarm.source, alarm.report)
        elif alarm.kind is AlarmKind.UNSIGNED:
            self.handover_opened.emit(alarm.source)
        elif alarm.kind is AlarmKind.LIMIT:
            self._open_limit(alarm)
        elif not alarm.unit:
            self.source_opened.emit()

    def _open_limit(self, alarm: Alarm) -> None:
        """List the reports that a limit counts now."""
        cities, catalog = self._window_state.cities, self._window_state.catalog(alarm.source)
        limit = catalog.limits.get(alarm.about)
        try:
            found = filter_of_limit(limit, catalog, self._time_at(alarm.source)) if limit is not None else None
        except FilterError:
            found = None
        if limit is None or found is None:
            self.message.emit(self.tr("The city has this limit no more"))
            return
        keys = {
            field: tuple(
                code if code == NONE else cities.key(kind, (alarm.source, code)) for code in getattr(found, field)
            )
            for field, kind in (("services", "service"), ("areas", "area"), ("agencies", "agency"))
        }
        self.list_opened.emit(replace(found, **keys, younger_s=60 * limit.within_minutes))

    def menu(self, row: str) -> list[MenuRow]:
        """What can be done about the alarm of a row."""
        actions = self._window_state.actions
        if row == FLOOD:
            return [MenuRow("open", self.tr("List each of them"))]
        rows = [MenuRow("open", self.tr("Go to what it is about"))]
        offered = [actions[action] for action in ("alarm_acknowledge", "alarm_shelve")]
        return rows + [MenuRow(one.id, self.tr(one.text), "".join(one.keys[:1])) for one in offered]

    def act(self, row: str, intent: str) -> None:
        """What was chosen in the menu of a row."""
        if intent == "open":
            self.open(row)
        elif intent == "alarm_acknowledge":
            self._alarms.acknowledge(key for key in self._shown.get(row, ()) if not self._why_not(key))
        elif intent == "alarm_shelve":
            self.shelve()

    def _in_sight(self) -> tuple[AlarmKey, ...] | None:
        """The alarms that can be seen now; None when neither the panel nor the notice shows any."""
        if self._panel.isVisible():
            return tuple(key for keys in self._shown.values() for key in keys)
        told = self._alarms.of_row(self._told_row())
        return (told.alarm.key,) if told is not None else None

    def _meant(self) -> ListedAlarm | None:
        current = self._panel.current_id() if self._panel.isVisible() else ""
        if current and current != FLOOD:
            return self._alarms.find(self._shown[current][0])
        return self._alarms.of_row(self._told_row())

    def _why_not(self, key: AlarmKey) -> str:
        """Why the operator may do nothing about an alarm, "" when he may."""
        role = self._rights_at(key[0]).role
        return "" if role in ("", "operator", "supervisor") else self.tr("An operator or a supervisor does that")

    def _untils(self, one: ListedAlarm) -> list[tuple[str, str]]:
        most = MOST_OF_HAZARD if one.alarm.is_hazard else MOST_SHELVED
        found = [
            (str(minutes), self.tr("{n} min").format(n=minutes))
            for minutes in SHELVE_MINUTES
            if timedelta(minutes=minutes) <= most
        ]
        end = self._end_of_shift(one.alarm.source)
        if end - self._time_at(one.alarm.source) <= most:
            words = self.tr("end of shift, {time}")
            found.append((_END_OF_SHIFT, words.format(time=formatting.clock(end, self._zone))))
        return found

    def _end_of_shift(self, source: str) -> datetime:
        return shift_at(self._time_at(source), self._zone).end

    def _put(self, one: ListedAlarm, values: dict[str, Any]) -> None:
        until = (
            self._end_of_shift(one.alarm.source)
            if values["until"] == _END_OF_SHIFT
            else self._time_at(one.alarm.source) + timedelta(minutes=int(values["until"]))
        )
        self._alarms.shelve(one.alarm.key, until, values["reason"])
        words = self.tr("Shelved until {time}: {alarm}")
        self.message.emit(words.format(time=formatting.clock(until, self._zone), alarm=self._name(one)))

    # The panel

    def tick(self) -> None:
        """Once a second: for how long each has stood."""
        if self._panel.isVisible():
            self.show()

    def show(self) -> None:
        """Fill the panel."""
        listed, flood = self._alarms.listed, self._alarms.in_flood
        now_s = self._steady_s()
        # protects: what-comes-again-has-just-come
        same = {one.alarm.key: self._since_s[one.alarm.key] for one in listed if self._is_listed_so(one)}
        self._since_s = {one.alarm.key: same.get(one.alarm.key, now_s) for one in listed}
        self._listed = {one.alarm.key: one for one in listed}
        if not flood:
            self._spread = False
        together = flood if not self._spread else frozenset()
        rows = [self._row(one) for one in listed if one.alarm.key not in together]
        self._shown = {_row_id(one): (one.alarm.key,) for one in listed if one.alarm.key not in together}
        if together:
            told = [one for one in listed if one.alarm.key in together]
            at = sum(one.alarm.is_hazard and one.state is AlarmState.NEW for one in listed)
            rows.insert(at, self._flood_row(told))
            self._shown[FLOOD] = tuple(one.alarm.key for one in told)
        self._show_empty()
        self._panel.set_rows(rows)
        self.counted.emit(self._alarms.count(AlarmState.NEW), self._words())

    def _is_listed_so(self, one: ListedAlarm) -> bool:
        """Whether this occurrence of an alarm was listed before; as new, when it is new."""
        before = self._listed.get(one.alarm.key)
        if before is None or before.alarm.since != one.alarm.since:
            return False
        return one.state is not AlarmState.NEW or before.state is AlarmState.NEW

    def _show_empty(self) -> None:
        if self._alarms.is_known:
            why = self.tr(
                "What needs a response stands here: a P1 without a crew, an SLA that is breached, a unit that does not "
                "answer, more reports than a limit of the city allows, a server that is not reached."
            )
            self._panel.set_empty(self.tr("No alarm"), why)
        else:
            self._panel.set_empty(self.tr("Not loaded yet"), self.tr("Alarms are known once all reports are read."))

    def _words(self) -> str:
        named = (
            (AlarmState.NEW, self.tr("{n} new")),
            (AlarmState.ACKNOWLEDGED, self.tr("{n} acknowledged")),
            (AlarmState.SHELVED, self.tr("{n} shelved")),
            (AlarmState.RETURNED, self.tr("{n} back to normal")),
        )
        found = [words.format(n=count) for state, words in named if (count := self._alarms.count(state))]
        of_servers = {one.alarm.source for one in self._alarms.listed if one.alarm.kind is not AlarmKind.SOURCE}
        if not all(map(self._alarms.is_shared, of_servers)):
            found.append(self.tr("states kept at this desk only"))
        kinds = Counter(one.alarm.kind for one in self._alarms.listed if one.returned is None)
        if any(count >= MOST_OF_A_KIND for count in kinds.values()):
            found.append(self.tr("no more than {n} of a kind").format(n=MOST_OF_A_KIND))
        return " · ".join(found)

    def _name(self, one: ListedAlarm) -> str:
        alarm = one.alarm
        if alarm.kind is AlarmKind.SLA_ENDING and one.returned is None:
            ends = alarm.since + timedelta(seconds=SLA_ENDS_SOON_S)
            left = max(0.0, (ends - self._time_at(alarm.source)).total_seconds())
            return self.tr("SLA ends in {time}").format(time=formatting.minutes(left))
        return alarm.title if alarm.kind is AlarmKind.LIMIT and alarm.title else self.tr(type_of(alarm).name)

    def _counted(self, alarm: Alarm) -> str:
        """How many reports a limit counts, in which time, and how many it allows."""
        limit = self._window_state.catalog(alarm.source).limits.get(alarm.about)
        if limit is None:
            return self.tr("{n} reports").format(n=alarm.count)
        words = self.tr("{n} in {minutes} min, limit {most}")
        return words.format(n=alarm.count, minutes=limit.within_minutes, most=limit.above)

    def _row(self, one: ListedAlarm) -> AlarmRow:
        alarm, state = one.alarm, one.state
        now = self._time_at(alarm.source)
        level = {AlarmState.NEW: "new", AlarmState.ACKNOWLEDGED: ""}.get(state, "over")
        if state is AlarmState.NEW and alarm.is_hazard:
            level = "p1"
        return AlarmRow(
            id=_row_id(one),
            since=formatting.duration(max(0.0, ((one.returned or now) - alarm.since).total_seconds())),
            name=self._name(one),
            where=self._counted(alarm) if alarm.kind is AlarmKind.LIMIT else alarm.title,
            response=self.tr(type_of(alarm).response) if one.returned is None else self.tr("Nothing"),
            state=self._state_text(one),
            level=level,
            priority=alarm.priority,
            status=_ENDED if one.returned is not None else 0,
        )

    def _state_text(self, one: ListedAlarm) -> str:
        text = self._state_words(one)
        return self.tr("{state}, not sent yet").format(state=text) if one.alarm.key in self._alarms.waiting else text

    def _state_words(self, one: ListedAlarm) -> str:
        record = one.record
        if one.state is AlarmState.SHELVED and record is not None and record.shelved_until is not None:
            until = record.shelved_until
            if one.alarm.is_hazard:
                until = min(until, (record.shelved_at or record.updated) + MOST_OF_HAZARD)
            mine = record.shelved_by == self._window_state.me_at(one.alarm.source)
            words = self.tr("Shelved to {time}: {reason}" if mine else "Shelved to {time} by {who}: {reason}")
            at = formatting.clock(until, self._zone)
            return words.format(time=at, who=record.shelved_by, reason=one_line(record.reason))
        if one.state is AlarmState.ACKNOWLEDGED and record is not None:
            who = record.acknowledged_by
            mine = who == self._window_state.me_at(one.alarm.source)
            return self.tr("Acknowledged by {who}").format(who=self.tr("you") if mine else who)
        return self.tr("Back to normal") if one.state is AlarmState.RETURNED else self.tr("New")

    def _flood_row(self, told: list[ListedAlarm]) -> AlarmRow:
        kinds = Counter(self.tr(type_of(one.alarm).name) for one in told)
        first = min(one.alarm.since for one in told)
        now = self._time_at(told[0].alarm.source)
        return AlarmRow(
            id=FLOOD,
            since=formatting.duration(max(0.0, (now - first).total_seconds())),
            name=self.tr("{n} alarms in 10 min").format(n=len(told)),
            where=" · ".join(f"{count} {name}" for name, count in kinds.most_common()),
            response=self.tr("Look for what they have in common; ↵ lists each"),
            state=self.tr("New"),
            level="new",
            priority=min(one.alarm.priority for one in told),
        )


def _row_id(one: ListedAlarm) -> str:
    return "/".join(one.alarm.key)
