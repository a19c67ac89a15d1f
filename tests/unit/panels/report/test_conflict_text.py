"""What a conflict and a lost report are called: who was first, with what, and what became of the number."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from api_client.model import Kind, Unit, UnitState
from console.cache.catalog import Catalog
from console.panels.report.conflict_text import (
    conflict_brief,
    conflict_rows,
    conflict_text,
    deleted_brief,
    deleted_text,
    over_text,
    step_text,
)
from console.rules.edit import Edit
from console.rules.queued import ByWhom, EditState, Queued, StopReason

AT = datetime(2026, 3, 2, 14, 2, tzinfo=UTC)
CATALOG = Catalog(units={"u1": Unit("u1", "U12", UnitState.UNAVAILABLE, AT)})


def edit(kind: Kind, **data: Any) -> Edit:
    return Edit("e1", kind, None if kind is Kind.UNIT_STATE else "7", "rina", "d", 1, AT, data=data)


def test_a_newer_word_on_a_unit_is_told_with_its_reason() -> None:
    theirs = {"state": {"value": "unavailable", "reason": "Pump broken", "who": "budi", "at": AT.isoformat()}}
    queued = Queued(edit(Kind.UNIT_STATE, unit="u1", state="available"), EditState.CONFLICT, theirs=theirs)
    told = conflict_text(queued, CATALOG, UTC, AT, str)
    assert told == "budi has said later at 14:02 that U12 is Unavailable (Pump broken)."
    (row,) = conflict_rows(queued, CATALOG, str)
    assert (row.label, row.mine.text, row.theirs.text) == ("State", "Available", "Unavailable")


def test_closed_by_both_shows_the_outcomes_side_by_side() -> None:
    first = {"who": "budi", "at": AT.isoformat()}
    theirs = {"disposition": {"value": "spam", **first}, "merged_into": {"value": "928214", **first}}
    closed = Queued(edit(Kind.CLOSE, disposition="not ours"), EditState.CONFLICT, theirs=theirs)
    assert conflict_text(closed, CATALOG, UTC, AT, str) == "budi changed Outcome, Merged into at 14:02, and so did you."
    rows = [(row.label, row.mine.text, row.theirs.text) for row in conflict_rows(closed, CATALOG, str)]
    assert rows == [("Outcome", "not ours", "spam"), ("Merged into", "none", "928214")]
    merged = Queued(edit(Kind.MERGE, into="928215"), EditState.CONFLICT, theirs=theirs)
    rows = [(row.label, row.mine.text, row.theirs.text) for row in conflict_rows(merged, CATALOG, str)]
    assert rows == [("Outcome", "duplicate", "spam"), ("Merged into", "928215", "928214")]


def test_what_was_closed_since_is_told_with_what_one_did_to_it() -> None:
    theirs = {"status": {"value": "closed", "who": "budi", "at": AT.isoformat()}}
    raised = Queued(edit(Kind.SET, priority=1), EditState.CONFLICT, theirs=theirs)
    assert conflict_text(raised, CATALOG, UTC, AT, str) == "budi closed it at 14:02."
    (row,) = conflict_rows(raised, CATALOG, str)
    assert (row.label, row.mine.text) == ("Your step", "Make it P1")
    assert row.theirs.text == "Leave it as it is: Closed without work"


BY_BUDI = {"who": "budi", "at": AT.isoformat()}
RAISED = {"priority": {"value": 1, "note": "children on the roof", **BY_BUDI}}
MERGED = {"duplicates": {"value": 2, "report": "931182", "priority": 1, "note": "Fire", "more": 1, **BY_BUDI}}
TWO_NOTES = [
    {"value": "A tree on a house", **BY_BUDI},
    {"value": "Somebody is under it", "who": "rina", "at": AT.isoformat()},
]
WROTE = {"note": {**TWO_NOTES[1], "all": TWO_NOTES, "more": 2}}
SENT = {"unit": {"value": "u1", **BY_BUDI}}


@pytest.mark.parametrize(
    ("kind", "data", "theirs", "step", "unseen", "over"),
    [
        (
            *(Kind.CLOSE, {"disposition": "spam", "reason": "", "release": []}, RAISED),
            "Close it without work: spam",
            "budi made it P1 at 14:02: “children on the roof”.",
            "Close it over the P1",
        ),
        (
            *(Kind.SET, {"priority": 3}, MERGED),
            "Lower it to P3",
            "budi merged report 931182 (P1) into it at 14:02: “Fire”, and 1 more.",
            "Lower it to P3 over the P1",
        ),
        (
            *(Kind.MERGE, {"into": "9"}, {"status": {"value": "assigned", **BY_BUDI}} | RAISED),
            "Merge it into 9",
            "budi set it to “Assigned” at 14:02. budi made it P1 at 14:02: “children on the roof”.",
            "Merge it over the P1",
        ),
        (
            *(Kind.CLOSE, {"disposition": "spam", "release": []}, SENT),
            "Close it without work: spam; called back: U12",
            "budi sent U12 to it at 14:02.",
            "",
        ),
        (
            *(Kind.VALIDATE, {"accepted": True}, RAISED),
            "Accept the proof: it is resolved",
            "budi made it P1 at 14:02: “children on the roof”.",
            "Resolve it over the P1",
        ),
        (
            *(Kind.CLOSE, {"disposition": "spam", "release": []}, {"priority": {"value": 2, **BY_BUDI}}),
            "Close it without work: spam",
            "budi made it P2 at 14:02.",
            "",
        ),
        (
            *(Kind.CLOSE, {"disposition": "spam", "release": []}, SENT | WROTE),
            "Close it without work: spam; called back: U12",
            "budi sent U12 to it at 14:02. budi wrote at 14:02: “A tree on a house”. "
            "You, at another desk, wrote at 14:02: “Somebody is under it”, and 2 more.",
            "",
        ),
    ],
)
def test_a_step_that_would_hide_what_others_did_is_named_and_so_is_what_was_not_seen(
    kind: Kind, data: dict[str, Any], theirs: dict[str, Any], step: str, unseen: str, over: str
) -> None:
    """It was "Priority, before:", "as you did it" and "Duplicates: 6": who closed a P1 was not told that he did."""
    made = replace(edit(kind, **data), base={"status": "new"}, about={"priority": 2})
    queued = Queued(made, EditState.CONFLICT, theirs=theirs)
    assert conflict_text(queued, CATALOG, UTC, AT, str) == unseen
    assert (step_text(queued, CATALOG, str), over_text(queued, str)) == (step, over)
    (row,) = conflict_rows(queued, CATALOG, str)
    assert (row.field, row.mine.text, row.before.text) == ("step", step, "P2 urgent, New")
    assert row.theirs.text.startswith("Leave it as it is: ")


def test_a_note_that_was_not_read_is_no_field_to_choose() -> None:
    note = {"note": {"value": "SECOND HOUSE", **BY_BUDI}}
    lowered = Queued(replace(edit(Kind.SET, priority=3), base={"priority": 1}), EditState.CONFLICT, theirs=note)
    assert conflict_text(lowered, CATALOG, UTC, AT, str) == "budi wrote at 14:02: “SECOND HOUSE”."
    (row,) = conflict_rows(lowered, CATALOG, str)
    assert (row.field, row.mine.text, row.theirs.text) == ("step", "Lower it to P3", "Leave it as it is")
    closed = edit(Kind.CLOSE, disposition="spam")
    both = Queued(closed, EditState.CONFLICT, theirs=note | {"disposition": {"value": "not ours", **BY_BUDI}})
    assert [row.field for row in conflict_rows(both, CATALOG, str)] == ["disposition"]


def test_a_field_that_both_changed_is_asked_about_beside_the_step_that_hides_a_merge() -> None:
    theirs = MERGED | {"title": {"value": "Hers", **BY_BUDI}}
    queued = Queued(edit(Kind.SET, priority=3, title="Mine"), EditState.CONFLICT, theirs=theirs)
    assert [(row.field, row.mine.text) for row in conflict_rows(queued, CATALOG, str)] == [
        ("title", "Mine"),
        ("step", "Lower it to P3, Title: Mine"),
    ]


def test_a_number_that_is_another_report_is_called_so() -> None:
    queued = Queued(edit(Kind.NOTE, text="x"), EditState.ATTENTION, reason=StopReason.ANOTHER_REPORT)
    assert deleted_brief(queued, UTC, AT, str) == "server set back: this number is another report now"
    assert deleted_text(queued, UTC, AT, str).startswith("lost when the server was set back")


def test_a_report_whose_creation_was_taken_back_is_not_called_deleted() -> None:
    orphan = Queued(edit(Kind.NOTE, text="x"), EditState.ATTENTION, reason=StopReason.CREATION_WITHDRAWN)
    assert deleted_brief(orphan, UTC, AT, str) == "its report was withdrawn here"
    assert deleted_text(orphan, UTC, AT, str) == "withdrawn here, and is not at the server"


@pytest.mark.parametrize(
    ("now", "when"),
    [
        (AT + timedelta(hours=1), "14:02"),
        (AT + timedelta(days=3), "2 Mar 14:02"),
        (AT + timedelta(days=365), "2 Mar 2026 14:02"),
    ],
)
def test_what_is_settled_days_later_says_the_day_and_another_year(now: datetime, when: str) -> None:
    theirs = {"priority": {"value": 1, "who": "budi", "at": AT.isoformat()}}
    queued = Queued(edit(Kind.SET, priority="2"), EditState.CONFLICT, theirs=theirs)
    assert conflict_text(queued, CATALOG, UTC, now, str) == f"budi changed Priority at {when}, and so did you."
    assert conflict_brief(queued, UTC, now, str) == f"conflict: budi {when}"
    by = ByWhom("budi", AT)
    gone = Queued(edit(Kind.NOTE, text="x"), EditState.ATTENTION, reason=StopReason.REPORT_DELETED, by=by)
    dated = when if len(when) > 5 else "2 Mar 14:02"
    assert deleted_text(gone, UTC, now, str) == f"deleted at the server, by budi {dated}"
