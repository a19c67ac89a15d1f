"""The verbs at the foot of the report panel."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPoint, QRect, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QMenu, QSizePolicy, QWidget
from typing_extensions import override

from widgets.keys import KeyButton, key_text
from widgets.text import Texts, one_line
from widgets.theme import Theme
from widgets.ticket.section import SIDE
from widgets.ticket.values import ActionButton


def meaning_of(actions: Sequence[ActionButton]) -> tuple[str, str]:
    """The id and the text of the filled one of these verbs; ("", "") when there is none."""
    return next(((one.id, one.text) for one in actions if one.filled), ("", ""))


class ActionBar(QWidget):
    """The verbs. The first two stand left, the others right; those without room are behind one that lists them."""

    chosen = Signal(str)

    def __init__(self, theme: Theme, texts: Texts) -> None:
        super().__init__()
        self._theme, self._texts = theme, texts
        self._actions: tuple[ActionButton, ...] = ()
        self._buttons: list[KeyButton] = []
        self._more = KeyButton(theme, "⋯", height=32, parent=self)
        self._more.setAccessibleName(self.tr("More"))
        self._more.clicked.connect(self._on_more)
        self._free = QRect()
        self._armed = False
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(theme.px(49))

    def set_actions(self, actions: Sequence[ActionButton]) -> None:
        """Show these verbs."""
        if tuple(actions) == self._actions:
            return
        old = [(one.id, one.text, one.key_text, one.filled) for one in self._actions]
        self._actions = tuple(actions)
        if old != [(one.id, one.text, one.key_text, one.filled) for one in actions]:
            for button in self._buttons:
                button.hide()
                button.deleteLater()
            self._buttons = []
            for action in actions:
                keys = key_text(action.key_text) if action.key_text else ""
                button = KeyButton(
                    self._theme, one_line(action.text, 40), keys, by_enter=action.filled, height=32, parent=self
                )
                button.set_armed(self._armed)
                button.setProperty("intent", action.id)
                button.clicked.connect(self._on_clicked)
                self._buttons.append(button)
        for button, action in zip(self._buttons, actions, strict=True):
            button.set_why_not("" if action.enabled else action.why_not or " ")
        self._arrange()

    @property
    def is_armed(self) -> bool:
        """Whether Enter presses the first verb now."""
        return self._armed

    @property
    def meaning(self) -> tuple[str, str]:
        """What the filled verb is, and what it says."""
        return meaning_of(self._actions)

    def set_armed(self, armed: bool) -> None:
        """Whether Enter is the first verb's now."""
        self._armed = armed
        for button in self._buttons:
            button.set_armed(armed)

    def enter(self) -> bool:
        """Do what the filled button says; whether there is one."""
        first = next((button for button in self._buttons if button.is_filled), None)
        if first is not None:
            first.click()
        return first is not None

    def button(self, action: str) -> KeyButton | None:
        """The button of an action, for tests."""
        return next((one for one in self._buttons if one.property("intent") == action), None)

    def _arrange(self) -> None:
        theme = self._theme
        side, top = theme.px(SIDE), theme.px(8) + 1
        sizes = [button.sizeHint() for button in self._buttons]
        room = self.width() - 2 * side
        gap = (
            theme.px(6) if sum(size.width() for size in sizes) + theme.px(6) * (len(sizes) - 1) <= room else theme.px(4)
        )
        fits = len(sizes)
        more = self._more.sizeHint().width() + gap
        while fits > 1 and sum(s.width() + gap for s in sizes[:fits]) - gap + (more if fits < len(sizes) else 0) > room:
            fits -= 1
        left, right = side, self.width() - side
        self._more.setVisible(fits < len(sizes))
        if fits < len(sizes):
            right -= self._more.sizeHint().width()
            self._more.setGeometry(QRect(QPoint(right, top), self._more.sizeHint()))
            right -= gap
        for number in range(min(2, fits)):
            self._buttons[number].setGeometry(QRect(QPoint(left, top), sizes[number]))
            left += sizes[number].width() + gap
        for number in range(fits - 1, 1, -1):
            right -= sizes[number].width()
            self._buttons[number].setGeometry(QRect(QPoint(right, top), sizes[number]))
            right -= gap
        for number, button in enumerate(self._buttons):
            button.setVisible(number < fits)
        self._free = QRect(left + gap, top, max(0, right - left - gap), theme.px(32))
        self.update()

    def _on_clicked(self) -> None:
        button = self.sender()
        if isinstance(button, KeyButton):
            self.chosen.emit(str(button.property("intent")))

    def _on_more(self) -> None:
        menu = QMenu(self)
        for button, action in zip(self._buttons, self._actions, strict=True):
            if button.isHidden():
                words = action.text if action.enabled else f"{action.text}: {action.why_not}"
                entry = menu.addAction(one_line(words).replace("&", "&&"))
                entry.setEnabled(action.enabled)
                entry.triggered.connect(lambda _=False, key=action.id: self.chosen.emit(key))
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(self._more.mapToGlobal(QPoint(0, -menu.sizeHint().height())))

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        theme = self._theme
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.color("surface.panel"))
        painter.fillRect(QRect(0, 0, self.width(), 1), theme.color("border.divider"))
        blocked = next((one for one in self._actions if one.filled and not one.enabled and one.why_not), None)
        if blocked is not None and self._free.width() > theme.px(60):
            top = self._free.top() + theme.px(8)
            color = theme.color("text.secondary")
            words, room = blocked.why_not, self._free.width()
            self._texts.draw(painter, self._free.left(), top, words, "caption", color, room=room)
