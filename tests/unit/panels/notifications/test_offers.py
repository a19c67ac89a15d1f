"""What colleagues offer to the operator, read from the cache as it changes."""

from __future__ import annotations

from datetime import UTC
from pathlib import Path

from pytestqt.qtbot import QtBot

from api_client.model import Claim, ClaimOffer, Report, Service, Status
from console.board.round import Round, play
from console.cache.page_items import Cursor, PageItem
from console.cache.reader import CacheReader
from console.cache.writer import CacheWriter
from console.panels.notifications.offers import OfferedReport, Offers
from console.rules.filter import Filter
from tests.helpers.city import wait_for
from tests.unit.panels.conftest import NOW, Rig


def test_an_offer_is_told_though_hundreds_of_reports_change_with_it(qtbot: QtBot, tmp_path: Path) -> None:
    """The link was back after minutes: of all that came at once the newest were read, and no other ever after."""
    rig, writer = Rig(tmp_path), CacheWriter(tmp_path)
    qtbot.addWidget(rig.window)
    offered = Claim("budi", NOW, ClaimOffer(NOW, "budi", "rina"))
    items = [PageItem("service", 1, "flood", Service("flood", "Banjir"))]
    for number in range(450):
        claim = offered if number == 0 else None
        report = Report(f"r{number}", 1, Status.NEW, "flood", 3, "Water", NOW, NOW, claim=claim)
        items.append(PageItem("report", 2 + number, report.id, report))
    writer.apply("city", items, Cursor("e", 500, as_of=NOW))
    reader = CacheReader(tmp_path)
    rig.readers.append(reader)
    told: list[tuple[OfferedReport, ...]] = []
    offers = Offers(
        rig.window_state, rig.tasks, lambda: reader, rig.edit_commands, lambda *_: None, lambda _: NOW
    )  # fmt: skip
    offers.changed.connect(told.append)
    offers._is_begun = True
    job = Round(None, (), {}, {}, {}, None, Filter(), UTC, 500, "rina")
    rig.window_state.set_cities(play(job, reader, int(NOW.timestamp())).cities)
    rig.window_state.rows_touched.emit(frozenset(row for n in range(450) if (row := reader.row_of("city", f"r{n}"))))
    try:
        wait_for(lambda: told, what="it is told")
        assert [one.report for one in told[-1]] == ["r0"]
        wait_for(lambda: not rig.tasks.busy, what="nothing is read in vain")
    finally:
        writer.close()
        rig.close()
