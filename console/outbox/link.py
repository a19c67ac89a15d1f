"""Between the outbox, the sync side and the cache: pass on what became of edits, look up proofs, let go what waits."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence, Set
from datetime import datetime
from typing import NamedTuple

from api_client.model import ERASED
from console.cache.reader import CacheReader
from console.outbox.outbox import Outbox
from console.rules.edit import Edit, is_local, lost_before
from console.rules.messages import Outcome, SourceState, Touched, TryNow, Up
from console.rules.recreate import is_another, seen_created

_log = logging.getLogger(__name__)
_AGAIN_S = 2.0


class ProofsFound(NamedTuple):
    """What the cache says about the outbox: edits that are in the server's record, edits of deleted reports that are
    there again, edits of reports whose number is another report now, the numbers of reports that were created, and the
    edits, whoever made them, that the server lost when it was set back; when reports were erased."""

    proved: frozenset[str]
    restored: tuple[str, ...]
    another: tuple[str, ...] = ()
    numbers: dict[str, str] = {}  # noqa: RUF012 - never changed
    taken_back: frozenset[str] = frozenset()
    erased: Mapping[tuple[str, str], datetime] = {}


Question = Callable[[CacheReader], ProofsFound]
Reading = Callable[[Question, Callable[[ProofsFound], None], Callable[[Exception], None]], None]
"""Run the first with a reader of the cache, on whatever thread, then the second or the third on this one."""


class OutboxLink:
    """Binds one outbox to whoever follows its sources; on the outbox's thread."""

    def __init__(
        self,
        outbox: Outbox,
        read: Reading,
        *,
        back: Callable[[str], object] = lambda _: None,
        lost: Callable[[str], object] = lambda _: None,
    ) -> None:
        """`back` is called with the key of a source that is live after it was not, `lost` with that of one that cannot
        be reached any more.
        """
        self._outbox, self._read = outbox, read
        self._back, self._lost = back, lost
        self._states: dict[str, SourceState] = {}

    def take(self, message: Up) -> None:
        """Act on what the sync side says of edits and sources; other messages are not for here."""
        match message:
            case Outcome():
                self._outbox.on_outcome(message)
            case Touched():
                if message.edits:
                    self._outbox.on_proved(message.edits)
                    if self._outbox.without_number(message.edits):
                        self._catch_up(None)
                if message.everything or ERASED in message.kinds:
                    self._look_for_erased()
            case SourceState():
                self._on_state(message)
            case TryNow():
                self._outbox.try_now(message.source)

    def _on_state(self, state: SourceState) -> None:
        before = self._states.get(state.source)
        self._states[state.source] = state
        if _is_live(state) and not _is_live(before):
            self._catch_up(state.source)
            self._back(state.source)
        # protects: first-fill-holds-no-order
        if _is_first_fill(state) and not _is_first_fill(before):
            self._outbox.source_reached(state.source)
        if not state.reached and (before is None or before.state != state.state):
            # protects: refused-is-tried-again
            self._outbox.source_lost(state.source, is_refused=state.state == "refused")
            self._lost(state.source)

    def on_opened(self) -> None:
        """To be called when the outbox is open: look up what the cache has proved meanwhile, and go on with each source
        that was live before.
        """
        self._catch_up(None)
        self._look_for_erased()
        for source, state in self._states.items():
            if _is_live(state):
                self._catch_up(source)

    def _catch_up(self, source: str | None) -> None:
        """Look into the cache, then let go what waits for the source.

        An order that did arrive must be known as proved before the others are asked about.
        """
        edit_ids, on_reports = self._outbox.waiting_ids(), self._outbox.on_reports
        asked_about = {edit.id: report for edit, report in on_reports}
        deleted, unnumbered = {edit.id for edit in self._outbox.deleted}, self._outbox.without_number(edit_ids)

        def found(what: ProofsFound) -> None:
            # protects: number-from-the-cache
            if self._outbox.on_proved(what.proved, what.numbers):
                self._catch_up(source)  # with the numbers that are true now
                return
            if what.another:
                now = {edit.id: report for edit, report in self._outbox.on_reports}
                # protects: moved-meanwhile-is-elsewhere
                self._outbox.on_another([one for one in what.another if now.get(one) == asked_about.get(one, "")])
            if source is not None and _is_live(self._states.get(source)):  # not lost again meanwhile
                self._outbox.on_taken_back(source, what.taken_back, lambda: self._let_go(source, what.restored))

        def failed(error: Exception) -> None:
            # What waits must not wait for the next outage: the cache may be in the middle of being rebuilt.
            _log.info("the cache could not be asked about the outbox: %s", error)
            self._outbox.loop.call_later(_AGAIN_S, self._catch_up, source)

        def look(reader: CacheReader) -> ProofsFound:
            what = _look(reader, edit_ids, on_reports, deleted, unnumbered)
            return what if source is None else what._replace(taken_back=frozenset(reader.taken_back(source)))

        self._read(look, found, failed)

    def _look_for_erased(self) -> None:
        """Let go of the words that are kept here of reports which were erased."""

        def look(places: set[tuple[str, str]]) -> None:
            if places:
                self._read(
                    lambda reader: ProofsFound(frozenset(), (), erased=reader.erased(places)),
                    lambda found: self._outbox.forget_words(found.erased) if found.erased else None,
                    lambda error: _log.info("the cache could not be asked what was erased: %s", error),
                )

        self._outbox.ask_spoken_of(look)

    def _let_go(self, source: str, restored: Sequence[str]) -> None:
        """What waits for a source may leave, and edits of reports that are there again with a server's backup."""
        if _is_live(self._states.get(source)):
            self._outbox.resend_due(source)
            for edit_id in restored:
                self._outbox.retry(edit_id)


def _is_live(state: SourceState | None) -> bool:
    return state is not None and state.state == "live"


def _is_first_fill(state: SourceState | None) -> bool:
    """Whether a source is read of which this computer has never had all: nothing can have been lost there since."""
    return state is not None and state.state == "filling" and state.as_of is None


def _look(
    reader: CacheReader,
    edit_ids: Sequence[str],
    on_reports: Sequence[tuple[Edit, str]],
    deleted: Set[str],
    unnumbered: Sequence[str],
) -> ProofsFound:
    """`on_reports` are edits with the ids of their reports, `deleted` those of them whose reports were not there.

    `unnumbered` are creations.
    """
    of_source: dict[str, set[str]] = {}
    for edit, report in on_reports:
        of_source.setdefault(edit.source, set()).add(report)
    created = {source: reader.created(source, reports) for source, reports in of_source.items()}
    restored: list[str] = []
    another: list[str] = []
    for edit, report in on_reports:
        at = created[edit.source].get(report)
        key = edit.report or ""
        made_here = is_local(key)
        seen = None if lost_before(key) else seen_created(edit)  # of the lost one, which may have been dated otherwise
        if at is not None and is_another(seen, at, made_here=made_here):
            # protects: number-of-another-report
            another.append(edit.id)
        elif at is not None and edit.id in deleted:
            restored.append(edit.id)
    numbers = {edit_id: number for edit_id in unnumbered if (number := reader.report_of_edit(edit_id)) is not None}
    return ProofsFound(frozenset(reader.proved(edit_ids)), tuple(restored), tuple(another), numbers)
