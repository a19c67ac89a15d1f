"""Tell whether the web engine's processes can be, and are, shut in a sandbox (Linux)."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

_CLONE_NEWUSER = 0x10000000


def sandbox_possible() -> bool:
    """False as root and wherever a process may not make a user namespace (chroots, many containers)."""
    if not sys.platform.startswith("linux"):
        return True
    if os.geteuid() == 0:
        return False
    code = f"import ctypes, sys; sys.exit(ctypes.CDLL(None).unshare({_CLONE_NEWUSER}) != 0)"
    return subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def sandboxed(renderer_pid: int) -> bool:
    """Whether that process (`page.renderProcessPid()`) has its own user namespace and a seccomp filter."""
    status = Path(f"/proc/{renderer_pid}/status").read_text(encoding="ascii", errors="replace")
    return "\nSeccomp:\t2" in status and _namespace(renderer_pid) != _namespace(os.getpid())


def _namespace(pid: int) -> str:
    return os.readlink(f"/proc/{pid}/ns/user")
