"""`sigap map` as it is typed: what it prints, how it ends, what it leaves."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from api_client.model import Entry
from console.cache.page_items import Cursor, PageItem
from console.cache.writer import CacheWriter
from console.city_map.map_folder import MapFolder, current_map, maps_of
from console.city_map.speeds import read_speeds
from console.commands.doctor import examine
from console.files.lock import FileLock
from console.paths import folder_of, window_lock
from console.rules.messages import Source
from console.settings import Settings, save_settings
from tests.helpers.osm_town import grid_town, place
from tests.unit.cache.making import T0, report

HEARS_CTRL_C = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from console.cli import main
sys.exit(main(sys.argv[1:]))
"""
"""The program, also where the tests run behind a shell's &, which has them ignore Ctrl+C."""


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A town's file; the profiles lie beside it."""
    monkeypatch.setenv("SIGAP_HOME", str(tmp_path / "home"))
    return grid_town().write(tmp_path / "town.osm.pbf")


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "console", "map", *arguments]


def sigap_map(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(*arguments), capture_output=True, text=True, timeout=120, check=False)


def test_a_map_is_built_looked_at_and_removed(source: Path) -> None:
    built = sigap_map("build", str(source), "--profile", "kota", "--json")
    assert built.returncode == 0, built.stderr
    answer = json.loads(built.stdout)
    folder = current_map(folder_of("kota"))
    assert folder is not None
    assert answer == {
        "profile": "kota",
        "map": folder.name,
        "roads": 40,
        "nodes": 25,
        "places": 23,
        "bytes": sum(
            path.stat().st_size for path in folder.rglob("*") if path.name != "manifest.json" and path.is_file()
        ),
        "duration_s": answer["duration_s"],
        "left_out": {},
    }
    assert " 72 % streets: what leads where" in built.stderr.splitlines()

    status = sigap_map("status", "--profile", "kota")
    assert status.returncode == 0
    assert "town.osm.pbf, data of 2026-11-01" in status.stdout
    assert "40 roads, 23 places, 9 house numbers" in status.stdout
    assert "Demo city: streets invented" in status.stdout
    assert {one.what: one.ok for one in examine()}["City map of kota"]

    (folder / "places.db").write_bytes(b"damaged")
    status = sigap_map("status", "--profile", "kota", "--json")
    assert (status.returncode, json.loads(status.stdout)["faults"]) == (4, ["places.db has another size."])
    (finding,) = (one for one in examine() if one.what == "City map of kota")
    assert (finding.ok, finding.found) == (False, "places.db has another size.")
    (folder / "manifest.json").write_bytes(b"damaged")
    assert sigap_map("status", "--profile", "kota").returncode == 4
    (finding,) = (one for one in examine() if one.what == "City map of kota")
    assert (finding.ok, finding.advice) == (False, "sigap map build")

    removed = sigap_map("remove", "--profile", "kota")
    assert (removed.returncode, removed.stdout) == (0, "The city map is removed.\n")
    assert sigap_map("remove", "--profile", "kota").stdout == "There was no city map.\n"
    assert "There is no city map" in sigap_map("status", "--profile", "kota").stdout
    assert current_map(folder_of("kota")) is None


def test_a_part_is_chosen_by_its_frame(source: Path) -> None:
    south, west = place(-0.5, -0.5)
    north, east = place(1.5, 1.5)
    built = sigap_map("build", str(source), f"--box={west},{south},{east},{north}", "--json")
    assert built.returncode == 0, built.stderr
    assert 8 <= json.loads(built.stdout)["roads"] < 16


@pytest.mark.parametrize("box", ["1,2,3", "a,b,c,d", "3,0,1,1", "0,91,1,92", "nan,0,1,1", ""])
def test_a_frame_that_is_none_is_refused(source: Path, box: str) -> None:
    done = sigap_map("build", str(source), f"--box={box}")
    assert done.returncode == 2
    assert "--box=106.68,-6.38,106.98,-6.07" in done.stderr


def test_each_fault_has_its_exit_code_and_a_sentence(source: Path, tmp_path: Path) -> None:
    (tmp_path / "other.zip").write_bytes(b"PK\x03\x04")
    done = sigap_map("build", str(tmp_path / "other.zip"))
    assert (done.returncode, done.stderr.splitlines()[-1]) == (
        2, "sigap: other.zip is no file of OpenStreetMap data (.osm.pbf).",
    )  # fmt: skip
    cut = tmp_path / "cut.osm.pbf"
    cut.write_bytes(source.read_bytes()[:-5])
    done = sigap_map("build", str(cut))
    assert done.returncode == 4
    assert "cut.osm.pbf is cut off" in done.stderr
    done = sigap_map("build", str(tmp_path / "none.osm.pbf"))
    assert done.returncode == 4
    assert "No such file" in done.stderr
    assert sigap_map("status", "--profile", "nobody").returncode == 4


def test_an_open_window_is_told_to_take_it_at_its_next_start(source: Path) -> None:
    profile = folder_of("default")
    profile.mkdir(parents=True)
    window = FileLock(window_lock(profile))
    built = sigap_map("build", str(source))
    again = sigap_map("build", str(source))
    removed = sigap_map("remove")
    window.release()
    assert "takes this one when it starts" in built.stderr
    assert again.returncode == 0
    assert "shows it until it ends" in removed.stderr


def test_two_builds_at_once_are_refused(source: Path) -> None:
    profile = folder_of("default")
    maps = MapFolder(profile)
    done = sigap_map("build", str(source))
    maps.release()
    assert done.returncode == 4
    assert "Another Sigap already uses" in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="signals of a terminal")
@pytest.mark.parametrize("how", ["input", "interrupt", "kill"])
def test_a_build_that_is_ended_leaves_nothing_in_use(source: Path, how: str) -> None:
    """By the program that started it, by Ctrl+C, and by a kill, after which the child ends by itself."""
    started = subprocess.Popen(
        [sys.executable, "-c", HEARS_CTRL_C, "map", "build", str(source), "--end-with-input"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert started.stdin is not None
    assert started.stderr is not None
    assert "looking at town.osm.pbf" in started.stderr.readline()
    if how == "input":
        started.stdin.close()
    elif how == "interrupt":
        os.killpg(started.pid, signal.SIGINT)
    else:
        started.kill()
    started.stderr.read()  # to its end: the child has it too
    code = started.wait(60)
    started.stdin.close()
    for pipe in (started.stdout, started.stderr):
        assert pipe is not None
        pipe.close()
    assert code == {"input": 130, "interrupt": 130, "kill": -signal.SIGKILL}[how]
    assert current_map(folder_of("default")) is None
    if how != "kill":
        assert {path.name for path in maps_of(folder_of("default")).iterdir()} == {".lock"}
    assert sigap_map("build", str(source)).returncode == 0
    names = {path.name for path in maps_of(folder_of("default")).iterdir()}
    assert not [name for name in names if name.startswith(".new-")]


def test_a_table_of_speeds_is_checked_used_printed_and_removed(source: Path, tmp_path: Path) -> None:
    table = tmp_path / "kota.csv"
    table.write_text("class,days,hours,kmh\nprimary,,,quick\navenue,,,20\n")
    for arguments in (("speeds", str(table)), ("build", str(source), "--speeds", str(table))):
        folder_of("default").mkdir(parents=True, exist_ok=True)
        done = sigap_map(*arguments)
        assert done.returncode == 2
        assert [line.partition(": ")[2][:16] for line in done.stderr.splitlines()] == [
            "kota.csv, line 2",
            "kota.csv, line 3",
        ]
    assert current_map(folder_of("default")) is None, "refused before the build"
    assert sigap_map("speeds", str(tmp_path / "none.csv")).returncode == 2
    assert sigap_map("speeds").returncode == 2, "none is in use"

    table.write_text("class,days,hours,kmh\nprimary,weekdays,7-9,14\n")
    built = sigap_map("build", str(source), "--speeds", str(table))
    assert built.returncode == 0, built.stderr
    kept = maps_of(folder_of("default")) / "speeds.csv"
    assert kept.read_bytes() == table.read_bytes()
    assert "Table of speeds by class of road and hour, lines: 1" in sigap_map("status").stdout

    table.write_text("class,days,hours,kmh\nprimary,weekdays,7-9,14\nlocal,,,20\n")
    used = sigap_map("speeds", str(table))
    assert (used.returncode, used.stdout) == (0, "The city's speeds are in use, lines: 2.\n")
    assert sigap_map("speeds").stdout == table.read_text()
    assert sigap_map("build", str(source)).returncode == 0
    assert json.loads(sigap_map("status", "--json").stdout)["speeds"] == 2, "a new map keeps them"

    kept.write_text("damaged")
    status = sigap_map("status")
    assert status.returncode == 4
    assert "speeds.csv, line 1: the first line has to name the columns" in status.stdout
    assert sigap_map("speeds", "--remove").stdout == "Speeds are those without traffic again.\n"
    assert sigap_map("speeds", "--remove").stdout == "There was no table of speeds.\n"
    assert not kept.exists()
    sigap_map("speeds", str(table))
    assert sigap_map("remove").returncode == 0
    assert not kept.exists(), "they go with the map"


def put_drives(count: int, minutes: float) -> None:
    """A profile whose crews went from one report of the town to another and back, all day, in so many minutes each."""
    folder = folder_of("default")
    folder.mkdir(parents=True, exist_ok=True)
    save_settings(
        folder, Settings(sources=[Source("city", "City", "http://127.0.0.1:9", "dispatch", timezone="Asia/Jakarta")])
    )
    places = {"near": place(0, 0.1), "far": place(4, 3.9)}
    page = [PageItem("report", 1, one, report(one, lat=spot[0], lon=spot[1])) for one, spot in places.items()]
    at = T0
    for number in range(count + 1):
        goal, unit = ("near", "far")[number % 2], f"u{number // 40}"
        for state, more in (("en_route", minutes), ("on_scene", 10), ("done", 5)):
            key = f"{number}-{state}"
            data = {"unit": unit, "state": state}
            page.append(PageItem("entry", len(page), key, Entry(key, goal, "progress", at, unit, data=data)))
            at += timedelta(minutes=more)
    with contextlib.closing(CacheWriter(folder)) as writer:
        writer.apply("city", page, Cursor("e1", len(page), 1, T0))


def test_speeds_are_fitted_to_the_crews_times_shown_first_and_then_used(source: Path) -> None:
    assert sigap_map("build", str(source)).returncode == 0
    put_drives(100, 6.0)
    kept = maps_of(folder_of("default")) / "speeds.csv"
    shown = sigap_map("speeds", "--fit")
    assert shown.returncode == 0, shown.stderr
    assert "Drives from one report to the next that count: 98" in shown.stdout
    assert "  left out, 3: nobody knows where the crew came from" in shown.stdout
    assert "Nothing is changed. To use these: add --apply." in shown.stdout
    assert not kept.exists()
    used = sigap_map("speeds", "--fit", "--apply")
    assert used.returncode == 0, used.stderr
    assert used.stdout.endswith("These speeds are in use.\n")
    table, content = read_speeds(kept)
    assert table.drives == 98
    assert content.startswith(b"# fitted from 98 drives, 2026-03-01 to 2026-03-")
    assert content.decode() in shown.stdout
    assert min(table.at(30).values()) < 17, "6 minutes for 1.7 km is slow"
    assert sigap_map("speeds", "--apply").returncode == 2, "there is nothing to apply"


def test_of_too_few_drives_or_without_a_map_no_speeds_are_fitted(source: Path) -> None:
    put_drives(12, 6.0)
    without = sigap_map("speeds", "--fit", "--apply")
    assert (without.returncode, "there is none: sigap map build" in without.stderr) == (4, True)
    assert sigap_map("build", str(source)).returncode == 0
    few = sigap_map("speeds", "--fit", "--apply")
    assert (few.returncode, "30 drives of the crews at least are needed" in few.stderr) == (4, True)
    assert not (maps_of(folder_of("default")) / "speeds.csv").exists()
