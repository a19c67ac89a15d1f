"""An order that a colleague told a unit by radio here, and that no server has: what the notice and its history say."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, tzinfo
from typing import Any

import msgspec

from api_client.model import Kind
from console.cache.catalog import Catalog
from console.panels import formatting
from console.panels.action import Actions
from console.panels.qt_outbox import QtOutbox
from console.panels.report.history import report_number, unit_code
from console.rules.queued import Queued
from console.rules.report import HAZARD
from widgets.notice import Notice

Tr = Callable[[str], str]


class LeftOrder(msgspec.Struct, frozen=True):
    """The order, and whether it may be given in one's own name; why it may not, "" while it is being sent just now."""

    order: Queued
    may_be_given: bool
    why_not: str = ""

    @property
    def priority(self) -> int:
        """The priority that its report had when it was given; what is not known counts as a hazard."""
        return int(self.order.edit.about.get("priority", HAZARD))


def left_orders(outbox: QtOutbox) -> list[LeftOrder]:
    """The orders of other operators that units were told by radio here and that no server has, oldest first."""
    found = []
    for one in outbox.told_by_others:
        why_not = outbox.why_refused(one.edit.source, one.edit.kind)
        found.append(LeftOrder(one, not why_not and outbox.may_be_adopted(one.edit.id), why_not))
    return found


def left_notice(
    shown: LeftOrder, catalog: Catalog, zone: tzinfo, now: datetime, tr: Tr, actions: Actions[Any]
) -> Notice:
    """What stands under the figures until the order is given, dropped, or its author signs in; red for a P1."""
    edit = shown.order.edit
    bold = tr(
        "{unit} was told by radio to come back, and no server knows it:"
        if edit.kind is Kind.RECALL
        else "{unit} was told by radio to go there, and no server knows it:"
    ).format(unit=unit_code(edit, catalog))
    number = report_number(edit)
    report = " ".join(
        part for part in (tr("Report {number}").format(number=number) if number else "", edit.title) if part
    )
    when = formatting.moment(edit.occurred_at, zone, now)
    # Who told the crew comes first: a small screen cuts the end.
    text = tr("by {author}, {when}. {report}").format(report=report, author=edit.author, when=when)
    buttons = [("lost_see", tr("See it"), actions.cap("lost_see"))]
    if shown.may_be_given:
        buttons.insert(0, ("lost_again", tr("Give it in my name"), actions.cap("lost_again")))
        note = tr("Other desks do not see it")
    else:
        note = shown.why_not or tr("It is being sent")
    return Notice("p1" if shown.priority == HAZARD else "warn", bold, text, tuple(buttons), note=note)


def order_given_text(order: Queued, me: str, catalog: Catalog, zone: tzinfo, now: datetime, tr: Tr) -> str:
    """The entry that names who gave the order by radio, and when: true whatever the server says to the order itself."""
    edit = order.edit
    text = tr(
        "{unit} was called back by radio by {author} at {time}; {me} has taken that over."
        if edit.kind is Kind.RECALL
        else "{unit} was told by radio to go there by {author} at {time}; {me} has taken that over."
    )
    time = formatting.day_and_clock(edit.occurred_at, zone, now)
    return text.format(unit=unit_code(edit, catalog), author=edit.author, time=time, me=me)
