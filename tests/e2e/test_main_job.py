"""The whole main job, on a real server process and real windows, by keyboard."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from tests.helpers.city import Served, console, served, wait_for, write_users

pytestmark = pytest.mark.usefixtures("qapp")


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("city")
    users = str(write_users(folder))
    with served(folder, "--demo-city", "--still", "--reports", "500", "--users", users) as server:
        yield server


def key(window: Any, keys: str, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
    """Press a key in whatever has the keyboard in this window."""
    window.window.activateWindow()
    wait_for(lambda: QApplication.activeWindow() is window.window, what="the window is active")
    target = window.window.focusWidget() or window.window
    code = {"Enter": Qt.Key.Key_Return, "Esc": Qt.Key.Key_Escape}.get(keys) or Qt.Key[f"Key_{keys}"]
    QTest.keyClick(target, code, modifier)


def form_key(code: Qt.Key, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier, text: str = "") -> None:
    """Type into the open form, then press a key there."""
    form = QApplication.activeWindow()
    assert form is not None
    target: QWidget = form.focusWidget() or form
    if text:
        QTest.keyClicks(target, text)
    QTest.keyClick(form.focusWidget() or form, code, modifier)


def wait_ready(window: Any) -> None:
    wait_for(
        lambda: window.window_state.view is not None and window.window_state.view.total > 0, 40, "the first reports"
    )
    wait_for(lambda: not window.sources.filling(), 40, "the fill")


def choose_unassigned(window: Any) -> str:
    """Choose an unassigned report with a place and recommended units; its number."""
    key(window, "2", Qt.KeyboardModifier.AltModifier)
    wait_for(lambda: window.window_state.view.filter.tab == "unassigned", what="the tab")
    for row in window.window_state.view.order[:40]:
        window.queue.set_current(int(row))
        window.window_state.choose(int(row))
        wait_for(
            lambda row=row: window.details_reader.current is not None and window.details_reader.current.row == int(row)
        )
        wait_for(lambda row=row: window.situation.recommendations.row == int(row), what="advice")
        situation = window.situation.current
        if situation.advice and situation.has_place:
            window.queue.setFocus()
            return str(window.details_reader.current.key)
    raise AssertionError("no unassigned report with a recommended unit")


def shown(window: Any) -> Any:
    return window.details_reader.current.shown


def test_t_a_enter_dispatches_and_a_second_console_sees_it(city: Served, tmp_path: Path) -> None:
    with console(tmp_path / "one", city.address) as one, console(tmp_path / "two", city.address, name="budi") as two:
        wait_ready(one)
        wait_ready(two)
        number = choose_unassigned(one)
        key(one, "T")
        wait_for(lambda: one.situation.current.holder == "rina", what="taken on the screen")
        key(one, "A")
        key(one, "Enter")
        wait_for(lambda: one.situation.current.lead_unit, what="dispatched on the screen")
        wait_for(
            lambda: any(entry["kind"] == "dispatch" for entry in city.entries(number)), what="in the server's feed"
        )
        two.window_state.choose(two.reader().row_of("city", number))

        def seen() -> bool:
            details = two.details_reader.current
            return details is not None and any(entry.kind == "dispatch" for entry in details.entries)

        wait_for(seen, what="seen on the second console")
        wait_for(
            lambda: not one.outbox_controller.open_edits, what="the outbox is empty: the server's record proves it"
        )
        kinds = [entry["kind"] for entry in city.entries(number)]
        assert kinds.count("dispatch") == 1
        assert kinds.count("claim") == 1


def test_one_report_through_every_status_by_keyboard(city: Served, tmp_path: Path) -> None:
    from PIL import Image

    photo = tmp_path / "after.jpg"
    Image.new("RGB", (640, 480), (90, 120, 90)).save(photo)
    with console(tmp_path / "one", city.address) as one, console(tmp_path / "two", city.address, name="budi") as two:
        wait_ready(one)
        wait_ready(two)
        number = choose_unassigned(one)
        key(one, "T")
        key(one, "W")  # coordination: to an agency
        wait_for(lambda: QApplication.activeWindow() is not one.window, what="the form")
        form_key(Qt.Key.Key_Return)
        wait_for(lambda: shown(one).status in ("coordination", "new"))
        wait_for(lambda: not one.forms.just_committed, what="no stroke that could still be the form's")
        key(one, "A")
        key(one, "Enter")
        wait_for(lambda: shown(one).status == "assigned", what="assigned")
        key(one, "1", Qt.KeyboardModifier.ControlModifier)
        key(one, "E")
        key(one, "O")
        wait_for(lambda: shown(one).status == "progress", what="in progress")
        one.forms.photos.add(photo, "after", lambda data: one.edit_commands.photo(one.details_reader.current, data))
        wait_for(lambda: any(one_photo.role == "after" for one_photo in shown(one).photos), what="the proof is shown")
        key(one, "V")
        wait_for(lambda: shown(one).status == "validation", what="awaiting validation")
        wait_for(lambda: not one.outbox_controller.open_edits, what="all received")

        row = two.reader().row_of("city", number)
        two.window_state.choose(row)
        wait_for(lambda: two.details_reader.current is not None and shown(two).status == "validation")
        two.queue.setFocus()
        key(two, "V", Qt.KeyboardModifier.ShiftModifier)
        wait_for(lambda: QApplication.activeWindow() is not two.window, what="the validation form")
        form: Any = QApplication.activeWindow()
        wait_for(
            lambda: form.why_not().startswith(("Decide", "Accepting")) or not form.why_not(),
            what="its photos are looked at",
        )
        form_key(Qt.Key.Key_1)
        form_key(Qt.Key.Key_1)  # the disposition, which is needed
        form_key(Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
        wait_for(lambda: shown(two).status == "resolved", what="resolved")
        wait_for(lambda: city.get(f"/dispatch/v1/reports/{number}")["status"] == "resolved")
        wait_for(lambda: shown(one).status == "resolved", what="the first console sees it")


def test_new_report_by_telephone_is_in_the_queue_at_once_and_at_the_server_once(city: Served, tmp_path: Path) -> None:
    with console(tmp_path / "one", city.address) as one:
        wait_ready(one)
        wait_for(lambda: one.map._ready, what="the map, in whose middle the report is")
        before = one.window_state.view.counts.all_open
        at_server = city.get("/dispatch/v1/stats")["reports"]
        key(one, "N", Qt.KeyboardModifier.ControlModifier)
        wait_for(lambda: one.forms._new is not None and QApplication.activeWindow() is one.forms._new, what="the form")
        form_key(Qt.Key.Key_Tab, text="sampah")
        form_key(Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier, text="Menumpuk di gang")
        wait_for(lambda: one.window_state.view.counts.all_open == before + 1, what="in the queue")
        view = one.queue.view
        wait_for(
            lambda: (
                view.current_key() == one.window_state.row
                and view.rows.position(one.window_state.row) in view.rows_in_sight()
            ),
            what="what was just entered is to be seen in the list",
        )
        wait_for(lambda: city.get("/dispatch/v1/stats")["reports"] == at_server + 1, what="at the server")
        wait_for(lambda: not one.outbox_controller.open_edits, what="received")
        wait_for(lambda: one.window_state.view.counts.all_open == before + 1, what="once")
        assert city.get("/dispatch/v1/stats")["reports"] == at_server + 1
