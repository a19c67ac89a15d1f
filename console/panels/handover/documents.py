"""Hand-overs as the server has them: which one concerns the operator, its lines, and what is offered."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from msgspec.structs import replace

from api_client.model import MOST_HANDOVER_LINES, Handover, HandoverLine, HandoverMark, HandoverOffer, HandoverSection
from console.board.view import View
from console.cache.catalog import Cities
from console.cache.reader import CacheReader
from console.panels.handover.text import ShownLine
from console.rules.handover import HandoverDraft, LineNotes, mark_of
from console.rules.report import HAZARD
from console.rules.shifts import ShiftSpan

_OFFERED_FOR = timedelta(hours=4)
"""So long what was offered is shown to who may take it over."""
_LONGEST_LINE, _LONGEST_ID = 500, 200


def offered_to(handovers: Iterable[Handover], me: str, now: datetime) -> Handover | None:
    """The newest hand-over that a colleague offers to this operator, or to whomever, and that nobody has signed."""
    offered = (one for one in handovers if one.signed is None and one.outgoing != me and one.incoming in ("", me))
    return next((one for one in offered if abs(now - one.offered) <= _OFFERED_FOR), None)


def of_shift(handovers: Iterable[Handover], me: str, shift: ShiftSpan) -> Handover | None:
    """What this operator has handed over, or offers, of a shift."""
    return next((one for one in handovers if one.outgoing == me and one.shift_start == shift.start), None)


def lines_of(handover: Handover, view: View, reader: CacheReader, cities: Cities, source: str) -> tuple[ShownLine, ...]:
    """The lines of a hand-over, each with the row and the present status of its report, as far as it is here."""
    shown = []
    for line in handover.lines:
        row = reader.row_of(source, line.report) if line.report is not None else None
        fact = next(iter(view.row_facts([row])), None) if row is not None else None
        is_his = fact is not None and cities.code("user", fact.claim) == handover.outgoing
        shown.append(
            ShownLine(
                id=line.id,
                section=line.section,
                title=line.text,
                stands=line.stands,
                # protects: what-is-a-p1-by-now-has-to-be-confirmed
                priority=HAZARD if fact is not None and fact.priority == HAZARD else line.priority,
                status=fact.status if fact is not None else 0,
                report=line.report or "",
                unit=line.unit or "",
                row=fact.row if fact is not None else 0,
                area="" if fact is None or is_his else cities.code("area", fact.area) or "",
            )
        )
    sections, order = list(HandoverSection), {line.id: number for number, line in enumerate(shown)}
    return tuple(sorted(shown, key=lambda line: (sections.index(line.section), order[line.id])))


def written_on(handover: Handover, own: HandoverDraft) -> HandoverDraft:
    """What stands on the lines of a hand-over: until it is signed the operator's own marks, as it is he who takes over
    what those at the other desk have marked.
    """
    notes = {}
    for line in handover.lines:
        if handover.signed is None:
            mine = own.of(line.id)
            notes[line.id] = replace(mine, remark=line.remark)
        else:
            hazard = line.priority == HAZARD
            notes[line.id] = LineNotes(
                line.remark, line.mark, line.marked_by, line.marked_at, hazard, asked=own.of(line.id).asked
            )
    return HandoverDraft(handover.begun, own.incoming or handover.incoming, notes, own.seen, handover.id)


def offer_of(draft: HandoverDraft, lines: Sequence[ShownLine], shift: ShiftSpan) -> HandoverOffer:
    """What is offered: the lines as they stand, with what was written on them."""
    return HandoverOffer(
        id=draft.id,
        begun=draft.begun,
        shift_start=shift.start,
        shift_end=shift.end,
        lines=tuple(_line_of(draft, line) for line in lines if len(line.id) <= _LONGEST_ID)[:MOST_HANDOVER_LINES],
        incoming=draft.incoming,
    )


def marks_of(draft: HandoverDraft, lines: Iterable[ShownLine]) -> dict[str, HandoverMark]:
    """The marks that count, by the ids of their lines."""
    return {line.id: mark for line in lines if (mark := mark_of(draft, line)) is not None}


def _line_of(draft: HandoverDraft, line: ShownLine) -> HandoverLine:
    notes, mark = draft.of(line.id), mark_of(draft, line)
    stands = ", ".join(part for part in (line.when, line.stands) if part)
    return HandoverLine(
        id=line.id,
        section=line.section,
        text=line.title[:_LONGEST_LINE],
        stands=stands[:_LONGEST_LINE],
        priority=line.priority,
        report=line.report or None,
        unit=line.unit or None,
        remark=notes.remark,
        mark=mark,
        marked_by=notes.by if mark is not None else "",
        marked_at=notes.at if mark is not None else None,
    )
