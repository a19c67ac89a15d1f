"""Hand-overs: which shift it is, what has to be confirmed by itself, when a confirmation no longer counts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
import pytest

from api_client.decoding import convert
from api_client.model import Handover, HandoverLine, HandoverMark, HandoverSection
from console.rules.handover import (
    LATE,
    LONGEST_REMARK,
    HandoverDraft,
    changed_since,
    confirmed_together,
    end_of_shift,
    ended_shift,
    id_of_shift,
    is_confirmed,
    is_not_handed_over,
    left_over,
    mark_of,
    marked,
    remarked,
    still_musts,
    unsigned_at,
)
from console.rules.shifts import ShiftSpan, shift_at, shift_to_hand_over

NOW = datetime(2026, 11, 25, 8, tzinfo=UTC)
JAKARTA, BERLIN = ZoneInfo("Asia/Jakarta"), ZoneInfo("Europe/Berlin")
CONFIRMED, SECTION = HandoverMark.CONFIRMED, HandoverSection.URGENT
HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)


class Line(msgspec.Struct, frozen=True):
    id: str
    priority: int = 3


P1, P2, P3 = Line("report:1", 1), Line("report:2", 2), Line("report:3", 3)


@pytest.mark.parametrize(
    ("at", "start", "end"),
    [
        ("2026-11-25T06:59", "2026-11-24T23:00", "2026-11-25T07:00"),
        ("2026-11-25T07:00", "2026-11-25T07:00", "2026-11-25T15:00"),
        ("2026-11-25T22:59", "2026-11-25T15:00", "2026-11-25T23:00"),
        ("2026-11-25T23:30", "2026-11-25T23:00", "2026-11-26T07:00"),
    ],
)
def test_shifts_change_at_seven_three_and_eleven_by_the_citys_clock(at: str, start: str, end: str) -> None:
    shift = shift_at(datetime.fromisoformat(at).replace(tzinfo=JAKARTA), JAKARTA)
    assert [f"{one.astimezone(JAKARTA):%Y-%m-%dT%H:%M}" for one in (shift.start, shift.end)] == [start, end]


def test_the_night_in_which_clocks_are_set_back_is_one_shift() -> None:
    shift = shift_at(datetime(2026, 10, 25, 1, 30, tzinfo=UTC), BERLIN)
    assert shift.end - shift.start == timedelta(hours=9)
    assert shift.start == datetime(2026, 10, 24, 21, tzinfo=UTC)


def test_in_the_first_hour_it_is_the_shift_before_that_is_handed_over() -> None:
    at = datetime(2026, 11, 25, 15, 20, tzinfo=JAKARTA)
    assert shift_to_hand_over(at, JAKARTA) == shift_at(at - timedelta(hours=1), JAKARTA)
    assert shift_to_hand_over(at + timedelta(hours=1), JAKARTA) == shift_at(at, JAKARTA)


def test_a_p1_is_confirmed_by_itself_and_has_to_be() -> None:
    draft = HandoverDraft(NOW)
    assert confirmed_together(draft, [P1, P2, P3]) == [P2, P3]
    draft = marked(draft, [P2, P3], CONFIRMED, "dewi", NOW)
    assert confirmed_together(draft, [P1, P2, P3]) == []
    assert still_musts(draft, [P1, P2, P3]) == [P1]
    assert still_musts(marked(draft, [P1], HandoverMark.QUESTION, "dewi", NOW), [P1]) == [P1]
    assert still_musts(marked(draft, [P1], CONFIRMED, "dewi", NOW), [P1, P2, P3]) == []


def test_what_became_a_p1_since_it_was_confirmed_is_to_be_confirmed_again() -> None:
    draft = marked(HandoverDraft(NOW), [P3], CONFIRMED, "dewi", NOW)
    now_p1 = Line(P3.id, 1)
    assert is_confirmed(draft, P3)
    assert not is_confirmed(draft, now_p1)
    assert still_musts(draft, [now_p1]) == [now_p1]
    again = marked(draft, [now_p1], CONFIRMED, "dewi", NOW)
    assert is_confirmed(again, now_p1)
    assert is_confirmed(again, P3), "one that is a P1 no more stays confirmed"


def test_a_mark_and_a_remark_of_a_line_leave_one_another_alone() -> None:
    draft = marked(remarked(HandoverDraft(NOW), P1.id, "ask PLN"), [P1], CONFIRMED, "dewi", NOW)
    assert (draft.of(P1.id).remark, draft.of(P1.id).by, mark_of(draft, P1)) == ("ask PLN", "dewi", CONFIRMED)
    draft = remarked(draft, P1.id, "x" * 1000)
    assert (len(draft.of(P1.id).remark), mark_of(draft, P1)) == (LONGEST_REMARK, CONFIRMED)
    bare = remarked(marked(draft, [P1], None, "dewi", NOW), P1.id, "")
    assert bare.notes == {}


def test_it_says_which_lines_came_or_changed_since() -> None:
    draft = HandoverDraft(NOW, seen={"a": "new", "b": "new"})
    assert changed_since(draft, {"a": "new", "b": "assigned", "c": "new"}) == {"b", "c"}


def test_a_draft_comes_back_from_the_disk_as_it_was() -> None:
    draft = marked(remarked(HandoverDraft(NOW, "dewi", seen={"a": "x"}), "a", "b"), [P1], CONFIRMED, "dewi", NOW)
    assert convert(msgspec.json.decode(msgspec.json.encode(draft)), HandoverDraft) == draft


def handover(key: str, *lines: tuple[str, bool], shift_h: int = 8, signed: bool = True) -> Handover:
    """A hand-over of rina's whose shift ends at an hour of the day; a line is a report, and whether it is confirmed."""
    end = NOW.replace(hour=shift_h)
    made = tuple(
        HandoverLine(f"report:{one}", SECTION, one, report=one, mark=CONFIRMED if is_marked else None)
        for one, is_marked in lines
    )
    times = (end, end - 8 * HOUR, end, end, end)
    return Handover(key, "rina", *times, made, "dewi", end if signed else None)


def test_a_quarter_of_an_hour_after_the_shift_what_nobody_took_over_is_late() -> None:
    signed, offered = handover("a", ("1", False), ("2", True)), handover("b", ("3", False), signed=False)
    offered = msgspec.structs.replace(offered, outgoing="sari")
    unit = HandoverLine("unit:7", SECTION, "SDA-7", unit="7")
    signed = msgspec.structs.replace(signed, lines=(*signed.lines, unit))
    both, due = [signed, offered], NOW + LATE
    for at in (due - SECOND, NOW + 12 * HOUR):
        assert (left_over(both, at), unsigned_at(both, at)) == ({}, [])
    assert left_over(both, due) == {"1": ("rina", due)}
    assert unsigned_at(both, due) == [(offered, due)]
    late = msgspec.structs.replace(signed, signed=due + HOUR)
    assert left_over([late], due + HOUR) == {"1": ("rina", due + HOUR)}, "it was signed later"


def test_what_was_offered_at_another_desk_is_no_alarm_once_the_shift_is_handed_over() -> None:
    """Nobody can sign it any more, so its alarm could only be acknowledged, for twelve hours."""
    offered, signed = handover("a", ("1", False), signed=False), handover("b", ("1", True))
    of_sari = msgspec.structs.replace(offered, id="c", outgoing="sari")
    assert unsigned_at([offered, signed, of_sari], NOW + LATE) == [(of_sari, NOW + LATE)]


def test_what_a_later_hand_over_confirms_is_taken_over() -> None:
    first = handover("a", ("1", False), ("2", False))
    second = handover("b", ("1", True), shift_h=16)
    at = NOW + 9 * HOUR
    assert set(left_over([first, second], at)) == {"2"}
    assert set(left_over([second, first], at)) == {"2"}


def test_a_shift_is_late_a_quarter_of_an_hour_after_it_until_the_next_one_is() -> None:
    evening = NOW.replace(hour=15, minute=15)
    night = ended_shift(evening - SECOND, UTC)
    assert (night.start.hour, night.end.hour) == (23, 7)
    assert (ended_shift(evening, UTC).end.hour, ended_shift(evening + 8 * HOUR, UTC).end.hour) == (15, 23)


def test_nobody_handed_it_over_where_others_are_and_it_is_not() -> None:
    shift = ended_shift(NOW.replace(hour=15, minute=15), UTC)
    before = handover("before", shift_h=7)
    assert is_not_handed_over([before], shift)
    week = timedelta(days=7)
    long_ago = msgspec.structs.replace(before, shift_end=shift.end - week - SECOND)
    assert not is_not_handed_over([long_ago], shift), "a city that does not hand its shifts over is left in peace"
    assert is_not_handed_over([long_ago, msgspec.structs.replace(before, shift_end=shift.end - week)], shift)
    for later_h in (15, 23):
        assert not is_not_handed_over([before, handover("later", shift_h=later_h, signed=False)], shift)
    ahead = msgspec.structs.replace(before, shift_start=shift.end + 40 * HOUR, shift_end=shift.end + 47 * HOUR)
    assert is_not_handed_over([before, ahead], shift), "nobody has handed over what begins the day after tomorrow"


def test_what_such_an_alarm_is_about_is_the_same_everywhere_and_nothing_else_is() -> None:
    shift = ended_shift(NOW.replace(hour=15, minute=15), UTC)
    about = id_of_shift(ShiftSpan(shift.start, shift.end.astimezone(ZoneInfo("Asia/Jakarta"))))
    assert (about, end_of_shift(about)) == (id_of_shift(shift), shift.end)
    assert [end_of_shift(one) for one in ("shift:", "shift:tomorrow", "handover-1")] == [None] * 3
