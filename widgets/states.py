"""What a panel shows when it has nothing to show: what is so, why and as of when, and the keys that help."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSize
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget
from typing_extensions import override

from widgets.keys import cap_size, is_heard, key_text, paint_cap
from widgets.text import Texts, one_line, wrap
from widgets.theme import Theme

_WIDEST_WORDS = 400
_MOST_LINES = 6


class EmptyState(QWidget):
    """A left-aligned text in the middle of an empty panel."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme, self._texts = theme, Texts(theme)
        self._title, self._why = "", ""
        self._keys: tuple[tuple[str, str], ...] = ()
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Ignored)

    def set_words(self, title: str, why: str, keys: Sequence[tuple[str, str]] = ()) -> None:
        """Say what is so, why, and which keys help: pairs of a key (`Ctrl+N`, or `J K` for two) and its effect."""
        words = (title, why, tuple(keys))
        if words == (self._title, self._why, self._keys):
            return
        self._title, self._why, self._keys = words
        self.setAccessibleName(title)
        self.setAccessibleDescription(" ".join([why, *(f"{key}: {effect}" for key, effect in keys)]))
        self.update()

    def words(self) -> tuple[str, str]:
        """The title and the reason."""
        return self._title, self._why

    @override
    def sizeHint(self) -> QSize:
        return QSize(self._theme.px(360), self._theme.px(160))

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        theme, texts = self._theme, self._texts
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.color("surface.panel"))
        left = min(theme.px(40), self.width() // 12)
        room = min(self.width() - 2 * left, theme.px(_WIDEST_WORDS))
        lines = wrap(one_line(self._why), theme.font("dense"), room, _MOST_LINES) if self._why else []
        gap, line = theme.px(6), theme.line("dense")
        height = theme.line("title") + gap + len(lines) * line + (theme.px(14) + theme.px(16) if self._keys else 0)
        top = max(theme.px(8), (self.height() - height) // 2)
        primary, secondary = theme.color("text.primary"), theme.color("text.secondary")
        texts.draw(painter, left, top, self._title, "title", primary, weight=600, room=self.width() - 2 * left)
        top += theme.line("title") + gap
        for words in lines:
            texts.draw(painter, left, top, words, "dense", secondary)
            top += line
        self._paint_keys(painter, left, top + theme.px(14))

    def _paint_keys(self, painter: QPainter, left: int, top: int) -> None:
        theme = self._theme
        start, middle = left, top + theme.px(8)
        for keys, effect in self._keys:
            caps = _caps(keys)
            wide = sum(cap_size(theme, cap).width() + theme.px(4) for cap in caps)
            wide += round(self._texts.width(effect, "caption"))
            if left > start and left + wide > self.width() - theme.px(8):
                left, middle = start, middle + theme.px(22)
            if not any(is_heard(self, cap) for cap in caps):
                left += wide + theme.px(14)  # words alone would say nothing; their place stays
                continue
            for cap in caps:
                left += paint_cap(painter, theme, left, middle, cap) + theme.px(4)
            color = theme.color("text.secondary")
            left += round(self._texts.draw(painter, left, middle - theme.px(8), effect, "caption", color)) + theme.px(
                14
            )


def _caps(keys: str) -> list[str]:
    """`J K` are two caps, `Ctrl+N` is one, and so is a phrase."""
    parts = keys.split()
    if len(parts) > 1 and all(len(part) == 1 for part in parts):
        return parts
    return [keys if " " in keys else key_text(keys)]
