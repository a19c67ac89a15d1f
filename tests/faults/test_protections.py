"""Every fault test can fail: with the protection taken out that it guards, it does."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

ROOT = Path(__file__).resolve().parents[2]
COPIED = ("console", "widgets", "api_client", "tests")


class Protection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One entry of protections.toml; its top says what the fields mean."""

    name: str
    fault: str
    file: str
    old: str
    new: str
    test: str
    times: int = 1

    def taken_out(self, source: str) -> str:
        assert source.count(self.old) == self.times, f"{self.file} holds {self.old!r} {source.count(self.old)} times"
        return source.replace(self.old, self.new)


PROTECTIONS = msgspec.convert(
    tomllib.loads((ROOT / "tests/faults/protections.toml").read_text()).get("protection", []), list[Protection]
)


def defined(path: Path) -> set[str]:
    """The tests of a file: `test_x` and `Class::test_x`."""
    found: set[str] = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.FunctionDef):
            found.add(node.name)
        elif isinstance(node, ast.ClassDef):
            found |= {f"{node.name}::{each.name}" for each in node.body if isinstance(each, ast.FunctionDef)}
    return found


@pytest.mark.parametrize("protection", PROTECTIONS, ids=lambda one: one.name)
def test_the_list_of_protections_fits_the_sources(protection: Protection) -> None:
    assert [one.name for one in PROTECTIONS].count(protection.name) == 1
    ast.parse(protection.taken_out((ROOT / protection.file).read_text()))
    file, _, test = protection.test.partition("::")
    assert test.partition("[")[0] in defined(ROOT / file)


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A copy of the sources that tests run in, away from the tree that others edit."""
    folder = tmp_path_factory.mktemp("copy") / "sigap"
    folder.mkdir()
    for name in COPIED:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    for name in ("resources", "tools", "docs"):
        (folder / name).symlink_to(ROOT / name)
    yield folder
    shutil.rmtree(folder)


def run(folder: Path, *tests: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-B", "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests]
    return subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_with_all_protections_in_place_the_tests_pass(copy: Path) -> None:
    done = run(copy, *sorted({one.test for one in PROTECTIONS}))
    assert done.returncode == 0, done.stdout[-3000:]


@pytest.mark.long
@pytest.mark.timeout(1000)
@pytest.mark.parametrize("protection", PROTECTIONS, ids=lambda one: one.name)
def test_without_its_protection_a_test_fails(protection: Protection, copy: Path) -> None:
    file = copy / protection.file
    whole = file.read_text()
    file.write_text(protection.taken_out(whole))
    try:
        done = run(copy, protection.test)
    finally:
        file.write_text(whole)
    assert done.returncode == 1, f"pytest ended with {done.returncode}:\n{done.stdout[-3000:]}"  # 1: a test failed
