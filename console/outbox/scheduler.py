"""What is sent next and when: order, retry, photos first, the time of orders. Nobody else decides any of it."""

from __future__ import annotations

import heapq
import random
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from msgspec.structs import replace

from api_client.model import Kind
from console.outbox.event_loop import EventLoop, TimerHandle
from console.outbox.identity import Identity
from console.outbox.pending_edits import Chain, Lane, PendingEdits, chain_of, lane_of, left_keys, local_keys
from console.outbox.pending_store import PendingStore
from console.outbox.retry_times import RetryTimes
from console.outbox.send_order import Flight, SendOrder
from console.outbox.work_thread import WorkThread
from console.rules.edit import LEAVES, Edit, is_order, moved, outlived
from console.rules.messages import Outcome, Push, Withdraw
from console.rules.pending import created_report
from console.rules.queued import EditState, Queued, StopReason, as_told, is_deleted, is_lost_creation
from console.rules.recreate import MADE_HERE
from console.rules.transitions import Event, advance, after_a_break, follows

LATE_S = 60.0
"""An edit first sent later than this after it was made is marked as entered late."""

_AT_ONCE = 8
"""So many edits are at most handed over in one lane: the sync process needs no more to be busy, and they are the ones
that go first when all wait for a better time."""
_SLICE_S = 0.004
"""So long the outbox is looked through at a stretch."""
_PUT_OFF_LONG = 3
"""After so many steps of `_Turn.put_off` an order or a new report comes among the facts, not to keep them for good."""


class _Turn(NamedTuple):
    """When an edit leaves among those of other reports: the least one first.

    Orders and new reports go before facts. Example: the link is back after an hour, and three hundred notes wait; the
    crew that is sent now leaves before them.
    """

    rank: int
    """How often it was tried in vain, in steps: see `RetryTimes.rank`."""
    is_fact: bool
    put_off: int
    """How often it was put off with a time to come again, in steps: see `RetryTimes.put_off`."""
    number: int
    edit_id: str


class Scheduler:
    """Decides which edit is tried when: order, retry, photo first, expiry. The sync process makes one try of each.

    An edit is handed over only after it, and that it is being sent, is on the disk.

    What goes behind what stands in `SendOrder`, when a failed one is tried again in `RetryTimes`. Facts are sent
    whenever their source is there; an order (see `is_order`) older than `order_lifetime_s` is not sent but EXPIRED:
    "still wanted?". Of one that may have arrived only that is asked.
    """

    def __init__(
        self,
        store: PendingStore,
        thread: WorkThread,
        identity: Identity,
        push: Callable[[Push | Withdraw], None],
        clock: Callable[[str], datetime],
        order_lifetime_s: float,
        loop: EventLoop,
        trouble: Callable[[Exception], object],
        random_source: random.Random,
    ) -> None:
        self._loop, self._trouble = loop, trouble
        self._store, self._thread, self._identity = store, thread, identity
        self._push, self._clock, self._order_lifetime_s = push, clock, order_lifetime_s
        self._pending = store.pending
        self._retries = RetryTimes(store.pending, clock, order_lifetime_s, loop, random_source, self._on_time)
        self._order = SendOrder(store.pending, identity, self._retries)
        self._due: dict[Chain, str] = {}  # what of each chain may go next
        self._next: dict[Lane, list[_Turn]] = {}  # heaps of what is due; what is not any more is passed by
        self._away: set[str] = set()
        self._refusing: set[str] = set()
        self._here_since: dict[str, datetime] = {}
        self._rest: TimerHandle | None = None  # the call that looks through the rest of a long outbox

    # What is known

    @property
    def has_due(self) -> bool:
        """Whether something may go and has only not been handed over yet."""
        return bool(self._pending.stirred or self._order.let_go) or self._lane_with_room() is not None

    def is_handed_over(self, edit_id: str) -> bool:
        """Whether the sync process has an edit, and has not said yet how its try ended."""
        return self._order.flight(edit_id) is not None

    def here_since(self, source: str) -> datetime | None:
        """Since when a source is there; None while it is not."""
        return self._here_since.get(source)

    def held_by(self, edit_id: str) -> Queued | None:
        """The earlier edit for which an edit that could leave waits: see `SendOrder.held_by`."""
        return self._order.held_by(edit_id)

    def too_old(self, queued: Queued) -> bool:
        """Whether it is an order past its time."""
        return outlived(as_told(queued), self._clock(queued.edit.source), self._order_lifetime_s)

    # Sources come and go

    def source_back(self, source: str | None) -> None:
        """A source (all: None) is live: what waits for it may be tried again with the next `begin_anew`."""
        if source is not None:
            self._here_since.setdefault(source, self._clock(source))
        self._note_there(source)

    def source_reached(self, source: str) -> None:
        """A source answers, but has not been read whole: what has not left goes, of the rest nothing is known yet."""
        self._note_there(source)
        self.begin_anew()

    def _note_there(self, source: str | None) -> None:
        there = {source} if source is not None else self._away | self._refusing
        self._away -= there
        self._refusing -= there
        self._retries.hurry(source, is_read=True)

    def source_lost(self, source: str, *, is_refused: bool) -> None:
        """A source is not read any more: nothing is pushed for it until it is back.

        When it lets nobody in, which it may do with one edit and not with the next, the oldest edit is tried now and
        then.
        """
        now, before = (self._refusing, self._away) if is_refused else (self._away, self._refusing)
        now.add(source)
        before.discard(source)
        self._here_since.pop(source, None)
        self.begin_anew()

    def hurry(self, source: str | None) -> None:
        """Try at once what waits for a better time at a source (all: None), also what is under way now and fails."""
        self._retries.hurry(source, is_read=False)
        self.begin_anew()

    def restarted(self) -> None:
        """The sync process was started again: what it had under way may or may not have left."""
        self._retries.restarted()
        # protects: refused-one-may-have-let-another-in
        self._away |= self._refusing  # until it is known whom it lets in now, and who that is
        self._refusing.clear()
        self._pending.unsure.update(dict.fromkeys(self._order.under_way))
        for edit_id in self._order.under_way:
            self._order.land(edit_id)
        for queued in self._pending.in_state(EditState.QUEUED):
            # protects: who-has-signed-in-is-known-first
            self.wait_for_source(queued.edit.id)  # which tells first whose token it has now
        for queued in (*self._pending.in_state(EditState.SENDING), *self._pending.in_state(EditState.ACCEPTED)):
            # protects: taken-is-looked-for-again
            if (now := after_a_break(queued)) is not queued:
                self.wait_for_source(queued.edit.id)
                self._store.set(now)
        self.begin_anew()

    # Edits come back, and end

    def wait_for_source(self, *edit_ids: str) -> None:
        """Do not try these before their source has been read whole, or has had some time for that."""
        for edit_id in edit_ids:
            self._retries.wait_for_source(edit_id)

    def answered(self, outcome: Outcome) -> None:
        """The sync process is done with a try of an edit; one that is to be repeated waits for a better time."""
        edit_id = outcome.edit_id
        flight = self._order.land(edit_id)
        self._pending.unsure[edit_id] = None
        if outcome.obstacle is None:
            self._retries.forget(edit_id)
            if flight is not None and outcome.state is EditState.ACCEPTED:
                self._retries.worked(flight.lane)
        # What failed before its source was hurried says nothing of now: a sign-in, a link that is back.
        elif (
            flight is not None and edit_id in self._pending and flight.hurries == self._retries.hurries(flight.lane[0])
        ):
            self._retries.failed(edit_id, flight.lane, outcome.obstacle, outcome.retry_after_s)

    def stop(self, edit_id: str) -> None:
        """The sync process is not to send an edit, if it has it; it tells the outcome."""
        if self.is_handed_over(edit_id):
            self._push(Withdraw(edit_id))

    def call_back(self, edit_id: str) -> None:
        """An edit is not to be sent any more: what of it is under way is of no concern, nor that it waits."""
        self.stop(edit_id)
        self._retries.forget(edit_id)

    def ask_back(self, queued: Queued) -> None:
        """What may be on its way is withdrawn: the sync process is not to send what it still holds; it tells."""
        # protects: late-withdrawal-is-noted
        self._store.set(replace(queued, asked_back=True))
        self._push(Withdraw(queued.edit.id))

    def expire(self, queued: Queued) -> None:
        """An order is past its time: the operator is asked whether it is still wanted."""
        self.call_back(queued.edit.id)
        self._store.set(advance(queued, Event.TOO_OLD))

    def on_stopped(self, stopped: Sequence[Queued]) -> None:
        """These are not to be sent any more, because of what they rest on."""
        for one in stopped:
            self.call_back(one.edit.id)

    def finish(self, queued: Queued, event: Event) -> None:
        """An edit leaves the outbox, PROVED or WITHDRAWN; what the sync process still asks about is not sent again.

        When the disk refuses to note that it is withdrawn it is there again, as asked back, and goes with its next try.
        """
        edit_id = queued.edit.id

        def failed(error: Exception) -> None:
            # protects: asked-back-stays-until-the-disk-has-it
            if event is Event.WITHDRAWN and edit_id not in self._pending:
                self._store.to_call_back.pop(edit_id, None)
                self.wait_for_source(edit_id)
                back = advance(queued, Event.NOT_LEFT) if follows(queued, Event.NOT_LEFT) else queued
                self._store.remember(replace(back, asked_back=True))
            self._trouble(error)

        if self.is_handed_over(edit_id) and event is Event.PROVED:
            self._push(Withdraw(edit_id, proved=True))
            self._order.land(edit_id)
        self.call_back(edit_id)
        self._store.end(queued, event, failed)

    def retry(self, edit_ids: Iterable[str]) -> None:
        """Send again what was refused: the same edits under the same keys."""
        for edit_id in edit_ids:
            queued = self._pending.get(edit_id)
            if queued is None:
                continue
            self._retries.forget(edit_id)
            self._pending.stir([edit_id])
            if queued.state is EditState.ATTENTION:
                again = [queued, *self._pending.stopped_with(queued)]
                self._store.set(*(advance(one, Event.RETRIED) for one in again))
        self.send_due()

    # What goes next

    def begin_anew(self) -> None:
        """All that waits is looked at again."""
        self._due.clear()
        self._next.clear()
        self._order.forget_queues()
        self._pending.stir_all()
        self.send_due()

    def send_due(self) -> None:
        """Send what may go, in its turn; a long outbox is looked through in short stretches."""
        self._store.announce()
        self._forget_the_rest()
        until_s = time.monotonic() + _SLICE_S
        while True:
            self._settle_unsure()
            if self._store.ask_about_stranded():
                continue
            if self._pending.stirred:
                chain, _ = self._pending.stirred.popitem()
                self._order.let_follow(chain)
                self._look_at(chain)
            elif self._order.let_go:
                self._look_at(self._order.let_go.popitem()[0])
            elif (lane := self._lane_with_room()) is not None:
                self._send_next(lane)
            else:
                return
            if time.monotonic() > until_s:
                self._rest = self._loop.call_later(0, self.send_due)
                return

    def close(self) -> None:
        """Nothing is sent any more."""
        self._forget_the_rest()
        self._retries.close()

    def _forget_the_rest(self) -> None:
        if self._rest is not None:
            self._rest.cancel()
            self._rest = None

    def _on_time(self, edit_ids: Sequence[str]) -> None:
        """These have waited, or their time is over meanwhile."""
        self._pending.stir(edit_ids)
        self.send_due()

    # What became of reports that were created here

    def _settle_unsure(self) -> None:
        """What was done to a report created here goes on with it when it was lost and is created again.

        Where its creation was taken back meanwhile it can never leave: say so.
        """
        while self._pending.unsure:
            queued = self._pending.get(self._pending.unsure.popitem()[0])
            if queued is None:
                continue
            if queued.edit.kind is Kind.CREATE and queued.state is not EditState.ACCEPTED:
                done = self._pending.of_report(queued.edit.source, queued.edit.report)
                gone = (one.edit.id for one in done if is_deleted(one))
                self._pending.unsure.update(dict.fromkeys(gone))
            is_created = all(map(self._is_created, local_keys(queued.edit)))
            # protects: waiting-work-follows-its-creation
            if again := self._created_again(queued):
                # protects: kept-is-not-sent-again
                if queued.edit.kind is Kind.CREATE:
                    self.finish(queued, Event.WITHDRAWN)  # lost, and kept as a new one: one is enough
                else:
                    self._move(queued, again)
            elif queued.state in (EditState.QUEUED, EditState.STOPPED) and not is_created:
                self._store.set(advance(queued, Event.PARKED, reason=StopReason.CREATION_WITHDRAWN))
            elif is_created and (
                queued.reason is StopReason.CREATION_WITHDRAWN  # its creation had left after all
                or self._is_sent_with_its_creation(queued)
            ):
                self._move(queued, {})

    def _is_created(self, key: str) -> bool:
        """Whether a report created here is at the server or will be, also by a creation that waits for the disk."""
        # protects: creation-that-is-being-saved-is-one
        return self._pending.is_awaited(key) or self._store.is_being_created(key)

    def _is_sent_with_its_creation(self, queued: Queued) -> bool:
        """Whether a server has lost an edit's report, whose creation it had taken and is asked about or sent again."""
        creation = self._pending.creation_of(queued.edit)
        if creation is None or creation.state is EditState.ACCEPTED or self.is_handed_over(queued.edit.id):
            return False
        # protects: waits-for-its-creation-again
        return is_deleted(queued)

    def _created_again(self, queued: Queued) -> dict[str | None, str]:
        """The lost reports that an edit is about, with the local keys under which they come again.

        Nothing for what the sync process has: it will say whether it could be done to them. A number may be another
        report's by now, so that an edit is about the lost one only when it was said that it cannot be sent there.
        """
        edit = queued.edit
        # protects: under-way-is-not-moved
        if self.is_handed_over(edit.id) or queued.state in (EditState.SENDING, EditState.ACCEPTED):
            return {}
        if edit.kind is Kind.CREATE and not is_lost_creation(queued):
            return {}
        left = left_keys(edit) if queued.attempts == 0 else ()
        lost = {*local_keys(edit), *left, *([edit.report] if is_deleted(queued) else [])}
        found = ((report, self._pending.again(edit, report)) for report in lost)
        return {report: key for report, key in found if key is not None}

    def _move(self, queued: Queued, again: dict[str | None, str]) -> None:
        """The edit goes on with these reports, and leaves once they have their numbers."""
        new = replace(queued, edit=moved(queued.edit, again))
        if is_deleted(queued) or queued.reason is StopReason.CREATION_WITHDRAWN:
            new = advance(new, Event.MOVED)
        self._store.move(queued, new)

    def _look_at(self, chain: Chain) -> None:
        """Find what of a chain may go next, and ask about the orders before it that are too old: it is looked at again.

        An order that waits for another edit, or for a number, is asked about in its time too.
        """
        self._due.pop(chain, None)
        if chain[0] in self._away:
            return
        queued = self._order.next_in(chain)
        # protects: waiting-order-dies-in-its-time
        for one in self._order.waiting_orders(chain, queued):
            if self.too_old(one):
                self.expire(one)
        if queued is None:
            return
        if queued.state is EditState.QUEUED and self.too_old(queued):
            self.expire(queued)
        else:
            self._due[chain] = queued.edit.id
            edit, heap = queued.edit, self._next.setdefault(lane_of(queued.edit), [])
            put_off = self._retries.put_off(edit.id)
            # protects: orders-leave-first
            is_fact = not is_order(edit) and edit.kind is not Kind.CREATE
            # protects: put-off-long-keeps-no-facts
            is_fact = is_fact or put_off >= _PUT_OFF_LONG
            heapq.heappush(heap, _Turn(self._retries.rank(edit.id), is_fact, put_off, edit.number, edit.id))

    # Lanes

    def _lane_with_room(self) -> Lane | None:
        """The lane whose next edit is the first of those that may be handed over now."""
        open_ = [lane for lane, due in self._next.items() if due and self._has_room(lane)]
        return min(open_, key=lambda lane: self._next[lane][0], default=None)

    def _has_room(self, lane: Lane) -> bool:
        at_once = 1 if lane[0] in self._refusing else _AT_ONCE
        return self._order.taken(lane) < at_once and not self._retries.is_held(lane)

    def _send_next(self, lane: Lane) -> None:
        edit_id = heapq.heappop(self._next[lane]).edit_id
        queued = self._pending.get(edit_id)
        if queued is None or self._due.get(chain := chain_of(queued.edit)) != edit_id:
            return
        is_too_old = self.too_old(queued)
        if is_too_old and queued.state is EditState.QUEUED:
            self.expire(queued)
        elif self._order.waits(queued):  # others have left since it was looked at
            self._pending.stirred[chain] = None
        else:
            del self._due[chain]
            self._send(queued, past_its_time=is_too_old)

    def _send(self, queued: Queued, *, past_its_time: bool) -> None:
        """Note on the disk that the edit is being sent, then hand it over."""
        edit_id = queued.edit.id
        flight = self._order.depart(queued.edit)
        unconfirmed = queued.state is EditState.UNCONFIRMED
        edit = queued.edit
        if queued.attempts == 0:  # fixed before the first try: the body must never change under its key
            late = (self._clock(edit.source) - edit.occurred_at).total_seconds() > LATE_S
            edit = replace(_leaving_numbers(edit, self._pending), late=late)
        sending = advance(replace(queued, edit=edit), Event.HANDED_OVER)
        self._store.remember(sending)

        def hand_over(_: object) -> None:
            now = self._pending.get(edit_id)
            if now is None or now.state is not EditState.SENDING or self._order.flight(edit_id) is not flight:
                self._land_unsent(edit_id, flight)
            elif now.asked_back and not unconfirmed:
                self._order.land(edit_id)
                self.finish(now, Event.WITHDRAWN)
            else:
                edit = _addressed(as_told(now), self._pending)
                self._push(Push(edit, unconfirmed, queued.taken_as, past_its_time))
                return
            self.send_due()

        def failed(error: Exception) -> None:
            self._put_back(queued, flight)
            self.send_due()
            self._trouble(error)

        self._thread.note(lambda file: file.put(sending), hand_over, failed)

    def _put_back(self, before: Queued, flight: Flight) -> None:
        """The disk refused to note its try: it waits as `before`, with what the operator did to it meanwhile."""
        edit_id = before.edit.id
        self._land_unsent(edit_id, flight)
        now = self._pending.get(edit_id)
        if now is None or now.state is not EditState.SENDING or self.is_handed_over(edit_id):
            return
        # protects: asked-back-while-the-disk-refused
        if now.asked_back and before.state is EditState.QUEUED:
            self.finish(now, Event.WITHDRAWN)
            return
        self.wait_for_source(edit_id)
        back = replace(before, asked_back=now.asked_back, told_by_radio=now.told_by_radio)
        self._store.remember(back)
        self._store.check(back)

    def _land_unsent(self, edit_id: str, flight: Flight) -> None:
        """It was not handed over after all; another try of it may be under way by now."""
        if self._order.flight(edit_id) is flight:
            self._order.land(edit_id)


def _leaving_numbers(edit: Edit, pending: PendingEdits) -> Edit:
    """The edit with the server's ids of the reports that its unit leaves; what the server does not have stays as it is.

    Of that the unit is simply sent, whatever number it gets later.
    """
    numbers = {key: pending.remote[key][1] for key in left_keys(edit) if key in pending.remote}
    # protects: what-is-left-is-named-by-its-number
    if not numbers:
        return edit
    left = [numbers.get(key, key) for key in edit.data[LEAVES]]
    seen = {numbers.get(key, key): value for key, value in edit.about.get(LEAVES, {}).items()}
    return replace(edit, data={**edit.data, LEAVES: left}, about={**edit.about, LEAVES: seen})


def _addressed(edit: Edit, pending: PendingEdits) -> Edit:
    """The edit with the server's ids in place of local keys.

    A report that is created again may be dated otherwise than the lost one was: by the time that its creation says.
    """
    changes: dict[str, Any] = {}
    remote, about = pending.remote, edit.about
    if edit.report in remote and edit.kind is not Kind.CREATE:
        # protects: own-report-is-the-one-meant
        about = {**about, MADE_HERE: True}
        again = pending.made_again.get(edit.report)
        if again is not None and "created" in about:
            # protects: created-again-is-dated-anew
            about["created"] = created_report(again).created.isoformat()
        changes["report"] = remote[edit.report][1]
        if edit.base_version is None:
            changes["base_version"] = 1
    into = edit.data.get("into")
    if into in remote:
        changes["data"] = {**edit.data, "into": remote[into][1]}
    return replace(edit, **changes, about=about) if changes else edit
