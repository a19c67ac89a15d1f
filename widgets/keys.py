"""Key caps: how a keyboard key is drawn beside what it does, and the buttons that carry one."""

from __future__ import annotations

from functools import cache

from PySide6.QtCore import QPoint, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetrics, QKeyEvent, QKeySequence, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QWidget
from typing_extensions import override

from widgets.text import tip
from widgets.theme import Theme

_SIGNS = {"Return": "↵", "Enter": "↵", "Shift": "⇧", "Up": "↑", "Down": "↓", "Left": "←", "Right": "→"}


@cache
def key_text(sequence: str) -> str:
    """Spell a key sequence as the caps show it: `Ctrl+Return` becomes `Ctrl ↵`, `Shift+F12` becomes `⇧ F12`."""
    text = QKeySequence(sequence).toString(QKeySequence.SequenceFormat.PortableText) or sequence
    head, plus, last = text.rpartition("+")
    if not last:  # the plus key itself, as in Ctrl++
        head, plus, last = text[:-1].rpartition("+")[0], "+", "+"
    parts = [*head.split("+"), last] if plus and head else [last]
    return " ".join(_SIGNS.get(part, part) for part in parts)


def cap_size(theme: Theme, text: str) -> QSize:
    """The size of a key cap, border included."""
    metrics = QFontMetrics(theme.font("micro", 500))
    return QSize(max(theme.px(16), metrics.horizontalAdvance(text) + theme.px(8) + 2), theme.px(14) + 2)


def paint_cap(painter: QPainter, theme: Theme, left: int, middle: int, text: str, color: QColor | None = None) -> int:
    """Draw one cap at `left`, centred on the line `middle`; returns its width. `color` replaces text and border."""
    size = cap_size(theme, text)
    box = QRectF(left + 0.5, middle - size.height() / 2 + 0.5, size.width() - 1, size.height() - 1)
    box.moveTop(round(middle - size.height() / 2) + 0.5)
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(color or theme.color("border.control"), 1))
    painter.drawRoundedRect(box, theme.px(3), theme.px(3))
    painter.setPen(color or theme.color("text.secondary"))
    painter.setFont(theme.font("micro", 500))
    painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)
    painter.restore()
    return size.width()


class EnterButton(QAbstractButton):
    """A button that Enter presses, as Space does; a subclass paints it."""

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.click()
        else:
            super().keyPressEvent(event)


class KeyButton(QAbstractButton):
    """A verb with its key. `filled` is what Enter does; a button that cannot be pressed is dashed and says why.

    `ink` names the colour token of text and border (for buttons on a banner), `fill` the ground of a filled one.
    """

    def __init__(
        self,
        theme: Theme,
        text: str,
        keys: str = "",
        *,
        filled: bool = False,
        height: int = 28,
        ink: str = "",
        fill: str = "",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._theme, self._keys, self._filled, self._height = theme, keys, filled, height
        self._ink, self._fill = ink, fill
        self._why_not = ""
        self.verb = ""
        self.set_verb(text)
        self.setAccessibleDescription(keys)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    @override
    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """The second click of a double click is no second order: the button under it may mean the next step by then."""
        event.accept()

    @property
    def why_not(self) -> str:
        """Why the button cannot be pressed now, "" when it can."""
        return self._why_not

    def set_why_not(self, why: str) -> None:
        """Block the button with a reason, or free it with ""."""
        self._why_not = why
        self.setEnabled(not why)
        self.setAccessibleDescription(why or self._keys)
        self.setToolTip(tip(why))
        self.update()

    def set_verb(self, text: str) -> None:
        """Change the verb."""
        self.verb = text
        self.setText(text.replace("&", "&&"))  # no mnemonic out of a name with an ampersand
        self.setAccessibleName(text)
        self.updateGeometry()
        self.update()

    @override
    def sizeHint(self) -> QSize:
        theme = self._theme
        width = QFontMetrics(theme.font("dense", 600)).horizontalAdvance(self.verb) + 2 * theme.px(9) + 2
        if self._keys:
            width += theme.px(7) + cap_size(theme, self._keys).width()
        return QSize(width, theme.px(self._height))

    @override
    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        theme = self._theme
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        enabled = self.isEnabled()
        filled = self._filled and enabled
        ink = theme.color(self._ink) if self._ink else theme.color("text.primary")
        border = theme.color(self._ink) if self._ink else theme.color("border.control")
        ground = QColor(0, 0, 0, 0) if self._ink else theme.color("surface.panel")
        if filled:
            ground = theme.color(self._fill or "accent.fill")
            border, ink = ground, theme.color("text.on-solid" if self._fill else "text.on-accent")
        elif not enabled:
            ink, border = theme.color("text.tertiary"), theme.color("border.divider")
        elif self.underMouse():
            ground = ground if self._ink else theme.color("surface.hover")
        box = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        focused = self.hasFocus()
        if focused:
            painter.setPen(QPen(theme.color("accent.base"), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(box.adjusted(0.5, 0.5, -0.5, -0.5), theme.px(4), theme.px(4))
            box = box.adjusted(3, 3, -3, -3)
        pen = QPen(border, 1)
        if not enabled:
            pen.setDashPattern([3, 3])
        painter.setPen(Qt.PenStyle.NoPen if focused and not filled else pen)
        painter.setBrush(ground)
        painter.drawRoundedRect(box, theme.px(4), theme.px(4))
        font = theme.font("dense", 600 if self._filled and enabled else 500)
        painter.setFont(font)
        painter.setPen(ink)
        words = QFontMetrics(font).horizontalAdvance(self.verb)
        cap = cap_size(theme, self._keys).width() if self._keys else 0
        left = (self.width() - words - (theme.px(7) + cap if cap else 0)) // 2
        painter.drawText(
            QRect(QPoint(left, 0), QSize(words + 2, self.height())),
            Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft,
            self.verb,
        )
        if cap:
            color = ink if filled or self._ink or not enabled else None
            paint_cap(painter, theme, left + words + theme.px(7), self.height() // 2, self._keys, color)
