"""Say which shared libraries of the operating system PySide6 lacks, and bring them where that is allowed.

Standard library only, imports no Qt: a missing library can't stop it. Reads what the installed wheels want with ldd.
Exit codes: 0 all there (or not Linux), 3 something is missing and was not installed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

WANTED = (
    "QtWidgets.abi3.so",
    "QtNetwork.abi3.so",
    "QtWebEngineWidgets.abi3.so",
    "Qt/libexec/QtWebEngineProcess",
    "Qt/plugins/platforms/libqoffscreen.so",
    "Qt/plugins/platforms/libqxcb.so",
    "Qt/plugins/platforms/libqwayland.so",
    "Qt/plugins/xcbglintegrations/libqxcb-egl-integration.so",
    "Qt/plugins/xcbglintegrations/libqxcb-glx-integration.so",
)
PACKAGES = {  # soname up to ".so" -> Debian and Ubuntu package
    "libEGL": "libegl1",
    "libGL": "libgl1",
    "libX11": "libx11-6",
    "libX11-xcb": "libx11-xcb1",
    "libXcomposite": "libxcomposite1",
    "libXdamage": "libxdamage1",
    "libXext": "libxext6",
    "libXfixes": "libxfixes3",
    "libXrandr": "libxrandr2",
    "libXtst": "libxtst6",
    "libasound": "libasound2",
    "libbrotlicommon": "libbrotli1",
    "libbrotlidec": "libbrotli1",
    "libdbus-1": "libdbus-1-3",
    "libdrm": "libdrm2",
    "libfontconfig": "libfontconfig1",
    "libfreetype": "libfreetype6",
    "libgbm": "libgbm1",
    "libglib-2.0": "libglib2.0-0",
    "libgssapi_krb5": "libgssapi-krb5-2",
    "libgthread-2.0": "libglib2.0-0",
    "libnspr4": "libnspr4",
    "libnss3": "libnss3",
    "libnssutil3": "libnss3",
    "libsmime3": "libnss3",
    "libpulse": "libpulse0",
    "libwayland-client": "libwayland-client0",
    "libwayland-cursor": "libwayland-cursor0",
    "libxcb": "libxcb1",
    "libxcb-cursor": "libxcb-cursor0",
    "libxcb-dri3": "libxcb-dri3-0",
    "libxcb-glx": "libxcb-glx0",
    "libxcb-icccm": "libxcb-icccm4",
    "libxcb-image": "libxcb-image0",
    "libxcb-keysyms": "libxcb-keysyms1",
    "libxcb-randr": "libxcb-randr0",
    "libxcb-render": "libxcb-render0",
    "libxcb-render-util": "libxcb-render-util0",
    "libxcb-shape": "libxcb-shape0",
    "libxcb-shm": "libxcb-shm0",
    "libxcb-sync": "libxcb-sync1",
    "libxcb-util": "libxcb-util1",
    "libxcb-xfixes": "libxcb-xfixes0",
    "libxcb-xkb": "libxcb-xkb1",
    "libxkbcommon": "libxkbcommon0",
    "libxkbcommon-x11": "libxkbcommon-x11-0",
    "libxkbfile": "libxkbfile1",
}


def main(install: bool) -> int:
    """0 when all is there, 3 when something is missing and was not installed."""
    if sys.platform != "linux":
        return 0
    missing = missing_libraries()
    packages = sorted({PACKAGES[name] for name in missing if name in PACKAGES} | missing_fonts())
    if not missing and not packages:
        return 0
    if shutil.which("apt-get") is None:
        return refuse("Install them with your system's package manager.", missing)
    update, get = ["apt-get", "update", "-q"], ["apt-get", "install", "-y", "-q", "--no-install-recommends"]
    if not install or os.geteuid() != 0:
        command = " ".join([*get, *map(current_name, packages)])
        return refuse(f"Run this, then the same make again:\n  sudo sh -c '{' '.join(update)} && {command}'", missing)
    print("Installing system libraries that Qt needs:", *packages, flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(update, check=True, env=environment, stdin=subprocess.DEVNULL)
    subprocess.run([*get, *map(current_name, packages)], check=True, env=environment, stdin=subprocess.DEVNULL)
    left = missing_libraries()
    return refuse("They are still missing after the installation.", left) if left else 0


def missing_libraries() -> list[str]:
    """Names without '.so…', in order; empty when everything resolves."""
    spec = find_spec("PySide6")
    if spec is None or not spec.submodule_search_locations:
        sys.exit("PySide6 is not installed in " + sys.prefix)
    root = Path(spec.submodule_search_locations[0])
    files = [str(root / name) for name in WANTED if (root / name).exists()]
    listing = subprocess.run(["ldd", *files], capture_output=True, text=True, check=False).stdout
    return sorted({line.split()[0].split(".so")[0] for line in listing.splitlines() if line.endswith("not found")})


def missing_fonts() -> set[str]:
    """The package of fonts to install when the system has none."""
    folders = (
        "/usr/share/fonts",
        "/usr/local/share/fonts",
        os.path.expanduser("~/.local/share/fonts"),
        os.path.expanduser("~/.fonts"),
    )
    found = any(
        name.endswith((".ttf", ".otf", ".ttc", ".pfb"))
        for folder in folders
        for _, _, names in os.walk(folder)
        for name in names
    )
    return set() if found else {"fonts-dejavu-core"}


def current_name(package: str) -> str:
    """Debian 13 and Ubuntu 24.04 renamed some packages by adding t64 (64-bit time_t)."""
    renamed = subprocess.run(["apt-cache", "show", package + "t64"], capture_output=True, check=False)
    return package + "t64" if renamed.returncode == 0 and renamed.stdout else package


def refuse(advice: str, missing: list[str]) -> int:
    """Say what is missing and what to do."""
    print("Qt needs shared libraries that this system lacks:", " ".join(missing) or "(fonts)", file=sys.stderr)
    print(advice, file=sys.stderr)
    return 3


if __name__ == "__main__":
    sys.exit(main(install="--install" in sys.argv[1:]))
