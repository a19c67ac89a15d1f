"""`sigap bench` measures from a checkout only: what measures is not shipped."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def test_bench_says_where_it_runs_when_it_is_not_a_checkout(tmp_path: Path) -> None:
    for package in ("console", "api_client", "widgets", "resources"):
        shutil.copytree(
            ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__", "vendor", "node_modules")
        )
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    ran = subprocess.run(
        [sys.executable, "-m", "console", "bench"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 2
    assert ran.stderr == "sigap: bench runs from a checkout of Sigap's sources; what measures is not installed.\n"


def test_what_measures_is_not_among_what_is_packed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    packed = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert "console" in packed
    assert not [package for package in packed if package.startswith("tools")]
