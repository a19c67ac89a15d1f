"""Calls the operator where the window is not in front: its button in the taskbar, and a notice of the desktop."""

from __future__ import annotations

from PySide6.QtCore import QObject, QRect, Qt, Signal
from PySide6.QtGui import QIcon, QPainter, QPixmap
from PySide6.QtWidgets import QApplication, QSystemTrayIcon, QWidget

from widgets.symbols import Symbols
from widgets.text import one_line

_SHOWN_MS = 20_000
_LONGEST = 120
_ICON_SIDE = 64


class DesktopNotices(QObject):
    """Says outside the window what is new in it, for all who stand before the screen to read."""

    clicked = Signal()
    """The window is to come in front."""

    def __init__(self, window: QWidget, symbols: Symbols, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._window, self._symbols = window, symbols
        self._tray: QSystemTrayIcon | None = None

    def tell(self, text: str) -> None:
        """Say this unless one of the program's windows is in front. Without a tray only the taskbar says that something
        is new.
        """
        # protects: nothing-outside-while-in-front
        if QApplication.activeWindow() is not None:
            return
        QApplication.alert(self._window)
        tray = self._shown_tray()
        if tray is not None:
            # As the title: desktops take the other text for HTML, and this one has names in it that others chose.
            tray.showMessage(one_line(text, _LONGEST), "", tray.icon(), _SHOWN_MS)

    def close(self) -> None:
        """Take the icon out of the tray."""
        if self._tray is not None:
            self._tray.hide()

    def _shown_tray(self) -> QSystemTrayIcon | None:
        """The icon in the tray, put there when it is first wanted; None where the desktop has no tray."""
        if not QSystemTrayIcon.isSystemTrayAvailable() or not QSystemTrayIcon.supportsMessages():
            return None
        if self._tray is None:
            self._tray = QSystemTrayIcon(self._icon(), self)
            self._tray.setToolTip("Sigap")
            self._tray.messageClicked.connect(self.clicked)
            self._tray.activated.connect(lambda _: self.clicked.emit())
            self._tray.show()
        return self._tray

    def _icon(self) -> QIcon:
        picture = QPixmap(_ICON_SIDE, _ICON_SIDE)
        picture.fill(Qt.GlobalColor.transparent)
        painter = QPainter(picture)
        self._symbols.logo(painter, QRect(0, 0, _ICON_SIDE, _ICON_SIDE))
        painter.end()
        return QIcon(picture)
