"""The window: its grid at both sizes, the folded bottom, the way of the keyboard, and the remembered layout."""

from __future__ import annotations

import json

import pytest
from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QFocusEvent, QGuiApplication, QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot
from typing_extensions import override

from tests.widgets.sample import make_theme
from widgets.keys import add_key
from widgets.shell import Shell
from widgets.states import EmptyState
from widgets.tabs import TabLabel, TabStrip


class Panel(QWidget):
    def __init__(self) -> None:
        super().__init__()
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.compact = False


def make_shell(qtbot: QtBot, scale: float = 1.0) -> Shell:
    theme = make_theme(scale)
    banner = QWidget()
    banner.setFixedHeight(theme.px(44))
    banner.hide()
    command, status = Panel(), QWidget()
    command.setFixedHeight(theme.px(36))
    status.setFixedHeight(theme.px(24))
    shell = Shell(
        theme,
        Panel(),
        banner,
        Panel(),
        Panel(),
        Panel(),
        [("units", "Units", Panel()), ("outbox", "Outbox", Panel())],
        [("charts", "Charts", Panel()), ("areas", "Areas", Panel())],
        command,
        status,
        tab_keys={"units": "Ctrl 3", "charts": "Ctrl 5"},
        page=("page", Panel()),
        own_keys={"page": {"T"}},
    )
    qtbot.addWidget(shell)
    return shell


def shown(qtbot: QtBot, width: int, height: int, scale: float = 1.0) -> Shell:
    shell = make_shell(qtbot, scale)
    shell.resize(width, height)
    with qtbot.waitExposed(shell):
        shell.show()
    shell.activateWindow()
    qtbot.waitUntil(shell.isActiveWindow)
    return shell


def size(shell: Shell, key: str) -> tuple[int, int]:
    QApplication.processEvents()  # the splitters place themselves in the next turn of the loop
    return shell.panel(key).size().toTuple()  # type: ignore[return-value]


def test_full_grid(qtbot: QtBot) -> None:
    shell = shown(qtbot, 1920, 1080)
    assert not shell.compact
    assert size(shell, "queue") == (528, 719)
    assert size(shell, "map") == (910, 719)
    assert size(shell, "report") == (480, 964)
    assert size(shell, "units") == (838, 212)
    assert size(shell, "charts") == (600, 212)


@pytest.mark.parametrize("scale", [1.0, 1.5, 2.0])
def test_the_window_is_never_larger_than_its_screen(qtbot: QtBot, scale: float) -> None:
    """The status bar, which says why a key did nothing, would be below its edge."""
    shell = make_shell(qtbot, scale)
    screen = shell.screen().availableGeometry()
    assert shell.minimumWidth() <= screen.width()
    assert shell.minimumHeight() < screen.height()


def test_compact_grid(qtbot: QtBot) -> None:
    shell = shown(qtbot, 1366, 768)
    assert shell.compact
    assert size(shell, "queue") == (420, 634)
    assert size(shell, "map") == (524, 634)
    assert size(shell, "report") == (420, 634)
    assert not shell.current_tab("units")
    assert shell.panel("report").compact  # type: ignore[attr-defined]


def test_a_banner_takes_its_height_from_the_panels_and_nothing_covers_the_map(qtbot: QtBot) -> None:
    shell = shown(qtbot, 1920, 1080)
    shell._banner.show()
    qtbot.waitUntil(lambda: shell.panel("queue").height() == 719 - 44)
    map_ = shell.panel("map")
    where = QRect(map_.mapTo(shell, map_.rect().topLeft()), map_.size())
    for key in ("queue", "report", "units", "charts"):
        other = shell.panel(key)
        assert not where.intersects(QRect(other.mapTo(shell, other.rect().topLeft()), other.size())), key


def test_where_there_is_room_for_one_of_them_an_open_report_comes_before_the_map(qtbot: QtBot) -> None:
    shell = shown(qtbot, 1366, 768)
    shell.focus_panel("queue")
    for has_report, seen in ((False, "map"), (True, "report")):
        shell._has_report = lambda has_report=has_report: has_report  # type: ignore[misc]
        shell.resize(1200, 768)
        assert shell._narrow
        assert [key for key in ("map", "report") if shell.panel(key).isVisible()] == [seen]
        shell.resize(1366, 768)
        assert shell.panel("map").isVisible()
        assert shell.panel("report").isVisible()


def test_the_folded_bottom_opens_over_the_maps_height_and_esc_folds_it(qtbot: QtBot) -> None:
    shell = shown(qtbot, 1366, 768)
    shell.focus_panel("units")
    assert shell.current_tab("units")
    assert size(shell, "units") == (945, 244)
    assert size(shell, "map") == (524, 389)
    assert shell.current_panel() == "units"
    shell.focus_panel("charts")
    assert not shell.current_tab("units")
    assert size(shell, "charts") == (945, 244)
    QTest.keyClick(shell.panel("charts"), Qt.Key.Key_Escape)
    assert not shell.current_tab("charts")
    assert size(shell, "map") == (524, 634)
    assert shell.current_panel() == "queue"


def test_growing_the_window_makes_it_full_again(qtbot: QtBot) -> None:
    shell = shown(qtbot, 1366, 768)
    with qtbot.waitSignal(shell.compact_changed) as told:
        shell.resize(1920, 1080)
    assert told.args == [False]
    assert size(shell, "queue") == (528, 719)
    assert shell.current_tab("units")


def test_larger_text_needs_more_window(qtbot: QtBot) -> None:
    shell = shown(qtbot, 1920, 1080, scale=1.25)
    assert shell.compact
    assert size(shell, "queue")[0] == 525


def test_below_1366_the_report_takes_the_maps_place_and_f6_goes_back(qtbot: QtBot) -> None:
    shell = shown(qtbot, 1200, 720)
    assert shell.panel("map").isVisible()
    assert not shell.panel("report").isVisible()
    shell.focus_panel("report")
    assert not shell.panel("map").isVisible()
    assert shell.current_panel() == "report"
    shell.next_panel(-1)
    assert shell.current_panel() == "map"
    assert shell.panel("map").isVisible()


def test_a_window_made_narrow_while_reading_keeps_the_report(qtbot: QtBot) -> None:
    shell = shown(qtbot, 1920, 1080)
    shell.focus_panel("report")
    shell.resize(1200, 720)
    assert shell.panel("report").isVisible()
    assert not shell.panel("map").isVisible()
    assert size(shell, "queue")[0] == 420
    assert size(shell, "report")[0] == 779


def test_f6_goes_round_all_panels(qtbot: QtBot) -> None:
    shell = shown(qtbot, 1920, 1080)
    shell.focus_panel("queue")
    way = []
    for _ in range(6):
        shell.next_panel()
        way.append(shell.current_panel())
    assert way == ["map", "report", "units", "charts", "command", "queue"]
    assert shell.next_panel(-1, form=True), "the form that is open, last of all"
    assert shell.current_panel() == "queue"
    assert not shell.next_panel(-1)
    assert shell.current_panel() == "command"


def test_layout_is_remembered(qtbot: QtBot) -> None:
    shell = shown(qtbot, 1920, 1080)
    shell._top.setSizes([600, 838])
    shell.show_tab("outbox")
    kept = shell.save_layout()
    other = shown(qtbot, 1920, 1080)
    assert other.restore_layout(kept)
    other.resize(1920, 1080)
    assert size(other, "queue")[0] == 600
    assert other.current_tab("outbox")
    other.reset_layout()
    assert size(other, "queue")[0] == 528
    assert other.current_tab("units")


@pytest.mark.parametrize(
    "kept", [b"", b"\x00\xff", b"[]", b'{"version": 99}', b'{"version": 1, "box": [1, "x"], "full": 3, "tabs": 7}']
)
def test_bytes_that_are_no_layout_change_nothing(qtbot: QtBot, kept: bytes) -> None:
    shell = shown(qtbot, 1920, 1080)
    shell.restore_layout(kept)
    assert size(shell, "queue") == (528, 719)


def test_a_window_on_a_screen_that_is_gone_comes_back(qtbot: QtBot) -> None:
    shell = shown(qtbot, 1000, 700)
    layout = json.loads(shell.save_layout())
    layout["box"] = [9000, -4000, 1000, 700]
    assert shell.restore_layout(json.dumps(layout).encode())
    screen = QGuiApplication.primaryScreen().availableGeometry()
    assert screen.intersects(QRect(shell.geometry().topLeft(), shell.geometry().topLeft()).adjusted(0, 0, 200, 40))


def test_counts_stand_in_both_strips(qtbot: QtBot) -> None:
    shell = shown(qtbot, 1920, 1080)
    shell.set_tab_label("outbox", "Outbox", "5")
    assert shell._units.strip._bar.tabText(1) == "Outbox 5"
    assert shell._fold._bar.tabText(1) == "Outbox 5"
    with pytest.raises(KeyError):
        shell.focus_panel("nothing")


def test_full_screen_and_back(qtbot: QtBot) -> None:
    shell = shown(qtbot, 1920, 1080)
    shell.toggle_full_screen()
    qtbot.waitUntil(shell.isFullScreen)
    shell.toggle_full_screen()
    qtbot.waitUntil(lambda: not shell.isFullScreen())


def test_tabs_that_do_not_fit_are_behind_more_and_the_chosen_one_never_is(qtbot: QtBot) -> None:
    strip = TabStrip(make_theme(), padding=8)
    qtbot.addWidget(strip)
    names = ("Open", "Unassigned", "Mine", "Active", "Held", "Closed")
    strip.set_tabs([TabLabel(name.lower(), name, "1,284") for name in names], "open")
    strip.set_note("", "", ["Ctrl 1"])
    strip.resize(800, 32)
    with qtbot.waitExposed(strip):
        strip.show()
    assert strip.hidden_tabs() == []
    strip.resize(330, 32)
    hidden = strip.hidden_tabs()
    assert len(hidden) > 1
    assert hidden == strip.keys()[-len(hidden) :]
    strip.set_current("closed")
    assert "closed" not in strip.hidden_tabs()
    assert strip.current() == "closed"
    with qtbot.waitSignal(strip.chosen) as chosen:
        QTest.keyClick(strip._bar, Qt.Key.Key_Left)
    assert chosen.args == [strip.current()]
    strip.grab()


def test_a_large_screen_is_shared_and_what_was_dragged_is_remembered_without_it(qtbot: QtBot) -> None:
    def widths(shell: Shell) -> tuple[int, int, int, int]:
        return shell._queue.width(), shell._ticket.width(), shell._charts.width(), shell._bottom.height()

    shell = shown(qtbot, 1920, 1080)
    small = widths(shell)
    for size, least in (((2560, 1440), (750, 570, 820, 380)), ((3840, 2160), (1200, 760, 1260, 660))):
        shell.resize(*size)
        QApplication.processEvents()
        assert all(now >= wanted for now, wanted in zip(widths(shell), least, strict=True)), widths(shell)
        assert shell._map.width() > shell._queue.width()
        assert shell._units.width() > shell._charts.width() * 0.8
    shell.resize(1920, 1080)
    QApplication.processEvents()
    assert widths(shell) == small
    shell.resize(2560, 1440)
    QApplication.processEvents()
    kept = json.loads(shell.save_layout())["full"]
    assert all(abs(kept[part] - size) <= 2 for part, size in (("queue", 528), ("report", 480), ("charts", 600)))


def test_a_layout_that_an_earlier_version_kept_on_a_large_screen_is_taken_up(qtbot: QtBot) -> None:
    shell = shown(qtbot, 1920, 1080)
    sizes = {"queue": 700, "report": 520, "bottom": 300, "charts": 600}
    kept = {"version": 1, "box": [0, 0, 2560, 1440], "full": sizes, "compact": {"queue": 400}, "tabs": ["units", "x"]}
    assert shell.restore_layout(json.dumps(kept).encode())
    shell.resize(2560, 1440)
    QApplication.processEvents()
    assert shell._queue.width() >= 700
    assert shell._ticket.width() >= 520
    assert shell._map.width() > 2560 / 3
    shell.resize(1920, 1080)
    QApplication.processEvents()
    assert abs(shell._queue.width() - 700) <= 2
    assert abs(shell._ticket.width() - 520) <= 2


def test_a_key_without_a_use_is_told_and_what_only_moves_is_not(qtbot: QtBot) -> None:
    shell = shown(qtbot, 1920, 1080)
    told: list[str] = []
    shell.key_unused.connect(told.append)
    for code, modifier in (
        (Qt.Key.Key_P, Qt.KeyboardModifier.ControlModifier),
        (Qt.Key.Key_L, Qt.KeyboardModifier.NoModifier),
        (Qt.Key.Key_Down, Qt.KeyboardModifier.NoModifier),
        (Qt.Key.Key_Control, Qt.KeyboardModifier.ControlModifier),
    ):
        qtbot.keyClick(shell, code, modifier)
    assert told == ["Ctrl P", "L"]


def test_words_of_a_key_that_does_nothing_now_are_not_left_alone(qtbot: QtBot) -> None:
    """While reports were being read the word "move" stood without its caps."""

    class Window(QWidget):
        heard = frozenset({"/"})

        def hears(self, _widget: QWidget, cap: str) -> bool:
            return cap in self.heard

    def picture(keys: list[tuple[str, str]], heard: frozenset[str]) -> QImage:
        window = Window()
        qtbot.addWidget(window)
        window.heard = heard
        window.resize(400, 200)
        empty = EmptyState(make_theme(), window)
        empty.resize(400, 200)
        empty.set_words("No report chosen", "", keys)
        return empty.grab().toImage()

    every = frozenset({"/", "J", "K"})
    both = [("/", "a number"), ("J K", "move")]
    assert picture(both, frozenset({"/"})) == picture(both[:1], every)
    assert picture(both, frozenset({"/", "J"})) != picture(both[:1], every)
    first, last = picture(both, every), picture(both, frozenset({"J", "K"}))
    half = QRect(120, 0, 280, 200)
    assert last != first
    assert last.copy(half) == first.copy(half), "what is left keeps its place"


def test_a_panel_that_got_the_keyboard_behind_another_window_shows_it_once_it_has_it(qtbot: QtBot) -> None:
    """As after a place was pointed at and its form was left: the ring is drawn for the keyboard only."""
    shell = shown(qtbot, 1920, 1080)
    reasons: list[Qt.FocusReason] = []

    class Listed(QWidget):
        @override
        def focusInEvent(self, event: QFocusEvent) -> None:
            reasons.append(event.reason())

    inner = Listed(shell.panel("queue"))
    inner.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    inner.show()
    shell.panel("queue").setFocusProxy(inner)
    form = QWidget()
    qtbot.addWidget(form)
    form.show()
    form.activateWindow()
    qtbot.waitUntil(form.isActiveWindow)
    shell.focus_panel("queue")
    assert not reasons
    form.hide()
    shell.activateWindow()
    qtbot.waitUntil(lambda: reasons[-1:] == [Qt.FocusReason.ShortcutFocusReason])
    assert shell.current_panel() == "queue"


def test_what_is_only_looked_at_leaves_the_bottom_row_free(qtbot: QtBot) -> None:
    shell = shown(qtbot, 1920, 1080)
    room, map_ = shell.view_room(), shell.panel("map")
    assert room.size() == map_.size()
    assert room.topLeft() == map_.mapToGlobal(map_.rect().topLeft())
    assert shell.work_room().height() > room.height()
    assert shell.work_room().topLeft() == room.topLeft()


class Cap(QWidget):
    """A widget that draws a cap."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.resize(40, 20)

    def is_heard(self, cap: str) -> bool:
        window = self.window()
        assert isinstance(window, Shell)
        return window.hears(self, cap)


def test_a_page_takes_the_maps_place_and_gives_it_back(qtbot: QtBot) -> None:
    shell = shown(qtbot, 1920, 1080)
    page, map_, report = shell.panel("page"), shell.panel("map"), shell.panel("report")
    assert not page.isVisible()
    shell.focus_panel("page")
    assert (size(shell, "page"), map_.isVisible(), report.isVisible()) == ((910, 719), False, True)
    assert shell.current_panel() == "page"
    assert shell.view_room().size() == page.size()
    seen = []
    for _ in range(3):
        shell.next_panel()
        seen.append(shell.current_panel())
    assert seen == ["report", "units", "charts"]
    shell.focus_panel("page")
    shell.hide_page()
    assert (page.isVisible(), map_.isVisible(), shell.current_panel()) == (False, True, "queue")
    shell.show_panel("page")
    shell.focus_panel("map")
    assert (page.isVisible(), map_.isVisible(), shell.current_panel()) == (False, True, "map")


def test_in_a_narrow_window_the_page_and_the_report_take_turns(qtbot: QtBot) -> None:
    shell = shown(qtbot, 1280, 768)
    page, report = shell.panel("page"), shell.panel("report")
    shell.focus_panel("page")
    assert (page.isVisible(), report.isVisible()) == (True, False)
    shell.focus_panel("report")
    assert (page.isVisible(), report.isVisible()) == (False, True)
    shell.focus_panel("page")
    assert (page.isVisible(), report.isVisible()) == (True, False)
    shell.resize(1920, 1080)
    assert (page.isVisible(), report.isVisible(), shell.panel("map").isVisible()) == (True, True, False)


def test_a_key_that_a_panel_has_for_itself_is_drawn_there_only(qtbot: QtBot) -> None:
    shell = shown(qtbot, 1920, 1080)
    shell._is_usable = lambda cap, _panel: cap in ("T", "N")  # the window's own
    ours, theirs = Cap(shell.panel("page")), Cap(shell.panel("report"))
    shell.focus_panel("report")
    assert (ours.is_heard("T"), theirs.is_heard("T"), theirs.is_heard("N")) == (False, True, True)
    shell.focus_panel("page")
    assert (ours.is_heard("T"), theirs.is_heard("T"), theirs.is_heard("N")) == (True, False, True)


def test_a_page_that_covers_everything_keeps_the_keyboard(qtbot: QtBot) -> None:
    """What is typed for it, such as a token, must not go into a panel behind it."""
    shell = shown(qtbot, 1920, 1080)
    page = Panel()
    shell.cover(page)
    for key in ("queue", "report", "outbox", "page"):
        shell.focus_panel(key)  # as what was saved a moment ago leads on to the next report
        assert QApplication.focusWidget() is page, key
    shell.uncover()
    shell.focus_panel("report")
    assert shell.current_panel() == "report"


def test_the_keys_of_a_covered_window_are_silent_and_as_they_were_left_afterwards(qtbot: QtBot) -> None:
    shell = shown(qtbot, 1920, 1080)
    heard: list[str] = []
    keys = {name: add_key(shell, name, lambda name=name: heard.append(name)) for name in ("F8", "F9")}
    page = Panel()
    shell.cover(page)
    keys["F9"].setEnabled(False)  # what it was for has ended under the page
    for name in keys:
        QTest.keyClick(shell, Qt.Key[f"Key_{name}"])
    assert heard == []
    shell.uncover()
    for name in keys:
        QTest.keyClick(shell, Qt.Key[f"Key_{name}"])
    assert heard == ["F8"]
