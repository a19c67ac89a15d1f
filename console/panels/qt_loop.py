"""Qt's event loop behind the interface `EventLoop` of the outbox, which must not know Qt."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QObject, Qt, QTimer, Signal, Slot


class QtLoop(QObject):
    """An `EventLoop` on the thread on which this object was made; after its deletion nothing is called any more."""

    _asked = Signal(object)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._asked.connect(self._call, Qt.ConnectionType.QueuedConnection)

    def call_soon_threadsafe(self, callback: Callable[..., object], *args: object) -> object:
        """Call `callback` on this object's thread; may be called from any thread."""
        self._asked.emit(partial(callback, *args))
        return None

    def call_later(self, delay: float, callback: Callable[..., object], *args: object) -> QtTimerHandle:
        """Call `callback` after so many seconds."""
        return QtTimerHandle(self, delay, partial(callback, *args))

    @Slot(object)
    def _call(self, callback: Callable[[], object]) -> None:
        callback()


class QtTimerHandle(QTimer):
    """A call that is due later, and can be cancelled."""

    def __init__(self, parent: QObject, delay_s: float, callback: Callable[[], object]) -> None:
        super().__init__(parent, singleShot=True, interval=round(delay_s * 1000))
        self._callback = callback
        self.timeout.connect(self._on_timeout)
        self.start()

    def cancel(self) -> None:
        """Do not make the call."""
        self.stop()
        self.deleteLater()

    def _on_timeout(self) -> None:
        self.deleteLater()
        self._callback()
