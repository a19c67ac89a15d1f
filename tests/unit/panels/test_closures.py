"""Closed streets and flooded areas in the window: made by keys, shown at once, avoided, warned of, opened again."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from api_client.decoding import convert
from api_client.model import ClosedArea, ClosedLine, Closure, ClosureChange, ClosureKind, Kind
from console.cache.catalog import Cities
from console.city_map.messages import Answer, ClosuresTaken, StretchFound
from console.panels.closure_commands import area_fault
from console.panels.map.controller import closures_json
from console.panels.menus import place_menu
from console.rules.closure import circle, closure_after
from console.rules.edit import Edit
from console.rules.rights import Rights
from console.window.actions import ACTIONS
from tests.helpers.city import wait_for
from tests.unit.panels.conftest import NOW, Rig
from widgets.forms.choose_one import ChooseOne
from widgets.forms.closure import ClosureForm

H = timedelta(hours=1)
PLACE = (-6.25, 106.85)
LINE = [(-6.25, 106.849), (-6.25, 106.851)]
STREET = StretchFound("Jalan Melati I", 221.0, np.round(np.array(LINE) * 1e7).astype("<i4").tobytes())


def flood(key: str = "c1", **more: Any) -> Closure:
    change = ClosureChange(key, kind=ClosureKind.FLOOD, geometry=circle(*PLACE, 100), words="Knee-deep")
    return replace(closure_after(None, change, NOW - H, "budi"), **more)


def read(rig: Rig, *closures: Closure) -> None:
    """The cache holds these from now on."""
    city = replace(rig.window_state.catalog("city"), closures=closures)
    rig.window_state.set_cities(Cities({"city": city}, {"source": {1: ("", "city")}}))


def press(rig: Rig, *keys: Qt.Key | str) -> None:
    for key in keys:
        where = rig.form().focusWidget() or rig.form()
        if isinstance(key, str):
            QTest.keyClicks(where, key)
        else:
            QTest.keyClick(where, key)


def last(rig: Rig, count: int) -> Edit:
    """The newest edit, once there are so many on the disk and the window has heard of it."""
    edit = rig.saved(count)[-1]
    wait_for(lambda: edit in rig.outbox.given_for("city", None) and not rig.outbox.saving, what="it is saved")
    rig.closures.look()
    return edit


def test_a_street_is_closed_in_the_middle_of_the_map_by_keys_alone(rig: Rig) -> None:
    rig.stretch = STREET
    assert rig.actions.run("close_street")
    form = rig.form()
    assert isinstance(form, ClosureForm)
    assert form.values() == {"kind": "street", "extent": "street", "until": "4", "said_by": "", "words": ""}
    press(rig, "2", "1", "2", "Market day", Qt.Key.Key_Return)
    edit = last(rig, 1)
    assert (edit.kind, edit.report, edit.source) == (Kind.CLOSURE, None, "city")
    change = convert(edit.data, ClosureChange)
    assert (change.kind, change.words, change.width_m, change.seen) == (ClosureKind.STREET, "Market day", 12, 0)
    assert change.until == NOW + 2 * H
    assert change.geometry == ClosedLine(tuple((lon, lat) for lat, lon in LINE))
    (shown,) = rig.closures.shown
    assert shown.waits
    assert rig.closures.lines(shown) == [
        "Closed street: Market day",
        "rina",
        "since 08:00, until 10:00",
        "not sent yet",
    ]
    assert [[(one.places, one.width_m) for one in shapes] for shapes in rig.closed] == [[(tuple(LINE), 12.0)]]


def test_at_a_report_a_flood_is_marked_and_names_it(rig: Rig) -> None:
    rig.choose("A")
    assert rig.actions.run("close_here") is False
    assert rig.said[-1] == "The report has no place"
    details = rig.details(1001, "A")
    rig.situation.set_details(replace(details, shown=replace(details.shown, lat=PLACE[0], lon=PLACE[1])))
    assert rig.actions.run("close_here")
    form = rig.form()
    assert isinstance(form, ClosureForm)
    assert form.values()["extent"] == "100"
    form.set_values(form.values() | {"extent": "street"})
    assert form.why_not() == "No street of a map is here: choose how far around"
    form.set_values(form.values() | {"extent": "100"})
    press(rig, Qt.Key.Key_Return)
    change = convert(last(rig, 1).data, ClosureChange)
    assert change.report == "A"
    assert rig.closures.inside("city", PLACE) is not None
    assert rig.closures.inside_text("city", PLACE).endswith("until 12:00")


def test_one_is_opened_again_out_of_the_list_and_undo_closes_it_once_more(rig: Rig) -> None:
    read(rig, flood())
    assert rig.closures.avoided_text("city") == "avoids 1 flooded area"
    assert rig.actions.run("closures")
    assert isinstance(rig.form(), ChooseOne)
    rig.commit("Flooded")
    wait_for(lambda: isinstance(rig.forms._open, ClosureForm), what="the form")
    form = rig.form()
    assert isinstance(form, ClosureForm)
    assert form.values()["words"] == "Knee-deep"
    form.set_values(form.values() | {"until": "now"})
    form.commit()
    assert convert(last(rig, 1).data, ClosureChange) == ClosureChange("c1", seen=1, ended=True)
    assert rig.closures.shown == ()
    assert rig.closed[-1] == ()
    assert rig.closures.avoided_text("city") == ""
    rig.undo_stack.undo()
    wait_for(lambda: len(rig.closures.shown) == 1, what="it is closed again")
    assert len(rig.closed[-1]) == 1


def test_what_is_not_otherwise_makes_no_edit_and_what_is_names_the_version_that_was_seen(rig: Rig) -> None:
    read(rig, flood(version=3))
    rig.closure_commands.change("city/c1")
    rig.form().commit()
    wait_for(lambda: not rig.forms.is_open, what="the form is closed")
    assert rig.outbox.open_edits == ()
    rig.closure_commands.change("city/c1")
    form = rig.form()
    form.set_values(form.values() | {"until": "8", "words": "Hip-deep"})
    form.commit()
    change = convert(last(rig, 1).data, ClosureChange)
    assert (change.seen, change.words, change.until) == (3, "Hip-deep", NOW + 8 * H)
    assert (change.geometry, change.kind) == (ClosureChange("c1").geometry, ClosureChange("c1").kind)
    assert rig.closures.shown[0].closure.words == "Hip-deep"
    step = rig.undo_stack.newest
    assert step is not None
    assert step.inverse == (Kind.CLOSURE, {"closure": "c1", "words": "Knee-deep", "until": None, "seen": 4})


def test_what_the_server_has_ended_is_closed_at_once_by_an_undo(rig: Rig) -> None:
    read(rig, flood(ended=NOW, version=2))
    assert rig.closures.shown == ()
    rig.edit_commands.change_closure("city", flood(ended=NOW, version=2), {"ended": False}, "Flood", "Close")
    last(rig, 1)
    wait_for(lambda: len(rig.closures.shown) == 1, what="it is closed")
    assert rig.closures.shown[0].waits


def test_one_begins_and_ends_by_the_servers_time(rig: Rig) -> None:
    told: list[int] = []
    rig.closures.streets_changed.connect(lambda: told.append(len(rig.closed[-1])))
    read(rig, flood(since=NOW + H, until=NOW + 2 * H))
    assert rig.closed == []
    (shown,) = rig.closures.shown
    assert not rig.closures.has_begun(shown)
    assert rig.closures.lines(shown)[2] == "begins 09:00, until 10:00"
    for hours, closed in ((0.5, []), (1, [1]), (1.5, [1]), (2, [1, 0]), (3, [1, 0])):
        rig.now = NOW + hours * H
        rig.closures.look()
        assert told == closed, hours
    assert rig.closures.shown == ()


def test_what_is_read_again_unchanged_asks_no_way_anew(rig: Rig) -> None:
    read(rig, flood())
    read(rig, flood(words="Hip-deep", version=2))
    assert len(rig.closed) == 1, "the same streets"
    read(rig, flood(words="Hip-deep", version=3, geometry=circle(*PLACE, 200)))
    assert len(rig.closed) == 2


def test_what_the_map_had_no_time_for_yet_is_said_and_the_times_are_found_anew_when_it_had(rig: Rig) -> None:
    told: list[Callable[[Answer | None], object]] = []
    rig.closures._close_shapes = lambda _shapes, then: told.append(then)
    changed: list[int] = []
    rig.closures.streets_changed.connect(lambda: changed.append(1))
    read(rig, flood("c1"), flood("c2", geometry=circle(-6.2, 106.8, 100)))
    assert len(changed) == 1
    told[-1](ClosuresTaken((1, None)))
    assert rig.closures.avoided_text("city") == "avoids 1 flooded area, NOT all that is closed"
    assert rig.closures.avoided_text("another city") == ""
    assert len(changed) == 1
    told[-1](ClosuresTaken((1, 2)))
    assert rig.closures.avoided_text("city") == "avoids 2 flooded areas"
    assert len(changed) == 2, "ways avoid more now"


@pytest.mark.usefixtures("expected_log")
def test_of_a_hostile_server_no_more_than_500_are_kept(rig: Rig) -> None:
    read(rig, *(flood(f"c{n}", updated=NOW + n * timedelta(seconds=1)) for n in range(600)))
    assert len(rig.closures.shown) == 500
    assert rig.closures.find("city/c599") is not None
    assert rig.closures.find("city/c0") is None
    assert rig.closures.avoided_text("city") == "avoids 500 flooded areas, NOT all that is closed"
    read(rig, flood())
    assert rig.closures.avoided_text("city") == "avoids 1 flooded area"


def test_the_map_is_told_in_plain_words(rig: Rig) -> None:
    read(rig, flood(said_by="police", report="931300", until=NOW + H))
    drawn = json.loads(closures_json(rig.closures, rig.closures.shown))
    assert drawn[0]["lines"] == [
        "Flooded area: Knee-deep",
        "police · entered by budi · report 931300",
        "since 07:00, until 09:00",
    ]
    assert (drawn[0]["kind"], drawn[0]["begins"], drawn[0]["waits"], len(drawn[0]["places"])) == (
        "flood", False, False, 32,
    )  # fmt: skip


def test_the_menu_of_a_place_closes_and_opens_there(rig: Rig) -> None:
    read(rig, flood())
    there = [(one.key, rig.closures.name(one)) for one in rig.closures.at(PLACE)]
    rows = place_menu(ACTIONS, rig.situation.current, str, "", there)
    assert [row.id for row in rows if "clos" in row.id or row.id == "draw_area"] == [
        "close_street", "draw_area", "change_closure city/c1", "end_closure city/c1",
    ]  # fmt: skip
    rig.situation._rights_at = lambda _source: Rights("viewer")
    rows = place_menu(ACTIONS, rig.situation.current, str, "", there)
    assert [row.id for row in rows if "clos" in row.id] == []


@pytest.mark.parametrize("key", ["close_street", "closures"])
def test_where_nothing_may_be_written_it_is_said_at_the_key(rig: Rig, key: str) -> None:
    read(rig, flood())
    rig.situation._why_reading_only = lambda _source: "Reading only"
    assert not rig.actions.run(key)
    assert rig.said == ["Reading only"]


def test_what_is_typed_before_the_street_is_known_is_for_the_form(rig: Rig) -> None:
    asked: list[Callable[[Answer | None], object]] = []
    rig.closure_commands._ask = lambda _purpose, _question, then: asked.append(then)
    assert rig.actions.run("close_street")
    form = rig.form()
    assert isinstance(form, ClosureForm)
    press(rig, "2", Qt.Key.Key_Return)
    assert form.why_not() == "The street is being looked up"
    assert rig.outbox.open_edits == ()
    asked[0](None)  # as while the map process is away
    assert form.why_not() == "Streets cannot be looked up just now: choose how far around"
    asked[0](STREET)
    press(rig, Qt.Key.Key_Return)
    assert convert(last(rig, 1).data, ClosureChange).width_m == 12
    wait_for(lambda: not rig.forms.is_open, what="the form is closed")
    asked[0](None)  # late, of a form that is gone


def test_what_was_entered_is_kept_as_a_draft_of_its_place_and_what_was_changed_of_its_closure(rig: Rig) -> None:
    def leave() -> None:
        rig.form().reject()
        wait_for(lambda: not rig.forms.is_open, what="the form is closed")

    rig.actions.run("close_street")
    leave()
    assert rig.outbox.drafts == {}, "nothing was entered"
    rig.actions.run("close_street")
    press(rig, "2", "3", "2", "Market day")
    leave()
    assert list(rig.outbox.drafts) == ["close_street:city:-6.25,106.85"]
    assert rig.said[-1].startswith("Not saved, kept as a draft")
    rig.actions.run("close_street")
    assert rig.form().values() == {
        "kind": "street",
        "extent": "100",
        "until": "2",
        "said_by": "",
        "words": "Market day",
    }
    rig.form().commit()
    last(rig, 1)
    wait_for(lambda: rig.outbox.drafts == {}, what="it is an edit now")
    read(rig, flood())
    assert rig.closure_commands.change("city/c1")
    form = rig.form()
    form.set_values(form.values() | {"words": "Waist-deep"})
    leave()
    assert list(rig.outbox.drafts) == ["change_closure:city:c1"]
    assert rig.closure_commands.change("city/c1")
    form = rig.form()
    assert form.values()["words"] == "Waist-deep"
    form.set_values(form.values() | {"words": "Knee-deep"})
    form.commit()  # nothing is otherwise
    wait_for(lambda: rig.outbox.drafts == {} and not rig.forms.is_open, what="the draft is gone too")


def test_an_area_is_drawn_for_the_form_and_one_that_cannot_be_is_told(rig: Rig) -> None:
    bow = [(-6.25, 106.85), (-6.24, 106.86), (-6.25, 106.86), (-6.24, 106.85)]
    whole = (bow[0], bow[2], bow[1])
    assert area_fault(bow) == "The border of the area crosses itself."
    assert area_fault([PLACE, (-6.24, 106.85), (-6.23, 106.85)]) == "The area has no surface."
    assert (
        area_fault([PLACE, (-6.24, 106.85), (-7.23, 106.95)]) == "It is larger than 30 km: close only what is closed."
    )
    assert area_fault(whole) == ""
    rig.actions.run("close_street")
    form = rig.form()
    press(rig, "1", "6")
    assert rig.drawing.began_with == []
    assert rig.forms._open is form, "it is out of the way"
    rig.drawing.then(None)
    assert rig.form() is form
    assert form.why_not() == "Draw the area on the map: 6 in the row Where"
    press(rig, Qt.Key.Key_Backspace, "6")
    rig.drawing.then(whole)
    assert rig.drawing.shown == list(whole)
    press(rig, Qt.Key.Key_Return)
    change = convert(last(rig, 1).data, ClosureChange)
    assert change.geometry == ClosedArea((((106.85, -6.25), (106.86, -6.25), (106.86, -6.24), (106.85, -6.25)),))
    wait_for(lambda: rig.drawing.shown == [], what="it is gone with the form")
