"""Tell the servers which report is open here, so that the other operators see it."""

from __future__ import annotations

from collections.abc import Callable

from console.panels.report.details import ReportDetails
from console.rules.messages import Look


class PresenceReporter:
    """Sends a Look whenever another report is chosen, and one without a report to the source of the one before when the
    next one is of another source.
    """

    def __init__(self, send: Callable[[Look], object]) -> None:
        self._send = send
        self._at: tuple[str, str] | None = None
        self._is_locked = False
        self._details: ReportDetails | None = None

    def set_locked(self, locked: bool) -> None:
        """Nobody looks at anything while the screen is locked."""
        self._is_locked = locked
        self.set_details(self._details)

    def set_details(self, details: ReportDetails | None) -> None:
        """The chosen report; None, or one that no server has yet, counts as no report."""
        self._details, before = details, self._at
        is_seen = details is not None and details.server is not None and not self._is_locked
        self._at = (details.source, details.key) if details is not None and is_seen else None
        if self._at == before:
            return
        if before is not None and (self._at is None or self._at[0] != before[0]):
            self._send(Look(before[0], None))
        if self._at is not None:
            self._send(Look(*self._at))
