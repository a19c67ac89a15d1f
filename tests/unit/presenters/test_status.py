"""What must not be missed stays until it is over."""

from __future__ import annotations

from datetime import UTC

from pytestqt.qtbot import QtBot

from console.domain.filter import Filter
from console.presenters.desk import Desk
from console.presenters.sources import Sources
from console.presenters.status import StatusPresenter
from tests.unit.presenters.conftest import NOW
from tests.widgets.sample import make_symbols, make_theme
from widgets.notice import Banner
from widgets.statusbar import StatusBar


def test_only_a_save_ends_what_says_that_nothing_is_saved(qtbot: QtBot) -> None:
    theme = make_theme()
    bar, banner = StatusBar(theme, undo_key="Ctrl Z"), Banner(theme, make_symbols(theme))
    qtbot.addWidget(bar)
    qtbot.addWidget(banner)
    sources = Sources([], UTC, lambda: NOW)
    status = StatusPresenter(bar, banner, Desk("rina", Filter(), UTC), sources, UTC, lambda: NOW)
    status.set_trouble("NOT SAVED: the disk is full")
    status.set_waiting(3)
    status.say("Taken")
    status.set_waiting(0)
    status.show()
    assert banner.notice is not None
    assert banner.notice.bold == "NOT SAVED: the disk is full"
    status.set_trouble("")
    assert banner.notice is None
