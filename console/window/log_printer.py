"""Print what the log's filter shows: ask how, start the process that makes the pages, say how far it is, stop it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from PySide6.QtCore import QObject, QProcess, QStandardPaths, QTimer, Signal

from console.export.messages import PRINTS, FromPrint, PrintDone, PrintFailed, PrintJob, PrintProgress
from console.panels import formatting
from console.panels.forms.forms import Forms
from console.panels.log import LogController
from console.panels.sources import Sources
from console.panels.window_state import WindowState
from console.pipe import Frames, pack
from console.rules.log_filter import LogFilter
from console.rules.rights import Rights, may_see_contacts
from console.settings import CityZone
from console.window.child_output import deliver_output, end_process
from widgets.forms.choice import ListChoice

COMMAND = (sys.executable, "-P", "-m", "console.commands.print_log")
"""Starts the process that prints."""
_SAVE, _OPEN = "save", "open"
_END_MS = 3_000
"""So long it has to leave nothing behind when it is stopped."""


class LogPrinter(QObject):
    """Prints what the log's filter shows; one print runs at a time, and ends with the window."""

    message = Signal(str)

    def __init__(
        self,
        log: LogController,
        window_state: WindowState,
        forms: Forms,
        sources: Sources,
        profile: Path,
        zone: CityZone,
        now: Callable[[], datetime],
        rights_at: Callable[[str], Rights],
        open_file: Callable[[Path], bool],
        parent: QObject | None = None,
        *,
        command: Sequence[str] = COMMAND,
    ) -> None:
        """`open_file` opens a file with the program that the computer has for it; whether there is one."""
        super().__init__(parent)
        self._log, self._window_state, self._forms, self._sources = log, window_state, forms, sources
        self._profile, self._zone, self._now = profile, zone, now
        self._rights_at, self._open_file, self.command = rights_at, open_file, list(command)
        self._process: QProcess | None = None
        self._frames: Frames[FromPrint] = Frames(FromPrint)
        self._path, self._is_opened = Path(), False
        self._said = ""
        """What has become of it, once that is known."""
        self._late = QTimer(self, singleShot=True, interval=_END_MS)
        self._late.timeout.connect(self._kill)

    @property
    def is_printing(self) -> bool:
        """Whether pages are being made."""
        return self._process is not None

    def begin(self) -> None:
        """Ask how the log is to be printed; while it is being printed, stop that."""
        if self._process is not None:
            self._said = self.tr("Stopped: nothing was printed")
            self._process.closeWriteChannel()
            self._late.start()
            return
        rows = [
            ListChoice(_SAVE, self.tr("Save as PDF"), self.tr("a file of your own")),
            ListChoice(_OPEN, self.tr("Open as PDF, to print it"), self.tr("with the program for PDFs")),
        ]
        about = " · ".join(words for _, words in self._log.conditions()) or self.tr("All that is known")
        self._forms.choose(self.tr("Print the log"), about, rows, self._on_chosen)

    def stop(self) -> None:
        """The window goes: nothing is printed any more."""
        self._late.stop()
        process, self._process = self._process, None
        if process is not None:
            process.closeWriteChannel()
            process.waitForFinished(_END_MS)
            end_process(process)

    def _on_chosen(self, how: str) -> None:
        name = f"Sigap log {self._now().astimezone(self._zone):%Y-%m-%d %H%M}.pdf"
        if how == _OPEN:
            self.print_into(self._profile / PRINTS / name, is_opened=True)
            return
        home = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.DocumentsLocation)
        self._forms.choose_new_file(self.tr("Save the log"), Path(home) / name, "PDF (*.pdf)", self.print_into)

    def print_into(self, path: Path, *, is_opened: bool = False) -> None:
        """Start the process with a job; `is_opened` has its document opened at the end."""
        self._path, self._is_opened, self._said = path, is_opened, ""
        self._frames = Frames(FromPrint)
        process = self._process = QProcess(self)
        process.setStandardErrorFile(QProcess.nullDevice())
        process.readyReadStandardOutput.connect(self._on_output)
        process.finished.connect(lambda *_: self._on_finished())
        process.errorOccurred.connect(self._on_error)
        process.start(self.command[0], self.command[1:])
        process.write(pack(self._job(path)))

    def _on_output(self) -> None:
        if self._process is not None:
            deliver_output(self._process, self._frames, self._take, "print")

    def _take(self, message: FromPrint) -> None:
        match message:
            case PrintProgress(lines) if not self._said:
                words = self.tr("Printing the log: {n} lines so far. {key} stops it")
                key = self._window_state.actions.key("print_log")
                self.message.emit(words.format(n=formatting.thousands(lines), key=key))
            case PrintFailed(why):
                self._said = self.tr("The log was not printed: {why}").format(why=why)
            case PrintDone(0):
                self._said = self.tr("Nothing was printed: no line is so")
            case PrintDone(lines):
                self._said = self._done_words(lines)

    def _done_words(self, count: int) -> str:
        lines = self.tr("1 line is") if count == 1 else self.tr("{n} lines are").format(n=formatting.thousands(count))
        told = self.tr("{lines} in {path}")
        if self._is_opened and not self._open_file(self._path):
            told = self.tr("No program here opens PDFs: {lines} in {path}")
        return told.format(lines=lines, path=self._path)

    def _on_error(self, error: QProcess.ProcessError) -> None:
        if error is QProcess.ProcessError.FailedToStart:
            self._on_finished()

    def _on_finished(self) -> None:
        self._on_output()
        self._late.stop()
        process, self._process = self._process, None
        if process is not None:
            process.deleteLater()
            self.message.emit(self._said or self.tr("The log was not printed: what makes the pages has ended"))

    def _kill(self) -> None:
        if self._process is not None:
            self._process.kill()

    def _job(self, path: Path) -> PrintJob:
        keys, at = self._sources.keys, self._now().astimezone(self._zone)
        names = {key: self._sources.name(key) for key in keys}
        others = [words for key, words in self._log.conditions() if key != "time"]
        words = f"“{self._log.words}”" if self._log.words else ""
        by = self.tr("printed by {who}, {time}")
        return PrintJob(
            profile=str(self._profile),
            filter=self._log.filter,
            path=str(path),
            title=self.tr("Sigap: log of {city}").format(city=", ".join(names.values())),
            heading="  ·  ".join(part for part in (self._span(self._log.filter, at), *others, words) if part),
            note=by.format(who=self._window_state.me, time=f"{at:%Y-%m-%d %H:%M %Z}"),
            cities=names if len(keys) > 1 else {},
            hidden=tuple(key for key in keys if not may_see_contacts(self._rights_at(key).role)),
            users={key: self._window_state.me_at(key) for key in keys if not self._sources.takes_new_only(key)},
            zone=self._zone.name,
            at=at,
            languages=self._window_state.languages,
        )

    def _span(self, filter_: LogFilter, now: datetime) -> str:
        """The time of what is printed, with its days."""
        found = [one for one in (filter_.since, filter_.until) if one is not None]
        ends = [formatting.day_and_clock(one, self._zone, now) for one in found]
        if not ends:
            return self.tr("all that is known")
        return " – ".join(ends) if len(ends) > 1 else self.tr("from {time}").format(time=ends[0])
