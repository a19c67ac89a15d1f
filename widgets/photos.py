"""A report's photos before and after, side by side at equal size, and the window that shows them in full."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QPointF, QRect, QRectF, QSize, QSizeF, Qt, Signal
from PySide6.QtGui import (
    QFocusEvent,
    QHideEvent,
    QImage,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QSizePolicy, QVBoxLayout, QWidget
from typing_extensions import override

from widgets.keys import cap_size, is_bare_enter, paint_cap
from widgets.symbols import paint_tag
from widgets.text import Texts, one_line, wrap
from widgets.theme import Theme, by_keyboard

_LEAST, _STRIP = 48, 20
_PROBLEM_LINES = 3
_STEP, _MOST_SCALE, _MOVE = 1.5, 12.0, 0.2
_SHARE = 0.3
"""How much of the height that the report is read in may go to its photos: below them stands what is decided on."""


@dataclass(frozen=True, eq=False)
class PhotoCard:
    """One photo: what it is (`Before`), when and where, the picture once it is there, and what is wrong with it.

    `waits` says why there is no picture yet where nothing is wrong, `place` where it was taken.
    """

    id: str
    role_label: str
    caption: str
    image: QImage | None = None
    problem: str = ""
    waits: str = ""
    place: str = ""


def same_cards(one: Sequence[PhotoCard], other: Sequence[PhotoCard]) -> bool:
    """Whether two rows of cards would look the same (pictures are compared by identity)."""
    return len(one) == len(other) and all(
        (a.id, a.role_label, a.caption, a.problem, a.waits, a.place)
        == (b.id, b.role_label, b.caption, b.problem, b.waits, b.place)
        and (a.image is b.image or (a.image is not None and b.image is not None and _key(a.image) == _key(b.image)))
        for a, b in zip(one, other, strict=True)
    )


def _key(image: QImage) -> int:
    return int(image.cacheKey())


class PhotoPair(QWidget):
    """Two photos at equal size: the last of the first role, and the last of the last other role.

    Left and Right go from one to the other, Up and Down through the photos of a role, Enter opens the viewer.
    """

    photo_opened = Signal(str)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme, self._texts = theme, Texts(theme)
        self._cards: tuple[PhotoCard, ...] = ()
        self._groups: list[list[PhotoCard]] = []
        self._shown = [0, 0]
        self._side = 0
        self._ring = False
        self._room, self._left = 0, 0
        self._failed_letter = "!"
        self._scaled: dict[tuple[int, int, int], QImage] = {}
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self._fix_height()

    @property
    def cards(self) -> tuple[PhotoCard, ...]:
        """All photos."""
        return self._cards

    def set_room(self, height: int, left: int) -> None:
        """The height that the report is read in: photos are as large as their width allows, up to a part of it, and up
        to what is `left` beside what has to be in sight with them.
        """
        if (height, left) != (self._room, self._left):
            self._room, self._left = height, left
            self._fix_height()
            self.update()

    def set_cards(self, cards: Sequence[PhotoCard], failed_letter: str = "!") -> None:
        """Show these photos. `failed_letter` stands in the tag before what is wrong with one."""
        self._failed_letter = failed_letter
        if same_cards(cards, self._cards):
            return
        other = [card.id for card in cards] != [card.id for card in self._cards]
        self._cards = tuple(cards)
        roles: dict[str, list[PhotoCard]] = {}
        for card in cards:
            roles.setdefault(card.role_label, []).append(card)
        groups = list(roles.values())
        if len(groups) == 1 and len(groups[0]) > 1:
            groups = [groups[0][:1], groups[0][1:]]
        self._groups = [groups[0], groups[-1]] if len(groups) > 1 else groups
        if len(groups) > 2:
            self._groups[0] = [card for group in groups[:-1] for card in group]
        if other:
            self._shown, self._side = [0, 0], 0
            self._scaled.clear()
        self._shown = [
            min(at, max(0, len(group) - 1)) for at, group in zip(self._shown, [*self._groups, [], []], strict=False)
        ]
        self.setAccessibleName(
            one_line(", ".join(f"{card.role_label} {card.caption} {card.problem or card.waits}" for card in cards))
        )
        self._fix_height()
        self.update()

    def current_id(self) -> str:
        """The photo Enter opens."""
        if not self._groups:
            return ""
        side = min(self._side, len(self._groups) - 1)
        return self._groups[side][self._shown[side]].id

    def boxes(self) -> list[QRect]:
        """Where the photos are drawn, each with a line below; both have the same size, a single one has twice the
        width.
        """
        gap = self._theme.px(8)
        width = self.width() if len(self._groups) == 1 else (self.width() - gap) // 2
        return [QRect(side * (width + gap), 0, width, self._high()) for side in range(len(self._groups))]

    def _high(self) -> int:
        """A photo, which is most often three high where it is four wide, and its line."""
        most = min(round(self._room * _SHARE), self._left - self._theme.px(_STRIP) - 2)
        width = self.width() if len(self._groups) == 1 else (self.width() - self._theme.px(8)) // 2
        return max(self._theme.px(_LEAST), min(width * 3 // 4, most)) + self._theme.px(_STRIP) + 2

    def _problem(self) -> str:
        cards = [group[at] for group, at in zip(self._groups, self._shown, strict=False)]
        return next((card.problem for card in cards if card.problem), "")

    def _fix_height(self) -> None:
        self.setFixedHeight(self._high() + (self._theme.px(21) if self._problem() else 0))

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fix_height()

    @override
    def sizeHint(self) -> QSize:
        return QSize(self._theme.px(200), self.height())

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = event.key()
        if key in (Qt.Key.Key_Left, Qt.Key.Key_Right):
            self._side = 1 if key == Qt.Key.Key_Right and len(self._groups) > 1 else 0
        elif key in (Qt.Key.Key_Up, Qt.Key.Key_Down) and self._groups:
            side = min(self._side, len(self._groups) - 1)
            step = 1 if key == Qt.Key.Key_Down else -1
            self._shown[side] = (self._shown[side] + step) % len(self._groups[side])
            self._fix_height()
        elif is_bare_enter(event) and self._groups:
            if not event.isAutoRepeat():
                self.photo_opened.emit(self.current_id())
        else:
            super().keyPressEvent(event)
            return
        self.update()

    @override
    def mousePressEvent(self, event: QMouseEvent) -> None:
        for side, box in enumerate(self.boxes()):
            if box.contains(event.position().toPoint()):
                self._side = side
                self.update()
                self.photo_opened.emit(self.current_id())

    @override
    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self._ring = by_keyboard(event.reason())
        self.update()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        for side, (box, group) in enumerate(zip(self.boxes(), self._groups, strict=True)):
            at = self._shown[side]
            chosen = self._ring and self.hasFocus() and side == min(self._side, len(self._groups) - 1)
            self._paint_card(painter, box, group[at], self._count(at, group), chosen)
        problem = self._problem()
        if problem:
            theme = self._theme
            top = self.height() - theme.px(16)
            color = theme.color("status.returned")
            left = paint_tag(painter, theme, 0, top, self._failed_letter, color) + theme.px(6)
            self._texts.draw(painter, left, top, problem, "caption", color, room=self.width() - left)

    def _count(self, at: int, group: list[PhotoCard]) -> str:
        return self.tr("{at} of {n}").format(at=at + 1, n=len(group)) if len(group) > 1 else ""

    def _paint_card(self, painter: QPainter, box: QRect, card: PhotoCard, count: str, chosen: bool) -> None:
        theme, texts = self._theme, self._texts
        inner = box.adjusted(1, 1, -1, -1)
        room = inner.adjusted(0, 0, 0, -theme.px(_STRIP))
        painter.fillRect(box, theme.color("surface.input"))
        if card.image is None or card.image.isNull():
            painter.fillRect(room, theme.hatch())
            words = card.waits or (self.tr("Not loaded here") if card.problem else self.tr("Being fetched"))
            self._paint_words(painter, room, words)
        else:
            fitted = self._fitted(card.image, room.size())
            size = QSize(
                round(fitted.width() / fitted.devicePixelRatio()), round(fitted.height() / fitted.devicePixelRatio())
            )
            place = QRect(room.topLeft(), size)
            place.moveCenter(room.center())
            painter.drawImage(place.topLeft(), fitted)
        strip = QRect(inner.left(), inner.bottom() + 1 - theme.px(_STRIP), inner.width(), theme.px(_STRIP))
        painter.fillRect(strip, theme.dark("surface.window"))
        ink = theme.dark("text.primary")
        left, top, right = strip.left() + theme.px(6), strip.top() + theme.px(2), strip.right() + 1 - theme.px(6)
        if count:
            right -= round(texts.draw(painter, right, top, count, "caption", ink, right=True)) + theme.px(6)
        space = max(0, right - left)
        left += round(texts.draw(painter, left, top, card.role_label, "caption", ink, weight=600, room=space))
        left += theme.px(6)
        texts.draw(painter, left, top, card.caption, "caption", ink, room=max(0, right - left))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, on=False)
        painter.setPen(QPen(theme.color("status.returned" if card.problem else "border.divider"), 1))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(box.adjusted(0, 0, -1, -1))
        if chosen:
            painter.setPen(QPen(theme.color("accent.base"), 2))
            painter.drawRect(box.adjusted(1, 1, -1, -1))

    def _paint_words(self, painter: QPainter, room: QRect, words: str) -> None:
        """Why there is no picture, in as many lines as fit, in the middle of the room's height."""
        theme, edge = self._theme, self._theme.px(8)
        high = theme.line("caption")
        width = room.width() - 2 * edge
        lines = wrap(words, theme.font("caption"), width, max(1, room.height() // high))
        top = room.top() + (room.height() - len(lines) * high) // 2
        for number, line in enumerate(lines):
            y = top + number * high
            self._texts.draw(painter, room.left() + edge, y, line, "caption", theme.color("text.secondary"), room=width)

    def _fitted(self, image: QImage, size: QSize) -> QImage:
        """The whole image within a size, scaled once and kept: what would be cut off may be the proof."""
        ratio = self.devicePixelRatioF()
        wanted = QSize(round(size.width() * ratio), round(size.height() * ratio))
        key = (_key(image), wanted.width(), wanted.height())
        fitted = self._scaled.get(key)
        if fitted is None:
            if len(self._scaled) > 12:
                self._scaled.clear()
            fitted = self._scaled[key] = image.scaled(
                wanted, Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
            )
            fitted.setDevicePixelRatio(ratio)
        return fitted


class _Picture(QWidget):
    """The viewer's picture or pictures, fitted into the room, and a line about each."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme, self._texts = theme, Texts(theme)
        self.cards: list[PhotoCard] = []
        self.counts: dict[str, str] = {}
        """Which photo of its kind one is, by its id: `1 of 2`, nothing where there is one."""
        self.scale = 1.0
        self._middle = QPointF(0.5, 0.5)  # of each picture, in parts of it
        self._grabbed: QPointF | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def zoom(self, factor: float, at: QPointF | None = None) -> None:
        """Show all pictures larger or smaller, at one scale and from one place; `at` (in parts of them) stays."""
        before, self.scale = self.scale, min(_MOST_SCALE, max(1.0, self.scale * factor))
        if at is not None:
            self._middle = at + (self._middle - at) * (before / self.scale)
        self.move_by(0, 0)

    def whole(self) -> None:
        """Show the whole of each."""
        self.scale, self._middle = 1.0, QPointF(0.5, 0.5)
        self.update()

    def move_by(self, across: float, down: float) -> None:
        """Move what is in sight, in parts of a picture; not beyond its edges."""
        free = 0.5 / self.scale
        x, y = self._middle.x() + across, self._middle.y() + down
        self._middle = QPointF(min(1 - free, max(free, x)), min(1 - free, max(free, y)))
        self.update()

    def middle(self) -> tuple[float, float]:
        """What stands in the middle of each picture's room, in parts of it."""
        return self._middle.x(), self._middle.y()

    def _fitted(self, number: int) -> QRect:
        """The rectangle in which the whole picture fits."""
        box, image = self._box(number), self.cards[number].image
        size = image.size().scaled(box.size(), Qt.AspectRatioMode.KeepAspectRatio) if image is not None else box.size()
        fitted = QRect(box.topLeft(), size)
        fitted.moveCenter(box.center())
        return fitted

    def _box(self, number: int) -> QRect:
        """The room of a picture, above its line."""
        gap = self._theme.px(8)
        width = self._width()
        return QRect(number * (width + gap), 0, width, self.height() - self._foot())

    def _width(self) -> int:
        count, gap = max(1, len(self.cards)), self._theme.px(8)
        return (self.width() - gap * (count - 1)) // count

    def _problems(self) -> list[list[str]]:
        room = self._width() - 2 * self._theme.px(12)
        return [wrap(card.problem, self._theme.font("dense"), room, _PROBLEM_LINES) for card in self.cards]

    def _foot(self) -> int:
        lines = max(map(len, self._problems()), default=0)
        return self._theme.px(28) + self._theme.line("dense") * lines

    def _part_at(self, point: QPointF) -> QPointF | None:
        """The place in a picture that is under a point."""
        for number in range(len(self.cards)):
            if self._box(number).contains(point.toPoint()):
                fitted = QRectF(self._fitted(number))
                off = (point - fitted.center()) / self.scale
                return self._middle + QPointF(off.x() / fitted.width(), off.y() / fitted.height())
        return None

    @override
    def wheelEvent(self, event: QWheelEvent) -> None:
        if step := event.angleDelta().y():
            self.zoom(_STEP if step > 0 else 1 / _STEP, self._part_at(event.position()))

    @override
    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._grabbed = event.position() if event.button() == Qt.MouseButton.LeftButton else None

    @override
    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._grabbed is not None and self.cards:
            moved, self._grabbed = event.position() - self._grabbed, event.position()
            size = self._fitted(0).size() * self.scale
            self.move_by(-moved.x() / max(1, size.width()), -moved.y() / max(1, size.height()))

    @override
    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._grabbed = None

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        theme = self._theme
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.fillRect(self.rect(), theme.dark("surface.window"))
        edge, line, problems = theme.px(12), theme.line("dense"), self._problems()
        for number, card in enumerate(self.cards):
            box = self._box(number)
            if card.image is None or card.image.isNull():
                painter.fillRect(box, theme.hatch())
                words, left = card.waits or self.tr("Not loaded here."), box.left() + theme.px(16)
                room = box.right() - left
                ink = theme.dark("text.primary")
                self._texts.draw(painter, left, box.center().y(), words, "body", ink, room=room)
            else:
                fitted = self._fitted(number)
                painter.save()
                painter.setClipRect(fitted)
                whole = QRectF(QPointF(0, 0), QSizeF(fitted.size()) * self.scale)
                x, y = self._middle.x() * whole.width(), self._middle.y() * whole.height()
                whole.moveTopLeft(QRectF(fitted).center() - QPointF(x, y))
                painter.drawImage(whole, card.image)
                painter.restore()
                if card.problem:
                    painter.setPen(QPen(theme.dark("status.returned"), 2))
                    painter.drawRect(fitted.adjusted(1, 1, -1, -1))
            left, top = box.left() + edge, box.bottom() + theme.px(7)
            name = " ".join(part for part in (card.role_label, self.counts.get(card.id, "")) if part)
            taken = self._texts.draw(painter, left, top, name, "dense", theme.dark("text.primary"), weight=600)
            left += round(taken) + theme.px(8)
            room = max(0, box.right() - left)
            self._texts.draw(painter, left, top, card.caption, "dense", theme.dark("text.secondary"), room=room)
            for words in problems[number]:
                top += line
                self._texts.draw(painter, box.left() + edge, top, words, "dense", theme.dark("status.returned"))


_MOVES: dict[int, tuple[int, int]] = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, -1),
    Qt.Key.Key_Down: (0, 1),
}


class PhotoViewer(QWidget):
    """A window of its own beside the console. Left and Right walk, F compares two, + and - zoom both at one scale and
    from one place, 0 shows the whole, arrows with Shift move what is in sight, Esc closes.
    """

    closed = Signal()
    unused_key = Signal(str)
    """A key that means nothing here, as its shortcut is written."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent, Qt.WindowType.Window)
        self._theme = theme
        self._cards: list[PhotoCard] = []
        self._at = 0
        self._compare = False
        self._picture = _Picture(theme)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, theme.px(28))
        column.addWidget(self._picture)
        self.resize(theme.px(960), theme.px(720))
        self.setWindowTitle(self.tr("Photos"))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def show_cards(self, cards: Sequence[PhotoCard], current: str, *, compare: bool = False) -> None:
        """Open the window at a photo, or with it and its counterpart."""
        self._cards = list(cards)
        ids = [card.id for card in cards]
        self._at = ids.index(current) if current in ids else 0
        self._compare = compare
        self._show()
        self.show()
        self.raise_()
        self.activateWindow()
        self.setFocus()

    def update_cards(self, cards: Sequence[PhotoCard]) -> None:
        """Take better pictures of the photos that are shown (a larger one has arrived)."""
        if self.isVisible() and [card.id for card in cards] == [card.id for card in self._cards]:
            self._cards = list(cards)
            self._show()

    def keep_off(self, above: QRect, title: int) -> None:
        """Begin below this part of the screen, so that it stays visible; `title` is the height of the desktop's title
        bar.
        """
        over = self.frameGeometry()
        if not self.isVisible() or not over.intersects(above):
            return
        place = self.geometry()
        top = above.bottom() + 1 + max(place.top() - over.top(), title)
        bottom = max(place.bottom(), top + self.minimumSizeHint().height())
        self.setGeometry(place.left(), top, place.width(), bottom - top + 1)

    def shown_ids(self) -> list[str]:
        """The photos in sight."""
        return [card.id for card in self._picture.cards]

    @override
    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self.closed.emit()

    def _show(self) -> None:
        if [card.id for card in self._picture.cards] != [card.id for card in self._in_sight()]:
            self._picture.whole()
        cards = self._in_sight()
        self._picture.cards, self._picture.counts = cards, self._counts()
        self._picture.setAccessibleName(one_line(", ".join(self._told(card) for card in cards)))
        self._picture.update()
        self.update()

    def _in_sight(self) -> list[PhotoCard]:
        """The photo, or with it one of another kind, in their order."""
        cards = self._cards[self._at : self._at + 1]
        if self._compare and cards:
            other = next((card for card in self._cards if card.role_label != cards[0].role_label), None)
            if other is not None:
                cards = sorted([cards[0], other], key=self._cards.index)
        return cards

    def _counts(self) -> dict[str, str]:
        """Which photo of its kind each one is."""
        kinds: dict[str, list[str]] = {}
        for card in self._cards:
            kinds.setdefault(card.role_label, []).append(card.id)
        several = [ids for ids in kinds.values() if len(ids) > 1]
        words = self.tr("{at} of {n}")
        return {one: words.format(at=at, n=len(ids)) for ids in several for at, one in enumerate(ids, 1)}

    def _told(self, card: PhotoCard) -> str:
        count = self._picture.counts.get(card.id, "")
        return " ".join(part for part in (card.role_label, count, card.caption, card.problem or card.waits) if part)

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = event.key()
        if event.modifiers() & Qt.KeyboardModifier.ShiftModifier and key in _MOVES:
            across, down = _MOVES[key]
            scale = self._picture.scale
            self._picture.move_by(across * _MOVE / scale, down * _MOVE / scale)
        elif key == Qt.Key.Key_Escape:
            self.close()
        elif key in (Qt.Key.Key_Left, Qt.Key.Key_Right) and self._cards:
            self._at = (self._at + (1 if key == Qt.Key.Key_Right else -1)) % len(self._cards)
            self._show()
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal, Qt.Key.Key_Minus):
            self._picture.zoom(1 / _STEP if key == Qt.Key.Key_Minus else _STEP)
        elif key == Qt.Key.Key_0:
            self._picture.whole()
        elif key == Qt.Key.Key_F:
            self._compare = not self._compare
            self._show()
        else:
            super().keyPressEvent(event)
            self.unused_key.emit(QKeySequence(event.keyCombination()).toString())

    def hears(self, widget: QWidget, cap: str) -> bool:
        """Whether a key shown in it works now: none while it lies beside and another window has the keyboard."""
        return self.isActiveWindow()

    @override
    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.ActivationChange:
            self.update()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        theme = self._theme
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.color("surface.raised"))
        left, middle = theme.px(12), self.height() - theme.px(14)
        texts = Texts(theme)
        for cap, words in (
            ("←", ""),
            ("→", self.tr("next")),
            ("F", self.tr("compare")),
            ("+", ""),
            ("-", self.tr("both larger, smaller")),
            ("0", self.tr("whole")),
            ("Esc", self.tr("close")),
        ):
            paint_cap(painter, theme, left, middle, cap)
            left += cap_size(theme, cap).width() + theme.px(4)
            color = theme.color("text.secondary")
            taken = texts.draw(painter, left, middle - theme.px(8), words, "caption", color)
            left += round(taken) + (theme.px(14) if words else 0)
