"""Notice that the network of this computer is back or has changed, so that lanes try again at once."""

from __future__ import annotations

import logging

from PySide6.QtCore import QObject, Signal
from PySide6.QtNetwork import QNetworkInformation

_log = logging.getLogger(__name__)
_DOWN = (QNetworkInformation.Reachability.Disconnected, QNetworkInformation.Reachability.Unknown)


class Network(QObject):
    """Says `back` when the system reports a link after it had none, more reach than before, or another kind of link.

    Where the system tells nothing, nothing is said: lanes then find out at their own pace.
    """

    back = Signal()
    """Worth a try, now."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._reach = QNetworkInformation.Reachability.Unknown

    def watch(self) -> bool:
        """Begin to listen to the system; whether it tells anything."""
        if not QNetworkInformation.loadDefaultBackend():
            _log.info("this system does not tell when its network is back")
            return False
        system = QNetworkInformation.instance()
        self._reach = system.reachability()
        system.reachabilityChanged.connect(self.on_reach)
        system.transportMediumChanged.connect(self.on_medium)
        return True

    def on_reach(self, reach: QNetworkInformation.Reachability) -> None:
        """How far the network leads has changed."""
        before, self._reach = self._reach, reach
        if reach not in _DOWN and (before in _DOWN or reach.value > before.value):
            self.back.emit()

    def on_medium(self, _medium: QNetworkInformation.TransportMedium) -> None:
        """The kind of network has changed: connections over the old one are dead, though no error says so."""
        if self._reach not in _DOWN:
            self.back.emit()
