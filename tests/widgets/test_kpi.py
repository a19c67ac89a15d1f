"""The strip of figures, and the bar of clocks."""

from __future__ import annotations

import dataclasses

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from widgets.__main__ import figures
from widgets.kpi import Figure, KpiPart, KpiStrip
from widgets.slabar import SlaBar, SlaSegment
from widgets.symbols import Symbols
from widgets.theme import Theme


def test_figures_have_room_or_lose_their_notes_then_themselves(qtbot: QtBot, themed: Theme, symbols: Symbols) -> None:
    strip = KpiStrip(themed, symbols)
    qtbot.addWidget(strip)
    left, right = figures()
    strip.set_figures(left, right)
    strip.resize(1920, 56)
    strip.show()
    assert strip.shown() == [figure.key for figure in (*left, *right)]
    boxes = [button.geometry() for button in (*strip._left, *strip._right)]
    assert all(not one.intersects(other) for n, one in enumerate(boxes) for other in boxes[n + 1 :])
    assert all(button.with_note for button in strip._left)
    strip.compact = True
    strip.resize(1366, 44)
    assert strip.height() == 44
    assert "p1" in strip.shown()
    assert not strip._left[-1].with_note
    assert strip._left[1].with_note
    strip.resize(700, 44)
    assert "clock" in strip.shown()
    assert "load" not in strip.shown()


def test_every_figure_is_a_filter_by_mouse_and_keyboard(qtbot: QtBot, themed: Theme, symbols: Symbols) -> None:
    strip = KpiStrip(themed, symbols)
    qtbot.addWidget(strip)
    strip.resize(1920, 56)
    strip.set_figures(*figures())
    strip.show()
    with qtbot.waitSignal(strip.figure_chosen) as chosen:
        qtbot.mouseClick(strip._left[1], Qt.MouseButton.LeftButton)
    assert chosen.args == ["p1"]
    with qtbot.waitSignal(strip.figure_chosen) as chosen:
        qtbot.keyClick(strip._left[5], Qt.Key.Key_Return)
    assert chosen.args == ["sla"]
    assert "14" in strip._left[5].accessibleName()


def test_only_changed_figures_change(qtbot: QtBot, themed: Theme, symbols: Symbols) -> None:
    strip = KpiStrip(themed, symbols)
    qtbot.addWidget(strip)
    strip.resize(1920, 56)
    left, right = figures()
    strip.set_figures(left, right)
    buttons = list(strip._left)
    strip.set_figures([*left[:-1], Figure("load", "<b>Load</b>", (KpiPart("text", "\0" * 10),), stale=True)], right)
    assert strip._left == buttons
    assert not strip.grab().isNull()


def test_segments_show_use_risk_and_hold(qtbot: QtBot, themed: Theme) -> None:
    bar = SlaBar(themed)
    qtbot.addWidget(bar)
    bar.resize(400, 28)
    met = SlaSegment("Coordinate 6 h ✓ 2 h 14", "", 0.4, 0.8, 0, paused=False)
    late = SlaSegment("Finish 7 d", "1 d 2 h left", 0.5, 0.75, 1, paused=False)
    bar.set_segments([met, late])
    short, long = bar.boxes()
    assert short.width() < long.width()
    assert long.right() == 399

    def pixel(x: int, y: int) -> int:
        return bar.grab().toImage().pixelColor(x, y).rgb()

    middle = long.center().y()
    assert pixel(long.left() + 5, middle) == themed.color("priority.p2-mark").rgb()
    assert pixel(long.right() - 3, middle) != themed.color("priority.p2-mark").rgb()
    assert pixel(long.left() + round(long.width() * 0.75), long.top() - 1) == themed.color("text.primary").rgb()
    solid = bar.grab().toImage()
    bar.set_segments([met, dataclasses.replace(late, paused=True)])
    assert bar.grab().toImage() != solid
    bar.set_segments([late])
    assert len(bar.boxes()) == 1
    bar.set_segments([])
    assert bar.isHidden()
    bar.set_segments([dataclasses.replace(late, words_left="w" * 100_000, fraction=9.0)] * 3)
    assert not bar.grab().isNull()


def test_clocks_whose_words_do_not_fit_side_by_side_stand_one_a_line(qtbot: QtBot, themed: Theme) -> None:
    bar = SlaBar(themed)
    qtbot.addWidget(bar)
    bar.resize(900, 28)
    bar.show()
    clocks = [
        SlaSegment("Coordinate 6 h late 2 h 14", "", 1.0, 0.8, 1, paused=False),
        SlaSegment("Finish 7 d", "paused, 1 d 02 h left", 0.5, 0.8, 0, paused=True),
        SlaSegment("Validate 1 d", "23 h 57 left", 0.1, 0.8, 0, paused=False),
    ]
    bar.set_segments(clocks)
    one, drawn = bar.height(), []
    bar._texts.draw = lambda painter, x, top, text, *_, room=-1, **__: drawn.append((text, top, room)) or 0  # type: ignore[method-assign]
    bar.resize(420, bar.height())
    QApplication.processEvents()
    assert bar.height() == one + 2 * themed.line("caption")
    assert bar.boxes()[0].top() > 3 * themed.line("caption")
    bar.grab()
    shown = [(text, top) for text, top, _ in drawn]
    assert len({top for _, top in shown}) == 3
    assert all(room >= bar._texts.width(text, "caption", 600) for text, _, room in drawn if text)
    bar.set_segments(clocks[:1])
    assert bar.height() == one
    bar.set_segments(clocks)
    bar.resize(900, bar.height())
    QApplication.processEvents()
    assert bar.height() == one


def test_a_late_bar_is_loud_behind_its_tick_only_but_where_it_is_red(qtbot: QtBot, themed: Theme) -> None:
    bar = SlaBar(themed)
    qtbot.addWidget(bar)
    bar.resize(400, 28)

    def colours(level: int) -> tuple[int, int]:
        bar.set_segments([SlaSegment("Finish 7 d", "3 d 17 h over", 1.0, 0.8, level, paused=False, late=True)])
        image, (box,) = bar.grab().toImage(), bar.boxes()
        middle = box.center().y()
        return image.pixelColor(box.left() + 5, middle).rgb(), image.pixelColor(box.right() - 5, middle).rgb()

    amber, red, grey = (themed.color(name).rgb() for name in ("priority.p2-mark", "priority.p1", "text.tertiary"))
    assert colours(1) == (grey, amber)
    assert colours(2) == (red, red)


def test_columns_stay_where_they_are_when_values_change(qtbot: QtBot, themed: Theme, symbols: Symbols) -> None:
    """ "oldest 1:37" became "none", and all columns jumped 18 px."""
    strip = KpiStrip(themed, symbols)
    qtbot.addWidget(strip)
    strip.resize(1920, 56)

    def shown(count: str, note: str, age: str) -> list[int]:
        p1 = Figure("p1", "P1", (KpiPart("report_symbol", "1"), KpiPart("text", count, 2)), note, room="oldest 59 min")
        sla = Figure("sla", "SLA at risk", (KpiPart("text", "14"),), "3 overdue")
        strip.set_figures([p1, sla], [Figure("data", "Live data", (KpiPart("text", age),))])
        return [button.x() for button in (*strip._left, *strip._right)]

    first = shown("–", "not loaded", "12 s ago")
    assert shown("2", "oldest 0:41", "3 s ago") == first
    assert shown("12", "oldest 59 min", "9 s ago") == first
    assert shown("0", "none", "0 s ago") == first
    wider = shown("123", "oldest 59 min", "0 s ago")  # what has no room makes some, once
    assert shown("0", "none", "0 s ago") == wider
