"""The forms in which a place is typed, or pointed at on the map."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from PySide6.QtCore import QCoreApplication, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget
from typing_extensions import override

from widgets.forms.choice import ListChoice
from widgets.forms.fields import Tick, TypeAhead
from widgets.forms.form import Form, make_label
from widgets.keys import KeyButton, add_key
from widgets.symbols import Symbols
from widgets.theme import Theme


class PlaceForm(Form):
    """A form with a place. Values of it: address, place, lat, lon, is_point (they were picked on the map), middle_of
    (the id of the area that they are the middle of), within_m (how far off they may be), instead (the name of where the
    point lies, once the words were said to be wrong).

    The place is typed (the caller answers `place_typed` with `set_places`), or picked on the map (`pick_place_asked`,
    then `set_place`). Whenever a point and the words for it stand there anew, `place_changed` asks how they agree
    (`set_exactness`).
    """

    pick_place_asked = Signal()
    place_typed = Signal(str)
    place_chosen = Signal(str)
    """The id of a place out of `set_places` was taken; answer with `set_place`."""
    place_changed = Signal()
    """The point, or what is typed for it, is another one."""

    def __init__(
        self, theme: Theme, symbols: Symbols, title: str, *, width: int = 620, about: str = "",
        parent: QWidget | None = None,
    ) -> None:  # fmt: skip
        super().__init__(theme, title, commit_text="", width=width, about=about, parent=parent)
        self._lat: float | None = None
        self._lon: float | None = None
        self._middle_of, self._within_m, self._roughly = "", 0.0, ""
        self._exactness, self._doubt, self._instead = "", "", ""
        self._places_found, self._unsure = False, ""
        self._is_point = False  # pointed at on the map: the words typed for it do not move it
        self.place = TypeAhead(theme, symbols, self.tr("Place"), free=True, ready=True)
        self.place.typed.connect(self._on_place_typed)
        self.place.picked.connect(self._on_place_picked)
        self.pick = KeyButton(theme, self.tr("Pick on the map"), "Ctrl M")
        self.pick.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # Ctrl+M does it: no letter of an address presses it
        self.pick.clicked.connect(self.pick_place_asked)
        self._where = make_label(theme, "", "caption", "text.tertiary")
        self._where.setWordWrap(True)
        self.sure = Tick(theme, "")
        self.sure.toggled.connect(self.touch)
        self.place.entered.connect(lambda: self._go_on(self.sure if self._doubt else self.after_place()))
        self.sure.entered.connect(lambda: self._go_on(self.after_place()))
        self.sure.hide()
        add_key(self, "Alt+K", self._on_sure)
        add_key(self, "Ctrl+M", self.pick_place_asked.emit)

    def add_place(self, *, roomy: bool = False) -> None:
        """Put the place next into the form's body; `roomy` where nothing follows over which its list could lie."""
        self.body.addWidget(self.field_label(self.tr("Place"), self.tr("Street, area or landmark")))
        row = QHBoxLayout()
        row.setSpacing(self.theme.px(8))
        row.addWidget(self.place, 1)
        row.addWidget(self.pick)
        self.body.addLayout(row)
        below = QWidget()
        column = QVBoxLayout(below)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(self.body.spacing())
        column.addWidget(self._where)
        column.addWidget(self.sure)
        column.addStretch(1)
        if roomy:
            below.setMinimumHeight(self.place.list_height)
        self.body.addWidget(below)
        self._tell_where()

    def after_place(self) -> QWidget | None:
        """The field that follows the place, None for none."""
        return None

    @staticmethod
    def _go_on(field: QWidget | None) -> None:
        """With Enter from field to field; never to a button, which the next stroke would press."""
        if field is not None:
            field.setFocus(Qt.FocusReason.TabFocusReason)

    @property
    def is_placed(self) -> bool:
        """Whether there is a point."""
        return self._lat is not None and self._lon is not None

    def set_places(self, choices: Sequence[ListChoice], unsure: str = "") -> None:
        """The places found for what is typed, best first; `unsure` says why Enter takes none of them unasked."""
        self._places_found, self._unsure = bool(choices), unsure
        self.place.set_choices(choices, armed=not unsure)
        self._tell_where()
        self.touch()  # the foot says it too: the list lies over what is told below the field

    def set_place(
        self, lat: float, lon: float, label: str, *, middle_of: str = "", within_m: float = 0.0, roughly: str = ""
    ) -> None:
        """Take a place found by its name (the middle of an area, of which `middle_of` is the id), or one of the map
        without a label.

        `within_m` is how far off the point may be, in metres; `roughly` says it in the report's own words.
        """
        self._lat, self._lon, self._is_point = lat, lon, not label
        self._middle_of, self._within_m, self._roughly = middle_of, within_m, roughly
        self.set_exactness("")
        if label and label != self.place.text():
            self.place.set_free_text(label)
        self.place_changed.emit()

    def offer_words(self, words: str) -> None:
        """Fill in the address of a point that was picked on the map, unless there are words for it."""
        if words and self._is_point and not self.place.text().strip():
            self.place.set_free_text(words)
            self.place_changed.emit()
            self.touch()

    def set_exactness(self, words: str, doubt: str = "", instead: str = "") -> None:
        """Say how exact the place is, and in which area it lies; a `doubt` has to be ticked before it can be saved.

        `instead` names the place for which the typed words are set aside when it is ticked.
        """
        if self._middle_of and not doubt:
            words = words or self.tr("The middle of the area: ask for a street, a number, a landmark")
            doubt = self.tr("The caller knows no more than the area")
        before, self._exactness, self._doubt, self._instead = self._doubt, words, doubt, instead
        if doubt != before:
            if self.sure.hasFocus() and not doubt:  # else the keyboard would go to the next button
                self.place.setFocus(Qt.FocusReason.OtherFocusReason)
            self.sure.setChecked(False)
            self.sure.set_words(f"{doubt}  (Alt K)")
            self.sure.setVisible(bool(doubt))
        self._tell_where()
        self.touch()
        if self.isVisible() and bool(doubt) != bool(before):
            self.fit()

    @override
    def values(self) -> dict[str, Any]:
        return {
            "address": self.place.text().strip(),
            "place": self.place.value(),
            "lat": self._lat,
            "lon": self._lon,
            "is_point": self._is_point,
            "middle_of": self._middle_of,
            "within_m": self._within_m,
            "roughly": self._roughly,
            "instead": self._instead if self._doubt and self.sure.isChecked() else "",
        }

    @override
    def set_values(self, draft: dict[str, Any]) -> None:
        self.place.set_free_text(str(draft.get("address", "")))
        lat, lon = draft.get("lat"), draft.get("lon")
        self._lat = float(lat) if isinstance(lat, (int, float)) else None
        self._lon = float(lon) if isinstance(lon, (int, float)) else None
        self._is_point, self._middle_of = bool(draft.get("is_point")), str(draft.get("middle_of") or "")
        within_m = draft.get("within_m")
        self._within_m = float(within_m) if isinstance(within_m, (int, float)) else 0.0
        self._roughly = str(draft.get("roughly") or "")
        self.set_exactness("")
        self.place_typed.emit(self.place.text())
        self.place_changed.emit()
        self.touch()

    @override
    def why_not(self) -> str:
        if self._doubt and not self.sure.isChecked():
            return self.tr("Place: {doubt}? Alt K says so").format(doubt=self._doubt)
        return ""

    def _on_sure(self) -> None:
        """Tick it, and go on to the field behind it: what is typed next is meant for that one, asked or not."""
        if self._doubt:
            self.sure.toggle()
        is_settled = self.is_placed and (self.sure.isChecked() or not self._doubt)
        if is_settled and (self.place.hasFocus() or self.sure.hasFocus()):
            self._go_on(self.after_place())

    def _on_place_typed(self, text: str) -> None:
        if not self._is_point:
            self._lat = self._lon = None
            self._middle_of, self._within_m, self._roughly = "", 0.0, ""
            self.set_exactness("")
        self.place_typed.emit(text)
        self.place_changed.emit()
        self.touch()

    def _on_place_picked(self, place: str) -> None:
        if place:
            self.place_chosen.emit(place)
            self.touch()

    def _tell_where(self) -> None:
        if self._lat is not None and self._lon is not None:
            exact = self._exactness or self.tr("A point on the map")
            self._where.setText(f"{exact} · {self._lat:.5f}, {self._lon:.5f}")
        elif not self.place.text().strip():
            self._where.setText("")
        elif self._unsure:
            self._where.setText(self._unsure)
        elif self._places_found:
            self._where.setText(self.tr("Not on the map yet: choose from the list, or Ctrl M"))
        else:
            self._where.setText(self.tr("Not found by this name, so not on the map yet: Ctrl M points at it"))


class ReportPlaceForm(PlaceForm):
    """The place of an existing report. The values are those of the place."""

    def __init__(self, theme: Theme, symbols: Symbols, *, about: str = "", parent: QWidget | None = None) -> None:
        title = QCoreApplication.translate("ReportPlaceForm", "Place")
        super().__init__(theme, symbols, title, about=about, parent=parent)
        self.commit_button.set_verb(self.tr("Save the place"))
        self.add_place(roomy=True)
        self._known = self.values()
        for first, second in ((self.place, self.sure), (self.sure, self.leave_button)):
            self.setTabOrder(first, second)
        self.touch()

    @override
    def why_not(self) -> str:
        if not self.is_placed:
            return self._unsure or self.tr("A point is needed: choose from the list, or Ctrl M")
        return super().why_not()

    @override
    def held_up_by(self) -> QWidget | None:
        return self.sure if self.is_placed else self.place

    @override
    def first_field(self) -> QWidget:
        return self.place

    def set_known(self, known: Mapping[str, Any]) -> None:
        """The present place of the report, as for `set_values`; it does not count as entered."""
        self.set_values(dict(known))
        self._known = self.values()

    @override
    def set_values(self, draft: dict[str, Any]) -> None:
        """Fill in a place; typing replaces its words."""
        super().set_values(draft)
        self.place.selectAll()

    @override
    def is_empty(self) -> bool:
        return self.values() == self._known
