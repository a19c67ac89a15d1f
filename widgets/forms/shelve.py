"""The form in which an alarm is shelved."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget
from typing_extensions import override

from widgets.forms.fields import Segments
from widgets.forms.form import Form, put_text
from widgets.theme import Theme


class ShelveForm(Form):
    """For how long an alarm is put away, and why. Values: until (an id of `untils`), reason.

    A digit chooses how long and goes on to the reason, without which nothing is put away.
    """

    def __init__(
        self,
        theme: Theme,
        title: str,
        sentence: str,
        untils: Sequence[tuple[str, str]],
        *,
        about: str = "",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(theme, title, sentence, commit_text="", commit_keys="↵", about=about, parent=parent)
        self.commit_button.set_verb(self.tr("Shelve"))
        self.until = Segments(theme, self.tr("For"), untils, current=untils[0][0])
        self.until.chosen.connect(self._on_until)
        self.body.addWidget(self.field_label(self.tr("For")))
        self.body.addWidget(self.until)
        self.reason = self.reason_field(self.tr("Reason"))
        self.body.addWidget(self.field_label(self.tr("Reason"), self.tr("type on, the words go here")))
        self.body.addWidget(self.reason)
        self.until.entered.connect(self.commit)
        self.until.typed.connect(lambda text: self.write_on(self.reason, text))
        self.touch()

    def _on_until(self, _: str) -> None:
        self.touch()
        self.reason.setFocus(Qt.FocusReason.ShortcutFocusReason)

    @override
    def values(self) -> dict[str, Any]:
        return {"until": self.until.value(), "reason": self.reason.toPlainText().strip()}

    @override
    def set_values(self, draft: dict[str, Any]) -> None:
        self.until.set_value(str(draft.get("until", "")))
        put_text(self.reason, str(draft.get("reason", "")))
        self.touch()

    @override
    def held_up_by(self) -> QWidget | None:
        return self.reason if self.values()["until"] else self.until

    @override
    def why_not(self) -> str:
        values = self.values()
        if not values["until"]:
            return self.tr("For how long?")
        return "" if values["reason"] else self.tr("Why is it put away?")

    @override
    def is_empty(self) -> bool:
        return not self.values()["reason"]

    @override
    def first_field(self) -> QWidget:
        return self.until
