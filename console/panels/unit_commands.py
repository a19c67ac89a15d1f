"""What an operator orders of units and tells of them: on the chosen report, or of the chosen unit."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from PySide6.QtCore import QObject

from api_client.model import Assignment, AssignmentState, Kind, Report, Unit, UnitState
from console.advice.units import Advice
from console.cache.catalog import CityUnit, offered
from console.panels import formatting
from console.panels.action_rules import LEFT_BEHIND, UNREAD
from console.panels.action_runner import ActionRunner
from console.panels.edit_commands import EditCommands
from console.panels.forms.forms import Forms
from console.panels.key_guard import KeyGuard
from console.panels.report.details import ReportDetails
from console.panels.situation import SituationMonitor
from console.panels.typed_command import TypedCommand
from console.panels.window_state import WindowState
from console.rules.engagement import job_in_force, work_that_binds
from console.rules.status import ASSIGNMENT_MAY_BECOME
from widgets.forms.choice import ListChoice


class UnitCommands(QObject):
    """Receives the actions on units."""

    def __init__(
        self,
        window_state: WindowState,
        edit_commands: EditCommands,
        forms: Forms,
        situation: SituationMonitor,
        runner: ActionRunner,
        guard: KeyGuard,
        parent: QObject | None = None,
        *,
        unit_in_sight: Callable[[], bool] = lambda: True,
        read_report: Callable[[str, str, Callable[[Report | None], None]], None] = lambda *_: None,
        asks_to_divert: Callable[[ReportDetails, Unit, Callable[[], object]], bool] = lambda *_: False,
    ) -> None:
        """`unit_in_sight` brings the chosen unit into sight and says whether it was already; `read_report` reads a
        report of a source by its id, for what a unit does elsewhere (None: it is not here). `asks_to_divert`: see
        `Diverting.asks`.
        """
        super().__init__(parent)
        self._window_state, self._edit_commands, self._forms, self._situation = (
            window_state,
            edit_commands,
            forms,
            situation,
        )
        self._runner, self._say, self._guard = runner, runner.message.emit, guard
        self._unit_in_sight, self._read_report = unit_in_sight, read_report
        self._asks_to_divert = asks_to_divert

    # Which unit is meant

    def _is_here(self, crews: Sequence[CityUnit]) -> bool:
        """Whether one of these units has a job on the chosen report; if none has, say so."""
        details = self._situation.chosen
        own = self._own_of(crews)
        if details is not None and own is not None and any(one.unit == own.unit.id for one in details.live):
            return True
        self._say(self.tr("{unit} is not on this report").format(unit=crews[0].unit.code))
        return False

    def _own_of(self, crews: Sequence[CityUnit]) -> CityUnit | None:
        """Of units with the same code, the one in the city of the chosen report; None when there is none."""
        details = self._situation.chosen
        return next((one for one in crews if details is not None and one.source == details.source), None)

    def meant(self, crews: Sequence[CityUnit], *, here: bool = False) -> CityUnit | None:
        """Which of the units with one code is meant by what a unit does: the only one, else that of the chosen report's
        city or the chosen one, if these agree. With `here` the report's city decides alone.
        """
        own = self._own_of(crews)
        if here or len(crews) == 1:
            return own if here else crews[0]
        near = [one for one in crews if one in (own, self._window_state.cities.crew(self._window_state.unit))]
        return near[0] if len(near) == 1 else None

    def other_work(self, crew: CityUnit, report: str) -> list[Assignment]:
        """What a unit has to do beside this report; what this operator ordered and no server has yet is among it."""
        work = self._edit_commands.work_given(crew.source, crew.unit.id, self._window_state.cities.jobs(crew))
        return [job for job in work if job.report != report]

    def why_not_meant(self, crews: Sequence[CityUnit], *, of_report: bool) -> str:
        """Why no unit of these can be meant: `of_report` it must be one of the chosen report's city. "" when one is."""
        code, details = crews[0].unit.code, self._situation.chosen
        if of_report and details is not None and self._own_of(crews) is None:
            return self._not_of_city(details, code)
        if not of_report and self.meant(crews) is None:
            return self.tr("{n} cities have a {unit}: choose it in the units panel first").format(
                n=len(crews), unit=code
            )
        return ""

    def _not_of_city(self, details: ReportDetails, code: str) -> str:
        city = self._window_state.city_name(details.source)
        return self.tr("{unit} is no unit of {city}, where this report is").format(unit=code, city=city)

    # Orders: what is done to a report gets that report, as a form is answered when another one may be the chosen one

    def dispatch_chosen(self, unit_id: str) -> None:
        """Send this recommended unit to the chosen report, if that can be done now, and unless it has just come to its
        place in the list.
        """
        if not self._runner.may("assign"):
            return
        advice = self._situation.recommendations.of(unit_id)
        is_asked = advice is not None and bool(advice.leaves)  # whichever was meant
        if not is_asked and self._guard.has_just_moved(unit_id):
            code = advice.code if advice is not None else unit_id
            sentence = self.tr("Nothing was sent: {unit} has just come to that place, press again to send it")
            self._say(sentence.format(unit=code))
        else:
            self._dispatch_once(self._situation.report, unit_id)

    def _dispatch_once(self, details: ReportDetails, unit_id: str) -> None:
        """Send the unit, unless the same key press (bounced, or struck twice) has just sent one: the list has moved up
        since.
        """
        if self._forms.just_committed:
            self._say(self.tr("Nothing was sent: that key was still the form's"))
            return
        if why := self._guard.why_not_meant():
            self._say(self.tr("Nothing was sent: {why}").format(why=why))
            return
        if self._asks(details, unit_id):
            return
        if self._guard.has_just_sent(details.row):
            self._say(self.tr("Nothing more was sent: that key had just sent a unit"))
        else:
            self._send(details, unit_id)

    def dispatch(self, details: ReportDetails, unit_id: str) -> None:
        """Send this unit of the report's city; of one that is at lesser work than a P1 it is asked first."""
        if not self._asks(details, unit_id):
            self._send(details, unit_id)

    def divert(self) -> None:
        """Ask whether the crew that is nearest, of those at lesser work, or the chosen one is to come from there."""
        self.dispatch(self._situation.report, self._situation.current.divert)

    def _asks(self, details: ReportDetails, unit_id: str) -> bool:
        """Whether the unit is at work that it would leave for this report; that is asked then."""
        unit = self._window_state.catalog(details.source).units.get(unit_id)
        if unit is None or job_in_force(Kind.DISPATCH, unit_id, details.live) is not None:
            return False
        return self._asks_to_divert(details, unit, lambda: self._send(details, unit_id))

    def _send(self, details: ReportDetails, unit_id: str) -> None:
        unit = self._unit_for(details, unit_id)
        if unit is not None and job_in_force(Kind.DISPATCH, unit_id, details.live) is not None:
            self._say(self.tr("{unit} is on this report already").format(unit=unit.code))
        elif unit is not None:
            self._edit_commands.dispatch(details, unit.id, unit.code, stack=self._comes_next(details, unit.id))

    def _comes_next(self, details: ReportDetails, unit_id: str) -> bool:
        """Whether the operator means the order for after the unit's other work: its recommendation shows such work, or
        he gave it himself.

        Work that others have given it since is not counted: he does not know of it, so the server has to ask him.
        """
        here = self._situation.recommendations.row == details.row
        advice = self._situation.recommendations.of(unit_id) if here else None
        jobs = self._window_state.catalog(details.source).by_unit.get(unit_id, []) if advice is None else []
        given = self._edit_commands.work_given(details.source, unit_id, jobs)
        return (advice is not None and advice.jobs > 0) or any(one.report != details.key for one in given)

    def assign(self, details: ReportDetails, unit_id: str) -> None:
        """Reserve this unit of the report's city."""
        unit = self._unit_for(details, unit_id)
        if unit is not None:
            self._edit_commands.assign(details, unit.id, unit.code)

    def _unit_for(self, details: ReportDetails, unit_id: str) -> Unit | None:
        """The unit with this id in the report's city; None, with a message, when the city has none."""
        unit = self._window_state.catalog(details.source).units.get(unit_id)
        if unit is None:
            self._say(self._not_of_city(details, unit_id))
        return unit

    def recall(self, details: ReportDetails, unit_id: str) -> None:
        """Recall this unit from the report."""
        unit = self._window_state.catalog(details.source).units.get(unit_id)
        self._edit_commands.recall(details, unit_id, unit.code if unit else unit_id)

    def dispatch_first(self) -> None:
        """Send the first recommended unit, unless it has just become the first."""
        first = self._situation.recommendations.units[0]
        if first.leaves:  # it is asked about, whichever was meant
            self._dispatch_once(self._situation.report, first.unit_id)
        elif self._guard.first_just_changed:
            sentence = self.tr("Nothing was sent: {unit} has just become the first, press again to send it")
            if first.ahead:
                sentence = self.tr("Nothing was sent: {unit} has just become the first, after other work. Press again")
            self._say(sentence.format(unit=first.code))
        else:
            self._dispatch_once(self._situation.report, first.unit_id)

    def choose_to_assign(self) -> None:
        """Ask which unit is reserved."""
        details = self._situation.report
        able = {advice.unit_id: advice for advice in self._situation.recommendations.able}
        places = {unit_id: place for place, unit_id in enumerate(able)}
        units = sorted(
            (
                unit
                for unit in offered(self._window_state.catalog(details.source).units)
                if unit.state.value not in ("off_shift", "unavailable")
            ),
            key=lambda unit: (places.get(unit.id, len(places)), unit.code),
        )
        rows = [self._unit_choice(unit, able.get(unit.id)) for unit in units]
        title, about = self.tr("Assign without sending"), self._situation.title_of(details)
        if able:
            about = f"{about} · {self._situation.recommendations.basis_text(self.tr)}"
        self._forms.choose(title, about, rows, lambda unit_id: self.assign(details, unit_id))

    def _unit_choice(self, unit: Unit, advice: Advice | None) -> ListChoice:
        """A unit to choose, with how far it is where it is known to be able."""
        away_m = advice.distance_m if advice is not None else None
        away = formatting.distance(away_m, self._situation.recommendations.off_m) if away_m is not None else ""
        eta = self._situation.recommendations.eta_text(advice) if advice is not None and away else ""
        parts = (eta, away, self.tr(formatting.UNIT_TEXT[unit.state]), ", ".join(unit.skills))
        note = " · ".join(part for part in parts if part)
        return ListChoice(unit.id, unit.code, note, unit_state=formatting.UNIT_SYMBOL[unit.state])

    def choose_to_recall(self) -> None:
        """Recall the unit from the chosen report; ask which when there are several."""
        details, catalog = self._situation.report, self._window_state.catalog(self._situation.report.source)
        units = [one.unit for one in details.live]
        if len(units) < 2:
            self.recall(details, self._situation.current.lead_unit or "")
            return
        rows = [
            ListChoice(
                job.unit,
                catalog.units[job.unit].code if job.unit in catalog.units else job.unit,
                self.tr(formatting.ASSIGNMENT_TEXT[job.state]),
            )
            for job in details.live
        ]
        title, about = self.tr("Call back"), self._situation.title_of(details)
        self._forms.choose(title, about, rows, lambda unit_id: self.recall(details, unit_id))

    def note_told_by_radio(self) -> None:
        """Note that the unit of the order that waits was told by radio."""
        self._edit_commands.note_told_by_radio(
            self._situation.current.not_sent, self._window_state.me_at(self._situation.report.source)
        )

    def wanted(self) -> None:
        """Give the expired order again."""
        self._edit_commands.still_wanted(self._situation.current.expired)

    # What a unit does and is

    def unit_state(self, key: str, state: str, reason: str = "") -> None:
        """Set a unit's own state; being unavailable needs a reason, which is asked for."""
        crew = self._window_state.cities.crew(key)
        if crew is None:
            return
        unit = crew.unit
        if self._situation.is_unit_outside(crew):
            self._say(self.tr("{unit} is outside your areas and agencies").format(unit=unit.code))
            return
        if why := self.why_not_in_state(crew, UnitState(state)):
            self._say(why)
            return
        if state == "unavailable" and not reason:
            self._forms.ask_text(
                self.tr("Unavailable"),
                unit.code,
                self.tr("Why can it not work?"),
                (),
                lambda text: self.unit_state(key, state, text),
                draft_key=self._forms.draft_key("unavailable", crew.source, unit.id),
                reason=True,
            )
            return
        self._edit_commands.unit_state(crew.source, unit.id, unit.code, state, reason, unit.state.value)

    def why_not_in_state(self, crew: CityUnit, state: UnitState) -> str:
        """Why a unit's own state cannot become `state`, as its work is known here; "" when it can. What the server
        would refuse is not sent: it would come back as a notice in the place of one that matters.
        """
        unit, jobs = crew.unit, self._window_state.cities.jobs(crew)
        # protects: a-unit-at-work-takes-no-break
        job = work_that_binds(unit.state, state, self._edit_commands.work_given(crew.source, unit.id, jobs))
        if job is None:
            return ""
        words = self.tr("{unit} is on report {number}: recall it, or report it done first")
        return words.format(unit=unit.code, number=job.report)

    def set_state(self, state: str) -> None:
        """Set the chosen unit's own state."""
        self.unit_state(self._window_state.unit, state)

    def step(self, state: AssignmentState) -> None:
        """Enter a new state of a job as the unit told it by radio: of the leading unit on the chosen report, or, with
        the keyboard in the units panel, of the chosen unit on its first job.
        """
        now, crew = self._situation.current, self._window_state.cities.crew(self._window_state.unit)
        if crew is not None and self._situation.means_unit:
            if self._unit_in_sight():
                self._step_of_crew(crew, state)
            else:
                meant = self.tr("The chosen unit is {unit}, which was out of sight. The key again tells it")
                self._say(meant.format(unit=self._window_state.code_of(crew)))
        elif now.unread:
            self._say(self.tr(UNREAD))
        elif now.left_behind:
            self._say(self.tr(LEFT_BEHIND))
        else:
            self._step_here(self._situation.report, now.lead_unit or "", state)

    def _step_here(self, details: ReportDetails, unit_id: str, state: AssignmentState) -> None:
        """Enter a state of this unit's job on the report; say why not when it has it already, has no job there, or the
        state cannot follow the present one.
        """
        unit = self._window_state.catalog(details.source).units.get(unit_id)
        code = unit.code if unit is not None else unit_id
        text = f"{code} {self.tr(formatting.ASSIGNMENT_TEXT[state])}"
        states = {one.state for one in details.live if one.unit == unit_id}
        if state in states or self._edit_commands.has_told(details.source, details.key, unit_id, state.value):
            self._say(self.tr("{step} already").format(step=text))
        elif not states:
            self._say(self.tr("{unit} is not on this report").format(unit=code))
        elif why := self._why_no_step(code, states, state):
            self._say(why)
        else:
            version = details.server.version if details.server else None
            title = formatting.title_of(details.shown)
            self._edit_commands.progress(details.source, details.key, title, version, unit_id, state.value, text)

    def _why_no_step(self, code: str, states: Collection[AssignmentState], then: AssignmentState) -> str:
        """Why a job in one of these states cannot go to the state `then`; "" when it can."""
        if any(then in ASSIGNMENT_MAY_BECOME[now] for now in states):
            return ""
        if AssignmentState.RESERVED in states:
            return self.tr("{unit} is only reserved: it has to be sent first").format(unit=code)
        before, after = (self.tr(formatting.ASSIGNMENT_TEXT[one]) for one in (next(iter(states)), then))
        return self.tr("{unit} is “{now}”: “{then}” cannot follow").format(unit=code, now=before, then=after)

    def _step_of_crew(self, crew: CityUnit, state: AssignmentState) -> None:
        """Enter a state of this unit's job: on the chosen report if it has one there, else its first job, read on a
        worker.
        """
        details, unit, source = self._situation.chosen, crew.unit, crew.source
        if details is not None and details.source == source and any(one.unit == unit.id for one in details.live):
            self._step_here(details, unit.id, state)
            return
        jobs = list(self._window_state.catalog(source).by_unit.get(unit.id, []))
        jobs.sort(key=lambda job: job.state is AssignmentState.RESERVED)  # what it was sent to comes first
        text = f"{unit.code} {self.tr(formatting.ASSIGNMENT_TEXT[state])}"
        if not jobs:
            self._say(self.tr("{unit} is on no report").format(unit=unit.code))
            return
        number = jobs[0].report
        if state is jobs[0].state or self._edit_commands.has_told(source, number, unit.id, state.value):
            self._say(self.tr("{step} already").format(step=text))
            return
        here = [job.state for job in self._edit_commands.as_given(source, jobs, number) if job.report == number]
        if why := self._why_no_step(unit.code, here, state):
            self._say(why)
            return

        def tell(report: Report | None) -> None:
            if report is None:
                self._say(
                    self.tr("Report {number} is not here: what {unit} did there cannot be told").format(
                        number=number, unit=unit.code
                    )
                )
            elif not self._edit_commands.has_told(source, number, unit.id, state.value):
                title = formatting.title_of(report)
                self._edit_commands.progress(source, number, title, report.version, unit.id, state.value, text)

        self._read_report(source, number, tell)

    # With what was typed behind a verb of the command line

    def dispatch_typed(self, typed: TypedCommand) -> bool:
        """Send the unit that was typed to the chosen report."""
        own = self._typed_of_report(typed, "assign")
        if own is not None:
            self.dispatch(self._situation.report, own.unit.id)
        return own is not None

    def assign_typed(self, typed: TypedCommand) -> bool:
        """Reserve the unit that was typed for the chosen report."""
        own = self._typed_of_report(typed, "assign")
        if own is not None:
            self.assign(self._situation.report, own.unit.id)
        return own is not None

    def recall_typed(self, typed: TypedCommand) -> bool:
        """Call the unit that was typed back from the chosen report, where it is."""
        is_here = self._runner.may("recall") and self._is_here(typed.crews)
        own = self._typed_of_report(typed, "recall") if is_here else None
        if own is not None:
            self.recall(self._situation.report, own.unit.id)
        return own is not None

    def _typed_of_report(self, typed: TypedCommand, action_id: str) -> CityUnit | None:
        """Of the units with the typed code the one in the city of the chosen report; None, with a message, when there
        is none or the action cannot be used now.
        """
        if not self._runner.may(action_id):
            return None
        own = self._own_of(typed.crews)
        if own is None:
            self._say(self._not_of_city(self._situation.report, typed.crews[0].unit.code))
        return own

    def step_typed(self, typed: TypedCommand) -> bool:
        """Enter the typed state of the typed unit: on the typed report, where the unit must have a job, else on its
        job. False when that cannot be.
        """
        if typed.number and not self._is_here(typed.crews):
            return False  # what it did on another report was not meant
        return self.state_typed(typed)

    def state_typed(self, typed: TypedCommand) -> bool:
        """Choose the typed unit and do to it what the key of the verb does; False when that cannot be."""
        crew = self._meant_by(typed)
        if crew is None:
            return False
        self._window_state.choose_unit(crew.key)
        return self._runner.run_for_unit(typed.verb)

    def unavailable_typed(self, typed: TypedCommand) -> bool:
        """The unit that was typed cannot work; what was typed behind it is the reason."""
        crew = self._meant_by(typed)
        if crew is not None:
            self.unit_state(crew.key, "unavailable", typed.options.get("reason", typed.rest))
        return crew is not None

    def _meant_by(self, typed: TypedCommand) -> CityUnit | None:
        crew = self.meant(typed.crews, here=bool(typed.number))
        if crew is None:
            self._say(self.why_not_meant(typed.crews, of_report=bool(typed.number)))
        return crew
