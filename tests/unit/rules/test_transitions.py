"""The table of an edit's life: complete, and what follows from each event keeps nothing that is not so any more."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from api_client.model import Kind
from console.rules.edit import Edit
from console.rules.queued import FINISHED, PENDING, STUCK, ByWhom, EditState, Queued, StopReason, TakenAs
from console.rules.transitions import TRANSITIONS, Event, NoSuchStep, advance, after_a_break, follows

S, E = EditState, Event
OPEN = frozenset(S) - FINISHED


def an_edit(kind: Kind = Kind.NOTE, **data: Any) -> Edit:
    return Edit("e1", kind, "1", "rina", "d", 1, datetime(2026, 3, 1, tzinfo=UTC), data)


def in_state(state: EditState, **is_so: Any) -> Queued:
    return replace(Queued(an_edit(), state), **is_so)


def test_every_event_is_in_the_table_and_every_state_can_be_left() -> None:
    assert TRANSITIONS.keys() == set(Event)
    for state in S:
        left = {event for event, steps in TRANSITIONS.items() if steps.get(state, state) is not state}
        assert left, state


@pytest.mark.parametrize("event", [E.NOT_LEFT, E.NO_ANSWER, E.LET_GO, E.HANDED_OVER, E.BROKEN_OFF, E.RETRIED])
def test_what_is_given_up_or_proved_is_not_sent_by_an_answer_that_comes_late(event: Event) -> None:
    assert not any(follows(in_state(state), event) for state in FINISHED)


@pytest.mark.parametrize("state", sorted(STUCK | {S.STOPPED}))
def test_what_the_operator_is_asked_about_leaves_only_when_he_says_so(state: EditState) -> None:
    """A late "not left" crosses his question: it must not send what he has not answered for."""
    sent = (S.QUEUED, S.SENDING, S.UNCONFIRMED)
    leaving = {event for event, steps in TRANSITIONS.items() if steps.get(state) in sent}
    assert leaving <= {E.RETRIED, E.MOVED, E.FREED}


def test_what_is_parked_is_not_revived_by_a_try_that_has_not_left() -> None:
    """It would be sent to the report that has the number now."""
    parked = advance(in_state(S.SENDING), E.PARKED, reason=StopReason.ANOTHER_REPORT)
    for event in (E.NOT_LEFT, E.NO_ANSWER, E.HANDED_OVER):
        assert not follows(parked, event)
        with pytest.raises(NoSuchStep):
            advance(parked, event)


def test_the_record_ends_every_edit_whatever_was_believed() -> None:
    assert all(advance(in_state(state), E.PROVED).state is S.SENT for state in S)


@given(st.sampled_from(sorted(S)), st.lists(st.sampled_from(sorted(Event)), max_size=30))
def test_no_sequence_of_events_leaves_what_is_not_so(state: EditState, events: list[Event]) -> None:
    """A reason goes with its state, a conflict's fields with the conflict, a token with what can still take effect."""
    queued = in_state(state)
    for event in events:
        if not follows(queued, event):
            continue
        conflict = event is E.CHANGED_THERE
        reason = StopReason.REFUSED if event in (E.REFUSED, E.PARKED, E.DOUBTED, E.LOST_IN_RESTORE) else None
        taken_as = TakenAs(number="77") if event is E.TAKEN else None
        before = queued
        queued = advance(
            queued,
            event,
            reason=reason,
            by=ByWhom("maria") if reason else None,
            theirs={"priority": {"value": 1}} if conflict else None,
            version=4 if conflict else None,
            taken_as=taken_as,
        )
        assert queued.state is TRANSITIONS[event][before.state]
        assert bool(queued.theirs) == conflict
        assert (queued.reason is None) == (reason is None)
        assert queued.taken_as is None or queued.state in PENDING
        assert not queued.repeated or queued.state is S.SENDING
        assert not (queued.asked_back and queued.state in FINISHED)
        assert queued.attempts == before.attempts + (event is E.HANDED_OVER)
        assert not queued.to_call_back, "no unit was told"


def test_a_second_try_after_one_that_may_have_arrived_is_known_as_that() -> None:
    queued = advance(in_state(S.QUEUED), E.HANDED_OVER)
    assert (queued.attempts, queued.repeated) == (1, False)
    queued = advance(advance(queued, E.NO_ANSWER), E.HANDED_OVER)
    assert (queued.attempts, queued.repeated) == (2, True)


def test_an_order_that_its_unit_was_told_of_and_that_is_given_up_is_to_be_called_back() -> None:
    order = Queued(an_edit(Kind.DISPATCH, unit="U1"), S.EXPIRED, told_by_radio="rina to U1")
    assert advance(order, E.WITHDRAWN).to_call_back
    assert not advance(order, E.SUPERSEDED).to_call_back, "it goes on as another"
    on_its_way = replace(order, state=S.CONFLICT, theirs={"unit": {"value": "U1", "who": "budi"}})
    assert not advance(on_its_way, E.WITHDRAWN).to_call_back, "by budi's order"
    assert not advance(advance(order, E.WITHDRAWN), E.HAD_LEFT).to_call_back


def test_a_break_leaves_what_may_have_left_unsure() -> None:
    assert after_a_break(in_state(S.SENDING, repeated=True)).state is S.UNCONFIRMED
    taken = in_state(S.ACCEPTED, taken_as=TakenAs(number="77"))
    assert (after_a_break(taken).state, after_a_break(taken).taken_as) == (S.UNCONFIRMED, taken.taken_as)
    for state in frozenset(S) - {S.SENDING}:
        queued = in_state(state)
        assert after_a_break(queued) is queued
