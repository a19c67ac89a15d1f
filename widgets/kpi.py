"""The strip of figures at the top: each says what it counts, how many, and how old; most open what they count."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QRect, QSize, Qt, Signal
from PySide6.QtGui import QFocusEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget
from typing_extensions import override

from widgets.keys import EnterButton
from widgets.symbols import Symbols
from widgets.text import Texts, one_line, tip
from widgets.theme import Theme, by_keyboard, paint_focus

BRAND = "home"
"""The key of the figure that carries the program's sign."""
_LEVELS = ("text.primary", "priority.p2", "priority.p1")


@dataclass(frozen=True)
class KpiPart:
    """A piece of a figure: `text`, `report_symbol` (value is the priority) or `unit_symbol` (value is the state)."""

    kind: str
    value: str
    level: int = 0


@dataclass(frozen=True)
class Figure:
    """One figure. Levels: 0 plain, 1 amber, 2 red. A stale one stands grey on hatching. One that does not act is
    only read: it is not hovered over, chosen or reached by Tab. `room` is the longest note it may have: its column is
    as wide from the beginning, so that the others never move when "none" becomes an age.
    """

    key: str
    label: str
    parts: tuple[KpiPart, ...]
    note: str = ""
    level: int = 0
    stale: bool = False
    acts: bool = True
    room: str = ""
    help: str = ""
    """What is counted, over what and when: told on hover."""


class _FigureButton(EnterButton):
    def __init__(self, theme: Theme, symbols: Symbols, texts: Texts, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme, self._symbols, self._texts = theme, symbols, texts
        self.figure = Figure("", "", ())
        self.compact = False
        self.with_note = True
        self.edge = "right"
        self._ring = False
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)

    def set_figure(self, figure: Figure) -> None:
        if figure != self.figure:
            self.figure = figure
            values = " ".join(part.value for part in figure.parts if part.kind == "text")
            self.setEnabled(figure.acts)
            self.setToolTip(tip(figure.help))
            self.setAccessibleName(one_line(f"{figure.label} {values} {figure.note}"))
            self.update()

    def width_wanted(self, *, with_note: bool) -> int:
        theme, texts, figure = self._theme, self._texts, self.figure
        pad = theme.px(10 if self.compact else 14)
        width = 0.0
        gap = theme.px(7)
        if figure.key == BRAND:
            width = theme.px(30) + self._brand_width()
            return round(width) + 2 * pad + 1
        for number, part in enumerate(figure.parts):
            width += self._part_width(part) + (gap if number else 0)
            if self._ends_pair(number):
                width += theme.px(2) + gap
        if with_note and (figure.note or figure.room):
            width += gap + max(texts.width(note, "caption") for note in (figure.note, figure.room))
        return round(max(width, texts.width(figure.label, "caption"))) + 2 * pad + 1

    def _ends_pair(self, number: int) -> bool:
        """Whether a wider gap follows: a text, and after it another symbol."""
        parts = self.figure.parts
        return parts[number].kind == "text" and number + 1 < len(parts) and parts[number + 1].kind != "text"

    def _brand_width(self) -> float:
        name = self.figure.parts[0].value if self.figure.parts else ""
        width = self._texts.width(name, "body", 600)
        return width if self.compact else max(width, self._texts.width(self.figure.label, "caption"))

    def _part_width(self, part: KpiPart) -> float:
        if part.kind == "report_symbol":
            return self._theme.px(14 if self.compact else 16)
        if part.kind == "unit_symbol":
            return self._symbols.unit_width(self._theme.px(13))
        roomy = not self.compact and not _is_words(part.value)  # a count may get a second figure at any moment
        least = self._texts.width("00", "figure", 600, self._size(part)) if roomy else 0.0
        return max(least, self._texts.width(part.value, "figure", 600, self._size(part)))

    def _size(self, part: KpiPart) -> int:
        """Figures are large; words (`3 s ago`, `On`) and everything compact are smaller."""
        if self.compact:
            return 14 if _is_words(part.value) else 16
        return 16 if _is_words(part.value) else 20

    @override
    def sizeHint(self) -> QSize:
        return QSize(self.width_wanted(with_note=self.with_note), self._theme.px(44 if self.compact else 55))

    @override
    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self._ring = by_keyboard(event.reason())

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        theme, figure = self._theme, self.figure
        painter = QPainter(self)
        if self.underMouse() and self.isEnabled():
            painter.fillRect(self.rect(), theme.color("surface.hover"))
        if figure.stale:
            painter.fillRect(self.rect(), theme.hatch())
        edge = self.width() - 1 if self.edge == "right" else 0
        painter.fillRect(QRect(edge, 0, 1, self.height()), theme.color("border.subtle"))
        if figure.key == BRAND:
            self._paint_brand(painter)
        else:
            self._paint_figure(painter)
        if self.hasFocus() and self._ring:
            paint_focus(painter, theme, self)

    def _paint_brand(self, painter: QPainter) -> None:
        theme, texts = self._theme, self._texts
        left, side = theme.px(10 if self.compact else 14), theme.px(20)
        self._symbols.logo(painter, QRect(left, (self.height() - side) // 2, side, side))
        left += side + theme.px(10)
        name = self.figure.parts[0].value if self.figure.parts else ""
        top = (self.height() - theme.line("body")) // 2
        if not self.compact:
            top = (self.height() - theme.line("caption") - theme.line("body")) // 2
            texts.draw(painter, left, top, self.figure.label, "caption", theme.color("text.tertiary"))
            top += theme.line("caption")
        texts.draw(painter, left, top, name, "body", theme.color("text.primary"), weight=600)

    def _paint_figure(self, painter: QPainter) -> None:
        theme, texts, figure = self._theme, self._texts, self.figure
        left = float(theme.px(10 if self.compact else 14) + (1 if self.edge == "left" else 0))
        top = theme.px(3 if self.compact else 7)
        texts.draw(painter, left, top, figure.label, "caption", theme.color("text.tertiary"))
        top += theme.line("caption")
        height, gap = theme.px(20 if self.compact else 24), theme.px(7)
        for number, part in enumerate(figure.parts):
            if number:
                left += gap
            width = self._part_width(part)
            if part.kind == "report_symbol":
                side = round(width)
                priority = int(part.value) if part.value.isdigit() else 4
                self._symbols.report(painter, QRect(round(left), top + (height - side) // 2, side, side), priority, 0)
            elif part.kind == "unit_symbol":
                tall = theme.px(13)
                box = QRect(round(left), top + (height - tall) // 2, round(width), tall)
                self._symbols.unit(painter, box, part.value)
            else:
                level = part.level if part.level in (1, 2) else 0
                color = theme.color("text.tertiary" if figure.stale and not level else _LEVELS[level])
                size = self._size(part)
                texts.draw(painter, left, top, part.value, "figure", color, weight=600, size=size, height=height)
            left += width
            if self._ends_pair(number):
                left += theme.px(2) + gap
        if self.with_note and figure.note:
            drop = theme.px(2 if self.compact else 4)
            color = theme.color("text.secondary")
            texts.draw(painter, left + gap, top + drop, figure.note, "caption", color, height=height - drop)


class KpiStrip(QWidget):
    """Figures from the left, figures at the right end. What has no room loses its note first, then goes."""

    figure_chosen = Signal(str)

    def __init__(self, theme: Theme, symbols: Symbols) -> None:
        super().__init__()
        self._theme, self._symbols, self._texts = theme, symbols, Texts(theme)
        self._left: list[_FigureButton] = []
        self._right: list[_FigureButton] = []
        self._compact = False
        self._widest: dict[tuple[str, bool, bool, int], int] = {}
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(theme.px(56))
        self.setAccessibleName(self.tr("Figures"))

    @property
    def compact(self) -> bool:
        """Whether the strip is in its lower form."""
        return self._compact

    @compact.setter
    def compact(self, compact: bool) -> None:
        if compact != self._compact:
            self._compact = compact
            self.setFixedHeight(self._theme.px(44 if compact else 56))
            for button in (*self._left, *self._right):
                button.compact = compact
                button.update()
            self._arrange()

    def set_figures(self, left: Sequence[Figure], right: Sequence[Figure]) -> None:
        """Show these figures; only those that changed are drawn anew."""
        changed = self._set(self._left, left, "right") | self._set(self._right, right, "left")
        if changed:
            self._arrange()

    def shown(self) -> list[str]:
        """The keys of the figures in sight, for tests."""
        return [button.figure.key for button in (*self._left, *self._right) if not button.isHidden()]

    def _set(self, buttons: list[_FigureButton], figures: Sequence[Figure], edge: str) -> bool:
        before = [button.figure for button in buttons]
        while len(buttons) > len(figures):
            buttons.pop().deleteLater()
        while len(buttons) < len(figures):
            button = _FigureButton(self._theme, self._symbols, self._texts, self)
            button.edge, button.compact = edge, self._compact
            button.clicked.connect(self._on_clicked)
            button.show()
            buttons.append(button)
        for button, figure in zip(buttons, figures, strict=True):
            button.set_figure(figure)
        return before != list(figures)

    def _arrange(self) -> None:
        height = self.height() - 1
        right = self.width()
        for button in reversed(self._right):
            width = self._column(button, with_note=True)
            right -= width
            button.with_note = True
            button.setGeometry(right, 0, width, height)
        noted = [self._column(button, with_note=True) for button in self._left]
        bare = [self._column(button, with_note=False) for button in self._left]
        # Notes go from the last figure to the first, until the rest fits; then whole figures go.
        notes = len(noted)
        while notes and sum(noted[:notes]) + sum(bare[notes:]) > right:
            notes -= 1
        left = 0
        for number, button in enumerate(self._left):
            button.with_note = number < notes
            width = noted[number] if number < notes else bare[number]
            fits = left + width <= right
            button.setVisible(fits)
            if not fits:
                left = right
                continue
            button.setGeometry(left, 0, width, height)
            left += width

    def _column(self, button: _FigureButton, *, with_note: bool) -> int:
        """The width of a figure's column: it grows with its contents and never shrinks."""
        key = (button.figure.key, button.compact, with_note, self._theme.px(100))
        width = max(self._widest.get(key, 0), button.width_wanted(with_note=with_note))
        self._widest[key] = width
        return width

    def _on_clicked(self) -> None:
        button = self.sender()
        if isinstance(button, _FigureButton):
            self.figure_chosen.emit(button.figure.key)

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), self._theme.color("surface.panel"))
        painter.fillRect(QRect(0, self.height() - 1, self.width(), 1), self._theme.color("border.divider"))


def _is_words(text: str) -> bool:
    return any(letter.isalpha() for letter in text)
