"""Taking edits back: what has not left is gone at once; what may have left is remembered, to be told if it had."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from typing import NamedTuple

from msgspec.structs import replace

from api_client.model import Kind
from console.outbox.identity import Identity
from console.outbox.pending_store import PendingStore
from console.outbox.scheduler import Scheduler
from console.outbox.work_file import WorkFile
from console.outbox.work_thread import WorkThread
from console.rules.edit import INSTEAD_OF
from console.rules.queued import (
    STUCK,
    ByWhom,
    EditState,
    Queued,
    StopReason,
    is_surely_not_there,
    is_taken,
    is_taken_back,
    is_to_call_back,
)
from console.rules.transitions import Event

NOT_LEFT = frozenset({EditState.QUEUED, EditState.STOPPED, *STUCK})
"""What no sync process has."""


class Withdrawn(NamedTuple):
    """Edits that were withdrawn at one time: how they stood before, and how they stand now."""

    before: list[Queued]
    now: list[Queued]


class Withdrawals:
    """What was taken back, by its author or by another operator, and is still to be told of."""

    def __init__(
        self,
        store: PendingStore,
        thread: WorkThread,
        scheduler: Scheduler,
        identity: Identity,
        clock: Callable[[str], datetime],
        trouble: Callable[[Exception], object],
    ) -> None:
        self._store, self._thread, self._scheduler = store, thread, scheduler
        self._identity, self._clock, self._trouble = identity, clock, trouble
        self.perhaps_left: dict[str, Queued] = {}
        """What was withdrawn while a sync process had it: told when it turns out to have been sent."""
        self._in_place_of: dict[str, str] = {}  # the id of an edit that was given anew -> the new one's
        self._together: Withdrawn | None = None
        self._by_another: dict[str, Queued] = {}  # dropped or adopted by another than their author, who is not told yet

    # What the operator does

    def withdraw(self, edit_id: str) -> bool:
        """Take an edit back that has not left; False when it is too late (or unknown): then an inverse edit is needed.

        With it goes what is stopped with it, and with a report's CREATE what its author did to the report.
        """
        if edit_id in self._store.saving:
            self._store.unwanted.add(edit_id)
            return True
        queued = self._store.pending.get(edit_id)
        if queued is None or queued.state not in NOT_LEFT:
            return False
        self.withdraw_now(*self._with_what_rests(queued))
        self._scheduler.send_due()
        return True

    def ask_back(self, edit_id: str) -> bool:
        """Withdraw now, or ask the sync process not to send what it still holds: the outcome tells.

        False when the server has taken it already (or it is unknown).
        """
        queued = self._store.pending.get(edit_id)
        if self.withdraw(edit_id):
            return True
        if queued is None or is_taken(queued):
            return False
        self._scheduler.ask_back(queued)
        return True

    def drop(self, edit_id: str) -> bool:
        """Throw away what another operator left here, which is never sent; False when it may be on its way.

        With a report's CREATE goes what that operator did to the report. The author is told: see `take_done_by_others`.
        """
        queued = self._store.pending.get(edit_id)
        if queued is None or not self._identity.is_another(queued.edit):
            return False
        if is_taken(queued) or self._scheduler.is_handed_over(edit_id):
            return False
        by = ByWhom(self._identity.at(queued.edit.source), self._clock(queued.edit.source))
        dropped = self._with_what_rests(queued)
        self.done_by_another(replace(one, reason=StopReason.DROPPED, by=by) for one in dropped)
        self.withdraw_now(*dropped, reason=StopReason.DROPPED, by=by)
        self._scheduler.send_due()
        return True

    def _with_what_rests(self, queued: Queued) -> list[Queued]:
        """An edit that is withdrawn, what is stopped with it, and what was done to a report whose CREATE it is.

        Of a report that the server had and lost only what was lost with it goes: nobody has said yet that the rest is
        not wanted, and it can be kept as a new report.
        """
        lost = is_taken_back(queued)
        if queued.edit.kind is not Kind.CREATE:
            waits = queued.state in STUCK or queued.state is EditState.STOPPED
            return [queued, *(self._store.pending.stopped_with(queued) if waits else ())]
        children = self._store.pending.children(queued)
        mine = [one for one in children if one.edit.author == queued.edit.author]
        # protects: lost-creation-drops-no-work
        return [queued, *(one for one in mine if not lost or is_taken_back(one))]

    def done_by_another(self, several: Iterable[Queued]) -> None:
        """These were dropped or adopted by another operator than their author: see `take_done_by_others`."""
        self._by_another |= {one.edit.id: one for one in several}

    def take_done_by_others(self, source: str) -> tuple[Queued, ...]:
        """What others dropped of the present operator's, or sent in their own names, oldest first. Told once.

        `reason` says which of the two, `by` who and when.
        """
        me = self._identity.at(source)
        mine = [one for one in self._by_another.values() if (one.edit.source, one.edit.author) == (source, me)]
        for one in mine:
            del self._by_another[one.edit.id]
            now = replace(self._store.to_call_back.get(one.edit.id, one), reason=None)
            if now.edit.id in self._store.to_call_back:
                self._store.to_call_back[now.edit.id] = now
            self._store.note(partial(_note_told, now))
        return tuple(mine)

    # What becomes of it

    def withdraw_now(self, *several: Queued, reason: StopReason | None = None, by: ByWhom | None = None) -> None:
        """Gone from the screen at once, and in one write from the disk; back again if that refuses to note it.

        What turned out meanwhile to have been sent does not come back.
        """
        for queued in several:
            edit_id = queued.edit.id
            if queued.attempts:  # a sync process had it, perhaps one that was killed while it sent it
                self.perhaps_left[edit_id] = queued
            self._scheduler.call_back(edit_id)
            self._store.pending.pop(edit_id)
        now = [self._store.give_up(queued, reason, by) for queued in several]
        self._store.announce()
        # protects: no-half-of-an-undo
        if self._together is not None:
            self._together.before.extend(several)
            self._together.now.extend(now)
        else:
            self.note(Withdrawn([*several], now))

    @contextmanager
    def together(self) -> Iterator[Withdrawn]:
        """What is withdrawn inside is not noted on the disk: whoever calls this does that, with what else he has."""
        found = self._together = Withdrawn([], [])
        try:
            yield found
        finally:
            self._together = None

    def note(self, several: Withdrawn) -> None:
        """Note on the disk what was withdrawn, if anything."""
        if not several.now:
            return

        def note(file: WorkFile) -> None:
            with file.together():
                for queued in several.now:
                    file.put(queued)

        self._thread.note(note, None, partial(self.not_withdrawn, several))

    def not_withdrawn(self, several: Withdrawn, error: Exception) -> None:
        """The disk refused to note these: they are back, but for what turned out meanwhile to have been sent."""
        # protects: found-to-have-left-stays-away
        back = [
            one for one in several.before if not one.attempts or self.perhaps_left.pop(one.edit.id, None) is not None
        ]
        for queued in back:
            self._by_another.pop(queued.edit.id, None)
            self._store.to_call_back.pop(queued.edit.id, None)
            self._store.remember(queued)
            self._scheduler.wait_for_source(queued.edit.id)
        self._store.check(*back)
        self._trouble(error)

    def was_wished(self, edit_id: str) -> bool:
        """Whether an edit was to be withdrawn while it waited for the disk, which has answered now; asked once."""
        wished = edit_id in self._store.unwanted
        self._store.unwanted.discard(edit_id)
        return wished

    def given_anew(self, old: Iterable[Queued], new_id: str) -> None:
        """In the place of these stands a new edit; should one of them turn out to have been sent, it is to be told."""
        for one in old:
            if one.attempts:
                self.perhaps_left[one.edit.id] = one
            self._in_place_of[one.edit.id] = new_id

    def not_given_anew(self, old: Iterable[Queued]) -> None:
        """The disk refused what was to stand in the place of these."""
        for one in old:
            self.perhaps_left.pop(one.edit.id, None)
            self._in_place_of.pop(one.edit.id, None)

    def had_left(self, edit_id: str) -> Queued | None:
        """A withdrawn edit turns out to have been sent: how it stood, to be told; None if nobody waits to hear that."""
        queued = self.perhaps_left.pop(edit_id, None)
        self._store.to_call_back.pop(edit_id, None)
        if queued is not None:
            self._by_another.pop(edit_id, None)
            again = self._in_place_of.pop(edit_id, None)
            kept = self._store.pending.creation_under(queued.edit.report or "")
            if (same := self._store.pending.in_place_of(edit_id)) is not None:
                # protects: what-follows-it-goes-on
                self._scheduler.finish(same, Event.PROVED)
            # protects: kept-once-it-is-there-is-not-created
            elif queued.edit.kind is Kind.CREATE and kept is not None and is_surely_not_there(kept):
                self._scheduler.finish(kept, Event.WITHDRAWN)  # what was kept goes to the report that is there
            elif again is not None and not self._is_saved_in_its_place(again, edit_id):
                self.ask_back(again)  # the wish is fulfilled: once is enough
        return queued

    def _is_saved_in_its_place(self, new_id: str, edit_id: str) -> bool:
        """Whether a creation that waits for the disk is for the place of this one: its server says that it is there.

        Taken back it would take along all that was done to the report.
        """
        new = self._store.saving.get(new_id)
        # protects: what-follows-goes-on-while-it-is-saved
        return new is not None and edit_id in new.about.get(INSTEAD_OF, ())

    def found(
        self, perhaps_left: Sequence[Queued], by_another: Sequence[Queued], to_call_back: Sequence[Queued]
    ) -> None:
        """What the disk held when it was opened: see `withdrawn`."""
        self._store.to_call_back |= {queued.edit.id: queued for queued in to_call_back}
        self.perhaps_left |= {queued.edit.id: queued for queued in perhaps_left}
        self.done_by_another(by_another)


def withdrawn(file: WorkFile) -> tuple[list[Queued], list[Queued], list[Queued]]:
    """Of what was withdrawn: what a sync process had, what others dropped or adopted, and what units were told of.

    All are to be told: the first when it turns out to have been sent, the second when its author signs in, the third
    to the units.
    """
    found = file.all([EditState.WITHDRAWN])
    perhaps_left = [queued for queued in found if queued.attempts and queued.reason is not StopReason.KEPT_AS_NEW]
    by_another = [queued for queued in found if queued.reason in (StopReason.DROPPED, StopReason.ADOPTED)]
    return perhaps_left, by_another, [queued for queued in found if is_to_call_back(queued)]


def _note_told(queued: Queued, file: WorkFile) -> None:
    """Its author was told what another did to it: from now on it is like any other that was withdrawn."""
    if queued.state is EditState.WITHDRAWN:
        file.put(queued)
