"""How much of a server that has no feed, and perhaps no end, is read and kept at most."""

from __future__ import annotations

from dataclasses import dataclass

from api_client.georeport import ReadingLimits

A_ROUND = ReadingLimits(reports=200_000, pages=4_000, bytes=1 << 28)


@dataclass(frozen=True)
class HistoryLimits:
    """`history` is the number of a server's reports in the cache at which a first fill ends, `reports` that at which
    nothing more of it is read. `pages` and `bytes` are of one fill, however many windows it has. `spare_bytes` of the
    disk are left to others, to the operator's own edits first. What is not read is said.
    """

    history: int = 2_000_000
    reports: int = 3_000_000
    pages: int = 100_000
    bytes: int = 4 << 30
    spare_bytes: int = 1 << 30
    a_round: ReadingLimits = A_ROUND
    """Of what was made or changed since the last round."""


HISTORY = HistoryLimits()
