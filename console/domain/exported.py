"""A note that reports of one source were written to a file, for the audit log of its server."""

from __future__ import annotations

from datetime import datetime

import msgspec

MOST_REPORTS = 2_000
"""Of more reports only the number and the filter are told."""


class ExportNote(msgspec.Struct, frozen=True):
    """An export: when, by whom (as the source knows him), in which format, under which filter, how many rows.

    `reports` are the ids at the source; empty when they are more than MOST_REPORTS.
    """

    id: str
    source: str
    at: datetime
    by: str
    format: str
    filter: str
    rows: int
    reports: tuple[str, ...] = ()
