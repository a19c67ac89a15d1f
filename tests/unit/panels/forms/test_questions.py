"""What a category asks is asked in the telephone form, and a call about danger never waits for an answer."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from api_client.model import AttributeValue, Datatype, Kind, RunCard, Service, ServiceAttribute
from console.cache.catalog import Cities
from console.panels.forms.questions import ServiceQuestions
from tests.unit.panels.conftest import Rig
from widgets.forms.new_report import NewReportForm
from widgets.forms.questions import CategoryQuestion

DEPTH = (AttributeValue("knee", "Knee"), AttributeValue("chest", "Chest"))
FLOOD = Service(
    "flood",
    "Flood",
    attributes=(
        ServiceAttribute("since", "Since when", Datatype.DATETIME, order=2),
        ServiceAttribute("depth", "Depth", Datatype.SINGLEVALUELIST, required=True, order=1, values=DEPTH),
        ServiceAttribute("cm", "On the gauge", Datatype.NUMBER, order=3, datatype_description="cm"),
        ServiceAttribute("where", "Stands in", Datatype.MULTIVALUELIST, order=4, values=DEPTH),
        ServiceAttribute("hint", "Keep away from cables", variable=False, order=5),
    ),
)
JAKARTA = ZoneInfo("Asia/Jakarta")
ASKS = ServiceQuestions(JAKARTA, lambda: datetime(2026, 11, 25, 8, tzinfo=UTC), str)  # 15:00 in the city
CTRL = Qt.KeyboardModifier.ControlModifier


def test_a_services_attributes_become_questions_in_its_order() -> None:
    asked = ASKS.asked_by(FLOOD)
    assert [(one.code, one.kind, one.required) for one in asked] == [
        ("depth", "one", True),
        ("since", "line", False),
        ("cm", "line", False),
        ("where", "many", False),
        ("hint", "read", False),
    ]
    assert asked[0] == CategoryQuestion("depth", "Depth", "one", True, "", (("knee", "Knee"), ("chest", "Chest")))
    assert [one.hint for one in asked[1:3]] == ["14:30, or 2026-11-24 14:30", "cm · a number"]
    assert ASKS.asked_by(None) == []


@pytest.mark.parametrize(
    ("code", "typed", "carried", "fault"),
    [
        ("since", "14:30", "2026-11-25T14:30:00+07:00", ""),
        ("since", "16.05", "2026-11-24T16:05:00+07:00", ""),  # yesterday: it has begun
        ("since", "2026-11-01 07:00", "2026-11-01T07:00:00+07:00", ""),
        ("since", "2026-11-01T07:00:00Z", "2026-11-01T07:00:00+00:00", ""),
        ("since", "a while", "a while", "has to be a time, such as 14:30 or 2026-11-24 14:30"),
        ("cm", "12,5", "12.5", ""),
        ("cm", "much", "much", "has to be a number"),
        ("depth", "sky", "sky", "this cannot be the answer"),
    ],
)
def test_what_is_typed_is_carried_as_the_service_wants_it(code: str, typed: str, carried: str, fault: str) -> None:
    assert ASKS.answers(FLOOD, {code: [typed], "other": ["x"], "hint": ["x"]}) == {code: [carried]}
    assert ASKS.fault(FLOOD, code, [typed]) == fault


@pytest.fixture
def call(rig: Rig) -> NewReportForm:
    """A call about a flood, of which the city asks the depth."""
    city = rig.window_state.catalog("city")
    services = {**city.services, "flood": FLOOD}
    steps = ("Ask: is anybody in the water?", "Say: stay upstairs")
    card = RunCard("danger", "People in danger", steps, priorities=(1,))
    catalog = replace(city, services=services, run_cards={"danger": card})
    rig.window_state.cities = Cities({"city": catalog}, {"source": {1: ("", "city")}})
    rig.actions.run("new_report")
    form = rig.form()
    assert isinstance(form, NewReportForm)
    QTest.keyClicks(form.service, "floo")
    QTest.keyClick(form.service, Qt.Key.Key_Tab)
    form.report_text.setPlainText("water in the house")
    return form


def created(rig: Rig) -> dict[str, Any]:
    (edit,) = rig.saved(1)
    assert edit.kind is Kind.CREATE
    return edit.data


def test_answers_by_keyboard_go_with_the_report(rig: Rig, call: NewReportForm) -> None:
    QTest.keyClick(call.report_text, Qt.Key.Key_Return, CTRL)
    assert call.isVisible()
    assert call.why_not() == "Depth: ask the caller, Alt Q"
    assert call.focusWidget() is call.questions.field("depth"), "it goes where something is missing"
    for letters in ("2", "14:30", "12,5", "12"):
        QTest.keyClicks(call.focusWidget(), letters)
        QTest.keyClick(call.focusWidget(), Qt.Key.Key_Return)
    assert call.focusWidget() is call.priority, "Enter goes on behind the last question"
    QTest.keyClick(call.priority, Qt.Key.Key_Return, CTRL)
    answers = created(rig)["answers"]
    assert (answers["depth"], answers["cm"], answers["where"]) == (["chest"], ["12.5"], ["knee", "chest"])


def test_a_call_about_danger_is_saved_without_any_answer(rig: Rig, call: NewReportForm) -> None:
    QTest.keyClicks(call.questions.field("cm"), "much")
    assert (call.card.words, call.card.isVisible()) == ([], False), "no card is for its priority"
    QTest.keyClick(call.report_text, Qt.Key.Key_P, Qt.KeyboardModifier.AltModifier)
    QTest.keyClicks(call.priority, "1")
    assert call.card.words == ["Ask: is anybody in the water?", "Say: stay upstairs"]
    assert call.card.isVisible()
    assert call.why_not() == ""
    QTest.keyClick(call.priority, Qt.Key.Key_Return, CTRL)
    made = created(rig)
    assert (made["priority"], made["answers"]) == (1, {"cm": ["much"]})


def test_answers_are_kept_in_the_draft_and_over_another_category(rig: Rig, call: NewReportForm) -> None:
    call.questions.set_answers({"depth": ["knee"], "where": ["chest"]})
    for letters, asked in (("broken", 0), ("floo", 5)):
        call.service.selectAll()
        QTest.keyClicks(call.service, letters)
        QTest.keyClick(call.service, Qt.Key.Key_Tab)
        assert len(call.questions.asked) == asked
    before = call.values()
    assert before["answers"] == {"depth": ["knee"], "where": ["chest"]}
    call.reject()
    rig.actions.run("new_report")
    QTest.keyClick(rig.form().focusWidget(), Qt.Key.Key_D, Qt.KeyboardModifier.AltModifier)
    again = rig.form()
    assert again.values()["answers"] == before["answers"]
    again.clear_draft()
    assert again.values()["answers"] == {}
