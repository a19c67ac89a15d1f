"""A crew at lesser work is asked for once, with what it leaves behind; what its operator may not leave, he is told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, timedelta
from typing import Any

import pytest
from msgspec.structs import replace
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel

from api_client.model import Assignment, AssignmentState, Claim, Kind, Report, Status, Unit, UnitState
from console.advice.units import Advice
from console.cache.catalog import Catalog, Cities
from console.panels.report.details import ReportDetails
from console.panels.report.diverting import Diverting
from console.panels.report.recommendations import Recommendations
from console.panels.unit_commands import UnitCommands
from console.rules.divert import RETURNS_TO
from console.rules.edit import LEAVES, Edit
from console.rules.rights import Rights
from tests.helpers.city import wait_for
from tests.unit.panels.conftest import NOW, Rig
from widgets.forms.ask import AskArmed
from widgets.key_repeats import LOOK_S

SINCE = NOW - timedelta(minutes=40)
JOB = Assignment("j", "B", "07", AssignmentState.ON_SCENE, SINCE, "rina", SINCE)


class Scene:
    """A P1 "A" is chosen, and SDA-07 works on "B", a P3 nearby."""

    def __init__(self, rig: Rig) -> None:
        self.rig, self.left = rig, self.report("B", 3)
        self.live: tuple[Assignment, ...] = (JOB,)
        self.diverting = Diverting(
            rig.window_state, rig.edit_commands, rig.forms, rig.situation, rig.key_guard, self.read, UTC, lambda: NOW
        )
        self.diverting.message.connect(rig.said.append)
        self.commands = UnitCommands(
            rig.window_state, rig.edit_commands, rig.forms, rig.situation, rig.actions, rig.key_guard,
            asks_to_divert=self.diverting.asks,
        )  # fmt: skip
        rig.receivers.units = self.commands
        self.set_jobs(JOB)
        rig.window_state.choose(1001)
        rig.situation.set_details(self.details(1001, self.report("A", 1)))
        self.advise(JOB)

    @staticmethod
    def report(key: str, priority: int) -> Report:
        return Report(key, 3, Status.NEW, "flood", priority, f"Water at {key}", NOW, NOW, area="k", lat=-6.2, lon=106.8)

    @staticmethod
    def details(row: int, report: Report, jobs: tuple[Assignment, ...] = ()) -> ReportDetails:
        return ReportDetails(row, "city", report.id, report, report, (), jobs, ())

    def set_jobs(self, *jobs: Assignment) -> None:
        city = self.rig.window_state.cities.of("city")
        units = {one: Unit(one, f"SDA-{one}", UnitState.ON_SCENE, NOW, lat=-6.2, lon=106.804) for one in ("07", "11")}
        city = Catalog(services=city.services, areas=city.areas, units=units, assignments=jobs)
        self.rig.window_state.cities = Cities({"city": city}, {"source": {1: ("", "city")}})

    def advise(self, *leaves: Assignment) -> None:
        advice = Advice("07", "SDA-07", 102, 440, (), stale=False, jobs=len(leaves), ahead=len(leaves), leaves=leaves)
        self.rig.situation.set_recommendations(Recommendations(1001, (advice,), left={"B": self.left}))

    def read(self, source: str, key: str, then: Callable[[ReportDetails | None], None]) -> None:
        assert (source, key) == ("city", "B")
        then(self.details(1002, self.left, self.live))

    def asked(self) -> AskArmed:
        form = self.rig.form()
        assert isinstance(form, AskArmed)
        return form

    def words(self) -> str:
        return "\n".join(label.text() for label in self.asked().findChildren(QLabel) if label.text())

    def agree(self) -> None:
        form = self.asked()
        wait_for(lambda: not form.why_not(), what=lambda: form.why_not())  # it counts from when it was painted
        QTest.keyClick(form.focusWidget() or form, Qt.Key.Key_Return)


@pytest.fixture
def scene(rig: Rig) -> Scene:
    return Scene(rig)


def kinds(edits: list[Edit]) -> list[tuple[Kind, str | None]]:
    return [(one.kind, one.report) for one in edits]


def test_the_key_asks_with_what_is_left_behind_and_enter_makes_one_step(scene: Scene) -> None:
    rig = scene.rig
    rig.outbox.source_lost("city")
    assert rig.actions.press("divert")
    words = scene.words()
    assert "SDA-07 is 440 m from this P1, about 2 min away (straight line × 1.4)" in words
    assert "P3 B Flood, Kemang" in words
    assert "SDA-07 on scene since 07:20, 440 m from it" in words
    assert "It needs a crew again at once" in words
    form = scene.asked()
    QTest.keyClick(form, Qt.Key.Key_Return)
    assert form.isVisible()
    assert form.why_not() == "Read what is left behind"
    assert not rig.outbox.saving
    scene.agree()
    (send,) = rig.saved(1)
    assert kinds([send]) == [(Kind.DISPATCH, "A")]
    assert send.data == {"unit": "07", LEAVES: ["B"]}
    assert send.about[LEAVES] == {"B": {"created": NOW.isoformat(), "version": 3}}
    assert [one.data["reason"] for one in rig.outbox.pending_for("city", "B")] == ["diverted to A"]
    assert "Saved: SDA-07 leaves B (P3), which needs a crew again, and goes to A" in rig.said
    assert rig.undo_stack.undo_text == "Divert SDA-07 from B to"
    rig.undo_stack.undo()
    rig.saved(0)
    assert rig.undo_stack.newest is None, "one step"


def test_once_sent_one_undo_calls_it_back_and_sends_it_to_its_work_anew(scene: Scene) -> None:
    rig = scene.rig
    scene.commands.divert()
    scene.agree()
    (send,) = rig.saved(1)
    rig.outbox.on_proved([send.id])
    rig.saved(0)
    rig.undo_stack.undo()
    (back,) = rig.saved(1)
    assert (back.kind, back.report, back.undoes, back.about) == (Kind.RECALL, "A", send.id, {RETURNS_TO: ["B"]})
    assert [one.kind for one in rig.outbox.pending_for("city", "B")] == [Kind.DISPATCH]


def test_a_crew_that_is_there_is_not_undone_by_half(scene: Scene) -> None:
    rig = scene.rig
    scene.commands.divert()
    scene.agree()
    (send,) = rig.saved(1)
    rig.outbox.on_proved([send.id])
    rig.saved(0)
    there = replace(JOB, id="k", report="A", edit=send.id)
    rig.undo_stack.note_jobs({"city": (there,)})
    assert rig.undo_stack.stays is not None
    rig.undo_stack.pass_over()
    assert rig.undo_stack.newest is None


def test_the_row_and_the_command_line_ask_as_well_and_what_is_free_is_sent_at_once(scene: Scene) -> None:
    rig = scene.rig
    scene.commands.dispatch_chosen("07")
    assert "It needs a crew again at once" in scene.words()
    QTest.keyClick(scene.asked(), Qt.Key.Key_Escape)
    scene.commands.dispatch(rig.situation.report, "07")
    assert scene.asked().isVisible()
    QTest.keyClick(scene.asked(), Qt.Key.Key_Escape)
    assert not rig.outbox.saving
    scene.commands.dispatch(rig.situation.report, "11")
    assert kinds(rig.saved(1)) == [(Kind.DISPATCH, "A")]


def test_a_key_that_bounces_while_the_reports_are_read_sends_no_other_crew(scene: Scene) -> None:
    waiting: list[Callable[[ReportDetails | None], None]] = []
    scene.diverting._read = lambda _source, _key, then: waiting.append(then)
    scene.commands.dispatch_chosen("07")
    assert not scene.rig.actions.act("dispatch")
    assert scene.rig.said[-1] == "Nothing was done: the key before it opened no form, press again"
    (then,) = waiting
    scene.read("city", "B", then)
    assert scene.asked().isVisible()
    QTest.keyClick(scene.asked(), Qt.Key.Key_Escape)
    assert not scene.rig.key_guard.why_of_no_form()


def test_a_report_that_is_not_here_is_named(scene: Scene) -> None:
    scene.diverting._read = lambda _source, _key, then: then(None)
    scene.commands.dispatch_chosen("07")
    assert scene.rig.said[-1] == "Nothing was sent: the report B that SDA-07 would leave is not here"


def test_it_goes_before_the_work_that_it_has_not_begun(scene: Scene) -> None:
    scene.set_jobs(JOB, replace(JOB, id="k", report="C", state=AssignmentState.DISPATCHED))
    scene.commands.divert()
    scene.agree()
    assert scene.rig.saved(1)[0].data == {"unit": "07", LEAVES: ["B"]}, "an older server would send it after that work"


def test_others_that_stay_and_who_has_taken_it_are_named(scene: Scene) -> None:
    scene.live = (JOB, replace(JOB, id="k", unit="11"))
    scene.left = replace(scene.left, claim=Claim("budi", SINCE))
    scene.commands.divert()
    assert "SDA-11 stays on it · Taken by budi, who is told" in scene.words()
    scene.agree()
    scene.rig.saved(1)
    assert "Saved: SDA-07 leaves B (P3), where others stay, and goes to A" in scene.rig.said


def test_a_crew_whose_work_ended_while_it_was_asked_is_sent_and_recalled_from_nothing(scene: Scene) -> None:
    scene.commands.divert()
    scene.asked()
    scene.set_jobs()
    scene.advise()
    scene.agree()
    assert kinds(scene.rig.saved(1)) == [(Kind.DISPATCH, "A")]


def test_a_crew_that_began_something_else_while_it_was_asked_is_not_diverted_from_that(scene: Scene) -> None:
    scene.commands.divert()
    scene.asked()
    scene.set_jobs(replace(JOB, id="k", report="C"))
    scene.agree()
    assert any("SDA-07 is at other work by now, on C. Ask again" in said for said in scene.rig.said)
    assert not scene.rig.outbox.saving
    assert not scene.rig.outbox.open_ids


def test_what_turns_out_to_be_a_p1_is_not_left(scene: Scene) -> None:
    scene.left = scene.report("B", 1)
    scene.commands.dispatch(scene.rig.situation.report, "07")
    (send,) = scene.rig.saved(1)
    assert (send.kind, send.data) == (Kind.DISPATCH, {"unit": "07", "stack": True}), "its next work, as before"


def test_the_key_says_why_a_crew_cannot_be_called_from_a_report_outside_of_ones_areas(scene: Scene) -> None:
    rig = scene.rig
    rig.situation._rights_at = lambda _source: Rights("operator", agencies=("dbm",))
    mine = replace(scene.report("A", 1), agency="dbm")
    rig.situation.set_details(scene.details(1001, mine))
    scene.advise(JOB)
    assert not rig.actions.press("divert")
    why = "The report that the crew would leave is outside your areas and agencies"
    assert rig.said[-1] == why
    rig.steady_s += LOOK_S
    scene.commands.dispatch_chosen("07")
    assert rig.said[-1] == f"Nothing was sent: {why}"
    assert not rig.outbox.saving
    scene.left = replace(scene.left, agency="dbm")
    scene.advise(JOB)
    rig.steady_s += LOOK_S
    assert rig.actions.press("divert")


@pytest.mark.parametrize(
    ("role", "holder", "may"),
    [("operator", "budi", False), ("operator", "rina", True), ("supervisor", "budi", True), ("", "budi", True)],
)
def test_from_what_another_has_taken_he_or_a_supervisor_diverts(
    scene: Scene, role: str, holder: str, may: bool
) -> None:
    rig = scene.rig
    rig.situation._rights_at = lambda _source: Rights(role)
    scene.left = replace(scene.left, claim=Claim(holder, SINCE))
    scene.advise(JOB)
    assert rig.actions.press("divert") is may
    if not may:
        assert rig.said[-1].startswith("Another has taken the report that the crew would leave")
        rig.steady_s += LOOK_S
        scene.commands.dispatch_chosen("07")
        assert rig.said[-1].startswith("Nothing was sent: Another has taken the report")
        assert not rig.forms.is_open


@pytest.mark.parametrize(
    ("priority", "leaves", "why"),
    [
        (2, (JOB,), "Only to a P1 a crew is diverted"),
        (1, (), "No crew that could come has begun lesser work"),
    ],
)
def test_the_key_says_why_there_is_nobody_to_divert(
    scene: Scene, priority: int, leaves: tuple[Assignment, ...], why: str
) -> None:
    scene.rig.situation.set_details(scene.details(1001, scene.report("A", priority)))
    scene.advise(*leaves)
    assert not scene.rig.actions.press("divert")
    assert scene.rig.said[-1] == why


@pytest.mark.parametrize(
    ("minutes", "values", "meant"),
    [
        (1, {}, ""),  # free, and there before the one that would leave its work
        (3, {}, "07"),  # free, and there later
        (1, {"stale": True}, "07"),  # nobody knows where that one is
        (1, {"jobs": 1, "ahead": 1}, "07"),  # it finishes other work first
        (1, {"refused_other": True}, "07"),
    ],
)
def test_the_key_calls_nobody_from_work_where_a_free_crew_is_sooner(
    scene: Scene, minutes: int, values: dict[str, Any], meant: str
) -> None:
    rig = scene.rig
    about: dict[str, Any] = {"stale": False, "jobs": 0, "ahead": 0} | values
    first = Advice("11", "SDA-11", 60 * minutes, 300, (), **about)
    busy = Advice("07", "SDA-07", 102, 440, (), stale=False, jobs=1, ahead=1, leaves=(JOB,))
    rig.situation.set_recommendations(Recommendations(1001, (first, busy), left={"B": scene.left}))
    assert rig.situation.current.divert == meant
    assert rig.actions.press("divert") == bool(meant)
    if not meant:
        assert rig.said[-1].startswith("A crew that is free is there sooner: Ctrl+D sends it")
        rig.situation.set_panel("units")
        rig.window_state.choose_unit(rig.window_state.cities.crews[0].key)
        assert rig.situation.current.divert == "07", "whoever is chosen is meant"


def test_a_crew_that_was_last_seen_long_ago_is_not_called_as_the_sooner_one(scene: Scene) -> None:
    first = Advice("11", "SDA-11", 600, 3000, (), stale=False, jobs=0, ahead=0)
    lost = Advice("07", "SDA-07", 102, 440, (), stale=True, jobs=1, ahead=1, leaves=(JOB,))
    scene.rig.situation.set_recommendations(Recommendations(1001, (first, lost), left={"B": scene.left}))
    assert scene.rig.situation.current.divert == ""


def test_in_the_units_list_the_key_means_the_chosen_unit(scene: Scene) -> None:
    rig = scene.rig
    rig.window_state.choose_unit(rig.window_state.cities.crews[1].key)
    assert rig.situation.current.divert == "07"
    rig.situation.set_panel("units")
    assert rig.situation.current.divert == ""
    assert not rig.actions.press("divert")
    assert rig.said[-1] == "The unit is at no lesser work from which it could come"
    rig.window_state.choose_unit(rig.window_state.cities.crews[0].key)
    assert rig.situation.current.divert == "07"
