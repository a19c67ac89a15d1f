"""Send a photo: its bytes first, then the edit that names them."""

from __future__ import annotations

import logging
from pathlib import Path

from api_client import errors
from api_client.dispatch import DispatchClient
from console.rules.edit import Edit
from console.rules.queued import StopReason
from console.sync.attempt import CannotSend, NotUploaded, Sender, Sent

_log = logging.getLogger(__name__)


class PhotoSender:
    """A Sender of photo edits to a Dispatch server. `client` carries the bytes, `sender` the edits."""

    def __init__(self, folder: Path, client: DispatchClient, sender: Sender) -> None:
        self._folder = folder / "work-media"
        self._client, self._sender = client, sender
        self._uploaded: set[str] = set()  # their edits could not be sent after that

    def send(self, edit: Edit, report: str | None, *, repeated: bool) -> Sent:
        """See console.sync.attempt.Sender. Raises NotUploaded when the bytes could not be sent."""
        sha256 = str(edit.data.get("sha256", ""))
        if sha256 not in self._uploaded:
            self._upload(sha256)
            self._uploaded.add(sha256)
        sent = self._sender.send(edit, report, repeated=repeated)
        # protects: lost-photo-is-uploaded-again
        self._uploaded.discard(sha256)  # a server that is set back may have lost it with the edit
        return sent

    def forget_uploads(self) -> None:
        """From any thread: a server that was set back may have lost the bytes of photos whose edits have not left."""
        self._uploaded.clear()

    def has_arrived(self, edit: Edit, report: str | None) -> bool:
        """Whether the report's history holds an entry with the edit's id."""
        return self._sender.has_arrived(edit, report)

    @property
    def exchanges(self) -> int:
        """How many exchanges have ended."""
        return self._client.exchanges + self._sender.exchanges

    def interrupt(self) -> None:
        """From any thread: end a request that hangs."""
        self._client.interrupt()
        self._sender.interrupt()

    def cut(self) -> None:
        """From any thread: end what is under way."""
        self._client.cut()
        self._sender.cut()

    def close(self) -> None:
        """Drop the connections."""
        self._client.close()
        self._sender.close()

    def _upload(self, sha256: str) -> None:
        try:
            content = (self._folder / Path(sha256).name).read_bytes()
        except OSError as error:
            _log.info("photo %s: %s", sha256, error.strerror)
            raise CannotSend(StopReason.NO_PHOTO_FILE) from error
        try:
            self._client.put_media(sha256, content)
        except errors.ApiError as error:
            raise NotUploaded(error) from error
