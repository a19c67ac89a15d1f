"""work.db and its journal: what the operator did is kept, and kept once."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import stat
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from api_client.model import Kind
from console.files.errors import LockedByOther
from console.files.machine import this_machine
from console.outbox.journal import JournalLine
from console.outbox.work_file import WorkFile
from console.rules.queued import EditState, StopReason, is_taken_back
from tests.unit.cache.making import T0, edit, note_state


@pytest.fixture
def work(tmp_path: Path) -> Iterator[WorkFile]:
    work = WorkFile(tmp_path)
    yield work
    work.close()


def test_edits_numbers_and_states_survive_closing(tmp_path: Path) -> None:
    work = WorkFile(tmp_path)
    device = work.device
    for number in range(1, 4):
        made = edit(f"e{number}", number=work.next_number(), data={"text": "é\x00💧"}, base={"priority": 3})
        assert work.append(made).edit == made
    note_state(work, "e1", EditState.SENDING)
    note_state(
        work, "e1", EditState.CONFLICT, problem="changed", theirs={"priority": {"value": 1}}, told_by_radio="U12"
    )
    note_state(work, "e2", EditState.SENDING, late=True)
    note_state(work, "e3", EditState.WITHDRAWN)
    work.close()

    work = WorkFile(tmp_path)
    assert work.device == device
    assert work.next_number() == 4
    first, second = work.unfinished()
    assert (first.state, first.problem, first.theirs, first.told_by_radio, first.attempts) == (
        EditState.CONFLICT,
        "changed",
        {"priority": {"value": 1}},
        "U12",
        1,
    )
    assert second.edit == edit("e2", number=2, data={"text": "é\x00💧"}, base={"priority": 3}, late=True)
    assert [queued.edit.id for queued in work.all([EditState.WITHDRAWN])] == ["e3"]
    assert note_state(work, "unknown", EditState.SENT) is None
    work.close()


def test_a_profile_that_was_copied_to_another_computer_is_another_desk(tmp_path: Path) -> None:
    """Its server took what either of the two did as seen by the other, and asked about nothing."""
    first, second = tmp_path / "first", tmp_path / "second"
    work = WorkFile(first, machine="a")
    device = work.device
    work.append(edit("e1", number=work.next_number(), device=device))
    work.close()
    shutil.copytree(first, second)
    copy = WorkFile(second, machine="b")
    other = copy.device
    assert other != device
    assert [queued.edit.device for queued in copy.unfinished()] == [device], "the same edit, whoever sends it"
    copy.close()
    for folder, machine, known in ((first, "a", device), (second, "b", other)):
        again = WorkFile(folder, machine=machine)
        assert again.device == known
        again.close()


def test_a_profile_of_before_keeps_its_desk_and_is_bound_to_this_computer(tmp_path: Path) -> None:
    work = WorkFile(tmp_path)
    device = work.device
    work.close()
    with contextlib.closing(sqlite3.connect(tmp_path / "work.db")) as file:
        file.execute("DELETE FROM meta WHERE key = 'machine'")
        file.commit()
    for machine, same in ((None, True), ("another", False)):
        again = WorkFile(tmp_path, machine=machine)
        assert (again.device == device) is same
        again.close()
    assert this_machine() == this_machine() != ""


def test_an_attempt_is_counted_when_it_begins_and_not_when_something_is_noted_of_it(work: WorkFile) -> None:
    work.append(edit("e1"))
    for state, attempts in (
        (EditState.SENDING, 1),
        (EditState.SENDING, 1),  # told by radio, or asked back, while it is on its way
        (EditState.UNCONFIRMED, 1),
        (EditState.SENDING, 2),
    ):
        queued = note_state(work, "e1", state, told_by_radio="U12")
        assert queued is not None
        assert (queued.state, queued.attempts) == (state, attempts)


def test_the_same_edit_twice_is_one_edit(work: WorkFile) -> None:
    work.append(edit("e1"))
    note_state(work, "e1", EditState.SENDING)
    assert work.append(edit("e1")).state is EditState.SENDING
    assert len(work.all()) == 1


def test_local_keys_drafts_filters_and_alarms(work: WorkFile) -> None:
    work.learn_key("local:1", "city", "928")
    work.save_draft("new", {"text": "half a sen"})
    work.save_draft("note/5", {"text": "x"})
    work.drop_draft("note/5")
    work.save_filter("floods", "cat=flood")
    work.save_filter("old", "age>2d")
    work.drop_filter("old")
    work.set_alarm("p1/7", "raised")
    work.set_alarm("p1/7", "acknowledged")
    assert work.local_keys() == {"local:1": ("city", "928")}
    assert (work.draft("new"), work.draft("note/5")) == ({"text": "half a sen"}, None)
    assert (work.filters(), work.alarms()) == ({"floods": "cat=flood"}, {"p1/7": "acknowledged"})


def test_notes_that_are_written_together_are_all_there_or_none_of_them(tmp_path: Path) -> None:
    work = WorkFile(tmp_path)
    for edit_id in ("e1", "e2"):
        work.append(edit(edit_id))

    def end_in_the_middle() -> None:
        with work.together():
            note_state(work, "e1", EditState.SENDING)
            work.learn_key("local:1", "city", "1")
            raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError, match="in the middle"):
        end_in_the_middle()
    assert [(one.state, one.attempts) for one in work.all()] == [(EditState.QUEUED, 0)] * 2
    assert work.local_keys() == {}
    with work.together():
        note_state(work, "e1", EditState.SENDING)
        note_state(work, "e1", EditState.SENT)
        work.learn_key("local:1", "city", "1")
        note_state(work, "e2", EditState.SENDING)
        work.save_draft("note", {"text": "x"})
    work.close()
    (tmp_path / "work.db").unlink()
    for leftover in ("work.db-wal", "work.db-shm"):
        (tmp_path / leftover).unlink(missing_ok=True)
    again = WorkFile(tmp_path)  # from the journal alone
    assert [(one.edit.id, one.state, one.attempts) for one in again.unfinished()] == [("e2", EditState.SENDING, 1)]
    assert again.local_keys() == {"local:1": ("city", "1")}
    again.close()


@pytest.mark.parametrize("without", ["work.journal", "work.db"])
def test_what_a_server_lost_is_brought_back_in_both_files(tmp_path: Path, without: str) -> None:
    """A report that was created here gets another local key, and what was done to its old number follows it there."""
    work = WorkFile(tmp_path)
    work.append(edit("made", number=1, kind=Kind.CREATE, report="local:made"))
    work.learn_key("local:made", "city", "17")
    work.append(edit("on it", number=2, report="17", base_version=4))
    work.append(edit("merged", number=3, kind=Kind.MERGE, report="9", data={"into": "17"}, base_version=4))
    work.append(edit("kept", number=4, report="9"))
    work.append(edit("waits", number=5, report="9"))
    for each in ("made", "on it", "merged", "kept"):
        note_state(work, each, EditState.SENT)
    assert work.bring_back("other city", ["made"]) == []
    lost = work.bring_back("city", ["made", "on it", "merged", "waits", "somebody else's"])
    assert [one.edit.id for one in lost] == ["made", "on it", "merged"]
    work.close()
    (tmp_path / without).unlink()
    work = WorkFile(tmp_path)
    found = {one.edit.id: one for one in work.unfinished()}
    assert found.keys() == {"made", "on it", "merged", "waits"}
    assert [found[one.edit.id] for one in lost] == lost
    assert all(map(is_taken_back, lost))
    assert [one.edit.report for one in lost] == ["local:made+", "local:made+", "9"]
    assert [one.edit.base_version for one in lost] == [None, None, 4]
    assert lost[2].edit.data == {"into": "local:made+"}
    assert work.bring_back("city", ["made", "on it", "merged"]) == []
    work.close()


def test_every_edit_stands_in_the_journal_in_plain_json(work: WorkFile, tmp_path: Path) -> None:
    work.append(edit("e1", data={"text": "note"}))
    note_state(work, "e1", EditState.WITHDRAWN)
    lines = [
        msgspec.json.decode(line, type=JournalLine) for line in (tmp_path / "work.journal").read_bytes().splitlines()
    ]
    assert lines[0].edit == edit("e1", data={"text": "note"})
    assert (lines[1].id, lines[1].state) == ("e1", EditState.WITHDRAWN)


def test_a_long_journal_is_written_anew_without_what_is_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("console.outbox.journal._LONG_BYTES", 2000)
    work = WorkFile(tmp_path)
    for number in range(1, 11):
        work.append(edit(f"e{number}", number=number))
        note_state(work, f"e{number}", EditState.SENT if number < 10 else EditState.ACCEPTED)
    work.close()
    WorkFile(tmp_path).close()
    assert (tmp_path / "work.journal").read_bytes().count(b"\n") == 1
    (tmp_path / "work.db").unlink()
    work = WorkFile(tmp_path)
    assert [(one.edit.id, one.state) for one in work.all()] == [("e10", EditState.ACCEPTED)]
    work.close()


def test_files_are_private_and_one_process_writes(work: WorkFile, tmp_path: Path) -> None:
    work.append(edit("e1"))
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}
    with pytest.raises(LockedByOther) as caught:
        WorkFile(tmp_path)
    assert caught.value.retry


def test_a_commit_waits_for_the_disk(work: WorkFile) -> None:
    full = 2
    assert work._connection.execute("PRAGMA synchronous").fetchone()[0] == full


def test_an_edit_waits_for_the_disk_twice_and_no_more(work: WorkFile, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once for its line in the journal and once for its commit; how long that takes, the bench measures."""
    synced: list[int] = []
    statements: list[str] = []
    fsync = os.fsync
    monkeypatch.setattr(os, "fsync", lambda file: (synced.append(file), fsync(file)))
    work._connection.set_trace_callback(statements.append)
    for number in range(1, 4):
        work.append(edit(f"e{number}", number=number, data={"text": "x" * 200}))
        assert (len(synced), statements.count("COMMIT")) == (number, number)
    work._connection.set_trace_callback(None)


def test_times_come_from_the_given_clock(tmp_path: Path) -> None:
    work = WorkFile(tmp_path, clock=lambda: T0)
    assert work.append(edit("e1")).changed_at == T0
    work.close()


def test_photo_files_of_long_ago_go_unless_an_edit_kept_here_names_them(tmp_path: Path) -> None:
    """A file is on the disk before its edit is in work.db, so a young one is never taken for one that nobody needs."""
    folder = tmp_path / "work-media"
    folder.mkdir()
    sent, waiting, dropped, nobodys, young = (letter * 64 for letter in "abcde")
    for name in (sent, waiting, dropped, nobodys, young, ".new-half"):
        (folder / name).write_bytes(b"photo")
        made_s = (T0 + timedelta(days=10 if name == young else 0)).timestamp()
        os.utime(folder / name, (made_s, made_s))

    def names() -> set[str]:
        return {each.name for each in folder.iterdir()}

    work = WorkFile(tmp_path, clock=lambda: T0)
    for number, sha256 in enumerate((sent, waiting, dropped), 1):
        data = {"sha256": sha256, "role": "after"}
        work.append(edit(f"e{number}", kind=Kind.PHOTO, number=number, data=data))
    note_state(work, "e1", EditState.SENT)
    note_state(work, "e3", EditState.WITHDRAWN, reason=StopReason.DROPPED)
    work.close()
    WorkFile(tmp_path, clock=lambda: T0 + timedelta(days=29)).close()
    assert len(names()) == 6
    (tmp_path / "work.db.damaged-1").touch()
    WorkFile(tmp_path, clock=lambda: T0 + timedelta(days=31)).close()
    assert len(names()) == 6, "the damaged file may name them"
    (tmp_path / "work.db.damaged-1").unlink()
    WorkFile(tmp_path, clock=lambda: T0 + timedelta(days=31)).close()
    assert names() == {waiting, dropped, young}


def test_words_about_an_erased_report_go_and_what_waits_stays(work: WorkFile, tmp_path: Path) -> None:
    """Also of a report that was created here, and the photo of what was sent; nothing from after the erasure."""
    at, later, photo = T0 + timedelta(hours=1), T0 + timedelta(hours=2), "a" * 64
    media = tmp_path / "work-media"
    media.mkdir()
    (media / photo).write_bytes(b"picture")
    for number, one in enumerate(
        (
            edit("made", Kind.CREATE, "local:made", data={"description": "Kastanie"}),
            edit("sent", data={"text": "Kastanie"}),
            edit("shown", Kind.PHOTO, data={"sha256": photo}),
            edit("waits", data={"text": "Kastanie waits"}),
            edit("later", data={"text": "later"}, occurred_at=later),
            edit("other", report_key="2", data={"text": "other"}),
            edit("line", Kind.LOG, None, data={"text": "Kastanie of #1 called"}),
            edit("closed", Kind.CLOSURE, None, data={"closure": "c", "words": "Kastanie", "report": "1"}),
            edit("pumps", Kind.LOG, None, data={"text": "1 pump is here"}),
        ),
        start=1,
    ):
        work.append(msgspec.structs.replace(one, number=number))
        if one.id != "waits":
            note_state(work, one.id, EditState.SENT)
    work.learn_key("local:made", "city", "1")
    for key in ("note:city:1", "rina\nreply:city:1", "note:city:2"):
        work.save_draft(key, {"text": "Kastanie"})
    assert work.spoken_of() == {("city", "1"), ("city", "2")}
    erased = {("city", "1"): at}
    assert work.forget_words(erased) == []  # the drafts were typed just now, long after
    assert [one.edit.id for one in work.all()] == ["waits", "later", "other", "pumps"]
    assert not (media / photo).exists()
    assert b"Kastanie waits" in (tmp_path / "work.journal").read_bytes()
    assert (tmp_path / "work.journal").read_bytes().count(b"Kastanie") == 1
    tomorrow = {("city", "1"): datetime.now(UTC) + timedelta(days=1)}
    assert sorted(work.forget_words(tomorrow)) == ["note:city:1", "rina\nreply:city:1"]
    assert list(work.drafts()) == ["note:city:2"]
    assert [one.edit.id for one in work.all()] == ["waits", "other", "pumps"]
