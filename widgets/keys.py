"""Key caps: how a keyboard key is drawn beside what it does, and the buttons that carry one."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Protocol, runtime_checkable

from PySide6.QtCore import QPoint, QRect, QRectF, QSize, Qt
from PySide6.QtGui import (
    QColor,
    QFontMetrics,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QShortcut,
)
from PySide6.QtWidgets import QAbstractButton, QLineEdit, QPlainTextEdit, QSizePolicy, QTextEdit, QWidget
from typing_extensions import override

from widgets.text import tip
from widgets.theme import Theme

_ENTER = "↵"
_SIGNS = {"Return": "↵", "Enter": "↵", "Shift": "⇧", "Up": "↑", "Down": "↓", "Left": "←", "Right": "→"}


EDITING_KEYS = (
    QKeySequence.StandardKey.Undo,
    QKeySequence.StandardKey.Redo,
    QKeySequence.StandardKey.Cut,
    QKeySequence.StandardKey.Copy,
    QKeySequence.StandardKey.Paste,
    QKeySequence.StandardKey.SelectAll,
    QKeySequence.StandardKey.DeleteEndOfLine,
    QKeySequence.StandardKey.DeleteCompleteLine,
)
"""Keys that a field in which text is typed has for itself."""


def takes_text(widget: QWidget | None) -> bool:
    """Whether letters typed now would be written into this widget."""
    if isinstance(widget, QLineEdit | QPlainTextEdit | QTextEdit):
        return not widget.isReadOnly()
    return False


def works_while_typing(cap: str) -> bool:
    """Whether a key (as its cap shows it) still belongs to the window while text is typed into one of its fields."""
    modifiers, _, key = cap.rpartition(" ")
    if not {"Ctrl", "Alt"} & set(modifiers.split()) and not (key[:1] == "F" and key[1:].isdecimal()):
        return False
    bindings = (one for keys in EDITING_KEYS for one in QKeySequence.keyBindings(keys))
    return cap not in {key_text(one.toString(QKeySequence.SequenceFormat.PortableText)) for one in bindings}


@cache
def key_text(sequence: str) -> str:
    """Spell a key sequence as the caps show it: `Ctrl+Return` becomes `Ctrl ↵`, `Shift+F12` becomes `⇧ F12`."""
    text = QKeySequence(sequence).toString(QKeySequence.SequenceFormat.PortableText) or sequence
    head, plus, last = text.rpartition("+")
    if not last:  # the plus key itself, as in Ctrl++
        head, plus, last = text[:-1].rpartition("+")[0], "+", "+"
    parts = [*head.split("+"), last] if plus and head else [last]
    return " ".join(_SIGNS.get(part, part) for part in parts)


@runtime_checkable
class HearsKeys(Protocol):
    """A top-level window that knows which of the keys shown in it work now."""

    def hears(self, widget: QWidget, cap: str) -> bool:
        """Whether the key of a cap that `widget` is about to draw does now what stands beside it."""


def cap_size(theme: Theme, text: str) -> QSize:
    """The size of a key cap, border included."""
    metrics = QFontMetrics(theme.font("micro", 500))
    return QSize(max(theme.px(16), metrics.horizontalAdvance(text) + theme.px(8) + 2), theme.px(14) + 2)


def is_heard(widget: QWidget, cap: str) -> bool:
    """Whether a cap's key does something now where the widget is shown; True in a window that is no `HearsKeys`."""
    window = widget.window()
    return not isinstance(window, HearsKeys) or window.hears(widget, cap)


def paint_cap(painter: QPainter, theme: Theme, left: int, middle: int, text: str, color: QColor | None = None) -> int:
    """Draw one cap at `left`, centred on the line `middle`; returns its width. `color` replaces text and border.

    In a window that knows its keys (`HearsKeys`) a cap whose key does nothing now leaves its place empty: none moves.
    """
    size = cap_size(theme, text)
    device = painter.device()
    if isinstance(device, QWidget) and not is_heard(device, text):
        return size.width()
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


def add_key(window: QWidget, keys: str, do: Callable[[], object]) -> QShortcut:
    """A key of a window, which does it once however long it is held."""
    shortcut = QShortcut(QKeySequence(keys), window)
    shortcut.setAutoRepeat(False)
    shortcut.activated.connect(lambda: do())
    return shortcut


def is_enter(event: QKeyEvent) -> bool:
    """Whether it is one of the two Enter keys; one that is held repeats itself (`isAutoRepeat`) and decides once."""
    return event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)


def is_bare_enter(event: QKeyEvent) -> bool:
    """Enter without Ctrl, Alt or Meta; with one of these it belongs to the desktop, or does nothing."""
    return is_enter(event) and not event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier


def digit_of(event: QKeyEvent) -> int:
    """The digit that was typed, 0 for none: some keyboards need Shift for it; with Ctrl, Alt or Meta it is none."""
    chord = event.modifiers() & ~(Qt.KeyboardModifier.KeypadModifier | Qt.KeyboardModifier.ShiftModifier)
    return int(event.text()) if not chord and event.text().isdecimal() else 0


class EnterButton(QAbstractButton):
    """A button that Enter presses, as Space does, once however long it is held; a subclass paints it."""

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        if is_bare_enter(event):
            if not event.isAutoRepeat():
                self.click()
        else:
            super().keyPressEvent(event)


class KeyButton(EnterButton):
    """A verb with its key. `filled` is what Enter does; a button that cannot be pressed is dashed and says why.

    `ink` names the colour token of text and border (for buttons on a banner), `fill` the ground of a filled one.
    One with `by_enter` is filled only while it is armed: Enter does it then, and its cap says so in place of its own.
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
        by_enter: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._theme, self._own_keys, self._filled, self._height = theme, keys, filled, height
        self._by_enter, self._armed = by_enter, False
        self._ink, self._fill = ink, fill
        self._why_not = ""
        self.verb = ""
        self.set_verb(text)
        self.setAccessibleDescription(keys)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    @override
    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """The second click of a double click is no second order: the button may already stand for the next step."""
        event.accept()

    @property
    def _keys(self) -> str:
        return _ENTER if self._armed else self._own_keys

    @property
    def is_filled(self) -> bool:
        """Whether it is drawn as what its key does: only while that key is heard."""
        return (self._filled or self._armed) and self.isEnabled() and is_heard(self, self._keys)

    def set_armed(self, armed: bool) -> None:
        """Whether Enter presses it now; only for a button made with `by_enter`."""
        if self._by_enter and armed != self._armed:
            self._armed = armed
            self.setAccessibleDescription(self._why_not or self._keys)
            self.update()

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
        if cap := self._cap_room():
            width += theme.px(7) + cap
        return QSize(width, theme.px(self._height))

    def _cap_room(self) -> int:
        """The width of the widest cap that it may have, so that nothing moves when it is armed."""
        caps = [self._own_keys, *([_ENTER] if self._by_enter else [])]
        return max(cap_size(self._theme, cap).width() if cap else 0 for cap in caps)

    @override
    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        theme = self._theme
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        enabled = self.isEnabled()
        filled = self.is_filled
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
        font = theme.font("dense", 600 if filled else 500)
        painter.setFont(font)
        painter.setPen(ink)
        metrics, cap = QFontMetrics(font), self._cap_room()
        beside = theme.px(7) + cap if cap else 0
        room = self.width() - 2 * theme.px(6) - beside
        verb = metrics.elidedText(self.verb, Qt.TextElideMode.ElideRight, max(room, metrics.averageCharWidth()))
        words = metrics.horizontalAdvance(verb)
        left = (self.width() - words - beside) // 2
        painter.drawText(
            QRect(QPoint(left, 0), QSize(words + 2, self.height())),
            Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft,
            verb,
        )
        if self._keys:
            color = ink if filled or self._ink or not enabled else None
            paint_cap(painter, theme, left + words + theme.px(7), self.height() // 2, self._keys, color)
