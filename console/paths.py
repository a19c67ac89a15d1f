"""Where the console keeps its files: one folder a profile, private to its user."""

from __future__ import annotations

import os
import re
from pathlib import Path

import platformdirs


class BadProfileName(ValueError):
    """A profile name that is not a plain word."""


class NoSuchProfile(LookupError):
    """There is no profile of that name; the message says which there are."""


def home() -> Path:
    """The folder of all profiles; `SIGAP_HOME` puts it elsewhere."""
    given = os.environ.get("SIGAP_HOME")
    return Path(given) if given else Path(platformdirs.user_data_dir("sigap", appauthor=False))


def profile_folder(name: str) -> Path:
    """The folder of one profile, made when missing (mode 0700).

    Raises BadProfileName, OSError.
    """
    folder = folder_of(name)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def existing_profile(name: str) -> Path:
    """The folder of a profile that was made before.

    Raises BadProfileName, NoSuchProfile.
    """
    folder = folder_of(name)
    if folder.is_dir():
        return folder
    others = sorted(path.name for path in folder.parent.glob("*") if path.is_dir())
    known = f"these exist: {', '.join(others)}" if others else "none exists yet"
    raise NoSuchProfile(f"There is no profile “{name}”; {known}. To make one: sigap connect URL --profile NAME.")


def folder_of(name: str) -> Path:
    """Where a profile is, or would be. Raises BadProfileName."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", name):
        raise BadProfileName(f"“{name}” is not a profile name: use letters, digits, dot, dash.")
    return home() / "profiles" / name


def demo_folder() -> Path:
    """Where the demo city's map and the photos of its past are kept.

    It is no profile, so no city is ever shown with invented streets.
    """
    return home() / "demo"


def log_file(profile: Path) -> Path:
    """The log of one profile."""
    return profile / "sigap.log"


def window_lock(profile: Path) -> Path:
    """The lock that a window holds while it has the profile open."""
    return profile / "window.lock"
