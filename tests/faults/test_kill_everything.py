"""Console, sync process and server are killed again and again: what the operator was told is saved, is applied once."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest

from api_client.model import Assignment, Entry, Report
from console.cache.reader import CacheReader
from console.outbox.work_file import WorkFile
from console.rules.queued import EditState
from tests.helpers.city import ROOT, TOKENS, Served, served, write_users

REPORTS = 300
SETTLE_S = 60.0


class Operator:
    """The console of console_child.py, and what it has promised over all its lives."""

    def __init__(self, profile: Path, city: Served) -> None:
        self._profile, self._city = profile, city
        self.saved: list[str] = []
        self.withdrawn: set[str] = set()
        self.withdraws: set[str] = set()
        """What he asked to be withdrawn; a kill may have come before he was told that it is."""
        self.trouble: list[str] = []
        self.sync_pid = 0
        self._process: subprocess.Popen[str] | None = None
        self._hears = threading.Thread()
        self._news: queue.Queue[str] = queue.Queue()

    def start(self, seed: int, what: str = "work", *more: str) -> None:
        command = [sys.executable, "-m", "tests.faults.console_child", str(self._profile), self._city.address]
        self._news = queue.Queue()
        self.sync_pid = 0
        with (self._profile.parent / "console.log").open("a") as log:
            self._process = subprocess.Popen(
                [*command, TOKENS["budi"], str(seed), what, *more],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                cwd=ROOT,
            )
        self._hears = threading.Thread(target=self._hear, args=(self._process, self._news), daemon=True)
        self._hears.start()

    def _hear(self, process: subprocess.Popen[str], news: queue.Queue[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            if not line.endswith("\n"):
                break  # cut off by the kill: nobody was told
            word, _, rest = line.rstrip("\n").partition(" ")
            if word == "sync":
                self.sync_pid = int(rest)
            elif word == "saved":
                self.saved.append(rest)
            elif word == "withdrawn":
                self.withdrawn.add(rest)
            elif word == "withdraws":
                self.withdraws.add(rest)
            elif word == "trouble":
                self.trouble.append(rest)
            news.put(line)
        process.stdout.close()

    def hear(self, word: str, seconds: float = SETTLE_S) -> str:
        """Wait for a line that begins with this word; its rest."""
        end = time.monotonic() + seconds
        while True:
            try:
                line = self._news.get(timeout=max(0.01, end - time.monotonic()))
            except queue.Empty:
                pytest.fail(f"no {word!r} within {seconds} s; saved {len(self.saved)}, trouble {self.trouble}")
            if line.startswith(f"{word} "):
                return line.partition(" ")[2].strip()

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        self._hears.join()

    def kill_sync(self) -> None:
        if self.sync_pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.sync_pid, signal.SIGKILL)
            self.sync_pid = 0

    def settle(self, seconds: float = SETTLE_S) -> dict[str, str]:
        """A last life that makes no new edits: what its outbox shows when nothing moves any more."""
        self.start(0, "settle")
        states: dict[str, str] = json.loads(self.hear("settled", seconds))
        assert self._process is not None
        assert self._process.wait(20) == 0
        self._hears.join()
        return states


def snapshot(city: Served) -> dict[str, dict[str, Any]]:
    """Everything the server has: kind -> id -> what it says of it."""
    found: dict[str, dict[str, Any]] = {}
    first_work: dict[str, Any] = {}
    key = ""
    while True:
        page = city.get(f"/dispatch/v1/snapshot?limit=1000{key}")
        for item in page["items"]:
            if item["kind"] == "assignment" and "report" not in found:  # unfinished work comes before the reports,
                assert item["id"] not in first_work, "no object twice"
                first_work[item["id"]] = item["data"]
                continue
            kind = found.setdefault(item["kind"], {})
            assert item["id"] not in kind, "no object twice"
            kind[item["id"]] = item["data"]
        if not page["next_key"]:
            assert first_work.items() <= found.get("assignment", {}).items(), "and once more with all work"
            return found
        key = f"&after_key={page['next_key']}"


def kill_and_compare(
    tmp_path: Path, kills: int, seed: int, *, most_s: float = 0.7, saved: int = 0, what: str = "work"
) -> None:
    """That many kills, each within `most_s` after the one before, and on until that many edits were called saved."""
    pick = random.Random(seed)
    users = str(write_users(tmp_path / "city"))
    profile = tmp_path / "profile"
    profile.mkdir(mode=0o700)
    with served(tmp_path / "city", "--demo-city", "--still", "--reports", str(REPORTS), "--users", users) as city:
        operator = Operator(profile, city)
        operator.start(seed, what)
        try:
            operator.hear("saved")
            killed: Counter[str] = Counter()
            while killed.total() < kills or len(operator.saved) < saved:
                time.sleep(pick.uniform(0.0, most_s))  # the moment is the thing that is tried
                victim = pick.choice(["console", "console", "sync", "sync", "server"])
                killed[victim] += 1
                match victim:
                    case "console":
                        operator.kill()
                        operator.start(seed + killed.total(), what)
                        operator.hear("saved")
                    case "sync":
                        operator.kill_sync()
                    case "server":
                        assert city.process is not None
                        city.process.kill()
                        city.process.communicate()
                        city.start()
            operator.kill()
            shown = operator.settle(SETTLE_S + len(operator.saved) / 10)  # what it takes to send them
        finally:
            operator.kill()
        assert len(operator.saved) > kills
        there = snapshot(city)
    print(f"{dict(killed)} killed")
    check_promises(operator, profile, shown, there)


def check_promises(operator: Operator, profile: Path, shown: dict[str, str], there: dict[str, dict[str, Any]]) -> None:
    """What was called saved is at the server once, withdrawn, or shown as needing somebody; the cache is the server's.

    `shown` is what the outbox shows at the end, `there` what the server has.
    """
    assert not operator.trouble
    assert len(operator.saved) == len(set(operator.saved))
    entries = [msgspec.convert(data, Entry) for data in there["entry"].values()]
    times = Counter(entry.edit for entry in entries if entry.edit)
    with contextlib.closing(WorkFile(profile)) as work:
        gone = {queued.edit.id for queued in work.all([EditState.WITHDRAWN])}
    withdrawn = operator.withdrawn | (operator.withdraws & gone)
    assert set(operator.saved) - withdrawn - times.keys() - shown.keys() == set(), "lost"
    assert [edit for edit, count in times.items() if count > 1] == [], "applied twice"
    assert [edit for edit in shown if times[edit]] == [], "shown as waiting though it was applied"
    needs_somebody = {"conflict", "attention", "expired", "stopped", "queued"}
    assert set(shown.values()) <= needs_somebody, "stopped, queued: behind one that is stuck"
    applied = sum(bool(times[edit]) for edit in operator.saved)
    print(f"{len(operator.saved)} saved, {applied} applied, {len(operator.withdrawn)} withdrawn")
    print(f"shown: {Counter(shown.values())}")
    assert applied > len(operator.saved) / 2

    reader = CacheReader(profile)
    cached = {one.report.id: one for one in reader.reports(reader.columns()["row"])}
    assert {key: one.report for key, one in cached.items()} == {
        key: msgspec.convert(data, Report) for key, data in there["report"].items()
    }
    kept = sorted((entry for one in cached.values() for entry in reader.entries(one.row)), key=lambda one: one.id)
    assert kept == sorted((entry for entry in entries if entry.report), key=lambda one: one.id)
    sent = [one for found in cached.values() for one in reader.assignments(found.row)]
    assert {one.id: one for one in sent} == {
        key: msgspec.convert(data, Assignment) for key, data in there.get("assignment", {}).items()
    }
    reader.close()


@pytest.mark.timeout(600)
def test_kills_lose_nothing_and_apply_nothing_twice(tmp_path: Path) -> None:
    kill_and_compare(tmp_path, 15, 4)


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_three_hundred_kills(tmp_path: Path) -> None:
    kill_and_compare(tmp_path, 300, 11)


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_ten_thousand_edits_amid_kills(tmp_path: Path) -> None:
    """With time to send between the kills, so that most of what is cut off is under way."""
    kill_and_compare(tmp_path, 100, 13, most_s=8.0, saved=10_000, what="calmly")
