"""How many open reports each user has, by city."""

from __future__ import annotations

import contextlib
from pathlib import Path

from api_client.model import Claim, ClaimOffer, Status
from console.board.holdings import Holding, holdings
from console.board.round import play
from console.cache.reader import CacheReader
from console.cache.writer import CacheWriter
from tests.unit.board.test_round import a_round
from tests.unit.cache.making import T0, at, items, report


def test_open_reports_and_hazards_are_counted_by_city_and_user(tmp_path: Path) -> None:
    writer = CacheWriter(tmp_path)
    rina, budi = Claim("rina", T0), Claim("budi", T0)
    north = [
        report("1", claim=rina, priority=1),
        report("2", claim=rina),
        report("3", claim=budi),
        report("4", claim=budi, status=Status.RESOLVED, closed_at=T0),
        report("5", claim=Claim("siti", T0, ClaimOffer(T0, "siti"))),
        report("6"),
    ]
    writer.apply("north", items(*north), at(9))
    writer.apply("south", items(report("1", claim=rina)), at(9))
    writer.close()
    with contextlib.closing(CacheReader(tmp_path)) as reader:
        played = play(a_round(me="ani"), reader, int(T0.timestamp()))
    cities = played.cities
    assert cities is not None
    assert holdings(played.view.snapshot, cities.code) == {
        ("north", "rina"): Holding(2, 1),
        ("north", "budi"): Holding(1, 0),
        ("south", "rina"): Holding(1, 0),
    }


def test_where_nothing_is_taken_nobody_is_listed(tmp_path: Path) -> None:
    writer = CacheWriter(tmp_path)
    writer.apply("north", items(report("1")), at(9))
    writer.close()
    with contextlib.closing(CacheReader(tmp_path)) as reader:
        played = play(a_round(), reader, int(T0.timestamp()))
    assert played.cities is not None
    assert holdings(played.view.snapshot, played.cities.code) == {}
