"""Units board and outbox: models hold together, rows keep their place, everything goes by keyboard."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QFontMetrics, QImage, QKeySequence, QPainter, QShortcut
from PySide6.QtTest import QAbstractItemModelTester, QTest
from PySide6.QtWidgets import QApplication, QMainWindow, QSplitter, QStyleOptionViewItem
from pytestqt.qtbot import QtBot

from tests.widgets.sample import HOSTILE, make_symbols, make_theme
from widgets.outbox import OutboxPanel, OutboxRow
from widgets.rows import RowsModel
from widgets.text import one_line
from widgets.units import UnitRow, UnitsPanel, place_columns


def unit(code: str, **more: object) -> UnitRow:
    return replace(UnitRow(code, code, "free", "Available"), **more)  # type: ignore[arg-type]


def make_units(qtbot: QtBot) -> UnitsPanel:
    theme = make_theme()
    panel = UnitsPanel(theme, make_symbols(theme))
    qtbot.addWidget(panel)
    panel.resize(838, 212)
    return panel


def test_rows_model_under_all_changes(qtbot: QtBot) -> None:
    model = RowsModel(lambda row: row.code)
    QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Fatal)
    dice = random.Random(4)
    codes = [f"U{number}" for number in range(12)]
    for _ in range(200):
        wanted = dice.sample(codes, dice.randrange(len(codes) + 1))
        model.set_rows([unit(code, since=str(dice.random())) for code in wanted])
        assert model.ids() == wanted
        assert [model.data(model.index(number)) for number in range(len(wanted))] == wanted


def test_without_units_the_board_says_what_is_so_and_with_the_first_it_is_a_list_again(qtbot: QtBot) -> None:
    panel = make_units(qtbot)
    panel.show()
    assert panel.view.isVisible()  # nothing has been read yet: nothing is said
    panel.set_empty("No units", "Nobody can be sent.")
    assert not panel.view.isVisible()
    panel.set_rows([unit("A")])
    assert panel.view.isVisible()
    panel.set_rows([])
    assert not panel.view.isVisible()


def test_the_current_unit_stays_the_current_one(qtbot: QtBot) -> None:
    panel = make_units(qtbot)
    panel.set_rows([unit("A"), unit("B"), unit("C")])
    panel.set_current("B")
    with qtbot.assertNotEmitted(panel.current_changed):
        panel.set_rows([unit("C"), unit("D"), unit("B", state_text="En route"), unit("A")])
    assert panel.current_id() == "B"


def test_units_by_keyboard(qtbot: QtBot) -> None:
    panel = make_units(qtbot)
    panel.set_rows([unit("A"), unit("B")])
    with qtbot.waitExposed(panel):
        panel.show()
    panel.view.setFocus()
    QTest.keyClick(panel.view, Qt.Key.Key_Home)
    with qtbot.waitSignal(panel.current_changed) as moved:
        QTest.keyClick(panel.view, Qt.Key.Key_Down)
    assert moved.args == ["B"]
    with qtbot.waitSignal(panel.opened) as opened:
        QTest.keyClick(panel.view, Qt.Key.Key_Return)
    assert opened.args == ["B"]


def test_every_kind_of_row_is_drawn_and_hostile_text_stays_text(qtbot: QtBot) -> None:
    panel = make_units(qtbot)
    panel.set_rows(
        [
            unit("A", job=f"931180 {HOSTILE}", eta="6 min", mark="half"),
            unit(HOSTILE, stale=True, position_level=2, position_age="49 min", skills=HOSTILE),
        ]
    )
    with qtbot.waitExposed(panel):
        panel.show()
    panel.grab()
    index = panel.view.model().index(1, 0)
    assert one_line(HOSTILE) in index.data(Qt.ItemDataRole.AccessibleTextRole)


def test_narrow_boards_leave_out_columns_but_never_the_job(qtbot: QtBot) -> None:
    theme = make_theme()
    assert list(place_columns(theme, 838)) == [
        "symbol", "code", "state", "since", "job", "eta", "next", "skills", "position", "shift",
    ]  # fmt: skip
    assert place_columns(theme, 838)["job"].width() == 188
    room = place_columns(theme, 838)["state"].width() - 2 * theme.px(8)
    assert QFontMetrics(theme.font("dense")).horizontalAdvance("Unavailable") <= room
    away = place_columns(theme, 838, away=True)["away"].width() - 2 * theme.px(8)
    assert (
        max(QFontMetrics(theme.font("dense")).horizontalAdvance(one) for one in ("24.6 km", "888.8 km", "≤ 15.0 km"))
        <= away
    )
    narrow = place_columns(theme, 560)
    assert "shift" not in narrow
    assert {"code", "state", "job", "eta", "position"} <= set(narrow)


@pytest.mark.parametrize("width", [560, 700, 740, 780, 838, 1160])
def test_the_next_step_of_a_crew_covers_no_number_of_its_job(qtbot: QtBot, width: int) -> None:
    """ "on scene" with its key lay over the last digit of the report that the crew drives to."""
    theme = make_theme()
    plain = UnitRow(
        "a", "PPSU-PLM 1", "enroute", "En route", job="931729 Saluran, Cipinang", skills="drain", away="7 km"
    )
    pictures = []
    for row in (plain, replace(plain, step="on scene", step_key="O")):
        panel = UnitsPanel(theme, make_symbols(theme))
        qtbot.addWidget(panel)
        panel.set_rows([row])
        option = QStyleOptionViewItem()
        option.rect = QRect(0, 0, width, 28)
        picture = QImage(width, 28, QImage.Format.Format_ARGB32)
        picture.fill(0)
        painter = QPainter(picture)
        panel._delegate.paint(painter, option, panel.view.model().index(0, 0))
        painter.end()
        pictures.append(picture)
        places = place_columns(theme, width, panel._delegate.code_width, panel._delegate.skills_width, away=True)
    left = places["job"].left()
    number = QRect(left, 0, theme.px(8) + QFontMetrics(theme.font("mono")).horizontalAdvance("931729"), 28)
    assert pictures[0].copy(number) == pictures[1].copy(number)
    assert pictures[0] != pictures[1] or width < 600, "and it is told"


def test_a_wide_board_shows_skills_whole_once_the_job_has_its_room(qtbot: QtBot) -> None:
    theme = make_theme()
    panel = UnitsPanel(theme, make_symbols(theme))
    qtbot.addWidget(panel)
    skills = "fire, pump, rescue, boat, ladder"
    panel.set_rows([UnitRow("1", "DMK-01", "free", "Available", skills=skills)])
    need = QFontMetrics(theme.font("dense")).horizontalAdvance(skills)
    for part in (panel._delegate, panel._head):
        wide = place_columns(theme, 1160, skills=part.skills_width)
        assert wide["skills"].width() - 2 * theme.px(8) >= need
        assert wide["job"].width() >= theme.px(200)
        assert wide["shift"].right() == 1159
    assert place_columns(theme, 838, skills=need) == place_columns(theme, 838)
    assert place_columns(theme, 560, skills=need) == place_columns(theme, 560)


def test_a_crews_whole_code_has_room(qtbot: QtBot) -> None:
    """With two cities their names stand behind the codes that both have: cut, one crew looks like the other."""
    theme = make_theme()
    panel = UnitsPanel(theme, make_symbols(theme))
    qtbot.addWidget(panel)
    panel.set_rows([UnitRow(city, f"PPSU-KBR 2 {city}", "free", "Available") for city in ("Jakarta", "Bandung")])
    need = QFontMetrics(theme.font("dense", 600)).horizontalAdvance("PPSU-KBR 2 Bandung")
    for part in (panel._delegate, panel._head):
        assert place_columns(theme, 838, part.code_width)["code"].width() - 2 * theme.px(8) >= need
    assert place_columns(theme, 838, need)["job"].width() >= theme.px(100)


ROWS = [
    OutboxRow("a", "13:24", "931164", "Done", "hollow", "saved"),
    OutboxRow(
        "b", "14:05", "931155", "Dispatch SDA-11", "hollow", "NOT SENT", "urgent", (("told", "Told"), ("drop", "X"))
    ),
]


def test_outbox_actions_by_digit_and_enter_even_when_the_window_has_these_keys(qtbot: QtBot) -> None:
    window = QMainWindow()
    qtbot.addWidget(window)
    panel = OutboxPanel(make_theme())
    window.setCentralWidget(panel)
    taken = []
    QShortcut(QKeySequence("2"), window).activated.connect(lambda: taken.append("window"))
    QAbstractItemModelTester(panel.view.model(), QAbstractItemModelTester.FailureReportingMode.Fatal)
    panel.set_rows(ROWS)
    panel.row_action.connect(lambda row, intent: taken.append(f"{row} {intent}"))
    with qtbot.waitExposed(window):
        window.show()
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    panel.view.setFocus()
    QTest.keyClick(panel.view, Qt.Key.Key_2)
    assert taken == ["window"]  # the first row has no second verb: the key is the window's
    QTest.keyClick(panel.view, Qt.Key.Key_Down)
    QTest.keyClick(panel.view, Qt.Key.Key_2)
    QTest.keyClick(panel.view, Qt.Key.Key_Return)
    assert taken == ["window", "b drop", "b told"]
    panel.set_rows([])
    assert panel.current_id() == ""


def test_a_verb_for_all_rows_stands_beside_those_of_the_current_one_and_without_them(qtbot: QtBot) -> None:
    panel = OutboxPanel(make_theme(), all_key="Ctrl R")
    qtbot.addWidget(panel)
    panel.set_rows(ROWS)  # the first one has no verbs
    with qtbot.waitExposed(panel):
        panel.show()
    button = panel._actions.all
    assert not button.isVisible()
    panel.set_all("Try all 2 refused again")
    assert button.isVisible()
    assert button.text() == "Try all 2 refused again"
    with qtbot.waitSignal(panel.all_asked):
        QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    panel.set_all("")
    assert not button.isVisible()


def test_enter_on_a_row_without_verbs_opens_it(qtbot: QtBot) -> None:
    panel = OutboxPanel(make_theme())
    qtbot.addWidget(panel)
    panel.set_rows(ROWS)
    with qtbot.waitExposed(panel):
        panel.show()
    panel.view.setFocus()
    with qtbot.waitSignal(panel.opened) as opened:
        QTest.keyClick(panel.view, Qt.Key.Key_Enter)
    assert opened.args == ["a"]
    panel.grab()


def test_a_key_for_an_edit_that_has_just_gone_means_no_other_one(qtbot: QtBot) -> None:
    """The edit was sent while a finger was on the way: its neighbour is neither chosen nor dropped."""
    window = QMainWindow()
    panel = OutboxPanel(make_theme())
    window.setCentralWidget(panel)
    pressed: list[str] = []
    for key in "12":
        QShortcut(QKeySequence(key), window).activated.connect(lambda key=key: pressed.append(key))
    asked: list[tuple[str, str]] = []
    panel.row_action.connect(lambda row, intent: asked.append((row, intent)))
    qtbot.addWidget(window)
    rows = [
        OutboxRow(key, "13:24", "931164", "Note", "hollow", "saved", actions=(("drop", "Drop"), ("keep", "Keep")))
        for key in "abc"
    ]
    panel.set_rows(rows)
    with qtbot.waitExposed(window):
        window.show()
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    panel.view.setFocus()
    panel.view.setCurrentIndex(panel.view.model().index(1, 0))
    assert panel.current_id() == "b"
    panel.set_rows([rows[0], rows[2]])
    assert panel.current_id() == ""
    for pressing in (Qt.Key.Key_1, Qt.Key.Key_2, Qt.Key.Key_Return):
        QTest.keyClick(panel.view, pressing)
    assert asked == []
    assert pressed == [], "nor is it taken for a key of the window"
    QTest.keyClick(panel.view, Qt.Key.Key_Down)
    QTest.keyClick(panel.view, Qt.Key.Key_1)
    assert asked == [(panel.current_id(), "drop")]


def test_the_outbox_keeps_the_keyboard_when_its_last_row_leaves(qtbot: QtBot) -> None:
    """The keys went nowhere then, and no ring stood anywhere."""
    panel = OutboxPanel(make_theme())
    qtbot.addWidget(panel)
    row = OutboxRow("e1", "14:02", "931200", "Note", "hollow", "saved")
    panel.set_rows([row])
    panel.show()
    qtbot.waitExposed(panel)
    panel.activateWindow()
    panel.setFocus(Qt.FocusReason.ShortcutFocusReason)
    qtbot.waitUntil(lambda: panel.view.hasFocus())
    QTest.keyClick(panel.view, Qt.Key.Key_Down)
    assert panel._ring.isVisible()
    panel.set_rows([])
    focused = QApplication.focusWidget()
    assert focused is not None
    assert panel.isAncestorOf(focused)
    assert panel._ring.isVisible()
    panel.set_rows([row])
    assert panel.view.hasFocus()
    assert panel._ring.isVisible()


def test_a_key_that_comes_back_late_draws_no_ring_where_the_keyboard_is_no_more(qtbot: QtBot) -> None:
    """The map's page gives back what it did not use after the keyboard went to the queue: two panels were framed."""
    window = QMainWindow()
    left, right = OutboxPanel(make_theme()), OutboxPanel(make_theme())
    both = QSplitter()
    both.addWidget(left)
    both.addWidget(right)
    window.setCentralWidget(both)
    qtbot.addWidget(window)
    for panel in (left, right):
        panel.set_rows(ROWS)
    with qtbot.waitExposed(window):
        window.show()
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    left.setFocus(Qt.FocusReason.ShortcutFocusReason)
    QTest.keyClick(left.view, Qt.Key.Key_Down)
    assert left._ring.isVisible()
    right.setFocus(Qt.FocusReason.ShortcutFocusReason)
    QTest.keyClick(left.view, Qt.Key.Key_Down)
    assert (left._ring.isVisible(), right._ring.isVisible()) == (False, True)
