"""Which web map a profile allows: a street map or aerial picture of a provider, by its address."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtWidgets import QWidget
from typing_extensions import override

from widgets.forms.form import Form
from widgets.theme import Theme

_DEEPEST = 22


class WebMapForm(Form):
    """Asks for the address of a web map and what goes with it; no address: none is allowed. Values: address, name,
    attribution, rules, max_zoom. `problem_of(address)` is why an address cannot be used, "" when it can.
    """

    def __init__(self, theme: Theme, problem_of: Callable[[str], str], *, parent: QWidget | None = None) -> None:
        super().__init__(theme, "", commit_text="", width=560, parent=parent)
        self._problem_of = problem_of
        title = self.tr("Web map of this profile")
        self._title.setText(title)
        self.setWindowTitle(title)
        self.setAccessibleName(title)
        self.set_sentence(
            self.tr(
                "A street map or aerial picture that its provider lets you use. It is shown only when it is switched "
                "on, and its provider then learns which places are looked at."
            )
        )
        self.commit_button.set_verb(self.tr("Save"))
        self.address = self.line_field(self.tr("Address"), "https://maps.example.org/{z}/{x}/{y}.png")
        self.name = self.line_field(self.tr("Name"), self.tr("Aerial picture"))
        self.attribution = self.line_field(self.tr("Whose it is"), self.tr("© its makers, as they ask to be named"))
        self.rules = self.line_field(self.tr("Rules of use"), "https://maps.example.org/terms")
        self.max_zoom = self.line_field(self.tr("Deepest zoom"), "")
        self.max_zoom.setText("19")
        for field, label, hint in (
            (self.address, self.tr("Address"), self.tr("with {z}, {x} and {y}; leave it empty to allow none")),
            (self.name, self.tr("Name"), ""),
            (self.attribution, self.tr("Whose it is"), self.tr("shown in the corner of the map")),
            (self.rules, self.tr("Rules of use"), self.tr("where they stand; optional")),
            (self.max_zoom, self.tr("Deepest zoom"), self.tr("beyond it pictures are drawn larger")),
        ):
            self.body.addWidget(self.field_label(label, hint))
            self.body.addWidget(field)
        self.touch()

    @override
    def values(self) -> dict[str, Any]:
        fields = {"address": self.address, "name": self.name, "attribution": self.attribution, "rules": self.rules}
        return {key: field.text().strip() for key, field in fields.items()} | {"max_zoom": self._zoom() or 0}

    @override
    def set_values(self, draft: dict[str, Any]) -> None:
        self.address.setText(str(draft.get("address", "")))
        self.name.setText(str(draft.get("name", "")))
        self.attribution.setText(str(draft.get("attribution", "")))
        self.rules.setText(str(draft.get("rules", "")))
        self.max_zoom.setText(str(draft.get("max_zoom", self.max_zoom.text())))
        self.touch()

    @override
    def why_not(self) -> str:
        address = self.address.text().strip()
        if not address:
            return ""
        problem = self._problem_of(address)
        if problem:
            return problem
        if not self.name.text().strip():
            return self.tr("Needs a name")
        if not self.attribution.text().strip():
            return self.tr("Needs to say whose it is")
        return "" if self._zoom() else self.tr("The deepest zoom is a number from 1 to {most}").format(most=_DEEPEST)

    @override
    def held_up_by(self) -> QWidget | None:
        if self._problem_of(self.address.text().strip()):
            return self.address
        return next((one for one in (self.name, self.attribution) if not one.text().strip()), self.max_zoom)

    def _zoom(self) -> int | None:
        """The zoom that is written; None where that is none."""
        text = self.max_zoom.text().strip()
        number = int(text) if text.isascii() and text.isdecimal() and len(text) < 3 else 0
        return number if 1 <= number <= _DEEPEST else None

    @override
    def first_field(self) -> QWidget:
        return self.address
