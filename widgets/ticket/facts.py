"""What is known of a report: labelled facts, and the reporter's own words."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent, QTextBlockFormat, QTextCursor, QWheelEvent
from PySide6.QtWidgets import QFrame, QSizePolicy, QTextEdit, QWidget
from typing_extensions import override

from widgets.text import Texts, one_line, tip, wrap
from widgets.theme import Theme
from widgets.ticket.section import SIDE


class Facts(QWidget):
    """Labels and what they say; a long text takes up to three lines."""

    def __init__(self, theme: Theme, texts: Texts) -> None:
        super().__init__()
        self._theme, self._texts = theme, texts
        self._facts: tuple[tuple[str, str, str], ...] = ()
        self._rows: list[tuple[str, list[str], list[str]]] = []
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def set_facts(self, facts: Sequence[tuple[str, str, str]]) -> None:
        """Show these facts: (label, text, the dim rest)."""
        if tuple(facts) != self._facts:
            self._facts = tuple(facts)
            self.setAccessibleName(one_line("; ".join(" ".join(fact) for fact in facts), 2000))
            self.setToolTip(tip("; ".join(" ".join(part for part in fact if part) for fact in facts)))
            self._wrap()

    def _label_width(self) -> int:
        widths = [self._texts.width(label, "dense") for label, _, _ in self._facts]
        return round(min(self._theme.px(120), max([self._theme.px(76), *widths]))) + self._theme.px(10)

    def _wrap(self) -> None:
        theme = self._theme
        room = max(theme.px(60), self.width() - 2 * theme.px(SIDE) - self._label_width())
        font = theme.font("dense")
        self._rows = [
            (label, lines, self._wrap_rest(one_line(dim), lines[-1], room))
            for label, text, dim in self._facts
            for lines in [wrap(one_line(text), font, room, 3)]
        ]
        lines = sum(len(row[1]) + max(0, len(row[2]) - 1) for row in self._rows)
        self.setFixedHeight(lines * theme.px(20) + theme.px(10))
        self.update()

    def _wrap_rest(self, dim: str, before: str, room: int) -> list[str]:
        """The lines of the dim rest: its first stands behind `before`, and is empty where no room is left there."""
        if not dim:
            return []
        dot = f" · {dim}" if before else dim
        if self._texts.width(before, "dense") + self._texts.width(dot, "dense") <= room:
            return [dot]
        return (
            ["", *wrap(dim, self._theme.font("dense"), room, 2)]
            if before
            else wrap(dim, self._theme.font("dense"), room, 2)
        )

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._wrap()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        theme, texts = self._theme, self._texts
        painter = QPainter(self)
        left, at = theme.px(SIDE), theme.px(SIDE) + self._label_width()
        top, high = theme.px(10), theme.px(20)
        quiet, primary = theme.color("text.tertiary"), theme.color("text.primary")
        for label, lines, rest in self._rows:
            texts.draw(painter, left, top, label, "dense", quiet, height=high, room=at - left - theme.px(10))
            taken = 0.0
            for line in lines:
                taken = texts.draw(painter, at, top, line, "dense", primary, height=high)
                top += high
            if rest:
                gap = texts.metrics("dense").horizontalAdvance(" ") if lines[-1] else 0
                texts.draw(painter, at + taken + gap, top - high, rest[0], "dense", quiet, height=high)
            for line in rest[1:]:
                texts.draw(painter, at, top, line, "dense", quiet, height=high)
                top += high


class ReporterText(QTextEdit):
    """The reporter's words, as high as they are; they can be selected and copied, and are never anything but text."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.setReadOnly(True)
        self.setAcceptRichText(False)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFont(theme.font("body"))
        self.setStyleSheet("QTextEdit{background:transparent;border:0;padding:0;min-height:0}")
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.document().setDocumentMargin(0)

    def set_text(self, text: str) -> None:
        """Show a text; line breaks are kept."""
        self.setPlainText(text)
        cursor = QTextCursor(self.document())
        cursor.select(QTextCursor.SelectionType.Document)
        form = QTextBlockFormat()
        form.setLineHeight(self._theme.line("body"), QTextBlockFormat.LineHeightTypes.FixedHeight.value)
        cursor.mergeBlockFormat(form)
        self.setAccessibleName(one_line(text))
        self._fit()

    def _fit(self) -> None:
        self.document().setTextWidth(self.viewport().width())
        self.setFixedHeight(max(self._theme.line("body"), round(self.document().size().height())))

    @override
    def wheelEvent(self, event: QWheelEvent) -> None:
        event.ignore()

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()
