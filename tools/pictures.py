"""Take pictures of the real program on the demo city with its streets, in every theme and size, into pictures/.

.venv/bin/python tools/pictures.py [--only WORD] [--reports N]
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from console.window.screen import offscreen

if TYPE_CHECKING:
    from collections.abc import Callable

SIZES = ("1366x768", "1920x1080", "2560x1440", "3840x2160")
THEMES = ("dark", "light")
ZOOMS = (11, 12, 13, 14, 15, 16)
CALLS = (
    "opposite the Alfamart in Gang Buntu, near Tebet station",
    "Jl. Sudirman 45 seberang halte",
    "perempatan Jl. Tebet Barat Raya dan Jl. Casablanca Dalam",
    "km 5 tol arah bandara",
    "gg buntu rt 05/03 kel kebon baru",
    "QRXM+2Q tebet",
)
"""What citizens say on the telephone."""
_CALLS_ON = "1920x1080"
PARTS = {
    "alarms": "panel_alarms",
    "log": "panel_log",
    "messages": "panel_messages",
    "shift": "panel_shift",
    "handover": "handover",
    "overview": "colleagues",
    "lock": "lock",
}
"""What the window shows beside reports, and by which action; the lock comes last."""
_PARTS_ON = ("1366x768", "1920x1080")
_PROFILE = "pictures"
_OPERATOR, _COLLEAGUE = "Rina Aulia", "Budi Santoso"
_TOKEN = "token-of-the-pictures"
"""The operator's, at a server that lives as long as the pictures are taken."""
_AT_MOST_S = 60.0
_UNTIL_NAMED_S = 2.0
"""The names of streets come after the streets, in slices, and no signal tells of the last one."""


def main() -> int:
    """Start one demo city, let a window of each size and theme take its pictures, stop the city."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", metavar="WORD", help="only what has this in its name, as light-1366")
    parser.add_argument("--reports", default="30000")
    parser.add_argument("--window", nargs=2, help=argparse.SUPPRESS)  # in the child: size and theme
    arguments = parser.parse_args()
    if arguments.window:
        return _take(*arguments.window)
    Path("pictures").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="sigap-pictures-") as name:
        folder = Path(name)
        environment = {
            **os.environ,
            "SIGAP_HOME": str(folder),
            "QTWEBENGINE_CHROMIUM_FLAGS": "--disable-gpu",
            "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",  # the token is nobody's
        }
        server, address = _start_city(folder, arguments.reports)
        try:
            streets = folder / "city.osm.pbf"
            _run(environment, "-m", "console.server.demo.streets.worker", str(streets), stdin=subprocess.PIPE)
            _run(environment, "-m", "console", "map", "build", str(streets), "--profile", _PROFILE)
            connect = ("connect", address, "--insecure-http", "--profile", _PROFILE)
            _run(environment, "-m", "console", *connect, said=_TOKEN)
            _run(environment, "-m", "console", "sync", "--once", "--profile", _PROFILE, "--tokens", "-", said=_TOKEN)
            failed = 0
            for size in SIZES:
                for theme in THEMES:
                    if arguments.only in f"{theme}-{size}":
                        failed |= _run(_screen(environment, folder, size), __file__, "--window", size, theme)
        finally:
            server.terminate()
            server.wait(20)
    return failed


def _start_city(folder: Path, reports: str) -> tuple[subprocess.Popen[str], str]:
    """The demo city's server and its address."""
    command = [sys.executable, "-m", "console", "serve", "--demo-city", "--reports", reports, "--port", "0"]
    command += ["--database", f"sqlite:///{folder / 'city.db'}", "--media", str(folder / "media"), "--name", "Jakarta"]
    command += ["--users", str(_write_users(folder))]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    for line in server.stdout:
        found = re.search(r"http://127\.0\.0\.1:\d+", line)
        if found:
            return server, found.group(0)
    sys.exit("the demo city does not start")


def _write_users(folder: Path) -> Path:
    """The file of who works at the city: the operator of the window, and a colleague."""
    digests = {
        _OPERATOR: hashlib.sha256(_TOKEN.encode()).hexdigest(),
        _COLLEAGUE: hashlib.sha256(b"token-of-a-colleague").hexdigest(),
    }
    users = [{"name": name, "role": "supervisor", "token_sha256": digest} for name, digest in digests.items()]
    file = folder / "users.json"
    file.write_text(json.dumps(users))
    return file


def _run(environment: dict[str, str], *arguments: str, stdin: int = subprocess.DEVNULL, said: str = "") -> int:
    """One command, with what is said on its standard input; its exit code."""
    if said:
        return subprocess.run(
            [sys.executable, *arguments], env=environment, input=said, text=True, check=False
        ).returncode
    with subprocess.Popen([sys.executable, *arguments], env=environment, stdin=stdin) as child:
        return child.wait()


def _screen(environment: dict[str, str], folder: Path, size: str) -> dict[str, str]:
    """The environment of a window on a screen of that size that nobody sees."""
    width, height = map(int, size.split("x"))
    return {**environment, "QT_QPA_PLATFORM": offscreen((width, height), folder), "QTWEBENGINE_DISABLE_SANDBOX": "1"}


def _take(size: str, theme: str) -> int:
    """In the child: open the window, take its first sight, and the map at each zoom; 1 where it did not come to be."""
    from console.paths import profile_folder
    from console.settings import Tokens, begin_settings
    from console.window.app import ConsoleWindow
    from console.window.application import make_application
    from console.window.options import WindowOptions

    app = make_application()
    profile = profile_folder(_PROFILE)
    width, height = map(int, size.split("x"))
    options = WindowOptions(
        profile=profile,
        profile_name=_PROFILE,
        theme="light" if theme == "light" else "dark",
        size=(width, height),
        sound=False,
    )
    settings, tokens = begin_settings(profile)[0], Tokens(_PROFILE)
    for source in settings.sources:
        tokens.keep_in_memory(source.key, _TOKEN)
    console = ConsoleWindow(app, options, settings, tokens, None)
    drawn: list[int] = []
    console.map.drawn.connect(drawn.append)
    console.open()
    try:
        missing = console.screenshot.missing
        if not _wait(app, lambda: not missing()):
            sys.stderr.write(f"{theme} {size}: {', '.join(missing())}\n")
            return 1
        view = console.window_state.view
        assert view is not None
        for row in view.order[:50].tolist():
            console.window_state.choose(row)
            if _wait(app, partial(_has_place, console, row), 2.0):
                break
        _save(app, console, f"dispatch-{theme}-{size}")
        chosen = console.details_reader.current
        assert chosen is not None
        lat, lon = chosen.shown.lat, chosen.shown.lon
        assert lat is not None
        assert lon is not None
        for zoom in ZOOMS:
            drawn.clear()
            console.map.go_to(lat, lon, zoom)
            _wait(app, lambda: bool(drawn))
            _save(app, console, f"zoom{zoom}-{theme}-{size}")
        if size == _CALLS_ON:
            _take_calls(app, console, theme)
        if size in _PARTS_ON:
            _take_parts(app, console, f"{theme}-{size}")
    finally:
        console.leave()
        console.close()
    return 0


def _take_parts(app: Any, console: Any, kind: str) -> None:
    """Each part of the window that a shift needs beside reports, once something stands in it."""
    from PySide6.QtCore import Qt
    from PySide6.QtTest import QTest

    console.window.activateWindow()  # keys have their caps where they work
    console.actions.run("log_line")
    QTest.keyClicks(console.window.focusWidget(), "Pintu Air Manggarai 720 cm, Siaga 4")
    QTest.keyClick(console.window.focusWidget(), Qt.Key.Key_Return)
    for part, action in PARTS.items():
        console.actions.run(action)
        if part == "handover":
            _wait(app, lambda: bool(console.handover_page.lines))
        _wait(app, lambda: False, _UNTIL_NAMED_S)
        over = [one for one in app.topLevelWidgets() if one is not console.window and one.isVisible()]
        _save(app, console, f"{part}-{kind}", over[0] if over else None)
        for one in over:
            one.close()
            console.window.activateWindow()
        if part == "handover":
            console.actions.run(action)
    QTest.keyClicks(console.lock_page.field, _TOKEN)  # a lock outlives its window
    QTest.keyClick(console.lock_page.field, Qt.Key.Key_Return)
    _wait(app, lambda: not console.screen_lock.is_locked)


def _take_calls(app: Any, console: Any, theme: str) -> None:
    """The telephone form with what a citizen says of a place: what is offered, and once Enter has taken it."""
    from PySide6.QtCore import Qt
    from PySide6.QtTest import QTest

    from widgets.forms.place import PlaceForm

    for number, words in enumerate(CALLS, 1):
        console.actions.run("new_report")
        (form,) = (one for one in app.topLevelWidgets() if isinstance(one, PlaceForm) and one.isVisible())
        form.place.setFocus()
        QTest.keyClicks(form.place, words)
        _wait(app, partial(_offers, form), 10.0)
        _save(app, console, f"call{number}-typed-{theme}", form)
        QTest.keyClick(form.place, Qt.Key.Key_Return)
        _save(app, console, f"call{number}-found-{theme}", form)
        form.close()


def _offers(form: Any) -> bool:
    return bool(form.place.offered())


def _has_place(console: Any, row: int) -> bool:
    current = console.details_reader.current
    return current is not None and current.row == row and current.shown.lat is not None


def _save(app: Any, console: Any, name: str, form: Any = None) -> None:
    """The window, with the form that stands over it."""
    from PySide6.QtGui import QPainter

    _wait(app, lambda: False, _UNTIL_NAMED_S)
    picture = console.window.grab()
    if form is not None:
        painter = QPainter(picture)
        painter.drawPixmap(form.pos() - console.window.pos(), form.grab())
        painter.end()
    picture.save(f"pictures/{name}.png")
    print(f"pictures/{name}.png", flush=True)


def _wait(app: Any, until: Callable[[], bool], most_s: float = _AT_MOST_S) -> bool:
    """Let the window work until something is so, or the time is over; whether it came to be."""
    from PySide6.QtCore import QDeadlineTimer, QEventLoop

    end = QDeadlineTimer(int(most_s * 1000))
    while not until():
        if end.hasExpired():
            return False
        app.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents, 50)
    return True


if __name__ == "__main__":
    sys.exit(main())
