"""What a page of a source's feed is made of on its way into the cache: items, deletions and the cursor behind them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from api_client.model import ApiObject

Data = ApiObject | dict[str, Any]


FIRST_ROW = 1000
"""Cache rows begin here; the numbers below are free for reports that exist only on this computer yet."""


class PageItem(msgspec.Struct, frozen=True):
    """One object of the feed in its present state.

    `kind` is report, entry, assignment or one of schema.KINDS; "gone" stands for a deleted object, whose id is
    "kind/id" (or whose data are {kind, id}). Other kinds are not written: a newer server may have them (see
    console.sync.unreadable).
    """

    kind: str
    seq: int
    id: str
    data: Data | None


class DeletedItem(msgspec.Struct, frozen=True):
    """An object that was deleted at its source, or left our scope."""

    kind: str
    id: str
    seq: int


class MessageCursor(msgspec.Struct, frozen=True):
    """How far the messages of a source have been read, and for whom: another user, or the same with other rights, is
    given others.
    """

    user: str
    epoch: str
    scope_version: int
    seq: int

    @property
    def of_whom(self) -> tuple[str, str, int]:
        """What it holds for: with another one all is read anew."""
        return self.user, self.epoch, self.scope_version


class Cursor(msgspec.Struct, frozen=True):
    """How far a source has been read. `snapshot_key` is set while a first fill is under way.

    `unread` is what its reader noted of what it could not read, in its own words; "" for nothing. `whole` are the kinds
    that the first fill has brought whole, "live_assignment" among them; it counts while `snapshot_key` is set.
    """

    epoch: str
    seq: int
    scope_version: int = 0
    as_of: datetime | None = None
    snapshot_key: str | None = None
    unread: str = ""
    whole: tuple[str, ...] = ()
