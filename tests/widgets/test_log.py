"""The widget of the log: lines are drawn when they come into sight, and what is looked at stays where it is."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QAbstractItemModelTester, QTest
from pytestqt.qtbot import QtBot

from tests.widgets.sample import HOSTILE, make_theme
from widgets.log import LogPanel, LogRow

MADE: list[str] = []


def line(row_id: str) -> LogRow:
    MADE.append(row_id)
    return LogRow(row_id, "14:07:28", "sari", "931180", f"line {row_id}")


def make(qtbot: QtBot) -> LogPanel:
    panel = LogPanel(make_theme())
    QAbstractItemModelTester(panel.view.model(), QAbstractItemModelTester.FailureReportingMode.Fatal)
    qtbot.addWidget(panel)
    panel.resize(838, 212)
    panel.show()
    qtbot.waitExposed(panel)
    panel.activateWindow()
    return panel


def focus(panel: LogPanel, qtbot: QtBot) -> None:
    panel.setFocus(Qt.FocusReason.ShortcutFocusReason)
    qtbot.waitUntil(lambda: panel.view.hasFocus())


def test_only_what_is_in_sight_is_made_and_the_end_asks_for_more(qtbot: QtBot) -> None:
    panel, asked = make(qtbot), []
    panel.more_asked.connect(lambda: asked.append(len(panel.shown_ids())))
    ids = [str(number) for number in range(500)]
    panel.set_ids(ids, line)
    MADE.clear()
    panel.grab()
    assert 0 < len(set(MADE)) < 30
    assert asked == []
    focus(panel, qtbot)
    QTest.keyClick(panel.view, Qt.Key.Key_End)
    assert asked == [500]
    opened: list[str] = []
    panel.opened.connect(opened.append)
    QTest.keyClick(panel.view, Qt.Key.Key_Return)
    assert opened == ["499"]


def test_new_lines_move_neither_what_is_looked_at_nor_the_current_one(qtbot: QtBot) -> None:
    panel = make(qtbot)
    panel.set_ids([str(number) for number in range(100)], line)
    focus(panel, qtbot)
    QTest.keyClick(panel.view, Qt.Key.Key_Down)
    panel.set_ids(["new", *(str(number) for number in range(100))], line)
    assert panel.current_id() == "1"
    assert panel.view.verticalScrollBar().value() == 0, "the newest line was in sight, and is"
    panel.view.verticalScrollBar().setValue(26 * 40 + 5)
    panel.set_ids(["newer", "new", *(str(number) for number in range(100))], line)
    assert panel.view.verticalScrollBar().value() == 26 * 41 + 5


def test_every_kind_of_line_is_drawn_and_hostile_text_stays_text(qtbot: QtBot) -> None:
    panel = make(qtbot)
    plain = LogRow("", HOSTILE, HOSTILE, HOSTILE, HOSTILE)
    rows = {
        "a": replace(plain, id="a", level="own", mark="hollow", state=HOSTILE),
        "b": replace(plain, id="b", level="system"),
        "c": replace(plain, id="c"),
    }
    for wide in (838, 300):
        panel.resize(wide, 212)
        panel.set_ids(list(rows), rows.__getitem__)
        panel.set_note(HOSTILE)
        image = panel.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
        assert image.width() == wide
        index = panel.view.model().index(0, 0)
        assert "<" not in str(index.data(Qt.ItemDataRole.ToolTipRole)).removeprefix("<qt>").removesuffix("</qt>")
    focus(panel, qtbot)
    panel.set_ids([], rows.__getitem__)
    panel.set_empty("Nothing written yet today", "Nobody did anything.")
    assert not panel.view.isVisible()
    assert panel.focusProxy().hasFocus(), "the empty page has the keyboard now"
