"""One life of an outbox, decided by a seed: operators, sync process, servers, disk and time are simulated, the outbox
and its work.db are real.

Everything runs on one thread and in an order that the seed decides, so that the same seed is the same life again.
"""

from __future__ import annotations

import contextlib
import heapq
import itertools
import random
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import console.outbox.pending_store
import console.outbox.retry_times
import console.outbox.scheduler
import console.outbox.work_thread
from api_client.model import Kind
from console.files.errors import DiskFull
from console.outbox.listener import Listener
from console.outbox.outbox import Outbox
from console.outbox.pending_edits import Lane, lane_of, units_of
from console.outbox.work_file import WorkFile
from console.rules.dependency import rests_on, settles
from console.rules.divert import RETURNS_TO, beside, left_by
from console.rules.edit import INSTEAD_OF, LEAVES, Edit, is_local, is_order
from console.rules.messages import Obstacle, Outcome, Push, Withdraw
from console.rules.pending import created_report
from console.rules.queued import PENDING, STUCK, EditState, Queued, StopReason, is_settled
from console.rules.recreate import MADE_HERE, is_another, known_of, seen_created
from tests.unit.cache.making import T0

S = EditState
OPERATORS = ("rina", "budi")
SOURCES = ("city", "other")
REFUSABLE = ("put", "append", "exchange", "learn_key", "bring_back")
"""The writes of a WorkFile that the simulated disk may refuse."""
_MAY_LEAVE = (S.QUEUED, S.SENDING, S.UNCONFIRMED)
_MOST_TURNS = 20_000
_AT_ONCE = 2
"""Tries that the simulated sync process has under way in one lane of photos; of all others it has one."""


class Timer:
    """A call that is to come."""

    def __init__(self, callback: Callable[[], object]) -> None:
        self.callback: Callable[[], object] | None = callback

    def cancel(self) -> None:
        """It does not come."""
        self.callback = None


class SimulatedLoop:
    """An EventLoop whose time goes on only when it is told to."""

    def __init__(self) -> None:
        self.time_s = 0.0
        self._ready: deque[Callable[[], object]] = deque()
        self._timers: list[tuple[float, int, Timer]] = []
        self._count = itertools.count()

    def call_soon_threadsafe(self, callback: Callable[..., object], *args: object) -> None:
        """See EventLoop."""
        self._ready.append(lambda: callback(*args))

    def call_later(self, delay: float, callback: Callable[..., object], *args: object) -> Timer:
        """See EventLoop."""
        timer = Timer(lambda: callback(*args))
        heapq.heappush(self._timers, (self.time_s + max(0.0, delay), next(self._count), timer))
        return timer

    def forget_all(self) -> None:
        """The program has ended."""
        self._ready.clear()
        self._timers.clear()

    def next_time_s(self) -> float | None:
        """When the next timer is due; None without one."""
        while self._timers and self._timers[0][2].callback is None:
            heapq.heappop(self._timers)
        return self._timers[0][0] if self._timers else None

    def run(self) -> bool:
        """Do all that is due now; whether there was anything. AssertionError when it does not end."""
        for turns in range(_MOST_TURNS):
            if self._ready:
                self._ready.popleft()()
            elif (due_s := self.next_time_s()) is not None and due_s <= self.time_s:
                callback = heapq.heappop(self._timers)[2].callback
                assert callback is not None
                callback()
            else:
                return turns > 0
        raise AssertionError("the loop of the outbox is busy without end")


class SimulatedThread:
    """In the place of work.db's thread: what is to be written is written when the simulation says so."""

    def __init__(self, *_: object, **__: object) -> None:
        self.jobs: deque[tuple[Callable[[], Any], Future[Any]]] = deque()

    def submit(self, work: Callable[[], Any]) -> Future[Any]:
        """See ThreadPoolExecutor."""
        future: Future[Any] = Future()
        self.jobs.append((work, future))
        return future

    def step(self) -> bool:
        """Do the next write; whether there was one."""
        if not self.jobs:
            return False
        work, future = self.jobs.popleft()
        future.set_result(work())
        return True

    def shutdown(self, **_: object) -> None:
        """See ThreadPoolExecutor."""
        while self.step():
            pass


class Untaken(Exception):
    """A server does not take an edit."""

    def __init__(self, outcome: Outcome, *before: Outcome) -> None:
        """`before` is told before that."""
        super().__init__(outcome)
        self.outcomes = (*before, outcome)


class SimulatedServer:
    """What a server has taken, in its order; some edits it never takes, and says why."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self.reports = dict.fromkeys("123", T0 - timedelta(days=1))
        """When each report was created."""
        self.words: dict[str, str] = {}
        """What each report that an edit made is about."""
        self.lost: set[str] = set()
        """The edits that were taken, had been read, and were lost when it was set back."""
        self.applied: dict[str, Edit] = {}
        self.made: dict[str, str] = {}
        """The report that a creation made, by the edit's id."""
        self.fate: dict[str, str] = {}
        """What becomes of an edit: "" taken, "falls" (the server does), "cut", "put off", "refused" or "conflict"."""
        self.diverts: set[str] = set()
        """The words of all diverts and their undos (see `OutboxSimulation._divert`) that were ever taken."""
        self._last_number = 99

    def apply(self, edit: Edit) -> str | None:
        """Take an edit, once; the number of the report that it made. Raises Untaken."""
        if edit.id not in self.applied:
            named = [one for one in (edit.report, edit.data.get("into")) if one is not None]
            if edit.kind is not Kind.CREATE:
                assert not any(is_local(one) for one in named), f"sent under a local key: {edit}"
            self._check(edit)
            self.applied[edit.id] = edit
            self.diverts.add(edit.data.get("divert", ""))
            if edit.kind is Kind.CREATE:
                self._make(edit)
        return self.made.get(edit.id)

    def _make(self, edit: Edit) -> None:
        self.made[edit.id] = number = self._new_number()
        self.reports[number] = min(created_report(edit).created, self._now())
        self.words[number] = str(edit.data["description"])

    def _new_number(self) -> str:
        self._last_number += 1
        return str(self._last_number)

    def _check(self, edit: Edit) -> None:
        if edit.kind is Kind.CREATE:
            earlier = [one for one in edit.about.get(INSTEAD_OF, ()) if one in self.applied]
            if earlier:
                number = self.made[earlier[0]]
                there = Outcome(earlier[0], S.ACCEPTED, remote_id=number)
                raise Untaken(Outcome(edit.id, S.SENT, remote_id=number), there)
            if any(edit.id in one.about.get(INSTEAD_OF, ()) for one in self.applied.values()):
                raise Untaken(Outcome(edit.id, S.ATTENTION, reason=StopReason.REFUSED))
            return
        reason = None
        if edit.report is not None:
            at = self.reports.get(edit.report)
            if at is None:
                reason = StopReason.REPORT_DELETED
            elif is_another(seen_created(edit), at, made_here=MADE_HERE in edit.about):
                reason = StopReason.ANOTHER_REPORT
        into = edit.data.get("into")
        if reason is None and into is not None and into not in self.reports:
            reason = StopReason.REFUSED
        if reason is not None:
            raise Untaken(Outcome(edit.id, S.ATTENTION, reason=reason))

    def set_back(self, kept: int, read: set[str], *, numbers_again: bool) -> None:
        """It is as it was when it had taken so many edits; a citizen may get the next number."""
        gone = list(self.applied)[kept:]
        for edit_id in gone:
            del self.applied[edit_id]
            if (number := self.made.pop(edit_id, None)) is not None:
                del self.reports[number]
        self.lost |= read & set(gone)
        if numbers_again:
            self._last_number = max([99, *(int(number) for number in self.reports)])
            self.reports[self._new_number()] = self._now()


class OutboxSimulation:
    """The life of one outbox; `step` does something at random, `come_to_rest` ends all faults and looks at the end."""

    def __init__(self, folder: Path, seed: int, disk_refuses: float, monkeypatch: pytest.MonkeyPatch) -> None:
        """`disk_refuses` is the share of writes that fail while the disk is bad, which it is now and then."""
        self._chance, self._disk_chance = random.Random(seed), random.Random(seed + 1)
        self._folder, self._disk_refuses, self._disk_is_bad = folder, disk_refuses, 0.0
        self.loop = SimulatedLoop()
        self._ids = (f"e{number}" for number in itertools.count(1))
        self._servers = {source: SimulatedServer(self.now) for source in SOURCES}
        self._read_at: dict[str, set[str]] = {source: set() for source in SOURCES}
        self._offsets = dict.fromkeys(SOURCES, timedelta())
        self._words = itertools.count(1)
        self._kept_by: dict[str, str] = {}
        self._diverts: list[str] = []
        """The ids of the orders of each crew that was diverted, and is not undone."""
        self._given_up: set[str] = set()
        """The words of the diverts that an operator gave up."""
        self._withdrawn: set[str] = set()
        """The ids of what an operator gave up: it comes back when the disk refuses that, behind what has left since."""
        self._live = dict.fromkeys(SOURCES, False)
        self._waiting: dict[Lane, deque[Push]] = {}  # in the sync process
        self._tries: list[Push] = []
        self._author = self._signed_in = OPERATORS[0]  # at the window, and as whom the sync process sends
        self._is_calm = False
        self._saved: set[str] = set()
        self._too_late: set[str] = set()
        self.history: list[tuple[object, ...]] = []
        """What was done and said, for who looks at a life that ended badly."""
        self._simulate(monkeypatch)
        self.outbox = self._open()

    def _simulate(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(console.outbox.work_thread, "ThreadPoolExecutor", SimulatedThread)
        for module in (console.outbox.scheduler, console.outbox.retry_times, console.outbox.pending_store):
            monkeypatch.setattr(module, "time", self)
        for name in REFUSABLE:
            monkeypatch.setattr(WorkFile, name, self._refusing(getattr(WorkFile, name)))

    def monotonic(self) -> float:
        """The time that the outbox measures its own work by; it takes none."""
        return self.loop.time_s

    def _refusing(self, write: Callable[..., Any]) -> Callable[..., Any]:
        def refused_or_done(*args: Any, **named: Any) -> Any:
            if self._disk_chance.random() < self._disk_is_bad:
                raise DiskFull(self._folder, "The disk is full.")
            return write(*args, **named)

        return refused_or_done

    def _open(self) -> Outbox:
        outbox = self.outbox = Outbox(
            self._folder,
            self._take,
            self.now,
            lambda: next(self._ids),
            self.loop,
            Listener(
                saved=lambda queued: self._saved.add(queued.edit.id),
                too_late=lambda queued: self._too_late.add(queued.edit.id),
            ),
            author=self._author,
            offset=lambda source: self._offsets[source],
            random_source=random.Random(self._chance.random()),
        )
        self._settle()
        return outbox

    def now(self) -> datetime:
        """The clock of everybody."""
        return T0 + timedelta(seconds=self.loop.time_s)

    # Disk and time

    @property
    def _thread(self) -> SimulatedThread:
        pool: Any = self.outbox._thread._pool
        assert isinstance(pool, SimulatedThread)
        return pool

    def _settle(self) -> None:
        """Write all that is to be written and do all that follows from it."""
        for _ in range(_MOST_TURNS):
            written = self._write(_MOST_TURNS)
            if not self.loop.run() and not written:
                return
        raise AssertionError("the disk is busy without end")

    def _write(self, most: int) -> bool:
        return sum(self._thread.step() for _ in range(min(most, len(self._thread.jobs)))) > 0

    def _pass(self, seconds: float) -> None:
        end_s = self.loop.time_s + seconds
        for _ in range(3000 + 40 * int(seconds)):
            if (due_s := self.loop.next_time_s()) is None or due_s > end_s:
                self.loop.time_s = end_s
                self.loop.run()
                return
            self.loop.time_s = max(self.loop.time_s, due_s)
            self.loop.run()
            self._write(_MOST_TURNS)
            self.loop.run()
        raise AssertionError(f"timers are due without end within {seconds} s")

    # The sync process

    def _take(self, message: Push | Withdraw) -> None:
        if isinstance(message, Push):
            self._note("push", message.edit.id)
            self._check_turn(message.edit)
            self._waiting.setdefault(lane_of(message.edit), deque()).append(message)
            return
        self._note("withdraw", message.edit_id)
        for waiting in self._waiting.values():
            for push in [one for one in waiting if one.edit.id == message.edit_id]:
                if message.proved or not push.unconfirmed:
                    waiting.remove(push)
                    if not message.proved:
                        self._tell(Outcome(message.edit_id, S.WITHDRAWN))

    def _check_turn(self, edit: Edit) -> None:
        """Nothing goes beside what is under way of its reports or unit, nor before that on which it rests."""
        handed_over = self._handed_over()
        assert edit.id not in [push.edit.id for push in handed_over], f"handed over twice: {edit.id}"
        if edit.kind in (Kind.PHOTO, Kind.CREATE):
            return
        pending, place = self.outbox._pending, self.outbox._pending.place
        edit = pending[edit.id].edit
        for push in handed_over:
            if push.edit.kind is Kind.PHOTO or push.edit.source != edit.source or push.edit.id not in pending:
                continue
            same = self._places(pending[push.edit.id].edit) & self._places(edit)
            assert not same, f"{edit.id} beside {push.edit.id}, of the same report"
            assert not set(units_of(push.edit)) & set(units_of(edit)), (
                f"{edit.id} beside {push.edit.id}, of the same unit"
            )
        for one in self.outbox.open_for(edit.source, place(edit)[1]):
            earlier = one.edit.number < edit.number and one.state in _MAY_LEAVE
            earlier = earlier and not one.asked_back and one.edit.kind is not Kind.PHOTO
            earlier = earlier and one.edit.id not in self._withdrawn and not _is_step(one.edit)
            if earlier and not self.outbox.is_anothers(one.edit) and self._may_be_named(one.edit):
                assert not settles(one.edit) & rests_on(edit), f"{edit.id} before {one.edit.id}, on which it rests"

    def _places(self, edit: Edit) -> set[Any]:
        """The reports on which an edit does something, by their numbers."""
        named = (edit.report, *beside(edit))
        return {self.outbox._pending.place_of(edit.source, one) for one in named if one is not None}

    def _may_be_named(self, edit: Edit) -> bool:
        """Whether the server knows the reports that an edit names: else it waits, and others need not."""
        return all(
            self.outbox.remote_of(one) is not None for one in (edit.report, edit.data.get("into")) if is_local(one)
        )

    def _tell(self, outcome: Outcome) -> None:
        self._note("outcome", outcome.edit_id, outcome.state.value, outcome.obstacle)
        self.loop.call_soon_threadsafe(lambda: self.outbox.on_outcome(outcome))

    def _begin_try(self) -> bool:
        free = [
            lane
            for lane, waiting in self._waiting.items()
            if waiting and sum(lane_of(one.edit) == lane for one in self._tries) < (1 if lane[1] else _AT_ONCE)
        ]
        if free:
            self._tries.append(self._waiting[self._chance.choice(free)].popleft())
        return bool(free)

    def _end_try(self) -> bool:
        if not self._tries:
            return False
        push = self._tries.pop(self._chance.randrange(len(self._tries)))
        edit, server = push.edit, self._servers[push.edit.source]
        if edit.author and edit.author != self._signed_in:
            self._tell(Outcome(edit.id, S.ATTENTION, reason=StopReason.NOT_SIGNED_IN))
        elif push.past_its_time and edit.id not in server.applied:
            self._tell(Outcome(edit.id, S.EXPIRED))
        elif self._is_calm:
            self._tell_taken(edit, server)
        else:
            self._end_at(push, server)
        return True

    def _end_at(self, push: Push, server: SimulatedServer) -> None:
        edit, chance = push.edit, self._chance
        fate = server.fate.setdefault(
            edit.id, chance.choices(["", "falls", "cut", "put off", "refused", "conflict"], [14, 1, 1, 1, 1, 1])[0]
        )
        if fate == "falls":
            if chance.random() < 0.3:
                self._apply_unsaid(edit)
            self._tell(Outcome(edit.id, S.UNCONFIRMED, obstacle=Obstacle.ONE_EDIT))
        elif fate in ("cut", "put off") or chance.random() < 0.12:
            has_left = chance.random() < 0.4
            if has_left:
                self._apply_unsaid(edit)
            state = S.UNCONFIRMED if has_left or push.unconfirmed or chance.random() < 0.5 else S.QUEUED
            wait_s = 5.0 if fate == "put off" else chance.choice([None, None, 5.0])
            self._tell(Outcome(edit.id, state, obstacle=Obstacle.SERVER, retry_after_s=wait_s))
            for other in self._taken_from(lane_of(edit)):
                state = S.UNCONFIRMED if other.unconfirmed else S.QUEUED
                self._tell(Outcome(other.edit.id, state, obstacle=Obstacle.ANOTHER_EDIT))
        elif chance.random() < 0.03:
            state = S.UNCONFIRMED if push.unconfirmed else S.QUEUED
            self._tell(Outcome(edit.id, state, obstacle=Obstacle.SIGN_IN))
        elif fate == "refused" and edit.id not in server.applied:
            self._tell(Outcome(edit.id, S.ATTENTION, reason=StopReason.REFUSED))
        elif fate == "conflict" and edit.kind is not Kind.CREATE and edit.id not in server.applied:
            self._tell(Outcome(edit.id, S.CONFLICT, theirs={"unit": {"value": "x"}}, version=3))
        else:
            self._tell_taken(edit, server)

    def _tell_taken(self, edit: Edit, server: SimulatedServer) -> None:
        try:
            self._tell(Outcome(edit.id, S.ACCEPTED, remote_id=server.apply(edit)))
        except Untaken as untaken:
            for outcome in untaken.outcomes:
                self._tell(outcome)

    def _apply_unsaid(self, edit: Edit) -> None:
        """It reaches the server, whose answer is lost."""
        with contextlib.suppress(Untaken):
            self._servers[edit.source].apply(edit)

    def _give_back(self) -> None:
        """The server is known not to be there: what waits in the sync process comes back untried."""
        lanes = [lane for lane, waiting in self._waiting.items() if waiting]
        if lanes:
            wait_s = self._chance.choice([None, 2.0])
            for push in self._taken_from(self._chance.choice(lanes)):
                state = S.UNCONFIRMED if push.unconfirmed else S.QUEUED
                self._tell(Outcome(push.edit.id, state, obstacle=Obstacle.SERVER, retry_after_s=wait_s))

    def _taken_from(self, lane: Lane) -> list[Push]:
        waiting = self._waiting.get(lane, deque())
        taken = list(waiting)
        waiting.clear()
        return taken

    def _read(self, source: str, *, whole: bool) -> None:
        """The cache has read on at a source, perhaps not to its end: what the record holds is proved."""
        server, known = self._servers[source], set(self.outbox.waiting_ids())
        proved = [key for key in server.applied if key in known]
        if not whole:
            proved = proved[: self._chance.randint(0, len(proved))]
        self._read_at[source] |= set(server.applied) if whole else set(proved)
        if proved:
            self._note("proved", *proved)
            self.outbox.on_proved(proved, {key: server.made[key] for key in proved if key in server.made})

    def _come_live(self, source: str) -> None:
        """As `OutboxLink` does it."""
        server = self._servers[source]
        self._read(source, whole=True)
        self._live[source] = True
        self._note("live", source)
        deleted = {edit.id for edit in self.outbox.deleted}
        another, restored = list[str](), list[str]()
        for edit, report in self.outbox.on_reports:
            at = server.reports.get(report) if edit.source == source else None
            seen = None if (edit.report or "").endswith("+") else seen_created(edit)
            if at is not None and is_another(seen, at, made_here=is_local(edit.report)):
                another.append(edit.id)
            elif at is not None and edit.id in deleted:
                restored.append(edit.id)
        if another:
            self._note("another", *another)
            self.outbox.on_another(another)

        def let_go() -> None:
            if self._live[source]:
                self.outbox.resend_due(source)
                self.outbox.retry(*restored)

        server.lost -= server.applied.keys()
        if server.lost:
            self._note("taken back", *server.lost)
        self.outbox.on_taken_back(source, set(server.lost), let_go)

    def _set_back(self) -> None:
        """A server is restored from a backup, and read anew."""
        source = self._chance.choices(SOURCES, [2, 1])[0]
        server = self._servers[source]
        kept = max(0, len(server.applied) - self._chance.randint(0, 6))
        again = self._chance.random() < 0.5
        self._note("set back", source, *list(server.applied)[kept:], again)
        server.set_back(kept, self._read_at[source], numbers_again=again)
        self._read_at[source] &= server.applied.keys()
        if self._live[source] and self._chance.random() < 0.7:
            self._live[source] = False
            self.outbox.source_lost(source)

    def _set_clock(self) -> None:
        self._offsets[self._chance.choice(SOURCES)] = timedelta(seconds=self._chance.choice([0, 0, 2, -90, 30, -700]))

    def _lose_tries(self) -> None:
        """The sync process ends: what waits in it is gone, what is under way may have arrived."""
        self._waiting.clear()
        for push in self._tries:
            if self._chance.random() < 0.4 and push.edit.author == self._signed_in:
                self._apply_unsaid(push.edit)
        self._tries.clear()
        self._signed_in = self._author
        self._live = dict.fromkeys(SOURCES, False)

    def _restart_sync(self) -> None:
        self._note("sync process started again")
        self._lose_tries()
        self.outbox.on_restarted()

    def _restart(self, *, killed: bool) -> None:
        """The program ends and is started again."""
        self._note("killed" if killed else "closed")
        self._lose_tries()
        if killed:
            self._write(self._chance.randint(0, len(self._thread.jobs)))
            self._thread.jobs.clear()
            self.outbox._closed = self.outbox._thread._closed = True
            self.outbox._thread._close_file()
        else:
            self.outbox.close()
        self.loop.forget_all()
        is_bad, self._disk_is_bad = self._disk_is_bad, 0.0
        self._open()
        self._disk_is_bad = is_bad

    # The operators

    def _submit(self) -> None:
        chance = self._chance
        source = chance.choices(SOURCES, [85, 15])[0]
        new = [one.edit.report for one in self.outbox._pending.creations if one.edit.source == source]
        made = [one for key, one in self._servers[source].made.items() if key in self._read_at[source]][-2:]
        numbered = [key for key, (of_source, _) in self.outbox._pending.remote.items() if of_source == source]
        numbered = [key for key in numbered if self.outbox._pending.creation_under(key) is None][-2:]
        report = chance.choice([*"123", *new, *new, *made, *numbered])
        into = chance.choice([*"123", *new, *made])
        kind = chance.choice([Kind.NOTE, Kind.NOTE, Kind.DISPATCH, *_DATA])
        data = _DATA[kind](chance)
        if kind is Kind.MERGE:
            data = {"into": into}
        if kind is Kind.MERGE and into == report:
            return
        if kind in (Kind.NOTE, Kind.CREATE):
            data = {"text" if kind is Kind.NOTE else "description": f"w{next(self._words)}"}
        undone = self._pick(lambda one: (one.edit.source, one.edit.report) == (source, report))
        edit_id = self.outbox.submit(
            kind,
            None if kind in (Kind.CREATE, Kind.UNIT_STATE) else report,
            source=source,
            data=data,
            base={},
            base_version=None,
            title="",
            undoes=undone.edit.id if undone is not None and kind is Kind.SET and chance.random() < 0.5 else None,
            about=self._known_of(source, report) if kind not in (Kind.CREATE, Kind.UNIT_STATE) else {},
        )
        self._note("submitted", edit_id, kind.value, source, report, data)

    def _divert(self) -> None:
        """A unit leaves one report or two for another: one edit, whose data says which it is (`divert`)."""
        chance = self._chance
        source = chance.choices(SOURCES, [85, 15])[0]
        new = [one.edit.report for one in self.outbox._pending.creations if one.edit.source == source]
        *left, report = chance.sample(list(dict.fromkeys([*"123", *new])), chance.choice([2, 2, 2, 3]))
        data = {"unit": chance.choice(["u1", "u2"]), LEAVES: left, "divert": f"s{next(self._words)}"}
        about = {LEAVES: {one: {"version": 1} for one in left}}
        edit_id = self._order(Kind.DISPATCH, source, report, data=data, about=about)
        self._diverts.append(edit_id)
        self._note("diverted", source, left, report, edit_id)

    def _order(self, kind: Kind, source: str, report: str, **values: Any) -> str:
        about = self._known_of(source, report) | values.pop("about")
        values |= {"source": source, "base": {}, "base_version": None, "title": "", "about": about}
        return self.outbox.submit(kind, report, **values)

    def _undo_divert(self) -> None:
        """As `UndoStack.undo` does it: what has not left is withdrawn, else one edit takes all of it back."""
        if not self._diverts:
            return
        edit_id = self._diverts.pop(self._chance.randrange(len(self._diverts)))
        known = {**self.outbox._store.saving, **{one.edit.id: one.edit for one in self.outbox._pending.values()}}
        if edit_id not in known or self.outbox.is_anothers(known[edit_id]):
            return
        edit, undo = known[edit_id], ""
        with self._giving_up(edit_id):
            if not self.outbox.withdraw(edit_id):
                data = {"unit": edit.data["unit"], "divert": f"s{next(self._words)}"}
                about = {RETURNS_TO: edit.data[LEAVES]}
                undo = self._order(Kind.RECALL, edit.source, str(edit.report), data=data, about=about, undoes=edit_id)
        self._note("undone", edit_id, undo)

    @contextlib.contextmanager
    def _giving_up(self, *edit_ids: str) -> Iterator[None]:
        """The operator gives up these, and whatever has left the outbox when he has done so."""
        before = {one.edit.id: one.edit for one in self.outbox.open_edits}
        before |= self.outbox._store.saving
        yield
        here = {one.edit.id for one in self.outbox.open_edits} - set(edit_ids)
        self._withdrawn |= before.keys() - here
        gone = (edit for key, edit in before.items() if key not in here)
        self._given_up |= {edit.data["divert"] for edit in gone if "divert" in edit.data}

    def _known_of(self, source: str, report: str) -> dict[str, Any]:
        """What who works on a report has seen of it."""
        server = self._servers[source]
        creation = self.outbox._pending.creation_under(report)
        number = report if creation is None else ""
        if is_local(number):
            number = self.outbox.remote_of(number) or ""
        if creation is not None:
            created, words = created_report(creation.edit).created, str(creation.edit.data["description"])
        elif number in server.reports:
            created, words = server.reports[number], server.words.get(number, f"report {number}")
        else:
            return {}
        return {"created": created.isoformat(), "description": words}

    def _keep_as_new(self) -> None:
        one = self._pick(lambda one: bool(self.outbox.goes_along(one.edit.id)))
        if one is None or self.outbox.saving:  # what is being saved is not among what goes along
            return
        going = [each.edit for each in self.outbox.goes_along(one.edit.id)]
        data = {"description": "kept"} | known_of(going)
        # Two operators may each keep what they did to a report that nobody has.
        if self._kept_by.setdefault(data["description"], self._author) == self._author:
            create = self.outbox.keep_as_new(one.edit.id, data, title="", words=lambda told: f"told {len(told)}")
            self._note("kept as new", *(each.id for each in going), create)

    def _pick(self, wanted: Callable[[Queued], bool]) -> Queued | None:
        found = [one for one in self.outbox._pending.values() if wanted(one)]
        return self._chance.choice(found) if found else None

    def _ask_back(self) -> None:
        if (one := self._pick(lambda _: True)) is not None:
            with self._giving_up(one.edit.id):
                self._note("asked back", one.edit.id, self.outbox.ask_back(one.edit.id))

    def _answer(self) -> None:
        one = self._pick(lambda one: one.state in (*STUCK, S.STOPPED))
        if one is None:
            return
        edit_id, yes = one.edit.id, self._chance.random() < 0.7
        answer = self._chance.choice(["again", "drop", "wanted", "choose"])
        self._note("answered", edit_id, one.state.value, answer, yes)
        gives = answer == "again" or (answer != "drop" and yes)
        lost = self.outbox._lost(edit_id)
        if answer == "again" and lost is not None and lost.state is S.CONFLICT and is_settled(lost):
            self._given_up.add(lost.edit.data.get("divert", ""))  # what rests on it is given without it
        with contextlib.nullcontext() if gives else self._giving_up():
            if answer == "again":
                self.outbox.give_again(edit_id)
            elif answer == "drop":
                self.outbox.drop_lost(edit_id)
            elif answer == "wanted":
                self.outbox.still_wanted(edit_id, yes)
            else:
                self.outbox.choose(edit_id, yes)

    def _sign_in(self, author: str) -> None:
        self._note("signed in", author)
        self._author = author
        before = self._chance.random() < 0.5
        if before:
            self._restart_sync()
        self._signed_in = author
        for source in SOURCES:
            self.outbox.sign_in(source, author)
        if not before:
            self._restart_sync()

    def _care_for_anothers(self) -> None:
        if self._chance.random() < 0.5 and (left := self.outbox.left_here):
            self._note("adopted", left[0].edit.id, self.outbox.adopt(left[0].edit.id, lambda *_: "taken over"))
        elif (one := self._pick(lambda one: self.outbox.is_anothers(one.edit))) is not None:
            with self._giving_up():
                self._note("dropped", one.edit.id, self.outbox.drop(one.edit.id))

    def _change_connection(self) -> None:
        source = self._chance.choices(SOURCES, [2, 1])[0]
        if not self._live[source]:
            self._come_live(source)
        else:
            is_refused = self._chance.random() < 0.3
            self._live[source] = False
            self._note("lost", source, is_refused)
            self.outbox.source_lost(source, is_refused=is_refused)

    def _change_disk(self) -> None:
        self._disk_is_bad = self._disk_refuses * self._chance.choice([0.0, 0.0, 0.3, 1.0])

    def _tell_by_radio(self) -> None:
        if (one := self._pick(lambda one: one.edit.kind in (Kind.DISPATCH, Kind.RECALL))) is not None:
            self.outbox.mark_told(one.edit.id, "rina")

    def step(self) -> None:
        """Something happens."""
        chance = self._chance
        (happens,) = chance.choices(
            [
                self._submit,
                self._begin_try,
                self._end_try,
                lambda: self._write(chance.randint(0, 4)),
                lambda: self._pass(chance.choice([0.1, 1.0, 5.0, 30.0])),
                lambda: self._pass(chance.choice([300.0, 700.0])),
                lambda: self._read(chance.choice(SOURCES), whole=chance.random() < 0.7),
                self._change_connection,
                lambda: self.outbox.try_now(chance.choice(["city", None])),
                self._ask_back,
                self._answer,
                lambda: self._sign_in(chance.choice(OPERATORS)),
                self._restart_sync,
                lambda: self._restart(killed=chance.random() < 0.7),
                self._change_disk,
                self._care_for_anothers,
                self._tell_by_radio,
                self._give_back,
                self._set_back,
                self._keep_as_new,
                self._set_clock,
                self._divert,
                self._undo_divert,
            ],
            [28, 14, 14, 10, 4, 1, 5, 4, 2, 4, 4, 2, 1, 1, 2, 2, 2, 1, 2, 5, 1, 4, 2],
        )
        happens()
        self.loop.run()
        if not self._disk_is_bad and chance.random() < 0.3:
            self._settle()
            self._check_now()

    # What must be so

    def _check_now(self) -> None:
        """Each try is known to the sync process; no order waits without a word, when nothing is on its way there.

        What a unit leaves for another report shows it as long as that can take effect, and not after that.
        """
        self._check_beside()
        for one in self.outbox.open_in(S.SENDING):
            assert self.outbox._scheduler.is_handed_over(one.edit.id), f"{one.edit.id} is nowhere on its way"
        busy = {push.edit.source for push in self._handed_over()}
        retries = self.outbox._scheduler._retries
        for one in self.outbox.open_in(S.QUEUED):
            edit, lane = one.edit, lane_of(one.edit)
            tried_later = edit.id in retries or retries.is_held(lane)
            if not is_order(edit) or self.outbox.is_anothers(edit) or tried_later or edit.source in busy:
                continue
            if self._live[edit.source] and not self.outbox.has_due and not self._waits_for_number(edit):
                first = self.outbox.held_by(edit.id)
                assert first is not None, f"an order waits without a word: {edit.id}"
                assert self._may_hold(first, edit), f"the order {edit.id} waits for the fact {first.edit.id}"

    def _check_beside(self) -> None:
        steps: dict[Any, set[str]] = {}
        for one in self.outbox.open_edits:
            for step in self.outbox._pending.steps_beside(one.edit) if one.state in PENDING else ():
                steps.setdefault((step.source, step.report), set()).add(step.id)
        for place in {*steps, *((source, report) for source in SOURCES for report in "123")}:
            shown = {one.id for one in self.outbox.pending_for(*place) if one.report == place[1] and _is_step(one)}
            assert shown == steps.get(place, set()), f"shown at {place}: {shown}, and not {steps.get(place)}"

    def _may_hold(self, first: Queued, order: Edit) -> bool:
        """Whether an order may wait for `first`, which fails, itself or behind what it does need."""
        if is_order(first.edit) or first.state in STUCK or first.edit.kind in (Kind.CREATE, Kind.PHOTO):
            return True
        earlier = [one.edit for one in self.outbox.open_edits if one.edit.number < order.number]
        return any(is_order(one) or settles(one) & rests_on(order) for one in earlier)

    def _handed_over(self) -> list[Push]:
        return [*self._tries, *(push for waiting in self._waiting.values() for push in waiting)]

    def _waits_for_number(self, edit: Edit) -> bool:
        """Whether a creation on whose number it waits was taken; the number comes with the record."""
        creations = [one.edit.report for one in self.outbox.open_in(S.ACCEPTED) if one.edit.kind is Kind.CREATE]
        return not {edit.report, edit.data.get("into"), *left_by(edit)}.isdisjoint(creations)

    def come_to_rest(self) -> None:
        """Both operators sign in, in turn, at a program and at servers that work. Then all that could leave has left,
        all that waits says for what, and the disk has every edit that was acknowledged, as it is shown.
        """
        self._note("all is well from here on")
        self._disk_is_bad, self._is_calm = 0.0, True
        self._settle()
        self._restart(killed=False)
        for author in (*OPERATORS, *OPERATORS):
            self._sign_in(author)
            self._send_all()
            self._answer_for_what_is_lost()
            self._send_all()
        self._check_what_waits()
        self._check_disk()

    def _send_all(self) -> None:
        quiet = 0
        for _ in range(100):
            for source in SOURCES:
                if not self._live[source]:
                    self._come_live(source)
                self._read(source, whole=True)
            self._settle()
            moved = False
            while self._begin_try() or self._end_try():
                moved = True
                self._settle()
            self._pass(11.0)
            self._settle()
            quiet = 0 if moved else quiet + 1
            if quiet > 8:
                return
        raise AssertionError("it goes on sending")

    def _answer_for_what_is_lost(self) -> None:
        """Whoever sits there sends again what servers lost, or keeps it as new, whichever he comes upon first."""
        self._pass(130.0)  # after which what is not in a record is asked about
        self._settle()
        for _ in range(20):
            again = [*self.outbox.retryable]
            again += [one.edit.id for one in self.outbox.open_edits if one.reason is StopReason.NOT_IN_RECORD]
            if again and self._chance.random() < 0.5:
                edit_id = self._chance.choice(again)
                self._note("sent again", edit_id)
                self.outbox.retry(edit_id)
            else:
                self._keep_as_new()
            self._settle()
            if self._chance.random() < 0.3:
                while self._begin_try() or self._end_try():
                    self._settle()

    def _check_what_waits(self) -> None:
        stuck = {one.edit.source for state in STUCK for one in self.outbox.open_in(state)}
        for one in self.outbox.open_edits:
            if one.state in (*STUCK, S.STOPPED) or self.outbox.is_anothers(one.edit):
                continue
            held = self.outbox.held_by(one.edit.id) is not None
            if one.state is S.UNCONFIRMED:  # of what may have arrived the outbox says that, and not for what it waits
                held = one.edit.source in stuck
            waits = f"{one.edit.id} {one.state.value} {one.edit.kind.value} of {one.edit.report}"
            assert held, f"waits for nothing: {waits}"

    def _check_disk(self) -> None:
        shown = {one.edit.id: one for one in self.outbox.open_edits}
        self.outbox.close()
        file = WorkFile(self._folder, clock=self.now)
        kept = {one.edit.id: one for one in file.all()}
        file.close()
        assert self._saved <= kept.keys(), f"lost: {self._saved - kept.keys()}"
        applied = {key for server in self._servers.values() for key in server.applied}
        for key, one in kept.items():
            assert (one.state in (S.SENT, S.WITHDRAWN)) == (key not in shown), f"{key} is {one.state} and not shown so"
            if one.state is S.SENT:
                assert key in applied or one.edit.about.get(INSTEAD_OF), f"said to be sent: {key}"
        self._check_words(kept)
        self._check_diverts(kept)

    def _check_diverts(self, kept: dict[str, Queued]) -> None:
        """No divert, and no undo of one, has ended without a word: it was taken, given up, or is asked about."""
        ends: dict[str, set[EditState]] = {}
        for one in kept.values():
            if "divert" in one.edit.data and not self._rests_on_given_up(one, kept):
                is_told = one.reason is StopReason.KEPT_AS_NEW  # in a note
                ends.setdefault(one.edit.data["divert"], set()).add(S.SENT if is_told else one.state)
        gone = {word for word, states in ends.items() if states == {S.WITHDRAWN}} - self._given_up
        gone -= {word for server in self._servers.values() for word in server.diverts}
        assert not gone, (
            f"ended without a word: {[key for key, one in kept.items() if one.edit.data.get('divert') in gone]}"
        )

    def _rests_on_given_up(self, one: Queued, kept: dict[str, Queued]) -> bool:
        undone = kept.get(one.edit.undoes or "")
        return undone is not None and undone.edit.data.get("divert") in self._given_up

    def _check_words(self, kept: dict[str, Queued]) -> None:
        """No report is at a server twice, and no note; what goes on as another edit does so."""
        there = [_words(edit) for server in self._servers.values() for edit in server.applied.values()]
        there = [words for words in there if words]
        assert len(there) == len(set(there)), (
            f"twice at a server: {sorted(one for one in there if there.count(one) > 1)}"
        )
        goes_on = (StopReason.KEPT_AS_NEW, StopReason.ADOPTED)
        known = {*there, *(_words(one.edit) for one in kept.values() if one.reason not in goes_on)}
        for key, one in kept.items():
            if one.reason is StopReason.ADOPTED:
                assert _words(one.edit) in known, f"adopted and gone: {key}"

    def _note(self, *what: object) -> None:
        self.history.append((round(self.loop.time_s, 2), *what))


def _is_step(edit: Edit) -> bool:
    """Whether it is what an edit of another report does on this one."""
    return edit.about.get("beside") is True


def _words(edit: Edit) -> str:
    """What tells a report or a note from all others; "" for other edits and for what the outbox itself wrote."""
    words = str(edit.data.get("description") or edit.data.get("text") or "")
    return words if words.startswith("w") else ""


def _units(chance: random.Random) -> dict[str, Any]:
    return {"unit": chance.choice(["u1", "u2"])}


_DATA: dict[Kind, Callable[[random.Random], dict[str, Any]]] = {
    Kind.NOTE: lambda _: {"text": "x"},
    Kind.CREATE: lambda _: {"description": "x"},
    Kind.DISPATCH: _units,
    Kind.RECALL: _units,
    Kind.PROGRESS: lambda chance: {**_units(chance), "state": chance.choice(["done", "on_scene"])},
    Kind.UNIT_STATE: lambda chance: {**_units(chance), "state": "break"},
    Kind.CLAIM: lambda _: {},
    Kind.SET: lambda chance: chance.choice([{"priority": 1}, {"status": "assigned"}, {"area": "x"}]),
    Kind.PHOTO: lambda _: {"sha256": "a" * 64},
    Kind.MERGE: lambda _: {},
    Kind.CLOSE: lambda chance: {"release": chance.sample(["u1", "u2"], chance.randint(0, 2))},
}
