"""Stands in for the sync process in measurements: real messages and a real cache, and a city that changes all
the time.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from api_client.model import Entry, Report, Unit
from console.cache.reader import CacheReader
from console.cache.writer import CacheWriter
from console.pipe import Frames, pack
from console.rules.apply import ReportState
from console.rules.edit import Edit
from console.rules.messages import Down, Outcome, Presence, Push, SourceState, Start, Stop, Up
from console.rules.pending import with_edits
from console.rules.queued import EditState
from tools.bench.child import SOURCE
from tools.bench.city import CacheShelf, arrivals

_PAGES_PER_S = 4
_READ = 65536


class BusyCity:
    """Every quarter of a second: new reports, changed ones, moved units. An edit is accepted at once and proved by the
    next page.
    """

    def __init__(self, folder: Path, arriving_per_s: float, seed: int) -> None:
        self._chance = random.Random(seed)
        self._writer = CacheWriter(folder)
        self._reader = CacheReader(folder)
        self._units: list[Unit] = [unit for _, unit in self._reader.units()]
        self._shelf = CacheShelf(self._writer, datetime.now(UTC))
        self._arrivals = arrivals(self._units, seed=seed)
        self._per_page = arriving_per_s / _PAGES_PER_S
        self._owed = 0.0
        self._fresh: list[Report] = []
        self._edits: list[Edit] = []
        self._lock = threading.Lock()

    def take(self, message: Down) -> None:
        """An edit waits for the next page."""
        if isinstance(message, Push):
            with self._lock:
                self._edits.append(message.edit)

    def follow(self, stopped: threading.Event) -> None:
        """Send pages until told to stop."""
        beat = 0
        _send(_live())
        while not stopped.wait(1 / _PAGES_PER_S):
            beat += 1
            self._page()
            if beat % _PAGES_PER_S == 0:
                _send(_live())
                self._move()

    def close(self) -> None:
        """Let go of the cache."""
        self._reader.close()
        self._writer.close()

    def _page(self) -> None:
        self._owed += self._per_page
        count, self._owed = int(self._owed), self._owed % 1
        rows = [next(self._arrivals) for _ in range(count)]
        changed = [self._changed(report) for report in self._chance.sample(self._fresh, min(3, len(self._fresh)))]
        self._fresh = [*self._fresh, *(row.report for row in rows)][-500:]
        with self._lock:
            edits, self._edits = self._edits, []
        things: list[tuple[str, str, object]] = [("report", report.id, report) for report in changed]
        for edit in edits:
            things += self._done(edit)
        if not rows and not things:
            return
        touched = self._shelf.write(rows, things)
        for edit in edits:
            _send(Outcome(edit.id, EditState.ACCEPTED))
        _send(touched)

    def _changed(self, report: Report) -> Report:
        priority = self._chance.randint(2, 4)
        return msgspec.structs.replace(report, version=report.version + 1, priority=priority, updated=datetime.now(UTC))

    def _done(self, edit: Edit) -> Sequence[tuple[str, str, object]]:
        """What a server would make of an edit of a report: the entry, and the report after it."""
        now = datetime.now(UTC)
        entry = Entry(edit.id, edit.report, edit.kind.value, now, edit.author, edit=edit.id, data=edit.data)
        made: list[tuple[str, str, object]] = [("entry", edit.id, entry)]
        row = self._reader.row_of(SOURCE, edit.report) if edit.report else None
        cached = self._reader.report(row) if row is not None else None
        if cached is not None:
            after = with_edits(ReportState(cached.report), [edit], now=now).report
            made.append(("report", after.id, msgspec.structs.replace(after, version=after.version + 1, updated=now)))
        return made

    def _move(self) -> None:
        now = datetime.now(UTC)
        placed = [unit for unit in self._units if unit.lat is not None and unit.lon is not None]
        self._units = [
            msgspec.structs.replace(
                unit,
                lat=(unit.lat or 0) + self._chance.uniform(-2e-4, 2e-4),
                lon=(unit.lon or 0) + self._chance.uniform(-2e-4, 2e-4),
            )
            for unit in placed
        ]
        if not self._units:
            return
        _send(Presence(SOURCE, {unit.id: (unit.lat or 0.0, unit.lon or 0.0, now) for unit in self._units}))
        if self._chance.random() < 0.5:
            unit = self._chance.choice(self._units)
            _send(self._shelf.put("unit", [(unit.id, msgspec.structs.replace(unit, version=unit.version + 1))]))


def _live() -> SourceState:
    now = datetime.now(UTC)
    return SourceState(SOURCE, "live", as_of=now, since=now, latency_ms=4.0)


_sending = threading.Lock()


def _send(message: Up) -> None:
    data = pack(message)
    with _sending:
        while data:
            data = data[os.write(1, data) :]


def main(arguments: Sequence[str]) -> int:
    """Read messages until the pipe ends; `arguments` are reports a second and a seed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("arriving_per_s", type=float)
    parser.add_argument("seed", type=int)
    given = parser.parse_args(arguments)
    os.nice(5)  # as the sync process does
    frames: Frames[Down] = Frames(Down)
    city: BusyCity | None = None
    thread: threading.Thread | None = None
    stopped = threading.Event()
    while piece := os.read(0, _READ):
        for message in frames.feed(piece):
            if isinstance(message, Start) and not given.arriving_per_s:
                _send(_live())
            elif isinstance(message, Start) and city is None:
                city = BusyCity(Path(message.folder), given.arriving_per_s, given.seed)
                thread = threading.Thread(target=city.follow, args=(stopped,))
                thread.start()
            elif isinstance(message, Stop):
                break
            elif city is not None:
                city.take(message)
        else:
            continue
        break
    stopped.set()
    if thread is not None and city is not None:
        thread.join()
        city.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
