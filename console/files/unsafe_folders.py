"""Tell folders where no database is safe: on a network drive, or kept in step with a cloud, from local ones."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

_NETWORK = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "ncpfs", "davfs", "fuse.sshfs", "fuse.rclone"})
_MOUNTS = Path("/proc/self/mountinfo")
_CLOUD_VARIABLES = ("OneDrive", "OneDriveConsumer", "OneDriveCommercial")
"""Where Microsoft's client says which folders it keeps in step."""
_CLOUD_FOLDERS = (("Library", "CloudStorage"), ("Library", "Mobile Documents"))
"""Where macOS keeps the folders of cloud drives and of iCloud, under the home folder."""


def network_kind(folder: Path, mounts: str | None = None) -> str | None:
    """The kind of network file system that `folder` lies on; None when it is local, or the system does not tell.

    `mounts` is the text of Linux's mountinfo.
    """
    if mounts is None and sys.platform in ("win32", "darwin"):
        return _remote(folder.absolute())
    if mounts is None:
        try:
            mounts = _MOUNTS.read_text(errors="replace")
        except OSError:
            return None
    wanted = folder.absolute()
    best, kind = -1, ""
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        fields = before.split()
        if len(fields) < 5 or not after:
            continue
        point = Path(fields[4].replace("\\040", " "))
        if wanted.is_relative_to(point) and len(point.parts) >= best:
            best, kind = len(point.parts), after.split()[0]
    return kind if kind in _NETWORK else None


def cloud_folder(folder: Path, environment: Mapping[str, str] = os.environ, home: Path | None = None) -> Path | None:
    """The folder around `folder` that a cloud drive keeps in step, copying files while they are written; None: none."""
    wanted, home = folder.absolute(), home or Path.home()
    named = [Path(environment[name]) for name in _CLOUD_VARIABLES if environment.get(name)]
    for around in (*named, *(home.joinpath(*parts) for parts in _CLOUD_FOLDERS)):
        if wanted.is_relative_to(around):
            return around
    return None


if sys.platform == "win32":
    import ctypes

    _DRIVE_REMOTE = 4

    def _remote(folder: Path) -> str | None:
        """GetDriveTypeW: of the drive, or of the share of a UNC path."""
        return "remote" if ctypes.windll.kernel32.GetDriveTypeW(folder.anchor) == _DRIVE_REMOTE else None

elif sys.platform == "darwin":
    import ctypes
    import ctypes.util

    class _Statfs(ctypes.Structure):
        """struct statfs of <sys/mount.h> with 64-bit inodes."""

        _fields_ = (
            ("sizes", ctypes.c_uint32 * 2),
            ("counts", ctypes.c_uint64 * 5),
            ("ids", ctypes.c_uint32 * 4),
            ("flags", ctypes.c_uint32),
            ("subtype", ctypes.c_uint32),
            ("kind", ctypes.c_char * 16),
            ("names", ctypes.c_char * 2048),
            ("reserved", ctypes.c_uint32 * 8),
        )

    _MNT_LOCAL = 0x1000

    def _remote(folder: Path) -> str | None:
        """The kind of a file system whose mount does not bear MNT_LOCAL."""
        found = _Statfs()
        there = next(path for path in (folder, *folder.parents) if path.exists())
        libc = ctypes.CDLL(ctypes.util.find_library("c"))
        call = getattr(libc, "statfs$INODE64", libc.statfs)
        if call(os.fsencode(there), ctypes.byref(found)) != 0 or found.flags & _MNT_LOCAL:
            return None
        return str(found.kind.decode(errors="replace"))

else:

    def _remote(folder: Path) -> str | None:
        return None
