"""How an edit comes into the outbox: saved as a new one, or in one write in the place of others that are withdrawn."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from api_client.model import Kind
from console.outbox.drafts import KeptDrafts
from console.outbox.identity import Identity
from console.outbox.listener import Listener
from console.outbox.pending_store import PendingStore
from console.outbox.scheduler import Scheduler
from console.outbox.withdraw import NOT_LEFT, Withdrawals, Withdrawn
from console.outbox.work_file import WorkFile
from console.outbox.work_thread import WorkThread
from console.rules.edit import BEFORE_SIGN_IN, INSTEAD_OF, SINCE, Edit, ReadingOnly, is_local, is_order, local_key
from console.rules.merge import same, value_after
from console.rules.queued import (
    PENDING,
    STUCK,
    ByWhom,
    EditState,
    Queued,
    StopReason,
    is_deleted,
    is_surely_not_there,
    is_taken,
    is_told_of,
    with_shown,
)
from console.rules.recreate import carry
from console.rules.text import clean_text, cleaned
from console.rules.transitions import after_a_break

_MOST_EARLIER = 20
"""In the place of so many one is sent at most."""


class Submissions:
    """What an operator makes, and what takes the place of what he made before; each waits for the disk first."""

    def __init__(
        self,
        store: PendingStore,
        thread: WorkThread,
        drafts: KeptDrafts,
        scheduler: Scheduler,
        withdrawals: Withdrawals,
        identity: Identity,
        clock: Callable[[str], datetime],
        ids: Callable[[], str],
        listener: Listener,
    ) -> None:
        self._listener = listener
        self._store, self._thread, self._drafts = store, thread, drafts
        self._scheduler, self._withdrawals, self._identity = scheduler, withdrawals, identity
        self._clock, self._ids = clock, ids
        self._pending = store.pending
        self._together: list[Edit] | None = None

    def submit(self, edit: Edit) -> None:
        """Save a new edit; `saved` or `refused` follows. A CREATE without a report's key gets "local:<edit id>"."""
        if edit.kind is Kind.CREATE and edit.report is None:
            edit = replace(edit, report=local_key(edit.id))
        edit = _clean(replace(edit, base=self.base_on_own(edit.source, edit.report, edit.base)))
        self._store.saving[edit.id] = edit
        # protects: together-or-not-at-all
        if self._together is not None:
            self._together.append(edit)
        else:
            self._save(edit)

    def _save(self, edit: Edit) -> None:
        why, draft = self._identity.why_refused(edit.source, edit.kind), self._drafts.use(edit.id)

        def save(file: WorkFile) -> Queued:
            _check_rights(why)
            return file.append(replace(edit, device=file.device, number=file.next_number()), draft)

        def saved(queued: Queued) -> None:
            self._pending.put(queued)
            self._on_saved(queued)

        self._thread.write(save, saved, lambda error: self._on_refused(edit.id, error), hurry=True)

    @contextmanager
    def together(self) -> Iterator[None]:
        """What is submitted and withdrawn inside is one write, all of it or nothing; `saved` or `refused` follows for
        each that is submitted.
        """
        edits = self._together = list[Edit]()
        with self._withdrawals.together() as gone:
            try:
                yield
            except BaseException:
                for edit in edits:
                    self._store.saving.pop(edit.id, None)
                edits.clear()
                raise
            finally:
                self._together = None
                if not edits:
                    self._withdrawals.note(gone)
                elif len(edits) == 1 and not gone.now:
                    self._save(edits[0])
                else:
                    self._save_together(edits, gone)

    def _save_together(self, edits: Sequence[Edit], gone: Withdrawn) -> None:
        whys = [self._identity.why_refused(edit.source, edit.kind) for edit in edits]
        draft = self._drafts.use(edits[0].id)

        def save(file: WorkFile) -> list[Queued]:
            _check_rights(next(filter(None, whys), ""))
            return file.exchange((), [Queued(edit, EditState.QUEUED) for edit in edits], None, draft, gone=gone.now)

        def saved(kept: list[Queued]) -> None:
            self._pending.put(*kept)
            for one in kept:
                self._on_saved(one)

        def refused(error: Exception) -> None:
            if gone.now:
                self._withdrawals.not_withdrawn(gone, error)
            for edit in edits:
                self._on_refused(edit.id, error)

        # What is noted of those that are withdrawn must not come after that.
        self._thread.write(save, saved, refused, hurry=not gone.now)

    def give_anew(
        self, old: Queued, base: dict[str, Any], base_version: int | None, data: dict[str, Any] | None = None
    ) -> str:
        """The same wish as a new edit, made now, in the place of the old one; what was stopped with it follows it.

        Of a conflict each of them has seen what it told of, and nothing else. A crew that was told stays so. Returns
        the new edit's id.
        """
        resting = self._pending.stopped_with(old)
        new = replace(self._as_new_edit(old, old), occurred_at=self._clock(old.edit.source), base=base)
        new = replace(new, data=old.edit.data if data is None else data)
        if base_version != old.edit.base_version and new.base_version is not None:
            # protects: kept-mine-has-seen-what-it-was-told
            about = {SINCE: old.edit.base_version, **new.about}
            new = replace(new, base_version=base_version, about=about)
        first = Queued(_clean(new), EditState.QUEUED, told_by_radio=old.told_by_radio)
        self._exchange([old, *resting], [first, *self._anew(resting, old)])
        return new.id

    def give_without(self, lost: Queued) -> None:
        """What was stopped with a lost edit is given now without that one, which is withdrawn, by who knows it.

        Does nothing when nothing was stopped.
        """
        resting = self._pending.stopped_with(lost)
        if resting:
            self._exchange([lost, *resting], self._anew(resting, lost))

    def base_on_own(self, source: str, report: str | None, base: dict[str, Any]) -> dict[str, Any]:
        """The values before a change: where they are those before one's own last change, the ones after that.

        What is shown may be older than what the operator did last, which waits for the disk.
        """
        if not base:
            return base
        me, based = self._identity.at(source), dict(base)
        places = {(source, report), self._pending.place_of(source, report)}
        known = (one.edit for one in self._pending.of_report(source, report) if one.state in PENDING)
        saving = (one for one in self._store.saving.values() if self._pending.place(one) in places)
        for edit in (*known, *saving):
            if edit.kind is Kind.SET and edit.author == me:
                for name in based.keys() & edit.data.keys() & edit.base.keys():
                    if same(based[name], edit.base[name]):
                        based[name] = value_after(name, based[name], edit.data[name])
        return based

    def _anew(self, resting: Sequence[Queued], lost: Queued) -> list[Queued]:
        """New edits in the place of those that rest on a lost one, oldest first."""
        return [
            Queued(_clean(self._as_new_edit(one, lost)), EditState.QUEUED, told_by_radio=one.told_by_radio)
            for one in resting
        ]

    def _as_new_edit(self, old: Queued, lost: Queued) -> Edit:
        """An edit under a new id, by the present operator, who was told why another was lost.

        An order is given now, a fact keeps its time. It goes with the version that its author saw.
        """
        edit = old.edit
        again = replace(
            edit,
            id=self._ids(),
            author=self._identity.at(edit.source) or edit.author,
            occurred_at=self._clock(edit.source) if is_order(edit) else edit.occurred_at,
            late=False,
        )
        # protects: stopped-has-seen-no-more
        return with_shown(again, lost) if again.base_version is not None else again

    def goes_along(self, edit_id: str) -> tuple[Queued, ...]:
        """The edits that go along when the deleted report of this one is kept as a new one, oldest first.

        All of this operator's on that report (not on another that has its number now) that the server has not taken;
        what may be on its way can do nothing to a report that is gone. () when the edit is no such one, and when its
        report comes again by its own creation, or will be asked about with that.
        """
        chosen = self._pending.get(edit_id)
        if chosen is None or not is_deleted(chosen) or self._identity.is_another(chosen.edit):
            return ()
        # protects: own-creation-is-asked-about
        if self._pending.creation_behind(chosen.edit) is not None:
            return ()
        # protects: merged-report-is-there
        if chosen.reason is StopReason.CREATION_WITHDRAWN and self._pending.is_awaited(chosen.edit.report or ""):
            return ()  # a merge, and its main report is the one that was taken back
        if self._pending.again(chosen.edit, chosen.edit.report) is not None:
            return ()
        place = self._pending.place(chosen.edit)
        # protects: local-key-is-one-report
        made = None if is_local(place[1]) else chosen.edit.about.get("created")
        return tuple(
            one
            for one in self._pending.values()
            if self._pending.place(one.edit) == place
            and one.state is not EditState.ACCEPTED
            and one.edit.kind is not Kind.CREATE
            and not one.asked_back
            and not self._identity.is_another(one.edit)
            and made in (None, one.edit.about.get("created", made))
        )

    def keep_as_new(
        self, edit_id: str, data: dict[str, Any], *, title: str, words: Callable[[Sequence[Edit]], str]
    ) -> str:
        """Make a new report in the place of a deleted one; its CREATE's id, "" when there is nothing to keep.

        In one write the edits that go along (see `goes_along`) are withdrawn and new ones wait for the new report: a
        note of what `words` makes of those that cannot follow, then the facts in their order, then the orders, each
        as "still wanted?" (see console.rules.recreate). `saved` comes for each, or `refused` for the CREATE.
        """
        old = self.goes_along(edit_id)
        if not old:
            return ""
        source = old[0].edit.source
        author, now = self._identity.at(source), self._clock(source)
        plain = Edit(self._ids(), Kind.CREATE, None, author, "", 0, now, source=source, title=title)
        again = self._pending.key_to_create_again(source, old[0].edit.report)
        create = replace(plain, report=again or local_key(plain.id), data=data)
        carried = carry(old, create)
        note = replace(plain, kind=Kind.NOTE, data={"text": words(carried.tell)})
        facts = [replace(one, id=self._ids(), report=create.report) for one in (note, *carried.follow)]
        orders = [replace(one, edit=replace(one.edit, id=self._ids(), report=create.report)) for one in carried.ask]
        new = [
            *(Queued(_clean(replace(one, author=author, late=False)), EditState.QUEUED) for one in (create, *facts)),
            *(
                Queued(
                    _clean(replace(one.edit, author=author, late=False)),
                    EditState.EXPIRED,
                    told_by_radio=one.told_by_radio,
                )
                for one in orders
            ),
        ]
        self._exchange(old, new, StopReason.KEPT_AS_NEW)
        return create.id

    def may_be_adopted(self, edit_id: str) -> bool:
        """Whether the present operator may send this edit as his own: another left it here, and nobody sends it.

        Of a colleague that is the creation of a report that no server is known to have: who had it is at home, and
        nobody else knows of the report; and an order of which its unit was told by radio. Of what was made before
        sign-in was needed it is anything that has not left.
        """
        queued = self._pending.get(edit_id)
        # protects: adopted-is-not-under-way
        if queued is None or not self._identity.is_another(queued.edit) or self._scheduler.is_handed_over(edit_id):
            return False
        if queued.edit.author == BEFORE_SIGN_IN:
            return queued.state in NOT_LEFT
        if is_told_of(queued):
            return self.has_its_report(queued.edit)
        return queued.edit.kind is Kind.CREATE and not is_taken(queued)

    def has_its_report(self, edit: Edit) -> bool:
        """Whether the server has the report that an edit is about, as far as is known here."""
        key = edit.report or ""
        return not is_local(key) or key in self._pending.remote

    def adopt(self, edit_id: str, words: Callable[[Queued, Sequence[Queued]], str]) -> bool:
        """Send as the present operator's what another left here; False when it `may_be_adopted` no more.

        It becomes a new edit with the same data and its own time; with a report's CREATE all that was done to the
        report becomes new edits, in their order. `words` makes of a colleague's CREATE, and of what others did to the
        report, the note that names them in its history.
        """
        queued = self._pending.get(edit_id)
        if queued is None or not self.may_be_adopted(edit_id):
            return False
        if queued.edit.author == BEFORE_SIGN_IN:
            self._adopt_from_before_sign_in(queued)
        elif is_told_of(queued):
            self._adopt_order(queued, words)
        else:
            self._adopt_report(queued, words)
        return True

    def _adopt_report(self, create: Queued, words: Callable[[Queued, Sequence[Queued]], str]) -> None:
        """A colleague's report under the present operator's name, with a note that names him, and what follows it.

        Where the colleague's own may have arrived the new one goes in its place, as one of which that is not known.
        Facts follow as they are, and so does what the operator did to the report himself. Orders of others ask
        "still wanted?": nobody gives an order that he has not read.
        """
        source = create.edit.source
        me, now = self._identity.at(source), self._clock(source)
        children = [
            one
            for one in self._pending.children(create)
            if one.state in NOT_LEFT and is_surely_not_there(one) and not self._scheduler.is_handed_over(one.edit.id)
        ]
        old = [create, *children]
        ids = {one.edit.id: self._ids() for one in old}

        def anew(one: Queued) -> Queued:
            undoes = ids.get(one.edit.undoes, one.edit.undoes) if one.edit.undoes else None
            edit = _clean(replace(one.edit, id=ids[one.edit.id], author=me, undoes=undoes, late=False))
            if not self._identity.is_another(one.edit):
                lost = one.state in STUCK
                return replace(
                    Queued(edit, EditState.QUEUED) if not lost else _as_lost(one, edit), told_by_radio=one.told_by_radio
                )
            # protects: adopted-order-is-asked-about
            if is_order(edit):
                return Queued(edit, EditState.EXPIRED, reason=StopReason.HELD_BACK, told_by_radio=one.told_by_radio)
            return Queued(edit, EditState.QUEUED)

        def created_anew() -> Queued:
            new = anew(create)
            # protects: adopted-goes-in-its-place
            if is_surely_not_there(create):
                return new
            earlier = [*create.edit.about.get(INSTEAD_OF, ()), create.edit.id][-_MOST_EARLIER:]
            about = {**new.edit.about, INSTEAD_OF: earlier}
            return replace(new, edit=replace(new.edit, about=about), state=EditState.UNCONFIRMED)

        others = [one for one in children if self._identity.is_another(one.edit)]
        about = {name: value for name, value in create.edit.about.items() if name != INSTEAD_OF}
        plain = Edit(self._ids(), Kind.NOTE, create.edit.report, me, "", 0, now, source=source, title=create.edit.title)
        note = replace(plain, data={"text": words(create, others)}, about=about)
        new = [created_anew(), Queued(_clean(note), EditState.QUEUED), *map(anew, children)]
        self._exchange(old, new, adopted=[create, *others], by=ByWhom(me, now))

    def _adopt_order(self, order: Queued, words: Callable[[Queued, Sequence[Queued]], str]) -> None:
        """A colleague's order, of which the unit knows, under the present operator's name, with what the unit did.

        It keeps its time, and the version that was seen then, so that the server asks about what was done since. Where
        the colleague's own arrived the unit is there already, and is not sent twice.
        """
        source, unit = order.edit.source, order.edit.data.get("unit")
        me, now = self._identity.at(source), self._clock(source)
        later = [
            one
            for one in self._pending.of_report(source, order.edit.report)
            if one.edit.kind is Kind.PROGRESS
            and (one.edit.author, one.edit.data.get("unit")) == (order.edit.author, unit)
            and one.edit.number > order.edit.number
            and one.state in NOT_LEFT
            and not self._scheduler.is_handed_over(one.edit.id)
        ]
        old = [order, *later]
        new = [
            Queued(
                _clean(replace(one.edit, id=self._ids(), author=me)), EditState.QUEUED, told_by_radio=one.told_by_radio
            )
            for one in old
        ]
        plain = replace(
            order.edit, id=self._ids(), kind=Kind.NOTE, author=me, data={}, base={}, undoes=None, late=False
        )
        note = replace(plain, data={"text": words(order, later)}, occurred_at=now, base_version=None)
        new.insert(1, Queued(_clean(note), EditState.QUEUED))
        self._exchange(old, new, adopted=old, by=ByWhom(me, now))

    def _adopt_from_before_sign_in(self, queued: Queued) -> None:
        resting = self._pending.stopped_with(queued) if queued.state in STUCK else []
        found = {one.edit.id: one for one in (queued, *resting, *self._pending.children(queued))}
        old, me = sorted(found.values(), key=lambda one: one.edit.number), self._identity.at(queued.edit.source)
        new = [
            replace(one.edit, id=self._ids(), author=me if one.edit.author == BEFORE_SIGN_IN else one.edit.author)
            for one in old
        ]
        self._exchange(old, [Queued(edit, EditState.QUEUED) for edit in new])

    def _exchange(
        self,
        old: Sequence[Queued],
        new: Sequence[Queued],
        reason: StopReason | None = None,
        *,
        adopted: Sequence[Queued] = (),
        by: ByWhom | None = None,
    ) -> None:
        """New edits in the place of old ones, with which nothing can be done any more; as before if the disk refuses.

        The authors of the `adopted` of the old ones are told at their next sign-in, and `by` whom.

        The screen shows it when the disk has it, so that the outbox never looks empty meanwhile. `saved` comes for each
        new one, or `refused` for the first.
        """
        first, source = new[0].edit.id, new[0].edit.source
        ids = {one.edit.id for one in old}
        self._store.saving[first] = new[0].edit
        taken_over = {one.edit.id: replace(one, reason=StopReason.ADOPTED, by=by) for one in adopted}
        is_kept = reason is StopReason.KEPT_AS_NEW
        if not is_kept:
            self._withdrawals.given_anew((taken_over.get(one.edit.id, one) for one in old), first)
        for edit_id in ids:
            self._pending.pop(edit_id)
        why, draft = self._identity.why_refused(source, Kind.CREATE), self._drafts.use(first)

        def save(file: WorkFile) -> list[Queued]:
            _check_rights(why)
            # protects: created-again-is-not-kept
            if is_kept and file.is_created(new[0].edit.report):
                raise ReadingOnly("Its creation was lost with it, and is in the outbox again.")
            return file.exchange(ids, new, reason, draft, adopted=taken_over.keys(), by=by)

        def saved(kept: list[Queued]) -> None:
            for edit_id in ids:
                self._scheduler.call_back(edit_id)
            self._withdrawals.done_by_another(taken_over.values())
            self._pending.put(*kept)
            for one in kept[1:]:
                self._listener.saved(one)
            self._store.check(*kept[1:])
            self._on_saved(kept[0])

        def refused(error: Exception) -> None:
            self._withdrawals.not_given_anew(old)
            for one in old:
                if one.edit.id not in self._pending:
                    self._store.remember(after_a_break(one))  # how a try ended was not listened to
            self._store.check(*(one for one in old if one.edit.id in self._pending))
            self._scheduler.wait_for_source(*ids)
            self._on_refused(first, error)

        self._thread.write(save, saved, refused)

    def _on_saved(self, queued: Queued) -> None:
        edit_id = queued.edit.id
        self._store.saving.pop(edit_id, None)
        self._drafts.end_used(edit_id, saved=True)
        self._store.given_once_more(queued.edit)
        self._listener.saved(queued)
        wished = self._withdrawals.was_wished(edit_id)
        # protects: withdrawn-with-another-is-not-saved-after-that
        if edit_id not in self._pending:
            return
        self._store.check(queued)
        if wished:
            self._withdrawals.withdraw(edit_id)
        else:
            self._scheduler.send_due()

    def _on_refused(self, edit_id: str, error: Exception) -> None:
        self._store.saving.pop(edit_id, None)
        self._withdrawals.was_wished(edit_id)
        self._drafts.end_used(edit_id, saved=False)
        self._listener.refused(edit_id, error)


def _check_rights(why_reading_only: str) -> None:
    if why_reading_only:
        # protects: reading-only-is-said
        raise ReadingOnly(why_reading_only)


def _as_lost(lost: Queued, edit: Edit) -> Queued:
    """A new edit that is as lost as an old one was, for the same reason."""
    return Queued(edit, lost.state, reason=lost.reason, by=lost.by, problem=lost.problem, theirs=lost.theirs)


def _clean(edit: Edit) -> Edit:
    """Without what no file and no server can keep."""
    # protects: typed-is-cleaned
    return replace(edit, data=cleaned(edit.data), title=clean_text(edit.title))
