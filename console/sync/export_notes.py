"""Tell a server's audit log of the exports of its reports, at the beginning of each round of reading."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from api_client import errors
from api_client.dispatch import DispatchClient
from console.cache.export_notes import WaitingNote, drop_note, set_aside_note, waiting_notes
from console.sync.reconcile import Puller

_log = logging.getLogger(__name__)


class ExportNoteSender:
    """A puller that first tells what the server does not know yet of exports; run by one thread."""

    def __init__(self, puller: Puller, client: DispatchClient, folder: Path, source: str) -> None:
        self._puller = puller
        self._client = client
        self._folder = folder
        self._source = source

    def catch_up(self, stopped: Callable[[], bool]) -> None:
        """One round. A note that does not get through stays for the next one, and holds up nothing."""
        try:
            for note in waiting_notes(self._folder, self._source):
                self._tell(note)
        except (errors.ApiError, OSError) as error:
            _log.info("%s: an export is not told yet: %s", self._source, error)
        self._puller.catch_up(stopped)

    def _tell(self, note: WaitingNote) -> None:
        try:
            self._client.tell_export(note.body)
        except errors.ApiError as error:
            if error.retry or isinstance(error, errors.SignIn):
                raise
            _log.info("%s has no log of exports, or does not take this one: %s", self._source, error)
            set_aside_note(self._folder, note)
        else:
            drop_note(self._folder, note)
