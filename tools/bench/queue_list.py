"""The queue's list as it is drawn, beside Qt's own list with Qt's own delegate."""

from __future__ import annotations

import os
import time
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from console.board.view import View
from tools.bench.board import SCREEN
from tools.bench.world import World

if TYPE_CHECKING:
    from PySide6.QtWidgets import QAbstractItemView, QApplication

_SIZE = (528, 1000)


def repaint(world: World) -> list[float]:
    """The queue's list, scrolled by three rows each time."""
    from widgets.queue.panel import QueuePanel
    from widgets.symbols import Symbols
    from widgets.theme import load_theme

    app = _application()
    resources = files("resources")
    theme = load_theme("dark", (resources / "tokens.json").read_text(encoding="utf-8"), 1.0)
    theme.apply(app)
    symbols = Symbols((resources / "symbols.json").read_text(encoding="utf-8"), theme)
    panel = QueuePanel(theme, symbols, panel_key="Ctrl 1", filter_key="Ctrl F")
    view = world.everything
    texts = {one.row: one for one in world.reader.texts(view.order[: 40 * SCREEN])}
    panel.rows_wanted.connect(
        lambda rows: panel.set_rows([_queue_row(view, texts, row) for row in rows if row in texts])
    )
    panel.resize(*_SIZE)
    panel.set_order(view.order)
    panel.show()
    samples = _scrolled(app, panel.view, 3)
    panel.close()
    return samples


def repaint_plain(world: World) -> list[float]:
    """Qt's own list of the same rows in two lines of text with a symbol, scrolled by as much."""
    from PySide6.QtCore import QAbstractListModel, QModelIndex, QPersistentModelIndex, Qt
    from PySide6.QtGui import QIcon, QPixmap
    from PySide6.QtWidgets import QListView

    app = _application()
    view = world.everything
    texts = [one.description for one in world.reader.texts(view.order[: 40 * SCREEN])]
    pixmap = QPixmap(16, 16)
    pixmap.fill(Qt.GlobalColor.red)
    icon = QIcon(pixmap)

    class Rows(QAbstractListModel):
        @override
        def rowCount(self, parent: QModelIndex | QPersistentModelIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's own
            return len(texts)

        @override
        def data(self, index: QModelIndex | QPersistentModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
            if role == Qt.ItemDataRole.DisplayRole:
                return f"Banjir  {texts[index.row()]}\nNew  Cawang, Kramatjati  5 d 22 h  due 5:46"
            return icon if role == Qt.ItemDataRole.DecorationRole else None

    stock = QListView()
    stock.setUniformItemSizes(True)
    model = Rows()
    stock.setModel(model)
    stock.resize(*_SIZE)
    stock.show()
    samples = _scrolled(app, stock, 100)
    stock.close()
    return samples


def _application() -> QApplication:
    """Qt, without a display where there is none."""
    if not os.environ.get("DISPLAY") and not os.environ.get("WAYLAND_DISPLAY"):
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from PySide6.QtWidgets import QApplication

    app = QApplication.instance() or QApplication([])
    assert isinstance(app, QApplication)
    return app


def _scrolled(app: QApplication, shown: QAbstractItemView, step: int) -> list[float]:
    """Milliseconds of drawing it whole at 40 places, each `step` of its scroll bar further on."""
    app.processEvents()
    samples = []
    for number in range(1, 41):
        shown.verticalScrollBar().setValue(number * step)
        app.processEvents()
        started = time.perf_counter()
        shown.viewport().repaint()
        samples.append((time.perf_counter() - started) * 1000)
    return samples


def _queue_row(view: View, texts: dict[int, Any], row: int) -> Any:
    from widgets.queue.values import QueueRow

    fact = view.row_facts([row])[0]
    return QueueRow(
        key=row,
        priority=fact.priority,
        status=fact.status,
        letter="N",
        letter_token="status.new",
        status_text="New",
        glyph="flood",
        title="Banjir",
        text=texts[row].description,
        place="Cawang, Kramatjati",
        duplicates=row % 3,
        photos=fact.photos,
        holder="You" if row % 5 == 0 else "",
        mine=row % 5 == 0,
        age="5 d 22 h",
        age_level=row % 3,
        due="due 5:46",
        due_level=0,
        hold="",
        pending=False,
    )
