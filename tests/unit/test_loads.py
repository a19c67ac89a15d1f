"""What a part of Sigap loads with it: the rules and the server run without the libraries that carry HTTP requests."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CARRIERS = ("requests", "urllib3", "PySide6")
CHILD = """
import importlib, json, sys
for name in json.loads(sys.argv[1]):
    importlib.import_module(name)
print(json.dumps(sorted(each for each in sys.modules if "." not in each)))
"""


def modules_of(package: str) -> list[str]:
    """Every module of a package, by its files."""
    files = ROOT.joinpath(*package.split(".")).rglob("*.py")
    parts = [file.relative_to(ROOT).with_suffix("").parts for file in files]
    return sorted(".".join(each[:-1] if each[-1] == "__init__" else each) for each in parts)


def loaded_by(names: list[str]) -> set[str]:
    """The top-level modules of a fresh interpreter that has imported these."""
    command = [sys.executable, "-c", CHILD, json.dumps(names)]
    return set(json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout))


@pytest.mark.parametrize("package", ["console.rules", "console.server"])
def test_rules_and_server_load_nothing_that_carries_requests(package: str) -> None:
    names = modules_of(package)
    assert len(names) > 20, "the modules of the package were not found"
    assert not loaded_by(names) & set(CARRIERS)


def test_the_objects_of_the_api_load_no_http_library() -> None:
    assert loaded_by(["api_client.transport"]) & set(CARRIERS) == {"requests", "urllib3"}, "the test can tell"
    assert not loaded_by(["api_client.model"]) & set(CARRIERS)
