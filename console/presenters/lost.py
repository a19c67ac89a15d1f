"""A lost order stays on the screen wherever the operator has gone, until it is given again or dropped."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, tzinfo

import msgspec
from PySide6.QtCore import QObject, Signal

from console.domain.dependency import stopped_with
from console.domain.edit import Edit, EditState, Kind, Queued, is_deleted, is_order, is_taken_back, was_held_back
from console.edits import Edits
from console.presenters.caps import cap_of
from console.presenters.catalog import Catalog
from console.presenters.conflict import BUSY, conflict_text, deleted_text, first_of, is_settled
from console.presenters.deeds import Deeds
from console.presenters.desk import Desk
from console.presenters.history import edit_text
from console.presenters.status import StatusPresenter
from widgets.notice import Notice

Tr = Callable[[str], str]
_OF_CREW = {
    Kind.DISPATCH: "{unit} was NOT sent",
    Kind.ASSIGN: "{unit} was NOT assigned",
    Kind.RECALL: "{unit} was NOT recalled",
}
_OF_CLAIM = {Kind.CLAIM: "NOT taken", Kind.RELEASE: "NOT released"}
_SAID_S = 60.0
_CONFLICT = EditState.CONFLICT


class LostOrder(msgspec.Struct, frozen=True):
    """What the server did not take, and what is not sent because it rests on that."""

    lost: Queued
    stopped: tuple[Queued, ...]

    @property
    def all(self) -> tuple[Queued, ...]:
        """Both, oldest first."""
        return (self.lost, *self.stopped)

    @property
    def of_crew(self) -> bool:
        """Whether a crew does not know what the operator wants of it."""
        return any(one.edit.kind in _OF_CREW for one in self.all)


def lost_text(order: LostOrder, catalog: Catalog, tr: Tr) -> str:
    """What did not happen: `DMK-02 was NOT sent (told by radio by sari)`."""
    of_crew = [one for one in order.all if one.edit.kind in _OF_CREW]
    if not of_crew:
        if order.lost.edit.kind in _OF_CLAIM:
            return tr(_OF_CLAIM[order.lost.edit.kind])
        return tr("NOT sent: {what}").format(what=edit_text(order.lost, catalog, tr))
    return ", ".join(dict.fromkeys(_of_crew_text(one, catalog, tr) for one in of_crew))


def _of_crew_text(queued: Queued, catalog: Catalog, tr: Tr) -> str:
    unit = catalog.units.get(str(queued.edit.data.get("unit")))
    code = unit.code if unit else str(queued.edit.data.get("unit") or "")
    text = tr(_OF_CREW[queued.edit.kind]).format(unit=code)
    told = tr(" (told by radio by {who})").format(who=queued.told) if queued.told else ""
    return text + told


def why_lost(lost: Queued, catalog: Catalog, zone: tzinfo, now: datetime, tr: Tr) -> str:
    """Why: `budi took the report first, at 14:02`."""
    if is_deleted(lost):
        return tr("the report was {gone}").format(gone=deleted_text(lost, zone, now, tr))
    if is_taken_back(lost):
        return tr("the server was set back and lost it")
    if was_held_back(lost):
        return tr("it was held back with another edit, which is settled now")
    if lost.state is EditState.EXPIRED:
        return tr("its time was over before it could leave")
    if lost.state is not EditState.CONFLICT:
        return lost.problem
    first = first_of(lost, zone, now)
    who, at = first.who or tr("somebody else"), tr(", at {time}").format(time=first.at) if first.at else ""
    if lost.edit.kind in (Kind.CLAIM, Kind.RELEASE):
        return tr("{who} took the report first{at}").format(who=who, at=at)
    if BUSY in lost.theirs:
        report = str(lost.theirs[BUSY].get("report") or "")[:24]
        return tr("{who} sent it to report {report} first{at}").format(who=who, report=report, at=at)
    return conflict_text(lost, catalog, zone, now, tr)


class LostOrders(QObject):
    """Binds what was lost to the notice under the figures, the status bar and undo."""

    changed = Signal()
    """Another lost order, or none, is in the notice."""
    undo_lost = Signal()
    """What undo would have taken back was not sent."""
    report_opened = Signal(str, str)
    settle_asked = Signal(str)
    """There is something to choose: an edit's id."""

    def __init__(
        self,
        edits: Edits,
        desk: Desk,
        deeds: Deeds,
        status: StatusPresenter,
        zone: tzinfo,
        now: Callable[[], datetime],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._edits, self._desk, self._deeds, self._status = edits, desk, deeds, status
        self._zone, self._now = zone, now
        self._told: frozenset[str] = frozenset()
        self._first = ""
        edits.changed.connect(lambda _: self.show())
        edits.opened.connect(self.show)

    @property
    def first(self) -> str:
        """The id of the edit that is in the notice, "" for none."""
        return self._first

    def show(self) -> None:
        """Fill the notice; what is lost since the last time is said, and is nothing to undo."""
        orders = self._orders()
        present = frozenset(one.edit.id for order in orders for one in order.all)
        self._forget(one.edit.id for one in self._edits.lost)
        for order in orders:
            if any(one.edit.id not in self._told for one in order.all):
                self._say(order)
        self._told = present
        first = orders[0].lost.edit.id if orders else ""
        self._status.set_lost(self._notice(orders[0]) if orders else None, max(0, len(orders) - 1))
        if first != self._first:
            self._first = first
            self.changed.emit()

    def see(self) -> None:
        """Choose the report."""
        order = self._shown()
        if order is not None and order.lost.edit.report:
            self.report_opened.emit(order.lost.edit.source, order.lost.edit.report)

    def give_again(self) -> None:
        """Send it all the same; where there is something to choose that is asked."""
        order = self._shown()
        if order is not None and not self._edits.give_again(order.lost.edit.id):
            self.settle_asked.emit(order.lost.edit.id)

    def drop(self) -> None:
        """It is not wanted any more, nor what was stopped with it."""
        order = self._shown()
        if order is not None and self._edits.drop_lost(order.lost.edit.id):
            catalog = self._desk.catalog(order.lost.edit.source)
            what = ", ".join(edit_text(one, catalog, self.tr) for one in order.all)
            self._status.say(self.tr("Dropped: {what}").format(what=what))

    def _shown(self) -> LostOrder | None:
        return next((one for one in self._orders() if one.lost.edit.id == self._first), None)

    def _orders(self) -> list[LostOrder]:
        """Those of crews first, then by age."""
        found = (LostOrder(one, self._edits.stopped_with(one.edit.id)) for one in self._edits.lost)
        orders = [order for order in found if any(is_order(one.edit) for one in order.all)]
        return sorted(orders, key=lambda order: not order.of_crew)

    def _say(self, order: LostOrder) -> None:
        self._forget(one.edit.id for one in order.all)
        catalog = self._desk.catalog(order.lost.edit.source)
        why = why_lost(order.lost, catalog, self._zone, self._now(), self.tr)
        self._status.say(f"{lost_text(order, catalog, self.tr)}: {why}", _SAID_S)

    def _forget(self, edit_ids: Iterable[str]) -> None:
        """What was not done is nothing to undo."""
        newest = self._deeds.newest
        for edit_id in edit_ids:
            self._deeds.forget(edit_id)
        if newest is not self._deeds.newest:
            self.undo_lost.emit()

    def _notice(self, order: LostOrder) -> Notice:
        edit, catalog = order.lost.edit, self._desk.catalog(order.lost.edit.source)
        why = why_lost(order.lost, catalog, self._zone, self._now(), self.tr)
        text = f"{why}. {_report(edit, self.tr)}"
        chooses = _chooses(order)
        buttons = [("lost_see", self.tr("See it"), cap_of("lost_see"))]
        if chooses or order.stopped or not (order.lost.state is _CONFLICT and is_settled(order.lost)):
            verb = self.tr("Decide") if chooses else self.tr("Give it again")
            buttons.append(("lost_again", verb, cap_of("lost_again")))
        buttons.append(("lost_drop", self.tr("Drop it"), cap_of("lost_drop")))
        return Notice("p1" if order.of_crew else "warn", lost_text(order, catalog, self.tr) + ":", text, tuple(buttons))


def _chooses(order: LostOrder) -> bool:
    """Whether sending it again needs an answer: whose change is to stand, what becomes of a deleted report."""
    lost = order.lost
    return is_deleted(lost) or (lost.state is _CONFLICT and not is_settled(lost))


def _report(edit: Edit, tr: Tr) -> str:
    number = edit.report or ""
    named = [] if number.startswith("local:") or not number else [tr("Report {number}").format(number=number[:24])]
    return " ".join([*named, *([edit.title] if edit.title else [])])


def lost_orders_of(outbox: Sequence[Queued], lost: Queued) -> LostOrder:
    """What was lost with one of the edits of a report."""
    return LostOrder(lost, tuple(one for one in stopped_with(lost, outbox) if one.state is EditState.STOPPED))
