"""An outbox that an earlier version left, in each of its states, opens with everything there and nothing lost."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from api_client.model import Kind
from console.outbox.work_file import WorkFile, read_outbox
from console.rules.queued import (
    ByWhom,
    EditState,
    Queued,
    StopReason,
    TakenAs,
    is_deleted,
    is_taken,
    is_taken_back,
    is_to_call_back,
    maybe_later,
    was_held_back,
)
from tests.helpers.older_work import SAVED, third_version
from tests.unit.cache.making import edit

S, R = EditState, StopReason
MARIA = ByWhom("maria", datetime(2026, 3, 1, 7, 0, tzinfo=UTC))
BUDI = ByWhom("budi", datetime(2026, 3, 1, 8, 5, tzinfo=UTC))
RINA = ByWhom("rina", datetime(2026, 3, 1, 8, 6, tzinfo=UTC))
WANTED: dict[str, dict[str, Any]] = {
    "queued": {"state": S.QUEUED},
    "queued-tried": {"state": S.QUEUED, "attempts": 1, "problem": "The server does not answer."},
    "sending": {"state": S.SENDING, "attempts": 1},
    "sending-again": {"state": S.SENDING, "attempts": 1, "repeated": True},
    "sending-asked-back": {"state": S.SENDING, "attempts": 1, "asked_back": True},
    "unconfirmed": {"state": S.UNCONFIRMED, "attempts": 1, "problem": "No answer."},
    "unconfirmed-asked-back": {"state": S.UNCONFIRMED, "attempts": 1, "asked_back": True},
    "unconfirmed-token": {"state": S.UNCONFIRMED, "attempts": 1, "taken_as": TakenAs(token="t1")},
    "accepted": {"state": S.ACCEPTED, "attempts": 1},
    "accepted-number": {"state": S.ACCEPTED, "attempts": 1, "taken_as": TakenAs(number="77")},
    "sent": {"state": S.SENT, "attempts": 1},
    "refused": {"state": S.ATTENTION, "attempts": 1, "reason": R.REFUSED, "problem": "Not in your area."},
    "refused-for-now": {"state": S.ATTENTION, "attempts": 1, "reason": R.REFUSED_FOR_NOW, "problem": "No rights."},
    "deleted": {
        "state": S.ATTENTION,
        "attempts": 1,
        "reason": R.REPORT_DELETED,
        "by": MARIA,
        "problem": "Report 6 was deleted.",
    },
    "another": {"state": S.ATTENTION, "reason": R.ANOTHER_REPORT},
    "creation-withdrawn": {"state": S.ATTENTION, "reason": R.CREATION_WITHDRAWN},
    "lost": {"state": S.ATTENTION, "attempts": 1, "reason": R.LOST_IN_RESTORE},
    "unproved": {"state": S.ATTENTION, "attempts": 1, "reason": R.NOT_IN_RECORD},
    "damaged": {"state": S.ATTENTION, "reason": R.DAMAGED},
    "held-back-fact": {"state": S.ATTENTION, "reason": R.HELD_BACK},
    "conflict": {
        "state": S.CONFLICT,
        "attempts": 1,
        "problem": "budi changed it.",
        "theirs": {"priority": {"value": 4, "who": "budi", "at": "2026-03-01T07:30:00+00:00"}},
        "version": 9,
    },
    "conflict-busy": {
        "state": S.CONFLICT,
        "attempts": 1,
        "problem": "busy",
        "theirs": {"busy": {"unit": "U1", "report": "5", "who": "rina", "at": "2026-03-01"}},
        "version": 4,
    },
    "expired": {"state": S.EXPIRED},
    "expired-held-back": {"state": S.EXPIRED, "reason": R.HELD_BACK, "told_by_radio": "ani to SDA-03"},
    "stopped": {"state": S.STOPPED},
    "withdrawn": {"state": S.WITHDRAWN},
    "withdrawn-to-call-back": {"state": S.WITHDRAWN, "told_by_radio": "ani to SDA-04", "to_call_back": True},
    "kept": {"state": S.WITHDRAWN, "attempts": 1, "reason": R.KEPT_AS_NEW},
    "dropped": {"state": S.WITHDRAWN, "reason": R.DROPPED, "by": BUDI},
    "dropped-to-call-back": {
        "state": S.WITHDRAWN,
        "reason": R.DROPPED,
        "by": BUDI,
        "told_by_radio": "ani to SDA-05",
        "to_call_back": True,
    },
    "dropped-and-told": {"state": S.WITHDRAWN, "by": BUDI},
    "adopted": {"state": S.WITHDRAWN, "attempts": 1, "reason": R.ADOPTED, "by": RINA},
}
"""What each edit of the third version is now; what is not named is as it is by default."""


def is_as_wanted(found: Queued) -> bool:
    plain = Queued(found.edit, found.state, changed_at=found.changed_at)
    got = {name: getattr(found, name) for name in Queued.__struct_fields__ if name not in ("edit", "changed_at")}
    wanted = {name: getattr(plain, name) for name in got} | WANTED[found.edit.id]
    assert got == wanted, found.edit.id
    return True


def opened(folder: Path) -> WorkFile:
    return WorkFile(folder, clock=lambda: SAVED, machine="a-machine")


def test_every_edit_is_there_with_its_reason(tmp_path: Path) -> None:
    assert third_version(tmp_path) == len(WANTED)
    for _ in range(2):  # after the change of the tables, and as they are then
        work = opened(tmp_path)
        assert work.salvaged is None
        assert {one.edit.id for one in work.all() if is_as_wanted(one)} == WANTED.keys()
        assert work.local_keys() == {"local:sent": ("city", "501")}
        assert (work.drafts(), work.filters()) == ({"new": {"text": "half a sentence"}}, {"floods": "cat=flood"})
        assert work.alarms() == {"p1/7": "raised"}
        assert work.next_number() == len(WANTED) + 1
        work.close()


def test_the_reasons_mean_what_they_meant(tmp_path: Path) -> None:
    third_version(tmp_path)
    work = opened(tmp_path)
    found = {one.edit.id: one for one in work.all()}
    work.close()
    meant = {
        is_deleted: {"deleted", "another", "creation-withdrawn"},
        maybe_later: {"refused-for-now"},
        is_taken_back: {"lost"},
        is_taken: {"unconfirmed-token", "accepted", "accepted-number"},
        was_held_back: {"held-back-fact", "expired-held-back"},
        is_to_call_back: {"withdrawn-to-call-back", "dropped-to-call-back"},
    }
    for is_so, ids in meant.items():
        assert {key for key, one in found.items() if is_so(one)} == ids, is_so


def test_a_reader_beside_understands_it_before_it_is_brought_up_to_date(tmp_path: Path) -> None:
    """`sigap export` may come first: it writes nothing."""
    third_version(tmp_path)
    before = (tmp_path / "work.db").read_bytes()
    unfinished = {key for key, one in WANTED.items() if one["state"] not in (S.SENT, S.WITHDRAWN)}
    assert {one.edit.id for one in read_outbox(tmp_path).edits if is_as_wanted(one)} == unfinished
    assert (tmp_path / "work.db").read_bytes() == before


@pytest.mark.parametrize("how", ["deleted", "header", "row"])
def test_the_older_journal_brings_back_what_the_file_lost(tmp_path: Path, how: str) -> None:
    third_version(tmp_path)
    path = tmp_path / "work.db"
    if how == "deleted":
        path.unlink()
    elif how == "header":
        path.write_bytes(b"\xff" * 40 + path.read_bytes()[40:])
    else:  # no page check sees it, nor may the change of the tables give it a sum of its own
        raw = sqlite3.connect(path)
        raw.execute("UPDATE edits SET body = replace(body, 'a note', 'no note') WHERE id = 'queued'")
        raw.commit()
        raw.close()
    work = opened(tmp_path)
    assert work.salvaged is not None
    found = {one.edit.id: one for one in work.all() if is_as_wanted(one)}
    assert {key for key, one in WANTED.items() if one["state"] not in (S.SENT, S.WITHDRAWN)} <= found.keys()
    assert found["queued"].edit.data == {"text": "a note é💧"}
    work.close()


def test_an_older_file_without_its_journal_that_is_set_aside_gives_back_what_can_be_read(tmp_path: Path) -> None:
    third_version(tmp_path, journal=False)
    raw = sqlite3.connect(tmp_path / "work.db")
    raw.execute("UPDATE edits SET state = 'nonsense' WHERE id = 'stopped'")
    raw.execute("DROP INDEX edits_state")
    raw.commit()
    raw.close()
    work = opened(tmp_path)
    assert work.salvaged is not None
    found = {one.edit.id for one in work.all() if is_as_wanted(one)}
    assert found == WANTED.keys() - {"stopped"}
    work.close()


# A divert as a recall and, after that, an order


def pair(folder: Path, *more: str, undo: bool = False, author: str = "rina") -> list[str]:
    """What an earlier version kept of a divert from reports "1" (and `more`) to "9"; the ids, the order's at last."""
    work, ids = opened(folder), list[str]()
    for report in ("1", *more, "9"):
        last = report == "9"
        kind = Kind.DISPATCH if last is not undo else Kind.RECALL
        about = {"created": f"2026-03-01T00:00:0{report}+00:00"} | ({"after": ids[-1]} if ids else {})
        one = edit(
            f"e{report}", kind, number=work.next_number(), report=report, author=author, base_version=int(report),
            data={"unit": "U1"} | ({"stack": True} if last else {}), about=about, undoes="x" if undo else None,
        )  # fmt: skip
        work.append(one)
        ids.append(one.id)
    work.close()
    return ids


def stands(folder: Path, edit_id: str, **changes: Any) -> None:
    """An edit of a pair as an earlier version left it."""
    work = opened_as_it_is(folder)
    queued = work.get(edit_id)
    assert queued is not None
    work.put(replace(queued, **changes))
    work.close()


def opened_as_it_is(folder: Path) -> WorkFile:
    with pytest.MonkeyPatch.context() as before:
        before.setattr(WorkFile, "_fold_pairs", lambda _: None)
        return opened(folder)


def unfinished(folder: Path) -> dict[str, Queued]:
    work = opened(folder)
    found = {one.edit.id: one for one in work.unfinished()}
    work.close()
    again = opened(folder)
    assert {one.edit.id: one for one in again.unfinished()} == found, "it is so on the disk"
    assert again._journal.folded().edits.keys() >= found.keys()
    again.close()
    return found


def before_it(folder: Path, *more: str, undo: bool = False, **states: dict[str, Any]) -> list[str]:
    with pytest.MonkeyPatch.context() as before:
        before.setattr(WorkFile, "_fold_pairs", lambda _: None)
        ids = pair(folder, *more, undo=undo)
        for key, changes in states.items():
            stands(folder, key, **changes)
    return ids


def test_a_pair_that_never_left_is_one_edit(tmp_path: Path) -> None:
    before_it(tmp_path, e1={"told_by_radio": "budi"})
    ((key, one),) = unfinished(tmp_path).items()
    assert (key, one.state, one.told_by_radio) == ("e9", S.QUEUED, "budi")
    assert one.edit.data == {"unit": "U1", "leaves": ["1"]}
    assert one.edit.about == {
        "created": "2026-03-01T00:00:09+00:00",
        "leaves": {"1": {"created": "2026-03-01T00:00:01+00:00", "version": 1}},
    }
    work = opened(tmp_path)
    recall = work.get("e1")
    work.close()
    assert recall is not None
    assert (recall.state, recall.reason) == (S.WITHDRAWN, R.KEPT_AS_NEW), "nobody is told of its end"


def test_of_two_reports_that_are_left_it_is_one_too(tmp_path: Path) -> None:
    before_it(tmp_path, "2")
    (one,) = unfinished(tmp_path).values()
    assert one.edit.data["leaves"] == ["1", "2"]


@pytest.mark.parametrize(
    ("recall", "order", "state"),
    [
        ({"state": S.EXPIRED}, {"state": S.STOPPED}, S.EXPIRED),
        ({"state": S.QUEUED}, {"state": S.EXPIRED}, S.EXPIRED),
        ({"state": S.STOPPED}, {"state": S.STOPPED}, S.EXPIRED),
    ],
)
def test_one_that_was_asked_about_is_asked_about_once(
    tmp_path: Path, recall: dict[str, Any], order: dict[str, Any], state: EditState
) -> None:
    before_it(tmp_path, e1=recall, e9=order)
    (one,) = unfinished(tmp_path).values()
    assert (one.state, one.edit.data["leaves"]) == (state, ["1"])


@pytest.mark.parametrize(
    "recall",
    [
        {"state": S.QUEUED, "attempts": 1},
        {"state": S.SENDING, "attempts": 1},
        {"state": S.UNCONFIRMED, "attempts": 1},
        {"state": S.ATTENTION, "attempts": 1, "reason": R.REFUSED},
        {"state": S.CONFLICT, "attempts": 1},
        {"state": S.WITHDRAWN},
    ],
)
@pytest.mark.parametrize("order", [S.QUEUED, S.STOPPED])
def test_where_the_recall_was_tried_or_is_gone_the_order_is_asked_about(
    tmp_path: Path, recall: dict[str, Any], order: EditState
) -> None:
    before_it(tmp_path, e1=recall, e9={"state": order})
    found = unfinished(tmp_path)
    one = found["e9"]
    assert (one.state, one.reason) == (S.EXPIRED, R.HELD_BACK)
    assert one.edit.data == {"unit": "U1", "leaves": ["1"]}, "given again it leaves without its recall nowhere"
    assert "after" not in one.edit.about
    if recall["state"] is not S.WITHDRAWN:
        assert found["e1"].state is recall["state"]


@pytest.mark.parametrize("recall", [S.ACCEPTED, S.SENT])
def test_where_the_recall_was_taken_the_order_goes_on(tmp_path: Path, recall: EditState) -> None:
    before_it(tmp_path, e1={"state": recall, "attempts": 1})
    one = unfinished(tmp_path)["e9"]
    assert (one.state, one.edit.data) == (S.QUEUED, {"unit": "U1", "leaves": ["1"]})


def test_an_order_that_may_have_left_stays_as_it_is_under_its_key(tmp_path: Path) -> None:
    tried = {"state": S.UNCONFIRMED, "attempts": 1}
    before_it(tmp_path, e1={"state": S.SENT, "attempts": 1}, e9=tried)
    one = unfinished(tmp_path)["e9"]
    assert (one.state, one.edit.data, "after" in one.edit.about) == (
        S.UNCONFIRMED,
        {"unit": "U1", "stack": True},
        False,
    )


def test_an_order_without_its_recall_in_the_file_is_asked_about(tmp_path: Path) -> None:
    before_it(tmp_path)
    work = opened_as_it_is(tmp_path)
    with work._writing():
        work._connection.execute("DELETE FROM edits WHERE id = 'e1'")
    work._journal.rewrite(work._lines())
    work.close()
    (one,) = unfinished(tmp_path).values()
    assert (one.edit.id, one.state, one.reason) == ("e9", S.EXPIRED, R.HELD_BACK)


@pytest.mark.parametrize("first", [S.QUEUED, S.SENT])
def test_of_an_undo_the_sending_back_is_asked_about_until_the_unit_is_called_back(
    tmp_path: Path, first: EditState
) -> None:
    before_it(tmp_path, undo=True, e1={"state": first, "attempts": int(first is S.SENT)})
    found = unfinished(tmp_path)
    assert found["e9"].state is (S.EXPIRED if first is S.QUEUED else S.QUEUED)
    assert found["e9"].edit.undoes == "x"
    assert ("e1" in found) is (first is S.QUEUED)


def test_a_circle_ends(tmp_path: Path) -> None:
    before_it(tmp_path)
    work = opened_as_it_is(tmp_path)
    queued = work.get("e1")
    assert queued is not None
    work.put(replace(queued, edit=replace(queued.edit, about={"after": "e9"})))
    work.close()
    assert {one.state for one in unfinished(tmp_path).values()} == {S.EXPIRED}


def test_of_two_that_come_after_one_recall_both_are_asked_about(tmp_path: Path) -> None:
    before_it(tmp_path)
    work = opened_as_it_is(tmp_path)
    values: dict[str, Any] = {"number": 3, "report": "8", "data": {"unit": "U1"}, "about": {"after": "e1"}}
    work.append(edit("e8", Kind.DISPATCH, **values))
    work.close()
    found = unfinished(tmp_path)
    assert {key: one.state for key, one in found.items()} == {"e1": S.QUEUED, "e8": S.EXPIRED, "e9": S.EXPIRED}
    assert not any("after" in one.edit.about for one in found.values())
