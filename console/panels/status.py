"""The status bar and the banner: every source's state, the counts, the operator, and what was just said."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, tzinfo

from PySide6.QtCore import QObject

from console.panels import formatting
from console.panels.sources import Sources
from console.panels.window_state import WindowState
from console.rules.loaded import Loaded
from widgets.notice import Banner, Notice
from widgets.statusbar import Cell, StatusBar

_SAID_S = 6.0
_FOUND_S = 600.0


class StatusController(QObject):
    """Binds the sources and the state of the window to the status bar and the banner."""

    def __init__(
        self,
        bar: StatusBar,
        banner: Banner,
        window_state: WindowState,
        sources: Sources,
        zone: tzinfo,
        now: Callable[[], datetime],
        parent: QObject | None = None,
        *,
        who: Callable[[], str] | None = None,
    ) -> None:
        """`who` says who works here, and where as whom when cities differ in that; None: the operator\'s name."""
        super().__init__(parent)
        self._bar, self._banner, self._window_state, self._sources = bar, banner, window_state, sources
        self._zone, self._now = zone, now
        self._message, self._message_until = "", 0.0
        self._found, self._found_until = "", 0.0
        self._lost: Notice | None = None
        self._more_lost = self._beside_lost = 0
        self._waiting, self._hint, self._trouble, self._help = 0, "", "", ""
        self._map: tuple[Notice | None, bool] = (None, False)
        self._who = who or (lambda: window_state.me)
        window_state.view_changed.connect(lambda _: self.show())

    def say(self, sentence: str, for_s: float = _SAID_S) -> None:
        """Show a sentence for six seconds, or as long as given."""
        self._message, self._message_until = sentence, self._now().timestamp() + for_s
        self.show()

    def unsay(self, sentence: str) -> None:
        """Remove this sentence if it is still shown; a later one stays."""
        if sentence and self._message == sentence:
            self._message = ""
            self.show()

    def set_waiting(self, count: int) -> None:
        """How many edits wait."""
        self._waiting = count

    def set_found(self, sentence: str) -> None:
        """What the start found of the profile: told for ten minutes, behind what is more urgent."""
        self._found, self._found_until = sentence, self._now().timestamp() + _FOUND_S
        self.show()

    def set_hint(self, hint: str) -> None:
        """What to do when there is no source at all."""
        self._hint = hint
        self.show()

    def set_trouble(self, sentence: str, hint: str = "") -> None:
        """Something that must not be missed, until the next edit is saved; `hint` says what helps."""
        self._trouble, self._help = sentence, hint
        self.show()

    def set_map(self, notice: Notice | None, is_off: bool = False) -> None:
        """What the map cannot do now, None when it draws; one that is off says so itself, whatever the banner says."""
        self._map = (notice, is_off)
        self.show()

    def set_lost(self, notice: Notice | None, more: int, beside: int = 0) -> None:
        """An order of this operator that was not sent, or what else he has to know; None for none. By its keys `more`
        others come; `beside` wait behind all those.
        """
        if (notice, more, beside) != (self._lost, self._more_lost, self._beside_lost):
            self._lost, self._more_lost, self._beside_lost = notice, more, beside
            self.show()

    def show(self) -> None:
        """Fill bar and banner."""
        self._bar.set_left(self._left())
        self._bar.set_right(
            [Cell("user", self._who()), Cell("keys", self.tr("Keys"), key_text=self._window_state.actions.cap("help"))]
        )
        notice = self._notice()
        more = beside = 0
        if notice is not None and notice is self._lost:
            more, beside = self._more_lost, self._beside_lost
            if self._sources.banner(self._waiting) is not None and not _tells_of_outage(notice):
                beside += 1  # that nothing can be sent stands behind it
        self._banner.set_notice(notice, more, beside)

    def _left(self) -> list[Cell]:
        cells = self._sources.cells()
        as_of = self._sources.as_of()
        if as_of is not None:
            here, today = as_of.astimezone(self._zone), self._now().astimezone(self._zone).date()
            when = (
                f"{here:%H:%M:%S}" if here.date() == today else formatting.day_and_clock(as_of, self._zone, self._now())
            )
            cells.append(Cell("sync", self.tr("Sync {time}").format(time=when)))
        view = self._window_state.view
        if view is not None:
            whole = view.loaded >= Loaded.REPORTS
            open_, total = (
                formatting.thousands(view.counts.all_open) if whole else "–",
                formatting.thousands(view.total),
            )
            counted = self.tr("{open} open, {total} report" if view.total == 1 else "{open} open, {total} reports")
            if not whole:
                counted = self.tr("{open} open, {total} reports so far")
            cells.append(Cell("count", counted.format(open=open_, total=total)))
            chips = len(self._window_state.chips())
            if chips:
                cells.append(
                    Cell("filters", self.tr("{n} filters").format(n=chips) if chips > 1 else self.tr("1 filter"))
                )
        if self._message and self._now().timestamp() < self._message_until:
            cells.append(Cell("said", self._message, "info"))
        return cells

    def _notice(self) -> Notice | None:
        if self._trouble:
            return Notice("warn", self._trouble, self._help)
        if self._lost is not None and self._lost.level != "info":
            return self._lost
        found = self._found if self._now().timestamp() < self._found_until else ""
        if self._hint:
            return Notice("info", found or self._hint, self._hint if found else "")
        about_map, is_off = self._map
        about_sources, clock = self._sources.banner(self._waiting), self._sources.clock_notice()
        urgent = about_sources or about_map if is_off else about_map or about_sources
        if clock is not None and clock.level == "warn":
            urgent = urgent or clock
        urgent = urgent or self._lost
        return Notice("info", found, "") if found and urgent is None else urgent or clock


def _tells_of_outage(notice: Notice) -> bool:
    """Whether the notice itself says that the server cannot be reached; the banner then need not."""
    return any(intent == "refresh" for intent, _, _ in notice.buttons)
