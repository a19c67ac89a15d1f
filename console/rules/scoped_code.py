"""A word of one source: two cities may use the same code for different things."""

from __future__ import annotations

ScopedCode = tuple[str, str]
"""A source's key and the source's own code. Names that all sources share go with the source ""."""


def scoped(word: ScopedCode) -> str:
    """The text that names this word alone, whatever other sources call theirs."""
    source, code = word
    return f"{source}:{code}" if source else code


def is_named(word: ScopedCode, texts: frozenset[str]) -> bool:
    """Whether one of the texts names it: its bare code, which names those of every source, or its scoped text."""
    return word[1] in texts or scoped(word) in texts
