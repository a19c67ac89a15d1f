"""The city that is measured: generated reports in a real cache, its board, and the servers and windows on it."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import datetime, timedelta, timezone
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from api_client.decoding import decoder_of
from api_client.model import Clock, ClockState, Photo, PhotoRole, Report, Status
from console.board.snapshot import BoardSnapshot
from console.board.view import View, make_view
from console.cache.page_items import Cursor, PageItem
from console.cache.reader import CacheReader
from console.cache.writer import CacheWriter
from console.rules.filter import Filter
from console.rules.scoped_code import ScopedCode
from console.rules.status import ORDER, is_open
from tools.bench.bare_window import run_bare_window
from tools.bench.child import Run
from tools.bench.outbox import Saving, save_by_hand
from tools.bench.painted import Painted, filters_painted
from tools.bench.pan import Pan, pan_console, pan_leaflet
from tools.bench.place_search import TypedPlaces, place_search
from tools.bench.plain_table import PlainTable
from tools.bench.postgres import Postgres, own_postgres
from tools.bench.server import Fill, Load, crowd_on_ours, crowd_on_rival, fill_city, first_fill
from tools.bench.streets import StreetRun, streets_console, streets_protomaps
from tools.bench.window import run_window

if TYPE_CHECKING:
    from tools.bench.crowd import CrowdRun

PAGE = 1000
"""Reports in a page of JSON."""
_CROWD_CITY, _TRIAL_CITY = 2000, 200
_TRIAL = 10_000
"""Below so many reports the bench itself is tried: a small crowd works for a moment, and nothing is left to settle."""
_REST_S = 12.0
_WAITING, _BY_HAND, _WINDOW_SETTLES_S = 3000, 40, 3.0
ZONE = timezone(timedelta(hours=7))
CITY = (106.68, -6.37, 106.98, -6.08)
"""West, south, east, north."""
WORDS = (
    "jalan",
    "berlubang",
    "lampu",
    "mati",
    "sampah",
    "menumpuk",
    "banjir",
    "saluran",
    "tersumbat",
    "pohon",
    "tumbang",
    "trotoar",
    "rusak",
    "parkir",
    "liar",
    "air",
    "keruh",
    "kabel",
    "putus",
    "rambu",
    "hilang",
    "bau",
    "kebakaran",
    "bising",
)
_SHARES = (0.01, 0.005, 0.03, 0.02, 0.01, 0.005, 0.82, 0.10)
"""How many reports stand in each status of ORDER: mostly done, as in a city that has used the system for years."""


class World:
    """A generated city of `reports` reports in a real cache.db, with its board; each part is made when first asked for.

    The same numbers always make the same city, but for the time: it ends now.
    """

    def __init__(self, reports: int, folder: Path, now: datetime) -> None:
        self.reports, self.folder, self.now = reports, folder, now
        self.now_s = int(now.timestamp())
        self.random = random.Random(20241)
        self.fill_s = 0.0
        self._open = ExitStack()

    @property
    def _whole(self) -> bool:
        """Whether this is more than a trial of the bench itself."""
        return self.reports >= _TRIAL

    def pages(self) -> Iterator[bytes]:
        """The reports as JSON pages, oldest first."""
        for first in range(0, self.reports, PAGE):
            page = [self._report(number) for number in range(first, min(first + PAGE, self.reports))]
            yield msgspec.json.encode(page)

    @cached_property
    def writer(self) -> CacheWriter:
        """The cache's writer, after the first fill; `fill_s` is what decoding, writing and indexing took."""
        writer = CacheWriter(self.folder)
        decoder = decoder_of(list[Report])
        with writer.bulk():
            for number, page in enumerate(self.pages()):
                started = time.perf_counter()
                found = decoder.decode(page)
                self._apply(writer, found, number * PAGE)
                self.fill_s += time.perf_counter() - started
            started = time.perf_counter()
        self.fill_s += time.perf_counter() - started
        return writer

    @cached_property
    def reader(self) -> CacheReader:
        """A reader of the filled cache."""
        assert self.writer is not None
        return CacheReader(self.folder)

    def close(self) -> None:
        """Let go of the files and of what runs for the measurements."""
        self._open.close()
        self.reader.close()
        self.writer.close()

    @cached_property
    def place_search(self) -> TypedPlaces:
        """The places of the demo city, searched."""
        folder = self.folder / "places"
        folder.mkdir()
        return place_search(folder)

    @cached_property
    def windows(self) -> list[Run]:
        """The real window on this cache, opened as often as starts are measured; the last one was left alone after."""
        assert self.writer is not None
        return [run_window(self.folder, rest_s) for rest_s in self._rests]

    @cached_property
    def painted(self) -> Painted:
        """Filters in the real window on this cache, on a screen."""
        assert self.writer is not None
        return filters_painted(self.folder)

    @cached_property
    def bare_windows(self) -> list[Run]:
        """The contender, opened as often."""
        return [run_bare_window(self.plain.path, rest_s) for rest_s in self._rests]

    @property
    def _rests(self) -> tuple[float, ...]:
        """How long each window is left alone, in seconds."""
        return (0.0, 0.0, _REST_S) if self._whole else (1.0,)

    @cached_property
    def plain(self) -> PlainTable:
        """The same reports as a usual program keeps them."""
        return self._open.enter_context(PlainTable(self.folder / "plain_table.db", self.pages()))

    @cached_property
    def pan(self) -> Pan:
        """The window's map dragged about."""
        assert self.writer is not None
        return pan_console(self.folder)

    @cached_property
    def pan_plain(self) -> Pan:
        """The contender."""
        return pan_leaflet(self.plain.path)

    @cached_property
    def streets(self) -> StreetRun:
        """The map panel with streets, names and reports."""
        return streets_console()

    @cached_property
    def streets_plain(self) -> StreetRun:
        """The contender."""
        return streets_protomaps()

    @cached_property
    def saving(self) -> Saving:
        """Notes made by hand in the real window while others leave."""
        return self._saved_by_hand(_WAITING if self._whole else 50)

    @cached_property
    def saving_alone(self) -> Saving:
        """The same when nothing else waits."""
        return self._saved_by_hand(0)

    def _saved_by_hand(self, waiting: int) -> Saving:
        assert self.writer is not None
        reports = [str(900_000 + number) for number in range(min(400, self.reports))]
        by_hand, settle_s = (_BY_HAND, _WINDOW_SETTLES_S) if self._whole else (5, 0.3)
        return save_by_hand(self.folder, reports, waiting, by_hand, settle_s)

    @cached_property
    def load(self) -> Load:
        """The load of the server."""
        return Load() if self._whole else Load(consoles=10, edits_per_s=10, seconds=2, settle_s=0.3)

    @property
    def _crowd_city(self) -> int:
        """How many reports the crowd works on."""
        return _CROWD_CITY if self._whole else _TRIAL_CITY

    @cached_property
    def crowd(self) -> CrowdRun:
        """A crowd of consoles on our server, on SQLite."""
        return self._crowd_on(f"sqlite:///{self.folder / 'crowd.db'}")

    @cached_property
    def rival_crowd(self) -> CrowdRun:
        """The same crowd on the contender."""
        return crowd_on_rival(self.load, f"sqlite:///{self.folder / 'rival.db'}", self.folder, self._crowd_city)

    @cached_property
    def postgres(self) -> Postgres:
        """A PostgreSQL that keeps what it says it keeps."""
        return self._open.enter_context(own_postgres(durable=True))

    @cached_property
    def crowd_on_postgres(self) -> CrowdRun:
        """A crowd of consoles on our server, on PostgreSQL."""
        with self.postgres.fresh() as database:
            return self._crowd_on(database)

    @cached_property
    def rival_on_postgres(self) -> CrowdRun:
        """The same crowd on the contender, on PostgreSQL."""
        with self.postgres.fresh(empty=True) as database:
            return crowd_on_rival(self.load, database, self.folder, self._crowd_city)

    def _crowd_on(self, database: str) -> CrowdRun:
        known = [self._report(number) for number in range(self._crowd_city)]
        fill_city(database, known)
        return crowd_on_ours(self.load, database, self.folder, [report.id for report in known])

    @cached_property
    def served(self) -> Path:
        """The whole city as the server's database."""
        path = self.folder / "served.db"
        fill_city(f"sqlite:///{path}", (self._report(number) for number in range(self.reports)))
        return path

    @cached_property
    def fill_of_client(self) -> Fill:
        """One client reads it all."""
        return first_fill(f"sqlite:///{self.served}")

    @cached_property
    def words(self) -> dict[str, dict[int, ScopedCode]]:
        """Kind -> {number: (source, code)}."""
        return {kind: self.reader.words(kind) for kind in ("service", "area", "agency", "unit", "user", "source")}

    @cached_property
    def snapshot(self) -> BoardSnapshot:
        """The board."""
        return BoardSnapshot.build(self.reader.columns())

    @cached_property
    def everything(self) -> View:
        """All reports, open and closed: the longest queue there can be."""
        return self.view(Filter(tab="closed", priorities=(1, 2, 3, 4)))

    def view(self, asked: Filter, snapshot: BoardSnapshot | None = None, **more: Any) -> View:
        """A View as the console makes it."""
        return make_view(snapshot or self.snapshot, asked, self.now_s, 1, words=self.words, zone=ZONE, **more)

    def changed(self, count: int) -> list[Report]:
        """New states of random reports."""
        numbers = self.random.sample(range(self.reports), min(count, self.reports))
        return [
            msgspec.structs.replace(self._report(number), status=Status.PROGRESS, updated=self.now, version=2)
            for number in numbers
        ]

    def take_in(self, reports: Sequence[Report], seq: int) -> BoardSnapshot:
        """The way of a change: into the cache, out as columns, into the next snapshot."""
        touched = self._apply(self.writer, reports, seq)
        return self.snapshot.with_rows(self.reader.columns(touched))

    def _apply(self, writer: CacheWriter, reports: Sequence[Report], seq: int) -> Sequence[int]:
        items = [PageItem("report", seq + at, one.id, one) for at, one in enumerate(reports, start=1)]
        return writer.apply("city", items, Cursor(epoch="bench", seq=seq + len(items), as_of=self.now)).rows

    def _report(self, number: int) -> Report:
        chance = random.Random(number)
        created = self.now - timedelta(seconds=(self.reports - number) * 3 * 365 * 86400 / self.reports)
        status = chance.choices(ORDER, _SHARES)[0]
        west, south, east, north = CITY
        due = created + timedelta(days=7)
        state = ClockState.RUNNING if is_open(status) else ClockState.MET
        photo = Photo(f"{number:064x}", PhotoRole.REPORT, 80_000)
        return Report(
            id=str(900_000 + number),
            version=1,
            status=status,
            service=f"service-{chance.randrange(26)}",
            priority=chance.choices((1, 2, 3, 4), (1, 9, 60, 30))[0],
            description=" ".join(chance.choices(WORDS, k=12)),
            created=created,
            updated=created + timedelta(hours=chance.randrange(200)),
            area=f"31.{chance.randrange(6):02d}.{chance.randrange(267):04d}",
            agency=f"agency-{chance.randrange(14)}",
            address=f"Jl. {chance.choice(WORDS).title()} {chance.randrange(400)}",
            lat=chance.uniform(south, north) if chance.random() > 0.01 else None,
            lon=chance.uniform(west, east),
            channel="app",
            photos=(photo,) if chance.random() < 0.5 else (),
            clocks=(Clock("finish", state, created, 7 * 86400, due=due),),
        )
