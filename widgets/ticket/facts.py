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
        self._rows: list[tuple[str, list[str], str]] = []
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
        self._rows = [(label, wrap(one_line(text), font, room, 3), dim) for label, text, dim in self._facts]
        lines = sum(len(row[1]) for row in self._rows)
        self.setFixedHeight(lines * theme.px(20) + theme.px(10))
        self.update()

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._wrap()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        theme, texts = self._theme, self._texts
        painter = QPainter(self)
        left, at = theme.px(SIDE), theme.px(SIDE) + self._label_width()
        right, top, high = self.width() - theme.px(SIDE), theme.px(10), theme.px(20)
        quiet, primary = theme.color("text.tertiary"), theme.color("text.primary")
        for label, lines, dim in self._rows:
            texts.draw(painter, left, top, label, "dense", quiet, height=high, room=at - left - theme.px(10))
            taken = 0.0
            for line in lines:
                taken = texts.draw(painter, at, top, line, "dense", primary, height=high)
                top += high
            room = right - at - taken
            if dim and room > theme.px(24):
                words = f" · {dim}" if lines[-1] else dim
                x = at + taken + (texts.metrics("dense").horizontalAdvance(" ") if lines[-1] else 0)
                texts.draw(
                    painter, x, top - high, words, "dense", quiet, height=high, room=max(0.0, room - theme.px(4))
                )


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
