"""Ask for advice on the chosen report: the nearest able units and possible duplicates, on a worker."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from PySide6.QtCore import QObject, Signal

from console.advice.duplicates import possible_duplicates
from console.advice.units import recommend
from console.domain.report import Unit
from console.domain.status import is_open
from console.presenters.desk import Desk
from console.presenters.dossier import Dossier
from console.presenters.ticket import Counsel
from console.store.cache_read import CacheReader
from console.tasks import Tasks

_TOP = 3


class Counsellor(QObject):
    """Keeps the advice on the chosen report fresh."""

    changed = Signal(object)

    def __init__(
        self,
        desk: Desk,
        tasks: Tasks,
        reader: Callable[[], CacheReader],
        units: Callable[[], list[Unit]],
        now: Callable[[], datetime],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._desk, self._tasks, self._reader, self._units, self._now = desk, tasks, reader, units, now
        self._dossier: Dossier | None = None

    def set_dossier(self, dossier: Dossier | None) -> None:
        """Advise on this report."""
        self._dossier = dossier
        self.refresh()

    def refresh(self) -> None:
        """Advise anew: units have moved, time has passed."""
        dossier, view = self._dossier, self._desk.view
        if dossier is None or view is None:
            self.changed.emit(Counsel(0))
            return
        if not is_open(dossier.shown.status):
            self.changed.emit(Counsel(dossier.row))
            return
        reader, units, catalog, now = self._reader, self._units(), self._desk.catalog, self._now()

        def advise() -> Counsel:
            live = {one.unit for one in dossier.live}
            free = [unit for unit in units if unit.id not in live]
            found = recommend(
                dossier.shown,
                free,
                catalog.assignments,
                now,
                service=catalog.services.get(dossier.shown.service or ""),
                areas=catalog.areas,
            )
            near = possible_duplicates(
                view.snapshot, dossier.row, int(now.timestamp()), catalog=catalog, texts=reader().texts
            )
            texts = {text.row: text for text in reader().texts([one.row for one in near[:_TOP]])}
            facts = {fact.row: fact for fact in view.snapshot.facts([one.row for one in near[:_TOP]])}
            return Counsel(
                dossier.row,
                tuple(found.units[:_TOP]),
                found.why_none,
                tuple(
                    (
                        one,
                        texts[one.row].remote_id,
                        texts[one.row].description,
                        facts[one.row].priority,
                        facts[one.row].status,
                    )
                    for one in near[:_TOP]
                    if one.row in texts
                ),
            )

        self._tasks.latest("counsel", advise, self._set)

    def _set(self, counsel: Counsel) -> None:
        if self._dossier is not None and counsel.row == self._dossier.row:
            self.changed.emit(counsel)
