"""Show who reported the chosen report: asked of the server, which records who asked, and not stored here."""

from __future__ import annotations

import logging
from collections.abc import Callable

from PySide6.QtCore import QObject

from console.panels.qt_outbox import QtOutbox
from console.panels.report.details import ReportDetailsReader
from console.panels.status import StatusController
from console.rules.messages import Reveal, Revealed

_log = logging.getLogger(__name__)
_SHOWN_S = 20.0


class ReporterContact(QObject):
    """Shows the reporter's name, telephone and e-mail in the status bar for a while."""

    def __init__(
        self,
        details_reader: ReportDetailsReader,
        outbox: QtOutbox,
        send: Callable[[Reveal], object],
        status: StatusController,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._details_reader, self._outbox, self._send, self._status = details_reader, outbox, send, status

    def ask(self) -> None:
        """Ask the server of the chosen report."""
        details = self._details_reader.current
        if details is None or details.server is None:
            self._status.say(self.tr("The report is not at the server yet"))
            return
        self._send(Reveal(details.source, details.key))

    def on_revealed(self, revealed: Revealed) -> None:
        """The server's answer."""
        _log.info("the reporter of %s was asked for by %s", revealed.report, self._outbox.author_for(revealed.source))
        text = " · ".join(part for part in (revealed.name, revealed.phone, revealed.email) if part)
        self._status.say(revealed.problem or text or self.tr("The reporter left no name"), _SHOWN_S)
