"""A crew that refuses a job, cannot go on or is called back by another is told to whoever gave it, with the reason."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from api_client.model import Assignment, AssignmentState, Claim, Entry, Kind, Service, Status, Unit, UnitState
from console.cache.page_items import PageItem
from console.cache.reader import CacheReader
from console.cache.writer import CacheWriter
from console.panels.board_updater import BoardUpdater
from console.panels.notifications.attendance import Attendance
from console.panels.notifications.crew_notes import CrewNotes
from console.panels.notifications.refusals import Refusals
from console.panels.notifications.setback import Setback
from console.panels.qt_outbox import QtOutbox
from console.panels.window_state import WindowState
from console.rules.filter import Filter
from console.rules.messages import Touched
from console.tasks import Tasks
from console.window.actions import ACTIONS
from tests.helpers.city import wait_for
from tests.unit.cache.making import T0, at, items, report


class Listener:
    """A console, of rina's if nothing else is said, that follows one city, whose crew DMK-03 was sent to report 1."""

    def __init__(self, qtbot: QtBot, profile: Path, me: str = "rina") -> None:
        self.profile, self.tasks = profile, Tasks("worker", 1)
        self.window_state = WindowState(me, Filter(), UTC, ACTIONS)
        self.job = Assignment("a", "1", "u", AssignmentState.EN_ROUTE, T0, "DMK-03", T0)
        self.told: list[Setback] = []
        self.reader = CacheReader(profile)
        self.board_updater = BoardUpdater(
            self.window_state, self.tasks, lambda: self.reader, T0.timestamp, lambda _: None
        )
        self.outbox = QtOutbox(profile, lambda _: None, lambda: T0, lambda: "e")
        self.attendance = Attendance()
        self.attendance.tell("city", ["rina", "budi", "ani"])
        self.refusals = Refusals(
            self.window_state, self.tasks, lambda: self.reader, self.outbox.followed, self.attendance
        )
        self.refusals.setback_found.connect(self.told.append)
        self.notes = CrewNotes(
            self.window_state, self.tasks, lambda: self.reader, self.outbox.followed, self.attendance
        )
        self.notes.setback_found.connect(self.told.append)
        self.seq = 10
        self._qtbot = qtbot

    def begin(self, *, ordered_by: str, holder: str | None = "budi", priority: int = 1) -> None:
        self.job = replace(self.job, ordered_by=ordered_by)
        unit = Unit("u", "DMK-03", UnitState.EN_ROUTE, T0)
        about = report("1", claim=Claim(holder, T0) if holder else None, priority=priority)
        self.put(
            PageItem("service", 1, "flood", Service("flood", "Banjir")),
            PageItem("unit", 2, "u", unit),
            *items(about, seq=3),
        )
        self.put(PageItem("assignment", 4, "a", self.job))
        self.start()
        wait_for(lambda: self.window_state.catalog("city").assignments, what="the job is known")

    def start(self) -> None:
        """The board reads what is there, and what happened since the desk was left is looked at."""
        wait_for(lambda: self.outbox.followed.is_open, what="work.db is open")
        with self._qtbot.waitSignal(self.board_updater.ready):
            self.board_updater.start()
        self.answered()
        self.answered()

    def kept(self) -> None:
        """What is followed is on the disk."""
        self.answered()
        self.outbox._thread.wait()

    def end(self, state: AssignmentState, author: str = "DMK-03", why: str = "pompa rusak di jalan.") -> None:
        said = Entry(
            "h", "1", Kind.PROGRESS.value, T0, author, text=why, data={"unit": "u", "state": state.value}, unit="u"
        )
        self.put(PageItem("assignment", 8, "a", replace(self.job, state=state)), PageItem("entry", 9, "h", said))
        self.look(lambda: not self.window_state.catalog("city").assignments)

    def let_go(self, kind: Kind, author: str, data: dict[str, Any], *, closed: bool = True) -> None:
        """By one edit of somebody the crew is called back, and the report closed perhaps."""
        edit = "e9"
        about = report("1", claim=Claim("budi", T0), priority=1, status=Status.CLOSED if closed else Status.NEW)
        ended = replace(self.job, state=AssignmentState.RECALLED, by=author, edit=edit)
        said = Entry("h", "1", kind.value, T0, author, edit=edit, data=data)
        free = Unit("u", "DMK-03", UnitState.AVAILABLE, T0)
        self.put(
            PageItem("assignment", 8, "a", ended), PageItem("entry", 9, "h", said), PageItem("unit", 9, "u", free),
            *items(about, seq=10),
        )  # fmt: skip
        self.look(lambda: not self.window_state.catalog("city").assignments)

    def halt(self, author: str, reason: str = "accident") -> None:
        """Somebody says of the crew that it cannot work; its job stays."""
        stuck = Unit("u", "DMK-03", UnitState.UNAVAILABLE, T0, reason=reason)
        data = {"unit": "u", "state": "unavailable", "reason": reason}
        self.put(
            PageItem("unit", 8, "u", stuck),
            PageItem("entry", 9, "h", Entry("h", None, Kind.UNIT_STATE.value, T0, author, data=data)),
        )
        self.look(lambda: self.window_state.catalog("city").units["u"].state is UnitState.UNAVAILABLE)

    def note(self, author: str, text: str, *, at: datetime = T0, key: str = "n") -> None:
        """Somebody writes a note on the report, which the cache tells as one that is touched."""
        self.write(author, text, at=at, key=key)
        row = self.reader.row_of("city", "1")
        assert row is not None
        self.board_updater.on_touched(Touched(rows=(row,)))
        self.answered()

    def write(self, author: str, text: str, *, at: datetime = T0, key: str = "n") -> None:
        """The same, read into the cache when nobody listens."""
        said = Entry(key, "1", Kind.NOTE.value, at, author, edit="e", text=text)
        self.put(PageItem("entry", self.seq + 1, key, said))

    def look(self, until: Callable[[], object]) -> None:
        """The board reads what was put, and what it asks then is answered."""
        self.board_updater.on_touched(Touched(everything=True))
        wait_for(until, what="it is known")
        self.answered()

    def answered(self) -> None:
        done: list[bool] = []
        self.tasks.submit(lambda: True, done.append)
        wait_for(lambda: done, what="what was asked before has been answered")

    def put(self, *found: PageItem) -> None:
        writer = CacheWriter(self.profile)
        self.seq += 1
        writer.apply("city", found, at(self.seq))
        writer.close()

    def close(self) -> None:
        self.tasks.shutdown()
        self.outbox.close()
        QApplication.processEvents()
        self.reader.close()


def says(listener: Listener, how: str) -> None:
    if how == "writes":
        listener.note("DMK-03", "tembok roboh, dua orang tertimpa")
    elif how == "refuses":
        listener.end(AssignmentState.REFUSED)
    else:
        listener.halt("DMK-03")


HOW = pytest.mark.parametrize("how", ["writes", "refuses", "cannot go on"])


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
        ("ani", AssignmentState.RECALLED, "budi"),
        ("rina", AssignmentState.REFUSED, "rina"),
    ],
)
def test_nobody_is_told_of_what_is_no_refusal_or_not_his_or_what_he_said_himself(
    listener: Listener, ordered_by: str, state: AssignmentState, author: str
) -> None:
    listener.begin(ordered_by=ordered_by, priority=2)
    listener.end(state, author)
    assert listener.told == []


@pytest.mark.parametrize(
    ("kind", "data", "closed", "bold", "text"),
    [
        (Kind.CLOSE, {"disposition": "not found"}, True, "sari has closed 1 Banjir:", "not found. DMK-03 was let go"),
        (Kind.MERGE, {"into": "2"}, True, "sari has merged 1 Banjir into 2:", "DMK-03 was let go"),
        (Kind.CLOSE, {"merged_into": "2"}, True, "sari has merged 1 Banjir into 2:", "DMK-03 was let go"),
        (Kind.RECALL, {"unit": "u"}, False, "sari has called DMK-03 back from 1 Banjir:", "No area"),
    ],
)
def test_who_sent_a_crew_is_told_that_another_has_let_it_go(
    listener: Listener, kind: Kind, data: dict[str, Any], bold: str, text: str, *, closed: bool
) -> None:
    """A colleague closed the report and let the crew go: the list was shorter by one, and nothing else was to see."""
    listener.begin(ordered_by="rina")
    listener.let_go(kind, "sari", data, closed=closed)
    (one,) = listener.told
    assert (one.source, one.report, one.me, one.priority, one.of_crew) == ("city", "1", "rina", 1, True)
    assert (one.bold, one.entry, one.at) == (bold, "h", T0)
    assert "free" not in one.text, "it may be anywhere by the time this is read"
    assert one.text.startswith(text)


@pytest.mark.parametrize("how", ["refused", "halted"])
def test_what_else_hangs_on_a_crew_that_does_not_come_is_told_with_it(listener: Listener, how: str) -> None:
    """The crew with the burst tyre still had the next P1, and nothing said so."""
    listener.begin(ordered_by="rina")
    more = [replace(listener.job, id=f"b{n}", report=str(n), state=AssignmentState.DISPATCHED) for n in range(2, 6)]
    others = items(*(report(str(n), claim=Claim("budi", T0), priority=1) for n in range(2, 6)), seq=5)
    listener.put(*others, *(PageItem("assignment", 6, one.id, one) for one in more))
    listener.look(lambda: len(listener.window_state.catalog("city").assignments) == 5)
    if how == "refused":
        said = Entry(
            "h", "1", Kind.PROGRESS.value, T0, "DMK-03", text="ban pecah", data={"unit": "u", "state": "refused"}
        )
        refused = replace(listener.job, state=AssignmentState.REFUSED)
        listener.put(PageItem("assignment", 8, "a", refused), PageItem("entry", 9, "h", said))
        listener.look(lambda: len(listener.window_state.catalog("city").assignments) == 4)
    else:
        listener.halt("DMK-03", "ban pecah")
    one = next(one for one in listener.told if one.report == "1")
    assert one.text.startswith("ban pecah. It still has 2, 3, 4 and 1 more. Report 1 Banjir")


@pytest.mark.parametrize(("ordered_by", "holder"), [("rina", "budi"), ("budi", "rina")])
def test_what_a_crew_writes_from_its_report_is_told_to_who_sent_it_or_has_it(
    listener: Listener, ordered_by: str, holder: str
) -> None:
    """On scene of a P1 the pump died and the crew asked for a boat: nobody read it who did not open the report."""
    listener.begin(ordered_by=ordered_by, holder=holder)
    listener.note("DMK-03", "mesin pompa mati,\nair naik.")
    (one,) = listener.told
    assert (one.bold, one.priority, one.of_crew, one.entry) == ("DMK-03 writes:", 1, True, "n")
    assert one.text.startswith("mesin pompa mati, air naik. Report 1 Banjir")


@pytest.mark.parametrize(("holder", "priority"), [(None, 2), ("budi", 1)])
@HOW
def test_a_crew_at_a_p1_or_whose_report_nobody_has_is_heard_by_everybody(
    listener: Listener, how: str, holder: str | None, priority: int
) -> None:
    """Who had sent it had gone home, signed out or not: its call for help was told to nobody."""
    listener.begin(ordered_by="ani", holder=holder, priority=priority)
    says(listener, how)
    (one,) = listener.told
    assert (one.report, one.me, one.priority) == ("1", "rina", priority)


@pytest.mark.parametrize("is_there", [True, False])
def test_a_note_from_a_p1_is_red_at_the_desk_that_it_concerns_or_at_all_where_that_is_empty(
    listener: Listener, is_there: bool
) -> None:
    """In a cloudburst each desk had ten red notes of the others' crews, and the new P1 among them."""
    listener.begin(ordered_by="budi", holder="ani")
    listener.attendance.tell("city", ["rina", "budi"] if is_there else ["rina", "sari"])
    listener.note("DMK-03", "antre di palang kereta")
    (one,) = listener.told
    assert one.of_crew is not is_there


@HOW
@pytest.mark.parametrize("left", ["before", "since", "not known when"])
def test_a_crew_whose_people_have_gone_is_heard_by_everybody(listener: Listener, how: str, left: str) -> None:
    """They closed the window or crashed, and kept what was theirs; most crews are at a P2 or P3."""
    listener.begin(ordered_by="ani", holder="budi", priority=3)
    if left == "before":
        listener.attendance.tell("city", ["rina"])
    elif left == "not known when":
        listener.attendance.on_reached("city", is_reached=False)
    says(listener, how)
    if left != "before":
        assert listener.told == [], "budi may read it himself"
        listener.attendance.tell("city", ["rina", "budi"])
        listener.answered()
        assert listener.told == []
        listener.attendance.tell("city", ["rina"])
    wait_for(lambda: listener.told, what="she is told")
    (one,) = listener.told
    assert (one.report, one.me, one.priority) == ("1", "rina", 3)
    listener.attendance.tell("city", ["rina", "sari"])
    listener.answered()
    assert len(listener.told) == 1, "once"


def test_what_a_crew_wrote_long_before_its_people_went_they_have_read(listener: Listener) -> None:
    listener.begin(ordered_by="ani", holder="budi", priority=3)
    listener.note("DMK-03", "kami sudah di lokasi", at=T0 - timedelta(minutes=6))
    listener.attendance.tell("city", ["rina"])
    listener.answered()
    assert listener.told == []


def test_a_refusal_that_its_people_have_seen_to_is_told_to_nobody_else(listener: Listener) -> None:
    listener.begin(ordered_by="ani", holder="budi", priority=3)
    listener.end(AssignmentState.REFUSED)
    other = replace(listener.job, id="b", unit="v", created=T0 + timedelta(minutes=1))
    listener.put(PageItem("assignment", 12, "b", other))
    listener.look(lambda: listener.window_state.catalog("city").assignments)
    listener.attendance.tell("city", ["rina"])
    listener.answered()
    assert listener.told == []


def test_of_a_server_that_tells_of_nobody_nobody_is_there(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("console.panels.notifications.attendance._UNTOLD_MS", 1)
    attendance = Attendance()
    with qtbot.waitSignal(attendance.changed):
        attendance.on_reached("city", is_reached=True)
    assert attendance.connected == {"city": frozenset()}
    attendance.tell("city", ["budi"])
    attendance.on_reached("city", is_reached=True)
    assert attendance.connected == {"city": {"budi"}}
    attendance.on_reached("city", is_reached=False)
    assert attendance.connected == {}


@pytest.mark.parametrize(("ordered_by", "author"), [("ani", "DMK-03"), ("rina", "sari")])
def test_nobody_is_told_of_notes_that_are_no_crews_or_not_his(listener: Listener, ordered_by: str, author: str) -> None:
    listener.begin(ordered_by=ordered_by, priority=2)
    listener.note(author, "lihat foto")
    assert listener.told == []


@pytest.mark.parametrize("state", [AssignmentState.DONE, AssignmentState.RECALLED])
def test_what_a_crew_writes_when_its_job_has_just_ended_is_told(listener: Listener, state: AssignmentState) -> None:
    """It tapped “done”, and then the wall next door fell: nobody was told, for it was on no report any more."""
    listener.begin(ordered_by="rina")
    listener.end(state, author="rina" if state is AssignmentState.RECALLED else "DMK-03")
    listener.told.clear()
    listener.note("DMK-03", "tembok sebelah runtuh", at=T0 + timedelta(hours=1))
    listener.note("DMK-03", "lusa kembali", at=T0 + timedelta(hours=25), key="n2")  # of a job that is long over
    (one,) = listener.told
    assert (one.bold, one.of_crew, one.entry) == ("DMK-03 writes:", True, "n")


@pytest.mark.parametrize("off", [timedelta(minutes=-10), timedelta(), timedelta(minutes=10)])
def test_which_note_is_new_is_told_by_the_server_and_not_by_a_clock(listener: Listener, off: timedelta) -> None:
    """With the clock of a workstation ahead by ten minutes no note was told for as long."""
    listener.write("DMK-03", "from before", at=T0 - timedelta(minutes=6), key="n0")
    listener.begin(ordered_by="rina")
    listener.note("DMK-03", "mesin pompa mati", at=T0 + off)
    assert [one.entry for one in listener.told] == ["n"]


@pytest.mark.parametrize(("ago", "told"), [(timedelta(seconds=30), ["n0"]), (timedelta(minutes=6), [])])
def test_who_sits_at_a_desk_for_the_first_time_is_told_what_has_just_been_written(
    listener: Listener, ago: timedelta, told: list[str]
) -> None:
    """A new workstation, and no other window open: a call for help of half a minute ago was told to nobody, ever."""
    listener.write("DMK-03", "tembok roboh", at=T0 - ago, key="n0")
    listener.attendance.tell("city", ["rina"])
    listener.begin(ordered_by="budi", priority=2)
    assert [one.entry for one in listener.told] == told


def test_a_note_in_a_batch_of_many_changes_is_told(listener: Listener) -> None:
    """Some seconds of an outage in a flood, and a call for help was one of eighty changes: it was told to nobody."""
    listener.begin(ordered_by="rina")
    listener.put(*items(*(report(str(number)) for number in range(100, 200)), seq=listener.seq + 1))
    listener.write("DMK-03", "tembok roboh")
    rows = [listener.reader.row_of("city", str(number)) for number in (1, *range(100, 200))]
    listener.board_updater.on_touched(Touched(rows=tuple(row for row in rows if row is not None)))
    listener.answered()
    assert [one.entry for one in listener.told] == ["n"]


@pytest.mark.parametrize(("status", "told"), [(Status.PROGRESS, ["n"]), (Status.RESOLVED, [])])
def test_what_a_crew_wrote_on_a_report_of_nobodys_is_told_later_while_that_is_open(
    listener: Listener, qtbot: QtBot, tmp_path: Path, status: Status, told: list[str]
) -> None:
    listener.begin(ordered_by="budi")
    listener.kept()
    listener.close()
    listener.write("DMK-03", "tembok roboh")
    listener.put(*items(report("1", status=status, priority=1), seq=listener.seq + 1))
    again = Listener(qtbot, tmp_path)
    again.start()
    assert [one.entry for one in again.told] == told
    again.close()


def test_what_a_crew_wrote_while_the_window_was_closed_is_told_until_it_was_seen(
    listener: Listener, qtbot: QtBot, tmp_path: Path
) -> None:
    listener.begin(ordered_by="rina")
    listener.note("DMK-03", "seen", key="n1")
    listener.notes.on_seen(listener.told[0].of)
    listener.note("DMK-03", "told and not seen", key="n2")
    listener.kept()
    listener.close()
    listener.write("DMK-03", "told to nobody", key="n3")
    listener.write("DMK-03", "of two days ago", at=T0 - timedelta(days=2), key="n4")
    for expected, is_seen in ((["n2", "n3"], False), (["n2", "n3"], True), ([], False)):
        again = Listener(qtbot, tmp_path)
        again.start()
        assert sorted(one.entry for one in again.told) == expected
        if is_seen:
            again.notes.on_seen([each for one in again.told for each in one.of])
        again.kept()
        again.close()


@pytest.mark.parametrize(("ordered_by", "author"), [("ani", "sari"), ("rina", "rina")])
def test_nobody_is_told_of_what_was_not_his_or_what_he_ended_himself(
    listener: Listener, ordered_by: str, author: str
) -> None:
    listener.begin(ordered_by=ordered_by)
    listener.let_go(Kind.CLOSE, author, {"disposition": "spam"})
    assert listener.told == []


def test_who_sent_a_crew_is_told_once_that_it_cannot_go_on(listener: Listener) -> None:
    """The crew of a P1 had an accident on its way: only the last row of the units said so."""
    listener.begin(ordered_by="rina")
    listener.halt("DMK-03")
    (one,) = listener.told
    assert (one.report, one.priority, one.of_crew) == ("1", 1, True)
    assert one.bold == "DMK-03 cannot go on:"
    assert one.text.startswith("accident. Report 1 Banjir")
    listener.look(lambda: True)
    assert len(listener.told) == 1


@pytest.mark.parametrize(("ordered_by", "author"), [("ani", "DMK-03"), ("rina", "rina")])
def test_nobody_is_told_that_what_he_did_not_send_or_set_himself_cannot_go_on(
    listener: Listener, ordered_by: str, author: str
) -> None:
    listener.begin(ordered_by=ordered_by, priority=2)
    listener.halt(author)
    assert listener.told == []
