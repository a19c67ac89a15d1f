"""Which edits may leave: order within a report, freedom between reports, photos, back-off, death of orders."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from api_client.errors import Busy
from api_client.model import Kind
from console.rules.edit import Edit
from console.sync.outgoing import Outgoing, WaitingEdit
from console.sync.retry import CAP_S, Backoff

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def edit(number: int, kind: Kind = Kind.NOTE, report: str | None = "r1", *, age_s: float = 0, **data: Any) -> Edit:
    made = NOW - timedelta(seconds=age_s)
    return Edit(f"e{number}", kind, report, "rina", "d", number, made, data, source="jkt")


@pytest.fixture
def outgoing() -> Outgoing:
    return Outgoing(600.0, lambda: NOW)


def take(outgoing: Outgoing) -> WaitingEdit | None:
    return outgoing.take(0)[0]


def taken(outgoing: Outgoing) -> list[str]:
    ids = []
    while (waiting := take(outgoing)) is not None:
        ids.append(waiting.edit.id)
    return ids


def test_one_report_goes_in_order_and_others_go_on(outgoing: Outgoing) -> None:
    for each in (edit(2, report="r1"), edit(1, report="r1"), edit(3, report="r2")):
        outgoing.add(each, unconfirmed=False)
    first = take(outgoing)
    assert first is not None
    assert first.edit.id == "e1"
    assert taken(outgoing) == ["e3"]
    outgoing.settled(first)
    assert taken(outgoing) == ["e2"]


def test_a_failing_edit_holds_its_report_only(outgoing: Outgoing) -> None:
    for each in (edit(1), edit(2), edit(3, report="r2")):
        outgoing.add(each, unconfirmed=False)
    first = take(outgoing)
    assert first is not None
    outgoing.again(first, 60, left=True, everything=False)
    assert taken(outgoing) == ["e3"]
    outgoing.hurry()
    assert taken(outgoing) == ["e1"]


def test_a_merge_goes_behind_what_was_done_to_the_report_that_it_is_into(outgoing: Outgoing) -> None:
    """That one is made P1 first, since a P1 is merged into it: side by side the merge came first, and was refused."""
    for each in (
        edit(1, Kind.SET, "r2", priority=1),
        edit(2, Kind.MERGE, into="r2"),
        edit(3, Kind.MERGE, "r3", into="r4"),
    ):
        outgoing.add(each, unconfirmed=False)
    raised = take(outgoing)
    assert raised is not None
    assert taken(outgoing) == ["e3"]
    outgoing.again(raised, 60, left=True, everything=False)
    assert taken(outgoing) == []
    outgoing.hurry()
    raised = take(outgoing)
    assert raised is not None
    assert raised.edit.id == "e1"
    outgoing.add(edit(4, Kind.CLOSE, "r2"), unconfirmed=False)
    outgoing.add(edit(5, Kind.NOTE, "r2"), unconfirmed=False)
    outgoing.settled(raised)
    merge = take(outgoing)
    assert merge is not None
    assert merge.edit.id == "e2"
    assert taken(outgoing) == [], "what is merged into it is, before it is closed"
    outgoing.settled(merge)
    assert taken(outgoing) == ["e4"]


def test_an_order_waits_for_nothing_that_fails_and_that_it_does_not_need(outgoing: Outgoing) -> None:
    made = (edit(1), edit(2), edit(3, Kind.DISPATCH, unit="u1"), edit(4, Kind.RECALL, unit="u1"), edit(5, Kind.CLAIM))
    for each in (*made, edit(6, Kind.DISPATCH, report="r2", unit="u1")):
        outgoing.add(each, unconfirmed=False)
    first = take(outgoing)
    assert first is not None
    assert take(outgoing) is None, "one of a report at a time"
    outgoing.again(first, 60, left=True, everything=False)
    order = take(outgoing)
    assert order is not None
    assert order.edit.id == "e3", "past the note that fails; the note behind that keeps its place"
    outgoing.again(order, 60, left=True, everything=False)
    assert taken(outgoing) == ["e5"], "the recall rests on the dispatch, and its unit is not sent elsewhere"
    outgoing.hurry()


def test_a_units_word_that_fails_holds_no_other_units(outgoing: Outgoing) -> None:
    for each in (edit(1, Kind.UNIT_STATE, None, unit="u1"), edit(2, Kind.UNIT_STATE, None, unit="u2")):
        outgoing.add(each, unconfirmed=False)
    first = take(outgoing)
    assert first is not None
    outgoing.again(first, 60, left=True, everything=False)
    assert taken(outgoing) == ["e2"]


def test_a_server_that_is_away_holds_everything(outgoing: Outgoing) -> None:
    for each in (edit(1), edit(3, report="r2")):
        outgoing.add(each, unconfirmed=False)
    first = take(outgoing)
    assert first is not None
    outgoing.again(first, 60, left=False, everything=True)
    assert taken(outgoing) == []
    assert [waiting.edit.id for waiting in outgoing.untold()] == ["e1", "e3"]
    assert outgoing.untold() == []


def test_an_edit_taken_back_in_flight_goes_once_it_is_known_not_to_have_arrived(outgoing: Outgoing) -> None:
    for each in (edit(1), edit(2, report="r2")):
        outgoing.add(each, unconfirmed=False)
    first, second = take(outgoing), take(outgoing)
    assert first is not None
    assert second is not None
    assert not outgoing.withdraw("e1")
    assert not outgoing.withdraw("e2")
    assert not outgoing.again(first, 0, left=False, everything=False)
    assert outgoing.again(second, 0, left=True, everything=False), "it may have arrived"
    assert taken(outgoing) == ["e2"]


def test_what_was_under_way_when_hurried_holds_nothing_when_it_fails(outgoing: Outgoing) -> None:
    for each in (edit(1), edit(3, report="r2")):
        outgoing.add(each, unconfirmed=False)
    first = take(outgoing)
    assert first is not None
    outgoing.hurry()
    outgoing.again(first, 60, left=False, everything=True)
    assert taken(outgoing) == ["e1", "e3"]


def test_two_reports_do_not_race_for_one_unit(outgoing: Outgoing) -> None:
    outgoing.add(edit(1, Kind.RECALL, "r1", unit="U12"), unconfirmed=False)
    outgoing.add(edit(2, Kind.DISPATCH, "r2", unit="U12"), unconfirmed=False)
    recall = take(outgoing)
    assert recall is not None
    assert taken(outgoing) == []
    outgoing.settled(recall)
    assert taken(outgoing) == ["e2"]


def test_a_photo_on_its_way_holds_only_what_needs_the_proof(outgoing: Outgoing) -> None:
    outgoing.add(edit(1, Kind.PHOTO, sha256="a" * 64), unconfirmed=False)
    outgoing.add(edit(2, Kind.NOTE, text="after the photo"), unconfirmed=False)
    outgoing.add(edit(3, Kind.PROGRESS, unit="U1", state="done"), unconfirmed=False)
    note = take(outgoing)
    assert note is not None
    assert note.edit.id == "e2"
    outgoing.settled(note)
    assert taken(outgoing) == []
    outgoing.uploaded("e1")
    photo = take(outgoing)
    assert photo is not None
    assert photo.edit.id == "e1"
    outgoing.settled(photo)
    assert taken(outgoing) == ["e3"]


def test_handing_in_the_work_waits_for_its_photo(outgoing: Outgoing) -> None:
    outgoing.add(edit(1, Kind.PHOTO, sha256="a" * 64), unconfirmed=False)
    outgoing.add(edit(2, Kind.SET, status="validation"), unconfirmed=False)
    assert taken(outgoing) == []
    outgoing.uploaded("e1")
    photo = take(outgoing)
    assert photo is not None
    outgoing.settled(photo)
    assert taken(outgoing) == ["e2"]


def test_edits_of_a_new_report_wait_for_its_number(outgoing: Outgoing) -> None:
    outgoing.add(edit(1, Kind.CREATE, "local:x"), unconfirmed=False)
    outgoing.add(edit(2, Kind.NOTE, "local:x"), unconfirmed=False)
    create = take(outgoing)
    assert create is not None
    assert taken(outgoing) == []
    outgoing.settled(create, remote_id="928214")
    note = take(outgoing)
    assert note is not None
    assert outgoing.remote_id(note.edit.report) == "928214"


def test_an_order_dies_and_a_fact_does_not(outgoing: Outgoing) -> None:
    outgoing.add(edit(1, Kind.DISPATCH, "r1", age_s=601, unit="U1"), unconfirmed=False)
    outgoing.add(edit(2, Kind.NOTE, "r1", age_s=90_000), unconfirmed=False)
    outgoing.add(edit(3, Kind.SET, "r3", age_s=601, area="3171"), unconfirmed=False)
    outgoing.add(edit(4, Kind.DISPATCH, "r4", age_s=601, unit="U2"), unconfirmed=True)
    first, dead = outgoing.take(0)
    assert [each.id for each in dead] == ["e1", "e3"]
    assert first is not None
    assert first.edit.id == "e2"
    assert taken(outgoing) == ["e4"], "what may have left must be looked up, not buried"


def test_withdrawing_is_for_what_never_left(outgoing: Outgoing) -> None:
    for each in (edit(1), edit(2, report="r2"), edit(3, report="r3")):
        outgoing.add(each, unconfirmed=each.number == 2)
    assert outgoing.withdraw("e1")
    assert not outgoing.withdraw("e2")
    in_flight = [take(outgoing), take(outgoing)]
    assert None not in in_flight
    assert not outgoing.withdraw("e3")
    assert not outgoing.withdraw("unknown")


def test_the_same_edit_twice_is_one_edit(outgoing: Outgoing) -> None:
    outgoing.add(edit(1), unconfirmed=False)
    outgoing.add(edit(1), unconfirmed=True)
    assert taken(outgoing) == ["e1"]
    outgoing.add(edit(1), unconfirmed=True)
    assert taken(outgoing) == []


def test_back_off_is_spread_capped_and_obeys_retry_after() -> None:
    backoff = Backoff(random.Random(7))
    waits = [backoff.next_s() for _ in range(200)]
    assert waits[0] <= 0.5
    assert max(waits) <= CAP_S
    assert len({round(wait, 3) for wait in waits[20:]}) > 150
    assert 30 <= backoff.next_s(Busy("slowly", retry_after_s=30)) <= 31
    backoff.reset()
    assert backoff.next_s() <= 0.5


@pytest.mark.parametrize("seed", range(20))
def test_a_link_that_was_away_for_a_minute_is_tried_within_ten_seconds_of_its_return(seed: int) -> None:
    """It was well again, and the console said offline for up to a minute more: its P1s came as much later."""
    backoff, now = Backoff(random.Random(seed)), 0.0
    while now < 60.0:
        wait = backoff.next_s()
        now += wait
    assert wait <= 10.0
    while now < 900.0:
        now += backoff.next_s()
    assert max(backoff.next_s() for _ in range(50)) > 30.0, "a server that is away for long is left in peace"


def test_what_is_proved_is_forgotten_though_it_may_have_left(outgoing: Outgoing) -> None:
    for number in (1, 2):
        outgoing.add(edit(number, report=f"r{number}"), unconfirmed=True)
    assert not outgoing.withdraw("e1", proved=True)
    under_way = take(outgoing)
    assert under_way is not None
    assert under_way.edit.id == "e2"
    assert not outgoing.withdraw("e2", proved=True)
    assert not outgoing.again(under_way, 0.0, left=True, everything=False)
    assert outgoing.all() == []
