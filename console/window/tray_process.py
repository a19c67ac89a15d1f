"""The process that shows a desktop's notices: its question to the desktop waits for an answer, and no window may.

A desktop that hangs holds up nothing but this process. It ends when its notice is over, and with whoever started it.
"""

from __future__ import annotations

import os
import sys

import msgspec
from PySide6.QtCore import QObject, QTimer, Signal, Slot
from PySide6.QtGui import QIcon, QPixmap
from PySide6.QtWidgets import QApplication, QSystemTrayIcon

from console.pipe import listen, pack

SHOWN_S = 20.0
_AFTER_S = 5.0


class ShowNotice(msgspec.Struct, frozen=True, tag="show"):
    """Show this text, of one line, with this icon (PNG), in the place of the one before."""

    text: str
    icon: bytes


class NoticeClicked(msgspec.Struct, frozen=True, tag="clicked"):
    """The notice or the icon in the tray was clicked: the window is wanted."""


class TrayProcess(QObject):
    """Shows what comes on the standard input; where the desktop has no tray it ends at once."""

    _came = Signal(object)
    _left = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._tray: QSystemTrayIcon | None = None
        self._over = QTimer(self, singleShot=True, interval=round((SHOWN_S + _AFTER_S) * 1000))
        self._over.timeout.connect(QApplication.quit)
        self._came.connect(self._show)
        self._left.connect(QApplication.quit)

    @Slot()
    def begin(self) -> None:
        """Listen for what is to be shown."""
        if QSystemTrayIcon.isSystemTrayAvailable() and QSystemTrayIcon.supportsMessages():
            listen(ShowNotice, self._came.emit, self._left.emit)
            self._over.start()
        else:
            QApplication.quit()

    @Slot(object)
    def _show(self, notice: ShowNotice) -> None:
        if self._tray is None:
            picture = QPixmap()
            picture.loadFromData(notice.icon)
            self._tray = QSystemTrayIcon(QIcon(picture), self)
            self._tray.setToolTip("Sigap")
            self._tray.messageClicked.connect(self._on_clicked)
            self._tray.activated.connect(self._on_clicked)
            self._tray.show()
        # As the title: desktops take the other text for HTML, and this one has names in it that others chose.
        self._tray.showMessage(notice.text, "", self._tray.icon(), round(SHOWN_S * 1000))
        self._over.start()

    @Slot()
    def _on_clicked(self) -> None:
        os.write(1, pack(NoticeClicked()))
        QApplication.quit()


def main() -> int:
    """Show notices until the last one is over."""
    application = QApplication(["sigap"])
    application.setApplicationName("Sigap")
    application.setQuitOnLastWindowClosed(False)
    process = TrayProcess()
    QTimer.singleShot(0, process.begin)
    return application.exec()


if __name__ == "__main__":
    sys.exit(main())
