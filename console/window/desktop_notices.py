"""Calls the operator where the window is not in front: its button in the taskbar, and a notice of the desktop."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QObject, QProcess, QRect, Qt, QTimer, Signal
from PySide6.QtGui import QImage, QImageWriter, QPainter
from PySide6.QtWidgets import QApplication, QWidget

from console.pipe import Frames, pack
from console.window.child_output import deliver_output, end_process
from console.window.tray_process import SHOWN_S, NoticeClicked, ShowNotice
from widgets.symbols import Symbols
from widgets.text import one_line

COMMAND = (sys.executable, "-P", "-m", "console.window.tray_process")
_LONGEST = 120
_ICON_SIDE = 64
_PATIENCE_MS = round(SHOWN_S * 1000) + 15_000
"""A process that is there for longer after its last notice hangs, as the desktop does."""


class DesktopNotices(QObject):
    """Says outside the window what is new in it, for all who stand before the screen to read."""

    clicked = Signal()
    """The window is to come in front."""

    def __init__(
        self,
        window: QWidget,
        symbols: Symbols,
        parent: QObject | None = None,
        *,
        command: Sequence[str] = COMMAND,
        patience_ms: int = _PATIENCE_MS,
    ) -> None:
        """`command` starts the process that shows notices."""
        super().__init__(parent)
        self._window, self._symbols, self.command = window, symbols, list(command)
        self._process: QProcess | None = None
        self._frames: Frames[NoticeClicked] = Frames(NoticeClicked)
        self._icon = b""
        self._is_closed = False
        self._hangs = QTimer(self, singleShot=True, interval=patience_ms)
        # protects: hung-desktop-holds-nothing-up
        self._hangs.timeout.connect(self._end)

    @property
    def pid(self) -> int | None:
        """The process's id while it runs."""
        return self._process.processId() or None if self._process is not None else None

    def tell(self, text: str) -> None:
        """Say this unless one of the program's windows is in front. On a desktop without a tray only the taskbar says
        that something is new.
        """
        # protects: nothing-outside-while-in-front
        if self._is_closed or QApplication.activeWindow() is not None:
            return
        QApplication.alert(self._window)
        self._icon = self._icon or self._drawn_icon()
        if self._process is None:
            self._launch()
        if self._process is not None:
            self._process.write(pack(ShowNotice(one_line(text, _LONGEST), self._icon)))
            self._hangs.start()

    def take_away(self) -> None:
        """Take away the notice that is shown."""
        self._end()

    def close(self) -> None:
        """Take the notice away, and show none any more: what comes while the window ends would outlive it."""
        self._is_closed = True
        self._end()

    def _launch(self) -> None:
        self._frames = Frames(NoticeClicked)
        process = self._process = QProcess(self)
        process.setStandardErrorFile(QProcess.nullDevice())
        process.readyReadStandardOutput.connect(self._on_output)
        process.finished.connect(self._forget)
        process.errorOccurred.connect(self._on_error)
        process.start(self.command[0], self.command[1:])

    def _on_output(self) -> None:
        if self._process is not None:
            deliver_output(self._process, self._frames, lambda _: self.clicked.emit(), "tray")

    def _on_error(self, error: QProcess.ProcessError) -> None:
        if error is QProcess.ProcessError.FailedToStart:
            self._forget()

    def _forget(self) -> None:
        self._on_output()
        process, self._process = self._process, None
        self._hangs.stop()
        if process is not None:
            process.deleteLater()

    def _end(self) -> None:
        process, self._process = self._process, None
        self._hangs.stop()
        if process is not None:
            end_process(process)

    def _drawn_icon(self) -> bytes:
        picture = QImage(_ICON_SIDE, _ICON_SIDE, QImage.Format.Format_ARGB32)
        picture.fill(Qt.GlobalColor.transparent)
        painter = QPainter(picture)
        self._symbols.logo(painter, QRect(0, 0, _ICON_SIDE, _ICON_SIDE))
        painter.end()
        body = QByteArray()
        buffer = QBuffer(body)
        buffer.open(QIODevice.OpenModeFlag.WriteOnly)
        QImageWriter(buffer, QByteArray(b"png")).write(picture)
        return bytes(body.data())
