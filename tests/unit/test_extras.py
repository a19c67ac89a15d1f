"""The base has neither Qt nor a server: what needs one of them says which part of Sigap is missing."""

from __future__ import annotations

import importlib.metadata
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from console.commands.doctor import examine
from console.error_text import LOCAL
from console.extras import _EXTRAS

ROOT = Path(__file__).resolve().parents[2]
WITHOUT = """
import sys

MISSING = {missing!r}

class NotInstalled:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in MISSING:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, NotInstalled())
from console.cli import main
sys.exit(main({arguments!r}))
"""


def sigap_without(extra: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A command of the program where the packages of an extra are not installed."""
    text = WITHOUT.format(missing=set(_EXTRAS[extra]), arguments=list(arguments))
    return subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize(
    ("extra", "arguments"),
    [
        ("desktop", ("run", "--profile", "none")),
        ("desktop", ("demo",)),
        ("server", ("serve", "--port", "0")),
        ("server", ("user", "list")),
        ("map", ("map", "build", "city.osm.pbf")),
        ("map", ("map-process", "profile")),
    ],
)
def test_a_command_whose_part_is_missing_names_it(extra: str, arguments: tuple[str, ...]) -> None:
    done = sigap_without(extra, *arguments)
    assert done.returncode == LOCAL, done.stderr
    assert f"This needs the part “{extra}” of Sigap" in done.stderr
    assert f"pip install 'sigap[{extra}]'" in done.stderr


def test_what_follows_a_profile_without_a_window_needs_neither(
    tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIGAP_HOME", str(tmp_path))
    for extra in _EXTRAS:
        done = sigap_without(extra, "sync", "--profile", "none", "--once")
        assert "There is no profile" in done.stderr, done.stderr


def test_a_window_is_imported_where_there_is_no_server() -> None:
    text = WITHOUT.format(missing=set(_EXTRAS["server"]) - {"PIL"}, arguments=[]).partition("from console.cli")[0]
    subprocess.run([sys.executable, "-c", text + "import console.window.app, console.sync.process"], check=True)


WHOLE_SERVER = """
from pathlib import Path
import console.server.city.photo_process, console.server.demo, console.server.http.metrics
from console.cli import main
Path("r.csv").write_text("id,status,description\\n1,new,A hole\\n")
for line in (
    "city init ex", "city apply ex --yes", "city export out", "user add ani --role admin", "user list", "client add x",
    "backup --out b.sigap", "restore --database sqlite:///new.db b.sigap", "restore --only-epoch", "audit log",
    "audit verify", "serve --load r.csv --check",
):
    assert main(line.split()) == 0, line
assert not {name for name in sys.modules if name.partition(".")[0] in MISSING}
"""


def test_what_serves_a_city_needs_no_window(tmp_path: Path) -> None:
    missing = set(_EXTRAS["desktop"]) - {"PIL", "pmtiles"}
    text = WITHOUT.format(missing=missing, arguments=[]).partition("from console.cli")[0]
    done = subprocess.run(
        [sys.executable, "-c", text + WHOLE_SERVER],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=tmp_path,
        env=os.environ | {"SIGAP_HOME": str(tmp_path), "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr


def test_the_doctor_of_a_server_asks_for_no_screen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    there = importlib.metadata.version

    def version(name: str) -> str:
        if name in ("PySide6-Essentials", "pyqtgraph"):
            raise importlib.metadata.PackageNotFoundError(name)
        return there(name)

    monkeypatch.setattr(importlib.metadata, "version", version)
    monkeypatch.setenv("SIGAP_HOME", str(tmp_path))
    findings = {each.what: each for each in examine()}
    assert findings.keys().isdisjoint({"Screen", "Drawing", "Sound", "Keyring", "pyqtgraph"})
    assert (findings["Window"].found, findings["Window"].ok) == ("not installed", True)
    assert "uvicorn" in findings


def test_the_lock_of_a_server_alone_holds_what_that_of_the_whole_program_does() -> None:
    whole, server = (
        set(re.findall(r"^(\S+==\S+)", (ROOT / "requirements" / name).read_text(), re.MULTILINE))
        for name in ("run.txt", "server.txt")
    )
    assert server < whole
    assert not [one for one in server if re.match("pyside|shiboken|pyqtgraph|osmium", one)]
    assert {one.partition("==")[0] for one in server} >= {"starlette", "uvicorn", "psycopg-binary", "pillow"}


def test_a_window_and_the_map_that_it_has_need_nothing_of_what_builds_one() -> None:
    text = WITHOUT.format(missing=set(_EXTRAS["map"]), arguments=[]).partition("from console.cli")[0]
    subprocess.run([sys.executable, "-c", text + "import console.window.app, console.commands.doctor"], check=True)


def test_every_package_of_an_extra_is_known_by_the_name_under_which_it_is_imported() -> None:
    """A dependency that is added to an extra must be added there too."""
    imported = importlib.metadata.packages_distributions()
    declared: dict[str, set[str]] = {}
    for line in importlib.metadata.requires("sigap") or ():
        found = re.match(r"([A-Za-z0-9._-]+).*extra == ['\"](\w+)['\"]", line)
        if found:
            declared.setdefault(found.group(2), set()).add(found.group(1).lower().replace("_", "-"))
    assert declared.keys() == _EXTRAS.keys()
    for extra, packages in declared.items():
        for package in packages - {"pillow", "pmtiles"}:
            names = {name for name, of in imported.items() if package in {one.lower().replace("_", "-") for one in of}}
            names |= {"PySide6"} if package.startswith("pyside6") else set()
            assert names & set(_EXTRAS[extra]), (extra, package, names)
