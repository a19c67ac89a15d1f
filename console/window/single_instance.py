"""One window a profile: a second start raises the first one's window and ends."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtNetwork import QLocalServer, QLocalSocket

from console.files.lock import FileLock, is_held
from console.paths import window_lock

_LOOKED_AT_S = 0.05
"""By then `sigap sync` has let go of the lock again, which it takes for a moment to see whether there is a window."""
_WAIT_MS = 10_000
"""A window that is still being built answers when it is."""


class SingleInstance(QObject):
    """Holds the profile for this process's window, and hears when another start asks for it.

    Raises LockedByOther when another process holds it, NotWritable when the folder refuses.
    """

    asked = Signal()
    """Another start found the profile taken: show the window."""

    def __init__(self, profile: Path) -> None:
        super().__init__()
        if is_held(window_lock(profile)):
            time.sleep(_LOOKED_AT_S)
        # protects: one-window
        self._lock = FileLock(window_lock(profile))
        self._server = QLocalServer(self)
        self._server.setSocketOptions(QLocalServer.SocketOption.UserAccessOption)
        self._server.newConnection.connect(self._on_asked)
        QLocalServer.removeServer(_name(profile))  # what a kill left behind; the lock says that it is nobody's
        self._server.listen(_name(profile))

    def close(self) -> None:
        """Let go of the profile."""
        self._server.close()
        self._lock.release()

    def _on_asked(self) -> None:
        while (socket := self._server.nextPendingConnection()) is not None:
            socket.write(b"!")
            socket.flush()
            socket.disconnected.connect(socket.deleteLater)
            socket.disconnectFromServer()
            self.asked.emit()


def raise_other(profile: Path) -> bool:
    """Ask the process that holds the profile to show its window; whether it answered."""
    socket = QLocalSocket()
    socket.connectToServer(_name(profile))
    return socket.waitForConnected(_WAIT_MS) and (socket.bytesAvailable() > 0 or socket.waitForReadyRead(_WAIT_MS))


def _name(profile: Path) -> str:
    """A short name of its own for each profile: a socket's path may have 100 characters only."""
    return f"sigap-{hashlib.sha256(str(profile.absolute()).encode()).hexdigest()[:24]}"
