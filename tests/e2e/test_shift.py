"""A shift at one desk, as a script, while a second desk sees all of it: reports come in, forty of them are worked on by
keyboard, alarms come in a flood with P1s among them, messages are written and read, the shift is handed over by name
and PIN, and a colleague takes the seat.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pytest
import requests
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from api_client.model import AlarmKind, Handover
from console.panels.messages import Thread
from console.rules.alarms import FLOOD, AlarmState
from console.rules.correspondence import EVERYONE, thread_of
from console.rules.handover import ended_shift, id_of_shift
from console.rules.shifts import ShiftSpan, shift_at
from tests.helpers.city import TOKENS, Served, console, served, stopped, wait_for, write_users
from tests.helpers.hands import CTRL, NONE, choose, find, key, p1_data, said, wait_ready
from widgets.handover import SIGN
from widgets.key_repeats import TWICE_S

pytestmark = pytest.mark.usefixtures("qapp")

_WORKED_ON = 40
_FLOOD = 60
_OF_THEM_P1 = 5
_PIN = "271828"


class Desks(NamedTuple):
    """Two consoles of one city, in the order in which they sat down."""

    city: Served
    rina: Any
    budi: Any


@pytest.fixture(scope="module")
def desks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desks]:
    folder = tmp_path_factory.mktemp("city")
    users = str(write_users(folder))
    with (
        served(folder, "--demo-city", "--still", "--reports", "500", "--users", users) as city,
        console(folder / "rina", city.address, go_on=True) as rina,
        console(folder / "budi", city.address, name="budi") as budi,
    ):
        wait_ready(rina)
        wait_ready(budi)
        yield Desks(city, rina, budi)


def to_front(window: Any) -> None:
    window.window.activateWindow()
    wait_for(lambda: QApplication.activeWindow() is window.window, what="the window is active")


def typed(text: str) -> None:
    QTest.keyClicks(_focus(), text)


def press(code: Qt.Key, modifier: Qt.KeyboardModifier = NONE) -> None:
    QTest.keyClick(_focus(), code, modifier)


def _focus() -> QWidget:
    found = QApplication.focusWidget()
    assert found is not None
    return found


def form_of(window: Any) -> Any:
    wait_for(lambda: QApplication.activeWindow() not in (None, window.window), what="a form")
    wait_for(lambda: not window.forms.held_keys.waiting, what="the form has the keyboard")
    return QApplication.activeWindow()


def all_sent(window: Any) -> bool:
    return not window.outbox_controller.open_edits


def report_in(window: Any, number: int, *, hours_ago: float = 0, **data: Any) -> None:
    """A report that this desk was told by telephone comes in."""
    service = next(code for code, one in window.window_state.catalog("city").services.items() if one.priority == 2)
    told = datetime.now(UTC) - timedelta(hours=hours_ago)
    given = {"service": service, "priority": 2, "lat": -6.2 + number / 2000, "lon": 106.83, **data}
    given |= {"description": f"Told by telephone, {number}", "created": told.isoformat()}
    window.edit_commands.create("city", given, f"local:shift-{number}", given["description"])


def test_forty_reports_are_worked_on_by_keyboard_and_the_other_desk_shows_each(desks: Desks) -> None:
    rina, budi = desks.rina, desks.budi
    for told in range(12):
        hazard = p1_data(budi) if told % 6 == 0 else {}
        report_in(budi, told, **hazard)
    wait_for(lambda: all_sent(budi), what="what came in at the other desk is sent")
    wait_for(lambda: len(rina.window_state.view.hazards) >= 2, what="its P1s are here")
    steps: list[tuple[str, str]] = []
    rina.undo_stack.pushed.connect(lambda step: steps.append((step.report, step.kind.value)))
    to_front(rina)
    work = itertools.cycle(("send", "close", "hold", "category", "note"))
    worked_on: list[str] = []
    for _ in range(_WORKED_ON):
        number = _next(rina, worked_on)
        choose(rina, number)
        before = len(steps)
        _do(rina, next(work))
        wait_for(lambda: len(steps) > before, what=f"a step on {number}")  # noqa: B023 - waited for at once
        assert {report for report, _ in steps[before:]} == {number}, "on the report that was chosen, and on no other"
        worked_on.append(number)
    last, last_kind = steps[-1]
    wait_for(lambda: last_kind in _by_rina(desks.city, last), 60, what="the last step is at the server")
    wait_for(lambda: all_sent(rina), 60, what="and so is everything before it")
    assert {kind for _, kind in steps} == {"claim", "dispatch", "close", "set", "note"}
    for number in worked_on:
        made = [kind for report, kind in steps if report == number]
        assert sorted(_by_rina(desks.city, number)) == sorted(made), f"each step on {number} once"
    wait_for(
        lambda: all(_shown(budi, number) == _shown(rina, number) for number in worked_on),
        what="the other desk shows each of them as this one does",
    )


def _by_rina(city: Served, number: str) -> list[str]:
    return [entry["kind"] for entry in city.entries(number) if entry["author"] == "rina"]


def _next(window: Any, worked_on: list[str]) -> str:
    """The number of the next report, in the order of the list, that nobody works on."""
    for row in window.window_state.view.order.tolist():
        cached = window.reader().report(row)
        if cached is not None and cached.report.id not in worked_on and cached.report.claim is None:
            return str(cached.report.id)
    raise AssertionError(f"only {len(worked_on)} reports to be worked on")


def _shown(window: Any, number: str) -> Any:
    cached = window.reader().report(window.reader().row_of("city", number))
    return None if cached is None else cached.report


def _do(window: Any, what: str) -> None:
    """One routine task on the chosen report, by its keys."""
    window.window.focus_panel("queue")
    if what == "send" and window.situation.current.advice and window.actions.may("take"):
        key(window, "T")
        key(window, "A")
        key(window, "Enter")
    elif what == "close" and window.actions.may("close"):
        key(window, "X")
        form_of(window)
        press(Qt.Key.Key_2)
        press(Qt.Key.Key_Return)
    elif what == "hold" and window.actions.may("hold"):
        key(window, "H")
        form_of(window)
        press(Qt.Key.Key_3)
        press(Qt.Key.Key_Return)
    elif what == "category" and window.details_reader.current.shown.service != "trotoar":
        key(window, "C")
        form_of(window)
        typed("tr")
        press(Qt.Key.Key_Return)
    else:
        key(window, "N")
        form_of(window)
        typed("Caller was rung back")
        press(Qt.Key.Key_Return, CTRL)


def test_a_flood_of_sixty_alarms_leaves_each_p1_its_line_and_one_key_acknowledges_at_both_desks(desks: Desks) -> None:
    rina, budi = desks.rina, desks.budi
    to_front(rina)
    key(rina, "8", CTRL)
    wait_for(rina.alarms_panel.isVisible, what="the list of alarms")
    stood = set(rina.alarms._by_key)
    for number in range(100, 100 + _FLOOD):
        hazard = p1_data(budi) if number % (_FLOOD // _OF_THEM_P1) == 0 else {}
        report_in(budi, number, hours_ago=48, **hazard)
    wait_for(lambda: all_sent(budi), 60, what="all of them are sent")
    wait_for(lambda: len({one.alarm.report for one in _new(rina, stood)}) == _FLOOD, 60, what="each of them is listed")
    hazards = {one.alarm.key for one in _new(rina, stood) if one.alarm.kind is AlarmKind.CREWLESS}
    assert len(hazards) == _OF_THEM_P1
    flood = rina.alarms.in_flood
    assert len(flood) > FLOOD
    assert not hazards & flood, "a P1 is never in the line of a flood"
    wait_for(lambda: _rows(rina)[0].level == "p1", what="they stand on top")
    rows = _rows(rina)
    assert [row.level for row in rows[:_OF_THEM_P1]] == ["p1"] * _OF_THEM_P1
    assert sum(row.id == "flood" for row in rows) == 1
    assert rina.alarms.calling is not None
    assert rina.alarms.calling.is_hazard, "and what calls is a P1"
    assert rina.alarms.load >= _FLOOD

    wait_for(lambda: _listed_for_s(rina) > TWICE_S, what="what has just come is not among those that the key means")
    rina.window.focus_panel("alarms")
    key(rina, "F12")
    wait_for(lambda: not _new(rina, stood), what=lambda: f"all are acknowledged, and not: {said(rina.status)}")
    wait_for(lambda: all_sent(rina), what="and that is sent")
    told = {one.alarm.key for one in rina.alarms.listed if one.record and one.record.acknowledged_by == "rina"}
    assert hazards <= told
    wait_for(
        lambda: all(
            (one := budi.alarms.find(alarm)) is not None and one.state is AlarmState.ACKNOWLEDGED for alarm in told
        ),
        what="the other desk has them acknowledged too",
    )
    assert {budi.alarms.find(alarm).record.acknowledged_by for alarm in told} == {"rina"}, "with who it was"
    assert budi.alarms.calling is None or budi.alarms.calling.key not in told


def test_a_shift_that_nobody_handed_over_is_acknowledged_once_for_both_desks(desks: Desks) -> None:
    rina, budi = desks.rina, desks.budi
    report_in(rina, 300, hours_ago=48, **p1_data(rina))
    wait_for(lambda: all_sent(rina), what="something was left open")
    zone = rina.zone_at("city")
    ended = ended_shift(datetime.now(zone), zone)
    before = shift_at(ended.start - timedelta(seconds=1), zone)
    _offer(desks.city, "before", before)
    wait_for(lambda: rina.window_state.catalog("city").handovers, what="this city hands its shifts over")
    key_of_alarm = ("city", f"unsigned:{id_of_shift(ended)}")
    for window in (rina, budi):
        wait_for(lambda window=window: window.alarms.find(key_of_alarm), what="nobody handed the last one over")
    rina.alarms.acknowledge([key_of_alarm])
    wait_for(
        lambda: (one := budi.alarms.find(key_of_alarm)) is not None and one.state is AlarmState.ACKNOWLEDGED,
        what="the other desk has it acknowledged too",
    )
    assert budi.alarms.find(key_of_alarm).record.acknowledged_by == "rina"


def _offer(city: Served, key: str, shift: ShiftSpan, *lines: dict[str, Any]) -> None:
    """rina hands a shift over, at some other desk."""
    times = {"begun": datetime.now(UTC), "shift_start": shift.start, "shift_end": shift.end}
    offered = {"id": f"handover-{key}", "lines": lines} | {name: at.isoformat() for name, at in times.items()}
    headers = {"Authorization": f"Bearer {TOKENS['rina']}"}
    done = requests.post(f"{city.address}/dispatch/v1/handovers", json=offered, headers=headers, timeout=30)
    assert done.ok, done.text


def test_a_question_about_a_line_is_answered_beside_it(desks: Desks) -> None:
    rina, budi = desks.rina, desks.budi
    number = find(rina, "open", like=lambda report: report.claim is None)
    rina.actions.run("take")
    wait_for(lambda: _holder(rina, number) == "rina", what="it is in her draft, whatever else is open")
    line = f"report:{number}"
    _offer(
        desks.city, "asked", budi.handover_page.shift, {"id": line, "section": "taken", "text": "x", "report": number}
    )
    wait_for(
        lambda: any(one.id == "handover-asked" for one in budi.window_state.catalog("city").handovers),
        what="it is offered to budi",
    )
    to_front(budi)
    key(budi, "H", CTRL)
    wait_for(lambda: budi.handover_panel.row(line), what="its lines")
    budi.window.focus_panel("queue")
    key(budi, "H", CTRL)
    assert budi.window.current_panel() == "handover", (
        "whoever goes back to it does not leave it: Enter would send crews"
    )
    budi.handover_panel.go_to(line)
    press(Qt.Key.Key_Q)
    typed("Who has the key?")
    press(Qt.Key.Key_Return)
    wait_for(lambda: "Not read yet: Who has the key?" in budi.handover_panel.row(line).words, what="the server has it")
    key(budi, "H", CTRL)
    to_front(rina)
    key(rina, "H", CTRL)
    wait_for(lambda: rina.handover_panel.row(line), what="her draft")
    wait_for(lambda: "budi: Who has the key?" in rina.handover_panel.row(line).words, what="it stands at her desk too")
    key(rina, "H", CTRL)
    asked = rina.messages._unread()[-1][1]
    rina.messages.write_to(Thread("city", thread_of(asked.to)))
    typed("The gate keeper")
    press(Qt.Key.Key_Return)
    wait_for(lambda: all_sent(rina), what="the answer is sent")
    to_front(budi)
    key(budi, "H", CTRL)
    wait_for(lambda: "rina: The gate keeper" in budi.handover_panel.row(line).words, what="the answer beside the line")
    key(budi, "H", CTRL)
    budi.messages.write_to(Thread("city", thread_of(asked.to)))
    wait_for(lambda: not budi.messages._unread(), what="he has read it")


def test_the_shift_ends_with_a_hand_over_that_both_sign_and_what_was_taken_changes_hands(desks: Desks) -> None:
    rina, budi = desks.rina, desks.budi
    to_front(budi)
    budi.actions.run("set_pin")
    form = form_of(budi)
    for field in (form.pin, form.again):
        QTest.keyClicks(field, _PIN)
    press(Qt.Key.Key_Return)
    wait_for(lambda: "Your PIN is set" in said(budi.status), what="the PIN is set")
    to_front(rina)
    number = find(rina, "mine")
    key(rina, "H", CTRL)
    wait_for(lambda: bool(rina.handover_page.lines), what="the draft")
    assert rina.window.current_panel() == "handover"
    assert f"report:{number}" in rina.handover_panel.shown_ids()
    press(Qt.Key.Key_S)
    assert not rina.window.page_room().intersects(form_of(rina).frameGeometry()), "the lines stay in sight"
    typed("budi")
    press(Qt.Key.Key_Return)
    wait_for(lambda: rina.handover_page.draft.incoming == "budi", what="it is budi who takes over")
    to_front(rina)
    assert QApplication.focusWidget() is rina.handover_panel.view
    for line in [line for line in rina.handover_page.lines if line.priority == 1]:
        rina.handover_panel.go_to(line.id)
        QTest.qWait(round(TWICE_S * 1000))
        press(Qt.Key.Key_Return)
    for line_id in {line.section: line.id for line in rina.handover_page.lines}.values():
        rina.handover_panel.go_to(line_id)
        press(Qt.Key.Key_S)
    assert not rina.handover_panel.buttons[SIGN].why_not
    press(Qt.Key.Key_Return, CTRL)
    form_of(rina)
    typed(_PIN)
    press(Qt.Key.Key_Return)
    wait_for(lambda: rina.handover_page.is_signed, what="both have signed")
    for window in (rina, budi):
        wait_for(lambda window=window: _holder(window, number) == "budi", what="it is budi's by now")
        wait_for(lambda window=window: _signed(window), what="the desk knows of it")
        assert [(one.outgoing, one.incoming) for one in _signed(window)] == [("rina", "budi")]
    key(rina, "H", CTRL)
    assert rina.window.current_panel() != "handover"


def _signed(window: Any) -> list[Handover]:
    """The hand-overs that were signed, as a desk has them."""
    return [one for one in window.window_state.catalog("city").handovers if one.signed is not None]


def _holder(window: Any, number: str) -> str | None:
    """Who has taken a report, as a desk has it."""
    claim = window.reader().reports_of("city", [number])[number].claim
    return claim.who if claim is not None else None


def _new(window: Any, stood: set[Any]) -> list[Any]:
    return [one for one in window.alarms.listed if one.state is AlarmState.NEW and one.alarm.key not in stood]


def _listed_for_s(window: Any) -> float:
    """For how long the youngest alarm has been in the list."""
    commands = window.alarm_commands
    return float(commands._steady_s() - max(commands._since_s.values()))


def _rows(window: Any) -> list[Any]:
    model = window.alarms_panel.view.rows_model()
    return [model.row(number) for number in range(model.rowCount())]


def test_what_one_desk_writes_to_all_is_read_at_the_other_and_answered(desks: Desks) -> None:
    rina, budi = desks.rina, desks.budi
    _write_to_all(rina, "Pump 3 stays at Manggarai until six")
    wait_for(lambda: budi.messages._unread(), what="it has come to the other desk")
    assert not [one for one in _messages(rina) if one.mark == "solid"], "nobody has read it yet"
    to_front(budi)
    budi.messages.write_to(Thread("city", EVERYONE))
    wait_for(lambda: not budi.messages._unread(), what="there it was in sight")
    assert [one.text for one in _messages(budi)] == ["Pump 3 stays at Manggarai until six"]
    to_front(rina)
    wait_for(lambda: [one.mark for one in _messages(rina)] == ["solid"], what="it is read")
    _write_to_all(budi, "Understood")
    wait_for(lambda: [one.text for one in _messages(rina)][-1:] == ["Understood"], what="the answer")


def _write_to_all(window: Any, text: str) -> None:
    to_front(window)
    window.window.focus_panel("queue")
    key(window, "M", CTRL)
    wait_for(lambda: window.messages_panel.has_keyboard, what="the panel has the keyboard")
    key(window, "M", CTRL)
    form_of(window)
    typed("everyone")
    press(Qt.Key.Key_Return)
    to_front(window)
    wait_for(lambda: QApplication.focusWidget() is window.messages_panel.line, what="the line to write in")
    typed(text)
    press(Qt.Key.Key_Return)
    wait_for(lambda: text in [one.text for one in _messages(window)], what="it stands in the thread")


def _messages(window: Any) -> list[Any]:
    model = window.messages_panel.messages.rows_model()
    return [model.row(number) for number in range(model.rowCount())]


def test_a_colleague_takes_the_seat_and_what_waits_there_keeps_its_author(desks: Desks) -> None:
    rina = desks.rina
    with stopped(desks.city):
        wait_for(lambda: rina.sources.is_away("city"), what="offline")
        to_front(rina)
        rina.actions.run("tab_open")
        wait_for(lambda: rina.window_state.view.filter.tab == "open", what="the tab")
        number = _next(rina, [])
        choose(rina, number)
        _do(rina, "note")
        wait_for(lambda: not all_sent(rina), what="it waits")
    desks.budi.window.hide()  # a lock closes the other windows of its program, which at a desk are its own
    to_front(rina)
    key(rina, "L", CTRL)
    wait_for(lambda: rina.screen_lock._kept is not None, what="it is known who may unlock it")
    wait_for(lambda: rina.sources.states().get("city") == "live", 60, what="the server is back")
    field = rina.lock_page.field
    wait_for(field.isEnabled, what="a token can be typed")
    QTest.keyClicks(field, TOKENS["budi"])
    QTest.keyClick(field, Qt.Key.Key_Return)
    wait_for(lambda: not rina.screen_lock.is_locked, what="budi sits there")
    assert rina.window_state.me_at("city") == "budi"
    wait_for(lambda: ("note", "rina") in _authors(desks.city, number), 60, what="what she wrote is hers")


def _authors(city: Served, number: str) -> list[tuple[str, str]]:
    return [(entry["kind"], entry["author"]) for entry in city.entries(number)]
