"""The window start's comparison: Qt's own list and web page over a plain SQL table, with nothing of the console."""

from __future__ import annotations

import contextlib
import sqlite3
import sys
from pathlib import Path

from tools.bench.child import Run, note, run_child, run_here, tell

_PAGE = "<canvas id=c width=1000 height=700></canvas><script>c.getContext('2d').fillRect(9, 9, 99, 99)</script>"


def run_bare_window(table: Path, rest_s: float) -> Run:
    """As tools.bench.window.run_window, on a plain table."""
    return run_child("tools.bench.bare_window", table, rest_s)


def _main(table: Path, rest_s: float) -> int:
    from PySide6.QtCore import QCoreApplication, QStringListModel, Qt, QTimer
    from PySide6.QtWebEngineWidgets import QWebEngineView
    from PySide6.QtWidgets import QApplication, QListView, QMainWindow, QSplitter

    QCoreApplication.setAttribute(Qt.ApplicationAttribute.AA_ShareOpenGLContexts)
    app = QApplication(["bare"])
    times: dict[str, float] = {}
    window, page, queue = QMainWindow(), QWebEngineView(), QListView()
    halves = QSplitter()
    halves.addWidget(queue)
    halves.addWidget(page)
    window.setCentralWidget(halves)
    window.resize(1920, 1080)
    page.loadFinished.connect(lambda _: note(times, "map"))
    page.setHtml(_PAGE)
    window.show()
    QTimer.singleShot(0, lambda: note(times, "window"))

    def fill() -> None:
        with contextlib.closing(sqlite3.connect(f"file:{table}?mode=ro", uri=True)) as database:
            rows = database.execute("SELECT description FROM reports WHERE open ORDER BY priority, due LIMIT 40")
            queue.setModel(QStringListModel([text for (text,) in rows], queue))
        note(times, "queue")

    QTimer.singleShot(0, fill)
    tell(run_here(app, times, rest_s))
    return 0 if len(times) == 3 else 1


if __name__ == "__main__":
    sys.exit(_main(Path(sys.argv[1]), float(sys.argv[2])))
