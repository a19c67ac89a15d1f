"""A screen for a computer without one: Xvfb, as long as the caller needs it, or one that nobody sees."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_TRIES = 5
"""Two servers that start in one moment may choose one number: one of them ends then."""


def offscreen(size: tuple[int, int], folder: Path) -> str:
    """What QT_QPA_PLATFORM is to be for one screen of that size in pixels that nobody sees; its file lies in `folder`.

    Raises OSError.
    """
    screen = {"name": "picture", "x": 0, "y": 0, "width": size[0], "height": size[1], "logicalDpi": 96, "dpr": 1}
    config = folder / "screens.json"
    config.write_text(json.dumps({"screens": [screen]}))
    return f"offscreen:configfile={config}"


@contextmanager
def xvfb(size: tuple[int, int]) -> Iterator[str]:
    """An X server of our own with one screen of that size in pixels; yields what DISPLAY is to be.

    Raises OSError when it does not start, FileNotFoundError when it is not installed.
    """
    for _ in range(_TRIES):
        process, number = _start(size)
        try:
            if number:
                yield f":{number}"
                return
        finally:
            process.terminate()
            process.wait(10)
    raise OSError(None, "Xvfb does not start")


def _start(size: tuple[int, int]) -> tuple[subprocess.Popen[bytes], str]:
    """The process and the number of its display, "" when it has ended without one."""
    read, write = os.pipe()
    command = ["Xvfb", "-displayfd", str(write), "-nolisten", "tcp", "-screen", "0", f"{size[0]}x{size[1]}x24"]
    with os.fdopen(read) as answer:
        try:
            process = subprocess.Popen(command, pass_fds=(write,), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        finally:
            os.close(write)
        return process, answer.readline().strip()
