"""Which entries the control room's log shows."""

from __future__ import annotations

from datetime import datetime

import msgspec


class LogFilter(msgspec.Struct, frozen=True):
    """Entries that were made from `since` on and before `until`, by their server's clock; None has no such end."""

    since: datetime | None = None
    until: datetime | None = None
