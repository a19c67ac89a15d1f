"""The forms: each complete by keyboard, drafts kept on Esc, nothing committed while a reason stands against it."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, TypeVar

import pytest
from PySide6.QtCore import QEvent, QObject, QPoint, QRect, Qt, QTimer
from PySide6.QtGui import QFontMetrics, QImage, QKeyEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QListView, QPlainTextEdit, QScrollArea, QWidget
from pytestqt.qtbot import QtBot
from typing_extensions import override

from tests.widgets.sample import HOSTILE, make_symbols, make_theme
from widgets.forms.ask import AskForm, AskText
from widgets.forms.choice import ListChoice, matching
from widgets.forms.choose_one import ChooseOne
from widgets.forms.close import CloseForm
from widgets.forms.conflict import ConflictForm, ConflictRow, ConflictValue
from widgets.forms.connect import ConnectForm, TokenForm
from widgets.forms.form import MOST_LETTERS, Form
from widgets.forms.hold import HoldForm
from widgets.forms.keys_sheet import KeysSheet
from widgets.forms.merge import MergeCandidate, MergeForm, MergeSide
from widgets.forms.nearby_reports import NearbyReport
from widgets.forms.new_report import NewReportForm
from widgets.forms.photo import FramedPhoto
from widgets.forms.place import ReportPlaceForm
from widgets.forms.questions import CategoryQuestion
from widgets.forms.sound import SoundForm
from widgets.forms.validate import ValidateForm
from widgets.forms.web_map import WebMapForm
from widgets.key_repeats import LOOK_S, TWICE_S
from widgets.keys import KeyButton, takes_text
from widgets.theme import Theme

CTRL = Qt.KeyboardModifier.ControlModifier
SERVICES = [
    ListChoice("flood", "Banjir", "Flood", "flood"),
    ListChoice("road", "Jalan rusak", "Broken road", "road"),
    ListChoice("drain", "Saluran tersumbat", "Drain", "drain"),
]


F = TypeVar("F", bound=Form)


def open_form(qtbot: QtBot, form: F) -> F:
    qtbot.addWidget(form)
    form.open_beside()
    qtbot.waitUntil(form.isActiveWindow)
    return form


def focus() -> QWidget:
    widget = QApplication.focusWidget()
    assert widget is not None
    return widget


def keys(*presses: str | Qt.Key) -> None:
    for press in presses:
        if isinstance(press, str):
            QTest.keyClicks(focus(), press)
        else:
            QTest.keyClick(focus(), press)


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def press_held(key: Qt.Key, times: int = 5) -> None:
    """What the desktop sends while a key is held: presses that say of themselves that they are repeats."""
    text = {Qt.Key.Key_Return: "\r", Qt.Key.Key_Enter: "\r"}.get(key) or chr(key)
    mods = Qt.KeyboardModifier.NoModifier
    for _ in range(times):
        QApplication.sendEvent(focus(), QKeyEvent(QEvent.Type.KeyPress, key, mods, text, True))


def commit(qtbot: QtBot, form: Form) -> dict[str, Any]:
    with qtbot.waitSignal(form.committed) as done:
        QTest.keyClick(focus(), Qt.Key.Key_Return, CTRL)
    assert not form.isVisible()
    values: dict[str, Any] = done.args[0]
    return values


def make_new_report(qtbot: QtBot) -> NewReportForm:
    theme = make_theme()
    form = NewReportForm(theme, make_symbols(theme), priorities=(("1", "Hazard"), ("2", "Urgent"), ("3", "Routine")))
    form.set_services(SERVICES, {"drain": "3"})
    open_form(qtbot, form)
    return form


def test_a_new_report_by_keyboard_alone(qtbot: QtBot) -> None:
    form = make_new_report(qtbot)
    assert not form.isModal()
    assert form.why_not()
    with qtbot.assertNotEmitted(form.committed):
        QTest.keyClick(focus(), Qt.Key.Key_Return, CTRL)
    assert form.isVisible()
    keys("sal")
    assert form.service.offered()[0].id == "drain"
    keys(Qt.Key.Key_Tab, "Got mampet", Qt.Key.Key_Tab)
    with qtbot.waitSignal(form.place_typed) as typed:
        keys("k")
    assert typed.args == ["k"]
    form.set_places([ListChoice("p1", "Kebon Baru, Tebet"), ListChoice("p2", "Kampung Melayu")])
    form.place_chosen.connect(lambda place: form.set_place(-6.23, 106.86, "Kampung Melayu") if place == "p2" else None)
    keys(Qt.Key.Key_Down, Qt.Key.Key_Return)
    assert form.place.text() == "Kampung Melayu"
    assert focus() is form.place, "an address may go on: no letter of it presses a button"
    keys(Qt.Key.Key_Tab)
    assert form.priority.value() == "3"
    keys("2", Qt.Key.Key_Tab, "Sari", Qt.Key.Key_Tab, "0812")
    values = commit(qtbot, form)
    assert values == {
        "service": "drain",
        "text": "Got mampet",
        "answers": {},
        "address": "Kampung Melayu",
        "place": "p2",
        "lat": -6.23,
        "lon": 106.86,
        "is_point": False,
        "middle_of": "",
        "within_m": 0.0,
        "roughly": "",
        "instead": "",
        "priority": "2",
        "caller_name": "Sari",
        "caller_phone": "0812",
    }


def test_esc_keeps_a_draft_that_comes_back(qtbot: QtBot) -> None:
    form = make_new_report(qtbot)
    keys("banj", Qt.Key.Key_Tab, "Air naik")
    with qtbot.waitSignal(form.left) as left:
        keys(Qt.Key.Key_Escape)
    assert not form.isVisible()
    again = make_new_report(qtbot)
    again.set_values(left.args[0])
    assert again.values()["text"] == "Air naik"
    assert again.values()["service"] == "flood"
    assert again.why_not() == ""
    with qtbot.waitSignal(make_new_report(qtbot).left) as left:
        keys(Qt.Key.Key_Escape)
    assert left.args == [{}]


def test_esc_closes_the_open_list_before_the_form(qtbot: QtBot) -> None:
    form = make_new_report(qtbot)
    keys("jal")
    assert form.service.offered()
    keys(Qt.Key.Key_Escape)
    assert not form.service.offered()
    assert form.isVisible()


def nearby(key: int, **values: Any) -> NearbyReport:
    known = {
        "number": f"93{key}", "service": "Banjir", "text": "Air naik", "age": "34 min", "state": "In progress",
        "distance": "60 m", "priority": 2, "status": 3, "letter": "P", "letter_token": "status.progress",
        "where": "Jl. Bukit 5",
    }  # fmt: skip
    return NearbyReport(key, **{**known, **values})


def test_changes_are_told_once_the_typing_pauses(qtbot: QtBot) -> None:
    form = make_new_report(qtbot)
    told: list[dict[str, Any]] = []
    form.changed.connect(told.append)
    keys("banj", Qt.Key.Key_Tab, "Air naik cepat")
    qtbot.waitUntil(lambda: bool(told))
    assert told[-1]["text"] == "Air naik cepat"
    assert len(told) < 5


def test_an_earlier_report_of_the_place_is_looked_at_by_its_key_and_nothing_typed_is_lost(qtbot: QtBot) -> None:
    form = make_new_report(qtbot)
    assert form.nearby.heading == "Earlier reports of this place"
    keys("banj", Qt.Key.Key_Tab, "Air naik cepat")
    rows = [nearby(7, text=HOSTILE), *(nearby(number) for number in range(8, 13))]
    form.set_nearby(rows, "within 300 m", 6, "None")
    assert form.nearby.heading == "Earlier reports of this place  4 of 6 · within 300 m"
    assert [one.key for one in form.nearby.shown] == [7, 8, 9, 10]
    before = form.values()
    for number, key in ((2, 8), (1, 7)):
        with qtbot.waitSignal(form.nearby_opened) as opened:
            QTest.keyClick(focus(), Qt.Key.Key_0 + number, Qt.KeyboardModifier.AltModifier)
        assert opened.args == [key]
        assert form.nearby.looked_at_words.startswith(f"93{key} · Banjir · In progress · 34 min · Jl. Bukit 5")
    assert focus() is form.report_text, "who writes goes on writing"
    assert form.values() == before
    form.nearby.rows.setFocus()
    with qtbot.waitSignal(form.nearby_opened) as opened:
        keys(Qt.Key.Key_Down, Qt.Key.Key_Down, Qt.Key.Key_Return)
    assert opened.args == [9]
    form.set_nearby([nearby(7)], "within 300 m", 1, "None")
    assert form.nearby.looked_at_words == "", "it is of this place no more"
    with qtbot.assertNotEmitted(form.nearby_opened), qtbot.waitSignal(form.unused_key):
        QTest.keyClick(focus(), Qt.Key.Key_2, Qt.KeyboardModifier.AltModifier)
    form.set_nearby([], "within 300 m", 0, "None within 300 m.")
    assert not form.nearby.rows.isVisible()
    assert form.nearby.heading == "Earlier reports of this place · None within 300 m."


def test_what_was_found_comes_into_sight_where_the_body_scrolls(qtbot: QtBot) -> None:
    """On a small screen the answer about a caller stood below the sight: nothing seemed to happen."""
    theme = make_theme()
    form = open_form(qtbot, NewReportForm(theme, make_symbols(theme), finds_callers=True))
    asked = [CategoryQuestion(f"q{number}", "Depth", "line") for number in range(30)]
    form.ask("Questions", asked, lambda _code, _values: "")
    form.caller_phone.setText("0812 3456 7890")
    form.caller_phone.setFocus()
    QTest.keyClick(focus(), Qt.Key.Key_E, Qt.KeyboardModifier.AltModifier)
    rows = [nearby(number) for number in range(5, 9)]
    form.set_caller_reports("0812 3456 7890", rows, "", 4, "")
    sight = form._area.viewport()
    qtbot.waitUntil(lambda: bottom_in(form.of_caller, sight) <= sight.height())
    assert form._area.scrolls
    form.of_caller.look(1)
    qtbot.waitUntil(lambda: bottom_in(form.of_caller._words, sight) <= sight.height())
    form.set_caller_reports("0899 000 000", [], "", 0, "None")
    assert len(form.of_caller.shown) == 4, "the answer about another number is for nobody"


def bottom_in(widget: QWidget, sight: QWidget) -> int:
    return widget.mapTo(sight, QPoint(0, widget.height())).y()


def test_what_is_entered_is_added_only_to_an_open_report_that_is_looked_at(qtbot: QtBot) -> None:
    theme = make_theme()
    form = open_form(qtbot, NewReportForm(theme, make_symbols(theme), adds=True))
    form.set_nearby([nearby(7), nearby(8, takes_more=False)], "within 300 m", 2, "")
    alt = Qt.KeyboardModifier.AltModifier
    with qtbot.assertNotEmitted(form.add_asked):
        QTest.keyClick(focus(), Qt.Key.Key_A, alt)
        QTest.keyClick(focus(), Qt.Key.Key_2, alt)
        assert not form.nearby.add_button.isVisible()
        QTest.keyClick(focus(), Qt.Key.Key_A, alt)
    QTest.keyClick(focus(), Qt.Key.Key_1, alt)
    assert form.nearby.add_button.isVisible()
    with qtbot.waitSignal(form.add_asked) as asked:
        QTest.keyClick(focus(), Qt.Key.Key_A, alt)
    assert asked.args == [7]
    form.set_nearby([nearby(8)], "within 300 m", 1, "")
    with qtbot.assertNotEmitted(form.add_asked), qtbot.waitSignal(form.unused_key):
        QTest.keyClick(focus(), Qt.Key.Key_A, alt)


@pytest.mark.parametrize("of_report", [False, True])
def test_an_address_that_is_typed_on_presses_no_button(qtbot: QtBot, of_report: bool) -> None:
    """After a place of the list was taken the keyboard stood on "Pick on the map": a space pressed it, and the letters
    behind it were steps of the chosen report.
    """
    theme = make_theme()
    form = ReportPlaceForm(theme, make_symbols(theme)) if of_report else make_new_report(qtbot)
    open_form(qtbot, form)
    form.place.setFocus()
    keys("keb")
    form.place_chosen.connect(lambda _: form.set_place(-6.23, 106.86, "Kebon Baru", middle_of="p1"))
    form.set_places([ListChoice("p1", "Kebon Baru")])
    with qtbot.assertNotEmitted(form.pick_place_asked), qtbot.assertNotEmitted(form.left):
        keys(Qt.Key.Key_Return)
        assert form.is_placed
        keys(" ruko depan")
        assert form.place.text() == "Kebon Baru ruko depan"
        form.set_places([ListChoice("p1", "Kebon Baru")])
        keys(Qt.Key.Key_Return, Qt.Key.Key_Return)
        assert focus() is form.sure, "Enter goes on, from field to field"
        keys(" ", Qt.Key.Key_Return, " ")
    assert form.isVisible()
    assert focus() is (form.sure if of_report else form.priority)
    form.sure.setFocus()
    form.set_place(-6.23, 106.86, "Jalan Tebet")
    assert focus() is form.place, "what is no longer asked gives the keyboard to a field"


def test_alt_k_goes_on_to_the_priority(qtbot: QtBot) -> None:
    """The keyboard stayed at the place: the next key led to the tick, where the digit of the P1 was lost without a
    word, and people on a roof were saved as P3.
    """
    form = make_new_report(qtbot)
    open_form(qtbot, form)
    for field in (form.place, form.sure):
        form.priority.set_value("3")
        form.set_place(-6.23, 106.86, "Kebon Baru", middle_of="p1")
        form.sure.setChecked(False)
        field.setFocus()
        QTest.keyClick(focus(), Qt.Key.Key_K, Qt.KeyboardModifier.AltModifier)
        assert form.sure.isChecked()
        assert focus() is form.priority
        keys("1")
        assert form.values()["priority"] == "1"
    form.set_place(-6.23, 106.86, "Jalan Tebet 5")
    form.priority.set_value("3")
    form.place.setFocus()
    QTest.keyClick(focus(), Qt.Key.Key_K, Qt.KeyboardModifier.AltModifier)
    keys("1")
    values = form.values()
    assert (values["address"], values["lat"]) == ("Jalan Tebet 5", -6.23), "nothing was asked: the digit is no address"
    assert values["priority"] == "1"
    form.place.setFocus()
    keys("x")
    QTest.keyClick(focus(), Qt.Key.Key_K, Qt.KeyboardModifier.AltModifier)
    assert focus() is form.place, "a place that is not found yet is typed on"
    form.set_place(-6.23, 106.86, "Kebon Baru", middle_of="p1")
    form.report_text.setFocus()
    for _ in range(2):
        QTest.keyClick(focus(), Qt.Key.Key_K, Qt.KeyboardModifier.AltModifier)
        assert focus() is form.report_text, "who writes elsewhere goes on writing"


@pytest.mark.parametrize("field", ["service", "report_text", "place", "caller_name"])
def test_alt_p_goes_to_the_priority_from_every_field(qtbot: QtBot, field: str) -> None:
    """No key of it was shown until its row had the keyboard, and the digit went into the words."""
    form = make_new_report(qtbot)
    open_form(qtbot, form)
    getattr(form, field).setFocus()
    keys("a")
    QTest.keyClick(focus(), Qt.Key.Key_P, Qt.KeyboardModifier.AltModifier)
    assert focus() is form.priority
    keys("1")
    assert form.values()["priority"] == "1"
    assert any(label.text() == "Alt P, then its digit" for label in form.findChildren(QLabel))


def test_a_point_on_the_map_stays_while_its_address_is_typed(qtbot: QtBot) -> None:
    form = make_new_report(qtbot)
    form.set_place(-6.23, 106.86, "")
    form.place.setFocus()
    keys("Gang 3")
    assert (form.values()["address"], form.values()["lat"], form.values()["lon"]) == ("Gang 3", -6.23, 106.86)
    form.set_place(-6.2, 106.8, "Kebon Baru")
    keys("x")
    assert (form.values()["address"], form.values()["lat"]) == ("Kebon Barux", None), (
        "a place of the list is its name's"
    )


def test_writing_goes_on_behind_a_draft_and_a_cleared_one_can_be_brought_back(qtbot: QtBot) -> None:
    form = AskText(make_theme(), "Note")
    form.offer_draft({"text": "gas"}, "Draft of 08:31")
    open_form(qtbot, form)
    keys(" smell")
    assert form.values() == {"text": "gas smell"}
    while form.field.document().isUndoAvailable():
        form.field.undo()
    assert form.values() == {"text": "gas"}, "what was offered was not typed now"
    form.clear_draft()
    assert form.is_empty()
    form.field.undo()
    assert form.values() == {"text": "gas"}


def test_the_form_gives_the_map_free_when_a_place_is_to_be_pointed_at(qtbot: QtBot) -> None:
    window = QWidget()
    window.resize(800, 600)
    qtbot.addWidget(window)
    window.show()
    form = open_form(qtbot, NewReportForm(make_theme(), make_symbols(make_theme()), parent=window))
    form.step_aside(window)
    right = window.mapToGlobal(QPoint(window.width(), 0)).x()
    assert right - 12 <= form.frameGeometry().right() <= right, "the queue stays in sight while the map is pointed at"


def test_nothing_is_decided_before_every_photo_was_seen(qtbot: QtBot) -> None:
    """Keys that were typed before the pictures were there are no verdict on them."""
    late = card("After", number=2)
    late.image = None
    form = ValidateForm(make_theme(), "Validate", [card("Before")], [card("After"), late], preset="Done")
    open_form(qtbot, form)
    with qtbot.assertNotEmitted(form.committed):
        keys("1", Qt.Key.Key_Return)
        QTest.keyClick(focus(), Qt.Key.Key_Return, CTRL)
    qtbot.waitUntil(lambda: form.why_not() == "1 of 3 photos have not been shown yet")
    assert form.photos()[2] == "After, 2 of 2, 14 Jan, 9 m from the report, The photo is being read"
    form.set_photos([card("Before")], [card("After"), card("After", number=2)])
    qtbot.waitUntil(lambda: form.why_not() == "Look at the photos first")
    qtbot.waitUntil(lambda: form.why_not() == "Decide: 1 accepts, 2 returns")
    with qtbot.assertNotEmitted(form.committed):
        keys(Qt.Key.Key_Return)
    with qtbot.waitSignal(form.committed):
        keys("1", Qt.Key.Key_Return)


def _held_form(which: str) -> Form:
    """A form in which Enter would decide now."""
    theme = make_theme()
    form: Form
    match which:
        case "close":
            form = CloseForm(theme, "Close", [("dup", "Duplicate", False)])
            form.disposition.set_value("dup")
        case "hold":
            form = HoldForm(theme, "Hold", [("weather", "The weather")])
            form.waits_for.set_value("weather")
        case "merge":
            form = MergeForm(
                theme, "Merge", MergeSide("1", "Flood", "", ""), [MergeCandidate("2", "2", "")],
                why_barred=lambda *_: "", follows=lambda *_: "",
            )  # fmt: skip
            form.set_side("2", MergeSide("2", "Flood", "", ""), stays=False)
        case "ask":
            form = AskForm(theme, "Quit", "", "Quit", "Stay")
        case "choice":
            form = ChooseOne(theme, "Category", SERVICES)
        case "proof":
            form = ValidateForm(theme, "Validate", [], [card("After")], preset="Done", dispositions=["Done"])
        case "token":
            form = TokenForm(theme, "Sign in", "")
            form.token.setText("secret")
        case _:
            raise KeyError(which)
    form.touch()
    return form


@pytest.mark.parametrize("which", ["close", "hold", "merge", "ask", "choice", "proof", "token"])
@pytest.mark.parametrize("key", [Qt.Key.Key_Return, Qt.Key.Key_Enter])
def test_a_key_that_is_held_decides_nothing(qtbot: QtBot, which: str, key: Qt.Key) -> None:
    """It was pressed before the form was there: an operator who holds Enter has seen none of what follows."""
    form = _held_form(which)
    open_form(qtbot, form)
    qtbot.waitUntil(lambda: form.why_not() == "")
    with qtbot.assertNotEmitted(form.committed), qtbot.assertNotEmitted(form.left):
        press_held(key)
    assert form.isVisible()
    with qtbot.waitSignal(form.committed):
        keys(key)


def test_a_report_is_closed_as_a_duplicate_only_of_one_that_was_looked_at(qtbot: QtBot) -> None:
    """Three keys closed a flood as "Duplicate", and nobody knew of what."""
    texts = [("Duplicate", "Duplicate", False), ("Spam", "Spam", False)]
    form = CloseForm(make_theme(), "Close", texts, duplicate="Duplicate")
    open_form(qtbot, form)
    keys("1")
    assert form.commit_button.verb == "Look at the other report"
    with qtbot.assertNotEmitted(form.committed), qtbot.waitSignal(form.merge_asked):
        keys(Qt.Key.Key_Return)
    assert not form.isVisible()
    form = CloseForm(make_theme(), "Close", texts, duplicate="Duplicate", why_no_duplicate="No possible duplicate")
    open_form(qtbot, form)
    with qtbot.assertNotEmitted(form.committed), qtbot.assertNotEmitted(form.merge_asked):
        keys("1", Qt.Key.Key_Return)
    assert form.why_not() == "No possible duplicate"
    keys("2")
    assert form.commit_button.verb == "Close report"
    with qtbot.waitSignal(form.committed):
        keys(Qt.Key.Key_Return)


def test_of_two_reports_the_one_that_was_said_to_stays_unless_it_is_turned_round(qtbot: QtBot) -> None:
    mine, first, second = (MergeSide(key, "Flood", "", "") for key in ("1", "2", "3"))
    form = MergeForm(
        make_theme(), "Merge", mine, [MergeCandidate("2", "2", ""), MergeCandidate("3", "3", "")],
        why_barred=lambda *_: "", follows=lambda *_: "",
    )  # fmt: skip
    form.set_side("2", first, stays=True)
    form.set_side("3", second, stays=False)
    open_form(qtbot, form)
    assert form.values() == {"candidate": "2", "swapped": True}
    assert form.commit_button.verb == "Merge 1"
    keys("s")
    assert form.values() == {"candidate": "2", "swapped": False}
    form.set_side("2", first, stays=True)  # its photos have come
    assert not form.is_swapped, "what the operator has turned round stays so"
    keys("2")
    assert form.values() == {"candidate": "3", "swapped": False}
    keys("s")
    assert commit(qtbot, form) == {"candidate": "3", "swapped": True}


def test_where_there_is_room_two_reports_have_larger_photos(qtbot: QtBot) -> None:
    """At 2560 pixels the photos that tell whether two are one had the size of stamps, in an empty map."""
    mine, other = (MergeSide(key, "Flood", "", "", [card("Before")]) for key in ("1", "2"))
    sizes = []
    for roomy in (False, True):
        form = MergeForm(
            make_theme(), "Merge", mine, [MergeCandidate("2", "2", "")],
            why_barred=lambda *_: "", follows=lambda *_: "", roomy=roomy,
        )  # fmt: skip
        form.set_side("2", other, stays=False)
        qtbot.addWidget(form)
        form.open_beside(QRect(0, 0, 1200, 900))
        photos = form.findChildren(FramedPhoto)
        assert len(photos) == 2
        assert len({photo.height() for photo in photos}) == 1, "at equal size"
        sizes.append((form._wide, photos[0].height()))
    small, large = sizes
    assert large[0] > small[0]
    assert large[1] > 1.5 * small[1]


def test_a_proof_without_any_photo_says_so(qtbot: QtBot) -> None:
    """Where the photos stand nothing stood, and nothing said that there are none."""
    form = ValidateForm(make_theme(), "Validate", [], [], dispositions=["Cleaned"])
    open_form(qtbot, form)
    shown = [label.text() for label in form.findChildren(QLabel) if label.isVisible()]
    assert "No photo from before" in shown
    assert "No photo from after" in shown


def test_a_digit_that_is_held_chooses_in_one_row_only(qtbot: QtBot) -> None:
    form = ValidateForm(make_theme(), "Validate", [], [card("After")], dispositions=["Cleaned", "Mended"])
    open_form(qtbot, form)
    qtbot.waitUntil(lambda: form.decision.is_live)
    keys("1")
    press_held(Qt.Key.Key_1)
    assert (form.decision.value(), form.disposition.value()) == ("accept", "")


def test_a_proof_is_decided_on_after_its_photos_have_been_on_the_screen_for_a_second(qtbot: QtBot) -> None:
    """Enter, struck three times in a row, accepted three proofs, of which nobody can have seen the last two."""
    clock = Clock()
    form = ValidateForm(
        make_theme(), "Validate", [card("Before")], [card("After")],
        dispositions=["Done"], preset="Done", steady_s=clock,
    )  # fmt: skip
    open_form(qtbot, form)
    qtbot.waitUntil(lambda: form.is_seen)
    clock.now_s += LOOK_S - 0.01
    with qtbot.assertNotEmitted(form.committed):
        keys(Qt.Key.Key_Return)
        QTest.keyClick(focus(), Qt.Key.Key_Return, CTRL)
    assert form.why_not() == "Look at the photos first"
    assert form.values()["disposition"] == "Done", "nothing was typed that means anything else"
    assert not form.commit_button.is_filled, "its cap is drawn where Enter does it"
    form.set_photos([card("Before")], [card("After"), card("After", number=2)])
    qtbot.waitUntil(lambda: form.is_seen)
    clock.now_s += 0.02
    assert form.why_not() == "Look at the photos first", "one more photo is looked at as well"
    clock.now_s += LOOK_S - 0.03
    with qtbot.assertNotEmitted(form.committed):
        for _ in range(20):  # who goes on striking does not look
            keys(Qt.Key.Key_Return)
            clock.now_s += 0.12
    clock.now_s += TWICE_S
    with qtbot.waitSignal(form.committed):
        keys(Qt.Key.Key_Return)


@pytest.mark.parametrize(("rows", "least"), [(1, 270), (2, 200)])
def test_photos_take_the_room_that_the_form_leaves(qtbot: QtBot, rows: int, least: int) -> None:
    """The one window whose purpose is to look showed them smaller than the report's panel did."""
    before = [card("Before", number=number) for number in range(rows)]
    form = ValidateForm(
        make_theme(), "Validate", before, [card("After")], dispositions=["Done"], preset="Done", free_high=760
    )
    qtbot.addWidget(form)
    form.open_beside(QRect(10, 10, 780, 780))
    qtbot.waitUntil(form.isActiveWindow)
    assert all(photo.height() >= least for photo in form._photos)
    assert all(photo.height() <= 304 + 40 for photo in form._photos), "the design's size is the most"
    assert form.height() <= 760, "and it covers nothing but the map"
    form.grab()
    high = [photo.height() for photo in form._photos]
    later = [card("Before", number=number) for number in range(rows)]
    form.set_photos(later, [card("After")])  # read anew
    form.grab()
    form.fit()
    assert [photo.height() for photo in form._photos] == high


def test_a_form_with_photos_has_its_height_before_it_is_shown(qtbot: QtBot) -> None:
    """Grown only afterwards it lay a title too high on a real desktop, over the figures."""
    photos = ([card("Before")], [card("After")])
    form = ValidateForm(make_theme(), "Validate", *photos, dispositions=["Done"], preset="Done", free_high=760)
    qtbot.addWidget(form)
    form.open_beside(QRect(10, 10, 780, 780))
    high = form.height()
    qtbot.waitUntil(lambda: form.is_seen)
    assert form.height() == high


def test_a_form_that_the_desktop_puts_too_high_as_it_opens_comes_down(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A merge form lay 20 px over a red strip: it had grown before the desktop put its frame around it."""
    monkeypatch.setattr("widgets.forms.form._SETTLED_MS", 50)
    photos = ([card("Before")], [card("After")])
    form = ValidateForm(make_theme(), "Validate", *photos, dispositions=["Done"], preset="Done", free_high=500)
    qtbot.addWidget(form)
    form.open_beside(QRect(10, 60, 780, 700))
    form.move(form.x(), 40)
    form.fit()
    qtbot.waitUntil(lambda: form.y() == 60)
    form.move(form.x(), 40)  # by hand, later
    form.fit()
    done: list[bool] = []
    QTimer.singleShot(100, lambda: done.append(True))
    qtbot.waitUntil(lambda: bool(done))
    assert form.y() == 40


def test_photos_in_full_take_no_choice_away(qtbot: QtBot) -> None:
    """A plain F took the preset off without a word, and showed nothing."""
    photos = ([card("Before")], [card("After")])
    form = ValidateForm(make_theme(), "Validate", *photos, dispositions=["Done"], preset="Done")
    open_form(qtbot, form)
    qtbot.waitUntil(lambda: form.is_seen)
    with qtbot.waitSignal(form.photo_asked):
        keys("f")
    assert (form.values()["decision"], form.values()["disposition"]) == ("accept", "Done")
    keys("2", "f")
    assert form.values()["reason"] == "f", "a reason may begin with it"


def test_the_button_says_when_the_photos_have_been_looked_at(qtbot: QtBot) -> None:
    form = ValidateForm(make_theme(), "Validate", [], [card("After")], dispositions=["Done"], preset="Done")
    open_form(qtbot, form)
    qtbot.waitUntil(lambda: form.commit_button.why_not == "Look at the photos first")
    qtbot.waitUntil(lambda: form.commit_button.is_filled)


def test_a_form_that_lies_beside_while_the_window_has_the_keyboard_shows_no_key(qtbot: QtBot) -> None:
    """Two filled buttons bore the cap Enter, of two reports: the form's and the window's."""
    window = QWidget()
    qtbot.addWidget(window)
    window.show()
    form = open_form(qtbot, AskText(make_theme(), "Note", verb="Save"))
    keys("gas")
    with_keyboard = (form.leave_button.grab().toImage(), form.commit_button.grab().toImage())
    assert form.commit_button.is_filled
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    assert not form.commit_button.is_filled
    assert form.leave_button.grab().toImage() != with_keyboard[0]
    assert form.leave_button.size() == with_keyboard[0].size(), "nothing moves"
    form.activateWindow()
    qtbot.waitUntil(form.isActiveWindow)
    assert (form.leave_button.grab().toImage(), form.commit_button.grab().toImage()) == with_keyboard


def test_the_list_of_keys_draws_its_keys_once_it_has_the_keyboard(qtbot: QtBot) -> None:
    """It was drawn before it had it, without keys, and not again."""
    window = QWidget()
    qtbot.addWidget(window)
    window.show()
    form = open_form(qtbot, KeysSheet(make_theme(), [("Report", "T", "Take"), ("Report", "N", "Note")]))
    assert isinstance(form, KeysSheet)
    drawn, shown = Painted(form._sheet), form._sheet.grab().toImage()
    for active in (window, form):
        before = drawn.count
        active.activateWindow()
        qtbot.waitUntil(active.isActiveWindow)
        qtbot.waitUntil(lambda before=before: drawn.count > before)
        assert form._sheet.grab().toImage() == shown, "it lists them whichever window has the keyboard"


class Painted(QObject):
    """How often a widget was drawn."""

    def __init__(self, widget: QWidget) -> None:
        super().__init__(widget)
        self.count = 0
        widget.installEventFilter(self)

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        self.count += event.type() == QEvent.Type.Paint
        return False


def test_closing_and_holding_say_enter_where_enter_does_it(qtbot: QtBot) -> None:
    """Enter closed the report while the cap of the button said Ctrl+Enter."""
    form = CloseForm(make_theme(), "Close", [("dup", "Duplicate", False)], [("1", "SDA-07")])
    open_form(qtbot, form)
    assert form.commit_button.accessibleDescription() == "Outcome: a digit chooses one"
    keys("1")
    assert form.commit_button.accessibleDescription() == "↵"
    form.ticks["1"].setFocus()
    with qtbot.waitSignal(form.committed):
        keys(Qt.Key.Key_Return)


def test_words_that_did_not_count_take_the_preset_away(qtbot: QtBot) -> None:
    """Whoever typed a reason to return it must not accept it with the Ctrl+Enter behind."""
    form = ValidateForm(make_theme(), "Validate", [], [card("After")], dispositions=["Done"], preset="Done")
    open_form(qtbot, form)
    qtbot.waitUntil(lambda: form.why_not() == "")
    with qtbot.assertNotEmitted(form.committed):
        keys("wrong street")
        QTest.keyClick(focus(), Qt.Key.Key_Return, CTRL)
    assert form.values()["decision"] == ""


def test_an_honest_proof_is_preset_to_be_accepted_and_a_flagged_one_is_not(qtbot: QtBot) -> None:
    form = ValidateForm(
        make_theme(), "Validate", [card("Before")], [card("After")], dispositions=["Cleaned", "Mended"], preset="Mended"
    )
    open_form(qtbot, form)
    qtbot.waitUntil(lambda: form.is_seen)
    assert form.values() | {"decision": "accept", "disposition": "Mended"} == form.values()
    form.set_photos([card("Before")], [card("After", "After photo: taken 1.9 km away")])
    assert form.values()["decision"] == form.values()["disposition"] == ""
    with qtbot.assertNotEmitted(form.committed):
        keys(Qt.Key.Key_Return)
    keys("1")
    assert form.values()["disposition"] == "", "with a flag nothing is chosen for the operator"
    keys("1")
    assert form.values()["disposition"] == "Cleaned"


def test_a_photo_that_comes_while_the_proof_is_looked_at_is_shown(qtbot: QtBot) -> None:
    early = card("After")
    early.image = None
    form = ValidateForm(make_theme(), "Validate", [], [early])
    open_form(qtbot, form)
    assert form.photos() == ["After, 14 Jan, 9 m from the report, The photo is being read"]
    form.set_photos([], [card("After", "After photo: taken 1.9 km away")])
    assert form.photos() == ["After, 14 Jan, 9 m from the report, After photo: taken 1.9 km away"]
    assert form._flag.isVisible()
    assert form._flag.text() == "After photo: taken 1.9 km away"
    form.grab()


def test_a_form_that_is_higher_than_the_screen_scrolls_and_keeps_its_foot(qtbot: QtBot) -> None:
    theme = make_theme(2.0)
    try:
        form = NewReportForm(theme, make_symbols(theme))
        form.set_services(SERVICES)
        open_form(qtbot, form)
        assert form.height() <= form.screen().availableGeometry().height()
        assert form.width() <= form.screen().availableGeometry().width()
        assert in_sight(form, form.commit_button)
        assert not in_sight(form, form.caller_phone)
        for _ in range(5):
            keys(Qt.Key.Key_Tab)
        assert focus() is form.caller_phone, "the order of Tab is as before"
        assert in_sight(form, form.caller_phone)
        form.commit()
        assert focus() is form.service, "what holds it up"
        assert in_sight(form, form.service)
    finally:
        make_theme()


def _telephone_form(theme: Theme) -> Form:
    form = NewReportForm(theme, make_symbols(theme), priorities=(("1", "Hazard"), ("2", "Urgent")))
    form.set_services(SERVICES)
    return form


def _proof_form(theme: Theme) -> Form:
    form = ValidateForm(theme, "Validate", [], [], returns=["Not the place"])
    form.decision.set_value("return")
    form.touch()
    return form


def _merge_form(theme: Theme) -> Form:
    side, others = MergeSide("1", "Flood", "", ""), [MergeCandidate("2", "2", "")]
    return MergeForm(theme, "Merge", side, others, why_barred=lambda *_: "", follows=lambda *_: "")


def _conflict_form(theme: Theme) -> Form:
    return ConflictForm(
        theme, make_symbols(theme), "Jalan rusak", "931164", "Both changed.", CONFLICT, asks_reason=True
    )


FORMS: dict[str, Callable[[Theme], Form]] = {
    "telephone": _telephone_form,
    "place": lambda theme: ReportPlaceForm(theme, make_symbols(theme)),
    "note": lambda theme: AskText(theme, "Note"),
    "reply": lambda theme: AskText(theme, "Reply", templates=[("Crew", "Petugas menuju lokasi.")], reason=True),
    "hold": lambda theme: HoldForm(theme, "Hold", [("weather", "The weather")], [("", "Open")]),
    "close": lambda theme: CloseForm(theme, "Close", [("spam", "Spam", True)], [("u1", "SDA-07")]),
    "merge": _merge_form,
    "proof": _proof_form,
    "category": lambda theme: ChooseOne(theme, "Category", SERVICES),
    "conflict": _conflict_form,
    "server": ConnectForm,
    "web map": lambda theme: WebMapForm(theme, lambda _: ""),
    "sound": lambda theme: SoundForm(theme, [(tone, tone, "Once") for tone in "abcd"], [(1, "soft"), (2, "loud")], 2),
    "keys": lambda theme: KeysSheet(theme, [("Report", "T", "Take")]),
}
"""Every form whose body is higher than what a form keeps of it at least."""


@pytest.mark.parametrize("name", FORMS)
def test_a_form_that_begins_to_scroll_leaves_the_keyboard_where_it_is(qtbot: QtBot, name: str) -> None:
    """A strip came, and who typed on pressed "Leave" with the next space, then keys of the window."""
    form = FORMS[name](make_theme())
    open_form(qtbot, form)
    fields = [
        one
        for one in form.findChildren(QWidget)
        if one.focusPolicy() & Qt.FocusPolicy.TabFocus and one.isVisible() and one.isEnabled()
    ]
    assert form.first_field() in fields
    with qtbot.assertNotEmitted(form.left), qtbot.assertNotEmitted(form.committed):
        for field in fields:
            field.setFocus()
            heard = _Focus(field)
            _make_scroll(form)
            assert focus() is field
            if takes_text(field):
                field.clear()  # type: ignore[attr-defined]
                keys("air naik ke")
                assert _written(field) == "air naik ke"
                QTest.keyClick(field, Qt.Key.Key_Left, Qt.KeyboardModifier.ShiftModifier)
                heard.gone = 0
            form.tell_news("")
            QApplication.processEvents()
            assert not _is_scrolling(form)
            assert (focus(), heard.gone) == (field, 0), "not for a moment: its list, cursor and selection are as before"
            if takes_text(field):
                _make_scroll(form)
                keys("a 2")
                assert _written(field) == "air naik ka 2"
                field.clear()  # type: ignore[attr-defined]
                form.tell_news("")
    assert form.isVisible()


class _Focus(QObject):
    """How often a field lost the keyboard."""

    def __init__(self, field: QWidget) -> None:
        super().__init__(field)
        self.gone = 0
        field.installEventFilter(self)

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        self.gone += event.type() == QEvent.Type.FocusOut
        return False


def _make_scroll(form: Form) -> None:
    """Somebody else changes the report: what is said of it takes so much room that the body has to scroll."""
    for times in range(10, 1000, 10):
        form.tell_news("ani made it P1. " * times)
        QApplication.processEvents()
        if _is_scrolling(form):
            return
    pytest.fail("it did not scroll")


def _is_scrolling(form: Form) -> bool:
    area = form.findChild(QScrollArea)
    return area is not None and area.verticalScrollBar().maximum() > 0


def _written(field: Any) -> str:
    text: str = field.toPlainText() if isinstance(field, QPlainTextEdit) else field.text()
    return text


def test_a_unit_that_goes_takes_the_keyboard_to_no_button(qtbot: QtBot) -> None:
    form = CloseForm(make_theme(), "Close", [("spam", "Spam", False)], [("u1", "SDA-07")])
    open_form(qtbot, form)
    form.ticks["u1"].setFocus()
    form.set_units([])
    assert focus() is form.disposition


def test_a_form_that_has_room_again_does_not_scroll(qtbot: QtBot) -> None:
    form = AskText(make_theme(), "Note")
    open_form(qtbot, form)
    high = form.height()
    _make_scroll(form)
    assert form.height() <= form.screen().availableGeometry().height()
    assert in_sight(form, form.commit_button)
    assert in_sight(form, form.field), "what is typed in is seen"
    form.tell_news("")
    assert form.height() == high


def test_what_a_form_says_is_no_column_of_single_words(qtbot: QtBot) -> None:
    """Beside three buttons it stood ten lines high in 45 pixels."""
    said = "SDA-05 works on 931252: recall it first, or the other way round"
    form = MergeForm(
        make_theme(), "Merge", MergeSide("1", "Flood", "", ""), [MergeCandidate("2", "2", "")],
        why_barred=lambda *_: said, follows=lambda *_: "",
    )  # fmt: skip
    qtbot.addWidget(form)
    form.open_beside(QRect(0, 0, 480, 600))
    qtbot.waitUntil(form.isActiveWindow)
    form.set_side("2", MergeSide("2", "Flood", "", ""), stays=False)
    QApplication.processEvents()
    assert form._why.text() == said
    assert form._why.width() > form.width() // 2
    assert form._why.height() >= form._why.heightForWidth(form._why.width())
    assert form._why.geometry().bottom() < form.leave_button.geometry().top()
    assert in_sight(form, form.commit_button)
    assert form.commit_button.geometry().right() > form.width() - make_theme().px(24)
    wide = AskText(make_theme(), "Note")
    open_form(qtbot, wide)
    assert wide._why.geometry().center().y() == pytest.approx(wide.leave_button.geometry().center().y(), abs=3)


def in_sight(form: Form, widget: QWidget) -> bool:
    return (
        not widget.visibleRegion().isEmpty() and widget.visibleRegion().boundingRect().height() >= widget.height() - 2
    )


@pytest.mark.parametrize("scale", [1.0, 1.2])
def test_the_list_of_places_is_wholly_seen_and_covers_no_button(qtbot: QtBot, scale: float) -> None:
    """Wherever it lies, the row that Enter would take is on the screen."""
    theme = make_theme(scale)
    try:
        form = ReportPlaceForm(theme, make_symbols(theme))
        form.set_known({"address": "Jl. Ragunan Dalam", "lat": -6.3, "lon": 106.8})
        form.place_typed.connect(lambda _: form.set_places([ListChoice(f"p{n}", f"Tebet {n}") for n in range(9)]))
        open_form(qtbot, form)
        high = form.height()
        keys("tebet")
        drop = form.findChild(QListView, "drop")
        assert drop is not None
        assert drop.isVisible()
        assert form.rect().contains(drop.geometry())
        foot = form.leave_button.parentWidget()
        assert foot is not None
        assert not drop.geometry().intersects(foot.geometry())
        assert not drop.geometry().intersects(QRect(form.place.mapTo(form, QPoint(0, 0)), form.place.size()))
        assert drop.viewport().rect().contains(drop.visualRect(drop.model().index(0, 0)))
        assert drop.viewport().rect().contains(drop.visualRect(drop.model().index(6, 0))), "seven rows"
        assert form.height() == high, "nothing jumps"
    finally:
        make_theme()


def test_a_list_with_less_room_than_it_needs_shows_the_row_that_enter_takes(qtbot: QtBot) -> None:
    theme = make_theme()
    form = open_form(qtbot, NewReportForm(theme, make_symbols(theme)))
    form.set_services(SERVICES)
    form.place.setFocus()
    form.place_typed.connect(lambda _: form.set_places([ListChoice(f"p{n}", f"Tebet {n}") for n in range(9)]))
    keys("tebet")
    drop = form.findChild(QListView, "drop")
    assert drop is not None
    foot = form.leave_button.parentWidget()
    assert foot is not None
    assert form.rect().contains(drop.geometry())
    assert not drop.geometry().intersects(foot.geometry())
    for row in range(9):
        assert drop.currentIndex().row() == row
        assert drop.viewport().rect().contains(drop.visualRect(drop.currentIndex()))
        keys(Qt.Key.Key_Down)


@pytest.mark.parametrize("scale", [1.0, 1.2])
def test_the_distance_of_an_earlier_report_keeps_its_unit(qtbot: QtBot, scale: float) -> None:
    """Metres and kilometres do not look alike where the place is known roughly."""
    theme = make_theme(scale)
    try:
        form = open_form(qtbot, NewReportForm(theme, make_symbols(theme)))
        drawn = []
        for distance in ("≤ 11.1 km", "≤ 11.1 kW"):
            form.set_nearby([nearby(7, distance=distance)], "", 1, "")
            drawn.append(form.nearby.rows.grab().toImage())
        assert drawn[0] != drawn[1]
    finally:
        make_theme()


def test_the_place_is_picked_on_the_map_by_a_key(qtbot: QtBot) -> None:
    form = make_new_report(qtbot)
    with qtbot.waitSignal(form.pick_place_asked):
        QTest.keyClick(focus(), Qt.Key.Key_M, CTRL)
    form.set_place(-6.2, 106.8, "Near Jl. Tebet Raya")
    assert form.values()["address"] == "Near Jl. Tebet Raya"
    assert form.values()["lat"] == -6.2


def test_matching_puts_beginnings_first(qtbot: QtBot) -> None:
    assert [choice.id for choice in matching(SERVICES, "ru")] == ["road"]
    assert [choice.id for choice in matching(SERVICES, "sa")] == ["drain", "road"]
    assert [choice.id for choice in matching(SERVICES, "broken jal")] == ["road"]
    assert matching(SERVICES, "zzz") == []


def test_choose_one(qtbot: QtBot) -> None:
    form = open_form(qtbot, ChooseOne(make_theme(), "Category", SERVICES))
    assert isinstance(form, ChooseOne)
    assert form.values() == {"id": SERVICES[0].id}
    keys("a", Qt.Key.Key_Down)
    with qtbot.waitSignal(form.chosen) as chosen:
        keys(Qt.Key.Key_Return)
    assert chosen.args == [matching(SERVICES, "a")[1].id]


def test_choosing_begins_on_what_is_so_already(qtbot: QtBot) -> None:
    """A stray Enter behind P would make a routine report a hazard."""
    form = open_form(qtbot, ChooseOne(make_theme(), "Category", SERVICES, current="road"))
    assert form.values() == {"id": "road"}
    keys("a")
    assert form.values() == {"id": matching(SERVICES, "a")[0].id}
    keys(Qt.Key.Key_Backspace)
    assert form.values() == {"id": "road"}


def test_enter_signs_in(qtbot: QtBot) -> None:
    form = open_form(qtbot, TokenForm(make_theme(), "Sign in", "Its administrator gives you the token."))
    keys("secret")
    with qtbot.waitSignal(form.committed) as done:
        keys(Qt.Key.Key_Return)
    assert done.args == [{"token": "secret"}]


def test_nothing_is_chosen_when_nothing_is_found(qtbot: QtBot) -> None:
    form = open_form(qtbot, ChooseOne(make_theme(), "Category", SERVICES))
    keys("zzz")
    with qtbot.assertNotEmitted(form.committed):
        keys(Qt.Key.Key_Return)
    assert form.isVisible()
    form.grab()


def test_ask_text_with_a_template(qtbot: QtBot) -> None:
    form = open_form(qtbot, AskText(make_theme(), "Reply", HOSTILE, [("Crew is coming", "Petugas menuju lokasi.")]))
    QTest.keyClick(focus(), Qt.Key.Key_1, Qt.KeyboardModifier.AltModifier)
    assert commit(qtbot, form) == {"text": "Petugas menuju lokasi."}


def test_a_template_longer_than_its_button_keeps_its_beginning_and_its_key(qtbot: QtBot) -> None:
    """In a narrow form it was cut at both ends."""
    longer = ", laporan Anda sudah kami terima" * 3
    form = AskText(make_theme(), "Reply", templates=[(f"{first}erima kasih{longer}", "text") for first in "TTX"])
    form.setFixedWidth(420)
    open_form(qtbot, form)
    buttons = [one for one in form.findChildren(KeyButton) if one.verb.endswith(longer)]
    assert all(form.rect().contains(QRect(one.mapTo(form, QPoint(0, 0)), one.size())) for one in buttons)
    drawn = [one.grab().toImage() for one in buttons]
    half = drawn[0].width() // 2
    ends = [(one.copy(0, 0, half, one.height()), one.copy(half, 0, half, one.height())) for one in drawn]
    assert ends[0][0] == ends[1][0] != ends[2][0], "the first letter is seen"
    assert ends[0][1] != ends[1][1] != ends[2][1], "and the digit of the key"


def test_close_lists_the_units_to_release(qtbot: QtBot) -> None:
    form = CloseForm(
        make_theme(),
        "Close",
        [("dup", "Duplicate", False), ("spam", "Spam", True)],
        [("u1", "SDA-07 & co"), ("u2", "SDA-11")],
    )
    open_form(qtbot, form)
    keys("2", Qt.Key.Key_Return)
    assert form.why_not() == "This one needs a reason"
    assert focus() is form.reason
    keys("advert", Qt.Key.Key_Tab, Qt.Key.Key_Space)
    form.grab()
    assert commit(qtbot, form) == {
        "disposition": "spam",
        "reason": "advert",
        "release": ["u2"],
        "stay": ["u1"],
    }


def test_hold(qtbot: QtBot) -> None:
    form = open_form(
        qtbot, HoldForm(make_theme(), "Hold", [("reporter", "Reporter"), ("weather", "Weather")], [("", "No end")])
    )
    with qtbot.assertNotEmitted(form.committed):
        keys(Qt.Key.Key_Return)
    keys("2", "rain")
    assert focus() is form.reason, "letters are no digits: they are the reason"
    assert commit(qtbot, form) == {"waits_for": "weather", "until": "", "reason": "rain"}


def test_chips_that_do_not_fit_in_one_line_wrap_and_are_all_seen(qtbot: QtBot) -> None:
    waits = [(str(number), f"Another agency {number}") for number in range(6)]
    form = HoldForm(make_theme(), "Hold", waits, [("", "Open")])
    qtbot.addWidget(form)
    form.open_beside(QRect(0, 0, 500, 600))
    qtbot.waitUntil(form.isActiveWindow)
    assert form.waits_for.last_box().top() > 0
    qtbot.waitUntil(lambda: form.waits_for.rect().contains(form.waits_for.last_box()))
    assert in_sight(form, form.commit_button)


def test_each_row_of_digits_is_heard_alone_and_goes_on_to_the_next(qtbot: QtBot) -> None:
    waits, untils = [("a", "A"), ("b", "B"), ("c", "C")], [("", "Open"), ("4", "4 h"), ("24", "1 day")]
    form = open_form(qtbot, HoldForm(make_theme(), "Hold", waits, untils))
    assert isinstance(form, HoldForm)
    keys("2", "3")
    assert form.values() == {"waits_for": "b", "until": "24", "reason": ""}
    keys(Qt.Key.Key_Backspace, "1")
    assert form.values()["waits_for"] == "a"
    with qtbot.waitSignal(form.committed) as done:
        keys(Qt.Key.Key_Return)
    assert done.args == [{"waits_for": "a", "until": "24", "reason": ""}]


def card(role: str, problem: str = "", number: int = 1) -> Any:
    image = QImage(80, 60, QImage.Format.Format_RGB32)
    image.fill(0)
    return SimpleNamespace(
        id=f"{role} {number}", role_label=role, caption="14 Jan", image=image, problem=problem, waits="",
        place="9 m from the report",
    )  # fmt: skip


def test_returning_a_proof_needs_a_reason(qtbot: QtBot) -> None:
    returns = ["Another place", "Before the work"]
    form = ValidateForm(make_theme(), "Validate", [card("Before")], [card("After", HOSTILE)], returns=returns)
    open_form(qtbot, form)
    qtbot.waitUntil(lambda: form.is_seen)
    qtbot.waitUntil(lambda: form.decision.is_live)
    qtbot.waitUntil(lambda: form.why_not() == "Decide: 1 accepts, 2 returns")
    keys("2")
    assert form.commit_button.verb == "Return to the crew"
    assert form.why_not()
    keys("2")
    assert form.values()["reason"] == "Before the work"
    keys(Qt.Key.Key_Backspace, "2", ",")
    assert focus() is form.reason
    keys(" and another street")
    assert commit(qtbot, form) == {
        "decision": "return",
        "accept": False,
        "disposition": "",
        "reason": "Before the work, and another street",
    }


def test_deciding_can_be_blocked_with_a_reason(qtbot: QtBot) -> None:
    form = ValidateForm(make_theme(), "Validate", [], [card("After")], barred="You delivered this proof")
    open_form(qtbot, form)
    qtbot.waitUntil(lambda: form.is_seen)
    qtbot.waitUntil(lambda: form.decision.is_live)
    for decision in ("1", "2"):
        keys(decision)
        assert form.why_not() == "You delivered this proof"


def test_accepting_needs_a_disposition_where_there_are_any(qtbot: QtBot) -> None:
    texts = ("Cleaned", "Repaired")
    form = ValidateForm(make_theme(), "Validate", [], [card("After")], dispositions=texts)
    open_form(qtbot, form)
    qtbot.waitUntil(lambda: form.is_seen)
    qtbot.waitUntil(lambda: form.why_not() == "Decide: 1 accepts, 2 returns")
    keys("1")
    with qtbot.assertNotEmitted(form.committed):
        QTest.keyClick(focus(), Qt.Key.Key_Return, CTRL)
    assert form.disposition.hasFocus()
    keys("2")
    assert commit(qtbot, form) == {
        "decision": "accept",
        "accept": True,
        "disposition": "Repaired",
        "reason": "",
    }


def test_every_outcome_is_in_sight_and_has_its_digit_where_the_form_is_narrow(qtbot: QtBot) -> None:
    """The room that a window of 1366 x 768 leaves."""
    texts = ("Air sudah surut", "Sudah dibersihkan", "Sudah ditertibkan", "Sudah diperbaiki")
    photos = [card("Before"), card("Before, later")]
    form = ValidateForm(make_theme(), "Validate", photos, [card("After")], dispositions=texts, preset=texts[0])
    qtbot.addWidget(form)
    form.open_beside(QRect(430, 50, 530, 600))
    qtbot.waitUntil(form.isActiveWindow)
    qtbot.waitUntil(lambda: form.is_seen and form.decision.is_live)
    keys("1")
    row = form.disposition
    assert row.hasFocus()
    assert row.heightForWidth(row.width()) > row.heightForWidth(2 * row.width()), "it wraps"
    assert row.height() >= row.heightForWidth(row.width()), "no outcome is cut off"
    assert in_sight(form, row)
    for number, text in enumerate(texts, 1):
        keys(str(number))
        assert row.value() == text
    QTest.mouseClick(row, Qt.MouseButton.LeftButton, pos=QPoint(20, 12))
    QTest.mouseClick(row, Qt.MouseButton.LeftButton, pos=QPoint(20, row.height() - 12))
    assert row.value() == texts[-1]


CONFLICT = [
    ConflictRow(
        "status", "Status", ConflictValue("In progress"), ConflictValue("Done", "D"), ConflictValue("Returned")
    ),
    ConflictRow("place", "Place", ConflictValue("A"), ConflictValue(HOSTILE), ConflictValue("C")),
    ConflictRow(
        "unit", "Unit", ConflictValue("BMG-04"), None, ConflictValue("BMG-07"), False, "theirs", "Only the server"
    ),
]


def make_conflict(qtbot: QtBot) -> ConflictForm:
    theme = make_theme()
    form = ConflictForm(theme, make_symbols(theme), "Jalan rusak", "931164", "Both changed.", CONFLICT)
    open_form(qtbot, form)
    return form


def test_a_conflict_waits_for_the_last_choice(qtbot: QtBot) -> None:
    form = make_conflict(qtbot)
    keys("1")
    assert "Place" in form.why_not()
    with qtbot.assertNotEmitted(form.committed):
        QTest.keyClick(focus(), Qt.Key.Key_Return, CTRL)
    keys("2")
    form.grab()
    assert commit(qtbot, form) == {
        "choices": {"status": "mine", "place": "theirs"},
        "reason": "",
        "theirs": {"place": "C", "status": "Returned"},
    }


def test_a_conflict_can_be_left_with_its_choices_or_dropped(qtbot: QtBot) -> None:
    form = make_conflict(qtbot)
    keys("2")
    with qtbot.waitSignal(form.left) as left:
        keys(Qt.Key.Key_Escape)
    again = make_conflict(qtbot)
    again.set_values(left.args[0])
    assert [row.field for row in again.table.undecided()] == ["place"]
    with qtbot.waitSignal(again.dropped):
        qtbot.mouseClick(again.drop_button, Qt.MouseButton.LeftButton)
    assert not again.isVisible()


def test_both_values_of_a_conflict_are_read_in_full(qtbot: QtBot) -> None:
    values = [f"Dinas {name} Provinsi DKI Jakarta" for name in ("Kesehatan", "Bina Marga", "Sosial")]
    before, mine, theirs = (ConflictValue(text) for text in values)
    row = ConflictRow("agency", "Agency", before, mine, theirs)
    theme = make_theme()
    form = ConflictForm(theme, make_symbols(theme), "Jalan rusak", "931164", "Both changed.", [row])
    open_form(qtbot, form)
    form.grab()
    assert [" ".join(lines) for lines in form.table._lines[0]] == values
    assert form.table.height() > max(len(lines) for lines in form.table._lines[0]) * theme.line("body")


def test_no_column_of_a_conflict_is_cut_where_the_form_gets_less_room(qtbot: QtBot) -> None:
    """Between queue and report at 1920 the last column was cut: "Choose o", "1 to decide, 0"."""
    theme = make_theme()
    form = ConflictForm(theme, make_symbols(theme), "Jalan rusak", "931164", "Both changed.", CONFLICT)
    qtbot.addWidget(form)
    form.open_beside(QRect(0, 0, 700, 500))
    assert form.width() < 700
    assert form.table._lefts[-1] == form.table.width() <= form.width()
    assert form.height() >= form.table.height()


def test_a_conflict_in_the_room_of_a_small_screen_is_read_in_full(qtbot: QtBot) -> None:
    """At 1366 wide the two choices read "Cl os ed" and "As sig ne d", the field "Statu", the sentence half of it."""
    theme = make_theme()
    rows = [
        ConflictRow(
            "status", "Status", ConflictValue("New", "N"), ConflictValue("Closed without work", "X"),
            ConflictValue("Assigned", "A"),
        ),
        ConflictRow("unit", "Unit", ConflictValue("none"), None, ConflictValue("DMK-02"), False, "theirs", "No choice"),
    ]  # fmt: skip
    said = "ani changed Status at 02:03, and so did you. Both are kept until you decide what is to stand."
    title = "Air naik cepat di Gang Masjid, sudah 10 cm, ada lansia di lantai bawah"
    form = ConflictForm(theme, make_symbols(theme), title, "931272", said, rows)
    qtbot.addWidget(form)
    form.open_beside(QRect(0, 0, 524, 600))
    qtbot.waitUntil(form.isActiveWindow)
    assert form.width() <= 524
    assert form.table._lines[0] == [[], ["Closed without work"], ["Assigned"]]
    assert form.table._over == [["Status, before: New"], ["Unit, before: none · No choice"]]
    for label in (form._title, form._sentence):
        assert label.height() >= label.heightForWidth(label.width()), "it is whole"
        assert label.mapTo(form, label.rect().topRight()).x() < form.width()
    QTest.mouseClick(form.table, Qt.MouseButton.LeftButton, pos=QPoint(400, form.table._top(0) + 50))
    assert form.values()["choices"] == {"status": "theirs"}


@pytest.mark.parametrize("scale", [1.0, 1.5])
def test_a_conflict_is_no_wider_than_its_screen(qtbot: QtBot, scale: float) -> None:
    theme = make_theme(scale)
    form = ConflictForm(theme, make_symbols(theme), "Jalan rusak", "931164", "Both changed.", CONFLICT)
    open_form(qtbot, form)
    form.grab()
    assert form.width() <= form.screen().availableGeometry().width()


def test_the_sheet_of_keys_is_searched_by_typing(qtbot: QtBot) -> None:
    form = KeysSheet(make_theme(), [("Queue", "J", "Next report"), ("Report", "T", "Take"), ("Report", "N", "Note")])
    open_form(qtbot, form)
    keys("take")
    assert form.shown() == [("Report", "T", "Take")]
    form.grab()
    with qtbot.waitSignal(form.left):
        keys(Qt.Key.Key_Escape)


def test_the_sheet_of_keys_is_no_higher_than_its_room(qtbot: QtBot) -> None:
    """On a small screen it lay over the figures."""
    rows = [("Window", f"F{number}", f"what it does {number}") for number in range(60)]
    form = KeysSheet(make_theme(), rows)
    qtbot.addWidget(form)
    room = QRect(20, 64, 524, 600)
    form.open_beside(room)
    assert room.top() <= form.pos().y()
    assert form.height() <= room.height()


def test_the_keys_stand_in_fewer_columns_where_words_would_be_cut_and_move_by_keyboard(qtbot: QtBot) -> None:
    rows = [("Report", "T", f"Give the expired order again, number {number}") for number in range(60)]
    form = KeysSheet(make_theme(1.5), rows)
    open_form(qtbot, form)  # the screen here is 800 pixels wide
    assert len(form._sheet._columns) == 1
    keys(Qt.Key.Key_PageDown)
    assert form._scroll.verticalScrollBar().value() > 0
    keys(Qt.Key.Key_PageUp)
    assert form._scroll.verticalScrollBar().value() == 0


def test_a_heading_pushed_out_of_its_column_takes_no_column_of_its_own(qtbot: QtBot) -> None:
    """One line stood alone in a third column, and the words of the two others were cut for its sake."""
    theme = make_theme()
    # 14 lines in two columns of 7: the heading "Map" would be the seventh.
    rows = [("Report", "T", f"Take {number}") for number in range(5)]
    rows += [("Map", "*", "Look at the possible duplicates, two side by side") for _ in range(7)]
    form = KeysSheet(theme, rows)
    qtbot.addWidget(form)
    sheet = form._sheet
    for wide in (1000, 900, 400):
        sheet.resize(wide, 400)
        sheet.set_rows(rows)
        columns = sheet._columns
        assert len(columns) == sheet._across() == (2 if wide >= 900 else 1)
        assert all(column[-1][0] for column in columns), "a heading stands over what it is of"
        assert sum(len(column) for column in columns) == len(rows) + 2
    room = 900 // 2 - theme.px(92 + 16)
    assert QFontMetrics(theme.font("dense")).horizontalAdvance(rows[-1][2]) < room, "nothing is cut"


@pytest.mark.parametrize("scale", [0.8, 1.25])
def test_hostile_text_is_shown_as_it_is_at_every_size(qtbot: QtBot, scale: float) -> None:
    form = AskText(make_theme(scale), HOSTILE, HOSTILE, [(HOSTILE, HOSTILE)])
    open_form(qtbot, form)
    labels = form.findChildren(QLabel)
    assert labels
    assert all(label.textFormat() is Qt.TextFormat.PlainText for label in labels)
    QTest.keyClick(focus(), Qt.Key.Key_1, Qt.KeyboardModifier.AltModifier)
    assert "<b>bold</b>" in form.values()["text"]
    form.grab()


def test_a_text_longer_than_a_server_takes_is_not_committed(qtbot: QtBot) -> None:
    form = AskText(make_theme(), "Note")
    open_form(qtbot, form)
    form.field.setPlainText("x" * (MOST_LETTERS - 1))
    assert form._why.text() == "19,999 of 20,000 letters"
    form.field.setPlainText("x" * (MOST_LETTERS + 12))
    assert form._why.text() == "Note is too long by 12: 20,000 letters at most"
    with qtbot.assertNotEmitted(form.committed):
        QTest.keyClick(focus(), Qt.Key.Key_Return, CTRL)
    form.field.setPlainText("x" * MOST_LETTERS)
    assert commit(qtbot, form) == {"text": "x" * MOST_LETTERS}


def test_a_web_map_needs_an_address_that_can_be_used_and_whose_it_is(qtbot: QtBot) -> None:
    form = open_form(qtbot, WebMapForm(make_theme(), lambda address: "" if "{z}" in address else "No {z} in it."))
    assert form.why_not() == "", "no address: none is allowed"
    form.address.setText("https://maps.example.org/")
    assert (form.why_not(), form.held_up_by()) == ("No {z} in it.", form.address)
    form.address.setText(" https://maps.example.org/{z}/{x}/{y} ")
    for field, text in ((form.name, "Aerial"), (form.attribution, "© Makers")):
        assert form.held_up_by() is field
        assert form.why_not()
        field.setText(text)
    for text in ("", "0", "23", "x", "1e1"):
        form.max_zoom.setText(text)
        assert form.held_up_by() is form.max_zoom
        assert form.why_not()
    form.max_zoom.setText("18")
    assert commit(qtbot, form) == {
        "address": "https://maps.example.org/{z}/{x}/{y}",
        "name": "Aerial",
        "attribution": "© Makers",
        "rules": "",
        "max_zoom": 18,
    }
