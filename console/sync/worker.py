"""What every lane of a source is: one thread, an event that it waits for, and a connection that can be cut."""

from __future__ import annotations

import logging
import threading
from abc import ABC, abstractmethod
from typing import Protocol

from console.sync.retry import Wakeup

_log = logging.getLogger(__name__)
_END_S = 10.0
_AFTER_DEFECT_S = 5.0


class Connection(Protocol):
    """What a lane speaks over."""

    @property
    def exchanges(self) -> int:
        """How many exchanges have ended, well or not."""

    def cut(self) -> None:
        """From any thread and for good: end what is under way."""

    def close(self) -> None:
        """Drop the connections."""


class LaneThread(ABC):
    """Works on a thread of its own until it is stopped."""

    def __init__(self, name: str, connection: Connection | None) -> None:
        self._connection = connection
        self._wakeup = Wakeup()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def poke(self) -> None:
        """There may be something to do."""
        self._wakeup.poke()

    def hurry(self) -> None:
        """Try at once, whatever failed before."""
        self._wakeup.hurry()

    def stop(self) -> None:
        """End, even in the middle of a request; what was not finished is done again next time."""
        self._wakeup.stop()
        if self._connection is not None:
            self._connection.cut()
        self._thread.join(_END_S)

    def steps(self) -> dict[str, int]:
        """How often it got further, under its name: one that stands still is stuck, for every step has its limit."""
        exchanges = self._connection.exchanges if self._connection is not None else 0
        return {self._thread.name: self._wakeup.turns + exchanges}

    def _run(self) -> None:
        """A defect of ours must not end a lane for good: nobody would see that nothing moves any more."""
        while not self._wakeup.stopped:
            try:
                self._work()
            except Exception:
                _log.exception("the lane %s met a defect and begins again", self._thread.name)
                self._wakeup.back_off(_AFTER_DEFECT_S)

    @abstractmethod
    def _work(self) -> None:
        """Until it is told to stop."""
