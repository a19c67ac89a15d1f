"""Bring the programs that tests run and Python packages do not bring: PostgreSQL's server, a browser, strace.

Standard library only. Without `--install`, or without being root, it only says what is missing: the tests of it are
skipped. Exit code 0, whatever is missing; apt-get's own when an installation fails.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from ctypes.util import find_library
from pathlib import Path

BROWSER = "chromium-headless-shell"
"""Takes half of the processor time that the whole browser takes, which has windows."""
NO_CLUSTER = Path("/etc/postgresql-common/createcluster.conf")


def main(install: bool) -> int:
    """Install what is missing, or say it."""
    if sys.platform != "linux":
        return 0
    install = install and shutil.which("apt-get") is not None and os.geteuid() == 0
    packages = missing(install)
    if not packages:
        return 0
    if not install:
        print("Tests that need these packages will be skipped:", *packages, file=sys.stderr)
        return 0
    print("Installing programs that tests run:", *packages, flush=True)
    if "postgresql" in packages:
        make_no_cluster()
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "UCF_FORCE_CONFFOLD": "1"}  # keep NO_CLUSTER
    for command in (["update", "-q"], ["install", "-y", "-q", "--no-install-recommends", *packages]):
        ended = subprocess.run(["apt-get", *command], check=False, env=environment, stdin=subprocess.DEVNULL)
        if ended.returncode:
            return ended.returncode
    return 0


def missing(install: bool) -> list[str]:
    """Debian packages of what is not here; with `install` also of what only makes tests faster."""
    packages = []
    if not any(Path("/usr/lib/postgresql").glob("*/bin/initdb")) and shutil.which("initdb") is None:
        packages.append("postgresql")
    if shutil.which(BROWSER) is None and (install or not any(map(shutil.which, ("chromium", "google-chrome")))):
        packages.append(BROWSER)
    if find_library("atomic") is None:
        packages.append("libatomic1")  # the driver of the browser wants it
    if shutil.which("strace") is None:
        packages.append("strace")
    return packages


def make_no_cluster() -> None:
    """The package would make and start a server of its own on port 5432: tests start theirs, for themselves."""
    if not NO_CLUSTER.exists():
        NO_CLUSTER.parent.mkdir(parents=True, exist_ok=True)
        NO_CLUSTER.write_text("create_main_cluster = false\n")


if __name__ == "__main__":
    sys.exit(main(install="--install" in sys.argv[1:]))
