"""Command line, palette, status bar, banner: what they show and what their keys do."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QImage, QPainter
from PySide6.QtTest import QAbstractItemModelTester, QTest
from PySide6.QtWidgets import QLineEdit, QWidget
from pytestqt.qtbot import QtBot

from tests.widgets.sample import HOSTILE, make_symbols, make_theme
from widgets.command import CommandLine
from widgets.keys import KeyButton, key_text
from widgets.notice import Banner, Notice
from widgets.palette import Palette, PaletteRow, split_hits
from widgets.statusbar import Cell, StatusBar, paint_sign


def show(qtbot: QtBot, widget: QWidget, width: int = 900) -> None:
    qtbot.addWidget(widget)
    widget.resize(width, widget.height())
    with qtbot.waitExposed(widget):
        widget.show()


@pytest.mark.parametrize(
    ("sequence", "caps"),
    [("Ctrl+Return", "Ctrl ↵"), ("Shift+F12", "⇧ F12"), ("Ctrl++", "Ctrl +"), ("/", "/"), ("J", "J"), ("Up", "↑")],
)
def test_keys_are_spelled_as_on_their_caps(qtbot: QtBot, sequence: str, caps: str) -> None:
    assert key_text(sequence) == caps


def test_a_blocked_button_says_why(qtbot: QtBot) -> None:
    button = KeyButton(make_theme(), "Close & release", "X", filled=True)
    show(qtbot, button)
    assert button.accessibleName() == "Close & release"
    button.set_why_not("needs an after photo")
    with qtbot.assertNotEmitted(button.clicked):
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert button.accessibleDescription() == "needs an after photo"
    button.grab()


def test_tab_leaves_only_an_empty_line(qtbot: QtBot) -> None:
    """Tab behind `show cat=banj` went to the figures: a space set another filter, an O said that the crew was there."""
    line = CommandLine(make_theme(), open_key="/")
    around = QWidget()
    line.setParent(around)
    other = QLineEdit(around)
    other.move(0, 60)
    show(qtbot, around)
    line.focus_line("show cat=banj")
    with qtbot.waitSignal(line.completion_asked):
        QTest.keyClick(line._line, Qt.Key.Key_Tab)
    QTest.keyClick(line._line, Qt.Key.Key_Backtab)
    assert line._line.hasFocus()
    line.set_text("")
    with qtbot.assertNotEmitted(line.completion_asked):
        QTest.keyClick(line._line, Qt.Key.Key_Tab)
    assert other.hasFocus()


def test_enter_runs_only_what_the_sentence_says(qtbot: QtBot) -> None:
    line = CommandLine(make_theme(), open_key="/")
    show(qtbot, line)
    line.focus_line()
    QTest.keyClicks(line._line, "d SDA-07")
    line.set_sentence("No unit", " is called so", False)
    with qtbot.assertNotEmitted(line.run):
        QTest.keyClick(line._line, Qt.Key.Key_Return)
    line.set_sentence("Dispatch SDA-07", " to 928214 · 4 min", True)
    with qtbot.waitSignal(line.run) as run:
        QTest.keyClick(line._line, Qt.Key.Key_Return)
    assert run.args == ["d SDA-07"]
    with qtbot.waitSignal(line.cleared):
        QTest.keyClick(line._line, Qt.Key.Key_Escape)
    assert line.text() == ""
    QTest.keyClick(line._line, Qt.Key.Key_Up)
    assert line.text() == "d SDA-07"
    line.set_sentence(HOSTILE, HOSTILE, True)
    line.grab()


def make_palette(qtbot: QtBot) -> Palette:
    theme = make_theme()
    anchor = QWidget()
    anchor.resize(1366, 768)
    show(qtbot, anchor, 1366)
    palette = Palette(theme, make_symbols(theme), anchor)
    QAbstractItemModelTester(palette.view.model(), QAbstractItemModelTester.FailureReportingMode.Fatal)
    room = QRect(421, 64, 524, 634)
    palette.open_in(room, "te")
    palette.show_rows(
        [
            PaletteRow("show", "Show Tebet", "58 open", "↵", "c"),
            PaletteRow("no", "Not now", "", "", "c", False),
            PaletteRow(
                "928214", HOSTILE, HOSTILE, "", "r", number="928214", priority=2, status=5, letter="R", tail="x"
            ),
            PaletteRow("u", "SDA-07", "", "", "u", unit_state="free"),
        ],
        {"c": ("Commands", "2 of 6"), "r": ("Reports", ""), "u": ("Units", "")},
        summary="4 found",
    )
    qtbot.waitUntil(palette.isActiveWindow)
    assert room.contains(palette.geometry()), "the queue beside it is never covered"
    palette.test_anchor = anchor  # type: ignore[attr-defined] # the parent must outlive this function
    return palette


def test_palette_by_keyboard(qtbot: QtBot) -> None:
    palette = make_palette(qtbot)
    field = palette._field
    assert palette.isWindow()
    assert palette.current() == "show"
    QTest.keyClick(field, Qt.Key.Key_Down)
    with qtbot.assertNotEmitted(palette.chosen):
        QTest.keyClick(field, Qt.Key.Key_Return)  # the disabled row
    QTest.keyClick(field, Qt.Key.Key_Down)
    assert palette.current() == "928214"
    with qtbot.waitSignal(palette.completion_asked) as asked:
        QTest.keyClick(field, Qt.Key.Key_Tab)
    assert asked.args == ["928214"]
    QTest.keyClick(field, Qt.Key.Key_Up)
    QTest.keyClick(field, Qt.Key.Key_Up)
    QTest.keyClick(field, Qt.Key.Key_Up)
    assert palette.current() == "u"  # it goes round
    palette.grab()
    with qtbot.waitSignal(palette.chosen) as chosen:
        QTest.keyClick(field, Qt.Key.Key_Return)
    assert chosen.args == ["u"]
    assert not palette.isVisible()


def test_palette_tells_what_is_typed_and_esc_leaves(qtbot: QtBot) -> None:
    palette = make_palette(qtbot)
    with qtbot.waitSignal(palette.query_changed) as typed:
        QTest.keyClicks(palette._field, "b")
    assert typed.args == ["teb"]
    with qtbot.waitSignal(palette.left):
        QTest.keyClick(palette._field, Qt.Key.Key_Escape)
    assert not palette.isVisible()


def test_hits_are_marked_in_titles(qtbot: QtBot) -> None:
    assert split_hits("Show Tebet", "teb") == [("Show ", False), ("Teb", True), ("et", False)]
    assert split_hits("İstanbul", "i") == [("İstanbul", False)]


def test_status_cells_and_undo(qtbot: QtBot) -> None:
    bar = StatusBar(make_theme(), undo_key="Ctrl Z")
    bar.set_left([Cell("server", "Server 38 ms", "ok"), Cell("map", HOSTILE, "warn")])
    bar.set_right([Cell("keys", "Keys", "", "?")])
    show(qtbot, bar)
    with qtbot.waitSignal(bar.cell_chosen) as chosen:
        qtbot.mouseClick(bar._left[0], Qt.MouseButton.LeftButton)
    assert chosen.args == ["server"]
    bar.show_undo("Dispatched SDA-07", seconds=0.05)
    assert bar.undo_text() == "Dispatched SDA-07"
    assert not bar._left[0].isVisible()
    qtbot.waitUntil(lambda: bar.undo_text() == "")
    assert bar._left[0].isVisible()
    bar.show_undo("Took 928214")
    with qtbot.waitSignal(bar.undo_asked):
        qtbot.mouseClick(bar._undo, Qt.MouseButton.LeftButton)
    bar.grab()


def test_status_cells_that_do_not_fit_are_left_out(qtbot: QtBot) -> None:
    bar = StatusBar(make_theme(), undo_key="Ctrl Z")
    bar.set_left([Cell(str(number), "1,284 of 1,703 open") for number in range(9)])
    bar.set_right([Cell("keys", "Keys", "", "?")])
    show(qtbot, bar, 500)
    assert [cell.isVisible() for cell in bar._left][:2] == [True, True]
    assert not bar._left[-1].isVisible()
    assert bar._right[0].geometry().right() <= bar.width()


@pytest.mark.parametrize("undo", [False, True])
def test_what_was_just_said_always_has_room(qtbot: QtBot, undo: bool) -> None:
    """It says why a key did nothing: beside many cells, and while the step before can still be taken back."""
    bar = StatusBar(make_theme(), undo_key="Ctrl Z")
    cells = [Cell(str(number), "1,284 of 1,703 open") for number in range(9)]
    bar.set_left([*cells, Cell("said", "Nobody has taken it", "info")])
    if undo:
        bar.show_undo("Dispatched SDA-07 to 928214")
    show(qtbot, bar, 500)
    said = bar._left[-1]
    assert said.isVisible()
    assert said.width() == said.sizeHint().width()
    shown = [cell for cell in bar._left if cell.isVisible()]
    assert all(not one.geometry().intersects(two.geometry()) for one in shown for two in shown if one is not two)
    assert not undo or bar._undo.geometry().right() < said.geometry().left()


def test_banner_says_the_most_urgent_thing_and_its_buttons_are_intents(qtbot: QtBot) -> None:
    theme = make_theme()
    banner = Banner(theme, make_symbols(theme), reduce_motion=True)
    qtbot.addWidget(banner)
    banner.resize(1366, banner.height())
    assert banner.isHidden()
    notice = Notice(
        "p1", "P1 Banjir", HOSTILE, (("take", "Take and open", "T"), ("ack", "Acknowledge", "F12")), "0:41", "", 1
    )
    banner.set_notice(notice, 1)
    with qtbot.waitExposed(banner):
        banner.show()
    banner.grab()
    with qtbot.waitSignal(banner.notice_action) as action:
        qtbot.mouseClick(banner._buttons[1], Qt.MouseButton.LeftButton)
    assert action.args == ["ack"]
    assert banner.height() == 44
    banner.set_notice(None)
    assert banner.isHidden()


def test_what_a_narrow_notice_cuts_is_in_its_tip_with_what_stands_at_its_right(qtbot: QtBot) -> None:
    banner = Banner(make_theme(), reduce_motion=True)
    qtbot.addWidget(banner)
    banner.set_notice(Notice("warn", "DMK-03 was told:", "by cici, 13:28", note="Other desks do not see it"))
    for part in ("DMK-03 was told:", "by cici, 13:28", "Other desks do not see it"):
        assert part in banner.toolTip()


def test_the_alarms_sign_blinks_unless_motion_is_reduced(qtbot: QtBot) -> None:
    banner = Banner(make_theme())
    qtbot.addWidget(banner)
    banner.set_notice(Notice("p1", "P1", "x"))
    qtbot.waitUntil(lambda: not banner._lit, timeout=2000)
    still = Banner(make_theme(), reduce_motion=True)
    qtbot.addWidget(still)
    still.set_notice(Notice("p1", "P1", "x"))
    assert not still._blink.isActive()
    banner.set_notice(None)


def test_the_sign_of_red_is_a_triangle_as_a_p1_is(qtbot: QtBot) -> None:
    """It was a diamond, which everywhere else is a P2."""
    theme = make_theme()

    def spread(level: str) -> tuple[int, int]:
        """How many pixels of the sign lie in its upper and in its lower third."""
        picture = QImage(24, 24, QImage.Format.Format_ARGB32)
        picture.fill(0)
        painter = QPainter(picture)
        paint_sign(painter, theme, 8, 12, level)
        painter.end()
        lit = [y for y in range(24) for x in range(24) if picture.pixelColor(x, y).alpha() > 127]
        high = max(lit) - min(lit)
        return sum(3 * (y - min(lit)) < high for y in lit), sum(3 * (max(lit) - y) < high for y in lit)

    top, foot = spread("p1")
    assert foot > 2 * top
    top, foot = spread("warn")
    assert abs(foot - top) <= 2


def test_the_banner_is_never_without_its_words_while_a_count_in_its_buttons_changes(qtbot: QtBot) -> None:
    """With every edit made without a network the words were gone for a moment, or until the next second."""
    theme = make_theme()
    banner = Banner(theme, make_symbols(theme), reduce_motion=True)
    qtbot.addWidget(banner)
    banner.resize(1200, banner.height())

    def offline(waiting: int) -> Notice:
        return Notice(
            "warn", "Offline since 14:52.", "Give orders by radio.", (("outbox", f"Outbox {waiting}", "Ctrl+7"),)
        )

    def words() -> QImage:
        return banner.grab(QRect(0, 0, 500, banner.height())).toImage()

    banner.set_notice(offline(11))
    with qtbot.waitExposed(banner):
        banner.show()
    before = words()
    banner.set_notice(offline(12))
    assert words() == before
