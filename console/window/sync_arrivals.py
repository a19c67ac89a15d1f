"""Hands each message of the sync process to the parts of the window that need it."""

from __future__ import annotations

from PySide6.QtCore import QObject

from console.outbox.link import OutboxLink
from console.panels.board_updater import BoardUpdater
from console.panels.kpi import KpiController
from console.panels.notifications.attendance import Attendance
from console.panels.report.ticket import TicketController
from console.panels.situation import SituationMonitor
from console.panels.sources import Sources
from console.panels.units import UnitsController
from console.rules.messages import Presence, SourceState, Touched
from console.window.sync_supervisor import SyncSupervisor


class SyncArrivals(QObject):
    """Hands on what was read, how the servers are doing, and who else is there."""

    def __init__(
        self,
        sync_supervisor: SyncSupervisor,
        outbox_link: OutboxLink,
        board_updater: BoardUpdater,
        sources: Sources,
        attendance: Attendance,
        situation: SituationMonitor,
        ticket: TicketController,
        units: UnitsController,
        kpi: KpiController,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._outbox_link, self._board_updater, self._sources, self._attendance = (
            outbox_link,
            board_updater,
            sources,
            attendance,
        )
        self._situation, self._ticket, self._units, self._kpi = situation, ticket, units, kpi
        sync_supervisor.touched.connect(self._on_touched)
        sync_supervisor.try_now.connect(outbox_link.take)
        sync_supervisor.source_state.connect(self._on_source_state)
        sync_supervisor.presence.connect(self._on_presence)
        sync_supervisor.alive.connect(sources.set_alive)
        sync_supervisor.froze.connect(sources.on_froze)

    def _on_touched(self, touched: Touched) -> None:
        self._board_updater.on_touched(touched)
        self._outbox_link.take(touched)

    def _on_source_state(self, state: SourceState) -> None:
        self._sources.set_state(state)
        if not state.reached:
            self._ticket.set_looking(state.source, None)
        self._attendance.on_reached(state.source, is_reached=state.reached)
        self._outbox_link.take(state)
        self._situation.look_again()
        self._kpi.show()

    def _on_presence(self, presence: Presence) -> None:
        self._units.set_positions(presence.source, presence.positions)
        self._ticket.set_looking(presence.source, presence.looking)
        self._attendance.tell(presence.source, presence.looking, presence.since)
