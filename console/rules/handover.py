"""The hand-over of a shift: what was written on its lines, what has to be confirmed before it is signed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Protocol

import msgspec
from msgspec.structs import replace

from api_client.model import Handover, HandoverMark
from console.rules.report import HAZARD
from console.rules.shifts import ShiftSpan, shift_at

MOST_OF_A_SECTION = 60
"""So many lines of a section are listed, the most urgent; a P1 is never left out for that."""
MOST_HAZARDS = 400
"""Of more P1 than that it is said how many are left out: nobody confirms them one by one."""
LONGEST_REMARK = 500
LATE = timedelta(minutes=15)
"""So long after the end of a shift what nobody took over is an alarm,"""
_LOOKED_BACK = timedelta(hours=12)
"""and until so long: the shifts after it have drafts of their own."""
_USED_WITHIN = timedelta(days=7)
"""A city in which no shift was handed over for so long does not hand them over."""
_LONGEST_SHIFT = timedelta(hours=24)
_SHIFT = "shift:"


class LineNotes(msgspec.Struct, frozen=True, omit_defaults=True):
    """What was written on a line: the remark of who hands over, and the mark of who takes over.

    `hazard` is whether it was a P1 when it was marked. `question` is what somebody types to ask about it, `asked` the
    id of the message by which it was asked last.
    """

    remark: str = ""
    mark: HandoverMark | None = None
    by: str = ""
    at: datetime | None = None
    hazard: bool = False
    question: str = ""
    asked: str = ""


class HandoverDraft(msgspec.Struct, frozen=True, omit_defaults=True):
    """The draft of a hand-over as it is kept at the desk: `begun` is when it was drafted, `incoming` who takes over.

    `seen` are the lines as they stood when it was drafted, or were marked since: id -> a short text of their state.
    `id` is that under which it was offered, "" while it was not.
    """

    begun: datetime
    incoming: str = ""
    notes: dict[str, LineNotes] = {}
    seen: dict[str, str] = {}
    id: str = ""

    def of(self, line: str) -> LineNotes:
        """What was written on a line."""
        return self.notes.get(line, _NOTHING)

    def with_notes(self, line: str, notes: LineNotes) -> HandoverDraft:
        """The draft with something else written on a line."""
        kept = {key: one for key, one in self.notes.items() if key != line}
        return replace(self, notes=kept if notes == _NOTHING else {**kept, line: notes})


_NOTHING = LineNotes()


class DraftLine(Protocol):
    """A line of a hand-over."""

    @property
    def id(self) -> str:
        """Which report, unit or other thing it is about."""

    @property
    def priority(self) -> int:
        """The priority of its report, 0 where it is about none."""


def remarked(draft: HandoverDraft, line: str, remark: str) -> HandoverDraft:
    """The draft with a remark on a line, "" for none."""
    return draft.with_notes(line, replace(draft.of(line), remark=remark[:LONGEST_REMARK]))


def marked(
    draft: HandoverDraft, lines: Iterable[DraftLine], mark: HandoverMark | None, by: str, at: datetime
) -> HandoverDraft:
    """The draft with a mark on these lines, None for no mark any more."""
    for line in lines:
        before = draft.of(line.id)
        if mark is None:
            after = replace(before, mark=None, by="", at=None, hazard=False)
        else:
            after = replace(before, mark=mark, by=by, at=at, hazard=line.priority == HAZARD)
        draft = draft.with_notes(line.id, after)
    return draft


def asking(draft: HandoverDraft, line: str, question: str) -> HandoverDraft:
    """The draft with a question that is being typed about a line."""
    return draft.with_notes(line, replace(draft.of(line), question=question[:LONGEST_REMARK]))


def asked(draft: HandoverDraft, line: str, message: str) -> HandoverDraft:
    """The draft once the question about a line was sent, as the message of this id."""
    return draft.with_notes(line, replace(draft.of(line), question="", asked=message))


def mark_of(draft: HandoverDraft, line: DraftLine) -> HandoverMark | None:
    """The mark that a line has. What has become a P1 since it was confirmed has none: nobody has confirmed that."""
    notes = draft.of(line.id)
    # protects: a-line-that-became-p1-is-confirmed-again
    if line.priority == HAZARD and not notes.hazard:
        return None
    return notes.mark


def is_confirmed(draft: HandoverDraft, line: DraftLine) -> bool:
    """Whether who takes over has confirmed a line."""
    return mark_of(draft, line) is HandoverMark.CONFIRMED


def confirmed_together(draft: HandoverDraft, lines: Iterable[DraftLine]) -> list[DraftLine]:
    """Which of these lines may be confirmed with one key: those that are not confirmed yet, and no P1."""
    # protects: a-p1-is-confirmed-by-itself
    return [line for line in lines if line.priority != HAZARD and not is_confirmed(draft, line)]


def still_musts(draft: HandoverDraft, lines: Iterable[DraftLine]) -> list[DraftLine]:
    """The lines that have to be confirmed before the hand-over is signed: each P1."""
    return [line for line in lines if line.priority == HAZARD and not is_confirmed(draft, line)]


def unsigned_at(handovers: Iterable[Handover], now: datetime) -> list[tuple[Handover, datetime]]:
    """The hand-overs that were offered, and that nobody has signed though their shifts are over; since when that is
    late. Who has handed his shift over at another desk has nothing to be signed at this one.
    """
    handovers = tuple(handovers)
    given = {(one.outgoing, one.shift_start) for one in handovers if one.signed is not None}
    # protects: what-nobody-can-sign-is-no-alarm
    unsigned = [one for one in handovers if one.signed is None and (one.outgoing, one.shift_start) not in given]
    late = ((one, one.shift_end + LATE) for one in unsigned)
    return [(one, since) for one, since in late if since <= now < one.shift_end + _LOOKED_BACK]


def ended_shift(now: datetime, zone: tzinfo) -> ShiftSpan:
    """The last shift that has been over for so long that its hand-over is late, in the city's zone."""
    return shift_at(shift_at(now - LATE, zone).start - timedelta(seconds=1), zone)


def is_not_handed_over(handovers: Iterable[Handover], shift: ShiftSpan) -> bool:
    """Whether nobody has offered a hand-over of a shift, nor of a later one, in a city that hands its shifts over. What
    is said to be of a shift long after it says nothing of this one.
    """
    # protects: a-shift-that-has-not-begun-is-not-handed-over
    ends = [one.shift_end for one in handovers if one.shift_end <= shift.end + _LONGEST_SHIFT]
    # protects: a-city-without-hand-overs-is-left-in-peace
    is_used = any(shift.end - _USED_WITHIN <= end <= shift.start for end in ends)
    return is_used and not any(end > shift.start for end in ends)


def id_of_shift(shift: ShiftSpan) -> str:
    """What the alarm of a shift that nobody handed over is about, the same at every console."""
    return f"{_SHIFT}{shift.end.astimezone(UTC):%Y-%m-%dT%H:%MZ}"


def end_of_shift(about: str) -> datetime | None:
    """When the shift ended that an alarm is about; None where it is about something else."""
    if not about.startswith(_SHIFT):
        return None
    try:
        return datetime.strptime(about.removeprefix(_SHIFT), "%Y-%m-%dT%H:%MZ").replace(tzinfo=UTC)
    except ValueError:
        return None


def left_over(handovers: Iterable[Handover], now: datetime) -> dict[str, tuple[str, datetime]]:
    """The reports of signed hand-overs that were not confirmed in them, nor in later ones: each with who had handed it
    over, and since when nobody has taken it over.
    """
    found: dict[str, tuple[str, datetime]] = {}
    confirmed: set[str] = set()
    signed = [(one, one.signed) for one in handovers if one.signed is not None]
    for handover, at in sorted(signed, key=lambda one: one[1], reverse=True):
        since = max(at, handover.shift_end + LATE)
        for line in handover.lines:
            if line.report is None:
                continue
            if line.mark is HandoverMark.CONFIRMED:
                confirmed.add(line.report)
            # protects: what-nobody-took-over-is-an-alarm
            elif since <= now < handover.shift_end + _LOOKED_BACK and line.report not in confirmed:
                found.setdefault(line.report, (handover.outgoing, since))
    return found


def confirmed_in(handovers: Iterable[Handover], now: datetime) -> dict[str, tuple[str, datetime, datetime]]:
    """The reports that were confirmed in signed hand-overs: each with who had handed it over, since when it is late if
    he has it still, and when it was signed.
    """
    found: dict[str, tuple[str, datetime, datetime]] = {}
    signed = [(one, one.signed) for one in handovers if one.signed is not None]
    for handover, at in sorted(signed, key=lambda one: one[1], reverse=True):
        since = max(at, handover.shift_end + LATE)
        for line in handover.lines if since <= now < handover.shift_end + _LOOKED_BACK else ():
            if line.report is not None and line.mark is HandoverMark.CONFIRMED:
                found.setdefault(line.report, (handover.outgoing, since, at))
    return found


def handed_over_by(
    handovers: Iterable[Handover], now: datetime
) -> dict[str, tuple[datetime, datetime, frozenset[str]]]:
    """Who has handed his shift over, by his last hand-over that is signed: since when it is late what he has still,
    when it was signed, and the reports in its lines.
    """
    found: dict[str, tuple[datetime, datetime, frozenset[str]]] = {}
    signed = [(one, one.signed) for one in handovers if one.signed is not None]
    for handover, at in sorted(signed, key=lambda one: one[1], reverse=True):
        since = max(at, handover.shift_end + LATE)
        if since <= now < handover.shift_end + _LOOKED_BACK:
            listed = frozenset(line.report for line in handover.lines if line.report is not None)
            found.setdefault(handover.outgoing, (since, at, listed))
    return found


def changed_since(draft: HandoverDraft, states: Mapping[str, str]) -> frozenset[str]:
    """The lines that came, or whose state became another one, since the draft was begun or they were marked."""
    return frozenset(line for line, state in states.items() if draft.seen.get(line) != state)
