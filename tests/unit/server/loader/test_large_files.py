"""Large files: memory stays flat, a stop in the middle keeps what is there, and ids may repeat without end."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from console.server.city.city import City
from console.server.loader import Stopped, load_and_tell, load_file
from tests.helpers.cityfiles import FORMS, write_many

_MEASURE = """
import resource, sys
from pathlib import Path
from console.server.city.city import City
from console.server.loader import load_file
city = City(sys.argv[1])
city.create_schema()
print(load_file(Path(sys.argv[2]), city, timezone="UTC").loaded, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def peak_mb(folder: Path, form: str, count: int, repeated: bool = False) -> float:
    """Most memory of a process that loads a file of `count` reports, in MB."""
    path = write_many(form, folder / f"{count}.{form}", count, repeated=repeated)
    command = [sys.executable, "-c", _MEASURE, f"sqlite:///{folder / f'{form}{count}{repeated}.db'}", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    loaded, peak = map(int, done.stdout.split())
    assert loaded == (count // 2 if repeated else count)
    path.unlink()
    (folder / f"{form}{count}{repeated}.db").unlink()
    return peak / (1024 if sys.platform != "darwin" else 1 << 20)


@pytest.mark.long
@pytest.mark.timeout(7200)
@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not tell the most memory of a process this way")
@pytest.mark.parametrize("form", FORMS)
def test_a_million_reports_need_little_more_memory_than_a_tenth_of_them(tmp_path: Path, form: str) -> None:
    assert peak_mb(tmp_path, form, 1_000_000) - peak_mb(tmp_path, form, 100_000) <= 60


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not tell the most memory of a process this way")
def test_a_file_in_which_every_id_repeats_needs_little_more_memory(tmp_path: Path) -> None:
    assert peak_mb(tmp_path, "csv", 400_000, repeated=True) - peak_mb(tmp_path, "csv", 40_000, repeated=True) <= 60


def test_every_id_may_repeat(tmp_path: Path, city: City) -> None:
    result = load_file(write_many("csv", tmp_path / "r.csv", 2_000, repeated=True), city)
    assert (result.loaded, result.repeated_count, result.remarked_count) == (1_000, 1_000, 1_000)
    assert city.report("R-00000001").description == "newer"


def test_reports_of_sigap_itself_repeat_too(tmp_path: Path, city: City) -> None:
    load_file(write_many("csv", tmp_path / "r.csv", 1), city)
    report = json.loads(
        sqlite3.connect(str(city.database.url.database)).execute("SELECT body FROM reports").fetchone()[0]
    )
    path = tmp_path / "own.ndjson"
    newer = report | {"description": "newer", "updated": "2030-01-01T00:00:00Z"}
    lines = [{"kind": "report", "seq": n, "data": each} for n, each in enumerate((newer, report))]
    path.write_text("\n".join(map(json.dumps, lines)))
    result = load_file(path, city)
    assert (result.loaded, result.repeated_count) == (1, 1)
    assert city.report(report["id"]).description == "newer"


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


def count(database: Path, table: str) -> int:
    if not database.exists():
        return 0
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    try:
        return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])
    except sqlite3.OperationalError:
        return 0
    finally:
        connection.close()


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl+C reaches a single process only on a terminal of its own")
def test_ctrl_c_in_the_middle_keeps_what_is_loaded_and_nothing_is_doubled_later(tmp_path: Path) -> None:
    total = 20_000
    path, database = write_many("csv", tmp_path / "r.csv", total), tmp_path / "city.db"
    # A test run in the background ignores Ctrl+C, and its children would too.
    start = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "from console.cli import main; sys.exit(main())"
    )
    arguments = ["serve", "--database", f"sqlite:///{database}", "--port", "0", "--load", str(path)]
    with subprocess.Popen([sys.executable, "-c", start, *arguments], stderr=subprocess.PIPE, text=True) as process:
        until(lambda: count(database, "reports") > 0 or process.poll() is not None)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 0, said
    assert "Stopped while r.csv was being loaded" in said
    kept = count(database, "reports")
    assert 0 < kept < total

    city = City(f"sqlite:///{database}")
    city.create_schema()
    told: list[str] = []
    try:
        assert load_and_tell(path, city, told.append).loaded == total
        assert city.stats().reports == total
    finally:
        city.close()
    assert count(database, "entries") == 2 * total  # arrived and closed, once each


@pytest.fixture
def by_hand() -> Iterator[None]:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a run in the background ignores it
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("by_hand")
def test_ctrl_c_in_a_commit_lets_it_end(tmp_path: Path, city: City) -> None:
    pressed: list[int] = []

    def press(connection: sa.Connection) -> None:
        if not pressed and connection.exec_driver_sql("SELECT count(*) FROM reports").scalar_one():
            pressed.append(1)
            signal.raise_signal(signal.SIGINT)

    sa.event.listen(city.database.engine, "commit", press)
    with pytest.raises(Stopped, match="nothing is doubled"):
        load_and_tell(write_many("csv", tmp_path / "r.csv", 1_200), city, lambda _: None)
    assert 0 < city.stats().reports < 1_200


def test_it_is_told_how_fast_a_file_loads(tmp_path: Path, city: City) -> None:
    told: list[str] = []
    seconds = iter(range(0, 10_000, 3))
    load_and_tell(write_many("csv", tmp_path / "r.csv", 1_200), city, told.append, clock=lambda: float(next(seconds)))
    text = "\n".join(told)
    assert "r.csv: being looked through" in told[0]
    assert "r.csv: 500 reports in" in text
    assert "a second) …" in text
    assert "1,200 reports loaded" in text
    assert told[-1].strip().startswith("1,200 reports in")
