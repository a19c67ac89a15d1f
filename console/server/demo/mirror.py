"""What is going on in the city now, read once and then kept up to date from its feed."""

from __future__ import annotations

from typing import TypeVar

import msgspec
import sqlalchemy as sa

from api_client.decoding import decode
from api_client.model import Assignment, Report, Service, Unit
from console.rules.status import ENDED_ASSIGNMENT, is_open
from console.server.city import schema
from console.server.city.city import City
from console.server.errors import GoneRefusal

T = TypeVar("T", Report, Assignment, Unit)


class Mirror:
    """Open reports, live assignments and units of a city, by id."""

    def __init__(self, city: City) -> None:
        self._city = city
        self._read()

    def _read(self) -> None:
        city = self._city
        self._seq = city.seq()
        self.reports = self._stored(Report, schema.reports, schema.reports.c.closed == 0)
        self.jobs = self._stored(Assignment, schema.assignments, schema.assignments.c.live == 1)
        self.units = {unit.id: unit for unit in city.units()}
        self.services: dict[str, Service] = {service.code: service for service in city.services()}

    def refresh(self) -> None:
        """Take over what has changed since the last look."""
        more = True
        while more:
            try:
                page = self._city.changes(self._seq)
            except GoneRefusal:  # it has slept longer than deletions are kept
                self._read()
                return
            for item in page.items:
                self._take(item.kind, item.id, item.data)
            self._seq, more = page.upto, page.more

    def jobs_of(self, unit: str) -> list[Assignment]:
        """The live assignments of a unit, the oldest first."""
        return sorted((job for job in self.jobs.values() if job.unit == unit), key=lambda job: (job.created, job.id))

    def _take(self, kind: str, key: str, data: msgspec.Raw) -> None:
        if kind == "report":
            report = decode(data, Report)
            if is_open(report.status):
                self.reports[key] = report
            else:
                self.reports.pop(key, None)
        elif kind == "assignment":
            job = decode(data, Assignment)
            if job.state in ENDED_ASSIGNMENT:
                self.jobs.pop(key, None)
            else:
                self.jobs[key] = job
        elif kind == "unit":
            self.units[key] = decode(data, Unit)
        elif kind == "gone":
            what, _, gone = key.partition("/")
            if what == "report":
                self.reports.pop(gone, None)

    def _stored(self, kind: type[T], table: sa.Table, wanted: sa.ColumnElement[bool]) -> dict[str, T]:
        with self._city.database.read() as connection:
            rows = connection.execute(sa.select(table.c.id, table.c.body).where(wanted))
            return {key: decode(body, kind) for key, body in rows}
