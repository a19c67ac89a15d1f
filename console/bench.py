"""`sigap bench`: measure what operators wait for, on a generated city, and print it beside its goal.

Every measurement is one row of MEASURES: a function that makes samples from a World. Less is better in all of them.
"""

from __future__ import annotations

import os
import platform
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta, timezone
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from console.board.counts import hours_of
from console.board.map_answer import map_answer
from console.board.snapshot import COLUMNS, Snapshot
from console.board.view import View, make_view
from console.domain.filter import Filter
from console.domain.report import Clock, ClockState, Photo, PhotoRole, Report
from console.domain.status import ORDER, Status, is_open
from console.domain.word import Word
from console.measure.postgres import NoPostgres, Postgres, own_postgres
from console.measure.server import (
    Fill,
    Load,
    crowd_on_ours,
    crowd_on_rival,
    edits_alone,
    fill_city,
    first_fill,
    plain_fill,
    plain_sql_alone,
)
from console.measure.window import Run, run_window
from console.store.cache_read import CacheReader
from console.store.cache_write import CacheWriter
from console.store.items import Cursor, Item

if TYPE_CHECKING:
    from console.measure.crowd import CrowdRun

_PAGE = 1000
_CROWD_CITY = 2000
_TRIAL = 10_000
"""Below so many reports the bench itself is tried: a small crowd works for a moment."""
_SCREEN = 40
_WINDOWS = 3
_ZONE = timezone(timedelta(hours=7))
_CITY = (106.68, -6.37, 106.98, -6.08)
_WORDS = (
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
        self.random = random.Random(20241)  # noqa: S311 - no secret
        self.fill_s = 0.0
        self._open = ExitStack()

    def pages(self) -> Iterator[bytes]:
        """The reports as JSON pages, oldest first."""
        for first in range(0, self.reports, _PAGE):
            page = [self._report(number) for number in range(first, min(first + _PAGE, self.reports))]
            yield msgspec.json.encode(page)

    @cached_property
    def writer(self) -> CacheWriter:
        """The cache's writer, after the first fill; `fill_s` is what decoding, writing and indexing took."""
        writer = CacheWriter(self.folder)
        decoder = msgspec.json.Decoder(list[Report])
        with writer.bulk():
            for number, page in enumerate(self.pages()):
                started = time.perf_counter()
                found = decoder.decode(page)
                self._apply(writer, found, number * _PAGE)
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
    def windows(self) -> list[Run]:
        """The real window on this cache, opened as often as starts are measured; the last one was left alone after."""
        assert self.writer is not None
        return [run_window(self.folder, idle=number == _WINDOWS) for number in range(1, _WINDOWS + 1)]

    @cached_property
    def load(self) -> Load:
        """The load of the server."""
        return Load() if self.reports >= _TRIAL else Load(consoles=10, edits_per_s=10, seconds=2)

    @cached_property
    def crowd(self) -> CrowdRun:
        """A crowd of consoles on our server, on SQLite."""
        return self._crowd_on(f"sqlite:///{self.folder / 'crowd.db'}")

    @cached_property
    def rival_crowd(self) -> CrowdRun:
        """The same crowd on the contender."""
        return crowd_on_rival(self.load, f"sqlite:///{self.folder / 'rival.db'}", self.folder, _CROWD_CITY)

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
            return crowd_on_rival(self.load, database, self.folder, _CROWD_CITY)

    def _crowd_on(self, database: str) -> CrowdRun:
        known = [self._report(number) for number in range(_CROWD_CITY)]
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
    def words(self) -> dict[str, dict[int, Word]]:
        """Kind -> {number: (source, code)}."""
        return {kind: self.reader.words(kind) for kind in ("service", "area", "agency", "unit", "user", "source")}

    @cached_property
    def snapshot(self) -> Snapshot:
        """The board."""
        return Snapshot.build(self.reader.columns())

    @cached_property
    def everything(self) -> View:
        """All reports, open and closed: the longest queue there can be."""
        return self.view(Filter(tab="closed", priorities=(1, 2, 3, 4)))

    def view(self, asked: Filter, snapshot: Snapshot | None = None, **more: Any) -> View:
        """A View as the console makes it."""
        return make_view(snapshot or self.snapshot, asked, self.now_s, 1, words=self.words, zone=_ZONE, **more)

    def changed(self, count: int) -> list[Report]:
        """New states of random reports."""
        numbers = self.random.sample(range(self.reports), min(count, self.reports))
        return [
            msgspec.structs.replace(self._report(number), status=Status.PROGRESS, updated=self.now, version=2)
            for number in numbers
        ]

    def take_in(self, reports: Sequence[Report], seq: int) -> Snapshot:
        """The way of a change: into the cache, out as columns, into the next snapshot."""
        touched = self._apply(self.writer, reports, seq)
        return self.snapshot.with_rows(self.reader.columns(touched))

    def _apply(self, writer: CacheWriter, reports: Sequence[Report], seq: int) -> Sequence[int]:
        items = [Item("report", seq + at, one.id, one) for at, one in enumerate(reports, start=1)]
        return writer.apply("city", items, Cursor(epoch="bench", seq=seq + len(items), as_of=self.now)).rows

    def _report(self, number: int) -> Report:
        chance = random.Random(number)  # noqa: S311 - no secret
        created = self.now - timedelta(seconds=(self.reports - number) * 3 * 365 * 86400 / self.reports)
        status = chance.choices(ORDER, _SHARES)[0]
        west, south, east, north = _CITY
        due = created + timedelta(days=7)
        state = ClockState.RUNNING if is_open(status) else ClockState.MET
        photo = Photo(f"{number:064x}", PhotoRole.REPORT, 80_000)
        return Report(
            id=str(900_000 + number),
            version=1,
            status=status,
            service=f"service-{chance.randrange(26)}",
            priority=chance.choices((1, 2, 3, 4), (1, 9, 60, 30))[0],
            description=" ".join(chance.choices(_WORDS, k=12)),
            created=created,
            updated=created + timedelta(hours=chance.randrange(200)),
            area=f"31.{chance.randrange(6):02d}.{chance.randrange(267):04d}",
            agency=f"agency-{chance.randrange(14)}",
            address=f"Jl. {chance.choice(_WORDS).title()} {chance.randrange(400)}",
            lat=chance.uniform(south, north) if chance.random() > 0.01 else None,
            lon=chance.uniform(west, east),
            channel="app",
            photos=(photo,) if chance.random() < 0.5 else (),
            clocks=(Clock("finish", state, created, 7 * 86400, due=due),),
        )


class Measure(msgspec.Struct, frozen=True):
    """One thing to measure: `samples(world)` gives its samples in `unit`, `goal` is what half of them must not pass.

    A contender does the same in the same run; its samples are `rival(world)`.
    """

    id: str
    what: str
    unit: str
    goal: float
    samples: Callable[[World], list[float]]
    contender: str | None = None
    rival: Callable[[World], list[float]] | None = None


class Result(msgspec.Struct, frozen=True):
    """One line of the outcome; `ratio` is own p50 by the contender's."""

    id: str
    what: str
    n: int
    p50: float
    p95: float
    unit: str
    goal: float
    contender: str | None = None
    contender_p50: float | None = None
    ratio: float | None = None


def run_bench(as_json: bool, reports: int) -> int:
    """Measure everything on a city of `reports` reports and print it; 0 when that could be done."""
    out = sys.stdout
    date = datetime.now(UTC)
    results = []
    with tempfile.TemporaryDirectory(prefix="sigap-bench-") as folder:
        world = World(reports, Path(folder), date)
        if not as_json:
            out.write(f"{machine()}\n{reports:,} reports\n")
        for measure in MEASURES:
            try:
                result = measured(measure, world)
            except (ModuleNotFoundError, NoPostgres) as missing:
                sys.stderr.write(f"{measure.id} was not measured: {missing}.\n")
                continue
            results.append(result)
            if not as_json:
                out.write(f"{_line(result)}\n")
                out.flush()
        world.close()
    if as_json:
        outcome = {"machine": machine(), "date": date, "results": results}
        out.write(msgspec.json.format(msgspec.json.encode(outcome)).decode() + "\n")
    return 0


def measured(measure: Measure, world: World) -> Result:
    """Carry out one measurement."""
    samples = measure.samples(world)
    p50, p95 = (round(float(value), 3) for value in np.percentile(samples, (50, 95)))
    result = Result(measure.id, measure.what, world.reports, p50, p95, measure.unit, measure.goal)
    if measure.rival is None:
        return result
    theirs = round(float(np.median(measure.rival(world))), 3)
    return msgspec.structs.replace(
        result, contender=measure.contender, contender_p50=theirs, ratio=round(p50 / theirs, 3)
    )


def machine() -> str:
    """What this was measured on, in one line."""
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.is_file():
        names = [line.split(":")[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")]
        cpu = names[0] if names else cpu
    return (
        f"{cpu}, {os.cpu_count()} cores, {platform.system()} {platform.release()}, Python {platform.python_version()}"
    )


def _line(result: Result) -> str:
    mark = " " if result.p50 <= result.goal else "!"
    return (
        f"{mark} {result.id:14} p50 {result.p50:10.2f}  p95 {result.p95:10.2f} {result.unit:2}"
        f"  goal {result.goal:6g}  {result.what}"
    ) + (f" ({result.ratio:.2g} x {result.contender})" if result.contender else "")


def _times_ms(repeat: int, work: Callable[[int], object]) -> list[float]:
    """Durations of `work(0)`, `work(1)` … in milliseconds, after one that does not count."""
    work(0)
    samples = []
    for number in range(repeat):
        started = time.perf_counter()
        work(number)
        samples.append((time.perf_counter() - started) * 1000)
    return samples


def _fill(world: World) -> list[float]:
    assert world.writer is not None
    return [world.fill_s]


def _of_windows(value: Callable[[Run], float]) -> Callable[[World], list[float]]:
    return lambda world: [value(run) for run in world.windows]


def _at_rest(value: Callable[[Run], float]) -> Callable[[World], list[float]]:
    return lambda world: [value(world.windows[-1])]


def _filter(world: World) -> list[float]:
    def ask(number: int) -> None:
        services = (f"service-{number % 26}", f"service-{(number + 7) % 26}")
        view = world.view(Filter(tab="closed" if number % 2 else "open", services=services, younger_s=400 * 86400))
        map_answer(view, *_CITY, 11, 910, 670)

    return _times_ms(20, ask)


def _filter_text(world: World) -> list[float]:
    def ask(number: int) -> None:
        text = f"{_WORDS[number % len(_WORDS)]} {_WORDS[(number + 5) % len(_WORDS)]}"
        world.view(Filter(text=text), text_rows=world.reader.matching(text))

    return _times_ms(10, ask)


def _change(world: World) -> list[float]:
    snapshot = world.snapshot

    def arrive(number: int) -> None:
        columns = {name: snapshot.column(name)[number : number + 1].copy() for name in COLUMNS}
        columns["status"][:] = (columns["status"] + 1) % len(ORDER)
        columns["updated"][:] = world.now_s
        view = world.view(Filter(), snapshot.with_rows(columns))
        map_answer(view, *_CITY, 11, 910, 670)
        view.row_facts(view.order[:_SCREEN])

    return _times_ms(20, arrive)


def _delta(world: World) -> list[float]:
    seq = world.reports * 2

    def catch_up(number: int) -> None:
        world.take_in(changes[number], seq + number * _PAGE)

    changes = [world.changed(_PAGE) for _ in range(6)]
    return _times_ms(5, lambda number: catch_up(number + 1))


def _aggregate(world: World) -> list[float]:
    board = world.snapshot
    fits, created = board.column("alive"), board.column("created")
    return _times_ms(20, lambda _: hours_of(created, fits, world.now_s, int(created.min()), _ZONE))


def _search(world: World) -> list[float]:
    return _times_ms(20, lambda number: world.reader.find(_WORDS[number % len(_WORDS)][:4], 50))


def _queue_first(world: World) -> list[float]:
    def show(_: int) -> None:
        view = world.view(Filter())
        rows = view.order[:_SCREEN]
        world.reader.texts(rows)
        view.row_facts(rows)

    return _times_ms(20, show)


def _queue_jump(world: World) -> list[float]:
    view = world.everything

    def jump(_: int) -> None:
        at = world.random.randrange(max(1, len(view.order) - _SCREEN))
        rows = view.order[at : at + _SCREEN]
        world.reader.texts(rows)
        view.row_facts(rows)

    return _times_ms(50, jump)


def _queue_sort(world: World) -> list[float]:
    orders = ("newest", "due", "priority", "area")
    return _times_ms(12, lambda number: world.view(Filter(order=orders[number % 4])))


def _queue_repaint(world: World) -> list[float]:
    """The list as it is drawn, scrolled by three rows each time, without a display where there is none."""
    if not os.environ.get("DISPLAY") and not os.environ.get("WAYLAND_DISPLAY"):
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from PySide6.QtWidgets import QApplication

    from widgets.queue import QueuePanel
    from widgets.symbols import Symbols
    from widgets.theme import load_theme

    app = QApplication.instance() or QApplication([])
    assert isinstance(app, QApplication)
    resources = files("resources")
    theme = load_theme("dark", (resources / "tokens.json").read_text(encoding="utf-8"), 1.0)
    theme.apply(app)
    symbols = Symbols((resources / "symbols.json").read_text(encoding="utf-8"), theme)
    panel = QueuePanel(theme, symbols, panel_key="Ctrl 1", filter_key="Ctrl F")
    view = world.everything
    texts = {one.row: one for one in world.reader.texts(view.order[: 40 * _SCREEN])}
    panel.rows_wanted.connect(
        lambda rows: panel.set_rows([_queue_row(view, texts, row) for row in rows if row in texts])
    )
    panel.resize(528, 1000)
    panel.set_order(view.order, len(view.order))
    panel.show()
    app.processEvents()
    bar = panel.view.verticalScrollBar()
    samples = []
    for step in range(1, 41):
        bar.setValue(step * 3)
        app.processEvents()
        started = time.perf_counter()
        panel.view.viewport().repaint()
        samples.append((time.perf_counter() - started) * 1000)
    panel.close()
    return samples


def _queue_row(view: View, texts: dict[int, Any], row: int) -> Any:
    from widgets.queue import QueueRow

    fact = view.row_facts([row])[0]
    return QueueRow(
        key=row,
        priority=fact.priority,
        status=fact.status,
        letter="N",
        letter_token="status.new",  # noqa: S106 - the name of a colour
        status_text="New",
        glyph="flood",
        title="Banjir",
        text=texts[row].description,
        place="Cawang, Kramatjati",
        duplicates=row % 3,
        photos=fact.photos,
        holder="You" if row % 5 == 0 else "",
        mine=row % 5 == 0,
        age="5 d 22 h",
        age_level=row % 3,
        due="due 5:46",
        due_level=0,
        hold="",
        pending=False,
    )


def _worst_of_20(samples: Sequence[float], windows: int = 5) -> list[float]:
    """The 95th percentile of each fifth of the samples, in the order they were taken."""
    return [float(np.percentile(part, 95)) for part in np.array_split(np.asarray(samples), windows) if len(part)]


def _everybody_saw(run: CrowdRun) -> list[float]:
    if run.unseen or run.refused:
        raise RuntimeError(f"{run.unseen} edits were not seen by everybody, {run.refused} refused")
    return run.seen_ms


MEASURES: tuple[Measure, ...] = (
    Measure("fill", "first fill from JSON pages into the cache, search index included", "s", 15.0, _fill),
    Measure("start_window", "program to window", "s", 0.5, _of_windows(lambda run: run.window_s)),
    Measure("start_queue", "program to the first screen of the queue", "s", 1.0, _of_windows(lambda run: run.queue_s)),
    Measure("start_map", "program to the map with reports on it", "s", 2.0, _of_windows(lambda run: run.map_s)),
    Measure("memory", "all processes of the window at rest (PSS)", "MB", 600, _at_rest(lambda run: run.memory_mb)),
    Measure(
        "idle", "processor time of all of them at rest, of one core", "%", 1, _at_rest(lambda run: run.idle_percent)
    ),
    Measure("filter", "another filter: queue, map, charts and figures", "ms", 100, _filter),
    Measure("filter_text", "two words as a filter", "ms", 100, _filter_text),
    Measure("change", "one changed report to queue, map, charts and figures", "ms", 50, _change),
    Measure("delta", "1,000 changed reports through the cache into the board", "ms", 100, _delta),
    Measure("aggregate", "reports by hour and the usual of 28 days", "ms", 5, _aggregate),
    Measure("search", "newest 50 while a word is typed", "ms", 50, _search),
    Measure("queue_first", "order, and texts of the first screen", "ms", 100, _queue_first),
    Measure("queue_jump", "texts of a screen anywhere in the longest queue", "ms", 50, _queue_jump),
    Measure("queue_sort", "another order", "ms", 100, _queue_sort),
    Measure("queue_repaint", "the list drawn anew after scrolling", "ms", 8, _queue_repaint),
    Measure(
        "server_edit",
        "the slowest edit of 20, with 200 consoles",
        "ms",
        50,
        lambda world: _worst_of_20(world.crowd.edit_ms),
        "FastAPI and an ORM",
        lambda world: _worst_of_20(world.rival_crowd.edit_ms),
    ),
    Measure(
        "server_seen",
        "an edit until the last of the 200 has read it",
        "ms",
        1000,
        lambda world: _everybody_saw(world.crowd),
        "FastAPI and an ORM",
        lambda world: world.rival_crowd.seen_ms,
    ),
    Measure(
        "server_edit_pg",
        "the slowest edit of 20, with 200 consoles, on PostgreSQL",
        "ms",
        50,
        lambda world: _worst_of_20(world.crowd_on_postgres.edit_ms),
        "FastAPI and an ORM",
        lambda world: _worst_of_20(world.rival_on_postgres.edit_ms),
    ),
    Measure(
        "server_seen_pg",
        "an edit until the last of the 200 has read it, on PostgreSQL",
        "ms",
        1000,
        lambda world: _everybody_saw(world.crowd_on_postgres),
        "FastAPI and an ORM",
        lambda world: world.rival_on_postgres.seen_ms,
    ),
    Measure(
        "server_alone",
        "an edit of a console that is alone",
        "ms",
        10,
        lambda world: edits_alone(f"sqlite:///{world.served}", "900000"),
        "plain SQL without a server",
        lambda world: plain_sql_alone(world.folder),
    ),
    Measure(
        "server_fill",
        "a first fill by HTTP, for a gigabyte (8 s: a wire of 1 Gbit/s)",
        "s",
        8,
        lambda world: [world.fill_of_client.s_per_gb],
        "plain SQL without a server",
        lambda world: [plain_fill(world.served).s_per_gb],
    ),
    Measure(
        "server_memory",
        "the server's growth meanwhile",
        "MB",
        50,
        lambda world: [max(world.fill_of_client.grown_mb, 0.001)],
    ),
)
