"""Make a `Situation` of what the window shows now, which decides what actions may be used, whenever it may have
changed.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import UTC, datetime

import msgspec
from PySide6.QtCore import QObject, Signal

from api_client.model import Assignment, AssignmentState, PhotoRole, Report, Status, UnitState
from console.advice.units import Advice, is_sooner
from console.board.view import View
from console.cache.catalog import CityUnit
from console.panels.action_rules import Situation
from console.panels.report.details import ReportDetails
from console.panels.report.recommendations import DuplicateCandidate, Recommendations
from console.panels.undo_stack import UndoStack
from console.panels.window_state import WindowState
from console.rules.loaded import Loaded
from console.rules.proof import is_proof_missing
from console.rules.queued import EditState, Queued, is_deleted, waits_for_radio
from console.rules.report import HAZARD, holder_of, offered_to, upwards
from console.rules.rights import Rights, in_scope, may_release, unit_in_scope
from console.rules.run_card import crews_missing


class AlarmsSituation(msgspec.Struct, frozen=True):
    """What the keys of alarms act on: whether any is listed, waits to be acknowledged, calls."""

    listed: bool = False
    new: bool = False
    calls: bool = False


class NoticeState(msgspec.Struct, frozen=True):
    """What the keys of the notice above the map act on. At most one of the ids of edits is set, the others are ""."""

    lost: str = ""
    """The lost edit."""
    radio_call: str = ""
    """An order whose unit is to be told by radio."""
    unsent_report: str = ""
    """The creation of a report that a colleague left here."""
    unsent_may_be_sent: bool = False
    """The operator may send that one in his own name."""
    setback: bool = False
    """The notice needs no answer: it is only to be seen."""
    offer: bool = False
    """A colleague offers a report."""


class SituationMonitor(QObject):
    """Keeps the chosen report, its recommendations and the operator's edits, and makes the Situation of them."""

    changed = Signal(object)
    """The present Situation, when it may have changed."""
    details_changed = Signal(object)
    """The chosen report was read: its ReportDetails."""
    first_unit_changed = Signal()
    """Another unit is the first recommended one, or it has other work by now."""
    units_moved = Signal(object)
    """The ids of the units that have come to other places among the recommended ones of the same report."""

    def __init__(
        self,
        window_state: WindowState,
        undo_stack: UndoStack,
        source_for_new: Callable[[], str],
        parent: QObject | None = None,
        *,
        rights_at: Callable[[str], Rights] = lambda _source: Rights(),
        why_reading_only: Callable[[str], str] = lambda _source: "",
        notice: Callable[[], NoticeState] = NoticeState,
        doubted: Callable[[], int] = lambda: 0,
        is_pointing: Callable[[], bool] = lambda: False,
        takes_new_only: Callable[[str], bool] = lambda _source: False,
        has_closures: Callable[[], bool] = lambda: False,
        alarms: Callable[[], AlarmsSituation] = AlarmsSituation,
    ) -> None:
        """`source_for_new` gives the source of new reports. `rights_at` gives the operator's rights at a source,
        `why_reading_only` why nothing may be written for it now ("" when it may). `doubted` is how many reports are
        shown that comparisons did not find at their server; `is_pointing` says that a form asks for a place on the map,
        `takes_new_only` that a source's server takes new reports and nothing else, `has_closures` that a street is
        closed or an area flooded.
        """
        super().__init__(parent)
        self._window_state, self._undo_stack, self._source_for_new = window_state, undo_stack, source_for_new
        self._rights_at, self._why_reading_only, self._notice = rights_at, why_reading_only, notice
        self._doubted, self._is_pointing, self._takes_new_only = doubted, is_pointing, takes_new_only
        self._has_closures, self._alarms = has_closures, alarms
        self._details: ReportDetails | None = None
        self._recommendations = Recommendations(0)
        self._may_write = True
        self._panel = ""
        self._outbox: tuple[Queued, ...] = ()
        self._waiting: tuple[int, Callable[[], None], Callable[[], None]] | None = None
        window_state.selection_changed.connect(self._look_whether_waiting)
        window_state.unit_changed.connect(lambda _: self.look_again())
        window_state.filter_changed.connect(lambda _: self.look_again())
        window_state.filter_changed.connect(lambda _: self._look_whether_left_behind())
        self._there, self._left_behind = (False, False, False, False), False
        window_state.selection_changed.connect(lambda _: self._look_whether_left_behind())
        window_state.view_changed.connect(self._on_view)
        window_state.catalog_changed.connect(lambda _: self._on_catalog())
        window_state.loaded_changed.connect(lambda _: self._on_catalog())
        undo_stack.pushed.connect(lambda _: self.look_again())

    def _on_view(self, view: View) -> None:
        details = self.chosen
        there = (
            len(view.order) > 0,
            len(view.hazards) > 0,
            bool(self._window_state.row in view.hazards),
            details is not None and self.is_on_hold(details.shown),
        )
        if self._there != there:
            self._there = there
            self.look_again()
        self._look_whether_left_behind()

    def _look_whether_left_behind(self) -> None:
        if self._left_behind != self._window_state.is_left_behind:
            self._left_behind = not self._left_behind
            self.look_again()

    @property
    def chosen(self) -> ReportDetails | None:
        """The chosen report, None while none is chosen or the chosen one has not been read yet."""
        details = self._details
        return details if details is not None and details.row == self._window_state.row else None

    @property
    def report(self) -> ReportDetails:
        """The chosen report, for an action whose rule made sure that there is one."""
        details = self.chosen
        assert details is not None
        return details

    @property
    def recommendations(self) -> Recommendations:
        """The advice on the chosen report."""
        return self._recommendations

    @property
    def with_duplicates(self) -> tuple[ReportDetails | None, Sequence[DuplicateCandidate]]:
        """The chosen report and its possible duplicates."""
        return self.chosen, self._recommendations.duplicates

    @contextlib.contextmanager
    def about_unit(self) -> Iterator[None]:
        """A context in which unit keys act on the chosen unit, whichever panel has the keyboard."""
        panel, self._panel = self._panel, "units"
        try:
            yield
        finally:
            self._panel = panel

    @property
    def means_unit(self) -> bool:
        """Whether unit keys act on the chosen unit; otherwise they act on the leading unit of the chosen report."""
        return self._panel == "units"

    @property
    def current(self) -> Situation:
        """The present Situation."""
        details, window_state, notice, alarms = self.chosen, self._window_state, self._notice(), self._alarms()
        crew = window_state.cities.crew(window_state.unit)
        situation = Situation(
            me=window_state.me,
            role=self._rights_at(details.source if details else self._source_for_new()).role,
            unit=window_state.unit if crew is not None else None,
            unit_outside=crew is not None and self.is_unit_outside(crew),
            unit_busy=self._panel == "units" and bool(window_state.cities.jobs(crew)),
            undo=self._undo_stack.undo_text,
            undo_is_over=self._undo_stack.last_is_over,
            lost=notice.lost,
            radio_call=notice.radio_call,
            unsent_report=notice.unsent_report,
            unsent_may_be_sent=notice.unsent_may_be_sent,
            setback=notice.setback,
            in_log=self._panel == "log",
            offer=notice.offer,
            alarms=alarms.listed,
            alarm_new=alarms.new,
            alarm_calls=alarms.calls,
            doubted=self._doubted() > 0,
            may_believe=self._may_believe(),
            pointing=self._is_pointing(),
            closures=self._has_closures(),
            writes=self._may_write,
            barred=self._why_reading_only(details.source if details else self._source_for_new()),
            filtered=window_state.filter.narrowed,
            listed=window_state.view is not None and len(window_state.view.order) > 0,
            hazard=window_state.view is not None and len(window_state.view.hazards) > 0,
            all_read=window_state.loaded >= Loaded.REPORTS,
            unread=bool(window_state.row) and details is None,
            left_behind=window_state.is_left_behind,
        )
        if details is None:
            return situation
        report = details.shown
        service = window_state.catalog(details.source).services.get(report.service or "")
        stuck = self._stuck(details)
        lead = _lead(details, stuck)
        no_proof = is_proof_missing(report, service, details.history)
        divert, no_divert = self._divert(details, crew)
        card = window_state.catalog(details.source).run_card(report)
        return msgspec.structs.replace(
            situation,
            me=window_state.me_at(details.source),
            outside=self.is_outside(details),
            new_only=self._takes_new_only(details.source),
            report=True,
            numbered=details.server is not None,
            status=report.status,
            holder=holder_of(report),
            offered=offered_to(report, self._view_time()) == window_state.me_at(details.source),
            publication=report.publication,
            on_hold=self.is_on_hold(report),
            photos=bool(report.photos),
            merged=report.merged_into is not None,
            has_place=report.lat is not None,
            lead_unit=lead.unit if lead else None,
            lead_state=lead.state.value if lead else None,
            lead_stuck=lead is not None and lead.unit in stuck,
            lead_waits_for=self._waits_for(details, lead),
            other_unit=self._panel == "units"
            and crew is not None
            and (crew.source, crew.unit.id) != (details.source, lead.unit if lead else None),
            advice=bool(self._recommendations.units),
            divert=divert,
            no_divert=no_divert,
            duplicate=bool(self._recommendations.duplicates),
            needs_proof=no_proof,
            proof_is_old=no_proof and any(photo.role is PhotoRole.AFTER for photo in report.photos),
            crewless=window_state.view is not None and bool(window_state.row in window_state.view.hazards),
            not_sent=next(
                (one.edit.id for one in self._orders() if waits_for_radio(one) and not one.told_by_radio), ""
            ),
            steps=card is not None,
            more_crews=crews_missing(card, details.assignments) > 0,
            conflict=next((one.edit.id for one in self._own() if _is_to_settle(one)), ""),
            expired=next((one.edit.id for one in self._own() if one.state is EditState.EXPIRED), ""),
        )

    def _divert(self, details: ReportDetails, crew: CityUnit | None) -> tuple[str, str]:
        """The unit that would be diverted to the report, and why none would: the chosen unit while unit keys act on it,
        else the best recommended one that has begun lesser work; "" for what there is not. Where a free unit stands
        first, only one that is there before it is meant without being chosen.
        """
        advice = self._recommendations
        if details.shown.priority != HAZARD:
            return "", "Only to a P1 a crew is diverted"
        able = [one for one in advice.able if one.leaves] if advice.row == details.row else []
        if self.means_unit and crew is not None:
            if crew.source != details.source:
                return "", "The unit is of another city than the report"
            if any(job.unit == crew.unit.id for job in details.live):
                return "", "The unit is on this report already"
            able = [one for one in able if one.unit_id == crew.unit.id]
            if not able:
                return "", "The unit is at no lesser work from which it could come"
        elif able:
            able = _sooner_than_free(able, advice.able[0])
            if not able:
                return "", "A crew that is free is there sooner: Ctrl+D sends it; A, then a digit, diverts another"
        barred = [self._why_stays(details.source, one) for one in able]
        free = next((one.unit_id for one, why in zip(able, barred, strict=True) if not why), "")
        return free, "" if free or not barred else barred[0]

    def _why_stays(self, source: str, advice: Advice) -> str:
        left = (self._recommendations.left.get(job.report) for job in advice.leaves)
        return next((why for one in left if one is not None and (why := self._why_not_left(source, one))), "")

    def why_not_left(self, left: ReportDetails) -> str:
        """Why the operator may not call a crew away from this report, "" when he may; English source text."""
        return self._why_not_left(left.source, left.server or left.shown)

    def _why_not_left(self, source: str, report: Report) -> str:
        # protects: who-may-not-recall-diverts-nobody
        if self._lies_outside(source, report):
            return "The report that the crew would leave is outside your areas and agencies"
        role, me, claim = self._rights_at(source).role, self._window_state.me_at(source), report.claim
        # protects: who-has-the-work-is-asked
        if claim is not None and role and not may_release(me, role, claim.who):
            return "Another has taken the report that the crew would leave: he or a supervisor can divert it"
        return ""

    def _waits_for(self, details: ReportDetails, lead: Assignment | None) -> str:
        """The author of the order that sent the leading unit, when that is another operator and no server has the order
        yet; "" otherwise.
        """
        me = self._window_state.me_at(details.source)
        of_others = (one for one in self._orders() if one.edit.author != me and one.state is not EditState.ACCEPTED)
        return next((one.edit.author for one in of_others if lead is not None and one.edit.id == lead.edit), "")

    def is_on_hold(self, report: Report) -> bool:
        """Whether the report is on hold at the time of the View: a hold whose end has passed counts as over, though the
        server has not ended it yet.
        """
        return report.hold_at(self._view_time()) is not None

    def _view_time(self) -> datetime:
        view = self._window_state.view
        return datetime.fromtimestamp(view.now_s, UTC) if view is not None else datetime.min.replace(tzinfo=UTC)

    def _may_believe(self) -> bool:
        """Whether the operator may drop reports that a comparison did not find: a supervisor at some source may, and
        everybody where no source has operators.
        """
        roles = {self._rights_at(source).role for source in self._window_state.cities.catalogs} - {""}
        return not roles or "supervisor" in roles

    def is_outside(self, details: ReportDetails) -> bool:
        """Whether the report is outside the operator's scope, as far as the console knows: the server would refuse his
        edits.
        """
        return self._lies_outside(details.source, details.server or details.shown)

    def _lies_outside(self, source: str, report: Report) -> bool:
        rights, areas = self._rights_at(source), self._window_state.catalog(source).areas
        return not in_scope(
            rights.areas, rights.agencies, agency=report.agency, area_upwards=upwards(report.area, areas.get)
        )

    def is_unit_outside(self, crew: CityUnit) -> bool:
        """Whether the unit is outside the operator's scope, as far as the console knows: the server would refuse his
        edits.
        """
        rights, areas = self._rights_at(crew.source), self._window_state.catalog(crew.source).areas
        is_crew = rights.role == "field"  # which speaks for itself
        return not is_crew and not unit_in_scope(rights.areas, rights.agencies, crew.unit, areas.get)

    def title_of(self, details: ReportDetails) -> str:
        """A report's number, category and area."""
        catalog = self._window_state.catalog(details.source)
        area = catalog.areas.get(details.shown.area or "")
        number = details.shown.id if details.server else self.tr("new report")
        name = catalog.service_name(details.shown.service)
        return f"{number} {name}, {area.name}" if area else f"{number} {name}"

    def set_details(self, details: ReportDetails | None, outbox: Sequence[Queued] | None = None) -> None:
        """The chosen report, and the unfinished edits in the outbox if they are told with it."""
        before, self._details = self._details, details
        if outbox is not None:
            self._outbox = tuple(outbox)
        passed_on = before is not None and details is not None and before.shown.agency != details.shown.agency
        if details is None or self._recommendations.row != details.row or passed_on:
            self._recommendations = Recommendations(0)  # the advice on the report before is none on this one
        if details is not None:
            self.details_changed.emit(details)
        self.look_again()
        self._look_whether_waiting(details.row if details is not None else 0, is_read=True)

    def when_read(self, row: int, then: Callable[[], None], dropped: Callable[[], None]) -> None:
        """Run `then` once this report, the chosen one, has been read; `dropped` if another is chosen before."""
        if self.chosen is not None and self.chosen.row == row:
            then()
        else:
            self._waiting = (row, then, dropped)

    def _look_whether_waiting(self, row: int, *, is_read: bool = False) -> None:
        """Run or drop the function given to `when_read`. It is dropped when another report is chosen, so that it is not
        run when the operator comes back later.
        """
        if self._waiting is None or (row == self._waiting[0] and not is_read):
            return
        (wanted, then, dropped), self._waiting = self._waiting, None
        if row == wanted:
            then()
        else:
            dropped()

    def set_panel(self, key: str) -> None:
        """Which panel has the keyboard: in the units panel, and nowhere else, the unit keys mean the chosen unit."""
        if key != self._panel:
            self._panel = key
            self.look_again()

    def set_outbox(self, outbox: Sequence[Queued]) -> None:
        """Take over the unfinished edits in the outbox."""
        self._outbox = tuple(outbox)
        self.look_again()

    def _orders(self) -> list[Queued]:
        """The unfinished edits of the chosen report, by whomever they were made here."""
        details = self.chosen
        if details is None:
            return []
        return [one for one in self._outbox if (one.edit.source, one.edit.report) == (details.source, details.key)]

    def _own(self) -> list[Queued]:
        """Those of `_orders` that this operator made."""
        return [one for one in self._orders() if one.edit.author in ("", self._window_state.me_at(one.edit.source))]

    def set_recommendations(self, recommendations: Recommendations) -> None:
        """Take over new recommendations for the chosen report."""
        before, self._recommendations = self._recommendations, recommendations
        was, now = ([(unit.unit_id, unit.ahead > 0) for unit in one.units[:1]] for one in (before, recommendations))
        if before.row == recommendations.row and was and was != now:
            self.first_unit_changed.emit()  # the key's words have changed under the finger
        ids, ids_now = ([unit.unit_id for unit in one.units] for one in (before, recommendations))
        moved = {unit for place, unit in enumerate(ids_now) if ids[place : place + 1] != [unit]}
        if before.row == recommendations.row and ids and moved:
            self.units_moved.emit(moved)  # a digit means the one that stood there
        self.look_again()

    def set_may_write(self, may: bool) -> None:
        """Whether anything can be written at all: work.db is open."""
        self._may_write = may
        self.look_again()

    def look_again(self) -> None:
        """Emit the Situation again: time or connection may have changed what may be done."""
        self.changed.emit(self.current)

    def _on_catalog(self) -> None:
        """Units and jobs have changed: an order may have become impossible to undo."""
        known = self._window_state.loaded >= Loaded.WORK
        cities = self._window_state.cities.catalogs
        self._undo_stack.note_jobs({source: city.assignments for source, city in cities.items()} if known else None)
        self.look_again()

    def _stuck(self, details: ReportDetails) -> frozenset[str]:
        """The units that were sent to the report and have since reported that they cannot work."""
        units = self._window_state.catalog(details.source).units
        sent = (one.unit for one in details.live if one.state is not AssignmentState.RESERVED)
        return frozenset(one for one in sent if one in units and units[one].state is UnitState.UNAVAILABLE)


def _sooner_than_free(able: list[Advice], first: Advice) -> list[Advice]:
    """Those of `able`, which would leave work, that are there before the `first` recommended unit if that is free; all
    if it is not.
    """
    is_free = not (first.leaves or first.ahead or first.stale or first.refused_other)
    # protects: nobody-leaves-work-where-a-free-crew-is-sooner
    return [one for one in able if is_sooner(one, first) and not one.stale] if is_free else able


def _is_to_settle(queued: Queued) -> bool:
    return queued.state is EditState.CONFLICT or is_deleted(queued)


def _lead(details: ReportDetails, stuck: Collection[str]) -> Assignment | None:
    """The leading unit's assignment: of the unfinished ones the first that is not `stuck`, else the first; when all are
    done and the report is not, the last one.
    """
    if details.live:
        return next((one for one in details.live if one.unit not in stuck), details.live[0])
    done = [one for one in details.assignments if one.state is AssignmentState.DONE]
    return done[-1] if done and details.shown.status in (Status.ASSIGNED, Status.PROGRESS) else None
