"""The demo city's server: a program of its own, started for `sigap demo` and ended with it."""

from __future__ import annotations

import hashlib
import json
import queue
import secrets
import subprocess
import sys
import threading
from pathlib import Path

from console.rules.messages import Source
from console.settings import Tokens

DEMO_KEY, DEMO_USER, DEMO_TIMEZONE = "demo", "Rina Aulia", "Asia/Jakarta"


class DemoServer:
    """The demo city's server as a child process; `source()` is None until it listens.

    Its standard input stays open as long as this program lives: with that it ends, also when this one is killed.
    """

    def __init__(self, folder: Path, reports: int, seed: int) -> None:
        self._folder, self._reports, self._seed = folder, reports, seed
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._process: subprocess.Popen[str] | None = None
        self._found: Source | None = None
        self.tokens = Tokens("demo")
        """Holds the demo operator's token, in memory only."""

    def __enter__(self) -> DemoServer:
        command = [sys.executable, "-m", "console", "serve", "--demo-city", "--port", "0"]
        command += ["--database", f"sqlite:///{self._folder / 'city.db'}", "--media", str(self._folder / "media")]
        command += ["--reports", str(self._reports), "--seed", str(self._seed), "--name", "Jakarta"]
        users = self._folder / "users.json"
        token = secrets.token_urlsafe(24)
        digest = hashlib.sha256(token.encode()).hexdigest()
        users.write_text(json.dumps([{"name": DEMO_USER, "role": "supervisor", "token_sha256": digest}]))
        self.tokens.keep_in_memory(DEMO_KEY, token)
        command += ["--users", str(users), "--end-with-input"]
        with (self._folder / "server.log").open("w") as log:
            self._process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=log, stdin=subprocess.PIPE, text=True
            )
        self._reader = threading.Thread(target=self._read, args=(self._process,), daemon=True)
        self._reader.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(5)
            self._reader.join(5)
            for pipe in (self._process.stdin, self._process.stdout):
                if pipe is not None:
                    pipe.close()

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            self._lines.put(line)

    @property
    def user(self) -> str:
        """Who the demo's operator is."""
        return DEMO_USER

    def source(self) -> Source | None:
        """The server as a source once it listens."""
        while self._found is None and not self._lines.empty():
            words = self._lines.get().split()
            address = next((word for word in words if word.startswith("http://127.0.0.1:")), None)
            if address is not None:
                self._found = Source(DEMO_KEY, "Jakarta", address, "dispatch", timezone=DEMO_TIMEZONE, user=DEMO_USER)
        return self._found

    def died(self) -> str:
        """The last words of a server that ended by itself, "" while it runs."""
        if self._process is None or self._process.poll() is None:
            return ""
        tail = (self._folder / "server.log").read_text(errors="replace").strip().splitlines()[-1:]
        return f"The demo city's server has ended ({self._process.returncode}). {' '.join(tail)}"
