"""A menu at a place: what can be done to the thing that was clicked with the right button, each with its key."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPoint
from PySide6.QtGui import QContextMenuEvent, QKeySequence
from PySide6.QtWidgets import QAbstractItemView, QMenu, QWidget

from widgets.text import one_line


@dataclass(frozen=True)
class MenuRow:
    """One entry; `keys` as Qt spells them. An empty id draws a line."""

    id: str
    text: str = ""
    keys: str = ""


def row_menu_place(view: QAbstractItemView, event: QContextMenuEvent) -> QPoint | None:
    """Make the row that a menu is asked for the current one, by mouse or by key; where to open it, None on no row."""
    index, at = view.indexAt(event.pos()), event.globalPos()
    if event.reason() == QContextMenuEvent.Reason.Keyboard:
        index = view.currentIndex()
        at = view.viewport().mapToGlobal(view.visualRect(index).center())
    if not index.isValid():
        return None
    view.setCurrentIndex(index)
    return at


def open_menu(parent: QWidget, rows: Sequence[MenuRow], at: QPoint, chosen: Callable[[str], object]) -> QMenu:
    """Open a menu at a place of the screen; it goes when something is chosen, or by Esc."""
    menu = QMenu(parent)
    for row in rows:
        if not row.id:
            menu.addSeparator()
            continue
        words = one_line(row.text).replace("&", "&&")
        keys = QKeySequence(row.keys).toString(QKeySequence.SequenceFormat.NativeText)
        # Only shown: a shortcut of the entry's own would answer to the key as well as the window's does.
        entry = menu.addAction(f"{words}\t{keys}" if keys else words)
        entry.triggered.connect(lambda _=False, row_id=row.id: chosen(row_id))
    menu.aboutToHide.connect(menu.deleteLater)
    menu.popup(at)
    return menu
