"""Every key that the window shows does what stands beside it, in every state; one thing at a time hears the keys."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from shiboken6 import isValid

from tests.helpers.caps import PANELS, shown_caps, walk
from tests.helpers.city import TOKENS, Served, console, served, stopped, wait_for
from tests.helpers.hands import ALT, CTRL, NONE, banner, find, form, key, strips, wait_ready
from widgets.focus import FocusRing
from widgets.keys import KeyButton, key_text

pytestmark = pytest.mark.usefixtures("qapp")

TABS = ("open", "unassigned", "mine", "active", "validate", "held", "closed")


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A city in which rina supervises and budi only looks."""
    folder = tmp_path_factory.mktemp("keys")
    users = folder / "users.json"
    roles = {"rina": "supervisor", "budi": "viewer"}
    users.write_text(
        json.dumps(
            [
                {"name": name, "role": role, "token_sha256": hashlib.sha256(TOKENS[name].encode()).hexdigest()}
                for name, role in roles.items()
            ]
        )
    )
    with served(folder, "--demo-city", "--still", "--reports", "600", "--users", str(users)) as server:
        yield server


@pytest.fixture
def window(city: Served, tmp_path: Path) -> Iterator[Any]:
    with console(tmp_path, city.address, size=(1920, 1080)) as one:
        wait_ready(one)
        yield one


def test_each_key_that_is_shown_works_in_every_tab_and_panel(window: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for tab in TABS:
        key(window, str(TABS.index(tab) + 1), ALT)
        wait_for(lambda tab=tab: window.window_state.view.filter.tab == tab, what=tab)
        assert window.window.current_panel() == "queue"
        rows = window.window_state.view.order
        window.window_state.choose(int(rows[0]) if len(rows) else 0)
        if len(rows):
            wait_for(lambda: window.situation.chosen is not None, what="the report")
            wait_for(lambda: window.situation.recommendations.row == window.window_state.row, what="the advice")
        least = 8 if len(rows) else 4
        assert walk(window, monkeypatch, f"tab {tab}") >= least
    find(window, "unassigned", lambda now: now.advice)
    for panel in PANELS:
        window.window.focus_panel(panel)
        assert walk(window, monkeypatch, f"panel {panel}") >= 4
    window.queue.setFocus()
    key(window, "A")
    wait_for(lambda: window.ticket._advice.hasFocus(), what="the recommended units have the keyboard")
    caps = shown_caps(window)
    assert (window.ticket._advice, "↵") in caps
    assert not any(isinstance(widget, KeyButton) and widget.is_filled for widget, _ in caps)


def test_what_is_filled_is_what_enter_does_and_nothing_is_while_another_panel_hears_it(window: Any) -> None:
    find(window, "unassigned", lambda now: now.advice)
    button = window.ticket._actions.button("dispatch")
    for panel in PANELS:
        window.window.focus_panel(panel)
        assert button.is_filled == (panel == "report"), panel
        drawn = [cap for widget, cap in shown_caps(window) if widget is button]
        assert drawn == (["↵"] if panel == "report" else ["Ctrl D"]), panel
    for away in (("A", NONE), ("2", ALT)):
        window.window.focus_panel("report")
        key(window, *away)
        assert not button.is_filled
        key(window, "J")
        assert window.window.current_panel() == "queue"
        button = window.ticket._actions.button("dispatch") or button
        assert not button.is_filled
        before = len(window.outbox_controller.open_edits)
        key(window, "Enter")
        wait_for(lambda: window.window.current_panel() == "report", what="Enter in the queue opens the report")
        assert len(window.outbox_controller.open_edits) == before


def test_the_steps_of_a_reports_crew_show_no_key_while_it_means_another_unit(window: Any) -> None:
    """The report said "DSH-01 on scene [O]", and O told what the unit chosen in the table had done, out of sight."""
    find(window, "active", lambda now: now.lead_state in ("dispatched", "acknowledged", "en_route", "on_scene"))
    others = [crew for crew in window.units_controller.crews() if not window.window_state.cities.jobs(crew)]

    def steps() -> set[str]:
        return {cap for widget, cap in shown_caps(window) if window.ticket.isAncestorOf(widget)} & {"E", "O", "V"}

    own = steps()
    assert own
    window.window_state.choose_unit(others[0].key)
    assert steps() == own, "another panel has the keyboard: they mean the report's crew"
    window.window.focus_panel("units")
    wait_for(lambda: not steps(), what="they mean the chosen unit")

    def at_the_row() -> set[str]:
        return {cap for widget, cap in shown_caps(window) if window.units.isAncestorOf(widget)} & {"E", "O", "V"}

    assert at_the_row() == set(), "which has nothing to do"
    lead = next(one for one in window.units_controller.crews() if one.unit.id == window.situation.current.lead_unit)
    window.window_state.choose_unit(lead.key)
    wait_for(lambda: at_the_row() == own, what="the key stands at the unit that it means")
    window.window_state.choose_unit(others[0].key)
    wait_for(lambda: not at_the_row(), what="and nowhere else")
    view = window.units.view
    bar = view.verticalScrollBar()
    bar.setValue(0 if view.visualRect(view.currentIndex()).top() > view.height() // 2 else bar.maximum())
    assert not window.units._is_seen()
    before = len(window.outbox_controller.open_edits)
    key(window, min(own))
    assert window.status_controller._message.startswith(
        f"The chosen unit is {others[0].unit.code}, which was out of sight"
    )
    assert len(window.outbox_controller.open_edits) == before
    assert window.units._is_seen(), "now it is read whom the key means"
    window.window.focus_panel("queue")
    wait_for(lambda: steps() == own, what="they mean the report's crew again")


def test_after_the_filter_line_the_arrows_walk_the_queue(window: Any) -> None:
    for panel in ("map", "units", "report", "charts"):
        window.window.focus_panel(panel)
        key(window, "F", Qt.KeyboardModifier.ControlModifier)
        QTest.keyClicks(window.command._line, "p=3")
        QTest.keyClick(window.command._line, Qt.Key.Key_Return)
        wait_for(lambda: window.window.current_panel() == "queue", what=f"the queue, after {panel}")
        wait_for(lambda: window.window_state.view.filter.priorities == (3,), what="the filter")
        before = window.queue.current_key()
        QTest.keyClick(window.window.focusWidget(), Qt.Key.Key_Down)
        assert window.queue.current_key() != before
        key(window, "Esc", Qt.KeyboardModifier.ShiftModifier)
        wait_for(lambda: not window.window_state.view.filter.narrowed, what="no filter")


def test_one_ring_shows_what_hears_the_keys(window: Any) -> None:
    assert not any(ring.isVisible() for ring in window.window.findChildren(FocusRing)), "calm before a key is used"
    find(window, "unassigned", lambda now: now.advice)
    wait_for(lambda: window.map._ready, what="the map's page, which takes the keyboard")
    for panel in ("queue", "map", "units", "report"):
        window.window.focus_panel(panel)
        rings = [ring for ring in window.window.findChildren(FocusRing) if ring.isVisible()]
        assert [window.window._panel_of(ring) for ring in rings] == [panel]
    key(window, "A")
    key(window, "Esc")
    key(window, "1", CTRL)
    rings = [ring for ring in window.window.findChildren(FocusRing) if ring.isVisible()]
    assert [window.window._panel_of(ring) for ring in rings] == ["queue"], "the list in the report has left it"
    key(window, "J")
    (ring,) = [ring for ring in window.window.findChildren(FocusRing) if ring.isVisible()]
    assert window.window._panel_of(ring) == "queue"
    assert window.queue.view.currentIndex().isValid()


def test_while_a_form_or_the_palette_hears_the_keys_the_window_shows_none(
    window: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    find(window, "unassigned", lambda now: now.advice and not now.steps)  # whose timeline is in sight
    everything = {cap for _, cap in shown_caps(window)}
    key(window, "N")
    note = form(window)
    assert {cap for _, cap in shown_caps(window)} <= {"F2", "F4", "⇧ F4", "F7", "F8", "F12", "⇧ F12"}, (
        "what works from a form too"
    )
    note.reject()
    window.window.activateWindow()
    wait_for(lambda: QApplication.activeWindow() is window.window, what="the window is active again")
    assert {cap for _, cap in shown_caps(window)} == everything
    window.command_line_controller.open()
    wait_for(lambda: QApplication.activeWindow() is window.palette, what="the palette")
    assert {cap for _, cap in shown_caps(window)} <= {"F2", "F4", "F7", "F8", "F12", "⇧ F12"}, (
        "what notices ask works from it too"
    )
    window.palette.close()
    window.window.focus_panel("command")
    assert {cap for _, cap in shown_caps(window)} & {"T", "A", "N", "/", "?", "Home"} == set()
    assert walk(window, monkeypatch, "typing") >= 4


def test_each_key_that_is_shown_works_in_a_small_window_to_a_viewer_offline_and_in_no_city(
    city: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with console(tmp_path / "none", None) as empty:
        for panel in PANELS:
            empty.window.focus_panel(panel)
            assert walk(empty, monkeypatch, f"no city, {panel}") >= 3
    with console(tmp_path / "viewer", city.address, name="budi", size=(1366, 768)) as viewer:
        wait_ready(viewer)
        viewer.window_state.choose(int(viewer.window_state.view.order[0]))
        wait_for(lambda: viewer.situation.chosen is not None, what="the report")
        assert walk(viewer, monkeypatch, "viewer") >= 4
        assert "T" not in {cap for _, cap in shown_caps(viewer)}
        viewer.window.focus_panel("units")
        wait_for(lambda: "Esc" in {cap for _, cap in shown_caps(viewer)}, what="the units stand over the map")
        assert walk(viewer, monkeypatch, "small, units open") >= 4
    with console(tmp_path / "offline", city.address) as one:
        wait_ready(one)
        find(one, "unassigned", lambda now: now.advice)
        with stopped(city):
            wait_for(lambda: one.banner.notice is not None, 40, "offline is said")
            key(one, "T")
            wait_for(lambda: one.situation.current.holder == "rina", what="taken here")
            waiting = {key_text("F5"), key_text("Ctrl+7")}
            wait_for(
                lambda: waiting <= {cap for _, cap in shown_caps(one)},
                what=lambda: ("it is said to wait, with its keys", banner(one), strips(one), shown_caps(one)),
            )
            assert walk(one, monkeypatch, "offline") >= 8


def test_enter_behind_a_key_that_opened_no_form_is_no_order(window: Any) -> None:
    """`D 1 Enter` without a duplicate did what the filled button said, meant for a form that had not opened."""
    decided: list[Any] = []
    find(window, "unassigned", lambda now: now.advice and not now.duplicate)
    window.undo_stack.pushed.connect(decided.append)
    window.window.focus_panel("report")
    wait_for(lambda: window.ticket._actions.is_armed, what="Enter sends the unit")
    key(window, "D")
    assert window.forms._open is None
    key(window, "Enter")
    assert decided == []


def test_a_key_that_is_held_decides_nothing_wherever_the_keyboard_is(window: Any) -> None:
    """X repeats a held key 25 times a second: whatever it comes to next, nobody has looked at."""
    decided: list[Any] = []
    window.undo_stack.pushed.connect(decided.append)
    held = (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space, *(Qt.Key(Qt.Key.Key_1 + n) for n in range(9)))
    for tab in ("unassigned", "validate"):
        find(window, tab)
        for panel in PANELS:
            window.window.focus_panel(panel)
            for widget in {window.window.focusWidget(), *window.window.findChildren(QWidget)}:
                if isValid(widget) and widget.isVisible() and widget.focusPolicy() & Qt.FocusPolicy.TabFocus:
                    for code in held:
                        event = QKeyEvent(QEvent.Type.KeyPress, code, NONE, chr(code) if code < 128 else "\r", True)
                        QApplication.sendEvent(widget, event)
                        where = f"{code} held on {type(widget).__name__} in {tab}, {panel}"
                        assert decided == [], where
                        assert window.forms._open is None, where


def test_a_chord_that_nobody_has_named_sends_no_crew(window: Any) -> None:
    """Alt+Enter, Ctrl+Alt+1 and their like, with the keyboard on the recommended units or the report, sent a crew."""
    decided: list[Any] = []
    window.undo_stack.pushed.connect(decided.append)
    find(window, "unassigned", lambda now: now.advice)
    held = Qt.KeyboardModifier
    chords = (ALT, held.ShiftModifier, held.MetaModifier, held.ControlModifier | held.AltModifier)
    for opened in ("A", ""):
        for chord in chords:
            for code, text in ((Qt.Key.Key_Return, "\r"), (Qt.Key.Key_Enter, "\r"), (Qt.Key.Key_1, "1")):
                if code == Qt.Key.Key_1 and chord in (ALT, held.ShiftModifier):
                    continue  # Alt+1 is a tab, and Shift+1 on some keyboards how a digit is typed
                if opened:
                    window.queue.setFocus()
                    key(window, opened)
                    wait_for(lambda: window.ticket._advice.hasFocus(), what="the recommended units have the keyboard")
                else:
                    window.window.focus_panel("report")
                    wait_for(lambda: window.ticket._actions.is_armed, what="Enter means the filled button")
                target = window.window.focusWidget()
                QApplication.sendEvent(target, QKeyEvent(QEvent.Type.KeyPress, code, chord, text))
                assert decided == [], f"{chord} {code} on {type(target).__name__}"
