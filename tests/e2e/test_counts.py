"""Queue, map and charts of the real program show exactly what was counted independently from the file."""

from __future__ import annotations

import csv
import json
from collections import Counter
from pathlib import Path

import pytest

from tests.helpers.city import run_sigap, served
from tests.helpers.cityfiles import write_city


def shown_state(address: str, tmp_path: Path) -> dict[str, object]:
    """Connect a fresh profile, run the real window as a process, and read what its panels show."""
    home = tmp_path / "home"
    connected = run_sigap("connect", address, "--name", "City", home=home)
    assert connected.returncode == 0, connected.stderr
    state, picture = tmp_path / "state.json", tmp_path / "picture.png"
    arguments = ("run", "--screenshot", str(picture), "--state", str(state), "--size", "1920x1080", "--unsandboxed")
    ran = run_sigap(*arguments, home=home)
    assert ran.returncode == 0, ran.stderr
    assert picture.stat().st_size > 50_000
    return dict(json.loads(state.read_text()))


def check(state: dict[str, object], open_reports: int, placeless: int, by_service: Counter[str | None]) -> None:
    assert state["queue_rows"] == open_reports
    corner = state["map"]
    assert isinstance(corner, dict)
    assert corner["placeless"] == placeless
    assert corner["symbols"] + corner["in_cells"] + corner["outside"] + corner["placeless"] == open_reports
    bars = state["categories"]
    assert isinstance(bars, list)
    named = Counter({(name or "No category").replace("-", " ").casefold(): count for name, count in by_service.items()})
    top = {label: count for label, count in bars if label != "Others"}
    assert sum(count for _, count in bars) == open_reports
    for label, count in top.items():
        assert named[label.replace("-", " ").casefold()] == count, label


@pytest.mark.parametrize("form", ["csv", "geojson", "georeport"])
def test_own_city_files_with_broken_lines(form: str, tmp_path: Path) -> None:
    files = write_city(tmp_path, 400)
    truth = files.truth[form]
    assert len(truth.kinds) >= 40
    path = {"csv": files.csv, "geojson": files.geojson, "georeport": files.georeport}[form]
    with served(tmp_path / "server", "--areas", str(files.areas), "--load", str(path)) as server:
        stats = server.get("/dispatch/v1/stats")
        assert stats["reports"] == truth.loaded
        assert stats["without_place"] == truth.placeless
        assert stats["without_area"] == truth.without_area
        state = shown_state(server.address, tmp_path)
        check(state, truth.open, truth.open_placeless, Counter(truth.open_by_service))


@pytest.mark.parametrize("name", ["myla311_2018.csv", "boston311_2014.csv"])
def test_real_files(name: str, city_data: Path, tmp_path: Path) -> None:
    file = city_data / "reports" / name
    with file.open(encoding="utf-8-sig", newline="") as lines:
        rows = list(csv.DictReader(lines))
    if name.startswith("myla"):
        newest = {row["SRNumber"]: row for row in rows}
        closed = {"closed", "cancelled", "canceled"}
        is_open = [row for row in newest.values() if row["Status"].strip().lower() not in closed]
        services = Counter(row["RequestType"] for row in is_open)
        placeless = sum(not row["Latitude"] for row in is_open)
    else:
        newest = {row["case_enquiry_id"]: row for row in rows}
        is_open = [row for row in newest.values() if row["case_status"].strip().lower() == "open"]
        services = Counter(row["type"] for row in is_open)
        placeless = sum(not row["latitude"] for row in is_open)
    zone = "America/Los_Angeles" if name.startswith("myla") else "America/New_York"
    with served(tmp_path / "server", "--load", str(file), "--timezone", zone) as server:
        assert server.get("/dispatch/v1/stats")["reports"] == len(newest)
        check(shown_state(server.address, tmp_path), len(is_open), placeless, services)
