"""Ask for a text, or whether to go on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QKeyEvent, QShowEvent
from PySide6.QtWidgets import (
    QPlainTextEdit,
    QWidget,
)
from typing_extensions import override

from widgets.forms.form import Form, make_label, put_text
from widgets.key_repeats import LOOK_S
from widgets.keys import KeyButton, add_key, is_bare_enter
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


class AskArmed(Form):
    """Asks whether to go on where something is left behind that `lines` name; Enter does it, but only once they could
    be read: LOOK_S after the form was shown. A stroke before that was meant for what was there.

    `lines` are texts, each with "loud" for the name of a thing, and "" for what is said of it.
    """

    def __init__(
        self,
        theme: Theme,
        title: str,
        about: str,
        sentence: str,
        lines: Sequence[tuple[str, str]],
        commit_text: str,
        leave_text: str,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(
            theme, title, sentence, commit_text=commit_text, commit_keys="↵", width=520, about=about, parent=parent
        )
        self.leave_button.set_verb(leave_text)
        self._is_armed = False
        self._arming = QTimer(self, singleShot=True, interval=math.ceil(LOOK_S * 1000))
        self._arming.setTimerType(Qt.TimerType.PreciseTimer)
        self._arming.timeout.connect(self._arm)
        for text, how in lines:
            loud = how == "loud"
            token, weight = ("text.primary", 600) if loud else ("text.secondary", 400)
            label = make_label(theme, one_line(text), "body", token, weight)
            label.setWordWrap(True)
            self.body.addWidget(label)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    @property
    def is_armed(self) -> bool:
        """Whether Enter does it now."""
        return self._is_armed

    def _arm(self) -> None:
        self._is_armed = True
        self.touch()

    @override
    def why_not(self) -> str:
        # protects: what-is-left-is-read
        return "" if self._is_armed else self.tr("Read what is left behind")

    @override
    def is_empty(self) -> bool:
        return True

    @override
    def first_field(self) -> QWidget:
        return self

    @override
    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._is_armed = False
        self._arming.start()
        self.touch()

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        if is_bare_enter(event):
            if not event.isAutoRepeat():
                self.commit()
            return
        super().keyPressEvent(event)
