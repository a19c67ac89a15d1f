"""The stock photos of the demo's past, kept on the disk: to draw all of them again would hold up each start."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path

import PIL

from console.server.demo import pictures, street_view, troubles

_END = b"\xff\xd9"
"""How a JPEG file ends that was written whole."""


class StockPhotos:
    """Files in a folder of their own for each way of drawing: what another version of the program drew is deleted."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / _drawing()
        with contextlib.suppress(OSError):  # without them each is drawn anew
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._folder.mkdir(exist_ok=True, mode=0o700)
            for other in folder.iterdir():
                if other != self._folder:
                    shutil.rmtree(other, ignore_errors=True)

    def file(self, name: str, draw: Callable[[], bytes]) -> bytes:
        """The photo of a name, drawn if it is not there yet."""
        path = self._folder / f"{hashlib.sha256(name.encode()).hexdigest()[:32]}.jpg"
        with contextlib.suppress(OSError):
            data = path.read_bytes()
            if data.endswith(_END):
                return data
        data = draw()
        with contextlib.suppress(OSError):
            begun = path.with_suffix(f".{os.getpid()}")
            begun.write_bytes(data)
            begun.chmod(0o600)
            begun.replace(path)
        return data


@cache
def _drawing() -> str:
    """Changes with whatever the photos are drawn by."""
    sources = (Path(str(module.__file__)).read_bytes() for module in (pictures, street_view, troubles))
    return hashlib.sha256(b"\0".join([PIL.__version__.encode(), *sources])).hexdigest()[:16]
