"""Threads that decode the same type for the first time at once: a server that comes up amid its consoles' edits."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.decoding_child import WAYS

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("way", list(WAYS))
def test_threads_that_decode_a_type_first_at_once_do_not_end_the_process(way: str) -> None:
    """Guards the lock of `decoding`: without it msgspec ends the process with a segmentation fault."""
    ended = subprocess.run(
        [sys.executable, "-m", "tests.faults.decoding_child", way],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, f"ended with {ended.returncode}: {ended.stderr[-2000:]}"


def past_the_lock(source: str) -> Iterator[int]:
    """The lines on which msgspec itself is asked to decode into a type."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            typed = name.endswith(".decode") and any(keyword.arg == "type" for keyword in node.keywords)
            if name.startswith("msgspec.") and (typed or name.endswith((".Decoder", ".convert"))):
                yield node.lineno


def test_nothing_decodes_structs_past_it() -> None:
    found = {
        f"{path.relative_to(ROOT)}:{line}"
        for path in (ROOT / "console").rglob("*.py")
        if path.name != "decoding.py"
        for line in past_the_lock(path.read_text(encoding="utf-8"))
    }
    assert found == set()
    assert list(past_the_lock("import msgspec\nmsgspec.json.decode(b'', type=int)\nmsgspec.convert(1, int)")) == [2, 3]
