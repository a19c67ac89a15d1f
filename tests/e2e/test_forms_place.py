"""Forms stand at one place, between the queue and the report that they are about, on small screens too."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from console.panels.forms.report_data import place_data
from console.rules.distance import distance_m
from tests.helpers.city import Served, console, served, wait_for, write_users
from tests.helpers.hands import CTRL, find, form, key, p1_data, said, wait_notice_read, wait_ready

pytestmark = pytest.mark.usefixtures("qapp")
FORMS = {
    "unassigned": ("priority", "category", "transfer", "hold", "note", "reply", "close", "new_report"),
    "validate": ("validate",),
}


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("city")
    users = str(write_users(folder))
    with served(folder, "--demo-city", "--still", "--reports", "600", "--users", users) as server:
        yield server


def on_screen(widget: QWidget) -> QRect:
    return QRect(widget.mapToGlobal(QPoint(0, 0)), widget.size())


@pytest.mark.parametrize("size", [(1366, 768), (1920, 1080)])
def test_forms_cover_neither_the_queue_nor_the_report_and_stand_at_one_place(
    city: Served, tmp_path: Any, size: tuple[int, int]
) -> None:
    with console(tmp_path / "profile", city.address, size=size) as window:
        wait_ready(window)
        tops = set()
        for tab, actions in FORMS.items():
            find(window, tab)
            for action in actions:
                assert window.actions.run(action), action
                opened = on_screen(form(window))
                tops.add(opened.top())
                for panel in (window.queue, window.ticket, window.kpi):
                    assert not opened.intersects(on_screen(panel)), (action, panel)
                window.forms.close_open()
        assert len(tops) == 1


def test_a_form_that_has_to_cover_its_report_says_what_that_is_about(city: Served, tmp_path: Any) -> None:
    """Large text on a small screen: the report stands where the map would, and the form over it."""
    with console(tmp_path / "profile", city.address, size=(1366, 768)) as window:
        wait_ready(window)
        find(window, "unassigned")
        assert window.actions.run("close")
        assert form(window)._covered.isHidden(), "the report beside it says that"
        window.forms.close_open()
    with console(tmp_path / "profile", city.address, size=(1366, 768), text_scale=1.2) as window:
        wait_ready(window)
        find(window, "unassigned")
        report = window.situation._details.shown
        for action in ("close", "hold", "note", "reply", "priority", "transfer"):
            assert window.actions.run(action), action
            told = form(window)._covered
            assert told.isVisible(), action
            assert f"P{report.priority} " in told.text()
            assert report.address in told.text()
            assert " ".join(report.description.split())[:200] in told.text()
            opened = on_screen(form(window))
            assert opened.bottom() < 768, action
            window.forms.close_open()


def test_where_there_is_no_room_for_both_the_first_chosen_report_is_read_before_the_map(
    city: Served, tmp_path: Any
) -> None:
    """A unit could be sent to a report of which only the row in the queue was to be read."""
    with console(tmp_path / "profile", city.address, size=(1366, 768), text_scale=1.2) as window:
        wait_ready(window)
        assert window.window.shows_one
        window.window.focus_panel("queue")
        window.window_state.choose(0)
        window.window.show_panel("map")
        first, second = (int(row) for row in window.window_state.view.order[:2])
        window.window_state.choose(first)
        assert window.ticket.isVisible()
        window.window.show_panel("map")
        window.window_state.choose(second)
        assert window.map.isVisible(), "whoever asks for the map keeps it"


def test_the_photos_in_full_stand_there_too(city: Served, tmp_path: Any) -> None:
    with console(tmp_path / "profile", city.address, size=(1366, 768)) as window:
        wait_ready(window)
        find(window, "validate", lambda now: now.photos)
        assert window.actions.run("photos")
        viewer = window.ticket.viewer()
        wait_for(viewer.isVisible, what="the photos")
        for panel in (window.queue, window.ticket, window.kpi):
            assert not on_screen(viewer).intersects(on_screen(panel))
        viewer.close()


def test_the_photos_in_full_do_not_lie_over_a_notice_and_leave_it_its_keys(city: Served, tmp_path: Any) -> None:
    """They lay over the words of a new P1, and F8 and F4 did nothing while they had the keyboard."""
    with console(tmp_path / "profile", city.address, size=(1366, 768)) as window:
        wait_ready(window)
        find(window, "validate", lambda now: now.photos)
        assert window.actions.run("photos")
        viewer = window.ticket.viewer()
        wait_for(viewer.isActiveWindow, what="the photos have the keyboard")
        shown, lowest = window.window_state.row, viewer.geometry().bottom()
        assert not window.window.hears(window.banner, "F8") or window.situation.current.hazard
        for key_ in ("first", "second"):
            before = set(window.window_state.view.hazards.tolist())
            window.edit_commands.create("city", p1_data(window), f"local:{key_}", "Water rises")
            wait_for(lambda before=before: set(window.window_state.view.hazards.tolist()) - before, what="a new P1")
        # With the server's number a notice is another one, for which the key was not meant yet.
        wait_for(lambda: [one.number[:1].isdigit() for one in window.hazards.unseen] == [True, True], what="numbers")
        wait_for(lambda: window.banner.isVisible() and not viewer.frameGeometry().intersects(on_screen(window.banner)))
        assert viewer.geometry().bottom() == lowest, "all of them is to be seen"
        assert viewer.isActiveWindow()
        assert window.window.hears(window.banner, "F4"), "its cap is drawn"
        wait_notice_read(window)
        QTest.keyClick(viewer, Qt.Key.Key_F4)
        wait_for(lambda: len(window.hazards.unseen) == 1, what="the first is seen")
        assert viewer.isVisible()
        assert window.window_state.row == shown
        (other,) = (one.row for one in window.hazards.unseen)
        QTest.keyClick(viewer, Qt.Key.Key_F8)
        assert window.window_state.row == other
        assert not viewer.isVisible(), "those of another report"
        wait_for(window.window.isActiveWindow, what="and the window has the keyboard")


def test_a_form_comes_back_to_its_place_after_a_place_was_picked(city: Served, tmp_path: Any) -> None:
    with console(tmp_path / "profile", city.address, size=(1366, 768)) as window:
        wait_ready(window)
        assert window.actions.run("new_report")
        opened = form(window)
        place = opened.pos()
        opened.pick_place_asked.emit()
        assert opened.pos() != place, "the map is free to be clicked"
        window.forms.set_place(-6.23, 106.86)
        assert opened.pos() == place
        opened.close()


def test_after_a_place_was_picked_and_the_form_left_the_queue_has_the_keyboard(city: Served, tmp_path: Any) -> None:
    """It was left with the map, without a ring; and the pin stood behind the form that promised it."""
    with console(tmp_path / "profile", city.address, size=(1920, 1080)) as window:
        wait_ready(window)
        assert window.actions.run("new_report")
        opened = form(window)
        opened.pick_place_asked.emit()
        wait_for(lambda: window.map.last_view is not None, what="the map shows a part of the city")
        (west, south, east, north), _ = window.map.last_view
        lat, lon = (south + north) / 2, (west + east) / 2
        window.forms.set_place(lat, lon)
        assert [(pin.lat, pin.lon) for pin in window.map._pins] == [(lat, lon)]
        wait_for(lambda: not on_screen(opened).contains(at(window, lat, lon)), what="the pin beside the form")
        assert on_screen(window.map).contains(at(window, lat, lon))
        opened.reject()
        assert window.map._pins == []
        window.window.activateWindow()  # a desktop does that by itself
        wait_for(lambda: QApplication.activeWindow() is window.window, what="the window has the keyboard")
        assert window.window.current_panel() == "queue"


def test_while_a_place_is_pointed_at_no_letter_is_a_step_of_the_chosen_report(city: Served, tmp_path: Any) -> None:
    """An address that was typed on said that a crew was on scene, of a report that the form covered."""
    with console(tmp_path / "profile", city.address, size=(1366, 768)) as window:
        wait_ready(window)
        find(window, "unassigned")
        before, row = len(window.outbox.open_edits), window.window_state.row
        assert window.actions.run("new_report")
        opened = form(window)
        opened.pick_place_asked.emit()
        wait_for(lambda: QApplication.activeWindow() is window.window, what="the window has the keyboard")
        for letter in "TKJHDMNGXE":
            window.status_controller.say("")
            key(window, letter)
            assert "A place is asked for on the map" in said(window.status), letter
        key(window, "D", CTRL)
        key(window, "Z", CTRL)
        assert "A place is asked for on the map" in said(window.status)
        assert window.forms._open is opened
        assert (len(window.outbox.open_edits), window.window_state.row) == (before, row)
        window.window.focus_panel("queue")
        key(window, "Esc")
        wait_for(lambda: QApplication.activeWindow() is opened, what="the form again")
        assert not window.map.is_picking
        opened.close()
        window.window.activateWindow()
        wait_for(lambda: QApplication.activeWindow() is window.window, what="the window has the keyboard")
        key(window, "N")
        assert form(window).windowTitle().startswith("Note")
        window.forms.close_open()


def at(window: Any, lat: float, lon: float) -> QPoint:
    """Where the map draws a place of its middle, on the screen."""
    (west, south, east, north), _ = window.map.last_view
    x = (lon - west) / (east - west) * window.map.width()
    y = (north - lat) / (north - south) * window.map.height()
    return QPoint(window.map.mapToGlobal(QPoint(round(x), round(y))))


def test_a_street_that_callers_named_before_is_found_and_says_how_exact_it_is(city: Served, tmp_path: Any) -> None:
    """The kelurahan in the words is offered too, and the number that was typed stays."""
    with console(tmp_path / "profile", city.address) as window:
        wait_ready(window)
        catalog = window.window_state.catalog("city")
        reports = (window.reader().report(int(row)).report for row in window.window_state.view.order)
        known = next(one for one in reports if one.address and one.address.startswith("Jl. ") and one.lat and one.area)
        street, area = known.address.partition(" No. ")[0], catalog.areas[known.area]
        assert window.actions.run("new_report")
        opened = form(window)
        opened.place.setFocus()
        QTest.keyClicks(opened.place, f"{street} 12")
        wait_for(lambda: any(one.text.startswith(street) for one in opened.place.offered()), what="the street")
        offered = opened.place.offered()
        choice = next(one for one in offered if one.text == f"{street}, {area.name}")
        assert choice.note.startswith("±")
        opened.place.setText("")
        QTest.keyClicks(opened.place, f"{street}, {area.name}")
        wait_for(lambda: any(one.text.startswith(street) for one in opened.place.offered()), what="the street")
        assert catalog.place(area.code) in [one.text for one in opened.place.offered()], "the kelurahan too"
        opened.place.setText("")
        QTest.keyClicks(opened.place, f"{street} 12")
        wait_for(lambda: choice in opened.place.offered(), what="the street again")
        opened.place_chosen.emit(choice.id)
        values = opened.values()
        assert values["address"] == f"{street} 12"
        assert distance_m(values["lat"], values["lon"], known.lat, known.lon) < 5000
        assert not values["middle_of"]
        told = place_data(values, str)["address"]
        assert told.startswith(f"{street} 12 (middle of the street, ±"), "who reads it later is told, too"
        wait_for(lambda: "±" in opened._where.text(), what="how exact it is")
        assert "report" in opened._where.text()
        assert "ask for a landmark" in opened._where.text(), "the number is known already"
        assert window.map._pins, "and a pin shows it"
        opened.close()


def test_no_distance_from_a_report_given_by_its_street_is_told_better_than_the_street(
    city: Served, tmp_path: Any
) -> None:
    """Not in the form alone: the report keeps how exact its place is, here and at the server."""
    with console(tmp_path / "profile", city.address) as window:
        wait_ready(window)
        reports = (window.reader().report(int(row)).report for row in window.window_state.view.order)
        known = next(one for one in reports if one.address and one.address.startswith("Jl. ") and one.lat and one.area)
        street = known.address.partition(" No. ")[0]
        assert window.actions.run("new_report")
        opened = form(window)
        opened.service.set_value(known.service)
        opened.report_text.setPlainText("Air di jalan")
        opened.place.setFocus()
        QTest.keyClicks(opened.place, street)
        wait_for(lambda: any(one.note.startswith("±") for one in opened.place.offered()), what="the street")
        opened.place_chosen.emit(next(one.id for one in opened.place.offered() if one.note.startswith("±")))
        within_m = opened.values()["within_m"]
        assert within_m > 100
        if not opened.sure.isHidden():
            opened.sure.setChecked(True)
        wait_for(lambda: not opened.why_not(), what="that it can be saved")
        opened.commit()
        wait_for(lambda: window.situation._details is not None, what="the report")
        wait_for(lambda: window.situation._details.shown.description == "Air di jalan", what="the new report")
        wait_for(lambda: window.situation._details.server is not None, what="what the server says of it")
        assert window.situation._details.server.within_m == within_m
        wait_for(lambda: window.situation.recommendations.off_m == within_m, what="the advice")
        wait_for(lambda: bool(window.ticket._advice.rows), what="the recommended units")
        assert all(row.distance.startswith("≤ ") for row in window.ticket._advice.rows)
        assert all(row.distance.startswith("≤ ") for row in window.ticket._duplicates.rows)


def test_the_proof_is_looked_at_closely_beside_its_form_which_has_the_keyboard_again(
    city: Served, tmp_path: Any
) -> None:
    with console(tmp_path / "profile", city.address) as window:
        wait_ready(window)
        find(window, "validate", lambda now: now.photos)
        assert window.actions.run("validate")
        opened = form(window)
        wait_for(lambda: opened.photos(), what="its photos")
        QTest.keyClick(opened, Qt.Key.Key_F, Qt.KeyboardModifier.AltModifier)
        wait_for(lambda: window.ticket.viewer() is not None, what="the photos in full")
        viewer = window.ticket.viewer()
        wait_for(viewer.isActiveWindow, what="they have the keyboard")
        assert opened._photos[-1].card.id in viewer.shown_ids()
        QTest.keyClick(viewer, Qt.Key.Key_Plus)
        QTest.keyClick(viewer, Qt.Key.Key_Escape)
        wait_for(opened.isActiveWindow, what="the form has the keyboard again")
        assert opened.isVisible()
        opened.close()


@pytest.mark.parametrize("scale", [1.0, 1.1, 1.25])
def test_no_form_lies_over_a_notice_whenever_that_comes(city: Served, tmp_path: Any, scale: float) -> None:
    """The words of a P1 and the key that goes there were under a form, and the one that ticks it off beside it."""
    with console(tmp_path / "profile", city.address, size=(1366, 768), text_scale=scale) as window:
        wait_ready(window)
        find(window, "unassigned")

        def is_clear() -> bool:
            opened = form(window)
            above = on_screen(window.banner)
            screen = opened.screen().availableGeometry()
            return bool(opened.frameGeometry().top() > above.bottom() and opened.geometry().bottom() <= screen.bottom())

        for action in ("new_report", "close", "hold", "place"):
            assert window.actions.run(action)
            opened = form(window)
            window.status_controller.set_trouble("NOT SENT: tell DMK-03 by radio")
            wait_for(lambda: window.banner.isVisible() and is_clear(), what=f"{action} below the notice")
            if action == "new_report":
                opened.service.set_value("banjir")
                opened.report_text.setPlainText("air naik\n" * 5)
                QTest.keyClicks(opened.place, "jl")
                opened.set_exactness("Middle of the street by 10 earlier reports on it", "The caller knows no more")
                assert is_clear(), "nor when it grows"
            assert opened.commit_button.isVisible()
            assert on_screen(opened).contains(on_screen(opened.commit_button))
            window.forms.close_open()
            assert window.actions.run(action)
            assert is_clear(), f"{action}, opened below it"
            window.forms.close_open()
            window.status_controller.set_trouble("")
            wait_for(lambda: not window.banner.isVisible(), what="the notice is gone")
