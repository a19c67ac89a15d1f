"""What was typed into the command line, taken apart."""

from __future__ import annotations

import msgspec

from api_client.model import Unit
from console.cache.catalog import CityUnit


class TypedCommand(msgspec.Struct, frozen=True):
    """What Enter will carry out. `verb` is an action's id, "open", "show", "find" or "" for not understood."""

    verb: str
    crews: tuple[CityUnit, ...] = ()
    """The units with the code that was typed, at most one a city."""
    number: str = ""
    options: dict[str, str] = {}
    rest: str = ""
    problem: str = ""

    @property
    def unit(self) -> Unit | None:
        """Any of them: they have the same code."""
        return self.crews[0].unit if self.crews else None
