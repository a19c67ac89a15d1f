"""Tell a folder on a network drive, where SQLite's log and locks cannot be trusted, from a local one."""

from __future__ import annotations

from pathlib import Path

_NETWORK = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "ncpfs", "davfs", "fuse.sshfs", "fuse.rclone"})
_MOUNTS = Path("/proc/self/mountinfo")


def network_kind(folder: Path, mounts: str | None = None) -> str | None:
    """The kind of network file system that `folder` lies on; None when it is local, or the system does not tell.

    `mounts` is the text of Linux's mountinfo; other systems are judged by SQLite alone, which refuses WAL on some.
    """
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
