"""Ask for a text, or whether to go on."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from PySide6.QtWidgets import (
    QPlainTextEdit,
    QWidget,
)
from typing_extensions import override

from widgets.forms.form import Form, put_text
from widgets.keys import KeyButton, add_key
from widgets.text import one_line, tip
from widgets.theme import Theme


class AskText(Form):
    """Asks for a text: a note, a reply, or a `reason`, in which Enter commits. Values: text. Alt and a digit insert a
    template.
    """

    def __init__(
        self,
        theme: Theme,
        title: str,
        sentence: str = "",
        templates: Sequence[tuple[str, str]] = (),
        *,
        about: str = "",
        verb: str = "",
        reason: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        keys = "↵" if reason else "Ctrl ↵"
        super().__init__(theme, title, sentence, commit_text="", commit_keys=keys, about=about, parent=parent)
        self.commit_button.set_verb(verb or self.tr("Save"))
        self.field: QPlainTextEdit = self.reason_field(title) if reason else self.text_field(title, 5)
        self.body.addWidget(self.field)
        if templates:
            self.body.addWidget(self.field_label(self.tr("Templates")))
        for number, (name, text) in enumerate(templates[:9]):
            button = KeyButton(theme, one_line(name), f"Alt {number + 1}")
            button.setToolTip(tip(text))
            button.clicked.connect(lambda _=False, text=text: self.insert(text))
            add_key(self, f"Alt+{number + 1}", partial(self.insert, text))
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


class AskForm(Form):
    """Asks whether to go on after an action's key: what will follow, and one button that does it."""

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
