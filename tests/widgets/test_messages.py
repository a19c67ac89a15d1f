"""The panel of messages: the keys of its line, long messages, what a low panel leaves out."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QAbstractItemModelTester, QTest
from pytestqt.qtbot import QtBot

from tests.widgets.sample import make_symbols, make_theme
from widgets.messages import MessageRow, MessagesPanel, ThreadRow

THREADS = [ThreadRow("t1", "unit", "SDA-11", "14:06", "Ready", "1 new", "on_scene"), ThreadRow("t2", "all", "Everyone")]
LONG = "sandbags and pumps " * 100
ROWS = [MessageRow("m1", "SDA-11", "14:06", LONG, "931180"), MessageRow("m2", "You", "14:07", "Yes", is_own=True)]


@pytest.fixture
def panel(qtbot: QtBot) -> MessagesPanel:
    theme = make_theme()
    panel = MessagesPanel(theme, make_symbols(theme))
    for view in (panel.threads, panel.messages):
        QAbstractItemModelTester(view.model(), QAbstractItemModelTester.FailureReportingMode.Fatal, panel)
    qtbot.addWidget(panel)
    panel.resize(600, 420)
    panel.set_threads(THREADS, "t1")
    panel.set_thread("t1", "SDA-11", "pump crew", ROWS)
    panel.set_quick(["Arrived?", "Photo", "Radio", "a fourth"])
    panel.show()
    qtbot.waitExposed(panel)
    panel.activateWindow()
    panel.line.setFocus()
    return panel


def test_enter_sends_once_and_shift_enter_begins_a_line(panel: MessagesPanel) -> None:
    sent: list[str] = []
    panel.send_asked.connect(sent.append)
    QTest.keyClicks(panel.line, "one")
    low = panel.line.height()
    QTest.keyClick(panel.line, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    QTest.keyClicks(panel.line, "two")
    QTest.keyClick(panel.line, Qt.Key.Key_Return)
    assert sent == ["one\ntwo"]
    QTest.qWait(0)
    assert panel.line.height() > low, "the line grows with what is written"
    panel.set_hint("goes to SDA-11", why_not="You are signed out")
    QTest.keyClick(panel.line, Qt.Key.Key_Return)
    panel.send.click()
    assert (sent, panel.hint, panel.send.why_not) == (["one\ntwo"], "You are signed out", "You are signed out")


def test_quick_texts_come_where_the_cursor_is(panel: MessagesPanel) -> None:
    assert [one.verb for one in panel.quick_buttons] == ["Arrived?", "Photo", "Radio"]
    QTest.keyClicks(panel.line, "931180")
    QTest.keyClick(panel.line, Qt.Key.Key_2, Qt.KeyboardModifier.AltModifier)
    panel.quick_buttons[0].click()
    assert panel.text == "931180 Photo Arrived?"
    assert panel.line.hasFocus(), "one goes on writing"
    panel.set_quick(["Only this"])
    QTest.keyClick(panel.line, Qt.Key.Key_3, Qt.KeyboardModifier.AltModifier)
    assert panel.text == "931180 Photo Arrived?"


def test_a_long_message_is_cut_after_four_lines_and_enter_shows_it_whole(panel: MessagesPanel) -> None:
    opened: list[str] = []
    panel.message_opened.connect(opened.append)
    first = panel.messages.model().index(0, 0)
    cut = panel.messages.visualRect(first).height()
    panel.messages.setFocus()
    panel.messages.setCurrentIndex(first)
    QTest.keyClick(panel.messages, Qt.Key.Key_Return)
    assert panel.messages.visualRect(first).height() > 2 * cut
    assert opened == []
    QTest.keyClick(panel.messages, Qt.Key.Key_Return)
    assert opened == ["m1"]
    panel.set_thread("t2", "Everyone", "", ())
    panel.set_thread("t1", "SDA-11", "", ROWS)
    assert panel.messages.visualRect(panel.messages.model().index(0, 0)).height() == cut


def test_a_message_of_two_lines_stands_in_two(panel: MessagesPanel) -> None:
    heights = []
    for text in ("one two", "one\ntwo"):
        panel.set_thread("t1", "SDA-11", "", [MessageRow("m1", "SDA-11", "14:06", text)])
        QTest.qWait(0)
        heights.append(panel.messages.visualRect(panel.messages.model().index(0, 0)).height())
    assert heights[1] == heights[0] + make_theme().line("dense")


def test_a_low_panel_keeps_room_for_messages_and_says_why_nothing_is_sent(panel: MessagesPanel) -> None:
    panel.resize(595, 212)
    QTest.qWait(0)
    assert panel.messages.height() >= 90
    assert panel.line.geometry().center().y() - panel.send.geometry().center().y() < 4, "beside one another"
    for matters in (False, True):
        panel.set_hint("goes to SDA-11, kept with 931180", matters=matters)
        assert (panel.quick_buttons[0].isVisible(), panel._hint.isVisible()) == (not matters, matters)
    panel.set_hint("goes to SDA-11", why_not="You are signed out")
    assert (panel.quick_buttons[0].isVisible(), panel._hint.isVisible()) == (False, True)
    panel.resize(595, 420)
    QTest.qWait(0)
    assert panel.quick_buttons[0].isVisible()


def test_without_a_thread_it_says_what_could_be_here(panel: MessagesPanel) -> None:
    panel.set_threads([], "")
    assert not panel.line.isVisible()
    assert panel.has_keyboard, "the keyboard stays in the panel"
    panel.set_threads(THREADS, "t2")
    assert panel.line.hasFocus()
    chosen: list[str] = []
    panel.thread_opened.connect(chosen.append)
    panel.threads.setFocus()
    QTest.keyClick(panel.threads, Qt.Key.Key_Up)
    assert chosen == [], "it is the open one"
    panel.set_thread("t2", "Everyone", "", ())
    QTest.keyClick(panel.threads, Qt.Key.Key_Down)
    QTest.keyClick(panel.threads, Qt.Key.Key_Up)
    assert chosen == ["t1"]
    QTest.keyClick(panel.threads, Qt.Key.Key_Return)
    assert panel.line.hasFocus()


def test_a_line_that_grew_does_not_hide_what_was_sent(panel: MessagesPanel, qtbot: QtBot) -> None:
    panel.resize(600, 240)
    short = [MessageRow(f"s{number}", "SDA-11", "14:06", "Ready") for number in range(3)]
    panel.set_thread("t2", "Everyone", "", short)
    qtbot.waitUntil(lambda: len(panel.ids_in_sight()) == len(short))
    panel.line.setPlainText("\n".join("abcd"))
    bar = panel.messages.verticalScrollBar()
    qtbot.waitUntil(lambda: bar.maximum() > panel.messages.height() // 4)  # the lower list has been laid out
    panel.set_thread("t2", "Everyone", "", [*short, ROWS[0]])
    qtbot.waitUntil(lambda: panel.ids_in_sight()[-1:] == ["m1"] and bar.value() == bar.maximum())
    panel.set_text("")
    bar.setValue(0)
    panel.line.setPlainText("\n".join("abcd"))
    panel.set_thread("t2", "Everyone", "", [*short, *ROWS])
    qtbot.waitUntil(lambda: bool(panel.ids_in_sight()))
    assert bar.value() == 0, "whoever reads above is not taken to the end"


def test_the_open_thread_is_in_sight_when_it_comes_on_top(panel: MessagesPanel, qtbot: QtBot) -> None:
    panel.resize(600, 160)
    many = [ThreadRow(f"u{number}", "unit", f"SDA-{number}") for number in range(20)]
    panel.set_threads(many, "u19")
    panel.set_threads([many[-1], *many[:-1]], "u19")
    assert panel.threads.visualRect(panel.threads.currentIndex()).top() == 0
