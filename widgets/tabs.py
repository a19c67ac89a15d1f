"""A strip of tabs painted by us: count in the label, a 2 px underline, a note and key caps at the right end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from PySide6.QtCore import QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QAbstractButton, QHBoxLayout, QMenu, QSizePolicy, QTabBar, QWidget
from typing_extensions import override

from widgets.keys import cap_size, paint_cap
from widgets.theme import Theme

LEVEL_TOKENS = {"": "text.tertiary", "warn": "priority.p2", "p1": "priority.p1", "info": "accent.base"}
"""The colour of a note by how loud it is."""


@dataclass(frozen=True)
class TabLabel:
    """What one tab shows. `apart` draws a line before it; a count of "" is not shown.

    Where there is no room for all, those with `folds_last` are folded after all others.
    """

    key: str
    text: str
    count: str = ""
    apart: bool = False
    folds_last: bool = False


class _Bar(QTabBar):
    """The tabs themselves; QTabBar gives the keyboard and the accessible tree, the painting is ours."""

    def __init__(self, theme: Theme, padding: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme, self._padding = theme, padding
        self.labels: list[TabLabel] = []
        self.folded = False
        self.setDrawBase(False)
        self.setExpanding(False)
        self.setUsesScrollButtons(False)
        self.setElideMode(Qt.TextElideMode.ElideNone)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Expanding)

    @override
    def tabSizeHint(self, index: int) -> QSize:
        label, theme = self.labels[index], self._theme
        chosen = index == self.currentIndex() and not self.folded
        width = QFontMetrics(theme.font("dense", 600 if chosen else 400)).horizontalAdvance(label.text)
        if label.count:
            counted = QFontMetrics(theme.font("dense", 600 if chosen else 500))
            width += self.gap() + counted.horizontalAdvance(label.count)
        return QSize(width + 2 * self._theme.px(self._padding), self.height() or self._theme.px(31))

    def gap(self) -> int:
        """Between words and count; narrower in a tight strip."""
        return self._theme.px(6 if self._padding >= 10 else 5)

    def measure(self) -> None:
        """Lay the tabs out again: the chosen one is set in a wider face."""
        if self.count():
            self.setTabText(0, self.tabText(0))

    @override
    def minimumTabSizeHint(self, index: int) -> QSize:
        return self.tabSizeHint(index)

    @override
    def minimumSizeHint(self) -> QSize:
        return QSize(0, 0)

    @override
    def sizeHint(self) -> QSize:
        shown = [index for index in range(self.count()) if self.isTabVisible(index)]
        return QSize(sum(self.tabSizeHint(index).width() for index in shown), self._theme.px(31))

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        theme = self._theme
        painter = QPainter(self)
        middle = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
        for index, label in enumerate(self.labels):
            if not self.isTabVisible(index):
                continue
            box = self.tabRect(index)
            chosen = index == self.currentIndex() and not self.folded
            if chosen:
                painter.fillRect(box, theme.color("surface.panel"))
                painter.fillRect(
                    QRect(box.left(), box.bottom() - theme.px(2) + 1, box.width(), theme.px(2)),
                    theme.color("accent.base"),
                )
            if label.apart:
                painter.fillRect(QRect(box.left(), box.top(), 1, box.height()), theme.color("border.divider"))
            font = theme.font("dense", 600 if chosen else 400)
            painter.setFont(font)
            painter.setPen(theme.color("text.primary" if chosen else "text.secondary"))
            at = box.adjusted(theme.px(self._padding), 0, 0, 0)
            painter.drawText(at, middle, label.text)
            if label.count:
                at = at.adjusted(QFontMetrics(font).horizontalAdvance(label.text) + self.gap(), 0, 0, 0)
                painter.setFont(theme.font("dense", 600 if chosen else 500))
                painter.setPen(theme.color("text.primary" if chosen else "text.tertiary"))
                painter.drawText(at, middle, label.count)
            if self.hasFocus() and index == self.currentIndex():
                painter.setPen(theme.color("accent.base"))
                painter.drawRect(box.adjusted(1, 1, -2, -3))


class _More(QAbstractButton):
    """Stands for the tabs that do not fit."""

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = theme
        self.words = f"{self.tr('More')} ▾"
        self.setAccessibleName(self.tr("More tabs"))
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.hide()

    @override
    def sizeHint(self) -> QSize:
        wide = QFontMetrics(self._theme.font("dense")).horizontalAdvance(self.words)
        return QSize(wide + 2 * self._theme.px(8), self._theme.px(31))

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setFont(self._theme.font("dense"))
        painter.setPen(self._theme.color("text.primary" if self.underMouse() else "text.secondary"))
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, self.words)


class TabStrip(QWidget):
    """The strip over (or, folded, under) a panel. Tabs that do not fit are behind "More", the last ones first."""

    chosen = Signal(str)
    """The key of a tab the operator clicked or moved to, also when it was the chosen one already."""

    def __init__(self, theme: Theme, *, height: int = 32, padding: int = 10, edge: str = "bottom") -> None:
        super().__init__()
        self._theme, self._edge, self._lead, self._padding = theme, edge, "", padding
        self._note, self._note_level = "", ""
        self._keys: tuple[str, ...] = ()
        self._bar = _Bar(theme, padding, self)
        self._bar.tabBarClicked.connect(self._on_clicked)
        self._bar.currentChanged.connect(self._on_moved)
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0 if edge == "bottom" else 1, 0, 1 if edge == "bottom" else 0)
        self._row.setSpacing(0)
        self._more = _More(theme, self)
        self._more.clicked.connect(self._on_more)
        self._row.addWidget(self._bar)
        self._row.addWidget(self._more)
        self._row.addStretch(1)
        self.setFixedHeight(theme.px(height))
        self.setFocusProxy(self._bar)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def set_tabs(self, labels: Sequence[TabLabel], current: str = "") -> None:
        """Show these tabs; nothing is announced."""
        current = current or self.current()
        self._bar.blockSignals(True)
        while self._bar.count() > len(labels):
            self._bar.removeTab(self._bar.count() - 1)
        self._bar.labels = list(labels)
        for index, label in enumerate(labels):
            words = f"{label.text} {label.count}".strip()
            if index >= self._bar.count():
                self._bar.addTab(words)
            elif self._bar.tabText(index) != words:
                self._bar.setTabText(index, words)
        keys = [label.key for label in labels]
        if current in keys:
            self._bar.setCurrentIndex(keys.index(current))
        self._bar.blockSignals(False)
        self._fit()
        self._bar.updateGeometry()
        self._bar.update()

    def set_label(self, key: str, text: str, count: str = "") -> None:
        """Change the words of one tab."""
        labels = [replace(one, text=text, count=count) if one.key == key else one for one in self._bar.labels]
        if labels != self._bar.labels:  # or the tabs would be laid out anew with each View
            self.set_tabs(labels)

    def keys(self) -> list[str]:
        """The keys of the tabs, left to right."""
        return [label.key for label in self._bar.labels]

    def has(self, key: str) -> bool:
        """Whether there is such a tab."""
        return key in self.keys()

    def current(self) -> str:
        """The key of the chosen tab, "" without tabs."""
        index = self._bar.currentIndex()
        return self._bar.labels[index].key if 0 <= index < len(self._bar.labels) else ""

    def set_current(self, key: str) -> None:
        """Choose a tab; nothing is announced."""
        self.set_tabs(self._bar.labels, key)

    def set_note(self, text: str, level: str = "", keys: Sequence[str] = ()) -> None:
        """Show a note (`all reports · 5 s ago`) and key caps at the right end."""
        self._note, self._note_level, self._keys = text, level, tuple(keys)
        self._fit()
        self.update()

    @property
    def note(self) -> str:
        """The note at the right end."""
        return self._note

    def set_folded(self, folded: bool, lead: str = "") -> None:
        """A folded strip shows no tab as chosen; `lead` is the sign before the first tab."""
        self._lead = lead
        self._bar.folded = folded
        self._bar.measure()
        indent = 0
        if lead:
            indent = QFontMetrics(self._theme.font("dense")).horizontalAdvance(lead) + 2 * self._theme.px(10)
        margins = self._row.contentsMargins()
        self._row.setContentsMargins(indent, margins.top(), 0, margins.bottom())
        self._bar.update()
        self.update()

    def hidden_tabs(self) -> list[str]:
        """The keys of the tabs that did not fit."""
        return [label.key for index, label in enumerate(self._bar.labels) if not self._bar.isTabVisible(index)]

    def _fit(self) -> None:
        """Show as many tabs as there is room for, the chosen one in any case."""
        count = len(self._bar.labels)
        if not count or self.width() <= 0:
            return
        theme = self._theme
        caps = sum(cap_size(theme, cap).width() for cap in self._keys) + theme.px(6) * max(0, len(self._keys) - 1)
        room = self.width() - self._row.contentsMargins().left() - caps - theme.px(12)
        wide = [self._bar.tabSizeHint(index).width() for index in range(count)]
        shown = set(range(count))
        if sum(wide) > room:
            room -= self._more.sizeHint().width()
            chosen = self._bar.currentIndex()
            labels = self._bar.labels
            for index in sorted(range(count), key=lambda index: (labels[index].folds_last, -index)):
                if sum(wide[one] for one in shown) <= room:
                    break
                if index != chosen:
                    shown.discard(index)
        self._bar.blockSignals(True)
        self._bar.measure()
        for index in range(count):
            if self._bar.isTabVisible(index) != (index in shown):
                self._bar.setTabVisible(index, index in shown)
        self._bar.blockSignals(False)
        self._more.setVisible(len(shown) < count)
        self._bar.updateGeometry()

    def _on_more(self) -> None:
        menu = QMenu(self)
        menu.setFont(self._theme.font("dense"))
        for key in self.hidden_tabs():
            label = next(one for one in self._bar.labels if one.key == key)
            action = menu.addAction(f"{label.text} {label.count}".strip().replace("&", "&&"))
            action.triggered.connect(lambda _=False, key=key: self._on_more_chosen(key))
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(self._more.mapToGlobal(QPoint(0, self._more.height())))

    def _on_more_chosen(self, key: str) -> None:
        self.set_current(key)
        self.chosen.emit(key)

    def _on_clicked(self, index: int) -> None:
        if 0 <= index < len(self._bar.labels) and index == self._bar.currentIndex():
            self.chosen.emit(self._bar.labels[index].key)

    def _on_moved(self, index: int) -> None:
        if 0 <= index < len(self._bar.labels):
            self._fit()
            self.chosen.emit(self._bar.labels[index].key)

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        theme = self._theme
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.color("surface.raised"))
        line = self.height() - 1 if self._edge == "bottom" else 0
        painter.fillRect(QRect(0, line, self.width(), 1), theme.color("border.divider"))
        if self._lead:
            painter.setFont(theme.font("dense"))
            painter.setPen(theme.color("text.secondary"))
            painter.drawText(
                QRect(theme.px(10), 0, theme.px(40), self.height()), Qt.AlignmentFlag.AlignVCenter, self._lead
            )
        right = self.width() - theme.px(12)
        for cap in reversed(self._keys):
            right -= cap_size(theme, cap).width()
            paint_cap(painter, theme, right, self.height() // 2, cap)
            right -= theme.px(6)
        tabs_end = (self._more if self._more.isVisible() else self._bar).geometry().right()
        room = right - theme.px(2) - tabs_end - theme.px(8)
        if self._note and room > theme.px(40):
            font = theme.font("caption")
            painter.setFont(font)
            painter.setPen(theme.color(LEVEL_TOKENS[self._note_level]))
            words = QFontMetrics(font).elidedText(self._note, Qt.TextElideMode.ElideRight, room)
            box = QRect(right - theme.px(2) - room, 0, room, self.height())
            painter.drawText(box, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, words)
