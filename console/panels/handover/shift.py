"""The shift: who is on, since when, and the roll call of the units, whose answers go into the hand-over."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, tzinfo

import msgspec
from PySide6.QtCore import QObject, Signal

from api_client.decoding import decode
from api_client.model import Unit, UnitState
from console.cache.catalog import CityUnit
from console.outbox.followed import KeptFollowed
from console.panels import formatting
from console.panels.action_runner import ActionRunner
from console.panels.notifications.attendance import Attendance
from console.panels.sources import Sources
from console.panels.window_state import WindowState
from console.rules.followed import Standpoint
from console.rules.rights import Rights, unit_in_scope
from console.rules.roll_call import CalledUnit, RollAnswer, RollTally, is_awaited, is_called, next_to_call, tally
from console.rules.shifts import shift_to_hand_over
from widgets.shift import RollRow, ShiftPanel

_KIND = "roll_call"
_ANSWERS = {"Y": RollAnswer.THERE, "N": RollAnswer.MISSING, "B": RollAnswer.BREAK}
_WORDS = {RollAnswer.THERE: "there", RollAnswer.MISSING: "no answer", RollAnswer.BREAK: "on break"}
"""English source texts."""


class ShiftController(QObject):
    """Fills the panel of the first source, and keeps what the units answered for as long as the shift lasts."""

    message = Signal(str)
    unit_opened = Signal(str)
    """The key of a unit."""
    counted = Signal(str)
    """How far the roll call is, in words."""

    def __init__(
        self,
        panel: ShiftPanel,
        window_state: WindowState,
        sources: Sources,
        attendance: Attendance,
        followed: KeptFollowed,
        runner: ActionRunner,
        time_at: Callable[[str], datetime],
        zone: tzinfo,
        parent: QObject | None = None,
        *,
        rights_at: Callable[[str], Rights] = lambda _source: Rights(),
        show_panel: Callable[[], object] = lambda: None,
        why_no_break: Callable[[CityUnit], str] = lambda _crew: "",
    ) -> None:
        """`time_at` gives the time by the clock of a source; `show_panel` brings the panel to the front with the
        keyboard; `why_no_break` says why a unit cannot be on a break, "" when it can.
        """
        super().__init__(parent)
        self._panel, self._window_state, self._sources, self._attendance = panel, window_state, sources, attendance
        self._followed, self._runner, self._time_at, self._zone = followed, runner, time_at, zone
        self._rights_at, self._show_panel, self._why_no_break = rights_at, show_panel, why_no_break
        self._came: dict[str, datetime] = {}
        """When each who is connected came, of those who came while this window was open: not every server says it."""
        self._were_on: frozenset[str] | None = None
        panel.answered.connect(self._on_answered)
        panel.opened.connect(self._on_opened)
        attendance.changed.connect(self._on_attendance)
        window_state.catalog_changed.connect(lambda _: self.show())
        followed.on_open(self.show)
        self._show_empty()

    # The roll call

    @property
    def called(self) -> Mapping[str, CalledUnit]:
        """What the units answered in this shift, by their ids."""
        kept = self._followed.get(self._standpoint)
        if kept is None or kept.epoch != self._shift:
            return {}
        found = {}
        for unit, text in kept.ids.items():
            try:
                found[unit] = decode(text.encode(), CalledUnit)
            except ValueError:
                continue  # of another version of this program
        return found

    @property
    def missing(self) -> Mapping[str, datetime]:
        """The units that did not answer, and when they were called."""
        return {unit: one.at for unit, one in self.called.items() if one.answer is RollAnswer.MISSING}

    def go_on(self) -> None:
        """Go to the next unit that was not called yet, past the current one where that is in the operator's hands."""
        self._go_to_next(self._panel.current_id() if self._panel.view.hasFocus() else "")

    def _go_to_next(self, after: str) -> None:
        self._show_panel()
        units = self._units()
        unit = next_to_call(units, self.called, after)
        if unit:
            self._panel.go_to(unit)
        elif units:
            self.message.emit(self.tr("All units were called; “Roll call: begin again” calls them anew"))
        else:
            self.message.emit(self.tr("No unit is on"))

    def begin_again(self) -> None:
        """Call all units anew."""
        self._keep({})
        self._go_to_next("")

    def _on_answered(self, unit_id: str, key: str) -> None:
        unit = next((one for one in self._units() if one.id == unit_id), None)
        if unit is None:
            return
        answer, crew = _ANSWERS[key], self._crew(unit_id)
        if answer is RollAnswer.BREAK and crew is not None and (why := self._why_no_break(crew)):
            self.message.emit(why)
            return
        self._keep({**self.called, unit_id: CalledUnit(answer, self._now)})
        # protects: a-break-is-known-to-all
        if answer is RollAnswer.BREAK and unit.state is not UnitState.BREAK and crew is not None:
            self._window_state.choose_unit(crew.key)
            self._runner.run_for_unit("break")
        if following := next_to_call(self._units(), self.called, unit_id):
            self._panel.go_to(following)
        else:
            self.message.emit(self._tally_words(tally(self._units(), self.called)))

    def _keep(self, called: Mapping[str, CalledUnit]) -> None:
        texts = {unit: msgspec.json.encode(one).decode() for unit, one in called.items()}
        self._followed.keep(self._standpoint, self._shift, texts)
        self.show()

    @property
    def _standpoint(self) -> Standpoint:
        source = self._sources.first
        return Standpoint(self._window_state.me_at(source), source, _KIND)

    @property
    def _shift(self) -> str:
        return shift_to_hand_over(self._now, self._zone).start.isoformat()

    @property
    def _now(self) -> datetime:
        return self._time_at(self._sources.first)

    # What is shown

    def show(self) -> None:
        """Fill the panel."""
        units, called = self._units(), self.called
        self._panel.set_rows([self._row(unit, called.get(unit.id)) for unit in units])
        self._show_empty()
        self._show_who()
        self.counted.emit(self._tally_words(tally(units, called)) if units else "")

    def _units(self) -> list[Unit]:
        """The units of the operator's scope that are on, by their codes."""
        source = self._sources.first
        catalog, rights = self._window_state.catalog(source), self._rights_at(source)
        own = (
            unit
            for unit in catalog.units.values()
            if is_called(unit) and unit_in_scope(rights.areas, rights.agencies, unit, catalog.areas.get)
        )
        return sorted(own, key=lambda unit: (not is_awaited(unit), unit.code))

    def _row(self, unit: Unit, called: CalledUnit | None) -> RollRow:
        state = self.tr(formatting.UNIT_TEXT[unit.state])
        if unit.state is UnitState.BREAK:
            since = formatting.clock(unit.state_since, self._zone)
            state = self.tr("{state} since {time}").format(state=state, time=since)
        if called is not None:
            answer = self.tr(_WORDS[called.answer])
        else:
            answer = self.tr("not called") if is_awaited(unit) else unit.reason or ""
        is_missing = called is not None and called.answer is RollAnswer.MISSING
        return RollRow(
            id=unit.id,
            code=unit.code,
            state_key=formatting.UNIT_SYMBOL[unit.state],
            state=state,
            at=formatting.clock(called.at, self._zone) if called is not None else "",
            answer=answer,
            level="warn" if is_missing else "" if called is not None else "over",
        )

    def _tally_words(self, counted: RollTally) -> str:
        words = self.tr("roll call: {n} of {all} answered").format(n=counted.answered, all=counted.units)
        return self.tr("{words}, {n} did not").format(words=words, n=counted.missing) if counted.missing else words

    def _show_empty(self) -> None:
        self._panel.set_empty(self.tr("No unit is on"), self.tr("The units of your areas and agencies stand here."))

    def _on_attendance(self) -> None:
        on = self._attendance.connected.get(self._sources.first)
        if on is not None:
            if self._were_on is not None:
                self._came |= dict.fromkeys(on - self._were_on, self._now)
            self._came = {name: at for name, at in self._came.items() if name in on}
            self._were_on = on
        self._show_who()

    def _show_who(self) -> None:
        """Who is connected now, each with since when where its server says it, or that was seen here."""
        source = self._sources.first
        on = self._attendance.connected.get(source)
        if on is None:
            self._panel.set_on(self.tr("Who is on"), self.tr("not known: the server is not reached, or has not said"))
            return
        me, since = self._window_state.me_at(source), self._attendance.since.get(source, {})
        came: dict[str, list[str]] = {"": []}  # clock time -> who came then, so that all have room in one line
        for name in sorted(on | {me}, key=lambda name: (since.get(name) or self._came.get(name) or self._now, name)):
            at = since.get(name) or self._came.get(name)
            # Who sits here was there before the server had told so.
            clock = formatting.clock(at, self._zone) if at is not None and name != me else ""
            came.setdefault(clock, []).append(self.tr("you") if name == me else name)
        words = self.tr("{names} since {time}")
        said = [
            words.format(names=", ".join(names), time=clock) if clock else ", ".join(names)
            for clock, names in came.items()
            if names
        ]
        self._panel.set_on(self.tr("On: {n}").format(n=sum(map(len, came.values()))), "; ".join(said))

    def _crew(self, unit_id: str) -> CityUnit | None:
        crews = self._window_state.cities.crews
        return next((one for one in crews if (one.source, one.unit.id) == (self._sources.first, unit_id)), None)

    def _on_opened(self, unit_id: str) -> None:
        if (crew := self._crew(unit_id)) is not None:
            self.unit_opened.emit(crew.key)
