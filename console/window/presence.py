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

    def set_details(self, details: ReportDetails | None) -> None:
        """The chosen report; None, or one that no server has yet, counts as no report."""
        before = self._at
        self._at = (details.source, details.key) if details is not None and details.server is not None else None
        if self._at == before:
            return
        if before is not None and (self._at is None or self._at[0] != before[0]):
            self._send(Look(before[0], None))
        if self._at is not None:
            self._send(Look(*self._at))
