"""Put the parts of the report panel together: values in, intents out."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from PySide6.QtCore import QPoint, Qt, QTimer, Signal
from PySide6.QtGui import QContextMenuEvent, QKeyEvent, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import QApplication, QFrame, QScrollArea, QScrollBar, QStackedWidget, QVBoxLayout, QWidget
from typing_extensions import override

from widgets.focus import FocusRing
from widgets.key_repeats import LOOK_S, TWICE_S
from widgets.keys import is_bare_enter
from widgets.photos import PhotoPair, PhotoViewer, same_cards
from widgets.slabar import SlaBar
from widgets.states import EmptyState
from widgets.symbols import Symbols
from widgets.text import Texts, many_lines
from widgets.theme import Theme
from widgets.ticket.action_bar import ActionBar, meaning_of
from widgets.ticket.advice import AdviceList, NoAdvice
from widgets.ticket.duplicates import DuplicateList
from widgets.ticket.facts import Facts, ReporterText
from widgets.ticket.head import Lead, TitleBar
from widgets.ticket.section import SectionHead, indented
from widgets.ticket.steps import StepList
from widgets.ticket.strips import Strips
from widgets.ticket.timeline import Timeline
from widgets.ticket.values import Ticket

_LONGEST_TEXT = 6000
_REFUSED = "status.returned"
_GOAL_MS = 1500
"""How long the parts of a report may come after it: its timeline, its advice, its photos."""


class _Scroll(QScrollArea):
    """Scrolls with a bar that stands in the margin, so that nothing moves sideways when it comes or goes."""

    def __init__(self) -> None:
        super().__init__()
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWidgetResizable(True)
        own = self.verticalScrollBar()
        self._goal = 0.0
        self._goal_ends = QTimer(self, singleShot=True, interval=_GOAL_MS)
        self._goal_ends.timeout.connect(self._end_goal)
        self._bar = QScrollBar(Qt.Orientation.Vertical, self)
        self._bar.hide()
        own.rangeChanged.connect(self._on_range)
        own.valueChanged.connect(self._bar.setValue)
        self._bar.valueChanged.connect(own.setValue)

    def go_to(self, part: float) -> None:
        """Scroll so far down (0..1), anew while parts of the page still come."""
        self._goal = part
        self._goal_ends.start()
        own = self.verticalScrollBar()
        self._on_range(own.minimum(), own.maximum())

    def _end_goal(self) -> None:
        self._goal = 0.0

    @override
    def wheelEvent(self, event: QWheelEvent) -> None:
        self._end_goal()
        super().wheelEvent(event)

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        self._end_goal()
        super().keyPressEvent(event)

    def _on_range(self, low: int, high: int) -> None:
        if self._goal:
            self.verticalScrollBar().setValue(round(self._goal * high))
        self._bar.setPageStep(self.verticalScrollBar().pageStep())
        self._bar.setRange(low, high)
        self._bar.setVisible(high > low)

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        width = self._bar.sizeHint().width()
        self._bar.setGeometry(self.width() - width, 0, width, self.height())


def _high(part: QWidget) -> int:
    """How high a part of the report is, or will be once it is laid out."""
    fixed = part.minimumHeight()
    return fixed if fixed == part.maximumHeight() else part.sizeHint().height()


class TicketPanel(QWidget):
    """The report panel. Values in, intents out."""

    action = Signal(str)
    advice_chosen = Signal(str)
    duplicate_opened = Signal(int)
    step_chosen = Signal(str)
    """The words of a step of the run card."""
    step_taken_back = Signal(str)
    """The words of one that was not done after all."""
    photo_opened = Signal(str)
    strip_action = Signal(str)
    menu_asked = Signal(QPoint)
    """The right button, or its key. Where on the screen."""
    number_clicked = Signal()
    viewer_closed = Signal()
    viewer_key = Signal(str)
    """A key that means nothing to the photos in full was pressed there."""
    """The photos are not looked at in full any more."""

    def __init__(
        self,
        theme: Theme,
        symbols: Symbols,
        *,
        panel_key: str,
        section_keys: Mapping[str, str],
        place_viewer: Callable[[QWidget], None] = lambda _: None,
        steady_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """Make the panel. `section_keys` are the key caps of `card`, `photos`, `advice`, `duplicates` and `timeline`.

        `place_viewer` gets the window with the photos in full before it is shown.
        """
        super().__init__()
        self._steady_s, self._deaf_until_s = steady_s, -math.inf
        self._rearm = QTimer(self, singleShot=True, timerType=Qt.TimerType.PreciseTimer)
        self._rearm.timeout.connect(self._arm)
        self._theme, self._texts = theme, Texts(theme)
        self._ticket: Ticket | None = None
        self._compact = False
        self._keys, self._place_viewer = dict(section_keys), place_viewer
        texts = self._texts
        self._title = TitleBar(theme, texts, panel_key)
        self._lead = Lead(theme, symbols, texts)
        self._sla = SlaBar(theme)
        self._strips = Strips(theme, texts)
        self._facts = Facts(theme, texts)
        self._text = ReporterText(theme)
        self._card_head = SectionHead(theme, texts)
        self._steps = StepList(theme, texts)
        self._photos_head = SectionHead(theme, texts)
        self._photos = PhotoPair(theme)
        self._advice_head = SectionHead(theme, texts)
        self._advice = AdviceList(theme, symbols, texts)
        self._advice_empty = NoAdvice(theme)
        self._merged_head = SectionHead(theme, texts)
        self._merged = DuplicateList(theme, symbols, texts)
        self._duplicates_head = SectionHead(theme, texts)
        self._duplicates = DuplicateList(theme, symbols, texts)
        self._timeline_head = SectionHead(theme, texts)
        self._timeline = Timeline(theme, texts)
        self._actions = ActionBar(theme, texts)
        self._empty = EmptyState(theme)
        self._viewer: PhotoViewer | None = None
        self._build()
        self._connect()
        self.setAccessibleName(self.tr("Report"))
        self.set_ticket(None)

    def _build(self) -> None:
        theme = self._theme
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._lead)
        self._sla_row = indented(theme, self._sla)
        self._text_row = indented(theme, self._text, top=8)
        self._photos_row = indented(theme, self._photos)
        column.addWidget(self._sla_row)
        column.addWidget(self._strips)
        column.addWidget(self._facts)
        column.addWidget(self._text_row)
        column.addWidget(self._photos_head)
        column.addWidget(self._photos_row)
        self._above_photos = (
            self._lead, self._sla_row, self._strips, self._facts, self._text_row, self._photos_head,
        )  # fmt: skip
        for widget in (
            self._advice_head,
            self._advice,
            self._advice_empty,
            self._card_head,
            self._steps,
            self._merged_head,
            self._merged,
            self._duplicates_head,
            self._duplicates,
            self._timeline_head,
            self._timeline,
        ):
            column.addWidget(widget)
        column.addStretch(1)
        self._scroll = _Scroll()
        self._scroll.setWidget(page)
        self._scroll.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        full = QWidget()
        inner = QVBoxLayout(full)
        inner.setContentsMargins(0, 0, 0, 0)
        inner.setSpacing(0)
        inner.addWidget(self._scroll, 1)
        inner.addWidget(self._actions)
        self._middle = QStackedWidget()
        self._middle.addWidget(full)
        self._middle.addWidget(self._empty)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        outer.addWidget(self._title)
        outer.addWidget(self._middle, 1)
        self._ring = FocusRing(theme, self._scroll)
        self.setFocusProxy(self._scroll)

    def _connect(self) -> None:
        self._title.number_clicked.connect(self.number_clicked)
        self._strips.chosen.connect(self.strip_action)
        self._photos.photo_opened.connect(self._on_photo)
        self._steps.chosen.connect(self._on_step)
        self._steps.taken_back.connect(self._on_step_back)
        self._advice.chosen.connect(self._on_advice)
        self._merged.chosen.connect(self._on_merged)
        self._duplicates.chosen.connect(self._on_duplicate)
        self._actions.chosen.connect(self.action)
        self._photos_head.clicked.connect(self.compare_photos)
        app = QApplication.instance()
        if isinstance(app, QApplication):
            app.focusChanged.connect(self._on_focus)
        self._card_head.clicked.connect(self._on_fold)
        self._merged_head.clicked.connect(self._on_fold)
        self._duplicates_head.clicked.connect(self._on_fold)
        self._timeline_head.clicked.connect(self._on_fold)

    @property
    def compact(self) -> bool:
        """Whether run card, duplicates and timeline are folded to one row each, and units stand closer."""
        return self._compact

    @compact.setter
    def compact(self, compact: bool) -> None:
        if compact != self._compact:
            self._compact = compact
            self._advice.set_row_height(40 if compact else 46)
            self._card_head.set_foldable(compact)
            self._merged_head.set_foldable(compact)
            self._duplicates_head.set_foldable(compact)
            self._timeline_head.set_foldable(compact)
            if self._ticket is not None:
                self._show_lead(self._ticket)
                self._show_facts(self._ticket)
            self._show_sections()

    def _show_lead(self, ticket: Ticket) -> None:
        """The head; in the compact form it says how many steps of the run card are done, which is folded there."""
        undone = [step for step in ticket.steps if not step.done]
        if self._compact and undone:
            text = self.tr("{n} of {all} steps").format(n=len(ticket.steps) - len(undone), all=len(ticket.steps))
            crews = ticket.meta_of_crews
            ticket = replace(ticket, meta=[*ticket.meta[:crews], text, *ticket.meta[crews:]])
        self._lead.set_ticket(ticket)

    def _show_facts(self, ticket: Ticket) -> None:
        lesser = ticket.lesser_facts if self._compact else ()
        self._facts.set_facts([fact for fact in ticket.facts if fact[0] not in lesser])

    def set_empty(self, title: str, why: str, keys: Sequence[tuple[str, str]] = ()) -> None:
        """What to say while no report is shown."""
        self._empty.set_words(title, why, keys)

    def set_ticket(self, ticket: Ticket | None) -> None:
        """Show a report, or none. Only what changed is laid out and drawn anew; the same report keeps its place."""
        old, self._ticket = self._ticket, ticket
        self._middle.setCurrentIndex(0 if ticket is not None else 1)
        if ticket is None:
            self._title.set_words("", "")
            return
        other = old is None or old.number != ticket.number
        self._title.set_words(ticket.number, ticket.holder, ticket.you)
        self._show_lead(ticket)
        self._sla.set_segments(ticket.sla)
        self._strips.set_strips(ticket.strips)
        self._show_facts(ticket)
        if old is None or old.text != ticket.text:
            self._text.set_text(many_lines(ticket.text, _LONGEST_TEXT))
        letter = ticket.letter if ticket.letter_token == _REFUSED else "!"
        self._photos.set_cards(ticket.photos, letter)
        if self._viewer is not None and (old is None or not same_cards(old.photos, ticket.photos)):
            self._viewer.update_cards(ticket.photos)
        self._steps.set_rows(ticket.steps)
        is_card = old is not None and [one.words for one in old.steps] == [one.words for one in ticket.steps]
        # protects: no-step-of-another-report-is-ticked
        if (other or not is_card) and self._steps.hasFocus():  # a key was meant for the step that stood there
            self._scroll.setFocus(Qt.FocusReason.OtherFocusReason)
        self._advice.set_rows(ticket.advice)
        if other:
            self._advice.go_to_first()
        self._merged.set_rows(ticket.merged)
        self._duplicates.set_rows(ticket.duplicates)
        self._timeline.set_rows(ticket.timeline)
        if self._actions.is_armed and (other or self._actions.meaning != meaning_of(ticket.actions)):
            self._be_deaf(LOOK_S)  # it changed under the finger: what it says now has not been read
        self._actions.set_actions(ticket.actions)
        if other:
            self._scroll.verticalScrollBar().setValue(0)
        self._show_sections()

    def ticket(self) -> Ticket | None:
        """What is shown."""
        return self._ticket

    @property
    def is_unit_chosen(self) -> bool:
        """Whether the keyboard is on one of the recommended units."""
        return self._advice.hasFocus()

    def focus_advice(self) -> None:
        """Give the keyboard to the recommended units, beginning on the first: arrows walk, Enter or a digit chooses."""
        if not self._advice.hasFocus():
            self._advice.go_to_first()
        self._scroll.ensureWidgetVisible(self._advice)
        self._advice.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def focus_steps(self) -> None:
        """Give the keyboard to the steps of the run card, beginning on the first that is not done: arrows walk, Enter
        or a digit ticks.
        """
        self._card_head.open = True
        self._show_sections()
        if not self._steps.hasFocus():
            self._steps.go_to_next()
        QTimer.singleShot(0, self, self._look_at_steps)  # what was folded has its place only then
        self._steps.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def _look_at_steps(self) -> None:
        self._scroll.ensureWidgetVisible(self._card_head)
        self._scroll.ensureWidgetVisible(self._steps)

    def look_closely(self, photo: str) -> None:
        """Open the viewer with this photo beside one of the other kind."""
        self._open_viewer(photo, compare=True)

    def compare_photos(self) -> None:
        """Open the viewer with two photos side by side."""
        if self._photos.current_id():
            self._open_viewer(self._photos.current_id(), compare=True)

    def unfold(self, section: str) -> None:
        """Open `duplicates` or `timeline` in the compact form and bring it into sight."""
        head = self._duplicates_head if section == "duplicates" else self._timeline_head
        head.open = True
        self._show_sections()
        self._scroll.ensureWidgetVisible(self._duplicates if section == "duplicates" else self._timeline)

    def read_part(self) -> float:
        """How far down the report is scrolled: 0 at its top, 1 at its end."""
        bar = self._scroll.verticalScrollBar()
        return bar.value() / bar.maximum() if bar.maximum() else 0.0

    def read_on(self, part: float) -> None:
        """Scroll the report this far down, as soon as its height is known."""
        if part:
            self._scroll.go_to(part)

    def viewer(self) -> PhotoViewer | None:
        """The photo window, if it was ever opened."""
        return self._viewer

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter is the filled button; a key held down, or one that bounced, is not a second Enter."""
        if is_bare_enter(event):
            self._arm()
            if event.isAutoRepeat() or self._steady_s() < self._deaf_until_s or self._actions.enter():
                self._be_deaf(TWICE_S)
                return
        super().keyPressEvent(event)

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._share_room()
        QTimer.singleShot(0, self, self._share_room)  # once the words have been broken for the new width

    def _share_room(self) -> None:
        """Give photos the height that is left beside the first recommended unit, which has to be in sight for
        its key.
        """
        room = self.height() - self._title.height() - self._actions.height()
        first = self._advice.height() // max(1, len(self._advice.rows)) if self._advice.rows else 0
        parts = [*self._above_photos, *([self._advice_head] if first else [])]
        beside = sum(_high(one) for one in parts if not one.isHidden())
        self._photos.set_room(room, room - beside - first)

    @override
    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        if self._ticket is not None:
            self.menu_asked.emit(event.globalPos())

    def hear_enter_later(self) -> None:
        """Ignore an Enter that follows at once: it belongs to the key press that moved the focus here."""
        self._be_deaf(TWICE_S)

    def _be_deaf(self, seconds: float) -> None:
        self._deaf_until_s = max(self._deaf_until_s, self._steady_s() + seconds)
        self._arm()

    def _on_focus(self, _: QWidget | None, __: QWidget | None) -> None:
        self._arm()

    def _arm(self) -> None:
        """Let Enter press the filled button only while no button and no list in the panel has the focus, and the
        button's text has been the same for a moment: an operator who types on without looking means the text before.
        """
        heard = QApplication.focusWidget() in (self._scroll, self._text)
        left_s = self._deaf_until_s - self._steady_s()
        self._actions.set_armed(heard and left_s <= 0)
        if heard and left_s > 0 and not self._rearm.isActive():
            self._rearm.start(math.ceil(left_s * 1000))

    def _show_sections(self) -> None:
        ticket = self._ticket
        if ticket is None:
            return
        self._text_row.setVisible(bool(ticket.text.strip()))
        self._sla_row.setVisible(bool(ticket.sla))
        for widget in (self._photos_head, self._photos_row):
            widget.setVisible(bool(ticket.photos))
        count = str(len(ticket.photos))
        two = len({card.role_label for card in ticket.photos}) > 1
        self._photos_head.set_words(
            self.tr("Photos"), count, self.tr("Compare") if two else "", self._keys.get("photos", "") if two else ""
        )
        advised = bool(ticket.advice or ticket.advice_empty)
        self._advice_head.setVisible(advised)
        self._advice.setVisible(bool(ticket.advice))
        self._advice_empty.setVisible(not ticket.advice and advised)
        self._advice_empty.set_text(ticket.advice_empty)
        basis = ticket.advice_basis if ticket.advice else ""
        self._advice_head.set_words(self.tr("Recommended units"), basis, "", self._keys["advice"])
        self._show_card(ticket)
        self._show_foldable(ticket)
        self._share_room()

    def _show_card(self, ticket: Ticket) -> None:
        steps, key = ticket.steps, self._keys.get("card", "")
        self._card_head.setVisible(bool(steps))
        self._steps.setVisible(bool(steps) and self._card_head.open)
        done = self.tr("{n} of {all}").format(n=sum(1 for step in steps if step.done), all=len(steps))
        next_step = next((step.words for step in steps if not step.done), ticket.card)
        words = self.tr("Tick") if any(not step.done for step in steps) else ""
        self._card_head.set_words(
            self.tr("Run card"), f"{done} · {ticket.card}", words, key if words else "", f"{done} · {next_step}"
        )

    def _show_foldable(self, ticket: Ticket) -> None:
        merged = len(ticket.merged)
        self._merged_head.setVisible(merged > 0)
        self._merged.setVisible(merged > 0 and self._merged_head.open)
        numbers = ", ".join(row.number for row in ticket.merged)
        self._merged_head.set_words(self.tr("Merged into this report"), str(merged), "", "", f"{merged} {numbers}")
        count = len(ticket.duplicates)
        first = ticket.duplicates[0] if count else None
        self._duplicates_head.setVisible(count > 0 or bool(ticket.unread))
        self._duplicates.setVisible(count > 0 and self._duplicates_head.open)
        self._duplicates_head.set_words(
            self.tr("Possible duplicates"),
            ticket.unread or ticket.duplicates_basis or str(count),
            self.tr("Merge") if count else "",
            self._keys["duplicates"] if count else "",
            self.tr("{n} nearest {distance}, {why}").format(n=count, distance=first.distance, why=first.why)
            if first is not None
            else "",
        )
        entries = len(ticket.timeline)
        newest = ticket.timeline[0] if entries else None
        self._timeline_head.setVisible(entries > 0 or bool(ticket.unread))
        self._timeline.setVisible(entries > 0 and self._timeline_head.open)
        self._timeline_head.set_words(
            self.tr("Timeline"),
            ticket.unread or (self.tr("{n} entries").format(n=entries) if entries > 1 else self.tr("1 entry")),
            self.tr("Note"),
            self._keys["timeline"],
            f"{entries} · {newest.when} {newest.text}" if newest is not None else "",
        )

    def _on_fold(self) -> None:
        head = self.sender()
        if isinstance(head, SectionHead) and head.foldable:
            head.open = not head.open
            head.update()
            self._show_sections()

    def _on_photo(self, photo: str) -> None:
        self._open_viewer(photo, compare=False)
        self.photo_opened.emit(photo)

    def _open_viewer(self, photo: str, *, compare: bool) -> None:
        if self._viewer is None:
            self._viewer = PhotoViewer(self._theme, self)
            self._viewer.closed.connect(self.viewer_closed)
            self._viewer.unused_key.connect(self.viewer_key)
        if not self._viewer.isVisible():
            self._place_viewer(self._viewer)
        self._viewer.show_cards(self._photos.cards, photo, compare=compare)

    def _on_step(self, number: int) -> None:
        if self._ticket is not None and number < len(self._ticket.steps):
            self.step_chosen.emit(self._ticket.steps[number].words)

    def _on_step_back(self, number: int) -> None:
        if self._ticket is not None and number < len(self._ticket.steps):
            self.step_taken_back.emit(self._ticket.steps[number].words)

    def _on_advice(self, number: int) -> None:
        if self._ticket is not None and number < len(self._ticket.advice):
            if self._advice.hasFocus():  # another Enter is not another unit: the list moves up when one is sent
                self._scroll.setFocus(Qt.FocusReason.ShortcutFocusReason)
            self.advice_chosen.emit(self._ticket.advice[number].id)

    def _on_merged(self, number: int) -> None:
        if self._ticket is not None and number < len(self._ticket.merged):
            self.duplicate_opened.emit(self._ticket.merged[number].key)

    def _on_duplicate(self, number: int) -> None:
        if self._ticket is not None and number < len(self._ticket.duplicates):
            self.duplicate_opened.emit(self._ticket.duplicates[number].key)
