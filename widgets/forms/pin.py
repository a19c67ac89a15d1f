"""The form in which somebody signs by his PIN, or chooses another one."""

from __future__ import annotations

from typing import Any

from PySide6.QtWidgets import QLineEdit, QWidget
from typing_extensions import override

from widgets.forms.form import Form
from widgets.theme import Theme

LEAST_DIGITS, MOST_DIGITS = 6, 12


class PinForm(Form):
    """A PIN, which nobody can read and which is kept nowhere. Values: pin, and of a new one `before`.

    A new one is typed twice. `skip_text` names a button (Alt+N) for what is done without a PIN: `skipped`.
    """

    def __init__(
        self,
        theme: Theme,
        title: str,
        sentence: str,
        verb: str,
        *,
        about: str = "",
        is_new: bool = False,
        skip_text: str = "",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(theme, title, sentence, commit_text="", commit_keys="↵", width=480, about=about, parent=parent)
        self.commit_button.set_verb(verb)
        self.pin = self._add(self.tr("New PIN") if is_new else self.tr("PIN"))
        self.again = self._add(self.tr("Once more")) if is_new else None
        # Who has none yet would type the new one into what comes first.
        self.before = self._add(self.tr("PIN until now"), self.tr("none yet: leave it empty")) if is_new else None
        if skip_text:
            self.add_skip(skip_text)
        self.touch()

    def _add(self, name: str, note: str = "") -> QLineEdit:
        field = self.line_field(name)
        field.setEchoMode(QLineEdit.EchoMode.Password)
        field.setMaxLength(MOST_DIGITS)
        field.returnPressed.connect(self.commit)
        self.body.addWidget(self.field_label(name, note))
        self.body.addWidget(field)
        return field

    @override
    def values(self) -> dict[str, Any]:
        return {"pin": self.pin.text(), "before": self.before.text() if self.before is not None else ""}

    @override
    def why_not(self) -> str:
        pin = self.pin.text()
        if not pin:
            return self.tr("Nothing is written yet")
        if not (pin.isascii() and pin.isdecimal() and len(pin) >= LEAST_DIGITS):
            return self.tr("A PIN has {n} to {most} digits").format(n=LEAST_DIGITS, most=MOST_DIGITS)
        if self.again is not None and self.again.text() != pin:
            return self.tr("Type the new PIN once more, alike")
        return ""

    @override
    def held_up_by(self) -> QWidget | None:
        pin = self.pin.text()
        return self.again if self.again is not None and len(pin) >= LEAST_DIGITS else self.pin

    @override
    def first_field(self) -> QWidget:
        return self.pin

    @override
    def is_empty(self) -> bool:
        return True  # a PIN is never kept as a draft
