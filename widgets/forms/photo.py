"""One photo in a form, with its number, time and place under it; it tells when it was seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, QRect, Qt, QTimer, Signal
from PySide6.QtGui import QImage, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget
from typing_extensions import override

from widgets.text import one_line
from widgets.theme import Theme

if TYPE_CHECKING:
    from widgets.photos import PhotoCard


class FramedPhoto(QWidget):
    """One photo in a frame of fixed size, with its number, time and place under it; never larger than it is."""

    opened = Signal(str)
    """It was clicked: its id."""
    painted = Signal()
    """The picture was seen for the first time, or why there will be none."""

    def __init__(self, theme: Theme, card: PhotoCard, number: str) -> None:
        super().__init__()
        self._theme, self._number, self.card, self.is_seen = theme, number, card, False
        self._image: QImage | None = None
        self._waits = ""
        self.setMinimumWidth(theme.px(180))
        self.set_card(card)

    def set_card(self, card: PhotoCard) -> None:
        """Show this photo; while its picture is not here, say so."""
        self.card, self._image = card, card.image
        self._waits = "" if card.image or card.problem else card.waits or self.tr("The photo is being read")
        parts = (card.role_label, self._number, card.caption, card.place, card.problem, self._waits)
        self.setAccessibleName(one_line(", ".join(part for part in parts if part)))
        self.update()

    @override
    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self.opened.emit(self.card.id)

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        theme, card = self._theme, self.card
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        strip = theme.px(40)
        box = self.rect().adjusted(0, 0, -1, -1)
        painter.fillRect(box, theme.color("surface.input"))
        inside = box.adjusted(1, 1, 0, -strip)
        there = self._image is not None and not self._image.isNull()
        if self._image is not None and there:
            size = self._image.size().scaled(inside.size(), Qt.AspectRatioMode.KeepAspectRatio)
            where = QRect(QPoint(0, 0), size)
            where.moveCenter(inside.center())
            painter.drawImage(where, self._image)
        else:
            painter.fillRect(inside, theme.hatch())
            painter.setFont(theme.font("dense"))
            painter.setPen(theme.color("text.secondary"))
            middle = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(inside.adjusted(theme.px(12), 0, -theme.px(12), 0), middle, self._waits or card.problem)
        painter.setPen(theme.color("status.returned" if card.problem else "border.divider"))
        painter.drawRect(box)
        foot = QRect(box.left() + 1, box.bottom() - strip, box.width() - 1, strip)
        painter.fillRect(foot, theme.color("surface.window"))
        line = foot.adjusted(theme.px(6), theme.px(2), -theme.px(6), -strip // 2)
        self._write(painter, line, f"{card.role_label} {self._number}".strip(), 600, "text.primary")
        left = painter.fontMetrics().horizontalAdvance(f"{card.role_label} {self._number}".strip()) + theme.px(6)
        self._write(painter, line.adjusted(left, 0, 0, 0), card.caption, 400, "text.primary")
        below = foot.adjusted(theme.px(6), strip // 2 - theme.px(2), -theme.px(6), -theme.px(2))
        self._write(
            painter, below, card.problem or card.place, 400, "status.returned" if card.problem else "text.tertiary"
        )
        if not self.is_seen and (there or card.problem):
            self.is_seen = True
            QTimer.singleShot(0, self, self.painted.emit)

    def _write(self, painter: QPainter, room: QRect, text: str, weight: int, token: str) -> None:
        painter.setFont(self._theme.font("caption", weight))
        painter.setPen(self._theme.color(token))
        words = painter.fontMetrics().elidedText(one_line(text), Qt.TextElideMode.ElideRight, max(0, room.width()))
        painter.drawText(room, Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextSingleLine, words)
