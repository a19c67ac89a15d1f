"""What an operator does with the window and its servers, not with a report: panels, filter, keys, text, comparing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QLocale, QObject, QTimer, Signal
from PySide6.QtWidgets import QTextEdit

from console.panels.action import Actions
from console.panels.forms.forms import Forms
from console.panels.map.controller import MapController
from console.panels.notifications.hazards import Hazards
from console.panels.report.clipboard import ReportClipboard
from console.panels.report.details import ReportDetailsReader
from console.panels.sources import Sources
from console.panels.status import StatusController
from console.panels.window_state import WindowState
from console.rules.filter import Filter
from console.rules.messages import Compare, SyncNow
from console.rules.names import PLAIN, language_tag, languages_chosen
from console.rules.time_range import TimeRange
from console.window.settings_store import SettingsStore
from console.window.sync_supervisor import SyncSupervisor
from widgets.forms.choice import ListChoice
from widgets.keys import key_text
from widgets.queue.panel import QueuePanel
from widgets.shell import Shell

RANGE_TEXT = {
    TimeRange.DAY: "Charts: the last 24 h",
    TimeRange.WEEK: "Charts: the last 7 d",
    TimeRange.MONTH: "Charts: the last 30 d",
    TimeRange.YEAR: "Charts: the last year",
    TimeRange.ALL: "Charts: all the time there is",
}
PANEL_KEYS: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("Lists", ("Return",), "Open; the first verb"),
    ("Lists", ("1", "2", "3"), "This unit; this verb"),
    ("Map", ("0",), "Whole city"),
    ("Map", ("PgDown", "PgUp"), "Next, previous symbol"),
    ("Forms", ("Ctrl+Return",), "Save, or what the button says"),
    ("Forms", ("Esc",), "Leave; the words stay as a draft"),
    ("Forms", ("Alt+Delete",), "Clear the draft"),
)
"""(Group, keys, words) of what a panel or a form does with a key by itself: for the sheet of keys."""
_SCALES = (0.8, 0.9, 1.0, 1.1, 1.25, 1.5, 1.75, 2.0)
_SYSTEM = "system"
"""In the list of languages, where nothing stands for nothing chosen."""
_PAUSE_MS = 400
"""How long a changed look waits for another key: several steps of text size are one change."""


class WindowCommands(QObject):
    """Receives the actions that are about no report and no unit."""

    look_changed = Signal(str)
    """Theme or text size are others now; what to say of it."""

    def __init__(
        self,
        window: Shell,
        queue: QueuePanel,
        actions: Actions[Any],
        window_state: WindowState,
        details_reader: ReportDetailsReader,
        map_: MapController,
        forms: Forms,
        report_clipboard: ReportClipboard,
        hazards: Hazards,
        sources: Sources,
        sync_supervisor: SyncSupervisor,
        settings: SettingsStore,
        status: StatusController,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._window, self._queue, self._actions, self._window_state = window, queue, actions, window_state
        self._details_reader, self._map, self._forms = details_reader, map_, forms
        self._report_clipboard, self._hazards, self._sources, self._sync_supervisor = (
            report_clipboard,
            hazards,
            sources,
            sync_supervisor,
        )
        self._settings, self._status = settings, status
        self._look_words = ""
        self._look = QTimer(self, singleShot=True, interval=_PAUSE_MS)
        self._look.timeout.connect(lambda: self.look_changed.emit(self._look_words))

    # Panels and lists

    def go_to_panel(self, panel: str) -> None:
        """Give a panel the keyboard."""
        self._window.focus_panel(panel)

    def next_panel(self, step: int) -> None:
        """Give the keyboard to the panel so many steps on."""
        if self._window.next_panel(step, form=self._forms.is_open):
            self._forms.come_back()

    def toggle_full_screen(self) -> None:
        """Fill the screen, or no longer."""
        self._window.toggle_full_screen()

    def reset_layout(self) -> None:
        """Give every panel the place and size that it has at first."""
        self._window.reset_layout()

    def close(self) -> None:
        """Close the window, which asks where something waits."""
        self._window.close()

    def show_tab(self, tab: str) -> None:
        """List other reports in the queue, and go there."""
        self._window_state.set_filter(self._window_state.filter.with_tab(tab))
        self._window.focus_panel("queue")

    def show_moderation(self) -> None:
        """List what waits to be published or withheld; all open reports again where that is listed."""
        now = self._window_state.filter
        wanted = Filter(moderation=True, order=now.order)
        self._window_state.set_filter(Filter(order=now.order) if now == wanted else wanted)
        self._window.focus_panel("queue")

    def clear_filter(self) -> None:
        """List all reports of the tab."""
        self._window_state.set_filter(Filter(tab=self._window_state.filter.tab))

    def walk(self, step: int) -> None:
        """Another row of the queue, which has the keyboard then: wherever it was, Enter opens the report."""
        self._queue.view.move_by(step)
        self._window.focus_panel("queue")

    def go_to_hazard(self) -> None:
        """Choose a P1 without a crew."""
        self._hazards.go()
        self._window.focus_panel("queue")

    def go_back_from_hazard(self) -> None:
        """Show the list again that was put aside for a P1, or for the reports of a limit; a form that was left open has
        the keyboard again.
        """
        is_left = self._forms.is_open
        if self._hazards.has_put_aside or not is_left:
            self._hazards.go_back()
        self._window.focus_panel("queue")
        if is_left:
            self._forms.come_back()

    def copy(self) -> None:
        """What is marked in the reporter's words, else the chosen unit or report, by where the keyboard is."""
        focus = self._window.focusWidget()
        if isinstance(focus, QTextEdit) and focus.textCursor().hasSelection():
            focus.copy()
        elif self._window.current_panel() == "units" and self._window_state.unit:
            self._report_clipboard.copy_unit()
        else:
            self._report_clipboard.copy_row()

    def set_range(self, time_range: TimeRange) -> None:
        """Said too: on a small screen the charts are folded."""
        self._window_state.set_range(time_range)
        self._status.say(self.tr(RANGE_TEXT[time_range]))

    def next_range(self) -> None:
        """The range after the one that charts show, in a ring."""
        ranges = list(TimeRange)
        self.set_range(ranges[(ranges.index(self._window_state.time_range) + 1) % len(ranges)])

    def go_to(self) -> None:
        """Show the chosen report on the map."""
        if self._details_reader.current is not None:
            self._map.go_to(self._details_reader.current)

    def refresh(self) -> None:
        """Try all servers now, and read the chosen report again, which may have failed."""
        if self._sources.first:
            self._status.say(self.tr("Asking all servers now"))
        self._sync_supervisor.send(SyncNow())
        self._details_reader.read()

    def show_sources(self) -> None:
        """How every server is doing."""
        sheet = self._sources.sheet() or self.tr("No server yet")
        self._forms.ask(self.tr("Servers"), sheet, self.tr("Try now"), self.tr("Back"), self.refresh)

    def compare(self) -> None:
        """Every row against its server; what was found is said by the source."""
        if self._sources.first:
            self._status.say(self.tr("Comparing with the server"))
            self._sync_supervisor.send(Compare())
        else:
            self._status.say(self.tr("No server to compare with"))

    def believe(self) -> None:
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
            self._sync_supervisor.send(Compare(believe=True))

        title = self.tr("Believe the comparison?")
        self._forms.ask(title, sentence.format(n=count), self.tr("Drop them here"), self.tr("Leave them"), believe)

    def show_keys(self) -> None:
        """The sheet of keys: of every action that has one, then those of panels and forms."""
        rows = [(one.group, one.keys, one.text) for one in self._actions.grouped if one.keys]
        shown = [(self.tr(group), _keys_text(keys), self.tr(text)) for group, keys, text in (*rows, *PANEL_KEYS)]
        self._forms.show_keys(shown)

    def switch_going_on(self) -> None:
        """Whether the next report is chosen after each step, from now on."""
        on = not self._settings.here.go_on
        why_not = self._settings.keep(lambda settings: setattr(settings, "go_on", on))
        now = self.tr("After each step the next waiting report is chosen") if on else self.tr("A report stays chosen")
        self._status.say(f"{now}. {why_not}" if why_not else now)

    def choose_names(self) -> None:
        """Ask in which language the city's names are shown."""
        system, cities = system_language(), self._window_state.cities
        rows = [
            ListChoice(_SYSTEM, self.tr("As this computer"), _language_words(system)),
            ListChoice(PLAIN, self.tr("The city's own names")),
            *(ListChoice(tag, _language_words(tag) or tag, tag) for tag in cities.languages),
        ]
        about = "" if cities.languages else self.tr("The city has names in one language only.")
        now = self._settings.here.names_in or _SYSTEM
        self._forms.choose(self.tr("Names of the city in"), about, rows, self._keep_names, current=now)

    def _keep_names(self, chosen: str) -> None:
        choice = "" if chosen == _SYSTEM else chosen
        why_not = self._settings.keep(lambda settings: setattr(settings, "names_in", choice))
        languages = languages_chosen(choice, system_language())
        self._window_state.set_languages(languages)
        named = _language_words(languages[0]) if languages else ""
        now = self.tr("Names of the city: {language}").format(language=named or self.tr("its own"))
        self._status.say(f"{now}. {why_not}" if why_not else now)

    def scale_text(self, step: int) -> None:
        """Larger or smaller text, by steps."""
        now = self._settings.here.text_scale
        at = min(range(len(_SCALES)), key=lambda index: abs(_SCALES[index] - now))
        scale = _SCALES[max(0, min(len(_SCALES) - 1, at + step))]
        why_not = self._settings.keep(lambda settings: setattr(settings, "text_scale", scale))
        self._change_look(self.tr("Text {scale:.0%}").format(scale=scale), why_not)

    def switch_theme(self) -> None:
        """Dark or light."""
        name = "light" if self._settings.here.theme == "dark" else "dark"
        why_not = self._settings.keep(lambda settings: setattr(settings, "theme", name))
        self._change_look(self.tr("Light") if name == "light" else self.tr("Dark"), why_not)

    def _change_look(self, words: str, why_not: str) -> None:
        """It holds at once, also where it cannot be kept."""
        self._look_words = f"{words}. {why_not}" if why_not else words
        self._status.say(self._look_words)
        self._look.start()


def system_language() -> str:
    """The tag of the language that this computer speaks; "" where it says none."""
    return next((tag for one in QLocale.system().uiLanguages() if (tag := language_tag(one))), "")


def _language_words(tag: str) -> str:
    """What the speakers of a language call it; "" where nobody knows."""
    locale = QLocale(tag)
    return locale.nativeLanguageName() if locale.language() is not QLocale.Language.C else ""


def _keys_text(keys: Sequence[str]) -> str:
    return "  ".join(key_text(key) for key in keys)
