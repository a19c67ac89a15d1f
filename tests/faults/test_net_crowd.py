"""F11: many consoles at work on a real `sigap serve` that is killed, stays away for a while, and comes back."""

from __future__ import annotations

import itertools
import threading
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest

from api_client.dispatch import DispatchClient
from api_client.model import Entry, Kind
from console.rules import backoff
from console.rules.edit import Edit
from console.rules.messages import Outcome, SourceState
from console.rules.queued import EditState
from console.sync.retry import Timing
from tests.helpers.city import Served
from tests.helpers.proxy import FaultProxy
from tests.helpers.sync_rig import Rig

FIRST_S = 10.0
"""The span after the server's return in which everybody might come at once."""


@dataclass(frozen=True)
class Plan:
    """How many consoles, for how long, and how often each of their operators edits."""

    consoles: int
    normal_s: float
    away_s: float
    edit_every_s: float
    queued: int
    cap_s: float


SHORT = Plan(consoles=8, normal_s=1.5, away_s=3.0, edit_every_s=1.5, queued=2, cap_s=2.0)
LONG = Plan(consoles=50, normal_s=60.0, away_s=600.0, edit_every_s=60.0, queued=3, cap_s=backoff.CAP_S)


class Crowd:
    """Consoles of one city, without windows."""

    def __init__(self, folder: Path, url: str, count: int) -> None:
        self.rigs = [Rig(folder / f"console-{number}", url, timing=Timing()) for number in range(count)]
        self.edits: list[tuple[Rig, Edit]] = []
        for number, each in enumerate(self.rigs):
            each._number = number * 10_000
            each.followers.start()
        for each in self.rigs:
            each.live()
        self.reports = sorted(self.rigs[0].cached())

    def close(self) -> None:
        ends = [threading.Thread(target=each.followers.stop) for each in self.rigs]
        for end in ends:
            end.start()
        for end in ends:
            end.join()
        for each in self.rigs:
            each.reader.close()

    def edit(self, number: int) -> None:
        """The operator of that console writes a note."""
        console = self.rigs[number % len(self.rigs)]
        report = self.reports[len(self.edits) % len(self.reports)]
        self.edits.append((console, console.push(Kind.NOTE, report, text=f"{len(self.edits)}")))

    def work(self, seconds: float, every_s: float) -> None:
        """All operators write now and then, one after the other."""
        began, pause_s = time.monotonic(), every_s / len(self.rigs)
        for number in itertools.count():
            due = began + number * pause_s
            if due >= began + seconds:
                break
            time.sleep(max(0.0, due - time.monotonic()))
            self.edit(number)
        time.sleep(max(0.0, began + seconds - time.monotonic()))

    def unsettled(self) -> list[Edit]:
        return [edit for console, edit in self.edits if not _accepted(console, edit)]

    def live_after(self, marks: list[int], since: float, longest_s: float) -> list[float]:
        """For each console the seconds from `since` until it was live again."""
        found: dict[int, float] = {}
        while len(found) < len(self.rigs):
            assert time.monotonic() < since + longest_s, f"{len(self.rigs) - len(found)} consoles did not come back"
            for number, each in enumerate(self.rigs):
                news = each.said[marks[number] :]
                if number not in found and any(isinstance(one, SourceState) and one.state == "live" for one in news):
                    found[number] = time.monotonic() - since
            time.sleep(0.05)
        return sorted(found.values())


def _accepted(console: Rig, edit: Edit) -> bool:
    return any(
        isinstance(one, Outcome) and one.edit_id == edit.id and one.state is EditState.ACCEPTED
        for one in list(console.said)
    )


def rate(proxy: FaultProxy, begin: float, seconds: float) -> float:
    """Requests a second in that span."""
    return sum(begin <= at < begin + seconds for at, _ in list(proxy.requests)) / seconds


@pytest.mark.parametrize("plan", [SHORT, pytest.param(LONG, marks=[pytest.mark.long, pytest.mark.timeout(2400)])])
def test_f11_a_crowd_whose_server_was_away(plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """F11: they come back spread out, all of them, and every edit that waited acted once (backoff.py: Backoff)."""
    monkeypatch.setattr(backoff, "CAP_S", plan.cap_s)
    server = Served(tmp_path, "--demo-city", "--still", "--reports", "200")
    server.start()
    proxy = FaultProxy(server.port)
    crowd = Crowd(tmp_path, proxy.url, plan.consoles)
    try:
        quiet = time.monotonic()
        time.sleep(plan.normal_s)
        working = time.monotonic()
        crowd.work(plan.normal_s, plan.edit_every_s)
        normal = rate(proxy, working, plan.normal_s)
        print(f"normal: {rate(proxy, quiet, plan.normal_s):.1f} requests/s quiet, {normal:.1f} at work")

        # One that is on its way when the server dies is for an outbox to give again, which these consoles have not.
        crowd.rigs[0].wait_until(lambda: not crowd.unsettled(), seconds=60)
        assert server.process is not None
        server.process.kill()
        server.process.communicate(timeout=20)
        proxy.away()
        gone = time.monotonic()
        for number in range(plan.queued * plan.consoles):
            crowd.edit(number)
        time.sleep(plan.away_s)
        tries = rate(proxy, gone, plan.away_s)
        last = rate(proxy, gone + plan.away_s / 2, plan.away_s / 2)
        print(f"away: {tries:.1f} tries/s, {last:.1f} in its second half")
        assert last <= max(3.0, 2 * normal)

        marks = [len(each.said) for each in crowd.rigs]
        server.port = int(server.address.rpartition(":")[2])
        server.start()
        proxy.heal()
        back = time.monotonic()
        waits = crowd.live_after(marks, back, longest_s=plan.cap_s + 20)
        first = rate(proxy, back, min(FIRST_S, plan.cap_s))
        crowd.rigs[0].wait_until(lambda: not crowd.unsettled(), seconds=60)
        each_s = [rate(proxy, back + second, 1.0) for second in range(int(waits[-1]) + 1)]
        print(
            f"back: {first:.1f} requests/s in the first {min(FIRST_S, plan.cap_s):.0f} s "
            f"({first / normal:.2f} of the normal), {max(each_s):.0f} in the busiest second, "
            f"live again after {waits[len(waits) // 2]:.1f} s (half), {waits[-1]:.1f} s (all); {len(crowd.edits)} edits"
        )
        counts = Counter(_acted(server))
        assert {edit.id: counts[edit.id] for _, edit in crowd.edits} == {edit.id: 1 for _, edit in crowd.edits}
        if plan is LONG:
            assert first <= 2 * normal
            assert waits[-1] <= plan.cap_s + 5
    finally:
        crowd.close()
        proxy.close()
        server.stop()


def _acted(server: Served) -> list[str]:
    """The edit of every entry of the server's history."""
    client = DispatchClient(server.address)
    found: list[str] = []
    page = client.changes(0)
    while True:
        entries = [msgspec.json.decode(each.data, type=Entry) for each in page.items if each.kind == "entry"]
        found += [each.edit for each in entries if each.edit]
        if not page.more:
            client.close()
            return found
        page = client.changes(page.upto)
