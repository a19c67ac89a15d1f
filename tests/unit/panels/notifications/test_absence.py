"""What others did while an operator was away is told when he opens the console again, unless he has seen it before."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace
from pytestqt.qtbot import QtBot

from api_client.model import Assignment, AssignmentState, Claim, Entry, Kind, Status, Unit, UnitState
from console.cache.page_items import Cursor, PageItem
from console.cache.writer import CacheWriter
from tests.helpers.city import wait_for
from tests.unit.cache.making import T0, items, report
from tests.unit.panels.notifications.test_refusals import Listener

OpenConsole = Callable[..., AbstractContextManager[Listener]]


@pytest.fixture
def open_console(qtbot: QtBot, tmp_path: Path) -> OpenConsole:
    """Opens a console on the profile for an operator; it is closed when the block ends."""

    @contextmanager
    def sit_down(me: str = "rina") -> Iterator[Listener]:
        listener = Listener(qtbot, tmp_path, me)
        try:
            yield listener
        finally:
            listener.close()

    return sit_down


@contextmanager
def come_back(open_console: OpenConsole, me: str = "rina") -> Iterator[Listener]:
    """The console is opened again, and has read what happened meanwhile."""
    with open_console(me) as listener:
        listener.start()
        yield listener


def cached(profile: Path, *found: PageItem, epoch: str = "e1", seq: int = 50) -> None:
    """`sigap sync` has read these."""
    writer = CacheWriter(profile)
    writer.apply("city", found, Cursor(epoch, seq, scope_version=1, as_of=T0))
    writer.close()


def refusal(job: Assignment) -> list[PageItem]:
    said = Entry("h" + job.id, job.report, Kind.PROGRESS.value, T0, "DMK-03", text="mogok",
                 data={"unit": job.unit, "state": "refused"}, unit=job.unit)  # fmt: skip
    return [PageItem("assignment", 20, job.id, replace(job, state=AssignmentState.REFUSED)),
            PageItem("entry", 21, said.id, said)]  # fmt: skip


def begin(open_console: OpenConsole, jobs: int = 0) -> Assignment:
    """Rina's console follows the job that she gave, and so many more; then it is closed."""
    with open_console() as listener:
        listener.begin(ordered_by="rina")
        job = listener.job
        if jobs:
            more = [replace(job, id=f"b{n}", report=f"r{n}") for n in range(jobs)]
            listener.put(*items(*(report(one.report, priority=2) for one in more), seq=5))
            listener.put(*(PageItem("assignment", 6, one.id, one) for one in more))
            listener.look(lambda: len(listener.window_state.catalog("city").assignments) == jobs + 1)
        listener.kept()
    return job


def test_a_refusal_that_was_read_meanwhile_is_told_until_it_was_seen(open_console: OpenConsole, tmp_path: Path) -> None:
    job = begin(open_console)
    cached(tmp_path, *refusal(job))
    for _ in range(2):
        with come_back(open_console) as listener:
            assert [(one.report, one.bold) for one in listener.told] == [("1", "DMK-03 has refused:")]
            listener.look(lambda: True)
            assert len(listener.told) == 1, "once"
    with come_back(open_console) as listener:
        listener.refusals.on_seen(listener.told[0].of)
    with come_back(open_console) as listener:
        assert listener.told == []


def test_another_operator_of_the_same_profile_is_told_his_own_only(open_console: OpenConsole, tmp_path: Path) -> None:
    job = begin(open_console)
    cached(tmp_path, *refusal(job))
    with come_back(open_console, "ani") as listener:
        assert listener.told == []
    with come_back(open_console) as listener:
        assert len(listener.told) == 1


def test_who_signs_in_at_an_open_desk_is_told_what_happened_while_he_was_away(
    open_console: OpenConsole, tmp_path: Path
) -> None:
    job = begin(open_console)
    cached(tmp_path, *refusal(job))
    with come_back(open_console, "ani") as listener:
        listener.window_state.me = "rina"
        listener.refusals.look()
        wait_for(lambda: listener.told, what="she is told")
        listener.window_state.me = "ani"
        listener.refusals.look()
        listener.answered()
        assert len(listener.told) == 1


@pytest.mark.parametrize("how", ["sent again", "ended", "came after all"])
def test_what_is_over_meanwhile_is_not_told(open_console: OpenConsole, tmp_path: Path, how: str) -> None:
    job = begin(open_console)
    later = T0 + timedelta(minutes=5)
    another = Assignment("c", "1", "v", AssignmentState.DISPATCHED, later, "budi", later)
    more = {
        "sent again": [PageItem("assignment", 30, "c", another)],
        "ended": items(report("1", claim=Claim("budi", T0), priority=1, status=Status.RESOLVED), seq=30),
        "came after all": [PageItem("assignment", 30, "a", replace(job, state=AssignmentState.DONE))],
    }  # fmt: skip
    cached(tmp_path, *refusal(job), *more[how])
    with come_back(open_console) as listener:
        assert listener.told == []


def test_a_crew_that_cannot_go_on_since_is_told_until_it_was_seen(open_console: OpenConsole, tmp_path: Path) -> None:
    begin(open_console)
    stuck = Unit("u", "DMK-03", UnitState.UNAVAILABLE, T0, reason="ban pecah")
    said = Entry("h", None, Kind.UNIT_STATE.value, T0, "budi", data={"unit": "u", "state": "unavailable"})
    cached(tmp_path, PageItem("unit", 20, "u", stuck), PageItem("entry", 21, "h", said))
    for _ in range(2):
        with come_back(open_console) as listener:
            assert [one.bold for one in listener.told] == ["DMK-03 cannot go on:"]
    with come_back(open_console) as listener:
        listener.refusals.on_seen(listener.told[0].of)
    with come_back(open_console) as listener:
        assert listener.told == []


def test_what_a_crew_says_whose_report_nobody_has_is_told_to_who_comes_back(
    open_console: OpenConsole, tmp_path: Path
) -> None:
    """Who had sent it had gone home: it refused while every window was closed."""
    with open_console() as listener:
        listener.begin(ordered_by="ani", holder=None)
        listener.kept()
        job = listener.job
    cached(tmp_path, *refusal(job))
    with come_back(open_console) as listener:
        assert [one.bold for one in listener.told] == ["DMK-03 has refused:"]


def test_a_long_absence_is_told_bounded_and_with_its_number(open_console: OpenConsole, tmp_path: Path) -> None:
    job = begin(open_console, jobs=1000)
    refused = [one for n in range(1000) for one in refusal(replace(job, id=f"b{n}", report=f"r{n}"))]
    cached(tmp_path, *refused, *refusal(job))
    with come_back(open_console) as listener:
        assert len(listener.told) == 50
        assert listener.told[0].report == "1", "the most dangerous first"
        assert listener.told[-1].bold == "952 more of your crews and reports were ended by others:"
        for one in listener.told:
            listener.refusals.on_seen(one.of)
    with come_back(open_console) as listener:
        assert listener.told == []


def test_a_server_that_was_restored_tells_nothing_false(open_console: OpenConsole, tmp_path: Path) -> None:
    job = begin(open_console)
    cached(tmp_path, *refusal(job), epoch="e2")
    with come_back(open_console) as listener:
        assert listener.told == []


def test_what_the_cache_does_not_hold_yet_is_told_once_it_does(open_console: OpenConsole, tmp_path: Path) -> None:
    """The cache may be deleted at any moment: while it is filled anew nobody knows how a job ended."""
    job = begin(open_console)
    for each in tmp_path.glob("cache.db*"):
        each.unlink()
    unit, about = Unit("u", "DMK-03", UnitState.AVAILABLE, T0), report("1", claim=Claim("budi", T0), priority=1)
    writer = CacheWriter(tmp_path)
    part = Cursor("e1", 5, 1, T0, snapshot_key="k", whole=("service", "area", "unit", "live_assignment"))
    writer.apply("city", [PageItem("unit", 2, "u", unit)], part)
    writer.close()
    with come_back(open_console) as listener:
        assert listener.told == []
        listener.put(*items(about, seq=4), *refusal(job))
        listener.look(lambda: listener.told)
        assert [one.bold for one in listener.told] == ["DMK-03 has refused:"]
