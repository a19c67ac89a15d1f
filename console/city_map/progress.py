"""How the build of a map tells how far it is, within a process and from the child to who started it."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

Progress = Callable[[str, float], None]
"""Gets words for the operator and the share, 0 to 1, that is done."""


class WorkerLine(msgspec.Struct, frozen=True, omit_defaults=True):
    """How far the child is, in words and as a share of 1; or how it ended.

    `problem` names the class of the error that `words` are of; `built` says that all of the map is on the disk.
    """

    words: str = ""
    share: float = 0.0
    problem: str = ""
    built: bool = False
