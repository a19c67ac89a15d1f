"""The line at the foot of the window: cells with a level, each of them a key to more, and the six-second undo line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRect, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent, QPolygonF, QResizeEvent
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QWidget
from typing_extensions import override

from widgets.keys import cap_size, paint_cap
from widgets.text import tip
from widgets.theme import Theme

_SIGN_TOKENS = {"ok": "alarm.ok", "warn": "alarm.warn-edge", "p1": "alarm.p1-edge", "info": "accent.base"}


@dataclass(frozen=True)
class Cell:
    """One cell. Levels: "" no sign, ok a square, warn a diamond, p1 a triangle, info a square in blue."""

    key: str
    text: str
    level: str = ""
    key_text: str = ""


def paint_sign(painter: QPainter, theme: Theme, left: int, middle: float, level: str) -> None:
    """Draw the sign of a level, 8 px, with its left edge at `left`: a square for ok and info, a diamond for what is
    amber, a triangle for what is red: the shapes by which reports are told apart too.
    """
    size = theme.px(8)
    box = QRectF(left, round(middle - size / 2), size, size)
    color = theme.color(_SIGN_TOKENS[level])
    if level in ("ok", "info"):
        painter.fillRect(box, color)
        return
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(color)
    reach = size * 0.69
    centre = box.center()
    if level == "p1":
        top, foot, side = QPointF(0, -reach * 1.1), reach * 0.9, reach * 1.15
        painter.drawPolygon(QPolygonF([centre + top, centre + QPointF(side, foot), centre + QPointF(-side, foot)]))
        painter.restore()
        return
    painter.drawPolygon(
        QPolygonF(
            [
                centre + QPointF(0, -reach),
                centre + QPointF(reach, 0),
                centre + QPointF(0, reach),
                centre + QPointF(-reach, 0),
            ]
        )
    )
    painter.restore()


class _CellButton(QAbstractButton):
    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = theme
        self.cell = Cell("", "")
        self.edge_left = False
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)

    def set_cell(self, cell: Cell) -> None:
        if cell != self.cell:
            self.cell = cell
            self.setAccessibleName(cell.text or cell.key_text)
            self.setToolTip(tip(cell.text) if cell.level else "")
            self.update()

    @override
    def sizeHint(self) -> QSize:
        theme = self._theme
        width = 2 * theme.px(12) + 1 + QFontMetrics(theme.font("caption")).horizontalAdvance(self.cell.text)
        if self.cell.level:
            width += theme.px(8) + theme.px(6)
        if self.cell.key_text:
            width += cap_size(theme, self.cell.key_text).width() + (theme.px(4) if self.cell.text else 0)
        return QSize(width, theme.px(23))

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        theme = self._theme
        painter = QPainter(self)
        if self.underMouse():
            painter.fillRect(self.rect(), theme.color("surface.hover"))
        edge = 0 if self.edge_left else self.width() - 1
        painter.fillRect(QRect(edge, 0, 1, self.height()), theme.color("border.divider"))
        left = theme.px(12) + (1 if self.edge_left else 0)
        if self.cell.level:
            paint_sign(painter, theme, left, self.height() / 2, self.cell.level)
            left += theme.px(14)
        if self.cell.key_text:
            left += paint_cap(painter, theme, left, self.height() // 2, self.cell.key_text) + theme.px(4)
        painter.setFont(theme.font("caption"))
        painter.setPen(theme.color("text.secondary"))
        box = QRect(left, 0, self.width() - left - theme.px(4), self.height())
        words = painter.fontMetrics().elidedText(self.cell.text, Qt.TextElideMode.ElideRight, box.width())
        painter.drawText(box, Qt.AlignmentFlag.AlignVCenter, words)


class _Undo(QAbstractButton):
    """The line that offers to take the last step back."""

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = theme
        self.word, self.key_text = "", ""
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.hide()

    @override
    def sizeHint(self) -> QSize:
        theme = self._theme
        width = QFontMetrics(theme.font("caption", 500)).horizontalAdvance(self.text())
        width += QFontMetrics(theme.font("caption", 600)).horizontalAdvance(self.word)
        return QSize(width + cap_size(theme, self.key_text).width() + theme.px(48), theme.px(23))

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        theme = self._theme
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.color("alarm.info-surface"))
        painter.fillRect(QRect(0, 0, theme.px(3), self.height()), theme.color("alarm.info-edge"))
        left = theme.px(12)
        word = QFontMetrics(theme.font("caption", 600)).horizontalAdvance(self.word)
        tail = word + cap_size(theme, self.key_text).width() + theme.px(24)
        painter.setFont(theme.font("caption", 500))
        painter.setPen(theme.color("alarm.info-text"))
        room = self.width() - left - tail - theme.px(8)
        words = painter.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, room)
        painter.drawText(QRect(left, 0, room, self.height()), Qt.AlignmentFlag.AlignVCenter, words)
        left += painter.fontMetrics().horizontalAdvance(words) + theme.px(12)
        painter.setFont(theme.font("caption", 600))
        painter.setPen(theme.color("accent.strong"))
        painter.drawText(QRect(left, 0, word + 4, self.height()), Qt.AlignmentFlag.AlignVCenter, self.word)
        paint_cap(
            painter, theme, left + word + theme.px(6), self.height() // 2, self.key_text, theme.color("alarm.info-text")
        )


class StatusBar(QWidget):
    """Cells from the left, cells from the right; cells without room are left out, the last ones first.

    A cell of the level info, which says what just happened, always has room, also beside the undo line.
    """

    cell_chosen = Signal(str)
    undo_asked = Signal()

    def __init__(self, theme: Theme, *, undo_key: str) -> None:
        super().__init__()
        self._theme = theme
        self._left: list[_CellButton] = []
        self._right: list[_CellButton] = []
        self._undo = _Undo(theme, self)
        self._undo.word, self._undo.key_text = self.tr("Undo"), undo_key
        self._undo.clicked.connect(self._on_undo)
        self._clock = QTimer(self, singleShot=True)
        self._clock.timeout.connect(self.hide_undo)
        self.setFixedHeight(theme.px(24))
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(self.tr("Status"))

    def set_left(self, cells: Sequence[Cell]) -> None:
        """Show these cells from the left."""
        self._set(self._left, cells, edge_left=False)

    def set_right(self, cells: Sequence[Cell]) -> None:
        """Show these cells at the right, in reading order."""
        self._set(self._right, cells, edge_left=True)

    def show_undo(self, text: str, seconds: float = 6) -> None:
        """Say what was done and offer to take it back, for some seconds, in the place of the left cells."""
        self._undo.setText(text)
        self._undo.setAccessibleName(f"{text} {self._undo.word}")
        self._undo.show()
        self._clock.start(int(seconds * 1000))
        self._arrange()

    def hide_undo(self) -> None:
        """Take the undo line away."""
        self._clock.stop()
        self._undo.hide()
        self._arrange()

    def undo_text(self) -> str:
        """What the undo line says, "" when there is none."""
        return "" if self._undo.isHidden() else self._undo.text()

    def _set(self, buttons: list[_CellButton], cells: Sequence[Cell], *, edge_left: bool) -> None:
        while len(buttons) > len(cells):
            buttons.pop().deleteLater()
        while len(buttons) < len(cells):
            button = _CellButton(self._theme, self)
            button.edge_left = edge_left
            button.clicked.connect(self._on_cell)
            button.show()
            buttons.append(button)
        for button, cell in zip(buttons, cells, strict=True):
            button.set_cell(cell)
        self._arrange()

    def _arrange(self) -> None:
        right = self.width()
        for button in reversed(self._right):
            width = button.sizeHint().width()
            right -= width
            button.setGeometry(right, 1, width, self.height() - 1)
            button.setVisible(right >= 0)
        left = 0
        undo = not self._undo.isHidden()
        said = [button for button in self._left if button.cell.level == "info"]
        if undo:
            left = min(self._undo.sizeHint().width(), max(right, 0))
            self._undo.setGeometry(0, 1, left, self.height() - 1)
        kept = min(sum(button.sizeHint().width() for button in said), max(right - left, 0))
        for button in self._left:
            width = button.sizeHint().width()
            if button in said:
                width = min(width, right - left)
                button.setVisible(width > 0)
            else:
                button.setVisible(not undo and left + width <= right - kept)
            button.setGeometry(left, 1, width, self.height() - 1)
            left += width if not button.isHidden() else 0

    def _on_cell(self) -> None:
        button = self.sender()
        if isinstance(button, _CellButton):
            self.cell_chosen.emit(button.cell.key)

    def _on_undo(self) -> None:
        self.hide_undo()
        self.undo_asked.emit()

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), self._theme.color("surface.raised"))
        painter.fillRect(QRect(0, 0, self.width(), 1), self._theme.color("border.divider"))
