"""The eight steps of the demo's tour: what each one says, and when it is done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from api_client.model import Kind
from console.panels.action import Actions
from console.panels.action_runner import ActionRunner
from console.panels.qt_outbox import QtOutbox
from console.panels.situation import SituationMonitor
from console.panels.window_state import WindowState
from console.rules.queued import PENDING, Queued
from console.window.actions import Receivers
from console.window.demo_network import DemoNetwork
from console.window.tour import TourStep
from widgets.map.panel import MapPanel


@dataclass(frozen=True)
class Seen:
    """What the steps look at."""

    window_state: WindowState
    situation: SituationMonitor
    outbox: QtOutbox
    network: DemoNetwork
    map: MapPanel
    actions: ActionRunner
    is_live: Callable[[], bool]
    is_palette_open: Callable[[], bool]
    show_report: Callable[[str, str], None]
    """Chooses the report of a source with this id."""


def tour_steps(seen: Seen, actions: Actions[Receivers]) -> tuple[TourStep, ...]:
    """The steps in their order; keys are named as they are in `actions`."""
    cap = actions.cap
    chosen_p1 = _Counted(seen.window_state)
    moved, sent = _Moved(seen.map, seen.actions), _Sent(seen.outbox, seen.show_report)

    def is_waiting() -> bool:  # what a colleague's change stopped waits for the visitor, who was told of it
        return any(queued.state in PENDING for queued in seen.outbox.open_edits)

    def show_way() -> None:
        sent.show_report()
        moved.begin()

    def is_taken() -> bool:
        now = seen.situation.current
        return now.holder is not None and now.holder == now.me

    return (
        TourStep(
            "queue",
            "What burns stands on top",
            "Danger to people comes first, then time. Red is a hazard that no crew is on its way to; it stays counted "
            "above until one is.",
            f"Waiting for you: {cap('next_hazard')}, or choose a red report that nobody has taken",
            lambda: chosen_p1.is_done(seen.situation),
            chosen_p1.begin,
        ),
        TourStep(
            "report",
            "Say that it is yours",
            f"{cap('take')} takes the report: colleagues see it within a second, and nobody does the same work twice.",
            f"Waiting for you: {cap('take')}",
            is_taken,
        ),
        TourStep(
            "report",
            "Send the crew yourself",
            "The nearest crew that can do it stands first, with its time by street and the reason. One key sends it, "
            f"{cap('undo')} takes it back.",
            f"Waiting for you: {cap('dispatch')}",
            sent.is_done,
            sent.begin,
        ),
        TourStep(
            "map",
            "See where it is",
            "The blue line is the way that the crew takes, with its time of arrival. Symbols say how urgent, colour "
            "only what is not as it should be.",
            f"Waiting for you: {cap('go_to')}, or move the map",
            moved.is_done,
            show_way,
        ),
        TourStep(
            "visitor",
            "Pull the plug",
            "Really: from then on nothing gets through between this window and the city's server.",
            f"Waiting for you: Cut the network ({cap('visitor')})",
            lambda: seen.network.is_cut,
        ),
        TourStep(
            "report",
            "Go on working",
            f"Write a note with {cap('note')}, take the next report, close one. All of it is saved on this computer "
            "the moment you do it, and waits in the outbox.",
            "Waiting for you: any change to a report",
            lambda: is_waiting() or not seen.network.is_cut,
        ),
        TourStep(
            "visitor",
            "And back again",
            "What waited is sent by itself, once and in order. What a colleague changed meanwhile is never "
            "overwritten unseen.",
            f"Waiting for you: Mend the network ({cap('visitor')})",
            lambda: not seen.network.is_cut and seen.is_live() and not is_waiting(),
            under_way=lambda: "" if seen.network.is_cut else "The network is back: what waited is being sent",
        ),
        TourStep(
            "command",
            "Everything by a word",
            f"{cap('palette')} finds reports, streets, crews and every command; {cap('help')} shows all keys.",
            f"Waiting for you: {cap('palette')}",
            seen.is_palette_open,
        ),
    )


class _Counted:
    """Whether a P1 without a crew, which no colleague has, was chosen since the step began, be it the one that was
    chosen before.
    """

    def __init__(self, window_state: WindowState) -> None:
        self._choices = 0
        self._before = 0
        window_state.selection_changed.connect(self._count)
        window_state.chosen_again.connect(self._count)

    def _count(self, _row: int) -> None:
        self._choices += 1

    def begin(self) -> None:
        self._before = self._choices

    def is_done(self, situation: SituationMonitor) -> bool:
        now = situation.current
        may_take = now.holder in (None, now.me)  # which the next step asks for
        return self._choices > self._before and now.crewless and may_take


class _Sent:
    """Whether a crew was sent from here since the step began, wherever the window has gone on to."""

    def __init__(self, outbox: QtOutbox, show_report: Callable[[str, str], None]) -> None:
        self._show_report = show_report
        self._is_done = False
        self._report: tuple[str, str] | None = None
        outbox.saved.connect(self._on_saved)

    def _on_saved(self, queued: Queued) -> None:
        if queued.edit.kind is Kind.DISPATCH:
            self._is_done, self._report = True, (queued.edit.source, queued.edit.report or "")

    def show_report(self) -> None:
        """Choose the report that the crew was sent to: the window has gone on to the next one that waits."""
        if self._report is not None:
            self._show_report(*self._report)

    def begin(self) -> None:
        self._is_done = False

    def is_done(self) -> bool:
        return self._is_done


class _Moved:
    """Whether, since the step began, the map was moved or asked for the report, which it may have shown already."""

    def __init__(self, panel: MapPanel, actions: ActionRunner) -> None:
        self._panel = panel
        self._before: object = None
        self._is_asked = False
        actions.ran.connect(self._on_ran)

    def _on_ran(self, action_id: str) -> None:
        self._is_asked |= action_id == "go_to"

    def begin(self) -> None:
        self._before, self._is_asked = self._panel.last_view, False

    def is_done(self) -> bool:
        return self._is_asked or self._panel.last_view != self._before
