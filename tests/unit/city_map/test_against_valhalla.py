"""Times by street in a real city, beside those of Valhalla, which is asked through the programs of its own wheel.

The wheel is brought into a folder of its own, and nothing of it is installed or imported but its settings: no Python of
a version of its own is needed.
"""

from __future__ import annotations

import json
import platform
import random
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from console.city_map.build_process import MapBuilder
from console.city_map.manifest import STREETS
from console.city_map.messages import LatLon
from console.city_map.router import Router

WHEEL = "pyvalhalla==3.9.1 --hash=sha256:7b49c5e5f86cefd555b473aaaf34df3305889d30aa889b8abd3b4c2acc622271\n"
PAIRS, NEAREST_M, OFF_M = 200, 700.0, 60.0
MOST_OFF = 0.08
SETTINGS = """
import json, sys, types
package = types.ModuleType("valhalla")
package.__path__ = [sys.argv[1] + "/valhalla"]
sys.modules["valhalla"] = package
from valhalla.config import get_config
settings = get_config(tile_extract="", tile_dir=sys.argv[2])
settings["mjolnir"]["concurrency"] = 1
print(json.dumps(settings))
"""


@pytest.fixture(scope="module")
def valhalla(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the programs of the wheel."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        pytest.skip("Valhalla is brought for Linux on x86-64 only")
    folder = tmp_path_factory.mktemp("valhalla")
    (folder / "wanted.txt").write_text(WHEEL)
    bring = (sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary", ":all:", "--require-hashes")
    which = ("--python-version", "3.12", "--platform", "manylinux_2_28_x86_64", "-d", str(folder), "-r", "wanted.txt")
    done = subprocess.run([*bring, *which], cwd=folder, capture_output=True, text=True, timeout=600, check=False)
    wheel = next(folder.glob("*.whl"), None)
    if wheel is None:
        pytest.skip(f"Valhalla cannot be had here: {done.stderr[-300:]}")
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(folder)
    for program in (folder / "valhalla" / "bin").iterdir():
        program.chmod(0o755)
    return folder


def run(program: Path, *arguments: str) -> str:
    done = subprocess.run([program, *arguments], capture_output=True, text=True, timeout=600, check=True)
    return done.stdout


def places_of(router: Router) -> list[tuple[LatLon, LatLon]]:
    """Pairs of places on streets, anywhere in the city but its edges, where ways lead out of the file."""
    rnd, pairs = random.Random(11), list[tuple[LatLon, LatLon]]()
    (west, south), (east, north) = np.percentile(router._streets.node / 1e7, (5, 95), axis=0)
    while len(pairs) < PAIRS:
        spots = [router.nearest((rnd.uniform(south, north), rnd.uniform(west, east))) for _ in range(2)]
        (a, b) = [(one.lat, one.lon) if one is not None and one.distance_m < OFF_M else None for one in spots]
        if a is not None and b is not None and np.hypot(a[0] - b[0], a[1] - b[1]) * 111_320 > NEAREST_M:
            pairs.append((a, b))
    return pairs


@pytest.mark.long
def test_times_between_two_hundred_pairs_in_porto_are_those_of_valhalla_but_for_one_factor(
    city_data: Path, tmp_path: Path, valhalla: Path
) -> None:
    source = city_data / "osm" / "porto.osm.pbf"
    if not source.is_file():
        pytest.skip("no extract of Porto here")
    built = MapBuilder(tmp_path).build(source, None, lambda *_: None, window_open=lambda: False)
    router = Router(built.folder / STREETS)
    (tmp_path / "tiles").mkdir()
    settings = tmp_path / "valhalla.json"
    told = [sys.executable, "-c", SETTINGS, str(valhalla), str(tmp_path / "tiles")]
    settings.write_text(subprocess.run(told, capture_output=True, text=True, check=True).stdout)
    run(valhalla / "valhalla" / "bin" / "valhalla_build_tiles", "-c", str(settings), str(source))
    own, theirs = [], []
    for start, end in places_of(router):
        leg = router.route(start, end)
        asked = {"locations": [_spot(start), _spot(end)], "costing": "auto", "directions_type": "none"}
        answer = run(valhalla / "valhalla" / "bin" / "valhalla_service", str(settings), "route", json.dumps(asked))
        assert leg is not None
        own.append(leg.travel.seconds)
        theirs.append(float(json.loads(answer[answer.index("{") :])["trip"]["summary"]["time"]))
    ratio = np.array(own) / np.array(theirs)
    off = np.abs(ratio / np.median(ratio) - 1)
    assert np.median(off) <= MOST_OFF, f"{np.median(off):.3f}, 90 of 100 within {np.percentile(off, 90):.3f}"


def _spot(place: LatLon) -> dict[str, Any]:
    return {"lat": place[0], "lon": place[1]}
