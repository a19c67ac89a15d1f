"""Choose one out of many by typing a part of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QModelIndex, Qt, Signal
from PySide6.QtGui import (
    QKeyEvent,
)
from PySide6.QtWidgets import (
    QFrame,
    QListView,
    QWidget,
)
from typing_extensions import override

from widgets.forms.choice import ChoiceDelegate, ChoiceModel, ListChoice, matching
from widgets.forms.form import Form
from widgets.keys import is_bare_enter
from widgets.symbols import Symbols
from widgets.text import one_line
from widgets.theme import Theme


class ChooseOne(Form):
    """One out of many by typing a part of it: a category, a place to transfer to, a unit. Enter chooses.

    `current` is the id of the row to begin on: what is so already, lest a stray Enter change it.
    `committed` carries {"id": …}; `chosen` the same as a string.
    """

    chosen = Signal(str)

    def __init__(
        self,
        theme: Theme,
        title: str,
        rows: Sequence[ListChoice],
        *,
        about: str = "",
        current: str = "",
        symbols: Symbols | None = None,
        width: int = 480,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(theme, title, commit_text="", commit_keys="↵", width=width, about=about, parent=parent)
        self.commit_button.set_verb(self.tr("Choose"))
        self._rows, self._first = list(rows), next((n for n, row in enumerate(rows) if row.id == current), 0)
        self.field = self.line_field(title, self.tr("Type a part of it"))
        self.field.textChanged.connect(self._on_typed)
        self.field.installEventFilter(self)
        self._model = ChoiceModel(self)
        self.view = QListView()
        self.view.setModel(self._model)
        self.view.setItemDelegate(ChoiceDelegate(theme, symbols, self.view))
        self.view.setUniformItemSizes(True)
        self.view.setFrameShape(QFrame.Shape.NoFrame)
        self.view.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.view.setAccessibleName(one_line(title))
        self.view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.view.setFixedHeight(theme.px(28) * 9)
        self.view.setStyleSheet(f"QListView{{background:{theme.hex('surface.raised')}}}")
        self.view.clicked.connect(self._on_clicked)
        self.view.doubleClicked.connect(lambda _: self.commit())
        self.body.addWidget(self.field)
        self.body.addWidget(self.view)
        self.committed.connect(lambda values: self.chosen.emit(values["id"]))
        self._on_typed("")

    @override
    def values(self) -> dict[str, Any]:
        choice = self._model.choice(self.view.currentIndex().row())
        return {"id": choice.id if choice else ""}

    @override
    def why_not(self) -> str:
        return "" if self.values()["id"] else self.tr("Nothing is called so")

    @override
    def first_field(self) -> QWidget:
        return self.field

    @override
    def is_empty(self) -> bool:
        return True

    def _on_typed(self, text: str) -> None:
        sought = bool(text.strip())
        self._model.show_choices(matching(self._rows, text) if sought else self._rows)
        if self._model.rowCount():
            self.view.setCurrentIndex(self._model.index(0 if sought else self._first))
        self.touch()

    def _on_clicked(self, index: QModelIndex) -> None:
        self.view.setCurrentIndex(index)
        self.touch()

    @override
    def eventFilter(self, watched: Any, event: Any) -> bool:
        if watched is self.field and isinstance(event, QKeyEvent) and event.type() == QKeyEvent.Type.KeyPress:
            step = {
                Qt.Key.Key_Down: 1,
                Qt.Key.Key_Up: -1,
                Qt.Key.Key_PageDown: 8,
                Qt.Key.Key_PageUp: -8,
            }.get(Qt.Key(event.key()), 0)
            if step:
                last = self._model.rowCount() - 1
                now = self.view.currentIndex().row()
                self.view.setCurrentIndex(self._model.index(max(0, min(last, now + step))))
                self.touch()
                return True
            if is_bare_enter(event):
                if not event.isAutoRepeat():
                    self.commit()
                return True
        return super().eventFilter(watched, event)
