"""Makes the copies of photos that everybody may see: the picture alone, a few at a time, the last ones remembered."""

from __future__ import annotations

import io
import threading
from collections import OrderedDict

from PIL import Image, ImageOps

from console.server.media import MOST_PIXELS, MediaStore
from console.server.refusals import NotFound, Overloaded

_SIDE_PX = 1280
_QUALITY = 80
_AT_ONCE = 2
_WAITING = 8
"""Further ones are refused at once: a photo of 40 million pixels takes a second and 200 MB to make small."""
_WAIT_S = 10.0
_REMEMBERED = 32_000_000


class PublicPhotos:
    """The public copies, of JPEG; may be asked from any thread. `remembered` is how many bytes of them are kept."""

    def __init__(self, media: MediaStore, *, remembered: int = _REMEMBERED) -> None:
        self._media = media
        self._remembered = remembered
        self._copies: OrderedDict[str, bytes] = OrderedDict()
        self._lock = threading.Lock()
        self._places = threading.Semaphore(_AT_ONCE)
        self._queue = threading.Semaphore(_AT_ONCE + _WAITING)

    def copy(self, sha256: str) -> bytes:
        """The copy of a photo. Raises NotFound when there is no such photo, Overloaded when too many are being made."""
        if (known := self._known(sha256)) is not None:
            return known
        busy = Overloaded("Many photos are being made ready. Ask again.")
        if not self._queue.acquire(blocking=False):
            raise busy
        try:
            if not self._places.acquire(timeout=_WAIT_S):
                raise busy
            try:
                known = self._known(sha256)
                return known if known is not None else self._make(sha256)
            finally:
                self._places.release()
        finally:
            self._queue.release()

    def _known(self, sha256: str) -> bytes | None:
        with self._lock:
            if sha256 in self._copies:
                self._copies.move_to_end(sha256)
            return self._copies.get(sha256)

    def _make(self, sha256: str) -> bytes:
        path, _ = self._media.find(sha256)
        made = bare(path.read_bytes())
        with self._lock:
            self._copies[sha256] = made
            while sum(map(len, self._copies.values())) > self._remembered:
                self._copies.popitem(last=False)
        return made


def bare(content: bytes) -> bytes:
    """The picture alone, small enough for a phone: no place, no device, nothing else that a file may carry.

    Raises NotFound when it is no picture that can be shown.
    """
    try:
        with Image.open(io.BytesIO(content), formats=("JPEG", "PNG", "WEBP")) as picture:
            if picture.width * picture.height > MOST_PIXELS:
                raise NotFound("This photo cannot be shown.")
            picture.draft("RGB", (_SIDE_PX, _SIDE_PX))
            upright = ImageOps.exif_transpose(picture).convert("RGB")
            upright.thumbnail((_SIDE_PX, _SIDE_PX))
            upright.info.clear()  # else comments go into the new file
            out = io.BytesIO()
            upright.save(out, "JPEG", quality=_QUALITY)
            return out.getvalue()
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as fault:
        raise NotFound("This photo cannot be shown.") from fault
