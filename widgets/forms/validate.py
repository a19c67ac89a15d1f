"""The form in which the proof of the work is looked at, and accepted or returned."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QGridLayout,
    QWidget,
)
from typing_extensions import override

from widgets.forms.fields import Segments
from widgets.forms.form import Form, make_label, put_text
from widgets.forms.photo import FramedPhoto
from widgets.key_repeats import LOOK_S, TWICE_S
from widgets.keys import add_key
from widgets.text import one_line
from widgets.theme import Theme

if TYPE_CHECKING:
    from widgets.photos import PhotoCard

_PICTURE = (476, 304)
"""How large a photo is where there is room, px at normal size; smaller photos are shown as large as they fit."""
_STRIP = 40
"""How much of a photo's height are the words under it."""
_LEAST_HIGH = 130
"""How high a photo is at least; with more rows than fit the form is higher, and scrolls where the screen ends."""
_FRAME = 36
"""How much of the room the title takes that the desktop puts over a window."""


class ValidateForm(Form):
    """All photos of the report, before at the left and after at the right, and whether the proof is accepted.

    Values: decision ("accept", "return" or ""), accept (bool), disposition, reason. `dispositions` are what the work
    can have come to, shown in their `words` where they have others: where there are any, accepting needs one. `returns`
    are the usual reasons to return it. `preset` is the disposition that accepting begins with; where nothing speaks
    against the proof accepting is chosen then, and with a flagged photo nothing is. Nothing can be decided before every
    photo was seen, and has been for LOOK_S of the clock `steady_s`. `barred` says why this operator can decide nothing
    here. `free_high` is how high it may be, in pixels of the screen, before it covers what is worked with; the photos
    take what it leaves.
    """

    photo_asked = Signal(str)
    """A photo is to be looked at closely beside one of the other side: its id."""

    def __init__(
        self,
        theme: Theme,
        title: str,
        before: Sequence[PhotoCard],
        after: Sequence[PhotoCard],
        *,
        about: str = "",
        dispositions: Sequence[str] = (),
        words: Mapping[str, str] | None = None,
        returns: Sequence[str] = (),
        preset: str = "",
        barred: str = "",
        steady_s: Callable[[], float] = time.monotonic,
        free_high: int = 0,
        parent: QWidget | None = None,
    ) -> None:
        wide = 2 * _PICTURE[0] + 40
        super().__init__(theme, title, commit_text="", commit_keys="↵", width=wide, about=about, parent=parent)
        self._free_high = free_high
        self._barred, self._preset = barred, preset
        self._asks_disposition = bool(dispositions)
        self._by_hand = False
        self._steady_s, self._seen_s, self._struck_s = steady_s, math.inf, -math.inf
        self._look = QTimer(self, singleShot=True, timerType=Qt.TimerType.PreciseTimer)
        self._look.timeout.connect(self.touch)
        self._photos: list[FramedPhoto] = []
        self._grid = QGridLayout()
        self._grid.setSpacing(theme.px(8))
        self._counts = (
            make_label(theme, "", "caption", "text.tertiary"),
            make_label(theme, "", "caption", "text.tertiary"),
        )
        for column, label in enumerate(self._counts):
            self._grid.addWidget(label, 0, column)
            self._grid.setColumnStretch(column, 1)
        self.body.addLayout(self._grid)
        self._flag = make_label(theme, "", "caption", "status.returned")
        self._flag.setWordWrap(True)
        self.body.addWidget(self._flag)
        self.decision = Segments(
            theme,
            self.tr("Decision"),
            [("accept", self.tr("Accept the proof")), ("return", self.tr("Return to the crew"))],
        )
        self.disposition = Segments(
            theme, self.tr("Outcome"), [(one, (words or {}).get(one, one)) for one in dispositions]
        )
        self.returns = Segments(theme, self.tr("Reason"), [(text, text) for text in returns])
        self.reason = self.reason_field(self.tr("Reason"))
        self._outcome_label = self.field_label(self.tr("Outcome"))
        self._reason_label = self.field_label(
            self.tr("Reason"), self.tr("the crew reads it; type on, the words go here")
        )
        self.body.addWidget(self.field_label(self.tr("Decision")))
        for widget in (
            self.decision,
            self._outcome_label,
            self.disposition,
            self._reason_label,
            self.returns,
            self.reason,
        ):
            self.body.addWidget(widget)
        self.decision.chosen.connect(self._on_decision)
        self.disposition.chosen.connect(lambda _: self.touch())
        self.returns.chosen.connect(self._on_return)
        for row in (self.decision, self.disposition, self.returns):
            row.entered.connect(self.commit)
            row.typed.connect(self._on_letters)
            row.refused.connect(self._forget_preset)
        for row in (self.disposition, self.returns):
            row.went_back.connect(lambda: self.decision.setFocus(Qt.FocusReason.ShortcutFocusReason))
        add_key(self, "Alt+F", self._on_closely)
        self.set_photos(before, after)
        self.touch()

    def _on_closely(self) -> None:
        """The last photo of the work, which is what is judged."""
        if self._photos:
            self.photo_asked.emit(self._photos[-1].card.id)

    @override
    def foot_note(self) -> str:
        return self.tr("Alt F looks closely, before and after at one scale") if self._photos else ""

    def set_photos(self, before: Sequence[PhotoCard], after: Sequence[PhotoCard]) -> None:
        """Show these photos, oldest first; their pictures may come while the form is open."""
        cards = [*before, *after]
        if cards and [card.id for card in cards] == [photo.card.id for photo in self._photos]:
            for photo, card in zip(self._photos, cards, strict=True):
                photo.set_card(card)
        else:
            self._lay_out(before, after)
        self._look_whether_seen()
        self._flag.setText("\n".join(one_line(card.problem) for card in cards if card.problem))
        self._flag.setVisible(bool(self._flag.text()))
        if not self._by_hand:
            self.decision.set_value("accept" if self._preset and not self._flag.text() and after else "")
            self.disposition.set_value(self._preset if self.decision.value() else "")
        self.touch()
        if self.isVisible():
            self.fit()

    def _lay_out(self, before: Sequence[PhotoCard], after: Sequence[PhotoCard]) -> None:
        for photo in self._photos:
            self._grid.removeWidget(photo)
            photo.deleteLater()
        self._photos = []
        names = (
            (self.tr("No photo from before"), self.tr("Before")),
            (self.tr("No photo from after"), self.tr("After")),
        )
        for column, cards in enumerate((before, after)):
            none, some = names[column]
            self._counts[column].setText(f"{some}  {len(cards)}" if cards else none)
            for at, card in enumerate(cards):
                number = self.tr("{at} of {n}").format(at=at + 1, n=len(cards)) if len(cards) > 1 else ""
                photo = FramedPhoto(self.theme, card, number)
                photo.setFixedHeight(self.theme.px(_LEAST_HIGH))
                photo.painted.connect(self._on_painted)
                photo.opened.connect(self.photo_asked)
                self._photos.append(photo)
                self._grid.addWidget(photo, at + 1, column)

    @override
    def fit(self) -> None:
        self._size_photos()
        super().fit()

    def _size_photos(self) -> None:
        """As large as the room that the rest of the form leaves, and no larger than they are wide."""
        px, rows = self.theme.px, self._grid.rowCount() - 1
        if not self._photos or rows < 1:
            return
        high = self.column.totalHeightForWidth(self.width()) if self.column.hasHeightForWidth() else -1
        rest = max(high, self.column.totalSizeHint().height()) - rows * self._photos[0].height()
        screen = (self.parentWidget() or self).screen().availableGeometry()
        wide = (min(self.width(), screen.width()) - px(40)) // 2
        most = min(px(_PICTURE[1]), wide * _PICTURE[1] // _PICTURE[0]) + px(_STRIP)
        each = ((self._free_high or screen.height()) - px(_FRAME) - rest) // rows
        for photo in self._photos:
            photo.setFixedHeight(max(px(_LEAST_HIGH), min(most, each)))

    def photos(self) -> list[str]:
        """What is said of each photo that is shown, for those who hear the screen."""
        return [photo.accessibleName() for photo in self._photos]

    @property
    def is_seen(self) -> bool:
        """Whether every photo was on the screen, or there will be none."""
        return self._seen_s < math.inf

    def _on_painted(self) -> None:
        self._look_whether_seen()
        self.touch()

    def _look_whether_seen(self) -> None:
        if not all(photo.is_seen for photo in self._photos):
            self._seen_s = math.inf
        elif not self.is_seen:
            self._seen_s = self._steady_s()

    def _is_looked_at(self) -> bool:
        """Whether the photos have been on the screen for long enough; if not, it is asked again when they have."""
        left_s = max(self._seen_s + LOOK_S, self._struck_s + TWICE_S) - self._steady_s()
        if self.is_seen and left_s > 0 and not self._look.isActive():
            self._look.start(math.ceil(left_s * 1000))
        return left_s <= 0

    def _on_decision(self, _: str) -> None:
        self._by_hand = True
        if self.decision.value() == "accept" and not self.disposition.value() and not self._flag.text():
            self.disposition.set_value(self._preset)
        self.touch()
        following = self.disposition if self.decision.value() == "accept" else self.returns
        if following.isVisible():
            following.setFocus(Qt.FocusReason.ShortcutFocusReason)
        elif self.decision.value() == "return":
            self.reason.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def _on_return(self, text: str) -> None:
        put_text(self.reason, text)
        self.touch()

    def _on_letters(self, text: str) -> None:
        if self.reason.isVisible():
            self.write_on(self.reason, text)
        elif text.casefold() == "f":
            self._on_closely()
        else:
            self._forget_preset()

    def _forget_preset(self) -> None:
        """Keys that were refused meant something else than accepting: Enter must not accept now."""
        if not self._by_hand:
            self._by_hand = True
            self.decision.set_value("")
            self.disposition.set_value("")
            self.touch()

    @override
    def commit(self) -> None:
        if not self._is_looked_at():
            self._struck_s = self._steady_s()  # who goes on striking does not look
        super().commit()

    @override
    def touch(self) -> None:
        returned = self.decision.value() == "return"
        seen = self.is_seen
        for row in (self.decision, self.disposition, self.returns):
            row.set_live(seen)
        for widget, shown in (
            (self._outcome_label, not returned and self._asks_disposition),
            (self.disposition, not returned and self._asks_disposition),
            (self._reason_label, returned),
            (self.returns, returned and bool(self.returns.options())),
            (self.reason, returned),
        ):
            widget.setVisible(shown)
        self.commit_button.set_verb(self.tr("Return to the crew") if returned else self.tr("Accept the proof"))
        super().touch()

    @override
    def values(self) -> dict[str, Any]:
        accepted = self.decision.value() == "accept"
        return {
            "decision": self.decision.value(),
            "accept": accepted,
            "disposition": self.disposition.value() if accepted else "",
            "reason": self.reason.toPlainText().strip(),
        }

    @override
    def set_values(self, draft: dict[str, Any]) -> None:
        self._by_hand = bool(draft.get("decision"))
        self.decision.set_value(str(draft.get("decision", "")))
        self.disposition.set_value(str(draft.get("disposition", "")))
        put_text(self.reason, str(draft.get("reason", "")))
        self.touch()

    @override
    def held_up_by(self) -> QWidget | None:
        if not self._is_looked_at() or self._barred:
            return None
        field: dict[str, QWidget] = {"return": self.reason, "accept": self.disposition}
        return field.get(self.decision.value(), self.decision)

    @override
    def why_not(self) -> str:
        values = self.values()
        if self._barred:
            return self._barred
        if not self.is_seen:
            waits = sum(not photo.is_seen for photo in self._photos)
            return self.tr("{n} of {all} photos have not been shown yet").format(n=waits, all=len(self._photos))
        if not self._is_looked_at():
            return self.tr("Look at the photos first")
        if not self.decision.value():
            return self.tr("Decide: 1 accepts, 2 returns")
        if self.decision.value() == "accept":
            needed = self._asks_disposition and not values["disposition"]
            return self.tr("Accepting needs an outcome: a digit chooses one") if needed else ""
        return "" if values["reason"] else self.tr("Returning needs a reason")

    @override
    def is_empty(self) -> bool:
        return not self.values()["reason"]  # a digit is pressed again as quickly as a draft is found

    @override
    def first_field(self) -> QWidget:
        return self.decision
