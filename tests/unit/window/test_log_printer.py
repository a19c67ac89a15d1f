"""The window has the log printed by a process of its own: what it is asked, how far it is, and how it is stopped."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from console.cache.writer import CacheWriter
from console.export.messages import PRINTS
from console.rules.rights import Rights
from console.settings import CityZone
from console.window.log_printer import LogPrinter
from tests.helpers.city import wait_for
from tests.unit.panels.test_log import Room, entry

SLOW = (sys.executable, "-c", "import sys; sys.stdin.buffer.read()")
"""A process that makes no page, and ends with its input."""
HUNG = (sys.executable, "-c", "import time; time.sleep(60)")
BROKEN = (sys.executable, "-c", "raise SystemExit(3)")


class Paper(Room):
    """A window with a log that is printed."""

    def __init__(self, profile: Path, writer: CacheWriter) -> None:
        super().__init__(profile, writer)
        self.may_open, self.shown = True, list[Path]()
        self.printer = LogPrinter(
            self.log, self.window_state, self.forms, self.sources, profile, CityZone(UTC), lambda: self.now,
            lambda _: Rights("viewer"), self.open_file,
        )  # fmt: skip
        self.printer.message.connect(self.said.append)

    def open_file(self, path: Path) -> bool:
        self.shown.append(path)
        return self.may_open

    def over(self) -> str:
        wait_for(lambda: not self.printer.is_printing, 60, "the process has ended")
        return self.said[-1]


@pytest.fixture
def paper(qtbot: QtBot, tmp_path: Path) -> Iterator[Paper]:
    writer = CacheWriter(tmp_path)
    paper = Paper(tmp_path, writer)
    qtbot.addWidget(paper.window)
    paper.window.show()
    wait_for(lambda: paper.outbox.followed.is_open, what="what was kept is known")
    yield paper
    paper.printer.stop()
    paper.close()
    writer.close()


def test_it_is_asked_how_and_a_process_makes_the_pages(paper: Paper, monkeypatch: pytest.MonkeyPatch) -> None:
    paper.put(entry("a", 1, who="budi"), entry("b", 2))
    paper.settle()
    places: list[Path] = []

    def choose_new_file(_title: str, path: Path, _kinds: str, then: Callable[[Path], object]) -> None:
        places.append(path)
        then(paper.profile / "mine.pdf")

    monkeypatch.setattr(paper.forms, "choose_new_file", choose_new_file)
    for how in ("save", "open"):
        paper.printer.begin()
        form: Any = paper.forms._open
        assert [choice.id for choice in form._rows] == ["save", "open"]
        form.chosen.emit(how)
        form.close()
        paper.over()
        paper.may_open = False
        paper.log.narrow_to("person:budi")
        paper.settle()
    assert paper.said[-1] == f"No program here opens PDFs: 1 line is in {paper.shown[0]}"
    assert f"2 lines are in {paper.profile / 'mine.pdf'}" in paper.said
    assert "Printing the log: 2 lines so far. Ctrl+P stops it" in paper.said
    assert [path.name for path in places] == ["Sigap log 2026-11-25 0800.pdf"]
    assert paper.shown == [paper.profile / PRINTS / "Sigap log 2026-11-25 0800.pdf"]
    assert paper.shown[0].read_bytes()[:4] == b"%PDF"


def test_what_is_printed_says_what_it_is_of(paper: Paper) -> None:
    spans = {"all": "all that is known", "today": "from 25 Nov 00:00", "yesterday": "24 Nov 00:00 – 25 Nov 00:00"}
    for time, words in spans.items():
        paper.log.narrow_to(f"time:{time}")
        assert paper.printer._job(Path("x.pdf")).heading == words
    paper.log.narrow_to("unit:city/07")
    paper.panel.set_find(" water ")
    job = paper.printer._job(Path("x.pdf"))
    assert job.heading == "24 Nov 00:00 – 25 Nov 00:00  ·  SDA-07  ·  “water”"
    assert (job.title, job.note) == ("Sigap: log of City", "printed by rina, 2026-11-25 08:00 UTC")
    assert (job.hidden, job.users, job.cities, job.zone) == (("city",), {"city": "rina"}, {}, "")
    assert job.filter == paper.log.filter


def test_the_same_key_stops_it_and_what_breaks_is_said(paper: Paper) -> None:
    for command, told in (
        (SLOW, "Stopped: nothing was printed"),
        (HUNG, "Stopped: nothing was printed"),
    ):
        paper.printer.command = list(command)
        paper.printer._late.setInterval(300)
        paper.printer.print_into(paper.profile / "log.pdf")
        paper.printer.begin()
        assert paper.over() == told
    for broken in (list(BROKEN), ["/nowhere/python"]):
        paper.printer.command = broken
        paper.printer.print_into(paper.profile / "log.pdf")
        assert paper.over() == "The log was not printed: what makes the pages has ended"
    paper.printer.command = list(SLOW)
    paper.printer.print_into(paper.profile / "log.pdf")
    paper.printer.stop()
    assert not paper.printer.is_printing


def test_what_the_process_says_of_a_fault_is_handed_on(paper: Paper) -> None:
    paper.put(entry("a", 1))
    paper.settle()
    paper.printer.print_into(paper.profile / "nowhere" / "log.pdf")
    assert paper.over() == "The log was not printed: No such file or directory"
    paper.log.narrow_to("person:nobody")
    paper.printer.print_into(paper.profile / "log.pdf")
    assert paper.over() == "Nothing was printed: no line is so"
