"""What a server that was set back has lost is told on every console that had read it, until it was seen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, timedelta
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from api_client.model import AssignmentState, Report, Service, Status, Unit, UnitState
from console.cache.page_items import Cursor, PageItem
from console.cache.reader import CacheReader
from console.cache.writer import CacheWriter
from console.panels.board_updater import BoardUpdater
from console.panels.notifications.restores import Restores
from console.panels.notifications.setback import Setback
from console.panels.qt_outbox import QtOutbox
from console.panels.window_state import WindowState
from console.rules.filter import Filter
from console.tasks import Tasks
from console.window.actions import ACTIONS
from tests.helpers.city import wait_for
from tests.unit.cache.making import T0, assignment, items, report

READ = T0 + timedelta(hours=2)
VOCABULARY = [
    PageItem("service", 1, "flood", Service("flood", "Banjir")),
    PageItem("unit", 1, "u1", Unit("u1", "SDA-01", UnitState.AVAILABLE, T0)),
]


def cursor(epoch: str, *, whole: bool = True) -> Cursor:
    return Cursor(epoch, 50, scope_version=1, as_of=READ, snapshot_key=None if whole else "k")


def read_before(writer: CacheWriter) -> None:
    """Five reports, one of them closed, one with a crew on its way."""
    found = [
        report("1", priority=3),
        report("2", priority=1, description="Api, anak di dalam."),
        report("3", priority=2),
        report("4", priority=1, status=Status.CLOSED),
        report("5", priority=3, created=T0 + timedelta(minutes=5)),
    ]
    sent = PageItem("assignment", 9, "a", assignment("a", "3", "u1", AssignmentState.EN_ROUTE))
    writer.apply("city", [*VOCABULARY, *items(*found), sent], cursor("before"))


class Sitter:
    """A console of somebody on the profile."""

    def __init__(self, profile: Path, qtbot: QtBot, me: str = "rina") -> None:
        self.tasks, self.reader = Tasks("worker", 1), CacheReader(profile)
        self.window_state = WindowState(me, Filter(), UTC, ACTIONS)
        self.board_updater = BoardUpdater(
            self.window_state, self.tasks, lambda: self.reader, T0.timestamp, lambda _: None
        )
        self.outbox = QtOutbox(profile, lambda _: None, lambda: T0, lambda: "e")
        self.restores = Restores(self.window_state, self.tasks, lambda: self.reader, self.outbox.followed)
        self.told: list[Setback] = []
        self.restores.setback_found.connect(self.told.append)
        wait_for(lambda: self.outbox.followed.is_open, what="work.db is open")
        with qtbot.waitSignal(self.board_updater.ready):
            self.board_updater.start()
        self.answered()

    def answered(self) -> None:
        for _ in range(3):
            done: list[bool] = []
            self.tasks.submit(lambda: True, done.append)
            wait_for(lambda done=done: done, what="answered")

    def close(self) -> None:
        self.outbox._thread.wait()
        self.tasks.shutdown()
        self.outbox.close()
        self.reader.close()


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[CacheWriter]:
    writer = CacheWriter(tmp_path)
    read_before(writer)
    yield writer
    writer.close()


@pytest.fixture
def sit(qtbot: QtBot, tmp_path: Path) -> Iterator[Callable[..., Sitter]]:
    there: list[Sitter] = []

    def down(me: str = "rina") -> Sitter:
        for one in there:
            one.close()
        there[:] = [Sitter(tmp_path, qtbot, me)]
        return there[0]

    yield down
    for one in there:
        one.close()


def test_open_reports_that_a_restore_took_are_told_until_they_were_seen(
    sit: Callable[..., Sitter], writer: CacheWriter
) -> None:
    """Three fires vanished from every desk without a word, one with its crew on the way."""
    sitter = sit()
    assert sitter.told == []
    touched = writer.forget("city", set_back=True)
    writer.apply("city", [*VOCABULARY, *items(report("1", priority=3))], cursor("after", whole=False))
    sitter.board_updater.on_touched(touched)
    sitter.answered()
    assert sitter.told == [], "not all has been read"
    # The number of 5 is another report's now.
    sitter.board_updater.on_touched(writer.apply("city", items(report("5", priority=3)), cursor("after")))
    wait_for(lambda: len(sitter.told) == 3, what="she is told")
    fire, sent, rest = sitter.told
    assert fire.bold == "GONE from the server: P1 2 Banjir, No area."
    assert fire.text.startswith("Api, anak di dalam. The server was set back")
    assert (fire.of_crew, fire.priority, fire.me, fire.at) == (True, 1, "rina", READ)
    assert (sent.units, sent.of_crew) == (("u1",), True)
    assert "SDA-01 was sent to it, and has no job there any more" in sent.text
    assert (rest.bold, rest.text, rest.of_crew) == (
        "The server was set back and lost an open report:",
        "5 Banjir",
        False,
    )
    sitter.restores.on_seen(fire.of)
    assert [one.report for one in sit().told] == ["3", "5"]
    assert len(sit("budi").told) == 3, "each operator"
    again = sit()
    for one in again.told:
        again.restores.on_seen(one.of)
    assert sit().told == []


def test_what_came_again_with_the_server_is_not_lost(sit: Callable[..., Sitter], writer: CacheWriter) -> None:
    writer.forget("city", set_back=True)
    found = [report("1"), report("2", priority=1), report("3")]
    writer.apply("city", [*VOCABULARY, *items(*found), *items(report("5", created=T0 + timedelta(minutes=5)))],
                 cursor("after"))  # fmt: skip
    assert sit().told == []


@pytest.mark.parametrize(
    ("then", "stands"),
    [
        (report("2", priority=3, description="Api"), "It is “New”, P3 there now, and no P1 without a crew"),
        (report("2", priority=1, status=Status.VALIDATION), "It is “Awaiting validation”, P1 there now"),
        (report("2", priority=1, status=Status.RESOLVED), "It is “Resolved”, P1 there now"),
    ],
)
def test_a_hazard_that_a_restore_made_less_is_told_until_it_was_seen(
    sit: Callable[..., Sitter], writer: CacheWriter, then: Report, stands: str
) -> None:
    """A colleague had raised it since the backup: it was off the counter, and the banner showed another."""
    writer.forget("city", set_back=True)
    others = [report("1"), report("3"), report("5", created=T0 + timedelta(minutes=5))]
    writer.apply("city", [*VOCABULARY, *items(then, *others)], cursor("after"))
    (fell,) = sit().told
    assert fell.bold == "FELL BACK at the server: P1 2 Banjir, No area."
    assert fell.text.startswith("Api, anak di dalam. " + stands)
    assert (fell.priority, fell.of_crew, fell.is_gone) == (1, True, False), "there it can be looked at"
    assert len(sit("budi").told) == 1
    again = sit()
    again.restores.on_seen(again.told[0].of)
    assert sit().told == []
    writer.apply("city", items(report("2", priority=1), seq=40), cursor("after"))
    assert sit("ani").told == [], "made P1 again"


def test_a_source_that_left_the_profile_has_lost_nothing(sit: Callable[..., Sitter], writer: CacheWriter) -> None:
    writer.forget("city")
    writer.apply("city", [*VOCABULARY, *items(report("1"))], cursor("after"))
    assert sit().told == []
