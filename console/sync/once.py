"""`sigap sync`: bring a profile's cache up to date and send what waits, without a window."""

from __future__ import annotations

import json
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path

import msgspec

from api_client.transport import utc_now
from console.domain.edit import PENDING, Edit, EditState, Kind, Queued, is_order
from console.domain.messages import Outcome, Push, Source, SourceState, Start, Touched, Up
from console.paths import existing_profile
from console.settings import Tokens, load_settings
from console.store.cache_read import CacheReader
from console.store.lock import FileLock
from console.store.work import WorkFile
from console.sync.health import LIVE, OFFLINE, REFUSED, WRONG_SERVER
from console.sync.process import LOCK, Followers

_DONE, _CANNOT_REACH, _LOCAL = 0, 3, 4
_ROUND_S = 600.0
_PROOF_S = 15.0
_TO_SEND = (EditState.QUEUED, EditState.SENDING, EditState.UNCONFIRMED, EditState.ACCEPTED)


class SyncSummary(msgspec.Struct, frozen=True):
    """What one round did. `problems` maps a source's key to the sentence why it could not be read."""

    profile: str
    pulled: int
    pushed: int
    skipped: int
    conflicts: int
    waiting: int
    duration_s: float
    problems: dict[str, str] = {}
    local: tuple[str, ...] = ()
    """The sources whose problem is on this computer."""


class _Round:
    """One round over all sources: collects what the lanes say until every source has settled and every edit too."""

    def __init__(self, sources: Sequence[Source], work: WorkFile, folder: Path, order_lifetime_s: float) -> None:
        self._work = work
        self._folder = folder
        self._order_lifetime_s = order_lifetime_s
        self._changed = threading.Condition()
        self._unsettled = {source.key for source in sources}
        self._proved: set[str] = set()
        self._keys: dict[str, str] = {}
        self._outcomes: list[Outcome] = []
        self.problems: dict[str, str] = {}
        self.local: set[str] = set()

    def hear(self, message: Up) -> None:
        """A message of a lane, on the lane's thread."""
        with self._changed:
            if isinstance(message, SourceState):
                self._hear_state(message)
            elif isinstance(message, Outcome):
                self._outcomes.append(message)
            elif isinstance(message, Touched):
                self._proved.update(message.edits)
            self._changed.notify_all()

    def wait_for_sources(self, seconds: float) -> None:
        """Until every source was read whole, or could not be."""
        with self._changed:
            self._changed.wait_for(lambda: not self._unsettled, seconds)

    def push(self, send: Callable[[Push], None], now: datetime) -> int:
        """Send everything that waits, in order, each report's edits after its creation. Returns how many were taken."""
        self._keys = {key: remote_id for key, (_, remote_id) in self._work.local_keys().items()}
        taken = 0
        waiting = [queued for queued in self._work.all(_TO_SEND) if queued.edit.source not in self.problems]
        in_cache = self._look_up([queued.edit.id for queued in waiting])
        for queued in waiting:
            edit = queued.edit
            if edit.id in in_cache and not (edit.kind is Kind.CREATE and edit.report not in self._keys):
                self._work.set_state(edit.id, EditState.SENT)
            elif self._too_old(queued, now):
                self._work.set_state(edit.id, EditState.EXPIRED)
            elif (addressed := self._addressed(edit)) is not None:
                left = queued.state is not EditState.QUEUED
                self._work.set_state(edit.id, EditState.SENDING)
                send(Push(addressed, unconfirmed=left))
                taken += self._settle(edit)
        return taken

    def finish(self) -> None:
        """Wait a moment for the server's own record of what it took, and note it."""
        accepted = {queued.edit.id for queued in self._work.all([EditState.ACCEPTED])}
        with self._changed:
            self._changed.wait_for(lambda: accepted <= self._proved, _PROOF_S if accepted else 0)
        for edit_id in self._look_up(accepted):
            self._work.set_state(edit_id, EditState.SENT)

    def _hear_state(self, state: SourceState) -> None:
        if state.state == LIVE:
            self._unsettled.discard(state.source)
        elif state.state in (OFFLINE, REFUSED, WRONG_SERVER):
            self._unsettled.discard(state.source)
            self.problems[state.source] = state.problem
            if state.local:
                self.local.add(state.source)

    def _settle(self, edit: Edit) -> bool:
        """Wait for the outcome of one edit and note it; whether the server took it."""

        def outcome() -> Outcome | None:
            found = [each for each in self._outcomes if each.edit_id == edit.id and each.state is not EditState.SENDING]
            return found[-1] if found else None

        with self._changed:
            self._changed.wait_for(lambda: outcome() is not None, _ROUND_S)
            found = outcome()
        if found is None:
            return False
        self._work.set_state(
            edit.id, found.state, problem=found.problem, theirs=dict(found.theirs), remote_id=found.remote_id
        )
        if found.remote_id is not None and edit.report is not None:
            self._keys[edit.report] = found.remote_id
        return found.state is EditState.ACCEPTED

    def _addressed(self, edit: Edit) -> Edit | None:
        """The edit with the server's ids in place of local keys; None while its report has none."""
        if edit.kind is Kind.CREATE or edit.report is None or not edit.report.startswith("local:"):
            return edit
        remote_id = self._keys.get(edit.report)
        if remote_id is None:
            return None
        version = edit.base_version if edit.base_version is not None else 1
        return msgspec.structs.replace(edit, report=remote_id, base_version=version)

    def _too_old(self, queued: Queued, now: datetime) -> bool:
        age_s = (now - queued.edit.occurred_at).total_seconds()
        return queued.state is EditState.QUEUED and is_order(queued.edit) and age_s > self._order_lifetime_s

    def _look_up(self, edit_ids: Sequence[str] | set[str]) -> set[str]:
        reader = CacheReader(self._folder)
        try:
            return reader.proved(edit_ids)
        finally:
            reader.close()


def run_once(
    profile: str,
    folder: Path,
    sources: Sequence[Source],
    tokens: Mapping[str, str],
    *,
    order_lifetime_s: float = 600.0,
    clock: Callable[[], datetime] = utc_now,
) -> SyncSummary:
    """One round of pull, push, pull under the profile's lock.

    Raises StoreError (LockedByOther when a console has the profile open).
    """
    began = time.monotonic()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = FileLock(folder / LOCK)
    try:
        work = WorkFile(folder, clock=clock)
        try:
            turn = _Round(sources, work, folder, order_lifetime_s)
            followers = Followers(
                Start(str(folder), tuple(sources), dict(tokens), order_lifetime_s), turn.hear, clock=clock
            )
            try:
                followers.start()
                turn.wait_for_sources(_ROUND_S)
                pushed = turn.push(followers.take, clock())
                turn.finish()
            finally:
                followers.stop()
            states = Counter(queued.state for queued in work.unfinished())
        finally:
            work.close()
    finally:
        lock.release()
    return SyncSummary(
        profile,
        pulled=followers.pulled,
        pushed=pushed,
        skipped=followers.skipped,
        conflicts=states[EditState.CONFLICT],
        waiting=sum(states[state] for state in PENDING) + states[EditState.EXPIRED] + states[EditState.ATTENTION],
        duration_s=round(time.monotonic() - began, 3),
        problems=turn.problems,
        local=tuple(sorted(turn.local)),
    )


def sync_profile(profile: str, *, once: bool, as_json: bool) -> int:
    """`sigap sync`: one round, or rounds until interrupted. Returns the exit code."""
    folder = existing_profile(profile)
    settings = load_settings(folder)
    tokens = Tokens(profile)
    given = {source.key: token for source in settings.sources if (token := tokens.get(source.key))}
    stop = threading.Event()
    if not once:
        signal.signal(signal.SIGTERM, lambda *_: stop.set())
    while True:
        summary = run_once(profile, folder, settings.sources, given, order_lifetime_s=settings.order_lifetime_s)
        _print(summary, as_json=as_json)
        if once or stop.wait(60.0):
            if summary.local:
                return _LOCAL
            return _CANNOT_REACH if summary.problems else _DONE


def _print(summary: SyncSummary, *, as_json: bool) -> None:
    for source, problem in summary.problems.items():
        sys.stderr.write(f"sigap: {source}: {problem}\n")
    if as_json:
        sys.stdout.write(json.dumps(msgspec.to_builtins(summary)) + "\n")
    else:
        sys.stdout.write(
            f"{summary.pulled:,} read, {summary.pushed:,} sent, {summary.skipped:,} not understood, "
            f"{summary.conflicts:,} conflicts, {summary.waiting:,} waiting, in {summary.duration_s:.1f} s\n"
        )
    sys.stdout.flush()
