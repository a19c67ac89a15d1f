"""What an answer means: the state that an edit is in after the sync process, the server's record or a source spoke."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime

from msgspec.structs import replace

from api_client.model import Kind
from console.outbox.listener import Listener
from console.outbox.pending_edits import Place
from console.outbox.pending_store import PendingStore
from console.outbox.scheduler import Scheduler
from console.outbox.withdraw import Withdrawals
from console.outbox.work_file import WorkFile
from console.outbox.work_thread import WorkThread
from console.rules.edit import Edit
from console.rules.messages import Outcome
from console.rules.queued import EditState, Queued, StopReason
from console.rules.transitions import Event, advance, follows

_UNPROVED_S = 120.0
_EVENTS = {
    EditState.QUEUED: Event.NOT_LEFT,
    EditState.UNCONFIRMED: Event.NO_ANSWER,
    EditState.ACCEPTED: Event.TAKEN,
    EditState.SENT: Event.PROVED,
    EditState.ATTENTION: Event.REFUSED,
    EditState.CONFLICT: Event.CHANGED_THERE,
    EditState.EXPIRED: Event.TOO_OLD,
    EditState.WITHDRAWN: Event.WITHDRAWN,
}
"""What the state in an Outcome says that happened."""


class OutcomeHandler:
    """Follows each edit until it is proved: it is SENT when the cache holds the history entry that bears its id."""

    def __init__(
        self,
        store: PendingStore,
        thread: WorkThread,
        scheduler: Scheduler,
        withdrawals: Withdrawals,
        clock: Callable[[str], datetime],
        listener: Listener,
    ) -> None:
        self._listener = listener
        self._store, self._thread, self._clock = store, thread, clock
        self._scheduler, self._withdrawals = scheduler, withdrawals
        self._pending = store.pending
        self._proved_early: set[str] = set()

    def take(self, outcome: Outcome) -> None:
        """What became of an edit that was pushed."""
        if outcome.remote_id is not None:
            self._store.learn_key(outcome)
        # protects: only-the-end-of-a-try-ends-it
        if outcome.ends_a_try:
            self._scheduler.answered(outcome)
        queued = self._pending.get(outcome.edit_id)
        if queued is None:
            self._take_of_withdrawn(outcome)
            self._scheduler.send_due()
            return
        if outcome.state in (EditState.ACCEPTED, EditState.SENT):
            queued = self._tell_too_late(queued)
        match outcome.state:
            # protects: called-back-is-not-withdrawn
            case EditState.WITHDRAWN if not queued.asked_back:
                pass  # called back from the sync process so that the operator can decide, who has not
            case EditState.QUEUED | EditState.EXPIRED if queued.asked_back:
                self._finish(queued, Event.WITHDRAWN)  # it has certainly not arrived
            case EditState.ACCEPTED if queued.edit.id in self._proved_early:
                self._finish(queued, Event.PROVED)
            case EditState.SENT | EditState.WITHDRAWN:
                self._finish(queued, _EVENTS[outcome.state])
            case EditState.EXPIRED if queued.told_by_radio and follows(queued, Event.LET_GO):
                self._store.set(advance(queued, Event.LET_GO))  # told by radio after it had been handed over
            case _:
                self._advance(queued, outcome)
        self._scheduler.send_due()

    def on_proved(self, edit_ids: Iterable[str], numbers: Mapping[str, str] | None = None) -> bool:
        """The cache holds the history entries of these edits: they are sent, whatever was believed before.

        `numbers` are the servers' ids of reports by the edits that created them, as the cache has them. Says whether a
        report that had been proved has another one now.
        """
        finished, is_moved = self._pending.finished_creations() if numbers else {}, False
        for edit_id in edit_ids:
            proof = Outcome(edit_id, EditState.SENT, remote_id=(numbers or {}).get(edit_id))
            if edit_id in self._withdrawals.perhaps_left:
                self._take_of_withdrawn(proof)
            elif proof.remote_id is not None:
                self._store.learn_key(proof)
            queued = self._pending.get(edit_id)
            if queued is None:
                # protects: what-is-done-goes-where-the-record-has-it
                if proof.remote_id is not None and edit_id in finished:
                    is_moved |= self._move(edit_id, finished[edit_id], proof.remote_id)
                continue
            queued = self._tell_too_late(queued)
            if queued.edit.kind is Kind.CREATE and proof.remote_id is None and not self.is_numbered(queued):
                # Its server id is still needed for the edits that follow; asking again with the same key tells it.
                self._proved_early.add(edit_id)
            else:
                self._finish(queued, Event.PROVED)
        self._scheduler.send_due()
        return is_moved

    def is_numbered(self, create: Queued) -> bool:
        """Whether the server has said, of this try, which id the report of a creation has."""
        return create.state is EditState.ACCEPTED and create.edit.report in self._pending.remote

    def on_another(self, edit_ids: Iterable[str]) -> None:
        """The numbers of these edits' reports are other reports at the server now: nothing of it is sent there."""
        for edit_id in edit_ids:
            queued = self._pending.get(edit_id)
            if queued is not None and queued.reason is not StopReason.ANOTHER_REPORT and not queued.asked_back:
                self._scheduler.stop(edit_id)
                self._store.set(advance(queued, Event.PARKED, reason=StopReason.ANOTHER_REPORT))
        self._scheduler.send_due()

    def on_taken_back(self, source: str, edit_ids: Collection[str], then: Callable[[], None]) -> None:
        """A source was set back, and its record does not hold these edits any more, whoever made them.

        What of them was sent from here is in the outbox again, for the operator to decide. `then` is
        called afterwards: what was done to a report that is lost with them must not leave for its old number.
        """
        # protects: lost-comes-back-first
        if not edit_ids:
            then()
            return

        def brought_back(lost: list[Queued]) -> None:
            self._on_brought_back(lost)
            then()

        def failed(error: Exception) -> None:
            self._listener.trouble(error)
            then()

        self._thread.write(lambda file: file.bring_back(source, edit_ids), brought_back, failed)

    def _on_brought_back(self, lost: list[Queued]) -> None:
        self._pending.put(*lost)
        self._store.check(*lost)
        if lost:
            self._scheduler.send_due()
            self._listener.taken_back(lost)

    def source_back(self, source: str | None) -> None:
        """A source (all: None) is live and its cache complete: send what waits, ask about orders that are too old."""
        self._scheduler.source_back(source)
        for one in self._pending.in_state(EditState.UNCONFIRMED):
            if source not in (None, one.edit.source):
                continue
            if one.asked_back:
                self._withdrawals.withdraw_now(one)  # the complete cache does not have it, so it did not arrive
            elif self._scheduler.too_old(one):
                self._scheduler.expire(one)  # the complete cache does not have it, so it did not arrive
        self._scheduler.begin_anew()

    def doubt_unproved(self) -> None:
        """What a server took two minutes ago and has not shown since, though it is read, may have failed there.

        A creation that a server without keys took is left out: some cities look at a new report before they list it.
        """
        for queued in self._pending.in_state(EditState.ACCEPTED):
            here_since = self._scheduler.here_since(queued.edit.source)
            if queued.taken_as is not None or here_since is None:
                continue
            waits_since = max(here_since, queued.changed_at or here_since)
            if (self._clock(queued.edit.source) - waits_since).total_seconds() > _UNPROVED_S:
                self._store.set(advance(queued, Event.DOUBTED, reason=StopReason.NOT_IN_RECORD))

    def _take_of_withdrawn(self, outcome: Outcome) -> None:
        if outcome.state not in (EditState.ACCEPTED, EditState.SENT):
            return
        queued = self._withdrawals.had_left(outcome.edit_id)
        if queued is None:
            if outcome.remote_id is not None:
                self._number_anew(outcome.edit_id, outcome.remote_id)
            return
        taken = advance(queued, Event.HAD_LEFT, taken_as=outcome.taken_as)
        self._store.set(taken)
        if outcome.remote_id is not None:
            self._store.learn_key(outcome)
        elif queued.edit.kind is Kind.CREATE:
            self._store.set(advance(taken, Event.NUMBER_WANTED))
        self._scheduler.send_due()
        if queued.reason is not StopReason.ADOPTED:  # who took it over wanted it to be there
            self._listener.too_late(queued)

    def _number_anew(self, edit_id: str, number: str, before: Place | None = None) -> None:
        """A creation that was proved was sent once more, by who did not know that, to a server that had lost it.

        `before` is where its report was until now, None: where it is known to be.
        """

        def learn(file: WorkFile) -> Edit | None:
            found = file.get(edit_id)
            if found is None or found.state is not EditState.SENT or found.edit.report is None:
                return None
            file.learn_key(found.edit.report, found.edit.source, number)
            return found.edit

        def learnt(creation: Edit | None) -> None:
            if creation is not None and creation.report is not None:
                had = before or self._pending.remote.get(creation.report)
                self._pending.learn({creation.report: (creation.source, number)})
                if had is not None and had != (creation.source, number):
                    self._pending.learn_earlier({had: creation})
            self._scheduler.send_due()

        self._thread.note(learn, learnt, self._listener.trouble)

    def _move(self, edit_id: str, key: str, number: str) -> bool:
        """What is done to a report goes on under the number that its creation has in the record; False: it had it.

        Example: a creation was proved while a second try of it was under way. The server was restored to before the
        first, took the second, under the next number, and its answer was lost.
        """
        source, before = self._pending.remote[key]
        if before == number:
            return False
        self._pending.learn({key: (source, number)})
        self._number_anew(edit_id, number, (source, before))
        return True

    def _tell_too_late(self, queued: Queued) -> Queued:
        """Tell that what was asked back has taken effect; the edit as one that nobody asks back any more."""
        if not queued.asked_back:
            return queued
        self._listener.too_late(queued)
        now = replace(queued, asked_back=False)
        self._store.set(now)
        return now

    def _advance(self, queued: Queued, outcome: Outcome) -> bool:
        """Take the step that follows from an outcome; False where none does.

        What others did meanwhile is left to the operator, also where the value is the one that he saw: the server knows
        what this desk did itself. Example of the other case: two make it P1, each for a reason of his own, and one
        takes his back.
        """
        event = _EVENTS[outcome.state]
        if not follows(queued, event):
            return False
        is_refused = event is Event.REFUSED
        now = advance(
            queued,
            event,
            reason=(outcome.reason or StopReason.REFUSED) if is_refused else None,
            by=outcome.by if is_refused else None,
            problem=outcome.problem,
            theirs=outcome.theirs,
            version=outcome.version,
            taken_as=outcome.taken_as,
        )
        self._store.set(now)
        return True

    def _finish(self, queued: Queued, event: Event) -> None:
        self._proved_early.discard(queued.edit.id)
        self._scheduler.finish(queued, event)
