"""The form for what a caller adds to a report that is there already."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtWidgets import QWidget
from typing_extensions import override

from widgets.forms.fields import Segments
from widgets.forms.form import Form, put_text
from widgets.keys import add_key
from widgets.symbols import Symbols
from widgets.theme import Theme


class CallerAddsForm(Form):
    """What the caller says, and who he is where he says so. Values: text, caller_name, caller_phone, priority.

    `priority_now` is the report's. A more urgent one in the values that are filled in, as it was entered for a new
    report, becomes the report's unless it is chosen that it stays: then, and without one, the value is "".
    """

    def __init__(
        self, theme: Theme, symbols: Symbols, priority_now: int, *, about: str = "", parent: QWidget | None = None
    ) -> None:
        title = QCoreApplication.translate("CallerAddsForm", "The caller adds")
        super().__init__(theme, title, commit_text="", about=about, parent=parent)
        self._now = priority_now
        self.add_earlier_key()
        self.commit_button.set_verb(self.tr("Save"))
        self.report_text = self.text_field(self.tr("What the caller says"), 4)
        self.caller_name = self.line_field(self.tr("Caller"), self.tr("Name"))
        self.caller_phone = self.line_field(self.tr("Telephone"), self.tr("Telephone"))
        self.body.addWidget(self.field_label(self.tr("What the caller says")))
        self.body.addWidget(self.report_text)
        self._priority_label = self.field_label(
            self.tr("Priority, P{now} until now").format(now=priority_now), self.tr("Alt P, then 1 or 2")
        )
        self.priority = Segments(theme, self.tr("Priority"), [], symbols=symbols, priorities=True)
        self.priority.chosen.connect(lambda _: self._on_priority())
        self.priority.entered.connect(lambda: self.caller_name.setFocus(Qt.FocusReason.TabFocusReason))
        add_key(self, "Alt+P", self._go_to_priority)
        self.body.addWidget(self._priority_label)
        self.body.addWidget(self.priority)
        self.add_caller(self.caller_name, self.caller_phone)
        self.caller_name.returnPressed.connect(lambda: self.caller_phone.setFocus(Qt.FocusReason.TabFocusReason))
        for first, second in (
            (self.report_text, self.priority),
            (self.priority, self.caller_name),
            (self.caller_name, self.caller_phone),
            (self.caller_phone, self.leave_button),
        ):
            self.setTabOrder(first, second)
        self._offer("")

    def _offer(self, entered: str) -> None:
        """Let the priority that was `entered` be chosen, where it is more urgent than that of the report."""
        # protects: entered-priority-is-not-dropped
        raises = entered.isdecimal() and 0 < int(entered) < self._now
        becomes, stays = self.tr("Becomes P{n}").format(n=entered), self.tr("Stays P{n}").format(n=self._now)
        self.priority.set_options([(entered, becomes), (str(self._now), stays)] if raises else [])
        self.priority.set_value(entered if raises else "")
        for part in (self._priority_label, self.priority):
            part.setVisible(raises)
        self._on_priority()

    @property
    def _raised_to(self) -> str:
        return "" if self.priority.value() == str(self._now) else self.priority.value()

    def _on_priority(self) -> None:
        note = self.tr("An internal note of the caller's words, counted as one more who reports it. Sent, it stays.")
        entered = self._raised_to
        raised = self.tr("It becomes P{n}, as you entered; until now it is P{now}.").format(n=entered, now=self._now)
        self.set_sentence(f"{raised} {note}" if entered else note, urgent=entered == "1")
        self.touch()
        if self.isVisible():
            self.fit()

    def _go_to_priority(self) -> None:
        if self.priority.options():
            self.priority.setFocus(Qt.FocusReason.ShortcutFocusReason)
        else:
            self.unused_key.emit("Alt+P")

    @override
    def values(self) -> dict[str, Any]:
        return {
            "text": self.report_text.toPlainText().strip(),
            "caller_name": self.caller_name.text().strip(),
            "caller_phone": self.caller_phone.text().strip(),
            "priority": self._raised_to,
        }

    @override
    def set_values(self, draft: dict[str, Any]) -> None:
        put_text(self.report_text, str(draft.get("text", "")))
        self.caller_name.setText(str(draft.get("caller_name", "")))
        self.caller_phone.setText(str(draft.get("caller_phone", "")))
        self._offer(str(draft.get("priority", "")))

    @override
    def why_not(self) -> str:
        return "" if self.report_text.toPlainText().strip() else self.tr("What the caller says: a few words")

    @override
    def held_up_by(self) -> QWidget | None:
        return self.report_text

    @override
    def first_field(self) -> QWidget:
        return self.report_text
