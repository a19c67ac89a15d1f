"""An outbox that an earlier version left, in each of its states, opens with everything there and nothing lost."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

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
