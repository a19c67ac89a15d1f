"""The form for what a caller adds to a report that is there already."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtWidgets import QHBoxLayout, QWidget
from typing_extensions import override

from widgets.forms.form import Form, put_text
from widgets.theme import Theme


class CallerAddsForm(Form):
    """What the caller says, and who he is where he says so. Values: text, caller_name, caller_phone."""

    def __init__(self, theme: Theme, *, about: str = "", parent: QWidget | None = None) -> None:
        title = QCoreApplication.translate("CallerAddsForm", "The caller adds")
        super().__init__(theme, title, commit_text="", about=about, parent=parent)
        self.set_sentence(
            self.tr("An internal note of the caller's words, counted as one more who reports it. Sent, it stays.")
        )
        self.commit_button.set_verb(self.tr("Save"))
        self.report_text = self.text_field(self.tr("What the caller says"), 4)
        self.caller_name = self.line_field(self.tr("Caller"), self.tr("Name"))
        self.caller_phone = self.line_field(self.tr("Telephone"), self.tr("Telephone"))
        self.body.addWidget(self.field_label(self.tr("What the caller says")))
        self.body.addWidget(self.report_text)
        self.body.addWidget(self.field_label(self.tr("Caller"), self.tr("optional, shown to nobody without a reason")))
        row = QHBoxLayout()
        row.setSpacing(theme.px(8))
        row.addWidget(self.caller_name, 3)
        row.addWidget(self.caller_phone, 2)
        self.body.addLayout(row)
        self.caller_name.returnPressed.connect(lambda: self.caller_phone.setFocus(Qt.FocusReason.TabFocusReason))
        self.touch()

    @override
    def values(self) -> dict[str, Any]:
        return {
            "text": self.report_text.toPlainText().strip(),
            "caller_name": self.caller_name.text().strip(),
            "caller_phone": self.caller_phone.text().strip(),
        }

    @override
    def set_values(self, draft: dict[str, Any]) -> None:
        put_text(self.report_text, str(draft.get("text", "")))
        self.caller_name.setText(str(draft.get("caller_name", "")))
        self.caller_phone.setText(str(draft.get("caller_phone", "")))
        self.touch()

    @override
    def why_not(self) -> str:
        return "" if self.report_text.toPlainText().strip() else self.tr("What the caller says: a few words")

    @override
    def held_up_by(self) -> QWidget | None:
        return self.report_text

    @override
    def first_field(self) -> QWidget:
        return self.report_text
