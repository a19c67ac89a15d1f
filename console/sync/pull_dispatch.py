"""Read a Dispatch server into the cache: a first fill by snapshot pages, then the feed, each page with its cursor."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Mapping
from datetime import datetime

from msgspec.structs import replace as with_changes

from api_client import errors
from api_client.dispatch import DispatchClient
from api_client.model import OBJECTS, ApiObject, Changes, Snapshot
from console.cache.page_items import Cursor
from console.rules.edit import MESSAGES
from console.rules.messages import SignedIn, Touched, ZoneTold
from console.sync.backfill import Backfill, fits
from console.sync.cache_writer_proxy import CacheWriterProxy
from console.sync.health import LIVE, Health
from console.sync.mapping import Mapped, Mapper, signature_of
from console.sync.pull_messages import MessagePuller
from console.sync.unreadable import Unreadable

_log = logging.getLogger(__name__)
PAGE_ROWS = 2000
_NOTE_AGE_S = 60.0
_SMALLER = 8
_MOST_GAPS = 3
_ANNOUNCE_S = 1.0
_REPORT = "report"
_MEANWHILE_S = 1.0
"""How often a first fill looks at what has changed meanwhile."""
_MOST_ANEW = 3
_ANEW_S = 120.0
_SAID_AFTER_S = 5.0
"""A copy of the server that is a moment behind is not worth a word."""
_NOTHING_IS_READ = (errors.Unreachable, errors.NotThisServer, errors.NoBackend, errors.Busy, errors.SignIn)
"""Faults that are not of what was asked for: the whole server is away, or wants somebody to sign in."""


class DispatchPuller:
    """Brings the cache up to the server's state. `catch_up` is one whole round; run by one thread."""

    def __init__(
        self,
        source: str,
        client: DispatchClient,
        cache_writer: CacheWriterProxy,
        health: Health,
        emit: Callable[[Touched | SignedIn | ZoneTold], None],
        page_rows: int = PAGE_ROWS,
        monotonic: Callable[[], float] = time.monotonic,
        heard: Callable[[], int] = lambda: -1,
        on_short_fill: Callable[[], None] = lambda: None,
        on_replaced: Callable[[], None] = lambda: None,
        objects: Mapping[str, type[ApiObject]] = OBJECTS,
    ) -> None:
        """`heard` is the last number that the server's stream told while it is open, else -1; `on_short_fill` is called
        after a first fill that brought fewer reports than the server counts, `on_replaced` when the server has other
        data than before (it was restored, say); `objects` are the kinds that are known.
        """
        self._source = source
        self._client = client
        self._cache_writer = cache_writer
        self._health = health
        self._emit = emit
        self._most_rows = self._page_rows = page_rows
        self._monotonic = monotonic
        self._heard = heard
        self._on_short_fill, self._on_replaced = on_short_fill, on_replaced
        self._behind_since_s: float | None = None
        self.rounds_behind = 0
        """How many rounds in a row ended before a number that the server had told."""
        self._anew = 0
        self._read_anew_at: deque[float] = deque(maxlen=_MOST_ANEW)
        """When all was read anew because the server had lost our place."""
        self._objects = objects
        self.mapper = Mapper(objects=objects)
        """Understands the server's words; another one once its statuses are known."""
        self._knows_statuses = self._knows_me = self._knows_zone = False
        self._scope_version: int | None = None
        self._messages = MessagePuller(source, client, cache_writer)
        self._user: str | None = None
        self._has_messages = False
        self._messages_fault = ""
        """Why the messages could not be read last, in words."""
        self.pulled = 0
        self.unreadable = Unreadable(signature_of(objects))
        self._backfill: Backfill | None = None
        self._knows_unreadable = False
        self.seq = -1
        """The number the cache has reached."""
        self.note = ""
        """What the last comparison with the server found, in words."""

    def catch_up(self, stopped: Callable[[], bool]) -> None:
        """Read until the server has nothing newer, or `stopped()`.

        Raises ApiError, StoreError; everything read before is kept.
        """
        self._anew = 0
        self._page_rows = self._most_rows
        cursor = self._cache_writer.cursor(self._source)
        if self._scope_version is None and cursor is not None:
            self._scope_version = cursor.scope_version
        if not self._knows_unreadable:
            # protects: what-is-missing-is-said-again
            self.unreadable.take(cursor.unread if cursor is not None else "")
            self._knows_unreadable = True
        if not self._knows_me:
            self._learn_me()
        if not self._knows_statuses:
            self._learn_statuses()
        if self._health.state != LIVE or not self._knows_zone:
            self._learn_zone()
        if cursor is None or cursor.snapshot_key is not None:
            cursor = self._fill(cursor, stopped)
        if cursor is not None:
            self._follow(cursor, stopped)
            self._read_messages(stopped)
            self._read_again(stopped)

    def _read_messages(self, stopped: Callable[[], bool]) -> None:
        """The messages of who is signed in, where that is known and the server passes on any."""
        before = self._messages_fault, self._messages.words
        self._messages_fault = ""
        while self._read_on_messages() and not stopped():
            cursor = self._cache_writer.cursor(self._source)
            if cursor is not None:
                # protects: many-messages-hold-up-no-report
                self._follow(cursor, stopped)
        if (self._messages_fault, self._messages.words) != before:
            self.tell()

    def _read_on_messages(self) -> bool:
        """Read the next page of them; returns whether there is more. What is wrong with them alone is kept in words."""
        cursor = self._cache_writer.cursor(self._source)
        if not (self._has_messages and self._knows_me and self._user is not None and cursor is not None):
            return False
        try:
            return self._messages.read_on(self._user, cursor.epoch, cursor.scope_version, self.mapper, self._page_rows)
        except errors.ApiError as error:
            # protects: faulty-messages-hold-up-no-report
            if isinstance(error, _NOTHING_IS_READ):
                raise
            self._messages_fault = f"Messages cannot be read: {error}"
            _log.info("%s: messages cannot be read, which is tried again with the next round: %s", self._source, error)
            return False

    # First fill

    def _fill(self, cursor: Cursor | None, stopped: Callable[[], bool], *, replace: bool = False) -> Cursor | None:
        """Snapshot pages to the end, going on where an earlier fill of the same data stopped. None when stopped.

        With `replace` what the source said before is dropped, but only when the first new page is in hand.
        """
        stats = self._client.stats()
        expected = stats.reports
        self._health.measured(self._client.last)
        self._health.filling(0.0)
        announced_at, heard_at = 0.0, self._monotonic()
        rows: list[int] = []
        done = 0
        key = cursor.snapshot_key if cursor else None
        is_whole = key is None
        counted = cursor is not None and _REPORT in cursor.whole
        if is_whole:
            self.unreadable.clear()
        with self._cache_writer.bulk():
            while not stopped():
                try:
                    page = self._client.snapshot(key, self._page_rows)
                except errors.TooLarge:
                    self._ask_for_less()
                    continue
                self._health.measured(self._client.last)
                if cursor is not None and page.epoch != cursor.epoch:
                    self._count_anew()
                    cursor, key, replace = None, None, True
                    done, is_whole = 0, False
                    self.unreadable.clear()
                    continue
                if replace:
                    before = self._cache_writer.cursor(self._source)
                    # Numbers only grow. A server that stands below what was read from it was set back, whatever its
                    # epoch says: a file that was copied back by hand bears the old one (after 5,012 it says 4,930).
                    set_back = before is not None and (before.epoch != page.epoch or before.seq > stats.seq)
                    self._cache_writer.forget(self._source, set_back=set_back)
                    # protects: photos-of-a-set-back-server
                    self._on_replaced()
                    replace = False
                self._note_scope(page.scope_version)
                seq = cursor.seq if cursor else page.seq
                whole = tuple(kind for kind in page.whole if kind != _REPORT or counted)
                cursor = Cursor(page.epoch, seq, page.scope_version, None, page.next_key, whole=whole)
                touched = self._keep_snapshot(page, cursor)
                done += sum(item.kind == "report" for item in page.items)
                rows += touched.rows
                if time.monotonic() - announced_at >= _ANNOUNCE_S:
                    self._emit(Touched(rows=tuple(rows), kinds=touched.kinds))
                    rows, announced_at = [], time.monotonic()
                self._health.filling(min(1.0, done / expected) if expected else None)
                if page.next_key is None:
                    # protects: short-fill-is-compared
                    if is_whole and done < expected:
                        _log.info("%s counts %d reports and gave %d", self._source, expected, done)
                        self._on_short_fill()
                    if not self._knows_me:
                        self._learn_me()
                    return cursor
                key = page.next_key
                asked = _REPORT in page.whole and not counted
                if asked or self._monotonic() - heard_at >= _MEANWHILE_S:
                    (cursor, caught_up), heard_at = self._hear_meanwhile(cursor), self._monotonic()
                    counted = counted or (asked and caught_up)
        return None

    def _hear_meanwhile(self, cursor: Cursor) -> tuple[Cursor, bool]:
        """What has changed since the fill began does not wait for its end: an order's proof, a new P1, a unit's job.

        Also whether that was all: reports are counted only by who has those too that came since. What is wrong with the
        answer is found out by the round after the fill, which reads on from the same place.
        """
        try:
            page = self._client.changes(cursor.seq, self._page_rows)
        except (errors.CursorTooOld, errors.TooLarge):
            return cursor, False
        self._health.measured(self._client.last)
        if page.epoch != cursor.epoch or not fits(page, cursor.seq):
            return cursor, False
        if page.upto == cursor.seq:
            return cursor, True
        self._note_scope(page.scope_version)
        mapped = self._map(page)
        cursor = self._with_unreadable(with_changes(cursor, seq=page.upto, scope_version=page.scope_version))
        self._cache_writer.apply(self._source, mapped.items, cursor)
        self.pulled += len(mapped.items)
        self.seq = page.upto
        return cursor, not page.more

    def _keep_snapshot(self, page: Snapshot, cursor: Cursor) -> Touched:
        mapped = self._map(page)
        self.pulled += len(mapped.items)
        return self._cache_writer.apply(self._source, mapped.items, self._with_unreadable(cursor), announce=False)

    # The feed

    def _follow(self, cursor: Cursor, stopped: Callable[[], bool]) -> None:
        gaps = 0
        while not stopped():
            heard = self._heard()
            try:
                page = self._client.changes(cursor.seq, self._page_rows)
            except errors.TooLarge:
                self._ask_for_less()
                continue
            except errors.CursorTooOld:
                self._check_lost_place()
                _log.info("%s no longer keeps what came after %d: reading everything anew", self._source, cursor.seq)
                self._refill(stopped)
                self._read_anew_at.append(self._monotonic())
                return
            self._health.measured(self._client.last)
            if page.epoch != cursor.epoch:
                _log.info("the data of %s was replaced: reading everything anew", self._source)
                self._refill(stopped)
                return
            if not fits(page, cursor.seq):
                gaps += 1
                if gaps >= _MOST_GAPS:
                    raise errors.Malformed("The server's feed has a gap; nothing was taken from it.")
                continue
            gaps = 0
            # protects: behind-is-not-current
            behind = page.upto < heard
            cursor = self._keep_changes(page, cursor, behind=behind)
            if not page.more:
                self._end_round(behind=behind)
                return

    def _end_round(self, *, behind: bool) -> None:
        if behind:
            self.rounds_behind += 1
            self._behind_since_s = self._behind_since_s if self._behind_since_s is not None else self._monotonic()
        else:
            self.rounds_behind, self._behind_since_s = 0, None
        self.tell()

    def tell(self) -> None:
        """Say that the source is live, and how old what was read is: not newer for answers of before what it told."""
        if self.rounds_behind:
            self._health.behind(detail=self.remarks)
        else:
            self._health.complete(detail=self.remarks)

    def _keep_changes(self, page: Changes, before: Cursor, *, behind: bool) -> Cursor:
        as_of = before.as_of if page.more or behind else self._health.server_now()
        cursor = self._with_unreadable(
            Cursor(page.epoch, page.upto, page.scope_version, as_of, None, whole=before.whole)
        )
        has_new_rights = self._note_scope(page.scope_version)
        if page.items or page.upto != before.seq or page.scope_version != before.scope_version:
            mapped = self._map(page)
            cursor = self._with_unreadable(cursor)
            self._cache_writer.apply(self._source, mapped.items, cursor)
            self.pulled += len(mapped.items)
            if has_new_rights:
                self._learn_me()
        elif _is_due(before.as_of, as_of):
            self._cache_writer.apply(self._source, [], cursor, announce=False)
        else:
            cursor = before
        self.seq = page.upto
        return cursor

    # What another version of this program could not read

    def _read_again(self, stopped: Callable[[], bool]) -> None:
        """Fetch what is missing since another version read it; the cursor stays, and what is new comes between."""
        while self.unreadable.is_outdated and not stopped():
            if self._backfill is None:
                _log.info(
                    "%s: what could not be understood is read again from %d on", self._source, self.unreadable.first
                )
                self._backfill = Backfill(self._client, self.unreadable.first)
            try:
                page = self._backfill.next_page(self._page_rows)
            except errors.TooLarge:
                self._ask_for_less()
                continue
            cursor = self._cache_writer.cursor(self._source)
            if cursor is None or page.epoch != cursor.epoch:
                self._backfill = None
                return  # the next round finds out what has become of the server's data
            mapped = self.mapper.page(page.items)
            missing = self.unreadable.missing_of(mapped.items)
            self.unreadable.see(mapped.items, mapped.skipped, mapped.unknown, mapped.first)
            if self._backfill.is_over:
                self.unreadable.settle()
            cursor = self._with_unreadable(cursor)
            self._cache_writer.apply(self._source, missing, cursor)
            self.pulled += len(missing)
            self._follow(cursor, stopped)
        if not self.unreadable.is_outdated:
            self._backfill = None

    def _ask_for_less(self) -> None:
        """Ask for fewer objects at once until the end of the round; raises TooLarge again for a single one."""
        # protects: smaller-pages-are-asked-for
        if self._page_rows == 1:
            raise errors.TooLarge("The server sent an object that is larger than what is read at once.")
        self._page_rows = max(1, self._page_rows // _SMALLER)
        _log.info("%s: pages are too large, %d objects are asked for at once", self._source, self._page_rows)

    def _refill(self, stopped: Callable[[], bool]) -> None:
        """Everything anew: the rows of before stay until the first new page is there; edits are not touched."""
        self._count_anew()
        self._learn_statuses()
        cursor = self._fill(None, stopped, replace=True)
        if cursor is not None:
            self._follow(cursor, stopped)

    def _count_anew(self) -> None:
        """In one round data may be replaced once or twice. A server that has other data with each page has none."""
        self._anew += 1
        # protects: not-anew-for-ever
        if self._anew > _MOST_ANEW:
            raise errors.Malformed("The server names other data with each page: nothing of it can be kept.")

    def _check_lost_place(self) -> None:
        """A server that was set back by hand does not know the place that it told: everything is read anew.

        But not with each round, which is what somebody would get who raises the numbers in its answers by one.
        """
        many = len(self._read_anew_at) == _MOST_ANEW
        # protects: lost-place-is-waited-for
        if many and self._monotonic() < self._read_anew_at[0] + _MOST_ANEW * _ANEW_S:
            raise errors.Malformed(
                "The server does not know the place in its feed that it told itself, again and again. All of it is "
                "read anew every two minutes only: what is here may be that old."
            )

    def _map(self, page: Changes | Snapshot) -> Mapped:
        mapped = self.mapper.page(page.items)
        self._messages.hear(mapped.items)
        self.unreadable.see(mapped.items, mapped.skipped, mapped.unknown, mapped.first)
        if mapped.skipped:
            _log.info("%s: %d objects could not be understood", self._source, len(mapped.skipped))
        return mapped

    def _with_unreadable(self, cursor: Cursor) -> Cursor:
        return with_changes(cursor, unread=self.unreadable.noted)

    def _note_scope(self, version: int) -> bool:
        """Whether this is another version than before: then what was told of the rights is old until they are learned
        again, in the next round if not in this one. The page is kept either way and will not tell of it once more.
        """
        # protects: changed-rights-are-asked-for
        if version == self._scope_version:
            return False
        # protects: rights-are-asked-until-told
        self._scope_version, self._knows_me = version, False
        return True

    def _learn_me(self) -> None:
        """Say whose token it is before anything else, so that no edit leaves under another name."""
        try:
            me = self._client.me()
        except (errors.SignIn, errors.Forbidden):
            return  # reading may be open to all; writing says so by itself
        self._knows_me, self._user = True, me.name
        self._emit(SignedIn(self._source, me.name, me.role, me.areas, me.agencies))

    def on_stream_ended(self) -> None:
        """The server may have begun anew, so quickly that no question of ours found it away."""
        self._knows_zone = False

    def _learn_zone(self) -> None:
        """Whoever runs the server may have corrected it while it was away."""
        root = self._client.root()
        zone, self._has_messages = root.city.timezone, MESSAGES in root.can
        self._knows_zone = True
        if zone:
            self._emit(ZoneTold(self._source, zone))

    def _learn_statuses(self) -> None:
        open_words = {word.key: word.is_open for word in self._client.statuses()}
        self.mapper = Mapper(open_words, self._objects)
        self._knows_statuses = True

    @property
    def remarks(self) -> str:
        """What could not be understood so far, what had drifted, and that there is more than was given, in words."""
        since_s = self._behind_since_s
        is_told = since_s is not None and self._monotonic() - since_s >= _SAID_AFTER_S
        behind = (
            "The server tells of changes that its answers do not hold: what is shown may be old." if is_told else ""
        )
        return " ".join(
            words
            for words in (behind, self.unreadable.words, self._messages_fault, self._messages.words, self.note)
            if words
        )


def _is_due(kept: datetime | None, now: datetime | None) -> bool:
    """Whether the age of the data should be noted although nothing changed: a start without a network tells it."""
    return now is not None and (kept is None or (now - kept).total_seconds() > _NOTE_AGE_S)
