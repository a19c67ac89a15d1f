"""The second operator of the demo: a window of its own, in a process of its own, signed in as somebody else."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from typing import IO

import msgspec

from api_client.decoding import decode
from console.rules.messages import Source
from console.window.demo_server import DEMO_KEY, DEMO_TIMEZONE, SECOND_USER, DemoServer

_ORDERLY_S = 10.0


class SecondOperator(msgspec.Struct, frozen=True):
    """What the process of the second desk is told on its standard input."""

    source: Source
    token: str


class SecondDesk:
    """Starts `sigap demo --second-desk` and ends it with this program: its standard input stays open until then."""

    def __init__(self, demo: DemoServer) -> None:
        self._demo = demo
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def user(self) -> str:
        """Who sits there."""
        return SECOND_USER

    @property
    def is_open(self) -> bool:
        """Whether his window is there, or about to be."""
        return self._process is not None and self._process.poll() is None

    def open(self) -> None:
        """Open his window. He meets the server beside the network that this window's visitor can cut.

        Raises OSError where no process can be started, or the server does not listen.
        """
        address = self._demo.address
        if not address:
            raise OSError(None, "the demo city's server does not listen yet")
        self.close()
        source = Source(DEMO_KEY, "Jakarta", address, "dispatch", timezone=DEMO_TIMEZONE, user=SECOND_USER)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "console", "demo", "--second-desk"], stdin=subprocess.PIPE
        )
        assert self._process.stdin is not None
        told = msgspec.json.encode(SecondOperator(source, self._demo.second_token))
        self._process.stdin.write(told + b"\n")
        self._process.stdin.flush()

    def close(self) -> None:
        """End his window, if it is open: with its input it closes in order, and its folder goes with it."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.stdin is not None:
            with contextlib.suppress(OSError):
                process.stdin.close()
        try:
            process.wait(_ORDERLY_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def read_second_operator(stream: IO[bytes]) -> SecondOperator:
    """What the first desk says, in its one line. Raises ValueError for anything else."""
    return decode(stream.readline(65_536), SecondOperator)
