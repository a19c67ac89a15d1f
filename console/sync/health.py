"""Know how one source is doing and say it upwards whenever that changes."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta

from msgspec.structs import replace

from api_client import errors
from api_client.transport import HttpAnswer
from console.files.errors import StoreError
from console.rules.messages import SourceState
from console.sync.retry import CircuitBreaker

CONNECTING, FILLING, LIVE = "connecting", "filling", "live"
OFFLINE, REFUSED, WRONG_SERVER = "offline", "refused", "wrong_server"
_EVERY_S = 1.0
_SAMPLES = 30
_JUMP_S = 2.0
_SET_S = 60.0
"""A server's clock that was set by less is not told of: by such steps a clock is kept right."""
UNANSWERED_S = 5.0
"""A server that has said nothing to a question for so long is not called well."""


class Health:
    """The state of one source, fed by all its lanes from their threads.

    `emit` gets a SourceState on every change, but the age of the data alone at most once a second. `on_live` is called,
    on the thread that noticed, each time the source becomes live.
    """

    def __init__(
        self,
        source: str,
        emit: Callable[[SourceState], None],
        clock: Callable[[], datetime],
        as_of: datetime | None = None,
        *,
        steady_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """`as_of` is the time the cache was complete to when the process began; `steady_s` a clock that nobody sets."""
        self._source = source
        self._emit = emit
        self._clock, self._steady_s = clock, steady_s
        self._measured: tuple[datetime, float] | None = None
        """Both clocks of this computer at the last answer that told the server's."""
        self._clock_set_s = 0.0
        self._clock_set_at: datetime | None = None
        self._lock = threading.RLock()
        self._bounds: deque[tuple[float, float]] = deque(maxlen=_SAMPLES)
        self._refusal = ""
        self._doubted = 0
        self._put_off = ""
        self._put_off_since: datetime | None = None
        self._said_at: datetime | None = None
        self._unanswered_since: datetime | None = None
        self._state = SourceState(source, CONNECTING, since=clock(), as_of=as_of)
        self.breaker = CircuitBreaker()
        self.on_live: list[Callable[[], None]] = []

    @property
    def state(self) -> str:
        """The word of the present state."""
        with self._lock:
            return self._state.state

    @property
    def offset_s(self) -> float:
        """Server clock minus ours: the middle of what all the last answers allow (a Date has whole seconds only)."""
        with self._lock:
            low, high = self._narrowed()
            return (low + high) / 2 if low <= high else low

    def server_now(self) -> datetime:
        """The server's time now, as measured."""
        return self._clock() + timedelta(seconds=self.offset_s)

    def announce(self) -> None:
        """Say the present state."""
        with self._lock:
            self._say(self._state)

    def measured(self, answer: HttpAnswer | None) -> None:
        """Learn clock and latency from an answer."""
        if answer is None:
            return
        self.breaker.answered()
        with self._lock:
            if answer.clock_bounds_s is not None:
                low, high = self._narrowed()
                if self._bounds and (
                    answer.clock_bounds_s[0] > high + _JUMP_S or answer.clock_bounds_s[1] < low - _JUMP_S
                ):
                    self._note_set(sum(answer.clock_bounds_s) / 2 - self.offset_s)
                    # protects: old-bounds-are-dropped
                    self._bounds.clear()  # one of the two clocks was set
                self._bounds.append(answer.clock_bounds_s)
                self._measured = self._clock(), self._steady_s()
            self._state = replace(self._state, latency_ms=round(answer.latency_s * 1000, 1))

    def filling(self, progress: float | None, as_of: datetime | None = None) -> None:
        """A first fill is under way."""
        self._become(FILLING, progress=progress, as_of=as_of)

    def complete(self, as_of: datetime | None = None, detail: str = "") -> None:
        """The cache holds all the server had at `as_of` (server time; now when not given)."""
        self._become(LIVE, detail=detail, as_of=as_of or self.server_now())

    def doubt(self, count: int) -> None:
        """So many reports a comparison did not find, and kept; said with the next state."""
        with self._lock:
            self._doubted = count

    def behind(self, detail: str) -> None:
        """The source answers, but not with all that it has told of: the data is as old as before."""
        self._become(LIVE, detail=detail)

    def failed(self, error: Exception, next_try_s: float | None) -> None:
        """The source could not be read; it is tried again in that many seconds."""
        local, busy = isinstance(error, StoreError), isinstance(error, errors.Busy)
        self._become(_state_of(error), problem=str(error), next_try_s=next_try_s, local=local, busy=busy)

    def writes_refused(self, words: str) -> None:
        """The server wants a sign-in before it takes anything."""
        with self._lock:
            self._refusal = words
        self._become(REFUSED, problem=words)

    def writes_put_off(self, words: str) -> None:
        """The server is there and asked to send a change or a photo later; said when it does so for a while."""
        with self._lock:
            if self._put_off_since is None:
                self._put_off_since = self._clock()
            if abs((self._clock() - self._put_off_since).total_seconds()) < _EVERY_S:
                return
            self._put_off = words
        self._look_at_writes()

    def writes_taken(self) -> None:
        """The server took an edit."""
        with self._lock:
            was_refused, self._refusal = bool(self._refusal), ""
        if was_refused:
            self._become(LIVE)
        self.none_put_off()

    def unanswered(self, silent_s: float) -> None:
        """For how long nothing has come of an answer that is waited for: said of a live source after a while."""
        with self._lock:
            if silent_s < UNANSWERED_S:
                since = None
            else:
                since = self._unanswered_since or self._clock() - timedelta(seconds=silent_s)
            self._unanswered_since = since
            if self._state.state == LIVE and self._state.unanswered_since != since:
                self._state = replace(self._state, unanswered_since=since)
                self._say(self._state)

    def none_put_off(self) -> None:
        """No change waits for a server that takes none."""
        with self._lock:
            self._put_off, self._put_off_since = "", None
        self._look_at_writes()

    def _look_at_writes(self) -> None:
        """Say it if that is news; of a source that cannot be read there is more to say."""
        with self._lock:
            if self._state.state == LIVE and self._state.put_off != self._put_off:
                since = self._put_off_since if self._put_off else None
                self._state = replace(self._state, put_off=self._put_off, put_off_since=since)
                self._say(self._state)

    def _note_set(self, by_s: float) -> None:
        """One of the two clocks was set, so that they differ by so much more: keep it if it was the server's."""
        if self._measured is None:
            return
        at, steady_s = self._measured
        own_s = (self._clock() - at).total_seconds() - (self._steady_s() - steady_s)
        # protects: ones-own-clock-is-no-servers
        if abs(own_s) >= _JUMP_S:
            return
        self._clock_set_s += by_s
        if abs(self._clock_set_s) < _SET_S:  # by little, or back to what it was
            self._clock_set_s, self._clock_set_at = 0.0, None
        else:
            self._clock_set_at = self._clock()

    def _narrowed(self) -> tuple[float, float]:
        if not self._bounds:
            return 0.0, 0.0
        return max(low for low, _ in self._bounds), min(high for _, high in self._bounds)

    def _become(
        self,
        word: str,
        *,
        problem: str = "",
        detail: str = "",
        as_of: datetime | None = None,
        next_try_s: float | None = None,
        progress: float | None = None,
        local: bool = False,
        busy: bool = False,
    ) -> None:
        """Never called with the lock: the listeners take locks of their own, under which others ask for the time."""
        with self._lock:
            if word == LIVE and self._refusal:
                word, problem = REFUSED, self._refusal
            old = self._state
            put_off = self._put_off if word == LIVE else ""
            now_said = (word, problem, detail, busy, put_off, self._doubted, self._clock_set_at)
            before = (old.state, old.problem, old.detail, old.busy, old.put_off, old.doubted, old.clock_set_at)
            changed = now_said != before
            self._state = SourceState(
                self._source,
                word,
                problem=problem,
                detail=detail,
                as_of=as_of or old.as_of,
                since=old.since if word == old.state else self._clock(),
                next_try_s=None if next_try_s is None else round(next_try_s, 1),
                clock_offset_s=round(self.offset_s, 1),
                latency_ms=old.latency_ms,
                progress=progress,
                local=local,
                busy=busy,
                put_off=put_off,
                put_off_since=self._put_off_since if put_off else None,
                unanswered_since=self._unanswered_since if word == LIVE else None,
                doubted=self._doubted,
                clock_set_s=round(self._clock_set_s),
                clock_set_at=self._clock_set_at,
            )
            became_live = word == LIVE and old.state != LIVE
            if changed or next_try_s is not None or self._said_long_ago():
                self._say(self._state)
            listeners = list(self.on_live) if became_live else []
        for listener in listeners:
            listener()

    def _said_long_ago(self) -> bool:
        return self._said_at is None or abs((self._clock() - self._said_at).total_seconds()) >= _EVERY_S

    def _say(self, state: SourceState) -> None:
        self._said_at = self._clock()
        self._emit(state)


def _state_of(error: Exception) -> str:
    if isinstance(error, (errors.SignIn, errors.Forbidden)):
        return REFUSED
    if isinstance(
        error, (errors.NotThisServer, errors.Malformed, errors.BadAddress, errors.Refused, errors.CursorTooOld)
    ):
        return WRONG_SERVER
    if isinstance(error, (errors.ApiError, StoreError)):
        return OFFLINE
    raise TypeError(f"no state for {type(error).__name__}")
