"""The edits that are not finished, in memory and on the disk: a new state is seen at once and is written behind."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from msgspec.structs import replace

from api_client.model import Kind
from console.outbox.event_loop import EventLoop, TimerHandle
from console.outbox.listener import Listener
from console.outbox.pending_edits import PendingEdits
from console.outbox.work_file import WorkFile
from console.outbox.work_thread import WorkThread
from console.rules.dependency import asked, freed
from console.rules.edit import Edit
from console.rules.messages import Outcome
from console.rules.queued import STUCK, ByWhom, EditState, Queued, StopReason, is_to_call_back
from console.rules.transitions import Event, advance

_ANNOUNCED_S = 0.05
"""What changed is announced at once, but not more often than this."""


class PendingStore:
    """What the other parts of the outbox read and note states in."""

    def __init__(
        self,
        thread: WorkThread,
        clock: Callable[[str], datetime],
        loop: EventLoop,
        listener: Listener,
        call_back: Callable[[Sequence[Queued]], object],
    ) -> None:
        """`clock` is that of a source's server.

        `call_back` is called with what was to be sent and is STOPPED now, before others hear of it.
        """
        self._thread, self._clock, self._loop, self._listener = thread, clock, loop, listener
        self._call_back = call_back
        self.pending = PendingEdits()
        self.saving: dict[str, Edit] = {}
        """The edits that wait for the disk and are not among `pending` yet, by id, oldest first."""
        self.unwanted: set[str] = set()
        """Those of `saving` that are to be withdrawn as soon as the disk has them."""
        self.to_call_back: dict[str, Queued] = {}
        """The orders that were given up after their units were told by radio, by id, until those are told."""
        self._closed = False
        self._announcing: TimerHandle | None = None
        self._announced_s = -1.0

    def is_being_created(self, key: str) -> bool:
        """Whether a creation of this report waits for the disk, in the place of an earlier one perhaps."""
        return any(one.kind is Kind.CREATE and one.report == key for one in self.saving.values())

    def remember(self, queued: Queued) -> None:
        """A new state in memory, in its place by number; `changed_at` is when it came to be in that state."""
        before = self.pending.get(queued.edit.id)
        same = before is not None and before.state is queued.state
        since = before.changed_at if before and same else self._clock(queued.edit.source)
        self.pending.put(replace(queued, changed_at=since))
        self.announce()

    def set(self, *several: Queued) -> None:
        """New states, in memory at once and on the disk behind it.

        With one that is lost all that rests on it is stopped, in the same write; what rests on a lost one is not queued
        but stopped. So what is PENDING can always still take effect. With one that was lost, and is not, go the facts
        that were stopped with it; about orders the operator is asked, who was told that they were not sent.
        """
        changing = {one.edit.id: one for one in several}
        for queued in several:
            changing |= {one.edit.id: one for one in self._freed(queued) if one.edit.id not in changing}
        self._change(changing.values())

    def end(self, queued: Queued, event: Event, on_error: Callable[[Exception], object]) -> None:
        """It leaves the outbox, PROVED or WITHDRAWN; `on_error` gets why that could not be noted.

        With one that has taken effect after all goes what was stopped with it, in the same write: see `set`. So does
        the number of a report that it created: without it what was done to the report would wait for ever.
        """
        let_go = self._freed(advance(queued, event)) if event is Event.PROVED else []
        self.pending.pop(queued.edit.id)
        self.announce()
        now = self.give_up(queued) if event is Event.WITHDRAWN else advance(queued, event)
        is_proved_creation = event is Event.PROVED and queued.edit.kind is Kind.CREATE
        # protects: sent-with-its-number
        number = self.pending.remote_of(queued.edit.report or "") if is_proved_creation else None
        self._change(let_go, lambda file: file.put(now, remote_id=number), on_error)

    def give_up(self, queued: Queued, reason: StopReason | None = None, by: ByWhom | None = None) -> Queued:
        """How it stands now that it is withdrawn, to be noted on the disk; see `to_call_back`."""
        now = advance(queued, Event.WITHDRAWN, reason=reason, by=by)
        if is_to_call_back(now):
            self.to_call_back[queued.edit.id] = now
        return now

    def given_once_more(self, edit: Edit) -> None:
        """A new edit: if it gives an order that was given up, its unit is not to be called back from that any more."""
        place, unit = self.pending.place(edit), edit.data.get("unit")
        for edit_id, one in list(self.to_call_back.items()):
            if (self.pending.place(one.edit), one.edit.kind, one.edit.data.get("unit")) == (place, edit.kind, unit):
                self.called_back(edit_id)

    def called_back(self, edit_id: str) -> None:
        """The unit of an order that was given up has been told so."""
        queued = self.to_call_back.pop(edit_id, None)
        if queued is None:
            return

        def note(file: WorkFile) -> None:
            there = file.get(edit_id)
            if there is not None and there.state is EditState.WITHDRAWN:  # the disk may have refused that
                file.put(replace(queued, to_call_back=False))

        self.note(note)
        self.announce()

    def move(self, queued: Queued, new: Queued) -> None:
        """It goes on as it is now, on another report perhaps; what it lets go, or stops, is in the same write."""
        let_go = self._freed(new)
        self.pending.pop(queued.edit.id)
        self._change([new, *let_go], lambda file: file.put(new))

    def ask_about_stranded(self) -> bool:
        """Ask about one that is stopped with nothing; whether there was one.

        What it rested on has left the outbox unanswered, or is about another report now.
        """
        # protects: stopped-is-answered
        stranded = self.pending.next_stranded()
        if stranded is None:
            return False
        self.set(asked(stranded))
        return True

    def check(self, *several: Queued) -> None:
        """As `set`, for what is on the disk and in memory as it is: stop what must not be sent because of it."""
        stopped = {one.edit.id: one for queued in several for one in self._stop(queued)}
        if stopped:
            noted = list(stopped.values())
            self.note(lambda file: _note(noted, file))
            self._tell_stopped(noted)

    def _change(
        self,
        several: Iterable[Queued],
        first: Callable[[WorkFile], object] = lambda _: None,
        on_error: Callable[[Exception], object] | None = None,
    ) -> None:
        """New states, what is stopped by them, and something that is to be written before them: one write."""
        stopped: dict[str, Queued] = {}
        changing = {one.edit.id: one for one in several}
        for queued in changing.values():
            self.remember(queued)
            stopped |= {one.edit.id: one for one in self._stop(queued)}
        noted = [self.pending[each] for each in dict.fromkeys([*changing, *stopped])]

        def note(file: WorkFile) -> None:
            with file.together():
                first(file)
                _note(noted, file)

        self._thread.note(note, None, on_error or self._listener.trouble)
        if stopped:
            self._tell_stopped(list(stopped.values()))

    def _freed(self, queued: Queued) -> list[Queued]:
        before = self.pending.get(queued.edit.id)
        if before is None or before.state not in STUCK or queued.state in STUCK:
            return []
        return [freed(one) for one in self.pending.stopped_with(before)]

    def _stop(self, queued: Queued) -> list[Queued]:
        now = self.pending[queued.edit.id]
        lost = now if now.state in STUCK else None
        # protects: comes-back-to-what-is-lost
        if now.state is EditState.QUEUED:
            lost = self.pending.lost_under(now)
        # protects: stopped-with-what-is-lost
        found = [one for one in self.pending.resting_on(lost) if one.state is EditState.QUEUED] if lost else []
        stopped = [advance(one, Event.STOPPED) for one in found]
        for one in stopped:
            self.remember(one)
        return [self.pending[one.edit.id] for one in stopped]

    def learn_key(self, outcome: Outcome) -> None:
        """The server's id of the report that an edit is about, if the outcome tells it and the edit is here."""
        queued = self.pending.get(outcome.edit_id)
        if queued is None or queued.edit.report is None or outcome.remote_id is None:
            return
        key, source, remote_id = queued.edit.report, queued.edit.source, outcome.remote_id
        self.pending.learn({key: (source, remote_id)})
        self.note(lambda file: file.learn_key(key, source, remote_id))

    def note(self, work: Callable[[WorkFile], object]) -> None:
        """Write something behind; `trouble` tells when it could not be."""
        self._thread.note(work, None, self._listener.trouble)

    def announce(self) -> None:
        """Tell soon that something is different."""
        if not self._closed and self._announcing is None:
            since_s = time.monotonic() - self._announced_s
            self._announcing = self._loop.call_later(max(0.0, _ANNOUNCED_S - since_s), self._on_announce)

    def close(self) -> None:
        """Nothing is announced any more."""
        self._closed = True
        if self._announcing is not None:
            self._announcing.cancel()

    def _tell_stopped(self, stopped: Sequence[Queued]) -> None:
        self._call_back(stopped)
        self._listener.stopped(stopped)

    def _on_announce(self) -> None:
        self._announcing = None
        self._announced_s = time.monotonic()
        places, self.pending.shown_anew = self.pending.shown_anew, set()
        self._listener.reports_changed({place: self.pending.shown_at(place) for place in places})
        self._listener.changed(tuple(self.pending.shown))


def _note(several: Sequence[Queued], file: WorkFile) -> None:
    with file.together():
        for queued in several:
            file.put(queued)
