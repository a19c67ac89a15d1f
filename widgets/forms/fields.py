"""Form fields that Qt does not have: a list under what is typed, a tick, a row of alternatives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import (
    QEvent,
    QModelIndex,
    QPoint,
    QPointF,
    QRect,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import (
    QFontMetrics,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
)
from PySide6.QtWidgets import (
    QCheckBox,
    QLineEdit,
    QListView,
    QSizePolicy,
    QWidget,
)
from typing_extensions import override

from widgets.forms.choice import CHOICE_HIGH, ChoiceDelegate, ChoiceModel, ListChoice, matching
from widgets.keys import cap_size, is_enter, paint_cap
from widgets.symbols import Symbols
from widgets.text import one_line
from widgets.theme import Theme, paint_focus

_OFFERED = 7
_APART = 2
"""How many pixels lie between a field and its list."""
_DIGITS = 9
_COMMAND_KEYS = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier | Qt.KeyboardModifier.MetaModifier


class TypeAhead(QLineEdit):
    """A field with a list under it while one types. Up and Down move, Enter and Tab take, Esc closes the list.

    With `free` what is typed counts too: Tab leaves it as typed, and the keyboard stays when Enter took a choice, for
    the words may go on. Without, only a choice does. With `ready` the
    choices come from outside already found (`set_choices` after `typed`), else they are searched here.
    """

    typed = Signal(str)
    picked = Signal(str)
    """A choice was taken; "" when the text no longer is one."""
    entered = Signal()
    """Enter: what stands here stands."""

    def __init__(
        self,
        theme: Theme,
        symbols: Symbols | None,
        name: str,
        *,
        free: bool = False,
        ready: bool = False,
    ) -> None:
        super().__init__()
        self._theme, self._symbols, self._free, self._ready = theme, symbols, free, ready
        self._all: list[ListChoice] = []
        self._armed = True
        self._value = ""
        self._is_typed = False
        self._drop: QListView | None = None
        self._model = ChoiceModel(self)
        self.setAccessibleName(one_line(name))
        self.setFont(theme.font("body"))
        self.setMaxLength(400)
        self.textEdited.connect(self._on_edited)

    def set_choices(self, choices: Sequence[ListChoice], *, armed: bool = True) -> None:
        """What can be chosen; unless the first one is `armed`, Enter takes none before the operator has moved to it.

        The list opens for what is typed, not for what was put here from outside, such as a draft.
        """
        self._all, self._armed = list(choices), armed
        if self.hasFocus() and self._is_typed and self.text():
            self._offer()

    def value(self) -> str:
        """The id of the choice, "" for none."""
        return self._value

    def set_value(self, choice_id: str) -> None:
        """Choose from outside; nothing is announced."""
        choice = next((one for one in self._all if one.id == choice_id), None)
        if choice is not None:
            self._value, self._is_typed = choice.id, False
            self.setText(choice.text)

    def set_free_text(self, text: str) -> None:
        """Put text that is no choice."""
        self._value, self._is_typed = "", False
        self.setText(text)

    def offered(self) -> list[ListChoice]:
        """What the open list shows; nothing while it is closed."""
        if self._drop is None or not self._drop.isVisible():
            return []
        return [choice for number in range(self._model.rowCount()) if (choice := self._model.choice(number))]

    def _on_edited(self, text: str) -> None:
        self._is_typed = True
        if self._value:
            self._value = ""
            self.picked.emit("")
        self.typed.emit(text)
        self._offer()

    def _offer(self, *, everything: bool = False) -> None:
        typed = "" if everything else self.text()
        shown = self._all if self._ready else matching(self._all, typed)
        self._model.show_choices(shown[:200])
        if not shown or not (typed or everything):
            self._close()
            return
        drop = self._open()
        drop.setCurrentIndex(self._model.index(0) if self._armed else QModelIndex())
        drop.show()
        self.place_list()
        drop.raise_()

    def place_list(self) -> None:
        """Put the open list where the field is now, after what stands around it has moved."""
        if self._drop is not None and self._drop.isVisible():
            self._drop.setGeometry(self._room_for(min(_OFFERED, self._model.rowCount())))

    @property
    def list_height(self) -> int:
        """The height of the whole list below the field, in pixels: a form that keeps it free shows all of it."""
        return self._high(_OFFERED) + _APART

    def _high(self, rows: int) -> int:
        return self._theme.px(CHOICE_HIGH) * rows + 2

    def _room_for(self, rows: int) -> QRect:
        """Where a list of so many rows is fully visible: below the field, else above it, else where more of its rows
        fit. It stays inside the widget that holds the field, so that it covers no buttons.
        """
        window = self.window()
        field = QRect(self.mapTo(window, QPoint(0, 0)), self.size())
        room, holder = window.rect(), self.parentWidget()
        while holder is not None and holder is not window:
            room &= QRect(holder.mapTo(window, QPoint(0, 0)), holder.size())
            holder = holder.parentWidget()
        below = room.bottom() - field.bottom() - _APART
        above = field.top() - room.top() - _APART
        fits = [side for side in (below, above) if side >= self._high(rows)]
        side = fits[0] if fits else max(below, above)
        high = self._high(max(1, min(rows, (side - 2) // self._theme.px(CHOICE_HIGH))))
        top = field.bottom() + 1 + _APART if side == below else field.top() - _APART - high
        return QRect(field.left(), top, field.width(), high)

    def _open(self) -> QListView:
        if self._drop is None:
            drop = QListView(self.window())
            drop.setObjectName("drop")
            theme = self._theme
            drop.setStyleSheet(
                f"#drop{{background:{theme.hex('surface.raised')};border:1px solid {theme.hex('border.control')}}}"
            )
            drop.setModel(self._model)
            drop.setItemDelegate(ChoiceDelegate(theme, self._symbols, drop))
            drop.setUniformItemSizes(True)
            drop.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            drop.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
            drop.setAccessibleName(self.accessibleName())
            drop.clicked.connect(self._on_clicked)
            self._drop = drop
        return self._drop

    def _close(self) -> None:
        if self._drop is not None:
            self._drop.hide()

    @property
    def is_undecided(self) -> bool:
        """Whether nothing in the open list is armed, and none of it was moved to."""
        return self._drop is not None and self._drop.isVisible() and not self._drop.currentIndex().isValid()

    def _is_open(self) -> bool:
        return self._drop is not None and self._drop.isVisible()

    def _on_clicked(self, index: QModelIndex) -> None:
        self._take(index.row())

    def _take(self, number: int) -> bool:
        choice = self._model.choice(number)
        if choice is None:
            return False
        self._value, self._is_typed = choice.id, False
        self.setText(choice.text)
        self._close()
        self.picked.emit(choice.id)
        return True

    def _move(self, step: int) -> None:
        if self._drop is None or not self._drop.isVisible():
            self._offer(everything=not self.text() or bool(self._value))
            return
        count, now = self._model.rowCount(), self._drop.currentIndex().row()
        number = (now + step) % max(1, count) if now >= 0 else (0 if step > 0 else count - 1)
        self._drop.setCurrentIndex(self._model.index(number))

    @override
    def event(self, event: QEvent) -> bool:
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress and event.key() == Qt.Key.Key_Tab:
            if self._is_open() and self._drop is not None and not self._free:
                self._take(self._drop.currentIndex().row())
            self._close()
        if (
            isinstance(event, QKeyEvent)
            and event.type() == QEvent.Type.ShortcutOverride
            and event.key() == Qt.Key.Key_Escape
            and self._is_open()
        ):
            event.accept()
            return True
        return super().event(event)

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = event.key()
        if key in (Qt.Key.Key_Down, Qt.Key.Key_Up):
            self._move(1 if key == Qt.Key.Key_Down else -1)
        elif is_enter(event) and not event.modifiers() & _COMMAND_KEYS:
            if event.isAutoRepeat() or self.is_undecided:
                return
            takes = self._is_open() and self._drop is not None and self._take(self._drop.currentIndex().row())
            if not (takes and self._free):
                self.entered.emit()
        elif key == Qt.Key.Key_Escape and self._is_open():
            self._close()
        else:
            super().keyPressEvent(event)

    @override
    def focusOutEvent(self, event: Any) -> None:
        super().focusOutEvent(event)
        self._close()


class Tick(QCheckBox):
    """A tick before its words; Space turns it."""

    entered = Signal()
    """Enter: it stands as it is."""

    def __init__(self, theme: Theme, words: str, *, on: bool = False) -> None:
        super().__init__(words.replace("&", "&&"))
        self._theme, self._words = theme, ""
        self.set_words(words)
        self.setChecked(on)
        self.setFont(theme.font("dense"))
        self.setFixedHeight(theme.px(26))

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        if not is_enter(event):
            super().keyPressEvent(event)
        elif not event.isAutoRepeat():
            self.entered.emit()

    def set_words(self, words: str) -> None:
        """Change what stands behind the tick."""
        self._words = words
        self.setText(words.replace("&", "&&"))
        self.setAccessibleName(one_line(words))
        self.update()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        theme = self._theme
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        side = theme.px(16)
        box = QRectF(1.5, (self.height() - side) // 2 + 0.5, side - 1, side - 1)
        on = self.isChecked()
        painter.setPen(QPen(theme.color("accent.base" if on else "border.control"), 1.5))
        painter.setBrush(theme.color("accent.base" if on else "surface.panel"))
        painter.drawRect(box)
        if on:
            painter.setPen(QPen(theme.color("text.on-accent"), 2))
            corners = ((0.2, 0.5), (0.42, 0.74), (0.82, 0.26))
            painter.drawPolyline(
                [QPointF(box.left() + x * box.width(), box.top() + y * box.height()) for x, y in corners]
            )
        painter.setFont(self.font())
        painter.setPen(theme.color("text.primary"))
        words = self.rect().adjusted(side + theme.px(10), 0, 0, 0)
        painter.drawText(words, Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextSingleLine, self._words)
        if self.hasFocus():
            paint_focus(painter, theme, self)


class Segments(QWidget):
    """A row of alternatives as chips; Left and Right or a digit choose. `options` are (id, words).

    It wraps where it is too narrow. Digits are drawn while it has the keyboard: one row hears them at a time.
    """

    chosen = Signal(str)
    entered = Signal()
    """Enter: what is chosen stands."""
    typed = Signal(str)
    """Letters, which mean nothing here: whoever types words goes on where words stand."""
    refused = Signal()
    """Something was typed while nothing can be chosen."""
    went_back = Signal()
    """Backspace: to the row before."""

    def __init__(
        self,
        theme: Theme,
        name: str,
        options: Sequence[tuple[str, str]],
        *,
        symbols: Symbols | None = None,
        priorities: bool = False,
        current: str = "",
    ) -> None:
        super().__init__()
        self._theme, self._symbols, self._priorities = theme, symbols, priorities
        self._name = name
        self._options = list(options)
        self._value = current
        self._live = True
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        policy = QSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self._tell()

    def value(self) -> str:
        """The id of what is chosen, "" for none."""
        return self._value

    def set_value(self, option: str) -> None:
        """Choose; nothing is announced."""
        if option == "" or option in [key for key, _ in self._options]:
            self._value = option
            self._tell()
            self.update()

    def options(self) -> list[str]:
        """The ids of all alternatives."""
        return [key for key, _ in self._options]

    def set_options(self, options: Sequence[tuple[str, str]]) -> None:
        """Other alternatives; nothing is chosen of them yet."""
        self._options, self._value = list(options), ""
        self._tell()
        self.setMinimumHeight(self.heightForWidth(self.width()))
        self.update()

    def set_words(self, option: str, words: str) -> None:
        """Other words for one of the alternatives."""
        self._options = [(key, words if key == option else before) for key, before in self._options]
        self._tell()
        self.setMinimumHeight(self.heightForWidth(self.width()))
        self.update()

    @property
    def is_live(self) -> bool:
        """Whether something can be chosen now."""
        return self._live

    def set_live(self, live: bool) -> None:
        """While it is not, nothing can be chosen, and no digit is drawn."""
        self._live = live
        self.update()

    def _tell(self) -> None:
        words = dict(self._options).get(self._value, "")
        self.setAccessibleName(f"{self._name}: {words}" if words else self._name)

    def _choose(self, number: int) -> None:
        if self._live and 0 <= number < len(self._options):
            self._value = self._options[number][0]
            self._tell()
            self.update()
            self.chosen.emit(self._value)

    def _is_on(self, option: str) -> bool:
        return option == self._value

    def _is_ringed(self, number: int) -> bool:
        """Whether the keyboard is at this one: at what is chosen, else at the first."""
        return self._options[number][0] == self._value or (not self._value and number == 0)

    def _boxes(self, width: int) -> list[QRect]:
        theme = self._theme
        metrics = QFontMetrics(theme.font("dense", 600))
        high, gap = theme.px(30), theme.px(6)
        boxes, left, top = [], 0, 0
        for number, (_, words) in enumerate(self._options):
            wide = metrics.horizontalAdvance(words) + theme.px(20)
            wide += cap_size(theme, str(number + 1)).width() + theme.px(7)
            if self._priorities:
                wide += theme.px(22)
            if left and left + wide > width:
                left, top = 0, top + high + gap
            boxes.append(QRect(left, top + 1, min(wide, width), high - 2))
            left += wide + gap
        return boxes

    @override
    def hasHeightForWidth(self) -> bool:
        return True

    @override
    def heightForWidth(self, width: int) -> int:
        boxes = self._boxes(max(1, width))
        return (boxes[-1].bottom() + 2) if boxes else self._theme.px(30)

    @override
    def sizeHint(self) -> QSize:
        width = self.width() or self._theme.px(400)
        return QSize(width, self.heightForWidth(width))

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.setMinimumHeight(self.heightForWidth(self.width()))  # in another width it wraps otherwise

    def last_box(self) -> QRect:
        """Where the last alternative is drawn."""
        return self._boxes(self.width())[-1]

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        keys = [key for key, _ in self._options]
        now = keys.index(self._value) if self._value in keys else -1
        key, text, bare = event.key(), event.text(), not event.modifiers() & _COMMAND_KEYS
        if event.isAutoRepeat() and (is_enter(event) or text.isdigit()):
            return  # a key that is held chooses once, and decides once
        if not self._live and text.strip() and text.isprintable() and bare:
            self.refused.emit()
            return
        if key in (Qt.Key.Key_Right, Qt.Key.Key_Down):
            self._choose(min(now + 1, len(keys) - 1))
        elif key in (Qt.Key.Key_Left, Qt.Key.Key_Up):
            self._choose(max(now - 1, 0))
        elif text.isdigit() and bare:
            self._choose(int(text) - 1)
        elif is_enter(event) and bare:
            self.entered.emit()
        elif key == Qt.Key.Key_Backspace and bare:
            self.went_back.emit()
        elif text.strip() and text.isprintable() and bare:
            self.typed.emit(text)
        else:
            super().keyPressEvent(event)

    @override
    def event(self, event: QEvent) -> bool:
        if (
            isinstance(event, QKeyEvent)
            and event.type() == QEvent.Type.ShortcutOverride
            and event.text().isdigit()
            and not event.modifiers() & _COMMAND_KEYS  # Alt and a digit are the form's
        ):
            event.accept()
            return True
        return super().event(event)

    @override
    def mousePressEvent(self, event: QMouseEvent) -> None:
        for number, box in enumerate(self._boxes(self.width())):
            if box.contains(event.position().toPoint()):
                self._choose(number)

    @override
    def focusInEvent(self, event: Any) -> None:
        super().focusInEvent(event)
        self.update()

    @override
    def focusOutEvent(self, event: Any) -> None:
        super().focusOutEvent(event)
        self.update()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        theme = self._theme
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for number, ((key, words), box) in enumerate(zip(self._options, self._boxes(self.width()), strict=True)):
            on = self._is_on(key)
            ring = self.hasFocus() and self._is_ringed(number)
            pen = QPen(theme.color("accent.base" if on or ring else "border.control"), 2 if ring else 1)
            painter.setPen(pen)
            painter.setBrush(theme.color("surface.selected" if on else "surface.panel"))
            inset = 1.0 if ring else 0.5
            painter.drawRoundedRect(QRectF(box).adjusted(inset, inset, -inset, -inset), theme.px(4), theme.px(4))
            left = box.left() + theme.px(10)
            if self._priorities and self._symbols is not None and key.isdigit():
                where = QRect(left, box.center().y() - theme.px(7) + 1, theme.px(14), theme.px(14))
                self._symbols.report(painter, where, int(key), 0, on="selected" if on else "panel")
                left += theme.px(22)
            cap = cap_size(theme, str(number + 1)).width() + theme.px(7)
            font = theme.font("dense", 600 if on else 400)
            painter.setFont(font)
            painter.setPen(theme.color("text.primary" if on else "text.secondary"))
            room = box.right() - theme.px(9) - cap - left
            shown = QFontMetrics(font).elidedText(words, Qt.TextElideMode.ElideRight, room + 1)
            painter.drawText(QRect(left, box.top(), room + 2, box.height()), Qt.AlignmentFlag.AlignVCenter, shown)
            if self.hasFocus() and self._live and number < _DIGITS:
                paint_cap(
                    painter, theme, box.right() - theme.px(9) - cap + theme.px(7), box.center().y() + 1, str(number + 1)
                )


class SeveralSegments(Segments):
    """A row of chips of which several may be chosen: a digit, a click or Space turns one, Left and Right move."""

    def __init__(self, theme: Theme, name: str, options: Sequence[tuple[str, str]]) -> None:
        self._several: set[str] = set()
        self._at = 0
        super().__init__(theme, name, options)

    def several(self) -> list[str]:
        """The ids of all that are chosen, in the order of the row."""
        return [key for key, _ in self._options if key in self._several]

    def set_several(self, options: Sequence[str]) -> None:
        """Choose these and no others; nothing is announced."""
        self._several = set(options) & set(self.options())
        self._tell()
        self.update()

    @override
    def _is_on(self, option: str) -> bool:
        return option in self._several

    @override
    def _is_ringed(self, number: int) -> bool:
        return number == self._at

    @override
    def _tell(self) -> None:
        words = ", ".join(words for key, words in self._options if key in self._several)
        self.setAccessibleName(f"{self._name}: {words}" if words else self._name)

    @override
    def _choose(self, number: int) -> None:
        if self._live and 0 <= number < len(self._options):
            self._at = number
            self._several ^= {self._options[number][0]}
            self._tell()
            self.update()
            self.chosen.emit(self._options[number][0])

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = event.key()
        if key in (Qt.Key.Key_Left, Qt.Key.Key_Up, Qt.Key.Key_Right, Qt.Key.Key_Down):
            step = 1 if key in (Qt.Key.Key_Right, Qt.Key.Key_Down) else -1
            self._at = max(0, min(len(self._options) - 1, self._at + step))
            self.update()
        elif key == Qt.Key.Key_Space and not event.modifiers() & _COMMAND_KEYS:
            if not event.isAutoRepeat():
                self._choose(self._at)
        else:
            super().keyPressEvent(event)
