"""The key caps that a window draws, and a walk that presses each of them."""

from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtWidgets import QApplication, QWidget

from tests.helpers.city import wait_for
from tests.helpers.hands import strike
from widgets.keys import KeyButton
from widgets.tabs import TabStrip

PANELS = ("queue", "map", "units", "report", "charts", "messages", "alarms", "log", "outbox", "command")


def shown_caps(one: Any) -> list[tuple[QWidget, str]]:
    """The caps that the window draws now, and on what."""
    one.window._caps.clear()
    one.window.grab()
    drawn = [(widget, caps) for widget, caps in one.window._caps.items() if widget.isVisible()]
    return [(widget, cap) for widget, caps in drawn for cap, heard in caps.items() if heard]


def walk(one: Any, monkeypatch: pytest.MonkeyPatch, state: str) -> int:
    """Press every key whose cap is shown; its action must be asked for and be allowed. Returns how many keys there
    were.
    """
    ran: list[tuple[str, bool]] = []
    done: list[str] = []
    one.window.activateWindow()
    wait_for(lambda: QApplication.activeWindow() is one.window, what="the window is active")
    focus = one.window.focusWidget()
    with monkeypatch.context() as patch:
        patch.setattr(one.actions, "run", lambda action: ran.append((action, one.actions.may(action))))
        for part in (one.ticket, one.key_guard):  # no key is struck too soon after the one before
            patch.setattr(part, "_steady_s", iter(range(10, 10_000_000, 10)).__next__)
        patch.setattr(one.key_guard, "_formless_until_s", 0.0)
        one.ticket.action.connect(done.append)
        caps = shown_caps(one)
        for widget, cap in caps:
            if cap.isdigit() and one.outbox_panel.isAncestorOf(widget):
                continue  # what a row of the outbox offers is pressed by the tests of what waits there
            ran.clear()
            done.clear()
            strike(focus or one.window, cap)
            action = one.action_table.with_cap(cap)
            where = f"{state}: {cap} on {type(widget).__name__}"
            if action is not None and action.id in ("next_report", "previous_report") and one.queue.view is focus:
                one.queue.set_current(int(one.window_state.view.order[3]))  # the list's own key, which it walks by
                strike(focus, cap)
                assert one.queue.current_key() == one.window_state.view.order[4 if cap == "J" else 2], where
            elif action is not None:
                assert ran == [(action.id, True)], where
            elif isinstance(widget, KeyButton):
                assert widget.is_filled, where
                assert done == [widget.property("intent")], where
            elif cap == "Esc" and isinstance(widget, TabStrip):
                assert one.window.current_panel() == "queue", "it folds what it stands beside"
                focus.setFocus() if focus.isVisible() else one.window.focus_panel("units")
            else:
                assert cap in ("Home", "Esc", "Enter"), where
            assert one.window.focusWidget() is focus, where
        one.ticket.action.disconnect(done.append)
    return len(caps)
