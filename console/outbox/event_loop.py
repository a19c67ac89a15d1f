"""The loop on whose thread the outbox lives: the window's, or asyncio's where there is no window."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class TimerHandle(Protocol):
    """A call that is to come."""

    def cancel(self) -> None:
        """It does not come."""


class EventLoop(Protocol):
    """What the outbox needs of a loop; `asyncio.AbstractEventLoop` is one."""

    def call_soon_threadsafe(self, callback: Callable[..., object], *args: object) -> object:
        """From any thread: call back on the loop's, in the order in which it was asked for."""

    def call_later(self, delay: float, callback: Callable[..., object], *args: object) -> TimerHandle:
        """On the loop's thread: call back after so many seconds."""
