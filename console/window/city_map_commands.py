"""The city map in the window: what there is, making one of a file with progress and cancel, removing it.

The work is that of `sigap map build` and `sigap map remove`, started as programs of their own; their lines come back
over a pipe. The window goes on with the map that it began with.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec
from PySide6.QtCore import QObject, QProcess, QTimer, Signal

from api_client.decoding import decode
from console.city_map.manifest import MapManifest, UnreadableMap, faults
from console.city_map.map_folder import current_manifest, current_map
from console.panels.formatting import thousands
from console.panels.forms.forms import Forms
from console.tasks import Tasks
from widgets.forms.choice import ListChoice

_PROGRESS = re.compile(r"\s*(\d{1,3}) % (.*)")
_EVERY_PERCENT = 10
_CANCEL_MS = 5_000
_MOST_LINE = 500


class _MapState(msgspec.Struct, frozen=True):
    """What a profile has: a map, or why it cannot be read ("" and None: none)."""

    manifest: MapManifest | None
    problem: str


class _Built(msgspec.Struct, frozen=True):
    """Of what `sigap map build --json` prints, what is said here."""

    roads: int
    places: int


class CityMapCommands(QObject):
    """Receives the action "City map"; one build or removal runs at a time, and ends with the window."""

    message = Signal(str)
    """What is to be said in the foot of the window."""

    def __init__(
        self,
        profile: Path,
        profile_name: str,
        forms: Forms,
        tasks: Tasks,
        parent: QObject | None = None,
        *,
        keeps: bool = True,
        command: Sequence[str] | None = None,
    ) -> None:
        """`keeps` says whether the profile is there after the window, which that of the demo is not. `command` is the
        program; by default this Python with `sigap map`.
        """
        super().__init__(parent)
        self._profile, self._name, self._forms, self._tasks = profile, profile_name, forms, tasks
        self._command = list(command or (sys.executable, "-m", "console", "map"))
        self._keeps = keeps
        self._process: QProcess | None = None
        self._source = ""
        self._words, self._percent, self._said = "", 0, -_EVERY_PERCENT
        self._last_line = ""
        self._cancelled = False
        self._patience = QTimer(self, singleShot=True, interval=_CANCEL_MS)
        self._patience.timeout.connect(self._kill)

    @property
    def progress(self) -> tuple[int, str] | None:
        """(percent, words) of the build that runs; None without one."""
        return (self._percent, self._words) if self._process is not None and self._source else None

    def open(self) -> None:
        """Say what there is and offer what can be done."""
        if not self._keeps:
            self.message.emit(self.tr("The demo draws its own map: make one in a profile of your own (sigap run)"))
        elif self._process is not None:
            self._offer_cancel()
        else:
            self._tasks.submit(self._look, self._offer)

    def close(self) -> None:
        """The window ends: so does what it started, and leaves the map that is in use."""
        self.cancel()
        if self._process is not None and not self._process.waitForFinished(_CANCEL_MS):
            self._kill()
            self._process.waitForFinished(1_000)

    def build(self, source: Path) -> None:
        """Make a map of a file."""
        if self._process is not None:
            return
        self._source, self._words, self._percent, self._said = source.name, "", 0, -_EVERY_PERCENT
        self._start("build", str(source), "--json", "--end-with-input")
        self.message.emit(self.tr("The city map is being built of {name}").format(name=source.name))

    def cancel(self) -> None:
        """End the build that runs; the map before stays."""
        if self._process is not None and self._source and not self._cancelled:
            self._cancelled = True
            self._process.closeWriteChannel()
            self._patience.start()

    def remove(self) -> None:
        """Delete the map."""
        if self._process is None:
            self._source = ""
            self._start("remove")

    def _look(self) -> _MapState:
        try:
            return _MapState(current_manifest(self._profile), "")
        except UnreadableMap as error:
            return _MapState(None, str(error))

    def _offer(self, state: _MapState) -> None:
        if self._process is not None:
            self._offer_cancel()
            return
        rows = [ListChoice("build", self.tr("Make one of a file of OpenStreetMap data (.osm.pbf) …"))]
        if state.manifest is not None:
            rows.append(ListChoice("check", self.tr("What is in it; check that it is whole")))
        if state.manifest is not None or state.problem:
            rows.append(ListChoice("remove", self.tr("Remove it")))
        about = state.problem or (self._in_short(state.manifest) if state.manifest else self.tr("there is none yet"))
        self._forms.choose(self.tr("City map"), about, rows, lambda row: self._on_chosen(row, state), width=560)

    def _on_chosen(self, row: str, state: _MapState) -> None:
        if row == "build":
            kinds = self.tr("OpenStreetMap data (*.osm.pbf *.pbf)")
            self._forms.choose_file(self.tr("The city map is made of"), kinds, self.build)
        elif row == "remove":
            sentence = self.tr("Streets and names go from the map at the next start; borders and reports stay.")
            title = self.tr("Remove the city map?")
            self._forms.ask(title, sentence, self.tr("Remove it"), self.tr("Keep it"), self.remove)
        elif state.manifest is not None:
            lines = "\n".join(self._lines(state.manifest))
            self._forms.ask(self.tr("City map"), lines, self.tr("Check its files"), self.tr("Back"), self._check)

    def _check(self) -> None:
        self._tasks.submit(self._faults, self._tell_faults)

    def _faults(self) -> list[str]:
        folder = current_map(self._profile)
        manifest = None if folder is None else current_manifest(self._profile)
        return [] if folder is None or manifest is None else faults(folder, manifest)

    def _tell_faults(self, wrong: list[str]) -> None:
        whole = self.tr("The city map is whole")
        self.message.emit(
            self.tr("The city map is damaged: {fault} Build it again.").format(fault=wrong[0]) if wrong else whole
        )

    def _offer_cancel(self) -> None:
        if self.progress is None:
            self.message.emit(self.tr("The city map is being removed"))
            return
        sentence = self.tr("{percent} %: {words}. The map before stays in use until it is whole.")
        self._forms.ask(
            self.tr("The city map is being built of {name}").format(name=self._source),
            sentence.format(percent=self._percent, words=self._words or self.tr("beginning")),
            self.tr("Cancel it"),
            self.tr("Let it go on"),
            self.cancel,
        )

    def _start(self, *arguments: str) -> None:
        self._last_line, self._cancelled = "", False
        process = self._process = QProcess(self)
        process.readyReadStandardError.connect(self._on_lines)
        process.finished.connect(self._on_finished)
        process.errorOccurred.connect(self._on_error)
        process.start(self._command[0], [*self._command[1:], *arguments, "--profile", self._name])

    def _on_lines(self) -> None:
        process = self._process
        if process is None:
            return
        process.setReadChannel(QProcess.ProcessChannel.StandardError)
        while process.canReadLine():
            self._take(bytes(process.readLine(_MOST_LINE).data()).decode(errors="replace").rstrip())

    def _take(self, line: str) -> None:
        found = _PROGRESS.match(line)
        if found is None:
            self._last_line = line.removeprefix("sigap: ") or self._last_line
            return
        self._percent, self._words = min(100, int(found[1])), found[2]
        if self._percent - self._said >= _EVERY_PERCENT:
            self._said = self._percent
            text = self.tr("City map: {percent} %, {words}")
            self.message.emit(text.format(percent=self._percent, words=self._words))

    def _on_error(self, error: QProcess.ProcessError) -> None:
        if error is QProcess.ProcessError.FailedToStart:
            self._end(self.tr("The city map could not be built: the program did not start"))

    def _on_finished(self, code: int) -> None:
        process = self._process
        if process is None:
            return
        self._on_lines()
        if not self._source:
            removed = self.tr("The city map is removed; it is shown until the window ends")
            self._end(removed if code == 0 else self._last_line)
        elif code == 0:
            self._end(self._built_text(bytes(process.readAllStandardOutput().data())))
        else:
            cancelled = self.tr("The city map was not built: cancelled. The one before stays.")
            self._end(cancelled if self._cancelled else self._last_line or self.tr("The city map was not built"))

    def _end(self, words: str) -> None:
        process, self._process = self._process, None
        self._patience.stop()
        if process is not None:
            process.deleteLater()
        self.message.emit(words)

    def _kill(self) -> None:
        if self._process is not None:
            self._process.kill()

    def _built_text(self, answer: bytes) -> str:
        try:
            built = decode(answer, _Built)
        except msgspec.DecodeError:
            return self.tr("The city map is built. The map shows it from the next start on.")
        text = self.tr(
            "The city map is built: {roads} roads, {places} places. The map shows it from the next start on."
        )
        return text.format(roads=thousands(built.roads), places=thousands(built.places))

    def _in_short(self, manifest: MapManifest) -> str:
        return self.tr("{source}, built {day}").format(source=manifest.source, day=manifest.built[:10])

    def _lines(self, manifest: MapManifest) -> list[str]:
        counts = manifest.counts
        facts = self.tr("{roads} roads, {places} places, {houses} house numbers, {size:.1f} MB").format(
            roads=thousands(counts.roads),
            places=thousands(counts.places),
            houses=thousands(counts.houses),
            size=manifest.bytes / 1e6,
        )
        dated = self.tr("Data of {day}").format(day=manifest.dated[:10] or self.tr("an unknown date"))
        left = ", ".join(f"{thousands(count)} {what}" for what, count in manifest.left_out.items())
        return [
            self._in_short(manifest),
            dated,
            facts,
            manifest.attribution,
            *([self.tr("Left out: {what}").format(what=left)] if left else []),
        ]
