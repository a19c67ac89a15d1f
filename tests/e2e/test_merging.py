"""Two reports are looked at side by side, in a real window, before one is closed as the duplicate of the other."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel

from api_client.model import Status
from tests.e2e.test_supervisor import as_budi
from tests.helpers.city import Served, console, served, wait_for, write_users
from tests.helpers.hands import choose, find, form, key, wait_ready

pytestmark = pytest.mark.usefixtures("qapp")
AT_WORK = ("dispatched", "acknowledged", "en_route", "on_scene")


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("city")
    users = str(write_users(folder))
    with served(folder, "--demo-city", "--still", "--reports", "1200", "--users", users) as server:
        yield server


@pytest.fixture(scope="module")
def window(city: Served) -> Iterator[Any]:
    with console(city.folder / "profile", city.address) as window:
        wait_ready(window)
        yield window


def press(*codes: Qt.Key) -> None:
    for code in codes:
        focus = QApplication.focusWidget()
        assert focus is not None
        QTest.keyClick(focus, code)


def opened(window: Any, *, crew: bool, priorities: tuple[int, ...] = (1, 2, 3, 4)) -> Any:
    """The form over a report (on which a crew works) and a second call about the same."""
    find(
        window,
        "active" if crew else "unassigned",
        lambda now: now.has_place and (now.lead_state in AT_WORK) is crew,
        like=lambda report: report.priority in priorities,
    )
    return opened_on(window, window.window_state.row, window.details_reader.current.shown)


def opened_on(window: Any, row: int, shown: Any) -> Any:
    """The same over this report."""
    data = {
        "service": shown.service, "channel": "phone",
        "description": f"Lagi {uuid.uuid4().hex}: {shown.description}"[:90],
        "lat": shown.lat, "lon": shown.lon, "priority": shown.priority,
    }  # fmt: skip
    window.edit_commands.create("city", data, f"local:{uuid.uuid4()}", "again")
    wait_for(lambda: not window.outbox_controller.open_edits, what="the server has the second call")

    def known() -> bool:
        window.recommender.refresh()
        details, alike = window.situation.with_duplicates
        return details is not None and details.row == row and any(one.text == data["description"] for one in alike)

    window.window_state.choose(row)
    wait_for(known, what="it may be the same")
    key(window, "D")
    found = form(window)
    digits = [one.text for one in window.situation.with_duplicates[1]]
    press(Qt.Key(Qt.Key.Key_1.value + digits.index(str(data["description"]))))
    wait_for(lambda: found.why_not() != "The report is being read", what="the candidate is read")
    return found


def test_a_merge_is_looked_at_first_and_closes_the_candidate(window: Any) -> None:
    form_ = opened(window, crew=False)
    made: list[Any] = []
    window.undo_stack.pushed.connect(made.append)
    mine = window.details_reader.current.shown
    number = form_.values()["candidate"]
    stays, goes = form_.texts()
    assert stays.startswith(f"Stays\n{mine.id} ")
    assert goes.startswith(f"Is closed as its duplicate\n{number} ")
    assert mine.description[:40] in stays
    assert f": {mine.description}"[:30] in goes
    press(Qt.Key.Key_S)
    assert form_.texts()[0].startswith(f"Stays\n{number} ")
    press(Qt.Key.Key_S)
    assert form_.why_not() == ""
    assert made == [], "nothing is merged without a look"
    assert form_.windowTitle().endswith(window.situation.title_of(window.details_reader.current)), "with words"
    press(Qt.Key.Key_Return)
    wait_for(lambda: made, what="the merge")
    assert window.status.undo_text() == f"Merge {number} into {mine.id}"
    assert [(step.kind.value, step.report, dict(step.data)) for step in made] == [("merge", number, {"into": mine.id})]
    wait_for(lambda: not window.outbox_controller.open_edits, what="the server has it")
    assert window.outbox_controller.decisions == 0
    window.undo_stack.pushed.disconnect(made.append)


def test_the_older_stays_with_its_clock_and_with_what_was_merged_into_the_other(window: Any) -> None:
    """Merged into the newer the report lost its clock, and what had been merged into it was shown nowhere."""
    first = opened(window, crew=False)
    older = window.details_reader.current.shown
    newer = first.values()["candidate"]
    press(Qt.Key.Key_Return)  # the newer into the older
    wait_for(lambda: not window.outbox_controller.open_edits, what="the server has the merge")
    second = opened_on(window, window.reader().row_of("city", older.id), older)
    mine, latest = window.details_reader.current.shown, second.values()["candidate"]
    assert mine.id == older.id
    assert f"×{mine.duplicates} duplicate" in second.texts()[0]
    press(Qt.Key.Key_S)  # the older into the latest one
    said = "\n".join(label.text() for label in second.findChildren(QLabel))
    assert f"{latest} keeps the earlier clock: from " in said
    assert f" of {mine.id} come along." in said
    press(Qt.Key.Key_Return)
    wait_for(lambda: not window.outbox_controller.open_edits, what="the server has the second merge")
    choose(window, latest)
    wait_for(lambda: len(window.ticket.ticket().merged) == 1 + mine.duplicates, what="all that were merged into it")
    ticket = window.ticket.ticket()
    assert {row.number for row in ticket.merged} > {older.id, newer}
    assert ["runs from" in value for name, value, _ in ticket.facts if name == "Clock"] == [True]
    assert min(clock.started for clock in window.details_reader.current.shown.clocks) == older.created


def test_who_merges_a_p1_into_work_that_was_handed_in_reads_that_it_goes_back(window: Any) -> None:
    """The form said that the report becomes P1, and not that its crew has left and another has to be sent."""
    of_today = datetime.now(UTC) - timedelta(hours=20)  # what is older is no duplicate of a call
    find(
        window, "validate", lambda now: now.has_place,
        like=lambda report: report.priority > 1 and report.created > of_today,
    )  # fmt: skip
    done, local = window.details_reader.current.shown, f"local:{uuid.uuid4()}"
    data = {"service": done.service, "description": "It is back", "lat": done.lat, "lon": done.lon, "priority": 1}
    window.edit_commands.create("city", data, local, "again")
    wait_for(lambda: window.outbox.remote_of(local) and not window.outbox_controller.open_edits, what="the call")
    choose(window, window.outbox.remote_of(local))
    wait_for(lambda: done.id in [one.number for one in window.situation.with_duplicates[1]], what="it may be the same")
    key(window, "D")
    found = form(window)
    numbers = [one.number for one in window.situation.with_duplicates[1]]
    press(Qt.Key(Qt.Key.Key_1.value + numbers.index(done.id)))
    wait_for(lambda: found.why_not() != "The report is being read", what="the candidate is read")
    if not found.texts()[0].startswith(f"Stays\n{done.id} "):
        press(Qt.Key.Key_S)
    told = "\n".join(label.text() for label in found.findChildren(QLabel))
    assert f"{done.id} becomes P1, as the other is. Its work is returned: it waits for a crew." in told
    press(Qt.Key.Key_Return)
    wait_for(lambda: not window.outbox_controller.open_edits, what="the server has it")
    choose(window, done.id)
    wait_for(lambda: window.details_reader.current.shown.status is Status.RETURNED, what="it goes back")
    row = window.window_state.row
    wait_for(lambda: row in window.window_state.view.hazards.tolist(), what="and waits for a crew")


def test_who_merges_into_a_report_that_is_on_hold_reads_so_before(window: Any, city: Served) -> None:
    """A P1 that was merged into it waited for the weather with it, and the form had not said so."""
    found = opened(window, crew=False)
    mine = window.details_reader.current.shown.id
    assert "on hold" not in "\n".join(found.texts())
    as_budi(city, mine, "set", {"hold": {"reason": "rain", "waits_for": "weather"}})
    wait_for(lambda: "on hold (waits for the weather)" in found.texts()[0], what="the form says so")
    told = "\n".join(label.text() for label in found.findChildren(QLabel))
    assert f"{mine} stays on hold (waits for the weather): what is merged waits with it." in told
    press(Qt.Key.Key_Escape)


def test_the_form_follows_both_reports_and_asks_for_a_second_stroke(window: Any, city: Served) -> None:
    """Another made the candidate P1: the form went on saying P3, was taken, and the server refused the merge."""
    found = opened(window, crew=False, priorities=(3,))
    mine, number = window.details_reader.current.shown.id, found.values()["candidate"]
    stays_before = found.texts()[0].splitlines()[1]
    made: list[Any] = []
    window.undo_stack.pushed.connect(made.append)
    as_budi(city, number, "set", {"priority": 1})
    wait_for(lambda: found.news, what="what another has done")
    assert found.news == f"{number}: budi changed meanwhile: Priority P3 routine, now P1 hazard"
    assert "P1 · New" in "\n".join(found.texts())
    assert found.texts()[0].splitlines()[1] == stays_before
    as_budi(city, mine, "set", {"status": "coordination"})
    wait_for(lambda: "\n" in found.news, what="what another has done to the chosen one")
    assert f"{mine}: budi changed meanwhile: Status New, now Coordination" in found.news
    press(Qt.Key.Key_Return)
    assert found.isVisible()
    assert made == []
    press(Qt.Key.Key_Return)
    wait_for(lambda: not found.isVisible(), what="the second stroke")
    assert "was merged" not in window.status_controller._message
    wait_for(lambda: not window.outbox_controller.open_edits, what="the server has it")
    assert window.outbox_controller.decisions == 0
    assert [step.kind.value for step in made][-1] == "merge"
    window.undo_stack.pushed.disconnect(made.append)


def test_what_would_be_closed_is_not_while_a_crew_works_on_it(window: Any) -> None:
    found = opened(window, crew=True)
    press(Qt.Key.Key_S)
    assert "recall it first" in found.why_not()
    press(Qt.Key.Key_Return)
    assert found.isVisible()
    found.close()


def test_a_candidate_that_is_closed_is_said_to_be_barred_either_way(window: Any, city: Served) -> None:
    """It said "only the other way round", and the other way round said that it has to be reopened."""
    found = opened(window, crew=False, priorities=(3,))
    number = found.values()["candidate"]
    as_budi(city, number, "close", {"disposition": "Bukan laporan", "reason": "", "release": []})
    wait_for(lambda: "is closed" in found.why_not(), what="it is barred")
    for _ in range(2):
        assert found.why_not() == f"{number} is closed: reopen it first, or nobody works on either"
        press(Qt.Key.Key_S)
    found.close()
