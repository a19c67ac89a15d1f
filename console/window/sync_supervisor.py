"""The console's end of the pipe: start the sync process, talk with it, start it again when it ends."""

from __future__ import annotations

import logging
import random
import sys
from collections.abc import Sequence

import msgspec
from PySide6.QtCore import QObject, QProcess, QProcessEnvironment, QTimer, Signal

from console.pipe import Frames, pack
from console.rules.messages import (
    Alive,
    CallerFound,
    Down,
    Fetch,
    Fetched,
    FindCaller,
    Look,
    Outcome,
    Presence,
    Push,
    RequestDone,
    Reveal,
    Revealed,
    SetPin,
    SignedIn,
    SignHandover,
    SignOut,
    SignOutTold,
    SourceState,
    Start,
    Stop,
    SyncNow,
    TileBrought,
    TokenOwner,
    Touched,
    TryNow,
    Up,
    WhoseToken,
    ZoneTold,
)
from console.window.child_output import deliver_output

_log = logging.getLogger(__name__)
_BASE_MS, _CAP_MS = 500, 30_000
_LOCAL_BASE_MS, _LOCAL_CAP_MS = 2_000, 60_000
"""Trouble on this computer (a full disk, a profile in use) seldom passes in half a second."""
_EXIT_LOCAL = 4
_STOP_MS = 5_000
_STEADY_MS = 30_000
_MOST_FETCHES = 200
FROZEN_S = 25.0
"""A sync process without a heartbeat for so many seconds counts as frozen; a healthy one sends one every two."""
_LOOKS, _FIRST_LOOKS = 10, 40
"""So many checks in a row without a heartbeat make it frozen; a process that is starting, four times as many."""
_NO_PROCESS = "The connection to the city is being started again; ask once more in a moment."


class SyncSupervisor(QObject):
    """Owns the sync process of one profile; every signal comes on this object's thread.

    Messages that are sent while the process is down are lost, except Fetch and Look, which are sent once it runs. Edits
    are safe in work.db: `restarted` makes the outbox hand them over again.
    """

    touched = Signal(object)
    """A Touched: rows and cursor were committed."""
    outcome = Signal(object)
    """An Outcome of an edit."""
    try_now = Signal(object)
    """A TryNow: what waits for a better time at a source may be tried."""
    source_state = Signal(object)
    """A SourceState."""
    presence = Signal(object)
    """A Presence."""
    signed_in = Signal(object)
    """A SignedIn."""
    zone_told = Signal(object)
    """A ZoneTold."""
    fetched = Signal(object)
    """A Fetched."""
    tile_brought = Signal(object)
    """A TileBrought."""
    revealed = Signal(object)
    """A Revealed."""
    caller_found = Signal(object)
    """A CallerFound."""
    token_owner = Signal(object)
    """A TokenOwner."""
    request_done = Signal(object)
    """A RequestDone."""
    alive = Signal(bool)
    """Whether the process runs."""
    froze = Signal()
    """The process stood still for too long, and is ended and started again."""
    restarted = Signal()
    """The process begins anew: it had ended, other sources are to be followed, or edits were sent before it ran."""

    def __init__(
        self, parent: QObject | None = None, *, command: Sequence[str] | None = None, frozen_s: float = FROZEN_S
    ) -> None:
        super().__init__(parent)
        self.command = list(command or (sys.executable, "-m", "console", "sync", "--pipe"))
        self._start: Start | None = None
        self._turn = 0
        self._process: QProcess | None = None
        self._frames: Frames[Up] = Frames(Up)
        self._fetches: list[Fetch] = []
        self._looks: dict[str, Look] = {}
        self._left: dict[SignOut, None] = {}
        """Who has signed out, which his server has not been told."""
        self._failures = 0
        self._troubles: dict[str, SourceState] = {}
        self._forgot = False  # whether one that begins now does not have what was sent before
        self._again = QTimer(self, singleShot=True)
        self._again.timeout.connect(self._launch)
        self._steady = QTimer(self, singleShot=True, interval=_STEADY_MS)
        self._steady.timeout.connect(self._on_steady)
        # protects: first-beat-may-be-late
        self._silent, self._patience = 0, _FIRST_LOOKS
        self._watch = QTimer(self, interval=round(frozen_s * 1000 / _LOOKS))
        self._watch.timeout.connect(self._look)

    @property
    def running(self) -> bool:
        """Whether the process takes messages now."""
        return self._process is not None and self._process.state() is QProcess.ProcessState.Running

    @property
    def pid(self) -> int | None:
        """The process's id while it runs."""
        return self._process.processId() if self._process is not None and self.running else None

    def start(self, start: Start) -> None:
        """Follow these sources from now on: starts the process, or tells a running one to begin again with them."""
        self._turn += 1
        start = self._start = msgspec.structs.replace(start, turn=self._turn)
        # Who signs in again is there.
        self._left = {one: None for one in self._left if start.tokens.get(one.source) != one.token}
        if self.running:
            # It begins anew and forgets what it held, like one that ended.
            self.send(start)
            for kept in self._to_say_again():
                self.send(kept)
            self.restarted.emit()
        elif not self._again.isActive() and self._process is None:
            self._launch()

    def send(self, message: Down) -> None:
        """Send a message to the sync process; while it is down see the class."""
        if isinstance(message, Look):
            self._looks[message.source] = message
        elif isinstance(message, SignOut):
            # protects: a-sign-out-outlives-the-next-sign-in
            self._left[message] = None
        if self.running and self._process is not None:
            self._process.write(pack(message))
        elif isinstance(message, SyncNow) and self._again.isActive():
            self._again.stop()
            self._launch()
        elif isinstance(message, Fetch):
            self._fetches = [*self._fetches, message][-_MOST_FETCHES:]
        elif isinstance(message, Reveal):
            self.revealed.emit(Revealed(message.source, message.report, problem=self.tr(_NO_PROCESS)))
        elif isinstance(message, FindCaller):
            self.caller_found.emit(CallerFound(message.source, message.number, problem=self.tr(_NO_PROCESS)))
        elif isinstance(message, WhoseToken):
            self.token_owner.emit(TokenOwner(message.source, message.number, problem=self.tr(_NO_PROCESS)))
        elif isinstance(message, SignHandover | SetPin):
            self.request_done.emit(RequestDone(message.source, message.number, self.tr(_NO_PROCESS)))
        elif isinstance(message, Push):
            # protects: lost-before-the-first-start
            self._forgot = True

    def _to_say_again(self) -> list[Look | SignOut]:
        return [*self._looks.values(), *self._left]

    def stop(self) -> None:
        """End the process in order; after five seconds by force."""
        self._start = None
        self._again.stop()
        self._steady.stop()
        self._watch.stop()
        process, self._process = self._process, None
        if process is None:
            return
        process.readyReadStandardOutput.disconnect(self._on_output)
        process.finished.disconnect(self._on_finished)
        process.errorOccurred.disconnect(self._on_error)
        if process.state() is not QProcess.ProcessState.NotRunning:
            process.write(pack(Stop()))
            process.closeWriteChannel()
            if not process.waitForFinished(_STOP_MS):
                process.kill()
                process.waitForFinished(_STOP_MS)
        process.deleteLater()
        self.alive.emit(False)

    def _launch(self) -> None:
        self._frames = Frames(Up)
        process = self._process = QProcess(self)
        environment = QProcessEnvironment.systemEnvironment()
        environment.insert("MALLOC_ARENA_MAX", "2")  # glibc reserves 64 MB of address space for each arena
        process.setProcessEnvironment(environment)
        process.setProcessChannelMode(QProcess.ProcessChannelMode.ForwardedErrorChannel)
        process.started.connect(self._on_started)
        process.readyReadStandardOutput.connect(self._on_output)
        process.finished.connect(self._on_finished)
        process.errorOccurred.connect(self._on_error)
        process.start(self.command[0], self.command[1:])

    def _on_started(self) -> None:
        if self._start is None or self._process is None:
            return
        self._process.write(pack(self._start))
        for fetch in self._fetches:
            self._process.write(pack(fetch))
        for kept in self._to_say_again():
            self._process.write(pack(kept))
        self._fetches = []
        self._steady.start()
        # protects: first-beat-may-be-late
        self._silent, self._patience = 0, _FIRST_LOOKS
        self._watch.start()
        self.alive.emit(True)
        if self._forgot:
            self.restarted.emit()
        self._forgot = True

    def _on_steady(self) -> None:
        self._failures = 0

    def _look(self) -> None:
        """Kill a process that has sent no heartbeat for too long; a stopped one (SIGSTOP) would not react to less.

        Timer ticks without a heartbeat are counted and not seconds: while this console hung, or the computer slept,
        nobody could read the pipe.
        """
        self._silent += 1
        # protects: silent-sync-is-ended
        if self._process is None or self._silent < self._patience:
            return
        _log.warning("the sync process froze and is ended")
        self._silent = 0
        self.froze.emit()
        self.alive.emit(False)
        self._process.kill()

    def _on_output(self) -> None:
        if self._process is not None:
            deliver_output(self._process, self._frames, self._deliver, "sync")

    def _deliver(self, message: Up) -> None:
        match message:
            case Alive():
                self._silent, self._patience = 0, _LOOKS
            case Touched():
                self.touched.emit(message)
            case Outcome():
                self.outcome.emit(message)
            case TryNow():
                self.try_now.emit(message)
            case SourceState():
                self._troubles.pop(message.source, None)
                if message.local:
                    self._troubles[message.source] = message
                self.source_state.emit(message)
            case Presence():
                self.presence.emit(message)
            case SignedIn():
                # protects: old-token-names-nobody
                if message.turn != self._turn:
                    return  # of a token that it had before: who it was may have signed out
                self.signed_in.emit(message)
            case ZoneTold():
                self.zone_told.emit(message)
            case Fetched():
                self.fetched.emit(message)
            case TileBrought():
                self.tile_brought.emit(message)
            case Revealed():
                self.revealed.emit(message)
            case CallerFound():
                self.caller_found.emit(message)
            case SignOutTold():
                self._left.pop(SignOut(message.source, message.token), None)
            case TokenOwner():
                self.token_owner.emit(message)
            case RequestDone():
                self.request_done.emit(message)

    def _on_error(self, error: QProcess.ProcessError) -> None:
        if error is QProcess.ProcessError.FailedToStart:
            self._ended("could not be started")

    def _on_finished(self, code: int, _status: QProcess.ExitStatus) -> None:
        self._on_output()
        self._ended(f"ended ({code})", local=code == _EXIT_LOCAL)

    def _ended(self, how: str, *, local: bool = False) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.deleteLater()
        self._steady.stop()
        self._watch.stop()
        base, cap = (_LOCAL_BASE_MS, _LOCAL_CAP_MS) if local else (_BASE_MS, _CAP_MS)
        span = min(cap, base * 2 ** min(self._failures, 8))
        self._failures += 1
        wait_ms = random.randint(span // 2, span)  # noqa: S311 — only spreads retries
        _log.info("the sync process %s; it starts again in %d ms", how, wait_ms)
        self.alive.emit(False)
        if not local:
            # protects: untold-is-read-again
            self.touched.emit(Touched(everything=True))  # its last commit may not have been told any more
        if self._start is not None:
            self._again.start(wait_ms)
            for trouble in self._troubles.values() if local else ():
                self.source_state.emit(msgspec.structs.replace(trouble, next_try_s=round(wait_ms / 1000, 1)))
