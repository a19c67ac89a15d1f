"""Every key that a form shows does something in that form."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from api_client.model import Status
from console.panels.forms.forms import FormSurroundings
from tests.helpers.city import Served, console, served, wait_for, write_users
from tests.helpers.hands import CTRL, NONE, SHIFT, find, form, key, strike, wait_ready
from widgets import keys
from widgets.forms.fields import Segments

pytestmark = pytest.mark.usefixtures("qapp")


class Case(NamedTuple):
    """The key of a form, on what it is opened, what is typed into it, and the least that it shows then."""

    code: str
    modifier: Qt.KeyboardModifier
    tab: str
    words: str
    least: set[str]
    fits: Callable[[Any], bool] = lambda _: True


FORMS = {
    "note": Case("N", NONE, "open", "lubang", {"Esc", "Ctrl ↵"}),
    "reply": Case("P", NONE, "open", "", {"Esc", "↵"}),
    "hold": Case("H", NONE, "open", "", {"1", "2", "3", "4", "Esc"}, lambda now: not now.on_hold),
    "close": Case("X", NONE, "unassigned", "", {"1", "2", "3", "Esc"}),
    "merge": Case("D", NONE, "open", "", {"1", "S", "Esc"}, lambda now: now.duplicate),
    "validate": Case("V", SHIFT, "validate", "", {"1", "2", "Esc"}, lambda now: now.status is Status.VALIDATION),
    "category": Case("C", NONE, "open", "lubang", {"Esc", "↵"}),
    "place": Case("L", NONE, "open", "", {"Ctrl M", "Esc", "Ctrl ↵"}),
    "transfer": Case("W", NONE, "open", "", {"Esc", "↵"}),
    "telephone": Case("N", CTRL, "open", "", {"Ctrl M", "Esc"}),
}


@pytest.fixture(scope="module")
def window(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    folder = tmp_path_factory.mktemp("form-keys")
    users = str(write_users(folder))
    with served(folder, "--demo-city", "--still", "--reports", "500", "--users", users) as city:
        serve: Served = city
        with console(folder / "profile", serve.address, size=(1920, 1080)) as window:
            wait_ready(window)
            flash = QApplication.cursorFlashTime()
            QApplication.setCursorFlashTime(0)
            yield window
            QApplication.setCursorFlashTime(flash)


class Caps:
    """The caps that are drawn where their key is heard, and on what."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._drawn: list[tuple[QWidget, str]] = []
        heard = keys.is_heard

        def spied(widget: QWidget, cap: str) -> bool:
            found = heard(widget, cap)
            if found and cap:
                self._drawn.append((widget, cap))
            return found

        monkeypatch.setattr(keys, "is_heard", spied)

    def of(self, opened: QWidget) -> list[str]:
        """Those that a form shows now, without the dashed ones of blocked buttons."""
        self._drawn.clear()
        opened.grab()
        return list(dict.fromkeys(cap for widget, cap in self._drawn if widget.isEnabled()))


def open_form(window: Any, case: Case) -> Any:
    """The form on the next report that fits, once all that it shows by itself is there."""
    if (opened := QApplication.activeWindow()) not in (None, window.window):
        opened.close()
    window.forms.close_open()
    find(window, case.tab, case.fits)
    wait_for(lambda: window.forms.is_open is False, what="the form before has gone")
    key(window, case.code, case.modifier)
    opened = form(window)
    wait_for(lambda: not window.forms.held_keys.waiting, what="the form has the keyboard")
    wait_for(lambda: getattr(opened, "is_seen", True), what="photos have been looked at")
    QTest.keyClicks(opened.focusWidget() or opened, case.words)
    before = picture(opened)
    while (after := _later(opened)) != before:
        before = after
    return opened


def _later(opened: Any) -> QImage:
    QTest.qWait(250)
    return picture(opened)


def picture(opened: Any) -> QImage:
    return opened.grab().toImage()  # type: ignore[no-any-return]


@pytest.mark.parametrize("name", FORMS)
def test_each_key_that_a_form_shows_does_something(window: Any, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    caps, case = Caps(monkeypatch), FORMS[name]
    left = caps.of(open_form(window, case))
    assert set(left) >= case.least
    for cap in left:
        opened = window.forms._open or open_form(window, case)
        focus = opened.focusWidget() or opened
        if name == "merge" and cap == "1":
            continue  # the one candidate is the chosen one
        if isinstance(focus, Segments) and cap.isdigit() and focus.value() == focus._options[int(cap) - 1][0]:
            QTest.keyClick(focus, Qt.Key.Key_Right if cap == "1" else Qt.Key.Key_Left)
        before = picture(opened)
        asked: list[object] = []
        with monkeypatch.context() as patch:
            around = FormSurroundings(place_wanted=lambda asked=asked: asked.append("place"))
            patch.setattr(window.forms, "_around", around)
            strike(focus, cap)
            wait_for(
                lambda opened=opened, before=before, asked=asked: (
                    asked or window.forms._open is not opened or not opened.isVisible() or picture(opened) != before
                ),
                5,
                f"{cap} in {name}",
            )
        window.forms.close_open()
        wait_for(lambda: window.forms._open is None, what="it has gone")
    window.forms.close_open()
