"""What the command line says about the window."""

from __future__ import annotations

from pathlib import Path

import msgspec

from console.domain.filter import Filter
from console.presenters.deeds import Deed


class WindowOptions(msgspec.Struct, frozen=True):
    """The options of `sigap run` and `sigap demo`, as far as they concern the window."""

    profile: Path
    profile_name: str
    perspective: str = "dispatch"
    theme: str = "dark"
    language: str = "en"
    size: tuple[int, int] | None = None
    screenshot: Path | None = None
    state: Path | None = None
    quit_after_s: float | None = None
    reset_layout: bool = False
    demo: bool = False
    unsandboxed: str = ""
    """Why the map runs without the web engine's sandbox, "" when it has one."""


class Kept(msgspec.Struct, frozen=True):
    """What a window hands to the one that takes its place at once, with another theme or text size."""

    filter: Filter
    row: int
    deeds: tuple[Deed, ...]
    said: str
    """What to say in the new one."""
