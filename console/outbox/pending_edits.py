"""The edits that are not finished, in memory, in the order of making; found by report and by state."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, ValuesView
from typing import TypeVar

from msgspec.structs import replace
from typing_extensions import override

from api_client.model import Kind
from console.rules.dependency import lost_under, stopped_with
from console.rules.divert import beside, left_by, step_on
from console.rules.edit import INSTEAD_OF, Edit, created_again, edit_of, is_local, local_key, lost_before
from console.rules.queued import PENDING, STUCK, EditState, Queued, is_deleted, is_told_of, waits_for_radio
from console.rules.recreate import is_made_by

K = TypeVar("K")
V = TypeVar("V")

Chain = tuple[str, str]
"""Edits that go in their order, of one source: those of one report as it is named in them, the photos of one report,
which are slow, or without a report those of one unit."""

Lane = tuple[str, bool]
"""What leaves side by side: a source's photos, which are slow, or all else for it."""

_LOST = frozenset({EditState.STOPPED, *STUCK})

Place = tuple[str, str | None]
"""What an edit is shown under: its source, and its report by the server's id where it is known (None: a unit)."""


def chain_of(edit: Edit) -> Chain:
    """The chain that an edit belongs to."""
    if edit.kind is Kind.PHOTO:
        return _photos_of(edit.source, edit.report)
    if edit.kind is Kind.CLOSURE:
        return edit.source, f"closure:{edit.data.get('closure')}"
    if edit.kind is Kind.ALARM:
        return edit.source, "alarms"
    if edit.kind is Kind.MESSAGE:
        return edit.source, "messages"
    if edit.kind is Kind.READ:
        return edit.source, "read marks"
    if edit.kind is Kind.LOG:
        return edit.source, "log"
    return edit.source, edit.report or f"unit:{edit.data.get('unit')}"


def _photos_of(source: str, report: str | None) -> Chain:
    return source, f"photos:{report}"


def units_of(edit: Edit) -> list[str]:
    """The units that an edit names: whom it sends, speaks for or lets go."""
    found = (edit.data.get("unit"), *(edit.data.get("release") or ()))
    return list(dict.fromkeys(str(unit) for unit in found if unit))


def lane_of(edit: Edit) -> Lane:
    """The lane in which an edit leaves."""
    return edit.source, edit.kind is Kind.PHOTO


def local_keys(edit: Edit) -> list[str]:
    """The reports that an edit is about and that were created here: it cannot be done without them."""
    return [key for key in (edit.report, edit.data.get("into")) if is_local(key)]


def left_keys(edit: Edit) -> list[str]:
    """The reports that a unit leaves by an edit and that were created here: it can be done without them."""
    return [key for key in left_by(edit) if is_local(key)]


def _named_keys(edit: Edit) -> list[str]:
    """Those, and the reports beside its own that were created here, each once."""
    # protects: merged-into-itself-is-one
    return list(dict.fromkeys((*local_keys(edit), *filter(is_local, beside(edit)))))


class PendingEdits(Mapping[str, Queued]):
    """The edits as they were made, by id, oldest first. Every change costs what its report has of edits, not all.

    What is to be looked at again after changes is collected: `stirred` chains, `unsure` edits (their report may have
    lost its creation, or be created again), `shown_anew` places; see also `next_stranded`.
    """

    def __init__(self) -> None:
        self._edits: dict[str, Queued] = {}
        self._shown: dict[str, Queued] = {}
        self._last_number = 0
        self._chains: dict[Chain, dict[str, None]] = {}
        self._places: dict[Place, dict[str, None]] = {}
        self._units: dict[tuple[str, str], dict[str, None]] = {}
        self._merges: dict[Place, dict[str, None]] = {}  # by the report that they name as the main one
        self._beside: dict[Place, dict[str, None]] = {}  # by the reports that their units leave, or go back to
        self._places_beside: dict[str, list[Place]] = {}  # the same by the edit's id
        self._states: dict[EditState, dict[str, None]] = {state: {} for state in EditState}
        self._untold: dict[str, None] = {}
        self._told_of: dict[str, None] = {}
        self._by_key: dict[str, dict[str, None]] = {}
        self._creations: dict[str, int] = {}
        self.remote: dict[str, tuple[str, str]] = {}
        """(source, the server's id) of each report that was created here and has one, by its local key."""
        self.made_again: dict[str, Edit] = {}
        """The creations in the place of others, lost or withdrawn, finished ones too, by their local keys."""
        self._keys_at: dict[Place, dict[str, None]] = {}  # the local keys that have or had a number
        self.stirred: dict[Chain, None] = {}
        self.unsure: dict[str, None] = {}
        self.shown_anew: set[Place] = set()
        self._perhaps_stranded: dict[Place, None] = {}

    @override
    def __len__(self) -> int:
        return len(self._edits)

    @override
    def __iter__(self) -> Iterator[str]:
        return iter(self._edits)

    @override
    def __getitem__(self, edit_id: str) -> Queued:
        return self._edits[edit_id]

    @override
    def values(self) -> ValuesView[Queued]:
        return self._edits.values()

    @property
    def shown(self) -> ValuesView[Queued]:
        """All, oldest first, with server ids for reports whose CREATE is finished; until then a local key stays."""
        return self._shown.values()

    @property
    def counts(self) -> dict[EditState, int]:
        """How many stand in each state; those in which none stands are left out."""
        return {state: len(ids) for state, ids in self._states.items() if ids}

    def in_state(self, state: EditState) -> list[Queued]:
        """Those in one state, oldest first, as they were made."""
        return sorted((self._edits[each] for each in self._states[state]), key=_number)

    def shown_in(self, state: EditState) -> list[Queued]:
        """As `in_state`, as they are shown."""
        return [self._shown[one.edit.id] for one in self.in_state(state)]

    @property
    def untold(self) -> list[Queued]:
        """The orders that may not have left and that nobody has told their units, oldest first, as they are shown."""
        return [self._shown[each] for each in sorted(self._untold, key=lambda each: self._edits[each].edit.number)]

    @property
    def told_of(self) -> list[Queued]:
        """The orders of which their units were told, and which no server is known to have; oldest first, as shown."""
        return [self._shown[each] for each in sorted(self._told_of, key=lambda each: self._edits[each].edit.number)]

    def shown_one(self, edit_id: str) -> Queued | None:
        """One of them as it is shown."""
        return self._shown.get(edit_id)

    def shown_at(self, place: Place) -> tuple[Queued, ...]:
        """Those that are shown under a report, oldest first, but its creation, which may be given anew, before all.

        While an edit by which a unit leaves the report for another, or comes back, can still take effect, it is among
        them as what it does there, under its id; once it cannot, all is as before.
        """
        found = [self._shown[each] for each in self._places.get(place, ())]
        steps = (self._shown[each] for each in self._beside.get(place, ()))
        # protects: what-is-lost-leaves-nothing
        found += [replace(one, edit=step_on(one.edit, place[1] or "")) for one in steps if one.state in PENDING]
        # protects: a-report-is-made-before-it-is-left
        return tuple(sorted(found, key=lambda one: (one.edit.kind is not Kind.CREATE, one.edit.number)))

    def at(self, edit: Edit, place: Place) -> Edit | None:
        """An edit, which may not be among these yet, as it is shown under a report; None when it is not."""
        # protects: what-is-left-shows-it-at-once
        if place in self._shown_beside(edit):
            return step_on(edit, place[1] or "")
        return edit if self.place(edit) == place else None

    def steps_beside(self, edit: Edit) -> list[Edit]:
        """What an edit does on the reports beside its own, each as it is shown there."""
        return [step_on(edit, report or "") for _, report in self._shown_beside(edit)]

    def _shown_beside(self, edit: Edit) -> list[Place]:
        return [self._shown_under(edit.source, key) for key in beside(edit)]

    def _shown_under(self, source: str, report: str | None) -> Place:
        """Where what is done to a report is shown: under its number once its creation has left."""
        remote = self.remote.get(report) if report is not None and report not in self._creations else None
        return (source, report if remote is None else remote[1])

    def of_report(self, source: str, report: str | None) -> list[Queued]:
        """All of a report (None: of units) as they were made, oldest first, under its number and its local keys."""
        at = self.place_of(source, report)
        places = {(source, report), at, *((source, key) for key in self._keys_at.get(at, ()))}
        ids = {each for place in places for each in self._places.get(place, ())}
        return sorted((self._edits[each] for each in ids), key=_number)

    def of_unit(self, source: str, unit: str) -> list[Queued]:
        """All that is about a unit of a source, on whatever report, as it is shown; oldest first."""
        shown = (self._shown[each] for each in self._units.get((source, unit), ()))
        return sorted((one for one in shown if one.edit.data.get("unit") == unit), key=_number)

    def naming_unit(self, source: str, unit: str) -> Iterator[Queued]:
        """The same as they were made, and what lets the unit go, in no order."""
        return (self._edits[each] for each in self._units.get((source, unit), ()))

    def lost_under(self, queued: Queued) -> Queued | None:
        """The lost edit of the same report on which this one rests; None: on none."""
        if not any(self._states[state] for state in STUCK):
            return None
        return lost_under(queued, self.of_report(queued.edit.source, queued.edit.report))

    def resting_on(self, lost: Queued) -> list[Queued]:
        """Those that wait, or are stopped, and rest on a lost one, oldest first."""
        return stopped_with(lost, self.of_report(lost.edit.source, lost.edit.report))

    def stopped_with(self, lost: Queued) -> list[Queued]:
        """Those that are stopped because they rest on a lost one, oldest first."""
        return [one for one in self.resting_on(lost) if one.state is EditState.STOPPED]

    def next_stranded(self) -> Queued | None:
        """One that is stopped and rests on nothing lost (any more), the oldest of its report; None when there is none.

        Only reports are looked at of which something that was lost or stopped has changed since.
        """
        while self._perhaps_stranded:
            place = next(iter(self._perhaps_stranded))
            of_report = self.of_report(*place)
            for one in of_report:
                if one.state is EditState.STOPPED and self.lost_under(one) is None:
                    return one
            del self._perhaps_stranded[place]
        return None

    def place(self, edit: Edit) -> Place:
        """The report that an edit is about, by the server's id where it has one."""
        return self.place_of(edit.source, edit.report)

    def place_of(self, source: str, report: str | None) -> Place:
        """The same for a report, by its key here or its number."""
        return self.remote.get(report or "", (source, report))

    def remote_of(self, local_key: str) -> str | None:
        """The server's id of a report that was created here; None while it has none."""
        found = self.remote.get(local_key)
        return found[1] if found else None

    def children(self, queued: Queued) -> list[Queued]:
        """What was done to the report that this edit creates; nothing where it creates none."""
        if queued.edit.kind is not Kind.CREATE:
            return []
        named = (self._edits[each] for each in self._by_key.get(queued.edit.report or "", ()))
        of_it = (one for one in named if one.edit.report == queued.edit.report and one.edit.kind is not Kind.CREATE)
        return sorted(of_it, key=_number)

    def creation_of(self, edit: Edit) -> Queued | None:
        """The creation of the report that an edit is about, where that is here and is not this one; else None."""
        return None if edit.report is None or edit.kind is Kind.CREATE else self.creation_under(edit.report)

    def creation_behind(self, edit: Edit) -> Queued | None:
        """The same also of an edit that names the report by the number which that creation got."""
        keys = [] if edit.kind is Kind.CREATE else self._keys_of(edit.source, edit.report)
        found = map(self.creation_under, keys)
        return next((one for one in found if one is not None and is_made_by(one.edit, edit)), None)

    def creation_under(self, key: str) -> Queued | None:
        """The creation of the report with this local key, where that is here."""
        if key not in self._creations:
            return None
        named = (self._edits[each] for each in self._by_key[key])
        return next((one for one in named if one.edit.kind is Kind.CREATE), None)

    def finished_creations(self) -> dict[str, str]:
        """The ids of the creations that are finished, to whose reports something is done here, each with the local key.

        Example: a new report 931200 was proved, and a note on it waits.
        """
        keys = {key for key in self._by_key if key in self.remote}
        keys |= {key for place in self._places for key in self._keys_at.get(place, ()) if key in self.remote}
        return {self._created_by(key): key for key in keys if key not in self._creations}

    def _created_by(self, key: str) -> str:
        again = self.made_again.get(key)
        return again.id if again is not None else edit_of(key)

    def of_same_report(self, source: str, report: str | None, *, but: Chain) -> Iterator[Queued]:
        """What is done to a report in other chains than this one, its photos left out; of each chain oldest first.

        So is what a unit leaves, or goes back to, by an edit of another report, of whatever chain.
        """
        names = [(source, name) for name in self.names_of(source, report)]
        yield from (one for chain in names if chain != but for one in self.in_chain(chain))
        # protects: who-leaves-a-report-keeps-its-turn-there
        yield from (self._edits[each] for place in names for each in self._beside.get(place, ()))

    def photos_of(self, source: str, report: str | None) -> Iterator[Queued]:
        """The photos of a report under whatever name; of each name oldest first."""
        return (one for name in self.names_of(source, report) for one in self.in_chain(_photos_of(source, name)))

    def merges_into(self, source: str, report: str | None) -> Iterator[Queued]:
        """The merges of other reports into this one, under whatever name."""
        names = self.names_of(source, report)
        return (self._edits[each] for name in names for each in self._merges.get((source, name), ()))

    def names_of(self, source: str, report: str | None) -> list[str]:
        """The number of a report, or its local key while it has none, and the keys that have or had that number."""
        at = self.place_of(source, report)
        return [name for name in dict.fromkeys((report, at[1], *self._keys_at.get(at, ()))) if name is not None]

    @property
    def creations(self) -> list[Queued]:
        """The creations of reports, in no order, as they were made."""
        found = (self._edits[each] for key in self._creations for each in self._by_key.get(key, ()))
        return [one for one in found if one.edit.kind is Kind.CREATE]

    def in_place_of(self, edit_id: str) -> Queued | None:
        """The creation that is sent in the place of this one, of another; None when none is."""
        return next((one for one in self.creations if edit_id in one.edit.about.get(INSTEAD_OF, ())), None)

    def in_chain(self, chain: Chain) -> Iterator[Queued]:
        """Those of a chain, oldest first."""
        return (self._edits[each] for each in self._chains.get(chain, ()))

    def put(self, *several: Queued) -> None:
        """Take in edits, each in its place by number, or how they stand now; many cost least together."""
        chains = [chain for chain in map(self._take_in, several) if chain is not None]
        if chains:
            self._edits = _by_number(self._edits, self._edits)
            self._shown = {each: self._shown[each] for each in self._edits}
            for chain in dict.fromkeys(chains):
                self._chains[chain] = _by_number(self._chains[chain], self._edits)

    def _take_in(self, queued: Queued) -> Chain | None:
        """Take in an edit as the last one; its chain where it is not the last by its number."""
        edit, edit_id = queued.edit, queued.edit.id
        is_older = edit_id not in self._edits and edit.number < self._last_number
        before = self._edits.get(edit_id)
        self._edits[edit_id] = queued
        chain = chain_of(edit)
        keys, known = _named_keys(edit), _named_keys(before.edit) if before is not None else []
        for key in set(known).difference(keys):
            _take(self._by_key, key, edit_id)
        for key in set(keys).difference(known):
            self._by_key.setdefault(key, {})[edit_id] = None
        if before is None:
            self._chains.setdefault(chain, {})[edit_id] = None
            for unit in units_of(edit):
                self._units.setdefault((edit.source, unit), {})[edit_id] = None
            if (into := edit.data.get("into")) is not None:
                self._merges.setdefault((edit.source, str(into)), {})[edit_id] = None
            self._last_number = max(self._last_number, edit.number)
            if edit.kind is Kind.CREATE and edit.report is not None:
                self._creations[edit.report] = self._creations.get(edit.report, 0) + 1
                if edit.report != local_key(edit_id):
                    self.made_again[edit.report] = edit
                self._look_again_at(edit.report)
        else:
            del self._states[before.state][edit_id]
            self._note_lost(before, _place_of(self._shown[edit_id]))
        self._states[queued.state][edit_id] = None
        if waits_for_radio(queued) and not queued.told_by_radio:
            self._untold[edit_id] = None
        else:
            self._untold.pop(edit_id, None)
        if is_told_of(queued):
            self._told_of[edit_id] = None
        else:
            self._told_of.pop(edit_id, None)
        self.stirred[chain] = None
        if keys or is_deleted(queued):
            self.unsure[edit_id] = None
        self._show(queued)
        return chain if is_older else None

    def pop(self, edit_id: str) -> Queued | None:
        """Let go of an edit; None when it is not here."""
        queued = self._edits.pop(edit_id, None)
        if queued is None:
            return None
        edit, chain = queued.edit, chain_of(queued.edit)
        del self._states[queued.state][edit_id]
        self._untold.pop(edit_id, None)
        self._told_of.pop(edit_id, None)
        _take(self._chains, chain, edit_id)
        self.stirred[chain] = None
        place = _place_of(self._shown.pop(edit_id))
        _take(self._places, place, edit_id)
        self.shown_anew.add(place)
        self._note_lost(queued, place)
        for unit in units_of(edit):
            _take(self._units, (edit.source, unit), edit_id)
        if (into := edit.data.get("into")) is not None:
            _take(self._merges, (edit.source, str(into)), edit_id)
        self._show_beside(edit_id, [])
        for key in _named_keys(edit):
            _take(self._by_key, key, edit_id)
        if edit.kind is Kind.CREATE and edit.report is not None:
            self._creations[edit.report] -= 1
            if not self._creations[edit.report]:
                del self._creations[edit.report]
                self._look_again_at(edit.report)
        return queued

    def learn(self, keys: dict[str, tuple[str, str]]) -> None:
        """The servers' ids of reports created here: local key -> (source, id)."""
        for key, place in keys.items():
            if self.remote.get(key, place) != place and (creation := self.creation_under(key)) is not None:
                self.made_again[key] = creation.edit  # sent again to a server that had lost it
        self.remote |= keys
        for key, place in keys.items():
            self._keys_at.setdefault(place, {})[key] = None
            self._look_again_at(key)

    def learn_earlier(self, numbers: Mapping[Place, Edit]) -> None:
        """The creations of reports that had these numbers, and have others now."""
        for place, creation in numbers.items():
            if creation.report is not None:
                self._keys_at.setdefault(place, {})[creation.report] = None
                self.made_again.setdefault(creation.report, creation)

    def is_awaited(self, key: str) -> bool:
        """Whether a report created here is at the server or will be: its creation is here."""
        return key in self.remote or key in self._creations

    def again(self, edit: Edit, report: str | None) -> str | None:
        """The local key under which a lost report of an edit comes again: it is at the server or will be.

        `report` is its number or its local key; it comes again only if it was created here. None when it does not.
        Of several reports that had one number, the one is meant that was made when the edit says. A creation that had
        this number, and of which it is not known any more whether it is at the server, comes again under its own key.
        """
        is_number = report is not None and not is_local(report)
        for key in self._keys_of(edit.source, report):
            found, fresh = None, created_again(key)
            made, sent_again = self.made_again.get(fresh), self.made_again.get(key)
            # protects: sent-again-under-another-number
            if is_number and sent_again is not None and self.remote.get(key) not in (None, (edit.source, report)):
                made, found = made or sent_again, key if is_made_by(sent_again, edit) else None
            # protects: made-under-that-number
            if is_number and (made is None or not is_made_by(made, edit)):
                first = self.creation_under(key)
                # protects: waits-for-the-creation-of-its-number
                if first is not None and first.state is not EditState.ACCEPTED and is_made_by(first.edit, edit):
                    return key
                continue
            while self.is_awaited(fresh):
                found, fresh = fresh, created_again(fresh)
            if found is not None:
                return found
        return None

    def key_to_create_again(self, source: str, report: str | None) -> str | None:
        """The local key for a report in the place of a lost one, or of one whose creation was withdrawn.

        That is the one key under which it would come again in any other way: whatever comes back later joins it.
        None if it was not created here, or several that were had its number: which one it is the number does not say.
        """
        # protects: kept-as-new-once
        if is_local(report) and report not in self.remote:
            return report
        known = [key for key in self._keys_of(source, report) if key in self.remote]
        last = max(known, key=len, default=None)
        if last is None or not all(map(last.startswith, known)) or self.is_awaited(created_again(last)):
            return None
        return created_again(last)

    def _keys_of(self, source: str, report: str | None) -> list[str]:
        """The local keys of the reports that have or had this number, the last first; or the one that it is."""
        if is_local(report):
            return [report]
        return list(reversed(self._keys_at.get((source, report), ())))

    def stir(self, edit_ids: Iterable[str]) -> None:
        """The chains of these are to be looked at again."""
        self.stirred.update((chain_of(self._edits[each].edit), None) for each in edit_ids if each in self._edits)

    def stir_all(self) -> None:
        """All chains are to be looked at again."""
        self.stirred.update(dict.fromkeys(self._chains))

    def _look_again_at(self, key: str) -> None:
        """What is about a report created here may go now, or can go no more, and is shown under its number."""
        for edit_id in self._by_key.get(key, ()):
            queued = self._edits[edit_id]
            self.unsure[edit_id] = None
            self.stirred[chain_of(queued.edit)] = None
            self._show(queued)
        if (lost := lost_before(key)) is not None:  # what is still about that one may follow
            self.unsure.update(self._by_key.get(lost, {}))
            if (place := self.remote.get(lost)) is not None:
                self.unsure.update(self._places.get(place, {}))

    def _show(self, queued: Queued) -> None:
        edit_id = queued.edit.id
        place = self._shown_under(queued.edit.source, queued.edit.report)
        if place[1] != queued.edit.report:
            queued = replace(queued, edit=replace(queued.edit, report=place[1]))
        before = self._shown.get(edit_id)
        if before is not None and (old := _place_of(before)) != place:
            _take(self._places, old, edit_id)
            self.shown_anew.add(old)
            self._note_lost(queued, old)
        self._shown[edit_id] = queued
        self._places.setdefault(place, {})[edit_id] = None
        self.shown_anew.add(place)
        self._show_beside(edit_id, self._shown_beside(queued.edit))
        self._note_lost(queued, place)

    def _show_beside(self, edit_id: str, places: list[Place]) -> None:
        """An edit is shown under these reports beside its own, and under no others any more."""
        before = self._places_beside.pop(edit_id, [])
        for place in before:
            _take(self._beside, place, edit_id)
        for place in places:
            self._beside.setdefault(place, {})[edit_id] = None
        if places:
            self._places_beside[edit_id] = places
        # protects: what-is-left-is-as-before
        self.shown_anew.update(before, places)

    def _note_lost(self, queued: Queued, place: Place) -> None:
        """Where something lost or stopped changes, something may be stopped for no reason."""
        if queued.state in _LOST:
            self._perhaps_stranded[place] = None


def _number(queued: Queued) -> int:
    return queued.edit.number


def _place_of(queued: Queued) -> Place:
    return queued.edit.source, queued.edit.report


def _by_number(ids: dict[str, V], edits: dict[str, Queued]) -> dict[str, V]:
    return dict(sorted(ids.items(), key=lambda item: edits[item[0]].edit.number))


def _take(index: dict[K, dict[str, None]], key: K, edit_id: str) -> None:
    ids = index[key]
    ids.pop(edit_id, None)
    if not ids:
        del index[key]
