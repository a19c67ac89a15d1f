"""Which edit of a chain may leave now: behind what it goes, and what it may not go beside."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from api_client.model import Kind
from console.outbox.identity import Identity
from console.outbox.pending_edits import Chain, Lane, PendingEdits, chain_of, lane_of, local_keys, units_of
from console.outbox.retry_times import RetryTimes
from console.rules.dependency import Aspect, is_needed, rests_on, settles
from console.rules.divert import beside
from console.rules.edit import ON_STATUS, Edit, is_order
from console.rules.queued import STUCK, EditState, Queued

_NOT_TO_SEND = frozenset({EditState.ACCEPTED, EditState.STOPPED, *STUCK})
_MAY_LEAVE = frozenset({EditState.QUEUED, EditState.UNCONFIRMED})
_NEEDS_PROOF = frozenset({Kind.VALIDATE, Kind.CLOSE, Kind.REOPEN})

_Lock = tuple[str, str, str]
"""What one edit at a time may touch: a report, unit or closure of a source, its alarms or its log, or what is merged
into a report.
"""


class Flight(NamedTuple):
    """One try of an edit that is under way, or about to begin."""

    lane: Lane
    chain: Chain
    locks: frozenset[_Lock]
    hurries: int
    """How often its source had been hurried when it was handed over."""


class _Held(NamedTuple):
    """What of its own chain keeps an edit: one that was tried in vain, or is another operator's."""

    rests_on_it: Queued | None
    """The edit rests on it, or on another that waits for it."""
    goes_before: Queued | None
    """It keeps all facts behind it."""


@dataclass
class _Looked:
    """What was found out of another chain, while it is looked at for one edit."""

    held: dict[str, _Held]
    waits_from: int | None = None
    """The number of its first edit that was found to wait for photos or for another chain."""


class SendOrder:
    """The rule of order, over all that waits and all that is under way.

    Of one report, and of one unit, one edit is under way at a time, in the order in which they were made; a merge goes
    behind what was done before to the report that it is into. Photos go beside all else; what needs the proof, or takes
    the photo back, waits for them. An order waits for no fact that was tried in vain unless it rests on it. A unit that
    leaves one report for another has its turn in both.

    Example: a note falls over a defect of the server. The crew that is sent next leaves at once; a second note waits,
    and so does a crew whose report another note behind the first one gave a status.
    """

    def __init__(self, pending: PendingEdits, identity: Identity, retries: RetryTimes) -> None:
        self._pending, self._identity, self._retries = pending, identity, retries
        self._flights: dict[str, Flight] = {}
        self._room: Counter[Lane] = Counter()  # taken
        self._locked: dict[_Lock, Chain] = {}  # by which chain
        self._behind: dict[Chain, dict[Chain, None]] = {}  # what waits until a chain has changed
        self.let_go: dict[Chain, None] = {}
        """Chains to be looked at again because one behind which they waited has changed, and not they themselves."""

    def flight(self, edit_id: str) -> Flight | None:
        """The try of an edit that is under way; None while none is."""
        return self._flights.get(edit_id)

    @property
    def under_way(self) -> tuple[str, ...]:
        """The ids of all that is under way."""
        return tuple(self._flights)

    def taken(self, lane: Lane) -> int:
        """How many are under way in a lane."""
        return self._room[lane]

    def depart(self, edit: Edit) -> Flight:
        """A try of an edit begins."""
        lane, chain, locks = lane_of(edit), chain_of(edit), self._locks_of(edit)
        flight = self._flights[edit.id] = Flight(lane, chain, locks, self._retries.hurries(edit.source))
        self._room[lane] += 1
        self._locked.update(dict.fromkeys(locks, chain))
        return flight

    def land(self, edit_id: str) -> Flight | None:
        """A try has ended: others may leave. None when none was under way."""
        flight = self._flights.pop(edit_id, None)
        if flight is not None:
            self._room[flight.lane] -= 1
            for lock in flight.locks:
                self._locked.pop(lock, None)
            self._pending.stirred[flight.chain] = None
        return flight

    def forget_queues(self) -> None:
        """All chains are looked at again."""
        self._behind.clear()
        self.let_go.clear()

    def let_follow(self, chain: Chain) -> None:
        """A chain has changed: what waited behind it is looked at again, but not what waits behind that.

        Two chains may each wait for something of the other, behind an edit that was tried in vain: they would be
        looked at in turn without end.
        """
        # protects: chains-do-not-wake-each-other
        self.let_go.update(self._behind.pop(chain, {}))

    def held_by(self, edit_id: str) -> Queued | None:
        """The earlier edit, of whatever report, for which an edit that could leave waits, or with which it is stopped.

        That is one that needs its operator, or that was tried in vain; None when it waits for none.
        """
        queued = self._pending.get(edit_id)
        if queued is not None and queued.state is EditState.STOPPED:
            return self._pending.lost_under(queued)
        if queued is None or queued.state is not EditState.QUEUED:
            return None
        return self._held(queued, set())

    def _held(self, queued: Queued, seen: set[str]) -> Queued | None:
        """What keeps an edit, see `held_by`, also through others behind which it goes; `seen` were looked at before."""
        first = self._creation_in_doubt(queued.edit) or self._held_in_chain(queued)
        first = first or self._held_elsewhere(queued.edit, seen)
        if first is not None:
            return first
        is_fact = not is_order(queued.edit) and queued.edit.kind is not Kind.CREATE
        for one in self._pending.in_chain(chain_of(queued.edit)):
            if one.edit.id == queued.edit.id:
                break
            leaves = one.state not in _NOT_TO_SEND and not self._identity.is_another(one.edit)
            if leaves and one.edit.id not in seen and (is_fact or settles(one.edit) & rests_on(queued.edit)):
                seen.add(one.edit.id)
                if (first := self._held_elsewhere(one.edit, seen)) is not None:
                    return first
        return None

    def _held_in_chain(self, queued: Queued) -> Queued | None:
        """What of its own chain keeps an edit; None when nothing does."""
        rests_on_nothing = (
            not is_order(queued.edit) and not rests_on(queued.edit) and queued.edit.kind is not Kind.CREATE
        )
        for one, (rests_on_it, goes_before) in self._each_held(chain_of(queued.edit)):
            if one.edit.id == queued.edit.id:
                return rests_on_it or goes_before
            if rests_on_nothing and goes_before is not None and not is_order(one.edit):
                return goes_before
        return None

    def _each_held(self, chain: Chain) -> Iterator[tuple[Queued, _Held]]:
        """The edits of a chain with what of it keeps each: see `next_in`."""
        held: dict[Aspect, Queued] = {}
        facts: Queued | None = None
        for one in self._pending.in_chain(chain):
            edit = one.edit
            rests_on_it = next((held[each] for each in sorted(rests_on(edit) & held.keys())), None) if held else None
            goes_before = None if is_order(edit) or edit.kind is Kind.CREATE else facts
            yield one, _Held(rests_on_it, goes_before)
            if one.state in _NOT_TO_SEND or self._is_under_way(one):
                continue
            first = rests_on_it or goes_before or one
            if rests_on_it is not None or self._identity.is_another(edit):
                held |= dict.fromkeys(settles(edit), first)
            elif goes_before is not None or edit.id in self._retries:
                held |= dict.fromkeys(settles(edit), first)
                facts = None if edit.kind is Kind.PHOTO else first

    def _held_elsewhere(self, edit: Edit, seen: set[str]) -> Queued | None:
        """What keeps an edit from another chain: an order of its unit, say, or the creation of a report that it names.

        One behind which it goes may itself be kept.
        """
        if not self._has_numbers(edit):
            creations = (self._pending.creation_under(key) for key in local_keys(edit))
            found = (one for one in creations if one is not None and one.edit.id != edit.id)
            return next((one for one in found if self._is_in_doubt(one) or one.edit.id in self._retries), None)
        own, chains = chain_of(edit), dict[Chain, _Looked]()
        for one in self._related(edit):
            is_new = one.edit.number < edit.number and chain_of(one.edit) != own and one.edit.id not in seen
            if is_new and not self._is_under_way(one) and self._goes_first(one, edit, chains):
                seen.add(one.edit.id)
                stays = one.edit.id in self._retries or self._identity.is_another(one.edit)
                first = one if stays else self._held(one, seen)
                if first is not None:
                    return first
        return None

    def next_in(self, chain: Chain) -> Queued | None:
        """The edit of a chain to send now: never past an earlier one that must go first.

        A creation goes before what was done to its report also where it was given anew after that.
        """
        held: set[Aspect] = set()  # by what does not leave now
        orders_only = False
        for queued in self._pending.in_chain(chain):
            edit = queued.edit
            if queued.state in _NOT_TO_SEND:
                continue
            # protects: one-edit-of-a-report
            if self._is_under_way(queued):
                if edit.kind is Kind.PHOTO:
                    continue
                return None
            if self._creation_in_doubt(edit) is not None:
                return None
            if self._identity.is_another(edit) or held & rests_on(edit):
                held |= settles(edit)
            # protects: creation-waits-for-nothing-that-waits-for-it
            elif (orders_only and not is_order(edit) and edit.kind is not Kind.CREATE) or self.waits(queued):
                held |= settles(edit)
                orders_only = edit.kind is not Kind.PHOTO
            else:
                return queued
        return None

    def waiting_orders(self, chain: Chain, before: Queued | None) -> list[Queued]:
        """The present operator's orders of a chain that have not left and wait, up to one edit (None: all of them).

        Not those that wait for their source: once it is back, they are asked about. Nor those behind one that is under
        way: when that has ended the chain is looked at again, and a long one is not looked through for each of its
        tries.
        """
        found = []
        for queued in self._pending.in_chain(chain):
            if queued is before or self._is_under_way(queued):
                break
            waits = queued.state is EditState.QUEUED and is_order(queued.edit)
            waits = waits and not self._retries.waits_for_source(queued.edit.id)
            if waits and not self._identity.is_another(queued.edit):
                found.append(queued)
        return found

    def waits(self, queued: Queued) -> bool:
        """Whether an edit does not leave now: it waits for a better time, for a number, or for what goes first.

        In the last case its chain is looked at again when that one has got further.
        """
        if queued.edit.id in self._retries or not self._has_numbers(queued.edit):
            return True
        first = self._first_before(queued.edit)
        if first is not None and first != chain_of(queued.edit):
            self._behind.setdefault(first, {})[chain_of(queued.edit)] = None
        return first is not None

    def _is_under_way(self, queued: Queued) -> bool:
        """Whether a try of an edit is being noted, or under way, whatever was learnt of it meanwhile."""
        return queued.state is EditState.SENDING or queued.edit.id in self._flights

    def _creation_in_doubt(self, edit: Edit) -> Queued | None:
        """The creation of an edit's report, when it waits for an operator: nothing can be done to the report before."""
        creation = self._pending.creation_of(edit)
        return creation if creation is not None and self._is_in_doubt(creation) else None

    def _is_in_doubt(self, creation: Queued) -> bool:
        """Whether a creation waits for an operator."""
        return creation.state in STUCK or self._identity.is_another(creation.edit)

    def _has_numbers(self, edit: Edit) -> bool:
        """Whether the server knows all the reports that an edit names."""
        return edit.kind is Kind.CREATE or all(map(self._has_number, local_keys(edit)))

    def _has_number(self, key: str) -> bool:
        """Whether the server knows a report that was created here: a creation that is sent again may get another number
        than before.
        """
        creation = self._pending.creation_under(key)
        # protects: sent-again-gets-its-number-anew
        return key in self._pending.remote and (creation is None or creation.state is EditState.ACCEPTED)

    def _first_before(self, edit: Edit) -> Chain | None:
        """The chain that must get further before an edit may leave: its own, or another; None when it may.

        A server that got what was done to one unit, or to one report under two names, in another order would refuse it,
        or come to something else. Everybody waits for earlier edits only, so that nobody waits for himself.
        """
        for lock in self._locks_of(edit) | self._locks_looked_at(edit):
            # protects: one-edit-of-a-report
            if (holder := self._locked.get(lock)) is not None:
                return holder
        own, chains = chain_of(edit), dict[Chain, _Looked]()
        for one in self._related(edit):
            if one.edit.number < edit.number and chain_of(one.edit) != own and self._goes_first(one, edit, chains):
                return chain_of(one.edit)
        return None

    def _related(self, edit: Edit) -> Iterator[Queued]:
        """The edits of other chains behind which this one may have to go, and more."""
        source, pending = edit.source, self._pending
        if edit.kind is Kind.PHOTO:
            return
        for report in (edit.report, *beside(edit)):
            if report is not None:
                yield from pending.of_same_report(source, report, but=chain_of(edit))
        for unit in units_of(edit):
            yield from pending.naming_unit(source, unit)
        if edit.kind is Kind.MERGE:  # what was done to the main report before (its priority, say) goes first
            yield from pending.of_same_report(source, edit.data.get("into"), but=chain_of(edit))
        if edit.kind in ON_STATUS:  # a report stays open until what was merged into it before is
            yield from pending.merges_into(source, edit.report)
        if _needs_proof(edit):
            yield from pending.photos_of(source, edit.report)
        if edit.undoes is not None and (undone := pending.get(edit.undoes)) is not None:
            yield undone

    def _goes_first(self, one: Queued, edit: Edit, chains: dict[Chain, _Looked]) -> bool:
        """Whether an earlier edit of another chain leaves before this one: nothing waits for what does not leave now.

        That is one that is under way or goes as soon as it can. Of those that were tried in vain, or wait behind
        such a fact, an order waits for other orders of its report and its unit, and for what it rests on; for what
        itself waits for others only where that is of its report or its unit. `chains` keeps what was found out of
        each: a long one is looked through once for all its edits.
        """
        if self._is_under_way(one):
            return True
        if one.state not in _MAY_LEAVE or self._identity.is_another(one.edit) or not self._has_numbers(one.edit):
            return False
        if self._creation_in_doubt(one.edit) is not None:
            return False
        chain = chain_of(one.edit)
        if chain not in chains:
            chains[chain] = _Looked({each.edit.id: held for each, held in self._each_held(chain)})
        rests_on_it, goes_before = chains[chain].held[one.edit.id]
        same = self._pending.place(one.edit) == self._pending.place(edit)
        meet = same or not set(units_of(one.edit)).isdisjoint(units_of(edit))
        # protects: a-p1-waits-for-nothing-that-waits-at-what-is-left
        if is_order(edit) and not meet and self._waits_elsewhere(one, chains[chain]):
            return False
        # protects: order-waits-for-no-fact-behind-a-failing-one
        if one.edit.id in self._retries or goes_before is not None:
            # protects: a-p1-waits-for-no-failing-order-of-what-is-left
            of_order = is_order(one.edit) and meet
            return not is_order(edit) or of_order or is_needed(one.edit, edit, of_one_report=same)
        return one.state is EditState.UNCONFIRMED or rests_on_it is None

    def _waits_elsewhere(self, queued: Queued, looked: _Looked) -> bool:
        """Whether an edit, or a fact of its chain behind which it goes, waits for photos or for another chain."""
        if is_order(queued.edit):
            return self._first_before(queued.edit) is not None
        for one in self._pending.in_chain(chain_of(queued.edit)) if looked.waits_from is None else ():
            may_leave = one.state in _MAY_LEAVE and not self._identity.is_another(one.edit)
            if may_leave and one.edit.kind is not Kind.PHOTO and self._first_before(one.edit) is not None:
                looked.waits_from = one.edit.number
                break
            if one.edit.id == queued.edit.id:
                break
        return looked.waits_from is not None and looked.waits_from <= queued.edit.number

    def _locks_of(self, edit: Edit) -> frozenset[_Lock]:
        """What an edit keeps others from while it is under way; a photo nobody, see `_related`."""
        source = edit.source
        if edit.kind is Kind.PHOTO:
            return frozenset()
        locks = {(source, "unit", unit) for unit in units_of(edit)}
        # protects: one-edit-of-what-is-left
        touched = filter(None, (edit.report, *beside(edit)))
        # protects: one-edit-of-a-report-under-all-its-names
        locks |= {(source, "report", name) for key in touched for name in self._pending.names_of(source, key)}
        if edit.kind is Kind.CLOSURE:
            locks.add((source, "closure", str(edit.data.get("closure"))))
        if edit.kind is Kind.ALARM:
            locks.add((source, "alarms", ""))
        if edit.kind is Kind.LOG:
            locks.add((source, "log", ""))
        if edit.kind is Kind.MERGE:
            locks |= {(source, "merged into", name) for name in self._pending.names_of(source, edit.data.get("into"))}
        return frozenset(locks)

    def _locks_looked_at(self, edit: Edit) -> frozenset[_Lock]:
        """What nobody else may have under way, besides what it locks itself, when an edit leaves."""
        source = edit.source
        locks = set()
        if edit.kind is Kind.MERGE:
            locks |= {(source, "report", name) for name in self._pending.names_of(source, edit.data.get("into"))}
        if edit.kind in ON_STATUS:
            locks |= {(source, "merged into", name) for name in self._pending.names_of(source, edit.report)}
        return frozenset(locks)


def _needs_proof(edit: Edit) -> bool:
    """Whether the server judges an edit by the photos of its report: validate, close, reopen, done, handing in."""
    done = edit.kind is Kind.PROGRESS and edit.data.get("state") == "done"
    return edit.kind in _NEEDS_PROOF or done or (edit.kind is Kind.SET and "status" in edit.data)
