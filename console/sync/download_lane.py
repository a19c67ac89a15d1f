"""The lane that brings photos when somebody looks at them; it holds up nothing else."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from typing_extensions import override

from api_client import errors
from api_client.media import fetch_photo
from console.rules.messages import Fetch, Fetched, Source
from console.sync.worker import Connection, LaneThread

CACHE_BYTES = 2 * 1000**3
_IDLE_S = 60.0
_PHOTO_STARTS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")


class PhotoServer(Connection, Protocol):
    """A server that keeps photos by hash."""

    def get_media(self, sha256: str) -> bytes:
        """Bring the bytes, checked."""


class DownloadLane(LaneThread):
    """Brings photos into media/, named by their hash; answers every Fetch with a Fetched."""

    def __init__(
        self,
        folder: Path,
        source: Source,
        client: PhotoServer | None,
        emit: Callable[[Fetched], None],
        cap: int = CACHE_BYTES,
    ) -> None:
        super().__init__("download", client)
        self._folder = folder / "media"
        self._source = source
        self._client = client
        self._emit = emit
        self._cap = cap
        self._wanted: deque[Fetch] = deque()

    def want(self, fetch: Fetch) -> None:
        """Bring one photo."""
        self._wanted.append(fetch)
        self.poke()

    @override
    def _work(self) -> None:
        while not self._wakeup.stopped:
            self._wakeup.wait(0.0 if self._wanted else _IDLE_S)  # each photo is a step, whatever server has it
            if self._wanted and not self._wakeup.stopped:
                self._emit(self._answer(self._wanted.popleft()))
        if self._client is not None:
            self._client.close()

    def _answer(self, fetch: Fetch) -> Fetched:
        try:
            return Fetched(self._bring(fetch), fetch.url)
        except errors.ApiError as error:
            later = error.retry and not isinstance(error, errors.Malformed | errors.TlsFailed)
            return Fetched(fetch.sha256, fetch.url, problem=str(error), later=later)
        except OSError as error:
            return Fetched(fetch.sha256, fetch.url, problem=f"The photo cannot be kept: {error.strerror}.")

    def _bring(self, fetch: Fetch) -> str:
        if fetch.sha256 is not None:
            kept = self._folder / Path(fetch.sha256).name
            if kept.exists():
                with contextlib.suppress(OSError):
                    os.utime(kept)  # the oldest are thrown out first
                return fetch.sha256
        content = self._content(fetch)
        if not is_photo(content):
            raise errors.Malformed("What came is not a JPEG, PNG or WebP picture.")
        sha256 = hashlib.sha256(content).hexdigest()
        self._keep(sha256, content)
        return sha256

    def _content(self, fetch: Fetch) -> bytes:
        if fetch.sha256 is not None and self._client is not None:
            return self._client.get_media(fetch.sha256)
        if fetch.url is None:
            raise errors.Refused("This server keeps no photos.")
        own = urlsplit(self._source.url)
        return fetch_photo(fetch.url, own_scheme=own.scheme, own_netloc=own.netloc)

    def _keep(self, sha256: str, content: bytes) -> None:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.NamedTemporaryFile(dir=self._folder, prefix=".part-", delete=False) as part:
            part.write(content)
        Path(part.name).replace(self._folder / sha256)
        prune(self._folder, self._cap)


def is_photo(content: bytes) -> bool:
    """Whether bytes begin as JPEG, PNG or WebP do."""
    return content.startswith(_PHOTO_STARTS) or (content[:4] == b"RIFF" and content[8:12] == b"WEBP")


def prune(folder: Path, cap: int) -> None:
    """Remove the photos not looked at for longest until the rest is at most `cap` bytes."""
    files = [
        (entry.stat().st_mtime, entry.stat().st_size, entry.path) for entry in os.scandir(folder) if entry.is_file()
    ]
    total = sum(size for _, size, _ in files)
    for _, size, path in sorted(files):
        if total <= cap:
            break
        with contextlib.suppress(OSError):
            Path(path).unlink()
            total -= size
