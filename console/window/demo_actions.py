"""The actions of the demo's window: those of every window, and what a visitor may do to the invented city."""

from __future__ import annotations

from console.panels.action import Action, Actions
from console.window.actions import ACTIONS, Receivers
from console.window.visitor_commands import SPEEDS, VisitorCommands

A = Action[Receivers]


def _visitor(on: Receivers) -> VisitorCommands:
    assert on.visitor is not None, "a window of the demo has a visitor"
    return on.visitor


def _speed(speed: int) -> Action[Receivers]:
    text = "The city goes as in life" if speed == 1 else f"The city goes {speed} times faster"
    return A(f"speed_{speed}", text, (), "Demo", lambda on: _visitor(on).set_speed(speed), words="visitor speed pace")


DEMO_ACTIONS = Actions[Receivers](
    (
        *ACTIONS,
        A("visitor", "Visitor: into the strip, and back", ("F9",), "Demo", lambda on: _visitor(on).turn_to()),
        A(
            "rain",
            "Let it rain in the middle of the map",
            (),
            "Demo",
            lambda on: _visitor(on).rain(),
            words="visitor flood",
        ),
        *(_speed(speed) for speed in SPEEDS),
        A(
            "cut_network",
            "Cut the network, or mend it",
            (),
            "Demo",
            lambda on: _visitor(on).switch_network(),
            words="visitor offline plug",
        ),
        A(
            "stop_server",
            "Stop the server, or start it again",
            (),
            "Demo",
            lambda on: _visitor(on).switch_server(),
            words="visitor kill offline plug",
        ),
        A(
            "second_desk",
            "Open a second operator's window",
            (),
            "Demo",
            lambda on: _visitor(on).open_second_desk(),
            words="visitor colleague",
        ),
        A("tour", "The tour: begin, or end it", ("Shift+F9",), "Demo", lambda on: _visitor(on).tour.begin()),
        A("tour_skip", "The tour: the next step", ("Ctrl+Right",), "Demo", lambda on: _visitor(on).tour.skip()),
    )
)
