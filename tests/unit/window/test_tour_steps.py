"""When a step of the demo's tour counts as done."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

from msgspec.structs import replace
from PySide6.QtCore import QObject, Signal

from api_client.model import Kind
from console.panels.action_rules import Situation
from console.rules.edit import Edit
from console.rules.queued import EditState, Queued
from console.window.demo_actions import DEMO_ACTIONS
from console.window.tour_steps import Seen, tour_steps

_CHOOSE, _SEND, _SEE, _BACK = 0, 2, 3, 6
_DISPATCH = Edit("e1", Kind.DISPATCH, "7", "rina", "d", 1, datetime(2026, 3, 2, tzinfo=UTC), data={"unit": "u1"})


class _Told(QObject):
    selection_changed = Signal(int)
    chosen_again = Signal(int)
    saved = Signal(object)
    ran = Signal(str)
    last_view = None
    open_edits: tuple[Queued, ...] = ()


class _Desk:
    """What the steps look at: a window whose network is cut."""

    def __init__(self) -> None:
        self.told = cast("Any", _Told())
        self.network = cast("Any", SimpleNamespace(is_cut=True))
        self.situation = cast("Any", SimpleNamespace(current=Situation(crewless=True, me="rina")))
        seen = Seen(
            self.told,
            self.situation,
            self.told,
            self.network,
            self.told,
            self.told,
            lambda: not self.network.is_cut,
            lambda: False,
            lambda _source, _id: None,
        )
        self.steps = tour_steps(seen, DEMO_ACTIONS)


def test_a_red_report_that_a_colleague_has_is_not_the_one_to_take() -> None:
    desk = _Desk()
    step = desk.steps[_CHOOSE]
    step.begin()
    desk.situation.current = Situation(crewless=True, me="rina", holder="dewi")
    desk.told.selection_changed.emit(1)
    assert not step.is_done(), "the next step asks for a key that its report refuses"
    desk.situation.current = Situation(crewless=True, me="rina")
    desk.told.selection_changed.emit(2)
    assert step.is_done()


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


def test_a_map_that_shows_the_report_already_is_asked_for_it_all_the_same() -> None:
    desk = _Desk()
    step = desk.steps[_SEE]
    desk.told.ran.emit("go_to")
    step.begin()
    desk.told.ran.emit("take")
    assert not step.is_done()
    desk.told.ran.emit("go_to")
    assert step.is_done()


def test_what_came_back_to_be_decided_does_not_hold_the_tour_up() -> None:
    desk = _Desk()
    step = desk.steps[_BACK]
    desk.network.is_cut = False
    desk.told.open_edits = (Queued(_DISPATCH, EditState.QUEUED),)
    assert not step.is_done(), "it is not sent yet"
    assert step.under_way(), "who is told to mend it again cuts it again"
    desk.told.open_edits = (Queued(_DISPATCH, EditState.CONFLICT), Queued(_DISPATCH, EditState.STOPPED))
    assert step.is_done()
    desk.network.is_cut = True
    assert not step.is_done()
    assert not step.under_way()
