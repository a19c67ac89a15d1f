"""Lists everything that was typed into forms and not saved; opens the form of a draft again, or shows its words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from console.cache.reader import CacheReader
from console.panels.action_runner import ActionRunner
from console.panels.closure_commands import ClosureCommands
from console.panels.forms.draft import MARKS
from console.panels.forms.forms import Forms
from console.panels.qt_outbox import QtOutbox
from console.panels.report.photo_import import photo_key, place_of
from console.panels.report_commands import ReportCommands
from console.panels.situation import SituationMonitor
from console.panels.unit_commands import UnitCommands
from console.panels.window_state import WindowState
from console.rules.queued import EditState, is_deleted
from console.tasks import Tasks
from widgets.forms.choice import ListChoice


class Drafts(QObject):
    """The list of drafts. Drafts of reports that were deleted, closed or merged meanwhile can still be read, copied,
    cleared.
    """

    message = Signal(str)
    long_message = Signal(str)
    """What a start found: to be shown for longer than what is said, for the window is not all there yet."""
    edit_opened = Signal(str)
    """The id of an own edit whose form (a conflict, a deleted report) is to be opened."""
    handover_wanted = Signal(str)
    """The draft of the hand-over is to be shown."""
    thread_wanted = Signal(str, str)
    """The source and the key of a thread in which a message was begun."""
    line_wanted = Signal(str)
    """The key of a draft that was typed into a line, and is to stand there again."""
    log_line_wanted = Signal(str)
    """The same of the log's own line."""

    def __init__(
        self,
        window_state: WindowState,
        outbox: QtOutbox,
        runner: ActionRunner,
        situation: SituationMonitor,
        reports: ReportCommands,
        units: UnitCommands,
        closures: ClosureCommands,
        forms: Forms,
        tasks: Tasks,
        reader: Callable[[], CacheReader],
        local_row: Callable[[str], int],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._window_state, self._outbox, self._forms = window_state, outbox, forms
        self._runner, self._situation, self._reports, self._units = runner, situation, reports, units
        self._closures = closures
        self._tasks, self._reader, self._local_row = tasks, reader, local_row
        forms.photos.not_ready.connect(self._show)

    def tell(self) -> None:
        """After a start: say how many drafts there are, and which key lists them."""
        count = len(self._outbox.drafts)
        photos = sum(_parts(key)[0] == _PHOTO for key in self._outbox.drafts)
        if count:
            one, more = (
                self.tr("1 text that was not saved is kept: {key}"),
                self.tr("{n} texts not saved are kept: {key}"),
            )
            if photos == count:
                one, more = (
                    self.tr("1 photo that was not added is kept: {key}"),
                    self.tr("{n} photos not added are kept: {key}"),
                )
            elif photos:
                more = self.tr("{n} texts and photos not saved are kept: {key}")
            self.long_message.emit(
                (more if count > 1 else one).format(n=count, key=self._window_state.actions.key("drafts"))
            )

    def open(self) -> None:
        """Offer all drafts, the newest first."""
        drafts = sorted(self._outbox.drafts.items(), key=lambda one: str(one[1].get(MARKS[0], "")), reverse=True)
        if drafts:
            rows = [self._choice(key, draft) for key, draft in drafts]
            self._forms.choose(self.tr("Written and not saved"), "", rows, self.go_on, width=720)
        else:
            self.message.emit(self.tr("All that was written is saved"))

    def go_on(self, key: str) -> None:
        """Open the form of this draft; where that is impossible show its words and the reason."""
        kind, source, what = _parts(key)
        match kind:
            case "older":
                self._show(key, self.tr("Something else has been written there since."))
            case _ if source and source not in self._window_state.cities.catalogs:
                city = self.tr("{city} is not followed here any more.")
                self._show(key, city.format(city=self._window_state.city_name(source)))
            case "new_report":
                self._reports.new_report(source, key)
            case "unavailable":
                crews = [one for one in self._window_state.cities.crews if (one.source, one.unit.id) == (source, what)]
                if crews:
                    self._units.unit_state(crews[0].key, "unavailable")
                else:
                    self._show(key, self.tr("There is no such unit any more."))
            case "close_street" | "change_closure":
                self._on_closure(key, kind, source, what)
            case "conflict" | "keep":
                edit_id = self._edit_of(kind, source, what)
                if edit_id:
                    self.edit_opened.emit(edit_id)
                else:
                    self._show(key, self.tr("It was settled meanwhile: nothing is left to decide."))
            case "handover":
                self.handover_wanted.emit(source)
            case "message":
                self.thread_wanted.emit(source, what)
            case _ if kind == _PHOTO:
                self._on_report(key, kind, source, _parts(self._place(key))[2])
            case "log_line":
                self.log_line_wanted.emit(key)
            case _ if kind in _LINES and not what:
                self.line_wanted.emit(key)
            case _ if kind in _ON_REPORTS:
                self._on_report(key, kind, source, what)
            case _:
                self._show(key, self.tr("It has no form any more."))

    def _on_closure(self, key: str, kind: str, source: str, what: str) -> None:
        if why_not := self._window_state.actions["close_street"].why_not(self._situation.current):
            self._show(key, self.tr("It cannot be entered now: {why}").format(why=self.tr(why_not)))
        elif kind == "close_street":
            self._closures.go_on(source, what)
        elif not self._closures.change(f"{source}/{what}"):
            self._show(key, self.tr("It is over already."))

    def _on_report(self, key: str, action: str, source: str, report: str) -> None:
        number = self._outbox.remote_of(report) or report
        if row := self._local_row(report):
            self._open_on(row, key, action)
            return

        def long_message(row: int | None) -> None:
            if row is None:
                words = self.tr("Report {number} is not here any more: it was deleted, or you may not see it.")
                self._show(key, words.format(number=number))
            else:
                self._open_on(row, key, action)

        self._tasks.submit(lambda: self._reader().row_of(source, number), long_message)

    def _open_on(self, row: int, key: str, action: str) -> None:
        def open_form() -> None:
            if action in _LINES:
                self.line_wanted.emit(key)
                return
            now = self._situation.current
            why_not = self._window_state.actions[action].why_not(now)
            if action == "hold" and now.on_hold:  # there the key ends it
                why_not = self.tr("The report is on hold already")
            if why_not:
                self._show(key, self.tr("It cannot be entered now: {why}").format(why=self.tr(why_not)))
            elif action == _PHOTO:
                place = self._place(key)
                self._reports.add_photos(self._photos_of(place), place)
            elif action == "caller_adds":
                self._reports.ask_caller(goes_on=True)
            else:
                self._runner.run(action)

        self._window_state.choose(row)
        self._situation.when_read(row, open_form, lambda: None)

    def _place(self, key: str) -> str:
        """The draft key of photos of the report that this one is for."""
        return place_of(key, str((self._outbox.draft(key) or {}).get("text", "")))

    def _photos_of(self, place: str) -> list[tuple[Path, str]]:
        """All the files that wait there, with their roles: they were chosen together."""
        found = [draft for key, draft in self._outbox.drafts.items() if key == photo_key(place, draft.get("text", ""))]
        return [(Path(draft["text"]), str(draft.get("role", ""))) for draft in found]

    def _edit_of(self, kind: str, source: str, what: str) -> str:
        """The id of the edit that a draft of a decision is about; "" when there is nothing to decide any more."""
        for queued in self._outbox.open_edits:
            edit = queued.edit
            if kind == "conflict" and edit.id == what and queued.state is EditState.CONFLICT:
                return edit.id
            number = self._outbox.remote_of(edit.report or "") or edit.report
            if kind == "keep" and (edit.source, number) == (source, what) and is_deleted(queued):
                return edit.id
        return ""

    def _show(self, key: str, sentence: str) -> None:
        draft = self._outbox.draft(key)
        if draft is not None:
            self._forms.show_draft(key, self._name(key), sentence, "\n".join(_texts(draft, _WRITTEN)))

    def _choice(self, key: str, draft: Mapping[str, Any]) -> ListChoice:
        note = " · ".join(part for part in (str(draft.get(MARKS[2], "")), self._forms.draft_time(draft)) if part)
        texts = _texts(draft, _LISTED) or [self._without_words(draft)]
        return ListChoice(key, f"{self._name(key)}: {' · '.join(texts)}", note)

    def _without_words(self, draft: Mapping[str, Any]) -> str:
        """What stands in a form in which nothing was written that may be listed."""
        if _texts(draft, _CALLER):
            return self.tr("only who called")
        waits = draft.get("waits_for")
        return self.tr("waits for {what}").format(what=waits) if waits else self.tr("chosen, nothing written")

    def _name(self, key: str) -> str:
        kind = _parts(key)[0]
        name = _NAMES.get(kind) or (
            self._window_state.actions[kind].text if kind in self._window_state.actions else kind
        )
        return self.tr(name).split(",")[0]


def _parts(key: str) -> tuple[str, str, str]:
    """Kind of form, source, and which report, unit or edit."""
    kind, _, rest = key.partition(":")
    source, _, what = rest.partition(":")
    return kind, source, what


def _texts(draft: Mapping[str, Any], names: Sequence[str]) -> list[str]:
    """What somebody wrote or chose in words, the most important first."""
    return [str(draft[name]) for name in names if draft.get(name)]


_PHOTO = "photo"
_LINES = frozenset({"command", "palette"})
_ON_REPORTS = frozenset(
    {
        *("note", "reply", "caller_adds", "hold", "close", "validate", "reopen", "place", "close_here"),
        *("handover_note", *_LINES),
    }
)
_NAMES = {
    "handover": "Hand-over",
    "conflict": "Settle the conflict",
    "keep": "Keep as a new report",
    "older": "Older text",
    "change_closure": "Change the closure",
    "command": "Command",
    "palette": "Command",
    "message": "Message",
}
_LISTED = ("text", "reason", "disposition", "address", "words", "said_by")
_CALLER = ("caller_name", "caller_phone")
_WRITTEN = (*_LISTED, *_CALLER)
"""The list names no caller: others may look over the operator's shoulder."""
