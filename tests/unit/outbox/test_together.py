"""What is made and withdrawn at one stroke is on the disk as a whole or not at all."""

from __future__ import annotations

import sqlite3
from typing import Any

import pytest

from api_client.model import Kind
from console.outbox.work_file import WorkFile
from console.rules.queued import EditState
from tests.helpers.outbox_rig import OutboxRig
from tests.unit.outbox.test_outbox import rig

S = EditState
__all__ = ["rig"]


def both(rig: OutboxRig, *, wait: bool = True) -> tuple[str, str]:
    """A report is made a P1 and merged into another, as one step."""
    values: dict[str, Any] = {"source": "city", "base": {}, "base_version": 1, "title": "t"}
    with rig.outbox.together():
        first = rig.outbox.submit(Kind.SET, "1", data={"priority": 1}, **values)
        then = rig.outbox.submit(Kind.MERGE, "2", data={"into": "1"}, **values)
    if wait:
        rig.qtbot.waitUntil(lambda: not rig.outbox.saving)
    return first, then


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A disk that takes one edit and then no more."""
    left = [1]
    real = WorkFile._put_edit

    def put(file: WorkFile, *args: Any) -> Any:
        if not left[0]:
            raise sqlite3.OperationalError("database or disk is full")
        left[0] -= 1
        return real(file, *args)

    monkeypatch.setattr(WorkFile, "_put_edit", put)
    return left


def test_a_disk_that_takes_one_of_them_has_none(rig: OutboxRig, full: list[int]) -> None:
    refused: list[str] = []
    rig.outbox.refused.connect(lambda edit_id, _error: refused.append(edit_id))
    made = both(rig, wait=False)
    rig.qtbot.waitUntil(lambda: len(refused) == 2)
    assert refused == list(made)
    assert rig.states() == {}
    full[0] = 10
    assert rig.on_disk() == {}


def test_a_defect_while_they_are_made_saves_none(rig: OutboxRig) -> None:
    def half() -> None:
        with rig.outbox.together():
            rig.outbox.submit(Kind.NOTE, "1", source="city", data={}, base={}, base_version=1, title="t")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        half()
    assert not rig.outbox.saving
    rig.quiet()
    assert rig.states() == {}


def test_what_is_withdrawn_with_another_while_both_are_saved_stays_so(rig: OutboxRig) -> None:
    rig.outbox.source_lost("city")
    values: dict[str, Any] = {"source": "city", "base": {}, "base_version": None, "title": "t"}
    with rig.outbox.together():
        create = rig.outbox.submit(Kind.CREATE, None, data={"description": "d"}, **values)
        rig.outbox.submit(Kind.NOTE, f"local:{create}", data={"text": "n"}, **values)
    assert rig.outbox.withdraw(create)
    rig.qtbot.waitUntil(lambda: not rig.outbox.saving)
    assert rig.states() == {}
    rig.restart()
    assert rig.states() == {}


def test_an_undo_of_which_the_disk_refuses_a_part_takes_nothing_back(
    rig: OutboxRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig.outbox.source_lost("city")
    first, then = both(rig)
    real, times = WorkFile._put_edit, [0]

    def put(file: WorkFile, *args: Any) -> Any:
        times[0] += 1
        if times[0] == 1:
            raise sqlite3.OperationalError("database or disk is full")
        return real(file, *args)

    monkeypatch.setattr(WorkFile, "_put_edit", put)
    with rig.outbox.together():
        assert rig.outbox.withdraw(then)
        assert rig.outbox.withdraw(first)
    assert rig.states() == {}
    rig.settle()
    assert rig.states() == {first: S.QUEUED, then: S.QUEUED}


def test_an_undo_that_withdraws_and_makes_an_edit_is_one_write(rig: OutboxRig, monkeypatch: pytest.MonkeyPatch) -> None:
    first, then = both(rig)
    rig.pushed(first)
    rig.answer(first, S.ACCEPTED)
    rig.outbox.source_lost("city")
    rig.answer(then, S.QUEUED)
    rig.down.clear()
    whole = WorkFile.exchange
    monkeypatch.setattr(WorkFile, "exchange", _full)
    values: dict[str, Any] = {"source": "city", "data": {"priority": 3}, "base": {}, "base_version": 1, "title": "t"}

    def undo() -> None:
        with rig.outbox.together():
            assert rig.outbox.withdraw(then)
            rig.outbox.submit(Kind.SET, "1", **values, undoes=first)
        rig.qtbot.waitUntil(lambda: not rig.outbox.saving)

    undo()
    assert rig.states() == {first: S.ACCEPTED, then: S.QUEUED}
    monkeypatch.setattr(WorkFile, "exchange", whole)
    undo()
    assert [one.edit.undoes for one in rig.outbox.open_edits] == [None, first]
    assert rig.on_disk()[then].state is S.WITHDRAWN


def _full(*_args: Any, **_named: Any) -> None:
    raise sqlite3.OperationalError("database or disk is full")


def test_a_merge_of_a_report_into_itself_created_again_is_proved(rig: OutboxRig) -> None:
    create = rig.do(Kind.CREATE, None, base_version=None, data={"description": "d"})
    rig.pushed(create)
    rig.answer(create, S.ACCEPTED, remote_id="9")
    rig.outbox.on_proved([create], {create: "9"})
    rig.outbox.on_taken_back("city", [create])
    rig.qtbot.waitUntil(lambda: create in rig.states())
    rig.down.clear()
    merge = rig.do(Kind.MERGE, f"local:{create}", data={"into": f"local:{create}+"})
    rig.outbox.retry(create)
    rig.pushed(create)
    rig.answer(create, S.ACCEPTED, remote_id="10")
    rig.outbox.on_proved([create], {create: "10"})
    rig.outbox.on_proved([merge])
    assert merge not in rig.states()


def test_what_comes_back_to_a_lost_one_stops_what_rests_on_it(rig: OutboxRig) -> None:
    take = rig.do(Kind.CLAIM)
    rig.pushed(take)
    rig.answer(take, S.ACCEPTED)
    rig.outbox.on_proved([take])
    send = rig.do(Kind.DISPATCH, data={"unit": "U1"})
    rig.pushed(send)
    rig.outbox.on_taken_back("city", [take])
    rig.qtbot.waitUntil(lambda: take in rig.states())
    there = rig.do(Kind.PROGRESS, data={"unit": "U1", "state": "on_scene"}, base_version=None)
    assert rig.states() == {take: S.ATTENTION, send: S.SENDING, there: S.QUEUED}
    rig.answer(send, S.QUEUED)
    assert rig.states() == {take: S.ATTENTION, send: S.STOPPED, there: S.STOPPED}
