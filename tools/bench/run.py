"""`sigap bench`: measure what operators wait for, on a generated city, and print it beside its goal.

Every measurement is one row of MEASURES: a function that makes samples from a World. Less is better in all of them.
"""

from __future__ import annotations

import os
import platform
import sys
import tempfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from tools.bench import board, queue_list
from tools.bench.child import Run
from tools.bench.postgres import NoPostgres
from tools.bench.server import edits_alone, plain_fill, plain_sql_alone
from tools.bench.world import World

if TYPE_CHECKING:
    from tools.bench.crowd import CrowdRun


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
    """Carry out one measurement; a contender that is not installed is said to be missing."""
    samples = measure.samples(world)
    p50, p95 = (round(float(value), 3) for value in np.percentile(samples, (50, 95)))
    result = Result(measure.id, measure.what, world.reports, p50, p95, measure.unit, measure.goal)
    if measure.rival is None:
        return result
    try:
        theirs = round(float(np.median(measure.rival(world))), 3)
    except ModuleNotFoundError as missing:
        sys.stderr.write(f"{measure.id} has no contender here: {missing}.\n")
        return result
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


def _of_windows(value: Callable[[Run], float]) -> Callable[[World], list[float]]:
    return lambda world: [value(run) for run in world.windows]


def _of_bare_windows(value: Callable[[Run], float]) -> Callable[[World], list[float]]:
    return lambda world: [value(run) for run in world.bare_windows]


def _worst_of_20(samples: Sequence[float], windows: int = 5) -> list[float]:
    """The 95th percentile of each fifth of the samples, in the order they were taken."""
    return [float(np.percentile(part, 95)) for part in np.array_split(np.asarray(samples), windows) if len(part)]


def _everybody_saw(run: CrowdRun) -> list[float]:
    if run.unseen or run.refused:
        raise RuntimeError(f"{run.unseen} edits were not seen by everybody, {run.refused} refused")
    return run.seen_ms


_SQL = "SQL on one table with indexes"
_LEAFLET = "Leaflet's own markers, 20,000 at most"
_PROTOMAPS = "protomaps-leaflet and its labels with Leaflet's own markers"
_BARE = "a bare Qt window with a web page"

MEASURES: tuple[Measure, ...] = (
    Measure(
        "fill",
        "first fill from JSON pages into the cache, search index included",
        "s",
        15.0,
        board.fill,
        "sqlite-utils, one table",
        board.fill_plain,
    ),
    Measure(
        "start_window",
        "program to window",
        "s",
        0.5,
        _of_windows(lambda run: run.window_s),
        _BARE,
        _of_bare_windows(lambda run: run.window_s),
    ),
    Measure(
        "start_queue",
        "program to the first screen of the queue",
        "s",
        1.0,
        _of_windows(lambda run: run.queue_s),
        _BARE,
        _of_bare_windows(lambda run: run.queue_s),
    ),
    Measure(
        "start_map",
        "program to the map with reports on it",
        "s",
        2.0,
        _of_windows(lambda run: run.map_s),
        _BARE,
        _of_bare_windows(lambda run: run.map_s),
    ),
    Measure(
        "memory",
        "all processes of the window at rest (PSS)",
        "MB",
        600,
        lambda world: [world.windows[-1].memory_mb],
        _BARE,
        lambda world: [world.bare_windows[-1].memory_mb],
    ),
    Measure(
        "idle",
        "processor time of all of them at rest, of one core",
        "%",
        1,
        lambda world: [world.windows[-1].idle_percent],
        None,
        None,
    ),
    Measure(
        "pan_frame",
        "the slowest frame of a drag of the map",
        "ms",
        33.4,
        lambda world: world.pan.frames_ms,
        _LEAFLET,
        lambda world: world.pan_plain.frames_ms,
    ),
    Measure(
        "pan_task",
        "the longest task of the page in it",
        "ms",
        16.7,
        lambda world: world.pan.tasks_ms,
        _LEAFLET,
        lambda world: world.pan_plain.tasks_ms,
    ),
    Measure(
        "streets_first",
        "a new place: its streets, names and reports on a map of 1920 x 1080",
        "ms",
        150,
        lambda world: world.streets.first_ms,
        _PROTOMAPS,
        lambda world: world.streets_plain.first_ms,
    ),
    Measure(
        "streets_p95",
        "95 of 100 frames of a drag over streets",
        "ms",
        25,
        lambda world: world.streets.pan.p95_ms,
        _PROTOMAPS,
        lambda world: world.streets_plain.pan.p95_ms,
    ),
    Measure(
        "streets_pan",
        "the slowest frame of a drag over streets",
        "ms",
        33.4,
        lambda world: world.streets.pan.frames_ms,
        _PROTOMAPS,
        lambda world: world.streets_plain.pan.frames_ms,
    ),
    Measure(
        "filter", "another filter: queue, map, charts and figures", "ms", 100, board.narrow, _SQL, board.narrow_plain
    ),
    Measure(
        "filter_painted",
        "the same in the window, until all is painted on a screen without a graphics card",
        "ms",
        100,
        lambda world: world.painted.filter_ms,
    ),
    Measure(
        "filter_text", "two words as a filter", "ms", 100, board.narrow_by_words, _SQL, board.narrow_by_words_plain
    ),
    Measure(
        "change",
        "one changed report to queue, map, charts and figures",
        "ms",
        50,
        board.change,
        _SQL,
        board.change_plain,
    ),
    Measure(
        "delta",
        "1,000 changed reports through the cache into the board",
        "ms",
        100,
        board.delta,
        _SQL,
        board.delta_plain,
    ),
    Measure(
        "aggregate", "reports by hour and the usual of 28 days", "ms", 5, board.aggregate, _SQL, board.aggregate_plain
    ),
    Measure(
        "places_p95",
        "95 of 100 letters of a place that is typed, of this process's processor",
        "ms",
        10,
        lambda world: _worst_of_20(world.place_search.ours_ms),
        "FTS5 alone",
        lambda world: _worst_of_20(world.place_search.plain_ms),
    ),
    Measure("search", "newest 50 while a word is typed", "ms", 50, board.search, _SQL, board.search_plain),
    Measure(
        "queue_first",
        "order, and texts of the first screen",
        "ms",
        100,
        board.first_screen,
        _SQL,
        board.first_screen_plain,
    ),
    Measure(
        "queue_jump", "texts of a screen anywhere in the longest queue", "ms", 50, board.jump, _SQL, board.jump_plain
    ),
    Measure("queue_sort", "another order", "ms", 100, board.sort, _SQL, board.sort_plain),
    Measure(
        "queue_repaint",
        "the list drawn anew after scrolling",
        "ms",
        8,
        queue_list.repaint,
        "Qt's own list",
        queue_list.repaint_plain,
    ),
    Measure(
        "outbox_saved",
        "a note made by hand is on the disk, while thousands of edits leave",
        "ms",
        100,
        lambda world: world.saving.saved_ms,
        "an empty outbox",
        lambda world: world.saving_alone.saved_ms,
    ),
    Measure(
        "outbox_stall",
        "the window's longest stalls meanwhile",
        "ms",
        50,
        lambda world: world.saving.stalls_ms[-3:],
        "an empty outbox",
        lambda world: world.saving_alone.stalls_ms[-3:],
    ),
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
