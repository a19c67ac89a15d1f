"""What the command line says about the window."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from console.panels.undo_stack import UndoStep
from console.panels.units import UnitPosition
from console.rules.filter import Filter
from console.rules.messages import SourceState
from console.rules.scoped_code import ScopedCode
from console.settings import ThemeName


class WindowOptions(msgspec.Struct, frozen=True):
    """The options of `sigap run` and `sigap demo`, as far as they concern the window."""

    profile: Path
    profile_name: str
    perspective: str = "dispatch"
    theme: ThemeName = "dark"
    language: str = "en"
    size: tuple[int, int] | None = None
    screenshot: Path | None = None
    state: Path | None = None
    quit_after_s: float | None = None
    reset_layout: bool = False
    demo: bool = False
    sound: bool = True
    """Tones are heard; not beside another window of the same desk."""
    unsandboxed: str = ""
    """Why the map runs without the web engine's sandbox, "" when it has one."""
    mended: str = ""
    """What was saved of damaged settings, and where they are kept; "" when they were whole."""


class WindowHandover(msgspec.Struct, frozen=True):
    """What a window hands to the one that takes its place at once, with another theme or text size."""

    filter: Filter
    row: int
    steps: tuple[UndoStep, ...]
    message: str
    """What to say in the new one."""
    local_key: str = ""
    """Of a chosen report that the server does not have yet; its row is another one in each window."""
    panel: str = "queue"
    """The one that has the keyboard."""
    first_row: int = 0
    """The report at the top of the queue's sight, 0 where the list is at its own top."""
    read_part: float = 0.0
    """How far down the report is scrolled: 0..1."""
    reads: bool = False
    """Whether the chosen report can be seen: where there is no room for the map beside it, it comes first again."""
    sources: tuple[SourceState, ...] = ()
    """How each source was doing."""
    positions: Mapping[ScopedCode, UnitPosition] = {}
    """Where each unit was told to be last: only the stream says so, and its connection begins anew."""
