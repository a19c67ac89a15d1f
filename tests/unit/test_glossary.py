"""The glossary names what there is: whoever renames a class meets it here."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NAME = re.compile(r"`([A-Za-z]+)`")


def names_of(folder: str) -> set[str]:
    """The classes and constants of a folder's modules."""
    found: set[str] = set()
    for file in (ROOT / folder).rglob("*.py"):
        for node in ast.parse(file.read_text()).body:
            if isinstance(node, ast.ClassDef):
                found.add(node.name)
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                found.add(node.target.id)
    return found


def test_every_name_of_the_glossary_is_one_of_the_sources() -> None:
    said = set(NAME.findall((ROOT / "docs" / "glossary.md").read_text())) - {"code", "versions"}
    assert len(said) > 15
    assert said <= names_of("console") | names_of("api_client")
