"""Operate a real console window as an operator does: keys, forms, choosing reports; and read what it shows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from console.rules.loaded import Loaded
from tests.helpers.city import wait_for
from widgets.key_repeats import TWICE_S

NONE = Qt.KeyboardModifier.NoModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier
ALT = Qt.KeyboardModifier.AltModifier
CTRL = Qt.KeyboardModifier.ControlModifier

_SPELLED = {"↵": "Return", "⇧": "Shift", "↑": "Up", "↓": "Down", "←": "Left", "→": "Right", "Enter": "Return"}


def wait_ready(console: Any, *, looks: bool = True) -> None:
    """Wait until all that the servers have is read and shown; and look at the P1 that stand there, so that no strip
    tells them.
    """
    wait_for(
        lambda: console.window_state.view is not None and console.window_state.view.total > 0, 40, "the first reports"
    )
    wait_for(lambda: not console.sources.filling(), 40, "the fill")
    wait_for(lambda: console.window_state.loaded is Loaded.WHOLE, what="all figures")
    board = console.board_updater
    wait_for(lambda: not (board._rows or board._wanted or board._running), what="what was read last")
    if looks:
        read = console.window_state.read_sources
        wait_for(lambda: read <= console.hazards._points._begun.keys(), what="what stands is told")
        console.hazards.see(*(one.row for one in console.hazards.unseen))
        QApplication.processEvents()  # what is below the strip has its place


def key(console: Any, keys: str, modifier: Qt.KeyboardModifier = NONE) -> None:
    """Press a key in whatever has the keyboard in this window."""
    console.window.activateWindow()
    wait_for(lambda: QApplication.activeWindow() is console.window, what="the window is active")
    target = console.window.focusWidget() or console.window
    code = {"Enter": Qt.Key.Key_Return, "Esc": Qt.Key.Key_Escape}.get(keys) or Qt.Key[f"Key_{keys}"]
    QTest.keyClick(target, code, modifier)


def strike(target: QWidget, cap: str) -> None:
    """Press the key that a key cap shows, such as `⇧ F12`."""
    sequence = QKeySequence("+".join(_SPELLED.get(part, part) for part in cap.split(" ")))
    combined = sequence[0]  # type: ignore[index]  # PySide's types leave its __getitem__ out
    QTest.keyClick(target, combined.key(), combined.keyboardModifiers())


def enter(console: Any) -> None:
    """Press Enter in the report panel, once it stands for the filled button and not for the key that opened the
    report.
    """
    wait_for(lambda: console.ticket._actions.is_armed, what="Enter means the filled button")
    key(console, "Enter")


def order(console: Any) -> None:
    """Send the first recommended unit to the chosen report by its keys, once these units are in sight."""
    wait_for(lambda: console.ticket.ticket().advice, what="the recommended units")
    key(console, "A")
    wait_for(lambda: console.ticket.is_unit_chosen, what="they have the keyboard")
    key(console, "Enter")


def form(console: Any) -> Any:
    """The open form, once it has the keyboard."""
    wait_for(lambda: QApplication.activeWindow() not in (None, console.window), what="a form")
    found = QApplication.activeWindow()
    assert found is not None
    return found


def type_into(console: Any, text: str, code: Qt.Key, modifier: Qt.KeyboardModifier = NONE) -> None:
    """Type into the open form, then press a key there."""
    open_form = form(console)
    if text:
        QTest.keyClicks(open_form.focusWidget() or open_form, text)
    QTest.keyClick(open_form.focusWidget() or open_form, code, modifier)


def choose(console: Any, number: str) -> None:
    """Choose a report, and wait until its details and recommendations are there."""
    row = console.reader().row_of("city", number)
    console.window_state.choose(row)
    wait_for(
        lambda: console.details_reader.current is not None and console.details_reader.current.row == row, what=number
    )
    wait_for(lambda: console.situation.recommendations.row == row, what="the advice")
    console.queue.setFocus()


def find(
    console: Any,
    tab: str,
    fits: Callable[[Any], bool] = lambda _: True,
    skip: set[str] | None = None,
    *,
    like: Callable[[Any], bool] = lambda _: True,
) -> str:
    """Choose the first report under a tab for which `like(report)` and `fits(situation)` hold and whose id is not in
    `skip`; returns its id, which is added to `skip`.
    """
    console.actions.run(f"tab_{tab}")
    wait_for(lambda: console.window_state.view.filter.tab == tab, what="the tab")
    for row in console.window_state.view.order.tolist():
        cached = console.reader().report(row)
        if cached is None or cached.report.id in (skip or ()) or not like(cached.report):
            continue
        choose(console, cached.report.id)
        if fits(console.situation.current):
            if skip is not None:
                skip.add(cached.report.id)
            return str(cached.report.id)
    raise AssertionError(f"no such report under {tab}")


def free_units(console: Any) -> list[str]:
    """The recommended units that have no job yet, the best first."""
    return [advice.unit_id for advice in console.situation.recommendations.units if not advice.jobs]


def p1_data(console: Any, lat: float = -6.2, lon: float = 106.85, source: str = "city") -> dict[str, Any]:
    """The data of a CREATE edit: a P1 of the first service that begins as one."""
    service = next(code for code, one in console.window_state.catalog(source).services.items() if one.priority == 1)
    return {"service": service, "description": "Water rises", "priority": 1, "lat": lat, "lon": lon}


def wait_notice_read(console: Any) -> None:
    """Wait until keys of the notice are accepted: just after it has changed they are not."""
    lost = console.lost_orders
    wait_for(lambda: lost._steady_s() - lost._shown_since_s > TWICE_S, what="a key that is meant for what is there")


def said(bar: Any) -> str:
    """The text at the left of the status bar."""
    return " ".join(button.cell.text for button in bar._left)


def outbox(console: Any) -> dict[str, Any]:
    """The rows of the outbox panel, by the edit's id."""
    model = console.outbox_panel.view.rows_model()
    return {row.id: row for row in (model.row(number) for number in range(model.rowCount()))}


def strips(console: Any) -> list[str]:
    """The texts of the strips of the report panel."""
    ticket = console.ticket.ticket()
    return [strip.text for strip in ticket.strips] if ticket is not None else []


def banner(console: Any) -> str:
    """What the banner says, "" when there is none."""
    notice = console.banner.notice
    return "" if notice is None else f"{notice.bold} {notice.text}"
