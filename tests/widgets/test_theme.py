"""The theme: every colour from the tokens, fonts with their weights, and symbols that can be told apart."""

from __future__ import annotations

import json
import re
from importlib.resources import files
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QColor, QFontInfo, QFontMetricsF, QImage, QPainter, QPalette
from PySide6.QtWidgets import QApplication, QPushButton, QStyle, QStyleOptionFocusRect
from pytestqt.qtbot import QtBot

import widgets
from widgets.symbols import Symbols, parse_path
from widgets.text import many_lines, one_line, wrap
from widgets.theme import Theme, load_fonts, load_theme

TOKENS = files("resources").joinpath("tokens.json").read_text("utf-8")
SYMBOLS = files("resources").joinpath("symbols.json").read_text("utf-8")


@pytest.mark.parametrize("name", ["dark", "light"])
def test_colours_palette_and_sheet_come_from_the_tokens(qtbot: QtBot, name: str) -> None:
    theme = load_theme(name, TOKENS, 1.25)
    tokens = json.loads(TOKENS)[name]
    assert theme.hex("text.primary") == tokens["text"]["primary"]
    assert theme.color("surface.selected") == QColor(tokens["surface"]["selected"])
    assert theme.palette().color(QPalette.ColorRole.Highlight) == QColor(tokens["surface"]["selected"])
    known = {value.upper() for group in tokens.values() for value in group.values()}
    assert {word.upper() for word in re.findall(r"#[0-9A-Fa-f]{6}", theme.sheet())} <= known
    assert theme.px(44) == 55
    with pytest.raises(KeyError):
        theme.color("text.nothing")


def test_no_other_file_of_the_widgets_holds_a_colour() -> None:
    found = {
        path.name: re.findall(r"#[0-9A-Fa-f]{6}\b|#[0-9A-Fa-f]{3}\b", path.read_text("utf-8"))
        for path in Path(widgets.__path__[0]).rglob("*.py")
    }
    assert {name: hits for name, hits in found.items() if hits} == {}


def test_weights_and_tabular_figures_reach_the_glyphs(qtbot: QtBot) -> None:
    load_fonts()
    theme = load_theme("dark", TOKENS)
    assert QFontInfo(theme.font("body")).family() == "Inter"
    words = "Recommended units"
    widths = [QFontMetricsF(theme.font("body", weight)).horizontalAdvance(words) for weight in (400, 500, 600)]
    assert widths[0] < widths[1] < widths[2]
    figures = QFontMetricsF(theme.font("body"))
    assert figures.horizontalAdvance("1111") == figures.horizontalAdvance("8888")


def test_the_application_takes_the_look_and_rings_only_for_the_keyboard(qtbot: QtBot, themed: Theme) -> None:
    button = QPushButton("Send")
    qtbot.addWidget(button)
    assert button.palette().color(QPalette.ColorRole.Window) == themed.color("surface.panel")
    option = QStyleOptionFocusRect()
    option.rect = QRect(0, 0, 40, 20)

    def ring(state: QStyle.StateFlag) -> bool:
        option.state = state
        image = QImage(40, 20, QImage.Format.Format_RGB32)
        image.fill(themed.color("surface.panel"))
        painter = QPainter(image)
        QApplication.style().drawPrimitive(QStyle.PrimitiveElement.PE_FrameFocusRect, option, painter)
        painter.end()
        return image.pixelColor(20, 1) == themed.color("accent.base")

    assert ring(QStyle.StateFlag.State_HasFocus | QStyle.StateFlag.State_KeyboardFocusChange)
    assert not ring(QStyle.StateFlag.State_HasFocus)


def _image(side: int, draw: object) -> np.ndarray:
    image = QImage(side, side, QImage.Format.Format_Grayscale8)
    image.fill(Qt.GlobalColor.black)
    painter = QPainter(image)
    draw(painter, QRect(0, 0, side, side))  # type: ignore[operator]
    painter.end()
    return np.frombuffer(image.constBits(), np.uint8).reshape(side, image.bytesPerLine())[:, :side].astype(int)


@pytest.mark.parametrize("side", [12, 16])
def test_all_32_symbols_differ_in_grey(qtbot: QtBot, side: int) -> None:
    symbols = Symbols(SYMBOLS, load_theme("dark", TOKENS))
    images = {
        (priority, status): _image(side, lambda p, r, a=priority, b=status: symbols.report(p, r, a, b))
        for priority in (1, 2, 3, 4)
        for status in range(8)
    }
    for one, other in combinations(images, 2):
        share = np.mean(np.abs(images[one] - images[other]) > 24)
        assert share >= 0.05, (one, other, share)


def test_the_ground_shows_through_and_unknown_values_still_draw(qtbot: QtBot) -> None:
    symbols = Symbols(SYMBOLS, load_theme("dark", TOKENS))
    on_panel = _image(24, lambda p, r: symbols.report(p, r, 3, 4))
    on_blue = _image(24, lambda p, r: symbols.report(p, r, 3, 4, "selected"))
    assert on_panel[12, 12] != on_blue[12, 12]
    assert _image(16, lambda p, r: symbols.report(p, r, 9, 99)).any()
    white = QColor(Qt.GlobalColor.white)
    assert _image(16, lambda p, r: symbols.category(p, r, "no such glyph", white)).any()
    moving = _image(28, lambda p, r: symbols.unit(p, r, "enroute"))
    assert (moving != _image(28, lambda p, r: symbols.unit(p, r, "enroute", stale=True))).any()
    resting = _image(28, lambda p, r: symbols.unit(p, r, "break"))
    assert (resting == _image(28, lambda p, r: symbols.unit(p, r, "break", stale=True))).all()


def test_paths_of_all_four_commands() -> None:
    path = parse_path("M1 2 L3 4 C5 6 7 8 9 10 Z")
    assert path.elementCount() == 6
    assert path.elementAt(1).y == 4


@pytest.mark.parametrize(
    "text",
    ["<b>bold</b>", "a\0b\nc", "\u202egnirts\u2066", "\ud800 lone", "x" * 2_000_000, "\x1b[31mred", ""],
)
def test_any_text_becomes_one_plain_line(text: str) -> None:
    line = one_line(text)
    assert len(line) <= 400
    assert not set(line) & {"\0", "\n", "\u202e", "\u2066", "\ud800", "\x1b"}
    line.encode()
    assert "<b>" in one_line("<b>bold</b>")


def test_many_lines_keep_breaks_and_end_in_an_ellipsis() -> None:
    assert many_lines("a\r\nb", 10) == "a\nb"
    assert many_lines("a" * 20, 10) == "a" * 10 + "…"


def test_wrapping_stops_at_its_last_line(qtbot: QtBot) -> None:
    load_fonts()
    font = load_theme("dark", TOKENS).font("dense")
    assert wrap("short", font, 300, 3) == ["short"]
    lines = wrap("many words " * 60, font, 200, 3)
    assert len(lines) == 3
    assert lines[-1].endswith("…")
    assert all(QFontMetricsF(font).horizontalAdvance(line) <= 201 for line in lines)
