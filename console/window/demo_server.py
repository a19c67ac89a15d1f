"""The demo city's server: a program of its own, started for `sigap demo` and ended with it."""

from __future__ import annotations

import contextlib
import hashlib
import json
import queue
import re
import secrets
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path

import msgspec

from api_client.decoding import decode
from console.rules.messages import Source
from console.settings import Tokens
from console.window.demo_network import DemoNetwork

DEMO_KEY, DEMO_USER, DEMO_TIMEZONE = "demo", "Rina Aulia", "Asia/Jakarta"
SECOND_USER = "Budi Santoso"
"""Who sits at the second desk, which a visitor can open."""
_ADDRESS = re.compile(r"http://127\.0\.0\.1:(\d+)")
_ANSWER_S, _MOST_BYTES = 3.0, 65_536


class DemoState(msgspec.Struct, frozen=True):
    """How the demo city lives: how many times faster than in life, and the kelurahan on which it pours."""

    speed: float = 1.0
    rain: tuple[str, ...] = ()
    may_rain: bool = True
    """Whether it can begin to rain on one more."""


class DemoServer:
    """The demo city's server as a child process; `source()` is None until it listens.

    Its standard input stays open as long as this program lives: with that it ends, also when this one is killed. What
    the visitor wants of the city goes the same way, a line each (`tell`). The window meets the server through
    `network`, which can be cut.
    """

    def __init__(self, folder: Path, reports: int, seed: int, speed: float = 1.0) -> None:
        self._folder, self._reports, self._seed, self._speed = folder, reports, seed, speed
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None
        self._port: int | None = None
        self._is_stopped = False
        self.network = DemoNetwork(lambda: self._port)
        self.tokens = Tokens("demo")
        """Holds the demo operator's token, in memory only."""
        self.second_token = secrets.token_urlsafe(24)
        """That of the operator at the second desk."""

    def __enter__(self) -> DemoServer:
        token = secrets.token_urlsafe(24)
        self.tokens.keep_in_memory(DEMO_KEY, token)
        digests = {
            name: hashlib.sha256(one.encode()).hexdigest()
            for name, one in ((DEMO_USER, token), (SECOND_USER, self.second_token))
        }
        rows = [{"name": name, "role": "supervisor", "token_sha256": digest} for name, digest in digests.items()]
        self._users.write_text(json.dumps(rows))
        self.network.__enter__()
        self._begin()
        return self

    def __exit__(self, *_: object) -> None:
        self.network.__exit__()
        if self._process is not None:
            self._process.terminate()
            self._wait_for(self._process)

    @property
    def _users(self) -> Path:
        return self._folder / "users.json"

    def _begin(self) -> None:
        command = [sys.executable, "-m", "console", "serve", "--demo-city", "--port", str(self._port or 0)]
        command += ["--database", f"sqlite:///{self._folder / 'city.db'}", "--media", str(self._folder / "media")]
        command += ["--reports", str(self._reports), "--seed", str(self._seed), "--name", "Jakarta"]
        command += ["--speed", str(self._speed)]
        command += ["--users", str(self._users), "--end-with-input"]
        with (self._folder / "server.log").open("a") as log:
            self._process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=log, stdin=subprocess.PIPE, text=True
            )
        self._reader = threading.Thread(target=self._read, args=(self._process,), daemon=True)
        self._reader.start()

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            self._lines.put(line)

    def _wait_for(self, process: subprocess.Popen[str]) -> None:
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(5)
        if self._reader is not None:
            self._reader.join(5)
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):  # what was told to it last did not reach it
                    pipe.close()

    @property
    def user(self) -> str:
        """Who the demo's operator is."""
        return DEMO_USER

    @property
    def address(self) -> str:
        """The server's own address, beside the network that can be cut; "" until it listens."""
        self._hear()
        return f"http://127.0.0.1:{self._port}" if self._port else ""

    def source(self) -> Source | None:
        """The server as a source once it listens."""
        self._hear()
        if self._port is None:
            return None
        address = f"http://127.0.0.1:{self.network.port}"
        return Source(DEMO_KEY, "Jakarta", address, "dispatch", timezone=DEMO_TIMEZONE, user=DEMO_USER)

    def _hear(self) -> None:
        while not self._lines.empty():
            if found := _ADDRESS.search(self._lines.get()):
                self._port = int(found.group(1))

    def state(self) -> DemoState:
        """How the city lives now. Like the two below it waits for the server: not for the thread of a window.

        Raises OSError where it does not answer, msgspec.DecodeError where it answers something else.
        """
        return self._ask("state", None)

    def rain(self, lat: float, lon: float) -> DemoState:
        """Let it pour over the kelurahan at a place (degrees)."""
        return self._ask("rain", {"lat": lat, "lon": lon})

    def set_speed(self, speed: float) -> DemoState:
        """Let the city live that many times faster than in life, also after its server was stopped and started."""
        state = self._ask("speed", {"speed": speed})
        self._speed = speed
        return state

    def _ask(self, what: str, body: dict[str, float] | None) -> DemoState:
        if self._port is None or self.is_stopped:
            raise OSError(None, "the demo city's server is stopped")
        request = urllib.request.Request(
            f"http://127.0.0.1:{self._port}/demo/v1/{what}",
            data=msgspec.json.encode(body) if body is not None else None,
            headers={
                "Authorization": f"Bearer {self.tokens.get(DEMO_KEY)}",
                "Content-Type": "application/json",
            },
        )
        with urllib.request.urlopen(request, timeout=_ANSWER_S) as answer:  # noqa: S310
            return decode(answer.read(_MOST_BYTES), DemoState)

    @property
    def is_stopped(self) -> bool:
        """Whether there is no server now."""
        return self._is_stopped or self._process is None or self._process.poll() is not None

    def stop(self) -> None:
        """Kill the server, as when its plug is pulled: nothing is put in order before."""
        self._is_stopped = True
        if self._process is not None:
            self._process.kill()
            self._wait_for(self._process)

    def start(self) -> None:
        """Start the server again, on its database and at its address."""
        self._is_stopped = False
        self._begin()

    def died(self) -> str:
        """The last words of a server that ended by itself, "" while it runs."""
        if self._is_stopped or self._process is None or self._process.poll() is None:
            return ""
        tail = (self._folder / "server.log").read_text(errors="replace").strip().splitlines()[-1:]
        return f"The demo city's server has ended ({self._process.returncode}). {' '.join(tail)}"
