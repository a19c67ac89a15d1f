"""When a step of the demo's tour counts as done."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

from msgspec.structs import replace
from PySide6.QtCore import QObject, Signal

from api_client.model import Kind
from console.rules.edit import Edit
from console.rules.queued import EditState, Queued
from console.window.demo_actions import DEMO_ACTIONS
from console.window.tour_steps import Seen, tour_steps

_SEND, _BACK = 2, 6
_DISPATCH = Edit("e1", Kind.DISPATCH, "7", "rina", "d", 1, datetime(2026, 3, 2, tzinfo=UTC), data={"unit": "u1"})


class _Told(QObject):
    selection_changed = Signal(int)
    chosen_again = Signal(int)
    saved = Signal(object)
    open_edits: tuple[Queued, ...] = ()


class _Desk:
    """What the steps look at: a window whose network is cut."""

    def __init__(self) -> None:
        self.told = cast("Any", _Told())
        self.network = cast("Any", SimpleNamespace(is_cut=True))
        nothing = cast("Any", SimpleNamespace())
        seen = Seen(
            self.told,
            nothing,
            self.told,
            self.network,
            nothing,
            lambda: not self.network.is_cut,
            lambda: False,
            lambda _source, _id: None,
        )
        self.steps = tour_steps(seen, DEMO_ACTIONS)


def test_a_crew_that_was_sent_counts_though_another_report_is_chosen_by_now() -> None:
    desk = _Desk()
    step = desk.steps[_SEND]
    desk.told.saved.emit(Queued(_DISPATCH, EditState.QUEUED))
    step.begin()
    assert not step.is_done(), "one that was sent before is no answer"
    desk.told.saved.emit(Queued(replace(_DISPATCH, kind=Kind.NOTE), EditState.QUEUED))
    assert not step.is_done()
    desk.told.saved.emit(Queued(_DISPATCH, EditState.QUEUED))
    assert step.is_done()


def test_what_came_back_to_be_decided_does_not_hold_the_tour_up() -> None:
    desk = _Desk()
    step = desk.steps[_BACK]
    desk.network.is_cut = False
    desk.told.open_edits = (Queued(_DISPATCH, EditState.QUEUED),)
    assert not step.is_done(), "it is not sent yet"
    desk.told.open_edits = (Queued(_DISPATCH, EditState.CONFLICT), Queued(_DISPATCH, EditState.STOPPED))
    assert step.is_done()
    desk.network.is_cut = True
    assert not step.is_done()
