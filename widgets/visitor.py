"""The visitor's strip of the demo, above the command line: what a visitor may do to the invented city."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QKeyEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QWidget
from typing_extensions import override

from widgets.keys import KeyButton
from widgets.text import one_line, tip
from widgets.theme import Theme


@dataclass(frozen=True)
class VisitorDeed:
    """One button: `intent` is what it emits. `chosen` is drawn filled: the choice that holds now.

    `joined` stands beside the one before it without a gap; `why_not` says why it cannot be pressed now.
    """

    intent: str
    text: str
    chosen: bool = False
    joined: bool = False
    why_not: str = ""


class _DeedButton(KeyButton):
    """A button of the strip, which can be the choice that holds."""

    @property
    @override
    def is_filled(self) -> bool:
        """Filled is what holds, whichever key is heard."""
        return self._filled and self.isEnabled()

    def set_chosen(self, chosen: bool) -> None:
        """Draw it as what holds now, or as one that can be chosen."""
        if chosen != self._filled:
            self._filled = chosen
            self.update()


class VisitorStrip(QWidget):
    """Buttons from the left, at the right what the city does now, the strip's key and a cross that closes it.

    Arrow keys go from button to button, Esc gives the keyboard back. Where there is little room the words go first.
    """

    chosen = Signal(str)
    """The intent of the button that was pressed."""
    left = Signal()
    """Esc: the keyboard should go back to where it was."""
    closed = Signal()

    def __init__(self, theme: Theme, *, key: str) -> None:
        super().__init__()
        self._theme, self._key = theme, key
        self._deeds: tuple[VisitorDeed, ...] = ()
        self._buttons: list[_DeedButton] = []
        self._told = ""
        self._waits_for: _DeedButton | None = None
        self._went_to: QWidget | None = None
        self._close = KeyButton(theme, "×", height=28)
        self._close.setAccessibleName(self.tr("Close the visitor's strip"))
        self._close.clicked.connect(self.closed)
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(theme.px(12), 1, theme.px(12), 0)
        self._row.setSpacing(theme.px(8))
        self._groups = QHBoxLayout()
        self._groups.setSpacing(theme.px(8))
        self._row.addLayout(self._groups)
        self._row.addStretch(1)
        self._row.addWidget(self._close)
        self.setFixedHeight(theme.px(44))
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setAccessibleName(self.tr("Visitor"))

    def set_deeds(self, deeds: Sequence[VisitorDeed]) -> None:
        """Show these buttons; those that there are keep the keyboard."""
        if tuple(deeds) == self._deeds:
            return
        if [deed.intent for deed in deeds] != [deed.intent for deed in self._deeds]:
            self._make(deeds)
        self._deeds = tuple(deeds)
        pressed = next((one for one in self._buttons if one.hasFocus()), None)
        for button, deed in zip(self._buttons, deeds, strict=True):
            button.set_verb(deed.text)
            button.set_chosen(deed.chosen)
            button.set_why_not(deed.why_not)
        self._keep_keyboard(pressed)
        self.setFocusProxy(next((one for one in self._buttons if one.isEnabled()), self._close))
        self._row.invalidate()
        self._arrange()

    def _keep_keyboard(self, pressed: _DeedButton | None) -> None:
        """Qt gives the keyboard of a button that cannot be pressed to the next one: a second Enter, meant for the same
        button, would press that. It comes back with the button, unless it was moved meanwhile.
        """
        if pressed is not None and not pressed.isEnabled():
            self._waits_for, self._went_to = pressed, self.focusWidget()
        elif self._waits_for is not None and self._waits_for.isEnabled():
            if self._went_to is not None and self._went_to.hasFocus():
                self._waits_for.setFocus(Qt.FocusReason.OtherFocusReason)
            self._waits_for = self._went_to = None

    def set_told(self, text: str) -> None:
        """Say what the city does now."""
        if text != self._told:
            self._told = text
            self.setToolTip(tip(text))
            self.update()

    @property
    def told(self) -> str:
        """What is said at the right."""
        return self._told

    def button(self, intent: str) -> KeyButton:
        """The button of an intent. Raises StopIteration for one that is not there."""
        return next(one for one, deed in zip(self._buttons, self._deeds, strict=True) if deed.intent == intent)

    def _make(self, deeds: Sequence[VisitorDeed]) -> None:
        for button in self._buttons:
            button.hide()
            button.deleteLater()
        self._buttons, self._waits_for = [], None
        for group in self.findChildren(QHBoxLayout):
            if group.parent() is self._groups:
                group.deleteLater()
        group = QHBoxLayout()
        for deed in deeds:
            button = _DeedButton(self._theme, deed.text)
            button.clicked.connect(lambda _=False, intent=deed.intent: self.chosen.emit(intent))
            if not deed.joined:
                group = QHBoxLayout()
                group.setSpacing(0)
                self._groups.addLayout(group)
            group.addWidget(button)
            button.show()
            self._buttons.append(button)

    def _arrange(self) -> None:
        """Leave room for the title before the first button where the window is wide enough for it."""
        theme = self._theme
        self._row.setContentsMargins(theme.px(12) + self._title_width(), 1, theme.px(12), 0)
        self.update()

    def _buttons_width(self) -> int:
        spacing = self._row.spacing()
        return sum(button.sizeHint().width() + spacing for button in self._buttons)

    def _title_width(self) -> int:
        theme = self._theme
        words = QFontMetrics(theme.font("dense", 600)).horizontalAdvance(self.tr("Visitor"))
        room = self.width() - self._buttons_width() - self._close.sizeHint().width() - 2 * theme.px(12)
        return words + theme.px(12) if room > words + theme.px(12) else 0

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(event.key()), 0)
        within = [*(one for one in self._buttons if one.isEnabled()), self._close]
        at = next((place for place, one in enumerate(within) if one.hasFocus()), None)
        if step and at is not None and not event.modifiers():
            within[(at + step) % len(within)].setFocus(Qt.FocusReason.TabFocusReason)
        elif event.key() == Qt.Key.Key_Escape:
            self.left.emit()
        else:
            super().keyPressEvent(event)

    @override
    def sizeHint(self) -> QSize:
        return QSize(self._theme.px(600), self._theme.px(44))

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = self._theme, QPainter(self)
        painter.fillRect(self.rect(), theme.color("surface.panel"))
        painter.fillRect(0, 0, self.width(), 1, theme.color("border.divider"))
        height, flags = self.height(), Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextSingleLine
        if self._title_width():
            painter.setFont(theme.font("dense", 600))
            painter.setPen(theme.color("text.primary"))
            painter.drawText(theme.px(12), 1, self._title_width(), height - 1, flags, self.tr("Visitor"))
        last = self._buttons[-1] if self._buttons else None
        left = (last.x() + last.width() if last is not None else 0) + theme.px(16)
        right = self._close.x() - theme.px(12)
        font = theme.font("caption", 400)
        metrics = QFontMetrics(font)
        painter.setFont(font)
        for text, token in (
            (self.tr("{key} in and out").format(key=self._key), "text.tertiary"),
            (one_line(self._told) or self.tr("the city is invented, change it"), "text.secondary"),
        ):
            room = right - left
            if room < theme.px(60):
                break
            words = metrics.elidedText(text, Qt.TextElideMode.ElideRight, room)
            width = metrics.horizontalAdvance(words)
            painter.setPen(theme.color(token))
            painter.drawText(right - width, 1, width + 2, height - 1, flags, words)
            right -= width + theme.px(16)
