"""Run `sigap` as a fork of a process that has already loaded the program's modules, and made what never differs.

Loading them takes a quarter to half a second of processor, and the tests start hundreds of servers, commands and sync
processes. A child runs `console.cli.main` with its own arguments, environment, folder and open files; nothing that one
child does is visible to the next. Tests that run `python -m console` cover a start from nothing.

The parent is `python -m tests.helpers.warm LISTENER LIFE`, one for each test process, and ends with it. A child ends
with the connection on which it was asked for (tests/helpers/warm_client.py), at the latest with the parent.

The demo city depends on the hour of the week at which it starts. Here that is always the same hour, or the one of
SIGAP_TEST_HOUR, so that a test meets the same reports by day and by night.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import gc
import importlib
import marshal
import os
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import IO

from tests.helpers.warm_client import ask

ROOT = Path(__file__).resolve().parents[2]
_MOST = 1 << 20


class Forked:
    """A forked `sigap`, with the part of `subprocess.Popen` that tests need; `stdout` is a pipe of text."""

    def __init__(self, connection: socket.socket, stdout: IO[str]) -> None:
        self._connection, self.stdout = connection, stdout
        self.pid = int(connection.recv(64))
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        return self._read(0)

    def wait(self, timeout: float | None = None) -> int:
        """Until it has ended; TimeoutExpired."""
        found = self._read(timeout)
        if found is None:
            raise subprocess.TimeoutExpired("sigap", timeout or 0)
        return found

    def communicate(self, timeout: float | None = None) -> tuple[str, None]:
        """Wait for the end and return the rest of the output."""
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
                selector.register(self._connection, selectors.EVENT_READ)
                if not selector.select(timeout):
                    return None
            with self._connection:
                said = self._connection.recv(64)
            assert said, "the parent of all has died"
            self.returncode = int(said)
        return self.returncode


def start(arguments: Sequence[str], log: IO[str]) -> Forked:
    """`sigap` with these arguments, its standard error in `log`, in the project's folder, with this environment."""
    out, out_end = os.pipe()
    with open(os.devnull) as nothing:
        connection = _ask(arguments, dict(os.environ), nothing.fileno(), out_end, log.fileno())
    os.close(out_end)
    return Forked(connection, open(out))


def run(
    arguments: Sequence[str], environment: dict[str, str], *, stdin: str = "", timeout_s: float
) -> subprocess.CompletedProcess[str]:
    """`sigap` with these arguments and environment, in the project's folder, until it ends; TimeoutExpired."""
    with (
        tempfile.TemporaryFile("w+") as given,
        tempfile.TemporaryFile("w+") as out,
        tempfile.TemporaryFile("w+") as err,
    ):
        given.write(stdin)
        given.seek(0)
        connection = _ask(arguments, environment, given.fileno(), out.fileno(), err.fileno())
        process = Forked(connection, out)
        try:
            process.wait(timeout_s)
        finally:
            connection.close()
        for written in (out, err):
            written.seek(0)
        return subprocess.CompletedProcess(["sigap", *arguments], process.wait(), out.read(), err.read())


def sync_command() -> list[str]:
    """The command that SyncSupervisor runs instead of `sigap sync --pipe`: a small process that stands for the forked
    one.

    Killing the small process ends both; stopping it (SIGSTOP) stops only the small one.
    """
    client = str(Path(__file__).with_name("warm_client.py"))
    return [sys.executable, "-I", "-S", client, _address().hex(), "sync", "--pipe"]


def _ask(arguments: Sequence[str], environment: dict[str, str], *files: int) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ask(connection, _address(), arguments, environment, files)
    return connection


@functools.cache
def _address() -> bytes:
    """The address on which the parent of this test process's children listens; starts it if need be."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind("")  # a name of the kernel's choice
    listener.listen(64)
    ours, theirs = socket.socketpair()
    with listener, theirs:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.helpers.warm", str(listener.fileno()), str(theirs.fileno())],
            stdin=subprocess.DEVNULL,
            pass_fds=[listener.fileno(), theirs.fileno()],
            cwd=ROOT,
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},  # a process with threads should not be forked
        )
        address = listener.getsockname()

    def end() -> None:
        ours.close()
        process.wait(20)

    atexit.register(end)
    return bytes(address)


def _serve(listener: socket.socket, life: socket.socket) -> Sequence[str]:
    """Fork for each request; returns the arguments in the child, and ends the process when nobody can ask any more."""
    waker, woken = socket.socketpair()
    for each in (waker, woken):
        each.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(waker.fileno())
    running: dict[int, socket.socket] = {}
    with selectors.DefaultSelector() as selector:
        for each in (listener, life, woken):
            selector.register(each, selectors.EVENT_READ)
        while True:
            ready = {key.fileobj: key.data for key, _ in selector.select()}
            if woken in ready:
                with contextlib.suppress(BlockingIOError):
                    woken.recv(_MOST)
                for connection in _reap(running):
                    ready.pop(connection, None)
                    with contextlib.suppress(KeyError):
                        selector.unregister(connection)
                    connection.close()
            if life in ready:
                for pid in running:
                    os.kill(pid, signal.SIGKILL)
                sys.exit()
            for pid in filter(None, ready.values()):  # nobody waits for it any more
                selector.unregister(running[pid])
                os.kill(pid, signal.SIGKILL)
            if listener in ready:
                asking, _ = listener.accept()
                said, files, _, _ = socket.recv_fds(asking, _MOST, 3)
                if not said:
                    asking.close()
                    continue
                arguments, environment = marshal.loads(said)
                pid = os.fork()
                if pid == 0:
                    break
                running[pid] = asking
                selector.register(asking, selectors.EVENT_READ, pid)
                for file in files:
                    os.close(file)
                asking.send(str(pid).encode())
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for place, file in enumerate(files):
        os.dup2(file, place)
    for kept in (listener, life, asking, waker, woken, *running.values()):
        kept.detach()
    os.closerange(3, 1024)
    os.environ.clear()
    os.environ.update(environment)
    return list(arguments)


def _reap(running: dict[int, socket.socket]) -> list[socket.socket]:
    """Send the exit codes of children that have ended; returns their connections."""
    told = []
    for pid in list(running):
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            told.append(running.pop(pid))
            with contextlib.suppress(OSError):
                told[-1].send(str(os.waitstatus_to_exitcode(status)).encode())
    return told


if __name__ == "__main__":
    import console.commands.sync
    import console.server.demo
    import console.server.loader
    import console.server.serve
    import console.sync.process  # noqa: F401
    from console.cli import build_parser, main
    from console.server.demo import drafts, pictures, street_samples
    from console.sync.mapping import signature_of

    for each in ("anyio._backends._asyncio", "uvicorn.lifespan.on", "uvicorn.loops.asyncio"):  # loaded when they serve
        importlib.import_module(each)
    build_parser()  # its patterns and catalogues are kept
    signature_of()
    pictures.jpeg(pictures.Shot("sampah", "1"), 1)
    street_samples.street_places()

    hour = datetime.fromisoformat(os.environ.get("SIGAP_TEST_HOUR", "2026-11-30T04:10+07:00"))
    by_the_clock = drafts.local_hour
    drafts.local_hour = lambda now, ago, zone: by_the_clock(hour, ago, zone)
    gc.collect()
    gc.freeze()
    sys.exit(main(list(_serve(*(socket.socket(fileno=int(each)) for each in sys.argv[1:])))))
