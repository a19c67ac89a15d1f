"""What was written and not saved is listed; its form opens again, and where it cannot, its words are shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest

from api_client.model import Hold, Kind, Report, Status, WaitsFor
from console.panels.forms.drafts import Drafts
from console.rules.messages import Outcome
from console.rules.queued import EditState
from tests.helpers.city import wait_for
from tests.unit.panels.conftest import NOW, Rig
from widgets.forms.ask import AskText
from widgets.forms.choose_one import ChooseOne
from widgets.forms.conflict import ConflictForm
from widgets.forms.hold import HoldForm
from widgets.forms.new_report import NewReportForm

MARK = {"drafted_at": NOW.isoformat(), "drafted_by": "rina", "drafted_on": "A Flood, Kemang"}


class Listed:
    """The drafts of a desk whose cache holds report A alone."""

    def __init__(self, rig: Rig) -> None:
        self.rig, self.said = rig, rig.said
        self.reader = rig.cached("A")
        self.drafts = Drafts(
            rig.window_state,
            rig.outbox,
            rig.actions,
            rig.situation,
            rig.report_commands,
            rig.unit_commands,
            rig.closure_commands,
            rig.forms,
            rig.tasks,
            lambda: self.reader,
            lambda _: 0,
            rig.window,
        )
        self.drafts.message.connect(self.said.append)
        self.drafts.long_message.connect(self.said.append)
        wait_for(lambda: rig.outbox._is_open, what="work.db is open")

    def keep(self, key: str, **values: Any) -> None:
        self.rig.outbox.save_draft(key, values | MARK)

    def read(self, change: Callable[[Report], Report] = lambda report: report) -> None:
        """Report A is chosen, and read."""
        row = self.reader.row_of("city", "A") or 0
        wait_for(lambda: self.rig.window_state.row == row, what="it is chosen")
        self.rig.situation.set_details(replace(self.rig.details(row, "A"), shown=change(self.rig.report("A"))))


@pytest.fixture
def listed(rig: Rig) -> Listed:
    return Listed(rig)


def test_the_list_names_form_report_words_and_time(listed: Listed) -> None:
    listed.drafts.open()
    assert listed.said == ["All that was written is saved"]
    listed.keep("new_report:city:", text="", caller_name="Sri", caller_phone="0812")
    assert listed.drafts._choice("new_report:city:", listed.rig.outbox.drafts["new_report:city:"]).text == (
        "New report: only who called"
    )
    listed.rig.outbox.drop_draft("new_report:city:")
    for key, values, told in (
        ("hold:city:A", {"waits_for": "material", "reason": ""}, "Hold: waits for material"),
        ("validate:city:A", {"accepted": False}, "Validate or return the proof: chosen, nothing written"),
    ):
        listed.keep(key, **values)
        assert listed.drafts._choice(key, listed.rig.outbox.drafts[key]).text == told
        listed.rig.outbox.drop_draft(key)
    listed.keep("note:city:A", text="gas smell")
    listed.drafts.tell()
    assert listed.said[-1] == "1 text that was not saved is kept: Ctrl+Shift+D"
    listed.drafts.open()
    form = listed.rig.form()
    assert isinstance(form, ChooseOne)
    (row,) = form._rows
    assert (row.text, row.note) == ("Note: gas smell", "A Flood, Kemang · 08:00")
    QTest.keyClick(form.field, Qt.Key.Key_Return)
    listed.read()
    assert isinstance(listed.rig.form(), AskText)
    assert listed.rig.form().values() == {"text": "gas smell"}
    listed.rig.commit()
    (edit,) = listed.rig.saved(1)
    assert edit.data == {"text": "gas smell"}
    assert listed.rig.outbox.drafts == {}


def test_what_a_caller_adds_is_gone_on_with_where_its_draft_was_chosen(listed: Listed) -> None:
    said = {"text": "gas smell", "caller_name": "Sari", "caller_phone": "", "priority": ""}
    listed.keep("caller_adds:city:A", **said)
    listed.drafts.go_on("caller_adds:city:A")
    listed.read()
    assert listed.rig.form().values() == said
    assert list(listed.rig.outbox.drafts) == ["caller_adds:city:A"]


def test_words_for_a_report_that_is_gone_can_be_copied_and_cleared(listed: Listed) -> None:
    listed.keep("reply:city:GONE", text="a crew is on its way")
    listed.drafts.go_on("reply:city:GONE")
    wait_for(lambda: listed.rig.forms._open, what="the words are shown")
    form = listed.rig.form()
    assert form._sentence.text() == "Report GONE is not here any more: it was deleted, or you may not see it."
    listed.rig.commit()
    assert QGuiApplication.clipboard().text() == "a crew is on its way"
    assert listed.said[-1] == "Copied"
    assert "reply:city:GONE" in listed.rig.outbox.drafts
    listed.drafts.go_on("reply:city:GONE")
    wait_for(lambda: listed.rig.forms._open is not form, what="the words again")
    QTest.keyClick(listed.rig.form().focusWidget(), Qt.Key.Key_Delete, Qt.KeyboardModifier.AltModifier)
    assert listed.rig.outbox.drafts == {}


def test_a_closure_is_gone_on_with_at_its_place_and_what_is_over_is_told(listed: Listed) -> None:
    listed.keep("close_street:city:-6.25,106.85", kind="flood", extent="100", until="2", words="Knee-deep", said_by="")
    (key,) = listed.rig.outbox.drafts
    assert listed.drafts._choice(key, listed.rig.outbox.drafts[key]).text.endswith(": Knee-deep")
    listed.drafts.go_on(key)
    assert listed.rig.form().values()["words"] == "Knee-deep"
    listed.rig.form().commit()
    (edit,) = listed.rig.saved(1)
    assert (edit.kind, edit.data["words"]) == (Kind.CLOSURE, "Knee-deep")
    wait_for(lambda: listed.rig.outbox.drafts == {} and not listed.rig.forms.is_open, what="it is an edit now")
    listed.keep("change_closure:city:gone", kind="flood", until="kept", extent="kept", words="Waist-deep", said_by="")
    listed.drafts.go_on("change_closure:city:gone")
    form = listed.rig.form()
    assert isinstance(form, AskText)
    assert (form._sentence.text(), form.values()["text"]) == ("It is over already.", "Waist-deep")


CANNOT = {
    "close": (lambda one: replace(one, status=Status.CLOSED), "The report is closed"),
    "hold": (
        lambda one: replace(one, hold=Hold("rain", WaitsFor.WEATHER)),
        "The report is on hold already",
    ),
}


@pytest.mark.parametrize("action", CANNOT)
def test_what_cannot_be_entered_any_more_is_shown_with_the_reason(listed: Listed, action: str) -> None:
    change, why = CANNOT[action]
    listed.keep(f"{action}:city:A", reason="nobody there")
    listed.drafts.go_on(f"{action}:city:A")
    listed.read(change)
    form = listed.rig.form()
    assert (form._sentence.text(), form.values()) == (f"It cannot be entered now: {why}", {"text": "nobody there"})
    assert listed.rig.outbox.open_edits == (), "nothing was done to the report"


@pytest.mark.parametrize(
    ("key", "sentence"),
    [
        ("note:bogor:A", "bogor is not followed here any more."),
        ("new_report:bogor:", "bogor is not followed here any more."),
        ("older:note:city:A", "Something else has been written there since."),
    ],
)
def test_a_text_without_a_place_says_why_it_has_none(listed: Listed, key: str, sentence: str) -> None:
    listed.keep(key, text="gas smell")
    listed.drafts.go_on(key)
    assert listed.rig.form()._sentence.text() == sentence
    assert listed.rig.form().values() == {"text": "gas smell"}


def test_a_hold_is_gone_on_with(listed: Listed) -> None:
    listed.keep("hold:city:A", waits_for="material", until="24", reason="no pipes")
    listed.drafts.go_on("hold:city:A")
    listed.read()
    assert isinstance(listed.rig.form(), HoldForm)
    assert listed.rig.form().values()["reason"] == "no pipes"


def test_a_new_report_and_a_units_reason_are_gone_on_with(listed: Listed) -> None:
    listed.keep("new_report:city:", text="Water at the school")
    listed.drafts.go_on("new_report:city:")
    assert isinstance(listed.rig.form(), NewReportForm)
    assert listed.rig.form().values()["text"] == "Water at the school"
    listed.rig.forms.close_open()
    for unit, sentence in (("07", "Why can it not work?"), ("99", "There is no such unit any more.")):
        listed.keep(f"unavailable:city:{unit}", text="flat tyre")
        listed.drafts.go_on(f"unavailable:city:{unit}")
        assert listed.rig.form()._sentence.text() == sentence
        assert listed.rig.form().values() == {"text": "flat tyre"}
        listed.rig.forms.close_open()


def test_a_second_call_puts_the_first_aside(listed: Listed) -> None:
    rig = listed.rig
    for text in ("Water at the school", "Tree on the road"):
        rig.actions.run("new_report")
        form = rig.form()
        assert isinstance(form, NewReportForm)
        assert form.is_empty(), "what is typed on would be written into the first caller's report"
        form.report_text.setFocus()
        QTest.keyClicks(form.report_text, text)
        form.reject()
    first, second = sorted(rig.outbox.drafts, key=len, reverse=True)
    assert [rig.outbox.drafts[key]["text"] for key in (first, second)] == ["Water at the school", "Tree on the road"]
    listed.drafts.go_on(first)
    form = rig.form()
    assert isinstance(form, NewReportForm)
    form.service.set_value("flood")
    form.touch()
    rig.commit()
    (edit,) = rig.saved(1)
    assert edit.data["description"] == "Water at the school"
    assert list(rig.outbox.drafts) == [second]


def test_the_last_call_is_one_key_away_and_nothing_of_it_is_in_the_next(listed: Listed) -> None:
    """Its draft stood in the form of the second caller, who was written into it: "Jalan rusakgenangan"."""
    rig = listed.rig
    rig.actions.run("new_report")
    first = rig.form()
    assert isinstance(first, NewReportForm)
    assert not first.earlier_button.isVisible(), "there is none"
    QTest.keyClicks(first.report_text, "Water at the school")
    QTest.keyClick(first.report_text, Qt.Key.Key_N, Qt.KeyboardModifier.ControlModifier)
    assert first.is_empty(), "a second caller while the first one's form is open"
    assert first._draft_label.text() == "Draft of 08:00: Water at the school"
    QTest.keyClicks(first.report_text, "Tree on the road")
    QTest.keyClick(first.report_text, Qt.Key.Key_D, Qt.KeyboardModifier.AltModifier)
    wait_for(lambda: rig.form() is not first, what="the form of the first call")
    second = rig.form()
    assert isinstance(second, NewReportForm)
    assert second.report_text.toPlainText() == "Water at the school"
    second.reject()
    rig.actions.run("new_report")
    third = rig.form()
    assert isinstance(third, NewReportForm)
    assert third.is_empty()
    assert third.earlier_button.isVisible()
    third.reject()
    texts = sorted(draft["text"] for draft in rig.outbox.drafts.values())
    assert texts == ["Tree on the road", "Water at the school"], "nothing is lost"


def conflict(listed: Listed, theirs: int = 2) -> str:
    """An edit that gives report A priority 1, while somebody else has given it another."""
    rig = listed.rig
    edit_id = rig.edit_commands.set_fields(rig.details(1001, "A"), {"priority": 1}, "Priority 1")
    rig.saved(1)
    told: dict[str, object] = {"priority": {"value": theirs, "who": "budi", "at": NOW.isoformat()}}
    rig.outbox.on_outcome(Outcome(edit_id, EditState.CONFLICT, theirs=told, version=4))
    return edit_id


def open_conflict(listed: Listed, edit_id: str) -> ConflictForm:
    queued = listed.rig.outbox.open_edit(edit_id)
    assert queued is not None

    def settle(mine: frozenset[str], reason: str) -> None:
        data = {"priority": 1, "reason": reason}
        listed.rig.outbox.choose(edit_id, mine=bool(mine), data=data if mine else None)

    listed.rig.forms.conflict(queued, settle)
    form = listed.rig.form()
    assert isinstance(form, ConflictForm)
    return form


def test_the_reason_and_the_choices_of_a_conflict_are_kept_until_it_is_settled(listed: Listed) -> None:
    edit_id = conflict(listed)
    form = open_conflict(listed, edit_id)
    QTest.keyClick(form.table, Qt.Key.Key_1)
    form.reason.setFocus()
    QTest.keyClicks(form.reason, "seen on site")
    form.reject()
    asked: list[str] = []
    listed.drafts.edit_opened.connect(asked.append)
    listed.drafts.go_on(f"conflict:city:{edit_id}")
    assert asked == [edit_id]
    form = open_conflict(listed, edit_id)
    assert (form.values()["choices"], form.values()["reason"]) == ({"priority": "mine"}, "seen on site")
    listed.rig.commit()
    wait_for(
        lambda: listed.rig.outbox.open_edit(edit_id) is None and not listed.rig.outbox.saving, what="it is settled"
    )
    (edit,) = listed.rig.saved(1)
    assert edit.data == {"priority": 1, "reason": "seen on site"}
    assert listed.rig.outbox.drafts == {}


def test_a_choice_against_a_value_that_is_another_now_is_asked_for_again(listed: Listed) -> None:
    edit_id = conflict(listed)
    form = open_conflict(listed, edit_id)
    QTest.keyClick(form.table, Qt.Key.Key_2)
    form.reason.setPlainText("they know better")
    form.reject()
    queued = listed.rig.outbox.open_edit(edit_id)
    assert queued is not None
    listed.rig.outbox._store.set(
        replace(queued, theirs={"priority": {"value": 4, "who": "budi", "at": NOW.isoformat()}})
    )
    form = open_conflict(listed, edit_id)
    assert (form.values()["choices"], form.values()["reason"]) == ({"priority": ""}, "they know better")


def test_who_takes_the_servers_value_leaves_no_draft(listed: Listed) -> None:
    edit_id = conflict(listed)
    form = open_conflict(listed, edit_id)
    form.reason.setPlainText("they know better")
    form.reject()
    form = open_conflict(listed, edit_id)
    form.drop_button.click()
    wait_for(lambda: listed.rig.outbox.open_edit(edit_id) is None, what="it is settled")
    assert listed.rig.outbox.drafts == {}
    listed.keep(f"conflict:city:{edit_id}", reason="of an earlier run")
    listed.drafts.go_on(f"conflict:city:{edit_id}")
    assert listed.rig.form()._sentence.text() == "It was settled meanwhile: nothing is left to decide."


@pytest.mark.parametrize("place", ["command", "palette"])
def test_what_was_typed_into_a_line_is_listed_and_put_into_the_line_again(listed: Listed, place: str) -> None:
    wanted: list[str] = []
    listed.drafts.line_wanted.connect(wanted.append)
    key = f"{place}:city:A"
    listed.keep(key, text="n gas smell")
    listed.drafts.open()
    form = listed.rig.form()
    assert isinstance(form, ChooseOne)
    assert form._rows[0].text == "Command: n gas smell"
    QTest.keyClick(form.field, Qt.Key.Key_Return)
    assert wanted == [], "its report comes first"
    listed.read()
    assert wanted == [key]
    listed.keep(f"{place}::", text="n GONE gas smell")
    listed.drafts.go_on(f"{place}::")
    assert wanted == [key, f"{place}::"]
    listed.keep(f"{place}:city:GONE", text="n gas")
    listed.drafts.go_on(f"{place}:city:GONE")
    wait_for(lambda: isinstance(listed.rig.forms._open, AskText), what="the words are shown")
    assert listed.rig.form().values() == {"text": "n gas"}


def test_a_draft_belongs_to_who_wrote_it(listed: Listed) -> None:
    """T4: a half-typed note came back in the next operator's form, and went out as hers."""
    rig = listed.rig
    assert rig.window_state.me == "rina"
    key = rig.outbox.draft_key("note", "city", "A")
    listed.keep(key, text="Rina's words")
    rig.sit_down("sari")
    assert rig.outbox.draft(key) is None
    assert rig.outbox.drafts == {}
    rig.outbox.save_draft(key, {"text": "Sari's words", **MARK, "drafted_by": "sari"})
    rig.sit_down("rina")
    assert (rig.outbox.draft(key) or {})["text"] == "Rina's words"
    rig.outbox.drop_draft(key)
    rig.sit_down("sari")
    assert (rig.outbox.draft(key) or {})["text"] == "Sari's words"
    assert [typed["text"] for typed in rig.outbox.drafts.values()] == ["Sari's words"]
