"""The bench measures everything that it names, and the board stays far from the speed of a loop over rows."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable

import numpy as np
import pytest
from PySide6.QtWidgets import QApplication

from console.board.map_answer import map_answer
from console.board.snapshot import COLUMNS, BoardSnapshot
from console.board.view import make_view
from console.rules.filter import Filter
from tools.bench import run
from tools.bench.run import MEASURES, run_bench

REPORTS = 200_000
NOW = 1_790_000_000


@pytest.mark.long
def test_the_bench_prints_one_result_a_measure(capsys: pytest.CaptureFixture[str], qapp: QApplication) -> None:
    assert run_bench(True, 1500) == 0
    outcome = json.loads(capsys.readouterr().out)
    assert set(outcome) == {"machine", "date", "results"}
    assert [result["id"] for result in outcome["results"]] == [measure.id for measure in MEASURES]
    assert {"fill", "filter", "change", "queue_repaint"} <= {measure.id for measure in MEASURES}
    for result in outcome["results"]:
        assert set(result) == {
            "id", "what", "n", "p50", "p95", "unit", "goal", "contender", "contender_p50", "ratio",
        }  # fmt: skip
        assert 0 < result["p50"] <= result["p95"]
        assert result["n"] == 1500


def test_the_bench_speaks_to_people_too(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, qapp: QApplication
) -> None:
    of_the_board = tuple(measure for measure in MEASURES if measure.id in ("filter", "change", "queue_sort"))
    monkeypatch.setattr(run, "MEASURES", of_the_board)
    assert run_bench(False, 300) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1] == "300 reports"
    assert [line[2:].split()[0] for line in lines[2:]] == ["filter", "change", "queue_sort"]


def median_ms(work: Callable[[], object]) -> float:
    """Of the processor time: who else is on the machine says nothing of it."""
    samples = []
    for _ in range(5):
        started = time.process_time()
        work()
        samples.append((time.process_time() - started) * 1000)
    return statistics.median(samples)


def test_the_board_is_columnar() -> None:
    """Bounds are several times what is needed; a loop over the rows would miss each of them."""
    random = np.random.default_rng(1)
    columns = {name: np.zeros(REPORTS, kind) for name, kind in COLUMNS.items()}
    columns["row"] = np.arange(1000, 1000 + REPORTS)
    columns["lat_e7"] = random.integers(-63_700_000, -60_800_000, REPORTS)
    columns["lon_e7"] = random.integers(1_066_800_000, 1_069_800_000, REPORTS)
    columns["status"] = random.integers(0, 8, REPORTS)
    columns["priority"] = random.integers(1, 5, REPORTS)
    columns["created"] = NOW - random.integers(0, 90 * 86400, REPORTS)
    columns["due"], columns["due_state"] = columns["created"] + 7 * 86400, random.integers(0, 5, REPORTS)
    snapshot = BoardSnapshot.build(columns)
    changed = {name: column[:200].copy() for name, column in columns.items()}
    changed["status"] = (changed["status"] + 1) % 8
    changed["lat_e7"] += 77

    assert median_ms(lambda: make_view(snapshot, Filter(), NOW, 1)) < 100
    assert median_ms(lambda: snapshot.with_rows(changed)) < 30
    view = make_view(snapshot, Filter(), NOW, 1)
    assert median_ms(lambda: map_answer(view, 106.6, -6.4, 107.0, -6.0, 11)) < 60
