"""Hands on what a child process says on its pipe, message by message."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

from PySide6.QtCore import QProcess

from console.pipe import BrokenFrame, Frames

_log = logging.getLogger(__name__)
T = TypeVar("T")


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
