"""What an operator does with the window and its servers, not with a report: panels, filter, keys, text, comparing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from PySide6.QtCore import QObject, QTimer, Signal

from console.actions import ACTIONS, BY_ID, GROUPS, PANEL_KEYS
from console.domain.filter import Filter
from console.domain.messages import Compare, SyncNow
from console.domain.time_range import TimeRange
from console.presenters.desk import Desk
from console.presenters.dossier import Dossiers
from console.presenters.forms import Forms
from console.presenters.intents import Intents
from console.presenters.map import MapPresenter
from console.presenters.sources import Sources
from console.presenters.status import StatusPresenter
from console.sync_link import SyncLink
from console.window.kept_settings import KeptSettings
from widgets.keys import key_text
from widgets.shell import Shell

_SCALES = (0.8, 0.9, 1.0, 1.1, 1.25, 1.5, 1.75, 2.0)


_PAUSE_MS = 400
"""So long a changed look waits for another key: several steps of text size are one change."""


class WindowActions(QObject):
    """A table from an action's id to what it does; actions on reports are in `Intents`."""

    look_changed = Signal(str)
    """Theme or text size are others now; what to say of it."""

    def __init__(
        self,
        window: Shell,
        desk: Desk,
        dossiers: Dossiers,
        map_: MapPresenter,
        forms: Forms,
        intents: Intents,
        sources: Sources,
        link: SyncLink,
        settings: KeptSettings,
        status: StatusPresenter,
        elsewhere: Mapping[str, Callable[[], object]],
        parent: QObject | None = None,
    ) -> None:
        """`elsewhere` are the actions that another object does by itself."""
        super().__init__(parent)
        self._window, self._desk, self._dossiers, self._map = window, desk, dossiers, map_
        self._forms, self._intents, self._sources, self._link = forms, intents, sources, link
        self._settings, self._status = settings, status
        self._look_words = ""
        self._look = QTimer(self, singleShot=True, interval=_PAUSE_MS)
        self._look.timeout.connect(lambda: self.look_changed.emit(self._look_words))
        self._doing: dict[str, Callable[[], object]] = {
            "help": self._show_keys,
            "panel_queue": lambda: window.focus_panel("queue"),
            "panel_map": lambda: window.focus_panel("map"),
            "panel_units": lambda: window.focus_panel("units"),
            "panel_report": lambda: window.focus_panel("report"),
            "panel_charts": lambda: window.focus_panel("charts"),
            "panel_outbox": lambda: window.focus_panel("outbox"),
            "next_panel": lambda: window.next_panel(1),
            "previous_panel": lambda: window.next_panel(-1),
            "full_screen": window.toggle_full_screen,
            "reset_layout": window.reset_layout,
            "text_larger": lambda: self._scale(1),
            "text_smaller": lambda: self._scale(-1),
            "go_on": self._switch_going_on,
            "next_range": self._next_range,
            "theme": self._switch_theme,
            "refresh": self._refresh,
            "sources": self._show_sources,
            "compare": self._compare,
            "believe": self._believe,
            "clear_filter": lambda: desk.set_filter(Filter(tab=desk.filter.tab)),
            "go_to": self.go_to,
            "map_fit": map_.fit_to_list,
            "quit": window.close,
            **elsewhere,
        }

    def run(self, action_id: str) -> None:
        """Do what an action says."""
        if action_id.startswith("tab_"):
            self._desk.set_filter(self._desk.filter.with_tab(action_id.removeprefix("tab_")))
            self._window.focus_panel("queue")
        elif action_id.startswith("range_"):
            self._set_range(TimeRange(action_id.removeprefix("range_")))
        else:
            self._doing[action_id]()

    def _set_range(self, time_range: TimeRange) -> None:
        """Said too: on a small screen the charts are folded."""
        self._desk.set_range(time_range)
        self._status.say(self.tr(BY_ID[f"range_{time_range.value}"].text))

    def _next_range(self) -> None:
        ranges = list(TimeRange)
        self._set_range(ranges[(ranges.index(self._desk.time_range) + 1) % len(ranges)])

    def go_to(self) -> None:
        """Show the chosen report on the map."""
        if self._dossiers.current is not None:
            self._map.go_to(self._dossiers.current)

    def _refresh(self) -> None:
        """Try all servers now, and read the chosen report again, which may have failed."""
        if self._sources.first:
            self._status.say(self.tr("Asking all servers now"))
        self._link.send(SyncNow())
        self._dossiers.read()

    def _show_sources(self) -> None:
        sheet = self._sources.sheet() or self.tr("No server yet")
        self._forms.ask(
            self.tr("Servers"), sheet, self.tr("Try now"), self.tr("Back"), lambda: self._intents.run("refresh")
        )

    def _compare(self) -> None:
        """Every row against its server; what was found is said by the source."""
        if self._sources.first:
            self._status.say(self.tr("Comparing with the server"))
            self._link.send(Compare())
        else:
            self._status.say(self.tr("No server to compare with"))

    def _believe(self) -> None:
        """Reports that a comparison missed are dropped here, by whoever knows that the city took them back."""
        count = self._sources.doubted
        sentence = self.tr(
            "{n} reports are not given by the server any more: more than a city takes back, so that they are shown "
            "still. Dropped they are in no list here; they come back by themselves when the server lists them again."
            if count > 1
            else "1 report is not given by the server any more, and is shown still. Dropped it is in no list here; it "
            "comes back by itself when the server lists it again."
        )

        def believe() -> None:
            self._status.say(self.tr("Looking once more, then they are dropped"))
            self._link.send(Compare(believe=True))

        title = self.tr("Believe the comparison?")
        self._forms.ask(title, sentence.format(n=count), self.tr("Drop them here"), self.tr("Leave them"), believe)

    def _show_keys(self) -> None:
        keyed = sorted((action for action in ACTIONS if action.keys), key=lambda action: GROUPS.index(action.group))
        rows = [(one.group, one.keys, one.text) for one in keyed]
        shown = [(self.tr(group), _keys_text(keys), self.tr(text)) for group, keys, text in (*rows, *PANEL_KEYS)]
        self._forms.show_keys(shown)

    def _switch_going_on(self) -> None:
        on = not self._settings.here.go_on
        why_not = self._settings.keep(lambda settings: setattr(settings, "go_on", on))
        now = self.tr("After each step the next waiting report is chosen") if on else self.tr("A report stays chosen")
        self._status.say(f"{now}. {why_not}" if why_not else now)

    def _scale(self, step: int) -> None:
        now = self._settings.here.text_scale
        at = min(range(len(_SCALES)), key=lambda index: abs(_SCALES[index] - now))
        scale = _SCALES[max(0, min(len(_SCALES) - 1, at + step))]
        why_not = self._settings.keep(lambda settings: setattr(settings, "text_scale", scale))
        self._change_look(self.tr("Text {scale:.0%}").format(scale=scale), why_not)

    def _switch_theme(self) -> None:
        name = "light" if self._settings.here.theme == "dark" else "dark"
        why_not = self._settings.keep(lambda settings: setattr(settings, "theme", name))
        self._change_look(self.tr("Light") if name == "light" else self.tr("Dark"), why_not)

    def _change_look(self, words: str, why_not: str) -> None:
        """It holds at once, also where it cannot be kept."""
        self._look_words = f"{words}. {why_not}" if why_not else words
        self._status.say(self._look_words)
        self._look.start()


def _keys_text(keys: Sequence[str]) -> str:
    return "  ".join(key_text(key) for key in keys)
