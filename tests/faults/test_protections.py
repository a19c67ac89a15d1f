"""Every fault test can fail: with the protection taken out that it guards, it does."""

from __future__ import annotations

import ast
import builtins
import functools
import io
import os
import re
import shutil
import subprocess
import sys
import tokenize
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ("console", "widgets", "api_client")
COPIED = (*SOURCES, "tests")
MARK = "# protects:"
BROKEN = re.compile(r"^E +(NameError|UnboundLocalError|SyntaxError|ImportError|ModuleNotFoundError)\b", re.MULTILINE)
"""How a test ends where what was taken out left no program: that shows nothing."""
_BETWEEN = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT)


class Protection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One entry of protections.toml; its top says what the fields mean."""

    name: str
    fault: str
    at: str
    test: str
    new: str = "pass"
    part: str = ""
    condition: str = ""
    times: int = 1

    @property
    def file(self) -> Path:
        """The source that has the mark, from the top of the repository."""
        (file,) = {file for file, _ in self._places}
        return file

    @property
    def _places(self) -> list[tuple[Path, int]]:
        places = marks().get(self.at, [])
        where = ", ".join(f"{file}:{line}" for file, line in places) or "nowhere"
        assert len(places) == self.times, f"`{MARK} {self.at}` has to stand {self.times} times, stands {where}"
        return places

    def taken_out(self) -> str:
        """The source without the protection; AssertionError where entry and source do not fit.

        Only the statement of the module that holds the mark is parsed and written anew: it is a hundred times smaller.
        """
        names, statements = known_of(self.file)
        asked = names_in(expression(self.condition) if self.condition else block(self.new))
        for word in asked - names - set(dir(builtins)):
            raise AssertionError(f"{self.file} knows no {word}")
        lines = (ROOT / self.file).read_text().splitlines()
        marked = [line for _, line in self._places]
        for first, last in reversed(statements):
            within = [line for line in marked if first <= line <= last]
            if within:
                lines[first - 1 : last] = self._without(lines, first, last, within)
        return "\n".join(lines) + "\n"

    def _without(self, lines: list[str], first: int, last: int, marked: list[int]) -> list[str]:
        """The lines `first` to `last` without what is marked in some of them."""
        blank = "\n" * (first - 1)  # so that nodes have the line numbers of the file
        tree = ast.parse(blank + "\n".join(lines[first - 1 : last]))
        before = ast.unparse(tree)
        for line in marked:
            self._take_out(tree, line)
        after = ast.unparse(ast.fix_missing_locations(tree))
        assert after != before, f"{self.name}: nothing changed"
        ast.parse(after)
        return after.splitlines()

    def _take_out(self, tree: ast.Module, line: int) -> None:
        begun = [node for node in ast.walk(tree) if first_line(node) == line]
        assert begun or self.part, f"{self.at} marks no statement"
        if self.condition:
            assert isinstance(begun[0], ast.If | ast.match_case), f"{self.at} marks nothing with a condition"
            put(tree, begun[0].test if isinstance(begun[0], ast.If) else begun[0].guard, [expression(self.condition)])
        elif self.part:
            wanted = ast.dump(expression(self.part))
            among = ast.walk(begun[0]) if begun else (n for n in ast.walk(tree) if getattr(n, "lineno", 0) == line)
            found = [node for node in among if isinstance(node, ast.expr) and ast.dump(node) == wanted]
            assert len(found) == 1, f"{self.at} marks {len(found)} times {self.part!r}"
            put(tree, found[0], [expression(self.new)])
        else:
            after = block(self.new).body
            if self.new.endswith(":"):  # what stands in the block stays
                vars(after[-1])["body"] = vars(begun[0])["body"]
            put(tree, begun[0], after)


PROTECTIONS = msgspec.convert(
    tomllib.loads((ROOT / "tests/faults/protections.toml").read_text()).get("protection", []), list[Protection]
)


@functools.cache
def marks() -> dict[str, list[tuple[Path, int]]]:
    """Every mark of the sources by its name: file, and the line of the code that follows it."""
    found: dict[str, list[tuple[Path, int]]] = defaultdict(list)
    for path in sorted(path for folder in SOURCES for path in (ROOT / folder).rglob("*.py")):
        source = path.read_text()
        if MARK not in source:
            continue
        waiting: list[str] = []
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.type == tokenize.COMMENT and token.string.startswith(MARK):
                assert not token.line[: token.start[1]].strip(), f"{path}: a mark stands on a line of its own"
                waiting.append(token.string.removeprefix(MARK).strip())
            elif waiting and token.type not in _BETWEEN:
                for name in waiting:
                    found[name].append((path.relative_to(ROOT), token.start[0]))
                waiting = []
    return found


@functools.cache
def known_of(file: Path) -> tuple[set[str], list[tuple[int, int]]]:
    """The names in a source, and the first and last line of each statement of the module."""
    tree = ast.parse((ROOT / file).read_text())
    return names_in(tree), [
        (
            min([node.lineno, *(one.lineno for one in getattr(node, "decorator_list", []))]),
            node.end_lineno or node.lineno,
        )
        for node in tree.body
    ]


@functools.cache
def defined(file: str) -> set[str]:
    """The tests of a file: `test_x` and `Class::test_x`."""
    found: set[str] = set()
    for node in ast.parse((ROOT / file).read_text()).body:
        if isinstance(node, ast.FunctionDef):
            found.add(node.name)
        elif isinstance(node, ast.ClassDef):
            found |= {f"{node.name}::{each.name}" for each in node.body if isinstance(each, ast.FunctionDef)}
    return found


def first_line(node: ast.AST) -> int | None:
    """Where a statement, an `except` or a `case` begins; None for anything else."""
    if isinstance(node, ast.match_case):
        return node.pattern.lineno
    return node.lineno if isinstance(node, ast.stmt | ast.excepthandler) else None


def expression(text: str) -> ast.expr:
    return ast.parse(f"({text})", mode="eval").body


def block(text: str) -> ast.Module:
    """Statements; a head without its block gets an empty one."""
    return ast.parse(f"{text} pass" if text.endswith(":") else text)


def names_in(code: ast.AST) -> set[str]:
    """The names that are used, and those of `self`: what a piece of code expects of the file that it is put into."""
    names: set[str] = set()
    for node in ast.walk(code):
        if isinstance(node, ast.Name):
            names.add(node.id)
        elif isinstance(node, ast.arg):
            names.add(node.arg)
        elif isinstance(node, ast.alias):
            names.add((node.asname or node.name).partition(".")[0])
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self":
            names.add(f"self.{node.attr}")
    return names


def put(tree: ast.AST, old: ast.AST | None, new: Sequence[ast.AST]) -> None:
    """Replace one node: in a list by any number of others, elsewhere by one."""
    for node in ast.walk(tree):
        for field, value in ast.iter_fields(node):
            if value is old:
                (one,) = new
                setattr(node, field, one)
                return
            if isinstance(value, list) and any(each is old for each in value):
                value[:] = [each for one in value for each in (new if one is old else [one])]
                return


@pytest.mark.parametrize("protection", PROTECTIONS, ids=lambda one: one.name)
def test_the_list_of_protections_fits_the_sources(protection: Protection) -> None:
    assert [one.name for one in PROTECTIONS].count(protection.name) == 1
    assert protection.taken_out()
    file, _, test = protection.test.partition("::")
    assert test.partition("[")[0] in defined(file)


def test_every_mark_in_the_sources_is_in_the_list() -> None:
    assert set(marks()) == {one.at for one in PROTECTIONS}


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
    file.write_text(protection.taken_out())
    try:
        done = run(copy, protection.test)
    finally:
        file.write_text(whole)
    assert done.returncode == 1, f"pytest ended with {done.returncode}:\n{done.stdout[-3000:]}"  # 1: a test failed
    failed = f"FAILED {protection.test.partition('[')[0]}" in done.stdout
    assert failed, f"something else went wrong:\n{done.stdout[-3000:]}"
    assert not BROKEN.search(done.stdout), f"what is left is no program:\n{done.stdout[-3000:]}"
