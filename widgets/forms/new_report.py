"""The form of a new report, taken by telephone with the keyboard alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QCoreApplication, QRect, Qt, Signal
from PySide6.QtGui import (
    QFontMetrics,
    QPainter,
)
from PySide6.QtWidgets import (
    QHBoxLayout,
    QStyleOptionViewItem,
    QWidget,
)
from typing_extensions import override

from widgets.forms.choice import Choice
from widgets.forms.fields import Segments, Tick, TypeAhead
from widgets.forms.form import Form, make_label, put_text
from widgets.keys import KeyButton, add_key
from widgets.rows import RowDelegate, RowsModel, RowsView
from widgets.symbols import Symbols
from widgets.text import one_line
from widgets.theme import Theme

if TYPE_CHECKING:
    from widgets.ticket.values import DuplicateRow


_DUPLICATE_HIGH = 26


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


class _DuplicateDelegate(RowDelegate):
    def __init__(self, theme: Theme, symbols: Symbols, parent: QWidget) -> None:
        super().__init__(theme, _DUPLICATE_HIGH, parent)
        self._symbols = symbols

    @override
    def ground(self, option: QStyleOptionViewItem, *, current: bool, has_keyboard: bool) -> str:
        return super().ground(option, current=has_keyboard, has_keyboard=has_keyboard)

    @override
    def paint_row(self, painter: QPainter, box: QRect, row: _Row) -> None:
        theme, duplicate = self._theme, row.row
        size = theme.px(14)
        left, right = box.left() + theme.px(8), box.right() - theme.px(7)
        self._symbols.report(
            painter, QRect(left, box.center().y() - size // 2 + 1, size, size), duplicate.priority, duplicate.status
        )
        left += theme.px(24)
        line = Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextSingleLine
        for text, wide, token in (
            (duplicate.why, theme.px(150), "text.secondary"),
            (duplicate.age, theme.px(64), "text.tertiary"),
            (duplicate.distance, theme.px(60), "text.tertiary"),
        ):
            painter.setFont(theme.font("dense"))
            painter.setPen(theme.color(token))
            room = wide - theme.px(8)
            shown = QFontMetrics(theme.font("dense")).elidedText(text, Qt.TextElideMode.ElideRight, room)
            painter.drawText(
                QRect(right - room, box.top(), room, box.height()), line | Qt.AlignmentFlag.AlignRight, shown
            )
            right -= wide
        painter.setFont(theme.font("mono"))
        painter.setPen(theme.color("text.secondary"))
        number = str(duplicate.number)
        painter.drawText(QRect(left, box.top(), right - left, box.height()), line, number)
        left += QFontMetrics(theme.font("mono")).horizontalAdvance(number) + theme.px(8)
        font = theme.font("dense")
        painter.setFont(font)
        painter.setPen(theme.color("text.primary"))
        words = QFontMetrics(font).elidedText(
            one_line(duplicate.text), Qt.TextElideMode.ElideRight, max(0, right - left)
        )
        painter.drawText(QRect(left, box.top(), max(0, right - left), box.height()), line, words)


class NewReportForm(Form):
    """A report by telephone, with the keyboard alone. Values: service, text, address, place, lat, lon, is_point (they
    were picked on the map), only_area (they are the middle of an area), priority, caller_name, caller_phone.

    With `several` a draft can be put aside for another report. The place is typed (the caller answers `place_typed`
    with `set_places`), or picked on the map (`pick_place_asked`, then `set_place`). Whenever a point and the words for
    it stand there anew, `place_changed` asks how they agree (`set_exactness`). Possible duplicates come by
    `set_duplicates` after `changed`.
    """

    pick_place_asked = Signal()
    place_typed = Signal(str)
    place_chosen = Signal(str)
    """The id of a place out of `set_places` was taken; answer with `set_place`."""
    place_changed = Signal()
    """The point, or the words for it, are others: answer at once with `set_exactness`."""
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
        by_phone = self.tr(
            "By telephone. Saved on this computer at once, sent when the server answers; then it can only be closed."
        )
        self.set_sentence(sentence or by_phone)
        self.another_button = KeyButton(theme, self.tr("Put aside, begin another"), "Ctrl N", height=24)
        self.another_button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.another_button.setVisible(several)
        self.draft_buttons.insertWidget(0, self.another_button)
        self.another_button.clicked.connect(self._begin_another)
        add_key(self, "Ctrl+N", self._begin_another)
        self._several = several
        self._lat: float | None = None
        self._lon: float | None = None
        self._only_area = False
        self._exactness, self._doubt = "", ""
        self._places_found = False
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
        self.priority.entered.connect(lambda: self.caller_name.setFocus(Qt.FocusReason.TabFocusReason))

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
        self._where.setWordWrap(True)
        self.body.addWidget(self._where)
        self.sure = Tick(theme, "")
        self.sure.toggled.connect(self.touch)
        self.sure.hide()
        self.body.addWidget(self.sure)
        add_key(self, "Alt+K", self._on_sure)
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
        self.duplicates.setFixedHeight(theme.px(_DUPLICATE_HIGH) * 3)
        self.body.addWidget(self.duplicates)
        add_key(self, "Ctrl+M", self.pick_place_asked.emit)
        for first, second in (
            (self.service, self.report_text),
            (self.report_text, self.place),
            (self.place, self.pick),
            (self.pick, self.sure),
            (self.sure, self.priority),
            (self.priority, self.caller_name),
            (self.caller_name, self.caller_phone),
            (self.caller_phone, self.duplicates),
            (self.duplicates, self.leave_button),
        ):
            self.setTabOrder(first, second)
        self.set_duplicates([])
        self._tell_where()
        self.touch()

    def set_services(self, choices: Sequence[Choice], priorities: dict[str, str] | None = None) -> None:
        """The categories, and the priority each begins with (`{code: "3"}`) until one is chosen by hand."""
        self.service.set_choices(choices)
        self._default_priorities = dict(priorities or {})

    def set_places(self, choices: Sequence[Choice]) -> None:
        """The places found for what is typed, best first."""
        self._places_found = bool(choices)
        self.place.set_choices(choices)
        self._tell_where()

    def set_place(self, lat: float, lon: float, label: str, *, only_area: bool = False) -> None:
        """Take a place found by its name (`only_area`: the middle of one), or one of the map without a label."""
        self._lat, self._lon, self._is_point, self._only_area = lat, lon, not label, only_area
        self.set_exactness("")
        if label and label != self.place.text():
            self.place.set_free_text(label)
        self.place_changed.emit()

    def set_exactness(self, words: str, doubt: str = "") -> None:
        """Say how exact the place is, and in which area it lies; a `doubt` has to be ticked before it is saved."""
        if self._only_area and not doubt:
            words = words or self.tr("The middle of the area: ask for a street, a number, a landmark")
            doubt = self.tr("The caller knows no more than the area")
        before, self._exactness, self._doubt = self._doubt, words, doubt
        if doubt != before:
            self.sure.setChecked(False)
            self.sure.set_words(f"{doubt}  (Alt K)")
            self.sure.setVisible(bool(doubt))
        self._tell_where()
        self.touch()
        if self.isVisible() and bool(doubt) != bool(before):
            self.fit()

    def _on_sure(self) -> None:
        if self._doubt:
            self.sure.toggle()

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
            "only_area": self._only_area,
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
        self._is_point, self._only_area = bool(draft.get("is_point")), bool(draft.get("only_area"))
        self.set_exactness("")
        self.place_typed.emit(self.place.text())
        self.place_changed.emit()
        self.priority.set_value(str(draft.get("priority", "")))
        self._priority_by_hand = bool(draft.get("priority"))
        self.caller_name.setText(str(draft.get("caller_name", "")))
        self.caller_phone.setText(str(draft.get("caller_phone", "")))
        self.touch()

    @override
    def held_up_by(self) -> QWidget | None:
        if not self.service.value():
            return self.service
        return self.report_text if not self.report_text.toPlainText().strip() else self.sure

    @override
    def why_not(self) -> str:
        if not self.service.value():
            return self.tr("Category: choose one from the list")
        if not self.report_text.toPlainText().strip():
            return self.tr("What happened: a few words")
        if self._doubt and not self.sure.isChecked():
            return self.tr("Place: {doubt}? Alt K says so").format(doubt=self._doubt)
        return ""

    @override
    def foot_note(self) -> str:
        return "" if self._lat is not None else self.tr("Without a place: not on the map, no unit near")

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
            self._only_area = False
            self.set_exactness("")
        self.place_typed.emit(text)
        self.place_changed.emit()
        self.touch()

    def _on_place_picked(self, place: str) -> None:
        if place:
            self.place_chosen.emit(place)
            self.touch()

    def _tell_where(self) -> None:
        if self._lat is not None and self._lon is not None:
            exact = self._exactness or self.tr("A point on the map")
            self._where.setText(f"{exact} · {self._lat:.5f}, {self._lon:.5f}")
        elif not self.place.text().strip():
            self._where.setText("")
        elif self._places_found:
            self._where.setText(self.tr("Not on the map yet: choose from the list, or Ctrl M"))
        else:
            self._where.setText(self.tr("Not found by this name, so not on the map yet: Ctrl M points at it"))
