"""The form in which a report is closed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QWidget,
)
from typing_extensions import override

from widgets.forms.fields import Segments, Tick
from widgets.forms.form import Form, put_text
from widgets.theme import Theme


class CloseForm(Form):
    """How a report ends, and which units it lets go. Values: disposition, reason, release and stay (ids of units).

    `dispositions` are (code, words, whether a reason is needed); `units` are (id, words), all ticked at first. A digit
    chooses the outcome, Enter then closes the report. With the outcome `duplicate` it is not closed here: `merge_asked`
    leads to where the other report is looked at; `why_no_duplicate` says why there is none.
    """

    merge_asked = Signal()

    def __init__(
        self,
        theme: Theme,
        title: str,
        dispositions: Sequence[tuple[str, str, bool]],
        units: Sequence[tuple[str, str]] = (),
        *,
        duplicate: str = "",
        why_no_duplicate: str = "",
        about: str = "",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(theme, title, commit_text="", commit_keys="↵", about=about, parent=parent)
        self._duplicate, self._why_no_duplicate = duplicate, why_no_duplicate
        self._needs = {code for code, _, needs in dispositions if needs}
        self.reason = self.reason_field(self.tr("Reason"))
        self.disposition = Segments(theme, self.tr("Outcome"), [(code, words) for code, words, _ in dispositions])
        self.disposition.chosen.connect(lambda _: self.touch())
        self.disposition.entered.connect(self.commit)
        self.disposition.typed.connect(lambda text: self.write_on(self.reason, text))
        self.body.addWidget(self.field_label(self.tr("Outcome")))
        self.body.addWidget(self.disposition)
        self.body.addWidget(self.field_label(self.tr("Reason"), self.tr("type on, the words go here")))
        self.body.addWidget(self.reason)
        self.ticks: dict[str, Tick] = {}
        self._units = self.field_label(self.tr("Units to release"), self.tr("Space ticks"))
        self._units.hide()
        self.body.addWidget(self._units)
        self.set_units(units)

    def set_units(self, units: Sequence[tuple[str, str]]) -> None:
        """Which units may be let go, as (id, words): one that comes is ticked, one that has gone is not asked about."""
        for unit_id in self.ticks.keys() - {one for one, _ in units}:
            tick = self.ticks.pop(unit_id)
            if tick.hasFocus():  # else the keyboard would go to the next button
                self.disposition.setFocus(Qt.FocusReason.OtherFocusReason)
            self.body.removeWidget(tick)
            tick.deleteLater()
        for unit_id, words in units:
            if unit_id not in self.ticks:
                tick = self.ticks[unit_id] = Tick(self.theme, words, on=True)
                tick.toggled.connect(self.touch)
                tick.entered.connect(self.commit)
                self.body.insertWidget(self.body.indexOf(self._units) + len(self.ticks), tick)
        self._units.setVisible(bool(self.ticks))
        if self.isVisible():
            self.fit()
        self.touch()

    @property
    def _is_duplicate(self) -> bool:
        return bool(self._duplicate) and self.disposition.value() == self._duplicate

    @override
    def touch(self) -> None:
        verb = self.tr("Look at the other report") if self._is_duplicate else self.tr("Close report")
        self.commit_button.set_verb(verb)
        super().touch()

    @override
    def commit(self) -> None:
        if not self._is_duplicate or self.why_not():
            super().commit()
            return
        self.disposition.set_value("")  # what stays as a draft are the words, if there are any
        self.reject()
        self.merge_asked.emit()

    @override
    def values(self) -> dict[str, Any]:
        return {
            "disposition": self.disposition.value(),
            "reason": self.reason.toPlainText().strip(),
            "release": [unit_id for unit_id, tick in self.ticks.items() if tick.isChecked()],
            "stay": [unit_id for unit_id, tick in self.ticks.items() if not tick.isChecked()],
        }

    @override
    def set_values(self, draft: dict[str, Any]) -> None:
        self.disposition.set_value(str(draft.get("disposition", "")))
        put_text(self.reason, str(draft.get("reason", "")))
        for unit_id, tick in self.ticks.items():
            tick.setChecked(unit_id not in draft.get("stay", ()))
        self.touch()

    @override
    def held_up_by(self) -> QWidget | None:
        return self.reason if self.disposition.value() and not self._is_duplicate else self.disposition

    @override
    def why_not(self) -> str:
        values = self.values()
        if self._is_duplicate:
            return self._why_no_duplicate
        if not values["disposition"]:
            return self.tr("Outcome: a digit chooses one")
        if values["disposition"] in self._needs and not values["reason"]:
            return self.tr("This one needs a reason")
        return ""

    @override
    def is_empty(self) -> bool:
        values = self.values()
        return not values["disposition"] and not values["reason"]

    @override
    def first_field(self) -> QWidget:
        return self.disposition
