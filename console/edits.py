"""The operator's edits: saved at once on a thread of their own, sent in order, followed until they are proved."""

from __future__ import annotations

import contextlib
import heapq
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace
from PySide6.QtCore import QObject, QTimer, Signal, Slot

from console.domain.edit import (
    ANOTHER,
    ANOTHER_REPORT,
    APPENDS,
    BEFORE_SIGN_IN,
    PENDING,
    Edit,
    EditState,
    Kind,
    Queued,
    ReadingOnly,
    is_deleted,
    maybe_later,
    outlived,
)
from console.domain.kept import carry
from console.domain.merge import three_way, told
from console.domain.messages import Outcome, Push, Withdraw
from console.domain.typed import clean_text, cleaned
from console.open_edits import Chain, OpenEdits, chain_of, local_keys
from console.store.errors import StoreError
from console.store.work import DROPPED, Salvage, WorkFile
from console.work_thread import WorkThread

_log = logging.getLogger(__name__)

LATE_S = 60.0
"""An edit first sent later than this after it was made is marked as entered late."""

ASKED_BACK = "asked back"
"""The problem of an edit that was withdrawn when it might have left already: what became of it is told, also later."""

_KEPT = "kept as new"
"""The problem of a withdrawn edit that goes on as another one: what becomes of the old one is nobody's concern."""

_RETRY_MS = 10_000
_UNPROVED_S = 120.0
_STUCK = frozenset({EditState.CONFLICT, EditState.ATTENTION, EditState.EXPIRED})
_NOT_LEFT = frozenset({EditState.QUEUED, *_STUCK})
_ANNOUNCED_MS = 50
"""What changed is announced at once, but not more often than this."""
_AT_ONCE = 50
"""So many edits are at most under way in one lane: the sync process needs no more to be busy, and what is to be noted
of the others would keep the disk from what the operator does next."""
_SLICE_S = 0.004
"""So long the outbox is looked through at a stretch."""

_Lane = tuple[str, bool]
"""What leaves side by side: a source's photos, which are slow, or all else for it."""


class _Kept(msgspec.Struct, frozen=True):
    """What work.db holds when it is opened."""

    outbox: list[Queued]
    keys: dict[str, tuple[str, str]]
    drafts: dict[str, dict[str, Any]]
    filters: dict[str, str]
    alarms: dict[str, str]
    salvaged: Salvage | None
    taken_back: list[Queued] = []
    dropped: list[Queued] = []


class Edits(QObject):
    """The outbox, on the GUI thread; one thread of its own does every write to work.db.

    Rules: an edit is pushed only after it (and the fact that it is being sent) is on the disk. Of one report one edit
    is under way at a time, in the order in which they were made; while one needs the operator, or another operator to
    sign in, later ones of that report wait, except appends (a note, a reply, a photo). Facts are sent whenever their
    source is there; an order (see `is_order`) older than `order_lifetime_s` is not sent but EXPIRED: "still wanted?". A
    withdrawn edit is never sent. An edit is SENT when the cache holds the history entry that bears its id.
    """

    opened = Signal()
    """work.db is open; drafts, filters and the outbox are known."""
    unavailable = Signal(object)
    """work.db could not be opened (a StoreError): edits are refused until it can (`opened`), which is tried again."""
    saved = Signal(object)
    """A Queued: this edit is on the disk."""
    refused = Signal(str, object)
    """An edit's id and the exception for which it could not be saved: it does not exist."""
    reports_changed = Signal(object)
    """What is new in the next `changed`: (source, report) -> the edits of it that are not finished, oldest first."""
    changed = Signal(object)
    """All edits that are not finished, as a tuple of Queued, oldest first."""
    too_late = Signal(object)
    """A Queued that was withdrawn while the sync process held it, but had left already: it has taken effect."""
    trouble = Signal(object)
    """An exception for which a later state or a draft could not be noted; the edit itself is safe."""

    def __init__(
        self,
        folder: Path,
        push: Callable[[Push | Withdraw], None],
        clock: Callable[[], datetime],
        ids: Callable[[], str],
        order_lifetime_s: float = 600.0,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._push, self._clock, self._ids = push, clock, ids
        self._order_lifetime_s = order_lifetime_s
        self._author = ""
        self.why_reading_only: Callable[[str], str] = lambda _source: ""
        """Set by the app: why nothing may be written for a source now, "" when it may."""
        self._authors: dict[str, str] = {}
        self.salvaged: Salvage | None = None
        """What was brought back when work.db was found damaged."""
        self._is_open = False
        self._outbox = OpenEdits()
        self._keys = self._outbox.remote
        self._drafts: dict[str, dict[str, Any] | None] = {}  # read by the thread that writes them; None: see `_used`
        self._unwritten: set[str] = set()  # drafts that the disk refused
        self._draft_in_use = ""
        self._used: dict[str, tuple[str, dict[str, Any]]] = {}  # an edit that waits for the disk -> what it was made of
        self._filters: dict[str, str] = {}
        self._alarms: dict[str, str] = {}
        self._saving: set[str] = set()
        self._withdraw_when_saved: set[str] = set()
        self._waiting: set[str] = set()  # tried in vain: not before `resend_due`
        self._handed_over: set[str] = set()  # the sync process has them
        self._due: dict[Chain, str] = {}  # what of each chain may go next
        self._next: dict[_Lane, list[tuple[int, str]]] = {}  # heaps of what is due; what is not any more is passed by
        self._under_way: dict[str, _Lane] = {}
        self._room: Counter[_Lane] = Counter()  # taken
        self._asked_back: set[str] = set()
        self._proved_early: set[str] = set()
        self._taken_back: dict[str, Queued] = {}  # withdrawn while the sync process held them
        self._in_place_of: dict[str, str] = {}  # the id of an edit that was given anew -> the new one's
        self._dropped: dict[str, Queued] = {}  # by another operator than their author, who was not told yet
        self._away: set[str] = set()
        self._here_since: dict[str, datetime] = {}
        self._thread = WorkThread(partial(WorkFile, folder, clock=clock), _read)
        self._thread.opened.connect(self._on_opened)
        self._closed = False
        self._announce = QTimer(self, singleShot=True)
        self._announce.timeout.connect(self._on_announce)  # a lambda would keep this object for ever
        self._announced_s = -1.0
        self._rest = QTimer(self, singleShot=True, interval=0)
        self._rest.timeout.connect(self._send_due)
        self._retry = QTimer(self, interval=_RETRY_MS)
        self._retry.timeout.connect(self._try_again)
        self._thread.open(self._on_unavailable)

    def _on_announce(self) -> None:
        self._announced_s = time.monotonic()
        places, self._outbox.shown_anew = self._outbox.shown_anew, set()
        self.reports_changed.emit({place: self._outbox.shown_at(place) for place in places})
        self.changed.emit(self.outbox)

    # What is known

    @property
    def outbox(self) -> tuple[Queued, ...]:
        """All edits that are not finished, oldest first."""
        return tuple(self._outbox.shown)

    @property
    def open_ids(self) -> tuple[str, ...]:
        """The ids of all edits that are not finished, oldest first."""
        return tuple(self._outbox)

    def open_edit(self, edit_id: str) -> Queued | None:
        """One of the edits that are not finished, as in `outbox`."""
        return self._outbox.shown_one(edit_id)

    def open_in(self, state: EditState) -> list[Queued]:
        """Those in one state, as in `outbox`."""
        return self._outbox.shown_in(state)

    @property
    def counts(self) -> dict[EditState, int]:
        """How many unfinished edits stand in each state."""
        return self._outbox.counts

    @property
    def has_due(self) -> bool:
        """Whether something may go and has only not been handed over yet."""
        return self._is_open and bool(self._outbox.stirred or self._due)

    @property
    def saving(self) -> frozenset[str]:
        """The ids of the edits that wait for the disk: each is `saved` or `refused` soon."""
        return frozenset(self._saving)

    def pending_for(self, source: str, report_key: str | None) -> tuple[Edit, ...]:
        """The edits that the shown state of a report includes, oldest first."""
        return tuple(queued.edit for queued in self._outbox.shown_at((source, report_key)) if queued.state in PENDING)

    def open_for(self, source: str, report_key: str | None) -> tuple[Queued, ...]:
        """The edits of a report that are not finished, oldest first."""
        return self._outbox.shown_at((source, report_key))

    @property
    def deleted(self) -> tuple[Edit, ...]:
        """The edits whose reports are not at the server any more, oldest first."""
        return tuple(one.edit for one in self.open_in(EditState.ATTENTION) if is_deleted(one))

    @property
    def retryable(self) -> tuple[str, ...]:
        """The ids of this operator's that were refused for a reason that may have passed, oldest first.

        Never what needs a decision: a conflict, an order past its time, a report that is gone, an unknown outcome.
        """
        refused = (one for one in self.open_in(EditState.ATTENTION) if maybe_later(one))
        return tuple(one.edit.id for one in refused if not self._of_another(one.edit))

    @property
    def on_reports(self) -> tuple[tuple[Edit, str], ...]:
        """The edits that the server has not taken, each with its report's id there, where it has one; oldest first."""
        placed = ((one, self._place(one.edit)[1]) for one in self._outbox.values() if one.edit.kind is not Kind.CREATE)
        return tuple(
            (one.edit, report)
            for one, report in placed
            if one.state is not EditState.ACCEPTED and report is not None and not report.startswith("local:")
        )

    def without_number(self, edit_ids: Iterable[str]) -> tuple[str, ...]:
        """Which of these are creations whose reports' ids at the server are not known."""
        found = ((self._outbox.get(edit_id) or self._taken_back.get(edit_id)) for edit_id in edit_ids)
        made = (one.edit for one in found if one is not None and one.edit.kind is Kind.CREATE)
        return tuple(edit.id for edit in made if edit.report not in self._keys)

    def waiting_ids(self) -> tuple[str, ...]:
        """Ids to look up in the cache (`CacheReader.proved`) after a start."""
        return (*self._outbox, *self._taken_back)

    def remote_of(self, local_key: str) -> str | None:
        """The server's id of a report that was created here; None while it has none."""
        found = self._keys.get(local_key)
        return found[1] if found else None

    @property
    def author(self) -> str:
        """Who makes the edits from now on, where `sign_in` named nobody for a source."""
        return self._author

    @author.setter
    def author(self, author: str) -> None:
        self._author = author
        self._outbox.stir_all()

    def author_for(self, source: str) -> str:
        """Who makes the edits for a source."""
        return self._authors.get(source, self.author)

    @property
    def authors(self) -> Mapping[str, str]:
        """Who makes the edits for the sources at which `sign_in` named somebody."""
        return self._authors

    def sign_in(self, source: str, author: str) -> None:
        """Who makes the edits for a source from now on; edits of another author wait until he signs in."""
        self._authors[source] = author
        self._outbox.stir_all()
        self._send_due()

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
        return self._submit(
            Edit(
                id=self._ids(),
                kind=kind,
                report=report_key,
                author=self.author_for(source),
                device="",
                number=0,
                occurred_at=self._clock(),
                data=data,
                base=base,
                base_version=base_version,
                source=source,
                undoes=undoes,
                title=title,
                about=about or {},
            )
        )

    def withdraw(self, edit_id: str) -> bool:
        """Take an edit back that has not left; False when it is too late (or unknown): then an inverse edit is needed.

        With a report's CREATE everything that was done to that report goes too.
        """
        if edit_id in self._saving:
            self._withdraw_when_saved.add(edit_id)
            return True
        queued = self._outbox.get(edit_id)
        if queued is None or queued.state not in _NOT_LEFT:
            return False
        for one in [queued, *self._children(queued)]:
            self._withdraw_now(one)
        self._send_due()
        return True

    def ask_back(self, edit_id: str) -> bool:
        """Withdraw now, or ask the sync process not to send what it still holds: the outcome tells.

        False when the server has taken it already (or it is unknown).
        """
        queued = self._outbox.get(edit_id)
        if self.withdraw(edit_id):
            return True
        if queued is None or queued.state is EditState.ACCEPTED:
            return False
        self._asked_back.add(edit_id)
        self._set(replace(queued, problem=ASKED_BACK))
        self._push(Withdraw(edit_id))
        return True

    def still_wanted(self, edit_id: str, yes: bool) -> None:
        """Answer for an expired order: give it anew (a new edit, made now), or drop it."""
        queued = self._outbox.get(edit_id)
        if queued is None or queued.state is not EditState.EXPIRED:
            return
        if yes:
            self._replace(queued, queued.edit.base, queued.edit.base_version)
        else:
            self.withdraw(edit_id)

    def told(self, edit_id: str, who: str) -> None:
        """Record who was told by radio."""
        queued = self._outbox.get(edit_id)
        if queued is not None:
            self._set(replace(queued, told=clean_text(who)))

    def retry(self, *edit_ids: str) -> None:
        """Send again what was refused: the same edits under the same keys."""
        for edit_id in edit_ids:
            queued = self._outbox.get(edit_id)
            if queued is None:
                continue
            self._waiting.discard(edit_id)
            self._outbox.stir([edit_id])
            if queued.state is EditState.ATTENTION:
                self._set(replace(queued, state=EditState.QUEUED, problem="", theirs={}))
        self._send_due()

    def choose(
        self, edit_id: str, mine: bool, version: int | None = None, *, data: dict[str, Any] | None = None
    ) -> None:
        """Settle a conflict: mine becomes a new edit on top of theirs; theirs withdraws the edit.

        `version` is the report's present version where the outcome did not tell it; `data` is what mine is to say now.
        """
        queued = self._outbox.get(edit_id)
        if queued is None or queued.state is not EditState.CONFLICT:
            return
        if not mine:
            self.withdraw(edit_id)
            return
        now_there = {field: told(value)[0] for field, value in queued.theirs.items() if field in queued.edit.data}
        present = queued.version if version is None else version
        base_version = queued.edit.base_version if present is None else present
        self._replace(queued, {**queued.edit.base, **now_there}, base_version, data)

    def goes_along(self, edit_id: str) -> tuple[Queued, ...]:
        """The edits that go along when the deleted report of this one is kept as a new one, oldest first.

        All of this operator's on that report (not on another that has its number now) that the server has not taken;
        what may be on its way can do nothing to a report that is gone. () when the edit is no such one.
        """
        chosen = self._outbox.get(edit_id)
        if chosen is None or not is_deleted(chosen) or self._of_another(chosen.edit):
            return ()
        place, made = self._place(chosen.edit), chosen.edit.about.get("created")
        return tuple(
            one
            for one in self._outbox.values()
            if self._place(one.edit) == place
            and one.state is not EditState.ACCEPTED
            and one.edit.kind is not Kind.CREATE
            and one.edit.id not in self._asked_back
            and not self._of_another(one.edit)
            and made in (None, one.edit.about.get("created", made))
        )

    def keep_as_new(
        self, edit_id: str, data: dict[str, Any], *, title: str, words: Callable[[Sequence[Edit]], str]
    ) -> str:
        """Make a new report in the place of a deleted one; its CREATE's id, "" when there is nothing to keep.

        In one write the edits that go along (see `goes_along`) are withdrawn and new ones wait for the new report: a
        note of what `words` makes of those that cannot follow, then the facts in their order, then the orders, each
        as "still wanted?" (see console.domain.kept). `saved` comes for each, or `refused` for the CREATE.
        """
        old = self.goes_along(edit_id)
        if not old:
            return ""
        source, author, now = old[0].edit.source, self.author_for(old[0].edit.source), self._clock()
        plain = Edit(self._ids(), Kind.CREATE, None, author, "", 0, now, source=source, title=title)
        create = replace(plain, report=f"local:{plain.id}", data=data)
        carried = carry(old, create)
        note = replace(plain, kind=Kind.NOTE, data={"text": words(carried.tell)})
        facts = [replace(one, id=self._ids(), report=create.report) for one in (note, *carried.follow)]
        orders = [replace(one, edit=replace(one.edit, id=self._ids(), report=create.report)) for one in carried.ask]
        new = [
            *(Queued(_clean(replace(one, author=author, late=False)), EditState.QUEUED) for one in (create, *facts)),
            *(
                Queued(_clean(replace(one.edit, author=author, late=False)), EditState.EXPIRED, told=one.told)
                for one in orders
            ),
        ]
        self._exchange(old, new, _KEPT)
        return create.id

    def drop(self, edit_id: str) -> bool:
        """Throw away what another operator left here, which is never sent; False when it may be on its way.

        With a report's CREATE goes what that operator did to the report. The author is told: see `take_dropped`.
        """
        queued = self._outbox.get(edit_id)
        if queued is None or not self._of_another(queued.edit):
            return False
        if queued.state is EditState.ACCEPTED or edit_id in self._handed_over:
            return False
        who = {"who": self.author_for(queued.edit.source), "at": self._clock().isoformat()}
        for one in [queued, *self._children(queued)]:
            if one.edit.author == queued.edit.author:
                self._dropped[one.edit.id] = replace(one, theirs={DROPPED: who})
                self._withdraw_now(one, DROPPED, {DROPPED: who})
        self._send_due()
        return True

    def adopt(self, edit_id: str) -> bool:
        """Send as the present operator's what was made before sign-in was needed; False when it may be on its way.

        It becomes a new edit with the same data and its own time; with a report's CREATE all that was done to the
        report becomes new edits, in their order.
        """
        queued = self._outbox.get(edit_id)
        if queued is None or queued.edit.author != BEFORE_SIGN_IN or not self._of_another(queued.edit):
            return False
        if queued.state not in _NOT_LEFT or edit_id in self._handed_over:
            return False
        old, me = [queued, *self._children(queued)], self.author_for(queued.edit.source)
        new = [
            replace(one.edit, id=self._ids(), author=me if one.edit.author == BEFORE_SIGN_IN else one.edit.author)
            for one in old
        ]
        self._exchange(old, [Queued(edit, EditState.QUEUED) for edit in new], "")
        return True

    def held_by(self, edit_id: str) -> Queued | None:
        """The earlier edit of the same report that an edit waits for because it needs its operator, if there is one."""
        queued = self._outbox.get(edit_id)
        if queued is None or queued.state is not EditState.QUEUED:
            return None
        for one in self._outbox.in_chain(chain_of(queued.edit)):
            if one.edit.id == edit_id:
                break
            stuck = one.state in _STUCK or self._of_another(one.edit)
            if stuck and (one.edit.kind is Kind.CREATE or queued.edit.kind not in APPENDS):
                return one
        return None

    def take_dropped(self, source: str) -> tuple[Queued, ...]:
        """What others dropped of the present operator's, oldest first; `theirs` says who and when. Told once."""
        me = self.author_for(source)
        mine = [one for one in self._dropped.values() if (one.edit.source, one.edit.author) == (source, me)]
        for one in mine:
            del self._dropped[one.edit.id]
            self._write(partial(_note_told, one))
        return tuple(mine)

    # What the sync process says

    @Slot(object)
    def on_outcome(self, outcome: Outcome) -> None:
        """What became of an edit that was pushed."""
        if outcome.remote_id is not None:
            self._learn_key(outcome)
        queued = self._outbox.get(outcome.edit_id)
        if queued is None:
            self._on_outcome_of_withdrawn(outcome)
            return
        if outcome.state not in (EditState.QUEUED, EditState.UNCONFIRMED):
            self._handed_over.discard(outcome.edit_id)
            self._make_room(outcome.edit_id)
        if outcome.state in (EditState.ACCEPTED, EditState.SENT):
            self._tell_too_late(queued)
        match outcome.state:
            case EditState.WITHDRAWN if queued.state in _STUCK:
                pass  # called back from the sync process so that the operator can decide, who has not
            case EditState.QUEUED | EditState.UNCONFIRMED:
                self._on_not_confirmed(queued, outcome)
            case EditState.ACCEPTED if queued.edit.id in self._proved_early:
                self._finish(queued, EditState.SENT)
            case EditState.CONFLICT:
                self._on_conflict(queued, outcome)
            case EditState.SENT | EditState.WITHDRAWN:
                self._finish(queued, outcome.state)
            case EditState.ACCEPTED | EditState.ATTENTION | EditState.EXPIRED:
                self._set(replace(queued, state=outcome.state, problem=outcome.problem, theirs=dict(outcome.theirs)))
            case EditState.SENDING:
                return
        self._send_due()

    def on_proved(self, edit_ids: Iterable[str], numbers: Mapping[str, str] | None = None) -> None:
        """The cache holds the history entries of these edits: they are sent, whatever was believed before.

        `numbers` are the servers' ids of reports by the edits that created them, as the cache has them.
        """
        for edit_id in edit_ids:
            proof = Outcome(edit_id, EditState.SENT, remote_id=(numbers or {}).get(edit_id))
            if edit_id in self._taken_back:
                self._on_outcome_of_withdrawn(proof)
            elif proof.remote_id is not None:
                self._learn_key(proof)
            queued = self._outbox.get(edit_id)
            if queued is None:
                continue
            self._tell_too_late(queued)
            if queued.edit.kind is Kind.CREATE and queued.edit.report not in self._keys:
                # Its server id is still needed for the edits that follow; asking again with the same key tells it.
                self._proved_early.add(edit_id)
            else:
                self._finish(queued, EditState.SENT)
        self._send_due()

    def on_another(self, edit_ids: Iterable[str]) -> None:
        """The numbers of these edits' reports are other reports at the server now: nothing of it is sent there."""
        for edit_id in edit_ids:
            queued = self._outbox.get(edit_id)
            if queued is not None and ANOTHER not in queued.theirs and edit_id not in self._asked_back:
                self._withdraw_from_sync(edit_id)
                self._set(replace(queued, state=EditState.ATTENTION, problem=ANOTHER_REPORT, theirs={ANOTHER: {}}))

    def resend_due(self, source: str | None = None) -> None:
        """A source (all: None) is live and its cache complete: send what waits, ask about orders that are too old."""
        if source is None:
            self._away.clear()
        else:
            self._away.discard(source)
            self._here_since.setdefault(source, self._clock())
        self._waiting -= {one.edit.id for one in self._outbox.values() if source in (None, one.edit.source)}
        for one in self._outbox.in_state(EditState.UNCONFIRMED):
            if source not in (None, one.edit.source):
                continue
            if one.edit.id in self._asked_back:
                self._withdraw_now(one)  # the complete cache does not have it, so it did not arrive
            elif self._too_old(one):
                self._expire(one)  # the complete cache does not have it, so it did not arrive
        self._begin_anew()

    def source_lost(self, source: str) -> None:
        """A source cannot be reached: nothing is pushed for it until `resend_due`."""
        self._away.add(source)
        self._here_since.pop(source, None)
        self._begin_anew()

    def on_restarted(self) -> None:
        """The sync process was started again: what it had under way may or may not have left."""
        self._handed_over.clear()
        for queued in self._outbox.in_state(EditState.SENDING):
            self._waiting.add(queued.edit.id)
            self._set(replace(queued, state=EditState.UNCONFIRMED))
        self._begin_anew()

    # Drafts, filters, alarms: kept in memory, written behind

    def save_draft(self, key: str, draft: dict[str, Any]) -> None:
        """Keep what was typed into a form; tried again while the disk refuses it."""
        self._drafts[key] = cleaned(draft)
        self._write_draft(key)

    def draft(self, key: str) -> dict[str, Any] | None:
        """What was typed into a form and not committed."""
        return self._drafts.get(key)

    @property
    def drafts(self) -> dict[str, dict[str, Any]]:
        """All drafts by key."""
        return {key: draft for key, draft in self._drafts.items() if draft is not None}

    def draft_key(self, form: str, source: str, report: str) -> str:
        """What a form's draft for a report is kept under; a report created here keeps it when it gets its number."""
        place = f"{form}:{source}:"
        before = (key for key in self._drafts if key.startswith(f"{place}local:"))
        return next((key for key in before if self.remote_of(key.removeprefix(place)) == report), f"{place}{report}")

    def drop_draft(self, key: str) -> None:
        """Forget a draft."""
        if self._drafts.pop(key, None) is not None:
            self._write_draft(key)

    @contextlib.contextmanager
    def using_draft(self, key: str) -> Iterator[None]:
        """An edit that is made inside is what became of this draft: one write saves the first and ends the second."""
        self._draft_in_use = key
        try:
            yield
        finally:
            self._draft_in_use = ""

    def _use_draft(self, edit_id: str) -> str:
        """The key of the draft that this edit is made of; it is offered no longer unless the disk refuses the edit."""
        key, draft = self._draft_in_use, self._drafts.get(self._draft_in_use)
        if draft is not None:
            self._used[edit_id] = (key, draft)
            self._drafts[key] = None
        return key

    def _end_used(self, edit_id: str, *, saved: bool) -> None:
        """With the edit its draft is gone, else it is one again; unless a newer one has taken its place."""
        key, draft = self._used.pop(edit_id, ("", {}))
        if key in self._drafts and self._drafts[key] is None:
            del self._drafts[key]
            if not saved:
                self.save_draft(key, draft)

    def _write_draft(self, key: str) -> None:
        """Write what is kept when the turn comes, not what was kept when it was asked for.

        So nothing is written over what came after, and a draft whose edit went before it does not come back.
        """

        def write(file: WorkFile) -> None:
            draft = self._drafts.get(key, {})
            if draft:
                file.save_draft(key, draft)
            elif draft is not None:
                file.drop_draft(key)

        def failed(error: Exception) -> None:
            if key not in self._unwritten:
                self._unwritten.add(key)
                self.trouble.emit(error)

        self._thread.write(write, lambda _: self._unwritten.discard(key), failed, hurry=True)

    @property
    def filters(self) -> dict[str, str]:
        """Saved filters: name -> text."""
        return dict(self._filters)

    def save_filter(self, name: str, text: str) -> None:
        """Keep a filter under a name."""
        self._filters[name] = text
        self._write(lambda file: file.save_filter(name, text))

    def drop_filter(self, name: str) -> None:
        """Forget a saved filter."""
        if self._filters.pop(name, None) is not None:
            self._write(lambda file: file.drop_filter(name))

    @property
    def alarms(self) -> dict[str, str]:
        """Alarm states by key."""
        return dict(self._alarms)

    def set_alarm(self, key: str, state: str) -> None:
        """Note an alarm's state."""
        self._alarms[key] = state
        self._write(lambda file: file.set_alarm(key, state))

    # The end

    def close(self) -> None:
        """Write what waits to be written, then close work.db; nothing is called back afterwards."""
        if self._closed:
            return
        self._closed = True
        self._retry.stop()
        self._announce.stop()
        self._rest.stop()
        self._thread.close()

    # Sending

    def _begin_anew(self) -> None:
        """All that waits is looked at again, and what was handed over holds nobody else any longer."""
        for collected in (self._under_way, self._room, self._due, self._next):
            collected.clear()
        self._outbox.stir_all()
        self._send_due()

    def _send_due(self) -> None:
        """Send what may go, in the order of making; a long outbox is looked through in short stretches."""
        self._changed()
        until_s = time.monotonic() + _SLICE_S
        while True:
            self._part_orphans()
            if self._outbox.stirred:
                self._look_at(self._outbox.stirred.popitem()[0])
            elif (lane := self._lane_with_room()) is not None:
                self._send_next(lane)
            else:
                return
            if time.monotonic() > until_s:
                self._rest.start()
                return

    def _look_at(self, chain: Chain) -> None:
        """Find what of a chain may go next; an order that is too old is asked about, and the chain looked at again."""
        self._due.pop(chain, None)
        queued = self._next_in(chain)
        if queued is None:
            return
        if not self._too_old(queued):
            self._due[chain] = queued.edit.id
            heapq.heappush(self._next.setdefault(_lane(queued), []), (queued.edit.number, queued.edit.id))
        elif queued.state is EditState.QUEUED:
            self._expire(queued)  # one that may have left waits for the complete cache

    def _lane_with_room(self) -> _Lane | None:
        """The lane whose next edit is the oldest of those that may be handed over now."""
        open_ = [lane for lane, due in self._next.items() if due and self._room[lane] < _AT_ONCE]
        return min(open_, key=lambda lane: self._next[lane][0], default=None)

    def _send_next(self, lane: _Lane) -> None:
        _, edit_id = heapq.heappop(self._next[lane])
        queued = self._outbox.get(edit_id)
        if queued is None or self._due.get(chain_of(queued.edit)) != edit_id:
            return
        if not self._too_old(queued):
            self._under_way[edit_id] = lane
            self._room[lane] += 1
            self._send(queued)
        elif queued.state is EditState.QUEUED:
            self._expire(queued)

    def _make_room(self, edit_id: str) -> None:
        """It is not under way any more."""
        if (lane := self._under_way.pop(edit_id, None)) is not None:
            self._room[lane] -= 1

    def _part_orphans(self) -> None:
        """What was done to a report created here whose creation was taken back meanwhile can never leave: say so."""
        while self._outbox.unsure:
            queued = self._outbox.get(self._outbox.unsure.popitem()[0])
            if queued is None or queued.state is not EditState.QUEUED:
                continue
            if not all(map(self._outbox.is_awaited, local_keys(queued.edit))):
                self._set(replace(queued, state=EditState.ATTENTION, problem="Its report was withdrawn."))

    def _next_in(self, chain: Chain) -> Queued | None:
        """The edit of a chain to send now: never past an earlier one that must go first."""
        stuck = False
        for queued in self._outbox.in_chain(chain):
            edit, state = queued.edit, queued.state
            if state in _STUCK or self._of_another(edit):
                if edit.kind is Kind.CREATE:
                    return None
                stuck = True
            elif state is not EditState.ACCEPTED and (not stuck or edit.kind in APPENDS):
                # Text overtakes a photo's bytes; what may not (done, handing in, validate) the push lane holds back,
                # once it knows of the photo.
                known = state is EditState.SENDING or edit.id in self._handed_over
                if edit.kind is not Kind.PHOTO or not known:
                    return queued if self._may_go(queued) else None
        return None

    def _may_go(self, queued: Queued) -> bool:
        edit = queued.edit
        if queued.state is EditState.SENDING or edit.id in self._waiting or edit.source in self._away:
            return False
        return edit.kind is Kind.CREATE or all(key in self._keys for key in local_keys(edit))

    def _of_another(self, edit: Edit) -> bool:
        """Whether it waits for another operator to sign in."""
        me = self.author_for(edit.source)
        return bool(me and edit.author and edit.author != me)

    def _too_old(self, queued: Queued) -> bool:
        """Whether it is an order past its time."""
        return outlived(queued.edit, self._clock(), self._order_lifetime_s)

    def _expire(self, queued: Queued) -> None:
        self._withdraw_from_sync(queued.edit.id)
        self._set(replace(queued, state=EditState.EXPIRED))

    def _send(self, queued: Queued) -> None:
        """Note on the disk that the edit is being sent, then hand it over."""
        edit_id = queued.edit.id
        unconfirmed = queued.state is EditState.UNCONFIRMED
        late = queued.edit.late
        if queued.attempts == 0:  # fixed before the first try: the body must never change under its key
            late = (self._clock() - queued.edit.occurred_at).total_seconds() > LATE_S
        sending = replace(
            queued,
            edit=replace(queued.edit, late=late),
            state=EditState.SENDING,
            attempts=queued.attempts + 1,
            problem=ASKED_BACK if edit_id in self._asked_back else "",
        )
        self._remember(sending)

        def hand_over(_: object) -> None:
            now = self._outbox.get(edit_id)
            if now is None or now.state is not EditState.SENDING:
                return
            if edit_id in self._asked_back and not unconfirmed:
                self._finish(now, EditState.WITHDRAWN)
                self._send_due()
            else:
                self._handed_over.add(edit_id)
                self._push(Push(edit=self._addressed(now.edit), unconfirmed=unconfirmed))

        def failed(error: Exception) -> None:
            self._waiting.add(edit_id)
            self._make_room(edit_id)
            if edit_id in self._outbox:
                self._remember(queued)
            self._send_due()
            self.trouble.emit(error)

        self._thread.note(
            lambda file: file.set_state(
                edit_id, EditState.SENDING, problem=sending.problem, told=queued.told, late=late
            ),
            hand_over,
            failed,
        )

    def _addressed(self, edit: Edit) -> Edit:
        """The edit with the server's ids in place of local keys."""
        changes: dict[str, Any] = {}
        if edit.report in self._keys and edit.kind is not Kind.CREATE:
            about = {name: value for name, value in edit.about.items() if name != "created"}
            changes |= {"report": self._keys[edit.report][1], "about": about}  # the server may have dated it otherwise
            if edit.base_version is None:
                changes["base_version"] = 1
        into = edit.data.get("into")
        if into in self._keys:
            changes["data"] = {**edit.data, "into": self._keys[into][1]}
        return replace(edit, **changes) if changes else edit

    def _try_again(self) -> None:
        """What the sync process holds it tries again by itself; the rest (a disk that was full) is tried from here."""
        if not self._is_open:
            self._thread.open(lambda _: None)
            return
        for key in self._unwritten:
            self._write_draft(key)
        self._doubt_unproved()
        self._waiting &= self._handed_over
        self._begin_anew()

    def _doubt_unproved(self) -> None:
        """What a server took two minutes ago and has not shown since, though it is read, may have failed there.

        A creation is left out: some cities look at a new report before they list it.
        """
        for queued in self._outbox.in_state(EditState.ACCEPTED):
            here_since = self._here_since.get(queued.edit.source)
            if queued.edit.kind is Kind.CREATE or here_since is None:
                continue
            waits_since = max(here_since, queued.changed_at or here_since)
            if (self._clock() - waits_since).total_seconds() > _UNPROVED_S:
                words = (
                    "The server said that it took this, but its record does not show it. Look before you send again."
                )
                self._set(replace(queued, state=EditState.ATTENTION, problem=words))

    # Outcomes

    def _on_not_confirmed(self, queued: Queued, outcome: Outcome) -> None:
        self._waiting.add(queued.edit.id)
        problem = ASKED_BACK if queued.edit.id in self._asked_back else outcome.problem
        self._set(replace(queued, state=outcome.state, problem=problem))

    def _tell_too_late(self, queued: Queued) -> None:
        if queued.edit.id in self._asked_back:
            self._asked_back.discard(queued.edit.id)
            self.too_late.emit(queued)

    def _on_outcome_of_withdrawn(self, outcome: Outcome) -> None:
        queued = self._taken_back.get(outcome.edit_id)
        if queued is not None and outcome.state in (EditState.ACCEPTED, EditState.SENT):
            del self._taken_back[outcome.edit_id]
            self._dropped.pop(outcome.edit_id, None)
            if (again := self._in_place_of.pop(outcome.edit_id, None)) is not None:
                self.ask_back(again)  # the wish is fulfilled: once is enough
            self._set(replace(queued, state=EditState.ACCEPTED))
            if outcome.remote_id is not None:
                self._learn_key(outcome)
            elif queued.edit.kind is Kind.CREATE:  # asking again with the same key tells the server's id
                self._set(replace(queued, state=EditState.UNCONFIRMED))
            self._send_due()
            self.too_late.emit(queued)

    def _on_conflict(self, queued: Queued, outcome: Outcome) -> None:
        """Send again when nobody touched what the operator changed, else leave it to the operator."""
        edit = queued.edit
        theirs: dict[str, Any] = dict(outcome.theirs)
        version = outcome.version
        fields = {name: value for name, value in edit.data.items() if name != "reason"}
        touched = theirs.keys() & fields.keys()
        clean = edit.kind is Kind.SET and touched and not three_way(edit.base, fields, theirs).conflicts
        if clean and version is not None and (edit.base_version is None or version > edit.base_version):
            again = replace(edit, base_version=version)
            self._remember(replace(queued, edit=again, state=EditState.QUEUED))
            self._waiting.discard(edit.id)
            self._write(lambda file: file.rebase(edit.id, version))
        else:
            in_conflict = replace(queued, state=EditState.CONFLICT, theirs=theirs, version=version)
            self._set(replace(in_conflict, problem=outcome.problem))

    def _learn_key(self, outcome: Outcome) -> None:
        queued = self._outbox.get(outcome.edit_id)
        if queued is None or queued.edit.report is None or outcome.remote_id is None:
            return
        key, source, remote_id = queued.edit.report, queued.edit.source, outcome.remote_id
        self._outbox.learn({key: (source, remote_id)})
        self._write(lambda file: file.learn_key(key, source, remote_id))

    def _finish(self, queued: Queued, state: EditState) -> None:
        edit_id = queued.edit.id
        self._outbox.pop(edit_id)
        self._make_room(edit_id)
        for known in (self._waiting, self._handed_over, self._asked_back, self._proved_early):
            known.discard(edit_id)
        self._changed()
        self._write(lambda file: file.set_state(edit_id, state))

    # Withdrawing and replacing

    def _withdraw_now(self, queued: Queued, problem: str = "", theirs: dict[str, Any] | None = None) -> None:
        """Gone from the screen at once; back again if the disk refuses to note it."""
        edit_id = queued.edit.id
        if queued.attempts:  # a sync process had it, perhaps one that was killed while it sent it
            self._taken_back[edit_id] = queued
        self._withdraw_from_sync(edit_id)
        self._outbox.pop(edit_id)
        self._waiting.discard(edit_id)
        self._asked_back.discard(edit_id)
        self._changed()

        def failed(error: Exception) -> None:
            self._waiting.add(edit_id)
            if queued.problem == ASKED_BACK:
                self._asked_back.add(edit_id)
            self._dropped.pop(edit_id, None)
            self._remember(queued)
            self.trouble.emit(error)

        self._thread.note(
            lambda file: file.set_state(edit_id, EditState.WITHDRAWN, problem=problem, theirs=theirs),
            None,
            failed,
        )

    def _withdraw_from_sync(self, edit_id: str) -> None:
        self._make_room(edit_id)
        if edit_id in self._handed_over:
            self._handed_over.discard(edit_id)
            self._push(Withdraw(edit_id))

    def _exchange(self, old: Sequence[Queued], new: Sequence[Queued], problem: str) -> None:
        """New edits in the place of old ones, which are gone from the screen at once; as before if the disk refuses.

        `saved` comes for each new one, or `refused` for the first.
        """
        first, source = new[0].edit.id, new[0].edit.source
        ids = {one.edit.id for one in old}
        self._saving.add(first)
        self._waiting -= ids
        if problem != _KEPT:  # should an old one turn out to have been sent, that has to be said
            self._taken_back |= {one.edit.id: one for one in old if one.attempts}
            self._in_place_of |= dict.fromkeys(ids, first)
        for edit_id in ids:
            self._outbox.pop(edit_id)
        self._changed()
        why, draft = self.why_reading_only(source), self._use_draft(first)

        def save(file: WorkFile) -> list[Queued]:
            _check_rights(why)
            return file.exchange(ids, new, problem, draft)

        def saved(kept: list[Queued]) -> None:
            for edit_id in ids:
                self._withdraw_from_sync(edit_id)
            for one in kept:
                self._outbox.put(one)
            for one in kept[1:]:
                self.saved.emit(one)
            self._on_saved(kept[0])

        def refused(error: Exception) -> None:
            self._saving.discard(first)
            self._withdraw_when_saved.discard(first)
            for one in old:
                self._taken_back.pop(one.edit.id, None)
                self._in_place_of.pop(one.edit.id, None)
                left = one.state is EditState.SENDING  # how that ended was not listened to
                if one.edit.id not in self._outbox:
                    self._remember(replace(one, state=EditState.UNCONFIRMED) if left else one)
            self._waiting |= ids
            self._end_used(first, saved=False)
            self.refused.emit(first, error)

        self._thread.write(save, saved, refused)

    def _children(self, queued: Queued) -> list[Queued]:
        if queued.edit.kind is not Kind.CREATE:
            return []
        return [one for one in self._outbox.in_chain(chain_of(queued.edit)) if one.edit.id != queued.edit.id]

    def _replace(
        self, old: Queued, base: dict[str, Any], base_version: int | None, data: dict[str, Any] | None = None
    ) -> None:
        """The same wish as a new edit, made now, in the place of the old one."""
        new = replace(
            old.edit,
            id=self._ids(),
            author=self.author_for(old.edit.source) or old.edit.author,
            occurred_at=self._clock(),
            data=old.edit.data if data is None else data,
            base=base,
            base_version=base_version,
            late=False,
        )
        self._exchange([old], [Queued(_clean(new), EditState.QUEUED)], "")

    def _submit(self, edit: Edit) -> str:
        if edit.kind is Kind.CREATE and edit.report is None:
            edit = replace(edit, report=f"local:{edit.id}")
        edit = _clean(edit)
        self._saving.add(edit.id)
        why, draft = self.why_reading_only(edit.source), self._use_draft(edit.id)

        def save(file: WorkFile) -> Queued:
            _check_rights(why)
            return file.append(replace(edit, device=file.device, number=file.next_number()), draft)

        def refused(error: Exception) -> None:
            self._saving.discard(edit.id)
            self._withdraw_when_saved.discard(edit.id)
            self._end_used(edit.id, saved=False)
            self.refused.emit(edit.id, error)

        self._thread.write(save, self._on_saved, refused, hurry=True)
        return edit.id

    def _on_saved(self, queued: Queued) -> None:
        self._saving.discard(queued.edit.id)
        self._end_used(queued.edit.id, saved=True)
        self._outbox.put(queued)
        self.saved.emit(queued)
        if queued.edit.id in self._withdraw_when_saved:
            self._withdraw_when_saved.discard(queued.edit.id)
            self.withdraw(queued.edit.id)
        else:
            self._send_due()

    # Memory and disk

    def _place(self, edit: Edit) -> tuple[str, str | None]:
        """The report that an edit is about, by the server's id where it has one."""
        return self._keys.get(edit.report or "", (edit.source, edit.report))

    def _remember(self, queued: Queued) -> None:
        """Put an edit into its place in memory, by number."""
        self._outbox.put(replace(queued, changed_at=self._clock()))
        self._changed()

    def _set(self, queued: Queued) -> None:
        """A new state, in memory at once and on the disk behind it."""
        self._remember(queued)
        self._write(
            lambda file: file.set_state(
                queued.edit.id,
                queued.state,
                problem=queued.problem,
                theirs=queued.theirs,
                version=queued.version,
                told=queued.told,
            )
        )

    def _changed(self) -> None:
        if not self._closed and not self._announce.isActive():
            since_ms = (time.monotonic() - self._announced_s) * 1000
            self._announce.start(max(0, int(_ANNOUNCED_MS - since_ms)))

    def _write(self, work: Callable[[WorkFile], object]) -> None:
        self._thread.note(work, None, self.trouble.emit)

    # Opening

    def _on_opened(self, kept: _Kept) -> None:
        for queued in kept.outbox:
            if queued.state is EditState.SENDING:  # it may or may not have left before the end of the last run
                queued = replace(queued, state=EditState.UNCONFIRMED)
            self._waiting.add(queued.edit.id)
            self._outbox.put(queued)
            if queued.problem == ASKED_BACK:
                self._asked_back.add(queued.edit.id)
        self._outbox.learn(kept.keys)
        for key in kept.drafts.keys() & self._drafts.keys():  # typed anew before it could be offered
            self.save_draft(f"older:{key}", kept.drafts[key])
        self._drafts = {**kept.drafts, **self._drafts}
        self._filters = kept.filters | self._filters
        self._alarms = kept.alarms | self._alarms
        self.salvaged = kept.salvaged
        self._taken_back |= {queued.edit.id: queued for queued in kept.taken_back}
        self._dropped |= {queued.edit.id: queued for queued in kept.dropped}
        self._is_open = True
        self._retry.start()
        self._changed()
        self.opened.emit()

    def _on_unavailable(self, error: Exception) -> None:
        if not isinstance(error, StoreError):
            _log.error("work.db could not be opened", exc_info=error)
        self._retry.start()
        self.unavailable.emit(error)


def _read(file: WorkFile) -> _Kept:
    return _Kept(
        file.unfinished(),
        file.local_keys(),
        file.drafts(),
        file.filters(),
        file.alarms(),
        file.salvaged,
        *_withdrawn(file),
    )


def _withdrawn(file: WorkFile) -> tuple[list[Queued], list[Queued]]:
    """Of what was withdrawn: what a sync process had, and what somebody dropped of another's; both are to be told.

    The former when it turns out to have been sent, the latter when its author signs in.
    """
    withdrawn = file.all([EditState.WITHDRAWN])
    perhaps_left = [queued for queued in withdrawn if queued.attempts and queued.problem != _KEPT]
    return perhaps_left, [queued for queued in withdrawn if queued.problem == DROPPED]


def _note_told(queued: Queued, file: WorkFile) -> None:
    """Its author was told that it was dropped: from now on it is like any other that was withdrawn."""
    file.set_state(queued.edit.id, EditState.WITHDRAWN, theirs=queued.theirs)


def _check_rights(why_reading_only: str) -> None:
    if why_reading_only:
        raise ReadingOnly(why_reading_only)


def _clean(edit: Edit) -> Edit:
    """Without what no file and no server can keep."""
    return replace(edit, data=cleaned(edit.data), title=clean_text(edit.title))


def _lane(queued: Queued) -> _Lane:
    return queued.edit.source, queued.edit.kind is Kind.PHOTO
