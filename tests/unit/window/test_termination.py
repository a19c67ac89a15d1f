"""Ctrl+C in the terminal and the system's request to end: the window goes in order, at the latest when asked twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a process cannot be asked to end there")

PROGRAM = """
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication, QWidget
from console.window.termination import TerminationSignals

class Stubborn(QWidget):
    def closeEvent(self, event):
        print("asks first", flush=True)
        event.ignore()

app = QApplication([])
window = Stubborn()
window.show()
with TerminationSignals(app):
    QTimer.singleShot(0, lambda: print("open", flush=True))
    app.exec()
print("in order", flush=True)
"""


@pytest.mark.parametrize("signals", [(signal.SIGINT, signal.SIGINT), (signal.SIGTERM,)], ids=["ctrl-c", "term"])
def test_a_window_that_asks_first_is_asked_once_and_then_ends(signals: tuple[signal.Signals, ...]) -> None:
    program = subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
        stdout=subprocess.PIPE,
        text=True,
        # Who starts this may have had it ignored, as a shell does for what runs in the background.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    with program:
        assert program.stdout is not None
        told = [program.stdout.readline().strip()]
        for number in signals[:-1]:
            program.send_signal(number)
            told.append(program.stdout.readline().strip())
        program.send_signal(signals[-1])
        told.append(program.stdout.readline().strip())
    assert told == ["open", *["asks first"] * (len(signals) - 1), "in order"]
    assert program.returncode == 0
