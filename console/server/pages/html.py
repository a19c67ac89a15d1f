"""HTML of plain values: a text only ever enters as text."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape

import msgspec

_ALONE = frozenset({"br", "img", "input", "link", "meta"})
_TURNS = re.compile("[\u202a-\u202e\u2066-\u2069]")
"""What turns the writing of all that stands behind it: a text from outside must not turn what stands beside it."""


class Html(msgspec.Struct, frozen=True):
    """A piece of a page."""

    text: str


Child = Html | str | None
NONE = Html("")


def tag(name: str, /, *children: Child, **attributes: str | bool | None) -> Html:
    """An element. `class_` is class, `data_state` is data-state; True is an attribute without a value, False none."""
    written = "".join(
        f" {key.rstrip('_').replace('_', '-')}" + ("" if value is True else f'="{escape(_plain(str(value)))}"')
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    if name in _ALONE:
        return Html(f"<{name}{written}>")
    return Html(f"<{name}{written}>{joined(children).text}</{name}>")


def joined(children: Iterable[Child]) -> Html:
    """The pieces, one behind the other."""
    parts = (one.text if isinstance(one, Html) else escape(_plain(one), quote=False) for one in children if one)
    return Html("".join(parts))


def _plain(text: str) -> str:
    return _TURNS.sub("", text)
