"""How many keys the routine tasks take in the real window, counted as they are pressed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QPlainTextEdit, QWidget

from api_client.model import Status
from tests.helpers.city import Served, console, served, wait_for, write_users
from tests.helpers.hands import ALT, CTRL, NONE, SHIFT, find, wait_ready

pytestmark = pytest.mark.usefixtures("qapp")
Key = tuple[Qt.Key, Qt.KeyboardModifier]
ENTER: Key = (Qt.Key.Key_Return, NONE)


@pytest.fixture(scope="module")
def window(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    folder = tmp_path_factory.mktemp("city")
    users = str(write_users(folder))
    with served(folder, "--demo-city", "--still", "--reports", "1500", "--users", users) as city:
        serve: Served = city
        with console(folder / "profile", serve.address) as window:
            wait_ready(window)
            yield window


class Hands:
    """Presses keys where the keyboard is, and counts them; words are typed and not counted."""

    def __init__(self, window: Any) -> None:
        self.window, self.count = window, 0
        self.made: list[tuple[str, dict[str, Any]]] = []
        window.undo_stack.pushed.connect(self._on_step)
        window.window.activateWindow()
        wait_for(lambda: QApplication.activeWindow() is window.window, what="the window is active")

    def _on_step(self, step: Any) -> None:
        self.made.append((step.kind.value, dict(step.data)))

    def press(self, *keys: Key) -> None:
        for code, modifier in keys:
            self.count += 1
            QTest.keyClick(_focus(), code, modifier)

    def words(self, text: str) -> None:
        QTest.keyClicks(_focus(), text)

    def form(self) -> Any:
        wait_for(lambda: QApplication.activeWindow() not in (None, self.window.window), what="a form")
        wait_for(lambda: not self.window.forms.held_keys.waiting, what="the form has the keyboard")
        return QApplication.activeWindow()

    def done(self, *expected: str) -> list[dict[str, Any]]:
        wait_for(lambda: [kind for kind, _ in self.made] == list(expected), what=f"{expected}, and not {self.made}")
        self.window.undo_stack.pushed.disconnect(self._on_step)
        return [data for _, data in self.made]


def _focus() -> QWidget:
    found = QApplication.focusWidget()
    assert found is not None
    return found


@pytest.fixture
def hands(window: Any) -> Callable[..., Hands]:
    def ready(tab: str = "", fits: Callable[[Any], bool] = lambda _: True, like: Callable[[Any], bool] = bool) -> Hands:
        if tab:
            find(window, tab, fits, like=like)
            window.window.focus_panel("queue")
        return Hands(window)

    return ready


def letter(code: Qt.Key, modifier: Qt.KeyboardModifier = NONE) -> Key:
    return code, modifier


def test_an_honest_proof_is_accepted_with_three_keys_and_the_next_one_is_shown(
    window: Any, hands: Callable[..., Hands]
) -> None:
    find(window, "validate")
    here = hands("validate", lambda now: now.status is Status.VALIDATION, _honest)
    row = window.window_state.row
    here.press(letter(Qt.Key.Key_V, SHIFT))
    form = here.form()
    here.press(letter(Qt.Key.Key_1))
    wait_for(lambda: form.why_not() == "Decide: 1 accepts, 2 returns", what="its photos have been looked at")
    here.count -= 1  # it came before the photos and counted for nothing
    assert form.values()["decision"] == "", "what did not count leaves nothing preset"
    here.press(letter(Qt.Key.Key_1), ENTER)
    wait_for(lambda: here.made != [], what="the verdict")
    ((_, data),) = here.made
    assert data["accepted"] is True
    assert data["disposition"]
    assert here.count == 3
    wait_for(lambda: window.window_state.row != row, what="the next one")
    wait_for(lambda: window.forms._open is not None and window.forms._open is not form, what="its form")
    following = here.form()
    assert following.windowTitle().count(str(window.details_reader.current.shown.id)) == 1
    wait_for(lambda: following.is_seen, what="the next one's photos")
    here.press(ENTER, ENTER, ENTER)
    assert following.isVisible(), "strokes that come with the photos are no verdict on them"
    here.done("validate")
    here.press(letter(Qt.Key.Key_Z, CTRL))
    wait_for(lambda: window.window_state.row == row, what="the first verdict is taken back, from the form of the next")
    assert not following.isVisible(), "its Enter would accept the next one's proof, and the other report is shown"
    wait_for(lambda: QApplication.activeWindow() is window.window, what="the window has the keyboard")
    hazard = int(window.window_state.view.hazards[0])
    here.press(letter(Qt.Key.Key_F8))
    wait_for(lambda: window.window_state.row == hazard, what="the P1 that the status bar speaks of")
    window.forms.close_open()


def _honest(report: Any) -> bool:
    return any(photo.role.value == "after" for photo in report.photos) and report.status is Status.VALIDATION


def test_a_proof_is_returned_with_four_keys_and_words(window: Any, hands: Callable[..., Hands]) -> None:
    here = hands("validate", lambda now: now.status is Status.VALIDATION, _honest)
    here.press(letter(Qt.Key.Key_V, SHIFT))
    form = here.form()
    wait_for(lambda: form.why_not() == "", what="its photos are painted, and an honest proof is preset")
    here.press(letter(Qt.Key.Key_2))
    here.words("b")
    here.words("ukan di sini")
    here.press(letter(Qt.Key.Key_Return, CTRL))
    (data,) = here.done("validate")
    assert data == {"accepted": False, "reason": "bukan di sini"}
    assert here.count <= 4
    window.forms.close_open()


def test_close_and_hold_take_three_keys_each(window: Any, hands: Callable[..., Hands]) -> None:
    here = hands("unassigned")
    closed = window.window_state.row
    here.press(letter(Qt.Key.Key_X))
    here.form()
    here.press(letter(Qt.Key.Key_2), ENTER)
    (data,) = here.done("close")
    assert data["disposition"] == "Tidak ditemukan di lokasi"
    assert here.count == 3
    wait_for(lambda: closed not in window.window_state.view.order, what="the list has it no more")
    here = hands("unassigned")
    here.press(letter(Qt.Key.Key_H))
    here.form()
    here.press(letter(Qt.Key.Key_3), ENTER)
    (data,) = here.done("set")
    assert (data["hold"]["waits_for"], data["hold"]["reason"], data["hold"]["until"]) == ("material", "Material", None)
    assert here.count == 3


def test_a_category_takes_four_keys(window: Any, hands: Callable[..., Hands]) -> None:
    here = hands("unassigned", like=lambda report: report.service != "trotoar")
    here.press(letter(Qt.Key.Key_C))
    here.form()
    here.press(letter(Qt.Key.Key_T), letter(Qt.Key.Key_R), ENTER)
    (data,) = here.done("set")
    assert data["service"] == "trotoar"
    assert here.count == 4


def test_what_waits_for_validation_is_one_key_away(window: Any, hands: Callable[..., Hands]) -> None:
    here = hands("open")
    here.press(letter(Qt.Key.Key_5, ALT))
    wait_for(lambda: window.window_state.view.filter.tab == "validate", what="the tab")
    view = window.window_state.view
    assert len(view.order) == view.counts.tabs["validate"] > 0
    assert {fact.status for fact in view.row_facts(view.order[:50].tolist())} == {4}
    assert here.count == 1
    here.done()


def test_a_routine_report_is_taken_and_its_crew_sent_with_three_keys(window: Any, hands: Callable[..., Hands]) -> None:
    here = hands("unassigned", lambda now: now.advice)
    window.window.focus_panel("report")
    window.window.focus_panel("queue")
    here.press(letter(Qt.Key.Key_T), letter(Qt.Key.Key_A), ENTER)
    kinds = [kind for kind, _ in here.made]
    wait_for(lambda: "dispatch" in [kind for kind, _ in here.made], what=f"a crew, and not {kinds}")
    assert here.count == 3


def test_a_report_by_telephone_takes_seven_keys_and_words(window: Any, hands: Callable[..., Hands]) -> None:
    here = hands("open")
    here.press(letter(Qt.Key.Key_N, CTRL))
    form = here.form()
    here.words("banj")
    here.press(letter(Qt.Key.Key_Tab))
    assert isinstance(_focus(), QPlainTextEdit)
    here.words("Air masuk rumah")
    here.press(letter(Qt.Key.Key_Tab))
    here.words("kebon baru")
    wait_for(lambda: form.place.offered(), what="the place is found")
    here.press(ENTER, letter(Qt.Key.Key_Return, CTRL))
    assert form.isVisible(), "the middle of an area is no place yet"
    assert "knows no more than Kebon Baru" in form.why_not()
    here.press(letter(Qt.Key.Key_K, ALT), letter(Qt.Key.Key_Return, CTRL))
    (data,) = here.done("create")
    assert data["description"] == "Air masuk rumah"
    assert data["address"].endswith("(middle of the area, the caller knows no more)")
    assert here.count <= 7


def test_a_report_without_a_place_gets_one_later_and_then_a_crew(window: Any, hands: Callable[..., Hands]) -> None:
    window.forms.close_open()
    here = hands("open")
    here.press(letter(Qt.Key.Key_N, CTRL))
    here.form()
    here.words("banj")
    here.press(letter(Qt.Key.Key_Tab))
    here.words("Air masuk rumah, alamat belum jelas")
    here.press(letter(Qt.Key.Key_Return, CTRL))
    wait_for(lambda: here.made, what="the report")
    wait_for(
        lambda: window.details_reader.current is not None and window.details_reader.current.shown.lat is None,
        what="no place",
    )
    wait_for(lambda: not window.outbox_controller.open_edits, what="the server has it")
    wait_for(lambda: window.details_reader.current.server is not None, what="its number")
    window.window.activateWindow()
    wait_for(lambda: QApplication.activeWindow() is window.window, what="the window is active")
    window.window.focus_panel("queue")
    assert "give it a place (L)" in window.ticket.ticket().advice_empty
    here.press(letter(Qt.Key.Key_L))
    form = here.form()
    here.words("kebon baru")
    wait_for(lambda: form.place.offered(), what="the place is found")
    here.press(ENTER, letter(Qt.Key.Key_K, ALT), letter(Qt.Key.Key_Return, CTRL))
    made = here.done("create", "set")[-1]
    assert made["place"]["address"].endswith("(middle of the area, the caller knows no more)")
    wait_for(lambda: not window.outbox_controller.open_edits, what="the server has the place")
    wait_for(lambda: window.details_reader.current.server.lat == made["place"]["lat"], what="it is the server's")
    assert window.details_reader.current.server.area, "the server finds the area of the point"
    wait_for(lambda: window.situation.current.advice, what="crews are recommended")


def test_a_point_outside_the_named_area_is_asked_about(window: Any) -> None:
    window.forms.close_open()
    assert window.actions.run("new_report")
    form = window.forms._new
    areas = [
        area for area in window.window_state.catalog("city").areas.values() if area.level == 3 and area.lat is not None
    ]
    here, there = areas[0], areas[5]
    form.place_chosen.emit(here.code)
    assert form.values()["middle_of"]
    assert here.name in form._where.text()
    window.forms.set_place(there.lat, there.lon)
    wait_for(lambda: there.name in form._where.text(), what="the area of the point is named")
    assert f"not in {here.name}" in form.sure.text()
    form.service.set_value("banjir")
    form.report_text.setPlainText("Air masuk rumah")
    assert there.name in form.why_not()
    form.sure.setChecked(True)
    assert form.why_not() == ""
    assert [(pin.lat, pin.lon) for pin in window.map._pins] == [(there.lat, there.lon)]
    form.reject()
    assert window.map._pins == []
    wait_for(lambda: not window.map.locked, what="the map shows again what the list holds")
