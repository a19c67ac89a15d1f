"""The form of a new report, taken by telephone with the keyboard alone."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import Any

from PySide6.QtCore import QCoreApplication, Qt, QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget
from typing_extensions import override

from widgets.forms.card_steps import CardSteps
from widgets.forms.choice import ListChoice
from widgets.forms.fields import Segments, TypeAhead
from widgets.forms.form import make_label, put_text
from widgets.forms.nearby_reports import MOST_NEARBY, NearbyReport, NearbyReports
from widgets.forms.place import PlaceForm
from widgets.forms.questions import CategoryQuestion, Questions
from widgets.keys import KeyButton, add_key
from widgets.symbols import Symbols
from widgets.theme import Theme


class NewReportForm(PlaceForm):
    """A report by telephone, with the keyboard alone. Values: those of the place, and service, text, answers (code of a
    question -> values), priority, caller_name, caller_phone.

    With `several` what is entered can be put aside for another report (Ctrl+N), with `adds` added to an earlier one.
    With `finds_callers` the earlier reports of the telephone number can be asked for.
    What is known already of the place comes by `set_nearby` after `changed`, what a category asks by `ask` after
    `service_changed`, the steps of its run card by `show_card` after `case_changed`. With a priority out of `hurried`
    it can be saved without the answers.
    """

    service_changed = Signal(str)
    """Another category stands there: its code, "" for none."""
    case_changed = Signal(str, str)
    """Another category or priority stands there: both, "" for none."""

    nearby_opened = Signal(int)
    """An earlier report is looked at: its key."""
    caller_asked = Signal(str)
    """The earlier reports of this telephone number are wanted; answer with `set_caller_reports`."""
    add_asked = Signal(int)
    """The caller adds what is entered to the earlier report that is looked at, which has this key."""
    put_aside = Signal(dict)
    """Another report is to be begun while this one is not saved: the values, to be kept elsewhere."""

    def __init__(
        self,
        theme: Theme,
        symbols: Symbols,
        *,
        title: str = "",
        sentence: str = "",
        about: str = "",
        several: bool = False,
        adds: bool = False,
        finds_callers: bool = False,
        hurried: Collection[str] = ("1",),
        priorities: Sequence[tuple[str, str]] = (("1", "P1"), ("2", "P2"), ("3", "P3"), ("4", "P4")),
        parent: QWidget | None = None,
    ) -> None:
        title = title or QCoreApplication.translate("NewReportForm", "New report")
        super().__init__(theme, symbols, title, about=about, parent=parent)
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
        add_key(self, "Alt+P", lambda: self.priority.setFocus(Qt.FocusReason.ShortcutFocusReason))
        self.add_earlier_key()
        self._several, self._hurried = several, hurried
        self._case = ("", "")
        self._priority_by_hand = False
        self._default_priorities: dict[str, str] = {}
        self.service = TypeAhead(theme, symbols, self.tr("Category"))
        self.service.picked.connect(self._on_service)
        self.service.typed.connect(lambda _: self.touch())
        self.report_text = self.text_field(self.tr("What happened"), 3)
        self.priority = Segments(theme, self.tr("Priority"), priorities, symbols=symbols, priorities=True)
        self.priority.chosen.connect(self._on_priority)
        self.caller_name = self.line_field(self.tr("Caller"), self.tr("Name"))
        self.caller_phone = self.line_field(self.tr("Telephone"), self.tr("Telephone"))
        self.service.entered.connect(lambda: self.report_text.setFocus(Qt.FocusReason.TabFocusReason))
        self.priority.entered.connect(lambda: self.caller_name.setFocus(Qt.FocusReason.TabFocusReason))

        self.body.addWidget(self.field_label(self.tr("Category")))
        self.body.addWidget(self.service)
        self.body.addWidget(self.field_label(self.tr("What happened")))
        self.body.addWidget(self.report_text)
        self.card = CardSteps(theme)
        self.body.addWidget(self.card)
        self.add_place()
        heading, add_text = self.tr("Earlier reports of this place"), self.tr("The caller adds to it")
        self.nearby = NearbyReports(theme, symbols, heading, adds="Alt A" if adds else "", add_text=add_text)
        self.nearby.add_asked.connect(self.add_asked)
        add_key(self, "Alt+A", self._add)
        self.nearby.looked_at.connect(self.nearby_opened)
        self.nearby.size_changed.connect(lambda: self._on_size(self.nearby, self.place, self.sure))
        for number in range(1, 2 * MOST_NEARBY + 1):
            add_key(self, f"Alt+{number}", partial(self._look, number))
        self.body.addWidget(self.nearby)
        self.questions = Questions(theme)
        self.questions.changed.connect(self.touch)
        self.questions.entered.connect(lambda: self._go_on(self.priority))
        add_key(self, "Alt+Q", self._on_ask)
        self.body.addWidget(self.questions)
        self.body.addWidget(self.field_label(self.tr("Priority"), self.tr("Alt P, then its digit")))
        self.body.addWidget(self.priority)
        self.add_caller(self.caller_name, self.caller_phone)
        heading = self.tr("Earlier reports of this caller")
        self.of_caller = NearbyReports(
            theme, symbols, heading, adds="Alt A" if adds else "", add_text=add_text, first=MOST_NEARBY + 1
        )
        self.of_caller.looked_at.connect(self.nearby_opened)
        self.of_caller.looked_at.connect(lambda _: self.nearby.look_away())
        self.nearby.looked_at.connect(lambda _: self.of_caller.look_away())
        self.of_caller.add_asked.connect(self.add_asked)
        self.of_caller.size_changed.connect(lambda: self._on_size(self.of_caller, self.caller_name, self.caller_phone))
        self._finds_callers, self._asked_for = finds_callers, ""
        self.caller_button = KeyButton(theme, self.tr("Earlier reports of this number"), "Alt E", height=24)
        self.caller_button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.caller_button.clicked.connect(self._ask_caller)
        self._caller_note = make_label(theme, self.tr("the server notes that you asked"), "caption", "text.tertiary")
        asking = QHBoxLayout()
        asking.setContentsMargins(0, theme.px(4), 0, 0)
        asking.setSpacing(theme.px(8))
        asking.addWidget(self.caller_button)
        asking.addWidget(self._caller_note)
        asking.addStretch(1)
        self.body.addLayout(asking)
        self.body.addWidget(self.of_caller)
        add_key(self, "Alt+E", self._ask_caller)
        self.caller_phone.textChanged.connect(self._on_phone)
        self._on_phone()
        self._order_fields()
        self.touch()
        self._before_draft = self.values()

    def _order_fields(self) -> None:
        """The order in which Tab goes through the fields."""
        fields = (
            self.service,
            self.report_text,
            self.place,
            self.sure,
            *self.questions.fields,
            self.priority,
            self.caller_name,
            self.caller_phone,
            self.of_caller.rows,
            self.nearby.rows,
            self.leave_button,
        )
        for first, second in itertools.pairwise(fields):
            self.setTabOrder(first, second)

    def set_services(self, choices: Sequence[ListChoice], priorities: dict[str, str] | None = None) -> None:
        """The categories, and the priority each begins with (`{code: "3"}`) until one is chosen by hand."""
        self.service.set_choices(choices)
        self._default_priorities = dict(priorities or {})

    def set_nearby(self, rows: Sequence[NearbyReport], looked_for: str, count: int, none: str) -> None:
        """What is known already of the place: see `NearbyReports.show_reports`."""
        self.nearby.show_reports(rows, looked_for, count, none=none)

    def ask(
        self, heading: str, questions: Sequence[CategoryQuestion], fault_of: Callable[[str, Sequence[str]], str]
    ) -> None:
        """What the category asks of the caller: see `Questions.ask`."""
        before = self.questions.asked
        self.questions.ask(heading, self.tr("Alt Q, then their digits"), questions, fault_of)
        if self.questions.asked != before:
            self._order_fields()
            self.touch()
            if self.isVisible():
                self.fit()

    def show_card(self, name: str, steps: Sequence[str]) -> None:
        """What the run card of the category and its priority says is to be asked or done; nothing without steps."""
        heading = self.tr("Run card: {name}").format(name=name) if steps else ""
        if self.card.show_steps(heading, self.tr("ticked in the report, once it is saved"), steps):
            self._on_size(self.card, self.service, self.report_text, self.priority)

    @override
    def touch(self) -> None:
        super().touch()
        case = (self.service.value(), self.priority.value())
        if case != self._case:
            self._case = case
            self.case_changed.emit(*case)

    def _on_ask(self) -> None:
        if not self.questions.go_in():
            self.unused_key.emit("Alt+Q")

    @property
    def _is_hurried(self) -> bool:
        return self.priority.value() in self._hurried

    def set_caller_reports(
        self, phone: str, rows: Sequence[NearbyReport], looked_for: str, count: int, none: str
    ) -> None:
        """The earlier reports of a telephone number, unless another one stands there by now."""
        if phone == self._asked_for:
            self.of_caller.show_reports(rows, looked_for, count, none=none)

    def _on_phone(self) -> None:
        """What was found for another number is not of this caller; without a number nothing can be asked."""
        phone = self.caller_phone.text().strip()
        if phone != self._asked_for or not phone:
            self._asked_for = ""
            self.of_caller.hide()
            self.of_caller.show_reports([], "", 0)
        is_offered, was_offered = self._finds_callers and bool(phone), not self.caller_button.isHidden()
        self.caller_button.setVisible(is_offered)
        self._caller_note.setVisible(is_offered)
        if is_offered != was_offered:
            self._on_size(self.caller_button, self.caller_phone)

    def _ask_caller(self) -> None:
        phone = self.caller_phone.text().strip()
        if not phone or not self._finds_callers:
            self.unused_key.emit("Alt+E")
            return
        self._asked_for = phone
        self.of_caller.show()
        self.caller_asked.emit(phone)
        self._on_size(self.of_caller, self.caller_name, self.caller_phone)

    def _look(self, number: int) -> None:
        rows, at = (self.nearby, number) if number <= MOST_NEARBY else (self.of_caller, number - MOST_NEARBY)
        if not rows.look(at):
            self.unused_key.emit(f"Alt+{number}")

    def _add(self) -> None:
        if not (self.nearby.add() or self.of_caller.add()):
            self.unused_key.emit("Alt+A")

    def _on_size(self, part: QWidget, *beside: QWidget) -> None:
        """A part of the body has another height: bring it into sight while the keyboard is in a field beside it."""
        if not self.isVisible():
            return
        self.fit()
        if self.focusWidget() in (*beside, *part.findChildren(QWidget)):
            QTimer.singleShot(0, part, lambda: self.bring_into_sight(part))  # once all of it is laid out

    @property
    def priority_entered(self) -> str:
        """The priority that was chosen by hand, or stands there and is one of `hurried`; "" for what only follows from
        the category.
        """
        return self.priority.value() if self._priority_by_hand or self._is_hurried else ""

    @override
    def values(self) -> dict[str, Any]:
        return {
            **super().values(),
            "service": self.service.value(),
            "text": self.report_text.toPlainText().strip(),
            "answers": self.questions.answers(),
            "priority": self.priority.value(),
            "caller_name": self.caller_name.text().strip(),
            "caller_phone": self.caller_phone.text().strip(),
        }

    @override
    def set_values(self, draft: dict[str, Any]) -> None:
        self.service.set_free_text("")
        self.service.set_value(str(draft.get("service", "")))
        put_text(self.report_text, str(draft.get("text", "")))
        self.service_changed.emit(self.service.value())
        self.questions.forget()
        self.questions.set_answers(draft.get("answers") or {})
        super().set_values(draft)
        self.priority.set_value(str(draft.get("priority", "")))
        self._priority_by_hand = bool(draft.get("priority"))
        self.caller_name.setText(str(draft.get("caller_name", "")))
        self.caller_phone.setText(str(draft.get("caller_phone", "")))
        self.touch()

    @override
    def held_up_by(self) -> QWidget | None:
        if not self.service.value():
            return self.service
        if not self.report_text.toPlainText().strip():
            return self.report_text
        asked = self.questions.open_question()
        return asked[0] if asked is not None and not super().why_not() else self.sure

    @override
    def why_not(self) -> str:
        if not self.service.value():
            return self.tr("Category: choose one from the list")
        if not self.report_text.toPlainText().strip():
            return self.tr("What happened: a few words")
        asked = self.questions.open_question()
        if (why := super().why_not()) or asked is None or self._is_hurried:
            return why
        return self.tr("{question}: ask the caller, Alt Q").format(question=asked[1]) if asked[2] else asked[1]

    @override
    def foot_note(self) -> str:
        if not self.is_placed:
            return self._unsure or self.tr("Without a place: not on the map, no unit near")
        asked = self.questions.open_question()
        return self.tr("Saved without: {question}").format(question=asked[1]) if asked is not None else ""

    @override
    def first_field(self) -> QWidget:
        return self.service

    @override
    def after_place(self) -> QWidget:
        return next(iter(self.questions.fields), self.priority)

    @override
    def is_empty(self) -> bool:
        values = self.values()
        return not any(values[key] for key in ("service", "text", "address", "caller_name", "caller_phone"))

    @override
    def offer_earlier(self, words: str) -> None:
        super().offer_earlier(words)
        self.another_button.hide()

    def _begin_another(self) -> None:
        if self._several and not self.is_empty():
            values = self.values()
            self.clear_draft()
            self.put_aside.emit(values)
        else:
            self.unused_key.emit("Ctrl+N")

    def _on_service(self, code: str) -> None:
        if not self._priority_by_hand and code in self._default_priorities:
            self.priority.set_value(self._default_priorities[code])
        self.service_changed.emit(code)
        self.touch()

    def _on_priority(self, _: str) -> None:
        self._priority_by_hand = True
        self.touch()
