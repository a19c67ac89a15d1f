"""The form in which two reports are looked at side by side before one is closed as the duplicate of the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QVBoxLayout, QWidget
from typing_extensions import override

from widgets.forms.fields import Segments
from widgets.forms.form import Form, make_label
from widgets.forms.photo import FramedPhoto
from widgets.keys import KeyButton
from widgets.text import one_line
from widgets.theme import Theme

if TYPE_CHECKING:
    from widgets.photos import PhotoCard

_LETTERS = 420
"""How much of a report's words is shown; the report's own panel has all."""
_PHOTOS = 4
_WIDE, _ROOMY_WIDE = 880, 1160
_HIGH, _ROOMY_HIGH = (150, 110), (230, 160)
"""How high up to two photos of a report are, and more of them, px at normal size."""


@dataclass(frozen=True)
class MergeSide:
    """One of the two: its number, what it is and where, lines of facts, the reporter's words, its photos."""

    number: str
    title: str
    facts: Sequence[str]
    text: str
    photos: Sequence[PhotoCard] = field(default=())


@dataclass(frozen=True)
class MergeCandidate:
    """A report that may be about the same: how it is called on its chip, and how far it is apart in words."""

    key: str
    words: str
    apart: str


class _Side(QWidget):
    """One report: heading, title, facts, words, photos at equal size."""

    def __init__(self, theme: Theme, photos_high: tuple[int, int]) -> None:
        super().__init__()
        self._theme, self._photos_high = theme, photos_high
        self._heading = make_label(theme, "", "caption", "text.tertiary", 600)
        self._title = make_label(theme, "", "title", weight=600)
        self._facts = make_label(theme, "", "dense", "text.secondary")
        self._text = make_label(theme, "", "body")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.px(4))
        for label in (self._heading, self._title, self._facts, self._text):
            label.setWordWrap(True)
            label.setMinimumWidth(1)
            column.addWidget(label)
        self._photos = QGridLayout()
        self._photos.setSpacing(theme.px(6))
        column.addLayout(self._photos)
        column.addStretch(1)
        self._shown: list[FramedPhoto] = []

    def show_side(self, heading: str, token: str, side: MergeSide | None, waits: str) -> None:
        """Show this report; None while it is being read, which `waits` says."""
        self._heading.setText(heading)
        self._heading.setStyleSheet(f"color:{self._theme.hex(token)};background:transparent")
        self._title.setText(one_line(f"{side.number} {side.title}") if side else waits)
        self._facts.setText("\n".join(one_line(fact) for fact in side.facts) if side else "")
        words = one_line(side.text) if side else ""
        self._text.setText(words if len(words) <= _LETTERS else f"{words[:_LETTERS].rstrip()} …")
        cards = list(side.photos)[:_PHOTOS] if side else []
        if [card.id for card in cards] == [photo.card.id for photo in self._shown]:
            for photo, card in zip(self._shown, cards, strict=True):
                photo.set_card(card)
            return
        for photo in self._shown:
            self._photos.removeWidget(photo)
            photo.deleteLater()
        count = len(side.photos) if side else 0
        self._shown = []
        for at, card in enumerate(cards):
            photo = FramedPhoto(
                self._theme, card, self.tr("{at} of {n}").format(at=at + 1, n=count) if count > 1 else ""
            )
            photo.setMinimumWidth(self._theme.px(110))
            photo.setFixedHeight(self._theme.px(self._photos_high[count > 2]))
            self._shown.append(photo)
            self._photos.addWidget(photo, at // 2, at % 2)

    def text(self) -> str:
        """All its words, for those who hear the screen."""
        labels = (self._heading, self._title, self._facts, self._text)
        return "\n".join([*(label.text() for label in labels), *(photo.accessibleName() for photo in self._shown)])


class MergeForm(Form):
    """The chosen report beside one of up to nine possible duplicates. Values: candidate (its key), swapped.

    A digit shows a candidate, S swaps which of the two stays, Enter merges. `set_side` shows a candidate when it was
    read, and says which of the two stays unless the operator swaps them. `why_barred` says why the one to be closed
    cannot be ("" when it can), `follows` what will follow, `meanwhile` what somebody else changed on the two while they
    were shown, with and without his name: see `tell_news`. Where it is `roomy` the photos are larger.
    """

    def __init__(
        self,
        theme: Theme,
        title: str,
        mine: MergeSide,
        candidates: Sequence[MergeCandidate],
        *,
        why_barred: Callable[[str, bool], str],
        follows: Callable[[str, bool], str],
        meanwhile: Callable[[str], tuple[str, str]] = lambda _key: ("", ""),
        about: str = "",
        roomy: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        wide, photos_high = (_ROOMY_WIDE, _ROOMY_HIGH) if roomy else (_WIDE, _HIGH)
        super().__init__(theme, title, commit_text="", commit_keys="↵", width=wide, about=about, parent=parent)
        self._mine = mine
        self._known: dict[str, MergeSide] = {}
        self._apart = {one.key: one.apart for one in candidates}
        self._why_barred, self._follows, self._meanwhile = why_barred, follows, meanwhile
        self._to_stay: set[str] = set()
        self._turned: set[str] = set()
        first = candidates[0].key if candidates else ""
        self.candidate = Segments(
            theme, self.tr("Candidate"), [(one.key, one.words) for one in candidates], current=first
        )
        self.candidate.chosen.connect(lambda _: self._show())
        self.candidate.entered.connect(self.commit)
        self.candidate.typed.connect(self._on_letter)
        self.body.addWidget(self.candidate)
        self._stays, self._goes = _Side(theme, photos_high), _Side(theme, photos_high)
        row = QHBoxLayout()
        row.setSpacing(theme.px(16))
        row.addWidget(self._stays, 1)
        row.addWidget(self._goes, 1)
        self.body.addSpacing(theme.px(8))
        self.body.addLayout(row)
        self._between = make_label(theme, "", "dense", "text.primary", 600)
        self._between.setWordWrap(True)
        self.body.addWidget(self._between)
        self._after = make_label(theme, "", "dense", "text.secondary")
        self._after.setWordWrap(True)
        self.body.addWidget(self._after)
        self.swap_button = KeyButton(theme, self.tr("The other way round"), "S", height=32)
        self.swap_button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.swap_button.clicked.connect(self.swap)
        self.foot_row.insertWidget(1, self.swap_button)
        self._show()

    def set_side(self, key: str, side: MergeSide, *, stays: bool) -> None:
        """A candidate has been read, perhaps again, or its photos have come; whether it is the one to stay."""
        self._known[key] = side
        (self._to_stay.add if stays else self._to_stay.discard)(key)
        self._show()

    def set_mine(self, side: MergeSide) -> None:
        """The photos of the chosen report have come, or it was read again."""
        self._mine = side
        self._show()

    def swap(self) -> None:
        """Swap which of the two stays and which is closed."""
        self._turned ^= {self.candidate.value()}
        self._show()

    @property
    def is_swapped(self) -> bool:
        """Whether the candidate stays and the chosen report is closed."""
        key = self.candidate.value()
        return (key in self._to_stay) is not (key in self._turned)

    def texts(self) -> tuple[str, str]:
        """What stands at the left (it stays) and at the right (it is closed)."""
        return self._stays.text(), self._goes.text()

    def _on_letter(self, text: str) -> None:
        if text.casefold() == "s":
            self.swap()

    def _show(self) -> None:
        key = self.candidate.value()
        other, waits = self._known.get(key), self.tr("The report is being read")
        stays, goes = (other, self._mine) if self.is_swapped else (self._mine, other)
        self._stays.show_side(self.tr("Stays"), "text.tertiary", stays, waits)
        self._goes.show_side(self.tr("Is closed as its duplicate"), "priority.p2", goes, waits)
        self._between.setText(one_line(self._apart.get(key, "")))
        self._after.setText(one_line(self._follows(key, self.is_swapped)))
        if stays is not None and goes is not None:
            words = self.tr("Merge {goes}").format(goes=goes.number)
            self.commit_button.set_verb(words)
        else:
            self.commit_button.set_verb(self.tr("Merge"))
        self.tell_news(*self._meanwhile(key))
        self.touch()
        QTimer.singleShot(0, self, self._refit)  # once the words have been broken into lines

    def _refit(self) -> None:
        if self.isVisible():
            self.fit()

    @override
    def values(self) -> dict[str, Any]:
        return {"candidate": self.candidate.value(), "swapped": self.is_swapped}

    @override
    def entered(self) -> Any:
        return self.candidate.value(), frozenset(self._turned)

    @override
    def why_not(self) -> str:
        key = self.candidate.value()
        if key not in self._known:
            return self.tr("The report is being read")
        return self._why_barred(key, self.is_swapped)

    @override
    def is_empty(self) -> bool:
        return True

    @override
    def first_field(self) -> QWidget:
        return self.candidate
