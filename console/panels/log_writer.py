"""The operator's own line in the log: a line of the log, or with a number at its start a note of that report."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence

import msgspec
from PySide6.QtCore import QObject, Signal

from api_client.model import Report
from console.cache.reader import CacheReader
from console.panels import formatting
from console.panels.command_line.typed_line import TypedLine
from console.panels.edit_commands import EditCommands
from console.panels.qt_outbox import QtOutbox
from console.panels.report.details import ReportDetails
from console.panels.sources import Sources
from console.tasks import Tasks
from widgets.log import LogPanel

_KIND = "log-number"
_LONGEST_NUMBER, _LEAST_DIGITS = 128, 3
_CLOCK = re.compile(r"\d{1,2}[:.]\d{2}")


class NamedReport(msgspec.Struct, frozen=True):
    """The report that a line begins with: its source, its number and what it is called."""

    source: str
    number: str
    title: str


class LogWriter(QObject):
    """Takes what is typed at the foot of the log, says where it will go, and makes an edit of it at Enter. Until it is
    saved the words are a draft.
    """

    message = Signal(str)

    def __init__(
        self,
        panel: LogPanel,
        tasks: Tasks,
        reader: Callable[[], CacheReader],
        outbox: QtOutbox,
        edit_commands: EditCommands,
        sources: Sources,
        mark: Callable[[str], dict[str, str]],
        read_report: Callable[[str, str, Callable[[ReportDetails | None], None]], None],
        is_outside: Callable[[ReportDetails], bool],
        current_panel: Callable[[], str],
        give_keyboard: Callable[[str], object],
        show_panel: Callable[[], object],
        parent: QObject | None = None,
        *,
        steady_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """`mark` gives the MARKS of a draft, of what it is on; `read_report` the details of a report by source and
        number, None when it is not here; `is_outside` whether that lies outside the operator's scope. `current_panel`
        is the one that has the keyboard, `give_keyboard` gives it to one, `show_panel` brings the log to the front.
        """
        super().__init__(parent)
        self._panel, self._tasks, self._reader, self._outbox = panel, tasks, reader, outbox
        self._edit_commands, self._sources, self._read_report = edit_commands, sources, read_report
        self._is_outside, self._current_panel, self._give_keyboard = is_outside, current_panel, give_keyboard
        self._show_panel = show_panel
        self._typed = TypedLine(outbox, mark, steady_s, self)
        self._came_from = ""
        self._number = ""
        self._is_writing = False
        self._unsaved: dict[str, str] = {}
        """The edits that the disk has not taken yet, and the lines that they were made of."""
        panel.line_typed.connect(self._on_typed)
        panel.line_entered.connect(self._on_entered)
        panel.line_left.connect(self._leave)
        outbox.saved.connect(lambda queued: self._unsaved.pop(queued.edit.id, None))
        outbox.refused.connect(lambda edit_id, _: self._put_back(self._unsaved.pop(edit_id, "")))

    def begin(self) -> None:
        """Give the keyboard to the line, from whatever panel has it."""
        here = self._current_panel()
        self._came_from = here if here != "log" else self._came_from
        self._show_panel()
        self._panel.focus_line()

    def take_up(self, key: str) -> None:
        """Put a draft back into the line; what stood there is kept as a draft."""
        text = str((self._outbox.draft(key) or {}).get("text", ""))
        self._typed.hand_over()
        self._typed.take_up(key)
        self._panel.set_line(text)
        self.begin()

    def clear(self) -> None:
        """Another operator signs in, or the window goes: keep what stands there as a draft, and clear the line."""
        self._typed.hand_over()
        self._panel.set_line("")

    # Typing

    def _on_typed(self, text: str) -> None:
        key = self._outbox.draft_key("log_line", "", "") if text.strip() else ""
        self._typed.typed(key, text, "")
        number, _ = split_number(text)
        if number == self._number:
            return
        self._number = number
        self._panel.set_hint("")
        if number:
            self._tasks.latest(_KIND, lambda: self._find(number), lambda found: self._on_found(number, found))

    def _find(self, number: str) -> NamedReport | None:
        return find_report(self._reader(), self._sources.keys, number)

    def _on_found(self, number: str, found: NamedReport | None) -> None:
        if number != self._number:
            return
        if found is None:
            words = self.tr("no report {number}: a line of the log").format(number=number[:24])
        else:
            words = self.tr("note of {number} {title}").format(number=found.number, title=found.title)
        self._panel.set_hint(words)

    # Writing

    def _on_entered(self, text: str) -> None:
        if self._is_writing or not text.strip():
            return
        number, words = split_number(text)
        if not number:
            self._write_line(text)
            return
        self._is_writing = True
        self._tasks.submit(
            lambda: self._find(number), lambda found: self._on_target(text, words, found), lambda _: self._fail()
        )

    def _fail(self) -> None:
        self._is_writing = False
        self.message.emit(self.tr("Not written: the reports cannot be read now. Press Enter again"))

    def _on_target(self, text: str, words: str, found: NamedReport | None) -> None:
        if found is None:
            self._is_writing = False
            self._write_line(text)
        else:
            self._read_report(found.source, found.number, lambda details: self._write_note(text, words, details))

    def _write_note(self, text: str, words: str, details: ReportDetails | None) -> None:
        self._is_writing = False
        if details is None:
            self._fail()
        elif self._is_outside(details):
            self.message.emit(self.tr("Not written: the report is outside your areas and agencies"))
        else:
            with self._outbox.using_draft(self._typed.hand_over()):
                edit_id = self._edit_commands.note(details, words)
            title = formatting.title_of(details.shown)
            told = self.tr("Note of {number} {title}").format(number=details.shown.id, title=title)
            self._written(edit_id, text, told)

    def _write_line(self, text: str) -> None:
        source = next((key for key in self._sources.keys if not self._sources.takes_new_only(key)), "")
        if not source:
            self.message.emit(self.tr("Not written: no server here takes lines of the log"))
            return
        with self._outbox.using_draft(self._typed.hand_over()):
            edit_id = self._edit_commands.write_line(source, text.strip())
        self._written(edit_id, text, self.tr("Written into the log"))

    def _written(self, edit_id: str, text: str, told: str) -> None:
        self._unsaved[edit_id] = text
        if self._panel.line() == text:  # else more was typed since
            self._panel.set_line("")
        self.message.emit(told)
        self._leave()

    def _put_back(self, text: str) -> None:
        """The disk refused it: the words stand in the line again."""
        # protects: a-line-stays-until-it-is-saved
        if text and not self._panel.line():
            self._panel.set_line(text)

    def _leave(self) -> None:
        """Give the keyboard back to the panel that had it, with what stands in the line."""
        panel, self._came_from = self._came_from or "log", ""
        self._give_keyboard(panel)


def split_number(text: str) -> tuple[str, str]:
    """The number of a report that a line may begin with, and what is said of it; "" and all of it for any other line.

    With # before it everything is a number; else it has three digits at least, and is no time of the day: "2 crews are
    there" and "14:20 power is back" are lines of the log. What has nothing behind it is no number.
    """
    first, _, words = text.strip().partition(" ")
    number = first.lstrip("#").rstrip(":,;.")[:_LONGEST_NUMBER]
    has_digits = sum(letter.isdigit() for letter in number) >= _LEAST_DIGITS and not _CLOCK.fullmatch(number)
    if number and words.strip() and (first.startswith("#") or has_digits):
        return number, words.strip()
    return "", text.strip()


def find_report(reader: CacheReader, sources: Sequence[str], number: str) -> NamedReport | None:
    """The report of this number at the first of these sources that has one."""
    for source in sources:
        found: Report | None = reader.reports_of(source, [number]).get(number)
        if found is not None:
            return NamedReport(source, number, formatting.title_of(found))
    return None
