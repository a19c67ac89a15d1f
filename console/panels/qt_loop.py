"""Qt's event loop as what needs a loop, and must not know Qt, sees it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QObject, Qt, QTimer, Signal, Slot


class QtLoop(QObject):
    """An `EventLoop` of the outbox on the thread on which this object was made; nothing is called when it is gone."""

    _asked = Signal(object)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._asked.connect(self._call, Qt.ConnectionType.QueuedConnection)

    def call_soon_threadsafe(self, callback: Callable[..., object], *args: object) -> object:
        """From any thread: call back on this object's."""
        self._asked.emit(partial(callback, *args))
        return None

    def call_later(self, delay: float, callback: Callable[..., object], *args: object) -> QtTimerHandle:
        """Call back after so many seconds."""
        return QtTimerHandle(self, delay, partial(callback, *args))

    @Slot(object)
    def _call(self, callback: Callable[[], object]) -> None:
        callback()


class QtTimerHandle(QTimer):
    """A call that is to come, once."""

    def __init__(self, parent: QObject, delay_s: float, callback: Callable[[], object]) -> None:
        super().__init__(parent, singleShot=True, interval=round(delay_s * 1000))
        self._callback = callback
        self.timeout.connect(self._on_timeout)
        self.start()

    def cancel(self) -> None:
        """It does not come."""
        self.stop()
        self.deleteLater()

    def _on_timeout(self) -> None:
        self.deleteLater()
        self._callback()
