"""The banner under the KPI strip: the one most urgent thing to know, with the keys that answer it."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QRect, Qt, QTimer, Signal
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QWidget
from typing_extensions import override

from widgets.keys import KeyButton
from widgets.statusbar import paint_sign
from widgets.symbols import Symbols
from widgets.text import one_line, tip
from widgets.theme import Theme


@dataclass(frozen=True)
class Notice:
    """Cause, consequence, action. `buttons` are (intent, text, key cap); with level p1 the first one is filled.

    `tail` is a second bold part (an age), `note` stands before the buttons, `priority` and `status` choose the
    report symbol of an alarm (priority 0: no symbol). `level` is info, warn, p1 or replay.
    """

    level: str
    bold: str
    text: str
    buttons: tuple[tuple[str, str, str], ...] = ()
    tail: str = ""
    note: str = ""
    priority: int = 0
    status: int = 0


class Banner(QWidget):
    """Shows one notice, or is hidden. The sign of an alarm blinks once a second unless motion is reduced."""

    notice_action = Signal(str)

    def __init__(self, theme: Theme, symbols: Symbols | None = None, *, reduce_motion: bool = False) -> None:
        super().__init__()
        self._theme, self._symbols, self._still = theme, symbols, reduce_motion
        self._notice: Notice | None = None
        self._more = self._beside = 0
        self._lit = True
        self._buttons: list[KeyButton] = []
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, theme.px(12), 0)
        self._row.setSpacing(theme.px(12))
        self._row.addStretch(1)
        self._blink = QTimer(self)
        self._blink.timeout.connect(self._on_blink)
        self.setFixedHeight(theme.px(44))
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.hide()

    @property
    def notice(self) -> Notice | None:
        """What is shown."""
        return self._notice

    def set_notice(self, notice: Notice | None, more: int = 0, beside: int = 0) -> None:
        """Show a notice, or none; `more` is how many of its kind come after it by its keys, `beside` how many others
        wait behind those.
        """
        if (notice, more, beside) == (self._notice, self._more, self._beside):
            return
        same = self._notice is not None and notice is not None and self._notice.buttons == notice.buttons
        same = same and self._notice is not None and notice is not None and self._notice.level == notice.level
        self._notice, self._more, self._beside = notice, more, beside
        if not same:
            self._make_buttons()
        self._lit = True
        if notice is not None and notice.level == "p1" and not self._still:
            if not self._blink.isActive():
                self._blink.start(600)
        else:
            self._blink.stop()
        if notice is not None:
            self.setAccessibleName(" ".join(part for part in (notice.bold, notice.text, notice.tail) if part))
            # A narrow window cuts it, and what stands at the right takes room from the words.
            self.setToolTip(tip(" · ".join(part for part in (self.accessibleName(), notice.note) if part)))
        self.setVisible(notice is not None)
        self.update()

    def count(self) -> str:
        """`1 of 3 · 14 other notices`; "" where there is no more than the one."""
        parts = [self.tr("1 of {n}").format(n=self._more + 1)] if self._more else []
        if self._beside:
            words = self.tr("1 other notice") if self._beside == 1 else self.tr("{n} other notices")
            parts.append(words.format(n=self._beside))
        return " · ".join(parts)

    def _make_buttons(self) -> None:
        for button in self._buttons:
            self._row.removeWidget(button)
            button.hide()
            button.deleteLater()
        self._buttons = []
        if self._notice is None:
            return
        level = self._notice.level
        for number, (intent, text, keys) in enumerate(self._notice.buttons):
            filled = level == "p1" and number == 0
            button = KeyButton(
                self._theme,
                text,
                keys,
                filled=filled,
                ink=f"alarm.{level}-text",
                fill="alarm.p1-edge" if filled else "",
            )
            button.clicked.connect(lambda _=False, intent=intent: self.notice_action.emit(intent))
            self._row.addWidget(button)
            button.show()  # and at its place at once: the words end where the buttons begin
            self._buttons.append(button)
        self._row.activate()

    def _on_blink(self) -> None:
        # 600 ms on, 400 ms off: 1 Hz.
        self._lit = not self._lit
        self._blink.start(600 if self._lit else 400)
        self.update(QRect(0, 0, self._theme.px(48), self.height()))

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        notice, theme = self._notice, self._theme
        if notice is None:
            return
        level = notice.level
        edge = theme.color("alarm.replay" if level == "replay" else f"alarm.{level}-edge")
        ink = theme.color(f"alarm.{level}-text")
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.color(f"alarm.{level}-surface"))
        painter.fillRect(QRect(0, 0, theme.px(4), self.height()), edge)
        painter.fillRect(QRect(0, self.height() - 1, self.width(), 1), edge)
        left, middle = theme.px(18), (self.height() - 1) / 2
        if notice.priority and self._symbols is not None:
            size = theme.px(24)
            if self._lit:
                box = QRect(left, round(middle - size / 2), size, size)
                self._symbols.report(painter, box, notice.priority, notice.status)
            left += size + theme.px(12)
        elif level in ("warn", "p1"):
            if self._lit:
                paint_sign(painter, theme, left, middle, level)
            left += theme.px(8 + 12)
        right = self.width() - theme.px(12)
        if self._buttons:
            right = self._buttons[0].x() - theme.px(12)
        painter.setPen(ink)
        note = " · ".join(part for part in (notice.note, self.count()) if part)
        for text, role, weight, at_right in (
            (note, "dense", 400, True),
            (notice.bold, "title" if level in ("p1", "replay") else "body", 600, False),
            (notice.text, "body", 400, False),
            (notice.tail, "body", 600, False),
        ):
            if not text or right - left < theme.px(24):
                continue
            font = theme.font(role, weight)
            metrics = QFontMetrics(font)
            room = right - left
            if text is notice.text and notice.tail:
                room -= QFontMetrics(theme.font("body", 600)).horizontalAdvance(notice.tail) + theme.px(12)
            words = metrics.elidedText(one_line(text), Qt.TextElideMode.ElideRight, max(room, 0))
            width = metrics.horizontalAdvance(words)
            painter.setFont(font)
            where = right - width if at_right else left
            box = QRect(where, 0, width + 2, self.height() - 1)
            painter.drawText(box, Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextSingleLine, words)
            if at_right:
                right -= width + theme.px(12)
            else:
                left += width + theme.px(12)
