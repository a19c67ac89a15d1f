"""The window that takes the place of another goes on with the open report, its places and what its sources said."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from console.cache.page_items import FIRST_ROW
from console.settings import load_settings
from tests.e2e.test_absence import begun, refuse, send, told
from tests.helpers.city import Served, console, served, wait_for, write_users
from tests.helpers.hands import choose, key, outbox, p1_data, wait_notice_read, wait_ready

pytestmark = pytest.mark.usefixtures("qapp")


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("succession")
    users = str(write_users(folder))
    with served(folder, "--demo-city", "--still", "--reports", "900", "--users", users) as server:
        yield server


def report_at(window: Any, place: int) -> str:
    return str(window.reader().report(int(window.window_state.view.order[place])).report.id)


def told_refusal(city: Served, window: Any) -> list[tuple[str, str]]:
    """A crew that was sent to a P2 refuses, and that is told."""
    refuse(city, *send(window, set()))
    wait_for(lambda: told(window), what="it is told")
    return told(window)


def figure(window: Any, key_: str) -> Any:
    return next(one for one in window.kpi_controller._right() if one.key == key_)


def test_where_the_report_replaces_the_map_the_open_report_stays_open(city: Served, tmp_path: Path) -> None:
    with console(tmp_path, city.address, size=(1366, 640)) as window:
        wait_ready(window)
        choose(window, report_at(window, 40))
        row = window.window_state.row
        for number in range(8):
            window.edit_commands.note(window.details_reader.current, f"Seen {number}")
        window.window.focus_panel("report")
        window.ticket.unfold("timeline")
        bar = window.ticket._scroll.verticalScrollBar()
        wait_for(lambda: bar.maximum() > 200, what="much more than there is room for: photos, advice, timeline")
        bar.setValue(bar.maximum())
        top = window.queue.view.first_in_sight()
        window.outbox.save_draft("note:city:1", {"text": "gas smell"})
        wait_for(lambda: window.units_controller.newest_positions, what="the stream has said where the units are")
        window.actions.run("text_larger")
        wait_for(lambda: window.handover is not None, what="another window is asked for")
        kept = window.handover
        positions = window.units_controller.newest_positions
    assert (kept.row, kept.reads, kept.panel, kept.first_row) == (row, True, "report", top)
    assert kept.read_part > 0.2
    assert kept.positions == positions
    with console(tmp_path, city.address, size=(1366, 640), text_scale=1.1) as window:
        told: list[str] = []
        window.drafts.long_message.connect(told.append)
        window.take_up(kept)
        assert window.units_controller.newest_positions == positions
        assert window.window._narrow
        assert window.ticket.isVisible()
        assert not window.map.isVisible()
        age = figure(window, "data")
        assert age.label == "Live data", "it is not loaded for the first time"
        assert age.parts[0].value.endswith(" ago")
        assert [cell.text for cell in window.sources.cells()] == ["Connecting"], "as nobody has answered this one yet"
        assert figure(window, "outbox").parts[0].value == "–", "what has not been read is not none"
        wait_for(lambda: window.situation.chosen is not None, what="the report is read")
        assert window.window_state.row == row
        wait_for(lambda: window.window.current_panel() == "report", what="the keyboard is where it was")
        assert window.ticket.isVisible()
        bar = window.ticket._scroll.verticalScrollBar()
        wait_for(
            lambda: abs(window.ticket.read_part() - kept.read_part) < 0.1 and bar.maximum(),
            what="it is read on where it was read",
        )
        view = window.queue.view
        assert abs(view.rows.position(view.first_in_sight()) - view.rows.position(top)) <= 12
        assert view.rows.position(row) in view.rows_in_sight()
        wait_for(lambda: figure(window, "outbox").parts[0].value == "0", what="the outbox is read")
        assert window.outbox.draft("note:city:1") is not None
        assert told == [], "a text that was left is told at a start, and not at each other size"
        wait_for(lambda: window.sources.cells()[0].text.startswith("Server"), what="connected")


def test_keys_typed_before_the_report_is_read_are_for_that_report(city: Served, tmp_path: Path) -> None:
    with console(tmp_path, city.address) as window:
        wait_ready(window)
        choose(window, report_at(window, 3))
        row = window.window_state.row
        window.actions.run("text_larger")
        wait_for(lambda: window.handover is not None, what="another window is asked for")
        kept = window.handover
    with console(tmp_path, city.address) as window:
        window.take_up(kept)
        window.window.activateWindow()
        wait_for(window.window.isActiveWindow, what="it has the keyboard")
        assert window.situation.chosen is None
        QTest.keyClick(window.window.windowHandle(), Qt.Key.Key_J)
        wait_for(lambda: window.situation.chosen is not None, what="the report is read")
        order = window.window_state.view.order.tolist()
        following = order[order.index(row) + 1]
        wait_for(lambda: window.window_state.row == following, what="then it is typed")
        key(window, "K")
        wait_for(lambda: window.window_state.row == row, what="and the next one goes there at once")


def test_what_the_operator_has_not_seen_is_told_after_a_new_start_too(city: Served, tmp_path: Path) -> None:
    """Twenty red notices, and that a crew had refused, were gone after the window was closed and opened."""
    with console(tmp_path, city.address) as window:
        wait_ready(window)
        begun(window)
        data = p1_data(window)
        known = set(window.window_state.view.hazards.tolist())
        window.edit_commands.create("city", data, "local:left", "Water rises")
        wait_for(lambda: not outbox(window), what="it is at the server")
        wait_for(
            lambda: [one.row for one in window.hazards.unseen if one.row not in known and one.row >= FIRST_ROW],
            what="it is told",
        )
        refused = told_refusal(city, window)
        window.window.close()
    with console(tmp_path, city.address, kept=load_settings(tmp_path)) as window:
        wait_ready(window, looks=False)
        begun(window)
        assert window.banner.notice.bold == "New P1 without a crew:"
        wait_for(lambda: window.banner.notice.text.endswith(": Water rises"), what="the same one")
        wait_for(lambda: window.lost_orders.setbacks, what="and a crew of a P2 that does not come")
        assert told(window) == refused
        assert (window.banner._more, window.banner._beside) == (0, 1), "and no P1 that was looked at, or there before"


def test_what_the_operator_has_not_seen_is_told_by_the_next_window_too(city: Served, tmp_path: Path) -> None:
    """A larger text took the notice away that a crew does not come."""
    with console(tmp_path, city.address) as window:
        wait_ready(window)
        begun(window)
        data = p1_data(window)
        before = set(window.window_state.view.hazards.tolist())
        window.edit_commands.create("city", data, "local:new", "Water rises")
        wait_for(lambda: not outbox(window), what="it is at the server")
        wait_for(
            lambda: [
                row for row in window.window_state.view.hazards.tolist() if row not in before and row >= FIRST_ROW
            ],
            what="and came back",
        )
        refused = told_refusal(city, window)
        window.actions.run("text_larger")
        wait_for(lambda: window.handover is not None, what="another window is asked for")
        kept = window.handover
    with console(tmp_path, city.address, text_scale=1.1) as window:
        window.take_up(kept)
        wait_ready(window, looks=False)
        wait_for(lambda: window.banner._beside == 1, what="both")
        assert window.banner.notice.bold == "New P1 without a crew:"
        wait_notice_read(window)
        window.actions.run("lost_seen")
        assert told(window) == refused
        assert window.banner.notice.bold == refused[0][1]
