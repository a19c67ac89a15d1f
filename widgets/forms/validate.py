"""The form in which the proof of the work is accepted or returned."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtGui import (
    QImage,
    QPainter,
    QPaintEvent,
)
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QWidget,
)
from typing_extensions import override

from widgets.forms.choice import Choice
from widgets.forms.fields import Segments, TypeAhead
from widgets.forms.form import Form, make_label, put_text
from widgets.text import one_line
from widgets.theme import Theme

if TYPE_CHECKING:
    from widgets.photos import PhotoCard


class _Photo(QWidget):
    """One photo in a frame of fixed size, with its caption under it; never larger than it is."""

    def __init__(self, theme: Theme, missing: str) -> None:
        super().__init__()
        self._theme, self._role, self._caption, self._problem, self._waits = theme, missing, "", "", ""
        self._image: QImage | None = None
        self.setMinimumSize(theme.px(240), theme.px(220))
        self.setAccessibleName(missing)

    def set_card(self, card: PhotoCard) -> None:
        """Show this photo; while its picture is not here, say so."""
        self._role, self._caption, self._image, self._problem = card.role_label, card.caption, card.image, card.problem
        self._waits = "" if card.image or card.problem else card.waits or self.tr("The photo is being read")
        parts = (self._role, self._caption, self._problem, self._waits)
        self.setAccessibleName(one_line(", ".join(part for part in parts if part)))
        self.update()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        theme = self._theme
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        strip = theme.px(22)
        box = self.rect().adjusted(0, 0, -1, -1)
        painter.fillRect(box, theme.color("surface.input"))
        inside = box.adjusted(1, 1, 0, -strip)
        if self._image is not None and not self._image.isNull():
            size = self._image.size().scaled(inside.size(), Qt.AspectRatioMode.KeepAspectRatio)
            where = QRect(QPoint(0, 0), size)
            where.moveCenter(inside.center())
            painter.drawImage(where, self._image)
        elif self._waits:
            painter.setFont(theme.font("dense"))
            painter.setPen(theme.color("text.secondary"))
            middle = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(inside.adjusted(theme.px(12), 0, -theme.px(12), 0), middle, self._waits)
        painter.setPen(theme.color("status.returned" if self._problem else "border.divider"))
        painter.drawRect(box)
        foot = QRect(box.left() + 1, box.bottom() - strip, box.width() - 1, strip)
        painter.fillRect(foot, theme.color("surface.window"))
        painter.setPen(theme.color("text.primary"))
        painter.setFont(theme.font("caption", 600))
        text = foot.adjusted(theme.px(6), 0, -theme.px(6), 0)
        painter.drawText(text, Qt.AlignmentFlag.AlignVCenter, self._role)
        text.setLeft(text.left() + painter.fontMetrics().horizontalAdvance(self._role) + theme.px(6))
        painter.setFont(theme.font("caption"))
        words = painter.fontMetrics().elidedText(self._caption, Qt.TextElideMode.ElideRight, text.width())
        painter.drawText(text, Qt.AlignmentFlag.AlignVCenter, words)


class ValidateForm(Form):
    """The proof, side by side with what was reported. Values: accept (bool), disposition, reason.

    `dispositions` are what the work can have come to; where there are any, accepting needs one. `barred` says why this
    operator can decide nothing here.
    """

    def __init__(
        self,
        theme: Theme,
        title: str,
        before: PhotoCard | None,
        after: PhotoCard | None,
        *,
        about: str = "",
        dispositions: Sequence[str] = (),
        barred: str = "",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(theme, title, commit_text="", width=820, about=about, parent=parent)
        self._barred = barred
        row = QHBoxLayout()
        row.setSpacing(theme.px(8))
        self._photos: list[tuple[_Photo, QLabel]] = []
        for missing in (self.tr("No photo from before"), self.tr("No photo from after")):
            self._photos.append((_Photo(theme, missing), make_label(theme, "", "caption", "status.returned")))
            row.addWidget(self._photos[-1][0], 1)
        self.body.addLayout(row)
        for _, problem in self._photos:
            self.body.addWidget(problem)
        self.set_photos(before, after)
        self.body.addWidget(self.field_label(self.tr("Decision")))
        self.decision = Segments(
            theme,
            self.tr("Decision"),
            [("accept", self.tr("Accept the proof")), ("return", self.tr("Return to the crew"))],
        )
        self.decision.chosen.connect(lambda _: self.touch())
        self.body.addWidget(self.decision)
        self.disposition = TypeAhead(theme, None, self.tr("Outcome"))
        self.disposition.set_choices([Choice(text, text) for text in dispositions])
        self.disposition.picked.connect(lambda _: self.touch())
        self._asks_disposition = bool(dispositions)
        if dispositions:
            self.body.addWidget(self.field_label(self.tr("Outcome"), self.tr("needed to accept it")))
            self.body.addWidget(self.disposition)
        else:
            self.disposition.setParent(self)
            self.disposition.hide()
        self.body.addWidget(self.field_label(self.tr("Reason"), self.tr("needed to return it; the crew reads it")))
        self.reason = self.text_field(self.tr("Reason"), 2)
        self.body.addWidget(self.reason)
        self.touch()

    def set_photos(self, before: PhotoCard | None, after: PhotoCard | None) -> None:
        """Show these photos, which may come while the form is open; for None what is shown stays."""
        for (photo, problem), card in zip(self._photos, (before, after), strict=True):
            if card is not None:
                photo.set_card(card)
                problem.setText(card.problem)
            problem.setVisible(bool(problem.text()))
        if self.isVisible():
            self.fit()

    @override
    def touch(self) -> None:
        returned = self.decision.value() == "return"
        self.commit_button.set_verb(self.tr("Return to the crew") if returned else self.tr("Accept the proof"))
        super().touch()

    @override
    def values(self) -> dict[str, Any]:
        return {
            "decision": self.decision.value(),
            "accept": self.decision.value() == "accept",
            "disposition": self.disposition.value(),
            "reason": self.reason.toPlainText().strip(),
        }

    @override
    def set_values(self, draft: dict[str, Any]) -> None:
        self.decision.set_value(str(draft.get("decision", "")))
        self.disposition.set_free_text("")
        self.disposition.set_value(str(draft.get("disposition", "")))
        put_text(self.reason, str(draft.get("reason", "")))
        self.touch()

    @override
    def held_up_by(self) -> QWidget | None:
        field = {"return": self.reason, "accept": self.disposition}
        return field.get(self.decision.value(), self.decision)

    @override
    def why_not(self) -> str:
        values = self.values()
        if self._barred:
            return self._barred
        if not self.decision.value():
            return self.tr("Decide: 1 accepts, 2 returns")
        if self.decision.value() == "accept":
            needed = self._asks_disposition and not values["disposition"]
            return self.tr("Accepting needs an outcome: choose one from the list") if needed else ""
        return "" if values["reason"] else self.tr("Returning needs a reason")

    @override
    def is_empty(self) -> bool:
        values = self.values()
        return not values["reason"] and not values["disposition"]

    @override
    def first_field(self) -> QWidget:
        return self.decision
