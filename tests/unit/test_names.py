"""What the names of the sources promise: no class twice, no room without its sentence, no path that leads nowhere."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ("console", "widgets", "api_client", "resources", "tools")
FOLDER = re.compile(r"`((?:console|widgets|api_client|tools|tests|resources)/[a-z_/0-9]+)/?`")
PATH = re.compile(r"`([a-z_]+(?:/[a-z_0-9]+)*\.py)`")


def sources() -> list[Path]:
    return [file for folder in SOURCES for file in (ROOT / folder).rglob("*.py") if "node_modules" not in file.parts]


def test_no_class_name_occurs_twice() -> None:
    places = defaultdict(list)
    for file in sources():
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ClassDef):
                places[node.name].append(str(file.relative_to(ROOT)))
    assert {name: files for name, files in places.items() if len(files) > 1} == {}


def test_every_room_says_in_a_sentence_what_it_is_for() -> None:
    for init in (ROOT / "console").rglob("__init__.py"):
        said = ast.get_docstring(ast.parse(init.read_text())) or ""
        assert said.partition("\n")[0].endswith("."), init


def test_every_source_that_a_document_names_is_there() -> None:
    """A newcomer follows the README first; decisions tell of what was, and are left out."""
    names = {file.name for file in sources()} | {file.name for file in (ROOT / "tests").rglob("*.py")}
    documents = [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *(ROOT / "docs" / "guide").glob("*.md")]
    named = {(document, name) for document in documents for name in PATH.findall(document.read_text())}
    assert len(named) > 50
    for document, name in named:
        there = (ROOT / name).exists() or (ROOT / "console" / name).exists() or ("/" not in name and name in names)
        assert there, f"{document.name} names {name}, which is nowhere"


def test_every_room_is_in_the_architecture_and_every_folder_that_a_document_names_is_there() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text()
    rooms = [one.parent for one in (ROOT / "console").glob("*/__init__.py")]
    rooms += [one.parent for one in (ROOT / "console" / "server").glob("*/__init__.py")]
    assert [room.name for room in rooms if f"| `{room.relative_to(ROOT)}` |" not in text] == []
    for document in (ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *(ROOT / "docs" / "guide").glob("*.md")):
        for folder in FOLDER.findall(document.read_text()):
            assert (ROOT / folder).exists(), f"{document.name} names {folder}, which is nowhere"
