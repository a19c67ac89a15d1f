"""A code of one source: two cities may use the same code for different things."""

from __future__ import annotations

ScopedCode = tuple[str, str]
"""A source's key and the source's own code. Names that all sources share go with the source ""."""


def scoped(scoped_code: ScopedCode) -> str:
    """The text that names this code alone, whatever other sources call theirs."""
    source, code = scoped_code
    return f"{source}:{code}" if source else code


def is_named(scoped_code: ScopedCode, texts: frozenset[str]) -> bool:
    """Whether one of the texts names it: its bare code, which names those of every source, or its scoped text."""
    return scoped_code[1] in texts or scoped(scoped_code) in texts
