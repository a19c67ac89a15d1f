"""Whose proof it is, by the one rule that the server and the console's form go by."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from api_client.model import Assignment, AssignmentState, Entry
from console.rules.proof import is_own_proof, photos_shown_again

BEGAN = datetime(2026, 3, 1, 8, tzinfo=UTC)


def at(minutes: int) -> datetime:
    return BEGAN + timedelta(minutes=minutes)


def job(minutes: int, state: AssignmentState = AssignmentState.DONE) -> Assignment:
    return Assignment(f"a{minutes}", "1", "u", state, at(minutes), "bima", at(minutes))


RETURNED = Entry("r", "1", "validate", at(20), "bima", data={"status": "returned"})
MINE = Entry("p", "1", "photo", at(30), "local", data={"role": "after"})


@pytest.mark.parametrize(
    ("jobs", "without_users", "own"),
    [
        ([], True, True),
        ([job(25)], True, False),
        ([job(25)], False, True),
        ([job(10)], True, True),
        ([job(10, AssignmentState.ON_SCENE)], True, False),
    ],
    ids=["no crew", "a crew of this round", "with users", "a crew of the round before", "a crew that is there still"],
)
def test_without_users_a_crew_of_this_round_makes_it_anothers_proof(
    jobs: list[Assignment], without_users: bool, own: bool
) -> None:
    """The console took any crew that ever worked, the server only those since the return, and refused."""
    assert is_own_proof("local", [RETURNED, MINE], jobs, without_users=without_users) is own
    assert not is_own_proof("bima", [RETURNED, MINE], jobs, without_users=without_users)


def test_a_picture_that_was_there_before_is_no_new_proof() -> None:
    def photo(entry_id: str, role: str, sha256: str | None, undone_by: str | None = None) -> Entry:
        return Entry(
            entry_id, "1", "photo", at(1), "SDA-07", data={"role": role, "sha256": sha256}, undone_by=undone_by
        )

    history = [
        photo("before", "before", "a"),
        photo("taken back", "after", "c", undone_by="x"),
        photo("first", "after", "b"),
        RETURNED,
        photo("the same", "after", "b"),
        photo("that of the reporter", "after", "a"),
        photo("anew", "after", "c"),
        photo("not hashed", "after", None),
        photo("nor this", "after", None),
        photo("before again", "before", "b"),
    ]
    assert [entry.id for entry in photos_shown_again(history)] == ["the same", "that of the reporter"]
