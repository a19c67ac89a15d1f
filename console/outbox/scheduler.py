"""What is sent next and when: the order of the edits of a report, the lanes of a source, what is under way."""

from __future__ import annotations

import heapq
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from api_client.model import Kind
from console.outbox.event_loop import EventLoop, TimerHandle
from console.outbox.identity import Identity
from console.outbox.pending_edits import Chain, chain_of, local_keys
from console.outbox.pending_store import PendingStore
from console.outbox.work_thread import WorkThread
from console.rules.dependency import Aspect, rests_on, settles
from console.rules.edit import Edit, is_order, moved, outlived
from console.rules.messages import Push, Withdraw
from console.rules.queued import STUCK, EditState, Queued, StopReason, as_told, is_deleted
from console.rules.recreate import MADE_HERE
from console.rules.transitions import Event, advance, after_a_break

LATE_S = 60.0
"""An edit first sent later than this after it was made is marked as entered late."""

_AT_ONCE = 50
"""So many edits are at most under way in one lane: the sync process needs no more to be busy, and what is to be noted
of the others would keep the disk from what the operator does next."""
_SLICE_S = 0.004
"""So long the outbox is looked through at a stretch."""

_NOT_TO_SEND = frozenset({EditState.ACCEPTED, EditState.STOPPED, *STUCK})

_Lane = tuple[str, bool]
"""What leaves side by side: a source's photos, which are slow, or all else for it."""


class Scheduler:
    """Hands edits to the sync process: each only after it, and that it is being sent, is on the disk.

    Of one report one edit is under way at a time, in the order in which they were made. What rests on one that needs
    the operator is stopped with it, what rests on one that needs another operator to sign in waits (see
    console.rules.dependency); all else goes on. An order waits for nothing that was tried in vain unless it rests on
    it; nor does it overtake what leaves of its unit. Facts are sent whenever their source is there; an order (see
    `is_order`) older than `order_lifetime_s` is not sent but EXPIRED: "still wanted?".
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
    ) -> None:
        self._loop, self._trouble = loop, trouble
        self._store, self._thread, self._identity = store, thread, identity
        self._push, self._clock, self._order_lifetime_s = push, clock, order_lifetime_s
        self._outbox = store.edits
        self.waiting: set[str] = set()
        """The ids of those that were tried in vain: they are not tried again before their source is back."""
        self.handed_over: set[str] = set()
        """The ids of those that the sync process has."""
        self._due: dict[Chain, str] = {}  # what of each chain may go next
        self._behind: dict[Chain, dict[Chain, None]] = {}  # what waits until a chain has got further
        self._next: dict[_Lane, list[tuple[int, str]]] = {}  # heaps of what is due; what is not any more is passed by
        self._under_way: dict[str, _Lane] = {}
        self._room: Counter[_Lane] = Counter()  # taken
        self._away: set[str] = set()
        self._here_since: dict[str, datetime] = {}
        self._rest: TimerHandle | None = None  # the call that looks through the rest of a long outbox

    # What is known

    @property
    def has_due(self) -> bool:
        """Whether something may go and has only not been handed over yet."""
        return bool(self._outbox.stirred or self._due)

    def here_since(self, source: str) -> datetime | None:
        """Since when a source is there; None while it is not."""
        return self._here_since.get(source)

    def held_by(self, edit_id: str) -> Queued | None:
        """The earlier edit of the same report for which an edit that could leave waits, or with which it is stopped.

        That is one that needs its operator, or that was tried in vain; None when it waits for none.
        """
        queued = self._outbox.get(edit_id)
        if queued is not None and queued.state is EditState.STOPPED:
            return self._outbox.lost_under(queued)
        if queued is None or queued.state is not EditState.QUEUED:
            return None
        for one in self._outbox.in_chain(chain_of(queued.edit)):
            if one.edit.id == edit_id:
                break
            rests = one.state not in _NOT_TO_SEND and settles(one.edit) & rests_on(queued.edit)
            if self._is_no_report(one) or (rests and self._is_held(one)):
                return one
        return None

    def too_old(self, queued: Queued) -> bool:
        """Whether it is an order past its time."""
        return outlived(as_told(queued), self._clock(queued.edit.source), self._order_lifetime_s)

    # Sources come and go

    def source_back(self, source: str | None) -> None:
        """A source (all: None) is live: what waits for it may be tried again with the next `begin_anew`."""
        if source is None:
            self._away.clear()
        else:
            self._away.discard(source)
            self._here_since.setdefault(source, self._clock(source))
        self.waiting -= {one.edit.id for one in self._outbox.values() if source in (None, one.edit.source)}

    def source_reached(self, source: str) -> None:
        """A source answers, but has not been read whole: what has not left goes, of the rest nothing is known yet."""
        self._away.discard(source)
        self.waiting -= {one.edit.id for one in self._outbox.values() if one.edit.source == source}
        self.begin_anew()

    def source_lost(self, source: str) -> None:
        """A source cannot be reached: nothing is pushed for it until it is back."""
        self._away.add(source)
        self._here_since.pop(source, None)
        self.begin_anew()

    def restarted(self) -> None:
        """The sync process was started again: what it had under way may or may not have left."""
        self._outbox.unsure.update(dict.fromkeys(self.handed_over))
        self.handed_over.clear()
        for queued in (*self._outbox.in_state(EditState.SENDING), *self._outbox.in_state(EditState.ACCEPTED)):
            # protects: taken-is-looked-for-again
            if (now := after_a_break(queued)) is not queued:
                self.waiting.add(queued.edit.id)
                self._store.set(now)
        self.begin_anew()

    # Edits come back, and end

    def answered(self, edit_id: str) -> None:
        """The sync process is done with an edit."""
        self.handed_over.discard(edit_id)
        self.waiting.discard(edit_id)
        self._outbox.unsure[edit_id] = None
        self._make_room(edit_id)

    def stop(self, edit_id: str) -> None:
        """The sync process is not to send an edit, if it has it; it tells what became of that."""
        if edit_id in self.handed_over:
            self._push(Withdraw(edit_id))

    def call_back(self, edit_id: str) -> None:
        """The sync process is not to send an edit, if it has it; whatever it tells of it is nobody's concern."""
        self._make_room(edit_id)
        if edit_id in self.handed_over:
            self.handed_over.discard(edit_id)
            self._push(Withdraw(edit_id))

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
            self.waiting.discard(one.edit.id)

    def finish(self, queued: Queued, event: Event) -> None:
        """An edit leaves the outbox, PROVED or WITHDRAWN; what the sync process still asks about is not sent again."""
        edit_id = queued.edit.id
        self._make_room(edit_id)
        if edit_id in self.handed_over and event is Event.PROVED:
            self._push(Withdraw(edit_id, proved=True))
        for known in (self.waiting, self.handed_over):
            known.discard(edit_id)
        self._store.end(queued, event)

    def retry(self, edit_ids: Iterable[str]) -> None:
        """Send again what was refused: the same edits under the same keys."""
        for edit_id in edit_ids:
            queued = self._outbox.get(edit_id)
            if queued is None:
                continue
            self.waiting.discard(edit_id)
            self._outbox.stir([edit_id])
            if queued.state is EditState.ATTENTION:
                again = [queued, *self._outbox.stopped_with(queued)]
                self._store.set(*(advance(one, Event.RETRIED) for one in again))
        self.send_due()

    def try_again(self) -> None:
        """What the sync process holds it tries again by itself; the rest (a disk that was full) is tried from here."""
        self.waiting &= self.handed_over
        self.begin_anew()

    # What goes next

    def begin_anew(self) -> None:
        """All that waits is looked at again, and what was handed over holds nobody else any longer."""
        for collected in (self._under_way, self._room, self._due, self._behind, self._next):
            collected.clear()
        self._outbox.stir_all()
        self.send_due()

    def send_due(self) -> None:
        """Send what may go, in the order of making; a long outbox is looked through in short stretches."""
        self._store.announce()
        self._forget_the_rest()
        until_s = time.monotonic() + _SLICE_S
        while True:
            self._settle_unsure()
            if self._store.ask_about_stranded():
                continue
            if self._outbox.stirred:
                self._look_at(self._outbox.stirred.popitem()[0])
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

    def _forget_the_rest(self) -> None:
        if self._rest is not None:
            self._rest.cancel()
            self._rest = None

    def _settle_unsure(self) -> None:
        """What was done to a report created here goes on with it when it was lost and is created again.

        Where its creation was taken back meanwhile it can never leave: say so.
        """
        while self._outbox.unsure:
            queued = self._outbox.get(self._outbox.unsure.popitem()[0])
            if queued is None:
                continue
            is_created = all(map(self._outbox.is_awaited, local_keys(queued.edit)))
            # protects: waiting-work-follows-its-creation
            if again := self._created_again(queued):
                self._move(queued, again)
            elif queued.state in (EditState.QUEUED, EditState.STOPPED) and not is_created:
                self._store.set(advance(queued, Event.PARKED, reason=StopReason.CREATION_WITHDRAWN))
            elif queued.reason is StopReason.CREATION_WITHDRAWN and is_created:  # its creation had left after all
                self._move(queued, {})

    def _created_again(self, queued: Queued) -> dict[str | None, str]:
        """The lost reports that an edit is about, with the local keys under which they come again.

        Nothing for what the sync process has: it will say whether it could be done to them. A number may be another
        report's by now, so that an edit is about the lost one only when it was said that it cannot be sent there.
        """
        edit = queued.edit
        # protects: under-way-is-not-moved
        if edit.id in self.handed_over or queued.state in (EditState.SENDING, EditState.ACCEPTED):
            return {}
        lost = {*local_keys(edit), *([edit.report] if is_deleted(queued) else [])}
        found = ((report, self._outbox.again(edit, report)) for report in lost)
        return {report: key for report, key in found if key is not None}

    def _move(self, queued: Queued, again: dict[str | None, str]) -> None:
        """The edit goes on with these reports, and leaves once they have their numbers."""
        new = replace(queued, edit=moved(queued.edit, again))
        if is_deleted(queued):
            new = advance(new, Event.MOVED)
        self._store.move(queued, new)

    def _look_at(self, chain: Chain) -> None:
        """Find what of a chain may go next; an order that is too old is asked about, and the chain looked at again."""
        self._due.pop(chain, None)
        self._outbox.stirred.update(self._behind.pop(chain, {}))
        queued = self._next_in(chain)
        if queued is None:
            return
        if not self.too_old(queued):
            self._due[chain] = queued.edit.id
            heapq.heappush(self._next.setdefault(_lane(queued), []), (queued.edit.number, queued.edit.id))
        elif queued.state is EditState.QUEUED:
            self.expire(queued)  # one that may have left waits for the complete cache

    def _next_in(self, chain: Chain) -> Queued | None:
        """The edit of a chain to send now: never past an earlier one that must go first."""
        if chain[0] in self._away:
            return None
        held: set[Aspect] = set()  # by what does not leave now
        orders_only = False
        for queued in self._outbox.in_chain(chain):
            edit, state = queued.edit, queued.state
            if self._is_no_report(queued):
                return None
            if state in _NOT_TO_SEND or (orders_only and not is_order(edit)):
                continue
            known = state is EditState.SENDING or edit.id in self.handed_over
            if self._identity.is_another(edit) or (held and held & rests_on(edit)):
                held |= settles(edit)
            elif edit.kind is Kind.PHOTO and known:
                pass  # Text overtakes a photo's bytes; what may not (done, handing in, validate) the push lane holds
                # back, once it knows of the photo.
            elif edit.id in self.waiting:
                held |= settles(edit)
                orders_only = True
            else:
                return queued if self._may_go(queued) else None
        return None

    def _is_no_report(self, queued: Queued) -> bool:
        """Whether it is a creation that waits for an operator: nothing can be done to its report before."""
        waits = queued.state in STUCK or self._identity.is_another(queued.edit)
        return queued.edit.kind is Kind.CREATE and waits

    def _is_held(self, queued: Queued) -> bool:
        """Whether it waits for another operator, or was tried in vain."""
        return self._identity.is_another(queued.edit) or queued.edit.id in self.waiting

    def _may_go(self, queued: Queued) -> bool:
        edit = queued.edit
        if queued.state is EditState.SENDING:
            return False
        return edit.kind is Kind.CREATE or all(key in self._outbox.remote for key in local_keys(edit))

    # Lanes

    def _lane_with_room(self) -> _Lane | None:
        """The lane whose next edit is the oldest of those that may be handed over now."""
        open_ = [lane for lane, due in self._next.items() if due and self._room[lane] < _AT_ONCE]
        return min(open_, key=lambda lane: self._next[lane][0], default=None)

    def _send_next(self, lane: _Lane) -> None:
        _, edit_id = heapq.heappop(self._next[lane])
        queued = self._outbox.get(edit_id)
        if queued is None or self._due.get(chain_of(queued.edit)) != edit_id:
            return
        if not self.too_old(queued):
            if (first := self._first_for_its_unit(queued)) is not None:
                self._behind.setdefault(first, {})[chain_of(queued.edit)] = None
                return
            self._under_way[edit_id] = lane
            self._room[lane] += 1
            self._send(queued)
        elif queued.state is EditState.QUEUED:
            self.expire(queued)

    def _first_for_its_unit(self, queued: Queued) -> Chain | None:
        """The chain whose earlier edit about the same unit is to leave before this order; None when it may go.

        A server that got the second order first would refuse the first one: the unit is busy. Nothing waits for what
        does not leave now.
        """
        edit = queued.edit
        if edit.kind not in (Kind.ASSIGN, Kind.DISPATCH):
            return None
        for one in self._outbox.of_unit(edit.source, str(edit.data.get("unit"))):
            if one.edit.number >= edit.number:
                break
            chain = chain_of(self._outbox[one.edit.id].edit)
            waits = one.state is EditState.QUEUED and chain != chain_of(edit) and not self._is_held(one)
            if waits and self._moves(chain) and self.held_by(one.edit.id) is None:
                return chain
        return None

    def _moves(self, chain: Chain) -> bool:
        """Whether something of a chain is on its way, or goes as soon as there is room."""
        if chain in self._due:
            return True
        return any(one.state is EditState.SENDING and not self._is_held(one) for one in self._outbox.in_chain(chain))

    def _make_room(self, edit_id: str) -> None:
        """It is not under way any more."""
        if (lane := self._under_way.pop(edit_id, None)) is not None:
            self._room[lane] -= 1

    def _send(self, queued: Queued) -> None:
        """Note on the disk that the edit is being sent, then hand it over."""
        edit_id = queued.edit.id
        unconfirmed = queued.state is EditState.UNCONFIRMED
        late = queued.edit.late
        if queued.attempts == 0:  # fixed before the first try: the body must never change under its key
            late = (self._clock(queued.edit.source) - queued.edit.occurred_at).total_seconds() > LATE_S
        sending = advance(replace(queued, edit=replace(queued.edit, late=late)), Event.HANDED_OVER)
        self._store.remember(sending)

        def hand_over(_: object) -> None:
            now = self._outbox.get(edit_id)
            if now is None or now.state is not EditState.SENDING:
                return
            if now.asked_back and not unconfirmed:
                self.finish(now, Event.WITHDRAWN)
                self.send_due()
            else:
                self.handed_over.add(edit_id)
                self._push(Push(_addressed(as_told(now), self._outbox.remote), unconfirmed, queued.taken_as))

        def failed(error: Exception) -> None:
            self.waiting.add(edit_id)
            self._make_room(edit_id)
            if edit_id in self._outbox:
                self._store.remember(queued)
                self._store.check(queued)
            self.send_due()
            self._trouble(error)

        self._thread.note(lambda file: file.put(sending), hand_over, failed)


def _lane(queued: Queued) -> _Lane:
    return queued.edit.source, queued.edit.kind is Kind.PHOTO


def _addressed(edit: Edit, remote: dict[str, tuple[str, str]]) -> Edit:
    """The edit with the server's ids in place of local keys."""
    changes: dict[str, Any] = {}
    if edit.report in remote and edit.kind is not Kind.CREATE:
        # protects: own-report-is-the-one-meant
        changes |= {"report": remote[edit.report][1], "about": {**edit.about, MADE_HERE: True}}
        if edit.base_version is None:
            changes["base_version"] = 1
    into = edit.data.get("into")
    if into in remote:
        changes["data"] = {**edit.data, "into": remote[into][1]}
    return replace(edit, **changes) if changes else edit
