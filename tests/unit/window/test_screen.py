"""An X server of our own: what happens when it does not start."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from console.window.screen import xvfb

SERVER = """#!{python}
import os, sys, time
from pathlib import Path
tries = Path({tries!r})
begun = len(tries.read_text()) if tries.exists() else 0
tries.write_text("x" * (begun + 1))
if begun < {in_vain}:
    sys.exit(1)
os.write(int(sys.argv[sys.argv.index("-displayfd") + 1]), b"7\\n")
time.sleep(60)
"""


def install(folder: Path, monkeypatch: pytest.MonkeyPatch, in_vain: int) -> Path:
    """A program in the place of Xvfb that ends so often before it starts; the file that counts its starts."""
    tries, program = folder / "tries", folder / "Xvfb"
    program.write_text(SERVER.format(python=sys.executable, tries=str(tries), in_vain=in_vain))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
    return tries


def test_a_number_that_another_server_took_in_the_same_moment_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two benches at once: one of them ended with "Xvfb does not start"."""
    tries = install(tmp_path, monkeypatch, 1)
    with xvfb((800, 600)) as display:
        assert display == ":7"
    assert tries.read_text() == "xx"


def test_a_server_that_never_starts_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tries = install(tmp_path, monkeypatch, 99)
    with pytest.raises(OSError, match="Xvfb does not start"), xvfb((800, 600)):
        pytest.fail("no display")
    assert tries.read_text() == "xxxxx"


def test_what_is_not_installed_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FileNotFoundError), xvfb((800, 600)):
        pytest.fail("no display")
