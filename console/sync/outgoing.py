"""Decide which edit may leave now: in order where order matters, and not waiting for anything else."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from api_client.model import Kind
from console.rules.dependency import Aspect, rests_on, settles
from console.rules.edit import ON_STATUS, Edit, is_local, is_order, outlived

_NEEDS_PROOF = frozenset({Kind.VALIDATE, Kind.CLOSE, Kind.REOPEN})


@dataclass
class WaitingEdit:
    """An edit that is not settled. `left` is whether it may have reached the server."""

    edit: Edit
    left: bool
    attempts: int = 0
    not_before: float = 0.0
    in_flight: bool = False
    uploaded: bool = False
    failures: int = 0
    told: bool = False
    """Whether the console knows that it has to wait."""
    hurries: int = 0
    """How often the lane had been hurried when this try began."""
    unwanted: bool = False
    """Whether it was taken back while it was in flight: gone as soon as it is known that it has not arrived."""
    proved: bool = False
    """Whether the server's record shows it."""

    @property
    def needs_upload(self) -> bool:
        """Whether the bytes of its photo are not at the server yet."""
        return self.edit.kind is Kind.PHOTO and not self.uploaded


class Outgoing:
    """All unsettled edits of one source; safe from any thread.

    Edits that share a report or a unit leave in the order of their numbers, one at a time, and a merge behind those of
    the report that it is into; but an order does not wait
    for an edit of its report that failed and on which it does not rest. A photo whose bytes are
    still on their way holds only what needs the proof (done, validate, close, reopen) or takes it back.
    """

    def __init__(
        self, order_lifetime_s: float, now: Callable[[], datetime], away: Callable[[], bool] = lambda: False
    ) -> None:
        """`away` says that nothing may leave because the server is not there."""
        self._order_lifetime_s = order_lifetime_s
        self._now = now
        self._away = away
        self._condition = threading.Condition()
        self._waiting: dict[str, WaitingEdit] = {}
        self._remote_ids: dict[str, str] = {}
        self._held_until = 0.0
        self._hurries = 0
        self._stopped = False

    def add(self, edit: Edit, *, unconfirmed: bool) -> None:
        """Take an edit; one that is here already (a console may send it again) only has its state to be told anew."""
        with self._condition:
            known = self._waiting.setdefault(edit.id, WaitingEdit(edit, unconfirmed))
            known.told = known.unwanted = known.proved = False
            if not known.in_flight:
                known.edit = edit
            self._condition.notify_all()

    def untold(self) -> list[WaitingEdit]:
        """The edits that wait for a better time and of which nobody was told so; they count as told from here on."""
        with self._condition:
            now, away = time.monotonic(), self._away()
            found = [
                waiting
                for waiting in self._ordered()
                if not waiting.told
                and not waiting.in_flight
                and (away or now < max(self._held_until, waiting.not_before))
            ]
            for waiting in found:
                waiting.told = True
            return found

    def withdraw(self, edit_id: str, *, proved: bool = False) -> bool:
        """Forget an edit that has certainly not left; False when it has, may have, or is unknown.

        One in flight is forgotten later, by `again`, should it turn out not to have arrived. A `proved` one is
        forgotten in any case.
        """
        with self._condition:
            known = self._waiting.get(edit_id)
            if known is None:
                return False
            known.proved = proved
            # protects: proved-is-not-sent-again
            if proved and not known.in_flight:
                del self._waiting[edit_id]
                self._condition.notify_all()
                return False
            if known.in_flight or known.left:
                known.unwanted = True
                return False
            del self._waiting[edit_id]
            self._condition.notify_all()
            return True

    def take(self, longest_s: float) -> tuple[WaitingEdit | None, list[Edit]]:
        """The next edit that may leave, now in flight, and the orders that died waiting (they are forgotten here).

        Waits up to `longest_s` for one.
        """
        until = time.monotonic() + longest_s
        with self._condition:
            while True:
                dead = [] if self._stopped else self._bury()
                found = None if self._stopped else self._eligible()
                left = until - time.monotonic()
                if found or dead or left <= 0 or self._stopped:
                    if found:
                        found.in_flight = True
                        found.attempts += 1
                        found.hurries = self._hurries
                    return found, dead
                self._condition.wait(min(left, 1.0) if self._waiting else left)

    def settled(self, waiting: WaitingEdit, *, remote_id: str | None = None) -> None:
        """The edit has its answer, good or bad."""
        with self._condition:
            self._waiting.pop(waiting.edit.id, None)
            if remote_id is not None and waiting.edit.report is not None:
                self._remote_ids[waiting.edit.report] = remote_id
            self._condition.notify_all()

    def again(self, waiting: WaitingEdit, wait_s: float, *, left: bool, everything: bool) -> bool:
        """Try it again later. `everything`: the server itself is away, so nothing else leaves before either.

        False when it was proved, or has not arrived and was taken back meanwhile: it is forgotten.
        """
        with self._condition:
            waiting.in_flight = False
            waiting.left = waiting.left or left
            waiting.failures += 1
            if waiting.hurries != self._hurries:
                wait_s = 0.0  # it failed before whatever the lane was hurried for: a sign-in, a link that is back
            if everything:
                self._held_until = time.monotonic() + wait_s
            else:
                waiting.not_before = time.monotonic() + wait_s
            kept = not waiting.proved and (waiting.left or not waiting.unwanted)
            if not kept:
                self._waiting.pop(waiting.edit.id, None)
            self._condition.notify_all()
            return kept

    def next_upload(self, longest_s: float) -> tuple[WaitingEdit | None, float]:
        """The photo whose bytes may go up now, the one that failed least, or the seconds (up to `longest_s`) till then.

        So one that the server falls over holds no other.
        """
        with self._condition:
            now = time.monotonic()
            photos = [waiting for waiting in self._ordered() if waiting.needs_upload]
            ready = [waiting for waiting in photos if waiting.not_before <= now]
            found = min(ready, key=lambda waiting: waiting.failures, default=None)
            if found is not None:
                found.hurries = self._hurries
            return found, min([longest_s, *(waiting.not_before - now for waiting in photos)])

    def uploaded(self, edit_id: str) -> None:
        """A photo's bytes are at the server."""
        with self._condition:
            if (waiting := self._waiting.get(edit_id)) is not None:
                waiting.uploaded = True
                waiting.failures, waiting.not_before = 0, 0.0
            self._condition.notify_all()

    def drop(self, edit_id: str) -> None:
        """Forget an edit that cannot be sent."""
        with self._condition:
            self._waiting.pop(edit_id, None)
            self._condition.notify_all()

    def hurry(self) -> None:
        """End all waiting for a better time, also of what is under way now and fails."""
        with self._condition:
            self._hurries += 1
            self._held_until = 0.0
            for waiting in self._waiting.values():
                waiting.not_before = 0.0
            self._condition.notify_all()

    def stop(self) -> None:
        """Give nothing out any more."""
        with self._condition:
            self._stopped = True
            self._condition.notify_all()

    def all(self) -> list[WaitingEdit]:
        """Everything unsettled, in order."""
        with self._condition:
            return self._ordered()

    def remote_id(self, report: str | None) -> str | None:
        """The server's id of a report, None while a report created here has none."""
        with self._condition:
            return self._remote(report)

    def is_too_old(self, edit: Edit) -> bool:
        """Whether an order has outlived its time."""
        return outlived(edit, self._now(), self._order_lifetime_s)

    def _bury(self) -> list[Edit]:
        dead = [
            waiting.edit
            for waiting in self._waiting.values()
            if not waiting.in_flight and not waiting.left and self.is_too_old(waiting.edit)
        ]
        for edit in dead:
            del self._waiting[edit.id]
        return dead

    def _eligible(self) -> WaitingEdit | None:
        now = time.monotonic()
        if now < self._held_until or self._away():
            return None
        blocked: set[str] = set()
        put_off: set[str] = set()  # reports with an edit that cannot leave now
        held: set[tuple[str, Aspect]] = set()  # what those settle
        for waiting in self._waiting.values():
            if waiting.in_flight:
                # protects: one-edit-of-a-report
                blocked |= self._keys(waiting.edit)
        for waiting in self._ordered():
            if waiting.in_flight:
                continue
            if not self._known(waiting.edit):
                continue  # its report has no number yet, and it must not hold the creation that gives it one
            edit, keys, report = waiting.edit, self._keys(waiting.edit), self._place_key(waiting.edit)
            if waiting.needs_upload:
                blocked |= {f"proof:{report}", f"edit:{edit.id}"}
            elif f"report:{report}" in blocked:
                blocked |= keys
            elif (
                now < waiting.not_before
                or blocked & (keys | self._needs(edit))
                or held & {(report, aspect) for aspect in rests_on(edit)}
                or (report in put_off and not is_order(edit))
                or self._main_key(edit) in put_off
            ):
                held |= {(report, aspect) for aspect in settles(edit)}
                put_off.add(report)
                blocked |= keys - {f"report:{report}"}
            else:
                return waiting
        return None

    def _ordered(self) -> list[WaitingEdit]:
        return sorted(self._waiting.values(), key=lambda waiting: (waiting.edit.number, waiting.edit.occurred_at))

    def _known(self, edit: Edit) -> bool:
        return edit.kind is Kind.CREATE or edit.report is None or self._remote(edit.report) is not None

    def _remote(self, report: str | None) -> str | None:
        if not is_local(report):
            return report
        return self._remote_ids.get(report)

    def _report_key(self, edit: Edit) -> str:
        return self._remote(edit.report) or edit.report or ""

    def _place_key(self, edit: Edit) -> str:
        """Its report or, without one, its unit."""
        return self._report_key(edit) or f"unit:{edit.data.get('unit')}"

    def _keys(self, edit: Edit) -> set[str]:
        """What an edit touches: its report, the unit it names, and itself for those that take it back."""
        keys = {f"edit:{edit.id}"}
        if edit.report is not None:
            keys.add(f"report:{self._report_key(edit)}")
        if unit := edit.data.get("unit"):
            keys.add(f"unit:{unit}")
        keys |= {f"unit:{unit}" for unit in edit.data.get("release") or ()}
        if main := self._main_key(edit):
            keys.add(f"merged:{main}")
        return keys

    def _needs(self, edit: Edit) -> set[str]:
        needs = {f"edit:{edit.undoes}"} if edit.undoes else set()
        done = edit.kind is Kind.PROGRESS and edit.data.get("state") == "done"
        handed_in = edit.kind is Kind.SET and "status" in edit.data
        if edit.kind in _NEEDS_PROOF or done or handed_in:
            needs.add(f"proof:{self._report_key(edit)}")
        if main := self._main_key(edit):
            needs.add(f"report:{main}")
        if edit.kind in ON_STATUS:  # a report stays open until what was merged into it before is
            needs.add(f"merged:{self._report_key(edit)}")
        return needs

    def _main_key(self, edit: Edit) -> str:
        """The report that a merge names, "" for others: what was done to that before (its priority, say) goes first."""
        into = edit.data.get("into") if edit.kind is Kind.MERGE else None
        return self._remote(into) or into or ""
