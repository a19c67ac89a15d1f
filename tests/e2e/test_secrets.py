"""A token stays in the keyring: it is in no file of the profile, no argument, no environment and no log."""

from __future__ import annotations

import contextlib
import logging
import os
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from console import logs
from tests.helpers.city import ROOT, TOKENS, Served, served, write_users

TOKEN = TOKENS["rina"]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home of profiles, and a keyring outside of it."""
    monkeypatch.setenv("SIGAP_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SIGAP_TEST_KEYRING", str(tmp_path / "keyring.json"))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "tests.helpers.plain_keyring.PlainKeyring")
    return tmp_path / "home"


@pytest.fixture
def city(tmp_path: Path) -> Iterator[Served]:
    users = str(write_users(tmp_path / "city"))
    with served(tmp_path / "city", "--demo-city", "--still", "--reports", "200", "--users", users) as server:
        yield server


class Spy:
    """Looks at the arguments and the environment of a program and of all it starts, while it runs."""

    def __init__(self, *arguments: str, stdin: str = "") -> None:
        self.seen = 0
        self.leaks: set[str] = set()
        self._program = subprocess.Popen(
            [sys.executable, "-m", "console", *arguments],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT,
        )  # fmt: skip
        assert self._program.stdin is not None
        self._program.stdin.write(stdin)
        self._program.stdin.close()

    def watch(self, timeout_s: float = 90) -> str:
        """Until it ends; what it said."""
        end = time.monotonic() + timeout_s
        while self._program.poll() is None:
            assert time.monotonic() < end, "it does not end"
            self._look(self._program.pid)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._program.wait(0.05)
        assert self._program.stdout is not None
        said = self._program.stdout.read()
        self._program.stdout.close()
        assert self._program.returncode == 0, said
        return said

    def _look(self, pid: int) -> None:
        for name in ("cmdline", "environ"):
            try:
                content = Path(f"/proc/{pid}/{name}").read_bytes()
            except OSError:
                return
            self.seen += 1
            if TOKEN.encode() in content:
                self.leaks.add(f"{name} of {pid}: {content[:200]!r}")
        for task in Path(f"/proc/{pid}/task").glob("*/children"):
            try:
                children = task.read_text().split()
            except OSError:
                continue
            for child in children:
                self._look(int(child))


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_token_is_in_the_keyring_only(home: Path, city: Served, tmp_path: Path) -> None:
    programs = [Spy("connect", city.address, stdin=TOKEN + "\n")]
    said = programs[0].watch()
    assert "Signed in as rina" in said
    picture = str(tmp_path / "window.png")
    for arguments in (
        ("sync", "--once"),
        ("run", "--unsandboxed", "--screenshot", picture, "--size", "1366x768", "--quit-after", "45"),
        ("export", "--format", "csv", "--out", str(tmp_path / "out.csv")),
    ):
        programs.append(Spy(*arguments))
        said += programs[-1].watch()
    assert min(program.seen for program in programs) > 0
    assert set().union(*(program.leaks for program in programs)) == set()
    assert TOKEN not in said
    assert TOKEN in (tmp_path / "keyring.json").read_text(), "it was used: without it nothing is read"
    files = [file for file in home.rglob("*") if file.is_file()]
    assert {"settings.json", "cache.db", "work.db", "sigap.log"} <= {file.name for file in files}
    for file in files:
        assert TOKEN.encode() not in file.read_bytes(), file.name
    assert TOKEN not in city.log()
    private = [*files, tmp_path / "out.csv"]
    assert [file.name for file in private if stat.S_IMODE(file.stat().st_mode) & 0o077] == []
    profiles = [folder for folder in home.rglob("*") if folder.is_dir() and folder.parent != home]
    assert [folder.name for folder in profiles if stat.S_IMODE(folder.stat().st_mode) & 0o077] == []
    assert sorted(os.listdir(home)) == ["demo", "profiles"]


def test_a_token_in_a_message_or_an_exception_is_masked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """F39. Guards: CleanFormatter masks what follows the words that go before a token (console/logs.py)."""
    monkeypatch.setenv("SIGAP_LOG", "debug")
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    try:
        logs.start_logging(tmp_path / "sigap.log")
        log = logging.getLogger("urllib3")
        log.debug("send: Authorization: Bearer %s", TOKEN)
        try:
            raise ValueError(f"Invalid header value b'Bearer {TOKEN}'")
        except ValueError:
            log.debug("it failed", exc_info=True)
        log.debug("GET /open311/v2/requests.json?api_key=%s", TOKEN)
    finally:
        for handler in root.handlers:
            handler.close()
        root.handlers[:], root.level = handlers, level
    written = (tmp_path / "sigap.log").read_text()
    assert written.count("***") >= 3
    assert TOKEN not in written
