"""A crew that has begun lesser work is diverted to a P1 in one step: asked once, undone at once, never half."""

from __future__ import annotations

import json
import urllib.request
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from api_client.model import AssignmentState, Kind, Status
from console.rules.distance import distance_m
from console.rules.queued import EditState
from console.rules.status import ENDED_ASSIGNMENT
from tests.helpers.city import TOKENS, Served, console, served, wait_for, write_users
from tests.helpers.hands import CTRL, banner, choose, form, key, outbox, said, strips, wait_notice_read, wait_ready
from tests.helpers.proxy import FaultProxy

pytestmark = pytest.mark.usefixtures("qapp")


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("divert")
    users = str(write_users(folder))
    with served(folder, "--demo-city", "--still", "--reports", "400", "--users", users) as server:
        yield server


@pytest.fixture
def proxy(city: Served) -> Iterator[FaultProxy]:
    between = FaultProxy(city.port)
    yield between
    between.close()


@pytest.fixture
def window(proxy: FaultProxy, tmp_path: Path) -> Iterator[Any]:
    with console(tmp_path, proxy.url) as one:
        wait_ready(one)
        yield one


def settled(window: Any) -> None:
    wait_for(lambda: not window.outbox.open_ids and not window.outbox.saving, what=lambda: outbox(window))


def number_of(window: Any, local_key: str) -> str:
    wait_for(lambda: window.outbox.remote_of(local_key), what="its number")
    return str(window.outbox.remote_of(local_key))


def matter(window: Any, priority: int, unit: Any) -> dict[str, Any]:
    """What a report says that lies where the unit is, of a service that the unit can do."""
    services = window.window_state.catalog("city").services.values()
    fits = next(one for one in services if set(one.skills) <= set(unit.skills) and not one.valid_to)
    return {"service": fits.code, "description": "Water", "priority": priority, "lat": unit.lat, "lon": unit.lon}


def new_report(window: Any, priority: int, unit: Any) -> str:
    """A report that is entered here; its number."""
    local = f"local:{uuid.uuid4().hex}"
    window.edit_commands.create("city", matter(window, priority, unit), local, "Water")
    number = number_of(window, local)
    settled(window)
    return number


def free_unit(window: Any) -> Any:
    """A free unit that is farthest from those at work: beside it no other crew is diverted sooner."""
    busy = window.window_state.catalog("city").by_unit
    known = [one for one in window.window_state.catalog("city").units.values() if one.lat is not None]
    at_work = [one for one in known if one.id in busy]
    free = [one for one in known if one.state.value == "available" and one.id not in busy and not one.valid_to]
    return max(free, key=lambda one: min(distance_m(one.lat, one.lon, each.lat, each.lon) for each in at_work))


def at_work(window: Any, state: AssignmentState = AssignmentState.ON_SCENE) -> tuple[Any, str]:
    """A unit that has begun work on a P3, where it is; the unit and the report's number."""
    unit = free_unit(window)
    lesser = new_report(window, 3, unit)
    choose(window, lesser)
    window.unit_commands.dispatch(window.situation.report, unit.id)
    for step in (AssignmentState.EN_ROUTE, AssignmentState.ON_SCENE):
        wait_for(lambda: window.situation.current.lead_unit == unit.id, what="sent")
        window.unit_commands._step_here(window.situation.report, unit.id, step)
        wait_for(lambda step=step: window.situation.current.lead_state == step.value, what=step.value)
        if step is state:
            break
    settled(window)
    jobs = window.window_state.catalog("city").by_unit
    wait_for(lambda: [job.state for job in jobs_of(window, unit.id)] == [state], what=lambda: jobs.get(unit.id))
    return unit, lesser


def jobs_of(window: Any, unit: str) -> list[Any]:
    return list(window.window_state.catalog("city").by_unit.get(unit, []))


def chosen_p1(window: Any, unit: Any) -> str:
    """A P1 beside the unit, chosen, with its advice."""
    number = new_report(window, 1, unit)
    choose(window, number)
    wait_for(lambda: advice_on(window, unit.id) is not None, what="the unit is recommended")
    wait_for(lambda: advice_on(window, unit.id).leaves, what="that it would leave its work")
    return number


def advice_on(window: Any, unit: str) -> Any:
    return window.situation.recommendations.of(unit)


def armed(window: Any) -> Any:
    asked = form(window)
    wait_for(lambda: asked.is_armed, what="what is left could be read")
    return asked


def focus() -> QWidget:
    found = QApplication.focusWidget()
    assert found is not None
    return found


def divert(window: Any) -> Any:
    """By the key, and Enter; the form."""
    window.queue.setFocus()
    key(window, "I")
    asked = armed(window)
    QTest.keyClick(focus(), Qt.Key.Key_Return)
    return asked


def at_server(city: Served, number: str) -> Any:
    return city.get(f"/dispatch/v1/reports/{number}")


def jobs_at_server(city: Served, number: str) -> list[tuple[str, str]]:
    after, found = "", dict[str, tuple[str, str]]()
    while True:
        page = city.get(f"/dispatch/v1/snapshot?limit=1000{after}")
        found |= {
            item["data"]["id"]: (item["data"]["unit"], item["data"]["state"])
            for item in page["items"]
            if item["kind"] == "assignment" and item["data"]["report"] == number
        }
        if not page["next_key"]:
            return list(found.values())
        after = f"&after_key={page['next_key']}"


def live_at_server(city: Served, number: str) -> list[tuple[str, str]]:
    ended = {state.value for state in ENDED_ASSIGNMENT}
    return [job for job in jobs_at_server(city, number) if job[1] not in ended]


def as_budi(city: Served, report: str | None, kind: Kind, data: dict[str, Any]) -> str:
    """An edit that a colleague makes on another desk, by default a new report; the report's number."""
    key_ = uuid.uuid4().hex
    body = {"id": key_, "kind": kind.value, "occurred_at": datetime.now(UTC).isoformat(), "data": data}
    headers = {
        "Authorization": f"Bearer {TOKENS['budi']}",
        "Content-Type": "application/json",
        "Idempotency-Key": key_,
    }
    if report is not None:
        headers["If-Match"] = f'"{at_server(city, report)["version"]}"'
    path = f"/dispatch/v1/reports/{report}/edits" if report is not None else "/dispatch/v1/reports"
    request = urllib.request.Request(city.address + path, data=json.dumps(body).encode(), headers=headers)
    with urllib.request.urlopen(request, timeout=20) as answer:
        return str(json.load(answer)["report"]["id"])


def told_of(window: Any, words: str) -> bool:
    """Whether the history of the chosen report has these words."""
    ticket = window.ticket.ticket()
    return ticket is not None and any(words in row.text for row in ticket.timeline)


def test_three_keys_divert_the_nearest_crew_and_one_undo_takes_all_of_it_back(window: Any, city: Served) -> None:
    unit, lesser = at_work(window)
    choose(window, lesser)
    p1 = as_budi(city, None, Kind.CREATE, matter(window, 1, unit))
    wait_for(lambda: "New P1 without a crew" in banner(window), what="it is told")

    keys = 0

    def press(code: Qt.Key) -> None:
        nonlocal keys
        keys += 1
        QTest.keyClick(focus(), code)

    window.queue.setFocus()
    window.window.activateWindow()
    wait_for(lambda: QApplication.activeWindow() is window.window, what="the window is active")
    press(Qt.Key.Key_F8)
    wait_for(lambda: window.situation.current.divert == unit.id, what="the P1 is chosen, and whom the key diverts")
    row = next(one for one in window.ticket.ticket().advice if one.id == unit.id)
    assert f"on P3 {lesser}, on scene since " in row.line
    assert ": divert" in row.line
    press(Qt.Key.Key_I)
    asked = form(window)
    words = " ".join(label.text() for label in asked.findChildren(type(asked._sentence)))
    assert f"P3 {lesser}" in words
    assert f"{unit.code} on scene since" in words
    assert "It needs a crew again at once" in words
    QTest.keyClick(focus(), Qt.Key.Key_Return)
    assert asked.isVisible(), "a stroke that was not meant for it"
    assert not window.outbox.saving
    armed(window)
    press(Qt.Key.Key_Return)
    assert keys == 3
    wait_for(lambda: f"{unit.code} leaves {lesser} (P3), which needs a crew again" in said(window.status), what="said")
    settled(window)
    assert live_at_server(city, lesser) == []
    assert live_at_server(city, p1) == [(unit.id, "dispatched")]
    assert at_server(city, lesser)["status"] == "new"
    assert city.entries(lesser)[-1]["text"] == f"diverted to {p1}"
    left_row = window.reader().row_of("city", lesser)
    window.actions.run("tab_unassigned")
    wait_for(lambda: left_row in window.window_state.view.order.tolist(), what="it waits for a crew in the queue")

    window.queue.setFocus()
    key(window, "Z", CTRL)
    settled(window)
    wait_for(lambda: live_at_server(city, p1) == [], what="called back from the P1")
    assert live_at_server(city, lesser) == [(unit.id, "dispatched")], "and sent anew to the work that it left"


def test_without_the_server_it_waits_as_one_and_is_undone_as_one(window: Any, city: Served, proxy: FaultProxy) -> None:
    unit, lesser = at_work(window, AssignmentState.EN_ROUTE)
    p1 = chosen_p1(window, unit)
    proxy.away()
    wait_for(lambda: "Offline since" in banner(window), what="the banner")
    divert(window)
    wait_for(lambda: len(outbox(window)) == 1, what="it waits")
    wait_for(lambda: window.situation.current.lead_unit == unit.id, what="the order is shown")
    wait_for(lambda: f"It leaves {lesser}." in banner(window), what=lambda: banner(window))
    wait_for(lambda: any("NOT SENT: tell" in text for text in strips(window)), what="and that it has not left")
    window.queue.setFocus()
    key(window, "R")
    wait_for(lambda: not window.outbox.untold, what="who was told to come was told to leave")
    choose(window, lesser)
    wait_for(lambda: window.situation.report.shown.status is Status.NEW, what="left behind")
    wait_for(lambda: window.situation.current.lead_unit is None, what="without its crew")
    row = window.reader().row_of("city", lesser)
    assert told_of(window, f"{unit.code}, by rina: diverted to {p1}"), "its history says so before the server does"
    window.actions.run("tab_unassigned")
    wait_for(lambda: row in window.window_state.view.order.tolist(), what="it waits in the queue")
    window.queue.setFocus()
    key(window, "Z", CTRL)
    wait_for(lambda: not outbox(window), what="it is withdrawn")
    choose(window, lesser)
    wait_for(lambda: window.situation.report.shown.status is not Status.NEW, what="as before")
    wait_for(lambda: row not in window.window_state.view.order.tolist(), what="also in the queue")
    assert len(window.outbox.to_call_back) == 1
    proxy.heal()
    wait_for(lambda: "Offline since" not in banner(window), what="back")
    assert live_at_server(city, lesser) == [(unit.id, "en_route")]
    assert live_at_server(city, p1) == []


def test_where_the_crew_may_not_leave_it_is_not_sent_either(window: Any, city: Served, proxy: FaultProxy) -> None:
    unit, lesser = at_work(window)
    p1 = chosen_p1(window, unit)
    proxy.away()
    wait_for(lambda: "Offline since" in banner(window), what="the banner")
    divert(window)
    wait_for(lambda: len(outbox(window)) == 1, what="it waits")
    as_budi(city, lesser, Kind.SET, {"priority": 1})
    proxy.heal()
    wait_for(lambda: window.outbox.lost, what="it was refused")
    (lost,) = window.outbox.lost
    assert (lost.edit.kind, lost.edit.report, lost.state) == (Kind.DISPATCH, p1, EditState.CONFLICT)
    assert live_at_server(city, p1) == []
    assert live_at_server(city, lesser) == [(unit.id, "on_scene")]
    text = f"{unit.code} was not sent: report {lesser}, where it works, is a P1 by now"
    wait_for(lambda: text in banner(window), what=lambda: banner(window))
    wait_for(lambda: any(text in one for one in strips(window)), what=lambda: strips(window))
    wait_for(lambda: window.situation.current.lead_unit is None, what="not shown as sent")
    choose(window, lesser)
    wait_for(lambda: window.situation.current.lead_unit == unit.id, what="nor as gone from there")
    wait_notice_read(window)
    assert window.actions.run("lost_drop")
    settled(window)
    choose(window, p1)
    wait_for(lambda: window.situation.current.crewless, what="the P1 waits for a crew")


def test_a_crew_that_is_done_there_before_it_is_told_to_leave_is_sent(
    window: Any, city: Served, proxy: FaultProxy
) -> None:
    unit, lesser = at_work(window)
    p1 = chosen_p1(window, unit)
    proxy.away()
    wait_for(lambda: "Offline since" in banner(window), what="the banner")
    divert(window)
    wait_for(lambda: len(outbox(window)) == 1, what="it waits")
    as_budi(city, lesser, Kind.PROGRESS, {"unit": unit.id, "state": "done"})
    proxy.heal()
    wait_for(lambda: live_at_server(city, p1) == [(unit.id, "dispatched")], what="sent")
    settled(window)
    assert jobs_at_server(city, lesser) == [(unit.id, "done")]


def test_the_desk_that_has_the_report_that_is_left_is_told_and_both_desks_show_the_same(
    window: Any, city: Served, tmp_path: Path
) -> None:
    with console(tmp_path / "budi", city.address, name="budi") as budi:
        wait_ready(budi)
        unit = free_unit(window)
        lesser = new_report(window, 3, unit)
        wait_for(lambda: budi.reader().row_of("city", lesser), what="budi has it")
        choose(budi, lesser)
        budi.unit_commands.dispatch(budi.situation.report, unit.id)
        for step in (AssignmentState.EN_ROUTE, AssignmentState.ON_SCENE):
            wait_for(lambda: budi.situation.current.lead_unit == unit.id, what="sent")
            budi.unit_commands._step_here(budi.situation.report, unit.id, step)
            wait_for(lambda step=step: budi.situation.current.lead_state == step.value, what=step.value)
        settled(budi)
        wait_for(lambda: [one.state.value for one in jobs_of(window, unit.id)] == ["on_scene"], what="rina knows")
        p1 = chosen_p1(window, unit)
        divert(window)
        settled(window)
        wait_for(lambda: "New P1 without a crew" in banner(budi) or unit.code in banner(budi), what="what is new")
        if unit.code not in banner(budi):
            wait_notice_read(budi)
            budi.actions.run("lost_seen")
        wait_for(lambda: lesser in banner(budi) and unit.code in banner(budi), what=lambda: banner(budi))
        for desk in (window, budi):
            wait_for(lambda desk=desk: [one.report for one in jobs_of(desk, unit.id)] == [p1], what="at the P1")
            row = desk.reader().row_of("city", lesser)
            desk.actions.run("tab_unassigned")
            wait_for(lambda desk=desk, row=row: row in desk.window_state.view.order.tolist(), what="it needs a crew")


def test_the_command_line_and_the_units_list_divert_too(window: Any, city: Served) -> None:
    unit, lesser = at_work(window)
    p1 = chosen_p1(window, unit)
    window.command.set_text(f"d {unit.code}")
    assert f"leaves {lesser} (on scene)" in window.command._line.accessibleDescription()
    window.command.set_text("")
    window.window_state.choose_unit(next(one.key for one in window.window_state.cities.crews if one.unit.id == unit.id))
    with window.situation.about_unit():
        assert window.situation.current.divert == unit.id
    assert window.actions.run_for_unit("divert")
    armed(window)
    QTest.keyClick(focus(), Qt.Key.Key_Escape)
    assert not window.outbox.open_ids
    window.command.set_text(f"d {unit.code}")
    QTest.keyClick(window.command._line, Qt.Key.Key_Return)
    armed(window)
    QTest.keyClick(focus(), Qt.Key.Key_Return)
    wait_for(lambda: live_at_server(city, p1) == [(unit.id, "dispatched")], what="diverted")
    settled(window)
    assert live_at_server(city, lesser) == []


def test_a_crew_that_is_done_meanwhile_is_simply_sent(window: Any, city: Served) -> None:
    unit, lesser = at_work(window)
    p1 = chosen_p1(window, unit)
    window.queue.setFocus()
    key(window, "I")
    armed(window)
    as_budi(city, lesser, Kind.PROGRESS, {"unit": unit.id, "state": "done"})
    wait_for(lambda: not jobs_of(window, unit.id), what="it is known here")
    QTest.keyClick(focus(), Qt.Key.Key_Return)
    wait_for(lambda: live_at_server(city, p1) == [(unit.id, "dispatched")], what="sent")
    assert jobs_at_server(city, lesser) == [(unit.id, "done")]


def test_a_crew_whose_pump_is_broken_is_not_the_first_for_the_next_p1(window: Any, city: Served) -> None:
    unit, _ = at_work(window)
    first = chosen_p1(window, unit)
    divert(window)
    settled(window)
    wait_for(lambda: "dispatched" in str(live_at_server(city, first)), what="it is sent")
    job = {"unit": unit.id, "state": AssignmentState.REFUSED.value, "reason": "Pompa rusak"}
    as_budi(city, first, Kind.PROGRESS, job)
    new_report_here = new_report(window, 1, unit)
    choose(window, new_report_here)
    wait_for(lambda: advice_on(window, unit.id) is not None, what="the advice")
    wait_for(lambda: advice_on(window, unit.id).reasons[0].startswith(f"refused {first}"), what="that it refused")
    assert "Pompa rusak" in advice_on(window, unit.id).reasons[0]
    assert window.situation.recommendations.units[0].unit_id != unit.id
