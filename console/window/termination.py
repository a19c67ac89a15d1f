"""End the window in order when the terminal (Ctrl+C) or the system asks the process to end."""

from __future__ import annotations

import signal
import socket
from types import TracebackType

from PySide6.QtCore import QObject, QSocketNotifier
from PySide6.QtWidgets import QApplication


class TerminationSignals(QObject):
    """While it is entered, SIGINT closes the window as its own key does, with what that asks; a second one, or SIGTERM,
    ends it at once: what was typed is kept, as after a kill. Qt's loop alone never lets Python hear a signal.
    """

    def __init__(self, app: QApplication) -> None:
        super().__init__()
        self._app = app
        self._asked = False
        self._heard, self._told = socket.socketpair()
        for one in (self._heard, self._told):
            one.setblocking(False)
        self._notifier = QSocketNotifier(self._heard.fileno(), QSocketNotifier.Type.Read, self)
        self._notifier.activated.connect(self._on_signal)

    def __enter__(self) -> TerminationSignals:
        self._before_fd = signal.set_wakeup_fd(self._told.fileno(), warn_on_full_buffer=False)
        self._before = {one: signal.signal(one, lambda *_: None) for one in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        for one, handler in self._before.items():
            signal.signal(one, handler)
        signal.set_wakeup_fd(self._before_fd)
        self._notifier.setEnabled(False)
        self._heard.close()
        self._told.close()

    def _on_signal(self) -> None:
        for number in self._heard.recv(64):
            if number == signal.SIGTERM or self._asked:
                self._app.exit()
            elif number == signal.SIGINT:
                self._asked = True
                self._app.quit()
