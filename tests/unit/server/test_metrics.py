"""Figures for Prometheus: what is counted, under labels that nobody outside chooses."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from console.server.city.city import City
from console.server.city.records import ServeOptions
from console.server.http.app import make_app
from console.server.serve import serve
from tests.helpers.prompt_server import serving
from tests.unit.server.conftest import Api

pytest.importorskip("prometheus_client")
from console.server.http.metrics import measure, told_at

one_database = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def measured(city: City, tmp_path: Path) -> Iterator[tuple[Api, str]]:
    """A client of a server that is measured, and where Prometheus asks."""
    app = make_app(city, tmp_path / "media")
    with told_at(measure(app, city), "127.0.0.1", 0) as told, serving(app) as port:
        api = Api(f"http://127.0.0.1:{port}")
        yield api, f"http://127.0.0.1:{told}/metrics"
        api.session.close()


def figures(url: str) -> dict[str, float]:
    said = requests.get(url, timeout=60).text
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in said.splitlines() if line[:1] != "#"}


def test_requests_edits_and_the_city_are_counted(measured: tuple[Api, str]) -> None:
    api, url = measured
    api.ok("10", "note", {"text": "x"}, key="a-note-of-mine")
    api.ok("10", "note", {"text": "x"}, key="a-note-of-mine")
    refused = api.edit("10", "dispatch", {"unit": "nobody"})
    assert refused.status_code >= 400
    api.get("/reports/11")
    for path in ("/ready", "/readyz"):
        requests.get(f"{api.url}{path}", timeout=60)
    found = figures(url)
    assert found['sigap_request_seconds_count{method="GET",route="/ready",status="200"}'] == 2
    read = 'sigap_request_seconds_count{method="GET",route="/dispatch/v1/reports/{report:path}",status="200"}'
    assert found[read] >= 1
    assert found[f'sigap_edits_total{{kind="dispatch",outcome="{refused.json()["error"]}"}}'] == 1
    assert found['sigap_edits_total{kind="note",outcome="applied"}'] == 1
    assert found['sigap_edits_total{kind="note",outcome="repeated"}'] == 1
    assert found["sigap_reports"] == found["sigap_reports_open"] == 3
    assert (found["sigap_database_up"], found["sigap_streams"], found["sigap_photos"]) == (1, 0, 0)
    assert found["sigap_feed_position"] > 0
    assert found["process_resident_memory_bytes"] > 0


@one_database
def test_no_label_comes_from_outside(measured: tuple[Api, str]) -> None:
    api, url = measured
    api.get("/stats")
    before = {name for name in figures(url) if "route=" in name}
    for number in range(20):
        api.get(f"/reports/nobody-{number}")
        api.get(f"/there/is/nothing/{number}")
        requests.get(f"{api.url}/nor-{number}-here", timeout=60)
        requests.request(f"GUESS{number}", f"{api.url}/dispatch/v1/stats", timeout=60)
    more = {name for name in figures(url) if "route=" in name} - before
    assert not any("nobody" in name or "nothing" in name or "nor-" in name or "GUESS" in name for name in more)
    assert len(more) <= 5 * 16


def test_an_address_for_it_that_is_none_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for address in ("here", "127.0.0.1:", "70000", "127.0.0.1:x"):
        options = ServeOptions(f"sqlite:///{tmp_path / 'city.db'}", port=0, metrics=address)
        assert serve(options) == 2
        assert "is no address for --metrics" in capsys.readouterr().err
