"""What a window does with each of its child processes: hand on what it says, message by message, and end it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

from PySide6.QtCore import QProcess

from console.pipe import BrokenFrame, Frames

_log = logging.getLogger(__name__)
T = TypeVar("T")
_END_MS = 2_000


def deliver_output(process: QProcess, frames: Frames[T], deliver: Callable[[T], object], name: str) -> None:
    """Call `deliver` with each whole message that has come; a child that sent what is no message is ended.

    `name` is what the log calls the process.
    """
    piece = process.readAllStandardOutput().data()
    try:
        for message in frames.feed(bytes(piece)):
            deliver(message)
    except BrokenFrame:
        _log.exception("the %s process sent what is no message", name)
        process.kill()


def end_process(process: QProcess) -> None:
    """End a child that has nothing to save, and be told nothing of it any more."""
    process.blockSignals(True)
    process.kill()
    process.waitForFinished(_END_MS)
    process.deleteLater()
