"""A child process ends with whoever started it, whose end of its standard input stays open until then, kill or not."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable


def when_parent_ends(then: Callable[[], object]) -> None:
    """Call `then`, in a thread of its own, when the standard input is at its end; what is written there is dropped."""

    def wait() -> None:
        while os.read(0, 4096):  # not by sys.stdin, whose lock a thread that waits would hold when the program ends
            pass
        then()

    threading.Thread(target=wait, name="input", daemon=True).start()
