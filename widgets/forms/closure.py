"""The form in which a street is closed, a flooded area is marked, or one of them is changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QWidget
from typing_extensions import override

from widgets.forms.fields import Segments
from widgets.forms.form import Form, put_text
from widgets.theme import Theme

Options = Sequence[tuple[str, str]]
Corners = tuple[tuple[float, float], ...]
DRAWN = "drawn"
"""The extent that is an area drawn on the map."""


class ClosureForm(Form):
    """What is closed, how far, until when, who says so. Values: kind, extent, until, said_by, words, and where an area
    is drawn its corners (lat, lon) as `area`.

    The options are (id, words). Without `extents` the place stays as it is. A digit chooses in a row and goes on to the
    next one; Enter in a row commits. Of the extent DRAWN the map is asked (`draw_asked`), which is answered by
    `set_area`.
    """

    draw_asked = Signal()
    """An area is to be drawn, or the corners of `area` moved."""
    area_changed = Signal()
    """`area` is another one."""

    def __init__(
        self,
        theme: Theme,
        title: str,
        kinds: Options,
        extents: Options,
        untils: Options,
        known: dict[str, str],
        *,
        verb: str,
        about: str = "",
        extents_last: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        """`known` are the values that stand in it at first; with `extents_last` how far is asked after until when."""
        super().__init__(theme, title, commit_text="", commit_keys="↵", about=about, parent=parent)
        self.commit_button.set_verb(verb)
        self._before = known
        self._missing: dict[str, str] = {}
        self._rows: dict[str, Segments] = {}
        self._drawn: Corners = ()
        where, until = ("extent", self.tr("Where"), extents), ("until", self.tr("Until"), untils)
        for name, words, options in (
            ("kind", self.tr("What"), kinds),
            *((until, where) if extents_last else (where, until)),
        ):
            if options:
                self._rows[name] = Segments(theme, words, options, current=known.get(name, ""))
                self.body.addWidget(self.field_label(words))
                self.body.addWidget(self._rows[name])
        rows = list(self._rows.values())
        self.words = self.reason_field(self.tr("Words"))
        self.said_by = self.line_field(self.tr("Who says so"), self.tr("you, if empty"))
        self.said_by.returnPressed.connect(self.commit)
        self.said_by.setMaxLength(200)
        self.body.addWidget(self.field_label(self.tr("Words"), self.tr("optional; type on, the words go here")))
        self.body.addWidget(self.words)
        self.body.addWidget(self.field_label(self.tr("Who says so"), self.tr("optional")))
        self.body.addWidget(self.said_by)
        for row, following in zip(rows, (*rows[1:], self.words), strict=True):
            row.chosen.connect(lambda _, then=following: self._go_on(then))
            row.entered.connect(self.commit)
            row.typed.connect(lambda text: self.write_on(self.words, text))
        if extents:
            self._rows["extent"].chosen.connect(lambda extent: self.draw_asked.emit() if extent == DRAWN else None)
        for row, earlier in zip(rows[1:], rows, strict=False):
            row.went_back.connect(earlier.setFocus)
        put_text(self.words, known.get("words", ""))
        self.said_by.setText(known.get("said_by", ""))
        self.touch()

    def set_extent(self, extent: str, words: str, why_not: str = "") -> None:
        """Other words for one of the extents, and why it cannot be closed, "" when it can."""
        self._rows["extent"].set_words(extent, words)
        self._missing[extent] = why_not
        self.touch()

    @property
    def area(self) -> Corners:
        """The corners of the area that was drawn, none for no area."""
        return self._drawn

    def set_area(self, corners: Corners) -> None:
        """This area was drawn."""
        self._drawn = corners
        self.touch()
        self.area_changed.emit()

    def _go_on(self, then: QWidget) -> None:
        self.touch()
        then.setFocus(Qt.FocusReason.ShortcutFocusReason)

    @override
    def values(self) -> dict[str, Any]:
        chosen = {name: row.value() for name, row in self._rows.items()}
        words = " ".join(self.words.toPlainText().split())
        area = {"area": [list(corner) for corner in self._drawn]} if self._drawn else {}
        return {**chosen, "said_by": self.said_by.text().strip(), "words": words, **area}

    @override
    def set_values(self, draft: dict[str, Any]) -> None:
        for name, row in self._rows.items():
            row.set_value(str(draft.get(name, "")))
        self.said_by.setText(str(draft.get("said_by", "")))
        put_text(self.words, str(draft.get("words", "")))
        if (area := _corners_of(draft)) != self._drawn:
            self.set_area(area)
        self.touch()

    @override
    def held_up_by(self) -> QWidget | None:
        missing = next((row for row in self._rows.values() if not row.value()), None)
        return missing or self.words

    @override
    def why_not(self) -> str:
        if not self._rows["kind"].value():
            return self.tr("What is it?")
        if not all(row.value() for row in self._rows.values()):
            return self.tr("How far, and until when?")
        extent = self.values().get("extent", "")
        if why := self._missing.get(extent, ""):
            return why
        if extent == DRAWN and not self._drawn:
            number = self._rows["extent"].options().index(DRAWN) + 1
            return self.tr("Draw the area on the map: {key} in the row Where").format(key=number)
        return self.tr("The words are too long") if len(self.values()["words"]) > _MOST_WORDS else ""

    @override
    def is_empty(self) -> bool:
        values = self.values()
        return all(values[name] == self._before.get(name, "") for name in values)

    @override
    def first_field(self) -> QWidget:
        return self._rows["kind"]


def _corners_of(draft: Mapping[str, Any]) -> Corners:
    """Those in values of the form."""
    return tuple((float(lat), float(lon)) for lat, lon in draft.get("area", ()))


_MOST_WORDS = 500
