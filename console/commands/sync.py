"""`sigap sync`: follow a profile without a window, by the outbox, the lanes and the rules that the window has."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import msgspec

from api_client.transport import utc_now
from console import error_text
from console.cache.reader import CacheReader
from console.files.errors import LockedByOther, StoreError
from console.files.lock import FileLock, is_held
from console.outbox.event_loop import EventLoop
from console.outbox.link import OutboxLink, ProofsFound, Question
from console.outbox.listener import Listener
from console.outbox.outbox import Outbox
from console.paths import existing_profile, window_lock
from console.rules.messages import Outcome, SignedIn, Source, SourceState, Start, Up
from console.rules.queued import PENDING, EditState
from console.settings import Tokens, begin_settings, read_tokens, users_of
from console.sync.health import LIVE
from console.sync.process import LOCK, Followers

_DONE = 0
_LONGEST_ROUND_S = 600.0
_PROOF_S = 15.0
_TELL_S = 60.0
_LOOK_S = 0.1
_LOOK_FOR_WINDOW_S = 1.0
_LOOK_AGAIN_S = 60.0
"""How long after it was found open in a window a profile is looked at again."""


class SyncSummary(msgspec.Struct, frozen=True):
    """What was done since the last one. `problems` maps a source's key to the sentence why it could not be read."""

    profile: str
    pulled: int
    pushed: int
    skipped: int
    conflicts: int
    waiting: int
    duration_s: float
    problems: dict[str, str] = {}
    remarks: dict[str, str] = {}
    """By source what was read and is not whole or not understood, such as reports that the server does not give."""
    local: tuple[str, ...] = ()
    """The sources whose problem is on this computer."""


class Headless:
    """Follows the sources of one profile and sends what waits, until it is closed.

    Raises StoreError (LockedByOther when a window has the profile open).
    """

    def __init__(
        self,
        profile: str,
        folder: Path,
        sources: Sequence[Source],
        tokens: Mapping[str, str],
        *,
        order_lifetime_s: float,
        clock: Callable[[], datetime],
        loop: EventLoop,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._profile, self.folder = profile, folder
        self._states = dict.fromkeys((source.key for source in sources), SourceState("", "connecting"))
        self._told = (0, 0, 0)
        self._taken = 0
        self._began = time.monotonic()
        self._accepted_at = time.monotonic()
        self._is_open = False
        self.unavailable: Exception | None = None
        """Why work.db could not be opened."""
        self._lock = FileLock(folder / LOCK)
        try:
            start = Start(str(folder), tuple(sources), dict(tokens), order_lifetime_s)
            self._followers = Followers(start, partial(self._hear, loop), clock=clock)
        except Exception:
            self._lock.release()
            raise
        users = users_of(sources)
        self._outbox = Outbox(
            folder,
            self._followers.take,
            clock,
            lambda: str(uuid.uuid4()),
            loop,
            Listener(opened=self._on_opened, unavailable=self._on_unavailable),
            order_lifetime_s,
            author=next(iter(users.values()), "local"),
            offset=self._offset,
        )
        for source, user in users.items():
            self._outbox.sign_in(source, user)
        self._outbox_link = OutboxLink(self._outbox, self._read)
        self._followers.start()

    @property
    def settled(self) -> bool:
        """Whether every source was read whole or cannot be, and nothing is on its way that could still arrive."""
        if not self._is_open or any(state.reached and state.state != LIVE for state in self._states.values()):
            return False
        live = {key for key, state in self._states.items() if state.state == LIVE}
        states = {one.state for one in self._outbox.open_edits if one.edit.source in live}
        if self._outbox.saving or self._outbox.has_due or EditState.SENDING in states:
            return False
        return EditState.ACCEPTED not in states or time.monotonic() - self._accepted_at > _PROOF_S

    def summary(self) -> SyncSummary:
        """What was done since the last summary, and what waits now."""
        before, began = self._told, self._began
        self._told = pulled, pushed, skipped = self._followers.pulled, self._taken, self._followers.skipped
        self._began = time.monotonic()
        counts = self._outbox.counts
        waiting = {*PENDING, EditState.EXPIRED, EditState.ATTENTION, EditState.STOPPED}
        bad = {key: state for key, state in self._states.items() if not state.reached}
        return SyncSummary(
            self._profile,
            pulled=pulled - before[0],
            pushed=pushed - before[1],
            skipped=skipped - before[2],
            conflicts=counts.get(EditState.CONFLICT, 0),
            waiting=sum(number for state, number in counts.items() if state in waiting),
            duration_s=round(self._began - began, 3),
            problems={key: state.problem for key, state in bad.items()},
            remarks={key: state.detail for key, state in self._states.items() if state.detail},
            local=tuple(sorted(key for key, state in bad.items() if state.local)),
        )

    def close(self) -> None:
        """End all lanes, write what waits to be written, and let the profile go."""
        self._followers.stop()
        self._outbox.close()
        self._lock.release()

    def _offset(self, source: str) -> timedelta:
        """How far the clock of a source's server is ahead of this computer's, as well as it is known."""
        state = self._states.get(source)
        return timedelta(seconds=state.clock_offset_s if state is not None else 0.0)

    def _on_opened(self) -> None:
        self._outbox_link.on_opened()
        self._is_open = True
        self.unavailable = None

    def _on_unavailable(self, error: Exception) -> None:
        self.unavailable = error

    def _hear(self, loop: EventLoop, message: Up) -> None:
        """From any thread."""
        loop.call_soon_threadsafe(self._on_heard, message)

    def _on_heard(self, message: Up) -> None:
        if isinstance(message, SourceState):
            self._states[message.source] = message
        elif isinstance(message, SignedIn) and message.user != "local":
            self._outbox.sign_in(message.source, message.user)
        elif isinstance(message, Outcome) and message.state is EditState.ACCEPTED:
            self._taken += 1
            self._accepted_at = time.monotonic()
        self._outbox_link.take(message)

    def _read(
        self, question: Question, found: Callable[[ProofsFound], None], failed: Callable[[Exception], None]
    ) -> None:
        reader = CacheReader(self.folder)
        try:
            what = question(reader)
        except StoreError as error:
            failed(error)
        else:
            found(what)
        finally:
            reader.close()


def sync_profile(
    profile: str, *, once: bool, as_json: bool, tokens: str | None = None, clock: Callable[[], datetime] = utc_now
) -> int:
    """`sigap sync`: until all is read and sent, or until interrupted with a line a minute. Returns the exit code.

    `tokens` names a file of tokens, "-" for standard input; else those of the keyring are used. While a window has the
    profile open it waits until that is closed, also when the window opens later, but with `once` raises LockedByOther.
    Raises TokenFileRefused.
    """
    folder = existing_profile(profile)
    settings, mended = begin_settings(folder)
    if mended:
        error_text.warn(mended)
    given = Tokens(profile).of(settings.sources, settings.signed_out)
    if tokens is not None:
        given |= read_tokens(None if tokens == "-" else Path(tokens), settings.sources)
    is_announced = False
    with _Interrupts() as interrupts, contextlib.closing(asyncio.new_event_loop()) as loop:
        while not interrupts.heard:
            try:
                _check_no_window(folder)
                headless = Headless(
                    profile,
                    folder,
                    settings.sources,
                    given,
                    order_lifetime_s=settings.order_lifetime_s,
                    clock=clock,
                    loop=loop,
                )
                try:
                    return _follow(headless, loop, interrupts, once=once, as_json=as_json)
                finally:
                    headless.close()
            except LockedByOther as error:
                if once:
                    raise
                if not is_announced:
                    sys.stderr.write(
                        f"sigap: {error} It is looked at every minute; sync goes on when that is closed.\n"
                    )
                    sys.stderr.flush()
                is_announced = True
            loop.run_until_complete(_until(lambda: interrupts.heard, _LOOK_AGAIN_S))
    return _DONE


def _check_no_window(folder: Path) -> None:
    """Raise LockedByOther when a window has the profile open."""
    if is_held(window_lock(folder)):
        raise LockedByOther(window_lock(folder), f"A window has {folder} open.")


def _follow(
    headless: Headless, loop: asyncio.AbstractEventLoop, interrupts: _Interrupts, *, once: bool, as_json: bool
) -> int:
    """Raises LockedByOther when a window opens on the profile, unless it is for `once`."""
    looked_s = time.monotonic()

    def is_over() -> bool:
        nonlocal looked_s
        # protects: sync-gives-way-to-a-window
        if not once and time.monotonic() - looked_s > _LOOK_FOR_WINDOW_S:
            looked_s = time.monotonic()
            _check_no_window(headless.folder)
        return interrupts.heard or headless.unavailable is not None or (once and headless.settled)

    while True:
        loop.run_until_complete(_until(is_over, _LONGEST_ROUND_S if once else _TELL_S))
        if headless.unavailable is not None:
            raise headless.unavailable
        summary = headless.summary()
        _print(summary, as_json=as_json)
        if once or interrupts.heard:
            break
    if summary.local:
        return error_text.LOCAL
    return error_text.CANNOT_REACH if summary.problems else _DONE


class _Interrupts:
    """Whether Ctrl+C or an order to end came: then what is under way is brought to an end in order."""

    def __init__(self) -> None:
        self.heard = False

    def __enter__(self) -> _Interrupts:
        self._before = {each: signal.signal(each, self._hear) for each in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(self, *_: object) -> None:
        for each, handler in self._before.items():
            signal.signal(each, handler)

    def _hear(self, *_: object) -> None:
        self.heard = True


async def _until(is_over: Callable[[], bool], longest_s: float) -> None:
    """Return when it holds, looked at ten times a second, which lets Python see signals, or after `longest_s`."""
    until_s = time.monotonic() + longest_s
    while not is_over() and time.monotonic() < until_s:
        await asyncio.sleep(_LOOK_S)


def _print(summary: SyncSummary, *, as_json: bool) -> None:
    for source, problem in (*summary.problems.items(), *summary.remarks.items()):
        sys.stderr.write(f"sigap: {source}: {problem}\n")
    if as_json:
        sys.stdout.write(json.dumps(msgspec.to_builtins(summary)) + "\n")
    else:
        sys.stdout.write(
            f"{summary.pulled:,} read, {summary.pushed:,} sent, {summary.skipped:,} not understood, "
            f"{summary.conflicts:,} conflicts, {summary.waiting:,} waiting, in {summary.duration_s:.1f} s\n"
        )
    sys.stdout.flush()
