"""A report that a colleague took down here and that no server has: what the notice, the rows and its history say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, tzinfo
from typing import Any

import msgspec

from api_client.model import Kind
from console.cache.catalog import Catalog
from console.panels import formatting
from console.panels.action import Actions
from console.panels.qt_outbox import QtOutbox
from console.panels.report.history import edit_text
from console.rules.edit import BEFORE_SIGN_IN, Edit, is_order
from console.rules.pending import created_report
from console.rules.queued import EditState, Queued, is_surely_not_there
from console.rules.report import HAZARD
from widgets.notice import Notice
from widgets.text import one_line

Tr = Callable[[str], str]
_SAID_LONG = 120
_MOST = 50
_MOST_DONE = 20
_NAMELESS = frozenset({Kind.REPLY, Kind.PROGRESS, Kind.UNIT_STATE})
"""What reads without its author where it stands."""


class UnsentReport(msgspec.Struct, frozen=True):
    """Its creation, how many such reports that colleague left here, and whether it may be sent in one's own name.

    Why it may not is `why_not`, "" where the reason is that it is being sent just now.
    """

    create: Queued
    priority: int
    of_author: int
    may_be_sent: bool
    why_not: str = ""

    @property
    def is_loud(self) -> bool:
        """Whether a life may be in danger and no crew is on its way."""
        return self.priority == HAZARD


def unsent_reports(outbox: QtOutbox) -> list[UnsentReport]:
    """The most urgent of them, and of these the oldest first; of very many no more than can be answered one by one."""
    left = outbox.left_here
    count = Counter((one.edit.source, one.edit.author) for one in left)
    found = []
    for one in sorted(left, key=lambda one: created_report(one.edit).priority)[:_MOST]:
        edit = one.edit
        why_not = outbox.why_refused(edit.source, Kind.CREATE)
        may = not why_not and outbox.may_be_adopted(edit.id)
        priority = _priority(edit, outbox.pending_for(edit.source, edit.report))
        found.append(UnsentReport(one, priority, count[edit.source, edit.author], may, why_not))
    return found


def _priority(create: Edit, done: Sequence[Edit]) -> int:
    """The priority of the report by its creation and what was done to it since, oldest first."""
    given = [one.data["priority"] for one in done if one.kind is Kind.SET and one.data.get("priority")]
    return int(given[-1]) if given else created_report(create).priority


def unsent_notice(
    shown: UnsentReport, catalog: Catalog, zone: tzinfo, now: datetime, tr: Tr, actions: Actions[Any]
) -> Notice:
    """What stands under the figures until it is sent, dropped or its author signs in; loud where life is in danger."""
    edit, count = shown.create.edit, shown.of_author
    if edit.author == BEFORE_SIGN_IN:
        bold = tr("{n} reports that no server has, from before sign-in was needed:")
        if count == 1:
            bold = tr("1 report that no server has, from before sign-in was needed:")
    elif count > 1:
        bold = tr("{author} took down {n} reports that no server has:")
    elif is_surely_not_there(shown.create):
        bold = tr("{author} took down 1 report that no server has:")
    else:
        bold = tr("{author} took down 1 report that no server is known to have:")
    text = report_text(shown.create, catalog, zone, now)
    buttons = [("lost_see", tr("See it"), actions.cap("lost_see"))]
    note = shown.why_not
    if shown.may_be_sent:
        buttons.insert(0, ("lost_again", tr("Send in my name"), actions.cap("lost_again")))
        if not is_surely_not_there(shown.create):
            note = tr("It may have arrived: it is looked for there first, and not made twice")
    elif not note:
        note = tr("It may have left: look for it before you take it down again")
    level = "p1" if shown.is_loud else "info"
    return Notice(level, bold.format(author=edit.author, n=count), text, tuple(buttons), note=note)


def report_text(create: Queued, catalog: Catalog, zone: tzinfo, now: datetime) -> str:
    """When it was taken down and what it says: `09:06 Flood: water to the roof`."""
    edit = create.edit
    said = one_line(str(edit.data.get("description") or edit.title), _SAID_LONG)
    what = ": ".join(part for part in (catalog.service_name(edit.data.get("service")), said) if part)
    return f"{formatting.moment(edit.occurred_at, zone, now)} {what}"


def waits_text(create: Queued, tr: Tr) -> str:
    """What a report that waits for its author says of itself."""
    author = create.edit.author
    if author == BEFORE_SIGN_IN:
        return tr("made before sign-in was needed: no server knows of it")
    if not is_surely_not_there(create):
        return tr("waits for {author} to sign in: not known whether it arrived").format(author=author)
    return tr("waits for {author} to sign in: nobody else knows of it").format(author=author)


def head_text(create: Queued, tr: Tr) -> str:
    """The same, for the head of the report."""
    waits = waits_text(create, tr)
    if is_surely_not_there(create) or create.edit.author == BEFORE_SIGN_IN:
        return tr("Not sent: {waits}").format(waits=waits)
    return waits[:1].upper() + waits[1:]


def taken_down_text(
    create: Queued, others: Sequence[Queued], me: str, catalog: Catalog, zone: tzinfo, now: datetime, tr: Tr
) -> str:
    """The entry that names who took the report down, and whose the facts are that go with it.

    What others ordered is not among them: it is given again by whoever is asked about it, or not at all.
    """
    when = formatting.day_and_clock(create.edit.occurred_at, zone, now)
    sent = tr("Taken down by {author} at {time}, sent by {me}.")
    lines = [sent.format(author=create.edit.author, time=when, me=me)]
    facts = [one for one in others if not is_order(one.edit)]
    for one in facts[:_MOST_DONE]:
        what = one_line(edit_text(Queued(one.edit, EditState.QUEUED), catalog, tr), _SAID_LONG)
        who = f"{one.edit.author}: " if one.edit.kind in _NAMELESS else ""
        lines.append(f"{formatting.day_and_clock(one.edit.occurred_at, zone, now)} {who}{what}")
    if len(facts) > _MOST_DONE:
        lines.append(f"+{len(facts) - _MOST_DONE}")
    return "\n".join(lines)
