"""What the desk of an operator follows at a server: what others do to it concerns him, also while he is away."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import msgspec


class Standpoint(NamedTuple):
    """Who follows things of one kind (`jobs`, `halts`, `claims`, `hazards`, `notes`, `restores`) at which source."""

    author: str
    source: str
    kind: str


class Followed(msgspec.Struct, frozen=True):
    """The ids of these things, each with a word about it; as the server was before a restore or is now (`epoch`)."""

    epoch: str
    ids: Mapping[str, str]
