"""The demo's tour: eight steps, each waits until the visitor has done it himself, by whatever key or click."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from PySide6.QtCore import QObject, QRect, Qt, QTimer, Signal
from PySide6.QtGui import QGuiApplication

from widgets.focus import Ring
from widgets.shell import Shell
from widgets.theme import Theme
from widgets.tour import TourCard, TourPage

_LOOK_MS = 250


class TourStep(NamedTuple):
    """One step, about a panel of the window; English source text, with {key} for the first of its keys."""

    panel: str
    title: str
    text: str
    waiting: str
    is_done: Callable[[], bool]
    """Whether the visitor has done it; asked again and again while the step is shown."""
    begin: Callable[[], None] = lambda: None
    """Run when the step is shown, to note what there was before."""
    under_way: Callable[[], str] = lambda: ""
    """What is waited for once the visitor has done his part, in English source text; "" before."""


class Tour(QObject):
    """Shows one step after another beside its panel, which has a blue frame meanwhile."""

    changed = Signal()
    """Another step is shown, or none."""

    def __init__(
        self,
        theme: Theme,
        window: Shell,
        steps: tuple[TourStep, ...],
        say: Callable[[str], None],
        parent: QObject | None = None,
        *,
        skip_key: str,
        end_key: str,
    ) -> None:
        super().__init__(parent)
        self._theme, self._window, self._steps, self._say = theme, window, steps, say
        self._at: int | None = None
        self._ring: Ring | None = None
        self.card = TourCard(theme, window, skip_key=skip_key, end_key=end_key)
        self.card.skipped.connect(self.skip)
        self.card.ended.connect(self.end)
        window.room_moved.connect(self._place)
        self._timer = QTimer(self, interval=_LOOK_MS)
        self._timer.timeout.connect(self._look)

    @property
    def number(self) -> int:
        """The step that is shown, from 1; 0 while the tour is not going on."""
        return self._at + 1 if self._at is not None else 0

    @property
    def length(self) -> int:
        """How many steps there are."""
        return len(self._steps)

    def begin(self) -> None:
        """Begin with the first step, or, while the tour goes on, end it."""
        if self._at is not None:
            self.end()
            return
        self._timer.start()
        self._go_to(0)

    def skip(self) -> None:
        """Go on without having done it."""
        if self._at is None:
            self._say(self.tr("No tour is going on"))
        else:
            self._go_on()

    def end(self) -> None:
        """Take card and frame away."""
        if self._at is None:
            self._say(self.tr("No tour is going on"))
            return
        self._stop()
        self._say(self.tr("The tour has ended; the visitor's strip begins it again"))

    def close(self) -> None:
        """The window closes."""
        self._stop()
        self.card.deleteLater()

    def _stop(self) -> None:
        self._at = None
        self._timer.stop()
        self.card.hide()
        self._frame(None)
        self.changed.emit()

    def _go_on(self) -> None:
        assert self._at is not None
        if self._at + 1 < len(self._steps):
            self._go_to(self._at + 1)
        else:
            self._stop()
            self._say(self.tr("That was the tour: the city is yours"))

    def _go_to(self, at: int) -> None:
        self._at = at
        step = self._steps[at]
        step.begin()
        self._window.show_panel(step.panel)
        self._frame(step.panel)
        self._place()
        self.changed.emit()

    def _look(self) -> None:
        if self._at is None:
            return
        if self._steps[self._at].is_done():
            self._go_on()
        else:
            self._place()

    def _frame(self, panel: str | None) -> None:
        if self._ring is not None:
            self._ring.show_ring(False)
            self._ring.deleteLater()
            self._ring = None
        if panel is not None:
            self._ring = Ring(self._theme, self._window.panel(panel))
            self._ring.show_ring()

    def _place(self) -> None:
        """Beside the panel, wherever that stands now; nowhere while the visitor is in another program."""
        if self._at is None:
            return
        is_away = QGuiApplication.applicationState() != Qt.ApplicationState.ApplicationActive
        if is_away or not self._window.isVisible() or self._window.isMinimized() or self._window.is_covered:
            self.card.hide()
            return
        step = self._steps[self._at]
        panel = self._window.panel(step.panel)
        shown = panel if panel.isVisible() else self._window
        box = QRect(shown.mapToGlobal(shown.rect().topLeft()), shown.size())
        waiting = self.tr(step.under_way() or step.waiting)
        page = TourPage(self._at + 1, len(self._steps), self.tr(step.title), self.tr(step.text), waiting)
        self.card.show_page(page, box, self._window.geometry(), within=step.panel == "map")
