"""The demo city's crews read and answer what the control room writes to them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from api_client.decoding import decode
from api_client.model import EditBody, Kind, Message, ReadMark, Report, Service, Status, Unit, UnitState
from console.server.city.city import City
from console.server.city.records import LOCAL, LoadedReport
from console.server.demo.edits import DemoEdits
from console.server.demo.messages import CrewMail
from console.server.demo.mirror import Mirror
from console.server.demo.pace import Pace

NOW = datetime(2026, 1, 20, 7, 7, 31, tzinfo=UTC)


class Town:
    """A small city with two crews, one of them on its way to a report."""

    def __init__(self, folder: Path) -> None:
        self.now = NOW
        self.city = City(f"sqlite:///{folder / 'city.db'}", clock=lambda: self.now, name="Jakarta")
        self.city.create_schema()
        self.city.put_services([Service("banjir", "Banjir")])
        self.city.put_units([Unit(f"u{n}", f"SDA-1{n}", UnitState.AVAILABLE, NOW) for n in (1, 2)])
        self.city.load([LoadedReport(Report("7", 1, Status.NEW, "banjir", 2, "Air naik", NOW, NOW))])
        self.city.apply(EditBody("sent-to-7", Kind.DISPATCH, data={"unit": "u1"}), report="7", if_match=1)
        gone = {"unit": "u1", "state": "en_route"}
        self.city.apply(EditBody("on-the-way", Kind.PROGRESS, data=gone), report="7", if_match=2)
        self.pace = Pace()
        chance = random.Random(5)
        edits = DemoEdits(self.city, random.Random(6))
        self.mail = CrewMail(self.city, Mirror(self.city), edits, chance, self.pace, NOW)

    def live(self, seconds: int) -> None:
        for _ in range(seconds):
            self.now += timedelta(seconds=1)
            self.pace.go_on(1.0)
            self.mail.step(self.now)

    def found(self) -> tuple[list[Message], list[ReadMark]]:
        items = self.city.messages(LOCAL, 0).items
        messages = [decode(bytes(item.data), Message) for item in items if item.kind == "message"]
        return messages, [decode(bytes(item.data), ReadMark) for item in items if item.kind == "read_mark"]


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    town = Town(tmp_path)
    yield town
    town.city.close()


def test_a_crew_reads_what_is_written_to_it_and_mostly_answers(town: Town) -> None:
    before, _ = town.found()
    assert [(one.author, one.report, one.at < NOW) for one in before] == [("wati", None, True), ("SDA-11", "7", True)]
    for number in range(6):
        data = {"to": {"unit": "u2"}, "text": "Sudah sampai?", "report": "7"}
        town.city.apply(EditBody(f"message-{number}", Kind.MESSAGE, data=data), actor=LOCAL)
    town.live(3)
    assert town.found()[1] == [], "nobody reads at once"
    town.live(100)
    messages, marks = town.found()
    assert {mark.message for mark in marks} == {f"message-{number}" for number in range(6)}
    assert {(mark.who, mark.addressed) for mark in marks} == {("SDA-12", True)}
    answers = [one for one in messages if one.author == "SDA-12"]
    assert 2 <= len(answers) <= 6
    assert {(one.unit, one.to.role, one.report) for one in answers} == {("u2", "operator", "7")}
    count = len(messages)
    town.live(100)
    assert len(town.found()[0]) == count, "each is answered once, and no answer of a crew is"


def test_a_city_that_goes_on_has_no_second_beginning(town: Town) -> None:
    chance = random.Random(7)
    CrewMail(town.city, Mirror(town.city), DemoEdits(town.city, chance), chance, town.pace, town.now)
    assert len(town.found()[0]) == 2
