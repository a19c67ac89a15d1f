"""The questions that a category asks, each with its field: chips, a list, a line, a text, or words to be read only."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLayout, QLineEdit, QPlainTextEdit, QVBoxLayout, QWidget
from typing_extensions import override

from widgets.forms.choice import ListChoice
from widgets.forms.fields import Segments, SeveralSegments, TypeAhead
from widgets.forms.form import LineField, make_label, put_text
from widgets.text import one_line
from widgets.theme import Theme

_MOST_CHIPS = 9
"""Of more choices than digits one is found by typing."""
_MOST_ASKED = 30
_LABEL_WIDE = 150
_LONGEST = 4_000
_LABEL_LETTERS = 160


@dataclass(frozen=True)
class CategoryQuestion:
    """What is asked, by its code. `kind`: "one" or "many" of the choices (id, words), a "line", a "text" of several, or
    words that are only to be "read". `hint` stands in an empty line, such as the unit of a number.
    """

    code: str
    words: str
    kind: Literal["one", "many", "line", "text", "read"] = "line"
    required: bool = False
    hint: str = ""
    choices: tuple[tuple[str, str], ...] = ()


class _Text(QPlainTextEdit):
    """Two lines of text; Tab and Enter leave it, Shift+Enter begins another line."""

    entered = Signal()

    @override
    def keyPressEvent(self, event: Any) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and not event.modifiers():
            if not event.isAutoRepeat():
                self.entered.emit()
        else:
            super().keyPressEvent(event)


_Field = Segments | TypeAhead | LineField | _Text


class Questions(QWidget):
    """A heading and a row for each question; hidden while nothing is asked.

    An answer that was given stays when another category asks a question of the same code.
    """

    changed = Signal()
    """Something was answered."""
    entered = Signal()
    """Enter in the last field: the keyboard goes on behind the questions."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._asked: list[CategoryQuestion] = []
        self._fields: dict[str, _Field] = {}
        self._fault_of: Callable[[str, Sequence[str]], str] = lambda _code, _values: ""
        self._kept: dict[str, list[str]] = {}
        self._rows = QVBoxLayout(self)
        self._rows.setContentsMargins(0, theme.px(6), 0, 0)
        self._rows.setSpacing(theme.px(4))
        self.hide()

    def ask(
        self,
        heading: str,
        key_text: str,
        questions: Sequence[CategoryQuestion],
        fault_of: Callable[[str, Sequence[str]], str] = lambda _code, _values: "",
    ) -> None:
        """Ask these instead; `fault_of` says what is wrong with the values of an answer, "" for nothing."""
        questions = list(questions)[:_MOST_ASKED]
        self._fault_of = fault_of
        if questions == self._asked:
            return
        self._kept |= self.answers()
        self._take_away(self._rows)
        self._asked, self._fields = questions, {}
        self.setVisible(bool(questions))
        if not questions:
            return
        head = QHBoxLayout()
        head.addWidget(make_label(self._theme, one_line(heading, _LABEL_LETTERS), "caption", "text.tertiary"))
        head.addStretch(1)
        if any(one.kind != "read" for one in questions):
            head.addWidget(make_label(self._theme, key_text, "caption", "text.tertiary"))
        self._rows.addLayout(head)
        for question in questions:
            self._add(question)
        for part in self.findChildren(QWidget, options=Qt.FindChildOption.FindDirectChildrenOnly):
            part.show()  # or they count for nothing until the event loop comes round, and the form is measured too low
        fields = list(self._fields.values())
        for at, field in enumerate(fields):
            after = fields[at + 1] if at + 1 < len(fields) else None
            self._on_enter(field, after)
        self.set_answers({code: values for code, values in self._kept.items() if code in self._fields})

    @property
    def fields(self) -> list[QWidget]:
        """The fields in their order, for the keyboard."""
        return list(self._fields.values())

    @property
    def asked(self) -> list[CategoryQuestion]:
        """The questions in their order."""
        return list(self._asked)

    def field(self, code: str) -> QWidget:
        """The field of a question that is not only read."""
        return self._fields[code]

    def answers(self) -> dict[str, list[str]]:
        """What was answered: code -> values (ids of choices, or what was typed); without those left empty."""
        found = {code: self._values_of(field) for code, field in self._fields.items()}
        return {code: values for code, values in found.items() if values}

    def set_answers(self, answers: Mapping[str, Sequence[str]]) -> None:
        """Fill in answers; those that nothing asks for now are kept for the category that does."""
        self._kept |= {str(code): [str(value) for value in values] for code, values in answers.items()}
        for code, field in self._fields.items():
            self._put(field, self._kept.get(code, []))

    def forget(self) -> None:
        """Empty every field, and what was kept of other categories."""
        self._kept = {}
        for field in self._fields.values():
            self._put(field, [])

    def open_question(self) -> tuple[QWidget, str, bool] | None:
        """The first field that is in the way, what is to be said of it, and whether it is only empty; None where all
        that has to be answered is, and fits.
        """
        answers = self.answers()
        for question in self._asked:
            if (field := self._fields.get(question.code)) is None:
                continue
            values = answers.get(question.code, [])
            if question.required and not values:
                return field, one_line(question.words, _LABEL_LETTERS), True
            if values and (fault := self._fault_of(question.code, values)):
                return field, f"{one_line(question.words, _LABEL_LETTERS)}: {fault}", False
        return None

    def go_in(self) -> bool:
        """Give the keyboard to the first field without an answer, else the first; False where nothing is asked."""
        answers = self.answers()
        empty = [field for code, field in self._fields.items() if code not in answers]
        for field in (*empty, *self._fields.values()):
            field.setFocus(Qt.FocusReason.ShortcutFocusReason)
            return True
        return False

    def _add(self, question: CategoryQuestion) -> None:
        theme = self._theme
        words = one_line(question.words, _LABEL_LETTERS)
        if question.kind == "read":
            label = make_label(theme, words, "dense", "text.primary", 600)
            label.setWordWrap(True)
            self._rows.addWidget(label)
            return
        label = make_label(theme, self.tr("{question} · needed").format(question=words) if question.required else words)
        label.setFont(theme.font("dense"))
        label.setWordWrap(True)
        label.setFixedWidth(theme.px(_LABEL_WIDE))
        label.setContentsMargins(0, theme.px(6), 0, 0)
        field = self._make_field(question, words)
        self._fields[question.code] = field
        row = QHBoxLayout()
        row.setSpacing(theme.px(8))
        row.addWidget(label, 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(field, 1)
        self._rows.addLayout(row)

    def _make_field(self, question: CategoryQuestion, name: str) -> _Field:
        theme = self._theme
        shown = [(key, one_line(words, _LABEL_LETTERS)) for key, words in question.choices]
        if question.kind in ("one", "many") and shown and (question.kind == "many" or len(shown) <= _MOST_CHIPS):
            chips = (SeveralSegments if question.kind == "many" else Segments)(theme, name, shown)
            chips.chosen.connect(lambda _: self.changed.emit())
            chips.went_back.connect(lambda: self._clear(chips))
            return chips
        if question.kind == "one" and shown:
            found = TypeAhead(theme, None, name)
            found.set_choices([ListChoice(key, words) for key, words in shown])
            found.picked.connect(lambda _: self.changed.emit())
            found.typed.connect(lambda _: self.changed.emit())
            return found
        if question.kind == "text":
            text = _Text()
            text.setTabChangesFocus(True)
            text.setAccessibleName(name)
            text.setFont(theme.font("body"))
            high = theme.line("body") * 2 + theme.px(10)
            text.setStyleSheet(f"QPlainTextEdit{{min-height:{high}px;max-height:{high}px}}")
            text.textChanged.connect(self.changed)
            return text
        line = LineField()
        line.setAccessibleName(name)
        line.setPlaceholderText(one_line(question.hint, _LABEL_LETTERS))
        line.setFont(theme.font("body"))
        line.setMaxLength(400)
        line.textChanged.connect(self.changed)
        return line

    def _on_enter(self, field: _Field, after: _Field | None) -> None:
        def go_on() -> None:
            if after is None:
                self.entered.emit()
            else:
                after.setFocus(Qt.FocusReason.TabFocusReason)

        (field.returnPressed if isinstance(field, LineField) else field.entered).connect(go_on)

    def _clear(self, chips: Segments) -> None:
        self._put(chips, [])
        self.changed.emit()

    @staticmethod
    def _values_of(field: _Field) -> list[str]:
        if isinstance(field, SeveralSegments):
            return field.several()
        if isinstance(field, Segments | TypeAhead):
            return [field.value()] if field.value() else []
        text = field.text() if isinstance(field, QLineEdit) else field.toPlainText()
        return [text.strip()[:_LONGEST]] if text.strip() else []

    @staticmethod
    def _put(field: _Field, values: Sequence[str]) -> None:
        value = values[0] if values else ""
        if isinstance(field, SeveralSegments):
            field.set_several(values)
        elif isinstance(field, Segments):
            field.set_value(value)
        elif isinstance(field, TypeAhead):
            field.set_free_text("")
            field.set_value(value)
        elif isinstance(field, QLineEdit):
            field.setText(value)
        else:
            put_text(field, value)

    def _take_away(self, layout: QLayout) -> None:
        while (item := layout.takeAt(0)) is not None:
            if (inner := item.layout()) is not None:
                self._take_away(inner)
            elif (widget := item.widget()) is not None:
                widget.hide()
                widget.setParent(None)
                widget.deleteLater()
