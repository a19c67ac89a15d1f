"""What an operator's console follows at a server: crews, claims, hazards and notes that concern him while he is
away.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import msgspec


class Standpoint(NamedTuple):
    """Who follows which kind of things (`jobs`, `halts`, `claims`, `hazards`, `notes`, `restores`) at which source."""

    author: str
    source: str
    kind: str


class Followed(msgspec.Struct, frozen=True):
    """The ids of the followed things, each with a text of the follower's own, and the epoch of the server they belong
    to.
    """

    epoch: str
    ids: Mapping[str, str]
