"""The copies of photos that everybody may see: the picture alone, the last ones remembered."""

from __future__ import annotations

import threading
from collections import OrderedDict

from console.server.city.media import MediaStore
from console.server.city.photo_process import PhotoProcess
from console.server.errors import Invalid, NotFound

_REMEMBERED = 32_000_000


class PublicPhotos:
    """The public copies, of JPEG; may be asked from any thread. `remembered` is how many bytes of them are kept.

    How many are made at once is for the threads that ask for them.
    """

    def __init__(self, media: MediaStore, process: PhotoProcess, *, remembered: int = _REMEMBERED) -> None:
        self._media = media
        self._process = process
        self._remembered = remembered
        self._copies: OrderedDict[str, bytes] = OrderedDict()
        self._lock = threading.Lock()

    def copy(self, sha256: str) -> bytes:
        """The copy of a photo. Raises NotFound when there is none that can be shown, Overloaded when it takes long."""
        with self._lock:
            if sha256 in self._copies:
                self._copies.move_to_end(sha256)
                return self._copies[sha256]
        path, _ = self._media.find(sha256)
        try:
            made = self._process.small(path.read_bytes())
        except Invalid as fault:
            raise NotFound("This photo cannot be shown.") from fault
        with self._lock:
            self._copies[sha256] = made
            while sum(map(len, self._copies.values())) > self._remembered:
                self._copies.popitem(last=False)
        return made
