"""A crew that refuses a job is told to whoever gave it, with the reason."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC
from pathlib import Path

import pytest
from msgspec.structs import replace
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from console.domain.edit import Kind
from console.domain.filter import Filter
from console.domain.messages import Touched
from console.domain.report import Assignment, Claim, Entry, Service, Unit
from console.domain.status import AssignmentState, UnitState
from console.presenters.board_feed import BoardFeed
from console.presenters.desk import Desk
from console.presenters.refusals import Refusals
from console.presenters.setback import Setback
from console.store.cache_read import CacheReader
from console.store.cache_write import CacheWriter
from console.store.items import Item
from console.tasks import Tasks
from tests.helpers.city import wait_for
from tests.unit.store.making import T0, at, items, report


class Listener:
    """A console of rina's that follows one city, whose crew DMK-03 was sent to report 1."""

    def __init__(self, qtbot: QtBot, profile: Path) -> None:
        self.profile, self.tasks = profile, Tasks("worker", 1)
        self.desk = Desk("rina", Filter(), UTC)
        self.job = Assignment("a", "1", "u", AssignmentState.EN_ROUTE, T0, "DMK-03", T0)
        self.told: list[Setback] = []
        self.reader = CacheReader(profile)
        self.feed = BoardFeed(self.desk, self.tasks, lambda: self.reader, T0.timestamp, lambda _: None)
        self.refusals = Refusals(self.desk, self.tasks, lambda: self.reader)
        self.refusals.told.connect(self.told.append)
        self.seq = 10
        self._qtbot = qtbot

    def begin(self, *, ordered_by: str, holder: str = "budi") -> None:
        self.job = replace(self.job, ordered_by=ordered_by)
        unit = Unit("u", "DMK-03", UnitState.EN_ROUTE, T0)
        about = report("1", claim=Claim(holder, T0), priority=1)
        self.put(
            Item("service", 1, "flood", Service("flood", "Banjir")), Item("unit", 2, "u", unit), *items(about, seq=3)
        )
        self.put(Item("assignment", 4, "a", self.job))
        with self._qtbot.waitSignal(self.feed.ready):
            self.feed.start()
        wait_for(lambda: self.desk.catalog("city").assignments, what="the job is known")

    def end(self, state: AssignmentState, author: str = "DMK-03", why: str = "pompa rusak di jalan.") -> None:
        said = Entry(
            "h", "1", Kind.PROGRESS.value, T0, author, text=why, data={"unit": "u", "state": state.value}, unit="u"
        )
        self.put(Item("assignment", 8, "a", replace(self.job, state=state)), Item("entry", 9, "h", said))
        self.feed.on_touched(Touched(everything=True))
        wait_for(lambda: not self.desk.catalog("city").assignments, what="the job is over")
        done: list[bool] = []
        self.tasks.submit(lambda: True, done.append)
        wait_for(lambda: done, what="what was asked before has been answered")

    def put(self, *found: Item) -> None:
        writer = CacheWriter(self.profile)
        self.seq += 1
        writer.apply("city", found, at(self.seq))
        writer.close()

    def close(self) -> None:
        self.tasks.shutdown()
        QApplication.processEvents()
        self.reader.close()


@pytest.fixture
def listener(qtbot: QtBot, tmp_path: Path) -> Iterator[Listener]:
    listener = Listener(qtbot, tmp_path)
    yield listener
    listener.close()


@pytest.mark.parametrize(("ordered_by", "holder"), [("rina", "budi"), ("budi", "rina")])
def test_who_gave_the_job_or_has_the_report_is_told_that_and_why_it_was_refused(
    listener: Listener, ordered_by: str, holder: str
) -> None:
    """The reason stood in the timeline only, below the fold, and the crew with the broken pump was armed again."""
    listener.begin(ordered_by=ordered_by, holder=holder)
    listener.end(AssignmentState.REFUSED)
    (one,) = listener.told
    assert (one.source, one.report, one.me, one.priority, one.of_crew) == ("city", "1", "rina", 1, True)
    assert one.bold == "DMK-03 has refused:"
    assert one.text.startswith("pompa rusak di jalan. Report 1 Banjir")


@pytest.mark.parametrize(
    ("ordered_by", "state", "author"),
    [
        ("ani", AssignmentState.REFUSED, "DMK-03"),
        ("rina", AssignmentState.DONE, "DMK-03"),
        ("rina", AssignmentState.RECALLED, "budi"),
        ("rina", AssignmentState.REFUSED, "rina"),
    ],
)
def test_nobody_is_told_of_what_is_no_refusal_or_not_his_or_what_he_said_himself(
    listener: Listener, ordered_by: str, state: AssignmentState, author: str
) -> None:
    listener.begin(ordered_by=ordered_by)
    listener.end(state, author)
    assert listener.told == []
