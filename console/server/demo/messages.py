"""The crews of the demo city read what the control room writes to them, and answer; some wrote before it began."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

from api_client.decoding import decode
from api_client.model import AssignmentState, Kind, Message, Unit
from console.rules.correspondence import CONTROL_ROOM
from console.server.city.city import City
from console.server.city.records import LOCAL
from console.server.demo.edits import DemoEdits
from console.server.demo.mirror import Mirror
from console.server.demo.pace import Pace
from console.server.demo.stories import OPERATORS
from console.server.errors import GoneRefusal

_READS_S, _ANSWERS_S = (6.0, 40.0), (8.0, 45.0)
_SILENT = 0.15
"""How often a crew reads, and does not answer."""
_MOST_WAITING = 200
_BEGUN_BY = 3
_ANSWERS = (
    "Siap, dilaksanakan.", "Siap, meluncur.", "Diterima, 10 menit lagi sampai.", "Baik, kami cek dulu.",
    "Masih di jalan, macet sedikit.", "Sudah di lokasi.", "Siap, foto menyusul.", "Dicatat, nanti dikabari.",
    "Butuh tambahan karung pasir, bisa dikirim?", "Alat sudah siap, tinggal jalan.",
)  # fmt: skip
_REPORTS = (
    "Pompa jalan, air turun 5 cm. Butuh karung pasir 20 lembar lagi.", "Akses sempit, mobil parkir di ujung gang.",
    "Warga minta kepastian jam selesai, dijawab apa?", "Butuh PLN di lokasi, ada kabel menjuntai.",
)  # fmt: skip
_TO_ALL = "Ada kunjungan di Casablanca sampai pukul 15, hindari jalurnya."


class CrewMail:
    """Follows the messages of a city; what is to a unit its crew reads after a while, and mostly answers."""

    def __init__(
        self, city: City, mirror: Mirror, edits: DemoEdits, chance: random.Random, pace: Pace, now: datetime
    ) -> None:
        self._city, self._mirror, self._edits, self._chance, self._pace = city, mirror, edits, chance, pace
        self._after = city.seq()
        self._unread: list[tuple[float, Message]] = []
        self._unanswered: list[tuple[float, Message]] = []
        self._begin(now)

    def step(self, now: datetime) -> None:
        """Read and answer what it is time for."""
        self._look()
        for message in self._due(self._unread):
            unit = self._unit_of(message)
            if unit is None:
                continue
            self._edits.do(unit.code, "field", Kind.READ, None, {"messages": [message.id]}, now)
            if self._chance.random() >= _SILENT:
                self._unanswered.append((self._pace.between(self._chance, *_ANSWERS_S), message))
        for message in self._due(self._unanswered):
            if (unit := self._unit_of(message)) is not None:
                self._write(unit, self._chance.choice(_ANSWERS), message.report, now)

    def _begin(self, now: datetime) -> None:
        """What was written in the minutes before, where nobody has written anything yet."""
        if self._city.messages(LOCAL, 0, 1).items:
            return
        at_work = (AssignmentState.EN_ROUTE, AssignmentState.ON_SCENE)
        jobs = sorted((job for job in self._mirror.jobs.values() if job.state in at_work), key=lambda job: job.id)
        self._edits.do(OPERATORS[0], "operator", Kind.MESSAGE, None, {"to": {}, "text": _TO_ALL}, _before(now, 26))
        for number, job in enumerate(jobs[:_BEGUN_BY]):
            if (unit := self._mirror.units.get(job.unit)) is not None:
                self._write(unit, _REPORTS[number], job.report, _before(now, 12 - 4 * number))

    def _look(self) -> None:
        """Take in what was written since the last look."""
        try:
            page = self._city.messages(LOCAL, self._after)
        except GoneRefusal:  # the city was set back
            self._after = self._city.seq()
            return
        self._after = page.upto
        for item in page.items:
            if item.kind == "message" and len(self._unread) < _MOST_WAITING:
                message = decode(bytes(item.data), Message)
                if message.to.unit is not None:
                    self._unread.append((self._pace.between(self._chance, *_READS_S), message))

    def _due(self, waiting: list[tuple[float, Message]]) -> list[Message]:
        found = [message for moment, message in waiting if self._pace.is_due(moment)]
        waiting[:] = [one for one in waiting if not self._pace.is_due(one[0])]
        return found

    def _unit_of(self, message: Message) -> Unit | None:
        return self._mirror.units.get(message.to.unit or "")

    def _write(self, unit: Unit, text: str, report: str | None, at: datetime) -> None:
        about = {"report": report} if report is not None else {}
        data = {"to": {"role": CONTROL_ROOM}, "text": text, **about}
        self._edits.do(unit.code, "field", Kind.MESSAGE, None, data, at)


def _before(now: datetime, minutes: int) -> datetime:
    return now - timedelta(minutes=minutes)
