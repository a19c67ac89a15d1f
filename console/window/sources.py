"""Which sources a window follows: starts the sync process with them, again when they change; sets the time zone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec
from PySide6.QtCore import QObject, QTimer, Signal

from console.panels.kpi import KpiController
from console.panels.qt_outbox import QtOutbox
from console.panels.sources import Sources
from console.panels.status import StatusController
from console.panels.window_state import WindowState
from console.rules.messages import SignOut, Source, Start, ZoneTold
from console.settings import CityZone, Settings, Tokens, city_zone, operator_of, users_of
from console.window.demo_server import DemoServer
from console.window.settings_store import SettingsStore
from console.window.sync_supervisor import SyncSupervisor

_LOOK_FOR_DEMO_MS = 100


class FollowedSources(QObject):
    """Starts the sync process with the sources of the settings, or with the demo city once its server is there."""

    zone_changed = Signal()
    """Times are shown in another zone from now on."""
    rights_changed = Signal()
    """What may be written for a source may be different now."""

    def __init__(
        self,
        profile: Path,
        settings: SettingsStore,
        tokens: Tokens,
        demo: DemoServer | None,
        sync_supervisor: SyncSupervisor,
        sources: Sources,
        outbox: QtOutbox,
        window_state: WindowState,
        zone: CityZone,
        status: StatusController,
        kpi: KpiController,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._profile, self._settings, self._tokens, self._demo = profile, settings, tokens, demo
        self._sync_supervisor, self._sources, self._outbox, self._window_state = (
            sync_supervisor,
            sources,
            outbox,
            window_state,
        )
        self._zone, self._status, self._kpi = zone, status, kpi
        self.signing_in: set[str] = set()
        """The sources for which a token was entered whose server has not said yet to whom it belongs."""
        self.demo_died = False
        self._demo_timer = QTimer(self, interval=_LOOK_FOR_DEMO_MS)
        self._demo_timer.timeout.connect(self._look_for_demo)
        settings.sources_came.connect(self._on_sources_came)
        self._name_operator()

    def begin(self) -> None:
        """Start following the sources of the settings, or the demo city; with no source show how to connect one."""
        if self._demo is not None:
            self._demo_timer.start()
            self._look_for_demo()  # the city of a window that another one takes the place of is there at once
        elif self._settings.here.sources:
            self.start(self._settings.here.sources)
        else:
            self._status.set_hint(
                self.tr("No server yet. Start Sigap again to connect one, or say: sigap connect ADDRESS")
            )

    def start(self, sources: list[Source]) -> None:
        """Start the sync process, or restart its lanes, with these sources and the tokens of those that are
        signed in.
        """
        settings = self._settings.here
        tokens = self._tokens.of(sources, [key for key in settings.signed_out if key not in self.signing_in])
        self._sources.set_sources(sources)
        self._status.set_hint("")
        self._kpi.set_city(" + ".join(source.name for source in sources))
        self._sync_supervisor.start(Start(str(self._profile), tuple(sources), tokens, settings.order_lifetime_s))

    def sign_out(self, tokens: Mapping[str, str]) -> None:
        """Tell these sources that whose tokens (source key -> token) these are has signed out here."""
        for key, token in tokens.items():
            self._sync_supervisor.send(SignOut(key, token))

    def close(self) -> None:
        """Stop waiting for the demo city's server."""
        self._demo_timer.stop()

    def on_zone_told(self, zone: ZoneTold) -> None:
        """A server told its time zone: keep it in the settings, for a next start without a network, and show times in
        it.
        """
        sources = self._settings.here.sources
        known = next((one.timezone for one in sources if one.key == zone.source), zone.timezone)
        if known == zone.timezone:
            return

        def change(settings: Settings) -> None:
            settings.sources = changed(settings.sources, zone.source, timezone=zone.timezone)

        self._settings.keep(change)
        if self._use_zone():
            self._status.say(self.tr("Times are those of {zone} from now on").format(zone=zone.timezone))

    def _name_operator(self) -> None:
        """Set the outbox's user name of each source from the settings, until its server says who the token
        belongs to.
        """
        for source, user in users_of(self._settings.here.sources).items():
            if source not in self._outbox.authors:
                self._outbox.sign_in(source, user)
        self.name_absent()

    def name_absent(self) -> None:
        """Name the present operator at the sources where nobody is signed in, so that edits that another operator left
        there do not count as his.
        """
        settings = self._settings.here
        me = operator_of(settings)
        for source in settings.signed_out:
            if me and source in self._outbox.authors and self._outbox.author_for(source) != me:
                # protects: nobody-signed-in-owns-nothing
                self._outbox.sign_in(source, me)

    def _on_sources_came(self, names: list[str]) -> None:
        sources = self._settings.here.sources
        self._name_operator()
        self._window_state.me = self._outbox.author = operator_of(self._settings.here) or self._window_state.me
        self.start(sources)
        self._use_zone()
        self.rights_changed.emit()
        self._status.say(self.tr("Connecting to {names}").format(names=", ".join(names)))

    def _use_zone(self) -> bool:
        """Show times in the city's zone; returns whether that is another one than before."""
        if not self._zone.become(city_zone(self._settings.here.sources)):
            return False
        self.zone_changed.emit()
        return True

    def _look_for_demo(self) -> None:
        assert self._demo is not None
        source, trouble = self._demo.source(), self._demo.died()
        if source is not None:
            self._demo_timer.stop()
            self.start([source])
        elif trouble:
            self._demo_timer.stop()
            self._status.say(trouble)
            self.demo_died = True


def changed(sources: list[Source], key: str, **changes: str) -> list[Source]:
    """A copy of the sources in which the one with this key has these fields changed."""
    return [msgspec.structs.replace(one, **changes) if one.key == key else one for one in sources]
