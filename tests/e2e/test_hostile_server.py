"""A server that means harm, or has gone mad: whatever its feed says, the window shows the rest and goes on."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtTest import QTest

from console.commands.export import FORMATS, select, write
from console.rules.messages import Source
from console.settings import Settings
from tests.helpers.canary import Canary, canary, foreign_requests
from tests.helpers.city import console, wait_for
from tests.helpers.fake_city import T0, FakeCity, report
from tests.helpers.hostile import texts

pytestmark = pytest.mark.usefixtures("qapp")

ODD_DATA: dict[str, dict[str, Any]] = {
    "hold_word": {"hold": "<b>"},
    "hold_list": {"hold": [1, 2]},
    "status_list": {"status": ["new"], "service": ["x"], "area": {"a": 1}, "agency": [None]},
    "status_unknown": {"status": "<script>", "priority": "{0}", "reason": None},
    "unit_object": {"unit": {"id": "x"}, "state": [1], "text": {"a": 1}},
    "deep": {"hold": {"waits_for": {"a": {"b": {"c": "{}"}}}}},
}
"""Payloads of history entries that no server of ours writes."""

KINDS = ("set", "note", "dispatch", "progress", "unit_state", "validate", "close", "merge", "photo", "<b>kind</b>", "")


@pytest.fixture
def bird() -> Iterator[Canary]:
    with canary() as made:
        yield made
        assert made.hits == []


@pytest.fixture
def city(bird: Canary) -> Iterator[FakeCity]:
    made = FakeCity(page=200)
    for number, (kind, text) in enumerate(texts(bird.url).items()):
        words = text.encode("utf-8", "replace").decode()
        made.put("service", {"id": f"s-{kind}", "code": f"s-{kind}", "name": words[:5000], "glyph": words[:50]})
        made.put("area", {"id": f"a-{kind}", "code": f"a-{kind}", "name": words[:5000], "level": 4,
                          "lat": -6.2 + number / 1000, "lon": 106.8, "parent": f"a-{kind}"})  # fmt: skip
        made.put("unit", {"id": words[:200], "code": words[:500], "state": "available", "state_since": T0,
                          "reason": words[:200], "lat": -6.2, "lon": 106.8, "position_at": T0})  # fmt: skip
        made.put("report", report(f"r-{kind}", description=words, service=f"s-{kind}", area=f"a-{kind}",
                                  status_label=words[:300], title=words[:300], claim={"who": words[:300], "since": T0},
                                  channel=words[:300], remarks=[words[:300]], lat=-6.2, lon=106.8))  # fmt: skip
    ends = {"year_1": "0001-01-01T00:00:00Z", "year_9999": "9999-12-31T23:59:59.999999Z"}
    for name, at in ends.items():
        clocks = [{"name": name, "state": "running", "started": at, "target_s": 2**31, "due": at}]
        made.put(
            "report",
            report(
                name, created=at, updated=at, clocks=clocks, hold={"reason": "", "waits_for": "agency", "until": at}
            ),
        )
        made.put("entry", {"id": f"e-{name}", "report": name, "kind": "note", "at": at, "author": "x", "text": "x"})
        unit = {"id": name, "code": name, "state": "en_route", "lat": 1e300, "lon": -1e300}
        made.put("unit", unit | {"state_since": at, "shift_end": at, "position_at": at})
    for key, place in {"far": (1e308, -1e308), "pole": (90, 180), "over": (91, 181)}.items():
        made.put("report", report(key, lat=place[0], lon=place[1]))
    square = [[[1e300, -1e300], [-1e300, 1e300], [181, 91], [1e300, -1e300]]]
    for key, geometry in {
        "huge": {"type": "Polygon", "coordinates": square},
        "words": {"type": "Polygon", "coordinates": [[["<b>", None], [{}, []], ["1", "2"], ["<b>", None]]]},
        "odd": {"type": "<script>", "coordinates": {"a": 1}},
        "none": {"x": 1},
    }.items():
        made.put("area", {"id": f"g-{key}", "code": f"g-{key}", "name": key, "level": 1, "geometry": geometry})
    made.put("report", report("huge", priority=10**9, duplicates=10**9, version=2**60))
    made.put("report", report("odd"))
    for number, kind in enumerate(KINDS):
        for name, data in ODD_DATA.items():
            entry = {
                "id": f"odd-{number}-{name}",
                "report": "odd",
                "kind": kind,
                "at": T0,
                "author": "<i>",
                "data": data,
            }
            made.put("entry", entry)
    made.put("report", {"id": "broken", "version": "x", "status": 5})
    made.put("<script>", {"id": "unknown kind"})
    made.put("report", report("honest", lat=-6.2, lon=106.81))
    yield made
    made.close()


def test_mad_feed_is_shown_as_far_as_it_makes_sense(city: FakeCity, bird: Canary, tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        asked = foreign_requests(patch)
        with console(tmp_path / "profile", city.url) as window:
            failed: list[Exception] = []
            for signal in (window.board_updater.failed, window.tasks.failed, window.outbox.trouble):
                signal.connect(failed.append)
            sent = sum(kind == "report" for kind, _ in city.objects)
            wait_for(
                lambda: window.window_state.view is not None and window.window_state.view.total == sent - 1,
                30,
                "all but the broken",
            )
            wait_for(lambda: window.screenshot.drawn_view >= 0, 30, "the map")
            for row in window.window_state.view.order.tolist():
                window.window_state.choose(row)
                wait_for(
                    lambda row=row: (
                        window.details_reader.current is not None and window.details_reader.current.row == row
                    )
                )
                assert window.ticket.ticket() is not None
                window.window.repaint()
            window.window_state.choose(window.reader().row_of("city", "odd"))
            wait_for(lambda: window.details_reader.current.key == "odd")
            assert len(window.ticket.ticket().timeline) == len(KINDS) * len(ODD_DATA)
            window._tick()
            window.window_commands.go_to()
            QTest.qWait(1)
            assert window.window.grab().width() > 0
            answers: list[Any] = []
            window.map.page.runJavaScript("window.pwned ?? 0", answers.append)
            wait_for(lambda: answers)
            assert answers == [0]
            assert failed == []
            source = Source("city", "City", city.url, "dispatch", timezone="Asia/Jakarta", user="rina")
            for kind in FORMATS:
                reader, out = window.reader(), tmp_path / f"o.{kind}"
                selection = select(tmp_path / "profile", reader, Settings(sources=[source]), "", datetime.now(UTC))
                assert write(kind, out, selection, reader) == sent - 1, kind
    assert asked == []
    csv.field_size_limit(10**8)
    with (tmp_path / "o.csv").open(encoding="utf-8-sig", newline="") as file:
        assert "honest" in {row["number"] for row in csv.DictReader(file)}
    json.loads((tmp_path / "o.geojson").read_text())
