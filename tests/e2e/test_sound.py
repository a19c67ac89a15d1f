"""A P1 calls the operator of a real window: heard, repeated, seen, taken by a colleague, muted, without an output."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from api_client.model import EditBody, Kind
from console.panels.notifications import attention
from console.server.city.records import Actor
from console.settings import load_settings
from console.sound.tones import Tone
from tests.helpers.city import console, wait_for
from tests.helpers.hands import form, key, wait_notice_read, wait_ready
from tests.helpers.live_server import Live, live_server
from tests.helpers.sound_device import DeviceFile

pytestmark = pytest.mark.usefixtures("qapp")
BUDI = Actor("budi", "operator")
NUMBERS = itertools.count(1)


class Desk:
    """A window with a made-up audio device, at a small city; and whom the desktop was asked to tell."""

    def __init__(self, window: Any, live: Live, device: DeviceFile) -> None:
        self.window, self.live, self.device = window, live, device
        self.alerted: list[QWidget] = []
        self.told: list[str] = []
        window.attention.came.connect(self.told.append)
        self._heard, self._last = 0, list[tuple[Tone, int]]()

    def becomes_p1(self, report: str, priority: int = 1) -> None:
        """A colleague finds that the report is a P1, or none."""
        version = self.live.city.report(report).version
        edit = EditBody(f"edit-{next(NUMBERS)}", Kind.SET, data={"priority": priority})
        self.live.city.apply(edit, report=report, actor=BUDI, if_match=version)

    def hears(self, *tones: Tone, loudness: int = 4) -> bool:
        """Whether these are what was heard since the last time, however often each was repeated."""
        heard = self.device.heard()[self._heard :]
        found, wanted = [one for one, _ in itertools.groupby(heard)], [(tone, loudness) for tone in tones]
        if wanted in (found, found[1:] if found[:1] == self._last else None):
            self._heard, self._last = self._heard + len(heard), found[-1:] or self._last
            return True
        return False

    def wait_heard(self, *tones: Tone, loudness: int = 4) -> None:
        wait_for(
            lambda: self.hears(*tones, loudness=loudness),
            what=lambda: f"{tones}, and not {self.device.heard()[self._heard :]}",
        )

    def figure(self) -> tuple[str, int]:
        """What the top strip says of sound, and how loud."""
        (figure,) = (one.figure for one in self.window.kpi._right if one.figure.key == "sound")
        return figure.parts[-1].value, figure.level

    def see_all(self) -> None:
        """F4 for each notice; one that was taken is told until a crew is on its way."""
        while self.window.banner.notice is not None:
            wait_notice_read(self.window)
            key(self.window, "F4")

    def click(self) -> None:
        """Click on it."""
        (button,) = (one for one in self.window.kpi._right if one.figure.key == "sound")
        QTest.mouseClick(button, Qt.MouseButton.LeftButton)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, qapp: object) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("sound")
    device = DeviceFile(folder / "device", "plays")
    with live_server(folder / "city") as live, pytest.MonkeyPatch.context() as patch:
        patch.setitem(attention.REPEAT_S, Tone.P1, 2.0)
        patch.setattr(attention, "APART_S", 0.5)
        for number in (9, 10):
            live.city.apply(
                EditBody(f"old-{number}", Kind.SET, data={"priority": 1}), report=f"r{number}", actor=BUDI, if_match=1
            )
        with console(folder / "profile", live.url, sound=device.command, size=(1920, 1080)) as window:
            desk = Desk(window, live, device)
            patch.setattr(QApplication, "alert", lambda widget, *_: desk.alerted.append(widget))
            wait_ready(window, looks=False)
            yield desk


def test_a_p1_is_heard_until_it_is_seen_or_taken_and_muting_ends_with_the_next_one(desk: Desk) -> None:
    window = desk.window
    desk.wait_heard(Tone.P1)
    desk.wait_heard(Tone.P1)  # nobody has looked at what stood there
    desk.see_all()
    wait_for(lambda: desk.figure() == ("On", 0), what="an output")
    assert all(text.startswith("P1 without a crew: ") for text in desk.told), "told once, if it was not heard before"
    desk.told.clear()

    desk.becomes_p1("r1")
    desk.wait_heard(Tone.P1)
    assert desk.figure() == ("P1 tone", 2)
    desk.wait_heard(Tone.P1)  # again
    desk.see_all()
    assert desk.figure() == ("On", 0)
    assert desk.told == ["P1 without a crew: Flood, No area"]
    assert "Water" not in desk.told[0], "the reporter's words are for nobody else in the room"

    desk.becomes_p1("r2")
    desk.wait_heard(Tone.P1)
    desk.live.city.apply(EditBody("claim-r2", Kind.CLAIM), report="r2", actor=BUDI)
    desk.wait_heard(Tone.ALL_CLEAR)
    wait_for(lambda: desk.figure() == ("On", 0), what="budi has it")

    key(window, "F10")
    assert desk.figure() == ("Muted", 1)
    wait_for(lambda: load_settings(window.settings._profile).is_muted, what="it is remembered")
    desk.becomes_p1("r3")
    desk.wait_heard(Tone.P1)
    assert desk.figure() == ("P1 tone", 2)
    wait_for(lambda: not load_settings(window.settings._profile).is_muted, what="and that it is over")
    desk.click()
    assert desk.figure() == ("Muted", 1)
    desk.becomes_p1("r3", 3)
    wait_for(lambda: window.attention.calling is None, what="it is none any more")
    desk.click()
    assert desk.figure() == ("On", 0)
    assert desk.hears(), "muted there is no all-clear"


def test_volume_is_chosen_and_tested_and_without_an_output_the_window_says_what_to_do(desk: Desk) -> None:
    window = desk.window
    assert window.actions.run("sound_settings")
    settings = form(window)
    assert settings._sentence.text() == "Heard on: Loudspeaker"
    QTest.keyClick(settings, Qt.Key.Key_4, Qt.KeyboardModifier.AltModifier)
    desk.wait_heard(Tone.ALL_CLEAR)
    QTest.keyClick(settings.loudness, Qt.Key.Key_2)
    QTest.mouseClick(settings.tests["message"], Qt.MouseButton.LeftButton)
    desk.wait_heard(Tone.MESSAGE, loudness=2)  # not yet saved
    desk.device.behave("absent")
    wait_for(lambda: "Connect loudspeakers" in settings._sentence.text(), what="it says so while it is open")
    QTest.keyClick(settings, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    assert load_settings(window.settings._profile).loudness == 2
    assert desk.figure() == ("No sound here", 1)
    desk.click()
    assert "Connect loudspeakers" in form(window)._sentence.text()
    window.forms.close_open()


def test_a_window_that_is_not_in_front_sounds_and_calls_by_the_taskbar_and_one_in_front_does_not(desk: Desk) -> None:
    window, alerted = desk.window, desk.alerted
    window.window.activateWindow()
    wait_for(lambda: QApplication.activeWindow() is window.window, what="it is in front")
    alerted.clear()
    desk.device.behave("plays")
    desk.becomes_p1("r4")
    desk.wait_heard(Tone.P1, loudness=2)  # by a process that is started for it
    assert alerted == []
    desk.see_all()
    window.window.hide()
    wait_for(lambda: QApplication.activeWindow() is None, what="nothing of it is in front")
    desk.becomes_p1("r5")
    desk.wait_heard(Tone.P1, loudness=2)
    # What is heard may be the one before once more.
    wait_for(lambda: alerted == [window.window], what="the taskbar asks for attention")
    wait_for(lambda: window.desktop_notices.pid is None, what="this desktop has no tray, and nothing is put into one")
