"""The forms an operator asks for: new report, choosing, writing, holding, validating, closing, the sheet of keys."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QCoreApplication, QModelIndex, QPersistentModelIndex, QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import (
    QFontMetrics,
    QImage,
    QKeyEvent,
    QKeySequence,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
    QShortcut,
)
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListView,
    QScrollArea,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)
from typing_extensions import override

from widgets.conflict import ConflictForm, ConflictRow, ConflictValue
from widgets.form import (
    Choice,
    ChoiceDelegate,
    ChoiceModel,
    Form,
    Segments,
    Tick,
    TypeAhead,
    make_label,
    matching,
    put_text,
)
from widgets.keys import KeyButton, paint_cap
from widgets.rows import RowsModel, RowsView
from widgets.symbols import Symbols
from widgets.text import one_line
from widgets.theme import Theme

if TYPE_CHECKING:
    from widgets.photos import PhotoCard
    from widgets.ticket.values import DuplicateRow

__all__ = [
    "AskForm",
    "AskText",
    "Choice",
    "ChooseOne",
    "CloseForm",
    "ConflictForm",
    "ConflictRow",
    "ConflictValue",
    "Form",
    "HoldForm",
    "KeysSheet",
    "NewReportForm",
    "ValidateForm",
]


class _Row:
    """A possible duplicate as a row of a list."""

    def __init__(self, row: DuplicateRow) -> None:
        self.id, self.row = str(row.key), row

    @override
    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Row) and other.row == self.row

    @override
    def __hash__(self) -> int:
        return hash(self.id)


class _DuplicateDelegate(QStyledItemDelegate):
    def __init__(self, theme: Theme, symbols: Symbols, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme, self._symbols = theme, symbols

    @override
    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        return QSize(0, self._theme.px(26))

    @override
    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        theme, box = self._theme, option.rect
        row = index.data(Qt.ItemDataRole.UserRole).row
        view = option.widget
        current = isinstance(view, QAbstractItemView) and view.currentIndex() == index and view.hasFocus()
        painter.fillRect(box, theme.color("surface.selected-inactive" if current else "surface.panel"))
        painter.fillRect(QRect(box.left(), box.bottom(), box.width(), 1), theme.color("border.subtle"))
        size = theme.px(14)
        left, right = box.left() + theme.px(8), box.right() - theme.px(7)
        self._symbols.report(
            painter, QRect(left, box.center().y() - size // 2 + 1, size, size), row.priority, row.status
        )
        left += theme.px(24)
        line = Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextSingleLine
        for text, wide, token in (
            (row.why, theme.px(84), "text.secondary"),
            (row.age, theme.px(56), "text.tertiary"),
            (row.distance, theme.px(52), "text.tertiary"),
        ):
            painter.setFont(theme.font("dense"))
            painter.setPen(theme.color(token))
            painter.drawText(
                QRect(right - wide, box.top(), wide, box.height()), line | Qt.AlignmentFlag.AlignRight, text
            )
            right -= wide
        painter.setFont(theme.font("mono"))
        painter.setPen(theme.color("text.secondary"))
        number = str(row.number)
        painter.drawText(QRect(left, box.top(), right - left, box.height()), line, number)
        left += QFontMetrics(theme.font("mono")).horizontalAdvance(number) + theme.px(8)
        font = theme.font("dense")
        painter.setFont(font)
        painter.setPen(theme.color("text.primary"))
        words = QFontMetrics(font).elidedText(one_line(row.text), Qt.TextElideMode.ElideRight, max(0, right - left))
        painter.drawText(QRect(left, box.top(), max(0, right - left), box.height()), line, words)
        if current:
            painter.setPen(QPen(theme.color("accent.base"), 2))
            painter.drawRect(box.adjusted(1, 1, -1, -2))


class NewReportForm(Form):
    """A report by telephone, with the keyboard alone. Values: service, text, address, place, lat, lon, is_point (they
    were picked on the map), priority, caller_name, caller_phone.

    With `several` a draft can be put aside for another report. The place is typed (the caller answers `place_typed`
    with `set_places`), or picked on the map (`pick_place_asked`, then `set_place`). Possible duplicates come by
    `set_duplicates` after `changed`.
    """

    pick_place_asked = Signal()
    place_typed = Signal(str)
    place_chosen = Signal(str)
    """The id of a place out of `set_places` was taken; answer with `set_place`."""
    duplicate_opened = Signal(int)
    put_aside = Signal(dict)
    """Another report is to be begun while a draft stands in the form: the values, to be kept elsewhere."""

    def __init__(
        self,
        theme: Theme,
        symbols: Symbols,
        *,
        title: str = "",
        sentence: str = "",
        about: str = "",
        several: bool = False,
        priorities: Sequence[tuple[str, str]] = (("1", "P1"), ("2", "P2"), ("3", "P3"), ("4", "P4")),
        parent: QWidget | None = None,
    ) -> None:
        title = title or QCoreApplication.translate("NewReportForm", "New report")
        super().__init__(theme, title, commit_text="", width=620, about=about, parent=parent)
        self.commit_button.set_verb(self.tr("Save report"))
        by_phone = self.tr("By telephone. Saved on this computer at once, sent as soon as the server answers.")
        self.set_sentence(sentence or by_phone)
        self.another_button = KeyButton(theme, self.tr("Put aside, begin another"), "Ctrl N", height=24)
        self.another_button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.another_button.setVisible(several)
        self.draft_buttons.insertWidget(0, self.another_button)
        for asked in (self.another_button.clicked, QShortcut(QKeySequence("Ctrl+N"), self).activated):
            asked.connect(self._begin_another)
        self._several = several
        self._lat: float | None = None
        self._lon: float | None = None
        self._is_point = False  # pointed at on the map: the words typed for it do not move it
        self._priority_by_hand = False
        self._default_priorities: dict[str, str] = {}
        self.service = TypeAhead(theme, symbols, self.tr("Category"))
        self.service.picked.connect(self._on_service)
        self.service.typed.connect(lambda _: self.touch())
        self.report_text = self.text_field(self.tr("What happened"), 3)
        self.place = TypeAhead(theme, symbols, self.tr("Place"), free=True, ready=True)
        self.place.typed.connect(self._on_place_typed)
        self.place.picked.connect(self._on_place_picked)
        self.priority = Segments(theme, self.tr("Priority"), priorities, symbols=symbols, priorities=True)
        self.priority.chosen.connect(self._on_priority)
        self.caller_name = self.line_field(self.tr("Caller"), self.tr("Name"))
        self.caller_phone = self.line_field(self.tr("Telephone"), self.tr("Telephone"))

        self.body.addWidget(self.field_label(self.tr("Category")))
        self.body.addWidget(self.service)
        self.body.addWidget(self.field_label(self.tr("What happened")))
        self.body.addWidget(self.report_text)
        self.body.addWidget(self.field_label(self.tr("Place"), self.tr("Street, area or landmark")))
        row = QHBoxLayout()
        row.setSpacing(theme.px(8))
        row.addWidget(self.place, 1)
        self.pick = KeyButton(theme, self.tr("Pick on the map"), "Ctrl M")
        self.pick.clicked.connect(self.pick_place_asked)
        row.addWidget(self.pick)
        self.body.addLayout(row)
        self._where = make_label(theme, "", "caption", "text.tertiary")
        self.body.addWidget(self._where)
        self.body.addWidget(self.field_label(self.tr("Priority")))
        self.body.addWidget(self.priority)
        self.body.addWidget(self.field_label(self.tr("Caller"), self.tr("optional, shown to nobody without a reason")))
        row = QHBoxLayout()
        row.setSpacing(theme.px(8))
        row.addWidget(self.caller_name, 3)
        row.addWidget(self.caller_phone, 2)
        self.body.addLayout(row)
        self._near = make_label(theme, "", "caption", "text.secondary", 600)
        self.body.addSpacing(theme.px(8))
        self.body.addWidget(self._near)
        self._model = RowsModel(
            lambda row: f"{row.row.number}, {row.row.text}, {row.row.distance}, {row.row.why}", self
        )
        self.duplicates = RowsView(self.tr("Possible duplicates"))
        self.duplicates.setModel(self._model)
        self.duplicates.setItemDelegate(_DuplicateDelegate(theme, symbols, self.duplicates))
        self.duplicates.opened.connect(lambda key: self.duplicate_opened.emit(int(key)))
        self.duplicates.setFixedHeight(theme.px(26) * 3)
        self.body.addWidget(self.duplicates)
        QShortcut(QKeySequence("Ctrl+M"), self).activated.connect(self.pick_place_asked)
        for first, second in (
            (self.service, self.report_text),
            (self.report_text, self.place),
            (self.place, self.pick),
            (self.pick, self.priority),
            (self.priority, self.caller_name),
            (self.caller_name, self.caller_phone),
            (self.caller_phone, self.duplicates),
            (self.duplicates, self.leave_button),
        ):
            self.setTabOrder(first, second)
        self.set_duplicates([])
        self._tell_where("")
        self.touch()

    def set_services(self, choices: Sequence[Choice], priorities: dict[str, str] | None = None) -> None:
        """The categories, and the priority each begins with (`{code: "3"}`) until one is chosen by hand."""
        self.service.set_choices(choices)
        self._default_priorities = dict(priorities or {})

    def set_places(self, choices: Sequence[Choice]) -> None:
        """The places found for what is typed, best first."""
        self.place.set_choices(choices)

    def set_place(self, lat: float, lon: float, label: str) -> None:
        """Take a place found by its name, or one picked on the map, which has no label."""
        self._lat, self._lon, self._is_point = lat, lon, not label
        if label and label != self.place.text():
            self.place.set_free_text(label)
        self._tell_where("")
        self.touch()

    def set_duplicates(self, rows: Sequence[DuplicateRow]) -> None:
        """Open reports near the place that may be the same."""
        self._model.set_rows([_Row(row) for row in rows])
        count = len(rows)
        self._near.setText(
            self.tr("Possible duplicates") + f"  {count}" if count else self.tr("No possible duplicate so far")
        )
        self.duplicates.setFocusPolicy(Qt.FocusPolicy.StrongFocus if count else Qt.FocusPolicy.NoFocus)

    @override
    def values(self) -> dict[str, Any]:
        return {
            "service": self.service.value(),
            "text": self.report_text.toPlainText().strip(),
            "address": self.place.text().strip(),
            "place": self.place.value(),
            "lat": self._lat,
            "lon": self._lon,
            "is_point": self._is_point,
            "priority": self.priority.value(),
            "caller_name": self.caller_name.text().strip(),
            "caller_phone": self.caller_phone.text().strip(),
        }

    @override
    def set_values(self, draft: dict[str, Any]) -> None:
        self.service.set_free_text("")
        self.service.set_value(str(draft.get("service", "")))
        put_text(self.report_text, str(draft.get("text", "")))
        self.place.set_free_text(str(draft.get("address", "")))
        lat, lon = draft.get("lat"), draft.get("lon")
        self._lat = float(lat) if isinstance(lat, (int, float)) else None
        self._lon = float(lon) if isinstance(lon, (int, float)) else None
        self._is_point = bool(draft.get("is_point"))
        self.priority.set_value(str(draft.get("priority", "")))
        self._priority_by_hand = bool(draft.get("priority"))
        self.caller_name.setText(str(draft.get("caller_name", "")))
        self.caller_phone.setText(str(draft.get("caller_phone", "")))
        self._tell_where("")
        self.touch()

    @override
    def held_up_by(self) -> QWidget | None:
        return self.service if not self.service.value() else self.report_text

    @override
    def why_not(self) -> str:
        if not self.service.value():
            return self.tr("Category: choose one from the list")
        if not self.report_text.toPlainText().strip():
            return self.tr("What happened: a few words")
        return ""

    @override
    def foot_note(self) -> str:
        return "" if self._lat is not None else self.tr("Without a place it is not on the map")

    @override
    def first_field(self) -> QWidget:
        return self.service

    @override
    def is_empty(self) -> bool:
        values = self.values()
        return not any(values[key] for key in ("service", "text", "address", "caller_name", "caller_phone"))

    def _begin_another(self) -> None:
        if self._several and self.has_draft and not self.is_empty():
            self.put_aside.emit(self.values())
            self.clear_draft()

    def _on_service(self, code: str) -> None:
        if not self._priority_by_hand and code in self._default_priorities:
            self.priority.set_value(self._default_priorities[code])
        self.touch()

    def _on_priority(self, _: str) -> None:
        self._priority_by_hand = True
        self.touch()

    def _on_place_typed(self, text: str) -> None:
        if not self._is_point:
            self._lat = self._lon = None
        self._tell_where(text)
        self.place_typed.emit(text)
        self.touch()

    def _on_place_picked(self, place: str) -> None:
        if place:
            self.place_chosen.emit(place)
            self.touch()

    def _tell_where(self, typed: str) -> None:
        if self._lat is not None and self._lon is not None:
            self._where.setText(f"{self._lat:.5f}, {self._lon:.5f}")
        else:
            self._where.setText(self.tr("Not on the map yet: choose from the list, or Ctrl M") if typed else "")


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
        rows: Sequence[Choice],
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
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self.commit()
                return True
        return super().eventFilter(watched, event)


class AskText(Form):
    """A text: a note, a reply, a reason. Templates go in with Alt and their digit. Values: text."""

    def __init__(
        self,
        theme: Theme,
        title: str,
        sentence: str = "",
        templates: Sequence[tuple[str, str]] = (),
        *,
        about: str = "",
        verb: str = "",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(theme, title, sentence, commit_text="", about=about, parent=parent)
        self.commit_button.set_verb(verb or self.tr("Save"))
        self.field = self.text_field(title, 5)
        self.body.addWidget(self.field)
        if templates:
            self.body.addWidget(self.field_label(self.tr("Templates")))
        for number, (name, text) in enumerate(templates[:9]):
            button = KeyButton(theme, _short(theme, name, 460), f"Alt {number + 1}")
            button.setAccessibleName(one_line(name))
            button.clicked.connect(lambda _=False, text=text: self.insert(text))
            key = QShortcut(QKeySequence(f"Alt+{number + 1}"), self)
            key.activated.connect(lambda text=text: self.insert(text))
            self.body.addWidget(button)
        self.touch()

    def insert(self, text: str) -> None:
        """Put a template where the cursor is."""
        self.field.insertPlainText(text)
        self.field.setFocus()

    @override
    def values(self) -> dict[str, Any]:
        return {"text": self.field.toPlainText().strip()}

    @override
    def set_values(self, draft: dict[str, Any]) -> None:
        put_text(self.field, str(draft.get("text", "")))
        self.touch()

    @override
    def held_up_by(self) -> QWidget | None:
        return self.field

    @override
    def why_not(self) -> str:
        return "" if self.values()["text"] else self.tr("Nothing is written yet")

    @override
    def first_field(self) -> QWidget:
        return self.field


class CloseForm(Form):
    """How a report ends, and which units it lets go. Values: disposition, reason, release and stay (ids of units).

    `dispositions` are (code, words, whether a reason is needed); `units` are (id, words), all ticked at first.
    """

    def __init__(
        self,
        theme: Theme,
        title: str,
        dispositions: Sequence[tuple[str, str, bool]],
        units: Sequence[tuple[str, str]] = (),
        *,
        about: str = "",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(theme, title, commit_text="", about=about, parent=parent)
        self.commit_button.set_verb(self.tr("Close report"))
        self._needs = {code for code, _, needs in dispositions if needs}
        self.disposition = TypeAhead(theme, None, self.tr("Outcome"))
        self.disposition.set_choices([Choice(code, words) for code, words, _ in dispositions])
        self.disposition.picked.connect(lambda _: self.touch())
        self.reason = self.text_field(self.tr("Reason"), 2)
        self.body.addWidget(self.field_label(self.tr("Outcome"), self.tr("type, or ↓ for all")))
        self.body.addWidget(self.disposition)
        self.body.addWidget(self.field_label(self.tr("Reason")))
        self.body.addWidget(self.reason)
        self.ticks: dict[str, Tick] = {}
        if units:
            self.body.addWidget(self.field_label(self.tr("Units to release"), self.tr("Space ticks")))
        for unit_id, words in units:
            tick = Tick(theme, words, on=True)
            tick.toggled.connect(self.touch)
            self.ticks[unit_id] = tick
            self.body.addWidget(tick)
        self.touch()

    @override
    def values(self) -> dict[str, Any]:
        return {
            "disposition": self.disposition.value(),
            "reason": self.reason.toPlainText().strip(),
            "release": [unit_id for unit_id, tick in self.ticks.items() if tick.isChecked()],
            "stay": [unit_id for unit_id, tick in self.ticks.items() if not tick.isChecked()],
        }

    @override
    def set_values(self, draft: dict[str, Any]) -> None:
        self.disposition.set_free_text("")
        self.disposition.set_value(str(draft.get("disposition", "")))
        put_text(self.reason, str(draft.get("reason", "")))
        for unit_id, tick in self.ticks.items():
            tick.setChecked(unit_id not in draft.get("stay", ()))
        self.touch()

    @override
    def held_up_by(self) -> QWidget | None:
        return self.reason if self.disposition.value() else self.disposition

    @override
    def why_not(self) -> str:
        values = self.values()
        if not values["disposition"]:
            return self.tr("Outcome: choose one from the list")
        if values["disposition"] in self._needs and not values["reason"]:
            return self.tr("This one needs a reason")
        return ""

    @override
    def is_empty(self) -> bool:
        values = self.values()
        return not values["disposition"] and not values["reason"]

    @override
    def first_field(self) -> QWidget:
        return self.disposition


class _Photo(QWidget):
    """One photo in a frame of fixed size, with its caption under it; never larger than it is."""

    def __init__(self, theme: Theme, missing: str) -> None:
        super().__init__()
        self._theme, self._role, self._caption, self._problem, self._waits = theme, missing, "", "", ""
        self._image: QImage | None = None
        self.setMinimumSize(theme.px(240), theme.px(220))
        self.setAccessibleName(missing)

    def set_card(self, card: PhotoCard) -> None:
        """Show this photo; while its picture is not here, say so."""
        self._role, self._caption, self._image, self._problem = card.role_label, card.caption, card.image, card.problem
        self._waits = "" if card.image or card.problem else card.waits or self.tr("The photo is being read")
        parts = (self._role, self._caption, self._problem, self._waits)
        self.setAccessibleName(one_line(", ".join(part for part in parts if part)))
        self.update()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        theme = self._theme
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        strip = theme.px(22)
        box = self.rect().adjusted(0, 0, -1, -1)
        painter.fillRect(box, theme.color("surface.input"))
        inside = box.adjusted(1, 1, 0, -strip)
        if self._image is not None and not self._image.isNull():
            size = self._image.size().scaled(inside.size(), Qt.AspectRatioMode.KeepAspectRatio)
            where = QRect(QPoint(0, 0), size)
            where.moveCenter(inside.center())
            painter.drawImage(where, self._image)
        elif self._waits:
            painter.setFont(theme.font("dense"))
            painter.setPen(theme.color("text.secondary"))
            middle = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(inside.adjusted(theme.px(12), 0, -theme.px(12), 0), middle, self._waits)
        painter.setPen(theme.color("status.returned" if self._problem else "border.divider"))
        painter.drawRect(box)
        foot = QRect(box.left() + 1, box.bottom() - strip, box.width() - 1, strip)
        painter.fillRect(foot, theme.color("surface.window"))
        painter.setPen(theme.color("text.primary"))
        painter.setFont(theme.font("caption", 600))
        text = foot.adjusted(theme.px(6), 0, -theme.px(6), 0)
        painter.drawText(text, Qt.AlignmentFlag.AlignVCenter, self._role)
        text.setLeft(text.left() + painter.fontMetrics().horizontalAdvance(self._role) + theme.px(6))
        painter.setFont(theme.font("caption"))
        words = painter.fontMetrics().elidedText(self._caption, Qt.TextElideMode.ElideRight, text.width())
        painter.drawText(text, Qt.AlignmentFlag.AlignVCenter, words)


class ValidateForm(Form):
    """The proof, side by side with what was reported. Values: accept (bool), disposition, reason.

    `dispositions` are what the work can have come to; where there are any, accepting needs one. `barred` says why this
    operator can decide nothing here.
    """

    def __init__(
        self,
        theme: Theme,
        title: str,
        before: PhotoCard | None,
        after: PhotoCard | None,
        *,
        about: str = "",
        dispositions: Sequence[str] = (),
        barred: str = "",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(theme, title, commit_text="", width=820, about=about, parent=parent)
        self._barred = barred
        row = QHBoxLayout()
        row.setSpacing(theme.px(8))
        self._photos: list[tuple[_Photo, QLabel]] = []
        for missing in (self.tr("No photo from before"), self.tr("No photo from after")):
            self._photos.append((_Photo(theme, missing), make_label(theme, "", "caption", "status.returned")))
            row.addWidget(self._photos[-1][0], 1)
        self.body.addLayout(row)
        for _, problem in self._photos:
            self.body.addWidget(problem)
        self.set_photos(before, after)
        self.body.addWidget(self.field_label(self.tr("Decision")))
        self.decision = Segments(
            theme,
            self.tr("Decision"),
            [("accept", self.tr("Accept the proof")), ("return", self.tr("Return to the crew"))],
        )
        self.decision.chosen.connect(lambda _: self.touch())
        self.body.addWidget(self.decision)
        self.disposition = TypeAhead(theme, None, self.tr("Outcome"))
        self.disposition.set_choices([Choice(text, text) for text in dispositions])
        self.disposition.picked.connect(lambda _: self.touch())
        self._asks_disposition = bool(dispositions)
        if dispositions:
            self.body.addWidget(self.field_label(self.tr("Outcome"), self.tr("needed to accept it")))
            self.body.addWidget(self.disposition)
        else:
            self.disposition.setParent(self)
            self.disposition.hide()
        self.body.addWidget(self.field_label(self.tr("Reason"), self.tr("needed to return it; the crew reads it")))
        self.reason = self.text_field(self.tr("Reason"), 2)
        self.body.addWidget(self.reason)
        self.touch()

    def set_photos(self, before: PhotoCard | None, after: PhotoCard | None) -> None:
        """Show these photos, which may come while the form is open; for None what is shown stays."""
        for (photo, problem), card in zip(self._photos, (before, after), strict=True):
            if card is not None:
                photo.set_card(card)
                problem.setText(card.problem)
            problem.setVisible(bool(problem.text()))
        if self.isVisible():
            self.fit()

    @override
    def touch(self) -> None:
        returned = self.decision.value() == "return"
        self.commit_button.set_verb(self.tr("Return to the crew") if returned else self.tr("Accept the proof"))
        super().touch()

    @override
    def values(self) -> dict[str, Any]:
        return {
            "decision": self.decision.value(),
            "accept": self.decision.value() == "accept",
            "disposition": self.disposition.value(),
            "reason": self.reason.toPlainText().strip(),
        }

    @override
    def set_values(self, draft: dict[str, Any]) -> None:
        self.decision.set_value(str(draft.get("decision", "")))
        self.disposition.set_free_text("")
        self.disposition.set_value(str(draft.get("disposition", "")))
        put_text(self.reason, str(draft.get("reason", "")))
        self.touch()

    @override
    def held_up_by(self) -> QWidget | None:
        field = {"return": self.reason, "accept": self.disposition}
        return field.get(self.decision.value(), self.decision)

    @override
    def why_not(self) -> str:
        values = self.values()
        if self._barred:
            return self._barred
        if not self.decision.value():
            return self.tr("Decide: 1 accepts, 2 returns")
        if self.decision.value() == "accept":
            needed = self._asks_disposition and not values["disposition"]
            return self.tr("Accepting needs an outcome: choose one from the list") if needed else ""
        return "" if values["reason"] else self.tr("Returning needs a reason")

    @override
    def is_empty(self) -> bool:
        values = self.values()
        return not values["reason"] and not values["disposition"]

    @override
    def first_field(self) -> QWidget:
        return self.decision


class AskForm(Form):
    """A question that the operator's own key raised: what follows, and one button that does it."""

    def __init__(
        self, theme: Theme, title: str, sentence: str, commit_text: str, leave_text: str, parent: QWidget | None = None
    ) -> None:
        super().__init__(theme, title, sentence, commit_text=commit_text, width=520, parent=parent)
        self.leave_button.set_verb(leave_text)

    @override
    def is_empty(self) -> bool:
        return True

    @override
    def first_field(self) -> QWidget:
        return self.commit_button


class HoldForm(Form):
    """Why a report waits, and until when. Values: waits_for, until, reason.

    `waits_for` and `untils` are (id, words); the first of `untils` is chosen at first.
    """

    def __init__(
        self,
        theme: Theme,
        title: str,
        waits_for: Sequence[tuple[str, str]],
        untils: Sequence[tuple[str, str]] = (),
        *,
        about: str = "",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(theme, title, commit_text="", about=about, parent=parent)
        self.commit_button.set_verb(self.tr("Hold"))
        self.waits_for = Segments(theme, self.tr("Waits for"), waits_for)
        self.waits_for.chosen.connect(lambda _: self.touch())
        self.body.addWidget(self.field_label(self.tr("Waits for")))
        self.body.addWidget(self.waits_for)
        self.until: Segments | None = None
        if untils:
            self.until = Segments(theme, self.tr("Until"), untils, current=untils[0][0])
            self.until.chosen.connect(self.touch)
            self.body.addWidget(self.field_label(self.tr("Until")))
            self.body.addWidget(self.until)
        self.reason = self.text_field(self.tr("Reason"), 2)
        self.body.addWidget(self.field_label(self.tr("Reason")))
        self.body.addWidget(self.reason)
        self.touch()

    @override
    def values(self) -> dict[str, Any]:
        return {
            "waits_for": self.waits_for.value(),
            "until": self.until.value() if self.until else "",
            "reason": self.reason.toPlainText().strip(),
        }

    @override
    def set_values(self, draft: dict[str, Any]) -> None:
        self.waits_for.set_value(str(draft.get("waits_for", "")))
        if self.until is not None and "until" in draft:
            self.until.set_value(str(draft["until"]))
        put_text(self.reason, str(draft.get("reason", "")))
        self.touch()

    @override
    def held_up_by(self) -> QWidget | None:
        return self.reason if self.waits_for.value() else self.waits_for

    @override
    def why_not(self) -> str:
        values = self.values()
        if not values["waits_for"]:
            return self.tr("What does it wait for?")
        return "" if values["reason"] else self.tr("Reason: a few words")

    @override
    def is_empty(self) -> bool:
        values = self.values()
        return not values["waits_for"] and not values["reason"]

    @override
    def first_field(self) -> QWidget:
        return self.waits_for


class _Sheet(QWidget):
    """Keys and what they do, in columns under their group: three, or fewer where these would cut the words."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._rows: Sequence[tuple[str, str, str]] = ()
        self._columns: list[list[tuple[str, str]]] = []

    def set_rows(self, rows: Sequence[tuple[str, str, str]]) -> None:
        self._rows = rows
        self._lay_out()

    def _across(self) -> int:
        return max(1, min(3, self.width() // self._theme.px(330)))

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self._lay_out()

    def _lay_out(self) -> None:
        theme, rows, across = self._theme, self._rows, self._across()
        items: list[tuple[str, str]] = []
        group = None
        for group_name, keys, text in rows:
            if group_name != group:
                group = group_name
                items.append(("", group_name))
            items.append((keys, text))
        each = max(1, -(-len(items) // across))
        self._columns = []
        while items:
            cut = min(each, len(items))
            if cut < len(items) and not items[cut - 1][0]:  # a heading never stands alone at a foot
                cut -= 1 if cut > 1 else 0
            self._columns.append(items[:cut])
            items = items[cut:]
        tallest = max((len(column) for column in self._columns), default=1)
        self.setFixedHeight(theme.px(24) * tallest + theme.px(8))
        self.setAccessibleName(
            "; ".join(f"{keys}: {text}" for column in self._columns for keys, text in column if keys)
        )
        self.update()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        theme = self._theme
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.color("surface.panel"))
        wide = self.width() // max(self._across(), len(self._columns))
        high = theme.px(24)
        for number, column in enumerate(self._columns):
            for row, (keys, text) in enumerate(column):
                box = QRect(number * wide, row * high, wide - theme.px(16), high)
                if not keys:
                    painter.setFont(theme.font("caption", 600))
                    painter.setPen(theme.color("text.secondary"))
                    painter.drawText(box, Qt.AlignmentFlag.AlignVCenter, text)
                    continue
                left = box.left()
                for cap in keys.split("  "):
                    left += paint_cap(painter, theme, left, box.center().y() + 1, cap) + theme.px(4)
                left = max(left + theme.px(4), box.left() + theme.px(92))
                font = theme.font("dense")
                painter.setFont(font)
                painter.setPen(theme.color("text.primary"))
                words = QFontMetrics(font).elidedText(text, Qt.TextElideMode.ElideRight, box.right() - left)
                painter.drawText(
                    QRect(left, box.top(), box.right() - left + 2, high), Qt.AlignmentFlag.AlignVCenter, words
                )


_AROUND_KEYS = 240
"""What a window with the sheet of keys takes beside it in height, in pixels at normal size."""


class KeysSheet(Form):
    """Every key and what it does: rows of (group, key caps with two spaces between, words). Typing narrows it."""

    def __init__(
        self, theme: Theme, rows: Sequence[tuple[str, str, str]], *, title: str = "", parent: QWidget | None = None
    ) -> None:
        super().__init__(theme, title, commit_text="", width=1060, parent=parent)
        if not title:
            self._title.setText(self.tr("Keys"))
            self.setWindowTitle(self.tr("Keys"))
            self.setAccessibleName(self.tr("Keys"))
        self.commit_button.hide()
        self.leave_button.set_verb(self.tr("Back"))
        self._rows = list(rows)
        self.field: QLineEdit = self.line_field(self.tr("Search the keys"), self.tr("Type what you look for"))
        self.field.textChanged.connect(self._on_typed)
        self._sheet = _Sheet(theme)
        area = self._scroll = QScrollArea()
        area.setWidget(self._sheet)
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.body.addWidget(self.field)
        self.body.addSpacing(theme.px(8))
        self.body.addWidget(area, 1)
        self._on_typed("")
        room = self.screen().availableGeometry().height() - theme.px(_AROUND_KEYS)
        area.setMinimumHeight(min(theme.px(560), self._sheet.height() + theme.px(4), max(room, theme.px(120))))

    def set_rows(self, rows: Sequence[tuple[str, str, str]]) -> None:
        """Show other keys."""
        self._rows = list(rows)
        self._on_typed(self.field.text())

    def shown(self) -> list[tuple[str, str, str]]:
        """The rows that match what is typed."""
        wanted = self.field.text().casefold().split()
        return [row for row in self._rows if all(word in " ".join(row).casefold() for word in wanted)]

    @override
    def why_not(self) -> str:
        return " "

    @override
    def touch(self) -> None:
        """Nothing is entered here."""

    @override
    def is_empty(self) -> bool:
        return True

    @override
    def first_field(self) -> QWidget:
        return self.field

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        """What the field for searching does not use moves the sheet, where it is higher than the screen."""
        bar = self._scroll.verticalScrollBar()
        steps = {
            Qt.Key.Key_Down: bar.singleStep(),
            Qt.Key.Key_Up: -bar.singleStep(),
            Qt.Key.Key_PageDown: bar.pageStep(),
            Qt.Key.Key_PageUp: -bar.pageStep(),
        }
        if event.key() in steps:
            bar.setValue(bar.value() + steps[Qt.Key(event.key())])
        else:
            super().keyPressEvent(event)

    def _on_typed(self, _: str) -> None:
        self._sheet.set_rows(self.shown())


def _short(theme: Theme, text: str, room: int) -> str:
    return QFontMetrics(theme.font("dense", 600)).elidedText(text, Qt.TextElideMode.ElideRight, theme.px(room))
