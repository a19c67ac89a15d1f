"""The sync process: messages down on standard input, messages up on standard output, one set of lanes a source."""

from __future__ import annotations

import contextlib
import ctypes
import logging
import os
import random
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial
from pathlib import Path

import msgspec

from api_client import errors
from api_client.transport import utc_now
from console import logs
from console.cache.reader import CacheReader
from console.files.errors import LockedByOther, StoreError
from console.files.lock import FileLock
from console.pipe import BrokenFrame, Frames, pack
from console.rules.messages import (
    Asked,
    BringTile,
    CallerFound,
    Compare,
    Down,
    Fetch,
    Fetched,
    FindCaller,
    Look,
    Outcome,
    Push,
    RequestDone,
    Reveal,
    Revealed,
    SetPin,
    SignedIn,
    SignHandover,
    SignOut,
    Source,
    SourceState,
    Start,
    Stop,
    SyncNow,
    TileBrought,
    TokenOwner,
    Up,
    WhoseToken,
    Withdraw,
)
from console.rules.queued import EditState, StopReason
from console.sync.cache_writer_proxy import CacheWriterProxy
from console.sync.georeport_source import GeoReportSource
from console.sync.health import OFFLINE, WRONG_SERVER
from console.sync.heartbeat import Heartbeat
from console.sync.retry import Timing
from console.sync.source import DispatchSource, Following
from console.sync.web_map_lane import WebMapLane

_log = logging.getLogger(__name__)
LOCK = "sync.lock"
_LOCK_WAIT_S = 6.0
_LOOK_S, _ORDERLY_S = 1.0, 3.0
"""How often the sync process looks for its console, and what it has to end in order when that is gone."""
_READ = 65536
_MEMORY_BYTES = 4 * 2**30
_EXIT_LOCAL = 4
_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_NOT_CONNECTED = "The city is not connected."
_YIELDS = 5
"""While it fills or catches up, whoever works in the window comes first (Unix's niceness)."""


class Followers:
    """The sources of one profile and the unit of work they share. `emit` may be called from any lane's thread."""

    def __init__(
        self,
        start: Start,
        emit: Callable[[Up], None],
        *,
        clock: Callable[[], datetime] = utc_now,
        random_source: random.Random | None = None,
        timing: Timing | None = None,
    ) -> None:
        self._start = start
        self._emit_plain = emit
        self._clock = clock
        self._random = random_source or random.Random()  # noqa: S311 — only spreads retries
        self._timing = timing or Timing()
        self._folder = Path(start.folder)
        self._cache_writer = CacheWriterProxy(self._folder, emit)
        self._following: dict[str, Following] = {}
        self._web_map: tuple[str, WebMapLane] | None = None

    def _emit(self, message: Up) -> None:
        if isinstance(message, SignedIn):
            message = msgspec.structs.replace(message, turn=self._start.turn)
        self._emit_plain(message)

    @property
    def pulled(self) -> int:
        """How many objects were read."""
        return sum(following.pulled for following in self._following.values())

    @property
    def skipped(self) -> int:
        """How many objects could not be understood."""
        return sum(following.skipped for following in self._following.values())

    def start(self) -> None:
        """Follow every source; one whose address cannot be used is said so and left out."""
        for source in self._start.sources:
            try:
                following = self._follow(source)
            except errors.BadAddress as error:
                self._emit(SourceState(source.key, WRONG_SERVER, problem=str(error), since=self._clock()))
                continue
            self._following[source.key] = following
            following.start()

    def take(self, message: Down) -> None:
        """Act on a message of the console."""
        if isinstance(message, Push):
            following = self._following.get(message.edit.source)
            if following is None:
                self._emit(Outcome(message.edit.id, EditState.ATTENTION, reason=StopReason.NOT_CONNECTED))
            else:
                following.push(message)
        elif isinstance(message, Withdraw):
            for following in self._following.values():
                following.withdraw(message)
        elif isinstance(message, Fetch):
            following = self._following.get(message.source)
            if following is None:
                self._emit(Fetched(message.sha256, message.url, problem="The photo's city is not connected."))
            else:
                following.fetch(message)
        elif isinstance(message, BringTile):
            self._bring(message)
        elif isinstance(message, Look):
            if (following := self._following.get(message.source)) is not None:
                following.look(message)
        elif isinstance(message, Reveal | FindCaller | WhoseToken | SignHandover | SetPin):
            self._ask(message)
        elif isinstance(message, SignOut):
            if (following := self._following.get(message.source)) is not None:
                following.sign_out(message)
        elif isinstance(message, SyncNow):
            for following in self._following.values():
                following.hurry()
            if self._web_map is not None:
                self._web_map[1].hurry()
        elif isinstance(message, Compare):
            for following in self._following.values():
                following.compare(believe=message.believe)

    def steps(self) -> dict[str, int]:
        """How often each thread of each source got further, by source and thread; may be called from any thread."""
        following, web_map = list(self._following.items()), self._web_map
        counts = {f"{key} {name}": count for key, each in following for name, count in each.steps().items()}
        return counts if web_map is None else counts | web_map[1].steps()

    def look_at_silence(self) -> None:
        """Say of each server that does not answer that it does not; from any thread, every few seconds."""
        for following in list(self._following.values()):
            following.look_at_silence()

    def stop(self) -> None:
        """End all lanes and close the cache."""
        stopping = [threading.Thread(target=following.stop) for following in self._following.values()]
        if self._web_map is not None:
            stopping.append(threading.Thread(target=self._web_map[1].stop))
        for thread in stopping:
            thread.start()
        for thread in stopping:
            thread.join()
        self._cache_writer.close()

    def _ask(self, asked: Asked) -> None:
        """Ask a server what it alone knows, and let the answer be told."""
        following = self._following.get(asked.source)
        match asked:
            case Reveal():
                if following is not None:
                    following.reveal(asked)
                else:
                    self._emit(Revealed(asked.source, asked.report, problem="The report's city is not connected."))
            case FindCaller():
                if following is not None:
                    following.find_caller(asked)
                else:
                    self._emit(CallerFound(asked.source, asked.number, problem=_NOT_CONNECTED))
            case WhoseToken():
                if following is not None:
                    following.find_owner(asked)
                else:
                    self._emit(TokenOwner(asked.source, asked.number, problem=_NOT_CONNECTED))
            case SignHandover() | SetPin():
                if following is not None:
                    following.sign(asked)
                else:
                    self._emit(RequestDone(asked.source, asked.number, _NOT_CONNECTED))

    def _bring(self, asked: BringTile) -> None:
        """One web map at a time has a lane: that whose pictures were asked for last."""
        if self._web_map is None or self._web_map[0] != asked.address:
            try:
                lane = WebMapLane(self._folder, asked.address, self._emit)
            except errors.BadAddress as error:
                self._emit(TileBrought(asked.z, asked.x, asked.y, str(error)))
                return
            before, self._web_map = self._web_map, (asked.address, lane)
            lane.start()
            if before is not None:
                threading.Thread(target=before[1].stop, daemon=True).start()
        self._web_map[1].want(asked)

    def _follow(self, source: Source) -> Following:
        dispatch = partial(DispatchSource, order_lifetime_s=self._start.order_lifetime_s)
        kind = dispatch if source.kind == "dispatch" else GeoReportSource
        return kind(
            source,
            self._start.tokens.get(source.key),
            self._folder,
            self._cache_writer,
            self._emit,
            clock=self._clock,
            random_source=self._random,
            timing=self._timing,
        )


def run_pipe() -> int:
    """Be the sync process of a console: until its pipe closes or it says stop. Returns the exit code."""
    console = os.getppid()
    _die_with(console)
    logs.log_to_stderr()
    _limit_memory()
    if hasattr(os, "nice"):
        os.nice(_YIELDS)
    out_fd = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # a stray print must not break the frames
    lock = threading.Lock()

    def emit(message: Up) -> None:
        frame = pack(message)
        with lock:
            try:
                _write_all(out_fd, frame)
            except OSError:
                os._exit(0)  # the console is gone, and with it the only reader

    threading.Thread(target=_end_with_the_console, args=(console,), name="parent", daemon=True).start()
    inbox = _Inbox(sys.stdin.fileno())
    followers: Followers | None = None

    def steps() -> dict[str, int]:
        return inbox.steps() | (followers.steps() if followers is not None else {})

    def look_at_silence() -> None:
        if followers is not None:
            followers.look_at_silence()

    threading.Thread(target=Heartbeat(steps, emit, look_at_silence).beat, name="heartbeat", daemon=True).start()
    held: FileLock | None = None
    try:
        for message in inbox:
            if isinstance(message, Stop):
                break
            if isinstance(message, Start):
                if followers is not None:
                    followers.stop()
                try:
                    held = held or _hold(Path(message.folder))
                    followers = Followers(message, emit)
                except StoreError as error:
                    read = _read_until(Path(message.folder))
                    for source in message.sources:
                        as_of = read.get(source.key)
                        emit(SourceState(source.key, OFFLINE, str(error), as_of=as_of, since=utc_now(), local=True))
                    return _EXIT_LOCAL
                followers.start()
            elif followers is not None:
                followers.take(message)
    except BrokenFrame:
        _log.exception("the console sent what is no message")
        return 1
    finally:
        if followers is not None:
            followers.stop()
        if held is not None:
            held.release()
    return 0


def _read_until(folder: Path) -> dict[str, datetime | None]:
    """How old the data is that a window can still show although nothing can be written, by source."""
    with contextlib.closing(CacheReader(folder)) as reader:
        try:
            return {source: cursor.as_of for source, cursor in reader.cursors().items()}
        except StoreError:
            return {}


def _die_with(console: int) -> None:
    """Let the kernel end this process with its console, where it can: one that is stopped cannot see to it itself.

    The signal comes when the *thread* that started this process ends, which is the console's GUI thread: QProcess forks
    on the thread that calls it, and SyncSupervisor lives on that one. A console that was gone before the kernel was
    asked
    shows as another parent; one that was gone even before that has closed the pipe, whose end the first read finds.
    """
    if sys.platform == "linux":
        # protects: stopped-sync-ends-with-its-console
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != console:
            os._exit(0)


def _end_with_the_console(parent: int) -> None:
    """Once the console is gone nobody needs this process, however stuck: it would hold the profile for ever."""
    while os.getppid() == parent:
        time.sleep(_LOOK_S)
    time.sleep(_ORDERLY_S)
    # protects: sync-ends-with-its-console
    os._exit(0)  # what was committed is whole, and the rest is done again next time


def _limit_memory() -> None:
    """A hostile page must end this process and not the computer. Threads reserve much address space: hence so much."""
    if sys.platform != "win32":
        import resource

        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        if hard == resource.RLIM_INFINITY or hard > _MEMORY_BYTES:
            resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, hard))


def _hold(folder: Path) -> FileLock:
    """The profile's lock; an old sync process may need a moment to end."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    until = time.monotonic() + _LOCK_WAIT_S
    while True:
        try:
            return FileLock(folder / LOCK)
        except LockedByOther:
            if time.monotonic() > until:
                raise
            time.sleep(0.2)


class _Inbox:
    """The messages of the console, as they come; whoever takes them is at work until it asks for the next."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._taken = 0
        self._waiting = False

    def __iter__(self) -> Iterator[Down]:
        frames: Frames[Down] = Frames(Down)
        while piece := self._read():
            for message in frames.feed(piece):
                self._taken += 1
                yield message

    def steps(self) -> dict[str, int]:
        """How many were taken; nothing while none is there to take."""
        return {} if self._waiting else {"pipe": self._taken}

    def _read(self) -> bytes:
        self._waiting = True
        try:
            return os.read(self._fd, _READ)
        finally:
            self._waiting = False


def _write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]
