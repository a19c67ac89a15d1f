"""Take pictures of the real program on the demo city, in every theme and size, into pictures/.

.venv/bin/python tools/pictures.py [--only WORD] [--reports N]
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

SIZES = ("1920x1080", "1366x768")
THEMES = ("dark", "light")


def main() -> int:
    """Start one demo city, let a console take each picture, stop the city."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="")
    parser.add_argument("--reports", default="30000")
    arguments = parser.parse_args()
    pictures = Path("pictures")
    pictures.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="sigap-pictures-") as name:
        folder = Path(name)
        environment = {**os.environ, "SIGAP_HOME": str(folder), "QTWEBENGINE_CHROMIUM_FLAGS": "--disable-gpu"}
        server, address = start_city(folder, arguments.reports)
        try:
            run(environment, "connect", address, "--name", "Jakarta", "--insecure-http")
            run(environment, "sync", "--once")
            failed = 0
            for size in SIZES:
                for theme in THEMES:
                    target = pictures / f"dispatch-{theme}-{size}.png"
                    if arguments.only in target.name:
                        options = ("--screenshot", str(target), "--size", size, "--theme", theme, "--unsandboxed")
                        failed |= run(environment, "run", *options, "--quit-after", "60")
                        print(target, flush=True)
        finally:
            server.terminate()
            server.wait(20)
    return failed


def start_city(folder: Path, reports: str) -> tuple[subprocess.Popen[str], str]:
    """The demo city's server and its address."""
    command = [sys.executable, "-m", "console", "serve", "--demo-city", "--reports", reports, "--port", "0"]
    command += ["--database", f"sqlite:///{folder / 'city.db'}", "--media", str(folder / "media"), "--name", "Jakarta"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    for line in server.stdout:
        found = re.search(r"http://127\.0\.0\.1:\d+", line)
        if found:
            return server, found.group(0)
    sys.exit("the demo city does not start")


def run(environment: dict[str, str], *arguments: str) -> int:
    """One command of the program; its exit code."""
    done = subprocess.run(
        [sys.executable, "-m", "console", *arguments], env=environment, stdin=subprocess.DEVNULL, check=False
    )
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
