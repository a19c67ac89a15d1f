"""What the window and the process that prints the log say to one another."""

from __future__ import annotations

from datetime import datetime

import msgspec

from console.rules.log_filter import LogFilter

PRINTS = "prints"
"""The folder of a profile for what was opened to be printed last."""


class PrintJob(msgspec.Struct, frozen=True):
    """Print the lines of this profile's log that the filter lets through into a PDF at `path`.

    `title` stands on the first page, `heading` and `note` on top of all. `cities` are what the sources are called, by
    their keys, where there are several. `hidden` are those at which the operator may not see how somebody is reached,
    `users` his names at those that keep an audit log, which are to be told. `zone` is the city's, "" the computer's,
    `languages` those in which he reads the city's names.
    """

    profile: str
    filter: LogFilter
    path: str
    title: str
    heading: str
    note: str
    cities: dict[str, str]
    hidden: tuple[str, ...]
    users: dict[str, str]
    zone: str
    at: datetime
    languages: tuple[str, ...] = ()


class PrintProgress(msgspec.Struct, frozen=True, tag="progress"):
    """So many lines are on pages by now."""

    lines: int


class PrintDone(msgspec.Struct, frozen=True, tag="done"):
    """The document is in its place, with so many lines; without any there is none."""

    lines: int


class PrintFailed(msgspec.Struct, frozen=True, tag="failed"):
    """Nothing was printed."""

    why: str


FromPrint = PrintProgress | PrintDone | PrintFailed
