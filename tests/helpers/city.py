"""A real city's server as a process, and a real console window in this one."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import threading
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.helpers import warm
from tests.helpers.patience import Patience

ROOT = Path(__file__).resolve().parents[2]


TOKENS = {"rina": "rina-token-for-tests", "budi": "budi-token-for-tests"}


def write_users(folder: Path) -> Path:
    """A file of the two operators that consoles in tests sign in as."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "users.json"
    hashed = {name: hashlib.sha256(token.encode()).hexdigest() for name, token in TOKENS.items()}
    file.write_text(
        json.dumps([{"name": name, "role": "supervisor", "token_sha256": one} for name, one in hashed.items()])
    )
    return file


class Served:
    """`sigap serve` as a process."""

    def __init__(self, folder: Path, *arguments: str, port: int = 0) -> None:
        self.folder, self.arguments = folder, arguments
        self.port = port
        self.address = ""
        self.process: warm.Forked | None = None

    def start(self, timeout_s: float = 90) -> Served:
        command = ["serve", "--port", str(self.port), *self.arguments]
        if "--database" not in self.arguments:
            command += ["--database", f"sqlite:///{self.folder / 'city.db'}", "--media", str(self.folder / "media")]
        with (self.folder / "server.log").open("a") as log:
            self.process = warm.start(command, log)
        timer = threading.Timer(timeout_s, self.process.kill)
        timer.start()
        found = None
        for line in self.process.stdout:
            if found := re.search(r"http://127\.0\.0\.1:(\d+)", line):
                break
        timer.cancel()
        if found is None:
            self.process.stdout.close()
            raise AssertionError(f"it ended with {self.process.wait()}: {self.log()[-3000:]}")
        self.address, self.port = found.group(0), int(found.group(1))
        _forget_read(self.address)
        _SERVED.add(self.address)
        return self

    def stop(self) -> None:
        if self.process is None:
            return
        died = self.process.poll()
        if died is None:
            self.process.terminate()
        self.process.communicate(timeout=60)
        assert died in (None, 0, -signal.SIGKILL), f"the server died of itself ({died}): {self.log()[-3000:]}"

    def get(self, path: str) -> Any:
        request = urllib.request.Request(self.address + path, headers={"Authorization": f"Bearer {TOKENS['budi']}"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def log(self) -> str:
        return (self.folder / "server.log").read_text()

    def entries(self, report: str) -> list[dict[str, Any]]:
        found = self.get(f"/dispatch/v1/reports/{report}/entries")
        return list(found if isinstance(found, list) else found["entries"])


@contextlib.contextmanager
def served(folder: Path, *arguments: str) -> Iterator[Served]:
    folder.mkdir(parents=True, exist_ok=True)
    server = Served(folder, *arguments)
    try:
        yield server.start()
    finally:
        server.stop()


@contextlib.contextmanager
def stopped(city: Served) -> Iterator[None]:
    """Without its server, which the next test needs again whatever becomes of this one."""
    city.stop()
    try:
        yield
    finally:
        city.start()


def wait_for(condition: Callable[[], object], timeout_s: float = 20, what: str | Callable[[], object] = "") -> None:
    """Run Qt's event loop until `condition()` is true; fail after `timeout_s` (see Patience). `what` names it, or
    returns what is there instead, for the message of the failure.
    """
    from PySide6.QtTest import QTest

    patience = Patience(timeout_s)
    while not condition():
        assert not patience.is_over, f"not within {timeout_s} s: {what() if callable(what) else what or condition}"
        QTest.qWait(10)


_CACHE = "cache.db"
_SERVED: set[str] = set()
"""The addresses of the cities that may be opened by more than one console: those of `Served`."""
_READ: dict[tuple[str, ...], Path] = {}
"""The operator's name, and the keys and addresses of cities -> a copy of the cache that a console had of them."""


def _forget_read(address: str) -> None:
    """What was read at this address is of no use: another server may answer there now."""
    for who in [who for who in _READ if address in who]:
        del _READ[who]


def _give_what_was_read(folder: Path, who: tuple[str, ...]) -> None:
    """Give a profile without a cache the one that a console of the same operator had of the same cities when it was
    closed: to read them from nothing is more than half of what opening a window takes. What has happened since is read
    from the server.
    """
    kept, cache = _READ.get(who), folder / _CACHE
    if kept is not None and not cache.exists():
        shutil.copyfile(kept, cache)
        cache.chmod(0o600)


def _keep_what_was_read(folder: Path, who: tuple[str, ...]) -> None:
    if who not in _READ:
        copies = Path(os.environ["SIGAP_HOME"]) / "caches"
        copies.mkdir(exist_ok=True)
        copy = Path(tempfile.mkdtemp(dir=copies)) / _CACHE
        with (
            contextlib.closing(sqlite3.connect(folder / _CACHE)) as cache,
            contextlib.closing(sqlite3.connect(copy)) as to,
        ):
            cache.backup(to)
        _READ[who] = copy


@contextlib.contextmanager
def console(
    folder: Path,
    source: str | None,
    *,
    name: str = "rina",
    size: tuple[int, int] = (1600, 900),
    behind_s: float = 0,
    others: Mapping[str, str] | None = None,
    go_on: bool = False,
    text_scale: float = 1.0,
    mended: str = "",
    kept: Any = None,
    sources: Sequence[Any] = (),
    own_sync: bool = False,
    actions: Any = None,
    map_beat_ms: int = 20_000,
    sound: Sequence[str] = (),
) -> Iterator[Any]:
    """Open a real ConsoleWindow with a profile and a sync process of its own until the block ends.

    `source` is the address of the source "city", `others` (key -> address) are followed beside it; the name of a source
    is its key, capitalized. With `sources` these are followed instead, and `name` is signed in where they name a user.
    `name`: who is signed in. `behind_s`: by how much the computer's clock is slow. `go_on`: choose the next waiting
    report after a step (most tests look at the same one). `kept`: the settings of a window before. `actions`: another
    table of actions. `own_sync`: start the sync process from nothing, for tests that stop or kill it. `map_beat_ms`:
    how often the map's page is asked whether it is alive. It may not answer within the program's own two seconds where
    other programs have the processors, and would be loaded again, with a notice and the keyboard, in any test. `sound`:
    the command of its sound process; without one it has none.
    """
    from PySide6.QtWidgets import QApplication

    from console.rules.loaded import Loaded
    from console.rules.messages import Source
    from console.settings import Settings, Tokens
    from console.window.actions import ACTIONS
    from console.window.app import ConsoleWindow
    from console.window.options import WindowOptions

    folder.mkdir(parents=True, exist_ok=True)
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    addresses = ({"city": source} if source else {}) | dict(others or {})
    followed = list(sources) or [
        Source(key, key.capitalize(), address, "dispatch", timezone="Asia/Jakarta", user=name)
        for key, address in addresses.items()
    ]
    who = (name, *(f"{one.key} {one.user}" for one in followed), *(one.url for one in followed))
    again = bool(followed) and all(one.url in _SERVED for one in followed)
    if again:
        _give_what_was_read(folder, who)
    settings = kept or Settings(go_on=go_on, text_scale=text_scale)
    settings.sources = followed
    tokens = Tokens("test")
    for key in [one.key for one in sources if one.user] or ["city"]:
        tokens.keep_in_memory(key, TOKENS[name])
    options = WindowOptions(profile=folder, profile_name="test", size=size, mended=mended, sound=bool(sound))
    window = ConsoleWindow(
        app,
        options,
        settings,
        tokens,
        None,
        lambda: datetime.now(UTC) - timedelta(seconds=behind_s),
        actions or ACTIONS,
    )
    if not own_sync:
        window.sync_supervisor.command = warm.sync_command()
    window.map._liveness._beat_s = map_beat_ms / 1000
    window.map._liveness._timer.setInterval(map_beat_ms)
    window.sound.command = list(sound)
    window.images._timeout_s = 60  # how long a child takes to start depends on what else the computer does
    window.open()
    whole = False
    try:
        yield window
        whole = window.window_state.loaded is Loaded.WHOLE and not window.sources.filling()
        whole = whole and settings.sources == followed
    finally:
        window.leave()
        window.close()
    if again and whole:
        _keep_what_was_read(folder, who)


def run_sigap(*arguments: str, home: Path, timeout_s: float = 120, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """The program as a process, with its profiles under `home`."""
    environment = {**os.environ, "SIGAP_HOME": str(home)}
    return warm.run(arguments, environment, stdin=stdin, timeout_s=timeout_s)
