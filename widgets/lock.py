"""The page that covers the whole window while its screen is locked: what calls, and a field for a token."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QVBoxLayout, QWidget
from typing_extensions import override

from widgets.keys import is_enter
from widgets.statusbar import paint_sign
from widgets.theme import Theme

_WIDE = 460
_LONGEST = 400
_FIGURE = 32
"""How large the number of alarms is, in pixels at normal size: it is read from across the room."""


class _LevelSign(QWidget):
    """The sign of a level beside a line of text."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme, self._level = theme, ""
        self.setFixedSize(QSize(theme.px(14), theme.px(14)))

    def set_level(self, level: str) -> None:
        """`ok`, `warn`, `p1`, `info`, or "" for no sign."""
        self._level = level
        self.update()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        if self._level:
            paint_sign(QPainter(self), self._theme, self._theme.px(2), self.height() / 2, self._level)


class _SignedLine(QWidget):
    """A line of text with a sign before it."""

    def __init__(self, theme: Theme, role: str, weight: int, size: int = 0) -> None:
        super().__init__()
        self._sign, self._text = _LevelSign(theme), _label(theme, role, "text.primary", weight, size)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.px(10))
        row.addWidget(self._sign, 0, Qt.AlignmentFlag.AlignVCenter)
        row.addWidget(self._text, 1)

    def set_line(self, level: str, text: str) -> None:
        """Show this text with the sign of this level."""
        self._sign.set_level(level)
        self._text.setText(text)


class LockScreen(QWidget):
    """Shows what calls in words without any report, asks for a token, and keeps every key to itself."""

    tried = Signal(str)
    """Enter was pressed: what had been typed."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._title = _label(theme, "title", "text.primary", 600)
        self._alarms, self._link = _SignedLine(theme, "title", 600, _FIGURE), _SignedLine(theme, "body", 400)
        self._message = _label(theme, "body", "priority.p2", 400)
        self._message.setMinimumHeight(2 * theme.line("body"))
        self._message.setAlignment(Qt.AlignmentFlag.AlignTop)
        self._hint = _label(theme, "dense", "text.secondary", 400)
        self.field = QLineEdit()
        self.field.setEchoMode(QLineEdit.EchoMode.Password)
        self.field.setMaxLength(_LONGEST)
        self.field.setFont(theme.font("body"))
        self.field.setAccessibleName(self.tr("Token"))
        self.field.setPlaceholderText(self.tr("Token"))
        px = theme.px
        box = QWidget()
        box.setFixedWidth(px(_WIDE))
        column = QVBoxLayout(box)
        column.setContentsMargins(px(16), px(16), px(16), px(16))
        column.setSpacing(px(12))
        for widget in (self._title, self._alarms, self._link, self.field, self._message, self._hint):
            column.addWidget(widget)
        whole = QVBoxLayout(self)
        whole.addStretch(1)
        whole.addWidget(box, 0, Qt.AlignmentFlag.AlignHCenter)
        whole.addStretch(1)
        self.setFocusProxy(self.field)

    def set_title(self, text: str) -> None:
        """What stands on top."""
        self._title.setText(text)

    def set_lines(self, alarms: tuple[str, str], link: tuple[str, str]) -> None:
        """What calls, and whether the servers are reached: each a level (see `paint_sign`) and words."""
        self._alarms.set_line(*alarms)
        self._link.set_line(*link)

    def set_hint(self, text: str, *, asks_token: bool = True) -> None:
        """Who can unlock it, and how; the field names a token only where one is asked for."""
        self._hint.setText(text)
        self.field.setPlaceholderText(self.tr("Token") if asks_token else "")

    def set_message(self, text: str) -> None:
        """What became of the last try, or what has to be waited for."""
        self._message.setText(text)

    def set_open(self, *, is_open: bool) -> None:
        """Whether something can be typed now."""
        if is_open != self.field.isEnabled():
            self.field.setEnabled(is_open)
            if is_open:
                self.field.setFocus()

    def shown(self) -> list[str]:
        """Every text of the page."""
        labels = self.findChildren(QLabel)
        return [label.text() for label in labels if label.text()]

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        if is_enter(event) and not event.isAutoRepeat() and self.field.isEnabled():
            typed = self.field.text().strip()
            self.field.clear()
            self.tried.emit(typed)

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        QPainter(self).fillRect(self.rect(), self._theme.color("surface.panel"))


def _label(theme: Theme, role: str, token: str, weight: int, size: int = 0) -> QLabel:
    label = QLabel()
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(True)
    label.setFont(theme.font(role, weight, size))
    label.setStyleSheet(f"color:{theme.hex(token)};background:transparent")
    return label
