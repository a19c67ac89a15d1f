"""The outbox as all others see it: what is in it, what an operator can do, what the sync process tells it.

Its parts are in `console.outbox`: what an edit's way is made of stands there.
"""

from __future__ import annotations

import contextlib
import logging
import random
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from api_client.model import Kind
from console.files.errors import StoreError
from console.outbox.drafts import KeptDrafts
from console.outbox.event_loop import EventLoop, TimerHandle
from console.outbox.followed import KeptFollowed
from console.outbox.identity import Identity
from console.outbox.listener import Listener
from console.outbox.outcome_handler import OutcomeHandler
from console.outbox.pending_store import PendingStore
from console.outbox.scheduler import Scheduler
from console.outbox.submit import Submissions
from console.outbox.withdraw import Withdrawals, withdrawn
from console.outbox.work_file import Salvage, WorkFile
from console.outbox.work_thread import WorkThread
from console.rules.edit import Edit, is_local, is_not_sent
from console.rules.followed import Followed, Standpoint
from console.rules.merge import server_value
from console.rules.messages import Outcome, Push, Withdraw
from console.rules.queued import (
    PENDING,
    STUCK,
    EditState,
    Queued,
    is_deleted,
    is_in_force,
    is_settled,
    is_taken,
    is_taken_back,
    maybe_later,
)
from console.rules.text import clean_text
from console.rules.transitions import after_a_break

_log = logging.getLogger(__name__)

_RETRY_S = 10.0


class _WorkFileContent(msgspec.Struct, frozen=True):
    """What work.db holds when it is opened."""

    outbox: list[Queued]
    keys: dict[str, tuple[str, str]]
    made_again: dict[str, Edit]
    drafts: dict[str, dict[str, Any]]
    followed: dict[Standpoint, Followed]
    filters: dict[str, str]
    alarms: dict[str, str]
    salvaged: Salvage | None
    perhaps_left: list[Queued]
    by_another: list[Queued]
    to_call_back: list[Queued]
    earlier: dict[tuple[str, str | None], Edit]


class Outbox:
    """All that an operator did and that is not finished, on the thread of its loop; another does all writes to work.db.

    The parts and their rules: `Submissions` saves an edit, `Scheduler` says what leaves when, `OutcomeHandler` what an
    answer means, `Withdrawals` what becomes of an edit that was taken back. All note states in the `PendingStore`.
    """

    def __init__(
        self,
        folder: Path,
        push: Callable[[Push | Withdraw], None],
        clock: Callable[[], datetime],
        ids: Callable[[], str],
        loop: EventLoop,
        listener: Listener,
        order_lifetime_s: float = 600.0,
        *,
        author: str = "",
        why_reading_only: Callable[[str], str] = lambda _source: "",
        why_not_allowed: Callable[[str, Kind], str] = lambda _source, _kind: "",
        offset: Callable[[str], timedelta] = lambda _source: timedelta(),
        random_source: random.Random | None = None,
    ) -> None:
        """`author` is who sits at the window: see the attribute. The two questions of his rights: see Identity.

        `clock` is this computer's, `offset` says how far that of a source's server is ahead of it: the time of an edit,
        and how old an order is, go by the clock of the server that it is for, whatever others of the profile say.
        """
        self._clock, self._offset, self._ids = clock, offset, ids
        self.loop, self._listener = loop, listener
        self.salvaged: Salvage | None = None
        """What was brought back when work.db was found damaged."""
        self._is_open = False
        self._closed = False
        self._filters: dict[str, str] = {}
        self._alarms: dict[str, str] = {}
        self._retry: TimerHandle | None = None
        open_file = partial(WorkFile, folder, clock=clock, offset=offset)
        thread = self._thread = WorkThread(open_file, _read, self._on_opened, loop)
        identity = self._identity = Identity(author, why_reading_only, why_not_allowed)
        store = self._store = PendingStore(
            thread, self.time_at, loop, listener, lambda stopped: self._scheduler.on_stopped(stopped)
        )
        drafts = self._drafts = KeptDrafts(thread, lambda: identity.default, listener.trouble)
        self.followed = KeptFollowed(thread, listener.trouble)
        """What the operators' desks follow."""
        scheduler = self._scheduler = Scheduler(
            store,
            thread,
            identity,
            push,
            self.time_at,
            order_lifetime_s,
            loop,
            listener.trouble,
            random_source or random.Random(),  # noqa: S311 - only spreads retries
        )
        withdrawals = self._withdrawals = Withdrawals(
            store, thread, scheduler, identity, self.time_at, listener.trouble
        )
        self._new = Submissions(store, thread, drafts, scheduler, withdrawals, identity, self.time_at, ids, listener)
        self._outcomes = OutcomeHandler(store, thread, scheduler, withdrawals, self.time_at, listener)
        self._pending = store.pending
        self._thread.open(self._on_unavailable)

    # What is known

    def time_at(self, source: str) -> datetime:
        """The time by the clock of a source's server, as well as it is known."""
        # protects: time-of-the-own-source
        return self._clock() + self._offset(source)

    @property
    def open_edits(self) -> tuple[Queued, ...]:
        """All edits that are not finished, oldest first."""
        return tuple(self._pending.shown)

    @property
    def open_ids(self) -> tuple[str, ...]:
        """The ids of all edits that are not finished, oldest first."""
        return tuple(self._pending)

    def open_edit(self, edit_id: str) -> Queued | None:
        """One of the edits that are not finished, as in `open_edits`."""
        return self._pending.shown_one(edit_id)

    def open_in(self, state: EditState) -> list[Queued]:
        """Those in one state, as in `open_edits`."""
        return self._pending.shown_in(state)

    @property
    def counts(self) -> dict[EditState, int]:
        """How many unfinished edits stand in each state."""
        return self._pending.counts

    @property
    def has_due(self) -> bool:
        """Whether something may go and has only not been handed over yet."""
        return self._is_open and self._scheduler.has_due

    @property
    def saving(self) -> frozenset[str]:
        """The ids of the edits that wait for the disk: each is `saved` or `refused` soon."""
        return frozenset(self._store.saving)

    def pending_for(self, source: str, report_key: str | None) -> tuple[Edit, ...]:
        """The edits that the shown state of a report includes, oldest first."""
        return tuple(queued.edit for queued in self.open_for(source, report_key) if queued.state in PENDING)

    def given_for(self, source: str, report_key: str | None) -> tuple[Edit, ...]:
        """The same with those that still wait for the disk."""
        place = source, report_key
        saving = (found for one in self._store.saving.values() if (found := self._pending.at(one, place)) is not None)
        return (*self.pending_for(source, report_key), *saving)

    def given_to(self, source: str, unit: str) -> tuple[Edit, ...]:
        """The same of all that names a unit of a source, on whatever report, also beside its own."""
        shown = (one.edit for one in self._pending.of_unit(source, unit) if one.state in PENDING)
        saving = (one for one in self._store.saving.values() if one.source == source and one.data.get("unit") == unit)
        # protects: what-a-unit-leaves-is-no-work-of-it
        return tuple(each for one in (*shown, *saving) for each in (*self._pending.steps_beside(one), one))

    def open_for(self, source: str, report_key: str | None) -> tuple[Queued, ...]:
        """The edits of a report that are not finished, oldest first."""
        return self._pending.shown_at((source, report_key))

    def ask_spoken_of(self, then: Callable[[set[tuple[str, str]]], object]) -> None:
        """Tell `then` about which reports, by source and number, words are kept here that are finished."""
        self._thread.write(lambda file: file.spoken_of(), then, self._listener.trouble)

    def forget_words(self, erased: Mapping[tuple[str, str], datetime]) -> None:
        """Let go of what is kept here of reports that were erased at their servers, and when: see `WorkFile`."""
        self._thread.write(lambda file: file.forget_words(erased), self._drafts.gone, self._listener.trouble)

    @property
    def deleted(self) -> tuple[Edit, ...]:
        """The edits whose reports are not at the server any more, oldest first."""
        # protects: who-waits-for-a-report
        return tuple(one.edit for one in self.open_in(EditState.ATTENTION) if is_deleted(one))

    @property
    def retryable(self) -> tuple[str, ...]:
        """The ids of this operator's that were refused for a reason that may have passed, or lost, oldest first.

        Lost are those that the server had taken before it was set back. Never what needs a decision: a conflict, an
        order past its time, a report that is gone, an unknown outcome.
        """
        refused = (one for one in self.open_in(EditState.ATTENTION) if maybe_later(one) or is_taken_back(one))
        return tuple(one.edit.id for one in refused if not self._identity.is_another(one.edit))

    @property
    def on_reports(self) -> tuple[tuple[Edit, str], ...]:
        """The edits that the server has not taken, each with its report's id there, where it has one; oldest first."""
        outbox = self._pending
        placed = ((one, outbox.place(one.edit)[1]) for one in outbox.values() if one.edit.kind is not Kind.CREATE)
        return tuple(
            (one.edit, report)
            for one, report in placed
            if one.state is not EditState.ACCEPTED and report is not None and not is_local(report)
        )

    def without_number(self, edit_ids: Collection[str]) -> tuple[str, ...]:
        """Which of these are creations whose reports' ids at the server are not known for certain.

        One that was sent again, or more than once, may have another than before: a server that was set back has lost
        the first.
        """
        withdrawn_ = self._withdrawals.perhaps_left
        found = ((self._pending.get(edit_id) or withdrawn_.get(edit_id)) for edit_id in edit_ids)
        made = (one for one in found if one is not None and one.edit.kind is Kind.CREATE)
        unnumbered = [one.edit.id for one in made if not self._outcomes.is_numbered(one)]
        finished = self._pending.finished_creations()
        return (*unnumbered, *(edit_id for edit_id in edit_ids if edit_id in finished))

    def waiting_ids(self) -> tuple[str, ...]:
        """Ids to look up in the cache (`CacheReader.proved`) after a start."""
        return (*self._pending, *self._withdrawals.perhaps_left, *self._pending.finished_creations())

    def remote_of(self, local_key: str) -> str | None:
        """The server's id of a report that was created here; None while it has none."""
        return self._pending.remote_of(local_key)

    def held_by(self, edit_id: str) -> Queued | None:
        """For which earlier edit one waits that could leave, or with which it is stopped: see `SendOrder.held_by`."""
        return self._scheduler.held_by(edit_id)

    def is_not_sent(self, edit: Edit, *, away: bool) -> bool:
        """Whether an order that waits here is NOT SENT: it cannot leave now, or it should have left by now.

        `away` says that its source is known to take nothing now.
        """
        return is_not_sent(edit, self.time_at(edit.source), away=away or self.held_by(edit.id) is not None)

    def stopped_with(self, edit_id: str) -> tuple[Queued, ...]:
        """What is not sent because this edit was lost, on which it rests; oldest first, as in `open_edits`."""
        lost = self._pending.get(edit_id)
        found = self._pending.stopped_with(lost) if lost is not None and lost.state in STUCK else ()
        return tuple(shown for one in found if (shown := self._pending.shown_one(one.edit.id)) is not None)

    @property
    def lost(self) -> tuple[Queued, ...]:
        """What this operator did that the server did not take, oldest first, as in `open_edits`: see `stopped_with`."""
        found = (one for state in STUCK for one in self.open_in(state) if not self._identity.is_another(one.edit))
        return tuple(sorted(found, key=lambda one: one.edit.number))

    @property
    def left_here(self) -> tuple[Queued, ...]:
        """The creations of reports by others than the present operator that no server is known to have, oldest first.

        As in `open_edits`: whoever sits here is the only one who can know of these reports.
        """
        found = (one for one in self._pending.creations if not is_taken(one))
        mine = (self._pending.shown_one(one.edit.id) for one in found if self._identity.is_another(one.edit))
        return tuple(sorted((one for one in mine if one is not None), key=lambda one: one.edit.number))

    @property
    def told_by_others(self) -> tuple[Queued, ...]:
        """The orders by others than the present operator of which a unit was told by radio, and no server knows.

        Oldest first, as in `open_edits`. Their crews are on their way, and every other desk sees a report without one.
        What was ordered on a report that is not at the server either goes with that one: see `left_here`.
        """
        return tuple(
            one
            for one in self._pending.told_of
            if self._identity.is_another(one.edit) and self._new.has_its_report(one.edit)
        )

    @property
    def untold(self) -> tuple[Queued, ...]:
        """The orders to units, whoever gave them, that may not have left and of which nobody told the unit by radio.

        Oldest first, as in `open_edits`.
        """
        return tuple(self._pending.untold)

    @property
    def to_call_back(self) -> tuple[Queued, ...]:
        """The orders that were given up after their units had been told by radio, which have not been told so yet."""
        return tuple(sorted(self._store.to_call_back.values(), key=lambda one: one.edit.number))

    @property
    def told_in_vain(self) -> tuple[Queued, ...]:
        """The orders by which units were told by radio to go where the server has not sent them, nor will by itself.

        They were given up, or were lost and wait for an answer.
        """
        lost = (one for state in (*STUCK, EditState.STOPPED) for one in self.open_in(state) if not is_in_force(one))
        found = (*self.to_call_back, *lost)
        return tuple(one for one in found if one.told_by_radio and one.edit.kind is Kind.DISPATCH)

    @property
    def told_and_waiting(self) -> tuple[Queued, ...]:
        """The orders by which units were told by radio to go, and that the server has not yet or is asked to take."""
        waiting = (one for state in PENDING for one in self.open_in(state))
        return tuple(one for one in waiting if one.told_by_radio and one.edit.kind is Kind.DISPATCH)

    def base_on_own(self, source: str, report_key: str | None, base: dict[str, Any]) -> dict[str, Any]:
        """The values of a report's fields before a change, with one's own last changes that what is shown lacks."""
        return self._new.base_on_own(source, report_key, base)

    # Who the operator is

    @property
    def author(self) -> str:
        """Who sits at the window: drafts are his, and edits for each source at which `sign_in` named nobody."""
        return self._identity.default

    @author.setter
    def author(self, author: str) -> None:
        self._identity.default = author
        self._pending.stir_all()

    def author_for(self, source: str) -> str:
        """Who makes the edits for a source."""
        return self._identity.at(source)

    def is_anothers(self, edit: Edit) -> bool:
        """Whether an edit waits for another operator to sign in."""
        return self._identity.is_another(edit)

    @property
    def authors(self) -> Mapping[str, str]:
        """Who makes the edits for the sources at which `sign_in` named somebody."""
        return self._identity.named

    def sign_in(self, source: str, author: str) -> None:
        """Who makes the edits for a source from now on; edits of another author wait until he signs in."""
        self._identity.sign_in(source, author)
        self._pending.stir_all()
        self._scheduler.send_due()

    def why_refused(self, source: str, kind: Kind) -> str:
        """Why this operator may not make such an edit for a source now, "" when he may."""
        return self._identity.why_refused(source, kind)

    def take_done_by_others(self, source: str) -> tuple[Queued, ...]:
        """What others dropped of the present operator's, or sent in their own names, oldest first. Told once.

        `reason` says which of the two, `by` who and when.
        """
        return self._withdrawals.take_done_by_others(source)

    # What the operator does

    def submit(
        self,
        kind: Kind,
        report_key: str | None,
        *,
        source: str,
        data: dict[str, Any],
        base: dict[str, Any],
        base_version: int | None,
        title: str,
        undoes: str | None = None,
        about: dict[str, Any] | None = None,
    ) -> str:
        """Make an edit and return its id at once; `saved` or `refused` follows when the disk has answered.

        A CREATE without a key gets the local key "local:<edit id>", its report's key for life. `about` is what a CREATE
        of its report would carry, should the report be deleted meanwhile.
        """
        edit = Edit(
            id=self._ids(),
            kind=kind,
            report=report_key,
            author=self.author_for(source),
            device="",
            number=0,
            occurred_at=self.time_at(source),
            data=data,
            base=base,
            base_version=base_version,
            source=source,
            undoes=undoes,
            title=title,
            about=about or {},
        )
        self._new.submit(edit)
        return edit.id

    def together(self) -> contextlib.AbstractContextManager[None]:
        """What is made inside is one write: the disk has all of it or nothing."""
        return self._new.together()

    def withdraw(self, edit_id: str) -> bool:
        """Take an edit back that has not left; False when it is too late (or unknown): then an inverse edit is needed.

        With a report's CREATE everything that was done to that report goes too.
        """
        return self._withdrawals.withdraw(edit_id)

    def ask_back(self, edit_id: str) -> bool:
        """Withdraw now, or ask the sync process not to send what it still holds: the outcome tells.

        False when the server has taken it already (or it is unknown).
        """
        return self._withdrawals.ask_back(edit_id)

    def retry(self, *edit_ids: str) -> None:
        """Send again what was refused: the same edits under the same keys."""
        self._scheduler.retry(edit_ids)

    def mark_told(self, edit_id: str, who: str) -> None:
        """Record who was told by radio; who tells a unit where to go tells it also what it leaves for that."""
        queued = self._pending.get(edit_id)
        if queued is not None:
            self._store.set(replace(queued, told_by_radio=clean_text(who)))

    def mark_called_back(self, edit_id: str) -> None:
        """Record that the unit of one of `to_call_back` has been told that the order does not stand."""
        self._store.called_back(edit_id)

    def still_wanted(self, edit_id: str, yes: bool) -> None:
        """Answer for an expired order: give it anew (a new edit, made now), or drop it."""
        queued = self._pending.get(edit_id)
        if queued is None or queued.state is not EditState.EXPIRED:
            return
        if yes:
            self._new.give_anew(queued, queued.edit.base, queued.edit.base_version)
        else:
            self.withdraw(edit_id)

    def give_again(self, edit_id: str) -> bool:
        """Send what was lost all the same, and what was stopped with it: by who was told why it was not sent.

        An order past its time and what was refused is given as it is. After a take that another was faster with, or an
        order for a crew that is there already, that one is dropped and the rest is given. False for a conflict in which
        there is something to choose (`choose`), and for a report that was deleted (`keep_as_new`).
        """
        queued = self._lost(edit_id)
        if queued is None:
            return False
        if is_deleted(queued):
            return False
        if queued.state in (EditState.EXPIRED, EditState.STOPPED):
            self._new.give_anew(queued, queued.edit.base, queued.edit.base_version)
        elif queued.state is EditState.ATTENTION:
            self.retry(queued.edit.id)
        elif is_settled(queued) and self._pending.stopped_with(queued):
            self._new.give_without(queued)
        else:
            return False
        return True

    def drop_lost(self, edit_id: str) -> bool:
        """Give up what was lost, with all that was stopped with it."""
        queued = self._lost(edit_id)
        return queued is not None and self.withdraw(queued.edit.id)

    def _lost(self, edit_id: str) -> Queued | None:
        """The edit that was lost; of one that is stopped the one on which it rests."""
        queued = self._pending.get(edit_id)
        if queued is not None and queued.state is EditState.STOPPED:
            queued = self._pending.lost_under(queued) or queued
        return queued if queued is not None and queued.state in (*STUCK, EditState.STOPPED) else None

    def choose(self, edit_id: str, mine: bool, *, data: dict[str, Any] | None = None) -> str:
        """Settle a conflict: mine becomes a new edit on top of theirs; theirs withdraws the edit.

        Mine answers what the conflict told of, and nothing else. `data` is what mine is to say now. Returns the id of
        the new edit, "" for none.
        """
        queued = self._pending.get(edit_id)
        if queued is None or queued.state is not EditState.CONFLICT:
            return ""
        if not mine:
            self.withdraw(edit_id)
            return ""
        now_there = {
            field: server_value(value)[0] for field, value in queued.theirs.items() if field in queued.edit.data
        }
        base_version = queued.edit.base_version if queued.version is None else queued.version
        return self._new.give_anew(queued, {**queued.edit.base, **now_there}, base_version, data)

    def goes_along(self, edit_id: str) -> tuple[Queued, ...]:
        """The edits that go along when the deleted report of this one is kept as a new one; () when it is no such."""
        return self._new.goes_along(edit_id)

    def keep_as_new(
        self, edit_id: str, data: dict[str, Any], *, title: str, words: Callable[[Sequence[Edit]], str]
    ) -> str:
        """Make a new report in the place of a deleted one; its CREATE's id, "" when there is nothing to keep.

        `words` makes a note of those edits that cannot follow; see `Submissions.keep_as_new`.
        """
        return self._new.keep_as_new(edit_id, data, title=title, words=words)

    def drop(self, edit_id: str) -> bool:
        """Throw away what another operator left here, who is told; False when it may be on its way."""
        return self._withdrawals.drop(edit_id)

    def may_be_adopted(self, edit_id: str) -> bool:
        """Whether `adopt` would send this edit as the present operator's: see `Submissions.may_be_adopted`."""
        return self._new.may_be_adopted(edit_id)

    def adopt(self, edit_id: str, words: Callable[[Queued, Sequence[Queued]], str]) -> bool:
        """Send as the present operator's what another left here; False when it may not be, as it may be on its way.

        Of a colleague that is the creation of a report, with all that was done to it: see `Submissions.adopt`, also for
        `words`. Of what was made before sign-in was needed it is anything.
        """
        return self._new.adopt(edit_id, words)

    # What the sync process says

    def on_outcome(self, outcome: Outcome) -> None:
        """What became of an edit that was pushed."""
        self._outcomes.take(outcome)

    def on_proved(self, edit_ids: Iterable[str], numbers: Mapping[str, str] | None = None) -> bool:
        """The cache holds the history entries of these edits: they are sent, whatever was believed before.

        `numbers` are the servers' ids of reports by the edits that created them, as the cache has them. Says whether a
        report that had been proved has another one now: what is done to it is to be looked up once more.
        """
        return self._outcomes.on_proved(edit_ids, numbers)

    def on_another(self, edit_ids: Iterable[str]) -> None:
        """The numbers of these edits' reports are other reports at the server now: nothing of it is sent there."""
        self._outcomes.on_another(edit_ids)

    def on_taken_back(self, source: str, edit_ids: Collection[str], then: Callable[[], None] = lambda: None) -> None:
        """A source was set back, and its record does not hold these edits any more, whoever made them.

        `then` is called when what of them was sent from here is in the outbox again.
        """
        self._outcomes.on_taken_back(source, edit_ids, then)

    def resend_due(self, source: str | None = None) -> None:
        """A source (all: None) is live and its cache complete: send what waits, ask about orders that are too old."""
        self._outcomes.source_back(source)

    def source_reached(self, source: str) -> None:
        """A source is there and is being read for the first time: what waits for it need not wait for that."""
        self._scheduler.source_reached(source)

    def try_now(self, source: str | None = None) -> None:
        """A source (all: None) may be there again, or somebody wants to know: what waits for a better time is tried."""
        self._scheduler.hurry(source)

    def source_lost(self, source: str, *, is_refused: bool = False) -> None:
        """A source cannot be reached: nothing is pushed for it until `resend_due`.

        When it `is_refused` it is there and lets nobody in: whether it does again only trying tells.
        """
        self._scheduler.source_lost(source, is_refused=is_refused)

    def on_restarted(self) -> None:
        """The sync process was started again: what it had under way may or may not have left."""
        self._scheduler.restarted()

    # Drafts, filters, alarms: kept in memory, written behind

    def save_draft(self, key: str, draft: dict[str, Any]) -> None:
        """Keep what was typed into a form; tried again while the disk refuses it."""
        self._drafts.save(key, draft)

    def draft(self, key: str) -> dict[str, Any] | None:
        """What was typed into a form and not committed."""
        return self._drafts.get(key)

    @property
    def drafts(self) -> dict[str, dict[str, Any]]:
        """All drafts by key."""
        return self._drafts.all()

    def draft_key(self, form: str, source: str, report: str) -> str:
        """What a form's draft for a report is kept under; a report created here keeps it when it gets its number."""
        return self._drafts.key_of(form, source, report, self.remote_of)

    def drop_draft(self, key: str) -> None:
        """Forget a draft."""
        self._drafts.drop(key)

    def using_draft(self, key: str) -> contextlib.AbstractContextManager[None]:
        """An edit that is made inside is what became of this draft: one write saves the first and ends the second."""
        return self._drafts.using(key)

    @property
    def filters(self) -> dict[str, str]:
        """Saved filters: name -> text."""
        return dict(self._filters)

    def save_filter(self, name: str, text: str) -> None:
        """Keep a filter under a name."""
        self._filters[name] = text
        self._store.note(lambda file: file.save_filter(name, text))

    def drop_filter(self, name: str) -> None:
        """Forget a saved filter."""
        if self._filters.pop(name, None) is not None:
            self._store.note(lambda file: file.drop_filter(name))

    @property
    def alarms(self) -> dict[str, str]:
        """Alarm states by key."""
        return dict(self._alarms)

    def set_alarm(self, key: str, state: str) -> None:
        """Note an alarm's state."""
        self._alarms[key] = state
        self._store.note(lambda file: file.set_alarm(key, state))

    # Opening, trying again, the end

    def close(self) -> None:
        """Write what waits to be written, then close work.db; nothing is called back afterwards."""
        if self._closed:
            return
        self._closed = True
        if self._retry is not None:
            self._retry.cancel()
        self._store.close()
        self._scheduler.close()
        self._thread.close()

    def _try_again_later(self) -> None:
        if self._retry is None and not self._closed:
            self._retry = self.loop.call_later(_RETRY_S, self._on_retry)

    def _on_retry(self) -> None:
        self._retry = None
        self._try_again()
        self._try_again_later()

    def _try_again(self) -> None:
        if not self._is_open:
            self._thread.open(lambda _: None)
            return
        self._drafts.write_again()
        self.followed.write_again()
        self._outcomes.doubt_unproved()
        self._scheduler.begin_anew()

    def _on_opened(self, kept: _WorkFileContent) -> None:
        for queued in kept.outbox:
            self._pending.put(after_a_break(queued))
            self._scheduler.wait_for_source(queued.edit.id)
        self._pending.made_again |= kept.made_again
        self._pending.learn(kept.keys)
        self._pending.learn_earlier(kept.earlier)
        self._drafts.found(kept.drafts)
        self.followed.found(kept.followed)
        self._filters = kept.filters | self._filters
        self._alarms = kept.alarms | self._alarms
        self.salvaged = kept.salvaged
        self._withdrawals.found(kept.perhaps_left, kept.by_another, kept.to_call_back)
        self._store.check(*(one for state in STUCK for one in self._pending.in_state(state)))
        self._is_open = True
        self._try_again_later()
        self._scheduler.send_due()
        self._listener.opened()

    def _on_unavailable(self, error: Exception) -> None:
        if not isinstance(error, StoreError):
            _log.error("work.db could not be opened", exc_info=error)
        self._try_again_later()
        self._listener.unavailable(error)


def _read(file: WorkFile) -> _WorkFileContent:
    unfinished = file.unfinished()
    return _WorkFileContent(
        unfinished,
        file.local_keys(),
        file.made_again(),
        file.drafts(),
        file.followed(),
        file.filters(),
        file.alarms(),
        file.salvaged,
        *withdrawn(file),
        file.earlier_numbers(unfinished),
    )
