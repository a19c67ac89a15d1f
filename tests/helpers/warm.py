"""`sigap serve` as a process that has its modules already: the fork of one that has loaded them and done nothing else.

To load them takes half a second of processor, and the tests start more than a hundred servers. What runs is
`console.cli.main` with the arguments, environment, folder and files of a process of its own; nothing that one server
does can be seen by the next. That a start from nothing works is tested by those that run `python -m console`.

The parent of all is `python -m tests.helpers.warm SOCKET`, one for each test process. It ends with it, and its servers
end with it.

The demo city is made for the hour of the day and week at which it starts. Here it always starts in the same one, or
in that of SIGAP_TEST_HOUR, so that a test meets the same reports by day and by night.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import gc
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parents[2]
_MOST = 1 << 20
_ASKING = threading.Lock()
"""One question at a time: two that are asked at once could each get the other's answer, and stop the other's server."""


class Forked:
    """One of them, with what the tests need of `subprocess.Popen`: `stdout` is a pipe of text."""

    def __init__(self, pid: int, stdout: IO[str], status: int) -> None:
        self.pid, self.stdout = pid, stdout
        self.returncode: int | None = None
        self._status = status

    def poll(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        return self._read(0)

    def wait(self, timeout: float | None = None) -> int:
        """Until it has ended; TimeoutExpired."""
        found = self._read(timeout)
        if found is None:
            raise subprocess.TimeoutExpired("sigap serve", timeout or 0)
        return found

    def communicate(self, timeout: float | None = None) -> tuple[str, None]:
        """What it still had to say, once it has ended."""
        self.wait(timeout)
        if self.stdout.closed:
            return "", None
        with self.stdout:
            return self.stdout.read(), None

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def _read(self, timeout: float | None) -> int | None:
        if self.returncode is None:
            with selectors.DefaultSelector() as selector:
                selector.register(self._status, selectors.EVENT_READ)
                if not selector.select(timeout):
                    return None
            said = os.read(self._status, 64)
            os.close(self._status)
            assert said, "the parent of the servers has died"
            self.returncode = int(said)
        return self.returncode


def start(arguments: Sequence[str], log: IO[str]) -> Forked:
    """`sigap` with these arguments, its standard error in `log`, in the project's folder, with this environment."""
    out, out_end = os.pipe()
    status, status_end = os.pipe()
    with open(os.devnull) as nothing:
        asked = json.dumps({"arguments": list(arguments), "environment": dict(os.environ)}).encode()
        with _ASKING:
            parent = _parent()
            socket.send_fds(parent, [asked], [nothing.fileno(), out_end, log.fileno(), status_end])
            pid = int(parent.recv(64))
        os.close(out_end)
        os.close(status_end)
    return Forked(pid, open(out), status)


@functools.cache
def _parent() -> socket.socket:
    """The connection to the parent of this test process's servers, which is started with the first."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.helpers.warm", str(theirs.fileno())],
            stdin=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()],
            cwd=ROOT,
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},  # a process with threads should not be forked
        )

    def end() -> None:
        ours.close()
        process.wait(20)

    atexit.register(end)
    return ours


def _serve(asking: socket.socket) -> Sequence[str]:
    """Fork for each question; returns the arguments in a child, and ends the process when nobody can ask any more."""
    waker, woken = socket.socketpair()
    for each in (waker, woken):
        each.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(waker.fileno())
    running: dict[int, int] = {}
    with selectors.DefaultSelector() as selector:
        selector.register(asking, selectors.EVENT_READ)
        selector.register(woken, selectors.EVENT_READ)
        while True:
            ready = {key.fileobj for key, _ in selector.select()}
            if woken in ready:
                with contextlib.suppress(BlockingIOError):
                    woken.recv(_MOST)
                _reap(running)
            if asking in ready:
                said, files, _, _ = socket.recv_fds(asking, _MOST, 4)
                if not said:
                    for pid in running:
                        os.kill(pid, signal.SIGKILL)
                    sys.exit()
                wanted = json.loads(said)
                pid = os.fork()
                if pid == 0:
                    break
                running[pid] = files[3]
                for file in files[:3]:
                    os.close(file)
                asking.send(str(pid).encode())
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for place, file in enumerate(files[:3]):
        os.dup2(file, place)
    for kept in (asking, waker, woken):
        kept.detach()
    os.closerange(3, 1024)
    os.environ.clear()
    os.environ.update(wanted["environment"])
    return list(wanted["arguments"])


def _reap(running: dict[int, int]) -> None:
    """Tell how those ended that have."""
    for pid in list(running):
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            with contextlib.suppress(BrokenPipeError), open(running.pop(pid), "w") as told:
                told.write(str(os.waitstatus_to_exitcode(status)))


if __name__ == "__main__":
    import console.server.demo
    import console.server.loader
    import console.server.serve  # noqa: F401
    from console.cli import main
    from console.server.demo import drafts

    hour = datetime.fromisoformat(os.environ.get("SIGAP_TEST_HOUR", "2026-11-30T04:10+07:00"))
    by_the_clock = drafts.local_hour
    drafts.local_hour = lambda _now, ago, zone: by_the_clock(hour, ago, zone)
    gc.collect()
    gc.freeze()
    sys.exit(main(list(_serve(socket.socket(fileno=int(sys.argv[1]))))))
