"""A child that follows its parent ends with it, and ends in order when it is done before."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.helpers.city import ROOT

CHILD = """
import sys, threading
from console.parent import when_parent_ends
ended = threading.Event()
when_parent_ends(ended.set)
sys.exit(7 if ended.wait({wait_s}) else 0)
"""


def child(wait_s: float) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", CHILD.format(wait_s=wait_s)]
    return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stderr=subprocess.PIPE)


@pytest.mark.parametrize("written", [b"", b"a line that nobody reads\n"])
def test_it_is_called_when_the_input_is_at_its_end(written: bytes) -> None:
    one = child(60)
    _, said = one.communicate(written, timeout=60)
    assert (one.returncode, said) == (7, b"")


def test_a_child_that_is_done_before_ends_in_order() -> None:
    """With a thread that waits in sys.stdin Python ends the process with a fatal error."""
    one = child(0.2)
    assert one.wait(60) == 0
    assert one.stderr is not None
    assert one.stdin is not None
    assert one.stderr.read() == b""
    one.stdin.close()
    one.stderr.close()
