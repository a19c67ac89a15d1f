"""Decodes photos of strangers in a process of its own, under limits of memory and processor time."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from api_client.decoding import decode
from console.images.worker import Made
from console.server.city.work_threads import present_work
from console.server.errors import Invalid, Overloaded

SIDE_PX = 1280
CPU_S, MEMORY_MB = 2, 256
_WAIT_S, _LOOK_S = 20.0, 0.2


class PhotoProcess:
    """Starts one child for one photo; may be asked from any thread. How many at once is for its callers to bound."""

    def __init__(self, command: Sequence[str] | None = None) -> None:
        """`command` starts the child; by default this Python with console.images.worker."""
        limits = (str(SIDE_PX), str(MEMORY_MB), str(CPU_S))
        self._command = list(command or (sys.executable, "-P", "-m", "console.images.worker", *limits))

    def small(self, content: bytes) -> bytes:
        """The picture alone, as a JPEG small enough for a phone: no place, no device, nothing else a file may carry.

        Raises Invalid when it is no picture or asks for too much, Overloaded when the computer is too busy.
        """
        return self.look(content).body

    def look(self, content: bytes) -> Made:
        """The same, with what the file says of itself and the hash of the picture. Raises as `small` does."""
        made = self._run(content)
        if made.problem or not made.body.startswith(b"\xff\xd8\xff"):
            raise Invalid(made.problem or "The photo cannot be read.")
        return made

    def _run(self, content: bytes) -> Made:
        environment = {"PATH": os.defpath, "PYTHONPATH": str(Path(__file__).resolve().parents[3]), "LC_ALL": "C.UTF-8"}
        environment |= {name: os.environ[name] for name in ("SYSTEMROOT", "LD_LIBRARY_PATH") if name in os.environ}
        try:
            with tempfile.TemporaryFile() as given:
                given.write(content)
                given.seek(0)
                child = subprocess.Popen(
                    self._command, stdin=given, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
                )
        except OSError as fault:
            raise Overloaded("The server cannot look at photos now. Send it again.") from fault
        with child:
            try:
                answer = _answer(child)
            finally:
                child.kill()
        if child.returncode:
            raise Invalid(f"The photo takes more than {CPU_S} s or {MEMORY_MB} MB to show, or cannot be read.")
        try:
            return decode(answer, Made)
        except msgspec.DecodeError as fault:
            raise Invalid("The photo cannot be read.") from fault


def _answer(child: subprocess.Popen[bytes]) -> bytes:
    """What the child says; Overloaded when that takes very long, or nobody waits for it any more."""
    work, until = present_work(), time.monotonic() + _WAIT_S
    while True:
        try:
            return child.communicate(timeout=_LOOK_S)[0]
        except subprocess.TimeoutExpired:
            if time.monotonic() > until or (work is not None and work.stopped):
                raise Overloaded("The server is too busy to look at photos. Send it again.") from None
