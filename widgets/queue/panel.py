"""Put tabs, filter chips, list and footer of the queue together: values in, intents out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from PySide6.QtCore import QPoint, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget
from typing_extensions import override

from widgets.chips import Chip, ChipsRow
from widgets.queue.footer import Footer
from widgets.queue.model import Keys
from widgets.queue.values import QueueRow, Tab
from widgets.queue.view import QueueView
from widgets.states import EmptyState
from widgets.symbols import Symbols
from widgets.tabs import TabLabel, TabStrip
from widgets.text import Texts
from widgets.theme import Theme

_TAB_PADDING = 7
_BEYOND = 8


class QueuePanel(QWidget):
    """Tabs, chips, list and footer. Values in, intents out."""

    rows_wanted = Signal(list)
    """The keys in sight and a few beyond; sent once per turn of the event loop, and only when they changed."""
    current_changed = Signal(int)
    """The operator went to another row."""
    opened = Signal(int)
    menu_asked = Signal(QPoint)
    """The right button on the row that is the current one now."""
    tab_chosen = Signal(str)
    chip_removed = Signal(str)
    chip_menu_asked = Signal(str, QPoint)
    newest_chip_left = Signal()
    """Esc in the list: the newest condition is to go."""
    filter_asked = Signal()
    order_chosen = Signal(str)
    urgent_asked = Signal()
    """One of the urgent rows that stand above is to be shown."""

    def __init__(self, theme: Theme, symbols: Symbols, *, panel_key: str, filter_key: str) -> None:
        super().__init__()
        self._theme = theme
        self._tabs: tuple[Tab, ...] = ()
        self._tab = ""
        self._wanted: frozenset[int] = frozenset()
        self._left, self._above = "", -1
        self._filled = False
        self._strip = TabStrip(theme, padding=_TAB_PADDING)
        self._strip.set_note("", keys=(panel_key,))
        self._strip.chosen.connect(self.tab_chosen)
        self._chips = ChipsRow(theme, filter_key=filter_key)
        self._chips.chip_removed.connect(self.chip_removed)
        self._chips.menu_asked.connect(self.chip_menu_asked)
        self._chips.filter_asked.connect(self.filter_asked)
        self._chips.order_chosen.connect(self.order_chosen)
        self._view = QueueView(theme, symbols)
        self._view.setAccessibleName(self.tr("Queue"))
        self._view.current_key_changed.connect(self.current_changed)
        self._view.opened.connect(self.opened)
        self._view.left.connect(self.newest_chip_left)
        self._view.menu_asked.connect(self.menu_asked)
        self._view.sight_changed.connect(self._on_sight)
        self._empty = EmptyState(theme)
        self._middle = QStackedWidget()
        self._middle.addWidget(self._view)
        self._middle.addWidget(self._empty)
        self._footer = Footer(theme, Texts(theme))
        self._urgent: Keys = np.zeros(0, np.int64)
        self._footer.clicked.connect(self._on_footer)
        self._soon = QTimer(self, singleShot=True, interval=0)
        self._soon.timeout.connect(self._ask_for_rows)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        for widget in (self._strip, self._chips, self._middle, self._footer):
            column.addWidget(widget)
        self.setFocusProxy(self._view)

    @property
    def view(self) -> QueueView:
        """The list."""
        return self._view

    def set_order(self, keys: Keys, *, growing: bool = False) -> None:
        """Show these reports in this order. The array must not change afterwards.

        Of a list that is `growing` the top stays in sight until somebody goes elsewhere in it.
        """
        first = not self._filled
        self._filled = True
        self._view.set_order(np.ascontiguousarray(keys, np.int64) if keys.dtype != np.int64 else keys, growing=growing)
        if first:
            self._view.start_over()
        self._middle.setCurrentIndex(0 if len(keys) else 1)
        self._show_footer()

    def set_urgent(self, places: Keys, name: str, cap: str) -> None:
        """Which rows, by their places in the order, must not be overlooked while they stand above the sight; what they
        are called, and the cap of the key that goes to one.
        """
        self._urgent = places
        self._footer.set_urgent_words(name, cap)
        self._show_footer()

    def set_rows(self, rows: Sequence[QueueRow]) -> None:
        """Give texts of rows; those that changed are drawn anew."""
        changed = self._view.rows.put(rows, self._wanted)
        if changed:
            self._view.update_keys(changed)

    def set_tabs(self, tabs: Sequence[Tab], current: str) -> None:
        """Show these tabs. Another current tab is another list: it starts at its top."""
        other = bool(self._tab) and current != self._tab
        changed = (tuple(tabs), current) != (self._tabs, self._tab)
        self._tabs, self._tab = tuple(tabs), current
        if changed:
            self._strip.set_tabs(
                [TabLabel(tab.key, tab.label, _count(tab), folds_last=tab.folds_last) for tab in tabs], current
            )
        if other:
            self._view.start_over()
            self._show_footer()

    def row_count(self) -> int:
        """How many rows the list has."""
        return self._view.rows.rowCount()

    def tab_counts(self) -> dict[str, int | None]:
        """The number beside each tab; None for one that shows none."""
        return {tab.key: tab.count if tab.known else None for tab in self._tabs}

    def set_chips(self, chips: Sequence[Chip]) -> None:
        """Show the conditions of the filter."""
        self._chips.set_chips(chips)

    def set_orders(self, orders: Sequence[tuple[str, str]], current: str) -> None:
        """Offer these orders (key, words)."""
        self._chips.set_orders(orders, current)

    def set_current(self, key: int) -> None:
        """Make a row the current one and bring it into sight; 0 for none. Nothing is announced."""
        self._view.set_current(key)

    def show_current(self) -> None:
        """The list holds other rows than before, by another filter: the current one is in sight, else the top."""
        self._view.show_current()
        self._show_footer()

    def expect(self, key: int) -> None:
        """A row is about to come back to where it stood: made the current one, it is shown once it is there."""
        self._view.expect(key)

    def current_key(self) -> int:
        """The current row's key, also when the list does not hold it now; 0 for none."""
        return self._view.current_key()

    def selected_keys(self) -> list[int]:
        """The marked rows in the order they were shown in, or the current one."""
        marked = self._view.marked
        if not marked:
            return [self._view.current_key()] if self._view.current_key() else []
        keys = self._view.rows.keys
        return [int(key) for key in keys[np.isin(keys, np.fromiter(marked, np.int64))]]

    @override
    def move(self, *where: Any) -> None:
        """Go some rows down or, with a negative step, up; a position or two numbers move the widget itself."""
        if len(where) == 1 and isinstance(where[0], int):
            self._view.move_by(where[0])
        else:
            super().move(*where)

    def go_home(self) -> None:
        """Go to the top of the list."""
        self._view.verticalScrollBar().setValue(0)
        self._view.note_newest()
        self._show_footer()

    def set_footer(self, left: str, new_above: int = -1) -> None:
        """Say what the list holds. The number of new rows above is counted here unless it is given."""
        self._left, self._above = left, new_above
        self._show_footer()

    def footer_text(self) -> str:
        """What the footer says, for tests."""
        return f"{self._footer.left} {self._footer.above_text()}".strip()

    def set_empty(self, title: str, why: str, keys: Sequence[tuple[str, str]] = ()) -> None:
        """What to say when the list is empty."""
        self._empty.set_words(title, why, keys)

    def set_density(self, row: str) -> None:
        """The rows' height by its name in the tokens: `queue`, `queue-compact` (first lines only), `queue-field`."""
        self._view.set_row_height(self._theme.px(self._theme.tokens["row_px"][row]))

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Esc removes the newest condition of the filter, also when no row fits it."""
        if event.key() == Qt.Key.Key_Escape and not event.modifiers() and not event.isAutoRepeat():
            self.newest_chip_left.emit()
        else:
            super().keyPressEvent(event)

    def _on_sight(self) -> None:
        self._soon.start()

    def _ask_for_rows(self) -> None:
        sight = self._view.rows_in_sight(beyond=_BEYOND)
        wanted = [int(key) for key in self._view.rows.keys[sight.start : sight.stop]]
        self._show_footer()
        if frozenset(wanted) != self._wanted:
            self._wanted = frozenset(wanted)
            self.rows_wanted.emit(wanted)

    def _show_footer(self) -> None:
        new = self._above if self._above >= 0 else self._view.new_above()
        urgent = int(np.searchsorted(self._urgent, self._view.above()))
        self._footer.set_words(self._left, self._view.above(), new, urgent)

    def _on_footer(self) -> None:
        if self._footer.urgent:
            self.urgent_asked.emit()
        else:
            self.go_home()


def _count(tab: Tab) -> str:
    if tab.count is None:
        return ""
    return f"{tab.count:,}" if tab.known else "–"
