"""Start an X server (Xvfb) on a computer without a display, as long as the caller needs it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def xvfb(size: tuple[int, int]) -> Iterator[str]:
    """An X server of our own with one screen of that size in pixels; yields what DISPLAY is to be.

    Raises OSError when it does not start, FileNotFoundError when it is not installed.
    """
    read, write = os.pipe()
    command = ["Xvfb", "-displayfd", str(write), "-nolisten", "tcp", "-screen", "0", f"{size[0]}x{size[1]}x24"]
    try:
        process = subprocess.Popen(command, pass_fds=(write,), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    except OSError:
        os.close(read)
        raise
    finally:
        os.close(write)
    try:
        with os.fdopen(read) as answer:
            number = answer.readline().strip()
        if not number:
            raise OSError(None, "Xvfb does not start")
        yield f":{number}"
    finally:
        process.terminate()
        process.wait(10)
