"""A report that cannot be read is said not to be, and is read again when asked for."""

from __future__ import annotations

from datetime import UTC

import pytest
from pytestqt.qtbot import QtBot

from api_client.model import Message, Recipient
from console.cache.page_items import MessageCursor, PageItem
from console.cache.reader import CacheReader
from console.cache.writer import CacheWriter
from console.error_text import describe
from console.files.errors import DamagedFile
from console.panels.board_updater import BoardUpdater
from console.panels.report.details import ReportDetails, ReportDetailsReader
from console.panels.report.ticket import TicketController
from tests.helpers.city import wait_for
from tests.unit.panels.conftest import NOW, Rig
from tests.widgets.sample import make_symbols, make_theme
from widgets.__main__ import SECTION_KEYS
from widgets.ticket.panel import TicketPanel


def test_a_report_that_cannot_be_read_is_said_and_tried_again(
    rig: Rig, qtbot: QtBot, expected_log: None, caplog: pytest.LogCaptureFixture
) -> None:
    theme = make_theme()
    panel = TicketPanel(theme, make_symbols(theme), panel_key="Ctrl 4", section_keys=SECTION_KEYS)
    qtbot.addWidget(panel)
    ticket = TicketController(panel, rig.window_state, UTC, lambda: NOW)
    found = rig.cached("A")
    broken = [DamagedFile(rig.profile / "cache.db", "disk image is malformed")]

    def reader() -> CacheReader:
        if broken:
            raise broken[0]
        return found

    board_updater = BoardUpdater(rig.window_state, rig.tasks, reader, lambda: NOW.timestamp(), rig.outbox.remote_of)
    details_reader = ReportDetailsReader(rig.window_state, board_updater, rig.tasks, reader, lambda: NOW)
    read: list[ReportDetails | None] = []
    details_reader.changed.connect(read.append)
    details_reader.changed.connect(ticket.set_details)
    details_reader.failed.connect(lambda error: ticket.say_unread(describe(error)))

    row = found.row_of("city", "A")
    assert row is not None
    rig.window_state.choose(row)
    wait_for(lambda: read == [None], what="it cannot be read")
    assert panel._empty.words() == ("The report cannot be read now", str(broken[0]))
    assert "F5: try again" in panel._empty.accessibleDescription()
    assert f"the report in row {row} could not be read" in caplog.text

    broken.clear()
    details_reader.read()
    wait_for(lambda: len(read) == 2, what="it is read")
    assert details_reader.current is not None
    assert panel.ticket() is not None
    rig.window_state.choose(0)
    assert panel._empty.words()[0] == "No report chosen"


def test_messages_that_are_kept_with_it_stand_in_its_timeline_for_who_may_read_them(rig: Rig, qtbot: QtBot) -> None:
    theme = make_theme()
    panel = TicketPanel(theme, make_symbols(theme), panel_key="Ctrl 4", section_keys=SECTION_KEYS)
    qtbot.addWidget(panel)
    found = rig.cached("A")
    writer = CacheWriter(rig.profile)
    before, after = MessageCursor("rina", "epoch", 1, 0), MessageCursor("rina", "epoch", 1, 2)
    writer.forget_messages("city", before)
    kept = Message("message-1", "rina", NOW, Recipient(unit="11"), "Bring <b>pumps</b>", "A")
    other = Message("message-2", "rina", NOW, Recipient(unit="11"), "Nothing of it")
    items = [PageItem("message", number, one.id, one) for number, one in enumerate((kept, other), start=1)]
    writer.put_messages("city", items, before, after)
    writer.close()
    board_updater = BoardUpdater(
        rig.window_state, rig.tasks, lambda: found, lambda: NOW.timestamp(), rig.outbox.remote_of
    )
    details_reader = ReportDetailsReader(rig.window_state, board_updater, rig.tasks, lambda: found, lambda: NOW)
    ticket = TicketController(panel, rig.window_state, UTC, lambda: NOW)
    details_reader.changed.connect(ticket.set_details)
    row = found.row_of("city", "A")
    assert row is not None
    rig.window_state.choose(row)
    wait_for(lambda: panel.ticket() is not None, what="it is read")
    shown = panel.ticket()
    assert shown is not None
    assert [one.text for one in shown.timeline] == ["Message to SDA-11 by rina: Bring <b>pumps</b>"]
    rig.sit_down("budi")
    details_reader.read()
    wait_for(lambda: details_reader.current is not None and not details_reader.current.messages, what="not for him")
