"""The structs that cross the server's own boundaries: what is loaded, who asks, and how a server is started."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

import msgspec

from api_client.model import Assignment, Contact, Entry, Report
from console.rules.rights import SYSTEM


class LoadedReport(msgspec.Struct, frozen=True):
    """A report as it comes from a file or a generator, with its history; clocks are computed where it has none.

    `is_dated` is False where its source says no time at all: whether it is newer than what is there nobody knows.
    """

    report: Report
    entries: tuple[Entry, ...] = ()
    assignments: tuple[Assignment, ...] = ()
    contact: Contact | None = None
    is_dated: bool = True


class Actor(msgspec.Struct, frozen=True):
    """The user who asks, and by which way. No areas and no agencies means the whole city.

    `tokenless` is the loopback supervisor "local". `via` is dispatch, open311, demo or command line.
    """

    name: str
    role: str
    areas: tuple[str, ...] = ()
    agencies: tuple[str, ...] = ()
    tokenless: bool = False
    via: str = "dispatch"


LOCAL = Actor("local", "supervisor", tokenless=True)
"""Everybody, on a server without users (loopback only)."""

COMMAND_LINE = Actor("command line", "", via="command line")
"""Whoever may start commands beside the database."""

SERVER = Actor(SYSTEM, "", via="server")
"""The server itself, where nobody asks it to."""


class Posting(StrEnum):
    """Who may send citizens' reports: everybody, holders of an api_key, or, while there are no users, this computer."""

    OPEN = "open"
    KEYED = "keyed"
    LOCAL = "local"


class CitizenOptions(msgspec.Struct, frozen=True):
    """The citizens' side: who may post, the city's jurisdiction_id ("" takes any), whether there are pages for them.

    `address` is where the city's people reach the server, such as https://reports.example.org; "" where it listens, or
    with `proxied` where its own proxy says.
    """

    posting: Posting = Posting.LOCAL
    jurisdiction: str = ""
    public: bool = True
    address: str = ""
    proxied: bool = False


class AdminPage(StrEnum):
    """Who is shown the administration page: nobody, who asks from this computer, or everybody. Its token is needed in
    any case.
    """

    OFF = "off"
    LOCAL = "local"
    PUBLIC = "public"


class DemoOptions(msgspec.Struct, frozen=True):
    """The demo city to fill an empty database with; `living` lets things happen in it."""

    reports: int = 365_000
    seed: int = 1
    living: bool = True
    speed: float = 1.0
    """How many times faster than in life."""
    photos: Path | None = None
    """Where the photos of its past are kept for the next demo; None draws them each time."""


class ServeOptions(msgspec.Struct, frozen=True):
    """How `sigap serve` was called; `media` None means a folder beside the database file.

    `behind_proxy` are the addresses of the proxy whose word about who asks is believed. With `ends_with_input` the
    server ends when its standard input does. `city_map` is the folder of a city map, or of a profile that may have one.

    `connections` are those to PostgreSQL at most, None for as many as are right for four servers of one database.
    `metrics` is the address for Prometheus, HOST:PORT or a port of this computer; empty for none.

    `refused` is a file to make of what is refused of the one in `load`, `guess` a mapping file to make for it.
    Without `timezone` the city's own counts. With `check` the files to load are only looked at.
    """

    database: str = "sqlite:///sigap-city.db"
    host: str = "127.0.0.1"
    port: int = 8311
    load: tuple[Path, ...] = ()
    mapping: Path | None = None
    refused: Path | None = None
    guess: Path | None = None
    check: bool = False
    timezone: str = ""
    areas: Path | None = None
    services: Path | None = None
    users: Path | None = None
    media: Path | None = None
    city_map: Path | None = None
    demo: DemoOptions | None = None
    name: str = ""
    behind_proxy: str | None = None
    ends_with_input: bool = False
    citizens: CitizenOptions = CitizenOptions()
    admin_page: AdminPage = AdminPage.LOCAL
    connections: int | None = None
    metrics: str = ""
