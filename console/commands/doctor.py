"""`sigap doctor`: what this computer has and lacks for Sigap, in plain lines or JSON."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import keyring
import msgspec

from console.city_map.manifest import UnreadableMap, faults, read_manifest
from console.city_map.map_folder import current_map
from console.files.unsafe_folders import cloud_folder, network_kind
from console.paths import home
from console.sound.messages import SoundAvailability
from console.sound.probe import find_output

_BASE = ("numpy", "requests", "urllib3", "msgspec")
_PARTS = {
    "desktop": ("Window", ("PySide6-Essentials", "pyqtgraph")),
    "server": ("Server", ("starlette", "uvicorn", "sqlalchemy")),
}
"""By extra: what it is for, and packages that it brings."""
_ASK_OPENGL = """
from PySide6.QtGui import QGuiApplication
from widgets.map.scene_graph import renderer
application = QGuiApplication([])
print(renderer())
"""
_WAL_BUG = ((3, 7, 0), (3, 51, 2))


class Finding(msgspec.Struct, frozen=True):
    """One line: what was looked at, what was found, whether it is all right, and what to do otherwise."""

    what: str
    found: str
    ok: bool
    advice: str = ""


def run_doctor(*, as_json: bool) -> int:
    """Print all findings; 0 when all is well, 4 otherwise."""
    findings = examine()
    if as_json:
        sys.stdout.write(msgspec.json.encode(findings).decode() + "\n")
    else:
        for finding in findings:
            mark = "ok " if finding.ok else "NO "
            advice = f"  ({finding.advice})" if finding.advice else ""
            sys.stdout.write(f"{mark} {finding.what}: {finding.found}{advice}\n")
    return 0 if all(finding.ok for finding in findings) else 4


def examine() -> list[Finding]:
    """Everything that can be asked without opening a window."""
    own = [_python(), _sqlite(), *_packages(), _map_files()]
    if _is_there("desktop"):
        own += [_screen(), _drawing(), _sandbox(), _sound(), _keyring()]
    return [*own, _folder(), *_city_maps()]


def _is_there(extra: str) -> bool:
    """Whether this part of Sigap was asked for: a server's machine has no window, and many a desk no server."""
    try:
        importlib.metadata.version(_PARTS[extra][1][0])
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def _python() -> Finding:
    version = platform.python_version()
    good = (3, 11) <= sys.version_info[:2] <= (3, 13)
    return Finding("Python", version, good, "" if good else "use 3.11, 3.12 or 3.13")


def _sqlite() -> Finding:
    version = sqlite3.sqlite_version_info
    affected = _WAL_BUG[0] <= version <= _WAL_BUG[1]
    note = (
        "has the WAL-reset fault; Sigap keeps to one connection that writes and checkpoints a file" if affected else ""
    )
    return Finding("SQLite", sqlite3.sqlite_version, True, note)


def _packages() -> list[Finding]:
    findings = []
    wanted = [extra for extra in _PARTS if _is_there(extra)]
    for name in (*_BASE, *(name for extra in wanted or _PARTS for name in _PARTS[extra][1])):
        try:
            findings.append(Finding(name, importlib.metadata.version(name), True))
        except importlib.metadata.PackageNotFoundError:
            findings.append(Finding(name, "missing", False, "run make setup"))
    left_out = [extra for extra in _PARTS if wanted and extra not in wanted]
    return findings + [
        Finding(_PARTS[extra][0], "not installed", True, f"pip install 'sigap[{extra}]' brings it")
        for extra in left_out
    ]


def _map_files() -> Finding:
    import resources

    leaflet = Path(resources.__file__).parent / "web" / "vendor" / "leaflet" / "leaflet.js"
    there = leaflet.is_file()
    return Finding("Map libraries", "there" if there else "missing", there, "" if there else "run make setup")


def _screen() -> Finding:
    if sys.platform in ("win32", "darwin"):
        return Finding("Screen", "the system's", True)
    screen = os.environ.get("WAYLAND_DISPLAY") or os.environ.get("DISPLAY")
    if screen:
        return Finding("Screen", screen, True)
    xvfb = shutil.which("Xvfb")
    return Finding(
        "Screen",
        "none, Xvfb is there" if xvfb else "none",
        bool(xvfb),
        "" if xvfb else "install xvfb, or use --screenshot",
    )


def _drawing() -> Finding:
    """Who draws the window (see `widgets.map.scene_graph`)."""
    from widgets.map.scene_graph import BACKEND, emulated_opengl, is_emulated

    what = "Drawing"
    if BACKEND in os.environ:
        return Finding(what, f"{os.environ[BACKEND] or 'as Qt chooses'} ({BACKEND} is set)", True)
    why = emulated_opengl(os.environ)
    if why:
        return Finding(what, f"by software, without OpenGL ({why})", True)
    if not (os.environ.get("WAYLAND_DISPLAY") or os.environ.get("DISPLAY")):
        return Finding(what, "the system's", True)
    try:  # by another program: Qt ends one that cannot open its screen
        asked = subprocess.run(
            [sys.executable, "-c", _ASK_OPENGL], capture_output=True, text=True, timeout=20, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return Finding(what, "OpenGL cannot be asked here", True)
    name = asked.stdout.strip()
    if not name or is_emulated(name):
        return Finding(what, f"by software, without OpenGL ({name or 'there is none'})", True)
    return Finding(what, f"by the graphics card ({name})", True)


def _sandbox() -> Finding:
    if sys.platform != "linux":
        return Finding("Web engine's sandbox", "the system's", True)
    from widgets.map.sandbox import sandbox_possible

    if sandbox_possible():
        return Finding("Web engine's sandbox", "possible", True)
    return Finding(
        "Web engine's sandbox", "not possible here", True, "run needs --unsandboxed; start as an ordinary user"
    )


def _sound() -> Finding:
    state = find_output()
    if state.availability is SoundAvailability.READY:
        return Finding("Sound", state.detail, True)
    if state.availability is SoundAvailability.NO_OUTPUT:
        return Finding("Sound", "no output", True, "alarms are not heard: connect loudspeakers, or choose an output")
    return Finding("Sound", state.detail, True, "alarms are not heard: look at the computer's sound")


def _keyring() -> Finding:
    name = type(keyring.get_keyring()).__module__
    good = "fail" not in name and "null" not in name
    return Finding("Keyring", name if good else "none", True, "" if good else "tokens are kept in memory only")


def _folder() -> Finding:
    folder = home()
    parent = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(parent).free
    good = os.access(parent, os.W_OK) and free > 500_000_000
    network, cloud = network_kind(folder), cloud_folder(folder)
    if network or cloud:
        where = f"on a network drive ({network})" if network else f"kept in step with a cloud ({cloud})"
        return Finding("Data folder", f"{folder}, {where}", False, "set SIGAP_HOME to a local folder")
    return Finding(
        "Data folder",
        f"{folder}, {free / 1e9:.0f} GB free",
        good,
        "" if good else "needs 500 MB and the right to write",
    )


def _city_maps() -> list[Finding]:
    """The city map of every profile that has one; all its files are read."""
    findings = []
    for profile in sorted(home().glob("profiles/*")):
        folder = current_map(profile)
        if folder is None:
            continue
        what = f"City map of {profile.name}"
        try:
            manifest = read_manifest(folder)
        except UnreadableMap as error:
            findings.append(Finding(what, str(error), False, "sigap map build"))
            continue
        wrong = faults(folder, manifest)
        found = f"{manifest.source}, built {manifest.built[:10]}, {manifest.bytes / 1e6:.0f} MB"
        findings.append(Finding(what, wrong[0] if wrong else found, not wrong, "build it again" if wrong else ""))
    return findings
