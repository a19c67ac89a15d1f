"""Shows what needs an answer in the notice above the map, one thing at a time, the most urgent first.

Loud: an order that was lost; one that is not sent and not told by radio; one that the unit was told and that was given
up; one that its crew refused; a new P1 without a crew; a report or an order that only this console has, because the
colleague who made it here is gone. Less loud: other lost edits, and what others took over.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, tzinfo

import msgspec
from PySide6.QtCore import QObject, Signal

from api_client.model import Kind
from console.cache.catalog import Catalog
from console.panels import formatting
from console.panels.notifications.hazards import HazardNews, NewHazard
from console.panels.notifications.left_orders import LeftOrder, left_notice, left_orders, order_given_text
from console.panels.notifications.offers import OfferedReport
from console.panels.notifications.setback import CLAIMS, Setback
from console.panels.notifications.unsent_reports import UnsentReport, taken_down_text, unsent_notice, unsent_reports
from console.panels.qt_outbox import QtOutbox
from console.panels.report.conflict_text import BUSY, conflict_text, deleted_text, first_of, is_own
from console.panels.report.history import call_back_text, edit_text, recipient_in, report_number, unit_code
from console.panels.situation import NoticeState
from console.panels.sources import Sources
from console.panels.status import StatusController
from console.panels.stop_text import stop_text
from console.panels.undo_stack import UndoStack, UndoStep
from console.panels.window_state import WindowState
from console.rules.correspondence import thread_of
from console.rules.divert import beside
from console.rules.edit import Edit, is_local, is_order
from console.rules.engagement import job_in_force
from console.rules.merge import server_value
from console.rules.queued import (
    STUCK,
    EditState,
    Queued,
    is_deleted,
    is_in_force,
    is_settled,
    is_taken_back,
    is_undone_no_more,
    job_since,
    was_held_back,
)
from console.rules.report import HAZARD
from console.rules.status import ENDED_ASSIGNMENT
from widgets.key_repeats import TWICE_S
from widgets.notice import Notice

Tr = Callable[[str], str]
_OF_CREW = {
    Kind.DISPATCH: "{unit} was NOT sent",
    Kind.ASSIGN: "{unit} was NOT assigned",
    Kind.RECALL: "{unit} was NOT recalled",
}
_HAZARD_NEWS = {
    HazardNews.REPORTED: "New P1 without a crew:",
    HazardNews.STANDING: "P1 without a crew:",
    HazardNews.LEFT: "P1 without a crew, nobody has it now:",
    HazardNews.ALONE: "P1 without a crew (any more):",
    HazardNews.STILL: "P1 still without a crew:",
}
_DROPPED_BY_THEMSELVES = frozenset({Kind.ALARM, Kind.READ})
"""See Alarms and MessagesController: nobody is asked about these."""
_OF_CLAIM = {
    Kind.CLAIM: "NOT taken",
    Kind.RELEASE: "NOT released",
    Kind.OFFER: "NOT given to a colleague",
    Kind.DECLINE: "NOT declined",
}
_SAID_S = 60.0
_CONFLICT = EditState.CONFLICT


class LostOrder(msgspec.Struct, frozen=True):
    """An edit that the server did not take (`lost`), and the edits that were stopped because they rest on it."""

    lost: Queued
    stopped: tuple[Queued, ...]

    @property
    def all(self) -> tuple[Queued, ...]:
        """The lost edit and the stopped ones, oldest first."""
        return (self.lost, *self.stopped)

    @property
    def of_crew(self) -> bool:
        """Whether an order to a crew is among them, so that a crew does not know what it should do."""
        return any(one.edit.kind in _OF_CREW for one in self.all)


class RadioCall(msgspec.Struct, frozen=True):
    """An order that its unit is to be told by radio; with `back` one that was given up after the unit was told of it,
    so that the unit is to be called back.
    """

    order: Queued
    back: bool

    @property
    def of_crew(self) -> bool:
        """A crew does not know what the operator wants of it."""
        return True


Unanswered = LostOrder | RadioCall | UnsentReport | LeftOrder | Setback | NewHazard | OfferedReport


def lost_text(order: LostOrder, catalog: Catalog, tr: Tr) -> str:
    """What did not happen, as text: `DMK-02 was NOT sent (told by radio by sari)`."""
    of_crew = [one for one in order.all if one.edit.kind in _OF_CREW]
    if not of_crew:
        if order.lost.state is _CONFLICT and is_undone_no_more(order.lost):
            return tr("NOT undone: {what}").format(what=edit_text(order.lost, catalog, tr))
        if order.lost.edit.kind in _OF_CLAIM:
            return tr(_OF_CLAIM[order.lost.edit.kind])
        return tr("NOT sent: {what}").format(what=edit_text(order.lost, catalog, tr))
    return ", ".join(dict.fromkeys(_of_crew_text(one, catalog, tr) for one in of_crew))


def _of_crew_text(queued: Queued, catalog: Catalog, tr: Tr) -> str:
    if _has_left(queued):
        return tr("{unit} is on this report no more").format(unit=unit_code(queued.edit, catalog))
    there, who = _in_force(queued, catalog)
    if there:
        text = tr("{unit} is on this report already, sent by {who}" if who else "{unit} is on this report already")
        who = tr("you") if who == queued.edit.author else who
        return text.format(unit=unit_code(queued.edit, catalog), who=who)
    text = tr(_OF_CREW[queued.edit.kind]).format(unit=unit_code(queued.edit, catalog))
    told = tr(" (told by radio by {who})").format(who=queued.told_by_radio) if queued.told_by_radio else ""
    return text + told


def _in_force(queued: Queued, catalog: Catalog) -> tuple[bool, str]:
    """Whether another order has sent the same unit to the same report, and who gave it ("" when that is not known)."""
    edit = queued.edit
    if is_in_force(queued):
        return True, server_value(queued.theirs["unit"])[1] or ""
    unit = str(edit.data.get("unit"))
    here = [one for one in catalog.by_unit.get(unit, []) if one.report == edit.report and one.edit != edit.id]
    job = job_in_force(edit.kind, unit, here)
    if job is None:
        return False, ""
    return True, job.orderer


def _has_left(queued: Queued) -> bool:
    """Whether a recalled unit has left the report anyway, for example because it is done there."""
    return queued.edit.kind is Kind.RECALL and job_since(queued) in ENDED_ASSIGNMENT


def _crews_are_there(order: LostOrder, catalog: Catalog) -> bool:
    """Whether each unit of the lost order is where the order wanted it, by another order: no unit has to be told
    anything.
    """
    of_crew = [one for one in order.all if one.edit.kind in _OF_CREW]
    return bool(of_crew) and all(_in_force(one, catalog)[0] or _has_left(one) for one in of_crew)


def _is_fulfilled(order: LostOrder, catalog: Catalog) -> bool:
    """Whether all its units are where it wanted them and nothing else was stopped with it: it need not be given
    again.
    """
    rest = [one for one in order.stopped if one.edit.kind not in _OF_CREW]
    return not rest and _crews_are_there(order, catalog)


def why_lost(lost: Queued, catalog: Catalog, zone: tzinfo, now: datetime, tr: Tr) -> str:
    """Why the edit was lost, as text: `budi took the report first, at 14:02`."""
    if is_deleted(lost):
        return tr("the report was {gone}").format(gone=deleted_text(lost, zone, now, tr))
    if is_taken_back(lost):
        return tr("the server was set back and lost it")
    if was_held_back(lost):
        return tr("it was held back with another edit, which is settled now")
    if lost.state is EditState.EXPIRED:
        return tr("its time was over before it could leave")
    if lost.state is not EditState.CONFLICT:
        return stop_text(lost, tr)
    first = first_of(lost, zone, now)
    own = tr("you") if is_own(first, lost) else ""
    who, at = own or first.who or tr("somebody else"), tr(", at {time}").format(time=first.at) if first.at else ""
    if lost.edit.kind in _OF_CLAIM and not is_undone_no_more(lost):
        # protects: who-closed-it-has-not-taken-it
        if "status" in lost.theirs:  # nobody has taken it: it was closed, or merged into another one
            return tr("{who} closed the report{at}").format(who=who, at=at)
        return tr("{who} took the report first{at}").format(who=who, at=at)
    if BUSY in lost.theirs and lost.theirs[BUSY].get("priority") is None:
        report = str(lost.theirs[BUSY].get("report") or "")[:24]
        return tr("{who} sent it to report {report} first{at}").format(who=who, report=report, at=at)
    return conflict_text(lost, catalog, zone, now, tr)


class LostOrders(QObject):
    """Fills the notice above the map, and says new losses in the status bar. Lost edits are removed from the undo
    stack.

    One thing is in the notice at a time: the most urgent by `_urgency`.
    """

    changed = Signal()
    """Another order, or none, is in the notice."""
    undo_lost = Signal()
    """What undo would have taken back was not sent."""
    report_opened = Signal(str, str)
    thread_wanted = Signal(str, str)
    """The thread of a message that was lost is to be opened: its source and key."""
    settle_asked = Signal(str)
    """There is something to choose: an edit's id."""
    setback_seen = Signal(object)
    """A setback was seen, so that what it is about need not be followed any more: `Setback.of`."""
    hazard_seen = Signal(int)
    """The row of a new hazard that the operator knows of now: its alarm is acknowledged."""
    offer_answered = Signal(object, bool)
    """The OfferedReport of the notice, and whether the operator takes it; else he declines."""
    hazard_opened = Signal()
    """The new hazard is to be chosen."""

    def __init__(
        self,
        outbox: QtOutbox,
        window_state: WindowState,
        undo_stack: UndoStack,
        status: StatusController,
        sources: Sources,
        zone: tzinfo,
        now: Callable[[], datetime],
        steady_s: Callable[[], float] = time.monotonic,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._outbox, self._window_state, self._undo_stack, self._status = outbox, window_state, undo_stack, status
        self._sources, self._zone, self._now, self._steady_s = sources, zone, now, steady_s
        self._told: frozenset[str] = frozenset()
        self._said = ("", "")
        """The lost edit that was said at the foot, and how."""
        self._setbacks: list[Setback] = []
        self._hazards: tuple[NewHazard, ...] = ()
        self._offers: tuple[OfferedReport, ...] = ()
        self._told_of: dict[tuple[str, str, str], bool] = {}
        """Whose entries were told, and whether with a crew."""
        self._shown: Unanswered | None = None
        self._shown_since_s = -TWICE_S
        outbox.changed.connect(lambda _: self.show())
        outbox.opened.connect(self.show)

    @property
    def lost(self) -> str:
        """The id of the lost edit that is in the notice, "" for none."""
        return self._shown.lost.edit.id if isinstance(self._shown, LostOrder) else ""

    @property
    def radio_call(self) -> str:
        """The id of the order in the notice of which a unit is to be told by radio, "" for none."""
        return self._shown.order.edit.id if isinstance(self._shown, RadioCall) else ""

    @property
    def unsent_report(self) -> str:
        """The id of the creation, or the order, in the notice that a colleague left here, "" for none."""
        return _edit_of(self._shown).id if isinstance(self._shown, UnsentReport | LeftOrder) else ""

    @property
    def may_be_sent(self) -> bool:
        """Whether the operator may send `unsent_report` in his own name."""
        if isinstance(self._shown, LeftOrder):
            return self._shown.may_be_given
        return isinstance(self._shown, UnsentReport) and self._shown.may_be_sent

    @property
    def is_only_seen(self) -> bool:
        """Whether there is nothing to answer: what others did, a new hazard, an order whose crew is there already."""
        shown = self._shown
        if isinstance(shown, LostOrder):
            return _is_fulfilled(shown, self._window_state.catalog(shown.lost.edit.source))
        return isinstance(shown, Setback | NewHazard)

    @property
    def told_row(self) -> int:
        """The row of the new P1 without a crew that is in the notice, 0 for none."""
        return self._shown.row if isinstance(self._shown, NewHazard) else 0

    @property
    def offer(self) -> OfferedReport | None:
        """What a colleague offers in the notice, None for nothing."""
        return self._shown if isinstance(self._shown, OfferedReport) else None

    def set_offers(self, offers: tuple[OfferedReport, ...]) -> None:
        """Take over the reports that colleagues offer to the operator."""
        self._offers = offers
        self.show()

    @property
    def notice_state(self) -> NoticeState:
        """What the keys of the notice act on."""
        return NoticeState(
            lost=self.lost,
            radio_call=self.radio_call,
            unsent_report=self.unsent_report,
            unsent_may_be_sent=self.may_be_sent,
            setback=self.is_only_seen,
            offer=self.offer is not None,
        )

    def set_hazards(self, hazards: tuple[NewHazard, ...]) -> None:
        """Take over the new P1 without a crew that the operator has not looked at.

        A notice that such a report was closed is dropped, as it is open again.
        """
        self._hazards = hazards
        burning = {one.row for one in hazards}
        for setback in [one for one in self._setbacks if one.is_over and one.row in burning]:
            self._setbacks.remove(setback)
            self.setback_seen.emit(setback.of)
        self.show()

    @property
    def setbacks(self) -> tuple[Setback, ...]:
        """The setbacks that the operator has not seen."""
        return tuple(self._setbacks)

    def tell(self, setback: Setback) -> None:
        """Show a setback until it was seen; once, even if several followers noticed it.

        Which crew was released with it may be known only a moment later; the fuller notice then replaces the first.
        """
        key = (setback.me, setback.source, setback.entry)
        known = self._told_of.get(key) if setback.entry else None
        if setback in self._setbacks:
            return
        same = [one for one in self._setbacks if setback.entry and (one.me, one.source, one.entry) == key]
        if known is not None and not same and (known or not setback.of_crew):
            self.setback_seen.emit(setback.of)  # it was seen, before this came to be noticed too
            return
        of = setback.of.union(*(one.of for one in same))
        if known is not None and (known or not setback.of_crew):
            together = {id(one): msgspec.structs.replace(one, of=of) for one in same}
            self._setbacks = [together.get(id(one), one) for one in self._setbacks]
            self.show()
            return
        setback = msgspec.structs.replace(setback, of=of)
        if setback.entry:
            self._told_of[key] = setback.of_crew
            self._setbacks = [one for one in self._setbacks if one not in same]
        self._forget(step.edit_id for step in self._undo_stack.remembered if _has_ended(step, setback))
        self._setbacks.append(setback)
        self.show()

    def show(self) -> None:
        """Fill the notice, and say what was lost since the last call.

        Called for every change of the outbox and once a second, as an order that is not sent in time becomes urgent.
        """
        orders = self._lost_orders()
        present = frozenset(one.edit.id for order in orders for one in order.all)
        self._forget(one.edit.id for one in self._outbox.lost)
        for order in orders:
            if any(one.edit.id not in self._told for one in order.all):
                self._say(order)
        self._told = present
        if self._said[0] not in present:
            self._status.unsay(self._said[1])
        mine = [one for one in self._setbacks if one.me == self._window_state.me]
        # That its crew does not come is said with the reason; of what a crew wrote nobody knows that it has left since.
        with_setback = {one.row for one in mine if not one.is_note}
        hazards = [one for one in self._hazards if one.row not in with_setback]
        unanswered: list[Unanswered] = [
            *orders,
            *self._radio_calls(),
            *(one for one in unsent_reports(self._outbox) if self._sources.follows(one.create.edit.source)),
            *(one for one in left_orders(self._outbox) if self._is_missed(one.order)),
            *mine,
            *hazards,
            *self._offers,
        ]
        unanswered.sort(key=self._urgency)
        first = unanswered[0] if unanswered else None
        notice = None if first is None else self._notice(first)
        walked = len(hazards) if isinstance(first, NewHazard) else len(unanswered)
        self._status.set_lost(notice, max(0, walked - 1), len(unanswered) - walked)
        before, self._shown = self._shown, first
        if _what(before) != _what(first):
            self._shown_since_s = self._steady_s()
            self.changed.emit()

    def _is_missed(self, order: Queued) -> bool:
        """Whether the server lacks an order that a colleague told a unit by radio, and is followed here.

        If another console has sent the same unit there meanwhile, the order is not missed.
        """
        source = order.edit.source
        # protects: who-is-sent-anyway-is-not-missed
        return self._sources.follows(source) and not _in_force(order, self._window_state.catalog(source))[0]

    def see(self) -> None:
        """Choose the report of the notice, or open the thread of its message."""
        shown = self._shown
        if isinstance(shown, Setback) and shown.is_gone:
            self._status.say(self.tr("Report {n} is not at the server any more").format(n=shown.report))
        elif isinstance(shown, Setback):
            self._seen(shown)
            self.report_opened.emit(shown.source, shown.report)
        elif isinstance(shown, NewHazard):
            self.hazard_opened.emit()
        elif isinstance(shown, OfferedReport):
            self.report_opened.emit(shown.source, shown.report)
        elif shown is not None and (edit := _edit_of(shown)).kind is Kind.MESSAGE:
            self.thread_wanted.emit(edit.source, thread_of(recipient_in(edit.data)))
        elif shown is not None and edit.report:
            self.report_opened.emit(edit.source, edit.report)

    def _seen(self, setback: Setback) -> None:
        self._setbacks.remove(setback)
        self.setback_seen.emit(setback.of)
        self.hazard_seen.emit(setback.row)
        self.show()

    def give_again(self) -> None:
        """Send the lost edit again, or a colleague's in the operator's own name; where there is something to choose,
        emit `settle_asked`.
        """
        order = self._shown
        if isinstance(order, OfferedReport) and self.was_meant():
            self.offer_answered.emit(order, True)
        if isinstance(order, UnsentReport | LeftOrder):
            self._adopt(order)
        if not isinstance(order, LostOrder) or not self.was_meant():
            return
        catalog = self._window_state.catalog(order.lost.edit.source)
        if _is_fulfilled(order, catalog):
            said = self.tr("Nothing was sent: {why}").format(why=lost_text(order, catalog, self.tr))
            self._status.say(said)
        elif not self._outbox.give_again(order.lost.edit.id):
            self.settle_asked.emit(order.lost.edit.id)

    def _adopt(self, left: UnsentReport | LeftOrder) -> None:
        """Send a colleague's report or order in the present operator's name, or say why not."""
        if not self.was_meant():
            return
        edit = _edit_of(left)
        catalog, me = self._window_state.catalog(edit.source), self._window_state.me_at(edit.source)

        def words_of(create: Queued, others: Sequence[Queued]) -> str:
            if isinstance(left, LeftOrder):
                return order_given_text(create, me, catalog, self._zone, self._now(), self.tr)
            return taken_down_text(create, others, me, catalog, self._zone, self._now(), self.tr)

        if left.why_not:
            self._status.say(left.why_not)
        elif self._outbox.adopt(edit.id, words_of):
            order = isinstance(left, LeftOrder)
            said = self.tr("Given in your name" if order else "Saved in your name, taken down by {author}")
            self._status.say(said.format(author=edit.author))
        else:
            self._status.say(self.tr("It may have left already: it waits for {author}").format(author=edit.author))

    def note_told_by_radio(self) -> None:
        """Note that the unit in the notice was told its order by radio, or was called back."""
        call = self._shown
        if not isinstance(call, RadioCall) or not self.was_meant():
            return
        edit = call.order.edit
        if call.back:
            self._outbox.mark_called_back(edit.id)
        else:
            self._outbox.mark_told(edit.id, self._window_state.me_at(edit.source))

    def see_off(self) -> None:
        """Mark the notice as seen if it needs no answer; an order that does stays until it is sent again or dropped."""
        shown = self._shown
        if shown is None or not self.is_only_seen or not self.was_meant():
            return
        if isinstance(shown, Setback):
            self._seen(shown)
        elif isinstance(shown, NewHazard):
            self.hazard_seen.emit(shown.row)
        elif isinstance(shown, LostOrder):
            self._drop(shown)

    def drop(self) -> None:
        """Drop the lost edit in the notice, with the edits that were stopped with it."""
        shown = self._shown
        if isinstance(shown, OfferedReport) and self.was_meant():
            self.offer_answered.emit(shown, False)
        if isinstance(shown, LostOrder) and not self.is_only_seen and self.was_meant():
            self._drop(shown)

    def _drop(self, order: LostOrder) -> None:
        if not self._outbox.drop_lost(order.lost.edit.id):
            return
        catalog = self._window_state.catalog(order.lost.edit.source)
        if _crews_are_there(order, catalog):  # who told them by radio told them what is so
            for one in order.all:
                self._outbox.mark_called_back(one.edit.id)
        what = ", ".join(edit_text(one, catalog, self.tr) for one in order.all)
        self._status.say(self.tr("Dropped: {what}").format(what=what))

    def was_meant(self) -> bool:
        """Whether the key press can have been meant for this notice, and not for the one it has just replaced; says so
        when it was not.
        """
        if self._steady_s() - self._shown_since_s >= TWICE_S:
            return True
        self._status.say(self.tr("Nothing was done: the notice has just changed, press again"))
        return False

    def _lost_orders(self) -> list[LostOrder]:
        lost = (one for one in self._outbox.lost if one.edit.kind not in _DROPPED_BY_THEMSELVES)
        return [LostOrder(one, self._outbox.stopped_with(one.edit.id)) for one in lost]

    def _radio_calls(self) -> list[RadioCall]:
        """Orders that are not sent and not told by radio, and orders that were told and then given up."""
        away = self._sources.is_away
        unsent = (one for one in self._outbox.untold if self._outbox.is_not_sent(one.edit, away=away(one.edit.source)))
        return [
            *(RadioCall(one, back=False) for one in unsent),
            *(RadioCall(one, back=True) for one in self._outbox.to_call_back),
        ]

    def _say(self, order: LostOrder) -> None:
        self._forget(one.edit.id for one in order.all)
        if is_taken_back(order.lost):
            return  # of what a server lost that was set back it is said how much that is
        catalog = self._window_state.catalog(order.lost.edit.source)
        why = why_lost(order.lost, catalog, self._zone, self._now(), self.tr)
        named = _report(order.lost.edit, self.tr)  # another may be the chosen one
        text = f"{lost_text(order, catalog, self.tr)}: {why.rstrip('.')}"
        self._said = (order.lost.edit.id, f"{text}. {named}" if named else text)
        self._status.say(self._said[1], _SAID_S)

    def _forget(self, edit_ids: Iterable[str]) -> None:
        """Remove lost edits from the undo stack."""
        newest = self._undo_stack.newest
        for edit_id in edit_ids:
            self._undo_stack.forget(edit_id)
        if newest is not self._undo_stack.newest:
            self.undo_lost.emit()

    def _urgency(self, shown: Unanswered) -> tuple[bool, int, int, int]:
        """The sort key of the notice: first where a crew does not come, by the priority of its report; what needs an
        answer before what is only to be seen, and that before what is over; then the oldest. A lost order whose units
        are there anyway does not count as a missing crew. A P1 that a colleague gives comes after each new P1, and
        before what crews write, which would keep it from sight until it is too late to take it.
        """
        if isinstance(shown, NewHazard):
            return False, HAZARD, 2, 1
        if isinstance(shown, OfferedReport):
            # protects: a-p1-that-is-given-is-seen
            return (False, HAZARD, 2, 2) if shown.priority == HAZARD else (True, shown.priority, 1, 0)
        if isinstance(shown, Setback):
            # protects: a-new-p1-stands-before-what-crews-write
            return not shown.of_crew, shown.priority, 3 if shown.is_over else 2, 3 if shown.is_note else 0
        edit = _edit_of(shown)
        if isinstance(shown, UnsentReport):
            return not shown.is_loud, shown.priority, 1, edit.number
        if isinstance(shown, LeftOrder):  # its crew knows of it, the other consoles do not
            return shown.priority != HAZARD, shown.priority, 1, edit.number
        catalog = self._window_state.catalog(edit.source)
        comes = not shown.of_crew or (isinstance(shown, LostOrder) and _crews_are_there(shown, catalog))
        return comes, _priority(edit), int(not is_order(edit) and not shown.of_crew), edit.number

    def _notice(self, shown: Unanswered) -> Notice:
        if isinstance(shown, NewHazard):
            cap = self._window_state.actions.cap
            go = ("next_hazard", self.tr("Go there"), cap("next_hazard"))
            known = ("alarm_acknowledge", self.tr("Acknowledge"), cap("alarm_acknowledge"))
            silent = ("alarm_silence", self.tr("Silence"), cap("alarm_silence"))
            bold = self.tr(_HAZARD_NEWS[shown.news])
            return Notice(_level(HAZARD), bold, shown.text, (go, known, silent), note=self._when(shown.at))
        if isinstance(shown, Setback):
            see = ("lost_see", self.tr("See it"), self._window_state.actions.cap("lost_see"))
            seen = ("lost_seen", self.tr("Seen"), self._window_state.actions.cap("lost_seen"))
            level = _level(shown.priority) if shown.of_crew else "info"
            keys = (seen,) if shown.is_gone else (see, seen)
            return Notice(level, shown.bold, shown.text, keys, note=self._when(shown.at))
        if isinstance(shown, OfferedReport):
            return self._offer_notice(shown)
        if isinstance(shown, UnsentReport):
            catalog = self._window_state.catalog(shown.create.edit.source)
            return unsent_notice(shown, catalog, self._zone, self._now(), self.tr, self._window_state.actions)
        if isinstance(shown, LeftOrder):
            catalog = self._window_state.catalog(shown.order.edit.source)
            return left_notice(shown, catalog, self._zone, self._now(), self.tr, self._window_state.actions)
        return self._radio_notice(shown) if isinstance(shown, RadioCall) else self._lost_notice(shown)

    def _offer_notice(self, offer: OfferedReport) -> Notice:
        cap = self._window_state.actions.cap
        buttons = (
            ("lost_again", self.tr("Take it"), cap("lost_again")),
            ("lost_drop", self.tr("Decline"), cap("lost_drop")),
            ("lost_see", self.tr("See it"), cap("lost_see")),
        )
        bold = self.tr("{who} gives you {report}:").format(who=offer.by, report=offer.report)
        return Notice("info", bold, offer.what, buttons, note=self._when(offer.at))

    def _when(self, at: datetime | None) -> str:
        """When the thing in the notice happened, as text: the notice may stand for long."""
        return formatting.moment(at, self._zone, self._now()) if at is not None else ""

    def _radio_notice(self, call: RadioCall) -> Notice:
        edit, catalog = call.order.edit, self._window_state.catalog(call.order.edit.source)
        code, report = unit_code(edit, catalog), _report(edit, self.tr).rstrip(".")
        recall = edit.kind is Kind.RECALL
        if call.back:
            bold = call_back_text(call.order, catalog, self.tr)
            told = self.tr(
                "{who} told it to come back, and that is given up. {report}."
                if recall
                else "{who} told it to come, and that order is given up. {report}."
            )
            text = told.format(who=call.order.told_by_radio, report=report)
            verb = self.tr("Told so") if recall else self.tr("Called back")
        else:
            unit = catalog.units.get(str(edit.data.get("unit")))
            bold, verb = formatting.not_sent(call.order, unit, code, self.tr), self.tr("Told by radio")
            text = self.tr("to come back: {report}." if recall else "to come: {report}.").format(report=report)
            if others := [one[:24] for one in beside(edit) if not is_local(one)]:
                words = self.tr("{text} It goes back to {reports}." if recall else "{text} It leaves {reports}.")
                text = words.format(text=text, reports=", ".join(others))
        if away := self._sources.away_since(edit.source):
            text = f"{text} {away}"
        note = self._sources.next_try() if away else ""
        buttons = [("radio_told", verb, self._window_state.actions.cap("radio_told"))]
        if edit.report:
            buttons.append(("lost_see", self.tr("See it"), self._window_state.actions.cap("lost_see")))
        if away:  # this stands where the notice of the outage would, with its key
            buttons.append(("refresh", self.tr("Try now"), self._window_state.actions.cap("refresh")))
        return Notice(_level(_priority(edit)), bold, text, tuple(buttons), note=note)

    def _lost_notice(self, order: LostOrder) -> Notice:
        edit, catalog = order.lost.edit, self._window_state.catalog(order.lost.edit.source)
        why = why_lost(order.lost, catalog, self._zone, self._now(), self.tr)
        text = f"{why.rstrip('.')}. {_report(edit, self.tr)}"
        chooses, fulfilled = _chooses(order), _is_fulfilled(order, catalog)
        there = _crews_are_there(order, catalog)
        buttons = []
        if edit.report is not None or edit.kind is Kind.MESSAGE:
            buttons.append(("lost_see", self.tr("See it"), self._window_state.actions.cap("lost_see")))
        settled = order.lost.state is _CONFLICT and is_settled(order.lost)
        if not fulfilled and (chooses or order.stopped or not settled):
            verb = self.tr("Decide") if chooses else self.tr("Give it again")
            buttons.append(("lost_again", verb, self._window_state.actions.cap("lost_again")))
        if fulfilled:
            buttons.append(("lost_seen", self.tr("Seen"), self._window_state.actions.cap("lost_seen")))
        else:
            buttons.append(("lost_drop", self.tr("Drop it"), self._window_state.actions.cap("lost_drop")))
        level = _level(_priority(edit)) if order.of_crew and not there else "warn"
        return Notice(level, lost_text(order, catalog, self.tr) + ":", text, tuple(buttons))


def _has_ended(step: UndoStep, setback: Setback) -> bool:
    """Whether it sent or reserved a crew that is on its report no more, or took a report that is the operator's no
    more: there is nothing to take back.
    """
    if step.kind is Kind.CLAIM:
        return (CLAIMS, step.source, step.report) in setback.of
    here = (step.source, step.report) == (setback.source, setback.report)
    return here and step.kind in (Kind.DISPATCH, Kind.ASSIGN) and step.data.get("unit") in setback.units


def _edit_of(shown: LostOrder | RadioCall | UnsentReport | LeftOrder) -> Edit:
    if isinstance(shown, UnsentReport):
        return shown.create.edit
    return shown.lost.edit if isinstance(shown, LostOrder) else shown.order.edit


def _what(shown: Unanswered | None) -> tuple[str, bool, bool] | Setback | int | None:
    """What the notice asks, to be compared: which order, whether it was lost, whether its unit is to be called back."""
    if isinstance(shown, NewHazard):
        return shown.row  # its words may come a moment later
    if isinstance(shown, Setback):
        return msgspec.structs.replace(shown, of=frozenset())
    if isinstance(shown, OfferedReport):
        return f"{shown.source} {shown.report}", False, True
    if shown is None:
        return None
    if isinstance(shown, UnsentReport):
        return shown.create.edit.id, False, shown.may_be_sent
    if isinstance(shown, LeftOrder):
        return shown.order.edit.id, False, shown.may_be_given
    return _edit_of(shown).id, isinstance(shown, LostOrder), isinstance(shown, RadioCall) and shown.back


def _priority(edit: Edit) -> int:
    """The priority that its report had when the order was given; what is not known counts as a hazard."""
    return int(edit.about.get("priority", HAZARD))


def _level(priority: int) -> str:
    """How loud the notice of a crew that does not know, or does not come, is: red is for life and safety."""
    return "p1" if priority == HAZARD else "warn"


def _chooses(order: LostOrder) -> bool:
    """Whether sending it again needs an answer: whose change is to stand, what is done with a deleted report."""
    lost = order.lost
    return is_deleted(lost) or (lost.state is _CONFLICT and not is_settled(lost))


def _report(edit: Edit, tr: Tr) -> str:
    number = report_number(edit)
    named = [tr("Report {number}").format(number=number)] if number else []
    return " ".join([*named, *([edit.title] if edit.title else [])])


def lost_with(outbox: QtOutbox, queued: Queued) -> LostOrder | None:
    """A lost edit with what is stopped because of it; None when it is not lost."""
    return LostOrder(queued, outbox.stopped_with(queued.edit.id)) if queued.state in STUCK else None
