"""When what could not be sent is tried again: alone, with its whole lane, or once its source has been read."""

from __future__ import annotations

import heapq
import math
import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime

from console.outbox.event_loop import EventLoop, TimerHandle
from console.outbox.pending_edits import Lane, PendingEdits
from console.rules.backoff import Backoff, pause_of_one_s
from console.rules.edit import good_until
from console.rules.messages import Obstacle
from console.rules.queued import as_told

_UNKNOWN_S = 10.0
"""So long is waited with what may have left before, for the source to be read whole, which tells whether it did."""
_SIGNED_OUT_S = 60.0
_LONGEST_S = 3600.0
"""No timer runs longer, whatever a server asked for."""
_JUST_AFTER_S = 0.05
"""So long after its end the time of an order is certainly over, whatever was rounded."""
_AT_A_STRETCH = 500
_IN_VAIN = 3
"""So often an edit is tried in vain before the others of its lane come first: it may be what the server cannot take."""


class RetryTimes:
    """The edits that wait for a better time, and the lanes that do; `in` asks whether an edit waits.

    All that waits only because of a failure waits no longer when its source is hurried: it was read, has answered, or
    somebody asked for it.
    """

    def __init__(
        self,
        pending: PendingEdits,
        clock: Callable[[str], datetime],
        order_lifetime_s: float,
        loop: EventLoop,
        random_source: random.Random,
        on_time: Callable[[Sequence[str]], object],
    ) -> None:
        """`clock` is that of a source's server. `on_time` gets the edits that are to be looked at again.

        Those are the ones whose waiting is over, and orders whose time is over while they wait.
        """
        self._pending, self._clock, self._order_lifetime_s = pending, clock, order_lifetime_s
        self._loop, self._random, self._on_time = loop, random_source, on_time
        self._waiting: dict[str, float] = {}  # until when (time.monotonic)
        self._unknown: set[str] = set()  # of these what may have left, and their source has not been read whole since
        self._failures: Counter[str] = Counter()  # of an edit, for which it alone waits
        self._in_vain: dict[str, tuple[int, int]] = {}  # tries, and how often its lane had worked at the first one
        self._put_off: Counter[str] = Counter()  # how often it was said with an edit when to come again
        self._works: Counter[Lane] = Counter()
        self._held: dict[Lane, float] = {}  # until when
        self._backoff: dict[Lane, Backoff] = {}
        self._hurries: Counter[str] = Counter()
        self._alarms: list[tuple[float, str]] = []  # a heap of times with the edit or, "", for a lane
        self._alarm: TimerHandle | None = None

    def __contains__(self, edit_id: str) -> bool:
        return edit_id in self._waiting

    def waits_for_source(self, edit_id: str) -> bool:
        """Whether an edit waits for its source to be read whole: what of it arrived is not known before."""
        return edit_id in self._unknown

    def is_held(self, lane: Lane) -> bool:
        """Whether a lane waits."""
        return lane in self._held

    def hurries(self, source: str) -> int:
        """How often a source was hurried."""
        return self._hurries[source]

    def rank(self, edit_id: str) -> int:
        """The edits of a lane with the lowest rank come first: those that were not tried in vain again and again."""
        # protects: tried-in-vain-comes-last
        return self._in_vain.get(edit_id, (0, 0))[0] // _IN_VAIN

    def put_off(self, edit_id: str) -> int:
        """The same of what was put off again and again with a time to come again, also past a reading of its source.

        Who says such a time speaks of himself, as a rule: so it does not change what comes before what, but for which
        one is the first of several alike. What lies between may say it of this edit alone, each time.
        """
        # protects: put-off-lets-others-pass
        return self._put_off[edit_id] // _IN_VAIN

    def wait_for_source(self, edit_id: str) -> None:
        """An edit is not tried before its source has been read whole, or has had some time for that."""
        self._unknown.add(edit_id)
        self._wait(edit_id, time.monotonic() + _UNKNOWN_S)

    def failed(self, edit_id: str, lane: Lane, obstacle: Obstacle, retry_after_s: float | None) -> None:
        """A try of an edit failed: it waits, with its lane where that has to wait.

        When others of its lane were taken while it was tried in vain again and again, it waits alone: what lies between
        may cut or refuse the words of this one edit. Example: the portal of a city does so with a note that looks to it
        like an attack.
        """
        if obstacle is Obstacle.ANOTHER_EDIT:
            return
        now = time.monotonic()
        tries, works = self._in_vain.get(edit_id, (0, self._works[lane]))
        if retry_after_s is not None:
            self._put_off[edit_id] += 1
        elif obstacle is Obstacle.SERVER:
            self._in_vain[edit_id] = tries + 1, works
        passed = tries >= _IN_VAIN and self._works[lane] > works and retry_after_s is None
        # protects: passed-by-others-waits-alone
        if obstacle is Obstacle.ONE_EDIT or (obstacle is Obstacle.SERVER and passed):
            self._wait(edit_id, now + pause_of_one_s(self._failures[edit_id], self._random))
            self._failures[edit_id] += 1
            return
        if self._held.get(lane, 0.0) <= now:  # of several that were under way the first one counts
            backoff = self._backoff.setdefault(lane, Backoff(self._random))
            signed_out = obstacle is Obstacle.SIGN_IN
            self._held[lane] = now + (_SIGNED_OUT_S if signed_out else backoff.next_s(retry_after_s))
            self._set_alarm(self._held[lane], "")
        self._wait(edit_id, self._held[lane])

    def worked(self, lane: Lane) -> None:
        """Something of a lane was taken: the next failure is the first one again."""
        self._works[lane] += 1
        if lane in self._backoff:
            self._backoff[lane].reset()

    def forget(self, edit_id: str) -> None:
        """An edit waits no longer, and its failures do not count any more."""
        self._end(edit_id)
        self._failures.pop(edit_id, None)
        self._in_vain.pop(edit_id, None)
        self._put_off.pop(edit_id, None)

    def hurry(self, source: str | None, *, is_read: bool) -> None:
        """Nothing waits at a source (all: None) because of a failure; what may have left only when it `is_read`."""
        for each in {source} if source is not None else {one.edit.source for one in self._pending.values()}:
            self._hurries[each] += 1
        for lane in [lane for lane in self._held if source in (None, lane[0])]:
            del self._held[lane]
        for lane, backoff in self._backoff.items():
            if source in (None, lane[0]):
                backoff.reset()
        if is_read:
            for edit_id in [each for each in self._in_vain if self._is_of(each, source)]:
                del self._in_vain[edit_id]
        for edit_id in list(self._waiting):
            if self._is_of(edit_id, source) and (is_read or edit_id not in self._unknown):
                self._end(edit_id)

    def restarted(self) -> None:
        """The sync process begins anew, with another token perhaps: what waited waits for its source to be read."""
        waited = list(self._waiting)
        self.hurry(None, is_read=True)
        for edit_id in waited:
            self.wait_for_source(edit_id)

    def close(self) -> None:
        """Nobody is told any more."""
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

    def _wait(self, edit_id: str, until: float) -> None:
        self._waiting[edit_id] = until
        self._set_alarm(until, edit_id)
        queued = self._pending.get(edit_id)
        if queued is not None and (end := good_until(as_told(queued), self._order_lifetime_s)) is not None:
            left_s = (end - self._clock(queued.edit.source)).total_seconds()
            self._set_alarm(time.monotonic() + max(0.0, left_s) + _JUST_AFTER_S, edit_id)

    def _is_of(self, edit_id: str, source: str | None) -> bool:
        """Whether an edit is for a source (None: any); so is one that is not here any more."""
        queued = self._pending.get(edit_id)
        return queued is None or source in (None, queued.edit.source)

    def _end(self, edit_id: str) -> None:
        self._waiting.pop(edit_id, None)
        self._unknown.discard(edit_id)

    def _set_alarm(self, at: float, edit_id: str) -> None:
        heapq.heappush(self._alarms, (at, edit_id))
        if self._alarms[0] == (at, edit_id):
            self._wind()

    def _wind(self) -> None:
        self.close()
        if self._alarms:
            delay_s = min(max(0.0, self._alarms[0][0] - time.monotonic()), _LONGEST_S)
            self._alarm = self._loop.call_later(delay_s, self._on_alarm)

    def _on_alarm(self) -> None:
        """A long outbox whose waiting is over at one time is taken in several stretches."""
        now = time.monotonic()
        over: list[str] = []
        while self._alarms and self._alarms[0][0] <= now and len(over) < _AT_A_STRETCH:
            _, edit_id = heapq.heappop(self._alarms)
            if self._waiting.get(edit_id, math.inf) <= now:
                self._end(edit_id)
            over.append(edit_id)
        for lane in [lane for lane, until in self._held.items() if until <= now]:
            del self._held[lane]
        self._wind()
        self._on_time(over)
