"""`sigap demo` ended without a word: its server does not stay behind.

Guards: console/window/demo_server.py, console/server/serve.py.
"""

from __future__ import annotations

import os
import select
import subprocess
import sys
from pathlib import Path

import pytest

from console.window.demo_server import DemoServer

WAIT_S = 60
DEMO = """
import sys, threading
from pathlib import Path
from console.window.demo_server import DemoServer
with DemoServer(Path(sys.argv[1]), 50, 1) as server:
    print("begun", flush=True)
    if sys.argv[2] == "listening":
        while server.source() is None:
            threading.Event().wait(0.05)
    print("now", flush=True)
    threading.Event().wait()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="looks for the server by its parent")
@pytest.mark.parametrize("when", ["begun", "listening"])
def test_the_server_of_a_demo_that_is_killed_ends(tmp_path: Path, when: str) -> None:
    command = [sys.executable, "-c", DEMO, str(tmp_path), when]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as demo:
        assert demo.stdout is not None
        assert [demo.stdout.readline(), demo.stdout.readline()] == ["begun\n", "now\n"]
        children = Path(f"/proc/{demo.pid}/task/{demo.pid}/children").read_text().split()
        (server,) = (os.pidfd_open(int(pid)) for pid in children)
        try:
            demo.kill()
            ended, _, _ = select.select([server], [], [], WAIT_S)
            assert ended, "it stayed behind"
        finally:
            os.close(server)


def test_the_server_of_a_demo_that_goes_on_goes_on(tmp_path: Path) -> None:
    with DemoServer(tmp_path, 50, 1) as server:
        for _ in range(WAIT_S * 20):
            if server.source() is not None:
                break
            select.select([], [], [], 0.05)
        assert server.source() is not None
        assert server.died() == ""
