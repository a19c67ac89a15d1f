"""The card of the demo's tour: one step, beside the panel that it is about."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget
from typing_extensions import override

from widgets.keys import KeyButton
from widgets.text import tip
from widgets.theme import Theme

_WIDTH, _MARGIN, _GAP = 356, 16, 12


@dataclass(frozen=True)
class TourPage:
    """What the card says: one title, two sentences, and what the visitor is waited for to do."""

    number: int
    of: int
    title: str
    text: str
    waiting: str


class TourCard(QWidget):
    """A window that never takes the keyboard: the visitor does each thing himself, in the window below."""

    skipped = Signal()
    ended = Signal()

    def __init__(self, theme: Theme, parent: QWidget, *, skip_key: str, end_key: str) -> None:
        # As a tooltip: no desktop gives one the keyboard.
        super().__init__(parent, Qt.WindowType.ToolTip | Qt.WindowType.WindowDoesNotAcceptFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_ShowWithoutActivating)
        self._theme = theme
        self._page: TourPage | None = None
        skip = KeyButton(theme, self.tr("Skip"), skip_key)
        end = KeyButton(theme, self.tr("End the tour"), end_key)
        skip.clicked.connect(self.skipped)
        end.clicked.connect(self.ended)
        for button in (skip, end):
            button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        buttons = QHBoxLayout()
        buttons.addWidget(skip)
        buttons.addStretch(1)
        buttons.addWidget(end)
        column = QVBoxLayout(self)
        margin = theme.px(_MARGIN)
        column.setContentsMargins(margin, margin, margin, margin)
        column.addStretch(1)
        column.addLayout(buttons)
        self._buttons_height = skip.sizeHint().height()
        self.hide()

    @property
    def page(self) -> TourPage | None:
        """What is said."""
        return self._page

    def show_page(self, page: TourPage, panel: QRect, room: QRect, *, within: bool = False) -> None:
        """Say this beside `panel`, or in its lower right corner if `within` it; never outside of `room` (both on the
        screen).
        """
        size = QSize(self._theme.px(_WIDTH), self._height(page))
        gap = self._theme.px(_GAP)
        place = _in_corner(panel, size, room, gap) if within else _beside(panel, size, room, gap)
        if page == self._page and place == self.pos() and self.isVisible():
            return
        self._page = page
        self.setAccessibleName(f"{page.title}. {page.text} {page.waiting}")
        self.setToolTip(tip(page.text))
        self.setFixedSize(size)
        self.move(place)
        self.update()
        if not self.isVisible():
            self.show()
        self.raise_()

    def _lines(self, page: TourPage) -> list[tuple[str, str, int, str, int]]:
        """(text, role, weight, colour, gap above in pixels at normal size) of each part, from the top."""
        head = self.tr("Tour, step {n} of {of}").format(n=page.number, of=page.of)
        return [
            (head, "caption", 400, "text.secondary", 0),
            (page.title, "title", 600, "text.primary", 8),
            (page.text, "body", 400, "text.secondary", 6),
            (page.waiting, "body", 500, "text.primary", 8),
        ]

    def _height(self, page: TourPage) -> int:
        theme = self._theme
        width = theme.px(_WIDTH) - 2 * theme.px(_MARGIN)
        height = 2 * theme.px(_MARGIN) + self._buttons_height + theme.px(12)
        for text, role, weight, _, gap in self._lines(page):
            metrics = QFontMetrics(theme.font(role, weight))
            height += theme.px(gap) + metrics.boundingRect(QRect(0, 0, width, 2000), _WRAPPED, text).height()
        return height

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        page, theme, painter = self._page, self._theme, QPainter(self)
        painter.fillRect(self.rect(), theme.color("surface.raised"))
        painter.setPen(QPen(theme.color("accent.base"), 1))
        painter.drawRect(self.rect().adjusted(0, 0, -1, -1))
        if page is None:
            return
        left, top = theme.px(_MARGIN), theme.px(_MARGIN)
        width = self.width() - 2 * left
        bar = theme.px(72)
        at = QRect(left + width - bar, top + theme.px(6), bar, theme.px(3))
        painter.fillRect(at, theme.color("border.divider"))
        painter.fillRect(
            QRect(at.topLeft(), QSize(bar * page.number // page.of, at.height())), theme.color("accent.base")
        )
        for text, role, weight, token, gap in self._lines(page):
            font = theme.font(role, weight)
            painter.setFont(font)
            painter.setPen(theme.color(token))
            top += theme.px(gap)
            box = QFontMetrics(font).boundingRect(QRect(left, top, width, 2000), _WRAPPED, text)
            painter.drawText(QRect(left, top, width, box.height()), _WRAPPED, text)
            top += box.height()


_WRAPPED = Qt.TextFlag.TextWordWrap | Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop


def _beside(panel: QRect, size: QSize, room: QRect, gap: int) -> QPoint:
    """Where the card stands: at the side of the panel that has room for it, else over it, in its lower right corner.

    It never covers the panel where it can stand beside it, and never leaves `room`.
    """
    lowest = room.bottom() - size.height() - gap
    level = max(room.top() + gap, min(panel.center().y() - size.height() // 2, lowest))
    within = max(room.left() + gap, min(panel.left(), room.right() - size.width() - gap))
    for place, fits in (
        (QPoint(panel.left() - gap - size.width(), level), panel.left() - gap - size.width() >= room.left() + gap),
        (QPoint(panel.right() + gap, level), panel.right() + gap + size.width() <= room.right() - gap),
        (QPoint(within, panel.top() - gap - size.height()), panel.top() - gap - size.height() >= room.top()),
    ):
        if fits:
            return place
    return _in_corner(panel, size, room, gap)


def _in_corner(panel: QRect, size: QSize, room: QRect, gap: int) -> QPoint:
    """The lower right corner of the panel, within `room`."""
    lowest = room.bottom() - size.height() - gap
    return QPoint(panel.right() - size.width() - gap, min(panel.bottom() - size.height() - gap, lowest))
