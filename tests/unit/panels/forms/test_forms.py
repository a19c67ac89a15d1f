"""What is entered in a form and not committed is kept for its report, offered again, and gone once it is committed."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest
from msgspec.structs import replace
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage, QKeyEvent, QKeySequence, QShortcut, QTextCursor
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from typing_extensions import override

from api_client.model import Area, Claim, Entry, Kind, Photo, PhotoRole, Status, Template
from console.cache.catalog import Cities
from console.city_map.messages import (
    Address,
    AddressFound,
    Answer,
    Exactness,
    Find,
    FoundPlace,
    Nearest,
    PlacesFound,
    Question,
)
from console.panels.forms.forms import FormSurroundings
from console.panels.map.places import MapPlaces
from console.panels.map.streets import Street
from console.panels.report.details import ReportDetails
from console.rules.apply import ReportState
from console.rules.messages import Outcome
from console.rules.pending import with_edits
from console.rules.queued import EditState
from tests.helpers.city import wait_for
from tests.unit.panels.conftest import NOW, Rig
from widgets.forms.ask import AskText
from widgets.forms.choice import ListChoice
from widgets.forms.form import Form
from widgets.forms.new_report import NewReportForm
from widgets.forms.place import ReportPlaceForm
from widgets.forms.validate import ValidateForm
from widgets.photos import PhotoCard

DRAFTS: dict[str, dict[str, Any]] = {
    "note": {"text": "gas smell"},
    "reply": {"text": "a crew is on its way"},
    "hold": {"waits_for": "material", "until": "24", "reason": "no pipes"},
    "close": {"disposition": "Not found at the place", "reason": "nobody there", "release": [], "stay": []},
    "validate": {"decision": "return", "accept": False, "disposition": "", "reason": "wrong street"},
    "reopen": {"text": "it leaks again"},
}
_STATUS = {"validate": Status.VALIDATION, "reopen": Status.CLOSED}


def choose(rig: Rig, action: str, key: str) -> ReportDetails:
    """Choose a report on which this can be done."""
    row = 1000 + ord(key) - ord("A") + 1
    rig.window_state.choose(row)
    report = replace(rig.report(key), status=_STATUS.get(action, Status.NEW), claim=Claim("rina", NOW))
    details = replace(rig.details(row, key), shown=report, server=report)
    rig.situation.set_details(details)
    return details


def shown_draft(form: Form) -> str:
    return form._draft_label.text() if form._draft_row.isVisible() else ""


def leave(rig: Rig) -> None:
    form = rig.form()
    QTest.keyClick(form.focusWidget() or form, Qt.Key.Key_Escape)
    wait_for(lambda: rig.forms._open is None, what="the form is gone")


@pytest.mark.parametrize("action", DRAFTS)
@pytest.mark.parametrize("by", ["escape", "another form"])
def test_what_is_left_in_a_form_is_offered_when_it_is_opened_again(rig: Rig, action: str, by: str) -> None:
    choose(rig, action, "A")
    assert rig.actions.run(action)
    assert shown_draft(rig.form()) == ""
    rig.form().set_values(DRAFTS[action])
    if by == "another form":
        rig.actions.run("new_report")
    leave(rig)
    choose(rig, action, "B")
    assert rig.actions.run(action)
    assert rig.form().is_empty()
    leave(rig)
    choose(rig, action, "A")
    assert rig.actions.run(action)
    assert rig.form().values() == DRAFTS[action]
    assert shown_draft(rig.form()) == "Draft of 08:00"


def test_a_decision_that_was_left_without_a_word_is_no_draft(rig: Rig) -> None:
    """After each change of text size it stood in the status bar as "a text that was not saved"."""
    choose(rig, "validate", "A")
    rig.actions.run("validate")
    rig.steady_s += 2  # the photos are looked at
    QTest.keyClicks(rig.form().focusWidget(), "1")
    leave(rig)
    assert rig.outbox.draft("validate:city:A") is None


def test_a_draft_is_on_the_disk_until_it_is_committed(rig: Rig) -> None:
    wait_for(lambda: rig.outbox._is_open, what="work.db is open")
    choose(rig, "note", "A")
    rig.actions.run("note")
    rig.form().set_values(DRAFTS["note"])
    leave(rig)
    wait_for(lambda: _drafts(rig).get("note:city:A", {}).get("text") == "gas smell", what="the draft is on the disk")
    rig.actions.run("note")
    rig.commit(" again")
    (edit,) = rig.saved(1)
    assert edit.data == {"text": "gas smell again"}
    wait_for(lambda: _drafts(rig) == {}, what="the draft is dropped")


def test_a_draft_can_be_cleared_by_its_key_and_by_emptying_the_form(rig: Rig) -> None:
    choose(rig, "close", "A")
    for emptied in (False, True):
        rig.actions.run("close")
        rig.form().set_values(DRAFTS["close"])
        leave(rig)
        rig.actions.run("close")
        form = rig.form()
        if emptied:
            form.set_values({})
        else:
            QTest.keyClick(form.focusWidget() or form, Qt.Key.Key_Delete, Qt.KeyboardModifier.AltModifier)
            assert shown_draft(form) == ""
        assert form.is_empty()
        leave(rig)
        assert rig.outbox.draft("close:city:A") is None


def test_the_draft_on_a_report_made_here_is_offered_under_the_number_it_gets(rig: Rig) -> None:
    rig.outbox.save_draft("note:city:local:1", {"text": "gas smell"})
    assert rig.outbox.draft_key("note", "city", "A") == "note:city:A"
    edit_id = rig.edit_commands.create("city", {"service": "flood"}, "local:1", "Flood")
    rig.saved(1)
    rig.outbox.on_outcome(Outcome(edit_id, EditState.ACCEPTED, remote_id="A"))
    choose(rig, "note", "A")
    rig.actions.run("note")
    assert rig.form().values() == {"text": "gas smell"}


def test_the_draft_of_somebody_else_is_not_offered_and_stays_his(rig: Rig) -> None:
    choose(rig, "note", "A")
    rig.actions.run("note")
    rig.form().set_values(DRAFTS["note"])
    leave(rig)
    rig.sit_down("budi")
    rig.actions.run("note")
    assert shown_draft(rig.form()) == ""
    assert rig.form().is_empty()
    leave(rig)
    rig.sit_down("rina")
    rig.actions.run("note")
    assert shown_draft(rig.form()) == "Draft of 08:00"


def test_a_new_report_that_was_left_can_be_opened_again(rig: Rig) -> None:
    for _ in range(2):
        assert rig.actions.run("new_report")
        QTest.keyClicks(rig.form().focusWidget(), "x")
        rig.form().reject()


def test_the_map_asks_for_a_place_only_while_the_form_is_open(rig: Rig) -> None:
    asked: list[str] = []
    rig.forms._around = FormSurroundings(
        place_wanted=lambda: asked.append("asked"), place_unwanted=lambda: asked.append("over")
    )
    rig.actions.run("new_report")
    form = rig.form()
    QTest.keyClick(form.focusWidget() or form, Qt.Key.Key_M, Qt.KeyboardModifier.ControlModifier)
    assert asked == ["asked"]
    rig.forms.set_place(-6.2, 106.8)
    wait_for(lambda: QApplication.activeWindow() is form, what="the keyboard is back in the form")
    assert form.values()["lat"] == -6.2
    form.reject()
    assert asked == ["asked", "over"]


def _square(code: str, name: str, west: float, parent: str | None = None) -> Area:
    ring = [[west, -6.3], [west + 0.1, -6.3], [west + 0.1, -6.2], [west, -6.2], [west, -6.3]]
    return Area(
        code, name, 2, parent=parent, geometry={"type": "Polygon", "coordinates": [ring]}, lat=-6.25, lon=west + 0.05
    )


@pytest.fixture
def city_of_two(rig: Rig) -> Rig:
    """Kebon Baru in Tebet from 106.8 E to 106.9 E, Jati Padang east of it."""
    areas = [Area("t", "Tebet", 1), _square("kb", "Kebon Baru", 106.8, "t"), _square("jp", "Jati Padang", 106.9)]
    city = replace(rig.window_state.catalog("city"), areas={one.code: one for one in areas})
    rig.window_state.cities = Cities({"city": city}, {"source": {1: ("", "city")}})
    return rig


def _call(rig: Rig) -> NewReportForm:
    """A call is taken: the category and what happened."""
    rig.actions.run("new_report")
    form = rig.form()
    assert isinstance(form, NewReportForm)
    form.service.set_value("flood")
    form.report_text.setPlainText("water in the house")
    return form


def _taken_up(rig: Rig) -> NewReportForm:
    """The draft of the last call is gone on with."""
    rig.actions.run("new_report")
    empty = rig.form()
    QTest.keyClick(empty.focusWidget(), Qt.Key.Key_D, Qt.KeyboardModifier.AltModifier)
    wait_for(lambda: rig.form() is not empty, what="the form of the last call")
    form = rig.form()
    assert isinstance(form, NewReportForm)
    return form


def _press_ctrl_enter(form: Form) -> None:
    QTest.keyClick(form.focusWidget() or form, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)


@pytest.mark.parametrize("order", ["words first", "point first", "a draft of both"])
def test_a_point_outside_the_area_that_the_words_name_is_asked_about(city_of_two: Rig, order: str) -> None:
    rig, form = city_of_two, _call(city_of_two)
    form.place.setFocus()
    if order == "words first":
        QTest.keyClicks(form.place, "Gang mawar, Jati Padang")
        rig.forms.set_place(-6.25, 106.85)
    else:
        rig.forms.set_place(-6.25, 106.85)
        QTest.keyClicks(form.place, "Gang mawar, Jati Padang")
    if order == "a draft of both":
        QTest.keyClick(form.place, Qt.Key.Key_Escape)  # the list that the name has opened
        leave(rig)
        form = _taken_up(rig)
    _press_ctrl_enter(form)
    assert form.isVisible()
    doubt = "It lies in Kebon Baru, not in Jati Padang"
    wait_for(lambda: doubt in form.why_not(), what="the question is asked")
    assert form.sure.isVisible()
    assert not rig.outbox.open_edits
    _press_ctrl_enter(form)
    assert form.isVisible(), "it is asked until it is answered"
    QTest.keyClick(form, Qt.Key.Key_K, Qt.KeyboardModifier.AltModifier)
    _press_ctrl_enter(form)
    assert rig.saved(1)[0].data["address"] == "Kebon Baru, Tebet (reported as: Gang mawar, Jati Padang)"


def test_an_area_that_was_refused_is_no_longer_the_place(city_of_two: Rig) -> None:
    """It stood first, in white, before the area that the point lies in: a crew told by radio drove there."""
    rig, form = city_of_two, _call(city_of_two)
    form.place.setFocus()
    QTest.keyClicks(form.place, "jati pad")
    QTest.keyClick(form.place, Qt.Key.Key_Return)
    rig.forms.set_place(-6.25, 106.85)
    wait_for(lambda: "It lies in Kebon Baru, not in Jati Padang" in form.why_not(), what="the question is asked")
    QTest.keyClick(form, Qt.Key.Key_K, Qt.KeyboardModifier.AltModifier)
    _press_ctrl_enter(form)
    assert rig.saved(1)[0].data["address"] == "Kebon Baru, Tebet (reported as: Jati Padang)"


def test_an_area_of_the_city_is_not_the_place_of_a_point_outside_it(city_of_two: Rig) -> None:
    rig, form = city_of_two, _call(city_of_two)
    form.place.setFocus()
    QTest.keyClicks(form.place, "Gang mawar, Jati Padang")
    rig.forms.set_place(-6.9, 107.6)
    wait_for(lambda: "It lies outside the city" in form.why_not(), what="the question is asked")
    QTest.keyClick(form, Qt.Key.Key_K, Qt.KeyboardModifier.AltModifier)
    _press_ctrl_enter(form)
    assert rig.saved(1)[0].data["address"] == "Outside the city (reported as: Gang mawar, Jati Padang)"


def test_words_that_agree_with_the_point_are_not_asked_about(city_of_two: Rig) -> None:
    rig, form = city_of_two, _call(city_of_two)
    rig.forms.set_place(-6.25, 106.85)
    form.place.setFocus()
    QTest.keyClicks(form.place, "Gang mawar 3, Kebon Baru, Tebet")
    wait_for(lambda: "Point in Kebon Baru, Tebet" in form._where.text(), what="the area is named")
    assert form.why_not() == ""
    QTest.keyClicks(form.place, ", Jati Padang")
    assert "not in Jati Padang" in form.why_not()
    for _ in ", Jati Padang":
        QTest.keyClick(form.place, Qt.Key.Key_Backspace)
    assert form.why_not() == ""
    assert not form.sure.isVisible()


def test_a_quarter_named_like_its_district_is_told_from_it(rig: Rig) -> None:
    """“Cilincing” was chosen, and a point in its neighbour Marunda was not asked about: that is Cilincing district."""
    areas = [
        Area("d", "Cilincing", 1), _square("c", "Cilincing", 106.8, "d"), _square("m", "Marunda", 106.9, "d"),
    ]  # fmt: skip
    city = replace(rig.window_state.catalog("city"), areas={one.code: one for one in areas})
    rig.window_state.cities = Cities({"city": city}, {"source": {1: ("", "city")}})
    form = _call(rig)
    form.place.setFocus()
    QTest.keyClicks(form.place, "cilincing")
    QTest.keyClick(form.place, Qt.Key.Key_Return)
    rig.forms.set_place(-6.25, 106.95)
    doubt = "It lies in Marunda: the larger Cilincing is meant, not the smaller one"
    wait_for(lambda: doubt in form.why_not(), what="the question is asked")
    form.place.setFocus()
    form.place.clear()
    QTest.keyClicks(form.place, "Jl. Raya 3, Marunda, Cilincing")  # nothing is left open by that
    assert form.why_not() == ""
    form.place.clear()
    QTest.keyClicks(form.place, "Cilincing")
    rig.forms.set_place(-6.25, 106.85)
    assert form.why_not() == ""
    form.place.clear()
    QTest.keyClicks(form.place, "Cilincing")
    rig.forms.set_place(-6.25, 106.95)
    QTest.keyClick(form, Qt.Key.Key_K, Qt.KeyboardModifier.AltModifier)
    _press_ctrl_enter(form)
    assert rig.saved(1)[0].data["address"] == "Marunda, Cilincing (reported as: Cilincing)"


def test_an_area_named_among_other_words_is_offered_and_the_words_stay(city_of_two: Rig) -> None:
    """A street and its kelurahan found nothing: the report had no place at all."""
    rig, form = city_of_two, _call(city_of_two)
    form.place.setFocus()
    QTest.keyClicks(form.place, "Jl. Kebon Baru Dalam 3")
    assert [choice.text for choice in form.place.offered()] == ["Kebon Baru, Tebet"]
    QTest.keyClick(form.place, Qt.Key.Key_Return)
    assert form.values()["lat"] == -6.25
    assert form.values()["address"] == "Jl. Kebon Baru Dalam 3"
    assert "Middle of Kebon Baru" in form._where.text()
    assert "knows no more than Kebon Baru" in form.why_not()
    QTest.keyClick(form, Qt.Key.Key_K, Qt.KeyboardModifier.AltModifier)
    _press_ctrl_enter(form)
    address = rig.saved(1)[0].data["address"]
    assert address.startswith("Jl. Kebon Baru Dalam 3 (middle of the area")


def test_a_caller_who_knows_the_district_only_names_no_quarter_of_it(city_of_two: Rig) -> None:
    """The report was headed by the quarter in which the district's middle happens to lie."""
    rig, catalog = city_of_two, city_of_two.window_state.catalog("city")
    tebet = replace(catalog.areas["t"], lat=-6.25, lon=106.85)
    city = replace(catalog, areas={**catalog.areas, "t": tebet})
    rig.window_state.cities = Cities({"city": city}, {"source": {1: ("", "city")}})
    form = _call(rig)
    form.place.setFocus()
    QTest.keyClicks(form.place, "teb")
    QTest.keyClick(form.place, Qt.Key.Key_Return)
    wait_for(lambda: "knows no more than Tebet" in form.why_not(), what="it is asked")
    QTest.keyClick(form, Qt.Key.Key_K, Qt.KeyboardModifier.AltModifier)
    _press_ctrl_enter(form)
    (edit,) = rig.saved(1)
    assert (edit.data["area"], edit.data["lat"], edit.data["lon"]) == ("t", -6.25, 106.85)
    form = _call(rig)
    rig.forms.set_place(-6.25, 106.85)
    wait_for(lambda: "Point in Kebon Baru" in form._where.text(), what="the area is named")
    _press_ctrl_enter(form)
    assert "area" not in rig.saved(2)[1].data, "where a point lies is for the server to say"


@pytest.mark.parametrize(("within_m", "asked"), [(820.0, True), (200.0, False)])
def test_the_middle_of_a_street_is_told_as_one_and_a_long_street_is_asked_about(
    city_of_two: Rig, within_m: float, asked: bool
) -> None:
    """The report looked as exact as one with a house number, to the operator, his colleagues and the crew."""
    rig, form = city_of_two, _call(city_of_two)
    found = [Street("Jl. Mawar", None, -6.25, 106.85, 11, within_m)]
    rig.forms._around = FormSurroundings(streets_of=lambda _source, _text, then: then(found))
    form.place.setFocus()
    QTest.keyClicks(form.place, "Jl. Mawar")
    form.place_chosen.emit(next(one.id for one in form.place.offered() if one.text == "Jl. Mawar"))
    wait_for(lambda: "Middle of the street by 11" in form._where.text(), what="how exact it is")
    wait_for(lambda: "not known yet" not in form.why_not(), what="in which area it lies")
    assert ("knows no more than Jl. Mawar" in form.why_not()) is asked
    if asked:
        QTest.keyClick(form, Qt.Key.Key_K, Qt.KeyboardModifier.AltModifier)
    _press_ctrl_enter(form)
    assert rig.saved(1)[0].data["address"] == f"Jl. Mawar (middle of the street, ±{within_m:.0f} m)"
    assert rig.saved(1)[0].data["within_m"] == within_m, "and the report keeps it"


def test_a_long_street_is_asked_about_again_where_a_draft_is_gone_on_with(city_of_two: Rig) -> None:
    """The same point came back after Esc, and could be saved without the question."""
    rig, waiting = city_of_two, list[Callable[[list[Street]], object]]()
    street = Street("Jl. Mawar", "kb", -6.25, 106.85, 11, 820.0)
    rig.forms._around = FormSurroundings(streets_of=lambda _source, _text, then: waiting.append(then))
    known = {"lat": -6.24, "lon": 106.81, "address": "Gang Arus 3"}
    saved: list[dict[str, Any]] = []

    def opened() -> ReportPlaceForm:
        rig.forms.place("city", "931001", known, "city:931001:place", saved.append)
        form = rig.form()
        assert isinstance(form, ReportPlaceForm)
        wait_for(lambda: "not known yet" not in form.why_not() and form.place.hasFocus(), what="the areas")
        return form

    form = opened()
    assert form.place.selectedText() == "Gang Arus 3", "typing replaces what is there"
    QTest.keyClicks(form.place, "Jl. Mawar 12")
    waiting[-1]([street])
    form.place_chosen.emit(form.place.offered()[0].id)
    wait_for(lambda: "knows no more than Jl. Mawar" in form.why_not(), what=form.why_not)
    QTest.keyClick(form, Qt.Key.Key_Escape)
    again = opened()
    assert again.values()["lat"] == -6.25
    assert "knows no more than Jl. Mawar 12" in again.why_not(), "before its street is found"
    waiting[-1]([street])
    assert "knows no more than Jl. Mawar?" in again.why_not()
    assert "Middle of the street by 11" in again._where.text()
    assert again.place.offered() == [], (
        "a list opens for what is typed: this one would lie over what is told of the place"
    )
    assert again.place.selectedText() == again.place.text()
    QTest.keyClick(again, Qt.Key.Key_Delete, Qt.KeyboardModifier.AltModifier)
    waiting[-1]([Street("Gang Arus", "kb", -6.24, 106.81, 1, 0.0)])
    assert again.place.selectedText() == "Gang Arus 3"
    assert "Point in Kebon Baru" in again._where.text(), "the report's own point is not as far off as a street's middle"
    assert again.why_not() == ""


def test_a_street_that_does_not_exist_takes_no_other_one_by_enter(city_of_two: Rig) -> None:
    """For "Jl. Mawar Putih" its neighbour Jl. Mawar III stood first, and Enter took it: the crew went there."""
    rig, form = city_of_two, _call(city_of_two)
    found = [
        Street("Jl. Mawar III", "kb", -6.25, 106.85, 11, 200.0),
        Street("Jl. Mawar", "jp", -6.25, 106.95, 1, 200.0),
    ]
    rig.forms._around = FormSurroundings(streets_of=lambda _source, _text, then: then(found))
    form.place.setFocus()
    QTest.keyClicks(form.place, "Jl. Mawar Putih")
    assert [one.text for one in form.place.offered()] == ["Jl. Mawar III, Kebon Baru", "Jl. Mawar, Jati Padang"]
    QTest.keyClick(form.place, Qt.Key.Key_Return)
    assert not form.is_placed
    assert form.place.hasFocus()
    assert form.place.text() == "Jl. Mawar Putih"
    assert "Nothing of this name is known" in form._where.text()
    QTest.keyClick(form.place, Qt.Key.Key_Down)
    QTest.keyClick(form.place, Qt.Key.Key_Return)
    assert (form.values()["lat"], form.values()["lon"]) == (-6.25, 106.85), "who moves to it means it"
    form.place.clear()
    QTest.keyClicks(form.place, "jalan mawar 3")
    QTest.keyClick(form.place, Qt.Key.Key_Return)
    assert not form.is_placed, "one of two that may be meant"
    assert (
        form._where.text()
        == form.foot_note()
        == "Several streets may be meant: ask which one, in which area; ↓ chooses"
    )
    form.place.clear()
    QTest.keyClicks(form.place, "jalan mawar 3 Jati")
    QTest.keyClick(form.place, Qt.Key.Key_Return)
    assert (form.values()["lat"], form.values()["lon"]) == (-6.25, 106.95), "the one that is named is armed"


def test_that_no_street_is_like_the_words_is_said_beside_the_area_that_they_name(city_of_two: Rig) -> None:
    form = _call(city_of_two)
    form.place.setFocus()
    QTest.keyClicks(form.place, "Kebon Baru III no 5")
    assert [(one.text, one.note) for one in form.place.offered()] == [("Kebon Baru, Tebet", "No street like this")]
    form.place.clear()
    QTest.keyClicks(form.place, "Kebon Baru")
    assert [(one.text, one.note) for one in form.place.offered()] == [("Kebon Baru, Tebet", "")]


def test_what_is_typed_beside_a_streets_name_stays_with_it(city_of_two: Rig) -> None:
    """The house number was gone when the street was taken from the list."""
    form = _call(city_of_two)
    known = [Street("Jl. Rajawali III", "kb", -6.25, 106.85, 4, 90.0), Street("Kebon Baru", "kb", -6.25, 106.85, 3, 0)]
    city_of_two.forms._around = FormSurroundings(streets_of=lambda _source, _text, then: then(known))
    form.place.setFocus()
    QTest.keyClicks(form.place, "rajawali no 5")
    assert [one.text for one in form.place.offered()] == ["Jl. Rajawali III, Kebon Baru"], "an area is no street"
    QTest.keyClick(form.place, Qt.Key.Key_Return)
    assert form.values()["address"] == "Jl. Rajawali III no 5, Kebon Baru"
    assert "wherever the number is: ask for a landmark" in form._where.text(), "a number was given: none is asked for"
    form.place.setText("")
    QTest.keyClicks(form.place, "rajawali")
    QTest.keyClick(form.place, Qt.Key.Key_Return)
    assert "ask for a number" in form._where.text()


def test_a_street_called_like_an_area_elsewhere_is_where_it_is_known_to_be(city_of_two: Rig) -> None:
    """It was asked whether “Jl. Marunda Baru” is not in Baru, and written down as reported wrongly."""
    rig, form = city_of_two, _call(city_of_two)
    found = [Street("Jl. Jati Padang", "kb", -6.25, 106.85, 11, 900.0)]
    rig.forms._around = FormSurroundings(streets_of=lambda _source, _text, then: then(found))
    form.place.setFocus()
    QTest.keyClicks(form.place, "jl jati")
    form.place_chosen.emit(next(one.id for one in form.place.offered() if one.text.startswith("Jl.")))
    wait_for(lambda: "knows no more than Jl. Jati Padang" in form.why_not(), what="the true question is asked")
    QTest.keyClick(form, Qt.Key.Key_K, Qt.KeyboardModifier.AltModifier)
    _press_ctrl_enter(form)
    assert rig.saved(1)[0].data["address"].startswith("Jl. Jati Padang, Kebon Baru (middle of the street")


def test_a_list_is_spoken_of_only_where_there_is_one(city_of_two: Rig) -> None:
    form = _call(city_of_two)
    form.place.setFocus()
    QTest.keyClicks(form.place, "Kebon")
    assert "choose from the list" in form._where.text()
    QTest.keyClicks(form.place, " xyzzy quux")
    assert "Not found by this name" in form._where.text()
    assert "list" not in form._where.text()
    leave(city_of_two)
    form = _taken_up(city_of_two)
    assert "Not found by this name" in form._where.text(), "a draft says so too"


def test_enter_ends_a_reason_in_every_form_alike(rig: Rig) -> None:
    """In one form it committed, in another it began a new line."""
    for count, action in enumerate(("close", "hold", "validate"), 1):
        choose(rig, action, "ABC"[count - 1])
        assert rig.actions.run(action)
        form = rig.form()
        form.set_values({**DRAFTS[action], "reason": "nobody"})
        reason = next(field for _, field in form._texts)
        reason.setFocus()
        reason.moveCursor(QTextCursor.MoveOperation.End)
        QTest.keyClick(reason, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
        QTest.keyClicks(reason, "there")
        held = QKeyEvent(QKeyEvent.Type.KeyPress, Qt.Key.Key_Return, Qt.KeyboardModifier.NoModifier, "\r", True)
        QApplication.sendEvent(reason, held)
        assert form.isVisible(), "a key that is held down ends nothing"
        rig.steady_s += 2  # the photos are looked at
        assert form.why_not() == ""
        QTest.keyClick(reason, Qt.Key.Key_Return)
        data = rig.saved(count)[-1].data
        assert "nobody\\nthere" in repr(data)


def test_ctrl_enter_twice_saves_a_note_and_hands_nothing_in(rig: Rig) -> None:
    details = choose(rig, "note", "A")
    shown = replace(details.shown, status=Status.PROGRESS, photos=(Photo("0" * 64, PhotoRole.AFTER, 1),))
    rig.situation.set_details(replace(details, shown=shown))
    rig.actions.run("note")
    rig.commit("the crew is done soon")
    rig.steady_s += 0.3
    assert not rig.actions.press("submit")
    assert rig.said[-1] == "Not handed in: that key was still the form's"
    rig.steady_s += 0.5
    assert rig.actions.press("submit")
    assert [edit.kind for edit in rig.saved(2)] == [Kind.NOTE, Kind.SET]


DELIVERED = {
    "photo": (Entry("1", "A", "photo", NOW, "rina", data={"role": "after"}), True),
    "handed in": (Entry("1", "A", "set", NOW, "rina", data={"status": "validation"}), True),
    "photo of another": (Entry("1", "A", "photo", NOW, "SDA-07", data={"role": "after"}), False),
    "photo taken back": (Entry("1", "A", "photo", NOW, "rina", data={"role": "after"}, undone_by="e9"), False),
}


@pytest.mark.parametrize("proof", DELIVERED)
def test_who_delivered_the_proof_is_told_that_another_validates_it(rig: Rig, proof: str) -> None:
    entry, barred = DELIVERED[proof]
    rig.situation.set_details(replace(choose(rig, "validate", "A"), entries=(entry,)))
    rig.actions.run("validate")
    rig.steady_s += 2  # the photos are looked at
    QTest.keyClicks(rig.form().focusWidget(), "1")
    assert rig.form().why_not() == ("You delivered this proof: another person has to validate it" if barred else "")


def test_a_proof_that_was_returned_before_bars_nobody(rig: Rig) -> None:
    mine = DELIVERED["photo"][0]
    returned = Entry("2", "A", "validate", NOW, "budi", data={"status": "returned"})
    again = Entry("3", "A", "photo", NOW, "SDA-07", data={"role": "after"})
    rig.situation.set_details(replace(choose(rig, "validate", "A"), entries=(mine, returned, again)))
    rig.actions.run("validate")
    rig.steady_s += 2  # the photos are looked at
    QTest.keyClicks(rig.form().focusWidget(), "1")
    assert rig.form().why_not() == ""


def test_a_proof_just_delivered_and_not_sent_bars_its_author_too(rig: Rig) -> None:
    details = choose(rig, "validate", "A")
    rig.edit_commands.photo(details, {"sha256": "0" * 64, "role": "after", "size": 1})
    pending = tuple(rig.saved(1))
    own = with_edits(ReportState(details.shown, details.assignments), pending, now=pending[-1].occurred_at).entries
    rig.situation.set_details(replace(details, pending=pending, own_entries=own))
    rig.actions.run("validate")
    assert rig.form().why_not().startswith("You delivered this proof")


def test_one_picture_is_one_photo_of_the_proof(rig: Rig) -> None:
    """Given three times it stood there three times, and all the smaller."""
    details = choose(rig, "validate", "A")
    before, after = Photo("1" * 64, PhotoRole.REPORT, 1), Photo("2" * 64, PhotoRole.AFTER, 1)
    shown = replace(details.shown, photos=(before, before, after, before, replace(before, role=PhotoRole.AFTER)))
    rig.situation.set_details(replace(details, shown=shown))
    rig.actions.run("validate")
    form = rig.form()
    assert isinstance(form, ValidateForm)
    assert [words.split(",")[0] for words in form.photos()] == ["Before", "After", "After"]


def test_the_photos_of_a_proof_stay_when_another_report_is_chosen(rig: Rig) -> None:
    """The form kept its title and showed the other report's photos, and Enter accepted."""
    details = choose(rig, "validate", "A")
    both, own = Photo("1" * 64, PhotoRole.REPORT, 1), Photo("2" * 64, PhotoRole.AFTER, 1)
    rig.situation.set_details(replace(details, shown=replace(details.shown, photos=(both, own))))
    image = QImage(8, 8, QImage.Format.Format_RGB32)
    cards = {photo.key: PhotoCard(photo.key, "Photo", "15:04", image=image) for photo in (both, own)}
    rig.report_commands.set_photos(cards, 1001)
    rig.actions.run("validate")
    form = rig.form()
    assert isinstance(form, ValidateForm)
    before = form.photos()
    assert all("15:04" in words for words in before)
    rig.choose("B", read=False)
    rig.report_commands.set_photos({both.key: PhotoCard(both.key, "Before", "23:17, 9.1 km away", image=image)}, 1002)
    assert form.photos() == before
    rig.report_commands.set_photos({}, 0)
    assert form.photos() == before
    form.close()
    wait_for(lambda: rig.forms._open is None, what="the form is gone")
    rig.choose("B", read=False)
    rig.report_commands.set_photos({own.key: PhotoCard(own.key, "After", "23:17", image=image)}, 1002)
    choose(rig, "validate", "A")
    rig.situation.set_details(replace(details, shown=replace(details.shown, photos=(own,))))
    rig.actions.run("validate")
    shown: Any = rig.form()
    assert "23:17" not in shown.photos()[0], "what is known of another report says nothing of this one"


def test_accepting_says_what_the_work_came_to(rig: Rig) -> None:
    texts = (
        Template("1", "disposition", "Repaired"),
        Template("2", "disposition", "The water is gone", "flood"),
        Template("3", "disposition", "Tree cut", "tree"),
        Template("4", "close", "Not ours"),
    )
    rig.window_state.cities = replace(
        rig.window_state.cities, catalogs={"city": replace(rig.window_state.catalog("city"), templates=texts)}
    )
    choose(rig, "validate", "A")
    rig.actions.run("validate")
    form = rig.form()
    assert isinstance(form, ValidateForm)
    assert form.disposition.options() == ["The water is gone", "Repaired"]
    QTest.keyClicks(form.focusWidget(), "1")
    QTest.keyClick(form.focusWidget(), Qt.Key.Key_1)
    rig.steady_s += 2  # the photos are looked at
    rig.commit()
    (edit,) = rig.saved(1)
    assert edit.data == {"accepted": True, "disposition": "The water is gone"}


def test_a_report_without_a_place_is_given_one_and_it_is_taken_back(rig: Rig) -> None:
    """Taken down without one by telephone it never got one: it stayed off the map and without advice for good."""
    area = Area("k", "Kemang", 3, lat=-6.26, lon=106.81)
    rig.window_state.cities = replace(
        rig.window_state.cities, catalogs={"city": replace(rig.window_state.catalog("city"), areas={"k": area})}
    )
    choose(rig, "place", "A")
    assert rig.actions.press("place")
    form: Any = rig.form()
    assert form.windowTitle().startswith("Place")
    rig.commit("Jl. Kemang Raya 4")
    assert form.isVisible()
    assert "A point is needed" in form.why_not(), "words alone bring no crew there"
    rig.forms.set_place(-6.2601, 106.8102)
    wait_for(lambda: form.why_not() == "" or form.sure.isVisible(), what="it is held against the words")
    form.sure.setChecked(True)
    rig.commit()
    (edit,) = rig.saved(1)
    place = {"lat": -6.2601, "lon": 106.8102, "address": "Jl. Kemang Raya 4"}
    assert (edit.kind, edit.data, edit.base) == (
        Kind.SET,
        {"place": place},
        {"place": {"lat": None, "lon": None, "address": ""}},
    )
    assert rig.actions.run("undo")
    undo = rig.saved(2)[1]
    assert (undo.undoes, undo.data) == (edit.id, edit.base)


def test_a_place_that_is_looked_at_and_left_is_no_draft_and_one_that_is_saved_unchanged_no_edit(rig: Rig) -> None:
    details = choose(rig, "place", "A")
    shown = replace(details.shown, lat=-6.26, lon=106.81, address="Jl. Kemang Raya 4")
    rig.situation.set_details(replace(details, shown=shown, server=shown))
    for ends in (leave, Rig.commit):
        assert rig.actions.press("place")
        wait_for(lambda: rig.form().why_not() == "", what="the place that it has is not asked about")
        assert rig.form().values()["address"] == "Jl. Kemang Raya 4"
        ends(rig)
    wait_for(lambda: rig.forms._open is None or not rig.forms._open.isVisible(), what="the form is gone")
    assert rig.outbox.draft("place:city:A") is None
    assert not rig.outbox.open_edits


def test_a_place_that_is_typed_takes_the_place_of_the_one_before(rig: Rig) -> None:
    """It was added: "Jl. Ragunan Dalam, RW 14tebet timur"."""
    details = choose(rig, "place", "A")
    shown = replace(details.shown, lat=-6.26, lon=106.81, address="Jl. Kemang Raya 4")
    rig.situation.set_details(replace(details, shown=shown, server=shown))
    assert rig.actions.press("place")
    form = rig.form()
    QTest.keyClicks(form.focusWidget(), "jl bangka")
    assert form.values()["address"] == "jl bangka"


def _drafts(rig: Rig) -> dict[str, dict[str, object]]:
    with closing(sqlite3.connect(f"file:{rig.profile / 'work.db'}?mode=ro", uri=True)) as file:
        found = file.execute("SELECT key, body FROM drafts")
        return {key.removeprefix("rina\n"): json.loads(body) for key, body in found}


TYPED_ON = {
    "note": ("taxi", {"text": "taxi"}),
    "reply": ("taxi", {"text": "taxi"}),
    "reopen": ("taxi", {"text": "taxi"}),
    "priority": ("4", {"id": "4"}),
    "category": ("road", {"id": "road"}),
    "transfer": ("kem", {"id": "area:k"}),
    "new_report": ("road", {"service": "road"}),
}


class Behind(QWidget):
    """Where the keyboard is before a form opens: it hears what no form was given."""

    def __init__(self, rig: Rig) -> None:
        super().__init__(rig.window)
        self.heard: list[str] = []
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        for keys in ("T", "X", "A", "I"):
            QShortcut(QKeySequence(keys), rig.window).activated.connect(lambda keys=keys: self.heard.append(keys))
        self.show()
        self.setFocus()
        wait_for(self.hasFocus, what="the window has the keyboard")

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        self.heard.append(event.text())


@pytest.mark.parametrize("action", TYPED_ON)
def test_keys_that_come_before_their_form_has_the_keyboard_are_the_forms(rig: Rig, action: str) -> None:
    """N, and "taxi" typed on at once: T would take the report, X open another form, Enter send a crew."""
    behind = Behind(rig)
    choose(rig, action, "A")
    rig.actions.press(action)
    words, values = TYPED_ON[action]
    QTest.keyClicks(behind, words)  # the desktop has not got round to the form yet
    if action == "new_report":
        QTest.keyClick(behind, Qt.Key.Key_Return)
    form = rig.form()
    wait_for(lambda: not rig.forms.held_keys.waiting, what="what was typed stands in the form")
    assert values.items() <= form.values().items()
    assert behind.heard == []


def test_the_last_of_the_keys_may_end_the_form_and_none_behind_it_reaches_the_window(rig: Rig) -> None:
    """P 4 Enter at 25 ms a key set no priority and sent a crew; Enter twice would send it too."""
    behind = Behind(rig)
    rig.choose("A")
    rig.actions.press("priority")
    for code in (Qt.Key.Key_4, Qt.Key.Key_Return, Qt.Key.Key_Return, Qt.Key.Key_T):
        QTest.keyClick(behind, code)
    (edit,) = rig.saved(1)
    assert edit.data == {"priority": 4}
    wait_for(lambda: not rig.forms.held_keys.waiting, what="nothing is held any more")
    assert behind.heard == []


def test_one_of_the_keys_may_open_another_form_which_gets_the_rest(rig: Rig) -> None:
    behind = Behind(rig)
    rig.choose("A")
    rig.forms.choose("Do", "", [ListChoice("note", "Note"), ListChoice("take", "Take")], rig.actions.run)
    for code in (Qt.Key.Key_N, Qt.Key.Key_Return, Qt.Key.Key_G, Qt.Key.Key_A, Qt.Key.Key_S):
        QTest.keyClick(behind, code)
    wait_for(lambda: isinstance(rig.forms._open, AskText), what="the second form")
    wait_for(lambda: rig.form().values() == {"text": "gas"}, what="its words")


@pytest.mark.parametrize("by", ["a click in the window", "leaving"])
def test_a_form_that_never_gets_the_keyboard_does_not_hold_it_for_ever(rig: Rig, by: str) -> None:
    behind = Behind(rig)
    rig.choose("A")
    rig.actions.press("note")
    QTest.keyClick(behind, Qt.Key.Key_T)
    if by == "leaving":
        rig.forms.close_open()
    else:
        QTest.mouseClick(behind, Qt.MouseButton.LeftButton)
    assert not rig.forms.held_keys.waiting
    rig.window.activateWindow()
    wait_for(lambda: QApplication.focusWidget() is behind, what="the window has the keyboard again")
    QTest.keyClick(behind, Qt.Key.Key_T)
    assert behind.heard == ["T"]


def test_a_crew_that_is_sent_while_a_report_is_being_closed_is_asked_about_and_let_go(rig: Rig) -> None:
    """The form named no crew; it went on driving to a closed report, from which no key called it back. What was read
    and answered came back as a conflict.
    """
    choose(rig, "close", "A")
    rig.actions.run("close")
    form: Any = rig.form()
    form.set_values({"disposition": DRAFTS["close"]["disposition"], "reason": "nobody there"})
    assert form.ticks == {}
    sent = rig.details(1001, "A", ["07"])
    assert sent.server is not None
    newer = replace(sent.server, version=9, status=Status.ASSIGNED)
    rig.situation.set_details(replace(sent, server=newer, shown=newer))
    assert form.news == "Changed meanwhile: Status New, now Assigned"
    assert [tick.text() for tick in form.ticks.values()] == ["SDA-07"]
    assert form.values()["release"] == ["07"]
    rig.commit()
    rig.commit()
    (edit,) = rig.saved(1)
    assert (edit.data["release"], edit.base_version, edit.base) == (["07"], 9, {"status": "assigned"})


def test_a_step_of_the_crew_between_two_strokes_takes_the_question_not_away(rig: Rig) -> None:
    """Each further step took away what the next stroke does, and the stroke was needed once more, three in all."""
    choose(rig, "close", "A")
    rig.actions.run("close")
    form: Any = rig.form()
    form.set_values({"disposition": DRAFTS["close"]["disposition"], "reason": "nobody there"})
    sent = rig.details(1001, "A", ["07"])
    assert sent.server is not None
    by_budi = Entry("h1", "A", "dispatch", NOW, "budi", data={"unit": "07"})
    newer = replace(sent.server, version=9, status=Status.ASSIGNED)
    now = replace(sent, server=newer, shown=newer, entries=(by_budi,))
    rig.situation.set_details(now)
    rig.commit()
    asked = "Read above what changed. The same key again does it all the same."
    assert form._why.text() == asked
    step = Entry("h2", "A", "progress", NOW, "SDA-07", data={"unit": "07", "state": "acknowledged"})
    newest = replace(newer, version=10)
    rig.situation.set_details(replace(now, server=newest, shown=newest, entries=(by_budi, step)))
    assert form.news == "SDA-07, budi changed meanwhile: Status New, now Assigned"
    assert form._why.text() == asked
    rig.commit()
    (edit,) = rig.saved(1)
    assert edit.base_version == 10


def test_the_head_of_the_form_of_closing_says_what_is_at_stake(rig: Rig) -> None:
    """A P1 without a crew that a colleague had taken was closed by three keys that named none of it."""
    details = choose(rig, "close", "A")
    rig.actions.run("close")
    form = rig.form()
    assert not form._sentence.isVisible()
    taken = replace(details.shown, claim=Claim("budi", NOW), version=4)
    rig.situation.set_details(replace(details, shown=taken, server=taken))
    assert form._sentence.text() == "Taken by budi"
    hazard = replace(taken, priority=1, version=5)
    rig.situation.set_details(replace(details, shown=hazard, server=hazard))
    assert form._sentence.text() == "P1 · taken by budi"
    mine = replace(hazard, claim=Claim("rina", NOW), version=6)
    rig.situation.set_details(replace(details, shown=mine, server=mine))
    assert form._sentence.text() == "P1"


def test_a_form_says_what_another_changed_meanwhile_and_saving_is_then_meant(rig: Rig) -> None:
    """Both values stand in it; one stroke that was under way counts as having read them."""
    details = choose(rig, "priority", "A")
    rig.actions.run("priority")
    form = rig.form()
    QTest.keyClicks(form.focusWidget(), "1")
    assert form.news == ""
    by_budi = Entry("h1", "A", "set", NOW, "budi", data={"priority": 2})
    changed = replace(details.shown, priority=2, version=4)
    rig.situation.set_details(replace(details, shown=changed, server=changed, entries=(by_budi,)))
    assert form.news == "budi changed meanwhile: Priority P3 routine, now P2 urgent"
    QTest.keyClick(form.focusWidget(), Qt.Key.Key_Return)
    assert form.isVisible(), "the stroke was on its way before it was told"
    assert not rig.outbox.open_edits
    assert "again" in form._why.text()
    QTest.keyClick(form.focusWidget(), Qt.Key.Key_Return)
    (edit,) = rig.saved(1)
    assert (edit.data["priority"], edit.base["priority"], edit.base_version) == (1, 2, 4), "meant for what it is by now"


@pytest.mark.parametrize("action", ["close", "validate"])
def test_who_ends_a_report_is_told_first_that_it_was_made_urgent(rig: Rig, action: str) -> None:
    """A P3 was made P1 while the form was open, and one stroke closed it: it was gone from every list."""
    details = choose(rig, action, "A")
    rig.actions.run(action)
    raised = replace(details.shown, priority=1, version=4)
    rig.situation.set_details(replace(details, shown=raised, server=raised))
    assert rig.form().news.endswith("now P1 hazard")
    if action == "close":
        merged = replace(raised, duplicates=1, version=5)
        rig.situation.set_details(replace(details, shown=merged, server=merged))
        assert "Duplicates" in rig.form().news


def test_who_holds_or_passes_on_a_report_is_told_first_that_it_was_made_urgent(rig: Rig) -> None:
    """A P3 was made P1 while the form was open, and one stroke put it on hold, open end, with nobody on it."""
    details = choose(rig, "hold", "A")
    raised = replace(details.shown, priority=1, version=4)
    hazard = replace(details, shown=raised, server=raised)
    rig.actions.run("hold")
    rig.situation.set_details(hazard)
    form: Any = rig.form()
    assert form.news == "Changed meanwhile: Priority P3 routine, now P1 hazard"
    assert form._sentence.text() == "P1", "the head says it, as that of closing does"
    form.set_values(DRAFTS["hold"])
    rig.commit()
    assert form.isVisible()
    assert not rig.outbox.open_edits, "the stroke was on its way before it was told"
    form.reject()
    choose(rig, "transfer", "A")
    rig.actions.run("transfer")
    rig.situation.set_details(hazard)
    chooser = rig.form()
    assert chooser.news == "Changed meanwhile: Priority P3 routine, now P1 hazard"
    QTest.keyClick(chooser.focusWidget(), Qt.Key.Key_Down)
    QTest.keyClick(chooser.focusWidget(), Qt.Key.Key_Return)
    assert chooser.isVisible()
    assert not rig.outbox.open_edits


def test_a_form_says_nothing_of_other_fields_other_reports_or_what_is_as_it_was(rig: Rig) -> None:
    details = choose(rig, "hold", "A")
    rig.actions.run("hold")
    form = rig.form()
    other_field = replace(details.shown, title="Lamp", version=4)
    rig.situation.set_details(replace(details, shown=other_field, server=other_field))
    assert form.news == ""
    closed = replace(details.shown, status=Status.CLOSED, version=5)
    rig.situation.set_details(replace(details, shown=closed, server=closed))
    assert form.news == "Changed meanwhile: Status New, now Closed without work"
    rig.situation.set_details(details)
    assert form.news == "", "taken back"
    choose(rig, "hold", "B")
    assert form.news == ""


@pytest.mark.parametrize(
    ("texts", "preset"),
    [
        ((("Cleaned", None), ("Mended", None)), ""),
        ((("Cleaned", None), ("Water is gone", "flood"), ("Lamp is on", "lamp")), "Water is gone"),
        ((("Done", None),), "Done"),
    ],
)
def test_an_outcome_is_preset_only_where_the_city_has_one_for_the_category(
    rig: Rig, texts: tuple[tuple[str, str | None], ...], preset: str
) -> None:
    """A lamp that was mended was accepted as "cleaned" by Enter, as that stood first of all outcomes."""
    templates = tuple(Template(text, "disposition", text, service) for text, service in texts)
    city = replace(rig.window_state.catalog("city"), templates=templates)
    rig.window_state.cities = Cities({"city": city}, {"source": {1: ("", "city")}})
    details = choose(rig, "validate", "A")
    shown = replace(details.shown, photos=(Photo("2" * 64, PhotoRole.AFTER, 1),))
    rig.situation.set_details(replace(details, shown=shown))
    rig.actions.run("validate")
    assert rig.form().values()["disposition"] == preset


class AskedMap:
    """A city map that answers when the test says so."""

    def __init__(
        self, rig: Rig, *places: FoundPlace, address: Address | None = None, streets: tuple[Street, ...] = ()
    ) -> None:
        self.places, self.address = places, address
        self.asked: list[tuple[Question, Callable[[Answer | None], object]]] = []
        map_places = MapPlaces(lambda _, question, then: self.asked.append((question, then)), is_invented=lambda: True)
        rig.forms._around = FormSurroundings(
            streets_of=lambda _source, _text, then: then(list(streets)), map_places=map_places
        )

    def answer(self) -> None:
        question, then = self.asked.pop()
        if isinstance(question, Find):
            then(PlacesFound(self.places))
        elif isinstance(question, Nearest):
            then(AddressFound(self.address))


def test_a_house_of_the_city_map_is_taken_by_enter_and_says_how_exact_it_is(city_of_two: Rig) -> None:
    rig = city_of_two
    house = FoundPlace("street", "Jalan Mawar", "Kebon Baru", -6.25, 106.85, "house", "12")
    other = FoundPlace("street", "Jalan Mawar", "Jati Padang", -6.25, 106.95, "street")
    map_ = AskedMap(rig, house, other)
    form = _call(rig)
    form.place.setFocus()
    QTest.keyClicks(form.place, "Jl. Mawar no 12")
    assert form.place.offered() == []
    map_.answer()
    assert [(one.text, one.note) for one in form.place.offered()] == [
        ("Jalan Mawar 12, Kebon Baru", "house number · invented"),
        ("Jalan Mawar, Jati Padang", "middle of the street · invented"),
    ]
    QTest.keyClick(form.place, Qt.Key.Key_Return)
    assert form.place.text() == "Jalan Mawar 12, Kebon Baru"
    wait_for(lambda: "house number · invented · Point in Kebon Baru" in form._where.text(), what="how exact it is")
    assert form.values()["within_m"] == 0
    _press_ctrl_enter(form)
    (edit,) = rig.saved(1)
    assert (edit.data["lat"], edit.data["address"]) == (-6.25, "Jalan Mawar 12, Kebon Baru")


def test_of_several_streets_of_one_name_none_is_taken_by_enter(city_of_two: Rig) -> None:
    """Also not beside one that reports have told of; that one stands once."""
    rig = city_of_two
    streets = [
        FoundPlace("street", "Gang Buntu", area, -6.25, lon, "street", within_m=300.0)
        for area, lon in (("Kebon Baru", 106.85), ("Jati Padang", 106.95))
    ]
    map_ = AskedMap(rig, *streets, streets=(Street("Gg. Buntu", "kb", -6.251, 106.851, 3, 100.0),))
    form = _call(rig)
    form.place.setFocus()
    QTest.keyClicks(form.place, "gang buntu dekat warung")
    map_.answer()
    offered = form.place.offered()
    assert [one.text for one in offered] == ["Gg. Buntu, Kebon Baru", "Gang Buntu, Jati Padang"]
    QTest.keyClick(form.place, Qt.Key.Key_Return)
    assert not form.is_placed
    form.place_chosen.emit(offered[1].id)
    assert form.values()["within_m"] == 300
    assert form.place.text() == "Gang Buntu dekat warung, Jati Padang"
    wait_for(lambda: "middle of the street · invented" in form._where.text(), what="how exact it is")


def test_an_answer_to_what_was_typed_before_offers_nothing(city_of_two: Rig) -> None:
    rig = city_of_two
    map_ = AskedMap(rig, FoundPlace("street", "Jalan Mawar", "Kebon Baru", -6.25, 106.85, "street"))
    form = _call(rig)
    form.place.setFocus()
    QTest.keyClicks(form.place, "Jl. Mawar")
    before = map_.asked.pop()
    QTest.keyClicks(form.place, "x")
    before[1](PlacesFound(map_.places))
    assert form.place.offered() == []


@pytest.mark.parametrize("typed", ["", "depan masjid"])
def test_a_click_on_the_map_tells_its_address_and_fills_it_in_where_nothing_is_typed(
    city_of_two: Rig, typed: str
) -> None:
    rig = city_of_two
    map_ = AskedMap(rig, address=Address("Jalan Mawar", 12.0, "14", 20.0, "elsewhere"))
    form = _call(rig)
    form.place.set_free_text(typed)
    wait_for(lambda: "not known yet" not in form.why_not(), what="the areas")
    rig.forms.set_place(-6.25, 106.85)
    wait_for(lambda: "Point in Kebon Baru" in form._where.text(), what="the area")
    map_.answer()
    address = "Jalan Mawar, near no. 14, Kebon Baru"
    assert f"{address} · invented · Point in Kebon Baru" in form._where.text()
    assert form.place.text() == (typed or address)
    assert form.values()["is_point"]
    assert not [one for one, _ in map_.asked if isinstance(one, Nearest)], "asked once"


def test_within_50_m_of_a_border_either_area_fits(city_of_two: Rig) -> None:
    rig, form = city_of_two, _call(city_of_two)
    form.place.setFocus()
    QTest.keyClicks(form.place, "Gang mawar, Jati Padang")
    rig.forms.set_place(-6.25, 106.8997)
    wait_for(lambda: "Tebet, at the border of Jati Padang" in form._where.text(), what=form._where.text)
    assert "not in Jati Padang" not in form.why_not()
    rig.forms.set_place(-6.25, 106.899)
    wait_for(lambda: "not in Jati Padang" in form.why_not(), what="it is asked")


@pytest.mark.parametrize(("exactness", "is_asked"), [("beside", False), ("landmark", False), ("street", True)])
def test_a_landmark_that_is_named_like_an_area_is_no_area(
    city_of_two: Rig, exactness: Exactness, is_asked: bool
) -> None:
    """ "Opposite the Alfamart, near Tebet station" was asked about: it lies across the river, not in Tebet."""
    rig = city_of_two
    shop = FoundPlace("shop", "Alfamart", "Kebon Baru", -6.25, 106.85, exactness, within_m=80.0, fits=True)
    map_ = AskedMap(rig, shop)
    form = _call(rig)
    form.place.setFocus()
    QTest.keyClicks(form.place, "seberang alfamart dekat stasiun jati padang")
    map_.answer()
    form.place_chosen.emit(next(one.id for one in form.place.offered() if one.text == "Alfamart, Kebon Baru"))
    wait_for(lambda: "Point in Kebon Baru" in form._where.text(), what=form._where.text)
    assert ("not in Jati Padang" in form.why_not()) == is_asked
