"""The first page of a new profile: where the city's server is, what was found there, and connecting it."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QCheckBox, QLineEdit, QWidget
from typing_extensions import override

from widgets.forms.form import Form, make_label
from widgets.theme import Theme

_LOOKED_AT = ("address", "jurisdiction", "token", "insecure_http")


class ConnectForm(Form):
    """Looks at an address first, shows what answers there, then connects it. Values: address, jurisdiction, token,
    name, insecure_http.

    Enter or the filled button: `look_asked` for an address not looked at yet (answer with `show_found` or
    `show_problem`), else `committed`.
    """

    look_asked = Signal(dict)

    def __init__(self, theme: Theme, *, parent: QWidget | None = None) -> None:
        super().__init__(theme, "", commit_text="", commit_keys="↵", width=560, parent=parent)
        self._found: dict[str, Any] | None = None
        self._looking = False
        title = self.tr("Connect a city")
        self._title.setText(title)
        self.setWindowTitle(f"Sigap: {title}")
        self.setAccessibleName(title)
        self.set_sentence(
            self.tr("Sigap works on a copy of the reports of a server, also without a network. Which server is it?")
        )
        self.address = self.line_field(self.tr("Address"), "https://reports.example.city")
        self.insecure = QCheckBox(self.tr("Connect without encryption: others on the network can read everything"))
        self.insecure.setFont(theme.font("dense"))
        self.insecure.toggled.connect(lambda _: self.touch())
        self.jurisdiction = self.line_field(self.tr("Jurisdiction"), "city.example.org")
        self.token = self.line_field(self.tr("Token"))
        self.token.setEchoMode(QLineEdit.EchoMode.Password)
        self.name = self.line_field(self.tr("Name"))
        self.body.addWidget(self.field_label(self.tr("Address"), self.tr("a Sigap server or an Open311 one")))
        self.body.addWidget(self.address)
        self.body.addWidget(self.insecure)
        self._jurisdiction_label = self.field_label(
            self.tr("Jurisdiction"), self.tr("the jurisdiction_id of an Open311 server that asks for one")
        )
        self.body.addWidget(self._jurisdiction_label)
        self.body.addWidget(self.jurisdiction)
        self.ask_jurisdiction(False)
        note = self.tr("optional for reading; kept in this computer's keyring")
        self.body.addWidget(self.field_label(self.tr("Token"), note))
        self.body.addWidget(self.token)
        self.body.addWidget(self.field_label(self.tr("Name"), self.tr("optional; else the server's own")))
        self.body.addWidget(self.name)
        self.body.addSpacing(theme.px(10))
        self.answer = make_label(theme, "", "body", "text.primary")
        self.answer.setWordWrap(True)
        self.answer.setMinimumHeight(2 * theme.line("body"))
        self.body.addWidget(self.answer)
        self.leave_button.set_verb(self.tr("Later"))
        self.touch()

    def show_found(self, words: str, name: str) -> None:
        """Something answers there: say what, and offer to connect it."""
        self._looking = False
        self._found = self._looked_at()
        self._say(words, "text.primary")
        self.name.setPlaceholderText(name)
        self.touch()
        self.commit_button.setFocus()

    def ask_jurisdiction(self, wanted: bool = True) -> None:
        """Show the field of the jurisdiction, which few servers want, and go there."""
        self._jurisdiction_label.setVisible(wanted)
        self.jurisdiction.setVisible(wanted)
        if wanted:
            self.jurisdiction.setFocus()

    def show_problem(self, words: str) -> None:
        """Nothing usable answers there: say why."""
        self._looking = False
        self._say(words, "priority.p2")
        self.touch()
        self.address.setFocus()

    @override
    def touch(self) -> None:
        plain = self.address.text().strip().lower().startswith("http://")
        self.insecure.setVisible(plain and not _is_loopback(self.address.text()))
        if self._found is not None and self._found != self._looked_at():
            self._found = None
            self._say("", "text.primary")
        self.commit_button.set_verb(self.tr("Connect") if self._found is not None else self.tr("Look"))
        super().touch()

    @override
    def commit(self) -> None:
        if self.why_not() or self._found is not None:
            super().commit()
            return
        self._looking = True
        self._say(self.tr("Looking"), "text.secondary")
        self.touch()
        self.look_asked.emit(self.values())

    @override
    def values(self) -> dict[str, Any]:
        return {
            "address": self.address.text().strip(),
            "jurisdiction": "" if self.jurisdiction.isHidden() else self.jurisdiction.text().strip(),
            "token": self.token.text().strip(),
            "name": self.name.text().strip(),
            "insecure_http": self.insecure.isChecked() and not self.insecure.isHidden(),
        }

    @override
    def why_not(self) -> str:
        if self._looking:
            return self.tr("The server is being asked")
        return "" if self.address.text().strip() else self.tr("Needs an address")

    @override
    def held_up_by(self) -> QWidget | None:
        return self.address

    @override
    def first_field(self) -> QWidget:
        return self.address

    @override
    def is_empty(self) -> bool:
        return True

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.text() == "\r":
            if not event.isAutoRepeat():
                self.commit()
        else:
            super().keyPressEvent(event)

    def _looked_at(self) -> dict[str, Any]:
        values = self.values()
        return {name: values[name] for name in _LOOKED_AT}

    def _say(self, words: str, token: str) -> None:
        self.answer.setText(words)
        self.answer.setStyleSheet(f"color:{self.theme.hex(token)};background:transparent")


class TokenForm(Form):
    """A server's token, typed again. Values: token. `skip_text` names a button for who has none for it: `skipped`."""

    def __init__(
        self, theme: Theme, title: str, sentence: str, *, skip_text: str = "", parent: QWidget | None = None
    ) -> None:
        super().__init__(theme, title, sentence, commit_text="", commit_keys="↵", width=480, parent=parent)
        self.commit_button.set_verb(self.tr("Sign in"))
        self.token = self.line_field(self.tr("Token"))
        self.token.setEchoMode(QLineEdit.EchoMode.Password)
        self.token.returnPressed.connect(self.commit)  # one line, nothing to write on in
        self.body.addWidget(self.token)
        if skip_text:
            self.add_skip(skip_text)
        self.touch()

    @override
    def values(self) -> dict[str, Any]:
        return {"token": self.token.text().strip()}

    @override
    def why_not(self) -> str:
        return "" if self.values()["token"] else self.tr("Nothing is written yet")

    @override
    def first_field(self) -> QWidget:
        return self.token

    @override
    def is_empty(self) -> bool:
        return True  # a token is never kept as a draft


def _is_loopback(address: str) -> bool:
    rest = address.strip().lower().removeprefix("http://")
    return rest.startswith(("localhost", "127.", "[::1]"))
