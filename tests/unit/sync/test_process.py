"""The sync process as a process: it ends with its console, whatever keeps it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.helpers.city import ROOT

_CONSOLE = """
import subprocess, sys
# as where there is no prctl: the kernel must not do here what the process is to do itself
begin = "import sys; from console.sync import process; "
begin += "process._die_with = lambda _: open(sys.argv[1], 'w').close(); process.run_pipe()"
sync = [sys.executable, "-c", begin, sys.argv[2]]
child = subprocess.Popen(sync, stdin=int(sys.argv[1]), stdout=subprocess.DEVNULL)
print(child.pid, flush=True)
sys.stdin.read()
"""


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks into /proc")
def test_it_ends_with_its_console_even_when_its_pipe_stays_open(tmp_path: Path) -> None:
    """I4: one that is stuck would hold the profile's lock, and no later one could work (process.py)."""
    read, write = os.pipe()
    looked = tmp_path / "looked"
    console = subprocess.Popen(
        [sys.executable, "-c", _CONSOLE, str(read), str(looked)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        pass_fds=[read],
        cwd=ROOT,
    )
    assert console.stdout is not None
    sync = int(console.stdout.readline())
    end = time.monotonic() + 30
    while not looked.exists():  # a process that loses its console before it looks has no console to miss
        assert time.monotonic() < end, "it does not begin"
        time.sleep(0.05)
    assert runs(sync)
    console.kill()
    console.communicate()
    end = time.monotonic() + 30
    while runs(sync):
        assert time.monotonic() < end, "it outlived its console"
        time.sleep(0.1)
    os.close(read)
    os.close(write)


def runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
