"""The row of filter chips: each can be taken away, one adds another, and the order stands at the right end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPoint, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QContextMenuEvent, QKeyEvent, QKeySequence, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QMenu, QSizePolicy, QWidget
from typing_extensions import override

from widgets.keys import EnterButton, cap_size, paint_cap
from widgets.text import Texts, one_line, tip
from widgets.theme import Theme


@dataclass(frozen=True)
class Chip:
    """One condition of the filter."""

    key: str
    text: str
    cap: str = ""
    """Of the key that takes it away."""


class _ChipButton(EnterButton):
    """A chip. `kind` is condition (ends in ×), ask (dashed, with a key cap), rest (+3) or order (bare words)."""

    menu_asked = Signal(str, QPoint)

    def __init__(self, theme: Theme, texts: Texts, kind: str, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme, self._texts, self._kind = theme, texts, kind
        self.key, self.cap = "", ""
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)

    def set_words(self, key: str, text: str, cap: str = "") -> None:
        self.key, self.cap = key, cap
        self.setText(text)
        self.setShortcut(QKeySequence())  # an ampersand in a name is no key
        self.setAccessibleName(one_line(text))
        self.setToolTip(tip(text))
        self.update()

    @override
    def sizeHint(self) -> QSize:
        theme = self._theme
        width = round(self._texts.width(self.text(), "caption"))
        if self._kind == "order":
            return QSize(width + theme.px(8), theme.px(24))
        width += 2 * theme.px(8) + 2
        if self._kind == "condition":
            width += theme.px(6) + round(self._texts.width("×", "caption"))
        if self.cap:
            width += theme.px(6) + cap_size(theme, self.cap).width()
        return QSize(width, theme.px(24))

    @override
    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        if self._kind == "condition":
            self.menu_asked.emit(self.key, event.globalPos())

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        if self._kind == "condition" and event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.click()
        else:
            super().keyPressEvent(event)

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        theme, texts = self._theme, self._texts
        painter = QPainter(self)
        top, middle = (self.height() - theme.line("caption")) // 2, self.height() // 2
        if self._kind == "order":
            color = theme.color("text.primary" if self.hasFocus() or self.underMouse() else "text.tertiary")
            texts.draw(painter, self.width() - theme.px(2), top, self.text(), "caption", color, right=True)
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        pen = QPen(theme.color("border.divider"), 1)
        if self.hasFocus():
            pen = QPen(theme.color("accent.base"), 2)
        elif self._kind == "ask":
            pen.setDashPattern([3, 3])
        painter.setPen(pen)
        painter.setBrush(theme.color("surface.hover" if self.underMouse() else "surface.raised"))
        edge = pen.widthF() / 2
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(edge, edge, -edge, -edge), theme.px(4), theme.px(4))
        quiet = self._kind == "ask"
        right = self.width() - theme.px(8) - 1
        if self.cap:
            right -= cap_size(theme, self.cap).width()
            paint_cap(painter, theme, right, middle, self.cap)
            right -= theme.px(6)
        if self._kind == "condition":
            right -= round(texts.draw(painter, right, top, "×", "caption", theme.color("text.tertiary"), right=True))
            right -= theme.px(6)
        color = theme.color("text.secondary" if quiet else "text.primary")
        left = theme.px(8) + 1
        texts.draw(painter, left, top, self.text(), "caption", color, room=max(0, right - left) + 1)


class ChipsRow(QWidget):
    """Chips from the left; those without room are counted in one chip that lists them."""

    chip_removed = Signal(str)
    menu_asked = Signal(str, QPoint)
    """The right button on a condition, or its key: (its key, where on the screen)."""
    filter_asked = Signal()
    order_chosen = Signal(str)

    def __init__(self, theme: Theme, *, filter_key: str) -> None:
        super().__init__()
        self._theme, self._texts = theme, Texts(theme)
        self._chips: tuple[Chip, ...] = ()
        self._orders: tuple[tuple[str, str], ...] = ()
        self._order = ""
        self._buttons: list[_ChipButton] = []
        self._ask = _ChipButton(theme, self._texts, "ask", self)
        self._ask.set_words("", self.tr("+ Filter"), filter_key)
        self._ask.clicked.connect(self.filter_asked)
        self._rest = _ChipButton(theme, self._texts, "rest", self)
        self._rest.clicked.connect(self._on_rest)
        self._by = _ChipButton(theme, self._texts, "order", self)
        self._by.clicked.connect(self._on_order)
        self.setFixedHeight(theme.px(36))
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(self.tr("Filter"))
        self._arrange()

    def set_chips(self, chips: Sequence[Chip]) -> None:
        """Show the conditions of the filter."""
        if tuple(chips) == self._chips:
            return
        self._chips = tuple(chips)
        while len(self._buttons) > len(chips):
            self._buttons.pop().deleteLater()
        while len(self._buttons) < len(chips):
            button = _ChipButton(self._theme, self._texts, "condition", self)
            button.clicked.connect(self._on_chip)
            button.menu_asked.connect(self.menu_asked)
            self._buttons.append(button)
        for button, chip in zip(self._buttons, chips, strict=True):
            button.set_words(chip.key, chip.text, chip.cap)
            button.setAccessibleDescription(self.tr("Remove this condition"))
        self._arrange()

    def set_orders(self, orders: Sequence[tuple[str, str]], current: str) -> None:
        """Offer these orders (key, words); nothing is shown without any."""
        self._orders, self._order = tuple(orders), current
        words = dict(self._orders).get(current, "")
        self._by.set_words(current, f"{words} ▾" if words else "")
        self._arrange()

    def shown(self) -> list[str]:
        """The texts of the chips in sight, for tests."""
        return [button.text() for button in self._buttons if not button.isHidden()]

    def _arrange(self) -> None:
        theme = self._theme
        left, top, gap = theme.px(12), theme.px(6), theme.px(6)
        by = self._by.sizeHint()
        self._by.setVisible(bool(self._by.text()))
        self._by.setGeometry(QRect(QPoint(self.width() - theme.px(10) - by.width(), top), by))
        end = self.width() - theme.px(10) - (by.width() + gap if self._by.text() else 0)
        tail = self._ask.sizeHint().width()
        widths = [button.sizeHint().width() for button in self._buttons]
        fits = 0
        used = left
        for number, width in enumerate(widths):
            later = theme.px(40) if number + 1 < len(widths) else 0
            if used + width + gap + later + tail > end:
                break
            used += width + gap
            fits += 1
        if not fits and widths:
            # The first condition is shown in any case, cut to the room there is.
            later = theme.px(40) if len(widths) > 1 else 0
            widths[0] = min(widths[0], max(theme.px(60), end - left - gap - later - tail))
            fits = 1
        for number, button in enumerate(self._buttons):
            button.setVisible(number < fits)
            if number < fits:
                button.setGeometry(left, top, widths[number], button.sizeHint().height())
                left += widths[number] + gap
        hidden = len(self._buttons) - fits
        self._rest.setVisible(hidden > 0)
        if hidden:
            self._rest.set_words("", f"+{hidden}")
            self._rest.setGeometry(QRect(QPoint(left, top), self._rest.sizeHint()))
            left += self._rest.width() + gap
        self._ask.setGeometry(QRect(QPoint(left, top), self._ask.sizeHint()))

    def _on_chip(self) -> None:
        button = self.sender()
        if isinstance(button, _ChipButton):
            self.chip_removed.emit(button.key)

    def _on_rest(self) -> None:
        menu = QMenu(self)
        for button in self._buttons:
            if button.isHidden():
                action = menu.addAction(button.text().replace("&", "&&") + "  ×")
                action.triggered.connect(lambda _=False, key=button.key: self.chip_removed.emit(key))
        menu.popup(self._rest.mapToGlobal(QPoint(0, self._rest.height())))
        menu.aboutToHide.connect(menu.deleteLater)

    def _on_order(self) -> None:
        menu = QMenu(self)
        for key, words in self._orders:
            action = menu.addAction(words.replace("&", "&&"))
            action.setCheckable(True)
            action.setChecked(key == self._order)
            action.triggered.connect(lambda _=False, key=key: self.order_chosen.emit(key))
        menu.popup(self._by.mapToGlobal(QPoint(0, self._by.height())))
        menu.aboutToHide.connect(menu.deleteLater)

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), self._theme.color("surface.panel"))
        painter.fillRect(QRect(0, self.height() - 1, self.width(), 1), self._theme.color("border.subtle"))
