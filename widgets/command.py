"""The command line at the foot: what is typed, and the sentence that Enter will carry out."""

from __future__ import annotations

from PySide6.QtCore import QRect, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QKeyEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QLineEdit, QSizePolicy, QWidget
from typing_extensions import override

from widgets.keys import cap_size, is_enter, paint_cap
from widgets.theme import Theme

_REMEMBERED = 100


class _Line(QLineEdit):
    """The field; Up and Down walk through what was run, Esc clears first and leaves second, Tab completes."""

    left = Signal()
    walked = Signal(int)
    completion_asked = Signal()

    @override
    def focusNextPrevChild(self, next: bool) -> bool:
        """Tab goes on from an empty field only: what is typed behind it is meant for the line, not for a report."""
        if not self.text():
            return super().focusNextPrevChild(next)
        if next:
            self.completion_asked.emit()
        return True

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.left.emit()
        elif event.key() in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            self.walked.emit(-1 if event.key() == Qt.Key.Key_Up else 1)
        elif not (is_enter(event) and event.isAutoRepeat()):
            super().keyPressEvent(event)


class CommandLine(QWidget):
    """One line: `/`, the field as wide as its text, an arrow, the sentence, the keys."""

    edited = Signal(str)
    run = Signal(str)
    """Enter was pressed while the sentence says what will be done."""
    cleared = Signal()
    """Esc was pressed; the field is empty now and the keyboard should go back to where it was."""
    completion_asked = Signal()
    """Tab was pressed behind what is typed."""

    def __init__(self, theme: Theme, *, open_key: str) -> None:
        super().__init__()
        self._theme, self._open_key = theme, open_key
        self._bold, self._rest, self._ok = "", "", False
        self._past: list[str] = []
        self._at = 0
        self._line = _Line(self)
        self._line.setFrame(False)
        self._line.setFont(theme.font("mono"))
        self._line.setAccessibleName(self.tr("Command line"))
        self._line.setStyleSheet(
            f"QLineEdit{{background:transparent;border:0;padding:0;color:{theme.hex('text.primary')}}}"
        )
        self._line.setMaxLength(400)
        self._line.textChanged.connect(self._on_changed)
        self._line.returnPressed.connect(self._on_return)
        self._line.left.connect(self._on_left)
        self._line.walked.connect(self._on_walked)
        self._line.completion_asked.connect(self.completion_asked)
        self.setFocusProxy(self._line)
        self.setFixedHeight(theme.px(36))
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def text(self) -> str:
        """What is typed."""
        return self._line.text()

    def set_text(self, text: str) -> None:
        """Put text into the field, as if typed."""
        self._line.setText(text)

    def set_sentence(self, bold: str, rest: str, ok: bool) -> None:
        """Say what Enter will do (`ok`), or why it will do nothing. After the first ` · ` the rest is quieter."""
        gap = " " if bold and rest and rest[0] not in " ,.·:" else ""
        self._bold, self._rest, self._ok = bold, gap + rest, ok
        self._line.setAccessibleDescription(f"{bold}{gap}{rest}")
        self.update()

    def focus_line(self, prefix: str = "") -> None:
        """Give the keyboard to the field; a prefix replaces what stands there."""
        if prefix:
            self._line.setText(prefix)
        self._line.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self._line.end(False)

    def _on_changed(self, text: str) -> None:
        self._arrange()
        self.edited.emit(text)
        self.update()

    def _on_return(self) -> None:
        text = self._line.text().strip()
        if not text or not self._ok:
            return
        self._past = [*[one for one in self._past if one != text], text][-_REMEMBERED:]
        self._at = len(self._past)
        self.run.emit(text)

    def _on_left(self) -> None:
        self._line.clear()
        self._at = len(self._past)
        self.cleared.emit()

    def _on_walked(self, step: int) -> None:
        self._at = max(0, min(len(self._past), self._at + step))
        self._line.setText(self._past[self._at] if self._at < len(self._past) else "")

    def _arrange(self) -> None:
        theme = self._theme
        left = theme.px(12) + cap_size(theme, self._open_key).width() + theme.px(10)
        wanted = QFontMetrics(self._line.font()).horizontalAdvance(self._line.text()) + theme.px(6)
        width = max(theme.px(8), min(wanted, self.width() // 2))
        self._line.setGeometry(left, 1, width, self.height() - 1)

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()

    @override
    def mousePressEvent(self, event: object) -> None:
        self.focus_line()

    @override
    def sizeHint(self) -> QSize:
        return QSize(self._theme.px(600), self._theme.px(36))

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        theme = self._theme
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.color("surface.panel"))
        painter.fillRect(QRect(0, 0, self.width(), 1), theme.color("border.divider"))
        middle = (self.height() + 1) // 2
        paint_cap(painter, theme, theme.px(12), middle, self._open_key)
        left = self._line.geometry().right() + theme.px(10)
        right = self.width() - theme.px(12)
        if self._line.text():
            right = self._paint_keys(painter, right, middle) - theme.px(16)
        painter.setFont(theme.font("dense"))
        painter.setPen(theme.color("text.tertiary"))
        whole = Qt.AlignmentFlag.AlignVCenter
        painter.drawText(QRect(left, 1, theme.px(20), self.height()), whole, "→")
        left += painter.fontMetrics().horizontalAdvance("→") + theme.px(10)
        rest = self._rest
        if not (self._line.text() or self._bold or rest):
            rest = self.tr("Type a command, report, unit or place")
        lead, dot, tail = rest.partition(" · ")
        plain = "text.primary" if self._ok else "text.tertiary"
        for text, weight, token in (
            (self._bold, 600, "text.primary" if self._ok else "text.secondary"),
            (lead, 400, plain),
            (dot + tail, 400, "text.tertiary"),
        ):
            font = theme.font("dense", weight)
            words = QFontMetrics(font).elidedText(text, Qt.TextElideMode.ElideRight, max(0, right - left))
            painter.setFont(font)
            painter.setPen(theme.color(token))
            painter.drawText(QRect(left, 1, max(0, right - left) + 2, self.height() - 1), whole, words)
            left += QFontMetrics(font).horizontalAdvance(words)

    def _paint_keys(self, painter: QPainter, right: int, middle: int) -> int:
        theme = self._theme
        font = theme.font("caption")
        for cap, word in (("Esc", self.tr("clear")), ("Enter", self.tr("run"))):
            quiet = cap == "Enter" and not self._ok
            width = QFontMetrics(font).horizontalAdvance(word)
            painter.setFont(font)
            painter.setPen(theme.color("text.disabled" if quiet else "text.tertiary"))
            painter.drawText(QRect(right - width, 1, width + 2, self.height() - 1), Qt.AlignmentFlag.AlignVCenter, word)
            right -= width + theme.px(10) + cap_size(theme, cap).width()
            paint_cap(painter, theme, right, middle, cap, theme.color("text.disabled") if quiet else None)
            right -= theme.px(10)
        return right
