"""Ask whether a crew is to leave work of lesser danger for a P1, say what is left behind, and divert it in one step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, tzinfo

from PySide6.QtCore import QObject, Signal

from api_client.model import Assignment, Unit
from console.advice.units import Advice, begun_for
from console.panels import formatting
from console.panels.edit_commands import EditCommands
from console.panels.forms.forms import Forms
from console.panels.key_guard import KeyGuard
from console.panels.report.details import ReportDetails
from console.panels.situation import SituationMonitor
from console.panels.travel_times import speeds_text
from console.panels.window_state import WindowState
from console.rules.distance import distance_m
from console.rules.edit import is_local
from console.rules.report import HAZARD

Read = Callable[[str, str, Callable[[ReportDetails | None], None]], None]
"""Reads a report of a source by its id and hands its details on; None when it is not here."""


class Diverting(QObject):
    """Opens the question, and makes the order of it."""

    message = Signal(str)

    def __init__(
        self,
        window_state: WindowState,
        edit_commands: EditCommands,
        forms: Forms,
        situation: SituationMonitor,
        guard: KeyGuard,
        read: Read,
        zone: tzinfo,
        now: Callable[[], datetime],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._window_state, self._edit_commands, self._forms = window_state, edit_commands, forms
        self._situation, self._guard, self._read, self._zone, self._now = situation, guard, read, zone, now

    def asks(self, details: ReportDetails, unit: Unit, send: Callable[[], object]) -> bool:
        """Whether the unit is at work that it can be told to leave for this report: then that is asked.

        `send` gives the order without that, should one of those reports turn out to be a P1, or the work to have ended
        meanwhile.
        """
        begun = self._begun(details, unit)
        if not begun:
            return False
        found: list[ReportDetails] = []
        # protects: a-bounced-key-sends-no-other-crew
        self._guard.opened_no_form()  # it will in a moment: keys until then are meant for it

        def read_next() -> None:
            job = begun[len(found)]
            self._read(details.source, job.report, lambda one: take(job, one))

        def take(job: Assignment, one: ReportDetails | None) -> None:
            if one is None:
                words = self.tr("Nothing was sent: the report {n} that {unit} would leave is not here")
                self.message.emit(words.format(n=job.report if not is_local(job.report) else "", unit=unit.code))
                return
            found.append(one)
            if len(found) < len(begun):
                read_next()
            elif any(each.shown.priority == HAZARD for each in found):
                send()
            elif why := next((why for each in found if (why := self._situation.why_not_left(each))), ""):
                self.message.emit(self.tr("Nothing was sent: {why}").format(why=self.tr(why)))
            else:
                self._ask(details, unit, begun, found, send)

        read_next()
        return True

    def _begun(self, details: ReportDetails, unit: Unit) -> tuple[Assignment, ...]:
        known = self._advised(details, unit)
        if known is not None and not known.leaves:
            return ()  # it has work on another P1
        return begun_for(details.shown, self._work(details, unit))

    def _advised(self, details: ReportDetails, unit: Unit) -> Advice | None:
        """What is known of the unit as one that could come; None when it could not, or it is not known yet."""
        advice = self._situation.recommendations
        return advice.of(unit.id) if advice.row == details.row else None

    def _work(self, details: ReportDetails, unit: Unit) -> tuple[Assignment, ...]:
        jobs = self._window_state.catalog(details.source).by_unit.get(unit.id, [])
        return self._edit_commands.work_given(details.source, unit.id, jobs)

    def _ask(
        self,
        details: ReportDetails,
        unit: Unit,
        begun: Sequence[Assignment],
        left: Sequence[ReportDetails],
        send: Callable[[], object],
    ) -> None:
        self._guard.opened_form()
        lines = [line for job, one in zip(begun, left, strict=True) for line in self._lines(unit, job, one)]
        with self._forms.about(details, "priority", "status"):
            self._forms.ask_armed(
                self.tr("Divert {unit}").format(unit=unit.code),
                self._situation.title_of(details),
                self._comes(details, unit),
                lines,
                self.tr("Divert {unit}").format(unit=unit.code),
                self.tr("It stays there"),
                lambda: self._divert(details, unit, left, send),
            )

    def _comes(self, details: ReportDetails, unit: Unit) -> str:
        """How far the crew is from the P1."""
        known = self._advised(details, unit)
        if known is None or known.distance_m is None or known.eta_s is None:
            return self.tr("How far {unit} is from this P1 is not known. It leaves:").format(unit=unit.code)
        words = self.tr("{unit} is {distance} from this P1, about {time} away ({basis}). It leaves:")
        away = formatting.distance(known.distance_m, self._situation.recommendations.off_m)
        recommendations = self._situation.recommendations
        basis = self.tr("by street") if known.by_street else recommendations.straight_line_text(self.tr)
        speeds = speeds_text(recommendations.speeds_hour, self.tr, recommendations.speeds_drives)
        if known.by_street and speeds:
            basis = self.tr("{by_street}, {speeds}").format(by_street=basis, speeds=speeds)
        return words.format(unit=unit.code, distance=away, time=formatting.minutes(known.eta_s), basis=basis)

    def _lines(self, unit: Unit, job: Assignment, left: ReportDetails) -> list[tuple[str, str]]:
        """What is left behind, each line as its words and how loud they are."""
        report, me = left.shown, self._window_state.me_at(left.source)
        state = self.tr(formatting.status_text(report.status, report.status_label))
        away = ""
        if report.lat is not None and report.lon is not None and unit.lat is not None and unit.lon is not None:
            off = formatting.distance(distance_m(unit.lat, unit.lon, report.lat, report.lon))
            away = self.tr(", {distance} from it").format(distance=off)
        since = formatting.moment(job.since, self._zone, self._now())
        crew = self.tr("{unit} {state} since {time}{away}").format(
            unit=unit.code, state=self.tr(formatting.ASSIGNMENT_TEXT[job.state]).lower(), time=since, away=away
        )
        others = [self._window_state.catalog(left.source).name("unit", one.unit) for one in left.live]
        others = [one for one in others if one != unit.code]
        then = self.tr("It needs a crew again at once")
        if others:
            then = self.tr("{units} stays on it" if len(others) == 1 else "{units} stay on it")
            then = then.format(units=", ".join(others))
        taken = ""
        if report.claim is not None and report.claim.who != me:
            taken = self.tr("Taken by {who}, who is told").format(who=report.claim.who)
        title = f"P{report.priority} {self._situation.title_of(left)}"
        return [(title, "loud"), (f"{state} · {crew}", ""), (" · ".join(part for part in (then, taken) if part), "")]

    def _divert(
        self, details: ReportDetails, unit: Unit, left: Sequence[ReportDetails], send: Callable[[], object]
    ) -> None:
        begun = {job.report for job in begun_for(details.shown, self._work(details, unit))}
        asked = {one.key for one in left}
        if not begun:  # what was asked about has ended: nothing is left behind
            send()
        elif begun != asked:
            words = self.tr("Nothing was sent: {unit} is at other work by now, on {reports}. Ask again")
            self.message.emit(words.format(unit=unit.code, reports=", ".join(sorted(begun))))
        elif self._guard.has_just_sent(details.row):
            self.message.emit(self.tr("Nothing more was sent: that key had just sent a unit"))
        else:
            self._edit_commands.divert(details, unit.id, unit.code, left)
            self.message.emit(self._said(details, unit, left))

    def _said(self, details: ReportDetails, unit: Unit, left: Sequence[ReportDetails]) -> str:
        parts = []
        for one in left:
            alone = all(job.unit == unit.id for job in one.live)
            words = self.tr("{n} (P{p}), which needs a crew again" if alone else "{n} (P{p}), where others stay")
            number = one.shown.id if one.server is not None else self.tr("a new report")
            parts.append(words.format(n=number, p=one.shown.priority))
        to = details.shown.id if details.server is not None else self.tr("the new report")
        text = self.tr("Saved: {unit} leaves {reports}, and goes to {to}")
        return text.format(unit=unit.code, reports="; ".join(parts), to=to)
