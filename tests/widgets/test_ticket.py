"""The report panel: what it shows, what its keys ask for, and that a report's own words stay words."""

from __future__ import annotations

import dataclasses
import time
from typing import Any

import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, Qt
from PySide6.QtGui import QColor, QImage, QKeyEvent, QMouseEvent, QPainter, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication, QWidget
from pytestqt.qtbot import QtBot

from widgets.__main__ import SECTION_KEYS, ticket
from widgets.key_repeats import LOOK_S, TWICE_S
from widgets.photos import PhotoCard, PhotoPair, PhotoViewer
from widgets.symbols import Symbols
from widgets.text import Texts
from widgets.theme import Theme
from widgets.ticket.panel import TicketPanel
from widgets.ticket.timeline import Timeline
from widgets.ticket.values import ActionButton, AdviceRow, StepRow, Strip, Ticket, TimelineRow


@pytest.fixture
def panel(qtbot: QtBot, themed: Theme, symbols: Symbols) -> TicketPanel:
    panel = TicketPanel(themed, symbols, panel_key="Ctrl 4", section_keys=SECTION_KEYS)
    qtbot.addWidget(panel)
    panel.resize(480, 964)
    panel.set_empty("No report chosen", "Choose one in the queue.", [("/", "928214")])
    panel.show()
    return panel


def changed(**changes: object) -> Ticket:
    return dataclasses.replace(ticket(), **changes)  # type: ignore[arg-type]


def test_a_report_comes_and_goes(qtbot: QtBot, panel: TicketPanel) -> None:
    assert panel._middle.currentWidget() is panel._empty
    panel.set_ticket(ticket())
    assert panel._middle.currentWidget() is not panel._empty
    assert panel._text.toPlainText().startswith("Saluran mampet")
    panel.set_ticket(None)
    assert panel._middle.currentWidget() is panel._empty


def test_the_action_bar_stays_in_sight_whatever_the_report_holds(qtbot: QtBot, panel: TicketPanel) -> None:
    rows = [TimelineRow("20 Jan 14:06", f"Entry {n}", "solid", 0) for n in range(300)]
    panel.set_ticket(changed(timeline=rows, text="word " * 2000))
    QApplication.processEvents()
    bar = panel._actions
    assert bar.mapTo(panel, bar.rect().bottomLeft()).y() == panel.height() - 1
    assert panel._scroll.verticalScrollBar().maximum() > 0
    panel._scroll.verticalScrollBar().setValue(500)
    panel.set_ticket(changed(timeline=rows, text="word " * 2000, holder="Taken by you 0:53"))
    assert panel._scroll.verticalScrollBar().value() == 500
    panel.set_ticket(changed(number="1"))
    assert panel._scroll.verticalScrollBar().value() == 0


def test_enter_on_a_strip_does_what_it_asks_for(qtbot: QtBot, panel: TicketPanel) -> None:
    panel.set_ticket(changed(strips=[Strip("not_sent", "NOT SENT: tell SDA-11 by radio", "R", "told")]))
    (button,) = panel._strips.findChildren(QAbstractButton)
    with qtbot.waitSignal(panel.strip_action) as asked:
        QTest.keyClick(button, Qt.Key.Key_Return)
    assert asked.args == ["told"]


def test_actions_speak_and_blocked_ones_say_why(qtbot: QtBot, panel: TicketPanel) -> None:
    panel.set_ticket(ticket())
    button = panel._actions.button("dispatch")
    assert button is not None
    with qtbot.waitSignal(panel.action) as told:
        button.click()
    assert told.args == ["dispatch"]
    blocked = ActionButton("close", "Close", "X", filled=True, enabled=False, why_not="needs an after photo")
    panel.set_ticket(changed(actions=[blocked]))
    button = panel._actions.button("close")
    assert button is not None
    assert not button.isEnabled()
    assert button.why_not == "needs an after photo"
    with qtbot.assertNotEmitted(panel.action):
        button.click()


def test_enter_is_the_filled_button_while_the_panel_hears_it_and_a_held_or_bounced_key_is_not(
    qtbot: QtBot, themed: Theme, symbols: Symbols
) -> None:
    now_s = 0.0
    panel = TicketPanel(themed, symbols, panel_key="Ctrl 4", section_keys=SECTION_KEYS, steady_s=lambda: now_s)
    qtbot.addWidget(panel)
    panel.resize(480, 800)
    panel.show()
    panel.activateWindow()
    qtbot.waitUntil(panel.isActiveWindow)
    go = ActionButton("dispatch", "Dispatch SDA-07", "Ctrl+D", filled=True, enabled=True, why_not="")
    hold = ActionButton("hold", "Hold", "H", filled=False, enabled=True, why_not="")
    panel.set_ticket(changed(actions=[go, hold]))
    button, other = panel._actions.button("dispatch"), panel._actions.button("hold")
    assert button is not None
    assert other is not None
    width = button.sizeHint().width()
    for away in (panel._advice, other):
        away.setFocus()
        assert not button.is_filled
    with qtbot.waitSignal(panel.action) as told:
        qtbot.keyClick(other, Qt.Key.Key_Return)
    assert told.args == ["hold"], "a button with the keyboard is what Enter does"
    panel.setFocus()
    assert button.is_filled
    assert button.sizeHint().width() == width, "nothing moves when it is filled"
    with qtbot.waitSignal(panel.action) as told:
        qtbot.keyClick(panel._scroll, Qt.Key.Key_Return)
    assert told.args == ["dispatch"]
    held = QKeyEvent(QKeyEvent.Type.KeyPress, Qt.Key.Key_Return, Qt.KeyboardModifier.NoModifier, "\r", autorep=True)
    next_step = ActionButton("en_route", "SDA-07 en route", "E", filled=True, enabled=True, why_not="")
    panel.set_ticket(changed(actions=[next_step]))
    with qtbot.assertNotEmitted(panel.action):
        qtbot.keyClick(panel._scroll, Qt.Key.Key_Return)  # bounced: the step that stands there now is another one
        now_s += LOOK_S - 0.1
        QApplication.sendEvent(panel._scroll, held)
        now_s += 0.05
        qtbot.keyClick(panel._scroll, Qt.Key.Key_Return)
    assert panel._actions.button("en_route").is_filled is False, "its cap is drawn where Enter does it"
    with qtbot.assertNotEmitted(panel.action):
        for _ in range(10):
            now_s += 0.12
            qtbot.keyClick(panel._scroll, Qt.Key.Key_Return)  # who goes on striking does not look
    now_s += TWICE_S
    with qtbot.waitSignal(panel.action) as told:
        qtbot.keyClick(panel._scroll, Qt.Key.Key_Return)
    assert told.args == ["en_route"]
    now_s += 1
    panel.set_ticket(changed(actions=[dataclasses.replace(next_step, enabled=False, why_not="Not now")]))
    with qtbot.assertNotEmitted(panel.action):
        qtbot.keyClick(panel._scroll, Qt.Key.Key_Return)


def test_buttons_without_room_go_behind_one(qtbot: QtBot, panel: TicketPanel) -> None:
    panel.set_ticket(ticket())
    panel.resize(360, 700)
    QApplication.processEvents()
    assert panel._actions._more.isVisible()
    assert panel._actions._buttons[0].isVisible()
    edges = [b.geometry() for b in (*panel._actions._buttons, panel._actions._more) if b.isVisible()]
    assert all(not one.intersects(other) for n, one in enumerate(edges) for other in edges[n + 1 :])


def test_recommended_units_are_chosen_by_key_and_never_by_one_click(qtbot: QtBot, panel: TicketPanel) -> None:
    panel.set_ticket(ticket())
    panel.focus_advice()
    with qtbot.assertNotEmitted(panel.advice_chosen):
        qtbot.mouseClick(panel._advice, Qt.MouseButton.LeftButton)
    with qtbot.waitSignal(panel.advice_chosen) as told:
        qtbot.keyClick(panel._advice, Qt.Key.Key_2)
    assert told.args == ["u2"]
    qtbot.keyClick(panel._advice, Qt.Key.Key_Down)
    with qtbot.waitSignal(panel.advice_chosen) as told:
        qtbot.keyClick(panel._advice, Qt.Key.Key_Return)
    assert told.args == ["u3"]
    panel.set_ticket(changed(advice=[], advice_empty="No crew with a pump is on shift"))
    assert panel._advice_empty.isVisible()
    assert not panel._advice.isVisible()


def test_steps_are_ticked_by_key_and_never_those_of_another_report(qtbot: QtBot, panel: TicketPanel) -> None:
    panel.set_ticket(ticket())
    told: list[str] = []
    panel.step_chosen.connect(told.append)
    panel.focus_steps()
    qtbot.keyClick(panel._steps, Qt.Key.Key_Return)
    qtbot.keyClick(panel._steps, Qt.Key.Key_3)
    assert told == [ticket().steps[1].words, ticket().steps[2].words], "it begins on the first that is not done"
    panel.step_taken_back.connect(told.append)
    qtbot.keyClick(panel._steps, Qt.Key.Key_Delete)  # where nothing is done yet
    qtbot.keyClick(panel._steps, Qt.Key.Key_Up)
    qtbot.keyClick(panel._steps, Qt.Key.Key_Delete)
    assert told[2:] == [ticket().steps[0].words]
    panel.set_ticket(changed(steps=[StepRow("Call the army"), *ticket().steps]))  # a colleague has raised its priority
    assert not panel._steps.hasFocus()
    panel.set_ticket(ticket())
    panel.focus_steps()
    panel.set_ticket(changed(number="931299"))
    assert not panel._steps.hasFocus()
    panel.compact = True
    assert not panel._steps.isVisible()
    assert "1 of 3 steps" in panel._lead.accessibleName()
    panel.focus_steps()
    assert panel._steps.isVisible()
    order = StepRow("Send the pump crew in, but only after the power company has said that the street is without")
    panel.set_ticket(changed(steps=[StepRow("Call back")]))
    line = panel._steps.height()
    panel.set_ticket(changed(steps=[order]))
    assert panel._steps.height() > line, "the end of an order may turn it round"
    told.clear()
    QTest.mouseClick(panel._steps, Qt.MouseButton.LeftButton, pos=QPoint(100, panel._steps.height() - 2))
    assert told == [order.words]
    high = panel._steps.height()
    panel.set_ticket(changed(steps=[dataclasses.replace(order, done="rina 13:15")]))
    assert panel._steps.height() == high, "nothing moves under who ticks"
    panel.set_ticket(changed(steps=[]))
    assert not panel._card_head.isVisible()


def test_the_mark_stays_on_its_unit_when_the_list_changes(qtbot: QtBot, panel: TicketPanel) -> None:
    """It stayed on the place, and Enter sent the unit that had just come to it."""
    panel.set_ticket(ticket())
    told: list[str] = []
    panel.advice_chosen.connect(told.append)
    first, second, third = ticket().advice
    panel.focus_advice()
    qtbot.keyClick(panel._advice, Qt.Key.Key_Down)
    nearer = dataclasses.replace(first, id="u9", code="SDA-99")
    panel.set_ticket(changed(advice=[nearer, first, second]))
    qtbot.keyClick(panel._advice, Qt.Key.Key_Return)
    assert told == [second.id]
    panel.focus_advice()
    qtbot.keyClick(panel._advice, Qt.Key.Key_Return)
    assert told.pop() == nearer.id, "it begins on the first one"
    panel.focus_advice()
    qtbot.keyClick(panel._advice, Qt.Key.Key_Down)
    panel.set_ticket(changed(number="931299", advice=[third, first, second]))
    qtbot.keyClick(panel._advice, Qt.Key.Key_Return)
    assert told.pop() == third.id, "of another report too"


def test_one_enter_sends_one_unit(qtbot: QtBot, panel: TicketPanel) -> None:
    """A key held down, or struck again while the list moves up, would send the next crew too."""
    panel.set_ticket(ticket())
    told: list[str] = []
    panel.advice_chosen.connect(told.append)
    panel.focus_advice()
    for held in (Qt.Key.Key_Return, Qt.Key.Key_1):
        text = "\r" if held is Qt.Key.Key_Return else "1"
        again = QKeyEvent(QKeyEvent.Type.KeyPress, held, Qt.KeyboardModifier.NoModifier, text, autorep=True)
        QApplication.sendEvent(panel._advice, again)
    assert told == []
    QTest.keyClick(panel._advice, Qt.Key.Key_Return)
    focus = QApplication.focusWidget()
    assert focus is panel._scroll
    assert told == ["u1"]


def test_a_double_click_on_a_verb_is_one(qtbot: QtBot, panel: TicketPanel) -> None:
    """The first click changes what the button says: the second would record a step that nobody has taken."""
    panel.set_ticket(ticket())
    told: list[str] = []
    panel.action.connect(told.append)
    button = panel._actions._buttons[0]
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    place, left = QPointF(button.rect().center()), Qt.MouseButton.LeftButton
    for kind in (QEvent.Type.MouseButtonDblClick, QEvent.Type.MouseButtonRelease):
        second = QMouseEvent(kind, place, button.mapToGlobal(place), left, left, Qt.KeyboardModifier.NoModifier)
        QApplication.sendEvent(button, second)
    assert told == ["dispatch"]


def test_duplicates_open_and_strips_ask(qtbot: QtBot, panel: TicketPanel) -> None:
    strips = [Strip("not_sent", "NOT SENT: tell SDA-11 by radio", "R", "told:e1"), Strip("hold", "Waits", "", "")]
    panel.set_ticket(changed(strips=strips))
    QApplication.processEvents()
    first = panel._strips._column.itemAt(0).widget()
    with qtbot.waitSignal(panel.strip_action) as told:
        qtbot.keyClick(first, Qt.Key.Key_Return)
    assert told.args == ["told:e1"]
    with qtbot.waitSignal(panel.duplicate_opened) as opened:
        qtbot.keyClick(panel._duplicates, Qt.Key.Key_1)
    assert opened.args == [1]
    panel.set_ticket(ticket())
    assert panel._strips.isHidden()


@pytest.mark.parametrize("why", ["same words", "same kind", "within 100 m"])
def test_why_something_may_be_a_duplicate_is_not_cut(qtbot: QtBot, panel: TicketPanel, why: str) -> None:
    panel.set_ticket(changed(duplicates=[dataclasses.replace(row, why=why) for row in ticket().duplicates]))
    assert panel._duplicates._column("why", 0, 116) >= panel._duplicates._texts.width(why, "dense")


def test_a_long_history_is_laid_out_piece_by_piece(
    qtbot: QtBot, themed: Theme, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All at once 5,000 entries held the window up for a fifth of a second, with each new one again."""
    whole, pieces = Timeline(themed, Texts(themed)), Timeline(themed, Texts(themed))
    for one in (whole, pieces):
        qtbot.addWidget(one)
        one.resize(360, 100)
    laid_out: list[str] = []

    def one_line(text: str, *_: Any) -> str:
        laid_out.append(text)
        return text

    monkeypatch.setattr("widgets.ticket.timeline.one_line", one_line)
    rows = [TimelineRow("20 Jan 14:06", f"Entry {n} " + "water " * (n % 20), "solid", 0) for n in range(1000)]
    pieces.set_rows(rows)
    assert len(laid_out) < 120
    qtbot.waitUntil(lambda: len(pieces._lines) == 1000)
    with monkeypatch.context() as at_once:
        at_once.setattr("widgets.ticket.timeline._AT_ONCE", 1000)
        whole.set_rows(rows)
    assert (pieces._lines, pieces._tops, pieces.height()) == (whole._lines, whole._tops, whole.height())
    laid_out.clear()
    pieces.set_rows([TimelineRow("20 Jan 14:07", "One more", "solid", 0), *rows])
    assert len(laid_out) == 2, "its name for screen readers and the new entry"
    assert len(pieces._lines) == 1001


def test_compact_folds_duplicates_and_timeline(qtbot: QtBot, panel: TicketPanel) -> None:
    panel.set_ticket(ticket())
    assert panel._duplicates.isVisible()
    panel.compact = True
    assert not panel._duplicates.isVisible()
    assert not panel._timeline.isVisible()
    qtbot.mouseClick(panel._timeline_head, Qt.MouseButton.LeftButton)
    assert panel._timeline.isVisible()
    panel.unfold("duplicates")
    assert panel._duplicates.isVisible()
    panel.compact = False
    assert panel._timeline.isVisible()


@pytest.mark.parametrize(
    "text",
    [
        "<img src='file:///etc/passwd'><script>alert(1)</script>",
        "\u202eright to left\u202c \u0627\u0644\u0633\u064a\u0648\u0644",
        "nul\0and\nbreaks\r\n",
        "x" * 1_000_000,
        "w " * 500_000,
        "\ud83d lone surrogate",
    ],
    ids=["html", "bidi", "nul", "long word", "long text", "surrogate"],
)
def test_hostile_texts_stay_plain_and_quick(qtbot: QtBot, panel: TicketPanel, text: str) -> None:
    hostile = changed(
        number=text,
        holder=text,
        title=text,
        priority_text=text,
        status_text=text,
        letter=text,
        text=text,
        facts=[(text, text, text)],
        meta=[text, text],
        strips=[Strip("conflict", text, "R", "x")],
        photos=[PhotoCard("a", text, text, None, text)],
        advice=[AdviceRow("u", text, text, text, text, text, stale=True)],
        duplicates=[dataclasses.replace(ticket().duplicates[0], number=text, text=text, why=text)],
        timeline=[TimelineRow(text, text, "solid", 1)],
        actions=[ActionButton("a", text, "", filled=True, enabled=False, why_not=text)],
    )
    started = time.thread_time()  # what others do on the machine meanwhile is not the ticket's
    panel.set_ticket(hostile)
    QApplication.processEvents()
    assert not panel.grab().isNull()
    assert time.thread_time() - started < 2
    shown = panel._text.toPlainText()
    assert len(shown) <= 6001
    assert "\0" not in shown
    if text.startswith("<img"):
        assert shown == text
        assert panel._text.document().allFormats()[0].isValid()


def test_a_second_costs_little(qtbot: QtBot, panel: TicketPanel) -> None:
    panel.set_ticket(ticket())
    QApplication.processEvents()
    times = []
    for second in range(20):
        now = changed(holder=f"Taken by you 0:{second:02d}")
        started = time.thread_time()
        panel.set_ticket(now)
        QApplication.processEvents()
        times.append(time.thread_time() - started)
    assert sorted(times)[len(times) // 2] < 0.010


def picture(color: Qt.GlobalColor, width: int = 300, height: int = 200) -> QImage:
    image = QImage(width, height, QImage.Format.Format_RGB32)
    image.fill(color)
    return image


def cards() -> list[PhotoCard]:
    return [
        PhotoCard("a", "Before", "14 Jan", picture(Qt.GlobalColor.blue)),
        PhotoCard("b", "Before", "15 Jan", None),
        PhotoCard("c", "After", "17 Jan", picture(Qt.GlobalColor.green, 90, 400), "taken 1.9 km away"),
    ]


def test_photos_stand_side_by_side_at_equal_size(qtbot: QtBot, themed: Theme) -> None:
    pair = PhotoPair(themed)
    qtbot.addWidget(pair)
    pair.resize(448, 200)
    pair.set_cards(cards(), "R")
    pair.show()
    left, right = pair.boxes()
    assert left.size() == right.size()
    assert (left.left(), right.right()) == (0, 447)
    image = pair.grab().toImage()
    assert image.pixelColor(left.center().x(), left.top() + 30) == Qt.GlobalColor.blue
    assert image.pixelColor(right.center().x(), right.top() + 30) == Qt.GlobalColor.green
    assert image.pixelColor(right.left(), right.top() + 20) == themed.color("status.returned")
    assert image.pixelColor(left.left(), left.top() + 20) != themed.color("status.returned")
    with qtbot.waitSignal(pair.photo_opened) as opened:
        qtbot.keyClick(pair, Qt.Key.Key_Return)
    assert opened.args == ["a"]
    qtbot.keyClick(pair, Qt.Key.Key_Down)
    assert pair.current_id() == "b"
    qtbot.keyClick(pair, Qt.Key.Key_Right)
    assert pair.current_id() == "c"


@pytest.mark.parametrize(("width", "height"), [(480, 964), (420, 634), (420, 560), (900, 640)])
@pytest.mark.parametrize("photos", [1, 2])
def test_a_photo_is_seen_whole_and_large_and_what_is_decided_stays(
    qtbot: QtBot, panel: TicketPanel, width: int, height: int, photos: int
) -> None:
    picture = QImage(400, 300, QImage.Format.Format_RGB32)
    picture.fill(Qt.GlobalColor.red)
    painter = QPainter(picture)
    painter.fillRect(8, 8, 384, 284, QColor(Qt.GlobalColor.blue))
    painter.end()
    panel.resize(width, height)
    names = ["Before", "After"][:photos]
    panel.set_ticket(changed(photos=[PhotoCard(name, name, "15 Jan", picture) for name in names]))
    pair = panel._photos
    qtbot.waitUntil(lambda: pair.height() > 90)
    image = pair.grab().toImage()
    for box in pair.boxes():
        column = [image.pixelColor(box.center().x(), y) for y in range(box.top(), box.bottom())]
        red = [y for y, color in enumerate(column) if color.red() > 200 and color.blue() < 80]
        assert red[0] <= 6, "its upper edge"
        assert red[-1] - red[0] >= min(100, 0.16 * height), "down to its lower one"
        assert any(color.blue() > 200 and color.red() < 80 for color in column), "and what is between"
    assert pair.height() <= 0.36 * height
    assert panel._actions.isVisible()
    assert panel._actions.geometry().bottom() <= panel.height()


@pytest.mark.parametrize(("width", "height"), [(420, 634), (420, 572)])
def test_the_recommended_unit_is_read_beside_a_photo(qtbot: QtBot, panel: TicketPanel, width: int, height: int) -> None:
    """At 1366 with a strip above it the unit that Ctrl+D sends was cut in half, below a large photo."""
    panel.compact = True
    panel.resize(width, height)
    text = "Rumah warga RT 10 terendam 50 cm sejak subuh. Lokasi Gang Nangka 3, RW 13."
    facts = [("Place", "Gang Nangka 3, RW 13", "Kembangan Utara, Kembangan"), ("Coordinates", "-6.2, 106.7", ""),
             ("Reported", "30 Nov 02:10 through X", "reporter hidden")]  # fmt: skip
    photo = PhotoCard("a", "Before", "15 Jan", picture(Qt.GlobalColor.blue, 400, 300))
    panel.set_ticket(changed(photos=[photo], text=text, facts=facts, strips=[]))
    page = panel._advice.parentWidget()
    qtbot.waitUntil(
        lambda: page.height() >= page.sizeHint().height() and panel._advice.y() > panel._photos_row.y() > 200
    )
    assert panel._photos.height() >= 72 + 22
    assert panel._advice.y() + 40 <= panel._scroll.viewport().height()


def test_a_small_panel_under_alarm_and_strip_still_shows_the_unit_that_is_sent(
    qtbot: QtBot, panel: TicketPanel
) -> None:
    """At 1366 a flooded P1 with the alarm above and the visitor's strip below showed the heading of the units only."""
    panel.compact = True
    panel.resize(420, 546)
    text = "Kami terjebak banjir di gang Delima 4 masuk dr pos ronda RT 12/02, air 85 cm."
    facts = [("Place", "Gang Delima 4 No. 17, Kebon Baru (invented)", "Kebon Baru, Tebet"),
             ("Coordinates", "-6.23464, 106.86055", ""), ("Reported", "1 Dec 14:44", "hidden")]  # fmt: skip
    photo = PhotoCard("a", "Before", "15 Jan", picture(Qt.GlobalColor.blue, 400, 300))
    words = "Lies inside the flooded area “Banjir 85 cm, semua kendaraan dialihkan”, until it is ended"
    strip = Strip("closure", words, "", "")
    panel.set_ticket(changed(photos=[photo], text=text, facts=facts, strips=[strip], lesser_facts=["Coordinates"]))
    page = panel._advice.parentWidget()
    qtbot.waitUntil(
        lambda: page.height() >= page.sizeHint().height() and panel._advice.y() > panel._photos_row.y() > 200
    )
    assert panel._advice.y() + 40 <= panel._scroll.viewport().height()


def test_a_photo_that_waits_for_the_server_is_no_alarm(qtbot: QtBot, themed: Theme) -> None:
    pair = PhotoPair(themed)
    qtbot.addWidget(pair)
    pair.resize(448, 200)
    pair.set_cards([PhotoCard("a", "Before", "", waits="Not here yet."), PhotoCard("c", "After", "", problem="Torn.")])
    pair.show()
    left, right = pair.boxes()
    image = pair.grab().toImage()
    assert image.pixelColor(right.left(), right.top() + 20) == themed.color("status.returned")
    assert image.pixelColor(left.left(), left.top() + 20) == themed.color("border.divider")
    assert pair.accessibleName() == "Before Not here yet., After Torn."


def test_the_viewer_says_which_photo_of_its_kind_it_is_and_the_whole_of_what_is_wrong(
    qtbot: QtBot, themed: Theme
) -> None:
    why = "2 d before the report was made, so it cannot show the finished work at this place"
    viewer = PhotoViewer(themed)
    qtbot.addWidget(viewer)
    viewer.resize(640, 480)
    viewer.show_cards([*cards()[:2], dataclasses.replace(cards()[2], problem=why)], "b", compare=True)
    picture = viewer._picture
    assert picture.accessibleName() == f"Before 2 of 2 15 Jan, After 17 Jan {why}"
    drawn: list[str] = []
    picture._texts.draw = lambda *args, **_: drawn.append(str(args[3])) or 0.0  # type: ignore[assignment, func-returns-value]
    picture.grab()
    assert "Before 2 of 2" in drawn
    assert " ".join(line for line in drawn if line and line in why) == why, "in lines, none of them cut"


def test_the_viewer_shows_both_photos_at_one_scale_and_from_one_place(qtbot: QtBot, themed: Theme) -> None:
    def half(color: Qt.GlobalColor, wide: int, high: int) -> QImage:
        """This colour at the left, black at the right."""
        image = picture(Qt.GlobalColor.black, wide, high)
        painter = QPainter(image)
        painter.fillRect(0, 0, wide // 2, high, QColor(color))
        painter.end()
        return image

    viewer = PhotoViewer(themed)
    qtbot.addWidget(viewer)
    viewer.resize(820, 500)
    viewer.show_cards(
        [
            PhotoCard("a", "Before", "15 Jan", half(Qt.GlobalColor.blue, 400, 300)),
            PhotoCard("b", "After", "17 Jan", half(Qt.GlobalColor.green, 1200, 900)),
        ],
        "b",
        compare=True,
    )
    shown = viewer._picture

    def parts() -> list[float]:
        """How much of each photo's width has its colour."""
        image = shown.grab().toImage()
        found = []
        for number in range(2):
            box = shown._fitted(number)
            row = [image.pixelColor(x, box.center().y()) for x in range(box.left(), box.right())]
            found.append(sum(color.value() > 60 for color in row) / len(row))
        return found

    assert parts() == pytest.approx([0.5, 0.5], abs=0.02)
    qtbot.keyClick(viewer, Qt.Key.Key_Plus)
    assert shown.scale == 1.5
    for _ in range(5):
        qtbot.keyClick(viewer, Qt.Key.Key_Left, Qt.KeyboardModifier.ShiftModifier)
    assert shown.middle() == pytest.approx((1 / 3, 0.5)), "not beyond the edge"
    assert parts() == pytest.approx([0.75, 0.75], abs=0.02)
    assert viewer.shown_ids() == ["a", "b"], "arrows alone go to another photo"
    at = shown._fitted(1).center() + QPoint(60, 0)
    under = shown._part_at(QPointF(at))
    turn = QWheelEvent(
        QPointF(at), QPointF(shown.mapToGlobal(at)), QPoint(), QPoint(0, 120), Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(shown, turn)
    assert shown.scale == 2.25
    after = shown._part_at(QPointF(at))
    assert under is not None
    assert after is not None
    assert (after.x(), after.y()) == pytest.approx((under.x(), under.y())), "what is under the pointer stays there"
    qtbot.keyClick(viewer, Qt.Key.Key_0)
    assert parts() == pytest.approx([0.5, 0.5], abs=0.02)
    with qtbot.waitSignal(viewer.closed):
        qtbot.keyClick(viewer, Qt.Key.Key_Escape)


def test_photos_that_lie_beside_while_the_window_has_the_keyboard_show_no_key(qtbot: QtBot, themed: Theme) -> None:
    window, viewer = QWidget(), PhotoViewer(themed)
    for one in (window, viewer):
        qtbot.addWidget(one)
        one.resize(640, 480)
    window.show()
    viewer.show_cards(cards(), "c")
    viewer.activateWindow()
    qtbot.waitUntil(viewer.isActiveWindow)

    def caps() -> QImage:
        return viewer.grab(QRect(0, 480 - themed.px(28), themed.px(60), themed.px(28))).toImage()

    with_keyboard = caps()
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    assert caps() != with_keyboard
    viewer.activateWindow()
    qtbot.waitUntil(viewer.isActiveWindow)
    assert caps() == with_keyboard


def test_the_viewer_walks_compares_and_closes(qtbot: QtBot, themed: Theme) -> None:
    viewer = PhotoViewer(themed)
    qtbot.addWidget(viewer)
    viewer.show_cards(cards(), "c")
    assert viewer.shown_ids() == ["c"]
    qtbot.keyClick(viewer, Qt.Key.Key_F)
    assert viewer.shown_ids() == ["a", "c"]
    qtbot.keyClick(viewer, Qt.Key.Key_F)
    qtbot.keyClick(viewer, Qt.Key.Key_Right)
    assert viewer.shown_ids() == ["a"]
    assert not viewer.grab().isNull()
    qtbot.keyClick(viewer, Qt.Key.Key_Escape)
    assert not viewer.isVisible()


def test_enter_on_a_photo_opens_the_viewer(qtbot: QtBot, panel: TicketPanel) -> None:
    panel.set_ticket(ticket())
    with qtbot.waitSignal(panel.photo_opened):
        qtbot.keyClick(panel._photos, Qt.Key.Key_Return)
    viewer = panel.viewer()
    assert viewer is not None
    assert viewer.isVisible()
    viewer.close()
    qtbot.mouseClick(panel._photos_head, Qt.MouseButton.LeftButton)
    assert viewer.shown_ids() == ["a", "c"]
    viewer.close()


def test_a_long_place_goes_on_in_the_next_line_and_is_not_cut(qtbot: QtBot, panel: TicketPanel) -> None:
    panel.resize(420, 964)
    kept = [("Place", "Jl. Raya Tanjung Duren Selatan, RW 05, depan pasar", "Tanjung Duren Selatan, Grogol Petamburan"),
            ("Reported", "14 Jan 16:09 through JAKI", "reporter hidden")]  # fmt: skip
    panel.set_ticket(changed(facts=kept))
    QApplication.processEvents()
    facts = panel._facts
    drawn: list[tuple[str, float]] = []
    draw = facts._texts.draw

    def spy(painter: QPainter, x: float, top: float, text: str, *args: Any, **more: Any) -> float:
        taken = draw(painter, x, top, text, *args, **more)
        assert x + taken <= facts.width()
        assert taken >= facts._texts.width(text, "dense") - 1
        drawn.append((text, top))
        return taken

    facts._texts.draw = spy  # type: ignore[method-assign]
    facts.grab()
    facts._texts.draw = draw  # type: ignore[method-assign]
    said = " ".join(text.strip(" ·") for text, _ in drawn if text)
    assert said == " ".join(" ".join(fact) for fact in kept)
    assert max(top for _, top in drawn) + panel._theme.px(20) <= facts.height()
