"""The beat of the sync process: every thread gets further, it tells the console; held back when one does not."""

from __future__ import annotations

import faulthandler
import logging
import time
from collections.abc import Callable, Mapping

from console.rules.messages import Alive

_log = logging.getLogger(__name__)
BEAT_S = 2.0
STUCK_S = 300.0
"""Longer than any step may take: an exchange (120 s) with the look-up of its server's name, or the check or the search
of a large cache on a slow disk."""


class Heartbeat:
    """Looks at the steps of all threads and beats when none stands still.

    Looks are counted and not seconds: while the computer sleeps, or this process is stopped, nobody looks.
    """

    def __init__(
        self,
        steps: Callable[[], Mapping[str, int]],
        emit: Callable[[Alive], None],
        beside: Callable[[], None] = lambda: None,
    ) -> None:
        """`steps` maps a thread's name to how often it got further; one that may wait without end is not in it.

        `beside` is called with each look.
        """
        self._steps, self._beside = steps, beside
        self._emit = emit
        self._before: Mapping[str, int] = {}
        self._still: dict[str, int] = {}
        self._stuck: list[str] = []

    def beat(self) -> None:
        """For as long as the process lives."""
        while True:
            self.look()
            self._beside()
            time.sleep(BEAT_S)

    def look(self) -> None:
        """One look, and a beat when all is well."""
        now = self._steps()
        self._still = {
            name: self._still.get(name, 0) + 1 if self._before.get(name) == count else 0 for name, count in now.items()
        }
        self._before = now
        before, self._stuck = self._stuck, [name for name, looks in self._still.items() if looks * BEAT_S >= STUCK_S]
        # protects: beat-stops-with-a-thread
        if not self._stuck:
            self._emit(Alive())
        elif not before:
            _log.error("no further step in %d s: %s", STUCK_S, ", ".join(self._stuck))
            faulthandler.dump_traceback()  # where each thread stands; no values, so nobody's data
