"""Carry out actions: check that they may be used now, ask for what is missing in a form, append the edit."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from PySide6.QtCore import QObject, Signal

from api_client.model import Assignment, AssignmentState, Kind, PhotoRole, Report, Status, Unit, UnitState
from console.actions import ASKS_MORE, AT_ONCE, BY_ID, LEFT_BEHIND, UNREAD, Situation
from console.advice.units import Advice
from console.board.view import View
from console.domain.category import fields_of_category
from console.domain.edit import EditState, Queued, is_deleted, waits_for_radio
from console.domain.engagement import job_in_force
from console.domain.loaded import Loaded
from console.domain.overlay import field_value
from console.domain.proof import is_proof_missing
from console.domain.report import upwards
from console.domain.rights import Rights, in_scope, unit_in_scope
from console.domain.status import ASSIGNMENT_MAY_BECOME, is_open
from console.presenters import words
from console.presenters.catalog import Crew, offered
from console.presenters.counsel import Alike, Counsel
from console.presenters.deeds import Deed, Deeds, Undo
from console.presenters.desk import Desk
from console.presenters.dossier import Dossier
from console.presenters.forms import Forms, TakenBack
from console.presenters.history import new_report_text
from widgets.forms.choice import Choice
from widgets.key_repeats import LOOK_S, TWICE_S
from widgets.photos import PhotoCard

_UNIT_STEPS = {"en_route": AssignmentState.EN_ROUTE, "on_scene": AssignmentState.ON_SCENE, "done": AssignmentState.DONE}
_UNIT_STATES = {"available": "available", "break": "break", "unavailable": "unavailable"}


class Intents(QObject):
    """From an action's id to an edit. What changes only the window is emitted as `window_action`."""

    window_action = Signal(str)
    said = Signal(str)
    """A sentence for the status bar: why an action cannot be used now."""
    situation_changed = Signal(object)
    created = Signal(str, str)
    """A report was made here: its source and its local key."""

    def __init__(
        self,
        desk: Desk,
        deeds: Deeds,
        forms: Forms,
        source_for_new: Callable[[], str],
        parent: QObject | None = None,
        steady_s: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(parent)
        self._steady_s = steady_s
        self._other_first_s = -TWICE_S
        self._sent: tuple[int, float] = (0, -TWICE_S)
        self._desk, self._deeds, self._forms, self._source_for_new = desk, deeds, forms, source_for_new
        self._formless_until_s = -LOOK_S
        self._next: tuple[int, float] = (0, -LOOK_S)
        self._dossier: Dossier | None = None
        self._counsel = Counsel(0)
        self._cards: tuple[int, Mapping[str, PhotoCard]] = (0, {})
        self._may_write = True
        self.why_reading_only: Callable[[str], str] = lambda _source: ""
        """Set by the app: why nothing may be written for a source now, "" when it may."""
        self.unit_in_sight: Callable[[], bool] = lambda: True
        """Set by the app: brings the chosen unit into sight; whether it was already."""
        self.lost: Callable[[], str] = lambda: ""
        """Set by the app: the id of the edit that is in the notice because it was not sent, "" for none."""
        self.radio_call: Callable[[], str] = lambda: ""
        """Set by the app: the id of the order in the notice whose unit is to be told by radio, "" for none."""
        self.doubted: Callable[[], int] = lambda: 0
        """Set by the app: how many reports a comparison keeps although its server does not list them any more."""
        self.unsent_report: Callable[[], str] = lambda: ""
        """Set by the app: the id of the creation in the notice that a colleague left here, "" for none."""
        self.unsent_may_be_sent: Callable[[], bool] = lambda: False
        """Set by the app: whether the operator may send that one in his own name."""
        self.is_pointing: Callable[[], bool] = lambda: False
        """Set by the app: whether a place is asked for on the map."""
        self.setback: Callable[[], bool] = lambda: False
        """Set by the app: whether what others did is in the notice, which is only to be seen."""
        self.read_report: Callable[[str, str, Callable[[Report | None], None]], None] = lambda *_: None
        """Set by the app: reads a report of a source by its id, for what a unit does elsewhere; None: not here."""
        self.rights_at: Callable[[str], Rights] = lambda _source: Rights()
        """Set by the app: what this operator may do at a source."""
        self._panel = ""
        self._outbox: tuple[Queued, ...] = ()
        self._waiting: tuple[int, Callable[[], None], Callable[[], None]] | None = None
        desk.selection_changed.connect(self._look_whether_waiting)
        desk.unit_changed.connect(lambda _: self._tell())
        desk.filter_changed.connect(lambda _: self._tell())
        desk.filter_changed.connect(lambda _: self._look_whether_left_behind())
        self._there, self._left_behind = (False, False, False, False), False
        desk.selection_changed.connect(lambda _: self._look_whether_left_behind())
        desk.view_changed.connect(self._on_view)
        desk.catalog_changed.connect(lambda _: self._on_catalog())
        desk.loaded_changed.connect(lambda _: self._on_catalog())
        deeds.done.connect(lambda _: self._tell())

    def _on_view(self, view: View) -> None:
        dossier = self.chosen
        there = (
            len(view.order) > 0,
            len(view.hazards) > 0,
            bool(self._desk.row in view.hazards),
            dossier is not None and self._is_on_hold(dossier.shown),
        )
        if self._there != there:
            self._there = there
            self._tell()
        self._look_whether_left_behind()

    def _look_whether_left_behind(self) -> None:
        if self._left_behind != self._desk.is_left_behind:
            self._left_behind = not self._left_behind
            self._tell()

    @property
    def chosen(self) -> Dossier | None:
        """The chosen report, None while none is chosen or the chosen one has not been read yet."""
        dossier = self._dossier
        return dossier if dossier is not None and dossier.row == self._desk.row else None

    @property
    def with_duplicates(self) -> tuple[Dossier | None, Sequence[Alike]]:
        """The chosen report, and those that may be about the same."""
        return self.chosen, self._counsel.duplicates

    @property
    def situation_of_unit(self) -> Situation:
        """The same where the chosen unit is meant, wherever the keyboard is."""
        panel, self._panel = self._panel, "units"
        try:
            return self.situation
        finally:
            self._panel = panel

    @property
    def situation(self) -> Situation:
        """What decides which actions make sense now."""
        dossier, desk = self.chosen, self._desk
        crew = desk.cities.crew(desk.unit)
        now = Situation(
            me=desk.me,
            role=self.rights_at(dossier.source if dossier else self._source_for_new()).role,
            unit=desk.unit if crew is not None else None,
            unit_outside=crew is not None and self._is_unit_outside(crew),
            unit_busy=self._panel == "units" and bool(desk.cities.jobs(crew)),
            undo=self._deeds.undo_text,
            undo_is_over=self._deeds.last_is_over,
            lost=self.lost(),
            radio_call=self.radio_call(),
            unsent_report=self.unsent_report(),
            unsent_may_be_sent=self.unsent_may_be_sent(),
            setback=self.setback(),
            doubted=self.doubted() > 0,
            may_believe=self._may_believe(),
            pointing=self.is_pointing(),
            writes=self._may_write,
            barred=self.why_reading_only(dossier.source if dossier else self._source_for_new()),
            filtered=desk.filter.narrowed,
            listed=desk.view is not None and len(desk.view.order) > 0,
            hazard=desk.view is not None and len(desk.view.hazards) > 0,
            unread=bool(desk.row) and dossier is None,
            left_behind=desk.is_left_behind,
        )
        if dossier is None:
            return now
        report = dossier.shown
        service = desk.catalog(dossier.source).services.get(report.service or "")
        stuck = self._stuck(dossier)
        lead = _lead(dossier, stuck)
        no_proof = is_proof_missing(report, service, dossier.history)
        return msgspec.structs.replace(
            now,
            me=desk.me_at(dossier.source),
            outside=self._is_outside(dossier),
            report=True,
            numbered=dossier.server is not None,
            status=report.status,
            holder=report.claim.who if report.claim else None,
            on_hold=self._is_on_hold(report),
            photos=bool(report.photos),
            merged=report.merged_into is not None,
            has_place=report.lat is not None,
            lead_unit=lead.unit if lead else None,
            lead_state=lead.state.value if lead else None,
            lead_stuck=lead is not None and lead.unit in stuck,
            lead_waits_for=self._waits_for(dossier, lead),
            other_unit=self._panel == "units"
            and crew is not None
            and (crew.source, crew.unit.id) != (dossier.source, lead.unit if lead else None),
            advice=bool(self._counsel.units),
            duplicate=bool(self._counsel.duplicates),
            needs_proof=no_proof,
            proof_is_old=no_proof and any(photo.role is PhotoRole.AFTER for photo in report.photos),
            crewless=desk.view is not None and bool(desk.row in desk.view.hazards),
            not_sent=next((one.edit.id for one in self._orders() if waits_for_radio(one) and not one.told), ""),
            conflict=next((one.edit.id for one in self._own() if _is_to_settle(one)), ""),
            expired=next((one.edit.id for one in self._own() if one.state is EditState.EXPIRED), ""),
        )

    def _waits_for(self, dossier: Dossier, lead: Assignment | None) -> str:
        """Whose order has sent a crew that the server has not sent, where that is another operator's."""
        me = self._desk.me_at(dossier.source)
        of_others = (one for one in self._orders() if one.edit.author != me and one.state is not EditState.ACCEPTED)
        return next((one.edit.author for one in of_others if lead is not None and one.edit.id == lead.edit), "")

    def _is_on_hold(self, report: Report) -> bool:
        """As the View shows it: a hold whose time is over is none any more, though its server has not ended it yet."""
        view = self._desk.view
        now = datetime.fromtimestamp(view.now_s, UTC) if view is not None else datetime.min.replace(tzinfo=UTC)
        return report.hold_at(now) is not None

    def _may_believe(self) -> bool:
        """A supervisor of some city may; where no city knows its operators everybody is one."""
        roles = {self.rights_at(source).role for source in self._desk.cities.catalogs} - {""}
        return not roles or "supervisor" in roles

    def _is_outside(self, dossier: Dossier) -> bool:
        """Whether the server would refuse this operator's edits on the report, as far as is known."""
        rights, areas = self.rights_at(dossier.source), self._desk.catalog(dossier.source).areas
        report = dossier.server or dossier.shown
        return not in_scope(
            rights.areas, rights.agencies, agency=report.agency, area_upwards=upwards(report.area, areas.get)
        )

    def _is_unit_outside(self, crew: Crew) -> bool:
        """Whether the server would refuse this operator's word on the unit, as far as is known."""
        rights, areas = self.rights_at(crew.source), self._desk.catalog(crew.source).areas
        is_crew = rights.role == "field"  # which speaks for itself
        return not is_crew and not unit_in_scope(rights.areas, rights.agencies, crew.unit, areas.get)

    def title_of(self, dossier: Dossier) -> str:
        """A report's number, category and area."""
        catalog = self._desk.catalog(dossier.source)
        area = catalog.areas.get(dossier.shown.area or "")
        number = dossier.shown.id if dossier.server else self.tr("new report")
        name = catalog.service_name(dossier.shown.service)
        return f"{number} {name}, {area.name}" if area else f"{number} {name}"

    def set_dossier(self, dossier: Dossier | None) -> None:
        """The chosen report."""
        before, self._dossier = self._dossier, dossier
        passed_on = before is not None and dossier is not None and before.shown.agency != dossier.shown.agency
        if dossier is None or self._counsel.row != dossier.row or passed_on:
            self._counsel = Counsel(0)  # the advice on the report before is none on this one
        if dossier is not None:
            self._forms.look_at(dossier)
        self._tell()
        self._look_whether_waiting(dossier.row if dossier is not None else 0, is_read=True)

    def when_read(self, row: int, then: Callable[[], None], dropped: Callable[[], None]) -> None:
        """Run `then` once this report, the chosen one, has been read; `dropped` if another is chosen before."""
        if self.chosen is not None and self.chosen.row == row:
            then()
        else:
            self._waiting = (row, then, dropped)

    def _look_whether_waiting(self, row: int, *, is_read: bool = False) -> None:
        """What waits for one report is forgotten when the operator goes on, lest it be done when he comes back."""
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
            self._tell()

    def run_for_unit(self, action_id: str) -> bool:
        """A unit key for the chosen unit, wherever the keyboard is; as `run`."""
        panel, self._panel = self._panel, "units"
        try:
            return self.run(action_id)
        finally:
            self._panel = panel

    def set_outbox(self, outbox: Sequence[Queued]) -> None:
        """The operator's own edits that are not finished."""
        self._outbox = tuple(outbox)
        self._tell()

    def _orders(self) -> list[Queued]:
        """Those of the chosen report."""
        dossier = self.chosen
        if dossier is None:
            return []
        return [one for one in self._outbox if (one.edit.source, one.edit.report) == (dossier.source, dossier.key)]

    def _own(self) -> list[Queued]:
        """Those of them that this operator made."""
        return [one for one in self._orders() if one.edit.author in ("", self._desk.me_at(one.edit.source))]

    def set_counsel(self, counsel: Counsel) -> None:
        """The advice on it."""
        before, self._counsel = self._counsel, counsel
        was, now = ([(unit.unit_id, unit.jobs > 0) for unit in one.units[:1]] for one in (before, counsel))
        if before.row == counsel.row and was and was != now:
            self._other_first_s = self._steady_s()  # the key's words have changed under the finger
        self._tell()

    def set_photos(self, cards: Mapping[str, PhotoCard], row: int) -> None:
        """The photo cards of the report in this row."""
        self._cards = (row, cards)
        self._forms.set_photos(cards, row)

    def set_may_write(self, may: bool) -> None:
        """Whether this operator may write at all."""
        self._may_write = may
        self._tell()

    def look_again(self) -> None:
        """What may be written may have changed with the time or the link."""
        self._tell()

    def _tell(self) -> None:
        self.situation_changed.emit(self.situation)

    def _why_it_stays(self, deed: Deed) -> str:
        since = self._deeds.crew_since(deed)
        if since is None:
            return self.tr("{what} was sent and cannot be undone").format(what=deed.text)
        unit = self._desk.catalog(deed.source).name("unit", str(deed.data.get("unit")))
        if isinstance(since, AssignmentState):
            text = self.tr("Nothing was undone: {unit} is “{state}” on {report} by now")
            return text.format(unit=unit, state=self.tr(words.ASSIGNMENT_TEXT[since]).lower(), report=deed.report)
        return self.tr("Nothing was undone: {unit} is on {report} no more").format(unit=unit, report=deed.report)

    def _on_catalog(self) -> None:
        """What was undoable may have ended."""
        known = self._desk.loaded >= Loaded.WORK
        cities = self._desk.cities.catalogs
        self._deeds.note_jobs({source: city.assignments for source, city in cities.items()} if known else None)
        self._tell()

    def run(self, action_id: str) -> bool:
        """Carry out an action by its id; False, with the reason said, when it cannot be used now."""
        if action_id == "undo" and (stays := self._deeds.stays) is not None:
            self._deeds.pass_over()
            before = self._deeds.undo_text
            again = self.tr(". The key again: {before}").format(before=before) if before else ""
            self.said.emit(self._why_it_stays(stays) + again)
            self._tell()
            return False
        if not self.may(action_id):
            return False
        doing = getattr(self, f"_do_{action_id}", None)
        if doing is not None:
            doing()
        elif action_id in _UNIT_STEPS:
            self._unit_step(_UNIT_STEPS[action_id])
        elif action_id in _UNIT_STATES:
            self.unit_state(self._desk.unit, action_id)
        else:
            self.window_action.emit(action_id)
        return True

    def run_with_reason(self, action_id: str, words: str) -> bool:
        """As `run`, for an action whose form asks for a reason: these words stand in it already."""
        now = self.situation
        if not self.may(action_id):
            return False
        if action_id == "hold" and now.on_hold:  # without words it would end it
            self.said.emit(self.tr("The report is on hold already"))
            return False
        dossier = self._report()
        key = self._forms.draft_key(action_id, dossier.source, dossier.key)
        self._forms.leave_words(key, "reason", words, self.title_of(dossier))
        return self.run(action_id)

    def show_next(self) -> None:
        """The chosen report was chosen by the program and not by the operator, this moment."""
        self._next = (self._desk.row, self._steady_s() + LOOK_S)

    def _why_not_meant(self) -> str:
        """Why a stroke cannot be meant for what is shown, "" when it can; who goes on striking does not look."""
        row, until_s = self._next
        now_s = self._steady_s()
        if row == self._desk.row and now_s < until_s:
            self._next = (row, max(until_s, now_s + TWICE_S))
            return self.tr("another report has just been shown, press again")
        return self._why_of_no_form()

    def _why_of_no_form(self) -> str:
        """Why a stroke cannot be meant for the window, "" when it can: it was typed for a form that did not open."""
        now_s = self._steady_s()
        if now_s < self._formless_until_s:
            self._formless_until_s = max(self._formless_until_s, now_s + TWICE_S)
            return self.tr("the key before it opened no form, press again")
        return ""

    def press(self, action_id: str) -> bool:
        """As `run`, for the action's own key, which may have been meant for a form or a report that is gone."""
        action = BY_ID[action_id]
        why = ""
        if not action.why_not(self.situation):  # else `run` says why
            why = self._why_not_meant() if action_id in AT_ONCE else self._why_of_no_form() if action.makes else ""
        if why:
            self.said.emit(self.tr("Nothing was done: {why}").format(why=why))
            return False
        if action_id == "submit" and self._forms.just_committed:
            self.said.emit(self.tr("Not handed in: that key was still the form's"))
            return False
        self._forms.go_on()
        done = self.run(action_id)
        if action_id in ASKS_MORE and not self._forms.is_open:  # what was typed behind it was meant for its form
            self._formless_until_s = self._steady_s() + LOOK_S
        return done

    def act(self, action_id: str) -> bool:
        """As `press`, for a verb of the report panel: its Enter may have been meant for a form, or one that never was.

        What a crew did cannot be undone, so that its verb waits like the one that sends a crew.
        """
        if action_id in AT_ONCE and self._forms.just_committed:
            self.said.emit(self.tr("Nothing was done: that key was still the form's"))
            return False
        return self.press(action_id)

    def may(self, action_id: str) -> bool:
        """Whether an action can be used now; why not is said."""
        why_not = BY_ID[action_id].why_not(self.situation)
        if why_not:
            self.said.emit(self.tr(why_not))
        return not why_not

    def is_here(self, crews: Sequence[Crew]) -> bool:
        """Whether one of these units works on the chosen report; that none does is said."""
        dossier = self.chosen
        own = self._own_of(crews)
        if dossier is not None and own is not None and any(one.unit == own.unit.id for one in dossier.live):
            return True
        self.said.emit(self.tr("{unit} is not on this report").format(unit=crews[0].unit.code))
        return False

    def _own_of(self, crews: Sequence[Crew]) -> Crew | None:
        """Of units with one code, the one of the chosen report's own city."""
        dossier = self.chosen
        return next((one for one in crews if dossier is not None and one.source == dossier.source), None)

    def meant(self, crews: Sequence[Crew], *, here: bool = False) -> Crew | None:
        """Which of the units with one code is meant by what a unit does: the only one, else that of the chosen report's
        city or the chosen one, if these agree. With `here` the report's city decides alone.
        """
        own = self._own_of(crews)
        if here or len(crews) == 1:
            return own if here else crews[0]
        near = [one for one in crews if one in (own, self._desk.cities.crew(self._desk.unit))]
        return near[0] if len(near) == 1 else None

    def other_work(self, crew: Crew, report: str) -> list[Assignment]:
        """What a unit has to do beside this report; what this operator ordered and no server has yet is among it."""
        work = self._deeds.work_given(crew.source, crew.unit.id, self._desk.cities.jobs(crew))
        return [job for job in work if job.report != report]

    def why_not_meant(self, crews: Sequence[Crew], *, of_report: bool) -> str:
        """Why no unit of these can be meant: `of_report` it must be one of the chosen report's city. "" when one is."""
        code, dossier = crews[0].unit.code, self.chosen
        if of_report and dossier is not None and self._own_of(crews) is None:
            return self._not_of_city(dossier, code)
        if not of_report and self.meant(crews) is None:
            return self.tr("{n} cities have a {unit}: choose it in the units panel first").format(
                n=len(crews), unit=code
            )
        return ""

    def _not_of_city(self, dossier: Dossier, code: str) -> str:
        city = self._desk.city_name(dossier.source)
        return self.tr("{unit} is no unit of {city}, where this report is").format(unit=code, city=city)

    def on_chosen(self, action_id: str, deed: Callable[[Dossier], object]) -> bool:
        """Do something to the chosen report at once, under the rule of this action; False when it cannot be done."""
        if not self.may(action_id):
            return False
        deed(self._report())
        return True

    def on_chosen_with(self, crews: Sequence[Crew], action_id: str, deed: Callable[[Dossier, str], object]) -> bool:
        """The same with a unit: of those with one code the one of the report's city; that there is none is said."""
        if not self.may(action_id):
            return False
        own = self._own_of(crews)
        if own is None:
            self.said.emit(self._not_of_city(self._report(), crews[0].unit.code))
            return False
        deed(self._report(), own.unit.id)
        return True

    def dispatch_chosen(self, unit_id: str) -> None:
        """Send this unit of its city to the chosen report, if that can be done now."""
        self.on_chosen("assign", lambda dossier: self._dispatch_once(dossier, unit_id))

    def _dispatch_once(self, dossier: Dossier, unit_id: str) -> None:
        """Send it unless the same stroke, bounced or struck twice, has just sent one: the list has moved up since."""
        if self._forms.just_committed:
            self.said.emit(self.tr("Nothing was sent: that key was still the form's"))
            return
        if why := self._why_not_meant():
            self.said.emit(self.tr("Nothing was sent: {why}").format(why=why))
            return
        before, self._sent = self._sent, (dossier.row, self._steady_s())
        if before[0] == dossier.row and self._sent[1] - before[1] < TWICE_S:
            self.said.emit(self.tr("Nothing more was sent: that key had just sent a unit"))
        else:
            self.dispatch(dossier, unit_id)

    # What is done to a report gets that report: a form is answered when another one may be the chosen one.

    def dispatch(self, dossier: Dossier, unit_id: str) -> None:
        """Send this unit of the report's city."""
        unit = self._unit_for(dossier, unit_id)
        if unit is not None and job_in_force(Kind.DISPATCH, unit_id, dossier.live) is not None:
            self.said.emit(self.tr("{unit} is on this report already").format(unit=unit.code))
        elif unit is not None:
            self._deeds.dispatch(dossier, unit.id, unit.code, stack=self._comes_next(dossier, unit.id))

    def _comes_next(self, dossier: Dossier, unit_id: str) -> bool:
        """Whether an order to this unit is for after other work: as its advice says, where that is shown.

        Work that another has given it since the advice was made is not known to whoever gives the order, so that the
        server has to ask; what he gave it himself he knows, at the server or not.
        """
        here = self._counsel.row == dossier.row
        able = (*self._counsel.units, *self._counsel.further) if here else ()
        advice = next((one for one in able if one.unit_id == unit_id), None)
        jobs = self._desk.catalog(dossier.source).by_unit.get(unit_id, []) if advice is None else []
        given = self._deeds.work_given(dossier.source, unit_id, jobs)
        return (advice is not None and advice.jobs > 0) or any(one.report != dossier.key for one in given)

    def assign(self, dossier: Dossier, unit_id: str) -> None:
        """Reserve this unit of the report's city."""
        unit = self._unit_for(dossier, unit_id)
        if unit is not None:
            self._deeds.assign(dossier, unit.id, unit.code)

    def _unit_for(self, dossier: Dossier, unit_id: str) -> Unit | None:
        """The report's city's unit; that it has none of this id is said."""
        unit = self._desk.catalog(dossier.source).units.get(unit_id)
        if unit is None:
            self.said.emit(self._not_of_city(dossier, unit_id))
        return unit

    def recall(self, dossier: Dossier, unit_id: str) -> None:
        """Call this unit back."""
        unit = self._desk.catalog(dossier.source).units.get(unit_id)
        self._deeds.recall(dossier, unit_id, unit.code if unit else unit_id)

    def set_priority(self, dossier: Dossier, priority: int) -> None:
        """Give the report another priority."""
        if priority != dossier.shown.priority:
            self._deeds.set_fields(dossier, {"priority": priority}, self.tr("Priority {n}").format(n=priority))

    def note(self, dossier: Dossier, text: str) -> None:
        """Add an internal note."""
        if text.strip():
            self._deeds.note(dossier, text.strip())

    def reply(self, dossier: Dossier, text: str) -> None:
        """Answer the reporter."""
        if text.strip():
            self._deeds.reply(dossier, text.strip())

    def unit_state(self, key: str, state: str, reason: str = "") -> None:
        """Set a unit's own state; being unavailable needs a reason, which is asked for."""
        crew = self._desk.cities.crew(key)
        if crew is None:
            return
        unit = crew.unit
        if self._is_unit_outside(crew):
            self.said.emit(self.tr("{unit} is outside your areas and agencies").format(unit=unit.code))
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
        self._deeds.unit_state(crew.source, unit.id, unit.code, state, reason, unit.state.value)

    def merge_into(self, dossier: Dossier, number: str, created: datetime) -> None:
        """Close the report as a duplicate of another, which was created then."""
        self._deeds.merge(dossier, number, created)

    def _report(self) -> Dossier:
        """The chosen report of an action whose rule asks for one."""
        dossier = self.chosen
        assert dossier is not None
        return dossier

    def _as_told(self, dossier: Dossier) -> Dossier:
        """The report that a form is about as it is by now: what another changed meanwhile the form has said.

        Of one that is not the chosen one any more nothing was said: there the server asks who is to have it.
        """
        now = self.chosen
        return now if now is not None and (now.source, now.key) == (dossier.source, dossier.key) else dossier

    def _do_take(self) -> None:
        self._deeds.take(self._report())

    def _do_release(self) -> None:
        self._deeds.release(self._report())

    @property
    def first_just_changed(self) -> bool:
        """Whether another unit became the first recommended one so lately that a key was still meant for the last.

        One that was free and has work since is another: it would come only after that.
        """
        return self._steady_s() - self._other_first_s < TWICE_S

    def _do_dispatch(self) -> None:
        first = self._counsel.units[0]
        if self.first_just_changed:
            sentence = self.tr("Nothing was sent: {unit} has just become the first, press again to send it")
            if first.jobs:
                sentence = self.tr("Nothing was sent: {unit} has just become the first, after other work. Press again")
            self.said.emit(sentence.format(unit=first.code))
        else:
            self._dispatch_once(self._report(), first.unit_id)

    def _do_assign(self) -> None:
        dossier = self._report()
        able = {advice.unit_id: advice for advice in (*self._counsel.units, *self._counsel.further)}
        places = {unit_id: place for place, unit_id in enumerate(able)}
        units = sorted(
            (
                unit
                for unit in offered(self._desk.catalog(dossier.source).units)
                if unit.state.value not in ("off_shift", "unavailable")
            ),
            key=lambda unit: (places.get(unit.id, len(places)), unit.code),
        )
        rows = [self._unit_choice(unit, able.get(unit.id)) for unit in units]
        title, about = self.tr("Assign without sending"), self.title_of(dossier)
        self._forms.choose(title, about, rows, lambda unit_id: self.assign(dossier, unit_id))

    def _unit_choice(self, unit: Unit, advice: Advice | None) -> Choice:
        """A unit to choose, with how far it is where it is known to be able."""
        away_m = advice.distance_m if advice is not None else None
        away = words.distance(away_m, self._counsel.off_m) if away_m is not None else ""
        parts = (away, self.tr(words.UNIT_TEXT[unit.state]), ", ".join(unit.skills))
        note = " · ".join(part for part in parts if part)
        return Choice(unit.id, unit.code, note, unit_state=words.UNIT_SYMBOL[unit.state])

    def _do_recall(self) -> None:
        """Call the crew back; of several it is asked which."""
        dossier, catalog = self._report(), self._desk.catalog(self._report().source)
        units = [one.unit for one in dossier.live]
        if len(units) < 2:
            self.recall(dossier, self.situation.lead_unit or "")
            return
        rows = [
            Choice(
                job.unit,
                catalog.units[job.unit].code if job.unit in catalog.units else job.unit,
                self.tr(words.ASSIGNMENT_TEXT[job.state]),
            )
            for job in dossier.live
        ]
        title, about = self.tr("Call back"), self.title_of(dossier)
        self._forms.choose(title, about, rows, lambda unit_id: self.recall(dossier, unit_id))

    def _do_told(self) -> None:
        self._deeds.told(self.situation.not_sent, self._desk.me_at(self._report().source))

    def _do_wanted(self) -> None:
        self._deeds.still_wanted(self.situation.expired)

    def _do_priority(self) -> None:
        dossier = self._report()
        rows = [Choice(str(n), f"{n} {self.tr(text)}") for n, text in words.PRIORITY_TEXT.items()]
        title, about = self.tr("Priority"), self.title_of(dossier)
        now = str(dossier.shown.priority)
        with self._forms.about(dossier, "priority"):
            self._forms.choose(
                title, about, rows, lambda key: self.set_priority(self._as_told(dossier), int(key)), current=now
            )

    def _do_category(self) -> None:
        dossier = self._report()
        services = offered(self._desk.catalog(dossier.source).services)
        rows = [Choice(one.code, one.name, glyph=one.glyph, words=one.keywords) for one in services]
        rows.sort(key=lambda row: row.text.casefold())
        title, about = self.tr("Category"), self.title_of(dossier)
        now = dossier.shown.service or ""
        with self._forms.about(dossier, "service"):
            self._forms.choose(
                title, about, rows, lambda code: self._set_category(self._as_told(dossier), code), current=now
            )

    def _set_category(self, dossier: Dossier, code: str) -> None:
        if code == dossier.shown.service:
            return
        catalog = self._desk.catalog(dossier.source)
        before, after = (catalog.services.get(one or "") for one in (dossier.shown.service, code))
        fields = fields_of_category(dossier.shown, before, after) if after is not None else {"service": code}
        text = self.tr("Category {name}").format(name=catalog.service_name(code))
        if "agency" in fields:
            text = self.tr("{text}, {agency}").format(text=text, agency=catalog.agency_name(fields["agency"]))
        self._deeds.set_fields(dossier, fields, text)

    def _do_transfer(self) -> None:
        dossier = self._report()
        catalog = self._desk.catalog(dossier.source)
        rows = [Choice(f"agency:{one.code}", one.name, self.tr("agency")) for one in offered(catalog.agencies)]
        rows += [Choice(f"area:{one.code}", catalog.place(one.code), self.tr("area")) for one in offered(catalog.areas)]
        rows.sort(key=lambda row: (not row.id.startswith("agency:"), row.text.casefold()))
        title, about = self.tr("Transfer to"), self.title_of(dossier)
        now = f"agency:{dossier.shown.agency}"
        with self._forms.about(dossier, "priority", "agency", "area", "status"):
            self._forms.choose(title, about, rows, lambda key: self._transfer(self._as_told(dossier), key), current=now)

    def _transfer(self, dossier: Dossier, key: str) -> None:
        field, code = key.split(":", 1)
        catalog = self._desk.catalog(dossier.source)
        name = catalog.agency_name(code) if field == "agency" else catalog.place(code)
        fields: dict[str, Any] = {field: code}
        if dossier.shown.status in (Status.NEW, Status.RETURNED) and field == "agency":
            fields["status"] = Status.COORDINATION.value
        elif key == f"agency:{dossier.shown.agency}":
            return  # where the list began
        self._deeds.set_fields(dossier, fields, self.tr("Transfer to {name}").format(name=name))

    def _do_place(self) -> None:
        dossier = self._report()
        with self._forms.about(dossier, "place"):
            self._forms.place(
                dossier.source,
                self.title_of(dossier),
                field_value(dossier.shown, "place"),
                self._forms.draft_key("place", dossier.source, dossier.key),
                lambda place: self._set_place(dossier, place),
            )

    def _set_place(self, dossier: Dossier, place: dict[str, Any]) -> None:
        if place != field_value(dossier.shown, "place"):
            self._deeds.set_fields(dossier, {"place": place}, self.tr("Place"))

    def _do_unmerge(self) -> None:
        self._deeds.unmerge(self._report())

    def _do_hold(self) -> None:
        dossier = self._report()
        if self._is_on_hold(dossier.shown):
            self._deeds.set_fields(dossier, {"hold": None}, self.tr("End the hold"))
            return
        with self._forms.about(dossier, "priority", "hold", "status"):
            self._forms.hold(
                dossier,
                self.title_of(dossier),
                self._forms.draft_key("hold", dossier.source, dossier.key),
                lambda hold: self._deeds.set_fields(self._as_told(dossier), {"hold": hold}, self.tr("Hold")),
            )

    def _do_note(self) -> None:
        dossier = self._report()
        sentence = self.tr("Internal, never sent to the reporter. A note that was sent stays.")
        about = self.title_of(dossier)
        key = self._forms.draft_key("note", dossier.source, dossier.key)
        with self._forms.about(dossier):
            self._forms.ask_text(
                self.tr("Note"), about, sentence, (), lambda text: self.note(dossier, text), draft_key=key
            )

    def _do_reply(self) -> None:
        dossier = self._report()
        known = self._desk.catalog(dossier.source).templates
        templates = tuple(one.text for one in known if one.kind == "reply")
        sentence = self.tr("The reporter reads this. A sent reply cannot be undone.")
        title, about = self.tr("Reply to the reporter"), self.title_of(dossier)
        with self._forms.about(dossier):
            self._forms.ask_text(
                title,
                about,
                sentence,
                templates,
                lambda text: self.reply(dossier, text),
                draft_key=self._forms.draft_key("reply", dossier.source, dossier.key),
                verb=self.tr("Send to the reporter"),
            )

    def _do_photo(self) -> None:
        dossier = self._report()
        after = dossier.shown.status in (Status.PROGRESS, Status.ASSIGNED) or not is_open(dossier.shown.status)
        role = "after" if after else "other"  # what stood there when it was reported is the reporter's to show
        place = self._forms.draft_key("photo", dossier.source, dossier.key)
        self._forms.photo(self.title_of(dossier), role, place, lambda photo: self._deeds.photo(dossier, photo))

    def add_photos(self, files: Sequence[tuple[Path, str]], place: str) -> None:
        """Add photos in their roles to the chosen report: they were under way under `place` when the program ended."""
        dossier = self._report()
        for file, role in files:
            self._forms.photos.add(
                file,
                role,
                lambda photo: self._deeds.photo(dossier, photo),
                place=place,
                about=self.title_of(dossier),
                again=True,
            )

    def _do_submit(self) -> None:
        self._deeds.submit_proof(self._report())

    def _do_validate(self) -> None:
        dossier = self._report()

        def decide(accepted: bool, reason: str, disposition: str) -> None:
            self._deeds.validate(dossier, accepted=accepted, reason=reason, disposition=disposition)
            row = self._desk.row
            if row and row != dossier.row and self._desk.filter.tab == "validate":  # working the pile off
                self.when_read(row, self._validate_next, lambda: None)

        own = dossier.is_own_proof(self._desk.me_at(dossier.source))
        barred = self.tr("You delivered this proof: another person has to validate it") if own else ""
        draft_key = self._forms.draft_key("validate", dossier.source, dossier.key)
        row, cards = self._cards
        cards = cards if row == dossier.row else {}
        with self._forms.about(dossier, "priority", "status"):
            self._forms.validate(dossier, self.title_of(dossier), cards, draft_key, decide, barred)

    def _validate_next(self) -> None:
        if self.situation.status is Status.VALIDATION and not BY_ID["validate"].why_not(self.situation):
            self._do_validate()

    def _do_close(self) -> None:
        dossier = self._report()

        def close(disposition: str, reason: str, release: tuple[str, ...]) -> None:
            self._deeds.close(self._as_told(dossier), disposition, reason, release)

        key = self._forms.draft_key("close", dossier.source, dossier.key)
        why = BY_ID["merge"].why_not(self.situation)
        why = self.tr("A duplicate of which? {why}").format(why=self.tr(why)) if why else ""
        with self._forms.about(dossier, "priority", "status", "service", "duplicates"):
            self._forms.close(dossier, self.title_of(dossier), key, close, lambda: self._merge_chosen(dossier), why)

    def _merge_chosen(self, dossier: Dossier) -> None:
        if self.chosen is None or self.chosen.row != dossier.row:
            self._desk.choose(dossier.row)

        def merge() -> None:
            self.run("merge")

        self.when_read(dossier.row, merge, lambda: None)

    def _do_reopen(self) -> None:
        dossier = self._report()
        self._forms.ask_text(
            self.tr("Reopen"),
            self.title_of(dossier),
            self.tr("Why does it need work again? Once sent it is not undone: close it anew."),
            (),
            lambda text: self._deeds.reopen(dossier, text),
            draft_key=self._forms.draft_key("reopen", dossier.source, dossier.key),
            reason=True,
        )

    def _do_undo(self) -> None:
        deed = self._deeds.newest
        if deed is None:
            return
        words = {
            Undo.DONE: self.tr("Undone: {what}"),
            Undo.ASKED: self.tr("Asked back: {what}. It stays if it has left already"),
            Undo.TOO_LATE: self.tr("{what} was sent and cannot be undone"),
        }
        number = deed.report if deed.report and not deed.report.startswith("local:") else ""
        what = " ".join(part for part in (deed.text, number) if part)
        done = self._deeds.undo()
        taken = TakenBack(deed.edit_id, deed.kind, deed.source, deed.report, deed.title, deed.data)
        if done is Undo.DONE and deed.inverse is None and self._forms.keep_words(taken):
            self.said.emit(self.tr("Undone, its words are a draft: {what}").format(what=what))
        else:
            self.said.emit(words[done].format(what=what))
        self._tell()

    def _do_new_report(self) -> None:
        chosen = self.chosen
        followed = chosen is not None and chosen.source in self._desk.cities.catalogs
        self.new_report(chosen.source if chosen is not None and followed else self._source_for_new())

    def new_report(self, source: str, draft_key: str = "") -> None:
        """A report by telephone for this source, or one that was put aside."""
        self._forms.new_report(source, lambda data: self._create(source, data), draft_key=draft_key)

    def _create(self, source: str, data: dict[str, Any]) -> None:
        local_key = f"local:{uuid.uuid4()}"
        name = self._desk.catalog(source).service_name(data.get("service"))
        self._deeds.create(source, data, local_key, name)
        self.created.emit(source, local_key)
        what = new_report_text(data, self._desk.catalog(source))
        self.said.emit(self.tr("Saved: {report}").format(report=what))

    def _unit_step(self, state: AssignmentState) -> None:
        """What the unit did on the chosen report; in the units panel what the chosen one did on its job."""
        now, crew = self.situation, self._desk.cities.crew(self._desk.unit)
        if crew is not None and self._panel == "units":
            if self.unit_in_sight():
                self._step_of_crew(crew, state)
            else:
                meant = self.tr("The chosen unit is {unit}, which was out of sight. The key again tells it")
                self.said.emit(meant.format(unit=self._desk.code_of(crew)))
        elif now.unread:
            self.said.emit(self.tr(UNREAD))
        elif now.left_behind:
            self.said.emit(self.tr(LEFT_BEHIND))
        else:
            self._step_here(self._report(), now.lead_unit or "", state)

    def _step_here(self, dossier: Dossier, unit_id: str, state: AssignmentState) -> None:
        """A unit of the report's city did this there; that it had done so before, or is not there, is said."""
        unit = self._desk.catalog(dossier.source).units.get(unit_id)
        code = unit.code if unit is not None else unit_id
        text = f"{code} {self.tr(words.ASSIGNMENT_TEXT[state])}"
        states = {one.state for one in dossier.live if one.unit == unit_id}
        if state in states or self._deeds.has_told(dossier.source, dossier.key, unit_id, state.value):
            self.said.emit(self.tr("{step} already").format(step=text))
        elif not states:
            self.said.emit(self.tr("{unit} is not on this report").format(unit=code))
        elif why := self._why_no_step(code, states, state):
            self.said.emit(why)
        else:
            version = dossier.server.version if dossier.server else None
            title = dossier.shown.title or dossier.shown.description[:80]
            self._deeds.progress(dossier.source, dossier.key, title, version, unit_id, state.value, text)

    def _why_no_step(self, code: str, states: Collection[AssignmentState], then: AssignmentState) -> str:
        """Why a unit whose work is in one of these states cannot have done this, "" when it can."""
        if any(then in ASSIGNMENT_MAY_BECOME[now] for now in states):
            return ""
        if AssignmentState.RESERVED in states:
            return self.tr("{unit} is only reserved: it has to be sent first").format(unit=code)
        before, after = (self.tr(words.ASSIGNMENT_TEXT[one]) for one in (next(iter(states)), then))
        return self.tr("{unit} is “{now}”: “{then}” cannot follow").format(unit=code, now=before, then=after)

    def _stuck(self, dossier: Dossier) -> frozenset[str]:
        """The units that were sent to a report and have said since that they cannot work."""
        units = self._desk.catalog(dossier.source).units
        sent = (one.unit for one in dossier.live if one.state is not AssignmentState.RESERVED)
        return frozenset(one for one in sent if one in units and units[one].state is UnitState.UNAVAILABLE)

    def _step_of_crew(self, crew: Crew, state: AssignmentState) -> None:
        """A unit did this on the chosen report if it is there, else on its first job, which is read for that."""
        dossier, unit, source = self.chosen, crew.unit, crew.source
        if dossier is not None and dossier.source == source and any(one.unit == unit.id for one in dossier.live):
            self._step_here(dossier, unit.id, state)
            return
        jobs = list(self._desk.catalog(source).by_unit.get(unit.id, []))
        jobs.sort(key=lambda job: job.state is AssignmentState.RESERVED)  # what it was sent to comes first
        text = f"{unit.code} {self.tr(words.ASSIGNMENT_TEXT[state])}"
        if not jobs:
            self.said.emit(self.tr("{unit} is on no report").format(unit=unit.code))
            return
        number = jobs[0].report
        if state is jobs[0].state or self._deeds.has_told(source, number, unit.id, state.value):
            self.said.emit(self.tr("{step} already").format(step=text))
            return
        here = [job.state for job in self._deeds.as_given(source, jobs, number) if job.report == number]
        if why := self._why_no_step(unit.code, here, state):
            self.said.emit(why)
            return

        def tell(report: Report | None) -> None:
            if report is None:
                self.said.emit(
                    self.tr("Report {number} is not here: what {unit} did there cannot be told").format(
                        number=number, unit=unit.code
                    )
                )
            elif not self._deeds.has_told(source, number, unit.id, state.value):
                title = report.title or report.description[:80]
                self._deeds.progress(source, number, title, report.version, unit.id, state.value, text)

        self.read_report(source, number, tell)


def _is_to_settle(queued: Queued) -> bool:
    return queued.state is EditState.CONFLICT or is_deleted(queued)


def _lead(dossier: Dossier, stuck: Collection[str]) -> Assignment | None:
    """The first unit at work that can go on; once all are done and the report is not, the last one that was."""
    if dossier.live:
        return next((one for one in dossier.live if one.unit not in stuck), dossier.live[0])
    done = [one for one in dossier.assignments if one.state is AssignmentState.DONE]
    return done[-1] if done and dossier.shown.status in (Status.ASSIGNED, Status.PROGRESS) else None
