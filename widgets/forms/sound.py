"""How loud the tones of a console are, with a test of each."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget
from typing_extensions import override

from widgets.forms.fields import Segments
from widgets.forms.form import Form, make_label
from widgets.keys import KeyButton, add_key
from widgets.theme import Theme


class SoundForm(Form):
    """Asks for the loudness, and plays a tone with it, saved or not. Values: loudness.

    `tones` are (id, name, when it sounds), `loudnesses` (number, words).
    """

    test_asked = Signal(str, int)
    """A tone's id, and the loudness that is chosen."""

    def __init__(
        self,
        theme: Theme,
        tones: Sequence[tuple[str, str, str]],
        loudnesses: Sequence[tuple[int, str]],
        loudness: int,
        *,
        parent: QWidget | None = None,
    ) -> None:
        title = self.tr("Sound of this console")
        super().__init__(theme, title, " ", commit_text="", width=640, parent=parent)
        self.commit_button.set_verb(self.tr("Save"))
        self.loudness = Segments(
            theme, self.tr("Volume"), [(str(number), words) for number, words in loudnesses], current=str(loudness)
        )
        self.body.addWidget(self.field_label(self.tr("Volume"), self.tr("the computer's own volume counts too")))
        self.body.addWidget(self.loudness)
        self.body.addWidget(self.field_label(self.tr("Test"), self.tr("heard also while muted")))
        self.tests: dict[str, KeyButton] = {}
        for number, (tone, name, when) in enumerate(tones, 1):
            row = QHBoxLayout()
            row.setSpacing(theme.px(12))
            button = self.tests[tone] = KeyButton(theme, name, f"Alt {number}")
            button.setFixedWidth(theme.px(140))
            button.clicked.connect(partial(self._ask_test, tone))
            add_key(self, f"Alt+{number}", partial(self._ask_test, tone))
            row.addWidget(button)
            words = make_label(theme, when, "dense", "text.secondary")
            words.setWordWrap(True)
            row.addWidget(words, 1)
            self.body.addLayout(row)
        self.loudness.entered.connect(self.commit)
        self.loudness.chosen.connect(lambda _: self.touch())
        self.touch()

    def set_output(self, words: str, *, missing: bool) -> None:
        """Where tones are heard, or why they are not."""
        self.set_sentence(words)
        if missing:
            self._sentence.setStyleSheet(f"color:{self.theme.hex('priority.p2')};background:transparent")
        if self.isVisible():
            self.fit()

    def _ask_test(self, tone: str, _checked: bool = False) -> None:
        self.test_asked.emit(tone, int(self.loudness.value()))

    @override
    def values(self) -> dict[str, Any]:
        return {"loudness": int(self.loudness.value())}

    @override
    def is_empty(self) -> bool:
        return True

    @override
    def first_field(self) -> QWidget:
        return self.loudness
