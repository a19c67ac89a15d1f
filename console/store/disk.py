"""Make what was done to a folder's names last: a renamed file is only renamed for good when its folder is synced."""

from __future__ import annotations

import os
from pathlib import Path


def sync_folder(folder: Path) -> None:
    """Put the names of a folder's files on the disk. Windows does so by itself, and cannot open a folder."""
    if os.name == "nt":
        return
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
