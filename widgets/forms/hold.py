"""The form in which a report is put on hold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QWidget,
)
from typing_extensions import override

from widgets.forms.fields import Segments
from widgets.forms.form import Form, put_text
from widgets.theme import Theme


class HoldForm(Form):
    """Why a report waits, and until when. Values: waits_for, until, reason.

    `waits_for` and `untils` are (id, words); the first of `untils` is chosen at first. A digit chooses in one row and
    goes on to the next; Enter in a row commits.
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
        super().__init__(theme, title, commit_text="", commit_keys="↵", about=about, parent=parent)
        self.commit_button.set_verb(self.tr("Hold"))
        self.waits_for = Segments(theme, self.tr("Waits for"), waits_for)
        self.waits_for.chosen.connect(self._on_waits_for)
        self.body.addWidget(self.field_label(self.tr("Waits for")))
        self.body.addWidget(self.waits_for)
        self.until: Segments | None = None
        if untils:
            self.until = Segments(theme, self.tr("Until"), untils, current=untils[0][0])
            self.until.chosen.connect(self.touch)
            self.until.went_back.connect(self.waits_for.setFocus)
            self.body.addWidget(self.field_label(self.tr("Until")))
            self.body.addWidget(self.until)
        self.reason = self.reason_field(self.tr("Reason"))
        self.body.addWidget(self.field_label(self.tr("Reason"), self.tr("optional; type on, the words go here")))
        self.body.addWidget(self.reason)
        for row in (self.waits_for, self.until):
            if row is not None:
                row.entered.connect(self.commit)
                row.typed.connect(lambda text: self.write_on(self.reason, text))
        self.touch()

    def _on_waits_for(self, _: str) -> None:
        self.touch()
        if self.until is not None:
            self.until.setFocus(Qt.FocusReason.ShortcutFocusReason)

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
        return self.waits_for

    @override
    def why_not(self) -> str:
        return "" if self.values()["waits_for"] else self.tr("What does it wait for?")

    @override
    def is_empty(self) -> bool:
        values = self.values()
        return not values["waits_for"] and not values["reason"]

    @override
    def first_field(self) -> QWidget:
        return self.waits_for
